package fhir

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"
)

// writeXML writes a resource in the XML of FHIR, its elements in the order of the
// release (FHIR R4 2.6.1). What the release does not know comes last, in its order.
func writeXML(n *Node, v Version) ([]byte, error) {
	w := &xmlWriter{b: make([]byte, 0, 2048), types: models()[v]}
	w.resource(n, ` xmlns="`+nsFHIR+`"`)
	if w.err == "" && !utf8.Valid(w.b) {
		w.err = "a text is not UTF-8"
	}
	if w.err != "" {
		return nil, fmt.Errorf("writing XML: %s", strings.TrimSpace(pathOf(w.trail)+" "+w.err))
	}
	return w.b, nil
}

type xmlWriter struct {
	b     []byte
	types map[string]*structure
	err   string
	trail []string // names from the inside out, of the place of err
}

func (w *xmlWriter) fail(what string) bool {
	if w.err == "" {
		w.err = what
	}
	return false
}

func (w *xmlWriter) resource(n *Node, attributes string) bool {
	typ := n.Type()
	if n.Kind != Object || !plainName(typ) || typ[0] < 'A' || typ[0] > 'Z' {
		return w.fail("a resource has no resourceType that XML can name")
	}
	w.b = append(append(append(append(w.b, '<'), typ...), attributes...), '>')
	st := w.types[typ]
	if st != nil && !st.resource {
		st = nil
	}
	if !w.members(n, st, true) {
		return false
	}
	w.b = append(append(append(w.b, "</"...), typ...), '>')
	return true
}

// members writes the elements of an object. In a resource id is an element and
// resourceType its name; elsewhere id is an attribute, as is the url of an extension.
func (w *xmlWriter) members(n *Node, st *structure, resource bool) bool {
	order, more := w.order(n, st)
	for _, i := range order {
		m := n.Members[i]
		if resource && m.Name == "resourceType" || !resource && attribute(m, st) {
			continue
		}
		name, value := m.Name, m.Value
		var extra *Node
		switch {
		case strings.HasPrefix(name, "_"):
			if name = name[1:]; slices.ContainsFunc(n.Members, func(o Member) bool { return o.Name == name }) {
				continue // it is written with its value
			}
			value, extra = nil, m.Value
		case more:
			extra = underscore(n, name)
		}
		if !w.member(name, value, extra, st) {
			w.trail = append(w.trail, name)
			return false
		}
	}
	return true
}

func attribute(m Member, st *structure) bool {
	return m.Value != nil && m.Value.Kind == String && (m.Name == "id" || m.Name == "url" && st != nil && st.name == "Extension")
}

func underscore(n *Node, name string) *Node {
	for i := range n.Members {
		if m := n.Members[i].Name; len(m) == len(name)+1 && m[0] == '_' && m[1:] == name {
			return n.Members[i].Value
		}
	}
	return nil
}

// order is the members in the order of the release, and whether any is _name.
func (w *xmlWriter) order(n *Node, st *structure) (order []int, more bool) {
	order = make([]int, len(n.Members))
	keys := make([]int, len(n.Members))
	sorted := true
	for i := range n.Members {
		order[i] = i
		name := n.Members[i].Name
		if strings.HasPrefix(name, "_") {
			name, more = name[1:], true
		}
		at, ok := st.find(name)
		if !ok {
			if at = 1 << 20; name == "resourceType" {
				at = -1
			}
		}
		keys[i] = at
		sorted = sorted && (i == 0 || keys[i-1] <= at)
	}
	if !sorted {
		slices.SortStableFunc(order, func(a, b int) int { return keys[a] - keys[b] })
	}
	return order, more
}

// member writes one element, or as many as an array has.
func (w *xmlWriter) member(name string, value, extra *Node, st *structure) bool {
	if !plainName(name) || name[0] == '_' {
		return w.fail("an element has a name that XML cannot have")
	}
	e := element{Element: Element{Name: name}}
	if i, ok := st.find(name); ok {
		e = st.elements[i]
	} else if name == "extension" || name == "modifierExtension" {
		e.Type, e.of = "Extension", w.types["Extension"]
	}
	if (value == nil || value.Kind != Array) && (extra == nil || extra.Kind != Array) {
		return w.one(e, value, extra)
	}
	if value != nil && value.Kind != Array && value.Kind != Null || extra != nil && extra.Kind != Array && extra.Kind != Null {
		return w.fail("an array and its extensions do not fit each other")
	}
	for i := range max(items(value), items(extra)) {
		var v, x *Node
		if i < items(value) {
			v = value.Items[i]
		}
		if i < items(extra) {
			x = extra.Items[i]
		}
		if !w.one(e, v, x) {
			w.trail = append(w.trail, fmt.Sprintf("[%d]", i))
			return false
		}
	}
	return true
}

func items(n *Node) int {
	if n == nil {
		return 0
	}
	return len(n.Items)
}

func (w *xmlWriter) one(e element, v, x *Node) bool {
	switch {
	case v != nil && v.Kind == Array:
		return w.fail("an array stands in an array")
	case x != nil && x.Kind != Object && x.Kind != Null:
		return w.fail("the extensions of a value are no object")
	case v != nil && v.Kind == Object:
		return w.object(e, v, x)
	case e.of != nil && v != nil && v.Kind != Null:
		return w.fail("a value stands where elements are expected")
	case v != nil && (e.Type == "xhtml" || e.Type == "" && e.Name == "div" && strings.HasPrefix(v.Text, "<")):
		return w.xhtml(v.Text)
	}
	w.b = append(append(w.b, '<'), e.Name...)
	if id := x.Member("id"); id != nil && id.Kind == String && !w.attribute("id", id.Text) {
		return false
	}
	if v != nil && v.Kind != Null && !w.attribute("value", v.Text) {
		return false
	}
	return w.rest(e.Name, x, nil)
}

// rest ends a start tag and writes the elements and the end tag, if there are any.
func (w *xmlWriter) rest(name string, n *Node, st *structure) bool {
	some := false
	if n != nil {
		for _, m := range n.Members {
			some = some || !attribute(m, st)
		}
	}
	if !some {
		w.b = append(w.b, "/>"...)
		return true
	}
	w.b = append(w.b, '>')
	if !w.members(n, st, false) {
		return false
	}
	w.b = append(append(append(w.b, "</"...), name...), '>')
	return true
}

func (w *xmlWriter) object(e element, v, x *Node) bool {
	switch {
	case x != nil && x.Kind == Object:
		return w.fail("something that is no single value has extensions beside it")
	case e.Primitive():
		return w.fail("elements stand where a value is expected")
	}
	w.b = append(append(w.b, '<'), e.Name...)
	if e.of == nil {
		if typ := v.Member("resourceType"); typ != nil && typ.Kind == String {
			w.b = append(w.b, '>')
			if !w.resource(v, "") {
				return false
			}
			w.b = append(append(append(w.b, "</"...), e.Name...), '>')
			return true
		}
	}
	for i := range v.Members {
		if m := v.Members[i]; attribute(m, e.of) && !w.attribute(m.Name, m.Value.Text) {
			return false
		}
	}
	return w.rest(e.Name, v, e.of)
}

func (w *xmlWriter) attribute(name, text string) bool {
	if badCharacter(text) >= 0 {
		return w.fail("a text has a control character, which XML cannot hold")
	}
	w.b = append(append(append(w.b, ' '), name...), '=', '"')
	from := 0
	for i := 0; i < len(text); i++ {
		var as string
		switch text[i] {
		case '&':
			as = "&amp;"
		case '<':
			as = "&lt;"
		case '>':
			as = "&gt;"
		case '"':
			as = "&quot;"
		case '\n':
			as = "&#10;"
		case '\r':
			as = "&#13;"
		case '\t':
			as = "&#9;"
		default:
			continue
		}
		w.b = append(append(w.b, text[from:i]...), as...)
		from = i + 1
	}
	w.b = append(append(w.b, text[from:]...), '"')
	return true
}

// xhtml writes a narrative as it is, when it is one element div and nothing else:
// what came in JSON might otherwise end the narrative and go on as another resource.
func (w *xmlWriter) xhtml(text string) bool {
	text = namedEntities(strings.TrimSpace(text))
	s := &xmlScanner{s: text, lim: Limits{}.filled()}
	t, ok := s.start(true)
	if ok && !t.saysNS && t.raw == "div" {
		text = `<div xmlns="` + nsXHTML + `"` + text[len("<div"):]
		s = &xmlScanner{s: text, lim: s.lim}
		t, ok = s.start(true)
	}
	if !ok || t.name != "div" || t.ns != nsXHTML || !s.skipElement(t, true) || s.at != len(text) || badCharacter(text) >= 0 {
		return w.fail("the narrative is not one well-formed div of XHTML")
	}
	w.b = append(w.b, text...)
	return true
}

// namedEntities writes what HTML has and XML has not (&nbsp;) as characters.
func namedEntities(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "&")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		end := strings.IndexByte(after, ';')
		if _, size := entity("&" + after); size == 0 && end > 0 && plainName(after[:end]) {
			b.WriteString(html.UnescapeString("&" + after[:end+1]))
			after = after[end+1:]
		} else {
			b.WriteByte('&')
		}
		text = after
	}
}
