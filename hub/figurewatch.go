package hub

import (
	"context"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/policy"
	"homeward/store"
)

// A FigureWatch follows some figures for one reader.
type FigureWatch struct {
	h    *Hub
	by   care.Actor
	qs   []FigureQuery
	does policy.Action
	at   string // how far history was measured when they were last worked out
	day  string // the day on which that was: a census has a new one each midnight
}

// figurePause is how long a watch waits after something was recorded: figures are told
// at most once in that time, however much is recorded.
const figurePause = time.Second

// WatchFigures begins to follow some figures. Whoever may only see a wall follows those
// of their own hospital.
func (h *Hub) WatchFigures(ctx context.Context, by care.Actor, qs ...FigureQuery) (*FigureWatch, error) {
	w := &FigureWatch{h: h, by: by, qs: qs, does: policy.SeeFigures}
	if by.Role == care.WallboardRole {
		w.does, w.qs = policy.Wall, h.wallQueries(by, qs)
	}
	return w, h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, w.does, nil, policy.Governance, "", h.now())
		if !a.allowed(w.does) {
			return a.refuse(tx)
		}
		return a.audit(tx, true, "followed figures")
	})
}

// wallQueries are queries of the hospital in which a wall hangs.
func (h *Hub) wallQueries(by care.Actor, qs []FigureQuery) []FigureQuery {
	out := make([]FigureQuery, len(qs))
	for i, q := range qs {
		q.Where = map[measure.Dim]string{}
		if by.OrgKind == care.Trust {
			q.Where[measure.ByHospital] = string(by.Org)
		}
		out[i] = q
	}
	return out
}

// Now gives the figures, all as at one moment. It asks the policies again.
func (w *FigureWatch) Now(ctx context.Context) ([]FigureView, error) {
	return view(ctx, w.h, func(tx *store.Tx) ([]FigureView, error) {
		if a := w.h.ask(w.by, w.does, nil, policy.Governance, "", w.h.now()); !a.allowed(w.does) {
			return nil, &care.Error{Kind: care.Forbidden, Text: "You cannot see this"}
		}
		at, err := measuredAt(tx)
		if err != nil {
			return nil, err
		}
		w.at, w.day = at, w.h.today(w.h.now()).String()
		return w.h.figureViews(tx, w.by, w.qs)
	})
}

// Next waits until there may be other figures than those that were given last, and gives
// them; nil after a beat in which nothing was measured.
func (w *FigureWatch) Next(ctx context.Context) ([]FigureView, error) {
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for {
		wake := w.h.Store.Wait()
		at, err := view(ctx, w.h, measuredAt)
		if err != nil {
			return nil, err
		}
		if at != w.at || w.day != w.h.today(w.h.now()).String() {
			w.h.pause(ctx, nil, figurePause)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return w.Now(ctx)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, nil
		case <-wake:
		}
	}
}

// measuredAt names how far history is measured.
func measuredAt(tx *store.Tx) (string, error) {
	g, err := tx.Generation()
	if err != nil {
		return "", err
	}
	at, err := tx.Setting(measuredTo(g))
	return measuredTo(g) + ":" + at, err
}

// figureViews works out some figures, as their reader sees them.
func (h *Hub) figureViews(tx *store.Tx, by care.Actor, qs []FigureQuery) ([]FigureView, error) {
	out, counted := make([]FigureView, 0, len(qs)), map[string]*counting{}
	for _, q := range qs {
		v, err := h.figure(tx, q, counted)
		if err != nil {
			return nil, err
		}
		v.hideFew(by)
		out = append(out, v)
	}
	return out, nil
}

// FiguresAway gives figures that leave the service: as a file, or on paper. What counts
// fewer than measure.Few people is not in them.
func (h *Hub) FiguresAway(ctx context.Context, by care.Actor, qs ...FigureQuery) ([]FigureView, error) {
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.ExportFigures, nil, policy.Governance, "", h.now())
		if !a.allowed(policy.ExportFigures) {
			return a.refuse(tx)
		}
		return a.audit(tx, true, "took figures away")
	})
	if err != nil {
		return nil, err
	}
	return view(ctx, h, func(tx *store.Tx) ([]FigureView, error) {
		out, err := h.figureViews(tx, by, qs)
		for i := range out {
			out[i] = out[i].Suppressed()
		}
		return out, err
	})
}

// MayFigures reports whether somebody may do something with figures, so that a page
// offers no door that is shut. What may be done is decided anew when it is done.
func (h *Hub) MayFigures(by care.Actor, action policy.Action) bool { return h.mayServe(by, action) }

// codeName is a code that points carry in words; the code where it has none.
func (h *Hub) codeName(q FigureQuery, code string) string {
	switch q.By {
	case measure.ByStage:
		return measure.StageWords(code)
	case measure.ByFeed:
		return h.feedTitle(code)
	case measure.ByReason:
		if r, ok := h.reasons().Find(code); ok {
			return r.Label
		}
		if f, ok := measure.FindFinding(code); ok {
			return f.Words
		}
		if words := reasonWords[code]; words != "" {
			return words
		}
	}
	return code
}

// reasonWords are the codes of reasons of points that are of no other list.
var reasonWords = map[string]string{
	"complete": "With all that the receiving team wants", "sent-anyway": "Sent anyway", "no-rules": "The receiving team said nothing of what it wants",
	"home": "At home", "extra-care": "In extra care housing", "care-home": "In a care home", "respite": "In a care home for a short time", "hospital": "In hospital", "died": "Died", "unreachable": "Could not be reached",
}
