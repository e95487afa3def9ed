package web

import (
	"cmp"
	"strconv"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// numbersRoutes is the organisations and teams, and whom to ring there. The
// configuration and the councils' directories are the base; what is set here
// holds in its place from a day on. ui.md 7.16.
func (s *Server) numbersRoutes() []route {
	orgs, teams := deciding(policy.ManageOrgs), deciding(policy.ManageUsers)
	return []route{
		{pattern: "GET /admin/organisations", nav: "organisations", asks: orgs, do: s.organisations},
		{pattern: "GET /admin/organisations/{ods}", nav: "organisations", asks: orgs, do: s.numbers},
		{pattern: "GET /admin/organisations/{ods}/numbers", nav: "organisations", asks: orgs, do: s.askNumbers},
		{pattern: "POST /admin/organisations/{ods}/numbers", nav: "organisations", asks: orgs, step: true, do: s.putNumbers},
		{pattern: "GET /admin/teams", nav: "teams", asks: teams, do: s.teams},
		{pattern: "GET /admin/teams/{ods}/{team}", nav: "teams", asks: teams, do: s.numbers},
		{pattern: "GET /admin/teams/{ods}/{team}/numbers", nav: "teams", asks: teams, do: s.askNumbers},
		{pattern: "POST /admin/teams/{ods}/{team}/numbers", nav: "teams", asks: teams, step: true, do: s.putNumbers},
	}
}

// numbered is the organisation or team that the path names.
func (v *visit) numbered() hub.Numbered {
	return hub.Numbered{Org: nhs.ODS(v.path("ods")), Team: v.path("team")}
}

func numbersPath(of hub.Numbered) string {
	if of.Team != "" {
		return "/admin/teams/" + string(of.Org) + "/" + of.Team
	}
	return "/admin/organisations/" + string(of.Org)
}

// numbersBase is where numbers come from that were not set here.
func numbersBase(of hub.Numbered) string {
	if of.Team != "" {
		return "the council’s directory"
	}
	return "the configuration"
}

var orgKinds = map[care.OrgKind]string{care.Trust: "Hospital trust", care.Council: "Council", care.ProviderOrg: "Provider", care.System: "Runs Homeward"}

func (s *Server) organisations(v *visit) (response, error) {
	ps, err := s.Hub.Organisations(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Organisations", Columns: []ui.Column{{Label: "Organisation"}, {Label: "Kind"}, {Label: "By day"}, {Label: "Out of hours"}, {Label: "From"}}}
	for _, p := range ps {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Nodes{ui.Link(numbersPath(p.Of), p.Name), ui.Sub(string(p.Of.Org))}, ui.Text(orgKinds[p.Org.Kind]),
			numberCell(p.Now.Phone), numberCell(p.Now.OutOfHours), numbersFrom(p)}})
	}
	return show(ui.Page{Title: "Organisations", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Organisations", ui.Plural(len(ps), "organisation", "organisations")),
		ui.P("Which organisations there are, and what they are called, is in the configuration. The numbers that staff are told to ring can be set here."),
		t, ui.PrintMeta(v.now, v.by.Name)}}), nil
}

func (s *Server) teams(v *visit) (response, error) {
	ps, err := s.Hub.Teams(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Teams", Columns: []ui.Column{{Label: "Team"}, {Label: "Council"}, {Label: "By day"}, {Label: "Out of hours"}, {Label: "From"}, {Label: "State"}},
		Empty: ui.Empty("There are no teams", ui.P("Teams come with the council’s extract."))}
	for _, p := range ps {
		state := ui.Tag(ui.TagGreen, "Offered")
		if p.Retired {
			state = ui.Tag(ui.TagGrey, "Retired")
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Nodes{ui.Link(numbersPath(p.Of), p.Name), ui.Sub(p.Of.Team)}, ui.Text(p.Org.Name),
			numberCell(p.Now.Phone), numberCell(p.Now.OutOfHours), numbersFrom(p), state}})
	}
	return show(ui.Page{Title: "Teams", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Teams", ui.Plural(len(ps), "team", "teams")),
		ui.P("Teams come with the council’s extract and are never deleted here. One that is retired is not offered any more when a role is given to a user."),
		t, ui.PrintMeta(v.now, v.by.Name)}}), nil
}

func numberCell(n string) ui.Node {
	if n == "" {
		return ui.Missing(ui.NotKnown)
	}
	return ui.Tel(n)
}

// numbersFrom is where the numbers of today come from, and what is planned.
func numbersFrom(p hub.NumbersPage) ui.Node {
	text := upper(numbersBase(p.Of))
	if p.Now != p.Base {
		text = "Set here"
	}
	if len(p.Planned) > 0 {
		return ui.Nodes{ui.Text(text), ui.Sub("Changes on " + ui.Day(p.Planned[0].From))}
	}
	return ui.Text(text)
}

// numbers is one organisation or team, with all that was ever set.
func (s *Server) numbers(v *visit) (response, error) {
	p, err := s.Hub.NumbersOf(v.ctx(), v.by, v.numbered())
	if err != nil {
		return nil, err
	}
	rows := []ui.Row{{Key: "By day", Value: numberCell(p.Now.Phone)}, {Key: "Out of hours", Value: numberCell(p.Now.OutOfHours)},
		{Key: "In " + numbersBase(p.Of), Value: ui.Nodes{numberCell(p.Base.Phone), ui.Text(", out of hours "), numberCell(p.Base.OutOfHours)}}}
	if p.Of.Team != "" {
		rows = append([]ui.Row{{Key: "Council", Value: ui.Text(p.Org.Name)}, {Key: "Offered", Value: ui.Text(map[bool]string{false: "Yes", true: "No, retired"}[p.Retired])}}, rows...)
	} else {
		rows = append([]ui.Row{{Key: "Kind", Value: ui.Text(orgKinds[p.Org.Kind])}, {Key: "Code", Value: ui.Text(string(p.Org.ODS))}}, rows...)
	}
	t := ui.Table{Caption: "What was set here", ShowTitle: true, Columns: []ui.Column{{Label: "From"}, {Label: "By day"}, {Label: "Out of hours"}, {Label: "State"}, {Label: "Set by"}, {Label: "Why"}},
		Empty: ui.Empty("Nothing was set here", ui.P("The numbers are those of "+numbersBase(p.Of)+"."))}
	for _, o := range p.History {
		t.Rows = append(t.Rows, overrideRow(p, o))
	}
	back := ui.NavItem{Href: "/admin/organisations", Text: "Organisations"}
	if p.Of.Team != "" {
		back = ui.NavItem{Href: "/admin/teams", Text: "Teams"}
	}
	return show(ui.Page{Title: "Phone numbers", Width: ui.PersonPage, Back: &back, Main: []ui.Node{
		ui.WorkHead(p.Name, ""), ui.SummaryList(rows...),
		ui.ButtonGroup(ui.Button{Text: "Change", Href: numbersPath(p.Of) + "/numbers"}),
		t, ui.P("Nothing is taken out of this list. To undo a change, make another."), ui.PrintMeta(v.now, v.by.Name)}}), nil
}

func overrideRow(p hub.NumbersPage, o hub.NumbersSet) ui.TableRow {
	day, night := numberCell(o.Phone), numberCell(o.OutOfHours)
	if o.Base {
		day, night = ui.Text("As in "+numbersBase(p.Of)), ui.Text("As in "+numbersBase(p.Of))
	}
	var state ui.Nodes
	if p.Today.Before(o.From) {
		state = append(state, ui.Tag(ui.TagBlue, "Planned"))
	}
	if o.Retired {
		state = append(state, ui.Tag(ui.TagGrey, "Retired"))
	}
	if len(state) == 0 {
		state = append(state, ui.Text("Held from then"))
	}
	return ui.TableRow{Cells: []ui.Node{ui.Text(ui.Day(o.From)), day, night, state, ui.Nodes{ui.Text(o.Who), ui.Sub(ui.DateTime(o.At))}, ui.Text(o.Why)}}
}

// numbersForm is numbers as an administrator typed them.
type numbersForm struct {
	of                           hub.Numbered
	which, phone, night, offered string
	from                         typedDate
	seen                         string
}

func (s *Server) askNumbers(v *visit) (response, error) {
	p, err := s.Hub.NumbersOf(v.ctx(), v.by, v.numbered())
	if err != nil {
		return nil, err
	}
	f := numbersForm{of: p.Of, which: "these", phone: p.Now.Phone, night: p.Now.OutOfHours, from: typedOf(s.today(v)), seen: strconv.Itoa(len(p.History)),
		offered: map[bool]string{false: "yes", true: "no"}[p.Retired]}
	return numbersFormPage(p, f, nil), nil
}

func (v *visit) numbersForm() numbersForm {
	return numbersForm{of: v.numbered(), which: v.form("which"), phone: v.form("phone"), night: v.form("outOfHours"), offered: v.form("offered"), from: v.date("from"), seen: v.form("seen")}
}

func numbersFormPage(p hub.NumbersPage, f numbersForm, errs []ui.FieldError) response {
	path := numbersPath(p.Of)
	title := "Change the numbers of " + p.Name
	form := []ui.Node{ui.Hidden("seen", f.seen),
		ui.Radios{ID: "which", Legend: "Which numbers?", Value: cmp.Or(f.which, "these"), Error: ui.ErrorFor(errs, "which"), Items: []ui.Choice{
			{Value: "these", Label: "The numbers that I enter"},
			{Value: "base", Label: "Again those of " + numbersBase(p.Of), Hint: numbersWords(p.Base)}}},
		ui.Input{ID: "phone", Label: "By day", Type: "tel", Width: 20, Value: f.phone, Error: ui.ErrorFor(errs, "phone")},
		ui.Input{ID: "outOfHours", Label: "Out of hours", Hint: "Leave it empty if there is none", Type: "tel", Width: 20, Value: f.night, Error: ui.ErrorFor(errs, "outOfHours")}}
	if p.Of.Team != "" {
		form = append(form, ui.Radios{ID: "offered", Legend: "Is the team offered when a role is given to a user?", Value: f.offered, Items: []ui.Choice{
			{Value: "yes", Label: "Yes"}, {Value: "no", Label: "No, it is retired", Hint: "Users who are in it stay in it"}}})
	}
	form = append(form, ui.DateInput{ID: "from", Legend: "From", Hint: "The first day on which it holds: today or later", Day: f.from.Day, Month: f.from.Month, Year: f.from.Year, Error: ui.ErrorFor(errs, "from")},
		ui.ButtonGroup(ui.Submit("Continue"), ui.Link(path, "Cancel")))
	page := ui.Page{Title: "Change numbers", Width: ui.FormPage, Back: &ui.NavItem{Href: path, Text: "Phone numbers"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1(title), ui.PostForm(path+"/numbers", form...))}}
	if len(errs) > 0 {
		return refuse(page)
	}
	return show(page)
}

func numbersWords(n hub.Numbers) string {
	return cmp.Or(n.Phone, "no number") + " by day, " + cmp.Or(n.OutOfHours, "no number") + " out of hours"
}

// putNumbers is the form, the check page and the change, by the button.
func (s *Server) putNumbers(v *visit) (response, error) {
	f := v.numbersForm()
	from, bad := f.from.parse("From")
	seen, _ := strconv.Atoi(f.seen)
	c := hub.NumbersChange{Of: f.of, From: from, Numbers: hub.Numbers{Phone: f.phone, OutOfHours: f.night}, Base: f.which == "base", Retired: f.of.Team != "" && f.offered == "no", Seen: seen}
	if bad != "" {
		c.From = nhs.Date{}
	}
	p, lines, faults, err := s.Hub.CheckNumbers(v.ctx(), v.by, c)
	if err != nil {
		return nil, err
	}
	var errs wrongs
	errs.add("from", bad)
	errs = append(errs, faultErrors(faults)...)
	switch {
	case v.form("step") == "edit":
		return numbersFormPage(p, f, nil), nil
	case v.form("step") != "do" && len(errs) > 0:
		return numbersFormPage(p, f, errs), nil
	case v.form("step") != "do":
		return s.checkNumbers(v, p, lines, nil), nil
	}
	err = s.Hub.SetNumbers(v.ctx(), v.by, c, v.form("why"))
	if why, ok := fieldErrors(err, nil); ok {
		if why[0].ID == "why" {
			return s.checkNumbers(v, p, lines, why), nil
		}
		return numbersFormPage(p, f, why), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo(numbersPath(f.of)).saying("The change is kept."), nil
}

func (s *Server) checkNumbers(v *visit, p hub.NumbersPage, lines []hub.Line, errs []ui.FieldError) response {
	does := []string{"Staff are told to ring these numbers, on every page where this organisation’s numbers stand, from the first minute of that day.", "To undo it, make another change. What was set before stays in the list."}
	if p.Of.Team != "" {
		does[0] = "Staff are told to ring these numbers where a person’s team is shown, from the first minute of that day."
	}
	return s.adminCheckPage(v, adminCheck{title: "You are about to change " + p.Name, action: numbersPath(p.Of) + "/numbers", back: ui.NavItem{Href: numbersPath(p.Of), Text: "Phone numbers"},
		lines: lines, does: append(does, "Ring the number yourself first, so that you know who answers."), button: "Make the change", typed: true}, errs)
}
