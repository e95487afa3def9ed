package measure

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"homeward/nhs"
)

// Version is of how points are made. Raise it when what a source counts changes: then
// every site counts all its history again.
const Version = 3

// Fingerprint says what is counted ahead, and how: where it changes, what was counted
// before must be counted again.
func Fingerprint() string {
	out := fmt.Sprintf("%d %v", Version, blockSteps)
	for _, s := range Sources {
		out += fmt.Sprintf("|%s %t %t", s.ID, s.Span, s.Outside)
		for _, c := range s.Cuts {
			out += " " + CutName(c)
		}
	}
	return out
}

// Row names a row of counts: a cell's, and those of the steps around it.
type Row struct {
	Source, Cut string
	Values      [2]string
	Every       Every
	Block       int
}

// First is the first day of the first step that a row has room for.
func (r Row) First() nhs.Date { return r.Every.at(r.Block * blockSteps[r.Every]) }

// Row is the row that a cell stands in.
func (c Cell) Row() Row {
	return Row{Source: c.Source, Cut: c.Cut, Values: c.Values, Every: c.Every, Block: c.Every.Block(c.Start)}
}

// Rows are the cells by the rows that they stand in.
func (t Tally) Rows() map[Row]map[nhs.Date]*Hist {
	out := map[Row]map[nhs.Date]*Hist{}
	for c, h := range t {
		if h.Empty() {
			continue
		}
		r := c.Row()
		if out[r] == nil {
			out[r] = map[nhs.Date]*Hist{}
		}
		out[r][c.Start] = h
	}
	return out
}

// AppendRow writes the counts of a row in the one form that they have; nil where
// nothing is counted.
func AppendRow(e Every, steps map[nhs.Date]*Hist) []byte {
	var b []byte
	for _, start := range slices.SortedFunc(maps.Keys(steps), func(a, b nhs.Date) int { return dayNumber(a) - dayNumber(b) }) {
		if steps[start].Empty() {
			continue
		}
		body := steps[start].Bytes()
		b = binary.AppendVarint(b, int64(e.index(start)))
		b = binary.AppendUvarint(b, uint64(len(body)))
		b = append(b, body...)
	}
	return b
}

// MergeRow adds what changed to a row that AppendRow wrote; nil where nothing is counted any
// more. What did not change is not read.
func MergeRow(e Every, row []byte, changed map[nhs.Date]*Hist) ([]byte, error) {
	out, left := make([]byte, 0, len(row)+256), maps.Clone(changed)
	put := func(start nhs.Date, body []byte) {
		out = binary.AppendVarint(out, int64(e.index(start)))
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	before := func(i int) {
		for _, start := range slices.SortedFunc(maps.Keys(left), func(a, b nhs.Date) int { return dayNumber(a) - dayNumber(b) }) {
			if e.index(start) >= i {
				return
			}
			if !left[start].Empty() {
				put(start, left[start].Bytes())
			}
			delete(left, start)
		}
	}
	err := EachStep(e, row, func(start nhs.Date, body []byte) error {
		if len(left) > 0 {
			before(e.index(start))
		}
		h := left[start]
		if h == nil {
			put(start, body)
			return nil
		}
		delete(left, start)
		h = &Hist{Values: maps.Clone(h.Values), Assumed: maps.Clone(h.Assumed), Out: maps.Clone(h.Out)}
		if err := h.MergeBytes(body); err != nil {
			return err
		}
		if !h.Empty() {
			put(start, h.Bytes())
		}
		return nil
	})
	before(1 << 31)
	if len(out) == 0 {
		return nil, err
	}
	return out, err
}

// EachStep gives the counts of a row that AppendRow wrote, by the first days of its
// steps; body is as Hist writes it.
func EachStep(e Every, row []byte, each func(start nhs.Date, body []byte) error) error {
	for len(row) > 0 {
		i, n := binary.Varint(row)
		if n <= 0 {
			return errHist
		}
		size, k := binary.Uvarint(row[n:])
		if k <= 0 || size > uint64(len(row)-n-k) {
			return errHist
		}
		row = row[n+k:]
		if err := each(e.at(int(i)), row[:size]); err != nil {
			return err
		}
		row = row[size:]
	}
	return nil
}
