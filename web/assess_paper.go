package web

import (
	"net/url"
	"strconv"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// paperRoutes is where approved assessments are read, revised, signed and disputed.
func (s *Server) paperRoutes() []route {
	const at = "/cases/{id}/papers/{paper}"
	reads, writes := deciding(policy.SeeAssessments), deciding(policy.WriteAssessment)
	return []route{
		{pattern: "GET " + at, nav: "assessments", asks: reads, do: s.paper},
		{pattern: "GET " + at + "/print", nav: "assessments", asks: reads, do: s.paperPrint},
		{pattern: "GET " + at + "/compare", nav: "assessments", asks: reads, do: s.paperCompare},
		{pattern: "POST " + at + "/revise", asks: writes, do: s.paperRevise},
		{pattern: "GET " + at + "/sign", nav: "assessments", asks: writes, do: s.paperSign},
		{pattern: "POST " + at + "/sign", nav: "assessments", asks: writes, do: s.savePaperSign},
		{pattern: "POST " + at + "/settle", nav: "assessments", asks: writes, do: s.paperSettle},
	}
}

func paperPath(id care.CaseID, paper, below string) string {
	return casePath(id, "/papers/"+url.PathEscape(paper)+below)
}

func (s *Server) readPaper(v *visit) (hub.PaperView, error) {
	return s.Hub.PaperRevisions(v.ctx(), v.by, v.id(), v.path("paper"))
}

func (s *Server) paperScreen(v *visit, p hub.PaperView, title string, main ...ui.Node) ui.Page {
	return ui.Page{Title: title, Width: ui.FormPage, Back: &ui.NavItem{Href: casePath(p.Case.ID, "?tab=assessments"), Text: "Discharge case"}, Banner: s.caseBanner(p.Case, v.now),
		Main: []ui.Node{ui.TwoThirds(main...)}}
}

// paper is an approved assessment.
func (s *Server) paper(v *visit) (response, error) {
	p, err := s.readPaper(v)
	if err != nil {
		return nil, err
	}
	return show(s.paperPage(v, p, nil)), nil
}

func (s *Server) paperPage(v *visit, p hub.PaperView, errs []ui.FieldError) ui.Page {
	here := paperPath(p.Case.ID, p.Paper.ID, "")
	links := ui.Nodes{ui.Link(here+"/print", "Print")}
	for _, r := range p.Revisions[:max(len(p.Revisions)-1, 0)] {
		links = append(links, ui.Link(here+"/compare?with="+strconv.Itoa(r.Revision), "What changed since revision "+strconv.Itoa(r.Revision)))
	}
	var revise ui.Node
	if p.MayWrite && p.Paper.Withdrawn.IsZero() {
		revise = ui.PostForm(here+"/revise", ui.P("A change is a new revision: it begins from these answers, and is approved anew."), ui.Button{Text: "Start a new revision", Kind: ui.Secondary})
	}
	return s.paperScreen(v, p, p.Paper.Kind.Say(), ui.ErrorSummary(errs), ui.H1(revisionTitle(p.Paper.Kind.Say(), p.Paper.Revision)),
		ui.SummaryList(ui.Row{Key: "Written by", Value: ui.Nodes{ui.Text(p.Paper.By.Name), ui.Sub(s.Hub.Org(p.Paper.By.Org).Name)}}, ui.Row{Key: "Approved", Value: ui.TimeAt(p.Paper.At)}),
		approvalsList(p.Paper.Approvals, "", v), ui.List(links...), s.paperAnswers(p), s.paperFiles(p), s.signsPart(v, p, errs), revise)
}

func (s *Server) paperAnswers(p hub.PaperView) ui.Node {
	if p.Form != nil {
		return answersOf(p.Form, p.Paper.Answers)
	}
	return ui.P("The form of this assessment is not installed, so that its answers cannot be shown.")
}

// signsPart is what providers said, and how a dispute is settled.
func (s *Server) signsPart(v *visit, p hub.PaperView, errs []ui.FieldError) ui.Node {
	if p.Paper.Kind != care.PaperTrusted {
		return nil
	}
	here := paperPath(p.Case.ID, p.Paper.ID, "")
	var out ui.Nodes
	for i, x := range p.Paper.Signs {
		rows := []ui.Row{{Key: "Provider", Value: ui.Text(x.Name)}, {Key: "Answer", Value: signTag(x), Source: x.Who + ", " + ui.ClockOn(x.At, v.now)}}
		if x.Text != "" {
			rows = append(rows, ui.Row{Key: "In their words", Value: ui.Lines(x.Text)})
		}
		if !x.Settled.IsZero() {
			rows = append(rows, ui.Row{Key: "Settled", Value: ui.Lines(x.Outcome), Source: ui.ClockOn(x.Settled, v.now)})
		}
		out = append(out, ui.SummaryList(rows...))
		if x.Disputed && x.Settled.IsZero() && p.MayWrite {
			id := "outcome-" + strconv.Itoa(i+1)
			out = append(out, ui.PostForm(here+"/settle", ui.Hidden("dispute", strconv.Itoa(i+1)),
				ui.Textarea{ID: id, Name: "outcome", Label: "How was it settled with " + x.Name + "?", Hint: "If answers must change, start a new revision instead.", Rows: 3, Max: 2000, Error: ui.ErrorFor(errs, id)},
				ui.Button{Text: "Settle the dispute", Kind: ui.Secondary}))
		}
	}
	if len(out) == 0 {
		out = append(out, ui.P("No provider has signed this revision."))
	}
	if p.MayWrite && p.Paper.Withdrawn.IsZero() {
		out = append(out, ui.ButtonGroup(ui.Button{Text: "Record what a provider said", Href: here + "/sign", Kind: ui.Secondary}))
	}
	return ui.Section("signs", "Providers", out)
}

func (s *Server) paperPrint(v *visit) (response, error) {
	p, err := s.readPaper(v)
	if err != nil {
		return nil, err
	}
	return show(s.printPage(v, p.Case, revisionTitle(p.Paper.Kind.Say(), p.Paper.Revision),
		ui.P("Written by "+p.Paper.By.Name+", "+s.Hub.Org(p.Paper.By.Org).Name+", "+ui.DateTime(p.Paper.At)+"."), approvalsList(p.Paper.Approvals, "", v), s.paperAnswers(p))), nil
}

// paperCompare is what changed since an earlier revision, in words.
func (s *Server) paperCompare(v *visit) (response, error) {
	p, err := s.readPaper(v)
	if err != nil {
		return nil, err
	}
	with, _ := strconv.Atoi(v.query("with"))
	for _, r := range p.Revisions {
		if r.Revision != with {
			continue
		}
		was, _ := s.Hub.Forms.Get(r.Form, r.FormVersion)
		title := "What changed since revision " + strconv.Itoa(with)
		page := s.paperScreen(v, p, title, ui.H1(title), ui.P("Revision "+strconv.Itoa(with)+" was approved "+ui.ClockOn(r.At, v.now)+"; revision "+strconv.Itoa(p.Paper.Revision)+" "+ui.ClockOn(p.Paper.At, v.now)+"."),
			changesNode(hub.CompareAnswers(was, r.Answers, p.Form, p.Paper.Answers)))
		page.Back = &ui.NavItem{Href: paperPath(p.Case.ID, p.Paper.ID, ""), Text: p.Paper.Kind.Say()}
		return show(page), nil
	}
	return nil, &care.Error{Kind: care.NotFound, Text: "There is no such revision"}
}

func (s *Server) paperRevise(v *visit) (response, error) {
	name, err := s.Hub.ReviseAssessment(v.ctx(), v.by, v.id(), v.path("paper"))
	if err != nil {
		return nil, err
	}
	return goTo(assessPath(v.id(), name, "")), nil
}

// paperSign asks what a provider said by telephone or on paper.
func (s *Server) paperSign(v *visit) (response, error) {
	p, err := s.readPaper(v)
	if err != nil {
		return nil, err
	}
	if !p.MayWrite || p.Paper.Kind != care.PaperTrusted {
		return nil, &care.Error{Kind: care.Forbidden}
	}
	return show(s.signPage(v, p, nil)), nil
}

func (s *Server) signPage(v *visit, p hub.PaperView, errs []ui.FieldError) ui.Page {
	var items []ui.Choice
	for _, x := range p.Providers {
		items = append(items, ui.Choice{Value: x.ID, Label: x.Name})
	}
	name := ui.Input{ID: "name", Label: "Name of the provider", Value: v.form("name"), Error: ui.ErrorFor(errs, "name")}
	which := ui.Node(name)
	if len(items) > 0 {
		which = ui.Radios{ID: "provider", Legend: "Which provider?", Value: v.form("provider"), Error: ui.ErrorFor(errs, "provider"), Items: append(items, ui.Choice{Value: "other", Label: "Another provider", More: name})}
	}
	page := s.paperScreen(v, p, "Record what a provider said", ui.ErrorSummary(errs), ui.H1("Record what a provider said"),
		ui.P("It is about revision "+strconv.Itoa(p.Paper.Revision)+" of the trusted assessment. Your name is recorded as who wrote it down."),
		ui.PostForm(paperPath(p.Case.ID, p.Paper.ID, "/sign"), ui.Hidden("revision", strconv.Itoa(p.Paper.Revision)), which,
			ui.Input{ID: "who", Label: "Who answered for the provider?", Value: v.form("who"), Error: ui.ErrorFor(errs, "who")},
			ui.Radios{ID: "said", Legend: "What did they say?", Value: v.form("said"), Error: ui.ErrorFor(errs, "said"), Items: []ui.Choice{
				{Value: "signed", Label: "They accept the assessment"}, {Value: "disputed", Label: "They dispute it"}}},
			ui.Textarea{ID: "text", Label: "In their words", Hint: "Needed when they dispute it", Value: v.form("text"), Rows: 4, Max: 4000, Error: ui.ErrorFor(errs, "text")},
			ui.Submit("Save")))
	page.Back = &ui.NavItem{Href: paperPath(p.Case.ID, p.Paper.ID, ""), Text: p.Paper.Kind.Say()}
	return page
}

func (s *Server) savePaperSign(v *visit) (response, error) {
	revision, _ := strconv.Atoi(v.form("revision"))
	sign := care.Sign{Provider: v.form("provider"), Who: v.form("who"), Text: v.form("text"), Disputed: v.form("said") == "disputed"}
	if sign.Provider == "other" || sign.Provider == "" {
		sign.Provider, sign.Name = "", v.form("name")
	}
	err := error(&care.Error{Kind: care.Required, Field: "said", Text: "Choose what they said"})
	if sign.Disputed || v.form("said") == "signed" {
		err = s.Hub.RecordSign(v.ctx(), v.by, v.id(), v.path("paper"), revision, sign)
	}
	if err == nil {
		return goTo(paperPath(v.id(), v.path("paper"), "")).saying("What the provider said was recorded"), nil
	}
	errs, ok := fieldErrors(err, nil)
	if !ok {
		return nil, err
	}
	p, err := s.readPaper(v)
	if err != nil {
		return nil, err
	}
	return refuse(s.signPage(v, p, errs)), nil
}

func (s *Server) paperSettle(v *visit) (response, error) {
	p, err := s.readPaper(v)
	if err != nil {
		return nil, err
	}
	n, _ := strconv.Atoi(v.form("dispute"))
	if n < 1 || n > len(p.Paper.Signs) {
		return nil, &care.Error{Kind: care.NotFound, Text: "There is no such dispute"}
	}
	err = s.Hub.SettleSign(v.ctx(), v.by, v.id(), p.Paper.ID, p.Paper.Signs[n-1].Provider, v.form("outcome"))
	if err == nil {
		return goTo(paperPath(v.id(), p.Paper.ID, "")).saying("The dispute is settled"), nil
	}
	errs, ok := fieldErrors(err, map[string]string{"outcome": "outcome-" + strconv.Itoa(n)})
	if !ok {
		return nil, err
	}
	page := refuse(s.paperPage(v, p, errs))
	return page, nil
}
