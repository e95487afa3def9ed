package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"homeward/internal/browser"
)

// sizes are the windows in which pages are checked: a ward computer and a phone.
var sizes = []int{1366, 390}

// look checks a page as it stands at every size: no violation of WCAG 2.2 AA, no
// scrolling sideways. With HOMEWARD_SHOTS set it keeps pictures there.
func look(t *testing.T, tab *browser.Tab, axe, name string) {
	t.Helper()
	for _, width := range sizes {
		tab.Viewport(width, 768)
		for _, v := range tab.Axe(axe) {
			t.Errorf("%s at %d: %s", name, width, v)
		}
		if over := browser.Eval[int](tab, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%s at %d scrolls sideways by %d", name, width, over)
		}
		if dir := os.Getenv("HOMEWARD_SHOTS"); dir != "" {
			tab.Screenshot(filepath.Join(dir, name+map[int]string{1366: "-wide", 390: "-phone"}[width]+".png"), width, 0)
		}
	}
	tab.Viewport(1366, 768)
}

// signIn signs somebody in at a browser.
func (s *site) signIn(tab *browser.Tab, login string) {
	s.t.Helper()
	tab.Goto(s.url + "/signin")
	tab.Type("#login", login)
	tab.Type("#password", password)
	tab.Follow("main form button[type=submit]")
}

func TestBarbaraAtNight(t *testing.T) {
	t.Parallel()
	for _, scripts := range []bool{true, false} {
		t.Run(map[bool]string{true: "with scripts", false: "without scripts"}[scripts], func(t *testing.T) {
			s := newSite(t)
			tab := browser.New(t)
			check := func(name string) { look(t, tab, axeSource(t), name) }
			if !scripts {
				tab.DisableJS()
				check = func(string) {}
			}
			barbaraAtNight(t, s, tab, check)
		})
	}
}

// barbaraAtNight is scenario 1 of the product: 21:40 in A&E, a number and a date
// of birth, whom to ring, and the call recorded.
func barbaraAtNight(t *testing.T, s *site, tab *browser.Tab, check func(name string)) {
	tab.Goto(s.url + "/lookup")
	if !strings.HasPrefix(strings.TrimPrefix(tab.Location(), s.url), "/signin") {
		t.Fatalf("at %s", tab.Location())
	}
	check("signin")
	s.signIn(tab, "ae-nurse")
	tab.WaitText("h1", "Find a person", 5*time.Second)
	check("lookup")
	tab.Type("#nhs", "12345")
	if status := tab.Follow("main form button[type=submit]"); status != 422 {
		t.Errorf("status %d", status)
	}
	check("lookup-refused")
	tab.Type("#nhs", number("barbara").Spaced())
	tab.Type("#dob-day", "14")
	tab.Type("#dob-month", "3")
	tab.Type("#dob-year", "1941")
	tab.Click("#reason")
	tab.Follow("main form button[type=submit]")
	if h := tab.Text("h1"); h != "2 packages in place" {
		t.Fatalf("h1 says %q", h)
	}
	check("result")
	tab.Goto(tab.Location() + "/call")
	check("call")
	tab.Type("#spoke", "Jo at the office")
	tab.Click("#outcome-4")
	tab.Click("#note")
	tab.Press("In A&E and safe. The evening visit was missed.")
	tab.Follow("main form button[type=submit]")
	if !strings.Contains(tab.Text("main"), "Call recorded") {
		t.Errorf("no success: %s", tab.Text("main"))
	}
	check("result-said")
	if calls := s.caseOf(s.barbara).Calls; len(calls) != 1 || calls[0].Outcome != "told" {
		t.Errorf("calls: %+v", calls)
	}
	for _, path := range []string{"/help", "/accessibility", "/privacy", "/lookup/name", "/nowhere"} {
		tab.Goto(s.url + path)
		check("page" + strings.ReplaceAll(path, "/", "-"))
	}
}
