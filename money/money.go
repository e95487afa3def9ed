// Package money is exact sums, rates and quantities for what care costs: whole
// pence, and quantities in thousandths, so that nothing is ever rounded but
// where a rule says so.
//
// There are two rules, and both are ours. A product (Mul, Prorate) is rounded half
// up to the penny, away from nothing: £0.005 is a penny, and minus £0.005 is minus
// a penny. A part of a sum (Split, Scale) is rounded down, and what is over stays
// with the rest: in Homeward that is the council's, so parts always add up.
// No float is used anywhere, and what does not fit is ErrTooLarge and never
// something else.
//
// It knows no currency but the pound, no tax, no clock, and nothing of what is
// paid for.
package money

import (
	"errors"
	"math"
	"math/bits"
)

// Amount is a sum in pence. It may be negative: what is given back.
type Amount int64

// Quantity is how much of a unit, in thousandths: 1500 is one and a half hours.
type Quantity int64

// Share is a part of the whole in hundredths of a percent: 10000 is all of it.
type Share int64

// One is a quantity of one unit.
const One Quantity = 1000

// All is the share of everything.
const All Share = 10000

// ErrTooLarge is that a sum does not fit: more than 92 thousand million million pounds.
var ErrTooLarge = errors.New("the sum is too large")

// ErrShare is that a share is less than nothing or more than everything, or that a
// part is asked of nothing.
var ErrShare = errors.New("the share is not between 0% and 100%")

// Mul is what a quantity costs at a rate for one unit, rounded half up to the penny.
func Mul(rate Amount, q Quantity) (Amount, error) { return Prorate(rate, q, 1, 1) }

// Prorate is Mul of num parts of den, rounded once: a weekly rate for three days of
// seven is Prorate(rate, One, 3, 7). num is not negative, and den is more than nothing.
func Prorate(rate Amount, q Quantity, num, den int64) (Amount, error) {
	if num < 0 || den <= 0 || den > math.MaxInt64/2/int64(One) {
		return 0, ErrShare
	}
	over, times := bits.Mul64(size(int64(q)), uint64(num))
	if over != 0 {
		return 0, ErrTooLarge
	}
	by := uint64(den) * uint64(One)
	return mulDiv(size(int64(rate)), times, by, by/2, (rate < 0) != (q < 0))
}

// Split divides a sum in two: the share, rounded down to the penny (toward nothing),
// and the rest. Together they are the sum.
func Split(a Amount, s Share) (part, rest Amount, err error) {
	if s < 0 || s > All {
		return 0, a, ErrShare
	}
	part, err = mulDiv(size(int64(a)), uint64(s), uint64(All), 0, a < 0)
	return part, a - part, err
}

// Scale is as much of a as of is of whole, rounded down to the penny (toward
// nothing). Of no whole there is no part: whole is more than nothing, and of is
// not negative.
func Scale(a, of, whole Amount) (Amount, error) {
	if of < 0 || whole <= 0 {
		return 0, ErrShare
	}
	return mulDiv(size(int64(a)), uint64(of), uint64(whole), 0, a < 0)
}

// Sum adds.
func Sum(of ...Amount) (Amount, error) {
	var out Amount
	for _, a := range of {
		if a > 0 && out > math.MaxInt64-a || a < 0 && out < math.MinInt64-a {
			return 0, ErrTooLarge
		}
		out += a
	}
	return out, nil
}

// mulDiv is a times b, and extra, divided by den, in 128 bits.
func mulDiv(a, b, den, extra uint64, negative bool) (Amount, error) {
	hi, lo := bits.Mul64(a, b)
	lo, carry := bits.Add64(lo, extra, 0)
	if hi += carry; hi >= den {
		return 0, ErrTooLarge
	}
	n, _ := bits.Div64(hi, lo, den)
	if n > math.MaxInt64 {
		return 0, ErrTooLarge
	}
	if negative {
		return -Amount(n), nil
	}
	return Amount(n), nil
}

// size is n without its sign.
func size(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
