package hub

import (
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/store"
)

// figureOf is the total of a measure on the days of a range.
func (s *site) figureOf(m measure.ID, from, to string, by measure.Dim) FigureView {
	s.Helper()
	vs, err := s.Figures(s.ctx(), as(care.TeamManager, notts), FigureQuery{Measure: m, From: on(from), To: on(to), By: by})
	s.must(err)
	return vs[0]
}

// What no history gives is counted, and once.
func TestLooksAndLoads(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		t.Run("look-ups", func(t *testing.T) { lookUpsAreCounted(t, s) })
		t.Run("loads", func(t *testing.T) { loadsAreCountedOnceADay(t, s) })
	})
}

// The look-ups of a hospital that found care are counted once, whoever counts and
// however often; those that found nothing, or were a council's, are not.
func lookUpsAreCounted(t *testing.T, s *site) {
	s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
	day := s.today(s.clock()).String()
	count := func() int {
		n, err := s.CountLooks(s.ctx())
		s.must(err)
		return n
	}
	for range 2 {
		s.look4(as(care.AENurse, kings), asks(nobody(1)))
	}
	s.look4(as(care.AENurse, kings), asks(nobody(9)))      // nobody
	s.look4(as(care.SocialWorker, notts), asks(nobody(1))) // a council's own
	if n := count(); n != 4 {
		t.Errorf("went through %d look-ups, want 4", n)
	}
	if n := count(); n != 0 {
		t.Errorf("went through %d again", n)
	}
	s.look4(as(care.AENurse, kings), asks(nobody(1)))
	count()
	if v := s.figureOf("lookups", day, day, measure.ByHospital); !v.Total.Few || !v.Groups[0].Few {
		t.Errorf("3 look-ups of a hospital are shown to a council: %+v", v.Groups)
	}
	vs, err := s.Figures(s.ctx(), as(care.Coordinator, kings), FigureQuery{Measure: "lookups", From: on(day), To: on(day), By: measure.ByHospital})
	s.must(err)
	v := vs[0]
	if v.Total.Value != 3 || len(v.Groups) != 1 || v.Groups[0].Key != string(kings) {
		t.Errorf("counted %v by %+v, want 3 of one hospital", v.Total.Value, v.Groups)
	}
	timeSavedIsAssumed(t, s, day)
	if err := (outsideWork{before: "0", after: "1"}).keep(s.ctx(), s.Hub, looksCursor); err != nil { // as a process that was slower would
		t.Error(err)
	}
	if count() != 0 {
		t.Error("who was slower moved the cursor")
	}
}

// Time saved is look-ups times minutes that are assumed: as it comes, as it is set by
// whoever manages figures, and with who set it and why.
func timeSavedIsAssumed(t *testing.T, s *site, day string) {
	twenty, much := int64(20), int64(24*60+1)
	shown := func(want float64, minutes int64) FigureAssumption {
		v := s.figureOf("time-lookups", day, day, "")
		if v.Total.Value != want || len(v.Assumes) != 1 || v.Assumes[0].Minutes != minutes {
			t.Errorf("%v minutes saved by %+v, want %v by %d each", v.Total.Value, v.Assumes, want, minutes)
		}
		return v.Assumes[0]
	}
	p := nobody(3)
	s.refer(as(care.Coordinator, kings), s.admit(p))
	s.pass(time.Minute)
	s.hear("kmh", says{event: "A03", p: p, ward: "W12/4", visit: "V" + p.mrn, more: map[string]string{"PV1-45": s.clock().In(s.Zone).Format("20060102150405")}}) // what its hospital's system told was passed on by itself
	s.measured()
	looks, changes := s.figureOf("time-lookups", day, day, ""), s.figureOf("time-changes", day, day, "")
	if changes.Total.Value == 0 || looks.Together == nil || changes.Together == nil || looks.Together.Value != 45+changes.Total.Value || changes.Together.Value != looks.Together.Value {
		t.Errorf("%v by look-ups and %v by changes are together %+v and %+v", looks.Total.Value, changes.Total.Value, looks.Together, changes.Together)
	}
	for place, want := range map[measure.Dim]bool{measure.ByHospital: true, measure.ByCouncil: false} { // look-ups are of no council
		v, err := s.Figures(s.ctx(), as(care.Coordinator, kings), FigureQuery{Measure: "time-changes", From: on(day), To: on(day), Where: map[measure.Dim]string{place: map[measure.Dim]string{measure.ByHospital: string(kings), measure.ByCouncil: string(notts)}[place]}})
		if s.must(err); (v[0].Together != nil) != want {
			t.Errorf("by %s: together %+v", place, v[0].Together)
		}
	}
	a := shown(45, 15)
	set := func(by care.Role, version int64, minutes *int64, why string) error {
		return s.SetAssumption(s.ctx(), as(by, notts), a.ID, version, minutes, why)
	}
	s.refused(set(care.SocialWorker, a.Version, &twenty, "Timed in a week"), care.Forbidden, "")
	s.refused(set(care.TeamManager, a.Version, &much, "Timed in a week"), care.Invalid, "minutes")
	s.refused(set(care.TeamManager, a.Version, &twenty, ""), care.Required, "why")
	rows := s.audits(func() { s.must(set(care.TeamManager, a.Version, &twenty, "Timed in a week")) })
	if len(rows) != 1 || !strings.Contains(rows[0].Outcome, "20 minutes") {
		t.Errorf("audited %+v", rows)
	}
	was := a.Version
	if a = shown(60, 20); a.Why != "Timed in a week" || a.Default != 15 || len(a.Set) != 1 || a.Set[0].By.ID == "" {
		t.Errorf("shown as %+v", a)
	}
	s.refused(set(care.TeamManager, was, &twenty, "Timed in a week"), care.Conflict, "")
	s.must(set(care.TeamManager, a.Version, nil, "Back to how it comes"))
	shown(45, 15)
}

// Once a day it is counted how many open referrals each worker has and how many
// notifications each person got the day before; nobody is named.
func loadsAreCountedOnceADay(t *testing.T, s *site) {
	s.set(at("2026-03-02 09:00"))
	for i, worker := range []care.ActorID{"w1", "w1", "w2"} {
		id := care.CaseID([]string{"a", "b", "c"}[i])
		r := care.Referral{ID: care.ReferralID(id) + "-r", From: kings, To: notts, State: care.RefSent, Sent: at("2026-03-01 10:00"), Watching: true, Holder: care.Holder{Org: notts}}
		s.lived(id, care.ReferralSent{At: at("2026-03-01 10:00"), Referral: r},
			care.ReferralAllocated{At: at("2026-03-01 11:00"), ID: r.ID, Worker: care.Who{ID: worker, Org: notts}, Holder: care.Holder{Org: notts, Who: care.Who{ID: worker, Org: notts}}})
	}
	notify := func(owner, when string, n int) {
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			for range n {
				if _, err := tx.PutRecord(store.Record{Kind: recordNotice, Org: string(notts), ID: newID(), Owner: owner, State: noticeUnread, At: at(when), Doc: []byte(`{}`)}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	notify("w1", "2026-03-01 23:59", 4)
	notify("w2", "2026-03-01 00:00", 1)
	notify("w1", "2026-03-02 00:00", 9) // today is not over
	for range 2 {
		s.must(s.CountLoads(s.ctx()))
	}
	for _, x := range []struct {
		m    measure.ID
		want float64
		over int64
	}{{"workload", 1, 2}, {"workload-most", 2, 2}, {"notices", 1, 2}, {"notices-90", 4, 2}} {
		if v := s.figureOf(x.m, "2026-03-01", "2026-03-02", measure.ByCouncil); v.Total.Value != x.want || v.Total.Over != x.over || len(v.Groups) != 1 {
			t.Errorf("%s is %v of %d, want %v of %d", x.m, v.Total.Value, v.Total.Over, x.want, x.over)
		}
	}
	b, err := s.Behind(s.ctx(), as(care.TeamManager, notts), FigureQuery{Measure: "workload", From: on("2026-03-01"), To: on("2026-03-02")}, 1)
	if s.must(err); len(b.Rows) > 0 || !b.Others {
		t.Errorf("whom a count of workers counts: %+v", b)
	}
	s.pass(3 * 24 * time.Hour) // nobody served for some days: notifications are counted later
	s.must(s.CountLoads(s.ctx()))
	if v := s.figureOf("notices", "2026-03-02", "2026-03-04", ""); v.Total.Over != 1 || v.Total.Value != 9 {
		t.Errorf("the days after: %v of %d, want 9 of 1", v.Total.Value, v.Total.Over)
	}
}
