package web

import (
	"strings"
	"testing"
)

// What a figure is multiplied by that nobody measured stands on its page; whoever manages
// figures sets it, with why, and everybody else reads it.
func TestWhatIsAssumedIsShownAndSet(t *testing.T) {
	s := newSite(t)
	manager := s.as("team-manager")
	const at = "/figures/time-lookups"
	p := manager.get(at)
	p.says("What is assumed", "How many minutes of telephone calls does a look-up save?", "15 minutes", "Ours, until somebody measures it", "Set what is assumed")
	wellMade(t, p)
	if strings.Contains(manager.get("/figures/lookups").text(), "What is assumed") {
		t.Error("a count assumes something")
	}
	version := p.hiddenValue("version")
	for _, x := range []struct{ minutes, why, want, field string }{
		{"much", "Timed on a ward for a week", "Minutes must be a whole number, such as 15", "minutes-look-up"},
		{"1441", "Timed on a ward for a week", "Minutes must be a whole number from 0 to 1440", "minutes-look-up"},
		{"12", "", "Enter why you make this change", "minutes-look-up-why"},
	} {
		got := manager.post(at+"/assumption", "assumption", "minutes-look-up", "version", version, "minutes", x.minutes, "why", x.why)
		if got.status != 422 || !strings.Contains(got.body, `href="#`+x.field+`"`) || !strings.Contains(got.body, `value="`+x.minutes+`"`) {
			t.Errorf("%s for %q: %d", x.minutes, x.why, got.status)
		}
		got.says("There is a problem", x.want)
		wellMade(t, got)
	}
	if got := manager.post(at+"/assumption", "assumption", "minutes-look-up", "version", version, "minutes", "12", "why", "Timed on a ward for a week"); got.status != 303 {
		t.Fatalf("set: %d %s", got.status, got.text())
	}
	manager.get(at).says("What is assumed was set", "12 minutes", "Timed on a ward for a week. Set by")
	reader := s.as("social-worker")
	if got := reader.get(at); got.status == 200 {
		got.says("12 minutes")
		if strings.Contains(got.text(), "Set what is assumed") {
			t.Error("whoever does not manage figures is offered to")
		}
	}
	if got := reader.post(at+"/assumption", "assumption", "minutes-look-up", "version", "1", "minutes", "1", "why", "Because I can do it"); got.status != 403 {
		t.Errorf("whoever does not manage figures: %d", got.status)
	}
}
