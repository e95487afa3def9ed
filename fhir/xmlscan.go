package fhir

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// xmlScanner finds tags in XML 1.0 with namespaces. It knows no DTD, no entities but
// the five of XML, and no processing instructions: FHIR uses none of them, and each
// has been a way to attack (FHIR R4 2.6.1).
type xmlScanner struct {
	s     string
	at    int
	depth int
	tags  int
	lim   Limits
	names []namespace
	err   *Error
}

// namespace is one xmlns in force, for the elements deeper than depth.
type namespace struct {
	prefix, uri string
	depth       int
}

// said is the value of an attribute, and whether it is there.
type said struct {
	text string
	is   bool
}

// tag is one start tag with the attributes that FHIR has.
type tag struct {
	at             int // of its <
	raw            string
	name, ns       string // local name; namespace
	id, value, url said
	closed         bool // <x/>
	saysNS         bool // it declares its own namespace
	scopes         int  // how many namespaces were in force before it
}

func (r *xmlScanner) fail(off int, what string) *Node {
	if r.err == nil {
		r.err = broken(r.s, off, what, nil)
	}
	return nil
}

func (r *xmlScanner) over(off int, what string) *Node {
	if r.err == nil {
		r.err = tooMuch(r.s, off, what)
	}
	return nil
}

// prolog reads the XML declaration and what may stand before the first element.
func (r *xmlScanner) prolog() {
	if strings.TrimSpace(r.s) == "" {
		r.fail(0, "the body is empty")
		return
	}
	if i := badCharacter(r.s); i >= 0 {
		r.fail(i, "a control character stands in the text")
		return
	}
	if strings.HasPrefix(r.s, "<?xml") && len(r.s) > 5 && strings.IndexByte(" \t\r\n", r.s[5]) >= 0 {
		end := strings.Index(r.s, "?>")
		if end < 0 {
			r.fail(0, "the XML declaration has no end")
			return
		}
		said := strings.ToLower(strings.NewReplacer("'", `"`, " ", "").Replace(r.s[:end]))
		if _, enc, has := strings.Cut(said, `encoding="`); has && !strings.HasPrefix(enc, `utf-8"`) && !strings.HasPrefix(enc, `us-ascii"`) {
			r.fail(0, "the XML declaration names an encoding other than UTF-8")
			return
		}
		r.at = end + 2
	}
	r.misc()
}

// misc passes over white space and comments, and refuses all else but tags.
func (r *xmlScanner) misc() {
	for r.at < len(r.s) && r.err == nil {
		switch c := r.s[r.at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			r.at++
		case c != '<':
			if r.depth == 0 {
				return // the caller says what it is
			}
			r.fail(r.at, "text stands between elements")
		case strings.HasPrefix(r.s[r.at:], "<!--"):
			r.comment()
		case strings.HasPrefix(r.s[r.at:], "<!DOCTYPE"):
			r.fail(r.at, "a document type (DOCTYPE) is not taken")
		case strings.HasPrefix(r.s[r.at:], "<!["):
			r.fail(r.at, "a CDATA section is not taken outside a narrative")
		case strings.HasPrefix(r.s[r.at:], "<?"):
			r.fail(r.at, "a processing instruction is not taken")
		default:
			return
		}
	}
}

func (r *xmlScanner) comment() {
	end := strings.Index(r.s[r.at+4:], "--")
	if end < 0 || !strings.HasPrefix(r.s[r.at+4+end:], "-->") {
		r.fail(r.at, "a comment does not end as XML demands")
		return
	}
	r.at += 4 + end + 3
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == ':' || c >= 0x80
}

// word reads a name; "" when none stands there.
func (r *xmlScanner) word() string {
	start := r.at
	for r.at < len(r.s) && nameByte(r.s[r.at]) {
		r.at++
	}
	w := r.s[start:r.at]
	if w != "" && (w[0] >= '0' && w[0] <= '9' || w[0] == '-' || w[0] == '.' || w[0] == ':') {
		r.at = start
		return ""
	}
	return w
}

func (r *xmlScanner) space() (any bool) {
	for r.at < len(r.s) {
		switch r.s[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
			any = true
		default:
			return any
		}
	}
	return any
}

// open reads a start tag of FHIR, or of a narrative's div.
func (r *xmlScanner) open() (tag, bool) { return r.start(false) }

// start reads a start tag. In a narrative any attribute may stand.
func (r *xmlScanner) start(narrative bool) (t tag, ok bool) {
	t.at, t.scopes = r.at, len(r.names)
	if r.tags++; r.tags > r.lim.Nodes {
		r.over(r.at, "there are more than "+strconv.Itoa(r.lim.Nodes)+" elements")
		return t, false
	}
	if r.at >= len(r.s) || r.s[r.at] != '<' {
		r.fail(r.at, "an element was expected")
		return t, false
	}
	r.at++
	if t.raw = r.word(); t.raw == "" {
		r.fail(r.at, "the name of an element was expected")
		return t, false
	}
	var others []attr
	for {
		spaced := r.space()
		switch {
		case r.at >= len(r.s):
			r.fail(r.at, "the text ends too early")
			return t, false
		case r.s[r.at] == '>':
			r.at++
			return t, r.named(&t, others, narrative)
		case strings.HasPrefix(r.s[r.at:], "/>"):
			r.at += 2
			t.closed = true
			if !r.named(&t, others, narrative) {
				return t, false
			}
			r.names = r.names[:t.scopes]
			return t, true
		case !spaced:
			r.fail(r.at, "white space was expected before an attribute")
			return t, false
		}
		if others, ok = r.attr(&t, others); !ok {
			return t, false
		}
	}
}

// attr is an attribute that is not one of id, value, url.
type attr struct {
	name string
	at   int
}

func (r *xmlScanner) attr(t *tag, others []attr) ([]attr, bool) {
	at := r.at
	name := r.word()
	if name == "" {
		r.fail(at, "the name of an attribute was expected")
		return others, false
	}
	r.space()
	if r.at >= len(r.s) || r.s[r.at] != '=' {
		r.fail(r.at, "an equals sign was expected after the name of an attribute")
		return others, false
	}
	r.at++
	r.space()
	text, ok := r.quoted()
	if !ok {
		return others, false
	}
	set := func(p *said) bool {
		if p.is {
			r.fail(at, "an attribute stands here twice")
			return false
		}
		*p = said{text, true}
		return true
	}
	switch {
	case name == "value":
		return others, set(&t.value)
	case name == "id":
		return others, set(&t.id)
	case name == "url":
		return others, set(&t.url)
	case name == "xmlns":
		r.names = append(r.names, namespace{"", text, r.depth})
	case strings.HasPrefix(name, "xmlns:"):
		r.names = append(r.names, namespace{name[6:], text, r.depth})
	}
	for _, o := range others {
		if o.name == name {
			r.fail(at, "an attribute stands here twice")
			return others, false
		}
	}
	return append(others, attr{name, at}), true
}

// quoted reads the value of an attribute (XML 1.0 3.3.3: white space in it is a space).
func (r *xmlScanner) quoted() (string, bool) {
	if r.at >= len(r.s) || r.s[r.at] != '"' && r.s[r.at] != '\'' {
		r.fail(r.at, "the value of an attribute stands in quotes")
		return "", false
	}
	quote, start := r.s[r.at], r.at+1
	plain := true
	for i := start; i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c == quote:
			r.at = i + 1
			if plain {
				return r.s[start:i], true
			}
			text, off := unentity(r.s[start:i])
			if off >= 0 {
				r.fail(start+off, "an entity is not one of the five of XML, or stands for a control character")
				return "", false
			}
			return text, true
		case c == '<':
			r.fail(i, "a < stands in the value of an attribute")
			return "", false
		case c == '&' || c == '\n' || c == '\r' || c == '\t':
			plain = false
		}
	}
	r.fail(r.at, "the value of an attribute has no end")
	return "", false
}

// unentity reads entities and white space of an attribute; off is where a wrong one
// stands, -1 when there is none.
func unentity(s string) (text string, off int) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\r':
			if i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
			out = append(out, ' ')
		case '\n', '\t':
			out = append(out, ' ')
		case '&':
			r, size := entity(s[i:])
			if size == 0 {
				return "", i
			}
			out = utf8.AppendRune(out, r)
			i += size - 1
		default:
			out = append(out, c)
		}
	}
	return string(out), -1
}

// entity reads &amp; and its kind, &#10; and &#xA;.
func entity(s string) (r rune, size int) {
	end := strings.IndexByte(s[:min(len(s), 12)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := s[1:end]; name {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		if name[0] != '#' {
			return 0, 0
		}
		base, digits := 10, name[1:]
		if strings.HasPrefix(digits, "x") {
			base, digits = 16, digits[1:]
		}
		x, err := strconv.ParseUint(digits, base, 32)
		if err != nil || digits[0] == '+' || !xmlRune(rune(x)) {
			return 0, 0
		}
		return rune(x), end + 1
	}
}

// xmlRune reports whether XML has the character (XML 1.0 2.2).
func xmlRune(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r < 0xd800 || r >= 0xe000 && r < 0xfffe || r >= 0x10000 && r <= 0x10ffff
}

// badCharacter is where a character stands that XML has not; -1 when there is none.
func badCharacter(s string) int {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != 0xef || c == '\n' || c == '\r' || c == '\t' {
			continue
		}
		if c < 0x20 || strings.HasPrefix(s[i:], "\uffff") || strings.HasPrefix(s[i:], "\ufffe") {
			return i
		}
	}
	return -1
}

// named finds the namespace of a tag and refuses attributes that nobody knows.
func (r *xmlScanner) named(t *tag, others []attr, narrative bool) bool {
	prefix, local, has := strings.Cut(t.raw, ":")
	if !has {
		prefix, local = "", t.raw
	}
	t.name = local
	for i := len(r.names) - 1; i >= 0; i-- {
		if r.names[i].prefix == prefix {
			t.ns = r.names[i].uri
			t.saysNS = i >= t.scopes
			break
		}
	}
	if local == "" || has && t.ns == "" {
		r.fail(t.at, "the prefix of an element has no namespace")
		return false
	}
	if narrative || t.ns == nsXHTML {
		return true
	}
	for _, o := range others {
		if o.name != "xmlns" && !strings.HasPrefix(o.name, "xmlns:") && !r.isXSI(o.name) {
			r.fail(o.at, "an attribute stands here that FHIR does not have")
			return false
		}
	}
	return true
}

// isXSI reports whether an attribute is for XML Schema, which says nothing about the
// resource.
func (r *xmlScanner) isXSI(name string) bool {
	prefix, _, has := strings.Cut(name, ":")
	for i := len(r.names) - 1; has && i >= 0; i-- {
		if r.names[i].prefix == prefix {
			return r.names[i].uri == nsXSI
		}
	}
	return false
}

// close reads the end tag of t.
func (r *xmlScanner) close(t tag) bool {
	at := r.at
	if !strings.HasPrefix(r.s[r.at:], "</") {
		if at >= len(r.s) {
			r.fail(at, "the text ends too early")
		} else {
			r.fail(at, "the end of an element was expected")
		}
		return false
	}
	r.at += 2
	name := r.word()
	r.space()
	if name != t.raw || r.at >= len(r.s) || r.s[r.at] != '>' {
		r.fail(at, "an end tag does not fit its start tag")
		return false
	}
	r.at++
	r.names = r.names[:t.scopes]
	return true
}

// skipElement passes over the content and the end of an element of a narrative.
// Prefixes must be declared within it, since it is kept by itself.
func (r *xmlScanner) skipElement(t tag, top bool) bool {
	if t.closed {
		return true
	}
	if top {
		kept := r.names
		own := slices.Clone(kept[t.scopes:])
		if !t.saysNS {
			prefix, _, has := strings.Cut(t.raw, ":")
			if !has {
				prefix = ""
			}
			own = append(own, namespace{prefix, nsXHTML, r.depth})
		}
		r.names = own
		scopes := t.scopes
		t.scopes = 0
		ok := r.skipContent(t)
		r.names = kept[:scopes]
		return ok
	}
	return r.skipContent(t)
}

func (r *xmlScanner) skipContent(t tag) bool {
	if r.depth++; r.depth > r.lim.Depth {
		r.over(t.at, "the narrative is nested deeper than "+strconv.Itoa(r.lim.Depth)+" levels")
		return false
	}
	for r.err == nil {
		next := strings.IndexAny(r.s[r.at:], "<&")
		if next < 0 {
			r.fail(len(r.s), "the text ends too early")
			return false
		}
		r.at += next
		switch rest := r.s[r.at:]; {
		case rest[0] == '&':
			_, size := entity(rest)
			if size == 0 {
				r.fail(r.at, "an entity is not one of the five of XML, or stands for a control character")
			}
			r.at += size
		case strings.HasPrefix(rest, "</"):
			r.depth--
			return r.close(t)
		case strings.HasPrefix(rest, "<!--"):
			r.comment()
		case strings.HasPrefix(rest, "<!") || strings.HasPrefix(rest, "<?"):
			r.fail(r.at, "a narrative holds elements and text only")
		default:
			if c, ok := r.start(true); ok && !r.skipElement(c, false) {
				return false
			}
		}
	}
	return false
}
