package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// listRoutes is tracker, board, wall, ward list and worklist. ui.md 7.4, 7.5, 7.7.
func (s *Server) listRoutes() []route {
	return []route{
		{pattern: "GET /tracker", nav: "tracker", asks: deciding(policy.ListTracker), do: s.tracker},
		{pattern: "GET /wall", nav: "wall", asks: deciding(policy.Wall), do: s.wall},
		{pattern: "GET /ward", nav: "ward", asks: deciding(policy.ListWard), do: s.ward},
		{pattern: "GET /worklist", nav: "worklist", asks: deciding(policy.ListWorklist), do: s.worklist},
		{pattern: "POST /worklist/accept", nav: "worklist", asks: deciding(policy.Accept), do: s.acceptOne},
		{pattern: "POST /worklist/allocate", nav: "worklist", asks: deciding(policy.Allocate), do: s.allocateOne},
		{pattern: "POST /worklist/allocate-many", nav: "worklist", asks: deciding(policy.Allocate), do: s.allocateMany},
	}
}

// The kinds of list, as the addresses of their streams name them.
const (
	kindTracker  = "tracker"
	kindBoard    = "board"
	kindWall     = "wall"
	kindWard     = "ward"
	kindWorklist = "worklist"
)

// A list is a page of people with the filters of its address. The page and its
// stream read the same address and make rows by the same methods, so that what
// arrives is what a reload would show.
type list struct {
	by    care.Actor
	kind  string
	view  string // of the worklist
	query hub.ListQuery
	asked url.Values // the filters in use, as the address has them
	pds   bool       // people can be checked with PDS
}

// listFilters are the filters of each kind of list. They name places, stages
// and staff, never a person.
var listFilters = map[string][]string{
	kindTracker:  {"hospital", "wait", "pathway", "stage", "worker", "sort", "page"},
	kindBoard:    {"hospital", "wait", "pathway", "worker"},
	kindWall:     {"hospital"},
	kindWard:     {"ward", "sort", "page"},
	kindWorklist: {"view", "sort", "page"},
}

// listSorts are the orders that a list can be asked for in, with their words.
var listSorts = []ui.Choice{
	{Value: "", Label: "Longest wait"}, {Value: "name", Label: "Name"}, {Value: "updated", Label: "Latest update"},
}

// otherSorts are the orders that columns lead to besides.
var otherSorts = []string{"bed", "received", "wait", "expected"}

// waits are the kinds of wait, as addresses and filters name them.
var waits = []struct {
	value, chip string
	wait        hub.Wait
}{
	{"delayed", "Delayed", hub.Delayed},
	{"risk", "At risk", hub.AtRisk},
	{"track", "On track", hub.OnTrack},
}

// waitDays is for how many whole days somebody has been ready whose wait is
// called w, by the site's own limits: "0 or 1", "2", "3 or more".
func waitDays(v hub.ListView, w hub.Wait) string {
	from, to := 0, v.AtRisk-1
	switch w {
	case hub.AtRisk:
		from, to = v.AtRisk, v.Delayed-1
	case hub.Delayed:
		return strconv.Itoa(v.Delayed) + " or more"
	}
	switch {
	case to < from:
		return "no number of"
	case to == from:
		return strconv.Itoa(from)
	case to == from+1:
		return strconv.Itoa(from) + " or " + strconv.Itoa(to)
	}
	return strconv.Itoa(from) + " to " + strconv.Itoa(to)
}

// listOf reads which list an address asks for.
func (s *Server) listOf(v *visit, kind string) (list, error) {
	l := list{by: v.by, kind: kind, asked: url.Values{}, pds: s.Hub.HasPDS()}
	names, ok := listFilters[kind]
	if !ok {
		return l, &care.Error{Kind: care.NotFound}
	}
	if v.by.Role == care.WallboardRole && kind != kindWall {
		return l, &care.Error{Kind: care.Forbidden, Text: "A wallboard shows the wall and nothing else"}
	}
	for _, name := range names {
		if value := v.query(name); value != "" && l.filter(name, value) {
			l.asked.Set(name, value)
		}
	}
	q := &l.query
	switch kind {
	case kindTracker:
		q.Scope = hub.ScopeTracker
	case kindBoard, kindWall:
		q.Scope, q.Everything = hub.ScopeTracker, true
		if v.by.Role == care.WardNurse { // who may list wards and not the tracker
			q.Scope = hub.ScopeWard
		}
		if v.by.Role == care.WallboardRole {
			q.Ward = v.by.Ward // as it was registered
		}
	case kindWard:
		q.Scope = hub.ScopeWard
		if q.Ward == "" && v.by.Ward != "" {
			l.filter("ward", v.by.Ward)
			l.asked.Set("ward", v.by.Ward)
		}
	case kindWorklist:
		l.worklist()
	}
	return l, nil
}

// filter puts one value of the address into the query; false when it means
// nothing.
func (l *list) filter(name, value string) bool {
	q := &l.query
	switch name {
	case "hospital":
		q.Hospital = nhs.ODS(value)
	case "ward":
		q.Ward = value
	case "pathway":
		if len(value) != 1 || !strings.Contains("0123", value) {
			return false
		}
		q.Pathway = value
	case "worker":
		q.Worker = care.ActorID(value)
	case "stage":
		if !slices.ContainsFunc(filterStages(), func(c ui.Choice) bool { return c.Value == value }) {
			return false
		}
		q.Stage = value
	case "wait":
		for _, w := range waits {
			if w.value == value {
				q.Wait = &w.wait
			}
		}
		return q.Wait != nil
	case "sort":
		ok := slices.Contains(otherSorts, value) || slices.ContainsFunc(listSorts, func(c ui.Choice) bool { return c.Value == value })
		if ok {
			q.Sort = value
		}
		return ok
	case "page":
		n, err := strconv.Atoi(value)
		if err != nil || n < 2 || n > 1000 {
			return false
		}
		q.Page = n
	case "view":
		l.view = value
	}
	return true
}

// base is the address of a list without its filters.
func (l list) base() (path string, fixed url.Values) {
	switch l.kind {
	case kindBoard:
		return "/tracker", url.Values{"view": {"board"}}
	default:
		return "/" + l.kind, url.Values{}
	}
}

// path is the address of the list with some of its filters changed: names and
// values, one after another; "" removes one. Every change leads to page 1.
func (l list) path(change ...string) string {
	path, q := l.base()
	for name, v := range l.asked {
		if name != "page" {
			q[name] = v
		}
	}
	for i := 0; i+1 < len(change); i += 2 {
		q.Set(change[i], change[i+1])
		if change[i+1] == "" {
			q.Del(change[i])
		}
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}

// unfiltered is the address of the list without filters.
func (l list) unfiltered() string {
	path, q := l.base()
	for _, name := range []string{"view", "ward"} {
		if v := l.asked.Get(name); v != "" {
			q.Set(name, v)
		}
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}

// filtered reports whether any filter is in use.
func (l list) filtered() bool {
	for name := range l.asked {
		if name != "sort" && name != "page" && name != "view" && name != "ward" {
			return true
		}
	}
	return false
}

// events is the address of the list's stream: the same filters.
func (l list) events() string {
	q := url.Values{"list": {l.kind}}
	for name, v := range l.asked {
		q[name] = v
	}
	return "/events?" + q.Encode()
}

// listStale is how long a page believes a stream that says nothing: three
// missed beats of 10 seconds.
const listStale = 30 * time.Second

// strip is the line that says whether the list is live and how fresh it is.
func (l list) strip(v hub.ListView) ui.Node {
	return ui.Strip(
		ui.LiveStrip{Events: l.events(), Last: uint64(max(v.Seq, 0)), Stale: listStale, At: v.At},
		l.freshness(v.Sources, v.At))
}

// freshness says how old the information is of the systems that the reader's
// lists draw on: of their own trust, or of all.
func (l list) freshness(sources []hub.SourceView, at time.Time) ui.Node {
	var out []ui.Source
	for _, f := range sources {
		if l.by.OrgKind == care.Trust && f.Org != l.by.Org {
			continue
		}
		out = append(out, ui.Source{Name: f.Title, Last: f.Last, StaleAfter: f.Limit})
	}
	return ui.Freshness(out, at)
}

// shows reports whether a row that the hub gives belongs to this view of it.
func (l list) shows(r hub.ListRow) bool {
	switch {
	case r.Row.Case == "":
		return false
	case l.kind == kindBoard:
		return onBoard(r)
	case l.kind == kindWall:
		return r.HasWait && r.Row.InBed && !r.Row.Died
	case l.kind == kindWorklist && l.view == viewOverdue:
		return r.Overdue
	case l.kind == kindWorklist && l.view == viewTeam:
		return r.Row.Worker.ID != "" && (l.by.Team == "" || r.Row.Holder.Team == "" || r.Row.Holder.Team == l.by.Team)
	}
	return true
}

// row is one person as this list shows them: on the page and in its stream.
// The wall has no rows of its own in the stream: it is told whole.
func (l list) row(r hub.ListRow, at time.Time) ui.Node {
	switch l.kind {
	case kindBoard:
		return card(r, at)
	case kindWall:
		return nil
	}
	t := l.table()
	return t.Row(l.tableRow(r, at))
}

func (l list) tableRow(r hub.ListRow, at time.Time) ui.TableRow {
	row := ui.TableRow{ID: string(r.Row.Case), Name: personName(r.Row)}
	switch {
	case l.kind == kindWard:
		row.Cells = l.wardCells(r, at)
	case l.kind == kindWorklist && l.view == viewAllocate:
		row.Cells = l.allocateCells(r, at)
	default:
		row.Cells = l.trackerCells(r, at)
	}
	if r.Stale {
		row.Note = "as at " + ui.ClockOn(r.AsAt, at)
	}
	return row
}

// table is the list's table without rows.
func (l list) table() ui.Table {
	t := ui.Table{ID: "people", Live: true} // the id is the style's, which gives the tracker's columns their widths
	switch {
	case l.kind == kindWard:
		t.Caption, t.Columns = "People on this ward", l.wardColumns()
	case l.kind == kindWorklist && l.view == viewAllocate:
		t.Caption, t.Columns = "People to allocate", l.allocateColumns()
	default:
		t.ID, t.Caption, t.Columns = "tracked", "People ready to leave hospital", l.trackerColumns()
	}
	return t
}

// fill is the table with its rows, or what to say when there are none.
func (l list) fill(v hub.ListView, empty ui.Node) ui.Node {
	t := l.table()
	t.Empty = empty
	for _, r := range v.Rows {
		if l.shows(r) {
			t.Rows = append(t.Rows, l.tableRow(r, v.At))
		}
	}
	return t
}

// sortable is a column that leads to the list in its order.
func (l list) sortable(label, sort string, is bool, way ui.Direction) ui.Column {
	c := ui.Column{Label: label, SortHref: l.path("sort", sort)}
	if is {
		c.Sorted = way
	}
	return c
}

// pagination leads through the pages of a long list.
func (l list) pagination(v hub.ListView) ui.Node {
	return ui.Pagination{Page: max(l.query.Page, 1), Pages: v.Pages, Href: func(n int) string {
		if n < 2 {
			return l.path()
		}
		return l.path("page", strconv.Itoa(n))
	}}
}

// countsText is "40 people: 13 delayed, 6 at risk, 21 on track".
func (l list) countsText(c counts) string {
	if l.kind == kindWard {
		return ui.Plural(c.total, "person", "people") + ", " + strconv.Itoa(c.ready) + " ready to leave, " + strconv.Itoa(c.unreferred) + " not referred"
	}
	text := ui.Plural(c.total, "person", "people")
	if l.kind == kindWorklist {
		return text
	}
	text += ": " + strconv.Itoa(c.waits[hub.Delayed]) + " delayed, " + strconv.Itoa(c.waits[hub.AtRisk]) + " at risk, " + strconv.Itoa(c.waits[hub.OnTrack]) + " on track"
	if c.noWait > 0 {
		text += ", " + strconv.Itoa(c.noWait) + " not ready yet"
	}
	if c.left > 0 {
		text += ", " + strconv.Itoa(c.left) + " no longer in hospital"
	}
	return text
}

// counts are the numbers of a list, over all its pages.
type counts struct {
	total, noWait, left, ready, unreferred int
	waits                                  [3]int
}

func viewCounts(v hub.ListView) counts {
	return counts{total: v.Total, noWait: v.NoWait, left: v.Left, ready: v.Ready, unreferred: v.Unreferred, waits: v.Counts}
}

// rowCounts counts rows, for lists that show all of theirs on one page.
func (l list) rowCounts(rows map[care.CaseID]hub.ListRow) (c counts) {
	for _, r := range rows {
		if l.kind != kindBoard && !l.shows(r) || r.MovedAway { // a board counts those beside its columns too
			continue
		}
		c.total++
		switch {
		case !r.Row.InBed: // who has left waits no longer, and their referral is still open
			c.left++
			continue
		case !r.HasWait:
			c.noWait++
			continue
		}
		c.waits[r.Wait]++
		c.ready++
		if !r.Row.Open {
			c.unreferred++
		}
	}
	return c
}

// byID is the rows of a view by their case.
func byID(rows []hub.ListRow) map[care.CaseID]hub.ListRow {
	m := make(map[care.CaseID]hub.ListRow, len(rows))
	for _, r := range rows {
		m[r.Row.Case] = r
	}
	return m
}

// personName is how a list calls somebody.
func personName(r care.Row) string { return ui.Name(r.Person.Family, r.Person.Given, r.Person.Title) }

// personCell names a person; the link holds no identifier of theirs.
func personCell(r hub.ListRow) ui.Node {
	number := "Not known"
	if !r.Row.NHS.IsZero() {
		number = unbroken(r.Row.NHS.Spaced()) // NHS CUI NUM-0001
	}
	cell := ui.Nodes{ui.PersonCell(casePath(r.Row.Case, ""), personName(r.Row), ui.Day(r.Row.Person.Born), number)}
	if r.Shut {
		cell = ui.Nodes{ui.Strong(personName(r.Row)), ui.Sub("Born " + ui.Day(r.Row.Person.Born) + " NHS No. " + number)}
	}
	switch {
	case r.Row.Died:
		cell = append(cell, ui.Tag(ui.TagGrey, "Died"))
	case r.Row.Frozen:
		cell = append(cell, ui.Tag(ui.TagYellow, "Who this is must be checked"))
	case r.Row.Sensitive:
		cell = append(cell, ui.Tag(ui.TagPurple, "Sensitive"))
	}
	return cell
}

// openLink leads to somebody's case, where the reader may open it.
func openLink(r hub.ListRow, text, about string) ui.Node {
	switch {
	case r.Shut && about != "": // an action
		return ui.Missing("Not shown")
	case r.Shut:
		return ui.Text(text)
	case about == "":
		return ui.Link(casePath(r.Row.Case, ""), text)
	}
	return ui.LinkAbout(casePath(r.Row.Case, ""), text, about)
}

// bed is "bay 2, bed 4".
func bed(at care.Location) string {
	var parts []string
	if at.Bay != "" {
		parts = append(parts, "bay "+at.Bay)
	}
	if at.Bed != "" {
		parts = append(parts, "bed "+at.Bed)
	}
	return unbroken(strings.Join(parts, ", "))
}

// unbroken keeps a few short words on one line.
func unbroken(s string) string { return strings.ReplaceAll(s, " ", "\u00a0") }

// whereCell says where somebody is and, when their hospital is silent, as at
// when: nothing old is shown as live.
func (l list) whereCell(r hub.ListRow, at time.Time) ui.Node {
	if r.Masked {
		return ui.Missing("Not shown")
	}
	lines := []string{r.HospitalName}
	switch b := bed(r.Row.Where); {
	case !r.Row.InBed && !r.Row.Left.IsZero():
		lines = append(lines, "left "+ui.ClockOn(r.Row.Left, at))
	case l.by.OrgKind == care.Trust && r.WardName != "": // its own hospital is in the header of the page
		lines = []string{r.WardName, b}
	case r.WardName != "" && r.Row.Where.Bed != "":
		lines = append(lines, r.WardName+", bed "+r.Row.Where.Bed)
	default:
		lines = append(lines, r.WardName)
	}
	cell := ui.Nodes{ui.Text(lines[0])}
	if len(lines) > 1 && lines[1] != "" {
		cell = append(cell, ui.Sub(lines[1]))
	} else if r.WardName == "" && r.Row.InBed {
		cell = append(cell, ui.Sub("ward not told"))
	}
	return append(cell, asAt(r, at))
}

// asAt marks what an out-of-date system told.
func asAt(r hub.ListRow, at time.Time) ui.Node {
	return ui.If(r.Stale, func() ui.Node {
		if r.AsAt.IsZero() {
			return ui.Tag(ui.TagYellow, "not up to date")
		}
		return ui.Tag(ui.TagYellow, "as at "+ui.ClockOn(r.AsAt, at))
	})
}

// waitCell is how long somebody has been ready to leave.
func waitCell(r hub.ListRow) ui.Node {
	switch {
	case r.Row.Died:
		return ui.Missing("Not applicable")
	case !r.Row.InBed && !r.Row.Left.IsZero():
		cell := ui.Nodes{ui.Text("Gone home")}
		if r.HasWait {
			cell = append(cell, ui.Sub("was ready "+ui.Date(r.Row.Ready)))
		}
		return cell
	case !r.HasWait:
		cell := ui.Nodes{ui.Missing("Not ready yet")}
		if day := predicted(r.Row); day != "" && r.Row.InBed {
			cell = append(cell, ui.Sub("predicted "+day))
		}
		return cell
	}
	return ui.Nodes{ui.RAGTag(ui.RAG(r.Wait), r.Days), ui.Sub("since " + ui.DateTime(r.Row.Ready))}
}

// predicted is the day on which somebody is expected to leave: "24-Nov-2026",
// with an arrow and how often when it has moved.
func predicted(r care.Row) string {
	if r.EDD.IsZero() {
		return ""
	}
	text := ui.Day(r.EDD)
	if r.EDDChanges == 0 {
		return text
	}
	text += " " + arrow(r) + "changed"
	if r.EDDChanges > 1 {
		text += ", " + ordinal(r.EDDChanges) + " time"
	}
	return text
}

func arrow(r care.Row) string {
	switch {
	case r.EDDBefore.IsZero():
		return ""
	case r.EDDBefore.DaysTo(r.EDD) > 0:
		return "→ later, "
	}
	return "← sooner, "
}

// ordinal is 2nd, 3rd, 11th.
func ordinal(n int) string {
	end := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			end = "st"
		case 2:
			end = "nd"
		case 3:
			end = "rd"
		}
	}
	return strconv.Itoa(n) + end
}

// waitingCell is what is waited for, who has it and since when: nothing is ever
// nobody's. NHS CUI handover RID 12 and 64.
func (l list) waitingCell(r hub.ListRow, at time.Time) ui.Node {
	cell := ui.Nodes{ui.Text(r.Waiting)}
	if r.With == "" {
		return cell
	}
	with := strings.TrimSuffix(r.With, ", "+r.Row.Worker.Name)        // who stands in a column of their own
	if own, rest, _ := strings.Cut(with, ", "); own == l.by.OrgName { // to the council its own name says nothing
		with = rest
	}
	with = strings.TrimSuffix(withShort(strings.TrimSuffix(with, ", duty desk")), "duty desk") // said on the case: a row is three lines
	since := r.Row.Holder.Since
	switch {
	case r.Row.Holder.Overdue(at) >= time.Minute:
		return append(cell, ui.Sub(with), ui.Sub("overdue by "+span(r.Row.Holder.Overdue(at))))
	case since.IsZero():
		return append(cell, ui.Sub(with))
	case with != "" && ui.Date(since) != ui.Date(at): // a whole date needs a line of its own
		return append(cell, ui.Sub(with), ui.Sub("since "+ui.Date(since)))
	}
	return append(cell, ui.Sub(strings.TrimSpace(with+" since "+dayOrClock(since, at))))
}

// withShort is who has it without the word that every council's name ends in:
// "Nottinghamshire County, A Patel". So since when fits beside it.
func withShort(with string) string {
	org, rest, more := strings.Cut(with, ", ")
	org = strings.TrimSuffix(org, " Council")
	if more {
		org += ", " + rest
	}
	return org
}

// dayOrClock is the time of day for today, and the day for any other.
func dayOrClock(t, now time.Time) string {
	if ui.Date(t) == ui.Date(now) {
		return ui.Clock(t)
	}
	return ui.Date(t)
}

// updatedCell is when anything about somebody was last told.
func updatedCell(r hub.ListRow, at time.Time) ui.Node {
	return ui.NoWrap(dayOrClock(r.Row.Updated, at))
}
