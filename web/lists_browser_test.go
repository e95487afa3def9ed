package web

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/browser"
	"homeward/nhs"
)

func TestListsInABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.hear()
	s.crowd(40)
	s.record("p003-case", care.ExpectedChanged{At: s.clock(), Expected: care.Expected{Date: nhs.Date{Year: 2026, Month: 11, Day: 26}, Said: s.clock()}, Count: 1})
	for login, pages := range map[string][][2]string{
		"coordinator": {{"tracker", "/tracker"}, {"tracker-filtered", "/tracker?wait=delayed&pathway=1&stage=allocated"}, {"tracker-none", "/tracker?pathway=1&wait=risk&stage=ready"},
			{"board", "/tracker?view=board"}, {"wall", "/wall"}, {"ward", "/ward?ward=W21"}, {"wards", "/ward"}, {"unsettled", "/worklist"}},
		"team-manager":    {{"council-tracker", "/tracker"}, {"allocate", "/worklist"}, {"team", "/worklist?view=team"}, {"mine-none", "/worklist?view=mine"}},
		"social-worker":   {{"mine", "/worklist"}, {"social-allocate", "/worklist?view=allocate"}},
		"coordinator-rx1": {{"tracker-empty", "/tracker"}, {"board-empty", "/tracker?view=board"}},
	} {
		tab := browser.New(t)
		s.signIn(tab, login)
		for _, p := range pages {
			tab.Goto(s.url + p[1])
			tab.Wait(`document.getElementById('app-live')?.dataset.state?.match(/live|behind/) || !document.getElementById('app-live')`, 10*time.Second)
			seen(t, tab, "list-"+p[0])
		}
	}
}

// ui.md 7.5: six rows are in sight on a ward computer's screen.
func TestSixPeopleAreInSightOnTheTracker(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.hear()
	s.crowd(40)
	s.server.Phase = "Demonstration: all people are invented"
	moved := care.Expected{Date: nhs.Date{Year: 2026, Month: 11, Day: 26}, Said: s.clock()}
	for _, id := range []care.CaseID{"p006-case", "p013-case", "p020-case", "p027-case"} { // the first that the page shows
		s.record(id, care.ExpectedChanged{At: s.clock(), Expected: moved, Count: 1})
	}
	for _, login := range []string{"coordinator", "team-manager"} {
		tab := browser.New(t)
		s.signIn(tab, login)
		tab.Viewport(1366, 768)
		tab.Goto(s.url + "/tracker")
		n := browser.Eval[int](tab, `[...document.querySelectorAll('[data-live-rows] tr')].filter(r => r.getBoundingClientRect().bottom <= innerHeight).length`)
		if n < 6 {
			t.Errorf("%s: %d rows are in sight at 1366 by 768", login, n)
		}
		if tall := browser.Eval[int](tab, `[...document.querySelectorAll('[data-live-rows] tr')].filter(r => r.getBoundingClientRect().height > 72).length`); tall > 0 {
			t.Errorf("%s: %d rows have more than three lines", login, tall)
		}
		if dir := os.Getenv("HOMEWARD_SHOTS"); dir != "" {
			tab.Screenshot(filepath.Join(dir, "six-"+login+".png"), 1366, 768)
			tab.Screenshot(filepath.Join(dir, "six-"+login+"-phone.png"), 390, 1600)
		}
	}
}

const rowText = `(document.getElementById('row-%s') || {textContent: ''}).textContent`

// Two people at two screens: a coordinator's tracker and a council's worklist.
func TestTwoPeopleSeeEachOthersChanges(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.hear()
	s.crowd(12)
	trust := browser.New(t)
	s.signIn(trust, "coordinator")
	trust.Goto(s.url + "/tracker")
	council := trust.NewTab()
	s.signIn(council, "team-manager")
	council.Goto(s.url + "/worklist")
	for _, tab := range []*browser.Tab{trust, council} {
		tab.WaitText("[data-live-status]", "Last checked", 10*time.Second)
		tab.Eval("window.same = true") // gone after a reload
	}

	// a referral comes: the council's worklist lights up
	s.record(s.barbara, care.ReferralSent{At: s.clock(), Referral: care.Referral{ID: "ref-b", Key: "kb", Stay: "v4", From: kingsMill, To: county, Pathway: "1", Form: "d2a", FormVersion: 1,
		State: care.RefSent, Sent: s.clock(), Watching: true, Holder: care.Holder{Org: county, Since: s.clock(), Next: "Accept or return"}}})
	council.Wait(`document.querySelector('[data-live-rows] tr').id === 'row-barbara-case'`, 2*time.Second)
	council.Wait(`document.getElementById('row-barbara-case').classList.contains('app-updated')`, time.Second)
	council.WaitText("[data-live-say]", "OAKLEY, Barbara (Mx) updated", 12*time.Second)
	trust.Wait(fmt.Sprintf(rowText, "barbara-case")+`.includes('Accept or return')`, 2*time.Second)

	// a row in use is held until its reader leaves it, and the focus stays
	trust.Eval(`document.querySelector('#row-barbara-case a').focus()`)
	s.must(s.hub.Accept(t.Context(), s.actor(care.TeamManager, county, care.Council), s.barbara, "ref-b"))
	trust.Wait(`document.getElementById('row-barbara-case').classList.contains('app-held')`, 2*time.Second)
	if !browser.Eval[bool](trust, `document.activeElement.textContent.startsWith('OAKLEY') && !`+fmt.Sprintf(rowText, "barbara-case")+`.includes('Allocate a worker')`) {
		t.Error("the row in use changed, or lost the focus")
	}
	trust.Eval(`document.activeElement.blur()`)
	trust.Wait(fmt.Sprintf(rowText, "barbara-case")+`.includes('Allocate a worker')`, 5*time.Second)

	// paused is paused; what was missed comes with resuming
	trust.Click("[data-live-toggle]")
	s.must(s.hub.Allocate(t.Context(), s.actor(care.TeamManager, county, care.Council), s.barbara, "ref-b", "u-social-worker", ""))
	council.Wait(`document.getElementById('row-barbara-case')?.classList.contains('app-gone')`, 2*time.Second)
	if browser.Eval[bool](trust, fmt.Sprintf(rowText, "barbara-case")+`.includes('P Social-worker')`) {
		t.Error("a paused page changed")
	}
	trust.Click("[data-live-toggle]")
	trust.Wait(fmt.Sprintf(rowText, "barbara-case")+`.includes('P Social-worker')`, 5*time.Second)
	for _, tab := range []*browser.Tab{trust, council} {
		if !browser.Eval[bool](tab, "window.same === true") {
			t.Error("a page was loaded again")
		}
	}
}

func TestAWallSaysSoWhenItIsNotLive(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for three missed beats")
	}
	s := newSite(t)
	s.hear()
	second := httptest.NewServer(s.server.Handler())
	tab := browser.New(t)
	tab.Goto(second.URL + "/signin")
	tab.Type("#login", "wallboard")
	tab.Type("#password", password)
	tab.Follow("main form button[type=submit]")
	tab.Goto(second.URL + "/wall")
	tab.WaitText("[data-live-status]", "Last checked", 10*time.Second)
	second.CloseClientConnections()
	second.Listener.Close()
	tab.WaitText("[data-live-status]", "Live updates have stopped. You are looking at information from", 45*time.Second)
	if !browser.Eval[bool](tab, `document.body.classList.contains('app-notlive') && document.getElementById('app-live').getBoundingClientRect().top === 0`) {
		t.Error("the warning does not cover the top")
	}
	if dir := os.Getenv("HOMEWARD_SHOTS"); dir != "" {
		tab.Screenshot(filepath.Join(dir, "list-wall-stale.png"), 1366, 768)
	}
	tab.ConsoleErrors() // the connections that failed
}

func TestListsWorkWithoutScripts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.hear()
	s.crowd(8)
	tab := browser.New(t)
	tab.DisableJS()
	s.signIn(tab, "team-manager")
	tab.Goto(s.url + "/worklist")
	tab.WaitText("[data-live-status]", "This page shows information from 21:40. Reload it to see changes.", time.Second)
	tab.Follow("#row-walter-case button[formaction='/worklist/allocate']")
	tab.WaitText("h1", "Allocate a worker", time.Second)
	tab.Eval(`document.querySelector('#worker').value = 'u-social-worker'`)
	tab.Follow("main form button[type=submit]")
	tab.WaitText("main", "The referral was allocated to P Social-worker.", time.Second)
}
