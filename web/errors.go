package web

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/signin"
	"homeward/web/ui"
)

// An answer is how a kind of error is shown.
type answer struct {
	status int
	title  string
	text   string // what the page says when the error has no words for people
	phones bool   // whom to ring instead
}

// answers is the one table from errors to pages. ui.md 7.17.
var answers = map[care.Kind]answer{
	care.Invalid:      {http.StatusUnprocessableEntity, "This cannot be done", "Something that was sent is not right. Go back and check it.", false},
	care.Required:     {http.StatusUnprocessableEntity, "Something is missing", "Go back and fill in what is missing.", false},
	care.BusinessRule: {http.StatusUnprocessableEntity, "This cannot be done now", "Go back and look at the case again.", false},
	care.NotFound:     {http.StatusNotFound, "Page not found", "If you typed the address, check it. If you followed a link, what it led to may have gone.", false},
	care.Forbidden:    {http.StatusForbidden, "You cannot see this", "Your role does not give access to this page. If you need it for your work, ask your information governance lead.", false},
	care.Conflict:     {http.StatusConflict, "Somebody else changed this", "Look at what was changed, then make your change again.", false},
	care.Duplicate:    {http.StatusConflict, "This is there already", "Look at what is there before you add another.", false},
	care.Throttled:    {http.StatusTooManyRequests, "Wait a moment", "There were too many tries. Wait a moment and try again.", false},
	care.Transient:    {http.StatusServiceUnavailable, "You cannot use Homeward right now", "You will be able to use it later. What you sent was not saved.", true},
	care.Exception:    {http.StatusInternalServerError, "Sorry, there is a problem with Homeward", "Try again later. What you sent may not have been saved.", true},
}

// errorPage turns an error into what the reader sees. It asks nothing of the
// database: it must work when that is gone.
func (s *Server) errorPage(v *visit, err error) response {
	kind := care.KindOf(err)
	if kind == care.Login {
		return s.toDoor(v, err)
	}
	a, ok := answers[kind]
	if !ok {
		kind, a = care.Exception, answers[care.Exception]
	}
	text := a.text
	var e *care.Error
	if errors.As(err, &e) && e.Text != "" && !a.phones {
		text = sentence(e.Text)
	}
	main := ui.Nodes{ui.H1(a.title), ui.P(text)}
	if e != nil && len(e.Allowed) > 0 {
		main = append(main, ui.P("You can do this instead:"), ui.Bullets(ui.Map(e.Allowed, func(w string) ui.Node { return ui.Text(w) })...))
	}
	if kind == care.Conflict || kind == care.BusinessRule || kind == care.Duplicate {
		main = append(main, wordsBack(v))
	}
	if paused := s.pausedRefusal(err); paused != nil {
		main = append(main, paused)
	}
	if a.phones && v.ctx().Err() == nil { // a reader who has gone is no fault of ours
		s.Log.Error("a page could not be shown", "request", v.requestID(), "route", v.r.Pattern, "error", err)
		main = append(main, s.phones(2), ui.Small("If you report this, give the number "+v.requestID()+"."))
	}
	if back := s.nearest(v); back != "" && v.signedIn() {
		main = append(main, ui.Para(ui.Link(back, "Go back")))
	}
	if kind == care.Throttled {
		v.retryLater()
	}
	return page{ui.Page{Title: a.title, Main: []ui.Node{ui.TwoThirds(main)}}, a.status}
}

// retryLater says to machines how many seconds to wait at most, where that is not
// known better. RFC 9110 10.2.3.
func (v *visit) retryLater() {
	if v.w.Header().Get("Retry-After") == "" {
		v.w.Header().Set("Retry-After", "30")
	}
}

// sentence ends text with a full stop where it has none.
func sentence(text string) string {
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// nearest is the page above the one that failed, such as the case of an action
// on a case; "" when there is none.
func (s *Server) nearest(v *visit) string { return s.nearestTo(v, v.r.URL.Path) }

// nearestTo is the page above a path.
func (s *Server) nearestTo(v *visit, path string) string {
	for strings.Count(path, "/") > 1 {
		path = path[:strings.LastIndexByte(path, '/')]
		if s.leads(v, http.MethodGet, path) {
			return path
		}
	}
	return ""
}

// toDoor sends somebody who is not signed in to where they can.
func (s *Server) toDoor(v *visit, err error) response {
	if errors.Is(err, signin.ErrChoose) {
		return goTo("/role")
	}
	if errors.Is(err, signin.ErrEnrol) {
		return goTo("/me")
	}
	q := url.Values{}
	if next := s.kindOfPage(v.r.URL.Path); next != "/" {
		q.Set("next", next)
	}
	if v.token != "" {
		// What a script asks for must not take away the session that a page has
		// just renewed.
		if mode := v.r.Header.Get("Sec-Fetch-Mode"); mode == "" || mode == "navigate" {
			s.setCookie(v, s.cookieName(), "")
		}
		q.Set("why", "ended")
		if v.kept {
			q.Set("why", "kept")
		}
	}
	to := "/signin"
	if len(q) > 0 {
		to += "?" + q.Encode()
	}
	return goTo(to)
}

// fieldErrors is err as the errors of a form, when it is about a field: ids
// gives the id of the control for a field's name, where they differ. ok is
// false for any other error, which the handler returns.
func fieldErrors(err error, ids map[string]string) (errs []ui.FieldError, ok bool) {
	var e *care.Error
	if !errors.As(err, &e) || e.Field == "" {
		return nil, false
	}
	switch e.Kind {
	case care.Invalid, care.Required, care.BusinessRule, care.Throttled, care.Login:
	default:
		return nil, false
	}
	id := e.Field
	if other, there := ids[id]; there {
		id = other
	}
	return []ui.FieldError{{ID: id, Text: e.Text}}, true
}

// wordsBack gives back the words that somebody sent in vain, so that they are not
// lost; nil when there are none.
func wordsBack(v *visit) ui.Node {
	if v.r.Method != http.MethodPost || !v.signedIn() {
		return nil
	}
	form := maps.Clone(v.r.PostForm)
	for _, f := range secretFields {
		delete(form, f)
	}
	words := hub.Typed{Form: form}.Words()
	return ui.If(len(words) > 0, func() ui.Node {
		return ui.Nodes{ui.H2("What you typed"), ui.Map(words, func(w string) ui.Node { return ui.Para(ui.Lines(w)) })}
	})
}

// overtaken is the page of a form that another was first with: 409. Where the form is
// on it no more, the words that were typed stand below it.
func (s *Server) overtaken(p ui.Page, v *visit, formThere bool) response {
	if !formThere {
		p.Main = append(p.Main, ui.TwoThirds(wordsBack(v)))
	}
	p.Error = true
	return page{p, http.StatusConflict}
}

// errorText is the words of an error that are for people; "" when it has none.
func errorText(err error) string {
	var e *care.Error
	if errors.As(err, &e) {
		return e.Text
	}
	return ""
}
