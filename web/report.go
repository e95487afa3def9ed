package web

import (
	"net/http"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/tabular"
	"homeward/web/ui"
)

// reportRoutes is who looked at a person: a report for that person. Who is
// meant is only ever posted; the report stands under an opaque handle.
func (s *Server) reportRoutes() []route {
	return []route{
		{pattern: "GET /audit/person", nav: "report", asks: deciding(policy.ReportAccess), do: s.askReport},
		{pattern: "POST /audit/person", nav: "report", asks: deciding(policy.ReportAccess), do: s.makeReport},
		{pattern: "GET /audit/person/{handle}", nav: "report", asks: deciding(policy.ReportAccess), do: s.report},
		{pattern: "GET /audit/person/{handle}/csv", nav: "report", asks: deciding(policy.ReportAccess), do: s.reportFile},
	}
}

func (s *Server) askReport(v *visit) (response, error) {
	if !s.Hub.MayReport(v.by) {
		return nil, &care.Error{Kind: care.Forbidden, Text: "Your role cannot do this"}
	}
	return show(s.reportForm(v, nil)), nil
}

func (s *Server) reportForm(v *visit, errs []ui.FieldError) ui.Page {
	verified := ui.Radios{ID: "verified", Legend: "How was it made sure who asks?", Value: v.form("verified"), Error: ui.ErrorFor(errs, "verified")}
	for _, x := range hub.Verifications() {
		verified.Items = append(verified.Items, ui.Choice{Value: x[0], Label: x[1]})
	}
	born := v.date("dob")
	return ui.Page{Title: "Who looked at a person", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1("Who looked at a person"),
		ui.P("A report for the person, or for whoever may ask for them: when somebody looked at their record or tried to, from which organisation, in which role, for what, and what was shown."),
		ui.PostForm("/audit/person",
			ui.Input{ID: "case", Label: "Handle of the record", Hint: "That a case’s address ends with. Or enter the number and date of birth below", Width: 30, Code: true, Value: v.form("case"), Error: ui.ErrorFor(errs, "case")},
			ui.Input{ID: "nhs", Label: "NHS number", Width: 10, Code: true, Mode: "numeric", Value: v.form("nhs"), Error: ui.ErrorFor(errs, "nhs")},
			ui.DateInput{ID: "dob", Legend: "Date of birth", Hint: "For example, 14 3 1941", Day: born.Day, Month: born.Month, Year: born.Year, Error: ui.ErrorFor(errs, "dob-day")},
			verified,
			ui.Radios{ID: "names", Legend: "Names of staff", Value: v.form("names"), Error: ui.ErrorFor(errs, "names"), Items: []ui.Choice{
				{Value: "no", Label: "Leave them out", Hint: "Organisation and role are shown"}, {Value: "yes", Label: "Show them", Hint: "Where your organisation has decided to"}}},
			ui.Submit("Make the report")),
		ui.Small("This is recorded with your name."))}}
}

// makeReport reads what was typed. All that is wrong is said at once.
func (s *Server) makeReport(v *visit) (response, error) {
	q := hub.ReportRequest{Case: care.CaseID(v.form("case")), Verified: v.form("verified"), Names: v.form("names") == "yes"}
	var w wrongs
	if q.Case != "" && (len(q.Case) < 10 || !isHandle(string(q.Case))) {
		w.add("case", "Enter the handle of a record, not a name or a number of a person")
	}
	born := v.date("dob")
	switch {
	case q.Case == "" && v.form("nhs") == "" && born.empty():
		w.add("case", "Enter the handle of a record, or an NHS number and a date of birth")
	case q.Case == "":
		var err error
		if q.Number, err = nhs.ParseNumber(v.form("nhs")); err != nil {
			w.add("nhs", err.Error())
		}
		var wrong string
		if q.Born, wrong = born.parse("Date of birth"); born.empty() {
			wrong = "Enter a date of birth"
		}
		w.add("dob-day", wrong)
	}
	w.need("verified", q.Verified, "Select how it was made sure who asks")
	w.need("names", v.form("names"), "Select whether names of staff are shown")
	if len(w) > 0 {
		return refuse(s.reportForm(v, w)), nil
	}
	handle, err := s.Hub.ReportAccess(v.ctx(), v.by, q)
	if errs, ok := fieldErrors(err, map[string]string{"dob": "dob-day"}); ok {
		return refuse(s.reportForm(v, errs)), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo("/audit/person/" + handle), nil
}

// reportWords says what a report holds and what not, to whoever reads it.
const reportLists = "Lists of many people, such as a ward’s or a council’s worklist, are recorded as a list and not person by person: they are not here."

func (s *Server) report(v *visit) (response, error) {
	n, _ := strconv.Atoi(v.query("page"))
	r, err := s.Hub.AccessReport(v.ctx(), v.by, v.path("handle"), max(1, n))
	if err != nil {
		return nil, err
	}
	path := "/audit/person/" + r.Handle
	t := ui.Table{Caption: "Who looked", Columns: []ui.Column{{Label: "When"}, {Label: "Organisation"}, {Label: "Role"}, {Label: "What was done"}, {Label: "For what"}, {Label: "What was shown"}, {Label: "Decision"}},
		Empty: ui.Empty("Nobody looked", ui.P("Nobody looked at this record, and nobody tried to."))}
	for _, x := range r.Rows {
		t.Rows = append(t.Rows, ui.TableRow{Cells: reportCells(x)})
	}
	words := ui.Plural(r.Total, "look or try", "looks and tries") + ", newest first"
	if r.Bounded {
		words = "The newest " + figure(int64(r.Total)) + " looks and tries. There are older ones"
	}
	return show(ui.Page{Title: "Who looked at a person", Width: ui.WorkPage, Back: &ui.NavItem{Href: "/audit/person", Text: "Another report"}, Main: []ui.Node{
		ui.WorkHead("Who looked at a person", words, ui.Button{Text: "Download as CSV", Kind: ui.Secondary, Href: path + "/csv"}),
		ui.P("Record " + handle(r.Case) + reportJoined(r) + ". " + r.Verified + "."),
		t, ui.Pagination{Page: r.Page, Pages: r.Pages, Href: func(p int) string { return path + "?page=" + strconv.Itoa(p) }},
		ui.Small(reportLists), ui.Small("This report can be opened again until " + ui.ClockOn(r.Until, v.now) + "."),
		ui.PrintMeta(v.now, v.by.Name)}}), nil
}

func reportJoined(r hub.ReportView) string {
	if r.Others == 0 {
		return ""
	}
	return ", with " + ui.Plural(r.Others, "record", "records") + " joined to it"
}

func reportCells(r hub.ReportRow) []ui.Node {
	var out []ui.Node
	for i, text := range reportText(r)[1:] {
		switch {
		case i == 1 && r.Name != "":
			out = append(out, ui.Nodes{ui.Text(text), ui.Sub(r.Name)})
		case i == 2: // the name stands with the role
		case i == 6:
			out = append(out, decision(r.Allowed))
		default:
			out = append(out, ui.Or(text, "Not recorded"))
		}
	}
	return append([]ui.Node{ui.TimeAt(r.At)}, out...)
}

// reportHeads are the columns of the file, and reportText a line of it.
var reportHeads = []string{"When (UTC)", "Organisation", "Role", "Name", "What was done", "For what", "What was shown", "Decision"}

func reportText(r hub.ReportRow) []string {
	shown := make([]string, len(r.Sections))
	for i, s := range r.Sections {
		shown[i] = strings.TrimPrefix(policy.Action(s).Title(), "see ")
	}
	what, sections, yes := auditAction(r.Action), upper(strings.Join(shown, ", ")), "Allowed"
	switch {
	case r.Erased:
		sections = "Erased when its time was over"
	case sections == "":
		sections = "Nothing"
	}
	if !r.Allowed {
		yes = "Denied"
	}
	role := r.Role.Say()
	if r.Machine {
		role = "Homeward itself"
	}
	purpose := r.Purpose
	if w, ok := purposes[r.Purpose]; ok {
		purpose = w
	}
	return []string{r.At.UTC().Format("2006-01-02 15:04:05"), r.OrgName, role, r.Name, what, purpose, sections, yes}
}

// reportFile is the whole report as a file.
func (s *Server) reportFile(v *visit) (response, error) {
	r, err := s.Hub.AccessReport(v.ctx(), v.by, v.path("handle"), 0)
	if err != nil {
		return nil, err
	}
	f := csvFile{name: "who-looked.csv", rows: [][]string{reportHeads}}
	for _, x := range r.Rows {
		f.rows = append(f.rows, reportText(x))
	}
	return f, nil
}

// csvFile is a table as a file, RFC 4180. What a spreadsheet would compute is
// made text.
type csvFile struct {
	name string
	rows [][]string
}

func (f csvFile) answer(_ *Server, v *visit) error {
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
	h.Set("Cache-Control", "no-store")
	v.w.WriteHeader(http.StatusOK)
	return tabular.Lines(v.w, f.rows)
}
