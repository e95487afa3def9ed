package r4

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
	"homeward/fhir"
	"homeward/fhir/profile"
	"homeward/translate"
)

const bundleID = "86e3371d-1c15-4862-9552-d9560f8292ba"

func telling(reason string) Telling {
	return Telling{Key: bundleID, At: base, Referral: "AB12-CD34-EF56", From: "RK5", To: "E10000024", Reason: reason, Version: "1.0"}
}

func mustMessage(t *testing.T, s translate.Shown, x Telling) *fhir.Node {
	t.Helper()
	n, err := Message(s, x)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func answerTo(t *testing.T, s translate.Shown, final bool) *fhir.Node {
	x := telling("update")
	x.Response, x.Final, x.From, x.To, x.Answers = true, final, "E10000024", "RK5", bundleID
	return mustMessage(t, s, x)
}

// withdrawnShown is a referral that the hospital took back.
func withdrawnShown(t testing.TB) translate.Shown {
	s := full(t)
	r := s.Case.Referrals[0]
	r.State, r.Ended, r.Why = care.RefWithdrawn, ago(1), "07"
	s.Case.Referrals = []care.Referral{r}
	return s
}

// TestMessages holds each message to what was looked at, to its profiles, and to
// what BaRS demands of every message.
func TestMessages(t *testing.T) {
	set, err := profile.Standard()
	if err != nil {
		t.Fatal(err)
	}
	blind := full(t)
	blind.Sees = translate.Sees{Referral: true, Person: true}
	for name, n := range map[string]*fhir.Node{
		"bars-request": mustMessage(t, full(t), telling("new")), "bars-update": mustMessage(t, full(t), telling("update")),
		"bars-cancel": mustMessage(t, withdrawnShown(t), telling("delete")), "bars-interim": answerTo(t, full(t), false),
		"bars-final": answerTo(t, died(t), true), "bars-returned": answerTo(t, returned(t), false), "bars-blind": mustMessage(t, blind, telling("new")),
	} {
		golden(t, name, n)
		have, kinds := map[string]bool{}, map[string]int{}
		for _, e := range n.All("entry") {
			have[e.Str("fullUrl")] = true
			kinds[e.Get("resource").Type()]++
			if e.Str("resource.meta.lastUpdated") == "" {
				t.Errorf("%s: %s has no meta.lastUpdated", name, e.Get("resource").Type())
			}
			for _, i := range set.Check(e.Get("resource"), fhir.R4) {
				if i.Severity == "error" && i.Code != "not-supported" { // BaRS profiles are not kept here
					t.Errorf("%s %s: %s %s", name, e.Get("resource").Type(), i.Expression, i.Diagnostics)
				}
			}
		}
		for ref := range fhir.References(n) {
			if !have[ref.Text] {
				t.Errorf("%s: %s leads out of the message: %s", name, ref.Path, ref.Text)
			}
		}
		for typ, least := range map[string]int{"MessageHeader": 1, "ServiceRequest": 1, "Patient": 1, "Encounter": 1, "CarePlan": 1, "Organization": 2, "Practitioner": 1, "PractitionerRole": 1} {
			if kinds[typ] < least {
				t.Errorf("%s: %d %s", name, kinds[typ], typ)
			}
		}
		if n.All("entry")[0].Get("resource").Type() != "MessageHeader" || kinds["MessageHeader"] != 1 || n.Str("id") != bundleID {
			t.Errorf("%s does not begin with its one header, or has another id", name)
		}
	}
}

// TestMessagesAreRead holds that what we send, the other side's Homeward
// understands as it was meant.
func TestMessagesAreRead(t *testing.T) {
	s := full(t)
	by := hospital()
	by.Correlation = "c2c0c7b4-7d6e-5d0b-8f55-6f4f0f7e2b02"
	q, a, err := ReadMessage(mustMessage(t, s, telling("new")), by)
	if err != nil {
		t.Fatal(err)
	}
	r := s.Case.Referrals[0]
	if d := cmp.Diff(care.Command(care.Refer{Key: r.Key, To: r.To, Pathway: r.Pathway, Form: r.Form, FormVersion: 1, Answers: r.Answers}), q.Commands[0]); d != "" {
		t.Error(d)
	}
	want := Answer{Bundle: bundleID, Event: EventRequest, Reason: "new", UseCase: UseCase, Source: sysODS + "|RK5", Destination: sysODS + "|E10000024", At: base}
	if d := cmp.Diff(want, a); d != "" {
		t.Error(d)
	}
	var kinds []string
	for _, c := range q.Commands[1:] {
		switch x := c.(type) {
		case care.AddNote:
			kinds = append(kinds, "note "+string(x.Note.Audience))
		case care.SharePaper:
			kinds = append(kinds, "paper "+string(x.Paper.Kind))
		case care.WithdrawPaper:
			kinds = append(kinds, "withdrawn "+string(x.Kind))
		}
	}
	if d := cmp.Diff([]string{"note both", "paper assessment-notice", "withdrawn discharge-notice"}, kinds); d != "" {
		t.Error(d)
	}
	seen := q.Observations[0]
	if seen.Visit != "V4711" || seen.Seen.Where.Value != s.Case.Stay.Where || seen.Seen.Fit.Value != "Y" || q.About.NHS != s.Case.NHS {
		t.Errorf("the stay came back otherwise: %+v", seen.Seen)
	}
	s.Kept = map[string]translate.Kept{"ServiceRequest/" + ReferralResource(s.Case.ID, r.ID): q.Kept[0]}
	came, ok := CameOf(s, r.ID)
	if !ok || came.Bundle != bundleID || came.Correlation != by.Correlation || came.Source != sysODS+"|RK5" || !came.At.Equal(base) {
		t.Errorf("what an answer must name is %+v", came)
	}
}

// TestAnswersAreRead holds what the council's answers ask, with a Task and without.
func TestAnswersAreRead(t *testing.T) {
	withState := func(state care.RefState, change func(*care.Referral)) translate.Shown {
		s := full(t)
		r := s.Case.Referrals[0]
		r.State = state
		if change != nil {
			change(&r)
		}
		s.Case.Referrals = []care.Referral{r}
		return s
	}
	without := func(n *fhir.Node) *fhir.Node {
		c := n.Clone()
		e := c.Member("entry")
		e.Items = slices.DeleteFunc(e.Items, func(x *fhir.Node) bool { return x.Get("resource").Type() == "Task" })
		return c
	}
	ref := care.Receive{Reference: "4471902"}
	for _, x := range []struct {
		s           translate.Shown
		full, short []care.Command
		final       bool
	}{
		{withState(care.RefReceived, nil), []care.Command{ref}, []care.Command{ref}, false},
		{withState(care.RefAccepted, func(r *care.Referral) { r.Holder.Who = care.Who{} }), []care.Command{ref, care.Accept{}}, []care.Command{ref, care.Accept{}}, false},
		{withState(care.RefClosed, func(r *care.Referral) { r.Ended, r.Outcome = ago(1), "Care began" }), []care.Command{ref, care.Close{Outcome: "Care began"}},
			[]care.Command{ref, care.Close{Outcome: "Care began"}}, true},
		{returned(t), []care.Command{ref, care.SendBack{Reasons: []string{"capacity"}, Needed: "Was capacity assessed?"}},
			[]care.Command{ref, care.SendBack{Reasons: []string{"capacity"}, Needed: "Was capacity assessed?"}}, false},
	} {
		state := x.s.Case.Referrals[0].State
		for i, want := range [][]care.Command{x.full, x.short} {
			n := answerTo(t, x.s, x.final)
			if i == 1 {
				n = without(n)
			}
			q, a, err := ReadMessage(n, cityHall())
			if err != nil {
				t.Fatalf("%s: %v", state, err)
			}
			if d := cmp.Diff(want, q.Commands); d != "" || q.Referral != "AB12-CD34-EF56" || a.To != bundleID || a.Final != x.final {
				t.Errorf("%s %d: %s to %s, final %v:\n%s", state, i, q.Referral, a.To, a.Final, d)
			}
		}
	}
}

// TestMessageRules holds every rule of what may come: the issue, its element, and
// whether it is 400 or 422.
func TestMessageRules(t *testing.T) {
	at := func(n *fhir.Node, typ string) *fhir.Node {
		for _, e := range n.All("entry.resource") {
			if e.Type() == typ {
				return e
			}
		}
		return nil
	}
	drop := func(typ string) func(*fhir.Node) {
		return func(n *fhir.Node) {
			e := n.Member("entry")
			e.Items = slices.DeleteFunc(e.Items, func(x *fhir.Node) bool { return x.Get("resource").Type() == typ })
		}
	}
	for _, x := range []struct {
		name, code, path string
		bad              bool
		change           func(*fhir.Node)
	}{
		{"no message", "value", "Bundle.type", true, func(n *fhir.Node) { n.Set("type", "collection") }},
		{"no id", "required", "Bundle.id", false, func(n *fhir.Node) { n.Set("id", nil) }},
		{"no time", "required", "Bundle.timestamp", false, func(n *fhir.Node) { n.Set("timestamp", nil) }},
		{"another version", "not-supported", "Bundle.meta.versionId", false, func(n *fhir.Node) { n.Member("meta").Set("versionId", "2.0.0") }},
		{"header not first", "invariant", "Bundle.entry[0].resource", true, func(n *fhir.Node) {
			e := n.Member("entry")
			e.Items[0], e.Items[1] = e.Items[1], e.Items[0]
		}},
		{"two headers", "invariant", "Bundle.entry[1].resource", true, func(n *fhir.Node) {
			e := n.Member("entry")
			e.Items = slices.Insert(e.Items, 1, e.Items[0].Clone())
		}},
		{"another event", "invariant", "Bundle.entry[0].resource.eventCoding", true, func(n *fhir.Node) { at(n, "MessageHeader").Get("eventCoding").Set("code", "booking-request") }},
		{"another reason", "invariant", "Bundle.entry[0].resource.reason", true, func(n *fhir.Node) { at(n, "MessageHeader").Get("reason.coding").Set("code", "resend") }},
		{"another use case", "invariant", "Bundle.entry[1].resource.category", true, func(n *fhir.Node) { at(n, "ServiceRequest").All("category.coding")[1].Set("code", "a1t1") }},
		{"validation", "invariant", "Bundle.entry[1].resource.category", true, func(n *fhir.Node) { at(n, "ServiceRequest").Get("category.coding").Set("code", "validation") }},
		{"new and revoked", "invariant", "Bundle.entry[1].resource.status", true, func(n *fhir.Node) { at(n, "ServiceRequest").Set("status", "revoked") }},
		{"delete and active", "invariant", "Bundle.entry[1].resource.status", true, func(n *fhir.Node) { at(n, "MessageHeader").Get("reason.coding").Set("code", "delete") }},
		{"cancelled and active", "invariant", "Bundle.entry[1].resource.status", true, func(n *fhir.Node) {
			at(n, "MessageHeader").Get("reason.coding").Set("code", "update")
			at(n, "MessageHeader").Set("definition", barsDefinition+"request-cancelled")
		}},
		{"another intent", "value", "Bundle.entry[1].resource.intent", false, func(n *fhir.Node) { at(n, "ServiceRequest").Set("intent", "order") }},
		{"no care plan", "required", "Bundle.entry.resource.ofType(CarePlan)", false, drop("CarePlan")},
		{"no patient", "required", "Bundle.entry.resource.ofType(Patient)", false, drop("Patient")},
		{"no practitioner", "required", "Bundle.entry.resource.ofType(Practitioner)", false, drop("Practitioner")},
		{"no organisations", "required", "Bundle.entry.resource.ofType(Organization)", false, drop("Organization")},
		{"no request", "required", "Bundle.entry[0].resource.focus", false, drop("ServiceRequest")},
		{"no source", "required", "Bundle.entry[0].resource.source.endpoint", false, func(n *fhir.Node) { at(n, "MessageHeader").Get("source").Set("endpoint", nil) }},
		{"answers nothing", "required", "Bundle.entry[0].resource.response.identifier", false, func(n *fhir.Node) { at(n, "MessageHeader").Get("eventCoding").Set("code", EventResponse) }},
		{"no author's time", "required", "Bundle.entry[1].resource.authoredOn", false, func(n *fhir.Node) { at(n, "ServiceRequest").Set("authoredOn", nil) }},
	} {
		n := mustMessage(t, full(t), telling("new"))
		x.change(n)
		_, _, err := ReadMessage(n, hospital())
		var e *fhir.Error
		if !errors.As(err, &e) || e.Malformed != x.bad || !slices.ContainsFunc(e.Issues, func(i fhir.Issue) bool { return i.Code == x.code && i.Expression == x.path }) {
			t.Errorf("%s: %+v, want %s at %s", x.name, e, x.code, x.path)
		}
	}
}

// TestLiberal holds what is taken though it is not as it should be.
func TestLiberal(t *testing.T) {
	for _, reason := range []string{"delete", "update"} { // the prose says one, a table the other
		q, _, err := ReadMessage(mustMessage(t, withdrawnShown(t), telling(reason)), hospital())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]care.Command{care.Withdraw{Why: "07"}}, q.Commands); d != "" || !q.Must {
			t.Errorf("cancelled with %s: %s", reason, d)
		}
	}
	n := mustMessage(t, full(t), telling("new"))
	raw, _ := fhir.Write(n, fhir.JSON, fhir.R4)
	text := strings.ReplaceAll(string(raw), "https://fhir.nhs.uk/Id/nhs-number", "http://fhir.nhs.uk/id/nhs-number")
	text = strings.ReplaceAll(text, sysEvent, "https://fhir.nhs.uk/Codesystem/message-events-bars")
	text = strings.ReplaceAll(text, `"timestamp":"2026-11-24T09:30:00Z"`, `"timestamp":"2026-11-24T10:30:00.8185338+01:00"`)
	n, err := fhir.Parse([]byte(text), fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	sr := n.All("entry.resource")[1]
	sr.Set("identifier", nil)
	sr.Set("id", "236bb75d-90ef-461f-b71e-fde7f899802c")
	q, a, err := ReadMessage(n, hospital())
	if err != nil {
		t.Fatal(err)
	}
	if q.About.NHS.IsZero() || a.At.Truncate(time.Second) != base || q.Key != "urn:ietf:rfc:3986|urn:uuid:236bb75d-90ef-461f-b71e-fde7f899802c" {
		t.Errorf("read %v, %q", a.At, q.Key)
	}
}

// TestSameTelling holds that the same telling gives the same bytes.
func TestSameTelling(t *testing.T) {
	for range 5 {
		a, _ := fhir.Write(mustMessage(t, full(t), telling("new")), fhir.JSON, fhir.R4)
		b, _ := fhir.Write(mustMessage(t, full(t), telling("new")), fhir.JSON, fhir.R4)
		if string(a) != string(b) {
			t.Fatal("two writings differ")
		}
	}
	if _, err := Message(withheld(t), telling("new")); err == nil {
		t.Error("a message is written of a referral that is not shown")
	}
}

// TestTransactions holds what goes to a FHIR server that knows nothing of us: every
// entry is found again by an identifier, nothing leads out, and the same can be read.
func TestTransactions(t *testing.T) {
	set, err := profile.Standard()
	if err != nil {
		t.Fatal(err)
	}
	status := telling("update")
	status.Response = true
	for name, n := range map[string]func() (*fhir.Node, error){
		"transaction-refer":  func() (*fhir.Node, error) { return Transaction(full(t), telling("new")) },
		"transaction-status": func() (*fhir.Node, error) { return Transaction(returned(t), status) },
	} {
		n, err := n()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, n)
		have := map[string]bool{}
		for _, e := range n.All("entry") {
			have[e.Str("fullUrl")] = true
			if by := e.Str("request.ifNoneExist") + e.Str("request.url"); !strings.Contains(by, "identifier=") || e.Get("resource.identifier") == nil {
				t.Errorf("%s: %s is not found again by an identifier", name, e.Get("resource").Type())
			}
			for _, i := range set.Check(e.Get("resource"), fhir.R4) {
				if i.Severity == "error" {
					t.Errorf("%s %s: %s %s", name, e.Get("resource").Type(), i.Expression, i.Diagnostics)
				}
			}
		}
		for ref := range fhir.References(n) {
			if !have[ref.Text] {
				t.Errorf("%s: %s leads out: %s", name, ref.Path, ref.Text)
			}
		}
	}
	n, _ := Transaction(full(t), telling("new"))
	qs, err := Read(n, hospital())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := qs[0].Commands[0].(care.Refer); !ok || len(qs[0].Observations) != 1 {
		t.Errorf("the transaction is read as %T", qs[0].Commands[0])
	}
}

// TestSingles holds the same for one resource alone.
func TestSingles(t *testing.T) {
	sr, by, err := Single(full(t), telling("new"), "ServiceRequest")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "single-refer", sr)
	if by != "identifier=https%3A%2F%2Fhomeward.example%2Ffhir%2FId%2Freferral%7CAB12-CD34-EF56" || len(sr.All("contained")) != 3 {
		t.Errorf("%s, %d contained", by, len(sr.All("contained")))
	}
	sr.Set("identifier", []*fhir.Node{fhir.Identifier("urn:x", "1")})
	q := mustRead(t, sr, hospital())[0]
	if c, ok := q.Commands[0].(care.Refer); !ok || c.Answers.Get("care_needs") == "" || q.About.NHS.IsZero() {
		t.Errorf("read as %+v", q.Commands[0])
	}
	x := telling("update")
	x.Response = true
	task, _, err := Single(full(t), x, "Task")
	if err != nil {
		t.Fatal(err)
	}
	if got := mustRead(t, task, cityHall())[0]; got.Referral != "AB12-CD34-EF56" {
		t.Errorf("the task is read as of %q", got.Referral)
	}
	if n, _, err := Single(full(t), telling("update"), "Communication"); n != nil || err != nil {
		t.Error("a note is told that this message does not bring")
	}
}
