package store

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"homeward/care"
)

func subscribed(t *testing.T, s *Store, id string) {
	t.Helper()
	update(t, s, func(tx *Tx) error {
		return tx.AddSubscription(Subscription{ID: id, Client: "epr", Org: "RXX", Status: "active", Topic: "tasks", Channel: "rest-hook", Created: day, Doc: []byte(`{"endpoint":"https://x"}`)})
	})
}

// TestEventNumbersHaveNoGaps: two processes add events to one subscription at once.
func TestEventNumbersHaveNoGaps(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		here, there := open(), open()
		subscribed(t, here, "a")
		subscribed(t, here, "b")
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				s := here
				if i%2 == 1 {
					s = there
				}
				err := s.Update(t.Context(), func(tx *Tx) error {
					return tx.AddSubscriptionEvents("a", []SubscriptionEvent{{At: day, Case: "c1", Type: "Task", ID: "c1.x"}, {At: day, Case: "c2", Type: "Task", ID: "c2.x"}})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		update(t, here, func(tx *Tx) error { return tx.AddSubscriptionEvents("gone", []SubscriptionEvent{{At: day}}) })
		view(t, there, func(tx *Tx) error {
			s, err := tx.Subscription("a")
			if err != nil || s.Events != 40 || string(s.Doc) != `{"endpoint":"https://x"}` {
				t.Errorf("%+v, %v", s, err)
			}
			es, err := tx.SubscriptionEvents("a", 0, 100, 100)
			if err != nil || len(es) != 40 {
				t.Fatalf("%d events, %v", len(es), err)
			}
			for i, e := range es {
				if e.N != int64(i+1) {
					t.Errorf("event %d has the number %d", i+1, e.N)
				}
			}
			other, err := tx.Subscription("b")
			if other.Events != 0 {
				t.Errorf("another subscription has %d events", other.Events)
			}
			return err
		})
	})
}

// TestTheCursorIsMovedOnce: of two processes that found the same, one may keep it.
func TestTheCursorIsMovedOnce(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		here, there := open(), open()
		update(t, here, func(tx *Tx) error { return tx.BeginSubscriptionCursor() })
		var from int64
		view(t, there, func(tx *Tx) (err error) {
			var known bool
			if from, known, err = tx.SubscriptionCursor(); !known {
				t.Error("there is no cursor")
			}
			return err
		})
		var moved atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				s := here
				if i%2 == 1 {
					s = there
				}
				var ok bool
				if err := s.Update(t.Context(), func(tx *Tx) (err error) { ok, err = tx.MoveSubscriptionCursor(from, from+1); return err }); err != nil {
					t.Error(err)
				}
				if ok {
					moved.Add(1)
				}
			})
		}
		wg.Wait()
		if moved.Load() != 1 {
			t.Errorf("it was moved %d times", moved.Load())
		}
	})
}

func TestSubscriptionsAreClaimedAndSettled(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := open(func(c *Config) { c.Clock = func() time.Time { return now } })
		subscribed(t, s, "a")
		claim := func() (c Subscription, ok bool) {
			update(t, s, func(tx *Tx) (err error) { c, ok, err = tx.ClaimSubscription(time.Minute); return err })
			return c, ok
		}
		if _, ok := claim(); ok {
			t.Error("one was claimed that nothing is due for")
		}
		update(t, s, func(tx *Tx) error {
			return tx.AddSubscriptionEvents("a", []SubscriptionEvent{{At: day, Case: "c1", Type: "Task", ID: "c1.x"}})
		})
		c, ok := claim()
		if !ok || c.Events != 1 {
			t.Fatalf("%+v, %v", c, ok)
		}
		if _, ok := claim(); ok {
			t.Error("it was claimed twice")
		}
		now = now.Add(2 * time.Minute) // the process that had it is gone
		if c, ok = claim(); !ok {
			t.Fatal("it was not claimed after its lease")
		}
		update(t, s, func(tx *Tx) error {
			return tx.AddSubscriptionEvents("a", []SubscriptionEvent{{At: day, Case: "c1", Type: "Task", ID: "c1.x"}})
		})
		c.Delivered, c.Sent = 1, now
		update(t, s, func(tx *Tx) error { return tx.SettleSubscription(c) })
		if c, ok = claim(); !ok || c.Delivered != 1 || c.Events != 2 {
			t.Errorf("what came meanwhile is not due: %+v, %v", c, ok)
		}
		c.Failures, c.Due = 1, now.Add(time.Hour)
		update(t, s, func(tx *Tx) error { return tx.SettleSubscription(c) })
		update(t, s, func(tx *Tx) error {
			return tx.AddSubscriptionEvents("a", []SubscriptionEvent{{At: day, Case: "c1", Type: "Task", ID: "c1.x"}})
		})
		if _, ok = claim(); ok {
			t.Error("after a failure it did not wait")
		}
		view(t, s, func(tx *Tx) error {
			at, err := tx.NextSubscription()
			if !at.Equal(now.Add(time.Hour)) {
				t.Errorf("next at %v", at)
			}
			return err
		})
	})
}

func TestSubscriptionTokensAndExports(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		e := Export{ID: "e", Client: "c", Org: "E1", At: day, Since: day.Add(-time.Hour), Types: []string{"Patient", "Task"}, Request: "https://x/$export", Expires: day.Add(time.Hour)}
		update(t, s, func(tx *Tx) error {
			return firstError(tx.AddExport(e), tx.PutSubscriptionToken(SubscriptionToken{Hash: []byte("h"), Client: "c", Subscriptions: []string{"a", "b"}, Expires: day.Add(time.Minute)}))
		})
		view(t, s, func(tx *Tx) error {
			got, err := tx.Export("e")
			if len(got.Types) != 2 || !got.Since.Equal(e.Since) || !got.At.Equal(day) {
				t.Errorf("%+v", got)
			}
			n, _ := tx.ExportsOf("c", day)
			if n != 1 {
				t.Errorf("%d exports", n)
			}
			return err
		})
		update(t, s, func(tx *Tx) error {
			k, err := tx.TakeSubscriptionToken([]byte("h"))
			if len(k.Subscriptions) != 2 || k.Client != "c" {
				t.Errorf("%+v", k)
			}
			if _, err := tx.TakeSubscriptionToken([]byte("h")); care.KindOf(err) != care.NotFound {
				t.Errorf("a token was taken twice: %v", err)
			}
			return err
		})
		update(t, s, func(tx *Tx) error { return tx.SweepSubscriptions(day.Add(2*time.Hour), day) })
		view(t, s, func(tx *Tx) error {
			if _, err := tx.Export("e"); care.KindOf(err) != care.NotFound {
				t.Errorf("an export that ended is still there: %v", err)
			}
			return nil
		})
	})
}

// TestErasedEventsKeepTheirNumbers: an event of somebody who was erased names nobody.
func TestErasedEventsKeepTheirNumbers(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		subscribed(t, s, "a")
		update(t, s, func(tx *Tx) error {
			return firstError(tx.AddSubscriptionEvents("a", []SubscriptionEvent{{At: day, Case: "c1", Type: "Task", ID: "c1.x"}, {At: day, Case: "c2", Type: "Task", ID: "c2.x"}}), tx.eraseSubscribed("c1"))
		})
		view(t, s, func(tx *Tx) error {
			es, err := tx.SubscriptionEvents("a", 0, 10, 10)
			if len(es) != 2 || es[0].Case != "" || es[0].ID != "" || es[1].Case != "c2" {
				t.Errorf("%+v", es)
			}
			return err
		})
	})
}
