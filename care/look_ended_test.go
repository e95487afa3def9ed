package care

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyLook draws what a look-up led to.
func anyLook(t *rapid.T, c Case) Command {
	return EndLook{ID: "l" + itoa(len(c.Looks)/2), Looked: day.Add(-time.Hour), Text: "Rang.",
		Result: LookEnd(rapid.SampledFrom(LookEnds).Draw(t, "led to").Code)}
}

// What a look-up led to is recorded by whoever looked, once; corrected by them alone; and
// goes with the record that it belongs to when a join is taken back.
func TestEndLook(t *testing.T) {
	c := anyStay()
	end := EndLook{ID: "l1", Looked: hour(8), Result: LookHomeCare}
	do := func(by Actor, x EndLook) ([]Event, error) {
		es, err := Decide(c, by, x, hour(9))
		c = Apply(c, es...)
		return es, err
	}
	for _, x := range []struct {
		name  string
		by    Actor
		cmd   EndLook
		want  Kind
		field string
	}{
		{"a council's", manager, end, Forbidden, ""},
		{"no answer", nurse, EndLook{ID: "l1", Looked: hour(8)}, Required, "result"},
		{"another answer than there is", nurse, EndLook{ID: "l1", Looked: hour(8), Result: "flew"}, Required, "result"},
		{"something else, without words", nurse, EndLook{ID: "l1", Looked: hour(8), Result: LookOther, Text: " "}, Required, "text"},
		{"no look-up", nurse, EndLook{Looked: hour(8), Result: LookHome}, Required, "key"},
		{"ahead", nurse, EndLook{ID: "l1", Looked: hour(10), Result: LookHome}, Required, "key"},
	} {
		es, err := do(x.by, x.cmd)
		if e, ok := err.(*Error); !ok || e.Kind != x.want || e.Field != x.field || len(es) > 0 {
			t.Errorf("%s: %v, want %s of %q", x.name, err, x.want, x.field)
		}
	}
	if es, err := do(nurse, end); err != nil || len(es) != 1 || len(c.Looks) != 1 || !c.Looks[0].Result.Home() {
		t.Fatalf("recorded %v (%v), have %+v", es, err, c.Looks)
	}
	if es, err := do(nurse, end); err != nil || len(es) > 0 {
		t.Errorf("the same again gave %v (%v)", es, err)
	}
	other := nurse
	other.ID = "another nurse"
	if _, err := do(other, EndLook{ID: "l1", Looked: hour(8), Result: LookAdmitted}); KindOf(err) != Forbidden {
		t.Errorf("somebody else corrected it: %v", err)
	}
	if _, err := do(nurse, EndLook{ID: "l1", Looked: hour(8), Result: LookAdmitted}); err != nil || len(c.Looks) != 1 || c.Looks[0].Result != LookAdmitted {
		t.Errorf("corrected to %+v (%v)", c.Looks, err)
	}
	o := Apply(Case{ID: "o"}, Started{At: hour(1), ID: "o"})
	theirs, ours := Join(o, c, hour(10))
	joined, away := Apply(o, theirs...), Apply(c, ours...)
	if len(joined.Looks) != 1 || joined.Looks[0].Of != c.ID {
		t.Fatalf("after the join: %+v", joined.Looks)
	}
	theirs, ours = Separate(joined, away, Who{}, "two people", hour(11))
	if joined, c = Apply(joined, theirs...), Apply(away, ours...); len(joined.Looks) != 0 || len(c.Looks) != 1 || c.Looks[0].Of != "" {
		t.Errorf("after the separation: %+v and %+v", joined.Looks, c.Looks)
	}
}
