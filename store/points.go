package store

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"slices"
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

// PutPoints writes how the points of a case changed, by its snapshots from the oldest
// on, and adds to what changes in the counts. What a point was before stays, with the
// time until which it was known.
func (t *Tx) PutPoints(id care.CaseID, snapshots []Snapshot, zone *time.Location, tally measure.Tally) error {
	now, err := t.points(`WHERE case_id = $1 AND until = 0`, id)
	if err != nil {
		return err
	}
	person, err := t.pseudonym(id)
	if err != nil {
		return err
	}
	for _, s := range snapshots {
		var kept []KnownPoint
		for _, was := range now {
			if slices.ContainsFunc(s.Points, was.Same) {
				kept = append(kept, was)
				continue
			}
			tally.Add(was.Point, -1, zone)
			if err := t.retirePoint(was, s.Known); err != nil {
				return err
			}
		}
		for _, p := range s.Points {
			if slices.ContainsFunc(kept, func(k KnownPoint) bool { return k.Source == p.Source && k.Subject == p.Subject }) {
				continue
			}
			tally.Add(p, 1, zone)
			k := KnownPoint{Point: p, Person: person, Known: s.Known}
			if err := t.putPoint(k, zone); err != nil {
				return err
			}
			kept = append(kept, k)
		}
		now = kept
	}
	return nil
}

// retirePoint says that a point is no longer so. One that was known for no time at
// all never was.
func (t *Tx) retirePoint(k KnownPoint, at time.Time) error {
	if !at.After(k.Known) {
		return t.exec(`DELETE FROM points WHERE case_id = $1 AND source = $2 AND subject = $3 AND known = $4`, k.Case, k.Source, k.Subject, k.Known)
	}
	return t.exec(`UPDATE points SET until = $1 WHERE case_id = $2 AND source = $3 AND subject = $4 AND known = $5`, at, k.Case, k.Source, k.Subject, k.Known)
}

func (t *Tx) putPoint(k KnownPoint, zone *time.Location) error {
	day := 0
	if !k.Open() {
		day = dayNumber(nhs.DateOf(k.To.In(zone)))
	}
	return t.exec(`INSERT INTO points (`+pointColumns+`) VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`,
		k.Source, k.Case, k.Subject, k.Known, k.Person, k.Hospital, k.Ward, k.Council, k.Team, k.Pathway, k.Provider, k.Age, k.Stage, k.Holder, k.Reason, k.Feed,
		k.From, k.To, k.Since, day, k.Value, k.Out, k.Assumed)
}

// dayNumber is a date as days since 1970.
func dayNumber(d nhs.Date) int { return int(d.Time().Unix() / (24 * 60 * 60)) }

func dateOfNumber(n int64) nhs.Date { return nhs.DateOf(time.Unix(n*24*60*60, 0).UTC()) }

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
}

// EachPoint gives the points that a query chooses, by case.
func (t *Tx) EachPoint(q PointQuery, each func(KnownPoint) error) error {
	w := &where{}
	w.and("source = ?", q.Source)
	if q.KnownAt.IsZero() {
		w.and("until = 0")
	} else {
		w.and("known <= ? AND (until = 0 OR until > ?)", q.KnownAt, q.KnownAt)
	}
	if q.Case != "" {
		w.and("case_id = ?", q.Case)
	}
	for _, d := range measure.Dims {
		if v, ok := q.Where[d]; ok {
			w.and(string(d)+" = ?", v)
		}
	}
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
	if q.After != "" {
		w.and("case_id > ?", q.After)
	}
	tail := " ORDER BY case_id, subject"
	if q.Limit > 0 {
		tail += w.bind(" LIMIT ?", q.Limit)
	}
	return t.query(`SELECT `+pointColumns+` FROM points WHERE `+w.b.String()+tail, w.vs, func(row []any) error {
		k, err := scanPoint(row)
		if err != nil {
			return err
		}
		return each(k)
	})
}

func (t *Tx) points(where string, vs ...any) (ks []KnownPoint, err error) {
	err = t.query(`SELECT `+pointColumns+` FROM points `+where, vs, func(row []any) error {
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

var putCell = upsert("cells", []string{"source", "cut", "every", "start", "major", "minor"}, "body")

// AddCells adds what changed to the counts that are kept.
func (t *Tx) AddCells(tally measure.Tally) error {
	var cells []measure.Cell
	var keys [][]any
	for c, h := range tally {
		if !h.Empty() {
			cells = append(cells, c)
			keys = append(keys, []any{c.Source, c.Cut, string(c.Every), dayNumber(c.Start), c.Values[0], c.Values[1]})
		}
	}
	err := t.queryEach(`SELECT body FROM cells WHERE source = $1 AND cut = $2 AND every = $3 AND start = $4 AND major = $5 AND minor = $6`, keys, func(i int, row []any) error {
		var body []byte
		if err := scan(row, &body); err != nil {
			return err
		}
		return tally[cells[i]].MergeBytes(body)
	})
	if err != nil {
		return err
	}
	for _, c := range cells {
		h := tally[c]
		key := []any{c.Source, c.Cut, string(c.Every), dayNumber(c.Start), c.Values[0], c.Values[1]}
		if h.Empty() {
			err = t.exec(`DELETE FROM cells WHERE source = $1 AND cut = $2 AND every = $3 AND start = $4 AND major = $5 AND minor = $6`, key...)
		} else {
			err = t.exec(putCell, append(key, h.Bytes())...)
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
	w := &where{}
	w.and("source = ?", q.Source)
	w.and("cut = ?", measure.CutName(q.Cut))
	w.and("every = ?", string(q.Every))
	w.and("start >= ?", dayNumber(q.From))
	w.and("start <= ?", dayNumber(q.To))
	for i, d := range q.Cut {
		if v, ok := q.Where[d]; ok {
			w.and([]string{"major = ?", "minor = ?"}[i], v)
		}
	}
	return t.query(`SELECT start, major, minor, body FROM cells WHERE `+w.b.String(), w.vs, func(row []any) error {
		var start int64
		var values [2]string
		var body []byte
		if err := scan(row, &start, &values[0], &values[1], &body); err != nil {
			return err
		}
		return each(values, dateOfNumber(start), body)
	})
}

// pseudonymKey is the setting that holds the key of pseudonyms, in hexadecimal. It is
// for what leaves: in the database itself the case stands beside its pseudonym.
const pseudonymKey = "pseudonym-key"

// pseudonym names a person in what analysts get: the same for the same case, and
// nobody can tell the case from it without the key.
func (t *Tx) pseudonym(id care.CaseID) (string, error) {
	key, err := t.Setting(pseudonymKey)
	if err != nil {
		return "", err
	}
	if key == "" {
		var b [32]byte
		rand.Read(b[:])
		key = hex.EncodeToString(b[:])
		if err := t.PutSetting(pseudonymKey, key); err != nil {
			return "", err
		}
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(id))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)))[:26], nil
}
