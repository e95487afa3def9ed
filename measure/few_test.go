package measure

import (
	"testing"
)

func counts(values ...int64) *Hist {
	h := &Hist{}
	for _, v := range values {
		h.Add(Point{}, v, 1)
	}
	return h
}

// One person who gives several points is one person: split by what they differ in each
// counts, and in a count of all of them they may all be the same one's.
func TestPointsAreNotPeople(t *testing.T) {
	nine := counts(1, 2, 3, 4, 5, 6, 7, 8, 9)
	for _, x := range []struct {
		id   ID
		dims []Dim
		days int
		want int64
	}{
		{"held", []Dim{ByHospital}, 7, 1},
		{"held", []Dim{ByHospital, ByStage}, 7, 5},
		{"held-by-holder", nil, 7, 3},
		{"held-by-holder", []Dim{ByHolder}, 7, 9},
		{"delay-by-reason", nil, 7, 2},
		{"delay-by-reason", []Dim{ByReason, ByHospital}, 7, 9},
		{"held-by-hospital", nil, 7, 5},
		{"flow", nil, 7, 1},
		{"flow", []Dim{ByStage}, 7, 3},
		{"paused", []Dim{ByStage}, 7, 3},
		{"reply", []Dim{ByCouncil}, 7, 1},
		{"quality-mended", nil, 7, 2},
		{"workload-most", []Dim{ByTeam}, 7, 2}, // nine days of work may be of two people
		{"workload-most", []Dim{ByTeam}, 1, 9},
		{"delay", nil, 7, 9},
	} {
		m, ok := Find(x.id)
		if !ok {
			t.Fatalf("no %s", x.id)
		}
		f := m.Split(m.Average(m.Figure(nine, 0), x.days), x.dims, x.days)
		if f.Of() != x.want {
			t.Errorf("%s by %v is of %d people at least, want %d", x.id, x.dims, f.Of(), x.want)
		}
	}
}

// What a figure is of is those that it counts; those who still run are others.
func TestFewAmongManyWhoRun(t *testing.T) {
	for _, x := range []struct {
		id   ID
		h    *Hist
		open int64
		want int64
	}{
		{"delay", counts(1, 2), 100, 2},                          // the mean of two
		{"delay-delayed", counts(0, 0, 0, 0, 0, 0, 3, 9), 10, 2}, // of the two who waited
		{"discharges", counts(1, 1, 1), 200, 3},
		{"delay", &Hist{}, 3, 3}, // three who run
		{"died-in-hospital", &Hist{Values: map[int64]int64{0: 50}, Out: map[string]int64{"died": 2}}, 0, 2},
	} {
		m, _ := Find(x.id)
		if f := m.Figure(x.h, x.open); f.Of() != x.want {
			t.Errorf("%s is of %d, want %d", x.id, f.Of(), x.want)
		}
	}
}

// A share by which fewer than five are counted, or all but fewer than five, does not
// leave; one of nobody or of everybody does.
func TestThinShares(t *testing.T) {
	m, _ := Find("on-the-day")
	for in := range 101 {
		h := &Hist{Values: map[int64]int64{0: int64(in), 3: int64(100 - in)}}
		f := m.Split(m.Average(m.Figure(h, 0), 7), nil, 7)
		f.Thin()
		if want := in > 0 && in < Few || in < 100 && in > 100-Few; f.Few != want {
			t.Errorf("%d of 100 are hidden: %t", in, f.Few)
		}
	}
}

// What is the reader's own is never hidden to hide another's.
func TestSuppressAlone(t *testing.T) {
	own, other, more := &Figure{Over: 6}, &Figure{Over: 3, Few: true}, &Figure{Over: 9}
	SuppressAlone([][]*Figure{{more, own, other}}, map[*Figure]bool{own: true})
	if own.Few || !more.Few || !other.Few || more.Over != 0 {
		t.Errorf("own %+v, other %+v, all %+v", own, other, more)
	}
}
