package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/policy"
)

// A sensitive person's referral is followed and withdrawn by whoever sent it.
func TestSensitiveReferralIsTheSendersToFollow(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		p.sensitive = true
		id, ward := s.admit(p), as(care.Coordinator, kings)
		ref := s.refer(ward, id).Referral.ID
		v := s.open(ward, id)
		if len(v.Referrals) != 1 || v.Referrals[0].Referral.Answers.Get("ward") == "" || !v.May[policy.Withdraw] || v.Seq == 0 {
			t.Fatalf("the sender sees %d referrals, may %v", len(v.Referrals), v.May)
		}
		if !v.May[policy.SeeTimeline] && len(v.Timeline) > 0 {
			t.Errorf("a timeline that is denied has %d items", len(v.Timeline))
		}
		if seq, err := s.CaseSeq(s.ctx(), ward, id); err != nil || seq != v.Seq {
			t.Errorf("an open page is at %d, %v; want %d", seq, err, v.Seq)
		}
		s.must(s.Withdraw(s.ctx(), ward, id, ref, "01", ""))
		if r := s.open(ward, id).Referrals[0].Referral; r.State != care.RefWithdrawn {
			t.Errorf("after withdrawing it is %s", r.State)
		}
	})
}

// Where a sensitive person is does not come to the council in the referral.
func TestAnswersDoNotTellWhereabouts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		open, hidden := nobody(1), nobody(2)
		hidden.sensitive = true
		ward, sw := as(care.Coordinator, kings), as(care.SocialWorker, notts)
		places := []string{"hospital", "ward", "bed", "address", "postcode"}
		for p, want := range map[somebody]bool{open: true, hidden: false} {
			id := s.admit(p)
			s.refer(ward, id)
			v := s.open(sw, id)
			r := v.Referrals[0]
			if (v.Person.Address.Postcode != "") != want {
				t.Errorf("sensitive %v: the address is given %v", p.sensitive, !want)
			}
			for _, f := range places {
				line := slices.ContainsFunc(r.Lines, func(l form.Line) bool { return l.Field == f && len(l.Answers) > 0 })
				if line != want || (r.Referral.Answers.Get(f) != "") != want {
					t.Errorf("sensitive %v: %s is shown %v", p.sensitive, f, line)
				}
			}
			if r.Referral.Answers.Get("care_needs") == "" || len(r.Lines) < 5 {
				t.Errorf("sensitive %v: the council cannot read the needs", p.sensitive)
			}
			if said := fmt.Sprintf("%+v %+v %+v", v.Row, v.Timeline, v.Referrals); !want && (strings.Contains(said, "Ward 12") || strings.Contains(said, "EPR")) {
				t.Error("the case tells where in another way")
			}
		}
	})
}

// Another trust's wards and beds, now and before, are that trust's.
func TestStaysAreTheirTrusts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		id := s.admit(p)
		s.imported(notts, "full", held{id: "10001", p: p, packages: []string{pack("P1", "HS", "active")}})
		s.pass(time.Hour)
		s.hear("qmc", says{event: "A01", p: p, ward: "Q7/1", visit: "Q1"})
		s.pass(time.Hour)
		s.hear("qmc", says{event: "A02", p: p, ward: "Q8/2", visit: "Q1"})
		was, has := as(care.Coordinator, kings), as(care.Coordinator, other)
		for by, theirs := range map[care.Actor][]string{was: {"Q7", "Q8", "qmc", "Queen"}, has: {"Ward 12", "W12", "kmh", "King"}} {
			v := s.open(by, id)
			if said := fmt.Sprintf("%+v %+v %+v %+v %+v", v.Stay, v.Past, v.Row, v.Timeline, v.Person.Family); slices.ContainsFunc(theirs, func(w string) bool { return strings.Contains(said, w) }) {
				t.Errorf("%s is told of the other trust: %s", by.ID, said)
			}
		}
		v := s.open(was, id)
		if !v.Elsewhere || v.Stay != nil || len(v.Past) != 1 || v.Row.Row.InBed || !slices.ContainsFunc(v.Timeline, func(i TimelineItem) bool { return i.Kind == "stay" }) {
			t.Errorf("the trust of before sees elsewhere %v, %+v, %d past", v.Elsewhere, v.Stay, len(v.Past))
		}
		if v = s.open(has, id); v.Elsewhere || v.Stay == nil || len(v.Past) != 0 || v.Row.WardName == "" {
			t.Errorf("the trust of now sees elsewhere %v, %+v, %d past", v.Elsewhere, v.Stay, len(v.Past))
		}
		if v = s.open(as(care.SocialWorker, notts), id); v.Elsewhere || v.Stay == nil || len(v.Past) != 1 {
			t.Errorf("the council sees %+v and %d past", v.Stay, len(v.Past))
		}
		d, err := s.StartReferral(s.ctx(), was, id)
		s.must(err)
		if d.Answers.Get("ward") != "" || d.Facts["stay.ward"] != "" || d.Known["stay.bed"].Value != "" {
			t.Errorf("the form is filled with the other trust's ward %q", d.Answers.Get("ward"))
		}
	})
}

// A referral that a council has received is moved to no other.
func TestRoutedOnce(t *testing.T) {
	s := newSite(t, "sqlite")
	ward, id := as(care.Coordinator, kings), s.admit(nobody(1))
	ref := s.refer(ward, id).Referral.ID
	s.refused(s.Route(s.ctx(), ward, id, ref, city), care.BusinessRule, "")
	if r := s.read(id).Referrals[0]; r.To != notts {
		t.Errorf("it is with %s", r.To)
	}
	s.must(s.Route(s.ctx(), ward, id, ref, notts))
}

// A stream tells nobody that others have patients, nor their ids.
func TestWatchTellsNothingOfOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		own := nobody(1)
		mine := s.admit(own)
		nurse, sw := as(care.WardNurse, kings), as(care.SocialWorker, notts)
		q := ListQuery{Scope: ScopeWard}
		page, err := s.List(s.ctx(), nurse, q)
		s.must(err)
		for n := 2; n < 6; n++ {
			p := nobody(n)
			s.hear("qmc", says{event: "A01", p: p, ward: "Q7/1", visit: "V" + p.mrn})
		}
		s.hear("kmh", says{event: "A11", p: own, visit: "V" + own.mrn})
		w, err := s.Watch(s.ctx(), nurse, q, page.Seq)
		s.must(err)
		c, err := s.Watch(s.ctx(), sw, ListQuery{Scope: ScopeWorklist}, page.Seq)
		s.must(err)
		u, _, err := w.look(s.ctx())
		s.must(err)
		if len(u.Changes) != 1 || u.Changes[0].Row.Row.Case != mine || !u.Changes[0].Gone {
			t.Errorf("the ward is told %+v", u.Changes)
		}
		if u, _, err = c.look(s.ctx()); err != nil || len(u.Changes) > 0 {
			t.Errorf("a council that nobody asked is told %+v, %v", u.Changes, err)
		}
	})
}

// The same form sent twice is kept once; other words from it are kept too.
func TestNotesAndCallsOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		ward, id := as(care.Coordinator, kings), s.admit(nobody(1))
		key := NewKey()
		for _, text := range []string{"Family told", " Family told ", "Family rang back"} {
			s.must(s.AddNote(s.ctx(), ward, id, key, care.AudienceBoth, text))
		}
		s.must(s.AddNote(s.ctx(), as(care.WardNurse, kings), id, key, care.AudienceBoth, "Family told"))
		call := care.Call{ID: NewKey(), ProviderName: "Linden", Outcome: "notice"}
		for range 2 {
			s.must(s.RecordCall(s.ctx(), ward, id, "", call))
			s.pass(time.Second)
		}
		call.Text = "They rang back"
		s.must(s.RecordCall(s.ctx(), ward, id, "", call))
		for range 2 { // without a form each is its own
			s.must(s.AddNote(s.ctx(), ward, id, "", care.AudienceBoth, "Again"))
		}
		if c := s.read(id); len(c.Notes) != 5 || len(c.Calls) != 2 {
			t.Errorf("%d notes and %d calls", len(c.Notes), len(c.Calls))
		}
	})
}

// Accepting twice is accepting once, for whoever did it, until somebody has it.
func TestAcceptingAgain(t *testing.T) {
	s := newSite(t, "sqlite")
	s.accounts()
	id, sw := s.admit(nobody(1)), as(care.SocialWorker, notts)
	ref := s.refer(as(care.Coordinator, kings), id).Referral.ID
	s.must(s.Accept(s.ctx(), sw, id, ref))
	before := len(s.history(id))
	s.must(s.Accept(s.ctx(), sw, id, ref))
	if n := len(s.history(id)); n != before {
		t.Errorf("accepting again added %d events", n-before)
	}
	s.refused(s.Accept(s.ctx(), as(care.TeamManager, notts), id, ref), care.Conflict, "")
	s.refused(s.Accept(s.ctx(), as(care.SocialWorker, city), id, ref), care.Forbidden, "")
	s.must(s.Allocate(s.ctx(), as(care.TeamManager, notts), id, ref, "w1", ""))
	s.refused(s.Accept(s.ctx(), sw, id, ref), care.Conflict, "")
}

// Whether a case is known here is told to nobody who has nothing to do with it:
// an id that is nobody's is refused in the same words, whatever is asked.
func TestUnknownIsRefusedAsStrangersAre(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(1))
		s.refer(as(care.Coordinator, kings), id)
		for _, by := range []care.Actor{as(care.Coordinator, other), as(care.TeamManager, city), as(care.IGLead, kings)} {
			for name, ask := range map[string]func(care.CaseID) error{
				"open":     func(id care.CaseID) error { _, err := s.Case(s.ctx(), by, id); return err },
				"follow":   func(id care.CaseID) error { _, err := s.CaseSeq(s.ctx(), by, id); return err },
				"form":     func(id care.CaseID) error { _, err := s.StartReferral(s.ctx(), by, id); return err },
				"draft":    func(id care.CaseID) error { _, err := s.SaveDraft(s.ctx(), by, id, ReferralForm, nil); return err },
				"send":     func(id care.CaseID) error { _, err := s.Refer(s.ctx(), by, id, "k", false); return err },
				"withdraw": func(id care.CaseID) error { return s.Withdraw(s.ctx(), by, id, "r", "01", "") },
				"accept":   func(id care.CaseID) error { return s.Accept(s.ctx(), by, id, "r") },
				"allocate": func(id care.CaseID) error { return s.Allocate(s.ctx(), by, id, "r", "w1", "") },
				"note":     func(id care.CaseID) error { return s.AddNote(s.ctx(), by, id, "", care.AudienceBoth, "x") },
				"call":     func(id care.CaseID) error { return s.RecordCall(s.ctx(), by, id, "", care.Call{}) },
			} {
				var stranger, unknown error
				rows := s.audits(func() { stranger = ask(id) })
				none := s.audits(func() { unknown = ask("999 000 0018") })
				if care.KindOf(stranger) != care.Forbidden || fmt.Sprint(stranger) != fmt.Sprint(unknown) {
					t.Errorf("%s by %s: %v and %v", name, by.ID, stranger, unknown)
				}
				if len(rows) != len(none) || len(none) > 0 && (none[0].Case != "" || none[0].Allowed || none[0].Action != rows[0].Action) {
					t.Errorf("%s by %s is audited as %+v and %+v", name, by.ID, rows, none)
				}
			}
		}
	})
}

// The workers of a council are for those who may see its worklist.
func TestWorkersAreForTheirCouncil(t *testing.T) {
	s := newSite(t, "sqlite")
	s.accounts()
	for by, want := range map[care.Actor]care.Kind{as(care.WardNurse, kings): care.Forbidden, as(care.IGLead, notts): care.Forbidden, as(care.Broker, notts): ""} {
		if _, err := s.Workers(s.ctx(), by); care.KindOf(err) != want {
			t.Errorf("%s: %v", by.ID, err)
		}
	}
}

// Whose an old entry is, is known though its source is not configured any more.
func TestHospitalOfAnEntry(t *testing.T) {
	s := newSite(t, "sqlite")
	spoke := map[string]nhs.ODS{}
	for i, x := range []struct {
		source string
		event  care.Event
		want   nhs.ODS
	}{
		{"old", care.Moved{}, ""}, {"old", care.Admitted{Stay: care.Stay{Org: other}}, other}, {"old", care.Moved{}, other},
		{"King's Mill EPR", care.Moved{}, kings}, {"Queen's PAS", care.Discharged{Org: other}, other}, {"Mosaic", care.HoldingTold{}, ""},
	} {
		if got := s.hospitalOf(care.Entry{Event: x.event, Cause: care.Cause{Source: x.source}}, spoke); got != x.want {
			t.Errorf("%d: %q, want %q", i, got, x.want)
		}
	}
}
