package hub

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
)

// agree puts an agreement in force by which one shares sections with another,
// until a day that is so many days from now.
func (s *site) agree(id string, from, to nhs.ODS, days int, sections ...sharing.Section) {
	s.Helper()
	a := everything()
	a.ID, a.Title, a.Flows = id, "Agreement "+id, []sharing.Flow{{From: from, To: to, Sections: sections}}
	a.To = nhs.DateOf(s.clock().AddDate(0, 0, days))
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutAgreement(a) }))
}

// suspend stops an agreement.
func (s *site) suspend(id string) {
	s.Helper()
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		all, err := tx.Agreement(id)
		if err != nil {
			return err
		}
		a, err := all[len(all)-1].Suspend(sharing.Step{At: s.clock(), By: "u-ann", Who: "P ann", Why: "A leak"})
		if err != nil {
			return err
		}
		return tx.PutAgreement(a)
	}))
}

func (s *site) look(by care.Actor, p somebody) LookView {
	s.Helper()
	v, err := s.Look(s.ctx(), by, LookRequest{Number: p.nhs, Born: p.birth(), Reason: ReasonCare})
	s.must(err)
	return v
}

// TestPolicyAndSharingHaveTheSameSections: neither package may import the other.
func TestPolicyAndSharingHaveTheSameSections(t *testing.T) {
	var a, b []string
	for _, s := range policy.Sections() {
		a = append(a, string(s))
	}
	for _, s := range sharing.Sections() {
		b = append(b, string(s))
	}
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
}

func TestALookUpShowsWhatIsAgreedAndNoMore(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		p, stranger := nobody(1), nobody(2)
		s.imported(notts, "full", held{id: "P1", p: p, concern: "yes", packages: []string{pack("K1", "HS", "active")}})
		s.imported(city, "full")
		nurse := as(care.AENurse, kings)
		blank := func(v LookView) LookView { v.Handle = ""; return v }
		none := s.look(nurse, p)
		if none.Outcome != LookPaused || len(none.Councils) != 0 || len(none.Paused) == 0 {
			t.Fatalf("with nobody's agreement: %+v", none)
		}
		if d := cmp.Diff(blank(none), blank(s.look(nurse, stranger)), cmp.AllowUnexported(nhs.Number{})); d != "" {
			t.Errorf("the page tells whether somebody is known:\n%s", d)
		}
		s.agree("A1", notts, kings, 90, sharing.Packages)
		v := s.look(nurse, p)
		if v.Outcome != LookFound || len(v.Councils) != 1 || v.Councils[0].Packages[0].Provider != nil || v.Person.Family != "" ||
			v.Councils[0].Safeguarding.Answer != care.AnswerNotShared {
			t.Errorf("with packages alone: %+v", v)
		}
		s.agree("A2", notts, kings, 90, sharing.Provider, sharing.Demographics, sharing.Safeguarding)
		again := s.look(nurse, p)
		if again.Councils[0].Packages[0].Provider == nil || again.Person.Family != p.family || again.Councils[0].Safeguarding.Answer != care.AnswerYes {
			t.Errorf("with the provider too: %+v", again)
		}
		if v := s.look(as(care.AENurse, other), p); v.Outcome != LookPaused {
			t.Errorf("to another trust: %s", v.Outcome)
		}
		s.suspend("A1")
		s.suspend("A2")
		if v := s.look(nurse, p); v.Outcome != LookPaused || v.Paused[0].Why != sharing.StateSuspended {
			t.Errorf("suspended: %+v", v)
		}
		if _, err := s.Looked(s.ctx(), nurse, again.Handle); care.KindOf(err) != care.NotFound {
			t.Errorf("the result from before is shown still: %v", err)
		}
	})
}

func TestOneCouncilsAgreementOpensNothingOfAnothers(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		p := nobody(1)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
		s.imported(city, "full", held{id: "P1", p: p, packages: []string{pack("K1", "DS", "active")}})
		s.agree("A1", notts, kings, 90, sharing.Sections()...)
		s.agree("A2", city, kings, -1, sharing.Sections()...)
		v := s.look(as(care.AENurse, kings), p)
		if len(v.Councils) != 1 || v.Councils[0].Council.ODS != notts || len(v.Paused) != 1 || v.Paused[0].With != city || v.Paused[0].Why != sharing.StateExpired {
			t.Errorf("%+v", v)
		}
		if v := s.look(as(care.AENurse, kings), nobody(2)); v.Outcome != LookCannot || len(v.Paused) != 1 {
			t.Errorf("of somebody whom nobody knows, while one council is paused: %s", v.Outcome)
		}
		id := s.admit(p)
		c, err := s.Case(s.ctx(), as(care.WardNurse, kings), id)
		s.must(err)
		if len(c.Councils) != 1 || c.Councils[0].Council.ODS != notts {
			t.Errorf("on the case page: %+v", c.Councils)
		}
		for _, item := range c.Timeline {
			if item.By == "Liquidlogic" {
				t.Errorf("the timeline tells of the other council: %s", item.Title)
			}
		}
	})
}

func TestAReferralNeedsAnAgreement(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		nurse, worker := as(care.WardNurse, kings), as(care.SocialWorker, notts)
		id := s.admit(nobody(1))
		d, err := s.StartReferral(s.ctx(), nurse, id)
		s.must(err)
		if !strings.Contains(d.Stopped, "Nottinghamshire") {
			t.Errorf("the form does not say before it is sent that it cannot be: %q", d.Stopped)
		}
		_, err = s.SaveDraft(s.ctx(), nurse, id, ReferralForm, answers())
		s.must(err)
		_, err = s.Refer(s.ctx(), nurse, id, d.Key, false)
		s.refused(err, care.BusinessRule, "council_name")
		if !strings.Contains(err.Error(), "Nottinghamshire") || !strings.Contains(err.Error(), "01632 960100") {
			t.Errorf("it does not say whom to ring: %v", err)
		}
		s.agree("A1", kings, notts, 10, sharing.Demographics, sharing.Referral, sharing.Risk)
		if d, err = s.StartReferral(s.ctx(), nurse, id); err != nil || d.Stopped != "" {
			t.Errorf("when it is agreed: %q, %v", d.Stopped, err)
		}
		r, err := s.Refer(s.ctx(), nurse, id, d.Key, false)
		s.must(err)
		v, err := s.Case(s.ctx(), worker, id)
		s.must(err)
		if v.StayShown || v.Row.Row.Hospital != "" || len(v.Referrals) != 1 {
			t.Errorf("without whereabouts: %+v", v.Row)
		}
		for _, f := range []string{"ward", "bed", "hospital"} {
			if _, ok := v.Referrals[0].Referral.Answers[f]; ok {
				t.Errorf("the answers tell the %s", f)
			}
		}
		l, err := s.List(s.ctx(), worker, ListQuery{Scope: ScopeWorklist})
		s.must(err)
		if len(l.Rows) != 1 || !l.Rows[0].Masked || l.Total != 1 || len(l.Paused) != 1 || l.Paused[0].With != other {
			t.Errorf("the worklist: %d rows of %d, paused %v", len(l.Rows), l.Total, l.Paused)
		}
		w, err := s.Watch(s.ctx(), worker, ListQuery{Scope: ScopeWorklist}, l.Seq)
		s.must(err)
		s.pass(11 * 24 * time.Hour) // the agreement has run out
		if l, err = s.List(s.ctx(), worker, ListQuery{Scope: ScopeWorklist}); err != nil || len(l.Rows) != 0 || l.Total != 0 || len(l.Paused) != 2 {
			t.Errorf("expired: %d rows of %d, paused %v, %v", len(l.Rows), l.Total, l.Paused, err)
		}
		if u, err := w.Next(s.ctx()); err != nil || !u.Resync {
			t.Errorf("whoever watches is told %+v, %v", u, err)
		}
		_, err = s.Case(s.ctx(), worker, id)
		s.refused(err, care.Forbidden, "")
		if ps := PausedOf(err); len(ps) != 1 || ps[0].With != kings || !strings.Contains(err.Error(), "King's Mill") {
			t.Errorf("the refusal says %v", err)
		}
		_, unknown := s.Case(s.ctx(), worker, "nobody")
		if unknown == nil || unknown.Error() != err.Error() {
			t.Errorf("of somebody who is not known: %v", unknown)
		}
		s.refused(s.Accept(s.ctx(), worker, id, r.Referral.ID), care.Forbidden, "")
		if v, err := s.Case(s.ctx(), nurse, id); err != nil || len(v.Referrals) != 1 {
			t.Errorf("the sender: %v", err)
		}
	})
}

// TestOneHospitalsAgreementGivesNoHoldOnAnothers: a council with an agreement with
// one of two hospitals that both referred a person.
func TestOneHospitalsAgreementGivesNoHoldOnAnothers(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		p := nobody(1)
		s.agree("A1", kings, notts, 90, sharing.Sections()...)
		s.agree("A2", other, notts, 90, sharing.Sections()...)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
		id := s.admit(p)
		mine := s.refer(as(care.WardNurse, kings), id)
		s.hear("kmh", says{event: "A03", p: p, visit: "V" + p.mrn})
		s.pass(time.Hour)
		s.hear("qmc", says{event: "A01", p: p, ward: "C4/1", visit: "Q1"})
		worker := as(care.SocialWorker, notts)
		v, err := s.Case(s.ctx(), worker, id)
		s.must(err)
		if v.Stay == nil || v.Stay.Org != other || len(v.Past) != 1 {
			t.Fatalf("with both: %+v", v.Stay)
		}
		s.suspend("A1")
		v, err = s.Case(s.ctx(), worker, id)
		s.must(err)
		if v.Stay == nil || len(v.Past) != 0 || len(v.Referrals) != 0 {
			t.Errorf("with one: past %v, referrals %v", v.Past, v.Referrals)
		}
		for _, item := range v.Timeline {
			if item.Kind == "referral" || item.Kind == "stay" && item.By == "King's Mill EPR" {
				t.Errorf("the timeline tells of the other hospital: %s", item.Title)
			}
		}
		s.refused(s.Accept(s.ctx(), worker, id, mine.Referral.ID), care.Forbidden, "")
		s.suspend("A2")
		if v, err = s.Case(s.ctx(), worker, id); err != nil || v.Stay != nil || v.StayShown || len(v.Councils) != 1 || len(v.Councils[0].Packages) != 1 {
			t.Errorf("with none, the council's own: %+v, %v", v.Councils, err)
		}
	})
}

// TestRolledBackAgreementsAreNotRemembered: what a transaction wrote that was
// undone opens nothing afterwards, although its number is given again.
func TestRolledBackAgreementsAreNotRemembered(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		undone := errors.New("undone")
		a := everything()
		err := s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			if err := tx.PutAgreement(a); err != nil {
				return err
			}
			g, err := s.terms(tx, s.clock())
			if err != nil || !g.shares(notts, kings, policy.Packages) {
				t.Errorf("within the transaction: %v", err)
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		s.rememberAgreed(s.ctx())
		a.Flows = a.Flows[:1]
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutAgreement(a) }))
		for range 2 {
			if g := s.agreedNow(); g.shares(notts, kings, policy.Packages) || !g.shares(kings, notts, policy.Packages) {
				t.Error("what was undone is remembered")
			}
			s.rememberAgreed(s.ctx())
		}
		other := s.another()
		s.suspend("everything")
		s.view(func(tx *store.Tx) error {
			g, err := other.terms(tx, s.clock())
			if err != nil || g.shares(kings, notts, policy.Packages) {
				t.Error("another process does not see that it was suspended")
			}
			return err
		})
	})
}

func TestAnObjectionLeavesTheEnquiry(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p, open := nobody(1), nobody(2)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}},
			held{id: "P2", p: open, concern: "yes", packages: []string{pack("K2", "HS", "active")}})
		s.imported(city, "full")
		worker, nurse := as(care.SocialWorker, notts), as(care.AENurse, kings)
		for _, x := range []somebody{p, open} {
			v := s.look(worker, x)
			s.must(s.RecordObjection(s.ctx(), worker, v.Case, care.Object{Words: "Nobody but my council", RaisedBy: care.ObjectedPerson, How: care.ObjectedPhone}))
		}
		v, none := s.look(nurse, p), s.look(nurse, nobody(3))
		v.Handle, none.Handle = "", ""
		if d := cmp.Diff(none, v, cmp.AllowUnexported(nhs.Number{})); d != "" {
			t.Errorf("somebody who objects looks unlike nobody:\n%s", d)
		}
		v = s.look(nurse, open)
		if v.Outcome == LookFound || len(v.Councils) != 1 || v.Councils[0].Safeguarding.Answer != care.AnswerYes || len(v.Councils[0].Packages) != 0 || v.Person.Family != "" {
			t.Errorf("with an open enquiry: %+v", v)
		}
		if v := s.look(worker, p); v.Outcome != LookFound {
			t.Errorf("to their own council: %s", v.Outcome)
		}
	})
}

func TestWhySaysRulesFactsAndAgreements(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		p := nobody(1)
		s.agree("A1", notts, kings, 90, sharing.Packages)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
		id := s.admit(p)
		s.must(s.PutAccount(s.ctx(), care.Account{ID: "u-1", Login: "wendy", Name: "Wendy", Grants: []care.Grant{{Role: care.WardNurse, Org: kings}}}))
		_, err := s.Why(s.ctx(), WhyQuery{Login: "wendy", Action: policy.SeePackages})
		s.refused(err, care.Required, "case")
		_, err = s.Why(s.ctx(), WhyQuery{Login: "wendy", Action: policy.ListWard, Case: id})
		s.refused(err, care.Invalid, "case")
		for action, want := range map[policy.Action][]string{
			policy.SeePackages:  {"YES: ward nurse of RK5", "shared-hospital", "councils 511", `by "Agreement A1", agreement A1 version 1`, "RK5 is the reader's own"},
			policy.SeeProvider:  {"NO: ward nurse of RK5", "agreement (forbids)", "511 shares with RK5: packages"},
			"seeEverythingElse": nil,
		} {
			var text string
			var err error
			rows := s.audits(func() { text, err = s.Why(s.ctx(), WhyQuery{Login: "wendy", Action: action, Case: id}) })
			if want == nil {
				s.refused(err, care.Invalid, "action")
				continue
			}
			s.must(err)
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("no %q in\n%s", w, text)
				}
			}
			if strings.Contains(text, p.family) || strings.Contains(text, p.nhs.Digits()) {
				t.Error("it names the person")
			}
			if !slices.ContainsFunc(rows, func(r store.Audited) bool { return r.Action == "policyWhy" && r.Actor == "operator" && r.Case == id }) {
				t.Errorf("not audited: %+v", rows)
			}
		}
	})
}

// TestWhatHappenedElsewhereNeedsItsTimeline: that a hospital heard something of a
// person, and when, tells that they are there.
func TestWhatHappenedElsewhereNeedsItsTimeline(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		p := nobody(1)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
		s.pass(time.Hour)
		p.post = "NG18 9ZZ"
		id := s.admit(p)
		worker := as(care.SocialWorker, notts)
		told := func() (stays, heard int) {
			for _, i := range s.open(worker, id).Timeline {
				switch {
				case i.Kind == "stay":
					stays++
				case i.By != "Mosaic":
					heard++
				}
			}
			return stays, heard
		}
		if stays, heard := told(); stays+heard > 0 {
			t.Errorf("with nobody's agreement the council is told of %d stays and %d other things of a hospital", stays, heard)
		}
		s.agree("A1", kings, notts, 90, sharing.Demographics, sharing.Whereabouts)
		if stays, heard := told(); stays+heard > 0 {
			t.Errorf("without the timeline the council is told of %d stays and %d other things of a hospital", stays, heard)
		}
		s.agree("A2", kings, notts, 90, sharing.Timeline)
		if stays, heard := told(); stays == 0 || heard == 0 {
			t.Errorf("with the timeline the council is told of %d stays and %d other things", stays, heard)
		}
	})
}

// TestAnObjectionHoldsBothWays: a council that supports a person who objects sees
// nothing of the hospital's, until they are referred to it.
func TestAnObjectionHoldsBothWays(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
		s.pass(time.Hour)
		id := s.admit(p)
		ward, worker := as(care.Coordinator, kings), as(care.SocialWorker, notts)
		s.must(s.AddNote(s.ctx(), ward, id, "", care.AudienceBoth, "Sleeps badly"))
		seen := func() string {
			v := s.open(worker, id)
			return fmt.Sprintf("%v %v %v %v", v.Stay, v.Row.WardName, v.Notes, v.Timeline)
		}
		tells := []string{"W12", "Sleeps badly", "EPR"}
		for _, x := range tells {
			if !strings.Contains(seen(), x) {
				t.Fatalf("before, the council does not see %q: %s", x, seen())
			}
		}
		s.must(s.RecordObjection(s.ctx(), ward, id, care.Object{Words: "Not the council", RaisedBy: care.ObjectedPerson, How: care.ObjectedSpoken}))
		for _, x := range tells {
			if strings.Contains(seen(), x) {
				t.Errorf("while it stands, the council sees %q", x)
			}
		}
		s.refer(ward, id)
		for _, x := range tells {
			if !strings.Contains(seen(), x) {
				t.Errorf("after a referral the council does not see %q", x)
			}
		}
	})
}

// TestAnOpenCaseHearsThatSharingStops: what stands on a screen must not stand
// there on when the agreement is suspended, or its last day is over.
func TestAnOpenCaseHearsThatSharingStops(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		p := nobody(1)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
		s.agree("A1", notts, kings, 0, sharing.Sections()...)
		ward, id := as(care.Coordinator, kings), s.admit(p)
		for what, stop := range map[string]func(){"suspended": func() { s.agree("A2", notts, kings, 90, sharing.Packages); s.suspend("A2") }, "over": func() { s.pass(24 * time.Hour) }} {
			seen := s.open(ward, id).Seq
			stop()
			if now, err := s.CaseSeq(s.ctx(), ward, id); err != nil || now <= seen {
				t.Errorf("%s: an open page that is at %d hears %d, %v", what, seen, now, err)
			}
			if v := s.open(ward, id); v.Seq <= seen {
				t.Errorf("%s: the page itself is at %d", what, v.Seq)
			}
		}
	})
}
