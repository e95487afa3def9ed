package web

import (
	"context"
	"strings"
	"testing"

	"homeward/nhs"
	"homeward/store"
)

// What a look-up led to is asked on its result, and nobody must answer; what is wrong is
// said with what was typed; what was recorded is shown, and can be changed.
func TestLookResultIsRecorded(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	p := r.result(find("barbara")...)
	p.says("What happened?", "Record what happened", "Went home, with the care that is in place", "You do not have to answer")
	wellMade(t, p)
	to := p.to + "/ended"
	for _, x := range []struct{ result, text, want, field string }{
		{"", "typed before", "Select what happened", "result"},
		{"other", "", "Enter what happened", "ended-text"},
		{"home", strings.Repeat("x", 501), "Shorten what happened to 500 characters or fewer", "ended-text"},
	} {
		got := r.post(to, "result", x.result, "ended-text", x.text)
		if got.status != 422 || !strings.Contains(got.body, `href="#`+x.field+`"`) || !strings.Contains(got.body, x.text) {
			t.Errorf("%q: %d, with what was typed %v", x.result, got.status, strings.Contains(got.body, x.text))
		}
		got.says("There is a problem", x.want, "2 packages in place")
		wellMade(t, got)
	}
	for range 2 { // a double click
		if got := r.post(to, "result", "home-care", "ended-text", ""); got.status != 303 || got.to != p.to {
			t.Fatalf("saved: %d to %q", got.status, got.to)
		}
	}
	r.get(p.to).says("What happened was recorded.", "Recorded: Went home, with the care that is in place", "Change what happened")
	s.must(s.store.View(context.Background(), func(tx *store.Tx) error {
		c, err := tx.Case(s.barbara)
		if n := len(c.Looks); n != 1 {
			t.Errorf("%d results are kept, want 1", n)
		}
		return err
	}))
	if got := s.as("ward-nurse").post(to, "result", "home"); got.status != 404 {
		t.Errorf("a colleague records it: %d", got.status)
	}
	if nobody := r.result(ask(nhs.Test(77), born)...); strings.Contains(nobody.text(), "What happened?") {
		t.Error("it is asked of nobody")
	}
}
