package hub

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/money"
	"homeward/nhs"
	"homeward/store"
)

// costs is the finance part of a case as somebody sees it.
func (s *site) costs(by care.Actor, id care.CaseID) *MoneyPart {
	s.Helper()
	v, err := s.Case(s.ctx(), by, id)
	s.must(err)
	return v.Money
}

func (s *site) onDay(t string) nhs.Date {
	s.Helper()
	d, err := nhs.ParseDate(t)
	s.must(err)
	return d
}

// TestMoneyOfACase tells of one person's care: set above a broker's limit, approved by
// a manager, suspended for a stay in hospital, resumed and ended; and what it costs by
// sums done on paper. Hospitals, other councils and whoever else may not know see
// nothing of any of it.
func TestMoneyOfACase(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		broker, manager := as(care.Broker, notts), as(care.TeamManager, notts)
		id := s.admit(nobody(1))
		s.refer(as(care.Coordinator, kings), id)
		before := s.seenByOthers(id)
		s.pass(time.Hour)

		// 28 hours at £25.50 are £714.00 a week, of which the NHS pays a quarter and she £60.
		day := func(d string) nhs.Date { return s.onDay(d) }
		e := care.Element{Kind: "HS", Title: "Four visits a day", ProviderName: "Bluebell Homecare", Unit: care.UnitHour, Rate: 25_50,
			Week:  [7]money.Quantity{4000, 4000, 4000, 4000, 4000, 4000, 4000},
			Start: day("2026-11-26"), Funding: "joint", NHS: 2500, Contribution: 60_00}
		waits, err := s.SetMoney(s.ctx(), broker, id, "form-1", e, time.Time{})
		s.must(err)
		again, err := s.SetMoney(s.ctx(), broker, id, "form-1", e, time.Time{})
		s.must(err)
		p := s.costs(broker, id)
		if !waits || !again || len(p.Elements) != 1 || p.Elements[0].Wants == nil || !p.Elements[0].Mine || p.Approve || p.Bill.Weekly.Total != 0 {
			t.Fatalf("above the broker's limit: waits %v, %+v", waits, p)
		}
		x := p.Elements[0]
		s.refused(s.DecideMoney(s.ctx(), broker, id, x.ID, true, "", x.Changed()), care.Forbidden, "")
		s.waiting(manager, 1)
		s.must(s.DecideMoney(s.ctx(), manager, id, x.ID, true, "Meets the need", x.Changed()))
		s.waiting(manager, 0)
		p = s.costs(manager, id)
		if want := (care.Cost{Total: 714_00, NHS: 178_50, Person: 60_00, Council: 475_50}); p.Elements[0].Weekly != want || p.Bill.Weekly != (care.Cost{}) {
			t.Errorf("a week is %+v, want %+v; before it begins %+v", p.Elements[0].Weekly, want, p.Bill.Weekly)
		}

		// In hospital again from Tuesday 8 to Friday 11 December; ended on Sunday 20.
		s.must(s.StopMoney(s.ctx(), broker, id, x.ID, care.Stop{From: day("2026-12-08"), Why: "In hospital"}))
		s.must(s.StopMoney(s.ctx(), broker, id, x.ID, care.Stop{To: day("2026-12-11")}))
		s.must(s.EndMoney(s.ctx(), broker, id, x.ID, day("2026-12-20"), "Moved to a care home"))
		s.set(time.Date(2026, 12, 23, 12, 0, 0, 0, time.UTC))
		// Thu 26 Nov to Sun: 4 days; a whole week; Mon, Sat and Sun: 3 days; a whole week. A day is £102.
		// NHS: a quarter of 408, 714, 306, 714. She: 60 x 4/7 = 34.28, 60, 60 x 3/7 = 25.71, 60.
		want := care.Cost{Total: 2142_00, NHS: 535_50, Person: 179_99, Council: 1426_51}
		if p = s.costs(manager, id); p.Bill.ToDate != want || p.Bill.Ahead != (care.Cost{}) {
			t.Errorf("in all %+v, want %+v; ahead %+v", p.Bill.ToDate, want, p.Bill.Ahead)
		}
		var did []care.ElementDid
		for _, c := range slices.Backward(p.History) {
			did = append(did, c.Did)
		}
		if !slices.Equal(did, []care.ElementDid{care.ElementSet, care.ElementDidApprove, care.ElementDidSuspend, care.ElementDidResume, care.ElementDidEnd}) {
			t.Errorf("history %v", did)
		}
		rows := s.audits(func() {
			_, err := s.ExportMoney(s.ctx(), broker, id)
			s.must(err)
		})
		if len(rows) != 1 || rows[0].Outcome != "exported" || !rows[0].Allowed {
			t.Errorf("the file is audited as %+v", rows)
		}
		s.set(morning.Add(time.Hour))
		if after := s.seenByOthers(id); after != before {
			t.Errorf("others see that money was set:\n%s\nwas\n%s", after, before)
		}
		s.othersTryMoney(id, x)
	})
}

// waiting wants n costs on the list of those that wait.
func (s *site) waiting(by care.Actor, n int) {
	s.Helper()
	l, err := s.MoneyWaiting(s.ctx(), by)
	s.must(err)
	if len(l.Rows) != n || n > 0 && (!l.Rows[0].Approve || l.Rows[0].Mine || l.Rows[0].Name.Family == "") {
		s.Fatalf("waiting: %+v", l.Rows)
	}
}

// seenByOthers is what a case tells those who may not know of money.
func (s *site) seenByOthers(id care.CaseID) string {
	s.Helper()
	var out strings.Builder
	for _, by := range []care.Actor{as(care.Coordinator, kings), as(care.WardNurse, kings), as(care.TeamManager, city), as(care.SocialWorker, city)} {
		v, err := s.Case(s.ctx(), by, id)
		if err != nil {
			out.WriteString(string(care.KindOf(err)) + "\n")
			continue
		}
		if v.Money != nil {
			s.Errorf("%s is shown money", by.ID)
		}
		for _, t := range v.Timeline {
			out.WriteString(t.Kind + " " + t.Title + " " + t.Text + "\n")
			if t.Kind == "money" {
				s.Errorf("%s is shown %q", by.ID, t.Title)
			}
		}
		out.WriteString(v.Row.Row.Updated.Format(time.RFC3339) + "\n")
	}
	return out.String()
}

// othersTryMoney has those who may not try every way to money.
func (s *site) othersTryMoney(id care.CaseID, x ElementView) {
	s.Helper()
	for _, by := range []care.Actor{as(care.Coordinator, kings), as(care.WardNurse, kings), as(care.TeamManager, city), as(care.Broker, city),
		{ID: "provider", Role: care.CareProvider, Org: "V1", OrgKind: care.ProviderOrg}} {
		_, err := s.SetMoney(s.ctx(), by, id, "k", x.Element, time.Time{})
		_, file := s.ExportMoney(s.ctx(), by, id)
		for _, err := range []error{err, file, s.DecideMoney(s.ctx(), by, id, x.ID, true, "", x.Changed()), s.StopMoney(s.ctx(), by, id, x.ID, care.Stop{From: x.Start}),
			s.EndMoney(s.ctx(), by, id, x.ID, x.Start, "why")} {
			s.refused(err, care.Forbidden, "")
		}
		if l, err := s.MoneyWaiting(s.ctx(), by); err == nil && len(l.Rows) > 0 || err != nil && care.KindOf(err) != care.Forbidden {
			s.Errorf("%s: waiting %+v, %v", by.ID, l.Rows, err)
		}
	}
}

// TestLimitsOfApproval says whose limit counts: the council's own before the site's, and
// of the panel's none.
func TestLimitsOfApproval(t *testing.T) {
	s := newSite(t, "sqlite", func(c *Config, _ *store.Config) {
		c.Money = DefaultMoney()
		c.Money.Councils = map[nhs.ODS]map[care.Role]money.Amount{notts: {care.Broker: 800_00}}
		c.Money.Panel = map[nhs.ODS][]string{notts: {"chair"}}
	})
	chair := as(care.TeamManager, notts)
	chair.ID = "chair-1"
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		return tx.PutUser(care.Account{ID: chair.ID, Login: "chair", Name: "P Chair", Grants: []care.Grant{{Role: care.TeamManager, Org: notts}}, Hash: "x"})
	}))
	id := s.admit(nobody(1))
	s.refer(as(care.Coordinator, kings), id)
	set := func(by care.Actor, key string, rate money.Amount) ElementView {
		t.Helper()
		_, err := s.SetMoney(s.ctx(), by, id, key, care.Element{Kind: "LTRC", Unit: care.UnitOnce, Count: money.One, Rate: rate, Start: s.onDay("2026-11-26"), Funding: "council"}, time.Time{})
		s.must(err)
		p := s.costs(by, id)
		return p.Elements[slices.IndexFunc(p.Elements, func(e ElementView) bool { return e.Rate == rate })]
	}
	broker, manager := as(care.Broker, notts), as(care.TeamManager, notts)
	for _, x := range []struct {
		by    care.Actor
		rate  money.Amount
		state care.ElementState
	}{{broker, 800_00, care.ElementApproved}, {broker, 800_01, care.ElementWaiting}, {manager, 2000_00, care.ElementApproved},
		{as(care.SocialWorker, notts), 1, care.ElementWaiting}, {broker, 90_000_00, care.ElementWaiting}, {manager, 2000_01, care.ElementWaiting}} {
		if e := set(x.by, string(x.by.ID), x.rate); e.State != x.state {
			t.Errorf("%v by %s is %s, want %s", x.rate, x.by.ID, e.State, x.state)
		}
	}
	large := set(broker, "large", 80_000_00)
	s.refused(s.DecideMoney(s.ctx(), manager, id, large.ID, true, "", large.Changed()), care.BusinessRule, "")
	s.must(s.DecideMoney(s.ctx(), chair, id, large.ID, true, "The panel agreed", large.Changed()))
	if p := s.costs(chair, id); !p.AnySum {
		t.Error("the panel has a limit")
	}
	// Of a provider of the directory the cost stands still while its care does.
	agreed := care.Client{ID: "k", Council: notts, Provider: "p7", ProviderName: "Bluebell", Hospital: kings, Told: s.clock(), Suspended: s.clock().AddDate(0, 0, 9)}
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		c, err := tx.Case(id)
		if err != nil {
			return err
		}
		_, err = tx.Record(c, care.Cause{Kind: "system"}, s.clock(), care.ClientChanged{At: s.clock(), Did: care.ClientSuspended, Client: agreed})
		return errors.Join(err, tx.PutProviders(care.Provider{Council: notts, ID: "p7", Name: "Bluebell"}))
	}))
	_, err := s.SetMoney(s.ctx(), broker, id, "bluebell", care.Element{Kind: "HS", ProviderName: "BLUEBELL", Unit: care.UnitWeek, Count: money.One, Rate: 70_00, Start: s.onDay("2026-11-26"), Funding: "council"}, time.Time{})
	s.must(err)
	all := s.costs(broker, id).Elements
	if i := slices.IndexFunc(all, func(e ElementView) bool { return e.Provider == "p7" }); i < 0 {
		t.Error("a provider of the directory is not found by its name")
	} else if e := all[i]; len(e.Stops) != 1 || e.Stops[0].From != s.onDay("2026-12-04") || e.Ahead.Total != 80_00 { // eight days of seven
		t.Errorf("while the provider's care stands still: %+v, ahead %v", e.Stops, e.Ahead.Total)
	}
	mine := set(chair, "mine", 5_000_00)
	s.refused(s.DecideMoney(s.ctx(), chair, id, mine.ID, true, "", mine.Changed()), care.BusinessRule, "")
}
