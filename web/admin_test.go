package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/store"
)

const why = "They have moved to another ward"

// typed are the values of the fields of a page's main part, as a browser sends
// them: hidden, typed and selected.
func typed(p shown) (out []string) {
	out = fields(p)
	for _, n := range p.all("input") {
		if k := attr(n, "type"); (k == "text" || k == "tel") && inMain(n) {
			out = append(out, attr(n, "name"), attr(n, "value"))
		}
		if k := attr(n, "type"); (k == "radio" || k == "checkbox") && inMain(n) && has(n, "checked") {
			out = append(out, attr(n, "name"), attr(n, "value"))
		}
	}
	for _, n := range p.all("select") {
		for o := range n.Descendants() {
			if o.Data == "option" && has(o, "selected") {
				out = append(out, attr(n, "name"), attr(o, "value"))
			}
		}
	}
	return out
}

// setting sets fields of a form.
func setting(form []string, sets ...string) []string {
	out := slices.Clone(form)
	for i := 0; i < len(sets); i += 2 {
		found := false
		for j := 0; j < len(out); j += 2 {
			if out[j] == sets[i] {
				out[j+1], found = sets[i+1], true
			}
		}
		if !found {
			out = append(out, sets[i], sets[i+1])
		}
	}
	return out
}

// linkOf is the path of the one-time link that a page shows.
func linkOf(t *testing.T, p shown) string {
	t.Helper()
	_, rest, ok := strings.Cut(p.text(), "/begin/")
	if !ok {
		t.Fatalf("%d no link: %s", p.status, p.text())
	}
	return "/begin/" + strings.Fields(rest)[0]
}

var edna = []string{"login", "edna", "name", "Edna Quill", "grants", "1", "grant-0-role", "ward-nurse", "grant-0-org", "RK5", "grant-0-place", "RK5/ward/W31"}

// addEdna adds a user and gives the path of her link.
func (s *site) addEdna(t *testing.T) string {
	t.Helper()
	r := s.as("admin")
	done := r.post("/admin/users/new", append(fields(r.post("/admin/users/new", edna...)), "step", "do", "why", why)...)
	return linkOf(t, done)
}

func TestAddAUser(t *testing.T) {
	s := newSite(t)
	r := s.as("admin")
	form := r.get("/admin/users/new")
	wellMade(t, form)
	form.says("Add a user", "King’s Mill Hospital: Ward 31", "Nottinghamshire County Council: Mansfield team")

	wrong := r.post("/admin/users/new", setting(edna, "login", "coordinator", "grant-0-role", "social-worker", "grant-0-place", "")...)
	if wrong.status != 422 {
		t.Fatal(wrong.status)
	}
	wellMade(t, wrong)
	wrong.says("Somebody else has this user name", "Social worker is a role of a council")
	for i, f := range typed(wrong) {
		if f == "name" && typed(wrong)[i+1] != "Edna Quill" {
			t.Error("what was typed is lost")
		}
	}
	r.post("/admin/users/new", setting(edna, "grant-0-org", "RX1")...).says("Select a ward or team of the organisation that you selected")

	check := r.post("/admin/users/new", edna...)
	wellMade(t, check)
	check.says("You are about to add a user", "Ward nurse, King’s Mill Hospital, Ward 31", "Why?")
	r.post("/admin/users/new", append(fields(check), "step", "edit")...).says("Add a user", "Role 2")
	short := r.post("/admin/users/new", append(fields(check), "step", "do", "why", "because")...)
	if short.status != 422 {
		t.Error(short.status)
	}
	wellMade(t, short)
	short.says("You are about to add a user", "10 characters or more")

	done := r.post("/admin/users/new", append(fields(short), "step", "do", "why", why)...)
	wellMade(t, done)
	done.says("The user is added", "It opens once")
	link := linkOf(t, done)
	r.get("/admin/users?state=invited").says("1 user", "Edna Quill", "No password yet")

	stranger := s.stranger()
	page := stranger.get(link)
	wellMade(t, page)
	page.says("Choose a password", "edna")
	wellMade(t, stranger.get(link)) // to look uses nothing up
	for _, x := range [][3]string{{"short", "short", "at least 12 characters"}, {"three small otters", "three big otters", "The two are not the same"}, {"ednaednaedna", "ednaednaedna", "Password must not be the user name"}} {
		got := stranger.post("/begin", append(fields(page), "password", x[0], "again", x[1])...)
		if got.status != 422 {
			t.Errorf("%q: %d", x[0], got.status)
		}
		wellMade(t, got)
		got.says(x[2])
	}
	set := stranger.post("/begin", append(fields(page), "password", "three large voles hum", "again", "three large voles hum")...)
	wellMade(t, set)
	set.says("Your password is set")
	if again := stranger.post("/begin", append(fields(page), "password", "three large voles hum", "again", "three large voles hum")...); again.status != 404 {
		t.Errorf("the link opened twice: %d", again.status)
	}
	over := stranger.get(link)
	if over.status != 404 {
		t.Error(over.status)
	}
	wellMade(t, over)
	in := stranger.post("/signin", "login", "Edna", "password", "three large voles hum")
	if in.status != 303 || in.to != "/ward" {
		t.Errorf("%d %s %s", in.status, in.to, in.text())
	}
	if strings.Contains(s.log.String(), strings.TrimPrefix(link, "/begin/")) {
		t.Error("the link stands in the log")
	}
}

func TestALinkExpires(t *testing.T) {
	s := newSite(t)
	link := s.addEdna(t)
	s.later(24*time.Hour + time.Second)
	if got := s.stranger().get(link); got.status != 404 {
		t.Error(got.status)
	}
	got := s.stranger().post("/begin", "ticket", strings.TrimPrefix(link, "/begin/"), "password", "three large voles hum", "again", "three large voles hum")
	if got.status != 404 {
		t.Error(got.status)
	}
}

func TestChangeAUser(t *testing.T) {
	s := newSite(t)
	nurse := s.as("ward-nurse")
	if got := nurse.get("/ward"); got.status != 200 {
		t.Fatal(got.status)
	}
	r := s.as("admin")
	r.get("/admin/users").says("Users", "P Ward-nurse")
	found := r.post("/admin/users", "text", "ward-nurse")
	wellMade(t, found)
	user := r.get(link(t, found, "P Ward-nurse"))
	wellMade(t, user)
	user.says("Ward nurse, King’s Mill Hospital, Ward 31", "Second factor No", "Where they are signed in", "127.0.0.1")
	form := r.get("/admin/users/u-ward-nurse/edit")
	wellMade(t, form)
	same := r.post("/admin/users/u-ward-nurse/edit", typed(form)...)
	if same.status != 422 {
		t.Error(same.status)
	}
	same.says("Nothing is changed")
	more := r.post("/admin/users/u-ward-nurse/edit", append(setting(typed(form), "grant-1-role", "coordinator", "grant-1-org", "RK5"), "step", "edit")...)
	more.says("Role 3")

	two := typed(r.get("/admin/users/u-ward-nurse/edit")) // as somebody else sees it at the same time
	check := r.post("/admin/users/u-ward-nurse/edit", setting(typed(form), "grant-0-role", "coordinator", "grant-0-place", "")...)
	check.says("You are about to change a user", "Ward nurse, King’s Mill Hospital, Ward 31", "Discharge coordinator, King’s Mill Hospital")
	done := r.post("/admin/users/u-ward-nurse/edit", append(fields(check), "step", "do", "why", why)...)
	if done.status != 303 {
		t.Fatalf("%d %s", done.status, done.text())
	}
	r.get(done.to).says("The user is changed.", "Discharge coordinator, King’s Mill Hospital")
	if got := nurse.get("/ward"); got.status != 303 {
		t.Errorf("a session in a role that was taken away goes on: %d", got.status)
	}
	late := r.post("/admin/users/u-ward-nurse/edit", setting(two, "name", "Another")...)
	if late.status != 409 {
		t.Errorf("%d %s", late.status, late.text())
	}
	rows := s.audited("manageUsers")
	if !slices.ContainsFunc(rows, func(a store.Audited) bool {
		return strings.Contains(a.Outcome, "roles: Ward nurse, King’s Mill Hospital, Ward 31 → Discharge coordinator") && a.Reason == why
	}) {
		t.Errorf("%+v", rows)
	}
}

func TestUserStepsOnPages(t *testing.T) {
	s := newSite(t)
	nurse, r := s.as("ae-nurse"), s.as("admin")
	take := func(step string) shown {
		t.Helper()
		page := r.get("/admin/users/u-ae-nurse/" + step)
		wellMade(t, page)
		bare := r.post("/admin/users/u-ae-nurse/"+step, fields(page)...)
		if bare.status != 422 {
			t.Errorf("%s without a reason: %d", step, bare.status)
		}
		wellMade(t, bare)
		return r.post("/admin/users/u-ae-nurse/"+step, append(fields(bare), "why", why)...)
	}
	if got := take("end-sessions"); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	if got := nurse.get("/lookup"); got.status != 303 {
		t.Error("the session goes on")
	}
	nurse = s.as("ae-nurse")
	if got := take("disable"); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.text())
	}
	if got := nurse.get("/lookup"); got.status != 303 {
		t.Error("the session of a disabled account goes on")
	}
	if got := s.stranger().post("/signin", "login", "ae-nurse", "password", password); got.status != 401 {
		t.Errorf("a disabled account signs in: %d", got.status)
	}
	if got := r.get("/admin/users/u-ae-nurse/link"); got.status != 422 {
		t.Errorf("a link for a disabled account: %d", got.status)
	}
	take("enable")
	for range 6 {
		s.stranger().post("/signin", "login", "ae-nurse", "password", "not the right one")
	}
	r.get("/admin/users/u-ae-nurse").says("Locked")
	take("unlock")
	s.as("ae-nurse")

	s.withApp(t, "coordinator")
	r.get("/admin/users/u-coordinator").says("Yes: an app for codes")
	page := r.get("/admin/users/u-coordinator/link")
	reset := r.post("/admin/users/u-coordinator/link", append(fields(page), "why", why)...)
	begin := linkOf(t, reset)
	s.stranger().post("/begin", "ticket", strings.TrimPrefix(begin, "/begin/"), "password", "three large voles hum", "again", "three large voles hum").says("Your password is set")
	back := s.stranger()
	if half := back.post("/signin", "login", "coordinator", "password", "three large voles hum"); half.to != "/signin/second" {
		t.Errorf("the second factor is gone: %q", half.to)
	}
	page = r.get("/admin/users/u-coordinator/drop-factors")
	r.post("/admin/users/u-coordinator/drop-factors", append(fields(page), "why", why)...)
	if in := back.post("/signin", "login", "coordinator", "password", "three large voles hum"); in.to == "/signin/second" {
		t.Error("the second factor is still asked for")
	}
}

func TestNobodyAdministersThemselvesOnPages(t *testing.T) {
	s := newSite(t)
	r := s.as("admin")
	r.get("/admin/users/u-admin").says("This is your own account")
	for _, w := range userSteps {
		if got := r.get("/admin/users/u-admin/" + string(w.step)); got.status != 422 {
			t.Errorf("%s: %d", w.step, got.status)
		}
	}
	if got := r.get("/admin/users/u-admin/edit"); got.status != 422 {
		t.Error(got.status)
	}
}

// What changes something asks who it is, when that is long ago.
func TestAdministrationIsSteppedUp(t *testing.T) {
	s := newSite(t)
	r := s.as("admin")
	for i := range 4 { // in use, so that the session is not over
		s.later(2 * time.Minute)
		if got := r.get("/admin/users"); got.status != 200 {
			t.Fatal(i, got.status)
		}
	}
	asked := r.post("/admin/users/new", edna...)
	asked.says("Confirm that it is you")
	r.post("/admin/users/new", append(pairs(asked.fields("/admin/users/new")), "confirm-password", password)...).says("You are about to add a user")
	for _, rt := range s.server.routes() {
		if strings.HasPrefix(rt.pattern, "POST /admin/") && rt.pattern != "POST /admin/users" && !rt.step {
			t.Errorf("%s is not stepped up", rt.pattern)
		}
	}
}

func TestOnlyAdministratorsSeeTheAdministrationsPages(t *testing.T) {
	s := newSite(t)
	for _, login := range everybody {
		if login == "admin" {
			continue
		}
		r := s.as(login)
		for _, rt := range s.server.routes() {
			method, path, _ := strings.Cut(rt.pattern, " ")
			if !strings.HasPrefix(path, "/admin/") {
				continue
			}
			path = s.fillPath(rt.pattern)
			got := r.get(path)
			if method == "POST" {
				got = r.post(path, "why", why, "step", "do")
			}
			if got.status != 403 {
				t.Errorf("%s %s: %d", login, rt.pattern, got.status)
			}
		}
	}
}

func TestNumbersAreChangedOnPages(t *testing.T) {
	s := newSite(t)
	r := s.as("admin")
	list := r.get("/admin/organisations")
	wellMade(t, list)
	list.says("Nottinghamshire County Council", "01632 960100", "The configuration")
	wellMade(t, r.get("/admin/organisations/511"))
	form := r.get("/admin/organisations/511/numbers")
	wellMade(t, form)
	wrong := r.post("/admin/organisations/511/numbers", setting(typed(form), "phone", "ring the desk", "from-day", "31", "from-month", "2")...)
	if wrong.status != 422 {
		t.Error(wrong.status)
	}
	wellMade(t, wrong)
	wrong.says("must have 3 to 20 digits", "From must be a real date")
	check := r.post("/admin/organisations/511/numbers", setting(typed(form), "phone", "01632 960666")...)
	wellMade(t, check)
	check.says("You are about to change Nottinghamshire County Council", "01632 960100", "01632 960666")
	done := r.post("/admin/organisations/511/numbers", append(fields(check), "step", "do", "why", why)...)
	if done.status != 303 {
		t.Fatalf("%d %s", done.status, done.text())
	}
	r.get(done.to).says("The change is kept.", "01632 960666", why, "P Admin")
	s.stranger().get("/help").says("01632 960666")
	if late := r.post("/admin/organisations/511/numbers", append(fields(check), "step", "do", "why", why)...); late.status != 409 {
		t.Errorf("%d %s", late.status, late.text())
	}
	form = r.get("/admin/organisations/511/numbers")
	check = r.post("/admin/organisations/511/numbers", setting(typed(form), "which", "base")...)
	r.post("/admin/organisations/511/numbers", append(fields(check), "step", "do", "why", why)...)
	s.stranger().get("/help").says("01632 960100")

	wellMade(t, r.get("/admin/teams"))
	form = r.get(link(t, r.get(link(t, r.get("/admin/teams"), "Mansfield team")), "Change"))
	wellMade(t, form)
	check = r.post("/admin/teams/511/t1/numbers", setting(typed(form), "offered", "no")...)
	check.says("No, retired")
	r.post("/admin/teams/511/t1/numbers", append(fields(check), "step", "do", "why", why)...)
	r.get("/admin/teams").says("Retired")
	if strings.Contains(r.get("/admin/users/new").text(), "Mansfield team") {
		t.Error("a retired team is offered")
	}
}

func TestAWallboardIsPaired(t *testing.T) {
	s := newSite(t)
	r := s.as("admin")
	wellMade(t, r.get("/admin/devices"))
	form := r.get("/admin/devices/new")
	wellMade(t, form)
	wrong := r.post("/admin/devices/new", "name", "W", "org", "RX1", "ward", "RK5/ward/W31")
	if wrong.status != 422 {
		t.Error(wrong.status)
	}
	wellMade(t, wrong)
	wrong.says("Select a ward of the organisation", "Enter a name for the wallboard")
	check := r.post("/admin/devices/new", "name", "A&E wall", "org", "RK5", "ward", "RK5/ward/ED")
	wellMade(t, check)
	done := r.post("/admin/devices/new", append(fields(check), "step", "do", "why", why)...)
	wellMade(t, done)
	code := codeShown(t, done)

	wall := s.stranger()
	wellMade(t, wall.get("/device"))
	if got := wall.post("/device", "code", ""); got.status != 422 {
		t.Error(got.status)
	}
	bad := wall.post("/device", "code", "00000-00000")
	if bad.status != 422 {
		t.Error(bad.status)
	}
	wellMade(t, bad)
	in := wall.post("/device", "code", strings.ToLower(code))
	if in.status != 303 || in.to != "/wall" {
		t.Fatalf("%d %s %s", in.status, in.to, in.text())
	}
	var keeps *http.Cookie
	for _, c := range (&http.Response{Header: in.header}).Cookies() {
		if c.Name == "homeward" {
			keeps = c
		}
	}
	if keeps == nil || keeps.MaxAge < int((80*24*time.Hour).Seconds()) || !keeps.HttpOnly {
		t.Errorf("%+v", keeps)
	}
	page := wall.get("/wall")
	if page.status != 200 || strings.Contains(page.text(), "B O") || strings.Contains(page.text(), "Ward 31") {
		t.Errorf("%d: the wall of A&E shows another ward: %s", page.status, page.text())
	}
	for _, path := range []string{"/tracker", "/lookup", "/admin/devices"} {
		if got := wall.get(path); got.status != 403 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := wall.post("/me/password", "password", "three large voles hum", "again", "three large voles hum"); got.status == 303 {
		t.Error("a wallboard has a password")
	}
	if got := s.stranger().post("/device", "code", code); got.status != 422 {
		t.Errorf("the code opened twice: %d", got.status)
	}
	devices := r.get("/admin/devices")
	devices.says("A&E wall", "Let in")
	revoke := link(t, devices, "Revoke")
	gone := r.post(revoke, append(fields(r.get(revoke)), "why", why)...)
	if gone.status != 303 {
		t.Fatalf("%d %s", gone.status, gone.text())
	}
	if got := wall.get("/wall"); got.status != 303 {
		t.Errorf("a revoked wallboard shows on: %d", got.status)
	}
	r.get("/admin/devices").says("Revoked")
}

func codeShown(t *testing.T, p shown) string {
	t.Helper()
	for _, w := range strings.Fields(p.text()) {
		if len(w) == 11 && w[5] == '-' {
			return w
		}
	}
	t.Fatalf("%d no code: %s", p.status, p.text())
	return ""
}

func TestPairingCodesAreNotGuessed(t *testing.T) {
	s := newSite(t)
	r := s.stranger()
	last := 0
	for range 12 {
		last = r.post("/device", "code", "00000-00000").status
	}
	if last != 429 {
		t.Errorf("the twelfth guess: %d", last)
	}
	wellMade(t, r.post("/device", "code", "00000-00000"))
	if n := len(s.audited(string(care.SignInRefused))); n != 10 {
		t.Errorf("%d guesses are audited", n)
	}
}
