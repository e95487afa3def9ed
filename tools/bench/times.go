package main

import (
	"cmp"
	"slices"
	"time"
)

// times are the lengths of many waits.
type times []time.Duration

// at is the wait that the share q of all does not exceed, by the nearest rank.
func (t times) at(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	slices.Sort(t)
	return t[min(int(q*float64(len(t))), len(t)-1)]
}

func median[T cmp.Ordered](vs []T) (m T) {
	if len(vs) == 0 {
		return m
	}
	s := slices.Sorted(slices.Values(vs))
	return s[len(s)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
