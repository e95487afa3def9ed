package hub

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// kinds are the kinds of timeline entry that a case shows.
func kinds(v CaseView) (out []string) {
	for _, t := range v.Timeline {
		out = append(out, t.Kind)
	}
	return out
}

// TestOutcomesOfBothSides is somebody who left hospital, as the hospital and the
// councils record and see what became of them.
func TestOutcomesOfBothSides(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		id, ward, county := s.admit(p), as(care.Coordinator, kings), as(care.TeamManager, notts)
		ref := s.refer(ward, id).Referral.ID
		s.must(s.Accept(s.ctx(), county, id, ref))
		s.pass(24 * time.Hour)
		s.hear("kmh", says{event: "A03", p: p, visit: "V" + p.mrn, more: map[string]string{"PV1-36": "19"}})
		left := nhs.DateOf(s.clock().In(s.Zone))

		v := s.open(county, id)
		if len(v.Outcomes) != 1 || v.Outcomes[0].Left != left || v.Outcomes[0].Code != "19" || v.Outcomes[0].Readmitted.Answer != care.ReadmitYet || len(v.Tasks.Tasks) != 2 {
			t.Fatalf("the council sees %+v and %d tasks", v.Outcomes, len(v.Tasks.Tasks))
		}
		if a := s.open(ward, id); len(a.Tasks.Tasks) != 0 {
			t.Errorf("the ward sees the council's tasks: %+v", a.Tasks.Tasks)
		}
		record := func(by care.Actor, what string, o care.Outcome) error {
			o.Referral = ref
			v, was := s.open(as(by.Role, cmp.Or(map[nhs.ODS]nhs.ODS{city: notts}[by.Org], by.Org)), id), ""
			if len(v.Outcomes) > 0 {
				was = v.Outcomes[0].Was
			}
			return s.RecordOutcome(s.ctx(), by, id, care.RecordOutcome{What: what, Outcome: o}, was)
		}
		s.must(record(ward, care.OutcomeDestination, care.Outcome{Destination: "home-care"}))
		s.pass(time.Minute)
		s.must(record(county, care.OutcomeSaid, care.Outcome{Said: "Glad to be in my own bed", SaidAt: s.clock()}))
		s.pass(time.Minute)
		s.must(record(county, care.OutcomeGoals, care.Outcome{Goals: []care.Goal{{Text: "Walk to the shop", Met: "partly"}}}))
		s.refused(record(ward, care.OutcomeSaid, care.Outcome{Said: "x", SaidAt: s.clock()}), care.Forbidden, "")
		s.refused(record(as(care.TeamManager, city), care.OutcomeDestination, care.Outcome{Destination: "home"}), care.Forbidden, "")
		s.refused(record(county, care.OutcomeDay91, care.Outcome{Day91: &care.AtHome{Answer: "home"}}), care.BusinessRule, "")

		s.set(s.clock().AddDate(0, 0, 92))
		s.must(record(county, care.OutcomeDay91, care.Outcome{Day91: &care.AtHome{Answer: "home"}}))
		full, seen := s.open(county, id), s.open(ward, id)
		if o := full.Outcomes[0]; !o.Full || o.Outcome.Said == "" || len(o.Outcome.Goals) != 1 || o.Outcome.Day91 == nil || o.Readmitted.Answer != care.ReadmitNone || len(o.MayRecord) != 4 {
			t.Errorf("the council sees %+v", o)
		}
		o := seen.Outcomes[0]
		doc, err := json.Marshal(seen)
		s.must(err)
		if o.Full || o.Outcome.Destination != "home-care" || o.Outcome.Day91 == nil || len(o.MayRecord) != 1 || strings.Contains(string(doc), "own bed") || strings.Contains(string(doc), "the shop") {
			t.Errorf("the hospital sees %+v", o)
		}
		if got := len(slices.DeleteFunc(kinds(seen), func(k string) bool { return k != "outcome" })); got != 2 {
			t.Errorf("the hospital's timeline has %d outcomes, want where to and day 91", got)
		}
		for _, x := range full.Tasks.Tasks {
			if x.Kind == care.TaskHome91 && x.Open() {
				t.Error("day 91 was answered and its task is open")
			}
		}
	})
}

// TestHuddleOfBothSides is a huddle: what one side decides the other sees, and who has no
// part sees nothing.
func TestHuddleOfBothSides(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id, ward, county := s.admit(nobody(1)), as(care.Coordinator, kings), as(care.TeamManager, notts)
		stranger, nurse := as(care.Coordinator, other), as(care.WardNurse, kings)
		ref := s.refer(ward, id).Referral.ID
		s.must(s.Accept(s.ctx(), county, id, ref))

		h, err := s.StartHuddle(s.ctx(), ward, "", "k")
		s.must(err)
		again, err := s.StartHuddle(s.ctx(), county, kings, "k2")
		s.must(err)
		if h == "" || h != again {
			t.Fatalf("two huddles, %q and %q", h, again)
		}
		if _, err := s.StartHuddle(s.ctx(), county, "", "k3"); care.KindOf(err) != care.Required {
			t.Errorf("a huddle of any hospital: %v", err)
		}
		s.must(s.SayPresent(s.ctx(), ward, h, "A. Patel, ward 12; S. Reed"))
		one, err := s.Huddle(s.ctx(), ward, HuddleQuery{Decide: id})
		s.must(err)
		if len(one.Rows) != 1 || !one.Rows[0].May || len(one.People) == 0 || one.Meeting == nil || one.Meeting.ID != h {
			t.Fatalf("the ward's screen: %+v", one)
		}
		due := s.clock().Add(3 * time.Hour)
		n := NewDecision{Key: "d", Text: "Therapy visit", Owner: OwnerCode(care.Owner{Org: notts}), Due: due, Referral: ref}
		s.must(s.DecideInHuddle(s.ctx(), ward, id, n))
		s.must(s.DecideInHuddle(s.ctx(), ward, id, n))
		theirs, err := s.Huddle(s.ctx(), county, HuddleQuery{})
		s.must(err)
		if len(theirs.Rows) != 1 || theirs.Rows[0].Last == nil || len(theirs.Today) != 1 || theirs.Today[0].OwnerSay == "" {
			t.Fatalf("the council's screen: %+v", theirs)
		}
		d := theirs.Rows[0].Last
		s.must(s.DisagreeInHuddle(s.ctx(), county, id, d.ID, "There is no therapist today"))
		s.refused(s.DisagreeInHuddle(s.ctx(), stranger, id, d.ID, "x"), care.Forbidden, "")
		s.refused(s.DecideInHuddle(s.ctx(), nurse, id, n), care.Forbidden, "")
		s.refused(s.DecideInHuddle(s.ctx(), stranger, id, n), care.Forbidden, "")
		if got := s.open(ward, id); len(got.Decisions) != 1 || len(got.Decisions[0].Disagreed) != 1 || len(got.Tasks.Tasks) != 1 || !slices.Contains(kinds(got), "huddle") {
			t.Errorf("the ward's case: %+v", got.Decisions)
		}
		none, err := s.Huddle(s.ctx(), stranger, HuddleQuery{})
		s.must(err)
		if len(none.Rows) != 0 || none.Meeting != nil || len(none.Recent) != 0 {
			t.Errorf("another trust's screen: %+v", none)
		}
		if _, _, err := s.Minutes(s.ctx(), stranger, h); care.KindOf(err) != care.Forbidden {
			t.Errorf("another trust reads the minutes: %v", err)
		}

		was, err := s.SaveHuddleNotes(s.ctx(), county, h, "Ask about the key safe", 0)
		s.must(err)
		if _, err := s.SaveHuddleNotes(s.ctx(), county, h, "Other", was-1); care.KindOf(err) != care.Conflict {
			t.Errorf("saved over another's notes: %v", err)
		}
		s.must(s.CloseHuddle(s.ctx(), ward, h))
		s.must(s.CloseHuddle(s.ctx(), ward, h))
		m, ds, err := s.Minutes(s.ctx(), county, h)
		s.must(err)
		if len(ds) != 1 || len(ds[0].Disagreed) != 1 || m.Closed.IsZero() || m.Notes == "" || m.Present == "" {
			t.Errorf("the council's minutes: %+v, %+v", m, ds)
		}
		if m, _, err := s.Minutes(s.ctx(), ward, h); err != nil || m.Notes != "" {
			t.Errorf("the ward reads the council's notes: %+v, %v", m, err)
		}
	})
}

// TestHuddleIsLive wants what one side decides on the other's screen within a second.
func TestHuddleIsLive(t *testing.T) {
	s := newSite(t, "sqlite")
	id, ward, county := s.admit(nobody(1)), as(care.Coordinator, kings), as(care.TeamManager, notts)
	ref := s.refer(ward, id).Referral.ID
	page, err := s.Huddle(s.ctx(), county, HuddleQuery{})
	s.must(err)
	since := s.seq()
	done := make(chan HuddleView, 1)
	go func() {
		v, _, err := s.HuddleMoved(s.ctx(), county, HuddleQuery{}, max(page.Seq, since))
		if err != nil {
			t.Error(err)
		}
		done <- v
	}()
	start := time.Now()
	s.must(s.DecideInHuddle(s.ctx(), ward, id, NewDecision{Key: "d", Text: "Ring home", Owner: OwnerCode(care.Owner{Org: kings}), Due: s.clock().Add(time.Hour), Referral: ref}))
	if v := <-done; len(v.Rows) != 1 || v.Rows[0].Last == nil || time.Since(start) > time.Second {
		t.Errorf("after %v: %+v", time.Since(start), v.Rows)
	}
}

// TestConcernsReachOnlyTheCouncil raises a concern from a case and from look-ups.
func TestConcernsReachOnlyTheCouncil(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("k1", "HS", "active")}, concern: "no"})
		id := s.admit(p)
		nurse, colleague, broker := as(care.WardNurse, kings), as(care.Coordinator, kings), as(care.Broker, notts)
		worker, elsewhere := as(care.SocialWorker, notts), as(care.SocialWorker, city)
		n := care.Concern{ID: "k", To: notts, Kinds: []string{"neglect", "financial"}, Words: "Secret words", Knows: "no", Contact: "Secret contact", Danger: true}

		before := map[string]CaseView{"colleague": s.open(colleague, id)}
		start, err := s.StartConcern(s.ctx(), nurse, id, "")
		s.must(err)
		if start.To != notts {
			t.Errorf("it would go to %q", start.To)
		}
		ref, err := s.RaiseConcern(s.ctx(), nurse, id, "", n)
		s.must(err)
		again, err := s.RaiseConcern(s.ctx(), nurse, id, "", n)
		s.must(err)
		if ref == "" || ref != again || len(s.read(id).Concerns) != 1 {
			t.Fatalf("raised as %q and %q, %d in the record", ref, again, len(s.read(id).Concerns))
		}
		mine, err := s.MyConcerns(s.ctx(), nurse)
		s.must(err)
		if len(mine) != 1 || mine[0].Concern.Reference != ref || mine[0].Concern.Words != "" || mine[0].Concern.Contact != "" || len(mine[0].Concern.Kinds) != 0 {
			t.Errorf("who raised it sees %+v", mine)
		}
		same := func(v CaseView) string {
			v.Seq, v.Version, v.At = 0, 0, time.Time{}
			doc, err := json.Marshal(v)
			s.must(err)
			return string(doc)
		}
		if same(before["colleague"]) != same(s.open(colleague, id)) {
			t.Error("a colleague can tell that a concern was raised")
		}
		for _, by := range []care.Actor{colleague, broker, elsewhere, as(care.AENurse, kings)} {
			if got, err := s.MyConcerns(s.ctx(), by); err != nil || len(got) != 0 {
				t.Errorf("%s has concerns of their own: %+v, %v", by.Role, got, err)
			}
			if _, err := s.Concern(s.ctx(), by, id, s.read(id).Concerns[0].ID); care.KindOf(err) != care.Forbidden {
				t.Errorf("%s of %s reads it: %v", by.Role, by.Org, err)
			}
			if got, err := s.Concerns(s.ctx(), by, false); care.KindOf(err) != care.Forbidden && len(got) != 0 {
				t.Errorf("%s of %s lists it: %v", by.Role, by.Org, err)
			}
		}
		list, err := s.Concerns(s.ctx(), worker, false)
		s.must(err)
		if len(list) != 1 || list[0].Concern.Words != "" || list[0].Person.Family == "" || len(list[0].Kinds) != 2 {
			t.Fatalf("the council lists %+v", list)
		}
		concern := list[0].Concern.ID
		read, err := s.Concern(s.ctx(), worker, id, concern)
		s.must(err)
		if read.Concern.Words != "Secret words" || read.Concern.Contact == "" || !read.Concern.Danger {
			t.Errorf("the council reads %+v", read)
		}

		look := func() care.Answer {
			v, err := s.Look(s.ctx(), as(care.AENurse, kings), LookRequest{Number: p.nhs, Born: p.birth(), Reason: ReasonCare})
			s.must(err)
			if len(v.Councils) != 1 {
				t.Fatalf("the look-up shows %d councils", len(v.Councils))
			}
			return v.Councils[0].Safeguarding.Answer
		}
		if got := look(); got != care.AnswerNo {
			t.Errorf("raised only, and the look-up says %q", got)
		}
		s.must(s.MoveConcern(s.ctx(), worker, id, concern, care.ConcernEnquiry, ""))
		if got := look(); got != care.AnswerYes {
			t.Errorf("an enquiry is open, and the look-up says %q", got)
		}
		s.pass(time.Hour)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("k1", "HS", "active")}, concern: "no"})
		if got := look(); got != care.AnswerYes {
			t.Errorf("a newer extract hid an enquiry that is open here: %q", got)
		}
		s.refused(s.MoveConcern(s.ctx(), nurse, id, concern, care.ConcernClosed, "x"), care.Forbidden, "")
		s.refused(s.MoveConcern(s.ctx(), broker, id, concern, care.ConcernClosed, "x"), care.Forbidden, "")
		s.must(s.MoveConcern(s.ctx(), worker, id, concern, care.ConcernClosed, "A plan was agreed"))
		if got := look(); got != care.AnswerNo {
			t.Errorf("closed, and the look-up says %q", got)
		}
		s.accounts()
		s.concernsFromLookups(t, worker)
		// Of each that is in no case the council's manager is told at once, by no name.
		manager := care.Actor{ID: "w2", Name: "B Osei", Role: care.TeamManager, Org: notts, OrgKind: care.Council}
		told, err := s.Notifications(s.ctx(), manager)
		s.must(err)
		loose := 0
		for _, r := range told.Rows {
			if strings.Contains(r.Words, "somebody who is not known here") && r.Severe && r.Case == "" && r.Person.Family == "" {
				loose++
			}
		}
		if loose == 0 {
			t.Errorf("the manager is told %+v", told.Rows)
		}
	})
}

// concernsFromLookups raises one about each kind of person that a look-up does not show:
// whoever raises it cannot tell which it was.
func (s *site) concernsFromLookups(t *testing.T, worker care.Actor) {
	child, unknown, far := nobody(2), nobody(3), nobody(4)
	child.born = "20140402"
	s.hear("kmh", says{event: "A01", p: child, ward: "W12/5", visit: "V2"})
	s.imported(notts, "changes", held{id: "P2", p: child, packages: []string{pack("k2", "HS", "active")}})
	s.hear("qmc", says{event: "A01", p: far, ward: "Q1/1", visit: "Q4"})
	ae := as(care.AENurse, kings)
	for name, p := range map[string]somebody{"child": child, "unknown": unknown, "far": far} {
		v, err := s.Look(s.ctx(), ae, LookRequest{Number: p.nhs, Born: p.birth(), Reason: ReasonCare})
		s.must(err)
		if v.Outcome == LookFound || v.Case != "" {
			t.Fatalf("%s: the look-up shows %s", name, v.Outcome)
		}
		n := care.Concern{ID: "k" + name, To: notts, Kinds: []string{"neglect"}, Words: "About " + name, Knows: "no", Contact: "A&E"}
		ref, err := s.RaiseConcern(s.ctx(), ae, "", v.Handle, n)
		again, err2 := s.RaiseConcern(s.ctx(), ae, "", v.Handle, n)
		if err != nil || err2 != nil || ref == "" || ref != again {
			t.Fatalf("%s: %q and %q, %v, %v", name, ref, again, err, err2)
		}
	}
	mine, err := s.MyConcerns(s.ctx(), ae)
	s.must(err)
	list, err := s.Concerns(s.ctx(), worker, false)
	s.must(err)
	if len(mine) != 3 || len(list) != 3 {
		t.Fatalf("%d are whose who raised them, and %d the council's", len(mine), len(list))
	}
	for _, v := range list {
		if v.Loose != (v.Typed != nil) || v.Loose && v.Typed.Number.IsZero() {
			t.Errorf("the council sees %+v", v)
		}
		id := v.Case
		full, err := s.Concern(s.ctx(), worker, id, v.Concern.ID)
		s.must(err)
		if full.Concern.Words == "" {
			t.Error("the council cannot read what was seen")
		}
		s.must(s.MoveConcern(s.ctx(), worker, id, v.Concern.ID, care.ConcernReceived, ""))
	}
	if mine, err = s.MyConcerns(s.ctx(), ae); err != nil || mine[0].Concern.State != care.ConcernReceived {
		t.Errorf("who raised it sees %+v, %v", mine, err)
	}
	if _, err := s.Concern(s.ctx(), as(care.SocialWorker, city), "", list[0].Concern.ID); care.KindOf(err) != care.Forbidden {
		t.Errorf("another council reads it: %v", err)
	}
}
