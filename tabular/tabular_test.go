package tabular

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"
)

var london = func() *time.Location {
	z, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err)
	}
	return z
}()

// stays is a table with each kind, nothing in each, and text that would compute.
func stays() Table {
	return Table{Name: "stays", Title: "Stays that ended", Notes: []Note{{"As at", "=1+1"}},
		Columns: []Column{{"ward", "The ward", Text}, {"people", "How many", Integer}, {"mean", "Average days", Decimal}, {"day", "The day", Date}, {"at", "When", Time}, {"share", "Of all", Share}},
		Rows: Rows([][]any{
			{"=SUM(A1)", -3, 2.5, time.Date(2026, 3, 31, 0, 0, 0, 0, london), time.Date(2026, 3, 31, 14, 5, 6, 0, london), 0.25},
			{"Ward 12, \"East\"\r\nand West", int64(1234567), -0.125, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 0, london), 1.0},
			{nil, nil, nil, nil, time.Time{}, nil},
		})}
}

func written(t *testing.T, tab Table, f Format) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tab.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCSV(t *testing.T) {
	want := "ward,people,mean,day,at,share\r\n" +
		"'=SUM(A1),-3,2.5,2026-03-31,2026-03-31T14:05:06+01:00,0.25\r\n" +
		"\"Ward 12, \"\"East\"\"\r\nand West\",1234567,-0.125,2026-01-02,2026-01-02T03:04:05Z,1\r\n" +
		",,,,,\r\n"
	bare := stays()
	bare.Bare = true
	if d := cmp.Diff(want, string(written(t, bare, CSV))); d != "" {
		t.Errorf("for programs: %s", d)
	}
	if d := cmp.Diff(want+"\r\nStays that ended\r\nAs at,'=1+1\r\n", string(written(t, stays(), CSV))); d != "" {
		t.Errorf("with notes: %s", d)
	}
}

func TestXLSX(t *testing.T) {
	f, err := excelize.OpenReader(bytes.NewReader(written(t, stays(), XLSX)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows("Data")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"ward", "people", "mean", "day", "at", "share"},
		{"=SUM(A1)", "-3", "2.5", "2026-03-31", "2026-03-31 14:05:06", "25.0%"},
		{"Ward 12, \"East\"\nand West", "1,234,567", "-0.125", "2026-01-02", "2026-01-02 03:04:05", "100.0%"}}
	for i := range rows {
		for j := range rows[i] {
			rows[i][j] = strings.ReplaceAll(rows[i][j], "\r\n", "\n")
		}
	}
	if len(rows) == 4 && len(rows[3]) == 0 {
		rows = rows[:3] // the row of nothing
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
	if formula, _ := f.GetCellFormula("Data", "A2"); formula != "" {
		t.Errorf("text became the formula %q", formula)
	}
	for cell, want := range map[string]excelize.CellType{"A2": excelize.CellTypeInlineString, "B2": excelize.CellTypeUnset} {
		if kind, _ := f.GetCellType("Data", cell); kind != want {
			t.Errorf("%s is of type %v, want %v", cell, kind, want)
		}
	}
	about, err := f.GetRows("About")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{"Stays that ended"}, {"As at", "=1+1"}}, about[:2]); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"share", "Of all"}, about[len(about)-1]); d != "" {
		t.Error(d)
	}
}

func TestParquet(t *testing.T) {
	b := written(t, stays(), Parquet)
	type row struct {
		Ward   *string  `parquet:"ward,optional"`
		People *int64   `parquet:"people,optional"`
		Mean   *float64 `parquet:"mean,optional"`
		Day    *int32   `parquet:"day,optional,date"`
		At     *int64   `parquet:"at,optional,timestamp(microsecond)"`
		Share  *float64 `parquet:"share,optional"`
	}
	rows, err := parquet.Read[row](bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3 || rows[2] != (row{}) {
		t.Fatalf("%d rows, the last %+v", len(rows), rows[len(rows)-1])
	}
	got := fmt.Sprint(*rows[0].Ward, *rows[0].People, *rows[0].Mean, *rows[0].Day, time.UnixMicro(*rows[0].At).UTC(), *rows[0].Share)
	if want := "=SUM(A1)-3 2.5 20543 2026-03-31 13:05:06 +0000 UTC 0.25"; got != want {
		t.Errorf("read back %q, want %q", got, want)
	}
	file, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]string{{"ward"}, {"people"}, {"mean"}, {"day"}, {"at"}, {"share"}}, file.Schema().Columns()); d != "" {
		t.Error("the order of columns: " + d)
	}
	if v, _ := file.Lookup("column ward"); v != "The ward" {
		t.Errorf("the words of a column are %q", v)
	}
	for _, c := range file.Metadata().RowGroups[0].Columns {
		if c.MetaData.Codec.String() != "ZSTD" {
			t.Errorf("%v is compressed by %s", c.MetaData.PathInSchema, c.MetaData.Codec)
		}
	}
}

// Whatever somebody types, no cell of a CSV file computes, and no text is lost; and no
// cell of a workbook is a formula.
func TestNothingComputes(t *testing.T) {
	chars := []rune("=+-@\t\r\n|% \u00a0\uff1d\uff0b\uff0d\uff20'\",;a1\u00e9<&>")
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.StringOfN(rapid.OneOf(rapid.SampledFrom(chars), rapid.Rune()), 1, 20, -1).Draw(t, "typed")
		var b bytes.Buffer
		if err := Lines(&b, [][]string{{typed, "end"}}); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		cell := rows[0][0]
		if bad := strings.TrimLeft(cell, " \u00a0"); bad != "" && strings.ContainsRune("=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20", []rune(bad)[0]) {
			t.Errorf("the cell %q would be computed", cell)
		}
		if same := strings.TrimPrefix(cell, "'"); lines(same) != lines(strings.TrimPrefix(typed, "'")) && lines(cell) != lines(typed) {
			t.Errorf("%q became %q", typed, cell)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.StringOfN(rapid.SampledFrom(chars), 1, 12, -1).Draw(t, "typed")
		tab := Table{Name: "x", Columns: []Column{{"typed", "", Text}}, Rows: Rows([][]any{{typed}})}
		var b bytes.Buffer
		if err := tab.Write(&b, XLSX); err != nil {
			t.Fatal(err)
		}
		if sheet := part(t, b.Bytes(), "xl/worksheets/sheet1.xml"); strings.Contains(sheet, "<f>") || strings.Contains(sheet, "<f ") || !strings.Contains(sheet, `t="inlineStr"`) {
			t.Errorf("%q is a formula: %s", typed, sheet)
		}
	})
}

// lines has the ends of lines as readers of CSV give them: the writer of ours drops a CR
// that ends no line.
func lines(s string) string { return strings.ReplaceAll(s, "\r", "") }

func part(t *rapid.T, b []byte, name string) string {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is wrong with a table is said, and what a source of rows says is handed on.
func TestWrong(t *testing.T) {
	gone := errors.New("gone")
	for name, tab := range map[string]Table{
		"has 2 values for 1 columns": {Columns: []Column{{"a", "", Text}}, Rows: Rows([][]any{{"x", "y"}})},
		"is no integer":              {Columns: []Column{{"a", "", Integer}}, Rows: Rows([][]any{{"x"}})},
		"gone":                       {Columns: []Column{{"a", "", Text}}, Rows: func(func([]any) error) error { return gone }},
	} {
		for _, f := range Formats {
			if err := tab.Write(io.Discard, f); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v, want %q", f, err, name)
			}
		}
	}
	if err := stays().Write(io.Discard, "pdf"); err == nil {
		t.Error("an unknown format was written")
	}
}

func TestNoFormula(t *testing.T) {
	for in, want := range map[string]string{"": "", "a=b": "a=b", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "|x": "'|x", "  =1": "'  =1", "\u00a0=1": "'\u00a0=1",
		"\uff1d1": "'\uff1d1", "  a": "  a", " ": " ", "é=": "é="} {
		if got := NoFormula(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
