package web

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// adminRoutes is users, organisations, teams and devices. ui.md 7.16. Each change
// has a form, then a page that says what it does, asks why, and does it. What
// changes something is stepped up.
func (s *Server) adminRoutes() []route {
	out := []route{
		{pattern: "GET /admin/users", nav: "users", asks: deciding(policy.ManageUsers), do: s.users},
		{pattern: "POST /admin/users", nav: "users", asks: deciding(policy.ManageUsers), do: s.users},
		{pattern: "GET /admin/users/new", nav: "users", asks: deciding(policy.ManageUsers), do: s.askUser},
		{pattern: "POST /admin/users/new", nav: "users", asks: deciding(policy.ManageUsers), step: true, do: s.putUser},
		{pattern: "GET /admin/users/{id}", nav: "users", asks: deciding(policy.ManageUsers), do: s.user},
		{pattern: "GET /admin/users/{id}/edit", nav: "users", asks: deciding(policy.ManageUsers), do: s.askUser},
		{pattern: "POST /admin/users/{id}/edit", nav: "users", asks: deciding(policy.ManageUsers), step: true, do: s.putUser},
		{pattern: "GET /begin/{ticket}", public: true, do: s.askBegin},
		{pattern: "POST /begin", public: true, do: s.setFirst},
	}
	for _, w := range userSteps {
		path := "/admin/users/{id}/" + string(w.step)
		out = append(out,
			route{pattern: "GET " + path, nav: "users", asks: deciding(policy.ManageUsers), do: func(v *visit) (response, error) { return s.askUserStep(v, w, nil) }},
			route{pattern: "POST " + path, nav: "users", asks: deciding(policy.ManageUsers), step: true, do: func(v *visit) (response, error) { return s.takeUserStep(v, w) }})
	}
	return slices.Concat(out, s.numbersRoutes(), s.deviceRoutes())
}

// adminCheck is the page before a change is made.
type adminCheck struct {
	title  string // "You are about to add a user"
	action string // where the form is posted
	back   ui.NavItem
	about  []ui.Node // what it is about
	lines  []hub.Line
	does   []string
	button string
	warn   bool
	typed  bool // there was a form, which can be gone back to
}

// adminCheckPage shows what a change does and asks why. All that was typed goes
// with it.
func (s *Server) adminCheckPage(v *visit, c adminCheck, errs []ui.FieldError) response {
	var form []ui.Node
	for _, name := range sortedKeys(v.r.PostForm) {
		if name == "step" || name == "why" {
			continue
		}
		for _, value := range v.r.PostForm[name] {
			form = append(form, ui.Hidden(name, value))
		}
	}
	kind := ui.Primary
	if c.warn {
		kind = ui.Warning
	}
	buttons := []ui.Node{ui.Button{Text: c.button, Kind: kind, Name: "step", Value: "do"}}
	if c.typed {
		buttons = append(buttons, ui.Button{Text: "Change what you entered", Kind: ui.LinkStyle, Name: "step", Value: "edit"})
	}
	buttons = append(buttons, ui.Link(c.back.Href, "Cancel"))
	form = append(form, ui.Textarea{ID: "why", Label: "Why?", Hint: "10 characters or more. This is recorded with your name. Name no person who is cared for", Rows: 3, Max: 500,
		Value: v.form("why"), Error: ui.ErrorFor(errs, "why")}, ui.ButtonGroup(buttons...))
	main := []ui.Node{ui.ErrorSummary(errs), ui.H1(c.title)}
	main = append(main, c.about...)
	main = append(main, linesTable(c.lines))
	if len(c.does) > 0 {
		main = append(main, ui.H2("What this does"), ui.Bullets(ui.Map(c.does, func(t string) ui.Node { return ui.Text(t) })...))
	}
	main = append(main, ui.TwoThirds(ui.PostForm(c.action, form...)))
	p := ui.Page{Title: c.title, Width: ui.PersonPage, Back: &c.back, Main: main}
	if len(errs) > 0 {
		return refuse(p)
	}
	return show(p)
}

func sortedKeys(v url.Values) []string {
	var out []string
	for k := range v {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// linesTable is what a change changes: before and after.
func linesTable(lines []hub.Line) ui.Node {
	if len(lines) == 0 {
		return nil
	}
	t := ui.Table{Caption: "What is changed", Columns: []ui.Column{{Label: "What"}, {Label: "Before"}, {Label: "After"}}}
	for _, l := range lines {
		before := ui.Node(ui.Missing("Not applicable"))
		if l.Before != "" {
			before = ui.Text(l.Before)
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(l.What), before, ui.Text(l.After)}})
	}
	return t
}

// faultErrors are what is wrong with a form, by the ids of its fields.
func faultErrors(faults []hub.Fault) (errs wrongs) {
	for _, f := range faults {
		errs.add(f.Field, f.Text)
	}
	return errs
}

func usersBack() ui.NavItem { return ui.NavItem{Href: "/admin/users", Text: "Users"} }

func userPath(id care.ActorID) string { return "/admin/users/" + string(id) }

// userStates says how an account stands.
var userStates = map[hub.UserState]struct {
	colour ui.Colour
	text   string
}{
	hub.UserWorks: {ui.TagGreen, "Can sign in"}, hub.UserLocked: {ui.TagOrange, "Locked"}, hub.UserInvited: {ui.TagBlue, "No password yet"}, hub.UserDisabled: {ui.TagGrey, "Disabled"},
}

func userTag(u hub.UserView) ui.Node {
	w := userStates[u.State]
	return ui.Tag(w.colour, w.text)
}

// users lists accounts. A name that is searched for is posted: it must not stand
// in an address.
func (s *Server) users(v *visit) (response, error) {
	from, q := v.query, hub.UserQuery{Text: v.form("text")}
	if q.Text != "" {
		from = v.form
	}
	if ods, err := nhs.ParseODS(from("org")); err == nil {
		q.Org = ods
	}
	q.Role, q.State = care.Role(from("role")), hub.UserState(from("state"))
	q.Page, _ = strconv.Atoi(from("page"))
	l, err := s.Hub.Users(v.ctx(), v.by, q)
	if err != nil {
		return nil, err
	}
	main := []ui.Node{
		ui.WorkHead("Users", ui.Plural(l.Total, "user", "users")),
		ui.P("People who sign in by their organisation’s account come here when they do so for the first time. Their roles come from there."),
		ui.ButtonGroup(ui.Button{Text: "Add a user", Href: "/admin/users/new"}),
		s.usersFilter(q), s.usersFinder(q), s.usersChips(l.Query), s.usersTable(l.Users)}
	if q.Text == "" {
		main = append(main, ui.Pagination{Page: l.Query.Page, Pages: l.Pages, Href: func(n int) string { q.Page = n; return usersPath(q) }})
	} else if l.Pages > 1 {
		main = append(main, ui.Inset(ui.P("These are the first of them. Enter more of the name to find fewer.")))
	}
	return show(ui.Page{Title: "Users", Width: ui.WorkPage, Main: append(main, ui.PrintMeta(v.now, v.by.Name))}), nil
}

func usersPath(q hub.UserQuery) string {
	x := url.Values{}
	for name, value := range map[string]string{"org": string(q.Org), "role": string(q.Role), "state": string(q.State)} {
		if value != "" {
			x.Set(name, value)
		}
	}
	if q.Page > 1 {
		x.Set("page", strconv.Itoa(q.Page))
	}
	if len(x) == 0 {
		return "/admin/users"
	}
	return "/admin/users?" + x.Encode()
}

func (s *Server) usersFilter(q hub.UserQuery) ui.Node {
	states := []ui.Choice{{Value: "", Label: "All"}}
	for _, st := range []hub.UserState{hub.UserWorks, hub.UserLocked, hub.UserInvited, hub.UserDisabled} {
		states = append(states, ui.Choice{Value: string(st), Label: userStates[st].text})
	}
	return ui.Filter{Action: "/admin/users", Fields: []ui.Node{
		ui.Select{ID: "org", Label: "Organisation", Value: string(q.Org), Items: s.orgChoices("All organisations")},
		ui.Select{ID: "role", Label: "Role", Value: string(q.Role), Items: roleChoices("All roles")},
		ui.Select{ID: "state", Label: "State", Value: string(q.State), Items: states}}}
}

func (s *Server) orgChoices(none string) []ui.Choice {
	out := []ui.Choice{{Value: "", Label: none}}
	for _, o := range s.Hub.Orgs {
		out = append(out, ui.Choice{Value: string(o.ODS), Label: o.Name})
	}
	return out
}

func roleChoices(none string) []ui.Choice {
	out := []ui.Choice{{Value: "", Label: none}}
	for _, r := range care.Roles() {
		out = append(out, ui.Choice{Value: string(r), Label: r.Say()})
	}
	return out
}

func (s *Server) usersFinder(q hub.UserQuery) ui.Node {
	return ui.PostForm("/admin/users", ui.Hidden("org", string(q.Org)), ui.Hidden("role", string(q.Role)), ui.Hidden("state", string(q.State)),
		ui.Input{ID: "text", Label: "Find by name or user name", Value: q.Text, Width: 20}, ui.Button{Text: "Find", Kind: ui.Secondary})
}

func (s *Server) usersChips(q hub.UserQuery) ui.Node {
	q.Page = 0
	var chips []ui.Chip
	chip := func(value, text string, without hub.UserQuery) {
		if value != "" {
			chips = append(chips, ui.Chip{Text: text, RemoveHref: usersPath(without)})
		}
	}
	a, b, c, d := q, q, q, q
	a.Text, b.Org, c.Role, d.State = "", "", "", ""
	chip(q.Text, "“"+q.Text+"”", a)
	chip(string(q.Org), s.Hub.Org(q.Org).Name, b)
	chip(string(q.Role), cmp.Or(q.Role.Say(), string(q.Role)), c)
	chip(string(q.State), cmp.Or(userStates[q.State].text, string(q.State)), d)
	return ui.Chips("/admin/users", chips...)
}

func (s *Server) usersTable(us []hub.UserView) ui.Node {
	t := ui.Table{Caption: "Users", Columns: []ui.Column{{Label: "Name"}, {Label: "User name"}, {Label: "Roles"}, {Label: "From"}, {Label: "State"}},
		Empty: ui.Empty("Nobody is listed", ui.Para(ui.Text("Nobody matches. "), ui.Link("/admin/users", "Show everybody")))}
	for _, u := range us {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link(userPath(u.ID), u.Name), loginCell(u), grantList(u.Words), ui.Text(vouched(u)), userTag(u)}})
	}
	return t
}

func loginCell(u hub.UserView) ui.Node {
	if u.Provider != "" {
		return ui.Missing("Not applicable")
	}
	return ui.Text(u.Login)
}

// vouched is where an account comes from.
func vouched(u hub.UserView) string { return cmp.Or(u.Provider, "Homeward") }

func grantList(words []string) ui.Node {
	if len(words) == 0 {
		return ui.Missing("None")
	}
	return ui.List(ui.Map(words, func(t string) ui.Node { return ui.Text(t) })...)
}

// user is all that there is to know of one account.
func (s *Server) user(v *visit) (response, error) {
	p, err := s.Hub.User(v.ctx(), v.by, care.ActorID(v.path("id")))
	if err != nil {
		return nil, err
	}
	main := []ui.Node{ui.WorkHead(p.Name, "", userTag(p.UserView))}
	if p.Own {
		main = append(main, ui.Inset(ui.Para(ui.Text("This is your own account. Another administrator changes it. Your password and passkeys are on "), ui.Link("/me", "your own page"), ui.Text("."))))
	}
	rows := []ui.Row{
		{Key: "User name", Value: loginCell(p.UserView)},
		{Key: "Roles", Value: grantList(p.Words), Source: "From " + vouched(p.UserView)},
		{Key: "Last sign-in", Value: timeOr(p.LastSignIn, s.Zone, "Never")},
		{Key: "Second factor", Value: ui.Text(secondWords(p))},
		{Key: "Handle in the audit", Value: ui.Code(string(p.ID))}}
	if p.State == hub.UserLocked {
		rows = append(rows, ui.Row{Key: "Locked until", Value: lockedUntil(p, s.Zone)})
	}
	if !p.LinkUntil.IsZero() {
		rows = append(rows, ui.Row{Key: "One-time link", Value: ui.Text("Waits to be opened, until " + ui.ClockOn(p.LinkUntil.In(s.Zone), v.now))})
	}
	main = append(main, ui.SummaryList(rows...), userActions(p), s.userSessions(p, v.now), ui.PrintMeta(v.now, v.by.Name))
	back := usersBack()
	return show(ui.Page{Title: "User", Width: ui.PersonPage, Back: &back, Main: main}), nil
}

func timeOr(t time.Time, zone *time.Location, none string) ui.Node {
	if t.IsZero() {
		return ui.Missing(none)
	}
	return ui.TimeAt(t.In(zone))
}

func lockedUntil(p hub.UserPage, zone *time.Location) ui.Node {
	if p.LockedUntil.Year() > 9000 {
		return ui.Text("An administrator unlocks it")
	}
	return ui.TimeAt(p.LockedUntil.In(zone))
}

func secondWords(p hub.UserPage) string {
	switch {
	case p.Provider != "":
		return "As " + p.Provider + " asks for it"
	case !p.Second():
		return "No"
	}
	var parts []string
	if p.Passkeys > 0 {
		parts = append(parts, ui.Plural(p.Passkeys, "passkey", "passkeys"))
	}
	if p.App {
		parts = append(parts, "an app for codes")
	}
	if p.Recovery > 0 {
		parts = append(parts, ui.Plural(p.Recovery, "recovery code", "recovery codes"))
	}
	return "Yes: " + listed(parts)
}

func userActions(p hub.UserPage) ui.Node {
	var out []ui.Node
	if !p.Own && p.Provider == "" {
		out = append(out, ui.Button{Text: "Change name or roles", Kind: ui.Secondary, Href: userPath(p.ID) + "/edit"})
	}
	for _, w := range userSteps {
		if p.WhyNot(w.step) == "" {
			out = append(out, ui.Button{Text: w.link, Kind: ui.Secondary, Href: userPath(p.ID) + "/" + string(w.step)})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return ui.ButtonGroup(out...)
}

func (s *Server) userSessions(p hub.UserPage, now time.Time) ui.Node {
	t := ui.Table{Caption: "Where they are signed in", ShowTitle: true, Columns: []ui.Column{{Label: "Computer"}, {Label: "Role"}, {Label: "Since"}, {Label: "Last used"}},
		Empty: ui.Empty("They are not signed in anywhere")}
	for _, x := range p.Sessions {
		role := "No role chosen yet"
		if !x.Grant.IsZero() {
			role = s.Hub.GrantWords(x.Grant)
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Nodes{ui.Or(x.Address, ui.NotKnown), ui.Sub("With " + methods[x.Method])}, ui.Text(role), ui.TimeAt(x.Created.In(s.Zone)), ui.AgoTime(x.Seen, now)}})
	}
	return t
}

// userStep is a step as its pages say it. The order is that of the buttons.
type userStep struct {
	step                hub.UserStep
	link, title, button string
	does                []string
	warn                bool
	done                string
}

var userSteps = []userStep{
	{step: hub.UnlockUser, link: "Unlock", title: "You are about to unlock this account", button: "Unlock the account", done: "The account is unlocked.",
		does: []string{"They can try to sign in again at once.", "Make sure that it was them who typed wrong passwords."}},
	{step: hub.SendLink, link: "Send a new link", title: "You are about to make a new one-time link", button: "Make the link",
		does: []string{"The link is shown to you once. They set a new password by it, within 24 hours. You do not learn it.", "Links from before do not open any more.",
			"Their password works on until the link is used. Their second factor stays, and is asked for as before.", "Make sure that it is them who asks."}},
	{step: hub.DropFactors, link: "Remove a lost second factor", title: "You are about to remove their second factor", button: "Remove it", warn: true, done: "The second factor is removed. They are logged out everywhere.",
		does: []string{"All their passkeys, their app and their recovery codes do not open any more.", "Their password alone opens the account, until they set up others.", "They are logged out everywhere.",
			"Make sure that it is them who asks: ring them back, or see them."}},
	{step: hub.EndSessions, link: "End all sessions", title: "You are about to end all their sessions", button: "End all sessions", done: "All their sessions are over.",
		does: []string{"They are logged out everywhere at once. What they typed and did not send is saved as a draft where the page does so.", "They can sign in again."}},
	{step: hub.DisableUser, link: "Disable", title: "You are about to disable this account", button: "Disable the account", warn: true, done: "The account is disabled. They are logged out everywhere.",
		does: []string{"They are logged out everywhere at once, and cannot sign in.", "What they did stays recorded under their name.", "The account can be enabled again."}},
	{step: hub.EnableUser, link: "Enable", title: "You are about to enable this account", button: "Enable the account", done: "The account is enabled.",
		does: []string{"They can sign in again, in the roles that they had."}},
}

func (s *Server) askUserStep(v *visit, w userStep, errs []ui.FieldError) (response, error) {
	p, err := s.Hub.User(v.ctx(), v.by, care.ActorID(v.path("id")))
	if err != nil {
		return nil, err
	}
	if not := p.WhyNot(w.step); not != "" {
		return nil, &care.Error{Kind: care.BusinessRule, Text: not}
	}
	if v.form("seen") == "" { // what was seen is what stood there when the page was first shown
		v.keep("seen", p.Seen)
	}
	path := userPath(p.ID)
	return s.adminCheckPage(v, adminCheck{title: w.title, action: path + "/" + string(w.step), back: ui.NavItem{Href: path, Text: "User"}, does: w.does, button: w.button, warn: w.warn,
		about: []ui.Node{ui.SummaryList(ui.Row{Key: "Name", Value: ui.Strong(p.Name)}, ui.Row{Key: "User name", Value: loginCell(p.UserView)}, ui.Row{Key: "Roles", Value: grantList(p.Words)},
			ui.Row{Key: "State", Value: userTag(p.UserView)}, ui.Row{Key: "Signed in", Value: ui.Text(ui.Plural(len(p.Sessions), "session", "sessions"))})}}, errs), nil
}

// keep sets a field of the form, as if it had been posted.
func (v *visit) keep(name, value string) {
	if v.r.PostForm == nil {
		v.r.PostForm = url.Values{}
	}
	v.r.PostForm.Set(name, value)
}

func (s *Server) takeUserStep(v *visit, w userStep) (response, error) {
	id := care.ActorID(v.path("id"))
	link, err := s.Hub.TakeUserStep(v.ctx(), v.by, id, w.step, v.form("seen"), v.form("why"))
	if errs, ok := fieldErrors(err, nil); ok {
		return s.askUserStep(v, w, errs)
	}
	if err != nil {
		return nil, err
	}
	if w.step == hub.SendLink {
		return s.linkPage(v, "The link is made", id, link), nil
	}
	return goTo(userPath(id)).saying(w.done), nil
}

// linkPage shows a one-time link, once.
func (s *Server) linkPage(v *visit, title string, id care.ActorID, link hub.Link) response {
	origin := s.Party.Origin // as configured, else as the reader came here
	if origin == "" {
		origin = map[bool]string{false: "http://", true: "https://"}[s.Secure] + v.r.Host
	}
	return show(ui.Page{Title: title, Width: ui.PersonPage, Main: []ui.Node{
		ui.H1(title),
		ui.P("Give them this link by a way that only they read, such as their own work e-mail. It is shown only now."),
		ui.CodeBlock(origin + "/begin/" + link.Token),
		ui.Bullets(ui.Text("It opens once, until "+ui.ClockOn(link.Until.In(s.Zone), v.now)+"."), ui.Text("They choose their own password. Nobody else learns it."),
			ui.Text("Do not open it yourself. If it went to somebody else, make a new one: then this one does not open any more.")),
		ui.Button{Text: "I have passed it on", Href: userPath(id)}}})
}

// userForm is an account as an administrator typed it.
type userForm struct {
	id          care.ActorID // "": a new one
	login, name string
	grants      []grantForm
	seen        string
}

type grantForm struct{ role, org, place string }

func (f userForm) path() string {
	if f.id == "" {
		return "/admin/users/new"
	}
	return userPath(f.id) + "/edit"
}

func placeKey(g care.Grant) string {
	if g.Ward == "" && g.Team == "" {
		return ""
	}
	return hub.Place{Org: g.Org, Ward: g.Ward, Team: g.Team}.Key()
}

// userForm reads the form that was posted. Rows without a role are left out.
func (v *visit) userForm() userForm {
	f := userForm{id: care.ActorID(v.path("id")), login: v.form("login"), name: v.form("name"), seen: v.form("seen")}
	for i := range v.blocks("grants") {
		id := fmt.Sprintf("grant-%d-", i)
		if g := (grantForm{v.form(id + "role"), v.form(id + "org"), v.form(id + "place")}); g.role != "" {
			f.grants = append(f.grants, g)
		}
	}
	return f
}

// change is what the form says, and what of it does not fit together.
func (f userForm) change() (hub.UserChange, wrongs) {
	c, wrong := hub.UserChange{ID: f.id, Login: f.login, Name: f.name, Seen: f.seen}, wrongs{}
	for i, g := range f.grants {
		x := care.Grant{Role: care.Role(g.role), Org: nhs.ODS(g.org)}
		org, rest, _ := strings.Cut(g.place, "/")
		kind, code, _ := strings.Cut(rest, "/")
		switch {
		case g.place != "" && org != g.org:
			wrong.add(fmt.Sprintf("grant-%d-place", i), "Select a ward or team of the organisation that you selected, or none")
		case kind == "ward":
			x.Ward = code
		case kind == "team":
			x.Team = code
		}
		c.Grants = append(c.Grants, x)
	}
	return c, wrong
}

func (s *Server) askUser(v *visit) (response, error) {
	f := userForm{id: care.ActorID(v.path("id"))}
	if f.id != "" {
		p, err := s.Hub.User(v.ctx(), v.by, f.id)
		if err != nil {
			return nil, err
		}
		if p.Own || p.Provider != "" {
			return nil, &care.Error{Kind: care.BusinessRule, Text: cmp.Or(p.WhyNot(hub.SendLink), "This account is not changed here")}
		}
		f.login, f.name, f.seen = p.Login, p.Name, p.Seen
		for _, g := range p.Grants {
			f.grants = append(f.grants, grantForm{string(g.Role), string(g.Org), placeKey(g)})
		}
	}
	return s.userFormPage(v, f, nil)
}

func (s *Server) userFormPage(v *visit, f userForm, errs []ui.FieldError) (response, error) {
	places, err := s.Hub.Places(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	orgs, err := s.grantOrgs(v)
	if err != nil {
		return nil, err
	}
	title, back, button := "Add a user", usersBack(), "Continue"
	var head []ui.Node
	if f.id == "" {
		head = []ui.Node{ui.P("They set their own password by a one-time link, which you get when you have added them."),
			ui.Input{ID: "login", Label: "User name", Hint: "They sign in with it. Letters, digits and . - _ @", Width: 20, Value: f.login, Error: ui.ErrorFor(errs, "login")}}
	} else {
		title, back = "Change a user", ui.NavItem{Href: userPath(f.id), Text: "User"}
		head = []ui.Node{ui.Hidden("seen", f.seen), ui.SummaryList(ui.Row{Key: "User name", Value: ui.Text(f.login)}), ui.Hidden("login", f.login)}
	}
	form := append(head, ui.Input{ID: "name", Label: "Name", Hint: "As colleagues know them, such as Edna Quill", Width: 30, Value: f.name, Error: ui.ErrorFor(errs, "name")})
	rows := len(f.grants) + 1
	for i := range rows {
		var g grantForm
		if i < len(f.grants) {
			g = f.grants[i]
		}
		form = append(form, s.grantBlock(i, g, orgs, places, errs))
	}
	form = append(form, ui.Hidden("grants", strconv.Itoa(rows)), ui.ButtonGroup(ui.Submit(button), ui.Button{Text: "Add another role", Kind: ui.Secondary, Name: "step", Value: "edit"}, ui.Link(back.Href, "Cancel")))
	p := ui.Page{Title: title, Width: ui.FormPage, Back: &back, Main: []ui.Node{ui.TwoThirds(ui.ErrorSummary(errs), ui.H1(title), ui.PostForm(f.path(), form...))}}
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// grantOrgs are the organisations for which a role can be given: those of the
// configuration, and the care providers of the councils' directories.
func (s *Server) grantOrgs(v *visit) ([]ui.Choice, error) {
	out := s.orgChoices("Select an organisation")
	providers, err := s.Hub.ProviderOrgs(v.ctx(), v.by)
	for _, o := range providers {
		out = append(out, ui.Choice{Value: string(o.ODS), Label: "Care provider: " + o.Name})
	}
	return out, err
}

func (s *Server) grantBlock(i int, g grantForm, orgs []ui.Choice, places []hub.Place, errs []ui.FieldError) ui.Node {
	id, title := fmt.Sprintf("grant-%d-", i), "Role "+strconv.Itoa(i+1)
	items, known := []ui.Choice{{Value: "", Label: "The whole organisation"}}, g.place == ""
	for _, p := range places {
		known = known || p.Key() == g.place
		items = append(items, ui.Choice{Value: p.Key(), Label: s.Hub.Org(p.Org).Name + ": " + p.Name})
	}
	if !known {
		items = append(items, ui.Choice{Value: g.place, Label: g.place + " (not offered any more)"})
	}
	return ui.Card(2, title,
		ui.Select{ID: id + "role", Label: title + ": role", Hint: map[bool]string{true: "To take this role away, select “No role”"}[g.role != ""], Value: g.role, Items: roleChoices("No role"), Error: ui.ErrorFor(errs, id+"role")},
		ui.Select{ID: id + "org", Label: title + ": organisation", Value: g.org, Items: orgs, Error: ui.ErrorFor(errs, id+"org")},
		ui.Select{ID: id + "place", Label: title + ": ward or team", Value: g.place, Items: items, Error: ui.ErrorFor(errs, id+"place")})
}

// putUser is the form, the check page and the change, by the button.
func (s *Server) putUser(v *visit) (response, error) {
	f := v.userForm()
	c, wrong := f.change()
	if v.form("step") == "edit" {
		return s.userFormPage(v, f, nil)
	}
	if len(wrong) > 0 {
		return s.userFormPage(v, f, wrong)
	}
	if v.form("step") != "do" {
		return s.checkUser(v, f, c, nil)
	}
	id, link, err := f.id, hub.Link{}, error(nil)
	if f.id == "" {
		id, link, err = s.Hub.AddUser(v.ctx(), v.by, c, v.form("why"))
	} else {
		err = s.Hub.ChangeUser(v.ctx(), v.by, c, v.form("why"))
	}
	if errs, ok := fieldErrors(err, nil); ok {
		return s.checkUser(v, f, c, errs)
	}
	if err != nil {
		return nil, err
	}
	if f.id == "" {
		return s.linkPage(v, "The user is added", id, link), nil
	}
	return goTo(userPath(id)).saying("The user is changed."), nil
}

func (s *Server) checkUser(v *visit, f userForm, c hub.UserChange, errs []ui.FieldError) (response, error) {
	lines, faults, err := s.Hub.CheckUser(v.ctx(), v.by, c)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return s.userFormPage(v, f, faultErrors(faults))
	}
	check := adminCheck{title: "You are about to add a user", action: f.path(), back: usersBack(), lines: lines, button: "Add the user", typed: true,
		does: []string{"You are shown a one-time link, for 24 hours, by which they set their own password.", "They can then do what these roles may do."}}
	if f.id != "" {
		check.title, check.button, check.back = "You are about to change a user", "Change the user", ui.NavItem{Href: userPath(f.id), Text: "User"}
		check.does = []string{"It holds at once. Where they are signed in with a role that is taken away, they are logged out."}
	}
	return s.adminCheckPage(v, check, errs), nil
}
