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
		old.leave(Leaving{At: e.At, Moved: true}, e.At)
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
	c.Undone = append(c.Undone, UndoneMark{What: "admission", Visit: e.Visit, Org: e.Org, At: e.At})
	present, past := c.locate(e.Visit, e.Org)
	if past >= 0 {
		c.Past = slices.Delete(c.Past, past, past+1)
	}
	if !present {
		return
	}
	of := c.Stay.Of
	c.Stay = nil
	// The newest past stay was put away by this one if it only moved on, or by a
	// join if it has not ended.
	n := len(c.Past)
	if n > 0 && c.Past[n-1].Left != nil && c.Past[n-1].Left.Moved && c.Past[n-1].Of == of {
		c.bringBack(n - 1)
	} else if i := c.putAway(); i >= 0 && !c.after(c.Past[i].newest()) {
		c.bringBack(i)
	}
}

// after reports whether anything of any stay, its end too, is known from after t.
func (c *Case) after(t time.Time) bool {
	since := func(s Stay) bool { return s.newest().After(t) || s.Left != nil && s.Left.At.After(t) }
	return c.Stay != nil && since(*c.Stay) || slices.ContainsFunc(c.Past, since)
}

// locate finds the stay that a hospital means by a visit number: the present
// one, or the index of a past one. past is -1 when it is neither or the
// present one. Without a number only the present stay is meant.
func (c *Case) locate(visit string, org nhs.ODS) (present bool, past int) {
	here := c.Stay != nil && c.Stay.Org == org
	if here && (visit == "" || c.Stay.Visit == visit) {
		return true, -1
	}
	if visit == "" {
		return false, -1
	}
	for i := len(c.Past) - 1; i >= 0; i-- {
		if c.Past[i].Org == org && c.Past[i].Visit == visit {
			return false, i
		}
	}
	return here && c.Stay.Visit == "", -1
}

// lastPast is the index of the newest past stay in a hospital that the visit
// number does not contradict; -1 when there is none.
func (c *Case) lastPast(visit string, org nhs.ODS) int {
	for i := len(c.Past) - 1; i >= 0; i-- {
		s := c.Past[i]
		if s.Org == org && (visit == "" || s.Visit == "" || s.Visit == visit) {
			return i
		}
	}
	return -1
}

// leave ends a stay, or corrects how it ended.
func (s *Stay) leave(l Leaving, said time.Time) {
	open := s.openReady()
	s.Left, s.OnLeave, s.Known.Left = &l, false, said
	if open >= 0 {
		s.Ready = slices.Clone(s.Ready)
		s.Ready[open].To = later(l.At, s.Ready[open].From)
	}
}

// resume takes the end of a stay back. A period of readiness that lasted until
// then goes on, unless the hospital has said otherwise since.
func (s *Stay) resume() {
	open := s.openReady()
	s.Left = nil
	if open < 0 {
		return
	}
	s.Ready[open].To = time.Time{}
	if s.Fit == "N" {
		s.Ready[open].To = later(s.Known.Fit, s.Ready[open].From)
	}
}

// Moved is that the person is in another place.
type Moved struct {
	At   time.Time `json:"at"`
	To   Location  `json:"to"`
	From Location  `json:"from,omitzero"`
	// First is that a place became known where none was.
	First bool   `json:"first,omitempty"`
	Past  string `json:"past,omitempty"` // visit of a stay that has ended; "" is the present one
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
	s := c.stayTold(e.Past)
	if s == nil {
		return
	}
	if !e.First {
		s.Moves = append(s.Moves, Move{At: e.At, From: s.Where, To: e.To})
	}
	s.Where, s.Known.Where = e.To, e.At
}

// MoveUndone is that the last move was taken back (A12).
type MoveUndone struct {
	At   time.Time `json:"at"`
	To   Location  `json:"to"`             // where the person is after all
	Past string    `json:"past,omitempty"` // visit of a stay that has ended; "" is the present one
}

func (e MoveUndone) When() time.Time { return e.At }

// Say names the event.
func (e MoveUndone) Say() string { return "Move cancelled: still in " + e.To.Say() }
func (e MoveUndone) apply(c *Case) {
	s := c.stayTold(e.Past)
	if s == nil {
		return
	}
	if n := len(s.Moves); n > 0 {
		s.Moves = s.Moves[:n-1]
	}
	s.Where, s.Known.Where = e.To, e.At
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
	Past       string    `json:"past,omitempty"` // visit of a stay that has ended; "" is the present one
}

func (e StayTold) When() time.Time { return e.At }

// Say names the event.
func (e StayTold) Say() string { return "Hospital stay updated" }
func (e StayTold) apply(c *Case) {
	s := c.stayTold(e.Past)
	if s == nil {
		return
	}
	k := &s.Known
	if s.Class != e.Class {
		k.Class = e.At
	}
	if s.Consultant != e.Consultant || s.Specialty != e.Specialty || s.Reason != e.Reason || s.Method != e.Method {
		k.Doctor = e.At
	}
	if !s.Admitted.Equal(e.Admitted) {
		k.Admitted = e.At
	}
	if s.Fit != e.Fit {
		k.Fit = e.At
	}
	if e.At.Before(k.Opened) {
		k.Opened = e.At
	}
	s.Visit, s.Class, s.Consultant, s.Specialty = e.Visit, e.Class, e.Consultant, e.Specialty
	s.Reason, s.Method, s.Admitted, s.Fit = e.Reason, e.Method, e.Admitted, e.Fit
	s.Ready = slices.Clone(s.Ready)
	for i := range s.Ready {
		s.Ready[i] = s.Ready[i].within(s.Admitted)
	}
}

// BecameReady is that the person no longer meets the criteria to reside, since
// From as told. Said again with another From, the open period is corrected. A
// date before the admission counts from the admission and is flagged.
type BecameReady struct {
	At      time.Time `json:"at"` // when it was said
	From    time.Time `json:"from"`
	Again   bool      `json:"again,omitempty"`   // the person was ready; only the date is new
	Clamped bool      `json:"clamped,omitempty"` // From is before the admission, as that was known
	Past    string    `json:"past,omitempty"`    // visit of a stay that has ended; "" is the present one
}

func (e BecameReady) When() time.Time { return e.At }

// Say names the event.
func (e BecameReady) Say() string {
	what := "Ready to leave hospital"
	if e.Again {
		what = "Discharge-ready date corrected"
	}
	if e.Clamped {
		what += " (told as before the admission)"
	}
	return what
}
func (e BecameReady) apply(c *Case) {
	s := c.stayTold(e.Past)
	if s == nil {
		return
	}
	i := s.openReady()
	if i < 0 {
		s.Ready = append(s.Ready, Period{})
		i = len(s.Ready) - 1
	}
	s.Ready[i] = Period{From: e.From, To: s.Ready[i].To}.within(s.Admitted)
	if s.Left != nil {
		closeReady(s, s.Left.At)
	}
	s.Fit, s.Known.Fit = "Y", e.At
}

// openReady is the index of the discharge-ready period that lasts, or lasted
// until the stay ended; -1 when there is none.
func (s Stay) openReady() int {
	n := len(s.Ready) - 1
	if n >= 0 && (s.Ready[n].To.IsZero() || s.Left != nil && !s.Ready[n].To.Before(s.Left.At)) {
		return n
	}
	return -1
}

// NoLongerReady is that the person meets the criteria to reside again.
type NoLongerReady struct {
	At   time.Time `json:"at"`
	Past string    `json:"past,omitempty"` // visit of a stay that has ended; "" is the present one
}

func (e NoLongerReady) When() time.Time { return e.At }

// Say names the event.
func (e NoLongerReady) Say() string { return "No longer ready to leave hospital" }
func (e NoLongerReady) apply(c *Case) {
	s := c.stayTold(e.Past)
	if s == nil {
		return
	}
	if s.Left == nil || e.At.Before(s.Left.At) {
		closeReady(s, e.At)
	}
	s.Fit, s.Known.Fit = "N", e.At
}

// closeReady ends the period that lasts; a period never ends before it began.
func closeReady(s *Stay, at time.Time) {
	s.Ready = slices.Clone(s.Ready)
	if i := s.openReady(); i >= 0 {
		s.Ready[i].To = later(at, s.Ready[i].From)
	}
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// stayTold is the stay that an event tells about: the present one, or the
// newest past one of a visit, as a copy of its own that may be changed.
func (c *Case) stayTold(past string) *Stay {
	if past == "" {
		return c.Stay
	}
	for i := len(c.Past) - 1; i >= 0; i-- {
		if c.Past[i].Visit == past {
			c.Past[i] = c.Past[i].clone()
			return &c.Past[i]
		}
	}
	return nil
}

// ExpectedChanged is that a date of discharge was predicted, or taken back.
type ExpectedChanged struct {
	At       time.Time `json:"at"`
	Expected Expected  `json:"expected"`
	Count    int       `json:"count"`          // how many changes there were, as the series stood then; 0: the first date
	Past     string    `json:"past,omitempty"` // visit of a stay that has ended; "" is the present one
}

func (e ExpectedChanged) When() time.Time { return e.At }

// Say names the event.
func (e ExpectedChanged) Say() string {
	d := e.Expected.Date.Time().Format("02-Jan-2006")
	switch {
	case e.Expected.Late && e.Expected.Date.IsZero():
		return "Predicted discharge date taken back, already replaced by a newer one"
	case e.Expected.Late:
		return "Predicted discharge date " + d + ", already replaced by a newer one"
	case e.Expected.Date.IsZero():
		return "Predicted discharge date taken back"
	case e.Count == 0:
		return "Predicted discharge date " + d
	}
	return "Predicted discharge date changed to " + d
}
func (e ExpectedChanged) apply(c *Case) {
	s := c.stayTold(e.Past)
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
	present, past := c.locate(e.Visit, e.Org)
	if present {
		s := *c.Stay
		s.leave(e.Leaving, e.At)
		c.Past = append(c.Past, s)
		c.Stay = nil
		return
	}
	if past < 0 {
		past = c.lastPast(e.Visit, e.Org)
	}
	if past >= 0 {
		s := c.Past[past].clone()
		s.leave(e.Leaving, e.At)
		c.Past[past] = s
	}
}

// DischargeUndone is that the last discharge was taken back (A13): the stay is
// present again, where the person was.
type DischargeUndone struct {
	At    time.Time `json:"at"`
	Visit string    `json:"visit,omitempty"`
	Org   nhs.ODS   `json:"org"`
	// Seen is that nobody took the discharge back: it was only inferred, or the
	// stay was put away by a join, and the hospital goes on telling about it.
	Seen bool `json:"seen,omitempty"`
}

func (e DischargeUndone) When() time.Time { return e.At }

// Say names the event.
func (e DischargeUndone) Say() string {
	if e.Seen {
		return "Back in the hospital stay from before"
	}
	return "Discharge cancelled: still in hospital"
}
func (e DischargeUndone) apply(c *Case) {
	if !e.Seen {
		c.Undone = append(c.Undone, UndoneMark{What: "leaving", Visit: e.Visit, Org: e.Org, At: e.At})
	}
	_, i := c.locate(e.Visit, e.Org)
	if i < 0 {
		i = c.lastPast(e.Visit, e.Org)
	}
	if i < 0 || c.Stay != nil && (!e.Seen || c.Past[i].Left != nil) {
		return // in another stay by now: the old one stays put away
	}
	gave := c.Stay
	c.bringBack(i)
	if gave != nil {
		c.Past = append(c.Past, *gave) // both came by a join, and the newer counts
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

// LeftEarly is that a discharge arrived before anything else of its stay. It is
// remembered, so that the stay does not stay open when it becomes known.
type LeftEarly struct {
	At      time.Time `json:"at"`
	Visit   string    `json:"visit"`
	Org     nhs.ODS   `json:"org"`
	Leaving Leaving   `json:"leaving"`
}

func (e LeftEarly) When() time.Time { return e.At }

// Say names the event.
func (e LeftEarly) Say() string { return "A discharge from a stay that is not known" }
func (e LeftEarly) apply(c *Case) {
	c.Early = append(c.Early, EarlyLeaving{Visit: e.Visit, Org: e.Org, Said: e.At, Leaving: e.Leaving})
}

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
