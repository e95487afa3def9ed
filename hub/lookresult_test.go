package hub

import (
	"testing"
	"time"

	"homeward/care"
	"homeward/measure"
)

// Whoever looked somebody up records what it led to: once, corrected by them alone, while
// the result is shown; their hospital sees it on the timeline, and nobody else does.
func TestRecordLookResult(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}}, held{id: "10004", p: nobody(4), concern: "yes"})
		nurse := as(care.AENurse, kings)
		v := s.look4(nurse, asks(nobody(1)))
		if !v.MayEnd || v.Ended != nil {
			t.Fatalf("may record %v, recorded %v", v.MayEnd, v.Ended)
		}
		record := func(by care.Actor, handle string, r care.LookEnd, text string) error {
			return s.RecordLookResult(s.ctx(), by, handle, r, text)
		}
		s.refused(record(nurse, v.Handle, "", ""), care.Required, "result")
		s.refused(record(nurse, v.Handle, care.LookOther, ""), care.Required, "text")
		s.refused(record(as(care.Coordinator, kings), v.Handle, care.LookHome, ""), care.NotFound, "")
		rows := s.audits(func() { s.must(record(nurse, v.Handle, care.LookHomeCare, "")) })
		if len(rows) != 1 || rows[0].Case != v.Case || !rows[0].Allowed || rows[0].Action != "recordLookResult" {
			t.Errorf("audited %+v", rows)
		}
		shown := func() LookView {
			v, err := s.Looked(s.ctx(), nurse, v.Handle)
			s.must(err)
			return v
		}
		if x := shown().Ended; x == nil || x.Result != care.LookHomeCare || x.ID == v.Handle {
			t.Errorf("shown again: %+v", x)
		}
		c := s.read(v.Case)
		s.must(record(nurse, v.Handle, care.LookHomeCare, ""))
		if again := s.read(v.Case); again.Version != c.Version || len(again.Looks) != 1 {
			t.Errorf("the same again made %d events and %d results", again.Version-c.Version, len(again.Looks))
		}
		s.must(record(nurse, v.Handle, care.LookHome, "With her daughter"))
		if x := shown().Ended; x == nil || x.Result != care.LookHome || x.Text != "With her daughter" {
			t.Errorf("corrected to %+v", x)
		}
		for _, none := range []LookView{s.look4(nurse, asks(nobody(4))), s.look4(nurse, asks(nobody(9)))} { // an enquiry alone, and nobody
			if none.MayEnd {
				t.Error("what a look-up led to is asked where no care was found")
			}
			s.refused(record(nurse, none.Handle, care.LookHome, ""), care.NotFound, "")
		}
		s.admit(nobody(1))
		for by, want := range map[care.Actor]int{as(care.Coordinator, kings): 2, as(care.SocialWorker, notts): 0} {
			n := 0
			for _, item := range s.open(by, v.Case).Timeline {
				if item.Kind == "look" {
					n++
				}
			}
			if n != want {
				t.Errorf("%s sees %d of its timeline, want %d", by.Role, n, want)
			}
		}
		s.measured()
		q := FigureQuery{Measure: "avoided-recorded", From: s.today(s.clock()), To: s.today(s.clock()), By: measure.ByHospital}
		vs, err := s.Figures(s.ctx(), as(care.Coordinator, kings), q)
		s.must(err)
		if vs[0].Total.Value != 1 || len(vs[0].Groups) != 1 || vs[0].Groups[0].Key != string(kings) {
			t.Errorf("counted %+v", vs[0])
		}
		q.By = ""
		for by, want := range map[care.Actor]int{as(care.Coordinator, kings): 1, as(care.TeamManager, notts): 0} {
			b, err := s.Behind(s.ctx(), by, q, 1)
			if s.must(err); len(b.Rows) != want {
				t.Errorf("%s is shown %d of whom it counts, want %d", by.Role, len(b.Rows), want)
			}
		}
		s.pass(time.Hour)
		s.refused(record(nurse, v.Handle, care.LookAdmitted, ""), care.NotFound, "")
	})
}
