package web

import (
	"context"
	"encoding/csv"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
	invented "homeward/county"
	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// withCounty lets some months of an invented county happen before the evening of the
// tests, and counts them.
func (s *site) withCounty(people, days int) {
	s.t.Helper()
	type told struct {
		id care.CaseID
		at time.Time
		e  care.Event
	}
	var all []told
	c := invented.Config{Seed: 5, People: people, Days: days, Zone: s.hub.Zone, First: nhs.DateOf(evening).Add(-days),
		Trusts:   []invented.Trust{{ODS: kingsMill, Feed: "kmh", Wards: []invented.Ward{{Code: "W31", Name: "Ward 31"}, {Code: "W12", Name: "Ward 12"}}}, {ODS: queens, Feed: "qmc", Wards: []invented.Ward{{Code: "C4", Name: "C4"}}}},
		Councils: []invented.Council{{ODS: county, Teams: []invented.Team{{ID: "t1", Workers: []care.Who{{ID: "u-social-worker", Name: "P Social-worker", Org: county}}}}, Districts: []string{"NG18"}, Providers: []invented.Provider{{ID: "p1", Name: "Bluebell Homecare Ltd"}}}}}
	for p := range invented.People(c) {
		for i, e := range p.Events {
			all = append(all, told{p.ID, p.Recorded[i], e})
		}
	}
	slices.SortStableFunc(all, func(a, b told) int { return a.at.Compare(b.at) })
	for part := range slices.Chunk(all, 250) {
		s.must(s.store.Update(context.Background(), func(tx *store.Tx) error {
			for _, x := range part {
				k, err := tx.Case(x.id)
				if err != nil && care.KindOf(err) != care.NotFound {
					return err
				}
				if _, err := tx.Record(k, care.Cause{Kind: "system"}, x.at, x.e); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	s.must(s.hub.Remeasure(context.Background()))
	s.measured()
}

// measured counts what happened.
func (s *site) measured() {
	s.t.Helper()
	for n := 1; n > 0; {
		var err error
		n, err = s.hub.Measure(context.Background())
		s.must(err)
	}
}

var allFigurePages = []string{"/figures", "/figures/delay", "/figures/delay?by=ward&hospital=RK5&every=day&period=13w", "/figures/on-the-day?every=month&period=52w", "/figures/census", "/figures/pathways", "/figures/flow", "/figures/summary",
	"/figures/to-accepted", "/figures/delay-by-reason", "/figures/delay?known=2026-11-07", "/figures/delay/people", "/figures/readmission-30"}

func TestFiguresOfACounty(t *testing.T) {
	s := newSite(t)
	s.withCounty(90, 200)
	r := s.as("coordinator")
	for _, path := range allFigurePages {
		t.Run(path, func(t *testing.T) {
			got := r.get(path)
			got.t = t
			if got.status != 200 {
				t.Fatalf("status %d: %s", got.status, got.text())
			}
			wellMade(t, got)
			if strings.Contains(got.body, "NaN") || strings.Contains(got.body, "+Inf") || strings.Contains(got.body, "-Inf") {
				t.Error("a number is none")
			}
		})
	}
	index := r.get("/figures")
	index.says("Getting home sooner", "Working together", "After leaving", "Looking up", "Average days from discharge-ready to leaving hospital", "so far this week", "usual")
	page := r.get("/figures/delay")
	page.says("How this figure is made", "2.66 times", "NHS England, Discharge Ready Date guidance", "have a discharge-ready date", "Show this as a table", "By hospital", "King’s Mill Hospital", "Half on the day", "Restated")
	if n := len(page.all("svg")); n < 4 {
		t.Errorf("%d drawings", n)
	}
	r.get("/figures/delay?hospital=RX1&period=13w").says("Queen’s Hospital, 24 August 2026 to 22 November 2026")
	r.get("/figures/delay?known=2026-11-07").says("as they were known at the end of 7 November 2026", "See what is known now")
	r.get("/figures/delay?known=07%2F11%2F2026").says("as they were known at the end of 7 November 2026")
	if got := r.get("/figures/delay?known=yesterday"); got.status != 422 || !strings.Contains(got.body, `href="#known"`) || !strings.Contains(got.body, `value="yesterday"`) || !strings.Contains(got.text(), notADay) {
		t.Errorf("status %d for a day that is none, as it was typed: %s", got.status, got.text())
	}
	if got := r.get("/figures/delay?by=").text(); strings.Contains(got, "By hospital") {
		t.Error("it is split, and nothing was asked for")
	}
	r.get("/figures/not-meeting").says("The average of 18", "Nights")
	if got := r.get("/figures/summary").text(); strings.Contains(got, "People not meeting the criteria to reside Not known yet") {
		t.Errorf("a figure that is known is not in the summary: %s", got)
	}
	if got := r.get("/figures/not-meeting/file").body; strings.Count(got, ",week,") < 20 {
		t.Errorf("the weeks are not in the file:\n%s", got)
	}
	if got := r.get("/figures/nothing"); got.status != 404 {
		t.Errorf("status %d for a measure that is none", got.status)
	}
	s.as("social-worker").get("/figures/delay?hospital=RK5&by=ward").says("fewer than 5")
	s.fileOfFigures(t, r)
	s.manageFigures(t, r)
}

// fileOfFigures takes a figure away as a file.
func (s *site) fileOfFigures(t *testing.T, r *reader) {
	got := r.get("/figures/delay/file?hospital=RK5")
	rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
	if err != nil || len(rows) < 10 || got.header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Fatalf("%v, %d rows", err, len(rows))
	}
	if rows[1][1] != "whole time" || rows[1][12] != "King’s Mill Hospital" || rows[1][13] == "" {
		t.Errorf("%q", rows[1])
	}
	for _, x := range rows[1:] {
		if n := x[7]; len(n) == 1 && n > "0" && n < "5" {
			t.Errorf("a figure of %s people leaves: %q", n, x)
		}
	}
	for path, want := range map[string]struct {
		head string
		from int // the first column of numbers
		to   int
	}{"/figures/census/file?period=26w": {"Day,All,7 nights or more,14 or more,21 or more,From,Until,Where,As known at", 1, 5},
		"/figures/pathways/file": {"Hospital,Measure,Percent,Counted,Definition,From,Until,Where,As known at", 3, 4}, "/figures/flow/file": {"From stage,To stage,How often,From,Until,Where,As known at", 2, 3}} {
		got := r.get(path)
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.body, "\ufeff"))).ReadAll()
		if err != nil || len(rows) < 3 || strings.Join(rows[0], ",") != want.head {
			t.Errorf("%s: %d, %v: %.300s", path, got.status, err, got.body)
			continue
		}
		for _, x := range rows[1:] {
			for _, n := range x[want.from:want.to] {
				if len(n) == 1 && n > "0" && n < "5" {
					t.Errorf("%s: a figure of %s people leaves: %q", path, n, x)
				}
			}
		}
		if page, _, _ := strings.Cut(path, "?"); !strings.Contains(r.get(strings.TrimSuffix(page, "/file")).body, page) || s.as("broker").get(path).status != 403 {
			t.Errorf("%s: its page does not lead to it, or it is not refused", path)
		}
	}
	if got := s.as("broker").get("/figures/delay/file"); got.status != 403 {
		t.Errorf("status %d for who may not take figures away", got.status)
	}
}

// The summary is printed where a command is configured, and offered only there.
func TestSummaryAsPDF(t *testing.T) {
	s := newSite(t)
	s.withCounty(10, 30)
	r := s.as("coordinator")
	if got := r.get("/figures/summary/pdf"); got.status != 404 || strings.Contains(r.get("/figures/summary").body, "/summary/pdf") {
		t.Fatalf("nothing prints here: %d", got.status)
	}
	var page string
	var fails error
	s.server.Print = func(_ context.Context, b []byte) ([]byte, error) {
		page = string(b)
		return []byte("%PDF-1.7"), fails
	}
	r.get("/figures/summary").says("Download as PDF")
	got := r.get("/figures/summary/pdf?hospital=RK5")
	if got.status != 200 || got.body != "%PDF-1.7" || got.header.Get("Content-Type") != "application/pdf" || got.header.Get("Content-Disposition") != `attachment; filename="summary-2026-11-22.pdf"` {
		t.Fatalf("%d %v", got.status, got.header)
	}
	if strings.Contains(page, "href=") || strings.Contains(page, "src=") || strings.Contains(page, "<script") || !strings.Contains(page, "King’s Mill Hospital, ") || !strings.Contains(page, ".app-onepage") {
		t.Errorf("the page does not stand by itself:\n%.2000s", page)
	}
	if got := s.as("broker").get("/figures/summary/pdf"); got.status != 403 {
		t.Errorf("status %d for who may not take figures away", got.status)
	}
	fails = errors.New("it ended with 1")
	if got := r.get("/figures/summary/pdf"); got.status != 503 || !strings.Contains(got.text(), "Print this page instead") {
		t.Errorf("what cannot be printed: %d %s", got.status, got.text())
	}
}

// manageFigures sets a target and says that something changed.
func (s *site) manageFigures(t *testing.T, r *reader) {
	version := func() string {
		for _, in := range r.get("/figures/delay").all("input") {
			if attr(in, "name") == "version" {
				return attr(in, "value")
			}
		}
		return ""
	}
	if got := r.post("/figures/delay/target", "version", version(), "per", "1", "value", "two", "from", "2026-06-01"); got.status != 422 || !strings.Contains(got.text(), "Enter a number, such as 2.5") {
		t.Errorf("status %d", got.status)
	}
	if got := r.post("/figures/delay/target", "version", version(), "per", "1", "value", "2.5", "from", "2026-06-01"); got.status != 303 {
		t.Fatalf("status %d: %s", got.status, got.text())
	}
	if got := r.post("/figures/delay/rebase", "version", version(), "on", "2026-08-12", "why", "Digital referral started"); got.status != 303 {
		t.Fatalf("status %d: %s", got.status, got.text())
	}
	page := r.get("/figures/delay")
	page.says("Target 2.5", "target (2.5 days)", "Week of 10 August: Digital referral started", "2.5 days from 1 June 2026, set by P Coordinator")
	if got := r.post("/figures/delay/rebase/drop", "version", version(), "on", "2026-08-12", "field", "drop-1"); got.status != 422 || !strings.Contains(got.body, `href="#drop-1"`) {
		t.Errorf("status %d: %s", got.status, got.text())
	} else {
		wellMade(t, got)
	}
	if got := r.post("/figures/delay/rebase/drop", "version", version(), "on", "2026-08-12", "why", "It was the week after"); got.status != 303 {
		t.Fatalf("status %d: %s", got.status, got.text())
	}
	if strings.Contains(r.get("/figures/delay").text(), "Digital referral started") {
		t.Error("the change is still on the chart")
	}
	if got := s.as("broker").post("/figures/delay/target", "version", "0", "per", "1", "value", "1", "from", "2026-06-01"); got.status != 403 {
		t.Errorf("status %d for who may not set targets", got.status)
	}
}

// Nothing was counted yet: pages say so, and break nowhere.
func TestFiguresOfNothing(t *testing.T) {
	s := newSite(t)
	r := s.as("coordinator")
	s.later(time.Minute)
	r.get("/figures").says("Not all that has happened is counted yet", "Not known yet")
	s.measured()
	for _, path := range allFigurePages {
		got := r.get(path)
		if got.status != 200 {
			t.Errorf("%s: status %d: %s", path, got.status, got.text())
		}
		wellMade(t, got)
	}
	r.get("/figures/delay").says("Nothing was counted in this time", "Choose a longer time or another place")
	r.get("/figures/census").says("2 people are ready to leave hospital now")
	s.as("wallboard").get("/figures/wall").says("King’s Mill Hospital", "2 people now")
	if got := s.as("wallboard").get("/figures"); got.status != 403 {
		t.Errorf("status %d for a wallboard", got.status)
	}
	if got := s.as("ae-nurse").get("/figures"); got.status != 403 {
		t.Errorf("status %d for an A&E nurse", got.status)
	}
}

// What happens is on open pages soon, and only what it changes.
func TestFiguresMove(t *testing.T) {
	s := newSite(t)
	s.measured()
	l := s.as("coordinator").listen("/figures")
	wall := s.as("wallboard").listen("/figures/wall")
	s.record(s.irene, care.BecameReady{At: evening, From: evening})
	s.measured()
	for e := l.next(); ; e = l.next() {
		if e.name == "part" {
			if !strings.Contains(e.data, `id="fig-not-meeting`) && !strings.Contains(e.data, `id="fig-bed-days`) {
				t.Errorf("another tile moved: %s", e.data)
			}
			if strings.Contains(e.data, "3 people</span> now") {
				break
			}
		}
	}
	s.record(s.barbara, care.Discharged{At: evening, Visit: "v4", Org: kingsMill, Leaving: care.Leaving{At: evening}})
	s.measured()
	for e := wall.next(); ; e = wall.next() {
		if e.name == "part" && strings.Contains(e.data, "1 person</span> now") { // irene is in the other hospital
			break
		}
	}
}

func TestFigureGroupsNameMeasures(t *testing.T) {
	seen := map[measure.ID]bool{}
	for _, g := range figureGroups {
		for _, id := range slices.Concat(g.tiles, g.more) {
			if _, ok := measure.Find(id); !ok {
				t.Errorf("%s: there is no measure %s", g.title, id)
			}
			if seen[id] {
				t.Errorf("%s stands twice", id)
			}
			seen[id] = true
		}
	}
	for _, id := range slices.Concat(onWall, inSummary) {
		if _, ok := measure.Find(id); !ok {
			t.Errorf("there is no measure %s", id)
		}
	}
}

func TestAmounts(t *testing.T) {
	for _, x := range []struct {
		unit measure.Unit
		most float64
		v    float64
		want string
	}{{measure.Days, 9, 2.345, "2.3 days"}, {measure.Days, 9, 1, "1 day"}, {measure.Share, 1, 0.626, "63%"}, {measure.People, 9, 1234567, "1,234,567 people"}, {measure.People, 9, 2.5, "2.5 people"},
		{measure.BedDays, 9, 1, "1 bed day"}, {measure.Minutes, 100, 90, "90 minutes"}, {measure.Minutes, 600, 90, "1.5 hours"}, {measure.Minutes, 9000, 2160, "1.5 days"}, {measure.Count, 3, 0.25, "0.2"}, {measure.Count, 3, 12, "12"}} {
		if got := amountOf(measure.Measure{Unit: x.unit}, x.most).say(x.v); got != x.want {
			t.Errorf("%v %s of at most %v: %q, want %q", x.v, x.unit, x.most, got, x.want)
		}
	}
}

// seriesOf is a view of a measure in days by weeks.
func seriesOf(y []float64, change int) hub.FigureView {
	v := hub.FigureView{Def: measure.Measure{ID: "delay", Title: "Average days", Unit: measure.Days, Better: measure.Lower, Source: measure.Stays}, Whole: nhs.Date{Year: 2027, Month: 1, Day: 1}}
	v.Every = measure.Weekly
	for i, value := range y {
		st := hub.FigureStep{Start: nhs.Date{Year: 2026, Month: 5, Day: 4}.Add(7 * i)}
		st.Figure = measure.Figure{Value: value, Known: !math.IsNaN(value), Over: 10, Hist: &measure.Hist{Values: map[int64]int64{1: 10}}}
		v.Steps = append(v.Steps, st)
	}
	if change > 0 {
		v.Rebases = []hub.FigureRebase{{On: v.Steps[change].Start.Add(2), Why: "Digital referral started"}}
	}
	return v
}

func TestFindings(t *testing.T) {
	low, high := []float64{2, 2.4, 2, 2.4, 2, 2.4, 2, 2.4, 2, 2.4, 2, 2.4}, []float64{4, 4.4, 4, 4.4, 4, 4.4, 4, 4.4, 4, 4.4, 4, 4.4}
	for _, x := range []struct {
		y      []float64
		change int
		want   string
	}{
		{nil, 0, "Nothing was counted in this time."},
		{low[:3], 0, "2 days in the week of 18 May. Too few weeks to show limits yet."},
		{low, 0, "About 2.2 days, with usual variation. 2.4 days in the week of 20 July."},
		{append(slices.Clone(low), 9), 0, "9 days in the week of 27 July: worse than usual, which is about 2.7 days."},
		{append(slices.Clone(high), low...), 12, "Fell from about 4.2 days to about 2.2 days after “Digital referral started” (week of 27 July)."},
	} {
		if got := draw(seriesOf(x.y, x.change)).finding(); got != x.want {
			t.Errorf("%q, want %q", got, x.want)
		}
	}
}

// Who may follow figures is asked before anything is said.
func TestFigureEventsAreDecided(t *testing.T) {
	s := newSite(t)
	for login, want := range map[string]int{"ae-nurse": 403, "wallboard": 404, "analyst": 200} {
		req, err := http.NewRequest("HEAD", s.url+"/figures/events?page=delay", nil)
		s.must(err)
		if got := s.as(login).send(req); got.status != want {
			t.Errorf("%s: status %d, want %d", login, got.status, want)
		}
	}
	if !s.hub.MayFigures(care.Actor{ID: "a", Role: care.Analyst, Org: county, OrgKind: care.Council}, policy.ExportFigures) {
		t.Error("an analyst may not take figures away")
	}
}

// The last whole week of a summary is the last, and not the last that may be shown.
func TestLastWholeWeekIsTheLast(t *testing.T) {
	v := seriesOf([]float64{2, 3, 4}, 0)
	v.Steps[2].Few = true
	d := draw(v)
	if got := d.whole(); got != fewer || d.last != 1 {
		t.Errorf("%q, last %d", got, d.last)
	}
	v.Whole = v.Steps[1].Start.Add(6)
	if got := draw(v).whole(); got != "3 days" {
		t.Errorf("%q", got)
	}
	if got := draw(seriesOf(nil, 0)).whole(); got != "not known yet" {
		t.Errorf("%q", got)
	}
}
