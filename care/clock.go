package care

import (
	"time"

	"homeward/nhs"
)

// Spell is a time during which one holder had a referral in one state.
type Spell struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"` // now, of the last one of a referral that is open
	State RefState  `json:"state"`
	Org   nhs.ODS   `json:"org"`
	Team  string    `json:"team,omitempty"`
	Who   Who       `json:"who,omitzero"`
}

// holding reports whether a spell goes on under a holder and a state.
func (s Spell) holding(r Referral) bool {
	return s.State == r.State && s.Org == r.Holder.Org && s.Team == r.Holder.Team && s.Who == r.Holder.Who
}

// Clock turns the history of a case into the spells of one referral, oldest first:
// who had it, in which state, from when to when. They touch, do not overlap, and add
// up to the time from its sending to its end, or to now while it is open. Events that
// were told late, or as of a time before the one that was told last, count from
// there: what happened before is not turned around. An end that was taken back was
// none: whoever had it then had it on. It gives nothing for a referral that is not
// in this history. One that came by a join stands with who had it at the join from
// its sending on: the rest is in the history of the other record.
func Clock(entries []Entry, id ReferralID, now time.Time) []Spell {
	var c Case
	t := ticking{id: id}
	for _, e := range entries {
		e.Event.apply(&c)
		c.trim()
		t.add(&c, earlier(e.Event.When(), now))
	}
	if len(t.spells) == 0 {
		return nil
	}
	end := now
	if !t.ended.IsZero() {
		end = earlier(t.ended, now)
	}
	last := &t.spells[len(t.spells)-1]
	last.To = later(end, last.From)
	return t.spells
}

func spellOf(r Referral, from time.Time) Spell {
	return Spell{From: from, State: r.State, Org: r.Holder.Org, Team: r.Holder.Team, Who: r.Holder.Who}
}

// referral finds a referral by its id.
func (c *Case) referral(id ReferralID) (Referral, bool) {
	for _, r := range c.Referrals {
		if r.ID == id {
			return r, true
		}
	}
	return Referral{}, false
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Held is for how long each organisation had a referral, by its spells.
func Held(spells []Spell) map[nhs.ODS]time.Duration {
	out := map[nhs.ODS]time.Duration{}
	for _, s := range spells {
		out[s.Org] += s.To.Sub(s.From)
	}
	return out
}
