package care

import (
	"slices"
	"time"

	"homeward/nhs"
)

// Admitted is that a stay or attendance began. A stay that was still present
// is put away as ended by this one.
type Admitted struct {
	At   time.Time `json:"at"`
	Stay Stay      `json:"stay"`
}

func (e Admitted) When() time.Time { return e.At }

// Say names the event.
func (e Admitted) Say() string {
	if e.Stay.Class == "E" {
		return "Arrived in A&E"
	}
	return "Admitted to " + e.Stay.Where.Say()
}
func (e Admitted) apply(c *Case) {
	if c.Stay != nil {
		old := *c.Stay
		old.Left = &Leaving{At: e.At, Moved: true}
		closeReady(&old, e.At)
		c.Past = append(c.Past, old)
	}
	s := e.Stay.clone()
	c.Stay = &s
	c.Plans = slices.DeleteFunc(c.Plans, func(p Plan) bool { return p.Org == s.Org && (p.Visit == "" || p.Visit == s.Visit) })
}

// AdmissionUndone is that an admission was taken back (A11). The stay goes,
// wherever it stands; a stay that it had put away comes back.
type AdmissionUndone struct {
	At    time.Time `json:"at"`
	Visit string    `json:"visit,omitempty"`
	Org   nhs.ODS   `json:"org"`
}

func (e AdmissionUndone) When() time.Time { return e.At }

// Say names the event.
func (e AdmissionUndone) Say() string { return "Admission cancelled" }
func (e AdmissionUndone) apply(c *Case) {
	c.Undone = append(c.Undone, UndoneMark{"admission", e.Visit, e.Org, e.At})
	if c.Stay != nil && c.Stay.is(e.Visit, e.Org) {
		began := c.Stay.Admitted
		c.Stay = nil
		if n := len(c.Past); n > 0 && c.Past[n-1].Left != nil && c.Past[n-1].Left.Moved && c.Past[n-1].Left.At.Equal(began) {
			back := c.Past[n-1]
			back.Left = nil
			c.Past = c.Past[:n-1]
			c.Stay = &back
		}
		return
	}
	c.Past = slices.DeleteFunc(c.Past, func(s Stay) bool { return e.Visit != "" && s.is(e.Visit, e.Org) })
}

// is reports whether the stay is the one a message means.
func (s Stay) is(visit string, org nhs.ODS) bool {
	return s.Org == org && (visit == "" || s.Visit == "" || s.Visit == visit)
}

// Moved is that the person is in another place.
type Moved struct {
	At   time.Time `json:"at"`
	To   Location  `json:"to"`
	From Location  `json:"from,omitzero"`
	// First is that a place became known where none was.
	First bool `json:"first,omitempty"`
}

func (e Moved) When() time.Time { return e.At }

// Say names the event.
func (e Moved) Say() string {
	if e.First || e.From == (Location{}) {
		return "In " + e.To.Say()
	}
	return "Moved from " + e.From.Say() + " to " + e.To.Say()
}
func (e Moved) apply(c *Case) {
	if c.Stay == nil {
		return
	}
	c.Stay.Moves = append(c.Stay.Moves, Move{At: e.At, From: c.Stay.Where, To: e.To})
	c.Stay.Where, c.Stay.Known.Where = e.To, e.At
}

// MoveUndone is that the last move was taken back (A12).
type MoveUndone struct {
	At time.Time `json:"at"`
	To Location  `json:"to"` // where the person is after all
}

func (e MoveUndone) When() time.Time { return e.At }

// Say names the event.
func (e MoveUndone) Say() string { return "Move cancelled: still in " + e.To.Say() }
func (e MoveUndone) apply(c *Case) {
	if c.Stay == nil {
		return
	}
	if n := len(c.Stay.Moves); n > 0 {
		c.Stay.Moves = c.Stay.Moves[:n-1]
	}
	c.Stay.Where, c.Stay.Known.Where = e.To, e.At
}

// StayTold is that other facts of the stay were told: class, doctor, reason.
// Fields hold the whole new state of what they name.
type StayTold struct {
	At         time.Time `json:"at"`
	Visit      string    `json:"visit,omitempty"`
	Class      string    `json:"class,omitempty"`
	Consultant string    `json:"consultant,omitempty"`
	Specialty  string    `json:"specialty,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Method     string    `json:"method,omitempty"`
	Admitted   time.Time `json:"admitted,omitzero"`
	Fit        string    `json:"fit,omitempty"`
}

func (e StayTold) When() time.Time { return e.At }

// Say names the event.
func (e StayTold) Say() string { return "Hospital stay updated" }
func (e StayTold) apply(c *Case) {
	s := c.Stay
	if s == nil {
		return
	}
	s.Visit, s.Class, s.Consultant, s.Specialty = e.Visit, e.Class, e.Consultant, e.Specialty
	s.Reason, s.Method, s.Admitted, s.Fit = e.Reason, e.Method, e.Admitted, e.Fit
	s.Known.Doctor, s.Known.Class = e.At, e.At
}

// BecameReady is that the person no longer meets the criteria to reside, since
// From. Said again with another From, the open period is corrected.
type BecameReady struct {
	At   time.Time `json:"at"` // when it was said
	From time.Time `json:"from"`
}

func (e BecameReady) When() time.Time { return e.At }

// Say names the event.
func (e BecameReady) Say() string { return "Ready to leave hospital" }
func (e BecameReady) apply(c *Case) {
	s := c.Stay
	if s == nil {
		return
	}
	if n := len(s.Ready); n > 0 && s.Ready[n-1].To.IsZero() {
		s.Ready[n-1].From = e.From
	} else {
		s.Ready = append(s.Ready, Period{From: e.From})
	}
	s.Fit, s.Known.Fit = "Y", e.At
}

// NoLongerReady is that the person meets the criteria to reside again.
type NoLongerReady struct {
	At time.Time `json:"at"`
}

func (e NoLongerReady) When() time.Time { return e.At }

// Say names the event.
func (e NoLongerReady) Say() string { return "No longer ready to leave hospital" }
func (e NoLongerReady) apply(c *Case) {
	if c.Stay == nil {
		return
	}
	closeReady(c.Stay, e.At)
	c.Stay.Fit, c.Stay.Known.Fit = "N", e.At
}

func closeReady(s *Stay, at time.Time) {
	s.Ready = slices.Clone(s.Ready)
	if n := len(s.Ready); n > 0 && s.Ready[n-1].To.IsZero() {
		s.Ready[n-1].To = at
		if at.Before(s.Ready[n-1].From) {
			s.Ready[n-1].To = s.Ready[n-1].From
		}
	}
}

// ExpectedChanged is that a date of discharge was predicted, or taken back.
type ExpectedChanged struct {
	At       time.Time `json:"at"`
	Expected Expected  `json:"expected"`
	Count    int       `json:"count"` // how many changes that makes
}

func (e ExpectedChanged) When() time.Time { return e.At }

// Say names the event.
func (e ExpectedChanged) Say() string {
	if e.Expected.Date.IsZero() {
		return "Predicted discharge date taken back"
	}
	d := e.Expected.Date.Time().Format("02-Jan-2006")
	switch {
	case e.Expected.Late:
		return "Predicted discharge date " + d + ", already replaced by a newer one"
	case e.Count == 0:
		return "Predicted discharge date " + d
	}
	return "Predicted discharge date changed to " + d + ", " + ordinal(e.Count) + " change"
}
func (e ExpectedChanged) apply(c *Case) {
	s := c.Stay
	if s == nil {
		return
	}
	i := len(s.Expected)
	for i > 0 && s.Expected[i-1].Said.After(e.Expected.Said) {
		i--
	}
	s.Expected = slices.Insert(s.Expected, i, e.Expected)
}

// EDD is the newest predicted date of discharge; zero when there is none.
func (s Stay) EDD() nhs.Date {
	if n := len(s.Expected); n > 0 {
		return s.Expected[n-1].Date
	}
	return nhs.Date{}
}

// Changes counts how often the predicted date changed, by the time each was
// said: the first one is not a change, and saying the same again is none.
func (s Stay) Changes() int {
	n := 0
	for i := 1; i < len(s.Expected); i++ {
		if s.Expected[i].Date != s.Expected[i-1].Date {
			n++
		}
	}
	return n
}

// ReadySince is the start of the present discharge-ready period; zero when
// the person is not ready. It is the national Discharge Ready Date.
func (s Stay) ReadySince() time.Time {
	if n := len(s.Ready); n > 0 && s.Ready[n-1].To.IsZero() {
		return s.Ready[n-1].From
	}
	return time.Time{}
}

// LeaveTold is that the person went on leave from the ward, or came back.
type LeaveTold struct {
	At  time.Time `json:"at"`
	Out bool      `json:"out"`
}

func (e LeaveTold) When() time.Time { return e.At }

// Say names the event.
func (e LeaveTold) Say() string {
	if e.Out {
		return "On leave from the ward"
	}
	return "Back from leave"
}
func (e LeaveTold) apply(c *Case) {
	if c.Stay != nil {
		c.Stay.OnLeave, c.Stay.Known.Leave = e.Out, e.At
	}
}

// Discharged is that a stay ended. It ends the present stay, or fills in how a
// past one of that visit ended.
type Discharged struct {
	At      time.Time `json:"at"`
	Visit   string    `json:"visit,omitempty"`
	Org     nhs.ODS   `json:"org"`
	Leaving Leaving   `json:"leaving"`
}

func (e Discharged) When() time.Time { return e.At }

// Say names the event.
func (e Discharged) Say() string {
	switch {
	case e.Leaving.Died:
		return "Died in hospital"
	case e.Leaving.Self:
		return "Discharged themselves from hospital"
	}
	return "Left hospital"
}
func (e Discharged) apply(c *Case) {
	l := e.Leaving
	if c.Stay != nil && c.Stay.is(e.Visit, e.Org) {
		s := *c.Stay
		s.Left, s.OnLeave = &l, false
		closeReady(&s, l.At)
		c.Past = append(c.Past, s)
		c.Stay = nil
		return
	}
	for i := len(c.Past) - 1; i >= 0; i-- {
		if e.Visit != "" && c.Past[i].Visit == e.Visit && c.Past[i].Org == e.Org {
			c.Past[i].Left = &l
			return
		}
	}
}

// DischargeUndone is that the last discharge was taken back (A13): the stay is
// present again, where the person was.
type DischargeUndone struct {
	At    time.Time `json:"at"`
	Visit string    `json:"visit,omitempty"`
	Org   nhs.ODS   `json:"org"`
}

func (e DischargeUndone) When() time.Time { return e.At }

// Say names the event.
func (e DischargeUndone) Say() string { return "Discharge cancelled: still in hospital" }
func (e DischargeUndone) apply(c *Case) {
	c.Undone = append(c.Undone, UndoneMark{"leaving", e.Visit, e.Org, e.At})
	for i := len(c.Past) - 1; i >= 0; i-- {
		s := c.Past[i]
		if !s.is(e.Visit, e.Org) {
			continue
		}
		if c.Stay != nil {
			return // in another stay by now: the old one stays put away
		}
		left := s.Left
		s.Left = nil
		s = s.clone()
		if n := len(s.Ready); n > 0 && left != nil && s.Ready[n-1].To.Equal(left.At) {
			s.Ready[n-1].To = time.Time{}
		}
		c.Past = slices.Delete(c.Past, i, i+1)
		c.Stay = &s
		return
	}
}

// UndoneEarly is that something was taken back before it arrived itself. It is
// remembered, so that the late original does not come true.
type UndoneEarly struct {
	At   time.Time  `json:"at"`
	Mark UndoneMark `json:"mark"`
}

func (e UndoneEarly) When() time.Time { return e.At }

// Say names the event.
func (e UndoneEarly) Say() string   { return "Something was cancelled before it arrived" }
func (e UndoneEarly) apply(c *Case) { c.Undone = append(c.Undone, e.Mark) }

// ArrivedLate is that an older message arrived after a newer one had said
// otherwise. It changes nothing and is remembered.
type ArrivedLate struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // what it said, in words without the person's name
}

func (e ArrivedLate) When() time.Time { return e.At }

// Say names the event.
func (e ArrivedLate) Say() string { return "Arrived late and changed nothing: " + e.What }
func (e ArrivedLate) apply(*Case) {}

func ordinal(n int) string {
	suffix := "th"
	switch {
	case n%100 >= 11 && n%100 <= 13:
	case n%10 == 1:
		suffix = "st"
	case n%10 == 2:
		suffix = "nd"
	case n%10 == 3:
		suffix = "rd"
	}
	return itoa(n) + suffix
}
