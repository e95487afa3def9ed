package care

import (
	"slices"
	"time"

	"homeward/nhs"
)

// left is that a stay ended. Senders lose the visit number, and carry class O
// and no place on A03 and A13, so nothing but the leaving counts here.
func (n *noticing) left(l Leaving) {
	visit := n.o.Visit
	present, past := n.c.locate(visit, n.org)
	if present && n.at.Before(n.c.Stay.began()) {
		present = false // it belongs to a stay before this one
	} else if !present && past < 0 && visit == "" {
		past = n.c.lastPast("", n.org)
	}
	if present && n.c.Stay.Visit != "" {
		visit = n.c.Stay.Visit
	} else if past >= 0 {
		visit = n.c.Past[past].Visit
	}
	if n.marked(UndoneLeaving, visit) {
		n.tooLate("a discharge that was cancelled")
		return
	}
	told := !l.At.IsZero()
	if !told || l.At.After(n.said) {
		l.At = n.at // some senders put the expected time here
	}
	switch {
	case present:
		l.At = later(l.At, n.c.Stay.Admitted)
		n.discharge(n.at, visit, l)
	case past >= 0:
		n.leftBefore(n.c.Past[past], l, told)
	case visit == "":
		n.tooLate("a discharge from a stay that is not known")
	default:
		n.leftEarly(visit, l)
	}
}

// leftBefore is about a stay that has ended already: it fills in an end that
// was only inferred, or corrects one; said again it is nothing.
func (n *noticing) leftBefore(st Stay, l Leaving, told bool) {
	if st.Left == nil || st.Left.Moved {
		n.discharge(n.at, st.Visit, l)
		return
	}
	was := *st.Left
	if !told {
		l.At = was.At
	}
	l.At = later(l.At, st.Admitted)
	if l.Method == "" {
		l.Method, l.Died, l.Self = was.Method, l.Died || was.Died, l.Self || was.Self
	}
	if l.Destination == "" {
		l.Destination = was.Destination
	}
	switch {
	case sameLeaving(l, was):
	case n.at.Before(st.Known.Left):
		n.tooLate("another discharge")
	default:
		n.discharge(n.at, st.Visit, l)
	}
}

func sameLeaving(a, b Leaving) bool {
	same := a.At.Equal(b.At)
	a.At, b.At = time.Time{}, time.Time{}
	return same && a == b
}

// leftEarly remembers the end of a stay of which nothing else arrived yet.
func (n *noticing) leftEarly(visit string, l Leaving) {
	for _, e := range n.c.Early {
		if e.Visit == visit && e.Org == n.org && e.Said.Equal(n.at) && sameLeaving(e.Leaving, l) {
			return
		}
	}
	n.add(LeftEarly{At: n.at, Visit: visit, Org: n.org, Leaving: l})
	if l.Died {
		n.die(Death{At: l.At, Source: n.o.Source.Feed, Stay: visit})
	}
}

// discharge ends a stay and what was waiting for that.
func (n *noticing) discharge(said time.Time, visit string, l Leaving) {
	n.add(Discharged{At: said, Visit: visit, Org: n.org, Leaving: l})
	if l.Died {
		n.die(Death{At: l.At, Source: n.o.Source.Feed, Stay: visit})
		return
	}
	if n.c.Stay != nil && n.c.Stay.Org == n.org {
		return // an earlier stay ended: the person is still in this hospital
	}
	for _, r := range n.c.Referrals {
		switch {
		case !r.Open() || !r.Watching || r.From != n.org:
		case l.Self:
			n.add(ReferralEnded{At: said, ID: r.ID, State: RefCancelled, Why: "10", WhyText: "The person discharged themselves, or a relative did"})
		default:
			n.add(WatchEnded{At: said, ID: r.ID, Holder: holderIn(r, RefDischarged, said)})
		}
	}
}

// die records the death and stops every referral, whoever sent it.
func (n *noticing) die(d Death) {
	if n.c.Died != nil {
		return
	}
	late := slices.ContainsFunc(n.c.Undone, func(m UndoneMark) bool { return m.What == "death" && !m.At.Before(n.at) })
	if late {
		n.tooLate("a death that was recorded in error")
		return
	}
	n.add(PersonDied{At: n.at, Death: d})
	for _, r := range n.c.Referrals {
		if r.Open() {
			n.add(ReferralEnded{At: n.at, ID: r.ID, State: RefDied, Why: "08"})
		}
	}
}

// undone is that something said before is taken back. What has not arrived yet
// is marked, so that the late original does not come true.
func (n *noticing) undone(u Undone) {
	switch u.What {
	case UndoneAdmission:
		n.undoneAdmission()
	case UndoneMove:
		n.undoneMove(u.Where)
	case UndoneLeaving:
		n.undoneLeaving()
	case UndonePlan:
		n.undonePlan()
	case UndoneExpected:
		n.undoneExpected()
	case UndoneLeave:
		n.undoneAbsence(UndoneLeave, true)
	case UndoneReturn:
		n.undoneAbsence(UndoneReturn, false)
	}
}

func (n *noticing) undoneAdmission() {
	present, past := n.c.locate(n.o.Visit, n.org)
	if !present && past < 0 {
		n.mark(UndoneAdmission, n.o.Visit, Location{})
		return
	}
	st := n.c.Stay
	if past >= 0 {
		st = &n.c.Past[past]
	}
	if st.newest().After(n.said) {
		n.mark(UndoneAdmission, st.Visit, Location{}) // seen there since
		return
	}
	visit := st.Visit
	n.add(AdmissionUndone{At: n.at, Visit: visit, Org: n.org})
	for _, r := range n.c.Referrals {
		if r.Open() && r.Watching && r.From == n.org && r.Stay == visit {
			n.add(ReferralEnded{At: n.at, ID: r.ID, State: RefCancelled, Why: "12", WhyText: "The hospital cancelled the admission"})
		}
	}
}

// undoneMove puts the person back if the last move is the one taken back, and
// else where the message says.
func (n *noticing) undoneMove(told Opt[Location]) {
	present, past := n.c.locate(n.o.Visit, n.org)
	to, where := told.Value, told.Value != (Location{})
	if !present && past < 0 {
		n.mark(UndoneMove, n.o.Visit, to)
		return
	}
	of := "" // the visit, when the stay has ended
	if past >= 0 {
		of = n.c.Past[past].Visit
	}
	st := n.stay(of)
	var last Move
	if len(st.Moves) > 0 {
		last = st.Moves[len(st.Moves)-1]
	}
	fits := len(st.Moves) > 0 && last.At.Equal(st.Known.Where) && !last.At.After(n.said)
	switch {
	case fits && (!where || to == last.From):
		n.add(MoveUndone{At: later(n.at, last.At), To: last.From, Past: of})
	case n.at.Before(st.Known.Where):
		if where && st.placeAt(n.at) != to {
			n.tooLate("a cancelled move")
		}
	case where && to != st.Where:
		n.add(Moved{At: n.at, From: st.Where, To: to, First: st.Where == (Location{}), Past: of})
	case n.at.Equal(st.Known.Where): // said already
	case !where && len(st.Moves) > 0:
		n.add(MoveUndone{At: n.at, To: last.From, Past: of})
	default:
		n.mark(UndoneMove, st.Visit, to)
	}
}

func (n *noticing) undoneLeaving() {
	visit := n.o.Visit
	present, past := n.c.locate(visit, n.org)
	if !present && past < 0 {
		past = n.c.lastPast(visit, n.org)
	}
	if past < 0 {
		if present {
			visit = n.c.Stay.Visit
		}
		n.mark(UndoneLeaving, visit, Location{})
		n.undoDeath(visit, nil)
		return
	}
	st := n.c.Past[past]
	if st.Left == nil || st.Left.Moved || n.said.Before(st.Known.Left) || n.c.Stay != nil {
		n.mark(UndoneLeaving, st.Visit, Location{})
		return
	}
	n.add(DischargeUndone{At: n.at, Visit: st.Visit, Org: n.org})
	n.undoDeath(st.Visit, st.Left)
	for _, r := range n.c.Referrals {
		gone := r.State == RefDischarged || r.State == RefCancelled && r.Why == "10"
		if r.From == n.org && r.Before != "" && gone {
			n.add(WatchResumed{At: n.at, ID: r.ID, Holder: holderIn(r, r.Before, n.at)})
		}
	}
}

// undoDeath takes a death back that came from the discharge taken back. left
// is nil when the discharge itself has not been recorded against a stay.
func (n *noticing) undoDeath(visit string, left *Leaving) {
	d := n.c.Died
	if d == nil || d.Stay != visit || visit == "" && (left == nil || !d.At.Equal(left.At)) {
		return
	}
	n.deathUndone()
}

func (n *noticing) deathUndone() {
	n.add(DeathUndone{At: n.at})
	for _, r := range n.c.Referrals {
		if r.State == RefDied && r.Before != "" {
			n.add(WatchResumed{At: n.at, ID: r.ID, Holder: holderIn(r, r.Before, n.at)})
		}
	}
}

func (n *noticing) undonePlan() {
	found := slices.ContainsFunc(n.c.Plans, func(p Plan) bool {
		return p.Org == n.org && (n.o.Visit == "" || p.Visit == n.o.Visit) && !p.Said.After(n.said)
	})
	if !found {
		n.mark(UndonePlan, n.o.Visit, Location{})
		return
	}
	n.add(PlanCancelled{At: n.at, Visit: n.o.Visit, Org: n.org})
}

func (n *noticing) undoneExpected() {
	present, past := n.c.locate(n.o.Visit, n.org)
	var st Stay
	switch {
	case present:
		st = *n.c.Stay
	case past >= 0:
		st = n.c.Past[past]
	}
	said := slices.ContainsFunc(st.Expected, func(x Expected) bool { return !x.Said.After(n.at) })
	switch {
	case said && present:
		n.expected("", Tell(nhs.Date{}))
	case said:
		n.expected(st.Visit, Tell(nhs.Date{}))
	default:
		n.mark(UndoneExpected, n.o.Visit, Location{})
	}
}

// undoneAbsence is that going on leave (A52), or coming back (A53), is taken
// back: was is the state that it had led to.
func (n *noticing) undoneAbsence(what UndoneWhat, was bool) {
	present, _ := n.c.locate(n.o.Visit, n.org)
	switch {
	case !present:
		n.mark(what, n.o.Visit, Location{})
	case n.c.Stay.OnLeave == was && !n.at.Before(n.c.Stay.Known.Leave):
		n.add(LeaveTold{At: n.at, Out: !was})
	case !n.at.Equal(n.c.Stay.Known.Leave):
		n.mark(what, n.c.Stay.Visit, Location{})
	}
}

// planned is that an admission is planned (A05, A14).
func (n *noticing) planned(p Planned) {
	plan := Plan{Visit: n.o.Visit, Org: n.org, At: p.For.Or(time.Time{}), Said: n.at}
	if present, past := n.c.locate(plan.Visit, n.org); plan.Visit != "" && (present || past >= 0) {
		return // it has happened
	}
	for _, q := range n.c.Plans {
		if q.Visit != plan.Visit || q.Org != plan.Org {
			continue
		}
		if !p.For.Told {
			plan.At = q.At
		}
		if q.At.Equal(plan.At) {
			return
		}
		if n.at.Before(q.Said) {
			n.tooLate("another date of a planned admission")
			return
		}
	}
	if n.marked(UndonePlan, plan.Visit) {
		n.tooLate("a planned admission that was cancelled")
		return
	}
	n.add(AdmissionPlanned{At: n.at, Plan: plan})
}

// holds is what a council holds. It replaces what that council said before; a
// newer time alone is no news.
func (n *noticing) holds(h Holding) {
	if h.Council == "" {
		h.Council = n.org
	}
	if h.AsAt.IsZero() {
		h.AsAt = n.at
	}
	if h.Ended {
		h.Packages, h.Equipment = nil, nil
	}
	for _, was := range n.c.Holdings {
		if was.Council != h.Council {
			continue
		}
		if sameHolding(was, h) {
			return
		}
		if h.AsAt.Before(was.AsAt) {
			n.tooLate("what the council held before")
			return
		}
		break
	}
	n.add(HoldingTold{At: n.at, Holding: h})
}

func sameHolding(a, b Holding) bool {
	return slices.Equal(a.Packages, b.Packages) && slices.Equal(a.Equipment, b.Equipment) &&
		a.Safeguarding.Answer == b.Safeguarding.Answer && a.Restricted == b.Restricted &&
		a.Team == b.Team && a.Worker == b.Worker && a.Ended == b.Ended && slices.Equal(a.Unread, b.Unread)
}
