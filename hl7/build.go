package hl7

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// Builder writes a message, segment by segment, with everything escaped that
// must be. It uses the usual delimiters |^~\& and ends segments with CR.
type Builder struct {
	header   Header
	segments []*SegmentBuilder
	err      error
}

// What can be wrong with a message being built.
var (
	// ErrSegmentName means a segment name that is not a capital letter followed by
	// two capitals or digits.
	ErrSegmentName = errors.New("building HL7 message: a segment name must be three capitals or digits")
	// ErrPlace means a field, component or subcomponent number below 1, or a
	// change of MSH-1 or MSH-2.
	ErrPlace = errors.New("building HL7 message: there is no such field, component or subcomponent")
	// ErrUnencodable means a character that Header.Charset does not have.
	ErrUnencodable = errors.New("building HL7 message: a character is not in the message's character set")
)

// maxPlace bounds field and component numbers, against a slip of the hand.
const maxPlace = 999

// NewBuilder begins a message with the MSH segment that h describes. HL7 v2.4
// 2.16.9. With h.Charset empty a message that is not ASCII declares and uses
// UNICODE UTF-8.
func NewBuilder(h Header) *Builder {
	b := &Builder{header: h}
	b.Segment("MSH").Set(3, h.Sending).Set(4, h.SendingFacility).
		Set(5, h.Receiving).Set(6, h.ReceivingFacility).Set(7, h.Time).
		SetComp(9, 1, h.Type).SetComp(9, 2, h.Trigger).SetComp(9, 3, h.Structure).
		Set(10, h.ControlID).Set(11, h.Processing).Set(12, h.Version).Set(18, h.Charset)
	return b
}

// Segment adds a segment. The first, MSH, is there already: use Header for it.
func (b *Builder) Segment(name string) *SegmentBuilder {
	if !isSegmentName(name) {
		b.err = errors.Join(b.err, ErrSegmentName)
	}
	s := &SegmentBuilder{name: name, owner: b}
	b.segments = append(b.segments, s)
	return s
}

// Header is the message's MSH segment, for fields that the Header type lacks.
func (b *Builder) Header() *SegmentBuilder { return b.segments[0] }

func isSegmentName(name string) bool {
	return len(name) == 3 && Message{code: standard}.looksLikeSegment([]byte(name))
}

// SegmentBuilder writes one segment. Its methods return it, so that calls chain;
// what is wrong is told by Builder.Bytes. Numbers count from 1.
type SegmentBuilder struct {
	name   string
	owner  *Builder
	fields [][]repetition // fields[0] is field 1
}

// A repetition is components of subcomponents, escaped, in UTF-8.
type repetition [][]string

// Set makes the whole of a field one plain value. "" leaves it empty.
func (s *SegmentBuilder) Set(field int, value string) *SegmentBuilder {
	return s.replace(field, standard.escape(value))
}

// Null writes "" (two quotes), which tells the receiver to delete what it knows.
// HL7 v2.4 2.7.
func (s *SegmentBuilder) Null(field int) *SegmentBuilder { return s.replace(field, `""`) }

// SetRaw writes a field that is encoded already, such as one taken from another
// message with the usual delimiters. Segment ends in it are refused.
func (s *SegmentBuilder) SetRaw(field int, encoded string) *SegmentBuilder {
	if strings.ContainsAny(encoded, "\r\n|\x0b\x1c") {
		s.owner.err = errors.Join(s.owner.err, ErrPlace)
		return s
	}
	return s.replace(field, encoded)
}

// SetComp sets a component of the field's last repetition.
func (s *SegmentBuilder) SetComp(field, comp int, value string) *SegmentBuilder {
	return s.SetSub(field, comp, 1, value)
}

// NullComp writes "" (two quotes) as a component of the last repetition.
func (s *SegmentBuilder) NullComp(field, comp int) *SegmentBuilder {
	return s.put(field, comp, 1, `""`)
}

// SetSub sets a subcomponent of the field's last repetition.
func (s *SegmentBuilder) SetSub(field, comp, sub int, value string) *SegmentBuilder {
	return s.put(field, comp, sub, standard.escape(value))
}

// AddRep adds a repetition with these components to the field; it becomes the
// first when the field is empty.
func (s *SegmentBuilder) AddRep(field int, comps ...string) *SegmentBuilder {
	if !s.has(field) {
		return s
	}
	rep := make(repetition, len(comps))
	for i, c := range comps {
		rep[i] = []string{standard.escape(c)}
	}
	s.fields[field-1] = append(s.fields[field-1], rep)
	return s
}

func (s *SegmentBuilder) replace(field int, encoded string) *SegmentBuilder {
	if s.has(field) {
		s.fields[field-1] = []repetition{{{encoded}}}
	}
	return s
}

func (s *SegmentBuilder) put(field, comp, sub int, encoded string) *SegmentBuilder {
	if comp < 1 || comp > maxPlace || sub < 1 || sub > maxPlace {
		s.owner.err = errors.Join(s.owner.err, ErrPlace)
		return s
	}
	if !s.has(field) {
		return s
	}
	f := &s.fields[field-1]
	if len(*f) == 0 {
		*f = []repetition{nil}
	}
	rep := &(*f)[len(*f)-1]
	*rep = grow(*rep, comp)
	(*rep)[comp-1] = grow((*rep)[comp-1], sub)
	(*rep)[comp-1][sub-1] = encoded
	return s
}

// has makes room for a field, or notes that there can be none.
func (s *SegmentBuilder) has(field int) bool {
	if field < 1 || field > maxPlace || s.name == "MSH" && field < 3 {
		s.owner.err = errors.Join(s.owner.err, ErrPlace)
		return false
	}
	s.fields = grow(s.fields, field)
	return true
}

func grow[T any](list []T, n int) []T {
	for len(list) < n {
		var zero T
		list = append(list, zero)
	}
	return list
}

// Bytes is the message. The error is one or more of ErrSegmentName, ErrPlace and
// ErrUnencodable, the last with the segment and field.
func (b *Builder) Bytes() ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	set := utf8Declared
	if b.header.Charset != "" {
		set = charsetNamed([]byte(b.header.Charset))
	} else if !b.isASCII() {
		b.Header().Set(18, "UNICODE UTF-8")
	}
	var out []byte
	for _, s := range b.segments {
		out = append(out, s.name...)
		first := 0
		if s.name == "MSH" {
			out = append(out, `|^~\&`...)
			first = 2
		}
		for n := first; n < s.length(); n++ {
			text, ok := set.encode(join(s.fields[n]))
			if !ok {
				return nil, fmt.Errorf("%w: %s-%d", ErrUnencodable, s.name, n+1)
			}
			out = append(append(out, '|'), text...)
		}
		out = append(out, '\r')
	}
	return out, nil
}

func (b *Builder) isASCII() bool {
	for _, s := range b.segments {
		for _, f := range s.fields {
			if !isASCII([]byte(join(f))) {
				return false
			}
		}
	}
	return true
}

// length leaves out empty fields at the end. HL7 v2.4 2.12.
func (s *SegmentBuilder) length() int {
	n := len(s.fields)
	for n > 0 && join(s.fields[n-1]) == "" {
		n--
	}
	return n
}

func join(reps []repetition) string {
	var b strings.Builder
	for i, rep := range reps {
		if i > 0 {
			b.WriteByte(standard.rep)
		}
		var comps []string
		for _, subs := range rep {
			comps = append(comps, strings.TrimRight(strings.Join(subs, string(rune(standard.sub))), string(rune(standard.sub))))
		}
		b.WriteString(strings.TrimRight(strings.Join(comps, string(rune(standard.comp))), string(rune(standard.comp))))
	}
	return b.String()
}

// encode is the reverse of decode; it reports false for what the set lacks. An
// unknown set takes ASCII only.
func (c charset) encode(s string) (string, bool) {
	if isASCII([]byte(s)) {
		return s, true
	}
	var table *charmap.Charmap
	switch c {
	case utf8Found, utf8Declared:
		return s, true
	case latin1, windows1252, windows1252Found:
		table = charmap.Windows1252
	case latin9:
		table = charmap.ISO8859_15
	default:
		return "", false
	}
	out, err := table.NewEncoder().String(s)
	return out, err == nil
}
