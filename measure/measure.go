// Package measure says what is counted, and how: each measure is a value with its
// sentence, what starts and stops its clock, whom it leaves out and where that is laid
// down, so that hospital and council count the same thing by the same definition. It
// turns the history of one case into points (Trail), points into counts (Hist), and
// counts into figures. It is pure: it knows no clock, and the zone of its days is given
// to it. It keeps nothing (package store), decides nothing about who may see a figure
// (package hub), and draws nothing (package web/chart).
package measure

import "slices"

// ID names a measure, in addresses and files.
type ID string

// A Measure is one figure that can be asked for: of a place, over a time.
type Measure struct {
	ID       ID
	Title    string // "Average days from discharge-ready to leaving"
	Sentence string // what it says, for whoever reads it first
	Unit     Unit
	Start    string // what starts the clock, or who is counted
	Stop     string // what stops it, or when
	Method   string // how the figure is made of that, in words
	Source   *Source
	Stat     Stat
	By       []Dim               // by what it can be split
	Leaves   []string            // codes of what is left out (Exclusions), in the order of asking
	Cite     string              // where it is laid down; "ours" where nobody has
	Better   Better              // which way is better
	Matures  int                 // days after which a figure of a day is complete: readmissions of 30 days need 30
	Local    bool                // our own, not national: said beside the title
	Nightly  bool                // of a span: its figure is the average of the midnights that have passed (Measure.Average)
	Least    int64               // of a span: the least value at a midnight that it counts; what runs counts from there on too (Measure.Running)
	Assume   []string            // what it is multiplied by that nobody measured (Assumable); set by With
	Adds     []ID                // other measures of the same unit whose figure can be added to its own (hub.FigureView.Together)
	Table    func(*Hist) []Slice // what its parts are, for a distribution; nil: it has none
}

// Slice is one part of a distribution.
type Slice struct {
	Words string
	N     int64
	From  int64 // the least value that is in it, in the measure's unit
}

// Unit is what a figure is in.
type Unit string

// The units. A share is between 0 and 1, and shown in percent.
const (
	Days    Unit = "days"
	Minutes Unit = "minutes" // shown as hours or days
	Share   Unit = "share"
	People  Unit = "people"
	BedDays Unit = "bed days"
	Count   Unit = "count"
	Hours   Unit = "hours"
)

// Better is which way a figure is better.
type Better string

// The ways.
const (
	Lower   Better = "lower"
	Higher  Better = "higher"
	Neither Better = ""
)

// A Stat makes a figure of counts: a numerator over a denominator. ok is false where
// there is nothing to count.
type Stat func(h *Hist) (value float64, over int64, ok bool)

// Find finds a measure.
func Find(id ID) (Measure, bool) {
	i := slices.IndexFunc(All, func(m Measure) bool { return m.ID == id })
	if i < 0 {
		return Measure{}, false
	}
	return All[i], true
}

// Splits reports whether a measure can be split by a dimension.
func (m Measure) Splits(d Dim) bool { return slices.Contains(m.By, d) }
