package extract

import (
	"slices"
	"strings"

	"homeward/care"
)

// addressColumns is where a table keeps an address.
type addressColumns struct {
	lines          [4]int
	postcode, uprn int
}

// address reads an address. One that stands in the first line alone is cut at
// its commas and line ends.
func (w *row) address(at addressColumns) care.Address {
	var a care.Address
	for _, c := range at.lines {
		if v := strings.Trim(w.addressLine(c), ", "); v != "" {
			a.Lines = append(a.Lines, v)
		}
	}
	if len(a.Lines) == 1 && strings.Contains(a.Lines[0], ",") {
		a.Lines = slices.DeleteFunc(strings.Split(a.Lines[0], ","), func(s string) bool { return strings.TrimSpace(s) == "" })
	}
	for i, l := range a.Lines {
		a.Lines[i] = strings.Clone(strings.TrimSpace(l))
	}
	if v := w.get(at.postcode); v != "" {
		if a.Postcode = postcode(v); a.Postcode == "" {
			w.warn(at.postcode, "Use a full UK postcode, like NG18 1AB")
		}
	}
	if v := w.get(at.uprn); v != "" {
		a.UPRN = strings.Clone(strings.TrimLeft(v, "0"))
		if a.UPRN == "" || len(a.UPRN) > 12 || strings.Trim(a.UPRN, "0123456789") != "" {
			a.UPRN = ""
			w.warn(at.uprn, "Use the UPRN's 1 to 12 digits, or leave it empty")
		}
	}
	return a
}

// addressLine is get with line ends turned into commas.
func (w *row) addressLine(c int) string {
	i := w.f.pos[c]
	if i < 0 || !strings.ContainsAny(w.cells[i], "\r\n") {
		return w.get(c)
	}
	return w.f.tidy(strings.NewReplacer("\r\n", ", ", "\n", ", ", "\r", ", ").Replace(w.cells[i]))
}

// postcode writes a postcode in capitals with its one space, "" when it cannot
// be one: two to four signs, then a digit and two letters. BS 7666.
func postcode(s string) string {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if len(s) < 5 || len(s) > 7 || !letter(s[0]) {
		return ""
	}
	for i := range len(s) {
		if !letter(s[i]) && !digit(s[i]) {
			return ""
		}
	}
	out, in := s[:len(s)-3], s[len(s)-3:]
	if !digit(in[0]) || !letter(in[1]) || !letter(in[2]) || !strings.ContainsAny(out, "0123456789") {
		return ""
	}
	return out + " " + in
}

func letter(b byte) bool { return b >= 'A' && b <= 'Z' }
func digit(b byte) bool  { return b >= '0' && b <= '9' }

// An address is kept as one string: postcode, UPRN and lines, with a line end
// between them, which no field holds once it is tidied.
func packAddress(a care.Address) string {
	return strings.Join(append([]string{a.Postcode, a.UPRN}, a.Lines...), "\n")
}

func unpackAddress(s string) care.Address {
	f := strings.Split(s, "\n")
	return care.Address{Postcode: f[0], UPRN: f[1], Lines: slices.Clip(f[2:])}
}
