package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/store"
)

const (
	measureCursor = "measured-to" // begins the setting that holds how far history was measured, in each generation
	measureAtOnce = 100           // entries of history measured in one transaction, at most
	measureRows   = 1500          // rows that are written in one transaction, unless one entry alone makes more
)

// measuredTo is the setting that holds how far history was measured in a generation.
func measuredTo(g store.Generation) string { return fmt.Sprintf("%s-%d", measureCursor, g) }

// measureLoop measures history as it grows, until ctx ends: its points and counts are
// some hundredths of a second behind (see follower). Where this program counts something
// that the one before did not, all is counted anew beside that.
func (h *Hub) measureLoop(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { h.remeasureLoop(ctx) })
	h.untilDone(ctx, "measures", func(ctx context.Context) (bool, time.Time, error) {
		n, err := h.Measure(ctx)
		return n > 0, time.Time{}, err
	})
	wg.Wait()
}

// Measure measures what happened since it was last called, by any process, and says
// how many entries of history it went through. Points and counts are worked out on a
// snapshot; only what changed is written.
func (h *Hub) Measure(ctx context.Context) (int, error) {
	g, err := view(ctx, h, (*store.Tx).Generation)
	if err != nil {
		return 0, err
	}
	return h.measureInto(ctx, g)
}

// measureInto measures what one generation has not counted yet. When something else was
// written of it meanwhile, nothing is, and there is more to do.
func (h *Hub) measureInto(ctx context.Context, g store.Generation) (int, error) {
	atOnce := measureAtOnce
	if n := h.measureNext.Load(); n > 0 {
		atOnce = int(n)
	}
	n, err := follow(ctx, h, follower[*store.PointWork]{cursor: measuredTo(g), atOnce: atOnce,
		find: func(tx *store.Tx, entries []care.Entry) (*store.PointWork, int, error) {
			return h.measuring(tx, g, entries)
		},
		keep: func(tx *store.Tx, _ []care.Entry, w *store.PointWork) error { return tx.PutWork(w) }})
	if errors.Is(err, store.ErrStale) {
		return max(n, 1), nil
	}
	return n, err
}

// measuring works out how the points and counts of a generation change by the first of some
// entries: by as many as can be written in one transaction.
func (h *Hub) measuring(tx *store.Tx, g store.Generation, entries []care.Entry) (*store.PointWork, int, error) {
	for n := len(entries); ; n = max(n/2, 1) {
		w, err := tx.NewWork(g, h.Zone)
		if err != nil {
			return nil, 0, err
		}
		did := map[care.CaseID]bool{}
		for _, e := range entries[:n] {
			if did[e.Case] {
				continue
			}
			did[e.Case] = true
			snapshots, err := h.snapshots(tx, e.Case, entries[0].Seq-1, entries[n-1].Seq)
			if err != nil {
				return nil, 0, err
			}
			if err := tx.WorkPoints(w, e.Case, snapshots); err != nil {
				return nil, 0, fmt.Errorf("measuring case %s: %w", e.Case, err)
			}
		}
		rows := w.Estimate()
		if rows <= measureRows || n == 1 {
			// The next stretch is about as long as this one could have been.
			h.measureNext.Store(int64(min(max(n*measureRows/max(rows, 1), 1), measureAtOnce)))
			return w, n, tx.WorkCells(w)
		}
	}
}

// snapshots are the points of a case after each time at which something of it was
// recorded after one place in history, up to another.
func (h *Hub) snapshots(tx *store.Tx, id care.CaseID, after, to int64) ([]store.Snapshot, error) {
	out := []store.Snapshot{}
	_, err := h.trail(tx, id, to, func(t *measure.Trail, last int64, known time.Time) {
		if last > after {
			out = append(out, store.Snapshot{Known: known, Points: t.Points()})
		}
	})
	return out, err
}

// trail reads the history of a case up to a place in history, and calls each with its
// trail after each time at which something was recorded, with the place of the last entry of that
// time. A clock that went back did not make anything known before what was known already.
func (h *Hub) trail(tx *store.Tx, id care.CaseID, to int64, each func(t *measure.Trail, last int64, known time.Time)) (*measure.Trail, error) {
	entries, err := tx.History(id)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(entries, func(e care.Entry) bool { return e.Seq > to }); i >= 0 {
		entries = entries[:i]
	}
	t, known := &measure.Trail{Zone: h.Zone, Reasons: h.Reasons}, time.Time{}
	for i, e := range entries {
		if x, ok := e.Event.(care.Absorbed); ok {
			other, err := h.trail(tx, x.Other.ID, e.Seq, nil)
			if err != nil {
				return nil, err
			}
			t.Knows(x.Other.ID, other)
		}
		t.Add(e)
		if e.Recorded.After(known) {
			known = e.Recorded
		}
		if each != nil && (i+1 == len(entries) || entries[i+1].Recorded.After(known)) {
			each(t, e.Seq, known)
		}
	}
	return t, nil
}
