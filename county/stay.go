package county

import (
	"fmt"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// plan is what will become of a stay. Stay has what is known of it.
type plan struct {
	trust   Trust
	visit   string
	class   string
	method  string
	in, out time.Time
	end     End
	fact    *Stay
	periods []Period
	refer   *referring
}

// stay invents one stay.
func (l *life) stay(i int, in time.Time, last *plan) *plan {
	p := &plan{trust: oneOf(l, l.c.Trusts), in: in, class: "I", fact: &Stay{}, method: pick(l.r, methods), visit: fmt.Sprintf("%d.%d", l.n, i+1)}
	l.stays = append(l.stays, p.fact)
	if last != nil && (last.end == Transferred || last.end == Moved) {
		for len(l.c.Trusts) > 1 && p.trust.ODS == last.trust.ODS {
			p.trust = oneOf(l, l.c.Trusts)
		}
		p.method = []string{"81", "2B", "21", ""}[l.r.IntN(4)]
	} else {
		switch x := l.r.IntN(100); {
		case x < 6:
			p.class = "E"
		case x < 8:
			p.class = "O"
		}
	}
	p.visit = string(p.trust.ODS) + "-" + p.visit
	l.leaves(p)
	l.identity(p, i)
	l.admit(p, last)
	if p.class == "I" {
		l.wait(p)
		l.moves(p)
		l.predictions(p)
	}
	l.leave(p)
	if p.refer != nil {
		l.finish(p.refer)
	}
	if p.class == "I" && l.chance(50) {
		l.told(p)
	}
	return p
}

// leaves settles when and how it ends.
func (l *life) leaves(p *plan) {
	day := l.c.day(p.in)
	p.end = pick(l.r, []weighed[End]{{86, Home}, {6, Dead}, {5, Transferred}, {3, Moved}})
	if p.end == Moved && l.now == 1 { // nobody would ever know
		p.end = Home
	}
	nights := 0
	switch x := l.r.IntN(100); {
	case p.class != "I":
		p.end = Home
	case x < 10:
	case x < 60:
		nights = 1 + l.r.IntN(6)
	case x < 92:
		nights = 5 + l.r.IntN(20)
	default:
		nights = 20 + l.r.IntN(60)
	}
	minute := 8*60 + l.r.IntN(14*60)
	if l.chance(60) { // about midnight, where local days and others differ
		minute = (23*60 + 20 + l.r.IntN(80)) % (24 * 60)
	}
	p.out = l.c.local(day.Add(nights), minute)
	if nights == 0 || !p.out.After(p.in) {
		p.out = p.in.Add(time.Duration(20+l.r.IntN(240)) * time.Minute)
	}
}

// identity tells who it is when a record begins, and the number that a hospital gives.
func (l *life) identity(p *plan, i int) {
	if i == 0 || l.two && i == 1 {
		l.add(p.in, care.Started{At: p.in, ID: l.ids[l.now]}, nil)
		who := l.who
		who.AsAt = p.in
		if l.now == 0 {
			l.with(p.in, care.Identified{At: p.in, NHS: testNumber(l.n), Trace: "01"}, nil)
		}
		l.with(p.in, care.PersonTold{At: p.in, Person: who, First: true}, nil)
	}
	id := care.Identifier{System: "mrn:" + string(p.trust.ODS), Value: fmt.Sprintf("C%d%d", l.n, l.now)}
	l.with(p.in, care.Identified{At: p.in, IDs: []care.Identifier{id}}, nil)
}

// testNumber is the n-th number of the range that is given to nobody, up to 900,000.
// Among ten numbers that differ in the last digit before the check digit at most one has
// none (NHS Data Dictionary, NHS NUMBER), so that nine of each ten are used, each once.
func testNumber(n int) nhs.Number {
	block, d := n/9%100_000, n%9
	sum := 9*10 + 9*9 + 9*8
	for i, rest := 3, block; i < 8; i++ { // the digits before the last: weights 3 to 7
		sum += rest % 10 * i
		rest /= 10
	}
	for without := range d + 1 {
		if (sum+2*without)%11 == 1 {
			d++
			break
		}
	}
	return nhs.Test(block*10 + d)
}

func (l *life) admit(p *plan, last *plan) {
	ward := oneOf(l, p.trust.Wards)
	s := care.Stay{Visit: p.visit, Org: p.trust.ODS, Source: p.trust.Feed, Class: p.class, Admitted: p.in, Method: p.method, Specialty: pick(l.r, specialties),
		Where: care.Location{Ward: ward.Code, Name: ward.Name, Bed: fmt.Sprint(1 + l.r.IntN(28))}}
	s.Known = care.Known{Where: p.in, Doctor: p.in, Class: p.in, Admitted: p.in, Opened: p.in}
	asE := p.class == "I" && l.chance(100)
	if asE {
		s.Class = "E"
	}
	f := p.fact
	l.with(p.in, care.Admitted{At: p.in, Stay: s}, func() {
		*f = Stay{Visit: p.visit, Trust: p.trust.ODS, Wards: []string{ward.Code}, Class: s.Class, Method: s.Method, Specialty: s.Specialty, In: p.in, InDay: l.c.day(p.in)}
		if last != nil && last.end == Moved {
			last.fact.Out, last.fact.OutDay, last.fact.End = p.in, l.c.day(p.in), Moved
			last.fact.closed(p.in, l.c.day(p.in))
		}
	})
	if asE { // from A&E into a bed, under the same number
		at := l.between(p.in, p.in.Add(p.out.Sub(p.in)/2))
		t := care.StayTold{At: at, Visit: p.visit, Class: "I", Specialty: s.Specialty, Method: s.Method, Admitted: s.Admitted}
		l.with(at, t, func() { f.Class = "I" })
	}
}

// closed ends the period that lasts.
func (s *Stay) closed(at time.Time, day nhs.Date) {
	if n := len(s.Apart) - 1; n >= 0 && s.Apart[n].To.IsZero() {
		s.Apart[n].To, s.Apart[n].Until = at, day
	}
}

func (l *life) moves(p *plan) {
	at := p.in
	for range l.r.IntN(4) {
		if at = l.between(at, p.out); !at.Before(p.out) {
			return
		}
		w := oneOf(l, p.trust.Wards)
		f := p.fact
		l.add(at, care.Moved{At: at, To: care.Location{Ward: w.Code, Name: w.Name, Bed: fmt.Sprint(1 + l.r.IntN(28))}, From: care.Location{Ward: "?"}}, func() { f.Wards = append(f.Wards, w.Code) })
	}
}

// predictions are the predicted days of leaving; now and then a storm of them, of which
// one overtakes another.
func (l *life) predictions(p *plan) {
	n := l.r.IntN(4)
	if l.chance(30) {
		n = 6
	}
	at := p.in
	f := p.fact
	for i := range n {
		if at = l.between(at.Add(time.Minute), p.out); !at.Before(p.out) {
			return
		}
		day := l.c.day(at).Add(l.r.IntN(9))
		if i > 0 && l.chance(80) {
			day = nhs.Date{}
		}
		said := at
		key := said
		late := n == 6 && i == 3
		if late {
			key = l.between(said, p.out)
		}
		l.steps = append(l.steps, step{key: key, record: l.now, e: care.ExpectedChanged{At: said, Expected: care.Expected{Date: day, Said: said, Late: late}, Count: i},
			fact: func() { f.predicted(Prediction{Said: said, Day: day}) }})
	}
}

func (s *Stay) predicted(p Prediction) {
	i := len(s.Predicted)
	for i > 0 && s.Predicted[i-1].Said.After(p.Said) {
		i--
	}
	s.Predicted = append(s.Predicted[:i], append([]Prediction{p}, s.Predicted[i:]...)...)
}

func (l *life) leave(p *plan) {
	if p.end == Moved {
		return
	}
	left := care.Leaving{At: p.out, Method: "1"}
	switch p.end {
	case Dead:
		left.Method, left.Destination, left.Died = "4", "79", true
	case Transferred:
		left.Destination = oneOf(l, hospitals)
	default:
		left.Destination = homes[""]
		if r := p.fact.Referral; r != nil {
			left.Destination = homes[r.Pathway]
		}
		if l.chance(20) {
			left.Method, left.Self = "6", true
		}
	}
	f := p.fact
	l.add(p.out, care.Discharged{At: p.out, Visit: p.visit, Org: p.trust.ODS, Leaving: left}, func() {
		f.Out, f.OutDay, f.End, f.Destination = p.out, l.c.day(p.out), p.end, left.Destination
		f.closed(p.out, f.OutDay)
	})
	if p.end == Dead {
		l.with(p.out, care.PersonDied{At: p.out, Death: care.Death{At: p.out, Source: p.trust.Feed, Stay: p.visit}}, nil)
	}
}
