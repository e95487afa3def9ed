package web

import (
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/browser"
)

// The pages of figures as people see them: legible at both sizes, nothing that a
// screen reader misses, alive, and usable without scripts.
func TestFiguresInABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.withCounty(90, 200)
	tab := browser.New(t)
	s.signIn(tab, "coordinator")
	version := "0"
	s.as("coordinator").post("/figures/delay/target", "version", version, "per", "1", "value", "2.5", "from", "2026-06-01")
	s.as("coordinator").post("/figures/delay/rebase", "version", "1", "on", "2026-08-12", "why", "Digital referral started")
	for _, p := range [][2]string{{"figures", "/figures"}, {"figure", "/figures/delay"}, {"figure-share", "/figures/on-the-day?every=month&period=52w"}, {"figure-few", "/figures/readmission-30?period=13w"},
		{"figure-reason", "/figures/delay-by-reason"}, {"figure-census", "/figures/census"}, {"figure-pathways", "/figures/pathways"}, {"figure-flow", "/figures/flow"}, {"figure-summary", "/figures/summary"},
		{"figure-people", "/figures/delay/people?period=13w"}, {"figure-wall", "/figures/wall"}, {"quality", "/quality"}, {"quality-records", "/quality/records"}} {
		tab.Goto(s.url + p[1])
		look(t, tab, axeSource(t), p[0])
	}
	tab.Viewport(320, 800) // as a phone, or at 400%: WCAG 2.2, 1.4.10
	for _, path := range []string{"/figures/delay", "/figures/flow", "/figures/summary", "/quality"} {
		tab.Goto(s.url + path)
		tab.Eval("document.querySelectorAll('details').forEach(d => d.open = true)")
		if over := browser.Eval[int](tab, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%s, with all that opens: %d px too wide for a phone", path, over)
		}
	}
	tab.Viewport(1366, 800)
	tab.Goto(s.url + "/figures")
	tab.WaitText("#app-live", "Live", 10*time.Second)
	was := tab.Text("#fig-not-meeting .app-tile__v")
	s.record(s.irene, care.BecameReady{At: evening, From: evening})
	s.measured()
	tab.Wait(`document.querySelector("#fig-not-meeting .app-tile__v").textContent != "`+was+`"`, 10*time.Second)
	tab.DisableJS()
	tab.Goto(s.url + "/figures/delay")
	if h := tab.Text("h1"); !strings.HasPrefix(h, "Average days") {
		t.Errorf("without scripts: %q", h)
	}
}
