package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"homeward/internal/browser"
)

// seen checks a page at three widths, the last of which is a page at 400% zoom
// (WCAG 1.4.10), and keeps pictures where HOMEWARD_SHOTS says.
func seen(t *testing.T, tab *browser.Tab, name string) {
	t.Helper()
	axe := axeSource(t)
	for _, width := range []int{1366, 390, 320} {
		tab.Viewport(width, 768)
		for _, v := range tab.Axe(axe) {
			t.Errorf("%s at %d: %s", name, width, v)
		}
		if over := browser.Eval[int](tab, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%s at %d scrolls sideways by %d", name, width, over)
		}
		if dir := os.Getenv("HOMEWARD_SHOTS"); dir != "" && width > 320 {
			tab.Screenshot(filepath.Join(dir, name+map[int]string{1366: "-wide", 390: "-phone"}[width]+".png"), width, 0)
		}
	}
	tab.Viewport(1366, 768)
}

// tabTo presses the tab key until the focus is on what js, an expression on el,
// is true of.
func tabTo(t *testing.T, tab *browser.Tab, js string) {
	t.Helper()
	for range 120 {
		if browser.Eval[bool](tab, "(el => "+js+")(document.activeElement)") {
			return
		}
		tab.Press(kb.Tab)
	}
	t.Fatalf("the keyboard does not reach %s on %s", js, tab.Location())
}

// enter presses Enter and waits until the page has another h1.
func enter(t *testing.T, tab *browser.Tab, h1 string) {
	t.Helper()
	tab.Press(kb.Enter)
	tab.WaitText("h1", h1, 10*time.Second)
}

// A coordinator refers with the keyboard alone and leaves the case open; a
// manager accepts and allocates; the open page shows it.
func TestReferralByKeyboardAndLive(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tab := browser.New(t)
	s.signIn(tab, "coordinator")
	tab.Goto(s.url + at(s.barbara, ""))
	tabTo(t, tab, "el.textContent === 'Refer to social care'")
	enter(t, tab, "Refer someone")
	tabTo(t, tab, "el.textContent === 'Answer only what is needed'")
	enter(t, tab, "Only what is needed")
	keyed := func(id, keys string) {
		t.Helper()
		tabTo(t, tab, "el.id === '"+id+"'")
		tab.Press(keys)
	}
	keyed("gp_code", "A81001")
	keyed("person_told", kb.ArrowRight)                        // No
	keyed("carer_told", kb.ArrowDown+kb.ArrowDown)             // no carer is known
	keyed("care_needs", "Needs 1 person to help with washing") //
	keyed("allergy_status", kb.ArrowDown)                      // none known
	keyed("safeguarding", kb.ArrowRight)                       // No
	keyed("consent", " ")                                      // Yes
	tab.Wait("document.querySelector('#consent').checked", 5*time.Second)
	tabTo(t, tab, "el.textContent === 'Save and check'")
	enter(t, tab, "Check the answers")
	tabTo(t, tab, "el.textContent === 'Send referral'")
	enter(t, tab, "Referral sent")
	tabTo(t, tab, "el.textContent === 'Open the discharge case'")
	enter(t, tab, "Discharge case")
	tab.WaitText("#app-live", "Last checked", 10*time.Second)
	tab.Eval("document.activeElement.blur()")

	manager := tab.NewTab()
	s.signIn(manager, "team-manager")
	manager.Goto(s.url + at(s.barbara, ""))
	manager.Follow("#app-stage form button")
	tab.WaitText("#app-timeline", "accepted", 5*time.Second)
	manager.Follow("#app-stage a[href$=allocate]")
	manager.Eval("document.querySelector('#worker').value = 'u-social-worker'")
	manager.Follow("main form button")
	tab.WaitText("#app-now", "P Social-worker", 5*time.Second)
	tab.WaitText("#app-stage", "With: Nottinghamshire County Council, P Social-worker", 5*time.Second)
}

// Every page of the case and of the form, with and without errors.
func TestCasePagesAreAccessible(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a while; the race detector need not see it")
	}
	s := newSite(t)
	tab := browser.New(t)
	s.signIn(tab, "coordinator")
	page := func(below, name string) {
		t.Helper()
		tab.Goto(s.url + at(s.barbara, below))
		seen(t, tab, name)
	}
	page("", "case-unreferred")
	page("/refer", "refer-tasks")
	page("/refer/needed", "refer-needed")
	tab.Follow("main form button")
	seen(t, tab, "refer-needed-refused")
	for _, p := range []string{"person", "stay", "ready", "needs", "home", "risks", "consent"} {
		page("/refer/"+p, "refer-"+p)
	}
	page("/refer/check", "refer-check-missing")
	c := s.as("coordinator")
	path := at(s.barbara, "/refer/stay")
	c.submit(c.get(path+"?change=ward"), path, "ward", "Ward 52")
	page("/refer/stay", "refer-conflict")
	ref := string(c.refer(s.barbara))
	page("/refer/sent?ref="+ref, "refer-sent")
	page("/refer", "refer-open-already")
	page("/referrals/"+ref+"/withdraw", "withdraw")
	manager := tab.NewTab()
	s.signIn(manager, "team-manager")
	for _, below := range []string{"", "?tab=notes", "?tab=referral", "?tab=care", "?tab=calls", "?tab=identity", "/referrals/" + ref + "/return", "/referrals/" + ref + "/allocate"} {
		manager.Goto(s.url + at(s.barbara, below))
		seen(t, manager, "council"+strings.NewReplacer("?tab=", "-", "/referrals/"+ref+"/", "-").Replace(below))
	}
	m := s.as("team-manager")
	m.post(at(s.barbara, "/referrals/"+ref+"/return"), "asked", "reasons", "asked", "needed", "asked", "contact", "asked", "contact_details",
		"reasons", "capacity", "needed", "Send the capacity assessment.", "contact", "R Okafor", "contact_details", "01632 960110")
	page("", "case-returned")
	page("/refer", "refer-returned")
	s.must(s.die(s.barbara))
	page("", "case-died")
	manager.Goto(s.url + at(s.fred, ""))
	seen(t, manager, "case-frozen")
}
