package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// looked audits looks of somebody at a record, one at each time.
func (s *site) looks(by care.Actor, id care.CaseID, relationship string, at ...time.Time) {
	s.Helper()
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		for _, t := range at {
			err := tx.Audit(store.AuditRecord{At: t, Actor: by.ID, Name: by.Name, Role: by.Role, Org: by.Org, Action: "openCase", Case: id,
				Relationship: relationship, Allowed: true})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

func (s *site) pattern(by care.Actor, k PatternKind) PatternView {
	s.Helper()
	v, err := s.Pattern(s.ctx(), by, k, 7, 1)
	s.must(err)
	return v
}

// fitting is who fits a pattern, and with whom, in some order.
func fitting(v PatternView) string {
	var out []string
	for _, r := range v.Rows {
		out = append(out, r.Name)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

func TestPatterns(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		p := nobody(1) // Edna Quillaab
		edna := s.admit(p)
		secret := nobody(2)
		secret.sensitive = true
		hidden := s.admit(secret)
		plain := s.admit(nobody(3))
		named := func(role care.Role, name string) care.Actor {
			a := as(role, kings)
			a.ID, a.Name = care.ActorID("u-"+strings.ToLower(strings.ReplaceAll(name, " ", "-"))), name
			return a
		}
		self, initial, cousin, friend := named(care.WardNurse, "Edna Q"+p.family[1:]), named(care.WardNurse, "E "+p.family), named(care.WardNurse, "Olu "+p.family), named(care.WardNurse, "Mo Invented")
		stranger := named(care.Coordinator, "Ida Elsewhere")
		stranger.Org = other
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			return tx.PutUser(care.Account{ID: self.ID, Login: "edna", Name: self.Name, Grants: []care.Grant{{Role: care.WardNurse, Org: kings}}})
		}))
		day := s.clock()
		for _, a := range []care.Actor{self, initial, cousin, friend, stranger} {
			s.looks(a, edna, "stay", day)
		}
		s.looks(friend, plain, "declared", day, day.Add(time.Second))
		s.looks(friend, hidden, "none", day)
		night, weekend := day.Add(-11*time.Hour), day.Add(-3*24*time.Hour)
		planner := named(care.Coordinator, "Ada Planner")
		s.looks(planner, plain, "stay", night, weekend, day)
		s.looks(friend, plain, "stay", night)
		var often []time.Time
		for i := range 10 {
			often = append(often, day.Add(-time.Duration(i)*31*time.Minute), day.Add(-time.Duration(i)*31*time.Minute-time.Second))
		}
		slices.SortFunc(often, time.Time.Compare)
		keen := named(care.WardNurse, "Kim Often")
		s.looks(keen, plain, "stay", often...)

		lead := as(care.IGLead, kings)
		for k, want := range map[PatternKind]string{
			PatternSelf: "E " + p.family + "," + self.Name, PatternFamily: "Olu " + p.family,
			PatternColleague: "E " + p.family + ",Mo Invented,Olu " + p.family,
			PatternVolume:    "", PatternHours: "Ada Planner,Ada Planner", PatternRepeated: "Kim Often", PatternDeclared: "Mo Invented", PatternRestricted: "Mo Invented",
		} {
			v := s.pattern(lead, k)
			if got := fitting(v); got != want {
				t.Errorf("%s: %q, want %q", k, got, want)
			}
			if v.Rule == "" || v.Counts[k] != len(v.Rows) || v.OrgName == "" {
				t.Errorf("%s: %+v", k, v)
			}
		}
		if got := fitting(s.pattern(as(care.IGLead, system), PatternColleague)); strings.Contains(got, "Ida") {
			t.Errorf("a colleague in another organisation: %s", got)
		}
		if got := fitting(s.pattern(as(care.IGLead, other), PatternDeclared)); got != "" {
			t.Errorf("another organisation's lead sees %s", got)
		}
		_, err := s.Pattern(s.ctx(), as(care.Coordinator, kings), PatternSelf, 7, 1)
		s.refused(err, care.Forbidden, "")
		_, err = s.Pattern(s.ctx(), lead, "gossip", 7, 1)
		s.refused(err, care.NotFound, "")
		s.pass(8 * 24 * time.Hour)
		if got := fitting(s.pattern(lead, PatternSelf)); got != "" {
			t.Errorf("a week later: %s", got)
		}
	})
}

func TestVolume(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		busy, steady := as(care.WardNurse, kings), as(care.Coordinator, kings)
		day := s.clock()
		for i := range 12 { // three times and more of what is usual
			s.looks(busy, care.CaseID(fmt.Sprintf("busy%d", i)), "stay", day)
		}
		for d := 1; d < 5; d++ {
			s.looks(busy, "busy0", "stay", day.AddDate(0, 0, -d))
			for i := range 12 {
				s.looks(steady, care.CaseID(fmt.Sprintf("steady%d", i)), "stay", day.AddDate(0, 0, -d), day.AddDate(0, 0, -d))
			}
		}
		v := s.pattern(as(care.IGLead, kings), PatternVolume)
		if len(v.Rows) != 1 || v.Rows[0].Actor != busy.ID || v.Rows[0].Count != 12 || v.Rows[0].Words != "12 people; their median day is 1" {
			t.Errorf("many people: %+v", v.Rows)
		}
	})
}

func TestNamesOfStaffAndPeople(t *testing.T) {
	for _, c := range []struct {
		staff, family, given, preferred string
		same, first                     bool
	}{
		{"Ann van der Berg", "van der Berg", "Ann", "", true, true},
		{"A Berg", "Berg", "Ann", "", true, true},
		{"B Berg", "Berg", "Ann", "Bea", true, true},
		{"Ann Berg", "BERG", "ANN MARIE", "", true, true},
		{"Annabel Berg", "Berg", "Ann", "", true, false},
		{"Ann Berg-Lind", "Berg", "Ann", "", false, true},
		{"Berg", "Berg", "", "", false, false},
		{"", "", "", "", false, false},
	} {
		p := care.Person{Family: c.family, Given: c.given, Preferred: c.preferred}
		if got := sameFamily(nameParts(c.staff), p); got != c.same {
			t.Errorf("%q and %q: same family name %v", c.staff, c.family, got)
		}
		if got := sameFirst(nameParts(c.staff), p); got != c.first {
			t.Errorf("%q and %q: same first name %v", c.staff, c.given, got)
		}
	}
}

// BenchmarkPatterns is a page of patterns over 100,000 records of one week about
// 10,000 people.
func BenchmarkPatterns(b *testing.B) {
	for _, engine := range pgtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			s := newSite(b, engine)
			const records, people, staff = 100_000, 10_000, 200
			for part := range records / 5000 {
				s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
					for i := part * 5000; i < (part+1)*5000; i++ {
						id := care.CaseID(fmt.Sprintf("case%d", i%people))
						if i < people {
							if _, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, s.clock(), care.Started{At: s.clock(), ID: id},
								care.PersonTold{At: s.clock(), Person: care.Person{Family: fmt.Sprintf("Quill%d", i), Given: "Edna", Born: nhs.Date{Year: 1940, Month: 1, Day: 1}}}); err != nil {
								return err
							}
						}
						by := as(care.WardNurse, kings)
						by.ID, by.Name = care.ActorID(fmt.Sprintf("u%d", i%staff)), fmt.Sprintf("Edna Quill%d", i%staff)
						if err := tx.Audit(store.AuditRecord{At: s.clock().Add(-time.Duration(records-i) * 6 * time.Second), Actor: by.ID, Name: by.Name, Role: by.Role, Org: by.Org,
							Action: "openCase", Case: id, Purpose: string(policy.DirectCare), Relationship: "stay", Allowed: true, Policies: []string{"shared-hospital", "stay-hospital"},
							Sections: []string{"seeDemographics", "seePackages", "seeProvider"}, Outcome: "shown", Address: "192.0.2.1"}); err != nil {
							return err
						}
					}
					return nil
				}))
			}
			lead := as(care.IGLead, kings)
			for b.Loop() {
				v, err := s.Pattern(s.ctx(), lead, PatternFamily, 7, 1)
				if err != nil || v.Read != records {
					b.Fatalf("%d read, %v", v.Read, err)
				}
			}
		})
	}
}

// TestSystemsAreNoPattern: that a system reads its own people all day is nothing to
// look into; what it looks up for somebody is.
func TestSystemsAreNoPattern(t *testing.T) {
	s := newSite(t, "sqlite", eprs)
	p := nobody(1)
	id := s.admit(p)
	s.imported(notts, "full", held{id: "P2", p: nobody(2), packages: []string{pack("K1", "HS", "active")}})
	scan := newPatternScan(s.Hub)
	add := func(f func()) int {
		for _, r := range s.audits(f) {
			s.must(scan.add(r))
		}
		return len(scan.staff)
	}
	if n := add(func() {
		_, err := s.Show(s.ctx(), s.machineOf(kings), id, ShowRequest{Action: "read Patient"})
		s.must(err)
	}); n != 0 {
		t.Error("reading its own patient counts")
	}
	if n := add(func() {
		_, err := s.ShowByNumber(s.ctx(), s.machineOf(kings), nobody(2).nhs, ShowRequest{Behalf: "Dr X", Reason: "Care", Purpose: policy.DirectCare, Born: nobody(2).birth()})
		s.must(err)
	}); n != 1 {
		t.Error("a look-up for a member of staff does not count")
	}
}
