package hub

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"homeward/care"
	"homeward/measure"
)

// Questions that nobody means are refused and cost nothing; what is to come is not known;
// and a ward, however it is asked for, is somebody's.
func TestFiguresUnderAttack(t *testing.T) {
	s := newSite(t, "sqlite")
	s.set(at("2026-03-14 12:00"))
	s.discharged("a0", 20, kings, "2026-03-01", 2)
	s.lived("run", care.Admitted{At: at("2026-03-10 10:00"), Stay: care.Stay{Visit: "Vr", Org: kings, Class: "I", Admitted: at("2026-03-10 10:00"), Where: care.Location{Ward: "W12"}}},
		care.BecameReady{At: at("2026-03-11 10:00"), From: at("2026-03-11 10:00")})
	s.measured()
	own, council := as(care.Coordinator, kings), as(care.TeamManager, notts)
	ask := func(by care.Actor, q FigureQuery) (FigureView, error) {
		vs, err := s.Figures(s.ctx(), by, q)
		if err != nil {
			return FigureView{}, err
		}
		return vs[0], nil
	}
	q := FigureQuery{Measure: "delay", From: on("2026-03-01"), To: on("2026-03-14")}
	t.Run("refused", func(t *testing.T) {
		for field, change := range map[string]func(*FigureQuery){
			"measure": func(q *FigureQuery) { q.Measure = "no-such" },
			"by":      func(q *FigureQuery) { q.By = "postcode" },
			"where":   func(q *FigureQuery) { q.Where = map[measure.Dim]string{"postcode": "NG1"} },
			"to":      func(q *FigureQuery) { q.To = on("9999-12-31") },
			"from":    func(q *FigureQuery) { q.From, q.To, q.Every = on("1990-01-01"), on("2150-01-01"), measure.Daily },
			"every":   func(q *FigureQuery) { q.Every = "second" },
		} {
			x := q
			change(&x)
			if _, err := ask(own, x); err == nil || fieldOf(err) != field {
				t.Errorf("%s: %v", field, err)
			}
			if field != "by" && field != "every" && field != "from" {
				if _, err := s.Hub.Behind(s.ctx(), own, x, 1); err == nil || fieldOf(err) != field {
					t.Errorf("behind, %s: %v", field, err)
				}
			}
		}
		for _, x := range []FigureQuery{{From: on("0001-01-02"), To: on("2026-03-14")}, {From: on("2026-03-14"), To: on("2026-03-13")}} {
			x.Measure = "delay"
			if _, err := ask(own, x); err == nil || fieldOf(err) != "from" {
				t.Errorf("%s to %s: %v", x.From, x.To, err)
			}
		}
	})
	t.Run("to come", func(t *testing.T) {
		x := FigureQuery{Measure: "bed-days", From: on("2026-03-01"), To: on("2100-01-01"), KnownAt: at("2099-12-31 00:00")}
		v, err := ask(own, x)
		if s.must(err); v.Total.Value != 2+3 {
			t.Errorf("%v nights, of which some are to come", v.Total.Value)
		}
		b, err := s.Hub.Behind(s.ctx(), own, x, 1)
		if s.must(err); len(b.Rows) != 1 || b.Rows[0].Value != 3 {
			t.Errorf("%+v", b.Rows)
		}
		x.KnownAt = at("1950-01-01 00:00")
		if v, err := ask(own, x); err != nil || v.Total.Value != 0 {
			t.Errorf("in 1950 %v was known, %v", v.Total.Value, err)
		}
	})
	t.Run("a ward without its hospital", func(t *testing.T) {
		x := q
		x.Where = map[measure.Dim]string{measure.ByWard: "W12"}
		if v, err := ask(council, x); err != nil || !v.Total.Few {
			t.Errorf("one person of a ward is shown: %+v, %v", v.Total, err)
		}
		x.Where[measure.ByHospital] = string(kings)
		if v, err := ask(council, x); err != nil || !v.Total.Few {
			t.Errorf("one person of a hospital's ward is shown: %+v, %v", v.Total, err)
		}
		if v, err := ask(own, x); err != nil || v.Total.Few || v.Total.Over != 1 {
			t.Errorf("the hospital's own: %+v, %v", v.Total, err)
		}
		x.Where, x.By = nil, measure.ByWard
		v, err := ask(council, x)
		if s.must(err); !v.Groups[0].Few || len(v.Groups[0].Parts) > 0 {
			t.Errorf("%+v", v.Groups)
		}
	})
	t.Run("behind", func(t *testing.T) {
		s.lived("b0", care.Admitted{At: s.clock(), Stay: care.Stay{Visit: "Vb", Org: kings, Class: "I", Admitted: s.clock()}})
		late := func() bool {
			v, err := ask(own, q)
			s.must(err)
			return v.Behind
		}
		if late() {
			t.Error("news of this moment is called late")
		}
		s.pass(behindAfter + time.Second)
		if !late() {
			t.Error("news that waits is not said")
		}
		s.measured()
		if late() {
			t.Error("it is behind when all is counted")
		}
	})
}

// What leaves has no share by which few are counted, and no part of a distribution.
func TestThinFiguresDoNotLeave(t *testing.T) {
	h := &measure.Hist{Values: map[int64]int64{0: 97, 1: 3}}
	m, _ := measure.Find("on-the-day")
	view := FigureView{Def: m, Total: m.Figure(h, 0), Slices: partsOf(m, h), Groups: []FigureGroup{{Key: "a", Figure: m.Figure(h, 0), Parts: partsOf(m, h)}}}
	out := view.Suppressed()
	if !out.Total.Few || !out.Groups[0].Few || out.Slices != nil || out.Groups[0].Parts != nil {
		t.Errorf("%+v", out)
	}
	if view.Total.Few || view.Slices[0].N != 97 || view.Groups[0].Parts[1].N != 3 {
		t.Errorf("what is shown was changed: %+v", view)
	}
	mean, _ := measure.Find("delay")
	out = FigureView{Def: mean, Total: mean.Figure(h, 0), Slices: partsOf(mean, h)}.Suppressed()
	if out.Total.Few || fmt.Sprint(out.Slices[0].N, out.Slices[1].N) != "0 0" || !out.Slices[0].Few || len(out.Total.Hist.Values) > 0 {
		t.Errorf("%+v", out)
	}
}

func fieldOf(err error) string {
	var e *care.Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}

// A part of one group that is hidden does not follow from all groups together and the
// others of them, whether figures leave or another organisation reads them; and the
// reader's own parts stay.
func TestHiddenPartsDoNotFollowFromTheOthers(t *testing.T) {
	m, _ := measure.Find("delay")
	group := func(key string, values map[int64]int64) FigureGroup {
		h := &measure.Hist{Values: values}
		return FigureGroup{Key: key, Figure: m.Figure(h, 0), Parts: partsOf(m, h)}
	}
	made := func() FigureView {
		all := &measure.Hist{Values: map[int64]int64{0: 63, 1: 160, 2: 130}}
		return FigureView{FigureQuery: FigureQuery{By: measure.ByHospital}, Def: m, Total: m.Figure(all, 0), Slices: partsOf(m, all), Groups: []FigureGroup{
			group(string(kings), map[int64]int64{0: 20, 1: 50, 2: 50}), group(string(other), map[int64]int64{0: 3, 1: 50, 2: 30}), group("RXX", map[int64]int64{0: 40, 1: 60, 2: 50})}}
	}
	check := func(name string, v FigureView) {
		for k, whole := range v.Slices {
			hidden := 0
			for _, g := range v.Groups {
				if g.Parts[k].Few {
					hidden++
				}
			}
			if whole.Few {
				hidden++
			}
			if hidden == 1 {
				t.Errorf("%s: %q of one group follows from the others", name, whole.Words)
			}
		}
		if p := v.Groups[1].Parts[0]; !p.Few || p.N != 0 {
			t.Errorf("%s: a part of 3 is shown", name)
		}
	}
	check("leaving", made().Suppressed())
	seen := made()
	seen.hideFew(as(care.Coordinator, kings))
	check("on the screen", seen)
	for _, p := range seen.Groups[0].Parts {
		if p.Few {
			t.Errorf("the reader's own part %q is hidden", p.Words)
		}
	}
	own := made()
	if own.hideFew(as(care.Coordinator, other)); own.Groups[1].Parts[0].N != 3 {
		t.Error("what is the reader's own is hidden")
	}
}
