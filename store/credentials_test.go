package store

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/care"
)

func (s *Store) must(t *testing.T, f func(*Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func TestCredentials(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		app := care.Credential{ID: "c1", Account: "u1", Kind: care.CodeApp, Lookup: []byte("u1"), Name: "Phone", Counter: 41, Made: day, Secret: []byte{0, 255, 7}}
		key := care.Credential{ID: "c2", Account: "u1", Kind: care.Passkey, Lookup: []byte{1, 0, 2}, Name: "Blue key", Made: day.Add(time.Hour), Used: day.Add(2 * time.Hour), Secret: []byte(`{}`)}
		s.must(t, func(tx *Tx) error {
			if err := tx.AddCredential(key); err != nil {
				return err
			}
			return tx.AddCredential(app)
		})
		var got []care.Credential
		s.must(t, func(tx *Tx) (err error) { got, err = tx.Credentials("u1"); return err })
		if diff := cmp.Diff([]care.Credential{app, key}, got); diff != "" {
			t.Error(diff)
		}
		again := key
		again.ID, again.Account = "c3", "u2"
		if err := s.Update(t.Context(), func(tx *Tx) error { return tx.AddCredential(again) }); care.KindOf(err) != care.Conflict {
			t.Errorf("the passkey of another: %v", err)
		}
		s.must(t, func(tx *Tx) error {
			c, err := tx.CredentialBy(care.Passkey, key.Lookup)
			if err != nil || c.ID != "c2" {
				t.Errorf("%s, %v", c.ID, err)
			}
			if _, err := tx.CredentialBy(care.CodeApp, key.Lookup); !IsNone(err) {
				t.Errorf("of another kind: %v", err)
			}
			return nil
		})
	})
}

func TestNoCredentialOpensTwice(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		s.must(t, func(tx *Tx) error {
			if err := tx.AddCredential(care.Credential{ID: "app", Account: "u1", Kind: care.CodeApp, Lookup: []byte("u1"), Counter: 40, Made: day}); err != nil {
				return err
			}
			if err := tx.AddCredential(care.Credential{ID: "synced", Account: "u1", Kind: care.Passkey, Lookup: []byte("k"), Made: day}); err != nil {
				return err
			}
			return tx.AddCredential(care.Credential{ID: "paper", Account: "u1", Kind: care.Recovery, Lookup: []byte("r"), Made: day})
		})
		for _, c := range []struct {
			id      string
			counter int64
			want    bool
		}{{"app", 41, true}, {"app", 41, false}, {"app", 40, false}, {"app", 42, true}, {"synced", 0, true}, {"synced", 0, true}, {"synced", 3, true}, {"synced", 0, false}, {"none", 1, false}} {
			s.must(t, func(tx *Tx) error {
				fresh, err := tx.UseCredential(c.id, c.counter, day)
				if fresh != c.want {
					t.Errorf("%s at %d: %v", c.id, c.counter, fresh)
				}
				return err
			})
		}
		for i, want := range []bool{false, true, false} {
			s.must(t, func(tx *Tx) error {
				was, err := tx.DropCredential([]care.ActorID{"u2", "u1", "u1"}[i], "paper")
				if was != want {
					t.Errorf("try %d of the paper: %v", i+1, was)
				}
				return err
			})
		}
		s.must(t, func(tx *Tx) error { return tx.DropCredentials("u1", care.CodeApp) })
		s.must(t, func(tx *Tx) error {
			cs, err := tx.Credentials("u1")
			if len(cs) != 1 || cs[0].Kind != care.Passkey {
				t.Errorf("left: %v", cs)
			}
			return err
		})
	})
}

func TestChallengesHaveOneAnswer(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := open(func(c *Config) { c.Clock = func() time.Time { return now } })
		c := care.Challenge{ID: "x", Kind: "half", Account: "u1", Expires: day.Add(time.Minute), Doc: []byte("{}")}
		s.must(t, func(tx *Tx) error { return tx.PutChallenge(c) })
		var got care.Challenge
		s.must(t, func(tx *Tx) (err error) { got, err = tx.Challenge("x", "half"); return err })
		if diff := cmp.Diff(c, got); diff != "" {
			t.Error(diff)
		}
		take := func(id, kind string) error {
			return s.Update(t.Context(), func(tx *Tx) error { _, err := tx.TakeChallenge(id, kind); return err })
		}
		if err := take("x", "half"); err != nil {
			t.Fatal(err)
		}
		if err := take("x", "half"); !IsNone(err) {
			t.Errorf("a second answer: %v", err)
		}
		s.must(t, func(tx *Tx) error { return tx.PutChallenge(c) })
		if err := take("x", "other"); !IsNone(err) {
			t.Errorf("as another kind: %v", err)
		}
		now = day.Add(time.Minute)
		if err := take("x", "half"); !IsNone(err) {
			t.Errorf("too late: %v", err)
		}
		now = day.Add(time.Hour)
		s.must(t, func(tx *Tx) error { return tx.PutChallenge(care.Challenge{ID: "y", Kind: "half", Expires: now.Add(1)}) })
		n := 0
		if err := s.View(context.Background(), func(tx *Tx) error {
			return tx.query(`SELECT id FROM challenges`, nil, func([]any) error { n++; return nil })
		}); err != nil || n != 1 {
			t.Errorf("%d are kept, %v", n, err)
		}
	})
}

func TestSessionsOf(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		s.must(t, func(tx *Tx) error {
			for i, id := range []string{"a", "b", "c", "d"} {
				ses := care.Session{ID: id, Account: "u1", Created: day, Seen: day.Add(time.Duration(i) * time.Minute), Ends: day.Add(time.Hour), Proven: day, Method: care.ByCode}
				switch id {
				case "c":
					ses.Account = "u2"
				case "d":
					ses.Ends = day.Add(time.Minute)
				}
				if err := tx.PutSession(ses); err != nil {
					return err
				}
			}
			return nil
		})
		s.must(t, func(tx *Tx) error {
			ss, err := tx.SessionsOf("u1", day.Add(time.Minute))
			if len(ss) != 2 || ss[0].ID != "b" || ss[1].ID != "a" || ss[0].Method != care.ByCode || !ss[0].Proven.Equal(day) {
				t.Errorf("%+v", ss)
			}
			return err
		})
	})
}
