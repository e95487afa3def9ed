package store

import (
	"fmt"
	"slices"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// ImportID numbers imports from 1.
type ImportID int64

// ImportKind is whether a file holds everybody or what changed.
type ImportKind string

// The kinds of import.
const (
	ImportFull    ImportKind = "full"
	ImportChanges ImportKind = "changes"
)

// ImportState is how far an import has come.
type ImportState string

// The states of an import.
const (
	ImportRunning ImportState = "running"
	ImportDone    ImportState = "done"
	ImportStopped ImportState = "stopped" // by a person or a restart; what was done stays
	ImportRefused ImportState = "refused" // nothing of it was taken
)

// Import is one run over a council's files.
type Import struct {
	ID          ImportID
	Council     nhs.ODS
	File        string
	Sum         string // SHA-256 of the file, so that the same file is known again
	Kind        ImportKind
	AsAt        time.Time
	State       ImportState
	Reason      string // why it was stopped or refused, in words
	Started     time.Time
	Ended       time.Time
	Quarantined int
	Counts      map[string]int // such as rows, people, new, changed, ended
}

// Quarantined is a row of a file that was not taken: what is wrong and how to
// mend it. Raw is the row as it came; it holds personal data.
type Quarantined struct {
	Import ImportID
	N      int
	File   string
	Line   int
	Field  string
	Mend   string
	Raw    string
}

// BeginImport records that an import runs, and returns it with its id.
func (t *Tx) BeginImport(i Import) (Import, error) {
	if err := t.ready(true); err != nil {
		return i, err
	}
	t.b.tally.imports++
	i.ID, i.State = ImportID(t.b.tally.imports), ImportRunning
	if i.Started.IsZero() {
		i.Started = t.Now()
	}
	return i, t.SaveImport(i)
}

var importText = upsert("imports", []string{"id"}, "council", "file", "sum", "kind", "as_at", "state", "reason",
	"started", "ended", "quarantined", "counts")

// SaveImport writes how far an import has come.
func (t *Tx) SaveImport(i Import) error {
	counts, err := toJSON(i.Counts)
	if err != nil {
		return err
	}
	return t.exec(importText, i.ID, i.Council, i.File, i.Sum, i.Kind, i.AsAt, i.State, i.Reason, i.Started, i.Ended, i.Quarantined, counts)
}

// Imports is a page of imports, newest first, of one council or of all (""),
// before an id (0: the newest).
func (t *Tx) Imports(council nhs.ODS, before ImportID, limit int) ([]Import, error) {
	w := &where{}
	w.and("id < ?", beforeOr(int64(before)))
	if council != "" {
		w.and("council = ?", council)
	}
	return t.imports(w.b.String()+w.bind(" ORDER BY id DESC LIMIT ?", limit), w.vs...)
}

// Import reads one import.
func (t *Tx) Import(id ImportID) (Import, error) {
	is, err := t.imports("id = $1", id)
	return first(is, err, "The import")
}

// ImportOf finds the newest import of a file by its sum; IsNone(err) when there
// was none.
func (t *Tx) ImportOf(council nhs.ODS, sum string) (Import, error) {
	is, err := t.imports("council = $1 AND sum = $2 ORDER BY id DESC LIMIT 1", council, sum)
	return first(is, err, "The import")
}

func (t *Tx) imports(where string, vs ...any) (is []Import, err error) {
	err = t.query(`SELECT id, council, file, sum, kind, as_at, state, reason, started, ended, quarantined, counts
		FROM imports WHERE `+where, vs, func(row []any) error {
		var i Import
		var counts string
		err := scan(row, &i.ID, &i.Council, &i.File, &i.Sum, &i.Kind, &i.AsAt, &i.State, &i.Reason, &i.Started, &i.Ended,
			&i.Quarantined, &counts)
		if err == nil {
			i.Counts, err = fromJSON[map[string]int](counts)
		}
		is = append(is, i)
		return err
	})
	return is, err
}

// Quarantine keeps rows that were not taken. N must count from 1 within the
// import; a row that is there already is not kept twice.
func (t *Tx) Quarantine(qs ...Quarantined) error {
	rows := make([][]any, len(qs))
	for i, q := range qs {
		rows[i] = []any{q.Import, q.N, q.File, q.Line, q.Field, q.Mend, t.seal(quarantineRaw, q.Raw, q.Import, q.N)}
	}
	return t.insert(`INSERT INTO quarantine (import_id, n, file, line, field, mend, raw)`, rows, `ON CONFLICT (import_id, n) DO NOTHING`)
}

// QuarantinedRows is a page of the rows of an import that were not taken, in
// the order of the file, after the n-th.
func (t *Tx) QuarantinedRows(id ImportID, after, limit int) (qs []Quarantined, err error) {
	err = t.query(`SELECT import_id, n, file, line, field, mend, raw FROM quarantine WHERE import_id = $1 AND n > $2 ORDER BY n LIMIT $3`,
		[]any{id, after, limit}, func(row []any) error {
			var q Quarantined
			err := scan(row, &q.Import, &q.N, &q.File, &q.Line, &q.Field, &q.Mend, &q.Raw)
			if err == nil {
				q.Raw, err = t.openText(quarantineRaw, q.Raw, q.Import, q.N)
			}
			qs = append(qs, q)
			return err
		})
	return qs, err
}

// StagedSeen notes that a full extract holds these people, by their numbers in a
// system of identifiers ("council:" and the council's code).
func (t *Tx) StagedSeen(id ImportID, system string, persons ...string) error {
	var rows [][]any
	for _, p := range persons {
		for _, form := range t.forms(system, text(p)) {
			rows = append(rows, []any{id, form})
		}
	}
	return t.insert(`INSERT INTO staged (import_id, person)`, rows, `ON CONFLICT (import_id, person) DO NOTHING`)
}

// StagedMissing is a page of the people whom we know under a system of
// identifiers and whom the extract does not hold, in an order of their own, after
// one of them.
func (t *Tx) StagedMissing(id ImportID, system, after string, limit int) (ids []care.Identifier, err error) {
	if err := t.fresh(); err != nil {
		return nil, err
	}
	from, err := t.stagedFrom(system, after)
	if err != nil {
		return nil, err
	}
	var values []string
	var cases []care.CaseID
	err = t.query(`SELECT value, min(case_id) FROM keys WHERE kind = $1 AND value > $2
		AND NOT EXISTS (SELECT 1 FROM staged WHERE import_id = $3 AND person = value) GROUP BY value ORDER BY value LIMIT $4`,
		[]any{system, from, id, limit}, func(row []any) error {
			var value string
			var c care.CaseID
			err := scan(row, &value, &c)
			values, cases = append(values, value), append(cases, c)
			return err
		})
	if err != nil {
		return nil, err
	}
	return t.stagedNames(system, values, cases)
}

// stagedFrom is how the last person of a page stands among the keys.
func (t *Tx) stagedFrom(system, after string) (string, error) {
	forms := t.forms(system, text(after))
	for _, form := range forms[1:] { // only while keys are changed
		var n int
		if err := t.one(`SELECT count(*) FROM keys WHERE kind = $1 AND value = $2`, []any{system, form}, &n); err != nil {
			return "", err
		}
		if n > 0 {
			return form, nil
		}
	}
	return forms[0], nil
}

// stagedNames finds the numbers that stand behind values of keys, in the cases
// that have them: a blind index tells no number.
func (t *Tx) stagedNames(system string, values []string, cases []care.CaseID) ([]care.Identifier, error) {
	if err := t.load(cases); err != nil {
		return nil, err
	}
	ids := make([]care.Identifier, 0, len(values))
	for i, value := range values {
		k := slices.IndexFunc(t.b.cache.cases[cases[i]].IDs, func(id care.Identifier) bool {
			return text(id.System) == system && slices.Contains(t.forms(system, text(id.Value)), value)
		})
		if k < 0 {
			return nil, fmt.Errorf("case %s is listed under an identifier that it does not have", cases[i])
		}
		ids = append(ids, care.Identifier{System: system, Value: text(t.b.cache.cases[cases[i]].IDs[k].Value)})
	}
	return ids, nil
}

// StagedCount is how many people of an extract were noted.
func (t *Tx) StagedCount(id ImportID) (n int, err error) {
	err = t.one(`SELECT count(*) FROM staged WHERE import_id = $1`, []any{id}, &n)
	return n / len(t.forms("", "x")), err
}

// StagedClear forgets who was in an extract.
func (t *Tx) StagedClear(id ImportID) error {
	return t.exec(`DELETE FROM staged WHERE import_id = $1`, id)
}

// CouncilState is how fresh what a council told is.
type CouncilState struct {
	Council  nhs.ODS
	AsAt     time.Time // of the newest import
	LastFull time.Time // as-at of the newest full import
	Import   ImportID  // the newest import that was taken
}

var councilText = upsert("councils", []string{"council"}, "as_at", "last_full", "import_id")

// PutCouncilState writes how fresh what a council told is.
func (t *Tx) PutCouncilState(c CouncilState) error {
	return t.exec(councilText, c.Council, c.AsAt, c.LastFull, c.Import)
}

// CouncilStates is how fresh what each council told is.
func (t *Tx) CouncilStates() (cs []CouncilState, err error) {
	err = t.query(`SELECT council, as_at, last_full, import_id FROM councils ORDER BY council`, nil, func(row []any) error {
		var c CouncilState
		err := scan(row, &c.Council, &c.AsAt, &c.LastFull, &c.Import)
		cs = append(cs, c)
		return err
	})
	return cs, err
}

// CouncilState is how fresh what one council told is; all zero when it never
// told anything.
func (t *Tx) CouncilState(council nhs.ODS) (CouncilState, error) {
	cs, err := t.CouncilStates()
	for _, c := range cs {
		if c.Council == council {
			return c, err
		}
	}
	return CouncilState{Council: council}, err
}

var (
	providerText = upsert("providers", []string{"council", "id"}, "doc")
	teamText     = upsert("teams", []string{"council", "id"}, "doc")
)

// PutProviders adds or replaces providers of councils' directories.
func (t *Tx) PutProviders(ps ...care.Provider) error {
	for _, p := range ps {
		doc, err := toJSON(p)
		if err != nil {
			return err
		}
		if err := t.exec(providerText, p.Council, p.ID, doc); err != nil {
			return err
		}
	}
	return nil
}

// DropProvider removes a provider from a council's directory.
func (t *Tx) DropProvider(council nhs.ODS, id string) error {
	return t.exec(`DELETE FROM providers WHERE council = $1 AND id = $2`, council, id)
}

// Provider reads one provider of a council's directory.
func (t *Tx) Provider(council nhs.ODS, id string) (care.Provider, error) {
	return doc[care.Provider](t, "The provider", `SELECT doc FROM providers WHERE council = $1 AND id = $2`, council, id)
}

// Providers is a council's directory of providers.
func (t *Tx) Providers(council nhs.ODS) ([]care.Provider, error) {
	return docs[care.Provider](t, `SELECT doc FROM providers WHERE council = $1 ORDER BY id`, council)
}

// PutTeams adds or replaces teams of councils.
func (t *Tx) PutTeams(ts ...care.Team) error {
	for _, m := range ts {
		doc, err := toJSON(m)
		if err != nil {
			return err
		}
		if err := t.exec(teamText, m.Council, m.ID, doc); err != nil {
			return err
		}
	}
	return nil
}

// Team reads one team of a council.
func (t *Tx) Team(council nhs.ODS, id string) (care.Team, error) {
	return doc[care.Team](t, "The team", `SELECT doc FROM teams WHERE council = $1 AND id = $2`, council, id)
}

// Teams is a council's teams.
func (t *Tx) Teams(council nhs.ODS) ([]care.Team, error) {
	return docs[care.Team](t, `SELECT doc FROM teams WHERE council = $1 ORDER BY id`, council)
}

// docs reads documents from the first column of a query.
func docs[T any](t *Tx, sql string, vs ...any) (ds []T, err error) {
	err = t.query(sql, vs, func(row []any) error {
		var s string
		if err := scan(row, &s); err != nil {
			return err
		}
		d, err := fromJSON[T](s)
		ds = append(ds, d)
		return err
	})
	return ds, err
}

// doc reads one document; what names it in the error when it is not there.
func doc[T any](t *Tx, what, sql string, vs ...any) (d T, err error) {
	ds, err := docs[T](t, sql, vs...)
	return first(ds, err, what)
}
