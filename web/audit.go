package web

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
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
func auditPath(q hub.AuditQuery) string {
	x := url.Values{}
	for name, value := range map[string]string{"case": string(q.Case), "who": string(q.Actor), "action": q.Action} {
		if value != "" {
			x.Set(name, value)
		}
	}
	if q.Before > 0 {
		x.Set("before", strconv.FormatInt(q.Before, 10))
	}
	if len(x) == 0 {
		return "/audit"
	}
	return "/audit?" + x.Encode()
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
	if q.Case == "" && q.Actor == "" {
		wrong.add("case", "Enter a handle")
	}
	if len(wrong) > 0 {
		p, err := s.auditPage(v, hub.AuditQuery{}, wrong)
		return refuse(p), err
	}
	return goTo(auditPath(q)), nil
}

// audit is who looked at what, who did what, and who was refused.
func (s *Server) audit(v *visit) (response, error) {
	before, _ := strconv.ParseInt(v.query("before"), 10, 64)
	p, err := s.auditPage(v, hub.AuditQuery{Case: care.CaseID(v.query("case")), Actor: care.ActorID(v.query("who")), Action: v.query("action"), Before: before}, nil)
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
		first := q
		first.Before = 0
		newest = &ui.NavItem{Href: auditPath(first), Text: "Newest"}
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
		auditFilter(q), auditChips(q, rows), auditFinder(v, errs),
		auditTable(rows), ui.PrevNext(newest, older),
		ui.PrintMeta(v.now, v.by.Name)}}, nil
}

// auditHealth says whether the records prove themselves.
func auditHealth(h hub.AuditHealth, v *visit) ui.Node {
	switch {
	case h.Checked.IsZero():
		return ui.StatTiles(ui.StatTile{Label: "Records", Value: "Not checked", Note: "They are checked at the start and once a day"})
	case h.Intact:
		note := "Checked " + ui.ClockOn(h.Checked, v.now)
		if h.Size > 0 { // the check of a short log does not count
			note += ", " + figure(h.Size) + " records"
		}
		return ui.StatTiles(ui.StatTile{Label: "Records intact", Value: "Yes", Note: note})
	}
	return ui.WarningCard(2, "The records are not intact",
		ui.P("Checked "+ui.ClockOn(h.Checked, v.now)+". What stands below may have been changed or taken away. Do not rely on it."),
		ui.P("Ring whoever runs Homeward now. Ask that nothing is restarted or restored, and that the database and its backups are kept as they are."),
		ui.Details("What was found", ui.CodeBlock(h.Problem)))
}

// auditActions are what is audited besides the actions of the policies.
var auditActions = map[string]string{
	"openCase": "Open a case", "identityCard": "Read who is who", string(care.SignedIn): "Sign in", string(care.SignInFailed): "Sign in: wrong login or password",
	string(care.SignInLocked): "Sign in: wrong once too often", string(care.SignInRefused): "Sign in: refused", string(care.RoleChosen): "Choose a role",
	string(care.SignedOut): "Log out", string(care.SwitchedUser): "Switch user", string(care.TimedOut): "Logged out by the clock",
}

func auditAction(a string) string {
	if w, ok := auditActions[a]; ok {
		return w
	}
	return upper(strings.ReplaceAll(policy.Action(a).Title(), "-", " "))
}

func auditFilter(q hub.AuditQuery) ui.Node {
	var items []ui.Choice
	for _, a := range policy.Actions() {
		items = append(items, ui.Choice{Value: string(a), Label: auditAction(string(a))})
	}
	for a := range auditActions {
		items = append(items, ui.Choice{Value: a, Label: auditAction(a)})
	}
	slices.SortFunc(items, func(a, b ui.Choice) int { return cmp.Compare(a.Label, b.Label) })
	f := ui.Filter{Action: "/audit", Fields: []ui.Node{
		ui.Select{ID: "action", Label: "What was done", Value: q.Action, Items: append([]ui.Choice{{Value: "", Label: "Everything"}}, items...)}}}
	if q.Case != "" {
		f.Keep = append(f.Keep, [2]string{"case", string(q.Case)})
	}
	if q.Actor != "" {
		f.Keep = append(f.Keep, [2]string{"who", string(q.Actor)})
	}
	return f
}

func auditChips(q hub.AuditQuery, rows []hub.AuditView) ui.Node {
	var chips []ui.Chip
	q.Before = 0
	if q.Case != "" {
		without := q
		without.Case = ""
		chips = append(chips, ui.Chip{Text: "Record " + handle(q.Case), RemoveHref: auditPath(without)})
	}
	if q.Actor != "" {
		without, name := q, string(q.Actor)
		without.Actor = ""
		for _, r := range rows {
			name = cmp.Or(r.Name, name)
		}
		chips = append(chips, ui.Chip{Text: "By " + name, RemoveHref: auditPath(without)})
	}
	if q.Action != "" {
		without := q
		without.Action = ""
		chips = append(chips, ui.Chip{Text: auditAction(q.Action), RemoveHref: auditPath(without)})
	}
	return ui.Chips("/audit", chips...)
}

// auditFinder takes handles. They are posted: people type names into any box,
// and a name must not come into an address.
func auditFinder(v *visit, errs []ui.FieldError) ui.Node {
	box := ui.Details
	if len(errs) > 0 {
		box = ui.OpenDetails
	}
	return box("Find by handle", ui.PostForm("/audit",
		ui.Input{ID: "case", Label: "Record", Hint: "The handle that a case’s address ends with. Not a name or a number of a person", Width: 30, Code: true,
			Value: v.form("case"), Error: ui.ErrorFor(errs, "case")},
		ui.Input{ID: "who", Label: "Member of staff", Hint: "The handle of their account", Width: 30, Code: true, Value: v.form("who"), Error: ui.ErrorFor(errs, "who")},
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
