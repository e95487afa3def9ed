package store

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
)

// Snapshot is the points of a case as they were known from a time on.
type Snapshot struct {
	Known  time.Time
	Points []measure.Point
}

const pointColumns = `source, case_id, subject, known, until, person, hospital, ward, council, team, pathway, provider, age, stage, holder, reason, feed,
 began, ended, since, day, value, left_out, assumed`

// KnownPoint is a point as the store has it.
type KnownPoint struct {
	measure.Point
	Person string    // the case's pseudonym
	Known  time.Time // since when this was known
	Until  time.Time // when something else was; zero: it still is
}

// Generation is one counting of all history: what is shown is of one, and another is made
// beside it where all is counted anew. 0 are the points that do not come from history.
type Generation int64

const (
	generation = "measures-generation" // the setting that holds the one that is shown
	erasures   = "measures-erased"     // and the one that counts whose points lost their names
	// erasedPoint begins the case of a point whose person was erased; no case's id has a colon.
	erasedPoint = "erased:"
)

// Generation is the one that is shown.
func (t *Tx) Generation() (Generation, error) {
	s, err := t.Setting(generation)
	if err != nil || s == "" {
		return 1, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading which counting is shown: %w", err)
	}
	return Generation(n), nil
}

// ShowGeneration makes another generation the one that is shown.
func (t *Tx) ShowGeneration(g Generation) error {
	return t.PutSetting(generation, strconv.FormatInt(int64(g), 10))
}

// PointErasures changes when points lose their names (EraseCase): what was worked out
// before must be worked out again.
func (t *Tx) PointErasures() (string, error) { return t.Setting(erasures) }

// PointWork is what is to be written of how points changed. It is worked out on a
// snapshot (WorkPoints, WorkCells), so that writing it (PutWork) takes little time. It is good
// only while nothing else is written of its generation.
type PointWork struct {
	Gen     Generation
	Zone    *time.Location
	Erased  string // PointErasures, when it was worked out
	Tally   measure.Tally
	changes []pointChange
	cells   []cellChange
}

// pointChange is one point that is put, with its end if that is known already; is no
// longer so; or never was.
type pointChange struct {
	KnownPoint
	how changing
}

type changing int

const (
	putting changing = iota
	ending
	dropping
	nothing // what was put was dropped again
)

type cellChange struct {
	measure.Row
	body []byte // nil: nothing is counted any more
}

// NewWork begins work on a generation, as of a snapshot.
func (t *Tx) NewWork(g Generation, zone *time.Location) (*PointWork, error) {
	erased, err := t.PointErasures()
	return &PointWork{Gen: g, Zone: zone, Erased: erased, Tally: measure.Tally{}}, err
}

// Size is how many rows it writes.
func (w *PointWork) Size() int { return len(w.changes) + len(w.cells) }

// WorkPoints works out how the points of a case changed, by its snapshots from the
// oldest on. What a point was before stays, with the time until which it was known. It
// works on in what was worked out of others, but only once for each case.
func (t *Tx) WorkPoints(w *PointWork, id care.CaseID, snapshots []Snapshot) error {
	now, err := t.points(`WHERE gen = $1 AND case_id = $2 AND until = 0`, int64(w.Gen), id)
	if err != nil {
		return err
	}
	w.Snapshots(now, snapshots)
	return nil
}

// Snapshots works out how points change from those that are known on, by snapshots from
// the oldest on. It is called once for each case: what was so only for a time is not counted.
func (w *PointWork) Snapshots(now []KnownPoint, snapshots []Snapshot) {
	live := make([]livePoint, len(now))
	for i, k := range now {
		live[i] = livePoint{KnownPoint: k, change: -1}
	}
	slices.SortFunc(live, func(a, b livePoint) int { return byName(&a.Point, &b.Point) })
	var spare []livePoint
	for _, s := range snapshots {
		live, spare = w.step(spare[:0], live, s), live
	}
	for _, l := range live {
		if l.change >= 0 {
			w.Tally.Add(l.Point, 1, w.Zone)
		}
	}
}

// livePoint is a point that is known while snapshots are gone through.
type livePoint struct {
	KnownPoint
	told   measure.Point // as the last snapshot told it
	change int           // which of the changes puts it; -1: it was put before
}

// step goes on to a snapshot: it appends to kept what is known after it. Both kept and live
// are by their names.
func (w *PointWork) step(kept, live []livePoint, s Snapshot) []livePoint {
	at := s.Known.Truncate(time.Microsecond).UTC()
	points := sortedPoints(s.Points)
	for i := range points {
		p := &points[i]
		if i > 0 && byName(&points[i-1], p) == 0 {
			continue
		}
		for len(live) > 0 && byName(&live[0].Point, p) < 0 {
			w.retire(&live[0], at)
			live = live[1:]
		}
		if len(live) > 0 && byName(&live[0].Point, p) == 0 {
			was := &live[0]
			live = live[1:]
			if was.told == *p || was.Same(asStored(*p)) {
				kept = append(kept, *was)
				kept[len(kept)-1].told = *p
				continue
			}
			w.retire(was, at)
		}
		k := KnownPoint{Point: asStored(*p), Known: at}
		kept = append(kept, livePoint{KnownPoint: k, told: *p, change: len(w.changes)})
		w.changes = append(w.changes, pointChange{k, putting})
	}
	for i := range live {
		w.retire(&live[i], at)
	}
	return kept
}

// retire says that a point is no longer so. One that was known for no time at all
// never was.
func (w *PointWork) retire(l *livePoint, at time.Time) {
	never := !at.After(l.Known)
	switch {
	case l.change >= 0 && never:
		w.changes[l.change].how = nothing
		return
	case l.change >= 0:
		w.changes[l.change].Until = at
		return
	}
	w.Tally.Add(l.Point, -1, w.Zone)
	k, how := l.KnownPoint, ending
	if never {
		how = dropping
	}
	k.Until = at
	w.changes = append(w.changes, pointChange{k, how})
}

type pointName struct{ source, subject string }

func nameOf(p measure.Point) pointName { return pointName{p.Source, p.Subject} }

// byName orders points by what they are called within a case.
func byName(a, b *measure.Point) int {
	return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Subject, b.Subject))
}

// sortedPoints are points by their names, as they are stored. Of two with one name the first
// counts: a mistake in a source must not stop the counting of everything.
func sortedPoints(ps []measure.Point) []measure.Point {
	sorted := true
	for i := range ps {
		if i > 0 && byName(&ps[i-1], &ps[i]) > 0 || text(ps[i].Subject) != ps[i].Subject {
			sorted = false
			break
		}
	}
	if sorted {
		return ps
	}
	ps = slices.Clone(ps)
	for i := range ps {
		ps[i].Subject = text(ps[i].Subject)
	}
	slices.SortStableFunc(ps, func(a, b measure.Point) int { return byName(&a, &b) })
	return ps
}

// asStored is a point as it comes back from the database.
func asStored(p measure.Point) measure.Point {
	for _, at := range []*time.Time{&p.From, &p.To, &p.Since} {
		*at = fromMicros(micros(*at))
	}
	p.Subject = text(p.Subject)
	for _, d := range measure.Dims {
		p.Set(d, text(p.Get(d)))
	}
	return p
}

// ErrStale is that something else was written since points were worked out: work them
// out again.
var ErrStale = errors.New("the points were changed meanwhile")

// RecountOutside works out the counts of a source that does not follow from history from
// its points, where they are others than those that are kept.
func (t *Tx) RecountOutside(source string, zone *time.Location) (*PointWork, error) {
	w, err := t.NewWork(0, zone)
	if err != nil {
		return nil, err
	}
	err = t.EachPoint(PointQuery{Source: source, Closed: true}, func(k KnownPoint) error {
		w.Tally.Add(k.Point, 1, zone)
		return nil
	})
	if err != nil {
		return nil, err
	}
	want := map[measure.Row][]byte{}
	for r, steps := range w.Tally.Rows() {
		want[r] = measure.AppendRow(r.Every, steps)
	}
	err = t.EachRow(0, source, func(r measure.Row, body []byte) error {
		if x, ok := want[r]; !ok || !bytes.Equal(x, body) {
			w.cells = append(w.cells, cellChange{r, x})
		}
		delete(want, r)
		return nil
	})
	for r, body := range want {
		w.cells = append(w.cells, cellChange{r, body})
	}
	w.Tally = measure.Tally{}
	return w, err
}

// PutWork writes what was worked out.
func (t *Tx) PutWork(w *PointWork) error {
	erased, err := t.PointErasures()
	if err != nil {
		return err
	}
	if erased != w.Erased {
		return ErrStale
	}
	key, err := t.pseudonymKey()
	if err != nil {
		return err
	}
	var rows [][]any
	for _, c := range w.changes {
		switch c.how {
		case dropping:
			err = t.exec(`DELETE FROM counted WHERE gen = $1 AND case_id = $2 AND source = $3 AND subject = $4 AND known = $5`, int64(w.Gen), c.Case, c.Source, c.Subject, c.Known)
		case ending:
			err = t.exec(`UPDATE counted SET until = $1 WHERE gen = $2 AND case_id = $3 AND source = $4 AND subject = $5 AND known = $6`, c.Until, int64(w.Gen), c.Case, c.Source, c.Subject, c.Known)
		case putting:
			if c.Person == "" {
				c.Person = pseudonym(key, c.Case)
			}
			rows = append(rows, pointRow(w.Gen, c.KnownPoint, w.Zone))
		}
		if err != nil {
			return err
		}
	}
	for part := range slices.Chunk(rows, 100) {
		if err := t.insert(`INSERT INTO counted (gen, `+pointColumns+`)`, part, ""); err != nil {
			return err
		}
	}
	return t.putCells(w)
}

func pointRow(g Generation, k KnownPoint, zone *time.Location) []any {
	day := 0
	if !k.Open() {
		day = dayNumber(nhs.DateOf(k.To.In(zone)))
	}
	return []any{int64(g), k.Source, k.Case, k.Subject, k.Known, k.Until, k.Person, k.Hospital, k.Ward, k.Council, k.Team, k.Pathway, k.Provider, k.Age, k.Stage, k.Holder, k.Reason, k.Feed,
		k.From, k.To, k.Since, day, k.Value, k.Out, k.Assumed}
}

// Pieces are the same work in parts of at most so many rows each, the points first.
func (w *PointWork) Pieces(rows int) (out []*PointWork) {
	for part := range slices.Chunk(w.changes, rows) {
		out = append(out, &PointWork{Gen: w.Gen, Zone: w.Zone, Erased: w.Erased, changes: part})
	}
	for part := range slices.Chunk(w.cells, rows) {
		out = append(out, &PointWork{Gen: w.Gen, Zone: w.Zone, Erased: w.Erased, cells: part})
	}
	return out
}

// dayNumber is a date as days since 1970.
func dayNumber(d nhs.Date) int { return int(d.Time().Unix() / (24 * 60 * 60)) }

// PointQuery chooses points of a source; empty fields choose all.
type PointQuery struct {
	Source   string // always
	Case     care.CaseID
	Where    map[measure.Dim]string
	From, To nhs.Date // that count on a day from From to To; spans that reach into it. Those that run are always among them
	Open     bool     // only those that run
	Closed   bool     // only those that have stopped
	KnownAt  time.Time
	Limit    int // 0: all
	After    care.CaseID
	Gen      Generation // 0: the one that is shown
}

// EachPoint gives the points that a query chooses, by case.
func (t *Tx) EachPoint(q PointQuery, each func(KnownPoint) error) error {
	w, err := t.wherePoints(q)
	if err != nil {
		return err
	}
	if q.After != "" {
		w.and("case_id > ?", q.After)
	}
	tail := " ORDER BY case_id, subject"
	if q.Limit > 0 {
		tail += w.bind(" LIMIT ?", q.Limit)
	}
	return t.query(`SELECT `+pointColumns+` FROM counted WHERE `+w.b.String()+tail, w.vs, func(row []any) error {
		k, err := scanPoint(row)
		if err != nil {
			return err
		}
		return each(k)
	})
}

func (t *Tx) wherePoints(q PointQuery) (*where, error) {
	w := &where{}
	g, err := t.generationOf(q.Source)
	if q.Gen != 0 {
		g = q.Gen
	}
	w.and("gen = ?", int64(g))
	w.and("source = ?", q.Source)
	if q.KnownAt.IsZero() {
		w.and("until = 0")
	} else {
		w.and("known <= ? AND (until = 0 OR until > ?)", q.KnownAt, q.KnownAt)
	}
	if q.Case != "" {
		w.and("case_id = ?", q.Case)
	}
	w.in(q.Where)
	switch {
	case q.Open:
		w.and("ended = 0")
	case q.Closed:
		w.and("ended <> 0")
	}
	if !q.From.IsZero() {
		w.and("(ended = 0 OR day >= ?)", dayNumber(q.From))
	}
	if !q.To.IsZero() {
		if measure.IsSpan(q.Source) { // one that began after the range is not in it
			w.and("began < ?", q.To.Add(2).Time())
		} else {
			w.and("(ended = 0 OR day <= ?)", dayNumber(q.To))
		}
	}
	return w, err
}

// in chooses by dimensions.
func (w *where) in(values map[measure.Dim]string) {
	for _, d := range measure.Dims {
		if v, ok := values[d]; ok {
			w.and(string(d)+" = ?", v)
		}
	}
}

// generationOf is the one in which a source is shown.
func (t *Tx) generationOf(source string) (Generation, error) {
	if measure.IsOutside(source) {
		return 0, nil
	}
	return t.Generation()
}

// running chooses what runs of a source in the generation that is shown, and names the
// column of a dimension; "" none.
func (t *Tx) running(source string, in map[measure.Dim]string, by measure.Dim) (w *where, column string, err error) {
	g, err := t.generationOf(source)
	if err != nil {
		return nil, "", err
	}
	w, column = &where{}, "''"
	w.and("gen = ?", int64(g))
	w.and("source = ?", source)
	w.and("until = 0 AND ended = 0")
	w.in(in)
	if by != "" {
		column = string(by)
	}
	return w, column, nil
}

// Open counts what runs of a source that is counted when it stops, by a dimension; "" not
// split.
func (t *Tx) Open(source string, in map[measure.Dim]string, by measure.Dim, each func(value string, n int64)) error {
	w, column, err := t.running(source, in, by)
	if err != nil {
		return err
	}
	w.and("left_out = ''")
	group := ""
	if by != "" {
		group = " GROUP BY " + column
	}
	return t.query(`SELECT `+column+`, count(*) FROM counted WHERE `+w.b.String()+group, w.vs, func(row []any) error {
		var v string
		var n int64
		err := scan(row, &v, &n)
		if err == nil && n > 0 {
			each(v, n)
		}
		return err
	})
}

// OpenSpans gives what runs of a source that is counted at each midnight: its groups
// and times.
func (t *Tx) OpenSpans(source string, in map[measure.Dim]string, by measure.Dim, each func(measure.Point)) error {
	w, column, err := t.running(source, in, by)
	if err != nil {
		return err
	}
	return t.query(`SELECT `+column+`, began, since, left_out, assumed FROM counted WHERE `+w.b.String(), w.vs, func(row []any) error {
		p := measure.Point{Source: source}
		var v string
		if err := scan(row, &v, &p.From, &p.Since, &p.Out, &p.Assumed); err != nil {
			return err
		}
		if by != "" {
			p.Set(by, v)
		}
		each(p)
		return nil
	})
}

// Restated is what became known late of a source that is counted when it stops, for
// days from one to another: how many of what counts now became known more than a day after
// the day on which they count; and what changed since the second day after the last one
// (then): points that count now and did not, and those that did and do not.
type Restated struct {
	Late       int64
	Then       time.Time
	Came, Went []measure.Point
}

// Restated looks up what became known late. A day ends at midnight UTC here.
func (t *Tx) Restated(source string, in map[measure.Dim]string, from, to nhs.Date) (r Restated, err error) {
	g, err := t.generationOf(source)
	if err != nil {
		return r, err
	}
	r.Then = to.Add(2).Time()
	chosen := func(cond string, vs ...any) *where {
		w := &where{}
		w.and("gen = ?", int64(g))
		w.and("source = ?", source)
		w.and("day >= ? AND day <= ?", dayNumber(from), dayNumber(to))
		w.and(cond, vs...)
		w.in(in)
		return w
	}
	w := chosen(`until = 0 AND day <> 0 AND known > (day + 2) * 86400000000`)
	err = t.query(`SELECT `+pointColumns+` FROM counted WHERE `+w.b.String(), w.vs, func(row []any) error {
		k, err := scanPoint(row)
		r.Late++
		if err == nil && k.Known.After(r.Then) {
			r.Came = append(r.Came, k.Point)
		}
		return err
	})
	if err != nil {
		return r, err
	}
	w = chosen(`until <> 0 AND day <> 0 AND until > ? AND known <= ?`, r.Then, r.Then)
	return r, t.query(`SELECT `+pointColumns+` FROM counted WHERE `+w.b.String(), w.vs, func(row []any) error {
		k, err := scanPoint(row)
		r.Went = append(r.Went, k.Point)
		return err
	})
}

func (t *Tx) points(where string, vs ...any) (ks []KnownPoint, err error) {
	err = t.query(`SELECT `+pointColumns+` FROM counted `+where, vs, func(row []any) error {
		k, err := scanPoint(row)
		ks = append(ks, k)
		return err
	})
	return ks, err
}

func scanPoint(row []any) (k KnownPoint, err error) {
	var day int64
	err = scan(row, &k.Source, &k.Case, &k.Subject, &k.Known, &k.Until, &k.Person, &k.Hospital, &k.Ward, &k.Council, &k.Team, &k.Pathway, &k.Provider, &k.Age,
		&k.Stage, &k.Holder, &k.Reason, &k.Feed, &k.From, &k.To, &k.Since, &day, &k.Value, &k.Out, &k.Assumed)
	return k, err
}

var putCell = upsert("cells", []string{"gen", "source", "cut", "every", "block", "major", "minor"}, "body")

const cellKey = ` WHERE gen = $1 AND source = $2 AND cut = $3 AND every = $4 AND block = $5 AND major = $6 AND minor = $7`

func (g Generation) row(r measure.Row) []any {
	return []any{int64(g), r.Source, r.Cut, string(r.Every), r.Block, r.Values[0], r.Values[1]}
}

// WorkCells works out what the counts are, from those that are kept and from what
// changed (Tally), which it empties.
func (t *Tx) WorkCells(w *PointWork) error {
	changed := w.Tally.Rows()
	rows := make([]measure.Row, 0, len(changed))
	keys := make([][]any, 0, len(changed))
	for r := range changed {
		rows = append(rows, r)
		keys = append(keys, w.Gen.row(r))
	}
	bodies := make([][]byte, len(rows))
	err := t.queryEach(`SELECT body FROM cells`+cellKey, keys, func(i int, row []any) error {
		var body []byte
		err := scan(row, &body)
		if err == nil {
			bodies[i], err = measure.MergeRow(rows[i].Every, body, changed[rows[i]])
			delete(changed, rows[i])
		}
		return err
	})
	for i, r := range rows {
		if steps, ok := changed[r]; ok { // there is no such row yet
			bodies[i] = measure.AppendRow(r.Every, steps)
		}
		w.cells = append(w.cells, cellChange{r, bodies[i]})
	}
	w.Tally = measure.Tally{}
	return err
}

// Estimate is how many rows it will write when the counts are worked out.
func (w *PointWork) Estimate() int { return w.Size() + len(w.Tally.Rows()) }

func (t *Tx) putCells(w *PointWork) error {
	for _, c := range w.cells {
		var err error
		if key := w.Gen.row(c.Row); c.body == nil {
			err = t.exec(`DELETE FROM cells`+cellKey, key...)
		} else {
			err = t.exec(putCell, append(key, c.body)...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// CellQuery chooses counts of one cut of a source: the steps that begin from From.From
// to From.To, of the values of Where.
type CellQuery struct {
	Source string
	Cut    []measure.Dim
	Where  map[measure.Dim]string
	measure.Piece
}

// EachCell gives counts, by the values of the cut and the first day of the step. body
// is as measure.Hist writes it, and only good until each returns.
func (t *Tx) EachCell(q CellQuery, each func(values [2]string, start nhs.Date, body []byte) error) error {
	g, err := t.generationOf(q.Source)
	if err != nil {
		return err
	}
	w := &where{}
	w.and("gen = ?", int64(g))
	w.and("source = ?", q.Source)
	w.and("cut = ?", measure.CutName(q.Cut))
	w.and("every = ?", string(q.Every))
	w.and("block >= ? AND block <= ?", q.Every.Block(q.From), q.Every.Block(q.To))
	for i, d := range q.Cut {
		if v, ok := q.Where[d]; ok {
			w.and([]string{"major = ?", "minor = ?"}[i], v)
		}
	}
	from, to := q.From.Time(), q.To.Time()
	return t.query(`SELECT major, minor, body FROM cells WHERE `+w.b.String(), w.vs, func(row []any) error {
		var values [2]string
		var body []byte
		if err := scan(row, &values[0], &values[1], &body); err != nil {
			return err
		}
		return measure.EachStep(q.Every, body, func(start nhs.Date, b []byte) error {
			if at := start.Time(); at.Before(from) || at.After(to) {
				return nil
			}
			return each(values, start, b)
		})
	})
}

// EachRow gives the rows of counts of a source as they are stored, of one generation.
func (t *Tx) EachRow(g Generation, source string, each func(r measure.Row, body []byte) error) error {
	return t.query(`SELECT cut, every, block, major, minor, body FROM cells WHERE gen = $1 AND source = $2`, []any{int64(g), source}, func(row []any) error {
		r := measure.Row{Source: source}
		var every string
		var block int64
		var body []byte
		if err := scan(row, &r.Cut, &every, &block, &r.Values[0], &r.Values[1], &body); err != nil {
			return err
		}
		r.Every, r.Block = measure.Every(every), int(block)
		return each(r, body)
	})
}

// DropGenerations takes away some of what other generations than the shown one, and one
// that is being made, have left. more is that there is more.
func (t *Tx) DropGenerations(shown, made Generation) (more bool, err error) {
	const atOnce = 500
	for _, table := range []string{"counted", "cells"} {
		gen := int64(0)
		err := t.one(`SELECT gen FROM `+table+` WHERE gen NOT IN (0, $1, $2) LIMIT 1`, []any{int64(shown), int64(made)}, &gen)
		if err == errNone {
			continue
		}
		if err != nil {
			return false, err
		}
		key := "case_id, source, subject, known"
		if table == "cells" {
			key = "source, cut, every, block, major, minor"
		}
		return true, t.exec(`DELETE FROM `+table+` WHERE gen = $1 AND (`+key+`) IN (SELECT `+key+` FROM `+table+` WHERE gen = $2 LIMIT `+strconv.Itoa(atOnce)+`)`, gen, gen)
	}
	return false, nil
}

// erasePoints takes the names from the points of a case: they count still, and name
// nobody. What stands for the case, its person and each subject is random.
func (t *Tx) erasePoints(id care.CaseID) error {
	ks, err := t.points(`WHERE case_id = $1`, id)
	if err != nil {
		return err
	}
	names := map[pointName]string{}
	person, nobody := randomName(), erasedPoint+randomName()
	for _, k := range ks {
		n := nameOf(k.Point)
		if names[n] == "" {
			names[n] = randomName()
		}
		err := t.exec(`UPDATE counted SET case_id = $1, person = $2, subject = $3 WHERE case_id = $4 AND source = $5 AND subject = $6`, nobody, person, names[n], id, k.Source, k.Subject)
		if err != nil {
			return err
		}
	}
	return t.PutSetting(erasures, randomName())
}

func randomName() string {
	var b [17]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))[:26]
}

// CaseIDs lists cases by their ids, after one of them.
func (t *Tx) CaseIDs(after care.CaseID, limit int) (ids []care.CaseID, err error) {
	err = t.query(`SELECT id FROM cases WHERE id > $1 ORDER BY id LIMIT $2`, []any{after, limit}, func(row []any) error {
		var id care.CaseID
		err := scan(row, &id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// CasesSince lists cases in the order in which they began, of those whose history began after
// one place and not after another. next is the place of the last one.
func (t *Tx) CasesSince(after, to int64, limit int) (ids []care.CaseID, next int64, err error) {
	next = after
	err = t.query(`SELECT case_id, seq FROM history WHERE n = 1 AND seq > $1 AND seq <= $2 AND name <> '`+erasedEntry+`' ORDER BY seq LIMIT $3`, []any{after, to, limit}, func(row []any) error {
		var id care.CaseID
		err := scan(row, &id, &next)
		ids = append(ids, id)
		return err
	})
	return ids, next, err
}

// ErasedIDs lists the names that stand for people who were erased, of whom there are points of a
// generation, after one of them.
func (t *Tx) ErasedIDs(g Generation, after care.CaseID, limit int) (ids []care.CaseID, err error) {
	err = t.query(`SELECT DISTINCT case_id FROM counted WHERE gen = $1 AND case_id LIKE '`+erasedPoint+`%' AND case_id > $2 ORDER BY case_id LIMIT $3`, []any{int64(g), after, limit}, func(row []any) error {
		var id care.CaseID
		err := scan(row, &id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// IsErasedPoint reports whether the case of a point is a name that stands for nobody.
func IsErasedPoint(id care.CaseID) bool { return strings.HasPrefix(string(id), erasedPoint) }

// PointsOf are all points of a case in a generation, with what was known before, by
// source, subject and time.
func (t *Tx) PointsOf(g Generation, id care.CaseID) ([]KnownPoint, error) {
	return t.points(`WHERE gen = $1 AND case_id = $2 ORDER BY source, subject, known`, int64(g), id)
}

// Copy works out that points are put as they are known, such as those of another
// generation.
func (w *PointWork) Copy(ks []KnownPoint) {
	for _, k := range ks {
		if k.Until.IsZero() {
			w.Tally.Add(k.Point, 1, w.Zone)
		}
		w.changes = append(w.changes, pointChange{k, putting})
	}
}

// Known are the points that work puts, with what was known before, as PointsOf gives
// them but for their pseudonyms.
func (w *PointWork) Known() (ks []KnownPoint) {
	for _, c := range w.changes {
		if c.how == putting {
			ks = append(ks, c.KnownPoint)
		}
	}
	slices.SortStableFunc(ks, func(a, b KnownPoint) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Subject, b.Subject), a.Known.Compare(b.Known))
	})
	return ks
}

// pseudonyms is the setting that holds the key of pseudonyms, in hexadecimal. It is
// for what leaves: in the database itself the case stands beside its pseudonym.
const pseudonyms = "pseudonym-key"

// pseudonymKey reads the key of pseudonyms, and makes it the first time.
func (t *Tx) pseudonymKey() (string, error) {
	key, err := t.Setting(pseudonyms)
	if err != nil || key != "" {
		return key, err
	}
	var b [32]byte
	rand.Read(b[:])
	key = hex.EncodeToString(b[:])
	return key, t.PutSetting(pseudonyms, key)
}

// pseudonym names a person in what analysts get: the same for the same case, and
// nobody can tell the case from it without the key.
func pseudonym(key string, id care.CaseID) string {
	if id == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(id))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)))[:26]
}
