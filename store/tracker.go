package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// track writes a case's row of the tracker.
func (t *Tx) track(r care.Row) error {
	doc, err := toJSON(r)
	if err != nil {
		return err
	}
	name := plain(r.Person.Family) + "|" + plain(r.Person.Given)
	place := r.Where.Ward + "|" + byValue(r.Where.Bay) + "|" + byValue(r.Where.Bed)
	return t.exec(trackText, r.Case, t.b.tally.seq, r.Listed(), r.Frozen, r.InBed, r.Open, r.Hospital, r.Where.Ward, r.Was.Ward, r.MovedAt,
		r.From, r.Council, r.State, r.Pathway, r.Worker.ID, r.Ready, r.SentAt, r.EDD, t.seal(trackerName, name, r.Case), place, r.Updated,
		t.seal(trackerDoc, doc, r.Case))
}

var trackText = upsert("tracker", []string{"case_id"}, "seq", "listed", "frozen", "in_bed", "open", "hospital", "ward", "was_ward", "moved_at",
	"from_org", "council", "state", "pathway", "worker", "ready_at", "sent_at", "edd", "name", "place", "updated", "doc")

// byValue writes a bay or a bed so that bed 2 comes before bed 10: shorter ones
// first, as pages of a ward are cut where the database says.
func byValue(s string) string {
	const width = 8
	s = strings.TrimLeft(s, "0")
	return strings.Repeat("0", max(width-len(s), 0)) + s
}

// upsert is the text that writes a row whether or not it is there.
func upsert(table string, keys []string, columns ...string) string {
	var b strings.Builder
	all := append(append([]string{}, keys...), columns...)
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(all, ", "))
	places(&b, 1, len(all))
	fmt.Fprintf(&b, " ON CONFLICT (%s) DO UPDATE SET ", strings.Join(keys, ", "))
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s = excluded.%s", c, c)
	}
	return b.String()
}

// RowSort is the order of rows.
type RowSort string

// The orders of rows. Each ends with the case's id, so that pages do not overlap.
const (
	SortName    RowSort = "name"
	SortPlace   RowSort = "place"   // ward, bay, bed
	SortReady   RowSort = "ready"   // longest ready first, those not ready last
	SortMoved   RowSort = "moved"   // newest move first
	SortSent    RowSort = "sent"    // oldest referral first
	SortEDD     RowSort = "edd"     // soonest first, none last
	SortUpdated RowSort = "updated" // newest change first
)

var rowOrders = map[RowSort]string{
	"":          "place, case_id",
	SortPlace:   "place, case_id",
	SortUpdated: "updated DESC, case_id",
	SortReady:   "CASE WHEN ready_at = 0 THEN 1 ELSE 0 END, ready_at, case_id",
	SortMoved:   "moved_at DESC, case_id",
	SortSent:    "CASE WHEN sent_at = 0 THEN 1 ELSE 0 END, sent_at, case_id",
	SortEDD:     "CASE WHEN edd = '' THEN 1 ELSE 0 END, edd, case_id",
}

// RowQuery chooses rows of people who belong on a list; empty fields choose all.
type RowQuery struct {
	Hospital               nhs.ODS
	Ward                   string // code; also people who moved from it since MovedSince
	MovedSince             time.Time
	NoWard                 bool // only those whose hospital has not said on which ward
	Council                nhs.ODS
	From                   nhs.ODS   // hospital that sent the referral
	Senders                []nhs.ODS // hospitals, one of which sent the referral; nil: any, and an empty list: none
	Trust                  nhs.ODS   // hospital that has the person, or that sent the referral
	Pathway                string
	ReadyFrom, ReadyBefore time.Time // discharge-ready since between these
	Worker                 care.ActorID
	States                 []care.RefState
	InBed                  bool // only those in hospital
	Open                   bool // only those with an open referral
	Ready                  bool // only those who are discharge-ready
	Unassigned             bool // only those without a worker
	Unresolved             bool // only open referrals whose council is not settled
	ReadyOrOpen            bool // only those who are discharge-ready or have an open referral
	Since                  int64
	Sort                   RowSort
	Page                   int // from 1; 0 is 1
	PerPage                int // 0 is 100
	// Bands splits those who are ready by since when: Counts.Bands has one more
	// number than Bands has times. They must be in order, earliest first.
	Bands []time.Time
}

// Counts is how many rows there are over all pages.
type Counts struct {
	Total      int
	InBed      int
	Open       int
	Ready      int // in hospital and discharge-ready: who has left waits no longer
	Unresolved int
	Unreferred int   // of Ready: without an open referral
	Bands      []int // of Ready: since before Bands[0], since Bands[0], ...
}

type where struct {
	b  strings.Builder
	vs []any
}

// and adds a condition; each ? in it takes the next value.
func (w *where) and(cond string, vs ...any) {
	if w.b.Len() > 0 {
		w.b.WriteString(" AND ")
	}
	w.b.WriteString(w.bind(cond, vs...))
}

func (w *where) bind(cond string, vs ...any) string {
	for _, v := range vs {
		w.vs = append(w.vs, v)
		cond = strings.Replace(cond, "?", fmt.Sprintf("$%d", len(w.vs)), 1)
	}
	return cond
}

func (q RowQuery) where() *where {
	w := &where{}
	w.and("listed = 1")
	if q.Hospital != "" {
		w.and("hospital = ?", q.Hospital)
	}
	switch {
	case q.Ward != "" && !q.MovedSince.IsZero():
		w.and("(ward = ? OR was_ward = ? AND moved_at >= ?)", q.Ward, q.Ward, q.MovedSince)
	case q.Ward != "":
		w.and("ward = ?", q.Ward)
	}
	if q.Council != "" {
		w.and("council = ?", q.Council)
	}
	if q.From != "" {
		w.and("from_org = ?", q.From)
	}
	switch {
	case q.Senders == nil:
	case len(q.Senders) == 0:
		w.and("1 = 0")
	default:
		vs := make([]any, len(q.Senders))
		for i, s := range q.Senders {
			vs[i] = s
		}
		w.and("from_org IN (?"+strings.Repeat(", ?", len(vs)-1)+")", vs...)
	}
	if q.Trust != "" {
		w.and("(hospital = ? OR from_org = ?)", q.Trust, q.Trust)
	}
	if q.Worker != "" {
		w.and("worker = ?", q.Worker)
	}
	if q.Pathway != "" {
		w.and("pathway = ?", q.Pathway)
	}
	if !q.ReadyFrom.IsZero() {
		w.and("ready_at >= ?", q.ReadyFrom)
	}
	if !q.ReadyBefore.IsZero() {
		w.and("ready_at > 0 AND ready_at < ?", q.ReadyBefore)
	}
	if len(q.States) > 0 {
		vs := make([]any, len(q.States))
		for i, s := range q.States {
			vs[i] = s
		}
		w.and("state IN (?"+strings.Repeat(", ?", len(vs)-1)+")", vs...)
	}
	if q.Since > 0 {
		w.and("seq > ?", q.Since)
	}
	q.flags(w)
	return w
}

func (q RowQuery) flags(w *where) {
	for _, f := range []struct {
		on   bool
		cond string
	}{
		{q.InBed, "in_bed = 1"}, {q.Open, "open = 1"}, {q.Ready, "ready_at > 0"}, {q.Unassigned, "worker = ''"},
		{q.NoWard, "ward = ''"},
		{q.Unresolved, "open = 1 AND council = ''"}, {q.ReadyOrOpen, "(ready_at > 0 OR open = 1)"},
	} {
		if f.on {
			w.and(f.cond)
		}
	}
}

// Rows is one page of a list and the counts over all its pages.
func (t *Tx) Rows(q RowQuery) ([]care.Row, Counts, error) {
	if q.PerPage <= 0 {
		q.PerPage = 100
	}
	rows, err := t.page(q)
	if err != nil {
		return nil, Counts{}, err
	}
	n, err := t.Counts(q)
	return rows, n, err
}

func (t *Tx) page(q RowQuery) ([]care.Row, error) {
	skip := max(q.Page-1, 0) * q.PerPage
	if q.Sort == SortName {
		return t.pageByName(q, skip)
	}
	order, ok := rowOrders[q.Sort]
	if !ok {
		return nil, fmt.Errorf("listing rows: there is no order %q", string(q.Sort))
	}
	w := q.where()
	sql := "SELECT case_id, doc FROM tracker WHERE " + w.b.String() + " ORDER BY " + order
	return t.rows(sql+w.bind(" LIMIT ? OFFSET ?", q.PerPage, skip), w.vs...)
}

// pageByName orders by name here: the database holds names sealed and cannot.
// It opens the names of the whole list, and the rows of the page alone.
func (t *Tx) pageByName(q RowQuery, skip int) ([]care.Row, error) {
	type named struct {
		name string
		id   care.CaseID
	}
	var all []named
	w := q.where()
	err := t.query("SELECT name, case_id FROM tracker WHERE "+w.b.String(), w.vs, func(row []any) error {
		var n named
		err := scan(row, &n.name, &n.id)
		if err == nil {
			n.name, err = t.openText(trackerName, n.name, n.id)
		}
		all = append(all, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b named) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id)) })
	all = all[min(skip, len(all)):min(skip+q.PerPage, len(all))]
	ids := make([][]any, len(all))
	for i, n := range all {
		ids[i] = []any{n.id}
	}
	rs := make([]care.Row, 0, len(all))
	err = t.queryEach("SELECT case_id, doc FROM tracker WHERE case_id = $1", ids, func(_ int, row []any) error {
		r, err := t.row(row)
		rs = append(rs, r)
		return err
	})
	return rs, err
}

// row reads case_id and doc.
func (t *Tx) row(row []any) (care.Row, error) {
	var id, doc string
	if err := scan(row, &id, &doc); err != nil {
		return care.Row{}, err
	}
	doc, err := t.openText(trackerDoc, doc, id)
	if err != nil {
		return care.Row{}, err
	}
	return fromJSON[care.Row](doc)
}

// Counts counts the rows of a query over all pages.
func (t *Tx) Counts(q RowQuery) (n Counts, err error) {
	w := q.where()
	sql := `SELECT count(*), count(*) FILTER (WHERE in_bed = 1), count(*) FILTER (WHERE open = 1),
		count(*) FILTER (WHERE ready_at > 0 AND in_bed = 1), count(*) FILTER (WHERE open = 1 AND council = ''),
		count(*) FILTER (WHERE ready_at > 0 AND in_bed = 1 AND open = 0)`
	into := []any{&n.Total, &n.InBed, &n.Open, &n.Ready, &n.Unresolved, &n.Unreferred}
	if len(q.Bands) > 0 {
		n.Bands = make([]int, len(q.Bands)+1)
		for i := range n.Bands {
			cond := "ready_at > 0 AND in_bed = 1"
			if i > 0 {
				cond += w.bind(" AND ready_at >= ?", q.Bands[i-1])
			}
			if i < len(q.Bands) {
				cond += w.bind(" AND ready_at < ?", q.Bands[i])
			}
			sql += ", count(*) FILTER (WHERE " + cond + ")"
			into = append(into, &n.Bands[i])
		}
	}
	err = t.one(sql+" FROM tracker WHERE "+w.b.String(), w.vs, into...)
	return n, err
}

func (t *Tx) rows(sql string, vs ...any) (rs []care.Row, err error) {
	err = t.query(sql, vs, func(row []any) error {
		r, err := t.row(row)
		rs = append(rs, r)
		return err
	})
	return rs, err
}

// Row is the row of a case, listed or not.
func (t *Tx) Row(id care.CaseID) (care.Row, error) {
	rs, err := t.rows(`SELECT case_id, doc FROM tracker WHERE case_id = $1`, id)
	return first(rs, err, "The record")
}

// RowsChanged is the rows that changed after seq, those that stopped being
// listed included, in the order of change, and the seq to ask after next.
func (t *Tx) RowsChanged(since int64, limit int) (rs []care.Row, last int64, err error) {
	last = since
	err = t.query(`SELECT case_id, doc, seq FROM tracker WHERE seq > $1 ORDER BY seq LIMIT $2`, []any{since, limit}, func(row []any) error {
		if err := scan(row[2:], &last); err != nil {
			return err
		}
		r, err := t.row(row)
		rs = append(rs, r)
		return err
	})
	return rs, last, err
}

// Wards counts the people in each ward of a hospital, by the ward's code; "" is
// those whose hospital has not said on which.
func (t *Tx) Wards(hospital nhs.ODS) (map[string]int, error) {
	out := map[string]int{}
	err := t.query(`SELECT ward, count(*) FROM tracker WHERE listed = 1 AND in_bed = 1 AND hospital = $1 GROUP BY ward`,
		[]any{hospital}, func(row []any) error {
			var ward string
			var n int
			err := scan(row, &ward, &n)
			out[ward] = n
			return err
		})
	return out, err
}
