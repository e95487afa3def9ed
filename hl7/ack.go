package hl7

import (
	"bytes"
	"errors"
	"strings"
	"time"
)

// AckCode is MSA-1. HL7 v2.4 2.16.8.1 and HL7 table 0008.
type AckCode string

// The codes of original mode, and those of enhanced mode, which some receivers
// send.
const (
	AA AckCode = "AA" // accepted: kept by the receiver
	AE AckCode = "AE" // error: not kept; it may be sent again
	AR AckCode = "AR" // rejected: not kept, and cannot be taken as it is
	CA AckCode = "CA" // commit accepted
	CE AckCode = "CE" // commit error
	CR AckCode = "CR" // commit rejected
)

// Limits on the text of an acknowledgement, in characters. HL7 v2.4 2.16.8.3
// (MSA-3) and HL7 v2.5.1 2.15.5.8 (ERR-8).
const (
	maxMSAText = 80
	maxERRText = 250
)

// Ack answers m. Sender and receiver change places; processing id, version and
// delimiters are those of m; MSA-2 is its MSH-10 as sent. The ids of m lose
// control characters, which could break the answer's frame. The text is made
// ASCII and must hold no personal data: it goes to MSA-3, or, with a code other
// than AA from version 2.5 on, to ERR-8. HL7 v2.4 2.13 and 2.16.8, HL7 v2.5.1
// 2.15.5. The time at is written with its offset.
func Ack(m Message, code AckCode, ackControlID string, at time.Time, text string) []byte {
	s, ok := m.Segment("MSH")
	if !ok {
		m.code = standard
	}
	c := m.code
	version := orDefault(wire(s.Field(12)), "2.4")
	w := &line{sep: c.field}
	w.add("MSH")
	w.out = append(append(w.out, c.field), encodingCharacters(s, c)...)
	w.add(wire(s.Field(5)), wire(s.Field(6)), wire(s.Field(3)), wire(s.Field(4)))
	w.add(FormatInstant(at), "", c.ackType(m, version), c.plain(ackControlID, maxERRText))
	w.add(orDefault(wire(s.Field(11)), "P"), version)
	if !isASCII(w.out) || !isASCII(s.Field(10).Raw()) {
		w.add("", "", "", "", "", wire(s.Field(18)))
	}
	w.end()
	inERR := code != AA && code != CA && atLeast(version, 2, 5)
	w.add("MSA", string(code), wire(s.Field(10)))
	if !inERR && text != "" {
		w.add(c.plain(text, maxMSAText))
	}
	w.end()
	if inERR && text != "" {
		// ERR-3 and ERR-4 are required: application internal error, severity E.
		w.add("ERR", "", "", c.coded("207", "Application internal error", "HL70357"), "E", "", "", "", c.plain(text, maxERRText))
		w.end()
	}
	return w.out
}

// AckUnreadable answers bytes that Parse refused with AR, so that the sender is
// told and not left waiting. When they begin with something like an MSH segment
// its sender and control id are used, so far as they can be made out.
func AckUnreadable(raw []byte, ackControlID string, at time.Time, text string) []byte {
	return Ack(guess(raw), AR, ackControlID, at, text)
}

// guess reads the first line of unreadable bytes as an MSH segment.
func guess(raw []byte) Message {
	text := raw[skipJunk(raw):]
	if i := bytes.IndexAny(text, "\r\n\x0b\x1c"); i >= 0 {
		text = text[:i]
	}
	if m, err := Parse(text); err == nil {
		return m
	}
	if len(text) < 4 || string(text[:3]) != "MSH" || !isDelimiter(text[3]) || bytes.IndexByte([]byte(`^~\&`), text[3]) >= 0 {
		return Message{}
	}
	code := standard
	code.field = text[3]
	return Message{raw: text, code: code}
}

// encodingCharacters are those of the message when they could be read whole.
func encodingCharacters(s Segment, c coding) []byte {
	sent := s.Field(2).Raw()
	if len(sent) >= 4 {
		if read, bad := readDelimiters(append([]byte{'M', 'S', 'H', c.field}, sent...)); bad == nil && read.comp == c.comp {
			return sent
		}
	}
	chars := []byte{c.comp, c.rep, c.esc, c.sub}
	if i := bytes.IndexByte(chars, 0); i >= 0 {
		chars = chars[:i]
	}
	return chars
}

// ackType is MSH-9 of the answer: the event of the message, and from 2.3.1 on
// the structure. HL7 v2.4 2.16.9.9.
func (c coding) ackType(m Message, version string) string {
	_, trigger := m.Event()
	if trigger == "" || len(trigger) > 3 || strings.ContainsFunc(trigger, func(r rune) bool { return r > 0x7e || !isAlnum(byte(r)) }) {
		return "ACK"
	}
	if atLeast(version, 2, 4) || strings.HasPrefix(version, "2.3.1") {
		return c.coded("ACK", trigger, "ACK")
	}
	return c.coded("ACK", trigger)
}

func (c coding) coded(comps ...string) string {
	return strings.Join(comps, string(rune(c.comp)))
}

// atLeast compares the version as sent, such as 2.5.1.
func atLeast(version string, major, minor int) bool {
	if len(version) < 3 || version[1] != '.' || !allDigits(version[:1]) || !allDigits(version[2:3]) {
		return false
	}
	a, b := number(version[:1]), number(version[2:3])
	return a > major || a == major && b >= minor
}

func orDefault(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// wire is a field as sent, without control characters.
func wire(f Field) string {
	kept := make([]byte, 0, len(f.raw))
	for _, b := range f.raw {
		if b >= ' ' && b != 0x7f {
			kept = append(kept, b)
		}
	}
	return string(kept)
}

// plain makes a text of ours fit to stand in a field: one line of ASCII.
func (c coding) plain(text string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > limit {
			break
		}
		switch {
		case r == '\r' || r == '\n' || r == '\t':
			r = ' '
		case r < ' ' || r > 0x7e:
			r = '?'
		}
		b.WriteRune(r)
	}
	if c.esc == 0 {
		return strings.Map(func(r rune) rune {
			if c.uses(byte(r)) {
				return ' '
			}
			return r
		}, b.String())
	}
	return c.escape(b.String())
}

// line writes segments from encoded fields.
type line struct {
	out  []byte
	sep  byte
	open bool
}

func (l *line) add(fields ...string) {
	for _, f := range fields {
		if l.open {
			l.out = append(l.out, l.sep)
		}
		l.out = append(l.out, f...)
		l.open = true
	}
}

func (l *line) end() {
	l.out = append(l.out, '\r')
	l.open = false
}

// Acknowledgement is another system's answer to a message of ours.
type Acknowledgement struct {
	Code      AckCode
	ControlID string // MSA-2: the MSH-10 of the message that is answered
	Text      string // MSA-3, or else ERR-8 or ERR-7: the far side's own words
}

// OK reports that the far side has accepted the message.
func (a Acknowledgement) OK() bool { return a.Code == AA || a.Code == CA }

// ErrNotAck means a message without an MSA segment or with a code that is not
// one of the AckCodes: it says nothing about the fate of what was sent.
var ErrNotAck = errors.New("reading HL7 acknowledgement: there is no MSA segment with a known code")

// ParseAck reads an acknowledgement. The error is a *ParseError or ErrNotAck.
// The caller must compare ControlID with the message it sent: a late answer to
// an earlier message is no answer.
func ParseAck(raw []byte) (Acknowledgement, error) {
	m, err := Parse(raw)
	if err != nil {
		return Acknowledgement{}, err
	}
	msa, _ := m.Segment("MSA")
	a := Acknowledgement{Code: AckCode(msa.Field(1).String()), ControlID: msa.Field(2).String(), Text: msa.Field(3).Text()}
	switch a.Code {
	case AA, AE, AR, CA, CE, CR:
	default:
		return Acknowledgement{}, ErrNotAck
	}
	for _, n := range []int{8, 7} {
		if a.Text == "" {
			a.Text = m.Get("ERR", n).Text()
		}
	}
	return a, nil
}
