package sim

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"homeward/nhs"
)

// fill is how many people are in each hospital when Play begins; between fewest
// and most it keeps them.
const (
	fill   = 20
	fewest = 16
	most   = 28
)

// life is one hospital's part in Play.
type life struct {
	*Hospital
	random *rand.Rand
	pool   []Person // who may come and go
	in     []Person // who of them is in
}

// live fills a hospital and then has something happen there, until ctx ends.
func (w *County) live(ctx context.Context, h *Hospital, n int) {
	l := &life{Hospital: h, random: w.config.random(streamHospitals + uint64(len(w.Hospitals)+n))}
	tell := func(err error) {
		if err != nil && ctx.Err() == nil {
			w.config.Trouble(h.config.Name, err)
		}
	}
	now := w.config.Clock()
	cast := Cast(nhs.DateOf(now.In(w.config.Zone)))
	l.pool = slices.Clone(w.people[len(cast):])
	l.pool = slices.DeleteFunc(l.pool, func(p Person) bool { return p.Home != h.config.ODS || p.Held != nil && !p.Held.Died.IsZero() })
	for _, s := range l.past(cast, now) {
		_, err := s.happen(ctx)
		tell(err)
		if ctx.Err() != nil {
			return
		}
	}
	pace := 3 * time.Second // three hospitals make an event a second
	for {
		wait := min(l.random.ExpFloat64(), 5) * float64(pace) / w.config.Speed
		if w.config.Sleep(ctx, time.Duration(wait)) != nil {
			return
		}
		tell(l.step(ctx))
	}
}

// past is one thing that happened before Play began.
type past struct {
	at     time.Time
	happen func(context.Context) (string, error)
}

// past is what fills the hospital, in the order in which it happened: waits of
// nought to six days stand there at once.
func (l *life) past(cast []Part, now time.Time) []past {
	var all []past
	for _, c := range cast {
		if c.Person.Home == l.config.ODS && c.In != (Place{}) {
			hours := 2 + l.random.IntN(6)
			all = append(all, l.story(c.Person, now, c.In, c.Days*24+hours, fitHours(c, hours))...)
		}
	}
	for range min(fill, len(l.pool)) {
		p := l.leavePool(l.random.IntN(len(l.pool)))
		in := 24 + l.random.IntN(10*24)
		fit := -1
		if l.random.IntN(5) < 3 {
			fit = min(1+l.random.IntN(6*24+12), in-6)
		}
		all = append(all, l.story(p, now, Place{}, in, fit)...)
		l.in = append(l.in, p)
	}
	slices.SortStableFunc(all, func(a, b past) int { return a.at.Compare(b.at) })
	return all
}

// fitHours is how many hours ago somebody of the cast became fit; -1: they did not.
func fitHours(c Part, hours int) int {
	if c.Fit < 0 {
		return -1
	}
	return c.Fit*24 + hours - 1
}

func (l *life) leavePool(i int) Person {
	p := l.pool[i]
	l.pool = slices.Delete(l.pool, i, i+1)
	return p
}

// story is one person's stay so far, in hours before now.
func (l *life) story(p Person, now time.Time, to Place, in, fit int) []past {
	ago := func(hours int) time.Time {
		return now.Add(-time.Duration(hours)*time.Hour - time.Duration(l.random.IntN(50))*time.Minute)
	}
	at := []time.Time{ago(in), ago(in * 3 / 4), ago(in / 2)}
	stay := []past{{at[0], func(ctx context.Context) (string, error) {
		if to == (Place{}) || in < 48 {
			return l.Admit(ctx, p, at[0], to)
		}
		return l.Admit(ctx, p, at[0], Place{}) // the assessment unit or another ward first
	}}}
	if to != (Place{}) && in >= 48 {
		stay = append(stay, past{at[1], func(ctx context.Context) (string, error) { return l.Transfer(ctx, p, at[1], to) }})
	}
	leaves := nhs.DateOf(now.In(l.zone).AddDate(0, 0, l.random.IntN(5)))
	stay = append(stay, past{at[2], func(ctx context.Context) (string, error) { return l.Expect(ctx, p, at[2], leaves) }})
	if fit >= 0 {
		ready := ago(fit)
		stay = append(stay, past{ready, func(ctx context.Context) (string, error) { return l.Fit(ctx, p, ready, time.Time{}) }})
	}
	return stay
}

// step has one thing happen to somebody who is not of the cast.
func (l *life) step(ctx context.Context) (err error) {
	n := l.random.IntN(100)
	switch {
	case len(l.in) < fewest || len(l.in) < most && n < 12:
		return l.come(ctx)
	case len(l.in) >= most || n < 22:
		return l.depart(ctx)
	}
	p := pick(l.random, l.in)
	today := l.clock().In(l.zone)
	switch {
	case n < 42:
		_, err = l.Transfer(ctx, p, time.Time{}, Place{})
	case n < 44:
		_, err = l.Transfer(ctx, p, time.Time{}, Place{})
		if err == nil {
			_, err = l.CancelTransfer(ctx, p, time.Time{})
		}
	case n < 58 && !l.isFit(p):
		_, err = l.Fit(ctx, p, time.Time{}, time.Time{})
	case n >= 58 && n < 62 && l.isFit(p):
		_, err = l.Unfit(ctx, p, time.Time{})
	case n < 88:
		_, err = l.Expect(ctx, p, time.Time{}, nhs.DateOf(today.AddDate(0, 0, l.random.IntN(6))))
	case n < 90:
		_, err = l.Expect(ctx, p, time.Time{}, nhs.Date{})
	case n < 95:
		_, err = l.UpdateBlank(ctx, p, time.Time{})
	case n < 98:
		_, err = l.UpdatePerson(ctx, p, time.Time{})
	default:
		if _, err = l.Leave(ctx, p, time.Time{}); err == nil {
			_, err = l.Return(ctx, p, time.Time{})
		}
	}
	return err
}

// come has somebody admitted, some of them through the emergency department.
func (l *life) come(ctx context.Context) error {
	if len(l.pool) == 0 {
		return nil
	}
	p := l.leavePool(l.random.IntN(len(l.pool)))
	l.in = append(l.in, p)
	if l.random.IntN(3) == 0 {
		if _, err := l.AttendED(ctx, p, time.Time{}); err != nil {
			return err
		}
	}
	_, err := l.Admit(ctx, p, time.Time{}, Place{})
	return err
}

// destinations of discharge, by how often they are the case (UK Core 2.0
// DischargeDestinationEngland).
var destinations = []string{"19", "19", "19", "19", "19", "19", "54", "65", "85", "29"}

// depart has somebody leave: one who is fit, if there is one.
func (l *life) depart(ctx context.Context) error {
	i := l.random.IntN(len(l.in))
	for off := range l.in {
		if j := (i + off) % len(l.in); l.isFit(l.in[j]) {
			i = j
			break
		}
	}
	p := l.in[i]
	method := "1"
	if l.random.IntN(20) == 0 {
		method = "6" // discharged themselves
	}
	if _, err := l.Discharge(ctx, p, time.Time{}, method, pick(l.random, destinations)); err != nil {
		return err
	}
	if l.random.IntN(12) == 0 {
		_, err := l.CancelDischarge(ctx, p, time.Time{})
		return err
	}
	l.in = slices.Delete(l.in, i, i+1)
	l.pool = append(l.pool, p)
	return nil
}

func (l *life) isFit(p Person) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.visits[p.N]
	return v != nil && v.fit == "Y"
}
