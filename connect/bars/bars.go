// Package bars tells another system by BaRS messages: a council's what hospitals
// ask, a hospital's what the council does with what came from it by BaRS. What a
// message says is translate/r4's. It does not receive (api does), and does not ask
// the national catalogue of endpoints where somebody is.
package bars

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"homeward/care"
	"homeward/connect"
	"homeward/connect/httpsend"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate/r4"
)

// Config is one receiver.
type Config struct {
	HTTP httpsend.Config // its base: https://api.service.nhs.uk/booking-and-referral/FHIR/R4
	// Target is the receiver's service as "system|value" (NHSD-Target-Identifier), such
	// as https://fhir.nhs.uk/Id/dos-service-id|1234567; "" is its organisation's ODS code.
	Target  string
	Source  string // ours, to which responses are to be sent; "" is the sender's ODS code
	Version string // of Homeward, as the receiver is told it
}

// Bars is a connect.Connector.
type Bars struct {
	config Config
	http   *httpsend.Client
}

// New makes it. The error says what of the configuration is to be mended.
func New(c Config) (*Bars, error) {
	for _, s := range []string{c.Target, c.Source} {
		if system, value, ok := strings.Cut(s, "|"); s != "" && (!ok || system == "" || value == "") {
			return nil, errors.New("a BaRS service is written as system|value, like https://fhir.nhs.uk/Id/dos-service-id|1234567")
		}
	}
	h, err := httpsend.New(c.HTTP)
	if err != nil {
		return nil, err
	}
	return &Bars{config: c, http: h}, nil
}

// odsSystem is the system of services that are named by their organisation.
const odsSystem = "https://fhir.nhs.uk/Id/ods-organization-code"

// Make writes the message. A hospital whose referral did not come by BaRS is told
// nothing: a response must name the message that it answers (BaRS 1.5).
func (b *Bars) Make(n connect.News) (connect.Message, error) {
	r, ok := n.About()
	if !ok {
		return connect.Message{}, nil // news of somebody who was not referred
	}
	t := r4.Telling{Key: n.Key, At: n.Shown.Now, Referral: r.ID, From: n.From, To: n.To, Reason: reason(n, r), Version: b.config.Version,
		Source: b.config.Source, Destination: b.config.Target, Paper: n.Paper, Note: n.NoteID}
	correlation := n.Correlation
	if n.From == r.To && n.To == r.From {
		came, ok := r4.CameOf(n.Shown, r.ID)
		if !ok {
			return connect.Message{}, nil
		}
		t.Response, t.Answers, t.Final = true, came.Bundle, !r.Open()
		if t.Destination == "" {
			t.Destination = came.Source
		}
		if came.Correlation != "" {
			correlation = came.Correlation // BaRS 1.5: the same for all that is said about one request
		}
	}
	tree, err := r4.Message(n.Shown, t)
	if err != nil {
		return connect.Message{}, fmt.Errorf("writing the BaRS message: %w", err)
	}
	body, err := fhir.Write(tree, fhir.JSON, fhir.R4)
	if err != nil {
		return connect.Message{}, fmt.Errorf("writing the BaRS message: %w", err)
	}
	head := heads(n, t)
	head["X-Correlation-Id"] = correlation
	return connect.Message{Key: n.Key, Correlation: n.Correlation, Kind: n.Kind, Type: "application/fhir+json; version=1.4.0", At: n.Shown.Now, Body: body, Head: head}, nil
}

// reason is new for a referral and for the first word about one, delete for one that
// was taken back, else update. BaRS 1.5 message-reason-bars.
func reason(n connect.News, r care.Referral) string {
	gone := r.State == care.RefWithdrawn || r.State == care.RefCancelled || r.State == care.RefDied || r.State == care.RefTransferred
	switch {
	case n.From == r.To:
		return "update"
	case n.Kind == connect.Refer && !gone:
		return "new"
	case gone:
		return "delete"
	}
	return "update"
}

// heads are the headers that BaRS wants besides the ids. BaRS API 1.4.
func heads(n connect.News, t r4.Telling) map[string]string {
	system, value, ok := strings.Cut(t.Destination, "|")
	if !ok {
		system, value = odsSystem, string(n.To)
	}
	event := r4.EventRequest
	if t.Response {
		event = r4.EventResponse
	}
	return map[string]string{
		"NHSD-Target-Identifier":     encoded(map[string]string{"value": value, "system": system}),
		"NHSD-End-User-Organisation": encoded(organization(n.From, n.Shown.Orgs[n.From].Name)),
		"NHSD-Requesting-Software":   encoded(map[string]any{"resourceType": "Device", "deviceName": []map[string]string{{"name": "Homeward", "type": "manufacturer-name"}}}),
		"use-context":                r4.UseCase + "|referral|" + event + "|" + t.Reason,
	}
}

func organization(code nhs.ODS, name string) map[string]any {
	return map[string]any{"resourceType": "Organization", "identifier": []map[string]string{{"system": odsSystem, "value": string(code)}}, "name": name}
}

// encoded is JSON in base64; its keys are in order, so that it is the same each time.
func encoded(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "" // of maps and strings there is none
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// Send posts it. The same message has the same ids at each try, so that the receiver
// knows it again: 409 with the issue duplicate is as good as taken.
func (b *Bars) Send(ctx context.Context, m connect.Message) (connect.Receipt, error) {
	h := http.Header{"X-Request-Id": {m.Key}, "Accept": {"application/fhir+json; version=1.4.0"}}
	for k, v := range m.Head {
		h.Set(k, v)
	}
	a, err := b.http.Do(ctx, http.MethodPost, "$process-message", nil, h, m.Body, m.Type)
	var refused *connect.Refused
	switch {
	case err == nil:
		return receipt(a)
	case errors.As(err, &refused) && a.Status == http.StatusConflict && issue(a) == "duplicate":
		return connect.Receipt{Received: true, Again: true, Detail: "It had this message before"}, nil
	case errors.As(err, &refused):
		return connect.Receipt{}, explained(refused, a)
	}
	return connect.Receipt{}, err
}

// receipt reads the acknowledgement, which is a message of its own. Another answer
// is somebody else's: it is not taken for one.
func receipt(a httpsend.Answer) (connect.Receipt, error) {
	tree, err := parsed(a)
	if err != nil || tree.Type() != "Bundle" {
		return connect.Receipt{}, fmt.Errorf("%w as a receiver of BaRS does", connect.ErrDown)
	}
	r := connect.Receipt{Received: true, Detail: "Acknowledged"}
	for _, n := range tree.All("entry.resource") {
		if n.Type() != "ServiceRequest" && n.Type() != "Encounter" {
			continue
		}
		for _, id := range n.All("identifier") {
			if id.Str("type.coding.code") == "FILL" {
				r.Reference = printable(id.Str("value"))
			}
		}
	}
	return r, nil
}

func parsed(a httpsend.Answer) (*fhir.Node, error) {
	if a.Cut {
		return nil, errors.New("the answer is too long")
	}
	format, _, ok := fhir.FormatOf(a.Header.Get("Content-Type"))
	if !ok && strings.Contains(a.Header.Get("Content-Type"), "json") {
		format, ok = fhir.JSON, true // with BaRS's own version behind it
	}
	if base, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";"); !ok {
		format, _, ok = fhir.FormatOf(base)
	}
	if !ok {
		return nil, errors.New("the answer is not FHIR")
	}
	return fhir.Parse(a.Body, format, fhir.R4, fhir.Limits{})
}

func printable(s string) string {
	if utf8.RuneCountInString(s) > 64 || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return ""
	}
	return s
}

// issue is the first code of an OperationOutcome; "" when it is none.
func issue(a httpsend.Answer) string {
	tree, err := parsed(a)
	if err != nil || tree.Type() != "OperationOutcome" {
		return ""
	}
	return tree.Str("issue.code")
}

// codes are the codes of an issue that a person is told, in words. Text that the far
// side wrote is never repeated.
var codes = map[string]string{
	"conflict": "it knows something newer of this referral", "duplicate": "it had it before", "required": "something that it needs is missing",
	"invariant": "event, reason and use case do not go together for it", "not-supported": "it does not support this version or use case", "not-found": "it does not know the referral",
	"business-rule": "one of its rules forbids it", "value": "a value is not one that it takes", "forbidden": "we are not allowed to", "structure": "it cannot read the message",
}

func explained(r *connect.Refused, a httpsend.Answer) error {
	if words := codes[issue(a)]; words != "" {
		return &connect.Refused{Text: r.Text + " It says: " + words + ".", Status: r.Status}
	}
	return r
}

// Check asks what the receiver can do, which tells it nothing.
func (b *Bars) Check(ctx context.Context) error {
	_, err := b.http.Do(ctx, http.MethodGet, "metadata", nil, http.Header{"Accept": {"application/fhir+json; version=1.4.0"}}, nil, "")
	return err
}

// StateIsEnough reports the kinds whose messages tell how all stands.
func (b *Bars) StateIsEnough(k connect.Kind) bool { return k == connect.Update || k == connect.Status }
