package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// gateRoutes is what a receiving team wants in a referral, and what came back.
// product: the completeness gate (P7).
func (s *Server) gateRoutes() []route {
	return []route{
		{pattern: "GET /gate", nav: "gate", asks: deciding(policy.SeeGate), do: s.showGate},
		{pattern: "POST /gate/try", nav: "gate", asks: deciding(policy.SeeGate), do: s.tryGate},
		{pattern: "GET /gate/edit", nav: "gate", asks: deciding(policy.ManageGate), do: s.editGate},
		{pattern: "POST /gate/edit", nav: "gate", asks: deciding(policy.ManageGate), do: s.saveGate},
		{pattern: "GET /gate/publish", nav: "gate", asks: deciding(policy.ManageGate), do: s.checkGate},
		{pattern: "POST /gate/publish", nav: "gate", asks: deciding(policy.ManageGate), do: s.publishGate},
		{pattern: "GET /gate/returned", nav: "gate", asks: deciding(policy.SeeGate), do: s.bounces},
	}
}

// savedPart answers an autosave with the part of the page that it changes.
type savedPart struct{ node ui.Node }

func (p savedPart) answer(_ *Server, v *visit) error {
	html, err := ui.HTML(p.node)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Cache-Control", "no-store")
	_, err = v.w.Write([]byte(html))
	return err
}

// gatePart is what the receiving team still wants, on every page of the form; open
// says that what is missing is read at once. It
// changes as somebody types.
func gatePart(d hub.ReferralDraft, open bool) ui.Node {
	g := d.Gate
	if g == nil || d.Answering != nil {
		return ui.Part("app-gate")
	}
	line := ui.Para(ui.Strong(strconv.Itoa(g.Percent())+"%"), ui.Text(" of what "+g.Council.Name+" wants is there."))
	if len(g.Missing) == 0 {
		return ui.Part("app-gate", ui.Inset(line))
	}
	here := casePath(d.Case.ID, "/refer")
	item := func(x form.GateItem) ui.Node {
		f, ok := d.Form.Field(x.FieldOf())
		if !ok {
			return ui.Text(x.Say)
		}
		return ui.Link(changeLink(here, d.Form.PageOf(f.ID), f), x.Say)
	}
	var must, should ui.Nodes
	for _, x := range g.Missing {
		if x.Must {
			must = append(must, item(x))
		} else {
			should = append(should, item(x))
		}
	}
	var body ui.Nodes
	if len(must) > 0 {
		body = append(body, ui.P("They send it back without:"), ui.Bullets(must...))
	}
	if len(should) > 0 {
		body = append(body, ui.P("It would help:"), ui.Bullets(should...))
	}
	show := ui.Details
	if open {
		show = ui.OpenDetails
	}
	return ui.Part("app-gate", ui.Inset(line, show("What is missing: "+ui.Plural(len(g.Missing), "answer", "answers"), body...)))
}

// anywayReasons are why a referral is sent without what the council wants.
var anywayReasons = []ui.Choice{
	{Value: "Leaving today", Label: "The person leaves today"},
	{Value: "Cannot be found out", Label: "It cannot be found out here"},
	{Value: "Does not apply", Label: "It does not apply to this person"},
	{Value: "Another reason", Label: "Another reason"},
}

// anywayPart asks why a referral is sent that lacks what must be there.
func anywayPart(v *visit, d hub.ReferralDraft, errs []ui.FieldError) ui.Node {
	if d.Gate == nil || d.Answering != nil || !d.Gate.Must() {
		return nil
	}
	return ui.Nodes{
		ui.Radios{ID: "anyway", Name: "anyway", Legend: "Send it anyway: why?", Hint: d.Gate.Council.Name + " would send it back without what is missing. That it was sent so is counted.",
			Value: v.form("anyway"), Items: anywayReasons, Error: ui.ErrorFor(errs, "anyway")},
		ui.Input{ID: "anyway_words", Name: "anyway_words", Label: "In words (optional)", Value: v.form("anyway_words")},
	}
}

// anyway is why, as it was chosen and typed; "" where nothing was chosen.
func anyway(v *visit) string {
	why := v.form("anyway")
	if !slices.ContainsFunc(anywayReasons, func(c ui.Choice) bool { return c.Value == why }) {
		return ""
	}
	if words := v.form("anyway_words"); words != "" {
		why += ": " + words
	}
	return why
}

// gateView is the gate of the council that the address names, or of the reader's own.
func (s *Server) gateView(v *visit, council string) (hub.GateView, error) {
	if council == "" {
		if orgs := s.Hub.CouncilOrgs(); len(orgs) > 0 {
			council = string(orgs[0].ODS)
		}
	}
	return s.Hub.Gate(v.ctx(), v.by, nhs.ODS(council))
}

func (s *Server) showGate(v *visit) (response, error) {
	g, err := s.gateView(v, v.query("council"))
	if err != nil {
		return nil, err
	}
	return show(s.gatePage(v, g, nil, nil)), nil
}

// gatePage is the rules in words, and a place to try them.
func (s *Server) gatePage(v *visit, g hub.GateView, tried *hub.Gated, answers form.Answers) ui.Page {
	p := ui.Page{Title: "What the council wants in a referral", Width: ui.WorkPage}
	var choose ui.Node
	if orgs := s.Hub.CouncilOrgs(); v.by.OrgKind != care.Council && len(orgs) > 1 {
		var items []ui.Choice
		for _, o := range orgs {
			items = append(items, ui.Choice{Value: string(o.ODS), Label: o.Name})
		}
		choose = ui.Filter{Action: "/gate", Button: "Show", Fields: []ui.Node{ui.Select{ID: "council", Label: "Council", Value: string(g.Council.ODS), Items: items}}}
	}
	p.Main = []ui.Node{ui.H1("What " + g.Council.Name + " wants in a referral"), choose,
		ui.Para(ui.Link("/gate/returned", "What came back, by ward and reason"))}
	if g.May {
		p.Main = append(p.Main, ui.ButtonGroup(ui.Button{Text: "Change the rules", Href: "/gate/edit", Kind: ui.Secondary}))
		if g.Draft != "" {
			p.Main = append(p.Main, ui.P("There is a draft, saved by "+g.DraftBy.Name+" at "+ui.ClockOn(g.DraftAt, v.now)+". Nothing follows from it until it is published."))
		}
	}
	if g.Gate == nil {
		p.Main = append(p.Main, ui.Empty("No rules are published", ui.P("A referral to this council needs only what the form asks for.")))
		return p
	}
	p.Main = append(p.Main, ui.P(fmt.Sprintf("%s. Version %d, published by %s on %s.", g.Gate.Title, g.Version, g.By.Name, ui.Date(g.At))), gateTable(g.Gate, g.Form),
		s.tryPart(g, tried, answers))
	return p
}

// gateTable is a gate in words.
func gateTable(g *form.Gate, p *form.Pathway) ui.Node {
	t := ui.Table{Caption: "The rules", Columns: []ui.Column{{Label: "What is wanted"}, {Label: "Without it"}, {Label: "Only when"}, {Label: "Counts"}}}
	for _, x := range g.Items {
		without := "It is taken"
		if x.Must {
			without = "It is sent back"
		}
		when := x.When.String()
		if f, ok := p.Field(x.ID); ok && x.Plain() && f.ShowWhen.String() == when && when != "" {
			when = "the question is asked"
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(x.Say), ui.Text(without), ui.Or(when, "Always"), ui.Text(strconv.Itoa(x.Weight))}})
	}
	return t
}

// tryPart lets anybody who sends referrals try the rules with invented answers.
func (s *Server) tryPart(g hub.GateView, tried *hub.Gated, answers form.Answers) ui.Node {
	var fields []form.Field
	for _, x := range g.Gate.Items {
		for _, c := range []form.Cond{x.When, x.Need} {
			for _, id := range c.Fields() {
				f, ok := g.Form.Field(id)
				if ok && !slices.ContainsFunc(fields, func(y form.Field) bool { return y.ID == id }) {
					fields = append(fields, f)
				}
			}
		}
	}
	q := &questions{form: g.Form, answers: answers}
	var said ui.Node
	if tried != nil {
		said = ui.Notification{Heading: fmt.Sprintf("%d%% of what is wanted would be there", tried.Percent())}
		if len(tried.Missing) > 0 {
			said = ui.Nodes{said, ui.Bullets(ui.Map(tried.Missing, func(x form.GateItem) ui.Node { return ui.Text(x.Say) })...)}
		}
	}
	return ui.Section("try", "Try the rules", said, ui.P("Use invented answers: nothing is kept, and nothing is sent."),
		ui.Details("Answer the questions that the rules read", ui.PostForm("/gate/try", ui.Hidden("council", string(g.Council.ODS)), q.draw(fields), ui.Submit("Try"))))
}

func (s *Server) tryGate(v *visit) (response, error) {
	g, err := s.gateView(v, v.form("council"))
	if err != nil {
		return nil, err
	}
	if g.Gate == nil {
		return show(s.gatePage(v, g, nil, nil)), nil
	}
	answers := readAnswers(g.Form, v.r.PostForm, nil)
	tried, err := s.Hub.TryGate(v.ctx(), v.by, g.Council.ODS, false, answers)
	if err != nil {
		return nil, err
	}
	return show(s.gatePage(v, g, &tried, answers)), nil
}

// wants are what a question can be in a gate.
var wants = []ui.Choice{{Value: "", Label: "Not asked for"}, {Value: "should", Label: "Would help"}, {Value: "must", Label: "Must be there"}}

// A gateForm is the rules as somebody typed them.
type gateForm struct {
	title, other string
	want         map[string]string // by question
	version      int64
	errs         []ui.FieldError
}

// gateFormOf takes the draft apart, or the published rules where there is none.
func gateFormOf(g hub.GateView) gateForm {
	f := gateForm{want: map[string]string{}, version: g.DraftVersion, title: "What we need"}
	from := g.Gate
	if g.Draft != "" {
		parsed, err := form.ParseGate([]byte(g.Draft), g.Form)
		if err != nil { // what was chosen is shown again, and what was typed as it was typed
			chosen, typed, _ := strings.Cut(g.Draft, otherRules)
			if from, e := form.ParseGate([]byte(chosen), g.Form); e == nil {
				f = gateFormOf(hub.GateView{Form: g.Form, Gate: from})
			}
			f.version, f.other, f.errs = g.DraftVersion, typed, []ui.FieldError{{ID: "other", Text: upper(err.Error())}}
			return f
		}
		from = parsed
	}
	if from == nil {
		return f
	}
	f.title = from.Title
	rest := &form.Gate{Form: from.Form, Title: from.Title}
	for _, x := range from.Items {
		if same, ok := g.Form.WantField(x.ID, x.Must); ok && x.Plain() && x.When.String() == same.When.String() && x.Weight == same.Weight {
			f.want[x.ID] = map[bool]string{true: "must", false: "should"}[x.Must]
			continue
		}
		rest.Items = append(rest.Items, x)
	}
	if len(rest.Items) > 0 {
		if b, err := form.WriteGate(rest); err == nil {
			_, items, _ := strings.Cut(string(b), "[[items]]")
			f.other = "[[items]]" + items
		}
	}
	return f
}

// otherRules stands in a draft before what was typed as TOML.
const otherRules = "\n# Other rules\n"

// text puts the rules together as the hub keeps them.
func (f gateForm) text(p *form.Pathway) (string, error) {
	g := &form.Gate{Form: p.ID, Title: f.title}
	for _, page := range p.Pages {
		for _, q := range page.Fields {
			if w := f.want[q.ID]; w != "" {
				if x, ok := p.WantField(q.ID, w == "must"); ok {
					g.Items = append(g.Items, x)
				}
			}
		}
	}
	b, err := form.WriteGate(g)
	if err != nil {
		return "", err
	}
	return string(b) + otherRules + f.other, nil
}

func (s *Server) editGate(v *visit) (response, error) {
	g, err := s.gateView(v, "")
	if err != nil {
		return nil, err
	}
	return show(s.gateEditPage(g, gateFormOf(g))), nil
}

func (s *Server) gateEditPage(g hub.GateView, f gateForm) ui.Page {
	var pages ui.Nodes
	for _, page := range g.Form.Pages {
		var rows ui.Nodes
		for _, q := range page.Fields {
			if _, ok := g.Form.WantField(q.ID, false); !ok {
				continue
			}
			rows = append(rows, ui.Select{ID: "want_" + q.ID, Label: q.Label, Value: f.want[q.ID], Items: wants})
		}
		if len(rows) > 0 {
			pages = append(pages, ui.Details(page.Title, rows))
		}
	}
	return ui.Page{Title: "Change the rules", Width: ui.FormPage, Main: []ui.Node{
		ui.ErrorSummary(f.errs), ui.H1("Change what your team wants in a referral"),
		ui.P("A question counts only where it is asked. The ward sees what is missing as it types, and can send anyway with a reason."),
		ui.PostForm("/gate/edit", ui.Hidden("version", strconv.FormatInt(f.version, 10)),
			ui.Input{ID: "title", Name: "title", Label: "Title", Value: f.title, Error: ui.ErrorFor(f.errs, "title")},
			pages,
			ui.Textarea{ID: "other", Name: "other", Label: "Other rules (optional)", Value: f.other, Rows: 8, Error: ui.ErrorFor(f.errs, "other"),
				Hint: "For rules with a condition of their own, as TOML: [[items]] with id, say, need, when, must (true or false) and weight (1 to 5). need and when are written like: consent is L and capacity is answered"},
			ui.ButtonGroup(ui.Submit("Save the draft"), ui.Button{Text: "Back", Href: "/gate", Kind: ui.Secondary}))}}
}

func (s *Server) saveGate(v *visit) (response, error) {
	g, err := s.gateView(v, "")
	if err != nil {
		return nil, err
	}
	f := gateForm{title: v.form("title"), other: v.form("other"), want: map[string]string{}}
	f.version, _ = strconv.ParseInt(v.form("version"), 10, 64)
	for name := range v.r.PostForm {
		if id, ok := strings.CutPrefix(name, "want_"); ok {
			f.want[id] = v.form(name)
		}
	}
	text, err := f.text(g.Form)
	if err != nil {
		return nil, err
	}
	if err := s.Hub.SaveGate(v.ctx(), v.by, text, f.version); err != nil {
		var e *care.Error
		if !errors.As(err, &e) || e.Kind != care.Conflict && e.Kind != care.Invalid {
			return nil, err
		}
		if e.Kind == care.Conflict { // what was typed is kept, and the next try saves it over what is there now
			f.version = g.DraftVersion
			e = &care.Error{Kind: care.Conflict, Text: g.DraftBy.Name + " changed the draft at " + ui.ClockOn(g.DraftAt, v.now) + ". Look at it under “What the council wants”, then save yours"}
		}
		f.errs = []ui.FieldError{{ID: "title", Text: e.Text}}
		p := s.gateEditPage(g, f)
		p.Error = true
		return page{p, http.StatusConflict}, nil
	}
	if _, err := form.ParseGate([]byte(text), g.Form); err != nil {
		f.errs = []ui.FieldError{{ID: "other", Text: upper(err.Error()) + ". The draft is saved as it is"}}
		if g, err = s.gateView(v, ""); err != nil {
			return nil, err
		}
		f.version = g.DraftVersion
		return refuse(s.gateEditPage(g, f)), nil
	}
	return goTo("/gate/publish"), nil
}

// checkGate shows the draft in words before it becomes the rules.
func (s *Server) checkGate(v *visit) (response, error) {
	g, err := s.gateView(v, "")
	if err != nil {
		return nil, err
	}
	draft, err := form.ParseGate([]byte(g.Draft), g.Form)
	if g.Draft == "" || err != nil {
		return goTo("/gate/edit"), nil
	}
	return show(ui.Page{Title: "Check the rules", Width: ui.WorkPage, Main: []ui.Node{
		ui.H1(fmt.Sprintf("Publish version %d of the rules?", g.Version+1)), ui.P(draft.Title), gateTable(draft, g.Form),
		ui.P("From then on hospitals see it as they write. Referrals that were sent stay as they are."),
		ui.PostForm("/gate/publish", ui.Hidden("version", strconv.FormatInt(g.DraftVersion, 10)),
			ui.ButtonGroup(ui.Submit("Publish the rules"), ui.Button{Text: "Change them", Href: "/gate/edit", Kind: ui.Secondary}))}}), nil
}

func (s *Server) publishGate(v *visit) (response, error) {
	was, _ := strconv.ParseInt(v.form("version"), 10, 64)
	n, err := s.Hub.PublishGate(v.ctx(), v.by, was)
	if err != nil {
		return nil, err
	}
	return goTo("/gate").saying(fmt.Sprintf("Version %d of the rules is published.", n)), nil
}

// bounces is what came back, by ward or by hospital, and for what.
func (s *Server) bounces(v *visit) (response, error) {
	days, err := strconv.Atoi(v.query("days"))
	if err != nil || !slices.Contains([]int{7, 28, 90, 365}, days) {
		days = 90
	}
	b, err := s.Hub.Bounces(v.ctx(), v.by, v.now.Add(-time.Duration(days)*24*time.Hour))
	if err != nil {
		return nil, err
	}
	by := "Hospital"
	if b.ByWard {
		by = "Ward"
	}
	per := func(n int) ui.Node {
		if n < 0 {
			return ui.Missing("None yet")
		}
		return ui.Text(strconv.Itoa(n) + "%")
	}
	row := func(x hub.Bounced) ui.TableRow {
		return ui.TableRow{Cells: []ui.Node{ui.Text(x.Name), ui.Text(strconv.Itoa(x.Sent)), ui.Text(strconv.Itoa(x.Returned)), per(x.Rate()), per(x.First()), ui.Text(strconv.Itoa(x.Open))}}
	}
	t := ui.Table{Caption: "Referrals sent, by " + strings.ToLower(by), Columns: []ui.Column{{Label: by}, {Label: "Sent"}, {Label: "Returned at least once"}, {Label: "Bounce rate"}, {Label: "First time right"}, {Label: "Not answered yet"}}}
	for _, x := range b.Rows {
		t.Rows = append(t.Rows, row(x))
	}
	t.Rows = append(t.Rows, row(b.Total))
	items := ui.Table{Caption: "What was missing", Columns: []ui.Column{{Label: "What"}, {Label: "Returned for it"}, {Label: "Sent without it"}}}
	for _, x := range b.Items {
		items.Rows = append(items.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(s.bounceWords(x.Code)), ui.Text(strconv.Itoa(x.Returned)), ui.Text(strconv.Itoa(x.Lacked))}})
	}
	var choices []ui.Choice
	for _, n := range []int{7, 28, 90, 365} {
		choices = append(choices, ui.Choice{Value: strconv.Itoa(n), Label: fmt.Sprintf("Last %d days", n)})
	}
	var below ui.Node = items
	if len(items.Rows) == 0 {
		below = ui.Empty("Nothing came back or lacked anything in this time")
	}
	return show(ui.Page{Title: "What came back", Width: ui.WorkPage, Main: []ui.Node{
		ui.H1("What came back"), ui.P("Bounce rate: of the referrals sent in this time, how many were returned at least once. First time right: of those answered, how many were accepted without being returned."),
		ui.Filter{Action: "/gate/returned", Button: "Show", Fields: []ui.Node{ui.Select{ID: "days", Label: "Sent in the", Value: strconv.Itoa(days), Items: choices}}},
		t, below, ui.Para(ui.Link("/gate", "What the council wants in a referral"))}}), nil
}

// bounceWords is a coded reason of a return, or a question that was not answered, in words.
func (s *Server) bounceWords(code string) string {
	if p, ok := s.Hub.Forms.Latest("d2a-return"); ok {
		if words := choiceLabel(p, "reasons", code); words != code && words != "" {
			return words
		}
	}
	if p, ok := s.Hub.Forms.Latest(hub.ReferralForm); ok {
		if f, ok := p.Field(code); ok {
			return f.Label
		}
	}
	return code
}
