package hub

import (
	"slices"
	"testing"
	"time"

	"homeward/care"
	"homeward/policy"
)

// shared is one NHS number that two trusts gave for people with different dates
// of birth: a record of each trust, both frozen.
func (s *site) shared() (here, there care.CaseID) {
	s.Helper()
	here = s.admit(nobody(1))
	p := nobody(1)
	p.mrn, p.born = "Q000001", "19500101"
	s.hear("qmc", says{event: "A01", p: p, ward: "Q7/1", visit: "Q1"})
	there = s.find(other, "Q000001").ID
	if a, b := s.read(here), s.read(there); here == there || a.Doubt == nil || b.Doubt == nil || b.Doubt.Other != here {
		s.Fatalf("not in question: %+v %+v", a.Doubt, b.Doubt)
	}
	return here, there
}

// A steward reads and settles the records of his own organisation and no other.
func TestStewardsOfTheirOwn(t *testing.T) {
	s := newSite(t, "sqlite")
	p := nobody(3)
	id := s.admit(p)
	s.imported(notts, "full", held{id: "10003", p: p, packages: []string{pack("P3", "HS", "active")}})
	p.nhs, p.trace = numbers()[99], ""
	s.hear("kmh", says{event: "A31", p: p})
	for _, a := range []care.Actor{as(care.Coordinator, other), as(care.IGLead, other), as(care.TeamManager, city), as(care.IGLead, city), as(care.IGLead, system)} {
		qs, err := s.Questions(s.ctx(), a)
		s.must(err)
		if len(qs) != 0 {
			t.Errorf("%s reads %+v", a.ID, qs)
		}
		_, err = s.Question(s.ctx(), a, id, "")
		s.refused(err, care.NotFound, "")
		s.refused(s.Settle(s.ctx(), a, id, "keep", "I asked"), care.Forbidden, "")
		if _, err := s.Case(s.ctx(), a, id); care.KindOf(err) != care.Forbidden {
			t.Errorf("%s opens the record: %v", a.ID, err)
		}
	}
	for _, a := range []care.Actor{as(care.Coordinator, kings), as(care.TeamManager, notts), as(care.IGLead, notts)} {
		qs, err := s.Questions(s.ctx(), a)
		s.must(err)
		if len(qs) != 1 || qs[0].A.ID != id {
			t.Fatalf("%s has %+v", a.ID, qs)
		}
		for _, n := range qs[0].A.IDs {
			if n.System != "mrn:"+string(a.Org) && n.System != "council:"+string(a.Org) {
				t.Errorf("%s reads another's number %s", a.ID, n.System)
			}
		}
	}
	// In no bed and long gone, it still carries the hospital's own number.
	s.hear("kmh", says{event: "A03", p: nobody(3), visit: "V" + nobody(3).mrn})
	s.pass(30 * 24 * time.Hour)
	if c := s.read(id); c.Stay != nil {
		t.Fatal("still in a bed")
	}
	s.must(s.Settle(s.ctx(), as(care.Coordinator, kings), id, "keep", "PDS says so"))
}

// Every card that is read has a row of its own, which names the record and what
// was shown of it.
func TestCardsAreAudited(t *testing.T) {
	s := newSite(t, "sqlite")
	here, there := s.shared()
	read := func(by care.Actor, f func(care.Actor)) (ids []care.CaseID) {
		for _, r := range s.audits(func() { f(by) }) {
			if r.Action != "identityCard" {
				continue
			}
			if !r.Allowed || !slices.Contains(r.Sections, string(policy.SeeDemographics)) {
				t.Errorf("audited as %+v", r)
			}
			if where := slices.Contains(r.Sections, string(policy.SeeWhereabouts)); where != (by.Role == care.Coordinator) {
				t.Errorf("%s: whereabouts audited %v", by.ID, where)
			}
			ids = append(ids, r.Case)
		}
		return ids
	}
	list := func(by care.Actor) { _, err := s.Questions(s.ctx(), by); s.must(err) }
	one := func(by care.Actor) { _, err := s.Question(s.ctx(), by, here, ""); s.must(err) }
	for _, f := range []func(care.Actor){list, one} {
		if got := read(as(care.Coordinator, kings), f); !slices.Equal(got, []care.CaseID{here}) {
			t.Errorf("the one side read %v, want %v", got, here)
		}
		if got := read(as(care.IGLead, other), f); !slices.Equal(got, []care.CaseID{there}) {
			t.Errorf("the other side read %v, want %v", got, there)
		}
	}
}

// Two records of two trusts: each sees its own and whom to ask, and only when
// both have said so are they joined.
func TestJoinAcrossTrusts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		here, there := s.shared()
		kingsMill, queens := as(care.Coordinator, kings), as(care.Coordinator, other)
		ask := func(by care.Actor) Question {
			t.Helper()
			qs, err := s.Questions(s.ctx(), by)
			s.must(err)
			if len(qs) != 1 || !qs[0].Theirs || qs[0].B.ID != "" || len(qs[0].Owners) != 1 {
				t.Fatalf("%s has %+v", by.ID, qs)
			}
			return qs[0]
		}
		if q := ask(kingsMill); q.A.ID != here || q.Owners[0].ODS != other || q.Other != there || q.A.Where == "" {
			t.Errorf("the one side has %+v", q)
		}
		if q := ask(queens); q.A.ID != there || q.Owners[0].ODS != kings {
			t.Errorf("the other side has %+v", q)
		}
		all := []Difference{DifferBorn, DifferPlace}
		if q := ask(queens); !slices.Equal(q.Differs, all) {
			t.Errorf("differences: %v", q.Differs)
		}
		_, err := s.Join(s.ctx(), as(care.Coordinator, kings), here, there, "rang them", DifferBorn)
		s.refused(err, care.BusinessRule, "confirm")
		_, err = s.Join(s.ctx(), as(care.TeamManager, notts), here, there, "rang them", all...)
		s.refused(err, care.Forbidden, "")

		joined, err := s.Join(s.ctx(), kingsMill, here, there, "rang them", all...)
		s.must(err)
		if again, err := s.Join(s.ctx(), kingsMill, here, there, "rang them", all...); joined || again || err != nil || s.read(there).JoinedTo != "" {
			t.Fatalf("one side alone joined them: %v %v %v", joined, again, err)
		}
		if q := ask(kingsMill); !q.Agreed || q.TheyAgreed {
			t.Errorf("after one side agreed it has %+v", q)
		}
		if q := ask(queens); q.Agreed || !q.TheyAgreed {
			t.Errorf("after one side agreed the other has %+v", q)
		}
		if joined, err = s.Join(s.ctx(), queens, here, there, "they rang us", all...); !joined || err != nil || s.read(there).JoinedTo != here {
			t.Fatalf("both sides agreed: %v %v", joined, err)
		}
		s.must(s.Separate(s.ctx(), kingsMill, here, there, "two people"))
	})
}

// What was agreed about one question says nothing of a later one.
func TestAgreementEndsWithItsQuestion(t *testing.T) {
	s := newSite(t, "sqlite")
	here, there := s.shared()
	all := []Difference{DifferBorn, DifferPlace}
	_, err := s.Join(s.ctx(), as(care.Coordinator, kings), here, there, "rang them", all...)
	s.must(err)
	s.must(s.Settle(s.ctx(), as(care.Coordinator, kings), here, "keep", "two people after all"))
	if joined, err := s.Join(s.ctx(), as(care.Coordinator, other), here, there, "they said so", all...); err != nil || joined {
		t.Errorf("joined %v, %v", joined, err)
	}
}

func TestDifferences(t *testing.T) {
	bed := func(org string, ward, bed string) *care.Stay {
		return &care.Stay{Org: orgOf(org), Where: care.Location{Ward: ward, Bed: bed}}
	}
	a, b := nobody(1), nobody(2)
	b.born = "19500101"
	for name, c := range map[string]struct {
		a, b care.Case
		want []Difference
	}{
		"nothing known":      {care.Case{}, care.Case{}, nil},
		"one birth known":    {care.Case{Person: care.Person{Born: a.birth()}}, care.Case{}, nil},
		"two births":         {care.Case{Person: care.Person{Born: a.birth()}}, care.Case{Person: care.Person{Born: b.birth()}}, []Difference{DifferBorn}},
		"two numbers":        {care.Case{NHS: a.nhs}, care.Case{NHS: b.nhs}, []Difference{DifferNumber}},
		"one number":         {care.Case{NHS: a.nhs}, care.Case{}, nil},
		"one in a bed":       {care.Case{Stay: bed("kmh", "W12", "4")}, care.Case{}, nil},
		"the same bed":       {care.Case{Stay: bed("kmh", "W12", "4")}, care.Case{Stay: bed("kmh", "W12", "4")}, nil},
		"two beds":           {care.Case{Stay: bed("kmh", "W12", "4")}, care.Case{Stay: bed("kmh", "W12", "5")}, []Difference{DifferPlace}},
		"two hospitals":      {care.Case{Stay: bed("kmh", "W12", "4")}, care.Case{Stay: bed("qmc", "W12", "4")}, []Difference{DifferPlace}},
		"one has left a bed": {care.Case{Past: []care.Stay{*bed("kmh", "W12", "4")}}, care.Case{Stay: bed("kmh", "W12", "5")}, nil},
	} {
		if got := differences(c.a, c.b); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A record that a council restricts: the hospital's own page of its own patient
// is as it is for somebody whom no council supports.
func TestCouncilRestrictionCannotBeInferred(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		plain, kept := s.admit(nobody(1)), s.admit(nobody(2))
		s.imported(notts, "full", held{id: "10002", p: nobody(2), restricted: "yes", concern: "yes", packages: []string{pack("P2", "HS", "active")}})
		if c := s.read(kept); len(c.Holdings) != 1 || !c.Holdings[0].Restricted {
			t.Fatalf("holdings %+v", c.Holdings)
		}
		for _, id := range []care.CaseID{plain, kept} {
			s.must(s.RecordCall(s.ctx(), as(care.WardNurse, kings), id, "", care.Call{ProviderName: "Linden Home Care", Spoke: "duty manager", Outcome: "notice"}))
		}
		for _, role := range []care.Role{care.WardNurse, care.Coordinator} {
			v, w := s.open(as(role, kings), plain), s.open(as(role, kings), kept)
			if len(v.Councils) != 0 || len(w.Councils) != 0 || !w.StayShown || w.Stay == nil || w.Sensitive {
				t.Errorf("%s sees %+v", role, w)
			}
			if len(v.Calls) != 1 || len(w.Calls) != 1 {
				t.Errorf("%s: %d calls, and %d where a council restricts", role, len(v.Calls), len(w.Calls))
			}
			if len(v.Timeline) != len(w.Timeline) {
				t.Errorf("%s: the timeline has %d entries, and %d where a council restricts", role, len(v.Timeline), len(w.Timeline))
			}
			for a, yes := range v.May {
				if w.May[a] != yes && !slices.Contains([]policy.Action{policy.SeePackages, policy.SeeProvider, policy.SeeSafeguarding}, a) {
					t.Errorf("%s may %s: %v, and %v where a council restricts", role, a, yes, w.May[a])
				}
			}
		}
		a := s.open(as(care.SocialWorker, notts), kept)
		if len(a.Councils) != 1 || !a.Councils[0].PackagesShown {
			t.Errorf("the council itself sees %+v", a.Councils)
		}
		s.refer(as(care.WardNurse, kings), kept)
	})
}

// The coordinator of the trust where a sensitive person is may open the case and
// do the work; a ward nurse may not.
func TestSensitivePersonsCoordinator(t *testing.T) {
	s := newSite(t, "sqlite")
	p := nobody(1)
	p.sensitive = true
	id := s.admit(p)
	s.imported(notts, "full", held{id: "10001", p: p, packages: []string{pack("P1", "HS", "active")}})
	s.refer(as(care.Coordinator, kings), id)
	v := s.open(as(care.Coordinator, kings), id)
	if !v.StayShown || v.Stay == nil || len(v.Referrals) != 1 || len(v.Timeline) == 0 || !v.May[policy.Withdraw] || !slices.Contains(v.Audiences, care.AudienceHospital) {
		t.Errorf("the coordinator sees %+v", v)
	}
	if len(v.Councils) != 0 || v.May[policy.SeePackages] || v.May[policy.RecordCall] {
		t.Errorf("and of the council %+v", v.Councils)
	}
	if _, err := s.Case(s.ctx(), as(care.WardNurse, kings), id); care.KindOf(err) != care.Forbidden {
		t.Errorf("a ward nurse opened it: %v", err)
	}
}
