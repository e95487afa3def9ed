package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
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

// huddleRoutes is the hub screen of the daily huddle, and its minutes.
func (s *Server) huddleRoutes() []route {
	return []route{
		{pattern: "GET /huddle", nav: "huddle", asks: deciding(policy.ListHuddle), do: s.huddle},
		{pattern: "GET /huddle/events", nav: "huddle", asks: deciding(policy.ListHuddle), do: s.huddleEvents},
		{pattern: "POST /huddle", nav: "huddle", asks: deciding(policy.ListHuddle), do: s.startHuddle},
		{pattern: "POST /huddle/meetings/{id}", nav: "huddle", asks: deciding(policy.ListHuddle), do: s.changeHuddle},
		{pattern: "POST /huddle/meetings/{id}/draft", nav: "huddle", asks: deciding(policy.ListHuddle), do: s.noteHuddle},
		{pattern: "GET /huddle/meetings/{id}", nav: "huddle", asks: deciding(policy.ListHuddle), do: s.minutes},
		{pattern: "POST /cases/{id}/decisions", nav: "huddle", asks: deciding(policy.DecideHuddle), do: s.decideNext},
		{pattern: "POST /cases/{id}/decisions/{decision}/disagree", nav: "huddle", asks: deciding(policy.DecideHuddle), do: s.disagree},
	}
}

// huddleFilters are the filters of the hub screen. They name places and pathways.
var huddleFilters = []string{"hospital", "council", "pathway", "page"}

func huddleQuery(v *visit) hub.HuddleQuery {
	q := hub.HuddleQuery{Hospital: nhsODS(v.query("hospital")), Council: nhsODS(v.query("council")), Decide: care.CaseID(v.query("decide"))}
	if p := v.query("pathway"); len(p) == 1 && strings.Contains("0123", p) {
		q.Pathway = p
	}
	if n, err := strconv.Atoi(v.query("page")); err == nil && n > 1 && n < 1000 {
		q.Page = n
	}
	return q
}

func nhsODS(s string) nhs.ODS { return nhs.ODS(s) }

// huddlePath is the hub screen with the filters of a visit, and with the form of a
// person open.
func huddlePath(v *visit, decide care.CaseID) string {
	q := url.Values{}
	for _, name := range huddleFilters {
		if value := v.query(name); value != "" {
			q.Set(name, value)
		}
	}
	if decide != "" {
		q.Set("decide", string(decide))
	}
	path := "/huddle"
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	if decide != "" {
		path += "#decide"
	}
	return path
}

// A decisionForm is a decision as somebody typed it.
type decisionForm struct {
	key, choice, text, owner, due, clock string
	errs                                 []ui.FieldError
}

func (s *Server) huddle(v *visit) (response, error) {
	h, err := s.Hub.Huddle(v.ctx(), v.by, huddleQuery(v))
	if err != nil {
		return nil, err
	}
	return show(s.huddlePage(v, h, decisionForm{})), nil
}

func (s *Server) huddlePage(v *visit, h hub.HuddleView, f decisionForm) ui.Page {
	events := "/huddle/events?list=huddle"
	if _, query, ok := strings.Cut(huddlePath(v, ""), "?"); ok {
		events += "&" + query
	}
	table := huddleTable()
	var decide ui.Node
	for _, r := range h.Rows {
		if r.May && h.Query.Decide == r.Row.Case { // not in its row: a table is too narrow for a form
			decide = ui.Section("decide", "Decide about "+personName(r.Row), s.decisionForm(v, h, r, f))
		}
		table.Rows = append(table.Rows, s.huddleRow(v, h, r))
	}
	table.Empty = ui.Empty("No one is waiting to leave", ui.P("People come here when their hospital says that they are ready to leave, or when they are referred."))
	return ui.Page{Title: "Huddle", Width: ui.WorkPage, Error: len(f.errs) > 0, Main: []ui.Node{
		ui.ErrorSummary(f.errs),
		ui.WorkHead("Huddle", huddleCounts(h)),
		s.pausedBanner(h.List.Paused),
		ui.Strip(ui.LiveStrip{Events: events, Last: uint64(max(h.Seq, 0)), Stale: listStale, At: h.At}),
		s.huddleBar(v, h),
		decide,
		s.todayPart(h),
		table,
		ui.Pagination{Page: max(h.Query.Page, 1), Pages: h.List.Pages, Href: func(n int) string { return "/huddle?page=" + strconv.Itoa(n) }},
		s.meetingPart(v, h),
		ui.PrintMeta(v.now, v.by.Name),
	}}
}

func huddleCounts(h hub.HuddleView) string { return ui.Plural(h.List.Total, "person", "people") }

func (s *Server) huddleBar(v *visit, h hub.HuddleView) ui.Node {
	f := ui.Filter{Action: "/huddle"}
	orgs := func(list []care.Org, all string) []ui.Choice {
		out := []ui.Choice{{Value: "", Label: all}}
		for _, o := range list {
			out = append(out, ui.Choice{Value: string(o.ODS), Label: o.Name})
		}
		return out
	}
	if len(h.List.Hospitals) > 1 {
		f.Fields = append(f.Fields, ui.Select{ID: "hospital", Label: "Hospital", Value: v.query("hospital"), Items: orgs(h.List.Hospitals, "All hospitals")})
	}
	if v.by.OrgKind == care.Trust && len(h.Councils) > 1 {
		f.Fields = append(f.Fields, ui.Select{ID: "council", Label: "Council", Value: v.query("council"), Items: orgs(h.Councils, "All councils")})
	}
	pathways := []ui.Choice{{Value: "", Label: "Any"}}
	for _, p := range []string{"0", "1", "2", "3"} {
		pathways = append(pathways, ui.Choice{Value: p, Label: p})
	}
	f.Fields = append(f.Fields, ui.Select{ID: "pathway", Label: "Pathway", Value: v.query("pathway"), Items: pathways})
	return f
}

// todayPart is what must happen today, and what is late.
func (s *Server) todayPart(h hub.HuddleView) ui.Node {
	var rows []ui.TableRow
	for _, d := range h.Today {
		rows = append(rows, ui.TableRow{Cells: []ui.Node{ui.Link(casePath(d.Case, ""), ui.Name(d.Person.Family, d.Person.Given, d.Person.Title)), ui.Text(d.Text), ui.Text(d.OwnerSay), dueCell(d.Due, h.At)}})
	}
	return ui.Part("huddle-today", ui.H2("What must happen today"),
		ui.Table{Caption: "What must happen today", Columns: []ui.Column{{Label: "Person"}, {Label: "What"}, {Label: "Who"}, {Label: "By"}}, Rows: rows, Empty: ui.P("Nothing that a huddle decided is due today.")})
}

func huddleTable() ui.Table {
	return ui.Table{ID: "huddle", Caption: "People by days since they were ready to leave", Live: true,
		Columns: []ui.Column{{Label: "Person"}, {Label: "Days"}, {Label: "Stage"}, {Label: "Who has it, and next"}, {Label: "What blocks"}, {Label: "Last decision"}, {Label: "Decide", HideLabel: true, HideOnPrint: true}}}
}

func (s *Server) huddleRow(v *visit, h hub.HuddleView, r hub.HuddleRow) ui.TableRow {
	row := ui.TableRow{ID: string(r.Row.Case), Name: personName(r.Row)}
	next := ui.Nodes{ui.Text(r.Waiting)}
	if r.With != "" {
		next = append(next, ui.Sub(r.With))
	}
	if due := r.Row.Holder.Due; r.Row.Open && !due.IsZero() {
		next = append(next, ui.Sub("due "+ui.ClockOn(due, h.At)))
	}
	var form ui.Node
	if r.May {
		form = ui.LinkAbout(huddlePath(v, r.Row.Case), "Decide", "about "+personName(r.Row))
	}
	row.Cells = []ui.Node{personCell(r.ListRow), waitCell(r.ListRow), ui.Text(cmp.Or(r.StageSay, "Not referred")), next, ui.Or(r.Blocker, "Nothing known"), s.lastDecision(r, h.At), form}
	return row
}

func (s *Server) lastDecision(r hub.HuddleRow, at time.Time) ui.Node {
	d := r.Last
	if d == nil {
		return ui.Missing("None yet")
	}
	state := "by " + ui.ClockOn(d.Due, at) + ", " + d.OwnerSay
	if d.Done {
		state = "done: " + cmp.Or(d.Outcome, d.OwnerSay)
	}
	out := ui.Nodes{ui.Text(d.Text), ui.Sub(state)}
	if d.Late {
		out = append(out, ui.Tag(ui.TagRed, "Overdue"))
	}
	for _, x := range d.Disagreed {
		out = append(out, ui.Sub(x.By.Name+" disagrees: "+x.Text))
	}
	if r.May {
		out = append(out, ui.Details("Disagree", ui.PostForm(decisionPath(d.Case, d.ID)+"/disagree",
			ui.Textarea{ID: "disagree-" + d.ID, Name: "text", Label: "Why do you disagree?", Rows: 2, Max: care.TaskOutcomeLimit}, ui.Button{Text: "Record that you disagree", Kind: ui.Secondary, Small: true})))
	}
	return out
}

func decisionPath(id care.CaseID, decision string) string {
	return casePath(id, "/decisions/"+url.PathEscape(decision))
}

// The times that a decision is offered to be due by.
var dueOffers = []struct {
	value, label string
	days, hour   int
}{{"12", "Today, 12:00", 0, 12}, {"16", "Today, 16:00", 0, 16}, {"tomorrow", "Tomorrow, 12:00", 1, 12}}

// ownWords is the choice of a decision in own words.
const ownWords = "own"

// decisionForm is decide, owner and due: three clicks, of which two are made already
// where the holder does it by today at 16:00.
func (s *Server) decisionForm(v *visit, h hub.HuddleView, r hub.HuddleRow, f decisionForm) ui.Node {
	if f.key == "" {
		f.key = hub.NewKey()
		f.owner, f.due = hub.OwnerCode(care.Owner{Org: r.Row.Holder.Org, Team: r.Row.Holder.Team, Who: r.Row.Holder.Who}), "tomorrow"
		if v.now.In(s.Zone).Hour() < 16 {
			f.due = "16"
		}
	}
	texts := append(coded(care.HuddleTexts), ui.Choice{Value: ownWords, Label: "In own words", More: ui.Textarea{ID: "own-text", Label: "What was decided?", Rows: 2, Value: f.text, Max: care.TaskOutcomeLimit, Error: ui.ErrorFor(f.errs, "own-text")}})
	var owners []ui.Choice
	for _, p := range h.People {
		if p.Near && len(owners) < 12 {
			owners = append(owners, ui.Choice{Value: p.Code, Label: p.Name + ", " + p.Org.Name})
		}
	}
	if !hasChoice(owners, f.owner) && len(owners) > 0 {
		f.owner = owners[0].Value
	}
	var dues []ui.Choice
	for _, d := range dueOffers {
		if d.days > 0 || v.now.In(s.Zone).Hour() < d.hour {
			dues = append(dues, ui.Choice{Value: d.value, Label: d.label})
		}
	}
	dues = append(dues, ui.Choice{Value: "time", Label: "Today, at", More: ui.Input{ID: "due-clock", Label: "Time", Hint: "For example, 14:30", Value: f.clock, Width: 5, Error: ui.ErrorFor(f.errs, "due-clock")}})
	return ui.PostForm(strings.Split(strings.Replace(huddlePath(v, ""), "/huddle", casePath(r.Row.Case, "/decisions"), 1), "#")[0],
		ui.Hidden("key", f.key), ui.Hidden("referral", string(h.Referral)),
		ui.Halves(
			ui.Radios{ID: "choice", Legend: "What was decided?", Value: f.choice, Items: texts, Small: true, Error: ui.ErrorFor(f.errs, "choice")},
			ui.Nodes{
				ui.Radios{ID: "owner", Legend: "Who does it?", Value: f.owner, Items: owners, Small: true, Error: ui.ErrorFor(f.errs, "owner")},
				ui.Radios{ID: "due", Legend: "By when?", Value: f.due, Items: dues, Small: true, Error: ui.ErrorFor(f.errs, "due")},
				ui.ButtonGroup(ui.Submit("Save the decision"), ui.Link(huddlePath(v, ""), "Cancel"))}))
}

// readDecision reads a decision as it was typed.
func (s *Server) readDecision(v *visit) (f decisionForm, n hub.NewDecision, w wrongs) {
	f = decisionForm{key: v.form("key"), choice: v.form("choice"), text: v.form("own-text"), owner: v.form("owner"), due: v.form("due"), clock: v.form("due-clock")}
	n = hub.NewDecision{Key: f.key, Owner: f.owner, Referral: care.ReferralID(v.form("referral"))}
	i := slices.IndexFunc(care.HuddleTexts, func(c care.Coded) bool { return c.Code == f.choice })
	switch {
	case f.choice == ownWords:
		n.Text = strings.ReplaceAll(f.text, "\r\n", "\n")
		w.need("own-text", n.Text, "Enter what was decided")
	case i >= 0:
		n.Text = care.HuddleTexts[i].Say
	default:
		w.add("choice", "Select what was decided")
	}
	w.need("owner", f.owner, "Select who does it")
	today := s.today(v)
	for _, d := range dueOffers {
		if d.value == f.due {
			day := nhs.DateOf(today.Time().AddDate(0, 0, d.days))
			n.Due = s.at(day, d.hour*60)
		}
	}
	if f.due == "time" {
		minutes, ok := parseClock(f.clock)
		if n.Due = s.at(today, minutes); !ok {
			w.add("due-clock", "Enter a time like 14:30")
		}
	}
	if n.Due.IsZero() {
		w.add("due", "Select by when")
	}
	return f, n, w
}

func (s *Server) decideNext(v *visit) (response, error) {
	f, n, w := s.readDecision(v)
	f.errs = w
	if len(w) == 0 {
		err := s.Hub.DecideInHuddle(v.ctx(), v.by, v.id(), n)
		if err == nil {
			return goTo(huddlePath(v, "")).saying("The decision was recorded, and its task set."), nil
		}
		errs, ok := fieldErrors(err, map[string]string{"text": "own-text"})
		if !ok {
			return s.notNow(v, err)
		}
		f.errs = errs
	}
	q := huddleQuery(v)
	q.Decide = v.id()
	h, err := s.Hub.Huddle(v.ctx(), v.by, q)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(h.Rows, func(r hub.HuddleRow) bool { return r.May && r.Row.Case == q.Decide }) {
		return nil, &care.Error{Kind: care.Forbidden, Text: "You cannot decide about this person"}
	}
	return refuse(s.huddlePage(v, h, f)), nil
}

func (s *Server) disagree(v *visit) (response, error) {
	text := strings.ReplaceAll(v.form("text"), "\r\n", "\n")
	if err := s.Hub.DisagreeInHuddle(v.ctx(), v.by, v.id(), v.path("decision"), text); err != nil {
		return s.notNow(v, err)
	}
	return goTo("/huddle").saying("It was recorded that you disagree."), nil
}

// meetingPart is the meeting that is open, and those before it.
func (s *Server) meetingPart(v *visit, h hub.HuddleView) ui.Node {
	var body ui.Nodes
	if m := h.Meeting; m != nil {
		path := meetingPath(m.ID)
		body = append(body, ui.P("Huddle of "+m.Hospital.Name+", open since "+ui.ClockOn(m.Started, h.At)+", started by "+m.By.Name+"."),
			ui.PostForm(path, ui.Hidden("do", "present"), ui.Input{ID: "present", Label: "Who is here?", Value: m.Present}, ui.Button{Text: "Save who is here", Kind: ui.Secondary, Small: true}),
			ui.Form{Action: path, Autosave: path + "/draft", Body: []ui.Node{ui.Hidden("do", "notes"), huddleVersion(m.NotesVersion),
				ui.Textarea{ID: "notes", Label: "Notes of your own side", Hint: "Kept as you type. The other side does not see them.", Value: m.Notes, Rows: 4, Max: 20000},
				ui.Button{Text: "Save notes", Kind: ui.Secondary, Small: true}, ui.AutosaveStatus()}},
			ui.Para(ui.Link(path, "Minutes so far")),
			ui.PostForm(path, ui.Hidden("do", "close"), ui.Button{Text: "Close the huddle", Kind: ui.Secondary}))
	} else {
		items := []ui.Choice{}
		for _, o := range h.List.Hospitals {
			items = append(items, ui.Choice{Value: string(o.ODS), Label: o.Name})
		}
		var which ui.Node
		if len(items) > 1 {
			which = ui.Select{ID: "of", Label: "Huddle of which hospital?", Value: v.query("hospital"), Items: items}
		} else if len(items) == 1 {
			which = ui.Hidden("of", items[0].Value)
		}
		body = append(body, ui.P("No huddle is open. The first decision starts one by itself."), ui.PostForm("/huddle", ui.Hidden("key", hub.NewKey()), which, ui.Button{Text: "Start the huddle", Kind: ui.Secondary}))
	}
	var before []ui.Node
	for _, m := range h.Recent {
		if !m.Closed.IsZero() {
			before = append(before, ui.Link(meetingPath(m.ID), "Minutes of "+ui.DateTime(m.Started)+", "+m.Hospital.Name))
		}
	}
	return ui.Section("meeting", "This huddle", body, ui.If(len(before) > 0, func() ui.Node { return ui.Nodes{ui.H3("Earlier"), ui.List(before...)} }))
}

func meetingPath(id string) string { return "/huddle/meetings/" + url.PathEscape(id) }

func (s *Server) startHuddle(v *visit) (response, error) {
	if _, err := s.Hub.StartHuddle(v.ctx(), v.by, nhsODS(v.form("of")), v.form("key")); err != nil {
		return nil, err
	}
	return goTo("/huddle").saying("The huddle has started."), nil
}

func (s *Server) changeHuddle(v *visit) (response, error) {
	var err error
	said := "Saved."
	switch v.form("do") {
	case "present":
		err = s.Hub.SayPresent(v.ctx(), v.by, v.path("id"), v.form("present"))
	case "close":
		err, said = s.Hub.CloseHuddle(v.ctx(), v.by, v.path("id")), "The huddle was closed. Its minutes are below."
	default:
		if _, err = s.saveHuddleNotes(v); care.KindOf(err) == care.Conflict {
			return s.notesOvertaken(v)
		}
	}
	if err != nil {
		return nil, err
	}
	if v.form("do") == "close" {
		return goTo(meetingPath(v.path("id"))).saying(said), nil
	}
	return goTo("/huddle").saying(said), nil
}

// notesOvertaken shows the notes that somebody of the same side saved first, below those
// that were typed: the next try is meant.
func (s *Server) notesOvertaken(v *visit) (response, error) {
	m, _, err := s.Hub.Minutes(v.ctx(), v.by, v.path("id"))
	if err != nil {
		return nil, err
	}
	wrong := "Somebody else of your side saved notes since you opened this. Check theirs below the form, then save yours"
	p := ui.Page{Title: "Notes of the huddle", Width: ui.FormPage, Back: &ui.NavItem{Href: "/huddle", Text: "Huddle"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(wrongs{{ID: "notes", Text: wrong}}), ui.H1("Notes of the huddle"),
		ui.PostForm(meetingPath(m.ID), ui.Hidden("do", "notes"), huddleVersion(m.NotesVersion),
			ui.Textarea{ID: "notes", Label: "Notes of your own side", Hint: "The other side does not see them.", Value: strings.ReplaceAll(v.r.PostFormValue("notes"), "\r\n", "\n"), Rows: 8, Max: 20000, Error: wrong},
			ui.Submit("Save notes")),
		ui.H2("What they say now"), ui.Para(ui.Lines(m.Notes)))}}
	return s.overtaken(p, v, true), nil
}

func (s *Server) saveHuddleNotes(v *visit) (int64, error) {
	was, err := strconv.ParseInt(v.form("was"), 10, 64)
	if err != nil {
		return 0, &care.Error{Kind: care.Invalid, Field: "notes", Text: "Open the huddle again"}
	}
	return s.Hub.SaveHuddleNotes(v.ctx(), v.by, v.path("id"), strings.ReplaceAll(v.r.PostFormValue("notes"), "\r\n", "\n"), was)
}

// noteHuddle keeps the notes of a page as they are typed, and gives the page the version
// that its next saving goes on from. A page whose notes somebody else of its side
// changed is told so, and keeps what it has.
func (s *Server) noteHuddle(v *visit) (response, error) {
	n, err := s.saveHuddleNotes(v)
	if err != nil {
		return nil, err
	}
	return savedPart{huddleVersion(n)}, nil
}

// huddleVersion is the version of the notes that a page shows.
func huddleVersion(n int64) ui.Node {
	return ui.Part("app-huddle-version", ui.Hidden("was", strconv.FormatInt(n, 10)))
}

// minutes are what a huddle decided, ready to print. They make themselves.
func (s *Server) minutes(v *visit) (response, error) {
	m, ds, err := s.Hub.Minutes(v.ctx(), v.by, v.path("id"))
	if err != nil {
		return nil, err
	}
	rows := []ui.Row{{Key: "Hospital", Value: ui.Text(m.Hospital.Name)}, {Key: "Started", Value: ui.TimeAt(m.Started), Source: "by " + m.By.Name}, {Key: "Who was there", Value: ui.Or(m.Present, "Not recorded")}}
	if !m.Closed.IsZero() {
		rows = append(rows, ui.Row{Key: "Closed", Value: ui.TimeAt(m.Closed), Source: "by " + m.ClosedBy.Name})
	}
	var items []ui.TableRow
	for _, d := range ds {
		text := ui.Nodes{ui.Text(d.Text)}
		for _, x := range d.Disagreed {
			text = append(text, ui.Sub(x.By.Name+" disagrees: "+x.Text))
		}
		state := "Open"
		if d.Done {
			state = "Done"
		}
		items = append(items, ui.TableRow{Cells: []ui.Node{ui.Link(casePath(d.Case, ""), ui.Name(d.Person.Family, d.Person.Given, d.Person.Title)), text, ui.Text(d.OwnerSay), ui.TimeAt(d.Due), ui.Text(state)}})
	}
	main := []ui.Node{ui.H1("Minutes of the huddle"), ui.PrintMeta(v.now, v.by.Name), ui.SummaryList(rows...),
		ui.Table{Caption: "Decisions", Columns: []ui.Column{{Label: "Person"}, {Label: "Decided"}, {Label: "Who"}, {Label: "By"}, {Label: "State"}}, Rows: items, Empty: ui.P("Nothing was decided that you can see.")}}
	if m.Notes != "" {
		main = append(main, ui.H2("Notes of your own side"), ui.Para(ui.Lines(m.Notes)))
	}
	return show(ui.Page{Title: "Minutes of the huddle", Width: ui.WorkPage, Back: &ui.NavItem{Href: "/huddle", Text: "Huddle"}, Main: main}), nil
}

// huddleEvents keeps an open hub screen current: each row by itself, so that the one in
// use stays.
func (s *Server) huddleEvents(v *visit) (response, error) {
	q := huddleQuery(v)
	if _, err := s.Hub.Huddle(v.ctx(), v.by, q); err != nil {
		return nil, err
	}
	return stream(func(ctx context.Context, w http.ResponseWriter) error { return s.followHuddle(ctx, w, v, q) }), nil
}

func (s *Server) followHuddle(ctx context.Context, w http.ResponseWriter, v *visit, q hub.HuddleQuery) error {
	out := newEventStream(w)
	if v.r.Method == http.MethodHead {
		return nil
	}
	last, told := lastSeen(v), map[string]string{}
	if err := out.send(last, "beat", ""); err != nil {
		return nil
	}
	h, _, err := s.Hub.HuddleMoved(ctx, v.by, q, -1) // what stands now
	if err != nil {
		return err
	}
	if h.Seq == last { // is what the page shows: from here on only what is other is said
		_, err = s.tellHuddle(nil, v, h, told)
	} else {
		_, err = s.tellHuddle(out, v, h, told)
	}
	if err != nil {
		return nil
	}
	last = h.Seq
	beaten := time.Now()
	for checked := time.Now(); ; {
		h, moved, err := s.Hub.HuddleMoved(ctx, v.by, q, last)
		if err != nil {
			return err
		}
		if time.Since(checked) >= sessionEvery {
			checked = time.Now()
			if in, err := s.stillIn(ctx, v); !in || err != nil {
				return err
			}
		}
		// Most of what moves is of cases that this reader does not see: that it moved is not
		// said, only that the stream lives.
		said := false
		if moved {
			last = h.Seq
			said, err = s.tellHuddle(out, v, h, told)
		}
		if err == nil && (said || time.Since(beaten) >= huddleBeat) {
			beaten = time.Now()
			err = out.send(last, "beat", "")
		}
		if err != nil {
			if errors.Is(err, context.Canceled) {
				return err
			}
			return nil // a reader who does not read is let go
		}
	}
}

// huddleBeat is how often a stream in which nothing is said shows that it lives.
const huddleBeat = 9 * time.Second

// tellHuddle sends what is other than the page was told before, and says whether anything
// was. told is that, by the name of the piece. Where out is nil it is only remembered.
func (s *Server) tellHuddle(out *eventStream, v *visit, h hub.HuddleView, told map[string]string) (said bool, err error) {
	tell := func(name, html string) error {
		if said = true; out == nil {
			return nil
		}
		return out.send(h.Seq, name, html)
	}
	send := func(name, id string, n ui.Node) error {
		html, err := ui.HTML(n)
		if err != nil || told[id] == html {
			return err
		}
		told[id] = html
		return tell(name, html)
	}
	table, seen, first := huddleTable(), map[string]bool{}, len(told) == 0
	for _, r := range slices.Backward(h.Rows) {
		id := "row-" + string(r.Row.Case)
		seen[id] = true
		name := "row"
		if _, ok := told[id]; !ok && !first {
			name = "new"
		}
		if err := send(name, id, table.Row(s.huddleRow(v, h, r))); err != nil {
			return said, err
		}
	}
	for id := range told {
		if strings.HasPrefix(id, "row-") && !seen[id] {
			delete(told, id)
			if err := tell("gone", strings.TrimPrefix(id, "row-")); err != nil {
				return said, err
			}
		}
	}
	if err := send("part", "today", s.todayPart(h)); err != nil {
		return said, err
	}
	if err := send("part", "counts", ui.Counts(huddleCounts(h))); err != nil {
		return said, fmt.Errorf("sending the counts: %w", err)
	}
	return said, nil
}
