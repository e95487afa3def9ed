package county

import (
	"fmt"
	"slices"
	"time"

	"homeward/care"
)

// referring is one referral as it is being invented.
type referring struct {
	p       *plan
	council Council
	team    Team
	worker  care.Who
	ward    care.Who
	ref     care.Referral
	fact    *Referral
	asks    []*sourcing
}

// refer sends a referral and has it worked on for as long as the stay lasts; where time
// is short it does not get through all stages.
func (l *life) refer(p *plan) {
	x := &referring{p: p, council: l.home}
	if l.chance(150) {
		x.council = oneOf(l, l.c.Councils)
	}
	x.team = oneOf(l, x.council.Teams)
	x.worker = oneOf(l, x.team.Workers)
	x.ward = care.Who{ID: care.ActorID("ward-" + string(p.trust.ODS)), Name: "Ward staff", Org: p.trust.ODS}
	id := care.ReferralID(fmt.Sprintf("r-%s", p.visit))
	sent := l.between(p.in, p.out)
	times := make([]time.Time, 7)
	for i := range times {
		times[i] = l.between(sent, p.out)
	}
	slices.SortFunc(times, time.Time.Compare)
	x.ref = care.Referral{ID: id, Key: string(id), Stay: p.visit, From: p.trust.ODS, To: x.council.ODS, Pathway: pick(l.r, pathways),
		Form: "d2a", FormVersion: 1, State: care.RefSent, Sent: sent, SentBy: x.ward, Watching: true}
	x.ref.Holder = x.holder(sent, "Accept or return")
	x.fact = &Referral{ID: string(id), Council: x.council.ODS, Team: x.team.ID, Worker: string(x.worker.ID), Pathway: x.ref.Pathway}
	p.fact.Referral = x.fact // for the destination; told from the sending on
	f := p.fact
	l.add(sent, care.ReferralSent{At: sent, Referral: x.ref}, func() { x.fact.Sent, f.Referral = sent, x.fact })
	l.with(sent, care.ReferralReceived{At: sent, ID: id, Holder: x.ref.Holder}, nil)
	if l.chance(40) {
		at := times[0]
		l.add(at, care.ReferralEnded{At: at, ID: id, State: care.RefWithdrawn, By: x.ward, Why: "01"}, func() { x.fact.Ended, x.fact.How = at, "withdrawn" })
		return
	}
	reach := min(l.r.IntN(9), 7)
	p.refer = x
	l.stages(x, times[:reach])
}

func (x *referring) holder(since time.Time, next string) care.Holder {
	h := care.Holder{Org: x.council.ODS, Team: x.team.ID, Since: since, Next: next, Due: since.Add(24 * time.Hour)}
	if x.ref.Worker != (care.Who{}) {
		h.Who = x.ref.Worker
	}
	return h
}

// stages goes through the council's work at some times.
func (l *life) stages(x *referring, times []time.Time) {
	id, f := x.ref.ID, x.fact
	next := func() (time.Time, bool) {
		if len(times) == 0 {
			return time.Time{}, false
		}
		at := times[0]
		times = times[1:]
		return at, true
	}
	if l.chance(180) && len(times) > 1 {
		l.bounce(x, times[0], times[1])
		times = times[2:]
	}
	at, ok := next()
	if !ok {
		return
	}
	accepted := at
	l.add(at, care.ReferralAccepted{At: at, ID: id, By: x.worker, Holder: x.holder(at, "Allocate a worker")}, func() { f.Accepted = accepted })
	if at, ok = next(); !ok {
		return
	}
	allocated := at
	x.ref.Worker = x.worker
	l.add(at, care.ReferralAllocated{At: at, ID: id, By: x.worker, Worker: x.worker, Holder: x.holder(at, "Begin the assessment")}, func() { f.Allocated = allocated })
	var sourcing time.Time
	for _, s := range []struct {
		state care.RefState
		next  string
		at    *time.Time
	}{{care.RefAssessing, "Finish the assessment", &f.Assessing}, {care.RefPlanning, "Finish the plan", &f.Planning}, {care.RefSourcing, "Arrange the care", &f.Sourcing}, {care.RefReady, "Wait for the discharge", &f.Ready}} {
		at, ok := next()
		if !ok {
			return
		}
		if s.state == care.RefReady && !l.source(x, sourcing, at) {
			return
		}
		if s.state == care.RefSourcing {
			sourcing = at
		}
		l.add(at, care.ReferralProgressed{At: at, ID: id, By: x.worker, State: s.state, Holder: x.holder(at, s.next)}, func() { *s.at = at })
		if s.state == care.RefSourcing && len(times) == 0 {
			l.source(x, at, x.p.out)
		}
	}
}

// bounce returns it for information and has that sent.
func (l *life) bounce(x *referring, at, answered time.Time) {
	why, id, f := oneOf(l, reasons), x.ref.ID, x.fact
	l.add(at, care.ReferralReturned{At: at, ID: id, Return: care.Return{At: at, By: x.worker, Reasons: []string{why}, Needed: "More about the person at home"},
		Holder: care.Holder{Org: x.p.trust.ODS, Who: x.ward, Since: at, Next: "Send the missing information", Due: at.Add(4 * time.Hour)}}, func() {
		f.Returns = append(f.Returns, Return{At: at, Reason: why})
	})
	l.add(answered, care.ReferralAnswered{At: answered, ID: id, By: x.ward, Holder: x.holder(answered, "Accept or return")}, func() {
		f.Returns[len(f.Returns)-1].Answered = answered
	})
}

// finish ends it after the stay.
func (l *life) finish(x *referring) {
	p, id, f := x.p, x.ref.ID, x.fact
	switch p.end {
	case Moved: // nobody told that the person left: the council goes on
		return
	case Dead:
		l.with(p.out, care.ReferralEnded{At: p.out, ID: id, State: care.RefDied, Why: "08"}, func() { f.Ended, f.How = p.out, "died" })
		for _, a := range x.asks {
			a.end(p.out, "The person died")
		}
		return
	}
	l.with(p.out, care.WatchEnded{At: p.out, ID: id, Holder: x.holder(p.out, "Check the care at home, then close")}, func() { f.Left = p.out })
	at := p.out.Add(time.Duration(2+l.r.IntN(20*24)) * time.Hour)
	for _, a := range x.asks {
		if a.is.Booked == "" {
			a.end(p.out, "The person left hospital before care was booked")
		}
	}
	l.add(at, care.ReferralEnded{At: at, ID: id, State: care.RefClosed, By: x.worker}, func() { f.Ended, f.How = at, "closed" })
	for _, a := range x.asks {
		if a.is.Booked != "" {
			a.end(at, "The referral was closed")
		}
	}
	if p.end == Home && !l.two && l.chance(700) {
		l.outcome(x)
	}
}

// outcome asks after 91 days.
func (l *life) outcome(x *referring) {
	day := l.c.day(x.p.out).Add(91)
	at := l.c.local(day.Add(l.r.IntN(6)), 10*60+l.r.IntN(300))
	answer := pick(l.r, []weighed[string]{{70, "home"}, {4, "extra-care"}, {10, "care-home"}, {6, "hospital"}, {6, "died"}, {4, "unreachable"}})
	o := care.Outcome{Referral: x.ref.ID, Destination: "home", At: at, By: x.worker, Day91: &care.AtHome{On: day, Answer: answer, At: at, By: x.worker}}
	l.add(at, care.OutcomeChanged{At: at, What: "day91", By: x.worker, Outcome: o}, func() { x.fact.Day91, x.fact.Day91Told = answer, at })
}
