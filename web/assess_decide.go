package web

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/web/ui"
)

// assessReadPage is an assessment that nobody writes now: it waits for an approval,
// or is done with.
func (s *Server) assessReadPage(v *visit, a hub.AssessmentView, errs []ui.FieldError) ui.Page {
	here := assessPath(a.Case.ID, a.ID, "")
	links := ui.Nodes{ui.Link(here+"/print", "Print")}
	if a.Revision > 1 {
		links = append(links, ui.Link(here+"/changes", "What was changed"))
	}
	if a.State == hub.AssessApproved {
		links = append(links, ui.Link(paperPath(a.Case.ID, cmp.Or(a.Paper, a.ID), ""), "Open the approved assessment"))
	}
	return s.assessScreen(v, a, assessTitle(a), ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1(revisionTitle(assessTitle(a), a.Revision)), ui.Para(assessTag(a.State)),
		approvalsList(a.Approvals, a.Next, v), ui.List(links...),
		answersOf(a.Form, a.Answers), s.filesPart(v, a, nil), s.commentsPart(v, a, ""), s.decideForms(v, a, errs)))
}

// approvalsList is who approved, and what comes next.
func approvalsList(all []care.Approval, next form.Step, v *visit) ui.Node {
	var rows []ui.Row
	for _, x := range all {
		word := map[form.Step]string{form.ByWorker: "Signed", form.ByManager: "Approved by a manager", form.ByPanel: "Agreed by the panel"}[form.Step(x.Step)]
		rows = append(rows, ui.Row{Key: word, Value: ui.Nodes{ui.Text(x.By.Name + ", " + ui.ClockOn(x.At, v.now)), ui.If(x.Text != "", func() ui.Node { return ui.Sub(x.Text) })}})
	}
	if next != "" {
		rows = append(rows, ui.Row{Key: "Waits for", Value: ui.Text(upper(stepWords[next]))})
	}
	if len(rows) == 0 {
		return nil
	}
	return ui.SummaryList(rows...)
}

// answersOf is the answers in words, page by page.
func answersOf(p *form.Pathway, a form.Answers) ui.Node {
	var out ui.Nodes
	lines := p.Summary(a)
	for _, g := range p.Pages {
		var rows []ui.Row
		for _, l := range lines {
			if l.Page == g.ID && len(l.Answers) > 0 {
				rows = append(rows, ui.Row{Key: l.Question, Value: answerNode(l)})
			}
		}
		if len(rows) > 0 {
			out = append(out, ui.Section("part-"+g.ID, g.Title, ui.SummaryList(rows...)))
		}
	}
	return out
}

// decideForms are what the reader may say to an assessment that waits.
func (s *Server) decideForms(v *visit, a hub.AssessmentView, errs []ui.FieldError) ui.Node {
	if a.State != hub.AssessWaiting {
		return nil
	}
	here := assessPath(a.Case.ID, a.ID, "")
	var out ui.Nodes
	if a.MayDecide {
		out = append(out, ui.Section("decide", "Your decision", ui.PostForm(here+"/approve",
			ui.Hidden("sent", strconv.Itoa(a.Sent)), ui.Hidden("step", string(a.Next)),
			ui.Textarea{ID: "text", Label: "Note, or what must be changed", Hint: "Needed when you return it. The writer sees it.", Value: v.form("text"), Max: 2000, Rows: 4, Error: ui.ErrorFor(errs, "text")},
			ui.ButtonGroup(ui.Button{Text: "Approve", Name: "do", Value: "approve"}, ui.Button{Text: "Return with comments", Kind: ui.Secondary, Name: "do", Value: "return"}))))
	} else if a.WhyNot != "" {
		out = append(out, ui.P(sentence(a.WhyNot)))
	}
	items := []ui.Choice{{Value: "", Label: "All of it"}}
	for _, p := range a.Form.Pages {
		for _, f := range p.Fields {
			if f.Kind != form.Info {
				items = append(items, ui.Choice{Value: f.ID, Label: p.Title + ": " + f.Label})
			}
		}
		for _, g := range p.Groups {
			items = append(items, ui.Choice{Value: g.ID, Label: p.Title + ": " + g.Title})
		}
	}
	return append(out, ui.Section("add-comment", "Add a comment", ui.PostForm(here+"/comment",
		ui.Select{ID: "field", Label: "About which question", Value: v.form("field"), Items: items},
		ui.Textarea{ID: "comment", Label: "Comment", Hint: "The writer sees it beside the question.", Value: v.form("comment"), Max: 2000, Rows: 3, Error: ui.ErrorFor(errs, "comment")},
		ui.Button{Text: "Add the comment", Kind: ui.Secondary})))
}

// assessApprove approves it, or returns it.
func (s *Server) assessApprove(v *visit) (response, error) {
	name := v.path("assessment")
	sent, _ := strconv.Atoi(v.form("sent"))
	var err error
	said := "The assessment was returned to its writer"
	switch v.form("do") {
	case "approve":
		said = "Your approval was recorded"
		err = s.Hub.ApproveAssessment(v.ctx(), v.by, v.id(), name, sent, form.Step(v.form("step")), v.form("text"))
	case "return":
		err = s.Hub.ReturnAssessment(v.ctx(), v.by, v.id(), name, sent, v.form("text"))
	default:
		err = &care.Error{Kind: care.Invalid, Text: "Choose whether to approve it or return it"}
	}
	return s.decided(v, err, said, nil)
}

func (s *Server) assessComment(v *visit) (response, error) {
	err := s.Hub.CommentAssessment(v.ctx(), v.by, v.id(), v.path("assessment"), v.form("field"), v.form("comment"))
	return s.decided(v, err, "The comment was added", map[string]string{"text": "comment"})
}

// decided goes back to the assessment, or shows what is wrong with what was said.
func (s *Server) decided(v *visit, err error, said string, ids map[string]string) (response, error) {
	if err == nil {
		return goTo(assessPath(v.id(), v.path("assessment"), "")).saying(said), nil
	}
	var e *care.Error
	if !errors.As(err, &e) || e.Kind != care.Conflict && e.Field == "" {
		return nil, err
	}
	a, err := s.assessment(v)
	if err != nil {
		return nil, err
	}
	if a.Editable() {
		return nil, e
	}
	if e.Kind == care.Conflict {
		p := s.assessReadPage(v, a, []ui.FieldError{{Text: e.Text}})
		p.Error = true
		return page{p, http.StatusConflict}, nil
	}
	errs, ok := fieldErrors(e, ids)
	if !ok {
		return nil, e
	}
	return refuse(s.assessReadPage(v, a, errs)), nil
}

func (s *Server) assessTake(v *visit) (response, error) {
	name := v.path("assessment")
	if err := s.Hub.TakeOverAssessment(v.ctx(), v.by, v.id(), name); err != nil {
		return nil, err
	}
	return goTo(assessPath(v.id(), name, "")).saying("The assessment is yours to finish"), nil
}

func (s *Server) assessDrop(v *visit) (response, error) {
	if err := s.Hub.DropAssessment(v.ctx(), v.by, v.id(), v.path("assessment")); err != nil {
		return nil, err
	}
	return goTo(casePath(v.id(), "?tab=assessments")).saying("The assessment was dropped"), nil
}

// assessPrint is an assessment for paper: only what it says, by whom, and what to
// do with the sheet.
func (s *Server) assessPrint(v *visit) (response, error) {
	a, err := s.assessment(v)
	if err != nil {
		return nil, err
	}
	state := ui.Node(ui.P("Draft: not approved. Do not rely on it."))
	if a.State == hub.AssessApproved {
		state = nil
	}
	return show(s.printPage(v, a.Case, revisionTitle(assessTitle(a), a.Revision), state, approvalsList(a.Approvals, a.Next, v), answersOf(a.Form, a.Answers))), nil
}

// printPage is a sheet about one person.
func (s *Server) printPage(v *visit, c hub.CaseView, title string, main ...ui.Node) ui.Page {
	return ui.Page{Title: title, Width: ui.ReadingPage, Banner: s.caseBanner(c, v.now), Main: append(append([]ui.Node{ui.H1(title)}, main...), ui.PrintMeta(v.now, v.by.Name))}
}

// assessChanges is what a new revision changes.
func (s *Server) assessChanges(v *visit) (response, error) {
	a, err := s.assessment(v)
	if err != nil {
		return nil, err
	}
	return show(s.assessScreen(v, a, "What was changed – "+assessTitle(a), ui.H1("What was changed"), changesNode(hub.CompareAnswers(a.Form, a.Before, a.Form, a.Answers)))), nil
}

// assessmentsTab is the assessments of a case: those that are approved, as far as
// the reader may see them, and those that their organisation is writing.
func (s *Server) assessmentsTab(v *visit, c hub.CaseView, _ noteForm) ui.Node {
	out := ui.Nodes{ui.H2("Assessments")}
	if len(c.AssessForms) > 0 {
		out = append(out, ui.ButtonGroup(ui.Button{Text: "Start an assessment", Href: casePath(c.ID, "/assessments"), Kind: ui.Secondary}))
	}
	t := ui.Table{Caption: "Being written", ShowTitle: true, Columns: []ui.Column{{Label: "Assessment"}, {Label: "State"}, {Label: "Written by"}}}
	for _, x := range c.Assessments {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link(assessPath(x.Case, x.ID, ""), revisionTitle(x.Title, x.Revision)), assessTag(x.State), ui.Text(x.Writer.Name)}})
	}
	if len(t.Rows) > 0 {
		out = append(out, t)
	}
	done := ui.Table{Caption: "Approved", ShowTitle: true, Columns: []ui.Column{{Label: "Assessment"}, {Label: "By"}, {Label: "When"}, {Label: "Provider"}}}
	for i := len(c.Papers) - 1; i >= 0; i-- {
		p := c.Papers[i]
		if p.Form == "" {
			continue
		}
		title := revisionTitle(p.Kind.Say(), p.Revision)
		if !p.Withdrawn.IsZero() {
			title += ": withdrawn"
		}
		done.Rows = append(done.Rows, ui.TableRow{Cells: []ui.Node{ui.Link(paperPath(c.ID, p.ID, ""), title), ui.Nodes{ui.Text(p.By.Name), ui.Sub(s.Hub.Org(p.By.Org).Name)}, ui.TimeAt(p.At), signsNode(p)}})
	}
	if len(done.Rows) == 0 {
		return append(out, ui.P("There is no approved assessment that you may see."))
	}
	return append(out, done)
}

// signsNode is what providers said to a trusted assessment.
func signsNode(p care.Paper) ui.Node {
	if p.Kind != care.PaperTrusted {
		return ui.Missing("Not applicable")
	}
	if len(p.Signs) == 0 {
		return ui.Missing("Not signed")
	}
	return ui.List(ui.Map(p.Signs, func(x care.Sign) ui.Node { return ui.Nodes{signTag(x), ui.Sub(x.Name)} })...)
}

func signTag(x care.Sign) ui.Node {
	switch {
	case x.Disputed && x.Settled.IsZero():
		return ui.Tag(ui.TagRed, "Disputed")
	case x.Disputed:
		return ui.Tag(ui.TagGrey, "Dispute settled")
	}
	return ui.Tag(ui.TagGreen, "Signed")
}
