package web

import (
	"net/url"
	"slices"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// concernRoutes is raising a safeguarding concern, and what the council does with it.
func (s *Server) concernRoutes() []route {
	looked := func(v *visit) (care.CaseID, string) { return "", v.path("handle") }
	ofCase := func(v *visit) (care.CaseID, string) { return v.id(), "" }
	return []route{
		{pattern: "GET /lookup/result/{handle}/concern", nav: "find", asks: deciding(policy.RaiseConcern), do: s.askConcern(looked)},
		{pattern: "POST /lookup/result/{handle}/concern", nav: "find", asks: deciding(policy.RaiseConcern), do: s.raiseConcern(looked)},
		{pattern: "GET /cases/{id}/concern", nav: "tracker", asks: deciding(policy.RaiseConcern), do: s.askConcern(ofCase)},
		{pattern: "POST /cases/{id}/concern", nav: "tracker", asks: deciding(policy.RaiseConcern), do: s.raiseConcern(ofCase)},
		{pattern: "GET /concerns", nav: "concerns", asks: deciding(policy.SeeConcern), do: s.concerns},
		{pattern: "GET /concerns/mine", nav: "my-concerns", own: true, do: s.myConcerns},
		{pattern: "GET /concerns/{case}/{concern}", nav: "concerns", asks: deciding(policy.SeeConcern), do: s.concern},
		{pattern: "POST /concerns/{case}/{concern}", nav: "concerns", asks: deciding(policy.SeeConcern), do: s.moveConcern},
	}
}

// noCase stands in an address for a concern about somebody who is in no record.
const noCase = "typed"

func concernPath(c hub.ConcernView) string {
	of := noCase
	if c.Case != "" {
		of = string(c.Case)
	}
	return "/concerns/" + url.PathEscape(of) + "/" + url.PathEscape(c.Concern.ID)
}

func concernCase(v *visit) care.CaseID {
	if of := v.path("case"); of != noCase {
		return care.CaseID(of)
	}
	return ""
}

// A concernForm is a concern as somebody typed it. There is no field for who is said to
// have done harm, on purpose.
type concernForm struct {
	key, to, words, danger, knows, contact string
	kinds                                  []string
}

func (s *Server) askConcern(about func(*visit) (care.CaseID, string)) handler {
	return func(v *visit) (response, error) {
		id, handle := about(v)
		start, err := s.Hub.StartConcern(v.ctx(), v.by, id, handle)
		if err != nil {
			return nil, err
		}
		return show(s.concernPage(v, start, concernForm{key: hub.NewKey(), to: string(start.To)}, nil)), nil
	}
}

func (s *Server) raiseConcern(about func(*visit) (care.CaseID, string)) handler {
	return func(v *visit) (response, error) {
		id, handle := about(v)
		start, err := s.Hub.StartConcern(v.ctx(), v.by, id, handle)
		if err != nil {
			return nil, err
		}
		f := concernForm{v.form("key"), v.form("to"), strings.ReplaceAll(v.form("words"), "\r\n", "\n"), v.form("danger"), v.form("knows"), v.form("contact"), v.r.PostForm["kinds"]}
		var w wrongs
		if f.danger != "yes" && f.danger != "no" {
			w.add("danger", "Select whether the person is in danger now")
		}
		if len(f.kinds) == 0 {
			w.add("kinds", "Select what you are worried about")
		}
		w.need("words", f.words, "Enter what you saw or heard")
		w.need("knows", f.knows, "Select whether the person knows")
		w.need("contact", f.contact, "Enter how the council can reach you")
		w.need("to", f.to, "Select the council where the person lives")
		if len(w) > 0 {
			return refuse(s.concernPage(v, start, f, w)), nil
		}
		ref, err := s.Hub.RaiseConcern(v.ctx(), v.by, id, handle, care.Concern{ID: f.key, To: nhsODS(f.to), Kinds: f.kinds, Words: f.words, Danger: f.danger == "yes", Knows: f.knows, Contact: f.contact})
		if errs, ok := fieldErrors(err, nil); ok {
			return refuse(s.concernPage(v, start, f, errs)), nil
		}
		if err != nil {
			return nil, err
		}
		return goTo("/concerns/mine?new=" + url.QueryEscape(ref)), nil
	}
}

func (s *Server) concernPage(v *visit, start hub.ConcernStart, f concernForm, errs []ui.FieldError) ui.Page {
	back := &ui.NavItem{Href: casePath(start.Case, ""), Text: "Discharge case"}
	if start.Handle != "" {
		back = &ui.NavItem{Href: "/lookup/result/" + start.Handle, Text: "Back without sending"}
	}
	councils := make([]ui.Choice, len(start.Councils))
	for i, o := range start.Councils {
		councils[i] = ui.Choice{Value: string(o.ODS), Label: o.Name}
	}
	p := ui.Page{Title: "Raise a safeguarding concern", Width: ui.FormPage, Back: back, Error: len(errs) > 0}
	if start.Person.Family != "" {
		p.Banner = s.caseBanner(hub.CaseView{Person: start.Person, NHS: start.NHS, Trace: start.Trace}, v.now)
	}
	p.Main = []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1("Raise a safeguarding concern"),
		ui.WarningCard(2, "If somebody is in danger now",
			ui.Para(ui.Text("Ring "), ui.PhoneLink("999"), ui.Text(" first. Then ring the council’s emergency duty team. Send this form after that.")),
			ui.Map(start.Councils, func(o care.Org) ui.Node { return ui.Nodes{ui.H3(o.Name), councilNumbers(o)} })),
		ui.PostForm(v.r.URL.Path,
			ui.Hidden("key", f.key),
			ui.Radios{ID: "danger", Legend: "Is the person in danger now?", Value: f.danger, Items: []ui.Choice{{Value: "yes", Label: "Yes, and I have rung or am about to ring"}, {Value: "no", Label: "No"}}, Error: ui.ErrorFor(errs, "danger")},
			ui.Checkboxes{ID: "kinds", Legend: "What are you worried about?", Hint: "Choose all that may be. The council decides.", Values: f.kinds, Items: coded(care.AbuseKinds), Small: true, Error: ui.ErrorFor(errs, "kinds")},
			ui.Textarea{ID: "words", Label: "What did you see or hear?", Hint: "Facts, and the person’s own words. Do not name who may have done it: the council asks you.", Value: f.words, Max: 4000, Error: ui.ErrorFor(errs, "words")},
			ui.Radios{ID: "knows", Legend: "Does the person know that you raise this?", Value: f.knows, Items: coded(care.ConcernKnows), Error: ui.ErrorFor(errs, "knows")},
			ui.Input{ID: "contact", Label: "How can the council reach you?", Hint: "Your name, ward and a number that answers", Value: f.contact, Error: ui.ErrorFor(errs, "contact")},
			ui.Select{ID: "to", Label: "Which council?", Hint: "The council where the person lives", Value: f.to, Items: append([]ui.Choice{{Value: "", Label: "Select a council"}}, councils...), Error: ui.ErrorFor(errs, "to")},
			ui.Small("Only social workers and team managers of that council read this. Your colleagues do not see that it was sent."),
			ui.Submit("Send to the council")))}
	return p
}

// myConcerns is what the reader raised: references and how far each came.
func (s *Server) myConcerns(v *visit) (response, error) {
	list, err := s.Hub.MyConcerns(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	main, title := ui.Nodes{}, ui.H1
	for _, c := range list {
		if ref := v.query("new"); ref != "" && c.Concern.Reference == ref { // only one that is theirs is said
			title = func(text string, _ ...ui.Node) ui.Node { return ui.H2(text) } // the panel has the h1
			main = append(main, ui.Panel("Sent to "+c.To.Name, ui.P("Your reference is"), ui.Para(ui.Strong(ref))),
				ui.P("Write it down or print this page. It is in your list below, and says how far the council came."), councilNumbers(c.To))
		}
	}
	var rows []ui.TableRow
	for _, c := range list {
		rows = append(rows, ui.TableRow{Cells: []ui.Node{ui.Code(c.Concern.Reference), ui.TimeAt(c.Concern.At), ui.Text(c.To.Name), ui.Nodes{ui.Text(c.Concern.State.Say()), ui.Sub("since " + ui.DateTime(c.Concern.Moved))}}})
	}
	main = append(main, title("Concerns that you raised"), ui.PrintMeta(v.now, v.by.Name),
		ui.Table{Caption: "Concerns that you raised", Columns: []ui.Column{{Label: "Reference"}, {Label: "Sent"}, {Label: "Council"}, {Label: "How far it came"}}, Rows: rows,
			Empty: ui.P("You have raised no concern in this role.")})
	return show(ui.Page{Title: "Concerns that you raised", Main: main}), nil
}

// concerns is the list of the council's social workers and managers.
func (s *Server) concerns(v *visit) (response, error) {
	closed := v.query("view") == "closed"
	list, err := s.Hub.Concerns(v.ctx(), v.by, closed)
	if err != nil {
		return nil, err
	}
	var rows []ui.TableRow
	for _, c := range list {
		rows = append(rows, ui.TableRow{Cells: []ui.Node{
			ui.Nodes{ui.Link(concernPath(c), c.Concern.Reference), ui.If(c.Concern.Danger && !closed, func() ui.Node { return ui.Tag(ui.TagRed, "In danger now") })},
			ui.Text(concernPerson(c)), ui.Text(strings.Join(c.Kinds, ", ")), ui.Nodes{ui.Text(c.By.Name), ui.Sub(ui.DateTime(c.Concern.At))},
			ui.Nodes{ui.Text(c.Concern.State.Say()), ui.Sub("since " + ui.DateTime(c.Concern.Moved))}}})
	}
	return show(ui.Page{Title: "Safeguarding concerns", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Safeguarding concerns", ui.Plural(len(rows), "concern", "concerns"),
			ui.Tabs("Lists", ui.NavItem{Href: "/concerns", Text: "Open", Current: !closed}, ui.NavItem{Href: "/concerns?view=closed", Text: "Closed", Current: closed})),
		ui.Table{Caption: "Safeguarding concerns", Columns: []ui.Column{{Label: "Reference"}, {Label: "Person"}, {Label: "About"}, {Label: "From"}, {Label: "State"}}, Rows: rows,
			Empty: ui.Empty("No concerns here", ui.P("What hospitals and colleagues raise stands here until it is closed."))}}}), nil
}

// concernPerson is who a concern is about: from the record, or as it was typed.
func concernPerson(c hub.ConcernView) string {
	if c.Typed != nil {
		name := strings.TrimSpace(ui.Name(c.Typed.Family, c.Typed.Given, ""))
		if c.Typed.Family == "" {
			name = "NHS No. " + c.Typed.Number.Spaced()
		}
		return name + " (as typed, not checked), born " + ui.Day(c.Typed.Born)
	}
	return ui.Name(c.Person.Family, c.Person.Given, c.Person.Title) + ", born " + ui.Day(c.Person.Born)
}

func (s *Server) concern(v *visit) (response, error) {
	c, err := s.Hub.Concern(v.ctx(), v.by, concernCase(v), v.path("concern"))
	if err != nil {
		return nil, err
	}
	return show(s.oneConcern(v, c, nil)), nil
}

func (s *Server) oneConcern(v *visit, c hub.ConcernView, errs []ui.FieldError) ui.Page {
	n := c.Concern
	rows := []ui.Row{
		{Key: "Person", Value: ui.Text(concernPerson(c))},
		{Key: "About", Value: ui.Text(strings.Join(c.Kinds, ", "))},
		{Key: "In danger now", Value: ui.Text(map[bool]string{true: "Yes, when it was sent", false: "No"}[n.Danger])},
		{Key: "What was seen or heard", Value: ui.Lines(n.Words)},
		{Key: "Does the person know", Value: ui.Text(care.SayCoded(care.ConcernKnows, n.Knows))},
		{Key: "Raised by", Value: ui.Text(n.By.Name + ", " + c.By.Name), Source: ui.DateTime(n.At)},
		{Key: "Reach them at", Value: ui.Text(n.Contact)},
		{Key: "State", Value: ui.Text(n.State.Say()), Source: "since " + ui.DateTime(n.Moved)},
	}
	if t := c.Typed; t != nil && t.Postcode != "" {
		rows = append(rows, ui.Row{Key: "Postcode, as typed", Value: ui.Text(t.Postcode)})
	}
	if n.Outcome != "" {
		rows = append(rows, ui.Row{Key: "What came of it", Value: ui.Lines(n.Outcome)})
	}
	main := ui.Nodes{ui.ErrorSummary(errs), ui.H1("Safeguarding concern " + n.Reference), ui.SummaryList(rows...)}
	if len(c.Moves) > 0 {
		var items []ui.Node
		for _, m := range c.Moves {
			items = append(items, ui.Button{Text: moveWords[m], Kind: ui.Secondary, Name: "to", Value: string(m)})
		}
		main = append(main, ui.Section("move", "What now?", ui.PostForm(concernPath(c),
			ui.Textarea{ID: "outcome", Label: "What came of it? (needed to close it)", Rows: 3, Value: v.form("outcome"), Max: 4000, Error: ui.ErrorFor(errs, "outcome")},
			ui.Small("While an enquiry is open here, a look-up says “Open enquiry”, whatever your own system last told."),
			ui.ButtonGroup(items...))))
	}
	return ui.Page{Title: "Safeguarding concern", Width: ui.FormPage, Back: &ui.NavItem{Href: "/concerns", Text: "Safeguarding concerns"}, Error: len(errs) > 0, Main: []ui.Node{ui.TwoThirds(main...)}}
}

var moveWords = map[care.ConcernState]string{care.ConcernReceived: "We received it", care.ConcernEnquiry: "Open an enquiry", care.ConcernClosed: "Close it"}

func (s *Server) moveConcern(v *visit) (response, error) {
	err := s.Hub.MoveConcern(v.ctx(), v.by, concernCase(v), v.path("concern"), care.ConcernState(v.form("to")), strings.ReplaceAll(v.form("outcome"), "\r\n", "\n"))
	errs, ok := fieldErrors(err, nil)
	if err != nil && !ok {
		return nil, err
	}
	if err == nil {
		return goTo(v.r.URL.Path).saying("The concern was moved on."), nil
	}
	c, err := s.Hub.Concern(v.ctx(), v.by, concernCase(v), v.path("concern"))
	if err != nil {
		return nil, err
	}
	return refuse(s.oneConcern(v, c, errs)), nil
}

// concernTab is the concerns of a case that the reader may know of, and the way to raise
// one.
func (s *Server) concernTab(_ *visit, c hub.CaseView, _ noteForm) ui.Node {
	var items []ui.Node
	for _, x := range slices.Backward(c.Concerns) {
		text := ui.Node(ui.Text("Concern " + x.Concern.Reference + ": " + x.Concern.State.Say()))
		if x.Case != "" {
			text = ui.Nodes{ui.Link(concernPath(x), "Concern "+x.Concern.Reference), ui.Text(": " + x.Concern.State.Say())}
		}
		items = append(items, text)
	}
	if c.May[policy.RaiseConcern] && c.JoinedTo == "" {
		items = append(items, ui.Link(casePath(c.ID, "/concern"), "Raise a safeguarding concern"), ui.Link("/concerns/mine", "Concerns that you raised, and how far each came"))
	}
	if len(items) == 0 {
		return ui.P("Safeguarding concerns are not shown to your role. Ring the council if you have one.")
	}
	return ui.Section("concerns", "Safeguarding", ui.List(items...), ui.Small("You see concerns that you raised, and those of your council if you may read them."))
}
