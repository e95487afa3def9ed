package nhs

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseNumber(t *testing.T) {
	good := Test(123456).Digits()
	for _, in := range []string{good, good[:3] + " " + good[3:6] + " " + good[6:], good[:3] + "-" + good[3:6] + "-" + good[6:], "\u00a0" + good} {
		n, err := ParseNumber(in)
		if err != nil || n.Digits() != good {
			t.Errorf("an accepted spelling was refused: %v", err)
		}
	}
	for in, want := range map[string]string{
		"":             "Enter an NHS number",
		"123":          "You entered 3",
		"12345678901":  "You entered 11",
		"9990000001":   "digits are wrong",
		"0000000000":   "digits are wrong",
		"99900000O1":   "no letters",
		"9434765919 x": "no letters",
	} {
		if _, err := ParseNumber(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestOneWrongDigitIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := []byte(Test(rapid.IntRange(0, 999_998).Draw(t, "n")).Digits())
		i := rapid.IntRange(0, 9).Draw(t, "place")
		n[i] = '0' + (n[i]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		if _, err := ParseNumber(string(n)); err == nil {
			t.Fatal("modulus 11 must catch one wrong digit")
		}
	})
}

func TestNumberMasksItself(t *testing.T) {
	n := Test(7654)
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "n", n)
	for _, s := range []string{b.String(), n.String(), fmt.Sprintf("%v %s %#v %+v", n, n, n, struct{ N Number }{n})} {
		if strings.Contains(s, n.Digits()) {
			t.Error("a number was printed in full")
		}
	}
}

func TestDates(t *testing.T) {
	b := Date{1940, 2, 29}
	for _, c := range []struct {
		on   Date
		want int
	}{{Date{1958, 2, 28}, 17}, {Date{1958, 3, 1}, 18}, {Date{1960, 2, 29}, 20}} {
		if got := b.AgeOn(c.on); got != c.want {
			t.Errorf("age on %v: %d, want %d", c.on, got, c.want)
		}
	}
	if _, err := NewDate(2026, 2, 30); err == nil {
		t.Error("30 February was accepted")
	}
	var d Date
	if err := d.UnmarshalText([]byte("19410314")); err != nil || d.String() != "1941-03-14" {
		t.Error(d, err)
	}
}

func FuzzParseNumber(f *testing.F) {
	f.Add(Test(1).Digits())
	f.Add("999 123 4567")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNumber(s)
		if err == nil {
			if m, err := ParseNumber(n.Spaced()); err != nil || m != n {
				t.Fatal("what was accepted must be accepted again")
			}
		} else if len(s) >= 10 && strings.Contains(err.Error(), s) {
			t.Fatal("the error repeats what was typed")
		}
	})
}
