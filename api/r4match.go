package api

import (
	"slices"
	"strings"
	"time"

	"homeward/fhir"
)

// r4Test is one search parameter as it was given: any of its values will do.
type r4Test struct {
	r4Param
	modifier string // "", not, missing, exact, contains, or a type of resource
	values   []string
}

// modifiersOf are the modifiers that each kind of parameter takes. FHIR R4 3.1.1.4.4.
var modifiersOf = map[r4Kind][]string{
	r4Token: {"not", "missing"}, r4Reference: {"missing"}, r4Date: {"missing"}, r4String: {"exact", "contains", "missing"}, r4URI: {"missing"},
}

// check reports what is wrong with how a parameter was given.
func (t r4Test) check() error {
	if t.modifier != "" && !slices.Contains(modifiersOf[t.kind], t.modifier) && !(t.kind == r4Reference && slices.Contains(t.targets, t.modifier)) {
		return notSearchable(t.name, "does not take the modifier that stands after its colon")
	}
	for _, v := range t.values {
		switch {
		case v == "":
			return notSearchable(t.name, "has an empty value")
		case t.modifier == "missing" && v != "true" && v != "false":
			return notSearchable(t.name, "with :missing must be true or false")
		case t.modifier != "missing" && t.kind == r4Date:
			if _, _, ok := readDate(v); !ok {
				return notSearchable(t.name, "must be a date that exists, with one of the prefixes eq, ne, gt, lt, ge, le, sa or eb, or none")
			}
		}
	}
	return nil
}

func notSearchable(name, why string) error {
	return no(400, "invalid", "The search parameter "+plainParam(name)+" "+why)
}

// plainParam is the name of a parameter where it can be one; what is no name might
// be anything, and is not repeated.
func plainParam(name string) string {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '-' || r == ':' || r == '.') {
			return "that was given"
		}
	}
	if len(name) > 40 {
		return "that was given"
	}
	return name
}

// fits reports whether a resource passes the test. base is the address of the face,
// with which references may be given in full.
func (t r4Test) fits(n *fhir.Node, base string) bool {
	var found []*fhir.Node
	for _, p := range t.paths {
		found = append(found, n.All(p)...)
	}
	if t.modifier == "missing" {
		return (len(found) == 0) == (t.values[0] == "true")
	}
	for _, v := range t.values {
		for _, x := range found {
			if t.one(x, v, base) {
				return t.modifier != "not"
			}
		}
	}
	return t.modifier == "not"
}

func (t r4Test) one(x *fhir.Node, v, base string) bool {
	switch t.kind {
	case r4Token:
		return tokenFits(x, unescaped(v))
	case r4Reference:
		return referenceFits(x, unescaped(v), t.modifier, t.targets, base)
	case r4Date:
		return dateFits(x, v)
	case r4String:
		return stringFits(x, unescaped(v), t.modifier)
	}
	return x.Text == unescaped(v)
}

// tokenFits compares a code, Coding, CodeableConcept, Identifier, ContactPoint or
// boolean with [system|]code. FHIR R4 3.1.1.4.10.
func tokenFits(x *fhir.Node, v string) bool {
	system, code, piped := strings.Cut(v, "|")
	if !piped {
		system, code = "", v
	}
	if x.Kind != fhir.Object {
		own := !piped || system == "" || strings.HasPrefix(system, "http://hl7.org/fhir/") // the system of a code is given by its element
		return own && x.Text == code
	}
	if codings := x.All("coding"); codings != nil {
		return slices.ContainsFunc(codings, func(c *fhir.Node) bool { return tokenFits(c, v) })
	}
	has := x.Str("code")
	if has == "" {
		has = x.Str("value")
	}
	if code != "" && has != code {
		return false
	}
	return !piped || x.Str("system") == system
}

func referenceFits(x *fhir.Node, v, typ string, targets []string, base string) bool {
	text := x.Str("reference")
	if text == "" {
		return false
	}
	v = strings.TrimPrefix(v, base+"/")
	if strings.Contains(v, "/") {
		return text == v && (typ == "" || strings.HasPrefix(v, typ+"/"))
	}
	if typ != "" {
		return text == typ+"/"+v
	}
	return slices.ContainsFunc(targets, func(t string) bool { return text == t+"/"+v })
}

// dateFits compares the time that an element covers with the one that was given.
// FHIR R4 3.1.1.4.5.
func dateFits(x *fhir.Node, v string) bool {
	prefix, asked, ok := readDate(v)
	if !ok {
		return false
	}
	has, ok := spanOf(x)
	if !ok {
		return false
	}
	within := !has.from.Before(asked.from) && !has.to.After(asked.to)
	switch prefix {
	case "eq":
		return within
	case "ne":
		return !within
	case "gt":
		return has.to.After(asked.to)
	case "lt":
		return has.from.Before(asked.from)
	case "ge":
		return within || has.to.After(asked.to)
	case "le":
		return within || has.from.Before(asked.from)
	case "sa":
		return !has.from.Before(asked.to)
	}
	return !has.to.After(asked.from) // eb
}

// span is a time from (with) and to (without).
type span struct{ from, to time.Time }

var datePrefixes = []string{"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"}

// readDate reads [prefix]date; what has no time zone is in UTC.
func readDate(v string) (prefix string, s span, ok bool) {
	prefix = "eq"
	if len(v) > 2 && slices.Contains(datePrefixes, v[:2]) {
		prefix, v = v[:2], v[2:]
	}
	s, ok = spanOfText(v)
	return prefix, s, ok
}

func spanOfText(v string) (span, bool) {
	v = strings.Replace(v, " ", "+", 1) // a + in an address that was not escaped
	for _, form := range []struct {
		layout     string
		y, m, d    int
		resolution time.Duration
	}{{"2006", 1, 0, 0, 0}, {"2006-01", 0, 1, 0, 0}, {time.DateOnly, 0, 0, 1, 0}, {"2006-01-02T15:04Z07:00", 0, 0, 0, time.Minute},
		{"2006-01-02T15:04", 0, 0, 0, time.Minute}, {"2006-01-02T15:04:05", 0, 0, 0, time.Second}} {
		if t, err := time.Parse(form.layout, v); err == nil {
			return span{t, t.AddDate(form.y, form.m, form.d).Add(form.resolution)}, true
		}
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return span{}, false
	}
	step := time.Second
	if strings.Contains(v, ".") {
		step = time.Microsecond
	}
	return span{t, t.Add(step)}, true
}

// spanOf is the time of a date, dateTime, instant or Period. A period without an end
// goes on.
func spanOf(x *fhir.Node) (span, bool) {
	if x.Kind != fhir.Object {
		return spanOfText(x.Text)
	}
	s := span{time.Time{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	if from, ok := spanOfText(x.Str("start")); ok {
		s.from = from.from
	}
	if to, ok := spanOfText(x.Str("end")); ok {
		s.to = to.to
	}
	return s, x.Str("start") != "" || x.Str("end") != ""
}

// stringFits compares text without regard to case: its beginning, with :contains any
// part, with :exact the whole as it is. A HumanName counts by each of its parts.
func stringFits(x *fhir.Node, v, modifier string) bool {
	if x.Kind == fhir.Object {
		for _, name := range []string{"family", "given", "prefix", "text"} {
			if slices.ContainsFunc(x.All(name), func(part *fhir.Node) bool { return stringFits(part, v, modifier) }) {
				return true
			}
		}
		return false
	}
	has := x.Text
	if modifier == "exact" {
		return has == v
	}
	has, v = strings.ToLower(has), strings.ToLower(v)
	if modifier == "contains" {
		return strings.Contains(has, v)
	}
	return strings.HasPrefix(has, v)
}

// alternatives are the values of a parameter, between commas that are not escaped.
// FHIR R4 3.1.1.4.0.1.
func alternatives(s string) (out []string) {
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ',':
			out = append(out, s[from:i])
			from = i + 1
		}
	}
	return append(out, s[from:])
}

func unescaped(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\,`, ",", `\$`, "$", `\|`, "|").Replace(s)
}

// subset keeps of a resource only what was asked for, what identifies it, and what
// must be there; and says so. FHIR R4 3.1.1.5.9.
func subset(n *fhir.Node, names []string) *fhir.Node {
	out := &fhir.Node{Kind: fhir.Object}
	for _, m := range n.Members {
		name := strings.TrimPrefix(m.Name, "_")
		e, known := fhir.ElementOf(fhir.R4, n.Type(), name)
		if slices.Contains([]string{"resourceType", "id", "meta"}, name) || slices.Contains(names, name) || known && e.Required {
			out.Members = append(out.Members, m)
		}
	}
	meta := n.Member("meta").Clone()
	if meta == nil {
		meta = fhir.Obj()
	}
	meta.Add("tag", fhir.Coding("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "SUBSETTED", ""))
	out.Set("meta", meta)
	return out
}
