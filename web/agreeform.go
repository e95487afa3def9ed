package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/sharing"
	"homeward/web/ui"
)

// agreementForm is an agreement as somebody typed it. Nothing typed is lost:
// what cannot be read is shown again as it was.
type agreementForm struct {
	Title, Purpose, Basis, DPIA, Owner, Contact string
	From, To                                    typedDate
	Parties                                     []string
	Flows                                       []flowForm
	Signatories                                 []signForm
	Seen                                        int // changes of the version when the form was made
	Known                                       []sharing.Party
}

type flowForm struct {
	From, To string
	Sections []string
}

type signForm struct {
	Name, Role, ODS string
	On              typedDate
}

// mostBlocks bounds how many flows and signatories a form may have.
const mostBlocks = 100

// formOf is the form of an agreement that is kept.
func formOf(a sharing.Agreement) agreementForm {
	f := agreementForm{Title: a.Title, Purpose: a.Purpose, Basis: a.Basis, DPIA: a.DPIA, Owner: a.Owner, Contact: a.Contact,
		From: typedOf(a.From), To: typedOf(a.To), Seen: len(a.Changes), Known: a.Parties}
	for _, p := range a.Parties {
		f.Parties = append(f.Parties, string(p.ODS))
	}
	for _, w := range a.Flows {
		x := flowForm{From: string(w.From), To: string(w.To)}
		for _, s := range w.Sections {
			x.Sections = append(x.Sections, string(s))
		}
		f.Flows = append(f.Flows, x)
	}
	for _, g := range a.Signatories {
		f.Signatories = append(f.Signatories, signForm{g.Name, g.Role, string(g.ODS), typedOf(g.On)})
	}
	return f
}

func typedOf(d nhs.Date) typedDate {
	if d.IsZero() {
		return typedDate{}
	}
	return typedDate{strconv.Itoa(d.Day), strconv.Itoa(int(d.Month)), strconv.Itoa(d.Year)}
}

// agreementForm reads the form that was posted. known are the parties of the version
// that is being changed.
func (v *visit) agreementForm(known []sharing.Party) agreementForm {
	f := agreementForm{Title: v.form("title"), Purpose: v.form("purpose"), Basis: v.form("basis"), DPIA: v.form("dpia"), Owner: v.form("owner"), Contact: v.form("contact"),
		From: v.date("from"), To: v.date("to"), Parties: v.r.PostForm["parties"], Known: known}
	f.Seen = v.seenChanges()
	for i := range v.blocks("flows") {
		id := fmt.Sprintf("flow-%d-", i)
		w := flowForm{v.form(id + "from"), v.form(id + "to"), v.r.PostForm[id+"sections"]}
		if w.From != "" || w.To != "" || len(w.Sections) > 0 {
			f.Flows = append(f.Flows, w)
		}
	}
	for i := range v.blocks("signatories") {
		id := fmt.Sprintf("signatory-%d-", i)
		g := signForm{v.form(id + "name"), v.form(id + "role"), v.form(id + "ods"), v.date(id + "on")}
		if g != (signForm{}) {
			f.Signatories = append(f.Signatories, g)
		}
	}
	return f
}

func (v *visit) blocks(name string) int {
	n, _ := strconv.Atoi(v.form(name))
	return max(0, min(n, mostBlocks))
}

// content is what the form says, and what of it cannot be read.
func (f agreementForm) content(org func(nhs.ODS) care.Org) (sharing.Agreement, wrongs) {
	var wrong wrongs
	day := func(id, name string, t typedDate) nhs.Date {
		d, bad := t.parse(name)
		wrong.add(id, bad)
		return d
	}
	a := sharing.Agreement{Title: f.Title, Purpose: tidy(f.Purpose), Basis: tidy(f.Basis), DPIA: f.DPIA, Owner: f.Owner, Contact: f.Contact}
	for _, p := range f.Parties {
		if !slices.ContainsFunc(a.Parties, func(x sharing.Party) bool { return x.ODS == nhs.ODS(p) }) {
			a.Parties = append(a.Parties, f.party(nhs.ODS(p), org))
		}
	}
	for _, w := range f.Flows {
		x := sharing.Flow{From: nhs.ODS(w.From), To: nhs.ODS(w.To)}
		for _, s := range w.Sections {
			x.Sections = append(x.Sections, sharing.Section(s))
		}
		a.Flows = append(a.Flows, x)
	}
	a.From, a.To = day("from", "First day", f.From), day("to", "Last day", f.To)
	for i, g := range f.Signatories {
		a.Signatories = append(a.Signatories, sharing.Signatory{Name: g.Name, Role: g.Role, ODS: nhs.ODS(g.ODS), On: day(fmt.Sprintf("signatory-%d-on", i), "The day of signing", g.On)})
	}
	return a, wrong
}

// tidy takes the carriage returns away that browsers put into several lines.
func tidy(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// party is an organisation as an agreement names it: by the name that it has
// here, or that the agreement gave it before.
func (f agreementForm) party(ods nhs.ODS, org func(nhs.ODS) care.Org) sharing.Party {
	p := sharing.Party{ODS: ods, Name: org(ods).Name}
	for _, k := range f.Known {
		if k.ODS == ods && p.Name == string(ods) {
			p.Name = k.Name
		}
	}
	return p
}

// agreementField is the id of the control for a field as package sharing names it.
func agreementField(field string) string {
	list, rest, _ := strings.Cut(field, ".")
	n, part, _ := strings.Cut(rest, ".")
	if n == "" {
		n = "0"
	}
	switch list {
	case "parties":
		return "parties"
	case "flows":
		if part == "" {
			part = "from"
		}
		return "flow-" + n + "-" + part
	case "signatories":
		if part == "" {
			part = "name"
		}
		return "signatory-" + n + "-" + part
	case "":
		return "title"
	}
	return field
}

func problemErrors(ps []sharing.Problem) (errs wrongs) {
	for _, p := range ps {
		errs.add(agreementField(p.Field), p.Text)
	}
	return errs
}

func (s *Server) newAgreement(v *visit) (response, error) {
	f := agreementForm{Parties: []string{string(v.by.Org)}, Flows: []flowForm{{From: string(v.by.Org)}, {To: string(v.by.Org)}}, Signatories: []signForm{{}, {}}}
	if v.by.OrgKind == care.System {
		f.Parties, f.Flows = nil, []flowForm{{}, {}}
	}
	if _, err := s.Hub.Agreements(v.ctx(), v.by); err != nil { // whether they are this reader's business
		return nil, err
	}
	return show(s.agreementFormPage("Draft an agreement", "/agreements/new", "/agreements", f, nil)), nil
}

func (s *Server) beginAgreement(v *visit) (response, error) {
	f := v.agreementForm(nil)
	again := func(errs []ui.FieldError) ui.Page {
		return s.agreementFormPage("Draft an agreement", "/agreements/new", "/agreements", f, errs)
	}
	content, res := s.agreementTyped(v, &f, again)
	if res != nil {
		return res, nil
	}
	ref, err := s.Hub.DraftAgreement(v.ctx(), v.by, content)
	if errs, ok := fieldErrors(err, nil); ok {
		return refuse(again(errs)), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo(agreementPath(ref.ID, ref.Version)).saying("The draft is saved."), nil
}

// agreementTyped reads a posted form: its content, or the answer when there is
// something to mend, or another flow or signatory was asked for.
func (s *Server) agreementTyped(v *visit, f *agreementForm, again func([]ui.FieldError) ui.Page) (sharing.Agreement, response) {
	switch v.form("do") {
	case "add-flow":
		f.Flows = append(f.Flows, flowForm{})
		return sharing.Agreement{}, show(again(nil))
	case "add-signatory":
		f.Signatories = append(f.Signatories, signForm{})
		return sharing.Agreement{}, show(again(nil))
	}
	content, wrong := f.content(s.Hub.Org)
	if v.form("do") == "check" {
		for _, e := range problemErrors(content.Check()) {
			if ui.ErrorFor(wrong, e.ID) == "" {
				wrong = append(wrong, e)
			}
		}
	}
	if len(wrong) > 0 {
		return content, refuse(again(wrong))
	}
	return content, nil
}

func (s *Server) askEditAgreement(v *visit) (response, error) {
	p, err := s.Hub.Agreement(v.ctx(), v.by, v.agreementRef())
	if err != nil {
		return nil, err
	}
	if p.Status != sharing.Draft {
		return nil, &care.Error{Kind: care.BusinessRule, Text: "Only a draft can be changed. Begin a new version"}
	}
	path := agreementPath(p.ID, p.Version)
	return show(s.agreementFormPage("Change the draft", path+"/edit", path, formOf(p.Agreement), nil)), nil
}

func (s *Server) editAgreement(v *visit) (response, error) {
	p, err := s.Hub.Agreement(v.ctx(), v.by, v.agreementRef())
	if err != nil {
		return nil, err
	}
	f, path := v.agreementForm(p.Parties), agreementPath(p.ID, p.Version)
	again := func(errs []ui.FieldError) ui.Page {
		return s.agreementFormPage("Change the draft", path+"/edit", path, f, errs)
	}
	content, res := s.agreementTyped(v, &f, again)
	if res != nil {
		return res, nil
	}
	err = s.Hub.EditAgreement(v.ctx(), v.by, hub.AgreementRef{ID: p.ID, Version: p.Version, Seen: f.Seen}, content)
	if errs, ok := fieldErrors(err, nil); ok {
		return refuse(again(errs)), nil
	}
	var e *care.Error
	if errors.As(err, &e) && e.Kind == care.Conflict && p.Status == sharing.Draft {
		f.Seen = len(p.Changes)
		return editConflict(again(wrongs{{ID: "title", Text: e.Text}}), p.Agreement, content), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo(path).saying("The draft is saved."), nil
}

// editConflict shows what the other person wrote beside what was typed. Nothing
// is lost: what is saved next is what was typed, or was put right here.
func editConflict(p ui.Page, theirs, mine sharing.Agreement) response {
	p.Error = true
	box := ui.WarningCard(2, "Nothing of yours is lost, and nothing of theirs is changed yet",
		ui.P("These differ. What you typed is in the form below. Take over what you want to keep of theirs, then save."),
		diffTable(sharing.Diff(theirs, mine), "Saved by them", "Typed by you"))
	p.Main = slices.Insert(p.Main, 2, box)
	return page{p, http.StatusConflict}
}

func (s *Server) agreementFormPage(title, action, cancel string, f agreementForm, errs []ui.FieldError) ui.Page {
	err := func(id string) string { return ui.ErrorFor(errs, id) }
	orgs := s.agreementOrgs(f)
	if len(f.Flows) == 0 { // a link to what is missing must lead somewhere
		f.Flows = []flowForm{{}}
	}
	if len(f.Signatories) == 0 {
		f.Signatories = []signForm{{}}
	}
	body := []ui.Node{
		ui.Hidden("seen", strconv.Itoa(f.Seen)), ui.Hidden("flows", strconv.Itoa(len(f.Flows))), ui.Hidden("signatories", strconv.Itoa(len(f.Signatories))),
		// The first button is what Enter in a field presses: it must lose nothing.
		ui.Button{Text: "Save as it is", Kind: ui.Secondary, Small: true, Name: "do", Value: "save"},
		ui.Input{ID: "title", Label: "Title", Value: f.Title, Error: err("title")},
		ui.Checkboxes{ID: "parties", Legend: "Organisations that agree", Values: f.Parties, Items: orgs, Error: err("parties"), Small: true},
		ui.Textarea{ID: "purpose", Label: "Purpose", Hint: "What the sharing is for", Rows: 3, Max: 4000, Value: f.Purpose, Error: err("purpose")},
		ui.Textarea{ID: "basis", Label: "Legal basis", Hint: "For example: Health and Social Care Act 2012 s.251B; UK GDPR Article 6(1)(e) and 9(2)(h)", Rows: 3, Max: 4000, Value: f.Basis, Error: err("basis")},
		ui.H2("What is shared"), ui.P("Say it once for each direction. To take a direction out, clear both organisations and all sections."),
		ui.Map(indexes(f.Flows), func(i int) ui.Node { return flowBlock(i, f.Flows[i], orgs, errs) }),
		ui.Button{Text: "Add another direction", Kind: ui.Secondary, Small: true, Name: "do", Value: "add-flow"},
		ui.H2("From and to"),
		dateField("from", "First day", "For example, 1 4 2027", f.From, err("from")),
		dateField("to", "Last day", "On the day after, access stops", f.To, err("to")),
		ui.H2("Who signed"), ui.P("One person for each organisation, on paper or otherwise outside Homeward."),
		ui.Map(indexes(f.Signatories), func(i int) ui.Node { return signBlock(i, f.Signatories[i], orgs, errs) }),
		ui.Button{Text: "Add another signatory", Kind: ui.Secondary, Small: true, Name: "do", Value: "add-signatory"},
		ui.H2("Who looks after it"),
		ui.Input{ID: "dpia", Label: "Reference of the data protection impact assessment", Width: 30, Value: f.DPIA, Error: err("dpia")},
		ui.Input{ID: "owner", Label: "Owner", Hint: "By role, because people come and go", Value: f.Owner, Error: err("owner")},
		ui.Input{ID: "contact", Label: "How to reach the owner", Hint: "A telephone number or a shared mailbox. Staff whose access is paused read it", Value: f.Contact, Error: err("contact")},
		ui.ButtonGroup(ui.Button{Text: "Check and save", Name: "do", Value: "check"},
			ui.Button{Text: "Save as it is", Kind: ui.Secondary, Name: "do", Value: "save"}, ui.Link(cancel, "Cancel")),
	}
	return ui.Page{Title: title, Width: ui.FormPage, Back: &ui.NavItem{Href: cancel, Text: "Back"}, Main: []ui.Node{
		ui.ErrorSummary(errs), ui.H1(title), ui.TwoThirds(ui.PostForm(action, body...))}}
}

func indexes[T any](xs []T) (out []int) {
	for i := range xs {
		out = append(out, i)
	}
	return out
}

func dateField(id, legend, hint string, d typedDate, err string) ui.Node {
	return ui.DateInput{ID: id, Legend: legend, Hint: hint, Error: err, Day: d.Day, Month: d.Month, Year: d.Year}
}

// agreementOrgs are the organisations that can agree: those of this site, and
// those that the agreement names already.
func (s *Server) agreementOrgs(f agreementForm) (out []ui.Choice) {
	put := func(ods nhs.ODS, name string) {
		if !slices.ContainsFunc(out, func(c ui.Choice) bool { return c.Value == string(ods) }) {
			out = append(out, ui.Choice{Value: string(ods), Label: name + " (" + string(ods) + ")"})
		}
	}
	for _, o := range s.Hub.Orgs {
		if o.Kind != care.System {
			put(o.ODS, o.Name)
		}
	}
	for _, k := range f.Known {
		put(k.ODS, k.Name)
	}
	return out
}

func flowBlock(i int, w flowForm, orgs []ui.Choice, errs []ui.FieldError) ui.Node {
	id, from := fmt.Sprintf("flow-%d-", i), append([]ui.Choice{{Value: "", Label: "Select an organisation"}}, orgs...)
	var items []ui.Choice
	for _, s := range sharing.Sections() {
		items = append(items, ui.Choice{Value: string(s), Label: s.Title()})
	}
	return ui.Card(3, fmt.Sprintf("Direction %d", i+1),
		ui.Select{ID: id + "from", Label: fmt.Sprintf("Direction %d: who shares", i+1), Items: from, Value: w.From, Error: ui.ErrorFor(errs, id+"from")},
		ui.Select{ID: id + "to", Label: fmt.Sprintf("Direction %d: with whom", i+1), Items: from, Value: w.To, Error: ui.ErrorFor(errs, id+"to")},
		ui.Checkboxes{ID: id + "sections", Legend: fmt.Sprintf("Direction %d: what", i+1), Items: items, Values: w.Sections, Error: ui.ErrorFor(errs, id+"sections"), Small: true})
}

func signBlock(i int, g signForm, orgs []ui.Choice, errs []ui.FieldError) ui.Node {
	id, n := fmt.Sprintf("signatory-%d-", i), fmt.Sprintf("Signatory %d", i+1)
	return ui.Card(3, n,
		ui.Input{ID: id + "name", Label: n + ": name", Value: g.Name, Error: ui.ErrorFor(errs, id+"name")},
		ui.Input{ID: id + "role", Label: n + ": role", Hint: "Such as Caldicott Guardian", Value: g.Role, Error: ui.ErrorFor(errs, id+"role")},
		ui.Select{ID: id + "ods", Label: n + ": for which organisation", Items: append([]ui.Choice{{Value: "", Label: "Select an organisation"}}, orgs...), Value: g.ODS, Error: ui.ErrorFor(errs, id+"ods")},
		dateField(id+"on", n+": signed on", "", g.On, ui.ErrorFor(errs, id+"on")))
}
