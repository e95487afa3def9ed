package tabular

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// Lines writes lines of text as CSV (RFC 4180): UTF-8, lines that end with CR LF, and
// what a spreadsheet would compute made text. Lines may be of different lengths.
func Lines(w io.Writer, lines [][]string) error {
	c := newLines(w)
	for _, l := range lines {
		if err := c.text(l...); err != nil {
			return err
		}
	}
	return c.end()
}

// lineWriter is the one way in which CSV is written.
type lineWriter struct{ *csv.Writer }

func newLines(w io.Writer) lineWriter {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return lineWriter{c}
}

// text writes a line of what people typed.
func (c lineWriter) text(cells ...string) error {
	out := make([]string, len(cells))
	for i, s := range cells {
		out[i] = NoFormula(s)
	}
	return c.Write(out)
}

func (c lineWriter) end() error {
	c.Flush()
	return c.Error()
}

// NoFormula keeps a spreadsheet from computing what somebody typed, also where
// it drops spaces or takes the wide signs of East Asian keyboards. OWASP CSV
// injection.
func NoFormula(s string) string {
	typed := strings.TrimLeft(s, " \u00a0")
	if strings.IndexAny(typed, "=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20") == 0 {
		return "'" + s
	}
	return s
}

// csv writes a table as CSV: the names of its columns, its rows, and below an empty
// line its notes. Numbers and times are ours, so that a minus is a minus.
func (t Table) csv(w io.Writer) error {
	c := newLines(w)
	cells := make([]string, len(t.Columns))
	for i, col := range t.Columns {
		cells[i] = NoFormula(col.Name)
	}
	if err := c.Write(cells); err != nil {
		return err
	}
	err := t.each(func(row []any) error {
		for i, v := range row {
			cells[i] = plain(t.Columns[i].Kind, v)
		}
		return c.Write(cells)
	})
	if err != nil {
		return err
	}
	if !t.Bare && len(t.Notes) > 0 {
		if err := c.Write([]string{""}); err != nil {
			return err
		}
		if err := c.text(t.Title); err != nil {
			return err
		}
		for _, n := range t.Notes {
			if err := c.text(n.Head, n.Text); err != nil {
				return err
			}
		}
	}
	return c.end()
}

// plain is a value as text: days as 2026-03-31, times with their offset (ISO 8601).
func plain(k Kind, v any) string {
	switch x := v.(type) {
	case string:
		return NoFormula(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case time.Time:
		if k == Date {
			return x.Format(time.DateOnly)
		}
		return x.Format("2006-01-02T15:04:05Z07:00")
	}
	return ""
}
