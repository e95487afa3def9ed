// Package money is exact sums, rates and quantities for what care costs: whole
// pence, and quantities in thousandths, so that nothing is ever rounded but
// where a rule says so.
//
// It knows no currency but the pound, no tax, no clock, and nothing of what is
// paid for.
package money

// Amount is a sum in pence. It may be negative: what is given back.
type Amount int64

// Quantity is how much of a unit, in thousandths: 1500 is one and a half hours.
type Quantity int64

// Share is a part of the whole in hundredths of a percent: 10000 is all of it.
type Share int64
