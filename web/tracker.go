package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/web/ui"
)

// tracker is everybody who is ready to leave or referred, as a table or a
// board. ui.md 7.5.
func (s *Server) tracker(v *visit) (response, error) {
	kind := kindTracker
	if v.query("view") == kindBoard {
		kind = kindBoard
	}
	l, err := s.listOf(v, kind)
	if err != nil {
		return nil, err
	}
	rows, err := s.Hub.List(v.ctx(), v.by, l.query)
	if err != nil {
		return nil, err
	}
	if l.query.Page > rows.Pages { // the list has grown shorter
		return goTo(l.path()), nil
	}
	workers, err := s.workersToFilter(v, l, rows)
	if err != nil {
		return nil, err
	}
	p := ui.Page{Title: "Live tracker", Width: ui.WorkPage}
	if kind == kindBoard {
		p.Title = "Live tracker: board"
	}
	p.Main = []ui.Node{
		ui.WorkHead("People ready to leave hospital", l.countsText(viewCounts(rows)), l.views()),
		s.pausedBanner(rows.Paused),
		l.strip(rows),
		l.bar(rows, workers),
		ui.Chips(l.unfiltered(), l.chips(rows, workers)...),
		ui.PrintMeta(v.now, v.by.Name),
	}
	switch {
	case kind == kindBoard:
		p.Main = append(p.Main, s.board(l, rows))
	default:
		p.Main = append(p.Main, l.fill(rows, l.nobody()), l.pagination(rows))
	}
	saved, err := s.viewsPart(v)
	if err != nil {
		return nil, err
	}
	p.Main = append(p.Main, leftToday(rows), saved, whatTheseMean(rows))
	return show(p), nil
}

// views leads to the other ways of looking at the same people.
func (l list) views() ui.Node {
	table, board := l, l
	table.kind, board.kind = kindTracker, kindBoard
	items := []ui.NavItem{
		{Href: table.path(), Text: "Table", Current: l.kind == kindTracker},
		{Href: board.path("stage", "", "sort", ""), Text: "Board", Current: l.kind == kindBoard},
		{Href: "/wall", Text: "Wallboard"},
	}
	if l.by.Role == care.Coordinator {
		items = append(items, ui.NavItem{Href: "/worklist", Text: "Council not settled"})
	}
	return ui.Tabs("View", items...)
}

// nobody is what an empty tracker says: why it is empty, and what to do.
func (l list) nobody() ui.Node {
	if l.filtered() {
		return ui.Empty("No one matches these filters", ui.Para(ui.Link(l.unfiltered(), "Show everyone waiting")))
	}
	return ui.Empty("No one is waiting to leave", ui.P("People come here when their hospital says that they are ready to leave, or when they are referred."))
}

// filterStages are the stages that the tracker can be narrowed to.
func filterStages() []ui.Choice {
	var out []ui.Choice
	for _, st := range hub.Stages() {
		if st[0] != "none" && st[0] != "left" {
			out = append(out, ui.Choice{Value: st[0], Label: st[1]})
		}
	}
	return out
}

// workersToFilter are the workers whose people can be asked for: all of the
// reader's council, or those who are on the page.
func (s *Server) workersToFilter(v *visit, l list, rows hub.ListView) ([]ui.Choice, error) {
	out := []ui.Choice{{Value: "", Label: "Anyone"}, {Value: "none", Label: "Not allocated"}}
	if v.by.OrgKind == care.Council {
		workers, err := s.Hub.Workers(v.ctx(), v.by)
		if err != nil {
			return nil, err
		}
		for _, w := range workers {
			out = append(out, ui.Choice{Value: string(w.ID), Label: w.Name})
		}
		return out, nil
	}
	for _, r := range rows.Rows {
		if w := r.Row.Worker; w.ID != "" && !slices.ContainsFunc(out, func(c ui.Choice) bool { return c.Value == string(w.ID) }) {
			out = append(out, ui.Choice{Value: string(w.ID), Label: w.Name})
		}
	}
	slices.SortFunc(out[2:], func(a, b ui.Choice) int { return cmp.Compare(a.Label, b.Label) })
	return out, nil
}

// bar is the filters above the list.
func (l list) bar(rows hub.ListView, workers []ui.Choice) ui.Node {
	f := ui.Filter{Action: "/tracker"}
	if l.kind == kindBoard {
		f.Keep = append(f.Keep, [2]string{"view", "board"})
	}
	if len(rows.Hospitals) > 1 {
		hospitals := []ui.Choice{{Value: "", Label: "All " + ui.Plural(len(rows.Hospitals), "hospital", "hospitals")}}
		for _, o := range rows.Hospitals {
			hospitals = append(hospitals, ui.Choice{Value: string(o.ODS), Label: o.Name})
		}
		f.Fields = append(f.Fields, l.choose("hospital", "Hospital", hospitals))
	}
	days := []ui.Choice{{Value: "", Label: "Any"}}
	for _, w := range waits {
		days = append(days, ui.Choice{Value: w.value, Label: waitDays(rows, w.wait)})
	}
	any := []ui.Choice{{Value: "", Label: "Any"}}
	pathways := slices.Clone(any)
	for _, p := range []string{"0", "1", "2", "3"} {
		pathways = append(pathways, ui.Choice{Value: p, Label: p})
	}
	f.Fields = append(f.Fields, l.choose("wait", "Days since ready", days), l.choose("pathway", "Pathway", pathways))
	if l.kind == kindTracker {
		f.Fields = append(f.Fields, l.choose("stage", "Stage", append(any, filterStages()...)))
	}
	f.Fields = append(f.Fields, l.choose("worker", "Worker", workers))
	if l.kind == kindTracker {
		f.Fields = append(f.Fields, l.choose("sort", "Sort by", listSorts))
	}
	return f
}

func (l list) choose(name, label string, items []ui.Choice) ui.Node {
	return ui.Select{ID: "filter-" + name, Name: name, Label: label, Value: l.asked.Get(name), Items: items}
}

// chips are the filters in use, each with the list without it.
func (l list) chips(rows hub.ListView, workers []ui.Choice) []ui.Chip {
	var out []ui.Chip
	add := func(name, text string) {
		out = append(out, ui.Chip{Text: text, RemoveHref: l.path(name, "")})
	}
	if h := l.query.Hospital; h != "" {
		add("hospital", hospitalName(rows, h))
	}
	for _, w := range waits {
		if l.asked.Get("wait") == w.value {
			add("wait", w.chip)
		}
	}
	if p := l.query.Pathway; p != "" {
		add("pathway", "Pathway "+p)
	}
	for _, c := range filterStages() {
		if l.asked.Get("stage") == c.Value {
			add("stage", "Stage: "+c.Label)
		}
	}
	if w := l.asked.Get("worker"); w != "" {
		name := "Another worker"
		for _, c := range workers {
			if c.Value == w {
				name = c.Label
			}
		}
		add("worker", "Worker: "+name)
	}
	return out
}

func hospitalName(rows hub.ListView, ods nhs.ODS) string {
	for _, o := range rows.Hospitals {
		if o.ODS == ods {
			return o.Name
		}
	}
	return string(ods)
}

// trackerColumns are the tracker's columns. ui.md 7.5.
func (l list) trackerColumns() []ui.Column {
	cols := []ui.Column{
		{Label: "Person"}, {Label: "Where"}, {Label: "Since discharge-ready"}, {Label: "Pathway and stage"},
		{Label: "Waiting for"}, {Label: "Worker"}, {Label: "Updated"},
	}
	if l.kind == kindTracker {
		sort := l.query.Sort
		cols[0] = l.sortable("Person", "name", sort == "name", ui.Ascending)
		cols[2] = l.sortable("Since discharge-ready", "", sort == "" || sort == "wait", ui.Descending)
		cols[6] = l.sortable("Updated", "updated", sort == "updated", ui.Descending)
	}
	if l.view == viewUnsettled {
		cols = append(cols, ui.Column{Label: "Next", HideOnPrint: true})
	}
	return cols
}

func (l list) trackerCells(r hub.ListRow, at time.Time) []ui.Node {
	worker := ui.Or(r.Row.Worker.Name, "Not allocated")
	if r.Row.Referral == "" || !r.Row.Open {
		worker = ui.Missing("Not applicable")
	}
	cells := []ui.Node{personCell(r), l.whereCell(r, at), waitCell(r), stageCell(r), l.waitingCell(r, at), worker, updatedCell(r, at)}
	if l.view == viewUnsettled {
		next := ui.Missing("Not applicable")
		if r.Row.Referral != "" {
			next = ui.LinkAbout(referralPath(r.Row.Case, r.Row.Referral, "route"), "Choose the council", "for "+personName(r.Row))
		}
		cells = append(cells, next)
	}
	return cells
}

// stageCell is the pathway and the stage, and the predicted day when it moved:
// three lines at most, so that many people are in sight.
func stageCell(r hub.ListRow) ui.Node {
	stage := ui.Nodes{ui.Text(r.StageSay)}
	if r.HasWait && r.Row.EDDChanges > 0 && r.Row.InBed {
		if r.Row.Pathway != "" {
			stage = ui.Nodes{ui.Text("Pathway " + r.Row.Pathway + ", " + strings.ToLower(r.StageSay[:1]) + r.StageSay[1:])}
		}
		day, moved, _ := strings.Cut(predicted(r.Row), " ")
		return append(stage, ui.Sub("predicted "+day), ui.Sub(moved))
	}
	if r.Row.Pathway != "" {
		return ui.Nodes{ui.Text("Pathway " + r.Row.Pathway), ui.Sub(r.StageSay)}
	}
	return stage
}

// leftToday is who has gone home today, on request.
func leftToday(v hub.ListView) ui.Node {
	var items []ui.Node
	for _, r := range v.Rows {
		if !r.Row.InBed && !r.Row.Left.IsZero() && ui.Date(r.Row.Left) == ui.Date(v.At) {
			items = append(items, ui.Nodes{openLink(r, personName(r.Row), ""), ui.Text(", " + r.HospitalName + ", left at " + ui.Clock(r.Row.Left))})
		}
	}
	return ui.If(len(items) > 0, func() ui.Node {
		return ui.Details("Left today: "+ui.Plural(len(items), "person", "people"), ui.List(items...))
	})
}

// whatTheseMean explains the words of the wait. ui.md 7.5.
func whatTheseMean(v hub.ListView) ui.Node {
	ready := func(w hub.Wait) ui.Node {
		days, more := strings.CutSuffix(waitDays(v, w), " or more")
		text := "ready to leave for " + days + " whole days"
		if more {
			text += " or more"
		}
		return ui.Text(text)
	}
	return ui.Details("What these mean",
		ui.SummaryList(
			ui.Row{Key: "On track", Value: ready(hub.OnTrack)},
			ui.Row{Key: "At risk", Value: ready(hub.AtRisk)},
			ui.Row{Key: "Delayed", Value: ready(hub.Delayed)},
			ui.Row{Key: "Not ready yet", Value: ui.Text("referred, and the hospital has not said that they are ready to leave")}),
		ui.P("Whole days are counted by the calendar from the day that the hospital says somebody became ready to leave. “As at” marks what a hospital told before it fell silent: check before you act."))
}
