package stu3

import (
	"strings"
	"time"

	"homeward/fhir"
)

// document is a body: the resource that it is about, and those that came with it,
// contained or as entries of a Bundle.
type document struct {
	issues
	from  Sender
	focus *fhir.Node
	whole *fhir.Node                           // the Bundle, else the focus
	by    map[string]*fhir.Node                // entries by fullUrl and by Type/id
	in    map[*fhir.Node]map[string]*fhir.Node // what each resource contains, by "#id"
}

// open finds the resource of a type in a body: the body itself, or the one such
// entry of a Bundle.
func open(body *fhir.Node, typ string, from Sender) *document {
	d := &document{from: from, whole: body, by: map[string]*fhir.Node{}, in: map[*fhir.Node]map[string]*fhir.Node{}}
	switch body.Type() {
	case typ:
		d.focus = body
		return d
	case "Bundle":
		d.entries(typ)
		return d
	}
	d.wrong("invariant", body.Type(), "Send a "+typ+", or a Bundle with one")
	return d
}

func (d *document) entries(typ string) {
	for _, e := range d.whole.All("entry") {
		n := e.Member("resource")
		if n == nil {
			continue
		}
		if url := e.Str("fullUrl"); url != "" {
			d.by[url] = n
		}
		if n.ID() != "" {
			d.by[n.Type()+"/"+n.ID()] = n
		}
		if n.Type() != typ {
			continue
		}
		if d.focus != nil {
			d.wrong("invariant", "Bundle.entry", "There must be one "+typ+" in the Bundle, and there are more")
			return
		}
		d.focus = n
	}
	if d.focus == nil {
		d.wrong("required", "Bundle.entry", "There is no "+typ+" in the Bundle")
	}
}

// at is when the sender says that it happened: what came with the resource that the
// body is about, and tells no time of its own, is as old as that.
func (d *document) at(n *fhir.Node) time.Time {
	if n.Str("meta.lastUpdated") == "" {
		n = d.focus
	}
	return d.from.at(n)
}

// find is the resource that a reference of n points to, where it came with n. A
// reference to one that should be here and is not is wrong. expression names the
// element.
func (d *document) find(n, ref *fhir.Node, expression string) *fhir.Node {
	text := ref.Str("reference")
	if text == "" {
		return nil
	}
	if strings.HasPrefix(text, "#") {
		for _, in := range []*fhir.Node{n, d.focus} {
			if x := d.contained(in)[text]; x != nil {
				return x
			}
		}
		d.wrong("not-found", expression+".reference", "There is no contained resource of this id")
		return nil
	}
	if x := d.by[text]; x != nil {
		return x
	}
	// FHIR STU3 bundle.html#references: relative to the address of the entry.
	if r, err := fhir.ParseRef(text); err == nil && r.Type != "" {
		if x := d.by[r.Type+"/"+r.ID]; x != nil {
			return x
		}
	} else if err == nil && r.URN != "" {
		d.wrong("not-found", expression+".reference", "There is no entry with this fullUrl")
	}
	return nil
}

// contained is what a resource contains, by reference: asked again and again of a
// body that somebody made long, it must not be sought each time.
func (d *document) contained(n *fhir.Node) map[string]*fhir.Node {
	if n == nil {
		return nil
	}
	m, ok := d.in[n]
	if !ok {
		m = map[string]*fhir.Node{}
		for _, c := range n.All("contained") {
			if _, twice := m["#"+c.ID()]; !twice {
				m["#"+c.ID()] = c
			}
		}
		d.in[n] = m
	}
	return m
}

// needs is find of what must be there.
func (d *document) needs(n *fhir.Node, path, typ, expression string) *fhir.Node {
	ref := n.Get(path)
	x := d.find(n, ref, expression)
	switch {
	case x == nil && ref.Str("reference") == "":
		d.wrong("required", expression, "Say which "+typ+" this is about")
		return nil
	case x == nil:
		d.wrong("not-found", expression+".reference", "Send the "+typ+" too, contained or as another entry of the Bundle")
		return nil
	case x.Type() != typ:
		d.wrong("value", expression+".reference", "This must point to a "+typ)
		return nil
	}
	return x
}

// one is the text of a required element.
func (d *document) one(n *fhir.Node, path string, allowed ...string) string {
	v, expression := n.Str(path), n.Type()+"."+path
	if v == "" {
		d.wrong("required", expression, "The element must be there")
		return ""
	}
	if len(allowed) > 0 && !contains(allowed, v) {
		d.wrong("code-invalid", expression, "The code must be one of "+strings.Join(allowed, ", "))
	}
	return v
}

// contains also holds codes against each other that differ in case only.
func contains(list []string, v string) bool {
	for _, x := range list {
		if strings.EqualFold(x, v) {
			return true
		}
	}
	return false
}

// extension is the extension of a node whose address ends so: the national and the
// local spelling of one differ in their base only.
func extension(n *fhir.Node, tail string) *fhir.Node {
	for _, name := range []string{"extension", "modifierExtension"} {
		for _, e := range n.All(name) {
			if url := e.Str("url"); url == tail || strings.HasSuffix(strings.ToLower(url), strings.ToLower(tail)) {
				return e
			}
		}
	}
	return nil
}

// conceptWords are a CodeableConcept for people: its text, else what its codings display.
func conceptWords(c *fhir.Node) string {
	if t := c.Str("text"); t != "" {
		return t
	}
	for _, x := range c.All("coding") {
		if t := x.Str("display"); t != "" {
			return t
		}
	}
	return c.Str("coding.code")
}

// walk visits every object of a tree but what is contained, parents first, with
// the path to it. It stops below where f reports false.
func walk(n *fhir.Node, path string, f func(n *fhir.Node, path string) bool) {
	switch {
	case n == nil:
	case n.Kind == fhir.Array:
		for _, x := range n.Items {
			walk(x, path, f)
		}
	case n.Kind == fhir.Object && f(n, path):
		for _, m := range n.Members {
			if m.Name != "contained" {
				walk(m.Value, path+"."+m.Name, f)
			}
		}
	}
}

// takenBack is a reason of SHD-CancellationReason, wherever in a resource it
// stands, and the words with it. The published pages that would say where are
// lost, so it is known by its code system.
type takenBack struct {
	code, words, path string
}

func (d *document) reason(n *fhir.Node) *takenBack {
	var out *takenBack
	walk(n, n.Type(), func(x *fhir.Node, path string) bool {
		if out != nil || !isReason(x.Str("system")) {
			return out == nil
		}
		out = &takenBack{code: x.Str("code"), path: path}
		return false
	})
	if out == nil {
		return nil
	}
	out.words = reasonWords(n)
	switch {
	case Reasons[out.code] == "":
		d.wrong("code-invalid", out.path+".code", "The reason must be one of 01 to 13 (SHD-CancellationReason)")
	case out.code == "13" && out.words == "":
		d.wrong("required", out.path, "Reason 13 needs details: say the reason in words beside it")
	}
	return out
}

// reasonWords are the details of a reason: the text of its CodeableConcept, a
// string in the same extension, or the answer to the question below or after it.
func reasonWords(n *fhir.Node) (words string) {
	walk(n, "", func(x *fhir.Node, path string) bool {
		if words != "" || !hasReason(x) {
			return false
		}
		if len(x.All("coding")) > 0 {
			words = x.Str("text")
		}
		if strings.HasSuffix(path, "xtension") {
			words = x.Str("extension.valueString")
		}
		items := x.All("item")
		for i, item := range items {
			switch {
			case words != "" || !hasReason(item.Member("answer")):
			case item.Str("answer.item.answer.valueString")+item.Str("item.answer.valueString") != "":
				words = item.Str("answer.item.answer.valueString") + item.Str("item.answer.valueString")
			case i+1 < len(items):
				words = items[i+1].Str("answer.valueString")
			}
		}
		return words == ""
	})
	return words
}

func isReason(system string) bool {
	return strings.HasSuffix(system, "SHD-CancellationReason") || strings.HasSuffix(system, "ADW-WithdrawalReason-1")
}

func hasReason(n *fhir.Node) (found bool) {
	walk(n, "", func(x *fhir.Node, _ string) bool {
		found = found || isReason(x.Str("system"))
		return !found
	})
	return found
}
