package collect

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"homeward/extract"
	"homeward/mapping"
)

// files are the CSV files of an extract that is being made, one for each ask and
// table: asks may give different columns of the same table.
type files struct {
	dir   string
	list  []*csvFile
	by    map[string]*csvFile
	keys  map[string][16]byte // rows by table and key, to tell the same row again
	rows  int
	again int
}

type csvFile struct {
	name    string
	table   extract.Table
	columns []string
	key     int // the column that names a row; -1 none
	f       *os.File
	w       *csv.Writer
	sum     hash.Hash
	rows    int
}

func newFiles(dir string) *files {
	return &files{dir: dir, by: map[string]*csvFile{}, keys: map[string][16]byte{}}
}

// keyOf is the column that names a row of a table.
var keyOf = map[extract.Table]string{extract.People: "person_id", extract.Packages: "package_id", extract.Providers: "provider_id",
	extract.Teams: "team_id", extract.Equipment: "delivery_id"}

// needed are columns whose emptiness keeps a row out of what is loaded. In all
// others what could not be read is written as "?", which cannot be believed
// either, and which, unlike nothing, is not taken for an answer.
var needed = []string{"person_id", "package_id", "delivery_id", "team_id", "family", "born", "name", "status"}

// begin makes the files of an ask, with their header.
func (fs *files) begin(a *Ask) error {
	for _, name := range a.rows.Tables() {
		t := extract.Table(name)
		file := strings.ToLower(a.Name) + "-" + name + ".csv"
		f, err := os.OpenFile(filepath.Join(fs.dir, file), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("making %s: %w", file, err)
		}
		sum := sha256.New()
		c := &csvFile{name: file, table: t, columns: a.rows.Sub(name).Fields(), f: f, sum: sum, w: csv.NewWriter(io.MultiWriter(f, sum))}
		c.key = slices.Index(c.columns, keyOf[t])
		fs.list, fs.by[a.Name+" "+name] = append(fs.list, c), c
		if err := c.w.Write(c.columns); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
	}
	return nil
}

// write adds rows to a table's file. A row that came before, all the same, is not
// written again: things move between pages while they are read.
func (fs *files) write(a *Ask, t extract.Table, rows []mapping.Row) error {
	c := fs.by[a.Name+" "+string(t)]
	for _, r := range rows {
		cells := make([]string, len(c.columns))
		for i, name := range c.columns {
			cells[i] = cell(t, name, r)
		}
		if c.key >= 0 && cells[c.key] != "" {
			key := string(t) + "\x00" + cells[c.key]
			all := sha256.Sum256([]byte(strings.Join(cells, "\x00")))
			sum := [16]byte(all[:16])
			if was, before := fs.keys[key]; before && was == sum {
				fs.again++
				continue
			}
			fs.keys[key] = sum
		}
		if err := c.w.Write(cells); err != nil {
			return fmt.Errorf("writing %s: %w", c.name, err)
		}
		c.rows++
		fs.rows++
	}
	return nil
}

func cell(t extract.Table, name string, r mapping.Row) string {
	switch {
	case !r.Unread(name):
		return strings.ReplaceAll(r.Text(name), "\x00", "")
	case slices.Contains(needed, name), name == keyOf[t]:
		return ""
	}
	return "?"
}

// finish writes the files out, and the manifest last.
func (fs *files) finish(m extract.Manifest) error {
	var b strings.Builder
	fmt.Fprintf(&b, "format  = 1\ncouncil = %q\nas_at   = %s\nkind    = %q\n", m.Council, m.AsAt.UTC().Format(time.RFC3339), m.Kind)
	if len(m.NotShared) > 0 {
		fmt.Fprintf(&b, "not_shared = [%s]\n", quoted(m.NotShared))
	}
	for _, c := range fs.list {
		c.w.Flush()
		if err := c.w.Error(); err != nil {
			return fmt.Errorf("writing %s: %w", c.name, err)
		}
		fmt.Fprintf(&b, "\n[[files]]\nname   = %q\ntable  = %q\nrows   = %d\nsha256 = %q\n", c.name, c.table, c.rows, hex.EncodeToString(c.sum.Sum(nil)))
	}
	if err := os.WriteFile(filepath.Join(fs.dir, extract.ManifestName), []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return nil
}

func quoted(ts []extract.Table) string {
	var out []string
	for _, t := range ts {
		out = append(out, fmt.Sprintf("%q", t))
	}
	return strings.Join(out, ", ")
}

// close closes all files; what was written is asked for by finish and by put.
func (fs *files) close() {
	for _, c := range fs.list {
		c.f.Close()
	}
}

// notes counts what is said more than once.
type notes struct {
	order []string
	count map[string]int
}

func (n *notes) add(s string) {
	if n.count == nil {
		n.count = map[string]int{}
	}
	if n.count[s] == 0 {
		n.order = append(n.order, s)
	}
	n.count[s]++
}

func (n *notes) problem(p mapping.Problem) {
	p.Row = 0
	n.add(p.Error())
}

// list is the notes, each once, with how often; at most 20.
func (n *notes) list() (out []string) {
	for _, s := range n.order[:min(len(n.order), 20)] {
		if n.count[s] > 1 {
			s += fmt.Sprintf(" (%d times)", n.count[s])
		}
		out = append(out, s)
	}
	return out
}
