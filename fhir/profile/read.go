package profile

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"homeward/fhir"
	"homeward/fhir/fhirpath"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func unversioned(url string) string {
	url, _, _ = strings.Cut(url, "|")
	return url
}

// reader reads one text of rules.
type reader struct {
	set     *Set
	version fhir.Version
	profile *Profile
	at      *rule // the element of the last line
	list    *List
}

func (s *Set) read(text string) error {
	r := reader{set: s}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		ws, err := words(line)
		if err == nil {
			err = r.line(ws)
		}
		if err != nil {
			return fmt.Errorf("reading rules, line %d: %w", n, err)
		}
	}
	return nil
}

// tails are the lines whose last word is an expression, which may have spaces: the
// number of words before it.
var tails = map[string]int{"!": 4, "rule": 5}

// words divides a line at spaces that are in no quotes, brackets or braces of JSON.
func words(line string) (out []string, err error) {
	start, depth, in := -1, 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case in && c == '\\':
			i++
		case c == '"':
			in = !in
		case in:
		case c == '{':
			depth++
		case c == '}':
			depth--
		case c == ' ' && depth == 0:
			if start >= 0 {
				out = append(out, line[start:i])
			}
			start = -1
			if len(out) > 0 && len(out) == tails[out[0]] {
				return append(out, strings.TrimSpace(line[i:])), nil
			}
			continue
		}
		if start < 0 {
			start = i
		}
	}
	if in || depth != 0 {
		return nil, fmt.Errorf("a quote or brace is not closed")
	}
	if start >= 0 {
		out = append(out, line[start:])
	}
	return out, nil
}

func (r *reader) line(w []string) error {
	switch w[0] {
	case "release":
		if len(w) != 2 || w[1] != "R4" && w[1] != "STU3" {
			return fmt.Errorf("release is R4 or STU3")
		}
		r.version = map[string]fhir.Version{"R4": fhir.R4, "STU3": fhir.STU3}[w[1]]
		return nil
	case "profile":
		return r.startProfile(w)
	case "list":
		if len(w) != 2 {
			return fmt.Errorf("list takes a URL")
		}
		r.list = &List{URL: w[1], systems: map[string]codes{}}
		r.set.lists[w[1]] = r.list
		return nil
	case "+":
		return r.codes(w)
	case "!":
		i, err := readInvariant(w[1:])
		if err != nil || r.at == nil {
			return fmt.Errorf("an invariant stands after its element: %v", err)
		}
		r.at.invariants = append(r.at.invariants, i)
		return nil
	case "of":
		return r.codesOf(w)
	case "rule":
		i, err := readInvariant(w[2:])
		if err != nil {
			return err
		}
		t := r.set.typ(r.version, w[1])
		t.invariants = append(t.invariants, i)
		return nil
	}
	return r.element(w)
}

func (r *reader) startProfile(w []string) error {
	if len(w) < 3 || r.version == 0 {
		return fmt.Errorf("a profile has a URL and a type, after its release")
	}
	p := &Profile{URL: w[1], Name: w[1][strings.LastIndexByte(w[1], '/')+1:], Version: r.version, Type: w[2], root: &rule{max: -1}}
	if len(w) == 4 {
		p.Base = strings.TrimPrefix(w[3], "base=")
	}
	if r.set.profiles[p.URL] != nil {
		return fmt.Errorf("the profile %s is there twice", p.URL)
	}
	r.set.profiles[p.URL] = p
	r.profile, r.at = p, p.root
	return nil
}

func (r *reader) codes(w []string) error {
	if len(w) < 3 || r.list == nil {
		return fmt.Errorf("+ takes a system and codes, after its list")
	}
	system := w[1]
	if system == "-" {
		system = ""
	}
	if w[2] == "*" {
		r.list.systems[system] = nil
		return nil
	}
	cs, all := r.list.systems[system]
	if all && cs == nil {
		return nil
	}
	if cs == nil {
		cs = codes{}
		r.list.systems[system] = cs
	}
	for _, c := range w[2:] {
		cs[strings.Trim(c, `"`)] = struct{}{}
	}
	return nil
}

// codesOf reads the codes that a release asks for.
func (r *reader) codesOf(w []string) error {
	i := strings.LastIndexByte(w[1], '.')
	if i < 0 || len(w) < 3 {
		return fmt.Errorf("of takes Type.element and codes")
	}
	l := &List{systems: map[string]codes{"": {}}}
	for _, c := range w[2:] {
		l.systems[""][strings.Trim(c, `"`)] = struct{}{}
	}
	r.set.typ(r.version, w[1][:i]).lists[w[1][i+1:]] = l
	return nil
}

func readInvariant(w []string) (i invariant, err error) {
	if len(w) != 4 || w[1] != "error" && w[1] != "warning" {
		return i, fmt.Errorf("an invariant has a key, error or warning, why, and an expression")
	}
	i.key, i.warning = w[0], w[1] == "warning"
	if i.human, err = strconv.Unquote(w[2]); err != nil {
		return i, fmt.Errorf("why an invariant is there stands in quotes")
	}
	i.expr, err = fhirpath.Compile(w[3])
	return i, err
}

// element reads the line of an element.
func (r *reader) element(w []string) error {
	if r.profile == nil {
		return fmt.Errorf("%q is not known", w[0])
	}
	at := r.profile.root
	if w[0] != "." {
		for name := range strings.SplitSeq(w[0], ".") {
			at = at.grow(name)
		}
	}
	r.at = at
	for _, word := range w[1:] {
		if err := at.word(word); err != nil {
			return err
		}
	}
	return nil
}

// grow finds or makes the rule of name or name:slice.
func (at *rule) grow(name string) *rule {
	name, slice, sliced := strings.Cut(name, ":")
	var c *rule
	for _, x := range at.children {
		if x.name == name {
			c = x
		}
	}
	if c == nil {
		c = &rule{name: name, max: -1}
		at.children = append(at.children, c)
	}
	if !sliced {
		return c
	}
	for _, x := range c.slices {
		if x.slice == slice {
			return x
		}
	}
	x := &rule{name: name, slice: slice, max: -1}
	c.slices = append(c.slices, x)
	return x
}

func (at *rule) word(w string) (err error) {
	key, value, _ := strings.Cut(w, "=")
	switch key {
	case "must":
		at.must = true
	case "closed":
		at.closed = true
	case "fixed":
		at.fixed, err = readJSON(value)
	case "pattern":
		at.pattern, err = readJSON(value)
	case "type":
		at.types = strings.Split(value, ",")
	case "to":
		at.targets = strings.Split(value, ",")
	case "is":
		at.is = unversioned(value)
	case "from":
		at.list, at.strength = unversioned(value), required
	case "likely":
		at.list, at.strength = unversioned(value), extensible
	case "by":
		for d := range strings.SplitSeq(value, ",") {
			kind, path, ok := strings.Cut(d, ":")
			if !ok {
				return fmt.Errorf("by=%s: kind:path was expected", value)
			}
			at.by = append(at.by, discriminator{kind, splitPath(path)})
		}
	default:
		return at.counts(w)
	}
	return err
}

// splitPath reads the restricted FHIRPath of discriminators: names and $this;
// extension(url), resolve() and ofType() are kept as names.
func splitPath(path string) (out []string) {
	for _, p := range strings.Split(strings.TrimPrefix(path, "$this."), ".") {
		if p != "$this" {
			out = append(out, p)
		}
	}
	return out
}

func (at *rule) counts(w string) (err error) {
	low, high, ok := strings.Cut(w, "..")
	if !ok {
		return fmt.Errorf("%q is not known", w)
	}
	at.set = true
	if low != "" {
		if at.min, err = strconv.Atoi(low); err != nil {
			return fmt.Errorf("%q is no range", w)
		}
	}
	if high != "*" && high != "" {
		if at.max, err = strconv.Atoi(high); err != nil {
			return fmt.Errorf("%q is no range", w)
		}
	}
	return nil
}

// readJSON reads a small value into a tree.
func readJSON(s string) (*fhir.Node, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%s is no JSON", s)
	}
	return fromJSON(v), nil
}

func fromJSON(v any) *fhir.Node {
	switch v := v.(type) {
	case string:
		return &fhir.Node{Kind: fhir.String, Text: v}
	case json.Number:
		return &fhir.Node{Kind: fhir.Number, Text: v.String()}
	case bool:
		return &fhir.Node{Kind: fhir.Bool, Text: strconv.FormatBool(v)}
	case []any:
		n := &fhir.Node{Kind: fhir.Array}
		for _, x := range v {
			n.Items = append(n.Items, fromJSON(x))
		}
		return n
	case map[string]any:
		n := &fhir.Node{Kind: fhir.Object}
		for _, k := range sortedKeys(v) {
			n.Members = append(n.Members, fhir.Member{Name: k, Value: fromJSON(v[k])})
		}
		return n
	}
	return &fhir.Node{Kind: fhir.Null}
}
