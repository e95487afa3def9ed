package measure

import (
	"cmp"
	"slices"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// AtHome91 and AtHome6m are the people of 65 and over who went home with a short-term
// service, 1 where they are still at home. They count on the day of leaving, once the
// answer is known. SALT STS004 (ASCOF 2D, as 2B part 1 before it): whoever died, is in hospital
// or in a registered care home but for brief respite, is not in the numerator and
// stays in the denominator; whoever cannot be reached is not at home.
var (
	AtHome91 = &Source{ID: "home-91", Words: "somebody who went home with a short-term service, asked about after 91 days",
		Of: func(t *Trail) []Point { return homePoints(t, func(o care.Outcome) *care.AtHome { return o.Day91 }) }, Cuts: homeCuts}
	AtHome6m = &Source{ID: "home-6m", Words: "somebody who went home with a short-term service, asked about after 6 months",
		Of: func(t *Trail) []Point { return homePoints(t, func(o care.Outcome) *care.AtHome { return o.Month6 }) }, Cuts: homeCuts}
)

var homeCuts = [][]Dim{{ByHospital}, {ByHospital, ByWard}, {ByCouncil}, {ByCouncil, ByTeam}, {ByPathway}, {ByProvider}, {ByAge}, {ByReason}}

func homePoints(t *Trail, answer func(care.Outcome) *care.AtHome) (out []Point) {
	c := t.Case()
	for _, r := range c.Referrals {
		left := t.leftFor(c, r)
		if left.IsZero() || r.Accepted.IsZero() || r.To == "" || !slices.Contains([]care.RefState{care.RefDischarged, care.RefClosed, care.RefDied}, r.State) {
			continue
		}
		o := c.OutcomeOf(r.ID)
		p := Point{Subject: string(r.ID), Group: t.legGroup(r.ID), From: left}
		if p.Out, p.Assumed = t.notHome(c, r, o, left); p.Out != "" {
			p.To, p.Assumed = left, ""
		} else if a := answer(o); a != nil {
			p.To, p.Reason = left, a.Answer
			if a.Counts() {
				p.Value = 1
			}
		} else {
			p.Assumed = ""
		}
		out = append(out, p)
	}
	return out
}

// leftFor is when the person of a referral left hospital alive: as the feed told it, or
// at the noon of the day that people recorded; zero while nobody did.
func (t *Trail) leftFor(c care.Case, r care.Referral) time.Time {
	if s, ok := c.StayOf(r); ok {
		if s.Left.Died || s.Left.Moved {
			return time.Time{}
		}
		return s.Left.At
	}
	if d := c.OutcomeOf(r.ID).Left; !d.IsZero() {
		return t.at(d).Add(12 * time.Hour)
	}
	return time.Time{}
}

// at is when a local day begins.
func (t *Trail) at(d nhs.Date) time.Time {
	return time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, t.Zone)
}

// homeward are the places from which people are meant to be at home later: home itself,
// and a bed or home for rehabilitation or a short stay (care.Destinations).
var homeward = []string{"home", "home-care", "extra-care", "family", "bed", "respite"}

// usualPlace are the discharge destinations that are home, or a place for a time
// (UK Core DischargeDestinationEngland).
var usualPlace = []string{"19", "29"}

// notHome is why somebody is not in the denominator, or else what is assumed.
func (t *Trail) notHome(c care.Case, r care.Referral, o care.Outcome, left time.Time) (out, assumed string) {
	day, born := t.Day(left), c.Person.Born
	code := ""
	if s, ok := c.StayOf(r); ok {
		code = s.Left.Destination
	}
	switch {
	case born.IsZero():
		return "age-unknown", ""
	case born.AgeOn(day) < 65:
		return "under-65", ""
	case o.Destination != "" && !slices.Contains(homeward, o.Destination),
		o.Destination == "" && code != "" && !slices.Contains(usualPlace, code):
		return "not-home", ""
	case !shortTerm(c, r, o, day):
		return "no-short-term", ""
	case cmp.Or(o.Destination, code) == "":
		return "", "no-destination"
	}
	return "", ""
}

// shortTermKinds are the kinds of care that are short-term to maximise independence, or
// a short stay (Interweave-SocialCareServiceType).
var shortTermKinds = []string{"R", "STRC", "STNC", "OSTS"}

// shortTerm reports whether somebody left with a short-term service: one booked for the
// referral, one that the council tells of that began from 3 days before to 7 days after
// leaving (the rule by which ASCOF 2D links the two), or a bed for rehabilitation.
func shortTerm(c care.Case, r care.Referral, o care.Outcome, left nhs.Date) bool {
	short := func(kind string) bool { return slices.Contains(shortTermKinds, kind) }
	if o.Destination == "bed" {
		return true
	}
	for _, q := range c.Requests {
		if q.Referral == r.ID && q.Booked != "" && short(q.Kind) {
			return true
		}
	}
	for _, h := range c.Holdings {
		for _, p := range h.Packages {
			if days := left.DaysTo(p.Start); h.Council == r.To && short(p.Kind) && !p.Start.IsZero() && days >= -3 && days <= 7 {
				return true
			}
		}
	}
	return false
}

const (
	homeStart  = "leaving hospital for home, extra care or a short stay in a bed for rehabilitation, at 65 or over, with a short-term service"
	homeMethod = "Those at home, in extra care or in a care home for a brief respite, divided by all whose answer is known. Who died, is in hospital, lives in a care home, or cannot be reached is not at home, and is counted. " +
		"A short-term service is reablement, a short stay or other short-term support that was booked here, or that the council tells of as begun from 3 days before to 7 days after leaving. " +
		"Where nobody recorded where to, and the hospital’s code says a care home, the person is left out, also when it was for rehabilitation. " +
		"Not known here, and so not weighed: whether the assessment was joint, whether the plan was to go back home for good, and short-term services of the NHS. "
)

var homeLeaves = []string{"age-unknown", "under-65", "not-home", "no-short-term"}

// homes are measures of where people are later.
var homes = []Measure{
	{ID: "home-91", Title: "Still at home after 91 days", Sentence: "Of the people of 65 and over who left hospital with a short-term service, the share that was at home 91 days later.",
		Unit: Share, Start: homeStart, Stop: "day 91 after leaving; counted on the day of leaving",
		Method: homeMethod + "The national measure counted those who left from 1 October to 31 December; of other days the figure is our own.",
		Source: AtHome91, Stat: shareOf(1, 1), By: append([]Dim{ByReason}, byPlace...), Leaves: homeLeaves, Cite: "SALT STS004 (ASCOF 2D, as 2B part 1 before it)", Better: Higher, Matures: 91},
	{ID: "home-6m", Title: "Still at home after 6 months", Sentence: "Of the people of 65 and over who left hospital with a short-term service, the share that was at home 6 months later.",
		Unit: Share, Start: homeStart, Stop: "the same day 6 months after leaving; counted on the day of leaving",
		Method: homeMethod + "No national measure asks after 6 months.",
		Source: AtHome6m, Stat: shareOf(1, 1), By: append([]Dim{ByReason}, byPlace...), Leaves: homeLeaves, Cite: "ours", Better: Higher, Matures: 184, Local: true},
}
