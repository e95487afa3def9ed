package conformance

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"homeward/internal/browser"
)

// TestTheReportInABrowser looks at a report with every verdict, at a desk and on a
// phone: it needs nothing else, can be read by everybody, and is no wider than the
// screen.
func TestTheReportInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a browser")
	}
	axe, err := os.ReadFile("../web/testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	long := "POST /ReferralRequest\n\n" + `{"resourceType":"ReferralRequest","meta":{"profile":["` + profileBase + `CareConnect-SHD-ReferralRequest-1"]}}`
	r := Report{Role: Council, Target: "https://council.example/a/long/address/of/an/interface/ReferralService/v3; https://council.example/SocialCareDataService/v1", Build: "test",
		Began: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), Took: 84 * time.Second, Results: []Result{
			{ID: "a.good", Group: "One", Requirement: "It works.", Source: "S", Verdict: Pass, Evidence: []string{long, "201 Created"}},
			{ID: "a.bad", Group: "One", Requirement: "It refuses.", Source: "S", Verdict: Fail, Why: "it did not", Evidence: []string{long}},
			{ID: "b.part", Group: "Two", Requirement: "It hurries.", Source: "S", Verdict: Warn, Why: "slowly"},
			{ID: "b.none", Group: "Two", Requirement: "It listens.", Source: "S", Verdict: NotTried, Why: "no address"}}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
		if err := r.WriteHTML(w); err != nil {
			t.Error(err)
		}
	}))
	defer srv.Close()
	tab := browser.New(t)
	tab.Goto(srv.URL)
	for _, width := range []int{1280, 360} {
		tab.Viewport(width, 900)
		tab.Eval(`document.querySelectorAll("details").forEach((d) => d.open = true)`)
		if wide := browser.Eval[int](tab, "document.documentElement.scrollWidth"); wide > width {
			t.Errorf("at %d the page is %d wide", width, wide)
		}
		for _, v := range tab.Axe(string(axe)) {
			t.Errorf("at %d: %s", width, v)
		}
	}
	tab.Click(`a[href="#a.bad"]`)
	if at := browser.Eval[string](tab, "location.hash"); at != "#a.bad" {
		t.Errorf("the list leads to %q", at)
	}
}
