package care

import (
	"slices"
	"strings"
	"time"

	"homeward/nhs"
)

// Notice turns what a system says into what became true. It is total and
// never refuses: it compares the observation with what is known, and a message
// that says nothing new gives no events. Each aspect of a stay carries the time
// it was last changed; an older message never overwrites it and is recorded as
// ArrivedLate when it says otherwise, except predicted dates, which are a series
// ordered by when they were said.
//
// One thing cannot heal: a newer message that repeats what is known leaves no
// trace, so an older one that arrives after it and says otherwise counts, until
// the next message.
//
// What became true may bring more by rule (see follow).
func Notice(c Case, o Observation) []Event {
	events := notice(c, o)
	if len(events) == 0 {
		return nil
	}
	return follow(c, events, later(o.At, o.Said))
}

func notice(c Case, o Observation) []Event {
	n := &noticing{c: c, o: o, at: o.At, org: o.Source.Org}
	if n.at.IsZero() {
		n.at = o.Said
	}
	n.said = later(n.at, o.Said)
	n.person()
	n.sensitive()
	switch {
	case o.Seen != nil && !o.Seen.Person:
		n.seen(*o.Seen)
	case o.Left != nil:
		n.left(o.Left.Leaving)
	case o.Undone != nil:
		n.undone(*o.Undone)
	case o.Planned != nil:
		n.planned(*o.Planned)
	case o.Holds != nil:
		n.holds(*o.Holds)
	}
	n.toldDeath()
	if len(n.late) > 0 {
		n.add(ArrivedLate{At: n.at, What: strings.Join(n.late, ", ")})
	}
	return n.out
}

// noticing is one observation at work: the case as it becomes, the events so
// far, and what the message said too late.
type noticing struct {
	c    Case
	own  bool // c is a copy
	o    Observation
	org  nhs.ODS
	at   time.Time // when it happened: orders it among others
	said time.Time // when it was said, never before at
	out  []Event
	late []string
}

func (n *noticing) add(e Event) {
	if !n.own {
		n.c, n.own = n.c.clone(), true
	}
	e.apply(&n.c)
	n.out = append(n.out, e)
}

func (n *noticing) tooLate(what string) { n.late = append(n.late, what) }

// marked reports whether something was taken back at or after the time of this
// observation, so that this is a late copy of it.
func (n *noticing) marked(what UndoneWhat, visit string) bool {
	return n.markedSince(what, visit, n.at)
}

func (n *noticing) markedSince(what UndoneWhat, visit string, at time.Time) bool {
	return slices.ContainsFunc(n.c.Undone, func(m UndoneMark) bool {
		return m.What == string(what) && m.Org == n.org && m.Visit == visit && !m.At.Before(at)
	})
}

// mark remembers that something was taken back before it arrived.
func (n *noticing) mark(what UndoneWhat, visit string, where Location) {
	if !n.marked(what, visit) {
		n.add(UndoneEarly{At: n.at, Mark: UndoneMark{What: string(what), Visit: visit, Org: n.org, At: n.at, Where: where}})
	}
}

// visitClass is a patient class that says something: "" when none was told or
// it is N, not applicable, which systems send with an empty PV1.
func visitClass(s Seen) string {
	if c := s.Class.Or(""); c != "N" {
		return c
	}
	return ""
}

// begins reports whether the event itself begins a stay. Outpatients (O) and
// people who are only pre-admitted (P) are not in a bed. HL7 v2.4 table 0004.
func begins(s Seen) bool {
	c := visitClass(s)
	return s.Opens && c != "O" && c != "P"
}

// heals reports whether the message tells of a stay whose beginning we missed.
func (n *noticing) heals(s Seen) bool {
	c := visitClass(s)
	if s.Where.Or(Location{}) == (Location{}) || (c != "I" && c != "E") {
		return false
	}
	st := n.c.Stay
	return st == nil || st.Org == n.org && n.at.After(st.newest())
}

// newest is when anything of the stay was last changed.
func (s Stay) newest() time.Time {
	t := s.Admitted
	for _, k := range []time.Time{s.Known.Where, s.Known.Fit, s.Known.Doctor, s.Known.Leave, s.Known.Class, s.Known.Opened} {
		t = later(t, k)
	}
	return t
}

// began is when the stay began, as far as is known.
func (s Stay) began() time.Time {
	if s.Admitted.IsZero() {
		return s.Known.Opened
	}
	return s.Admitted
}

// seen is that the person is in hospital, or that something of a stay is told.
func (n *noticing) seen(s Seen) {
	present, past := n.c.locate(n.o.Visit, n.org)
	switch {
	case present:
		n.tell("", s)
	case past >= 0:
		n.seenPast(n.c.Past[past], s)
	case n.o.Visit == "" && !s.Opens && n.c.lastPast("", n.org) >= 0:
		// No stay is named and none is present: it is about one that has ended.
		if st := n.c.Past[n.c.lastPast("", n.org)]; st.Visit != "" && st.Left != nil && !n.at.After(st.Left.At) {
			n.tell(st.Visit, s)
		}
	case !begins(s) && (s.Opens || !n.heals(s)):
	case n.marked(UndoneAdmission, n.o.Visit):
		n.tooLate("an admission that was cancelled")
	case n.overtaken():
		n.tooLate("an earlier admission")
	default:
		n.admit(s)
	}
}

// overtaken reports whether a stay that began after this observation is known:
// then this is about an earlier one and never puts the later away.
func (n *noticing) overtaken() bool {
	after := func(s Stay) bool { return s.began().After(n.at) }
	return n.c.Stay != nil && after(*n.c.Stay) || slices.ContainsFunc(n.c.Past, after)
}

// seenPast is about a stay that has ended. It fills in what was not known and
// does not reopen the stay: systems go on sending A08 after a discharge.
func (n *noticing) seenPast(st Stay, s Seen) {
	left := st.Left
	again := left != nil && n.at.After(later(left.At, st.Known.Left))
	last := n.c.Past[len(n.c.Past)-1]
	switch {
	case left == nil && n.newsOf(st, s):
		// Put away by a join, and this is the newest that is known of the person.
		n.add(DischargeUndone{At: n.at, Visit: st.Visit, Org: n.org, Seen: true})
		n.tell("", s)
	case again && begins(s) && !left.Moved && !n.sameAdmission(st, s) && !n.overtaken():
		n.admit(s) // the hospital uses a visit number again
	case again && left.Moved && n.c.Stay == nil && last.Org != n.org && st.Class == "I" && s.Where.Or(Location{}) != (Location{}):
		// Back from a visit to another hospital: the stay here never ended.
		n.add(DischargeUndone{At: n.at, Visit: st.Visit, Org: n.org, Seen: true})
		n.tell("", s)
	default:
		n.tell(st.Visit, s)
	}
}

// newsOf reports whether a message is newer than all that is known of any stay
// and says of this one what was not known. To repeat it is no news: both of two
// stays that a join brought together may go on being told about.
func (n *noticing) newsOf(st Stay, s Seen) bool {
	try := &noticing{c: n.c, o: n.o, org: n.org, at: n.at, said: n.said}
	try.tell(st.Visit, s)
	return len(try.out) > 0 && !n.c.after(n.at)
}

func (n *noticing) sameAdmission(st Stay, s Seen) bool {
	return s.Admitted.Told && s.Admitted.Value.Equal(st.Admitted)
}

// admit begins a stay: with what the message tells, with the place that an
// early A12 told, and at its end if that is known already.
func (n *noticing) admit(s Seen) {
	st := Stay{
		Visit: n.o.Visit, Org: n.org, Source: n.o.Source.Feed, Class: visitClass(s),
		Admitted: s.Admitted.Or(time.Time{}), Where: s.Where.Or(Location{}), Consultant: s.Consultant.Or(""),
		Specialty: s.Specialty.Or(""), Reason: s.Reason.Or(""), Method: s.Method.Or(""), OnLeave: s.OnLeave.Or(false),
	}
	if st.Admitted.IsZero() && s.Opens {
		st.Admitted = n.at
	}
	st.Known = Known{Doctor: n.at, Class: n.at, Opened: n.at}
	if !st.Admitted.IsZero() {
		st.Known.Admitted = n.at
	}
	if s.Where.Told {
		st.Known.Where = n.at
	}
	if s.OnLeave.Told {
		st.Known.Leave = n.at
	}
	n.add(Admitted{At: n.at, Stay: st})
	n.expected("", s.Expected)
	n.fit("", s)
	n.earlyMove(st)
	n.earlyLeaving(s)
}

// earlyMove puts the person where a cancelled move said they stayed, when that
// arrived before the stay was known.
func (n *noticing) earlyMove(st Stay) {
	for _, m := range n.c.Undone {
		if m.What == string(UndoneMove) && m.Visit == st.Visit && m.Org == n.org && !m.At.Before(n.c.Stay.Known.Where) &&
			m.Where != (Location{}) && m.Where != n.c.Stay.Where {
			n.add(Moved{At: m.At, From: n.c.Stay.Where, To: m.Where, First: n.c.Stay.Where == (Location{})})
		}
	}
}

// earlyLeaving ends the stay at once if its discharge arrived before it.
func (n *noticing) earlyLeaving(s Seen) {
	var e *EarlyLeaving
	for i, x := range n.c.Early {
		if x.Visit != n.o.Visit || x.Org != n.org || s.Opens && x.Said.Before(n.at) ||
			n.markedSince(UndoneLeaving, x.Visit, x.Said) || e != nil && x.Said.Before(e.Said) {
			continue
		}
		e = &n.c.Early[i]
	}
	if e != nil {
		n.discharge(e.Said, e.Visit, e.Leaving)
	}
}

// tell compares what is said of a stay with what is known of it. past names a
// stay that has ended by its visit; "" is the present one.
func (n *noticing) tell(past string, s Seen) {
	n.facts(past, s)
	if s.Where.Told {
		n.place(past, s)
	}
	if past == "" && s.OnLeave.Told {
		n.leave(s.OnLeave.Value)
	}
	n.expected(past, s.Expected)
	n.fit(past, s)
}

func (n *noticing) stay(past string) Stay {
	if past == "" {
		return *n.c.Stay
	}
	_, i := n.c.locate(past, n.org)
	if i < 0 {
		i = n.c.lastPast(past, n.org)
	}
	return n.c.Past[i]
}

// facts are the visit number, class, doctor, reason and time of admission.
func (n *noticing) facts(past string, s Seen) {
	st := n.stay(past)
	t := StayTold{At: n.at, Past: past, Visit: st.Visit, Class: st.Class, Consultant: st.Consultant, Specialty: st.Specialty,
		Reason: st.Reason, Method: st.Method, Admitted: st.Admitted, Fit: st.Fit}
	was, late := t, false
	if t.Visit == "" {
		t.Visit = n.o.Visit
	}
	if c := visitClass(s); c != "" && c != st.Class {
		if n.at.Before(st.Known.Class) {
			late = true
		} else {
			t.Class = c
		}
	}
	d := t
	d.Consultant, d.Specialty = s.Consultant.Or(st.Consultant), s.Specialty.Or(st.Specialty)
	d.Reason, d.Method = s.Reason.Or(st.Reason), s.Method.Or(st.Method)
	if n.at.Before(st.Known.Doctor) {
		late = late || d != t
	} else {
		t = d
	}
	when := s.Admitted.Or(time.Time{})
	if when.IsZero() && s.Opens && st.Admitted.IsZero() {
		when = n.at
	}
	switch {
	case when.IsZero() || when.Equal(st.Admitted):
	case st.Admitted.IsZero() || !n.at.Before(st.Known.Admitted):
		t.Admitted = when
	default:
		late = true
	}
	if t != was {
		n.add(t)
	}
	if late {
		n.tooLate("other details of the stay")
	}
}

// place is where the person is. A blank location is not told and never gets
// here; one that is deleted in so many words does.
func (n *noticing) place(past string, s Seen) {
	st, to := n.stay(past), s.Where.Value
	if to == st.Where {
		return
	}
	never := st.Where == (Location{}) && st.Known.Where.IsZero()
	switch {
	case n.at.Before(st.Known.Where) || n.marked(UndoneMove, st.Visit) && !(never && s.Opens):
		if st.placeAt(n.at) != to {
			n.tooLate("in " + to.Say())
		}
	default:
		n.add(Moved{At: n.at, From: st.Where, To: to, First: st.Where == (Location{}), Past: past})
	}
}

// placeAt is where the person was at a time, by what is known now.
func (s Stay) placeAt(t time.Time) Location {
	for i := len(s.Moves) - 1; i >= 0; i-- {
		if !s.Moves[i].At.After(t) {
			return s.Moves[i].To
		}
	}
	if len(s.Moves) > 0 {
		return s.Moves[0].From
	}
	return s.Where
}

// leave is leave of absence from the ward (A21, A22).
func (n *noticing) leave(out bool) {
	st := n.stay("")
	what := UndoneLeave
	if !out {
		what = UndoneReturn
	}
	switch {
	case out == st.OnLeave:
	case n.at.Before(st.Known.Leave) || n.marked(what, st.Visit):
		n.tooLate(LeaveTold{Out: out}.Say())
	default:
		n.add(LeaveTold{At: n.at, Out: out})
	}
}

// expected puts a predicted date, or that it was taken back (the zero date),
// into the series at the time it was said.
func (n *noticing) expected(past string, told Opt[nhs.Date]) {
	if !told.Told {
		return
	}
	st, date := n.stay(past), told.Value
	i := len(st.Expected)
	for i > 0 && st.Expected[i-1].Said.After(n.at) {
		i--
	}
	if i > 0 && st.Expected[i-1].Date == date || i == 0 && date.IsZero() || i < len(st.Expected) && st.Expected[i].Date == date {
		return // said already, then or just after
	}
	for _, x := range st.Expected[:i] {
		if x.Said.Equal(n.at) && x.Date == date {
			return
		}
	}
	if !date.IsZero() && n.marked(UndoneExpected, st.Visit) {
		n.tooLate("a predicted discharge date that was taken back")
		return
	}
	x := Expected{Date: date, Said: n.at, Late: i < len(st.Expected)}
	st.Expected = slices.Insert(slices.Clone(st.Expected), i, x)
	n.add(ExpectedChanged{At: n.at, Expected: x, Count: st.Changes(), Past: past})
}

// fit is whether the person still meets the criteria to reside, from the
// medically fit indicator and the ready-for-discharge date. A date alone says
// ready; N outweighs a date. A date before the admission counts from there and
// is flagged, unless only the day was told and it is the day of admission.
func (n *noticing) fit(past string, s Seen) {
	if !s.Fit.Told && !s.ReadyAt.Told {
		return
	}
	st := n.stay(past)
	open := st.openReady()
	from := s.ReadyAt.Or(time.Time{})
	clamped := from.Before(st.Admitted) && !(s.ReadyDay && from.AddDate(0, 0, 1).After(st.Admitted))
	ready := s.Fit.Or("") == "Y" || !s.Fit.Told && !from.IsZero()
	late := n.at.Before(st.Known.Fit)
	switch {
	case late:
		if st.readyAt(n.at) != ready {
			n.tooLate(map[bool]string{true: "ready to leave hospital", false: "not ready to leave hospital"}[ready])
		}
	case ready && open >= 0:
		if !from.IsZero() && !from.Equal(st.Ready[open].told()) && !st.staleReady(from, open) {
			n.add(BecameReady{At: n.at, From: from, Again: true, Clamped: clamped, Past: past})
		}
	case ready:
		if from.IsZero() || st.staleReady(from, len(st.Ready)) {
			from, clamped = n.at, false
		}
		n.add(BecameReady{At: n.at, From: from, Clamped: clamped, Past: past})
	case open >= 0 && (st.Left == nil || st.Fit != "N"):
		n.add(NoLongerReady{At: n.at, Past: past})
	case s.Fit.Told && s.Fit.Value != st.Fit:
		n.add(StayTold{At: n.at, Past: past, Visit: st.Visit, Class: st.Class, Consultant: st.Consultant, Specialty: st.Specialty,
			Reason: st.Reason, Method: st.Method, Admitted: st.Admitted, Fit: s.Fit.Value})
	}
}

// staleReady reports whether a date belongs to an earlier period than the i-th:
// some systems go on sending the first date after the criteria were met again.
func (s Stay) staleReady(from time.Time, i int) bool {
	return i > 0 && from.Before(s.Ready[i-1].To)
}

// readyAt reports whether the person was ready at a time, by what is known now.
func (s Stay) readyAt(t time.Time) bool {
	return slices.ContainsFunc(s.Ready, func(p Period) bool {
		return !p.From.After(t) && (p.To.IsZero() || t.Before(p.To))
	})
}
