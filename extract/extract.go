// Package extract reads what a council's system exports about its adults and
// their care: UTF-8 CSV files in a folder with a manifest, in the documented
// format (docs/extract.md) or in any other that a Layout describes. Rows that
// cannot be believed come out as Problems for the quarantine, never as data.
//
// The package does not store, compare with what is known, decide what ends, or
// watch folders: it is given a file system and yields people one at a time. It
// uses no clock, so it cannot say that an extract is old.
//
// Memory: the people stream; what must be joined to them is held in a compact
// index, at most 400 bytes for each package and 200 for each person.
package extract

import (
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"math"

	"homeward/care"
)

// Reader is an extract that was found complete and as its manifest says. It is
// for one goroutine; its iterators may be run again, one at a time.
type Reader struct {
	fsys     fs.FS
	manifest Manifest
	from     care.Source
	files    []*file
	ix       index
	counts   map[Table]*Counts
	notes    []string
	err      error
}

// Counts says what became of a table's rows. Once the iterator that reads the
// table has run to its end, Rows = Good + Quarantined + Skipped.
type Counts struct {
	Rows        int // records in the files
	Good        int // loaded
	Quarantined int // not loaded: a Problem says why
	Skipped     int // left out on purpose: by the layout, or because the person is a child
	Warnings    int // Problems of rows that were loaded without a field
}

// Entry is one person of the extract.
type Entry struct {
	PersonID string // the council's id

	// Child is that the person was under 18 at the extract's time, or when they
	// died. The observation then holds nothing but the council's id: adults only.
	Child bool

	// Partial is that a row about this person's packages or equipment is in
	// quarantine, or one that may be theirs: what the holding does not name may
	// still exist and must not be ended.
	Partial bool

	// Unread lists the parts of the holding of which a row of this person's could
	// not be read. Safeguarding is not among them when another row says yes.
	Unread []care.Part

	// Observation has Holds set, except for a child.
	Observation care.Observation
}

// LogValue counts what is held and says nothing of who.
func (e Entry) LogValue() slog.Value {
	n := 0
	if h := e.Observation.Holds; h != nil {
		n = len(h.Packages)
	}
	return slog.GroupValue(slog.Bool("child", e.Child), slog.Bool("partial", e.Partial), slog.Int("packages", n))
}

// Open reads every file of the extract once: it checks the manifest, the row
// counts and the checksums, and indexes what must be joined to people. from is
// the feed as configured; its Org is the council whose extract this must be,
// and "" takes the manifest's. The error is ErrIncomplete, a *Stopped, or that
// a file could not be read; nothing may be applied then.
func Open(fsys fs.FS, layout Layout, from care.Source) (*Reader, error) {
	m, err := ReadManifest(fsys)
	if err != nil {
		return nil, err
	}
	if from.Org == "" {
		from.Org = m.Council
	}
	if from.Org != m.Council {
		return nil, &Stopped{ManifestName, "council", "Check which council sent this. The feed is another council's"}
	}
	r := &Reader{fsys: fsys, manifest: m, from: from, ix: newIndex(), counts: map[Table]*Counts{}}
	sources := map[*file]Source{}
	for _, in := range m.Files {
		f, s, err := newFile(in, layout)
		if err != nil {
			return nil, err
		}
		sources[f] = s
		r.files = append(r.files, f)
	}
	if err := r.enough(); err != nil {
		return nil, err
	}
	for _, t := range Tables() {
		if err := r.first(t, sources); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// enough refuses an extract that would end things by not speaking of them.
func (r *Reader) enough() error {
	total := 0
	for _, f := range r.files {
		total += f.rows
		if !r.manifest.shares(f.table) {
			return &Stopped{ManifestName, "not_shared", fmt.Sprintf("Take out %s, or its file: the extract has one", f.table)}
		}
	}
	switch {
	case total > math.MaxInt32:
		return &Stopped{ManifestName, "rows", "Send fewer than 2,147,483,648 rows"}
	case r.manifest.Kind == Full && !r.has(People):
		return &Stopped{ManifestName, "files", "Add people. A full extract without them would end everything"}
	case r.has(People) && !r.has(Packages) && r.manifest.shares(Packages):
		return &Stopped{ManifestName, "files", `Add packages, or say not_shared = ["packages"]. People without them would seem to have none`}
	}
	return nil
}

// has reports whether the extract has a file of the table.
func (r *Reader) has(t Table) bool {
	for _, f := range r.files {
		if f.table == t {
			return true
		}
	}
	return false
}

// first reads a table for the first time, into the index.
func (r *Reader) first(t Table, sources map[*file]Source) error {
	var n int32
	for _, f := range r.files {
		if f.table != t {
			continue
		}
		notes, err := f.first(r.fsys, sources[f], n, r.indexer(t))
		if err != nil {
			return err
		}
		r.notes = append(r.notes, notes...)
		n += int32(f.rows)
	}
	r.counts[t] = &Counts{Rows: int(n)}
	if t == People {
		r.ix.findShared()
	}
	return nil
}

// Manifest is the extract's manifest.
func (r *Reader) Manifest() Manifest { return r.manifest }

// Notes are remarks for the council's analyst, such as columns that are not
// read. They hold no personal data.
func (r *Reader) Notes() []string { return r.notes }

// Err is why an iterator ended before its table did, nil when it did not. Ask
// it after every iterator, before anything is committed.
func (r *Reader) Err() error { return r.err }

// Counts says what became of a table's rows, as far as its iterator has run.
func (r *Reader) Counts(t Table) Counts { return *r.counts[t] }

// Providers yields the council's care providers. Each step is either a
// provider or a problem; a problem that is a warning comes before its provider.
func (r *Reader) Providers() iter.Seq2[care.Provider, *Problem] {
	return rowsOf(r, Providers, r.provider)
}

// Teams yields the council's teams, as Providers does.
func (r *Reader) Teams() iter.Seq2[care.Team, *Problem] { return rowsOf(r, Teams, r.team) }

// People yields the people with what the council holds about each, in the
// order of their file. Each step is either an entry or a problem; a problem
// that is a warning comes before its entry.
func (r *Reader) People() iter.Seq2[Entry, *Problem] { return rowsOf(r, People, r.entry) }

// Problems yields what is wrong in the tables that are joined to people:
// packages, equipment, safeguarding, addresses and phones.
func (r *Reader) Problems() iter.Seq[*Problem] {
	return func(yield func(*Problem) bool) {
		for _, t := range []Table{Packages, Equipment, Safeguarding, Addresses, Phones} {
			for _, p := range rowsOf(r, t, r.joined(t)) {
				if p != nil && !yield(p) {
					return
				}
			}
		}
	}
}

// verdict is what reading a row came to.
type verdict int

const (
	good verdict = iota
	bad          // with a Problem
	skipped
)

// rowsOf walks a table again with a reader of its rows and counts what comes.
func rowsOf[T any](r *Reader, t Table, read func(*row) (T, verdict, *Problem)) iter.Seq2[T, *Problem] {
	return func(yield func(T, *Problem) bool) {
		var none T
		*r.counts[t] = Counts{Rows: r.counts[t].Rows}
		c := r.counts[t]
		each := func(w *row) bool {
			v, what, p := read(w)
			switch what {
			case skipped:
				c.Skipped++
				return true
			case bad:
				c.Quarantined++
				p.Absent = p.Person != "" && r.absent(p.Person)
				return yield(none, p)
			}
			for _, p := range w.warnings {
				c.Warnings++
				if !yield(none, p) {
					return false
				}
			}
			c.Good++
			return yield(v, nil)
		}
		var n int32
		for _, f := range r.files {
			if f.table != t {
				continue
			}
			more, err := f.again(r.fsys, n, each)
			if err != nil {
				r.err = err
			}
			if err != nil || !more {
				return
			}
			n += int32(f.rows)
		}
	}
}
