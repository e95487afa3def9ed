package web

import (
	"cmp"
	"slices"

	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
	"homeward/web/chart"
	"homeward/web/ui"
)

// inSummary are the figures of a summary for a meeting: as many as fit on one sheet.
var inSummary = []measure.ID{"delay", "on-the-day", "delay-delayed", "not-meeting", "bed-days", "held-by-hospital", "to-accepted", "to-started", "first-time-right", "readmission-30", "home-91"}

// mostTold is how many figures that are unusual it says in sentences.
const mostTold = 5

// mostReasons is how many reasons for delay the summary shows.
const mostReasons = 5

// figureSummary is one sheet for the meeting of a board: the figures, what is unusual, and
// what was waited for. It leaves the service on paper, so small numbers are left out.
func (s *Server) figureSummary(v *visit) (response, error) {
	sheet, f, err := s.summarySheet(v)
	if err != nil {
		return nil, err
	}
	keep := ui.Note(ui.Text("To keep this as a PDF, print it and choose “Save as PDF”. It is one sheet of A4."))
	if s.Print != nil {
		keep = ui.Para(ui.Link(f.path("/figures/summary/pdf"), "Download as PDF"), ui.Text(" (one sheet of A4)"))
	}
	return show(s.summaryPage(f, keep, sheet)), nil
}

// summaryPage is the sheet on a page, with how to keep it.
func (s *Server) summaryPage(f figureFilter, keep, sheet ui.Node) ui.Page {
	return ui.Page{Title: "Figures: summary", Width: ui.WorkPage, Back: &ui.NavItem{Href: f.path("/figures"), Text: "Figures"},
		Main: []ui.Node{s.figureBar(f, "/figures/summary"), keep, sheet}}
}

// summarySheet is the sheet itself, and of what it was asked.
func (s *Server) summarySheet(v *visit) (ui.Node, figureFilter, error) {
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, f, err
	}
	f.by, f.every, f.known = "", measure.Weekly, nhs.Date{}
	var qs []hub.FigureQuery
	for _, id := range figuresThere(inSummary) {
		qs = append(qs, f.query(s, id))
	}
	n := len(qs)
	why := f.query(s, "delay-by-reason")
	why.Every, why.By = "", measure.ByReason
	views, err := s.Hub.FiguresAway(v.ctx(), v.by, append(qs, why)...)
	if err != nil {
		return nil, f, err
	}
	t := ui.Table{Caption: "Figures by week", Stay: true, Columns: []ui.Column{{Label: "Figure"}, {Label: "Last whole week"}, {Label: "Average"}, {Label: "Over time"}, {Label: "Variation"}, {Label: "Target"}}}
	var told []ui.Node
	judged := false
	for _, x := range views[:n] {
		d := draw(x)
		t.Rows = append(t.Rows, ui.TableRow{Cells: summaryCells(d)})
		judged = judged || d.chart.Variation != measure.TooFew
		if d.chart.Variation != measure.Usual && d.chart.Variation != measure.TooFew {
			told = append(told, ui.Text(d.headline()+"."))
		}
	}
	if more := len(told) - mostTold; more > 0 {
		told = append(told[:mostTold], ui.Text(plain(int64(more))+" more are marked in the table."))
	}
	switch {
	case len(told) == 0 && !judged:
		told = append(told, ui.Text("Too little was counted to say what is unusual."))
	case len(told) == 0:
		told = append(told, ui.Text("Nothing is outside its usual variation."))
	}
	return ui.OnePage(ui.H1("Getting people home: summary"), ui.Para(ui.Text(f.place()+", "+f.when()+". Made "+ui.DateTime(v.now)+". Figures of fewer than 5 people are left out.")),
		ui.H2("What is unusual"), ui.Bullets(told...), ui.Scroll("Figures by week", t), summaryReasons(views[n]),
		ui.Small("Source: the history of cases in Homeward. Averages and limits after Making Data Count. The definition of each figure stands on its page. These figures name nobody.")), f, nil
}

// summaryCells are one line of the summary.
func summaryCells(d drawn) []ui.Node {
	few := slices.ContainsFunc(d.steps, func(s hub.FigureStep) bool { return s.Few })
	mean, target := "Not known yet", "None"
	switch {
	case few && d.chart.Variation == measure.TooFew: // of the few weeks that are shown it would mislead
		mean = "Not shown"
	case d.last >= 0:
		_, l := d.level(d.last)
		mean = d.say(l.Mean * d.per)
	}
	if d.target != nil {
		target = d.say(*d.target*d.per) + ": " + cmp.Or(lower(d.chart.Assurance.Say()), "not known yet")
	}
	says := ui.Node(ui.Text("Too few weeks"))
	if few {
		says = ui.Text("Too few people")
	}
	if d.chart.Variation != measure.TooFew {
		says = ui.Verdict(chart.Icon(marks[measure.Mark(d.chart.Variation)]), d.variation())
	}
	return []ui.Node{ui.Text(d.def.Title), ui.Text(upper(d.whole())), ui.Text(mean), chart.Spark(d.series()), says, ui.Text(target)}
}

// summaryReasons are the reasons that most days went to.
func summaryReasons(v hub.FigureView) ui.Node {
	t := ui.Table{Caption: "Days from discharge-ready to leaving, by reason", Stay: true, Columns: []ui.Column{{Label: "Reason"}, {Label: "Days"}}}
	a, most := amountFor(v.Def, v), 0.0
	for _, g := range v.Groups {
		if g.Known && !g.Few {
			most = max(most, g.Value)
		}
	}
	for _, g := range v.Groups {
		if g.Known && !g.Few && len(t.Rows) < mostReasons {
			t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(cmp.Or(g.Name, "Not known")), ui.Bar(g.Value, most, a.bare(a.shown(g.Value)))}})
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return ui.Nodes{ui.H2("What was waited for"), t}
}
