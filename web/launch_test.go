package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/store"
)

// launch is what King's Mill's system does for somebody: a link.
func (s *site) launch(q hub.LaunchRequest) string {
	s.t.Helper()
	link, err := s.hub.PrepareLaunch(context.Background(), care.Actor{ID: "system-kmh-epr", Role: care.Machine, Org: kingsMill, OrgKind: care.Trust}, q)
	s.must(err)
	return "/launch/" + link
}

// of is somebody of the site, with number and date of birth.
func of(id care.CaseID) hub.LaunchRequest { return hub.LaunchRequest{Number: number(id), Born: born} }

// mark is the hidden field that ties a form to its person.
func (p shown) mark() string {
	for _, n := range p.all("input") {
		if attr(n, "name") == "in" {
			return attr(n, "value")
		}
	}
	return ""
}

func TestALaunchComesToThePersonAndAsksTheReason(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	got := r.get(s.launch(of("barbara")))
	if got.status != 303 || got.to != "/lookup/launch" {
		t.Fatalf("%d to %s", got.status, got.to)
	}
	form := r.get(got.to)
	wellMade(t, form)
	form.says("Look up this person", number("barbara").Spaced(), "14-Mar-1941", "From King’s Mill EPR at 21:40", "Why do you need to look at this record?")
	if strings.Contains(form.body, "dob-day") || strings.Contains(form.body, `name="nhs"`) {
		t.Error("what the link brought must be typed")
	}
	got = r.post("/lookup/launch", "in", form.mark())
	if got.status != 422 {
		t.Errorf("without a reason: %d", got.status)
	}
	wellMade(t, got)
	got.says("Select why you need to look at this record")
	got = r.post("/lookup/launch", "in", form.mark(), "reason", "care")
	if got.status != 303 || !strings.HasPrefix(got.to, "/lookup/result/") {
		t.Fatalf("%d to %s: %s", got.status, got.to, got.text())
	}
	r.get(got.to).says("OAKLEY, Barbara", "Bluebell Homecare")
	s.must(s.store.View(context.Background(), func(tx *store.Tx) error {
		as, err := tx.Audits(store.AuditFilter{Action: "lookup", Limit: 1})
		if len(as) != 1 || as[0].Reason != "launched from King’s Mill EPR" || as[0].Case != s.barbara {
			t.Errorf("%+v", as)
		}
		return err
	}))
	if strings.Contains(s.log.String(), number("barbara").Digits()) || strings.Contains(s.log.String(), "/launch/"+"A") {
		t.Error("the log tells of a person")
	}
}

func TestTheReasonOfALaunchIsAskedOnce(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	form := r.get(r.get(s.launch(of("barbara"))).to)
	r.post("/lookup/launch", "in", form.mark(), "reason", "care")
	again := r.get(r.get(s.launch(of("barbara"))).to)
	if again.status != 303 || !strings.HasPrefix(again.to, "/lookup/result/") {
		t.Errorf("asked again: %d %s", again.status, again.text())
	}
	another := r.get(r.get(s.launch(of("walter"))).to)
	if another.status != 200 {
		t.Errorf("not asked for another person: %d to %s", another.status, another.to)
	}
	fresh := s.as("ae-nurse")
	if got := fresh.get(fresh.get(s.launch(of("barbara"))).to); got.status != 200 {
		t.Errorf("not asked in another session: %d to %s", got.status, got.to)
	}
}

func TestALaunchSurvivesSignIn(t *testing.T) {
	s := newSite(t)
	r := s.stranger()
	got := r.get(s.launch(of("barbara")))
	door := r.get(got.to)
	if door.status != 303 || !strings.HasPrefix(door.to, "/signin") {
		t.Fatalf("%d to %s", door.status, door.to)
	}
	at := r.post("/signin", "login", "ae-nurse", "password", password, "next", "/lookup/launch")
	if at.to != "/lookup/launch" {
		t.Fatalf("after signing in: %d to %s", at.status, at.to)
	}
	r.get(at.to).says(number("barbara").Spaced())
	// A colleague who signs in at the same browser does not come to the person.
	r.post("/switch")
	next := r.post("/signin", "login", "coordinator", "password", password, "next", "/lookup/launch")
	got = r.get(next.to)
	if got.status != 404 || strings.Contains(got.body, number("barbara").Spaced()) {
		t.Errorf("the next user: %d %s", got.status, got.text())
	}
}

func TestALinkThatCannotBeUsedTellsNothing(t *testing.T) {
	s := newSite(t)
	known, unknown := s.launch(of("barbara")), s.launch(hub.LaunchRequest{Number: nhs.Test(77), Born: born})
	late := s.launch(of("barbara"))
	nurse, elsewhere := s.as("ae-nurse"), s.as("coordinator-rx1")
	want := elsewhere.get(known)
	wellMade(t, want)
	want.says("This link cannot be used")
	if want.status != 404 {
		t.Errorf("status %d", want.status)
	}
	pages := map[string]shown{"another's": elsewhere.get(unknown), "used up by another": elsewhere.get(known), "never made": elsewhere.get("/launch/AAAA")}
	if got := nurse.get(unknown); got.status != 404 {
		t.Errorf("whom another trust used up: %d", got.status)
	}
	s.later(hub.LinkLife)
	pages["over"] = elsewhere.get(late)
	for name, got := range pages {
		if got.status != 404 || got.text() != want.text() {
			t.Errorf("%s: %d %s", name, got.status, got.text())
		}
	}
	if got := nurse.get(late); got.status != 404 {
		t.Errorf("over: %d", got.status)
	}
	// A trust's link before sign-in, and staff of another trust sign in.
	r := s.stranger()
	r.get(s.launch(of("barbara")))
	at := r.post("/signin", "login", "coordinator-rx1", "password", password, "next", "/lookup/launch")
	if got := r.get(at.to); got.status != 404 || strings.Contains(got.body, number("barbara").Spaced()) {
		t.Errorf("another trust's after sign-in: %d %s", got.status, got.text())
	}
}

func TestALookAheadDoesNotUseTheLinkUp(t *testing.T) {
	s := newSite(t)
	link := s.launch(of("barbara"))
	r := s.as("ae-nurse")
	for _, change := range []func(*http.Request){func(r *http.Request) { r.Method = "HEAD" }, func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch;prerender") }} {
		req, err := http.NewRequest("GET", s.url+link, nil)
		s.must(err)
		change(req)
		r.send(req)
	}
	if got := r.get(link); got.status != 303 {
		t.Errorf("status %d", got.status)
	}
}

func TestTwoLaunchesInTwoTabs(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	one := r.get(r.get(s.launch(of("barbara"))).to)
	two := r.get(r.get(s.launch(of("walter"))).to)
	if got := r.post("/lookup/launch", "in", one.mark(), "reason", "care"); got.status != 404 {
		t.Errorf("the first tab looked up the second's person: %d to %s", got.status, got.to)
	}
	if got := r.post("/lookup/launch", "in", two.mark(), "reason", "care"); got.status != 303 {
		t.Errorf("the second: %d %s", got.status, got.text())
	}
}

func TestALaunchThatTellsLess(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	own := r.get(r.get(s.launch(hub.LaunchRequest{HospitalNo: "Mbarbara"})).to)
	own.says("Hospital number", "Mbarbara", number("barbara").Spaced(), "14-Mar-1941")
	none := r.get(r.get(s.launch(hub.LaunchRequest{HospitalNo: "M404"})).to)
	none.says("M404", "NHS number", "Date of birth")
	wellMade(t, none)
	got := r.post("/lookup/launch", "in", none.mark(), "reason", "care")
	wellMade(t, got)
	if got.status != 422 {
		t.Errorf("status %d", got.status)
	}
	got = r.post("/lookup/launch", "in", none.mark(), "reason", "care", "nhs", number("barbara").Digits(), "dob-day", "14", "dob-month", "3", "dob-year", "1941")
	if got.status != 303 {
		t.Errorf("%d %s", got.status, got.text())
	}
	// The record system has another date of birth than the council.
	wrong := of("barbara")
	wrong.Born.Day++
	form := r.get(r.get(s.launch(wrong)).to)
	got = r.post("/lookup/launch", "in", form.mark(), "reason", "care")
	wellMade(t, got)
	got.says("The date of birth does not match this NHS number")
	if got.status != 422 {
		t.Errorf("status %d", got.status)
	}
}

func TestALaunchForSomebodyElse(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	q := of("barbara")
	q.User = "coordinator"
	page := r.get(r.get(s.launch(q)).to)
	wellMade(t, page)
	page.says("somebody else opened this link", "You are signed in as P Ae-nurse")
	s.later(time.Minute)
	if got := s.as("ig-lead"); got.get(s.launch(of("barbara"))).status != 303 || got.get("/lookup/launch").status != 403 {
		t.Error("whoever may not look people up came to a person by a link")
	}
}
