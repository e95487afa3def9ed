package hub

import (
	"strconv"
	"testing"
	"time"

	"homeward/care"
)

func TestACrowdAroundOnePersonIsAnAlert(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.imported(notts, "full", held{id: "10001", p: nobody(1), packages: []string{pack("P1", "HS", "active")}})
		s.Limits.LookedUp = 3
		nurse, lead := as(care.AENurse, kings), as(care.IGLead, kings)
		look := func(n int) LookView {
			nurse.ID = care.ActorID("u-" + strconv.Itoa(n))
			return s.look4(nurse, asks(nobody(1)))
		}
		for n := range 6 {
			if look(n%3).Outcome != LookFound {
				t.Fatal("nothing was found")
			}
		}
		if l := s.alertList(lead, AlertQuery{}); len(l.Rows) != 0 {
			t.Fatalf("three readers, twice each: %+v", l.Rows)
		}
		if look(3).Outcome != LookFound {
			t.Error("the fourth was stopped")
		}
		look(4)
		l := s.alertList(lead, AlertQuery{})
		if len(l.Rows) != 1 || l.Rows[0].Kind != AlertCrowd || l.Rows[0].Actor != "u-3" || l.Rows[0].Case == "" {
			t.Fatalf("alerts: %+v", l.Rows)
		}
		if l := s.alertList(as(care.IGLead, city), AlertQuery{}); len(l.Rows) != 0 {
			t.Errorf("leads of others: %+v", l.Rows)
		}
	})
}

func TestCrowdsAreBounded(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var c crowd
	for i := range crowdMost + 10 {
		c.add(care.CaseID(strconv.Itoa(i)), "u", now)
	}
	if len(c.found) > crowdMost {
		t.Errorf("%d people are remembered", len(c.found))
	}
	if n := c.add("x", "a", now); n != 1 {
		t.Error(n)
	}
	if n := c.add("x", "b", now.Add(59*time.Minute)); n != 2 {
		t.Error(n)
	}
	if n := c.add("x", "b", now.Add(time.Hour)); n != 1 {
		t.Errorf("%d within the hour", n)
	}
}
