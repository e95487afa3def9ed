package hub

import (
	"slices"
	"testing"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// What is to be put right is counted for all, by feed and ward, and whose it is only for
// who may know each of them; it is counted once it is due, and no more once it is mended.
func TestQuality(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.set(at("2026-03-20 12:00"))
		stay := func(org nhs.ODS, visit, admitted string) care.Event {
			return care.Admitted{At: at(admitted), Stay: care.Stay{Visit: visit, Org: org, Source: "kings", Class: "I", Admitted: at(admitted), Where: care.Location{Ward: "W12", Name: "Ward 12"}}}
		}
		told := func(when string, n int) care.Event {
			return care.PersonTold{At: at(when), Person: care.Person{Family: "Example", Given: "Ann", Born: nhs.Date{Year: 1940, Month: 5, Day: n}, Address: care.Address{Postcode: "NG1 1AA"}}}
		}
		mended := care.ExpectedChanged{At: at("2026-03-19 09:00"), Expected: care.Expected{Date: nhs.Date{Year: 2026, Month: 3, Day: 28}, Said: at("2026-03-19 09:00")}}
		number := func(when string, n int) care.Event {
			return care.Identified{At: at(when), NHS: nhs.Test(n), Trace: "01"}
		}
		s.lived("old", stay(kings, "V1", "2026-03-10 10:00"), told("2026-03-10 10:00", 1), number("2026-03-10 10:00", 1))
		s.lived("new", stay(kings, "V2", "2026-03-20 09:00"), told("2026-03-20 09:00", 2), number("2026-03-20 09:00", 2))
		s.lived("put-right", stay(kings, "V3", "2026-03-10 11:00"), told("2026-03-10 11:00", 3), number("2026-03-10 11:00", 3), mended)
		s.lived("elsewhere", stay(other, "V4", "2026-03-10 12:00"), told("2026-03-10 12:00", 4), number("2026-03-10 12:00", 4))
		s.measured()

		ward := as(care.WardNurse, kings)
		v, err := s.Quality(s.ctx(), ward)
		s.must(err)
		if len(v.Findings) != 1 || v.Findings[0].Code != "expected-missing" || v.Findings[0].Amount != (Amount{Own: 1, Others: 1}) || v.Findings[0].Say() != "2 to 5" {
			t.Errorf("to put right: %+v", v.Findings)
		}
		if len(v.Wards) != 2 || v.Wards[0].Org.ODS != kings || v.Wards[0].Total.Say() != "1" || v.Wards[1].Total.Say() != "fewer than 5" || v.Wards[0].Kinds[measure.Missing].Own != 1 {
			t.Errorf("by ward: %+v", v.Wards)
		}
		if len(v.Feeds) != 2 || len(v.Councils) != 0 || !v.MayList {
			t.Errorf("by feed %+v, by council %+v, may list: %v", v.Feeds, v.Councils, v.MayList)
		}
		week := func(start string) QualityWeek {
			i := slices.IndexFunc(v.Weeks, func(w QualityWeek) bool { return w.Start == on(start) })
			return v.Weeks[i]
		}
		if a, b := week("2026-03-09"), week("2026-03-16"); a.Open != 2 || a.New != 2 || b.Open != 1 || b.Mended != 1 || b.New != 0 {
			t.Errorf("two weeks: %+v, %+v", a, b)
		}

		if got, _ := SayAll(Amount{Own: 2}, Amount{Others: 3}); got != "at least 3" {
			t.Errorf("a whole gives a part away: %q", got)
		}
		if got, _ := SayAll(Amount{Others: 3}, Amount{Others: 1}); got != "at least 2" {
			t.Errorf("a whole gives its parts away: %q", got)
		}

		s.set(at("2026-03-22 12:00")) // a Sunday, whose week is not over
		v, err = s.Quality(s.ctx(), ward)
		s.must(err)
		if b := week("2026-03-16"); b.Open != 2 || b.New != 1 {
			t.Errorf("on a Sunday: %+v", b)
		}
		s.set(at("2026-03-21 10:00")) // a day after the new one came
		list, err := s.QualityPeople(s.ctx(), ward, QualityQuery{Finding: "expected-missing"})
		s.must(err)
		if len(list.Rows) != 2 || list.Rows[0].Case != "new" || list.Rows[1].Case != "old" || list.Rows[1].Place != "Ward 12" {
			t.Errorf("whose: %+v", list.Rows)
		}
		if county, err := s.QualityPeople(s.ctx(), as(care.TeamManager, notts), QualityQuery{}); err != nil || len(county.Rows) != 0 || !county.Others {
			t.Errorf("to a council that has no part in any: %+v, %v", county.Rows, err)
		}
		for _, role := range []care.Role{care.Analyst, care.IGLead, care.Integration} {
			by := as(role, notts)
			_, err := s.Quality(s.ctx(), by)
			s.must(err)
			_, err = s.QualityPeople(s.ctx(), by, QualityQuery{})
			s.refused(err, care.Forbidden, "")
		}
		_, err = s.Quality(s.ctx(), as(care.Broker, notts))
		s.must(err)
		_, err = s.Quality(s.ctx(), as(care.Admin, kings))
		s.refused(err, care.Forbidden, "")
		counts, _, err := s.QualityFile(s.ctx(), as(care.Analyst, notts))
		s.must(err)
		if len(counts) != 5 || slices.ContainsFunc(counts, func(c QualityCount) bool { return !c.Few || c.Count != 0 }) {
			t.Errorf("what leaves: %+v", counts)
		}
		_, _, err = s.QualityFile(s.ctx(), ward)
		s.refused(err, care.Forbidden, "")
		shown := s.audits(func() { _, _ = s.QualityPeople(s.ctx(), ward, QualityQuery{}) })
		if len(shown) != 3 || shown[0].Case != "new" || shown[1].Case != "old" || shown[2].Action != string(policy.SeeQuality) || shown[2].Case != "" {
			t.Errorf("audited: %+v", shown)
		}
	})
}

// A past is measured, and nobody is told of it; recorded again, it is there once.
func TestPast(t *testing.T) {
	s := newSite(t, "sqlite")
	when := s.clock().Add(-90 * 24 * time.Hour).Truncate(time.Minute)
	p := Past{Case: "long-ago", Source: "Kings EPR"}
	for i := range 30 {
		at := when.Add(time.Duration(i) * time.Hour)
		var e care.Event = care.Moved{At: at, To: care.Location{Ward: "W" + string(rune('A'+i))}}
		switch i {
		case 0:
			e = care.Started{At: at, ID: p.Case}
		case 1:
			e = care.Admitted{At: at, Stay: care.Stay{Visit: "V1", Org: kings, Class: "I", Admitted: at}}
		case 29:
			e = care.Discharged{At: at, Visit: "V1", Org: kings, Leaving: care.Leaving{At: at}}
		}
		p.Events, p.Recorded = append(p.Events, e), append(p.Recorded, at)
	}
	s.must(s.RecordPast(s.ctx(), p))
	s.must(s.RecordPast(s.ctx(), p))
	s.view(func(tx *store.Tx) error {
		h, err := tx.History(p.Case)
		if len(h) != 30 || !h[29].Recorded.Equal(p.Recorded[29]) || len(news(h)) != 0 {
			t.Errorf("%d entries, the last %+v", len(h), h[len(h)-1])
		}
		return err
	})
	s.measured()
	v, err := s.Figures(s.ctx(), as(care.Coordinator, kings), FigureQuery{Measure: "delay", From: nhs.DateOf(when), To: nhs.DateOf(when.AddDate(0, 0, 3))})
	s.must(err)
	if v[0].Total.Hist.N() != 1 {
		t.Errorf("the past is not measured: %+v", v[0].Total)
	}
	p.Recorded[3] = when.Add(100 * 24 * time.Hour)
	if err := s.RecordPast(s.ctx(), p); err == nil {
		t.Error("a past that goes back in time was recorded")
	}
}
