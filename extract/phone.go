package extract

import (
	"errors"
	"strings"
)

// Why a telephone number is refused. The text is a mend for the person who
// keeps the number; it never repeats it.
var (
	ErrPhone    = errors.New("Use one UK number, like 01632 960 411")
	ErrPremium  = errors.New("Use a number that costs the caller nothing extra, like 01632 960 411. Numbers that start 084, 087, 09, 070 or 076 are not shown")
	ErrRounded  = errors.New("Use the whole number, like 01632 960 411. A spreadsheet has rounded it")
	ErrTwoPhone = errors.New("Give one number, like 01632 960 411. There is more than one")
)

// Phone reads a UK telephone number as people type it and spaces it for the
// screen: "01632960411" and "+44 (0)1632 960411" give "01632 960 411". A zero
// that a spreadsheet took away is put back; an extension is kept as "ext 12".
// Numbers that cost extra, and those that cannot be of the UK, are refused
// with what to mend. Ofcom, National Telephone Numbering Plan.
func Phone(s string) (string, error) {
	main, ext := extension(strings.TrimSpace(s))
	d, err := phoneDigits(main)
	if err != nil {
		return "", err
	}
	d = national(d)
	for _, p := range premium {
		if strings.HasPrefix(d, p) && !strings.HasPrefix(d, "07624") { // 07624: Isle of Man mobiles
			return "", ErrPremium
		}
	}
	if !plausible(d) {
		return "", ErrPhone
	}
	return spaced(d) + ext, nil
}

// premium lists the beginnings of numbers that cost the caller extra, or
// forward to who knows where (070), or page (076).
var premium = []string{"084", "087", "09", "070", "076"}

// extension cuts "ext 12", "x12" or "#12" from the end of a number.
func extension(s string) (main, ext string) {
	low := strings.ToLower(s)
	for _, mark := range []string{"extension", "extn", "ext", "x", "#"} {
		i := strings.LastIndex(low, mark)
		if i <= 0 {
			continue
		}
		n := strings.Trim(low[i+len(mark):], " .:")
		if n == "" || len(n) > 6 || strings.Trim(n, "0123456789") != "" {
			continue
		}
		return strings.TrimRight(s[:min(i, len(s))], " ,;-("), " ext " + n
	}
	return s, ""
}

func phoneDigits(s string) (string, error) {
	var d strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			d.WriteRune(r)
		case r == '+' && d.Len() == 0:
			d.WriteString("00")
		case r == 'E' || r == 'e':
			if i > 0 && strings.Contains(s, ".") {
				return "", ErrRounded
			}
			return "", ErrPhone
		case strings.ContainsRune(" -.()\u00a0\u2009\u2011\u2013", r):
		case r == '/' || r == ',' || r == ';' || r == '&':
			return "", ErrTwoPhone
		default:
			return "", ErrPhone
		}
	}
	if d.Len() > 17 {
		return "", ErrTwoPhone
	}
	return d.String(), nil
}

// national turns 0044 (0)1632... into 01632..., and gives back a lost zero.
func national(d string) string {
	switch {
	case strings.HasPrefix(d, "0044"):
		d = "0" + strings.TrimPrefix(d[4:], "0")
	case strings.HasPrefix(d, "44") && (len(d) == 12 || len(d) == 13):
		d = "0" + strings.TrimPrefix(d[2:], "0")
	case len(d) == 10 && d[0] != '0':
		d = "0" + d
	}
	return d
}

// plausible is the length and the beginning of a UK number.
func plausible(d string) bool {
	if len(d) < 10 || len(d) > 11 || d[0] != '0' {
		return false
	}
	if strings.Count(d[1:], d[1:2]) == len(d)-1 {
		return false // 01111111111: somebody filled the box
	}
	switch d[1] {
	case '1':
		return d[2] != '0'
	case '2', '3', '7':
		return len(d) == 11
	case '5':
		return len(d) == 11 && (d[2] == '5' || d[2] == '6')
	case '8':
		return strings.HasPrefix(d, "0800") || len(d) == 11 && strings.HasPrefix(d, "0808")
	}
	return false
}

// spaced groups a number as its area is spoken: 020 7946 0000, 0115 496 0000,
// 01632 960 411, 0300 123 4567.
func spaced(d string) string {
	area, middle := 5, 3
	switch {
	case d[1] == '2':
		area, middle = 3, 4
	case d[1] == '3', d[1] == '8', d[1] == '5', d[:3] == "011", d[1] == '1' && d[3] == '1':
		area = 4
	case len(d) == 10:
		return d[:5] + " " + d[5:]
	}
	return d[:area] + " " + d[area:area+middle] + " " + d[area+middle:]
}
