package web

import (
	"cmp"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/chart"
	"homeward/web/ui"
)

// A figurePage is the page of one measure: what is asked for it, and what came.
type figurePage struct {
	s   *Server
	f   figureFilter
	def measure.Measure
	by  measure.Dim // split by; "" not
	// what came
	drawn
	split    *hub.FigureView
	coverage *hub.FigureView
}

// firstSplits are by what measures are split unless something else is asked, in the order
// of preference.
var firstSplits = []measure.Dim{measure.ByReason, measure.ByHolder, measure.ByStage, measure.ByHospital, measure.ByCouncil, measure.ByProvider, measure.ByFeed}

func (s *Server) figurePageOf(f figureFilter, m measure.Measure) figurePage {
	p := figurePage{s: s, f: f, def: m, by: f.by}
	if !slices.ContainsFunc(p.splits(), func(c ui.Choice) bool { return c.Value == string(p.by) }) {
		p.by = ""
		for _, d := range firstSplits {
			if p.by == "" && !f.whole && m.Splits(d) && f.where[d] == "" {
				p.by = d
			}
		}
	}
	return p
}

// splits are by what the measure can be split here: wards are of a hospital, teams of a
// council.
func (p figurePage) splits() []ui.Choice {
	var out []ui.Choice
	for _, d := range p.def.By {
		of := map[measure.Dim]measure.Dim{measure.ByWard: measure.ByHospital, measure.ByTeam: measure.ByCouncil}[d]
		if p.f.where[d] == "" && (of == "" || p.f.where[of] != "") {
			out = append(out, ui.Choice{Value: string(d), Label: dimWords[d]})
		}
	}
	return out
}

// covers reports whether how many have a discharge-ready date is said of the measure.
func (p figurePage) covers() bool {
	return p.def.Source == measure.Stays && p.def.ID != "ready-coverage"
}

func (p figurePage) queries() []hub.FigureQuery {
	out := []hub.FigureQuery{p.f.query(p.s, p.def.ID)}
	if p.by != "" {
		q := out[0]
		q.By, q.Every = p.by, ""
		out = append(out, q)
	}
	if p.covers() {
		q := p.f.query(p.s, "ready-coverage")
		q.Every = ""
		out = append(out, q)
	}
	return out
}

// with is the page with what came for its queries.
func (p figurePage) with(views []hub.FigureView) figurePage {
	p.drawn = draw(views[0])
	rest := views[1:]
	if p.by != "" {
		p.split, rest = &rest[0], rest[1:]
	}
	if p.covers() {
		p.coverage = &rest[0]
	}
	return p
}

// figure is the page of one measure.
func (s *Server) figure(v *visit) (response, error) {
	m, ok := measure.Find(measure.ID(v.path("measure")))
	if !ok {
		return nil, &care.Error{Kind: care.NotFound, Text: "There is no such figure"}
	}
	if to := ownPage[m.ID]; to != "" {
		return goTo(to), nil
	}
	f, wrong := s.figureFilters(v) // a day that is none leaves the rest of the page as it is
	errs, ok := fieldErrors(wrong, nil)
	if wrong != nil && !ok {
		return nil, wrong
	}
	p := s.figurePageOf(f, m)
	views, err := s.Hub.Figures(v.ctx(), v.by, p.queries()...)
	if err != nil {
		return nil, err
	}
	if p = p.with(views); wrong != nil {
		return refuse(s.figureScreen(v, p, errs)), nil
	}
	return show(s.figureScreen(v, p, nil)), nil
}

// figureScreen is the page of a measure; errs are of its forms.
func (s *Server) figureScreen(v *visit, p figurePage, errs []ui.FieldError) ui.Page {
	parts := p.parts()
	var strip ui.Node
	if p.f.known.IsZero() {
		strip = s.figureStrip(p.f.path("/figures/events"), string(p.def.ID), parts, v.now)
	}
	known, ofForms := ui.ErrorFor(errs, "known"), errs
	if known != "" {
		ofForms = nil
	}
	main := []ui.Node{ui.ErrorSummary(errs), parts[0], strip, p.bar(v, known), p.notices()}
	main = append(main, parts[1:]...)
	main = append(main, p.doors(v), p.method(), s.figureAssumed(v, p, ofForms), s.figureManage(v, p, ofForms))
	return ui.Page{Title: "Figure: " + p.def.Title, Width: ui.WorkPage, Back: &ui.NavItem{Href: p.f.path("/figures"), Text: "Figures"}, Main: main}
}

// parts are the pieces that change while somebody looks.
func (p figurePage) parts() []ui.Node {
	return []ui.Node{ui.Part("fig-head", ui.H1(p.headline())), ui.Part("fig-chart", p.chartPart()), ui.Part("fig-now", p.numbers()), ui.Part("fig-split", p.splitPart()), ui.Part("fig-waits", p.waitsPart())}
}

// bar is the filters of the page; wrong is what is wrong of the day that was typed.
func (p figurePage) bar(v *visit, wrong string) ui.Node {
	steps := []ui.Choice{{Value: "week", Label: "Week"}, {Value: "day", Label: "Day"}, {Value: "month", Label: "Month"}}
	splits := append([]ui.Choice{{Value: "", Label: "Nothing"}}, p.splits()...)
	known := ""
	switch {
	case wrong != "":
		known = v.query("known")
	case !p.f.known.IsZero():
		known = dayTyped(p.f.known)
	}
	return p.s.figureBar(p.f, figurePath(p.def.ID, ""),
		ui.Select{ID: "filter-every", Name: "every", Label: "By", Value: string(p.f.every), Items: steps},
		ui.Select{ID: "filter-by", Name: "by", Label: "Split by", Value: string(p.by), Items: splits},
		ui.DayPicker{ID: "known", Label: "As known on (day/month/year)", Value: known, Error: wrong})
}

// notices are what the reader must know of the figures before reading them.
func (p figurePage) notices() ui.Node {
	var out ui.Nodes
	if p.view.Behind {
		out = append(out, figureState([]hub.FigureView{p.view}))
	}
	if !p.f.known.IsZero() {
		now := p.f
		now.asked = cloneValues(p.f.asked)
		now.asked.Del("known")
		out = append(out, ui.Inset(ui.Para(ui.Text("These are the figures as they were known at the end of "+ui.LongDate(p.f.known.Time())+". "), ui.Link(now.path(figurePath(p.def.ID, "")), "See what is known now"))))
	}
	if n := p.view.Late; n > 0 {
		text := ui.Plural(int(n), "of those that are counted here", "of those that are counted here") + " became known more than a day late."
		if p.view.Changed(p.view.Total) {
			text += " A day after the end of this time the figure was " + p.sayFigure(p.view.Then) + "; now it is " + p.sayFigure(p.view.Total) + "."
		}
		out = append(out, ui.Note(ui.Strong("Restated. "), ui.Text(text)))
	}
	return out
}

// subtitle says what, where, when, from where and how complete.
func (p figurePage) subtitle() string {
	out := p.f.place() + ", " + p.f.when() + ". " + betterWords[p.def.Better] + "."
	if p.coverage != nil && p.coverage.Total.Known {
		out += " " + amountOf(p.coverage.Def, 1).sayFigure(p.coverage.Total) + " have a discharge-ready date."
	}
	if p.def.Matures > 0 {
		out += " Complete up to " + ui.LongDate(p.view.Whole.Time()) + "."
	}
	return out + " Source: the history of cases in Homeward, by the method below."
}

// chartPart is the control chart with what it says, and its table.
func (p figurePage) chartPart() ui.Node {
	if len(p.steps) == 0 {
		return ui.Empty("Nothing was counted in this time", ui.P("Choose a longer time or another place. A figure begins with the first thing that is counted: "+lower(p.def.Stop)+"."))
	}
	notes := make([]ui.Node, len(p.notes))
	for i, n := range p.notes {
		notes[i] = ui.Text(upper(strings.TrimPrefix(stepWhen(p.view.Every, p.steps[n.at].Start), "in the ")) + ": " + n.text)
	}
	return ui.Figure(p.def.Title+", "+everyWords[p.view.Every], p.subtitle(), both(p.picture("spc").SVG), ui.Verdicts(p.verdicts()...), ui.NumberedNotes(notes...), p.key(), ui.Details("Show this as a table", p.table()))
}

// key says what the marks mean, of those that are there.
func (p figurePage) key() ui.Node {
	words := map[chart.Mark]string{chart.Usual: "usual", chart.Better: "unusual, and better", chart.Worse: "unusual, and worse", chart.Odd: "unusual"}
	var items []ui.Node
	limits := slices.ContainsFunc(p.chart.Levels, func(l measure.Level) bool { return l.Limits })
	for _, m := range []chart.Mark{chart.Usual, chart.Better, chart.Worse, chart.Odd} {
		if limits && slices.ContainsFunc(p.chart.Points, func(x measure.Marked) bool { return x.Known && !x.Part && marks[x.Mark] == m }) {
			items = append(items, ui.Verdict(chart.Icon(m), words[m]))
		}
	}
	if slices.ContainsFunc(p.chart.Points, func(x measure.Marked) bool { return x.Part && x.Known }) {
		items = append(items, ui.Text("A hollow point is not complete yet."))
	}
	return ui.Verdicts(items...)
}

// table is the chart as a table.
func (p figurePage) table() ui.Node {
	t := ui.Table{Caption: p.def.Title + ", " + everyWords[p.view.Every], Columns: []ui.Column{{Label: upper(string(p.view.Every))}, {Label: "Figure", Numeric: true}, {Label: madeOf(p.def), Numeric: true}, {Label: "Average", Numeric: true}, {Label: "Limits"}, {Label: "What it says"}}}
	for i, x := range slices.Backward(p.chart.Points) {
		_, l := p.level(i)
		mean, limits := "", tooFew(p.view.Every)
		if l.Known > 0 {
			mean = p.bare(l.Mean)
		}
		if l.Limits {
			limits = p.bare(math.Max(l.Lower, 0)) + " to " + p.bare(math.Min(l.Upper, p.ceiling()))
		}
		says := upper(cmp.Or(x.Why, "usual"))
		switch {
		case x.Part:
			says = "Not complete yet"
		case !x.Known || !l.Limits:
			says = ""
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(ui.Day(p.steps[i].Start)), ui.Text(p.sayFigure(p.steps[i].Figure)), ui.Text(counted(p.steps[i].Figure)), ui.Text(mean), ui.Text(limits), ui.Text(says)}})
	}
	return t
}

// counted is of how many a figure is made.
func counted(f measure.Figure) string {
	if f.Few {
		return fewer
	}
	return plain(f.Over)
}

// madeOf heads the column of what a figure is made of.
func madeOf(m measure.Measure) string {
	if m.Nightly {
		return "Nights"
	}
	return "Counted"
}

// numbers are the figure of the whole time, and what runs.
func (p figurePage) numbers() ui.Node {
	total := p.view.Total
	if len(p.steps) == 0 && total.Open == 0 {
		return nil // the page says that nothing was counted
	}
	note := "Made of " + counted(total)
	if p.def.Nightly && !total.Few {
		note = "The average of " + ui.Plural(int(total.Over), "night", "nights")
	}
	tiles := []ui.StatTile{{Label: "In the whole time", Value: p.sayFigure(total), Note: note}}
	if now, note := p.soFar(); now != "" {
		tiles = append(tiles, ui.StatTile{Label: upper(note), Value: now})
	}
	if !p.def.Source.Span && total.Open > 0 && !total.Few {
		tiles = append(tiles, ui.StatTile{Label: "Still open", Value: plain(total.Open), Note: "They count when they stop"})
	}
	if x := p.view.Together; x != nil && x.Known {
		var with []string
		for _, id := range p.def.Adds {
			if m, ok := measure.Find(id); ok {
				with = append(with, m.Title)
			}
		}
		tiles = append(tiles, ui.StatTile{Label: "All time saved together", Value: p.say(x.Value), Note: "With: " + strings.Join(with, ", ")})
	}
	return ui.StatTiles(tiles...)
}

// splitPart is the measure by one of its dimensions, with bars.
func (p figurePage) splitPart() ui.Node {
	if p.split == nil || len(p.split.Groups) == 0 {
		return nil
	}
	most := 0.0
	for _, g := range p.split.Groups {
		if g.Known && !g.Few {
			most = max(most, g.Value)
		}
	}
	a := amountOf(p.def, most)
	t := ui.Table{Caption: p.def.Title + " by " + lower(dimWords[p.by]), Columns: []ui.Column{{Label: dimWords[p.by]}, {Label: "Figure"}, {Label: madeOf(p.def), Numeric: true}}}
	for _, g := range p.split.Groups {
		value := ui.Node(ui.Missing(upper(a.sayFigure(g.Figure))))
		if g.Known && !g.Few {
			value = ui.Bar(g.Value, most, a.say(g.Value))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(cmp.Or(g.Name, "Not known")), value, ui.Text(counted(g.Figure))}})
	}
	return ui.Section("split", "By "+lower(dimWords[p.by]), t)
}

// timed reports whether a measure's values are times that somebody waited.
func timed(m measure.Measure) bool {
	return m.Unit == measure.Days || m.Unit == measure.Minutes
}

// waitsPart is how the values are spread.
func (p figurePage) waitsPart() ui.Node {
	slicesOf := p.view.Slices
	all, few := int64(0), false
	d := chart.Waits{About: chart.About{ID: "waits", Title: "How the values are spread"}}
	t := ui.Table{Caption: d.Title, Stay: true, Columns: []ui.Column{{Label: "Value"}, {Label: "How many", Numeric: true}}}
	for _, x := range slicesOf {
		all += x.N
		few = few || x.Few
		d.Bands = append(d.Bands, chart.Band{Words: x.Words, N: x.N})
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(x.Words), ui.Text(map[bool]string{true: fewer, false: plain(x.N)}[x.Few])}})
	}
	if all == 0 {
		return nil
	}
	if few { // bars would say what is hidden
		return ui.Section("waits", d.Title, ui.Small("Small numbers of another organisation are not shown."), t)
	}
	if h := p.view.Total.Hist; h != nil && timed(p.def) {
		for _, q := range []struct {
			share float64
			words string
		}{{0.5, "Half within "}, {0.9, "9 in 10 within "}} {
			if v, ok := h.Quantile(q.share); ok {
				words := q.words + p.say(float64(v))
				if v == 0 && p.def.Unit == measure.Days {
					words = strings.TrimSuffix(q.words, "within ") + "on the day"
				}
				d.Marks = append(d.Marks, chart.BandMark{Band: bandOf(slicesOf, v), Words: words})
			}
		}
	}
	d.Desc = "Bars for " + ui.Plural(len(d.Bands), "band", "bands") + "."
	for _, m := range d.Marks {
		d.Desc += " " + m.Words + "."
	}
	return ui.Section("waits", d.Title, both(d.SVG), ui.Details("Show this as a table", t))
}

// bandOf is the band that a value is in.
func bandOf(bands []hub.FigureSlice, v int64) int {
	at := 0
	for i, b := range bands {
		if b.From <= v {
			at = i
		}
	}
	return at
}

// doors lead from a figure to its file, and to whom it counts.
func (p figurePage) doors(v *visit) ui.Node {
	var links []ui.Node
	if p.s.Hub.MayFigures(v.by, policy.ExportFigures) {
		links = append(links, ui.Link(p.f.path(figurePath(p.def.ID, "/file")), "Download as CSV"))
		links = append(links, ui.Link("/reports/new?measure="+string(p.def.ID)+"&"+p.f.asked.Encode(), "Save as a report"))
	}
	if p.s.Hub.MayFigures(v.by, policy.DrillFigures) {
		links = append(links, ui.Link(p.f.path(figurePath(p.def.ID, "/people")), "Whom does this count?"))
	}
	if len(links) == 0 {
		return nil
	}
	return ui.List(links...)
}

// method is how the figure is made, in full.
func (p figurePage) method() ui.Node {
	cite := p.def.Cite
	if cite == "ours" {
		cite = "Our own definition: no national one is known to us"
	}
	rows := []ui.Row{{Key: "What it says", Value: ui.Text(p.def.Sentence)}, {Key: "Starts with", Value: ui.Text(upper(p.def.Start))}, {Key: "Stops with", Value: ui.Text(upper(p.def.Stop))},
		{Key: "How it is made", Value: ui.Text(p.def.Method)}, {Key: "Left out", Value: p.leftOut()}, {Key: "Assumed", Value: p.assumed()}, {Key: "Laid down in", Value: ui.Text(cite)}}
	if p.def.Matures > 0 {
		rows = append(rows, ui.Row{Key: "Complete", Value: ui.Text(strconv.Itoa(p.def.Matures) + " days after the day that it counts. Until then it can only grow.")})
	}
	if p.def.Local {
		rows = append(rows, ui.Row{Key: "Note", Value: ui.Text("A local measure. National figures are made otherwise.")})
	}
	rows = append(rows, ui.Row{Key: "The chart", Value: ui.Text("Average, and limits at 2.66 times the average step from one point to the next (Making Data Count). Outside a limit, 7 in a row on one side or in one direction, or 2 of 3 close to a limit, is unusual. Under 12 points there are no limits.")})
	return ui.Expander("How this figure is made", ui.SummaryList(rows...))
}

// leftOut is what the figure leaves out, with how many that were in this time.
func (p figurePage) leftOut() ui.Node {
	var lines []ui.Node
	h := p.view.Total.Hist
	for _, code := range p.def.Leaves {
		words := upper(cmp.Or(measure.Excluded[code], code))
		if h != nil {
			words += ": " + fewOrMany(h.Out[code])
		}
		lines = append(lines, ui.Text(words))
	}
	if len(lines) == 0 {
		return ui.Text("Nothing")
	}
	return ui.Bullets(lines...)
}

func (p figurePage) assumed() ui.Node {
	h := p.view.Total.Hist
	if h == nil || len(h.Assumed) == 0 {
		return ui.Text("Nothing")
	}
	var codes []string
	for code := range h.Assumed {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	var lines []ui.Node
	for _, code := range codes {
		lines = append(lines, ui.Text(upper(cmp.Or(measure.Assumptions[code], code))+": "+fewOrMany(h.Assumed[code])))
	}
	return ui.Bullets(lines...)
}

func fewOrMany(n int64) string {
	if n > 0 && n < measure.Few {
		return fewer
	}
	return plain(n)
}

func cloneValues(v url.Values) url.Values {
	out := url.Values{}
	for k, x := range v {
		out[k] = slices.Clone(x)
	}
	return out
}

// figureFile is what the page of a measure shows, as a file. Small numbers are left out.
func (s *Server) figureFile(v *visit) (response, error) {
	m, ok := measure.Find(measure.ID(v.path("measure")))
	if !ok {
		return nil, &care.Error{Kind: care.NotFound, Text: "There is no such figure"}
	}
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, err
	}
	p := s.figurePageOf(f, m)
	views, err := s.Hub.FiguresAway(v.ctx(), v.by, p.queries()...)
	if err != nil {
		return nil, err
	}
	p = p.with(views)
	known := ui.DateTime(v.now)
	if !f.known.IsZero() {
		known = "the end of " + ui.Day(f.known)
	}
	file := csvFile{name: string(m.ID) + "-" + v.now.In(s.Zone).Format("2006-01-02-1504") + ".csv", rows: [][]string{
		{"Measure", "Kind", "From", "To", "Group", "Value", "Unit", "Counted", "Average", "Lower limit", "Upper limit", "What it says", "Where", "As known at", "Definition"}}}
	line := func(kind string, from, to nhs.Date, group string, x measure.Figure, rest ...string) {
		value, n := "", counted(x)
		switch {
		case x.Few:
			value = fewer
		case x.Known:
			value = strconv.FormatFloat(x.Value, 'f', -1, 64)
		}
		cells := append([]string{m.Title, kind, from.String(), to.String(), group, value, string(m.Unit), n}, append(rest, make([]string, 4-len(rest))...)...)
		file.rows = append(file.rows, append(cells, f.place(), known, m.Method))
	}
	line("whole time", p.view.From, p.view.To, "", p.view.Total)
	for i, st := range p.steps {
		_, l := p.level(i)
		rest := []string{"", "", "", p.chart.Points[i].Why}
		if l.Limits {
			for k, x := range []float64{l.Mean, l.Lower, l.Upper} {
				rest[k] = strconv.FormatFloat(x*p.per, 'f', 4, 64)
			}
		}
		line(string(p.view.Every), st.Start, p.view.Every.Next(st.Start).Add(-1), "", st.Figure, rest...)
	}
	if p.split != nil {
		for _, g := range p.split.Groups {
			line("by "+lower(dimWords[p.by]), p.split.From, p.split.To, g.Name, g.Figure)
		}
	}
	return file, nil
}
