package hub

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/store"
)

// All is counted anew into a generation beside the one that is shown, in small pieces,
// while that one goes on. When the new one is whole it is shown, from one moment to the
// next, and the old one is taken away. What was half done when a process was killed is
// taken away too, and begun anew.

const (
	remeasuring  = "measures-remade" // the setting that says who counts anew
	measurePrint = "measures-print"  // and the one that says what the shown generation counts

	remeasureCases = 20              // cases worked out at once
	remeasureRows  = 800             // rows written in one transaction
	remeasureCells = 200_000         // counts kept in memory before they are written
	remeasureLease = 2 * time.Minute // who says nothing for so long does not count any more
	remeasureTries = 10              // how often it is begun anew because somebody was erased meanwhile
)

// errRemeasuring is that another process counts anew, or took over.
var errRemeasuring = errors.New("the measures are being counted again by another process")

// remaking is who counts anew, into what.
type remaking struct {
	Owner string           `json:"owner"`
	At    time.Time        `json:"at"`
	Gen   store.Generation `json:"gen"`
	From  int64            `json:"from"` // the place in history up to which it counts case by case
}

// countsAs is what this program counts, in few letters.
func (h *Hub) countsAs() string {
	sum := sha256.Sum256([]byte(measure.Fingerprint() + h.Zone.String()))
	return hex.EncodeToString(sum[:8])
}

// countedOtherwise reports whether what is shown was counted by a program that counts
// otherwise, and is being counted again.
func (h *Hub) countedOtherwise(tx *store.Tx) (bool, error) {
	was, err := tx.Setting(measurePrint)
	return was != "" && was != h.countsAs(), err
}

// remeasureLoop counts anew where what is shown was counted otherwise, and ends.
func (h *Hub) remeasureLoop(ctx context.Context) {
	for ctx.Err() == nil {
		fresh := false
		err := h.update(ctx, func(tx *store.Tx) error {
			was, err := tx.Setting(measurePrint)
			g, gerr := tx.Generation()
			if err = errors.Join(err, gerr); err != nil {
				return err
			}
			at, err := tx.Setting(measuredTo(g))
			fresh = was == h.countsAs() || was == "" && at == ""
			if err != nil || was != "" || !fresh {
				return err
			}
			return tx.PutSetting(measurePrint, h.countsAs())
		})
		if err == nil && fresh {
			err = h.tidyMeasures(ctx)
		} else if err == nil {
			h.Log.Info("measures are counted again: this version counts otherwise")
			err = h.Remeasure(ctx)
		}
		if err == nil {
			return
		}
		if !errors.Is(err, errRemeasuring) && ctx.Err() == nil {
			h.Log.Error("counting the measures again", "err", err)
		}
		pause(ctx, 10*time.Second)
	}
}

// tidyMeasures takes away what a process that was killed left of a counting anew.
func (h *Hub) tidyMeasures(ctx context.Context) error {
	for more := true; more && ctx.Err() == nil; {
		err := h.update(ctx, func(tx *store.Tx) error {
			g, err := tx.Generation()
			if err != nil {
				return err
			}
			r, err := readRemaking(tx)
			if err != nil {
				return err
			}
			more, err = tx.DropGenerations(g, r.Gen)
			return err
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func readRemaking(tx *store.Tx) (r remaking, err error) {
	text, err := tx.Setting(remeasuring)
	if err != nil || text == "" {
		return r, err
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fmt.Errorf("reading who counts the measures again: %w", err)
	}
	return r, nil
}

func putRemaking(tx *store.Tx, r remaking) error {
	return tx.PutSetting(remeasuring, string(store.ToDoc(r)))
}

// Remeasure counts all of history anew, while the program runs: figures are those of
// the last counting until the new one is whole. One process does it at a time.
func (h *Hub) Remeasure(ctx context.Context) error {
	owner := newID()
	for range remeasureTries {
		r, err := h.beginRemaking(ctx, owner)
		if err != nil {
			return err
		}
		err = h.remake(ctx, r)
		if err == nil || !errors.Is(err, store.ErrStale) {
			return errors.Join(err, h.tidyMeasures(ctx))
		}
	}
	return errors.New("counting the measures again: people were erased again and again meanwhile; try later")
}

// beginRemaking takes the counting anew on, in a generation that nothing is in.
func (h *Hub) beginRemaking(ctx context.Context, owner string) (r remaking, err error) {
	err = h.update(ctx, func(tx *store.Tx) error {
		was, err := readRemaking(tx)
		if err != nil {
			return err
		}
		if was.Owner != "" && was.Owner != owner && h.now().Sub(was.At) < remeasureLease {
			return errRemeasuring
		}
		shown, err := tx.Generation()
		if err != nil {
			return err
		}
		seq, err := tx.Seq()
		if err != nil {
			return err
		}
		r = remaking{Owner: owner, At: h.now(), Gen: max(shown, was.Gen) + 1, From: seq}
		return errors.Join(putRemaking(tx, r), tx.PutSetting(measuredTo(r.Gen), strconv.FormatInt(seq, 10)))
	})
	return r, err
}

// remake counts all: each case up to where history was at the beginning, those who were
// erased as they were counted, and then what happened since.
func (h *Hub) remake(ctx context.Context, r remaking) error {
	if err := h.tidyMeasures(ctx); err != nil {
		return err
	}
	begun, err := view(ctx, h, func(tx *store.Tx) (*store.PointWork, error) { return tx.NewWork(r.Gen, h.Zone) })
	if err != nil {
		return err
	}
	m := &remaker{h: h, remaking: r, erased: begun.Erased, tally: measure.Tally{}}
	for _, step := range []func(context.Context) error{m.cases, m.gone, m.flush, m.outside, m.catchUp} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// remaker is one counting anew.
type remaker struct {
	h *Hub
	remaking
	erased string
	tally  measure.Tally
}

// cases counts every case, in the order in which they began: what is written then lies together.
func (m *remaker) cases(ctx context.Context) error {
	list := func(tx *store.Tx, after int64, n int) ([]care.CaseID, int64, error) {
		return tx.CasesSince(after, m.From, n)
	}
	return remakeEach(ctx, m, list, func(tx *store.Tx, w *store.PointWork, id care.CaseID) error {
		snapshots, err := m.h.snapshots(tx, id, 0, m.From)
		if err != nil {
			return fmt.Errorf("counting case %s: %w", id, err)
		}
		w.Snapshots(nil, snapshots)
		return nil
	})
}

// gone keeps what was counted of people who were erased.
func (m *remaker) gone(ctx context.Context) error {
	shown, err := view(ctx, m.h, (*store.Tx).Generation)
	if err != nil {
		return err
	}
	list := func(tx *store.Tx, after care.CaseID, n int) ([]care.CaseID, care.CaseID, error) {
		ids, err := tx.ErasedIDs(shown, after, n)
		if len(ids) > 0 {
			after = ids[len(ids)-1]
		}
		return ids, after, err
	}
	return remakeEach(ctx, m, list, func(tx *store.Tx, w *store.PointWork, id care.CaseID) error {
		ks, err := tx.PointsOf(shown, id)
		w.Copy(ks)
		return err
	})
}

// remakeEach works some out at a time, while the points of those before are written;
// their counts are gathered. list says who they are, from a place on, and the next place.
func remakeEach[P any](ctx context.Context, m *remaker, list func(*store.Tx, P, int) ([]care.CaseID, P, error), work func(*store.Tx, *store.PointWork, care.CaseID) error) error {
	var wg sync.WaitGroup
	var wrote error
	defer wg.Wait()
	for place, more := *new(P), true; more; {
		var ids []care.CaseID
		next := place
		w, err := view(ctx, m.h, func(tx *store.Tx) (w *store.PointWork, err error) {
			w = &store.PointWork{Gen: m.Gen, Zone: m.h.Zone, Erased: m.erased, Tally: m.tally}
			if ids, next, err = list(tx, place, remeasureCases); err != nil {
				return w, err
			}
			for _, id := range ids {
				if err := work(tx, w, id); err != nil {
					return w, err
				}
			}
			return w, nil
		})
		wg.Wait()
		if err = errors.Join(err, wrote); err != nil {
			return err
		}
		place, more = next, len(ids) > 0
		if len(m.tally) > remeasureCells {
			if err := m.flush(ctx); err != nil {
				return err
			}
		}
		wg.Go(func() { wrote = m.write(ctx, w) })
	}
	wg.Wait()
	return wrote
}

// write writes in pieces, each while nobody else has taken over.
func (m *remaker) write(ctx context.Context, w *store.PointWork) error {
	for _, piece := range w.Pieces(remeasureRows) {
		err := m.h.update(ctx, func(tx *store.Tx) error {
			if err := m.still(tx); err != nil {
				return err
			}
			return tx.PutWork(piece)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// still checks that this process counts anew, and says that it does.
func (m *remaker) still(tx *store.Tx) error {
	now, err := readRemaking(tx)
	if err != nil {
		return err
	}
	if now.Owner != m.Owner || now.Gen != m.Gen {
		return errRemeasuring
	}
	if at := m.h.now(); at.Sub(now.At) > remeasureLease/8 {
		now.At = at
		return putRemaking(tx, now)
	}
	return nil
}

// flush writes the counts that were gathered.
func (m *remaker) flush(ctx context.Context) error {
	w := &store.PointWork{Gen: m.Gen, Zone: m.h.Zone, Erased: m.erased, Tally: m.tally}
	err := m.h.Store.View(ctx, func(tx *store.Tx) error { return tx.WorkCells(w) })
	if err != nil {
		return m.h.unavailable(err)
	}
	m.tally = measure.Tally{}
	return m.write(ctx, w)
}

// outside counts the sources that do not follow from history from their points, where
// that gives something else.
func (m *remaker) outside(ctx context.Context) error {
	for _, s := range measure.Sources {
		if !s.Outside {
			continue
		}
		w, err := view(ctx, m.h, func(tx *store.Tx) (*store.PointWork, error) { return tx.RecountOutside(s.ID, m.h.Zone) })
		if err != nil {
			return err
		}
		if w.Size() == 0 {
			continue
		}
		// What is written meanwhile would be lost: it is worked out again by the writer.
		err = m.h.update(ctx, func(tx *store.Tx) error {
			w, err := tx.RecountOutside(s.ID, m.h.Zone)
			if err != nil {
				return err
			}
			return tx.PutWork(w)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// catchUp counts what happened since, and then shows what was counted.
func (m *remaker) catchUp(ctx context.Context) error {
	for shown := false; !shown; {
		for n := 1; n > 0; {
			var err error
			if n, err = m.h.measureInto(ctx, m.Gen); err != nil {
				return err
			}
			if err := m.h.update(ctx, m.still); err != nil {
				return err
			}
		}
		err := m.h.update(ctx, func(tx *store.Tx) (err error) {
			shown, err = m.show(tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// show makes the new generation the one that is shown, unless the old one has counted more.
func (m *remaker) show(tx *store.Tx) (bool, error) {
	if err := m.still(tx); err != nil {
		return false, err
	}
	old, err := tx.Generation()
	if err != nil {
		return false, err
	}
	var at [2]int64
	for i, g := range []store.Generation{old, m.Gen} {
		s, err := tx.Setting(measuredTo(g))
		if err != nil {
			return false, err
		}
		if at[i], err = strconv.ParseInt(cmp.Or(s, "0"), 10, 64); err != nil {
			return false, fmt.Errorf("reading how far history was measured: %w", err)
		}
	}
	erased, err := tx.PointErasures()
	switch {
	case err != nil:
		return false, err
	case erased != m.erased:
		return false, store.ErrStale
	case at[1] < at[0]:
		return false, nil
	}
	return true, errors.Join(tx.ShowGeneration(m.Gen), tx.PutSetting(measurePrint, m.h.countsAs()), putRemaking(tx, remaking{Gen: m.Gen}))
}

// VerifyMeasures compares what is counted with what follows from history, on one
// snapshot and without writing. report is told of each difference, by ids and without personal data; it
// gives how many there are.
func (h *Hub) VerifyMeasures(ctx context.Context, report func(string)) (wrong int, err error) {
	err = h.Store.View(ctx, func(tx *store.Tx) error {
		v := &measureCheck{h: h, tx: tx, report: func(format string, vs ...any) { wrong++; report(fmt.Sprintf(format, vs...)) }}
		return v.all()
	})
	return wrong, h.unavailable(err)
}

type measureCheck struct {
	h      *Hub
	tx     *store.Tx
	gen    store.Generation
	to     int64
	report func(format string, vs ...any)
}

func (v *measureCheck) all() error {
	var err error
	if v.gen, err = v.tx.Generation(); err != nil {
		return err
	}
	at, err := v.tx.Setting(measuredTo(v.gen))
	if err != nil {
		return err
	}
	if v.to, err = strconv.ParseInt(cmp.Or(at, "0"), 10, 64); err != nil {
		return fmt.Errorf("reading how far history was measured: %w", err)
	}
	if otherwise, err := v.h.countedOtherwise(v.tx); err != nil || otherwise {
		v.report("the measures were counted by a version that counts otherwise, and must be counted again")
		return err
	}
	if err := v.points(); err != nil {
		return err
	}
	for _, s := range measure.Sources {
		if err := v.cells(s); err != nil {
			return err
		}
	}
	return nil
}

// points compares the points of each case with what its history says.
func (v *measureCheck) points() error {
	for after := care.CaseID(""); ; {
		ids, err := v.tx.CaseIDs(after, 100)
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		for _, id := range ids {
			snapshots, err := v.h.snapshots(v.tx, id, 0, v.to)
			if err != nil {
				return err
			}
			w := &store.PointWork{Gen: v.gen, Zone: v.h.Zone, Tally: measure.Tally{}}
			w.Snapshots(nil, snapshots)
			has, err := v.tx.PointsOf(v.gen, id)
			if err != nil {
				return err
			}
			v.same(id, has, w.Known())
		}
	}
}

// same names the points that are not as history says. One that ended and began again at the
// same instant as the same never ended.
func (v *measureCheck) same(id care.CaseID, has, want []store.KnownPoint) {
	has, want = joinedUp(has), joinedUp(want)
	said := func(ks []store.KnownPoint, k store.KnownPoint) bool {
		return slices.ContainsFunc(ks, func(o store.KnownPoint) bool {
			return o.Same(k.Point) && o.Known.Equal(k.Known) && o.Until.Equal(k.Until)
		})
	}
	for _, k := range has {
		if !said(want, k) {
			v.report("case %s: %s %s is counted, and its history does not say so", id, k.Source, k.Subject)
		}
	}
	for _, k := range want {
		if !said(has, k) {
			v.report("case %s: %s %s is not counted, and its history says so", id, k.Source, k.Subject)
		}
	}
}

func joinedUp(ks []store.KnownPoint) (out []store.KnownPoint) {
	for _, k := range ks {
		n := len(out) - 1
		if n >= 0 && out[n].Same(k.Point) && out[n].Until.Equal(k.Known) && !k.Known.IsZero() {
			out[n].Until = k.Until
			continue
		}
		out = append(out, k)
	}
	return out
}

// cells compares the counts of a source with its points.
func (v *measureCheck) cells(s *measure.Source) error {
	tally, gen := measure.Tally{}, v.gen
	if s.Outside {
		gen = 0
	}
	err := v.tx.EachPoint(store.PointQuery{Source: s.ID, Closed: true}, func(k store.KnownPoint) error {
		tally.Add(k.Point, 1, v.h.Zone)
		return nil
	})
	if err != nil {
		return err
	}
	want := map[measure.Row]string{}
	for r, steps := range tally.Rows() {
		want[r] = string(measure.AppendRow(r.Every, steps))
	}
	name := func(r measure.Row) string {
		return fmt.Sprintf("%s by %q %q, %ss from %s on", r.Source, r.Cut, r.Values, r.Every, r.First())
	}
	err = v.tx.EachRow(gen, s.ID, func(r measure.Row, body []byte) error {
		if want[r] != string(body) {
			v.report("the counts of %s are not those of the points", name(r))
		}
		delete(want, r)
		return nil
	})
	for r := range want {
		v.report("the counts of %s are missing", name(r))
	}
	return err
}
