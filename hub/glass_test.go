package hub

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/store"
)

const emergency = "Unconscious, and nobody is with her"

func (s *site) breakIt(by care.Actor, handle string) LookView {
	s.Helper()
	v, err := s.BreakGlass(s.ctx(), by, handle, emergency)
	s.must(err)
	return v
}

func (s *site) alertList(by care.Actor, q AlertQuery) AlertList {
	s.Helper()
	l, err := s.Alerts(s.ctx(), by, q)
	s.must(err)
	return l
}

// TestGlassOpensForAnHour is what somebody sees in an emergency of a patient of
// another hospital, and when it is over.
func TestGlassOpensForAnHour(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(1))
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		nurse := as(care.WardNurse, other)
		_, err := s.Case(s.ctx(), nurse, id)
		s.refused(err, care.Forbidden, "")
		before := s.look4(nurse, asks(nobody(1)))
		if before.MayOpen || before.Glass != nil {
			t.Fatalf("open before: %+v", before)
		}
		for _, words := range []string{"", "too short", strings.Repeat("x", 501)} {
			_, err := s.BreakGlass(s.ctx(), nurse, before.Handle, words)
			if care.KindOf(err) != care.Required && care.KindOf(err) != care.Invalid {
				t.Errorf("%d characters: %v", len(words), err)
			}
		}
		var v LookView
		rows := s.audits(func() { v = s.breakIt(nurse, before.Handle) })
		if v.Outcome != LookFound || !v.MayOpen || v.Case != id || v.Handle != before.Handle || v.Glass == nil || v.Glass.Closes.Sub(s.clock()) != time.Hour {
			t.Errorf("broken: %+v", v)
		}
		if len(rows) != 1 || rows[0].Action != "breakGlass" || rows[0].Purpose != "emergency" || rows[0].Reason != emergency || rows[0].Case != id || !rows[0].Allowed {
			t.Errorf("audited as %+v", rows)
		}
		if again, err := s.Looked(s.ctx(), nurse, v.Handle); err != nil || plainly(again) != plainly(v) {
			t.Errorf("shown again: %+v, %v", again, err)
		}
		c, err := s.Case(s.ctx(), nurse, id)
		s.must(err)
		if c.Person.Family == "" || len(c.Timeline) == 0 || c.StayShown {
			t.Errorf("the case: %d lines, whereabouts %v", len(c.Timeline), c.StayShown)
		}
		for name, a := range map[string]care.Actor{"another nurse": as(care.AENurse, other), "herself in another role": as(care.Coordinator, other)} {
			if name == "herself in another role" {
				a.ID = nurse.ID
			}
			if _, err := s.Case(s.ctx(), a, id); care.KindOf(err) != care.Forbidden {
				t.Errorf("%s: %v", name, err)
			}
		}
		if g, err := s.Glass(s.ctx(), nurse, id); g == nil || err != nil || !g.Closes.Equal(v.Glass.Closes) {
			t.Errorf("the line above the case: %+v, %v", g, err)
		}
		s.breakIt(nurse, before.Handle) // sent twice
		if l := s.alertList(as(care.IGLead, other), AlertQuery{}); len(l.Rows) != 1 {
			t.Errorf("%d alerts", len(l.Rows))
		}
		if l := s.look4(nurse, asks(nobody(1))); l.Glass == nil || !l.Glass.Closes.Equal(v.Glass.Closes) || !l.MayOpen {
			t.Errorf("looked up again: %+v", l)
		}
		s.pass(50 * time.Minute)
		late := s.look4(nurse, asks(nobody(1)))
		s.pass(10 * time.Minute)
		if _, err := s.Looked(s.ctx(), nurse, late.Handle); care.KindOf(err) != care.NotFound {
			t.Errorf("a result from before it closed: %v", err)
		}
		if _, err := s.Case(s.ctx(), nurse, id); care.KindOf(err) != care.Forbidden {
			t.Errorf("an hour later: %v", err)
		}
		if _, err := s.Looked(s.ctx(), nurse, v.Handle); care.KindOf(err) != care.NotFound {
			t.Errorf("an hour later: %v", err)
		}
	})
}

// TestGlassTellsNothing is that whom nobody may see looks like whom nobody
// knows, before the glass is broken and after.
func TestGlassTellsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.Limits.Glasses = 10
		secret, child, known := nobody(1), nobody(2), nobody(4)
		secret.sensitive, child.born = true, "20200402"
		s.admit(secret)
		s.admit(child)
		s.admit(known)
		s.imported(city, "full", held{id: "77", p: nobody(7)})
		s.imported(notts, "full", held{id: "10001", p: secret, packages: []string{pack("P1", "HS", "active")}}, held{id: "10002", p: child, packages: []string{pack("P2", "HS", "active")}},
			held{id: "10004", p: known})
		nurse := as(care.AENurse, other)
		want := ""
		wrongDay := asks(known)
		wrongDay.Born.Day++
		for i, q := range []LookRequest{asks(nobody(3)), asks(secret), asks(child), wrongDay} {
			v := s.look4(nurse, q)
			v = s.breakIt(nurse, v.Handle)
			got := plainly(v)
			if i == 0 {
				want = got
			}
			if got != want || v.Outcome != LookNothing || v.Case != "" {
				t.Errorf("person %d: %s\nand an unknown one: %s", i, got, want)
			}
		}
		// What an unknown person's result looks like does not depend on a glass that
		// opens another's.
		if v := s.breakIt(nurse, s.look4(nurse, asks(known)).Handle); !v.MayOpen || v.Outcome != LookNothing {
			t.Errorf("somebody known without care in place: %+v", v)
		}
	})
}

func TestGlassIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		nurse := as(care.AENurse, kings)
		for i := range 3 {
			s.breakIt(nurse, s.look4(nurse, asks(nobody(i))).Handle)
		}
		v := s.look4(nurse, asks(nobody(4)))
		rows := s.audits(func() {
			_, err := s.BreakGlass(s.ctx(), nurse, v.Handle, emergency)
			s.refused(err, care.Throttled, "words")
		})
		if len(rows) != 1 || rows[0].Allowed {
			t.Errorf("audited as %+v", rows)
		}
		_, err := s.BreakGlass(s.ctx(), as(care.WardNurse, kings), v.Handle, emergency)
		s.refused(err, care.NotFound, "") // another's result
		_, err = s.BreakGlass(s.ctx(), nurse, "nothing", emergency)
		s.refused(err, care.NotFound, "")
		s.pass(time.Hour + time.Second)
		v = s.look4(nurse, asks(nobody(4)))
		s.breakIt(nurse, v.Handle)
		if s.MayBreakGlass(as(care.Broker, notts)) || s.MayBreakGlass(as(care.IGLead, kings)) || !s.MayBreakGlass(nurse) {
			t.Error("offered to the wrong roles")
		}
	})
}

// TestAlertIsClosedByAnother follows an alert from the breaking of a glass to
// its end.
func TestAlertIsClosedByAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(1))
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		nurse := as(care.WardNurse, other)
		s.breakIt(nurse, s.look4(nurse, asks(nobody(1))).Handle)
		for org, want := range map[care.Actor]int{as(care.IGLead, other): 1, as(care.IGLead, kings): 1, as(care.IGLead, notts): 1, as(care.IGLead, system): 1, as(care.IGLead, city): 0} {
			l := s.alertList(org, AlertQuery{})
			if len(l.Rows) != want || l.Open != want || want == 1 && (l.Rows[0].Case != id || l.Rows[0].Words != emergency || l.Rows[0].Overdue) {
				t.Errorf("%s sees %+v", org.Org, l.Rows)
			}
		}
		lead := as(care.IGLead, kings)
		one := s.alertList(lead, AlertQuery{}).Rows[0]
		_, err := s.Alerts(s.ctx(), nurse, AlertQuery{})
		s.refused(err, care.Forbidden, "")
		_, err = s.Alert(s.ctx(), as(care.IGLead, city), one.ID)
		s.refused(err, care.NotFound, "")
		s.refused(s.CloseAlert(s.ctx(), as(care.IGLead, city), one.ID, FoundRight, "x"), care.NotFound, "")
		s.refused(s.CloseAlert(s.ctx(), lead, one.ID, "", "x"), care.Required, "finding")
		s.refused(s.CloseAlert(s.ctx(), lead, one.ID, FoundRight, " "), care.Required, "words")
		s.refused(s.CloseAlert(s.ctx(), nurse, one.ID, FoundRight, "x"), care.Forbidden, "")
		herself := lead
		herself.ID = nurse.ID
		s.refused(s.CloseAlert(s.ctx(), herself, one.ID, FoundRight, "It was me"), care.BusinessRule, "")

		s.pass(48*time.Hour + time.Minute) // from Tuesday to Thursday
		if l := s.alertList(lead, AlertQuery{}); !l.Rows[0].Overdue || l.Overdue != 1 {
			t.Error("two working days later it is not overdue")
		}
		s.must(s.CloseAlert(s.ctx(), lead, one.ID, FoundRight, "She was right"))
		s.refused(s.CloseAlert(s.ctx(), as(care.IGLead, notts), one.ID, FoundWrong, "No"), care.Conflict, "")
		if l := s.alertList(as(care.IGLead, other), AlertQuery{Closed: true}); len(l.Rows) != 1 || l.Open != 0 || l.Rows[0].Closed.Words != "She was right" || l.Rows[0].Overdue {
			t.Errorf("closed: %+v", l)
		}
	})
}

// TestWrongGlassIsShut is that a lead who finds a breaking not appropriate shuts
// what it opened.
func TestWrongGlassIsShut(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(1))
		s.imported(notts, "full", held{id: "10001", p: nobody(1)})
		nurse, lead := as(care.WardNurse, other), as(care.IGLead, kings)
		v := s.breakIt(nurse, s.look4(nurse, asks(nobody(1))).Handle)
		_, err := s.Case(s.ctx(), nurse, id)
		s.must(err)
		s.pass(time.Minute)
		s.must(s.CloseAlert(s.ctx(), lead, s.alertList(lead, AlertQuery{}).Rows[0].ID, FoundWrong, "No emergency"))
		_, err = s.Case(s.ctx(), nurse, id)
		s.refused(err, care.Forbidden, "")
		_, err = s.Looked(s.ctx(), nurse, v.Handle)
		s.refused(err, care.NotFound, "")
	})
}

func TestMissesAndABrokenLogAreAlerts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		nurse, lead := as(care.AENurse, kings), as(care.IGLead, kings)
		q := asks(nobody(1))
		q.Born.Day++
		for i := range s.Limits.LookMisses {
			if l := s.alertList(lead, AlertQuery{}); len(l.Rows) != 0 {
				t.Fatalf("after %d misses: %+v", i, l.Rows)
			}
			s.look4(nurse, q)
		}
		s.pass(time.Minute)
		s.look4(nurse, q) // and one more is the same alert
		l := s.alertList(lead, AlertQuery{})
		if len(l.Rows) != 1 || l.Rows[0].Kind != AlertMisses || l.Rows[0].Actor != nurse.ID || l.Rows[0].Case != "" {
			t.Errorf("alerts: %+v", l.Rows)
		}
		s.must(s.RaiseAudit(s.ctx(), "record 3 is missing"))
		s.must(s.RaiseAudit(s.ctx(), "record 3 is missing"))
		for _, by := range []care.Actor{lead, as(care.IGLead, city), as(care.IGLead, system)} {
			l := s.alertList(by, AlertQuery{})
			n := 0
			for _, a := range l.Rows {
				if a.Kind == AlertAudit {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s is told %d times that the log is broken", by.Org, n)
			}
		}
	})
}

// TestAlertsAreLive is that whoever waits hears of an alert at once.
func TestAlertsAreLive(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		lead := as(care.IGLead, kings)
		st, ok, err := s.AlertState(s.ctx(), lead)
		if !ok || err != nil || st.Open != 0 {
			t.Fatalf("%+v %v %v", st, ok, err)
		}
		if _, ok, _ := s.AlertState(s.ctx(), as(care.AENurse, kings)); ok {
			t.Error("a nurse is told of alerts")
		}
		nurse := as(care.AENurse, kings)
		handle := s.look4(nurse, asks(nobody(1))).Handle
		ctx, stop := context.WithTimeout(s.ctx(), 5*time.Second)
		defer stop()
		heard := make(chan AlertState, 1)
		go func() {
			st, _ := s.AlertsMoved(ctx, lead, st.Seq)
			heard <- st
		}()
		began := time.Now()
		s.breakIt(nurse, handle)
		if st := <-heard; st.Open != 1 || time.Since(began) > time.Second {
			t.Errorf("heard %+v after %v", st, time.Since(began))
		}
	})
}

func TestWorkingDays(t *testing.T) {
	day := func(d, hour int) time.Time { return time.Date(2026, 11, d, hour, 0, 0, 0, time.UTC) }
	for from, want := range map[time.Time]time.Time{day(24, 9): day(26, 9), day(26, 9): day(30, 9), day(27, 15): time.Date(2026, 12, 1, 15, 0, 0, 0, time.UTC), day(21, 21): day(24, 21)} {
		if got := workingDays(from, 2); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
}

func TestObjectionIsRecordedAndHonoured(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(1))
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		nurse, stranger := as(care.WardNurse, kings), as(care.AENurse, other)
		said := care.Object{RaisedBy: care.ObjectedPerson, How: care.ObjectedSpoken, Words: "Not the hospital"}
		s.refused(s.RecordObjection(s.ctx(), stranger, id, said), care.Forbidden, "")
		s.refused(s.RecordObjection(s.ctx(), nurse, id, care.Object{}), care.Required, "raisedby")
		if v := s.look4(stranger, asks(nobody(1))); v.Outcome != LookFound {
			t.Fatalf("before: %s", v.Outcome)
		}
		s.must(s.RecordObjection(s.ctx(), nurse, id, said))
		v := s.look4(stranger, asks(nobody(1)))
		if v.Outcome == LookFound {
			t.Errorf("while it stands: %+v", v)
		}
		if v = s.breakIt(stranger, v.Handle); v.Outcome != LookFound {
			t.Errorf("a broken glass overrides it: %+v", v)
		}
		c, err := s.Case(s.ctx(), nurse, id)
		s.must(err)
		if c.Objection == nil || c.Objection.Words != said.Words || c.Objection.OrgName == "" || !slices.ContainsFunc(c.Timeline, func(x TimelineItem) bool { return x.Title == "Objection to sharing recorded" }) {
			t.Errorf("on the case: %+v", c.Objection)
		}
		s.must(s.TakeBackObjection(s.ctx(), as(care.SocialWorker, notts), id, care.TakeBackObjection{RaisedBy: care.ObjectedPerson, How: care.ObjectedPhone, Words: "It is all right"}))
		if v := s.look4(as(care.AENurse, kings), asks(nobody(1))); v.Outcome != LookFound {
			t.Errorf("taken back: %s", v.Outcome)
		}
		if rows := s.history(id); !slices.Contains(rows, "Objected") || !slices.Contains(rows, "ObjectionTakenBack") {
			t.Errorf("history: %v", rows)
		}
	})
}

// TestWhoLookedAtMe is the report for a person.
func TestWhoLookedAtMe(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(1))
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		_, err := s.Case(s.ctx(), as(care.WardNurse, kings), id)
		s.must(err)
		_, err = s.Case(s.ctx(), as(care.Coordinator, other), id)
		s.refused(err, care.Forbidden, "")
		s.look4(as(care.AENurse, other), asks(nobody(1)))
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { // a look at a record that was joined to it since
			c, err := tx.Case(id)
			if err != nil {
				return err
			}
			old, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, s.clock(), care.Started{At: s.clock(), ID: "an-old-record"})
			if err != nil {
				return err
			}
			es, fs := care.Join(c, old, s.clock())
			if _, err := tx.Record(c, care.Cause{Kind: "system"}, s.clock(), es...); err != nil {
				return err
			}
			if _, err := tx.Record(old, care.Cause{Kind: "system"}, s.clock(), fs...); err != nil {
				return err
			}
			return tx.Audit(store.AuditRecord{At: s.clock(), Actor: "u9", Name: "P Invented", Role: care.WardNurse, Org: kings, Action: "openCase", Case: "an-old-record", Allowed: true})
		}))
		lead := as(care.IGLead, kings)
		ask := func(by care.Actor, q ReportRequest) (ReportView, error) {
			handle, err := s.ReportAccess(s.ctx(), by, q)
			if err != nil {
				return ReportView{}, err
			}
			return s.AccessReport(s.ctx(), by, handle, 1)
		}
		r, err := ask(lead, ReportRequest{Number: nobody(1).nhs, Born: nobody(1).birth(), Verified: "seen"})
		s.must(err)
		var denied, byOther, joined bool
		for _, x := range r.Rows {
			denied = denied || !x.Allowed
			byOther = byOther || x.OrgName == "Queen's" && x.Action == "lookup" && slices.Contains(x.Sections, "seePackages") && x.Purpose == "direct-care"
			joined = joined || x.Action == "openCase" && x.Role == care.WardNurse && len(x.Sections) == 0
			if x.Name != "" {
				t.Errorf("a name is shown: %+v", x)
			}
		}
		if r.Case != id || r.Others != 1 || !denied || !byOther || !joined {
			t.Errorf("denied %v, by the other trust %v, of the joined record %v, of %d: %+v", denied, byOther, joined, r.Others, r.Rows)
		}
		named, err := ask(lead, ReportRequest{Case: "an-old-record", Verified: "internal", Names: true})
		s.must(err)
		if named.Case != id || !slices.ContainsFunc(named.Rows, func(x ReportRow) bool { return x.Name == "P Invented" }) || !slices.ContainsFunc(named.Rows, func(x ReportRow) bool { return x.Action == "reportAccess" }) {
			t.Errorf("with names: %+v", named.Rows)
		}
		for name, try := range map[string]func() error{
			"a council that has no part": func() error {
				_, err := ask(as(care.IGLead, city), ReportRequest{Case: id, Verified: "seen"})
				return err
			},
			"nobody's number": func() error {
				_, err := ask(lead, ReportRequest{Number: nobody(9).nhs, Born: nobody(9).birth(), Verified: "seen"})
				return err
			},
			"another date of birth": func() error {
				_, err := ask(lead, ReportRequest{Number: nobody(1).nhs, Born: s.today(s.clock()), Verified: "seen"})
				return err
			},
		} {
			if err := try(); care.KindOf(err) != care.Invalid || !strings.Contains(err.Error(), "Nobody is known by these details") {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = ask(lead, ReportRequest{Case: id})
		s.refused(err, care.Required, "verified")
		_, err = ask(as(care.Coordinator, kings), ReportRequest{Case: id, Verified: "seen"})
		s.refused(err, care.Forbidden, "")
		if _, err := ask(as(care.IGLead, system), ReportRequest{Case: id, Verified: "seen"}); err != nil {
			t.Errorf("the system's lead: %v", err)
		}
		_, err = s.AccessReport(s.ctx(), as(care.IGLead, notts), r.Handle, 1)
		s.refused(err, care.NotFound, "")
	})
}
