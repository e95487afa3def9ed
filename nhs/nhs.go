// Package nhs holds the identifiers of the English NHS as types that cannot
// hold a wrong value by accident: NHS numbers, ODS codes and dates of birth.
// An NHS number masks itself in logs and error texts. The package knows nothing
// of who may see an identifier, and it looks nothing up.
package nhs

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Number is an NHS number: ten digits with a valid check digit. The zero value
// means "not known". NHS Data Dictionary, NHS NUMBER.
type Number struct{ digits string }

// ParseNumber reads an NHS number as people type and paste it: spaces, dashes
// and non-breaking spaces are ignored. The error says what to mend and never
// repeats the number.
func ParseNumber(s string) (Number, error) {
	var d strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			d.WriteRune(r)
		case r == ' ' || r == '-' || r == '\u00a0' || r == '\u2009' || r == '\u2011' || r == '\u2013' || r == '\t':
		default:
			return Number{}, fmt.Errorf("NHS number must have 10 digits and no letters or other signs")
		}
	}
	n := d.String()
	if n == "" {
		return Number{}, fmt.Errorf("Enter an NHS number")
	}
	if len(n) != 10 {
		return Number{}, fmt.Errorf("NHS number must have 10 digits. You entered %d", len(n))
	}
	if !checkDigit(n) || strings.Count(n, n[:1]) == 10 {
		return Number{}, fmt.Errorf("Check the NHS number. One or more digits are wrong")
	}
	return Number{n}, nil
}

// checkDigit is the modulus 11 test: weights 10 to 2, remainder 11 counts as 0,
// and 10 is never valid. NHS Data Dictionary, NHS NUMBER.
func checkDigit(n string) bool {
	sum := 0
	for i := range 9 {
		sum += int(n[i]-'0') * (10 - i)
	}
	c := 11 - sum%11
	if c == 11 {
		c = 0
	}
	return c != 10 && c == int(n[9]-'0')
}

// Test makes the n-th invented number: 999, six digits of n, and the check
// digit; where no check digit fits, the next n that has one. The 999 range is
// never issued to a person.
func Test(n int) Number {
	for ; ; n++ {
		base := fmt.Sprintf("999%06d", n%1_000_000)
		for c := range 10 {
			if s := base + fmt.Sprint(c); checkDigit(s) && strings.Count(s, "9") < 10 {
				return Number{s}
			}
		}
	}
}

// IsZero reports whether the number is not known.
func (n Number) IsZero() bool { return n.digits == "" }

// Digits returns the ten digits, or "" when not known. It is for storage, the
// wire and the screen; never for a log, a URL or an error text.
func (n Number) Digits() string { return n.digits }

// Spaced returns the number in groups of 3, 3 and 4, as a screen shows it
// (NHS CUI, NUM-0001).
func (n Number) Spaced() string {
	if n.digits == "" {
		return ""
	}
	return n.digits[:3] + " " + n.digits[3:6] + " " + n.digits[6:]
}

// String masks all but the last two digits, so that a number printed by
// accident tells nobody who it is.
func (n Number) String() string {
	if n.digits == "" {
		return "(no NHS number)"
	}
	return "NHS number ending " + n.digits[8:]
}

// GoString masks as String does.
func (n Number) GoString() string { return n.String() }

// LogValue masks as String does.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.String()) }

// MarshalText gives the digits; "" when not known.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.digits), nil }

// UnmarshalText accepts what MarshalText gives and refuses anything else.
func (n *Number) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*n = Number{}
		return nil
	}
	v, err := ParseNumber(string(b))
	if err != nil {
		return err
	}
	*n = v
	return nil
}

// ODS is an organisation or site code of the Organisation Data Service, such
// as "RK5" or "512". Council codes look like numbers and are not: never parse
// one as an integer.
type ODS string

// ParseODS reads a code of 3 to 10 capital letters and digits.
func ParseODS(s string) (ODS, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if len(s) < 3 || len(s) > 10 {
		return "", fmt.Errorf("organisation code must have 3 to 10 letters and digits")
	}
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') {
			return "", fmt.Errorf("organisation code must have only letters and digits")
		}
	}
	return ODS(s), nil
}

// Date is a calendar day without a time or a zone, such as a date of birth.
// The zero value means "not known".
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads 2006-01-02 or 20060102, and refuses days that do not exist.
func ParseDate(s string) (Date, error) {
	s = strings.TrimSpace(s)
	layout := "2006-01-02"
	if len(s) == 8 {
		layout = "20060102"
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return Date{}, fmt.Errorf("date must be a real date, like 1941-03-14")
	}
	return DateOf(t), nil
}

// NewDate makes a date from its parts and refuses days that do not exist.
func NewDate(year, month, day int) (Date, error) {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if year < 1 || t.Year() != year || int(t.Month()) != month || t.Day() != day {
		return Date{}, fmt.Errorf("date must be a real date, like 14 3 1941")
	}
	return DateOf(t), nil
}

// DateOf is the calendar day of t in t's own zone.
func DateOf(t time.Time) Date { y, m, d := t.Date(); return Date{y, m, d} }

// IsZero reports whether the date is not known.
func (d Date) IsZero() bool { return d == Date{} }

// Time is midnight UTC at the start of the day.
func (d Date) Time() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// Before reports whether d is earlier than o.
func (d Date) Before(o Date) bool { return d.Time().Before(o.Time()) }

// Add is the date some days later.
func (d Date) Add(days int) Date { return DateOf(d.Time().AddDate(0, 0, days)) }

// DaysTo is the number of whole days from d to o; negative when o is earlier.
func (d Date) DaysTo(o Date) int { return int(o.Time().Sub(d.Time()) / (24 * time.Hour)) }

// AgeOn is the age in completed years on the day o. A person born on
// 29 February has their birthday on 1 March in a common year.
func (d Date) AgeOn(o Date) int {
	y := o.Year - d.Year
	if o.Month < d.Month || o.Month == d.Month && o.Day < d.Day {
		y--
	}
	return y
}

// String is 2006-01-02, or "" when not known.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// MarshalText is String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText accepts "" and what ParseDate accepts.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	v, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
