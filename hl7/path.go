package hl7

import "bytes"

// All numbers in this file count from 1, as HL7 does: the first repetition is
// Rep(1). Asking for what is not there gives an absent value, never a panic.

// Presence tells the three things that a sender can mean by a field. HL7 v2.4
// 2.7: "" (two quotes) and nothing at all are not the same.
type Presence int

const (
	// Absent means nothing was sent: leave what is known unchanged.
	Absent Presence = iota
	// Null means "" was sent: delete what is known.
	Null
	// Value means that there is a value.
	Value
)

// Segment is one line of a message, such as PV1. The zero value has no fields.
type Segment struct {
	text []byte
	code coding
}

// Name is the segment's three letters.
func (s Segment) Name() string {
	name, _ := part(s.text, s.code.field, 1)
	return string(name)
}

// Raw is the segment as sent, without the segment end; not a copy.
func (s Segment) Raw() []byte { return s.text }

// Field returns field n. In MSH (and the batch headers FHS and BHS) field 1 is
// the field separator itself and field 2 the encoding characters, which are not
// split any further. HL7 v2.4 2.16.9.1.
func (s Segment) Field(n int) Field {
	if n < 1 {
		return Field{}
	}
	if s.isHeader() {
		switch n {
		case 1:
			return Field{s.text[3:4], coding{}}
		case 2:
			raw, _ := part(s.text, s.code.field, 2)
			return Field{raw, coding{}}
		}
		n--
	}
	raw, _ := part(s.text, s.code.field, n+1)
	return Field{raw, s.code}
}

func (s Segment) isHeader() bool {
	if len(s.text) < 4 {
		return false
	}
	switch string(s.text[:3]) {
	case "MSH", "FHS", "BHS":
		return s.text[3] == s.code.field
	}
	return false
}

// part returns the nth piece of text between separators, counting from 1.
func part(text []byte, sep byte, n int) ([]byte, bool) {
	if sep == 0 {
		return text, n == 1 && text != nil
	}
	start := 0
	// Fields are short, so a plain loop is faster here than bytes.IndexByte.
	for n > 1 {
		if start == len(text) {
			return nil, false
		}
		if text[start] == sep {
			n--
		}
		start++
	}
	text = text[start:]
	if i := bytes.IndexByte(text, sep); i >= 0 {
		text = text[:i]
	}
	return text, true
}

// piece is part for callers for whom absent and empty are the same.
func piece(text []byte, sep byte, n int) []byte {
	if n < 1 || sep == 0 && n > 1 {
		return nil
	}
	p, _ := part(text, sep, n)
	return p
}

// presence looks past delimiters: "^^^" says nothing, and `""^""` deletes.
func presence(raw []byte, c coding) Presence {
	found := Absent
	for len(raw) > 0 {
		switch b := raw[0]; {
		case c.splits(b):
			raw = raw[1:]
		case len(raw) >= 2 && b == '"' && raw[1] == '"' && (len(raw) == 2 || c.splits(raw[2])):
			found = Null
			raw = raw[2:]
		default:
			return Value
		}
	}
	return found
}

func (c coding) splits(b byte) bool {
	return b != 0 && (b == c.comp || b == c.rep || b == c.sub)
}

// Field is one field of a segment, which may repeat.
type Field struct {
	raw  []byte
	code coding
}

// Raw is the field as sent, with all repetitions; not a copy.
func (f Field) Raw() []byte { return f.raw }

// Presence says whether the field is absent, Null or has a value. A field with
// nothing but delimiters, such as a blank PV1-3 of "^^^", is absent.
func (f Field) Presence() Presence { return presence(f.raw, f.code) }

// IsNull reports that the field was sent as "": delete what is known.
func (f Field) IsNull() bool { return f.Presence() == Null }

// IsAbsent reports that nothing was sent: leave what is known.
func (f Field) IsAbsent() bool { return f.Presence() == Absent }

// Reps is the number of repetitions; 0 for an empty field.
func (f Field) Reps() int {
	if len(f.raw) == 0 {
		return 0
	}
	if f.code.rep == 0 {
		return 1
	}
	return 1 + bytes.Count(f.raw, []byte{f.code.rep})
}

// Rep returns repetition i, counting from 1.
func (f Field) Rep(i int) Rep { return Rep{piece(f.raw, f.code.rep, i), f.code} }

// Comp returns component n of the first repetition.
func (f Field) Comp(n int) Comp { return f.Rep(1).Comp(n) }

// String is the first subcomponent of the first component of the first
// repetition, decoded, which is what a receiver that expects a simple value
// must take when a later version sends more (HL7 v2.4 2.12, version
// compatibility). Null and absent give "". Use Text for words written for
// people.
func (f Field) String() string { return f.Rep(1).String() }

// Text is the whole first repetition, decoded, with unescaped separators kept
// as the characters they are: for words written for people by senders that do
// not escape, as in "Marks & Spencer".
func (f Field) Text() string { return f.Rep(1).Text() }

// Rep is one repetition of a field.
type Rep struct {
	raw  []byte
	code coding
}

// Raw is the repetition as sent; not a copy.
func (r Rep) Raw() []byte { return r.raw }

// Presence says whether the repetition is absent, Null or has a value.
func (r Rep) Presence() Presence { return presence(r.raw, r.code) }

// IsNull reports that the repetition was sent as "".
func (r Rep) IsNull() bool { return r.Presence() == Null }

// Comp returns component n, counting from 1.
func (r Rep) Comp(n int) Comp { return Comp{piece(r.raw, r.code.comp, n), r.code} }

// String is the first subcomponent of the first component, decoded.
func (r Rep) String() string { return r.Comp(1).String() }

// Text is the whole repetition, decoded; see Field.Text.
func (r Rep) Text() string { return r.code.text(r.raw) }

// Comp is one component.
type Comp struct {
	raw  []byte
	code coding
}

// Raw is the component as sent; not a copy.
func (c Comp) Raw() []byte { return c.raw }

// Presence says whether the component is absent, Null or has a value.
func (c Comp) Presence() Presence { return presence(c.raw, c.code) }

// IsNull reports that the component was sent as "".
func (c Comp) IsNull() bool { return c.Presence() == Null }

// Sub returns subcomponent n, counting from 1.
func (c Comp) Sub(n int) Sub { return Sub{piece(c.raw, c.code.sub, n), c.code} }

// String is the first subcomponent, decoded. Null and absent give "".
func (c Comp) String() string { return c.Sub(1).String() }

// Text is the whole component, decoded; see Field.Text.
func (c Comp) Text() string { return c.code.text(c.raw) }

// Sub is one subcomponent, the smallest part of a field.
type Sub struct {
	raw  []byte
	code coding
}

// Raw is the subcomponent as sent; not a copy.
func (s Sub) Raw() []byte { return s.raw }

// IsNull reports that the subcomponent was sent as "".
func (s Sub) IsNull() bool { return string(s.raw) == `""` }

// String is the subcomponent with escapes resolved and in UTF-8. Null and
// absent give "".
func (s Sub) String() string { return s.code.text(s.raw) }
