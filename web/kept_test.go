package web

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"homeward/internal/browser"
	"homeward/signin"
)

const longNote = "She was up twice in the night.\nHer daughter rings at six; the key is with Mrs Lamb at number 16."

// A session ends while somebody types: what they send is theirs again after they
// sign in, in the form, and is sent only when they send it. Without scripts.
func TestTypedInASessionThatIsOver(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	notes := at(s.barbara, "/notes")
	over := func(r *reader, path string, fields ...string) shown {
		t.Helper()
		s.later(11 * time.Minute)
		return r.from(at(s.barbara, "?tab=notes"), path, fields...)
	}
	r := s.as("coordinator")
	got := over(r, notes, "key", "k-1", "audience", "both", "kind", "family", "text", longNote)
	if got.status != 303 || !strings.Contains(got.to, "why=kept") {
		t.Fatalf("%d to %s", got.status, got.to)
	}
	if strings.Contains(got.to, "Lamb") || strings.Contains(got.header.Get("Set-Cookie"), "Lamb") {
		t.Error("what was typed is in the address or the browser")
	}
	r.get(got.to).says("What you typed is kept for half an hour")
	if n := len(s.caseOf(s.barbara).Notes); n != 0 {
		t.Fatalf("%d notes", n)
	}

	t.Run("another comes to nothing of it", func(t *testing.T) {
		other := s.stranger()
		in := other.post("/signin", "login", "social-worker", "password", password)
		if strings.Contains(in.to, "typed") {
			t.Errorf("to %s", in.to)
		}
		mine := r.post("/signin", "login", "coordinator", "password", password)
		if p := other.get(mine.to); p.status == 200 && strings.Contains(p.body, "Mrs Lamb") {
			t.Error("another sees what was typed")
		}
		if p := other.get("/typed"); strings.Contains(p.body, "Mrs Lamb") {
			t.Error("another lists what was typed")
		}
	})
	t.Run("and nobody in another role", func(t *testing.T) {
		if in := s.stranger().post("/signin", "login", "coordinator-rx1", "password", password); strings.Contains(in.to, "typed") {
			t.Errorf("to %s", in.to)
		}
	})
	t.Run("its writer comes back to it", func(t *testing.T) {
		in := r.post("/signin", "login", "coordinator", "password", password)
		if !strings.HasPrefix(in.to, at(s.barbara, "?tab=notes")) || !strings.Contains(in.to, "typed=") {
			t.Fatalf("came to %s", in.to)
		}
		p := r.get(in.to)
		p.says("What you typed is kept.", "nothing was sent", "Mrs Lamb at number 16")
		if n := len(s.caseOf(s.barbara).Notes); n != 0 {
			t.Fatalf("it was sent by itself: %d notes", n)
		}
		if sent := r.submit(p, notes); sent.status != 303 {
			t.Fatalf("%d %s", sent.status, sent.text())
		}
		all := s.caseOf(s.barbara).Notes
		if len(all) != 1 || all[0].Text != strings.Join(strings.Fields(longNote), " ") || all[0].Audience != "both" || all[0].Kind != "family" {
			t.Errorf("%+v", all)
		}
		if p := r.get(in.to); strings.Contains(p.body, "What you typed is kept") {
			t.Error("what was sent is kept still")
		}
	})
	t.Run("only for half an hour", func(t *testing.T) {
		over(r, notes, "key", "k-2", "audience", "both", "kind", "other", "text", "late words")
		s.later(31 * time.Minute)
		if in := r.post("/signin", "login", "coordinator", "password", password); strings.Contains(in.to, "typed") {
			t.Errorf("to %s", in.to)
		}
	})
	t.Run("several are listed, and thrown away", func(t *testing.T) {
		over(r, notes, "key", "k-3", "audience", "both", "kind", "other", "text", "first words")
		r.from(at(s.walter, "?tab=notes"), at(s.walter, "/notes"), "key", "k-4", "audience", "both", "kind", "other", "text", "second words")
		in := r.post("/signin", "login", "coordinator", "password", password)
		_ = in
		list := r.get("/typed")
		list.says("first words")
		for _, f := range list.all("form") {
			if strings.HasSuffix(attr(f, "action"), "/drop") {
				r.post(attr(f, "action"))
			}
		}
		if p := r.get("/typed"); p.status != 303 {
			t.Errorf("%d %s", p.status, p.text())
		}
	})
	t.Run("a password is never kept", func(t *testing.T) {
		s.later(11 * time.Minute)
		r.from("/me/password", "/me/password", "current", "secret one", "password", "secret two", "again", "secret two")
		in := r.post("/signin", "login", "coordinator", "password", password)
		if p := r.get("/typed"); strings.Contains(p.body+in.to, "secret") {
			t.Error("a password is kept")
		}
	})
	if strings.Contains(s.log.String(), "Lamb") {
		t.Error("the log has what was typed")
	}
}

// Every form of the site that a session can end over comes back filled in.
func TestEveryFormComesBackFilledIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, f := range []struct{ login, page, action, field, typed string }{
		{"coordinator", at(s.barbara, "?tab=notes"), at(s.barbara, "/notes"), "text", "words of a note"},
		{"coordinator", at(s.barbara, "?tab=tasks"), at(s.barbara, "/tasks"), "", "words of a task"},
		{"team-manager", at(s.walter, "/referrals/ref-walter/return"), at(s.walter, "/referrals/ref-walter/return"), "needed", "words of what is needed"},
		{"coordinator", at(s.barbara, "/refer/needs"), at(s.barbara, "/refer/needs"), "", "words of needs"},
	} {
		r := s.as(f.login)
		p := r.get(f.page)
		if p.status != 200 {
			t.Errorf("%s: %d", f.page, p.status)
			continue
		}
		fields := url.Values{}
		for _, form := range p.all("form") {
			if attr(form, "action") != f.action || attr(form, "method") != "post" {
				continue
			}
			fields = p.inputs(f.action)
			if f.field == "" {
				for n := range form.Descendants() {
					if n.Data == "textarea" {
						f.field = attr(n, "name")
						break
					}
				}
			}
		}
		if f.field == "" {
			t.Errorf("%s has no form %s", f.page, f.action)
			continue
		}
		fields.Set(f.field, f.typed)
		s.later(31 * time.Minute)
		if got := r.fromValues(f.page, f.action, fields); !strings.Contains(got.to, "why=kept") {
			t.Errorf("%s: to %s", f.action, got.to)
			continue
		}
		in := r.post("/signin", "login", f.login, "password", password)
		back := r.get(in.to)
		found := false
		for _, n := range append(back.all("textarea"), back.all("input")...) {
			found = found || attr(n, "name") == f.field && (words(n) == f.typed || attr(n, "value") == f.typed)
		}
		if !found {
			t.Errorf("%s: %s at %s has not what was typed", f.action, f.field, in.to)
		}
		r.post("/typed/" + in.to[strings.LastIndex(in.to, "=")+1:] + "/drop")
	}
}

// keptSite is a site whose server can be stopped and started again, as a deploy
// does: another process with the same records at the same address.
type keptSite struct {
	*site
	address string
	server  *http.Server
	over    chan struct{}
	screens *Server
}

func newKeptSite(t *testing.T) *keptSite {
	s := &keptSite{site: newSite(t)}
	s.start("127.0.0.1:0")
	t.Cleanup(s.stop)
	return s
}

func (s *keptSite) start(address string) {
	s.t.Helper()
	accounts, err := signin.New(signin.Config{Accounts: s.hub, Orgs: s.hub.Org, Clock: s.clock, Zone: s.hub.Zone, Limits: signin.Limits{Floor: time.Nanosecond}})
	s.must(err)
	screens, err := New(Config{Hub: s.hub, SignIn: accounts, Clock: s.clock, Build: "next"})
	s.must(err)
	l, err := net.Listen("tcp", address)
	s.must(err)
	s.address, s.url, s.screens, s.over = l.Addr().String(), "http://"+l.Addr().String(), screens, make(chan struct{})
	s.server = &http.Server{Handler: screens.Handler()}
	s.server.RegisterOnShutdown(screens.Stop)
	go func(srv *http.Server, over chan struct{}) {
		defer close(over)
		_ = srv.Serve(l) // always http.ErrServerClosed
	}(s.server, s.over)
}

func (s *keptSite) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		s.server.Close()
	}
	<-s.over
}

// In a browser: the session ends, the network goes, a new version is put in place;
// each time the words are there, and go where they should.
func TestNothingTypedIsLost(t *testing.T) {
	t.Parallel()
	s := newKeptSite(t)
	tab := browser.New(t)
	s.signIn(tab, "coordinator")
	notes := s.url + at(s.barbara, "?tab=notes")
	write := func() {
		t.Helper()
		tab.Goto(notes)
		tab.Wait("document.querySelector('#text') != null", 5*time.Second)
		tab.Eval("document.querySelector('[name=audience][value=both]').click()")
		tab.Click("#text")
		tab.Press("Her key is with Mrs Lamb.")
	}
	text := func() string { return browser.Eval[string](tab, "document.querySelector('#text')?.value ?? ''") }
	const save = "form[action$='/notes'] button[type=submit]"

	// The server is away, as in a deploy or when the network goes.
	write()
	s.stop()
	tab.Click(save)
	tab.WaitText("form[action$='/notes']", "Nothing was sent. What you typed is still here", 10*time.Second)
	if text() != "Her key is with Mrs Lamb." {
		t.Errorf("after a save without a server the note is %q", text())
	}
	s.start(s.address)
	tab.WaitText("form[action$='/notes']", "send it now", 10*time.Second)
	tab.Follow(save)
	tab.WaitText("main", "The note was saved", 5*time.Second)
	if all := s.caseOf(s.barbara).Notes; len(all) != 1 || all[0].Text != "Her key is with Mrs Lamb." {
		t.Errorf("%+v", all)
	}
	tab.ConsoleErrors() // of what could not be reached

	// The session is over on the server before the page knows.
	write()
	s.later(11 * time.Minute)
	tab.Follow(save)
	tab.WaitText("main", "What you typed is kept for half an hour", 5*time.Second)
	again := func() {
		t.Helper()
		tab.Type("#login", "coordinator")
		tab.Type("#password", password)
		tab.Follow("main form button[type=submit]")
		tab.WaitText("main", "What you typed is kept.", 5*time.Second)
	}
	again()
	if text() != "Her key is with Mrs Lamb." {
		t.Errorf("after signing in again the note is %q", text())
	}
	tab.Follow(save)
	tab.WaitText("main", "The note was saved", 5*time.Second)

	// The page finds that its reader was idle for too long.
	write()
	tab.Eval("Date.now = ((now) => () => now() + 11 * 60 * 1000)(Date.now.bind(Date))")
	tab.WaitText("h1", "Sign in", 10*time.Second)
	again()
	if text() != "Her key is with Mrs Lamb." {
		t.Errorf("after being logged out by the page the note is %q", text())
	}
	tab.ConsoleErrors()
}

// A form that saves drafts goes on by itself when the server is back.
func TestADraftIsSavedWhenTheServerIsBack(t *testing.T) {
	t.Parallel()
	s := newKeptSite(t)
	tab := browser.New(t)
	s.signIn(tab, "coordinator")
	tab.Goto(s.url + at(s.barbara, "/refer/needs"))
	name := browser.Eval[string](tab, "document.querySelector('form[data-autosave] textarea').id")
	s.stop()
	tab.Click("#" + name)
	tab.Press("Needs 1 person to wash.")
	tab.Eval("document.activeElement.blur()")
	tab.WaitText("[data-autosave-status]", "no connection to Homeward", 10*time.Second)
	s.start(s.address)
	tab.WaitText("[data-autosave-status]", "Draft saved at", 10*time.Second)
	tab.ConsoleErrors()
	if p := s.as("coordinator").get(at(s.barbara, "/refer/needs")); !strings.Contains(p.body, "Needs 1 person to wash.") {
		t.Error("the draft is not on the server")
	}
}

// from posts a form as a browser does: it says on which page the form stood.
func (r *reader) from(page, path string, fields ...string) shown {
	r.s.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Add(fields[i], fields[i+1])
	}
	return r.fromValues(page, path, v)
}

func (r *reader) fromValues(page, path string, v url.Values) shown {
	r.s.t.Helper()
	req, err := http.NewRequest("POST", r.s.url+path, strings.NewReader(v.Encode()))
	r.s.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Referer", r.s.url+page)
	return r.send(req)
}
