package web

import (
	"homeward/care"
	"homeward/web/ui"
)

// pageRoutes is the pages that everybody may read.
func (s *Server) pageRoutes() []route {
	return []route{
		{pattern: "GET /{$}", own: true, do: s.begin},
		{pattern: "GET /help", public: true, do: s.help},
		{pattern: "GET /accessibility", public: true, do: s.accessibility},
		{pattern: "GET /privacy", public: true, do: s.privacy},
	}
}

// begin leads everybody to where their role begins.
func (s *Server) begin(v *visit) (response, error) { return goTo(s.home(v.by.Role)), nil }

func (s *Server) help(*visit) (response, error) {
	return show(ui.Page{Title: "Help and phone numbers", Main: []ui.Node{
		ui.H1("Help and phone numbers"),
		ui.Lede("If Homeward cannot tell you what you need, ring. Somebody answers at every hour."),
		s.phones(2),
		ui.H2("If Homeward does not work"),
		ui.P("The numbers above work when Homeward does not. Ring the service desk of your own organisation and say what you were doing and at what time. Do not send names or NHS numbers by email."),
		ui.H2("If something that you see is wrong"),
		ui.P("Homeward shows what hospitals and councils hold. What the council holds is put right by the council, and what the hospital holds by the hospital. Ring them, and it is right here within the hour."),
		ui.H2("If you cannot see something that you need"),
		ui.P("Ask the information governance lead of your organisation. Every look is recorded, whether or not it was allowed."),
	}}), nil
}

func (s *Server) accessibility(*visit) (response, error) {
	return show(ui.Page{Title: "Accessibility statement", Main: []ui.Node{
		ui.H1("Accessibility statement"),
		ui.P("We want as many people as possible to be able to use Homeward. You can:"),
		ui.Bullets(
			ui.Text("change colours, contrast levels and fonts with your browser or device"),
			ui.Text("zoom in up to 400% without the text spilling off the screen"),
			ui.Text("find your way through every page with a keyboard, or with speech recognition software"),
			ui.Text("use every page with a screen reader, and without JavaScript")),
		ui.H2("How accessible Homeward is"),
		ui.P("We build Homeward to the Web Content Accessibility Guidelines version 2.2, level AA. Every page is checked by automated tests at three sizes. It has not yet been tested with people who use assistive technology, so there may be barriers that we do not know of."),
		ui.H2("If you cannot use a part of Homeward"),
		ui.Para(ui.Text("Ring one of the numbers on the page "), ui.Link("/help", "Help and phone numbers"), ui.Text(" to get done what you need, and tell your own service desk, so that it is mended.")),
		ui.H2("Enforcing this"),
		ui.P("The Equality and Human Rights Commission enforces the Public Sector Bodies (Websites and Mobile Applications) (No. 2) Accessibility Regulations 2018. If you are not happy with how we respond to your complaint, ring the Equality Advisory and Support Service."),
	}}), nil
}

func (s *Server) privacy(*visit) (response, error) {
	return show(ui.Page{Title: "How we use and record what you look at", Main: []ui.Node{
		ui.H1("How we use and record what you look at"),
		ui.P("Homeward shares what hospitals and councils need to get people home safely. It shows you what your role needs and no more."),
		ui.H2("What is recorded about you"),
		ui.Bullets(
			ui.Text("each person that you look up or open, when, and the reason that you gave"),
			ui.Text("what you were shown, and what you were not allowed to see"),
			ui.Text("what you change"),
			ui.Text("when you sign in and out, and the network address of the computer")),
		ui.P("The record cannot be changed. The information governance leads of the hospitals and councils look at it, and people may ask who has looked at their record."),
		ui.H2("What is kept on this computer"),
		ui.P("One cookie, which says that you are signed in. It is forgotten when you log out. Nothing about any person is kept in the browser."),
	}}), nil
}

// phones is whom to ring when a screen cannot help. It is made of the
// configuration, so it needs no database.
func (s *Server) phones(level int) ui.Node {
	var cards ui.Nodes
	for _, o := range s.Hub.CouncilOrgs() {
		cards = append(cards, phoneCard(level, o))
	}
	if len(cards) == 0 {
		return ui.P("No phone numbers are set up. Ask your own service desk.")
	}
	return cards
}

// phoneCard is a council's numbers.
func phoneCard(level int, o care.Org) ui.Node {
	return ui.Card(level, o.Name,
		councilNumbers(o))
}

// councilNumbers is whom to ring at a council, by day and by night.
func councilNumbers(o care.Org) ui.Node {
	night := phoneRow("At night and at weekends", o.OutOfHours)
	night.Source = "Emergency duty team"
	return ui.SummaryList(phoneRow("By day", o.Phone), night)
}

// phoneRow is a number to ring, in type that is read at arm's length.
func phoneRow(what, number string) ui.Row {
	if number == "" {
		return ui.Row{Key: what, Value: ui.Missing("Not known")}
	}
	return ui.Row{Key: what, Value: ui.PhoneLink(number)}
}
