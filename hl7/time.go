package hl7

import (
	"errors"
	"strings"
	"time"
)

// Precision is how much of a date or time the sender gave.
type Precision int

// The precisions of HL7 v2.4 2.9.47 (TS), from the coarsest.
const (
	Year Precision = iota + 1
	Month
	Day
	Hour
	Minute
	Second
	Fraction
)

// Time is a date or time as a sender gave it.
type Time struct {
	// At is the instant. For a Year, Month or Day it is the first instant of that
	// period where the sender is, so At.Date() gives back the date.
	At time.Time
	// Precision tells a day ("20261124") from an instant. Day or coarser is a
	// date and must not be shown as midnight.
	Precision Precision
	// Zoned says that the sender gave the offset from UTC.
	Zoned bool
	// Ambiguous says that the clock showed this time twice, in the hour that
	// repeats in October, and that At is one of two possible instants.
	Ambiguous bool
	// Shifted says that the clock never showed this time, in the hour left out in
	// March, and that At is one hour later on the clock than was sent.
	Shifted bool
}

// IsDate reports that no time of day was given.
func (t Time) IsDate() bool { return t.Precision <= Day }

// What can be wrong with a time. The texts do not repeat it: it may be a date
// of birth.
var (
	ErrNoTime         = errors.New("reading HL7 time: nothing is given")
	ErrTimeForm       = errors.New("reading HL7 time: it is not of the form YYYY[MM[DD[HH[MM[SS[.S]]]]]][+ZZZZ]")
	ErrImpossibleTime = errors.New("reading HL7 time: there is no such date, time of day or offset")
)

// ParseTime reads an HL7 TS, YYYY[MM[DD[HH[MM[SS[.S...]]]]]][+/-ZZZZ]. HL7 v2.4
// 2.9.47. A time without offset is local in loc, which for an English hospital
// is Europe/London. Of a time that the clock showed twice, the first (summer
// time) instant is taken; a time that the clock left out is moved on by the
// hour that was left out, so that 01:30 becomes 02:30 summer time. Both are
// marked. Errors are ErrNoTime, ErrTimeForm and ErrImpossibleTime.
func ParseTime(s string, loc *time.Location) (Time, error) {
	return parseTime(s, loc, func(first, _ time.Time) time.Time { return first })
}

// ParseTimeNear is ParseTime, but of a time that the clock showed twice it takes
// the instant closest to near, such as when the message was received.
func ParseTimeNear(s string, loc *time.Location, near time.Time) (Time, error) {
	return parseTime(s, loc, func(first, second time.Time) time.Time {
		if near.Sub(first).Abs() <= near.Sub(second).Abs() {
			return first
		}
		return second
	})
}

func parseTime(s string, loc *time.Location, choose func(first, second time.Time) time.Time) (Time, error) {
	s = strings.Trim(s, " ")
	if s == "" {
		return Time{}, ErrNoTime
	}
	clock, zone, zoned, err := cutOffset(s)
	if err != nil {
		return Time{}, err
	}
	wall, precision, err := readClock(clock)
	if err != nil {
		return Time{}, err
	}
	t := Time{Precision: precision, Zoned: zoned}
	if zoned {
		t.At = relocate(wall, zone)
		return t, nil
	}
	t.At, t.Ambiguous, t.Shifted = localTime(wall, loc, choose)
	if t.IsDate() {
		t.Ambiguous, t.Shifted = false, false // of a day, nobody asks which midnight
	}
	return t, nil
}

// cutOffset takes +/-ZZZZ off the end.
func cutOffset(s string) (clock string, zone *time.Location, zoned bool, err error) {
	i := strings.IndexAny(s, "+-")
	if i < 0 {
		return s, nil, false, nil
	}
	z := s[i+1:]
	if len(z) != 4 || !allDigits(z) {
		return "", nil, false, ErrTimeForm
	}
	hours, minutes := number(z[:2]), number(z[2:])
	if hours > 14 || minutes > 59 {
		return "", nil, false, ErrImpossibleTime
	}
	seconds := hours*3600 + minutes*60
	switch {
	case seconds == 0:
		return s[:i], time.UTC, true, nil
	case s[i] == '-':
		seconds = -seconds
	}
	return s[:i], time.FixedZone("", seconds), true, nil
}

// readClock reads the digits as if they were UTC.
func readClock(s string) (time.Time, Precision, error) {
	digits, fraction, hasFraction := strings.Cut(s, ".")
	precision, ok := map[int]Precision{4: Year, 6: Month, 8: Day, 10: Hour, 12: Minute, 14: Second}[len(digits)]
	if !ok || !allDigits(digits) || !allDigits(fraction) {
		return time.Time{}, 0, ErrTimeForm
	}
	var nanos int
	if hasFraction {
		if precision != Second || fraction == "" || len(fraction) > 9 {
			return time.Time{}, 0, ErrTimeForm
		}
		precision = Fraction
		nanos = number((fraction + "00000000")[:9])
	}
	full := digits + "00000101000000"[len(digits):]
	year, month, day := number(full[:4]), number(full[4:6]), number(full[6:8])
	hour, minute, second := number(full[8:10]), number(full[10:12]), number(full[12:])
	if year < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, 0, ErrImpossibleTime
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if int(t.Month()) != month || t.Day() != day {
		return time.Time{}, 0, ErrImpossibleTime
	}
	return t, precision, nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// number reads digits that have been checked.
func number(s string) (n int) {
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// relocate gives the instant at which a clock in zone shows what wall shows.
func relocate(wall time.Time, zone *time.Location) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
}

// localTime finds the instants at which a clock in loc shows what wall shows:
// one, two when the clock was put back, none when it was put forward. time.Date
// does not say which of two it takes, so it is not asked.
func localTime(wall time.Time, loc *time.Location, choose func(first, second time.Time) time.Time) (at time.Time, ambiguous, shifted bool) {
	before, after := offsetAt(wall.Add(-24*time.Hour), loc), offsetAt(wall.Add(24*time.Hour), loc)
	first, second := wall.Add(-before).In(loc), wall.Add(-after).In(loc)
	firstHolds, secondHolds := offsetAt(first, loc) == before, offsetAt(second, loc) == after
	switch {
	case firstHolds && secondHolds && before != after:
		return choose(first, second), true, false
	case firstHolds:
		return first, false, false
	case secondHolds:
		return second, false, false
	}
	return first, false, before != after
}

func offsetAt(t time.Time, loc *time.Location) time.Duration {
	_, seconds := t.In(loc).Zone()
	return time.Duration(seconds) * time.Second
}

// layouts are those of time.Format for each precision.
var layouts = [...]string{Year: "2006", Month: "200601", Day: "20060102", Hour: "2006010215",
	Minute: "200601021504", Second: "20060102150405", Fraction: "20060102150405.000"}

// FormatTime writes a TS as a clock in t's own location shows it, without
// offset, as UK systems expect. A time in the repeated hour of October is
// ambiguous so; FormatInstant is not. HL7 v2.4 2.9.47. A Precision that is not
// one of the constants gives "".
func FormatTime(t time.Time, p Precision) string {
	if p < Year || p > Fraction {
		return ""
	}
	return t.Format(layouts[p])
}

// FormatInstant writes a TS to the second with its offset from UTC.
func FormatInstant(t time.Time) string { return t.Format(layouts[Second] + "-0700") }
