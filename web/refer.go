package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// referRoutes is the referral form. ui.md 7.3.
func (s *Server) referRoutes() []route {
	const at = "/cases/{id}/refer"
	return []route{
		{pattern: "GET " + at, nav: "tracker", asks: deciding(policy.Refer), do: s.referTasks},
		{pattern: "GET " + at + "/needed", nav: "tracker", asks: deciding(policy.Refer), do: s.referNeeded},
		{pattern: "POST " + at + "/needed", nav: "tracker", asks: deciding(policy.Refer), do: s.saveNeeded},
		{pattern: "GET " + at + "/check", nav: "tracker", asks: deciding(policy.Refer), do: s.referCheck},
		{pattern: "POST " + at + "/send", nav: "tracker", asks: deciding(policy.Refer), do: s.referSend},
		{pattern: "GET " + at + "/sent", nav: "tracker", asks: deciding(policy.Refer), do: s.referSent},
		{pattern: "GET " + at + "/{page}", nav: "tracker", asks: deciding(policy.Refer), do: s.referPage},
		{pattern: "POST " + at + "/{page}", nav: "tracker", asks: deciding(policy.Refer), do: s.savePage},
		{pattern: "POST " + at + "/{page}/draft", asks: deciding(policy.Refer), do: s.saveDraft},
	}
}

// casePath is the address of a case, or of something below it.
func casePath(id care.CaseID, below string) string {
	return "/cases/" + url.PathEscape(string(id)) + below
}

// draft opens the reader's draft. Where a referral cannot be made, the case
// says why.
func (s *Server) draft(v *visit) (hub.ReferralDraft, error) {
	d, err := s.Hub.StartReferral(v.ctx(), v.by, v.id())
	if care.KindOf(err) != care.Forbidden {
		return d, err
	}
	c, e := s.Hub.Case(v.ctx(), v.by, v.id())
	switch {
	case e != nil:
		return d, err
	case c.Died != nil:
		return d, errDied()
	case c.Frozen != nil:
		return d, &care.Error{Kind: care.BusinessRule, Text: "Who this is must be checked by a person first. No referral can be sent until then"}
	case v.by.OrgKind == care.Trust && c.Stay == nil:
		return d, &care.Error{Kind: care.BusinessRule, Text: "This person is not in hospital here, so no referral can be sent"}
	}
	return d, err
}

// questionsOf draws the draft. problems are marked at their fields.
func questionsOf(v *visit, d hub.ReferralDraft, problems []form.Problem) (*questions, []ui.FieldError) {
	wrong, errs := wrongIn(d.Form, problems)
	return &questions{form: d.Form, answers: d.Answers, known: d.Known, differ: differing(d), wrong: wrong, change: v.r.URL.Query()["change"], now: v.now}, errs
}

// differing is the conflicts with a system. A form's own default is not one.
func differing(d hub.ReferralDraft) map[string]hub.Conflict {
	out := map[string]hub.Conflict{}
	for _, c := range d.Conflicts {
		if c.From != "" {
			out[c.Field] = c
		}
	}
	return out
}

// referScreen is what all pages of the form share.
func (s *Server) referScreen(v *visit, d hub.ReferralDraft, title string, back ui.NavItem, main ...ui.Node) ui.Page {
	c := d.Case
	return ui.Page{Title: title, Width: ui.FormPage, Back: &back, Main: main,
		Banner: s.caseBanner(c, v.now)}
}

// referTasks is the parts of the form and how far each is.
func (s *Server) referTasks(v *visit) (response, error) {
	if v.query("needed") != "" {
		return s.referNeeded(v)
	}
	d, err := s.draft(v)
	if err != nil {
		return nil, err
	}
	if d.OpenAlready != nil && d.Answering == nil && v.query("another") == "" {
		return show(s.openAlready(v, d)), nil
	}
	problems := d.Form.Check(d.Answers, d.Facts)
	here := casePath(d.Case.ID, "/refer")
	var tasks, more []ui.Task
	for _, p := range d.Form.Pages {
		if t := taskOf(d, p, problems, here); p.Optional {
			more = append(more, t)
		} else {
			tasks = append(tasks, t)
		}
	}
	last := ui.Task{Text: "Check and send", Href: here + "/check"}
	if len(problems) > 0 {
		last.Status = ui.CannotStart
		last.Hint = "You can look at the answers now. Sending needs " + ui.Plural(len(problems), "more answer", "more answers")
	}
	have, want, _ := d.Form.Score(d.Answers)
	p := s.referScreen(v, d, "Refer", ui.NavItem{Href: casePath(d.Case.ID, ""), Text: "Discharge case"}, ui.TwoThirds(
		ui.H1(referTitle(d)),
		stoppedCard(d), returnedInset(s, d, v), gatePart(d, true),
		ui.P(fmt.Sprintf("%d of %d needed answers are there. Most are filled in from records.", have, want)),
		nextStep(d, problems, here),
		ui.TaskList("parts", append(tasks, last)...),
		moreParts(more),
		ui.If(!d.Saved.IsZero(), func() ui.Node {
			return ui.Small("Your draft was saved at " + ui.ClockOn(d.Saved, v.now) + ". Nobody else sees it until you send it.")
		}), discardPart(d)))
	return show(p), nil
}

// moreParts is the parts that nobody needs to answer: folded away, and open where
// something is answered in one.
func moreParts(tasks []ui.Task) ui.Node {
	if len(tasks) == 0 {
		return nil
	}
	fold := ui.Details
	if slices.ContainsFunc(tasks, func(t ui.Task) bool { return t.Status != ui.Optional }) {
		fold = ui.OpenDetails
	}
	return fold("Add more, if you know it", ui.TaskList("more", tasks...))
}

func referTitle(d hub.ReferralDraft) string {
	if d.Answering != nil {
		return "Send the missing information"
	}
	return d.Form.Title
}

// nextStep is the shortest way to a referral that can be sent.
func nextStep(d hub.ReferralDraft, problems []form.Problem, here string) ui.Node {
	n := len(problems)
	for _, id := range gateMust(d) {
		if !slices.ContainsFunc(problems, func(p form.Problem) bool { return p.Field == id }) {
			n++
		}
	}
	switch {
	case n == 0 && d.Answering != nil:
		return ui.Nodes{ui.P("Add what the council asks for, then check and send."), ui.ButtonGroup(ui.Button{Text: "Check and send", Href: here + "/check"})}
	case n == 0:
		return ui.Nodes{ui.P("Everything that is needed is answered."), ui.ButtonGroup(ui.Button{Text: "Check and send", Href: here + "/check"})}
	}
	return ui.ButtonGroup(ui.Button{Text: "Answer only what is needed", Href: here + "/needed"},
		ui.Text(ui.Plural(n, "question", "questions")+", then check and send"))
}

// gateMust are the questions without an answer for which the receiving team would send
// the referral back.
func gateMust(d hub.ReferralDraft) (out []string) {
	if d.Gate == nil || d.Answering != nil {
		return nil
	}
	for _, x := range d.Gate.Missing {
		if id := x.FieldOf(); x.Must && id != "" {
			out = append(out, id)
		}
	}
	return out
}

// taskOf is one page of the form in the task list.
func taskOf(d hub.ReferralDraft, p form.Page, problems []form.Problem, here string) ui.Task {
	t := ui.Task{Text: p.Title, Href: here + "/" + p.ID, Status: ui.Incomplete}
	needed := 0
	for _, q := range problems {
		if q.Page == p.ID {
			needed++
		}
	}
	wanted := 0
	_, _, missing := d.Form.Score(d.Answers)
	for _, f := range missing {
		if d.Form.PageOf(f.ID) == p.ID {
			wanted++
		}
	}
	switch {
	case needed > 0:
		t.Hint = ui.Plural(needed, "answer is needed", "answers are needed") + " before you can send"
	case wanted > 0:
		t.Hint = ui.Plural(wanted, "more answer helps", "more answers help") + " the council"
	}
	switch d.Form.PageStatus(p.ID, d.Answers) {
	case form.Completed:
		if needed == 0 {
			t.Status = ui.Completed
		}
	case form.NotNeeded:
		t.Status = ui.Optional
	case form.CannotStart:
		t.Status, t.Href = ui.CannotStart, ""
	}
	return t
}

// openAlready stops a second referral that is not meant.
func (s *Server) openAlready(v *visit, d hub.ReferralDraft) ui.Page {
	r := d.OpenAlready
	id := d.Case.ID
	return s.referScreen(v, d, "There is an open referral", ui.NavItem{Href: casePath(id, ""), Text: "Discharge case"}, ui.TwoThirds(
		ui.InterruptionPanel("There is an open referral for this person",
			ui.P("Reference "+string(r.Referral.ID)+", sent "+ui.DateTime(r.Referral.Sent)+" by "+r.Referral.SentBy.Name+"."),
			ui.P("It is with "+r.With+"."),
			ui.P("A second referral makes two teams work on the same thing. If something has changed, write a note instead."),
			ui.ButtonGroup(ui.Button{Kind: ui.Reverse, Text: "Open that referral", Href: casePath(id, "?tab=referral")},
				ui.Button{Kind: ui.Reverse, Text: "Write another referral", Href: casePath(id, "/refer?another=1")}))))
}

// stoppedCard says, before anybody types more, that a referral cannot be sent now.
func stoppedCard(d hub.ReferralDraft) ui.Node {
	if d.Stopped == "" {
		return nil
	}
	return ui.WarningCard(2, "This cannot be sent now", ui.P(sentence(d.Stopped)), ui.P("What you type is kept, and can be sent when sharing is agreed again."))
}

// returnedInset is what the council said that it needs.
func returnedInset(s *Server, d hub.ReferralDraft, v *visit) ui.Node {
	if d.Answering == nil || len(d.Answering.Referral.Returns) == 0 {
		return nil
	}
	rs := d.Answering.Referral.Returns
	r := rs[len(rs)-1]
	return ui.Notification{Title: "Returned", Heading: d.Answering.To.Name + " needs more information", Body: []ui.Node{
		ui.Bullets(s.returnLinks(r, d)...),
		ui.Para(ui.Lines(r.Needed)),
		ui.Small(r.By.Name + ", " + ui.ClockOn(r.At, v.now))}}
}

// returnPages are the parts of the form in which a coded reason of a return is mended.
var returnPages = map[string]string{
	"needs": "needs", "ready": "ready", "consent": "consent", "capacity": "consent", "person-told": "ready", "contacts": "home", "home": "home",
	"risk": "risks", "medicines": "medicines", "equipment": "needs", "chc": "needs", "no-care": "needs",
}

// returnLinks is why a referral was returned, each with the part that mends it.
func (s *Server) returnLinks(r care.Return, d hub.ReferralDraft) []ui.Node {
	var out []ui.Node
	for i, words := range s.returnReasons(r) {
		item := ui.Node(ui.Text(words))
		for _, p := range d.Form.Pages {
			if p.ID == returnPages[r.Reasons[i]] {
				item = ui.Nodes{ui.Text(words + ": "), ui.Link(casePath(d.Case.ID, "/refer/"+p.ID), p.Title)}
			}
		}
		out = append(out, item)
	}
	return out
}

// returnReasons is why a referral was returned, in words.
func (s *Server) returnReasons(r care.Return) []string {
	p, ok := s.Hub.Forms.Latest("d2a-return")
	if !ok {
		return r.Reasons
	}
	var out []string
	for _, code := range r.Reasons {
		out = append(out, choiceLabel(p, "reasons", code))
	}
	return out
}

// referPage asks the questions of one page.
func (s *Server) referPage(v *visit) (response, error) {
	d, p, err := s.draftPage(v)
	if err != nil {
		return nil, err
	}
	q, _ := questionsOf(v, d, nil)
	return show(s.questionPage(v, d, p, q, nil)), nil
}

func (s *Server) draftPage(v *visit) (hub.ReferralDraft, form.Page, error) {
	d, err := s.draft(v)
	if err != nil {
		return d, form.Page{}, err
	}
	p, ok := d.Form.Page(v.path("page"))
	if !ok {
		return d, p, &care.Error{Kind: care.NotFound, Text: "The form has no such page"}
	}
	return d, p, nil
}

func (s *Server) questionPage(v *visit, d hub.ReferralDraft, p form.Page, q *questions, errs []ui.FieldError) ui.Page {
	here := casePath(d.Case.ID, "/refer/"+p.ID)
	checked, asked := q.page(p.Fields, here)
	var known ui.Node
	if len(checked) > 0 {
		known = ui.Nodes{ui.H2("Filled in from records"), ui.SummaryList(checked...)}
	}
	groups := q.groups(p)
	heading := ""
	if len(checked) > 0 && len(asked) > 0 {
		heading = "For you to answer"
	}
	return s.referScreen(v, d, p.Title+" – Refer", ui.NavItem{Href: casePath(d.Case.ID, "/refer"), Text: "All parts of the referral"}, ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1(p.Title),
		stoppedCard(d), returnedInset(s, d, v),
		ui.If(p.Hint != "", func() ui.Node { return ui.P(p.Hint) }),
		known,
		ui.If(heading != "", func() ui.Node { return ui.H2(heading) }),
		ui.Form{Action: here, Autosave: here + "/draft", Body: []ui.Node{
			ui.DefaultSubmit(),
			asked, groups,
			ui.If(v.r.FormValue("back") == "check", func() ui.Node { return ui.Hidden("back", "check") }),
			ui.ButtonGroup(ui.Submit("Save and continue"), ui.Button{Text: "Save and finish later", Kind: ui.Secondary, Name: "later", Value: "1"}),
			ui.AutosaveStatus()}},
		gatePart(d, false)))
}

// savePage keeps what was typed, right or wrong, and goes on when it is right.
func (s *Server) savePage(v *visit) (response, error) {
	d, p, err := s.draftPage(v)
	if err != nil {
		return nil, err
	}
	if d, err = s.keep(v, d); err != nil {
		return nil, err
	}
	here := casePath(d.Case.ID, "/refer")
	if keep, to, ok := groupStep(d.Form, d.Answers, v.r.PostForm); ok {
		if _, err := s.Hub.SaveDraft(v.ctx(), v.by, v.id(), d.Form.ID, keep); err != nil {
			return nil, err
		}
		return goTo(here + "/" + p.ID + backTo(v.form("back")) + "#" + to), nil
	}
	if v.form("later") != "" {
		return goTo(here), nil
	}
	if problems := d.Form.CheckPage(p.ID, d.Answers, d.Facts); len(problems) > 0 {
		q, errs := questionsOf(v, d, problems)
		q.change = v.r.PostForm["asked"]
		return refuse(s.questionPage(v, d, p, q, errs)), nil
	}
	if v.form("back") == "check" {
		return goTo(here + "/check"), nil
	}
	return goTo(here + afterPage(d.Form, p)), nil
}

// afterPage is where a page that is answered leads: to the next that is not
// optional, or to the check; an optional one leads back to the list.
func afterPage(p *form.Pathway, g form.Page) string {
	if g.Optional {
		return ""
	}
	i := slices.IndexFunc(p.Pages, func(o form.Page) bool { return o.ID == g.ID })
	for _, next := range p.Pages[i+1:] {
		if !next.Optional {
			return "/" + next.ID
		}
	}
	return "/check"
}

// backTo keeps that the reader came from the check page.
func backTo(back string) string {
	if back == "check" {
		return "?back=check"
	}
	return ""
}

// keep puts what was posted into the draft, and reads the draft again.
func (s *Server) keep(v *visit, d hub.ReferralDraft) (hub.ReferralDraft, error) {
	answers := readAnswers(d.Form, v.r.PostForm, differing(d))
	if v.form("drop") == "" { // a button to remove counts the items as they are shown
		answers = d.Form.Compact(answers)
	}
	if _, err := s.Hub.SaveDraft(v.ctx(), v.by, v.id(), d.Form.ID, answers); err != nil {
		return d, err
	}
	return s.draft(v)
}

// saveDraft keeps a form that is still being typed. Nothing is checked.
func (s *Server) saveDraft(v *visit) (response, error) {
	d, err := s.draft(v)
	if err != nil {
		return nil, err
	}
	answers := readAnswers(d.Form, v.r.PostForm, differing(d))
	if _, err := s.Hub.SaveDraft(v.ctx(), v.by, v.id(), d.Form.ID, answers); err != nil {
		return nil, err
	}
	if d, err = s.draft(v); err != nil {
		return nil, err
	}
	if d.Gate == nil {
		return done(""), nil
	}
	return savedPart{gatePart(d, false)}, nil
}

// neededFields are the fields to answer before the referral can be sent, and
// those that their answers may make needed.
func neededFields(d hub.ReferralDraft, problems []form.Problem, also []string) []form.Field {
	in := map[string]bool{}
	for _, q := range problems {
		in[q.Field] = true
	}
	for _, id := range also {
		in[id] = true
	}
	reads := func(c form.Cond) bool { return slices.ContainsFunc(c.Fields(), func(id string) bool { return in[id] }) }
	var out []form.Field
	for _, p := range d.Form.Pages {
		for _, f := range d.Form.Asked(p.ID, d.Answers) {
			if !in[f.ID] && (reads(f.RequiredWhen) || neededByRule(d, f, reads)) {
				in[f.ID] = d.Answers.Get(f.ID) == ""
			}
			if in[f.ID] {
				out = append(out, f)
			}
		}
	}
	return out
}

// neededByRule reports whether a rule asks for f once one of the needed fields
// is answered.
func neededByRule(d hub.ReferralDraft, f form.Field, reads func(form.Cond) bool) bool {
	return slices.ContainsFunc(d.Form.Rules, func(r form.Rule) bool {
		cs := r.Require.Clauses()
		return r.Field == f.ID && reads(r.When) && len(cs) == 1 && len(cs[0]) == 1 && len(cs[0][0].Codes) == 0 && !cs[0][0].Not && cs[0][0].Field == f.ID
	})
}

// referNeeded asks on one page only what must be answered: the way for somebody
// who has three minutes.
func (s *Server) referNeeded(v *visit) (response, error) {
	d, err := s.draft(v)
	if err != nil {
		return nil, err
	}
	problems, must := d.Form.Check(d.Answers, d.Facts), gateMust(d)
	if len(problems)+len(must) == 0 {
		return goTo(casePath(d.Case.ID, "/refer/check")), nil
	}
	q, _ := questionsOf(v, d, nil)
	fields := neededFields(d, problems, must)
	if len(fields) == 0 { // what the council wants stands in no question that is asked of this person
		return goTo(casePath(d.Case.ID, "/refer/check")), nil
	}
	return show(s.neededPage(v, d, q, fields, nil)), nil
}

func (s *Server) neededPage(v *visit, d hub.ReferralDraft, q *questions, fields []form.Field, errs []ui.FieldError) ui.Page {
	here := casePath(d.Case.ID, "/refer/needed")
	return s.referScreen(v, d, "What is needed – Refer", ui.NavItem{Href: casePath(d.Case.ID, "/refer"), Text: "All parts of the referral"}, ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1("Only what is needed"),
		stoppedCard(d), returnedInset(s, d, v),
		ui.P("Everything else that must be there is filled in from records. You can add more before you send."),
		ui.Form{Action: here, Autosave: here + "/draft", Body: []ui.Node{
			q.draw(fields),
			ui.ButtonGroup(ui.Submit("Save and check"), ui.Button{Text: "Save and finish later", Kind: ui.Secondary, Name: "later", Value: "1"}),
			ui.AutosaveStatus()}}))
}

func (s *Server) saveNeeded(v *visit) (response, error) {
	d, err := s.draft(v)
	if err != nil {
		return nil, err
	}
	if d, err = s.keep(v, d); err != nil {
		return nil, err
	}
	if v.form("later") != "" {
		return goTo(casePath(d.Case.ID, "/refer")), nil
	}
	problems := d.Form.Check(d.Answers, d.Facts)
	if len(problems) == 0 {
		return goTo(casePath(d.Case.ID, "/refer/check")), nil
	}
	q, errs := questionsOf(v, d, problems)
	return refuse(s.neededPage(v, d, q, neededFields(d, problems, v.r.PostForm["asked"]), errs)), nil
}

// referCheck is every answer, read back before it is sent.
func (s *Server) referCheck(v *visit) (response, error) {
	d, err := s.draft(v)
	if err != nil {
		return nil, err
	}
	return show(s.checkPage(v, d, nil)), nil
}

func (s *Server) checkPage(v *visit, d hub.ReferralDraft, errs []ui.FieldError) ui.Page {
	d.Answers = d.Form.Compact(d.Answers)
	q, _ := questionsOf(v, d, nil)
	here := casePath(d.Case.ID, "/refer")
	problems := d.Form.Check(d.Answers, d.Facts)
	var sections ui.Nodes
	for _, p := range d.Form.Pages {
		if rows := q.readBack(p, problems, here); len(rows) > 0 {
			sections = append(sections, ui.Section("part-"+p.ID, p.Title, ui.SummaryList(rows...)))
		}
	}
	send := sendForm(v, d, here, errs)
	if len(problems) > 0 {
		send = ui.ButtonGroup(ui.Button{Text: "Answer only what is needed", Href: here + "/needed"})
	}
	return s.referScreen(v, d, "Check and send – Refer", ui.NavItem{Href: here, Text: "All parts of the referral"}, ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1("Check the answers before you send"),
		stoppedCard(d), returnedInset(s, d, v),
		problemCard(d, problems, here), gatePart(d, true),
		sections,
		send))
}

// readBack is the answers of a page, and in one line what would help the
// council. What nobody needs and nobody answered is left out.
func (q *questions) readBack(p form.Page, problems []form.Problem, here string) []ui.Row {
	_, _, missing := q.form.Score(q.answers)
	in := func(f form.Field) func(form.Field) bool { return func(m form.Field) bool { return m.ID == f.ID } }
	var rows []ui.Row
	var wanted []string
	words := wordsOf(q.form, q.answers)
	for _, f := range q.form.Asked(p.ID, q.answers) {
		line, shown := words[f.ID]
		needed := slices.ContainsFunc(problems, func(x form.Problem) bool { return x.Field == f.ID })
		switch {
		case shown && (len(line.Answers) > 0 || needed):
			row := ui.Row{Key: line.Question, Value: answerNode(line), Change: changeLink(here, p.ID, f)}
			if len(line.Answers) > 0 {
				row.Source = q.source(f)
			}
			rows = append(rows, row)
		case shown && slices.ContainsFunc(missing, in(f)):
			wanted = append(wanted, f.Label)
		}
	}
	if len(wanted) > 0 {
		rows = append(rows, ui.Row{Key: "Not answered, and would help the council", Value: ui.Bullets(ui.Map(wanted, func(w string) ui.Node { return ui.Text(w) })...),
			Change: here + "/" + p.ID + "?back=check", Action: "Answer"})
	}
	return rows
}

// changeLink asks one field again and comes back to the check.
func changeLink(here, page string, f form.Field) string {
	return here + "/" + page + "?" + url.Values{"change": {f.ID}, "back": {"check"}}.Encode() + "#" + control(f)
}

// problemCard is what keeps the referral from being sent.
func problemCard(d hub.ReferralDraft, problems []form.Problem, here string) ui.Node {
	if len(problems) == 0 {
		return nil
	}
	return ui.WarningCard(2, "Not ready to send", ui.List(ui.Map(problems, func(q form.Problem) ui.Node {
		f, _ := d.Form.Field(q.Field)
		return ui.Link(changeLink(here, q.Page, f), q.Text)
	})...))
}

func sendForm(v *visit, d hub.ReferralDraft, here string, errs []ui.FieldError) ui.Node {
	text, hidden := "Send referral", ui.Hidden("key", d.Key)
	var another ui.Node
	switch {
	case d.Answering != nil:
		text, hidden = "Send the missing information", ui.Nodes{hidden, ui.Hidden("answering", string(d.Answering.Referral.ID))}
	case d.OpenAlready != nil:
		another = ui.Checkboxes{ID: "another", Legend: "There is an open referral for this person", Items: []ui.Choice{{Value: "yes", Label: "I mean to send another"}}}
	}
	return ui.PostForm(here+"/send", hidden, another, anywayPart(v, d, errs),
		ui.P("By sending this you confirm that, as far as you know, the answers are right."), ui.Submit(text))
}

// referSend sends the draft. The key makes a second click the same referral.
func (s *Server) referSend(v *visit) (response, error) {
	var sent hub.ReferralView
	var err error
	key, answering := v.form("key"), care.ReferralID(v.form("answering"))
	if answering != "" {
		sent, err = s.Hub.AnswerReferral(v.ctx(), v.by, v.id(), answering)
	} else {
		sent, err = s.Hub.ReferAnyway(v.ctx(), v.by, v.id(), key, v.form("another") == "yes", anyway(v))
	}
	if err == nil {
		return goTo(sentPath(v.id(), sent.Referral.ID)), nil
	}
	// A second click finds the draft gone, and the referral there.
	if ref := s.sentAlready(v, key, answering); ref != "" {
		return goTo(sentPath(v.id(), ref)), nil
	}
	var e *care.Error
	if !errors.As(err, &e) || e.Kind != care.Required && e.Kind != care.Invalid && e.Kind != care.Duplicate {
		return nil, err
	}
	d, e2 := s.draft(v)
	if e2 != nil {
		return nil, e2
	}
	if e.Kind == care.Duplicate {
		id := ""
		if d.OpenAlready != nil {
			id = "another"
		}
		p := s.checkPage(v, d, []ui.FieldError{{ID: id, Text: e.Text}})
		p.Error = true
		return page{p, http.StatusConflict}, nil
	}
	if problems := d.Form.Check(d.Answers, d.Facts); len(problems) > 0 {
		return refuse(s.checkPage(v, d, unlinked(problems))), nil
	}
	id := ""
	if e.Field == "anyway" {
		id = e.Field
	}
	return refuse(s.checkPage(v, d, []ui.FieldError{{ID: id, Text: e.Text}})), nil
}

// unlinked is problems without links: on the check page the fields are not
// there, and the card below leads to them.
func unlinked(problems []form.Problem) []ui.FieldError {
	var out []ui.FieldError
	for _, q := range problems {
		out = append(out, ui.FieldError{Text: q.Text})
	}
	return out
}

func sentPath(id care.CaseID, ref care.ReferralID) string {
	return casePath(id, "/refer/sent?ref="+url.QueryEscape(string(ref)))
}

// sentAlready finds the referral that an earlier click with the same key sent,
// or the one whose missing information was sent by it.
func (s *Server) sentAlready(v *visit, key string, answering care.ReferralID) care.ReferralID {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return ""
	}
	for _, r := range c.Referrals {
		if key != "" && r.Referral.Key == key {
			return r.Referral.ID
		}
		if n := len(r.Referral.Returns); answering != "" && r.Referral.ID == answering && n > 0 && !r.Referral.Returns[n-1].Answered.IsZero() {
			return r.Referral.ID
		}
	}
	return ""
}

// referSent confirms where the referral is.
func (s *Server) referSent(v *visit) (response, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(c.Referrals, func(r hub.ReferralView) bool { return string(r.Referral.ID) == v.query("ref") })
	if i < 0 {
		return nil, &care.Error{Kind: care.NotFound, Text: "There is no such referral"}
	}
	r := c.Referrals[i]
	title, at := "Referral sent", r.Referral.Sent
	if n := len(r.Referral.Returns); n > 0 && !r.Referral.Returns[n-1].Answered.IsZero() {
		title, at = "Missing information sent", r.Referral.Returns[n-1].Answered
	}
	where := ui.Node(ui.P("Sent to " + r.To.Name + " at " + ui.ClockOn(at, v.now) + ". They have it in their worklist."))
	if r.Referral.To == "" {
		where = ui.WarningCard(2, "The council is not settled",
			ui.P("Which council is responsible is not settled: it is in the list “Council not settled”."),
			ui.If(c.May[policy.Refer], func() ui.Node {
				return ui.Para(ui.Link(referralPath(c.ID, r.Referral.ID, "route"), "Choose the council"))
			}))
	}
	return show(ui.Page{Title: title, Width: ui.FormPage, Banner: s.caseBanner(c, v.now), Main: []ui.Node{ui.TwoThirds(
		ui.Panel(title, ui.Text("Reference "), ui.Strong(string(r.Referral.ID))),
		where,
		ui.H2("What happens next"),
		ui.P("The council accepts the referral, or returns it and says what is missing. The case and the ward list show it as it happens."),
		ui.List(ui.Link(casePath(c.ID, ""), "Open the discharge case"), ui.Link("/", "Go back to your list")))}}), nil
}
