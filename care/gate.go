package care

import (
	"time"

	"homeward/nhs"
)

// Threads of what was sent, for counting what came back: by ward for the hospital
// that sent it, by hospital for the council that it was sent to. They stay when a
// referral has ended.
const (
	SentThread      ThreadKind = "sent"       // Owner: the ward's code; State: sent, right or returned
	SentToThread    ThreadKind = "sent-to"    // Owner: the hospital
	BouncedThread   ThreadKind = "bounced"    // State: the coded reason of a return
	BouncedToThread ThreadKind = "bounced-to" // the same for the council
	LackedThread    ThreadKind = "lacked"     // State: what the receiving team's rules wanted, and it was sent without
	LackedToThread  ThreadKind = "lacked-to"  // the same for the council
)

// What became of a referral at first.
const (
	SentOpen     = "sent"     // neither accepted nor returned yet
	SentRight    = "right"    // accepted without ever being returned
	SentReturned = "returned" // returned at least once
)

// sentThreads are the threads of what was sent.
func sentThreads(c Case) []Thread {
	var out []Thread
	for _, r := range c.Referrals {
		if r.Prev != "" {
			continue // what another council handed on was not sent by the ward anew
		}
		state := SentOpen
		switch {
		case len(r.Returns) > 0:
			state = SentReturned
		case !r.Accepted.IsZero():
			state = SentRight
		}
		ward := c.wardAt(r.From, r.Stay, r.Sent)
		add := func(own, theirs ThreadKind, id, state string) {
			out = append(out, Thread{Kind: own, ID: id, Org: r.From, Owner: ward, State: state, At: r.Sent})
			if r.To != "" {
				out = append(out, Thread{Kind: theirs, ID: id, Org: r.To, Owner: string(r.From), State: state, At: r.Sent})
			}
		}
		add(SentThread, SentToThread, string(r.ID), state)
		told := map[string]bool{}
		for _, x := range r.Returns {
			for _, reason := range x.Reasons {
				if !told[reason] {
					add(BouncedThread, BouncedToThread, string(r.ID)+"/"+reason, reason)
				}
				told[reason] = true
			}
		}
		for _, item := range r.Missing {
			add(LackedThread, LackedToThread, string(r.ID)+"/"+item, item)
		}
	}
	return out
}

// wardAt is the code of the ward in which somebody was at a time of a stay; "" when
// it is not known.
func (c Case) wardAt(org nhs.ODS, visit string, at time.Time) string {
	stays := c.Past
	if c.Stay != nil {
		stays = append(stays[:len(stays):len(stays)], *c.Stay)
	}
	for _, s := range stays {
		if s.Org != org || s.Visit != visit {
			continue
		}
		ward := s.Where.Ward
		for i := len(s.Moves) - 1; i >= 0 && s.Moves[i].At.After(at); i-- {
			ward = s.Moves[i].From.Ward
		}
		return ward
	}
	return ""
}
