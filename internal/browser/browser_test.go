package browser

import (
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Beds</title><link rel="icon" href="data:,">
<script src="/app.js" defer></script></head><body><main><h1>Beds</h1><p id="live">none</p>
<button id="add" type="button">Add</button><noscript><p id="plain">No script</p></noscript>
<form method="post" action="/save"><label for="ward">Ward</label><input id="ward" name="ward" value="old"><button id="save">Save</button></form>
</main></body></html>`

const script = `document.querySelector("#add").addEventListener("click", () => setTimeout(() => {
	document.querySelector("#live").textContent = "one bed"; }, 50));`

func site(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "who", Value: "seen", Path: "/"})
		fmt.Fprint(w, page)
	})
	mux.HandleFunc("GET /app.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, script)
	})
	mux.HandleFunc("GET /cookie", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>c</title><link rel=icon href='data:,'><p id=c>%d cookies</p>", len(r.Cookies()))
	})
	mux.HandleFunc("POST /save", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, "<title>e</title><link rel=icon href='data:,'><p id=said>%s is no ward</p>", r.FormValue("ward"))
	})
	mux.HandleFunc("GET /bad/{how}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "<title>b</title><link rel=icon href='data:,'>"+bad[r.PathValue("how")])
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:; script-src 'self'; require-trusted-types-for 'script'; form-action 'self'")
		if r.URL.Path == "/bad/style" {
			w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:")
		}
		if strings.HasPrefix(r.URL.Path, "/bad/") && r.URL.Path != "/bad/style" {
			w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:; script-src 'self' 'unsafe-inline'; require-trusted-types-for 'script'")
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// bad are pages with one fault each.
var bad = map[string]string{
	"style":     `<p style="color:red">x</p>`,
	"type":      `<p id=x></p><script>try { document.querySelector("#x").innerHTML = "<b>x</b>" } catch {}</script>`,
	"exception": `<script>throw new Error("on purpose")</script>`,
	"missing":   `<script src="/nowhere.js"></script>`,
}

func TestTabSeesWhatPeopleSee(t *testing.T) {
	s, tab := site(t), New(t)
	if status := tab.Goto(s.URL); status != 200 {
		t.Errorf("status %d", status)
	}
	if got := tab.Text("h1"); got != "Beds" {
		t.Errorf("h1 says %q", got)
	}
	tab.Click("#add")
	tab.WaitText("#live", "one bed", 5*time.Second)
	if n := Eval[int](tab, "Promise.resolve(document.querySelectorAll('button').length)"); n != 2 {
		t.Errorf("%d buttons, want 2", n)
	}
	tab.Type("#ward", "W12")
	if status := tab.Follow("#save"); status != 422 {
		t.Errorf("status %d after saving, want 422", status)
	}
	if got := tab.Text("#said"); got != "W12 is no ward" {
		t.Errorf("the answer says %q", got)
	}
	if !strings.HasSuffix(tab.Location(), "/save") {
		t.Errorf("at %s", tab.Location())
	}
	if problems := tab.ConsoleErrors(); len(problems) != 0 {
		t.Errorf("a form's own 422 is no fault of the page: %v", problems)
	}
}

func TestTwoPeopleShareNoCookies(t *testing.T) {
	s, tab := site(t), New(t)
	tab.Goto(s.URL)
	for _, who := range []struct {
		tab  *Tab
		want string
	}{{tab.NewTab(), "0 cookies"}, {tab.Sibling(), "1 cookies"}, {tab.NewTab().NewTab(), "0 cookies"}} {
		who.tab.Goto(s.URL + "/cookie")
		if got := who.tab.Text("#c"); got != who.want {
			t.Errorf("%s, want %s", got, who.want)
		}
	}
}

func TestDisableJS(t *testing.T) {
	s, tab := site(t), New(t)
	tab.DisableJS()
	tab.Goto(s.URL)
	if got := tab.Text("#plain"); got != "No script" {
		t.Errorf("without JavaScript the page says %q", got)
	}
	tab.Click("#add")
	if got := tab.Text("#live"); got != "none" {
		t.Errorf("the script ran: %q", got)
	}
}

func TestConsoleErrorsAreFound(t *testing.T) {
	s, tab := site(t), New(t)
	for how, want := range map[string]string{"style": "policy", "type": "policy", "exception": "exception", "missing": "error"} {
		tab.Goto(s.URL + "/bad/" + how)
		got := tab.ConsoleErrors()
		if len(got) == 0 || got[0].Kind != want {
			t.Errorf("%s: %v, want one of kind %s", how, got, want)
		}
	}
	if again := tab.ConsoleErrors(); len(again) != 0 {
		t.Errorf("taken errors came again: %v", again)
	}
}

// failing records that a test would have failed.
type failing struct {
	testing.TB
	said []string
}

func (f *failing) Helper()                      {}
func (f *failing) Failed() bool                 { return false }
func (f *failing) Errorf(form string, a ...any) { f.said = append(f.said, fmt.Sprintf(form, a...)) }

func TestUntakenErrorsFailTheTest(t *testing.T) {
	s, tab := site(t), New(t)
	f := &failing{TB: t}
	tab.t = f
	tab.Goto(s.URL + "/bad/exception")
	tab.failOnProblems()
	if len(f.said) != 1 || !strings.Contains(f.said[0], "on purpose") {
		t.Errorf("the test would say %q", f.said)
	}
	tab.ConsoleErrors()
}

func TestScreenshot(t *testing.T) {
	s, tab := site(t), New(t)
	tab.Goto(s.URL)
	path := filepath.Join(t.TempDir(), "shots", "beds.png")
	tab.Screenshot(path, 390, 844)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := png.DecodeConfig(f)
	if err != nil || size.Width != 390 || size.Height != 844 {
		t.Errorf("a picture of %d by %d, want 390 by 844: %v", size.Width, size.Height, err)
	}
}

func TestAxeGivesViolations(t *testing.T) {
	s, tab := site(t), New(t)
	tab.Goto(s.URL)
	const stub = `window.axe = {run: (d, o) => Promise.resolve({violations: [{id: o.runOnly[4], impact: null, help: "Label it", nodes: [{target: ["#ward"]}]}]})}`
	got := tab.Axe(stub)
	if len(got) != 1 || got[0].String() != "wcag22aa (): Label it: #ward" {
		t.Errorf("got %v", got)
	}
}
