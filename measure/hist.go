package measure

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"homeward/nhs"
)

// Hist counts points by their value: how many had each. Everything that figures need
// (sums, means, shares, medians) follows from it exactly, and counts can be added to
// one another and taken away again.
type Hist struct {
	Values  map[int64]int64  // value to how many
	Assumed map[string]int64 // of those counted, by what was assumed
	Out     map[string]int64 // left out, by why
}

// Add counts a point n times at a value; n may be negative, which takes it away.
func (h *Hist) Add(p Point, value, n int64) { h.add(&p, value, n) }

func (h *Hist) add(p *Point, value, n int64) {
	if p.Out != "" {
		bump(&h.Out, p.Out, n)
		return
	}
	bump(&h.Values, value, n)
	if p.Assumed != "" {
		bump(&h.Assumed, p.Assumed, n)
	}
}

// Merge adds another's counts.
func (h *Hist) Merge(o *Hist) {
	for v, n := range o.Values {
		bump(&h.Values, v, n)
	}
	for c, n := range o.Assumed {
		bump(&h.Assumed, c, n)
	}
	for c, n := range o.Out {
		bump(&h.Out, c, n)
	}
}

func bump[K comparable](m *map[K]int64, k K, n int64) {
	if *m == nil {
		*m = map[K]int64{}
	}
	if (*m)[k] += n; (*m)[k] == 0 {
		delete(*m, k)
	}
}

// Empty reports whether nothing is counted, not even as left out.
func (h *Hist) Empty() bool { return len(h.Values)+len(h.Assumed)+len(h.Out) == 0 }

// N is how many are counted.
func (h *Hist) N() int64 { return h.from(minInt) }

const minInt = -1 << 63

// from is how many have a value of at least v.
func (h *Hist) from(v int64) (n int64) {
	for x, k := range h.Values {
		if x >= v {
			n += k
		}
	}
	return n
}

// Sum is the sum of all values.
func (h *Hist) Sum() (sum int64) {
	for x, k := range h.Values {
		sum += x * k
	}
	return sum
}

// Quantile is the least value that at least the share q of all have, as nearest rank:
// the median of an even number is the lower of the two in the middle. ok is false where
// nothing is counted.
func (h *Hist) Quantile(q float64) (v int64, ok bool) {
	n := h.N()
	if n == 0 {
		return 0, false
	}
	need := max(1, int64(math.Ceil(float64(n)*q-1e-9))) // 0.9 of 10 is the ninth, whatever floating point says
	for _, x := range slices.Sorted(maps.Keys(h.Values)) {
		if need -= h.Values[x]; need <= 0 {
			return x, true
		}
	}
	return 0, false
}

// The statistics of measures.

func mean(h *Hist) (float64, int64, bool) {
	n := h.N()
	if n == 0 {
		return 0, 0, false
	}
	return float64(h.Sum()) / float64(n), n, true
}

// meanFrom is the mean of those of at least a value: of the delayed, from 1.
func meanFrom(least int64) Stat {
	return func(h *Hist) (float64, int64, bool) {
		var sum, n int64
		for x, k := range h.Values {
			if x >= least {
				sum, n = sum+x*k, n+k
			}
		}
		if n == 0 {
			return 0, 0, false
		}
		return float64(sum) / float64(n), n, true
	}
}

// shareOf is the share of those whose value is between two, both included.
func shareOf(least, most int64) Stat {
	return func(h *Hist) (float64, int64, bool) {
		n := h.N()
		if n == 0 {
			return 0, 0, false
		}
		return float64(h.from(least)-h.from(most+1)) / float64(n), n, true
	}
}

// shareFrom is the share of those of at least a value.
func shareFrom(least int64) Stat {
	return func(h *Hist) (float64, int64, bool) {
		n := h.N()
		if n == 0 {
			return 0, 0, false
		}
		return float64(h.from(least)) / float64(n), n, true
	}
}

func quantile(q float64) Stat {
	return func(h *Hist) (float64, int64, bool) {
		v, ok := h.Quantile(q)
		return float64(v), h.N(), ok
	}
}

func total(h *Hist) (float64, int64, bool) { return float64(h.Sum()), h.N(), true }

func number(h *Hist) (float64, int64, bool) { return float64(h.N()), h.N(), true }

// numberFrom is how many have at least a value.
func numberFrom(least int64) Stat {
	return func(h *Hist) (float64, int64, bool) { return float64(h.from(least)), h.N(), true }
}

// Bytes writes counts in the one form that they have: the same counts are the same
// bytes.
func (h *Hist) Bytes() []byte {
	b := binary.AppendUvarint(nil, uint64(len(h.Values)))
	last := int64(0)
	for _, x := range slices.Sorted(maps.Keys(h.Values)) {
		b = binary.AppendVarint(b, x-last)
		b = binary.AppendVarint(b, h.Values[x])
		last = x
	}
	for _, m := range []map[string]int64{h.Assumed, h.Out} {
		b = binary.AppendUvarint(b, uint64(len(m)))
		for _, c := range slices.Sorted(maps.Keys(m)) {
			b = append(binary.AppendUvarint(b, uint64(len(c))), c...)
			b = binary.AppendVarint(b, m[c])
		}
	}
	return b
}

// errHist is that bytes are not what Bytes wrote.
var errHist = errors.New("these counts are damaged: rebuild the measures")

// MergeBytes adds the counts that Bytes wrote.
func (h *Hist) MergeBytes(b []byte) error {
	var bad bool
	uint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			bad = true
			return 0
		}
		b = b[n:]
		return v
	}
	int := func() int64 {
		v, n := binary.Varint(b)
		if n <= 0 {
			bad = true
			return 0
		}
		b = b[n:]
		return v
	}
	last := int64(0)
	for n := uint(); n > 0 && !bad; n-- {
		last += int()
		bump(&h.Values, last, int())
	}
	for _, m := range []*map[string]int64{&h.Assumed, &h.Out} {
		for n := uint(); n > 0 && !bad; n-- {
			size := uint()
			if bad || size > uint64(len(b)) {
				return errHist
			}
			code := string(b[:size])
			b = b[size:]
			bump(m, code, int())
		}
	}
	if bad || len(b) > 0 {
		return errHist
	}
	return nil
}

// spanMost is at how many midnights a span counts at most, the last ones: ten years. What
// lasted longer began in a slip of the keyboard, and must not cost what a century does.
const spanMost = 3660

// Days gives the local days on which a point counts, with the value that it has there:
// one that has stopped on the day of To; a span at the midnight that ends each day from
// that of From to the one before To, so that it counts as often as To is days after From;
// and while it runs up to through, the last day that has ended.
func (p Point) Days(span bool, zone *time.Location, through nhs.Date, each func(day nhs.Date, value int64)) {
	if !span {
		if !p.Open() {
			each(nhs.DateOf(p.To.In(zone)), p.Value)
		}
		return
	}
	since := p.Since
	if since.IsZero() {
		since = p.From
	}
	began, end := nhs.DateOf(since.In(zone)), through.Add(1)
	if !p.Open() {
		end = nhs.DateOf(p.To.In(zone))
	}
	day := nhs.DateOf(p.From.In(zone))
	if day.DaysTo(end) > spanMost {
		day = end.Add(-spanMost)
	}
	for day.Before(end) {
		next := day.Add(1)
		each(day, int64(began.DaysTo(next)))
		day = next
	}
}
