package web

import (
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/browser"
	"homeward/store"
)

// TestPasskeysInABrowser makes a passkey, signs in with it without a user name,
// confirms with it, and finds that a copy of it is refused.
func TestPasskeysInABrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.url = strings.Replace(s.url, "127.0.0.1", "localhost", 1)
	got := s.grave()
	tab := browser.New(t)
	key := tab.VirtualPasskey()
	s.signIn(tab, "integration")
	tab.Goto(s.url + "/me")
	look(t, tab, axeSource(t), "me")
	tab.Goto(s.url + "/me/passkeys/new")
	look(t, tab, axeSource(t), "passkey-new")
	tab.Type("#name", "Blue key")
	tab.Click("[data-passkey]")
	tab.WaitText("h1", "Recovery codes", 10*time.Second)
	tab.Goto(s.url + "/me")
	if text := tab.Text("main"); !strings.Contains(text, "Blue key") || !strings.Contains(text, "passkey") {
		t.Fatal(text)
	}
	s.later(6 * time.Minute)

	tab.Goto(s.url + "/grave?id=1")
	look(t, tab, axeSource(t), "confirm")
	tab.Click("[data-passkey]")
	tab.Wait("location.pathname == '/help'", 10*time.Second)
	if len(*got) != 1 || s.atDoor(care.SteppedUp) == 0 {
		t.Error("the step-up did not lead on")
	}

	tab.Follow(`form[action="/logout"] button`)
	tab.Goto(s.url + "/signin")
	tab.Click("[data-passkey]")
	tab.WaitText("h1", "Operations", 10*time.Second)
	tab.Follow(`form[action="/logout"] button`)

	s.signIn(tab, "integration") // with the password the passkey is the second factor
	look(t, tab, axeSource(t), "second")
	tab.Click("[data-passkey]")
	tab.WaitText("h1", "Operations", 10*time.Second)
	tab.Follow(`form[action="/logout"] button`)

	s.must(s.store.Update(t.Context(), func(tx *store.Tx) error { // as if a copy had signed more
		all, err := tx.Credentials("u-integration")
		for _, c := range all {
			if _, uerr := tx.UseCredential(c.ID, c.Counter+1000, s.clock()); err == nil {
				err = uerr
			}
		}
		return err
	}))
	tab.Goto(s.url + "/signin")
	tab.Click("[data-passkey]")
	tab.WaitText(".nhsuk-error-summary", "The passkey was not accepted", 10*time.Second)
	key.Verifies(false)
	tab.Goto(s.url + "/signin")
	tab.Click("[data-passkey]")
	tab.WaitText("[data-passkey-status]", "No passkey was used", 10*time.Second)
}
