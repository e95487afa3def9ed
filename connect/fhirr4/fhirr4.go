// Package fhirr4 tells a FHIR R4 server what happened: by one transaction of
// conditional creates and updates, or by one resource. What is said is
// translate/r4's. It reads nothing back but the code of an error and where
// something was made, and it does not poll.
package fhirr4

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"homeward/connect"
	"homeward/connect/httpsend"
	"homeward/fhir"
	"homeward/translate/r4"
)

// Config is one server.
type Config struct {
	HTTP httpsend.Config // its base: https://council.example/fhir/R4
	// Single sends one resource for each piece of news, with the person and the stay
	// contained, for servers that take no transactions.
	Single bool
	XML    bool // send XML, and not JSON
}

// FHIR is a connect.Connector.
type FHIR struct {
	config Config
	http   *httpsend.Client
}

// New makes it. The error says what of the configuration is to be mended.
func New(c Config) (*FHIR, error) {
	h, err := httpsend.New(c.HTTP)
	if err != nil {
		return nil, err
	}
	return &FHIR{config: c, http: h}, nil
}

// Make writes the transaction, or the resource that the news are of.
func (f *FHIR) Make(n connect.News) (connect.Message, error) {
	r, ok := n.About()
	if !ok {
		return connect.Message{}, nil // news of somebody who was not referred
	}
	t := r4.Telling{Key: n.Key, At: n.Shown.Now, Referral: r.ID, From: n.From, To: n.To, Response: n.From == r.To && n.To == r.From,
		Reason: map[bool]string{true: "new", false: "update"}[n.Kind == connect.Refer], Paper: n.Paper, Note: n.NoteID}
	format := fhir.JSON
	if f.config.XML {
		format = fhir.XML
	}
	m := connect.Message{Key: n.Key, Correlation: n.Correlation, Kind: n.Kind, Type: fhir.MediaType(format), At: n.Shown.Now, Head: map[string]string{"method": http.MethodPost}}
	var tree *fhir.Node
	var err error
	if f.config.Single {
		var by, typ string
		if typ = single(n, t); typ == "" {
			return connect.Message{}, nil
		}
		if tree, by, err = r4.Single(n.Shown, t, typ); tree == nil && err == nil {
			return connect.Message{}, nil
		}
		m.Head = map[string]string{"method": http.MethodPut, "path": typ, "query": by}
		if typ == "Communication" { // a note is made once and never changed
			m.Head = map[string]string{"method": http.MethodPost, "path": typ, "ifNoneExist": by}
		}
	} else {
		tree, err = r4.Transaction(n.Shown, t)
	}
	if err != nil {
		return connect.Message{}, fmt.Errorf("writing FHIR: %w", err)
	}
	if m.Body, err = fhir.Write(tree, format, fhir.R4); err != nil {
		return connect.Message{}, fmt.Errorf("writing FHIR: %w", err)
	}
	return m, nil
}

// single is the type of the one resource that news are of.
func single(n connect.News, t r4.Telling) string {
	switch {
	case n.NoteID != "":
		return "Communication"
	case n.Paper != "":
		return "QuestionnaireResponse"
	case t.Response || n.Kind == connect.Status:
		return "Task"
	case n.Kind == connect.Update || n.Kind == connect.Discharge:
		return "Encounter"
	}
	return "ServiceRequest"
}

// Send sends it once. Conditional creates and updates make the same sent twice one.
func (f *FHIR) Send(ctx context.Context, m connect.Message) (connect.Receipt, error) {
	h := http.Header{"Accept": {"application/fhir+json, application/fhir+xml;q=0.9"}, "X-Request-Id": {m.Key}, "X-Correlation-Id": {m.Correlation}, "Prefer": {"return=minimal"}}
	if v := m.Head["ifNoneExist"]; v != "" {
		h.Set("If-None-Exist", v)
	}
	query, err := url.ParseQuery(m.Head["query"])
	if err != nil {
		return connect.Receipt{}, &connect.Refused{Text: "The message has no address that can be asked."}
	}
	a, err := f.http.Do(ctx, m.Head["method"], m.Head["path"], query, h, m.Body, m.Type)
	var refused *connect.Refused
	switch {
	case errors.As(err, &refused):
		return connect.Receipt{}, explained(refused, a)
	case err != nil:
		return connect.Receipt{}, err
	case m.Head["path"] == "":
		return transacted(a)
	}
	r := connect.Receipt{Received: true, Again: a.Status == http.StatusOK && m.Head["ifNoneExist"] != "", Reference: made(a.Header.Get("Location"), m.Head["path"])}
	r.Detail = map[bool]string{true: "Created", false: "Updated"}[a.Status == http.StatusCreated]
	return r, nil
}

// transacted reads the answer to a transaction: a Bundle with the status of each
// entry. Another answer is somebody else's, and is not taken for one.
func transacted(a httpsend.Answer) (connect.Receipt, error) {
	tree, err := parsed(a)
	if err != nil || tree.Type() != "Bundle" || tree.Str("type") != "transaction-response" {
		return connect.Receipt{}, fmt.Errorf("%w as a FHIR server does to a transaction", connect.ErrDown)
	}
	r := connect.Receipt{Received: true, Detail: "Taken"}
	for _, e := range tree.All("entry.response") {
		if s := e.Str("status"); s != "" && !strings.HasPrefix(s, "2") {
			return connect.Receipt{}, &connect.Refused{Text: "The other system answered that part of it was not taken.", Status: a.Status}
		}
		if ref := made(e.Str("location"), "ServiceRequest"); ref != "" {
			r.Reference = ref
		}
	}
	return r, nil
}

// made is the id under which the far side keeps a resource of a type, by its
// address; "" when the address is of another one.
func made(location, typ string) string {
	_, rest, ok := strings.Cut("/"+location, "/"+typ+"/")
	id, _, _ := strings.Cut(rest, "/")
	if !ok || utf8.RuneCountInString(id) > 64 || strings.ContainsFunc(id, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return ""
	}
	return id
}

func parsed(a httpsend.Answer) (*fhir.Node, error) {
	format, _, ok := fhir.FormatOf(a.Header.Get("Content-Type"))
	if !ok || a.Cut {
		return nil, errors.New("the answer is not FHIR, or too long")
	}
	return fhir.Parse(a.Body, format, fhir.R4, fhir.Limits{})
}

// codes are the codes of an issue that a person is told, in words. Text that the far
// side wrote is never repeated.
var codes = map[string]string{
	"required": "something that it needs is missing", "value": "a value is not one that it takes", "invariant": "one of its rules does not hold", "structure": "it cannot read it",
	"not-supported": "it does not support this", "not-found": "it does not know what this is about", "multiple-matches": "it has several that fit", "conflict": "it was changed meanwhile",
	"duplicate": "it is there already", "business-rule": "one of its rules forbids it", "forbidden": "we are not allowed to", "code-invalid": "a code is not one that it takes", "processing": "it could not work on it",
}

func explained(r *connect.Refused, a httpsend.Answer) error {
	tree, err := parsed(a)
	if err != nil || tree.Type() != "OperationOutcome" {
		return r
	}
	if words := codes[tree.Str("issue.code")]; words != "" {
		return &connect.Refused{Text: r.Text + " It says: " + words + ".", Status: r.Status}
	}
	return r
}

// Check asks what the server can do, which tells it nothing.
func (f *FHIR) Check(ctx context.Context) error {
	_, err := f.http.Do(ctx, http.MethodGet, "metadata", nil, http.Header{"Accept": {"application/fhir+json"}}, nil, "")
	return err
}

// StateIsEnough reports the kinds whose messages tell how all stands.
func (f *FHIR) StateIsEnough(k connect.Kind) bool {
	return k == connect.Update || k == connect.Status
}
