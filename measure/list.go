package measure

// Sources lists what is counted. Each stands in the file of what it is about.
var Sources = append([]*Source{Stays, NotMeeting, Quality, Mended, Told, Flow, BallKept, BallSides}, workSources...)

// Cut finds whether a source is counted ahead by just these dimensions, in the order in
// which it is kept.
func (s *Source) Cut(dims []Dim) ([]Dim, bool) {
	if len(dims) == 0 {
		return nil, true
	}
	for _, c := range s.Cuts {
		if len(c) == len(dims) && containsAll(c, dims) {
			return c, true
		}
	}
	return nil, false
}

func containsAll(all, some []Dim) bool {
	for _, d := range some {
		found := false
		for _, x := range all {
			found = found || x == d
		}
		if !found {
			return false
		}
	}
	return true
}

// All lists the measures. To add one, add a literal here (or to a list that is
// joined here) and run the tests of this package with -update: they write its golden
// file, which says what it is and what it gives for the stories in testdata.
var All = joined(delays, qualities, works, flows, balls)

func joined(lists ...[]Measure) (out []Measure) {
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

var (
	byPlace     = []Dim{ByHospital, ByWard, ByCouncil, ByTeam, ByPathway, ByProvider, ByAge}
	drdCite     = "NHS England, Discharge Ready Date guidance"
	drdExcludes = []string{"died", "transferred", "under-16", "zero-day", "ready-after-left"}
)

// delays are measures of the time from being ready to leave to leaving.
var delays = []Measure{
	{ID: "delay", Title: "Average days from discharge-ready to leaving hospital", Sentence: "How many days people waited, on average, from the day on which they were ready to leave to the day on which they left, everybody counted.",
		Unit: Days, Start: "the discharge-ready date", Stop: "the day of leaving hospital", Method: "The whole local days from one to the other, added up and divided by all who left. Who left on the day counts as 0.",
		Source: Stays, Stat: mean, By: byPlace, Leaves: drdExcludes, Cite: drdCite, Better: Lower, Table: delayBands},
	{ID: "delay-delayed", Title: "Average days of those who waited at least one day", Sentence: "How many days people waited, on average, of those who did not leave on the day on which they were ready.",
		Unit: Days, Start: "the discharge-ready date", Stop: "the day of leaving hospital", Method: "The whole local days added up and divided by those who waited a day or more.",
		Source: Stays, Stat: meanFrom(1), By: byPlace, Leaves: drdExcludes, Cite: drdCite, Better: Lower, Table: delayBands},
	{ID: "on-the-day", Title: "Left on the discharge-ready date", Sentence: "Of those who left, the share who left on the day on which they were ready.",
		Unit: Share, Start: "the discharge-ready date", Stop: "the day of leaving hospital", Method: "Those with 0 days divided by all who left.",
		Source: Stays, Stat: shareOf(0, 0), By: byPlace, Leaves: drdExcludes, Cite: drdCite, Better: Higher, Table: delayBands},
	{ID: "ready-coverage", Title: "Discharge-ready date recorded", Sentence: "Of those who left, the share whose discharge-ready date is recorded.",
		Unit: Share, Start: "the stays that ended", Stop: "the day of leaving hospital", Method: "Those with a date divided by all who left. Who has none counts as leaving on the day in the other measures.",
		Source: Stays, Stat: recorded("blank"), By: byPlace, Leaves: drdExcludes, Cite: drdCite, Better: Higher},
	{ID: "bed-days", Title: "Bed days lost", Sentence: "The nights that people spent in hospital without meeting the criteria to reside.",
		Unit: BedDays, Start: "the day on which the criteria were no longer met", Stop: "the day of leaving, or of meeting them again", Method: "Each midnight at which somebody in a bed did not meet the criteria counts as one.",
		Source: NotMeeting, Stat: number, By: byPlace, Cite: "NHS England, acute daily discharge situation report", Better: Lower},
}

// delayBands are the bands of days in which waits are shown. The edges are ours.
func delayBands(h *Hist) []Slice {
	edges := []struct {
		from  int64
		words string
	}{{0, "On the day"}, {1, "1 day"}, {2, "2 to 3 days"}, {4, "4 to 6 days"}, {7, "7 to 13 days"}, {14, "14 to 20 days"}, {21, "21 days or more"}}
	out := make([]Slice, len(edges))
	for i, e := range edges {
		out[i] = Slice{Words: e.words, From: e.from, N: h.from(e.from)}
		if i > 0 {
			out[i-1].N -= out[i].N
		}
	}
	return out
}
