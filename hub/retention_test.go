package hub

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/policies"
	"homeward/policy"
	"homeward/retention"
	"homeward/store"
)

var scheduled = sync.OnceValues(func() (retention.Schedule, error) {
	b, err := policies.Files.ReadFile("retention.toml")
	if err != nil {
		return nil, err
	}
	return retention.Load(b)
})

// withSchedule runs a test on a site that keeps people for eight years.
func withSchedule(t *testing.T, f func(t *testing.T, s *site)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			plan, err := scheduled()
			if err != nil {
				t.Fatal(err)
			}
			f(t, newSite(t, engine, func(c *Config, _ *store.Config) { c.Retention = plan }))
		})
	}
}

// igLead is an information governance lead; second is another one.
func igLead() care.Actor { return as(care.IGLead, kings) }

func second() care.Actor {
	a := as(care.IGLead, kings)
	a.ID, a.Name = "ig-lead-2", "P Second"
	return a
}

// wentHome is somebody who was in hospital and left it.
func (s *site) wentHome(n int) care.CaseID {
	s.Helper()
	p := nobody(n)
	id := s.admit(p)
	s.hear("kmh", says{event: "A03", p: p, ward: "W12/4", visit: "V" + p.mrn, more: map[string]string{"PV1-45": s.clock().In(s.Zone).Format("20060102150405")}})
	if c := s.read(id); c.Stay != nil && c.Stay.Left == nil {
		s.Fatal("they are in hospital still")
	}
	return id
}

func (s *site) reviewed(by care.Actor) []DueItem {
	s.Helper()
	v, err := s.ReviewList(s.ctx(), by, "")
	s.must(err)
	return v.Items
}

func TestTwoLeadsEraseWhoseTimeIsOver(t *testing.T) {
	withSchedule(t, func(t *testing.T, s *site) {
		id := s.wentHome(1)
		in := s.admit(nobody(2)) // stays in hospital
		if l := s.reviewed(igLead()); len(l) != 0 {
			t.Fatalf("due at once: %+v", l)
		}
		s.refused(s.ProposeErasing(s.ctx(), igLead(), string(id), "too early"), care.NotFound, "")
		s.set(s.clock().AddDate(8, 0, 1))
		l := s.reviewed(igLead())
		if len(l) != 1 || l[0].Case != id || l[0].State != "" || l[0].Why == "" {
			t.Fatalf("%+v", l)
		}
		if l := s.reviewed(as(care.IGLead, other)); len(l) != 0 {
			t.Errorf("another trust's lead sees %+v", l)
		}
		if l := s.reviewed(as(care.IGLead, system)); len(l) != 1 {
			t.Errorf("the system's lead sees %+v", l)
		}
		item := string(id)
		s.refused(s.ProposeErasing(s.ctx(), as(care.IGLead, other), item, "not mine"), care.NotFound, "")
		s.refused(s.ProposeErasing(s.ctx(), igLead(), string(in), "in hospital"), care.NotFound, "")
		s.refused(s.ProposeErasing(s.ctx(), igLead(), item, " "), care.Required, "why")
		s.refused(s.AgreeErasing(s.ctx(), second(), item), care.Conflict, "")
		s.must(s.ProposeErasing(s.ctx(), igLead(), item, "8 years"))
		s.refused(s.ProposeErasing(s.ctx(), second(), item, "again"), care.Conflict, "")
		s.refused(s.AgreeErasing(s.ctx(), igLead(), item), care.Forbidden, "")
		if l := s.reviewed(second()); l[0].State != store.ReviewProposed || l[0].By.ID != igLead().ID || l[0].Mine {
			t.Errorf("%+v", l)
		}
		rows := s.audits(func() { s.must(s.AgreeErasing(s.ctx(), second(), item)) })
		if len(rows) != 1 || rows[0].Case != id || rows[0].Action != string(policy.ReviewRetention) || !strings.Contains(rows[0].Outcome, "erased") {
			t.Errorf("audited as %+v", rows)
		}
		s.view(func(tx *store.Tx) error {
			if _, err := tx.Case(id); !store.IsNone(err) {
				t.Errorf("the case is there: %v", err)
			}
			return nil
		})
		s.must(s.Store.Verify(s.ctx(), func(p string) { t.Error(p) }))
		if h := s.CheckAudit(s.ctx()); !h.Intact {
			t.Errorf("%+v", h)
		}
		v, err := s.ReviewList(s.ctx(), igLead(), "")
		if err != nil || v.Erased != 1 || len(v.Items) != 0 {
			t.Errorf("%+v, %v", v, err)
		}
		if again := s.wentHome(1); again == id {
			t.Error("a later message came to the erased record")
		}
		s.must(s.Store.Verify(s.ctx(), func(p string) { t.Error(p) }))
	})
}

func TestWhatIsKeptLongerIsNotErased(t *testing.T) {
	withSchedule(t, func(t *testing.T, s *site) {
		item := string(s.wentHome(1))
		s.set(s.clock().AddDate(8, 0, 1))
		s.refused(s.KeepLonger(s.ctx(), igLead(), item, s.clock(), "a claim"), care.Invalid, "until")
		s.must(s.ProposeErasing(s.ctx(), igLead(), item, "8 years"))
		s.must(s.KeepLonger(s.ctx(), second(), item, s.clock().AddDate(1, 0, 0), "a claim is open"))
		s.refused(s.AgreeErasing(s.ctx(), second(), item), care.Conflict, "")
		if l := s.reviewed(igLead()); l[0].State != store.ReviewKeep || l[0].Reason != "a claim is open" {
			t.Errorf("%+v", l)
		}
		s.set(s.clock().AddDate(1, 0, 1))
		if l := s.reviewed(igLead()); l[0].State != "" {
			t.Errorf("after that day: %+v", l)
		}
		s.must(s.ProposeErasing(s.ctx(), second(), item, "9 years"))
		s.must(s.WithdrawReview(s.ctx(), second(), item, "asked the ward first"))
		if l := s.reviewed(igLead()); l[0].State != "" {
			t.Errorf("taken back: %+v", l)
		}
	})
}

func TestSomebodyWhoComesBackIsNotErased(t *testing.T) {
	withSchedule(t, func(t *testing.T, s *site) {
		id := s.wentHome(1)
		s.set(s.clock().AddDate(8, 0, 1))
		s.must(s.ProposeErasing(s.ctx(), igLead(), string(id), "8 years"))
		if back := s.wentHome(1); back != id {
			t.Fatal("they were not known again")
		}
		s.refused(s.AgreeErasing(s.ctx(), second(), string(id)), care.NotFound, "")
		if l := s.reviewed(igLead()); len(l) != 0 {
			t.Errorf("%+v", l)
		}
	})
}

func TestOldQuarantineIsReviewedAsPeopleAre(t *testing.T) {
	withSchedule(t, func(t *testing.T, s *site) {
		bad := held{id: "7", p: nobody(1), restricted: "perhaps"}
		if res := s.extracted(notts, "full", bad, held{id: "8", p: nobody(2)}); res.Quarantined == 0 {
			t.Fatal("nothing is in quarantine")
		}
		s.set(s.clock().AddDate(8, 0, 1))
		of := func(by care.Actor) (items []string) {
			for _, d := range s.reviewed(by) {
				if d.Import != 0 {
					items = append(items, d.Item)
				}
			}
			return items
		}
		council := as(care.IGLead, notts)
		if got := of(igLead()); len(got) != 0 {
			t.Errorf("a trust's lead sees %v", got)
		}
		got := of(council)
		if len(got) != 1 {
			t.Fatalf("the council's lead sees %v", got)
		}
		s.must(s.ProposeErasing(s.ctx(), council, got[0], "8 years"))
		s.must(s.AgreeErasing(s.ctx(), as(care.IGLead, system), got[0]))
		if got := of(council); len(got) != 0 {
			t.Errorf("after it was erased: %v", got)
		}
		s.must(s.Store.Verify(s.ctx(), func(p string) { t.Error(p) }))
	})
}

// TestARestoredBackupIsErasedAgain erases somebody, restores a backup that was
// made before, into an embedded database, and erases those of the list again.
func TestARestoredBackupIsErasedAgain(t *testing.T) {
	withSchedule(t, func(t *testing.T, s *site) {
		id := s.wentHome(1)
		file := filepath.Join(t.TempDir(), "backup.zip")
		s.must(s.Store.Backup(s.ctx(), file))
		s.set(s.clock().AddDate(8, 0, 1))
		s.must(s.ProposeErasing(s.ctx(), igLead(), string(id), "8 years"))
		s.must(s.AgreeErasing(s.ctx(), second(), string(id)))
		var list []store.Erasure
		s.view(func(tx *store.Tx) (err error) { list, err = tx.Erasures(); return err })

		r := &site{TB: t, url: filepath.Join(t.TempDir(), "homeward.db")}
		r.set(s.clock())
		s.must(store.Restore(s.ctx(), file, store.Config{URL: r.url, Row: care.RowOf, Keys: keyOfTests}))
		r.Hub = r.another(func(c *Config, _ *store.Config) { c.Retention = s.Hub.Config.Retention })
		if r.read(id).ID != id {
			t.Fatal("the backup does not hold the person")
		}
		n, err := r.EraseAgain(r.ctx(), append(list, store.Erasure{Case: "nobody-here"}))
		if err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
		r.view(func(tx *store.Tx) error {
			if _, err := tx.Case(id); !store.IsNone(err) {
				t.Errorf("the case is there: %v", err)
			}
			return nil
		})
		r.must(r.Store.Verify(r.ctx(), func(p string) { t.Error(p) }))
		if h := r.CheckAudit(r.ctx()); !h.Intact {
			t.Errorf("%+v", h)
		}
		if n, err := r.EraseAgain(r.ctx(), list); err != nil || n != 0 {
			t.Errorf("once more: %d, %v", n, err)
		}
	})
}
