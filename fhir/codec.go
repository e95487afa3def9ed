package fhir

import (
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"
)

// Format is how a resource is written.
type Format uint8

// The formats.
const (
	JSON Format = iota
	XML
)

// Limits bound what Parse takes. Zero values take the defaults.
type Limits struct {
	Bytes int // 10 MB
	Depth int // 64
	Nodes int // 500,000
}

func (l Limits) filled() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 10 << 20
	}
	if l.Depth <= 0 {
		l.Depth = 64
	}
	if l.Nodes <= 0 {
		l.Nodes = 500_000
	}
	return l
}

// Parse reads one resource. The release is needed for XML only, where it says which
// elements repeat and which are numbers. An error is a *Error with one issue, which
// names the place (line and column, and the element where it is known) and no value.
// The tree shares its text with one copy of raw.
func Parse(raw []byte, f Format, v Version, lim Limits) (*Node, error) {
	lim = lim.filled()
	if len(raw) > lim.Bytes {
		return nil, &Error{TooLarge: true, Issues: []Issue{{Severity: "fatal", Code: "too-long",
			Diagnostics: fmt.Sprintf("the body is larger than %d bytes", lim.Bytes)}}}
	}
	s := strings.TrimPrefix(string(raw), "\ufeff") // RFC 8259 8.1: a parser may ignore a byte order mark
	if off := badUTF8(s); off >= 0 {
		return nil, broken(s, off, "the text is not UTF-8", nil)
	}
	if f == XML {
		return parseXML(s, v, lim)
	}
	return parseJSON(s, lim)
}

// Write writes a tree. What was read from JSON without white space between its
// values is written again byte for byte. An error says which element cannot be
// written in XML, or that there is nothing to write.
func Write(n *Node, f Format, v Version) ([]byte, error) {
	if n == nil {
		return nil, fmt.Errorf("writing a resource: there is none")
	}
	if f == XML {
		return writeXML(n, v)
	}
	return appendJSON(make([]byte, 0, 1024), n), nil
}

// FormatOf is what a media type of Content-Type, Accept or _format stands for, and
// the release that its parameter fhirVersion (or version) names; 0 when it names
// none (FHIR R4 3.1.0.1.11). It reports false of what is no format of ours, and of
// a release that we do not speak.
func FormatOf(mediaType string) (Format, Version, bool) {
	base, params, err := mime.ParseMediaType(mediaType)
	if err != nil {
		base, params = strings.ToLower(strings.TrimSpace(mediaType)), nil
	}
	var f Format
	switch base {
	case "application/fhir+json", "application/json", "application/json+fhir", "text/json", "json":
	case "application/fhir+xml", "application/xml", "application/xml+fhir", "text/xml", "xml":
		f = XML
	default:
		return 0, 0, false
	}
	said := params["fhirversion"]
	if said == "" {
		said = params["version"]
	}
	switch major, _, _ := strings.Cut(said, "."); major {
	case "":
		return f, 0, true
	case "3":
		return f, STU3, true
	case "4":
		return f, R4, !strings.HasPrefix(said, "4.3") // 4.3 is R4B
	}
	return 0, 0, false
}

// MediaType is what Content-Type says of a format, with its character set.
func MediaType(f Format) string {
	if f == XML {
		return "application/fhir+xml; charset=utf-8"
	}
	return "application/fhir+json; charset=utf-8"
}

// badUTF8 is the offset of the first byte that is no UTF-8, -1 when there is none.
func badUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// broken is the error of text that has not the form of its format. The trail is the
// names from the inside out.
func broken(s string, off int, what string, trail []string) *Error {
	return &Error{Malformed: true, Issues: []Issue{{Severity: "fatal", Code: "structure",
		Diagnostics: what + " (" + place(s, off) + ")", Expression: pathOf(trail)}}}
}

// tooMuch is the error of a resource that is beyond a limit.
func tooMuch(s string, off int, what string) *Error {
	return &Error{TooLarge: true, Malformed: true, Issues: []Issue{{Severity: "fatal", Code: "too-costly",
		Diagnostics: what + " (" + place(s, off) + ")"}}}
}

// place says line and column, both from 1, columns in characters.
func place(s string, off int) string {
	off = min(off, len(s))
	line := 1 + strings.Count(s[:off], "\n")
	column := 1 + utf8.RuneCountInString(s[strings.LastIndexByte(s[:off], '\n')+1:off])
	return fmt.Sprintf("line %d, column %d", line, column)
}

// pathOf joins a trail into a path. A name that no element of FHIR could have might
// hold anything, so it is not repeated, nor is what is below it.
func pathOf(trail []string) string {
	var b strings.Builder
	for i := len(trail) - 1; i >= 0; i-- {
		name := trail[i]
		if name != "" && name[0] == '[' {
			b.WriteString(name)
			continue
		}
		if !plainName(name) {
			break
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(name)
	}
	return b.String()
}

// plainName reports whether a name is made of letters and digits as the names of
// elements are, with an underscore first where it is of a primitive's extensions.
func plainName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 && c != '_' || i > 0 && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}
