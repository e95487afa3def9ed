package fhir

import (
	"strconv"
	"strings"
)

const (
	nsFHIR  = "http://hl7.org/fhir"
	nsXHTML = "http://www.w3.org/1999/xhtml"
	nsXSI   = "http://www.w3.org/2001/XMLSchema-instance"
)

// parseXML reads a resource in the XML of FHIR (FHIR R4 2.6.1) into the tree that
// its JSON would give. Comments and schema locations are left out: JSON has no place
// for them. There is no DTD, so no entity but the five of XML.
func parseXML(s string, v Version, lim Limits) (*Node, error) {
	r := &xmlReader{xmlScanner: xmlScanner{s: s, lim: lim}, types: models()[v]}
	n := r.document()
	if r.err != nil {
		r.err.Issues[0].Expression = pathOf(r.trail)
		return nil, r.err
	}
	return n, nil
}

// xmlReader makes a tree of what its scanner finds.
type xmlReader struct {
	xmlScanner
	types   map[string]*structure
	slab    slab
	members []Member // of the elements under way
	trail   []string
}

func (r *xmlReader) document() *Node {
	r.prolog()
	if r.err != nil {
		return nil
	}
	t, ok := r.open()
	if !ok {
		return nil
	}
	n := r.resource(t)
	if r.err != nil {
		r.trail = append(r.trail, t.name)
		return nil
	}
	if r.misc(); r.at < len(r.s) {
		r.fail(r.at, "something follows the resource")
	}
	return n
}

// resource reads a resource, whose start tag has been read.
func (r *xmlReader) resource(t tag) *Node {
	if !r.isFHIR(t) {
		return nil
	}
	if t.id.is || t.value.is || t.url.is {
		return r.fail(t.at, "a resource has no attributes but that of its namespace")
	}
	n := r.slab.node(Object, "")
	base := len(r.members)
	r.members = append(r.members, Member{"resourceType", r.slab.node(String, t.name)})
	st := r.types[t.name]
	if st != nil && !st.resource {
		st = nil
	}
	if !r.content(t, st, base) {
		return nil
	}
	n.Members = r.slab.keepMembers(r.members[base:])
	r.members = r.members[:base]
	return n
}

func (r *xmlReader) isFHIR(t tag) bool {
	if t.ns == nsFHIR {
		return true
	}
	r.fail(t.at, "this element is not in the namespace "+nsFHIR)
	return false
}

// content reads the elements of t and its end tag, as members from base on.
func (r *xmlReader) content(t tag, st *structure, base int) bool {
	if t.closed {
		return true
	}
	if r.depth++; r.depth > r.lim.Depth {
		r.over(t.at, "the resource is nested deeper than "+strconv.Itoa(r.lim.Depth)+" levels")
		return false
	}
	for {
		r.misc()
		if r.err != nil {
			return false
		}
		if strings.HasPrefix(r.s[r.at:], "</") {
			r.depth--
			return r.close(t)
		}
		c, ok := r.open()
		if !ok {
			return false
		}
		if !r.child(c, st, base) {
			r.trail = append(r.trail, c.name)
			return false
		}
	}
}

// child reads one element and puts it among the members from base on.
func (r *xmlReader) child(c tag, st *structure, base int) bool {
	if c.ns == nsXHTML && c.name == "div" {
		return r.put(c, Element{Name: "div", Type: "xhtml"}, r.xhtml(c), nil, base)
	}
	if !r.isFHIR(c) {
		return false
	}
	e := element{Element: Element{Name: c.name}}
	if i, ok := st.find(c.name); ok {
		e = st.elements[i]
	} else if c.name == "extension" || c.name == "modifierExtension" {
		e = element{Element{Name: c.name, Type: "Extension", Many: true}, r.types["Extension"]}
	}
	switch {
	case e.Primitive():
		v, more := r.primitive(c, e)
		return r.put(c, e.Element, v, more, base)
	case c.url.is && e.Type != "Extension":
		r.fail(c.at, "only an extension has the attribute url")
		return false
	case c.value.is && e.Type == "":
		v, more := r.primitive(c, e)
		return r.put(c, e.Element, v, more, base)
	case c.value.is:
		r.fail(c.at, "this element has elements and cannot have the attribute value")
		return false
	}
	return r.put(c, e.Element, r.object(c, e), nil, base)
}

// object reads an element that has elements; one that holds a resource is that
// resource (FHIR R4 2.6.1.1).
func (r *xmlReader) object(c tag, e element) *Node {
	if e.of == nil && !c.id.is && !c.url.is && !c.closed {
		r.misc()
		if r.err == nil && r.holdsResource() {
			inner, ok := r.open()
			if !ok {
				return nil
			}
			n := r.resource(inner)
			if r.misc(); r.err != nil || n == nil || !r.close(c) {
				return nil
			}
			return n
		}
	}
	n := r.slab.node(Object, "")
	base := len(r.members)
	r.attribute("id", c.id)
	r.attribute("url", c.url)
	if !r.content(c, e.of, base) || r.err != nil {
		return nil
	}
	n.Members = r.slab.keepMembers(r.members[base:])
	r.members = r.members[:base]
	return n
}

// holdsResource reports whether the next element is named as resources are.
func (r *xmlReader) holdsResource() bool {
	rest := r.s[r.at:]
	if len(rest) < 2 || rest[0] != '<' {
		return false
	}
	end := 1
	for end < len(rest) && nameByte(rest[end]) {
		end++
	}
	name := rest[1:end]
	name = name[strings.IndexByte(name, ':')+1:]
	return name != "" && name[0] >= 'A' && name[0] <= 'Z'
}

func (r *xmlReader) attribute(name string, v said) {
	if v.is {
		r.members = append(r.members, Member{name, r.slab.node(String, v.text)})
	}
}

// primitive reads a value and, for the member with the underscore, its id and
// extensions.
func (r *xmlReader) primitive(c tag, e element) (value, more *Node) {
	if c.url.is {
		return r.fail(c.at, "only an extension has the attribute url"), nil
	}
	if c.value.is {
		value = r.slab.node(kindOf(e.Type, c.value.text), c.value.text)
	}
	base := len(r.members)
	r.attribute("id", c.id)
	if !r.content(c, nil, base) {
		return nil, nil
	}
	if len(r.members) > base {
		more = r.slab.node(Object, "")
		more.Members = r.slab.keepMembers(r.members[base:])
		r.members = r.members[:base]
	}
	if value == nil {
		value = r.slab.node(Null, "")
	}
	return value, more
}

// kindOf is how JSON writes a value of a type. What is no number stays a string, for
// the checks to say so.
func kindOf(typ, text string) Kind {
	switch typ {
	case "boolean":
		if text == "true" || text == "false" {
			return Bool
		}
	case "decimal", "integer", "positiveInt", "unsignedInt":
		if numberEnd(text, 0) == len(text) {
			return Number
		}
	}
	return String
}

// put adds what was read of one element to the members from base on: as the value,
// or as one more of an array. An element that no release knows is an array when it
// stands more than once.
func (r *xmlReader) put(c tag, e Element, value, more *Node, base int) bool {
	if value == nil || r.err != nil {
		return false
	}
	if len(r.members)-base > maxNames {
		r.over(c.at, "one element has more than "+strconv.Itoa(maxNames)+" kinds of elements")
		return false
	}
	at, extra := r.indexOf(e.Name, base)
	if at < 0 && extra < 0 && !e.Many {
		if value.Kind != Null || more == nil {
			r.members = append(r.members, Member{e.Name, value})
		}
		if more != nil {
			r.members = append(r.members, Member{"_" + e.Name, more})
		}
		return true
	}
	if !e.Many && e.Type != "" {
		r.fail(c.at, "an element that does not repeat stands here twice")
		return false
	}
	r.join(e.Name, at, extra, value, more)
	return true
}

// join appends to the arrays of name and _name, which stay equally long; an array
// of nothing but nulls is left out (FHIR R4 2.6.2.2).
func (r *xmlReader) join(name string, at, extra int, value, more *Node) {
	n := 0
	if at >= 0 {
		n = len(r.asArray(at).Items)
	}
	if extra >= 0 {
		n = max(n, len(r.asArray(extra).Items))
	}
	if at < 0 && (value.Kind != Null || more == nil) {
		r.members = append(r.members, Member{name, r.nulls(n)})
		at = len(r.members) - 1
	}
	if extra < 0 && more != nil {
		r.members = append(r.members, Member{"_" + name, r.nulls(n)})
		extra = len(r.members) - 1
	}
	if at >= 0 {
		a := r.members[at].Value
		a.Items = append(a.Items, value)
	}
	if extra >= 0 {
		if more == nil {
			more = r.slab.node(Null, "")
		}
		a := r.members[extra].Value
		a.Items = append(a.Items, more)
	}
}

func (r *xmlReader) asArray(at int) *Node {
	if v := r.members[at].Value; v.Kind != Array {
		a := r.slab.node(Array, "")
		a.Items = []*Node{v}
		r.members[at].Value = a
	}
	return r.members[at].Value
}

func (r *xmlReader) nulls(n int) *Node {
	a := r.slab.node(Array, "")
	for range n {
		a.Items = append(a.Items, r.slab.node(Null, ""))
	}
	return a
}

// maxNames bounds how many names one element has, so that looking among them stays
// cheap; no type of FHIR has as many.
const maxNames = 400

// indexOf finds the members name and _name from base on, -1 for none; the last
// first, since elements that repeat stand together.
func (r *xmlReader) indexOf(name string, base int) (at, extra int) {
	at, extra = -1, -1
	for i := len(r.members) - 1; i >= base; i-- {
		switch m := r.members[i].Name; {
		case m == name:
			at = i
		case len(m) == len(name)+1 && m[0] == '_' && m[1:] == name:
			extra = i
		}
	}
	return at, extra
}

// xhtml keeps a narrative as it is written, with its namespace said on it, as JSON
// holds it (FHIR R4 2.6.2.5).
func (r *xmlReader) xhtml(c tag) *Node {
	if !r.skipElement(c, true) {
		return nil
	}
	text := r.s[c.at:r.at]
	if !c.saysNS {
		end := 1
		for nameByte(text[end]) {
			end++
		}
		name := text[1:end]
		attr := ` xmlns="` + nsXHTML + `"`
		if prefix, _, has := strings.Cut(name, ":"); has {
			attr = ` xmlns:` + prefix + `="` + nsXHTML + `"`
		}
		text = text[:end] + attr + text[end:]
	}
	return r.slab.node(String, strings.ReplaceAll(text, "\r\n", "\n")) // XML 1.0 2.11
}
