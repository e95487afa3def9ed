package hub

import (
	"testing"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/store"
)

// measured works the follower until it has all of history.
func (s *site) measured() {
	s.Helper()
	for {
		n, err := s.Measure(s.ctx())
		s.must(err)
		if n == 0 {
			return
		}
	}
}

// events records events of a new case, each at the time at which it says that it was.
func (s *site) lived(id care.CaseID, events ...care.Event) {
	s.Helper()
	for _, e := range append([]care.Event{care.Started{At: events[0].When(), ID: id}}, events...) {
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			c, err := tx.Case(id)
			if err != nil && care.KindOf(err) != care.NotFound {
				return err
			}
			_, err = tx.Record(c, care.Cause{Kind: "system"}, e.When(), e)
			return err
		}))
	}
}

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

func on(s string) nhs.Date { return nhs.DateOf(at(s + " 00:00")) }

// Somebody is ready on Monday, unwell on Wednesday, ready again on Friday and home on
// Sunday (product.md 7.1, 6): 2 days by the national measure, and 4 bed days lost; and
// what was known on the Saturday can still be asked for.
func TestReadyTwice(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.set(at("2026-03-20 12:00"))
		s.lived("one",
			care.Admitted{At: at("2026-03-01 10:00"), Stay: care.Stay{Visit: "V1", Org: kings, Class: "I", Admitted: at("2026-03-01 10:00"), Where: care.Location{Ward: "W12"}}},
			care.BecameReady{At: at("2026-03-02 09:00"), From: at("2026-03-02 09:00")},
			care.NoLongerReady{At: at("2026-03-04 09:00")},
			care.BecameReady{At: at("2026-03-06 09:00"), From: at("2026-03-06 09:00")},
			care.Discharged{At: at("2026-03-08 15:00"), Visit: "V1", Org: kings, Leaving: care.Leaving{At: at("2026-03-08 15:00")}})
		s.measured()
		ask := func(m measure.ID, known string) FigureView {
			q := FigureQuery{Measure: m, From: on("2026-03-01"), To: on("2026-03-31"), By: measure.ByWard, Where: map[measure.Dim]string{measure.ByHospital: string(kings)}}
			if known != "" {
				q.KnownAt = at(known)
			}
			vs, err := s.Figures(s.ctx(), as(care.Coordinator, kings), q)
			s.must(err)
			return vs[0]
		}
		for _, x := range []struct {
			m     measure.ID
			known string
			want  float64
			open  int64
		}{{"delay", "", 2, 0}, {"bed-days", "", 4, 0}, {"delay", "2026-03-07 12:00", 0, 1}, {"bed-days", "2026-03-07 12:00", 3, 1}} {
			v := ask(x.m, x.known)
			if v.Total.Value != x.want || v.Total.Open != x.open {
				t.Errorf("%s as known at %q is %v with %d running, want %v with %d", x.m, x.known, v.Total.Value, v.Total.Open, x.want, x.open)
			}
			if len(v.Groups) != 1 || v.Groups[0].Key != "W12" || v.Groups[0].Value != x.want {
				t.Errorf("%s by ward: %+v", x.m, v.Groups)
			}
		}
	})
}
