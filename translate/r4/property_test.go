package r4

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

var (
	anyWord = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9 '<&"é-]{0,12}[A-Za-z0-9]`)
	anyHour = rapid.Custom(func(t *rapid.T) time.Time { return ago(float64(rapid.IntRange(2, 400).Draw(t, "hours"))) })
	anyDay  = rapid.Custom(func(t *rapid.T) nhs.Date { return nhs.DateOf(anyHour.Draw(t, "day")) })
)

func maybe[T any](t *rapid.T, g *rapid.Generator[T], name string) (zero T) {
	if rapid.Bool().Draw(t, "has "+name) {
		return g.Draw(t, name)
	}
	return zero
}

// anyStay is a stay as a hospital could have told it.
var anyStay = rapid.Custom(func(t *rapid.T) care.Stay {
	s := care.Stay{Visit: anyWord.Draw(t, "visit"), Org: "RK5", Class: rapid.SampledFrom([]string{"I", "E", "R", "B", "W"}).Draw(t, "class"), Admitted: ago(500),
		Consultant: maybe(t, anyWord, "consultant"), Specialty: maybe(t, anyWord, "specialty"), Reason: maybe(t, anyWord, "reason"), Method: maybe(t, rapid.SampledFrom([]string{"21", "2A", "11"}), "method"),
		Where: care.Location{Ward: anyWord.Draw(t, "ward"), Name: maybe(t, anyWord, "name"), Bay: maybe(t, anyWord, "bay"), Bed: maybe(t, anyWord, "bed"), Site: maybe(t, anyWord, "site")},
		Fit:   rapid.SampledFrom([]string{"", "Y", "N"}).Draw(t, "fit")}
	if s.Fit == "Y" {
		s.Ready = []care.Period{{From: anyHour.Draw(t, "ready")}}
	}
	if rapid.Bool().Draw(t, "predicted") {
		s.Expected = []care.Expected{{Date: anyDay.Draw(t, "date"), Said: ago(3)}}
	}
	if rapid.Bool().Draw(t, "left") {
		method := rapid.SampledFrom([]string{"1", "4", "6", "7", "9"}).Draw(t, "how")
		s.Left = &care.Leaving{At: ago(1), Method: method, Destination: maybe(t, rapid.SampledFrom([]string{"19", "54", "85"}), "to"), Died: method == "4", Self: method == "6" || method == "7"}
		if s.Fit == "Y" {
			s.Ready[0].To = ago(1)
		}
	} else {
		s.OnLeave = rapid.Bool().Draw(t, "on leave")
	}
	return s
})

// through writes and parses a resource in one of the formats.
func through(t *rapid.T, n *fhir.Node) *fhir.Node {
	f := rapid.SampledFrom([]fhir.Format{fhir.JSON, fhir.XML}).Draw(t, "format")
	raw, err := fhir.Write(n, f, fhir.R4)
	if err != nil {
		t.Fatal(err)
	}
	out, err := fhir.Parse(raw, f, fhir.R4, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAnyStayComesBack holds that whatever is written of a stay and its person, in
// either format, is read again as it was.
func TestAnyStayComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := translate.Shown{Sees: allSeen, Now: base, Case: care.Case{ID: "abc", News: ago(1), NHS: nhs.Test(rapid.IntRange(1, 900000).Draw(t, "number")), Trace: "01",
			Person: care.Person{Family: anyWord.Draw(t, "family"), Given: anyWord.Draw(t, "given"), Sex: rapid.SampledFrom([]string{"Female", "Male", "Not specified", "Not known"}).Draw(t, "sex"),
				Born: anyDay.Draw(t, "born"), Phone: maybe(t, anyWord, "phone"), Language: maybe(t, anyWord, "language"), Title: maybe(t, rapid.SampledFrom([]string{"Mrs", "Dr"}), "title"),
				Address: care.Address{Lines: []string{anyWord.Draw(t, "line")}, Postcode: "ZZ99 3AA", UPRN: maybe(t, rapid.StringMatching(`[0-9]{6,12}`), "uprn")}}}}
		p := &s.Case.Person
		p.Given = joinedWords(p.Given) // names are words
		stay := anyStay.Draw(t, "stay")
		if stay.Left == nil {
			s.Case.Stay = &stay
		} else {
			s.Case.Past = []care.Stay{stay}
		}
		n := through(t, bundleOf("transaction", Of(s, "Patient")[0], Of(s, "Encounter")[0]))
		qs, err := Read(n, hospital())
		if err != nil {
			t.Fatal(err)
		}
		var got care.Case
		for _, o := range qs[0].Observations {
			got = care.Apply(got, care.Notice(got, o)...)
		}
		have := stayWith(got, stay.Visit)
		opts := cmp.Options{cmpopts.IgnoreFields(care.Stay{}, "Moves", "Known", "Expected", "Ready", "Source", "Of"), cmpopts.EquateEmpty(), cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })}
		if d := cmp.Diff(stay, have, opts); d != "" {
			t.Fatalf("the stay came back otherwise:\n%s", d)
		}
		if stay.EDD() != have.EDD() || !stay.ReadySince().Equal(have.ReadySince()) {
			t.Fatalf("predicted %v, ready %v; want %v, %v", have.EDD(), have.ReadySince(), stay.EDD(), stay.ReadySince())
		}
		want := *p
		want.Source, want.AsAt = got.Person.Source, got.Person.AsAt
		if d := cmp.Diff(want, got.Person, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("the person came back otherwise:\n%s", d)
		}
	})
}

func joinedWords(s string) string {
	n := fhir.List(s)
	return joined(n.Items)
}

// TestAnyHoldingComesBack holds the same for what a council holds.
func TestAnyHoldingComesBack(t *testing.T) {
	kinds := []string{"HS", "R", "LTNC", "EQ", "DP", "PS-SW", "OTH"}
	rapid.Check(t, func(t *rapid.T) {
		h := care.Holding{Council: "E10000024", AsAt: base, Safeguarding: care.Safeguarding{AsAt: ago(3),
			Answer: rapid.SampledFrom([]care.Answer{care.AnswerYes, care.AnswerNo, care.AnswerNotShared}).Draw(t, "safeguarding")}}
		for i := range rapid.IntRange(0, 4).Draw(t, "packages") {
			h.Packages = append(h.Packages, care.Package{Ref: anyWord.Draw(t, "ref") + string(rune('0'+i)), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Title: maybe(t, anyWord, "title"),
				Status: rapid.SampledFrom([]care.PackageStatus{care.PackagePlanned, care.PackageActive, care.PackageOnHold, care.PackageFinished}).Draw(t, "status"),
				Start:  maybe(t, anyDay, "start"), End: maybe(t, anyDay, "end"), Provider: maybe(t, anyWord, "provider"), Funding: maybe(t, anyWord, "funding")})
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "equipment") {
			h.Equipment = append(h.Equipment, care.Equipment{Ref: anyWord.Draw(t, "ref") + string(rune('0'+i)), Title: anyWord.Draw(t, "title"),
				Status: rapid.SampledFrom([]string{"ordered", "delivered", "collected"}).Draw(t, "status"), Delivered: maybe(t, anyDay, "delivered")})
		}
		s := translate.Shown{Sees: allSeen, Now: base, Case: care.Case{ID: "abc", IDs: []care.Identifier{{System: "council:E10000024", Value: "1"}}, Person: care.Person{Family: "X"}},
			Councils: []translate.ShownCouncil{{Council: notts, Holding: &h, AsAt: base, Providers: map[string]care.Provider{}}}}
		nodes := []*fhir.Node{Of(s, "Patient")[0]}
		for _, typ := range []string{"EpisodeOfCare", "Flag", "DeviceRequest"} {
			nodes = append(nodes, Of(s, typ)...)
		}
		qs, err := Read(through(t, bundleOf("collection", nodes...)), cityHall())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(h, *qs[0].Observations[0].Holds, cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
		if !slices.Equal(qs[0].About.IDs, s.Case.IDs) {
			t.Fatal("the council's own number came back otherwise")
		}
	})
}
