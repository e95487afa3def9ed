package hub

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
)

// TestHoldAndTransfer is a referral that waits, goes on, and goes to the council that
// is responsible, as the hospital and both councils see it.
func TestHoldAndTransfer(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		id, ward := s.admit(p), as(care.Coordinator, kings)
		ref := s.refer(ward, id).Referral.ID
		county, town := as(care.TeamManager, notts), as(care.TeamManager, city)
		s.must(s.Accept(s.ctx(), county, id, ref))
		until := nhs.DateOf(s.clock().AddDate(0, 0, 2))

		s.refused(s.HoldReferral(s.ctx(), county, id, ref, "the weather", "", until), care.Required, "why")
		s.refused(s.HoldReferral(s.ctx(), ward, id, ref, "illness", "", until), care.Forbidden, "")
		s.must(s.HoldReferral(s.ctx(), county, id, ref, "illness", "Chest infection.", until))
		a, b := s.open(ward, id), s.open(county, id)
		x, y := a.Current(), b.Current()
		if x.Referral.State != care.RefOnHold || x.With != y.With || x.Referral.Holder != y.Referral.Holder || x.Referral.Hold.Why != "illness" || a.Row.Stage != "on-hold" {
			t.Fatalf("the sides see %s with %q, and %q", x.Referral.State, x.With, y.With)
		}
		if !strings.Contains(x.With, "County") && x.With == "" {
			t.Errorf("it is with %q", x.With)
		}
		s.pass(time.Hour)
		s.must(s.ResumeReferral(s.ctx(), county, id, ref))
		if r := s.open(ward, id).Current().Referral; r.State != care.RefAccepted || r.Hold != nil {
			t.Fatalf("it goes on as %s", r.State)
		}

		s.refused(s.TransferReferral(s.ctx(), county, id, ref, kings, "x"), care.Invalid, "to")
		s.refused(s.TransferReferral(s.ctx(), ward, id, ref, city, "x"), care.Forbidden, "")
		s.refused(s.TransferReferral(s.ctx(), county, id, ref, city, " "), care.Required, "whyText")
		s.must(s.TransferReferral(s.ctx(), county, id, ref, city, "Lives in the city."))
		theirs := s.open(ward, id)
		if len(theirs.Referrals) != 2 || theirs.Current().Referral.To != city || theirs.Current().Referral.Prev != ref || theirs.Current().Referral.State != care.RefReceived {
			t.Fatalf("the hospital sees %+v", theirs.Current().Referral)
		}
		s.must(s.Accept(s.ctx(), town, id, theirs.Current().Referral.ID))
		// Whoever gave it away sees that, and nothing of what another council does.
		gave := s.open(county, id)
		doc, err := json.Marshal(gave)
		s.must(err)
		if len(gave.Referrals) != 1 || gave.Referrals[0].Referral.State != care.RefTransferred || gave.Row.Row.State != care.RefTransferred || strings.Contains(string(doc), `"to":"`+string(city)) {
			t.Errorf("the council that gave it away sees %d referrals, and a row in %s", len(gave.Referrals), gave.Row.Row.State)
		}
		got := s.open(town, id)
		if len(got.Referrals) != 1 || got.Referrals[0].Referral.State != care.RefAccepted {
			t.Errorf("the council that got it sees %d referrals", len(got.Referrals))
		}
		if l, err := s.List(s.ctx(), county, ListQuery{Scope: ScopeWorklist}); err != nil || len(l.Rows) != 0 {
			t.Errorf("it is still on the worklist of whoever gave it away: %d, %v", len(l.Rows), err)
		}
		if l, err := s.List(s.ctx(), town, ListQuery{Scope: ScopeWorklist}); err != nil || len(l.Rows) != 1 {
			t.Errorf("it is not on the worklist of whoever got it: %d, %v", len(l.Rows), err)
		}
		spells := theirs.Referrals[0].Spells
		if held := care.Held(spells); len(spells) < 4 || held[notts] != theirs.Referrals[0].Referral.Ended.Sub(theirs.Referrals[0].Referral.Sent) {
			t.Errorf("the spells of the first: %+v", spells)
		}
		if n := len(theirs.Current().Spells); n == 0 || !theirs.Current().Spells[n-1].To.IsZero() {
			t.Error("a spell that lasts has an end")
		}
	})
}

// A referral goes only to a council to which its hospital sends referrals.
func TestTransferNeedsTheHospitalsAgreement(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(1))
		ref := s.refer(as(care.Coordinator, kings), id).Referral.ID
		only := everything()
		only.Flows = slices.DeleteFunc(only.Flows, func(f sharing.Flow) bool { return f.From == kings && f.To == city })
		only.Version++
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutAgreement(only) }))
		rows := s.audits(func() {
			s.refused(s.TransferReferral(s.ctx(), as(care.TeamManager, notts), id, ref, city, "Lives there."), care.BusinessRule, "to")
		})
		if len(rows) != 1 || rows[0].Outcome != "refused: no agreement" {
			t.Errorf("audited as %+v", rows)
		}
		if r := s.read(id).Referrals; len(r) != 1 || r[0].State != care.RefReceived {
			t.Error("it went all the same")
		}
	})
}

// Criteria to reside are the hospital's to say, and the ward's list shows them at once.
func TestCriteriaOnTheWardList(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id, nurse := s.admit(nobody(1)), as(care.WardNurse, kings)
		q := ListQuery{Scope: ScopeWard, Ward: "W12"}
		v, err := s.List(s.ctx(), nurse, q)
		s.must(err)
		w, err := s.Watch(s.ctx(), nurse, q, v.Seq)
		s.must(err)
		s.pass(time.Minute)
		s.must(s.SayCriteria(s.ctx(), nurse, id, []string{"04"}))
		u := s.next(w)
		if len(u.Changes) != 1 || u.Changes[0].Row.Row.Criteria == nil || !slices.Equal(u.Changes[0].Row.Row.Criteria.Codes, []string{"04"}) {
			t.Fatalf("told as %+v", u.Changes)
		}
		if c := s.open(nurse, id); !c.May[policy.SayReady] || len(c.Stay.Criteria) != 1 || c.Stay.Fit != "" || len(c.Stay.Ready) != 0 {
			t.Errorf("the stay is %+v", c.Stay)
		}
		s.refused(s.SayCriteria(s.ctx(), as(care.WardNurse, other), id, nil), care.Forbidden, "")
		s.refused(s.SayCriteria(s.ctx(), as(care.TeamManager, notts), id, nil), care.Forbidden, "")
		s.refused(s.SayCriteria(s.ctx(), nurse, id, []string{"99"}), care.Invalid, "codes")
	})
}

func TestDraftIsThrownAway(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id, ward := s.admit(nobody(1)), as(care.Coordinator, kings)
		d, err := s.StartReferral(s.ctx(), ward, id)
		s.must(err)
		_, err = s.SaveDraft(s.ctx(), ward, id, ReferralForm, answers())
		s.must(err)
		s.must(s.DiscardDraft(s.ctx(), ward, id))
		again, err := s.StartReferral(s.ctx(), ward, id)
		s.must(err)
		if again.Key == d.Key || again.Answers.Get("care_needs") != "" {
			t.Error("the draft is still there")
		}
		s.refused(s.DiscardDraft(s.ctx(), as(care.TeamManager, notts), id), care.Forbidden, "")
	})
}
