package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"homeward/care"
)

// errTaken is that a row with the same key is there already.
var errTaken = errors.New("it is there already")

// Tx is what a function given to Update or View reads and writes with. It must
// not be used after the function returned, or by two goroutines.
//
// Reads see the writes that came before them in the same Tx and the same batch.
// Cases that it gives out are shared: change one only through Record.
type Tx struct {
	s     *Store
	c     conn
	ctx   context.Context
	b     *batch
	write bool
	wrote bool
	over  bool
	busy  bool
	gave  bool  // rows were given to f
	fault error // the first error of the database; the function fails with it
	feeds map[string]*feedDelta
}

// Now is the time by the store's clock.
func (t *Tx) Now() time.Time { return t.s.cfg.Clock() }

// Commits is the number of commits that have written, ever.
func (t *Tx) Commits() (int64, error) {
	var n int64
	err := t.one("SELECT commits FROM tally WHERE id = 1", nil, &n)
	return n, err
}

func (t *Tx) ready(write bool) error {
	switch {
	case t.over:
		return errors.New("a Tx was used after its function returned")
	case t.busy:
		return errors.New("a Tx was used while it was giving rows")
	case write && !t.write:
		return errors.New("a View cannot write")
	}
	return t.fault
}

func (t *Tx) note(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", doing, taken(err))
	if t.fault == nil {
		t.fault = err
	}
	return err
}

// taken makes a key that is there already into a conflict for people.
func taken(err error) error {
	if !errors.Is(err, errTaken) || care.KindOf(err) == care.Conflict {
		return err
	}
	return &care.Error{Kind: care.Conflict, Text: "Somebody else added this first. Look at it again", Err: err}
}

// exec writes; the statement may be sent later.
func (t *Tx) exec(sql string, vs ...any) error {
	if err := t.ready(true); err != nil {
		return err
	}
	t.wrote = true
	return t.note("writing to the database", t.c.exec(t.ctx, sql, args(vs)))
}

// insert writes rows by "head VALUES (...), (...) tail".
func (t *Tx) insert(head string, rows [][]any, tail string) error {
	if err := t.ready(true); err != nil || len(rows) == 0 {
		return err
	}
	t.wrote = true
	for _, r := range rows {
		args(r)
	}
	return t.note("writing to the database", t.c.insert(t.ctx, head, rows, tail))
}

// query reads rows.
func (t *Tx) query(sql string, vs []any, each func(row []any) error) error {
	if err := t.ready(false); err != nil {
		return err
	}
	return t.reading(each, func(each func([]any) error) error { return t.c.query(t.ctx, sql, args(vs), each) })
}

// queryEach reads the rows of the same query for each of several arguments.
func (t *Tx) queryEach(sql string, vs [][]any, each func(i int, row []any) error) error {
	if err := t.ready(false); err != nil || len(vs) == 0 {
		return err
	}
	for _, v := range vs {
		args(v)
	}
	at := 0
	return t.reading(func(row []any) error { return each(at, row) }, func(each func([]any) error) error {
		return t.c.queryEach(t.ctx, sql, vs, func(i int, row []any) error { at = i; return each(row) })
	})
}

// reading keeps errors of the caller's own apart from those of the database.
func (t *Tx) reading(each func([]any) error, run func(func([]any) error) error) error {
	var own error
	t.busy = true
	err := run(func(row []any) error { t.gave = true; own = each(row); return own })
	t.busy = false
	if own != nil {
		return own
	}
	return t.note("reading the database", err)
}

// change is a write that gives rows (RETURNING).
func (t *Tx) change(sql string, vs []any, each func(row []any) error) error {
	if err := t.ready(true); err != nil {
		return err
	}
	t.wrote = true
	if err := t.note("writing to the database", t.c.save(t.ctx)); err != nil {
		return err
	}
	return t.query(sql, vs, each)
}

// one reads the first row into pointers; errNone when there is none.
func (t *Tx) one(sql string, vs []any, into ...any) error {
	found := false
	err := t.query(sql, vs, func(row []any) error {
		if found {
			return nil
		}
		found = true
		return scan(row, into...)
	})
	if err == nil && !found {
		return errNone
	}
	return err
}

// errNone is that there is no such row.
var errNone = errors.New("there is no such row")

// IsNone reports whether err says that what was asked for is not there.
func IsNone(err error) bool { return errors.Is(err, errNone) || care.KindOf(err) == care.NotFound }

func notFound(what string) error {
	return &care.Error{Kind: care.NotFound, Text: what + " was not found", Err: errNone}
}

func orNotFound(err error, what string) error {
	if err == errNone {
		return notFound(what)
	}
	return err
}

func conflict(text string) error { return &care.Error{Kind: care.Conflict, Text: text} }

// toJSON writes a document. All documents are of our own types, which marshal.
func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("writing a %T as JSON: %w", v, err)
	}
	return string(b), nil
}

// first is the one row that was asked for; what names it when it is not there.
func first[T any](vs []T, err error, what string) (v T, _ error) {
	switch {
	case err != nil:
		return v, err
	case len(vs) == 0:
		return v, notFound(what)
	}
	return vs[0], nil
}

func fromJSON[T any](doc string) (v T, err error) {
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		return v, fmt.Errorf("reading a stored %T: %w", v, err)
	}
	return v, nil
}

// Doc reads a document that ToDoc wrote.
func Doc[T any](doc []byte) (T, error) { return fromJSON[T](string(doc)) }

// ToDoc writes a caller's own type as a document. A type that JSON cannot hold
// is a programmer's mistake.
func ToDoc(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: a %T cannot be a document: %v", v, err))
	}
	return b
}
