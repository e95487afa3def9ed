package extract

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"homeward/nhs"
)

// Problem is what is wrong with one row, for the person who can mend it. File,
// Line, Field and Mend hold no personal data; Person and Row do, and are for
// the quarantine only.
type Problem struct {
	File    string
	Line    int    // of the row's first line in File, from 1
	Table   Table  // the table that the file feeds
	Field   string // the file's own name of the column, "" when it is the whole row
	Mend    string
	Warning bool   // the row was loaded all the same, without this field
	Person  string // the council's id of the person, "" when it could not be read
	Row     []Cell // the columns that are read; nil when the row could not be split

	Absent     bool // nothing at all of this person is loaded
	Restricted bool // a row of people that does not say that the record is not restricted
}

// Cell is one value of a row in quarantine under its column's name.
type Cell struct{ Name, Value string }

// String is where the problem is and its mend, without the row.
func (p *Problem) String() string {
	where := fmt.Sprintf("%s, line %d", p.File, p.Line)
	if p.Field != "" {
		where += ", " + p.Field
	}
	return where + ": " + p.Mend
}

// LogValue leaves out the person and the row.
func (p *Problem) LogValue() slog.Value { return slog.StringValue(p.String()) }

// row is one row as the tables' readers see it: by our columns.
type row struct {
	f        *file
	line     int
	n        int32 // ordinal among the table's rows, over all its files
	cells    []string
	fault    string
	warnings []*Problem
}

// get is the value of one of our columns: fixed, or the cell without its
// surrounding spaces, "" for what stands for nothing, and by its code map.
func (w *row) get(c int) string {
	v := w.f.fixed[c]
	if v == "" {
		if w.f.pos[c] < 0 {
			return ""
		}
		v = w.f.tidy(w.cells[w.f.pos[c]])
	}
	if m := w.f.codes[c]; m != nil {
		if our, ok := m[strings.ToLower(v)]; ok {
			return our
		}
	}
	return v
}

// ref is get for what is kept: it does not hold on to the row's memory.
func (w *row) ref(c int) string { return strings.Clone(w.get(c)) }

// person is the council's id of the person whose row this is, "" when the
// table is not about people or the row cannot be read.
func (w *row) person() string {
	c, ok := personColumn[w.f.table]
	if !ok || w.cells == nil {
		return ""
	}
	if id := w.get(c); utf8.ValidString(id) {
		return id
	}
	return ""
}

// problem is that the whole row is quarantined because of column c; c < 0 is
// the row itself.
func (w *row) problem(c int, mend string) *Problem {
	p := &Problem{File: w.f.name, Line: w.line, Table: w.f.table, Mend: mend, Person: strings.Clone(w.person())}
	if c >= 0 {
		p.Field = w.f.called(c)
	}
	p.Row = w.kept()
	p.Restricted = w.f.table == People && w.cells != nil && w.restricts()
	return p
}

// restricts reports whether a row of people says, in words that can be read or
// not, anything but that the record is not restricted.
func (w *row) restricts() bool {
	v := w.get(pRestricted)
	yes, ok := answers[strings.ToLower(v)]
	return v != "" && (yes || !ok)
}

// warn is that the row loads without column c.
func (w *row) warn(c int, mend string) {
	p := w.problem(c, mend)
	p.Warning = true
	w.warnings = append(w.warnings, p)
}

// kept is the row for the quarantine: only the columns that are read, and never
// a number that must not be disclosed. A number of a type that is not known
// may be one of those.
func (w *row) kept() []Cell {
	if w.cells == nil {
		return nil
	}
	phone, kind := -1, -1
	switch w.f.table {
	case People:
		phone, kind = pPhone, pPhoneType
	case Phones:
		phone, kind = nPhone, nType
	}
	var cells []Cell
	for c, at := range w.f.pos {
		if at < 0 {
			continue
		}
		v := strings.ToValidUTF8(strings.Clone(w.cells[at]), "\ufffd")
		if c == phone && v != "" && !w.shows(kind) {
			v = "(not kept)"
		}
		cells = append(cells, Cell{w.f.called(c), v})
	}
	return cells
}

// shows reports whether a number of the type in column c may be shown. In the
// people table a number without a type is one that the council chose to give.
func (w *row) shows(c int) bool {
	rank, known := phoneRank(w.get(c), w.f.table)
	return known && rank != secret
}

// unreadable is why the row cannot be read at all, nil when it can.
func (w *row) unreadable() *Problem {
	if w.fault != "" {
		return w.problem(-1, w.fault)
	}
	for c, at := range w.f.pos {
		if at >= 0 && !utf8.ValidString(w.cells[at]) {
			return w.problem(c, "Save the file as UTF-8. This field has characters in another encoding")
		}
	}
	return nil
}

// leftOut reports whether the layout leaves the row out. A row that cannot be
// split is never left out.
func (w *row) leftOut() bool {
	if w.cells == nil {
		return false
	}
	for _, f := range w.f.only {
		if !f.has(w.f.tidy(w.cells[f.at])) {
			return true
		}
	}
	for _, f := range w.f.skip {
		if f.has(w.f.tidy(w.cells[f.at])) {
			return true
		}
	}
	return false
}

// date reads a date in one of the layout's forms; a time after it is ignored.
// The zero date is "". mend is "" when all is well.
func (w *row) date(c int) (d nhs.Date, mend string) {
	v := w.get(c)
	if v == "" {
		return nhs.Date{}, ""
	}
	for _, form := range w.f.dates {
		day := v
		if len(day) > len(form) && (day[len(form)] == ' ' || day[len(form)] == 'T') {
			day = day[:len(form)]
		}
		if t, err := time.Parse(form, day); err == nil && t.Year() >= 1000 {
			return nhs.DateOf(t), ""
		}
	}
	return nhs.Date{}, "Use a real date, like " + exampleDay.Format(w.f.dates[0])
}

// exampleDay is the day that mends show.
var exampleDay = time.Date(1941, time.March, 14, 0, 0, 0, 0, time.UTC)

// tidy takes away what spreadsheets and screens leave around a value: spaces
// of any kind, control characters, and placeholders for nothing.
func (f *file) tidy(v string) string {
	if !plain(v) {
		v = strings.Join(strings.FieldsFunc(v, func(r rune) bool {
			return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\ufeff' || r == '\u200b'
		}), " ")
	}
	for _, e := range f.empty {
		if v == e {
			return ""
		}
	}
	return v
}

// plain reports whether tidy would leave v as it is.
func plain(v string) bool {
	was := byte(' ')
	for i := range len(v) {
		if v[i] < ' ' || v[i] >= 0x7f || v[i] == ' ' && was == ' ' {
			return false
		}
		was = v[i]
	}
	return v == "" || was != ' '
}
