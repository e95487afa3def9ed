package web

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// figureManageRoutes is where targets are set and charts are told of changes.
func (s *Server) figureManageRoutes() []route {
	manages := deciding(policy.ManageFigures)
	return []route{
		{pattern: "POST /figures/{measure}/target", asks: manages, do: s.setTarget},
		{pattern: "POST /figures/{measure}/rebase", asks: manages, do: s.addRebase},
		{pattern: "POST /figures/{measure}/rebase/drop", asks: manages, do: s.dropRebase},
	}
}

// figureManage is the forms of those who set targets and explain changes, with what was
// set before.
func (s *Server) figureManage(v *visit, p figurePage, errs []ui.FieldError) ui.Node {
	if !s.Hub.MayFigures(v.by, policy.ManageFigures) || p.def.ID == "" {
		return nil
	}
	at, version := figurePath(p.def.ID, ""), ui.Hidden("version", strconv.FormatInt(p.view.Version, 10))
	unit := p.many
	if p.share {
		unit = "%"
	}
	body := ui.Nodes{ui.H3("Target"), p.targets(), ui.PostForm(at+"/target", version, ui.Hidden("per", strconv.FormatFloat(p.per, 'g', -1, 64)),
		ui.Input{ID: "value", Label: "Target", Hint: "Leave it empty for no target", Value: v.form("value"), Suffix: unit, Width: 5, Mode: "decimal", Error: ui.ErrorFor(errs, "value")},
		ui.DayPicker{ID: "from", Label: "From", Hint: "For example, 7/11/2026", Value: v.form("from"), Error: ui.ErrorFor(errs, "from")}, ui.Button{Text: "Set the target", Kind: ui.Secondary}),
		ui.H3("A change that the chart starts anew from"), ui.P("Use this for a known change to how things are done, and never because a figure looks wrong. The note stands on the chart."),
		ui.PostForm(at+"/rebase", version, ui.DayPicker{ID: "on", Label: "Day of the change", Hint: "For example, 7/11/2026", Value: v.form("on"), Error: ui.ErrorFor(errs, "on")},
			ui.Input{ID: "why", Label: "Why it starts anew", Hint: "Such as: digital referral started", Value: v.form("why"), Error: ui.ErrorFor(errs, "why")}, ui.Button{Text: "Start anew from this day", Kind: ui.Secondary})}
	for i, r := range p.view.Rebases {
		id := "drop-" + strconv.Itoa(i+1)
		body = append(body, ui.PostForm(at+"/rebase/drop", version, ui.Hidden("on", r.On.String()), ui.Hidden("field", id),
			ui.Para(ui.Strong(ui.LongDate(r.On.Time())+": "), ui.Text(r.Why+" ("+r.By.Name+", "+ui.DateTime(r.At)+")")),
			ui.Input{ID: id, Name: "why", Label: "Why it is taken away", Error: ui.ErrorFor(errs, id)}, ui.Button{Text: "Take it away", About: "the change of " + ui.LongDate(r.On.Time()), Kind: ui.Secondary, Small: true}))
	}
	if len(errs) > 0 {
		return ui.OpenDetails("Target and changes", body)
	}
	return ui.Details("Target and changes", body)
}

// targets are all targets that there ever were.
func (p figurePage) targets() ui.Node {
	var lines []ui.Node
	for _, t := range p.view.Targets {
		words := "No target"
		if !t.None {
			words = p.say(t.Value)
		}
		lines = append(lines, ui.Text(words+" from "+ui.LongDate(t.From.Time())+", set by "+t.By.Name+", "+ui.DateTime(t.At)))
	}
	if len(lines) == 0 {
		return ui.P("No target was set.")
	}
	return ui.Bullets(lines...)
}

func (s *Server) setTarget(v *visit) (response, error) {
	var value *float64
	if typed := v.form("value"); typed != "" {
		x, err := strconv.ParseFloat(typed, 64)
		per, perErr := strconv.ParseFloat(v.form("per"), 64)
		if err != nil || perErr != nil {
			return s.refuseFigure(v, &care.Error{Kind: care.Invalid, Field: "value", Text: "Enter a number, such as 2.5"})
		}
		x *= per
		value = &x
	}
	from, err := figureDay(v, "from", "Enter the day from which the target counts")
	if err != nil {
		return s.refuseFigure(v, err)
	}
	return s.noted(v, s.Hub.SetTarget(v.ctx(), v.by, measure.ID(v.path("measure")), formVersion(v), value, from), "The target was set")
}

func (s *Server) addRebase(v *visit) (response, error) {
	on, err := figureDay(v, "on", "Enter the day of the change")
	if err != nil {
		return s.refuseFigure(v, err)
	}
	return s.noted(v, s.Hub.AddRebase(v.ctx(), v.by, measure.ID(v.path("measure")), formVersion(v), on, v.form("why")), "The chart starts anew from that day")
}

func (s *Server) dropRebase(v *visit) (response, error) {
	on, err := figureDay(v, "on", "Enter the day of the change")
	if err != nil {
		return s.refuseFigure(v, err)
	}
	err = s.Hub.DropRebase(v.ctx(), v.by, measure.ID(v.path("measure")), formVersion(v), on, v.form("why"))
	var e *care.Error
	if errors.As(err, &e) && e.Field == "why" { // there is a field for each change
		named := *e
		named.Field = v.form("field")
		err = &named
	}
	return s.noted(v, err, "The change was taken away")
}

func formVersion(v *visit) int64 {
	n, _ := strconv.ParseInt(v.form("version"), 10, 64)
	return n
}

func figureDay(v *visit, field, missing string) (nhs.Date, error) {
	typed := v.form(field)
	if typed == "" {
		return nhs.Date{}, &care.Error{Kind: care.Required, Field: field, Text: missing}
	}
	d, ok := pickedDay(typed)
	if !ok {
		return d, &care.Error{Kind: care.Invalid, Field: field, Text: notADay}
	}
	return d, nil
}

// notADay says how a day is typed.
const notADay = "Enter a real day as day, month and year, such as 7/11/2026"

// pickedDay reads a day as people write it, and as addresses do. ok is false where it is none.
func pickedDay(typed string) (d nhs.Date, ok bool) {
	for _, layout := range []string{"2/1/2006", "2-1-2006", "2.1.2006", "2 1 2006", "2 January 2006", "2-Jan-2006", "2006-01-02"} {
		if t, err := time.Parse(layout, strings.TrimSpace(typed)); err == nil && t.Year() >= 1900 {
			return nhs.DateOf(t), true
		}
	}
	return nhs.Date{}, false
}

// dayTyped is a day as pickedDay reads it.
func dayTyped(d nhs.Date) string { return d.Time().Format("02/01/2006") }

// noted answers a change of what was agreed about a measure.
func (s *Server) noted(v *visit, err error, said string) (response, error) {
	if err != nil {
		return s.refuseFigure(v, err)
	}
	return goTo(figurePath(measure.ID(v.path("measure")), "")).saying(said), nil
}

// refuseFigure shows the page again with what is wrong of its form.
func (s *Server) refuseFigure(v *visit, wrong error) (response, error) {
	errs, ok := fieldErrors(wrong, nil)
	m, there := measure.Find(measure.ID(v.path("measure")))
	if !ok || !there {
		return nil, wrong
	}
	f, err := s.figureFilters(v)
	if err != nil {
		return nil, err
	}
	p := s.figurePageOf(f, m)
	views, err := s.Hub.Figures(v.ctx(), v.by, p.queries()...)
	if err != nil {
		return nil, err
	}
	return refuse(s.figureScreen(v, p.with(views), errs)), nil
}
