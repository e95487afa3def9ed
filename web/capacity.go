package web

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// capacityRoutes are what providers can take on, and reporting it. product.md P12.
func (s *Server) capacityRoutes() []route {
	see, report := deciding(policy.SeeCapacity), deciding(policy.ReportCapacity)
	return []route{
		{pattern: "GET /capacity", nav: "capacity", asks: see, do: s.capacity},
		{pattern: "GET /capacity/file", nav: "capacity", asks: see, do: s.capacityFile},
		{pattern: "GET /capacity/report/{code}", nav: "capacity", asks: report, do: s.askCapacity},
		{pattern: "POST /capacity/report/{code}", nav: "capacity", asks: report, do: s.reportCapacity},
		{pattern: "GET /provider/capacity", nav: "provider-capacity", asks: report, do: s.askCapacity},
		{pattern: "POST /provider/capacity", nav: "provider-capacity", asks: report, do: s.reportCapacity},
	}
}

// capacityQuery is the filter of an address: a kind of care and an area, and no person.
func capacityQuery(v *visit) hub.CapacityQuery {
	return hub.CapacityQuery{Kind: v.query("kind"), Area: v.query("area")}
}

func (s *Server) capacity(v *visit) (response, error) {
	q := capacityQuery(v)
	c, err := s.Hub.Capacity(v.ctx(), v.by, q)
	if err != nil {
		return nil, err
	}
	kinds, areas := []ui.Choice{{Value: "", Label: "All kinds"}}, []ui.Choice{{Value: "", Label: "All areas"}}
	for _, k := range c.Kinds {
		kinds = append(kinds, ui.Choice{Value: k.Code, Label: k.Words})
	}
	for _, a := range c.Areas {
		areas = append(areas, ui.Choice{Value: a, Label: a})
	}
	if q.Area != "" && !slices.Contains(c.Areas, q.Area) {
		areas = append(areas, ui.Choice{Value: q.Area, Label: q.Area})
	}
	file := "/capacity/file?" + url.Values{"kind": {q.Kind}, "area": {q.Area}}.Encode()
	return show(ui.Page{Title: "What providers can take on", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("What providers can take on", "As at "+ui.Clock(c.At)+". Numbers older than "+ui.Plural(int(c.Limit.Hours()), "hour", "hours")+" do not count"),
		ui.Filter{Action: "/capacity", Button: "Apply filters", Fields: []ui.Node{
			ui.Select{ID: "kind", Label: "Kind of care", Value: q.Kind, Items: kinds}, ui.Select{ID: "area", Label: "Area", Value: q.Area, Items: areas}}},
		sumTable(c),
		s.capacityTable(v, c),
		ui.Para(ui.Link(file, "Download as CSV")),
	}}), nil
}

// sumTable adds up what counts, by kind and area.
func sumTable(c hub.CapacityView) ui.Node {
	t := ui.Table{Caption: "In all, by kind and area", ShowTitle: true, Columns: []ui.Column{{Label: "Kind of care"}, {Label: "Area"}, {Label: "Free", Numeric: true}, {Label: "Reported lately"}}, Empty: nil}
	for _, x := range c.Sums {
		free := ui.Node(ui.Missing("Not known"))
		if x.Reported > 0 {
			free = ui.Text(placesWords(x.Free, x.Unit))
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(x.KindSay), ui.Text(cmp.Or(x.Area, "All areas")), free,
			ui.Text(strconv.Itoa(x.Reported) + " of " + ui.Plural(x.Providers, "provider", "providers"))}})
	}
	return ui.If(len(t.Rows) > 0, func() ui.Node { return t })
}

// capacityTable is each provider by itself. 0, never reported, and too old to count
// are three different things.
func (s *Server) capacityTable(v *visit, c hub.CapacityView) ui.Node {
	t := ui.Table{Caption: "By provider", ShowTitle: true, Columns: []ui.Column{{Label: "Provider"}, {Label: "Kind of care"}, {Label: "Area"}, {Label: "Free"}, {Label: "Reported"}, {Label: "By"}, {Label: "Next action", HideOnPrint: true}},
		Empty: ui.Empty("No provider lists its services yet", ui.P("What a provider can take on stands here once its services are in the directory, or once somebody reports a number."))}
	for _, r := range c.Rows {
		when, by := ui.Node(ui.Missing("Not reported")), ui.Node(ui.Missing("Not applicable"))
		if r.Reported {
			when, by = ui.Nodes{ui.Text(ui.Ago(r.At, c.At)), ui.Sub(ui.ClockOn(r.At, c.At))}, ui.Text(r.Source)
		}
		next := ui.Node(ui.Text(""))
		if r.Provider.Council == v.by.Org && (v.by.Role == care.Broker || v.by.Role == care.TeamManager) {
			next = ui.LinkAbout("/capacity/report/"+url.PathEscape(string(r.Provider.Code)), "Report", "what "+r.Provider.Name+" can take on")
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(r.Provider.Name), ui.Text(r.KindSay), ui.Text(cmp.Or(r.Area, "All areas")), freeCell(r), when, by, next}})
	}
	return t
}

func freeCell(r hub.CapacityRow) ui.Node {
	switch {
	case !r.Reported:
		return ui.Tag(ui.TagWhite, "Not reported")
	case r.Expired:
		return ui.Nodes{ui.Tag(ui.TagGrey, "Too old to count"), ui.Sub("Was " + freeWords(r))}
	case r.Free == 0:
		return ui.Tag(ui.TagRed, "0 "+cmp.Or(r.Unit, "places")+" reported")
	}
	return ui.Text(freeWords(r))
}

// capacityFile is the table as a file, with the time at which it was so.
func (s *Server) capacityFile(v *visit) (response, error) {
	c, err := s.Hub.Capacity(v.ctx(), v.by, capacityQuery(v))
	if err != nil {
		return nil, err
	}
	f := csvFile{name: "capacity-" + c.At.In(s.Zone).Format("2006-01-02-1504") + ".csv",
		rows: [][]string{{"as_at", "provider", "kind", "kind_code", "area", "unit", "state", "free", "reported_at", "reported_by"}}}
	for _, r := range c.Rows {
		state, free, at := "not reported", "", ""
		if r.Reported {
			state, free, at = "reported", strconv.Itoa(r.Free), r.At.In(s.Zone).Format("2006-01-02T15:04:05-07:00")
		}
		if r.Expired {
			state = "too old to count"
		}
		f.rows = append(f.rows, []string{c.At.In(s.Zone).Format("2006-01-02T15:04:05-07:00"), r.Provider.Name, r.KindSay, r.Kind, r.Area, r.Unit, state, free, at, r.Source})
	}
	return f, nil
}

// askCapacity is one form with a line for each kind and area.
func (s *Server) askCapacity(v *visit) (response, error) {
	return s.capacityForm(v, url.Values{}, nil)
}

// capacityForm is the form, with what was typed. The versions in it are those of the
// numbers that it shows, so that the next try after another's report is meant.
func (s *Server) capacityForm(v *visit, post url.Values, errs wrongs) (response, error) {
	e, rows, err := s.Hub.CapacityForm(v.ctx(), v.by, nhs.ODS(v.path("code")))
	if err != nil {
		return nil, err
	}
	var body ui.Nodes
	for i, r := range rows {
		n := strconv.Itoa(i)
		hint := "Not reported yet"
		if r.Reported {
			hint = "Last reported " + ui.Ago(r.At, v.now) + ": " + freeWords(r)
		}
		body = append(body, ui.Hidden("kind", r.Kind), ui.Hidden("area", r.Area), ui.Hidden("seen", strconv.FormatInt(r.Seen, 10)),
			ui.Input{ID: "free-" + n, Label: r.KindSay + ", " + cmp.Or(r.Area, "all areas"), Hint: hint, Suffix: cmp.Or(r.Unit, "places"), Value: post.Get("free-" + n), Width: 4, Mode: "numeric", Error: ui.ErrorFor(errs, "free-"+n)})
	}
	kinds := []ui.Choice{{Value: "", Label: "Select a kind of care"}}
	for _, k := range care.CareKinds() {
		kinds = append(kinds, ui.Choice{Value: k.Code, Label: k.Words + " (" + k.Unit + ")"})
	}
	n := strconv.Itoa(len(rows))
	another := ui.Nodes{
		ui.Select{ID: "kind", Label: "Kind of care", Value: lastOf(post["kind"], len(rows)), Items: kinds, Error: ui.ErrorFor(errs, "kind")},
		ui.Input{ID: "area", Label: "Area", Hint: "The first part of a postcode, or empty for all areas", Value: lastOf(post["area"], len(rows)), Width: 5, Error: ui.ErrorFor(errs, "area")},
		ui.Input{ID: "free-" + n, Label: "How many are free?", Value: post.Get("free-" + n), Width: 4, Mode: "numeric", Error: ui.ErrorFor(errs, "free-"+n)}}
	if len(rows) > 0 {
		if slices.ContainsFunc(rows, func(r hub.CapacityRow) bool { return r.Reported }) {
			body = append(body, ui.Checkboxes{ID: "same", Legend: "Those left empty", Small: true, Values: post["same"], Items: []ui.Choice{{Value: "yes", Label: "Are as they were reported last"}}})
		}
		body = append(body, ui.Details("Another kind or area", another))
	} else {
		body = append(body, another)
	}
	action := "/provider/capacity"
	p := ui.Page{Title: "Report what can be taken on", Width: ui.FormPage}
	if v.by.OrgKind != care.ProviderOrg {
		action = "/capacity/report/" + url.PathEscape(string(e.Code))
		p.Back = &ui.NavItem{Href: "/capacity", Text: "Back to what providers can take on"}
	}
	p.Main = []ui.Node{ui.ErrorSummary(errs), ui.H1("Report what can be taken on"), ui.P(e.Name + ". Enter 0 where there is nothing. What you leave empty stays as it is."),
		ui.PostForm(action, append(body, ui.Submit("Report"))...)}
	if len(errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// lastOf is the value that was typed after those of n rows.
func lastOf(values []string, n int) string {
	if len(values) > n {
		return values[n]
	}
	return ""
}

func (s *Server) reportCapacity(v *visit) (response, error) {
	post := v.r.PostForm
	var lines []hub.CapacityLine
	for i, kind := range post["kind"] {
		l := hub.CapacityLine{Kind: kind, Area: lastOf(post["area"], i), Free: post.Get("free-" + strconv.Itoa(i))}
		l.Same = post.Get("same") == "yes" && kind != ""
		if seen := lastOf(post["seen"], i); seen != "" { // none: another kind or area, of which nothing was shown
			n, err := strconv.ParseInt(seen, 10, 64)
			l.Shown, l.Seen = err == nil, n
		}
		lines = append(lines, l)
	}
	err := s.Hub.ReportCapacity(v.ctx(), v.by, nhs.ODS(v.path("code")), lines)
	var e *care.Error
	if errors.As(err, &e) && e.Kind == care.Conflict {
		return s.capacityForm(v, post, wrongs{{ID: e.Field, Text: e.Text}})
	}
	if errs, ok := fieldErrors(err, nil); ok {
		return s.capacityForm(v, post, errs)
	}
	if err != nil {
		return nil, err
	}
	if v.by.OrgKind == care.ProviderOrg {
		return goTo("/provider/capacity").saying("Thank you. It was reported."), nil
	}
	return goTo("/capacity").saying("It was reported."), nil
}
