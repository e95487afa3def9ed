package fhir

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// CheckPrimitive reports what is wrong with the text of a primitive of that type
// (FHIR R4 2.24.0.1); nil when nothing is, and of a type it does not know. The error
// says what the type demands and never repeats the text.
func CheckPrimitive(typ, text string) error {
	check, known := primitives[typ]
	if !known {
		return nil
	}
	if text == "" {
		return errors.New("is empty")
	}
	if !check.ok(text) {
		return errors.New(check.demand)
	}
	return nil
}

type primitive struct {
	ok     func(string) bool
	demand string
}

var primitives = map[string]primitive{
	"boolean":      {func(s string) bool { return s == "true" || s == "false" }, "must be true or false"},
	"integer":      {whole(-1<<31, 1<<31-1), "must be a whole number of 32 bits"},
	"unsignedInt":  {whole(0, 1<<31-1), "must be a whole number, 0 or more"},
	"positiveInt":  {whole(1, 1<<31-1), "must be a whole number, 1 or more"},
	"decimal":      {func(s string) bool { return numberEnd(s, 0) == len(s) }, "must be a decimal number"},
	"date":         {isDate, "must be a date that exists, as YYYY, YYYY-MM or YYYY-MM-DD"},
	"dateTime":     {isDateTime, "must be a date that exists, as YYYY, YYYY-MM or YYYY-MM-DD, or with a time and its time zone, as YYYY-MM-DDThh:mm:ss+zz:zz"},
	"instant":      {isInstant, "must be a date and time that exist, with seconds and time zone, as YYYY-MM-DDThh:mm:ss+zz:zz"},
	"time":         {func(s string) bool { rest, ok := clock(s); return ok && rest == "" }, "must be a time as hh:mm:ss"},
	"id":           {isID, "must be 1 to 64 of letters, digits, - and ."},
	"code":         {isCode, "must be a code without space at its ends and without two spaces together"},
	"oid":          {isOID, "must be an OID as urn:oid:1.2.3"},
	"uuid":         {func(s string) bool { return strings.HasPrefix(s, "urn:uuid:") && isUUID(s[9:]) }, "must be a UUID as urn:uuid: and 32 hexadecimal digits in lower case with hyphens"},
	"uri":          {isURI, "must be a URI without white space"},
	"url":          {isURI, "must be a URL without white space"},
	"canonical":    {isURI, "must be a URL without white space"},
	"base64Binary": {isBase64, "must be base64"},
	"string":       {isText, "must be text without control characters, and not only white space"},
	"markdown":     {isText, "must be text without control characters, and not only white space"},
	"xhtml":        {func(s string) bool { return strings.HasPrefix(strings.TrimSpace(s), "<") && isText(s) }, "must be one div of XHTML"},
}

// whole is an integer as FHIR writes it: no +, no leading zeros, no -0.
func whole(least, most int64) func(string) bool {
	return func(s string) bool {
		x, err := strconv.ParseInt(s, 10, 64)
		return err == nil && x >= least && x <= most && strconv.FormatInt(x, 10) == s
	}
}

func isDate(s string) bool {
	rest, ok := day(s)
	return ok && rest == ""
}

func isDateTime(s string) bool { return isDate(s) || isInstant(s) }

func isInstant(s string) bool {
	if len(s) < len("2006-01-02T") || s[10] != 'T' || !isDate(s[:10]) {
		return false
	}
	rest, ok := clock(s[11:])
	return ok && zone(rest)
}

// day reads YYYY, YYYY-MM or YYYY-MM-DD, all of s or its first ten characters.
func day(s string) (rest string, ok bool) {
	y, ok := digits(s, 4)
	if !ok || y == 0 {
		return s, false
	}
	if len(s) == 4 {
		return "", true
	}
	if s[4] != '-' {
		return s, false
	}
	m, ok := digits(s[5:], 2)
	if !ok || m < 1 || m > 12 {
		return s, false
	}
	if len(s) == 7 {
		return "", true
	}
	if s[7] != '-' {
		return s, false
	}
	d, ok := digits(s[8:], 2)
	if !ok || d < 1 || d > time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return s, false
	}
	return s[10:], true
}

// clock reads hh:mm:ss and parts of a second; a leap second is 60.
func clock(s string) (rest string, ok bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return s, false
	}
	h, ok1 := digits(s, 2)
	m, ok2 := digits(s[3:], 2)
	sec, ok3 := digits(s[6:], 2)
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || sec > 60 {
		return s, false
	}
	rest = s[8:]
	if strings.HasPrefix(rest, ".") {
		parts := strings.TrimLeft(rest[1:], "0123456789")
		if len(parts) == len(rest)-1 {
			return s, false
		}
		rest = parts
	}
	return rest, true
}

// zone is Z or +hh:mm, at most 14 hours.
func zone(s string) bool {
	if s == "Z" {
		return true
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return false
	}
	h, ok1 := digits(s[1:], 2)
	m, ok2 := digits(s[4:], 2)
	return ok1 && ok2 && (h < 14 && m < 60 || h == 14 && m == 0)
}

func digits(s string, n int) (x int, ok bool) {
	if len(s) < n {
		return 0, false
	}
	for i := range n {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		x = 10*x + int(s[i]-'0')
	}
	return x, true
}

func isID(s string) bool {
	if len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return s != ""
}

func isCode(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == ' ' && (i == 0 || i == len(s)-1 || s[i+1] == ' ') {
			return false
		}
	}
	return true
}

func isOID(s string) bool {
	rest, ok := strings.CutPrefix(s, "urn:oid:")
	parts := strings.Split(rest, ".")
	if !ok || len(parts) < 2 || len(parts[0]) != 1 || parts[0] > "2" {
		return false
	}
	for _, p := range parts {
		if p == "" || strings.Trim(p, "0123456789") != "" || len(p) > 1 && p[0] == '0' {
			return false
		}
	}
	return true
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

func isURI(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func isBase64(s string) bool {
	if strings.ContainsAny(s, " \t\r\n") {
		s = strings.Join(strings.Fields(s), "")
	}
	_, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil && s != ""
}

func isText(s string) bool {
	blank := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		case c < ' ':
			return false
		default:
			blank = false
		}
	}
	return !blank
}
