package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/store"
)

func TestSigningIn(t *testing.T) {
	s := newSite(t)
	r := s.stranger()
	page := r.get("/signin")
	page.says("Sign in to Homeward", "For staff at King’s Mill Hospital, Queen’s Hospital and Nottinghamshire County Council.", "User name", "Password")
	wellMade(t, page)
	got := r.post("/signin", "login", "", "password", "x")
	if got.status != 422 {
		t.Error(got.status)
	}
	got.says("Enter your user name")
	wellMade(t, got)
	for range 4 {
		got = r.post("/signin", "login", "ae-nurse", "password", "wrong wrong wrong")
	}
	if got.status != 401 {
		t.Error(got.status)
	}
	got.says("The user name or password is not right")
	wellMade(t, got)
	got = r.post("/signin", "login", "ae-nurse", "password", "wrong wrong wrong")
	if got.status != 429 {
		t.Error(got.status)
	}
	got.says("Too many tries. Try again after 21:55")
	s.later(16 * time.Minute)
	got = r.post("/signin", "login", "ae-nurse", "password", password)
	if got.status != 303 || got.to != "/lookup" {
		t.Errorf("%d to %q", got.status, got.to)
	}
	for _, c := range got.header.Values("Set-Cookie") {
		if !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || !strings.Contains(c, "Path=/") {
			t.Errorf("the cookie: %s", c)
		}
	}
	none := s.stranger().post("/signin", "login", "no-roles", "password", password)
	if none.status != 403 {
		t.Error(none.status)
	}
	none.says("You’re signed in but have no access yet")
	wellMade(t, none)
}

func TestSeveralRoles(t *testing.T) {
	s := newSite(t)
	r := s.as("two-roles")
	if got := r.get("/lookup"); got.status != 303 || got.to != "/role" {
		t.Fatalf("%d to %q", got.status, got.to)
	}
	page := r.get("/role")
	page.says("What are you working as now?", "Ward nurse", "Discharge coordinator", "King’s Mill Hospital")
	wellMade(t, page)
	got := r.submit(page, "/role")
	if got.status != 422 {
		t.Error(got.status)
	}
	got.says("Select what you are working as now")
	if got = r.submit(page, "/role", "role", "7"); got.status != 422 {
		t.Error(got.status)
	}
	s.must(s.store.Update(t.Context(), func(tx *store.Tx) error { // meanwhile the first role is taken away, and another given
		a, err := tx.User("u-two-roles")
		if err == nil {
			a.Grants = append(a.Grants[1:], care.Grant{Role: care.IGLead, Org: a.Grants[0].Org})
			err = tx.PutUser(a)
		}
		return err
	}))
	got = r.submit(page, "/role", "role", "1")
	if got.status != 422 {
		t.Fatalf("a role was taken that was not shown: %d to %q", got.status, got.to)
	}
	got.says("Your roles have changed", "Information governance lead")
	got = r.submit(got, "/role", "role", "0", "next", "/lookup")
	if got.status != 303 || got.to != "/lookup" {
		t.Fatalf("%d to %q", got.status, got.to)
	}
	r.get("/lookup").says("Discharge coordinator, King’s Mill Hospital")
}

func TestLoggingOut(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	got := r.post("/logout")
	if got.status != 200 {
		t.Error(got.status)
	}
	got.says("You’re logged out", "Sign in again")
	wellMade(t, got)
	if got := r.get("/lookup"); got.status != 303 {
		t.Errorf("still signed in: %d", got.status)
	}
}

func TestIdleEndsTheSession(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	for range 3 {
		s.later(6 * time.Minute)
		if got := r.post("/session/touch"); got.status != 204 {
			t.Fatalf("touch: %d", got.status)
		}
	}
	s.later(11 * time.Minute)
	got := r.get("/lookup/name")
	if got.status != 303 || !strings.HasPrefix(got.to, "/signin") {
		t.Fatalf("%d to %q", got.status, got.to)
	}
	r.get(got.to).says("You were logged out to keep records safe. Your draft is saved.")
	if got = r.post("/signin", "login", "ae-nurse", "password", password, "next", "/lookup/name"); got.to != "/lookup/name" {
		t.Errorf("back to %q", got.to)
	}
	if got = r.post("/logout", "idle", "1"); got.status != 303 || !strings.Contains(got.to, "why=ended") {
		t.Errorf("when the time is up: %d to %q", got.status, got.to)
	}
}

func TestSwitchingLeadsToTheKindOfPageAndNeverToThePerson(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	path := r.result(find("barbara")...).to
	req, err := http.NewRequest("POST", s.url+"/switch", nil)
	s.must(err)
	req.Header.Set("Referer", s.url+path)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	got := r.send(req)
	if got.status != 303 || got.to != "/signin?next=%2Flookup&why=switched" {
		t.Fatalf("%d to %q", got.status, got.to)
	}
	r.get(got.to).says("The user before you is logged out")
	for next, want := range map[string]string{"/lookup": "/lookup", "https://evil.example/": "/lookup", "//evil.example": "/lookup", "/cases/x": "/lookup", "/audit": "/lookup", "/help": "/lookup"} {
		if got := r.post("/signin", "login", "ae-nurse", "password", password, "next", next); got.to != want {
			t.Errorf("next %q leads to %q", next, got.to)
		}
	}
}

func TestWhatIsSaidCannotBeForged(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	req, err := http.NewRequest("GET", s.url+"/lookup", nil)
	s.must(err)
	req.AddCookie(&http.Cookie{Name: "homeward-said", Value: "RXZpbA.AAAA"})
	if got := r.send(req); strings.Contains(got.text(), "Success") {
		t.Error("words of another were shown")
	}
}

func TestSecureCookiesAreBoundToTheHost(t *testing.T) {
	s := newSite(t)
	s.server.Secure = true
	r := s.stranger().post("/signin", "login", "ae-nurse", "password", password)
	c := r.header.Get("Set-Cookie")
	if !strings.HasPrefix(c, "__Host-homeward=") || !strings.Contains(c, "Secure") {
		t.Errorf("the cookie: %s", c)
	}
	if r.header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS")
	}
}
