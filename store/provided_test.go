package store

import (
	"testing"
	"time"

	"homeward/care"
)

func TestSessionsOfAProvider(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		ses := func(id, provider, sid string, of care.ActorID) care.Session {
			return care.Session{ID: id, Account: of, Provider: provider, SID: sid, Created: day, Seen: day, Ends: day.Add(time.Hour)}
		}
		update(t, s, func(tx *Tx) error {
			for _, one := range []care.Session{ses("a", "cis2", "S1", "u1"), ses("b", "cis2", "S2", "u1"), ses("c", "council", "S1", "u1"),
				ses("d", "", "", "u1"), ses("e", "cis2", "", "u2")} {
				if err := tx.PutSession(one); err != nil {
					return err
				}
			}
			return nil
		})
		for _, c := range []struct {
			provider, sid string
			account       care.ActorID
			want          string
		}{{"cis2", "S1", "", "a"}, {"council", "S1", "", "c"}, {"cis2", "", "u1", "ab"}, {"cis2", "S2", "u2", "be"}, {"cis2", "", "", ""}, {"", "", "u1", "d"}, {"cis2", "S9", "u9", ""}} {
			view(t, s, func(tx *Tx) error {
				got, err := tx.SessionsProvided(c.provider, c.sid, c.account)
				ids := ""
				for _, g := range got {
					ids += g.ID
				}
				if ids != c.want {
					t.Errorf("%q %q %q: sessions %q, want %q", c.provider, c.sid, c.account, ids, c.want)
				}
				return err
			})
		}
	})
}

func TestOnce(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		for i, want := range []bool{true, false, false} {
			update(t, s, func(tx *Tx) error {
				first, err := tx.Once("state x", day.Add(time.Minute))
				if first != want {
					t.Errorf("use %d: first is %v", i+1, first)
				}
				return err
			})
		}
		update(t, s, func(tx *Tx) error { return tx.Sweep(day.Add(time.Hour)) })
		update(t, s, func(tx *Tx) error {
			first, err := tx.Once("state x", day.Add(2*time.Hour))
			if !first {
				t.Error("it is remembered for longer than asked")
			}
			return err
		})
	})
}
