package api

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
)

const shd = "/ReferralService/v3"

var edith = mustNumber("9990041016")

func mustNumber(s string) nhs.Number {
	n, err := nhs.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return n
}

// shdExample is an example of the interface's documentation, about a referral.
func shdExample(t testing.TB, name, format, referral string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "translate", "stu3", "testdata", "shd", name+"."+format))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "REFERRAL", referral)
}

const edithVisit = "6521ea68-e87e-4c80-9ea4-510892d7025f"

var visitQuery = "/Encounter?identifier=" + url.QueryEscape("http://fhir.nottinghamshire.gov.uk/encounter/identifier|"+edithVisit)

// refer sends the example and gives the referral's id.
func (s *faceSite) refer(format string) string {
	s.Helper()
	a := s.call("POST", shd+"/ReferralRequest", shdExample(s, "refer-patient", format, ""), "Content-Type", "application/fhir+"+format)
	at := a.header.Get("Location")
	_, id, ok := strings.Cut(at, s.at+shd+"/ReferralRequest/")
	if a.status != 201 || !ok {
		s.Fatalf("%d %s %s", a.status, at, a.raw)
	}
	return id
}

// send sends an example in its use case.
func (s *faceSite) send(name, format, referral string) said {
	s.Helper()
	body := shdExample(s, name, format, referral)
	kind := []string{"Content-Type", "application/fhir+" + format, "Accept", "application/fhir+" + format}
	based := "/QuestionnaireResponse?based-on=" + url.QueryEscape("ReferralRequest/"+referral)
	switch name {
	case "refer-patient":
		return s.call("POST", shd+"/ReferralRequest", body, kind...)
	case "assessment-notice":
		return s.call("POST", shd+"/QuestionnaireResponse", body, kind...)
	case "preliminary-needs", "covid-19", "chc-checklist", "discharge-notice", "withdraw-discharge-notice":
		return s.call("PUT", shd+based, body, kind...)
	case "case-note":
		return s.call("POST", shd+"/Communication", body, kind...)
	}
	return s.call("PUT", shd+visitQuery, body, kind...)
}

// TestEveryUseCaseOfSHD plays the day of the documentation, in each format.
func TestEveryUseCaseOfSHD(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *faceSite) {
		for _, format := range []string{"json", "xml"} {
			if format == "xml" {
				s = newFaceSite(t, "sqlite")
			}
			id := s.refer(format)
			c := s.stored(edith)
			if c.Stay == nil || c.Stay.Where.Name != "Ward 12" || len(c.Referrals) != 1 || c.Referrals[0].To != county || c.Referrals[0].State != care.RefReceived {
				t.Fatalf("%+v %+v", c.Stay, c.Referrals)
			}
			for _, step := range []struct {
				name   string
				status int
				so     func(c care.Case) bool
			}{
				{"assessment-notice", 201, func(c care.Case) bool {
					return c.Papers[0].Kind == care.PaperAssessmentNotice && len(c.Papers[0].Items) == 7
				}},
				{"preliminary-needs", 201, func(c care.Case) bool { return len(c.Papers) == 2 && c.Papers[1].Kind == care.PaperNeeds }},
				{"covid-19", 201, func(c care.Case) bool { return c.Papers[2].Kind == care.PaperCovid }},
				{"chc-checklist", 201, func(c care.Case) bool { return c.Papers[3].Kind == care.PaperChecklist }},
				{"chc-checklist", 200, func(c care.Case) bool { return len(c.Papers) == 4 }},
				{"safe-for-discharge", 200, func(c care.Case) bool { return len(c.Stay.Ready) == 1 && c.Stay.Ready[0].To.IsZero() }},
				{"predicted-discharge-date", 200, func(c care.Case) bool { return c.Stay.EDD().Day == 26 }},
				{"location", 200, func(c care.Case) bool { return c.Stay.Where.Name == "Ward 31" }},
				{"case-note", 201, func(c care.Case) bool {
					return len(c.Notes) == 1 && c.Notes[0].Audience == care.AudienceBoth && strings.HasPrefix(c.Notes[0].Text, "The date moved")
				}},
				{"several-at-once", 200, func(c care.Case) bool { return !c.Stay.Ready[0].To.IsZero() && c.Stay.EDD().Day == 28 }},
				{"discharge-notice", 201, func(c care.Case) bool {
					return c.Papers[4].Kind == care.PaperDischargeNotice && c.Papers[4].Withdrawn.IsZero()
				}},
				{"withdraw-discharge-notice", 200, func(c care.Case) bool { return c.Papers[4].Why == "07" && !c.Papers[4].Withdrawn.IsZero() }},
				{"confirm-discharge", 200, func(c care.Case) bool {
					return c.Stay == nil && c.Past[0].Left.Method == "1" && c.Referrals[0].State == care.RefDischarged
				}},
			} {
				a := s.send(step.name, format, id)
				if a.status != step.status {
					t.Fatalf("%s in %s: %d %s\n%s", step.name, format, a.status, a.raw, s.log)
				}
				if c := s.stored(edith); !step.so(c) {
					t.Fatalf("%s in %s: %+v\n%+v\n%+v", step.name, format, c.Stay, c.Papers, c.Referrals)
				}
			}
		}
	})
}

// TestHowASHDReferralEnds plays each end from the beginning.
func TestHowASHDReferralEnds(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *faceSite) {
		for _, tt := range []struct {
			name  string
			state care.RefState
			why   string
			so    func(c care.Case) bool
		}{
			{"cancel-referral", care.RefWithdrawn, "13", func(c care.Case) bool {
				return c.Stay != nil && c.Referrals[0].WhyText == "Her sister will have her to stay"
			}},
			{"self-discharged", care.RefCancelled, "10", func(c care.Case) bool { return c.Stay == nil && c.Past[0].Left.Self }},
			{"died", care.RefDied, "08", func(c care.Case) bool { return c.Died != nil && c.Past[0].Left.Died }},
		} {
			if s.stored(edith).ID != "" {
				s = newFaceSite(t, "sqlite")
			}
			id := s.refer("json")
			for _, name := range []string{"assessment-notice", tt.name, tt.name, "location"} { // again, and late
				if a := s.send(name, "json", id); a.status != 200 && a.status != 201 {
					t.Fatalf("%s: %s: %d %s\n%s", tt.name, name, a.status, a.raw, s.log)
				}
			}
			c := s.stored(edith)
			if r := c.Referrals[0]; r.State != tt.state || r.Why != tt.why || !tt.so(c) {
				t.Errorf("%s: %+v\n%+v", tt.name, r, c.Stay)
			}
			if tt.name == "cancel-referral" && c.Papers[0].Withdrawn.IsZero() {
				t.Error("the assessment notice stands after its referral was cancelled")
			}
		}
	})
}

// TestASHDReferralIsThereOnce sends the same referral in every way that can be
// told from another.
func TestASHDReferralIsThereOnce(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *faceSite) {
		id := s.refer("json")
		body := shdExample(t, "refer-patient", "json", "")
		const condition = "identifier=https://fhir.kmh.example/referral|REF-2026-0417"
		a := s.call("POST", shd+"/ReferralRequest", body)
		if a.status != 409 || a.code() != "duplicate" || !strings.HasSuffix(a.header.Get("Location"), id) {
			t.Errorf("again: %d %s %v", a.status, a.raw, a.header)
		}
		if a := s.call("POST", shd+"/ReferralRequest", strings.Replace(body, "Lives alone", "Lives with her sister", 1)); a.status != 409 {
			t.Errorf("again with other words: %d %s", a.status, a.raw)
		}
		if a := s.call("POST", shd+"/ReferralRequest", body, "If-None-Exist", condition); a.status != 200 || !strings.HasSuffix(a.header.Get("Location"), id) {
			t.Errorf("if none exist: %d %s %v", a.status, a.raw, a.header)
		}
		if a := s.call("POST", shd+"/ReferralRequest", body, "If-None-Exist", "identifier=https://fhir.kmh.example/referral|other"); a.status != 422 {
			t.Errorf("if another does not exist: %d %s", a.status, a.raw)
		}
		if c := s.stored(edith); len(c.Referrals) != 1 || c.Referrals[0].Answers.Get("description") != "Lives alone, one flight of stairs. Was independent before the fall." {
			t.Errorf("%+v", c.Referrals)
		}
		note := shdExample(t, "case-note", "json", id)
		for _, want := range []int{201, 409} {
			if a := s.call("POST", shd+"/Communication", note); a.status != want {
				t.Errorf("a note: %d %s, want %d", a.status, a.raw, want)
			}
		}
	})
}

// TestWhatSHDSentIsReadBack reads what was sent, by the address that was given.
func TestWhatSHDSentIsReadBack(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *faceSite) {
		id := s.refer("json")
		a := s.call("GET", shd+"/ReferralRequest/"+id, "")
		if a.status != 200 || a.header.Get("ETag") == "" || a.body.Str("status") != "active" || a.body.Str("description") != "Lives alone, one flight of stairs. Was independent before the fall." ||
			a.body.Str("type.coding.code") != "715591000000108" || !strings.HasPrefix(a.body.Str("subject.reference"), "Patient/") {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		if again := s.call("GET", shd+"/ReferralRequest/"+id, "", "If-None-Match", a.header.Get("ETag")); again.status != 304 {
			t.Errorf("%d", again.status)
		}
		p := s.call("GET", shd+"/"+a.body.Str("subject.reference"), "", "Accept", "application/fhir+xml")
		if p.status != 200 || p.body.Str("name.family") != "Ashworth" || p.body.Str("identifier.value") != "9990041016" {
			t.Errorf("%d %s", p.status, p.raw)
		}
		e := s.call("GET", shd+"/"+a.body.Str("context.reference"), "")
		if e.status != 200 || e.body.Str("identifier.value") != edithVisit || e.body.Str("status") != "in-progress" {
			t.Errorf("%d %s", e.status, e.raw)
		}
		if f := s.call("GET", shd+visitQuery, ""); f.status != 200 || f.body.Str("total") != "1" || f.body.Str("entry.resource.id") != e.body.ID() {
			t.Errorf("%d %s", f.status, f.raw)
		}
		for _, name := range []string{"chc-checklist", "case-note"} {
			sent := s.send(name, "json", id)
			got := s.call("GET", strings.TrimPrefix(sent.header.Get("Location"), s.at), "")
			if got.status != 200 || got.body.Type() == "" || got.body.Str("basedOn.reference") != "ReferralRequest/"+id {
				t.Errorf("%s: %v %d %s", name, sent.header, got.status, got.raw)
			}
		}
		if w := s.call("PUT", shd+visitQuery, shdExample(t, "location", "json", id), "Prefer", "return=representation", "If-Match", `W/"stale"`); w.status != 412 {
			t.Errorf("%d %s", w.status, w.raw)
		}
		now := s.call("GET", shd+"/"+a.body.Str("context.reference"), "").header.Get("ETag")
		w := s.call("PUT", shd+visitQuery, shdExample(t, "location", "json", id), "Prefer", "return=representation", "If-Match", now)
		if w.status != 200 || w.header.Get("ETag") == now || !strings.Contains(w.raw, "Ward 31") {
			t.Errorf("%d %v %s", w.status, w.header, w.raw)
		}
		s.as = "qmc-epr"
		for _, path := range []string{"/ReferralRequest/" + id, "/" + a.body.Str("subject.reference"), "/" + a.body.Str("context.reference")} {
			if n := s.call("GET", shd+path, ""); n.status != 404 {
				t.Errorf("another hospital reads %s: %d %s", path, n.status, n.raw)
			}
		}
	})
}

// TestSHDRefusesWhatIsNotTheSenders asks as another hospital, as a council, and
// about what is not there.
func TestSHDRefusesWhatIsNotTheSenders(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *faceSite) {
		if a := s.send("location", "json", ""); a.status != 404 || a.code() != "not-found" {
			t.Errorf("an unknown stay: %d %s", a.status, a.raw)
		}
		if a := s.send("chc-checklist", "json", "case1.ABCD-EFGH-JKMN"); a.status != 404 {
			t.Errorf("an unknown referral: %d %s", a.status, a.raw)
		}
		id := s.refer("json")
		before := s.stored(edith).Version
		s.as = "qmc-epr"
		for _, name := range []string{"location", "chc-checklist", "case-note", "cancel-referral", "confirm-discharge"} {
			if a := s.send(name, "json", id); a.status != 404 && a.status != 403 {
				t.Errorf("another hospital, %s: %d %s", name, a.status, a.raw)
			}
		}
		s.as = "county-mosaic"
		for _, name := range []string{"location", "chc-checklist", "refer-patient"} {
			if a := s.send(name, "json", id); a.status != 404 && a.status != 403 && a.status != 409 {
				t.Errorf("a council, %s: %d %s", name, a.status, a.raw)
			}
		}
		if c := s.stored(edith); c.Version != before {
			t.Errorf("they changed the case: %d, was %d", c.Version, before)
		}
		if strings.Contains(s.log.String(), "Ashworth") || strings.Contains(s.log.String(), "9990041016") {
			t.Error("the log names the person")
		}
	})
}

func TestSHDSaysWhatIsWrong(t *testing.T) {
	s := newFaceSite(t, "sqlite")
	id := s.refer("json")
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		expression               string
	}{
		{"MedFit-1", "PUT", visitQuery, strings.Replace(shdExample(t, "safe-for-discharge", "json", id), `"code": "01"`, `"code": "02"`, 1), 422, "Encounter.extension[0]"},
		{"no identifier in the address", "PUT", "/Encounter", shdExample(t, "location", "json", id), 400, ""},
		{"another parameter", "PUT", visitQuery + "&nhs=9990041016", shdExample(t, "location", "json", id), 400, ""},
		{"another identifier", "PUT", "/Encounter?identifier=other", shdExample(t, "location", "json", id), 422, "Encounter.identifier"},
		{"another person", "PUT", visitQuery, strings.ReplaceAll(shdExample(t, "location", "json", id), "9990041016", "9990041024"), 409, "Encounter.subject"},
		{"no based-on", "PUT", "/QuestionnaireResponse", shdExample(t, "chc-checklist", "json", id), 400, ""},
		{"another based-on", "PUT", "/QuestionnaireResponse?based-on=ReferralRequest/0", shdExample(t, "chc-checklist", "json", id), 422, "QuestionnaireResponse.basedOn.reference"},
		{"another resource", "PUT", visitQuery, shdExample(t, "case-note", "json", id), 422, ""},
		{"no content", "POST", "/Communication", strings.Replace(shdExample(t, "case-note", "json", id), `"contentString"`, `"contentReference"`, 1), 422, ""},
		{"an empty note", "POST", "/Communication", `{"resourceType":"Communication","status":"completed","basedOn":[{"reference":"ReferralRequest/` + id + `"}]}`, 422, "Communication.payload"},
		{"only an unknown profile", "POST", "/Communication", strings.Replace(shdExample(t, "case-note", "json", id), "https://fhir.nottinghamshire.gov.uk/STU3/StructureDefinition/CareConnect-SHD-Communication-1", "https://h.example/other", 1), 422, "Communication.meta.profile"},
		{"malformed", "POST", "/Communication", `{"resourceType":"Communication",`, 400, ""},
	} {
		a := s.call(tt.method, shd+tt.path, tt.body)
		named := tt.expression == "" || slices.ContainsFunc(a.body.All("issue"), func(i *fhir.Node) bool { return strings.HasPrefix(i.Str("expression"), tt.expression) })
		if a.status != tt.status || a.body.Type() != "OperationOutcome" || !named {
			t.Errorf("%s: %d %s", tt.name, a.status, a.raw)
		}
		if strings.Contains(a.raw, "9990041016") || strings.Contains(a.raw, "Ashworth") {
			t.Errorf("%s: the answer repeats what was sent: %s", tt.name, a.raw)
		}
	}
	if a := s.call("GET", shd+"/metadata", "", "Authorization", ""); a.status != 200 || a.body.Type() != "CapabilityStatement" || len(a.body.All("rest.resource")) != 5 {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

// dayOfSHD are the calls of a day that may come in any order after the referral.
var dayOfSHD = []string{"assessment-notice", "preliminary-needs", "covid-19", "chc-checklist", "safe-for-discharge", "predicted-discharge-date", "location", "case-note",
	"several-at-once", "discharge-notice", "withdraw-discharge-notice", "confirm-discharge"}

// TestAnyOrderOfADayOfSHDIsTheSame sends a day's calls in other orders, some twice:
// what is older never stands over what is newer.
func TestAnyOrderOfADayOfSHDIsTheSame(t *testing.T) {
	play := func(t *testing.T, order []int, engine string) care.Case {
		s := newFaceSite(t, engine)
		id := s.refer("json")
		for k, i := range order {
			a := s.send(dayOfSHD[i], "json", id)
			late := a.status == 409 && strings.Contains(dayOfSHD[i], "discharge-notice")
			again := a.code() == "duplicate" && dayOfSHD[i] == "case-note"
			if a.status != 200 && a.status != 201 && !late && !again {
				t.Fatalf("%v: %s as the %d.: %d %s", order, dayOfSHD[i], k, a.status, a.raw)
			}
		}
		return s.stored(edith)
	}
	inOrder := make([]int, len(dayOfSHD))
	for i := range inOrder {
		inOrder[i] = i
	}
	want := endOf(play(t, inOrder, "sqlite"))
	backwards := slices.Clone(inOrder)
	slices.Reverse(backwards)
	orders := [][]int{backwards}
	for seed := range 6 { // a few that are fixed, so that a failure comes again
		o := slices.Clone(inOrder)
		for i := range o {
			j := (i*7 + seed*5 + 3) % len(o)
			o[i], o[j] = o[j], o[i]
		}
		orders = append(orders, append(o, o[:3]...))
	}
	for i, o := range orders {
		engine := "sqlite"
		if i == 0 {
			engine = "postgres"
		}
		if got := endOf(play(t, o, engine)); got != want {
			t.Errorf("in the order %v:\n%s\nwant\n%s", o, got, want)
		}
	}
}

// endOf says how a case stands, without what tells when we heard of it: each call
// repeats all that is so, and what is told twice counts from when it was told first.
func endOf(c care.Case) string {
	var b strings.Builder
	say := func(parts ...string) { b.WriteString(strings.Join(parts, " ") + "\n") }
	for _, st := range append(c.Past, care.Stay{}) {
		if c.Stay != nil && st.Visit == "" {
			st = *c.Stay
		}
		if st.Visit == "" {
			continue
		}
		say(st.Visit, st.Where.Say(), st.Consultant, st.Reason, st.Class, st.Admitted.Format(time.RFC3339))
		for _, m := range st.Moves {
			say("  moved", m.To.Say())
		}
		say("  expected", st.EDD().String(), "ready", st.ReadySince().String())
		if st.Left != nil {
			say("  left", st.Left.At.Format(time.RFC3339), st.Left.Method, st.Left.Destination)
		}
	}
	for _, r := range c.Referrals {
		say(string(r.State), r.Why)
	}
	var papers []string
	for _, p := range c.Papers {
		line := string(p.Kind) + " " + p.Why
		for _, i := range p.Items {
			line += " " + i.Link + "=" + i.Answer
		}
		papers = append(papers, line)
	}
	slices.Sort(papers)
	say(papers...)
	for _, n := range c.Notes {
		say(n.Text)
	}
	return b.String()
}
