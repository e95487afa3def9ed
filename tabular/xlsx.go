package tabular

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/xuri/excelize/v2"
)

const (
	sheetRows = 1<<20 - 1 // rows that a sheet holds beside its heads (ECMA-376)
	dataSheet = "Data"
	noteSheet = "About"
)

var errSheetFull = errors.New("a spreadsheet holds at most 1,048,575 rows: ask for fewer days, or for CSV or Parquet")

// xlsx writes a table as a workbook (ECMA-376, Office Open XML): a sheet with the data
// and one that says what they are. Text is written as text: nothing in it is a formula.
// Rows beyond some megabytes wait in a temporary file and not in memory.
func (t Table) xlsx(w io.Writer) error {
	f := excelize.NewFile()
	defer f.Close()
	if err := f.SetSheetName("Sheet1", dataSheet); err != nil {
		return err
	}
	if err := t.sheet(f); err != nil {
		return err
	}
	if err := t.about(f); err != nil {
		return err
	}
	return f.Write(w)
}

// styles are how the cells of each column look, and the heads.
func (t Table) styles(f *excelize.File) (cells []int, head int, err error) {
	by := map[Kind]int{}
	for _, c := range t.Columns {
		if _, did := by[c.Kind]; !did {
			format := numberFormat(c.Kind)
			if by[c.Kind], err = f.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
				return nil, 0, err
			}
		}
		cells = append(cells, by[c.Kind])
	}
	head, err = f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	return cells, head, err
}

// numberFormat is how a kind is shown. Text stays text when somebody edits it.
func numberFormat(k Kind) string {
	switch k {
	case Integer:
		return "#,##0"
	case Decimal:
		return "0.0##"
	case Date:
		return "yyyy-mm-dd"
	case Time:
		return "yyyy-mm-dd hh:mm:ss"
	case Share:
		return "0.0%"
	}
	return "@"
}

func (t Table) sheet(f *excelize.File) error {
	styles, head, err := t.styles(f)
	if err != nil {
		return err
	}
	s, err := f.NewStreamWriter(dataSheet)
	if err != nil {
		return err
	}
	if len(t.Columns) > 0 {
		if err := s.SetColWidth(1, len(t.Columns), 18); err != nil {
			return err
		}
	}
	if err := s.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	cells := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		cells[i] = excelize.Cell{StyleID: head, Value: c.Name}
	}
	if err := s.SetRow("A1", cells); err != nil {
		return err
	}
	n := 0
	err = t.each(func(row []any) error {
		if n++; n > sheetRows {
			return errSheetFull
		}
		for i, v := range row {
			cells[i] = excelize.Cell{StyleID: styles[i], Value: cellOf(t.Columns[i].Kind, v)}
		}
		return s.SetRow(fmt.Sprintf("A%d", n+1), cells)
	})
	if err != nil {
		return err
	}
	return s.Flush()
}

// cellOf is a value as a cell. Excel counts days from 1900: what is before is text.
func cellOf(k Kind, v any) any {
	x, ok := v.(time.Time)
	switch {
	case !ok:
		return v
	case x.Year() <= 1900:
		return plain(k, v)
	case k == Date:
		return time.Date(x.Year(), x.Month(), x.Day(), 0, 0, 0, 0, time.UTC)
	}
	return x
}

func (t Table) about(f *excelize.File) error {
	if _, err := f.NewSheet(noteSheet); err != nil {
		return err
	}
	head, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	s, err := f.NewStreamWriter(noteSheet)
	if err != nil {
		return err
	}
	if err := s.SetColWidth(1, 2, 40); err != nil {
		return err
	}
	rows := [][]any{{excelize.Cell{StyleID: head, Value: t.Title}}}
	for _, n := range t.Notes {
		rows = append(rows, []any{n.Head, n.Text})
	}
	rows = append(rows, nil, []any{excelize.Cell{StyleID: head, Value: "Column"}, excelize.Cell{StyleID: head, Value: "What it says"}})
	for _, c := range t.Columns {
		rows = append(rows, []any{c.Name, c.Words})
	}
	for i, r := range rows {
		if err := s.SetRow(fmt.Sprintf("A%d", i+1), r); err != nil {
			return err
		}
	}
	return s.Flush()
}
