package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"homeward/care"
	"homeward/signin"
	"homeward/web/ui"
)

// A visit is one request by somebody, at one time.
type visit struct {
	r       *http.Request
	w       http.ResponseWriter
	route   route
	by      care.Actor // zero on public pages when nobody is signed in
	session care.Session
	token   string // "" when nobody is signed in
	now     time.Time
	said    string // a success to show once
	queried url.Values
	kept    bool // what was sent in a session that is over is kept
}

// ctx is for calls of the hub.
func (v *visit) ctx() context.Context { return v.r.Context() }

// path is a part of the path that the route names.
func (v *visit) path(name string) string { return v.r.PathValue(name) }

// id is the case that the path names.
func (v *visit) id() care.CaseID { return care.CaseID(v.path("id")) }

// form is a field of the posted form, trimmed.
func (v *visit) form(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }

// query is a value of the address, trimmed. No personal data may be asked for here.
func (v *visit) query(name string) string {
	if v.queried == nil {
		v.queried = v.r.URL.Query()
	}
	return strings.TrimSpace(v.queried.Get(name))
}

// signedIn reports whether it is known who this is, in which role.
func (v *visit) signedIn() bool { return v.by.ID != "" }

// serve makes an http handler of a route: who is it, what do they post, what
// is the answer.
func (s *Server) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{r: r, w: w, route: rt, now: s.Clock()}
		res, err := s.respond(v)
		if err != nil {
			res = s.errorPage(v, err)
		}
		if err := res.answer(s, v); err != nil && r.Context().Err() == nil {
			s.Log.Error("an answer was not sent", "request", v.requestID(), "route", r.Pattern, "error", err)
		}
	}
}

func (v *visit) requestID() string { return v.w.Header().Get("X-Request-Id") }

func (s *Server) respond(v *visit) (response, error) {
	if err := s.fromAddress(v); err != nil {
		return nil, err
	}
	if err := s.identify(v); err != nil && !v.route.public {
		if care.KindOf(err) == care.Login {
			s.keepSent(v)
		}
		return nil, err
	}
	if err := v.ofProvider(); err != nil {
		return nil, err
	}
	if err := s.fromReader(v); err != nil {
		return nil, err
	}
	if err := v.parse(); err != nil {
		return nil, err
	}
	if v.route.step {
		if !v.signedIn() { // a public route cannot ask who somebody is
			return nil, &care.Error{Kind: care.Login, Text: "Sign in to go on"}
		}
		if asks, err := s.steppedUp(v); err != nil || asks != nil {
			return asks, err
		}
	}
	res, err := v.route.do(v)
	if err == nil {
		s.sent(v, res)
	}
	return res, err
}

// identify finds out who this is.
func (s *Server) identify(v *visit) error {
	c, err := v.r.Cookie(s.cookieName())
	if err != nil {
		return &care.Error{Kind: care.Login, Text: "Sign in to go on"}
	}
	v.token = c.Value
	check := s.SignIn.Check
	if byItself(v.r) {
		check = s.SignIn.Glance
	}
	v.by, v.session, err = check(v.ctx(), c.Value)
	v.by.Address, v.by.Request, v.by.RoleID = s.Address(v.r), v.requestID(), v.session.Grant.Profile
	if errors.Is(err, signin.ErrEnrol) && v.route.enrol {
		err = nil
	}
	if err != nil {
		v.by = care.Actor{}
		return err
	}
	v.said = s.heard(v)
	return nil
}

func (s *Server) cookieName() string {
	if s.Secure {
		return "__Host-homeward" // bound to this host by the browser, RFC 6265bis 4.1.3.2
	}
	return "homeward"
}

// setCookie keeps a value in the browser for this site only; an empty value
// forgets it.
func (s *Server) setCookie(v *visit, name, value string) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(v.w, c)
}

// say keeps a success for the next page. It is signed with the session's token,
// which nobody else has, so that nobody can put words on our pages. It must
// hold no personal data.
func (s *Server) say(v *visit, text string) {
	if v.token == "" || text == "" {
		return
	}
	enc := base64.RawURLEncoding
	s.setCookie(v, s.cookieName()+"-said", enc.EncodeToString([]byte(text))+"."+enc.EncodeToString(seal(v.token, text)))
}

// heard is what was said on the page before; "" when nothing was, or when the
// words are not ours.
func (s *Server) heard(v *visit) string {
	c, err := v.r.Cookie(s.cookieName() + "-said")
	if err != nil {
		return ""
	}
	words, mac, _ := strings.Cut(c.Value, ".")
	text, err1 := base64.RawURLEncoding.DecodeString(words)
	sum, err2 := base64.RawURLEncoding.DecodeString(mac)
	if err1 != nil || err2 != nil || !hmac.Equal(sum, seal(v.token, string(text))) {
		return ""
	}
	return string(text)
}

func seal(token, text string) []byte {
	h := hmac.New(sha256.New, []byte("said"+token))
	h.Write([]byte(text))
	return h.Sum(nil)
}

// A response is what goes back to the browser.
type response interface {
	answer(*Server, *visit) error
}

// page is a screen. What every screen has is filled in when it is sent.
type page struct {
	ui.Page
	status int
}

// show is a page, as asked for.
func show(p ui.Page) response { return page{p, http.StatusOK} }

// refuse is a page with a form that was not accepted: 422, with "Error:" in its
// title. Its Main begins with ui.ErrorSummary.
func refuse(p ui.Page) response {
	p.Error = true
	return page{p, http.StatusUnprocessableEntity}
}

func (p page) answer(s *Server, v *visit) error {
	if p.status == http.StatusOK {
		if n := s.agreementWarnings(v); n != nil {
			p.Main = append([]ui.Node{n}, p.Main...)
		}
	}
	if line := s.casesGlass(v, p.status); line != nil {
		p.Main = append([]ui.Node{line}, p.Main...)
	}
	if v.said != "" && p.status == http.StatusOK {
		p.Main = append([]ui.Node{ui.Success(v.said)}, p.Main...)
		s.setCookie(v, s.cookieName()+"-said", "")
	}
	p.Assets, p.Phase = s.assets.URLs(), s.Phase
	if v.signedIn() {
		p.User = &ui.User{Name: v.by.Name, Role: v.by.Role.Say(), Org: v.by.OrgName}
		p.Nav = s.nav(v)
		if idle := s.SignIn.Idle(v.session.Grant); idle > 0 {
			p.Session = ui.Session{Idle: idle, Warn: min(2*time.Minute, idle/2)}
		}
	}
	if p.status == http.StatusOK {
		if t, ok := s.typedHere(v); ok {
			return s.writeTyped(v, p.Page, t)
		}
	}
	return ui.Write(v.w, v.r, p.status, p.Page)
}

// redirect leads on to another page of ours.
type redirect struct{ to, say string }

// goTo leads on after a change was made (303), so that reloading repeats nothing.
func goTo(to string) redirect { return redirect{to: to} }

// saying shows a success on the next page, once. It must hold no personal data.
func (r redirect) saying(text string) redirect { r.say = text; return r }

func (r redirect) answer(s *Server, v *visit) error {
	s.say(v, r.say)
	v.w.Header().Set("Cache-Control", "no-store")
	http.Redirect(v.w, v.r, r.to, http.StatusSeeOther)
	return nil
}

// done answers a script that something was done: 204, or 200 with plain words.
type done string

func (d done) answer(_ *Server, v *visit) error {
	v.w.Header().Set("Cache-Control", "no-store")
	if d == "" {
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := fmt.Fprint(v.w, string(d))
	return err
}

// stream writes to the browser by itself, such as server-sent events, until ctx
// ends: when the browser goes away or the server stops.
type stream func(ctx context.Context, w http.ResponseWriter) error

func (f stream) answer(s *Server, v *visit) error {
	ctx, cancel := context.WithCancel(v.ctx())
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-s.stopped:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := f(ctx, v.w)
	cancel()
	<-watched
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// byItself is whether a page asks without its reader doing anything: a live
// stream, or the polling that stands in for one. That does not keep a session
// from being idle.
func byItself(r *http.Request) bool {
	return r.Header.Get("X-Poll") != "" || r.Header.Get("Accept") == "text/event-stream"
}
