package store

import (
	"slices"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// CaseThread is a thread and the case that it is of.
type CaseThread struct {
	Case care.CaseID
	care.Thread
}

const threadColumns = `case_id, kind, id, org, owner, state, at, due`

// thread writes what lists ask of a case across cases, where it changed.
func (t *Tx) thread(was, next care.Case) error {
	before, after := care.ThreadsOf(was), care.ThreadsOf(next)
	for _, x := range before {
		if !slices.ContainsFunc(after, func(y care.Thread) bool { return sameThread(x, y) }) {
			err := t.exec(`DELETE FROM threads WHERE case_id = $1 AND kind = $2 AND id = $3 AND org = $4 AND owner = $5`, next.ID, string(x.Kind), x.ID, x.Org, x.Owner)
			if err != nil {
				return err
			}
		}
	}
	for _, y := range after {
		if slices.Contains(before, y) {
			continue
		}
		if err := t.exec(putThread, next.ID, string(y.Kind), y.ID, y.Org, y.Owner, y.State, y.At, y.Due); err != nil {
			return err
		}
	}
	return nil
}

var putThread = upsert("threads", []string{"case_id", "kind", "id", "org", "owner"}, "state", "at", "due")

func sameThread(x, y care.Thread) bool {
	return x.Kind == y.Kind && x.ID == y.ID && x.Org == y.Org && x.Owner == y.Owner
}

// ThreadQuery chooses threads of a kind; empty fields choose all.
type ThreadQuery struct {
	Kind      care.ThreadKind // always
	Case      care.CaseID
	Org       nhs.ODS
	Owners    []string // any of them; nil: any at all
	States    []string
	DueFrom   time.Time // due, and not before
	DueBefore time.Time // due, and before
	Limit     int       // 0 is 1000
}

func (q ThreadQuery) where() *where {
	w := &where{}
	w.and("kind = ?", string(q.Kind))
	if q.Case != "" {
		w.and("case_id = ?", q.Case)
	}
	if q.Org != "" {
		w.and("org = ?", q.Org)
	}
	anyOf(w, "owner", q.Owners)
	anyOf(w, "state", q.States)
	if !q.DueFrom.IsZero() {
		w.and("due >= ?", q.DueFrom)
	}
	if !q.DueBefore.IsZero() {
		w.and("due > 0 AND due < ?", q.DueBefore)
	}
	return w
}

// Threads lists threads: those that are due first, then the oldest.
func (t *Tx) Threads(q ThreadQuery) ([]CaseThread, error) {
	w := q.where()
	return t.threads("WHERE "+w.b.String()+" ORDER BY CASE WHEN due = 0 THEN 1 ELSE 0 END, due, at, case_id, id"+w.bind(" LIMIT ?", limited(q.Limit)), w.vs...)
}

// CountThreads counts threads.
func (t *Tx) CountThreads(q ThreadQuery) (n int, err error) {
	w := q.where()
	err = t.one(`SELECT count(*) FROM threads WHERE `+w.b.String(), w.vs, &n)
	return n, err
}

// Tally is how many threads of an owner are in a state.
type Tally struct {
	Owner, State string
	N            int
}

// TallyThreads counts threads of a kind of an organisation since a time, by owner
// and state.
func (t *Tx) TallyThreads(kind care.ThreadKind, org nhs.ODS, since time.Time) (out []Tally, err error) {
	err = t.query(`SELECT owner, state, count(*) FROM threads WHERE kind = $1 AND org = $2 AND at >= $3 GROUP BY owner, state ORDER BY owner, state`,
		[]any{string(kind), org, since}, func(row []any) error {
			var x Tally
			err := scan(row, &x.Owner, &x.State, &x.N)
			out = append(out, x)
			return err
		})
	return out, err
}

func (t *Tx) threads(where string, vs ...any) (ts []CaseThread, err error) {
	err = t.query(`SELECT `+threadColumns+` FROM threads `+where, vs, func(row []any) error {
		x, err := scanThread(row)
		ts = append(ts, x)
		return err
	})
	return ts, err
}

func scanThread(row []any) (x CaseThread, err error) {
	var kind string
	err = scan(row, &x.Case, &kind, &x.ID, &x.Org, &x.Owner, &x.State, &x.At, &x.Due)
	x.Kind = care.ThreadKind(kind)
	return x, err
}

// threading checks that the threads of a case are what follows from it.
func (v *verifying) threading(c *checked, stored care.Case) {
	want := care.ThreadsOf(stored)
	same := len(c.threads) == len(want)
	for _, x := range c.threads {
		same = same && slices.ContainsFunc(want, func(y care.Thread) bool {
			return sameThread(x, y) && x.State == y.State && x.At.Equal(y.At.Truncate(time.Microsecond)) && x.Due.Equal(y.Due.Truncate(time.Microsecond))
		})
	}
	if !same {
		v.wrong("case %s: its tasks and the like are not on the lists as they are in it", c.id)
	}
}
