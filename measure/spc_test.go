package measure

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func beats(y ...float64) []Beat {
	out := make([]Beat, len(y))
	for i, v := range y {
		out[i] = Beat{Value: v, Known: !math.IsNaN(v)}
	}
	return out
}

var spcGap = math.NaN()

// Twelve values that go up and down by 1: the mean is 4.5, every moving range is 1, so
// the limits are 4.5 - 2.66 and 4.5 + 2.66.
func TestControlLimits(t *testing.T) {
	c := Control(beats(4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5), Lower, nil)
	l := c.Levels[0]
	if l.Mean != 4.5 || math.Abs(l.Upper-7.16) > 1e-9 || math.Abs(l.Lower-1.84) > 1e-9 || !l.Limits || c.Variation != Usual || c.Assurance != NoTarget {
		t.Errorf("%+v %s", l, c.Variation)
	}
}

// With one value of 20 the moving ranges are eleven of 1, one of 16 and one of 15: their
// mean is 42/13 = 3.23, so those over 10.55 are screened out and 1 is left. The mean is
// of all values: 78/14.
func TestControlScreensRanges(t *testing.T) {
	c := Control(beats(4, 5, 4, 5, 4, 5, 4, 20, 5, 4, 5, 4, 5, 4), Lower, nil)
	l := c.Levels[0]
	if want := 78.0 / 14; math.Abs(l.Mean-want) > 1e-9 || math.Abs(l.Upper-want-2.66) > 1e-9 {
		t.Errorf("mean %v, upper %v", l.Mean, l.Upper)
	}
	if p := c.Points[7]; p.Mark != MarkWorse || p.Why != "above the upper limit" {
		t.Errorf("%+v", p)
	}
}

// marks gives the places that are marked, and of the first the reason.
func marksOf(c Chart) (at []int, why string) {
	for i, p := range c.Points {
		if p.Mark != NoMark {
			at = append(at, i)
			if why == "" {
				why = p.Why
			}
		}
	}
	return at, why
}

func TestControlRules(t *testing.T) {
	wide := []float64{10, 16, 10, 16, 10, 16, 10, 16, 10, 16} // moving ranges of 6: limits far away
	for _, x := range []struct {
		name string
		more []float64
		want []int
		why  string
	}{
		{"nothing", []float64{10, 16}, nil, ""},
		{"six rising", []float64{11, 12, 13, 14, 15}, nil, ""}, // 10, 16 then 11..15: five rise
		{"seven rising", []float64{9, 10, 11, 12.5, 13.5, 14.5, 15.5, 9}, []int{10, 11, 12, 13, 14, 15, 16}, "one of 7 or more rising in a row"},
		{"seven above", []float64{14, 15, 14, 15, 14, 15, 14}, []int{9, 10, 11, 12, 13, 14, 15, 16}, "one of 7 or more above the average in a row"},
		{"seven below", []float64{12, 11, 12, 11, 12, 11, 12, 20}, []int{10, 11, 12, 13, 14, 15, 16}, "one of 7 or more below the average in a row"},
		{"two of three", []float64{10, 16, 26, 26, 12, 11, 16, 10, 16, 10, 16, 10, 16}, []int{12, 13}, "one of 2 in 3 close to the upper limit"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := Control(beats(append(slices.Clone(wide), x.more...)...), Lower, nil)
			if at, why := marksOf(c); !slices.Equal(at, x.want) || why != x.why {
				t.Errorf("marked %v %q, want %v %q (levels %+v)", at, why, x.want, x.why, c.Levels)
			}
		})
	}
}

func TestControlTargets(t *testing.T) {
	y := beats(4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5) // limits 1.84 and 7.16
	for _, x := range []struct {
		target float64
		better Better
		want   Assurance
	}{{8, Lower, WillMeet}, {8, Higher, WillMiss}, {1, Lower, WillMiss}, {1, Higher, WillMeet}, {5, Lower, MayMeet}, {5, Higher, MayMeet}, {8, Neither, NoTarget}} {
		if got := Control(y, x.better, &x.target).Assurance; got != x.want {
			t.Errorf("target %v, %s is better: %q, want %q", x.target, x.better, got, x.want)
		}
	}
}

func TestControlGapsAndPartsAndFew(t *testing.T) {
	few := Control(beats(4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 400), Lower, nil)
	if few.Levels[0].Limits || few.Variation != TooFew || few.Points[10].Mark != NoMark || few.Variation.Say() != "Too few to show limits yet" {
		t.Errorf("eleven points: %+v", few)
	}
	y := beats(4, 5, spcGap, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5)
	y = append(y, Beat{Value: 90, Known: true, Part: true})
	c := Control(y, Higher, nil)
	if l := c.Levels[0]; l.Known != 12 || l.Mean != 4.5 || math.Abs(l.Upper-7.16) > 1e-9 || c.Variation != Usual {
		t.Errorf("a gap and a week that is not over: %+v %s", l, c.Variation)
	}
	if none := Control(nil, Lower, nil); none.Variation != TooFew || len(none.Levels) != 0 {
		t.Errorf("%+v", none)
	}
}

func TestControlRebases(t *testing.T) {
	y := beats(4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 4, 5, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2)
	shifted := Control(y, Lower, nil)
	if shifted.Variation != Improving {
		t.Errorf("without a new level: %s", shifted.Variation)
	}
	y[12].Rebase = true
	c := Control(y, Lower, nil)
	if len(c.Levels) != 2 || c.Levels[0].To != 11 || c.Levels[1].Mean != 1.5 || c.Variation != Usual {
		t.Errorf("%+v %s", c.Levels, c.Variation)
	}
	if at, _ := marksOf(c); at != nil {
		t.Errorf("marked %v", at)
	}
}

// Whatever the values: limits stand around the mean, the other way up gives the mirror
// image, and what is marked better one way is worse the other.
func TestControlProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-100, 100), 0, 60).Draw(t, "y")
		rebase := rapid.IntRange(0, 60).Draw(t, "rebase")
		up, down := beats(y...), beats(y...)
		for i := range up {
			up[i].Rebase = i == rebase
			down[i].Rebase, down[i].Value = i == rebase, -y[i]
		}
		a, b, other := Control(up, Higher, nil), Control(down, Lower, nil), Control(up, Lower, nil)
		for i, p := range a.Points {
			if p.Mark != b.Points[i].Mark {
				t.Fatalf("point %d is %s, and its mirror image %s", i, p.Mark, b.Points[i].Mark)
			}
			if want := map[Mark]Mark{MarkBetter: MarkWorse, MarkWorse: MarkBetter}[p.Mark]; other.Points[i].Mark != want {
				t.Fatalf("point %d is %s, and %s where less is better", i, p.Mark, other.Points[i].Mark)
			}
		}
		n := 0
		for _, l := range a.Levels {
			n += l.To - l.From + 1
			if l.Limits && (l.Lower > l.Mean+1e-9 || l.Upper < l.Mean-1e-9) {
				t.Fatalf("%+v", l)
			}
		}
		if n != len(y) {
			t.Fatalf("levels hold %d of %d points", n, len(y))
		}
	})
}
