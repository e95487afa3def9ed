package ui

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"homeward/nhs"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// NotKnown is shown for a value that nobody gave. NHS CUI PAB-0019.
const NotKnown = "Not known"

// london is the zone in which every time is shown. A program that imports
// time/tzdata always has it; one that does not and runs on a machine without
// zone files is a programmer's mistake.
var london = sync.OnceValue(func() *time.Location {
	l, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic("ui: no Europe/London zone: import time/tzdata in main")
	}
	return l
})

// Name is FAMILY, Given (Title); parts that are empty are left out, and a
// person without any name is "Name not known". NHS CUI NID-0001 to 0006.
func Name(family, given, title string) string {
	var parts []string
	for _, s := range []string{strings.ToUpper(strings.TrimSpace(family)), strings.TrimSpace(given)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return "Name not known"
	}
	s := strings.Join(parts, ", ")
	if title = strings.TrimSpace(title); title != "" {
		s += " (" + title + ")"
	}
	return s
}

// Initials is the first letter of the given name and of the family name, as a
// wallboard shows it.
func Initials(family, given string) string {
	first := func(s string) string {
		for _, r := range strings.ToUpper(strings.TrimSpace(s)) {
			return string(r)
		}
		return ""
	}
	return first(given) + first(family)
}

// Day is a calendar day as 02-Jan-2006, or "Not known". NHS CUI short date.
func Day(d nhs.Date) string {
	if d.IsZero() {
		return NotKnown
	}
	return d.Time().Format("02-Jan-2006")
}

// Date is the day of t in London as 02-Jan-2006, or "Not known". For data.
func Date(t time.Time) string {
	if t.IsZero() {
		return NotKnown
	}
	return t.In(london()).Format("02-Jan-2006")
}

// DateTime is t in London as 02-Jan-2006 15:04, or "Not known". In the hour
// that comes twice each October it names the zone, BST or GMT.
func DateTime(t time.Time) string {
	if t.IsZero() {
		return NotKnown
	}
	return t.In(london()).Format("02-Jan-2006 15:04") + zone(t)
}

// LongDate is the day of t in London as 2 January 2006, for sentences (NHS
// content style), or "not known".
func LongDate(t time.Time) string {
	if t.IsZero() {
		return strings.ToLower(NotKnown)
	}
	return t.In(london()).Format("2 January 2006")
}

// Clock is the time of day of t in London as 15:04, or "Not known"; it names
// the zone in the hour that comes twice.
func Clock(t time.Time) string {
	if t.IsZero() {
		return NotKnown
	}
	return t.In(london()).Format("15:04") + zone(t)
}

// ClockOn is Clock for a time on the same London day as now, and DateTime otherwise.
func ClockOn(t, now time.Time) string {
	if Date(t) == Date(now) {
		return Clock(t)
	}
	return DateTime(t)
}

// zone is " BST" or " GMT" in the repeated hour and "" otherwise.
func zone(t time.Time) string {
	offset := func(d time.Duration) int { _, o := t.Add(d).In(london()).Zone(); return o }
	switch now := offset(0); {
	case now > offset(time.Hour):
		return " BST"
	case now < offset(-time.Hour):
		return " GMT"
	}
	return ""
}

// Age is the age at the instant at of a person born on a day, in the units of
// NHS CUI patient banner table 7; under 4 weeks in days, since the hour of birth
// is not known. "" when the day of birth is not known or in the future.
func Age(born nhs.Date, at time.Time) string {
	on := nhs.DateOf(at.In(london()))
	if born.IsZero() || on.Before(born) {
		return ""
	}
	if days := born.DaysTo(on); days < 28 {
		return strconv.Itoa(days) + "d"
	}
	return AgeAt(born.Time(), on.Time())
}

// AgeAt is the age between two instants in the units of NHS CUI patient banner
// table 7: minutes under 2 hours, hours under 2 days, days under 4 weeks, weeks
// and days under 1 year, months and days under 2, years and months under 18,
// then years.
func AgeAt(born, now time.Time) string {
	d := now.Sub(born)
	days := int(d.Hours() / 24)
	y, m, dd := between(born, now)
	switch {
	case d < 2*time.Hour:
		return fmt.Sprintf("%dmin", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dhrs", int(d.Hours()))
	case days < 28:
		return fmt.Sprintf("%dd", days)
	case y < 1:
		return units(days/7, "w", days%7, "d")
	case y < 2:
		return units(y*12+m, "m", dd, "d")
	case y < 18:
		return units(y, "y", m, "m")
	}
	return fmt.Sprintf("%dy", y)
}

// units leaves the smaller unit out when it is nought.
func units(a int, ua string, b int, ub string) string {
	if b == 0 {
		return fmt.Sprintf("%d%s", a, ua)
	}
	return fmt.Sprintf("%d%s %d%s", a, ua, b, ub)
}

// between is the whole years, months and days from a to b.
func between(a, b time.Time) (y, m, d int) {
	y, m, d = b.Year()-a.Year(), int(b.Month())-int(a.Month()), b.Day()-a.Day()
	if d < 0 {
		m--
		d += time.Date(b.Year(), b.Month(), 0, 0, 0, 0, 0, time.UTC).Day()
	}
	if m < 0 {
		y--
		m += 12
	}
	return y, m, d
}

// Ago is for freshness only: minutes under 2 hours, then hours under 2 days,
// then days. app.js keeps the same words counting.
func Ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return "less than a minute ago"
	case d < 2*time.Minute:
		return "1 minute ago"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// Duration is whole days and hours, as 4d 6hr, or minutes under an hour.
// NHS CUI date and time.
func Duration(d time.Duration) string {
	days, hours := int(d.Hours())/24, int(d.Hours())%24
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%dmin", int(d.Minutes()))
	case days == 0:
		return fmt.Sprintf("%dhr", hours)
	case hours == 0:
		return fmt.Sprintf("%dd", days)
	}
	return fmt.Sprintf("%dd %dhr", days, hours)
}

// Plural is "1 person" or "3 people".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// AgoTime is a time element that app.js keeps counting; its title is the clock
// time, so that the exact moment is never lost.
func AgoTime(t, now time.Time) Node {
	if t.IsZero() {
		return Missing("never")
	}
	return h.Time(h.DateTime(t.UTC().Format(time.RFC3339)), h.Title(DateTime(t)), flag("ago"), g.Text(Ago(t, now)))
}

// TimeAt is a time element with the date and the time in London.
func TimeAt(t time.Time) Node { return stamp(t, DateTime(t)) }

func stamp(t time.Time, text string) Node {
	if t.IsZero() {
		return Missing(NotKnown)
	}
	return h.Time(h.DateTime(t.UTC().Format(time.RFC3339)), g.Text(text))
}

// NHSNo is an NHS number in groups of 3, 3 and 4 that is never broken over two
// lines, or "Not known". NHS CUI NUM-0001.
func NHSNo(n nhs.Number) Node {
	if n.IsZero() {
		return Missing(NotKnown)
	}
	return NoWrap(n.Spaced())
}

// NHSNoAs is NHSNo and says of a number that was not traced that it is not
// verified. NHS Data Dictionary: NHS NUMBER STATUS INDICATOR CODE.
func NHSNoAs(n nhs.Number, unverified bool) Node {
	return g.Group{NHSNo(n), g.If(unverified && !n.IsZero(), g.Text(" (not verified)"))}
}
