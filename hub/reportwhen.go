package hub

import (
	"slices"
	"time"

	"homeward/measure"
	"homeward/nhs"
)

// ReportPeriod is a time that moves with the calendar.
type ReportPeriod string

// ReportPeriods are the times that reports can be of, with their words. Those that are
// over end yesterday or before; a week begins on Monday.
var ReportPeriods = []struct {
	Period ReportPeriod
	Words  string
}{
	{"yesterday", "Yesterday"}, {"last-week", "Last week"}, {"this-month", "This month so far"}, {"last-month", "Last month"},
	{"13w", "Last 13 weeks"}, {"26w", "Last 26 weeks"}, {"52w", "Last 52 weeks"}, {"3y", "Last 3 years"}, {"10y", "Last 10 years"}, {"this-year", "This year so far"}, {"last-year", "Last year"},
	{"financial-year", "This financial year so far"},
}

// Valid reports whether a period is one of ours.
func (p ReportPeriod) Valid() bool {
	return slices.ContainsFunc(ReportPeriods, func(x struct {
		Period ReportPeriod
		Words  string
	}) bool {
		return x.Period == p
	})
}

// Say is a period in words.
func (p ReportPeriod) Say() string {
	for _, x := range ReportPeriods {
		if x.Period == p {
			return x.Words
		}
	}
	return string(p)
}

// Days are the first and the last day of a period on a day.
func (p ReportPeriod) Days(today nhs.Date) (from, to nhs.Date) {
	month, week := measure.Monthly.Start(today), measure.Weekly.Start(today)
	year := nhs.Date{Year: today.Year, Month: time.January, Day: 1}
	switch p {
	case "yesterday":
		return today.Add(-1), today.Add(-1)
	case "last-week":
		return week.Add(-7), week.Add(-1)
	case "this-month":
		return month, today
	case "last-month":
		return measure.Monthly.Start(month.Add(-1)), month.Add(-1)
	case "13w":
		return today.Add(1 - 13*7), today
	case "52w":
		return today.Add(1 - 52*7), today
	case "3y":
		return today.Add(1 - 3*365), today
	case "10y":
		return today.Add(1 - 3653), today
	case "this-year":
		return year, today
	case "last-year":
		return nhs.Date{Year: today.Year - 1, Month: time.January, Day: 1}, year.Add(-1)
	case "financial-year":
		from = nhs.Date{Year: today.Year, Month: time.April, Day: 1}
		if today.Before(from) {
			from.Year--
		}
		return from, today
	}
	return today.Add(1 - 26*7), today
}

// ReportEvery is how often a report is delivered; "" never by itself.
type ReportEvery string

// How often.
const (
	EachDay   ReportEvery = "day"
	EachWeek  ReportEvery = "week"
	EachMonth ReportEvery = "month"
)

// ReportSchedule is when a report is delivered, by the local clock.
type ReportSchedule struct {
	Every   ReportEvery  `json:"every,omitempty"`
	Hour    int          `json:"hour,omitempty"`    // 0 to 23
	Weekday time.Weekday `json:"weekday,omitempty"` // of EachWeek
	Day     int          `json:"day,omitempty"`     // of EachMonth: 1 to 28, which each month has
}

func (s ReportSchedule) valid() bool {
	switch {
	case s.Every == "":
		return true
	case s.Hour < 0 || s.Hour > 23:
		return false
	case s.Every == EachMonth:
		return s.Day >= 1 && s.Day <= 28
	}
	return s.Every == EachDay || s.Every == EachWeek && s.Weekday >= time.Sunday && s.Weekday <= time.Saturday
}

// on is the time of a local day at which the report is due; ok is false where it is
// not due on that day. A day on which the clocks change has its hour once.
func (s ReportSchedule) on(d nhs.Date, zone *time.Location) (at time.Time, ok bool) {
	switch s.Every {
	case "":
		return at, false
	case EachWeek:
		ok = d.Time().Weekday() == s.Weekday
	case EachMonth:
		ok = d.Day == s.Day
	default:
		ok = true
	}
	return time.Date(d.Year, d.Month, d.Day, s.Hour, 0, 0, 0, zone).UTC(), ok
}

// next is the first time after t at which the report is due; zero: never.
func (s ReportSchedule) next(t time.Time, zone *time.Location) time.Time {
	today := nhs.DateOf(t.In(zone))
	for i := -1; i < 64; i++ {
		if at, ok := s.on(today.Add(i), zone); ok && at.After(t) {
			return at
		}
	}
	return time.Time{}
}

// latest is the last time at or before t at which the report was due; zero: never.
func (s ReportSchedule) latest(t time.Time, zone *time.Location) time.Time {
	today := nhs.DateOf(t.In(zone))
	for i := 1; i > -64; i-- {
		if at, ok := s.on(today.Add(i), zone); ok && !at.After(t) {
			return at
		}
	}
	return time.Time{}
}
