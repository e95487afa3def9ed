// Package mapping turns one JSON-like value into rows by a table that a person
// can read: each field is a CEL expression, with code lists, defaults and what is
// required. A table is data: the same input always gives the same rows. It reads
// no files, knows no clock and no case, fetches nothing, and decides nothing; what
// it cannot make of an input it says by field, row and mend, never by value.
package mapping

import (
	"fmt"
	"slices"
	"time"
)

// Table makes rows of one kind, and has the tables named below it. It does not
// change once it is parsed, and many may use it at once.
type Table struct {
	Name  string
	Title string // for people
	About string // what it reads and what it makes, for people

	label  string  // in problems: "" the main table
	steps  []*expr // each: lists within lists; none: the input is the one row
	where  *expr   // nil: every row
	fields []field
	names  []string
	codes  map[string]map[string]string
	sub    []*Table
}

// field is one target field.
type field struct {
	name     string
	is       *expr
	codes    string // name of a code list; "" none
	fallback string // the default; "" none
	required bool
}

// Problem is one thing that is wrong, of a table or of what came. It names the
// field and the mend and holds nothing of the input.
type Problem struct {
	Table string // "" the main table
	Field string // "" the table as a whole
	Row   int    // from 1; 0: of no row
	Mend  string
}

// Error says all of it in a line.
func (p Problem) Error() string {
	s := ""
	if p.Table != "" {
		s = "[tables." + p.Table + "] "
	}
	if p.Field != "" {
		s += p.Field + ": "
	}
	if p.Row > 0 {
		s += fmt.Sprintf("row %d: ", p.Row)
	}
	return s + p.Mend
}

// maxRows bounds what one Apply makes.
const maxRows = 1_000_000

// Tables names the tables below, in the order of the file.
func (t *Table) Tables() []string {
	var out []string
	for _, s := range t.sub {
		out = append(out, s.Name)
	}
	return out
}

// Sub is a table below, nil when there is none of that name.
func (t *Table) Sub(name string) *Table {
	for _, s := range t.sub {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Fields names the target fields, in the order of the file.
func (t *Table) Fields() []string { return slices.Clone(t.names) }

// Shown is one line of a table for people who look at it.
type Shown struct {
	Field, Is, Codes, Default string
	Required                  bool
}

// Show gives the lines of a table as they were written, with what it goes over
// and which rows it takes.
func (t *Table) Show() (each []string, where string, lines []Shown) {
	for _, s := range t.steps {
		each = append(each, s.source)
	}
	if t.where != nil {
		where = t.where.source
	}
	for _, f := range t.fields {
		lines = append(lines, Shown{f.name, f.is.source, f.codes, f.fallback, f.required})
	}
	return each, where, lines
}

// Apply makes the rows of this table, without those below. A row with a problem is
// still given, without the field that has it: whoever takes it must look at the
// problems before believing what is not there. It never panics.
func (t *Table) Apply(input any) ([]Row, []Problem) { return t.ApplyAt(input, time.Time{}) }

// ApplyAt is Apply for expressions that use the variable at.
func (t *Table) ApplyAt(input any, at time.Time) ([]Row, []Problem) {
	a := &applying{t: t, vars: vars{input: input, item: input, at: at}}
	if len(t.fields) == 0 {
		return nil, nil
	}
	a.walk(0, input)
	return a.rows, a.problems
}

// applying is one use of a table.
type applying struct {
	t        *Table
	vars     vars
	rows     []Row
	problems []Problem
	full     bool // maxRows was reached
}

func (a *applying) problem(field string, row int, mend string) {
	a.problems = append(a.problems, Problem{a.t.label, field, row, mend})
}

// walk goes over the lists of each, the outermost first.
func (a *applying) walk(step int, up any) {
	if step == len(a.t.steps) {
		a.row()
		return
	}
	v, no := a.t.steps[step].eval(&a.vars)
	items, isList := v.([]any)
	switch {
	case no == "" && v == nil && step > 0: // nothing, said outright
		return
	case no != "":
		a.problem("each", len(a.rows), no)
		return
	case v == absent{} || v == nil:
		a.problem("each", len(a.rows), "The input has no list here. Check the address, and that the answer is what the table was made for")
		return
	case !isList:
		a.problem("each", len(a.rows), "This is not a list in the input. Where one thing comes without a list, write [item.x]")
		return
	}
	outer := a.vars
	for _, it := range items {
		if a.full {
			return
		}
		a.vars.up, a.vars.item = up, it
		if step == 0 {
			a.vars.up = nil
		}
		a.walk(step+1, it)
	}
	a.vars = vars{outer.input, outer.item, outer.up, a.vars.n, outer.at}
}

// row makes one row of the present item.
func (a *applying) row() {
	a.vars.n++
	n := a.vars.n
	if n > maxRows {
		a.full = true
		a.problem("", n, fmt.Sprintf("There are more than %d rows. Send fewer at a time", maxRows))
		return
	}
	if w := a.t.where; w != nil {
		v, no := w.eval(&a.vars)
		yes, isBool := v.(bool)
		switch {
		case no != "":
			a.problem("where", n, no)
		case !isBool:
			a.problem("where", n, "This must be true or false")
		case !yes:
			a.vars.n-- // rows are counted as they are given
			return
		}
	}
	r := Row{names: a.t.names, values: make([]any, len(a.t.fields))}
	for i := range a.t.fields {
		f := &a.t.fields[i]
		v, no := a.value(f)
		if no != "" {
			a.problem(f.name, n, no)
			if r.unread == nil {
				r.unread = make([]bool, len(a.t.fields))
			}
			r.unread[i] = true
			continue
		}
		r.values[i] = v
	}
	a.rows = append(a.rows, r)
}

// value is what a field comes to: nil when there is nothing, or what to mend.
func (a *applying) value(f *field) (any, string) {
	v, no := f.is.eval(&a.vars)
	if no != "" {
		return nil, no
	}
	if f.codes != "" {
		if v, no = a.t.coded(f.codes, v); no != "" {
			return nil, no
		}
	}
	if nothing(v) {
		v = nil
		if f.fallback != "" {
			v = f.fallback
		}
	}
	if v == nil && f.required {
		return nil, "This is required, and the input has nothing for it"
	}
	return v, ""
}

// coded looks a value up in a code list: "*" in it stands for what is not listed,
// and "*" = "*" takes that as it is.
func (t *Table) coded(list string, v any) (any, string) {
	codes := t.codes[list]
	if v == (absent{}) {
		v = nil
	}
	if to, ok := codes[text(v)]; ok {
		return to, ""
	}
	if nothing(v) {
		return nil, ""
	}
	switch to, ok := codes["*"]; {
	case !ok:
		return nil, "The code is not in [codes." + list + "]. Add it there, or add \"*\" for all others"
	case to == "*":
		return v, ""
	default:
		return to, ""
	}
}

func nothing(v any) bool { return v == nil || v == absent{} || v == "" }
