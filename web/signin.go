package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/signin"
	"homeward/web/ui"
)

// signinRoutes is the door: in, out, and between roles.
func (s *Server) signinRoutes() []route {
	return []route{
		{pattern: "GET /signin", public: true, do: s.door},
		{pattern: "POST /signin", public: true, do: s.enter},
		{pattern: "GET /signin/second", public: true, do: s.askSecond},
		{pattern: "POST /signin/second", public: true, do: s.second},
		{pattern: "POST /signin/second/ask", public: true, do: s.askHalfPasskey},
		{pattern: "POST /signin/passkey", public: true, do: s.enterPasskey},
		{pattern: "POST /signin/passkey/ask", public: true, do: s.askPasskey},
		{pattern: "GET /role", public: true, do: s.askRole},
		{pattern: "POST /role", public: true, do: s.takeRole},
		{pattern: "POST /logout", public: true, do: s.leave},
		{pattern: "POST /switch", public: true, do: s.swap},
		{pattern: "POST /session/touch", own: true, do: func(*visit) (response, error) { return done(""), nil }},
	}
}

// door is the sign-in page. Why somebody stands before it is in its address;
// there is nothing secret in that.
func (s *Server) door(v *visit) (response, error) {
	if v.signedIn() {
		return goTo(s.onward(v.by.Role, v.query("next"))), nil
	}
	return show(s.signinPage(v, v.query("next"), v.query("why"), "", nil)), nil
}

func (s *Server) signinPage(v *visit, next, why, login string, errs []ui.FieldError) ui.Page {
	var news ui.Node
	switch why {
	case "ended":
		news = ui.Notification{Heading: "You were logged out to keep records safe. Your draft is saved."}
	case "kept":
		news = ui.Notification{Heading: "You were logged out to keep records safe. What you typed is kept for half an hour: sign in again to check and send it."}
	case "slow":
		news = ui.Notification{Heading: "That took too long. Sign in again."}
	case "switched":
		news = ui.Notification{Heading: "The user before you is logged out. Sign in to go on."}
	}
	var orgs []string
	for _, o := range s.Hub.Orgs {
		if o.Kind == care.Trust || o.Kind == care.Council {
			orgs = append(orgs, o.Name)
		}
	}
	return ui.Page{Title: "Sign in", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), news,
		ui.H1("Sign in to Homeward"),
		ui.If(len(orgs) > 0, func() ui.Node { return ui.P("For staff at " + listed(orgs) + ".") }),
		s.providerButtons(next),
		ui.PostForm("/signin",
			ui.If(s.kindOfPage(next) != "/", func() ui.Node { return ui.Hidden("next", s.kindOfPage(next)) }),
			ui.Input{ID: "login", Label: "User name", Value: login, Width: 20, Autocomplete: "username", Error: ui.ErrorFor(errs, "login")},
			ui.PasswordInput{ID: "password", Label: "Password", Error: ui.ErrorFor(errs, "password")},
			ui.Submit("Sign in")),
		ui.If(!s.party(v).IsZero(), func() ui.Node {
			return ui.PostForm("/signin/passkey",
				ui.If(s.kindOfPage(next) != "/", func() ui.Node { return ui.Hidden("next", s.kindOfPage(next)) }),
				ui.PasskeyButton{Text: "Sign in with a passkey", From: "/signin/passkey/ask", Fields: "confirm", Second: true,
					Failed: "No passkey was used. Try again, or sign in with your password."})
		}),
		ui.Small("What you look at is recorded with your name."),
	)}}
}

// listed joins names as a sentence does: "A, B and C".
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func (s *Server) enter(v *visit) (response, error) {
	login, next := v.form("login"), v.form("next")
	e, err := s.SignIn.SignIn(v.ctx(), login, v.r.PostFormValue("password"), s.Address(v.r))
	if res, err := s.refusedDoor(v, next, login, err); res != nil || err != nil {
		return res, err
	}
	if e.Half != nil {
		s.setCookie(v, s.halfName(), e.Half.Ticket)
		return goTo(withNext("/signin/second", s.kindOfPage(next))), nil
	}
	return s.entered(v, e, next)
}

// refusedDoor is the answer to a sign-in that did not succeed; nothing when it
// did.
func (s *Server) refusedDoor(v *visit, next, login string, err error) (response, error) {
	switch kind := care.KindOf(err); kind {
	case "":
		return nil, nil
	case care.Required:
		errs, _ := fieldErrors(err, nil)
		return refuse(s.signinPage(v, next, "", login, errs)), nil
	case care.Login, care.Throttled:
		p := s.signinPage(v, next, "", login, []ui.FieldError{{ID: "login", Text: errorText(err)}})
		p.Error = true
		if kind == care.Throttled {
			v.retryLater()
		}
		return page{p, answers401[kind]}, nil
	case care.Forbidden:
		return page{s.noAccess(errorText(err)), 403}, nil
	}
	return nil, err
}

// entered goes on in a session that has just begun. Whoever was signed in at
// this browser is not any more.
func (s *Server) entered(v *visit, e signin.Entry, next string) (response, error) {
	if v.token != "" {
		if err := s.SignIn.SignOut(v.ctx(), v.token, care.SwitchedUser); err != nil {
			return nil, err
		}
	}
	s.setCookie(v, s.cookieName(), e.Token)
	if e.Choose {
		return goTo(withNext("/role", s.kindOfPage(next))), nil
	}
	return s.landed(v, e.Account.ID, e.Session.Grant, next), nil
}

// withNext is a path that remembers where to go on; "/" is nowhere.
func withNext(path, next string) string {
	if next == "/" {
		return path
	}
	return path + "?" + url.Values{"next": {next}}.Encode()
}

// answers401 is the status of a sign-in that was refused.
var answers401 = map[care.Kind]int{care.Login: 401, care.Throttled: 429}

func (s *Server) noAccess(text string) ui.Page {
	return ui.Page{Title: "You have no access yet", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.H1("You’re signed in but have no access yet"), ui.P(sentence(text)), s.phones(2))}}
}

// onward is where to go after signing in: the kind of page that was asked for
// when the role's menu has it, else where the role begins.
func (s *Server) onward(r care.Role, next string) string {
	next = s.kindOfPage(next)
	for _, d := range s.open(r) {
		if next == d.path || strings.HasPrefix(next, d.path+"/") {
			return next
		}
	}
	return s.home(r)
}

// askRole lets somebody with several roles choose in which one they work now.
func (s *Server) askRole(v *visit) (response, error) { return s.rolePage(v, v.query("next"), nil) }

func (s *Server) rolePage(v *visit, next string, errs []ui.FieldError) (response, error) {
	a, ses, err := s.SignIn.Pending(v.ctx(), v.token)
	if err != nil {
		return nil, err
	}
	r := ui.Radios{ID: "role", Legend: "What are you working as now?", Heading: true, Error: ui.ErrorFor(errs, "role"),
		Hint: "What you can see depends on it. You can choose again by switching user."}
	for i, g := range a.Grants {
		c := ui.Choice{Value: strconv.Itoa(i), Label: g.Role.Say(), Hint: s.Hub.Org(g.Org).Name}
		if g == ses.Grant || ses.Grant.IsZero() && g == a.Last {
			r.Value = c.Value
		}
		r.Items = append(r.Items, c)
	}
	p := ui.Page{Title: "Choose your role", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(ui.ErrorSummary(errs),
		ui.PostForm("/role", ui.Hidden("next", s.kindOfPage(next)), ui.Hidden("of", rolesMark(a.Grants)), r, ui.Submit("Continue")))}}
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// rolesMark ties the choice to the list that was shown: a provider or an
// administrator may change it meanwhile, and the second is another role then.
func rolesMark(gs []care.Grant) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", gs))
	return hex.EncodeToString(sum[:8])
}

func (s *Server) takeRole(v *visit) (response, error) {
	next := v.form("next")
	a, _, err := s.SignIn.Pending(v.ctx(), v.token)
	if err != nil {
		return nil, err
	}
	if v.form("of") != rolesMark(a.Grants) {
		return s.rolePage(v, next, []ui.FieldError{{ID: "role", Text: "Your roles have changed. Select what you are working as now"}})
	}
	n, err := strconv.Atoi(v.form("role"))
	if err != nil {
		return s.rolePage(v, next, []ui.FieldError{{ID: "role", Text: "Select what you are working as now"}})
	}
	e, err := s.SignIn.Choose(v.ctx(), v.token, n, s.Address(v.r))
	if errs, ok := fieldErrors(err, nil); ok {
		return s.rolePage(v, next, errs)
	}
	if err != nil {
		return nil, err
	}
	s.setCookie(v, s.cookieName(), e.Token)
	if err := s.Hub.RememberRole(v.ctx(), e.Account.ID, e.Session.Grant); err != nil {
		return nil, err
	}
	return s.landed(v, e.Account.ID, e.Session.Grant, next), nil
}

// leave ends the session. The answer is a page of ours, not a redirect, so that
// an identity provider's own page can be linked to from it.
func (s *Server) leave(v *visit) (response, error) {
	if err := s.end(v, care.SignedOut); err != nil {
		return nil, err
	}
	if v.form("idle") != "" && v.form("asked") == "" { // app.js sent the form when the time was up
		return goTo("/signin?why=ended&" + url.Values{"next": {s.cameFrom(v)}}.Encode()), nil
	}
	return show(ui.Page{Title: "You’re logged out", Width: ui.FormPage, Main: []ui.Node{
		ui.H1("You’re logged out"),
		s.farewell(v),
		ui.P("If this computer is shared, close the browser too."),
		ui.Button{Text: "Sign in again", Href: "/signin", Kind: ui.Secondary}}}), nil
}

// swap ends the session so that a colleague can sign in, who then comes to the
// same kind of page and never to the same person.
func (s *Server) swap(v *visit) (response, error) {
	if err := s.end(v, care.SwitchedUser); err != nil {
		return nil, err
	}
	return goTo("/signin?" + url.Values{"why": {"switched"}, "next": {s.cameFrom(v)}}.Encode()), nil
}

func (s *Server) end(v *visit, how care.SignInEvent) error {
	s.setCookie(v, s.cookieName(), "")
	s.setCookie(v, s.cookieName()+"-said", "")
	v.by = care.Actor{}
	if v.token == "" {
		return nil
	}
	return s.SignIn.SignOut(v.ctx(), v.token, how)
}

// cameFrom is the kind of page that the form stood on.
func (s *Server) cameFrom(v *visit) string {
	u, err := url.Parse(v.r.Referer())
	if err != nil || u.Host != v.r.Host {
		return "/"
	}
	return s.kindOfPage(u.Path)
}
