package stu3

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

var update = flag.Bool("update", false, "write the examples in XML anew")

func london(t testing.TB) *time.Location {
	z, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func sender(t testing.TB) Sender {
	return Sender{Source: care.Source{Feed: "shd:kmh-epr", Name: "King's Mill EPR", Org: "RK5"}, Received: time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC), Zone: london(t)}
}

// example reads one of the examples, with the referral's id put in.
func example(t testing.TB, name string) *fhir.Node {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "shd", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := fhir.Parse([]byte(strings.ReplaceAll(string(b), "ReferralRequest/REFERRAL", "ReferralRequest/case1.ABCD-EFGH-JKMN")), fhir.JSON, fhir.STU3, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// read reads a body as the face does.
func read(n *fhir.Node, s Sender) (translate.Request, error) {
	switch n.Type() {
	case "ReferralRequest", "Bundle":
		return ReadReferral(n, "", s)
	case "QuestionnaireResponse":
		return ReadPaper(n, n.Str("basedOn.reference"), s)
	case "Encounter":
		return ReadEncounter(n, n.Str("identifier.system")+"|"+n.Str("identifier.value"), s)
	}
	return ReadNote(n, s)
}

// TestTheExamplesAreTheSameInBothFormats holds each XML example against its twin.
func TestTheExamplesAreTheSameInBothFormats(t *testing.T) {
	files, err := filepath.Glob("testdata/shd/*.json")
	if err != nil || len(files) < 16 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		n, err := fhir.Parse(b, fhir.JSON, fhir.STU3, fhir.Limits{})
		if err != nil {
			t.Fatal(f, err)
		}
		twin := strings.TrimSuffix(f, "json") + "xml"
		if *update {
			x, err := fhir.Write(n, fhir.XML, fhir.STU3)
			if err != nil {
				t.Fatal(f, err)
			}
			if err := os.WriteFile(twin, x, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		x, err := os.ReadFile(twin)
		if err != nil {
			t.Fatal(err)
		}
		m, err := fhir.Parse(x, fhir.XML, fhir.STU3, fhir.Limits{})
		if err != nil {
			t.Fatal(twin, err)
		}
		if fhir.Hash(n) != fhir.Hash(m) {
			t.Errorf("%s says other than %s", twin, f)
		}
	}
}

func TestAReferralIsRead(t *testing.T) {
	q, err := read(example(t, "refer-patient"), sender(t))
	if err != nil {
		t.Fatal(err)
	}
	a := q.About
	if a.NHS.Digits() != "9990041016" || a.Trace != "01" || a.Family.Value != "Ashworth" || a.Given.Value != "Edith Mary" || a.Preferred.Value != "Edie" || a.Title.Value != "Mrs" ||
		a.Sex.Value != "Female" || a.Born.Value.String() != "1941-03-14" || a.Phone.Value != "01632 960201" || a.Language.Value != "English" ||
		!slices.Equal(a.Address.Value.Lines, []string{"7 Mill Lane", "Sutton", "Mansfield"}) || a.Address.Value.Postcode != "NG18 1AA" ||
		len(a.Kin.Value) != 1 || a.Kin.Value[0] != (care.Kin{Name: "Joan Ashworth", Relation: "Daughter", Phone: "01632 960202"}) ||
		!slices.Equal(a.IDs, []care.Identifier{{System: "mrn:RK5", Value: "K4100001"}}) {
		t.Errorf("about: %+v", a)
	}
	if len(q.Observations) != 1 || q.Observations[0].Seen == nil {
		t.Fatalf("%+v", q.Observations)
	}
	s := q.Observations[0].Seen
	if !s.Opens || s.Class.Value != "I" || s.Where.Value != (care.Location{Ward: "12", Name: "Ward 12", Site: "King's Mill Hospital"}) || s.Consultant.Value != "Dr Paul Constable" ||
		!s.Admitted.Value.Equal(time.Date(2026, 11, 20, 14, 5, 0, 0, time.UTC)) || s.Expected.Value != (nhs.Date{Year: 2026, Month: 11, Day: 27}) || s.Fit.Value != "N" || s.ReadyAt.Told ||
		s.Reason.Value != "Fall at home, fractured neck of femur" {
		t.Errorf("seen: %+v", s)
	}
	if o := q.Observations[0]; o.Visit != "6521ea68-e87e-4c80-9ea4-510892d7025f" || !o.At.Equal(time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)) {
		t.Errorf("%s %v", o.Visit, o.At)
	}
	r := q.Commands[0].(care.Refer)
	if r.Key != "https://fhir.kmh.example/referral|REF-2026-0417" || r.To != "511" || r.Form != "shd" || r.Answers.Get("service") != "acute-d2a" || r.Answers.Get("priority") != "routine" ||
		r.Answers.Get("reason") != "Needs help with washing and dressing to go home" || r.Answers.Get("note") != "Her daughter holds the key." || r.Answers.Get("referrer") != "Priya Nair" ||
		r.Answers.Get("referrer_contact") != "01632 960210" || r.Answers.Get("team") != "Nottinghamshire County Council" {
		t.Errorf("%+v", r)
	}
	if len(q.Kept) != 3 {
		t.Errorf("%d are kept", len(q.Kept))
	}
}

// TestAReferralMayBeABundle sends what the example contains as entries.
func TestAReferralMayBeABundle(t *testing.T) {
	whole := example(t, "refer-patient")
	want, err := read(whole, sender(t))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	for i, c := range whole.All("contained") {
		ids[c.ID()] = fmt.Sprintf("urn:uuid:00000000-0000-4000-8000-%012d", i)
	}
	for _, fulls := range []bool{true, false} {
		moved := func(n *fhir.Node) *fhir.Node {
			m := n.Clone()
			for ref := range fhir.References(m) {
				for _, c := range whole.All("contained") {
					switch {
					case ref.Text != "#"+c.ID():
					case fulls:
						ref.At.Set("reference", ids[c.ID()])
					default:
						ref.At.Set("reference", c.Type()+"/"+c.ID())
					}
				}
			}
			return m
		}
		bundle := fhir.Obj("resourceType", "Bundle", "type", "collection")
		for _, c := range whole.All("contained") {
			e := fhir.Obj("resource", moved(c))
			if fulls {
				e.Set("fullUrl", ids[c.ID()])
			}
			bundle.Add("entry", e)
		}
		focus := moved(whole)
		focus.Set("contained", nil)
		bundle.Add("entry", fhir.Obj("resource", focus))
		got, err := read(bundle, sender(t))
		if err != nil {
			t.Fatal(err)
		}
		if got.About.NHS != want.About.NHS || got.Observations[0].Seen.Where != want.Observations[0].Seen.Where || got.Observations[0].Seen.Consultant != want.Observations[0].Seen.Consultant ||
			got.Commands[0].(care.Refer).To != "511" {
			t.Errorf("%+v", got)
		}
	}
}

func TestPapersAreToldApart(t *testing.T) {
	for name, want := range map[string]care.PaperKind{"assessment-notice": care.PaperAssessmentNotice, "preliminary-needs": care.PaperNeeds, "covid-19": care.PaperCovid,
		"chc-checklist": care.PaperChecklist, "discharge-notice": care.PaperDischargeNotice, "withdraw-discharge-notice": care.PaperDischargeNotice} {
		n := example(t, name)
		for _, by := range []string{"profile", "questionnaire"} {
			if by == "questionnaire" {
				n.Set("questionnaire", fhir.Obj("reference", strings.Replace(n.Str("meta.profile"), "QuestionnaireResponse", "Questionnaire", 1)))
				n.Member("meta").Set("profile", nil)
				if name == "preliminary-needs" {
					n.Set("questionnaire", fhir.Obj("reference", "https://h.example/SHD-QuestionnaireResponse-PreliminaryNeedsAssessment"))
				} else {
					n.Set("questionnaire", fhir.Obj("reference", "https://h.example/Questionnaire/"+n.Str("questionnaire.reference")[strings.LastIndex(n.Str("questionnaire.reference"), "-")+1:]))
				}
			}
			q, err := read(n, sender(t))
			if err != nil {
				t.Fatal(name, by, err)
			}
			p := q.Commands[0].(care.SharePaper).Paper
			if p.Kind != want || q.Referral != "ABCD-EFGH-JKMN" || q.Case != "case1" || len(p.Items) < 2 {
				t.Errorf("%s by %s: %s, %+v", name, by, p.Kind, q)
			}
			if name == "withdraw-discharge-notice" {
				if w := q.Commands[1].(care.WithdrawPaper); w.Why != "07" || w.Kind != want || p.Items[len(p.Items)-1].Code != "07" {
					t.Errorf("%+v, %+v", w, p.Items)
				}
			} else if len(q.Commands) != 1 {
				t.Errorf("%s: %+v", name, q.Commands)
			}
		}
	}
	q, err := read(example(t, "preliminary-needs"), sender(t))
	if err != nil {
		t.Fatal(err)
	}
	items := q.Commands[0].(care.SharePaper).Paper.Items
	if len(items) != 3 || items[1].Link != "washing" || items[1].Answer != "Needs one person" {
		t.Errorf("%+v", items)
	}
}

func TestWhatHappensToAStayIsRead(t *testing.T) {
	at := func(day, hour, min int) time.Time { return time.Date(2026, 11, day, hour, min, 0, 0, time.UTC) }
	for name, check := range map[string]func(q translate.Request, s *care.Seen, l *care.Left) bool{
		"safe-for-discharge": func(_ translate.Request, s *care.Seen, l *care.Left) bool {
			return s.Fit.Value == "Y" && s.ReadyAt.Value.Equal(at(24, 9, 10)) && !s.ReadyDay && l == nil
		},
		"predicted-discharge-date": func(_ translate.Request, s *care.Seen, l *care.Left) bool {
			return s.Expected.Value.Day == 26 && l == nil
		},
		"location": func(_ translate.Request, s *care.Seen, l *care.Left) bool {
			return s.Where.Value.Name == "Ward 31" && s.Where.Value.Ward == "31" && l == nil
		},
		"several-at-once": func(_ translate.Request, s *care.Seen, l *care.Left) bool {
			return s.Where.Value.Name == "Ward 31" && s.Fit.Value == "N" && s.Expected.Value.Day == 28 && l == nil
		},
		"cancel-referral": func(q translate.Request, s *care.Seen, l *care.Left) bool {
			w, ok := q.Commands[0].(care.Withdraw)
			return ok && w.Why == "13" && w.WhyText == "Her sister will have her to stay" && l == nil
		},
		"self-discharged": func(q translate.Request, s *care.Seen, l *care.Left) bool {
			return len(q.Commands) == 0 && l != nil && l.Leaving.Self && !l.Leaving.Died && l.Leaving.At.Equal(at(26, 10, 40)) && l.Leaving.Destination == "19"
		},
		"confirm-discharge": func(q translate.Request, s *care.Seen, l *care.Left) bool {
			return len(q.Commands) == 0 && l != nil && !l.Leaving.Self && !l.Leaving.Died && l.Leaving.Method == "1" && !s.Expected.Told
		},
		"died": func(q translate.Request, s *care.Seen, l *care.Left) bool {
			return len(q.Commands) == 0 && l != nil && l.Leaving.Died && !l.Leaving.Self
		},
	} {
		q, err := read(example(t, name), sender(t))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var s *care.Seen
		var l *care.Left
		for _, o := range q.Observations {
			if o.Visit != "6521ea68-e87e-4c80-9ea4-510892d7025f" || !q.Must {
				t.Errorf("%s: %+v", name, q)
			}
			if o.Seen != nil {
				s = o.Seen
			}
			if o.Left != nil {
				l = o.Left
			}
		}
		if s == nil || s.Opens || !check(q, s, l) {
			t.Errorf("%s: %+v\n%+v\n%+v", name, q, s, l)
		}
	}
}

func TestANoteIsRead(t *testing.T) {
	q, err := read(example(t, "case-note"), sender(t))
	if err != nil {
		t.Fatal(err)
	}
	n := q.Commands[0].(care.AddNote).Note
	if n.Audience != care.AudienceBoth || !strings.HasPrefix(n.Text, "The date moved") || n.Referral != "ABCD-EFGH-JKMN" || n.By.Name != "Priya Nair" || q.Key != "https://fhir.kmh.example/note|N-1" {
		t.Errorf("%+v", q)
	}
}

// TestWhatIsWrongIsNamed spoils examples one element at a time.
func TestWhatIsWrongIsNamed(t *testing.T) {
	set := func(path string, v any) func(*fhir.Node) {
		return func(n *fhir.Node) {
			at, name, nested := strings.Cut(path, ".")
			for nested {
				n = n.Get(at)
				at, name, nested = strings.Cut(name, ".")
			}
			n.Set(at, v)
		}
	}
	reason := func(code, words string) func(*fhir.Node) {
		return func(n *fhir.Node) { n.Add("extension", cancellation(code, words)) }
	}
	for _, tt := range []struct {
		name, of   string
		spoil      func(*fhir.Node)
		code, path string
	}{
		{"no status", "refer-patient", set("status", nil), "required", "ReferralRequest.status"},
		{"another type", "refer-patient", set("type.coding", fhir.List(fhir.Coding(sysSNOMED, "1", ""))), "code-invalid", "ReferralRequest.type.coding"},
		{"no patient", "refer-patient", set("subject", nil), "required", "ReferralRequest.subject"},
		{"a patient that is elsewhere", "refer-patient", set("subject.reference", "Patient/7"), "not-found", "ReferralRequest.subject.reference"},
		{"a contained resource that is not there", "refer-patient", set("context.reference", "#other"), "not-found", "ReferralRequest.context.reference"},
		{"a bad number", "refer-patient", set("contained.identifier", fhir.List(fhir.Identifier(sysNHS, "9990041017"))), "value", "Patient.identifier.value"},
		{"no number", "refer-patient", set("contained.identifier", fhir.List(fhir.Identifier(sysLocal, "K1"))), "required", "Patient.identifier"},
		{"a date that does not exist", "refer-patient", set("contained.birthDate", "1941-02-30"), "value", "Patient.birthDate"},
		{"fit without a date", "safe-for-discharge", set("extension.extension", fhir.List(fhir.Obj("url", "medicallyFitStatus", "valueCoding", fhir.Coding(sysFit, "01", "")))), "invariant", "Encounter.extension('" + extFit + "')"},
		{"unfit with a date", "safe-for-discharge", set("extension.extension.valueCoding", fhir.Coding(sysFit, "02", "")), "invariant", "Encounter.extension('" + extFit + "')"},
		{"fitness missing", "location", set("extension", nil), "required", "Encounter.extension('" + extFit + "')"},
		{"no visit", "location", set("identifier", nil), "required", "Encounter.identifier"},
		{"an unknown status", "location", set("status", "gone"), "code-invalid", "Encounter.status"},
		{"cancelled without a reason", "location", set("status", "cancelled"), "required", "Encounter.extension"},
		{"an unknown reason", "location", reason("14", ""), "code-invalid", "Encounter.extension.valueCodeableConcept.coding.code"},
		{"reason 13 without words", "location", reason("13", ""), "required", "Encounter.extension.valueCodeableConcept.coding"},
		{"an unknown profile", "chc-checklist", set("meta.profile", []string{"https://h.example/other"}), "not-supported", "QuestionnaireResponse.meta.profile"},
		{"no basedOn", "chc-checklist", set("basedOn", nil), "required", "QuestionnaireResponse.basedOn"},
		{"no linkId", "chc-checklist", set("item.linkId", nil), "required", "QuestionnaireResponse.item.linkId"},
		{"an assessment notice withdrawn", "assessment-notice", reason("07", ""), "business-rule", "QuestionnaireResponse"},
		{"a notice in error without a reason", "discharge-notice", set("status", "entered-in-error"), "required", "QuestionnaireResponse"},
		{"consent of nobody", "assessment-notice", func(n *fhir.Node) {
			n.All("item")[2].Get("answer").Set("valueCoding", fhir.Coding("", "L", "Lacks Mental Capacity"))
		}, "business-rule", "QuestionnaireResponse.item"},
		{"an empty note", "case-note", set("payload", nil), "required", "Communication.payload.contentString"},
		{"a note about nothing", "case-note", set("basedOn", nil), "required", "Communication.basedOn"},
		{"a note taken back", "case-note", set("status", "entered-in-error"), "business-rule", "Communication.status"},
	} {
		n := example(t, tt.of)
		tt.spoil(n)
		_, err := read(n, sender(t))
		var e *fhir.Error
		if !errors.As(err, &e) || !slices.ContainsFunc(e.Issues, func(i fhir.Issue) bool { return i.Code == tt.code && i.Expression == tt.path }) {
			t.Errorf("%s: %v, want %s at %s", tt.name, err, tt.code, tt.path)
			continue
		}
		if strings.Contains(e.Error(), "99900410") || strings.Contains(e.Error(), "Ashworth") {
			t.Errorf("%s: an error repeats what was sent: %v", tt.name, e)
		}
	}
	if _, err := ReadPaper(example(t, "chc-checklist"), "ReferralRequest/other", sender(t)); err == nil {
		t.Error("based-on may differ from basedOn")
	}
	if _, err := ReadEncounter(example(t, "location"), "http://other|6521ea68-e87e-4c80-9ea4-510892d7025f", sender(t)); err == nil {
		t.Error("the identifier of the address may differ from the Encounter's")
	}
	if _, err := ReadPaper(example(t, "chc-checklist"), "https://council.example/ReferralService/v3/ReferralRequest/case1.ABCD-EFGH-JKMN", sender(t)); err != nil {
		t.Errorf("an absolute based-on: %v", err)
	}
}
