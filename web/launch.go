package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// launchRoutes is coming from a hospital's record system with a person in
// context. The link itself is public: somebody may have to sign in first. It
// tells nothing; the page behind it does, and asks for the reason. ui.md 7.2.
func (s *Server) launchRoutes() []route {
	return []route{
		{pattern: "GET /launch/{link}", public: true, do: s.openLaunch},
		{pattern: "GET /lookup/launch", nav: "find", asks: []policy.Action{policy.Lookup}, do: s.launched},
		{pattern: "POST /lookup/launch", nav: "find", asks: []policy.Action{policy.Lookup}, do: s.lookLaunched},
	}
}

// launchPage is where a launch goes on. It stands below the door "find", so that
// whoever signs in first comes back to it.
const launchPage = "/lookup/launch"

// openLaunch uses a link up, and keeps in the browser which person is in
// context: by an opaque name, in a cookie that sign-in does not touch.
func (s *Server) openLaunch(v *visit) (response, error) {
	if v.r.Method != http.MethodGet || strings.Contains(v.r.Header.Get("Sec-Purpose")+v.r.Header.Get("Purpose"), "prefetch") {
		return s.noLaunch(), nil // whoever only looks ahead must not use the link up
	}
	name, err := s.Hub.OpenLaunch(v.ctx(), v.by, v.path("link"))
	if care.KindOf(err) == care.NotFound {
		return s.noLaunch(), nil
	}
	if err != nil {
		return nil, err
	}
	s.keepLaunch(v, name)
	return goTo(launchPage), nil
}

// keepLaunch keeps the name of a launch in the browser, or forgets it when "".
func (s *Server) keepLaunch(v *visit, name string) {
	c := &http.Cookie{Name: s.cookieName() + "-launch", Value: name, Path: "/", MaxAge: int(hub.ContextLife.Seconds()), HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode}
	if name == "" {
		c.MaxAge = -1
	}
	http.SetCookie(v.w, c)
}

func (s *Server) launchOf(v *visit) string {
	c, err := v.r.Cookie(s.cookieName() + "-launch")
	if err != nil {
		return ""
	}
	return c.Value
}

// noLaunch is the page for a link that is used, over, another organisation's or
// nobody's. It is one and the same.
func (s *Server) noLaunch() response {
	return page{ui.Page{Title: "This link cannot be used", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.H1("This link cannot be used"),
		ui.P("A link from a hospital’s record system works once, for 2 minutes, and for staff of that hospital."),
		ui.P("Go back to the record system and open Homeward from there again."),
		ui.Para(ui.Link("/lookup", "Find a person here")))}}, http.StatusNotFound}
}

// launched is the look-up with the person in context. Where the reason was given
// for them in this session already, it goes straight on.
func (s *Server) launched(v *visit) (response, error) {
	name := s.launchOf(v)
	if name == "" {
		return goTo("/lookup"), nil
	}
	l, err := s.Hub.Launched(v.ctx(), v.by, v.session, name)
	if care.KindOf(err) == care.NotFound {
		s.keepLaunch(v, "")
		return s.noLaunch(), nil
	}
	if err != nil {
		return nil, err
	}
	if l.Reason != "" && !l.Somebody {
		return s.finishLaunch(v, name, l, lookForm{reason: string(l.Reason), words: l.Words})
	}
	return show(s.launchForm(v, name, l, lookForm{}, nil)), nil
}

// lookLaunched takes the reason, and what the record system did not tell.
func (s *Server) lookLaunched(v *visit) (response, error) {
	name := s.launchOf(v)
	if name == "" || v.form("in") != contextMark(name) {
		return s.noLaunch(), nil // another person came into context since, in another tab
	}
	l, err := s.Hub.Launched(v.ctx(), v.by, v.session, name)
	if care.KindOf(err) == care.NotFound {
		s.keepLaunch(v, "")
		return s.noLaunch(), nil
	}
	if err != nil {
		return nil, err
	}
	return s.finishLaunch(v, name, l, readLook(v, false))
}

// contextMark ties a form to the person who was in context when it was made. It
// tells nothing of the name.
func contextMark(name string) string {
	sum := sha256.Sum256([]byte("in context\x00" + name))
	return hex.EncodeToString(sum[:12])
}

// brought puts what the link brought in the place of what may have been typed.
func (f lookForm) brought(l hub.LaunchView) lookForm {
	if !l.Number.IsZero() {
		f.nhs = l.Number.Spaced()
	}
	if !l.Born.IsZero() {
		f.born = typedDate{strconv.Itoa(l.Born.Day), strconv.Itoa(int(l.Born.Month)), strconv.Itoa(l.Born.Year)}
	}
	return f
}

func (s *Server) finishLaunch(v *visit, name string, l hub.LaunchView, f lookForm) (response, error) {
	f = f.brought(l)
	q, wrong := f.request()
	if len(wrong) > 0 {
		return refuse(s.launchForm(v, name, l, f, wrong)), nil
	}
	result, err := s.Hub.LookLaunched(v.ctx(), v.by, v.session, name, q)
	if res, err := s.lookFailed(v, f, result, err); res != nil || err != nil { // the usual form, so that all of it can be mended
		return res, err
	}
	s.keepLaunch(v, "")
	return goTo("/lookup/result/" + result.Handle), nil
}

// launchForm shows who is in context and asks for the rest.
func (s *Server) launchForm(v *visit, name string, l hub.LaunchView, f lookForm, errs []ui.FieldError) ui.Page {
	source := "From " + l.System + " at " + ui.Clock(l.At)
	var rows []ui.Row
	if l.HospitalNo != "" {
		rows = append(rows, ui.Row{Key: "Hospital number", Value: ui.Text(l.HospitalNo), Source: source})
	}
	if !l.Number.IsZero() {
		rows = append(rows, ui.Row{Key: "NHS number", Value: ui.NHSNo(l.Number), Source: source})
	}
	if !l.Born.IsZero() {
		rows = append(rows, ui.Row{Key: "Date of birth", Value: ui.NoWrap(ui.Day(l.Born)), Source: source})
	}
	return ui.Page{Title: "Look up this person", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1("Look up this person"),
		ui.If(l.Somebody, func() ui.Node {
			return ui.Inset(ui.P(l.System + " says that somebody else opened this link. You are signed in as " + v.by.Name + ". If that is not you, switch user before you go on."))
		}),
		ui.SummaryList(rows...),
		ui.PostForm(launchPage,
			ui.Hidden("in", contextMark(name)),
			ui.If(l.Number.IsZero(), func() ui.Node { return f.numberField(errs) }),
			ui.If(l.Born.IsZero(), func() ui.Node { return f.bornField(errs) }),
			f.reasonField(errs),
			ui.Submit("Find person")),
		ui.Para(ui.Link("/lookup", "Find another person")),
		ui.Small(lookRecorded),
	)}}
}
