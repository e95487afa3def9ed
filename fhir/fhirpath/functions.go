package fhirpath

import (
	"regexp"
	"strconv"
	"strings"

	"homeward/fhir"
)

// function is one function of FHIRPath: how many arguments it takes and what it
// does with what stands before its dot.
type function struct {
	least, most int
	takesType   bool
	do          func(r *run, c *call, in []Item, sc scope) ([]Item, error)
}

type pattern = *regexp.Regexp

// functions are all that are known (FHIRPath 2.0 5; FHIR R4 2.9.0).
var functions = map[string]function{
	"empty":       {0, 0, false, func(_ *run, _ *call, in []Item, _ scope) ([]Item, error) { return only(len(in) == 0), nil }},
	"exists":      {0, 1, false, exists},
	"all":         {1, 1, false, all},
	"allTrue":     {0, 0, false, allAre(true)},
	"allFalse":    {0, 0, false, allAre(false)},
	"anyTrue":     {0, 0, false, anyIs(true)},
	"anyFalse":    {0, 0, false, anyIs(false)},
	"count":       {0, 0, false, func(_ *run, _ *call, in []Item, _ scope) ([]Item, error) { return []Item{integer(len(in))}, nil }},
	"where":       {1, 1, false, where},
	"select":      {1, 1, false, selects},
	"repeat":      {1, 1, false, repeat},
	"ofType":      {0, 0, true, func(_ *run, c *call, in []Item, _ scope) ([]Item, error) { return ofType(in, c.typ), nil }},
	"as":          {0, 0, true, func(_ *run, c *call, in []Item, _ scope) ([]Item, error) { return ofType(in, c.typ), nil }},
	"is":          {0, 0, true, func(_ *run, c *call, in []Item, _ scope) ([]Item, error) { return isType(in, c.typ) }},
	"first":       {0, 0, false, func(_ *run, _ *call, in []Item, _ scope) ([]Item, error) { return in[:min(1, len(in))], nil }},
	"last":        {0, 0, false, func(_ *run, _ *call, in []Item, _ scope) ([]Item, error) { return in[max(0, len(in)-1):], nil }},
	"tail":        {0, 0, false, func(_ *run, _ *call, in []Item, _ scope) ([]Item, error) { return in[min(1, len(in)):], nil }},
	"single":      {0, 0, false, singleItem},
	"skip":        {1, 1, false, skip},
	"take":        {1, 1, false, take},
	"distinct":    {0, 0, false, func(r *run, _ *call, in []Item, _ scope) ([]Item, error) { return r.distinct(in) }},
	"isDistinct":  {0, 0, false, isDistinct},
	"union":       {1, 1, false, union},
	"combine":     {1, 1, false, combine},
	"intersect":   {1, 1, false, intersect},
	"exclude":     {1, 1, false, exclude},
	"subsetOf":    {1, 1, false, subsetOf},
	"supersetOf":  {1, 1, false, supersetOf},
	"not":         {0, 0, false, not},
	"iif":         {2, 3, false, iif},
	"children":    {0, 0, false, children},
	"descendants": {0, 0, false, descendants},
	"extension":   {1, 1, false, extension},
	"hasValue":    {0, 0, false, hasValue},
	"getValue":    {0, 0, false, getValue},
	"resolve":     {0, 0, false, resolve},
	"trace":       {1, 2, false, func(_ *run, _ *call, in []Item, _ scope) ([]Item, error) { return in, nil }}, // nobody looks
	"htmlChecks":  {0, 0, false, func(*run, *call, []Item, scope) ([]Item, error) { return yesOnly, nil }},     // narrative is checked elsewhere
	"length":      {0, 0, false, textual(func(s string) Item { return integer(len([]rune(s))) })},
	"upper":       {0, 0, false, textual(func(s string) Item { return text(strings.ToUpper(s)) })},
	"lower":       {0, 0, false, textual(func(s string) Item { return text(strings.ToLower(s)) })},
	"trim":        {0, 0, false, textual(func(s string) Item { return text(strings.TrimSpace(s)) })},
	"toString":    {0, 0, false, toString},
	"toInteger":   {0, 0, false, toInteger},
	"startsWith":  {1, 1, false, textTest(strings.HasPrefix)},
	"endsWith":    {1, 1, false, textTest(strings.HasSuffix)},
	"contains":    {1, 1, false, textTest(strings.Contains)},
	"indexOf":     {1, 1, false, indexOf},
	"substring":   {1, 2, false, substring},
	"replace":     {2, 2, false, replace},
	"matches":     {1, 1, false, matches},
}

func integer(n int) Item { return number(strconv.Itoa(n)) }

// each evaluates an argument for every item.
func (r *run) each(arg term, in []Item, total []Item, do func(i Item, found []Item) (bool, error)) error {
	for n, i := range in {
		found, err := r.eval(arg, in[n:n+1:n+1], scope{i, n, total})
		if err != nil {
			return err
		}
		if more, err := do(i, found); err != nil || !more {
			return err
		}
	}
	return nil
}

// value evaluates an argument that is no criterion: its paths start at $this.
func (r *run) value(arg term, sc scope) ([]Item, error) {
	return r.eval(arg, []Item{sc.this}, sc)
}

func (r *run) integer(arg term, sc scope) (int, error) {
	v, err := r.value(arg, sc)
	if err != nil {
		return 0, err
	}
	if len(v) != 1 || v[0].Node == nil || v[0].Node.Kind != fhir.Number {
		return -1, fail("a whole number was needed")
	}
	n, err := strconv.Atoi(v[0].Node.Text)
	if err != nil {
		return -1, fail("a whole number was needed")
	}
	return n, nil
}

func exists(r *run, c *call, in []Item, _ scope) ([]Item, error) {
	if len(c.args) == 0 {
		return only(len(in) > 0), nil
	}
	any := false
	err := r.each(c.args[0], in, nil, func(_ Item, found []Item) (bool, error) {
		b, _, err := truth(found)
		any = any || b
		return !any, err
	})
	return only(any), err
}

func all(r *run, c *call, in []Item, _ scope) ([]Item, error) {
	every := true
	err := r.each(c.args[0], in, nil, func(_ Item, found []Item) (bool, error) {
		b, _, err := truth(found)
		every = every && b
		return every, err
	})
	return only(every), err
}

func allAre(want bool) func(*run, *call, []Item, scope) ([]Item, error) {
	return func(_ *run, _ *call, in []Item, _ scope) ([]Item, error) {
		for _, i := range in {
			if b, known, err := truth([]Item{i}); err != nil || !known || b != want {
				return noOnly, err
			}
		}
		return yesOnly, nil
	}
}

func anyIs(want bool) func(*run, *call, []Item, scope) ([]Item, error) {
	return func(_ *run, _ *call, in []Item, _ scope) ([]Item, error) {
		for _, i := range in {
			if b, known, err := truth([]Item{i}); err != nil || known && b == want {
				return yesOnly, err
			}
		}
		return noOnly, nil
	}
}

func where(r *run, c *call, in []Item, _ scope) (out []Item, err error) {
	err = r.each(c.args[0], in, nil, func(i Item, found []Item) (bool, error) {
		b, _, err := truth(found)
		if b {
			out = append(out, i)
		}
		return true, err
	})
	return out, err
}

func selects(r *run, c *call, in []Item, _ scope) (out []Item, err error) {
	err = r.each(c.args[0], in, nil, func(_ Item, found []Item) (bool, error) {
		out = append(out, found...)
		return true, r.spend(len(found))
	})
	return out, err
}

func repeat(r *run, c *call, in []Item, _ scope) (out []Item, err error) {
	for round := 0; len(in) > 0; round++ {
		if round > maxDepth*4 {
			return nil, fail("repeat() goes too deep")
		}
		var next []Item
		err = r.each(c.args[0], in, nil, func(_ Item, found []Item) (bool, error) {
			for _, f := range found {
				if err := r.spend(1 + len(out)/16); err != nil {
					return false, err
				}
				if !sameNode(out, f) {
					out, next = append(out, f), append(next, f)
				}
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
		in = next
	}
	return out, nil
}

func sameNode(all []Item, one Item) bool {
	for _, i := range all {
		if i.Node != nil && i.Node == one.Node {
			return true
		}
	}
	return false
}

func singleItem(_ *run, _ *call, in []Item, _ scope) ([]Item, error) {
	if len(in) > 1 {
		return nil, fail("single() found %d values", len(in))
	}
	return in, nil
}

func skip(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	n, err := r.integer(c.args[0], sc)
	return in[min(max(n, 0), len(in)):], err
}

func take(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	n, err := r.integer(c.args[0], sc)
	return in[:min(max(n, 0), len(in))], err
}

func isDistinct(r *run, _ *call, in []Item, _ scope) ([]Item, error) {
	d, err := r.distinct(in)
	return only(len(d) == len(in)), err
}

func union(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	other, err := r.value(c.args[0], sc)
	if err != nil {
		return nil, err
	}
	return r.distinct(append(in[:len(in):len(in)], other...))
}

func combine(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	other, err := r.value(c.args[0], sc)
	if err != nil {
		return nil, err
	}
	return append(in[:len(in):len(in)], other...), r.spend(len(in) + len(other))
}

func intersect(r *run, c *call, in []Item, sc scope) (out []Item, err error) {
	other, err := r.value(c.args[0], sc)
	if err != nil {
		return nil, err
	}
	if in, err = r.distinct(in); err != nil {
		return nil, err
	}
	for _, i := range in {
		if has(other, i) {
			out = append(out, i)
		}
	}
	return out, r.spend(len(in) * (1 + len(other)))
}

func exclude(r *run, c *call, in []Item, sc scope) (out []Item, err error) {
	other, err := r.value(c.args[0], sc)
	if err != nil {
		return nil, err
	}
	for _, i := range in {
		if !has(other, i) {
			out = append(out, i)
		}
	}
	return out, r.spend(len(in) * (1 + len(other)))
}

func subsetOf(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	other, err := r.value(c.args[0], sc)
	if err != nil {
		return nil, err
	}
	return only(within(in, other)), r.spend(len(in) * (1 + len(other)))
}

func supersetOf(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	other, err := r.value(c.args[0], sc)
	if err != nil {
		return nil, err
	}
	return only(within(other, in)), r.spend(len(in) * (1 + len(other)))
}

func within(some, all []Item) bool {
	for _, i := range some {
		if !has(all, i) {
			return false
		}
	}
	return true
}

func not(_ *run, _ *call, in []Item, _ scope) ([]Item, error) {
	b, known, err := truth(in)
	if err != nil || !known {
		return nil, err
	}
	return only(!b), nil
}

func iif(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	if len(in) > 1 {
		return nil, fail("iif() asks about one value")
	}
	inner := sc
	if len(in) == 1 {
		inner.this = in[0]
	}
	found, err := r.eval(c.args[0], in, inner)
	if err != nil {
		return nil, err
	}
	b, _, err := truth(found)
	switch {
	case err != nil:
		return nil, err
	case b:
		return r.eval(c.args[1], in, inner)
	case len(c.args) == 3:
		return r.eval(c.args[2], in, inner)
	}
	return nil, nil
}

func children(r *run, _ *call, in []Item, _ scope) (out []Item, err error) {
	for _, i := range in {
		if out, err = r.children(out, i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func descendants(r *run, _ *call, in []Item, _ scope) (out []Item, err error) {
	for len(in) > 0 {
		var next []Item
		for _, i := range in {
			if next, err = r.children(next, i); err != nil {
				return nil, err
			}
		}
		out, in = append(out, next...), next
	}
	return out, nil
}

// extension is short for extension.where(url = ...) (FHIR R4 2.9.0).
func extension(r *run, c *call, in []Item, sc scope) (out []Item, err error) {
	v, err := r.value(c.args[0], sc)
	if err != nil {
		return nil, err
	}
	url, err := oneText(v)
	if err != nil {
		return nil, err
	}
	found, err := r.members("extension", in)
	for _, i := range found {
		if i.Node.Str("url") == url {
			out = append(out, i)
		}
	}
	return out, err
}

func hasValue(_ *run, _ *call, in []Item, _ scope) ([]Item, error) {
	return only(len(in) == 1 && in[0].HasValue()), nil
}

func getValue(_ *run, _ *call, in []Item, _ scope) ([]Item, error) {
	if len(in) != 1 || !in[0].HasValue() {
		return nil, nil
	}
	return []Item{{Node: in[0].Node, Type: in[0].Type}}, nil
}

func textual(do func(string) Item) func(*run, *call, []Item, scope) ([]Item, error) {
	return func(_ *run, c *call, in []Item, _ scope) ([]Item, error) {
		s, ok, err := oneOf(c.name, in)
		if err != nil || !ok {
			return nil, err
		}
		return []Item{do(s)}, nil
	}
}

// oneOf is the text that a function works on; ok is false of nothing.
func oneOf(name string, in []Item) (s string, ok bool, err error) {
	switch {
	case len(in) == 0:
		return "", false, nil
	case len(in) > 1:
		return "", false, fail("%s() works on one text, and there are %d", name, len(in))
	case in[0].Node == nil:
		return "", false, nil
	case in[0].Node.Kind != fhir.String:
		return "", false, fail("%s() works on text", name)
	}
	return in[0].Node.Text, true, nil
}

func textTest(test func(s, part string) bool) func(*run, *call, []Item, scope) ([]Item, error) {
	return func(r *run, c *call, in []Item, sc scope) ([]Item, error) {
		s, ok, err := oneOf(c.name, in)
		if err != nil || !ok {
			return nil, err
		}
		part, given, err := r.argument(c, 0, sc)
		if err != nil || !given {
			return nil, err
		}
		return only(test(s, part)), nil
	}
}

// argument is an argument that is a text; given is false when it is empty.
func (r *run) argument(c *call, n int, sc scope) (s string, given bool, err error) {
	v, err := r.value(c.args[n], sc)
	if err != nil {
		return "", false, err
	}
	return oneOf(c.name, v)
}

func indexOf(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	s, ok, err := oneOf(c.name, in)
	if err != nil || !ok {
		return nil, err
	}
	part, given, err := r.argument(c, 0, sc)
	if err != nil || !given {
		return nil, err
	}
	at := strings.Index(s, part)
	if at > 0 {
		at = len([]rune(s[:at]))
	}
	return []Item{integer(at)}, nil
}

func substring(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	s, ok, err := oneOf(c.name, in)
	if err != nil || !ok {
		return nil, err
	}
	from, err := r.integer(c.args[0], sc)
	if err != nil {
		return nil, err
	}
	letters := []rune(s)
	if from < 0 || from >= len(letters) {
		return nil, nil
	}
	letters = letters[from:]
	if len(c.args) == 2 {
		n, err := r.integer(c.args[1], sc)
		if err != nil {
			return nil, err
		}
		letters = letters[:min(max(n, 0), len(letters))]
	}
	return []Item{text(string(letters))}, nil
}

func replace(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	s, ok, err := oneOf(c.name, in)
	if err != nil || !ok {
		return nil, err
	}
	old, given, err := r.argument(c, 0, sc)
	if err != nil || !given {
		return nil, err
	}
	with, given, err := r.argument(c, 1, sc)
	if err != nil || !given {
		return nil, err
	}
	if (len(s)+1)*(len(with)+1) > 1<<22 {
		return nil, fail("replace() makes too long a text")
	}
	return []Item{text(strings.ReplaceAll(s, old, with))}, nil
}

// compilePattern compiles the pattern of matches() once where it is a literal.
func (c *call) compilePattern() (err error) {
	if c.name != "matches" {
		return nil
	}
	if l, ok := c.args[0].(literal); ok && len(l.items) == 1 && l.items[0].isText() {
		c.re, err = compilePattern(l.items[0].Node.Text)
	}
	return err
}

func compilePattern(s string) (pattern, error) {
	if len(s) > 1024 {
		return nil, fail("the pattern is too long")
	}
	re, err := regexp.Compile("(?s)" + s)
	if err != nil {
		return nil, fail("the pattern of matches() cannot be read")
	}
	return re, nil
}

func matches(r *run, c *call, in []Item, sc scope) ([]Item, error) {
	s, ok, err := oneOf(c.name, in)
	if err != nil || !ok {
		return nil, err
	}
	re := c.re
	if re == nil {
		p, given, err := r.argument(c, 0, sc)
		if err != nil || !given {
			return nil, err
		}
		if err := r.spend(len(p) * 4); err != nil {
			return nil, err
		}
		if re, err = compilePattern(p); err != nil {
			return nil, err
		}
	}
	return only(re.MatchString(s)), r.spend(len(s) / 8)
}

func toString(_ *run, _ *call, in []Item, _ scope) ([]Item, error) {
	if len(in) > 1 {
		return nil, fail("toString() works on one value")
	}
	if len(in) == 0 || !in[0].HasValue() {
		return nil, nil
	}
	return []Item{text(in[0].Node.Text)}, nil
}

func toInteger(_ *run, _ *call, in []Item, _ scope) ([]Item, error) {
	if len(in) > 1 {
		return nil, fail("toInteger() works on one value")
	}
	if len(in) == 0 || !in[0].HasValue() {
		return nil, nil
	}
	s := in[0].Node.Text
	if in[0].Node.Kind == fhir.Bool {
		s = map[string]string{"true": "1", "false": "0"}[s]
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return nil, nil
	}
	return []Item{integer(int(n))}, nil
}
