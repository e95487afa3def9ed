package measure

// Sources lists what is counted. Each stands in the file of what it is about.
var Sources = append([]*Source{Stays, StayDays, NotMeeting, Pathways, Predicted, Fitness, Churn, Sourcing, Readmissions, Quality, Mended, Told, Flow, BallKept, BallHolders, BallReasons, BallSides}, workSources...)

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
var All = joined(delays, censuses, splits, readinesses, readmissions, qualities, works, flows, balls)

func joined(lists ...[]Measure) (out []Measure) {
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}
