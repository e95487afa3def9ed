package web

import (
	"strings"
	"testing"
	"time"

	"homeward/internal/browser"
)

// TestAProviderInABrowser goes the way of somebody with a smartcard: in, a second
// proof, out here and there, and out by a frame of the provider's. The browser
// decides whether our content policy lets it, and fails the test when not.
func TestAProviderInABrowser(t *testing.T) {
	t.Parallel()
	f := newFederal(t)
	got := f.grave()
	tab := browser.New(t)
	enter := func() {
		t.Helper()
		tab.Goto(f.url + "/signin")
		tab.Follow(`a[href^="/signin/with/cis2"]`)
		tab.Follow(`button[value="9001"]`)
		tab.WaitText("h1", "Find a person", 10*time.Second)
	}
	enter()
	look(t, tab, axeSource(t), "provider-in")

	f.later(6 * time.Minute)
	tab.Goto(f.url + "/grave?id=1")
	look(t, tab, axeSource(t), "provider-confirm")
	tab.Click("main form button[type=submit]")
	tab.WaitText("h1", "pretend", 10*time.Second) // the page between leads on by itself
	tab.Follow(`button[value="9001"]`)
	tab.Wait("location.pathname == '/help'", 10*time.Second)
	if len(*got) != 1 {
		t.Errorf("the second proof did not lead on: %v", *got)
	}

	tab.Follow(`form[action="/logout"] button`)
	look(t, tab, axeSource(t), "provider-out")
	tab.Follow(`a[href="/signin/bye"]`)
	tab.WaitText("h1", "You’re logged out", 10*time.Second)
	if at := tab.Location(); at != f.url+"/signin/out" {
		t.Error("not back from the provider's logout:", at)
	}

	enter()
	sids := f.cis2.SIDs("homeward", "9001")
	frame := func(at string) {
		t.Helper()
		tab.Goto(at + "/logout")
		tab.Eval(`{const f = document.createElement("iframe"); f.onload = () => document.body.dataset.done = "yes";
			f.src = "` + f.url + `/signin/front/cis2?iss=` + f.cis2.Issuer + `&sid=` + sids[len(sids)-1] + `"; document.body.append(f)}`)
		tab.Wait(`document.body.dataset.done == "yes"`, 10*time.Second)
	}
	frame(f.cis2.Issuer)
	if said := tab.ConsoleErrors(); len(said) != 0 {
		t.Error("the provider may not frame the page:", said)
	}
	tab.Goto(f.url + "/lookup")
	if at := tab.Location(); !strings.Contains(at, "/signin") {
		t.Error("the session lives on:", at)
	}
	frame(f.council.Issuer)
	if said := tab.ConsoleErrors(); len(said) == 0 {
		t.Error("another site may frame the page")
	}
}
