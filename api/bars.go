package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
	"homeward/nhs"
	"homeward/translate"
	"homeward/translate/r4"
)

// barsRoutes is the face for messages in the way of BaRS (docs/interfaces/bars.md):
// requests of hospitals, and responses of councils to what Homeward sent them.
func (f *Faces) barsRoutes() {
	b := &bars{running: map[string]bool{}}
	fc := f.add(face{name: "bars", base: "/booking-and-referral/FHIR/R4", version: fhir.R4, title: "Homeward: referrals by BaRS messages", since: "2026-11-22", details: true})
	fc.on(http.MethodGet, "/metadata", "", barsCapability)
	fc.on(http.MethodGet, "/MessageDefinition", BaRSScope, b.with(barsDefinitions))
	fc.on(http.MethodPost, "/$process-message", BaRSScope, b.with(b.process))
	fc.on(http.MethodGet, "/ServiceRequest", BaRSScope, b.with(barsNoIdentifiers))
	fc.on(http.MethodPost, "/ServiceRequest/_search", BaRSScope, b.with(barsSearch))
	fc.on(http.MethodGet, "/ServiceRequest/{id}", BaRSScope, b.with(barsRead))
}

// barsLongest is how long a message may take: BaRS 1.5 wants all answers in 5 s.
const barsLongest = 5 * time.Second

// bars is what the face remembers: the requests that are being carried out now.
type bars struct {
	mu      sync.Mutex
	running map[string]bool
}

// barsTarget is whom a message is for, by the header NHSD-Target-Identifier.
type barsTarget struct {
	Value  string `json:"value"`
	System string `json:"system"`
}

// with checks the headers that every request but /metadata must have. The header
// use-context is not looked at, as receivers must not. BaRS API 1.4.
func (b *bars) with(do func(*call, barsTarget) error) interaction {
	return func(c *call) error {
		var issues []fhir.Issue
		for _, name := range []string{"X-Request-Id", "X-Correlation-Id"} {
			switch v := c.r.Header.Get(name); {
			case v == "":
				issues = append(issues, fhir.Issue{Code: "required", Diagnostics: "The header " + name + " is missing"})
			case !isUUID(strings.ToLower(v)):
				issues = append(issues, fhir.Issue{Code: "invalid", Diagnostics: "The header " + name + " must be a UUID"})
			}
		}
		var to barsTarget
		switch v := c.r.Header.Get("NHSD-Target-Identifier"); {
		case v == "":
			issues = append(issues, fhir.Issue{Code: "required", Diagnostics: "The header NHSD-Target-Identifier is missing"})
		case !decoded(v, &to) || to.Value == "" || to.System == "":
			issues = append(issues, fhir.Issue{Code: "invalid", Diagnostics: `The header NHSD-Target-Identifier must be {"system":"...","value":"..."} in base64`})
		}
		for _, name := range []string{"NHSD-End-User-Organisation", "NHSD-Requesting-Practitioner", "NHSD-Requesting-Software"} {
			var any map[string]any
			if v := c.r.Header.Get(name); v != "" && !decoded(v, &any) {
				issues = append(issues, fhir.Issue{Code: "invalid", Diagnostics: "The header " + name + " must be a resource in base64"})
			}
		}
		if len(issues) > 0 {
			return &answerError{status: http.StatusBadRequest, issues: issues}
		}
		return do(c, to)
	}
}

// decoded reads JSON in base64, with and without padding.
func decoded(v string, to any) bool {
	raw, err := base64.StdEncoding.DecodeString(v)
	if err != nil {
		if raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(v, "=")); err != nil {
			return false
		}
	}
	return json.Unmarshal(raw, to) == nil
}

// council is the council that a target names by its ODS code; "" for another name.
func (t barsTarget) council() nhs.ODS {
	if !strings.Contains(strings.ToLower(t.System), "/id/ods-") {
		return ""
	}
	code, err := nhs.ParseODS(t.Value)
	if err != nil {
		return ""
	}
	return code
}

// process takes a message: 200 and a message that acknowledges it; 409 duplicate for
// the same again, 409 conflict for one that is older than what is known, 425 while
// the same is being carried out. BaRS 1.5 transactional integrity.
func (b *bars) process(c *call, to barsTarget) error {
	tree, err := c.body()
	if err != nil {
		return err
	}
	if issues := impossible(tree); len(issues) > 0 {
		return &fhir.Error{Issues: issues}
	}
	by := r4.Sender{Source: care.Source{Feed: c.name + ":" + c.client(), Name: c.by.Name, Org: c.by.Org}, Kind: c.by.OrgKind, At: c.faces.Clock(),
		Correlation: strings.ToLower(c.r.Header.Get("X-Correlation-Id"))}
	q, a, err := r4.ReadMessage(tree, by)
	if err != nil {
		return err
	}
	key := c.client() + " " + strings.ToLower(c.r.Header.Get("X-Request-Id"))
	if !b.begin(key) {
		c.kept = true // the same, which is being carried out, is kept
		return no(http.StatusTooEarly, "transient", "The same request is being carried out. Ask again later, with the same ids")
	}
	defer b.end(key)
	if r, ok := firstCommand(q.Commands).(care.Refer); ok && r.To == "" {
		r.To = to.council()
		q.Commands[0] = r
	}
	if a.Reason != "new" || a.Event == r4.EventResponse {
		q.Key = "bars|" + a.Bundle
	}
	return c.barsTake(q, a)
}

// impossible are the primitives that cannot be, such as a date that does not exist.
// Whatever else of the resources is not as it should be is taken: published examples
// of BaRS have single values for arrays, and leave out what FHIR requires.
func impossible(n *fhir.Node) (out []fhir.Issue) {
	for _, i := range fhir.Check(n, fhir.R4) {
		if i.Code == "value" {
			out = append(out, i)
		}
	}
	return out
}

func firstCommand(cmds []care.Command) care.Command {
	if len(cmds) == 0 {
		return nil
	}
	return cmds[0]
}

func (b *bars) begin(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running[key] {
		return false
	}
	b.running[key] = true
	return true
}

func (b *bars) end(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, key)
}

func (c *call) barsTake(q translate.Request, a r4.Answer) error {
	ctx, stop := context.WithTimeout(c.r.Context(), barsLongest)
	defer stop()
	c.r = c.r.WithContext(ctx)
	in := c.inbound(a.Event + " " + a.Reason)
	in.Fit = r4.Resolve
	if a.Event == r4.EventRequest && a.Reason != "new" && !a.At.IsZero() {
		q.IfMatch, in.Version = fresh, barsFresh(q, a)
	}
	c.kept = true
	taken, err := c.faces.Hub.Take(ctx, c.by, in, q)
	var told *care.Error
	switch {
	case errors.As(err, &told) && told.Field == "If-Match":
		return no(http.StatusConflict, "conflict", "What is known of this referral is newer than this message. Read it, and send what is so now")
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return no(http.StatusRequestTimeout, "timeout", "It took too long. Ask again with the same ids: nothing is done twice")
	case care.KindOf(err) == care.Duplicate:
		// To a sender of BaRS 1.5: 409 duplicate means that all is well, and it is not: this is another referral.
		return no(http.StatusUnprocessableEntity, "business-rule", "There is an open referral for this person already. Update it, or take it back first")
	case err != nil:
		return err
	case taken.Again:
		return no(http.StatusConflict, "duplicate", "This request was processed before. Do not send it again")
	case a.Event == r4.EventRequest && a.Reason == "new" && !taken.Created:
		return no(http.StatusConflict, "duplicate", "This referral is here already. Send changes with the reason update")
	}
	return c.write(http.StatusOK, r4.Acknowledgement(a, c.id, c.faces.Clock(), c.barsReferral(taken)))
}

// barsReferral is the referral as its sender may see it; nil when they may not.
func (c *call) barsReferral(taken hub.Taken) *fhir.Node {
	if taken.Case == "" || taken.Referral == "" {
		return nil
	}
	s, err := c.faces.Hub.Show(c.r.Context(), c.by, taken.Case, hub.ShowRequest{Action: "read ServiceRequest"})
	if err != nil {
		return nil // it was taken: that it cannot be shown is no reason to say otherwise
	}
	n := r4.One(s, "ServiceRequest", r4.ReferralResource(taken.Case, taken.Referral))
	return unreferenced(n)
}

// unreferenced is a resource whose references lead nowhere in a message: they stay as
// identifiers and words.
func unreferenced(n *fhir.Node) *fhir.Node {
	if n == nil {
		return nil
	}
	n = n.Clone()
	for ref := range fhir.References(n) {
		if !strings.HasPrefix(ref.Text, "#") {
			ref.At.Set("reference", nil)
		}
	}
	return withoutEmpty(n)
}

// withoutEmpty drops what holds nothing, however deep: no element is sent empty
// (FHIR R4 2.1.0.3, ele-1).
func withoutEmpty(n *fhir.Node) *fhir.Node {
	n.Items = slices.DeleteFunc(n.Items, func(x *fhir.Node) bool { return withoutEmpty(x).Empty() })
	n.Members = slices.DeleteFunc(n.Members, func(m fhir.Member) bool { return withoutEmpty(m.Value).Empty() })
	return n
}

// barsFresh is how the hub finds, in the transaction that carries it out, that a
// change is older than what came last for the same referral: 409 conflict (BaRS 1.5).
func barsFresh(q translate.Request, a r4.Answer) func(translate.Shown, translate.Kept) string {
	return func(s translate.Shown, _ translate.Kept) string {
		for _, r := range s.Case.Referrals {
			mine := q.Referral == r.ID || q.Sent != nil && (r.Key == q.Sent.System+"|"+q.Sent.Value ||
				q.Sent.System == r4.Resource && q.Sent.Value == r4.ReferralResource(s.Case.ID, r.ID))
			if came, ok := r4.CameOf(s, r.ID); ok && mine && a.At.Before(came.At) && came.Bundle != a.Bundle {
				return ""
			}
		}
		return fresh
	}
}

// fresh is the version, for the hub, of what a change is not older than.
const fresh = "fresh"

// barsNoIdentifiers refuses a search by GET, whose address would tell who somebody is.
func barsNoIdentifiers(*call, barsTarget) error {
	return no(http.StatusBadRequest, "suppressed", "An address must not tell who somebody is. Search by POST ServiceRequest/_search, with patient:identifier in the body")
}

// barsSearch finds the referrals of one person by an identifier, in the body of a POST.
func barsSearch(c *call, _ barsTarget) error {
	if kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
		return no(http.StatusUnsupportedMediaType, "not-supported", "A search is application/x-www-form-urlencoded")
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, 1<<16)
	if err := c.r.ParseForm(); err != nil {
		return no(http.StatusBadRequest, "invalid", "The search cannot be read")
	}
	form := url.Values(c.r.PostForm)
	system, value, ok := strings.Cut(form.Get("patient:identifier"), "|")
	if !ok || value == "" || len(form["patient:identifier"]) != 1 {
		return no(http.StatusBadRequest, "required", "Search by patient:identifier=system|value")
	}
	for name := range form {
		if name != "patient:identifier" && name != "_format" && name != "status" {
			return no(http.StatusBadRequest, "not-supported", "The search has a parameter that is not known here. Known: patient:identifier, status")
		}
	}
	find := hub.Find{Types: []string{"ServiceRequest"}}
	if strings.HasSuffix(strings.ToLower(system), "/id/nhs-number") {
		n, err := nhs.ParseNumber(value)
		if err != nil {
			return no(http.StatusBadRequest, "value", "patient:identifier is not an NHS number")
		}
		find.NHS = n
	} else {
		find.IDs = []care.Identifier{{System: "mrn:" + string(c.by.Org), Value: value}}
	}
	page, err := c.faces.Hub.ShowSome(c.r.Context(), c.by, find, hub.ShowRequest{Action: "search ServiceRequest"})
	if err != nil {
		return err
	}
	var entries []*fhir.Node
	for _, s := range page.Shown {
		for _, n := range r4.Of(s, "ServiceRequest") {
			if want := form.Get("status"); want == "" || n.Str("status") == want {
				entries = append(entries, c.entry("match", n))
			}
		}
	}
	return c.write(http.StatusOK, c.bundle("searchset", len(entries), entries...))
}

// barsRead gives one referral as it is now: what a sender reads before it changes it.
func barsRead(c *call, _ barsTarget) error {
	id := c.r.PathValue("id")
	none := no(http.StatusNotFound, "not-found", "There is no such referral, or none that may be shown")
	key, ok := r4.CaseOf(id)
	if !ok {
		return none
	}
	s, err := c.faces.Hub.Show(c.r.Context(), c.by, key, hub.ShowRequest{Action: "read ServiceRequest"})
	if err != nil {
		return err
	}
	n := r4.One(s, "ServiceRequest", id)
	if n == nil {
		return none
	}
	return c.write(http.StatusOK, n)
}
