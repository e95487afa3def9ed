package extract

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"homeward/nhs"
)

// table is a CSV file before it is written.
type table struct {
	header []string
	rows   [][]string
}

// shuffled writes a table with its columns and rows in another order.
func (tb table) shuffled(r *rand.Rand, eol string) []byte {
	columns := r.Perm(len(tb.header))
	rows := [][]string{tb.header}
	for _, i := range r.Perm(len(tb.rows)) {
		rows = append(rows, tb.rows[i])
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = eol == "\r\n"
	for _, row := range rows {
		var out []string
		for _, c := range columns {
			out = append(out, row[c])
		}
		_ = w.Write(out)
	}
	w.Flush()
	return b.Bytes()
}

func header(t Table) []string { return slices.Clone(columns[t]) }

// drawExtract invents people and what is joined to them.
func drawExtract(t *rapid.T) map[Table]table {
	names := rapid.SampledFrom([]string{"Holloway", "O'Farrell", "Wiśniewska", `Ann "Nan"`, "ap Rhys, the elder", "Two\nLines"})
	day := func(label string) string {
		return nhs.Date{Year: rapid.IntRange(1920, 2025).Draw(t, label), Month: 5, Day: rapid.IntRange(1, 28).Draw(t, label)}.String()
	}
	tables := map[Table]table{}
	for _, name := range []Table{People, Packages, Safeguarding, Equipment, Addresses, Phones} {
		tables[name] = table{header: header(name)}
	}
	add := func(name Table, row ...string) {
		tb := tables[name]
		tb.rows = append(tb.rows, row)
		tables[name] = tb
	}
	ref := 0
	for i := range rapid.IntRange(1, 12).Draw(t, "people") {
		id := fmt.Sprint(100 + i)
		add(People, id, nhs.Test(i*20).Digits(), "Ms", names.Draw(t, "given"), names.Draw(t, "family"), "", day("born"), "female",
			"", "", "", "", "", "", "", "", "", rapid.SampledFrom([]string{"yes", "no", ""}).Draw(t, "restricted"), "", "", "")
		for range rapid.IntRange(0, 3).Draw(t, "rows") {
			ref++
			add(Packages, fmt.Sprintf("P%d", ref), id, "HS", names.Draw(t, "title"), "active", day("start"), "", "V1", "")
			add(Equipment, fmt.Sprintf("D%d", ref), id, "Bed", "delivered", day("delivered"))
			add(Addresses, id, fmt.Sprint(ref)+" Row", "", "", "", "ZZ99 3AA", "", "2020-01-01")
			add(Phones, id, fmt.Sprintf("01632 960%03d", ref), rapid.SampledFrom([]string{"home", "mobile", "ex-directory", "fax"}).Draw(t, "type"))
			add(Safeguarding, id, rapid.SampledFrom([]string{"yes", "no", "eh"}).Draw(t, "open"), "", "")
		}
	}
	return tables
}

func writeOut(tables map[Table]table, r *rand.Rand, eol string) fstest.MapFS {
	m := fstest.MapFS{}
	var man strings.Builder
	man.WriteString("format = 1\ncouncil = \"511\"\nas_at = 2026-03-01T02:00:00Z\nkind = \"full\"\n")
	for name, tb := range tables {
		m[string(name)+".csv"] = &fstest.MapFile{Data: tb.shuffled(r, eol)}
		fmt.Fprintf(&man, "[[files]]\nname = \"%s.csv\"\nrows = %d\n", name, len(tb.rows))
	}
	m[ManifestName] = &fstest.MapFile{Data: []byte(man.String())}
	return m
}

func TestOrderOfColumnsAndRowsSaysNothing(t *testing.T) {
	layout, err := Builtin("homeward")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		tables := drawExtract(rt)
		var was []Entry
		for round := range 3 {
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
			rd, err := Open(writeOut(tables, r, []string{"\n", "\r\n"}[round%2]), layout, feed)
			if err != nil {
				rt.Fatal(err)
			}
			l := drain(t, rd)
			slices.SortFunc(l.People, func(a, b Entry) int { return strings.Compare(a.PersonID, b.PersonID) })
			if len(l.People) != len(tables[People].rows) {
				rt.Fatalf("%d of %d people loaded: %v", len(l.People), len(tables[People].rows), l.Problems)
			}
			same := cmp.Comparer(func(a, b nhs.Number) bool { return a == b })
			if d := cmp.Diff(was, l.People, same); round > 0 && d != "" {
				rt.Fatal(d)
			}
			was = l.People
		}
	})
}

func FuzzReader(f *testing.F) {
	for _, s := range []small{base(), base().with("people.csv", "3,\"A\nB\",,"), base().with("packages.csv", `"`, `""`, `"a"b`, ",,,")} {
		f.Add([]byte(strings.Join(s["people.csv"], "\n")), []byte(strings.Join(s["packages.csv"], "\r\n")), []byte("person_id,phone,phone_type\n1,01632960411,home"))
	}
	layout, err := Builtin("homeward")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, people, packages, phones []byte) {
		m := fstest.MapFS{}
		text := "format = 1\ncouncil = \"511\"\nas_at = 2026-03-01T02:00:00Z\nkind = \"full\"\n"
		for name, b := range map[string][]byte{"people.csv": people, "packages.csv": packages, "phones.csv": phones} {
			m[name] = &fstest.MapFile{Data: b}
			text += fmt.Sprintf("[[files]]\nname = %q\nrows = %d\n", name, countRows(b))
		}
		m[ManifestName] = &fstest.MapFile{Data: []byte(text)}
		r, err := Open(m, layout, feed)
		if err != nil {
			return
		}
		l := drain(t, r) // checks that every row is good, quarantined or skipped
		quarantined := 0
		for _, p := range l.Problems {
			if p.Line < 2 || p.Mend == "" || p.File == "" {
				t.Errorf("a problem that cannot be mended: %v", p)
			}
			if !p.Warning {
				quarantined++
			}
		}
		total := 0
		for _, table := range Tables() {
			total += r.Counts(table).Quarantined
		}
		if total != quarantined || len(l.People) != r.Counts(People).Good {
			t.Errorf("counted %d quarantined and %d good; got %d and %d", total, r.Counts(People).Good, quarantined, len(l.People))
		}
	})
}

// invented is an extract of n people, each with a package, in bytes.
func invented(n int) fstest.MapFS {
	var people, packages, concerns bytes.Buffer
	fmt.Fprintln(&people, strings.Join(columns[People], ","))
	fmt.Fprintln(&packages, strings.Join(columns[Packages], ","))
	fmt.Fprintln(&concerns, strings.Join(columns[Safeguarding], ","))
	numbers := 0
	for i, at := 0, 0; i < n; i++ {
		number := ""
		if at < 990_000 { // the invented range holds no more
			num := nhs.Test(at)
			number = num.Digits()
			fmt.Sscanf(number[3:9], "%d", &at)
			at++
			numbers++
		}
		fmt.Fprintf(&people, "%d,%s,Mrs,Barbara,Holloway,,%04d-03-14,female,%d Linden Row,Testington,,,ZZ99 3AA,%d,01632 960%03d,home,,no,T1,Sam Okafor,English\n",
			1_000_000+i, number, 1925+i%70, i%200, 10_000_000_000+i, i%1000)
		fmt.Fprintf(&packages, "P-%d,%d,HS,\"Home care, %d calls a day\",active,2025-06-01,,V1,Council\n", i, 1_000_000+(i*7919)%n, i%5)
		if i%10 == 0 {
			fmt.Fprintf(&concerns, "%d,no,2025-01-01,2025-02-01\n", 1_000_000+i)
		}
	}
	text := fmt.Sprintf("format = 1\ncouncil = \"511\"\nas_at = 2026-03-01T02:00:00Z\nkind = \"full\"\n"+
		"[[files]]\nname = \"people.csv\"\nrows = %d\n[[files]]\nname = \"packages.csv\"\nrows = %d\n[[files]]\nname = \"safeguarding.csv\"\nrows = %d\n", n, n, (n+9)/10)
	return fstest.MapFS{"people.csv": {Data: people.Bytes()}, "packages.csv": {Data: packages.Bytes()},
		"safeguarding.csv": {Data: concerns.Bytes()}, ManifestName: {Data: []byte(text)}}
}

// held is the heap in use, in bytes, after the collector has run.
func heldBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestIndexIsSmall(t *testing.T) {
	const n = 50_000
	layout, _ := Builtin("homeward")
	fsys := invented(n)
	before := heldBytes()
	r, err := Open(fsys, layout, feed)
	if err != nil {
		t.Fatal(err)
	}
	per := float64(heldBytes()-before) / n
	t.Logf("%.0f bytes for each person with a package", per)
	if per > 400 {
		t.Errorf("the index holds %.0f bytes for each person with a package, want at most 400", per)
	}
	runtime.KeepAlive(r)
}

func BenchmarkRead(b *testing.B) {
	const n = 200_000
	layout, _ := Builtin("homeward")
	fsys := invented(n)
	before := heldBytes()
	b.ReportAllocs()
	var kept uint64
	for b.Loop() {
		r, err := Open(fsys, layout, feed)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		kept = heldBytes() - before
		b.StartTimer()
		people := 0
		for _, p := range r.People() {
			if p == nil {
				people++
			}
		}
		for p := range r.Problems() {
			b.Fatal(p)
		}
		if people != n {
			b.Fatalf("%d people", people)
		}
	}
	b.ReportMetric(float64(b.N)*n*2.1/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(kept)/n, "B/person")
}
