package care

import (
	"time"

	"homeward/nhs"
)

// Outcome is what became of somebody after a referral.
type Outcome struct {
	Of          CaseID     `json:"of,omitempty"`
	Referral    ReferralID `json:"referral"`
	Destination string     `json:"destination,omitempty"` // code: home, home with care, ...
	Left        nhs.Date   `json:"left,omitzero"`         // as people recorded it; the stay has the feed's
	Goals       []Goal     `json:"goals,omitzero"`
	Said        string     `json:"said,omitempty"` // what the person said, in their words
	SaidAt      time.Time  `json:"saidAt,omitzero"`
	SaidTo      Who        `json:"saidTo,omitzero"`
	Day91       *AtHome    `json:"day91,omitzero"`
	Month6      *AtHome    `json:"month6,omitzero"`
	At          time.Time  `json:"at"`
	By          Who        `json:"by"`
}

// Goal is what the person wanted to be able to do again.
type Goal struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	Met  string `json:"met,omitempty"` // met, partly, not, "": not yet known
}

// AtHome is where somebody was on a day. Whoever died, is in hospital or in a care
// home (but for respite), or cannot be reached, is not at home, and still counts
// (ASCOF 2D, as 2B part 1 was collected before it in SALT STS004).
type AtHome struct {
	On     nhs.Date  `json:"on"`             // the day that is asked about
	Answer string    `json:"answer"`         // home, extra-care, care-home, respite, hospital, died, unreachable
	Rule   bool      `json:"rule,omitempty"` // known from the feeds, nobody was asked
	At     time.Time `json:"at"`
	By     Who       `json:"by,omitzero"`
}

// OutcomeChanged is that an outcome was recorded or corrected.
type OutcomeChanged struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"` // destination, goals, said, day91, month6
	By      Who       `json:"by,omitzero"`
	Outcome Outcome   `json:"outcome"`
}

func (e OutcomeChanged) When() time.Time { return e.At }

// Say names the event.
func (e OutcomeChanged) Say() string {
	return "Outcome recorded: " + map[string]string{"destination": "where the person went", "goals": "goals", "said": "what the person said",
		"day91": "where they are after 91 days", "month6": "where they are after 6 months"}[e.What]
}

func (e OutcomeChanged) apply(c *Case) {
	put(&c.Outcomes, e.Outcome, func(o *Outcome) (*string, *CaseID) { return (*string)(&o.Referral), &o.Of })
}

// RecordOutcome records one part of an outcome (What, as in OutcomeChanged).
// Was is when the outcome was last recorded as the recording person saw it.
type RecordOutcome struct {
	What    string
	Outcome Outcome
	Was     time.Time
}

func (RecordOutcome) command() {}
