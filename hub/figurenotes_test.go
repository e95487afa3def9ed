package hub

import (
	"context"
	"errors"
	"testing"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/store"
)

// Targets and rebasings are shared by all, changed by who may, overwrite nobody's, and
// what there was before stays readable. A counting anew that is killed half way shows nothing of
// itself; the next begins anew. Another version of the program counts anew by itself.
func TestTargetsAndCountingAnew(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.set(at("2026-03-14 12:00"))
		for i := range 3 {
			s.discharged(care.CaseID(rune('a'+i)), 20+20*i, kings, "2026-03-03", 2)
		}
		s.measured()
		by := as(care.TeamManager, notts)
		see := func() FigureView {
			t.Helper()
			vs, err := s.Figures(s.ctx(), as(care.Coordinator, kings), FigureQuery{Measure: "delay", From: on("2026-03-01"), To: on("2026-03-14"), Every: measure.Weekly})
			s.must(err)
			return vs[0]
		}
		t.Run("notes", func(t *testing.T) {
			two, one := 2.0, 1.0
			s.must(s.SetTarget(s.ctx(), by, "delay", 0, &two, on("2026-01-01")))
			s.refused(s.SetTarget(s.ctx(), by, "delay", 0, &one, on("2026-03-10")), care.Conflict, "")
			s.must(s.SetTarget(s.ctx(), by, "delay", see().Version, &one, on("2026-03-10")))
			s.must(s.SetTarget(s.ctx(), by, "delay", see().Version, nil, on("2026-06-01")))
			s.must(s.AddRebase(s.ctx(), by, "delay", see().Version, on("2026-02-01"), "Discharge lounge opened"))
			s.refused(s.AddRebase(s.ctx(), by, "delay", see().Version, on("2026-02-01"), "Discharge lounge opened"), care.Invalid, "on")
			s.refused(s.SetTarget(s.ctx(), by, "on-the-day", 0, &two, on("2026-01-01")), care.Invalid, "value")
			s.refused(s.SetTarget(s.ctx(), as(care.SocialWorker, notts), "delay", see().Version, &two, on("2026-01-01")), care.Forbidden, "")
			v := see()
			if v.Target == nil || v.Target.Value != 1 || len(v.Targets) != 3 || len(v.Rebases) != 1 || v.Rebases[0].By.Org != notts {
				t.Errorf("%+v", v.FigureNotes)
			}
			s.must(s.DropRebase(s.ctx(), by, "delay", v.Version, on("2026-02-01"), "It was the wrong day"))
			if v := see(); len(v.Rebases) != 0 || len(v.Gone) != 1 || v.Gone[0].Gone.Why == "" {
				t.Errorf("%+v", v.FigureNotes)
			}
		})
		t.Run("killed", func(t *testing.T) {
			before := see().Total.Over
			r, err := s.beginRemaking(s.ctx(), "killed")
			s.must(err)
			w, err := view(s.ctx(), s.Hub, func(tx *store.Tx) (*store.PointWork, error) { return tx.NewWork(r.Gen, s.Zone) })
			s.must(err)
			m := &remaker{h: s.Hub, remaking: r, erased: w.Erased, tally: measure.Tally{}}
			s.must(m.cases(s.ctx()))
			s.must(m.flush(s.ctx()))
			if got := see().Total.Over; got != before {
				t.Errorf("%d, before %d", got, before)
			}
			second := s.another()
			if err := second.Remeasure(s.ctx()); !errors.Is(err, errRemeasuring) {
				t.Errorf("two at once: %v", err)
			}
			s.pass(remeasureLease + time.Minute)
			s.must(second.Remeasure(s.ctx()))
			if err := m.cases(s.ctx()); !errors.Is(err, errRemeasuring) {
				t.Errorf("who was killed goes on: %v", err)
			}
			if got := see(); got.Total.Over != before || got.Behind {
				t.Errorf("%d, before %d, behind %t", got.Total.Over, before, got.Behind)
			}
			s.verifiedMeasures()
		})
		t.Run("another version", func(t *testing.T) {
			s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutSetting(measurePrint, "before") }))
			if v := see(); !v.Behind {
				t.Error("it does not say that it is counted again")
			}
			ctx, stop := context.WithTimeout(s.ctx(), 20*time.Second)
			defer stop()
			s.remeasureLoop(ctx)
			if v := see(); v.Behind || v.Total.Over != 3 {
				t.Errorf("behind %t, %+v", v.Behind, v.Total)
			}
			s.verifiedMeasures()
		})
		t.Run("a difference is named", func(t *testing.T) {
			s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
				g, err := tx.Generation()
				if err != nil {
					return err
				}
				w, err := tx.NewWork(g, s.Zone)
				if err != nil {
					return err
				}
				w.Tally.Add(measure.Point{Source: "stay", To: at("2026-03-09 10:00")}, 1, s.Zone)
				return errors.Join(tx.WorkCells(w), tx.PutWork(w))
			}))
			if n, err := s.VerifyMeasures(s.ctx(), func(string) {}); n == 0 || err != nil {
				t.Errorf("%d differences, %v", n, err)
			}
		})
	})
}
