package care

import (
	"time"

	"homeward/nhs"
)

// holderIn is who must act next on a referral in a state, for work that is
// picked up or handed over without a person doing so. Nothing is ever ownerless.
func holderIn(r Referral, s RefState, since time.Time) Holder {
	h := Holder{Org: r.To, Since: since, Next: nextWords[s]}
	if r.Holder.Org == r.To {
		h.Team = r.Holder.Team
	}
	switch {
	case s == RefReturned:
		return Holder{Org: r.From, Who: r.SentBy, Since: since, Next: nextWords[s]}
	case r.To == "":
		return unresolved(r.From, since)
	case r.Worker != (Who{}):
		h.Who = r.Worker
	}
	return h
}

// unresolved is the holder while it is not settled which council is
// responsible: the sender's hub that settles addresses.
func unresolved(from nhs.ODS, since time.Time) Holder {
	return Holder{Org: from, Team: Unresolved, Since: since, Next: "Find the responsible council"}
}

// Unresolved is the team that holds referrals whose council is not settled.
const Unresolved = "unresolved"

// nextWords is the next action of whoever holds a referral in a state.
var nextWords = map[RefState]string{
	RefSent: "Accept or return", RefReceived: "Accept or return", RefReturned: "Send the missing information",
	RefAccepted: "Allocate a worker", RefAllocated: "Begin the assessment", RefAssessing: "Finish the assessment",
	RefPlanning: "Finish the plan", RefSourcing: "Arrange the care", RefReady: "Wait for the discharge",
	RefDischarged: "Check the care at home, then close",
}
