package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// assessRoutes is where assessments are written, approved and read.
func (s *Server) assessRoutes() []route {
	const at = "/cases/{id}/assessments/{assessment}"
	works := deciding(policy.WriteAssessment, policy.ApproveAssessment)
	writes := deciding(policy.WriteAssessment)
	return slices.Concat([]route{
		{pattern: "GET /assessments", nav: "assessments", asks: deciding(policy.ListAssessments), do: s.assessments},
		{pattern: "GET /cases/{id}/assessments", nav: "assessments", asks: writes, do: s.newAssessment},
		{pattern: "POST /cases/{id}/assessments", nav: "assessments", asks: writes, do: s.startAssessment},
		{pattern: "GET " + at, nav: "assessments", asks: works, do: s.assessTasks},
		{pattern: "GET " + at + "/check", nav: "assessments", asks: works, do: s.assessCheck},
		{pattern: "GET " + at + "/print", nav: "assessments", asks: works, do: s.assessPrint},
		{pattern: "GET " + at + "/changes", nav: "assessments", asks: works, do: s.assessChanges},
		{pattern: "POST " + at + "/send", asks: writes, do: s.assessSend},
		{pattern: "POST " + at + "/approve", asks: deciding(policy.ApproveAssessment), do: s.assessApprove},
		{pattern: "POST " + at + "/comment", asks: works, do: s.assessComment},
		{pattern: "POST " + at + "/take", asks: writes, do: s.assessTake},
		{pattern: "POST " + at + "/drop", asks: writes, do: s.assessDrop},
		{pattern: "GET " + at + "/pages/{page}", nav: "assessments", asks: writes, do: s.assessPage},
		{pattern: "POST " + at + "/pages/{page}", nav: "assessments", asks: writes, do: s.saveAssessPage},
		{pattern: "POST " + at + "/pages/{page}/draft", asks: writes, do: s.saveAssessDraft},
	}, s.fileRoutes(), s.paperRoutes())
}

func assessPath(id care.CaseID, name, below string) string {
	return casePath(id, "/assessments/"+url.PathEscape(name)+below)
}

// assessment opens the assessment that the path names.
func (s *Server) assessment(v *visit) (hub.AssessmentView, error) {
	return s.Hub.Assessment(v.ctx(), v.by, v.id(), v.path("assessment"))
}

func assessTitle(v hub.AssessmentView) string {
	return cmp.Or(care.PaperKind(v.Form.ID).Say(), v.Form.Title)
}

func (s *Server) assessScreen(v *visit, a hub.AssessmentView, title string, main ...ui.Node) ui.Page {
	back := ui.NavItem{Href: assessPath(a.Case.ID, a.ID, ""), Text: "All parts of the assessment"}
	if v.r.URL.Path == back.Href {
		back = ui.NavItem{Href: casePath(a.Case.ID, "?tab=assessments"), Text: "Discharge case"}
	}
	return ui.Page{Title: title, Width: ui.FormPage, Back: &back, Main: main, Banner: s.caseBanner(a.Case, v.now)}
}

// assessStates are the states in words, with their colours.
var assessStates = map[string]struct {
	words  string
	colour ui.Colour
}{
	hub.AssessDraft: {"Being written", ui.TagBlue}, hub.AssessWaiting: {"Waiting for approval", ui.TagYellow}, hub.AssessReturned: {"Returned with comments", ui.TagOrange},
	hub.AssessApproved: {"Approved", ui.TagGreen}, hub.AssessDropped: {"Dropped", ui.TagGrey},
}

func assessTag(state string) ui.Node {
	return ui.Tag(assessStates[state].colour, assessStates[state].words)
}

// stepWords are the approvals in words: who gives them.
var stepWords = map[form.Step]string{form.ByWorker: "the worker", form.ByManager: "a manager", form.ByPanel: "the panel"}

// nothingAssessed is what an empty list of assessments says.
var nothingAssessed = map[string]string{"mine": "You are writing no assessment", "team": "No assessment is being written", "waiting": "No assessment waits for approval"}

// assessments lists what is being written or waits for approval.
func (s *Server) assessments(v *visit) (response, error) {
	which := v.query("show")
	views := []ui.Choice{{Value: "mine", Label: "Mine"}, {Value: "team", Label: "All being written"}, {Value: "waiting", Label: "Waiting for approval"}}
	if !slices.ContainsFunc(views, func(c ui.Choice) bool { return c.Value == which }) {
		which = "mine"
		if v.by.Role == care.TeamManager { // who approves comes for those
			which = "waiting"
		}
	}
	items, err := s.Hub.Assessments(v.ctx(), v.by, which)
	if err != nil {
		return nil, err
	}
	var tabs []ui.NavItem
	for _, c := range views {
		tabs = append(tabs, ui.NavItem{Href: "/assessments?show=" + c.Value, Text: c.Label, Current: c.Value == which})
	}
	t := ui.Table{Caption: "Assessments", Columns: []ui.Column{{Label: "Person"}, {Label: "Assessment"}, {Label: "State"}, {Label: "Written by"}, {Label: "Changed"}},
		Empty: ui.Empty(nothingAssessed[which], ui.P("Assessments are started from a person’s case."))}
	for _, x := range items {
		state := ui.Nodes{assessTag(x.State)}
		if x.Next != "" {
			state = append(state, ui.Sub("By "+stepWords[x.Next]))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link(assessPath(x.Case, x.ID, ""), ui.Name(x.Person.Family, x.Person.Given, x.Person.Title)),
			ui.Text(revisionTitle(x.Title, x.Revision)), state, ui.Text(x.Writer.Name), ui.TimeAt(x.At)}})
	}
	return show(ui.Page{Title: "Assessments", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Assessments", ui.Plural(len(items), "assessment", "assessments")), ui.Tabs("Which assessments", tabs...), t, ui.PrintMeta(v.now, v.by.Name)}}), nil
}

func revisionTitle(title string, revision int) string {
	if revision > 1 {
		return title + ", revision " + strconv.Itoa(revision)
	}
	return title
}

// newAssessment asks what to write, and about which referral.
func (s *Server) newAssessment(v *visit) (response, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	if !c.May[policy.WriteAssessment] {
		return nil, &care.Error{Kind: care.Forbidden}
	}
	return show(s.startPage(v, c, "", nil)), nil
}

func (s *Server) startPage(v *visit, c hub.CaseView, open string, errs []ui.FieldError) ui.Page {
	var forms, refs []ui.Choice
	for _, id := range c.AssessForms {
		p, _ := s.Hub.Forms.Latest(id)
		forms = append(forms, ui.Choice{Value: id, Label: cmp.Or(care.PaperKind(id).Say(), p.Title), Hint: p.Description})
	}
	for _, r := range slices.Backward(c.Referrals) {
		if r.Referral.Open() {
			refs = append(refs, ui.Choice{Value: string(r.Referral.ID), Label: string(r.Referral.ID), Hint: "Sent " + ui.DateTime(r.Referral.Sent) + " by " + r.From.Name})
		}
	}
	p := ui.Page{Title: "Start an assessment", Width: ui.FormPage, Back: &ui.NavItem{Href: casePath(c.ID, "?tab=assessments"), Text: "Discharge case"}, Banner: s.caseBanner(c, v.now)}
	if len(refs) == 0 || len(forms) == 0 {
		p.Main = []ui.Node{ui.TwoThirds(ui.H1("Start an assessment"), ui.P("An assessment belongs to an open referral. There is none that your organisation has a part in."))}
		return p
	}
	which := ui.Node(ui.Hidden("referral", refs[0].Value))
	if len(refs) > 1 {
		which = ui.Radios{ID: "referral", Legend: "Which referral is it for?", Value: cmp.Or(v.form("referral"), refs[0].Value), Items: refs, Error: ui.ErrorFor(errs, "referral")}
	}
	var another ui.Node
	if open != "" {
		another = ui.Nodes{ui.Inset(ui.P("This assessment is being written already."), ui.Para(ui.Link(assessPath(c.ID, open, ""), "Open that one"))),
			ui.Checkboxes{ID: "another", Legend: "Do you want a second one?", Items: []ui.Choice{{Value: "yes", Label: "I mean to write another"}}}}
	}
	p.Main = []ui.Node{ui.TwoThirds(ui.ErrorSummary(errs), ui.H1("Start an assessment"), ui.PostForm(casePath(c.ID, "/assessments"),
		ui.Radios{ID: "form", Legend: "What do you want to write?", Value: v.form("form"), Items: forms, Error: ui.ErrorFor(errs, "form")}, which, another, ui.Submit("Start")))}
	return p
}

func (s *Server) startAssessment(v *visit) (response, error) {
	name, err := s.Hub.StartAssessment(v.ctx(), v.by, v.id(), care.ReferralID(v.form("referral")), v.form("form"), v.form("another") == "yes")
	if err == nil {
		return goTo(assessPath(v.id(), name, "")), nil
	}
	errs, ok := fieldErrors(err, nil)
	if care.KindOf(err) == care.Duplicate {
		errs, ok = []ui.FieldError{{ID: "another", Text: errorText(err)}}, true
	}
	if !ok {
		return nil, err
	}
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	if len(c.AssessForms) == 0 || c.Current() == nil || !c.Current().Referral.Open() {
		return goTo(casePath(c.ID, "/assessments")), nil // there is nothing to choose, and the page says why
	}
	return refuse(s.startPage(v, c, name, errs)), nil
}

// assessTasks is the parts of an assessment, how far each is, and what comes next.
func (s *Server) assessTasks(v *visit) (response, error) {
	a, err := s.assessment(v)
	if err != nil {
		return nil, err
	}
	if !a.Editable() {
		return show(s.assessReadPage(v, a, nil)), nil
	}
	here := assessPath(a.Case.ID, a.ID, "")
	problems := a.Form.Check(a.Answers, a.Facts)
	var tasks []ui.Task
	for _, p := range a.Form.Pages {
		tasks = append(tasks, assessTask(a, p, problems, here))
	}
	last := ui.Task{Text: "Check and send", Href: here + "/check"}
	if len(problems) > 0 {
		last.Status, last.Hint = ui.CannotStart, "Sending needs "+ui.Plural(len(problems), "more answer", "more answers")
	}
	return show(s.assessScreen(v, a, assessTitle(a), ui.TwoThirds(
		ui.H1(revisionTitle(assessTitle(a), a.Revision)), ui.Para(assessTag(a.State)),
		othersNote(v, a), s.commentsPart(v, a, ""),
		ui.TaskList("parts", append(tasks, last)...),
		s.filesPart(v, a, nil),
		savedLine(v, a),
		ui.List(ui.Link(here+"/print", "Print what there is")),
		s.teamForms(v, a, here)))), nil
}

func assessTask(a hub.AssessmentView, p form.Page, problems []form.Problem, here string) ui.Task {
	t := ui.Task{Text: p.Title, Href: here + "/pages/" + p.ID, Status: ui.Incomplete}
	needed := 0
	for _, q := range problems {
		if q.Page == p.ID {
			needed++
		}
	}
	if needed > 0 {
		t.Hint = ui.Plural(needed, "answer is needed", "answers are needed")
	}
	switch a.Form.PageStatus(p.ID, a.Answers) {
	case form.Completed:
		if needed == 0 {
			t.Status = ui.Completed
		}
	case form.CannotStart:
		t.Status, t.Href = ui.CannotStart, ""
	default:
		if p.Optional {
			t.Status = ui.Optional
		}
	}
	return t
}

// othersNote says who else has it open, so that two do not write the same.
func othersNote(v *visit, a hub.AssessmentView) ui.Node {
	return ui.Map(a.Others, func(o hub.AssessOpened) ui.Node {
		return ui.Inset(ui.P(o.Who.Name + " has this open too, since " + ui.ClockOn(o.At, v.now) + ". What you both change is shown to you before you save."))
	})
}

func savedLine(v *visit, a hub.AssessmentView) ui.Node {
	if a.Saved.IsZero() {
		return nil
	}
	return ui.Small("Last saved at " + ui.ClockOn(a.Saved, v.now) + " by " + a.SavedBy.Name + ". Your team can go on with it, and no other organisation sees it before it is approved.")
}

// teamForms are what may be done to the whole of it: another goes on, or nobody does.
func (s *Server) teamForms(v *visit, a hub.AssessmentView, here string) ui.Node {
	var out ui.Nodes
	if a.Writer.ID != v.by.ID {
		out = append(out, ui.P("It is "+a.Writer.Name+"’s to finish."), ui.PostForm(here+"/take", ui.Button{Text: "Take it over", Kind: ui.Secondary}))
	}
	return append(out, ui.Details("It is not needed any more", ui.PostForm(here+"/drop", ui.P("It is taken off all lists. What was approved before stays."), ui.Button{Text: "Drop this assessment", Kind: ui.Warning})))
}

// commentsPart is what was written about a field, or with "" all comments.
func (s *Server) commentsPart(v *visit, a hub.AssessmentView, field string) ui.Node {
	var events []ui.Event
	for _, c := range slices.Backward(a.Comments) {
		if field != "" && c.Field != field {
			continue
		}
		e := ui.Event{Title: "Comment", At: c.At, Who: c.By.Name, Body: ui.Para(ui.Lines(c.Text))}
		if about := fieldLabel(a.Form, c.Field); about != "" && field == "" {
			e.Title = "Comment on “" + about + "”"
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		return nil
	}
	return ui.Section("comments", "Comments", ui.Timeline(3, events...))
}

// fieldLabel is the question of a field, or the title of a group; "" for none.
func fieldLabel(p *form.Pathway, id string) string {
	if f, ok := p.Field(id); ok {
		return f.Label
	}
	g, _ := p.Group(id)
	return g.Title
}

// assessQuestions draws an assessment's fields, with the comments beside them.
func assessQuestions(v *visit, a hub.AssessmentView, problems []form.Problem) (*questions, []ui.FieldError) {
	wrong, errs := wrongIn(a.Form, problems)
	differ := map[string]hub.Conflict{}
	for _, c := range a.Conflicts {
		if c.From != "" {
			differ[c.Field] = c
		}
	}
	return &questions{form: a.Form, answers: a.Answers, known: a.Known, differ: differ, wrong: wrong, change: v.r.URL.Query()["change"], now: v.now}, errs
}

// commented puts the comments about fields to their hints.
func commented(v *visit, a hub.AssessmentView, fields []form.Field) []form.Field {
	fields = slices.Clone(fields)
	for i := range fields {
		for _, c := range a.Comments {
			if c.Field == fields[i].ID {
				fields[i].Hint = sentenceAfter(fields[i].Hint, "Comment by "+c.By.Name+" at "+ui.ClockOn(c.At, v.now)+": "+c.Text)
			}
		}
	}
	return fields
}

func sentenceAfter(s, next string) string {
	if s == "" {
		return next
	}
	return sentence(s) + " " + next
}

// assessPage asks the questions of one page.
func (s *Server) assessPage(v *visit) (response, error) {
	a, p, err := s.assessAt(v)
	if err != nil {
		return nil, err
	}
	if !a.Editable() {
		return goTo(assessPath(a.Case.ID, a.ID, "")), nil
	}
	q, _ := assessQuestions(v, a, nil)
	return show(s.assessQuestionPage(v, a, p, q, nil, nil)), nil
}

func (s *Server) assessAt(v *visit) (hub.AssessmentView, form.Page, error) {
	a, err := s.assessment(v)
	if err != nil {
		return a, form.Page{}, err
	}
	p, ok := a.Form.Page(v.path("page"))
	if !ok {
		return a, p, &care.Error{Kind: care.NotFound, Text: "The form has no such page"}
	}
	return a, p, nil
}

func (s *Server) assessQuestionPage(v *visit, a hub.AssessmentView, p form.Page, q *questions, errs []ui.FieldError, meanwhile []hub.EditConflict) ui.Page {
	here := assessPath(a.Case.ID, a.ID, "/pages/"+p.ID)
	checked, asked := q.page(commented(v, a, p.Fields), here)
	groups := q.groups(p)
	var known, groupNotes ui.Nodes
	if len(checked) > 0 {
		known = ui.Nodes{ui.H2("Filled in from records"), ui.SummaryList(checked...)}
		if len(asked) > 0 {
			known = append(known, ui.H2("For you to answer"))
		}
	}
	for _, g := range p.Groups {
		groupNotes = append(groupNotes, s.commentsPart(v, a, g.ID))
	}
	return s.assessScreen(v, a, p.Title+" – "+assessTitle(a), ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1(p.Title), ui.Part("app-meanwhile", s.meanwhileCard(v, a, meanwhile, meanwhileForm)), s.asideCard(v, a, p, meanwhile),
		othersNote(v, a), ui.If(p.Hint != "", func() ui.Node { return ui.P(p.Hint) }), groupNotes, known,
		ui.Form{Action: here, Autosave: here + "/draft", Body: []ui.Node{
			ui.DefaultSubmit(), asked, groups,
			ui.Hidden("seat", a.Seat.ID), ui.Hidden("version", strconv.FormatInt(a.Seat.Version, 10)),
			ui.If(v.r.FormValue("back") == "check", func() ui.Node { return ui.Hidden("back", "check") }),
			ui.ButtonGroup(ui.Submit("Save and continue"), ui.Button{Text: "Save and finish later", Kind: ui.Secondary, Name: "later", Value: "1"}),
			ui.AutosaveStatus()}}))
}

// meanwhileCard is what somebody else changed while the same was typed here: both,
// field by field. The form below holds what was typed.
func (s *Server) meanwhileCard(v *visit, a hub.AssessmentView, cs []hub.EditConflict, then string) ui.Node {
	if len(cs) == 0 {
		return nil
	}
	var rows []ui.Row
	for _, c := range cs {
		label := fieldLabel(a.Form, c.Field)
		rows = append(rows, ui.Row{Key: label + ": theirs", Value: wordsFor(a, c.Field, c.Theirs), Source: changedBy(v, c)}, ui.Row{Key: label + ": yours", Value: wordsFor(a, c.Field, c.Mine)})
	}
	return ui.Notification{Heading: changedBy(v, cs[0]) + ". See the change, then save yours", Body: []ui.Node{ui.SummaryList(rows...), ui.P(then)}}
}

// What the card of meanwhileCard says of the form, and where the page is still being typed in.
const (
	meanwhileForm = "Nothing of theirs is lost yet. The form below holds what you typed: change it if you want both, then save it."
	meanwhileLive = "Your answer to this is kept for you, and is not part of the assessment yet. Save the page to choose."
)

// asideCard is what the reader typed on this page some time, where another had
// changed the same, and never saved.
func (s *Server) asideCard(v *visit, a hub.AssessmentView, p form.Page, meanwhile []hub.EditConflict) ui.Node {
	var rows []ui.Row
	for _, x := range a.Aside {
		if a.Form.PageOf(x.Field) == p.ID && len(meanwhile) == 0 {
			rows = append(rows, ui.Row{Key: fieldLabel(a.Form, x.Field), Value: wordsFor(a, x.Field, x.Answers), Source: "Typed at " + ui.ClockOn(x.At, v.now)})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return ui.Notification{Heading: "You typed this, and it was not saved", Body: []ui.Node{ui.P("Somebody changed the same answer meanwhile. Take from it what is right; when you save this page it is gone."), ui.SummaryList(rows...)}}
}

// wordsFor is one field or group as these answers have it, in words.
func wordsFor(a hub.AssessmentView, field string, answers form.Answers) ui.Node {
	var lines []ui.Node
	for _, l := range a.Form.Summary(a.Form.Merge(a.Answers, wholeOf(field, answers))) {
		if l.Field == field || wordsIn(field, l.Field) {
			lines = append(lines, ui.Nodes{ui.If(l.Item != "", func() ui.Node { return ui.Sub(l.Question) }), answerNode(l)})
		}
	}
	if len(lines) == 0 {
		return ui.Missing("Not recorded")
	}
	return ui.List(lines...)
}

// wholeOf makes a group's answers stand for all its items.
func wholeOf(field string, a form.Answers) form.Answers {
	out := form.Answers{field: {}}
	for k, vs := range a {
		out[k] = vs
	}
	return out
}

func wordsIn(group, field string) bool {
	return len(field) > len(group) && field[:len(group)+1] == group+"."
}

// changedBy says who changed a field, and when.
func changedBy(v *visit, c hub.EditConflict) string {
	switch {
	case c.By.ID == "":
		return "Somebody changed this"
	case c.By.ID == v.by.ID:
		return "You changed this at " + ui.ClockOn(c.At, v.now) + " in another window"
	}
	return c.By.Name + " changed this at " + ui.ClockOn(c.At, v.now)
}

// seatOf is the page that was posted.
func seatOf(v *visit) hub.Seat {
	n, err := strconv.ParseInt(v.form("version"), 10, 64)
	if err != nil {
		n = 0
	}
	return hub.Seat{ID: v.form("seat"), Version: n}
}

// keepAssessment saves what was posted.
func (s *Server) keepAssessment(v *visit, a hub.AssessmentView) (form.Answers, []hub.EditConflict, error) {
	q, _ := assessQuestions(v, a, nil)
	typed := readAnswers(a.Form, v.r.PostForm, q.differ)
	cs, err := s.Hub.SaveAssessment(v.ctx(), v.by, v.id(), a.ID, seatOf(v), typed)
	return typed, cs, err
}

// saveAssessPage keeps what was typed, right or wrong, and goes on when it is right.
func (s *Server) saveAssessPage(v *visit) (response, error) {
	a, p, err := s.assessAt(v)
	if err != nil {
		return nil, err
	}
	typed, meanwhile, err := s.keepAssessment(v, a)
	if care.KindOf(err) == care.BusinessRule {
		return s.typedPage(v, a, typed, err), nil
	}
	if err != nil {
		return nil, err
	}
	if a, err = s.assessment(v); err != nil {
		return nil, err
	}
	here := assessPath(a.Case.ID, a.ID, "")
	if len(meanwhile) > 0 {
		for _, c := range meanwhile {
			a.Answers = a.Form.Merge(a.Answers, wholeOf(c.Field, c.Mine))
		}
		q, _ := assessQuestions(v, a, nil)
		q.change = v.r.PostForm["asked"]
		return page{s.assessQuestionPage(v, a, p, q, nil, meanwhile), http.StatusConflict}, nil
	}
	if keep, to, ok := groupStep(a.Form, a.Answers, v.r.PostForm); ok {
		if _, err := s.Hub.SaveAssessment(v.ctx(), v.by, v.id(), a.ID, a.Seat, keep); err != nil {
			return nil, err
		}
		if to != "" {
			to = "#" + to
		}
		return goTo(here + "/pages/" + p.ID + to), nil
	}
	if v.form("later") != "" {
		return goTo(here), nil
	}
	if problems := a.Form.CheckPage(p.ID, a.Answers, a.Facts); len(problems) > 0 {
		q, errs := assessQuestions(v, a, problems)
		q.change = v.r.PostForm["asked"]
		return refuse(s.assessQuestionPage(v, a, p, q, errs, nil)), nil
	}
	i := slices.IndexFunc(a.Form.Pages, func(g form.Page) bool { return g.ID == p.ID })
	if v.form("back") == "check" || i+1 == len(a.Form.Pages) {
		return goTo(here + "/check"), nil
	}
	return goTo(here + "/pages/" + a.Form.Pages[i+1].ID), nil
}

// typedPage shows what was typed where it cannot be saved any more, so that it can
// be taken along.
func (s *Server) typedPage(v *visit, a hub.AssessmentView, typed form.Answers, err error) response {
	var rows []ui.Row
	for _, l := range a.Form.Summary(a.Form.Merge(a.Answers, typed)) {
		if _, ok := typed[l.Field]; ok && len(l.Answers) > 0 {
			rows = append(rows, ui.Row{Key: l.Question, Value: answerNode(l)})
		}
	}
	return refuse(s.assessScreen(v, a, "This was not saved", ui.TwoThirds(ui.ErrorSummary([]ui.FieldError{{Text: errorText(err)}}),
		ui.H1("This was not saved"), ui.P("What you typed is below. Copy what you need."), ui.SummaryList(rows...))))
}

// saveAssessDraft keeps a page that is still being typed. Nothing is checked.
func (s *Server) saveAssessDraft(v *visit) (response, error) {
	a, err := s.Hub.AssessmentToSave(v.ctx(), v.by, v.id(), v.path("assessment"))
	if err != nil {
		return nil, err
	}
	_, meanwhile, err := s.keepAssessment(v, a)
	if err != nil {
		return nil, err
	}
	return savedPart{ui.Part("app-meanwhile", s.meanwhileCard(v, a, meanwhile, meanwhileLive))}, nil
}

// assessCheck is every answer, read back before it is sent.
func (s *Server) assessCheck(v *visit) (response, error) {
	a, err := s.assessment(v)
	if err != nil {
		return nil, err
	}
	if !a.Editable() {
		return goTo(assessPath(a.Case.ID, a.ID, "")), nil
	}
	return show(s.assessCheckPage(v, a, nil)), nil
}

func (s *Server) assessCheckPage(v *visit, a hub.AssessmentView, errs []ui.FieldError) ui.Page {
	q, _ := assessQuestions(v, a, nil)
	here := assessPath(a.Case.ID, a.ID, "")
	problems := a.Form.Check(a.Answers, a.Facts)
	var sections ui.Nodes
	for _, p := range a.Form.Pages {
		if rows := q.readBack(p, problems, here+"/pages"); len(rows) > 0 {
			sections = append(sections, ui.Section("part-"+p.ID, p.Title, ui.SummaryList(rows...)))
		}
	}
	send := ui.Node(ui.P("It can be sent when everything that is needed is answered."))
	if len(problems) == 0 {
		send = ui.PostForm(here+"/send", ui.Hidden("version", strconv.FormatInt(a.Seat.Version, 10)), ui.P(sendsTo(a)), ui.Submit("Sign and send"))
	}
	return s.assessScreen(v, a, "Check and send – "+assessTitle(a), ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1("Check the answers before you send"), othersNote(v, a),
		assessProblems(a, problems, here+"/pages"), s.changedPart(a), sections, send))
}

// sendsTo says what sending does.
func sendsTo(a hub.AssessmentView) string {
	var rest []string
	for _, step := range a.Form.Approvals(a.Answers) {
		if step != form.ByWorker {
			rest = append(rest, stepWords[step])
		}
	}
	if len(rest) == 0 {
		return "By sending this you sign it. It is part of the case at once" + sharedWords(a) + "."
	}
	return "By sending this you sign it. It then waits for " + joinWords(rest) + ", and is part of the case after that" + sharedWords(a) + "."
}

func sharedWords(a hub.AssessmentView) string {
	if a.Form.Shares == "" {
		return ", for your own organisation only"
	}
	return ", also for the other side where assessments are shared with it"
}

func joinWords(list []string) string {
	out := list[0]
	for _, w := range list[1:] {
		out += ", then " + w
	}
	return out
}

func assessProblems(a hub.AssessmentView, problems []form.Problem, here string) ui.Node {
	if len(problems) == 0 {
		return nil
	}
	return ui.WarningCard(2, "Not ready to send", ui.List(ui.Map(problems, func(q form.Problem) ui.Node {
		f, _ := a.Form.Field(q.Field)
		return ui.Link(changeLink(here, q.Page, f), q.Text)
	})...))
}

// changedPart is what differs from the revision that it began from.
func (s *Server) changedPart(a hub.AssessmentView) ui.Node {
	if a.Revision < 2 {
		return nil
	}
	return ui.Section("changed", "What you changed", changesNode(hub.CompareAnswers(a.Form, a.Before, a.Form, a.Answers)))
}

// changesNode is a difference in words.
func changesNode(cs []hub.Changed) ui.Node {
	if len(cs) == 0 {
		return ui.P("No answer was changed.")
	}
	say := func(s string) ui.Node {
		if s == "" {
			return ui.Missing("Not recorded")
		}
		return ui.Lines(s)
	}
	t := ui.Table{Caption: "What was changed", Columns: []ui.Column{{Label: "Question"}, {Label: "Before"}, {Label: "Now"}}, Spacious: true}
	for _, c := range cs {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(c.Question), say(c.Was), say(c.Now)}})
	}
	return t
}

// assessSend signs it and sends it on.
func (s *Server) assessSend(v *visit) (response, error) {
	name := v.path("assessment")
	err := s.Hub.SubmitAssessment(v.ctx(), v.by, v.id(), name, seatOf(v).Version)
	var e *care.Error
	switch {
	case err == nil:
		return goTo(assessPath(v.id(), name, "")).saying("The assessment was sent"), nil
	case errors.As(err, &e) && (e.Kind == care.Required || e.Kind == care.Conflict):
		a, err := s.assessment(v)
		if err != nil {
			return nil, err
		}
		if !a.Editable() {
			return nil, e
		}
		p := s.assessCheckPage(v, a, []ui.FieldError{{Text: e.Text}})
		if e.Kind == care.Conflict {
			p.Error = true
			return page{p, http.StatusConflict}, nil
		}
		return refuse(p), nil
	}
	return nil, err
}
