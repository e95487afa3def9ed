package hub

import (
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/form"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/store"
	"homeward/translate"
)

// eprs are the systems of the tests: one of each organisation.
func eprs(c *Config, _ *store.Config) {
	for _, o := range []nhs.ODS{kings, other, notts, city} {
		c.Systems = append(c.Systems, System{Client: "sys-" + strings.ToLower(string(o)), Title: "System of " + string(o), Org: o, Scopes: []string{"shd"}})
	}
}

// machineOf is the system of an organisation.
func (s *site) machineOf(org nhs.ODS) care.Actor {
	sys, ok := s.System("sys-" + strings.ToLower(string(org)))
	if !ok {
		s.Fatal("there is no such system")
	}
	return s.actor(sys, "192.0.2.7")
}

func onBothFaces(t *testing.T, f func(t *testing.T, s *site)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, newSite(t, engine, eprs)) })
	}
}

// about is what a system says of a person.
func (p somebody) about(org nhs.ODS) care.About {
	return care.About{NHS: p.nhs, Trace: "01", IDs: []care.Identifier{{System: "mrn:" + string(org), Value: p.mrn}}, Family: care.Tell(p.family), Given: care.Tell(p.given),
		Born: care.Tell(p.birth()), Address: care.Tell(care.Address{Lines: []string{"4 Mill Lane"}, Postcode: p.post})}
}

// inBed is that a person is in a ward.
func (s *site) inBed(p somebody, org nhs.ODS, visit, ward string) care.Observation {
	return care.Observation{At: s.clock(), Event: "encounter", About: p.about(org), Visit: visit,
		Seen: &care.Seen{Opens: true, Class: care.Tell("I"), Where: care.Tell(care.Location{Ward: ward})}}
}

// moved is an Encounter without the person: only its visit says who is meant.
func (s *site) moved(visit, ward string) translate.Request {
	return translate.Request{Event: "location", Visit: &care.Identifier{Value: visit}, Must: true,
		Observations: []care.Observation{{At: s.clock(), Visit: visit, Seen: &care.Seen{Where: care.Tell(care.Location{Ward: ward})}}}}
}

// referral is a referral of somebody who is not known yet, with their stay.
func (s *site) referral(p somebody, visit, key string) translate.Request {
	return translate.Request{Event: "refer-patient", About: p.about(kings), Key: key, Observations: []care.Observation{s.inBed(p, kings, visit, "W12")},
		Commands: []care.Command{care.Refer{Key: key, Pathway: "1", Answers: form.Answers{"reason": {"Cannot manage stairs"}}}}}
}

func inbound(id, body string) Inbound {
	return Inbound{Face: "shd", What: "refer-patient", RequestID: id, Media: "application/fhir+json", Raw: []byte(body)}
}

func TestTakeRefers(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *site) {
		by, p := s.machineOf(kings), nobody(1)
		var got Taken
		rows := s.audits(func() {
			var err error
			got, err = s.Take(s.ctx(), by, inbound("r-1", "body"), s.referral(p, "V1", "urn:x|7"))
			s.must(err)
		})
		c := s.read(got.Case)
		if r := c.Referrals[0]; !got.Created || got.Referral != r.ID || r.To != notts || r.State != care.RefReceived || r.Form != "shd" || got.Visit != "V1" {
			t.Fatalf("taken %+v, a referral to %s in state %s by form %s", got, r.To, r.State, r.Form)
		}
		if len(rows) != 1 || !rows[0].Allowed || rows[0].Case != got.Case || !slices.Contains(rows[0].Sections, "refer") || rows[0].Outcome != "shd refer-patient: done" {
			t.Errorf("audited: %+v", rows)
		}
		if m := s.messages("shd:sys-rk5"); len(m) != 1 || m[0].State != store.MessageDone || m[0].Case != got.Case || string(m[0].Raw) != "body" {
			t.Errorf("kept: %+v", m)
		}
		before := s.seq()
		for name, id := range map[string]string{"the same request": "r-1", "the same referral by another request": "r-2"} {
			again, err := s.Take(s.ctx(), by, inbound(id, "body"), s.referral(p, "V1", "urn:x|7"))
			s.must(err)
			if !again.Again || again.Created || again.Referral != got.Referral || again.Case != got.Case || again.Message != got.Message || s.seq() != before {
				t.Errorf("%s: %+v", name, again)
			}
		}
		_, err := s.Take(s.ctx(), by, inbound("r-1", "another body"), s.referral(p, "V1", "urn:x|8"))
		s.refused(err, care.Conflict, "")
		_, err = s.Take(s.ctx(), by, inbound("r-3", "another body"), s.referral(p, "V1", "urn:x|7"))
		s.refused(err, care.Conflict, "")
		if m := s.messages("shd:sys-rk5"); s.seq() != before || m[0].State != store.MessageIgnored || !strings.Contains(m[0].Reason, "sent before") {
			t.Errorf("after the conflicts: %+v", m[0])
		}
	})
}

// TestTakeIsAllOrNothing: what is asked for is refused, and what was said with it
// has no effect either. Asked again under the same name when it may be, it has.
func TestTakeIsAllOrNothing(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *site) {
		by, p := s.machineOf(kings), nobody(2)
		r := s.referral(p, "V2", "k")
		r.Commands = append(r.Commands, care.WithdrawPaper{Kind: care.PaperDischargeNotice, Why: "04"})
		var err error
		rows := s.audits(func() { _, err = s.Take(s.ctx(), by, inbound("r-1", "body"), r) })
		s.refused(err, care.NotFound, "kind")
		if s.seq() != 0 {
			t.Error("something was recorded")
		}
		if m := s.messages("shd:sys-rk5"); len(m) != 1 || m[0].State != store.MessageIgnored || m[0].Reason != "Refused: This referral has no such document" {
			t.Errorf("kept: %+v", m)
		}
		if len(rows) != 1 || rows[0].Allowed || rows[0].Outcome != "shd refer-patient: refused, not-found" {
			t.Errorf("audited: %+v", rows)
		}
		r.Commands = r.Commands[:1]
		got, err := s.Take(s.ctx(), by, inbound("r-1", "body"), r)
		s.must(err)
		if m := s.messages("shd:sys-rk5"); !got.Created || got.Again || len(m) != 1 || m[0].State != store.MessageDone {
			t.Errorf("the second time: %+v, kept %+v", got, m)
		}
	})
}

func TestTakeByVisit(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *site) {
		id := s.admit(nobody(3)) // by HL7: the same stay
		by := s.machineOf(kings)
		s.pass(time.Minute)
		got, err := s.Take(s.ctx(), by, inbound("r-1", "a"), s.moved("V"+nobody(3).mrn, "W31"))
		s.must(err)
		if c := s.read(id); got.Case != id || c.Stay.Where.Ward != "W31" || got.Visit != "V"+nobody(3).mrn {
			t.Errorf("taken %+v, in %s", got, c.Stay.Where.Ward)
		}
		_, err = s.Take(s.ctx(), by, inbound("r-2", "b"), s.moved("V999", "W31"))
		s.refused(err, care.NotFound, "")
		_, err = s.Take(s.ctx(), s.machineOf(other), inbound("r-3", "c"), s.moved("V"+nobody(3).mrn, "W31"))
		s.refused(err, care.NotFound, "")
		r := s.moved("V"+nobody(3).mrn, "W12")
		r.Observations[0].About = nobody(4).about(kings)
		_, err = s.Take(s.ctx(), by, inbound("r-4", "d"), r)
		s.refused(err, care.Conflict, "")
	})
}

// TestTakeBelievesOnlyTheirOwn: a hospital's system does not speak for another
// hospital's patients, nor a council's for a hospital.
func TestTakeBelievesOnlyTheirOwn(t *testing.T) {
	s := newSite(t, "sqlite", eprs)
	p := nobody(5)
	id := s.admit(p)
	r := translate.Request{Observations: []care.Observation{s.inBed(p, kings, "Q1", "QW")}} // with King's Mill's number
	got, err := s.Take(s.ctx(), s.machineOf(other), inbound("r-1", "a"), r)
	s.must(err)
	c := s.read(id)
	if got.Case != id || slices.ContainsFunc(c.IDs, func(x care.Identifier) bool { return x.System == "mrn:RX1" }) {
		t.Errorf("taken for %v, with numbers %v", got.Case == id, c.IDs)
	}
	_, err = s.Take(s.ctx(), s.machineOf(notts), inbound("r-2", "b"), r)
	s.refused(err, care.Forbidden, "")
	_, err = s.Take(s.ctx(), s.machineOf(kings), inbound("r-3", "c"), translate.Request{Observations: []care.Observation{{About: p.about(kings), Holds: &care.Holding{}}}})
	s.refused(err, care.Forbidden, "")
	hold := care.Observation{About: p.about(notts), Holds: &care.Holding{Council: city, Packages: []care.Package{{Ref: "P1", Kind: "HS", Status: care.PackageActive}}}}
	_, err = s.Take(s.ctx(), s.machineOf(notts), inbound("r-4", "d"), translate.Request{Observations: []care.Observation{hold}})
	s.must(err)
	if c := s.read(id); len(c.Holdings) != 1 || c.Holdings[0].Council != notts {
		t.Errorf("held by %+v", c.Holdings)
	}
}

func TestTakeAnswersOfACouncil(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *site) {
		hospital, council := s.machineOf(kings), s.machineOf(notts)
		got, err := s.Take(s.ctx(), hospital, inbound("r-1", "body"), s.referral(nobody(6), "V6", "k"))
		s.must(err)
		ref := translate.Request{Referral: got.Referral}
		ask := func(by care.Actor, id string, cmds ...care.Command) error {
			r := ref
			r.Commands = cmds
			_, err := s.Take(s.ctx(), by, inbound(id, id), r)
			return err
		}
		s.must(ask(council, "1", care.Receive{Reference: "4471902"}, care.Accept{}, care.Allocate{Worker: care.Who{ID: "w9", Name: "R Hale"}}, care.Progress{State: care.RefAssessing}))
		r := s.read(got.Case).Referrals[0]
		if r.State != care.RefAssessing || r.Reference != "4471902" || r.Worker.Name != "R Hale" || r.Worker.Org != notts {
			t.Errorf("it is %s, %s, with %+v", r.State, r.Reference, r.Worker)
		}
		s.refused(ask(s.machineOf(city), "2", care.Accept{}), care.NotFound, "")
		s.refused(ask(s.machineOf(other), "3", care.Withdraw{Why: "12"}), care.NotFound, "")
		rows := s.audits(func() { s.refused(ask(council, "4", care.Withdraw{Why: "12"}), care.Forbidden, "") })
		if m := s.messages("shd:sys-511"); len(rows) != 1 || rows[0].Allowed || rows[0].Case != got.Case || m[0].Case != got.Case {
			t.Errorf("a refusal is audited as %+v and kept about %q", rows, m[0].Case)
		}
		s.refused(ask(hospital, "5", care.Close{Outcome: "Home"}), care.Forbidden, "")
		s.refused(ask(council, "6", care.AddNote{Note: care.Note{Audience: care.AudienceCouncil, Text: "x"}}), care.Forbidden, "")
		s.must(ask(council, "7", care.AddNote{Note: care.Note{Audience: care.AudienceBoth, Text: "Visit at 2pm"}}, care.Close{Outcome: "Home with care"}))
		c := s.read(got.Case)
		if c.Referrals[0].State != care.RefClosed || len(c.Notes) != 1 || c.Notes[0].By.Org != notts || c.Notes[0].Referral != got.Referral {
			t.Errorf("it is %s, with notes %+v", c.Referrals[0].State, c.Notes)
		}
		_, err = s.Take(s.ctx(), council, inbound("8", "8"), translate.Request{Referral: "NOBO-DYHA-STHIS", Commands: []care.Command{care.Accept{}}})
		s.refused(err, care.NotFound, "")
	})
}

func TestTakePapers(t *testing.T) { onBothFaces(t, takePapers) }

func takePapers(t *testing.T, s *site) {
	by := s.machineOf(kings)
	got, err := s.Take(s.ctx(), by, inbound("r-1", "body"), s.referral(nobody(7), "V7", "k"))
	s.must(err)
	paper := func(id, answer string) (Taken, error) {
		tree := fhir.Obj("resourceType", "QuestionnaireResponse", "status", "completed", "language", answer)
		return s.Take(s.ctx(), by, inbound(id, id), translate.Request{Referral: got.Referral, Kept: []translate.Kept{{Type: "QuestionnaireResponse", Version: fhir.STU3, Tree: tree}},
			Commands: []care.Command{care.SharePaper{Paper: care.Paper{Kind: care.PaperDischargeNotice, Items: []care.Said{{Link: "1", Answer: answer}}}}}})
	}
	first, err := paper("p-1", "Y")
	s.must(err)
	second, err := paper("p-2", "N")
	s.must(err)
	if !first.Created || second.Created || first.Paper == "" || second.Paper != first.Paper || second.Referral != got.Referral {
		t.Errorf("first %+v, then %+v", first, second)
	}
	_, err = s.Take(s.ctx(), by, inbound("p-3", "c"), translate.Request{Sent: &care.Identifier{Value: "k"}, Must: true,
		Commands: []care.Command{care.WithdrawPaper{Kind: care.PaperDischargeNotice, Why: "04"}}})
	s.must(err)
	if p := s.read(got.Case).Papers[0]; p.Withdrawn.IsZero() || p.Items[0].Answer != "N" {
		t.Errorf("the paper is %+v", p)
	}
	v, err := s.Show(s.ctx(), s.machineOf(notts), got.Case, ShowRequest{})
	s.must(err)
	k := v.Kept["QuestionnaireResponse/"+care.ResourceID(got.Case, "paper", first.Paper)]
	if k.Tree.Str("language") != "N" || k.Version != fhir.STU3 {
		t.Errorf("kept: %+v", v.Kept)
	}
	c, err := s.Case(s.ctx(), as(care.SocialWorker, notts), got.Case)
	s.must(err)
	if len(c.Papers) != 1 || !slices.ContainsFunc(c.Timeline, func(i TimelineItem) bool { return i.Title == "Discharge notice withdrawn" && i.Kind == "paper" }) {
		t.Errorf("a worker sees %d papers on %+v", len(c.Papers), c.Timeline)
	}
	c, err = s.Case(s.ctx(), as(care.Coordinator, kings), got.Case)
	s.must(err)
	if len(c.Papers) != 1 {
		t.Error("the sender does not see the paper")
	}
}

func TestTakeNeedsAnAgreement(t *testing.T) {
	s := bare(t, "sqlite", eprs)
	_, err := s.Take(s.ctx(), s.machineOf(kings), inbound("r-1", "body"), s.referral(nobody(8), "V8", "k"))
	s.refused(err, care.BusinessRule, "council_name")
	if s.seq() != 0 {
		t.Error("something was recorded")
	}
	r := s.referral(nobody(8), "V8", "k")
	r.Commands[0] = care.Refer{Key: "k", To: "599"}
	_, err = s.Take(s.ctx(), s.machineOf(kings), inbound("r-2", "body"), r)
	s.refused(err, care.Invalid, "recipient")
}

func TestTakeComparesVersions(t *testing.T) {
	s := newSite(t, "sqlite", eprs)
	id := s.admit(nobody(9))
	in := inbound("r-1", "a")
	in.Version = func(v translate.Shown, k translate.Kept) string { return k.Type + v.Case.Stay.Where.Ward }
	r := s.moved("V"+nobody(9).mrn, "W31")
	r.Kept, r.IfMatch = []translate.Kept{{Type: "Encounter", Version: fhir.R4}}, `W/"EncounterW99"`
	s.pass(time.Minute)
	_, err := s.Take(s.ctx(), s.machineOf(kings), in, r)
	s.refused(err, care.Conflict, "If-Match")
	r.IfMatch = `W/"EncounterW12"`
	in.RequestID = "r-2"
	_, err = s.Take(s.ctx(), s.machineOf(kings), in, r)
	s.must(err)
	if w := s.read(id).Stay.Where.Ward; w != "W31" {
		t.Errorf("in %s", w)
	}
}

func TestRefusedIsKept(t *testing.T) {
	s := newSite(t, "sqlite", eprs)
	in := inbound("r-1", "{")
	in.Problem = "the text ends within an object"
	s.must(s.Refused(s.ctx(), s.machineOf(kings), in))
	m := s.messages("shd:sys-rk5")
	if len(m) != 1 || m[0].State != store.MessageUnreadable || m[0].Reason != in.Problem || m[0].Type != "refer-patient" {
		t.Errorf("kept: %+v", m)
	}
	fs, err := s.Feeds(s.ctx(), as(care.Integration, system))
	s.must(err)
	if !slices.ContainsFunc(fs, func(f FeedView) bool {
		return f.Source.Feed == "shd:sys-rk5" && f.Unreadable == 1 && f.Source.Title == "System of RK5 (shd)"
	}) {
		t.Errorf("the feeds: %+v", fs)
	}
	x, err := s.ExplainMessage(s.ctx(), as(care.Integration, system), int64(m[0].ID))
	if s.must(err); !strings.Contains(x.Ignore, "answered at once") {
		t.Errorf("explained: %+v", x)
	}
	s.refused(s.Refused(s.ctx(), as(care.Coordinator, kings), in), care.Forbidden, "")
}
