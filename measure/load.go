package measure

import (
	"maps"
	"slices"
	"time"

	"homeward/care"
)

// Caseload are the referrals that a worker was named for, until they ended, counted at
// each midnight.
var Caseload = &Source{ID: "caseload", Words: "a referral that is allocated and open", Span: true, Of: caseloadPoints, Cuts: workCuts}

func caseloadPoints(t *Trail) (out []Point) {
	for _, l := range t.legs() {
		if !l.Allocated.IsZero() {
			out = append(out, Point{Subject: string(l.ID), Group: l.Group, From: l.Allocated, To: l.Ended})
		}
	}
	return out
}

// Carried are the referrals that the hospital no longer follows, each with how many
// changes its patient system told meanwhile: those that somebody would have had to pass on.
var Carried = &Source{ID: "carried", Words: "a referral, by how many changes of the hospital’s system it was told of", Of: carriedPoints, Cuts: workCuts}

func carriedPoints(t *Trail) (out []Point) {
	legs := t.legs()
	if len(legs) == 0 {
		return nil
	}
	var at []time.Time // of what was told
	t.each(func(e care.Entry) {
		if e.Cause.Kind == "message" && passedOn(e.Event) {
			at = append(at, e.Event.When())
		}
	})
	for _, l := range legs {
		p := Point{Subject: string(l.ID), Group: l.Group, From: l.Sent, To: l.followed()}
		for _, when := range at {
			if !p.Open() && !when.Before(p.From) && !when.After(p.To) {
				p.Value++
			}
		}
		out = append(out, p)
	}
	return out
}

// followed is until when a hospital followed a referral: to the discharge, or to its end
// before that; zero while it does.
func (l *leg) followed() time.Time {
	to := l.Ended
	for _, s := range slices.Backward(l.spells) {
		if s.State != care.RefDischarged {
			break
		}
		to = s.From
	}
	return to
}

// passedOn reports whether an event is one that a hospital tells the council's worker of.
func passedOn(e care.Event) bool {
	switch e.(type) {
	case care.Moved, care.BecameReady, care.NoLongerReady, care.ExpectedChanged, care.LeaveTold, care.Discharged, care.DischargeUndone, care.PersonDied:
		return true
	}
	return false
}

// Of what is not in the history of cases; followers keep these points (hub).
var (
	// LookUps are the look-ups by staff of a hospital that found care. They count when they
	// were made.
	LookUps = &Source{ID: "look-up", Words: "a look-up that found care", Outside: true, Cuts: [][]Dim{{ByHospital}}, Each: 3}
	// Notices are how many notifications one person got on one day.
	Notices = &Source{ID: "notices", Words: "a person’s notifications of a day", Outside: true, Cuts: [][]Dim{{ByHospital}, {ByCouncil}}, Daily: true}
	// Workloads are how many open referrals one worker had, soon after midnight.
	Workloads = &Source{ID: "workload", Words: "a worker’s open referrals on a day", Outside: true, Cuts: [][]Dim{{ByCouncil}, {ByCouncil, ByTeam}}, Daily: true}
)

// Assumption is something that nobody measured, which a figure is multiplied by. It can
// be set to another value, and is shown beside every figure that is made with it.
type Assumption struct {
	ID      string
	Words   string // what it is, as a question
	One     string // what it is in
	Many    string // and more than one
	Minutes int64  // unless it is set; or pounds, by One
	Why     string // where the value comes from
}

// Assumed by measures of ours.
const (
	perLook   = "minutes-look-up"
	perChange = "minutes-change"
	perNight  = "pounds-night"
)

// Assumable lists what can be set. Nobody has measured them here.
var Assumable = []Assumption{
	{ID: perLook, Words: "How many minutes of telephone calls does a look-up save?", One: "minute", Many: "minutes", Minutes: 15, Why: "Ours, until somebody measures it"},
	{ID: perChange, Words: "How many minutes does it save that a change in the hospital’s system reaches the council by itself?", One: "minute", Many: "minutes", Minutes: 3, Why: "Ours, until somebody measures it"},
	{ID: perNight, Words: "How many pounds does a night in hospital cost?", One: "pound", Many: "pounds", Minutes: 395, Why: "The King’s Fund’s estimate of direct costs, 2022 to 2023. Indicative, not cash-releasing"},
}

// FindAssumption finds an assumption.
func FindAssumption(id string) (Assumption, bool) {
	i := slices.IndexFunc(Assumable, func(a Assumption) bool { return a.ID == id })
	if i < 0 {
		return Assumption{}, false
	}
	return Assumable[i], true
}

// With is a measure under what its assumptions were set to; those that are
// not set stand as they come.
func (m Measure) With(set map[string]int64) Measure {
	if len(m.Assume) == 0 {
		return m
	}
	minutes := int64(1) // of several, the product
	for _, id := range m.Assume {
		a, _ := FindAssumption(id)
		if v, ok := set[id]; ok {
			a.Minutes = v
		}
		minutes *= a.Minutes
	}
	if m.Stat = times(minutes); m.Source.Span { // the values of a span are the nights of its people
		m.Stat = timesNumber(minutes)
	}
	return m
}

// timesNumber is how many there are, times so much.
func timesNumber(each int64) Stat {
	return func(h *Hist) (float64, int64, bool) { return float64(h.N() * each), h.N(), true }
}

// times is the sum of all values, times so many minutes.
func times(minutes int64) Stat {
	return func(h *Hist) (float64, int64, bool) { return float64(h.Sum() * minutes), h.N(), true }
}

// most is the largest value.
func most(h *Hist) (float64, int64, bool) {
	n := h.N()
	if n == 0 {
		return 0, 0, false
	}
	return float64(slices.Max(slices.Collect(maps.Keys(h.Values)))), n, true
}

const (
	noticeWords = "Whole days. Only people who got any are counted. Several about one person within an hour that were put together are one, on the day of the last. Nobody is named, and no case."
	loadWords   = "Counted once a day, soon after midnight. Only workers who have an open referral are counted. Nobody is named."
)

// loads are measures of the work on people's hands, and of what needs no hands any more.
var loads = []Measure{
	{ID: "lookups", Title: "Look-ups that found care", Sentence: "How often staff of a hospital looked somebody up and found care that a council arranged.",
		Unit: Count, Start: "the look-ups that were made", Stop: "the moment of the look-up", Method: "The look-ups of the audit that found care. One that found nothing, or could not be answered, is none.",
		Source: LookUps, Stat: number, By: []Dim{ByHospital}, Cite: "ours", Better: Neither, Local: true},
	{ID: "changes-carried", Title: "Changes passed on by themselves", Sentence: "How many changes in a hospital’s system reached the council without anybody passing them on.",
		Unit: Count, Start: "when a referral was sent", Stop: "when the person left, or the referral ended",
		Method: "Wards, readiness, predicted dates, leave, discharges and deaths that a hospital’s system told of, while a referral was followed. They count on the day on which that was over.",
		Source: Carried, Stat: total, By: byPlace, Cite: "ours", Better: Neither, Local: true},
	{ID: "time-lookups", Title: "Time saved by look-ups", Sentence: "How much telephoning the look-ups that found care may have saved.",
		Unit: Minutes, Start: "the look-ups that were made", Stop: "the moment of the look-up", Method: "The look-ups that found care, times the minutes that a look-up is assumed to save. The minutes can be changed, and are shown with the figure.",
		Source: LookUps, Stat: times(Assumable[0].Minutes), Assume: []string{perLook}, Adds: []ID{"time-changes"}, By: []Dim{ByHospital}, Cite: "ours", Better: Higher, Local: true},
	{ID: "time-changes", Title: "Time saved by changes that pass themselves on", Sentence: "How much time of staff it may have saved that changes in a hospital’s system reached the council by themselves.",
		Unit: Minutes, Start: "when a referral was sent", Stop: "when the person left, or the referral ended", Method: "The changes passed on by themselves, times the minutes that one is assumed to save. The minutes can be changed, and are shown with the figure. Both times saved can be added up.",
		Source: Carried, Stat: times(Assumable[1].Minutes), Assume: []string{perChange}, Adds: []ID{"time-lookups"}, By: byPlace, Cite: "ours", Better: Higher, Local: true},
	{ID: "caseload", Title: "Open referrals that workers have", Sentence: "How many people’s referrals were allocated to a worker and open at midnight.",
		Unit: People, Start: "when a worker was first named", Stop: "the end of the referral", Method: "Counted at each midnight. Of any time longer than a day it is the average of its midnights that have passed. The team is the one that had the referral last.",
		Source: Caseload, Stat: number, Nightly: true, By: byPlace, Cite: "ours", Better: Neither, Local: true},
	{ID: "workload", Title: "Open referrals of one worker: median", Sentence: "Half of the workers who had open referrals had this many or fewer.",
		Unit: Count, Start: "the workers with open referrals", Stop: "once a day, soon after midnight", Method: "The median of all workers and days. " + loadWords,
		Source: Workloads, Stat: quantile(0.5), By: []Dim{ByCouncil, ByTeam}, Cite: "ours", Better: Neither, Local: true, Table: loadBands},
	{ID: "workload-most", Title: "Open referrals of one worker: the most", Sentence: "The most open referrals that one worker had at once, counted once a day.",
		Unit: Count, Start: "the workers with open referrals", Stop: "once a day, soon after midnight", Method: "The largest of all workers and days. " + loadWords,
		Source: Workloads, Stat: most, By: []Dim{ByCouncil, ByTeam}, Cite: "ours", Better: Neither, Local: true, Table: loadBands},
	{ID: "notices", Title: "Notifications for each person and day: median", Sentence: "Half of those who were notified of something on a day got this many notifications or fewer.",
		Unit: Count, Start: "the people who were notified", Stop: "the end of each day", Method: "The median of all people and days. " + noticeWords,
		Source: Notices, Stat: quantile(0.5), By: []Dim{ByHospital, ByCouncil}, Cite: "ours", Better: Lower, Local: true, Table: loadBands},
	{ID: "notices-90", Title: "Notifications for each person and day: 90th percentile", Sentence: "9 of 10 of those who were notified of something on a day got this many notifications or fewer.",
		Unit: Count, Start: "the people who were notified", Stop: "the end of each day", Method: "The 90th percentile of all people and days, as nearest rank. " + noticeWords,
		Source: Notices, Stat: quantile(0.9), By: []Dim{ByHospital, ByCouncil}, Cite: "ours", Better: Lower, Local: true, Table: loadBands},
}

// loadBands are the bands of how many there are for one person. The edges are ours.
func loadBands(h *Hist) []Slice {
	return bands(h, []Slice{{Words: "Up to 4"}, {Words: "5 to 9", From: 5}, {Words: "10 to 19", From: 10}, {Words: "20 or more", From: 20}})
}
