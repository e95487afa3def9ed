package hub

import (
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

// lead is an information governance lead of an organisation.
func lead(name string, org nhs.ODS) care.Actor {
	a := as(care.IGLead, org)
	a.ID, a.Name = care.ActorID("u-"+name), "P "+name
	return a
}

// terms is a whole agreement between King's Mill and Nottinghamshire, of 100 days
// from the morning on.
func terms() sharing.Agreement {
	first := nhs.DateOf(morning)
	signed := func(ods nhs.ODS) sharing.Signatory {
		return sharing.Signatory{Name: "Ola Invented", Role: "Caldicott Guardian", ODS: ods, On: first}
	}
	return sharing.Agreement{Title: "Going home", Purpose: "To plan how people leave hospital", Basis: "Health and Social Care Act 2012 s.251B", DPIA: "DPIA-7",
		Owner: "Head of information governance", Contact: "01632 960700", From: first, To: nhs.DateOf(morning.AddDate(0, 0, 99)),
		Parties: []sharing.Party{{ODS: kings, Name: "King's Mill"}, {ODS: notts, Name: "Nottinghamshire"}},
		Flows: []sharing.Flow{{From: kings, To: notts, Sections: []sharing.Section{sharing.Demographics, sharing.Whereabouts, sharing.Referral}},
			{From: notts, To: kings, Sections: []sharing.Section{sharing.Packages, sharing.Provider}}},
		Signatories: []sharing.Signatory{signed(kings), signed(notts)}}
}

func (s *site) agreementPageOf(by care.Actor, ref AgreementRef) AgreementPage {
	s.Helper()
	p, err := s.Agreement(s.ctx(), by, AgreementRef{ID: ref.ID, Version: ref.Version})
	s.must(err)
	return p
}

// steps takes steps that must work, each a minute after the other.
func (s *site) steps(ref AgreementRef, by care.Actor, steps ...AgreementStep) {
	s.Helper()
	for _, step := range steps {
		s.pass(time.Minute)
		s.must(s.TakeAgreementStep(s.ctx(), by, AgreementRef{ID: ref.ID, Version: ref.Version}, step, "Because it was agreed"))
	}
}

func TestAnAgreementFromDraftToForce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ann, bob := lead("ann", kings), lead("bob", notts)
		content := terms()
		content.Basis = ""
		ref, err := s.DraftAgreement(s.ctx(), ann, content)
		s.must(err)
		p := s.agreementPageOf(bob, ref)
		if p.State != sharing.StateDraft || len(p.Problems) != 1 || p.Problems[0].Field != "basis" || p.May(ProposeAgreement) || !p.May(WithdrawAgreement) {
			t.Errorf("the draft: %s, %v, %v", p.State, p.Problems, p.WhyNot)
		}
		s.refused(s.TakeAgreementStep(s.ctx(), ann, ref, ProposeAgreement, ""), care.BusinessRule, "basis")
		s.must(s.EditAgreement(s.ctx(), ann, ref, terms()))
		s.steps(ref, ann, ProposeAgreement)
		if p := s.agreementPageOf(ann, ref); p.May(ApproveAgreement) || p.State != sharing.StateProposed {
			t.Errorf("to who proposed it: %s, %v", p.State, p.WhyNot)
		}
		s.refused(s.TakeAgreementStep(s.ctx(), ann, ref0(ref), ApproveAgreement, ""), care.BusinessRule, "")
		s.refused(s.EditAgreement(s.ctx(), ann, AgreementRef{ID: ref.ID}, terms()), care.BusinessRule, "")
		s.steps(ref, bob, ApproveAgreement)
		p = s.agreementPageOf(ann, ref)
		if p.State != sharing.StateInForce || p.Days != 99 || p.Level != 0 || !p.May(SuspendAgreement) {
			t.Errorf("approved: %s, %d days, %v", p.State, p.Days, p.WhyNot)
		}
		var did []string
		for _, c := range p.Changes {
			did = append(did, c.Who+" "+c.Did)
		}
		if diff := cmp.Diff([]string{"P ann drafted", "P ann changed", "P ann proposed", "P bob approved"}, did); diff != "" {
			t.Error(diff)
		}
		s.agreementAudit(ref, "approved", "u-bob", true)
	})
}

// agreementAudit wants an audit row of managing an agreement.
func (s *site) agreementAudit(ref AgreementRef, did string, actor care.ActorID, allowed bool) {
	s.Helper()
	s.view(func(tx *store.Tx) error {
		rows, err := tx.Audits(store.AuditFilter{Action: string(policy.ManageAgreements), Actor: actor})
		for _, r := range rows {
			if strings.Contains(r.Outcome, did) && (strings.Contains(r.Outcome, ref.ID) || !allowed) && r.Allowed == allowed {
				return err
			}
		}
		s.Errorf("%s: %d audit rows, none says %q", actor, len(rows), did)
		return err
	})
}

func TestSuspendAndResume(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ann, bob := lead("ann", kings), lead("bob", notts)
		ref, err := s.DraftAgreement(s.ctx(), ann, terms())
		s.must(err)
		s.steps(ref, ann, ProposeAgreement)
		s.steps(ref, bob, ApproveAgreement)
		s.refused(s.TakeAgreementStep(s.ctx(), bob, AgreementRef{ID: ref.ID}, SuspendAgreement, " "), care.BusinessRule, "why")
		s.steps(ref, bob, SuspendAgreement)
		if p := s.agreementPageOf(ann, ref); p.State != sharing.StateSuspended {
			t.Errorf("suspended: %s", p.State)
		}
		s.refused(s.TakeAgreementStep(s.ctx(), ann, AgreementRef{ID: ref.ID}, ResumeAgreement, ""), care.BusinessRule, "")
		s.steps(ref, bob, AskToResume)
		s.refused(s.TakeAgreementStep(s.ctx(), bob, AgreementRef{ID: ref.ID}, ResumeAgreement, ""), care.BusinessRule, "")
		s.steps(ref, ann, ResumeAgreement)
		if p := s.agreementPageOf(ann, ref); p.State != sharing.StateInForce {
			t.Errorf("resumed: %s", p.State)
		}
		s.refused(s.TakeAgreementStep(s.ctx(), ann, AgreementRef{ID: ref.ID}, "burn", ""), care.NotFound, "")
	})
}

// A new version replaces the old one when it is approved, and says what it changes.
func TestANewVersion(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		ann, bob := lead("ann", kings), lead("bob", notts)
		ref, err := s.DraftAgreement(s.ctx(), ann, terms())
		s.must(err)
		s.steps(ref, ann, ProposeAgreement)
		s.steps(ref, bob, ApproveAgreement)
		two, err := s.ReviseAgreement(s.ctx(), bob, ref.ID)
		s.must(err)
		if two.Version != 2 || two.ID != ref.ID {
			t.Fatalf("%+v", two)
		}
		_, err = s.ReviseAgreement(s.ctx(), ann, ref.ID)
		s.refused(err, care.BusinessRule, "")
		content := terms()
		content.Flows[1].Sections = []sharing.Section{sharing.Packages, sharing.Provider, sharing.Safeguarding}
		s.must(s.EditAgreement(s.ctx(), bob, two, content))
		p := s.agreementPageOf(ann, two)
		want := []sharing.Difference{{What: "511 to RK5: Whether a safeguarding enquiry is open", Before: "not shared", After: "shared"}}
		if diff := cmp.Diff(want, p.Diff); diff != "" || p.Before == nil || p.Before.Version != 1 {
			t.Error(diff)
		}
		list, err := s.Agreements(s.ctx(), ann)
		s.must(err)
		if len(list.Agreements) != 1 || list.Agreements[0].Version != 1 || list.Newer[ref.ID].Version != 2 {
			t.Errorf("the list: %+v", list)
		}
		s.steps(two, bob, ProposeAgreement)
		s.steps(two, ann, ApproveAgreement)
		if p := s.agreementPageOf(ann, ref); p.State != sharing.StateOver || p.Status != sharing.Replaced {
			t.Errorf("the old one: %s, %s", p.State, p.Status)
		}
		if p := s.agreementPageOf(ann, two); p.State != sharing.StateInForce || len(p.Versions) != 2 {
			t.Errorf("the new one: %s", p.State)
		}
		s.steps(two, ann, WithdrawAgreement)
		three, err := s.ReviseAgreement(s.ctx(), ann, ref.ID)
		s.must(err)
		if p := s.agreementPageOf(ann, three); three.Version != 3 || len(p.Agreement.Flows[1].Sections) != 2 {
			t.Errorf("after a withdrawal: version %d with %v", three.Version, p.Agreement.Flows)
		}
	})
}

// Of two who change one draft at the same time the second is told, and nothing
// that the first wrote is lost.
func TestTwoWritersOfOneDraft(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ann, bob := lead("ann", kings), lead("bob", notts)
		ref, err := s.DraftAgreement(s.ctx(), ann, terms())
		s.must(err)
		first, second := terms(), terms()
		first.Title, second.Title = "Of the first", "Of the second"
		s.must(s.EditAgreement(s.ctx(), ann, ref, first))
		s.refused(s.EditAgreement(s.ctx(), bob, ref, second), care.Conflict, "")
		s.refused(s.TakeAgreementStep(s.ctx(), bob, ref, ProposeAgreement, ""), care.Conflict, "")
		if p := s.agreementPageOf(bob, ref); p.Title != "Of the first" {
			t.Errorf("it says %q", p.Title)
		}
	})
}

// An agreement of others does not exist for a lead; those who run Homeward see all.
func TestAgreementsOfTheirOwn(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		ann, stranger, all := lead("ann", kings), lead("cat", other), lead("sys", system)
		ref, err := s.DraftAgreement(s.ctx(), ann, terms())
		s.must(err)
		_, err = s.Agreement(s.ctx(), stranger, ref)
		s.refused(err, care.NotFound, "")
		_, none := s.Agreement(s.ctx(), stranger, AgreementRef{ID: "there-is-none"})
		if none == nil || err.Error() != none.Error() {
			t.Errorf("%v and %v differ", err, none)
		}
		for _, step := range AgreementSteps() {
			s.refused(s.TakeAgreementStep(s.ctx(), stranger, ref, step, "why"), care.NotFound, "")
		}
		s.refused(s.EditAgreement(s.ctx(), stranger, ref, terms()), care.NotFound, "")
		_, err = s.ReviseAgreement(s.ctx(), stranger, ref.ID)
		s.refused(err, care.NotFound, "")
		_, _, err = s.ExportAgreement(s.ctx(), stranger, ref)
		s.refused(err, care.NotFound, "")
		_, err = s.DraftAgreement(s.ctx(), stranger, terms())
		s.refused(err, care.BusinessRule, "parties")
		s.agreementAudit(ref, "no such agreement of theirs", "u-cat", false)
		for by, want := range map[care.ActorID]int{ann.ID: 1, stranger.ID: 0, all.ID: 1} {
			a := map[care.ActorID]care.Actor{ann.ID: ann, stranger.ID: stranger, all.ID: all}[by]
			list, err := s.Agreements(s.ctx(), a)
			s.must(err)
			if len(list.Agreements) != want {
				t.Errorf("%s sees %d agreements, want %d", by, len(list.Agreements), want)
			}
		}
		for _, role := range []care.Role{care.Coordinator, care.WardNurse} {
			_, err := s.Agreements(s.ctx(), as(role, kings))
			s.refused(err, care.Forbidden, "")
			s.refused(s.TakeAgreementStep(s.ctx(), as(role, kings), ref, ProposeAgreement, ""), care.Forbidden, "")
			if ws, err := s.AgreementWarnings(s.ctx(), as(role, kings)); err != nil || len(ws) > 0 {
				t.Errorf("a %s is warned: %v, %v", role, ws, err)
			}
		}
	})
}

func TestWarningsStandForThoseWhomTheyConcern(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ann, bob := lead("ann", kings), lead("bob", notts)
		ref, err := s.DraftAgreement(s.ctx(), ann, terms())
		s.must(err)
		s.steps(ref, ann, ProposeAgreement)
		s.steps(ref, bob, ApproveAgreement)
		for _, c := range []struct{ after, level, days int }{{0, 0, 0}, {38, 0, 0}, {39, 60, 60}, {69, 30, 30}, {92, 7, 7}, {99, 7, 0}, {100, 0, 0}} {
			s.set(morning.AddDate(0, 0, c.after))
			ws, err := s.AgreementWarnings(s.ctx(), bob)
			s.must(err)
			level, days := 0, 0
			if len(ws) > 0 {
				level, days = ws[0].Level, ws[0].Days
			}
			if level != c.level || days != c.days {
				t.Errorf("after %d days: level %d with %d days left, want %d with %d", c.after, level, days, c.level, c.days)
			}
			if ws, err := s.AgreementWarnings(s.ctx(), lead("cat", other)); err != nil || len(ws) > 0 {
				t.Errorf("a stranger is warned: %v, %v", ws, err)
			}
		}
		if p := s.agreementPageOf(ann, ref); p.State != sharing.StateExpired {
			t.Errorf("after its last day: %s", p.State)
		}
	})
}

func TestAnAgreementAsAFile(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ann, bob := lead("ann", kings), lead("bob", notts)
		ref, err := s.DraftAgreement(s.ctx(), ann, terms())
		s.must(err)
		s.steps(ref, ann, ProposeAgreement)
		s.steps(ref, bob, ApproveAgreement)
		file, name, err := s.ExportAgreement(s.ctx(), bob, ref0(ref))
		s.must(err)
		if name != "agreement-"+ref.ID+"-1.toml" {
			t.Errorf("named %s", name)
		}
		two, wrongs, err := s.ImportAgreement(s.ctx(), bob, []byte(strings.Replace(string(file), "Going home", "Going home well", 1)))
		s.must(err)
		if len(wrongs) > 0 || two.ID != ref.ID || two.Version != 2 {
			t.Fatalf("%+v %v", two, wrongs)
		}
		p := s.agreementPageOf(ann, two)
		if p.Status != sharing.Draft || len(p.Diff) != 1 || p.Diff[0].After != "Going home well" || len(p.Changes) != 1 || p.Changes[0].Did != "imported" {
			t.Errorf("imported as %s: %+v, %+v", p.Status, p.Diff, p.Changes)
		}
		// Somebody for whom it does not exist may take the file as a new agreement
		// only when it is between them and others.
		_, _, err = s.ImportAgreement(s.ctx(), lead("cat", other), file)
		s.refused(err, care.BusinessRule, "parties")
		mine := strings.ReplaceAll(string(file), `"RK5"`, `"RX1"`)
		new, wrongs, err := s.ImportAgreement(s.ctx(), lead("cat", other), []byte(mine))
		s.must(err)
		if len(wrongs) > 0 || new.ID == ref.ID || new.Version != 1 {
			t.Errorf("%+v %v", new, wrongs)
		}
		_, wrongs, err = s.ImportAgreement(s.ctx(), ann, []byte("format = 1\ntitel = \"x\"\n"))
		s.must(err)
		if len(wrongs) != 1 || wrongs[0].Line != 2 || wrongs[0].Field != "titel" {
			t.Errorf("%v", wrongs)
		}
	})
}

func ref0(r AgreementRef) AgreementRef { return AgreementRef{ID: r.ID, Version: r.Version} }

// What the page says is enforced is what the policies decide: no section that no
// agreement names, and none that no rule gives to the role.
func TestWhatIsEnforcedFromAnAgreement(t *testing.T) {
	s := newSite(t, "sqlite")
	a := terms()
	a.Flows[1].Sections = sharing.Sections()
	before := terms()
	got := map[string]string{}
	for _, e := range s.enforced(a, &before) {
		for _, row := range e.Rows {
			words := ""
			for i, r := range e.Roles {
				if row.May[i] {
					words += string(r) + " "
				}
				if row.May[i] && !row.Shared || row.MayThen[i] && !row.Was {
					t.Errorf("%s of %s to %s: a %s sees what is not shared", row.Section, e.From.ODS, e.To.ODS, r)
				}
			}
			got[string(e.To.ODS)+" "+string(row.Section)] = strings.TrimSpace(words)
		}
	}
	for what, want := range map[string]string{
		"511 demographics": "social-worker team-manager broker", "511 packages": "", "511 referral": "social-worker team-manager broker", "511 finance": "",
		"RK5 packages": "ae-nurse ward-nurse coordinator", "RK5 provider": "ae-nurse ward-nurse coordinator", "RK5 package-detail": "", "RK5 finance": "",
	} {
		if got[what] != want {
			t.Errorf("%s: %q, want %q", what, got[what], want)
		}
	}
}

// TestTheDayOfAStepIsLondons: at half past midnight in summer it is yesterday in
// UTC. A version that ran for half an hour has begun, and one that it took the
// place of does not run again.
func TestTheDayOfAStepIsLondons(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		ann, bob := lead("ann", kings), lead("bob", notts)
		s.set(time.Date(2027, 6, 1, 9, 0, 0, 0, time.UTC))
		content := terms()
		content.To = nhs.Date{Year: 2027, Month: time.December, Day: 31}
		old, err := s.DraftAgreement(s.ctx(), ann, content)
		s.must(err)
		s.steps(old, ann, ProposeAgreement)
		s.steps(old, bob, ApproveAgreement)
		next, err := s.ReviseAgreement(s.ctx(), ann, old.ID)
		s.must(err)
		content.From, content.Flows = nhs.Date{Year: 2027, Month: time.July, Day: 1}, content.Flows[1:]
		s.must(s.EditAgreement(s.ctx(), ann, next, content))
		s.steps(next, ann, ProposeAgreement)
		s.steps(next, bob, ApproveAgreement)
		if g := s.agreedNow(); !g.shares(kings, notts, policy.Whereabouts) {
			t.Fatal("before July the old version does not run")
		}
		s.set(time.Date(2027, 6, 30, 23, 10, 0, 0, time.UTC))
		if g := s.agreedNow(); g.shares(kings, notts, policy.Whereabouts) || !g.shares(notts, kings, policy.Packages) {
			t.Fatal("at ten past midnight in London the next version does not run")
		}
		s.steps(next, ann, WithdrawAgreement)
		g := s.agreedNow()
		if g.shares(kings, notts, policy.Whereabouts) {
			t.Error("what was replaced runs again")
		}
		if ps := g.paused[kings]; len(ps) == 0 || ps[0].Since != (nhs.Date{Year: 2027, Month: time.July, Day: 1}) {
			t.Errorf("paused since another day: %+v", ps)
		}
	})
}

// TestTwoLeadsOfOneSideOpenNothing asks the hub, which knows who is of whom.
func TestTwoLeadsOfOneSideOpenNothing(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		ann, amy := lead("ann", kings), lead("amy", kings)
		ref, err := s.DraftAgreement(s.ctx(), ann, terms())
		s.must(err)
		s.steps(ref, ann, ProposeAgreement)
		s.refused(s.TakeAgreementStep(s.ctx(), amy, AgreementRef{ID: ref.ID, Version: 1}, ApproveAgreement, ""), care.BusinessRule, "")
		if p := s.agreementPageOf(amy, ref); p.May(ApproveAgreement) || p.State != sharing.StateProposed {
			t.Errorf("it is %s, and she may approve it: %v", p.State, p.May(ApproveAgreement))
		}
		s.steps(ref, lead("bob", notts), ApproveAgreement)
	})
}

// TestAFileDoesNotNameOrganisations: who approves must read whom it is about.
func TestAFileDoesNotNameOrganisations(t *testing.T) {
	onBothBare(t, func(t *testing.T, s *site) {
		content := terms()
		content.Parties[0].Name = "Somebody Else NHS Trust"
		content.Parties = append(content.Parties, sharing.Party{ODS: "ZZZ99", Name: "Not at this site"})
		ref, wrongs, err := s.ImportAgreement(s.ctx(), lead("ann", kings), sharing.Write(content))
		if err != nil || len(wrongs) > 0 {
			t.Fatal(err, wrongs)
		}
		got := s.agreementPageOf(lead("ann", kings), ref).Parties
		if got[0].Name != s.Org(kings).Name || got[2].Name != "Not at this site" {
			t.Errorf("the parties are %+v", got)
		}
	})
}
