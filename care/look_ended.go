package care

import (
	"slices"
	"strings"
	"time"

	"homeward/nhs"
)

// LookResult is what became of somebody after a hospital looked them up, as whoever
// looked recorded it. It is the only ground on which an admission is counted as avoided.
type LookResult struct {
	Of     CaseID    `json:"of,omitempty"`
	ID     string    `json:"id"` // of the look-up; it opens nothing
	Org    nhs.ODS   `json:"org"`
	Looked time.Time `json:"looked"`
	Result LookEnd   `json:"result"`
	Text   string    `json:"text,omitempty"`
	At     time.Time `json:"at"` // when it was recorded as it is
	By     Who       `json:"by"`
}

// LookEnd is what a look-up led to.
type LookEnd string

// What look-ups lead to.
const (
	LookHomeCare     LookEnd = "home-care" // went home, as the care there was known
	LookHome         LookEnd = "home"
	LookAdmittedTold LookEnd = "admitted-told"
	LookAdmitted     LookEnd = "admitted"
	LookNoUse        LookEnd = "no-use"
	LookOther        LookEnd = "other"
)

// LookEnds lists what look-ups lead to, in the order of the form.
var LookEnds = []Coded{
	{string(LookHomeCare), "Went home, with the care that is in place"}, {string(LookHome), "Went home"},
	{string(LookAdmittedTold), "Admitted, and the care provider was told"}, {string(LookAdmitted), "Admitted"},
	{string(LookNoUse), "The look-up did not help"}, {string(LookOther), "Something else"},
}

// Home reports whether the person went home.
func (e LookEnd) Home() bool { return e == LookHomeCare || e == LookHome }

// LookEnded is that what a look-up led to was recorded, or corrected.
type LookEnded struct {
	At   time.Time  `json:"at"`
	Look LookResult `json:"look"`
}

func (e LookEnded) When() time.Time { return e.At }

// Say names the event.
func (e LookEnded) Say() string {
	return "After a look-up: " + SayCoded(LookEnds, string(e.Look.Result))
}

func (e LookEnded) apply(c *Case) {
	put(&c.Looks, e.Look, func(l *LookResult) (*string, *CaseID) { return &l.ID, &l.Of })
}

// EndLook records what a look-up led to. The same again changes nothing; another
// answer corrects the first.
type EndLook struct {
	ID     string
	Looked time.Time
	Result LookEnd
	Text   string
}

func (EndLook) command() {}

func (x EndLook) decide(d deciding) ([]Event, error) {
	switch {
	case d.by.OrgKind != Trust:
		return nil, &Error{Kind: Forbidden, Text: "Only a hospital records what its look-up led to"}
	case x.ID == "" || x.Looked.IsZero() || x.Looked.After(d.now):
		return nil, missing("key", "This is no look-up. Look the person up again")
	case !slices.ContainsFunc(LookEnds, func(k Coded) bool { return k.Code == string(x.Result) }):
		return nil, missing("result", "Select what happened")
	}
	if err := words("text", x.Text, "what happened", x.Result == LookOther, shortLimit); err != nil {
		return nil, err
	}
	next := LookResult{ID: x.ID, Org: d.by.Org, Looked: x.Looked, Result: x.Result, Text: strings.TrimSpace(x.Text), At: d.now, By: d.by.Who()}
	for _, was := range d.c.Looks {
		switch {
		case was.ID != x.ID:
		case was.By.ID != d.by.ID || was.Org != d.by.Org:
			return nil, &Error{Kind: Forbidden, Text: "This look-up was somebody else's"}
		case was.Result == next.Result && was.Text == next.Text:
			return nil, nil
		}
	}
	return []Event{LookEnded{At: d.now, Look: next}}, nil
}
