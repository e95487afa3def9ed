package hub

import (
	"context"
	"errors"
	"slices"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/store"
	"homeward/translate"
)

// mayHear reports whether what a destination may see holds what the news are
// about. Nothing is told of a referral that it does not see, of a note or a paper
// that it may not read, or of a person whom it may not know.
func mayHear(n told, s translate.Shown) bool {
	if !s.Sees.Person {
		return false
	}
	if n.Referral == "" {
		return s.Sees.Whereabouts
	}
	if !s.Sees.Referral || !slices.ContainsFunc(s.Case.Referrals, func(r care.Referral) bool { return r.ID == n.Referral }) {
		return false
	}
	switch {
	case n.Note != "":
		return slices.ContainsFunc(s.Case.Notes, func(x care.Note) bool { return x.ID == n.Note })
	case n.Paper != "":
		return slices.ContainsFunc(s.Case.Papers, func(x care.Paper) bool { return x.ID == n.Paper })
	}
	return true
}

// settle writes what came of a try: told, refused, or again later.
func (h *Hub) settle(ctx context.Context, d Telling, t *turn, r connect.Receipt, err error) error {
	var refused *connect.Refused
	return h.update(ctx, func(tx *store.Tx) error {
		switch {
		case err == nil:
			return h.done(tx, d, t, r)
		case errors.As(err, &refused):
			if err := tx.DestinationAnswered(d.Name); err != nil {
				return err
			}
			return h.hold(tx, d, t, refused)
		}
		return h.later(tx, d, t, err)
	})
}

// done settles what the far side took.
func (h *Hub) done(tx *store.Tx, d Telling, t *turn, r connect.Receipt) error {
	x, now := t.delivery, h.now()
	x.State, x.Ended, x.Reference, x.Detail, x.Warned, x.Status = store.DeliverySent, now, clip(r.Reference, 64), r.Detail, false, 0
	if r.Received {
		x.State = store.DeliveryReceived
	} else if r.Track != "" {
		x.Track, x.TrackAt, x.TrackUntil = r.Track, now.Add(trackFirst), now.Add(trackFor)
	}
	if err := firstErr(tx.FinishJob(t.lane, x.Job), tx.ReleaseLane(t.lane), tx.PutDelivery(x), tx.DestinationAnswered(d.Name)); err != nil {
		return err
	}
	return h.sayTold(tx, d, x)
}

// sayTold puts what became of a delivery onto the case, and gives a referral the
// council's reference.
func (h *Hub) sayTold(tx *store.Tx, d Telling, x store.Delivery) error {
	state := care.ToldSent
	if x.State == store.DeliveryReceived {
		state = care.ToldReceived
	}
	if connect.Kind(x.Kind) == connect.Refer && state == care.ToldReceived {
		if err := h.receive(tx, d, x); err != nil {
			return err
		}
	}
	if quiet(connect.Kind(x.Kind)) {
		return nil
	}
	return h.sayOnCase(tx, d, x, state, x.Reference)
}

// quiet are the kinds whose arrival is no line on a case: there is one for every
// move, and the destination's page has them all.
func quiet(k connect.Kind) bool { return k == connect.Update || k == connect.Status }

// receive notes that the council's system has a referral. That it cannot be noted
// any more, because the record was joined or erased since, changes nothing.
func (h *Hub) receive(tx *store.Tx, d Telling, x store.Delivery) error {
	c, err := h.living(tx, x.Case)
	if err != nil || !slices.ContainsFunc(c.Referrals, func(r care.Referral) bool { return r.ID == x.Referral && r.To == d.Org }) {
		return gone(err)
	}
	events, err := care.Decide(c, d.actor(h), care.Receive{ID: x.Referral, Reference: x.Reference}, h.now())
	var no *care.Error
	if errors.As(err, &no) {
		return nil
	}
	if err != nil || len(events) == 0 {
		return err
	}
	_, err = tx.Record(c, toldCause(d), h.now(), events...)
	return err
}

func toldCause(d Telling) care.Cause { return care.Cause{Kind: "system", Source: d.Title} }

// gone lets a case that is no more be.
func gone(err error) error {
	if store.IsNone(err) {
		return nil
	}
	return err
}

// sayOnCase writes on the case, in words, what became of telling. What is told of
// somebody who was not referred leaves no line: it would tell who supports them.
func (h *Hub) sayOnCase(tx *store.Tx, d Telling, x store.Delivery, state care.ToldState, reference string) error {
	if x.Referral == "" {
		return nil
	}
	c, err := h.living(tx, x.Case)
	if err != nil {
		return gone(err)
	}
	_, err = tx.Record(c, toldCause(d), h.now(), care.Told{At: h.now(), Destination: d.Name, Title: d.Title, Referral: x.Referral, What: x.What,
		Reference: reference, State: state})
	return err
}

// hold keeps what was refused for a person. What is behind it in the lane waits.
func (h *Hub) hold(tx *store.Tx, d Telling, t *turn, no *connect.Refused) error {
	x := t.delivery
	x.State, x.Ended, x.Status, x.Detail, x.Warned = store.DeliveryHeld, h.now(), int64(no.Status), clip(no.Text, 300), true
	if err := firstErr(tx.HoldJob(t.lane, x.Job, x.Detail), tx.PutDelivery(x)); err != nil {
		return err
	}
	return h.sayOnCase(tx, d, x, care.ToldNot, "")
}

// later lets a job wait after a try that did not get through. When that has gone
// on for long, the case says so, once.
func (h *Hub) later(tx *store.Tx, d Telling, t *turn, cause error) error {
	x, text := t.delivery, saidBy(cause)
	wait := store.Backoff(x.Attempts+1, tellBase, tellTop, jitter())
	var asked *connect.Later
	patient := errors.As(cause, &asked) && asked.Wait > 0
	if patient {
		wait = min(asked.Wait, tellAskMost)
	}
	now, err := h.standing(tx, d.Name)
	if err != nil {
		return err
	}
	alone := wait
	if !patient { // the whole destination is left alone by its own count
		alone = store.Backoff(now.Failures+2-tellOpen, tellBase, tellTop, jitter())
	}
	if err := firstErr(tx.FailJob(t.lane, x.Job, text, wait), tx.DestinationFailed(d.Name, store.Failure{Text: text, Open: tellOpen, Wait: alone,
		Asked: patient, Stale: x.Attempts+1 >= tellOpen})); err != nil {
		return err
	}
	if x.Warned || h.now().Sub(x.Enqueued) < tellWarn {
		return nil
	}
	x.Warned = true
	return firstErr(tx.PutDelivery(x), h.sayOnCase(tx, d, x, care.ToldNot, ""))
}

// standing is where telling one destination stands.
func (h *Hub) standing(tx *store.Tx, name string) (store.Destination, error) {
	ds, err := tx.Destinations()
	i := slices.IndexFunc(ds, func(d store.Destination) bool { return d.Name == name })
	if err != nil || i < 0 {
		return store.Destination{Name: name}, err
	}
	return ds[i], nil
}

// trackSome asks what became of some messages that a door took.
func (h *Hub) trackSome(ctx context.Context, d Telling, tracker connect.Tracker) (bool, time.Time, error) {
	due, err := view(ctx, h, func(tx *store.Tx) (time.Time, error) { return tx.TrackDue(d.Name) })
	if err != nil || due.IsZero() || due.After(h.now()) {
		return false, due, err
	}
	var some []store.Delivery
	err = h.update(ctx, func(tx *store.Tx) (err error) {
		some, err = tx.ToTrack(d.Name, 20, d.lease())
		return err
	})
	for _, x := range some {
		if err != nil || ctx.Err() != nil {
			break
		}
		trying, cancel := context.WithTimeout(ctx, max(d.Timeout, tellTimeout))
		r, over, wrong := tracker.Track(trying, x.Track)
		cancel()
		if ctx.Err() == nil {
			err = h.update(ctx, func(tx *store.Tx) error { return h.tracked(tx, d, x, r, over, wrong) })
		}
	}
	return len(some) > 0, due, err
}

// tracked settles one answer about a message: it arrived, it did not, nothing is
// known yet, or nothing will be known any more.
func (h *Hub) tracked(tx *store.Tx, d Telling, seen store.Delivery, r connect.Receipt, over bool, wrong error) error {
	x, err := tx.Delivery(seen.Job)
	if err != nil || x.Track != seen.Track {
		return gone(err) // settled meanwhile
	}
	now := h.now()
	var refused *connect.Refused
	lost := errors.As(wrong, &refused)
	switch {
	case lost || wrong == nil && over && !r.Received:
		x.State, x.Ended, x.Track, x.Detail, x.Warned = store.DeliveryLost, now, "", "It was sent and did not arrive", true
		if lost {
			x.Detail, x.Status = clip(refused.Text, 300), int64(refused.Status)
		} else if r.Detail != "" {
			x.Detail = clip(r.Detail, 300)
		}
		return firstErr(tx.PutDelivery(x), h.sayOnCase(tx, d, x, care.ToldNot, ""))
	case wrong == nil && over:
		x.State, x.Ended, x.Track, x.Detail = store.DeliveryReceived, now, "", r.Detail
		if r.Reference != "" {
			x.Reference = clip(r.Reference, 64)
		}
		return firstErr(tx.PutDelivery(x), h.sayTold(tx, d, x))
	case now.After(x.TrackUntil):
		x.State, x.Track, x.Detail, x.Warned = store.DeliveryUnsure, "", "It was sent, and no receipt came", true
		return firstErr(tx.PutDelivery(x), h.sayOnCase(tx, d, x, care.ToldNot, ""))
	}
	age := now.Sub(x.Ended)
	x.TrackAt = now.Add(min(max(trackFirst, age/2), trackTop))
	return tx.PutDelivery(x)
}

// SettleNow sends what is due for one destination until nothing is: for tests and
// for the operator's command.
func (h *Hub) SettleNow(ctx context.Context, name string) (int, error) {
	i := slices.IndexFunc(h.Tellings, func(d Telling) bool { return d.Name == name })
	if i < 0 {
		return 0, &care.Error{Kind: care.NotFound, Text: "There is no such destination in the configuration"}
	}
	for n := 0; ; n++ {
		t, did, _, err := h.nextTurn(ctx, h.Tellings[i], "now-"+newID())
		if err == nil && t != nil {
			err = h.takeTurn(ctx, h.Tellings[i], t)
		}
		if err != nil || !did {
			return n, err
		}
	}
}
