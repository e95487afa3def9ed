package web

import (
	"strconv"
	"strings"
	"time"

	"homeward/nhs"
	"homeward/web/ui"
)

// typedDate is a date as somebody typed it in three boxes.
type typedDate struct{ Day, Month, Year string }

// date reads the boxes that ui.DateInput made under id.
func (v *visit) date(id string) typedDate {
	return typedDate{v.form(id + "-day"), v.form(id + "-month"), v.form(id + "-year")}
}

func (d typedDate) empty() bool { return d == typedDate{} }

var monthWords = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// parse reads the date. wrong says what to mend, in words that begin with name,
// such as "Date of birth"; "" when the date is right. An empty date is the zero
// date and not wrong.
func (d typedDate) parse(name string) (date nhs.Date, wrong string) {
	if d.empty() {
		return nhs.Date{}, ""
	}
	var missing []string
	for _, part := range []struct{ name, v string }{{"day", d.Day}, {"month", d.Month}, {"year", d.Year}} {
		if part.v == "" {
			missing = append(missing, "a "+part.name)
		}
	}
	if len(missing) > 0 {
		return nhs.Date{}, name + " must include " + listed(missing)
	}
	month := d.Month
	for i, w := range monthWords {
		if len(month) >= 3 && strings.HasPrefix(strings.ToLower(month), w) {
			month = strconv.Itoa(i + 1)
		}
	}
	day, err1 := strconv.Atoi(d.Day)
	mon, err2 := strconv.Atoi(month)
	year, err3 := strconv.Atoi(d.Year)
	if err3 == nil && len(d.Year) != 4 {
		return nhs.Date{}, name + ": year must have 4 numbers"
	}
	date, err := nhs.NewDate(year, mon, day)
	if err1 != nil || err2 != nil || err3 != nil || err != nil {
		return nhs.Date{}, name + " must be a real date"
	}
	return date, ""
}

// clockLayouts are how people write a time of day.
var clockLayouts = []string{"15:04", "15.04", "1504", "3pm", "3:04pm", "3.04pm", "15"}

// parseClock reads a time of day, in minutes since midnight.
func parseClock(s string) (minutes int, ok bool) {
	s = strings.ToLower(strings.ReplaceAll(s, " ", ""))
	if len(s) == 3 && s == strings.Map(digitsOnly, s) {
		s = "0" + s
	}
	for _, l := range clockLayouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.Hour()*60 + t.Minute(), true
		}
	}
	return 0, false
}

func digitsOnly(r rune) rune {
	if r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// at is the instant of a day and minutes since midnight in the zone of the screens.
func (s *Server) at(d nhs.Date, minutes int) time.Time {
	return time.Date(d.Year, time.Month(d.Month), d.Day, minutes/60, minutes%60, 0, 0, s.Zone)
}

// today is the calendar day of the visit, where people are.
func (s *Server) today(v *visit) nhs.Date { return nhs.DateOf(v.now.In(s.Zone)) }

// wrongs collects the errors of a form in the order of its fields.
type wrongs []ui.FieldError

// add notes an error; "" is none.
func (w *wrongs) add(id, text string) {
	if text != "" {
		*w = append(*w, ui.FieldError{ID: id, Text: text})
	}
}
