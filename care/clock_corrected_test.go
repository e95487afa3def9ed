package care

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"homeward/nhs"
)

// correction says that the hospital had somebody for two hours.
func correction(more ...func(*ClockCorrection)) CorrectClock {
	k := ClockCorrection{ID: "k1", Hospital: "RK5", Stay: "V1", From: hour(3), To: hour(5),
		Parts: []ClockPart{{StageReady, "RK5", 100}}, Why: "The care was there. We had no transport."}
	for _, m := range more {
		m(&k)
	}
	return CorrectClock{Correction: k}
}

func TestCorrectingTheClock(t *testing.T) {
	ready := act(t, hear(anyStay(), a08(8.5, "V1", fit("Y"))), nurse, refer)
	if len(ready.Stay.Ready) == 0 {
		t.Fatal("nobody is ready in this test")
	}
	began, sent := ready.Stay.Ready[0].From, ready.Referrals[0].Sent
	now := hour(12)
	k := func(more ...func(*ClockCorrection)) CorrectClock {
		x := correction()
		x.Correction.From, x.Correction.To = sent.Add(time.Minute), sent.Add(31*time.Minute)
		for _, m := range more {
			m(&x.Correction)
		}
		return x
	}
	for _, x := range []struct {
		name  string
		by    Actor
		cmd   CorrectClock
		field string // of the refusal; "" none
		kind  Kind
	}{
		{"as it is", nurse, k(), "", ""},
		{"by the council", manager, k(), "", ""},
		{"split", manager, k(func(c *ClockCorrection) {
			c.Parts = []ClockPart{{StageReady, ready.Stay.Org, 60}, {StageSourcing, "511", 40}}
		}), "", ""},
		{"a reason alone", nurse, k(func(c *ClockCorrection) { c.Parts, c.Reason = nil, "2022-08" }), "", ""},
		{"backwards", nurse, k(func(c *ClockCorrection) { c.To = c.From }), "to", Invalid},
		{"the future", nurse, k(func(c *ClockCorrection) { c.To = now.Add(time.Hour) }), "to", Invalid},
		{"before being ready", nurse, k(func(c *ClockCorrection) { c.From = began.Add(-time.Minute) }), "from", Invalid},
		{"another stay", nurse, k(func(c *ClockCorrection) { c.Stay = "V9" }), "from", Invalid},
		{"before the council was asked", manager, k(func(c *ClockCorrection) { c.From = sent.Add(-time.Minute) }), "from", Invalid},
		{"shares of 90", nurse, k(func(c *ClockCorrection) { c.Parts[0].Share = 90 }), "share", Invalid},
		{"a share of 0", nurse, k(func(c *ClockCorrection) { c.Parts = append(c.Parts, ClockPart{StageReady, "511", 0}) }), "share", Invalid},
		{"nobody's holder", nurse, k(func(c *ClockCorrection) { c.Parts[0].Holder = "512" }), "holder", Required},
		{"no stage", nurse, k(func(c *ClockCorrection) { c.Parts[0].Stage = "weather" }), "stage", Required},
		{"nothing said", nurse, k(func(c *ClockCorrection) { c.Parts = nil }), "holder", Required},
		{"no words", nurse, k(func(c *ClockCorrection) { c.Why = " " }), "why", Required},
		{"no key", nurse, k(func(c *ClockCorrection) { c.ID = "" }), "key", Required},
	} {
		es, err := Decide(ready, x.by, x.cmd, now)
		refused, _ := err.(*Error)
		switch {
		case x.field == "" && (err != nil || len(es) != 1):
			t.Errorf("%s: %v, %v", x.name, es, err)
		case x.field != "" && (refused == nil || refused.Field != x.field || refused.Kind != x.kind):
			t.Errorf("%s: %v, not of %s %s", x.name, err, x.kind, x.field)
		}
	}

	es, _ := Decide(ready, nurse, k(), now)
	once := Apply(ready, es...)
	if es, err := Decide(once, nurse, k(), now); err != nil || len(es) != 0 {
		t.Errorf("the same form twice gave %v, %v", es, err)
	}
	second := k(func(c *ClockCorrection) { c.ID = "k2" })
	if _, err := Decide(once, manager, second, now); KindOf(err) != Conflict {
		t.Errorf("who did not see the first correction overruled it: %v", err)
	}
	second.Was = now
	es, err := Decide(once, manager, second, now.Add(time.Minute))
	if err != nil || len(Apply(once, es...).Corrections) != 2 {
		t.Errorf("who saw the first: %v", err)
	}
	if _, err := Decide(once, manager, UndoCorrection{"k1"}, now); KindOf(err) != Forbidden {
		t.Errorf("the council took the hospital's correction back: %v", err)
	}
	es, err = Decide(once, nurse, UndoCorrection{"k1"}, now.Add(time.Hour))
	undone := Apply(once, es...)
	if err != nil || undone.Corrections[0].Undone == nil || len(undone.Corrections) != 1 {
		t.Errorf("taken back: %v, %+v", err, undone.Corrections)
	}
	if got := undone.Corrected(*undone.Stay, sent, now); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("a taken back one counts as seen at %v", got)
	}
}

// anyCorrection draws a correction of some time of the newest stay.
func anyCorrection(t *rapid.T, c Case) Command {
	if n := len(c.Corrections); n > 0 && rapid.IntRange(0, 3).Draw(t, "undo") == 0 {
		return UndoCorrection{c.Corrections[n-1].ID}
	}
	x := correction(func(k *ClockCorrection) { k.ID = "k" + itoa(c.Version) })
	if s := c.Stay; s != nil && len(s.Ready) > 0 {
		k := &x.Correction
		k.Hospital, k.Stay, k.From = s.Org, s.Visit, s.Ready[0].From
		k.To = k.From.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute)
		k.Parts = []ClockPart{{StageReady, s.Org, 50}, {StageOnHold, rapid.SampledFrom([]nhs.ODS{s.Org, "511"}).Draw(t, "holder"), 50}}
		x.Was = c.Corrected(*s, k.From, k.To)
	}
	return x
}

// TestCorrectionsFollowARecord: joined they are in the other record, which may add to
// them, and separated they go back with what happened to them.
func TestCorrectionsFollowARecord(t *testing.T) {
	ready := act(t, hear(anyStay(), a08(8.5, "V1", fit("Y"))), nurse, refer)
	ready.ID = "old"
	sent := ready.Referrals[0].Sent
	x := correction(func(k *ClockCorrection) { k.From, k.To = sent, sent.Add(time.Hour) })
	es, err := Decide(ready, nurse, x, hour(12))
	if err != nil {
		t.Fatal(err)
	}
	ready = Apply(ready, es...)
	into := Apply(Case{}, Started{At: hour(1), ID: "new"})
	forNew, forOld := Join(into, ready, hour(13))
	into, ready = Apply(into, forNew...), Apply(ready, forOld...)
	if len(into.Corrections) != 1 || into.Corrections[0].Of != "old" {
		t.Fatalf("joined it has %+v", into.Corrections)
	}
	x.Correction.ID, x.Was = "k2", hour(12)
	if es, err = Decide(into, manager, x, hour(14)); err != nil {
		t.Fatal(err)
	}
	into = Apply(into, es...)
	forNew, forOld = Separate(into, ready, nurse.Who(), "Two people", hour(15))
	into, ready = Apply(into, forNew...), Apply(ready, forOld...)
	if len(into.Corrections) != 0 || len(ready.Corrections) != 2 || ready.Corrections[1].Of != "" {
		t.Errorf("separated they have %+v and %+v", into.Corrections, ready.Corrections)
	}
}
