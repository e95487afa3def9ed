package hl7

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// charset is how the bytes of a message stand for characters.
type charset uint8

const (
	utf8Found        charset = iota // nothing declared, and the text is valid UTF-8
	windows1252Found                // nothing declared, and the text is not UTF-8
	ascii
	utf8Declared
	latin1
	latin9
	windows1252
	utf16
	unknown
)

// charsets are the names in MSH-18 that are read: HL7 table 0211 and the names
// that senders are found to use. Names are compared in capitals, without
// spaces, hyphens and underscores.
var charsets = map[string]charset{
	"ASCII":        ascii,
	"USASCII":      ascii,
	"ISOIR6":       ascii,
	"8859/1":       latin1,
	"ISO88591":     latin1,
	"ISOIR100":     latin1,
	"8859/15":      latin9,
	"ISO885915":    latin9,
	"UNICODE":      utf8Declared,
	"UNICODEUTF8":  utf8Declared,
	"UTF8":         utf8Declared,
	"ISOIR192":     utf8Declared,
	"WINDOWS1252":  windows1252,
	"CP1252":       windows1252,
	"UNICODEUTF16": utf16,
	"UTF16":        utf16,
	"UNICODEUTF32": utf16,
}

func charsetNamed(declared []byte) charset {
	switch string(declared) { // the commonest spellings, before the table
	case "8859/1":
		return latin1
	case "UNICODE UTF-8":
		return utf8Declared
	case "ASCII":
		return ascii
	}
	var plain [16]byte // longer than every name in the table
	n := 0
	for _, b := range declared {
		if b == ' ' || b == '-' || b == '_' {
			continue
		}
		if n == len(plain) {
			return unknown
		}
		if b >= 'a' && b <= 'z' {
			b -= 'a' - 'A'
		}
		plain[n] = b
		n++
	}
	if c, ok := charsets[string(plain[:n])]; ok {
		return c
	}
	return unknown
}

// String is the charset's name for an operator.
func (c charset) String() string {
	return [...]string{"none, read as UTF-8", "none, read as Windows-1252", "ASCII", "UTF-8", "8859/1", "8859/15",
		"Windows-1252", "UTF-16 or UTF-32", "one that is not known"}[c]
}

// CharsetError says that a message's bytes are not in the character set that
// its MSH-18 declares, or that this character set cannot be read.
type CharsetError struct {
	Declared string // the declared character set; never content of the message
	Offset   int    // of the first undecodable byte in what was given to Parse
}

func (e *CharsetError) Error() string {
	return fmt.Sprintf("reading HL7 message: the character set declared in MSH-18 is %s and byte %d cannot be read in it",
		e.Declared, e.Offset)
}

// CheckCharset reports, as a *CharsetError, a message whose text would not
// decode without loss. Its caller keeps the bytes and holds the message; a
// replacement character (U+FFFD) is never put in a name's place. A U+FFFD that
// the sender itself put in valid UTF-8 is not an error here: the loss is theirs.
// UTF-16 and unknown character sets are errors at MSH-18.
func (m Message) CheckCharset() error {
	c := m.code.charset
	if c == utf16 || c == unknown {
		s, _ := m.Segment("MSH")
		at := cap(m.raw) - cap(s.Field(18).raw) // both end with the same array
		return &CharsetError{c.String(), m.start + at}
	}
	if at := c.undecodable(m.raw); at >= 0 {
		return &CharsetError{c.String(), m.start + at}
	}
	return nil
}

// undecodable finds the first byte that does not decode, or -1.
func (c charset) undecodable(text []byte) int {
	switch c {
	case ascii:
		return bytes.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
	case utf8Found, utf8Declared:
		for at := 0; at < len(text); {
			r, n := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && n == 1 {
				return at
			}
			at += n
		}
		return -1
	case latin9:
		return -1
	}
	for i, b := range text {
		if undefined1252(b) {
			return i
		}
	}
	return -1
}

// undefined1252 reports the five bytes that Windows-1252 leaves undefined. In
// 8859/1 they are control codes that nobody means to send.
func undefined1252(b byte) bool {
	return b == 0x81 || b == 0x8d || b == 0x8f || b == 0x90 || b == 0x9d
}

// decode turns bytes into UTF-8. Bytes 0x80-0x9f of 8859/1 are read as
// Windows-1252, because that is what senders who say 8859/1 mean by them. Text
// for which CheckCharset reports an error is read as UTF-8 if it is valid and
// as Windows-1252 if not, so that it can be looked at; it is never U+FFFD.
func (c charset) decode(text []byte) string {
	if isASCII(text) {
		return string(text)
	}
	table := charmap.Windows1252
	switch c {
	case latin1, windows1252, windows1252Found:
	case latin9:
		table = charmap.ISO8859_15
	default:
		if utf8.Valid(text) {
			return string(text)
		}
	}
	var b strings.Builder
	b.Grow(len(text) + len(text)/2)
	for _, x := range text {
		if table == charmap.Windows1252 && undefined1252(x) {
			b.WriteRune(rune(x)) // as 8859/1 and the WHATWG Encoding Standard have it
			continue
		}
		b.WriteRune(table.DecodeByte(x))
	}
	return b.String()
}

func isASCII(text []byte) bool {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// text resolves escape sequences and decodes. HL7 v2.4 2.10.
func (c coding) text(raw []byte) string {
	if string(raw) == `""` {
		return ""
	}
	if c.esc == 0 || bytes.IndexByte(raw, c.esc) < 0 {
		return c.charset.decode(raw)
	}
	var b strings.Builder
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, c.esc)
		if i < 0 {
			break
		}
		b.WriteString(c.charset.decode(raw[:i]))
		raw = raw[i:]
		j := bytes.IndexByte(raw[1:], c.esc)
		if j < 0 {
			break // a lone escape character is text
		}
		if s, ok := c.resolve(raw[1 : 1+j]); ok {
			b.WriteString(s)
			raw = raw[2+j:]
			continue
		}
		// Not resolved: kept as it is. Unless it is a sequence of a known kind, its
		// closing character is looked at again, for it may open a sequence, as in
		// "a\b \T\ c" from a sender that does not escape.
		end := 1 + j
		if isSequence(raw[1:end]) || !c.opens(raw[end:]) {
			end++
		}
		b.WriteString(c.charset.decode(raw[:end]))
		raw = raw[end:]
	}
	b.WriteString(c.charset.decode(raw))
	return b.String()
}

// isSequence reports a formatting command, a change of character set, a local
// escape or hexadecimal bytes, whether or not they can be resolved.
func isSequence(inside []byte) bool {
	return len(inside) > 1 && bytes.IndexByte([]byte(".CMXZ"), inside[0]) >= 0
}

// opens reports whether raw begins with a sequence that resolve knows.
func (c coding) opens(raw []byte) bool {
	j := bytes.IndexByte(raw[1:], c.esc)
	if j < 0 {
		return false
	}
	_, ok := c.resolve(raw[1 : 1+j])
	return ok
}

// resolve gives the text that the inside of one escape sequence stands for.
// Formatting commands other than .br, local escapes (Z) and changes of character
// set (C, M) are not resolved. HL7 v2.4 2.10.1-2.10.7.
func (c coding) resolve(inside []byte) (string, bool) {
	switch string(inside) {
	case "F":
		return string(rune(c.field)), true
	case "S":
		return orNothing(c.comp)
	case "T":
		return orNothing(c.sub)
	case "R":
		return orNothing(c.rep)
	case "E":
		return orNothing(c.esc)
	case "P": // truncation, HL7 v2.7 2.7.1
		return orNothing(c.trunc)
	case "H", "N": // highlighting on and off
		return "", true
	case ".br":
		return "\n", true
	}
	if len(inside) < 3 || inside[0] != 'X' {
		return "", false
	}
	decoded := make([]byte, hex.DecodedLen(len(inside)-1))
	if _, err := hex.Decode(decoded, inside[1:]); err != nil || c.charset.undecodable(decoded) >= 0 {
		return "", false
	}
	return c.charset.decode(decoded), true
}

func orNothing(b byte) (string, bool) {
	return string(rune(b)), b != 0
}

// escape is the reverse of text, for bytes that are already in the message's
// character set: delimiters become escape sequences, line ends become \.br\, and
// other control characters, which could break the message or its frame, become
// \Xhh\. A value that is itself two quotes is kept from meaning Null.
func (c coding) escape(s string) string {
	if s == `""` {
		return c.hex(s)
	}
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r < utf8.RuneSelf && c.uses(byte(r)) }) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		x := s[i]
		switch {
		case x == '\r' && i+1 < len(s) && s[i+1] == '\n':
			i++
			b.WriteString(c.sequence(".br"))
		case x == '\r', x == '\n':
			b.WriteString(c.sequence(".br"))
		case x < ' ', x == 0x7f:
			b.WriteString(c.hex(s[i : i+1]))
		case x == c.field:
			b.WriteString(c.sequence("F"))
		case x == c.comp:
			b.WriteString(c.sequence("S"))
		case x == c.sub:
			b.WriteString(c.sequence("T"))
		case x == c.rep:
			b.WriteString(c.sequence("R"))
		case x == c.esc:
			b.WriteString(c.sequence("E"))
		case x == c.trunc && c.trunc != 0:
			b.WriteString(c.sequence("P"))
		default:
			b.WriteByte(x)
		}
	}
	return b.String()
}

func (c coding) sequence(inside string) string {
	return string(rune(c.esc)) + inside + string(rune(c.esc))
}

func (c coding) hex(s string) string {
	return c.sequence("X" + strings.ToUpper(hex.EncodeToString([]byte(s))))
}
