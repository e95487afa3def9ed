package web

import (
	"net/http"
	"strings"
	"testing"
)

// A report is made from a page of figures, run, shared, changed and deleted; what is
// wrong is said beside its field; and nobody else may.
func TestFigureReports(t *testing.T) {
	s := newSite(t)
	a := s.as("analyst")
	a.get("/reports").says("Reports", "There are no reports yet")
	if p := a.get("/figures/delay?hospital=RK5"); !strings.Contains(p.body, `href="/reports/new?measure=delay&amp;hospital=RK5"`) {
		t.Error("a page of figures does not lead to a report of it")
	}
	form := a.get("/reports/new?measure=delay&hospital=RK5&by=ward&every=week&period=13w")
	form.says("Make a report", "Average days", "by ward, each week", "Nowhere: I run it myself")
	if !strings.Contains(form.body, `value="delay|ward|week|hospital=RK5"`) {
		t.Error("the measure of the page of figures is not in the form")
	}
	if p := a.post("/reports/new", "item", "delay|ward|week|hospital=RK5", "name", "", "period", "13w", "format", "csv"); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "Enter a name for the report") || !strings.Contains(p.body, `value="delay|ward|week|hospital=RK5"`) {
		t.Errorf("a report without a name: %d", p.status)
	}
	if p := a.post("/reports/new", "item", "delay|pathway|bad|", "name", "x", "period", "13w", "format", "csv"); p.status != http.StatusUnprocessableEntity {
		t.Errorf("a measure that cannot be read: %d", p.status)
	}
	p := a.post("/reports/new", "item", "delay|ward|week|hospital=RK5", "name", "For the board", "period", "13w", "format", "csv", "shared", "yes")
	at := p.header.Get("Location")
	if p.status != http.StatusSeeOther || !strings.HasPrefix(at, "/reports/") {
		t.Fatalf("saving: %d to %q", p.status, at)
	}
	a.get(at).says("For the board", "Last 13 weeks", "Nothing was delivered yet", "Run it now")
	for format, kind := range map[string]string{"csv": "text/csv", "xlsx": "application/vnd.openxmlformats", "html": "text/html"} {
		file := a.get(at + "/file?format=" + format)
		if got := file.header.Get("Content-Type"); file.status != 200 || !strings.HasPrefix(got, kind) || !strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d %s", format, file.status, got)
		}
	}
	if got := a.get(at + "/file?format=doc"); got.status != 404 {
		t.Errorf("a format that there is not: %d", got.status)
	}
	c := s.as("team-manager")
	c.get("/reports").says("For the board")
	c.get(at).says("Save a copy of your own")
	if p := c.post(at+"/delete", "x", "y"); p.status != http.StatusForbidden {
		t.Errorf("a colleague deletes: %d", p.status)
	}
	a.get(at+"/change").says("Change a report", "Average days")
	if p := a.post(at+"/change", "version", "1", "item", "delay||", "name", "For the board", "period", "last-month", "format", "html"); p.status != http.StatusSeeOther {
		t.Errorf("changing: %d", p.status)
	}
	if p := a.post(at+"/change", "version", "1", "item", "delay||", "name", "For the board", "period", "last-month", "format", "html"); p.status != http.StatusConflict {
		t.Errorf("changing what somebody else changed: %d", p.status)
	}
	a.get(at + "/delete").says("Delete “For the board”?")
	if p := a.post(at+"/delete", "x", "y"); p.status != http.StatusSeeOther {
		t.Errorf("deleting: %d", p.status)
	}
	if p := a.get(at); p.status != 404 {
		t.Errorf("after deleting: %d", p.status)
	}
	if p := s.as("ward-nurse").get("/reports"); p.status != 403 {
		t.Errorf("a ward nurse: %d", p.status)
	}
}

// An analyst takes rows, and a lead NHS numbers for a reason; what is wrong is a page.
func TestExtractPages(t *testing.T) {
	s := newSite(t)
	days := []string{"from-day", "1", "from-month", "1", "from-year", "2026", "to-day", "31", "to-month", "12", "to-year", "2026"}
	a := s.as("analyst")
	a.get("/reports/extracts").says("Extracts: rows for analysis", "under a pseudonym")
	if p := a.post("/reports/extracts", append(days, "format", "csv")...); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "Select what the rows are of") {
		t.Errorf("nothing chosen: %d", p.status)
	}
	file := a.post("/reports/extracts", append(days, "source", "stay", "format", "csv")...)
	if file.status != 200 || !strings.HasPrefix(file.body, "person,hospital,") {
		t.Errorf("the file: %d %.60q", file.status, file.body)
	}
	lead := s.as("ig-lead")
	if p := lead.post("/reports/extracts", append(days, "source", "stay", "format", "csv")...); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "Write why the NHS numbers are needed") {
		t.Errorf("without a reason: %d", p.status)
	}
	file = lead.post("/reports/extracts", append(days, "source", "stay", "format", "csv", "reason", "Linking for the quality board")...)
	if file.status != 200 || !strings.HasPrefix(file.body, "person,nhs_number,") {
		t.Errorf("with a reason: %d %.60q", file.status, file.body)
	}
	if p := s.as("coordinator").get("/reports/extracts"); p.status != 403 {
		t.Errorf("a coordinator: %d", p.status)
	}
}
