package care

import (
	"time"

	"homeward/nhs"
)

// followRequests is what becomes of requests for care when the facts under them
// change: they end with the person or the referral, offers are at risk while
// readiness or the predicted date is not what it was when they were made, and what
// was sourced for somebody who lost readiness is counted once.
//
// What is at risk is compared with the facts, and not with the event: a storm of
// predicted dates that ends where it began leaves nothing, and the same again
// changes nothing. One event changes a request at most once.
func followRequests(was, is Case, e Event, now time.Time) []Event {
	if _, own := e.(RequestChanged); own || is.JoinedTo != "" {
		return nil
	}
	var out []Event
	for _, r := range is.Requests {
		if !r.Open() {
			continue
		}
		changed := RequestChanged{At: now}
		had := r.Risk
		r.Risk = riskNow(is, r, now)
		_, lost := e.(NoLongerReady)
		switch why := endsRequest(r, e); {
		case why != "":
			end(&r, why, now)
			changed.Did = RequestEnded
		case lost && r.Wasted.IsZero() && r.Offers() > 0 && readyNow(was) && !readyNow(is):
			r.Wasted = now
			changed.Did = RequestWasted
		case r.Risk == had:
			continue
		case r.Risk == nil:
			changed.Did = RequestSafe
		default:
			changed.Did = RequestAtRisk
		}
		changed.Request = r
		out = append(out, changed)
	}
	return out
}

// riskNow is the risk of a request as things stand; the one that it has when that is
// the same.
func riskNow(c Case, r Request, now time.Time) *Risk {
	switch why := riskOf(c, r); {
	case why == "":
		return nil
	case r.Risk != nil && r.Risk.Why == why:
		return r.Risk
	default:
		return &Risk{At: now, Why: why}
	}
}

// endsRequest is why an event ends a request, "" when it does not. A discharge ends
// what is not booked: what is booked begins now.
func endsRequest(r Request, e Event) string {
	switch x := e.(type) {
	case PersonDied:
		return "The person died"
	case WatchEnded:
		if x.ID == r.Referral && r.Booked == "" {
			return "The person left hospital before care was booked"
		}
	case ReferralTransferred:
		if x.ID == r.Referral {
			return "Another council is responsible now"
		}
	case ReferralEnded:
		if x.ID != r.Referral {
			return ""
		}
		switch x.State {
		case RefDied:
			return "The person died"
		case RefWithdrawn:
			return "The hospital withdrew the referral"
		case RefCancelled:
			return "The referral was cancelled"
		}
		return "The referral was closed"
	}
	return ""
}

func readyNow(c Case) bool { return c.Stay != nil && !c.Stay.ReadySince().IsZero() }

// riskOf is why the offers of a request, or its booking, may come to nothing: what
// was known when they were made is not so now. "" when they stand.
func riskOf(c Case, r Request) string {
	if s := c.Stay; s != nil {
		for _, v := range r.Invited {
			if v.Reply != ReplyAccept || r.Booked != "" && v.Provider != r.Booked {
				continue
			}
			on, from := v.On, v.Earliest
			if r.Booked != "" {
				on, from = r.On, r.Start
			}
			if why := s.riskSince(on, from); why != "" {
				return why
			}
		}
		return ""
	}
	if r.Risk != nil && r.Booked == "" {
		return r.Risk.Why // until it is known whether the person is still to go home with care
	}
	if r.Booked == "" || len(c.Past) == 0 {
		return ""
	}
	last := c.Past[len(c.Past)-1]
	if last.Left == nil || last.Left.At.Before(r.BookedAt) || last.Left.Died {
		return ""
	}
	if left := nhs.DateOf(last.Left.At); left.Before(r.Start) {
		return "The person left hospital on " + daySay(left) + ", before the booked care begins on " + daySay(r.Start)
	}
	return ""
}

// basisOf is what is known of the person's leaving now.
func basisOf(c Case) Basis {
	if c.Stay == nil {
		return Basis{}
	}
	return Basis{EDD: c.Stay.EDD(), Ready: readyNow(c)}
}

// riskSince is what about a stay is other than it was when care was offered or booked
// that begins on a day.
func (s Stay) riskSince(on Basis, from nhs.Date) string {
	if on.Ready && s.ReadySince().IsZero() {
		return "No longer ready to leave hospital"
	}
	switch now := s.EDD(); {
	case on.EDD == now:
		return ""
	case now.IsZero():
		return "The predicted discharge date was taken back"
	case on.EDD.IsZero():
		if now.Before(from) {
			return "Predicted discharge is " + daySay(now) + ", before care can start on " + daySay(from)
		}
		return ""
	default:
		return "Predicted discharge moved to " + daySay(now)
	}
}

// requestThreads are the rows of a case's requests on lists: one of the council,
// owned by who asked; one of each provider that was asked and may still answer or is
// booked; and one of what was sourced in vain.
func requestThreads(c Case) []Thread {
	var out []Thread
	for _, r := range c.Requests {
		row := Thread{Kind: RequestThread, ID: r.ID, Org: r.Council, Owner: string(r.By.ID), State: r.say(), At: r.At}
		if r.Open() {
			row.Due = dueBy(r.StartBy)
			out = append(out, row)
		}
		if !r.Wasted.IsZero() {
			out = append(out, Thread{Kind: RequestThread, ID: r.ID, Org: r.Council, Owner: RequestsWasted, State: RequestsWasted, At: r.Wasted})
		}
		for _, v := range r.Invited {
			if !r.Open() || v.Reply == ReplyDecline || v.Reply == ReplyReleased {
				continue
			}
			state := "asked"
			switch {
			case r.Booked == v.Provider:
				state = RequestIsBooked
			case v.Reply != "":
				state = string(v.Reply)
			}
			out = append(out, Thread{Kind: RequestThread, ID: r.ID, Org: r.Council, Owner: string(ProviderCode(r.Council, v.Provider)), State: state, At: v.At, Due: row.Due})
		}
	}
	return out
}

// dueBy is the end of a day; zero for none.
func dueBy(d nhs.Date) time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return d.Time().AddDate(0, 0, 1)
}

// The states of a request on lists.
const (
	RequestIsAtRisk = "at-risk"
	RequestIsOpen   = "open"
	RequestIsBooked = "booked"
	RequestsWasted  = "wasted" // a row by itself, whatever became of the request
)

func (r Request) say() string {
	switch {
	case r.Risk != nil:
		return RequestIsAtRisk
	case r.Booked != "":
		return RequestIsBooked
	}
	return RequestIsOpen
}
