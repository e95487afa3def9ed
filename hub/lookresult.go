package hub

import (
	"context"
	"errors"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// RecordLookResult records what a look-up that the reader made a moment ago led to.
// Recorded again it is corrected; the same again changes nothing.
func (h *Hub) RecordLookResult(ctx context.Context, by care.Actor, handle string, result care.LookEnd, text string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		k, err := h.lookedAt(tx, by, handle, now)
		var none *care.Error
		if store.IsNone(err) || errors.As(err, &none) && none.Kind == care.NotFound {
			a := h.ask(by, policy.RecordLookResult, nil, policy.DirectCare, "", now)
			if err := a.audit(tx, false, "no such result"); err != nil {
				return err
			}
			return committed{resultOver()}
		}
		if err != nil {
			return err
		}
		if k.View.Outcome != LookFound || k.View.Case == "" {
			return &care.Error{Kind: care.NotFound, Text: "There is nobody of whom this could be recorded"}
		}
		c, err := h.living(tx, k.View.Case)
		if err != nil {
			return err
		}
		a := h.ask(by, policy.RecordLookResult, nil, k.Asked.purpose(), "", now)
		a.declared = true
		a.about(c, now)
		if err := a.onto(tx, now); err != nil {
			return err
		}
		id := onceID(handle, by, "look")
		if c, err = h.carry(tx, a, c, policy.RecordLookResult, care.EndLook{ID: id, Looked: k.View.At, Result: result, Text: text}); err != nil {
			return err
		}
		for _, l := range c.Looks {
			if l.ID == id {
				k.View.Ended = &l
			}
		}
		kept, err := tx.Handle(handle)
		if err != nil {
			return err
		}
		return h.keepLooked(tx, by, k, kept.Expires)
	})
}

// lookItem says whether a reader sees a timeline entry of what a look-up led to: those
// of the hospital that looked. That somebody was looked up is nobody else's.
func (a *asking) lookItem(e care.Event, t *TimelineItem) bool {
	x, ok := e.(care.LookEnded)
	if !ok {
		return false
	}
	t.Text = x.Look.Text
	return x.Look.Org == a.by.Org && a.by.OrgKind == care.Trust
}
