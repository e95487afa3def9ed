package measure

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Sum adds many counts up fast, for figures over long times and many places. The zero
// value has counted nothing.
type Sum struct {
	dense   []int64 // by value, the small ones
	far     []valued
	compact int // how many of far were left when it was last made small
	codes   Hist
}

type valued struct{ value, n int64 }

const denseMost = 4096 // a value from which on counts are kept by pairs

// Add counts a point n times at a value.
func (s *Sum) Add(p Point, value, n int64) {
	if p.Out != "" {
		bump(&s.codes.Out, p.Out, n)
		return
	}
	s.add(value, n)
	if p.Assumed != "" {
		bump(&s.codes.Assumed, p.Assumed, n)
	}
}

func (s *Sum) add(value, n int64) {
	if value >= 0 && value < denseMost {
		if int(value) >= len(s.dense) {
			s.dense = append(s.dense, make([]int64, int(value)+1-len(s.dense))...)
		}
		s.dense[value] += n
		return
	}
	s.far = append(s.far, valued{value, n})
	if len(s.far) > 2*s.compact+1024 {
		s.settle()
	}
}

// settle adds the pairs of the same value up.
func (s *Sum) settle() {
	slices.SortFunc(s.far, func(a, b valued) int { return cmp.Compare(a.value, b.value) })
	out := s.far[:0]
	for _, v := range s.far {
		if n := len(out); n > 0 && out[n-1].value == v.value {
			out[n-1].n += v.n
		} else {
			out = append(out, v)
		}
	}
	s.far, s.compact = out, len(out)
}

// Merge adds another's counts.
func (s *Sum) Merge(o *Sum) {
	for v, n := range o.dense {
		if n != 0 {
			s.add(int64(v), n)
		}
	}
	for _, x := range o.far {
		s.add(x.value, x.n)
	}
	s.codes.Merge(&o.codes)
}

// AddBytes adds the counts that Hist.Bytes wrote.
func (s *Sum) AddBytes(b []byte) error {
	count, n := binary.Uvarint(b)
	if n <= 0 {
		return errHist
	}
	b = b[n:]
	last := int64(0)
	for ; count > 0; count-- {
		step, n := binary.Varint(b)
		if n <= 0 {
			return errHist
		}
		times, k := binary.Varint(b[n:])
		if k <= 0 {
			return errHist
		}
		b = b[n+k:]
		last += step
		s.add(last, times)
	}
	if len(b) == 2 && b[0] == 0 && b[1] == 0 { // nothing assumed, nothing left out
		return nil
	}
	return s.codes.MergeBytes(append([]byte{0}, b...))
}

// Hist is what was counted.
func (s *Sum) Hist() *Hist {
	h := &Hist{}
	h.Merge(&s.codes)
	for v, n := range s.dense {
		if n != 0 {
			bump(&h.Values, int64(v), n)
		}
	}
	for _, x := range s.far {
		bump(&h.Values, x.value, x.n)
	}
	return h
}
