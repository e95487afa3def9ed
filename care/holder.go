package care

import (
	"time"

	"homeward/nhs"
)

// holderIn is who must act next on a referral in a state, and by when, for work
// that is picked up or handed over without a person doing so. Nothing is ever
// ownerless. What is on hold is due on the day to look again.
func holderIn(r Referral, s RefState, since time.Time) Holder {
	h := Holder{Org: r.To, Since: since, Next: nextWords[s], Due: since.Add(targets[s])}
	if r.Holder.Org == r.To {
		h.Team = r.Holder.Team
	}
	switch {
	case s == RefReturned:
		return Holder{Org: r.From, Who: r.SentBy, Since: since, Next: nextWords[s], Due: h.Due}
	case r.To == "":
		return unresolved(r.From, since)
	case r.Worker != (Who{}):
		h.Who = r.Worker
	}
	if hold := r.Hold; hold != nil && hold.Holder.Org == r.To {
		h.Team = hold.Holder.Team
		if h.Who == (Who{}) {
			h.Who = hold.Holder.Who
		}
	}
	if s == RefOnHold && r.Hold != nil {
		h.Due = later(r.Hold.Until.Time().Add(dayEnds), since)
	}
	return h
}

// unresolved is the holder while it is not settled which council is
// responsible: the sender's hub that settles addresses.
func unresolved(from nhs.ODS, since time.Time) Holder {
	return Holder{Org: from, Team: Unresolved, Since: since, Next: "Find the responsible council", Due: since.Add(targets[RefSent])}
}

// Unresolved is the team that holds referrals whose council is not settled.
const Unresolved = "unresolved"

// nextWords is the next action of whoever holds a referral in a state.
var nextWords = map[RefState]string{
	RefSent: "Accept or return", RefReceived: "Accept or return", RefReturned: "Send the missing information",
	RefAccepted: "Allocate a worker", RefAllocated: "Begin the assessment", RefAssessing: "Finish the assessment",
	RefPlanning: "Finish the plan", RefSourcing: "Arrange the care", RefReady: "Wait for the discharge",
	RefOnHold: "Look at it again", RefDischarged: "Check the care at home, then close",
}

// targets is within what time the next action of each state is due. They are ours:
// no standard sets them. A holder keeps the time that was given then, so that a
// change here moves nothing that is due already.
var targets = map[RefState]time.Duration{
	RefSent: 2 * time.Hour, RefReceived: 2 * time.Hour, RefReturned: 4 * time.Hour,
	RefAccepted: 24 * time.Hour, RefAllocated: 24 * time.Hour, RefAssessing: 48 * time.Hour,
	RefPlanning: 24 * time.Hour, RefSourcing: 48 * time.Hour, RefReady: 24 * time.Hour,
	RefDischarged: 72 * time.Hour,
}

// AllocateWithin is within what time of its sending a referral shall have a worker,
// whatever states it goes through until then. Ours, as the targets above.
const AllocateWithin = 24 * time.Hour

// dayEnds is the hour at which something is late that is due on a day: 16:00 UTC,
// which is 16:00 or 17:00 in England.
const dayEnds = 16 * time.Hour

// Overdue is for how long the next action is overdue; 0 while it is not, or where
// no time is known by which it was due.
func (h Holder) Overdue(now time.Time) time.Duration {
	if h.Due.IsZero() || !now.After(h.Due) {
		return 0
	}
	return now.Sub(h.Due)
}
