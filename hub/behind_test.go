package hub

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/store"
)

// discharged is somebody who was ready in a hospital and left after some days.
func (s *site) discharged(id care.CaseID, n int, org nhs.ODS, admitted string, days int, more ...care.Event) {
	s.Helper()
	from := at(admitted + " 10:00")
	ready, left := from.Add(24*time.Hour), from.Add(time.Duration(1+days)*24*time.Hour)
	events := []care.Event{
		care.Identified{At: from, NHS: nhs.Test(n)},
		care.PersonTold{At: from, First: true, Person: care.Person{Family: fmt.Sprint("Invented", n), Given: "Edna", Born: on("1940-05-01")}},
		care.Admitted{At: from, Stay: care.Stay{Visit: "V" + string(id), Org: org, Class: "I", Admitted: from, Where: care.Location{Ward: "W12"}}},
		care.BecameReady{At: ready, From: ready}}
	events = append(events, more...)
	s.lived(id, append(events, care.Discharged{At: left, Visit: "V" + string(id), Org: org, Leaving: care.Leaving{At: left}})...)
}

// Whom a figure counts is told person by person, to whom the policies let see them; that
// there are others is said without a number; and every look is audited, with whose rows it
// showed. What is of few people is hidden from others, and leaves with nothing to work it
// out from. Late news restates the past, and says so. Who is erased counts on, under no name.
func TestBehindAFigure(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.set(at("2026-03-14 12:00"))
		s.Limits.Watching = 60 * 24 * time.Hour // who left may be seen for so long
		for i := range 6 {
			s.discharged(care.CaseID(fmt.Sprint("a", i)), 20+20*i, kings, "2026-03-0"+fmt.Sprint(i+1), 2)
		}
		s.discharged("hid", 400, kings, "2026-03-09", 1, care.SensitivityTold{At: at("2026-03-09 12:00"), Sensitive: true})
		s.discharged("b0", 500, other, "2026-03-08", 4)
		s.discharged("b1", 520, other, "2026-03-08", 3)
		s.measured()
		q := FigureQuery{Measure: "delay", From: on("2026-03-01"), To: on("2026-03-14"), By: measure.ByHospital}
		us := as(care.Coordinator, kings)
		figure := func(by care.Actor, q FigureQuery) FigureView {
			t.Helper()
			vs, err := s.Figures(s.ctx(), by, q)
			s.must(err)
			return vs[0]
		}
		t.Run("whom", func(t *testing.T) {
			var v BehindView
			audited := s.audits(func() {
				var err error
				v, err = s.Behind(s.ctx(), us, q, 1)
				s.must(err)
			})
			if len(v.Rows) != 7 || !v.Others || v.Pages != 1 || v.More {
				t.Fatalf("%d rows, others %t, %d pages", len(v.Rows), v.Others, v.Pages)
			}
			if r := v.Rows[0]; r.Value != 2 || r.Person.Family == "" || r.To.IsZero() {
				t.Errorf("%+v", r)
			}
			var whose []string
			for _, a := range audited {
				whose = append(whose, string(a.Case))
			}
			slices.Sort(whose)
			if fmt.Sprint(whose) != "[ a0 a1 a2 a3 a4 a5 hid]" {
				t.Errorf("audited: %v", whose)
			}
			if _, err := s.Behind(s.ctx(), as(care.Analyst, kings), q, 1); care.KindOf(err) != care.Forbidden {
				t.Errorf("an analyst: %v", err)
			}
			if v, err := s.Behind(s.ctx(), as(care.Coordinator, other), q, 1); err != nil || len(v.Rows) != 2 {
				t.Errorf("the other hospital sees %d rows, %v", len(v.Rows), err)
			}
		})
		t.Run("few", func(t *testing.T) {
			v := figure(us, q)
			if len(v.Groups) != 2 || v.Groups[0].Few == v.Groups[1].Few {
				t.Fatalf("%+v", v.Groups)
			}
			for _, g := range v.Groups {
				if g.Few != (g.Key == string(other)) {
					t.Errorf("%s: few %t", g.Key, g.Few)
				}
			}
			if !v.Total.Few { // less what the reader's own are, it would be the other's
				t.Errorf("the whole is shown: %+v", v.Total)
			}
			operator, err := s.OperatorFigure(s.ctx(), FigureQuery{Measure: "delay", From: q.From, To: q.To})
			if err != nil || operator.Total.Hist.N() != 0 {
				t.Errorf("%+v, %v", operator, err)
			}
			v = figure(as(care.TeamManager, notts), FigureQuery{Measure: "delay", From: q.From, To: q.To})
			if v.Total.Few || v.Total.Hist.N() != 9 {
				t.Errorf("the whole alone: %+v", v.Total)
			}
			v, err = view(s.ctx(), s.Hub, func(tx *store.Tx) (FigureView, error) { return s.figure(tx, q, map[string]*counting{}) })
			s.must(err)
			out := v.Suppressed()
			if !out.Groups[0].Few || !out.Groups[1].Few || out.Total.Few || out.Total.Hist.N() != 0 || v.Total.Hist.N() != 9 {
				t.Errorf("%+v", out.Groups)
			}
		})
		t.Run("restated", func(t *testing.T) {
			s.set(at("2026-03-20 12:00"))
			s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
				c, err := tx.Case("b0")
				if err != nil {
					return err
				}
				_, err = tx.Record(c, care.Cause{Kind: "system"}, at("2026-03-19 10:00"), care.DischargeUndone{At: at("2026-03-19 10:00"), Visit: "Vb0", Org: other})
				return err
			}))
			s.measured()
			v := figure(as(care.Coordinator, other), FigureQuery{Measure: "delay", From: q.From, To: q.To})
			if v.Total.Over != 8 || v.Then.Over != 9 || !v.Changed(v.Total) {
				t.Errorf("now %+v, then %+v, late %d", v.Total, v.Then, v.Late)
			}
			known := figure(us, FigureQuery{Measure: "delay", From: q.From, To: q.To, KnownAt: at("2026-03-16 00:00")})
			if known.Total.Value != v.Then.Value || known.Total.Over != v.Then.Over {
				t.Errorf("as known %+v, then %+v", known.Total, v.Then)
			}
		})
		t.Run("erased", func(t *testing.T) {
			before := figure(us, q)
			s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
				e, err := tx.EraseCase(store.Erasure{Case: "a1", Reason: "8 years"})
				return errors.Join(err, tx.Audit(store.AuditRecord{At: s.clock(), Action: "reviewRetention", Case: "a1", Allowed: true, Outcome: "erased; residue " + e.Residue}))
			}))
			s.must(s.Remeasure(s.ctx()))
			s.verifiedMeasures()
			if v := figure(us, q); v.Total.Value != before.Total.Value || v.Total.Over != before.Total.Over || v.Behind {
				t.Errorf("%+v, before %+v, behind %t", v.Total, before.Total, v.Behind)
			}
			if v, err := s.Behind(s.ctx(), us, q, 1); err != nil || len(v.Rows) != 6 {
				t.Errorf("%d rows, %v", len(v.Rows), err)
			}
			if err := s.Store.Verify(s.ctx(), func(text string) { t.Error(text) }); err != nil {
				t.Error(err)
			}
		})
	})
}
