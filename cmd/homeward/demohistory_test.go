package main

import (
	"testing"
	"time"

	"homeward/care"
)

// The past of the demonstration is over: everybody in it has left, nothing of it waits
// on anybody's list, and all of it was recorded before now.
func TestDemoPastIsOver(t *testing.T) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	c := demoCounty(1, zone, now)
	c.People = 200
	people, looks, weeks := 0, 0, map[int]int{}
	for p := range demoPastOf(c, nil) {
		people++
		is := care.Apply(care.Case{}, p.Events...)
		if is.Stay != nil {
			t.Fatal("somebody is still in hospital")
		}
		for _, r := range is.Referrals {
			if r.Open() {
				t.Fatal("a referral is open")
			}
		}
		for _, r := range is.Requests {
			if r.Ended.IsZero() {
				t.Fatal("a request for care is open")
			}
		}
		looks += len(is.Looks)
		for _, l := range is.Looks {
			if l.Org == "" || l.Looked.After(now) {
				t.Fatalf("a look-up: %+v", l)
			}
		}
		for i, at := range p.Recorded {
			if at.After(now) || i > 0 && at.Before(p.Recorded[i-1]) {
				t.Fatalf("event %d of a past was recorded at %v", i, at)
			}
		}
		for _, s := range is.Past {
			weeks[int(now.Sub(s.Left.At).Hours()/24/7)]++
		}
	}
	if looks < 10 || looks > people/4 {
		t.Errorf("what %d look-ups of %d people led to is recorded", looks, people)
	}
	if people < 150 || len(weeks) < 20 {
		t.Errorf("%d people have left in %d weeks", people, len(weeks))
	}
}
