package web

import (
	"strings"

	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// mappingRoutes are the tables that turn a council's data into Homeward's, and
// Homeward's into others', tried on what somebody types. Nothing of it is kept.
func (s *Server) mappingRoutes() []route {
	return []route{
		{pattern: "GET /ops/mappings", nav: "operations", asks: deciding(policy.Explain), do: s.mappings},
		{pattern: "GET /ops/mappings/{name}", nav: "operations", asks: deciding(policy.Explain), do: s.mapping},
		{pattern: "POST /ops/mappings/{name}", nav: "operations", asks: deciding(policy.Explain), do: s.mapping},
	}
}

func (s *Server) mappings(v *visit) (response, error) {
	list, err := s.Hub.SeeMappings(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Mappings", Columns: []ui.Column{{Label: "Mapping"}, {Label: "Used by"}, {Label: "Tables"}},
		Empty: ui.Empty("There is no mapping", ui.P("Mappings are set up in the configuration file."))}
	for _, m := range list {
		used := ui.Node(ui.Missing("Nothing: an example"))
		if m.Used != "" {
			used = ui.Text(m.Used)
		}
		var names []string
		for _, x := range m.Tables {
			names = append(names, x.Name)
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link("/ops/mappings/"+m.Name, m.Title), used, ui.Text(strings.Join(names, ", "))}})
	}
	return show(ui.Page{Title: "Mappings", Width: ui.WorkPage, Back: &ui.NavItem{Href: "/ops", Text: "Operations"}, Main: []ui.Node{
		ui.WorkHead("Mappings", ""), t, ui.Small("A mapping is a file beside the configuration. It is read when Homeward starts.")}}), nil
}

// mapping shows one, and what it makes of what was typed.
func (s *Server) mapping(v *visit) (response, error) {
	input := v.form("input")
	m, tried, err := s.Hub.TryMapping(v.ctx(), v.by, v.path("name"), input)
	if err != nil {
		return nil, err
	}
	if input == "" {
		input = m.Sample
	}
	main := []ui.Node{ui.WorkHead(m.Title, ""), ui.P(m.About)}
	for _, t := range m.Tables {
		main = append(main, mappingTable(t))
	}
	form := ui.Nodes{ui.H2("Try it"), ui.PostForm("/ops/mappings/"+m.Name,
		ui.Textarea{ID: "input", Label: "Sample input, JSON", Hint: "Invented data only. Nothing that you enter is kept", Value: input, Max: 200_000, Rows: 14},
		ui.ButtonGroup(ui.Button{Text: "Try the mapping"}))}
	main = append(main, ui.Columns(form, mappingResult(tried)))
	return show(ui.Page{Title: m.Title, Width: ui.WorkPage, Back: &ui.NavItem{Href: "/ops/mappings", Text: "Mappings"}, Main: main}), nil
}

func mappingTable(t hub.MappingTable) ui.Node {
	out := ui.Table{Caption: "Table " + t.Name, Columns: []ui.Column{{Label: "Field"}, {Label: "Is"}, {Label: "Codes"}, {Label: "Default"}, {Label: "Required"}}}
	for _, l := range t.Lines {
		needed := "No"
		if l.Required {
			needed = "Yes"
		}
		out.Rows = append(out.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(l.Field), ui.Code(l.Is), ui.Or(l.Codes, "None"), ui.Or(l.Default, "None"), ui.Text(needed)}})
	}
	over := ui.Nodes{}
	for i, e := range t.Each {
		word := "A row for each of "
		if i > 0 {
			word = "and in it each of "
		}
		over = append(over, ui.Text(word), ui.Code(e), ui.Text(" "))
	}
	if t.Where != "" {
		over = append(over, ui.Text("where "), ui.Code(t.Where))
	}
	return ui.Nodes{ui.Para(over), out}
}

// mappingResult is the rows and the problems, beside what was typed.
func mappingResult(tried []hub.MappingTried) ui.Node {
	if tried == nil {
		return ui.Nodes{ui.H2("Result"), ui.P("Try the mapping to see what it makes of the sample.")}
	}
	out := ui.Nodes{ui.H2("Result")}
	for _, r := range tried {
		for _, p := range r.Problems {
			out = append(out, ui.Para(ui.Tag(ui.TagRed, "Problem"), ui.Text(" "+p+".")))
		}
		t := ui.Table{Caption: "Table " + r.Table + ": " + ui.Plural(r.Count, "row", "rows"), Columns: []ui.Column{{Label: "Field"}}}
		for i := range r.Rows {
			t.Columns = append(t.Columns, ui.Column{Label: "Row " + figure(int64(i+1))})
		}
		for i, f := range r.Fields {
			cells := []ui.Node{ui.Text(f)}
			for _, row := range r.Rows {
				cells = append(cells, ui.Or(row[i], "Nothing"))
			}
			t.Rows = append(t.Rows, ui.TableRow{Cells: cells})
		}
		if r.Count > 0 {
			out = append(out, t)
		} else {
			out = append(out, ui.P("Table "+r.Table+": no rows."))
		}
		if r.Count > len(r.Rows) {
			out = append(out, ui.Small("The first "+figure(int64(len(r.Rows)))+" rows are shown."))
		}
	}
	return out
}
