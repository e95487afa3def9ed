package web

import (
	"errors"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"homeward/care"
	"homeward/signin"
	"homeward/web/ui"
)

// Step-up: before something grave the reader proves again who they are, unless
// they have within the last minutes (OWASP ASVS 5.0 7.5.3). A route that is
// marked step gets the question in place of its answer; what was posted stands
// hidden in the question's form, which posts to the same route again, with the
// proof. So nothing typed is lost, and nothing is kept on the way.

// The fields of a proof. No other form may use their names.
const (
	confirmPassword = "confirm-password"
	confirmCode     = "confirm-code"
	confirmTicket   = "confirm-ticket" // of a passkey's challenge
	confirmAnswer   = "confirm-answer"
	confirmTo       = "confirm-to"
)

var confirmFields = []string{confirmPassword, confirmCode, confirmTicket, confirmAnswer, confirmTo}

// mostKept is the longest posted form that is kept through a step-up, in bytes:
// the proof must fit beside it.
const mostKept = maxBody - 16<<10

// steppedUp sees to it that the reader has proven who they are. No response and
// no error mean that the route may go on.
func (s *Server) steppedUp(v *visit) (response, error) {
	proof, given := s.proof(v)
	v.dropProof()
	if s.SignIn.Fresh(v.session) {
		return nil, nil
	}
	if !given {
		return s.confirmPage(v, nil)
	}
	errs, err := s.confirm(v, proof)
	if err != nil || len(errs) == 0 {
		return nil, err
	}
	return s.confirmPage(v, errs)
}

// proof is what the reader showed; given is whether they answered the question.
func (s *Server) proof(v *visit) (p signin.Proof, given bool) {
	p = signin.Proof{Password: v.r.PostFormValue(confirmPassword), Code: v.form(confirmCode),
		Ticket: v.form(confirmTicket), Passkey: []byte(v.r.PostFormValue(confirmAnswer)), Party: s.party(v)}
	_, given = v.r.PostForm[confirmPassword]
	return p, given || p.Ticket != ""
}

// dropProof takes the proof out of the form, so that no handler ever sees it.
func (v *visit) dropProof() {
	for _, f := range confirmFields {
		v.r.Form.Del(f)
		v.r.PostForm.Del(f)
		if v.r.MultipartForm != nil {
			delete(v.r.MultipartForm.Value, f)
		}
	}
}

// confirm checks a proof and goes on in the new session.
func (s *Server) confirm(v *visit, p signin.Proof) ([]ui.FieldError, error) {
	e, err := s.SignIn.Confirm(v.ctx(), v.token, p, s.Address(v.r))
	if errs, ok := fieldErrors(err, nil); ok {
		return errs, nil
	}
	if err != nil {
		return nil, err
	}
	s.renewed(v, e)
	return nil, nil
}

// renewed goes on in a session that takes the place of the reader's own.
func (s *Server) renewed(v *visit, e signin.Entry) {
	v.token, v.session = e.Token, e.Session
	s.setCookie(v, s.cookieName(), e.Token)
}

// confirmPage asks who the reader is, in place of the route's own answer.
func (s *Server) confirmPage(v *visit, errs []ui.FieldError) (response, error) {
	action := v.r.URL.RequestURI()
	if v.r.Method != http.MethodPost { // the proof must not stand in an address
		return s.confirmFirst(v, action, errs)
	}
	if len(v.r.PostForm.Encode()) > mostKept {
		return nil, &care.Error{Kind: care.Invalid, Text: "What you sent is too long to be kept while you confirm that it is you. Go back, make the longest answers shorter, and send it again"}
	}
	f := ui.Form{Action: action, Body: hiddenFields(v.r.PostForm)}
	if v.session.Provider != "" {
		f.Action, f.Body = "/me/confirm/elsewhere", append(f.Body, ui.Hidden(confirmTo, action))
		return s.confirmElsewhere(f), nil
	}
	if v.r.MultipartForm != nil {
		f.Upload = true
		f.Body = append(f.Body, filesAgain(v.r.MultipartForm)...)
	}
	return s.confirmWith(v, f, errs)
}

// confirmFirst asks who the reader is before they go on to a page.
func (s *Server) confirmFirst(v *visit, to string, errs []ui.FieldError) (response, error) {
	f := ui.Form{Action: "/me/confirm", Body: []ui.Node{ui.Hidden(confirmTo, to)}}
	if v.session.Provider != "" {
		f.Action = "/me/confirm/elsewhere"
		return s.confirmElsewhere(f), nil
	}
	return s.confirmWith(v, f, errs)
}

// hiddenFields are the fields of a form that was posted.
func hiddenFields(form url.Values) (out []ui.Node) {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			out = append(out, ui.Hidden(name, value))
		}
	}
	return out
}

// filesAgain asks for the files of a form again: a page cannot carry a file.
func filesAgain(m *multipart.Form) []ui.Node {
	var out []ui.Node
	for _, name := range slices.Sorted(maps.Keys(m.File)) {
		if files := m.File[name]; len(files) > 0 && files[0].Filename != "" {
			out = append(out, ui.FileInput{ID: name, Label: "Choose the file again", Hint: "All else that you entered is kept. A file cannot be."})
		}
	}
	return out
}

// confirmWith is the page, with a form that carries what it must.
func (s *Server) confirmWith(v *visit, f ui.Form, errs []ui.FieldError) (response, error) {
	has, err := s.SignIn.Has(v.ctx(), v.by.ID)
	if err != nil {
		return nil, err
	}
	f.Body = append(f.Body, ui.PasswordInput{ID: confirmPassword, Label: "Password", Error: ui.ErrorFor(errs, confirmPassword)})
	if has.Second() {
		f.Body = append(f.Body, codeInput(confirmCode, has, errs))
	}
	f.Body = append(f.Body, ui.Submit("Confirm and continue"))
	if len(has.Passkeys) > 0 && !s.party(v).IsZero() {
		f.Body = append(f.Body, ui.PasskeyButton{Text: "Use a passkey instead", From: "/me/passkeys/ask", Fields: "confirm", Second: true})
	}
	return confirmLayout(errs, f), nil
}

// codeInput asks for a code of the app, or a recovery code.
func codeInput(id string, has signin.Has, errs []ui.FieldError) ui.Node {
	in := ui.Input{ID: id, Label: "Code from your app", Hint: "6 numbers. If you do not have your phone, enter a recovery code.", Width: 20, Autocomplete: "one-time-code", Code: true, Error: ui.ErrorFor(errs, id)}
	if has.App == nil {
		in.Label, in.Hint = "Recovery code", "Only if you cannot use your passkey."
	}
	return in
}

func confirmLayout(errs []ui.FieldError, f ui.Form) response {
	p := ui.Page{Title: "Confirm that it is you", Width: ui.FormPage, Error: len(errs) > 0, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1("Confirm that it is you"),
		ui.P("We ask again before something that matters this much. Nothing that you entered is lost, and nothing is done until you continue."),
		f,
		ui.Small("If this is not your session, use “Switch user” above."))}}
	return page{p, http.StatusUnauthorized}
}

// confirmElsewhere is the page of somebody for whom an identity provider vouches.
func (s *Server) confirmElsewhere(f ui.Form) response {
	f.Body = append(f.Body, ui.P("You sign in with your organisation’s account, so you confirm there and come back here."), ui.Submit("Confirm with your organisation"))
	if s.Federation == nil {
		f.Body = []ui.Node{ui.P("This needs your organisation’s sign-in, which is not set up here any more. Log out and sign in again.")}
	}
	return confirmLayout(nil, f)
}

// A kept form waits for its sender to come back from their provider.
type keptForm struct {
	To   string     `json:"to"`
	Form url.Values `json:"form"`
}

// confirmThere sends the reader to their provider and keeps what they posted.
func (s *Server) confirmThere(v *visit) (response, error) {
	to := v.form(confirmTo)
	v.dropProof()
	if s.Federation == nil || v.session.Provider == "" {
		return nil, &care.Error{Kind: care.NotFound}
	}
	if len(v.r.PostForm) == 0 {
		return s.elsewhere(v, s.ownPage(v, to))
	}
	ticket, err := s.SignIn.Keep(v.ctx(), v.token, keptForm{to, v.r.PostForm})
	if err != nil {
		return nil, err
	}
	return s.elsewhere(v, "/me/confirm/"+ticket)
}

// resume is where somebody comes back to from their provider: the form that they
// posted, to send now.
func (s *Server) resume(v *visit) (response, error) {
	var k keptForm
	err := s.SignIn.Kept(v.ctx(), v.token, v.path("ticket"), &k)
	if care.KindOf(err) == care.NotFound {
		return nil, &care.Error{Kind: care.NotFound, Text: "This took too long, so what you sent is gone. Go back to where you began"}
	}
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(k.To)
	if err != nil || !s.leads(v, http.MethodPost, u.Path) {
		return nil, &care.Error{Kind: care.NotFound}
	}
	return show(ui.Page{Title: "Continue", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.H1("Thank you. It is you"),
		ui.P("What you sent is kept, and not done yet."),
		ui.Form{Action: u.RequestURI(), Body: append(hiddenFields(k.Form), ui.Submit("Continue"))})}}), nil
}

// leads reports whether a path is that of a route of ours, as it stands: one that
// the router would tidy first, such as //elsewhere/../lookup, may name another
// host to a browser.
func (s *Server) leads(v *visit, method, to string) bool {
	if path.Clean(to) != to || strings.HasPrefix(to, "//") {
		return false
	}
	_, pattern := s.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: to}, Host: v.r.Host})
	return strings.HasPrefix(pattern, method+" /") && !strings.HasSuffix(pattern, "/static/")
}

// askConfirm is the question by itself, before a form that carries a file, or
// after coming back to a page that needs it.
func (s *Server) askConfirm(v *visit) (response, error) {
	return s.confirmFirst(v, s.ownPage(v, v.query("to")), nil)
}

// confirmed goes on to the page that asked.
func (s *Server) confirmed(v *visit) (response, error) {
	to := s.ownPage(v, v.form(confirmTo))
	proof, _ := s.proof(v)
	v.dropProof()
	errs, err := s.confirm(v, proof)
	if err != nil {
		return nil, err
	}
	if len(errs) > 0 {
		return s.confirmFirst(v, to, errs)
	}
	return goTo(to), nil
}

// ownPage is to when it is the address of a page of ours, and else where the
// reader's role begins (OWASP ASVS 5.0 3.7.2: no open redirect).
func (s *Server) ownPage(v *visit, to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || strings.ContainsAny(to, "\\\r\n") || !s.leads(v, http.MethodGet, u.Path) {
		return s.home(v.by.Role)
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// parse reads the posted form, also one with files.
func (v *visit) parse() error {
	if v.r.Method != http.MethodPost {
		return nil
	}
	err := v.r.ParseForm()
	if err == nil && (v.route.step || v.route.body > 0) && strings.HasPrefix(v.r.Header.Get("Content-Type"), "multipart/form-data") {
		err = v.r.ParseMultipartForm(max(maxBody, v.route.body)) // in memory: no file is written to a disk in passing
	}
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large) && v.route.body > 0:
		return &care.Error{Kind: care.Invalid, Field: "file", Text: "The file is too large. Go back and choose a smaller one"}
	case errors.As(err, &large):
		return &care.Error{Kind: care.Invalid, Text: "What was sent is too long. Make the longest answers shorter"}
	}
	return &care.Error{Kind: care.Invalid, Text: "The form did not arrive whole. Go back and send it again"}
}
