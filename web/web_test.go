package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"homeward/care"
	"homeward/nhs"
)

// everybody is a login of each role.
var everybody = []string{"ae-nurse", "ward-nurse", "coordinator", "social-worker", "team-manager", "broker", "analyst", "ig-lead", "integration", "wallboard", "admin"}

// fillPath puts something in the place of each name in a route's path.
func (s *site) fillPath(pattern string) string {
	_, path, _ := strings.Cut(pattern, " ")
	path = strings.NewReplacer("{$}", "", "{id}", string(s.barbara), "{other}", string(s.walter), "{ref}", "ref-walter", "{n}", "1", "{measure}", "delay", "{return}", "client-level-data",
		"/destinations/{name}", "/destinations/mosaic-out", "/mappings/{name}", "/mappings/county-adults").Replace(path)
	for strings.Contains(path, "{") {
		i, j := strings.Index(path, "{"), strings.Index(path, "}")
		path = path[:i] + "1" + path[j+1:]
	}
	return path
}

func TestEveryPageForEveryRoleIsWellMade(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; the race detector need not see it")
	}
	s := newSite(t)
	s.tells()
	s.withMappings()
	s.withPDS()
	for _, login := range everybody {
		r := s.as(login)
		for _, rt := range s.server.routes() {
			if !strings.HasPrefix(rt.pattern, "GET ") {
				continue
			}
			path := s.fillPath(rt.pattern)
			got := r.get(path)
			if kind := got.header.Get("Content-Type"); got.status == 200 && !strings.HasPrefix(kind, "text/html") {
				continue // a stream or a file
			}
			t.Run(login+" "+rt.pattern, func(t *testing.T) {
				got.t = t
				if got.status >= 500 {
					t.Fatalf("status %d: %s\n%s", got.status, got.text(), s.log)
				}
				if got.status != 303 {
					wellMade(t, got)
				}
				// NHS CUI PAB-0015: on pages about one person, and there once
				if n := strings.Count(got.body, `aria-label="Person details"`); n > 1 || n == 1 && !strings.Contains(rt.pattern, "{") {
					t.Errorf("%d patient banners", n)
				}
			})
		}
	}
}

func TestEveryActionWithoutAnAnswerIsWellRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while; the race detector need not see it")
	}
	s := newSite(t)
	s.tells()
	s.withMappings()
	s.withPDS()
	for _, login := range []string{"ae-nurse", "coordinator", "team-manager", "ig-lead", "integration"} {
		for _, rt := range s.server.routes() {
			if !strings.HasPrefix(rt.pattern, "POST ") || rt.public {
				continue
			}
			r := s.as(login)
			got := r.post(s.fillPath(rt.pattern))
			t.Run(login+" "+rt.pattern, func(t *testing.T) {
				got.t = t
				if got.status >= 500 {
					t.Fatalf("status %d: %s\n%s", got.status, got.text(), s.log)
				}
				if got.status >= 400 {
					wellMade(t, got)
				}
			})
		}
	}
}

// wellMade checks what every page keeps to. ui.md 9.2.
func wellMade(t *testing.T, p shown) {
	t.Helper()
	if n := len(p.all("h1")); n != 1 {
		t.Errorf("%d h1", n)
	}
	if h := p.header; h.Get("Content-Security-Policy") != CSP() || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "same-origin" || h.Get("X-Build") != "test" {
		t.Errorf("headers: %v", h)
	}
	titles := p.all("title")
	if len(titles) == 0 {
		t.Fatal("no title")
	}
	title := words(titles[0])
	if !strings.HasSuffix(title, " – Homeward") {
		t.Errorf("title %q", title)
	}
	refused := strings.Contains(p.body, "There is a problem")
	if refused != strings.HasPrefix(title, "Error: ") || refused && p.status < 400 {
		t.Errorf("status %d with the title %q", p.status, title)
	}
	ids := map[string]bool{}
	labels := map[string]bool{}
	for n := range p.doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("the id %s is there twice", id)
			}
			ids[id] = true
		}
		if n.Data == "label" {
			labels[attr(n, "for")] = true
		}
		checkElement(t, n)
	}
	for _, n := range slices.Concat(p.all("input"), p.all("select"), p.all("textarea")) {
		if kind := attr(n, "type"); kind != "hidden" && !labels[attr(n, "id")] {
			t.Errorf("the field %s has no label", attr(n, "name"))
		}
	}
	for _, a := range p.all("a") {
		if to, ok := strings.CutPrefix(attr(a, "href"), "#"); ok && !ids[to] {
			t.Errorf("a link leads to #%s, which is not there", to)
		}
	}
	secret(t, title)
}

// checkElement looks at one element's attributes.
func checkElement(t *testing.T, n *html.Node) {
	t.Helper()
	for _, a := range n.Attr {
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
			t.Errorf("<%s> has %s=", n.Data, a.Key)
		}
		if a.Key == "href" || a.Key == "action" || a.Key == "formaction" || a.Key == "src" {
			secret(t, a.Val)
		}
	}
	if kind := attr(n, "type"); n.Data == "button" && kind != "submit" && kind != "button" {
		t.Errorf("a button without a type: %s", words(n))
	}
}

// secret fails when text holds a person's name, number or day of birth. Case
// ids are random in life; here they hold first names, which do not count.
func secret(t *testing.T, text string) {
	t.Helper()
	low := strings.ToLower(text)
	for _, name := range []string{"oakley", "ashdown", "birch", "cedar", "dogwood", "1941", "sutton"} {
		if strings.Contains(low, name) {
			t.Errorf("%q tells of a person", text)
		}
	}
	for _, id := range []care.CaseID{"barbara", "walter", "irene", "doris", "fred", "peter"} {
		if n := number(id); strings.Contains(text, n.Digits()) || strings.Contains(text, n.Spaced()) {
			t.Error("an NHS number stands in a title or an address")
		}
	}
}

func TestAPostFromAnotherSiteIsRefused(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	req, err := http.NewRequest("POST", s.url+"/logout", nil)
	s.must(err)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	got := r.send(req)
	if got.status != 403 {
		t.Errorf("status %d", got.status)
	}
	got.says("This request came from another site, so nothing was done.")
	if got := r.get("/lookup"); got.status != 200 {
		t.Error("the other site signed the reader out")
	}
}

func TestWhoeverIsNotSignedInSeesOnlyTheDoor(t *testing.T) {
	s := newSite(t)
	r := s.stranger()
	for _, rt := range s.server.routes() {
		if rt.public {
			continue
		}
		method, _, _ := strings.Cut(rt.pattern, " ")
		path := s.fillPath(rt.pattern)
		got := shown{}
		if method == "GET" {
			got = r.get(path)
		} else {
			got = r.post(path)
		}
		if got.status != 303 || !strings.HasPrefix(got.to, "/signin") {
			t.Errorf("%s: %d to %q", rt.pattern, got.status, got.to)
		}
		if strings.Contains(got.to, string(s.barbara)) {
			t.Errorf("%s: the way back names a case: %s", rt.pattern, got.to)
		}
	}
}

func TestLogsNameRoutesAndNobody(t *testing.T) {
	s := newSite(t)
	r := s.as("ae-nurse")
	r.post("/lookup", find("barbara")...)
	r.get("/cases/" + string(s.barbara) + "?family=Oakley")
	r.get("/nowhere/Oakley")
	log := s.log.String()
	if !strings.Contains(log, "POST /lookup") || strings.Contains(log, string(s.barbara)) {
		t.Errorf("the log:\n%s", log)
	}
	secret(t, log)
}

func TestErrorsBecomePagesByOneTable(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	got := r.get("/nowhere")
	if got.status != 404 {
		t.Error(got.status)
	}
	wellMade(t, got)
	s.must(s.store.Close())
	got = r.get("/lookup")
	if got.status != 503 && got.status != 500 {
		t.Errorf("status %d without a database", got.status)
	}
	got.says("01632 960100", "01632 960101", "Emergency duty team")
	for kind, a := range answers {
		if a.status < 400 || a.title == "" || a.text == "" {
			t.Errorf("%s has no page", kind)
		}
	}
	help := s.stranger().get("/help")
	if help.status != 200 {
		t.Error("help needs the database")
	}
	help.says("01632 960101")
}

func TestAFormThatIsTooLongIsRefused(t *testing.T) {
	s := newSite(t)
	got := s.as("ae-nurse").post("/lookup", "words", strings.Repeat("x", maxBody+1))
	if got.status != 422 {
		t.Errorf("status %d", got.status)
	}
	got.says("too long")
}

// find is the form that finds a person of the site.
func find(id care.CaseID) []string {
	return ask(number(id), born)
}

func ask(n nhs.Number, d nhs.Date) []string {
	return []string{"nhs", n.Spaced(), "dob-day", strconv.Itoa(d.Day), "dob-month", strconv.Itoa(int(d.Month)), "dob-year", strconv.Itoa(d.Year), "reason", "care"}
}
