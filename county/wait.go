package county

import (
	"time"

	"homeward/care"
)

// waiting is how somebody comes to be ready to leave.
type waiting string

const (
	blank   waiting = ""        // nobody told
	sameDay waiting = "same"    // ready on the day of leaving
	waited  waiting = "waited"  // some nights before
	twice   waiting = "twice"   // ready, not ready, ready again
	lost    waiting = "lost"    // ready, and not any more
	early   waiting = "early"   // told as from before the admission
	wrong   waiting = "wrong"   // told as from after the leaving
	backed  waiting = "backed"  // told later, as from before
	amended waiting = "amended" // the date was corrected while in bed
)

// wait tells of the criteria to reside, and of a referral where one is made.
func (l *life) wait(p *plan) {
	kind := pick(l.r, []weighed[waiting]{{200, blank}, {230, sameDay}, {330, waited}, {90, twice}, {30, lost}, {20, early}, {10, wrong}, {50, backed}, {40, amended}})
	a, b := l.between(p.in, p.out), l.between(p.in, p.out)
	if b.Before(a) {
		a, b = b, a
	}
	c := l.between(b, p.out)
	switch kind {
	case sameDay:
		from := l.c.local(l.c.day(p.out), 0)
		if from.Before(p.in) {
			from = p.in
		}
		a = l.between(from, p.out)
		l.ready(p, a, a)
	case waited:
		l.ready(p, a, a)
	case twice:
		l.ready(p, a, a)
		l.unready(p, b)
		l.ready(p, c, c)
	case lost:
		l.ready(p, a, a)
		l.unready(p, b)
	case early:
		l.ready(p, a, p.in.Add(-time.Duration(1+l.r.IntN(60))*time.Hour))
	case backed:
		l.ready(p, b, a)
	case amended:
		l.ready(p, a, a)
		l.amend(p, b, l.between(p.in, b))
	}
	often := 120
	if len(p.periods) > 0 && kind != sameDay {
		often = 650
	}
	if l.chance(often) && p.out.Sub(p.in) > 20*time.Hour {
		l.refer(p)
	}
	if kind == wrong && p.end == Home {
		from := p.out.Add(time.Duration(1+l.r.IntN(70)) * time.Hour)
		f := p.fact
		l.add(from, care.BecameReady{At: from, From: from, Past: p.visit}, func() {
			day := l.c.day(from)
			f.Apart = append(f.Apart, Period{From: from, To: from, Day: day, Until: day, Wrong: true})
		})
	}
}

// ready tells, at a time, that the criteria are not met from another.
func (l *life) ready(p *plan, said, from time.Time) {
	if !said.Before(p.out) {
		return
	}
	x := Period{From: from, Day: l.c.day(from)}
	if from.Before(p.in) {
		x = Period{From: p.in, Day: l.c.day(p.in), Early: true}
	}
	p.periods = append(p.periods, x)
	f := p.fact
	l.add(said, care.BecameReady{At: said, From: from, Clamped: x.Early}, func() { f.Apart = append(f.Apart, x) })
}

func (l *life) unready(p *plan, at time.Time) {
	n := len(p.periods) - 1
	if n < 0 || !at.Before(p.out) {
		return
	}
	p.periods[n].To = at
	f := p.fact
	l.add(at, care.NoLongerReady{At: at}, func() { f.closed(at, l.c.day(at)) })
}

// amend corrects the beginning of the period that lasts.
func (l *life) amend(p *plan, said, from time.Time) {
	n := len(p.periods) - 1
	if n < 0 || !said.Before(p.out) {
		return
	}
	f := p.fact
	l.add(said, care.BecameReady{At: said, From: from, Again: true}, func() { f.Apart[n].From, f.Apart[n].Day = from, l.c.day(from) })
}

// told is what becomes known of a stay when it is over: a date that was blank, or a
// better one.
func (l *life) told(p *plan) {
	if p.end != Home {
		return
	}
	since := p.in
	for _, x := range p.periods {
		if x.To.After(since) { // nobody is not meeting the criteria twice at a time
			since = x.To
		}
	}
	from := l.between(since, p.out)
	said := p.out.Add(time.Duration(1+l.r.IntN(200)) * time.Hour)
	f := p.fact
	l.add(said, care.BecameReady{At: said, From: from, Past: p.visit, Again: len(p.periods) > 0}, func() {
		x := Period{From: from, To: f.Out, Day: l.c.day(from), Until: f.OutDay}
		if n := len(f.Apart) - 1; n >= 0 && !f.Apart[n].To.Before(f.Out) {
			f.Apart[n] = x
			return
		}
		f.Apart = append(f.Apart, x)
	})
}
