package web

import (
	"strings"
	"testing"
)

// A manager keeps what workers can do, is told who is suggested and why, hands over
// with a check page, and saves a list under a name.
func TestTeamPages(t *testing.T) {
	s := newSite(t)
	r := s.as("team-manager")
	r.get("/team").says("P Social-worker", "Not recorded", "Does not work today") // it is a Sunday
	bad := r.post("/team/u-social-worker", "version", "0", "skills", "capacity", "patch", "Mansfield", "most", "12", "days", "0", "days", "5")
	if bad.status != 422 || !strings.Contains(bad.body, `value="Mansfield"`) {
		t.Fatalf("%d: what was typed is not kept", bad.status)
	}
	bad.says("Enter postcode districts, like NG18 NG19")
	good := []string{"version", "0", "skills", "capacity", "patch", "ng18", "most", "12.5", "days", "6", "away-day", "1", "away-month", "12", "away-year", "2026", "until-day", "4", "until-month", "12", "until-year", "2026", "why", "On leave"}
	if got := r.post("/team/u-social-worker", good...); got.to != "/team" {
		t.Fatalf("%d: %s", got.status, got.text())
	}
	r.get("/team").says("Mental capacity and best interests", "NG18", "0 open, weighs 0 of 12.5")
	r.get("/team/u-social-worker").says("01-Dec-2026 to 04-Dec-2026", "On leave")
	if got := r.post("/team/u-social-worker", good...); got.status != 422 || !strings.Contains(got.text(), "Somebody else changed this worker while you typed") {
		t.Errorf("written over another's change: %d", got.status)
	}

	one := "walter-case ref-walter "
	if got := r.post("/cases/walter-case/referrals/ref-walter/accept"); got.status != 303 {
		t.Fatalf("accepting: %d %s", got.status, got.text())
	}
	r.get("/cases/walter-case/referrals/ref-walter/allocate").says("Suggested: P Social-worker", "Covers NG18")
	ask := r.post("/worklist/allocate", "one", one)
	ask.says("Suggested: P Social-worker", "Covers NG18")
	if got := r.post("/worklist/allocate", "one", one, "asked", "yes", "worker", "u-social-worker"); got.to != "/worklist?view=allocate" {
		t.Fatalf("%d: %s", got.status, got.text())
	}
	w := s.as("social-worker")
	w.get("/worklist?view=mine").says("Hand over my 1 open case")
	w.get("/handover").says("ASHDOWN, Walter")
	pick := one + "u-social-worker"
	if got := w.post("/handover", "from", "u-social-worker", "worker", "u-team-manager"); got.status != 422 || !strings.Contains(got.text(), "Tick at least one case") {
		t.Errorf("nothing ticked: %d", got.status)
	}
	w.post("/handover", "from", "u-social-worker", "worker", "u-team-manager", "pick", pick).says("Check what you hand over", "ASHDOWN, Walter")
	if got := w.post("/handover", "from", "u-social-worker", "worker", "u-team-manager", "pick", pick, "confirm", "yes"); got.status != 303 {
		t.Errorf("handed over: %d %s", got.status, got.text())
	}
	r.get("/worklist?view=mine").says("ASHDOWN, Walter")

	if got := r.post("/views", "path", "/tracker?wait=delayed&page=3&nosuch=1", "name", "The late ones"); got.to != "/tracker?wait=delayed" {
		t.Errorf("saved and led to %q", got.to)
	}
	for _, path := range []string{"https://elsewhere.example/tracker", "/cases/barbara-case", "//elsewhere.example/tracker"} {
		if got := r.post("/views", "path", path, "name", "Elsewhere"); got.status != 422 {
			t.Errorf("%s can be saved: %d", path, got.status)
		}
	}
	if got := r.post("/views", "path", "/tracker", "name", " "); got.status != 422 {
		t.Errorf("without a name: %d", got.status)
	}
	r.get("/tracker").says("The late ones")
	r.post("/views/remove", "name", "The late ones")
	if strings.Contains(r.get("/tracker").text(), "The late ones") {
		t.Error("it is still there")
	}
}
