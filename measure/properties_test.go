package measure

import (
	"bytes"
	"maps"
	"math"
	"regexp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"homeward/care"
	"homeward/county"
	"homeward/nhs"
)

// Every measure says what it is, in full, and counts what is listed.
func TestMeasuresSayWhatTheyAre(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[ID]bool{}
	for _, m := range All {
		if seen[m.ID] || !name.MatchString(string(m.ID)) {
			t.Errorf("measure %q: its name comes twice, or is none for an address", m.ID)
		}
		seen[m.ID] = true
		for what, v := range map[string]string{"title": m.Title, "sentence": m.Sentence, "unit": string(m.Unit), "start": m.Start, "stop": m.Stop, "method": m.Method, "cite": m.Cite} {
			if v == "" {
				t.Errorf("measure %s has no %s", m.ID, what)
			}
		}
		if !slices.Contains(Sources, m.Source) || m.Stat == nil {
			t.Errorf("measure %s counts nothing that is listed", m.ID)
		}
		for _, code := range m.Leaves {
			if Excluded[code] == "" {
				t.Errorf("measure %s leaves out %q, for which there are no words", m.ID, code)
			}
		}
		if m.Nightly && (!m.Source.Span || m.Unit != People && m.Unit != Count) {
			t.Errorf("measure %s is of midnights, and its source is not, or it is not in people", m.ID)
		}
		if _, n, ok := m.Stat(&Hist{}); ok && n != 0 {
			t.Errorf("measure %s makes a figure of %d of nothing", m.ID, n)
		}
	}
	ids := map[string]bool{}
	for _, s := range Sources {
		if ids[s.ID] || s.Words == "" || s.Of == nil != s.Outside {
			t.Errorf("source %q comes twice, has no words, or makes nothing", s.ID)
		}
		ids[s.ID] = true
		for _, cut := range s.Cuts {
			if len(cut) == 0 || len(cut) > 2 {
				t.Errorf("source %s is counted by %v: one or two things", s.ID, cut)
			}
		}
	}
}

// odd draws a history as it should not be: of a person of the county, with some events
// missing, told twice, or told in another order.
func odd(t *rapid.T, c county.Config) []care.Entry {
	c.Seed, c.People = rapid.Uint64().Draw(t, "seed"), 3
	var entries []care.Entry
	for p := range county.People(c) {
		if len(p.Events) > len(entries) {
			entries = p.Entries(0)
		}
	}
	if rapid.IntRange(0, 2).Draw(t, "how odd") > 0 {
		for range rapid.IntRange(1, 6).Draw(t, "faults") {
			i := rapid.IntRange(1, len(entries)-1).Draw(t, "which")
			switch rapid.IntRange(0, 2).Draw(t, "fault") {
			case 0:
				if len(entries) > 2 {
					entries = slices.Delete(entries, i, i+1)
				}
			case 1:
				entries = slices.Insert(entries, i, entries[i])
			case 2:
				j := rapid.IntRange(1, len(entries)-1).Draw(t, "and")
				entries[i].Event, entries[j].Event = entries[j].Event, entries[i].Event
			}
		}
	}
	for i := range entries {
		e := &entries[i]
		if e.Seq, e.N = int64(i+1), i+1; i > 0 && e.Recorded.Before(entries[i-1].Recorded) {
			e.Recorded = entries[i-1].Recorded
		}
	}
	return entries
}

// Whatever is told, and in whatever order: points are complete and their names are their
// own, they follow from the history alone, and counts that are kept up to date with them,
// an entry at a time, are those that are made of the last ones.
func TestCountsKeepUp(t *testing.T) {
	zone := london(t)
	rapid.Check(t, func(t *rapid.T) {
		entries := odd(t, county.Config{Days: 120, Zone: zone})
		tr := &Trail{Zone: zone}
		kept := Tally{}
		var now []Point
		for _, e := range entries {
			tr.Add(e)
			next := tr.Points()
			checkPoints(t, next)
			for _, p := range now {
				if !slices.ContainsFunc(next, p.Same) {
					kept.Add(p, -1, zone)
				}
			}
			for _, p := range next {
				if !slices.ContainsFunc(now, p.Same) {
					kept.Add(p, 1, zone)
				}
			}
			now = next
		}
		again := &Trail{Zone: zone}
		for _, e := range entries {
			again.Add(e)
		}
		anew := Tally{}
		for _, p := range again.Points() {
			if !slices.ContainsFunc(now, p.Same) {
				t.Fatalf("%s %s is another when history is read at once", p.Source, p.Subject)
			}
			anew.Add(p, 1, zone)
		}
		same(t, kept, anew)
	})
}

func same(t *rapid.T, a, b Tally) {
	for _, x := range []Tally{a, b} {
		maps.DeleteFunc(x, func(_ Cell, h *Hist) bool { return h.Empty() })
	}
	if len(a) != len(b) {
		t.Fatalf("%d counts were kept, and %d are made anew", len(a), len(b))
	}
	for c, h := range a {
		if b[c] == nil || !bytes.Equal(h.Bytes(), b[c].Bytes()) {
			t.Fatalf("%v: %v was kept, anew it is %v", c, h, b[c])
		}
	}
}

func checkPoints(t *rapid.T, points []Point) {
	type name struct{ source, subject string }
	seen := map[name]bool{}
	for _, p := range points {
		n := name{p.Source, p.Subject}
		switch {
		case p.Subject == "" || seen[n]:
			t.Fatalf("%s: %q has no name of its own", p.Source, p.Subject)
		case p.From.IsZero():
			t.Fatalf("%s: %s has no beginning", p.Source, p.Subject)
		case p.Out != "" && Excluded[p.Out] == "":
			t.Fatalf("%s: left out as %q, for which there are no words", p.Source, p.Out)
		case p.Assumed != "" && Assumptions[p.Assumed] == "":
			t.Fatalf("%s: assumed %q, for which there are no words", p.Source, p.Assumed)
		}
		seen[n] = true
	}
}

// Of all discharges: the mean with those who left on the day is that of the others times
// their share (product of 5.1), and the bed days counted at midnights are the days of all
// periods.
func TestIdentities(t *testing.T) {
	zone := london(t)
	rapid.Check(t, func(t *rapid.T) {
		entries := odd(t, county.Config{Days: 120, Zone: zone})
		tr := &Trail{Zone: zone}
		for _, e := range entries {
			tr.Add(e)
		}
		if tr.Case().JoinedTo != "" {
			return // what is in it counts with the other record
		}
		stays, all, beds := &Hist{}, int64(0), &Hist{}
		for _, p := range tr.Points() {
			switch p.Source {
			case "stay":
				p.Days(false, zone, nhs.Date{}, func(_ nhs.Date, v int64) { stays.Add(p, v, 1) })
			case "not-meeting":
				if !p.Open() {
					p.Days(true, zone, nhs.Date{}, func(_ nhs.Date, v int64) { beds.Add(p, v, 1) })
				}
			}
		}
		for _, s := range tr.Stays() {
			for _, r := range s.apart() {
				if s.Inpatient() && !r.To.IsZero() {
					all += int64(tr.Day(r.From).DaysTo(tr.Day(r.To)))
				}
			}
		}
		if beds.N() != all {
			t.Fatalf("%d midnights, and %d days of periods", beds.N(), all)
		}
		avg, _, ok := mean(stays)
		delayed, _, some := meanFrom(1)(stays)
		onDay, _, _ := shareOf(0, 0)(stays)
		if ok && some && math.Abs(avg-(1-onDay)*delayed) > 1e-9 || ok && !some && avg != 0 {
			t.Fatalf("mean %v is not (1-%v) times %v", avg, onDay, delayed)
		}
	})
}

// Counts are the same bytes however they came about, are read as they were written, and
// what is added can be taken away.
func TestCountsAreBytes(t *testing.T) {
	point := rapid.Custom(func(t *rapid.T) Point {
		return Point{Value: rapid.Int64Range(-5, 1<<40).Draw(t, "value"), Out: rapid.SampledFrom([]string{"", "", "", "died", "joined"}).Draw(t, "out"),
			Assumed: rapid.SampledFrom([]string{"", "", "blank"}).Draw(t, "assumed")}
	})
	rapid.Check(t, func(t *rapid.T) {
		points := rapid.SliceOf(point).Draw(t, "points")
		more := rapid.SliceOf(point).Draw(t, "more")
		a, b := &Hist{}, &Hist{}
		for _, p := range points {
			a.Add(p, p.Value, 1)
		}
		for _, p := range append(slices.Clone(more), points...) {
			b.Add(p, p.Value, 1)
		}
		for _, p := range more {
			b.Add(p, p.Value, -1)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Fatal("added and taken away is not as before")
		}
		c, d := &Hist{}, &Hist{}
		if err := c.MergeBytes(a.Bytes()); err != nil || !bytes.Equal(c.Bytes(), a.Bytes()) {
			t.Fatalf("read again they are others: %v", err)
		}
		d.Merge(a)
		d.Merge(b)
		if err := c.MergeBytes(b.Bytes()); err != nil || !bytes.Equal(c.Bytes(), d.Bytes()) {
			t.Fatalf("added as bytes they are others: %v", err)
		}
		if raw := a.Bytes(); !a.Empty() && (&Hist{}).MergeBytes(raw[:len(raw)-1]) == nil {
			t.Fatal("bytes with the end missing are read")
		}
	})
}

// Half of a sum of Hist is exact: the quantile is a value that somebody had.
func TestQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 40), 1, 60).Draw(t, "values")
		h := &Hist{}
		for _, v := range values {
			h.Add(Point{}, v, 1)
		}
		slices.Sort(values)
		n := len(values)
		for _, q := range []struct {
			of   float64
			rank int
		}{{0.5, (n + 1) / 2}, {0.9, (9*n + 9) / 10}} {
			if got, ok := h.Quantile(q.of); !ok || got != values[q.rank-1] {
				t.Fatalf("quantile %v of %v is %d, want %d", q.of, values, got, values[q.rank-1])
			}
		}
	})
}

// A figure of a census counts what has begun, and of those who had been there long enough
// no others, now as at midnights.
func TestRuns(t *testing.T) {
	zone := london(t)
	at := func(s string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	p := Point{Source: NotMeeting.ID, From: at("2026-03-27 10:00"), Since: at("2026-03-23 23:50")}
	for day, want := range map[string][2]int64{"2026-03-26": {0, 0}, "2026-03-27": {1, 0}, "2026-03-29": {1, 0}, "2026-03-30": {1, 1}} {
		been, open := &Hist{}, int64(0)
		if nights, runs := p.Runs(true, nhs.DateOf(at(day+" 12:00")), zone); runs {
			open = 1
			been.Add(p, nights, 1)
		}
		for i, id := range []ID{"not-meeting", "not-meeting-7"} {
			m, _ := Find(id)
			if got := m.Running(open, been); got != want[i] {
				t.Errorf("on %s %s counts %d", day, id, got)
			}
		}
	}
}

// One person of many nights is one person: a figure of midnights is not shown to others for
// the number of its nights.
func TestNightsAreNotPeople(t *testing.T) {
	h := &Hist{}
	for night := range int64(28) {
		h.Add(Point{}, night+1, 1)
	}
	for id, want := range map[ID]int64{"not-meeting": 1, "not-meeting-21": 1, "bed-days": 1, "delay": 28} {
		m, _ := Find(id)
		f := m.Average(m.Figure(h, 0), 28)
		if f.Of() != want {
			t.Errorf("%s is of %d people, want %d", id, f.Of(), want)
		}
		if few := Suppress([]*Figure{&f}) > 0; few != (want < Few) {
			t.Errorf("%s is hidden: %v", id, few)
		}
	}
}
