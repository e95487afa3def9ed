package profile

import (
	"fmt"
	"strconv"
	"strings"

	"homeward/fhir"
	"homeward/fhir/fhirpath"
)

// maxIssues is after how many issues the check ends: who sends worse is told enough.
const maxIssues = 64

// Check holds a resource against its release, against the given profiles, and against
// those that it claims in meta.profile. Issues have severity error, or warning for
// what need not be refused. A given profile that is not known is an error with the
// code not-supported; a claimed one is that only when no profile was given, and else
// a warning. Diagnostics name elements and never their values.
func (s *Set) Check(n *fhir.Node, v fhir.Version, profiles ...string) []fhir.Issue {
	return s.check(n, v, false, profiles)
}

// Advise is Check, and also tells by severity information which elements of
// mustSupport are empty.
func (s *Set) Advise(n *fhir.Node, v fhir.Version, profiles ...string) []fhir.Issue {
	return s.check(n, v, true, profiles)
}

func (s *Set) check(n *fhir.Node, v fhir.Version, advise bool, profiles []string) []fhir.Issue {
	c := &checker{set: s, version: v, advise: advise}
	c.resource(n, profiles)
	return c.issues
}

// checker is one check; path is where it stands.
type checker struct {
	set     *Set
	version fhir.Version
	advise  bool
	issues  []fhir.Issue
	root    *fhir.Node // the resource in hand
	top     *fhir.Node // the one that contains it, or itself
	path    []place
	profile *Profile // nil: the release itself
}

type place struct {
	name  string
	index int // -1: the element does not repeat
}

func (c *checker) push(name string, index int) { c.path = append(c.path, place{name, index}) }
func (c *checker) pop()                        { c.path = c.path[:len(c.path)-1] }

// where writes the path, with indexes for FHIRPath and without for people.
func (c *checker) where(indexes bool, more string) string {
	var b strings.Builder
	for i, p := range c.path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(p.name)
		if indexes && p.index >= 0 {
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(p.index))
			b.WriteByte(']')
		}
	}
	if more != "" {
		b.WriteByte('.')
		b.WriteString(more)
	}
	return b.String()
}

// report adds an issue about the element in hand, or about one of its members.
func (c *checker) report(severity, code, member, format string, args ...any) {
	if len(c.issues) >= maxIssues {
		return
	}
	text := fmt.Sprintf("Profile, Element '%s': ", c.where(false, member)) + fmt.Sprintf(format, args...)
	if c.profile != nil {
		text += " (" + c.profile.Name + ")"
	}
	c.issues = append(c.issues, fhir.Issue{Severity: severity, Code: code, Diagnostics: text, Expression: c.where(true, member)})
}

// resource checks a resource as a whole: the outermost, an entry's or a contained one.
func (c *checker) resource(n *fhir.Node, profiles []string) {
	name := n.Type()
	t := c.set.base[c.version][name]
	if n == nil || n.Kind != fhir.Object || t == nil || !t.resource {
		c.issues = append(c.issues, fhir.Issue{Severity: "error", Code: "structure", Expression: c.where(true, ""),
			Diagnostics: "The resourceType is not one of this release of FHIR"})
		return
	}
	outer, top := c.root, c.top
	c.root = n
	if !c.contained() {
		c.top = n
	}
	if len(c.path) == 0 {
		c.push(name, -1)
		defer c.pop()
	}
	c.object(n, t)
	for _, url := range profiles {
		c.byURL(n, url, "error")
	}
	claimed := "error"
	if len(profiles) > 0 {
		claimed = "warning"
	}
	if m := n.Member("meta").Member("profile"); m != nil {
		for _, p := range m.Items {
			if p.Kind == fhir.String && !given(profiles, p.Text) {
				c.byURL(n, p.Text, claimed)
			}
		}
	}
	c.root, c.top = outer, top
}

func (c *checker) contained() bool {
	return len(c.path) > 0 && c.path[len(c.path)-1].name == "contained"
}

func given(profiles []string, url string) bool {
	for _, p := range profiles {
		if unversioned(p) == unversioned(url) {
			return true
		}
	}
	return false
}

// byURL checks by a profile and by those that it builds on.
func (c *checker) byURL(n *fhir.Node, url, unknown string) {
	url = unversioned(url)
	if strings.HasPrefix(url, "http://hl7.org/fhir/StructureDefinition/"+n.Type()) {
		return // the release's own
	}
	p := c.set.profiles[url]
	if p == nil || p.Version != c.version {
		c.push("meta", -1)
		c.push("profile", -1)
		c.issues = append(c.issues, fhir.Issue{Severity: unknown, Code: "not-supported", Expression: c.where(true, ""),
			Diagnostics: "The profile " + printable(url) + " is not known here"})
		c.pop()
		c.pop()
		return
	}
	if p.Type != n.Type() {
		c.report("error", "structure", "", "the profile %s is one of %s", p.Name, p.Type)
		return
	}
	c.profile = p
	for ; p != nil; p = c.set.profiles[p.Base] {
		c.inside(p.root, n, nil)
	}
	c.profile = nil
}

// printable keeps what a sender wrote from spoiling our answer.
func printable(url string) string {
	if len(url) > 200 {
		url = url[:200]
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, url)
}

// object checks what a release asks of a type.
func (c *checker) object(n *fhir.Node, t *typ) {
	for i := range n.Members {
		m := &n.Members[i]
		name, sibling := m.Name, false
		if len(name) > 1 && name[0] == '_' {
			name, sibling = name[1:], true
		}
		f := t.members[name]
		switch {
		case f == nil && t.resource && name == "resourceType":
		case f == nil:
			c.report("warning", "structure", printable(m.Name), "this is no element of %s", t.name)
		case sibling && f.Primitive():
			c.siblings(f, m.Value)
		case sibling:
			c.report("error", "structure", printable(m.Name), "only a primitive has a member with _")
		default:
			c.member(f, m.Value)
		}
	}
	for _, f := range t.needed {
		if !has(n, f.Name) {
			c.report("error", "required", f.Name, "minimum required = 1, but only found 0")
		}
	}
	for _, x := range t.choices {
		found := 0
		for _, name := range x.members {
			if has(n, name) {
				found++
			}
		}
		if found > 1 {
			c.report("error", "structure", x.name+"[x]", "maximum allowed = 1, but found %d", found)
		}
	}
	c.holds(t.invariants, n, nil, t.name)
}

// has reports whether an element is there, if only by its extensions.
func has(n *fhir.Node, name string) bool {
	for i := range n.Members {
		if m := n.Members[i].Name; m == name || len(m) == len(name)+1 && m[0] == '_' && m[1:] == name {
			return true
		}
	}
	return false
}

func (c *checker) member(f *field, v *fhir.Node) {
	isArray := v != nil && v.Kind == fhir.Array
	if f.Many != isArray {
		c.report("error", "structure", f.Name, "%s", map[bool]string{true: "it repeats, so it is an array", false: "it does not repeat, so it is no array"}[f.Many])
		if !isArray {
			return
		}
	}
	if !isArray {
		c.push(f.Name, -1)
		c.value(f, v)
		c.pop()
		return
	}
	for i, x := range v.Items {
		c.push(f.Name, i)
		c.value(f, x)
		c.pop()
	}
}

func (c *checker) value(f *field, v *fhir.Node) {
	switch {
	case v == nil || v.Kind == fhir.Null: // its value is in its sibling
		if !f.Primitive() {
			c.report("error", "structure", "", "it is empty")
		}
	case f.Primitive():
		c.primitive(f, v)
	case v.Kind != fhir.Object:
		c.report("error", "structure", "", "it has elements of its own, so it is an object")
	case len(v.Members) == 0:
		c.report("error", "structure", "", "it is empty")
	case f.Type == "Resource":
		c.resource(v, nil)
	case f.of != nil && f.of.known:
		c.object(v, f.of)
		c.holds(f.invariants, v, nil, f.Type)
		if f.list != nil {
			c.bound(f.list, required, v)
		}
		if f.Type == "Extension" {
			c.extension(v)
		}
	}
}

// extension checks an extension by its profile, where that is known; others are left
// as they are (FHIR R4 2.5.0.1).
func (c *checker) extension(v *fhir.Node) {
	p := c.set.profiles[v.Str("url")]
	if p == nil || p.Version != c.version || p.Type != "Extension" {
		return
	}
	before := c.profile
	c.profile = p
	c.inside(p.root, v, nil)
	c.profile = before
}

func (c *checker) siblings(f *field, v *fhir.Node) {
	items := []*fhir.Node{v}
	if v != nil && v.Kind == fhir.Array {
		items = v.Items
	}
	ext := c.set.base[c.version]["Extension"]
	for i, x := range items {
		at := -1
		if f.Many {
			at = i
		}
		c.push(f.Name, at)
		if list := x.Member("extension"); list != nil {
			for j, e := range list.Items {
				c.push("extension", j)
				if e.Kind == fhir.Object {
					c.object(e, ext)
					c.extension(e)
				}
				c.pop()
			}
		}
		c.pop()
	}
}

func (c *checker) primitive(f *field, v *fhir.Node) {
	want := fhir.String
	switch f.Type {
	case "boolean":
		want = fhir.Bool
	case "integer", "decimal", "positiveInt", "unsignedInt":
		want = fhir.Number
	}
	if v.Kind != want {
		c.report("error", "value", "", "it must be %s in JSON", kindWords[want])
		return
	}
	if err := fhir.CheckPrimitive(f.Type, v.Text); err != nil {
		c.report("error", "value", "", "it %s", err)
		return
	}
	if f.list != nil {
		c.bound(f.list, required, v)
	}
}

var kindWords = map[fhir.Kind]string{fhir.String: "text", fhir.Number: "a number", fhir.Bool: "true or false"}

// holds checks invariants.
func (c *checker) holds(all []invariant, n, side *fhir.Node, typ string) {
	for i := range all {
		x := &all[i]
		ok, err := x.expr.True(c.top, c.root, fhirpath.Primitive(n, side, typ))
		severity := "error"
		if x.warning {
			severity = "warning"
		}
		switch {
		case err != nil:
			c.report(severity, "too-costly", "", "the rule %s could not be checked: %s", x.key, x.human)
		case !ok:
			c.report(severity, "invariant", "", "%s: %s", x.key, x.human)
		}
	}
}
