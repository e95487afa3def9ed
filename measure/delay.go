package measure

import (
	"time"
)

// Stays are the stays that ended, each with the whole days from the discharge-ready
// date to the day of leaving. NHS England, Discharge Ready Date guidance: of a date that
// begins anew when the criteria to reside are met again, the last one counts; a blank
// date counts as leaving on the day; those under 16, stays of no night, deaths and
// moves to another hospital are left out.
var Stays = &Source{ID: "stay", Words: "a hospital stay that ended", Of: stayPoints, Cuts: usual}

func stayPoints(t *Trail) []Point {
	var out []Point
	for _, s := range t.Stays() {
		if !s.Inpatient() || s.Admitted.IsZero() {
			continue
		}
		p := Point{Subject: s.Subject, Group: s.Group, From: s.Admitted}
		if s.Left != nil {
			p.To = s.Left.At
			p.Value = int64(s.DelayDays(t.Zone))
			p.Out, p.Assumed = leftOut(t, s), assumed(s)
		}
		out = append(out, p)
	}
	return out
}

// leftOut is why a stay that ended does not count as a discharge.
func leftOut(t *Trail, s StayOf) string {
	left := t.Day(s.Left.At)
	switch born := t.Case().Person.Born; {
	case s.Left.Died:
		return "died"
	case s.Left.Moved || transferred[s.Left.Destination]:
		return "transferred"
	case !born.IsZero() && born.AgeOn(left) < 16:
		return "under-16"
	case t.Day(s.Admitted) == left:
		return "zero-day"
	case len(s.Ready) > 0 && left.Before(t.Day(s.Ready[len(s.Ready)-1].From)):
		return "ready-after-left"
	}
	return ""
}

// assumed is what is assumed of the discharge-ready date of a stay that ended.
func assumed(s StayOf) string {
	n := len(s.Ready)
	switch {
	case n == 0 || s.Ready[n-1].To.Before(s.Left.At):
		return "blank"
	case !s.Ready[n-1].Told.IsZero():
		return "clamped"
	}
	return ""
}

// transferred are the discharge destinations that are another hospital (UK Core
// DischargeDestinationEngland): the stay goes on there.
var transferred = map[string]bool{"49": true, "50": true, "51": true, "52": true, "53": true, "84": true, "87": true}

// NotMeeting are the periods in which somebody in a bed did not meet the criteria to
// reside, counted at each midnight with the length of the stay in nights.
var NotMeeting = &Source{ID: "not-meeting", Words: "a period of not meeting the criteria to reside", Span: true, Of: notMeetingPoints, Cuts: usual}

func notMeetingPoints(t *Trail) []Point {
	var out []Point
	for _, s := range t.Stays() {
		if !s.Inpatient() {
			continue
		}
		for _, r := range s.Ready {
			p := Point{Subject: s.Subject + "/" + r.From.UTC().Format(time.RFC3339), Group: s.Group, From: r.From, To: r.To, Since: s.Admitted}
			if s.Left != nil && p.Open() { // put away by a join, or not closed by its own end
				p.To = s.Left.At
			}
			out = append(out, p)
		}
	}
	return out
}
