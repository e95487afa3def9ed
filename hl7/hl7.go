// Package hl7 reads and writes HL7 v2 messages as they are, in any version, and
// builds and reads acknowledgements.
//
// The reader is lazy: Parse looks at the header only, and a field is found in
// the bytes when it is asked for. Nothing is copied until a value is decoded.
//
// The package does not know what any message means, which segments an event
// must have, or which fields are required; it does not carry bytes (see mllp),
// does not validate against a profile, and uses no clock.
package hl7

import (
	"bytes"
	"fmt"
	"iter"
	"unicode/utf8"
)

// Message is one HL7 v2 message. It refers to the bytes given to Parse, which
// must not change while the message or anything read from it is in use. The
// zero value is a message without segments.
type Message struct {
	raw   []byte // from MSH to the end, without surrounding junk
	start int    // offset of raw in what Parse was given
	code  coding
	feeds bool // the text has line feeds, which may end segments
}

// coding is how the bytes of one message are to be read. A delimiter of 0 means
// that there is none, so text is not split by it.
type coding struct {
	field, comp, rep, esc, sub, trunc byte
	charset                           charset
}

// standard is the recommended encoding characters. HL7 v2.4 2.8.
var standard = coding{field: '|', comp: '^', rep: '~', esc: '\\', sub: '&'}

// ParseError says why bytes cannot be read as one HL7 message, and where. It
// never repeats the content.
type ParseError struct {
	Offset int    // bytes from the start of what was given to Parse
	Reason string // what is wrong, in plain English
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("reading HL7 message: %s at byte %d", e.Reason, e.Offset)
}

// Parse reads the header of the single message in raw. HL7 v2.4 2.8, 2.16.9.
//
// It tolerates spaces, line ends, NUL, 0x0B and a UTF-8 byte order mark before
// MSH, segments ended by CR, CRLF or LF, a missing last segment end, and fewer
// than four encoding characters (the usual ones are taken for those missing).
// It refuses bytes that hold a second MSH segment, because one of the two
// messages would be lost without a word. The error is a *ParseError.
func Parse(raw []byte) (Message, error) {
	start := skipJunk(raw)
	text := raw[start:]
	for len(text) > 0 && isPadding(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	if len(text) == 0 {
		return Message{}, &ParseError{start, "there is no message"}
	}
	if !bytes.HasPrefix(text, []byte("MSH")) {
		return Message{}, &ParseError{start, notMSH(text)}
	}
	code, bad := readDelimiters(text)
	if bad != nil {
		bad.Offset += start
		return Message{}, bad
	}
	if at := secondHeader(text, code.field); at > 0 {
		return Message{}, &ParseError{start + at, "a second MSH segment begins"}
	}
	m := Message{raw: text, start: start, code: code, feeds: bytes.IndexByte(text, '\n') >= 0}
	m.code.charset = m.readCharset()
	return m, nil
}

func isPadding(b byte) bool {
	return b == '\r' || b == '\n' || b == ' ' || b == '\t' || b == 0x0b || b == 0x0c || b == 0x1c || b == 0
}

// skipJunk counts the bytes before a message that carry no meaning.
func skipJunk(raw []byte) int {
	i := 0
	for i < len(raw) {
		switch {
		case isPadding(raw[i]):
			i++
		case bytes.HasPrefix(raw[i:], []byte("\xef\xbb\xbf")):
			i += 3
		default:
			return i
		}
	}
	return i
}

func notMSH(text []byte) string {
	switch {
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}), bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		return "the text is UTF-16, which HL7 over MLLP cannot carry,"
	case bytes.HasPrefix(text, []byte("FHS")), bytes.HasPrefix(text, []byte("BHS")):
		return "a batch begins, where one message is expected,"
	}
	return "there is no MSH segment"
}

// readDelimiters reads MSH-1 and MSH-2. HL7 v2.4 2.8; the fifth encoding
// character, for truncation, came with HL7 v2.7 2.5.5.2.
func readDelimiters(text []byte) (coding, *ParseError) {
	if len(text) > 8 && string(text[:9]) == `MSH|^~\&|` {
		return standard, nil // nearly always
	}
	if len(text) < 4 {
		return coding{}, &ParseError{len(text), "the field separator (MSH-1) is missing"}
	}
	c := coding{field: text[3]}
	if !isDelimiter(c.field) {
		return coding{}, &ParseError{3, "the field separator (MSH-1) is not a punctuation mark"}
	}
	given := text[4:]
	for i, b := range given {
		if b == c.field || b == '\r' || b == '\n' {
			given = given[:i]
			break
		}
	}
	if len(given) > 5 {
		return coding{}, &ParseError{4 + 5, "there are more than 5 encoding characters (MSH-2)"}
	}
	places := []*byte{&c.comp, &c.rep, &c.esc, &c.sub, &c.trunc}
	for i, b := range given {
		if !isDelimiter(b) || c.uses(b) {
			return coding{}, &ParseError{4 + i, "an encoding character (MSH-2) is repeated or not a punctuation mark"}
		}
		*places[i] = b
	}
	usual := [4]byte{standard.comp, standard.rep, standard.esc, standard.sub}
	for i := len(given); i < len(usual); i++ {
		if !c.uses(usual[i]) {
			*places[i] = usual[i]
		}
	}
	return c, nil
}

func isDelimiter(b byte) bool {
	return b > ' ' && b < 0x7f && !isAlnum(b) && b != '"'
}

func isAlnum(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

func (c coding) uses(b byte) bool {
	return b == c.field || b == c.comp || b == c.rep || b == c.esc || b == c.sub || b == c.trunc
}

// secondHeader finds an MSH segment after the first, at the start of a line or
// after a stray frame start (a sender that died in the middle of a message and
// began again). It returns 0 when there is none.
func secondHeader(text []byte, field byte) int {
	mark := [4]byte{'M', 'S', 'H', field}
	for at := 4; ; {
		i := bytes.Index(text[at:], mark[:])
		if i < 0 {
			return 0
		}
		at += i
		if prev := text[at-1]; prev == '\r' || prev == '\n' || prev == 0x0b {
			return at
		}
		at += len(mark)
	}
}

// Raw returns the message's bytes from MSH on, without the junk around them.
// They are those given to Parse, not a copy.
func (m Message) Raw() []byte { return m.raw }

// next cuts the first segment from text. A CR always ends a segment (HL7 v2.4
// 2.8). An LF ends one only when what follows looks like a segment or nothing
// follows, so that line feeds which a sender left inside a text stay in it.
func (m Message) next(text []byte) (segment, rest []byte) {
	end := bytes.IndexByte(text, '\r')
	if end < 0 {
		end = len(text)
	}
	if m.feeds {
		end = m.lineFeed(text[:end])
	}
	segment, rest = text[:end], text[end:]
	for len(rest) > 0 && (rest[0] == '\r' || rest[0] == '\n') {
		rest = rest[1:]
	}
	return segment, rest
}

func (m Message) lineFeed(text []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i
		after := bytes.TrimLeft(text[at:], "\n")
		if len(after) == 0 || m.looksLikeSegment(after) {
			return at
		}
		at++
	}
}

func (m Message) looksLikeSegment(text []byte) bool {
	if len(text) < 3 || len(text) > 3 && text[3] != m.code.field && text[3] != '\n' {
		return false
	}
	upper := text[0] >= 'A' && text[0] <= 'Z'
	for _, b := range text[1:3] {
		upper = upper && (b >= 'A' && b <= 'Z' || b >= '0' && b <= '9')
	}
	return upper
}

// Segment returns the first segment of that name, such as "PV1".
func (m Message) Segment(name string) (Segment, bool) {
	for rest := m.raw; len(rest) > 0; {
		var text []byte
		if text, rest = m.next(rest); m.named(text, name) {
			return Segment{text, m.code}, true
		}
	}
	return Segment{}, false
}

func (m Message) named(text []byte, name string) bool {
	n := len(name)
	return len(text) >= n && string(text[:n]) == name && (len(text) == n || text[n] == m.code.field)
}

// Segments gives every segment of that name, in the order of the message. It
// knows nothing of groups; use All where the order between names matters.
func (m Message) Segments(name string) iter.Seq[Segment] {
	return func(yield func(Segment) bool) {
		for s := range m.All() {
			if m.named(s.text, name) && !yield(s) {
				return
			}
		}
	}
}

// All gives every segment, MSH first, in the order of the message.
func (m Message) All() iter.Seq[Segment] {
	return func(yield func(Segment) bool) {
		for rest := m.raw; len(rest) > 0; {
			var text []byte
			text, rest = m.next(rest)
			if len(text) > 0 && !yield(Segment{text, m.code}) {
				return
			}
		}
	}
}

// Get returns field n of the first segment of that name; an absent field when
// there is no such segment. Get("PID", 3) is PID-3.
func (m Message) Get(segment string, n int) Field {
	s, _ := m.Segment(segment)
	return s.Field(n)
}

// Header is what is said about a message in its MSH segment, decoded. HL7 v2.4
// 2.16.9. Empty means not given.
type Header struct {
	Sending           string // MSH-3.1
	SendingFacility   string // MSH-4.1
	Receiving         string // MSH-5.1
	ReceivingFacility string // MSH-6.1
	Time              string // MSH-7.1, as sent; see ParseTime
	Type              string // MSH-9.1, such as ADT
	Trigger           string // MSH-9.2, or EVN-1 when that is empty, such as A01
	Structure         string // MSH-9.3, such as ADT_A01
	ControlID         string // MSH-10
	Processing        string // MSH-11.1: P production, T training, D debugging
	Version           string // MSH-12.1, such as 2.4
	Charset           string // MSH-18, first repetition, as sent
}

// Header reads the message's header.
func (m Message) Header() Header {
	s, ok := m.Segment("MSH")
	if !ok {
		return Header{}
	}
	kind, trigger := m.Event()
	return Header{
		Sending:           s.Field(3).String(),
		SendingFacility:   s.Field(4).String(),
		Receiving:         s.Field(5).String(),
		ReceivingFacility: s.Field(6).String(),
		Time:              s.Field(7).String(),
		Type:              kind,
		Trigger:           trigger,
		Structure:         s.Field(9).Comp(3).String(),
		ControlID:         s.Field(10).String(),
		Processing:        s.Field(11).String(),
		Version:           s.Field(12).String(),
		Charset:           s.Field(18).String(),
	}
}

// Event is Type and Trigger of the header, for those who need no more of it.
func (m Message) Event() (kind, trigger string) {
	f := m.Get("MSH", 9)
	kind, trigger = f.String(), f.Comp(2).String()
	// Versions before 2.3 sent the event only in EVN-1, and some senders still
	// do. HL7 v2.4 3.4.1.1.
	if trigger == "" {
		trigger = m.Get("EVN", 1).String()
	}
	return kind, trigger
}

// readCharset takes the character set from MSH-18. HL7 v2.4 2.16.9.18 and HL7
// table 0211. When the sender says nothing, text that is valid UTF-8 is taken
// as UTF-8 and anything else as Windows-1252, which is what UK systems send.
func (m Message) readCharset() charset {
	line, _ := m.next(m.raw)
	declared := Segment{line, m.code}.Field(18).raw
	declared = bytes.TrimSpace(piece(piece(declared, m.code.rep, 1), m.code.comp, 1))
	if len(declared) == 0 || string(declared) == `""` {
		if utf8.Valid(m.raw) {
			return utf8Found
		}
		return windows1252Found
	}
	return charsetNamed(declared)
}
