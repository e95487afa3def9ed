package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/store"
)

// office is an account that answers for a provider of the site's council.
func (s *site) office(login, provider string) care.Grant {
	s.t.Helper()
	g := care.Grant{Role: care.CareProvider, Org: care.ProviderCode(county, provider)}
	s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
		a, err := tx.UserByLogin("broker")
		if err != nil {
			return err
		}
		return tx.PutUser(care.Account{ID: care.ActorID("u-" + login), Login: login, Name: "P " + login, Grants: []care.Grant{g}, Hash: a.Hash})
	}))
	return g
}

// tellsProvider tells a provider of Barbara by hand, and gives the notice.
func (s *site) tellsProvider(provider string) care.Client {
	s.t.Helper()
	by := care.Actor{ID: "u-broker", Name: "P Broker", Role: care.Broker, Org: county, OrgKind: care.Council}
	s.must(s.hub.TellProvider(context.Background(), by, s.barbara, county, provider))
	var k care.Client
	s.must(s.store.View(context.Background(), func(tx *store.Tx) error {
		c, err := tx.Case(s.barbara)
		k = c.Clients[len(c.Clients)-1]
		return err
	}))
	return k
}

// providerOf is a provider that cares for Barbara.
func (s *site) providerOf() (id string) {
	s.t.Helper()
	s.must(s.store.View(context.Background(), func(tx *store.Tx) error {
		c, err := tx.Case(s.barbara)
		for _, p := range c.Holdings[0].Packages {
			if p.Status == care.PackageActive && p.Provider != "" {
				id = p.Provider
			}
		}
		return err
	}))
	return id
}

func TestAProvidersOwnPage(t *testing.T) {
	s := newSite(t)
	id := s.providerOf()
	s.office("office", id)
	s.office("stranger", "p1") // cares for Barbara too, and was told nothing
	k := s.tellsProvider(id)
	path := "/provider/clients/" + k.ID
	r := s.as("office")
	check(r.get("/provider"), []string{"Your clients", "New: tell us that you know"}, "OAKLEY")
	check(r.get(path), []string{"Your client is in hospital", "born 1941"}, "OAKLEY", "Ward 31")
	if got := r.post(path+"/acknowledge", "who", ""); got.status != 422 {
		t.Errorf("without a name: %d", got.status)
	}
	r.post(path+"/acknowledge", "who", "Dawn")
	check(r.get(path), []string{"OAKLEY", "Suspend care"}, "Ward 31", "NHS")
	if got := r.post(path+"/suspend", "from-day", "23", "from-month", "11", "from-year", "2026", "from-time", "25:00"); got.status != 422 {
		t.Errorf("a time that is none: %d", got.status)
	}
	r.post(path+"/suspend", "from-day", "23", "from-month", "11", "from-year", "2026", "from-time", "18:00")
	r.get(path).says("23-Nov-2026 18:00")

	staff := s.as("coordinator")
	staff.get("/cases/"+string(s.barbara)+"?tab=providers").says("Acknowledged", "Dawn", "Care suspended from", "Ask to restart care")
	step := "/cases/" + string(s.barbara) + "/providers/" + k.ID + "/restart"
	staff.get(step).says("Ask to restart care")
	staff.post(step, "from-day", "25", "from-month", "11", "from-year", "2026", "from-time", "8:00")
	r.get(path).says("Can care restart?", "at the same level as before")
	if got := r.post(path+"/restart", "answer", "no", "who", "Dawn"); got.status != 422 {
		t.Errorf("no, without why: %d", got.status)
	}
	r.post(path+"/restart", "answer", "yes", "who", "Dawn")
	staff.get("/cases/" + string(s.barbara) + "?tab=providers").says("Yes, from 25-Nov-2026 08:00")

	stranger := s.as("stranger")
	if got := stranger.get(path); got.status != 404 {
		t.Errorf("another provider: %d", got.status)
	}
	if got := stranger.post(path+"/acknowledge", "who", "Eve"); got.status != 404 {
		t.Errorf("another provider answers: %d", got.status)
	}
}

// TestAProviderReachesNoPageOfStaff tries every route as a provider.
func TestAProviderReachesNoPageOfStaff(t *testing.T) {
	s := newSite(t)
	s.office("office", s.providerOf())
	r := s.as("office")
	for _, rt := range s.server.routes() {
		method, path, _ := strings.Cut(rt.pattern, " ")
		if rt.public || rt.own || path == "/provider" || strings.HasPrefix(path, "/provider/") {
			continue
		}
		var got shown
		if method == "GET" {
			got = r.get(s.fillPath(rt.pattern))
		} else {
			got = r.post(s.fillPath(rt.pattern))
		}
		if got.status != 403 {
			t.Errorf("%s: %d", rt.pattern, got.status)
		}
	}
	for _, staff := range []string{"broker", "coordinator", "admin"} {
		if got := s.as(staff).get("/provider"); got.status != 403 {
			t.Errorf("%s on a provider's page: %d", staff, got.status)
		}
	}
}

func TestTheDirectoryPages(t *testing.T) {
	s := newSite(t)
	id := s.providerOf()
	path := providerPath(care.ProviderCode(county, id))
	r := s.as("broker")
	r.get("/providers").says("Care providers")
	r.get(path).says("I checked these numbers today", "Make a new PIN")
	bad := r.post(path+"/edit", "phone", "0900 "+"123456", "seen", "0")
	if bad.status != 422 {
		t.Errorf("a premium number: %d", bad.status)
	}
	bad.says("01632 960001")
	r.post(path+"/edit", "phone", "01632 960777", "services", "HS", "areas", "NG18", "basis", "framework", "seen", "0")
	r.get(path).says("01632 960777", "Extract says", "corrected by P Broker", "Home care", "NG18", "Framework")
	r.post(path + "/checked")
	r.get(path).says("22-Nov-2026 by P Broker")
	r.post(path + "/pin").says("The PIN is shown only now")
	check(r.get(path), nil, "shown only now")
	s.later(100 * 24 * time.Hour)
	nurse := s.as("coordinator")
	check(nurse.get(path), []string{"Not checked since 22-Nov-2026"}, "Make a new PIN")
	if got := nurse.post(path + "/checked"); got.status != 403 {
		t.Errorf("a coordinator checks: %d", got.status)
	}
}

// check wants a page to say some words, and not others.
func check(p shown, says []string, lacks ...string) {
	p.t.Helper()
	p.says(says...)
	for _, w := range lacks {
		if strings.Contains(p.text(), w) {
			p.t.Errorf("%d: the page says %q:\n%s", p.status, w, p.text())
		}
	}
}

// TestALinkThatDoesNotOpenSaysWhomToRing: a client is in hospital whether or not it does.
func TestALinkThatDoesNotOpenSaysWhomToRing(t *testing.T) {
	s := newSite(t)
	got := s.stranger().post("/provider/link/old-link", "pin", "123456")
	if got.says("This link does not open", "ring the council", "Nottinghamshire County Council", "sign in"); got.status != 404 {
		t.Errorf("it answers %d", got.status)
	}
	wellMade(t, got)
}
