package web

import (
	"slices"
	"strings"

	"homeward/hub"
	"homeward/policy"
	"homeward/sharing"
	"homeward/web/ui"
)

// rules is what the software enforces, made from the rules themselves. ui.md 7.14.
func (s *Server) rules(v *visit) (response, error) {
	r, err := s.Hub.Rules(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	return show(ui.Page{Title: "Sharing rules", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Sharing rules", "Version "+r.Version),
		ui.P("This is what the software enforces. It is made from the rules themselves, so it cannot differ from them. Nothing is allowed unless a rule permits it, and a rule that forbids always wins."),
		ui.Para(ui.Text("This site has run them since "), ui.TimeAt(r.Since), ui.Text(". Which organisations share what with which is not in them: "),
			ui.Link("/agreements", "see the sharing agreements"), ui.Text(".")),
		rulesBefore(r.Before),
		ui.Section("sections", "Who may see what",
			ui.P("For one example: an adult in hospital there, referred to the council and supported by it, not restricted, a reader who has given a reason, and organisations that share everything with each other."),
			ui.Scroll("Table of roles and sections", rulesSections(r))),
		ui.Section("matrix", "Who may do what", ui.P("For the same example."),
			ui.Scroll("Table of roles and actions", rulesMatrix(r))),
		ui.Section("rules", ui.Plural(len(r.Rules), "rule", "rules"), rulesTable(r.Rules)),
		ui.PrintMeta(v.now, v.by.Name)}}), nil
}

// rulesBefore is what is different from the rules that ran before.
func rulesBefore(b *hub.RulesBefore) ui.Node {
	if b == nil {
		return ui.P("This site has run no other version.")
	}
	t := ui.Table{Caption: "Rules that differ", Spacious: true, Columns: []ui.Column{{Label: "Rule"}, {Label: "It is"}, {Label: "Before"}, {Label: "Now"}},
		Empty: ui.P("No rule differs.")}
	for _, c := range b.Changes {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(c.ID), ui.Text(c.What), ui.Or(c.Before, "Not there"), ui.Or(c.Now, "Not there")}})
	}
	return ui.Section("before", "What is different from the version before, "+b.Version, t)
}

// rulesRow is the answers of all roles about one action, with what they were.
func rulesRow(r hub.RulesView, i int, name string) ui.TableRow {
	cells := []ui.Node{ui.Text(name)}
	for _, role := range r.Matrix {
		c := role[i]
		was := r.Before != nil && r.Before.Allowed(c.Role, c.Action)
		cells = append(cells, yesNo(c.Allow, was, r.Before != nil))
	}
	return ui.TableRow{Cells: cells}
}

func rulesColumns(r hub.RulesView, first string) []ui.Column {
	out := []ui.Column{{Label: first}}
	for _, role := range r.Matrix {
		out = append(out, ui.Column{Label: upper(role[0].Role.Title())})
	}
	return out
}

// rulesSections is a row for each section of a record and a column for each role.
func rulesSections(r hub.RulesView) ui.Node {
	t := ui.Table{Caption: "Who may see what, for the example", Columns: rulesColumns(r, "Section"), Empty: ui.Empty("There are no rules")}
	for n, section := range sharing.Sections() {
		i := slices.IndexFunc(r.Matrix[0], func(c policy.Cell) bool { return c.Action == r.Sections[n] })
		t.Rows = append(t.Rows, rulesRow(r, i, section.Title()))
	}
	return t
}

// rulesMatrix is a row for each other action and a column for each role.
func rulesMatrix(r hub.RulesView) ui.Node {
	t := ui.Table{Caption: "Who may do what, for the example", Columns: rulesColumns(r, "May they"), Empty: ui.Empty("There are no rules")}
	for i, cell := range r.Matrix[0] {
		if !slices.Contains(r.Sections, cell.Action) {
			t.Rows = append(t.Rows, rulesRow(r, i, cell.Action.Title()))
		}
	}
	return t
}

func rulesTable(rules []policy.Rule) ui.Node {
	var text []string
	t := ui.Table{Caption: "The rules", Spacious: true, Columns: []ui.Column{{Label: "Rule"}, {Label: "It"}, {Label: "In words"}, {Label: "Ground"}}, Empty: ui.Empty("There are no rules")}
	for _, r := range rules {
		kind := ui.Tag(ui.TagOrange, "Forbids")
		if r.Permits {
			kind = ui.Tag(ui.TagGreen, "Permits")
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(r.ID), kind, ui.Text(r.Says), ui.Or(r.Basis, "None given")}})
		text = append(text, strings.TrimSpace(r.Cedar))
	}
	return ui.Nodes{t, ui.Expander("The rules as they are evaluated", ui.CodeBlock(strings.Join(text, "\n\n")))}
}
