package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/codelists"
	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// ballRoutes is correcting who had somebody while they were ready to leave.
func (s *Server) ballRoutes() []route {
	return []route{
		{pattern: "GET /cases/{id}/clock", nav: "tracker", asks: deciding(policy.SeeTimeline, policy.SeeReferral), do: func(v *visit) (response, error) { return goTo(casePath(v.id(), "?tab=clock")), nil }},
		{pattern: "POST /cases/{id}/clock", nav: "tracker", asks: deciding(policy.CorrectClock), do: s.correctClock},
		{pattern: "POST /cases/{id}/clock/{fix}/undo", nav: "tracker", asks: deciding(policy.CorrectClock), do: s.undoClock},
	}
}

// A ballForm is a correction as somebody typed it.
type ballForm struct {
	stay, key, was       string
	from, to             typedDate
	fromClock, toClock   string
	stage, holder, share [2]string
	reason, why          string
	posted               bool
}

// ballTab is who had somebody, by stay, newest first.
func (s *Server) ballTab(v *visit, c hub.CaseView, n noteForm) ui.Node {
	if !c.May[policy.SeeWhereabouts] || !c.May[policy.SeeReferral] {
		return ui.P("Who had it is not shown to your role.")
	}
	b, err := s.Hub.Ball(v.ctx(), v.by, c.ID)
	switch {
	case err != nil:
		return ui.P(sentence(errorText(err)))
	case len(b.Stays) == 0:
		return ui.Empty("Nothing to show yet", ui.P("When somebody is ready to leave hospital, each minute until they leave is one organisation's to act in. That is shown here."))
	}
	out := ui.Nodes{ui.P("Each minute from being ready to leave to leaving is one stage's and one organisation's, by the history of the referral. Nobody enters it; whoever knows better may correct it, and says why.")}
	for i, st := range b.Stays {
		body := s.ballStay(v, c, b, i, n)
		title := "Stay at " + st.Hospital.Name + " from " + ui.Date(st.Admitted)
		if i == 0 {
			out = append(out, ui.H2(title), body)
		} else {
			out = append(out, ui.Expander(title, body))
		}
	}
	return out
}

func (s *Server) ballStay(v *visit, c hub.CaseView, b hub.BallView, i int, n noteForm) ui.Node {
	st := b.Stays[i]
	far := ""
	if st.Left.IsZero() {
		far = " so far"
	}
	out := ui.Nodes{
		ui.StatTiles(
			ui.StatTile{Label: "Delay, national count", Value: ui.Plural(st.National, "day", "days") + far, Note: "Whole days from the last discharge-ready date"},
			ui.StatTile{Label: "All days not meeting criteria", Value: ui.Plural(st.Local, "day", "days") + far, Note: "Our own count, of all periods in this stay"},
			ui.StatTile{Label: "All time, by the clock", Value: minutesSay(st.Minutes) + far, Note: "To the minute, as in the tables below"}),
		ballTotals(st, b.At), s.ballSegments(c, b, i), s.ballFixes(c, b, st),
	}
	f, errs := n.ball, n.errs
	if !f.posted || f.stay != st.Key {
		f, errs = s.ballAsked(v, b, i), nil
	}
	if b.May && f.stay == st.Key {
		out = append(out, ui.Section("correct", "Correct the clock", s.ballForm(c, b, st, f, errs)))
	}
	return out
}

// minutesSay is a time in words, to the minute, so that times add up.
func minutesSay(n int64) string {
	var out []string
	for _, u := range []struct {
		of   int64
		name string
	}{{24 * 60, "d"}, {60, "hr"}, {1, "min"}} {
		if k := n / u.of; k > 0 {
			out = append(out, strconv.FormatInt(k, 10)+u.name)
		}
		n %= u.of
	}
	if len(out) == 0 {
		return "0min"
	}
	return strings.Join(out, " ")
}

// ballTotals is the whole of a stay by who had it and what was waited for, the longest
// first: the table is the chart.
func ballTotals(st hub.BallStay, at time.Time) ui.Node {
	type sum struct {
		who, stage string
		n          int64
	}
	var sums []sum
	most := int64(1)
	for _, seg := range st.Segments {
		for _, p := range seg.Parts {
			k := slices.IndexFunc(sums, func(x sum) bool { return x.who == p.Who && x.stage == p.Stage })
			if k < 0 {
				k, sums = len(sums), append(sums, sum{p.Who, p.Stage, 0})
			}
			sums[k].n += p.Minutes
			most = max(most, sums[k].n)
		}
	}
	slices.SortStableFunc(sums, func(a, b sum) int { return cmp.Compare(b.n, a.n) })
	t := ui.Table{Caption: "Who had it, in all", ShowTitle: true, Columns: []ui.Column{{Label: "With"}, {Label: "Waited for"}, {Label: "Time"}, {Label: "Share", Numeric: true}}}
	for _, x := range sums {
		share := 100 * float64(x.n) / float64(max(st.Minutes, 1))
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(x.who), ui.Text(measure.StageWords(x.stage)), ui.Bar(float64(x.n), float64(most), minutesSay(x.n)), ui.Text(strconv.FormatFloat(share, 'f', 1, 64) + "%")}})
	}
	t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Strong("All"), nil, ui.Strong(minutesSay(st.Minutes)), ui.Text("")}})
	return ui.Nodes{t, ui.Small("From the records of both sides, as at " + ui.DateTime(at) + ".")}
}

// ballSegments is the clock, oldest first.
func (s *Server) ballSegments(c hub.CaseView, b hub.BallView, i int) ui.Node {
	st := b.Stays[i]
	t := ui.Table{Caption: "What happened, in order", ShowTitle: true, Columns: []ui.Column{{Label: "From"}, {Label: "To"}, {Label: "With"}, {Label: "Waited for"}, {Label: "Time"}, {Label: "Reason for delay"}}}
	if b.May {
		t.Columns = append(t.Columns, ui.Column{Label: "Correct", HideLabel: true, HideOnPrint: true})
	}
	for j, seg := range st.Segments {
		to := ui.TimeAt(seg.To)
		if seg.Runs {
			to = ui.Text("now")
		}
		for k, p := range seg.Parts {
			with := ui.Nodes{ui.Text(p.Who)}
			if p.Share < 100 {
				with = append(with, ui.Sub(strconv.Itoa(p.Share)+" of 100"))
			}
			stage := ui.Nodes{ui.Text(measure.StageWords(p.Stage))}
			if seg.Corrected != "" && (p.Stage != seg.Clock.Stage || p.Holder != seg.Clock.Holder) {
				stage = append(stage, ui.Sub("Corrected. By itself the clock says: "+measure.StageWords(seg.Clock.Stage)+", "+seg.Clock.Who))
			}
			cells := []ui.Node{ui.TimeAt(seg.From), to, with, stage, ui.NoWrap(minutesSay(p.Minutes)), reasonCell(b.Reasons, p)}
			if b.May {
				link := ui.Node(ui.Text(""))
				if k == 0 {
					link = ui.LinkAbout(casePath(c.ID, "?tab=clock&correct="+strconv.Itoa(i)+"."+strconv.Itoa(j)+"#correct"), "Correct", "the time from "+ui.DateTime(seg.From))
				}
				cells = append(cells, link)
			}
			t.Rows = append(t.Rows, ui.TableRow{Cells: cells})
		}
	}
	list := "Reasons are from the list “" + b.Reasons.Title + "” (" + b.Reasons.ID + ")."
	if b.Reasons.Partial() {
		list += " Of that list " + strconv.Itoa(len(b.Reasons.Reasons)) + " of " + strconv.Itoa(b.Reasons.Of) + " reasons are known here."
	}
	return ui.Nodes{t, ui.Small(list + " A reason is only suggested until somebody chooses one.")}
}

// reasonCell is a reason in words, and whether somebody chose it.
func reasonCell(list *codelists.DelayReasons, p hub.BallPart) ui.Node {
	if p.Reason == "" {
		return ui.Missing("None suggested")
	}
	tag := ui.Tag(ui.TagWhite, "Suggested")
	if p.Chosen {
		tag = ui.Tag(ui.TagBlue, "Chosen")
	}
	return ui.Nodes{tag, ui.Text(" " + reasonSay(list, p.Reason)), ui.Sub("code " + p.Reason)}
}

func reasonSay(list *codelists.DelayReasons, code string) string {
	if r, ok := list.Find(code); ok {
		return r.Label
	}
	return "A reason of another list"
}

// ballFixes is what was corrected by hand, newest first.
func (s *Server) ballFixes(c hub.CaseView, b hub.BallView, st hub.BallStay) ui.Node {
	if len(st.Fixes) == 0 {
		return nil
	}
	var events []ui.Event
	for _, k := range slices.Backward(st.Fixes) {
		title := "Corrected"
		body := ui.Nodes{ui.P("From " + ui.DateTime(k.From) + " to " + ui.DateTime(k.To) + ".")}
		for _, p := range k.Parts {
			body = append(body, ui.P(p.Who+": "+measure.StageWords(p.Stage)+", "+strconv.Itoa(p.Share)+" of 100."))
		}
		if k.Reason != "" {
			body = append(body, ui.P("Reason chosen: "+reasonSay(b.Reasons, k.Reason)+" (code "+k.Reason+")."))
		}
		body = append(body, ui.Para(ui.Lines("“"+k.Why+"”")))
		if k.Undone != nil {
			title = "Corrected, and taken back"
			body = append(body, ui.Small("Taken back by "+k.Undone.By.Name+", "+ui.DateTime(k.Undone.At)+"."))
		}
		if k.MayUndo {
			body = append(body, ui.PostForm(casePath(c.ID, "/clock/"+k.ID+"/undo"), ui.Button{Text: "Take back", About: "the correction of " + ui.DateTime(k.At), Kind: ui.Secondary}))
		}
		events = append(events, ui.Event{Title: title, At: k.At, Who: k.By.Name, Org: s.Hub.Org(k.By.Org).Name, Body: body})
	}
	return ui.Nodes{ui.H3("Corrections"), ui.Timeline(4, events...)}
}

// ballAsked is the form that a link asks for, filled with what the clock says of that
// time.
func (s *Server) ballAsked(v *visit, b hub.BallView, i int) ballForm {
	stay, segment, _ := strings.Cut(v.query("correct"), ".")
	j, err := strconv.Atoi(segment)
	if stay != strconv.Itoa(i) || err != nil || j < 0 || j >= len(b.Stays[i].Segments) {
		return ballForm{}
	}
	st, seg := b.Stays[i], b.Stays[i].Segments[j]
	f := ballForm{stay: st.Key, key: hub.NewKey(), was: st.Was}
	from, to := seg.From.In(s.Zone), seg.To.In(s.Zone)
	f.from, f.to = typedOf(nhs.DateOf(from)), typedOf(nhs.DateOf(to))
	f.fromClock, f.toClock = from.Format("15:04"), to.Format("15:04")
	for k, p := range seg.Parts[:min(2, len(seg.Parts))] {
		f.stage[k], f.holder[k], f.share[k] = p.Stage, string(p.Holder), strconv.Itoa(p.Share)
	}
	if p := seg.Parts[0]; p.Chosen {
		f.reason = p.Reason
	}
	return f
}

func (s *Server) ballForm(c hub.CaseView, b hub.BallView, st hub.BallStay, f ballForm, errs []ui.FieldError) ui.Node {
	when := func(id, legend string, d typedDate, clock string) ui.Node {
		return ui.Nodes{ui.DateInput{ID: id, Legend: legend, Day: d.Day, Month: d.Month, Year: d.Year, Error: ui.ErrorFor(errs, id+"-day")},
			ui.Input{ID: id + "-clock", Label: legend + ", time", Hint: "For example, 14:30", Value: clock, Width: 5, Error: ui.ErrorFor(errs, id+"-clock")}}
	}
	stages := []ui.Choice{{Value: "", Label: "As the clock says"}}
	for _, x := range measure.Stages {
		stages = append(stages, ui.Choice{Value: x.Code, Label: x.Words})
	}
	holders := []ui.Choice{{Value: "", Label: "As the clock says"}}
	for _, o := range st.Holders {
		holders = append(holders, ui.Choice{Value: string(o.ODS), Label: o.Name})
	}
	part := func(k int, of string) ui.Node {
		id := "part-" + strconv.Itoa(k)
		return ui.Nodes{
			ui.Select{ID: id + "-holder", Label: "Who had it" + of, Value: f.holder[k], Items: holders, Error: ui.ErrorFor(errs, id+"-holder")},
			ui.Select{ID: id + "-stage", Label: "What was waited for" + of, Value: f.stage[k], Items: stages, Error: ui.ErrorFor(errs, id+"-stage")},
			ui.Input{ID: id + "-share", Label: "Share of the time, of 100" + of, Value: f.share[k], Width: 3, Error: ui.ErrorFor(errs, id+"-share")}}
	}
	reasons := []ui.Choice{{Value: "", Label: "None chosen: as suggested"}}
	for _, r := range b.Reasons.Reasons {
		reasons = append(reasons, ui.Choice{Value: r.Code, Label: r.Label + " (" + r.Code + ")"})
	}
	second := ui.Node(ui.Details("Somebody else had a share of it", part(1, " (second)")))
	if f.holder[1] != "" || f.stage[1] != "" {
		second = ui.OpenDetails("Somebody else had a share of it", part(1, " (second)"))
	}
	return ui.PostForm(casePath(c.ID, "/clock"), ui.Hidden("stay", st.Key), ui.Hidden("key", f.key), ui.Hidden("was", f.was),
		ui.P("Say who had it during a time, and why. The other side sees it. What the clock says by itself stays beside it."),
		when("from", "From", f.from, f.fromClock), when("to", "To", f.to, f.toClock), part(0, ""), second,
		ui.Select{ID: "reason", Label: "Reason for delay", Value: f.reason, Items: reasons, Error: ui.ErrorFor(errs, "reason")},
		ui.Textarea{ID: "why", Label: "Why do you correct it?", Value: f.why, Max: 500, Error: ui.ErrorFor(errs, "why")},
		ui.Button{Text: "Save the correction"})
}

// readBall reads a correction as it was typed.
func (s *Server) readBall(v *visit) (f ballForm, fix hub.ClockFix, w wrongs) {
	f = ballForm{posted: true, stay: v.form("stay"), key: v.form("key"), was: v.form("was"), from: v.date("from"), to: v.date("to"), fromClock: v.form("from-clock"),
		toClock: v.form("to-clock"), reason: v.form("reason"), why: strings.ReplaceAll(v.form("why"), "\r\n", "\n")}
	for k := range 2 {
		id := "part-" + strconv.Itoa(k)
		f.stage[k], f.holder[k], f.share[k] = v.form(id+"-stage"), v.form(id+"-holder"), v.form(id+"-share")
	}
	fix = hub.ClockFix{Key: f.key, Stay: f.stay, Was: f.was, Reason: f.reason, Why: f.why}
	when := func(id, name string, d typedDate, clock string) time.Time {
		day, wrong := d.parse(name)
		if day.IsZero() && wrong == "" {
			wrong = "Enter the day of " + strings.ToLower(name)
		}
		w.add(id+"-day", wrong)
		minutes, ok := parseClock(clock)
		if !ok {
			w.add(id+"-clock", name+": enter a time like 14:30")
		}
		return s.at(day, minutes)
	}
	fix.From, fix.To = when("from", "The start", f.from, f.fromClock), when("to", "The end", f.to, f.toClock)
	for k := range 2 {
		if f.stage[k] == "" && f.holder[k] == "" {
			continue
		}
		share, err := strconv.Atoi(cmp.Or(f.share[k], "100"))
		if err != nil {
			w.add("part-"+strconv.Itoa(k)+"-share", "Enter a share as a whole number, like 50")
		}
		fix.Parts = append(fix.Parts, care.ClockPart{Stage: f.stage[k], Holder: nhs.ODS(f.holder[k]), Share: share})
	}
	return f, fix, w
}

func (s *Server) correctClock(v *visit) (response, error) {
	status := http.StatusUnprocessableEntity
	f, fix, errs := s.readBall(v)
	if len(errs) == 0 {
		err := s.Hub.CorrectClock(v.ctx(), v.by, v.id(), fix)
		if err == nil {
			return goTo(casePath(v.id(), "?tab=clock")).saying("The clock was corrected."), nil
		}
		more, ok := fieldErrors(err, map[string]string{"from": "from-day", "to": "to-day", "stage": "part-0-stage", "holder": "part-0-holder", "share": "part-0-share", "key": "why"})
		if care.KindOf(err) == care.Conflict { // theirs stands above the form, and the next try is meant
			more, ok, status = wrongs{{ID: "why", Text: errorText(err) + ", then save yours"}}, true, http.StatusConflict
			f.was = s.ballWas(v, f)
		}
		if !ok {
			return s.notNow(v, err)
		}
		errs = more
	}
	if !s.ballThere(v, f) { // the page has no form to show it in
		return s.notNow(v, &care.Error{Kind: care.BusinessRule, Text: "That stay is not in this record any more. Open “Who had it” and choose “Correct” again"})
	}
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	p := s.casePage(v, c, "clock", noteForm{errs: errs, ball: f})
	p.Error = true
	return page{p, status}, nil
}

// ballThere reports whether the page has the stay of a form, and a form for it.
func (s *Server) ballThere(v *visit, f ballForm) bool {
	b, err := s.Hub.Ball(v.ctx(), v.by, v.id())
	return err == nil && b.May && slices.ContainsFunc(b.Stays, func(st hub.BallStay) bool { return st.Key == f.stay })
}

// ballWas names the corrections that the page shows now.
func (s *Server) ballWas(v *visit, f ballForm) string {
	b, err := s.Hub.Ball(v.ctx(), v.by, v.id())
	if i := slices.IndexFunc(b.Stays, func(st hub.BallStay) bool { return st.Key == f.stay }); err == nil && i >= 0 {
		return b.Stays[i].Was
	}
	return f.was
}

func (s *Server) undoClock(v *visit) (response, error) {
	if err := s.Hub.UndoClock(v.ctx(), v.by, v.id(), v.path("fix")); err != nil {
		return s.notNow(v, err)
	}
	return goTo(casePath(v.id(), "?tab=clock")).saying("The correction was taken back."), nil
}
