package hl7

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestEscapes(t *testing.T) {
	for raw, want := range map[string]string{
		`plain`:                 "plain",
		`a\F\b\S\c\T\d\R\e\E\f`: `a|b^c&d~e\f`,
		`one\.br\two`:           "one\ntwo",
		`\H\bold\N\`:            "bold",
		`\X41424a\`:             "ABJ",
		`\X0D\`:                 "\r",
		`\X4\`:                  `\X4\`,
		`\X4G\`:                 `\X4G\`,
		`\XE9\`:                 `\XE9\`, // not a character in UTF-8: kept, not U+FFFD
		`\XC3A9\`:               "é",
		`\.sp3\`:                `\.sp3\`,
		`\C2842\x\M2442\`:       `\C2842\x\M2442\`,
		`\Zlocal\T\`:            `\Zlocal\T\`,
		`C:\dir`:                `C:\dir`,
		`C:\dir\T\x`:            `C:\dir&x`,
		`\\server\share`:        `\\server\share`,
		`\`:                     `\`,
		`\E\E\E\`:               `\E\`,
		`""`:                    "",
		`\X2222\`:               `""`,
		`Ł\T\ś`:                 "Ł&ś",
		`\P\`:                   `\P\`,
	} {
		m := parse(t, `MSH|^~\&|A|||||||||||||||UNICODE UTF-8`+"\nNTE|1||"+raw+"\n")
		if got := m.Get("NTE", 3).Comp(1).Sub(1).String(); got != want {
			t.Errorf("%s reads as %q, want %q", raw, got, want)
		}
	}
	m := read(t, "v251-a03.hl7")
	if got := m.Get("ZZZ", 1).String(); got != "Sent for \n information only \\Zlocal\\ A" {
		t.Errorf("ZZZ-1: %q", got)
	}
	if got := m.Get("ZZZ", 2); got.Text() != "Marks & Spencer" || got.String() != "Marks " {
		t.Errorf("ZZZ-2: %q, %q", got.Text(), got.String())
	}
}

// OIE on a UTF-8 channel stores U+FFFD for a Latin-1 name declared 8859/1.
func TestCharsets(t *testing.T) {
	for _, c := range []struct{ declared, bytes, want string }{
		{"ASCII", "Zoe", "Zoe"},
		{"8859/1", "Zo\xeb", "Zoë"},
		{"8859/1", "\x93x\x94 \x80", "“x” €"},
		{"8859/15", "\xa4 \xbc", "€ Œ"},
		{"WINDOWS-1252", "O\x92Neill", "O’Neill"},
		{"cp1252", "\x80", "€"},
		{"Windows 1252", "\xeb", "ë"},
		{"UNICODE UTF-8", "Zoë Łuk", "Zoë Łuk"},
		{"UTF-8", "Zoë", "Zoë"},
		{"UNICODE", "Zoë", "Zoë"},
		{"utf8", "Zoë", "Zoë"},
		{"8859/1~UNICODE UTF-8", "Zo\xeb", "Zoë"},
		{"", "Zoë", "Zoë"},
		{"", "Zo\xeb", "Zoë"},
		{`""`, "Zo\xeb", "Zoë"},
		{"", "\x80", "€"},
		{"8859/1", "Zo\\XEB\\", "Zoë"},
	} {
		m := parse(t, `MSH|^~\&|A|||||||||||||||`+c.declared+"\nPID|||||"+c.bytes+"\n")
		if err := m.CheckCharset(); err != nil {
			t.Errorf("%s: %v", c.declared, err)
		}
		if got := m.Get("PID", 5).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.declared, got, c.want)
		}
	}
}

func TestUndecodable(t *testing.T) {
	for _, c := range []struct {
		declared, bytes string
		at              int // from the start of PID-5; -1: at MSH-18
		say             string
	}{
		{"ASCII", "Zo\xeb", 2, "ASCII"},
		{"UNICODE UTF-8", "Zo\xeb", 2, "UTF-8"},
		{"UNICODE UTF-8", "Zoë\xff", 4, "UTF-8"},
		{"8859/1", "Zo\x81", 2, "8859/1"},
		{"WINDOWS-1252", "\x9d", 0, "Windows-1252"},
		{"", "\xeb\x90", 1, "none"},
		{"UNICODE UTF-16", "Zoe", -1, "UTF-16"},
		{"KLINGON", "Zoe", -1, "not known"},
		{"a name that is far too long to be one", "Zoe", -1, "not known"},
	} {
		head := "\x0b" + `MSH|^~\&|A|||||||||||||||`
		raw := head + c.declared + "\rPID|||||"
		want := len(raw) + c.at
		if c.at < 0 {
			want = len(head)
		}
		m, err := Parse([]byte(raw + c.bytes + "\r"))
		if err != nil {
			t.Fatal(err)
		}
		var bad *CharsetError
		if err := m.CheckCharset(); !errors.As(err, &bad) {
			t.Errorf("%s: %q was taken", c.declared, c.bytes)
			continue
		}
		if bad.Offset != want || !strings.Contains(bad.Error(), c.say) {
			t.Errorf("%s: %v, want %q at %d", c.declared, bad, c.say, want)
		}
		if strings.Contains(bad.Error(), "KLINGON") {
			t.Error("the error repeats the content")
		}
		if got := m.Get("PID", 5).String(); strings.ContainsRune(got, utf8.RuneError) {
			t.Errorf("%s: U+FFFD in %q", c.declared, got)
		}
	}
}

// Whatever a person types comes back as it was, but for the form of line ends.
func TestEscapeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkEscape(t, rapid.String().Draw(t, "text"))
	})
}

func checkEscape(t rapid.TB, s string) {
	c := standard
	c.charset = utf8Declared
	written := c.escape(s)
	if strings.ContainsAny(written, "|^~&\r\n\x0b\x1c") {
		t.Errorf("%q is written as %q, which has delimiters", s, written)
	}
	want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	if got := c.text([]byte(written)); got != want {
		t.Errorf("%q is written as %q and read as %q", s, written, got)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", `""`, `a|b^c&d~e\f`, "one\r\ntwo\rthree\n", `\T\`, "\x0b\x1c\x00\x7f", "Zoë"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if utf8.ValidString(s) {
			checkEscape(t, s)
		}
	})
}
