package county

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// life is one person as it is being invented.
type life struct {
	c     Config
	r     *rand.Rand
	n     int
	end   time.Time
	ids   [2]care.CaseID // the record, and one that is joined into it
	who   care.Person
	born  nhs.Date
	home  Council
	stays []*Stay
	steps []step
	now   int  // the record of which steps are being written
	two   bool // the first stay is under a record of its own
}

// step is one thing that happens: an event of one record, or one that both records are
// needed for, and what becomes a fact by it.
type step struct {
	key    time.Time // when it happened; of what is overtaken, when it is told after all
	late   time.Duration
	record int
	e      care.Event
	both   func(is [2]care.Case, at time.Time) [2][]care.Event
	fact   func()
}

func newLife(c Config, n int) *life {
	l := &life{c: c, r: newRand(c.Seed, n), n: n, end: c.End()}
	for i := range l.ids {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], l.r.Uint64())
		binary.BigEndian.PutUint64(b[8:], l.r.Uint64())
		l.ids[i] = care.CaseID(strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])))
	}
	l.home = c.Councils[l.r.IntN(len(c.Councils))]
	first := c.First.Add(l.r.IntN(c.Days))
	l.person(first)
	l.live(first)
	return l
}

// chance is true this often in a thousand.
func (l *life) chance(perMille int) bool { return l.r.IntN(1000) < perMille }

// between is a time between two, both included, in whole seconds.
func (l *life) between(a, b time.Time) time.Time {
	d := int64(b.Sub(a) / time.Second)
	if d <= 0 {
		return a
	}
	return a.Add(time.Duration(l.r.Int64N(d+1)) * time.Second)
}

func oneOf[T any](l *life, from []T) T { return from[l.r.IntN(len(from))] }

func (l *life) person(first nhs.Date) {
	age := 66 + l.r.IntN(32)
	switch x := l.r.IntN(100); {
	case x < 5:
		age = 1 + l.r.IntN(16) // the eve of 16 too
	case x < 25:
		age = 17 + l.r.IntN(49)
	}
	l.born = nhs.Date{Year: first.Year - age, Month: time.Month(1 + l.r.IntN(12)), Day: 1 + l.r.IntN(28)}
	if l.chance(12) {
		l.born = nhs.Date{}
	}
	l.who = care.Person{
		Family: oneOf(l, families), Given: oneOf(l, givens), Born: l.born, Sex: oneOf(l, sexes),
		Address: care.Address{Lines: []string{fmt.Sprint(1+l.r.IntN(180), " ", oneOf(l, streets))}, Postcode: oneOf(l, l.home.Districts) + fmt.Sprint(" ", l.r.IntN(10), "ZZ")},
		Phone:   fmt.Sprintf("01632 960%03d", l.r.IntN(1000)), Source: "county",
	}
	if l.chance(600) {
		l.who.Kin = []care.Kin{{Name: oneOf(l, givens) + " " + l.who.Family, Relation: oneOf(l, relations), Phone: fmt.Sprintf("01632 960%03d", l.r.IntN(1000))}}
	}
}

// add adds an event that becomes known soon after it happened, or now and then late.
func (l *life) add(at time.Time, e care.Event, fact func()) {
	l.steps = append(l.steps, step{key: at, late: l.lateness(), record: l.now, e: e, fact: fact})
}

// with adds an event that is recorded together with the one before.
func (l *life) with(at time.Time, e care.Event, fact func()) {
	l.steps = append(l.steps, step{key: at, record: l.now, e: e, fact: fact})
}

func (l *life) lateness() time.Duration {
	switch x := l.r.IntN(100); {
	case x < 2:
		return time.Duration(l.r.IntN(3*24*3600)) * time.Second
	case x < 10:
		return time.Duration(l.r.IntN(6*3600)) * time.Second
	}
	return time.Duration(l.r.IntN(60000)) * time.Millisecond
}

// live goes from stay to stay.
func (l *life) live(first nhs.Date) {
	in := l.c.local(first, l.r.IntN(24*60))
	l.two = l.chance(60)
	var last *plan
	for i := 0; i < 6 && in.Before(l.end); i++ {
		l.now = 0
		if l.two && i == 0 {
			l.now = 1
		}
		p := l.stay(i, in, last)
		switch p.end {
		case Dead:
			return
		case Transferred:
			in = p.out.Add(time.Duration(30+l.r.IntN(30*60)) * time.Minute)
		case Moved:
			in = p.out
		default:
			gap, again := l.again()
			if !again && p.class == "I" {
				return
			}
			in = l.after(p.out, gap)
		}
		last = p
	}
}

// again is in how many days somebody comes back, often about the edges of 28 and 30.
func (l *life) again() (days int, again bool) {
	switch x := l.r.IntN(1000); {
	case x < 130:
		return l.r.IntN(32), true
	case x < 150:
		return 27 + l.r.IntN(4), true
	case x < 300:
		return 30 + l.r.IntN(200), true
	}
	return 0, false
}

// after is some minute of the day so many days after an instant, and after it.
func (l *life) after(t time.Time, days int) time.Time {
	at := l.c.local(l.c.day(t).Add(days), l.r.IntN(24*60))
	if !at.After(t) {
		at = t.Add(90 * time.Minute)
	}
	return at
}
