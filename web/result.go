package web

import (
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/web/ui"
)

// foundParts is a person with packages: how fresh, what is in place and whom
// to ring, safeguarding, what next. ui.md 7.2.
func (s *Server) foundParts(l hub.LookView, f *lookEnd, errs []ui.FieldError) []ui.Node {
	inPlace, paused, open := 0, 0, false
	var told []ui.Told
	for _, c := range l.Councils {
		inPlace += c.InPlace()
		open = open || c.Safeguarding.Answer == care.AnswerYes
		for _, p := range c.Packages {
			if p.Package.Status == care.PackageOnHold {
				paused++
			}
		}
		told = append(told, ui.Told{Source: c.Title, At: c.AsAt, Stale: c.Stale})
	}
	title := ui.Plural(inPlace, "package in place", "packages in place")
	switch {
	case inPlace == 0 && paused > 0:
		title = ui.Plural(paused, "package is paused", "packages are paused")
	case inPlace == 0:
		title = "No package is in place now"
	}
	return []ui.Node{
		ui.ErrorSummary(errs),
		ui.AsAt(l.At, told...),
		ui.H1(title),
		ui.If(open, func() ui.Node { // on a narrow screen the card itself is far below
			return ui.Para(ui.Strong("Open safeguarding enquiry. "), ui.Link("#safeguarding", "Read who to speak to first"))
		}),
		ui.Columns(
			ui.Nodes{
				ui.Map(l.Councils, func(c hub.CouncilView) ui.Node { return councilPackages(c, len(l.Councils) > 1) }),
				ui.P("You can see that a package exists, who provides it and how to reach them. Details of the care itself are not shared."),
				ui.P("This does not include care that the person pays for, or arranges with a direct payment."),
				ui.Small(lookRecorded),
			},
			ui.Nodes{
				ui.Part("safeguarding", ui.Map(l.Councils, func(c hub.CouncilView) ui.Node { return safeguarding(c, l, len(l.Councils) > 1) })),
				lookNext(l),
				lookAfter(l, f, errs),
				ui.Map(l.Councils, teamCard),
			}),
	}
}

// councilPackages is the packages of one council: those that matter now, then
// those that are over.
func councilPackages(c hub.CouncilView, several bool) ui.Node {
	var now, over ui.Nodes
	for _, p := range c.Packages {
		card := packageCard(p, c.Stale)
		if p.Package.Status == care.PackageFinished {
			over = append(over, card)
		} else {
			now = append(now, card)
		}
	}
	out := ui.Nodes{}
	if several {
		out = append(out, ui.H2(c.Council.Name))
	}
	if c.Unread {
		out = append(out, ui.WarningCard(2, "Some of this may have changed",
			ui.P("What "+c.Council.Name+" sent after this time could not be read for this person. Packages may have started or ended since. Ring it to be sure:"), councilNumbers(c.Council)))
	}
	switch {
	case c.Gone:
		return append(out, ui.WarningCard(2, "We cannot check "+c.Council.Name+" right now",
			ui.P("What it told us last is too old to show. This does not mean the person has no care from it. Ring it:"), councilNumbers(c.Council)))
	case !c.PackagesShown:
		return append(out, ui.P("What "+c.Council.Name+" provides is not shared with your role."))
	case len(now) == 0:
		return append(out, over)
	case len(over) > 0:
		return append(out, now, ui.Expander(ui.Plural(len(over), "package has ended", "packages have ended"), over))
	}
	return append(out, now)
}

func packageCard(p hub.PackageView, stale bool) ui.Node {
	rows := []ui.Row{{Key: "Status", Value: packageStatus(p.Package, stale)}}
	if p.Provider == nil {
		rows = append(rows, ui.Row{Key: "Provider", Value: ui.Missing("Not known")})
	} else {
		rows = append(rows, providerRows(*p.Provider, p.Unchecked)...)
		rows = append(rows, knowsRow(p)...)
	}
	title := p.Kind
	if t := strings.TrimSpace(p.Package.Title); t != "" && !strings.EqualFold(t, title) {
		title += ": " + t
	}
	return ui.Card(2, title, ui.SummaryList(rows...))
}

// packageStatus says how a package stands and since when.
func packageStatus(p care.Package, stale bool) ui.Node {
	since := func(word string, d nhs.Date) ui.Node {
		if d.IsZero() {
			return nil
		}
		return ui.Sub(word + " " + ui.Day(d))
	}
	switch p.Status {
	case care.PackageActive:
		return ui.Nodes{ui.Tag(ui.TagGreen, "In place"), since("Since", p.Start)}
	case care.PackageOnHold:
		return ui.Nodes{ui.Tag(ui.TagYellow, "Paused"), since("Started", p.Start)}
	case care.PackagePlanned:
		return ui.Nodes{ui.Tag(ui.TagBlue, "Planned"), since("Starts", p.Start)}
	}
	return ui.Nodes{ui.Tag(ui.TagGrey, "Ended"), since("Ended", p.End)}
}

func providerRows(p care.Provider, unchecked bool) []ui.Row {
	phone, night := phoneRow("Phone", p.Phone), phoneRow("Out of hours", p.OutOfHours)
	if p.OutOfHours != "" {
		night.Source = p.Hours
	}
	name := ui.Row{Key: "Provider", Value: ui.Or(p.Name, ui.NotKnown)}
	switch {
	case unchecked:
		name.Value = ui.Nodes{name.Value, ui.Break(), uncheckedTag(p)}
	case !p.Verified.IsZero():
		name.Source = "Numbers checked " + ui.Day(p.Verified)
	}
	return []ui.Row{name, phone, night}
}

// safeguarding is one of five answers that never look alike.
func safeguarding(c hub.CouncilView, l hub.LookView, several bool) ui.Node {
	title := "Safeguarding"
	if several {
		title += ", " + c.Council.Name
	}
	asAt := "As at " + ui.ClockOn(c.Safeguarding.AsAt, l.At) + ". "
	if c.Stale || c.SafeguardingUnread {
		asAt = "This is what we knew at " + ui.ClockOn(c.Safeguarding.AsAt, l.At) + ". "
	}
	if c.Gone {
		return ui.WarningCard(2, title, ui.Big("Cannot check right now"), ui.P("This does not mean that there is no enquiry."), ringLines(c))
	}
	switch c.Safeguarding.Answer {
	case care.AnswerYes:
		return openEnquiry(title, asAt, c)
	case care.AnswerNo:
		return ui.Card(2, title, ui.Big("No open enquiry"), ui.Small(asAt+"It says nothing of a concern that nobody has raised. If you have one, raise it."))
	case care.AnswerNotShared:
		return ui.Card(2, title, ui.Big("Not shared"), ui.Small("This does not mean that there is no enquiry. Ring "+c.Council.Name+" if you have a concern."))
	}
	if c.SafeguardingUnread {
		return ui.WarningCard(2, title, ui.Big("Cannot be checked"),
			ui.P("What "+c.Council.Name+" told us could not be read. This does not mean that there is no enquiry."), ringLines(c))
	}
	return ui.Card(2, title, ui.Big("Not known"), ui.Small("The council has not said. Ring "+c.Council.Name+" if you have a concern."))
}

// openEnquiry says that there is an enquiry, and never what it is about.
func openEnquiry(title, asAt string, c hub.CouncilView) ui.Node {
	whom := c.Council.Name
	if c.Team != nil {
		whom = c.Team.Name
	}
	return ui.WarningCard(2, title, ui.Big("Open enquiry"),
		ui.P("Speak to "+whom+" before you discuss this with anyone."),
		ringLines(c), ui.Small(asAt))
}

// ringLines is the numbers of a council, or of its team for this person.
func ringLines(c hub.CouncilView) ui.Node {
	day, night := c.Council.Phone, c.Council.OutOfHours
	if c.Team != nil {
		if c.Team.Phone != "" {
			day = c.Team.Phone
		}
		if c.Team.OutOfHours != "" {
			night = c.Team.OutOfHours
		}
	}
	var out ui.Nodes
	if day != "" {
		out = append(out, ui.Para(ui.Text("By day "), ui.PhoneLink(day)))
	}
	if night != "" {
		out = append(out, ui.Para(ui.Text("At night and at weekends "), ui.PhoneLink(night)))
	}
	return out
}

// lookNext is what can be done from a result.
func lookNext(l hub.LookView) ui.Node {
	var items []ui.Node
	if l.MayCall {
		items = append(items, ui.Link("/lookup/result/"+l.Handle+"/call", "Record a call to the provider"))
	}
	if l.MayRefer {
		items = append(items, ui.Link("/cases/"+string(l.Case)+"/refer", "Refer to social care"))
	}
	if l.MayOpen {
		items = append(items, ui.Link("/cases/"+string(l.Case), "Open the discharge case"))
	}
	items = append(items, concernLink(l), ui.Link("/lookup", "Find another person"))
	return ui.Card(2, "What next", ui.List(items...))
}

// teamCard is who in the council works with the person.
func teamCard(c hub.CouncilView) ui.Node {
	if c.Team == nil && c.Worker == "" {
		return nil
	}
	rows := []ui.Row{{Key: "Worker", Value: ui.Or(c.Worker, "Not allocated")}}
	if t := c.Team; t != nil {
		rows = append(rows, ui.Row{Key: "Team", Value: ui.Text(t.Name)}, phoneRow("Team’s phone", t.Phone))
		if t.OutOfHours != "" {
			rows = append(rows, phoneRow("Out of hours", t.OutOfHours))
		}
	}
	return ui.Card(2, "Who works with this person", ui.SummaryList(rows...))
}

// nothingParts is one and the same page whatever the cause: not known, pays
// for their own care, a direct payment, restricted, under 18. Only an open
// safeguarding enquiry is added, where the reader may know of it.
func nothingParts(l hub.LookView) []ui.Node {
	main := []ui.Node{ui.H1("Social care for this person"),
		ui.WarningCard(2, "We hold nothing that can be shared",
			ui.P("This does not mean the person has no care. They may:"),
			ui.Bullets(ui.Text("pay for their own care"), ui.Text("arrange it themselves with a direct payment"),
				ui.Text("get care from another council, the NHS, family or friends")),
			ui.P("Ask the person, their family or carer, or their GP. If you still cannot find out, ring:"),
			lookPhones(l))}
	for _, c := range l.Councils {
		if c.Safeguarding.Answer == care.AnswerYes {
			main = append(main, safeguarding(c, l, false))
		}
	}
	if l.MayOpen { // the reader broke the glass
		main = append(main, ui.Para(ui.Link("/cases/"+string(l.Case), "Open the record to read it")))
	}
	return []ui.Node{ui.TwoThirds(append(main, ui.Para(concernLink(l)), ui.Para(ui.Link("/lookup", "Find another person")), ui.Small(lookRecorded))...)}
}

// cannotParts says that nothing could be checked, and never looks like "nothing".
func cannotParts(l hub.LookView) []ui.Node {
	return []ui.Node{ui.TwoThirds(
		ui.H1("Social care could not be checked"),
		ui.WarningCard(2, "We cannot check social care records right now",
			ui.P("This does not mean the person has no care."),
			ui.P("If you cannot wait, ring:"),
			lookPhones(l),
			ui.Para(ui.Text("You can also "), ui.Link("/lookup", "try again"), ui.Text("."))),
		ui.If(l.MayOpen, func() ui.Node { return ui.Para(ui.Link("/cases/"+string(l.Case), "Open the record to read it")) }),
		ui.Para(concernLink(l)),
		ui.Small(lookRecorded))}
}

// concernLink leads to raising a safeguarding concern, whoever was found or not.
func concernLink(l hub.LookView) ui.Node {
	return ui.Link("/lookup/result/"+l.Handle+"/concern", "Raise a safeguarding concern")
}

// lookPhones is each council's two numbers.
func lookPhones(l hub.LookView) ui.Node {
	return ui.Map(l.Phones, func(o care.Org) ui.Node {
		return ui.Nodes{ui.H3(o.Name), councilNumbers(o)}
	})
}
