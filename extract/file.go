package extract

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
)

// file is one file of an extract with the layout applied to its header.
type file struct {
	table Table
	name  string
	rows  int
	sum   string

	header []string
	pos    []int // by our column: its place in the header, -1 when absent
	fixed  []string
	codes  []map[string]string
	only   []filter
	skip   []filter
	dates  []string
	empty  []string
}

// filter names values of one of the file's columns.
type filter struct {
	at     int
	values []string
}

func (f filter) has(v string) bool { return slices.Contains(f.values, v) }

// called is the file's own name of our column.
func (f *file) called(c int) string {
	if f.pos[c] >= 0 {
		return f.header[f.pos[c]]
	}
	return columns[f.table][c]
}

// newFile matches a file of the manifest with its table in the layout.
func newFile(in File, l Layout) (*file, Source, error) {
	t := in.Table
	if t == "" {
		for _, name := range Tables() {
			if s, ok := l.Tables[name]; ok && strings.EqualFold(s.File, in.Name) {
				t = name
			}
		}
	}
	s, ok := l.Tables[t]
	if !ok {
		return nil, Source{}, &Stopped{in.Name, "", "Name the table that this file holds, in the manifest or in the layout"}
	}
	f := &file{table: t, name: in.Name, rows: in.Rows, sum: in.SHA256, empty: l.Empty}
	if f.empty == nil {
		f.empty = []string{"-"}
	}
	for _, d := range l.Dates {
		f.dates = append(f.dates, dateForms[d])
	}
	if f.dates == nil {
		f.dates = []string{dateForms["YYYY-MM-DD"]}
	}
	for _, c := range columns[t] {
		f.fixed = append(f.fixed, s.Fixed[c])
		f.codes = append(f.codes, lowerKeys(s.Codes[c]))
	}
	return f, s, nil
}

func lowerKeys(m map[string]string) map[string]string {
	if m == nil {
		return nil
	}
	low := make(map[string]string, len(m))
	for k, v := range m {
		low[strings.ToLower(k)] = v
	}
	return low
}

// resolve finds the columns in the file's header. notes are the columns that
// are not read.
func (f *file) resolve(header []string, s Source) (notes []string, err error) {
	at := map[string]int{}
	for i, h := range header {
		h = strings.TrimSpace(h)
		f.header = append(f.header, strings.Clone(h))
		low := strings.ToLower(h)
		if _, twice := at[low]; twice {
			at[low] = math.MaxInt
			continue
		}
		at[low] = i
	}
	used := map[int]bool{}
	find := func(name string) (int, error) {
		i, ok := at[strings.ToLower(name)]
		if !ok {
			return -1, nil
		}
		if i == math.MaxInt {
			return -1, &Stopped{f.name, name, "Name this column once. The header has it twice"}
		}
		used[i] = true
		return i, nil
	}
	for c, ours := range columns[f.table] {
		i := -1
		if theirs := s.theirs(ours); theirs != "" {
			if i, err = find(theirs); err != nil {
				return nil, err
			}
		}
		f.pos = append(f.pos, i)
		if i < 0 && f.fixed[c] == "" && slices.Contains(needed[f.table], c) {
			return nil, &Stopped{f.name, cmp.Or(s.theirs(ours), ours),
				"Add this column. The header must have it, and columns are separated by commas"}
		}
	}
	if f.only, err = filters(s.Only, find, f.name); err != nil {
		return nil, err
	}
	if f.skip, err = filters(s.Skip, find, f.name); err != nil {
		return nil, err
	}
	for i, h := range f.header {
		if !used[i] {
			notes = append(notes, fmt.Sprintf("%s: column %q is not read", f.name, h))
		}
	}
	return notes, nil
}

func filters(m map[string][]string, find func(string) (int, error), name string) ([]filter, error) {
	var fs []filter
	for _, column := range slices.Sorted(maps.Keys(m)) {
		i, err := find(column)
		if err != nil {
			return nil, err
		}
		if i < 0 {
			return nil, &Stopped{name, column, "Add this column. The layout chooses rows by it"}
		}
		fs = append(fs, filter{i, m[column]})
	}
	return fs, nil
}

// first opens the file, reads its header and checks its count and checksum as
// it calls each for every row.
func (f *file) first(fsys fs.FS, s Source, from int32, each func(*row)) (notes []string, err error) {
	in, err := fsys.Open(f.name)
	if err != nil {
		return nil, &Stopped{f.name, "", "Put this file in the extract, or take it out of the manifest"}
	}
	defer in.Close()
	hash := sha256.New()
	src := io.Reader(in)
	if f.sum != "" {
		src = io.TeeReader(in, hash)
	}
	sc := newScanner(src)
	head, err := f.head(sc)
	if err != nil {
		return nil, err
	}
	if notes, err = f.resolve(head, s); err != nil {
		return nil, err
	}
	n := f.walk(sc, from, func(w *row) bool { each(w); return true })
	if sc.err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.name, sc.err)
	}
	if n != f.rows {
		return nil, &Stopped{f.name, "rows", fmt.Sprintf("Send the extract again. The manifest says %d rows and the file has %d", f.rows, n)}
	}
	if f.sum != "" && hex.EncodeToString(hash.Sum(nil)) != f.sum {
		return nil, &Stopped{f.name, "sha256", "Send the extract again. The file is not the one that the manifest was written for"}
	}
	return notes, nil
}

func (f *file) head(sc *scanner) ([]string, error) {
	if b, _ := sc.br.Peek(2); string(b) == "\xff\xfe" || string(b) == "\xfe\xff" {
		return nil, &Stopped{f.name, "", "Save the file as UTF-8. It is UTF-16"}
	}
	rec, ok := sc.next()
	if sc.err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.name, sc.err)
	}
	if !ok || rec.cells == nil {
		return nil, &Stopped{f.name, "", "Begin the file with a header row that names the columns"}
	}
	return slices.Clone(rec.cells), nil
}

// walk calls each for every row after the header until it says false, and
// counts the rows. The row is only good during the call.
func (f *file) walk(sc *scanner, from int32, each func(*row) bool) int {
	w := &row{f: f}
	n := 0
	for {
		rec, ok := sc.next()
		if !ok {
			return n
		}
		*w = row{f: f, line: rec.line, n: from + int32(n), cells: rec.cells, fault: rec.fault}
		if w.fault == "" && len(w.cells) != len(f.header) {
			w.fault = fmt.Sprintf("Give the row %d fields, as the header has. It has %d", len(f.header), len(w.cells))
			w.cells = nil
		}
		n++
		if !each(w) {
			return n
		}
	}
}

// again walks a file that first has checked.
func (f *file) again(fsys fs.FS, from int32, each func(*row) bool) (more bool, err error) {
	in, err := fsys.Open(f.name)
	if err != nil {
		return false, fmt.Errorf("opening %s: %w", f.name, err)
	}
	defer in.Close()
	sc := newScanner(in)
	if _, err := f.head(sc); err != nil {
		return false, err
	}
	more = true
	n := f.walk(sc, from, func(w *row) bool { more = each(w); return more })
	if sc.err != nil {
		return false, fmt.Errorf("reading %s: %w", f.name, sc.err)
	}
	if more && n != f.rows {
		return false, fmt.Errorf("reading %s: it changed while it was read", f.name)
	}
	return more, nil
}
