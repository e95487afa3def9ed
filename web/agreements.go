package web

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
	"homeward/web/ui"
)

// agreementRoutes is the sharing agreements: list, page, edit, approve. ui.md 7.14.
// What changes who may see people is stepped up: approve, suspend, resume, withdraw.
func (s *Server) agreementRoutes() []route {
	see, manage := []policy.Action{policy.SeeAgreements}, []policy.Action{policy.ManageAgreements}
	out := []route{
		{pattern: "GET /agreements", nav: "agreements", asks: see, do: s.agreements},
		{pattern: "GET /agreements/new", nav: "agreements", asks: see, do: s.newAgreement},
		{pattern: "POST /agreements/new", nav: "agreements", asks: manage, do: s.beginAgreement},
		{pattern: "GET /agreements/import", nav: "agreements", asks: see, do: s.askImportAgreement},
		{pattern: "POST /agreements/import", nav: "agreements", asks: manage, do: s.importAgreement},
		{pattern: "GET /agreements/{id}", nav: "agreements", asks: see, do: s.agreement},
		{pattern: "POST /agreements/{id}/revise", nav: "agreements", asks: manage, do: s.reviseAgreement},
		{pattern: "GET /agreements/{id}/{n}", nav: "agreements", asks: see, do: s.agreement},
		{pattern: "GET /agreements/{id}/{n}/file", nav: "agreements", asks: see, do: s.exportAgreement},
		{pattern: "GET /agreements/{id}/{n}/edit", nav: "agreements", asks: see, do: s.askEditAgreement},
		{pattern: "POST /agreements/{id}/{n}/edit", nav: "agreements", asks: manage, do: s.editAgreement},
	}
	for _, w := range agreementSteps {
		path := "/agreements/{id}/{n}/" + string(w.step)
		out = append(out,
			route{pattern: "GET " + path, nav: "agreements", asks: see, do: func(v *visit) (response, error) { return s.askAgreementStep(v, w, nil) }},
			route{pattern: "POST " + path, nav: "agreements", asks: manage, step: w.grave, do: func(v *visit) (response, error) { return s.takeAgreementStep(v, w) }})
	}
	return out
}

// agreementPath is the address of a version; version 0 is the newest.
func agreementPath(id string, version int) string {
	if version == 0 {
		return "/agreements/" + id
	}
	return "/agreements/" + id + "/" + strconv.Itoa(version)
}

// agreementRef is the version that the path names.
func (v *visit) agreementRef() hub.AgreementRef {
	n, err := strconv.Atoi(v.path("n"))
	if err != nil && v.path("n") != "" || n < 0 {
		n = -1 // there is no such version
	}
	return hub.AgreementRef{ID: v.path("id"), Version: n}
}

// seenRef is the version with what its reader had seen of it.
func (v *visit) seenRef() hub.AgreementRef {
	ref := v.agreementRef()
	ref.Seen = v.seenChanges()
	return ref
}

// seenChanges is how many changes the page showed on which something was decided;
// -1 where it does not say, which is never as many as there are.
func (v *visit) seenChanges() int {
	n, err := strconv.Atoi(v.form("seen"))
	if err != nil || n < 1 {
		return -1
	}
	return n
}

// agreements lists those of the reader's organisation.
func (s *Server) agreements(v *visit) (response, error) {
	l, err := s.Hub.Agreements(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Sharing agreements", Spacious: true, Columns: []ui.Column{{Label: "Agreement"}, {Label: "Between"}, {Label: "Purpose and legal basis"},
		{Label: "What is shared"}, {Label: "DPIA"}, {Label: "Owner"}, {Label: "From and to"}, {Label: "Status"}},
		Empty: ui.Empty("There are no agreements", ui.P("Without an agreement, organisations see nothing of each other’s records. Draft one, or import one from a file."))}
	for _, a := range l.Agreements {
		newer, writing := l.Newer[a.ID]
		t.Rows = append(t.Rows, ui.TableRow{Cells: agreementCells(a, newer, writing, s.today(v))})
	}
	return show(ui.Page{Title: "Sharing agreements", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Sharing agreements", ui.Plural(len(l.Agreements), "agreement", "agreements")),
		ui.P("What organisations see of each other’s records is what an agreement in force today names, and no more. The rules then say which role sees it."),
		ui.ButtonGroup(ui.Button{Text: "Draft an agreement", Href: "/agreements/new"}, ui.Button{Text: "Import from a file", Kind: ui.Secondary, Href: "/agreements/import"}),
		ui.Scroll("Table of sharing agreements", t),
		ui.PrintMeta(v.now, v.by.Name)}}), nil
}

func agreementCells(a, newer hub.AgreementView, writing bool, today nhs.Date) []ui.Node {
	status := ui.Nodes{agreementTag(a, today)}
	if writing {
		status = append(status, ui.Break(), ui.Link(agreementPath(newer.ID, newer.Version), fmt.Sprintf("Version %d", newer.Version)), ui.Text(" "), agreementTag(newer, today))
	}
	return []ui.Node{
		ui.Nodes{ui.Link(agreementPath(a.ID, a.Version), agreementTitle(a.Agreement)), ui.Sub(fmt.Sprintf("Version %d", a.Version))},
		ui.Or(partyNames(a.Agreement), "Not entered"),
		ui.Nodes{ui.Or(a.Purpose, "Not entered"), ui.Sub(a.Basis)},
		flowLines(a.Agreement), ui.Or(a.DPIA, "Not entered"), ui.Nodes{ui.Or(a.Owner, "Not entered"), ui.Sub(a.Contact)},
		fromTo(a.Agreement), status}
}

func agreementTitle(a sharing.Agreement) string {
	if t := strings.TrimSpace(a.Title); t != "" {
		return t
	}
	return "Agreement without a title"
}

func partyList(a sharing.Agreement) (names []string) {
	for _, p := range a.Parties {
		names = append(names, p.Name)
	}
	return names
}

func partyNames(a sharing.Agreement) string { return strings.Join(partyList(a), ", ") }

// partyName is what a party is called in an agreement.
func partyName(a sharing.Agreement, ods nhs.ODS) string {
	for _, p := range a.Parties {
		if p.ODS == ods && p.Name != "" {
			return p.Name
		}
	}
	return string(ods)
}

// flowLines says how much is shared in each direction.
func flowLines(a sharing.Agreement) ui.Node {
	if len(a.Flows) == 0 {
		return ui.Missing("Nothing")
	}
	return ui.List(ui.Map(a.Flows, func(f sharing.Flow) ui.Node {
		return ui.Text(partyName(a, f.From) + " to " + partyName(a, f.To) + ": " + ui.Plural(len(f.Sections), "section", "sections"))
	})...)
}

func fromTo(a sharing.Agreement) ui.Node {
	day := func(d nhs.Date) ui.Node {
		if d.IsZero() {
			return ui.Missing("Not entered")
		}
		return ui.NoWrap(ui.Day(d))
	}
	return ui.Nodes{day(a.From), ui.Text(" to "), day(a.To)}
}

// agreementTag is how a version stands today.
func agreementTag(a hub.AgreementView, today nhs.Date) ui.Node {
	switch a.State {
	case sharing.StateDraft:
		return ui.Tag(ui.TagGrey, "Draft")
	case sharing.StateProposed:
		return ui.Tag(ui.TagBlue, "Waits for approval")
	case sharing.StateToCome:
		return ui.Tag(ui.TagAqua, "Begins "+ui.Day(a.From))
	case sharing.StateInForce:
		if a.Level > 0 {
			return ui.Tag(ui.TagOrange, expiresIn(a.Days))
		}
		return ui.Tag(ui.TagGreen, "In force")
	case sharing.StateSuspended:
		return ui.Tag(ui.TagRed, "Suspended")
	case sharing.StateExpired:
		return ui.Tag(ui.TagRed, "Expired")
	}
	if a.Status == sharing.Withdrawn {
		return ui.Tag(ui.TagGrey, "Withdrawn")
	}
	return ui.Tag(ui.TagGrey, "Replaced")
}

func expiresIn(days int) string {
	if days == 0 {
		return "Expires today"
	}
	return "Expires in " + ui.Plural(days, "day", "days")
}

// agreementWarnings stands above every page of an information governance lead:
// what ends soon. A database that is away must not take the page with it.
func (s *Server) agreementWarnings(v *visit) ui.Node {
	if v.by.Role != care.IGLead {
		return nil
	}
	warnings, err := s.Hub.AgreementWarnings(v.ctx(), v.by)
	if err != nil {
		s.Log.Error("the warnings of agreements could not be read", "request", v.requestID(), "error", err)
		return ui.Note(ui.Strong("It could not be checked whether a sharing agreement ends soon."))
	}
	if len(warnings) == 0 {
		return nil
	}
	var lines ui.Nodes
	for _, w := range warnings {
		a := w.Agreement
		if v.route.nav == "agreements" && v.path("id") == a.ID {
			continue // its own page says so
		}
		lines = append(lines, ui.Para(ui.Strong(expiresIn(w.Days)+": "), ui.Link(agreementPath(a.ID, a.Version), agreementTitle(a)),
			ui.Text(". Its last day is "+ui.LongDate(a.To.Time())+". Then "+listed(partyList(a))+" see nothing of each other’s records by it.")))
	}
	if len(lines) == 0 {
		return nil
	}
	return ui.Note(lines...)
}

// agreement is all that there is to know of one version.
func (s *Server) agreement(v *visit) (response, error) {
	p, err := s.Hub.Agreement(v.ctx(), v.by, v.agreementRef())
	if err != nil {
		return nil, err
	}
	today := s.today(v)
	main := []ui.Node{
		ui.WorkHead(agreementTitle(p.Agreement), fmt.Sprintf("Version %d of %d", p.Version, len(p.Versions)), agreementTag(p.AgreementView, today)),
		agreementNow(p, today, v.by), agreementActions(p),
		ui.Section("terms", "What was agreed", agreementTerms(p.Agreement)),
		ui.Section("shared", "What is shared", sharedTable(p.Agreement, p.Before)),
		ui.Section("enforced", "What the software enforces from it", enforcedWords, enforcedTables(p)),
		agreementDiff(p),
		ui.Section("history", "What was done to it", agreementHistory(p.Agreement)),
		agreementVersions(p, today),
		ui.PrintMeta(v.now, v.by.Name)}
	return show(ui.Page{Title: "Sharing agreement", Width: ui.PersonPage, Back: agreementsBack(), Main: main}), nil
}

func agreementsBack() *ui.NavItem {
	return &ui.NavItem{Href: "/agreements", Text: "Sharing agreements"}
}

// agreementNow says what a version does today and what it waits for.
func agreementNow(p hub.AgreementPage, today nhs.Date, by care.Actor) ui.Node {
	switch p.State {
	case sharing.StateDraft:
		return draftNow(p)
	case sharing.StateProposed:
		who := ""
		for _, c := range p.Changes {
			if c.Did == "proposed" {
				who = c.Who
			}
		}
		words := who + " proposed this. An information governance lead of another organisation approves it; any other lead can send it back."
		if !p.May(hub.ApproveAgreement) {
			words += " " + sentence(p.WhyNot[hub.ApproveAgreement])
		}
		return ui.Inset(ui.P(words))
	case sharing.StateToCome:
		return ui.Inset(ui.P("It is approved, and opens nothing before " + ui.LongDate(p.From.Time()) + "."))
	case sharing.StateInForce:
		if p.Level == 0 {
			return nil
		}
		return ui.WarningCard(2, expiresIn(p.Days), ui.P("After "+ui.LongDate(p.To.Time())+" access stops, and staff read “Access is paused”. Begin a new version, and have it approved before then."))
	case sharing.StateSuspended:
		return suspendedNow(p)
	case sharing.StateExpired:
		return ui.WarningCard(2, "This agreement has expired", ui.P("Its last day was "+ui.LongDate(p.To.Time())+". It opens nothing. Begin a new version to share again."))
	}
	return ui.Inset(ui.P("This version is over and opens nothing."))
}

func draftNow(p hub.AgreementPage) ui.Node {
	if len(p.Problems) == 0 {
		return ui.Inset(ui.P("This draft is complete. It opens nothing until it was proposed, and approved by an information governance lead of another organisation."))
	}
	edit := agreementPath(p.ID, p.Version) + "/edit#"
	return ui.WarningCard(2, "This draft is not complete", ui.P("Before it can be proposed:"),
		ui.Bullets(ui.Map(p.Problems, func(x sharing.Problem) ui.Node { return ui.Link(edit+agreementField(x.Field), x.Text) })...))
}

func suspendedNow(p hub.AgreementPage) ui.Node {
	var last sharing.Change
	for _, c := range p.Changes {
		if c.Did == "suspended" {
			last = c
		}
	}
	card := ui.Nodes{ui.P(fmt.Sprintf("%s suspended it at %s: “%s”.", last.Who, ui.DateTime(last.At), last.Why)), ui.P("It opens nothing. Staff read “Access is paused”.")}
	if asked, ok := p.Asked(); ok {
		card = append(card, ui.P(fmt.Sprintf("%s asked at %s that it runs again: “%s”. An information governance lead of another organisation resumes it; any other lead can turn that down.", asked.Who, ui.DateTime(asked.At), asked.Why)))
	}
	return ui.WarningCard(2, "This agreement is suspended", card)
}

// agreementActions are what the reader can do, the usual thing first.
func agreementActions(p hub.AgreementPage) ui.Node {
	path := agreementPath(p.ID, p.Version)
	var out []ui.Node
	if p.Status == sharing.Draft {
		out = append(out, ui.Button{Text: "Change the draft", Kind: ui.Secondary, Href: path + "/edit"})
	}
	for _, w := range agreementSteps {
		if p.May(w.step) {
			kind := ui.Secondary
			if w.first {
				kind = ui.Primary
			}
			out = append(out, ui.Button{Text: w.button, Kind: kind, Href: path + "/" + string(w.step)})
		}
	}
	if newest := p.Versions[0]; newest.Status != sharing.Draft && newest.Status != sharing.Proposed {
		out = append(out, ui.PostForm("/agreements/"+p.ID+"/revise", ui.Button{Text: "Begin a new version", Kind: ui.Secondary}))
	}
	out = append(out, ui.Link(path+"/file", "Export as a file"))
	return ui.ButtonGroup(out...)
}

func agreementTerms(a sharing.Agreement) ui.Node {
	rows := []ui.Row{
		{Key: "Between", Value: ui.List(ui.Map(a.Parties, func(p sharing.Party) ui.Node { return ui.Text(p.Name + " (" + string(p.ODS) + ")") })...)},
		{Key: "Purpose", Value: paragraphs(a.Purpose)}, {Key: "Legal basis", Value: paragraphs(a.Basis)},
		{Key: "From and to", Value: fromTo(a)},
		{Key: "Data protection impact assessment", Value: ui.Or(a.DPIA, "Not entered")},
		{Key: "Owner", Value: ui.Or(a.Owner, "Not entered")}, {Key: "How to reach the owner", Value: ui.Or(a.Contact, "Not entered")}}
	signed := ui.Node(ui.Missing("Nobody yet"))
	if len(a.Signatories) > 0 {
		signed = ui.List(ui.Map(a.Signatories, func(x sharing.Signatory) ui.Node {
			return ui.Text(joined(", ", x.Name, x.Role, "for "+partyName(a, x.ODS), ui.Day(x.On)))
		})...)
	}
	return ui.SummaryList(append(rows, ui.Row{Key: "Signed", Value: signed})...)
}

func paragraphs(text string) ui.Node {
	if strings.TrimSpace(text) == "" {
		return ui.Missing("Not entered")
	}
	return ui.Lines(text)
}

// sharedTable is a row for each section and a column for each direction, as words.
func sharedTable(a sharing.Agreement, before *sharing.Agreement) ui.Node {
	t := ui.Table{Caption: "What is shared, by direction", Columns: []ui.Column{{Label: "Section"}},
		Empty: ui.Empty("Nothing is shared", ui.P("The agreement names no section in any direction."))}
	for _, f := range a.Flows {
		t.Columns = append(t.Columns, ui.Column{Label: partyName(a, f.From) + " to " + partyName(a, f.To)})
	}
	if len(a.Flows) == 0 {
		return t
	}
	for _, section := range sharing.Sections() {
		cells := []ui.Node{ui.Text(section.Title())}
		for _, f := range a.Flows {
			was := before != nil && slices.ContainsFunc(before.Flows, func(b sharing.Flow) bool {
				return b.From == f.From && b.To == f.To && slices.Contains(b.Sections, section)
			})
			cells = append(cells, yesNo(slices.Contains(f.Sections, section), was, before != nil))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: cells})
	}
	return ui.Scroll("Table of what is shared", t)
}

// yesNo is an answer in a word, with what it was in the version before.
func yesNo(is, was, compared bool) ui.Node {
	word := ui.Node(ui.Text("No"))
	if is {
		word = ui.Strong("Yes")
	}
	switch {
	case !compared || is == was:
		return word
	case is:
		return ui.Nodes{word, ui.Sub("New: was No")}
	}
	return ui.Nodes{word, ui.Sub("Changed: was Yes")}
}

var enforcedWords = ui.P("This is made by asking the rules what this agreement opens, so it cannot differ from what they do. The example is an adult who is in the hospital and supported by the council, not restricted, " +
	"and a reader who has given a reason. A section that the agreement names is still not shown to a role that no rule gives it to.")

func enforcedTables(p hub.AgreementPage) ui.Node {
	if len(p.Enforced) == 0 {
		return ui.P("Nothing: the agreement names nothing.")
	}
	return ui.Map(p.Enforced, func(e hub.Enforced) ui.Node {
		title := "What " + e.To.Name + " sees of what " + e.From.Name + " holds"
		if e.Elsewhere {
			return ui.Nodes{ui.H3(title), ui.P("Nothing here: " + e.To.Name + " is not set up at this site, so none of its staff reads here.")}
		}
		t := ui.Table{Caption: title, ShowTitle: true, Columns: []ui.Column{{Label: "Section"}}}
		for _, r := range e.Roles {
			t.Columns = append(t.Columns, ui.Column{Label: upper(r.Title())})
		}
		for _, row := range e.Rows {
			cells := []ui.Node{ui.Text(row.Section.Title())}
			for i := range e.Roles {
				cells = append(cells, yesNo(row.May[i], row.MayThen[i], p.Before != nil))
			}
			t.Rows = append(t.Rows, ui.TableRow{Cells: cells})
		}
		return ui.Scroll(title, t)
	})
}

func agreementDiff(p hub.AgreementPage) ui.Node {
	if p.Before == nil {
		return nil
	}
	return ui.Section("changes", fmt.Sprintf("What changes from version %d", p.Before.Version), diffTable(p.Diff, "Before", "Now"))
}

func diffTable(ds []sharing.Difference, before, after string) ui.Node {
	t := ui.Table{Caption: "Differences", Spacious: true, Columns: []ui.Column{{Label: "What"}, {Label: before}, {Label: after}},
		Empty: ui.P("Nothing.")}
	for _, d := range ds {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(d.What), ui.Or(d.Before, "Not entered"), ui.Or(d.After, "Not entered")}})
	}
	return t
}

func agreementHistory(a sharing.Agreement) ui.Node {
	var events []ui.Event
	for _, c := range slices.Backward(a.Changes) {
		e := ui.Event{Title: upper(c.Did), At: c.At, Who: c.Who}
		if c.Why != "" {
			e.Body = ui.P("“" + c.Why + "”")
		}
		events = append(events, e)
	}
	return ui.Timeline(3, events...)
}

func agreementVersions(p hub.AgreementPage, today nhs.Date) ui.Node {
	if len(p.Versions) < 2 {
		return nil
	}
	t := ui.Table{Caption: "Versions, newest first", Columns: []ui.Column{{Label: "Version"}, {Label: "From and to"}, {Label: "Status"}}}
	for _, a := range p.Versions {
		name := fmt.Sprintf("Version %d", a.Version)
		cell := ui.Link(agreementPath(a.ID, a.Version), name)
		if a.Version == p.Version {
			cell = ui.Text(name + " (this page)")
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{cell, fromTo(a.Agreement), agreementTag(a, today)}})
	}
	return ui.Section("versions", "Versions", t)
}

// An agreementStep is how a step is offered, checked and confirmed.
type agreementStep struct {
	step   hub.AgreementStep
	button string
	title  string
	does   []string
	done   string
	first  bool // what the page is for
	grave  bool // it changes who may see people: prove again who you are
	warn   bool
}

// agreementSteps are the steps in the order in which a page offers them.
var agreementSteps = []agreementStep{
	{step: hub.ProposeAgreement, button: "Propose", title: "Propose this agreement", first: true, done: "Proposed. An information governance lead of another organisation can approve it now.",
		does: []string{"It can no longer be changed, unless it is sent back.", "An information governance lead of another organisation can approve it.", "It opens nothing until then."}},
	{step: hub.ApproveAgreement, button: "Approve", title: "Approve this agreement", first: true, grave: true, done: "Approved.",
		does: []string{"From its first day to its last, staff see what is below of each other’s records.", "A version that it replaces ends when this one begins.", "Your name stands with it as who approved it."}},
	{step: hub.ResumeAgreement, button: "Resume", title: "Let this agreement run again", first: true, grave: true, done: "The agreement runs again.",
		does: []string{"Staff see again what is below, at once.", "Your name stands with it as who resumed it."}},
	{step: hub.AskToResume, button: "Ask to resume", title: "Ask that this agreement runs again", done: "Asked. An information governance lead of another organisation can resume it now.",
		does: []string{"It stays suspended until an information governance lead of another organisation resumes it.", "Your reason stands on its page."}},
	{step: hub.SendBackAgreement, button: "Send back", title: "Send this back", done: "Sent back.",
		does: []string{"A proposal becomes a draft again, and can be changed. A request to resume is turned down.", "Your reason stands on its page."}},
	{step: hub.SuspendAgreement, button: "Suspend", title: "Suspend this agreement at once", grave: true, warn: true, done: "Suspended. Access has stopped.",
		does: []string{"Access stops at once: what is below is not shown any more.", "Staff read “Access is paused”, since when, and whom to ring. Lists say whose people are not shown.",
			"People who wait to leave hospital can be hidden from those who work on it: tell the teams by telephone.", "To resume takes two: one asks, another resumes."}},
	{step: hub.WithdrawAgreement, button: "Withdraw", title: "Withdraw this version", grave: true, warn: true, done: "Withdrawn.",
		does: []string{"A draft or proposal is given up. An agreement in force ends at once, and what is below is not shown any more.", "It cannot be undone. A new version can be begun."}},
}

func (s *Server) askAgreementStep(v *visit, w agreementStep, errs []ui.FieldError) (response, error) {
	p, err := s.Hub.Agreement(v.ctx(), v.by, v.agreementRef())
	if err != nil {
		return nil, err
	}
	if why := p.WhyNot[w.step]; why != "" {
		return nil, &care.Error{Kind: care.BusinessRule, Text: why}
	}
	seen := strconv.Itoa(len(p.Changes))
	if len(errs) > 0 { // what was seen is what stood there when the form was first shown
		seen = v.form("seen")
	}
	path := agreementPath(p.ID, p.Version)
	body := []ui.Node{ui.Hidden("seen", seen)}
	if w.step.Reasoned() {
		body = append(body, ui.Textarea{ID: "why", Label: "Why?", Hint: "This is kept with the agreement, with your name. Name no person whose record it is about", Rows: 3, Max: 500,
			Value: v.form("why"), Error: ui.ErrorFor(errs, "why")})
	}
	kind := ui.Primary
	if w.warn {
		kind = ui.Warning
	}
	body = append(body, ui.ButtonGroup(ui.Button{Text: w.button, Kind: kind}, ui.Link(path, "Cancel")))
	page := ui.Page{Title: w.title, Width: ui.PersonPage, Back: &ui.NavItem{Href: path, Text: "The agreement"}, Main: []ui.Node{
		ui.ErrorSummary(errs), ui.H1(w.title),
		ui.Para(ui.Strong(agreementTitle(p.Agreement)), ui.Text(fmt.Sprintf(", version %d, ", p.Version)), fromTo(p.Agreement)),
		ui.H2("What this does"), ui.Bullets(ui.Map(w.does, func(t string) ui.Node { return ui.Text(t) })...),
		agreementDiff(p),
		ui.Section("enforced", "What is seen by it", enforcedTables(p)),
		ui.TwoThirds(ui.PostForm(path+"/"+string(w.step), body...))}}
	if len(errs) > 0 {
		return refuse(page), nil
	}
	return show(page), nil
}

func (s *Server) takeAgreementStep(v *visit, w agreementStep) (response, error) {
	if len([]rune(v.form("why"))) > 500 {
		return s.askAgreementStep(v, w, wrongs{{ID: "why", Text: "Why must be 500 characters or fewer"}})
	}
	ref := v.seenRef()
	err := s.Hub.TakeAgreementStep(v.ctx(), v.by, ref, w.step, v.form("why"))
	if errs, ok := fieldErrors(err, nil); ok && errs[0].ID == "why" {
		return s.askAgreementStep(v, w, errs)
	}
	if err != nil {
		return nil, err
	}
	return goTo(agreementPath(ref.ID, ref.Version)).saying(w.done), nil
}

func (s *Server) reviseAgreement(v *visit) (response, error) {
	ref, err := s.Hub.ReviseAgreement(v.ctx(), v.by, v.path("id"))
	if err != nil {
		return nil, err
	}
	return goTo(agreementPath(ref.ID, ref.Version) + "/edit").saying("A new version is begun as a draft, with the words of the last one."), nil
}

func (s *Server) exportAgreement(v *visit) (response, error) {
	file, name, err := s.Hub.ExportAgreement(v.ctx(), v.by, v.agreementRef())
	if err != nil {
		return nil, err
	}
	return handedFile{name, "application/toml; charset=utf-8", file}, nil
}

func (s *Server) askImportAgreement(v *visit) (response, error) { return s.agreementImportPage(v, nil) }

func (s *Server) agreementImportPage(v *visit, errs []ui.FieldError) (response, error) {
	if _, err := s.Hub.AgreementWarnings(v.ctx(), v.by); err != nil {
		return nil, err
	}
	page := ui.Page{Title: "Import an agreement", Width: ui.FormPage, Back: agreementsBack(), Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1("Import an agreement from a file"),
		ui.P("The file is one that was exported from Homeward, here or elsewhere, or written in the same form. It becomes a draft: nothing is shared by it until it was proposed and approved here."),
		ui.P("When the agreement is known here, the draft is a new version of it."),
		ui.Form{Action: "/agreements/import", Upload: true, Body: []ui.Node{
			ui.FileInput{ID: "file", Label: "Choose the file", Hint: fmt.Sprintf("A .toml file of at most %d KB", sharing.MaxFile>>10), Accept: ".toml", Error: ui.ErrorFor(errs, "file")},
			ui.ButtonGroup(ui.Submit("Import as a draft"), ui.Link("/agreements", "Cancel"))}})}}
	if len(errs) > 0 {
		return refuse(page), nil
	}
	return show(page), nil
}

func (s *Server) importAgreement(v *visit) (response, error) {
	body, wrong := v.upload("file", sharing.MaxFile)
	if wrong != "" {
		return s.agreementImportPage(v, wrongs{{ID: "file", Text: wrong}})
	}
	ref, bad, err := s.Hub.ImportAgreement(v.ctx(), v.by, body)
	if errs, ok := fieldErrors(err, nil); ok {
		return s.agreementImportPage(v, wrongs{{ID: "file", Text: errs[0].ID + ": " + errs[0].Text}})
	}
	if err != nil {
		return nil, err
	}
	var errs wrongs
	for i, w := range bad {
		if i == 50 {
			errs.add("file", fmt.Sprintf("There are %d more. Mend these first", len(bad)-i))
			break
		}
		errs.add("file", upper(w.String()))
	}
	if len(errs) > 0 {
		return s.agreementImportPage(v, errs)
	}
	return goTo(agreementPath(ref.ID, ref.Version)).saying("Imported as a draft. Nothing is shared by it yet."), nil
}

// upload is a posted file of at most most bytes; wrong says what to mend.
func (v *visit) upload(field string, most int64) (body []byte, wrong string) {
	if err := v.r.ParseMultipartForm(most); err != nil && err != http.ErrNotMultipart {
		return nil, "The file did not arrive whole, or is too large. Choose it again"
	}
	f, head, err := v.r.FormFile(field)
	if err != nil || head.Filename == "" {
		return nil, "Choose a file"
	}
	defer f.Close()
	body, err = io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, "The file could not be read. Choose it again"
	case int64(len(body)) > most:
		return nil, fmt.Sprintf("The file must be %d KB or smaller", most>>10)
	case len(body) == 0:
		return nil, "The file is empty. Choose another"
	}
	return body, ""
}
