package ui

import (
	"testing"
	"time"
	_ "time/tzdata"

	"homeward/nhs"
)

func TestAge(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for want, born := range map[string]time.Time{
		"90min": now.Add(-90 * time.Minute), "26hrs": now.Add(-26 * time.Hour), "3d": now.Add(-89 * time.Hour),
		"27d": now.AddDate(0, 0, -27).Add(-5 * time.Hour), "4w": now.AddDate(0, 0, -28), "4w 1d": now.AddDate(0, 0, -29),
		"12m 8d": now.AddDate(-1, 0, -8), "13m 8d": now.AddDate(-1, -1, -8), "4y 1m": now.AddDate(-4, -1, -8),
		"18y": now.AddDate(-18, 0, 0), "17y 11m": now.AddDate(-18, 0, 1), "85y": time.Date(1941, 3, 14, 0, 0, 0, 0, time.UTC),
	} {
		if got := AgeAt(born, now); got != want {
			t.Errorf("born %v: got %s, want %s", born, got, want)
		}
	}
	for want, born := range map[string]nhs.Date{
		"": {}, "0d": {Year: 2026, Month: 11, Day: 22}, "27d": {Year: 2026, Month: 10, Day: 26}, "85y": {Year: 1941, Month: 3, Day: 14},
		"84y": {Year: 1941, Month: 11, Day: 23},
	} {
		if got := Age(born, now); got != want {
			t.Errorf("born %v: got %q, want %q", born, got, want)
		}
	}
	if got := Age(nhs.Date{Year: 2027, Month: 1, Day: 1}, now); got != "" {
		t.Errorf("a birth in the future has an age: %s", got)
	}
}

func TestAgeChangesAtMidnightInLondon(t *testing.T) {
	born := nhs.Date{Year: 1941, Month: 7, Day: 2}
	if got := Age(born, time.Date(2026, 7, 1, 22, 59, 0, 0, time.UTC)); got != "84y" {
		t.Error("before midnight in London:", got)
	}
	if got := Age(born, time.Date(2026, 7, 1, 23, 0, 0, 0, time.UTC)); got != "85y" {
		t.Error("at midnight in London:", got)
	}
}

func TestTimesAreShownInLondon(t *testing.T) {
	for _, c := range []struct{ utc, date, clock, both string }{
		{"2026-11-22T02:35:00Z", "22-Nov-2026", "02:35", "22-Nov-2026 02:35"},
		{"2026-07-01T23:30:00Z", "02-Jul-2026", "00:30", "02-Jul-2026 00:30"},
		{"2026-10-24T23:59:00Z", "25-Oct-2026", "00:59", "25-Oct-2026 00:59"},
		{"2026-10-25T00:30:00Z", "25-Oct-2026", "01:30 BST", "25-Oct-2026 01:30 BST"},
		{"2026-10-25T01:30:00Z", "25-Oct-2026", "01:30 GMT", "25-Oct-2026 01:30 GMT"},
		{"2026-10-25T02:00:00Z", "25-Oct-2026", "02:00", "25-Oct-2026 02:00"},
		{"2026-03-29T00:59:00Z", "29-Mar-2026", "00:59", "29-Mar-2026 00:59"},
		{"2026-03-29T01:00:00Z", "29-Mar-2026", "02:00", "29-Mar-2026 02:00"},
	} {
		at, err := time.Parse(time.RFC3339, c.utc)
		if err != nil {
			t.Fatal(err)
		}
		if Date(at) != c.date || Clock(at) != c.clock || DateTime(at) != c.both {
			t.Errorf("%s: %q %q %q", c.utc, Date(at), Clock(at), DateTime(at))
		}
	}
	if Date(time.Time{}) != NotKnown || DateTime(time.Time{}) != NotKnown || Clock(time.Time{}) != NotKnown || Day(nhs.Date{}) != NotKnown {
		t.Error("a time that nobody gave is shown as a time")
	}
	if got := LongDate(time.Date(2026, 8, 6, 12, 0, 0, 0, time.UTC)); got != "6 August 2026" {
		t.Error(got)
	}
}

func TestWords(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for got, want := range map[string]string{
		Name("o’neill", "Mary", "Mrs"):      "O’NEILL, Mary (Mrs)",
		Name("Oakley", "", ""):              "OAKLEY",
		Name("", " ", ""):                   "Name not known",
		Initials("Oakley", "Barbara"):       "BO",
		Initials("", "Émile"):               "É",
		Ago(now.Add(-30*time.Second), now):  "less than a minute ago",
		Ago(now.Add(-61*time.Second), now):  "1 minute ago",
		Ago(now.Add(-119*time.Minute), now): "119 minutes ago",
		Ago(now.Add(-2*time.Hour), now):     "2 hours ago",
		Ago(now.Add(-49*time.Hour), now):    "2 days ago",
		Duration(102 * time.Hour):           "4d 6hr",
		Duration(48 * time.Hour):            "2d",
		Duration(20 * time.Minute):          "20min",
		Plural(1, "person", "people"):       "1 person",
		Plural(0, "person", "people"):       "0 people",
		ClockOn(now, now):                   "12:00",
		ClockOn(now.AddDate(0, 0, -1), now): "21-Nov-2026 12:00",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestKeysWithinSentences(t *testing.T) {
	for key, want := range map[string]string{"NHS number": "NHS number", "GP practice": "GP practice", "Postcode": "postcode", "Main contact": "main contact", "X": "X"} {
		if got := within(key); got != want {
			t.Errorf("%q within a sentence is %q", key, got)
		}
	}
}
