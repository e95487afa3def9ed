package fhir

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// slab gives out nodes and lists from larger pieces, so that a tree costs few
// allocations.
type slab struct {
	nodes   []Node
	members []Member
	items   []*Node
	given   int
}

func (b *slab) node(k Kind, text string) *Node {
	if len(b.nodes) == 0 {
		b.nodes = make([]Node, min(16+b.given, 512))
	}
	n := &b.nodes[0]
	b.nodes = b.nodes[1:]
	b.given++
	n.Kind, n.Text = k, text
	return n
}

func (b *slab) keepMembers(from []Member) []Member {
	if len(from) > len(b.members) {
		b.members = make([]Member, max(len(from), min(16+b.given, 512)))
	}
	out := b.members[:len(from):len(from)]
	b.members = b.members[len(from):]
	copy(out, from)
	return out
}

func (b *slab) keepItems(from []*Node) []*Node {
	if len(from) > len(b.items) {
		b.items = make([]*Node, max(len(from), min(16+b.given/2, 512)))
	}
	out := b.items[:len(from):len(from)]
	b.items = b.items[len(from):]
	copy(out, from)
	return out
}

// jsonReader reads RFC 8259 from a text that is known to be UTF-8. What it keeps of
// lists under way is on two stacks, so that each list is allocated once and whole.
type jsonReader struct {
	s       string
	at      int
	depth   int
	lim     Limits
	slab    slab
	members []Member
	items   []*Node
	err     *Error
	trail   []string // names from the inside out, of the place of err
}

func parseJSON(s string, lim Limits) (*Node, error) {
	r := &jsonReader{s: s, lim: lim}
	r.space()
	if r.at >= len(s) {
		return nil, broken(s, r.at, "the body is empty", nil)
	}
	if s[r.at] != '{' {
		return nil, broken(s, r.at, "a resource in JSON begins with {", nil)
	}
	n := r.value()
	if r.err == nil {
		r.space()
		if r.at < len(s) {
			return nil, broken(s, r.at, "something follows the resource", nil)
		}
		return n, nil
	}
	r.err.Issues[0].Expression = pathOf(r.trail)
	return nil, r.err
}

func (r *jsonReader) fail(off int, what string) *Node {
	if r.err == nil {
		r.err = broken(r.s, off, what, nil)
	}
	return nil
}

func (r *jsonReader) over(off int, what string) *Node {
	if r.err == nil {
		r.err = tooMuch(r.s, off, what)
	}
	return nil
}

func (r *jsonReader) space() {
	for r.at < len(r.s) {
		switch r.s[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// value reads one value at r.at, where no space stands; nil when r.err is set.
func (r *jsonReader) value() *Node {
	if r.at >= len(r.s) {
		return r.fail(r.at, "the text ends too early")
	}
	if r.slab.given >= r.lim.Nodes {
		return r.over(r.at, "there are more than "+strconv.Itoa(r.lim.Nodes)+" values")
	}
	switch c := r.s[r.at]; {
	case c == '"':
		start := r.at
		text, ok := r.text()
		if !ok {
			return r.fail(start, "a string has no end")
		}
		return r.slab.node(String, text)
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	case c == 't':
		return r.word("true", Bool)
	case c == 'f':
		return r.word("false", Bool)
	case c == 'n':
		return r.word("null", Null)
	}
	return r.fail(r.at, "a value was expected")
}

func (r *jsonReader) word(w string, k Kind) *Node {
	if len(r.s)-r.at < len(w) || r.s[r.at:r.at+len(w)] != w {
		return r.fail(r.at, "a value was expected")
	}
	r.at += len(w)
	if k == Null {
		w = ""
	}
	return r.slab.node(k, w)
}

// enter counts one more level.
func (r *jsonReader) enter() bool {
	if r.depth++; r.depth > r.lim.Depth {
		r.over(r.at, "the resource is nested deeper than "+strconv.Itoa(r.lim.Depth)+" levels")
		return false
	}
	r.at++
	r.space()
	return true
}

func (r *jsonReader) object() *Node {
	n := r.slab.node(Object, "")
	if !r.enter() {
		return nil
	}
	base := len(r.members)
	if r.at < len(r.s) && r.s[r.at] == '}' {
		r.at++
		r.depth--
		return n
	}
	var seen map[string]bool // of objects with many members
	for {
		name, ok := r.name(base, &seen)
		if !ok {
			return nil
		}
		v := r.value()
		if v == nil {
			r.trail = append(r.trail, name)
			return nil
		}
		r.members = append(r.members, Member{name, v})
		more, ok := r.next('}')
		if !ok {
			return nil
		}
		if !more {
			break
		}
	}
	n.Members = r.slab.keepMembers(r.members[base:])
	r.members = r.members[:base]
	r.depth--
	return n
}

// name reads a member's name and the colon after it. A name may stand once: which of
// two would be meant nobody can say (RFC 8259 4, FHIR R4 2.6.2).
func (r *jsonReader) name(base int, seen *map[string]bool) (string, bool) {
	start := r.at
	if start >= len(r.s) || r.s[start] != '"' {
		r.fail(start, "the name of an element was expected, in double quotes")
		return "", false
	}
	name, ok := r.text()
	if !ok {
		r.fail(start, "a string has no end")
		return "", false
	}
	if name == "" {
		r.fail(start, "an element has an empty name")
		return "", false
	}
	if r.twice(name, base, seen) {
		r.fail(start, "an element stands here twice")
		r.trail = append(r.trail, name)
		return "", false
	}
	r.space()
	if r.at >= len(r.s) || r.s[r.at] != ':' {
		r.fail(r.at, "a colon was expected after the name of an element")
		return "", false
	}
	r.at++
	r.space()
	return name, true
}

func (r *jsonReader) twice(name string, base int, seen *map[string]bool) bool {
	have := r.members[base:]
	if *seen == nil && len(have) < 24 {
		for i := range have {
			if have[i].Name == name {
				return true
			}
		}
		return false
	}
	if *seen == nil {
		*seen = make(map[string]bool, 2*len(have))
		for i := range have {
			(*seen)[have[i].Name] = true
		}
	}
	if (*seen)[name] {
		return true
	}
	(*seen)[name] = true
	return false
}

func (r *jsonReader) array() *Node {
	n := r.slab.node(Array, "")
	if !r.enter() {
		return nil
	}
	base := len(r.items)
	if r.at < len(r.s) && r.s[r.at] == ']' {
		r.at++
		r.depth--
		return n
	}
	for {
		v := r.value()
		if v == nil {
			r.trail = append(r.trail, "["+strconv.Itoa(len(r.items)-base)+"]")
			return nil
		}
		r.items = append(r.items, v)
		more, ok := r.next(']')
		if !ok {
			return nil
		}
		if !more {
			break
		}
	}
	n.Items = r.slab.keepItems(r.items[base:])
	r.items = r.items[:base]
	r.depth--
	return n
}

// next reads what stands after a value in a list: a comma (more) or its end.
func (r *jsonReader) next(end byte) (more, ok bool) {
	r.space()
	if r.at >= len(r.s) {
		r.fail(r.at, "the text ends too early")
		return false, false
	}
	switch r.s[r.at] {
	case end:
		r.at++
		return false, true
	case ',':
		r.at++
		r.space()
		return true, true
	}
	r.fail(r.at, "a comma or "+string(rune(end))+" was expected")
	return false, false
}

// number reads a number and keeps its digits as they were written: 1.50 is not 1.5
// in a decimal of FHIR (FHIR R4 2.24.0.1).
func (r *jsonReader) number() *Node {
	end := numberEnd(r.s, r.at)
	if end < 0 {
		return r.fail(r.at, "this is not a number as JSON writes it")
	}
	n := r.slab.node(Number, r.s[r.at:end])
	r.at = end
	return n
}

// numberEnd is where a number of JSON that begins at i ends; -1 when none does.
func numberEnd(s string, i int) int {
	digits := func() bool {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return -1
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return -1
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return -1
		}
	}
	return i
}

// text reads a string. Without escapes it is a part of the text that was read.
func (r *jsonReader) text() (string, bool) {
	s, start := r.s, r.at+1
	for i := start; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			r.at = i + 1
			return s[start:i], true
		case c == '\\':
			return r.escaped(start, i)
		case c < 0x20:
			r.fail(i, "a control character stands in a string")
			return "", false
		}
	}
	return "", false
}

// escaped reads on from the first backslash of a string.
func (r *jsonReader) escaped(start, i int) (string, bool) {
	s := r.s
	out := append(make([]byte, 0, 2*(i-start)+32), s[start:i]...)
	for i < len(s) {
		switch c := s[i]; {
		case c == '"':
			r.at = i + 1
			return string(out), true
		case c < 0x20:
			r.fail(i, "a control character stands in a string")
			return "", false
		case c != '\\':
			out = append(out, c)
			i++
		default:
			ch, size := unescape(s[i:])
			if size == 0 {
				r.fail(i, "this escape is not one of JSON, or stands for half a character or for a control character")
				return "", false
			}
			out = utf8.AppendRune(out, ch)
			i += size
		}
	}
	return "", false
}

// unescape reads one escape; size 0 when it is none, is half of a surrogate pair, or
// stands for a control character that no string of FHIR may hold (FHIR R4 2.24.0.1).
func unescape(s string) (ch rune, size int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default: // \b and \f are control characters
		return 0, 0
	}
	ch, ok := hex4(s[2:])
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(ch) {
		if len(s) < 12 || s[6] != '\\' || s[7] != 'u' {
			return 0, 0
		}
		low, ok := hex4(s[8:])
		if ch = utf16.DecodeRune(ch, low); !ok || ch == utf8.RuneError {
			return 0, 0
		}
		return ch, 12
	}
	if ch < 0x20 && ch != '\t' && ch != '\n' && ch != '\r' {
		return 0, 0
	}
	return ch, 6
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var x rune
	for i := range 4 {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		x = x<<4 | rune(c)
	}
	return x, true
}

func appendJSON(b []byte, n *Node) []byte {
	if n == nil {
		return append(b, "null"...)
	}
	switch n.Kind {
	case String:
		return appendString(b, n.Text)
	case Number, Bool:
		return append(b, n.Text...)
	case Array:
		b = append(b, '[')
		for i, x := range n.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, x)
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		for i := range n.Members {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, n.Members[i].Name)
			b = append(b, ':')
			b = appendJSON(b, n.Members[i].Value)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// appendString writes a string with the escapes that JSON demands and no others, as
// JSON.stringify of ECMAScript does, so that equal trees are equal bytes.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
