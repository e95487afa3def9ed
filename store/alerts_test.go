package store

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
	"homeward/nhs"
)

func alert(id string, at time.Time, orgs ...nhs.ODS) Alert {
	return Alert{ID: id, Kind: AlertGlass, At: at, Actor: "u1", Name: "P Invented", Role: care.AENurse, Org: "RK5", Case: "c1", Words: "Nobody else knew", Until: at.Add(time.Hour), Orgs: orgs}
}

func TestAlertsAreSeenByWhomTheyConcernAndClosedOnce(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		one, two, three := alert("a1", day, "RK5", "511", "511", ""), alert("a2", day.Add(time.Hour), "RK5"), alert("a3", day.Add(2*time.Hour))
		for _, a := range []Alert{two, one, three} {
			update(t, s, func(tx *Tx) error {
				added, err := tx.PutAlert(a)
				if !added {
					t.Errorf("%s was not added", a.ID)
				}
				return err
			})
		}
		update(t, s, func(tx *Tx) error {
			again := one
			again.Words = "Other words"
			added, err := tx.PutAlert(again)
			if added {
				t.Error("an alert was raised twice")
			}
			return err
		})
		ids := func(f AlertFilter, want ...string) {
			t.Helper()
			view(t, s, func(tx *Tx) error {
				as, err := tx.Alerts(f)
				var got []string
				for _, a := range as {
					got = append(got, a.ID)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%+v: %s", f, diff)
				}
				n, err2 := tx.CountAlerts(f)
				if err2 != nil || f.Skip == 0 && f.Limit == 0 && int(n) != len(want) {
					t.Errorf("%+v: %d counted, %v", f, n, err2)
				}
				return err
			})
		}
		ids(AlertFilter{}, "a1", "a2", "a3")
		ids(AlertFilter{Org: "511"}, "a1")
		ids(AlertFilter{Org: "RK5"}, "a1", "a2")
		ids(AlertFilter{Org: "RX1"})
		ids(AlertFilter{Skip: 1, Limit: 1}, "a2")

		end := AlertClosed{At: day.Add(3 * time.Hour), By: "u2", Name: "Q Invented", Org: "RK5", Finding: FoundRight, Words: "They were right"}
		update(t, s, func(tx *Tx) error {
			before, _ := tx.AlertsSeq()
			if err := tx.CloseAlert("a1", end); err != nil {
				return err
			}
			if after, _ := tx.AlertsSeq(); after <= before {
				t.Errorf("the counter went from %d to %d", before, after)
			}
			return nil
		})
		ids(AlertFilter{Org: "RK5"}, "a2")
		ids(AlertFilter{Org: "511", Closed: true}, "a1")
		view(t, s, func(tx *Tx) error {
			got, err := tx.Alert("a1")
			one.Closed = &end
			if diff := cmp.Diff(one, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
		if err := s.Update(t.Context(), func(tx *Tx) error { return tx.CloseAlert("a1", end) }); care.KindOf(err) != care.Conflict {
			t.Errorf("closed twice: %v", err)
		}
		if err := s.Update(t.Context(), func(tx *Tx) error { return tx.CloseAlert("none", end) }); care.KindOf(err) != care.NotFound {
			t.Errorf("one that is not there: %v", err)
		}
	})
}

func TestGlassesCloseByThemselvesOrAreShut(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		glass := func(id string, actor care.ActorID, c care.CaseID, at time.Time) Glass {
			return Glass{ID: id, Actor: actor, Role: care.AENurse, Org: "RK5", Case: c, Broken: at, Closes: at.Add(time.Hour)}
		}
		all := []Glass{glass("g1", "u1", "c1", day), glass("g2", "u1", "", day.Add(time.Minute)), glass("g3", "u2", "c1", day)}
		update(t, s, func(tx *Tx) error {
			for _, g := range all {
				if err := tx.PutGlass(g); err != nil {
					return err
				}
			}
			return nil
		})
		update(t, s, func(tx *Tx) error { return tx.ShutGlass("g1", day.Add(10*time.Minute)) })
		update(t, s, func(tx *Tx) error { return tx.ShutGlass("g2", day.Add(2*time.Hour)) }) // it had closed by then
		all[0].Closes = day.Add(10 * time.Minute)
		view(t, s, func(tx *Tx) error {
			got, err := tx.Glasses("u1", day.Add(-time.Second))
			if diff := cmp.Diff(all[:2], got); diff != "" {
				t.Error(diff)
			}
			later, err2 := tx.Glasses("u1", day)
			if len(later) != 1 || err2 != nil {
				t.Errorf("since then: %v, %v", later, err2)
			}
			return err
		})
	})
}

func TestABackupHoldsTheAlerts(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		want := alert("a1", day, "RK5")
		update(t, s, func(tx *Tx) error {
			if _, err := tx.PutAlert(want); err != nil {
				return err
			}
			return tx.PutGlass(Glass{ID: "a1", Actor: "u1", Role: care.AENurse, Org: "RK5", Case: "c1", Broken: day, Closes: day.Add(time.Hour)})
		})
		path := filepath.Join(t.TempDir(), "backup.zip")
		if err := s.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		url := filepath.Join(t.TempDir(), "back.db")
		if err := Restore(t.Context(), path, Config{URL: url, Row: care.RowOf, Keys: s.cfg.Keys}); err != nil {
			t.Fatal(err)
		}
		view(t, opener(t, url, s)(), func(tx *Tx) error {
			got, err := tx.Alerts(AlertFilter{Org: "RK5"})
			if diff := cmp.Diff([]Alert{want}, got); diff != "" {
				t.Error(diff)
			}
			if gs, err := tx.Glasses("u1", day.Add(-time.Hour)); len(gs) != 1 || err != nil {
				t.Errorf("glasses: %v, %v", gs, err)
			}
			return err
		})
	})
}
