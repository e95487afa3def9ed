package care

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// joined is case a with b joined into it at an hour.
func joined(a, b Case, h float64) (survivor, retired Case) {
	es, fs := Join(a, b, hour(h))
	return Apply(a, es...), Apply(b, fs...)
}

// TestJoinedStays is a person whom a hospital admitted twice, under two numbers,
// and then found to be one.
func TestJoinedStays(t *testing.T) {
	named := func(id CaseID, os ...Observation) Case { return hear(Apply(Case{}, Started{At: day, ID: id}), os...) }
	older := func() Case { return named("a", a01(8, "V1", "W1")) }
	newer := func() Case { return named("b", a01(9, "V2", "W2")) }
	for _, tt := range []struct {
		name string
		a, b Case
		line []Observation
		want string
		last string
	}{
		{"the survivor's is older", older(), newer(), nil, "V2 I in W2", ""},
		{"the survivor's is newer", newer(), older(), nil, "V2 I in W2", ""},
		{"only one has any", named("a"), newer(), nil, "V2 I in W2", ""},
		{"older, with newer evidence", hear(older(), a02(10, "V1", "W3")), newer(), nil, "V1 I in W3", ""},
		{"the newer moves", older(), newer(), []Observation{a02(12, "V2", "W42")}, "V2 I in W42", "moved"},
		{"the newer moves, the other way round", newer(), older(), []Observation{a02(12, "V2", "W42")}, "V2 I in W42", "moved"},
		{"the older moves", older(), newer(), []Observation{a02(12, "V1", "W42")}, "V1 I in W42", "discharge-undone moved"},
		{"the older moved before the newer began", older(), newer(), []Observation{a02(8.5, "V1", "W42")}, "V2 I in W2", "moved"},
		{"the older is repeated", older(), newer(), []Observation{seen("A08", 12, "V1", "I", "W1")}, "V2 I in W2", ""},
		{"the older becomes ready", older(), newer(), []Observation{a08(12, "V1", fit("Y"))}, "V1 I in W1, ready 12:00", "discharge-undone became-ready"},
		{"the older, then the newer again", older(), newer(), []Observation{a02(12, "V1", "W42"), a02(13, "V2", "W9")}, "V2 I in W9", "discharge-undone moved"},
		{"the newer admission is cancelled", older(), newer(), []Observation{undo(UndoneAdmission, 12, "V2")}, "V1 I in W1", "admission-undone"},
		{"the older admission is cancelled", older(), newer(), []Observation{undo(UndoneAdmission, 12, "V1")}, "V2 I in W2", "admission-undone"},
		{"a later admission is cancelled", older(), newer(), []Observation{a03(12, "V2"), a01(13, "V3", "W5"), undo(UndoneAdmission, 14, "V3")}, "V2 left 12:00", "admission-undone"},
		{"the newer is discharged", older(), newer(), []Observation{a03(12, "V2")}, "V2 left 12:00", "discharged"},
		{"the older is discharged", older(), newer(), []Observation{a03(12, "V1")}, "V2 I in W2", "discharged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := joined(tt.a, tt.b, 11)
			var events []Event
			for _, o := range tt.line {
				events = Notice(c, o)
				c = Apply(c, events...)
			}
			if got := brief(c); got != tt.want {
				t.Errorf("stands at %q, want %q", got, tt.want)
			}
			if got := names(events); got != tt.last {
				t.Errorf("last message was worth %q, want %q", got, tt.last)
			}
		})
	}
}

// TestMovesThatShowAreInTheRow is that a move on the time-line of joined records
// is where the person now is, in whatever order the two are joined, and that
// after the two are told apart each is in its own bed again.
func TestJoinedStaysAgreeWithTheTimeLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := func(id CaseID, visit string) Case {
			return hear(Apply(Case{}, Started{At: day, ID: id}), a01(rapid.Float64Range(1, 5).Draw(t, "admitted"), visit, "W-"+visit))
		}
		a, b := start("a", "V1"), start("b", "V2")
		c, gone := joined(a, b, 6)
		moved := Location{}
		h := 6.0
		for range rapid.IntRange(0, 5).Draw(t, "moves") {
			h++
			visit := rapid.SampledFrom([]string{"V1", "V2"}).Draw(t, "visit")
			moved = Location{Ward: visit + "-" + itoa(int(h))}
			c = hear(c, a02(h, visit, moved.Ward))
			if at := RowOf(c).Where; at != moved {
				t.Fatalf("moved to %s, and now in %s", moved.Say(), at.Say())
			}
		}
		if n := len(c.Past); n != 1 || c.Past[0].Left != nil {
			t.Fatalf("%d past stays", n)
		}
		es, fs := Separate(c, gone, Who{ID: "s"}, "two people", hour(20))
		c, gone = Apply(c, es...), Apply(gone, fs...)
		if c.Stay == nil || gone.Stay == nil || c.Stay.Visit != "V1" || gone.Stay.Visit != "V2" || len(c.Past)+len(gone.Past) > 0 {
			t.Fatalf("apart: %q and %q", brief(c), brief(gone))
		}
		if moved == (Location{}) && cmp.Diff(a, c, sameContent) != "" {
			t.Fatal(cmp.Diff(a, c, sameContent))
		}
	})
}

// TestJoinedCasesAreTotal is that anything may be said of joined records, and
// that each comes out of it with at most one present stay.
func TestJoinedCasesAreTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyCase(t, "a"), anyCase(t, "b")
		c, gone := joined(a, b, 3)
		for range rapid.IntRange(1, 8).Draw(t, "messages") {
			c = hear(c, anyObservation().Draw(t, "message"))
		}
		RowOf(c)
		for _, s := range append([]Stay{}, c.Past...) {
			s.DelayDays(time.UTC)
		}
		es, fs := Separate(c, gone, Who{ID: "s"}, "two people", hour(20))
		c, gone = Apply(c, es...), Apply(gone, fs...)
		for _, x := range []Case{c, gone} {
			if x.putAway() >= 0 && x.Stay == nil {
				t.Fatalf("%s is in no bed, and has a stay that has not ended", x.ID)
			}
		}
	})
}

// A record that is kept from most must not become open by being joined.
func TestJoiningKeepsTheMarkOfASensitiveRecord(t *testing.T) {
	plain := Apply(Case{}, Started{At: hour(0), ID: "a"})
	marked := Apply(Case{}, Started{At: hour(0), ID: "b"}, SensitivityTold{At: hour(1), Sensitive: true})
	forA, forB := Join(plain, marked, hour(2))
	a, b := Apply(plain, forA...), Apply(marked, forB...)
	if !a.Sensitive {
		t.Fatal("the mark was lost")
	}
	forA, _ = Separate(a, b, Who{}, "two people", hour(3))
	if Apply(a, forA...).Sensitive {
		t.Error("the mark stayed with the record that it did not belong to")
	}
}
