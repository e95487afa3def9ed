package hub

import (
	"context"
	"fmt"
	"strconv"

	"homeward/care"
	"homeward/store"
)

// A follower does something about what is recorded, soon after. History itself is
// the list of what must be done: it is written in the transaction of each change,
// whoever causes it, and a cursor runs behind it that moves in the transaction which keeps
// what was found. So nothing can be forgotten by a new way of changing a case, nothing is
// skipped or done twice, in however many processes, and no change waits for it.
type follower[T any] struct {
	cursor string // the setting that holds how far it went
	atOnce int    // entries of history at once
	// begin sets the cursor the first time. nil: it begins where history does.
	begin func(ctx context.Context) error
	// find works out what is to be kept of the first entries, and of how many, on a
	// snapshot.
	find func(tx *store.Tx, entries []care.Entry) (found T, used int, err error)
	// keep writes it. It may run twice.
	keep func(tx *store.Tx, entries []care.Entry, found T) error
}

// stretch is one look of a follower through history.
type stretch[T any] struct {
	before  string
	entries []care.Entry
	found   T
}

// follow goes on through history once, and says how many entries it went through.
// Only what was found and the cursor are written, and nothing is when another process
// was faster.
func follow[T any](ctx context.Context, h *Hub, f follower[T]) (int, error) {
	s, err := view(ctx, h, f.look)
	switch {
	case err != nil:
		return 0, err
	case s.before == "" && f.begin != nil:
		return 0, f.begin(ctx)
	case len(s.entries) == 0:
		return 0, nil
	}
	err = h.update(ctx, func(tx *store.Tx) error {
		now, err := tx.Setting(f.cursor)
		if err != nil || now != s.before {
			return err
		}
		if err := f.keep(tx, s.entries, s.found); err != nil {
			return err
		}
		return tx.PutSetting(f.cursor, strconv.FormatInt(s.entries[len(s.entries)-1].Seq, 10))
	})
	return len(s.entries), err
}

func (f follower[T]) look(tx *store.Tx) (s stretch[T], err error) {
	if s.before, err = tx.Setting(f.cursor); err != nil || s.before == "" && f.begin != nil {
		return s, err
	}
	from := int64(0)
	if s.before != "" {
		if from, err = strconv.ParseInt(s.before, 10, 64); err != nil {
			return s, fmt.Errorf("reading how far history was followed (%s): %w", f.cursor, err)
		}
	}
	entries, err := tx.HistorySince(from, f.atOnce)
	if err != nil || len(entries) == 0 {
		return s, err
	}
	found, used, err := f.find(tx, entries)
	s.found, s.entries = found, entries[:used]
	return s, err
}

// beginHere sets a cursor where history ends, unless it is set.
func (h *Hub) beginHere(ctx context.Context, cursor string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		had, err := tx.Setting(cursor)
		if err != nil || had != "" {
			return err
		}
		seq, err := tx.Seq()
		if err != nil {
			return err
		}
		return tx.PutSetting(cursor, strconv.FormatInt(seq, 10))
	})
}
