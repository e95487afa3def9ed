package web

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestKeyedLimits(t *testing.T) {
	k, now := newKeyed(3, time.Minute), evening
	for range 3 {
		if wait := k.take("a", now); wait != 0 {
			t.Fatal(wait)
		}
	}
	if wait := k.take("a", now); wait != 20*time.Second {
		t.Errorf("wait %v", wait)
	}
	if wait := k.take("b", now); wait != 0 {
		t.Errorf("another waits %v", wait)
	}
	if wait := k.take("a", now.Add(20*time.Second)); wait != 0 {
		t.Errorf("after the time that was said: %v", wait)
	}
	var none *keyed
	if none.take("a", now) != 0 || newKeyed(0, time.Minute) != nil {
		t.Error("no limit limits")
	}
}

func TestKeyedLimitsAreBounded(t *testing.T) {
	k := newKeyed(1, time.Hour)
	for i := range mostKeys + 100 {
		k.take(strconv.Itoa(i), evening)
	}
	if len(k.seen) > mostKeys {
		t.Errorf("%d are remembered", len(k.seen))
	}
	k.take("kept", evening.Add(90*time.Minute))
	for i := range mostKeys {
		k.take("n"+strconv.Itoa(i), evening.Add(90*time.Minute))
	}
	if len(k.seen) > mostKeys {
		t.Errorf("%d are remembered", len(k.seen))
	}
}

func TestNetworks(t *testing.T) {
	for address, want := range map[string]string{"192.0.2.7": "192.0.2.7", "2001:db8::1": "2001:db8::/64", "2001:db8:0:0:ffff::9": "2001:db8::/64", "2001:db8:0:1::1": "2001:db8:0:1::/64", "": "", "?": "?"} {
		if got := network(address); got != want {
			t.Errorf("%q is counted as %q", address, got)
		}
	}
}

func TestLookupsAreLimited(t *testing.T) {
	s := newSite(t)
	s.server.limits = newLimits(Limits{Looks: 2})
	r, other := s.as("ae-nurse"), s.as("coordinator")
	for range 2 {
		if p := r.post("/lookup", find("barbara")...); p.status != 303 {
			t.Fatal(p.status)
		}
	}
	p := r.post("/lookup/name", "family", "Oakley")
	if p.status != 429 || p.header.Get("Retry-After") != "1800" {
		t.Fatalf("%d, Retry-After %q", p.status, p.header.Get("Retry-After"))
	}
	p.says("You looked up very many people in a short time. Wait 1800 seconds. If it cannot wait, ring")
	wellMade(t, p)
	if p := other.post("/lookup", find("barbara")...); p.status != 303 {
		t.Errorf("another: %d", p.status)
	}
	if p := r.get("/lookup"); p.status != 200 {
		t.Errorf("another page: %d", p.status)
	}
	s.later(30 * time.Minute)
	if p := s.as("ae-nurse").post("/lookup", find("barbara")...); p.status != 303 {
		t.Errorf("half an hour later: %d", p.status)
	}
}

func TestTheDoorIsLimited(t *testing.T) {
	s := newSite(t)
	s.server.limits = newLimits(Limits{Door: 3})
	for _, login := range []string{"nobody", "ae-nurse", "somebody"} {
		if p := s.stranger().post("/signin", "login", login, "password", "wrong wrong wrong"); p.status != 401 {
			t.Fatal(p.status)
		}
	}
	var said []string
	for _, login := range []string{"ae-nurse", "nobody"} {
		p := s.stranger().post("/signin", "login", login, "password", password)
		if p.status != 429 || p.header.Get("Retry-After") != "20" || strings.Contains(p.header.Get("Set-Cookie"), "homeward=") {
			t.Errorf("%d, Retry-After %q", p.status, p.header.Get("Retry-After"))
		}
		said = append(said, p.text())
	}
	if said[0] != said[1] {
		t.Error("refusals differ")
	}
	if p := s.stranger().get("/signin"); p.status != 200 {
		t.Errorf("the page: %d", p.status)
	}
}

// What strangers can have written or asked of others is counted as a try.
func TestComingByOthersIsATryToo(t *testing.T) {
	f := newFederal(t)
	for _, path := range []string{"/signin/from/cis2?code=x&state=y", "/signin/with/cis2", "/launch/nothing", "/begin/nothing"} {
		f.server.limits = newLimits(Limits{Door: 2})
		for i, limited := range []bool{false, false, true} {
			if p := f.stranger().get(path); (p.status == 429) != limited {
				t.Errorf("%s, try %d: %d", path, i+1, p.status)
			}
		}
	}
}

func TestReadersAndNetworksAreLimited(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	s.server.limits = newLimits(Limits{User: 2, Address: 5})
	for i, want := range []int{200, 200, 429} {
		if p := r.get("/lookup"); p.status != want {
			t.Errorf("request %d: %d", i+1, p.status)
		}
	}
	for i, want := range []int{200, 200, 429} {
		if p := s.stranger().get("/help"); p.status != want {
			t.Errorf("request %d from the network: %d", i+1, p.status)
		}
	}
}
