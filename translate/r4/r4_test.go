package r4

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/form"
	"homeward/nhs"
	"homeward/pathways"
	"homeward/translate"
)

var update = flag.Bool("update", false, "write the golden files again")

var base = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

func ago(h float64) time.Time { return base.Add(-time.Duration(h * float64(time.Hour))) }

func forms(t testing.TB) func(string, int) (*form.Pathway, bool) {
	t.Helper()
	lib, err := form.Load(pathways.Files)
	if err != nil {
		t.Fatal(err)
	}
	return lib.Get
}

var (
	trust   = care.Org{ODS: "RK5", Name: "Sherwood Forest Hospitals", Kind: care.Trust, Phone: "01632 960001"}
	notts   = care.Org{ODS: "E10000024", Name: "Nottinghamshire County Council", Kind: care.Council, Phone: "01632 960002", OutOfHours: "01632 960003"}
	city    = care.Org{ODS: "512", Name: "Nottingham City Council", Kind: care.Council}
	nurse   = care.Who{ID: "u1", Name: "Orla Byrne", Org: "RK5"}
	worker  = care.Who{ID: "w1", Name: "Sunita Rao", Org: "E10000024"}
	allSeen = translate.Sees{Person: true, Whereabouts: true, Packages: true, Provider: true, Safeguarding: true, Assessments: true, Risk: true,
		Referral: true, Notes: true, Timeline: true}
)

// full is a case with something of everything.
func full(t testing.TB) translate.Shown {
	hold := care.Holding{Council: "E10000024", AsAt: ago(5), Worker: "Sunita Rao", Team: "north",
		Safeguarding: care.Safeguarding{Answer: care.AnswerYes, AsAt: ago(6)},
		Packages: []care.Package{
			{Ref: "P-1", Kind: "HS", Title: "Home care, mornings", Status: care.PackageOnHold, Start: nhs.Date{Year: 2025, Month: 3, Day: 1}, Provider: "17"},
			{Ref: "P-2", Kind: "R", Status: care.PackageFinished, Start: nhs.Date{Year: 2024, Month: 1, Day: 5}, End: nhs.Date{Year: 2024, Month: 2, Day: 16}, Funding: "Fully social care funded"},
			{Ref: "P-2", Kind: "EQ", Title: "Community alarm", Status: care.PackageActive, Provider: "18"}},
		Equipment: []care.Equipment{{Ref: "E-1", Title: "Key safe", Status: "delivered", Delivered: nhs.Date{Year: 2025, Month: 2, Day: 20}}, {Ref: "E-2", Title: "Hoist", Status: "ordered"}}}
	ward := care.Location{Ward: "W31", Name: "Ward 31", Bay: "2", Bed: "4", Site: "RK5BC"}
	emau := care.Location{Ward: "EMAU", Name: "Emergency Assessment Unit"}
	return translate.Shown{
		By: care.Actor{ID: "system-epr", Name: "EPR", Role: care.Machine, Org: "RK5", OrgKind: care.Trust}, Sees: allSeen, Now: base, Forms: forms(t),
		Orgs: map[nhs.ODS]care.Org{"RK5": trust, "E10000024": notts},
		Councils: []translate.ShownCouncil{{Council: notts, Holding: &hold, AsAt: ago(5),
			Providers: map[string]care.Provider{"17": {Council: "E10000024", ID: "17", Name: "Harebell Care", Phone: "01632 960104", OutOfHours: "01632 960105",
				Hours: "18:00 to 08:00", Email: "duty@harebell.example", CQC: "1-999000017", Verified: nhs.Date{Year: 2026, Month: 9, Day: 1}}},
			Team: &care.Team{Council: "E10000024", ID: "north", Name: "North hospital team", Phone: "01632 960106"}}},
		Case: care.Case{ID: "c4se0000000000000000000001", Version: 9, NHS: nhs.Test(4711), Trace: "01", Updated: ago(1), News: ago(1), Formerly: []nhs.Number{nhs.Test(11)},
			IDs: []care.Identifier{{System: "mrn:RK5", Value: "T4711"}, {System: "council:E10000024", Value: "900123"}},
			Person: care.Person{Family: "Quillfeather", Given: "Barbarina May", Title: "Mrs", Preferred: "Babs", Born: nhs.Date{Year: 1938, Month: 2, Day: 11}, Sex: "Female",
				Address: care.Address{Lines: []string{"7 Lime Kiln Yard", "Mansfield"}, Postcode: "NG99 7ZZ", UPRN: "10099123456"}, Phone: "01632 960112", GP: "C89999",
				GPName: "Meadow Surgery", Language: "Polish", Kin: []care.Kin{{Name: "Sean Penhallow", Relation: "Son", Phone: "01632 960113"}}, Source: "epr", AsAt: ago(90)},
			Stay: &care.Stay{Visit: "V4711", Org: "RK5", Class: "I", Where: ward, Moves: []care.Move{{At: ago(80), To: emau}, {At: ago(60), From: emau, To: ward}},
				Admitted: ago(90), Consultant: "Dr Amara Cole", Specialty: "Geriatric medicine", Reason: "Fall", Method: "21", Fit: "Y", Source: "epr",
				Ready:    []care.Period{{From: ago(40), To: ago(30)}, {From: ago(20)}},
				Expected: []care.Expected{{Date: nhs.Date{Year: 2026, Month: 11, Day: 26}, Said: ago(50)}, {Date: nhs.Date{Year: 2026, Month: 11, Day: 27}, Said: ago(20)}},
				Known:    care.Known{Where: ago(60), Fit: ago(20)}},
			Past: []care.Stay{{Visit: "V4000", Org: "RK5", Class: "E", Where: emau, Admitted: ago(4000), Method: "21",
				Left: &care.Leaving{At: ago(3990), Method: "1", Destination: "19"}}},
			Plans: []care.Plan{{Visit: "V4999", Org: "RK5", At: base.Add(240 * time.Hour), Said: ago(2)}},
			Referrals: []care.Referral{{ID: "AB12-CD34-EF56", Key: "https://epr.example/referral|77", Stay: "V4711", From: "RK5", To: "E10000024", Reference: "4471902",
				Pathway: "1", Form: "d2a", FormVersion: 1, State: care.RefAssessing, Sent: ago(18), SentBy: nurse, Received: ago(18), Accepted: ago(17), Allocated: ago(16),
				Worker: worker, Watching: true, Holder: care.Holder{Org: "E10000024", Team: "north", Who: worker, Since: ago(10), Next: "Finish the assessment"},
				Answers: form.Answers{"family": {"Quillfeather"}, "born": {"1938-02-11"}, "pathway": {"P1"}, "care_needs": {"Needs help to wash.\nWalks with a frame."},
					"interpreter": {"Y"}, "care_before": {"council", "carer"}, "edd": {"2026-11-27"}},
				Returns: []care.Return{{At: ago(17.5), By: worker, Reasons: []string{"consent", "home"}, Needed: "Who holds a key?", Answered: ago(17.2)}}}},
			Notes: []care.Note{{ID: "note1", At: ago(3), By: nurse, Audience: care.AudienceBoth, Text: "She is frightened of stairs.", Referral: "AB12-CD34-EF56"},
				{ID: "note2", At: ago(2), By: care.Who{Name: "EPR", Org: "RK5"}, Audience: care.AudienceHospital, Text: "Son rang the ward."}},
			Papers: []care.Paper{{ID: "paper1", Key: "https://epr.example/notice|5", Kind: care.PaperAssessmentNotice, Referral: "AB12-CD34-EF56", At: ago(15), By: nurse,
				Items: []care.Said{{Link: "1.1", Text: "Person consulted", Answer: "Yes", Code: "Y"}, {Link: "1.2", Text: "Notes", Answer: "None"}}},
				{ID: "paper2", Kind: care.PaperDischargeNotice, Referral: "AB12-CD34-EF56", At: ago(9), By: nurse, Withdrawn: ago(8), Why: "07", WhyText: "Fell again",
					Items: []care.Said{{Link: "2", Text: "Date", Answer: "27-Nov-2026"}}}},
		},
	}
}

// restricted is the record of somebody whose whereabouts must not be told.
func restricted(t testing.TB) translate.Shown {
	s := full(t)
	s.Case.Sensitive = true
	s.By = care.Actor{ID: "system-council", Org: "E10000024", OrgKind: care.Council, Role: care.Machine}
	return s
}

// withheld is what a hospital sees whom the council shares nothing with.
func withheld(t testing.TB) translate.Shown {
	s := full(t)
	s.Councils = []translate.ShownCouncil{{Council: notts, Withheld: true}, {Council: city, Gone: true, AsAt: ago(900)}}
	s.Sees.Packages, s.Sees.Provider, s.Sees.Safeguarding, s.Sees.Referral, s.Sees.Notes, s.Sees.Assessments = false, false, false, false, false, false
	s.Case.Referrals, s.Case.Notes, s.Case.Papers = nil, nil, nil
	s.Orgs["512"] = city
	return s
}

func died(t testing.TB) translate.Shown {
	s := full(t)
	c := &s.Case
	c.Died = &care.Death{At: ago(1), Source: "epr"}
	st := *c.Stay
	st.Left = &care.Leaving{At: ago(1), Method: "4", Destination: "79", Died: true}
	st.Ready = []care.Period{{From: ago(20), To: ago(1)}}
	c.Past, c.Stay = append(slices.Clone(c.Past), st), nil
	r := c.Referrals[0]
	r.State, r.Ended, r.Why = care.RefDied, ago(1), "08"
	c.Referrals = []care.Referral{r}
	return s
}

func returned(t testing.TB) translate.Shown {
	s := full(t)
	r := s.Case.Referrals[0]
	r.State, r.Holder = care.RefReturned, care.Holder{Org: "RK5", Who: nurse, Since: ago(4), Next: "Send the missing information"}
	r.Returns = append(slices.Clone(r.Returns), care.Return{At: ago(4), By: worker, Reasons: []string{"capacity"}, Needed: "Was capacity assessed?"})
	second := care.Referral{ID: "ZZ11-ZZ22-ZZ33", Key: "k2", From: "RK5", Likely: []nhs.ODS{"E10000024", "512"}, Form: "d2a", FormVersion: 1, State: care.RefSent,
		Sent: ago(2), SentBy: nurse, Watching: true, Holder: care.Holder{Org: "RK5", Team: care.Unresolved, Since: ago(2), Next: "Find the responsible council"}}
	s.Case.Referrals = []care.Referral{r, second}
	s.Orgs["512"] = city
	return s
}

// council is what a council's system sees: its own data without another's, and no number.
func council(t testing.TB) translate.Shown {
	s := full(t)
	s.By = care.Actor{ID: "system-council", Org: "E10000024", OrgKind: care.Council, Role: care.Machine}
	s.Case.NHS, s.Case.Trace, s.Case.Formerly = nhs.Number{}, "", nil
	s.Case.Doubt = &care.Doubt{Kind: care.DoubtShared, Since: ago(3)}
	h := *s.Councils[0].Holding
	h.Packages, h.Equipment, h.Safeguarding = nil, nil, care.Safeguarding{Answer: care.AnswerNo, AsAt: ago(5)}
	s.Councils = []translate.ShownCouncil{{Council: notts, Holding: &h, AsAt: ago(5)}}
	s.Case.Stay.OnLeave, s.Case.Stay.Fit, s.Case.Stay.Ready = true, "N", nil
	s.Case.Person.Language = "Kashubian"
	return s
}

func empty(testing.TB) translate.Shown {
	return translate.Shown{Case: care.Case{ID: "c4se0000000000000000000009", Version: 1, News: ago(1)}, Now: base}
}

func samples(t testing.TB) map[string]translate.Shown {
	return map[string]translate.Shown{"full": full(t), "restricted": restricted(t), "withheld": withheld(t), "died": died(t), "returned": returned(t),
		"council": council(t), "empty": empty(t)}
}

// TestGolden holds what is written of each sample to what was looked at.
func TestGolden(t *testing.T) {
	for name, s := range samples(t) {
		var entries []*fhir.Node
		for _, n := range Resources(s) {
			entries = append(entries, fhir.Obj("fullUrl", "https://homeward.example/fhir/R4/"+n.Type()+"/"+n.ID(), "resource", n))
		}
		golden(t, name, fhir.Obj("resourceType", "Bundle", "type", "collection", "timestamp", instant(base), "entry", entries))
	}
	p, _ := forms(t)("d2a", 1)
	golden(t, "questionnaire", Questionnaire(p))
}

func golden(t *testing.T, name string, n *fhir.Node) {
	t.Helper()
	raw, err := fhir.Write(n, fhir.JSON, fhir.R4)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(string(raw), `{"fullUrl"`, "\n"+`{"fullUrl"`) + "\n"
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: what is written has changed; look at it, then go test ./translate/r4 -update", path)
	}
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)

// TestIDs holds that ids are ids, no two the same, that references lead somewhere,
// and that a resource is found again by its id.
func TestIDs(t *testing.T) {
	for name, s := range samples(t) {
		all := Resources(s)
		have := map[string]bool{}
		for _, n := range all {
			key := n.Type() + "/" + n.ID()
			if have[key] {
				t.Errorf("%s: %s is there twice", name, key)
			}
			have[key] = true
			if !idPattern.MatchString(n.ID()) {
				t.Errorf("%s: %q is no id", name, n.ID())
			}
			if one := One(s, n.Type(), n.ID()); fhir.Hash(one) != fhir.Hash(n) {
				t.Errorf("%s: %s read alone is another", name, key)
			}
			if c, ok := CaseOf(n.ID()); !slices.Contains(directoryTypes, n.Type()) && (!ok || c != s.Case.ID) {
				t.Errorf("%s: %s is not of its case", name, key)
			}
		}
		for _, n := range all {
			for ref := range fhir.References(n) {
				if !have[ref.Text] {
					t.Errorf("%s: %s/%s %s leads nowhere: %s", name, n.Type(), n.ID(), ref.Path, ref.Text)
				}
			}
		}
	}
}

// TestSameForIndex holds that the ids and states are those of the index.
func TestSameForIndex(t *testing.T) {
	for name, s := range samples(t) {
		if s.Case.Sensitive {
			continue
		}
		for _, h := range s.Councils {
			if h.Holding != nil {
				s.Case.Holdings = append(s.Case.Holdings, *h.Holding)
			}
		}
		shown := map[string]string{}
		for _, n := range Resources(s) {
			status := n.Str("status")
			if n.Type() == "Patient" || n.Type() == "RelatedPerson" {
				status = n.Str("active")
			}
			shown[n.Type()+"/"+n.ID()] = status
		}
		for _, x := range care.Resources(s.Case) {
			if name == "empty" && x.Type != "Patient" {
				continue
			}
			if got, ok := shown[x.Type+"/"+x.ID]; !ok || got != x.Status {
				t.Errorf("%s: the index has %s %s as %q, it is shown as %q", name, x.Type, x.ID, x.Status, got)
			}
		}
	}
}

// TestNothingReadsAsNone holds that whatever is not known or not shared is said so.
func TestNothingReadsAsNone(t *testing.T) {
	for name, s := range samples(t) {
		if len(Of(s, "EpisodeOfCare")) == 0 || len(Of(s, "Flag")) == 0 {
			t.Errorf("%s: nothing stands for packages or safeguarding", name)
		}
	}
	for _, n := range Of(withheld(t), "EpisodeOfCare") {
		if code := n.Str("type.coding.code"); !strings.HasPrefix(code, "DNH-") || n.Str("status") != "active" {
			t.Errorf("what is withheld is shown as %s, %s", code, n.Str("status"))
		}
	}
	for _, n := range Of(withheld(t), "Flag") {
		if n.Str("status") != "active" || n.Str("code.coding.code") != "not-shared" {
			t.Errorf("a flag that is not shared is %s, %s", n.Str("status"), n.Str("code.coding.code"))
		}
	}
	if n := Of(council(t), "Flag")[0]; n.Str("status") != "inactive" || n.Str("code.coding.code") != "861931000000100" {
		t.Error("no open enquiry is not said so")
	}
}

// TestRestricted holds that nothing of a sensitive record tells where the person is
// or lives, whatever came in for it.
func TestRestricted(t *testing.T) {
	s := restricted(t)
	kept := fhir.Obj("resourceType", "Patient", "id", string(s.Case.ID), "address", []*fhir.Node{fhir.Obj("text", "7 Lime Kiln Yard")},
		"photo", []*fhir.Node{fhir.Obj("title", "at Lime Kiln")})
	s.Kept = map[string]translate.Kept{"Patient/" + string(s.Case.ID): {Type: "Patient", Version: fhir.R4, Tree: kept}}
	for _, n := range Resources(s) {
		raw, _ := fhir.Write(n, fhir.JSON, fhir.R4)
		for _, word := range []string{"Lime Kiln", "NG99", "960112", "960113", "Meadow Surgery", "Ward 31", "W31"} {
			if strings.Contains(string(raw), word) {
				t.Errorf("%s tells %q", n.Type(), word)
			}
		}
		if !slices.Contains(directoryTypes, n.Type()) && n.Str("meta.security.code") != "R" {
			t.Errorf("%s is not marked as restricted", n.Type())
		}
	}
}

// TestKept holds that what came in unknown goes out again, and that it never
// brings back what is ours to say.
func TestKept(t *testing.T) {
	s := full(t)
	id := Of(s, "Encounter")[1].ID()
	tree := fhir.Obj("resourceType", "Encounter", "id", "theirs", "text", fhir.Obj("status", "generated"),
		"meta", fhir.Obj("versionId", "7", "tag", []*fhir.Node{fhir.Coding("https://epr.example/tag", "x", "")}),
		"contained", []*fhir.Node{fhir.Obj("resourceType", "Account", "id", "a"), fhir.Obj("resourceType", "Account", "id", "unused")},
		"extension", []*fhir.Node{ext("https://epr.example/ext", "valueString", "theirs"), ext(extReadiness, "valueString", "old")},
		"identifier", []*fhir.Node{fhir.Identifier("https://epr.example/spell", "S1")},
		"status", "finished", "account", []*fhir.Node{fhir.Obj("reference", "#a")}, "reasonCode", []*fhir.Node{fhir.Concept("Old reason")},
		"hospitalization", fhir.Obj("extension", []*fhir.Node{ext("https://epr.example/h", "valueString", "h")}, "dischargeDisposition", fhir.Concept("home")))
	s.Kept = map[string]translate.Kept{"Encounter/" + id: {Type: "Encounter", Version: fhir.R4, Tree: tree}}
	n := One(s, "Encounter", id)
	for path, want := range map[string]string{"account.reference": "#a", "status": "in-progress", "reasonCode.text": "Fall", "contained.id": "a",
		"hospitalization.dischargeDisposition.text": "", "text.status": "", "id": id} {
		if got := n.Str(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	raw, _ := fhir.Write(n, fhir.JSON, fhir.R4)
	for _, word := range []string{`"theirs"`, "https://epr.example/spell", "https://epr.example/h", "https://epr.example/tag"} {
		if !strings.Contains(string(raw), word) {
			t.Errorf("%s did not go out again", word)
		}
	}
	for _, word := range []string{`"old"`, "unused", "Old reason"} {
		if strings.Contains(string(raw), word) {
			t.Errorf("%s came back", word)
		}
	}
	if n.Str("meta.versionId") == One(full(t), "Encounter", id).Str("meta.versionId") {
		t.Error("the version does not tell that there is more")
	}
}

func BenchmarkResources(b *testing.B) {
	s := full(b)
	b.ReportAllocs()
	for b.Loop() {
		if len(Resources(s)) < 20 {
			b.Fatal("too few")
		}
	}
}

func BenchmarkOne(b *testing.B) {
	s := full(b)
	for _, typ := range []string{"Patient", "Encounter", "ServiceRequest"} {
		id := Of(s, typ)[0].ID()
		b.Run(typ, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if One(s, typ, id) == nil {
					b.Fatal("gone")
				}
			}
		})
	}
}
