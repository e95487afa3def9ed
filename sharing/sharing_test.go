package sharing

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/nhs"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func day(t interface{ Fatal(...any) }, s string) nhs.Date {
	d, err := nhs.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func by(who, why string) Step {
	return Step{At: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), By: who, Who: "Name of " + who, Why: why}
}

// whole is a draft that can be proposed.
func whole(t interface{ Fatal(...any) }) Agreement {
	a := Agreement{
		Title:   "Getting people home",
		Parties: []Party{{"RK5", "King's Mill"}, {"511", "Nottinghamshire"}},
		Purpose: "Planning of discharges", Basis: "HSCA 2012 s.251B", DPIA: "DPIA-12", Owner: "Head of information governance", Contact: "01632 960100",
		Flows:       []Flow{{"RK5", "511", []Section{Demographics, Referral}}, {"511", "RK5", []Section{Packages, Provider}}},
		From:        day(t, "2026-02-01"),
		To:          day(t, "2026-12-31"),
		Signatories: []Signatory{{"A", "Caldicott Guardian", "RK5", day(t, "2026-01-20")}, {"B", "Director", "511", day(t, "2026-01-21")}},
	}
	a, err := NewDraft("ag1", a, false, by("ann", ""))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCheckNamesEachField(t *testing.T) {
	if ps := whole(t).Check(); len(ps) != 0 {
		t.Fatalf("a whole agreement has problems: %v", ps)
	}
	for field, spoil := range map[string]func(*Agreement){
		"title":              func(a *Agreement) { a.Title = " " },
		"parties":            func(a *Agreement) { a.Parties = a.Parties[:1] },
		"parties.1.ods":      func(a *Agreement) { a.Parties[1].ODS = "RK5" },
		"parties.0.ods":      func(a *Agreement) { a.Parties[0].ODS = "rk" },
		"parties.0.name":     func(a *Agreement) { a.Parties[0].Name = "" },
		"purpose":            func(a *Agreement) { a.Purpose = strings.Repeat("x", longText+1) },
		"basis":              func(a *Agreement) { a.Basis = "" },
		"flows":              func(a *Agreement) { a.Flows = nil },
		"flows.0.from":       func(a *Agreement) { a.Flows[0].From = "RX1" },
		"flows.0.to":         func(a *Agreement) { a.Flows[0].To = "RK5" },
		"flows.1":            func(a *Agreement) { a.Flows[1] = a.Flows[0] },
		"flows.0.sections":   func(a *Agreement) { a.Flows[0].Sections = []Section{"everything"} },
		"flows.1.sections":   func(a *Agreement) { a.Flows[1].Sections = []Section{Packages, Packages} },
		"from":               func(a *Agreement) { a.From = nhs.Date{} },
		"to":                 func(a *Agreement) { a.To = day(t, "2026-01-31") },
		"signatories":        func(a *Agreement) { a.Signatories = a.Signatories[:1] },
		"signatories.0.name": func(a *Agreement) { a.Signatories[0].Name = "" },
		"signatories.1.role": func(a *Agreement) { a.Signatories[1].Role = "" },
		"signatories.1.on":   func(a *Agreement) { a.Signatories[1].On = nhs.Date{} },
		"dpia":               func(a *Agreement) { a.DPIA = "" },
		"owner":              func(a *Agreement) { a.Owner = "one\ntwo" },
		"contact":            func(a *Agreement) { a.Contact = "Going \u202eemoh" },
		"parties.1.name":     func(a *Agreement) { a.Parties[1].Name = "one\ntwo" },
	} {
		a := whole(t)
		spoil(&a)
		if !slices.ContainsFunc(a.Check(), func(p Problem) bool { return p.Field == field && p.Text != "" }) {
			t.Errorf("spoiling %s is told as %v", field, a.Check())
		}
		if _, err := a.Propose(by("ann", ""), day(t, "2026-03-01")); err == nil {
			t.Errorf("an agreement without a good %s was proposed", field)
		}
	}
}

func TestLifeTakesTwo(t *testing.T) {
	today := day(t, "2026-03-01")
	must := func(a Agreement, err error) Agreement {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	refused := func(_ Agreement, err error) {
		t.Helper()
		if err == nil {
			t.Fatal("a step was taken that should be refused")
		}
	}
	a := must(whole(t).Propose(by("ann", ""), today))
	refused(a.Edit(a, by("ann", "")))
	refused(a.Approve(by("ann", ""), today))
	refused(a.Approve(by("", ""), today))
	refused(a.SendBack(by("bob", " ")))
	back := must(a.SendBack(by("bob", "the dates")))
	if back.Status != Draft {
		t.Fatalf("sent back, it is %s", back.Status)
	}
	a = must(a.Approve(by("bob", ""), today))
	if a.State(today) != StateInForce || a.State(day(t, "2026-01-31")) != StateToCome || a.State(day(t, "2027-01-01")) != StateExpired || a.State(a.To) != StateInForce {
		t.Fatal("the dates of an agreement are not kept to")
	}
	refused(a.Suspend(by("ann", "")))
	a = must(a.Suspend(by("ann", "a leak")))
	refused(a.Resume(by("bob", ""), today))
	a = must(a.AskToResume(by("ann", "mended"), today))
	refused(a.Resume(by("ann", ""), today))
	refused(a.AskToResume(by("ann", "again"), today))
	no := must(a.SendBack(by("bob", "not yet")))
	refused(no.Resume(by("bob", ""), today))
	a = must(a.Resume(by("bob", ""), today))
	refused(a.Resume(by("bob", ""), today))
	next := must(a.NewVersion(nil, by("ann", "")))
	if next.Version != 2 || next.Status != Draft || next.ID != a.ID || len(next.Changes) != 1 {
		t.Fatalf("the next version is %+v", next)
	}
	refused(next.NewVersion(nil, by("ann", "")))
	refused(next.Propose(by("ann", ""), day(t, "2027-01-01")))
	a = must(a.Withdraw(by("ann", "over")))
	refused(a.Withdraw(by("ann", "over")))
	if a.State(today) != StateOver {
		t.Fatal("withdrawn, it is not over")
	}
}

// TestNobodyAlone: whatever steps are tried in whatever order by whoever, what
// is in force was approved, or resumed, by another account than asked for it.
// TestOneSideAloneOpensNothing: two people of one party cannot open between them
// what another party holds; leads of an organisation that is no party can.
func TestOneSideAloneOpensNothing(t *testing.T) {
	today := day(t, "2026-03-01")
	of := func(name string, org nhs.ODS) Step {
		return Step{At: time.Unix(1, 0), By: name, Who: name, Org: org, Why: "Why"}
	}
	for _, c := range []struct {
		first, second nhs.ODS
		may           bool
	}{{"RK5", "RK5", false}, {"RK5", "511", true}, {"511", "RK5", true}, {"RK5", "HOMEWARD", true}, {"HOMEWARD", "511", true}, {"HOMEWARD", "HOMEWARD", true}, {"", "", true}} {
		proposed, err := whole(t).Propose(of("ann", c.first), today)
		if err != nil {
			t.Fatal(err)
		}
		agreed, err := proposed.Approve(of("bob", c.second), today)
		if (err == nil) != c.may {
			t.Errorf("%s proposed, %s approves: %v", c.first, c.second, err)
		}
		agreed.Status = Suspended
		asked, err := agreed.AskToResume(of("ann", c.first), today)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := asked.Resume(of("bob", c.second), today); (err == nil) != c.may {
			t.Errorf("%s asked, %s resumes: %v", c.first, c.second, err)
		}
	}
	proposed := whole(t)
	proposed.Status = Proposed // as nobody
	if _, err := proposed.Approve(of("bob", "511"), today); err == nil {
		t.Error("what nobody proposed is approved")
	}
}

func TestNobodyAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		today := day(t, "2026-03-01")
		a := whole(t)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			s := by(rapid.SampledFrom([]string{"ann", "bob", ""}).Draw(t, "who"), rapid.SampledFrom([]string{"", "because"}).Draw(t, "why"))
			before := a
			var err error
			switch rapid.IntRange(0, 8).Draw(t, "step") {
			case 0:
				a, err = a.Edit(whole(t), s)
			case 1:
				a, err = a.Propose(s, today)
			case 2:
				a, err = a.SendBack(s)
			case 3:
				a, err = a.Approve(s, today)
			case 4:
				a, err = a.Suspend(s)
			case 5:
				a, err = a.AskToResume(s, today)
			case 6:
				a, err = a.Resume(s, today)
			case 7:
				a, err = a.Withdraw(s)
			case 8:
				a, err = a.NewVersion(nil, s)
			}
			switch {
			case err != nil && !cmp.Equal(a, before):
				t.Fatal("a step that was refused changed something")
			case err == nil && s.By == "":
				t.Fatal("nobody took a step")
			case err == nil && a.Version == before.Version && (len(a.Changes) != len(before.Changes)+1 || !cmp.Equal(a.Changes[:len(before.Changes)], before.Changes)):
				t.Fatal("the record of steps was rewritten")
			}
			if n := len(a.Changes); err == nil && a.Status == Agreed && a.Changes[n-1].By == a.Changes[n-2].By {
				t.Fatal("one person alone put an agreement in force")
			}
		}
	})
}

// drawBook is versions of two agreements, in any state.
func drawBook(t *rapid.T) Book {
	var b Book
	orgs := []nhs.ODS{"RK5", "RX1", "511", "512"}
	for _, id := range []string{"ag1", "ag2"} {
		for v := 1; v <= rapid.IntRange(0, 3).Draw(t, "versions"); v++ {
			from := nhs.DateOf(time.Date(2026, 1, rapid.IntRange(1, 300).Draw(t, "from"), 0, 0, 0, 0, time.UTC))
			a := Agreement{ID: id, Version: v, Title: id, From: from, To: nhs.DateOf(from.Time().AddDate(0, 0, rapid.IntRange(0, 200).Draw(t, "days")))}
			a.Status = rapid.SampledFrom([]Status{Draft, Proposed, Agreed, Suspended, Replaced, Withdrawn}).Draw(t, "status")
			if a.Status == Withdrawn && rapid.Bool().Draw(t, "was agreed") {
				a.Changes = []Change{{Did: didApprove}, {Did: didWithdraw, At: from.Time().AddDate(0, 0, rapid.IntRange(-3, 3).Draw(t, "ended"))}}
			}
			for range rapid.IntRange(1, 3).Draw(t, "flows") {
				a.Flows = append(a.Flows, Flow{rapid.SampledFrom(orgs).Draw(t, "who"), rapid.SampledFrom(orgs).Draw(t, "with"), rapid.SliceOfN(rapid.SampledFrom(Sections()), 1, 4).Draw(t, "sections")})
			}
			b = append(b, a)
		}
	}
	return b
}

// TestOpenIsWhatIsAgreedToday: what flows is in a version that is in force by
// itself and that no newer one took the place of; and the other way round.
func TestOpenIsWhatIsAgreedToday(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBook(t)
		today := nhs.DateOf(time.Date(2026, 1, rapid.IntRange(1, 500).Draw(t, "today"), 0, 0, 0, 0, time.UTC))
		for _, from := range []nhs.ODS{"RK5", "511"} {
			open := b.Open(from, "512", today)
			for _, s := range Sections() {
				want := false
				for _, a := range b {
					in := b.State(a, today) == StateInForce
					for _, f := range a.Flows {
						want = want || in && f.From == from && f.To == "512" && slices.Contains(f.Sections, s)
					}
				}
				if got := slices.Contains(open, s); got != want || got != (len(b.Under(from, "512", s, today)) > 0) {
					t.Fatalf("%s from %s: open %v, want %v", s, from, got, want)
				}
			}
			if !slices.Equal(open, ordered(open)) {
				t.Fatalf("sections out of order: %v", open)
			}
		}
		for _, p := range b.Paused("512", today, "RK5", "RX1", "511") {
			open := b.Open(p.With, "512", today)
			for _, s := range p.Sections {
				if slices.Contains(open, s) && !p.Never() {
					t.Fatalf("%s of %s is open and paused", s, p.With)
				}
			}
			if !p.Never() && (p.Since.IsZero() && p.Why == StateExpired || p.Title == "") {
				t.Fatalf("a pause that says nothing: %+v", p)
			}
		}
	})
}

func TestNextVersionTakesOverOnItsFirstDay(t *testing.T) {
	old := whole(t)
	old.Status = Agreed
	next := whole(t)
	next.Version, next.Status = 2, Agreed
	next.From, next.To = day(t, "2026-06-01"), day(t, "2027-05-31")
	next.Flows = next.Flows[:1]
	b := Book{old, next}
	if got := b.Open("511", "RK5", day(t, "2026-05-31")); !slices.Equal(got, []Section{Packages, Provider}) {
		t.Errorf("before: %v", got)
	}
	if got := b.Open("511", "RK5", day(t, "2026-06-01")); len(got) != 0 {
		t.Errorf("what the new version leaves out still flows: %v", got)
	}
	if got := b.Paused("RK5", day(t, "2026-06-01")); len(got) != 0 {
		t.Errorf("what was agreed to stop is called paused: %v", got)
	}
	if got := b.Replaced(next, by("bob", ""), day(t, "2026-05-01")); len(got) != 0 {
		t.Error("a version that begins later replaced another today")
	}
	if got := b.Replaced(next, by("bob", ""), day(t, "2026-06-01")); len(got) != 1 || got[0].Status != Replaced {
		t.Errorf("replaced: %v", got)
	}
	if b.State(old, day(t, "2026-06-01")) != StateOver {
		t.Error("the old version is not over")
	}
}

func TestPauseSaysSinceAndWhy(t *testing.T) {
	a := whole(t)
	a.Status = Agreed
	got := Book{a}.Paused("RK5", day(t, "2027-01-05"), "511", "512")
	want := []Pause{
		{With: "511", Sections: []Section{Packages, Provider}, Since: day(t, "2027-01-01"), Why: StateExpired, Agreement: "ag1", Title: a.Title, Contact: a.Contact},
		{With: "512", Sections: Sections()},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := (Book{a}).Paused("RK5", day(t, "2026-03-01"), "511"); len(got) != 0 {
		t.Errorf("in force, paused: %v", got)
	}
	a, err := a.Suspend(by("ann", "a leak"))
	if err != nil {
		t.Fatal(err)
	}
	if got := (Book{a}).Paused("511", day(t, "2026-03-02")); len(got) != 1 || got[0].Why != StateSuspended || got[0].Since != day(t, "2026-03-01") {
		t.Errorf("suspended: %v", got)
	}
}

func TestWarningsAt60And30And7(t *testing.T) {
	a := whole(t)
	a.Status = Agreed
	for left, level := range map[int]int{61: 0, 60: 60, 31: 60, 30: 30, 8: 30, 7: 7, 0: 7} {
		today := nhs.DateOf(a.To.Time().AddDate(0, 0, -left))
		days, ok := a.Warn(today)
		if days != left || ok != (level > 0) || ok && Level(days) != level {
			t.Errorf("%d days before: %d %v %d", left, days, ok, Level(days))
		}
		if got := (Book{a}).Warnings(today); (len(got) == 1) != ok || ok && got[0].Level != level {
			t.Errorf("%d days before: %v", left, got)
		}
	}
	next := a
	next.Version, next.From, next.To = 2, nhs.DateOf(a.To.Time().AddDate(0, 0, 1)), day(t, "2027-12-31")
	if got := (Book{a, next}).Warnings(a.To); len(got) != 0 {
		t.Errorf("warned although the next version is agreed: %v", got)
	}
}

func TestDiffSaysEachChange(t *testing.T) {
	a, b := whole(t), whole(t)
	if d := Diff(a, b); len(d) != 0 {
		t.Fatalf("of the same: %v", d)
	}
	b.Flows[0].Sections = []Section{Demographics, Whereabouts}
	b.To = day(t, "2027-12-31")
	want := []Difference{
		{"RK5 to 511: Ward, bed and stay", "not shared", "shared"},
		{"RK5 to 511: The referral and its progress", "shared", "not shared"},
		{"Last day", "2026-12-31", "2027-12-31"},
	}
	if d := cmp.Diff(want, Diff(a, b)); d != "" {
		t.Error(d)
	}
}

func TestSectionsHaveTitles(t *testing.T) {
	for _, s := range Sections() {
		if s.Title() == string(s) || !s.Known() {
			t.Errorf("section %s has no title", s)
		}
	}
	if Section("x").Title() != "x" || Section("x").Known() {
		t.Error("an unknown section is known")
	}
	if fmt.Sprint(Levels()) != "[60 30 7]" {
		t.Error("the warnings moved")
	}
}
