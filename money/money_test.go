package money

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestReadsAndWritesAsPeopleDo(t *testing.T) {
	for s, want := range map[string]Amount{"£1,234.50": 123450, "1234.50": 123450, "£12": 1200, " 0.05 ": 5, "-£0.05": -5, "£0": 0, "£999,999,999.99": 99999999999} {
		if got, err := Parse(s); err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "£", "1,5", "12.5", "12.", ".50", "1e3", "£1,23.00", ",100", "1234,567", "£1.234", "12 .50", "+5", "--5", "1,234,567,890", "٣", "£-5", "twelve", "$5"} {
		if got, err := Parse(s); err == nil {
			t.Errorf("Parse(%q) = %d; want an error", s, got)
		}
	}
	for s, want := range map[string]Quantity{"12.5": 12500, "0.75 hours": 750, "1 hour": 1000, "1,000": 1000000, "0.001": 1} {
		if got, err := ParseOf(s, "hour"); err != nil || got != want {
			t.Errorf("ParseOf(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "1.", "0.0001", "1 visit", "a", "1..2", "1/2"} {
		if got, err := ParseOf(s, "hour"); err == nil {
			t.Errorf("ParseOf(%q) = %d; want an error", s, got)
		}
	}
	for s, want := range map[string]Share{"50%": 5000, "33.33": 3333, "100 %": 10000, "0": 0} {
		if got, err := ParseShare(s); err != nil || got != want {
			t.Errorf("ParseShare(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "100.01%", "-1%", "1.234", "half", "5%%"} {
		if got, err := ParseShare(s); err == nil {
			t.Errorf("ParseShare(%q) = %d; want an error", s, got)
		}
	}
	for want, got := range map[string]string{"£1,234.50": Amount(123450).String(), "-£0.05": Amount(-5).String(), "1234.50": Amount(123450).Plain(),
		"-£92,233,720,368,547,758.08": Amount(math.MinInt64).String(),
		"0.75 hours":                  Quantity(750).Of("hour"), "1 hour": One.Of("hour"), "12.5": Quantity(12500).String(), "33.33%": Share(3333).String(), "100%": All.String()} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Amount(rapid.Int64Range(-99999999999, 99999999999).Draw(t, "a"))
		for _, s := range []string{a.String(), a.Plain()} {
			if got, err := Parse(s); err != nil || got != a {
				t.Fatalf("%d was written as %q and read as %d, %v", a, s, got, err)
			}
		}
		q := Quantity(rapid.Int64Range(-999999999999, 999999999999).Draw(t, "q"))
		if got, err := ParseOf(q.Of("hour"), "hour"); err != nil || got != q {
			t.Fatalf("%d was written as %q and read as %d, %v", q, q.Of("hour"), got, err)
		}
		s := Share(rapid.Int64Range(0, int64(All)).Draw(t, "s"))
		if got, err := ParseShare(s.String()); err != nil || got != s {
			t.Fatalf("%d was written as %q and read as %d, %v", s, s, got, err)
		}
		doc, err := json.Marshal([]any{a, q, s})
		var back []json.Number
		if err != nil || json.Unmarshal(doc, &back) != nil || back[0].String() != big.NewInt(int64(a)).String() {
			t.Fatalf("as JSON: %s, %v", doc, err)
		}
	})
}

// TestSumsAgreeWithPaper compares with whole numbers of any size.
func TestSumsAgreeWithPaper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate, q := rapid.Int64().Draw(t, "rate"), rapid.Int64().Draw(t, "quantity")
		if rapid.Bool().Draw(t, "small") {
			rate, q = rate%1e9, q%1e7
		}
		num, den := rapid.Int64Range(0, 7).Draw(t, "num"), rapid.Int64Range(1, 7).Draw(t, "den")
		// Half up, away from nothing: (2|x| + y) / 2y, with the sign of x.
		x := new(big.Int).Mul(big.NewInt(rate), big.NewInt(q))
		x.Mul(x, big.NewInt(num))
		y := big.NewInt(1000 * den)
		want := new(big.Int).Add(new(big.Int).Mul(big.NewInt(2), new(big.Int).Abs(x)), y)
		want.Quo(want, new(big.Int).Mul(big.NewInt(2), y))
		if x.Sign() < 0 {
			want.Neg(want)
		}
		got, err := Prorate(Amount(rate), Quantity(q), num, den)
		switch {
		case errors.Is(err, ErrTooLarge):
			// Only what no int64 holds, or a quantity that is beyond any use.
			if want.IsInt64() && want.Int64() != math.MinInt64 && new(big.Int).Mul(big.NewInt(q), big.NewInt(num)).IsInt64() {
				t.Fatalf("%d x %d x %d/%d is %v and was refused", rate, q, num, den, want)
			}
		case err != nil || want.Cmp(big.NewInt(int64(got))) != 0:
			t.Fatalf("%d x %d x %d/%d = %d, %v; want %v", rate, q, num, den, got, err, want)
		}
	})
}

func TestPartsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, s := Amount(rapid.Int64().Draw(t, "a")), Share(rapid.Int64Range(0, int64(All)).Draw(t, "s"))
		part, rest, err := Split(a, s)
		if err != nil && a != math.MinInt64 || err == nil && part+rest != a {
			t.Fatalf("Split(%d, %v) = %d + %d, %v", a, s, part, rest, err)
		}
		if size(int64(part)) > size(int64(a)) || s == All && err == nil && rest != 0 || s == 0 && part != 0 {
			t.Fatalf("Split(%d, %v) = %d + %d", a, s, part, rest)
		}
		all := rapid.SliceOfN(rapid.Int64Range(-1e12, 1e12), 0, 9).Draw(t, "all")
		var there, back []Amount
		for i := range all {
			there, back = append(there, Amount(all[i])), append(back, Amount(all[len(all)-1-i]))
		}
		x, err1 := Sum(there...)
		y, err2 := Sum(back...)
		if x != y || err1 != nil || err2 != nil {
			t.Fatalf("the order matters: %d, %d", x, y)
		}
		whole := Amount(rapid.Int64Range(1, math.MaxInt64).Draw(t, "whole"))
		of := Amount(rapid.Int64Range(0, int64(whole)).Draw(t, "of"))
		if got, err := Scale(max(a, -math.MaxInt64), of, whole); err != nil || size(int64(got)) > size(int64(a)) {
			t.Fatalf("Scale(%d, %d, %d) = %d, %v", a, of, whole, got, err)
		}
	})
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	for name, err := range map[string]error{
		"a product": second(Mul(math.MaxInt64, 2*One)),
		"a sum":     second(Sum(math.MaxInt64, 1)),
		"a debt":    second(Sum(math.MinInt64, -1)),
		"a part":    second(Scale(math.MaxInt64, 3, 2)),
	} {
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s too large: %v", name, err)
		}
	}
	for name, err := range map[string]error{"no whole": second(Scale(1, 1, 0)), "less than nothing": second(Prorate(1, One, -1, 7)), "of nothing": second(Prorate(1, One, 1, 0))} {
		if !errors.Is(err, ErrShare) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Split(100, All+1); !errors.Is(err, ErrShare) {
		t.Errorf("more than all of it: %v", err)
	}
}

func second(_ Amount, err error) error { return err }

func TestHalfAPennyIsAPenny(t *testing.T) {
	for _, x := range []struct {
		rate Amount
		q    Quantity
		want Amount
	}{{1, 500, 1}, {1, 499, 0}, {-1, 500, -1}, {1, -500, -1}, {2333, 1250, 2916}, {1999, 3500, 6997}, {0, 99, 0}} {
		if got, err := Mul(x.rate, x.q); err != nil || got != x.want {
			t.Errorf("%v x %v = %v, %v; want %v", x.rate, x.q, got, err, x.want)
		}
	}
	if got, _ := Prorate(10000, One, 3, 7); got != 4286 {
		t.Errorf("three days of £100 a week are %v", got)
	}
}
