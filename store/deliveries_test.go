package store

import (
	"errors"
	"testing"
	"time"

	"homeward/care"
)

// delivering is a store with one destination, at a time that the test moves.
func delivering(t *testing.T, open func(...func(*Config)) *Store, clock *time.Time) *Store {
	t.Helper()
	s := open(func(c *Config) { c.Clock = func() time.Time { return *clock } })
	update(t, s, func(tx *Tx) error { return tx.AddDestination("mosaic") })
	return s
}

func telling(key string, id care.CaseID) Tellings {
	return Tellings{Payload: `{"seq":1}`, Delivery: Delivery{Destination: "mosaic", Case: id, Referral: "R1", Kind: "refer", What: "the referral", Key: key}}
}

func claimed(t *testing.T, s *Store, owner string, open int) (l Lane, ok bool) {
	t.Helper()
	update(t, s, func(tx *Tx) (err error) { l, ok, err = tx.ClaimTold("mosaic", owner, time.Minute, open); return err })
	return l, ok
}

func page(t *testing.T, s *Store) (ds []Delivery) {
	t.Helper()
	view(t, s, func(tx *Tx) (err error) { ds, err = tx.Deliveries("mosaic", "", 0, 10); return err })
	return ds
}

func TestDeliveriesKeepOrderByCase(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := delivering(t, open, &now)
		update(t, s, func(tx *Tx) error {
			return tx.EnqueueTold(telling("k1", "c1"), telling("k2", "c1"), telling("k3", "c2"), telling("k1", "c1"))
		})
		if ds := page(t, s); len(ds) != 3 || ds[2].Key != "k1" || ds[2].State != DeliveryWaiting || ds[2].Referral != "R1" {
			t.Fatalf("%+v", ds)
		}
		a, ok1 := claimed(t, s, "a", 5)
		b, ok2 := claimed(t, s, "b", 5)
		_, ok3 := claimed(t, s, "c", 5)
		if !ok1 || !ok2 || ok3 || a.Name == b.Name {
			t.Fatalf("claims %v %v %v: %v %v", ok1, ok2, ok3, a, b)
		}
		// The other kinds of job are none of these.
		update(t, s, func(tx *Tx) error {
			_, ok, err := tx.ClaimLane("other", time.Minute)
			if ok {
				t.Error("a lane of a destination was claimed as another")
			}
			return err
		})
		now = now.Add(2 * time.Minute) // the lease of a is over
		a2, ok := claimed(t, s, "d", 5)
		if !ok || a2.Name != a.Name {
			t.Fatalf("not claimed again: %v", a2)
		}
		err := s.Update(t.Context(), func(tx *Tx) error { return tx.KeepDelivery(a, page(t, s)[2]) })
		if !errors.Is(err, ErrFenced) {
			t.Errorf("an old claim kept a message: %v", err)
		}
	})
}

func TestDeliveriesKeepWhatIsSent(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := delivering(t, open, &now)
		update(t, s, func(tx *Tx) error { return tx.EnqueueTold(telling("k1", "c1")) })
		l, _ := claimed(t, s, "a", 5)
		d := page(t, s)[0]
		d.Message, d.Made = []byte("Mrs Quillfeather"), now
		update(t, s, func(tx *Tx) error { return tx.KeepDelivery(l, d) })
		d.State, d.Reference, d.Track, d.TrackAt, d.TrackUntil, d.Ended = DeliverySent, "4471902", "T1", now.Add(time.Minute), now.Add(time.Hour), now
		update(t, s, func(tx *Tx) error { return firstError(tx.FinishJob(l, d.Job), tx.ReleaseLane(l), tx.PutDelivery(d)) })
		got := page(t, s)[0]
		if string(got.Message) != "Mrs Quillfeather" || got.Reference != "4471902" || got.State != DeliverySent || !got.Made.Equal(d.Made) {
			t.Fatalf("%+v", got)
		}
		update(t, s, func(tx *Tx) error {
			if ds, err := tx.ToTrack("mosaic", 5, time.Minute); err != nil || len(ds) != 0 {
				t.Errorf("too early: %v %v", ds, err)
			}
			return nil
		})
		now = now.Add(2 * time.Minute)
		for _, want := range []int{1, 0} { // the second asks while the first does
			update(t, s, func(tx *Tx) error {
				ds, err := tx.ToTrack("mosaic", 5, time.Minute)
				if len(ds) != want {
					t.Errorf("%d to track, want %d", len(ds), want)
				}
				return err
			})
		}
		verified(t, s)
		now = now.Add(time.Hour)
		update(t, s, func(tx *Tx) error { _, err := tx.PruneJobs(now); return err })
		if got := page(t, s)[0]; got.Message != nil || got.Reference == "" {
			t.Errorf("after its time: %+v", got)
		}
	})
}

func TestAHeldDeliveryStopsItsLane(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := delivering(t, open, &now)
		update(t, s, func(tx *Tx) error { return tx.EnqueueTold(telling("k1", "c1"), telling("k2", "c1")) })
		l, _ := claimed(t, s, "a", 5)
		held := page(t, s)[1].Job
		update(t, s, func(tx *Tx) error { return tx.HoldJob(l, held, "refused") })
		verified(t, s)
		now = now.Add(time.Hour)
		if _, ok := claimed(t, s, "a", 5); ok {
			t.Fatal("a lane went on past what is held")
		}
		update(t, s, func(tx *Tx) error { return tx.ReviveJob(held) })
		l, ok := claimed(t, s, "a", 5)
		var js []Job
		view(t, s, func(tx *Tx) (err error) { js, err = tx.LaneJobs(l.Name, 5); return err })
		if !ok || len(js) != 2 || js[0].ID != held {
			t.Fatalf("not at its place: %v %+v", ok, js)
		}
		update(t, s, func(tx *Tx) error { return tx.HoldJob(l, held, "refused") })
		update(t, s, func(tx *Tx) error { return tx.DropJob(held, "dropped") })
		view(t, s, func(tx *Tx) (err error) { js, err = tx.LaneJobs(l.Name, 5); return err })
		if _, ok := claimed(t, s, "a", 5); !ok || len(js) != 1 {
			t.Fatalf("the lane does not go on: %+v", js)
		}
		update(t, s, func(tx *Tx) error { return tx.DropJob(js[0].ID, "dropped while it waits") })
		if err := s.Update(t.Context(), func(tx *Tx) error { return tx.DropJob(js[0].ID, "again") }); care.KindOf(err) != care.Conflict {
			t.Errorf("dropped twice: %v", err)
		}
		verified(t, s)
	})
}

func TestADestinationIsLeftAlone(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := delivering(t, open, &now)
		for _, k := range []string{"1", "2", "3"} {
			update(t, s, func(tx *Tx) error { return tx.EnqueueTold(telling("k"+k, care.CaseID("c"+k))) })
		}
		fail := func(n int, asked bool) {
			for range n {
				update(t, s, func(tx *Tx) error {
					return tx.DestinationFailed("mosaic", Failure{Text: "down", Open: 2, Wait: 10 * time.Minute, Asked: asked})
				})
			}
		}
		next := func() (at time.Time) {
			view(t, s, func(tx *Tx) (err error) { at, err = tx.NextTold("mosaic"); return err })
			return at
		}
		fail(1, false)
		if _, ok := claimed(t, s, "a", 2); !ok {
			t.Fatal("one failure opens the circuit")
		}
		fail(1, false)
		if _, ok := claimed(t, s, "a", 2); ok || !next().Equal(now.Add(10*time.Minute)) {
			t.Fatalf("the circuit is closed; next %v", next())
		}
		now = now.Add(11 * time.Minute)
		if _, ok := claimed(t, s, "a", 2); !ok {
			t.Fatal("no probe")
		}
		if _, ok := claimed(t, s, "b", 2); ok {
			t.Fatal("two probes at a time")
		}
		update(t, s, func(tx *Tx) error { return tx.DestinationAnswered("mosaic") })
		if _, ok := claimed(t, s, "b", 2); !ok {
			t.Fatal("it answers, and is left alone")
		}
		fail(1, true)
		if _, ok := claimed(t, s, "b", 2); ok {
			t.Fatal("it asked to be left alone")
		}
		update(t, s, func(tx *Tx) error { return tx.ResumeDestination("mosaic") })
		update(t, s, func(tx *Tx) error { return tx.PauseDestination("mosaic", "Inga", "upgrade") })
		now = now.Add(time.Hour)
		if _, ok := claimed(t, s, "b", 2); ok || !next().IsZero() {
			t.Fatal("it is paused")
		}
		update(t, s, func(tx *Tx) error { return tx.ResumeDestination("mosaic") })
		if _, ok := claimed(t, s, "b", 2); !ok {
			t.Fatal("it is resumed")
		}
	})
}

func TestPlacesInHistoryByTime(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := delivering(t, open, &now)
		c := care.Case{}
		for i := range 9 {
			update(t, s, func(tx *Tx) (err error) {
				at := day.Add(time.Duration(i) * time.Hour)
				e := []care.Event{care.NoteAdded{At: at, Note: care.Note{ID: "n"}}}
				if i == 0 {
					e = []care.Event{care.Started{At: at, ID: "c1"}}
				}
				c, err = tx.Record(c, care.Cause{Kind: "system"}, at, e...)
				return err
			})
		}
		for _, x := range []struct {
			from, to time.Duration
			want     int
		}{{0, 9 * time.Hour, 9}, {time.Hour, 3 * time.Hour, 2}, {30 * time.Minute, 90 * time.Minute, 1}, {10 * time.Hour, 11 * time.Hour, 0}, {-2 * time.Hour, 0, 0}} {
			view(t, s, func(tx *Tx) error {
				from, to, err := tx.HistoryBetween(day.Add(x.from), day.Add(x.to))
				if err != nil {
					return err
				}
				es, err := tx.HistoryOfBetween("c1", from, to, 100)
				if len(es) != x.want {
					t.Errorf("%v to %v: %d entries (%d, %d], want %d", x.from, x.to, len(es), from, to, x.want)
				}
				return err
			})
		}
	})
}

func TestErasingTakesAwayWhatWasSent(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := delivering(t, open, &now)
		update(t, s, func(tx *Tx) error {
			_, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, day, care.Started{At: day, ID: "c1"})
			return firstError(err, tx.EnqueueTold(telling("k1", "c1"), telling("k2", "c1"), telling("k3", "c1"), telling("k4", "c2")))
		})
		l, _ := claimed(t, s, "a", 5)
		ds := page(t, s)
		done, held := ds[3], ds[2]
		done.Message, done.State, done.Reference = []byte("Mrs Quillfeather"), DeliverySent, "4471902"
		held.Message, held.State = []byte("Mrs Quillfeather"), DeliveryHeld
		update(t, s, func(tx *Tx) error {
			return firstError(tx.PutDelivery(done), tx.FinishJob(l, done.Job), tx.PutDelivery(held), tx.HoldJob(l, held.Job, "refused"))
		})
		erase(t, s, "c1")
		for _, d := range page(t, s)[1:] {
			if d.Message != nil || d.Reference != "" || d.State == DeliveryHeld || d.State == DeliveryWaiting {
				t.Errorf("left: %+v", d)
			}
		}
		if other := page(t, s)[0]; other.State != DeliveryWaiting {
			t.Errorf("another's: %+v", other)
		}
		verified(t, s)
	})
}

// TestAClockThatWasAheadHoldsUpNothing finishes a job while the clock is wrong, and
// adds another when it is right again.
func TestAClockThatWasAheadHoldsUpNothing(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := delivering(t, open, &now)
		now = day.Add(48 * time.Hour)
		update(t, s, func(tx *Tx) error { return tx.EnqueueTold(telling("k1", "c1")) })
		l, ok := claimed(t, s, "a", 5)
		if !ok {
			t.Fatal("not due")
		}
		update(t, s, func(tx *Tx) error {
			return firstError(tx.FinishJob(l, page(t, s)[0].Job), tx.ReleaseLane(l))
		})
		now = day.Add(time.Minute)
		update(t, s, func(tx *Tx) error { return tx.EnqueueTold(telling("k2", "c1")) })
		if _, ok := claimed(t, s, "a", 5); !ok {
			t.Error("what is new waits for two days")
		}
	})
}
