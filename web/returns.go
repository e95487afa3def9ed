package web

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/measure"
	"homeward/policy"
	"homeward/returns"
	"homeward/web/ui"
)

// returnRoutes is the statutory returns of the reader's organisation: which there are,
// what one would say and what it lacks, and its file once it was made.
func (s *Server) returnRoutes() []route {
	makes := deciding(policy.MakeReturns)
	return []route{
		{pattern: "GET /returns", nav: "returns", asks: makes, do: s.returnList},
		{pattern: "GET /returns/{return}", nav: "returns", asks: makes, do: s.returnPage},
		{pattern: "POST /returns/{return}", nav: "returns", asks: makes, do: s.makeReturn},
		{pattern: "GET /returns/{return}/made/{made}", asks: makes, do: s.returnFile},
	}
}

func returnPath(id returns.ID, more string) string {
	return "/returns/" + url.PathEscape(string(id)) + more
}

func returnOf(id returns.ID, period string) string {
	return returnPath(id, "?"+url.Values{"period": {period}}.Encode())
}

// periodSay is a period in words: 9 March 2026, March 2026, January to March 2026.
func periodSay(name string) string {
	p, err := returns.ParsePeriod(name)
	switch from, to := p.From.Time(), p.To.Time(); {
	case err != nil:
		return name
	case p.From == p.To:
		return ui.LongDate(from)
	case from.Month() == to.Month():
		return from.Format("January 2006")
	default:
		return from.Format("January") + to.Format(" to January 2006")
	}
}

// periodTyped is the name of a period that somebody typed. A day may be typed as people
// write it.
func periodTyped(typed string) string {
	if d, ok := pickedDay(typed); ok {
		return d.String()
	}
	return strings.ToUpper(strings.TrimSpace(typed))
}

// returnPeriods is for how long returns are, in words.
var returnPeriods = map[string]string{"day": "Every day", "month": "Every month", "quarter": "Every quarter"}

func (s *Server) returnList(v *visit) (response, error) {
	all, err := s.Hub.Returns(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Returns", Columns: []ui.Column{{Label: "Return"}, {Label: "How often"}, {Label: "Made last"}, {Label: "Next"}, {Label: "Due"}},
		Empty: ui.Empty("There are no returns", ui.P("Your organisation makes no return with Homeward."))}
	for _, r := range all {
		last := ui.Missing("Never")
		if r.Last != nil {
			last = ui.Nodes{ui.Text(periodSay(r.Last.Period)), ui.Sub(ui.DateTime(r.Last.At) + ", " + r.Last.By.Name)}
		}
		next := ui.Node(ui.Link(returnOf(r.Def.ID, r.Next.Name), periodSay(r.Next.Name)))
		if r.Done {
			next = ui.Nodes{next, ui.Sub("Made")}
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link(returnPath(r.Def.ID, ""), r.Def.Title), ui.Text(returnPeriods[r.Def.Every]), last, next, ui.Text(ui.Day(r.Due))}})
	}
	return show(ui.Page{Title: "Returns", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Returns", ui.Plural(len(all), "return", "returns")),
		ui.P("What your organisation tells national bodies. Each page says what the return is, how complete it is, who can put right what is missing, and what changed since the last time."),
		t, ui.Small("When a return is due is from a list that can be replaced, and ours: confirm it with whoever collects the return. Homeward sends no return."),
		ui.PrintMeta(v.now, v.by.Name)}}), nil
}

func (s *Server) returnPage(v *visit) (response, error) {
	r, err := s.Hub.Return(v.ctx(), v.by, returns.ID(v.path("return")), periodTyped(v.query("period")))
	if errs, ok := fieldErrors(err, nil); ok {
		return refuse(returnAgain(v, v.query("period"), errs)), nil
	}
	if err != nil {
		return nil, err
	}
	return show(returnShown(v, r)), nil
}

// returnAgain asks for a period again, when none can be read or the return is not of it.
func returnAgain(v *visit, typed string, errs []ui.FieldError) ui.Page {
	def, _ := returns.Find(returns.ID(v.path("return")))
	return ui.Page{Title: def.Title, Width: ui.FormPage, Back: &ui.NavItem{Href: "/returns", Text: "Returns"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1(def.Title), periodForm(def, typed, errs))}}
}

func periodForm(def returns.Return, period string, errs []ui.FieldError) ui.Node {
	hint := map[string]string{"day": "A day such as 2026-03-09, or a month such as 2026-03", "month": "A month such as 2026-03, or a quarter such as 2026-Q1",
		"quarter": "A quarter such as 2026-Q1 (January to March), or a month such as 2026-03"}[def.Every]
	return ui.Form{Action: returnPath(def.ID, ""), Get: true, Body: []ui.Node{
		ui.Input{ID: "period", Label: "Period", Hint: hint, Width: 10, Value: period, Error: ui.ErrorFor(errs, "period")},
		ui.Button{Text: "Show this period", Kind: ui.Secondary}}}
}

func returnShown(v *visit, r hub.ReturnView) ui.Page {
	known := make([]ui.Row, len(r.Def.Known))
	for i, k := range r.Def.Known {
		known[i] = ui.Row{Key: k.What, Value: ui.Text(k.Say)}
	}
	body := []ui.Node{
		ui.WorkHead(r.Def.Title, periodSay(r.Period.Name)+": "+ui.Plural(r.Sum.Rows, "row", "rows")+", "+ui.Plural(r.Sum.Problems, "thing", "things")+" to put right"),
		ui.P(r.Def.Definition), ui.Small("Laid down in: " + r.Def.Cite + ". As at " + ui.DateTime(r.AsAt) + ". Due on " + ui.Day(r.Due) + ", as our list has it."),
		returnWarning(r.Def), periodForm(r.Def, r.Period.Name, nil),
		ui.Section("sums", "What it says", returnSums(r)),
		ui.Section("complete", "How complete it is", returnFilled(r.Sum.Filled)),
		ui.Section("problems", "What to put right", returnWrongs(r.Groups)),
		ui.PostForm(returnPath(r.Def.ID, ""), ui.Hidden("period", r.Period.Name), ui.Submit("Make this return"),
			ui.Small("It is kept as it is now, with your name, and can be downloaded. Homeward does not send it.")),
		ui.Section("made", "Made before", returnsMade(r)),
		ui.Section("known", "What is ours, and what is known in part", ui.SummaryList(known...)),
		ui.PrintMeta(v.now, v.by.Name)}
	return ui.Page{Title: r.Def.Title, Width: ui.WorkPage, Back: &ui.NavItem{Href: "/returns", Text: "Returns"}, Main: body}
}

// returnWarning says what the file of a return holds that others must not get.
func returnWarning(def returns.Return) ui.Node {
	if def.Personal {
		return ui.WarningCard(3, "The file is about people", ui.P("It names people by their numbers. It is for your council, and for the body that collects it. Every time it is made or downloaded is recorded with your name."))
	}
	return ui.WarningCard(3, "Small numbers are not hidden", ui.P("The file goes to a national body, which asks for every number. Do not publish it or send it to anybody else: few people may be recognised."))
}

// metricText is a sum of a return for people.
func metricText(m *returns.Metric) string {
	switch {
	case m == nil:
		return "Not counted"
	case !m.Known:
		return "Nobody to count"
	case m.Unit == measure.Share:
		return strconv.FormatFloat(m.Value*100, 'f', 1, 64) + "%"
	case m.Unit == measure.Days:
		return strconv.FormatFloat(m.Value, 'f', 2, 64) + " days"
	}
	return figure(int64(m.Value))
}

// changeText is how a sum changed.
func changeText(d hub.ReturnDifference) string {
	if d.Was == nil || d.Now == nil || !d.Was.Known || !d.Now.Known {
		return "Cannot be compared"
	}
	c := returns.Metric{Value: d.Now.Value - d.Was.Value, Known: true, Unit: d.Unit}
	switch {
	case c.Value == 0:
		return "The same"
	case c.Value < 0:
		c.Value = -c.Value
		return metricText(&c) + " less"
	}
	return metricText(&c) + " more"
}

func returnSums(r hub.ReturnView) ui.Node {
	t := ui.Table{Caption: "What it says", Columns: []ui.Column{{Label: "What"}, {Label: "Now", Numeric: true}}}
	if len(r.Before) == 0 {
		for i := range r.Sum.Metrics {
			m := &r.Sum.Metrics[i]
			t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(m.Name), ui.Text(metricText(m))}})
		}
		return ui.Nodes{t, ui.Small("It was never made here: there is nothing to compare with.")}
	}
	last := r.Before[0]
	t.Columns = append(t.Columns, ui.Column{Label: periodSay(last.Period), Numeric: true}, ui.Column{Label: "Difference", Numeric: true})
	for _, d := range r.Sum.Since(last) {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(d.Name), ui.Text(metricText(d.Now)), ui.Text(metricText(d.Was)), ui.Text(changeText(d))}})
	}
	return ui.Nodes{t, ui.Small("Compared with the one that was made last: of " + periodSay(last.Period) + ", on " + ui.DateTime(last.At) + ".")}
}

func returnFilled(fs []returns.Filled) ui.Node {
	t := ui.Table{Caption: "How complete it is", Columns: []ui.Column{{Label: "Field"}, {Label: "There", Numeric: true}, {Label: "Of", Numeric: true}, {Label: "Share", Numeric: true}},
		Empty: ui.Empty("No rows", ui.P("Nobody is counted in this period."))}
	var not []string
	for _, f := range fs {
		if !f.Held {
			not = append(not, f.Field)
			continue
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(f.Field), ui.Text(figure(int64(f.Have))), ui.Text(figure(int64(f.Of))), ui.Text(fmt.Sprintf("%d%%", f.Have*100/f.Of))}})
	}
	return ui.Nodes{t, ui.If(len(not) > 0, func() ui.Node {
		return ui.Details("Homeward does not hold "+ui.Plural(len(not), "field", "fields")+": fill them in from your own system", ui.Bullets(ui.Map(not, ui.Text)...))
	})}
}

func returnWrongs(ps []hub.ReturnProblem) ui.Node {
	t := ui.Table{Caption: "What to put right", NoHeadCell: true, Columns: []ui.Column{{Label: "Field"}, {Label: "What is wrong"}, {Label: "How many", Numeric: true}, {Label: "What to do"}, {Label: "Who can"}, {Label: "Cases"}},
		Empty: ui.Empty("Nothing to put right", ui.P("Nothing is missing of what Homeward holds."))}
	for _, p := range ps {
		var cases ui.Nodes
		for _, id := range p.Cases {
			cases = append(cases, ui.Link(casePath(id, ""), handle(id)), ui.Text(" "))
		}
		if p.Others {
			cases = append(cases, ui.Small(map[bool]string{true: "Cases that you may not open, or more than fit here", false: "And others"}[len(p.Cases) == 0]))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(p.Field), ui.Text(p.Text), ui.Text(figure(int64(p.N))), ui.Text(p.Mend), ui.Text(p.Who), cases}})
	}
	return t
}

func returnsMade(r hub.ReturnView) ui.Node {
	t := ui.Table{Caption: "Made before", Columns: []ui.Column{{Label: "Period"}, {Label: "Made"}, {Label: "Rows", Numeric: true}, {Label: "To put right", Numeric: true}, {Label: "File"}},
		Empty: ui.P("It was never made here.")}
	for _, m := range r.Before {
		file := ui.Node(ui.Text("Not kept any more"))
		if m.Kept {
			file = ui.LinkAbout(returnPath(r.Def.ID, "/made/"+url.PathEscape(m.Name)), "Download as CSV", "of "+periodSay(m.Period))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(periodSay(m.Period)), ui.Nodes{ui.TimeAt(m.At), ui.Sub(m.By.Name)}, ui.Text(figure(int64(m.Rows))), ui.Text(figure(int64(m.Problems))),
			ui.Nodes{file, ui.Sub("SHA-256 " + m.Digest[:min(12, len(m.Digest))])}}})
	}
	return ui.Nodes{t, ui.If(r.Def.Personal, func() ui.Node {
		return ui.Small("Files about people are kept of the last two times only, and leave out whoever was erased since.")
	})}
}

func (s *Server) makeReturn(v *visit) (response, error) {
	id, period := returns.ID(v.path("return")), periodTyped(v.form("period"))
	if def, ok := returns.Find(id); ok && def.IsFor(v.by.OrgKind) && period == "" {
		return refuse(returnAgain(v, period, []ui.FieldError{{ID: "period", Text: "Enter the period of the return"}})), nil
	}
	m, err := s.Hub.MakeReturn(v.ctx(), v.by, id, period)
	if errs, ok := fieldErrors(err, nil); ok {
		return refuse(returnAgain(v, period, errs)), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo(returnOf(id, m.Period) + "#made").saying("The return of " + periodSay(m.Period) + " was made: " + ui.Plural(m.Rows, "row", "rows") + ". Download it below."), nil
}

// returnFile is the file of a made return. Its name says what whoever finds it must know.
func (s *Server) returnFile(v *visit) (response, error) {
	f, err := s.Hub.ReturnFile(v.ctx(), v.by, returns.ID(v.path("return")), v.path("made"))
	if err != nil {
		return nil, err
	}
	name := string(f.ID) + "-" + f.Period
	switch {
	case f.Erased > 0:
		name += "-confidential-without-" + strconv.Itoa(f.Erased) + "-erased-rows"
	case f.Def.Personal:
		name += "-confidential"
	case slices.Contains(f.Def.For, care.Trust):
		name += "-small-numbers-not-hidden"
	}
	return written{name + ".csv", "text/csv; charset=utf-8", func(w io.Writer) error {
		_, err := w.Write(f.Body)
		return err
	}}, nil
}
