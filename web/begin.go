package web

import (
	"net/http"

	"homeward/care"
	"homeward/hub"
	"homeward/signin"
	"homeward/web/ui"
)

// askBegin asks whoever has a one-time link for a password of their own. To open
// the page uses nothing up: mail programs open links too.
func (s *Server) askBegin(v *visit) (response, error) {
	u, err := s.Hub.Invited(v.ctx(), v.path("ticket"))
	if err != nil {
		return linkOver(err)
	}
	return s.beginPage(u, v.path("ticket"), nil), nil
}

// linkOver is the page for a link that does not open.
func linkOver(err error) (response, error) {
	if care.KindOf(err) != care.NotFound {
		return nil, err
	}
	return page{ui.Page{Title: "This link does not open any more", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.H1("This link does not open any more"), ui.P("A link opens once, within 24 hours. Ask your administrator for a new one."),
		ui.Para(ui.Link("/signin", "Sign in")))}}, http.StatusNotFound}, nil
}

func (s *Server) beginPage(u hub.UserView, ticket string, errs []ui.FieldError) response {
	p := ui.Page{Title: "Choose a password", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1("Choose a password"),
		ui.SummaryList(ui.Row{Key: "Name", Value: ui.Text(u.Name)}, ui.Row{Key: "User name", Value: ui.Text(u.Login)}),
		ui.P("At least 12 characters. Three words that do not belong together are good. Nobody else learns it, your administrator neither."),
		ui.PostForm("/begin", ui.Hidden("ticket", ticket),
			ui.PasswordInput{ID: "password", Label: "Password", New: true, Error: ui.ErrorFor(errs, "password")},
			ui.PasswordInput{ID: "again", Label: "Password again", New: true, Error: ui.ErrorFor(errs, "again")},
			ui.Submit("Set the password")))}}
	if len(errs) > 0 {
		return refuse(p)
	}
	return show(p)
}

func (s *Server) setFirst(v *visit) (response, error) {
	ticket, password := v.form("ticket"), v.r.PostFormValue("password")
	u, err := s.Hub.Invited(v.ctx(), ticket)
	if err != nil {
		return linkOver(err)
	}
	if password != v.r.PostFormValue("again") {
		return s.beginPage(u, ticket, []ui.FieldError{{ID: "again", Text: "The two are not the same. Enter the password again"}}), nil
	}
	hash, err := signin.HashPassword(u.Login, password, nil)
	if errs, ok := fieldErrors(err, nil); ok {
		return s.beginPage(u, ticket, errs), nil
	}
	if err != nil {
		return nil, err
	}
	if err := s.Hub.Begin(v.ctx(), ticket, hash, s.Address(v.r)); err != nil {
		return linkOver(err)
	}
	return show(ui.Page{Title: "Your password is set", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.Panel("Your password is set", ui.Text("Your user name is "+u.Login)),
		ui.P("Sign in with it. When you have done so, set up a second factor on the page under your name."),
		ui.Button{Text: "Sign in", Href: "/signin"})}}), nil
}
