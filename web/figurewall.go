package web

import (
	"cmp"
	"slices"

	"homeward/care"
	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
	"homeward/web/chart"
	"homeward/web/ui"
)

// targetOf is the target of a view, in what is shown; nil: none.
func (a amount) targetOf(v hub.FigureView) *float64 {
	if v.Target == nil {
		return nil
	}
	t := a.shown(v.Target.Value)
	return &t
}

// notesOf are the days from which a chart counts anew, at the steps that they are in.
func (d drawn) notesOf(v hub.FigureView) []figureNote {
	var out []figureNote
	for _, r := range v.Rebases {
		i := slices.IndexFunc(d.steps, func(s hub.FigureStep) bool { return r.On.Before(v.Every.Next(s.Start)) })
		if i < 0 || r.On.Before(d.steps[0].Start) || len(out) > 0 && out[len(out)-1].at == i {
			continue
		}
		out = append(out, figureNote{at: i, text: r.Why, rebase: true})
	}
	return out
}

// onWall are the figures of a wall.
var onWall = []measure.ID{"not-meeting", "not-meeting-21", "delay", "on-the-day", "discharges", "to-accepted"}

// figureWall is figures in large type, for a screen that everybody in the room can see.
// Nobody is on it.
func (s *Server) figureWall(v *visit) (response, error) {
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, err
	}
	w, err := s.Hub.WatchFigures(v.ctx(), v.by, s.wallFigures(v, f)...)
	if err != nil {
		return nil, err
	}
	views, err := w.Now(v.ctx())
	if err != nil {
		return nil, err
	}
	parts := s.wallPart(views)
	title := f.place()
	if v.by.Role == care.WallboardRole {
		title = v.by.OrgName
	}
	return show(ui.Page{Title: "Figures on a wall", Width: ui.WorkPage, Dark: true,
		Main: append([]ui.Node{ui.WallTop(title, v.now), s.figureStrip(f.path("/figures/events"), "wall", parts, v.now), figureState(views)}, parts...)}), nil
}

// wallFigures are what a wall asks.
func (s *Server) wallFigures(_ *visit, f figureFilter) []hub.FigureQuery {
	f.known, f.by, f.every = nhs.Date{}, "", measure.Weekly
	var out []hub.FigureQuery
	for _, id := range figuresThere(onWall) {
		out = append(out, f.query(s, id))
	}
	return out
}

// wallPart is all that changes on a wall.
func (s *Server) wallPart(views []hub.FigureView) []ui.Node {
	var cards []ui.WallFigure
	for _, v := range views {
		d := draw(v)
		now, when := d.soFar()
		c := ui.WallFigure{Name: v.Def.Title, Value: cmp.Or(now, "Not known yet"), When: when}
		if d.last >= 0 {
			st := d.steps[d.last]
			if c.Value == "Not known yet" {
				c.Value, c.When = d.sayFigure(st.Figure), stepWhen(v.Every, st.Start)
			}
			c.Note = "Last week " + d.whole() + ". " + d.variation() + "."
			if words := d.chart.Assurance.Say(); words != "" {
				c.Note += " " + words + "."
			}
		}
		cards = append(cards, c)
	}
	return []ui.Node{ui.WallFigures(cards...)}
}

// censusLines are the numbers of the census, each with its name on the chart.
var censusLines = []struct {
	id   measure.ID
	name string
}{{"not-meeting", "All"}, {"not-meeting-7", "7 nights or more"}, {"not-meeting-14", "14 or more"}, {"not-meeting-21", "21 or more"}}

// censusFilters are the filters of the census: of 13 weeks unless another time is asked.
func (s *Server) censusFilters(v *visit) (figureFilter, error) {
	f, err := s.figureFilters(v)
	f.known, f.every = nhs.Date{}, measure.Daily
	if !f.asked.Has("period") {
		f.period, f.from = "13w", f.to.Add(1-13*7)
	}
	return f, err
}

// figureCensus is who is in a bed and does not meet the criteria to reside, at the end of
// each day.
func (s *Server) figureCensus(v *visit) (response, error) {
	f, err := s.censusFilters(v)
	if err != nil {
		return nil, err
	}
	var qs []hub.FigureQuery
	for _, l := range censusLines {
		qs = append(qs, f.query(s, l.id))
	}
	here := qs[0]
	here.Every, here.By = "", measure.ByHospital
	views, err := s.Hub.Figures(v.ctx(), v.by, append(qs, here)...)
	if err != nil {
		return nil, err
	}
	all, split := views[0], views[len(views)-1]
	now := ui.Plural(int(all.Total.Open), "person is", "people are") + " ready to leave hospital now"
	if all.Total.Few {
		now = upper(fewer) + " people are ready to leave hospital now"
	}
	main := []ui.Node{ui.H1(now), s.figureBar(f, "/figures/census"), figureState(views), censusPart(f, views[:len(censusLines)]), s.tableDoor(v, f, "/figures/census"), censusNow(split)}
	return show(ui.Page{Title: "Figures: day by day", Width: ui.WorkPage, Back: &ui.NavItem{Href: f.path("/figures"), Text: "Figures"}, Main: main}), nil
}

// censusPart is the lines of a census with their table.
func censusPart(f figureFilter, views []hub.FigureView) ui.Node {
	k := chart.Lines{About: chart.About{ID: "census", Title: "People who do not meet the criteria to reside, at the end of each day"}, Words: amount{per: 1}.bare}
	t := ui.Table{Caption: k.Title, Columns: []ui.Column{{Label: "Day"}}}
	first := slices.IndexFunc(views[0].Steps, func(s hub.FigureStep) bool { return s.Few || s.Hist != nil && !s.Hist.Empty() })
	if first < 0 {
		return ui.Empty("Nothing was counted in this time", ui.P("Choose a longer time or another place."))
	}
	days := views[0].Steps[first:]
	for len(days) > 0 && views[0].Whole.Before(days[len(days)-1].Start) {
		days = days[:len(days)-1]
	}
	for _, d := range days {
		k.Names = append(k.Names, stepName(measure.Daily, d.Start))
	}
	for i, l := range censusLines {
		t.Columns = append(t.Columns, ui.Column{Label: l.name, Numeric: true})
		x := chart.Series{Name: l.name}
		for _, st := range views[i].Steps[first : first+len(days)] {
			x.Values, x.Known = append(x.Values, st.Value), append(x.Known, st.Known && !st.Few)
		}
		k.Series = append(k.Series, x)
	}
	for j := range slices.Backward(days) {
		cells := []ui.Node{ui.Text(ui.Day(days[j].Start))}
		for i := range censusLines {
			cells = append(cells, ui.Text(amount{per: 1}.sayFigure(views[i].Steps[first+j].Figure)))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: cells})
	}
	if n := len(days); n > 0 {
		k.Desc = "From " + amount{per: 1}.sayFigure(days[0].Figure) + " on " + ui.LongDate(days[0].Start.Time()) + " to " + amount{per: 1}.sayFigure(days[n-1].Figure) + " on " + ui.LongDate(days[n-1].Start.Time()) + ". All values are in the table below."
	}
	return ui.Figure(k.Title, f.place()+", "+f.when()+". By how long they have been in hospital. Source: the history of cases in Homeward. NHS England, acute daily discharge situation report.", both(k.SVG), ui.Details("Show this as a table", t),
		ui.List(ui.Link(f.path("/figures/not-meeting"), "How this is counted")))
}

// censusNow is who is there now, by hospital.
func censusNow(v hub.FigureView) ui.Node {
	if len(v.Groups) == 0 {
		return nil
	}
	most := int64(0)
	for _, g := range v.Groups {
		most = max(most, g.Open)
	}
	t := ui.Table{Caption: "Ready to leave now, by hospital", Columns: []ui.Column{{Label: "Hospital"}, {Label: "People now"}}}
	for _, g := range v.Groups {
		value := ui.Node(ui.Missing(upper(fewer)))
		if !g.Few {
			value = ui.Bar(float64(g.Open), float64(most), plain(g.Open))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(g.Name), value}})
	}
	return ui.Section("now", "Now, by hospital", t)
}

// figurePathways is how those who left divide among the pathways, by hospital.
func (s *Server) figurePathways(v *visit) (response, error) {
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, err
	}
	f.known = nhs.Date{}
	delete(f.where, measure.ByPathway)
	q := f.query(s, "pathway-1")
	q.Every, q.By = "", measure.ByHospital
	views, err := s.Hub.Figures(v.ctx(), v.by, q)
	if err != nil {
		return nil, err
	}
	k := chart.Stack{About: chart.About{ID: "pathways", Title: "Which pathway people left on, by hospital", Desc: "A bar of 100% for each hospital. All numbers are in the table below."},
		Parts: []string{"Pathway 0", "Pathway 1", "Pathway 2", "Pathway 3", "Not known"}, Unknown: true}
	t := ui.Table{Caption: k.Title, Columns: []ui.Column{{Label: "Hospital"}}}
	for _, name := range k.Parts {
		t.Columns = append(t.Columns, ui.Column{Label: name, Numeric: true})
	}
	for _, g := range views[0].Groups {
		cells := []ui.Node{ui.Text(g.Name)}
		if g.Few || len(g.Parts) != len(k.Parts) {
			for range k.Parts {
				cells = append(cells, ui.Missing(upper(fewer)))
			}
			t.Rows = append(t.Rows, ui.TableRow{Cells: cells})
			continue
		}
		row, few, all := chart.StackRow{}, false, int64(0)
		for _, p := range g.Parts {
			row.N, few, all = append(row.N, p.N), few || p.Few, all+p.N
			cells = append(cells, map[bool]ui.Node{true: ui.Missing(upper(fewer)), false: ui.Text(plain(p.N))}[p.Few])
		}
		if t.Rows = append(t.Rows, ui.TableRow{Cells: cells}); !few { // a bar would say what is hidden
			row.Name = g.Name + " (" + plain(all) + ")"
			k.Rows = append(k.Rows, row)
		}
	}
	var body ui.Node = ui.Empty("Nothing was counted in this time", ui.P("Choose a longer time or another place."))
	about := f.place() + ", " + f.when() + ". Source: the history of cases in Homeward. Discharge guidance 2024, Annex B."
	how := ui.List(ui.Link(f.path("/figures/pathway-1"), "How this is counted"))
	switch {
	case len(k.Rows) > 0:
		body = ui.Figure(k.Title, about, both(k.SVG), t, how)
	case len(t.Rows) > 0:
		body = ui.Section("pathways", k.Title, ui.Small(about+" Small numbers of another organisation are not shown, so there is no picture."), t, how)
	}
	return show(ui.Page{Title: "Figures: pathways", Width: ui.WorkPage, Back: &ui.NavItem{Href: f.path("/figures"), Text: "Figures"},
		Main: []ui.Node{ui.H1("Which pathways people left on"), s.figureBar(f, "/figures/pathways"), figureState(views), body, s.tableDoor(v, f, "/figures/pathways")}}), nil
}

// figureFlow is how referrals go from stage to stage.
func (s *Server) figureFlow(v *visit) (response, error) {
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, err
	}
	f.known = nhs.Date{}
	q := f.query(s, "flow")
	q.Every, q.By = "", measure.ByStage
	views, err := s.Hub.Figures(v.ctx(), v.by, q)
	if err != nil {
		return nil, err
	}
	k := chart.Flow{About: chart.About{ID: "flow", Title: "Steps of referrals from one stage to another"}}
	t := ui.Table{Caption: k.Title, Columns: []ui.Column{{Label: "From"}, {Label: "To"}, {Label: "How often"}}}
	most, all := int64(1), int64(0)
	for _, place := range measure.FlowPlaces {
		k.Order = append(k.Order, place.Words)
		for _, l := range flowLinks(views[0], string(place.State)) {
			k.Links = append(k.Links, l)
			most, all = max(most, l.N), all+l.N
		}
	}
	few := false
	for _, g := range views[0].Groups {
		few = few || g.Few || slices.ContainsFunc(g.Parts, func(p hub.FigureSlice) bool { return p.Few })
	}
	for _, l := range k.Links {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(l.From), ui.Text(l.To), ui.Bar(float64(l.N), float64(most), plain(l.N))}})
	}
	k.Desc = ui.Plural(int(all), "step", "steps") + " between " + ui.Plural(len(k.Links), "pair of stages", "pairs of stages") + ". All are in the table below."
	if few {
		k.Desc += " Small numbers of another organisation are not shown."
	}
	var body ui.Node = ui.Empty("No referral went from one stage to another in this time", ui.P("Choose a longer time or another place."))
	if len(k.Links) > 0 {
		m := views[0].Def
		about := f.place() + ", " + f.when() + ". " + m.Method + " Source: the history of cases in Homeward."
		if few {
			about += " Small numbers of another organisation are not shown."
		}
		body = ui.Figure(k.Title, about, both(k.SVG), t)
	}
	return show(ui.Page{Title: "Figures: flow of referrals", Width: ui.WorkPage, Back: &ui.NavItem{Href: f.path("/figures"), Text: "Figures"},
		Main: []ui.Node{ui.H1("How referrals go from stage to stage"), s.figureBar(f, "/figures/flow"), figureState(views), body, s.tableDoor(v, f, "/figures/flow")}}), nil
}

// flowLinks are the steps from one stage.
func flowLinks(v hub.FigureView, from string) []chart.Link {
	var out []chart.Link
	for _, g := range v.Groups {
		if g.Key != from || len(g.Parts) != len(measure.FlowPlaces) {
			continue
		}
		for i, place := range measure.FlowPlaces {
			if n := g.Parts[i].N; n > 0 {
				out = append(out, chart.Link{From: measure.FlowWords(from), To: place.Words, N: n})
			}
		}
	}
	return out
}
