package measure

import "math"

// A Beat is one step of a series, as a control chart takes it.
type Beat struct {
	Value  float64 // in the measure's unit
	Known  bool    // false: nothing was counted in it, which is a gap
	Rebase bool    // limits are worked out anew from here: something is known to have changed
	Part   bool    // it is not over yet: shown, and not in limits or rules
}

// Mark is what a control chart says of one point.
type Mark string

// The marks. Higher and lower are of measures of which neither way is better.
const (
	NoMark     Mark = ""
	MarkBetter Mark = "better"
	MarkWorse  Mark = "worse"
	MarkHigher Mark = "higher"
	MarkLower  Mark = "lower"
)

// A Marked is one point of a control chart: why it is marked, in words.
type Marked struct {
	Beat
	Mark Mark
	Why  string
}

// A Level is the part of a series between two changes, with its own mean and limits.
type Level struct {
	From, To             int // the first and the last point
	Known                int // how many points its limits are made of
	Mean, Lower, Upper   float64
	Limits               bool // there are enough points for limits
	nearLower, nearUpper float64
}

// Variation is what a control chart says of the last point.
type Variation string

// The kinds of variation.
const (
	TooFew    Variation = ""
	Usual     Variation = "usual"
	Improving Variation = "better"
	Worsening Variation = "worse"
	Rising    Variation = "higher"
	Falling   Variation = "lower"
)

// Say is the variation in the words of screens.
func (v Variation) Say() string {
	switch v {
	case Usual:
		return "Usual variation"
	case Improving:
		return "Better than usual"
	case Worsening:
		return "Worse than usual"
	case Rising:
		return "Higher than usual"
	case Falling:
		return "Lower than usual"
	}
	return "Too few to show limits yet"
}

// Assurance is whether a target will be met, as things stand.
type Assurance string

// The kinds of assurance.
const (
	NoTarget Assurance = ""
	WillMeet Assurance = "meet"
	WillMiss Assurance = "miss"
	MayMeet  Assurance = "may"
)

// Say is the assurance in the words of screens; "" without a target.
func (a Assurance) Say() string {
	return map[Assurance]string{WillMeet: "Will meet target", WillMiss: "Will miss target", MayMeet: "May or may not meet target"}[a]
}

// A Chart is an XmR control chart, worked out.
type Chart struct {
	Points    []Marked
	Levels    []Level
	Variation Variation
	Assurance Assurance
}

// FewBeats is the number of points under which limits are not shown. Ours: Making Data
// Count wants 15 or more and allows fewer.
const FewBeats = 12

const (
	spcLimit  = 2.66  // of the mean moving range: three standard deviations
	spcScreen = 3.267 // of the mean moving range: greater ones are not usual, and are left out of it
	spcRun    = 7     // points in a row
)

// Control works out an XmR chart as NHS England's Making Data Count does: for each
// level the mean, and limits at 2.66 mean moving ranges from it, of which ranges of
// 3.267 times the mean were screened out; then, in this order, what is unusual: outside a
// limit, seven rising or falling, two of three beyond two thirds of the way to a limit,
// seven on one side of the mean. Points without a value are passed over; points that are
// not over are in nothing. Under FewBeats points a level has no limits and marks nothing.
// target may be nil.
func Control(beats []Beat, better Better, target *float64) Chart {
	c := Chart{Points: make([]Marked, len(beats))}
	for i, b := range beats {
		c.Points[i].Beat = b
		if i == 0 || b.Rebase {
			c.Levels = append(c.Levels, Level{From: i})
		}
		c.Levels[len(c.Levels)-1].To = i
	}
	for i := range c.Levels {
		c.level(&c.Levels[i], better)
	}
	c.judge(better, target)
	return c
}

// judge says what the last point and the last limits tell.
func (c *Chart) judge(better Better, target *float64) {
	if len(c.Levels) == 0 || !c.Levels[len(c.Levels)-1].Limits {
		return
	}
	last := c.Levels[len(c.Levels)-1]
	c.Variation = Usual
	for i := last.To; i >= last.From; i-- {
		if p := c.Points[i]; p.counts() {
			if p.Mark != NoMark {
				c.Variation = Variation(p.Mark)
			}
			break
		}
	}
	if target == nil || better == Neither {
		return
	}
	switch t := *target; {
	case t > last.Upper && better == Lower, t < last.Lower && better == Higher:
		c.Assurance = WillMeet
	case t > last.Upper, t < last.Lower:
		c.Assurance = WillMiss
	default:
		c.Assurance = MayMeet
	}
}

func (b Beat) counts() bool { return b.Known && !b.Part }

// level works out one level and marks its points.
func (c *Chart) level(l *Level, better Better) {
	var at []int
	var y []float64
	for i := l.From; i <= l.To; i++ {
		if c.Points[i].counts() {
			at, y = append(at, i), append(y, c.Points[i].Value)
		}
	}
	l.Known = len(y)
	if len(y) == 0 {
		return
	}
	l.Mean = spcMean(y)
	if len(y) < FewBeats {
		return
	}
	r := spcRange(y)
	l.Limits = true
	l.Lower, l.Upper = l.Mean-spcLimit*r, l.Mean+spcLimit*r
	l.nearLower, l.nearUpper = l.Mean-spcLimit*r*2/3, l.Mean+spcLimit*r*2/3
	for k, s := range spcSigns(y, *l) {
		if s.way != 0 {
			c.Points[at[k]].Mark, c.Points[at[k]].Why = spcMark(s.way, better), s.why
		}
	}
}

// spcRange is the mean of the moving ranges, without those that are unusually great.
func spcRange(y []float64) float64 {
	ranges := make([]float64, 0, len(y))
	for k := 1; k < len(y); k++ {
		ranges = append(ranges, math.Abs(y[k]-y[k-1]))
	}
	all := spcMean(ranges)
	var usual []float64
	for _, r := range ranges {
		if r < spcScreen*all {
			usual = append(usual, r)
		}
	}
	if len(usual) == 0 {
		return all
	}
	return spcMean(usual)
}

func spcMean(y []float64) float64 {
	if len(y) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range y {
		sum += v
	}
	return sum / float64(len(y))
}

// A sign is what is unusual of a point: up or down, and by which rule.
type sign struct {
	way int
	why string
}

// spcSigns finds what is unusual among the values of one level. The first rule that
// finds something of a point is the one that stands.
func spcSigns(y []float64, l Level) []sign {
	out := make([]sign, len(y))
	set := func(k, way int, why string) {
		if out[k].way == 0 {
			out[k] = sign{way, why}
		}
	}
	side := make([]int, len(y))
	for k, v := range y {
		side[k] = spcWay(v - l.Mean)
		switch {
		case v > l.Upper:
			set(k, 1, "above the upper limit")
		case v < l.Lower:
			set(k, -1, "below the lower limit")
		}
	}
	steps := make([]int, len(y))
	for k := 1; k < len(y); k++ {
		steps[k] = spcWay(y[k] - y[k-1])
	}
	spcRuns(steps, spcRun-1, func(first, last, way int) { // six steps are seven points
		for k := first - 1; k <= last; k++ {
			set(k, way, map[int]string{1: "one of 7 or more rising in a row", -1: "one of 7 or more falling in a row"}[way])
		}
	})
	for k := 0; k+2 < len(y); k++ {
		for _, way := range []int{1, -1} {
			spcNear(y, side, l, k, way, set)
		}
	}
	spcRuns(side, spcRun, func(first, last, way int) {
		for k := first; k <= last; k++ {
			set(k, way, map[int]string{1: "one of 7 or more above the average in a row", -1: "one of 7 or more below the average in a row"}[way])
		}
	})
	return out
}

// spcNear marks two of three points in a row that are close to one limit, where all
// three are on its side of the mean.
func spcNear(y []float64, side []int, l Level, k, way int, set func(int, int, string)) {
	var near []int
	for j := k; j < k+3; j++ {
		if side[j] != way {
			return
		}
		if way > 0 && y[j] > l.nearUpper || way < 0 && y[j] < l.nearLower {
			near = append(near, j)
		}
	}
	if len(near) < 2 {
		return
	}
	for _, j := range near {
		set(j, way, map[int]string{1: "one of 2 in 3 close to the upper limit", -1: "one of 2 in 3 close to the lower limit"}[way])
	}
}

// spcRuns finds runs of at least so many of the same way that is not 0.
func spcRuns(ways []int, least int, found func(first, last, way int)) {
	for first := 0; first < len(ways); {
		last := first
		for last+1 < len(ways) && ways[last+1] == ways[first] {
			last++
		}
		if ways[first] != 0 && last-first+1 >= least {
			found(first, last, ways[first])
		}
		first = last + 1
	}
}

// spcWay is 1 for more, -1 for less, and 0 for the same, whatever floating point says.
func spcWay(d float64) int {
	switch {
	case d > 1e-12:
		return 1
	case d < -1e-12:
		return -1
	}
	return 0
}

func spcMark(way int, better Better) Mark {
	switch {
	case better == Neither && way > 0:
		return MarkHigher
	case better == Neither:
		return MarkLower
	case way > 0 == (better == Higher):
		return MarkBetter
	}
	return MarkWorse
}
