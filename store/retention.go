package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"strconv"
	"time"

	"homeward/care"
	"homeward/proof"
)

// Aged is a case that nothing has happened to for long.
type Aged struct {
	Case     care.CaseID
	Updated  time.Time // when the newest thing happened
	Recorded time.Time // when the newest thing was recorded
}

// Aged is a page of the cases of which nothing happened and nothing was recorded
// since a time, in the order of their ids, after one of them. org, when set,
// chooses those that carry a number of its.
func (t *Tx) Aged(since time.Time, org string, after care.CaseID, limit int) (as []Aged, err error) {
	w := &where{}
	w.and("t.updated < ? AND h.recorded < ? AND t.case_id > ?", since, since, after)
	if org != "" {
		w.and("t.case_id IN (SELECT case_id FROM keys WHERE kind IN (?, ?))", "mrn:"+org, "council:"+org)
	}
	sql := `SELECT t.case_id, t.updated, h.recorded FROM tracker t JOIN cases k ON k.id = t.case_id JOIN history h ON h.case_id = k.id AND h.n = k.version WHERE ` + w.b.String() +
		` ORDER BY t.case_id` + w.bind(" LIMIT ?", limit)
	err = t.query(sql, w.vs, func(row []any) error {
		var a Aged
		err := scan(row, &a.Case, &a.Updated, &a.Recorded)
		as = append(as, a)
		return err
	})
	return as, err
}

// Recorded is when anything about a case was last recorded; zero: never.
func (t *Tx) Recorded(id care.CaseID) (at time.Time, err error) {
	err = t.one(`SELECT recorded FROM history WHERE case_id = $1 ORDER BY n DESC LIMIT 1`, []any{id}, &at)
	if err == errNone {
		err = nil
	}
	return at, err
}

// ReviewState is what was decided about something whose time is over.
type ReviewState string

// The states of a review.
const (
	ReviewKeep     ReviewState = "keep"     // until a day
	ReviewProposed ReviewState = "proposed" // to be erased, when another agrees
)

// Review is what was decided about something whose time is over. Item is a
// case, or the rows of an import that were not taken (ImportItem).
type Review struct {
	Item   string      `json:"-"`
	State  ReviewState `json:"-"`
	By     care.Who    `json:"by"`
	At     time.Time   `json:"at"`
	Until  time.Time   `json:"until,omitzero"`
	Reason string      `json:"reason"`
}

// importItem begins the item of a review of an import's rows; no case's id has a colon.
const importItem = "import:"

// ImportItem names the rows of an import that were not taken, for a review.
func ImportItem(id ImportID) string { return importItem + strconv.FormatInt(int64(id), 10) }

var putReview = upsert("reviews", []string{"item"}, "state", "doc")

// PutReview keeps what was decided, instead of what was decided before.
func (t *Tx) PutReview(r Review) error {
	doc, err := toJSON(r)
	if err != nil {
		return err
	}
	return t.exec(putReview, r.Item, string(r.State), t.seal(reviewDoc, doc, r.Item))
}

// DropReview forgets what was decided.
func (t *Tx) DropReview(item string) error {
	return t.exec(`DELETE FROM reviews WHERE item = $1`, item)
}

// Reviews is what was decided, by item; "" chooses all items.
func (t *Tx) Reviews(item string) (map[string]Review, error) {
	out := map[string]Review{}
	err := t.query(`SELECT item, state, doc FROM reviews WHERE item = $1 OR $1 = ''`, []any{item}, func(row []any) error {
		var item, state, doc string
		if err := scan(row, &item, &state, &doc); err != nil {
			return err
		}
		doc, err := t.openText(reviewDoc, doc, item)
		if err != nil {
			return err
		}
		r, err := fromJSON[Review](doc)
		r.Item, r.State = item, ReviewState(state)
		out[item] = r
		return err
	})
	return out, err
}

// AgedImports lists imports before a time of which rows that were not taken are
// kept still, oldest first.
func (t *Tx) AgedImports(since time.Time, limit int) ([]Import, error) {
	return t.imports(`started < $1 AND EXISTS (SELECT 1 FROM quarantine WHERE import_id = imports.id AND raw <> '') ORDER BY id LIMIT $2`, since, limit)
}

// EraseQuarantine takes away the rows of an import that were not taken, as they
// came. That there were so many, and what was wrong with them, stays.
func (t *Tx) EraseQuarantine(id ImportID) error {
	if err := t.secure(); err != nil {
		return err
	}
	return t.exec(`UPDATE quarantine SET raw = '' WHERE import_id = $1`, id)
}

// Erasure is what is left of a person who was erased. Residue is a sum over what
// is left of the audit rows about them: the audit row of the erasing must say
// it, so that it cannot be changed either.
type Erasure struct {
	Case     care.CaseID `json:"-"`
	At       time.Time   `json:"-"`
	Entries  int64       `json:"-"` // lines of history that lost their content
	Audit    int64       `json:"-"` // size of the audit log then
	Proposed care.Who    `json:"proposed"`
	Agreed   care.Who    `json:"agreed"`
	Reason   string      `json:"reason"`
	Residue  string      `json:"residue"`
}

// erasedEntry is the name that history keeps for an event whose content is gone.
const erasedEntry = "erased"

// erasedReason is what a message says whose content is gone.
const erasedReason = "Erased: its time was over"

// EraseCase takes away for good what is known of a person: the case, what it is
// found by, its row of the lists, the content of its history, the messages that
// told of it, drafts, results of look-ups, and the words of audit and alerts
// about it. What stays is that there was a record with this id, when its history
// and its audit were written and by whom, and e. It refuses a case that was
// joined with another, and one of which a message is still to be read.
//
// The caller writes the audit row, with e.Residue in its outcome.
func (t *Tx) EraseCase(e Erasure) (Erasure, error) {
	c, err := t.Case(e.Case)
	if err != nil {
		return e, err
	}
	if c.JoinedTo != "" || len(c.Absorbed) > 0 {
		return e, conflict("This record was joined with another. Separate them first")
	}
	if err := t.secure(); err != nil {
		return e, err
	}
	if err := t.eraseMessages(e.Case); err != nil {
		return e, err
	}
	for _, sql := range []string{
		`DELETE FROM cases WHERE id = $1`, `DELETE FROM keys WHERE case_id = $1`, `DELETE FROM tracker WHERE case_id = $1`,
		`DELETE FROM drafts WHERE case_id = $1`, `DELETE FROM reviews WHERE item = $1`, `DELETE FROM resources WHERE case_id = $1`,
		`DELETE FROM parties WHERE case_id = $1`, `DELETE FROM unindexed WHERE case_id = $1`, `DELETE FROM kept_resources WHERE case_id = $1`, `DELETE FROM pds_answers WHERE case_id = $1`,
		`DELETE FROM records WHERE case_id = $1`, `DELETE FROM threads WHERE case_id = $1`, `DELETE FROM files WHERE case_id = $1`,
		`UPDATE taken SET doc = '' WHERE case_id = $1`,
		`UPDATE history SET name = '` + erasedEntry + `', body = '', cause = '' WHERE case_id = $1`,
		`UPDATE audit SET doc = NULL, salt = NULL WHERE case_id = $1`,
	} {
		if err := t.exec(sql, e.Case); err != nil {
			return e, err
		}
	}
	if err := firstError(t.eraseWords(e.Case), t.eraseSubscribed(e.Case), t.erasePoints(e.Case)); err != nil {
		return e, err
	}
	t.b.cache.forget()
	e.Entries, e.Audit, e.At = int64(c.Version), t.b.tally.audit, t.Now().UTC().Truncate(time.Microsecond)
	if e.Residue, err = t.residue(e.Case, e.Audit); err != nil {
		return e, err
	}
	doc, err := toJSON(e)
	if err != nil {
		return e, err
	}
	return e, t.exec(`INSERT INTO erased (case_id, at, entries, audit, doc) VALUES ($1, $2, $3, $4, $5)`, e.Case, e.At, e.Entries, e.Audit, t.seal(erasedDoc, doc, e.Case))
}

// secure has SQLite overwrite with zeros what is deleted from here on.
// https://www.sqlite.org/pragma.html#pragma_secure_delete
func (t *Tx) secure() error {
	if t.s.engine.name() != "sqlite" {
		return nil
	}
	return t.query(`PRAGMA secure_delete = 1`, nil, func([]any) error { return nil })
}

// eraseMessages takes away the bytes of every message that told of a case: those
// that were settled with it, and those that its history names as a cause.
func (t *Tx) eraseMessages(id care.CaseID) error {
	waits := false
	ids := map[int64]bool{}
	err := t.query(`SELECT id, state FROM messages WHERE case_id = $1 AND case_id <> ''`, []any{id}, func(row []any) error {
		var n int64
		var state MessageState
		err := scan(row, &n, &state)
		ids[n] = true
		waits = waits || state == MessageNew || state == MessageHeld
		return err
	})
	if err != nil {
		return err
	}
	if waits {
		return conflict("A message about this person is still to be read")
	}
	entries, err := t.History(id)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if n, err := strconv.ParseInt(e.Cause.ID, 10, 64); err == nil && e.Cause.Kind == "message" {
			ids[n] = true
		}
	}
	for n := range ids {
		digest := make([]byte, sha256.Size) // of what is gone nothing may be guessed
		rand.Read(digest)
		if err := t.exec(`UPDATE messages SET raw = $1, digest = $2, reason = $3 WHERE id = $4`, []byte{}, digest, erasedReason, n); err != nil {
			return err
		}
	}
	return nil
}

// eraseWords takes away results of look-ups, the payload of jobs, and what was
// written in alerts.
func (t *Tx) eraseWords(id care.CaseID) error {
	handles, err := t.handlesOf(id)
	for _, h := range handles {
		err = firstError(err, t.exec(`DELETE FROM handles WHERE id = $1`, h))
	}
	var jobs []int64
	err = firstError(err, t.query(`SELECT id FROM jobs WHERE lane LIKE $1 OR key LIKE $1`, []any{"%" + string(id) + "%"}, func(row []any) error {
		var n int64
		err := scan(row, &n)
		jobs = append(jobs, n)
		return err
	}))
	for _, n := range jobs {
		err = firstError(err, t.exec(`UPDATE jobs SET payload = '' WHERE id = $1`, n))
	}
	return firstError(err, t.eraseDeliveries(id), t.eraseAlerts(id))
}

// handlesOf lists the results of look-ups that show a case. There are few: each
// is kept for minutes.
func (t *Tx) handlesOf(id care.CaseID) (hs []string, err error) {
	var all []string
	err = t.query(`SELECT id FROM handles`, nil, func(row []any) error {
		var h string
		err := scan(row, &h)
		all = append(all, h)
		return err
	})
	for _, name := range all {
		h, herr := t.Handle(name)
		err = firstError(err, herr)
		if bytes.Contains(h.Doc, []byte(id)) {
			hs = append(hs, name)
		}
	}
	return hs, err
}

func (t *Tx) eraseAlerts(id care.CaseID) error {
	var alerts []Alert
	err := t.query(`SELECT id, doc FROM alerts WHERE case_id = $1`, []any{id}, func(row []any) error {
		var id, doc string
		if err := scan(row, &id, &doc); err != nil {
			return err
		}
		a, err := t.alert(id, doc)
		alerts = append(alerts, a)
		return err
	})
	for _, a := range alerts {
		a.Words, a.About = "", ""
		if a.Closed != nil {
			a.Closed.Words = ""
		}
		doc, jerr := toJSON(a)
		err = firstError(err, jerr, t.exec(`UPDATE alerts SET doc = $1 WHERE id = $2`, t.seal(alertDoc, doc, a.ID), a.ID))
	}
	return err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// residue is a sum over what is left of the audit rows about a case before a
// size of the log.
func (t *Tx) residue(id care.CaseID, before int64) (string, error) {
	var sum proof.Residue
	err := t.query(auditText+` WHERE case_id = $1 AND case_id <> '' AND n < $2 ORDER BY n`, []any{id, before}, func(row []any) error {
		l, err := t.scanAudit(row)
		sum.Add(l.N, l.left())
		return err
	})
	return sum.Sum(), err
}

// tells reports whether a record of the audit says that a case was erased, with
// the sum over what was left.
func (t *Tx) tells(e Erasure) (told bool, err error) {
	err = t.query(auditText+` WHERE case_id = $1 AND case_id <> '' AND n >= $2 ORDER BY n`, []any{e.Case, e.Audit}, func(row []any) error {
		l, err := t.scanAudit(row)
		id, sum := proof.Told(l.doc)
		told = told || id == string(e.Case) && sum == e.Residue
		return err
	})
	return told, err
}

// Erasures is who was erased, oldest first.
func (t *Tx) Erasures() (es []Erasure, err error) {
	err = t.query(`SELECT case_id, at, entries, audit, doc FROM erased ORDER BY at, case_id`, nil, func(row []any) error {
		var e Erasure
		var doc string
		if err := scan(row, &e.Case, &e.At, &e.Entries, &e.Audit, &doc); err != nil {
			return err
		}
		doc, err := t.openText(erasedDoc, doc, e.Case)
		if err != nil {
			return err
		}
		d, err := fromJSON[Erasure](doc)
		d.Case, d.At, d.Entries, d.Audit = e.Case, e.At, e.Entries, e.Audit
		es = append(es, d)
		return err
	})
	return es, err
}

// ErasedCount is how many people were erased when their time was over.
func (s *Store) ErasedCount(ctx context.Context) (n int64, err error) {
	err = s.View(ctx, func(t *Tx) error { return t.one(`SELECT count(*) FROM erased`, nil, &n) })
	return n, err
}

// PruneJobs takes away what finished jobs told, when they ended before a time;
// that they were done stays, so that none is done twice. more is that there are
// others.
func (t *Tx) PruneJobs(before time.Time) (more bool, err error) {
	const atOnce = 500
	n := 0
	err = t.change(`UPDATE jobs SET payload = '' WHERE id IN (SELECT id FROM jobs WHERE state = 'done' AND payload <> '' AND ended < $1 LIMIT 500) RETURNING id`,
		[]any{before}, func([]any) error { n++; return nil })
	if err != nil || n == atOnce {
		return true, err
	}
	return t.pruneDeliveries(before)
}

// erased checks that nothing is left of those who were erased, and what is left
// of the audit about them; it counts their lines of history as read.
func (v *verifying) erased() error {
	es, err := v.t.Erasures()
	if err != nil {
		return err
	}
	for _, e := range es {
		v.entries += e.Entries
		var history, blank, rows, raw, said int64
		err := v.t.one(`SELECT (SELECT count(*) FROM history WHERE case_id = $1),
			(SELECT count(*) FROM history WHERE case_id = $1 AND name = 'erased' AND body = '' AND cause = ''),
			(SELECT count(*) FROM cases WHERE id = $1) + (SELECT count(*) FROM keys WHERE case_id = $1)
				+ (SELECT count(*) FROM tracker WHERE case_id = $1) + (SELECT count(*) FROM drafts WHERE case_id = $1)
				+ (SELECT count(*) FROM resources WHERE case_id = $1) + (SELECT count(*) FROM parties WHERE case_id = $1)
				+ (SELECT count(*) FROM kept_resources WHERE case_id = $1) + (SELECT count(*) FROM taken WHERE case_id = $1 AND doc <> '')
				+ (SELECT count(*) FROM pds_answers WHERE case_id = $1) + (SELECT count(*) FROM records WHERE case_id = $1)
				+ (SELECT count(*) FROM threads WHERE case_id = $1) + (SELECT count(*) FROM files WHERE case_id = $1)
				+ (SELECT count(*) FROM counted WHERE case_id = $1)
				+ (SELECT count(*) FROM deliveries WHERE case_id = $1 AND (message IS NOT NULL OR reference <> '')),
			(SELECT count(*) FROM messages WHERE case_id = $1 AND case_id <> '' AND reason <> $2),
			(SELECT count(*) FROM audit WHERE case_id = $1 AND case_id <> '' AND n < $3 AND doc IS NOT NULL)`,
			[]any{e.Case, erasedReason, e.Audit}, &history, &blank, &rows, &raw, &said)
		if err != nil {
			return err
		}
		told, err := v.t.tells(e)
		if err != nil {
			return err
		}
		residue, err := v.t.residue(e.Case, e.Audit)
		if err != nil {
			return err
		}
		switch {
		case history != e.Entries || blank != history || rows > 0 || raw > 0 || said > 0:
			v.wrong("case %s: it was erased, and something is left of it or missing", e.Case)
		case residue != e.Residue || !told:
			v.wrong("case %s: it was erased, and what is left of the audit about it is not as it was then", e.Case)
		}
	}
	return nil
}
