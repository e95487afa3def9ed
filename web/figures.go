package web

import (
	"cmp"
	"context"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/chart"
	"homeward/web/ui"
)

// figureRoutes is the figures: all of them, one of them, as a file, on a wall, on one
// sheet of paper. ui.md 7.9.
func (s *Server) figureRoutes() []route {
	sees := deciding(policy.SeeFigures)
	return []route{
		{pattern: "GET /figures", nav: "figures", asks: sees, do: s.figures},
		{pattern: "GET /figures/census", nav: "figures", asks: sees, do: s.figureCensus},
		{pattern: "GET /figures/pathways", nav: "figures", asks: sees, do: s.figurePathways},
		{pattern: "GET /figures/flow", nav: "figures", asks: sees, do: s.figureFlow},
		{pattern: "GET /figures/summary", nav: "figures", asks: deciding(policy.ExportFigures), do: s.figureSummary},
		{pattern: "GET /figures/wall", nav: "figures", asks: deciding(policy.SeeFigures, policy.Wall), do: s.figureWall},
		{pattern: "GET /figures/events", asks: deciding(policy.SeeFigures, policy.Wall), do: s.figureEvents},
		{pattern: "GET /figures/{measure}", nav: "figures", asks: sees, do: s.figure},
		{pattern: "GET /figures/{measure}/people", nav: "figures", asks: deciding(policy.DrillFigures), do: s.figurePeople},
		{pattern: "GET /figures/{measure}/file", asks: deciding(policy.ExportFigures), do: s.figureFile},
	}
}

// A figureGroup is a part of the page of all figures: some with a tile each, and the
// others as links.
type figureGroup struct {
	id, title string
	tiles     []measure.ID
	more      []measure.ID
}

// figureGroups are the parts of that page. A measure that stands in none is linked
// below them.
var figureGroups = []figureGroup{
	{"sooner", "Getting home sooner", []measure.ID{"delay", "on-the-day", "delay-delayed", "not-meeting", "not-meeting-21", "bed-days"},
		[]measure.ID{"bed-days-cost", "delay-median", "delay-90", "not-meeting-7", "not-meeting-14", "not-meeting-days", "discharges", "ready-coverage", "pathway-0", "pathway-1", "pathway-2", "pathway-3", "pathway-unknown", "died-in-hospital"}},
	{"together", "Working together", []measure.ID{"held-by-hospital", "delay-by-reason", "to-accepted", "to-started", "first-time-right", "reply"},
		[]measure.ID{"held", "held-by-holder", "to-accepted-90", "to-allocated", "to-allocated-90", "to-assessed", "to-assessed-90", "to-requested", "to-requested-90", "to-sourced", "to-sourced-90", "to-started-90",
			"ready-to-sourced", "ready-to-sourced-90", "ready-to-started", "ready-to-started-90", "ready-to-left", "ready-to-left-90", "paused", "paused-median", "bounce", "returns", "sent-anyway",
			"reply-90", "reply-24h", "offers", "readiness-lost", "readiness-changes", "predicted-changes", "churn", "wasted-sourcing", "wasted-offers"}},
	{"after", "After leaving", []measure.ID{"readmission-30", "home-91", "home-6m"}, []measure.ID{"readmission-28"}},
	{"lookups", "Looking up", []measure.ID{"avoided", "avoided-recorded", "lookups", "time-lookups"}, []measure.ID{"look-home-share"}},
	{"work", "Work saved, and work to do", []measure.ID{"time-changes", "changes-carried", "caseload", "workload"}, []measure.ID{"workload-most", "notices", "notices-90"}},
	{"records", "Records", []measure.ID{"told-late", "quality-open"}, []measure.ID{"told-after", "quality-mended", "quality-days"}},
}

// ownPage are measures that have a page of their own kind.
var ownPage = map[measure.ID]string{"flow": "/figures/flow"}

// otherFigures are the measures that stand in no group.
func otherFigures() []measure.ID {
	var out []measure.ID
	for _, m := range measure.All {
		if !slices.ContainsFunc(figureGroups, func(g figureGroup) bool { return slices.Contains(g.tiles, m.ID) || slices.Contains(g.more, m.ID) }) && ownPage[m.ID] == "" {
			out = append(out, m.ID)
		}
	}
	return out
}

// figurePeriods are the times that figures can be asked for, the usual one first.
var figurePeriods = []hub.ReportPeriod{"26w", "13w", "52w", "3y", "10y"}

// A figureFilter is what an address asks of figures. It names places and times, never a
// person.
type figureFilter struct {
	where  map[measure.Dim]string
	words  []string // the filters in words
	period hub.ReportPeriod
	every  measure.Every
	by     measure.Dim
	whole  bool     // not split, because that was asked
	known  nhs.Date // as known at the end of that day; zero: now
	from   nhs.Date
	to     nhs.Date
	asked  url.Values // what of it is not the usual
}

// figureFilters reads an address. What means nothing is left out.
func (s *Server) figureFilters(v *visit) (figureFilter, error) {
	f := figureFilter{where: map[measure.Dim]string{}, every: measure.Weekly, asked: url.Values{}, to: s.today(v)}
	take := func(name string, ok bool) bool {
		if ok {
			f.asked.Set(name, v.query(name))
		}
		return ok
	}
	for _, d := range []measure.Dim{measure.ByHospital, measure.ByCouncil, measure.ByPathway} {
		value := v.query(string(d))
		i := slices.IndexFunc(s.figurePlaces(d), func(c ui.Choice) bool { return c.Value == value })
		if take(string(d), value != "" && i >= 0) {
			f.where[d] = value
			f.words = append(f.words, s.figurePlaces(d)[i].Label)
		}
	}
	f.period = figurePeriods[0]
	if p := hub.ReportPeriod(v.query("period")); take("period", slices.Contains(figurePeriods, p)) {
		f.period = p
	}
	f.from, _ = f.period.Days(f.to)
	if e := measure.Every(v.query("every")); take("every", slices.Contains(measure.Steps, e)) {
		f.every = e
	}
	if d := measure.Dim(v.query("by")); take("by", slices.Contains(measure.Dims, d)) {
		f.by = d
	}
	f.whole = take("by", v.r.URL.Query().Has("by") && v.query("by") == "")
	if day := v.query("known"); day != "" {
		known, ok := pickedDay(day)
		if !ok {
			return f, &care.Error{Kind: care.Invalid, Field: "known", Text: notADay}
		}
		if known.Before(f.to) {
			f.known = known
			f.asked.Set("known", known.String())
		}
	}
	return f, nil
}

// figurePlaces are the places that figures can be narrowed to.
func (s *Server) figurePlaces(d measure.Dim) []ui.Choice {
	var out []ui.Choice
	switch d {
	case measure.ByHospital:
		for _, o := range s.Hub.Orgs {
			if o.Kind == care.Trust {
				out = append(out, ui.Choice{Value: string(o.ODS), Label: o.Name})
			}
		}
	case measure.ByCouncil:
		for _, o := range s.Hub.CouncilOrgs() {
			out = append(out, ui.Choice{Value: string(o.ODS), Label: o.Name})
		}
	case measure.ByPathway:
		for _, p := range []string{"0", "1", "2", "3"} {
			out = append(out, ui.Choice{Value: p, Label: "Pathway " + p})
		}
	}
	return out
}

// query asks for a measure by steps.
func (f figureFilter) query(s *Server, id measure.ID) hub.FigureQuery {
	q := hub.FigureQuery{Measure: id, Where: map[measure.Dim]string{}, Every: f.every, From: f.from, To: f.to}
	m, _ := measure.Find(id)
	for d, v := range f.where {
		if m.Splits(d) {
			q.Where[d] = v
		}
	}
	if !f.known.IsZero() {
		q.KnownAt = midnight(f.known.Add(1), s.Zone)
	}
	return q
}

func midnight(d nhs.Date, zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
}

// path is an address with the filters in use.
func (f figureFilter) path(to string) string {
	if len(f.asked) == 0 {
		return to
	}
	return to + "?" + f.asked.Encode()
}

// place says where, and when says over which time.
func (f figureFilter) place() string {
	if len(f.words) == 0 {
		return "All hospitals and councils"
	}
	return strings.Join(f.words, ", ")
}

func (f figureFilter) when() string {
	return ui.LongDate(f.from.Time()) + " to " + ui.LongDate(f.to.Time())
}

// bar is the filters above figures. more are those of one page.
func (s *Server) figureBar(f figureFilter, action string, more ...ui.Node) ui.Node {
	bar := ui.Filter{Action: action, Button: "Show"}
	for _, d := range []measure.Dim{measure.ByHospital, measure.ByCouncil, measure.ByPathway} {
		all := map[measure.Dim]string{measure.ByHospital: "All", measure.ByCouncil: "All", measure.ByPathway: "All"}[d]
		bar.Fields = append(bar.Fields, ui.Select{ID: "filter-" + string(d), Name: string(d), Label: dimWords[d], Value: f.where[d],
			Items: append([]ui.Choice{{Value: "", Label: all}}, s.figurePlaces(d)...)})
	}
	var periods []ui.Choice
	for _, p := range figurePeriods {
		periods = append(periods, ui.Choice{Value: string(p), Label: p.Say()})
	}
	bar.Fields = append(bar.Fields, ui.Select{ID: "filter-period", Name: "period", Label: "Time", Value: string(f.period), Items: periods})
	bar.Fields = append(bar.Fields, more...)
	return bar
}

// dimWords are what figures are split by, in words.
var dimWords = map[measure.Dim]string{measure.ByHospital: "Hospital", measure.ByWard: "Ward", measure.ByCouncil: "Council", measure.ByTeam: "Team", measure.ByPathway: "Pathway",
	measure.ByProvider: "Care provider", measure.ByAge: "Age", measure.ByStage: "Stage", measure.ByHolder: "Who had it", measure.ByReason: "Reason", measure.ByFeed: "Source system"}

// figures is the page of all figures.
func (s *Server) figures(v *visit) (response, error) {
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, err
	}
	f.known, f.by, f.every = nhs.Date{}, "", measure.Weekly
	views, err := s.Hub.Figures(v.ctx(), v.by, s.indexQueries(f)...)
	if err != nil {
		return nil, err
	}
	tiles := s.indexTiles(f, views)
	main := []ui.Node{ui.WorkHead("Figures", f.place()+", "+f.when(), s.figureDoors(v, f)),
		s.figureStrip(f.path("/figures/events"), "index", nodesOf(tiles), v.now), s.figureBar(f, "/figures"), figureState(views)}
	at := 0
	for _, g := range figureGroups {
		n := len(figuresThere(g.tiles))
		main = append(main, ui.Section(g.id, g.title, ui.FigureTiles(tiles[at:at+n]...), s.moreFigures(f, g)))
		at += n
	}
	if rest := otherFigures(); len(rest) > 0 {
		main = append(main, ui.Section("other", "Other figures", figureLinks(f, rest)))
	}
	return show(ui.Page{Title: "Figures", Width: ui.WorkPage, Main: main}), nil
}

// figureDoors lead from the page of all figures.
func (s *Server) figureDoors(v *visit, f figureFilter) ui.Node {
	out := []ui.NavItem{{Href: f.path("/figures/wall"), Text: "Wall view"}}
	if s.Hub.MayFigures(v.by, policy.ExportFigures) {
		out = append([]ui.NavItem{{Href: f.path("/figures/summary"), Text: "Summary for a meeting"}}, out...)
	}
	return ui.Tabs("Other ways to see figures", out...)
}

// moreFigures are the links of a group.
func (s *Server) moreFigures(f figureFilter, g figureGroup) ui.Node {
	var own []ui.Node
	switch g.id {
	case "sooner":
		own = append(own, ui.Link(f.path("/figures/census"), "Who is ready and has not left: day by day"), ui.Link(f.path("/figures/pathways"), "Which pathways people left on"))
	case "together":
		own = append(own, ui.Link(f.path("/figures/flow"), "How referrals go from stage to stage"))
	}
	if len(g.more) == 0 && len(own) == 0 {
		return nil
	}
	return ui.Details("More figures: "+lower(g.title), ui.List(own...), figureLinks(f, g.more))
}

func figureLinks(f figureFilter, ids []measure.ID) ui.Node {
	var links []ui.Node
	for _, id := range figuresThere(ids) {
		m, _ := measure.Find(id)
		links = append(links, ui.Link(f.path(figurePath(id, "")), m.Title))
	}
	return ui.List(links...)
}

func figurePath(id measure.ID, below string) string {
	return cmp.Or(ownPage[id], "/figures/"+url.PathEscape(string(id))) + below
}

// figuresThere are the measures of some ids that there are.
func figuresThere(ids []measure.ID) []measure.ID {
	var out []measure.ID
	for _, id := range ids {
		if _, ok := measure.Find(id); ok {
			out = append(out, id)
		}
	}
	return out
}

// indexQueries are the figures that have tiles, in their order.
func (s *Server) indexQueries(f figureFilter) []hub.FigureQuery {
	var out []hub.FigureQuery
	for _, g := range figureGroups {
		for _, id := range figuresThere(g.tiles) {
			out = append(out, f.query(s, id))
		}
	}
	return out
}

func (s *Server) indexTiles(f figureFilter, views []hub.FigureView) []ui.FigureTile {
	var out []ui.FigureTile
	for _, v := range views {
		out = append(out, s.tile(f, v))
	}
	return out
}

// tile is one figure on the page of all.
func (s *Server) tile(f figureFilter, v hub.FigureView) ui.FigureTile {
	d := draw(v)
	t := ui.FigureTile{ID: "fig-" + string(v.Def.ID), Title: v.Def.Title, Href: f.path(figurePath(v.Def.ID, "")), Finding: d.finding(), Verdict: d.verdicts()}
	switch now, note := d.soFar(); {
	case now != "":
		t.Value, t.Note = now, note
	case d.last >= 0:
		t.Value, t.Note = d.sayFigure(d.steps[d.last].Figure), stepWhen(v.Every, d.steps[d.last].Start)
	default:
		t.Value = "Not known yet"
	}
	if d.chart.Variation == measure.TooFew { // the sentence says so already
		t.Verdict = nil
	}
	if pic := chart.Spark(d.series()); pic != "" {
		t.Picture = pic
	}
	return t
}

// soFar is the figure of the step that is not over, and which that is: today, this week
// or this month. Of a census it is who is there now. "" where there is none.
func (d drawn) soFar() (value, note string) {
	n := len(d.steps)
	switch {
	case d.def.Source.Span && d.def.Unit == measure.People && !d.view.Total.Few && d.view.KnownAt.IsZero():
		return d.say(float64(d.view.Total.Open)), "now"
	case n == 0 || !d.chart.Points[n-1].Part || !d.chart.Points[n-1].Known || d.def.Matures > 7:
		return "", ""
	}
	return d.sayFigure(d.steps[n-1].Figure), "so far " + map[measure.Every]string{measure.Daily: "today", measure.Weekly: "this week", measure.Monthly: "this month"}[d.view.Every]
}

// series is the values by themselves.
func (d drawn) series() chart.Series {
	var out chart.Series
	for _, p := range d.chart.Points {
		out.Values, out.Known = append(out.Values, p.Value), append(out.Known, p.Known && !p.Part)
	}
	return out
}

// figureState says that figures are being counted.
func figureState(views []hub.FigureView) ui.Node {
	if !slices.ContainsFunc(views, func(v hub.FigureView) bool { return v.Behind }) {
		return nil
	}
	return ui.Note(ui.Text("Not all that has happened is counted yet. These figures may still change."))
}

// nodesOf are tiles as pieces of a page.
func nodesOf(tiles []ui.FigureTile) []ui.Node {
	out := make([]ui.Node, len(tiles))
	for i, t := range tiles {
		out[i] = t
	}
	return out
}

// figureStrip connects a page of figures to its stream. What the page holds is named by
// what it shows: a page that shows the same needs nothing.
func (s *Server) figureStrip(events, page string, parts []ui.Node, now time.Time) ui.Node {
	sign := "?"
	if strings.Contains(events, "?") {
		sign = "&"
	}
	return ui.Strip(ui.LiveStrip{Events: events + sign + "page=" + url.QueryEscape(page), Last: uint64(fingerprint(parts)), Stale: 3 * 10 * time.Second, At: now})
}

// fingerprint names what pieces of a page show.
func fingerprint(parts []ui.Node) int64 {
	h := fnv.New64a()
	for _, p := range parts {
		html, err := ui.HTML(p)
		if err != nil {
			return 0
		}
		h.Write([]byte(html))
	}
	return int64(h.Sum64() >> 11) // as a script holds numbers: 53 bits
}

// figureEvents follows the figures of one page.
func (s *Server) figureEvents(v *visit) (response, error) {
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, err
	}
	qs, parts, err := s.figureParts(v, f, v.query("page"))
	if err != nil {
		return nil, err
	}
	w, err := s.Hub.WatchFigures(v.ctx(), v.by, qs...)
	if err != nil {
		return nil, err
	}
	return stream(func(ctx context.Context, out http.ResponseWriter) error {
		return s.followFigures(ctx, out, v, w, parts)
	}), nil
}

// figureParts are what a page asks, and the pieces of it that change.
func (s *Server) figureParts(v *visit, f figureFilter, page string) ([]hub.FigureQuery, func([]hub.FigureView) []ui.Node, error) {
	switch page {
	case "index":
		f.known, f.by, f.every = nhs.Date{}, "", measure.Weekly
		return s.indexQueries(f), func(views []hub.FigureView) []ui.Node { return nodesOf(s.indexTiles(f, views)) }, nil
	case "wall":
		return s.wallFigures(v, f), func(views []hub.FigureView) []ui.Node { return s.wallPart(views) }, nil
	}
	m, ok := measure.Find(measure.ID(page))
	if !ok || v.by.Role == care.WallboardRole {
		return nil, nil, &care.Error{Kind: care.NotFound, Text: "There is no such figure"}
	}
	p := s.figurePageOf(f, m)
	return p.queries(), func(views []hub.FigureView) []ui.Node { return p.with(views).parts() }, nil
}

// followFigures tells a page what changes on it, at most once a second.
func (s *Server) followFigures(ctx context.Context, w http.ResponseWriter, v *visit, watch *hub.FigureWatch, parts func([]hub.FigureView) []ui.Node) error {
	out := newEventStream(w)
	if v.r.Method == http.MethodHead {
		return nil
	}
	last := lastSeen(v)
	if err := out.send(last, "beat", ""); err != nil {
		return nil
	}
	views, err := watch.Now(ctx)
	told := map[int]string{}
	for checked := time.Now(); ; {
		if err != nil {
			return err
		}
		if views != nil {
			now := parts(views)
			if mark := fingerprint(now); mark != last || len(told) == 0 {
				if err := tellFigures(out, now, told, mark, mark == last); err != nil {
					return nil // a reader who does not read is let go
				}
				last = mark
			}
		}
		if err := out.send(last, "beat", ""); err != nil {
			return nil
		}
		if views, err = watch.Next(ctx); err != nil {
			return err
		}
		if time.Since(checked) >= sessionEvery {
			checked = time.Now()
			if in, err := s.stillIn(ctx, v); !in || err != nil {
				return err
			}
		}
	}
}

// tellFigures sends the pieces that are other than they were told; where the page has
// them already they are only remembered.
func tellFigures(out *eventStream, parts []ui.Node, told map[int]string, mark int64, has bool) error {
	for i, p := range parts {
		html, err := ui.HTML(p)
		if err != nil {
			return err
		}
		if told[i] == html {
			continue
		}
		told[i] = html
		if has {
			continue
		}
		if err := out.send(mark, "part", html); err != nil {
			return err
		}
	}
	return nil
}

// plain is a number in a table.
func plain(n int64) string { return strconv.FormatInt(n, 10) }
