package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// commandRoutes is what people do to a case: notes, and the handshake between a
// hospital and a council.
func (s *Server) commandRoutes() []route {
	const ref = "/cases/{id}/referrals/{ref}/"
	out := []route{
		{pattern: "GET /cases/{id}/notes", nav: "tracker", asks: deciding(policy.AddNote), do: func(v *visit) (response, error) { return goTo(casePath(v.id(), "?tab=notes")), nil }},
		{pattern: "POST /cases/{id}/notes", nav: "tracker", asks: deciding(policy.AddNote), do: s.addNote},
		{pattern: "POST " + ref + "accept", nav: "tracker", asks: deciding(policy.Accept), do: s.accept},
	}
	for _, c := range allCommands() {
		out = append(out,
			route{pattern: "GET " + ref + c.name, nav: "tracker", asks: deciding(c.may), do: func(v *visit) (response, error) { return s.askCommand(v, c) }},
			route{pattern: "POST " + ref + c.name, nav: "tracker", asks: deciding(c.may), do: func(v *visit) (response, error) { return s.doCommand(v, c) }})
	}
	return append(out, s.lifecycleRoutes()...)
}

// referralPath is the address of a command on a referral.
func referralPath(id care.CaseID, ref care.ReferralID, what string) string {
	return casePath(id, "/referrals/"+url.PathEscape(string(ref))+"/"+what)
}

// A command is a small form about one referral.
type command struct {
	name, title string
	may         policy.Action
	states      []care.RefState // in which it can be done; what the hub says counts
	button      string
	warn        bool
	done        string            // said on the case afterwards; no personal data
	fields      map[string]string // the hub's names of fields, and the ids of controls where they differ
	ask         func(*Server, *visit, hub.CaseView, hub.ReferralView, *commandForm) ui.Node
	do          func(*Server, *visit, hub.CaseView, hub.ReferralView) error
	// check gives what is shown before it is done, with its fields hidden and a button;
	// nil: it is done at once.
	check func(*Server, *visit, hub.CaseView, hub.ReferralView) (ui.Node, error)
}

// allCommands are the commands, in the order in which a case offers them.
func allCommands() []command { return slices.Concat(commands, lifecycleCommands) }

// A commandForm is what was typed and what is wrong with it.
type commandForm struct {
	post url.Values
	errs []ui.FieldError
}

func (f *commandForm) err(id string) string { return ui.ErrorFor(f.errs, id) }

var (
	working = []care.RefState{care.RefAllocated, care.RefAssessing, care.RefPlanning, care.RefSourcing, care.RefReady}
	begun   = append([]care.RefState{care.RefAccepted}, working...)
	held    = append([]care.RefState{care.RefOnHold}, begun...)
)

// commands are the forms, in the order in which a case offers them.
var commands = []command{
	{name: "route", title: "Choose the council", may: policy.Refer, states: []care.RefState{care.RefSent}, button: "Send to this council",
		done: "The referral was sent to the council.", fields: map[string]string{"to": "council"}, ask: (*Server).askRoute, do: (*Server).doRoute},
	{name: "allocate", title: "Allocate a worker", may: policy.Allocate, states: append([]care.RefState{care.RefReceived, care.RefDischarged}, held...), button: "Allocate",
		done: "The referral was allocated.", ask: (*Server).askAllocate, do: (*Server).doAllocate},
	{name: "progress", title: "Move to another stage", may: policy.Progress, states: working, button: "Move",
		done: "The referral moved to another stage.", ask: (*Server).askProgress, do: (*Server).doProgress},
	{name: "return", title: "Return the referral", may: policy.Return, states: append([]care.RefState{care.RefSent, care.RefReceived}, held...), button: "Return the referral",
		done: "The referral was returned. It is with the ward now.", ask: (*Server).askReturn, do: (*Server).doReturn},
	{name: "close", title: "Record the outcome and close", may: policy.CloseReferral, states: append([]care.RefState{care.RefReturned, care.RefDischarged}, held...), button: "Close the referral",
		done: "The referral was closed.", fields: map[string]string{"outcome": "outcome"}, ask: (*Server).askClose, do: (*Server).doClose},
	{name: "withdraw", title: "Withdraw the referral", may: policy.Withdraw, states: append([]care.RefState{care.RefSent, care.RefReceived, care.RefReturned}, held...), button: "Withdraw the referral", warn: true,
		done: "The referral was withdrawn.", fields: map[string]string{"why": "reason", "whyText": "details"}, ask: (*Server).askWithdraw, do: (*Server).doWithdraw},
}

// offered reports whether a command can be done to the referral by this reader,
// as far as a page can tell.
func (c command) offered(by care.Actor, v hub.CaseView, r hub.ReferralView) bool {
	ref := r.Referral
	if v.Frozen != nil || v.JoinedTo != "" || !v.May[c.may] || !slices.Contains(c.states, ref.State) {
		return false
	}
	switch c.name {
	case "route":
		return ref.To == ""
	case "withdraw":
		return ref.From == by.Org
	}
	return ref.To == by.Org && ref.To != ""
}

// refusal says why a command cannot be done to the referral by this reader; nil
// when it can. Whoever may not do it at all is told no more than that.
func (c command) refusal(by care.Actor, v hub.CaseView, r hub.ReferralView) error {
	switch {
	case !v.May[c.may]:
		return &care.Error{Kind: care.Forbidden, Text: "Your role cannot do this"}
	case c.offered(by, v, r):
		return nil
	}
	e := &care.Error{Kind: care.BusinessRule, Text: "This cannot be done now: " + strings.ToLower(r.Referral.State.Say()), Allowed: []string{"Add a note"}}
	for _, other := range allCommands() {
		if other.offered(by, v, r) {
			e.Allowed = append(e.Allowed, other.title)
		}
	}
	return e
}

// primary is the command that a referral's state waits for.
var primary = map[care.RefState]string{
	care.RefSent: "route", care.RefAccepted: "allocate", care.RefAllocated: "progress", care.RefAssessing: "progress", care.RefPlanning: "progress",
	care.RefSourcing: "progress", care.RefReady: "progress", care.RefDischarged: "close", care.RefOnHold: "resume",
}

// caseActions is what this reader can do now: one thing first, the others after it.
func caseActions(by care.Actor, c hub.CaseView) ui.Node {
	if c.Frozen != nil || c.JoinedTo != "" {
		return nil
	}
	var first, others ui.Nodes
	post := ""
	r := c.Current()
	if c.Died == nil && c.May[policy.Refer] {
		switch {
		case r == nil || !r.Referral.Open():
			first = append(first, ui.Button{Text: "Refer to social care", Href: casePath(c.ID, "/refer")})
		case r.Referral.State == care.RefReturned && r.Referral.From == by.Org:
			first = append(first, ui.Button{Text: "Send the missing information", Href: casePath(c.ID, "/refer")})
		}
	}
	objection := objectionLink(c)
	if r == nil {
		if objection != nil {
			first = append(first, objection)
		}
		return ui.If(len(first) > 0, func() ui.Node { return ui.ButtonGroup(first...) })
	}
	if c.May[policy.Accept] && r.Referral.To == by.Org && (r.Referral.State == care.RefSent || r.Referral.State == care.RefReceived) {
		post = referralPath(c.ID, r.Referral.ID, "accept")
		first = append(first, ui.Submit("Accept the referral"))
	}
	for _, cmd := range allCommands() {
		if !cmd.offered(by, c, *r) {
			continue
		}
		href := referralPath(c.ID, r.Referral.ID, cmd.name)
		if cmd.name == primary[r.Referral.State] && len(first) == 0 {
			first = append(first, ui.Button{Text: cmd.title, Href: href})
		} else {
			others = append(others, ui.Link(href, cmd.title))
		}
	}
	if objection != nil {
		others = append(others, objection)
	}
	if len(first)+len(others) == 0 {
		return nil
	}
	// What is done every day stands there; the rest opens.
	var more ui.Node
	if n := 3 - len(first); len(others) > n+1 {
		more = ui.Details("More that you can do", ui.List(others[n:]...))
		others = others[:n]
	}
	group := ui.ButtonGroup(append(first, others...)...)
	if post != "" {
		group = ui.PostForm(post, group)
	}
	return ui.Nodes{group, more}
}

// addNote writes a note. What was typed stays when it is refused.

// accept takes a referral on, from the button of the case or the worklist.
func (s *Server) accept(v *visit) (response, error) {
	err := s.Hub.Accept(v.ctx(), v.by, v.id(), care.ReferralID(v.path("ref")))
	if err != nil {
		return s.notNow(v, err)
	}
	return goTo(casePath(v.id(), "")).saying("The referral was accepted. Allocate a worker next."), nil
}

// referralOf finds the case and the referral that the path names.
func (s *Server) referralOf(v *visit) (hub.CaseView, hub.ReferralView, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return c, hub.ReferralView{}, err
	}
	i := slices.IndexFunc(c.Referrals, func(r hub.ReferralView) bool { return string(r.Referral.ID) == v.path("ref") })
	if i < 0 {
		return c, hub.ReferralView{}, &care.Error{Kind: care.NotFound, Text: "There is no such referral"}
	}
	return c, c.Referrals[i], nil
}

// askCommand shows the form of a command.
func (s *Server) askCommand(v *visit, cmd command) (response, error) {
	c, r, err := s.referralOf(v)
	if err != nil {
		return nil, err
	}
	if err := cmd.refusal(v.by, c, r); err != nil {
		return s.notNow(v, err)
	}
	return show(s.commandPage(v, cmd, c, r, &commandForm{post: url.Values{}})), nil
}

func (s *Server) commandPage(v *visit, cmd command, c hub.CaseView, r hub.ReferralView, f *commandForm) ui.Page {
	kind := ui.Primary
	if cmd.warn {
		kind = ui.Warning
	}
	return ui.Page{Title: cmd.title, Width: ui.FormPage, Back: &ui.NavItem{Href: casePath(c.ID, ""), Text: "Discharge case"},
		Banner: s.caseBanner(c, v.now), Error: len(f.errs) > 0,
		Main: []ui.Node{ui.TwoThirds(
			ui.ErrorSummary(f.errs),
			ui.H1(cmd.title),
			ui.P("Referral "+string(r.Referral.ID)+". "+upper(r.Referral.State.Say())+"."),
			ui.PostForm(referralPath(c.ID, r.Referral.ID, cmd.name), cmd.ask(s, v, c, r, f), ui.Button{Text: cmd.button, Kind: kind}))}}
}

// checkCommand shows what a command does before it is done.
func (s *Server) checkCommand(v *visit, cmd command, c hub.CaseView, r hub.ReferralView, what ui.Node) ui.Page {
	return ui.Page{Title: "Check: " + cmd.title, Width: ui.FormPage, Back: &ui.NavItem{Href: referralPath(c.ID, r.Referral.ID, cmd.name), Text: cmd.title},
		Banner: s.caseBanner(c, v.now),
		Main: []ui.Node{ui.TwoThirds(ui.H1("Check before you go on"), ui.P("Referral "+string(r.Referral.ID)+". "+upper(r.Referral.State.Say())+"."),
			ui.PostForm(referralPath(c.ID, r.Referral.ID, cmd.name), what))}}
}

// doCommand does it, or shows the form again with what was typed.
func (s *Server) doCommand(v *visit, cmd command) (response, error) {
	c, r, err := s.referralOf(v)
	if err != nil {
		return nil, err
	}
	no := cmd.refusal(v.by, c, r)
	if care.KindOf(no) == care.Forbidden {
		return nil, no
	}
	if cmd.check != nil && no == nil && v.form("checked") == "" {
		var what ui.Node
		if what, err = cmd.check(s, v, c, r); err == nil {
			return show(s.checkCommand(v, cmd, c, r, what)), nil
		}
	} else if err = cmd.do(s, v, c, r); err == nil {
		return goTo(casePath(c.ID, "")).saying(cmd.done), nil
	}
	if kind := care.KindOf(err); no != nil && kind != care.Conflict && kind != care.BusinessRule {
		return s.notNow(v, no) // what is wrong with a form that nobody can send is no matter
	}
	f := &commandForm{post: v.r.PostForm}
	var many formErrors
	var ok bool
	if errors.As(err, &many) {
		f.errs, ok = many, true
	} else if f.errs, ok = fieldErrors(err, cmd.fields); !ok {
		return s.notNow(v, err)
	}
	p := s.commandPage(v, cmd, c, r, f)
	return refuse(p), nil
}

// formErrors are what is wrong with a form, as an error.
type formErrors []ui.FieldError

func (e formErrors) Error() string { return "the form has errors" }

// notNow says that somebody was first, or that a referral is at another stage:
// 409 with what can be done instead. product.md P5.
func (s *Server) notNow(v *visit, err error) (response, error) {
	var e *care.Error
	if !errors.As(err, &e) || e.Kind != care.BusinessRule && e.Kind != care.Conflict && e.Kind != care.Duplicate {
		return nil, err
	}
	c, failed := s.Hub.Case(v.ctx(), v.by, v.id())
	if failed != nil {
		return nil, err
	}
	main := ui.Nodes{ui.H1("This cannot be done now"), ui.P(sentence(e.Text))}
	if r := c.Current(); r != nil && r.Referral.Open() {
		main = append(main, holderLine(*r, c))
	}
	if len(e.Allowed) > 0 {
		main = append(main, ui.P("What can be done now:"), ui.Bullets(ui.Map(e.Allowed, func(w string) ui.Node { return ui.Text(w) })...))
	}
	main = append(main, typedNode(v.r.PostForm), ui.ActionLink(casePath(c.ID, ""), "Open the case as it is now"))
	return page{ui.Page{Title: "This cannot be done now", Width: ui.FormPage, Banner: s.caseBanner(c, v.now),
		Main: []ui.Node{ui.TwoThirds(main)}}, http.StatusConflict}, nil
}

// typedNode gives back the words that somebody typed, so that they are not lost.
func typedNode(post url.Values) ui.Node {
	var kept ui.Nodes
	for _, name := range []string{"needed", "details", "outcome-other", "why"} {
		if text := strings.TrimSpace(post.Get(name)); text != "" {
			kept = append(kept, ui.Para(ui.Lines(text)))
		}
	}
	return ui.If(len(kept) > 0, func() ui.Node { return ui.OpenDetails("What you typed", kept) })
}

// askRoute offers the likely councils first.
func (s *Server) askRoute(_ *visit, _ hub.CaseView, r hub.ReferralView, f *commandForm) ui.Node {
	var likely, others []ui.Choice
	for _, o := range s.Hub.CouncilOrgs() {
		if c := (ui.Choice{Value: string(o.ODS), Label: o.Name}); slices.Contains(r.Referral.Likely, o.ODS) {
			c.Hint = "Serves part of this postcode"
			likely = append(likely, c)
		} else {
			others = append(others, c)
		}
	}
	if len(likely) > 0 && len(others) > 0 {
		others[0].Divider = "or"
	}
	missing := ui.Node(nil)
	for _, o := range r.Referral.Likely {
		if !slices.ContainsFunc(s.Hub.CouncilOrgs(), func(c care.Org) bool { return c.ODS == o }) {
			missing = ui.Inset(ui.P("The address is probably served by " + s.orgName(o) + ", which does not use Homeward. Ring them, and withdraw the referral here."))
		}
	}
	return ui.Nodes{missing, ui.Radios{ID: "council", Legend: "Which council is responsible?", Hint: "The council that serves the person’s usual address. Check it with the person, their family or the council.",
		Value: f.post.Get("council"), Items: append(likely, others...), Error: f.err("council")}}
}

func (s *Server) orgName(o nhs.ODS) string { return cmp.Or(s.Hub.Org(o).Name, string(o)) }

func (s *Server) doRoute(v *visit, c hub.CaseView, r hub.ReferralView) error {
	if v.form("council") == "" {
		return formErrors{{ID: "council", Text: "Select a council"}}
	}
	return s.Hub.Route(v.ctx(), v.by, c.ID, r.Referral.ID, nhs.ODS(v.form("council")))
}

// askAllocate offers the workers with what they have open. The worker whom the
// reader saw goes along, so that nobody is overruled unseen.
func (s *Server) askAllocate(v *visit, c hub.CaseView, r hub.ReferralView, f *commandForm) ui.Node {
	if len(c.Workers) == 0 {
		return ui.P("There is nobody to allocate to. Ask your administrator to add workers.")
	}
	workers, suggested, chosen := c.Workers, ui.Node(nil), f.post.Get("worker")
	if ws, err := s.Hub.Suggest(v.ctx(), v.by, c.ID, r.Referral.ID); err == nil && r.Referral.Worker.ID == "" { // without it a person chooses all the same
		workers, suggested = ws, suggestedPart(ws)
		if len(f.errs) == 0 {
			chosen = suggestedOf(ws)
		}
	}
	items := []ui.Choice{{Value: "", Label: "Select a worker"}}
	for _, w := range workers {
		items = append(items, ui.Choice{Value: string(w.ID), Label: workerLabel(w), Disabled: w.ID == r.Referral.Worker.ID})
	}
	return ui.Nodes{
		ui.If(r.Referral.Worker.Name != "", func() ui.Node { return ui.P("It is with " + r.Referral.Worker.Name + " now.") }),
		suggested,
		ui.Hidden("was", string(r.Referral.Worker.ID)),
		ui.Select{ID: "worker", Label: "Worker", Value: chosen, Items: items, Error: f.err("worker")},
	}
}

func workerLabel(w hub.WorkerView) string {
	say := w.Name + ", " + carries(w.Open, w.Load, w.Most)
	if w.In {
		return say + ", in today"
	}
	return say + ", not in (" + w.AwayWhy + ")"
}

func (s *Server) doAllocate(v *visit, c hub.CaseView, r hub.ReferralView) error {
	if v.form("worker") == "" {
		return formErrors{{ID: "worker", Text: "Select a worker"}}
	}
	return s.Hub.Allocate(v.ctx(), v.by, c.ID, r.Referral.ID, care.ActorID(v.form("worker")), care.ActorID(v.form("was")))
}

func (s *Server) askProgress(_ *visit, _ hub.CaseView, r hub.ReferralView, f *commandForm) ui.Node {
	var items []ui.Choice
	for _, st := range r.Allowed {
		items = append(items, ui.Choice{Value: string(st), Label: st.Say()})
	}
	return ui.Radios{ID: "state", Legend: "Which stage is it at now?", Value: f.post.Get("state"), Items: items, Error: f.err("state")}
}

func (s *Server) doProgress(v *visit, c hub.CaseView, r hub.ReferralView) error {
	if v.form("state") == "" {
		return formErrors{{ID: "state", Text: "Select a stage"}}
	}
	return s.Hub.Progress(v.ctx(), v.by, c.ID, r.Referral.ID, care.RefState(v.form("state")))
}

// outcomes are how referrals end.
var outcomes = []string{"Went home with care", "Went home without care", "Moved to a community bed", "Moved to a care home", "No care needed", "Went to another council’s area"}

func (s *Server) askClose(_ *visit, _ hub.CaseView, _ hub.ReferralView, f *commandForm) ui.Node {
	var items []ui.Choice
	for _, o := range outcomes {
		items = append(items, ui.Choice{Value: o, Label: o})
	}
	items = append(items, ui.Choice{Value: "other", Label: "Something else", Divider: "or",
		More: ui.Input{ID: "outcome-other", Label: "What was the outcome?", Value: f.post.Get("outcome-other"), Error: f.err("outcome-other")}})
	return ui.Radios{ID: "outcome", Legend: "What was the outcome?", Value: f.post.Get("outcome"), Items: items, Error: f.err("outcome")}
}

func (s *Server) doClose(v *visit, c hub.CaseView, r hub.ReferralView) error {
	outcome := v.form("outcome")
	switch {
	case outcome == "":
		return formErrors{{ID: "outcome", Text: "Select the outcome"}}
	case outcome == "other":
		if outcome = v.form("outcome-other"); outcome == "" {
			return formErrors{{ID: "outcome-other", Text: "Enter the outcome"}}
		}
	}
	return s.Hub.CloseReferral(v.ctx(), v.by, c.ID, r.Referral.ID, outcome)
}

// releasedForm draws a released form as a command's form.
func (s *Server) releasedForm(v *visit, id string, facts form.Facts, f *commandForm) ui.Node {
	p, ok := s.Hub.Forms.Latest(id)
	if !ok {
		return ui.P("The form is not installed.")
	}
	answers := p.Prefill(facts)
	if f.post.Has("asked") {
		answers = readAnswers(p, f.post, nil)
	}
	wrong := map[string]string{}
	for _, e := range f.errs {
		wrong[strings.TrimSuffix(e.ID, "-day")] = e.Text
	}
	q := &questions{form: p, answers: answers, wrong: wrong, now: v.now}
	return q.draw(p.Pages[0].Fields)
}

// checkedForm reads a released form and checks it.
func (s *Server) checkedForm(v *visit, id string, facts form.Facts) (*form.Pathway, form.Answers, error) {
	p, ok := s.Hub.Forms.Latest(id)
	if !ok {
		return nil, nil, &care.Error{Kind: care.Exception, Text: "The form is not installed"}
	}
	answers := p.Clean(readAnswers(p, v.r.PostForm, nil))
	if problems := p.Check(answers, facts); len(problems) > 0 {
		_, errs := wrongIn(p, problems)
		return p, answers, formErrors(errs)
	}
	return p, answers, nil
}

func (s *Server) returnFacts(v *visit) form.Facts {
	return form.Facts{"today": s.today(v).String(), "worker.name": v.by.Name, "worker.contact": s.Hub.Org(v.by.Org).Phone}
}

func (s *Server) askReturn(v *visit, _ hub.CaseView, _ hub.ReferralView, f *commandForm) ui.Node {
	return ui.Nodes{ui.P("The referral goes back to the ward, and stays with them until they answer."), s.releasedForm(v, "d2a-return", s.returnFacts(v), f)}
}

// doReturn sends the reasons as codes, and what else was answered as words below
// what is needed.
func (s *Server) doReturn(v *visit, c hub.CaseView, r hub.ReferralView) error {
	p, answers, err := s.checkedForm(v, "d2a-return", s.returnFacts(v))
	if err != nil {
		return err
	}
	words := wordsOf(p, answers)
	lines := []string{answers.Get("needed")}
	for _, x := range [][2]string{{"other_council", "Responsible council: "}, {"needed_by", "Needed by: "}, {"contact", "Speak to: "}, {"contact_details", "Reach them: "}} {
		if l, ok := words[x[0]]; ok && len(l.Answers) > 0 {
			lines = append(lines, x[1]+l.Text())
		}
	}
	return s.Hub.SendBack(v.ctx(), v.by, c.ID, r.Referral.ID, answers["reasons"], strings.Join(lines, "\n"))
}

func (s *Server) askWithdraw(v *visit, _ hub.CaseView, _ hub.ReferralView, f *commandForm) ui.Node {
	return ui.Nodes{ui.P("The council is told to stop. This cannot be undone: a new referral would be needed."), s.releasedForm(v, "d2a-withdraw", nil, f)}
}

func (s *Server) doWithdraw(v *visit, c hub.CaseView, r hub.ReferralView) error {
	_, answers, err := s.checkedForm(v, "d2a-withdraw", form.Facts{"today": s.today(v).String()})
	if err != nil {
		return err
	}
	text := answers.Get("details")
	if other := answers.Get("other_council"); other != "" {
		text = strings.TrimSpace("Lives in: " + other + "\n" + text)
	}
	return s.Hub.Withdraw(v.ctx(), v.by, c.ID, r.Referral.ID, answers.Get("reason"), text)
}
