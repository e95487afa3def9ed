package hub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"homeward/care"
	"homeward/store"
)

// pastCause marks what was recorded as past: a site begins with a history that another
// system had, or a demonstration with one that is made up. It is measured like all
// history, and nobody is told of it: not staff, not providers, not other systems.
const pastCause = "past"

// pastAtOnce is how many times of a past are recorded in one transaction.
const pastAtOnce = 8

// Past is the history of one person from before this site, oldest first.
type Past struct {
	Case     care.CaseID
	Source   string // what it came from, for people
	Events   []care.Event
	Recorded []time.Time // when each was first recorded; it never goes back
}

// RecordPast records somebody's past, some of it at a time so that nobody waits. What of
// it is recorded already is not recorded again: a stopped load may begin anew.
func (h *Hub) RecordPast(ctx context.Context, p Past) error {
	if len(p.Events) != len(p.Recorded) || !slices.IsSortedFunc(p.Recorded, time.Time.Compare) {
		return fmt.Errorf("recording the past of case %s: its times do not go with its events", p.Case)
	}
	for more := true; more; {
		err := h.update(ctx, func(tx *store.Tx) error {
			more = false
			c, err := tx.Case(p.Case)
			if err != nil && care.KindOf(err) != care.NotFound {
				return err
			}
			for n := 0; c.Version < len(p.Events); n++ {
				if n == pastAtOnce {
					more = true
					return nil
				}
				from, to := c.Version, c.Version+1
				for to < len(p.Events) && p.Recorded[to].Equal(p.Recorded[from]) {
					to++
				}
				if c, err = tx.Record(c, care.Cause{Kind: pastCause, Source: p.Source}, p.Recorded[from], p.Events[from:to]...); err != nil {
					return fmt.Errorf("recording the past of case %s: %w", p.Case, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// news are the entries of history of which somebody may have to be told.
func news(entries []care.Entry) []care.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e care.Entry) bool { return e.Cause.Kind == pastCause })
}
