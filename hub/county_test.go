package hub

import (
	"fmt"
	"math"
	"testing"
	"time"

	"homeward/care"
	"homeward/county"
	"homeward/measure"
	"homeward/nhs"
	"homeward/store"
)

// fill records what was recorded of some people from one time up to another, as it was.
func (s *site) fill(people []county.Person, from, to time.Time) {
	s.Helper()
	for first := 0; first < len(people); first += 50 {
		some := people[first:min(first+50, len(people))]
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			for _, p := range some {
				if err := record(tx, p, from, to); err != nil {
					return fmt.Errorf("recording person %d: %w", p.Number, err)
				}
			}
			return nil
		}))
	}
}

func record(tx *store.Tx, p county.Person, from, to time.Time) error {
	is, err := tx.Case(p.ID)
	if err != nil && care.KindOf(err) != care.NotFound {
		return err
	}
	for i := 0; i < len(p.Events); {
		n := i + 1 // what was recorded at once is recorded at once
		for n < len(p.Events) && p.Recorded[n].Equal(p.Recorded[i]) {
			n++
		}
		if at := p.Recorded[i]; !at.Before(from) && at.Before(to) {
			if is, err = tx.Record(is, care.Cause{Kind: "system"}, at, p.Events[i:n]...); err != nil {
				return err
			}
		}
		i = n
	}
	return nil
}

// A county's figures are those that its facts give by hand (county.ByHand): of all, by month
// and by part, and as they were known before. Most of its time is counted at once, and the
// last days as history grew.
func TestCountyByHand(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		c := county.Config{Seed: 5, People: 240, Days: 120, Zone: s.Zone}
		var people []county.Person
		var facts []county.Answer
		for p := range county.People(c) {
			people, facts = append(people, p), append(facts, p.Answer)
		}
		lately := c.End().AddDate(0, 0, -5)
		s.set(lately)
		s.fill(people, time.Time{}, lately)
		s.must(s.Remeasure(s.ctx()))
		s.set(c.End())
		s.fill(people, lately, c.End())
		s.measured()
		today := nhs.DateOf(c.End().In(s.Zone))
		whole := county.Question{From: today.Add(-120), To: today, Today: today}
		hand := byHand{facts: facts, known: map[string]map[string]county.Figure{}}
		compared := 0
		for _, by := range []measure.Dim{"", measure.ByHospital, measure.ByPathway, measure.ByAge} {
			var qs []FigureQuery
			for id := range county.ByHand(nil, whole) {
				qs = append(qs, FigureQuery{Measure: measure.ID(id), From: whole.From, To: whole.To, By: by, Every: map[measure.Dim]measure.Every{"": measure.Monthly}[by]})
			}
			vs, err := s.Figures(s.ctx(), as(care.TeamManager, notts), qs...)
			s.must(err)
			for _, v := range vs {
				q := whole
				q.From, q.To = v.From, v.To
				if hand.compare(t, v.Measure, v.Total, q) {
					compared++
				}
				for i, step := range v.Steps {
					q.From, q.To = step.Start, measure.Monthly.Next(step.Start).Add(-1)
					if i == 1 && hand.compare(t, v.Measure, step.Figure, q) {
						compared++
					}
				}
				q.From, q.To = v.From, v.To
				for _, g := range v.Groups {
					q.Where = map[string]string{string(by): g.Key}
					if hand.compare(t, v.Measure, g.Figure, q) {
						compared++
					}
				}
			}
		}
		compared += s.asKnown(c, whole)
		if compared < 200 {
			t.Errorf("only %d figures were compared", compared)
		}
	})
}

// asKnown asks what was known a month before the end: the same county, of which no more had
// been told.
func (s *site) asKnown(c county.Config, q county.Question) (compared int) {
	s.Helper()
	c.Known = c.End().AddDate(0, -1, 0).Add(11 * time.Hour)
	q.Today = nhs.DateOf(c.Known.In(s.Zone))
	then := byHand{known: map[string]map[string]county.Figure{}}
	for p := range county.People(c) {
		then.facts = append(then.facts, p.Answer)
	}
	var qs []FigureQuery
	for id := range county.ByHand(nil, q) {
		qs = append(qs, FigureQuery{Measure: measure.ID(id), From: q.From, To: q.To, KnownAt: c.Known})
	}
	vs, err := s.Figures(s.ctx(), as(care.TeamManager, notts), qs...)
	s.must(err)
	for _, v := range vs {
		if then.compare(s.TB, v.Measure, v.Total, q) {
			compared++
		}
	}
	return compared
}

// byHand are the figures of a county by hand, each worked out once.
type byHand struct {
	facts []county.Answer
	known map[string]map[string]county.Figure
}

// compare compares a figure with that by hand, and reports whether there was one.
func (b byHand) compare(t testing.TB, id measure.ID, got measure.Figure, q county.Question) bool {
	t.Helper()
	if got.Few {
		return false // of fewer than 5 people of another organisation
	}
	key := fmt.Sprint(q)
	if b.known[key] == nil {
		b.known[key] = county.ByHand(b.facts, q)
	}
	want := b.known[key][string(id)]
	if math.Abs(got.Value-want.Value) > 1e-9 {
		t.Errorf("%s of %v from %v to %v is %v, by hand %v", id, q.Where, q.From, q.To, got.Value, want.Value)
	}
	return got.Known && want.N > 0
}
