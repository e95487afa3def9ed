package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"homeward/care"
	"homeward/signin"
	"homeward/web/ui"
)

// factorRoutes is one's own sign-in: passkeys, an app for codes, recovery codes,
// the password, sessions, and the step-up.
func (s *Server) factorRoutes() []route {
	return []route{
		{pattern: "GET /me/confirm", own: true, enrol: true, do: s.askConfirm},
		{pattern: "POST /me/confirm", own: true, enrol: true, do: s.confirmed},
		{pattern: "POST /me/confirm/elsewhere", own: true, do: s.confirmThere},
		{pattern: "GET /me/confirm/{ticket}", own: true, do: s.resume},
		{pattern: "GET /me", own: true, enrol: true, do: s.me},
		{pattern: "POST /me/passkeys/ask", own: true, enrol: true, do: s.askOwnPasskey},
		{pattern: "GET /me/passkeys/new", own: true, enrol: true, step: true, do: s.newPasskey},
		{pattern: "POST /me/passkeys/make", own: true, enrol: true, do: s.makePasskey},
		{pattern: "POST /me/passkeys/new", own: true, enrol: true, step: true, do: s.addPasskey},
		{pattern: "GET /me/app", own: true, enrol: true, step: true, do: s.newApp},
		{pattern: "POST /me/app", own: true, enrol: true, step: true, do: s.addApp},
		{pattern: "GET /me/recovery", own: true, step: true, do: s.askRecovery},
		{pattern: "POST /me/recovery", own: true, step: true, do: s.newRecovery},
		{pattern: "GET /me/factors/{id}/remove", own: true, step: true, do: s.askRemove},
		{pattern: "POST /me/factors/{id}/remove", own: true, step: true, do: s.remove},
		{pattern: "GET /me/password", own: true, step: true, do: s.askPassword},
		{pattern: "POST /me/password", own: true, step: true, do: s.newPassword},
		{pattern: "GET /me/sessions", own: true, do: s.sessions},
		{pattern: "POST /me/sessions/end", own: true, step: true, do: s.endSessions},
	}
}

// party is who asks for passkeys: as configured, or as the reader's browser came
// here. The browser binds a passkey to the name that it sees itself, so a false
// Host finds and makes none that open here.
func (s *Server) party(v *visit) signin.Party {
	if !s.Party.IsZero() {
		return s.Party
	}
	scheme := "http"
	if s.Secure {
		scheme = "https"
	}
	p, err := signin.NewParty(scheme + "://" + v.r.Host)
	if err != nil {
		return signin.Party{} // no passkeys at such an address
	}
	return p
}

// asJSON answers a script.
type asJSON struct{ value any }

func (a asJSON) answer(_ *Server, v *visit) error {
	v.w.Header().Set("Content-Type", "application/json")
	v.w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(v.w).Encode(a.value)
}

// offered is the answer to a script that asks for a challenge.
func offered(o signin.Offer, err error) (response, error) {
	if err != nil {
		return nil, err
	}
	return asJSON{o}, nil
}

func (s *Server) needParty(v *visit) (signin.Party, error) {
	p := s.party(v)
	if p.IsZero() {
		return p, &care.Error{Kind: care.NotFound, Text: "Passkeys cannot be used at this address"}
	}
	return p, nil
}

// askPasskey begins a sign-in by a passkey of whoever has one.
func (s *Server) askPasskey(v *visit) (response, error) {
	p, err := s.needParty(v)
	if err != nil {
		return nil, err
	}
	return offered(s.SignIn.AskPasskey(v.ctx(), p, ""))
}

// enterPasskey signs in by a passkey.
func (s *Server) enterPasskey(v *visit) (response, error) {
	next := v.form("next")
	p, _ := s.proof(v)
	e, err := s.SignIn.SignInPasskey(v.ctx(), p, s.Address(v.r))
	if res, err := s.refusedDoor(v, next, "", err); res != nil || err != nil {
		return res, err
	}
	return s.entered(v, e, next)
}

// askOwnPasskey begins to ask the reader for a passkey of theirs, for a step-up.
func (s *Server) askOwnPasskey(v *visit) (response, error) {
	p, err := s.needParty(v)
	if err != nil {
		return nil, err
	}
	return offered(s.SignIn.AskPasskey(v.ctx(), p, v.by.ID))
}

// halfName is the cookie of a sign-in that waits for its second factor.
func (s *Server) halfName() string { return s.cookieName() + "-half" }

func (s *Server) half(v *visit) string {
	c, err := v.r.Cookie(s.halfName())
	if err != nil {
		return ""
	}
	return c.Value
}

// askSecond asks for the second factor.
func (s *Server) askSecond(v *visit) (response, error) {
	return s.secondPage(v, v.query("next"), nil, 200)
}

func (s *Server) secondPage(v *visit, next string, errs []ui.FieldError, status int) (response, error) {
	_, has, err := s.SignIn.HalfOf(v.ctx(), s.half(v))
	if care.KindOf(err) == care.Login {
		return s.tooSlow(v, next), nil
	}
	if err != nil {
		return nil, err
	}
	form := []ui.Node{ui.If(s.kindOfPage(next) != "/", func() ui.Node { return ui.Hidden("next", s.kindOfPage(next)) })}
	passkey := len(has.Passkeys) > 0 && !s.party(v).IsZero()
	if passkey {
		form = append(form, ui.PasskeyButton{Text: "Use your passkey", From: "/signin/second/ask", Fields: "confirm", Second: has.App != nil})
	}
	form = append(form, codeInput(confirmCode, has, errs), ui.Submit("Continue"))
	p := ui.Page{Title: "Confirm that it is you", Width: ui.FormPage, Error: len(errs) > 0, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1("Confirm that it is you"),
		ui.P("Your password is right. Your account asks for one thing more."),
		ui.PostForm("/signin/second", form...),
		ui.Para(ui.Link("/signin", "Sign in as somebody else")))}}
	return page{p, status}, nil
}

// tooSlow leads back to the door when half a sign-in was not ended in time.
func (s *Server) tooSlow(v *visit, next string) response {
	s.setCookie(v, s.halfName(), "")
	to := withNext("/signin", s.kindOfPage(next))
	if strings.Contains(to, "?") {
		return goTo(to + "&why=slow")
	}
	return goTo(to + "?why=slow")
}

func (s *Server) askHalfPasskey(v *visit) (response, error) {
	p, err := s.needParty(v)
	if err != nil {
		return nil, err
	}
	a, _, err := s.SignIn.HalfOf(v.ctx(), s.half(v))
	if err != nil {
		return nil, err
	}
	return offered(s.SignIn.AskPasskey(v.ctx(), p, a.ID))
}

// second ends a sign-in by the second factor.
func (s *Server) second(v *visit) (response, error) {
	next := v.form("next")
	p, _ := s.proof(v)
	e, err := s.SignIn.Second(v.ctx(), s.half(v), p, s.Address(v.r))
	if errs, ok := fieldErrors(err, nil); ok {
		status := http.StatusUnauthorized
		if care.KindOf(err) == care.Throttled {
			status = http.StatusTooManyRequests
			v.retryLater()
		}
		return s.secondPage(v, next, errs, status)
	}
	switch care.KindOf(err) {
	case "":
	case care.Login:
		return s.tooSlow(v, next), nil
	case care.Forbidden:
		return page{s.noAccess(errorText(err)), 403}, nil
	default:
		return nil, err
	}
	s.setCookie(v, s.halfName(), "")
	return s.entered(v, e, next)
}

// methods says in words how somebody proved who they are.
var methods = map[care.Method]string{care.ByPassword: "password", care.ByCode: "password and a code of your app", care.ByRecovery: "password and a recovery code",
	care.ByPasskey: "passkey", care.ByProvider: "your organisation’s account", care.ByPairing: "a pairing code", care.ByLink: "a mailed link and your PIN"}

// me is the page "Your sign-in".
func (s *Server) me(v *visit) (response, error) {
	has, err := s.SignIn.Has(v.ctx(), v.by.ID)
	if err != nil {
		return nil, err
	}
	main := []ui.Node{ui.H1("Your sign-in"), ui.SummaryList(
		ui.Row{Key: "Name", Value: ui.Text(v.by.Name)},
		ui.Row{Key: "Role", Value: ui.Text(v.by.Role.Say() + ", " + v.by.OrgName)},
		ui.Row{Key: "Signed in with", Value: ui.Or(methods[v.session.Method], ui.NotKnown)},
		ui.Row{Key: "Signed in since", Value: ui.TimeAt(v.session.Created.In(s.Zone))})}
	if v.session.Provider != "" {
		main = append(main, ui.P("You sign in with your organisation’s account. Your password and second factors are changed there."))
	} else {
		if !has.Second() && v.session.Method == care.ByPassword && s.SignIn.Require != nil && s.SignIn.Require(v.session.Grant) {
			main = append([]ui.Node{ui.Notification{Heading: "Your role needs a second way to prove that it is you. Add a passkey or an app for codes to go on."}}, main...)
		}
		main = append(main, s.factorParts(v, has)...)
	}
	main = append(main, ui.H2("Where you are signed in"), ui.Para(ui.Link("/me/sessions", "See where you are signed in, and log out elsewhere")))
	return show(ui.Page{Title: "Your sign-in", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(main...)}}), nil
}

// factorParts lists what somebody has besides their password.
func (s *Server) factorParts(v *visit, has signin.Has) []ui.Node {
	out := []ui.Node{ui.H2("Passkeys"), ui.P("A passkey is a fingerprint, a face or a PIN on your own phone, computer or security key. It takes the place of the password and the code.")}
	for _, k := range has.Passkeys {
		out = append(out, s.factorCard(k))
	}
	if s.party(v).IsZero() {
		out = append(out, ui.P("Passkeys cannot be used at this address."))
	} else {
		out = append(out, ui.Button{Text: "Add a passkey", Href: "/me/passkeys/new", Kind: ui.Secondary})
	}
	out = append(out, ui.H2("App for codes"))
	if has.App != nil {
		out = append(out, s.factorCard(*has.App), ui.Button{Text: "Use another phone", Href: "/me/app", Kind: ui.Secondary})
	} else {
		out = append(out, ui.P("An app on your phone shows a code of 6 numbers, which we ask for after the password."), ui.Button{Text: "Set up an app", Href: "/me/app", Kind: ui.Secondary})
	}
	if has.Second() {
		out = append(out, ui.H2("Recovery codes"), ui.P("For when your phone or passkey is lost. Each opens once. You have "+ui.Plural(has.Recovery, "code", "codes")+" left."),
			ui.Button{Text: "Make new recovery codes", Href: "/me/recovery", Kind: ui.Secondary})
	}
	return append(out, ui.H2("Password"), ui.Button{Text: "Change your password", Href: "/me/password", Kind: ui.Secondary})
}

func (s *Server) factorCard(c care.Credential) ui.Node {
	used := "Not used yet"
	if !c.Used.IsZero() {
		used = "Last used " + ui.DateTime(c.Used.In(s.Zone))
	}
	return ui.Card(3, c.Name, ui.P("Added "+ui.DateTime(c.Made.In(s.Zone))+". "+used+"."), ui.Para(ui.LinkAbout("/me/factors/"+c.ID+"/remove", "Remove", c.Name)))
}

// ownPageOf is a page below "Your sign-in".
func ownPageOf(title string, errs []ui.FieldError, main ...ui.Node) ui.Page {
	return ui.Page{Title: title, Width: ui.FormPage, Back: &ui.NavItem{Href: "/me", Text: "Your sign-in"},
		Main: []ui.Node{ui.TwoThirds(append([]ui.Node{ui.ErrorSummary(errs), ui.H1(title)}, main...)...)}}
}

func (s *Server) newPasskey(v *visit) (response, error) {
	if _, err := s.needParty(v); err != nil {
		return nil, err
	}
	return show(s.passkeyPage("", nil)), nil
}

func (s *Server) passkeyPage(name string, errs []ui.FieldError) ui.Page {
	return ownPageOf("Add a passkey", errs,
		ui.P("Use a device that is yours alone. On a shared computer use your phone or a security key, and not the computer itself."),
		ui.WithoutPasskeys(ui.P("This browser cannot make a passkey. Use a newer one, or set up an app for codes.")),
		ui.PostForm("/me/passkeys/new",
			ui.Input{ID: "name", Label: "What do you call it?", Hint: "Such as “Blue key” or “My phone”.", Value: name, Width: 20, Error: ui.ErrorFor(errs, "name")},
			ui.PasskeyButton{Text: "Make the passkey", From: "/me/passkeys/make", Fields: "made", Make: true, Failed: "No passkey was made. Try again, or use another device."}))
}

func (s *Server) makePasskey(v *visit) (response, error) {
	if !s.SignIn.Fresh(v.session) {
		return nil, &care.Error{Kind: care.Forbidden, Text: "Confirm that it is you first. Reload the page"}
	}
	p, err := s.needParty(v)
	if err != nil {
		return nil, err
	}
	return offered(s.SignIn.MakePasskey(v.ctx(), v.token, p))
}

func (s *Server) addPasskey(v *visit) (response, error) {
	p, err := s.needParty(v)
	if err != nil {
		return nil, err
	}
	e, err := s.SignIn.AddPasskey(v.ctx(), v.token, p, v.form("made-ticket"), []byte(v.r.PostFormValue("made-answer")), v.form("name"), s.Address(v.r))
	if errs, ok := fieldErrors(err, nil); ok {
		return refuse(s.passkeyPage(v.form("name"), errs)), nil
	}
	if err != nil {
		return nil, err
	}
	s.renewed(v, e)
	return s.factorAdded(v, "The passkey is added. You can sign in with it from now on.")
}

// factorAdded goes on after a factor was added: by way of the recovery codes
// when there are none.
func (s *Server) factorAdded(v *visit, said string) (response, error) {
	has, err := s.SignIn.Has(v.ctx(), v.by.ID)
	if err != nil {
		return nil, err
	}
	if has.Recovery > 0 {
		return goTo("/me").saying(said), nil
	}
	return goTo("/me/recovery").saying(said), nil
}

func (s *Server) newApp(v *visit) (response, error) {
	set, err := s.SignIn.BeginApp(v.ctx(), v.token)
	if err != nil {
		return nil, err
	}
	return appPage(set, "", nil)
}

func appPage(set signin.Setup, name string, errs []ui.FieldError) (response, error) {
	qr, err := ui.QR(set.URI, "QR code for your app. If you cannot scan it, enter the key below.")
	if err != nil {
		return nil, err
	}
	p := ownPageOf("Set up an app for codes", errs,
		ui.P("Open an authenticator app on your own phone and scan this. It is shown only now."),
		qr,
		ui.Details("I cannot scan it", ui.P("Enter this key in the app instead:"), ui.Para(ui.Code(set.Key))),
		ui.PostForm("/me/app", ui.Hidden("ticket", set.Ticket),
			ui.Input{ID: "name", Label: "What do you call this phone?", Hint: "Such as “My phone”.", Value: name, Width: 20},
			ui.Input{ID: "code", Label: "The code that the app shows", Hint: "6 numbers.", Width: 10, Mode: "numeric", Autocomplete: "one-time-code", Code: true, Error: ui.ErrorFor(errs, "code")},
			ui.Submit("Use this app")))
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

func (s *Server) addApp(v *visit) (response, error) {
	e, err := s.SignIn.FinishApp(v.ctx(), v.token, v.form("ticket"), v.form("code"), v.form("name"), s.Address(v.r))
	if errs, ok := fieldErrors(err, nil); ok {
		set, err := s.SignIn.AppBegun(v.ctx(), v.token, v.form("ticket"))
		if err != nil {
			return nil, err
		}
		return appPage(set, v.form("name"), errs)
	}
	if care.KindOf(err) == care.Login && v.signedIn() { // the ticket is old: begin again
		return goTo("/me/app"), nil
	}
	if err != nil {
		return nil, err
	}
	s.renewed(v, e)
	return s.factorAdded(v, "The app is set up. We ask for a code of it when you sign in.")
}

func (s *Server) askRecovery(v *visit) (response, error) {
	has, err := s.SignIn.Has(v.ctx(), v.by.ID)
	if err != nil {
		return nil, err
	}
	text := "They open your account when your phone or passkey is lost. Each opens once."
	if has.Recovery > 0 {
		text += " The " + ui.Plural(has.Recovery, "code that you have left does", "codes that you have left do") + " not open any more once you make new ones."
	}
	return show(ownPageOf("Recovery codes", nil, ui.P(text), ui.P("They are shown once. Print them or write them down, and keep them away from your computer."),
		ui.PostForm("/me/recovery", ui.ButtonGroup(ui.Submit("Show new recovery codes"), ui.Link("/me", "Not now"))))), nil
}

func (s *Server) newRecovery(v *visit) (response, error) {
	codes, err := s.SignIn.NewRecovery(v.ctx(), v.token, s.Address(v.r))
	if err != nil {
		return nil, err
	}
	return show(ownPageOf("Your recovery codes", nil, ui.P("These are shown only now. Print them or write them down, and keep them away from your computer."),
		ui.List(ui.Map(codes, func(c string) ui.Node { return ui.Code(c) })...),
		ui.Button{Text: "I have kept them", Href: "/me"})), nil
}

// factor is the passkey or app that the path names, of the reader's own.
func (s *Server) factor(v *visit) (care.Credential, error) {
	has, err := s.SignIn.Has(v.ctx(), v.by.ID)
	if err != nil {
		return care.Credential{}, err
	}
	for _, c := range has.Passkeys {
		if c.ID == v.path("id") {
			return c, nil
		}
	}
	if has.App != nil && has.App.ID == v.path("id") {
		return *has.App, nil
	}
	return care.Credential{}, &care.Error{Kind: care.NotFound, Text: "This is removed already"}
}

func (s *Server) askRemove(v *visit) (response, error) {
	c, err := s.factor(v)
	if err != nil {
		return nil, err
	}
	return show(ownPageOf("Remove “"+c.Name+"”", nil, ui.P("You cannot sign in with it any more. This is recorded with your name."),
		ui.PostForm("/me/factors/"+c.ID+"/remove", ui.ButtonGroup(ui.Button{Text: "Remove it", Kind: ui.Warning}, ui.Link("/me", "Cancel"))))), nil
}

func (s *Server) remove(v *visit) (response, error) {
	if err := s.SignIn.DropFactor(v.ctx(), v.token, v.path("id"), s.Address(v.r)); err != nil {
		return nil, err
	}
	return goTo("/me").saying("It is removed. If somebody else may have used it, log out everywhere else too."), nil
}

func (s *Server) askPassword(v *visit) (response, error) {
	if v.session.Provider != "" {
		return nil, &care.Error{Kind: care.Forbidden, Text: "You sign in with your organisation’s account. Its password is changed there"}
	}
	return show(passwordPage(nil)), nil
}

func passwordPage(errs []ui.FieldError) ui.Page {
	return ownPageOf("Change your password", errs, ui.P("At least 12 characters. Three words that do not belong together are good. You are logged out everywhere else."),
		ui.PostForm("/me/password",
			ui.PasswordInput{ID: "current", Label: "The password that you have now", Error: ui.ErrorFor(errs, "current")},
			ui.PasswordInput{ID: "password", Label: "New password", New: true, Error: ui.ErrorFor(errs, "password")},
			ui.PasswordInput{ID: "again", Label: "New password again", New: true, Error: ui.ErrorFor(errs, "again")},
			ui.Submit("Change the password")))
}

func (s *Server) newPassword(v *visit) (response, error) {
	password := v.r.PostFormValue("password")
	if password != v.r.PostFormValue("again") {
		return refuse(passwordPage([]ui.FieldError{{ID: "again", Text: "The two are not the same. Enter the new password again"}})), nil
	}
	e, err := s.SignIn.ChangePassword(v.ctx(), v.token, v.r.PostFormValue("current"), password, s.Address(v.r))
	if errs, ok := fieldErrors(err, nil); ok {
		return refuse(passwordPage(errs)), nil
	}
	if err != nil {
		return nil, err
	}
	s.renewed(v, e)
	return goTo("/me").saying("Your password is changed."), nil
}

// sessions lists where the reader is signed in.
func (s *Server) sessions(v *visit) (response, error) {
	all, err := s.SignIn.Sessions(v.ctx(), v.token)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Where you are signed in", Columns: []ui.Column{{Label: "Where"}, {Label: "Role"}, {Label: "Since"}, {Label: "Last used"}, {Label: "End", HideLabel: true}}}
	for _, o := range all {
		t.Rows = append(t.Rows, ui.TableRow{Cells: s.sessionCells(o, v.now)})
	}
	main := []ui.Node{ui.P("If one of these is not you, log out there and change your password.")}
	if len(all) > 1 {
		main = append(main, ui.PostForm("/me/sessions/end", ui.Button{Text: "Log out everywhere else", Kind: ui.Secondary, Name: "handle", Value: "others"}))
	}
	p := ownPageOf("Where you are signed in", nil, main...)
	p.Width = ui.PersonPage
	p.Main = append(p.Main, t)
	return show(p), nil
}

func (s *Server) sessionCells(o signin.Open, now time.Time) []ui.Node {
	where := "Network address not known"
	if o.Address != "" {
		where = "Computer at " + o.Address
	}
	role := "No role chosen yet"
	if !o.Grant.IsZero() {
		role = o.Grant.Role.Say() + ", " + s.Hub.Org(o.Grant.Org).Name
	}
	var end ui.Node = ui.Tag(ui.TagGreen, "This one")
	if !o.This {
		end = ui.PostForm("/me/sessions/end", ui.Hidden("handle", o.Handle), ui.Button{Text: "Log out", About: "at " + where, Kind: ui.LinkStyle})
	}
	return []ui.Node{ui.Nodes{ui.Text(where), ui.Sub("With " + methods[o.Method])}, ui.Text(role), ui.TimeAt(o.Created.In(s.Zone)), ui.AgoTime(o.Seen, now), end}
}

func (s *Server) endSessions(v *visit) (response, error) {
	handle := v.form("handle")
	if handle == "" {
		return nil, &care.Error{Kind: care.Required, Text: "Select where to log out"}
	}
	if handle == "others" {
		handle = ""
	}
	n, err := s.SignIn.EndSessions(v.ctx(), v.token, handle, s.Address(v.r))
	if err != nil {
		return nil, err
	}
	if _, _, err := s.SignIn.Glance(v.ctx(), v.token); err != nil {
		return nil, err // it was this one
	}
	return goTo("/me/sessions").saying(ui.Plural(n, "session is", "sessions are") + " over."), nil
}
