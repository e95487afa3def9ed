package hub

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
	"homeward/translate"
)

// plainly is all that a system can know of what it is shown, with the names of
// cases, which are random, by who they are of.
func (s *site) plainly(v translate.Shown, err error) string {
	s.Helper()
	if err != nil {
		return err.Error()
	}
	v.Forms = nil
	kept := map[string]string{}
	for k, x := range v.Kept {
		b, err := fhir.Write(x.Tree, fhir.JSON, x.Version)
		s.must(err)
		kept[k] = string(b)
	}
	v.Kept = nil
	b, err := json.MarshalIndent(struct {
		translate.Shown
		Forms any
		Kept  map[string]string
	}{v, nil, kept}, "", " ")
	s.must(err)
	return strings.ReplaceAll(string(b), string(v.Case.ID), "CASE-OF-"+v.Case.NHS.Digits())
}

// pages is all pages of a search, as plainly.
func (s *site) pages(by care.Actor, f Find, limit int) string {
	s.Helper()
	var out []string
	for n := 0; ; n++ {
		f.Limit = limit
		p, err := s.ShowSome(s.ctx(), by, f, ShowRequest{})
		s.must(err)
		if n > 0 && len(p.IDs) == 0 || n > 500 {
			s.Fatal("a page without an end")
		}
		for _, v := range p.Shown {
			out = append(out, s.plainly(v, nil))
		}
		for _, id := range p.IDs {
			_, rest, _ := strings.Cut(id[1], ".")
			out = append(out, id[0]+"."+rest)
		}
		if f.After = p.Next; p.Next == "" {
			slices.Sort(out) // the order of pages is that of random names
			return strings.Join(slices.Compact(out), "\n")
		}
		if len(p.IDs) != limit {
			s.Fatalf("a page that is not the last holds %d of %d", len(p.IDs), limit)
		}
	}
}

// world is one site, in which somebody was admitted, supported and referred.
func world(t *testing.T, hide func(s *site, p somebody, id care.CaseID)) (*site, somebody, care.CaseID) {
	s := newSite(t, "sqlite", eprs)
	p := nobody(11)
	id := s.admit(p)
	s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
	s.pass(time.Minute)
	_, err := s.Take(s.ctx(), s.machineOf(kings), inbound("r", "r"), translate.Request{Visit: &care.Identifier{Value: "V" + p.mrn}, Key: "urn:x|1",
		Commands: []care.Command{care.Refer{ID: "R-1", Key: "urn:x|1", To: city, Another: true}}})
	s.must(err)
	_, err = s.Take(s.ctx(), s.machineOf(kings), inbound("r2", "r2"), translate.Request{Visit: &care.Identifier{Value: "V" + p.mrn}, Key: "urn:x|2",
		Commands: []care.Command{care.Refer{ID: "R-2", Key: "urn:x|2", To: notts, Another: true, Answers: map[string][]string{"reason": {"Stairs"}}}}})
	s.must(err)
	s.pass(time.Minute)
	if hide != nil {
		hide(s, p, id)
	}
	s.pass(time.Minute)
	s.admit(nobody(12))
	return s, p, id
}

// TestSystemsCannotTellWhatIsHidden compares all that a system reads in two worlds
// that differ only in something that its organisation may not see.
func TestSystemsCannotTellWhatIsHidden(t *testing.T) {
	hear := func(feed string, m says) func(*site, somebody, care.CaseID) {
		return func(s *site, p somebody, _ care.CaseID) { m.p = p; s.hear(feed, m) }
	}
	record := func(es ...care.Event) func(*site, somebody, care.CaseID) {
		return func(s *site, _ somebody, id care.CaseID) {
			s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
				c, err := tx.Case(id)
				if err == nil {
					_, err = tx.Record(c, care.Cause{Kind: "person", By: care.Who{ID: "x", Org: notts}}, s.clock(), es...)
				}
				return err
			}))
		}
	}
	at := morning.Add(time.Hour)
	note := func(a care.Audience, org nhs.ODS) care.Event {
		return care.NoteAdded{At: at, Note: care.Note{ID: "n", At: at, Audience: a, Text: "Hidden", By: care.Who{ID: "x", Org: org}}}
	}
	holds := func(council nhs.ODS, f func(*care.Holding)) care.Event {
		h := care.Holding{Council: council, AsAt: morning, Team: "T1", Worker: "Sam Okafor", Safeguarding: care.Safeguarding{Answer: care.AnswerNo, AsAt: morning},
			Packages: []care.Package{{Ref: "K1", Kind: "HS", Title: "Home care, 4 calls a day", Status: care.PackageActive, Start: nhs.Date{Year: 2025, Month: 6, Day: 1}, Provider: "V1", Funding: "Council"}}}
		f(&h)
		return care.HoldingTold{At: at, Holding: h}
	}
	seen := map[string]nhs.ODS{"money": notts, "what a package consists of": notts, "a direct payment": notts, "what another council provides": city,
		"a referral to another council": city, "a call that the council made": notts, "somebody else altogether": kings}
	for name, w := range map[string]struct {
		to   []nhs.ODS
		hide func(*site, somebody, care.CaseID)
	}{
		"a stay elsewhere":           {[]nhs.ODS{kings}, hear("qmc", says{event: "A05", visit: "Q1"})},
		"a council's note":           {[]nhs.ODS{kings, other, notts, city}, record(note(care.AudienceCouncil, notts))},
		"a hospital's note":          {[]nhs.ODS{kings, other, notts, city}, record(note(care.AudienceHospital, kings))},
		"money":                      {[]nhs.ODS{kings, other, city}, record(holds(notts, func(h *care.Holding) { h.Packages[0].Funding = "NHS" }))},
		"what a package consists of": {[]nhs.ODS{kings, other, city}, record(holds(notts, func(h *care.Holding) { h.Packages[0].Title = "Home care, 2 calls a day" }))},
		"a direct payment": {[]nhs.ODS{kings, other, city}, record(holds(notts, func(h *care.Holding) {
			h.Packages = append(h.Packages, care.Package{Ref: "K2", Kind: care.DirectPayment, Status: care.PackageActive})
		}))},
		"what another council provides":  {[]nhs.ODS{notts}, record(holds(city, func(*care.Holding) {}))},
		"a number that another gave":     {[]nhs.ODS{kings, notts, city}, record(care.Identified{At: at, IDs: []care.Identifier{{System: "mrn:RX1", Value: "M9"}}})},
		"a referral to another council":  {[]nhs.ODS{notts}, record(care.ReferralReceived{At: at, ID: "none"}, care.ReferralSent{At: at, Referral: care.Referral{ID: "R9", Key: "k9", From: kings, To: city, State: care.RefSent, Sent: at, Holder: care.Holder{Org: city, Since: at, Next: "x"}}})},
		"a call that the council made":   {[]nhs.ODS{city}, record(care.CallRecorded{At: at, Call: care.Call{ID: "k", At: at, Council: notts, ProviderName: "Linden", Outcome: "notice", By: care.Who{Org: notts}}})},
		"that the other system was told": {[]nhs.ODS{notts}, record(care.Told{At: at, Destination: "d", Title: "x", State: care.ToldSent})},
		"somebody else altogether":       {[]nhs.ODS{notts, city, other}, func(s *site, _ somebody, _ care.CaseID) { s.admit(nobody(13)) }},
		"somebody whom a council restricts": {[]nhs.ODS{kings, other}, func(s *site, _ somebody, _ care.CaseID) {
			s.imported(city, "full", held{id: "P9", p: nobody(14), restricted: "yes", packages: []string{pack("K9", "HS", "active")}})
			s.imported(city, "full", held{id: "P9", p: nobody(14), restricted: "yes", packages: []string{pack("K9", "HS", "active"), pack("K8", "HS", "active")}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			before, p, id := world(t, func(s *site, p somebody, id care.CaseID) {
				if name == "somebody whom a council restricts" { // that the council tells anything at all is seen
					s.imported(city, "full")
					s.imported(city, "full")
				}
			})
			after, _, id2 := world(t, w.hide)
			if org := seen[name]; org != "" { // whoever may see it does
				f := Find{}
				if before.pages(before.machineOf(org), f, 3) == after.pages(after.machineOf(org), f, 3) {
					t.Errorf("%s sees no difference either", org)
				}
			}
			for _, org := range w.to {
				for _, q := range []ShowRequest{{}, {Behalf: "Dr X", Reason: "Care", Purpose: policy.DirectCare, Born: p.birth()}} {
					diff := cmp.Diff(before.plainly(before.Show(t.Context(), before.machineOf(org), id, q)), after.plainly(after.Show(t.Context(), after.machineOf(org), id2, q)))
					if diff != "" {
						t.Errorf("%s is shown a difference:\n%s", org, diff)
					}
				}
				for _, f := range []Find{{}, {Types: []string{"Patient"}}, {Since: at.Add(-30 * time.Minute)}, {NHS: p.nhs}, {NHS: nobody(14).nhs}} {
					if diff := cmp.Diff(before.pages(before.machineOf(org), f, 3), after.pages(after.machineOf(org), f, 3)); diff != "" {
						t.Errorf("%s finds a difference by %+v:\n%s", org, f, diff)
					}
				}
			}
		})
	}
}

func TestShowToEach(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *site) {
		p := nobody(21)
		id := s.admit(p)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
		s.refer(as(care.Coordinator, kings), id)
		see := func(org nhs.ODS, q ShowRequest) translate.Shown {
			t.Helper()
			v, err := s.Show(s.ctx(), s.machineOf(org), id, q)
			s.must(err)
			return v
		}
		v := see(kings, ShowRequest{Action: "read Patient"})
		if v.Case.NHS != p.nhs || v.Case.Stay == nil || len(v.Case.Referrals) != 1 || len(v.Case.Holdings) != 1 || v.Case.Holdings[0].Packages[0].Title != "" ||
			len(v.Case.IDs) != 1 || v.Orgs[notts].Name == "" || v.Case.Version != 0 || v.Councils[0].Providers["V1"].Phone == "" {
			t.Errorf("the hospital sees %+v", v.Case)
		}
		if at := v.Changed["Patient/"+string(id)]; !at.Equal(s.clock()) {
			t.Errorf("the Patient changed at %v", at)
		}
		v = see(notts, ShowRequest{})
		if v.Case.Holdings[0].Packages[0].Title == "" || v.Case.Stay == nil || len(v.Case.Referrals[0].Answers) == 0 || !v.Sees.Assessments {
			t.Errorf("the council sees %+v", v.Case)
		}
		for _, org := range []nhs.ODS{other, city} {
			rows := s.audits(func() {
				_, err := s.Show(s.ctx(), s.machineOf(org), id, ShowRequest{Action: "read Patient"})
				s.refused(err, care.NotFound, "")
				_, err = s.Show(s.ctx(), s.machineOf(org), "nosuchcase", ShowRequest{Action: "read Patient"})
				s.refused(err, care.NotFound, "")
			})
			if len(rows) != 2 || rows[0].Allowed || rows[0].Case != id || rows[1].Allowed || rows[1].Case != "" || rows[0].Action != "read Patient" || len(rows[0].Sections) > 0 {
				t.Errorf("audited %+v", rows)
			}
		}
	})
}

// TestShowOnBehalf is a look-up by a hospital's system for a member of its staff.
func TestShowOnBehalf(t *testing.T) {
	s := newSite(t, "sqlite", eprs)
	p := nobody(22)
	s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
	by := s.machineOf(other)
	q := ShowRequest{Behalf: "Dr A Vane", Reason: "In A&E now", Purpose: policy.DirectCare, Born: p.birth(), Action: "look up"}
	var v translate.Shown
	rows := s.audits(func() {
		var err error
		v, err = s.ShowByNumber(s.ctx(), by, p.nhs, q)
		s.must(err)
	})
	if len(v.Case.Holdings) != 1 || v.Case.Person.Family != p.family || v.Case.Stay != nil || v.Sees.Whereabouts {
		t.Errorf("found %+v", v.Case)
	}
	if len(rows) != 1 || !rows[0].Allowed || rows[0].Reason != "for Dr A Vane: In A&E now" || rows[0].Relationship != "declared" {
		t.Errorf("audited %+v", rows)
	}
	for name, change := range map[string]func(*ShowRequest){
		"another date of birth": func(q *ShowRequest) { q.Born.Day++ },
		"for nobody":            func(q *ShowRequest) { q.Behalf = "" },
		"for no reason":         func(q *ShowRequest) { q.Reason = "" },
		"to run the service":    func(q *ShowRequest) { q.Purpose = policy.Operations },
	} {
		q := q
		change(&q)
		if _, err := s.ShowByNumber(s.ctx(), by, p.nhs, q); care.KindOf(err) != care.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := s.ShowByNumber(s.ctx(), by, nobody(23).nhs, q)
	s.refused(err, care.NotFound, "")
}

func TestShowSomeFilters(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *site) {
		var ids []care.CaseID
		for n := range 7 {
			ids = append(ids, s.admit(nobody(30+n)))
			s.pass(time.Minute)
		}
		s.refer(as(care.Coordinator, kings), ids[2])
		s.pass(time.Hour)
		s.hear("kmh", says{event: "A02", p: nobody(34), ward: "W31/1", visit: "V" + nobody(34).mrn})
		since := s.clock().Add(-time.Minute)
		count := func(org nhs.ODS, f Find) (n int) {
			t.Helper()
			for {
				f.Limit = 2
				p, err := s.ShowSome(s.ctx(), s.machineOf(org), f, ShowRequest{})
				s.must(err)
				n += len(p.IDs)
				if f.After = p.Next; p.Next == "" {
					return n
				}
			}
		}
		for name, x := range map[string]struct {
			org  nhs.ODS
			f    Find
			want int
		}{
			"all patients":        {kings, Find{Types: []string{"Patient"}}, 7},
			"all stays":           {kings, Find{Types: []string{"Encounter"}}, 7},
			"in a state":          {kings, Find{Types: []string{"Encounter"}, Status: []string{"finished"}}, 0},
			"in another":          {kings, Find{Types: []string{"Encounter"}, Status: []string{"in-progress"}}, 7},
			"changed lately":      {kings, Find{Types: []string{"Encounter"}, Since: since}, 1},
			"changed before":      {kings, Find{Types: []string{"Encounter"}, Until: since}, 6},
			"referred to us":      {notts, Find{Types: []string{"Patient"}}, 1},
			"tasks":               {notts, Find{Types: []string{"Task", "ServiceRequest"}, Status: []string{"received", "active"}}, 2},
			"with another's part": {kings, Find{Types: []string{"Patient"}, Org: notts}, 1},
			"nothing of ours":     {city, Find{}, 0},
			"elsewhere":           {other, Find{}, 0},
		} {
			if got := count(x.org, x.f); got != x.want {
				t.Errorf("%s: %d, want %d", name, got, x.want)
			}
		}
		p, err := s.ShowSome(s.ctx(), s.machineOf(kings), Find{IDs: []care.Identifier{{System: "mrn:RK5", Value: nobody(31).mrn}}}, ShowRequest{})
		s.must(err)
		if p.Total != 1 || p.Shown[0].Case.ID != ids[1] {
			t.Errorf("by number: %d", p.Total)
		}
		p, err = s.ShowSome(s.ctx(), s.machineOf(kings), Find{Visit: &care.Identifier{Value: "V" + nobody(32).mrn}}, ShowRequest{})
		s.must(err)
		if p.Total != 1 || p.Shown[0].Case.ID != ids[2] {
			t.Errorf("by visit: %d", p.Total)
		}
		_, err = s.ShowSome(s.ctx(), s.machineOf(kings), Find{After: "!"}, ShowRequest{})
		s.refused(err, care.Invalid, "page")
		_, err = s.ShowSome(s.ctx(), as(care.IGLead, kings), Find{}, ShowRequest{})
		s.refused(err, care.Forbidden, "")
	})
}

// TestSearchIndexFollows reads the index back for cases that much happened to.
func TestSearchIndexFollows(t *testing.T) {
	onBothFaces(t, func(t *testing.T, s *site) {
		p := nobody(41)
		id := s.admit(p)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active"), pack("K2", "HS", "planned")}})
		s.refer(as(care.Coordinator, kings), id)
		s.pass(time.Hour)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
		s.hear("kmh", says{event: "A03", p: p, visit: "V" + p.mrn})
		s.must(s.AddNote(s.ctx(), as(care.Coordinator, kings), id, "", care.AudienceBoth, "Gone home"))
		var rows []store.ResourceRow
		s.view(func(tx *store.Tx) (err error) { rows, err = tx.ResourcesOf(id); return err })
		want := map[string]string{}
		for _, r := range care.Resources(s.read(id)) {
			for _, m := range r.Marks {
				want[r.Type+"/"+r.ID+"#"+m.Part] = r.Status
			}
		}
		got := map[string]string{}
		for _, r := range rows {
			got[r.Type+"/"+r.ID+"#"+r.Part] = r.Status
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		s.must(s.Store.Verify(s.ctx(), func(wrong string) { t.Error(wrong) }))
	})
}

// TestOldRecordsAreIndexed is a database from before the index.
func TestOldRecordsAreIndexed(t *testing.T) {
	s := newSite(t, "sqlite", eprs, func(_ *Config, c *store.Config) {
		c.Resources = func(care.Case) []care.Resource { return nil }
	})
	id := s.admit(nobody(51))
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.MarkUnindexed(id) }))
	h := s.another(eprs)
	h.indexLoop(s.ctx())
	p, err := h.ShowSome(s.ctx(), s.machineOf(kings), Find{Types: []string{"Encounter"}}, ShowRequest{})
	s.must(err)
	if len(p.IDs) != 1 || p.Shown[0].Case.ID != id {
		t.Errorf("found %v", p.IDs)
	}
	if at := p.Shown[0].Changed["Encounter/"+p.IDs[0][1]]; !at.Equal(s.read(id).News) {
		t.Errorf("changed at %v", at)
	}
}

func TestDirectory(t *testing.T) {
	s := newSite(t, "sqlite", eprs)
	s.admit(nobody(61))
	s.imported(notts, "full", held{id: "P1", p: nobody(62), packages: []string{pack("K1", "HS", "active")}})
	say := func(org nhs.ODS) string {
		d, err := s.Directory(s.ctx(), s.machineOf(org))
		s.must(err)
		return fmt.Sprint(len(d.Orgs), " ", len(d.Wards), " ", len(d.Teams), " ", len(d.Providers))
	}
	if k, n, c := say(kings), say(notts), say(city); k != "5 1 0 1" || n != "5 0 1 1" || c != "5 0 0 0" {
		t.Errorf("the hospital %s, the council %s, another %s", k, n, c)
	}
	broker := as(care.Broker, notts)
	all, err := s.CareProviders(s.ctx(), broker, DirectoryQuery{})
	s.must(err)
	_, err = s.CorrectProvider(s.ctx(), broker, all[0].Code, ProviderChange{Phone: "01632 960999", Seen: all[0].Seen})
	s.must(err)
	if d, err := s.Directory(s.ctx(), s.machineOf(kings)); err != nil || d.Providers[0].Phone != "01632 960999" {
		t.Errorf("what people corrected is not told to systems: %+v %v", d.Providers, err)
	}
	shut := bare(t, "sqlite", eprs)
	shut.imported(notts, "full", held{id: "P1", p: nobody(62), packages: []string{pack("K1", "HS", "active")}})
	d, err := shut.Directory(s.ctx(), shut.machineOf(kings))
	s.must(err)
	if len(d.Providers) > 0 {
		t.Error("providers without an agreement")
	}
}

// TestShowUnderAgreements: what does not flow is not shown, and that a council's
// part does not is the same whoever is asked about.
func TestShowUnderAgreements(t *testing.T) {
	s := bare(t, "sqlite", eprs)
	p := nobody(71)
	id := s.admit(p)
	s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
	v, err := s.Show(s.ctx(), s.machineOf(kings), id, ShowRequest{})
	s.must(err)
	if len(v.Case.Holdings) > 0 || v.Case.Stay == nil {
		t.Errorf("without an agreement: %+v", v.Case)
	}
	for _, c := range v.Councils {
		if !c.Withheld || c.Holding != nil {
			t.Errorf("%s is %+v", c.Council.ODS, c)
		}
	}
	a := everything()
	a.Flows = slices.DeleteFunc(a.Flows, func(f sharing.Flow) bool { return f.From != notts })
	for i := range a.Flows {
		a.Flows[i].Sections = []sharing.Section{"packages"}
	}
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutAgreement(a) }))
	v, err = s.Show(s.ctx(), s.machineOf(kings), id, ShowRequest{})
	s.must(err)
	if len(v.Case.Holdings) != 1 || len(v.Councils[0].Providers) > 0 || v.Case.Holdings[0].Safeguarding.Answer != care.AnswerNotShared {
		t.Errorf("with packages only: %+v", v.Councils)
	}
}

// TestPapersFollowSections: notices go with the referral; what was assessed goes
// with assessments and risks.
func TestPapersFollowSections(t *testing.T) {
	s := bare(t, "sqlite", eprs)
	share := func(keep ...sharing.Section) {
		a := everything()
		for i := range a.Flows {
			a.Flows[i].Sections = keep
		}
		a.Version = 0
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			seq, err := tx.AgreementsSeq()
			a.Version = int(seq) + 1
			if err != nil {
				return err
			}
			return tx.PutAgreement(a)
		}))
	}
	share("demographics", "referral", "timeline")
	got, err := s.Take(s.ctx(), s.machineOf(kings), inbound("r-1", "1"), s.referral(nobody(91), "V91", "k"))
	s.must(err)
	for i, kind := range []care.PaperKind{care.PaperAssessmentNotice, care.PaperNeeds, care.PaperChecklist} {
		r := translate.Request{Referral: got.Referral, Commands: []care.Command{care.SharePaper{Paper: care.Paper{Kind: kind, Items: []care.Said{{Link: "1", Answer: "Y"}}}}}}
		_, err := s.Take(s.ctx(), s.machineOf(kings), inbound(fmt.Sprint("p", i), fmt.Sprint(i)), r)
		s.must(err)
	}
	for _, x := range []struct {
		open []sharing.Section
		want int
	}{
		{[]sharing.Section{"demographics", "referral", "timeline"}, 1},
		{[]sharing.Section{"demographics", "referral", "timeline", "assessments"}, 1},
		{[]sharing.Section{"demographics", "referral", "timeline", "assessments", "risk"}, 3},
	} {
		share(x.open...)
		v, err := s.Show(s.ctx(), s.machineOf(notts), got.Case, ShowRequest{})
		s.must(err)
		c, err := s.Case(s.ctx(), as(care.SocialWorker, notts), got.Case)
		s.must(err)
		news := 0
		for _, i := range c.Timeline {
			if i.Kind == "paper" {
				news++
			}
		}
		if len(v.Case.Papers) != x.want || len(c.Papers) != x.want || news != x.want || v.Case.Referrals[0].Stay != "" {
			t.Errorf("with %v: a system is shown %d papers, a worker %d and %d lines", x.open, len(v.Case.Papers), len(c.Papers), news)
		}
	}
}
