package web

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// auditRoutes is the audit viewer and the sharing rules. ui.md 7.13, 7.14.
func (s *Server) auditRoutes() []route {
	return []route{
		{pattern: "GET /audit", nav: "audit", asks: deciding(policy.SeeAudit), do: s.audit},
		{pattern: "POST /audit", nav: "audit", asks: deciding(policy.SeeAudit), do: s.findAudit},
		{pattern: "GET /audit/rules", nav: "rules", asks: deciding(policy.SeeAudit), do: s.rules},
	}
}

// auditPath is the address of a part of the audit. It holds handles only.
func auditPath(q hub.AuditQuery) string { return "/audit" + auditValues(q) }

// auditValues is a query as the end of an address; "" when it chooses all.
func auditValues(q hub.AuditQuery) string {
	x := url.Values{}
	for name, value := range map[string]string{"case": string(q.Case), "who": string(q.Actor), "org": string(q.Org), "action": q.Action,
		"from": auditTime(q.From), "to": auditTime(q.To)} {
		if value != "" {
			x.Set(name, value)
		}
	}
	if q.Denied {
		x.Set("denied", "yes")
	}
	if q.Before > 0 {
		x.Set("before", strconv.FormatInt(q.Before, 10))
	}
	if len(x) == 0 {
		return ""
	}
	return "?" + x.Encode()
}

func auditTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// auditQuery reads what auditPath wrote. What it did not write counts for
// nothing. from is the address or a form that carries it.
func auditQuery(from func(string) string) hub.AuditQuery {
	q := hub.AuditQuery{Action: from("action"), Denied: from("denied") == "yes"}
	for _, h := range []struct {
		name string
		to   func(string)
	}{
		{"case", func(v string) { q.Case = care.CaseID(v) }}, {"who", func(v string) { q.Actor = care.ActorID(v) }},
	} {
		if v := from(h.name); isHandle(v) {
			h.to(v)
		}
	}
	if ods, err := nhs.ParseODS(from("org")); err == nil {
		q.Org = ods
	}
	q.Before, _ = strconv.ParseInt(from("before"), 10, 64)
	q.From, _ = time.Parse(time.RFC3339, from("from"))
	q.To, _ = time.Parse(time.RFC3339, from("to"))
	return q
}

// isHandle reports whether this can be the opaque name of a case or a member of
// staff. A person's full name cannot, so none comes into an address by mistake.
func isHandle(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') }) < 0
}

// findAudit reads handles that were typed or pasted, and leads to their page.
func (s *Server) findAudit(v *visit) (response, error) {
	q := hub.AuditQuery{Case: care.CaseID(v.form("case")), Actor: care.ActorID(v.form("who"))}
	var wrong wrongs
	if q.Case != "" && (len(q.Case) < 10 || !isHandle(string(q.Case))) {
		wrong.add("case", "Enter the handle of a record, not a name or a number of a person")
	}
	if q.Actor != "" && !isHandle(string(q.Actor)) {
		wrong.add("who", "Enter the handle of a member of staff, not their name")
	}
	var word string
	q.From, word = s.auditMoment(v, "from", "From", false)
	wrong.add("from", word)
	q.To, word = s.auditMoment(v, "to", "To", true)
	wrong.add("to", word)
	switch {
	case q == hub.AuditQuery{} && len(wrong) == 0:
		wrong.add("case", "Enter a handle or a day")
	case !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To):
		wrong.add("to", "To must be after From")
	}
	if len(wrong) > 0 {
		p, err := s.auditPage(v, hub.AuditQuery{}, wrong)
		return refuse(p), err
	}
	return goTo(auditPath(q)), nil
}

// auditMoment reads a day and perhaps a time of day; to is the end of what was
// typed, which does not count itself.
func (s *Server) auditMoment(v *visit, id, name string, to bool) (time.Time, string) {
	day, wrong := v.date(id).parse(name)
	clock := v.form(id + "-time")
	switch {
	case wrong != "":
		return time.Time{}, wrong
	case day.IsZero() && clock != "":
		return time.Time{}, name + ": enter the day too"
	case day.IsZero():
		return time.Time{}, ""
	case clock == "" && to:
		return s.at(day, 24*60), ""
	case clock == "":
		return s.at(day, 0), ""
	}
	minutes, ok := parseClock(clock)
	if !ok {
		return time.Time{}, name + ": time must be like 14:30"
	}
	return s.at(day, minutes), ""
}

// audit is who looked at what, who did what, and who was refused.
func (s *Server) audit(v *visit) (response, error) {
	p, err := s.auditPage(v, auditQuery(v.query), nil)
	return show(p), err
}

func (s *Server) auditPage(v *visit, q hub.AuditQuery, errs []ui.FieldError) (ui.Page, error) {
	rows, err := s.Hub.Audits(v.ctx(), v.by, q)
	if err != nil {
		return ui.Page{}, err
	}
	state, err := s.Hub.AuditState(v.ctx(), v.by)
	if err != nil {
		return ui.Page{}, err
	}
	var newest, older *ui.NavItem
	if q.Before > 0 {
		newest = &ui.NavItem{Href: auditPath(first(q)), Text: "Newest"}
	}
	if len(rows) >= pageOf && rows[len(rows)-1].N > 0 {
		next := q
		next.Before = rows[len(rows)-1].N
		older = &ui.NavItem{Href: auditPath(next), Text: "Older"}
	}
	return ui.Page{Title: "Audit", Width: ui.WorkPage, Main: []ui.Node{
		ui.ErrorSummary(errs),
		ui.WorkHead("Audit", "Newest first. You’re being recorded too."),
		auditHealth(state, v),
		s.auditFilter(q), s.auditChips(q, rows), auditFinder(v, errs),
		ui.Para(ui.Link("/audit/export"+auditValues(first(q)), "Export what is listed"), ui.Text(", or see "), ui.Link("/audit/records", "what proves the records"), ui.Text(".")),
		auditTable(rows), ui.PrevNext(newest, older),
		ui.PrintMeta(v.now, v.by.Name)}}, nil
}

// first is a query without its page.
func first(q hub.AuditQuery) hub.AuditQuery { q.Before = 0; return q }

// auditHealth says whether the records prove themselves.
func auditHealth(h hub.AuditHealth, v *visit) ui.Node {
	switch {
	case h.Checked.IsZero():
		return ui.StatTiles(ui.StatTile{Label: "Records", Value: "Not checked", Note: "They are checked at the start and every night at 02:00"})
	case h.Intact:
		note := "Checked " + ui.ClockOn(h.Checked, v.now)
		if h.Size > 0 { // the check of a short log does not count
			note += ", " + figure(h.Size) + " records"
		}
		if !h.Signed.IsZero() {
			note += ", signed checkpoint " + ui.ClockOn(h.Signed, v.now)
		}
		return ui.StatTiles(ui.StatTile{Label: "Records intact", Value: "Yes", Note: note})
	}
	return ui.EmergencyCard(2, "The records are not intact",
		ui.P("Checked "+ui.ClockOn(h.Checked, v.now)+". What stands below may have been changed or taken away. Do not rely on it."),
		ui.P("Ring whoever runs Homeward now. Ask that nothing is restarted or restored, and that the database and its backups are kept as they are."),
		ui.H3("What was found"), ui.CodeBlock(h.Problem))
}

// auditActions are what is audited besides the actions of the policies.
var auditActions = map[string]string{
	"openCase": "Open a case", "identityCard": "Read who is who", "seeClock": "Read who had it while a person waited", string(care.SignedIn): "Sign in", string(care.SignInFailed): "Sign in: wrong login or password",
	string(care.SignInLocked): "Sign in: wrong once too often", string(care.SignInRefused): "Sign in: refused", string(care.RoleChosen): "Choose a role",
	string(care.SignedOut): "Log out", string(care.SwitchedUser): "Switch user", string(care.TimedOut): "Logged out by the clock",
}

func auditAction(a string) string {
	if w, ok := auditActions[a]; ok {
		return w
	}
	return upper(strings.ReplaceAll(policy.Action(a).Title(), "-", " "))
}

func (s *Server) auditFilter(q hub.AuditQuery) ui.Node {
	var items []ui.Choice
	for _, a := range policy.Actions() {
		items = append(items, ui.Choice{Value: string(a), Label: auditAction(string(a))})
	}
	for a := range auditActions {
		items = append(items, ui.Choice{Value: a, Label: auditAction(a)})
	}
	slices.SortFunc(items, func(a, b ui.Choice) int { return cmp.Compare(a.Label, b.Label) })
	orgs := []ui.Choice{{Value: "", Label: "All organisations"}}
	for _, o := range s.Hub.Orgs {
		orgs = append(orgs, ui.Choice{Value: string(o.ODS), Label: o.Name})
	}
	denied := ""
	if q.Denied {
		denied = "yes"
	}
	f := ui.Filter{Action: "/audit", Fields: []ui.Node{
		ui.Select{ID: "action", Label: "What was done", Value: q.Action, Items: append([]ui.Choice{{Value: "", Label: "Everything"}}, items...)},
		ui.Select{ID: "org", Label: "By staff of", Value: string(q.Org), Items: orgs},
		ui.Select{ID: "denied", Label: "Decision", Value: denied, Items: []ui.Choice{{Value: "", Label: "Allowed and denied"}, {Value: "yes", Label: "Denied only"}}}}}
	for name, value := range map[string]string{"case": string(q.Case), "who": string(q.Actor), "from": auditTime(q.From), "to": auditTime(q.To)} {
		if value != "" {
			f.Keep = append(f.Keep, [2]string{name, value})
		}
	}
	slices.SortFunc(f.Keep, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	return f
}

func (s *Server) auditChips(q hub.AuditQuery, rows []hub.AuditView) ui.Node {
	var chips []ui.Chip
	chip := func(yes bool, text string, drop func(*hub.AuditQuery)) {
		if yes {
			without := first(q)
			drop(&without)
			chips = append(chips, ui.Chip{Text: text, RemoveHref: auditPath(without)})
		}
	}
	name := string(q.Actor)
	for _, r := range rows {
		if r.Actor == q.Actor {
			name = cmp.Or(r.Name, name)
		}
	}
	moment := func(t time.Time) string { return ui.DateTime(t.In(s.Zone)) }
	chip(q.Case != "", "Record "+handle(q.Case), func(q *hub.AuditQuery) { q.Case = "" })
	chip(q.Actor != "", "By "+name, func(q *hub.AuditQuery) { q.Actor = "" })
	chip(q.Org != "", "Staff of "+s.Hub.Org(q.Org).Name, func(q *hub.AuditQuery) { q.Org = "" })
	chip(q.Action != "", auditAction(q.Action), func(q *hub.AuditQuery) { q.Action = "" })
	chip(q.Denied, "Denied only", func(q *hub.AuditQuery) { q.Denied = false })
	chip(!q.From.IsZero(), "From "+moment(q.From), func(q *hub.AuditQuery) { q.From = time.Time{} })
	chip(!q.To.IsZero(), "Before "+moment(q.To), func(q *hub.AuditQuery) { q.To = time.Time{} })
	return ui.Chips("/audit", chips...)
}

// auditFinder takes handles. They are posted: people type names into any box,
// and a name must not come into an address.
func auditFinder(v *visit, errs []ui.FieldError) ui.Node {
	box := ui.Details
	if len(errs) > 0 {
		box = ui.OpenDetails
	}
	day := func(id, legend, hint string) ui.Node {
		d := v.date(id)
		return ui.Nodes{ui.DateInput{ID: id, Legend: legend, Hint: hint, Day: d.Day, Month: d.Month, Year: d.Year, Error: ui.ErrorFor(errs, id)},
			ui.Input{ID: id + "-time", Label: legend + ": time", Hint: "Optional, like 14:30", Width: 5, Value: v.form(id + "-time")}}
	}
	return box("Find by handle or time", ui.PostForm("/audit",
		ui.Input{ID: "case", Label: "Record", Hint: "The handle that a case’s address ends with. Not a name or a number of a person", Width: 30, Code: true,
			Value: v.form("case"), Error: ui.ErrorFor(errs, "case")},
		ui.Input{ID: "who", Label: "Member of staff", Hint: "The handle of their account", Width: 30, Code: true, Value: v.form("who"), Error: ui.ErrorFor(errs, "who")},
		day("from", "From", "For example, 22 11 2026"), day("to", "To", "That day counts, unless you enter a time"),
		ui.Button{Text: "Find", Kind: ui.Secondary}))
}

func auditTable(rows []hub.AuditView) ui.Node {
	t := ui.Table{Caption: "Who looked at what", Columns: []ui.Column{{Label: "When"}, {Label: "Who"}, {Label: "What"}, {Label: "Record"}, {Label: "Purpose and reason"},
		{Label: "Decision"}, {Label: "Shown"}, {Label: "From"}},
		Empty: ui.Empty("Nothing is recorded here", ui.Para(ui.Text("Nothing matches the filters. "), ui.Link("/audit", "Show everything")))}
	for _, r := range rows {
		t.Rows = append(t.Rows, ui.TableRow{Cells: auditCells(r)})
	}
	return t
}

func auditCells(r hub.AuditView) []ui.Node {
	who := ui.Nodes{ui.LinkAbout(auditPath(hub.AuditQuery{Actor: r.Actor}), cmp.Or(r.Name, string(r.Actor), ui.NotKnown), "everything they did")}
	if r.Actor == "" {
		who = ui.Nodes{ui.Missing("Nobody signed in")}
	}
	if role := r.Role.Say(); role != "" || r.OrgName != "" {
		who = append(who, ui.Sub(joined(", ", role, r.OrgName)))
	}
	var record ui.Node = ui.Missing("Not applicable")
	if r.Case != "" {
		record = ui.LinkAbout(auditPath(hub.AuditQuery{Case: r.Case}), handle(r.Case), "everything done with this record")
	}
	if r.Erased {
		return []ui.Node{ui.TimeAt(r.At), who, ui.Text(auditAction(r.Action)), record, ui.Missing("Erased when its time was over"), decision(r.Allowed), nil, nil}
	}
	what := ui.Nodes{ui.Text(auditAction(r.Action))}
	if r.Outcome != "" && r.Outcome != "denied" {
		what = append(what, ui.Sub(upper(r.Outcome)))
	}
	return []ui.Node{ui.TimeAt(r.At), who, what, record, whyCell(r), ui.Nodes{decision(r.Allowed), policyNames(r.Policies)}, shownCell(r), ui.Or(r.Address, ui.NotKnown)}
}

func decision(allowed bool) ui.Node {
	if allowed {
		return ui.Tag(ui.TagGreen, "Allowed")
	}
	return ui.Tag(ui.TagRed, "Denied")
}

// joined sets the parts that there are one after another.
func joined(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), by)
}

func policyNames(ids []string) ui.Node {
	if len(ids) == 0 {
		return nil
	}
	return ui.Sub("By " + strings.Join(ids, ", "))
}

var purposes = map[string]string{
	string(policy.DirectCare): "Direct care", string(policy.DischargePlanning): "Discharge planning", string(policy.OtherPurpose): "Another purpose",
	string(policy.Operations): "Running the service", string(policy.Governance): "Governance", "emergency": "Emergency",
}

var relationships = map[string]string{
	string(policy.Stay): "in their hospital", string(policy.Referral): "referred", string(policy.Involvement): "supported by their council",
	string(policy.Declared): "they declared an interest", "emergency": "they broke the glass",
}

// whyCell is what for, in whose words, and what ties them to the person.
func whyCell(r hub.AuditView) ui.Node {
	purpose := cmp.Or(purposes[r.Purpose], r.Purpose)
	if tie := relationships[r.Relationship]; tie != "" && r.Case != "" {
		purpose = joined(": ", purpose, tie)
	}
	none := "Not given"
	if r.Case == "" {
		none = "Not applicable"
	}
	out := ui.Nodes{ui.Or(upper(purpose), none)}
	if r.Reason != "" {
		out = append(out, ui.Sub("“"+r.Reason+"”"))
	}
	return out
}

// shownCell is what was decided to be shown, in words.
func shownCell(r hub.AuditView) ui.Node {
	var words []string
	for _, section := range r.Sections {
		name, audience, _ := strings.Cut(section, ":")
		if name == r.Action {
			continue
		}
		word := strings.TrimPrefix(policy.Action(name).Title(), "see ")
		if audience != "" {
			word += " (" + audience + ")"
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return ui.Or(upper(strings.Join(words, ", ")), "Nothing of a person")
}
