package hub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/store"
)

const (
	measureCursor = "measured-to" // the setting that holds how far history was measured
	measureAtOnce = 100           // entries of history measured in one transaction
)

// measureLoop measures history as it grows, until ctx ends: its points and counts are
// some hundredths of a second behind (see follower).
func (h *Hub) measureLoop(ctx context.Context) {
	h.untilDone(ctx, "measures", func(ctx context.Context) (bool, time.Time, error) {
		n, err := h.Measure(ctx)
		return n > 0, time.Time{}, err
	})
}

// measured is how the points of each case changed over a stretch of history.
type measured struct {
	cases     []care.CaseID
	snapshots map[care.CaseID][]store.Snapshot
}

// Measure measures what happened since it was last called, by any process, and says
// how many entries of history it went through. Points are worked out on a snapshot; only
// what changed is written.
func (h *Hub) Measure(ctx context.Context) (int, error) {
	return follow(ctx, h, follower[measured]{cursor: measureCursor, atOnce: measureAtOnce, find: h.measuring,
		keep: func(tx *store.Tx, _ []care.Entry, m measured) error {
			tally := measure.Tally{}
			for _, id := range m.cases {
				if err := tx.PutPoints(id, m.snapshots[id], h.Zone, tally); err != nil {
					return fmt.Errorf("measuring case %s: %w", id, err)
				}
			}
			return tx.AddCells(tally)
		}})
}

func (h *Hub) measuring(tx *store.Tx, entries []care.Entry) (m measured, used int, err error) {
	m.snapshots = map[care.CaseID][]store.Snapshot{}
	for _, e := range entries {
		if _, did := m.snapshots[e.Case]; did {
			continue
		}
		m.cases = append(m.cases, e.Case)
		if m.snapshots[e.Case], err = h.snapshots(tx, e.Case, entries[0].Seq-1, entries[len(entries)-1].Seq); err != nil {
			return m, 0, err
		}
	}
	return m, len(entries), nil
}

// snapshots are the points of a case after each time at which something of it was
// recorded after one place in history, up to another.
func (h *Hub) snapshots(tx *store.Tx, id care.CaseID, after, to int64) ([]store.Snapshot, error) {
	out := []store.Snapshot{}
	err := h.trail(tx, id, to, func(t *measure.Trail, last care.Entry) {
		if last.Seq > after {
			out = append(out, store.Snapshot{Known: last.Recorded, Points: t.Points()})
		}
	})
	return out, err
}

// trail reads the history of a case up to a place in history, and calls each with its
// trail after each time at which something was recorded, with the last entry of that time.
func (h *Hub) trail(tx *store.Tx, id care.CaseID, to int64, each func(*measure.Trail, care.Entry)) error {
	entries, err := tx.History(id)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(entries, func(e care.Entry) bool { return e.Seq > to }); i >= 0 {
		entries = entries[:i]
	}
	t := &measure.Trail{Zone: h.Zone}
	for i, e := range entries {
		if x, ok := e.Event.(care.Absorbed); ok {
			var other *measure.Trail
			if err := h.trail(tx, x.Other.ID, e.Seq, func(o *measure.Trail, _ care.Entry) { other = o }); err != nil {
				return err
			}
			if other != nil {
				t.Knows(x.Other.ID, other)
			}
		}
		t.Add(e)
		if i+1 == len(entries) || !entries[i+1].Recorded.Equal(e.Recorded) {
			each(t, e)
		}
	}
	return nil
}
