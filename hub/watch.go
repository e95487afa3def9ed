package hub

import (
	"context"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// Watch follows one list for one reader: what changed since the page was made.
type Watch struct {
	h       *Hub
	by      care.Actor
	q       ListQuery
	seq     int64
	on      map[care.CaseID]bool // on the list, as far as the reader was told
	stale   map[string]bool      // sources that were called stale
	counted time.Time
	owed    bool // the counts changed and were not told yet
	// unsure are those who changed after the page was made and before it was
	// followed: nobody can say whether they stand on it.
	unsure map[care.CaseID]bool
	terms  *accord // under other terms the page is read again
}

// Update is what happened on a list since the last one. Counts has no rows and
// is nil when it is the same; Sources is nil when freshness is the same.
type Update struct {
	Changes []Change
	Counts  *ListView
	Sources []SourceView
	Resync  bool // too much happened: read the page again
	Seq     int64
}

// beat is how long Next waits when nothing happens; gather is how long it lets
// more changes come in once one has.
const (
	beat       = 10 * time.Second
	gather     = 40 * time.Millisecond
	mostAtOnce = 300
)

// Watch begins to follow a list from since, the Seq of its page.
func (h *Hub) Watch(ctx context.Context, by care.Actor, q ListQuery, since int64) (*Watch, error) {
	w := &Watch{h: h, by: by, q: q, seq: since, on: map[care.CaseID]bool{}, unsure: map[care.CaseID]bool{}, stale: map[string]bool{}}
	now := h.now()
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, q.action(by), nil, policy.DischargePlanning, "", now)
		if !a.allowed(q.action(by)) {
			return a.refuse(tx)
		}
		g, err := h.terms(tx, now)
		if err != nil {
			return err
		}
		clear(w.on)
		w.terms = g
		all := q
		all.Everything, all.Page = true, 1
		v, err := h.list(tx, by, all, now)
		if err != nil {
			return err
		}
		for _, r := range v.Rows {
			w.on[r.Row.Case] = true
		}
		clear(w.unsure)
		since, _, err := tx.RowsChanged(since, mostAtOnce)
		if err != nil {
			return err
		}
		for _, r := range since {
			delete(w.on, r.Case)
			w.unsure[r.Case] = true
		}
		for _, s := range v.Sources {
			w.stale[s.Feed] = s.Stale
		}
		return a.audit(tx, true, "followed "+string(q.Scope))
	})
	return w, err
}

// Next waits until something of the list changed, or a beat has passed, and
// says what. It asks the policies again for every row.
func (w *Watch) Next(ctx context.Context) (Update, error) {
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for {
		wake := w.h.Store.Wait()
		u, moved, err := w.look(ctx)
		if err != nil || moved {
			return u, err
		}
		select {
		case <-ctx.Done():
			return Update{}, ctx.Err()
		case <-timer.C:
			u, _, err = w.look(ctx)
			return u, err
		case <-wake:
			select {
			case <-ctx.Done():
				return Update{}, ctx.Err()
			case <-time.After(gather):
			}
		}
	}
}

// look reads what changed; moved is whether the reader must be told something.
func (w *Watch) look(ctx context.Context) (u Update, moved bool, err error) {
	now := w.h.now()
	err = w.h.Store.View(ctx, func(tx *store.Tx) error {
		g, err := w.h.terms(tx, now)
		if err != nil {
			return err
		}
		rows, last, err := tx.RowsChanged(w.seq, mostAtOnce)
		if err != nil {
			return err
		}
		if len(rows) == mostAtOnce || !w.terms.same(g) {
			w.terms = g
			u.Resync, moved = true, true
			w.seq, err = tx.Seq()
			u.Seq = w.seq
			return err
		}
		w.seq, u.Seq = last, last
		sources, err := w.h.sources(tx, now)
		if err != nil {
			return err
		}
		if err := w.settle(tx, rows, now); err != nil {
			return err
		}
		for _, r := range rows {
			w.change(g, &u, r, sources, now)
		}
		if err := w.freshness(tx, &u, sources, now); err != nil {
			return err
		}
		w.owed = w.owed || len(u.Changes) > 0
		if w.owed {
			err = w.counts(tx, g, &u, now)
		}
		moved = len(u.Changes) > 0 || u.Sources != nil || u.Counts != nil
		return err
	})
	return u, moved, w.h.unavailable(err)
}

// settle drops from unsure those in whom the reader's organisation has no part:
// they stood on no page of its, and what happens to them is none of its business.
func (w *Watch) settle(tx *store.Tx, rows []care.Row, now time.Time) error {
	var ids []care.CaseID
	for _, r := range rows {
		if w.unsure[r.Case] {
			ids = append(ids, r.Case)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	cs, err := tx.Cases(ids)
	for _, c := range cs {
		if hospitalNumber(c, w.by) == "" && policy.Relate(principal(w.by), w.h.facts(c, now), false) == policy.NoneRelation {
			delete(w.unsure, c.ID)
		}
	}
	return err
}

// change says what a changed row means for this list.
func (w *Watch) change(g *accord, u *Update, r care.Row, sources []SourceView, now time.Time) {
	row, mine := w.h.listRow(g, w.by, r, sources, w.q, now)
	mine = mine && w.h.matches(g, w.by, w.q, r, now)
	was, unsure := w.on[r.Case], w.unsure[r.Case]
	delete(w.unsure, r.Case)
	switch {
	case mine:
		w.on[r.Case] = true
		u.Changes = append(u.Changes, Change{Seq: u.Seq, Row: row, New: !was})
	case was || unsure:
		delete(w.on, r.Case)
		u.Changes = append(u.Changes, Change{Seq: u.Seq, Row: ListRow{Row: care.Row{Case: r.Case}}, Gone: true})
	}
}

// freshness tells when a source fell silent or spoke again; the rows that
// depend on it are told again, so that each says when it was last heard from.
func (w *Watch) freshness(tx *store.Tx, u *Update, sources []SourceView, now time.Time) error {
	turned := map[string]bool{}
	for _, s := range sources {
		if w.stale[s.Feed] != s.Stale {
			w.stale[s.Feed], turned[s.Feed] = s.Stale, true
		}
	}
	if len(turned) == 0 {
		return nil
	}
	u.Sources = sources
	v, err := w.h.list(tx, w.by, w.q, now)
	if err != nil {
		return err
	}
	told := map[care.CaseID]bool{}
	for _, c := range u.Changes {
		told[c.Row.Row.Case] = true
	}
	for _, r := range v.Rows {
		if turned[r.Row.Source] && !told[r.Row.Case] {
			u.Changes = append(u.Changes, Change{Seq: u.Seq, Row: r})
		}
	}
	return nil
}

// counts brings the counts up to date, at most once a second for one reader.
func (w *Watch) counts(tx *store.Tx, g *accord, u *Update, now time.Time) error {
	if now.Sub(w.counted) < time.Second {
		return nil
	}
	w.counted, w.owed = now, false
	rq := g.narrowed(w.by, w.q)
	w.h.waitBounds(&rq, w.q.Wait, now)
	rq.Bands = []time.Time{w.h.bound(w.h.Limits.Delayed, now), w.h.bound(w.h.Limits.AtRisk, now)}
	n, err := tx.Counts(rq)
	if err != nil {
		return err
	}
	u.Counts = &ListView{Query: w.q, At: now, Seq: u.Seq}
	u.Counts.tally(n)
	return nil
}

// matches says of one row what the list's query says of all; a test holds the
// two against each other.
func (h *Hub) matches(g *accord, by care.Actor, q ListQuery, r care.Row, now time.Time) bool {
	rq := g.narrowed(by, q)
	h.waitBounds(&rq, q.Wait, now)
	rq.MovedSince = q.movedSince(now)
	return rq.Matches(r)
}
