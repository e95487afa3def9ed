package measure

import (
	"slices"
	"time"

	"homeward/care"
)

// Stays are the stays that ended, each with the whole days from the discharge-ready
// date to the day of leaving. NHS England, Discharge Ready Date guidance: of a date that
// begins anew when the criteria to reside are met again, the last one counts; a blank
// date counts as leaving on the day; those under 16, stays of no night, deaths and
// moves to another hospital are left out.
var Stays = &Source{ID: "stay", Words: "a hospital stay that ended", Of: stayPoints, Cuts: usual}

func stayPoints(t *Trail) []Point {
	return t.ended(func(s StayOf) int64 { return int64(s.DelayDays(t.Zone)) }, func(s StayOf) (out, assumed string) {
		return leftOut(t, s, true), assumedOf(s)
	})
}

// ended makes a point of each stay in a bed: it runs while the stay does.
func (t *Trail) ended(value func(StayOf) int64, weigh func(StayOf) (out, assumed string)) []Point {
	var out []Point
	for _, s := range t.Stays() {
		if !s.Inpatient() || s.Admitted.IsZero() {
			continue
		}
		p := Point{Subject: s.Subject, Group: s.Group, From: s.Admitted}
		switch {
		case s.Left != nil:
			p.To, p.Value = s.Left.At, value(s)
			p.Out, p.Assumed = weigh(s)
		case !s.Gone.IsZero():
			p.To, p.Out = s.Gone, "joined"
		}
		out = append(out, p)
	}
	return out
}

// leftOut is why a stay that ended does not count as a discharge; "" it counts. The
// discharge-ready date is asked about only where ready is set.
func leftOut(t *Trail, s StayOf, ready bool) string {
	left := t.Day(s.Left.At)
	switch born := t.Case().Person.Born; {
	case s.Left.Death():
		return "died"
	case s.Left.ToHospital():
		return "transferred"
	case !born.IsZero() && born.AgeOn(left) < 16:
		return "under-16"
	case t.Day(s.Admitted) == left:
		return "zero-day"
	case ready && len(s.Ready) > 0 && left.Before(t.Day(s.Ready[len(s.Ready)-1].From)):
		return "ready-after-left"
	}
	return ""
}

// assumedOf is what is assumed of the discharge-ready date of a stay that ended.
func assumedOf(s StayOf) string {
	n := len(s.Ready)
	switch {
	case n == 0 || s.Ready[n-1].To.Before(s.Left.At):
		return "blank"
	case !s.Ready[n-1].Told.IsZero():
		return "clamped"
	}
	return ""
}

// StayDays are the same stays, each with all its whole days of not meeting the criteria
// to reside, those before the criteria were met again too. It is ours.
var StayDays = &Source{ID: "stay-days", Words: "a hospital stay that ended", Cuts: usual, Of: func(t *Trail) []Point {
	return t.ended(func(s StayOf) (days int64) {
		for _, p := range s.apart() {
			days += int64(max(0, t.Day(p.From).DaysTo(t.Day(p.To))))
		}
		return days
	}, func(s StayOf) (out, assumed string) { return leftOut(t, s, true), assumedOf(s) })
}}

// apart are the periods of a stay in which the criteria to reside were not met, none of
// which begins before the one before it ended: nobody is in a bed twice. To is zero
// while one lasts.
func (s StayOf) apart() []care.Period {
	end := s.Gone
	if s.Left != nil {
		end = s.Left.At
	}
	ready := slices.Clone(s.Ready)
	slices.SortStableFunc(ready, func(a, b care.Period) int { return a.From.Compare(b.From) })
	var out []care.Period
	var until time.Time
	for _, r := range ready {
		if !end.IsZero() && (r.To.IsZero() || r.To.After(end)) {
			r.To = end
		}
		if r.From.Before(until) {
			r.From = until
		}
		if !r.To.IsZero() && !r.To.After(r.From) {
			continue // of no time at all, or told as from after the leaving
		}
		out = append(out, r)
		if r.To.IsZero() {
			break
		}
		until = r.To
	}
	return out
}

var (
	byPlace     = []Dim{ByHospital, ByWard, ByCouncil, ByTeam, ByPathway, ByProvider, ByAge}
	drdCite     = "NHS England, Discharge Ready Date guidance"
	drdExcludes = []string{"died", "transferred", "under-16", "zero-day", "ready-after-left", "joined"}
)

// delays are measures of the time from being ready to leave to leaving.
var delays = []Measure{
	{ID: "delay", Title: "Average days from discharge-ready to leaving hospital", Sentence: "How many days people waited, on average, from the day on which they were ready to leave to the day on which they left, everybody counted.",
		Unit: Days, Start: "the discharge-ready date", Stop: "the day of leaving hospital", Method: "The whole local days from one to the other, added up and divided by all who left. Who left on the day counts as 0. Of a date that began anew when the criteria to reside were met again, the last one counts; who met them again and then left without another date counts as leaving on the day.",
		Source: Stays, Stat: mean, By: byPlace, Leaves: drdExcludes, Cite: drdCite, Better: Lower, Table: delayBands},
	{ID: "delay-delayed", Title: "Average days of those who waited at least one day", Sentence: "How many days people waited, on average, of those who did not leave on the day on which they were ready.",
		Unit: Days, Start: "the discharge-ready date", Stop: "the day of leaving hospital", Method: "The whole local days added up and divided by those who waited a day or more.",
		Source: Stays, Stat: meanFrom(1), By: byPlace, Leaves: drdExcludes, Cite: drdCite, Better: Lower, Table: delayBands},
	{ID: "on-the-day", Title: "Left on the discharge-ready date", Sentence: "Of those who left, the share who left on the day on which they were ready.",
		Unit: Share, Start: "the discharge-ready date", Stop: "the day of leaving hospital", Method: "Those with 0 days divided by all who left.",
		Source: Stays, Stat: shareOf(0, 0), By: byPlace, Leaves: drdExcludes, Cite: drdCite, Better: Higher, Table: delayBands},
	{ID: "delay-median", Title: "Median days from discharge-ready to leaving hospital", Sentence: "Half of those who left waited this many days or fewer.",
		Unit: Days, Start: "the discharge-ready date", Stop: "the day of leaving hospital", Method: "The middle one when all who left are put in order of their days; of an even number, the lower of the two in the middle.",
		Source: Stays, Stat: quantile(0.5), By: byPlace, Leaves: drdExcludes, Cite: drdCite, Better: Lower, Table: delayBands},
	{ID: "delay-90", Title: "Days within which nine in ten left", Sentence: "Nine in ten of those who left waited this many days or fewer from the day on which they were ready.",
		Unit: Days, Start: "the discharge-ready date", Stop: "the day of leaving hospital", Method: "The 90th percentile, as nearest rank.",
		Source: Stays, Stat: quantile(0.9), By: byPlace, Leaves: drdExcludes, Cite: drdCite, Better: Lower, Table: delayBands},
	{ID: "ready-coverage", Title: "Discharge-ready date recorded", Sentence: "Of those who left, the share whose discharge-ready date is recorded and can be used.",
		Unit: Share, Start: "the stays that ended", Stop: "the day of leaving hospital", Method: "Those with a date that is not after the day of leaving, divided by all who left. Who has none counts as leaving on the day in the other measures; who left on the day may have it left blank.",
		Source: Stays, Stat: covered, By: byPlace, Leaves: drdExcludes[:4], Cite: drdCite, Better: Higher},
	{ID: "discharges", Title: "People who left hospital", Sentence: "How many stays of at least one night ended with somebody of 16 or over leaving hospital.",
		Unit: People, Start: "the admission", Stop: "the day of leaving hospital", Method: "The stays that ended, counted on the local day of leaving.",
		Source: Stays, Stat: leavers, By: byPlace, Leaves: drdExcludes[:4], Cite: drdCite, Better: Neither},
	{ID: "died-in-hospital", Title: "Deaths in hospital", Sentence: "How many stays ended with a death. They are no delayed discharges, and are counted here by themselves.",
		Unit: People, Start: "the admission", Stop: "the death", Method: "The stays that ended with a death, of all ages and lengths, counted on its local day.",
		Source: Stays, Stat: outNumber("died"), By: byPlace, Cite: drdCite, Better: Neither},
	{ID: "not-meeting-days", Title: "Average days of not meeting the criteria to reside, of the whole stay", Sentence: "How many days of their stay people did not meet the criteria to reside, on average, those before the criteria were met again too.",
		Unit: Days, Start: "each time that the criteria were no longer met", Stop: "each time that they were met again, and the leaving", Method: "The whole local days of all periods, added up and divided by all who left. The national measure counts only the last period.",
		Source: StayDays, Stat: mean, By: byPlace, Leaves: drdExcludes, Cite: "ours", Better: Lower, Local: true, Table: delayBands},
}

// covered is the share of those who left whose discharge-ready date can be used.
func covered(h *Hist) (float64, int64, bool) {
	n := h.N() + h.Out["ready-after-left"]
	if n == 0 {
		return 0, 0, false
	}
	return float64(h.N()-h.Assumed["blank"]) / float64(n), n, true
}

// leavers is how many left, those whose date cannot be used too.
func leavers(h *Hist) (float64, int64, bool) {
	n := h.N() + h.Out["ready-after-left"]
	return float64(n), n, true
}

// outNumber is how many are left out of the others for a reason.
func outNumber(why string) Stat {
	return func(h *Hist) (float64, int64, bool) { return float64(h.Out[why]), h.Out[why], true }
}

// delayBands are the bands of days in which waits are shown. The edges are ours.
func delayBands(h *Hist) []Slice {
	return bands(h, []Slice{{Words: "On the day"}, {Words: "1 day", From: 1}, {Words: "2 to 3 days", From: 2}, {Words: "4 to 6 days", From: 4},
		{Words: "7 to 13 days", From: 7}, {Words: "14 to 20 days", From: 14}, {Words: "21 days or more", From: 21}})
}

// bands counts how many there are from the edge of each part up to that of the next.
func bands(h *Hist, parts []Slice) []Slice {
	for i := range parts {
		parts[i].N = h.from(parts[i].From)
		if i > 0 {
			parts[i-1].N -= parts[i].N
		}
	}
	return parts
}
