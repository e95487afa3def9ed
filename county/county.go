// Package county invents a county: people who are admitted, become ready to leave, wait,
// go home or do not, each with a whole history as events of package care, and beside it
// the facts as they were invented, in plain terms (Answer). Tests compute figures from
// those facts by their written definitions, and so check the measures without asking
// them; benchmarks and the demonstration fill a site with it. The same configuration
// gives the same county. It keeps nothing and measures nothing, and everybody in it is
// invented: NHS numbers of the 999 range, telephone numbers that were never given out.
package county

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// Config is which county to invent. Zero fields have useful values.
type Config struct {
	Seed     uint64
	People   int            // how many; some of them have two records for a time
	Start    int            // the number of the first one: counties that do not overlap share nobody
	First    nhs.Date       // the first day on which anybody is admitted; zero: 1 April 2025
	Days     int            // what happens after this many days is not known yet; 0: 365
	Known    time.Time      // what is recorded from then on is not known either; zero: all is known. The people are the same
	Zone     *time.Location // of local days; nil: UTC
	Trusts   []Trust        // nil: three invented ones
	Councils []Council      // nil: two invented ones
}

// Trust is a hospital with its wards.
type Trust struct {
	ODS   nhs.ODS
	Feed  string // the name of what its news comes from
	Wards []Ward
}

// Ward is a ward by its code and its name.
type Ward struct{ Code, Name string }

// Council is a council with its teams, those who work there, the districts of its
// postcodes and the care providers of its directory.
type Council struct {
	ODS       nhs.ODS
	Teams     []Team
	Districts []string
	Providers []Provider
}

// Team is a team by its id, and who works in it.
type Team struct {
	ID      string
	Workers []care.Who
}

// Provider is a care provider by its id in the council's directory.
type Provider struct{ ID, Name string }

// Person is one record of somebody: what happened, when each event was recorded (which
// never goes back), and the facts. Who has two records that are joined comes as two,
// one after the other: first the one that is joined into the other.
type Person struct {
	ID       care.CaseID
	Number   int
	Events   []care.Event
	Recorded []time.Time
	Answer   Answer
}

// Entries is the history of a person as history keeps it. seq is its place in the whole
// history from which it counts on.
func (p Person) Entries(seq int64) []care.Entry {
	out := make([]care.Entry, len(p.Events))
	for i, e := range p.Events {
		out[i] = care.Entry{Seq: seq + int64(i) + 1, Case: p.ID, N: i + 1, Recorded: p.Recorded[i], Cause: care.Cause{Kind: "system"}, Event: e}
	}
	return out
}

// People invents the people, in the order of their numbers.
func People(c Config) iter.Seq[Person] {
	c = c.filled()
	return func(yield func(Person) bool) {
		for n := c.Start; n < c.Start+c.People; n++ {
			for _, p := range newLife(c, n).records() {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// End is the first instant that is not known any more.
func (c Config) End() time.Time {
	c = c.filled()
	return c.local(c.First.Add(c.Days), 0)
}

func (c Config) filled() Config {
	if c.First.IsZero() {
		c.First = nhs.Date{Year: 2025, Month: time.April, Day: 1}
	}
	if c.Days == 0 {
		c.Days = 365
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Trusts == nil {
		c.Trusts = Trusts()
	}
	if c.Councils == nil {
		c.Councils = Councils()
	}
	return c
}

// local is a minute of a local day.
func (c Config) local(d nhs.Date, minute int) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, minute, 0, 0, c.Zone).UTC()
}

func (c Config) day(t time.Time) nhs.Date {
	if t.IsZero() {
		return nhs.Date{}
	}
	return nhs.DateOf(t.In(c.Zone))
}

// Trusts are three invented hospitals.
func Trusts() []Trust {
	out := make([]Trust, 3)
	for i, n := range []int{6, 9, 4} {
		t := Trust{ODS: nhs.ODS(fmt.Sprintf("ZT%d", i+1)), Feed: fmt.Sprintf("zt%d", i+1)}
		for w := range n {
			t.Wards = append(t.Wards, Ward{Code: fmt.Sprintf("W%d%d", i+1, w+1), Name: fmt.Sprintf("Ward %d%d", i+1, w+1)})
		}
		out[i] = t
	}
	return out
}

// Councils are two invented councils.
func Councils() []Council {
	out := make([]Council, 2)
	for i := range out {
		c := Council{ODS: nhs.ODS(fmt.Sprintf("ZC%d", i+1))}
		for t := range 3 {
			team := Team{ID: fmt.Sprintf("team-%d%d", i+1, t+1)}
			for w := range 3 {
				id := fmt.Sprintf("worker-%d%d%d", i+1, t+1, w+1)
				team.Workers = append(team.Workers, care.Who{ID: care.ActorID(id), Name: "Worker " + id[7:], Org: c.ODS})
			}
			c.Teams = append(c.Teams, team)
		}
		for p := range 4 {
			c.Providers = append(c.Providers, Provider{ID: fmt.Sprintf("p%d%d", i+1, p+1), Name: providerNames[i*4+p]})
		}
		c.Districts = []string{fmt.Sprintf("ZZ%d1", i+1), fmt.Sprintf("ZZ%d2", i+1)}
		out[i] = c
	}
	return out
}

func newRand(seed uint64, n int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(n))) }

// pick chooses one by weights.
func pick[T any](r *rand.Rand, from []weighed[T]) T {
	sum := 0
	for _, w := range from {
		sum += w.n
	}
	x := r.IntN(sum)
	for _, w := range from {
		if x -= w.n; x < 0 {
			return w.v
		}
	}
	return from[0].v
}

type weighed[T any] struct {
	n int
	v T
}
