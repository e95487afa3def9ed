package measure

import (
	"slices"
	"strings"
	"time"

	"homeward/nhs"
)

// Every is how long the steps of a series are.
type Every string

// The steps. A week begins on Monday.
const (
	Daily   Every = "day"
	Weekly  Every = "week"
	Monthly Every = "month"
)

// Steps lists the steps, the shortest first.
var Steps = []Every{Daily, Weekly, Monthly}

// Start is the first day of the step that a day is in.
func (e Every) Start(d nhs.Date) nhs.Date {
	switch e {
	case Weekly:
		return d.Add(-(int(d.Time().Weekday()) + 6) % 7)
	case Monthly:
		d.Day = 1
	}
	return d
}

// Next is the first day of the step after the one that begins on a day.
func (e Every) Next(start nhs.Date) nhs.Date {
	switch e {
	case Weekly:
		return start.Add(7)
	case Monthly:
		return e.Start(start.Add(31))
	}
	return start.Add(1)
}

// blockSteps are how many steps are kept together, of each length.
var blockSteps = map[Every]int{Daily: 32, Monthly: 16}

// kept are the steps that are counted ahead. Weeks are added up from their days.
var kept = []Every{Daily, Monthly}

// index numbers the steps, from 1970 on.
func (e Every) index(start nhs.Date) int {
	if e == Monthly {
		return (start.Year-1970)*12 + int(start.Month) - 1
	}
	return dayNumber(start)
}

// at is the first day of the step of a number.
func (e Every) at(i int) nhs.Date {
	if e == Monthly {
		return nhs.DateOf(time.Date(1970, time.Month(1+i), 1, 0, 0, 0, 0, time.UTC))
	}
	return epoch.Add(i)
}

var epoch = nhs.DateOf(time.Unix(0, 0).UTC())

func dayNumber(d nhs.Date) int { return int(d.Time().Unix() / (24 * 60 * 60)) }

func floor(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Block is the number of the block that the step which begins on a day is in.
func (e Every) Block(start nhs.Date) int { return floor(e.index(start), blockSteps[e]) }

// Cell names one count that is kept: of a source, in a cut, of one step.
type Cell struct {
	Source string
	Cut    string    // the names of its dimensions, with commas; "" the whole
	Values [2]string // of those dimensions
	Every  Every
	Start  nhs.Date
}

// CutName is the name of a cut.
func CutName(dims []Dim) string {
	names := make([]string, len(dims))
	for i, d := range dims {
		names[i] = string(d)
	}
	return strings.Join(names, ",")
}

// cutNames are the names of all cuts of two dimensions: they are asked for at each count.
var cutNames = func() map[[2]Dim]string {
	out := map[[2]Dim]string{}
	for _, a := range Dims {
		for _, b := range Dims {
			out[[2]Dim{a, b}] = CutName([]Dim{a, b})
		}
	}
	return out
}()

func cutName(dims []Dim) string {
	if len(dims) == 2 {
		return cutNames[[2]Dim(dims)]
	}
	return CutName(dims)
}

// Tally is what changes in the counts that are kept.
type Tally map[Cell]*Hist

// Add counts a point n times, 1 or -1, in every cell that it belongs to. What still
// runs is in none: it is counted from the points, each time anew.
func (t Tally) Add(p Point, n int64, zone *time.Location) {
	s := sourceOf(p.Source)
	if s == nil || p.Open() {
		return
	}
	p.Days(s.Span, zone, nhs.Date{}, func(day nhs.Date, value int64) {
		t.cell(s, nil, &p, day, value, n)
		for _, cut := range s.Cuts {
			t.cell(s, cut, &p, day, value, n)
		}
	})
}

func (t Tally) cell(s *Source, cut []Dim, p *Point, day nhs.Date, value, n int64) {
	c := Cell{Source: s.ID, Cut: cutName(cut)}
	for i, d := range cut {
		c.Values[i] = p.Get(d)
	}
	for _, e := range kept {
		c.Every, c.Start = e, e.Start(day)
		h := t[c]
		if h == nil {
			h = &Hist{}
			t[c] = h
		}
		h.add(p, value, n)
	}
}

// IsSpan reports whether a source is counted at each midnight.
func IsSpan(source string) bool {
	s := sourceOf(source)
	return s != nil && s.Span
}

// IsOutside reports whether a source does not follow from the history of cases.
func IsOutside(source string) bool {
	s := sourceOf(source)
	return s != nil && s.Outside
}

func sourceOf(id string) *Source {
	i := slices.IndexFunc(Sources, func(s *Source) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return Sources[i]
}

// Cover is the fewest steps that make up the days from one to another, both included:
// whole months, and days at both ends.
func Cover(from, to nhs.Date) []Piece {
	var out []Piece
	for d := from; !to.Before(d); {
		e := Daily
		if end := Monthly.Next(d).Add(-1); d.Day == 1 && !to.Before(end) {
			e = Monthly
		}
		last := len(out) - 1
		if last >= 0 && out[last].Every == e {
			out[last].To = d
		} else {
			out = append(out, Piece{Every: e, From: d, To: d})
		}
		d = e.Next(d)
	}
	return out
}

// Piece is some steps of one length, by the first days of the first and the last.
type Piece struct {
	Every    Every
	From, To nhs.Date
}
