package form

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Cond is a condition on answers, written as people read it:
//
//	consent is L
//	fit is one of 02,03 and fit_date is answered
//	edd is on or after admitted
//
// "and" binds before "or"; there are no brackets. In a field of many choices
// "is" means "one of the values is". A comparison of dates holds when either
// side is not known: it forbids only what is known to be wrong. The zero Cond
// is no condition.
type Cond struct {
	text string
	any  [][]test // alternatives, each of tests that must all hold
}

// A test is one clause of a condition.
type test struct {
	subject string
	verb    verb
	not     bool
	codes   []string // of oneOf
	object  string   // of a comparison: a field, a dotted fact, or "today"
	group   bool     // subject is a group: answered when it has an item
}

type verb int

const (
	answered verb = iota
	oneOf
	before
	onOrBefore
	after
	onOrAfter
)

// comparisons are the verbs with two sides, longest wording first.
var comparisons = []struct {
	words []string
	verb  verb
}{
	{[]string{"on", "or", "after"}, onOrAfter},
	{[]string{"on", "or", "before"}, onOrBefore},
	{[]string{"after"}, after},
	{[]string{"before"}, before},
}

// IsZero reports whether there is no condition.
func (c Cond) IsZero() bool { return len(c.any) == 0 }

// String is the condition as written.
func (c Cond) String() string { return c.text }

// Fields are the names that the condition reads, each once, in order: field
// ids, dotted facts and "today".
func (c Cond) Fields() []string {
	var out []string
	for _, all := range c.any {
		for _, t := range all {
			for _, n := range []string{t.subject, t.object} {
				if n != "" && !slices.Contains(out, n) {
					out = append(out, n)
				}
			}
		}
	}
	return out
}

// A Clause is one clause of a condition that compares no dates, for those who
// write forms out in another notation: the field is answered (no Codes), or
// one of its values is one of Codes; or, with Not, the contrary.
type Clause struct {
	Field string
	Not   bool
	Codes []string
}

// Clauses are the condition as alternatives, each of clauses that must all
// hold; comparisons of dates, which only Require may have, are left out.
func (c Cond) Clauses() [][]Clause {
	var out [][]Clause
	for _, all := range c.any {
		var cs []Clause
		for _, t := range all {
			if t.verb <= oneOf {
				cs = append(cs, Clause{t.subject, t.not, slices.Clone(t.codes)})
			}
		}
		out = append(out, cs)
	}
	return out
}

// ParseCond reads a condition. It does not know the form: Parse checks that
// the fields and codes named exist.
func ParseCond(s string) (Cond, error) {
	c := Cond{text: strings.Join(strings.Fields(s), " ")}
	if c.text == "" {
		return Cond{}, nil
	}
	var all []test
	var clause []string
	for _, w := range append(strings.Fields(s), "or") {
		// "is on or after" has an "or" of its own.
		own := w == "or" && len(clause) > 0 && clause[len(clause)-1] == "on"
		if w != "and" && w != "or" || own {
			clause = append(clause, w)
			continue
		}
		t, err := parseTest(clause)
		if err != nil {
			return Cond{}, fmt.Errorf("condition %q: %w", c.text, err)
		}
		all, clause = append(all, t), nil
		if w == "or" {
			c.any, all = append(c.any, all), nil
		}
	}
	return c, nil
}

// parseTest reads one clause: SUBJECT is [not] WHAT.
func parseTest(w []string) (test, error) {
	if len(w) < 3 || w[1] != "is" {
		return test{}, fmt.Errorf("clause %q must read like \"field is value\"", strings.Join(w, " "))
	}
	t := test{subject: w[0]}
	w = w[2:]
	if w[0] == "not" {
		t.not, w = true, w[1:]
	}
	if !isName(t.subject) && !isFact(t.subject) {
		return t, fmt.Errorf("%q is not the name of a field", t.subject)
	}
	for _, c := range comparisons {
		if n := len(c.words); len(w) == n+1 && slices.Equal(w[:n], c.words) {
			if t.not {
				return t, fmt.Errorf("write the opposite comparison instead of \"is not %s\"", strings.Join(c.words, " "))
			}
			t.verb, t.object = c.verb, w[n]
			if !isName(t.object) && !isFact(t.object) {
				return t, fmt.Errorf("%q is not the name of a field or a fact", t.object)
			}
			return t, nil
		}
	}
	switch {
	case len(w) == 1 && w[0] == "answered":
		return t, nil
	case len(w) > 2 && w[0] == "one" && w[1] == "of":
		t.verb, t.codes = oneOf, strings.Split(strings.Join(w[2:], ""), ",")
	case len(w) == 1:
		t.verb, t.codes = oneOf, w
	default:
		return t, fmt.Errorf("%q is not understood", strings.Join(w, " "))
	}
	for _, code := range t.codes {
		if !isCode(code) {
			return t, fmt.Errorf("%q is not a code", code)
		}
	}
	return t, nil
}

// holds reports whether the condition holds; no condition holds always.
func (c Cond) holds(a Answers, f Facts) bool {
	for _, all := range c.any {
		if !slices.ContainsFunc(all, func(t test) bool { return !t.holds(a, f) }) {
			return true
		}
	}
	return c.IsZero()
}

func (t test) holds(a Answers, f Facts) bool {
	switch t.verb {
	case answered:
		if t.group {
			return (items(a, t.subject) > 0) != t.not
		}
		return (len(a[t.subject]) > 0) != t.not
	case oneOf:
		hit := slices.ContainsFunc(a[t.subject], func(v string) bool { return slices.Contains(t.codes, v) })
		return hit != t.not
	}
	x, okx := moment(t.subject, a, f)
	y, oky := moment(t.object, a, f)
	if !okx || !oky {
		return true
	}
	// A day and a time are compared by the day.
	if n := min(len(x), len(y)); len(x) != len(y) {
		x, y = x[:n], y[:n]
	}
	switch d := strings.Compare(x, y); t.verb {
	case before:
		return d < 0
	case onOrBefore:
		return d <= 0
	case after:
		return d > 0
	default:
		return d >= 0
	}
}

// moment is the date or time that a name stands for, in a form that sorts as
// text, and whether it is known.
func moment(name string, a Answers, f Facts) (string, bool) {
	s := f[name]
	if v, ok := a[name]; ok && len(v) > 0 {
		s = v[0]
	}
	if _, err := time.Parse(dayLayout, s); err == nil {
		return s, true
	}
	if t, err := time.Parse(timeLayout, s); err == nil {
		return t.Format(timeLayout), true
	}
	return "", false
}

// How answers write a day and a time.
const (
	dayLayout  = "2006-01-02"
	timeLayout = "2006-01-02T15:04"
)

// isName reports whether s may be the id of a page, a field, a list or a rule:
// small letters, digits and underscores, beginning with a letter.
func isName(s string) bool {
	if s == "" || len(s) > 40 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// isFact reports whether s may be the dotted name of a fact.
func isFact(s string) bool {
	parts := strings.Split(s, ".")
	return len(parts) > 1 && len(parts) < 5 && !slices.ContainsFunc(parts, func(p string) bool { return !isName(p) })
}

// reserved are the words of conditions, which cannot be codes.
var reserved = []string{"and", "or", "is", "not", "answered", "on", "before", "after", "today"}

// isCode reports whether s may be the code of a choice.
func isCode(s string) bool {
	if s == "" || len(s) > 40 || slices.Contains(reserved, s) {
		return false
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '/' || r == '_') {
			return false
		}
	}
	return true
}
