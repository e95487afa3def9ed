package web

import (
	"net/http"
	"slices"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// glassRoutes is breaking the glass, objections, and what the information
// governance lead must look into. ui.md 7.2, 7.13.
func (s *Server) glassRoutes() []route {
	return slices.Concat([]route{
		{pattern: "GET /lookup/result/{handle}/glass", nav: "find", asks: deciding(policy.BreakGlass), do: s.askGlass},
		{pattern: "POST /lookup/result/{handle}/glass", nav: "find", asks: deciding(policy.BreakGlass), step: true, do: s.breakGlass},
		{pattern: "GET /cases/{id}/objection", nav: "tracker", asks: deciding(policy.RecordObjection), do: s.askObjection},
		{pattern: "POST /cases/{id}/objection", nav: "tracker", asks: deciding(policy.RecordObjection), do: s.recordObjection},
		{pattern: "GET /cases/{id}/objection/end", nav: "tracker", asks: deciding(policy.RecordObjection), do: s.askObjectionEnd},
		{pattern: "POST /cases/{id}/objection/end", nav: "tracker", asks: deciding(policy.RecordObjection), do: s.endObjection},
	}, s.alertRoutes(), s.patternRoutes(), s.reportRoutes())
}

// glassOffer stands on every result of a look-up, whatever it shows, in the same
// words: it tells nothing of the person.
func (s *Server) glassOffer(l hub.LookView, v *visit) ui.Node {
	if l.Glass != nil || !s.Hub.MayBreakGlass(v.by) {
		return nil
	}
	return ui.Details("This is an emergency and you need to see more",
		ui.P("In an emergency you can open what is shared about this person for 60 minutes. Your information governance lead is told at once, and will ask you why."),
		ui.P("It may open nothing more. That tells you nothing about the person."),
		ui.ButtonGroup(ui.Button{Text: "Break the glass", Kind: ui.Secondary, Href: "/lookup/result/" + l.Handle + "/glass"}))
}

// glassLine says that the reader broke the glass, and until when it is open.
func glassLine(g *hub.Glass, v *visit) ui.Node {
	if g == nil {
		return nil
	}
	return ui.Inset(ui.Para(ui.Strong("You broke the glass at "+ui.ClockOn(g.Broken, v.now)+"; it closes at "+ui.ClockOn(g.Closes, v.now)+".")),
		ui.Small("Your information governance lead has been told, and will ask you why."))
}

// casesGlass is glassLine for the case that a page is about; nil on other pages,
// and where the page was refused. It is asked for every page whose address names
// a case, so that none forgets it.
func (s *Server) casesGlass(v *visit, status int) ui.Node {
	if !strings.Contains(v.route.pattern, "/cases/{id}") || !v.signedIn() || status != http.StatusOK && status != http.StatusUnprocessableEntity {
		return nil
	}
	g, err := s.Hub.Glass(v.ctx(), v.by, v.id())
	if err != nil {
		s.Log.Error("the line of a broken glass is missing", "request", v.requestID(), "error", err)
	}
	return glassLine(g, v)
}

func (s *Server) askGlass(v *visit) (response, error) {
	l, err := s.Hub.Looked(v.ctx(), v.by, v.path("handle"))
	if err != nil {
		return nil, err
	}
	if !s.Hub.MayBreakGlass(v.by) {
		return nil, &care.Error{Kind: care.Forbidden, Text: "Your role cannot break the glass. If this is an emergency, ring the council"}
	}
	if l.Glass != nil {
		return goTo("/lookup/result/" + l.Handle), nil
	}
	return show(s.glassPage(v, nil)), nil
}

// glassPage is the check page: what happens, who is told, and why it is needed.
func (s *Server) glassPage(v *visit, errs []ui.FieldError) ui.Page {
	result := "/lookup/result/" + v.path("handle")
	return ui.Page{Title: "Break the glass", Width: ui.FormPage, Back: &ui.NavItem{Href: result, Text: "Back to the result"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1("Break the glass"),
		ui.WarningCard(2, "Your information governance lead is told at once",
			ui.P("So are those of the organisations that hold this person’s record. One of them will ask you about it."),
			ui.P("What opens is for you alone, in the role that you have now, to read, for 60 minutes: who the person is, the care in place, the referral and what has happened."),
			ui.P("It may open nothing. Some records are never opened this way, and we may know nothing of the person. Both look the same.")),
		ui.PostForm(result+"/glass",
			ui.Textarea{ID: "reason", Label: "Why must you see this record now?", Hint: "Say what the emergency is. Do not enter names or numbers of people", Value: v.form("reason"), Max: 500, Rows: 3,
				Error: ui.ErrorFor(errs, "reason")},
			ui.ButtonGroup(ui.Button{Text: "Break the glass", Kind: ui.Warning}, ui.Link(result, "Go back"))),
		ui.Small("This is recorded with your name."))}}
}

func (s *Server) breakGlass(v *visit) (response, error) {
	l, err := s.Hub.BreakGlass(v.ctx(), v.by, v.path("handle"), v.form("reason"))
	if errs, ok := fieldErrors(err, map[string]string{"words": "reason"}); ok {
		p := s.glassPage(v, errs)
		if care.KindOf(err) == care.Throttled {
			p.Error = true
			v.retryLater()
			return page{p, http.StatusTooManyRequests}, nil
		}
		return refuse(p), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo("/lookup/result/" + l.Handle), nil
}

// objectionPart is a person's objection, as readers of the case see it, and
// where to record one or take it back.
func objectionPart(c hub.CaseView) ui.Node {
	may := c.May[policy.RecordObjection] && c.JoinedTo == ""
	switch o := c.Objection; {
	case o != nil:
		body := ui.Nodes{ui.P("Since " + ui.ClockOn(o.At, c.At) + ". " + o.RaisedBy.Say() + " said it. " + o.How.Say() + "."),
			ui.P("While it stands, other organisations see whether a safeguarding enquiry is open, and a referral that was sent. They see nothing more.")}
		if o.Words != "" {
			body = append(body, ui.Para(ui.Lines(o.Words)))
		}
		if o.RecordedBy.Name != "" {
			body = append(body, ui.Small("Recorded by "+o.RecordedBy.Name+", "+o.OrgName))
		}
		if may {
			body = append(body, ui.Para(ui.Link(casePath(c.ID, "/objection/end"), "Record that they object no more")))
		}
		return ui.WarningCard(2, "This person objects to sharing", body)
	}
	return nil
}

// objectionLink leads to recording one, for who may, where none stands.
func objectionLink(c hub.CaseView) ui.Node {
	if c.Objection != nil || !c.May[policy.RecordObjection] || c.JoinedTo != "" {
		return nil
	}
	return ui.Link(casePath(c.ID, "/objection"), "Record an objection to sharing")
}

// objectionCase is the case of a page about objections, for who may record one.
func (s *Server) objectionCase(v *visit) (hub.CaseView, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err == nil && !c.May[policy.RecordObjection] {
		err = &care.Error{Kind: care.Forbidden, Text: "Your role cannot do this"}
	}
	return c, err
}

func (s *Server) askObjection(v *visit) (response, error) {
	c, err := s.objectionCase(v)
	if err != nil {
		return nil, err
	}
	return show(s.objectionPage(v, c, false, nil)), nil
}

func (s *Server) askObjectionEnd(v *visit) (response, error) {
	c, err := s.objectionCase(v)
	if err != nil {
		return nil, err
	}
	if c.Objection == nil {
		return goTo(casePath(c.ID, "")), nil
	}
	return show(s.objectionPage(v, c, true, nil)), nil
}

// objectionPage is the form to record an objection, or that there is none any
// more, with what follows from it.
func (s *Server) objectionPage(v *visit, c hub.CaseView, end bool, errs []ui.FieldError) ui.Page {
	title, action, button, label := "Record an objection to sharing", "/objection", "Record the objection", "What do they object to, in their words?"
	follows := ui.Nodes{ui.P("From then on, staff of other organisations do not see what a council holds of this person, and a council does not see where in hospital they are. Three things go on: whether a safeguarding enquiry is open, a referral that was sent, and what somebody reads who breaks the glass in an emergency."),
		ui.P("Tell the person that, and that they can take it back at any time.")}
	if end {
		title, action, button, label = "Record that they object no more", "/objection/end", "Take back the objection", "What did they say?"
		follows = ui.Nodes{ui.P("From then on, what the sharing agreements and rules allow is shared again. The objection stays in the timeline.")}
	}
	by := ui.Radios{ID: "raisedby", Legend: "Who said this?", Value: v.form("raisedby"), Error: ui.ErrorFor(errs, "raisedby")}
	for _, x := range []care.ObjectedBy{care.ObjectedPerson, care.ObjectedAttorney, care.ObjectedOther} {
		by.Items = append(by.Items, ui.Choice{Value: string(x), Label: x.Say()})
	}
	how := ui.Radios{ID: "how", Legend: "How did they say it?", Value: v.form("how"), Error: ui.ErrorFor(errs, "how")}
	for _, x := range []care.ObjectedHow{care.ObjectedSpoken, care.ObjectedPhone, care.ObjectedLetter} {
		how.Items = append(how.Items, ui.Choice{Value: string(x), Label: x.Say()})
	}
	return ui.Page{Title: title, Width: ui.FormPage, Banner: s.caseBanner(c, v.now), Back: &ui.NavItem{Href: casePath(c.ID, ""), Text: "Back to the case"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1(title), follows,
		ui.PostForm(casePath(c.ID, action), by, how,
			ui.Textarea{ID: "words", Label: label, Value: v.form("words"), Max: 500, Rows: 3, Error: ui.ErrorFor(errs, "words")},
			ui.Submit(button)))}}
}

func (s *Server) recordObjection(v *visit) (response, error) {
	err := s.Hub.RecordObjection(v.ctx(), v.by, v.id(), care.Object{RaisedBy: care.ObjectedBy(v.form("raisedby")), How: care.ObjectedHow(v.form("how")), Words: v.form("words")})
	return s.objectionDone(v, err, false, "The objection was recorded.")
}

func (s *Server) endObjection(v *visit) (response, error) {
	err := s.Hub.TakeBackObjection(v.ctx(), v.by, v.id(), care.TakeBackObjection{RaisedBy: care.ObjectedBy(v.form("raisedby")), How: care.ObjectedHow(v.form("how")), Words: v.form("words")})
	return s.objectionDone(v, err, true, "The objection was taken back.")
}

func (s *Server) objectionDone(v *visit, err error, end bool, said string) (response, error) {
	if errs, ok := fieldErrors(err, nil); ok {
		c, err := s.objectionCase(v)
		if err != nil {
			return nil, err
		}
		return refuse(s.objectionPage(v, c, end, errs)), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo(casePath(v.id(), "")).saying(said), nil
}
