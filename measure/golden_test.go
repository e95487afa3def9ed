package measure

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"homeward/nhs"
)

var update = flag.Bool("update", false, "write the golden files of the measures")

// Every measure has a golden file: what it is, and what it gives for the stories of
// testdata/stories.txt. A definition that changes shows there, in words that somebody who
// does not program can read. To write them: go test ./measure -run TestGolden -update
func TestGolden(t *testing.T) {
	zone := london(t)
	told := stories(t, zone)
	have := map[string]bool{}
	for _, m := range All {
		name := string(m.ID) + ".golden"
		have[name] = true
		path := filepath.Join("testdata", name)
		got := golden(m, told, zone)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		switch {
		case err != nil:
			t.Errorf("measure %s has no golden file: go test ./measure -run TestGolden -update, and read what it writes", m.ID)
		case got != string(want):
			t.Errorf("%s is not what it was:\n%s", path, changed(string(want), got))
		}
	}
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !have[filepath.Base(f)] {
			t.Errorf("%s is of no measure", f)
		}
	}
}

// changed are the lines of which only one side has.
func changed(want, got string) string {
	var b strings.Builder
	was, is := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, l := range was {
		if !slices.Contains(is, l) {
			fmt.Fprintln(&b, "-", l)
		}
	}
	for _, l := range is {
		if !slices.Contains(was, l) {
			fmt.Fprintln(&b, "+", l)
		}
	}
	return b.String()
}

// The stories are read on a day when all of them are over, but for those that ask what
// was known before.
var goldenToday = nhs.Date{Year: 2026, Month: time.December, Day: 1}

func golden(m Measure, told []*story, zone *time.Location) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n\n", m.ID, m.Title, m.Sentence)
	leaves := make([]string, len(m.Leaves))
	for i, code := range m.Leaves {
		leaves[i] = Excluded[code]
	}
	dims := make([]string, len(m.By))
	for i, d := range m.By {
		dims[i] = string(d)
	}
	for _, l := range [][2]string{{"unit", string(m.Unit)}, {"starts", m.Start}, {"stops", m.Stop}, {"method", m.Method}, {"leaves out", strings.Join(leaves, "; ")},
		{"laid down", m.Cite}, {"better", string(m.Better)}, {"complete after", days(m.Matures)}, {"ours", yes(m.Local)}, {"counts", m.Source.Words}, {"split by", strings.Join(dims, ", ")}} {
		if l[1] != "" {
			fmt.Fprintf(&b, "%s: %s\n", l[0], l[1])
		}
	}
	figure := "figure"
	if m.Nightly {
		figure = "midnights" // of which the figure is the average
	}
	fmt.Fprintf(&b, "\n%-28s %12s %8s %5s  %s\n", "story", figure, "of", "runs", "left out; assumed")
	all, open := &Hist{}, int64(0)
	for _, s := range told {
		h, n := goldenCounts(m, s.points(zone, time.Time{}), zone, goldenToday)
		all.Merge(h)
		open += n
		goldenLine(&b, m, s.name, h, n)
		for _, known := range s.known {
			day := nhs.DateOf(known.In(zone))
			h, n := goldenCounts(m, s.points(zone, known), zone, day)
			goldenLine(&b, m, "  on "+known.In(zone).Format("2 Jan 15:04"), h, n)
		}
	}
	goldenLine(&b, m, "all", all, open)
	if m.Table != nil {
		fmt.Fprintln(&b)
		for _, s := range m.Table(all) {
			fmt.Fprintf(&b, "%-28s %12d\n", s.Words, s.N)
		}
	}
	return b.String()
}

func days(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n) + " days"
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// goldenCounts counts points of a measure up to a day.
func goldenCounts(m Measure, points []Point, zone *time.Location, today nhs.Date) (*Hist, int64) {
	h, been, open := &Hist{}, &Hist{}, int64(0)
	for _, p := range points {
		if p.Source != m.Source.ID {
			continue
		}
		if nights, runs := p.Runs(m.Source.Span, today, zone); runs {
			open++
			been.Add(p, nights, 1)
		}
		p.Days(m.Source.Span, zone, today.Add(-1), func(_ nhs.Date, v int64) { h.Add(p, v, 1) })
	}
	return h, m.Running(open, been)
}

func goldenLine(b *strings.Builder, m Measure, name string, h *Hist, open int64) {
	if h.Empty() && open == 0 {
		fmt.Fprintf(b, "%-28s %12s\n", name, "-")
		return
	}
	f := m.Figure(h, open)
	value := "not known"
	if f.Known {
		value = strconv.FormatFloat(f.Value, 'f', 4, 64)
		value = strings.TrimSuffix(strings.TrimRight(value, "0"), ".")
	}
	var why []string
	for _, code := range slices.Sorted(maps.Keys(h.Out)) {
		why = append(why, fmt.Sprintf("%s %d", code, h.Out[code]))
	}
	for _, code := range slices.Sorted(maps.Keys(h.Assumed)) {
		why = append(why, fmt.Sprintf("assumed: %s %d", code, h.Assumed[code]))
	}
	fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("%-28s %12s %8d %5d  %s", name, value, f.Over, f.Open, strings.Join(why, "; ")), " "))
}
