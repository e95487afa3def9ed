package web

import (
	"errors"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
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
	confirmTo       = "confirm-to"
)

var confirmFields = []string{confirmPassword, confirmTo}

// mostKept is the longest posted form that is kept through a step-up, in bytes:
// the proof must fit beside it.
const mostKept = maxBody - 16<<10

// steppedUp sees to it that the reader has proven who they are. No response and
// no error mean that the route may go on.
func (s *Server) steppedUp(v *visit) (response, error) {
	proof, given := v.proof()
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
func (v *visit) proof() (p signin.Proof, given bool) {
	p = signin.Proof{Password: v.r.PostFormValue(confirmPassword)}
	_, given = v.r.PostForm[confirmPassword]
	return p, given
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
	v.token, v.session = e.Token, e.Session
	s.setCookie(v, s.cookieName(), e.Token)
	return nil, nil
}

// confirmPage asks who the reader is, in place of the route's own answer.
func (s *Server) confirmPage(v *visit, errs []ui.FieldError) (response, error) {
	action, kept := v.r.URL.RequestURI(), []ui.Node(nil)
	f := ui.Form{Action: action}
	if v.r.Method != http.MethodPost { // the proof must not stand in an address
		return s.confirmWith(ui.Form{Action: "/me/confirm", Body: []ui.Node{ui.Hidden(confirmTo, action)}}, errs), nil
	}
	if len(v.r.PostForm.Encode()) > mostKept {
		return nil, &care.Error{Kind: care.Invalid, Text: "What you sent is too long to be kept while you confirm that it is you. Go back, make the longest answers shorter, and send it again"}
	}
	for _, name := range slices.Sorted(maps.Keys(v.r.PostForm)) {
		for _, value := range v.r.PostForm[name] {
			kept = append(kept, ui.Hidden(name, value))
		}
	}
	if v.r.MultipartForm != nil {
		f.Upload = true
		kept = append(kept, filesAgain(v.r.MultipartForm)...)
	}
	f.Body = kept
	return s.confirmWith(f, errs), nil
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
func (s *Server) confirmWith(f ui.Form, errs []ui.FieldError) response {
	f.Body = append(f.Body,
		ui.PasswordInput{ID: confirmPassword, Label: "Password", Error: ui.ErrorFor(errs, confirmPassword)},
		ui.Submit("Confirm and continue"))
	p := ui.Page{Title: "Confirm that it is you", Width: ui.FormPage, Error: len(errs) > 0, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1("Confirm that it is you"),
		ui.P("We ask again before something that matters this much. Nothing that you entered is lost, and nothing is done until you continue."),
		f,
		ui.Small("If this is not your session, use “Switch user” above."))}}
	return page{p, http.StatusUnauthorized}
}

// askConfirm is the question by itself, before a form that carries a file, or
// after coming back to a page that needs it.
func (s *Server) askConfirm(v *visit) (response, error) {
	return s.confirmWith(ui.Form{Action: "/me/confirm", Body: []ui.Node{ui.Hidden(confirmTo, s.ownPage(v, v.query("to")))}}, nil), nil
}

// confirmed goes on to the page that asked.
func (s *Server) confirmed(v *visit) (response, error) {
	to := s.ownPage(v, v.form(confirmTo))
	proof, _ := v.proof()
	v.dropProof()
	errs, err := s.confirm(v, proof)
	if err != nil {
		return nil, err
	}
	if len(errs) > 0 {
		return s.confirmWith(ui.Form{Action: "/me/confirm", Body: []ui.Node{ui.Hidden(confirmTo, to)}}, errs), nil
	}
	return goTo(to), nil
}

// ownPage is to when it is the address of a page of ours, and else where the
// reader's role begins (OWASP ASVS 5.0 3.7.2: no open redirect).
func (s *Server) ownPage(v *visit, to string) string {
	home := s.home(v.by.Role)
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
		return home
	}
	_, pattern := s.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: u.Path}, Host: v.r.Host})
	if !strings.HasPrefix(pattern, "GET /") || strings.HasSuffix(pattern, "/static/") {
		return home
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

// parse reads the posted form, also one with files.
func (v *visit) parse() error {
	if v.r.Method != http.MethodPost {
		return nil
	}
	err := v.r.ParseForm()
	if err == nil && v.route.step && strings.HasPrefix(v.r.Header.Get("Content-Type"), "multipart/form-data") {
		err = v.r.ParseMultipartForm(maxBody)
	}
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large):
		return &care.Error{Kind: care.Invalid, Text: "What was sent is too long. Make the longest answers shorter"}
	}
	return &care.Error{Kind: care.Invalid, Text: "The form did not arrive whole. Go back and send it again"}
}
