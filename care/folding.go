package care

import "time"

// Folding folds the history of one case an entry at a time, as Apply does, and keeps
// the spells of its referrals as it goes (see Clock). It is for those who read whole
// histories, such as measures: it changes its own case in place, and copies nothing.
type Folding struct {
	c     Case
	ticks []*ticking // one for each referral that the case ever had, in the order of coming
}

// Add folds one entry more.
func (f *Folding) Add(e Entry) {
	f.c = f.c.clone() // what Case gave out before stays as it was
	e.Event.apply(&f.c)
	f.c.trim()
	for _, r := range f.c.Referrals {
		if f.ticking(r.ID) == nil {
			f.ticks = append(f.ticks, &ticking{id: r.ID})
		}
	}
	for _, t := range f.ticks {
		t.add(&f.c, e.Event.When())
	}
}

// Case is the case as folded so far. It does not change when more is added.
func (f *Folding) Case() Case { return f.c }

// Spells are the spells of one referral so far, oldest first, as Clock gives them. The
// last of one that is open has no end (zero): Clock ends it at now.
func (f *Folding) Spells(id ReferralID) []Spell {
	t := f.ticking(id)
	if t == nil || len(t.spells) == 0 {
		return nil
	}
	out := append([]Spell(nil), t.spells...)
	if last := &out[len(out)-1]; !t.ended.IsZero() {
		last.To = later(t.ended, last.From)
	}
	return out
}

// Joined makes the spells that another record had of its referrals, up to a join,
// those of the referrals that came with it: the history of this record has them only
// from the join on.
func (f *Folding) Joined(other *Folding) {
	for i, t := range f.ticks {
		if was := other.ticking(t.id); was != nil && len(was.spells) > 0 {
			c := *was
			c.spells = append([]Spell(nil), was.spells...)
			f.ticks[i] = &c
		}
	}
}

func (f *Folding) ticking(id ReferralID) *ticking {
	for _, t := range f.ticks {
		if t.id == id {
			return t
		}
	}
	return nil
}

// ticking is the clock of one referral as its history is read.
type ticking struct {
	id     ReferralID
	spells []Spell
	ended  time.Time // of the referral, as it stands; zero: open
}

// add reads one event more, which was at a time; c is the case after it.
func (t *ticking) add(c *Case, at time.Time) {
	r, ok := c.referral(t.id)
	if !ok {
		if len(t.spells) > 0 && t.ended.IsZero() { // it left with a record that was separated
			t.ended = at
		}
		return
	}
	switch {
	case len(t.spells) == 0:
		t.spells = append(t.spells, spellOf(r, r.Sent))
		t.ended = r.Ended
	case !r.Open():
		if t.ended.IsZero() {
			t.ended = r.Ended
		}
	default:
		t.ended = time.Time{}
		if last := &t.spells[len(t.spells)-1]; !last.holding(r) {
			last.To = later(at, last.From)
			t.spells = append(t.spells, spellOf(r, last.To))
		}
	}
}
