// Package tabular writes one table as CSV, as an Excel workbook or as Parquet: typed
// columns, rows one after another however many there are, and notes that say what the
// table is. What a spreadsheet would compute is made text. It decides nothing about what
// may be in a table, reads no files, and knows no clock.
package tabular

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// Kind is what the values of a column are.
type Kind string

// The kinds, with the Go types that their values have. nil is nothing in each.
const (
	Text    Kind = "text"    // string
	Integer Kind = "integer" // int, int64
	Decimal Kind = "decimal" // float64
	Date    Kind = "date"    // time.Time of which the day counts, or nhs.Date by its Time
	Time    Kind = "time"    // time.Time, in the zone in which it is to be read
	Share   Kind = "share"   // float64 between 0 and 1
)

// Column is one column of a table.
type Column struct {
	Name  string // as machines read it: "hospital"
	Words string // what it says, for whoever reads it first
	Kind  Kind
}

// Note is one line of what a table is: what was asked, as at when, how it is counted.
type Note struct{ Head, Text string }

// Table is what is written. Rows gives one row after another to each, with a value for
// each column, and ends with the error that each gives; a row is only good until then.
type Table struct {
	Name    string // of the file, without an ending
	Title   string
	Columns []Column
	Rows    func(each func(row []any) error) error
	Notes   []Note
	Bare    bool // CSV without notes below it: for programs
}

// Rows gives rows that are already there.
func Rows(rows [][]any) func(each func(row []any) error) error {
	return func(each func([]any) error) error {
		for _, r := range rows {
			if err := each(r); err != nil {
				return err
			}
		}
		return nil
	}
}

// Format is how a table is written.
type Format string

// The formats.
const (
	CSV     Format = "csv"
	XLSX    Format = "xlsx"
	Parquet Format = "parquet"
)

// Formats lists all formats.
var Formats = []Format{CSV, XLSX, Parquet}

// Valid reports whether a format is one of ours.
func (f Format) Valid() bool { return slices.Contains(Formats, f) }

// Type is the media type of a format (RFC 4180).
func (f Format) Type() string {
	switch f {
	case XLSX:
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case Parquet:
		return "application/vnd.apache.parquet"
	}
	return "text/csv; charset=utf-8"
}

// Say names a format for people.
func (f Format) Say() string {
	switch f {
	case XLSX:
		return "Excel"
	case Parquet:
		return "Parquet"
	}
	return "CSV"
}

// Write writes a table.
func (t Table) Write(w io.Writer, f Format) error {
	var err error
	switch f {
	case CSV:
		err = t.csv(w)
	case XLSX:
		err = t.xlsx(w)
	case Parquet:
		err = t.parquet(w)
	default:
		err = fmt.Errorf("there is no format %q", f)
	}
	if err != nil {
		return fmt.Errorf("writing the table %s: %w", t.Name, err)
	}
	return nil
}

// each gives each row with its values as Text: string, Integer: int64, Decimal and
// Share: float64, Date and Time: time.Time; nil where there is none.
func (t Table) each(each func(row []any) error) error {
	out := make([]any, len(t.Columns))
	n := 0
	return t.Rows(func(row []any) error {
		n++
		if len(row) != len(t.Columns) {
			return fmt.Errorf("row %d has %d values for %d columns", n, len(row), len(t.Columns))
		}
		for i, c := range t.Columns {
			v, ok := valueOf(c.Kind, row[i])
			if !ok {
				return fmt.Errorf("row %d, column %s: a value of type %T is no %s", n, c.Name, row[i], c.Kind)
			}
			out[i] = v
		}
		return each(out)
	})
}

// valueOf is a value as its kind has it; ok is false where it is of another type. A
// time that is zero, and a number that is none, are nothing.
func valueOf(k Kind, v any) (any, bool) {
	switch x := v.(type) {
	case nil:
		return nil, true
	case string:
		return x, k == Text
	case int:
		return int64(x), k == Integer
	case int64:
		return x, k == Integer
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, k == Decimal || k == Share
		}
		return x, k == Decimal || k == Share
	case time.Time:
		if x.IsZero() {
			return nil, k == Date || k == Time
		}
		return x, k == Date || k == Time
	}
	return nil, false
}
