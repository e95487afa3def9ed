package hl7

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var answered = time.Date(2026, 11, 24, 14, 30, 6, 0, time.UTC)

func TestAck(t *testing.T) {
	for _, c := range []struct {
		message string
		code    AckCode
		text    string
		want    []string
	}{
		{"v24-a02.hl7", AA, "", []string{
			`MSH|^~\&|ROUTE|RZ999|EPR|RX999|20261124143006+0000||ACK^A02^ACK|H1|P|2.4`, `MSA|AA|MSG0002451`, ""}},
		{"v23-a01.hl7", AE, "The store is | full", []string{
			`MSH|^~\&|HOMEWARD|COUNCIL|PAS|ROYAL HOSPITAL|20261124143006+0000||ACK^A01|H1|P|2.3`,
			`MSA|AE|00000017|The store is \F\ full`, ""}},
		{"v251-a03.hl7", AR, "Zoë\nno", []string{
			`MSH|^~\&|HOMEWARD|RZ999|EPR^1.2.3^ISO|RX998|20261124143006+0000||ACK^A03^ACK|H1|P|2.5.1`,
			`MSA|AR|7f3c2b1e-5d5a-4f0e-9a63-0d6a1f2b9c01`,
			`ERR|||207^Application internal error^HL70357|E||||Zo? no`, ""}},
		{"v251-a03.hl7", AA, "kept", []string{
			`MSH|^~\&|HOMEWARD|RZ999|EPR^1.2.3^ISO|RX998|20261124143006+0000||ACK^A03^ACK|H1|P|2.5.1`,
			`MSA|AA|7f3c2b1e-5d5a-4f0e-9a63-0d6a1f2b9c01|kept`, ""}},
		{"v24-a31-odd-delimiters.hl7", AA, "", []string{
			`MSH$%*!@$HOMEWARD$RZ999$EPR$RX997$20261124143006+0000$$ACK%A31%ACK$H1$P$2.4`, `MSA$AA$A31-9`, ""}},
	} {
		got := string(Ack(read(t, c.message), c.code, "H1", answered, c.text))
		if want := strings.Join(c.want, "\r"); got != want {
			t.Errorf("%s:\n got %q\nwant %q", c.message, got, want)
		}
	}
}

// What a sender puts in its ids must not break out of the answer or its frame.
func TestAckOfHostileHeader(t *testing.T) {
	m, err := Parse([]byte("MSH|^~\\&|A\x1c|B\x0b|C|D|||ADT^A0\x01|id\x1c\rPID|1\r"))
	if err != nil {
		t.Fatal(err)
	}
	got := Ack(m, AA, "1\r2", answered, "")
	if bytes.ContainsAny(got, "\x1c\x0b\x01\n") || bytes.Count(got, []byte("\r")) != 2 {
		t.Errorf("control characters in %q", got)
	}
	if a, err := ParseAck(got); err != nil || a.ControlID != "id" {
		t.Errorf("%+v, %v", a, err)
	}
	long := string(Ack(m, AE, "1", answered, strings.Repeat("x", 1000)))
	if strings.Count(long, "x") != maxMSAText {
		t.Errorf("a text of 1,000 characters gives %q", long)
	}
}

// An id that is not ASCII comes back byte for byte, with its character set.
func TestAckOfLatin1ID(t *testing.T) {
	m := parse(t, "MSH|^~\\&|A|B|C|D|||ADT^A01|n\xba1|P|2.4||||||8859/1\nPID|1")
	got := Ack(m, AA, "1", answered, "")
	if !bytes.Contains(got, []byte("|8859/1\rMSA|AA|n\xba1\r")) {
		t.Errorf("%q", got)
	}
}

func TestAckUnreadable(t *testing.T) {
	for raw, want := range map[string][2]string{ // MSA-2 and receiver
		"":        {"", ""},
		"garbage": {"", ""},
		"PID|1\r": {"", ""},
		"MSH|^^^^|EPR|RX9|||||ADT^A01|77|P|2.4\rPID|1":          {"77", "EPR"},
		"MSH|^~\\&|EPR|RX9|||||ADT^A01|78|P|2.4\rMSH|^~\\&|EPR": {"78", "EPR"},
		"MSH":  {"", ""},
		"MSH^": {"", ""},
	} {
		got := AckUnreadable([]byte(raw), "H1", answered, "There is no MSH segment")
		a, err := ParseAck(got)
		if err != nil || a.Code != AR || a.OK() || a.ControlID != want[0] || a.Text != "There is no MSH segment" {
			t.Errorf("%q is answered %q: %+v, %v", raw, got, a, err)
		}
		if m, err := Parse(got); err != nil || m.Header().Receiving != want[1] {
			t.Errorf("%q is answered to %q, want %q", raw, m.Header().Receiving, want[1])
		}
	}
}

func TestParseAck(t *testing.T) {
	for lines, want := range map[string]Acknowledgement{
		"MSH|^~\\&|A\nMSA|AA|1":                                {Code: AA, ControlID: "1"},
		"MSH|^~\\&|A\nMSA|CA|1":                                {Code: CA, ControlID: "1"},
		"MSH|^~\\&|A\nMSA|AE|a\\T\\b|full":                     {Code: AE, ControlID: "a&b", Text: "full"},
		"MSH|^~\\&|A\nMSA|AR|1\nERR|||101|E||||A & B":          {Code: AR, ControlID: "1", Text: "A & B"},
		"MSH|^~\\&|A\nMSA|AR|1\nERR|||101|E|||diagnostic text": {Code: AR, ControlID: "1", Text: "diagnostic text"},
	} {
		m := parse(t, lines)
		got, err := ParseAck(m.Raw())
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", lines, got, err, want)
		}
	}
	for _, lines := range []string{"MSH|^~\\&|A", "MSH|^~\\&|A\rMSA|OK|1", "MSH|^~\\&|A\rMSA"} {
		if _, err := ParseAck([]byte(lines)); !errors.Is(err, ErrNotAck) {
			t.Errorf("%q: %v, want ErrNotAck", lines, err)
		}
	}
	var bad *ParseError
	if _, err := ParseAck([]byte("\x06")); !errors.As(err, &bad) {
		t.Errorf("a bare ACK byte: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.hl7")
	if err != nil || len(files) == 0 {
		f.Fatal("no messages in testdata", err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, "PID", 3)
	}
	f.Add([]byte("MSH\\^~|&|A\rPID"), "MSH", 2)
	f.Fuzz(func(t *testing.T, raw []byte, name string, n int) {
		m, err := Parse(raw)
		if err != nil {
			if _, err := ParseAck(AckUnreadable(raw, "1", answered, "text")); err != nil {
				t.Errorf("the answer to unreadable bytes: %v", err)
			}
			return
		}
		walk(m, name, n)
		a, err := ParseAck(Ack(m, AE, "1", answered, "text | with ^ all ~ of \\ them &"))
		if err != nil || a.Code != AE {
			t.Errorf("the answer is %+v, %v", a, err)
		}
		if id := m.Get("MSH", 10); m.CheckCharset() == nil && wire(id) == string(id.Raw()) && a.ControlID != id.String() {
			t.Errorf("MSH-10 %q is answered as %q", id.String(), a.ControlID)
		}
	})
}

func walk(m Message, name string, n int) {
	_ = m.Header()
	_ = m.CheckCharset()
	_ = m.Get(name, n).Rep(n).Comp(n).Sub(n).String()
	for s := range m.All() {
		for i := range 12 {
			f := s.Field(i)
			_, _ = f.Presence(), f.Text()
			for r := range min(f.Reps(), 12) {
				_ = f.Rep(r + 1).Comp(i).Sub(i).String()
			}
		}
	}
	for s := range m.Segments(name) {
		_ = s.Name() + string(s.Raw())
	}
}
