package hub

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"homeward/care"
	"homeward/money"
	"homeward/nhs"
	"homeward/policy"
	"homeward/returns"
	"homeward/sharing"
	"homeward/store"
)

// cared is somebody of Nottinghamshire whose reablement began on the day they left.
func cared(n int) []care.Event {
	when := at("2026-03-01 10:00")
	return []care.Event{
		care.Identified{At: when, NHS: nhs.Test(n), Trace: "01"},
		care.PersonTold{At: when, Person: care.Person{Family: "Example", Given: "Invented", Born: on("1940-05-01"), Sex: "Female", GP: "C84001", Address: care.Address{Postcode: "ZZ99 3AA"}, AsAt: when}},
		care.Admitted{At: when, Stay: care.Stay{Visit: "V1", Org: kings, Class: "I", Admitted: when, Where: care.Location{Ward: "W12"}}},
		care.ReferralSent{At: at("2026-03-02 10:00"), Referral: care.Referral{ID: care.ReferralID("r" + nhs.Test(n).Digits()[:4]), Key: "k", Stay: "V1", From: kings, To: notts, Pathway: "1", Form: "d2a", State: care.RefSent,
			Sent: at("2026-03-02 10:00"), Watching: true, Holder: care.Holder{Org: notts, Since: at("2026-03-02 10:00"), Next: "Accept"}}},
		care.BecameReady{At: at("2026-03-02 11:00"), From: at("2026-03-02 11:00")},
		care.Discharged{At: at("2026-03-10 15:00"), Visit: "V1", Org: kings, Leaving: care.Leaving{At: at("2026-03-10 15:00"), Destination: "19"}},
		care.ElementChanged{At: at("2026-03-10 16:00"), Did: care.ElementSet, Element: care.Element{ID: "e1", Council: notts, Kind: "R", Unit: care.UnitHour, Rate: 2000, Week: [7]money.Quantity{1000},
			Start: on("2026-03-10"), State: care.ElementApproved}},
	}
}

func TestReturns(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.set(at("2026-07-02 12:00"))
		s.lived("one", cared(1)...)
		s.lived("two", cared(2)...)
		s.lived("elsewhere", care.Admitted{At: at("2026-03-01 10:00"), Stay: care.Stay{Visit: "V9", Org: other, Class: "I", Admitted: at("2026-03-01 10:00")}},
			care.BecameReady{At: at("2026-03-02 09:00"), From: at("2026-03-02 09:00")})
		s.measured()
		analyst, coordinator := as(care.Analyst, notts), as(care.Coordinator, kings)
		t.Run("the situation report counts one hospital", func(t *testing.T) { s.sitrepCounts(t, coordinator) })
		t.Run("client level data is made, kept and compared", func(t *testing.T) { s.clientLevelKept(t, analyst) })
		t.Run("who may", func(t *testing.T) { s.whoMakes(t, analyst, coordinator) })
		t.Run("who is erased is in no file", func(t *testing.T) { s.erasedRows(t, analyst) })
	})
}

func metricOf(t testing.TB, m MadeReturn, name string) float64 {
	t.Helper()
	for _, x := range m.Metrics {
		if x.Name == name {
			return x.Value
		}
	}
	t.Errorf("there is no %q in %+v", name, m.Metrics)
	return -1
}

func (s *site) sitrepCounts(t testing.TB, coordinator care.Actor) {
	v, err := s.Return(s.ctx(), coordinator, returns.Acute, "2026-03")
	s.must(err)
	// Each of two was ready on the 2nd at 11:00 and left on the 10th at 15:00: on the
	// snapshots of the 3rd to the 10th, of which 7 nights or more since the 1st: 8th on.
	for name, want := range map[string]float64{"People not meeting the criteria to reside": 16, "Of those, discharged that day": 2, "Of those, remained in hospital": 14,
		"Discharges by destination: P1 - Domestic home with reablement support":                                          2,
		"Awaiting confirmation from community hub/single point of access that referral received and actioned: 7 or more": 4} {
		if got := metricOf(t, v.Sum, name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	made, err := s.MakeReturn(s.ctx(), coordinator, returns.Acute, "2026-03")
	s.must(err)
	f, err := s.ReturnFile(s.ctx(), coordinator, returns.Acute, made.Name)
	s.must(err)
	rows, err := csv.NewReader(strings.NewReader(string(f.Body))).ReadAll()
	if err != nil || len(rows) != made.Rows+1 || rows[1][4] != string(kings) || made.Digest != v.Sum.Digest {
		t.Errorf("%d rows of %d: %v", len(rows), made.Rows, err)
	}
}

func (s *site) clientLevelKept(t testing.TB, analyst care.Actor) {
	first, err := s.MakeReturn(s.ctx(), analyst, returns.CLD, "2026-Q1")
	s.must(err)
	f, err := s.ReturnFile(s.ctx(), analyst, returns.CLD, first.Name)
	s.must(err)
	body := string(f.Body)
	if first.Rows != 2 || f.Erased != 0 || !strings.Contains(body, nhs.Test(1).Digits()) || !strings.Contains(body, nhs.Test(2).Digits()) || !strings.Contains(body, "Short term support: ST-Max") {
		t.Errorf("%d rows, %d erased, or somebody is missing", first.Rows, f.Erased)
	}
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		c, err := tx.Case("two")
		if err != nil {
			return err
		}
		_, err = tx.Record(c, care.Cause{Kind: "system"}, s.clock(), care.ReferralAccepted{At: at("2026-03-05 10:00"), ID: c.Referrals[0].ID, By: care.Who{ID: "w", Org: notts}})
		return err
	}))
	v, err := s.Return(s.ctx(), analyst, returns.CLD, "2026-Q1")
	s.must(err)
	changed := map[string]float64{}
	for _, d := range v.Sum.Since(v.Before[0]) {
		if d.Was.Value != d.Now.Value {
			changed[d.Name] = d.Now.Value - d.Was.Value
		}
	}
	if changed["Request rows"] != 1 || changed["Service rows"] != 0 {
		t.Errorf("since the last: %v", changed)
	}
	// As it was: what came since is not in the file that was made.
	again, err := s.ReturnFile(s.ctx(), analyst, returns.CLD, first.Name)
	s.must(err)
	if string(again.Body) != body || again.Digest != first.Digest {
		t.Error("the file is another than the one that was made")
	}
	i := slices.IndexFunc(v.Groups, func(p ReturnProblem) bool { return p.Field == "LA_Person_Unique_Identifier" })
	if i < 0 || v.Groups[i].N != 3 {
		t.Fatalf("nobody has a number of the council's, and that is not said: %+v", v.Groups)
	}
	// An analyst sees figures and no people; their manager opens the case.
	if g := v.Groups[i]; len(g.Cases) != 0 || !g.Others {
		t.Errorf("an analyst is led to %v", g.Cases)
	}
	v, err = s.Return(s.ctx(), as(care.TeamManager, notts), returns.CLD, "2026-Q1")
	s.must(err)
	if g := v.Groups[i]; len(g.Cases) != 2 || g.Others {
		t.Errorf("a manager is led to %v", g.Cases)
	}
	// Rows with names are kept of the last two only.
	for range 2 {
		s.pass(1e9)
		_, err := s.MakeReturn(s.ctx(), analyst, returns.CLD, "2026-Q1")
		s.must(err)
	}
	_, err = s.ReturnFile(s.ctx(), analyst, returns.CLD, first.Name)
	s.refused(err, care.NotFound, "")
	lines, err := s.Returns(s.ctx(), analyst)
	s.must(err)
	if len(lines) != 3 || lines[0].Def.ID != returns.CLD || lines[0].Last == nil || lines[0].Next.Name != "2026-Q2" || lines[0].Done {
		t.Errorf("%+v", lines)
	}
}

func (s *site) whoMakes(t testing.TB, analyst, coordinator care.Actor) {
	for _, x := range []struct {
		by     care.Actor
		id     returns.ID
		period string
		kind   care.Kind
	}{
		{as(care.SocialWorker, notts), returns.CLD, "2026-Q1", care.Forbidden}, {coordinator, returns.CLD, "2026-Q1", care.NotFound}, {analyst, returns.Acute, "2026-03", care.NotFound},
		{analyst, "none", "", care.NotFound}, {analyst, returns.CLD, "2026-Q3", care.Invalid}, {analyst, returns.CLD, "whenever", care.Invalid},
	} {
		_, err := s.Return(s.ctx(), x.by, x.id, x.period)
		s.refused(err, x.kind, "")
		_, err = s.MakeReturn(s.ctx(), x.by, x.id, x.period)
		s.refused(err, x.kind, "")
	}
	made, err := s.MakeReturn(s.ctx(), as(care.TeamManager, notts), returns.ASCOF, "2026-Q1")
	s.must(err)
	if got := metricOf(t, made, "Linked to a discharge, 65 and over"); got != 2 {
		t.Errorf("%v are linked", got)
	}
	s.sharesNothing(t, func() {
		v, err := s.Return(s.ctx(), analyst, returns.ASCOF, "2026-Q1")
		if s.must(err); metricOf(t, v.Sum, "Starts of ST-Max") != 2 || metricOf(t, v.Sum, "Linked to a discharge") != 0 {
			t.Errorf("stays of a hospital that shares nothing are in the council's list: %+v", v.Sum.Metrics)
		}
	})
	_, err = s.ReturnFile(s.ctx(), as(care.Analyst, city), returns.ASCOF, made.Name)
	s.refused(err, care.NotFound, "")
	_, err = s.ReturnFile(s.ctx(), analyst, returns.CLD, made.Name) // of another return
	s.refused(err, care.NotFound, "")
	theirs, err := s.MakeReturn(s.ctx(), as(care.Analyst, city), returns.CLD, "2026-Q1")
	s.must(err)
	if theirs.Rows != 0 {
		t.Errorf("another council's return has %d rows of these people", theirs.Rows)
	}
	fund, err := s.Return(s.ctx(), analyst, returns.BCF, "2026-03")
	s.must(err)
	if got := metricOf(t, fund.Sum, "Average days of all"); got != 8 {
		t.Errorf("the average delay is %v, want 8", got)
	}
	s.view(func(tx *store.Tx) error {
		as, err := tx.Audits(store.AuditFilter{Limit: 100})
		n := 0
		for _, a := range as {
			if a.Action == string(policy.MakeReturns) {
				n++
			}
		}
		if n < 8 {
			t.Errorf("%d looks are audited", n)
		}
		return err
	})
}

// sharesNothing is a time without any agreement.
func (s *site) sharesNothing(t testing.TB, during func()) {
	t.Helper()
	put := func(a sharing.Agreement) {
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutAgreement(a) }))
	}
	a := everything()
	a.Version, a.Flows = 2, a.Flows[len(a.Flows)-1:]
	put(a)
	b := everything()
	b.Version = 3
	defer put(b)
	during()
}

func (s *site) erasedRows(t testing.TB, analyst care.Actor) {
	made, err := s.MakeReturn(s.ctx(), analyst, returns.CLD, "2026-Q1")
	s.must(err)
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		_, err := tx.EraseCase(store.Erasure{Case: "two", At: s.clock()})
		return err
	}))
	f, err := s.ReturnFile(s.ctx(), analyst, returns.CLD, made.Name)
	s.must(err)
	if body := string(f.Body); f.Erased != 2 || strings.Contains(body, nhs.Test(2).Digits()) || !strings.Contains(body, nhs.Test(1).Digits()) {
		t.Errorf("%d rows are gone", f.Erased)
	}
}
