package hub

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/pathways"
	"homeward/policy"
)

// accounts makes the council's workers.
func (s *site) accounts() {
	s.Helper()
	for _, a := range []care.Account{
		{ID: "w1", Login: "w1", Name: "A Patel", Grants: []care.Grant{{Role: care.SocialWorker, Org: notts, Team: "T1"}}},
		{ID: "w2", Login: "w2", Name: "B Osei", Grants: []care.Grant{{Role: care.TeamManager, Org: notts}}},
		{ID: "w3", Login: "w3", Name: "C Left", Disabled: true, Grants: []care.Grant{{Role: care.SocialWorker, Org: notts}}},
		{ID: "w4", Login: "w4", Name: "D City", Grants: []care.Grant{{Role: care.SocialWorker, Org: city}}},
	} {
		s.must(s.PutAccount(s.ctx(), a))
	}
}

func TestReferralForm(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		by, p := as(care.Coordinator, kings), nobody(1)
		id := s.admit(p)
		d, err := s.StartReferral(s.ctx(), by, id)
		s.must(err)
		for field, want := range map[string]string{"family": p.family, "nhs": p.nhs.Digits(), "born": "1938-04-02", "ward": "Ward 12", "bed": "4", "postcode": "ZZ99 3AA",
			"gp_code": "C89999", "referrer": by.Name, "fit": "03"} {
			if got := d.Answers.Get(field); got != want {
				t.Errorf("%s is filled with %q, want %q", field, got, want)
			}
		}
		if d.Key == "" || d.Known["stay.ward"].From != "King's Mill EPR" {
			t.Errorf("key %q, ward from %q", d.Key, d.Known["stay.ward"].From)
		}
		again, err := s.StartReferral(s.ctx(), by, id)
		s.must(err)
		if again.Key != d.Key {
			t.Error("the same draft has another key")
		}
		// Missing answers are named, one after another, until it may be sent.
		if _, err := s.Refer(s.ctx(), by, id, d.Key, false); care.KindOf(err) != care.Required {
			t.Errorf("an empty form: %v", err)
		}
		full := answers()
		delete(full, "care_needs")
		_, err = s.SaveDraft(s.ctx(), by, id, ReferralForm, full)
		s.must(err)
		_, err = s.Refer(s.ctx(), by, id, d.Key, false)
		s.refused(err, care.Required, "care_needs")
		if c := s.read(id); len(c.Referrals) != 0 {
			t.Fatal("something was sent")
		}
		// What was typed stays when the ward changes, and the difference is said.
		_, err = s.SaveDraft(s.ctx(), by, id, ReferralForm, form.Answers{"bed": {"4"}, "care_needs": {"Help with washing"}, "no_such_field": {"x"}})
		s.must(err)
		s.hear("kmh", says{event: "A02", p: p, ward: "W31/9", visit: "V" + p.mrn})
		d, err = s.StartReferral(s.ctx(), by, id)
		s.must(err)
		if len(d.Conflicts) != 1 || d.Conflicts[0] != (Conflict{"bed", "4", "9", "King's Mill EPR"}) || d.Answers.Get("ward") != "Ward 31" || len(d.Answers["no_such_field"]) > 0 {
			t.Errorf("conflicts %+v", d.Conflicts)
		}
		// A group whose items are all given is replaced as a whole, and goes with the referral.
		for _, typed := range []form.Answers{
			{"alerts": {}, "alerts.1.alert": {"A dog that bites"}, "alerts.2.alert": {"Oxygen in the home"}, "alerts.1.nothing": {"x"}},
			{"alerts": {}, "alerts.1.alert": {"Oxygen in the home"}},
		} {
			_, err = s.SaveDraft(s.ctx(), by, id, ReferralForm, typed)
			s.must(err)
		}
		d, err = s.StartReferral(s.ctx(), by, id)
		s.must(err)
		if d.Form.Items(d.Answers, "alerts") != 1 || d.Answers.Get("alerts.1.alert") != "Oxygen in the home" || len(d.Answers["alerts.1.nothing"]) > 0 {
			t.Errorf("alerts: %v", d.Answers)
		}
		// Another member of staff has a draft of their own.
		mine, err := s.StartReferral(s.ctx(), as(care.WardNurse, kings), id)
		s.must(err)
		if mine.Key == d.Key || mine.Answers.Get("care_needs") != "" {
			t.Error("two people share a draft")
		}
	})
}

// Sending twice, also at once, is sending once.
func TestSendTwice(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		by, id := as(care.Coordinator, kings), s.admit(nobody(1))
		d, err := s.StartReferral(s.ctx(), by, id)
		s.must(err)
		_, err = s.SaveDraft(s.ctx(), by, id, ReferralForm, answers())
		s.must(err)
		var wg sync.WaitGroup
		got := make([]ReferralView, 8)
		for i := range got {
			wg.Go(func() {
				var err error
				if got[i], err = s.Refer(s.ctx(), by, id, d.Key, false); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		c := s.read(id)
		if len(c.Referrals) != 1 || c.Referrals[0].Pathway != "1" || c.Referrals[0].To != notts {
			t.Fatalf("%d referrals: %+v", len(c.Referrals), c.Referrals)
		}
		for _, r := range got {
			if r.Referral.ID != c.Referrals[0].ID {
				t.Error("a sender was given another referral")
			}
		}
		_, err = s.Refer(s.ctx(), by, id, "", false)
		s.refused(err, care.Required, "key")
		// A new draft is another referral, and that must be meant.
		d, err = s.StartReferral(s.ctx(), by, id)
		s.must(err)
		if d.OpenAlready == nil || d.Key == c.Referrals[0].Key {
			t.Error("the form does not say that there is an open referral")
		}
		_, err = s.SaveDraft(s.ctx(), by, id, ReferralForm, answers())
		s.must(err)
		_, err = s.Refer(s.ctx(), by, id, d.Key, false)
		s.refused(err, care.Duplicate, "")
		if r, err := s.Refer(s.ctx(), by, id, d.Key, true); err != nil || r.Referral.ID == c.Referrals[0].ID {
			t.Errorf("another one: %v", err)
		}
	})
}

func TestUnsettledCouncil(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		by := as(care.Coordinator, kings)
		likely := map[string][]nhs.ODS{"ZZ99 3CC": {notts, city}, "ZZ99 9ZZ": nil, "ZZ99 3DD": {"599"}}
		n := 0
		for post, want := range likely {
			n++
			p := nobody(n)
			p.post = post
			r := s.refer(by, s.admit(p))
			if r.Referral.To != "" || !slices.Equal(r.Referral.Likely, want) || r.Referral.Holder.Org != kings {
				t.Errorf("%s went to %q, likely %v, with %+v", post, r.Referral.To, r.Referral.Likely, r.Referral.Holder)
			}
		}
		v, err := s.List(s.ctx(), by, ListQuery{Scope: ScopeUnsettled})
		s.must(err)
		if len(v.Rows) != 3 || v.Total != 3 {
			t.Fatalf("%d of %d stand on the list", len(v.Rows), v.Total)
		}
		row := v.Rows[0].Row
		s.refused(s.Route(s.ctx(), by, row.Case, row.Referral, kings), care.Invalid, "council")
		s.refused(s.Route(s.ctx(), by, row.Case, row.Referral, "599"), care.Invalid, "council")
		s.refused(s.Route(s.ctx(), as(care.SocialWorker, notts), row.Case, row.Referral, notts), care.Forbidden, "")
		s.must(s.Route(s.ctx(), by, row.Case, row.Referral, notts))
		if v, err = s.List(s.ctx(), by, ListQuery{Scope: ScopeUnsettled}); err != nil || len(v.Rows) != 2 {
			t.Errorf("after routing %d stand on the list", len(v.Rows))
		}
		if v, err = s.List(s.ctx(), as(care.SocialWorker, notts), ListQuery{Scope: ScopeWorklist}); err != nil || len(v.Rows) != 1 {
			t.Errorf("the council's worklist has %d", len(v.Rows))
		}
		// Part of a council by its property, though the postcode is another's.
		if to, _ := s.Gazetteer.Resolve(care.Address{UPRN: "10000000101", Postcode: "ZZ99 3AB"}); to != notts {
			t.Errorf("the property is in %s", to)
		}
	})
}

func TestReferralLifecycle(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.accounts()
		ward, boss, worker := as(care.Coordinator, kings), as(care.TeamManager, notts), as(care.SocialWorker, notts)
		id := s.admit(nobody(1))
		ref := s.refer(ward, id).Referral.ID
		state := func(want care.RefState) {
			t.Helper()
			if got := s.read(id).Referrals[0].State; got != want {
				t.Fatalf("the referral is %s, want %s", got, want)
			}
		}
		state(care.RefReceived)
		// Nobody of another council, and nobody of the hospital.
		for _, by := range []care.Actor{as(care.TeamManager, city), ward, as(care.Broker, notts)} {
			s.refused(s.Accept(s.ctx(), by, id, ref), care.Forbidden, "")
		}
		s.refused(s.SendBack(s.ctx(), worker, id, ref, nil, "Capacity"), care.Required, "reasons")
		s.must(s.SendBack(s.ctx(), worker, id, ref, []string{"capacity"}, "Does she have capacity?"))
		state(care.RefReturned)
		d, err := s.StartReferral(s.ctx(), ward, id)
		s.must(err)
		if d.Answering == nil || d.Answers.Get("care_needs") == "" || d.OpenAlready != nil {
			t.Error("the form does not know what was returned")
		}
		_, err = s.SaveDraft(s.ctx(), ward, id, ReferralForm, form.Answers{"care_needs": {"Has capacity"}})
		s.must(err)
		r, err := s.AnswerReferral(s.ctx(), ward, id, ref)
		s.must(err)
		if r.Referral.ID != ref || r.Referral.Answers.Get("care_needs") != "Has capacity" {
			t.Errorf("answered %+v", r.Referral)
		}
		s.must(s.Accept(s.ctx(), worker, id, ref))
		s.refused(s.Accept(s.ctx(), boss, id, ref), care.Conflict, "")

		s.refused(s.Allocate(s.ctx(), worker, id, ref, "w1", ""), care.Forbidden, "")
		s.refused(s.Allocate(s.ctx(), ward, id, ref, "nobody", ""), care.Forbidden, "")
		for _, no := range []care.ActorID{"", "nobody", "w3", "w4"} {
			s.refused(s.Allocate(s.ctx(), boss, id, ref, no, ""), care.Invalid, "worker")
		}
		s.must(s.Allocate(s.ctx(), boss, id, ref, "w1", ""))
		s.refused(s.Allocate(s.ctx(), boss, id, ref, "w2", ""), care.Conflict, "") // another took it
		s.must(s.Allocate(s.ctx(), boss, id, ref, "w2", "w1"))
		ws, err := s.Workers(s.ctx(), boss)
		s.must(err)
		if len(ws) != 2 || ws[1].ID != "w2" || ws[1].Open != 1 || ws[0].Team != "T1" {
			t.Errorf("workers %+v", ws)
		}
		s.must(s.Progress(s.ctx(), as(care.Broker, notts), id, ref, care.RefSourcing))
		state(care.RefSourcing)

		// Leaving ends what the hospital tells; an A13 brings it back.
		p := nobody(1)
		s.hear("kmh", says{event: "A03", p: p, visit: "V" + p.mrn, more: map[string]string{"PV1-36": "19"}})
		state(care.RefDischarged)
		if s.read(id).Referrals[0].Watching {
			t.Error("it is still watched")
		}
		s.pass(time.Minute)
		s.hear("kmh", says{event: "A13", p: p, ward: "W12/4", visit: "V" + p.mrn})
		state(care.RefSourcing)
		if !s.read(id).Referrals[0].Watching {
			t.Error("it is not watched again")
		}
		s.refused(s.Withdraw(s.ctx(), ward, id, ref, "", ""), care.Invalid, "why")
		s.refused(s.Withdraw(s.ctx(), as(care.Coordinator, other), id, ref, "01", ""), care.Forbidden, "")
		s.must(s.Withdraw(s.ctx(), ward, id, ref, "01", ""))
		s.refused(s.CloseReferral(s.ctx(), worker, id, ref, "Home"), care.BusinessRule, "")
	})
}

func TestDiedLocks(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ward, p := as(care.Coordinator, kings), nobody(1)
		id := s.admit(p)
		ref := s.refer(ward, id).Referral.ID
		s.hear("kmh", says{event: "A03", p: p, visit: "V" + p.mrn, more: map[string]string{"PV1-36": "79"}})
		if c := s.read(id); c.Died == nil || c.Referrals[0].State != care.RefDied {
			t.Fatalf("died %v, referral %s", c.Died, c.Referrals[0].State)
		}
		s.refused(s.RecordCall(s.ctx(), ward, id, "", care.Call{ProviderName: "Linden", Outcome: "notice"}), care.BusinessRule, "")
		_, err := s.Refer(s.ctx(), ward, id, "again", true)
		s.refused(err, care.BusinessRule, "")
		s.refused(s.Accept(s.ctx(), as(care.SocialWorker, notts), id, ref), care.BusinessRule, "")
		s.must(s.AddNote(s.ctx(), ward, id, "", care.AudienceBoth, "Family told"))
		// To a stranger that somebody died is not told.
		s.refused(s.RecordCall(s.ctx(), as(care.Coordinator, other), id, "", care.Call{ProviderName: "Linden", Outcome: "notice"}), care.Forbidden, "")
	})
}

// allOf lists everything of a case page that a reader might be shown.
func (s *site) open(by care.Actor, id care.CaseID) CaseView {
	s.Helper()
	v, err := s.Case(s.ctx(), by, id)
	s.must(err)
	return v
}

// What a case shows is decided section by section, and item by item.
func TestCaseSections(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ward := as(care.Coordinator, kings)
		sw, cityWorker := as(care.SocialWorker, notts), as(care.SocialWorker, city)
		id := s.admit(nobody(1))
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active"), pack("P2", "DP", "active")}, equipment: []string{"D1"}})
		s.imported(city, "full", held{id: "c1", p: nobody(1), packages: []string{pack("C1", "M", "active")}})
		s.refer(ward, id)
		s.must(s.AddNote(s.ctx(), ward, id, "", care.AudienceHospital, "for the hospital"))
		s.must(s.AddNote(s.ctx(), ward, id, "", care.AudienceBoth, "for both"))
		s.must(s.AddNote(s.ctx(), sw, id, "", care.AudienceCouncil, "for the council"))
		s.must(s.RecordCall(s.ctx(), sw, id, "", care.Call{Council: notts, ProviderName: "Linden", Outcome: "notice", Text: "of 511"}))
		s.refused(s.AddNote(s.ctx(), ward, id, "", care.AudienceCouncil, "no"), care.Forbidden, "")
		s.refused(s.AddNote(s.ctx(), sw, id, "", care.AudienceHospital, "no"), care.Forbidden, "")
		s.refused(s.AddNote(s.ctx(), as(care.Coordinator, other), id, "", care.AudienceBoth, "no"), care.Forbidden, "")

		notes := func(v CaseView) (out []string) {
			for _, n := range v.Notes {
				out = append(out, n.Text)
			}
			for _, i := range v.Timeline {
				if i.Kind == "note" && !slices.Contains(out, i.Text) {
					t.Errorf("the timeline has a note that the page has not: %s", i.Text)
				}
			}
			slices.Sort(out)
			return out
		}
		kinds := func(v CaseView) map[string]int {
			n := map[string]int{}
			for _, i := range v.Timeline {
				n[i.Kind]++
			}
			return n
		}
		var h CaseView
		rows := s.audits(func() { h = s.open(ward, id) })
		if len(rows) != 1 || rows[0].Action != "openCase" || !slices.Contains(rows[0].Sections, "seeWhereabouts") || slices.Contains(rows[0].Sections, "seeFinance") {
			t.Errorf("opening was audited as %+v", rows)
		}
		if !slices.Equal(notes(h), []string{"for both", "for the hospital"}) || len(h.Councils) != 2 || h.Stay == nil || len(h.Referrals) != 1 {
			t.Errorf("the hospital sees %v, %d councils", notes(h), len(h.Councils))
		}
		for _, c := range h.Councils {
			for _, k := range c.Packages {
				if k.Package.Kind == "DP" || k.Package.Title != "" || k.Package.Funding != "" || k.Provider == nil {
					t.Errorf("the hospital sees the package %+v", k)
				}
			}
			if len(c.Equipment) > 0 {
				t.Error("the hospital sees equipment")
			}
		}
		c := s.open(sw, id)
		if !slices.Equal(notes(c), []string{"for both", "for the council"}) || len(c.Councils) != 1 || len(c.Councils[0].Packages) != 2 || len(c.Councils[0].Equipment) != 1 ||
			c.Councils[0].Packages[0].Package.Title == "" || len(c.Calls) != 1 || kinds(c)["referral"] == 0 || kinds(c)["council"] == 0 {
			t.Errorf("the council sees %v, %+v, %v", notes(c), c.Councils, kinds(c))
		}
		// The city supports the person too, and was not asked: it sees its own part.
		v := s.open(cityWorker, id)
		if !slices.Equal(notes(v), []string{"for both"}) || len(v.Referrals) != 0 || len(v.Councils) != 1 || v.Councils[0].Council.ODS != city || len(v.Calls) != 0 ||
			kinds(v)["referral"] != 0 || kinds(v)["call"] != 0 || kinds(v)["council"] != 1 {
			t.Errorf("the other council sees %v, %d referrals, %d calls, %v", notes(v), len(v.Referrals), len(v.Calls), kinds(v))
		}
		if ae, err := s.Case(s.ctx(), as(care.AENurse, kings), id); err == nil || ae.ID != "" {
			t.Error("an A&E nurse follows a case")
		}
		seq, err := s.CaseSeq(s.ctx(), ward, id)
		s.must(err)
		if seq != h.Seq {
			t.Errorf("the page was made at %d, now %d", h.Seq, seq)
		}
		_, err = s.CaseSeq(s.ctx(), as(care.Coordinator, other), id)
		s.refused(err, care.Forbidden, "")
	})
}

// Nobody opens the case of somebody they have nothing to do with, whatever else
// their role may do; and the refusal tells nothing.
func TestStrangers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(1))
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		sensitive := nobody(2)
		sensitive.sensitive = true
		restricted := s.admit(sensitive)
		texts := map[string]bool{}
		for _, by := range []care.Actor{as(care.Coordinator, other), as(care.WardNurse, other), as(care.TeamManager, city), as(care.SocialWorker, city), as(care.IGLead, kings),
			as(care.IGLead, other), as(care.Integration, system), as(care.Admin, system), as(care.WallboardRole, kings)} {
			for _, id := range []care.CaseID{id, restricted} {
				var v CaseView
				var err error
				rows := s.audits(func() { v, err = s.Case(s.ctx(), by, id) })
				if care.KindOf(err) != care.Forbidden || v.ID != "" {
					t.Errorf("%s opened a stranger's case: %v", by.ID, err)
					continue
				}
				texts[err.Error()] = true
				if len(rows) != 1 || rows[0].Allowed || len(rows[0].Sections) > 0 {
					t.Errorf("%s was audited as %+v", by.ID, rows)
				}
				if _, err := s.StartReferral(s.ctx(), by, id); care.KindOf(err) != care.Forbidden {
					t.Errorf("%s opened the form: %v", by.ID, err)
				}
				if _, err := s.SaveDraft(s.ctx(), by, id, ReferralForm, answers()); care.KindOf(err) != care.Forbidden {
					t.Errorf("%s saved a draft: %v", by.ID, err)
				}
			}
		}
		if len(texts) != 1 {
			t.Errorf("refusals differ: %v", texts)
		}
	})
}

// A steward of a frozen record sees who it is, and nothing of their care.
func TestStewardSees(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		id := s.admit(p)
		s.imported(notts, "full", held{id: "10001", p: p, packages: []string{pack("P1", "HS", "active")}})
		p.nhs, p.trace = numbers()[99], ""
		s.hear("kmh", says{event: "A31", p: p})
		v := s.open(as(care.IGLead, kings), id)
		if v.Frozen == nil || v.Person.Family == "" || v.Stay != nil || v.StayShown || len(v.Councils)+len(v.Referrals)+len(v.Timeline)+len(v.Notes) > 0 || v.Row.Row.Case != "" {
			t.Errorf("the steward sees %+v", v)
		}
		qs, err := s.Questions(s.ctx(), as(care.IGLead, kings))
		s.must(err)
		if len(qs) != 1 || qs[0].A.Where != "" || qs[0].A.Said == "" {
			t.Errorf("the question tells where: %+v", qs)
		}
		if qs, err = s.Questions(s.ctx(), as(care.Coordinator, kings)); err != nil || len(qs) != 1 || qs[0].A.Where == "" {
			t.Errorf("to the ward's coordinator: %+v", qs)
		}
		_, err = s.Questions(s.ctx(), as(care.WardNurse, kings))
		s.refused(err, care.Forbidden, "")
		if v := s.open(as(care.Coordinator, kings), id); v.Stay == nil || len(v.Councils) > 0 && v.Councils[0].PackagesShown {
			t.Errorf("to the ward's coordinator: %+v", v.Councils)
		}
	})
}

// A sensitive person: the council that was asked to help sees that they were
// referred, and not where they are.
func TestRestricted(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		p.sensitive = true
		id := s.admit(p)
		ward, sw := as(care.Coordinator, kings), as(care.SocialWorker, notts)
		s.refer(ward, id)
		v := s.open(sw, id)
		if v.StayShown || v.Stay != nil || len(v.Past) > 0 || v.Row.Row.Where != (care.Location{}) || v.Row.WardName != "" || !v.Row.Masked || len(v.Referrals) != 1 {
			t.Errorf("the council sees %+v", v.Row)
		}
		for _, i := range v.Timeline {
			if i.Kind == "stay" {
				t.Errorf("the timeline says %q", i.Title)
			}
		}
		l, err := s.List(s.ctx(), sw, ListQuery{Scope: ScopeWorklist})
		s.must(err)
		if len(l.Rows) != 1 || !l.Rows[0].Masked || l.Rows[0].Row.Where != (care.Location{}) || l.Rows[0].Row.Hospital != "" || l.Rows[0].Row.Person.Family == "" {
			t.Fatalf("the worklist shows %+v", l.Rows)
		}
		if _, err := s.Case(s.ctx(), as(care.WardNurse, kings), id); care.KindOf(err) != care.Forbidden {
			t.Errorf("a ward nurse opened it: %v", err)
		}
		for role, want := range map[care.Role]int{care.WardNurse: 0, care.Coordinator: 1, care.AENurse: 0} {
			l, err := s.List(s.ctx(), as(role, kings), ListQuery{Scope: ScopeWard})
			s.must(err)
			if len(l.Rows) != want {
				t.Errorf("the ward lists %d to %s", len(l.Rows), role)
			}
		}
		w, err := s.List(s.ctx(), as(care.WallboardRole, kings), ListQuery{Scope: ScopeWard})
		s.must(err)
		if len(w.Rows) != 0 {
			t.Error("the wall shows a sensitive person")
		}
	})
}

// Somebody whom this trust referred and another treats now: where they are is the
// other's.
func TestReferredAndMovedOn(t *testing.T) {
	s := newSite(t, "sqlite")
	p, ward := nobody(1), as(care.Coordinator, kings)
	id := s.admit(p)
	s.refer(ward, id)
	s.pass(8 * 24 * time.Hour)
	s.hear("qmc", says{event: "A01", p: p, ward: "Q7/1", visit: "Q1"})
	if c := s.read(id); c.Stay.Org != other {
		t.Fatalf("the stay is at %s", c.Stay.Org)
	}
	s.pass(8 * 24 * time.Hour)
	for _, scope := range []ListScope{ScopeWard, ScopeTracker} {
		l, err := s.List(s.ctx(), ward, ListQuery{Scope: scope})
		s.must(err)
		for _, r := range l.Rows {
			if scope == ScopeWard || !r.Masked || r.Row.Where != (care.Location{}) || r.HospitalName == "Queen's" {
				t.Errorf("%s shows %+v", scope, r)
			}
		}
		if scope == ScopeTracker && len(l.Rows) != 1 {
			t.Errorf("the tracker has %d rows", len(l.Rows))
		}
	}
}

// The operations pages and the audit belong to their roles.
func TestOperating(t *testing.T) {
	s := newSite(t, "sqlite")
	s.admit(nobody(1))
	engineer, lead := as(care.Integration, system), as(care.IGLead, kings)
	ms, err := s.Messages(s.ctx(), engineer, MessageQuery{})
	s.must(err)
	_, err = s.Raw(s.ctx(), engineer, ms[0].ID, " ")
	s.refused(err, care.Required, "why")
	rows := s.audits(func() {
		raw, err := s.Raw(s.ctx(), engineer, ms[0].ID, "a ticket")
		s.must(err)
		if raw.Text == "" {
			t.Error("no text")
		}
	})
	if len(rows) != 1 || rows[0].Reason != "a ticket" || rows[0].Case == "" {
		t.Errorf("audited as %+v", rows)
	}
	for name, f := range map[string]func(care.Actor) error{
		"feeds":    func(a care.Actor) error { _, err := s.Feeds(s.ctx(), a); return err },
		"messages": func(a care.Actor) error { _, err := s.Messages(s.ctx(), a, MessageQuery{}); return err },
		"raw":      func(a care.Actor) error { _, err := s.Raw(s.ctx(), a, ms[0].ID, "curious"); return err },
		"explain":  func(a care.Actor) error { _, err := s.ExplainMessage(s.ctx(), a, ms[0].ID); return err },
		"replay":   func(a care.Actor) error { _, err := s.Replay(s.ctx(), a, nil); return err },
		"imports":  func(a care.Actor) error { _, err := s.Imports(s.ctx(), a); return err },
	} {
		s.must(f(engineer))
		for _, a := range []care.Actor{lead, as(care.Coordinator, kings), as(care.SocialWorker, notts), as(care.Admin, system)} {
			if err := f(a); care.KindOf(err) != care.Forbidden {
				t.Errorf("%s to %s: %v", name, a.ID, err)
			}
		}
	}
	if _, err := s.Audits(s.ctx(), engineer, AuditQuery{}); care.KindOf(err) != care.Forbidden {
		t.Error("the engineer reads the audit")
	}
	as, err := s.Audits(s.ctx(), lead, AuditQuery{Action: string(policy.SeeRawMessage)})
	s.must(err)
	if len(as) == 0 || as[0].OrgName == "" {
		t.Errorf("audits: %+v", as)
	}
	if h := s.CheckAudit(s.ctx()); !h.Intact {
		t.Error(h.Problem)
	}
}

// TestSeenAnswersOfGroups: what an answer tells decides who is shown it, in groups
// too, and no line says that there is none.
func TestSeenAnswersOfGroups(t *testing.T) {
	lib, err := form.Load(pathways.Files)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := lib.Latest(ReferralForm)
	a := form.Answers{"risk_from_others": {"x"}, "alerts.1.alert": {"x"}, "contacts.1.other_name": {"x"}, "assessments.1.assessment_type": {"x"}, "title": {"Mrs"}}
	for _, c := range []struct {
		may        map[policy.Action]bool
		restricted bool
		want       []string
	}{
		{map[policy.Action]bool{policy.SeeWhereabouts: true, policy.SeeRisk: true, policy.SeeAssessments: true}, true,
			[]string{"alerts.1.alert", "assessments.1.assessment_type", "contacts.1.other_name", "risk_from_others", "title"}},
		{map[policy.Action]bool{policy.SeeAssessments: true}, false, []string{"assessments.1.assessment_type", "contacts.1.other_name", "title"}},
		{map[policy.Action]bool{policy.SeeRisk: true}, true, []string{"alerts.1.alert", "risk_from_others", "title"}},
	} {
		if got := slices.Sorted(maps.Keys(seenAnswers(p, a, c.may, c.restricted))); !slices.Equal(got, c.want) {
			t.Errorf("%v: seen %v, want %v", c.may, got, c.want)
		}
	}
}
