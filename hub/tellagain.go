package hub

import (
	"context"
	"slices"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/policy"
	"homeward/store"
)

// reviveTold lets a delivery be told again, at its place among those of its case.
func (h *Hub) reviveTold(tx *store.Tx, d store.Delivery, anew bool) error {
	if anew { // Made stays: the far side may have heard of it
		d.Message, d.Key = nil, connect.Again(d.Key, int64(d.Attempts)+h.now().UnixMicro())
	}
	d.State, d.Ended, d.Detail, d.Status, d.Track = store.DeliveryWaiting, time.Time{}, "", 0, ""
	return firstErr(tx.ReviveJob(d.Job), tx.PutDelivery(d))
}

// The most of what was refused that is sent again at once, and in one transaction.
const (
	refusedAtOnce = 10_000
	refusedInOne  = 100
)

// RetryRefused sends again all that a destination refused, as RetryTold does one:
// a wrong password is one cause of many refusals, and is mended once. It says how
// many there were.
func (h *Hub) RetryRefused(ctx context.Context, by care.Actor, name string, anew bool, why string) (n int, err error) {
	if err := needsWhy(why); err != nil {
		return 0, err
	}
	var ids []store.JobID
	err = h.operating(ctx, by, policy.Replay, "retry all that destination "+name+" refused", why, func(tx *store.Tx) error {
		ids = nil
		if _, ok := h.telling(name); !ok {
			return orNoDestination(nil)
		}
		for len(ids) < refusedAtOnce {
			before := store.JobID(0)
			if len(ids) > 0 {
				before = ids[len(ids)-1]
			}
			ds, err := tx.Deliveries(name, store.DeliveryHeld, before, refusedInOne)
			if err != nil || len(ds) == 0 {
				return err
			}
			for _, d := range ds {
				ids = append(ids, d.Job)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	slices.Sort(ids) // the oldest first
	for part := range slices.Chunk(ids, refusedInOne) {
		again := 0
		if err := h.update(ctx, func(tx *store.Tx) (err error) {
			again, err = h.retrySome(tx, part, anew)
			return err
		}); err != nil {
			return n, err
		}
		n += again
	}
	return n, nil
}

// retrySome retries those that are still refused.
func (h *Hub) retrySome(tx *store.Tx, ids []store.JobID, anew bool) (n int, err error) {
	for _, id := range ids {
		d, err := tx.Delivery(id)
		if err != nil {
			return n, err
		}
		if d.State != store.DeliveryHeld {
			continue
		}
		if err := h.reviveTold(tx, d, anew); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
