package measure

// Figure is what a measure gives for some counts.
type Figure struct {
	Value float64 // in the measure's unit
	Known bool    // false: there is nothing to count
	Over  int64   // how many it is made of: the denominator of a mean or a share
	Hist  *Hist   // the counts
	Open  int64   // how many still run, where that is asked
	Few   bool    // it must not leave the service: it is of too few people (Suppress)
	least int64   // of midnights, of which one person has many: of how many people it is at least (Measure.Average); 0: not of midnights
}

// Figure makes a figure of counts.
func (m Measure) Figure(h *Hist, open int64) Figure {
	v, over, ok := m.Stat(h)
	return Figure{Value: v, Known: ok, Over: over, Hist: h, Open: open}
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
	size := map[*Figure]int64{}
	for _, line := range lines {
		for _, f := range line {
			if size[f] = f.Of(); f.Few { // before: how many is not known here
				size[f] = 1
			}
			f.Few = f.Few || size[f] > 0 && size[f] < Few
		}
	}
	for changed := true; changed; {
		changed = false
		for _, line := range lines {
			if f := lone(line, size); f != nil {
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
func lone(line []*Figure, size map[*Figure]int64) (least *Figure) {
	marked := 0
	for i, f := range line {
		switch {
		case size[f] == 0:
		case f.Few:
			marked++
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
		f.Value, f.Over, f.Open, f.Hist, f.least = 0, 0, 0, nil, 0
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
	if f.Open < Few {
		f.Open = 0
	}
}

// Of is how many people a figure tells of.
func (f *Figure) Of() int64 {
	switch {
	case f.Hist == nil:
		return f.Over
	case f.least > 0:
		return max(f.least, f.Open)
	}
	return f.Hist.N() + f.Open
}
