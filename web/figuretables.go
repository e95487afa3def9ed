package web

import (
	"strconv"

	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// figureTableRoutes are the files of the pages that show several measures at once. Small
// numbers are left out of them.
func (s *Server) figureTableRoutes() []route {
	away := deciding(policy.ExportFigures)
	return []route{
		{pattern: "GET /figures/census/file", asks: away, do: s.censusFile},
		{pattern: "GET /figures/pathways/file", asks: away, do: s.pathwaysFile},
		{pattern: "GET /figures/flow/file", asks: away, do: s.flowFile},
	}
}

// tableDoor leads to the file of such a page, where its reader may take it away.
func (s *Server) tableDoor(v *visit, f figureFilter, page string) ui.Node {
	if !s.Hub.MayFigures(v.by, policy.ExportFigures) {
		return nil
	}
	return ui.Para(ui.Link(f.path(page+"/file"), "Download as CSV"))
}

// tableFile is a file of figures; each line says where and as known when it is.
func (s *Server) tableFile(v *visit, f figureFilter, name string, head []string, rows [][]string) csvFile {
	file := csvFile{name: name + "-" + v.now.In(s.Zone).Format("2006-01-02-1504") + ".csv", rows: [][]string{append(head, "From", "Until", "Where", "As known at")}}
	for _, r := range rows {
		file.rows = append(file.rows, append(r, f.from.String(), f.to.String(), f.place(), ui.DateTime(v.now)))
	}
	return file
}

// cell is a figure in a file: "" where there is nothing to count.
func cell(f measure.Figure) string {
	switch {
	case f.Few:
		return fewer
	case !f.Known:
		return ""
	}
	return strconv.FormatFloat(f.Value, 'f', -1, 64)
}

func (s *Server) censusFile(v *visit) (response, error) {
	f, err := s.censusFilters(v)
	if err != nil {
		return nil, err
	}
	head := []string{"Day"}
	var qs []hub.FigureQuery
	for _, l := range censusLines {
		qs, head = append(qs, f.query(s, l.id)), append(head, l.name)
	}
	views, err := s.Hub.FiguresAway(v.ctx(), v.by, qs...)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for i, st := range views[0].Steps {
		if views[0].Whole.Before(st.Start) { // its midnight is to come
			continue
		}
		row := []string{st.Start.String()}
		for _, x := range views {
			row = append(row, cell(x.Steps[i].Figure))
		}
		rows = append(rows, row)
	}
	return s.tableFile(v, f, "census", head, rows), nil
}

// leftOn are the measures of the pathways that people left on.
var leftOn = []measure.ID{"pathway-0", "pathway-1", "pathway-2", "pathway-3", "pathway-unknown"}

func (s *Server) pathwaysFile(v *visit) (response, error) {
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, err
	}
	f.known = nhs.Date{}
	delete(f.where, measure.ByPathway)
	var qs []hub.FigureQuery
	for _, id := range leftOn {
		q := f.query(s, id)
		q.Every, q.By = "", measure.ByHospital
		qs = append(qs, q)
	}
	views, err := s.Hub.FiguresAway(v.ctx(), v.by, qs...)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, x := range views {
		for _, g := range x.Groups {
			rows = append(rows, []string{g.Name, x.Def.Title, cell(g.Figure), counted(g.Figure), x.Def.Method})
		}
	}
	return s.tableFile(v, f, "pathways", []string{"Hospital", "Measure", "Percent", "Counted", "Definition"}, rows), nil
}

func (s *Server) flowFile(v *visit) (response, error) {
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, err
	}
	f.known = nhs.Date{}
	q := f.query(s, "flow")
	q.Every, q.By = "", measure.ByStage
	views, err := s.Hub.FiguresAway(v.ctx(), v.by, q)
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, from := range measure.FlowPlaces {
		for _, g := range views[0].Groups {
			switch {
			case g.Key != string(from.State):
			case g.Few:
				rows = append(rows, []string{from.Words, "Any", fewer})
			default:
				rows = append(rows, stepsFrom(from.Words, g.Parts)...)
			}
		}
	}
	return s.tableFile(v, f, "flow", []string{"From stage", "To stage", "How often"}, rows), nil
}

// stepsFrom are the lines of the steps from one stage.
func stepsFrom(from string, parts []hub.FigureSlice) (rows [][]string) {
	for i, p := range parts {
		switch {
		case p.Few:
			rows = append(rows, []string{from, measure.FlowPlaces[i].Words, fewer})
		case p.N > 0:
			rows = append(rows, []string{from, measure.FlowPlaces[i].Words, plain(p.N)})
		}
	}
	return rows
}
