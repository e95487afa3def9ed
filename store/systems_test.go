package store

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAnAssertionIsUsedOnceByAllProcesses(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		here, there := open(), open()
		var fresh atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				s := here
				if i%2 == 1 {
					s = there
				}
				var ok bool
				err := s.Update(t.Context(), func(tx *Tx) (err error) {
					ok, err = tx.Assertion("epr", []byte("jti"), day.Add(time.Minute))
					return err
				})
				if err != nil {
					t.Error(err)
				}
				if ok {
					fresh.Add(1)
				}
			})
		}
		wg.Wait()
		if fresh.Load() != 1 {
			t.Errorf("%d of 16 were the first", fresh.Load())
		}
		update(t, there, func(tx *Tx) error {
			if ok, err := tx.Assertion("another", []byte("jti"), day.Add(time.Minute)); err != nil || !ok {
				t.Errorf("another client's: %v, %v", ok, err)
			}
			return tx.SweepSystems(day.Add(time.Hour))
		})
		view(t, here, func(tx *Tx) error {
			if was, err := tx.Asserted("epr", []byte("jti")); err != nil || was {
				t.Errorf("after its end it is still kept: %v, %v", was, err)
			}
			return nil
		})
	})
}

func TestTokensAreKeptUntilTheyEnd(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		k := Token{Hash: bytes.Repeat([]byte{7}, 32), Client: "epr", Scopes: "launch", Thumbprint: "abc", Issued: day, Expires: day.Add(time.Minute)}
		update(t, s, func(tx *Tx) error { return tx.PutToken(k) })
		read := func() (got Token, err error) {
			err = s.View(t.Context(), func(tx *Tx) (err error) { got, err = tx.Token(k.Hash); return err })
			return got, err
		}
		got, err := read()
		if err != nil || got.Client != "epr" || got.Scopes != "launch" || got.Thumbprint != "abc" || !got.Expires.Equal(k.Expires) {
			t.Errorf("%+v, %v", got, err)
		}
		update(t, s, func(tx *Tx) error { return tx.SweepSystems(day) })
		if _, err := read(); err != nil {
			t.Errorf("swept too early: %v", err)
		}
		update(t, s, func(tx *Tx) error { return tx.DropTokens("epr") })
		if _, err := read(); !IsNone(err) {
			t.Errorf("it was not dropped: %v", err)
		}
	})
}

func TestALaunchIsTakenOnce(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		l := Launch{ID: []byte("id"), Stage: LaunchLink, Client: "epr", Org: "RK5", Expires: day, Sealed: []byte("sealed")}
		update(t, s, func(tx *Tx) error { return tx.PutLaunch(l) })
		update(t, s, func(tx *Tx) error {
			if _, err := tx.TakeLaunch(l.ID, LaunchOpen); !IsNone(err) {
				t.Errorf("taken at another stage: %v", err)
			}
			got, err := tx.TakeLaunch(l.ID, LaunchLink)
			if err != nil || string(got.Sealed) != "sealed" || got.Org != "RK5" {
				t.Errorf("%+v, %v", got, err)
			}
			if _, err := tx.TakeLaunch(l.ID, LaunchLink); !IsNone(err) {
				t.Errorf("taken twice: %v", err)
			}
			l.Stage = LaunchOpen
			if err := tx.PutLaunch(l); err != nil {
				return err
			}
			return tx.BindLaunch(l.ID, "session")
		})
		view(t, s, func(tx *Tx) error {
			if got, err := tx.Launch(l.ID, LaunchOpen); err != nil || got.Session != "session" {
				t.Errorf("%+v, %v", got, err)
			}
			if _, err := tx.Launch([]byte("other"), LaunchOpen); !IsNone(err) {
				t.Errorf("found what is not there: %v", err)
			}
			return nil
		})
	})
}
