package translate

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLengths fills one field at a time to its limit, which is read, and one
// character over it, which is held, with the field and without what was in it.
func TestLengths(t *testing.T) {
	around := func(before, after string) func(string) string {
		return func(s string) string { return before + s + after }
	}
	plain := around("", "")
	for _, c := range []struct {
		seg   string
		field int
		made  func(string) string
		most  int
		event string
	}{
		{"PID", 3, around("", "^^^RK5^MR"), codeMost, "A08"},
		{"PID", 5, around("", "^Ann"), nameMost, "A08"},
		{"PID", 5, around("Quill^", ""), nameMost, "A08"},
		{"PID", 5, around("Quill^Ann^^^", ""), nameMost, "A08"},
		{"PID", 5, around("Quill^Ann^^^^^L~^", "^^^^^N"), nameMost, "A08"},
		{"PID", 11, around("", "^^Mansfield^^NG18 1AA"), nameMost, "A08"},
		{"PID", 11, around("1 High St^^^^", ""), codeMost, "A08"},
		{"PID", 13, plain, codeMost, "A08"},
		{"PID", 15, plain, nameMost, "A08"},
		{"NK1", 2, plain, nameMost, "A08"},
		{"PV1", 3, around("W12^2^", ""), codeMost, "A08"},
		{"PV1", 3, plain, codeMost, "A12"},
		{"PV1", 4, plain, codeMost, "A08"},
		{"PV1", 9, around("C1^", ""), nameMost, "A08"},
		{"PV1", 10, plain, nameMost, "A08"},
		{"PV1", 19, plain, codeMost, "A08"},
		{"PV1", 36, plain, codeMost, "A03"},
		{"PV2", 3, around("^", ""), nameMost, "A08"},
	} {
		field := c.seg + "-" + strconv.Itoa(c.field)
		at := func(n int) Result {
			return translated(t, profile(t), received, with(event(c.event), change{c.seg, c.field, c.made(strings.Repeat("é", n))}))
		}
		if r := at(c.most); r.Hold != "" {
			t.Errorf("%s of %s with %d characters is held: %s", field, c.event, c.most, r.Hold)
		}
		if r := at(c.most + 1); !strings.HasPrefix(r.Hold, field+": ") || strings.Contains(r.Hold, "é") {
			t.Errorf("%s of %s with %d characters: hold %q", field, c.event, c.most+1, r.Hold)
		}
	}
}

func TestTooManyAreHeld(t *testing.T) {
	many := func(n int) []byte {
		return append(with(), bytes.Repeat([]byte("NK1|1|Quill^Bea|SON\r"), n)...)
	}
	if r := translated(t, profile(t), received, many(itemsMost-1)); r.Hold != "" {
		t.Errorf("held: %s", r.Hold)
	}
	phone := append(with(), "NK1|1|Quill^Bea|SON||"+strings.Repeat("0", codeMost+1)+"\r"...)
	if r := translated(t, profile(t), received, phone); !strings.HasPrefix(r.Hold, "NK1-5: ") {
		t.Errorf("hold %q", r.Hold)
	}
	if r := translated(t, profile(t), received, many(itemsMost+1)); !strings.HasPrefix(r.Hold, "NK1: ") {
		t.Errorf("hold %q", r.Hold)
	}
}

// TestTheHourThatComesTwice is a feed that is heard live while the clocks go
// back: what it says in the second 01:00 hour is after the first one, though its
// clock is not.
func TestTheHourThatComesTwice(t *testing.T) {
	var last time.Time
	for _, c := range []struct{ clock, received string }{
		{"005959", "2026-10-24 23:59:59"}, {"010000", "2026-10-25 00:00:00"}, {"011000", "2026-10-25 00:10:02"},
		{"013000", "2026-10-25 00:30:01"}, {"015959", "2026-10-25 01:00:01"}, {"010000", "2026-10-25 01:00:02"},
		{"011000", "2026-10-25 01:10:01"}, {"013000", "2026-10-25 01:30:20"}, {"015959", "2026-10-25 02:00:09"},
		{"020000", "2026-10-25 02:00:10"},
	} {
		when, err := time.Parse(time.DateTime, c.received)
		if err != nil {
			t.Fatal(err)
		}
		o := only(t, translated(t, profile(t), when, with(change{"MSH", 7, "20261025" + c.clock}, change{"EVN", 2, "20261025" + c.clock}, change{"EVN", 6, ""})))
		if !o.At.After(last) || when.Sub(o.At) > time.Minute || o.At.After(when) {
			t.Errorf("%s received at %s is taken as %s, after %s", c.clock, c.received, o.At.Format(time.DateTime), last.Format(time.DateTime))
		}
		last = o.At
	}
}

func TestReadyDay(t *testing.T) {
	for in, want := range map[string]bool{"20261122": true, "202611220910": false, "20261122000000": false, `""`: false, "": false} {
		if got := one(t, profile(t), change{"ZU1", 24, in}).Seen.ReadyDay; got != want {
			t.Errorf("ZU1-24 %q tells only a day: %v", in, got)
		}
	}
}
