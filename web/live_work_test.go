package web

import (
	"strings"
	"testing"
)

// Two people have the same form open. The second to send it is told of the first's
// change, and changes nothing unseen.
func TestTheSecondSeesTheFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	one, two := s.as("team-manager"), s.as("team-manager")
	path := at(s.walter, "/referrals/ref-walter/")
	if p := one.post(path + "accept"); p.status != 303 {
		t.Fatalf("%d %s", p.status, p.text())
	}
	allocate := two.get(path + "allocate")
	back := two.get(path + "return")
	if p := one.submit(one.get(path+"allocate"), path+"allocate", "worker", "u-social-worker"); p.status != 303 {
		t.Fatalf("%d %s", p.status, p.text())
	}
	if p := two.submit(allocate, path+"allocate", "worker", "u-team-manager"); p.status == 303 {
		t.Errorf("allocated unseen: %d to %s", p.status, p.to)
	}
	if r := s.caseOf(s.walter).Referrals[0]; r.Worker.ID != "u-social-worker" {
		t.Errorf("with %s", r.Worker.ID)
	}
	// A stage that has passed: what was typed is given back.
	if p := two.submit(back, path+"return", "reasons", "capacity", "needed", "Send the capacity assessment.", "contact", "R Okafor", "contact_details", "01632 960110"); p.status != 303 && !strings.Contains(p.text(), "Send the capacity assessment.") {
		t.Errorf("what was typed is gone: %d %s", p.status, p.text())
	}
}
