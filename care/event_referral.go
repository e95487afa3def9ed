package care

import (
	"time"

	"homeward/form"
	"homeward/nhs"
)

// ReferralSent is that the hospital asked a council to get somebody home.
type ReferralSent struct {
	At       time.Time `json:"at"`
	Referral Referral  `json:"referral"`
}

func (e ReferralSent) When() time.Time { return e.At }

// Say names the event.
func (e ReferralSent) Say() string {
	switch {
	case e.Referral.Prev != "":
		return "Referral transferred from another council"
	case e.Referral.To == "":
		return "Referral sent: which council is not settled yet"
	}
	return "Referral sent"
}
func (e ReferralSent) apply(c *Case) { c.Referrals = append(c.Referrals, e.Referral) }

// change finds a referral and changes it.
func change(c *Case, id ReferralID, f func(*Referral)) {
	for i := range c.Referrals {
		if c.Referrals[i].ID == id {
			f(&c.Referrals[i])
		}
	}
}

// ReferralReceived is that the council has it: in its worklist, or in its own
// case management with Reference.
type ReferralReceived struct {
	At        time.Time  `json:"at"`
	ID        ReferralID `json:"id"`
	Reference string     `json:"reference,omitempty"`
	Holder    Holder     `json:"holder"`
}

func (e ReferralReceived) When() time.Time { return e.At }

// Say names the event: what is told with a reference is that the council's own system
// has it too, which follows the first.
func (e ReferralReceived) Say() string {
	if e.Reference != "" {
		return "Reference of the council's system recorded"
	}
	return "Referral received by the council"
}
func (e ReferralReceived) apply(c *Case) {
	change(c, e.ID, func(r *Referral) {
		if e.Reference != "" {
			r.Reference = e.Reference
		}
		if r.State == RefSent { // later, only the reference is news
			r.State, r.Received, r.Holder = RefReceived, e.At, e.Holder
		}
	})
}

// ReferralRouted is that a person settled which council it goes to.
type ReferralRouted struct {
	At     time.Time  `json:"at"`
	ID     ReferralID `json:"id"`
	To     nhs.ODS    `json:"to"`
	By     Who        `json:"by"`
	Holder Holder     `json:"holder"`
}

func (e ReferralRouted) When() time.Time { return e.At }

// Say names the event.
func (e ReferralRouted) Say() string { return "Council settled: referral passed on" }
func (e ReferralRouted) apply(c *Case) {
	change(c, e.ID, func(r *Referral) {
		r.To, r.Likely, r.Holder, r.Reference = e.To, nil, e.Holder, ""
		r.State, r.Received = RefSent, time.Time{}
	})
}

// ReferralAccepted is that the council took it on.
type ReferralAccepted struct {
	At     time.Time  `json:"at"`
	ID     ReferralID `json:"id"`
	By     Who        `json:"by"`
	Holder Holder     `json:"holder"`
}

func (e ReferralAccepted) When() time.Time { return e.At }

// Say names the event.
func (e ReferralAccepted) Say() string { return "Referral accepted" }
func (e ReferralAccepted) apply(c *Case) {
	change(c, e.ID, func(r *Referral) { r.State, r.Accepted, r.Holder = RefAccepted, e.At, e.Holder })
}

// ReferralReturned is that the council needs more information first.
type ReferralReturned struct {
	At     time.Time  `json:"at"`
	ID     ReferralID `json:"id"`
	Return Return     `json:"return"`
	Holder Holder     `json:"holder"`
}

func (e ReferralReturned) When() time.Time { return e.At }

// Say names the event.
func (e ReferralReturned) Say() string { return "Referral returned: more information needed" }
func (e ReferralReturned) apply(c *Case) {
	change(c, e.ID, func(r *Referral) {
		r.State, r.Holder, r.Hold = RefReturned, e.Holder, nil
		r.Returns = append(r.Returns, e.Return)
	})
}

// ReferralAnswered is that the hospital added what was needed; it is the
// council's again.
type ReferralAnswered struct {
	At      time.Time    `json:"at"`
	ID      ReferralID   `json:"id"`
	By      Who          `json:"by"`
	Answers form.Answers `json:"answers"`
	Holder  Holder       `json:"holder"`
}

func (e ReferralAnswered) When() time.Time { return e.At }

// Say names the event.
func (e ReferralAnswered) Say() string { return "Information added by the hospital" }
func (e ReferralAnswered) apply(c *Case) {
	change(c, e.ID, func(r *Referral) {
		r.State, r.Holder, r.Answers = RefReceived, e.Holder, e.Answers
		if n := len(r.Returns); n > 0 {
			r.Returns[n-1].Answered = e.At
		}
	})
}

// ReferralAllocated is that a named worker has it.
type ReferralAllocated struct {
	At     time.Time  `json:"at"`
	ID     ReferralID `json:"id"`
	By     Who        `json:"by"`
	Worker Who        `json:"worker"`
	Holder Holder     `json:"holder"`
}

func (e ReferralAllocated) When() time.Time { return e.At }

// Say names the event.
func (e ReferralAllocated) Say() string { return "Allocated to " + e.Worker.Name }
func (e ReferralAllocated) apply(c *Case) {
	change(c, e.ID, func(r *Referral) {
		r.Worker, r.Holder = e.Worker, e.Holder
		r.holdFor(e.Worker)
		if r.Allocated.IsZero() {
			r.Allocated = e.At
		}
		if r.State == RefReceived || r.State == RefAccepted || r.State == RefSent {
			r.State = RefAllocated
		}
	})
}

// holdFor makes a hold another worker's: the work goes on with them, where nobody
// had it as allocated.
func (r *Referral) holdFor(w Who) {
	if r.Hold == nil {
		return
	}
	h := *r.Hold
	h.Holder.Who = w
	if h.Before == RefAccepted {
		h.Before = RefAllocated
	}
	r.Hold = &h
}

// ReferralProgressed is that the council's work reached another stage.
type ReferralProgressed struct {
	At     time.Time  `json:"at"`
	ID     ReferralID `json:"id"`
	By     Who        `json:"by"`
	State  RefState   `json:"state"`
	Holder Holder     `json:"holder"`
}

func (e ReferralProgressed) When() time.Time { return e.At }

// Say names the event.
func (e ReferralProgressed) Say() string { return "Stage: " + e.State.Say() }
func (e ReferralProgressed) apply(c *Case) {
	change(c, e.ID, func(r *Referral) { r.State, r.Holder = e.State, e.Holder })
}

// ReferralHeld is that nothing can be done for now. Its clock goes on; the holder
// of the hold has the ball.
type ReferralHeld struct {
	At     time.Time  `json:"at"`
	ID     ReferralID `json:"id"`
	Hold   Hold       `json:"hold"`
	Holder Holder     `json:"holder"`
}

func (e ReferralHeld) When() time.Time { return e.At }

// Say names the event.
func (e ReferralHeld) Say() string { return "Referral put on hold" }
func (e ReferralHeld) apply(c *Case) {
	change(c, e.ID, func(r *Referral) {
		h := e.Hold
		r.Hold, r.State, r.Holder = &h, RefOnHold, e.Holder
	})
}

// ReferralResumed is that the work goes on where it was.
type ReferralResumed struct {
	At     time.Time  `json:"at"`
	ID     ReferralID `json:"id"`
	By     Who        `json:"by"`
	State  RefState   `json:"state"`
	Holder Holder     `json:"holder"`
}

func (e ReferralResumed) When() time.Time { return e.At }

// Say names the event.
func (e ReferralResumed) Say() string { return "Referral goes on: " + e.State.Say() }
func (e ReferralResumed) apply(c *Case) {
	change(c, e.ID, func(r *Referral) { r.Hold, r.State, r.Holder = nil, e.State, e.Holder })
}

// ReferralTransferred is that another council is responsible: it goes on there as
// the referral Next, which that council still has to accept.
type ReferralTransferred struct {
	At      time.Time  `json:"at"`
	ID      ReferralID `json:"id"`
	By      Who        `json:"by"`
	To      nhs.ODS    `json:"to"`
	Next    ReferralID `json:"next"`
	WhyText string     `json:"whyText"`
}

func (e ReferralTransferred) When() time.Time { return e.At }

// Say names the event.
func (e ReferralTransferred) Say() string { return "Referral transferred to another council" }
func (e ReferralTransferred) apply(c *Case) {
	change(c, e.ID, func(r *Referral) {
		r.Before, r.State, r.Ended, r.Watching, r.Next, r.WhyText, r.Hold = r.State, RefTransferred, e.At, false, e.Next, e.WhyText, nil
	})
}

// CriteriaTold is which criteria to reside somebody meets, as staff recorded it:
// codes 01 to 12, or none. It is not medical fitness, and it is not the
// discharge-ready date: the four are said, and kept, each by itself.
type CriteriaTold struct {
	At    time.Time `json:"at"`
	Visit string    `json:"visit,omitempty"`
	Codes []string  `json:"codes,omitzero"` // none: no criterion is met
	By    Who       `json:"by"`
}

func (e CriteriaTold) When() time.Time { return e.At }

// Say names the event.
func (e CriteriaTold) Say() string {
	if len(e.Codes) == 0 {
		return "Criteria to reside: none met"
	}
	return "Criteria to reside: met"
}
func (e CriteriaTold) apply(c *Case) {
	if c.Stay != nil && c.Stay.Visit == e.Visit {
		c.Stay.Criteria = append(c.Stay.Criteria, Criteria{At: e.At, Codes: e.Codes, By: e.By})
	}
}

// ReferralEnded is that nothing more will be done: closed, withdrawn,
// cancelled, or stopped by a death. Why is a reason code, 01 to 13
// (nottinghamshire SHD-CancellationReason; ADW-WithdrawalReason-1).
type ReferralEnded struct {
	At      time.Time  `json:"at"`
	ID      ReferralID `json:"id"`
	State   RefState   `json:"state"`
	By      Who        `json:"by,omitzero"`
	Why     string     `json:"why,omitempty"`
	WhyText string     `json:"whyText,omitempty"`
	Outcome string     `json:"outcome,omitempty"`
}

func (e ReferralEnded) When() time.Time { return e.At }

// Say names the event.
func (e ReferralEnded) Say() string {
	switch e.State {
	case RefDied:
		return "Referral stopped because the person died"
	case RefWithdrawn:
		return "Referral withdrawn by the hospital"
	case RefCancelled:
		return "Referral cancelled"
	}
	return "Referral closed"
}
func (e ReferralEnded) apply(c *Case) {
	change(c, e.ID, func(r *Referral) {
		r.Before, r.State, r.Ended, r.Watching = r.State, e.State, e.At, false
		r.Why, r.WhyText, r.Outcome = e.Why, e.WhyText, e.Outcome
		if e.State == RefClosed || e.State == RefWithdrawn {
			r.Hold = nil // the others may be taken back, and go on as they were
		}
	})
	if e.State != RefClosed {
		c.endPapers(e.ID, e.At, e.Why, e.WhyText)
	}
}

// WatchEnded is that the person has physically left hospital: the watching
// brief is over, and what is left to do is the council's.
type WatchEnded struct {
	At     time.Time  `json:"at"`
	ID     ReferralID `json:"id"`
	Holder Holder     `json:"holder"`
}

func (e WatchEnded) When() time.Time { return e.At }

// Say names the event.
func (e WatchEnded) Say() string { return "Gone home: the hospital's part is over" }
func (e WatchEnded) apply(c *Case) {
	change(c, e.ID, func(r *Referral) {
		r.Before, r.State, r.Watching, r.Holder = r.State, RefDischarged, false, e.Holder
	})
}

// WatchResumed is that the discharge, death or self-discharge that had ended
// the work was taken back: it goes on where it was.
type WatchResumed struct {
	At     time.Time  `json:"at"`
	ID     ReferralID `json:"id"`
	Holder Holder     `json:"holder"`
}

func (e WatchResumed) When() time.Time { return e.At }

// Say names the event.
func (e WatchResumed) Say() string { return "Still in hospital: the work goes on" }
func (e WatchResumed) apply(c *Case) {
	change(c, e.ID, func(r *Referral) {
		if r.Before != "" {
			r.State, r.Before = r.Before, ""
		}
		r.Ended, r.Why, r.WhyText, r.Holder = time.Time{}, "", "", e.Holder
		r.Watching = r.State != RefDischarged // gone home before: only the death was taken back
	})
	c.resumePapers(e.ID)
}

// NoteAdded is that somebody wrote a case note.
type NoteAdded struct {
	At   time.Time `json:"at"`
	Note Note      `json:"note"`
}

func (e NoteAdded) When() time.Time { return e.At }

// Say names the event.
func (e NoteAdded) Say() string   { return "Note added" }
func (e NoteAdded) apply(c *Case) { c.Notes = append(c.Notes, e.Note) }

// CallRecorded is that somebody rang a provider.
type CallRecorded struct {
	At   time.Time `json:"at"`
	Call Call      `json:"call"`
}

func (e CallRecorded) When() time.Time { return e.At }

// Say names the event.
func (e CallRecorded) Say() string {
	return "Call to " + e.Call.ProviderName + ": " + CallOutcome(e.Call.Outcome)
}
func (e CallRecorded) apply(c *Case) { c.Calls = append(c.Calls, e.Call) }

// CallOutcome is a call's outcome code in words.
func CallOutcome(code string) string {
	if w, ok := callOutcomes[code]; ok {
		return w
	}
	return code
}

var callOutcomes = map[string]string{
	"restart": "care will restart", "notice": "needs notice", "cannot": "cannot restart",
	"no-answer": "no answer", "message": "left message", "told": "told where the person is",
}
