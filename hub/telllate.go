package hub

import (
	"context"
	"slices"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/store"
)

// lateLoop says on cases what could not be told for long, until ctx ends.
func (h *Hub) lateLoop(ctx context.Context) {
	for ctx.Err() == nil {
		if err := h.warnLate(ctx); err != nil && ctx.Err() == nil {
			h.Log.Error("looking for what waits to be told", "err", err)
		}
		pause(ctx, time.Minute)
	}
}

// warnLate says on each case, once, that a system could not be told for an hour,
// whatever it waits for: while a system is left alone or paused, or a person must
// look at what stands before it, nothing is tried of which a failure could tell.
func (h *Hub) warnLate(ctx context.Context) error {
	for _, d := range h.Tellings {
		before := h.now().Add(-tellWarn)
		ids, err := view(ctx, h, func(tx *store.Tx) ([]store.JobID, error) {
			return tx.LateDeliveries(d.Name, before, 200, string(connect.Update), string(connect.Status))
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := h.update(ctx, func(tx *store.Tx) error { return h.warn(tx, d, id) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *Hub) warn(tx *store.Tx, d Telling, id store.JobID) error {
	x, err := tx.Delivery(id)
	if err != nil || x.State != store.DeliveryWaiting || x.Warned {
		return gone(err)
	}
	x.Warned = true
	return firstErr(tx.PutDelivery(x), h.sayOnCase(tx, d, x, care.ToldNot, ""))
}

// freshNews is newsOf, but for news of a referral that was taken back before the
// destination heard anything of it: that need not hear of it at all, and a receiver
// that was told to withdraw what it does not know would refuse it.
func (h *Hub) freshNews(tx *store.Tx, d Telling, t *turn) (send bool, err error) {
	if err := h.findAgain(tx, t); err != nil {
		return false, err
	}
	if t.told.Referral == "" || t.told.Kind == connect.Status {
		return h.newsOf(tx, d, t)
	}
	c, err := h.living(tx, t.delivery.Case)
	i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool {
		return r.ID == t.told.Referral && (r.State == care.RefWithdrawn || r.State == care.RefCancelled)
	})
	if err != nil || i < 0 || c.Referrals[i].To != d.Org {
		return h.newsOf(tx, d, t)
	}
	heard, err := h.heardOf(tx, t)
	if err != nil || heard {
		return h.newsOf(tx, d, t)
	}
	return false, h.notTold(tx, d, t, nil, "The referral was taken back before it was told")
}

// heardOf reports whether a destination was told, or perhaps told, of the referral
// that a job is about; one that is not told of referrals hears of them by other ways.
func (h *Hub) heardOf(tx *store.Tx, t *turn) (bool, error) {
	all, err := tx.DeliveriesOf(t.delivery.Case)
	waits := false
	for _, x := range all {
		if x.Destination != t.delivery.Destination || x.Referral != t.told.Referral {
			continue
		}
		if !x.Made.IsZero() {
			return true, err
		}
		waits = waits || connect.Kind(x.Kind) == connect.Refer
	}
	return !waits, err
}

// moveJoined lets what waits of a record that was joined with another be told in one
// order with what follows of the other: a referral before what became of it.
func (h *Hub) moveJoined(tx *store.Tx, entries []care.Entry) error {
	for _, e := range entries {
		x, joined := e.Event.(care.Absorbed)
		if !joined {
			continue
		}
		ds, err := tx.Destinations()
		if err != nil {
			return err
		}
		for _, d := range ds {
			if err := tx.MoveTold(d.Name, x.Other.ID, e.Case); err != nil {
				return err
			}
		}
	}
	return nil
}

// findAgain finds the record that a referral is in now, where it left the one of which
// the news were: two that had been joined were separated since.
func (h *Hub) findAgain(tx *store.Tx, t *turn) error {
	if t.told.Referral == "" {
		return nil
	}
	c, err := h.living(tx, t.delivery.Case)
	if gone(err) != nil {
		return err
	}
	if err == nil && slices.ContainsFunc(c.Referrals, func(r care.Referral) bool { return r.ID == t.told.Referral }) {
		return nil
	}
	id, err := tx.FindReferral(t.told.Referral)
	if err == nil && id != "" {
		t.delivery.Case = id
	}
	return gone(err)
}
