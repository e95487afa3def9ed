package measure

import "math"

// Figure is what a measure gives for some counts.
type Figure struct {
	Value     float64 // in the measure's unit
	Known     bool    // false: there is nothing to count
	Over      int64   // how many it is made of: the denominator of a mean or a share
	Hist      *Hist   // the counts
	Open      int64   // how many still run, where that is asked
	Few       bool    // it must not leave the service: it is of too few people (Suppress)
	part      int64   // of a share the smaller of those in it and those not in it, where neither is nobody; 0: there is none
	each      int64   // how many points one person gives at most (Source.Each); 0: one
	least     int64   // of midnights, of which one person has many: of how many people it is at least (Measure.Average); 0: not of midnights
	nights    int64   // of a span: over how many it is; 0: no span
	midnights bool    // it is an average of midnights: Over is not of people
}

// Figure makes a figure of counts.
func (m Measure) Figure(h *Hist, open int64) Figure {
	v, over, ok := m.Stat(h)
	f := Figure{Value: v, Known: ok, Over: over, Hist: h, Open: open}
	if in := math.Round(v * float64(over)); m.Unit == Share && ok && math.Abs(v*float64(over)-in) < 1e-6 {
		f.part = min(int64(in), over-int64(in))
	}
	return f
}

// Split is a figure that is of these dimensions alone, of so many days: it is known by
// them of how few people it can be.
func (m Measure) Split(f Figure, dims []Dim, days int) Figure {
	f.each = m.Source.each(dims)
	if m.Source.Daily {
		f.each *= int64(max(days, 1))
	}
	return f
}

// Thin marks a share that fewer than Few people are in, or are not in: as it leaves the
// service, they could be counted by it.
func (f *Figure) Thin() {
	if n := f.people(f.part); n > 0 && n < Few {
		f.Few = true
	}
}

// people are how many people so many points are of at least.
func (f *Figure) people(points int64) int64 {
	each := max(f.each, 1)
	return (points + each - 1) / each
}

// Few is the number of people under which a figure is not shown to others.
const Few = 5

// Suppress marks the figures that are of fewer than Few people, and where that leaves
// one alone among parts of a known whole, the next smallest too, so that it cannot be
// worked out. It gives how many it marked. What is marked has no value any more.
func Suppress(parts []*Figure) int {
	marked := 0
	var least *Figure
	for _, f := range parts {
		switch n := f.Of(); {
		case n > 0 && n < Few:
			f.Few = true
			marked++
		case n > 0 && (least == nil || n < least.Of()):
			least = f
		}
	}
	if marked == 1 && least != nil {
		least.Few = true
		marked++
	}
	for _, f := range parts {
		f.clear()
	}
	return marked
}

// SuppressTable marks as Suppress does where figures are parts of several wholes: each line
// is a whole and the parts that make it up. It goes on until no line has one alone that
// is marked.
func SuppressTable(lines [][]*Figure) {
	for _, line := range lines {
		for _, f := range line {
			if n := f.Of(); n > 0 && n < Few {
				f.Few = true
			}
		}
	}
	SuppressAlone(lines, nil)
}

// SuppressAlone goes on from what is marked, as SuppressTable does; those of own are the
// reader's and are not marked.
func SuppressAlone(lines [][]*Figure, own map[*Figure]bool) {
	size := map[*Figure]int64{}
	for _, line := range lines {
		for _, f := range line {
			if size[f] = f.Of(); f.Few { // how many may not be known here
				size[f] = 1
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for _, line := range lines {
			if f := lone(line, size, own); f != nil {
				f.Few, changed = true, true
			}
		}
	}
	for f := range size {
		f.clear()
	}
}

// lone is what must be marked too where just one of a whole and its parts is: the smallest part,
// or else the whole.
func lone(line []*Figure, size map[*Figure]int64, own map[*Figure]bool) (least *Figure) {
	marked := 0
	for i, f := range line {
		switch {
		case size[f] == 0:
		case f.Few:
			marked++
		case own[f]:
		case least == nil || least == line[0] || i > 0 && size[f] < size[least]:
			least = f
		}
	}
	if marked != 1 {
		return nil
	}
	return least
}

// clear takes the numbers from a figure that is marked.
func (f *Figure) clear() {
	if f.Few {
		*f = Figure{Known: f.Known, Few: true}
	}
}

// Strip takes away the counts by value, and those of few that were left out or of which
// something was assumed.
func (f *Figure) Strip() {
	if f.Hist == nil {
		return
	}
	h := &Hist{}
	for _, x := range []struct{ from, to *map[string]int64 }{{&f.Hist.Assumed, &h.Assumed}, {&f.Hist.Out, &h.Out}} {
		for code, n := range *x.from {
			if n >= Few {
				bump(x.to, code, n)
			}
		}
	}
	f.Hist = h
	f.HideOpen()
}

// HideValues takes away the counts by value.
func (f *Figure) HideValues() {
	h := *f.Hist
	h.Values = nil
	f.Hist = &h
}

// HideOpen takes away how many run, where they are few.
func (f *Figure) HideOpen() {
	if f.people(f.Open) < Few {
		f.Open = 0
	}
}

// Part is of how many people at least a part of a figure is that has so many points.
func (f *Figure) Part(points int64) int64 {
	nights := max(f.nights, 1)
	return f.people((points + nights - 1) / nights)
}

// Of is how many people a figure tells of, at least: those that it counts, or where it
// counts nobody those who run.
func (f *Figure) Of() int64 {
	n := f.Over
	switch {
	case f.Hist == nil:
		return n
	case f.least > 0:
		n = max(f.least, f.Open)
	case f.midnights:
		n = f.Open
	case n == 0:
		if n = f.Hist.N(); n == 0 {
			n = f.Open
		}
	}
	return f.people(n)
}
