// Package shd tells a council whose own system speaks the Supported Hospital
// Discharge interface of Nottinghamshire: the same calls that Homeward takes from
// hospitals (docs/interfaces/shd.md), outward. What a call says is translate/stu3's;
// nothing here reads a case, and SHD has no call by which a council answers.
package shd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"homeward/connect"
	"homeward/connect/httpsend"
	"homeward/fhir"
	"homeward/translate/stu3"
)

// Config is one council.
type Config struct {
	HTTP httpsend.Config // URL is the base: https://council.example/ReferralService/v3
	XML  bool            // send XML, and not JSON
}

// Connector is a connect.Connector. Make it with New.
type Connector struct {
	format fhir.Format
	http   *httpsend.Client
}

// New makes it. It asks the network nothing.
func New(c Config) (*Connector, error) {
	h, err := httpsend.New(c.HTTP)
	if err != nil {
		return nil, err
	}
	s := &Connector{http: h}
	if c.XML {
		s.format = fhir.XML
	}
	return s, nil
}

// What stands in Message.Head.
const (
	headMethod = "method"
	headPath   = "path"
	headQuery  = "query"
	headIfNone = "If-None-Exist"
)

// Make writes the call. News of the council's own work are not told: SHD goes to
// the council only.
func (s *Connector) Make(n connect.News) (connect.Message, error) {
	calls, err := stu3.Calls(stu3.News{What: string(n.Kind), At: n.At, Referral: n.Referral, Paper: n.Paper, NoteID: n.NoteID, Shown: n.Shown})
	if err != nil || len(calls) == 0 {
		return connect.Message{}, err
	}
	if len(calls) > 1 {
		return connect.Message{}, errors.New("the news are more than one call")
	}
	c := calls[0]
	body, err := fhir.Write(c.Body, s.format, fhir.STU3)
	if err != nil {
		return connect.Message{}, fmt.Errorf("writing the resource: %w", err)
	}
	m := connect.Message{Key: n.Key, Correlation: n.Correlation, Kind: n.Kind, Type: fhir.MediaType(s.format), Body: body, At: n.Shown.Now,
		Head: map[string]string{headMethod: c.Method, headPath: c.Path}}
	if c.Query != "" {
		m.Head[headQuery] = c.Query
	}
	for k, v := range c.Head {
		m.Head[k] = v
	}
	return m, nil
}

// Send makes the call. That what is created is there already is as good as new.
func (s *Connector) Send(ctx context.Context, m connect.Message) (connect.Receipt, error) {
	query, err := url.ParseQuery(m.Head[headQuery])
	if err != nil {
		return connect.Receipt{}, &connect.Refused{Text: "The message cannot be sent: its address cannot be read"}
	}
	h := http.Header{"Accept": {m.Type}, "X-Request-Id": {m.Key}, "X-Correlation-Id": {m.Correlation}}
	if v := m.Head[headIfNone]; v != "" {
		h.Set(headIfNone, v)
	}
	a, err := s.http.Do(ctx, m.Head[headMethod], m.Head[headPath], query, h, m.Body, m.Type)
	again := a.Status == http.StatusConflict && m.Head[headMethod] == http.MethodPost && !differs(a)
	switch {
	case err != nil && !again:
		return connect.Receipt{}, err
	case again:
		return connect.Receipt{Received: true, Again: true, Reference: reference(a, m), Detail: "It was there before"}, nil
	}
	return connect.Receipt{Received: true, Again: a.Status == http.StatusOK && m.Head[headIfNone] != "", Reference: reference(a, m), Detail: said(a.Status)}, nil
}

func said(status int) string {
	if status == http.StatusCreated {
		return "Taken"
	}
	return "Brought up to date"
}

// differs reports whether a conflict is about other content: then a person must look.
func differs(a httpsend.Answer) bool {
	format := fhir.JSON
	if strings.Contains(a.Header.Get("Content-Type"), "xml") {
		format = fhir.XML
	}
	n, err := fhir.Parse(a.Body, format, fhir.STU3, fhir.Limits{})
	return err == nil && n.Str("issue.code") == "conflict"
}

// reference is the id that the council's system gave a referral: the end of
// Location. Of all else it is nobody's business.
func reference(a httpsend.Answer, m connect.Message) string {
	at, err := url.Parse(a.Header.Get("Location"))
	if err != nil || m.Head[headPath] != "/ReferralRequest" {
		return ""
	}
	_, rest, found := strings.Cut(at.Path, "/ReferralRequest/")
	id, _, _ := strings.Cut(rest, "/")
	if !found || len(id) > 64 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return ""
	}
	return id
}

// Check asks whether the council's system answers.
func (s *Connector) Check(ctx context.Context) error { return s.http.Reach(ctx) }
