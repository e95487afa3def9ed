package store

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
	"homeward/nhs"
	"homeward/sharing"
)

func agreement(version int, status sharing.Status, did ...string) sharing.Agreement {
	a := sharing.Agreement{ID: "a1", Version: version, Title: "Going home", Purpose: "Discharge", Basis: "Care Act 2014 s.3",
		Parties: []sharing.Party{{ODS: "RK5", Name: "Sherwood"}, {ODS: "511", Name: "Harborne"}},
		Flows:   []sharing.Flow{{From: "RK5", To: "511", Sections: []sharing.Section{sharing.Demographics, sharing.Referral}}},
		From:    nhs.Date{Year: 2026, Month: 1, Day: 1}, To: nhs.Date{Year: 2026, Month: 12, Day: 31}, Status: status}
	for i, d := range did {
		a.Changes = append(a.Changes, sharing.Change{At: day.Add(time.Duration(i) * time.Minute), By: "u1", Who: "Iggy", Did: d})
	}
	return a
}

func TestAgreementsKeepTheirHistory(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		one, two := agreement(1, sharing.Draft, "drafted"), agreement(2, sharing.Draft, "drafted")
		two.Title = "Going home, second"
		other := agreement(1, sharing.Draft, "drafted")
		other.ID = "a0"
		for i, a := range []sharing.Agreement{one, two, other} {
			update(t, s, func(tx *Tx) error { return tx.PutAgreement(a) })
			view(t, s, func(tx *Tx) error {
				seq, err := tx.AgreementsSeq()
				if seq != int64(i+1) {
					t.Errorf("after %d writes the counter is %d", i+1, seq)
				}
				return err
			})
		}
		one = agreement(1, sharing.Proposed, "drafted", "proposed")
		update(t, s, func(tx *Tx) error { return tx.PutAgreement(one) })
		view(t, s, func(tx *Tx) error {
			got, err := tx.Agreements()
			if diff := cmp.Diff([]sharing.Agreement{other, one, two}, got); diff != "" {
				t.Error(diff)
			}
			seq, err2 := tx.AgreementsSeq()
			if seq != 4 || err2 != nil {
				t.Errorf("the counter is %d, %v", seq, err2)
			}
			return err
		})
		view(t, s, func(tx *Tx) error {
			if _, err := tx.Agreement("none"); !IsNone(err) {
				t.Errorf("an agreement that is not there: %v", err)
			}
			return nil
		})
	})
}

func TestAnAgreementThatWasProposedIsFixed(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		changed := func(status sharing.Status, f func(*sharing.Agreement), did ...string) sharing.Agreement {
			a := agreement(1, status, did...)
			f(&a)
			return a
		}
		retitle := func(a *sharing.Agreement) { a.Title = "Something else" }
		same := func(*sharing.Agreement) {}
		for _, c := range []struct {
			what string
			put  sharing.Agreement
			want care.Kind
		}{
			{"no id", changed(sharing.Draft, func(a *sharing.Agreement) { a.ID = "" }, "drafted"), care.Required},
			{"a gap", changed(sharing.Draft, func(a *sharing.Agreement) { a.Version = 2 }, "drafted"), care.Invalid},
			{"version 0", changed(sharing.Draft, func(a *sharing.Agreement) { a.Version = 0 }, "drafted"), care.Invalid},
			{"a draft", changed(sharing.Draft, same, "drafted"), ""},
			{"the same again, and nothing recorded", changed(sharing.Draft, retitle, "drafted"), care.Conflict},
			{"another draft", changed(sharing.Draft, retitle, "drafted", "changed"), ""},
			{"by somebody who had not seen that", changed(sharing.Draft, same, "drafted", "proposed"), care.Conflict},
			{"with the past rewritten", changed(sharing.Draft, same, "drafted", "approved", "changed"), care.Conflict},
			{"proposed", changed(sharing.Proposed, same, "drafted", "changed", "proposed"), ""},
			{"agreed with other words", changed(sharing.Agreed, retitle, "drafted", "changed", "proposed", "approved"), care.BusinessRule},
			{"agreed with another flow", changed(sharing.Agreed, func(a *sharing.Agreement) { a.Flows[0].Sections = sharing.Sections() },
				"drafted", "changed", "proposed", "approved"), care.BusinessRule},
			{"sent back", changed(sharing.Draft, same, "drafted", "changed", "proposed", "sent back"), ""},
			{"mended", changed(sharing.Draft, retitle, "drafted", "changed", "proposed", "sent back", "changed"), ""},
		} {
			err := s.Update(t.Context(), func(tx *Tx) error { return tx.PutAgreement(c.put) })
			if (err == nil) != (c.want == "") || err != nil && care.KindOf(err) != c.want {
				t.Errorf("%s: %v, want %q", c.what, err, c.want)
			}
		}
	})
}

// An agreement comes back as it was from a backup, on either database.
func TestABackupHoldsTheAgreements(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		want := agreement(1, sharing.Agreed, "drafted", "proposed", "approved")
		want.Signatories = []sharing.Signatory{{Name: "Ola Invented", Role: "Caldicott Guardian", ODS: "RK5", On: nhs.Date{Year: 2026, Month: 1, Day: 1}}}
		update(t, s, func(tx *Tx) error { return tx.PutAgreement(want) })
		path := filepath.Join(t.TempDir(), "backup.zip")
		if err := s.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		url := filepath.Join(t.TempDir(), "back.db")
		if err := Restore(t.Context(), path, Config{URL: url, Row: care.RowOf, Keys: s.cfg.Keys}); err != nil {
			t.Fatal(err)
		}
		back := opener(t, url, s)()
		view(t, back, func(tx *Tx) error {
			got, err := tx.Agreements()
			if diff := cmp.Diff([]sharing.Agreement{want}, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
		verified(t, back)
	})
}

func TestVerifyFindsAgreementsThatWereChanged(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		for n := 1; n <= 3; n++ {
			update(t, s, func(tx *Tx) error { return tx.PutAgreement(agreement(n, sharing.Draft, "drafted")) })
		}
		verified(t, s)
		for _, sql := range []string{`UPDATE agreements SET status = 'agreed' WHERE version = 1`, `DELETE FROM agreements WHERE version = 2`,
			`UPDATE agreements SET doc = '{' WHERE version = 3`} {
			update(t, s, func(tx *Tx) error { return tx.exec(sql) })
		}
		var found []string
		if err := s.Verify(t.Context(), func(p string) { found = append(found, p) }); err == nil {
			t.Error("nothing was found")
		}
		want := []string{"agreement a1 version 1: it is not what its row says", "agreement a1: version 3 stands where version 2 should", "agreement a1 version 3: it cannot be read"}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Error(diff)
		}
	})
}
