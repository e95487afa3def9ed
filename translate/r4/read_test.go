package r4

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"homeward/care"
	"homeward/fhir"
	"homeward/fhir/profile"
	"homeward/nhs"
	"homeward/translate"
)

// TestProfiles holds all that is written against UK Core and Interweave.
func TestProfiles(t *testing.T) {
	set, err := profile.Standard()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range samples(t) {
		for _, n := range Resources(s) {
			for _, i := range set.Check(n, fhir.R4) {
				if i.Severity == "error" || i.Severity == "fatal" {
					t.Errorf("%s %s: %s %s %s", name, n.Type(), i.Code, i.Expression, i.Diagnostics)
				}
			}
		}
	}
}

func hospital() Sender {
	return Sender{Source: care.Source{Feed: "r4:epr", Name: "EPR", Org: "RK5"}, Kind: care.Trust, At: base}
}

func cityHall() Sender {
	return Sender{Source: care.Source{Feed: "r4:mosaic", Name: "Mosaic", Org: "E10000024"}, Kind: care.Council, At: base}
}

func bundleOf(typ string, nodes ...*fhir.Node) *fhir.Node {
	var entries []*fhir.Node
	for _, n := range nodes {
		e := fhir.Obj("fullUrl", "https://far.example/fhir/"+n.Type()+"/"+n.ID(), "resource", n)
		if typ == "transaction" {
			e.Set("request", fhir.Obj("method", "POST", "url", n.Type()))
		}
		entries = append(entries, e)
	}
	return fhir.Obj("resourceType", "Bundle", "type", typ, "entry", entries)
}

func mustRead(t *testing.T, n *fhir.Node, by Sender) []translate.Request {
	t.Helper()
	qs, err := Read(n, by)
	if err != nil {
		t.Fatal(err)
	}
	return qs
}

// TestOwnStaysAreRead holds that what we write of a stay, read again into an empty
// case, loses nothing that a message can tell.
func TestOwnStaysAreRead(t *testing.T) {
	for name, s := range samples(t) {
		if s.Case.Sensitive {
			continue
		}
		patient := Of(s, "Patient")[0]
		for _, n := range Of(s, "Encounter") {
			if n.Str("status") == "planned" {
				continue
			}
			var got care.Case
			for _, q := range mustRead(t, bundleOf("transaction", patient, n), hospital()) {
				if a := q.About; a.NHS != s.Case.NHS || a.Trace != s.Case.Trace || !slices.Equal(a.IDs, s.Case.IDs) {
					t.Errorf("%s: the numbers came back otherwise", name)
				}
				for _, o := range q.Observations {
					got = care.Apply(got, care.Notice(got, o)...)
				}
			}
			want := stayWith(s.Case, n.Str("identifier.value"))
			have := stayWith(got, n.Str("identifier.value"))
			if want.Ready = nil; !want.ReadySince().IsZero() {
				t.Fatal("unexpected")
			}
			opts := cmp.Options{cmpopts.IgnoreFields(care.Stay{}, "Moves", "Known", "Expected", "Ready", "Source", "Of"), cmpopts.EquateEmpty()}
			if d := cmp.Diff(want, have, opts, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); d != "" {
				t.Errorf("%s: a stay came back otherwise:\n%s", name, d)
			}
			if w := stayWith(s.Case, n.Str("identifier.value")); w.EDD() != have.EDD() || !w.ReadySince().Equal(have.ReadySince()) {
				t.Errorf("%s: predicted %v, ready %v; want %v, %v", name, have.EDD(), have.ReadySince(), w.EDD(), w.ReadySince())
			}
			personBack(t, name, s, got)
		}
	}
}

func personBack(t *testing.T, name string, s translate.Shown, got care.Case) {
	t.Helper()
	want := s.Case.Person
	want.Kin, want.Source, want.AsAt = nil, got.Person.Source, got.Person.AsAt // a RelatedPerson has its own resource
	if d := cmp.Diff(want, got.Person); d != "" {
		t.Errorf("%s: the person came back otherwise:\n%s", name, d)
	}
	if (got.Died == nil) != (s.Case.Died == nil) {
		t.Errorf("%s: the death came back otherwise", name)
	}
}

func stayWith(c care.Case, visit string) care.Stay {
	if c.Stay != nil && c.Stay.Visit == visit {
		return *c.Stay
	}
	for _, s := range c.Past {
		if s.Visit == visit {
			return s
		}
	}
	return care.Stay{}
}

// TestOwnReferralIsRead holds that a referral with its answers comes back as it was
// sent.
func TestOwnReferralIsRead(t *testing.T) {
	s := full(t)
	r := s.Case.Referrals[0]
	sr, qr := Of(s, "ServiceRequest")[0].Clone(), Of(s, "QuestionnaireResponse")[0].Clone()
	sr.Set("id", "sr1")
	sr.Member("identifier").Items = sr.Member("identifier").Items[1:2] // as the hospital sent it
	qr.Get("basedOn").Set("reference", "ServiceRequest/sr1")
	qs := mustRead(t, bundleOf("transaction", sr, qr, Of(s, "Patient")[0], Of(s, "Encounter")[1]), hospital())
	if len(qs) != 1 {
		t.Fatalf("%d requests, want one", len(qs))
	}
	want := care.Refer{Key: r.Key, To: r.To, Pathway: r.Pathway, Form: r.Form, FormVersion: r.FormVersion, Answers: r.Answers}
	if d := cmp.Diff(want, qs[0].Commands[0]); d != "" {
		t.Error(d)
	}
	var types []string
	for _, k := range qs[0].Kept {
		types = append(types, k.Type)
	}
	if !slices.Equal(types, []string{"ServiceRequest", "Encounter", "Patient", "QuestionnaireResponse"}) || len(qs[0].Observations) != 1 {
		t.Errorf("kept %v, observed %d", types, len(qs[0].Observations))
	}
}

// TestReferralWithoutForm holds that what came without answers is gathered from
// what came along.
func TestReferralWithoutForm(t *testing.T) {
	s := full(t)
	sr := fhir.Obj("resourceType", "ServiceRequest", "id", "1", "identifier", []*fhir.Node{fhir.Identifier("urn:x", "1")}, "status", "active", "intent", "order",
		"subject", fhir.Obj("reference", "#p"), "encounter", fhir.Obj("reference", "#e"), "note", []*fhir.Node{fhir.Obj("text", "Needs help to dress")},
		"contained", []*fhir.Node{contained(Of(s, "Patient")[0], "p"), contained(Of(s, "Encounter")[1], "e")})
	q := mustRead(t, sr, hospital())[0]
	a := q.Commands[0].(care.Refer).Answers
	for field, want := range map[string]string{"family": "Quillfeather", "care_needs": "Needs help to dress", "edd": "2026-11-27", "nhs": nhs.Test(4711).Digits(),
		"gp_code": "C89999", "fit": "01", "ward": "Ward 31, Bay 2, Bed 4"} {
		if a.Get(field) != want {
			t.Errorf("%s is %q, want %q", field, a.Get(field), want)
		}
	}
}

func contained(n *fhir.Node, id string) *fhir.Node {
	c := n.Clone()
	c.Set("id", id)
	return c
}

// TestOwnHoldingIsRead holds that what a council's resources say comes back as the
// whole of what it holds.
func TestOwnHoldingIsRead(t *testing.T) {
	s := full(t)
	s.By = care.Actor{ID: "system-mosaic", Org: "E10000024", OrgKind: care.Council}
	nodes := []*fhir.Node{Of(s, "Patient")[0]}
	for _, typ := range []string{"EpisodeOfCare", "Flag", "DeviceRequest", "RelatedPerson"} {
		nodes = append(nodes, Of(s, typ)...)
	}
	q := mustRead(t, bundleOf("collection", nodes...), cityHall())[0]
	got, want := *q.Observations[0].Holds, *s.Councils[0].Holding
	want.AsAt, want.Team = got.AsAt, "" // a Bundle without a time is as at its arrival
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(s.Case.Person.Kin, q.About.Kin.Value); d != "" {
		t.Error(d)
	}
	q = mustRead(t, bundleOf("collection", Of(s, "Patient")[0], Of(withheldBy(s), "Flag")[0]), cityHall())[0]
	if h := q.Observations[0].Holds; len(h.Packages) > 0 || h.Safeguarding.Answer != care.AnswerNotShared {
		t.Errorf("a flag that says nothing is read as %q", h.Safeguarding.Answer)
	}
}

func withheldBy(s translate.Shown) translate.Shown {
	s.Councils = []translate.ShownCouncil{{Council: notts, Withheld: true}}
	return s
}

// TestTask holds what each state of a council's Task asks.
func TestTask(t *testing.T) {
	s := full(t)
	task := func(status, business string, more ...any) *fhir.Node {
		n := fhir.Obj("resourceType", "Task", "status", status, "intent", "order", "focus", fhir.Ref("ServiceRequest", ReferralResource(s.Case.ID, "AB12-CD34-EF56"), ""))
		if business != "" {
			n.Set("businessStatus", fhir.Concept("", fhir.Coding(sysState, business, "")))
		}
		n.Members = append(n.Members, fhir.Obj(more...).Members...)
		return n
	}
	owner := fhir.Obj("type", "Practitioner", "identifier", fhir.Identifier("https://mosaic.example/staff", "w9"), "display", "Tom Ash")
	id := care.ReferralID("AB12-CD34-EF56")
	for _, x := range []struct {
		name  string
		state care.RefState
		n     *fhir.Node
		want  []care.Command
	}{
		{"received with a number", care.RefSent, task("received", "", "identifier", []*fhir.Node{fhir.Identifier("https://mosaic.example/ref", "99")}), []care.Command{care.Receive{ID: id, Reference: "99"}}},
		{"received", care.RefSent, task("received", ""), []care.Command{care.Receive{ID: id}}},
		{"accepted", care.RefReceived, task("accepted", ""), []care.Command{care.Accept{ID: id}}},
		{"accepted again", care.RefAccepted, task("accepted", ""), nil},
		{"rejected", care.RefReceived, task("rejected", "", "statusReason", fhir.Concept("Who has keys?", fhir.Coding(sysReturn, "home", ""))),
			[]care.Command{care.SendBack{ID: id, Reasons: []string{"home"}, Needed: "Who has keys?"}}},
		{"allocated and begun", care.RefReceived, task("in-progress", "planning", "owner", owner),
			[]care.Command{care.Accept{ID: id}, care.Allocate{ID: id, Worker: care.Who{ID: "w9", Name: "Tom Ash", Org: "E10000024"}, Was: "w1"}, care.Progress{ID: id, State: care.RefPlanning}}},
		{"completed", care.RefReady, task("completed", "", "output", []*fhir.Node{fhir.Obj("type", fhir.Concept("Outcome"), "valueString", "Care began")}),
			[]care.Command{care.Close{ID: id, Outcome: "Care began"}}},
	} {
		c := s.Case
		r := c.Referrals[0]
		r.State = x.state
		if x.state == care.RefReceived || x.state == care.RefSent {
			r.Accepted = time.Time{}
		}
		c.Referrals = []care.Referral{r}
		q, err := Resolve(mustRead(t, x.n, cityHall())[0], c)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(x.want, q.Commands, cmpopts.EquateEmpty()); d != "" || q.Referral != id {
			t.Errorf("%s (%s):\n%s", x.name, q.Referral, d)
		}
	}
	if _, err := Read(task("cancelled", ""), cityHall()); err == nil {
		t.Error("a council cancels a hospital's referral")
	}
}

// TestOwnTaskChangesNothing holds that a Task as we write it, sent back by the
// council, asks for nothing that is not so already.
func TestOwnTaskChangesNothing(t *testing.T) {
	for name, s := range samples(t) {
		for _, n := range Of(s, "Task") {
			if st := n.Str("status"); st == "cancelled" || st == "requested" || st == "rejected" && name != "returned" {
				continue
			}
			q, err := Resolve(mustRead(t, n, cityHall())[0], s.Case)
			if err != nil {
				t.Fatal(err)
			}
			c := s.Case
			by := care.Actor{ID: "system-mosaic", Org: "E10000024", OrgKind: care.Council}
			for _, cmd := range q.Commands {
				events, err := care.Decide(c, by, cmd, base)
				if err != nil || len(events) > 0 {
					t.Errorf("%s: %T makes %d events, %v", name, cmd, len(events), err)
				}
			}
		}
	}
}

// TestPapersAndNotes holds that papers, answers and notes come back.
func TestPapersAndNotes(t *testing.T) {
	s := full(t)
	for _, n := range Of(s, "QuestionnaireResponse") {
		q, err := Resolve(mustRead(t, n, hospital())[0], s.Case)
		if err != nil {
			t.Fatal(err)
		}
		switch x := q.Commands[0].(type) {
		case care.Reply:
			if d := cmp.Diff(s.Case.Referrals[0].Answers, x.Answers); d != "" {
				t.Error(d)
			}
		case care.SharePaper:
			want := s.Case.Papers[0]
			want.ID, want.By = "", care.Who{}
			if d := cmp.Diff(want, x.Paper); d != "" {
				t.Error(d)
			}
		case care.WithdrawPaper:
			if d := cmp.Diff(care.WithdrawPaper{Referral: "AB12-CD34-EF56", Kind: care.PaperDischargeNotice, Why: "07", WhyText: "Fell again"}, x); d != "" {
				t.Error(d)
			}
		}
	}
	q, err := Resolve(mustRead(t, Of(s, "Communication")[0], hospital())[0], s.Case)
	if err != nil {
		t.Fatal(err)
	}
	want := care.AddNote{Note: care.Note{Text: "She is frightened of stairs.", Audience: care.AudienceBoth, Referral: "AB12-CD34-EF56"}}
	if d := cmp.Diff(care.Command(want), q.Commands[0]); d != "" {
		t.Error(d)
	}
}

// TestDischargeTakenBack holds that a stay told as going on after its end is a
// discharge taken back.
func TestDischargeTakenBack(t *testing.T) {
	s := died(t)
	s.Case.Died = nil
	c := s.Case
	n := One(full(t), "Encounter", care.StayResource(c.ID, *full(t).Case.Stay))
	q, err := Resolve(mustRead(t, bundleOf("transaction", n, Of(s, "Patient")[0]), hospital())[0], c)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range q.Observations {
		o.About = care.About{}
		c = care.Apply(c, care.Notice(c, o)...)
	}
	if c.Stay == nil || c.Stay.Visit != "V4711" {
		t.Error("the person is not in hospital again")
	}
}

// TestRefusals holds that what is missing or wrong is named by its element, and
// never repeated.
func TestRefusals(t *testing.T) {
	enc := func(drop string, more ...any) *fhir.Node {
		n := fhir.Obj("resourceType", "Encounter", "identifier", []*fhir.Node{fhir.Identifier("urn:v", "V1")}, "status", "in-progress",
			"class", fhir.Coding(sysActCode, "IMP", ""), "subject", fhir.Obj("identifier", fhir.Identifier(sysNHS, nhs.Test(1).Digits())))
		n.Set(drop, nil)
		for i := 0; i < len(more); i += 2 {
			n.Set(more[i].(string), more[i+1])
		}
		return n
	}
	for _, x := range []struct {
		n          *fhir.Node
		by         Sender
		code, path string
	}{
		{enc("identifier"), hospital(), "required", "Encounter.identifier"},
		{enc("status"), hospital(), "required", "Encounter.status"},
		{enc("class"), hospital(), "required", "Encounter.class"},
		{enc("", "status", "finished"), hospital(), "required", "Encounter.period.end"},
		{enc("", "status", "Xyzzy"), hospital(), "code-invalid", "Encounter.status"},
		{enc("", "period", fhir.Obj("start", "Xyzzy")), hospital(), "value", "Encounter.period.start"},
		{enc("", "subject", fhir.Obj("reference", "Xyzzy/1")), hospital(), "not-found", "Encounter.subject.reference"},
		{enc("", "extension", []*fhir.Node{exts(extFitNotts, ext("medicallyFitStatus", "valueCoding", fhir.Coding("", "01", "")))}), hospital(), "invariant", "Encounter.extension"},
		{fhir.Obj("resourceType", "Observation", "id", "Xyzzy"), hospital(), "not-supported", "Observation"},
		{bundleOf("searchset", enc("")), hospital(), "not-supported", "Bundle.type"},
		{bundleOf("collection", fhir.Obj("resourceType", "Flag", "id", "1", "status", "active")), cityHall(), "required", "Bundle.entry"},
		{fhir.Obj("resourceType", "Task", "status", "accepted", "intent", "order"), cityHall(), "required", "Task.focus"},
		{fhir.Obj("resourceType", "Communication", "status", "completed"), hospital(), "required", "Communication.payload.contentString"},
		{fhir.Obj("resourceType", "QuestionnaireResponse", "status", "completed"), hospital(), "required", "QuestionnaireResponse.basedOn"},
		{fhir.Obj("resourceType", "ServiceRequest", "status", "revoked", "intent", "plan", "identifier", []*fhir.Node{fhir.Identifier("a", "b")},
			"subject", fhir.Obj("reference", "Patient/abc")), hospital(), "required", "ServiceRequest.extension"},
	} {
		_, err := Read(x.n, x.by)
		var e *fhir.Error
		if !errors.As(err, &e) || e.Malformed {
			t.Errorf("%s %s: %v", x.code, x.path, err)
			continue
		}
		if !slices.ContainsFunc(e.Issues, func(i fhir.Issue) bool { return i.Code == x.code && i.Expression == x.path }) {
			t.Errorf("want %s at %s, got %+v", x.code, x.path, e.Issues)
		}
		if strings.Contains(err.Error(), "Xyzzy") || strings.Contains(err.Error(), "999") {
			t.Errorf("the error repeats what was sent: %v", err)
		}
	}
}

// TestThreeFlavours holds that each way in which a verified number is sent is read.
func TestThreeFlavours(t *testing.T) {
	for _, c := range []*fhir.Node{fhir.Coding(sysTrace, "01", ""), fhir.Coding(sysTraceOld, "number-present-and-verified", ""), fhir.Coding(sysTraceOld, "01", "")} {
		for _, system := range []string{sysNHS, "https://fhir.nhs.uk/id/nhs-number", "http://fhir.nhs.uk/Id/nhs-number"} {
			id := fhir.Obj("extension", []*fhir.Node{ext(extTrace, "valueCodeableConcept", fhir.Concept("", c))}, "system", system, "value", nhs.Test(5).Digits())
			q := mustRead(t, fhir.Obj("resourceType", "Patient", "identifier", []*fhir.Node{id}), hospital())[0]
			if q.About.NHS != nhs.Test(5) || !q.About.Trace.Verified() {
				t.Errorf("%s with %s is not read", system, c.Str("code"))
			}
		}
	}
}

// FuzzRead holds that no resource makes Read panic.
func FuzzRead(f *testing.F) {
	for _, s := range samples(f) {
		for _, n := range Resources(s) {
			raw, _ := fhir.Write(n, fhir.JSON, fhir.R4)
			f.Add(raw, true)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, council bool) {
		n, err := fhir.Parse(raw, fhir.JSON, fhir.R4, fhir.Limits{})
		if err != nil {
			return
		}
		by := hospital()
		if council {
			by = cityHall()
		}
		qs, _ := Read(n, by)
		for _, q := range qs {
			if _, err := Resolve(q, full(t).Case); err != nil && care.KindOf(err) != care.NotFound {
				t.Error(err)
			}
		}
		_, _ = Read(bundleOf("transaction", n), by)
		_, _, _ = ReadMessage(n, by)
	})
}
