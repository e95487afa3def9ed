package hub

import (
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/sharing"
	"homeward/store"
)

// without puts in force the agreement of all tests less some sections that one shares.
func (s *site) without(from nhs.ODS, sections ...sharing.Section) {
	s.Helper()
	s.suspend("everything")
	a := everything()
	a.ID = "less"
	for i, f := range a.Flows {
		if f.From == from {
			a.Flows[i].Sections = slices.DeleteFunc(slices.Clone(f.Sections), func(x sharing.Section) bool { return slices.Contains(sections, x) })
		}
	}
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutAgreement(a) }))
}

// TestBookingTellsNoProviderWhatTheCouncilMayNotKnow is a council with which the hospital
// does not share who is in its wards: to book care tells the provider, and so the council, nothing of it.
func TestBookingTellsNoProviderWhatTheCouncilMayNotKnow(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id, q := s.sourced(nobody(1))
		s.without(kings, sharing.Whereabouts)
		day := nhs.Date{Year: 2026, Month: 11, Day: 28}
		s.must(s.AnswerRequest(s.ctx(), agency(notts, "V1"), q, care.Invite{Reply: care.ReplyAccept, Earliest: day, Rate: 35_000, By: care.Who{Name: "Jo"}}))
		told, err := s.BookCare(s.ctx(), as(care.Broker, notts), id, q, "V1", day, false, time.Time{})
		s.must(err)
		if c := s.read(id); told || len(c.Clients) > 0 || c.Requests[0].Booked != "V1" {
			t.Errorf("told %v, as %+v, booked %q", told, c.Clients, c.Requests[0].Booked)
		}
	})
}

// TestAConcernAboutARestrictedPersonIsRead is one that a hospital's coordinator raises to
// a council that has no other part: it is on that council's list, and its managers are told.
func TestAConcernAboutARestrictedPersonIsRead(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		p.sensitive = true
		id, manager := s.admit(p), as(care.TeamManager, notts)
		_, err := s.NotifyNews(s.ctx())
		s.must(err)
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			return tx.PutUser(care.Account{ID: manager.ID, Login: "manager", Name: manager.Name, Grants: []care.Grant{{Role: manager.Role, Org: notts}}})
		}))
		n := care.Concern{ID: "k", To: notts, Kinds: []string{"neglect"}, Words: "Secret words", Knows: "no", Contact: "Ward 12"}
		_, err = s.RaiseConcern(s.ctx(), as(care.Coordinator, kings), id, "", n)
		s.must(err)
		for _, by := range []care.Actor{manager, as(care.SocialWorker, notts)} {
			list, err := s.Concerns(s.ctx(), by, false)
			s.must(err)
			if len(list) != 1 || list[0].Person.Address.Postcode != "" {
				t.Fatalf("%s lists %+v", by.Role, list)
			}
			v, err := s.Concern(s.ctx(), by, id, list[0].Concern.ID)
			s.must(err)
			s.refused(func() error { _, err := s.Case(s.ctx(), by, id); return err }(), care.Forbidden, "")
			if v.Concern.Words == "" {
				t.Error("it cannot be read")
			}
		}
		s.notified()
		l, err := s.Notifications(s.ctx(), manager)
		s.must(err)
		if len(l.Rows) != 1 || !l.Rows[0].Severe || l.Rows[0].Concern == "" || l.Rows[0].Person.Family != "" {
			t.Errorf("the manager is notified of %+v", l.Rows)
		}
		v, err := s.Look(s.ctx(), as(care.AENurse, kings), LookRequest{Number: nobody(9).nhs, Born: nobody(9).birth(), Reason: ReasonCare})
		s.must(err)
		n.ID = "k2"
		for range 2 { // of somebody who is not known here; sent twice
			_, err = s.RaiseConcern(s.ctx(), as(care.AENurse, kings), "", v.Handle, n)
			s.must(err)
		}
		l, err = s.Notifications(s.ctx(), manager)
		s.must(err)
		if len(l.Rows) != 2 || l.Rows[0].Concern == "" || l.Rows[1].Concern == "" || l.Unread != 2 {
			t.Errorf("and then of %+v", l.Rows)
		}
		if list, err := s.Concerns(s.ctx(), as(care.SocialWorker, city), false); err != nil || len(list) > 0 {
			t.Errorf("another council lists %+v, %v", list, err)
		}
	})
}

// TestWhatStaysWithWhoWroteAnAssessment is what the other side does not see of a paper
// that it sees: what the approver wrote to the writer, and what nobody can take apart.
func TestWhatStaysWithWhoWroteAnAssessment(t *testing.T) {
	s, id, ref := assessed(t, "sqlite")
	worker, coord := as(care.SocialWorker, notts), as(care.Coordinator, kings)
	name, err := s.StartAssessment(s.ctx(), worker, id, ref, "care-act-assessment", false)
	s.must(err)
	s.must(s.AttachFile(s.ctx(), worker, id, name, "letter.txt", []byte("A letter")))
	v, err := s.Assessment(s.ctx(), worker, id, name)
	s.must(err)
	_, err = s.SaveAssessment(s.ctx(), worker, id, name, v.Seat, only("needs", "Help"))
	s.must(err)
	s.must(s.SubmitAssessment(s.ctx(), worker, id, name, v.Seat.Version))
	s.must(s.ApproveAssessment(s.ctx(), as(care.TeamManager, notts), id, name, 1, form.ByManager, "Between us two"))

	seen := func(by care.Actor) care.Paper {
		v, err := s.PaperRevisions(s.ctx(), by, id, name)
		s.must(err)
		return v.Paper
	}
	if own := seen(worker); own.Approvals[1].Text != "Between us two" || len(own.Files) != 1 {
		t.Errorf("the writer sees %+v", own)
	}
	their := seen(coord)
	if their.Approvals[1].Text != "" || len(their.Files) != 1 {
		t.Errorf("the hospital sees %+v", their)
	}
	s.must(s.RecordSign(s.ctx(), worker, id, s.signable(t, id, ref, worker), 1, care.Sign{Name: "Bluebell", Who: "Jo"}))
	signs := func() (n int) {
		v := s.open(coord, id)
		for _, p := range v.Papers {
			n += len(p.Signs)
		}
		for _, x := range v.Timeline {
			if strings.Contains(x.Title, "Bluebell") {
				n++
			}
		}
		return n
	}
	if n := signs(); n != 2 {
		t.Fatalf("the hospital sees %d answers of providers", n)
	}
	s.without(notts, sharing.Risk, sharing.Provider)
	if n := signs(); n != 0 {
		t.Errorf("providers are not shared, and the hospital sees %d of their answers", n)
	}
	if f := seen(coord).Files; len(f) != 0 {
		t.Errorf("risks are not shared, and the hospital sees the files %+v", f)
	}
	_, _, err = s.DownloadFile(s.ctx(), coord, id, their.Files[0].ID)
	s.refused(err, care.Forbidden, "")
}

// signable is a trusted assessment that is shared.
func (s *site) signable(t *testing.T, id care.CaseID, ref care.ReferralID, worker care.Actor) string {
	t.Helper()
	s.pass(time.Minute)
	return s.written(t, id, ref, "trusted-assessment", worker)
}

// TestWhatCameOfADecisionFollowsNotes is a task's outcome, which a decision does not tell
// to whom the task is not shown.
func TestWhatCameOfADecisionFollowsNotes(t *testing.T) {
	s := newSite(t, "sqlite")
	id, ward, county := s.admit(nobody(1)), as(care.Coordinator, kings), as(care.TeamManager, notts)
	ref := s.refer(ward, id).Referral.ID
	s.must(s.Accept(s.ctx(), county, id, ref))
	n := NewDecision{Key: "d", Text: "Therapy visit", Owner: OwnerCode(care.Owner{Org: notts}), Due: s.clock().Add(3 * time.Hour), Referral: ref}
	s.must(s.DecideInHuddle(s.ctx(), county, id, n))
	s.must(s.EndTask(s.ctx(), county, id, s.read(id).Tasks[0].ID, true, "She fell twice"))
	if d := s.open(ward, id).Decisions; len(d) != 1 || d[0].Outcome != "She fell twice" {
		t.Fatalf("the ward sees %+v", d)
	}
	s.without(notts, sharing.Notes)
	if d := s.open(ward, id).Decisions; len(d) != 1 || d[0].Outcome != "" || !d[0].Done {
		t.Errorf("notes are not shared, and the ward sees %+v", d)
	}
}

// TestADoorThatIsShutStaysShut is the account of a provider's links, which an
// administrator disabled: a new PIN does not open it again, and somebody rings instead.
func TestADoorThatIsShutStaysShut(t *testing.T) {
	s, box := clientSite(t, "sqlite")
	p := nobody(1)
	s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
	s.reachable()
	door := doorOf(care.ProviderCode(notts, "V1"))
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		a, err := tx.User(door)
		if err != nil {
			return err
		}
		a.Disabled = true
		return tx.PutUser(a)
	}))
	s.must(s.SetProviderPIN(s.ctx(), as(care.Broker, notts), care.ProviderCode(notts, "V1"), "another hash"))
	id := s.admit(p)
	s.toldProviders()
	s.view(func(tx *store.Tx) error {
		a, err := tx.User(door)
		if !a.Disabled {
			t.Error("a new PIN opened the account again")
		}
		return err
	})
	if ts := s.read(id).Tasks; len(box.letters) > 0 || len(ts) != 1 || ts[0].Kind != care.TaskProvider {
		t.Errorf("written %+v, tasks %+v", box.letters, ts)
	}
}

// TestNotificationsDoNotTellWhereSomebodyIs is what a council was notified of while the
// hospital shared where people are: not shown any more when it does not.
func TestNotificationsDoNotTellWhereSomebodyIs(t *testing.T) {
	s := newSite(t, "sqlite")
	s.notified()
	p := nobody(1)
	broker := as(care.Broker, notts)
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		return tx.PutUser(care.Account{ID: broker.ID, Login: "broker", Name: broker.Name, Grants: []care.Grant{{Role: broker.Role, Org: notts}}})
	}))
	_, q := s.sourced(p)
	day := nhs.Date{Year: 2026, Month: 11, Day: 27}
	s.must(s.AnswerRequest(s.ctx(), agency(notts, "V1"), q, care.Invite{Reply: care.ReplyAccept, Earliest: day, Rate: 35_000, By: care.Who{Name: "Jo"}}))
	s.pass(2 * time.Hour)
	s.hear("kmh", says{event: "A08", p: p, visit: "V" + p.mrn, class: "I", more: map[string]string{"PV2-9": "20261204"}})
	s.notified()
	words := func() (out []string) {
		l, err := s.Notifications(s.ctx(), broker)
		s.must(err)
		for _, r := range l.Rows {
			out = append(out, r.Words)
		}
		return out
	}
	if got := words(); !slices.Contains(got, "Offers of care are at risk") {
		t.Fatalf("the broker is told %q", got)
	}
	s.without(kings, sharing.Whereabouts)
	if got := words(); slices.Contains(got, "Offers of care are at risk") {
		t.Errorf("and when it is not shared %q", got)
	}
}

// TestExplainingAMessageTellsNothingOfTheCouncils is what a message would do, to whoever
// runs the hospital's interface: not what follows from it for care that a council arranges.
func TestExplainingAMessageTellsNothingOfTheCouncils(t *testing.T) {
	s := newSite(t, "sqlite")
	p := nobody(1)
	_, q := s.sourced(p)
	day := nhs.Date{Year: 2026, Month: 11, Day: 27}
	s.must(s.AnswerRequest(s.ctx(), agency(notts, "V1"), q, care.Invite{Reply: care.ReplyAccept, Earliest: day, Rate: 35_000, By: care.Who{Name: "Jo"}}))
	for _, m := range []says{
		{event: "A08", p: p, visit: "V" + p.mrn, class: "I", more: map[string]string{"PV2-9": "20261204"}},
		{event: "A03", p: p, visit: "V" + p.mrn},
	} {
		x, err := s.Explain(s.ctx(), "kmh", s.bytes(kings, m))
		s.must(err)
		if len(x.Events) == 0 {
			t.Errorf("%s: nothing is explained", m.event)
		}
		for _, e := range x.Events {
			if strings.Contains(e, "Offers") || strings.Contains(e, "Request") || strings.Contains(e, "Task") {
				t.Errorf("%s: %q", m.event, e)
			}
		}
	}
}
