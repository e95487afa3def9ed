package measure

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"homeward/nhs"
)

func randomHist(r *rand.Rand) *Hist {
	h := &Hist{}
	for range r.IntN(30) {
		p := Point{Assumed: []string{"", "blank"}[r.IntN(2)], Out: []string{"", "", "", "died"}[r.IntN(4)]}
		h.Add(p, []int64{int64(r.IntN(40)), int64(r.IntN(100_000)), -int64(r.IntN(5))}[r.IntN(3)], int64(1+r.IntN(3)))
	}
	return h
}

// However counts are added up, the sum is the same.
func TestSumsAreHists(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		want, got, other := &Hist{}, &Sum{}, &Sum{}
		for i := range r.IntN(20) {
			h := randomHist(r)
			want.Merge(h)
			to := got
			if i%3 == 0 {
				to = other
			}
			if err := to.AddBytes(h.Bytes()); err != nil {
				t.Fatal(err)
			}
		}
		got.Merge(other)
		if !bytes.Equal(want.Bytes(), got.Hist().Bytes()) {
			t.Fatal(cmp.Diff(want, got.Hist()))
		}
	}
	if err := (&Sum{}).AddBytes([]byte{3, 1}); err == nil {
		t.Error("damaged counts were added")
	}
}

// A row to which changes were added is the row of all that was counted, byte for byte,
// and what is taken away again leaves nothing.
func TestRowsMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	first := nhs.DateOf(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC))
	for _, e := range kept {
		all, row := map[nhs.Date]*Hist{}, []byte(nil)
		for range 100 {
			changed := map[nhs.Date]*Hist{}
			for range 1 + r.IntN(3) {
				start := e.Start(first.Add(r.IntN(60)))
				h := randomHist(r)
				if old := all[start]; old != nil && r.IntN(3) == 0 { // take all of it away
					h = &Hist{}
					for v, n := range old.Values {
						bump(&h.Values, v, -n)
					}
					for c, n := range old.Assumed {
						bump(&h.Assumed, c, -n)
					}
					for c, n := range old.Out {
						bump(&h.Out, c, -n)
					}
				}
				if changed[start] != nil {
					continue
				}
				changed[start] = h
				if all[start] == nil {
					all[start] = &Hist{}
				}
				all[start].Merge(h)
			}
			var err error
			if row, err = MergeRow(e, row, changed); err != nil {
				t.Fatal(err)
			}
			if want := AppendRow(e, all); !bytes.Equal(row, want) {
				t.Fatalf("%s: %x, want %x", e, row, want)
			}
		}
	}
}

// The steps of days before 1970, and of months, are found again by their numbers.
func TestStepsHaveNumbers(t *testing.T) {
	for _, e := range kept {
		for i := -40; i < 700; i++ {
			if got := e.index(e.at(i)); got != i {
				t.Fatalf("%s %d is %v, which is %d", e, i, e.at(i), got)
			}
			if b := e.Block(e.at(i)); i < (b)*blockSteps[e] || i >= (b+1)*blockSteps[e] {
				t.Fatalf("%s %d is in block %d", e, i, b)
			}
		}
	}
}

// In no line of a table, of parts and their whole, can one figure that is hidden be worked
// out, and none of few people is shown.
func TestNothingIsWorkedOut(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 300 {
		rows, columns := 1+r.IntN(4), 1+r.IntN(4)
		size := make([][]int64, rows+1)
		cells := make([][]*Figure, rows+1)
		for i := range cells {
			size[i], cells[i] = make([]int64, columns+1), make([]*Figure, columns+1)
		}
		for i := 1; i <= rows; i++ {
			for j := 1; j <= columns; j++ {
				n := int64(r.IntN(12))
				size[i][j] = n
				size[0][j] += n
				size[i][0] += n
				size[0][0] += n
			}
		}
		var lines [][]*Figure
		for i := range cells {
			for j := range cells[i] {
				cells[i][j] = &Figure{Over: size[i][j], Known: true}
			}
			lines = append(lines, cells[i])
		}
		for j := range columns + 1 {
			var line []*Figure
			for i := range cells {
				line = append(line, cells[i][j])
			}
			lines = append(lines, line)
		}
		SuppressTable(lines)
		for n, line := range lines {
			hidden := 0
			for k, f := range line {
				was := int64(0)
				if n > rows {
					was = size[k][n-rows-1]
				} else {
					was = size[n][k]
				}
				switch {
				case f.Few && was > 0:
					hidden++
				case !f.Few && was > 0 && was < Few:
					t.Fatalf("%d are shown", was)
				}
				if f.Few && f.Over != 0 {
					t.Fatal("what is hidden has a number")
				}
			}
			if hidden == 1 {
				t.Fatalf("one alone is hidden in line %d of %v", n, size)
			}
		}
	}
}
