package care

import (
	"cmp"
	"time"

	"homeward/nhs"
)

// Concern is a safeguarding concern that staff raised with a council (Care Act
// 2014 s.42). It has no field for who is alleged to have done harm, on purpose.
type Concern struct {
	Of        CaseID       `json:"of,omitempty"`
	ID        string       `json:"id"`
	Reference string       `json:"reference"` // given back at once to whoever raised it
	To        nhs.ODS      `json:"to"`
	At        time.Time    `json:"at"`
	By        Who          `json:"by"`
	Kinds     []string     `json:"kinds"`             // Care and support guidance 14.17, as data
	Words     string       `json:"words"`             // what was seen or heard
	Danger    bool         `json:"danger,omitempty"`  // in danger now
	Knows     string       `json:"knows"`             // does the person know and agree: yes, no, lacks, not-asked
	Contact   string       `json:"contact,omitempty"` // how to reach who raised it
	State     ConcernState `json:"state"`
	Moved     time.Time    `json:"moved"`
	MovedBy   Who          `json:"movedBy,omitzero"`
	Outcome   string       `json:"outcome,omitempty"` // for the council's safeguarding staff
}

// ConcernState is how far a council came with a concern.
type ConcernState string

// The states of a concern.
const (
	ConcernRaised   ConcernState = "raised"
	ConcernReceived ConcernState = "received"
	ConcernEnquiry  ConcernState = "enquiry" // Care Act 2014 s.42(2): an enquiry is open
	ConcernClosed   ConcernState = "closed"
)

// ConcernChanged is that a concern was raised, or that the council moved it on.
type ConcernChanged struct {
	At      time.Time `json:"at"`
	By      Who       `json:"by"`
	Concern Concern   `json:"concern"`
}

func (e ConcernChanged) When() time.Time { return e.At }

// Say names the event, without what it is about.
func (e ConcernChanged) Say() string {
	return cmp.Or(map[ConcernState]string{ConcernRaised: "Safeguarding concern raised", ConcernReceived: "Safeguarding concern received by the council",
		ConcernEnquiry: "Safeguarding enquiry opened", ConcernClosed: "Safeguarding concern closed"}[e.Concern.State], "Safeguarding concern changed")
}

func (e ConcernChanged) apply(c *Case) {
	put(&c.Concerns, e.Concern, func(x *Concern) (*string, *CaseID) { return &x.ID, &x.Of })
}

// RaiseConcern raises one. The same ID is the same concern.
type RaiseConcern struct{ Concern Concern }

// MoveConcern says how far the council came.
type MoveConcern struct {
	ID      string
	State   ConcernState
	Outcome string
}

func (RaiseConcern) command() {}
func (MoveConcern) command()  {}
