package store

import (
	"testing"
	"time"

	"homeward/nhs"
)

// The log is read forwards in pieces, each record once; and records are counted by whose
// they are, of the time that is asked for.
func TestReadingForwardsAndCounting(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		update(t, s, func(tx *Tx) error {
			for i := range 5 {
				for _, action := range []string{"lookup", "openCase"} {
					if err := tx.Audit(AuditRecord{At: day, Actor: "u", Action: action, Outcome: string(rune('a' + i)), Allowed: true}); err != nil {
						return err
					}
				}
			}
			for i, owner := range []string{"x", "x", "y", "y", "y"} {
				at := day.Add(time.Duration(i) * time.Hour)
				if _, err := tx.PutRecord(Record{Kind: "notification", Org: "511", ID: string(rune('a' + i)), Owner: owner, At: at, Doc: []byte(`{}`)}); err != nil {
					return err
				}
			}
			return nil
		})
		view := func(f func(tx *Tx) error) {
			t.Helper()
			if err := s.View(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		view(func(tx *Tx) error {
			read, from := "", int64(0)
			for range 4 {
				as, next, err := tx.AuditsFrom(from, AuditFilter{Action: "lookup"}, 2)
				if err != nil {
					return err
				}
				for _, a := range as {
					read += a.Outcome
				}
				from = next
			}
			if read != "abcde" || from != 10 {
				t.Errorf("read %q up to %d, want abcde up to 10", read, from)
			}
			got := ""
			err := tx.CountByOwner("notification", day.Add(time.Hour), day.Add(4*time.Hour), func(org nhs.ODS, owner string, n int64) error {
				got += string(org) + owner + string(rune('0'+n)) + " "
				return nil
			})
			if got != "511x1 511y2 " {
				t.Errorf("counted %q", got)
			}
			return err
		})
	})
}
