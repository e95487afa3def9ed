package hl7

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func read(t testing.TB, name string) Message {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := m.CheckCharset(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

// parse reads a message written with newlines for segment ends.
func parse(t testing.TB, lines string) Message {
	t.Helper()
	m, err := Parse([]byte(strings.ReplaceAll(lines, "\n", "\r")))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestHeaders(t *testing.T) {
	for name, want := range map[string]Header{
		"v23-a01.hl7": {Sending: "PAS", SendingFacility: "ROYAL HOSPITAL", Receiving: "HOMEWARD", ReceivingFacility: "COUNCIL",
			Time: "202611241015", Type: "ADT", Trigger: "A01", ControlID: "00000017", Processing: "P", Version: "2.3"},
		"v24-a02.hl7": {Sending: "EPR", SendingFacility: "RX999", Receiving: "ROUTE", ReceivingFacility: "RZ999",
			Time: "20261124143005", Type: "ADT", Trigger: "A02", Structure: "ADT_A02", ControlID: "MSG0002451", Processing: "P", Version: "2.4", Charset: "8859/1"},
		"v251-a03.hl7": {Sending: "EPR", SendingFacility: "RX998", Receiving: "HOMEWARD", ReceivingFacility: "RZ999",
			Time: "20261025013000.1234+0000", Type: "ADT", Trigger: "A03", Structure: "ADT_A03", ControlID: "7f3c2b1e-5d5a-4f0e-9a63-0d6a1f2b9c01", Processing: "P", Version: "2.5.1", Charset: "UNICODE UTF-8"},
		"v24-a31-odd-delimiters.hl7": {Sending: "EPR", SendingFacility: "RX997", Receiving: "HOMEWARD", ReceivingFacility: "RZ999",
			Time: "20261124", Type: "ADT", Trigger: "A31", Structure: "ADT_A05", ControlID: "A31-9", Processing: "P", Version: "2.4"},
	} {
		if got := read(t, name).Header(); got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
	}
}

func TestPaths(t *testing.T) {
	m := read(t, "v24-a02.hl7")
	for what, pair := range map[string][2]string{
		"MSH-1":       {m.Get("MSH", 1).String(), "|"},
		"MSH-2":       {m.Get("MSH", 2).String(), `^~\&`},
		"MSH-3":       {m.Get("MSH", 3).String(), "EPR"},
		"PID-3.1":     {m.Get("PID", 3).String(), "9991000038"},
		"PID-3[2].4":  {m.Get("PID", 3).Rep(2).Comp(4).String(), "RX999"},
		"PID-5.1":     {m.Get("PID", 5).String(), "O&Neill"},
		"PID-5.1.2":   {m.Get("PID", 5).Comp(1).Sub(2).String(), "O&Neill"},
		"PID-5.2":     {m.Get("PID", 5).Comp(2).String(), "Zoë"},
		"PID-5.2 raw": {string(m.Get("PID", 5).Comp(2).Raw()), "Zo\xeb"},
		"PID-32":      {m.Get("PID", 32).String(), "NSTS01"},
		"PV1-3":       {m.Get("PV1", 3).Text(), "WARD31^BAY2^04^RX999^^BED"},
		"PV1-16":      {m.Get("PV1", 16).String(), "N"},
		"PV1-19":      {m.Get("PV1", 19).String(), "V0002451"},
		"PV1-44":      {m.Get("PV1", 44).String(), "20261120091500"},
		"PV2-9":       {m.Get("PV2", 9).String(), "20261127"},
		"ZU1-22":      {m.Get("ZU1", 22).String(), "Y"},
		"ZU1-24":      {m.Get("ZU1", 24).String(), "20261124120000"},
		"ZU1-99":      {m.Get("ZU1", 99).String(), ""},
		"QQQ-1":       {m.Get("QQQ", 1).String(), ""},
		"PID-0":       {m.Get("PID", 0).String(), ""},
		"PID-3[0]":    {m.Get("PID", 3).Rep(0).String(), ""},
		"PID-3.-1":    {m.Get("PID", 3).Comp(-1).String(), ""},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
		}
	}
	if n := m.Get("PID", 3).Reps(); n != 2 {
		t.Errorf("PID-3 has %d repetitions, want 2", n)
	}
	if n := m.Get("PID", 2).Reps(); n != 0 {
		t.Errorf("an empty field has %d repetitions", n)
	}
	var relations, names []string
	for s := range m.Segments("NK1") {
		relations = append(relations, s.Field(3).String())
	}
	for s := range m.All() {
		names = append(names, s.Name())
	}
	if !slices.Equal(relations, []string{"SPO", "DAU"}) {
		t.Errorf("NK1-3: %q", relations)
	}
	if !slices.Equal(names, []string{"MSH", "EVN", "PID", "PD1", "NK1", "NK1", "PV1", "PV2", "ZU1"}) {
		t.Errorf("segments: %q", names)
	}
}

// A blank location says nothing; a location of "" deletes. HL7 v2.4 2.7.
func TestPresence(t *testing.T) {
	for raw, want := range map[string]Presence{
		``: Absent, `^^^`: Absent, `~`: Absent, `^&~^`: Absent,
		`""`: Null, `""^""^""`: Null, `""^^^`: Null, `""~""`: Null, `^""`: Null,
		`A`: Value, `""^A`: Value, `"`: Value, `"""`: Value, `""A`: Value, `" "`: Value, ` `: Value, `0`: Value,
	} {
		m := parse(t, "MSH|^~\\&|A\nPV1|1|I|"+raw+"|x")
		f := m.Get("PV1", 3)
		if f.Presence() != want || f.IsNull() != (want == Null) || f.IsAbsent() != (want == Absent) {
			t.Errorf("%q is %d, want %d", raw, f.Presence(), want)
		}
		if want != Value && f.String() != "" {
			t.Errorf("%q reads as %q", raw, f.String())
		}
	}
	m := parse(t, "MSH|^~\\&|A\nPV1|1|I|W1^\"\"")
	if !m.Get("PV1", 3).Comp(2).IsNull() || m.Get("PV1", 3).IsNull() || m.Get("PV1", 3).Comp(1).IsNull() {
		t.Error("a Null component makes the field Null, or is not seen")
	}
	if p := m.Get("PV1", 44).Presence(); p != Absent {
		t.Errorf("a field past the end is %d", p)
	}
	a08 := read(t, "v23-a08-blank-pv1.hl7")
	if !a08.Get("PV1", 3).IsAbsent() {
		t.Error("the blank PV1-3 of an A08 is not absent")
	}
	a03 := read(t, "v251-a03.hl7")
	if !a03.Get("PV1", 3).IsNull() || !a03.Get("PV1", 6).IsAbsent() || !a03.Get("PID", 13).IsNull() {
		t.Error("the Null location, blank prior location or Null telephone of the A03 is misread")
	}
}

func TestTolerated(t *testing.T) {
	const want = "9991000038"
	header := `MSH|^~\&|A|B|C|D|2026||ADT^A01|1|P|2.4`
	for name, raw := range map[string]string{
		"CR":                    header + "\rEVN|A01\rPID|||" + want + "\r",
		"no last end":           header + "\rPID|||" + want,
		"LF":                    header + "\nPID|||" + want + "\n",
		"CRLF":                  header + "\r\nPID|||" + want + "\r\n",
		"blank lines":           header + "\r\r\n\rPID|||" + want + "\r\r",
		"mixed ends":            header + "\rEVN|A01\nPID|||" + want + "\n",
		"byte order mark":       "\xef\xbb\xbf" + header + "\rPID|||" + want + "\r",
		"spaces and frame":      " \r\n\t\x0b\x00" + header + "\rPID|||" + want + "\r\x1c\r",
		"LF inside a text":      header + "\rNTE|1||line one\nline two\rPID|||" + want + "\r",
		"short segment":         header + "\rPD1\rPID|||" + want + "\r",
		"PID as text":           header + "\rNTE|||PID|||no\rPIDX|||no\rPID|||" + want + "\r",
		"three encoding":        "MSH|^~\\|A\rPID|||" + want + "&x\r",
		"one encoding":          "MSH|^|A\rPID|||" + want + "~x\r",
		"no encoding":           "MSH||A\rPID|||" + want + "^x\r",
		"five encoding":         "MSH|^~\\&#|A\rPID|||" + want + "&x\r",
		"header only delimiter": "MSH|^~\\&\rPID|||" + want + "\r",
	} {
		m, err := Parse([]byte(raw))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := m.Get("PID", 3).String(); got != want {
			t.Errorf("%s: PID-3 is %q", name, got)
		}
	}
	m, _ := Parse([]byte(header + "\rNTE|1||line one\nline two\rPID|1"))
	if got := m.Get("NTE", 3).String(); got != "line one\nline two" {
		t.Errorf("a line feed inside a text ended the segment: %q", got)
	}
	odd := read(t, "v24-a31-odd-delimiters.hl7")
	if got := odd.Get("PID", 5).String(); got != "Smith^Jones" {
		t.Errorf("with other delimiters, PID-5.1 is %q", got)
	}
	if got := odd.Get("PID", 5).Comp(2).String(); got != "Ann$" {
		t.Errorf("with other delimiters, PID-5.2 is %q", got)
	}
}

func TestRefused(t *testing.T) {
	for raw, want := range map[string]struct {
		offset int
		reason string
	}{
		"":                                  {0, "no message"},
		" \r\n":                             {3, "no message"},
		"hello":                             {0, "no MSH"},
		"  GET / HTTP/1.1":                  {2, "no MSH"},
		"PID|1|secret\rMSH|^~\\&|":          {0, "no MSH"},
		"MSH":                               {3, "field separator"},
		"\x0bMSHA":                          {4, "field separator"},
		"MSH\x0b^":                          {3, "field separator"},
		"MSH|^~\\&|A\rPID|1\rMSH|^~\\&|B\r": {17, "second MSH"},
		"MSH|^~\\&|A\nPID|1\nMSH|^~\\&|B\n": {17, "second MSH"},
		"MSH|^~\\&|A\rPID|1|par\x0bMSH|^~\\&|B\r": {21, "second MSH"},
		"MSH|^^\\&|A":              {5, "repeated"},
		"MSH|^a\\&|A":              {5, "punctuation"},
		"MSH|^~\\&#@|A":            {9, "more than 5"},
		"\xff\xfeM\x00S\x00H\x00":  {0, "UTF-16"},
		"FHS|^~\\&|A\rMSH|^~\\&|A": {0, "batch"},
	} {
		_, err := Parse([]byte(raw))
		var bad *ParseError
		if !errors.As(err, &bad) {
			t.Errorf("%q was read", raw)
			continue
		}
		if bad.Offset != want.offset || !strings.Contains(bad.Reason, want.reason) {
			t.Errorf("%q: %v, want %q at %d", raw, err, want.reason, want.offset)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Error("the error repeats the content")
		}
	}
	// A mention of MSH in a text is not a second message.
	if _, err := Parse([]byte("MSH|^~\\&|A\rNTE|1||see MSH|3\r")); err != nil {
		t.Error(err)
	}
}

// The reader takes nothing that it need not: see the budget in the package's
// benchmark, which fails above it.
func TestReadingAllocatesLittle(t *testing.T) {
	raw, err := os.ReadFile("testdata/v24-a02.hl7")
	if err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(100, func() {
		m, _ := Parse(raw)
		if m.Get("PID", 3).String() == "" {
			t.Fatal("no PID-3")
		}
	})
	if n > 2 {
		t.Errorf("%v allocations to read PID-3, want at most 2", n)
	}
}

func BenchmarkReadPID3(b *testing.B) {
	raw, err := os.ReadFile("testdata/v24-a02.hl7")
	if err != nil {
		b.Fatal(err)
	}
	raw = append(raw, bytes.Repeat([]byte("NTE|1||a line of invented text to make up a message of 1 KB\r"), 2)...)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		m, err := Parse(raw)
		if err != nil || m.Get("PID", 3).String() != "9991000038" {
			b.Fatal("PID-3 was misread")
		}
	}
}

func BenchmarkHeader(b *testing.B) {
	raw, err := os.ReadFile("testdata/v24-a02.hl7")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m, err := Parse(raw)
		if err != nil || m.Header().ControlID == "" {
			b.Fatal("the header was misread")
		}
	}
}
