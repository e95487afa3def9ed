package care

import "time"

// Decision is what was decided about a person in the daily huddle of the transfer
// hub: what, who does it, by when; and who disagreed.
type Decision struct {
	Of        CaseID     `json:"of,omitempty"`
	ID        string     `json:"id"`
	Referral  ReferralID `json:"referral,omitempty"`
	Huddle    string     `json:"huddle"` // the meeting
	At        time.Time  `json:"at"`
	By        Who        `json:"by"`
	Text      string     `json:"text"`
	Owner     Owner      `json:"owner"`
	Due       time.Time  `json:"due"`
	Today     bool       `json:"today,omitempty"` // it must happen today
	Task      string     `json:"task"`            // the task that it made
	Disagreed []Disagree `json:"disagreed,omitzero"`
}

// Disagree is that somebody did not agree, and why. It is recorded as such and
// changes nothing else.
type Disagree struct {
	At   time.Time `json:"at"`
	By   Who       `json:"by"`
	Text string    `json:"text"`
}

// Decided is that something was decided in a huddle, or that somebody disagreed.
type Decided struct {
	At       time.Time `json:"at"`
	Disagree bool      `json:"disagree,omitempty"`
	By       Who       `json:"by"`
	Decision Decision  `json:"decision"`
}

func (e Decided) When() time.Time { return e.At }

// Say names the event.
func (e Decided) Say() string {
	if e.Disagree {
		return "Disagreement recorded in the huddle"
	}
	return "Decided in the huddle"
}

func (e Decided) apply(c *Case) {
	put(&c.Decisions, e.Decision, func(d *Decision) (*string, *CaseID) { return &d.ID, &d.Of })
}

// DecideNext decides something in a huddle. It sets a task for both sides.
type DecideNext struct{ Decision Decision }

// RecordDisagreement keeps that somebody did not agree.
type RecordDisagreement struct {
	ID   string
	Text string
}

func (DecideNext) command()         {}
func (RecordDisagreement) command() {}
