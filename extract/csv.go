package extract

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// Limits of one row. A quotation mark that is never closed would otherwise
// swallow the rest of a file as one field.
const (
	maxRowBytes = 64 << 10
	maxRowLines = 100
)

// record is one row of a CSV file as it stands. Cells are only good until the
// next call of scanner.next. With a fault there are no cells.
type record struct {
	line  int // of its first line, from 1
	cells []string
	fault string // what to mend, "" when the row could be split
}

// scanner splits a CSV file into records. RFC 4180, and kinder: line ends of
// either kind, a byte order mark, quotation marks inside a field that does not
// start with one. Unlike encoding/csv it goes on after a quotation mark that is
// never closed, and its memory is bounded by maxRowBytes.
type scanner struct {
	br    *bufio.Reader
	line  int
	again []text // lines to hand out once more
	cells []string
	err   error // why reading ended, nil at the end of the file
}

// text is one line without its end; long: it was too long and is lost.
type text struct {
	string
	long bool
}

func newScanner(r io.Reader) *scanner {
	s := &scanner{br: bufio.NewReaderSize(r, maxRowBytes)}
	if b, _ := s.br.Peek(3); string(b) == "\xef\xbb\xbf" {
		_, _ = s.br.Discard(3)
	}
	return s
}

// readLine is the next line.
func (s *scanner) readLine() (l text, ok bool) {
	if len(s.again) > 0 {
		l, s.again = s.again[0], s.again[1:]
		s.line++
		return l, true
	}
	b, err := s.br.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		l.long = true
		b, err = s.br.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		s.err = err
		return text{}, false
	}
	if err == io.EOF && len(b) == 0 && !l.long {
		return text{}, false
	}
	s.line++
	if !l.long {
		b = bytes.TrimSuffix(b, []byte("\n"))
		l.string = string(bytes.TrimSuffix(b, []byte("\r")))
	}
	return l, true
}

// next is the next record; empty lines are not records.
func (s *scanner) next() (record, bool) {
	for {
		l, ok := s.readLine()
		if !ok {
			return record{}, false
		}
		rec := record{line: s.line}
		switch {
		case l.long:
			rec.fault = "Shorten the row. It is longer than 65,536 bytes"
			return rec, true
		case l.string == "":
			continue
		}
		rec.cells, rec.fault = s.join(l.string)
		return rec, true
	}
}

// join splits a line, taking in the lines after it while a quotation mark is
// open. When the mark is never closed, those lines are handed out again.
func (s *scanner) join(whole string) ([]string, string) {
	cells, end := split(s.cells[:0], whole)
	var taken []text
	for end == open && len(taken) < maxRowLines && len(whole) < maxRowBytes {
		l, ok := s.readLine()
		if !ok {
			break
		}
		taken = append(taken, l)
		if l.long {
			break
		}
		whole += "\n" + l.string
		if strings.Contains(l.string, `"`) {
			cells, end = split(s.cells[:0], whole)
		}
	}
	switch end {
	case closed:
		s.cells = cells
		return cells, ""
	case spoilt:
		s.giveBack(taken)
		return nil, "Put a comma after the closing quotation mark, and double the marks inside a field"
	}
	s.giveBack(taken)
	return nil, "Close the quotation mark that this row opens"
}

func (s *scanner) giveBack(taken []text) {
	s.line -= len(taken)
	s.again = append(taken, s.again...)
}

// ending is how the splitting of a line ended.
type ending int

const (
	closed ending = iota // every quotation mark is closed
	open                 // a mark is still open at the end
	spoilt               // something stands between a closing mark and the comma
)

// split cuts a record at its commas and appends the fields to cells. The
// fields share text's memory: what is kept must be cloned.
func split(cells []string, text string) ([]string, ending) {
	for {
		if !strings.HasPrefix(text, `"`) {
			cell, rest, more := strings.Cut(text, ",")
			cells = append(cells, cell)
			if !more {
				return cells, closed
			}
			text = rest
			continue
		}
		cell, rest, ok := quoted(text[1:])
		if !ok {
			return cells, open
		}
		cells = append(cells, cell)
		if rest == "" {
			return cells, closed
		}
		if rest[0] != ',' {
			return cells, spoilt
		}
		text = rest[1:]
	}
}

// quoted reads a field after its opening mark; RFC 4180 2.7: two marks are one.
func quoted(text string) (cell, rest string, ok bool) {
	i, doubled := 0, false
	for {
		j := strings.IndexByte(text[i:], '"')
		if j < 0 {
			return "", "", false
		}
		i += j
		if i+1 < len(text) && text[i+1] == '"' {
			doubled = true
			i += 2
			continue
		}
		cell = text[:i]
		if doubled {
			cell = strings.ReplaceAll(cell, `""`, `"`)
		}
		return cell, text[i+1:], true
	}
}
