package mllp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

const limit = 100

func reader(s string) *bufio.Reader { return bufio.NewReaderSize(strings.NewReader(s), 16) }

// frames reads all, at two fragmentations that must agree.
func frames(t *testing.T, s string) (got []string, last error) {
	t.Helper()
	all := func(r *bufio.Reader) (got []string, last error) {
		for {
			msg, err := ReadFrame(r, limit)
			if err != nil {
				return got, err
			}
			got = append(got, string(msg))
		}
	}
	got, last = all(reader(s))
	slow, slowLast := all(bufio.NewReader(iotest.OneByteReader(strings.NewReader(s))))
	if strings.Join(got, "\x00") != strings.Join(slow, "\x00") || errors.Is(last, io.EOF) != errors.Is(slowLast, io.EOF) {
		t.Errorf("%q: at once %q, %v; byte by byte %q, %v", s, got, last, slow, slowLast)
	}
	return got, last
}

func TestFrames(t *testing.T) {
	long := strings.Repeat("x", limit)
	for in, want := range map[string][]string{
		"\x0bA\x1c\r":                          {"A"},
		"\x0bA\x1c\r\x0bB\x1c\r":               {"A", "B"},
		"\x0b\x1c\r":                           {""},
		"junk\x0bA\x1c\r\njunk\r\n\x0bB\x1c\r": {"A", "B"},
		"\x0bA\x1c\x0bB\x1c\r":                 {"A", "B"}, // no CR, next frame
		"\x0bA\x1c":                            {"A"},      // no CR, end of stream
		"\x0bA\x1cB\x1c\r":                     {"A\x1cB"}, // 0x1C is data
		"\x0bA\x1c\nB\x1c\r":                   {"A\x1c\nB"},
		"\x0bA\x1c\x1c\r":                      {"A\x1c"},
		"\x0bA\x0bB\x1c\r":                     {"A\x0bB"},
		"\x0b" + long + "\x1c\r":               {long},
		"":                                     nil,
		"only junk":                            nil,
	} {
		got, last := frames(t, in)
		if strings.Join(got, "|") != strings.Join(want, "|") || len(got) != len(want) || last != io.EOF {
			t.Errorf("%q gives %q, %v; want %q", in, got, last, want)
		}
	}
}

func TestBadFrames(t *testing.T) {
	if _, err := ReadFrame(reader("\x0bABC"), limit); err != io.ErrUnexpectedEOF {
		t.Errorf("a frame cut off: %v", err)
	}
	if _, err := ReadFrame(reader(strings.Repeat("j", maxJunk+readerSize)), limit); err != ErrJunk {
		t.Errorf("endless junk: %v", err)
	}
	for _, n := range []int{limit + 1, limit + 2, 10 * limit, 100_000} {
		r := reader("\x0b" + strings.Repeat("x", n) + "\x1c\r\x0bnext\x1c\r")
		var long *TooLongError
		if _, err := ReadFrame(r, limit); !errors.As(err, &long) || long.Bytes != int64(n) || long.Limit != limit ||
			string(long.Head) != strings.Repeat("x", min(n, limit+1)) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if msg, err := ReadFrame(r, limit); err != nil || string(msg) != "next" {
			t.Errorf("after %d bytes: %q, %v", n, msg, err)
		}
	}
	for _, msg := range []string{"a\x1c\rb", "a\x1c\x0bb", "\x1c\r", "\x1c\x1c\r"} {
		var out bytes.Buffer
		if err := WriteFrame(&out, []byte(msg)); err != ErrUnframeable || out.Len() > 0 {
			t.Errorf("%q was framed: %v", msg, err)
		}
	}
}

// A handler may keep its message: what is read next must not change it.
func TestMessagesAreTheCallersOwn(t *testing.T) {
	r := bufio.NewReader(strings.NewReader("\x0bAAAA\x1c\r\x0bBBBB\x1c\r\x0bCCCC\x1c"))
	f := framer{in: r, limit: limit}
	first, _ := f.next()
	second, _ := f.next()
	third, err := f.next()
	if string(first)+string(second)+string(third) != "AAAABBBBCCCC" || err != nil {
		t.Errorf("%q %q %q %v", first, second, third, err)
	}
}

func TestFramesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream bytes.Buffer
		var sent [][]byte
		for _, msg := range rapid.SliceOfN(rapid.SliceOfN(rapid.SampledFrom([]byte("AB\r\n\x0b\x1c")), 0, 40), 0, 5).Draw(t, "messages") {
			if WriteFrame(&stream, msg) == nil {
				sent = append(sent, msg)
			}
		}
		r := bufio.NewReaderSize(&stream, rapid.IntRange(16, 64).Draw(t, "buffer"))
		for _, want := range sent {
			if got, err := ReadFrame(r, limit); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%q came back as %q, %v", want, got, err)
			}
		}
		if _, err := ReadFrame(r, limit); err != io.EOF {
			t.Fatalf("after the last frame: %v", err)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	for _, s := range []string{"\x0bA\x1c\r\x0bB\x1c\r", "junk\x0bA\x1c\x1c\r", "\x0bA\x1c", "\x0b\x0b\x1c\x0b\x1c\r", "\x0b" + strings.Repeat("x", 200) + "\x1c\r"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		quick := bufio.NewReaderSize(bytes.NewReader(in), 16)
		slow := bufio.NewReader(iotest.OneByteReader(bytes.NewReader(in)))
		for range len(in) + 1 {
			a, errA := ReadFrame(quick, limit)
			b, errB := ReadFrame(slow, limit)
			if !bytes.Equal(a, b) || (errA == nil) != (errB == nil) {
				t.Fatalf("%q, %v at once, %q, %v byte by byte", a, errA, b, errB)
			}
			if len(a) > limit {
				t.Fatalf("%d bytes, above the limit", len(a))
			}
			var long *TooLongError
			if errA != nil && !errors.As(errA, &long) {
				return
			}
		}
		t.Fatal("more frames than bytes")
	})
}
