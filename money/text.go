package money

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// most is the longest whole part that is read, in digits: enough for anything that
// is paid, and far below what would not fit.
const most = 9

var (
	errAmount   = errors.New("Enter pounds and pence, like £1,234.50")
	errQuantity = errors.New("Enter a number with at most three decimal places, like 12.5")
	errShare    = errors.New("Enter a percentage from 0 to 100 with at most two decimal places, like 12.5%")
)

// Parse reads a sum as people write it: "£1,234.50", "1234.50", "£12". Pence are
// two digits or absent, and commas stand where thousands end or nowhere; what could
// mean two things ("1,5", "12.5") is refused. The error is for the person who typed.
func Parse(s string) (Amount, error) {
	s = strings.TrimSpace(s)
	s, negative := strings.CutPrefix(s, "-")
	s = strings.TrimPrefix(s, "£")
	whole, pence, point := strings.Cut(s, ".")
	if point && len(pence) != 2 {
		return 0, errAmount
	}
	whole, ok := ungroup(whole)
	n, good := digits(whole, pence, 2)
	if !ok || !good {
		return 0, errAmount
	}
	if negative {
		n = -n
	}
	return Amount(n), nil
}

// String is the sum as people read it: "£1,234.50", "-£0.05".
func (a Amount) String() string {
	n := size(int64(a))
	return sign(a < 0) + "£" + group(strconv.FormatUint(n/100, 10)) + fmt.Sprintf(".%02d", n%100)
}

// Plain is the sum as programs read it, in pounds: "1234.50".
func (a Amount) Plain() string {
	n := size(int64(a))
	return sign(a < 0) + fmt.Sprintf("%d.%02d", n/100, n%100)
}

// ParseQuantity reads how much: "12.5", "0.75", "1,000".
func ParseQuantity(s string) (Quantity, error) {
	s = strings.TrimSpace(s)
	s, negative := strings.CutPrefix(s, "-")
	whole, part, point := strings.Cut(s, ".")
	whole, ok := ungroup(whole)
	n, good := digits(whole, part, 3)
	if !ok || !good || point && part == "" {
		return 0, errQuantity
	}
	if negative {
		n = -n
	}
	return Quantity(n), nil
}

// ParseOf reads how much of a unit: "0.75 hours", or without the unit's name.
func ParseOf(s, unit string) (Quantity, error) {
	s = strings.TrimSpace(s)
	for _, name := range []string{unit + "s", unit} {
		if number, ok := strings.CutSuffix(s, " "+name); ok {
			return ParseQuantity(number)
		}
	}
	return ParseQuantity(s)
}

// String is the number, as short as it is exact: "12.5".
func (q Quantity) String() string {
	n := size(int64(q))
	return sign(q < 0) + group(strconv.FormatUint(n/1000, 10)) + fraction(n%1000, 3)
}

// Of is the quantity of a unit in words: "0.75 hours", "1 hour".
func (q Quantity) Of(unit string) string {
	if q == One {
		return q.String() + " " + unit
	}
	return q.String() + " " + unit + "s"
}

// ParseShare reads a part of the whole: "50%", "33.33", from 0 to 100.
func ParseShare(s string) (Share, error) {
	s = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s), "%"))
	whole, part, point := strings.Cut(s, ".")
	n, ok := digits(whole, part, 2)
	if !ok || point && part == "" || n > int64(All) {
		return 0, errShare
	}
	return Share(n), nil
}

// String is the share in percent: "33.33%".
func (s Share) String() string {
	n := size(int64(s))
	return sign(s < 0) + strconv.FormatUint(n/100, 10) + fraction(n%100, 2) + "%"
}

// digits reads a whole part and as many as places decimals as one number.
func digits(whole, part string, places int) (int64, bool) {
	if whole == "" || len(whole) > most || len(part) > places {
		return 0, false
	}
	all := whole + part + strings.Repeat("0", places-len(part))
	if strings.Trim(all, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(all, 10, 64)
	return n, err == nil
}

// ungroup takes out the commas of thousands; false when they stand elsewhere.
func ungroup(s string) (string, bool) {
	parts := strings.Split(s, ",")
	for i, p := range parts {
		if i > 0 && len(p) != 3 || i == 0 && len(parts) > 1 && (len(p) == 0 || len(p) > 3) {
			return "", false
		}
	}
	return strings.Join(parts, ""), true
}

// group puts in the commas of thousands.
func group(s string) string {
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func fraction(n uint64, places int) string {
	if n == 0 {
		return ""
	}
	return "." + strings.TrimRight(fmt.Sprintf("%0*d", places, n), "0")
}

func sign(negative bool) string {
	if negative {
		return "-"
	}
	return ""
}
