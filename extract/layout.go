package extract

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Layout says how a council's files stand for ours: which column is which,
// what its codes mean and how it writes dates. It is data, so that another
// system's reporting extract loads as it is.
type Layout struct {
	Name   string           `toml:"name"`
	Dates  []string         `toml:"dates"`  // forms of dates, tried in turn: YYYY-MM-DD, DD/MM/YYYY ...; none: YYYY-MM-DD
	Empty  []string         `toml:"empty"`  // values that mean nothing was said; none: "-"
	Tables map[Table]Source `toml:"tables"` // the tables that the council has
}

// Source is where the rows of one table come from. With no Columns, the file
// has our own names.
type Source struct {
	File    string                       `toml:"file"`    // name of the file, unless the manifest names the table
	Columns map[string]string            `toml:"columns"` // our column = its column
	Fixed   map[string]string            `toml:"fixed"`   // our column = the same value in every row
	Codes   map[string]map[string]string `toml:"codes"`   // our column: its code = our code
	Only    map[string][]string          `toml:"only"`    // its column: rows with none of these values are left out
	Skip    map[string][]string          `toml:"skip"`    // its column: rows with one of these values are left out
}

//go:embed layouts/*.toml
var builtin embed.FS

// Builtin is a layout that comes with Homeward: "homeward", the documented
// format, or "mosaic", an example for a reporting copy with Mosaic's tables.
func Builtin(name string) (Layout, error) {
	b, err := builtin.ReadFile("layouts/" + name + ".toml")
	if err != nil {
		return Layout{}, fmt.Errorf("layout %q is not one that comes with Homeward: use homeward or mosaic", name)
	}
	return ParseLayout(b)
}

// ParseLayout reads a layout in TOML. The error names the key and its mend.
func ParseLayout(b []byte) (Layout, error) {
	var l Layout
	md, err := toml.Decode(string(b), &l)
	if err != nil {
		return Layout{}, fmt.Errorf("reading the layout: %w", err)
	}
	if u := md.Undecoded(); len(u) > 0 {
		return Layout{}, fmt.Errorf("layout: %s is not a key of a layout. Take it out or check its spelling", u[0])
	}
	return l, l.check()
}

// dateForms are the forms of dates that a layout may name, as Go writes them.
// There is none with two digits for a year, and none that a month first could
// be mistaken for.
var dateForms = map[string]string{
	"YYYY-MM-DD": "2006-01-02", "YYYYMMDD": "20060102",
	"DD/MM/YYYY": "02/01/2006", "DD-MM-YYYY": "02-01-2006", "DD.MM.YYYY": "02.01.2006",
	"DD-MON-YYYY": "02-Jan-2006", "DD MON YYYY": "02 Jan 2006",
}

func (l Layout) check() error {
	for _, d := range l.Dates {
		if dateForms[d] == "" {
			return fmt.Errorf("layout: dates: %q is not a form of dates. Use %s", d,
				strings.Join(slices.Sorted(maps.Keys(dateForms)), ", "))
		}
	}
	if len(l.Tables) == 0 {
		return fmt.Errorf("layout: tables: name at least one table, such as [tables.people]")
	}
	for _, t := range slices.Sorted(maps.Keys(l.Tables)) {
		if columns[t] == nil {
			return fmt.Errorf("layout: tables.%s is not a table. Use %s", t, tableNames())
		}
		if err := l.Tables[t].check(t); err != nil {
			return err
		}
	}
	return nil
}

func (s Source) check(t Table) error {
	ours := slices.Collect(maps.Keys(s.Columns))
	ours = slices.AppendSeq(ours, maps.Keys(s.Fixed))
	ours = slices.AppendSeq(ours, maps.Keys(s.Codes))
	slices.Sort(ours)
	for _, c := range ours {
		if !slices.Contains(columns[t], c) {
			return fmt.Errorf("layout: tables.%s: %s is not a column. Use %s", t, c, strings.Join(columns[t], ", "))
		}
	}
	if s.File == "" {
		return fmt.Errorf("layout: tables.%s: file: name the file that holds the table", t)
	}
	for _, c := range needed[t] {
		name := columns[t][c]
		if len(s.Columns) > 0 && s.Columns[name] == "" && s.Fixed[name] == "" {
			return fmt.Errorf("layout: tables.%s: columns: say which column is %s", t, name)
		}
	}
	return nil
}

// theirs is the council's name for our column, "" when it has none.
func (s Source) theirs(ours string) string {
	if len(s.Columns) == 0 {
		return ours
	}
	return s.Columns[ours]
}

func tableNames() string {
	var names []string
	for _, t := range Tables() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}
