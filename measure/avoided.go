package measure

import (
	"time"

	"homeward/care"
)

// LookedUp are the look-ups whose end was recorded, 1 where the person went home. They
// count on the day of the look-up.
var LookedUp = &Source{ID: "look-ended", Words: "a look-up whose end was recorded",
	Of: func(t *Trail) []Point {
		return t.looks(func(l care.LookResult, _ *Trail) bool { return l.Result.Home() })
	}, Cuts: lookCuts}

// StayedHome are the same, 1 where the person went home and no hospital's feed told of
// an admission from the look-up until 24 hours after it. The 24 hours are ours.
var StayedHome = &Source{ID: "look-home", Words: "a look-up whose end was recorded, weighed by what the feeds told",
	Of: func(t *Trail) []Point { return t.looks(stayedHome) }, Cuts: lookCuts}

var lookCuts = [][]Dim{{ByHospital}, {ByReason}, {ByAge}, {ByHospital, ByReason}}

func (t *Trail) looks(is func(care.LookResult, *Trail) bool) (out []Point) {
	c := t.Case()
	for _, l := range c.Looks {
		p := Point{Subject: l.ID, From: l.Looked, To: l.Looked}
		p.Hospital, p.Reason, p.Age = l.Org, string(l.Result), ageBand(c.Person.Born, t.Day(l.Looked))
		if is(l, t) {
			p.Value = 1
		}
		out = append(out, p)
	}
	return out
}

// avoidedFor is for how long after a look-up nobody may have been admitted.
const avoidedFor = 24 * time.Hour

// stayedHome reports whether somebody went home after a look-up, and was in no bed
// within a day of it.
func stayedHome(l care.LookResult, t *Trail) bool {
	if !l.Result.Home() {
		return false
	}
	for _, s := range t.Stays() {
		over := s.Left != nil && !s.Left.At.After(l.Looked)
		if s.Inpatient() && !s.Admitted.IsZero() && !over && s.Admitted.Before(l.Looked.Add(avoidedFor)) {
			return false
		}
	}
	return true
}

const (
	lookStart = "the look-ups of people that councils hold something of, whose end somebody recorded"
	lookStop  = "the day of the look-up"
	lookTold  = "Nobody has to record what a look-up led to; what was not recorded is in no figure. That somebody went home does not prove that they would have been admitted without the look-up. "
)

var lookBy = []Dim{ByHospital, ByReason, ByAge}

// avoided are measures of what look-ups led to.
var avoided = []Measure{
	{ID: "avoided", Title: "Admissions avoided after a look-up", Sentence: "How many people went home after staff looked up their care at home, by what staff recorded and with no admission within 24 hours.",
		Unit: People, Start: lookStart, Stop: lookStop,
		Method: "Those recorded as gone home of whom no feed tells that they were in a bed between the look-up and 24 hours after it. A hospital without a feed here is not seen. " + lookTold,
		Source: StayedHome, Stat: numberFrom(1), By: lookBy, Cite: "ours", Better: Higher, Local: true, Matures: 1},
	{ID: "avoided-recorded", Title: "Went home after a look-up, as recorded", Sentence: "How many people went home after staff looked up their care at home, by what staff recorded alone.",
		Unit: People, Start: lookStart, Stop: lookStop, Method: "Those recorded as gone home, whatever the feeds tell. " + lookTold,
		Source: LookedUp, Stat: numberFrom(1), By: lookBy, Cite: "ours", Better: Higher, Local: true},
	{ID: "look-home-share", Title: "Share that went home after a look-up", Sentence: "Of the look-ups whose end was recorded, the share after which the person went home.",
		Unit: Share, Start: lookStart, Stop: lookStop, Method: "Those recorded as gone home divided by all whose end was recorded. " + lookTold,
		Source: LookedUp, Stat: shareOf(1, 1), By: lookBy, Cite: "ours", Better: Neither, Local: true},
}
