package store

import (
	"strings"
	"time"

	"homeward/care"
)

// Record is a small document of what is worked on beside cases: an assessment
// being written, a team's member, a notification. Kind, Org and ID name it. Doc is
// the hub's, JSON, and sealed.
type Record struct {
	Kind, Org, ID string
	Case          care.CaseID // "" where it is about no case
	Owner         string      // whose list it is on
	State         string
	At, Due       time.Time
	Version       int64 // counts savings; 0: it is not saved yet
	Doc           []byte
}

const recordColumns = `kind, org, id, case_id, owner, state, at, due, version, doc`

// PutRecord saves a record and gives it with its new version. It is a
// care.Conflict when Version is not the one that is stored: somebody else saved it,
// or took it away, since it was read.
func (t *Tx) PutRecord(r Record) (Record, error) {
	doc := t.seal(recordDoc, string(r.Doc), r.Kind, r.Org, r.ID)
	did := false
	done := func([]any) error { did = true; return nil }
	var err error
	if r.Version == 0 {
		err = t.change(`INSERT INTO records (`+recordColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9)
			ON CONFLICT (kind, org, id) DO NOTHING RETURNING version`, []any{r.Kind, r.Org, r.ID, r.Case, r.Owner, r.State, r.At, r.Due, doc}, done)
	} else {
		err = t.change(`UPDATE records SET case_id = $4, owner = $5, state = $6, at = $7, due = $8, version = version + 1, doc = $9
			WHERE kind = $1 AND org = $2 AND id = $3 AND version = $10 RETURNING version`,
			[]any{r.Kind, r.Org, r.ID, r.Case, r.Owner, r.State, r.At, r.Due, doc, r.Version}, done)
	}
	if err == nil && !did {
		err = conflict("Somebody else changed this first. Look at it again")
	}
	r.Version++
	return r, err
}

// Kept reads a record; care.NotFound when there is none.
func (t *Tx) Kept(kind, org, id string) (Record, error) {
	rs, err := t.records(`WHERE kind = $1 AND org = $2 AND id = $3`, kind, org, id)
	if err == nil && len(rs) == 0 {
		err = &care.Error{Kind: care.NotFound, Text: "There is no such thing"}
	}
	if err != nil {
		return Record{}, err
	}
	return rs[0], nil
}

// DropKept takes a record away.
func (t *Tx) DropKept(kind, org, id string) error {
	return t.exec(`DELETE FROM records WHERE kind = $1 AND org = $2 AND id = $3`, kind, org, id)
}

// RecordQuery chooses records of a kind; empty fields choose all.
type RecordQuery struct {
	Kind      string // always
	Org       string
	Case      care.CaseID
	Owner     string
	Owners    []string // any of them; nil: any at all
	States    []string
	DueBefore time.Time // due, and before
	AtBefore  time.Time
	Newest    bool // by At, newest first; else by due, then At, oldest first
	Limit     int  // 0 is 1000
}

func (q RecordQuery) where() *where {
	w := &where{}
	w.and("kind = ?", q.Kind)
	if q.Org != "" {
		w.and("org = ?", q.Org)
	}
	if q.Case != "" {
		w.and("case_id = ?", q.Case)
	}
	if q.Owner != "" {
		w.and("owner = ?", q.Owner)
	}
	anyOf(w, "owner", q.Owners)
	anyOf(w, "state", q.States)
	if !q.DueBefore.IsZero() {
		w.and("due > 0 AND due < ?", q.DueBefore)
	}
	if !q.AtBefore.IsZero() {
		w.and("at < ?", q.AtBefore)
	}
	return w
}

// anyOf chooses rows whose column is one of some values; nil chooses all, and an
// empty list none.
func anyOf(w *where, column string, values []string) {
	if values == nil {
		return
	}
	if len(values) == 0 {
		w.and("1 = 0")
		return
	}
	vs := make([]any, len(values))
	for i, v := range values {
		vs[i] = v
	}
	w.and(column+" IN (?"+strings.Repeat(", ?", len(vs)-1)+")", vs...)
}

func limited(n int) int {
	if n <= 0 {
		return 1000
	}
	return n
}

// KeptAll lists records.
func (t *Tx) KeptAll(q RecordQuery) ([]Record, error) {
	w := q.where()
	order := " ORDER BY due, at, org, id"
	if q.Newest {
		order = " ORDER BY at DESC, org, id"
	}
	return t.records("WHERE "+w.b.String()+order+w.bind(" LIMIT ?", limited(q.Limit)), w.vs...)
}

// CountKept counts records.
func (t *Tx) CountKept(q RecordQuery) (n int, err error) {
	w := q.where()
	err = t.one(`SELECT count(*) FROM records WHERE `+w.b.String(), w.vs, &n)
	return n, err
}

// DropKeptAll takes away the records that a query chooses, all of them.
func (t *Tx) DropKeptAll(q RecordQuery) error {
	w := q.where()
	return t.exec(`DELETE FROM records WHERE `+w.b.String(), w.vs...)
}

func (t *Tx) records(where string, vs ...any) (rs []Record, err error) {
	err = t.query(`SELECT `+recordColumns+` FROM records `+where, vs, func(row []any) error {
		var r Record
		var doc string
		if err := scan(row, &r.Kind, &r.Org, &r.ID, &r.Case, &r.Owner, &r.State, &r.At, &r.Due, &r.Version, &doc); err != nil {
			return err
		}
		doc, err := t.openText(recordDoc, doc, r.Kind, r.Org, r.ID)
		r.Doc = []byte(doc)
		rs = append(rs, r)
		return err
	})
	return rs, err
}

// Attached is an attachment as it is kept. State is the hub's: what is known of
// what is in it.
type Attached struct {
	ID      string // hexadecimal SHA-256 of Content
	Case    care.CaseID
	State   string
	At      time.Time
	Size    int64
	Content []byte
}

// PutFile keeps an attachment of a case; the same bytes again change only State.
func (t *Tx) PutFile(f Attached) error {
	return t.exec(`INSERT INTO files (id, case_id, state, at, size, content) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (case_id, id) DO UPDATE SET state = excluded.state`,
		f.ID, f.Case, f.State, f.At, int64(len(f.Content)), t.sealRaw(fileContent, f.Content, f.Case, f.ID))
}

// SetFileState says what is known of an attachment now.
func (t *Tx) SetFileState(id care.CaseID, file, state string) error {
	return t.exec(`UPDATE files SET state = $1 WHERE case_id = $2 AND id = $3`, state, id, file)
}

// File reads an attachment; care.NotFound when there is none.
func (t *Tx) File(id care.CaseID, file string) (Attached, error) {
	f := Attached{ID: file, Case: id}
	err := t.one(`SELECT state, at, size, content FROM files WHERE case_id = $1 AND id = $2`, []any{id, file}, &f.State, &f.At, &f.Size, &f.Content)
	if err == nil {
		f.Content, err = t.open(fileContent, f.Content, id, file)
	}
	return f, orNotFound(err, "The file")
}

// FilesIn lists attachments in a state, oldest first, without their content.
func (t *Tx) FilesIn(state string, limit int) (fs []Attached, err error) {
	err = t.query(`SELECT id, case_id, state, at, size FROM files WHERE state = $1 ORDER BY at, case_id, id LIMIT $2`, []any{state, limited(limit)}, func(row []any) error {
		var f Attached
		err := scan(row, &f.ID, &f.Case, &f.State, &f.At, &f.Size)
		fs = append(fs, f)
		return err
	})
	return fs, err
}

// DropFile takes an attachment away.
func (t *Tx) DropFile(id care.CaseID, file string) error {
	return t.exec(`DELETE FROM files WHERE case_id = $1 AND id = $2`, id, file)
}
