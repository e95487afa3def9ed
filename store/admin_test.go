package store

import (
	"errors"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

func TestOverridesAreOnlyAddedAndInOrder(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		here, there := open(), open()
		o := Override{Org: "RK5", N: 1, From: nhs.Date{Year: 2026, Month: 11, Day: 22}, Phone: "01632 960001", At: day, By: "adam", Who: "A", Why: "They moved to another building"}
		update(t, here, func(tx *Tx) error { return tx.AddOverride(o) })
		err := there.Update(t.Context(), func(tx *Tx) error { return tx.AddOverride(o) })
		if care.KindOf(err) != care.Conflict {
			t.Errorf("the same change twice: %v", err)
		}
		team := o
		team.Org, team.Team, team.Retired = "511", "t1", true
		update(t, there, func(tx *Tx) error { return tx.AddOverride(team) })
		o.N, o.Base = 2, true
		update(t, there, func(tx *Tx) error { return tx.AddOverride(o) })
		view(t, here, func(tx *Tx) error {
			all, err := tx.Overrides()
			seq, err2 := tx.OverridesSeq()
			if len(all) != 3 || seq != 3 || all[0].Phone != "01632 960001" || all[1].Team != "t1" || !all[2].Base {
				t.Errorf("%d: %+v", seq, all)
			}
			return errors.Join(err, err2)
		})
		if err := here.Verify(t.Context(), func(s string) { t.Error(s) }); err != nil {
			t.Error(err)
		}
		update(t, here, func(tx *Tx) error { return tx.exec(`DELETE FROM overrides WHERE org = 'RK5' AND n = 1`) })
		found := 0
		if err := here.Verify(t.Context(), func(string) { found++ }); err == nil || found != 1 {
			t.Errorf("a change is gone: %v, %d found", err, found)
		}
	})
}

func TestWhatAnAccountIsAwaitedFor(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open(func(c *Config) { c.Clock = func() time.Time { return day } })
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.PutChallenge(care.Challenge{ID: "a", Kind: "link", Account: "u1", Expires: day.Add(time.Hour), Doc: []byte("{}")}),
				tx.PutChallenge(care.Challenge{ID: "b", Kind: "link", Account: "u2", Expires: day.Add(time.Hour), Doc: []byte("{}")}),
				tx.Audit(AuditRecord{At: day, Actor: "u1", Action: "signed-in"}, AuditRecord{At: day.Add(time.Minute), Actor: "u1", Action: "signed-in"},
					AuditRecord{At: day.Add(time.Hour), Actor: "u1", Action: "lookup"}))
		})
		update(t, s, func(tx *Tx) error { return tx.DropChallenges("u1", "link") })
		view(t, s, func(tx *Tx) error {
			one, err := tx.Awaited("u1", "link")
			two, err2 := tx.Awaited("u2", "link")
			last, err3 := tx.LastAudited("u1", "signed-in")
			never, err4 := tx.LastAudited("u2", "signed-in")
			if !one.IsZero() || !two.Equal(day.Add(time.Hour)) || !last.Equal(day.Add(time.Minute)) || !never.IsZero() {
				t.Error(one, two, last, never)
			}
			return errors.Join(err, err2, err3, err4)
		})
	})
}
