package care

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"homeward/nhs"
)

var sameContent = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Case{}, "Version", "Updated", "News"), cmp.Comparer(func(a, b nhs.Number) bool { return a == b }),
}

// aDay draws a truthful day of one stay: what happens in order, each place and
// date said once or repeated while it holds, so that in any order of delivery
// the newest of each aspect decides.
func aDay(t *rapid.T) []Observation {
	var day []Observation
	h := 1.0
	next := func() float64 { h++; return h }
	ward, wards, date, dates := "W0", 0, 0, 0
	say := func(o Observation) { day = append(day, o) }
	say(a01(next(), "V1", ward))
	fits := rapid.SampledFrom([][]string{nil, {"Y"}, {"N"}, {"N", "Y"}, {"Y", "N"}, {"Y", "N", "Y"}}).Draw(t, "fits")
	first := true // to tell of fitness
	for range rapid.IntRange(0, 6).Draw(t, "things") {
		switch rapid.IntRange(0, 5).Draw(t, "thing") {
		case 0:
			wards++
			ward = "W" + itoa(wards)
			say(a02(next(), "V1", ward))
		case 1:
			dates++
			date = dates
			say(seen("A08", next(), "V1", "I", ward, edd(date)))
		case 2:
			if date > 0 {
				say(seen("A08", next(), "V1", "I", ward, edd(date)))
			}
		case 3:
			if len(fits) > 0 {
				n := next()
				o := seen("A08", n, "V1", "I", ward, fit(fits[0]))
				if fits[0] == "Y" {
					since := n - 0.5
					if first && rapid.Bool().Draw(t, "before the admission") {
						since = 1
					}
					o.Seen.ReadyAt = Tell(hour(since))
				}
				say(o)
				fits, first = fits[1:], false
			}
		case 4:
			say(a08(next(), "V1"))
		case 5:
			wards++
			say(a02(next(), "V1", "W"+itoa(wards)))
			say(undo(UndoneMove, next(), "V1", to(ward)))
		}
	}
	left := rapid.SampledFrom([]string{"stays", "left", "undone", "left again", "died", "never was"}).Draw(t, "end")
	kind := opt(func(*Observation) {})
	if left == "died" {
		kind = died
	}
	if left == "never was" {
		return append(day, undo(UndoneAdmission, next(), "V1"))
	}
	if left != "stays" {
		say(a03(next(), "V1", kind))
	}
	if left == "undone" || left == "left again" {
		say(undo(UndoneLeaving, next(), "V1"))
	}
	if left == "left again" {
		say(a03(next(), "V1"))
	}
	return day
}

func TestAnyOrderEndsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := aDay(t)
		want := brief(hear(Case{}, day...))
		got := hear(Case{}, rapid.Permutation(day).Draw(t, "order")...)
		if brief(got) != want {
			t.Fatalf("in order: %q; in this order: %q", want, brief(got))
		}
	})
}

func TestDuplicatesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.Permutation(aDay(t)).Draw(t, "order")
		c := Case{}
		for _, o := range day {
			c = hear(c, o)
			if es := Notice(c, o); len(es) > 0 && NameOf(es[0]) != "arrived-late" {
				t.Fatalf("the same message at once again was worth %v", names(es))
			}
		}
		again := rapid.SampledFrom(day).Draw(t, "again")
		if twice := hear(c, again); brief(twice) != brief(c) {
			t.Fatalf("%q became %q by a copy of %s at %s", brief(c), brief(twice), again.Event, clock(again.At))
		}
	})
}

// anyObservation draws anything at all, sensible or not.
func anyObservation() *rapid.Generator[Observation] {
	return rapid.Custom(func(t *rapid.T) Observation {
		h := rapid.Float64Range(0, 24).Draw(t, "hour")
		visit := rapid.SampledFrom([]string{"", "V1", "V2", "V3"}).Draw(t, "visit")
		ward := rapid.SampledFrom([]string{"", "W1", "W2", "W3"}).Draw(t, "ward")
		o := Observation{At: hour(h), Said: hour(h), Source: rapid.SampledFrom([]Source{kings, queen, notts}).Draw(t, "source"), Visit: visit}
		if rapid.Bool().Draw(t, "person") {
			o.About.Family = Tell(rapid.SampledFrom([]string{"", "Marsh", "Poole"}).Draw(t, "family"))
			o.About.Sensitive = Tell(rapid.Bool().Draw(t, "sensitive"))
			o.About.Died = Opt[Death]{Told: rapid.Bool().Draw(t, "died?")}
			if rapid.Bool().Draw(t, "died") {
				o.About.Died.Value = Death{At: o.At, Source: o.Source.Feed}
			}
		}
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0, 1:
			o.Seen = &Seen{Opens: rapid.Bool().Draw(t, "opens"), Class: Tell(rapid.SampledFrom([]string{"", "I", "E", "O", "N"}).Draw(t, "class")),
				Where: Opt[Location]{rapid.Bool().Draw(t, "where?"), Location{Ward: ward}}, Fit: Opt[string]{rapid.Bool().Draw(t, "fit?"), rapid.SampledFrom([]string{"", "Y", "N"}).Draw(t, "fit")},
				ReadyAt: Opt[time.Time]{rapid.Bool().Draw(t, "ready?"), hour(h)}, Expected: Opt[nhs.Date]{rapid.Bool().Draw(t, "edd?"), nhs.Date{Year: 2026, Month: 3, Day: rapid.IntRange(1, 9).Draw(t, "edd")}},
				OnLeave: Opt[bool]{rapid.Bool().Draw(t, "leave?"), rapid.Bool().Draw(t, "leave")}}
		case 2:
			o.Left = &Left{Leaving{At: o.At, Died: rapid.Bool().Draw(t, "dead"), Self: rapid.Bool().Draw(t, "self")}}
		case 3:
			o.Undone = &Undone{What: rapid.SampledFrom([]UndoneWhat{UndoneAdmission, UndoneMove, UndoneLeaving, UndonePlan, UndoneExpected, UndoneLeave, UndoneReturn}).Draw(t, "undone"),
				Where: Opt[Location]{rapid.Bool().Draw(t, "where?"), Location{Ward: ward}}}
		case 4:
			o.Planned = &Planned{For: Tell(hour(h + 24))}
		case 5:
			o.Holds = &Holding{AsAt: o.At, Restricted: rapid.Bool().Draw(t, "restricted"), Ended: rapid.Bool().Draw(t, "ended")}
		}
		return o
	})
}

// anyCase draws a case that anything happened to, with referrals.
func anyCase(t *rapid.T, id CaseID) Case {
	c := Apply(Case{}, Started{At: day, ID: id})
	for range rapid.IntRange(0, 12).Draw(t, "messages") {
		c = hear(c, anyObservation().Draw(t, "message"))
		if c.Stay != nil && rapid.IntRange(0, 3).Draw(t, "refer") == 0 {
			key := string(id) + itoa(c.Version)
			es, err := Decide(c, nurseOf(c.Stay.Org), Refer{ID: ReferralID(key), Key: key, To: "511", Form: "d2a", Another: true}, hour(12))
			if err == nil {
				c = Apply(c, es...)
			}
		}
		c = anyPaper(t, c)
	}
	return c
}

// anyPaper perhaps hands in a paper about one of a case's referrals, or takes one
// back.
func anyPaper(t *rapid.T, c Case) Case {
	if len(c.Referrals) == 0 {
		return c
	}
	r := rapid.SampledFrom(c.Referrals).Draw(t, "referral")
	kind := rapid.SampledFrom([]PaperKind{PaperAssessmentNotice, PaperDischargeNotice, PaperAssessment}).Draw(t, "kind")
	var cmd Command
	switch rapid.IntRange(0, 3).Draw(t, "paper") {
	case 0:
		cmd = SharePaper{Paper{ID: "p" + string(c.ID) + itoa(c.Version), Kind: kind, Referral: r.ID, Items: []Said{{Link: "1", Answer: itoa(c.Version % 3)}}}}
	case 1:
		cmd = WithdrawPaper{Referral: r.ID, Kind: kind, Why: "04"}
	default:
		return c
	}
	if es, err := Decide(c, nurseOf(r.From), cmd, hour(12)); err == nil {
		c = Apply(c, es...)
	}
	return c
}

func nurseOf(org nhs.ODS) Actor { return Actor{ID: "n1", Name: "N. Sharp", Org: org, OrgKind: Trust} }

func document1(t *rapid.T, c Case) string {
	b, err := Write(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNoticeIsTotal also checks that nothing is changed in place, that a stay
// and a holder are always somebody's, and that history folds to the state.
func TestNoticeIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCase(t, "c1")
		before := document1(t, c)
		o := anyObservation().Draw(t, "next")
		es := Notice(c, o)
		if after := document1(t, c); after != before {
			t.Fatal("Notice changed its argument:\n" + cmp.Diff(before, after))
		}
		next := Apply(c, es...)
		next = hear(next, anyObservation().Draw(t, "and another"))
		if after := document1(t, c); after != before {
			t.Fatal("Apply changed its argument:\n" + cmp.Diff(before, after))
		}
		for _, r := range next.Referrals {
			if r.Open() && (r.Holder.Org == "" || r.Holder.Next == "" || r.Holder.Since.IsZero()) {
				t.Fatalf("an open referral in state %s has nobody who must act", r.State)
			}
			if next.Died != nil && r.Open() {
				t.Fatal("a referral is open and the person has died")
			}
		}
		for _, p := range next.Papers {
			i := slices.IndexFunc(next.Referrals, func(r Referral) bool { return r.ID == p.Referral })
			if i < 0 || p.Withdrawn.IsZero() && slices.Contains([]RefState{RefWithdrawn, RefCancelled, RefDied}, next.Referrals[i].State) {
				t.Fatal("a paper stands of a referral that does not")
			}
		}
		RowOf(next)
		for _, s := range next.Past {
			if s.DelayDays(time.UTC) < 0 || s.DelayDays(time.UTC) > s.NotMeetingDays(time.UTC) {
				t.Fatal("delay is negative, or more than the time not meeting the criteria")
			}
		}
	})
}

func TestHistoryFoldsToState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var history []Event
		c := Case{}
		for range 12 {
			es := Notice(c, anyObservation().Draw(t, "message"))
			for _, e := range es {
				name, body, err := Encode(e)
				if err != nil {
					t.Fatal(err)
				}
				back, err := Decode(name, body)
				if err != nil {
					t.Fatal(err)
				}
				history = append(history, back)
			}
			c = Apply(c, es...)
		}
		folded := Apply(Case{}, history...)
		if a, b := document1(t, c), document1(t, folded); a != b {
			t.Fatal(cmp.Diff(a, b))
		}
		back, err := Read([]byte(document1(t, c)))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := document1(t, c), document1(t, back); a != b {
			t.Fatal("reading what was written:\n" + cmp.Diff(a, b))
		}
	})
}

func TestJoinIsReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, d := anyCase(t, "a"), anyCase(t, "b"), anyCase(t, "d")
		a.IDs, b.IDs = []Identifier{{"mrn:RK5", "1"}}, []Identifier{{"mrn:RK5", "2"}, {"mrn:RX1", "7"}}
		if rapid.Bool().Draw(t, "number") {
			b.NHS, b.Trace = nhs.Test(7), "01"
		}
		if rapid.Bool().Draw(t, "doubt") {
			a = Apply(a, Doubted{At: hour(1), Doubt: Doubt{Kind: DoubtSame, Other: "b"}})
			b = Apply(b, Doubted{At: hour(1), Doubt: Doubt{Kind: DoubtSame, Other: "a"}})
		}
		for i, c := range []*Case{&a, &b} {
			if rapid.Bool().Draw(t, "objects") {
				*c = Apply(*c, Objected{Objection{At: hour(1), Words: "Not the council", RaisedBy: ObjectedPerson, How: ObjectedPhone, RecordedBy: Who{ID: ActorID(itoa(i))}}})
			}
		}
		if rapid.Bool().Draw(t, "had joined") {
			es, _ := Join(a, anyCase(t, "e"), hour(2))
			a = Apply(a, es...)
		}
		if rapid.Bool().Draw(t, "nested") {
			es, fs := Join(b, d, hour(2))
			b = Apply(b, es...)
			if d = Apply(d, fs...); d.JoinedTo != b.ID {
				t.Fatal("the nested one was not joined")
			}
		}
		es, fs := Join(a, b, hour(3))
		a2, b2 := Apply(a, es...), Apply(b, fs...)
		if again, _ := Join(a2, b2, hour(3)); again != nil {
			t.Fatal("joined twice")
		}
		note := Note{ID: "new", Text: "Rang.", At: hour(4)}
		wantA, wantB := Apply(a, NoteAdded{At: hour(4), Note: note}), b
		a2 = Apply(a2, NoteAdded{At: hour(4), Note: note})
		if n := len(b.Referrals); n > 0 && b.Referrals[n-1].Open() { // theirs goes on while it is joined
			e := ReferralProgressed{At: hour(5), ID: b.Referrals[n-1].ID, State: RefPlanning, Holder: Holder{Org: "511", Next: "x"}}
			a2, wantB = Apply(a2, e), Apply(wantB, e)
		}
		es, fs = Separate(a2, b2, Who{ID: "s"}, "two people", hour(6))
		if es == nil {
			t.Fatal("not separated")
		}
		if diff := cmp.Diff(wantA, Apply(a2, es...), sameContent); diff != "" {
			t.Fatal("survivor:\n" + diff)
		}
		if diff := cmp.Diff(wantB, Apply(b2, fs...), sameContent); diff != "" {
			t.Fatal("retired:\n" + diff)
		}
	})
}

// TestEventsRoundTrip fills every field of every event, so that a field that
// is not kept, or kept under a name of another, shows.
func TestEventsRoundTrip(t *testing.T) {
	for name, read := range eventTypes {
		zero, err := read([]byte("{}"))
		if err != nil {
			t.Fatal(name, err)
		}
		if got := NameOf(zero); got != name {
			t.Errorf("%T is called %q in the list and %q by NameOf", zero, name, got)
		}
		v := reflect.New(reflect.TypeOf(zero)).Elem()
		fill(v, 0)
		e := v.Interface().(Event)
		_, body, err := Encode(e)
		if err != nil {
			t.Fatal(name, err)
		}
		back, err := Decode(name, body)
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(e, back, sameContent[0], sameContent[2]); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if e.Say() == "" || e.When().IsZero() {
			t.Errorf("%s says nothing or has no time", name)
		}
		Apply(Case{}, e) // total: applies to a case it does not fit
		Apply(anyStay(), e)
	}
	if _, err := Decode("never-was", nil); err == nil || !strings.Contains(err.Error(), "never-was") {
		t.Errorf("an unknown event gives %v", err)
	}
	type stranger struct{ Started }
	if _, _, err := Encode(stranger{}); err == nil {
		t.Error("an event that is not listed was encoded")
	}
}

func anyStay() Case { return hear(Case{}, a01(8, "V1", "W1")) }

func fill(v reflect.Value, depth int) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = hour(9)
		return
	case *nhs.Number:
		*x = nhs.Test(3)
		return
	case *nhs.Date:
		*x = nhs.Date{Year: 2026, Month: 3, Day: 4}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(2)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	case reflect.Slice:
		if depth < 6 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), depth+1)
		}
	case reflect.Pointer:
		if depth > 4 {
			return // a thing may hold one of its own kind
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string][]string{"ward": {"W1"}}).Convert(v.Type()))
	}
}

func BenchmarkA08(b *testing.B) {
	c := hear(Case{ID: "c1"}, a01(8, "V1", "W1", edd(5)), a02(9, "V1", "W2"), a08(10, "V1", fit("Y")))
	nothing := seen("A08", 11, "V1", "I", "W2", edd(5), fit("Y"))
	news := seen("A08", 11, "V1", "I", "W2", edd(6), fit("Y"))
	for name, o := range map[string]Observation{"nothing": nothing, "news": news} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Apply(c, Notice(c, o)...)
			}
		})
	}
}

// TestTwoVisitsInAnyOrder is a day that begins in A&E under one visit number
// and goes on as an admission under another.
func TestTwoVisitsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := []Observation{seen("A04", 2, "V1", "E", "ED"), seen("A08", 3, "V1", "E", "ED"), a01(5, "V2", "W1"), a02(7, "V2", "W2"),
			seen("A08", 8, "V2", "I", "W2", edd(5))}
		if rapid.Bool().Draw(t, "A&E ends") {
			day = append(day, a03(4, "V1"))
		}
		if rapid.Bool().Draw(t, "goes home") {
			day = append(day, a03(9, "V2"))
		}
		want := hear(Case{}, day...)
		order := rapid.Permutation(day).Draw(t, "order")
		got := hear(Case{}, order...)
		where := func(c Case) string {
			if c.Stay == nil {
				return "away"
			}
			return c.Stay.Visit + " in " + c.Stay.Where.Ward
		}
		if where(got) != where(want) {
			var says []string
			for _, o := range order {
				says = append(says, o.Event+" "+o.Visit+" "+clock(o.At))
			}
			t.Fatalf("in order: %q; as %s: %q", where(want), strings.Join(says, ", "), where(got))
		}
	})
}
