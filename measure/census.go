package measure

import (
	"time"

	"homeward/nhs"
)

// NotMeeting are the periods in which somebody in a bed did not meet the criteria to
// reside, counted at each midnight with the length of the stay in nights.
var NotMeeting = &Source{ID: "not-meeting", Words: "a period of not meeting the criteria to reside", Span: true, Of: notMeetingPoints, Cuts: usual}

func notMeetingPoints(t *Trail) []Point {
	var out []Point
	for _, s := range t.Stays() {
		if !s.Inpatient() {
			continue
		}
		for _, r := range s.apart() {
			out = append(out, Point{Subject: s.Subject + "/" + r.From.UTC().Format(time.RFC3339), Group: s.Group, From: r.From, To: r.To, Since: s.Admitted})
		}
	}
	return out
}

const (
	sitrepCite  = "NHS England, acute daily discharge situation report"
	censusStart = "no longer meeting the criteria to reside, in a bed"
	censusStop  = "leaving, or meeting the criteria again"
	censusWay   = "Counted at each midnight. People of all ages. Of a week, a month or any longer time it is the average of its midnights that have passed. The number now is of those who are in a bed and do not meet them at this moment."
)

// censuses are measures of those who are in a bed and need not be.
var censuses = []Measure{
	{ID: "not-meeting", Title: "People not meeting the criteria to reside", Sentence: "How many people were in a hospital bed at midnight who did not meet the criteria to reside.",
		Unit: People, Start: censusStart, Stop: censusStop, Method: censusWay,
		Source: NotMeeting, Stat: number, Nightly: true, By: byPlace, Cite: sitrepCite, Better: Lower, Table: nightBands},
	staying(7), staying(14), staying(21),
	{ID: "bed-days", Title: "Bed days lost", Sentence: "The nights that people spent in hospital without meeting the criteria to reside.",
		Unit: BedDays, Start: "the day on which the criteria were no longer met", Stop: "the day of leaving, or of meeting them again", Method: "Each midnight at which somebody in a bed did not meet the criteria counts as one, people of all ages. The sum over the midnights is the sum of the days of all periods.",
		Source: NotMeeting, Stat: number, By: byPlace, Cite: sitrepCite, Better: Lower, Table: nightBands},
	{ID: "bed-days-cost", Title: "Pounds of bed days lost (indicative, not cash-releasing)", Sentence: "What the nights that people spent in hospital without meeting the criteria to reside may have cost. It is indicative, and not cash-releasing: a bed that is free is used for somebody else.",
		Unit: Count, Start: "the day on which the criteria were no longer met", Stop: "the day of leaving, or of meeting them again", Method: "The bed days lost, times the pounds that a night is assumed to cost. The pounds can be changed, and are shown with the figure.",
		Source: NotMeeting, Stat: timesNumber(Assumable[2].Minutes), Assume: []string{perNight}, By: byPlace, Cite: "ours", Better: Lower, Local: true},
}

// staying is the census of those who had been in hospital for some nights.
func staying(nights int64) Measure {
	words := map[int64]string{7: "7", 14: "14", 21: "21"}[nights]
	return Measure{ID: ID("not-meeting-" + words), Title: "People not meeting the criteria to reside, in hospital for " + words + " nights or more",
		Sentence: "How many of those who were in a bed at midnight and did not meet the criteria to reside had spent " + words + " nights or more in this hospital stay.",
		Unit:     People, Start: censusStart, Stop: censusStop, Method: censusWay + " The nights are those of the whole stay since its admission, that night too; a stay in another hospital before is not added.",
		Source: NotMeeting, Stat: numberFrom(nights), Nightly: true, Least: nights, By: byPlace, Cite: sitrepCite, Better: Lower}
}

// nightBands are the bands of nights in hospital. The edges are those of the situation
// report.
func nightBands(h *Hist) []Slice {
	return bands(h, []Slice{{Words: "Up to 6 nights"}, {Words: "7 to 13 nights", From: 7}, {Words: "14 to 20 nights", From: 14}, {Words: "21 nights or more", From: 21}})
}

// Average makes the figure of a Nightly measure that of the average midnight, of so many
// that have passed; other figures keep their value. Before the first has passed there is
// none. It says of how many people a figure of midnights is at least.
func (m Measure) Average(f Figure, nights int) Figure {
	if m.Source.Span && f.Hist != nil {
		f.nights = int64(max(nights, 1))
		f.least = f.Hist.stays(m.Least, int64(max(nights, 1)))
	}
	if m.Nightly {
		f.midnights = true
		f.Known, f.Over = nights > 0, int64(max(nights, 0))
		f.Value /= float64(max(nights, 1))
	}
	return f
}

// stays is of how many stays the counts of so many midnights are at least, of values from
// one on: no stay comes twice at a midnight, nor twice with the same number of nights.
func (h *Hist) stays(from, nights int64) int64 {
	least := (h.from(from) + nights - 1) / nights
	for v, n := range h.Values {
		if v >= from {
			least = max(least, n)
		}
	}
	return least
}

// Runs reports whether a point that runs has begun on a day and counts, and of a span for
// how many nights it has by then.
func (p Point) Runs(span bool, today nhs.Date, zone *time.Location) (nights int64, runs bool) {
	if !p.Open() || p.Out != "" {
		return 0, false
	}
	if !span {
		return 0, true
	}
	since := p.Since
	if since.IsZero() {
		since = p.From
	}
	return int64(nhs.DateOf(since.In(zone)).DaysTo(today)), !today.Before(nhs.DateOf(p.From.In(zone)))
}

// Running is how many of those that run a measure counts: all of them, or of a span those
// that have been running for its least number of nights.
func (m Measure) Running(all int64, nights *Hist) int64 {
	if m.Least == 0 {
		return all
	}
	return nights.from(m.Least)
}
