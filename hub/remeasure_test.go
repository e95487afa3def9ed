package hub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
	"homeward/county"
	"homeward/measure"
	"homeward/store"
)

// happened is one event of a random history, and when it is recorded.
type happened struct {
	id  care.CaseID
	at  time.Time
	say care.Event
}

// randomly are the histories of some invented people, told in the order of time, with
// several at one instant and a clock that goes back now and then.
func randomly(r *rand.Rand, people int, zone *time.Location) []happened {
	var out []happened
	for p := range county.People(county.Config{Seed: r.Uint64(), People: people, Days: 300, Zone: zone}) {
		for i, e := range p.Events {
			out = append(out, happened{p.ID, p.Recorded[i], e})
		}
	}
	slices.SortStableFunc(out, func(a, b happened) int { return a.at.Compare(b.at) })
	for i := range out {
		switch r.IntN(12) {
		case 0:
			out[i].at = out[i].at.Add(-time.Duration(r.IntN(48)) * time.Hour)
		case 1, 2:
			if i > 0 {
				out[i].at = out[i-1].at
			}
		}
	}
	return out
}

func (s *site) tell(x happened) {
	s.Helper()
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		c, err := tx.Case(x.id)
		if err != nil && care.KindOf(err) != care.NotFound {
			return err
		}
		_, err = tx.Record(c, care.Cause{Kind: "system"}, x.at, x.say)
		return err
	}))
}

// joinSome joins two records, or separates two that are joined.
func (s *site) joinSome(r *rand.Rand, at time.Time) {
	s.Helper()
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		ids, err := tx.CaseIDs("", 1000)
		if err != nil || len(ids) < 2 {
			return err
		}
		a, err := tx.Case(ids[r.IntN(len(ids))])
		b, err2 := tx.Case(ids[r.IntN(len(ids))])
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		var mine, theirs []care.Event
		if a.JoinedTo != "" {
			b = a
			if a, err = tx.Case(b.JoinedTo); err != nil {
				return err
			}
			mine, theirs = care.Separate(a, b, care.Who{}, "not the same person", at)
		} else {
			mine, theirs = care.Join(a, b, at)
		}
		_, err = tx.Record(a, care.Cause{Kind: "system"}, at, mine...)
		_, err2 = tx.Record(b, care.Cause{Kind: "system"}, at, theirs...)
		return errors.Join(err, err2)
	}))
}

// longLived is somebody with more than 200 entries of history, over both changes of the clock, who
// is ready and not again and again; some of it is counted on the way. It gives a time in the middle.
func (s *site) longLived(r *rand.Rand, id care.CaseID) (middle time.Time) {
	s.Helper()
	now := time.Date(2025, 10, 1, 9, 0, 0, 0, time.UTC)
	s.tell(happened{id, now, care.Started{At: now, ID: id}})
	s.tell(happened{id, now, care.Admitted{At: now, Stay: care.Stay{Visit: "L1", Org: kings, Class: "I", Admitted: now, Where: care.Location{Ward: "W12"}}}})
	for i := range 105 {
		now = now.Add(time.Duration(1+r.IntN(60)) * time.Hour)
		s.tell(happened{id, now, care.BecameReady{At: now, From: now}})
		now = now.Add(time.Duration(r.IntN(30)) * time.Hour)
		s.tell(happened{id, now, care.NoLongerReady{At: now}})
		if i%30 == 0 {
			s.measured()
			middle = now
		}
	}
	return middle
}

// counts are all counts that are kept of what is shown, byte for byte.
func (s *site) counts() map[string]string {
	s.Helper()
	out := map[string]string{}
	s.view(func(tx *store.Tx) error {
		g, err := tx.Generation()
		for _, src := range measure.Sources {
			err = errors.Join(err, tx.EachRow(g, src.ID, func(r measure.Row, body []byte) error {
				out[fmt.Sprint(r)] = string(body)
				return nil
			}))
		}
		return err
	})
	return out
}

func (s *site) verifiedMeasures() {
	s.Helper()
	if n, err := s.VerifyMeasures(s.ctx(), func(text string) { s.Error(text) }); n > 0 || err != nil {
		s.Fatalf("%d differences, %v", n, err)
	}
}

// knownThen compares what is said to have been known at a time with what follows from the
// history that was recorded by then.
func (s *site) knownThen(at time.Time) {
	s.Helper()
	s.view(func(tx *store.Tx) error {
		ids, err := tx.CaseIDs("", 1000)
		if err != nil {
			return err
		}
		for _, id := range ids {
			want := map[string]measure.Point{}
			_, err := s.trail(tx, id, 1<<62, func(t *measure.Trail, _ int64, known time.Time) {
				if known.After(at) {
					return
				}
				clear(want)
				for _, p := range t.Points() {
					want[p.Source+" "+p.Subject] = p
				}
			})
			if err != nil {
				return err
			}
			for _, src := range measure.Sources {
				err := tx.EachPoint(store.PointQuery{Source: src.ID, Case: id, KnownAt: at}, func(k store.KnownPoint) error {
					name := k.Source + " " + k.Subject
					if p, ok := want[name]; !ok || !p.Same(k.Point) {
						s.Errorf("as known at %v, %s is %+v; want %+v", at, name, k.Point, p)
					}
					delete(want, name)
					return nil
				})
				if err != nil {
					return err
				}
			}
			if len(want) > 0 {
				s.Errorf("as known at %v, not known of %s: %v", at, id, want)
			}
		}
		return nil
	})
}

// Whatever is recorded, in whatever stretches it is counted and by whichever process, the
// points and counts are those of a full recomputation, and what was known then is what
// followed from history then.
func TestCountedAsRecomputed(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		seeds := []uint64{1}
		second := s.another()
		for _, seed := range seeds {
			r := rand.New(rand.NewPCG(seed, 6))
			all := randomly(r, 10, s.Zone)
			var times []time.Time
			for i, x := range all {
				x.id += care.CaseID(fmt.Sprint("s", seed))
				if st, ok := x.say.(care.Started); ok {
					st.ID = x.id
					x.say = st
				}
				if strings.Contains(fmt.Sprintf("%T", x.say), "Absorbed") || strings.Contains(fmt.Sprintf("%T", x.say), "JoinedInto") {
					continue // other names: records are joined below
				}
				s.tell(x)
				times = append(times, x.at)
				if r.IntN(25) == 0 {
					s.joinSome(r, x.at)
				}
				switch r.IntN(20) {
				case 0:
					_, err := s.Measure(s.ctx())
					s.must(err)
				case 1:
					_, err := second.Measure(s.ctx())
					s.must(err)
				case 2:
					var wg sync.WaitGroup
					for _, h := range []*Hub{s.Hub, second} {
						wg.Go(func() {
							if _, err := h.Measure(context.Background()); err != nil {
								t.Error(err)
							}
						})
					}
					wg.Wait()
				}
				if i%(len(all)/3) == 1 {
					s.measured()
					s.verifiedMeasures()
				}
			}
			times = append(times, s.longLived(r, care.CaseID(fmt.Sprint("long", seed))))
			s.measured()
			s.verifiedMeasures()
			for range 4 {
				s.knownThen(times[r.IntN(len(times))])
			}
		}
		before := s.counts()
		s.must(s.Remeasure(s.ctx()))
		if d := cmp.Diff(before, s.counts()); d != "" || len(before) < 100 {
			t.Errorf("%d rows, counted anew (-was +is): %s", len(before), d)
		}
		s.verifiedMeasures()
	})
}
