package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/signin"
	"homeward/web/ui"
)

// careProviderRoutes is the directory of care providers.
func (s *Server) careProviderRoutes() []route {
	see, keep := deciding(policy.SeeDirectory), deciding(policy.ManageDirectory)
	return []route{
		{pattern: "GET /providers", nav: "providers", asks: see, do: s.listProviders},
		{pattern: "GET /providers/{code}", nav: "providers", asks: see, do: s.showProvider},
		{pattern: "POST /providers/{code}/checked", nav: "providers", asks: keep, do: s.checkedProvider},
		{pattern: "GET /providers/{code}/edit", nav: "providers", asks: see, do: s.askProvider},
		{pattern: "POST /providers/{code}/edit", nav: "providers", asks: keep, do: s.keepProvider},
		{pattern: "POST /providers/{code}/pin", nav: "providers", asks: keep, do: s.newPIN},
	}
}

func providerPath(code nhs.ODS) string { return "/providers/" + string(code) }

// serviceChoices are the kinds of service, by their words.
func serviceChoices(none string) []ui.Choice {
	var out []ui.Choice
	for code, words := range hub.ProviderServices() {
		out = append(out, ui.Choice{Value: code, Label: words})
	}
	// Of several codes in the same words, one is offered, and always the same.
	slices.SortFunc(out, func(a, b ui.Choice) int {
		return cmp.Or(strings.Compare(a.Label, b.Label), strings.Compare(a.Value, b.Value))
	})
	out = slices.CompactFunc(out, func(a, b ui.Choice) bool { return a.Label == b.Label })
	if none != "" {
		out = append([]ui.Choice{{Value: "", Label: none}}, out...)
	}
	return out
}

func (s *Server) listProviders(v *visit) (response, error) {
	q := hub.DirectoryQuery{Text: v.query("text"), Service: v.query("service"), Area: v.query("area"), Old: v.query("old") == "yes"}
	list, err := s.Hub.CareProviders(v.ctx(), v.by, q)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: ui.Plural(len(list), "provider", "providers"), Columns: []ui.Column{{Label: "Provider"}, {Label: "Services"}, {Label: "Areas"}, {Label: "Phone"}, {Label: "Out of hours"}, {Label: "Checked"}}}
	for _, e := range list {
		checked := ui.Node(ui.Text(ui.Day(e.Verified)))
		if e.Unchecked {
			checked = uncheckedTag(e.Provider)
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link(providerPath(e.Code), e.Name), ui.Or(serviceWords(e.Services), "Not recorded"), ui.Or(strings.Join(e.Areas, ", "), "Not recorded"),
			phoneCell(e.Phone), phoneCell(e.OutOfHours), checked}})
	}
	body := ui.Node(t)
	if len(list) == 0 {
		body = ui.P("No provider fits. Services and areas are known only where a broker has recorded them.")
	}
	return show(ui.Page{Title: "Care providers", Main: []ui.Node{ui.WorkHead("Care providers", ""),
		ui.Filter{Action: "/providers", Button: "Search", Fields: []ui.Node{
			ui.Input{ID: "text", Label: "Name", Value: q.Text, Width: 20},
			ui.Select{ID: "service", Label: "Service", Value: q.Service, Items: serviceChoices("All services")},
			ui.Input{ID: "area", Label: "Area", Hint: "Like NG17", Value: q.Area, Width: 10},
			ui.Select{ID: "old", Label: "Numbers", Value: v.query("old"), Items: []ui.Choice{{Value: "", Label: "All"}, {Value: "yes", Label: "Not checked lately"}}}}},
		body}}), nil
}

func serviceWords(codes []string) string {
	var out []string
	for _, c := range codes {
		out = append(out, care.KindSay(c))
	}
	return strings.Join(out, ", ")
}

func phoneCell(number string) ui.Node {
	if number == "" {
		return ui.Missing(ui.NotKnown)
	}
	return ui.Tel(number)
}

var bases = map[string]string{"": "Not recorded", "framework": "Framework", "spot": "Spot"}

func (s *Server) showProvider(v *visit) (response, error) {
	e, err := s.Hub.CareProvider(v.ctx(), v.by, nhs.ODS(v.path("code")))
	if err != nil {
		return nil, err
	}
	return show(s.providerPage(e, "")), nil
}

// providerRows is what the directory says of a provider now.
func (s *Server) providerRows(e hub.ProviderEntry) []ui.Row {
	rows := []ui.Row{{Key: "Council", Value: ui.Text(e.CouncilName)}, {Key: "Services", Value: ui.Or(serviceWords(e.Services), "Not recorded")},
		{Key: "Areas", Value: ui.Or(strings.Join(e.Areas, ", "), "Not recorded")}, s.correctedRow(e, "phone", phoneRow("Phone", e.Phone)),
		s.correctedRow(e, "outOfHours", phoneRow("Out of hours", e.OutOfHours)), s.correctedRow(e, "hours", ui.Row{Key: "Out of hours, when", Value: ui.Or(e.Hours, ui.NotKnown)}),
		s.correctedRow(e, "email", ui.Row{Key: "E-mail for notices", Value: ui.Or(e.Email, ui.NotKnown)}),
		s.correctedRow(e, "cqc", ui.Row{Key: "CQC location", Value: ui.Or(e.CQC, ui.NotKnown)}), {Key: "Contract", Value: ui.Text(bases[e.Basis])}}
	checked := ui.Row{Key: "Numbers checked", Value: ui.Or("", "Never")}
	if !e.Verified.IsZero() {
		checked.Value = ui.Text(ui.Day(e.Verified))
		if e.CheckedBy != "" {
			checked.Value = ui.Text(ui.Day(e.Verified) + " by " + e.CheckedBy)
		}
	}
	if e.Unchecked {
		checked.Value = ui.Nodes{checked.Value, ui.Break(), uncheckedTag(e.Provider)}
	}
	return append(rows, checked)
}

// providerPage is one provider; pin is a new PIN, shown only now.
func (s *Server) providerPage(e hub.ProviderEntry, pin string) ui.Page {
	main := []ui.Node{ui.H1(e.Name)}
	if pin != "" {
		main = append(main, ui.WarningCard(2, "The PIN is shown only now", ui.Big(pin), ui.P("Ring the provider on a number that you know, and tell it this PIN. It opens the links that are mailed to "+e.Email+". Do not mail it.")))
	}
	main = append(main, ui.SummaryList(s.providerRows(e)...))
	if e.Manages {
		set := ui.Row{Key: "PIN for mailed links", Value: ui.Missing("Not set: the provider cannot open links")}
		if !e.PINSet.IsZero() {
			set.Value = ui.Text("Set " + ui.Date(e.PINSet.In(s.Zone)))
		}
		main = append(main, ui.SummaryList(set),
			ui.PostForm(providerPath(e.Code)+"/checked", ui.Submit("I checked these numbers today")),
			ui.ButtonGroup(ui.Button{Text: "Correct", Href: providerPath(e.Code) + "/edit", Kind: ui.Secondary}),
			ui.PostForm(providerPath(e.Code)+"/pin", ui.Button{Text: "Make a new PIN", Kind: ui.Secondary}))
	}
	return ui.Page{Title: "Care provider", Width: ui.FormPage, Back: &ui.NavItem{Href: "/providers", Text: "Care providers"}, Main: []ui.Node{ui.TwoThirds(main...)}}
}

// correctedRow says beside a corrected value what the extract says.
func (s *Server) correctedRow(e hub.ProviderEntry, field string, row ui.Row) ui.Row {
	for _, c := range e.Corrected {
		if c.Field == field {
			told := c.Told
			if told == "" {
				told = "nothing"
			}
			row.Source = "Extract says " + told + "; corrected by " + c.By.Name + " " + ui.Date(c.At.In(s.Zone))
		}
	}
	return row
}

func (s *Server) checkedProvider(v *visit) (response, error) {
	code := nhs.ODS(v.path("code"))
	if err := s.Hub.CheckedProvider(v.ctx(), v.by, code); err != nil {
		return nil, err
	}
	return goTo(providerPath(code)).saying("Kept: you checked these numbers today"), nil
}

// newPIN makes a PIN. It is on this page only, and kept nowhere but as a hash.
func (s *Server) newPIN(v *visit) (response, error) {
	code := nhs.ODS(v.path("code"))
	e, err := s.Hub.CareProvider(v.ctx(), v.by, code)
	if err != nil {
		return nil, err
	}
	pin, hash, err := signin.NewPIN(nil)
	if err != nil {
		return nil, err
	}
	if err := s.Hub.SetProviderPIN(v.ctx(), v.by, code, hash); err != nil {
		return nil, err
	}
	e.PINSet = v.now
	return show(s.providerPage(e, pin)), nil
}

func changeOf(e hub.ProviderEntry) hub.ProviderChange {
	return hub.ProviderChange{Phone: e.Phone, OutOfHours: e.OutOfHours, Hours: e.Hours, Email: e.Email, CQC: e.CQC, Services: e.Services, Areas: e.Areas, Basis: e.Basis, Seen: e.Seen}
}

func (s *Server) askProvider(v *visit) (response, error) {
	e, err := s.Hub.CareProvider(v.ctx(), v.by, nhs.ODS(v.path("code")))
	if err != nil {
		return nil, err
	}
	if !e.Manages {
		return nil, &care.Error{Kind: care.Forbidden, Text: "Only brokers and team managers of its own council correct a provider’s entry"}
	}
	return show(s.providerForm(e, changeOf(e), nil)), nil
}

func (s *Server) providerForm(e hub.ProviderEntry, c hub.ProviderChange, errs []ui.FieldError) ui.Page {
	checked := []string{}
	if c.Checked {
		checked = append(checked, "yes")
	}
	return ui.Page{Title: "Correct a care provider", Width: ui.FormPage, Back: &ui.NavItem{Href: providerPath(e.Code), Text: "Back without saving"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1("Correct a care provider"), ui.P(e.Name+". What you enter stands over what the council’s extract says. Both are kept and shown."),
		ui.PostForm(providerPath(e.Code)+"/edit", ui.Hidden("seen", strconv.FormatInt(c.Seen, 10)),
			ui.Input{ID: "phone", Label: "Phone by day", Type: "tel", Width: 20, Value: c.Phone, Error: ui.ErrorFor(errs, "phone")},
			ui.Input{ID: "outOfHours", Label: "Phone out of hours", Type: "tel", Width: 20, Value: c.OutOfHours, Error: ui.ErrorFor(errs, "outOfHours")},
			ui.Input{ID: "hours", Label: "When it answers", Hint: "Like 18:00 to 8:00, or 24 hours", Width: 20, Value: c.Hours, Error: ui.ErrorFor(errs, "hours")},
			ui.Input{ID: "email", Label: "E-mail for notices", Hint: "Mails say that a message waits, and nothing about anybody", Type: "email", Width: 30, Value: c.Email, Error: ui.ErrorFor(errs, "email")},
			ui.Input{ID: "cqc", Label: "CQC location id", Hint: "Like 1-1234567890", Width: 20, Value: c.CQC, Error: ui.ErrorFor(errs, "cqc")},
			ui.Checkboxes{ID: "services", Legend: "Services", Values: c.Services, Items: serviceChoices(""), Error: ui.ErrorFor(errs, "services")},
			ui.Input{ID: "areas", Label: "Areas", Hint: "Postcode districts with commas between them, like NG17, NG18", Width: 30, Value: strings.Join(c.Areas, ", "), Error: ui.ErrorFor(errs, "areas")},
			ui.Radios{ID: "basis", Legend: "Contract", Value: c.Basis, Error: ui.ErrorFor(errs, "basis"), Items: []ui.Choice{{Value: "framework", Label: "Framework"}, {Value: "spot", Label: "Spot"}}},
			ui.Checkboxes{ID: "checked", Legend: "Numbers", Values: checked, Items: []ui.Choice{{Value: "yes", Label: "I have checked these numbers today"}}},
			ui.Submit("Save")))}}
}

func (s *Server) keepProvider(v *visit) (response, error) {
	code := nhs.ODS(v.path("code"))
	seen, _ := strconv.ParseInt(v.form("seen"), 10, 64)
	c := hub.ProviderChange{Phone: v.form("phone"), OutOfHours: v.form("outOfHours"), Hours: v.form("hours"), Email: v.form("email"), CQC: v.form("cqc"),
		Services: v.r.PostForm["services"], Basis: v.form("basis"), Checked: v.form("checked") == "yes", Seen: seen}
	for _, a := range strings.Split(v.form("areas"), ",") {
		if a = strings.TrimSpace(a); a != "" {
			c.Areas = append(c.Areas, a)
		}
	}
	faults, err := s.Hub.CorrectProvider(v.ctx(), v.by, code, c)
	overtaken := care.KindOf(err) == care.Conflict
	if err != nil && !overtaken {
		return nil, err
	}
	if len(faults) > 0 || overtaken {
		e, err := s.Hub.CareProvider(v.ctx(), v.by, code)
		if err == nil && !e.Manages {
			err = &care.Error{Kind: care.Forbidden, Text: "Only brokers and team managers of its own council correct a provider’s entry"}
		}
		if err != nil {
			return nil, err
		}
		if overtaken { // what was typed stays, and the next try is meant
			c.Seen = e.Seen
			p := s.providerForm(e, c, wrongs{{ID: "phone", Text: "Somebody else changed this entry since you opened it. Check below the form what it says now, then save yours"}})
			p.Main = append(p.Main, ui.TwoThirds(ui.H2("What the entry says now"), ui.SummaryList(s.providerRows(e)...)))
			return s.overtaken(p, v, true), nil
		}
		return refuse(s.providerForm(e, c, faultErrors(faults))), nil
	}
	return goTo(providerPath(code)).saying("Saved"), nil
}
