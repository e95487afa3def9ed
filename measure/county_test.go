package measure

import (
	"math"
	"testing"
	"time"

	"homeward/care"
	"homeward/county"
	"homeward/nhs"
)

func london(t testing.TB) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// trails reads the histories of a county; a record that is joined into another is known
// to it as it was then. each is called after each time at which something was recorded.
func trails(c county.Config, each func(p county.Person, t *Trail, last bool)) {
	joined := map[care.CaseID]*Trail{}
	for p := range county.People(c) {
		t := &Trail{Zone: c.Zone}
		entries := p.Entries(0)
		for i, e := range entries {
			switch x := e.Event.(type) {
			case care.JoinedInto:
				then := &Trail{Zone: c.Zone}
				for _, before := range entries[:i] {
					then.Add(before)
				}
				joined[p.ID] = then
			case care.Absorbed:
				t.Knows(x.Other.ID, joined[x.Other.ID])
			}
			t.Add(e)
			if last := i+1 == len(entries); last || !entries[i+1].Recorded.Equal(e.Recorded) {
				each(p, t, last)
			}
		}
	}
}

// The figures of a county are those that its facts give by hand (county.ByHand, written from
// the definitions): of all, of each month, and of each part.
func TestACountyByHand(t *testing.T) {
	c := county.Config{Seed: 11, People: 2000, Days: 200, Zone: london(t)}
	points := map[string][]Point{}
	var facts []county.Answer
	trails(c, func(p county.Person, tr *Trail, last bool) {
		if last {
			named(t, tr)
			for _, x := range tr.Points() {
				points[x.Source] = append(points[x.Source], x)
			}
			facts = append(facts, p.Answer)
		}
	})
	today := nhs.DateOf(c.End().In(c.Zone))
	first := today.Add(-200)
	whole := county.Question{From: first, To: today, Today: today}
	asked := []county.Question{whole}
	for d := Monthly.Start(first); !today.Before(d); d = Monthly.Next(d) {
		asked = append(asked, county.Question{From: d, To: Monthly.Next(d).Add(-1), Today: today})
	}
	for _, dim := range []Dim{ByHospital, ByWard, ByCouncil, ByTeam, ByPathway, ByAge} {
		for v := range parts(facts, dim) {
			q := whole
			q.Where = map[string]string{string(dim): v}
			asked = append(asked, q)
		}
	}
	compared := 0
	for _, q := range asked {
		want := county.ByHand(facts, q)
		for id, f := range want {
			m, ok := Find(ID(id))
			if !ok {
				t.Fatalf("there is no measure %s", id)
			}
			got := asking(m, points[m.Source.ID], q, c.Zone)
			if got.Known && f.N > 0 {
				compared++
			}
			if got.Known != (f.N > 0) && m.Unit == Share || got.Known && got.Over != int64(f.N) && m.Stat != nil && m.ID != "wasted-offers" && m.Source != NotMeeting || math.Abs(got.Value-f.Value) > 1e-9 {
				t.Errorf("%s of %v from %v to %v is %v of %d, by hand %v of %d", id, q.Where, q.From, q.To, got.Value, got.Over, f.Value, f.N)
			}
		}
	}
	if compared < 500 {
		t.Errorf("only %d figures were compared", compared)
	}
}

// named checks that each point of a history that is as it should be has a name of its own.
func named(t *testing.T, tr *Trail) {
	for _, s := range Sources {
		if s.Outside || tr.Case().JoinedTo != "" {
			continue
		}
		seen := map[string]bool{}
		for _, p := range s.Of(tr) {
			if seen[p.Subject] {
				t.Fatalf("%s: two points are called %s", s.ID, p.Subject)
			}
			seen[p.Subject] = true
		}
	}
}

func parts(facts []county.Answer, d Dim) map[string]bool {
	out := map[string]bool{}
	for _, a := range facts {
		for _, s := range a.Stays {
			out[county.Group(a, s, string(d))] = true
		}
	}
	return out
}

// asking works out a measure from points.
func asking(m Measure, of []Point, q county.Question, zone *time.Location) Figure {
	h := &Hist{}
	for _, p := range of {
		if !matches(p, q.Where) {
			continue
		}
		p.Days(m.Source.Span, zone, q.Today.Add(-1), func(day nhs.Date, value int64) {
			if !day.Before(q.From) && !q.To.Before(day) {
				h.Add(p, value, 1)
			}
		})
	}
	nights := q.From.DaysTo(q.To) + 1
	if !q.To.Before(q.Today) {
		nights = q.From.DaysTo(q.Today)
	}
	return m.Average(m.Figure(h, 0), nights)
}

func matches(p Point, where map[string]string) bool {
	for d, v := range where {
		if p.Get(Dim(d)) != v {
			return false
		}
	}
	return true
}
