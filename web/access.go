package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"homeward/care"
	"homeward/signin"
	"homeward/web/ui"
)

// accessRoutes is signing in and out by an identity provider. ui.md 7.1. Public is
// where it is not known yet who comes, or where a provider's server does.
func (s *Server) accessRoutes() []route {
	return []route{
		{pattern: "GET /signin/with/{provider}", public: true, do: s.toProvider},
		{pattern: "GET /signin/from/{provider}", public: true, do: s.fromProvider},
		{pattern: "GET /me/confirm/there", own: true, do: s.toProve},
		{pattern: "GET /signin/front/{provider}", public: true, do: s.frontLogout},
		{pattern: "POST /signin/back/{provider}", public: true, do: s.backLogout},
		{pattern: "GET /signin/bye", public: true, do: s.toFarewell},
		{pattern: "GET /signin/out", public: true, do: s.isOut},
	}
}

// providerButtons are the ways to sign in with an organisation's own account, for
// the sign-in page. They are links: from a form the policy of the page would let
// no redirect lead to another host.
func (s *Server) providerButtons(next string) ui.Node {
	if s.Federation == nil {
		return ui.Nodes{}
	}
	var out ui.Nodes
	for i, p := range s.Federation.Providers {
		b := ui.Button{Text: p.Title, Href: withNext("/signin/with/"+p.Name, s.kindOfPage(next)), Kind: ui.Secondary}
		if i == 0 {
			b.Kind = ui.Primary
		}
		out = append(out, ui.Para(b))
	}
	return append(out, ui.H2("With a user name and password"))
}

func (s *Server) questionCookie() string { return s.cookieName() + "-asked" }

// toProvider sends the reader to a provider.
func (s *Server) toProvider(v *visit) (response, error) {
	p, ok := s.Federation.Find(v.path("provider"))
	if !ok {
		return nil, &care.Error{Kind: care.NotFound}
	}
	next := s.kindOfPage(v.query("next"))
	if v.signedIn() {
		return goTo(s.onward(v.by.Role, next)), nil
	}
	if v.r.Header.Get("Sec-Fetch-Site") == "cross-site" { // no session without an act of the reader's: OWASP ASVS 5.0 7.6.2
		return goTo(withNext("/signin", next)), nil
	}
	to, err := s.ask(v, p.Name, next, false)
	if err != nil {
		return s.trouble(v, p, err)
	}
	return goTo(to), nil
}

// ask is the address of a provider to which the reader goes with a question of
// ours. What their browser keeps meanwhile must come back with a link from there,
// so it is Lax and not Strict.
func (s *Server) ask(v *visit, provider, next string, again bool) (string, error) {
	l, err := s.Federation.Begin(v.ctx(), provider, next, again)
	if err != nil {
		return "", err
	}
	http.SetCookie(v.w, &http.Cookie{Name: s.questionCookie(), Value: l.Cookie, Path: "/", MaxAge: int(l.Life / time.Second),
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode})
	return l.URL, nil
}

// elsewhere leads somebody to prove again who they are at their provider, and then
// back to an address of ours. They come from a form, and the policy of our pages
// lets no form lead to another host, not even by a redirect: so a page leads on,
// by itself where browsers do that (WCAG technique G110).
func (s *Server) elsewhere(v *visit, back string) (response, error) {
	p, ok := s.Federation.Find(v.session.Provider)
	if !ok {
		return nil, &care.Error{Kind: care.NotFound}
	}
	to := withNext("/me/confirm/there", back)
	v.w.Header().Set("Refresh", "0; url="+to)
	return show(ui.Page{Title: "Confirm with your organisation", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.H1("Confirm with your organisation"),
		ui.P(p.Called+" asks who you are, and then you come back here."),
		ui.ActionLink(to, "Go to "+p.Called))}}), nil
}

// toProve sends somebody who is signed in to their provider, which must ask them
// again.
func (s *Server) toProve(v *visit) (response, error) {
	p, ok := s.Federation.Find(v.session.Provider)
	if !ok {
		return nil, &care.Error{Kind: care.NotFound}
	}
	to, err := s.ask(v, p.Name, s.ownPage(v, v.query("next")), true)
	if err != nil {
		return s.trouble(v, p, err)
	}
	return goTo(to), nil
}

// fromProvider lets in who comes back from a provider.
func (s *Server) fromProvider(v *visit) (response, error) {
	p, ok := s.Federation.Find(v.path("provider"))
	if !ok {
		return nil, &care.Error{Kind: care.NotFound}
	}
	asked := ""
	if c, err := v.r.Cookie(s.questionCookie()); err == nil {
		asked = c.Value
	}
	s.setCookie(v, s.questionCookie(), "")
	a, err := s.Federation.Return(v.ctx(), p.Name, asked, v.r.URL.Query(), v.token, s.Address(v.r))
	if err != nil {
		return s.trouble(v, p, err)
	}
	if !a.Again && v.token != "" { // whoever was signed in at this browser is not any more
		if err := s.SignIn.SignOut(v.ctx(), v.token, care.SwitchedUser); err != nil {
			return nil, err
		}
	}
	s.setCookie(v, s.cookieName(), a.Entry.Token)
	if a.Again {
		return goTo(s.ownPage(v, a.Next)), nil
	}
	next := s.kindOfPage(a.Next)
	if a.Entry.Choose {
		return goTo(withNext("/role", next)), nil
	}
	return s.landed(v, a.Entry.Account.ID, a.Entry.Session.Grant, next), nil
}

// trouble is the page of whoever did not get in by a provider.
func (s *Server) trouble(v *visit, p signin.Provider, err error) (response, error) {
	var pe *signin.ProviderError
	if !errors.As(err, &pe) {
		return nil, err
	}
	s.Log.Warn("signing in by a provider did not work", "request", v.requestID(), "provider", p.Name, "trouble", string(pe.Trouble), "why", pe.Why, "error", pe.Err)
	again := ui.Button{Text: "Try again", Href: "/signin", Kind: ui.Secondary}
	var status int
	var title string
	var main ui.Nodes
	switch pe.Trouble {
	case signin.Down:
		status, title = http.StatusServiceUnavailable, p.Called+" sign-in is not working"
		main = ui.Nodes{ui.P(p.Called + " does not answer as it must, so nobody can sign in with it now."), s.helpLine(p), again,
			ui.H2("If you cannot wait"), s.phones(3)}
	case signin.NoRole:
		status, title = http.StatusForbidden, "You’re signed in but have no access yet"
		main = ui.Nodes{ui.P(p.Called + " knows you, but nothing that it says of you gives you a role here. Ask your manager to have one given to you."), s.helpLine(p), s.phones(2)}
	case signin.Closed:
		status, title = http.StatusForbidden, "Your access is closed"
		main = ui.Nodes{ui.P("An administrator of Homeward has closed your access. Ask your manager."), s.phones(2)}
	case signin.Unassured:
		status, title = http.StatusForbidden, "Sign in with something stronger"
		main = ui.Nodes{ui.P("How you proved who you are to " + p.Called + " is not enough for people’s records. Sign in there with a smartcard, a security key or a second step, not with a password alone."), s.helpLine(p), again}
	case signin.Stale:
		status, title = http.StatusUnauthorized, "Sign in again"
		main = ui.Nodes{ui.P("This sign-in took too long, was begun in another window, or was used already. You are not signed in by it."), again}
	case signin.Declined:
		status, title = http.StatusUnauthorized, "You’re not signed in"
		main = ui.Nodes{ui.P("You stopped at " + p.Called + ", or it did not let you through."), again}
	case signin.Another:
		status, title = http.StatusForbidden, "Somebody else confirmed"
		main = ui.Nodes{ui.P("The person who confirmed is not the one who is signed in here. Nothing was done. Use “Switch user” if the computer has changed hands.")}
	default:
		status, title = http.StatusBadGateway, "Signing in did not work"
		main = ui.Nodes{ui.P("What " + p.Called + " answered could not be believed, so you are not signed in. Try again. If it happens again, tell your service desk."), s.helpLine(p), again,
			ui.Small("If you report this, give the number " + v.requestID() + ".")}
	}
	return page{ui.Page{Title: title, Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(append(ui.Nodes{ui.H1(title)}, main...))}}, status}, nil
}

// helpLine is whom to ring about a provider.
func (s *Server) helpLine(p signin.Provider) ui.Node {
	if p.Phone == "" {
		return ui.Nodes{}
	}
	return ui.SummaryList(phoneRow("Help with "+p.Called, p.Phone))
}

// farewell offers to end the provider's own session too, after ours has ended: on
// a shared computer the next person would else be let in without a question. What
// the provider needs to know its session again is kept for a moment by the browser.
func (s *Server) farewell(v *visit) ui.Node {
	p, ok := s.Federation.Find(v.session.Provider)
	if !ok || s.Federation.FarewellURL(v.ctx(), v.session) == "" {
		return ui.Nodes{}
	}
	value := p.Name + "." + v.session.Hint
	if len(value) > 3500 { // browsers keep 4096 bytes of a cookie with its attributes
		value = p.Name + "."
	}
	http.SetCookie(v.w, &http.Cookie{Name: s.cookieName() + "-bye", Value: value, Path: "/", MaxAge: 300, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode})
	return ui.Nodes{ui.P("You are still logged in to " + p.Called + " itself on this computer."), ui.Button{Text: "Log out of " + p.Called + " too", Href: "/signin/bye"}}
}

// toFarewell sends the reader to where a provider ends its own session.
func (s *Server) toFarewell(v *visit) (response, error) {
	c, err := v.r.Cookie(s.cookieName() + "-bye")
	if err != nil {
		return goTo("/signin/out"), nil
	}
	s.setCookie(v, s.cookieName()+"-bye", "")
	name, hint, _ := strings.Cut(c.Value, ".")
	to := s.Federation.FarewellURL(v.ctx(), care.Session{Provider: name, Hint: hint})
	if to == "" {
		to = "/signin/out"
	}
	return goTo(to), nil
}

// isOut is where a provider leads back to after its own logout.
func (s *Server) isOut(*visit) (response, error) {
	return show(ui.Page{Title: "You’re logged out", Width: ui.FormPage, Main: []ui.Node{
		ui.H1("You’re logged out"),
		ui.P("If this computer is shared, close the browser too."),
		ui.Button{Text: "Sign in again", Href: "/signin", Kind: ui.Secondary}}}), nil
}

// frontLogout ends the sessions of a browser that has logged out at a provider. It
// stands in a frame of the provider's page, and of nobody else's.
func (s *Server) frontLogout(v *visit) (response, error) {
	origin, err := s.frontEnds(v)
	switch care.KindOf(err) {
	case "":
		return framed{origin, http.StatusOK}, nil
	case care.Invalid:
		return framed{origin, http.StatusBadRequest}, nil
	}
	return nil, err
}

func (s *Server) frontEnds(v *visit) (string, error) {
	if s.Federation == nil {
		return "", &care.Error{Kind: care.NotFound}
	}
	return s.Federation.FrontChannel(v.ctx(), v.path("provider"), v.r.URL.Query())
}

// framed is an empty page that one other origin may frame.
type framed struct {
	origin string
	status int
}

func (f framed) answer(_ *Server, v *visit) error {
	h := v.w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors "+f.origin)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(f.status)
	_, err := io.WriteString(v.w, "<!doctype html><title>Logged out</title>")
	return err
}

// backLogout is a provider's server saying that sessions are over. OpenID Connect
// Back-Channel Logout 1.0, 2.8.
func (s *Server) backLogout(v *visit) (response, error) {
	if s.Federation == nil {
		return nil, &care.Error{Kind: care.NotFound}
	}
	err := s.Federation.BackChannel(v.ctx(), v.path("provider"), v.form("logout_token"))
	switch care.KindOf(err) {
	case "":
		return told{http.StatusOK, nil}, nil
	case care.Invalid:
		s.Log.Warn("a logout token was refused", "request", v.requestID(), "provider", v.path("provider"), "why", errorText(err))
		return told{http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": errorText(err)}}, nil
	case care.Transient:
		return told{http.StatusServiceUnavailable, map[string]string{"error": "temporarily_unavailable"}}, nil
	}
	return nil, err
}

// told answers another server, in JSON.
type told struct {
	status int
	doc    any // nil: nothing
}

func (t told) answer(_ *Server, v *visit) error {
	v.w.Header().Set("Cache-Control", "no-store")
	if t.doc == nil {
		v.w.WriteHeader(t.status)
		return nil
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(t.status)
	return json.NewEncoder(v.w).Encode(t.doc)
}
