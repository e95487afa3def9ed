package care

import (
	"time"

	"homeward/nhs"
)

// DelayDays is the national measure of delay: the whole local days from the
// Discharge Ready Date to the day of leaving. The date is the start of the
// period that lasted until the end, so that criteria met again start it anew.
// It is 0 while somebody is still in hospital, and when no period lasted until
// the end (the date may be blank; readers flag that as assumed). A date before
// admission counts from admission. NHS England, Discharge Ready Date guidance.
func (s Stay) DelayDays(loc *time.Location) int {
	i := s.openReady()
	if s.Left == nil || i < 0 {
		return 0
	}
	return s.periodDays(s.Ready[i], loc)
}

// NotMeetingDays is our own total of whole local days in all finished periods
// in which the criteria to reside were not met. It is not the national measure.
func (s Stay) NotMeetingDays(loc *time.Location) int {
	n := 0
	for _, p := range s.Ready {
		if !p.To.IsZero() {
			n += s.periodDays(p, loc)
		}
	}
	return n
}

// periodDays counts a finished period, from admission at the earliest.
func (s Stay) periodDays(p Period, loc *time.Location) int {
	from := nhs.DateOf(later(p.From, s.Admitted).In(loc))
	return max(0, from.DaysTo(nhs.DateOf(p.To.In(loc))))
}
