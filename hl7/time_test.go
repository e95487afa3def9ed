package hl7

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func london(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestParseTime(t *testing.T) {
	for s, want := range map[string]struct {
		at                 string // RFC 3339, UTC
		precision          Precision
		ambiguous, shifted bool
	}{
		"2026":                     {"2026-01-01T00:00:00Z", Year, false, false},
		"202607":                   {"2026-06-30T23:00:00Z", Month, false, false},
		"20261124":                 {"2026-11-24T00:00:00Z", Day, false, false},
		"20260724":                 {"2026-07-23T23:00:00Z", Day, false, false},
		"2026112414":               {"2026-11-24T14:00:00Z", Hour, false, false},
		"202607241430":             {"2026-07-24T13:30:00Z", Minute, false, false},
		"20261124143005":           {"2026-11-24T14:30:05Z", Second, false, false},
		"20261124143005.5":         {"2026-11-24T14:30:05.5Z", Fraction, false, false},
		"20261124143005.1234+0530": {"2026-11-24T09:00:05.1234Z", Fraction, false, false},
		"202607241430-0100":        {"2026-07-24T15:30:00Z", Minute, false, false},
		" 20261124 ":               {"2026-11-24T00:00:00Z", Day, false, false},
		"20240229":                 {"2024-02-29T00:00:00Z", Day, false, false},
		// The last Sunday of October 2026 is the 25th: 01:00-01:59 comes twice.
		"20261025005959":      {"2026-10-24T23:59:59Z", Second, false, false},
		"20261025010000":      {"2026-10-25T00:00:00Z", Second, true, false},
		"20261025013000":      {"2026-10-25T00:30:00Z", Second, true, false},
		"20261025015959":      {"2026-10-25T00:59:59Z", Second, true, false},
		"20261025020000":      {"2026-10-25T02:00:00Z", Second, false, false},
		"20261025013000+0000": {"2026-10-25T01:30:00Z", Second, false, false},
		"20261025013000+0100": {"2026-10-25T00:30:00Z", Second, false, false},
		"20261025":            {"2026-10-24T23:00:00Z", Day, false, false},
		// The last Sunday of March 2026 is the 29th: 01:00-01:59 never comes.
		"20260329005959": {"2026-03-29T00:59:59Z", Second, false, false},
		"20260329010000": {"2026-03-29T01:00:00Z", Second, false, true},
		"20260329013000": {"2026-03-29T01:30:00Z", Second, false, true},
		"20260329020000": {"2026-03-29T01:00:00Z", Second, false, false},
	} {
		got, err := ParseTime(s, london(t))
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if at := got.At.UTC().Format(time.RFC3339Nano); at != want.at || got.Precision != want.precision ||
			got.Ambiguous != want.ambiguous || got.Shifted != want.shifted {
			t.Errorf("%s is %s %+v, want %+v", s, at, got, want)
		}
	}
	shifted, _ := ParseTime("20260329013000", london(t))
	if got := shifted.At.Format("15:04 MST"); got != "02:30 BST" {
		t.Errorf("01:30 in the hour left out is shown as %s", got)
	}
	if day, _ := ParseTime("20260724", london(t)); !day.IsDate() || day.At.Day() != 24 {
		t.Error("a date in summer is not that date")
	}
}

func TestParseTimeNear(t *testing.T) {
	const sent = "20261025013000"
	for near, want := range map[string]string{
		"2026-10-25T00:31:00Z": "2026-10-25T00:30:00Z",
		"2026-10-25T01:31:00Z": "2026-10-25T01:30:00Z",
		"2026-10-25T01:00:00Z": "2026-10-25T00:30:00Z", // as near to both: the first
		"2026-10-26T09:00:00Z": "2026-10-25T01:30:00Z",
	} {
		at, err := time.Parse(time.RFC3339, near)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseTimeNear(sent, london(t), at)
		if err != nil || !got.Ambiguous || got.At.UTC().Format(time.RFC3339) != want {
			t.Errorf("near %s: %v, %v; want %s", near, got, err, want)
		}
	}
}

func TestImpossibleTimes(t *testing.T) {
	for s, want := range map[string]error{
		"": ErrNoTime, "  ": ErrNoTime,
		"2026112": ErrTimeForm, "20261124T1430": ErrTimeForm, "24/11/2026": ErrTimeForm, "2026-11-24": ErrTimeForm,
		"20261124143005.": ErrTimeForm, "202611241430.5": ErrTimeForm, "20261124143005.1234567890": ErrTimeForm,
		"20261124+01:00": ErrTimeForm, "20261124+01": ErrTimeForm, "+0100": ErrTimeForm, "２０２６": ErrTimeForm,
		"20261301": ErrImpossibleTime, "20260231": ErrImpossibleTime, "20250229": ErrImpossibleTime, "20260100": ErrImpossibleTime,
		"00000000": ErrImpossibleTime, "2026112424": ErrImpossibleTime, "202611241460": ErrImpossibleTime,
		"20261124143060": ErrImpossibleTime, "20261124+1500": ErrImpossibleTime, "20261124+0160": ErrImpossibleTime,
	} {
		if got, err := ParseTime(s, london(t)); !errors.Is(err, want) {
			t.Errorf("%q: %v, %v; want %v", s, got, err, want)
		}
	}
}

func TestTimesComeBack(t *testing.T) {
	loc := london(t)
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-2_000_000_000, 4_000_000_000).Draw(t, "seconds"), 0).In(loc)
		got, err := ParseTime(FormatInstant(at), loc)
		if err != nil || !got.At.Equal(at) {
			t.Fatalf("%s came back as %v, %v", FormatInstant(at), got, err)
		}
		got, err = ParseTimeNear(FormatTime(at, Second), loc, at)
		if err != nil || !got.At.Equal(at) || got.Shifted {
			t.Fatalf("%s came back as %+v, %v; want %s", FormatTime(at, Second), got, err, at)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026", "20261124143005.1234+0530", "20261025013000", "20260329013000", "00010101", "99991231235959-1400"} {
		f.Add(s)
	}
	loc, err := time.LoadLocation("Europe/London")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime(s, loc)
		if err != nil {
			return
		}
		again, err := ParseTimeNear(FormatTime(got.At, got.Precision), got.At.Location(), got.At)
		if err != nil || got.Precision < Fraction && !again.At.Equal(got.At) {
			t.Errorf("%q is %+v, which comes back as %+v, %v", s, got, again, err)
		}
	})
}
