package web

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/measure"
	"homeward/policy"
	"homeward/tabular"
	"homeward/web/ui"
)

// figureReportRoutes is what leaves: reports that are saved and delivered, and extracts
// for analysts. product.md P14.
func (s *Server) figureReportRoutes() []route {
	export, extract := deciding(policy.ExportFigures), deciding(policy.ExtractFigures, policy.ExtractNamed)
	return []route{
		{pattern: "GET /reports", nav: "reports", asks: export, do: s.reports},
		{pattern: "GET /reports/new", nav: "reports", asks: export, do: s.newReport},
		{pattern: "POST /reports/new", nav: "reports", asks: export, do: s.saveReport},
		{pattern: "GET /reports/extracts", nav: "extracts", asks: extract, do: s.extracts},
		{pattern: "POST /reports/extracts", nav: "extracts", asks: extract, do: s.extract},
		{pattern: "GET /reports/{report}", nav: "reports", asks: export, do: s.savedReport},
		{pattern: "GET /reports/{report}/change", nav: "reports", asks: export, do: s.changeReport},
		{pattern: "POST /reports/{report}/change", nav: "reports", asks: export, do: s.saveReport},
		{pattern: "GET /reports/{report}/file", asks: export, do: s.savedReportFile},
		{pattern: "GET /reports/{report}/delete", nav: "reports", asks: export, do: s.askDropReport},
		{pattern: "POST /reports/{report}/delete", nav: "reports", asks: export, do: s.dropReport},
	}
}

func (s *Server) reports(v *visit) (response, error) {
	list, err := s.Hub.Reports(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Reports", Columns: []ui.Column{{Label: "Report"}, {Label: "Of"}, {Label: "Whose"}, {Label: "Delivered"}, {Label: "Last delivery"}},
		Empty: ui.Empty("There are no reports yet", ui.P("Choose measures on a page of figures, and there “Save as a report”, or make one here."))}
	for _, r := range list {
		whose := "Yours"
		switch {
		case r.Mine && r.Shared:
			whose = "Yours, shared"
		case !r.Mine:
			whose = r.By
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link("/reports/"+url.PathEscape(r.ID), r.Name), ui.Text(ui.Plural(len(r.Lines), "measure", "measures") + ", " + lowered(r.Period.Say())),
			ui.Text(whose), ui.Text(scheduleWords(r.Report.Schedule)), lastRun(r)}})
	}
	return show(ui.Page{Title: "Reports", Width: ui.WorkPage, Main: []ui.Node{ui.WorkHead("Reports", ""), ui.ButtonGroup(ui.Button{Text: "Make a report", Href: "/reports/new"}), t}}), nil
}

// lowered begins with a small letter, for the middle of a sentence.
func lowered(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// lastRun is how the newest delivery went.
func lastRun(r hub.SavedReport) ui.Node {
	switch {
	case r.Retry != "":
		return ui.Tag(ui.TagOrange, "Tried again")
	case len(r.Runs) == 0:
		return ui.Missing("None yet")
	case r.Runs[0].Problem != "":
		return ui.Nodes{ui.Tag(ui.TagRed, "Failed"), ui.Sub(ui.Clock(r.Runs[0].At))}
	}
	return ui.Text(ui.Clock(r.Runs[0].At))
}

// scheduleWords is when a report is delivered.
func scheduleWords(c hub.ReportSchedule) string {
	hour := " at " + strconv.Itoa(c.Hour) + ":00"
	switch c.Every {
	case hub.EachDay:
		return "Each day" + hour
	case hub.EachWeek:
		return "Each " + c.Weekday.String() + hour
	case hub.EachMonth:
		return "Each month, on day " + strconv.Itoa(c.Day) + hour
	}
	return "Not by itself"
}

func (s *Server) savedReport(v *visit) (response, error) {
	r, err := s.Hub.Report(v.ctx(), v.by, v.path("report"))
	if err != nil {
		return nil, err
	}
	at := "/reports/" + url.PathEscape(r.ID)
	whose := "You"
	if !r.Mine {
		whose = r.By
	}
	rows := []ui.Row{{Key: "Time", Value: ui.Text(r.Period.Say())}, {Key: "Written as", Value: ui.Text(r.Format.Say())}, {Key: "Made by", Value: ui.Text(whose)},
		{Key: "Shared with colleagues", Value: ui.Text(upper(yesOrNo(r.Shared)))}, {Key: "Delivered", Value: ui.Text(scheduleWords(r.Report.Schedule))}}
	if r.To != "" {
		rows = append(rows, ui.Row{Key: "To", Value: ui.Text(s.placeWords(v, r.To))})
	}
	if !r.Next.IsZero() {
		rows = append(rows, ui.Row{Key: "Next", Value: ui.Text(ui.Clock(r.Next))})
	}
	measures := ui.Table{Caption: "Measures", ShowTitle: true, Columns: []ui.Column{{Label: "Measure"}, {Label: "Of"}}}
	for _, l := range r.Lines {
		measures.Rows = append(measures.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(l.Title), ui.Text(l.Words)}})
	}
	main := []ui.Node{ui.H1(r.Name), ui.SummaryList(rows...),
		ui.H2("Run it now"), ui.P("Figures of fewer than " + strconv.Itoa(measure.Few) + " people are left out of the files."),
		ui.Para(ui.Link(at+"/file?format=csv", "CSV"), ui.Text(" "), ui.Link(at+"/file?format=xlsx", "Excel"), ui.Text(" "), ui.Link(at+"/file?format=html", "Page to print")),
		measures, deliveries(s, v, r)}
	if r.Mine {
		main = append(main, ui.ButtonGroup(ui.Button{Text: "Change", Kind: ui.Secondary, Href: at + "/change"}, ui.Button{Text: "Delete", Kind: ui.Secondary, Href: at + "/delete"}))
	} else {
		main = append(main, ui.Para(ui.Link("/reports/new?"+copyOf(r).Encode(), "Save a copy of your own")))
	}
	return show(ui.Page{Title: r.Name, Width: ui.ReadingPage, Back: &ui.NavItem{Href: "/reports", Text: "Back to reports"}, Main: main}), nil
}

// deliveries are the deliveries of a report, newest first.
func deliveries(s *Server, v *visit, r hub.SavedReport) ui.Node {
	t := ui.Table{Caption: "Deliveries", ShowTitle: true, Columns: []ui.Column{{Label: "Due"}, {Label: "Outcome"}, {Label: "To"}}, Empty: ui.Empty("Nothing was delivered yet")}
	for _, x := range r.Runs {
		outcome := ui.Node(ui.Text("Delivered at " + ui.Clock(x.At)))
		if x.Problem != "" {
			outcome = ui.Nodes{ui.Tag(ui.TagRed, "Failed"), ui.Sub(x.Problem)}
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(ui.Clock(x.Due)), outcome, ui.Text(s.placeWords(v, x.To))}})
	}
	return ui.Nodes{ui.If(r.Retry != "", func() ui.Node { return ui.WarningCard(2, "The last delivery has not arrived yet", ui.P(r.Retry)) }), t}
}

// placeWords names where reports go.
func (s *Server) placeWords(v *visit, to string) string {
	if to == hub.ToMail {
		return "A link by e-mail"
	}
	for _, p := range s.Hub.ReportPlaces(v.by) {
		if p.Name == to {
			return p.Title
		}
	}
	return "A place that is not there any more"
}

// copyOf is the address of a new report that begins as another.
func copyOf(r hub.SavedReport) url.Values {
	out := url.Values{"name": {r.Name}, "period": {string(r.Period)}, "format": {string(r.Format)}}
	for _, i := range r.Report.Items {
		out.Add("item", itemText(i))
	}
	return out
}

// itemText is a measure of a report as one value of a form: id, by, every, and where,
// such as delay|ward|week|hospital=RK5. It names places, never a person.
func itemText(i hub.ReportItem) string {
	parts := []string{string(i.Measure), string(i.By), string(i.Every)}
	for _, d := range measure.Dims {
		if v, ok := i.Where[d]; ok {
			parts = append(parts, string(d)+"="+v)
		}
	}
	return strings.Join(parts, "|")
}

// readItem reads what itemText wrote; ok is false where it cannot be.
func readItem(text string) (i hub.ReportItem, ok bool) {
	parts := strings.Split(text, "|")
	if len(parts) < 3 {
		return i, false
	}
	i = hub.ReportItem{Measure: measure.ID(parts[0]), By: measure.Dim(parts[1]), Every: measure.Every(parts[2])}
	for _, p := range parts[3:] {
		d, v, found := strings.Cut(p, "=")
		if !found || !slices.Contains(measure.Dims, measure.Dim(d)) {
			return i, false
		}
		if i.Where == nil {
			i.Where = map[measure.Dim]string{}
		}
		i.Where[measure.Dim(d)] = v
	}
	return i, true
}

// newReport is the form for a report. A page of figures leads here with its measure
// and filters in the address.
func (s *Server) newReport(v *visit) (response, error) {
	q := v.r.URL.Query()
	typed := url.Values{"name": q["name"], "item": q["item"], "period": {q.Get("period")}, "format": {q.Get("format")}}
	if m, ok := measure.Find(measure.ID(q.Get("measure"))); ok {
		i := hub.ReportItem{Measure: m.ID, By: measure.Dim(q.Get("by")), Every: measure.Every(q.Get("every")), Where: map[measure.Dim]string{}}
		for _, d := range measure.Dims {
			if q.Has(string(d)) && m.Splits(d) {
				i.Where[d] = q.Get(string(d))
			}
		}
		typed.Add("item", itemText(i))
	}
	return s.reportMaker(v, typed, nil)
}

func (s *Server) changeReport(v *visit) (response, error) {
	r, err := s.Hub.Report(v.ctx(), v.by, v.path("report"))
	if err != nil {
		return nil, err
	}
	typed := copyOf(r)
	typed.Set("version", strconv.FormatInt(r.Version, 10))
	typed.Set("to", r.To)
	typed.Set("every", string(r.Report.Schedule.Every))
	typed.Set("hour", strconv.Itoa(r.Report.Schedule.Hour))
	typed.Set("weekday", strconv.Itoa(int(r.Report.Schedule.Weekday)))
	typed.Set("day", strconv.Itoa(max(1, r.Report.Schedule.Day)))
	if r.Shared {
		typed.Set("shared", "yes")
	}
	return s.reportMaker(v, typed, nil)
}

// reportMaker is the form of a report, with what was typed.
func (s *Server) reportMaker(v *visit, typed url.Values, errs wrongs) (response, error) {
	if _, err := s.Hub.Reports(v.ctx(), v.by); err != nil { // whoever may not is told so before they type
		return nil, err
	}
	title, action, back := "Make a report", "/reports/new", ui.NavItem{Href: "/reports", Text: "Back to reports"}
	if id := v.path("report"); id != "" {
		title, action = "Change a report", "/reports/"+url.PathEscape(id)+"/change"
		back = ui.NavItem{Href: "/reports/" + url.PathEscape(id), Text: "Back to the report"}
	}
	body := []ui.Node{ui.Hidden("version", typed.Get("version")),
		ui.Input{ID: "name", Label: "Name of the report", Hint: "Without anything about a person", Value: typed.Get("name"), Error: ui.ErrorFor(errs, "name")},
		s.itemFields(typed, errs),
		ui.Select{ID: "period", Label: "Time", Value: typed.Get("period"), Items: periodChoices(), Error: ui.ErrorFor(errs, "period")},
		ui.Radios{ID: "format", Legend: "How is it written?", Value: typed.Get("format"), Small: true, Items: formatChoices(), Error: ui.ErrorFor(errs, "format")},
		ui.Checkboxes{ID: "shared", Legend: "Who else may see it?", Small: true, Values: typed["shared"], Items: []ui.Choice{{Value: "yes", Label: "Colleagues of my organisation who may take figures away"}}},
		ui.Select{ID: "every", Label: "How often is it delivered?", Value: typed.Get("every"), Error: ui.ErrorFor(errs, "every"),
			Items: []ui.Choice{{Value: "", Label: "Not by itself"}, {Value: "day", Label: "Each day"}, {Value: "week", Label: "Each week"}, {Value: "month", Label: "Each month"}}},
		ui.Select{ID: "hour", Label: "At what hour?", Value: typed.Get("hour"), Items: numberChoices(0, 23, ":00")},
		ui.Select{ID: "weekday", Label: "Each week: on which day?", Value: typed.Get("weekday"), Items: weekdayChoices()},
		ui.Select{ID: "day", Label: "Each month: on which day of the month?", Value: typed.Get("day"), Items: numberChoices(1, 28, "")},
		ui.Select{ID: "to", Label: "Where is it delivered?", Hint: "By e-mail comes a link, and no figures", Value: typed.Get("to"), Items: s.placeChoices(v), Error: ui.ErrorFor(errs, "to")},
		ui.Submit("Save"),
	}
	p := ui.Page{Title: title, Width: ui.FormPage, Back: &back, Main: []ui.Node{ui.ErrorSummary(errs), ui.H1(title), ui.PostForm(action, body...)}}
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// itemFields are the measures of a report: those that came with it stay ticked, and all
// others can be added, for all hospitals and councils.
func (s *Server) itemFields(typed url.Values, errs wrongs) ui.Node {
	var chosen []ui.Choice
	for _, text := range typed["item"] {
		if i, ok := readItem(text); ok {
			chosen = append(chosen, ui.Choice{Value: text, Label: s.Hub.ReportLineWords(i)})
		}
	}
	more := []ui.Choice{{Value: "", Label: "No other measure"}}
	for _, m := range measure.All {
		more = append(more, ui.Choice{Value: itemText(hub.ReportItem{Measure: m.ID}), Label: m.Title})
	}
	if len(chosen) == 0 {
		more[0].Label = "Select a measure"
		return ui.Select{ID: "items", Name: "item", Label: "Measure", Hint: "To split it or to narrow it down, begin on its page of figures", Items: more, Error: ui.ErrorFor(errs, "items")}
	}
	return ui.Nodes{ui.Checkboxes{ID: "items", Name: "item", Legend: "Measures", Values: typed["item"], Items: chosen, Small: true, Error: ui.ErrorFor(errs, "items")},
		ui.Select{ID: "more", Name: "item", Label: "Another measure", Items: more}}
}

func periodChoices() []ui.Choice {
	out := []ui.Choice{{Value: "", Label: "Select a time"}}
	for _, p := range hub.ReportPeriods {
		out = append(out, ui.Choice{Value: string(p.Period), Label: p.Words})
	}
	return out
}

func formatChoices() (out []ui.Choice) {
	for _, f := range hub.ReportFormats {
		out = append(out, ui.Choice{Value: string(f), Label: f.Say()})
	}
	return out
}

func numberChoices(from, to int, suffix string) (out []ui.Choice) {
	for i := from; i <= to; i++ {
		out = append(out, ui.Choice{Value: strconv.Itoa(i), Label: strconv.Itoa(i) + suffix})
	}
	return out
}

func weekdayChoices() (out []ui.Choice) {
	for i := range 7 {
		d := time.Weekday((i + 1) % 7)
		out = append(out, ui.Choice{Value: strconv.Itoa(int(d)), Label: d.String()})
	}
	return out
}

func (s *Server) placeChoices(v *visit) []ui.Choice {
	out := []ui.Choice{{Value: "", Label: "Nowhere: I run it myself"}}
	if s.Hub.MailsReports() {
		out = append(out, ui.Choice{Value: hub.ToMail, Label: "A link by e-mail, to me"})
	}
	for _, p := range s.Hub.ReportPlaces(v.by) {
		out = append(out, ui.Choice{Value: p.Name, Label: p.Title})
	}
	return out
}

// saveReport saves what was typed: as a new report, or as a change of one.
func (s *Server) saveReport(v *visit) (response, error) {
	typed := v.r.PostForm
	r := hub.Report{Name: v.form("name"), Period: hub.ReportPeriod(v.form("period")), Format: hub.ReportFormat(v.form("format")), Shared: v.form("shared") == "yes", To: v.form("to")}
	if every := hub.ReportEvery(v.form("every")); every != "" {
		r.Schedule = hub.ReportSchedule{Every: every, Hour: listNumber(v.form("hour")), Weekday: time.Weekday(listNumber(v.form("weekday"))), Day: listNumber(v.form("day"))}
		if every != hub.EachMonth {
			r.Schedule.Day = 0
		}
	}
	var kept []string
	for _, text := range typed["item"] {
		if text == "" || slices.Contains(kept, text) {
			continue
		}
		i, ok := readItem(text)
		if !ok {
			return s.reportMaker(v, typed, wrongs{{ID: "items", Text: "One of the measures cannot be read. Take it out"}})
		}
		kept, r.Items = append(kept, text), append(r.Items, i)
	}
	typed["item"] = kept
	id, err := s.Hub.SaveReport(v.ctx(), v.by, v.path("report"), int64(listNumber(v.form("version"))), r)
	if errs, ok := fieldErrors(err, nil); ok {
		return s.reportMaker(v, typed, errs)
	}
	if err != nil {
		return nil, err
	}
	return goTo("/reports/" + url.PathEscape(id)).saying("The report was saved."), nil
}

// listNumber is a whole number of a list of ours; -1 where it is none.
func listNumber(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

func (s *Server) savedReportFile(v *visit) (response, error) {
	f := hub.ReportFormat(v.query("format"))
	if !slices.Contains(hub.ReportFormats, f) {
		return nil, &care.Error{Kind: care.NotFound, Text: "A report is a CSV file, an Excel file or a page to print"}
	}
	id := v.path("report")
	return written{s.Hub.FileName(id, f, v.now), f.Type(), func(w io.Writer) error { return s.Hub.MakeReport(v.ctx(), v.by, id, f, w) }}, nil
}

func (s *Server) askDropReport(v *visit) (response, error) {
	r, err := s.Hub.Report(v.ctx(), v.by, v.path("report"))
	if err != nil {
		return nil, err
	}
	at := "/reports/" + url.PathEscape(r.ID)
	return show(ui.Page{Title: "Delete a report", Width: ui.FormPage, Back: &ui.NavItem{Href: at, Text: "Back to the report"}, Main: []ui.Node{
		ui.H1("Delete “" + r.Name + "”?"), ui.P("It is not delivered any more, and what it says of its deliveries goes with it. Files that were delivered stay where they are."),
		ui.PostForm(at+"/delete", ui.Button{Text: "Delete the report", Kind: ui.Warning})}}), nil
}

func (s *Server) dropReport(v *visit) (response, error) {
	if err := s.Hub.DropReport(v.ctx(), v.by, v.path("report")); err != nil {
		return nil, err
	}
	return goTo("/reports").saying("The report was deleted."), nil
}

func (s *Server) extracts(v *visit) (response, error) { return s.extractForm(v, nil) }

// extractForm asks for an extract, with what was typed.
func (s *Server) extractForm(v *visit, errs wrongs) (response, error) {
	x, err := s.Hub.Extracts(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	sources := []ui.Choice{{Value: "", Label: "Select what the rows are of"}}
	for _, src := range x.Sources {
		sources = append(sources, ui.Choice{Value: src.ID, Label: upper(src.Words) + " (" + src.ID + ")"})
	}
	var formats []ui.Choice
	for _, f := range tabular.Formats {
		formats = append(formats, ui.Choice{Value: string(f), Label: f.Say()})
	}
	from, to := v.date("from"), v.date("to")
	body := []ui.Node{ui.Select{ID: "source", Label: "Rows of", Value: v.form("source"), Items: sources, Error: ui.ErrorFor(errs, "source")},
		ui.DateInput{ID: "from", Legend: "First day", Day: from.Day, Month: from.Month, Year: from.Year, Error: ui.ErrorFor(errs, "from")},
		ui.DateInput{ID: "to", Legend: "Last day", Day: to.Day, Month: to.Month, Year: to.Year, Error: ui.ErrorFor(errs, "to")},
		ui.Radios{ID: "format", Legend: "How are they written?", Value: v.form("format"), Items: formats, Small: true, Error: ui.ErrorFor(errs, "format")}}
	lede := "Rows of your own organisation, each person under a pseudonym. What you take is recorded."
	if x.Named {
		lede = "Rows of your own organisation with NHS numbers. Each person whose number is given, and your reason, are recorded."
		body = append(body, ui.Textarea{ID: "reason", Label: "Why are the NHS numbers needed, and who asked for them?", Value: v.form("reason"), Error: ui.ErrorFor(errs, "reason")})
	}
	p := ui.Page{Title: "Extracts", Width: ui.FormPage, Main: []ui.Node{ui.ErrorSummary(errs), ui.H1("Extracts: rows for analysis"), ui.P(lede),
		ui.P("Rows about few people can still tell who somebody is: treat the file as you treat records."), ui.PostForm("/reports/extracts", append(body, ui.Submit("Download"))...)}}
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// extract hands the file out. What is wrong with what was typed is said first, so that
// a page and not a file is the answer.
func (s *Server) extract(v *visit) (response, error) {
	q := hub.ExtractQuery{Source: v.form("source"), Format: tabular.Format(v.form("format")), Named: v.by.Role == care.IGLead, Reason: v.form("reason")}
	var errs wrongs
	var wrong string
	if q.From, wrong = v.date("from").parse("First day"); wrong != "" {
		errs.add("from", wrong)
	}
	if q.To, wrong = v.date("to").parse("Last day"); wrong != "" {
		errs.add("to", wrong)
	}
	if len(errs) == 0 {
		more, _ := fieldErrors(q.Check(), nil)
		errs = append(errs, more...)
	}
	if len(errs) > 0 {
		return s.extractForm(v, errs)
	}
	return written{q.Name(), q.Format.Type(), func(w io.Writer) error { return s.Hub.Extract(v.ctx(), v.by, q, w) }}, nil
}
