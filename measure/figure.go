package measure

// Figure is what a measure gives for some counts.
type Figure struct {
	Value float64 // in the measure's unit
	Known bool    // false: there is nothing to count
	Over  int64   // how many it is made of: the denominator of a mean or a share
	Hist  *Hist   // the counts
	Open  int64   // how many still run, where that is asked
	Few   bool    // it must not leave the service: it is of too few people (Suppress)
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
		switch n := f.of(); {
		case n > 0 && n < Few:
			f.Few = true
			marked++
		case n > 0 && (least == nil || n < least.of()):
			least = f
		}
	}
	if marked == 1 && least != nil {
		least.Few = true
		marked++
	}
	for _, f := range parts {
		if f.Few {
			f.Value, f.Over, f.Open, f.Hist = 0, 0, 0, nil
		}
	}
	return marked
}

// of is how many people a figure tells of.
func (f *Figure) of() int64 {
	if f.Hist == nil {
		return f.Over
	}
	return f.Hist.N() + f.Open
}
