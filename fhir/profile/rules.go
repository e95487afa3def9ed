package profile

import (
	"strings"

	"homeward/fhir"
	"homeward/fhir/fhirpath"
)

// found is one value of an element.
type found struct {
	name  string // of the member: valueString of value[x]
	typ   string // of a choice
	index int
	node  *fhir.Node // nil: only extensions
	side  *fhir.Node // "_name"
}

// collect gives the values of an element.
func collect(out []found, n *fhir.Node, name string) []found {
	if n == nil || n.Kind != fhir.Object {
		return out
	}
	x, choice := strings.CutSuffix(name, "[x]")
	for i := range n.Members {
		m := &n.Members[i]
		full := m.Name
		sibling := len(full) > 1 && full[0] == '_'
		if sibling {
			full = full[1:]
		}
		typ := ""
		if choice {
			if !strings.HasPrefix(full, x) || len(full) == len(x) {
				continue
			}
			if typ = fhirpath.ChoiceType(full[len(x):]); typ == "" {
				continue
			}
		} else if full != name {
			continue
		}
		if sibling {
			if n.Member(full) == nil {
				out = spread(out, full, typ, nil, m.Value)
			}
			continue
		}
		var side *fhir.Node
		if m.Value != nil && m.Value.Kind != fhir.Object {
			side = n.Member("_" + full)
		}
		out = spread(out, full, typ, m.Value, side)
	}
	return out
}

func spread(out []found, name, typ string, v, side *fhir.Node) []found {
	list := v
	if list == nil {
		list = side
	}
	if list == nil || list.Kind != fhir.Array {
		return append(out, found{name, typ, -1, v, side})
	}
	for i := range list.Items {
		f := found{name: name, typ: typ, index: i}
		if v != nil {
			f.node = v.Items[i]
			if f.node != nil && f.node.Kind == fhir.Null {
				f.node = nil
			}
		}
		if side != nil && side.Kind == fhir.Array && i < len(side.Items) {
			f.side = side.Items[i]
		}
		out = append(out, f)
	}
	return out
}

// inside checks the children of a rule within one value. side is the sibling of a
// primitive, which has extensions only.
func (c *checker) inside(r *rule, n, side *fhir.Node) {
	of := n
	if n == nil || n.Kind != fhir.Object {
		of = side
	}
	c.holds(r.invariants, n, side, "")
	for _, child := range r.children {
		c.children(child, of)
	}
}

func (c *checker) children(r *rule, parent *fhir.Node) {
	var space [8]found
	all := collect(space[:0], parent, r.name)
	c.counted(r, len(all))
	var counts []int
	if len(r.slices) > 0 {
		counts = make([]int, len(r.slices))
	}
	for _, f := range all {
		c.push(f.name, f.index)
		c.one(r, f)
		hit := false
		for i, s := range r.slices {
			if c.matches(r, s, f) {
				counts[i]++
				c.one(s, f)
				hit = true
				break
			}
		}
		if r.closed && !hit && len(r.slices) > 0 {
			c.report("error", "structure", "", "it is none of those that the profile allows")
		}
		c.pop()
	}
	for i, s := range r.slices {
		c.counted(s, counts[i])
	}
}

func (c *checker) counted(r *rule, n int) {
	name := r.name
	if r.slice != "" {
		name += ":" + r.slice
	}
	switch {
	case n < r.min:
		c.report("error", "required", name, "minimum required = %d, but only found %d", r.min, n)
	case r.max >= 0 && n > r.max:
		c.report("error", "structure", name, "maximum allowed = %d, but found %d", r.max, n)
	case n == 0 && r.must && c.advise && r.min == 0 && r.max != 0:
		c.report("information", "informational", name, "it must be supported, and is not there")
	}
}

// one checks one value by one rule.
func (c *checker) one(r *rule, f found) {
	if r.types != nil && f.typ != "" && !in(r.types, f.typ) {
		c.report("error", "structure", "", "it must be %s", strings.Join(r.types, " or "))
	}
	if r.fixed != nil && !same(r.fixed, f.node) {
		c.report("error", "value", "", "the value is not the one that is fixed")
	}
	if r.pattern != nil && !covers(r.pattern, f.node) {
		c.report("error", "value", "", "the value does not hold what is asked for")
	}
	if r.targets != nil && f.node != nil {
		if t := target(f.node); t != "" && !in(r.targets, t) {
			c.report("error", "structure", "", "it must refer to %s", strings.Join(r.targets, " or "))
		}
	}
	if r.list != "" && f.node != nil {
		if l := c.set.lists[r.list]; l != nil {
			c.bound(l, r.strength, f.node)
		}
	}
	if len(r.children) > 0 || len(r.invariants) > 0 {
		c.inside(r, f.node, f.side)
	}
}

func target(ref *fhir.Node) string {
	if t := ref.Str("type"); t != "" {
		return t
	}
	return fhirpath.TypeOf(ref.Str("reference"))
}

func in(all []string, s string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}

// matches reports whether a value belongs to a slice.
func (c *checker) matches(of, s *rule, f found) bool {
	by := of.by
	if len(by) == 0 {
		switch {
		case of.name == "extension" || of.name == "modifierExtension":
			by = byURL
		case strings.HasSuffix(of.name, "[x]"):
			by = byType
		default:
			return false
		}
	}
	for _, d := range by {
		if !c.discriminates(d, s, f) {
			return false
		}
	}
	return true
}

var (
	byURL  = []discriminator{{"value", []string{"url"}}}
	byType = []discriminator{{"type", nil}}
)

func (c *checker) discriminates(d discriminator, s *rule, f found) bool {
	if len(d.path) == 1 && d.path[0] == "url" && s.is != "" {
		return f.node.Str("url") == s.is
	}
	if d.kind == "type" {
		switch {
		case len(d.path) > 0 && d.path[len(d.path)-1] == "resolve()":
			return in(s.targets, target(f.node))
		case s.types != nil:
			return in(s.types, f.typ)
		}
		return s.slice == f.name
	}
	want := s
	for _, name := range d.path {
		if want = want.child(name); want == nil {
			return false
		}
	}
	var space [4]*fhir.Node
	at := append(space[:0], f.node)
	for _, name := range d.path {
		at = step(at, name)
	}
	if d.kind == "exists" {
		return (want.max != 0) == (len(at) > 0)
	}
	for _, v := range at {
		switch {
		case want.fixed != nil && same(want.fixed, v), want.pattern != nil && covers(want.pattern, v):
			return true
		case want.fixed == nil && want.pattern == nil && want.list != "" && want.strength == required:
			if l := c.set.lists[want.list]; l != nil && l.holds(v) {
				return true
			}
		}
	}
	return false
}

func (r *rule) child(name string) *rule {
	for _, c := range r.children {
		if c.name == name || c.name == name+"[x]" {
			return c
		}
	}
	return nil
}

// step goes one name further, through arrays and choices.
func step(at []*fhir.Node, name string) (out []*fhir.Node) {
	var space [4]found
	for _, n := range at {
		all := collect(space[:0], n, name)
		if len(all) == 0 {
			all = collect(space[:0], n, name+"[x]")
		}
		for _, f := range all {
			if f.node != nil {
				out = append(out, f.node)
			}
		}
	}
	return out
}

// same compares a value with a fixed one: all of it, and nothing more.
func same(want, got *fhir.Node) bool {
	if got == nil || want.Kind != got.Kind || len(want.Members) != len(got.Members) {
		return false
	}
	return covers(want, got)
}

// covers reports whether a value has at least what a pattern has: of arrays, each
// item of the pattern somewhere (FHIR R4 5.1.0.10, pattern[x]).
func covers(want, got *fhir.Node) bool {
	if got == nil || want.Kind != got.Kind {
		return false
	}
	switch want.Kind {
	case fhir.Object:
		for _, m := range want.Members {
			if !covers(m.Value, got.Member(m.Name)) {
				return false
			}
		}
		return true
	case fhir.Array:
		for _, w := range want.Items {
			hit := false
			for _, g := range got.Items {
				hit = hit || covers(w, g)
			}
			if !hit {
				return false
			}
		}
		return true
	}
	return want.Text == got.Text
}

// bound checks a code, Coding, CodeableConcept or Quantity against a list.
func (c *checker) bound(l *List, how strength, v *fhir.Node) {
	switch {
	case l.holds(v):
	case how == required:
		c.report("error", "code-invalid", "", "the code is not one of the list that it must be from")
	case l.mentions(v):
		c.report("warning", "code-invalid", "", "the code system has no such code in the list that it should be from")
	}
}

func (l *List) holds(v *fhir.Node) bool {
	if v.Kind == fhir.String {
		for _, cs := range l.systems {
			if cs == nil {
				return true
			}
			if _, ok := cs[v.Text]; ok {
				return true
			}
		}
		return false
	}
	if cs := v.Member("coding"); cs != nil {
		for _, x := range cs.Items {
			if l.has(x) {
				return true
			}
		}
		return false
	}
	return l.has(v)
}

func (l *List) has(coding *fhir.Node) bool {
	code := coding.Str("code")
	if code == "" {
		return false
	}
	for _, system := range [2]string{coding.Str("system"), ""} {
		if cs, ok := l.systems[system]; ok {
			if _, in := cs[code]; in || cs == nil {
				return true
			}
		}
	}
	return false
}

// mentions reports whether a coding is of a system of the list.
func (l *List) mentions(v *fhir.Node) bool {
	codings := []*fhir.Node{v}
	if cs := v.Member("coding"); cs != nil {
		codings = cs.Items
	}
	for _, x := range codings {
		if s := x.Str("system"); s != "" && l.systems[s] != nil {
			return true
		}
	}
	return false
}
