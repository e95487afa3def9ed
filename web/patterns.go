package web

import (
	"cmp"
	"net/url"
	"strconv"

	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// patternRoutes is patterns of looking at records, for the information
// governance lead. ui.md 7.13.
func (s *Server) patternRoutes() []route {
	return []route{
		{pattern: "GET /audit/patterns", nav: "patterns", asks: deciding(policy.SeeAudit), do: s.patterns},
		{pattern: "GET /audit/patterns/{kind}", nav: "patterns", asks: deciding(policy.SeeAudit), do: s.pattern},
	}
}

func patternPath(k hub.PatternKind, days, page int) string {
	path := "/audit/patterns"
	if k != "" {
		path += "/" + string(k)
	}
	x := url.Values{}
	if days != 7 {
		x.Set("days", strconv.Itoa(days))
	}
	if page > 1 {
		x.Set("page", strconv.Itoa(page))
	}
	if len(x) > 0 {
		path += "?" + x.Encode()
	}
	return path
}

// patternTabs chooses how far back to look.
func patternTabs(v hub.PatternView) ui.Node {
	return ui.Tabs("How far back", ui.NavItem{Href: patternPath(v.Kind, 7, 1), Text: "Last 7 days", Current: v.Days == 7},
		ui.NavItem{Href: patternPath(v.Kind, 30, 1), Text: "Last 30 days", Current: v.Days == 30})
}

// patternBounds says what was looked through, and what was not.
func patternBounds(v hub.PatternView) ui.Node {
	whose := "of all staff"
	if v.OrgName != "" {
		whose = "of the staff of " + v.OrgName
	}
	words := "Looked through " + ui.Plural(v.Read, "record", "records") + " of the audit since " + ui.DateTime(v.From) + ", " + whose + "."
	if v.Bounded {
		words = "Looked through the newest " + figure(int64(v.Read)) + " records of the audit, " + whose + ". There are older ones in this time, which are not counted here."
	}
	if v.Unnamed > 0 {
		words += " The names of " + ui.Plural(v.Unnamed, "person", "people") + " looked at earlier were not compared."
	}
	return ui.Small(words)
}

func (s *Server) patterns(v *visit) (response, error) {
	days, _ := strconv.Atoi(v.query("days"))
	p, err := s.Hub.Pattern(v.ctx(), v.by, "", days, 1)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Patterns", Stay: true, Columns: []ui.Column{{Label: "Pattern"}, {Label: "Found", Numeric: true}}}
	for _, k := range hub.PatternKinds() {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link(patternPath(k, p.Days, 1), k.Say()), ui.Text(strconv.Itoa(p.Counts[k]))}})
	}
	return show(ui.Page{Title: "Patterns", Width: ui.PersonPage, Main: []ui.Node{
		ui.WorkHead("Patterns", "Ways of looking at records that may be worth a question. None of them is proof.", patternTabs(p)),
		t, patternBounds(p), ui.Small("You’re being recorded too.")}}), nil
}

func (s *Server) pattern(v *visit) (response, error) {
	days, _ := strconv.Atoi(v.query("days"))
	n, _ := strconv.Atoi(v.query("page"))
	p, err := s.Hub.Pattern(v.ctx(), v.by, hub.PatternKind(v.path("kind")), days, n)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: p.Kind.Say(), Columns: []ui.Column{{Label: "Who"}, {Label: "Record or day"}, {Label: "What"}, {Label: "First"}, {Label: "Last"}},
		Empty: ui.Empty("Nothing fits this pattern", ui.P("Nothing that was looked through fits it."))}
	for _, r := range p.Rows {
		t.Rows = append(t.Rows, ui.TableRow{Cells: patternCells(r)})
	}
	return show(ui.Page{Title: p.Kind.Say(), Width: ui.WorkPage, Back: &ui.NavItem{Href: patternPath("", p.Days, 1), Text: "Patterns"}, Main: []ui.Node{
		ui.WorkHead(p.Kind.Say(), ui.Plural(p.Total, "found", "found"), patternTabs(p)),
		ui.P(p.Rule), ui.P("This is not proof of anything. Ask first."),
		t, ui.Pagination{Page: p.Page, Pages: p.Pages, Href: func(n int) string { return patternPath(p.Kind, p.Days, n) }},
		patternBounds(p), ui.Small("You’re being recorded too."), ui.PrintMeta(v.now, v.by.Name)}}), nil
}

func patternCells(r hub.PatternRow) []ui.Node {
	q := hub.AuditQuery{Actor: r.Actor, Case: r.Case}
	who := ui.Nodes{ui.LinkAbout(auditPath(q), cmp.Or(r.Name, string(r.Actor)), "what they did there"), ui.Sub(joined(", ", r.Role.Say(), r.OrgName))}
	about := ui.Node(ui.Text(ui.Day(r.Day)))
	if r.Case != "" {
		about = ui.LinkAbout(auditPath(hub.AuditQuery{Case: r.Case}), handle(r.Case), "everything done with this record")
	}
	return []ui.Node{who, about, ui.Text(r.Words), ui.TimeAt(r.First), ui.TimeAt(r.Last)}
}
