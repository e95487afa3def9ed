package ui

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"homeward/nhs"

	g "maragu.dev/gomponents"
)

var noonOfTests = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func rendered(t *testing.T, n Node) string {
	t.Helper()
	s, err := HTML(n)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLinksThatCouldRunScriptLeadNowhere(t *testing.T) {
	for _, to := range []string{"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "//evil.example/", "http://x/", " javascript:x", ""} {
		for _, n := range []Node{Link(to, "x"), Button{Text: "x", Href: to}, BackLink(to, "x"), Tabs("x", NavItem{Href: to}), ActionLink(to, "x")} {
			if s := rendered(t, n); strings.Contains(s, "href=") && !strings.Contains(s, `href="#"`) {
				t.Errorf("%q was let through: %s", to, s)
			}
		}
	}
	for _, to := range []string{"/cases/c01", "#maincontent", "?page=2", "tel:01632960123", "https://www.england.nhs.uk/"} {
		if s := rendered(t, Link(to, "x")); !strings.Contains(s, `href="`+to+`"`) {
			t.Errorf("%q was not let through: %s", to, s)
		}
	}
}

func TestTextIsEscaped(t *testing.T) {
	evil := `<script>alert("x")</script>`
	person := Person{Family: evil, Given: evil, Preferred: evil, Gender: evil, Address: evil, Phone: evil, HospitalNo: evil, Alerts: []string{evil}}
	for _, n := range []Node{
		PatientBanner(person, noonOfTests), Tag(TagRed, evil), SummaryList(Row{Key: evil, Value: Text(evil), Source: evil, Change: "/" + evil}),
		Input{ID: "a", Label: evil, Hint: evil, Error: evil, Value: evil, Prefix: evil}, Textarea{ID: "a", Label: evil, Value: evil, Max: 9},
		Radios{ID: "a", Legend: evil, Items: []Choice{{Value: evil, Label: evil, Hint: evil}}}, Select{ID: "a", Items: []Choice{{Value: evil, Label: evil}}},
		RawMessage(evil, evil), Timeline(3, Event{Title: evil, Who: evil, Source: evil, Audience: evil}), Lines(evil), Bar(1, 2, evil),
		BoardCard{ID: evil, Name: evil, Where: evil, Lines: []string{evil}}, Table{Caption: evil, Columns: []Column{{Label: evil}}, Rows: []TableRow{{ID: evil, Name: evil, Cells: []Node{Text(evil)}}}},
		Page{Title: evil, User: &User{evil, evil, evil}, Phase: evil},
	} {
		if strings.Contains(rendered(t, n), "<script>alert") {
			t.Errorf("%T lets markup through", n)
		}
	}
}

func TestPatientBanner(t *testing.T) {
	number := nhs.Test(12)
	alive := Person{Family: "Oakley", Given: "Barbara", Title: "Mrs", Preferred: "Barb", Gender: "Female", NHS: number, Born: nhs.Date{Year: 1941, Month: 3, Day: 14}, Address: "14 Sutton Road", Phone: "01632 960 123"}
	dead, secret := alive, alive
	dead.Deceased, dead.Died = true, nhs.Date{Year: 2026, Month: 3, Day: 13}
	secret.Sensitive = true
	for _, c := range []struct {
		name     string
		p        Person
		has, not []string
	}{
		{"alive", alive, []string{"OAKLEY, Barbara (Mrs)", "14-Mar-1941 (85y)", number.Spaced(), "Preferred name", "14 Sutton Road", `href="tel:01632960123"`}, []string{"Died", "app-pb--deceased"}},
		{"dead", dead, []string{"app-pb--deceased", "13-Mar-2026", "Age at death", ">84y<"}, []string{"(84y)", "(85y)"}},
		{"dead, day unknown", Person{Family: "Oakley", Deceased: true}, []string{"Died</dt><dd>Not known", "Age at death</dt><dd>Not known"}, nil},
		{"sensitive", secret, []string{"Sensitive record"}, []string{"14 Sutton Road", "960 123"}},
		{"nothing known", Person{}, []string{"Name not known", "Born</dt><dd>Not known", "Not known"}, []string{"()", "?"}},
	} {
		s := rendered(t, PatientBanner(c.p, noonOfTests))
		for _, w := range c.has {
			if !strings.Contains(s, w) {
				t.Errorf("%s: no %q in %s", c.name, w, s)
			}
		}
		for _, w := range c.not {
			if strings.Contains(s, w) {
				t.Errorf("%s: %q should not be in %s", c.name, w, s)
			}
		}
	}
}

func TestEveryComponentRendersWhenEmpty(t *testing.T) {
	for _, n := range []Node{
		Page{}, Form{}, Input{}, PasswordInput{}, DateInput{}, Radios{}, Checkboxes{}, Select{}, Textarea{}, FileInput{}, Button{},
		Table{}, Table{Live: true, Empty: Empty("x")}, Filter{}, Pagination{}, PrevNext(nil, nil), Notification{}, LiveStrip{}, BoardCard{}, Board(), WallRow{}, WallCards(WallCard{}), WallTable("x"),
		SummaryList(Row{}), Card(0, ""), TaskList("t", Task{}), Stepper("x", []string{"a", "b"}, 9), Freshness(nil, noonOfTests), Freshness([]Source{{}}, noonOfTests),
		Timeline(3, Event{}), StatTiles(StatTile{}), Bar(1, 0, ""), Bar(-3, 2, ""), Chips("/"), ErrorSummary(nil), Figure("", "", nil), Tabs(""), NHSNo(nhs.Number{}), AgoTime(time.Time{}, noonOfTests), nil,
	} {
		if _, err := HTML(n); err != nil {
			t.Errorf("%T: %v", n, err)
		}
	}
}

func TestTableWithoutRows(t *testing.T) {
	empty := Empty("No one is waiting to leave")
	if s := rendered(t, Table{Empty: empty}); strings.Contains(s, "<table") || !strings.Contains(s, "No one") {
		t.Error("a table that is not live should give way to its empty state:", s)
	}
	s := rendered(t, Table{Live: true, Empty: empty})
	if !strings.Contains(s, " hidden>") || !strings.Contains(s, "data-live-rows") || !strings.Contains(s, "data-live-empty") {
		t.Error("a live table must wait, hidden, for its first row:", s)
	}
}

func TestPaginationLeavesPagesOut(t *testing.T) {
	s := rendered(t, Pagination{Page: 5, Pages: 20, Href: func(n int) string { return "/?page=" + strings.Repeat("i", n) }})
	for _, want := range []string{`aria-label="Page 1"`, `aria-label="Page 4"`, `aria-label="Page 5" aria-current="page"`, `aria-label="Page 6"`, `aria-label="Page 20"`, "⋯"} {
		if !strings.Contains(s, want) {
			t.Errorf("no %s in %s", want, s)
		}
	}
	if strings.Contains(s, "Page 9") {
		t.Error("all pages are listed:", s)
	}
}

type failing struct{}

func (failing) Render(io.Writer) error { return errors.New("no") }

func TestWrite(t *testing.T) {
	p := Page{Title: "Live tracker", Error: true, Main: []Node{H1("x")}}
	plain := httptest.NewRecorder()
	if err := Write(plain, httptest.NewRequest("GET", "/", nil), 422, p); err != nil {
		t.Fatal(err)
	}
	if plain.Code != 422 || plain.Header().Get("Cache-Control") != "no-store" || !strings.Contains(plain.Body.String(), "<title>Error: Live tracker – Homeward</title>") {
		t.Error(plain.Code, plain.Header(), plain.Body)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", "br, gzip")
	packed := httptest.NewRecorder()
	if err := Write(packed, r, 200, p); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil || string(b) != plain.Body.String() {
		t.Error("the compressed page is another page:", err)
	}
	broken := httptest.NewRecorder()
	if err := Write(broken, r, 200, Page{Main: []Node{g.Text("half a page"), failing{}}}); err == nil || broken.Code != 500 || strings.Contains(broken.Body.String(), "half a page") {
		t.Error("a page that cannot be rendered was sent:", broken.Code, broken.Body)
	}
}
