package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/money"
	"homeward/nhs"
	"homeward/web/ui"
)

// A costForm is figures as somebody typed them.
type costForm struct {
	post url.Values
	errs []ui.FieldError
	them *hub.ElementView // what another has set meanwhile; nil: nobody
}

func (f costForm) err(id string) string { return ui.ErrorFor(f.errs, id) }

// costOf puts the figures of an element into the form: those that wait, where any do.
func costOf(e hub.ElementView) url.Values {
	if e.Wants != nil {
		changed := e.Changed()
		e = *e.Wants
		e.At = changed
	}
	p := url.Values{"kind": {e.Kind}, "title": {e.Title}, "provider": {e.ProviderName}, "unit": {string(e.Unit)}, "rate": {e.Rate.Plain()}, "funding": {e.Funding},
		"was": {e.At.UTC().Format(time.RFC3339Nano)}}
	for i, q := range e.Week {
		if q != 0 {
			p.Set("week-"+strconv.Itoa(i), q.String())
		}
	}
	if e.Count != 0 {
		p.Set("count", e.Count.String())
	}
	if e.NHS != 0 {
		p.Set("nhs", e.NHS.String())
	}
	for id, a := range map[string]money.Amount{"contribution": e.Contribution, "ceiling": e.Ceiling} {
		if a != 0 {
			p.Set(id, a.Plain())
		}
	}
	for id, d := range map[string]nhs.Date{"start": e.Start, "end": e.End} {
		if !d.IsZero() {
			p.Set(id+"-day", strconv.Itoa(d.Day))
			p.Set(id+"-month", strconv.Itoa(int(d.Month)))
			p.Set(id+"-year", strconv.Itoa(d.Year))
		}
	}
	return p
}

// askMoney shows the form of a new cost, or of one that changes.
func (s *Server) askMoney(v *visit) (response, error) {
	c, e, err := s.costAsked(v)
	if err != nil {
		return nil, err
	}
	var f costForm
	if e != nil {
		f.post = costOf(*e)
	} else {
		f.post = costOfOffer(c, v.query("request"), v.query("provider"))
		f.post.Set("key", hub.NewKey())
	}
	return show(s.costPage(v, c, e, f)), nil
}

// costOfOffer begins a cost with what a provider offered; empty where there is no such
// offer.
func costOfOffer(c hub.CaseView, request, provider string) url.Values {
	for _, o := range offers(c) {
		if o.request.ID != request || o.invite.Provider != provider {
			continue
		}
		e := care.Element{Kind: o.request.Kind, ProviderName: o.invite.Name, Unit: care.UnitWeek, Count: money.One, Rate: o.invite.Rate, Start: o.invite.Earliest, Ceiling: o.request.Ceiling}
		if !o.request.Start.IsZero() {
			e.Start = o.request.Start
		}
		post := costOf(hub.ElementView{Element: e})
		post.Del("was")
		return post
	}
	return url.Values{}
}

// An offer is what a provider said to a request that it would do.
type offer struct {
	request hub.RequestView
	invite  care.Invite
}

// offers are those of a case that have no cost yet.
func offers(c hub.CaseView) (out []offer) {
	if c.Arrange == nil || c.Money == nil {
		return nil
	}
	for _, r := range c.Arrange.Requests {
		for _, i := range r.Invited {
			priced := slices.ContainsFunc(c.Money.Elements, func(e hub.ElementView) bool { return e.Request == r.ID && e.Provider == i.Provider })
			if i.Reply == care.ReplyAccept && i.Rate > 0 && r.Ended.IsZero() && !r.SelfFund && !priced {
				out = append(out, offer{r, i})
			}
		}
	}
	return out
}

// costAsked is the case, and the cost that the path names; nil for a new one.
func (s *Server) costAsked(v *visit) (hub.CaseView, *hub.ElementView, error) {
	if v.path("element") != "" {
		c, e, err := s.elementOf(v)
		return c, &e, err
	}
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err == nil && (c.Money == nil || !c.Money.Set) {
		err = &care.Error{Kind: care.Forbidden, Text: "You cannot see this"}
	}
	return c, nil, err
}

// setMoney keeps the figures. What was typed stays when they are refused; where another
// was first, theirs stand beside it.
func (s *Server) setMoney(v *visit) (response, error) {
	e, was, errs := readCost(v)
	e.ID = v.path("element")
	var err error
	waits := false
	if len(errs) == 0 {
		if waits, err = s.Hub.SetMoney(v.ctx(), v.by, v.id(), v.form("key"), e, was); err == nil {
			said := "The cost was saved and approved."
			if waits {
				said = "The cost was saved. A second person must approve it."
			}
			return goTo(casePath(v.id(), "?tab=finance")).saying(said), nil
		}
		var ok bool
		if errs, ok = fieldErrors(err, costFields); !ok && care.KindOf(err) != care.Conflict {
			return s.notNow(v, err)
		}
	}
	c, now, failed := s.costAsked(v)
	if failed != nil {
		return nil, failed
	}
	f := costForm{post: v.r.PostForm, errs: errs}
	if care.KindOf(err) == care.Conflict && now != nil {
		f.them = now
		f.post.Set("was", now.Changed().UTC().Format(time.RFC3339Nano))
		return page{s.costPage(v, c, now, f), http.StatusConflict}, nil
	}
	return refuse(s.costPage(v, c, now, f)), nil
}

// costFields are the controls of the fields that care names.
var costFields = map[string]string{"start": "start-day", "end": "end-day", "from": "from-day", "week": "week-0", "key": "kind"}

// readCost reads the form.
func readCost(v *visit) (e care.Element, was time.Time, errs []ui.FieldError) {
	wrong := func(id string, err error) {
		if err != nil {
			errs = append(errs, ui.FieldError{ID: id, Text: sentenceOf(err)})
		}
	}
	e = care.Element{Kind: v.form("kind"), Title: v.form("title"), ProviderName: v.form("provider"), Unit: care.Unit(v.form("unit")), Funding: v.form("funding")}
	var err error
	if v.form("rate") == "" {
		wrong("rate", errors.New("Enter the rate, like £23.50"))
	} else {
		e.Rate, err = money.Parse(v.form("rate"))
		wrong("rate", err)
	}
	switch e.Unit {
	case care.UnitWeek, care.UnitOnce:
		if v.form("count") == "" {
			e.Count = money.One
		} else {
			e.Count, err = money.ParseQuantity(v.form("count"))
			wrong("count", err)
		}
	default:
		for i, day := range care.Weekdays {
			if typed := v.form("week-" + strconv.Itoa(i)); typed != "" {
				if e.Week[i], err = money.ParseOf(typed, string(e.Unit)); err != nil {
					wrong("week-"+strconv.Itoa(i), errors.New(day+": "+err.Error()))
				}
			}
		}
	}
	e.Start = dayOrZero(v, "start", "First day", &errs)
	e.End = dayOrZero(v, "end", "Last day", &errs)
	e.From = dayOrZero(v, "from", "The day from which the figures hold", &errs)
	if typed := v.form("nhs"); typed != "" {
		e.NHS, err = money.ParseShare(typed)
		wrong("nhs", err)
	}
	if typed := v.form("contribution"); typed != "" {
		e.Contribution, err = money.Parse(typed)
		wrong("contribution", err)
	}
	if typed := v.form("ceiling"); typed != "" {
		e.Ceiling, err = money.Parse(typed)
		wrong("ceiling", err)
	}
	was, _ = time.Parse(time.RFC3339Nano, v.form("was")) // none: a new cost
	return e, was, errs
}

// sentenceOf is the words of an error for people.
func sentenceOf(err error) string { return cmp.Or(errorText(err), err.Error()) }

// costPage is the form of figures.
func (s *Server) costPage(v *visit, c hub.CaseView, e *hub.ElementView, f costForm) ui.Page {
	title, action, button := "Add a cost", moneyPathNew(c.ID), "Save cost"
	var hold, theirs ui.Node
	if e != nil {
		title, action, button = "Change a cost", moneyPath(c.ID, e.ID, "change"), "Save change"
		if e.State == care.ElementApproved && e.Unit != care.UnitOnce {
			hold = costDate(f, "from", "From which day do these figures hold? (optional)", "Leave it empty where the figures were wrong from the start.")
		}
	}
	if f.them != nil {
		theirs = ui.WarningCard(2, "Somebody else changed this cost while you typed", ui.P("What they set stands here. What you typed is below: save it again to put it in the place of theirs."),
			ui.SummaryList(elementRows(theirsOf(*f.them))...))
	}
	in := func(id, label, hint string, width int) ui.Input {
		return ui.Input{ID: id, Label: label, Hint: hint, Value: f.post.Get(id), Error: f.err(id), Width: width}
	}
	rate := in("rate", "Rate", "For one unit. For example, 23.50", 10)
	rate.Prefix, rate.Mode = "£", "decimal"
	share := in("nhs", "NHS share (optional)", "What the NHS pays of the cost. For example, 25", 5)
	share.Suffix = "%"
	paid := in("contribution", "The person’s contribution a week (optional)", "For example, 45.20", 10)
	most := in("ceiling", "The most that was agreed a week (optional)", "Above it a second person always approves.", 10)
	paid.Prefix, most.Prefix = "£", "£"
	return ui.Page{Title: title, Width: ui.FormPage, Back: &ui.NavItem{Href: casePath(c.ID, "?tab=finance"), Text: "Discharge case"}, Banner: s.caseBanner(c, v.now), Error: len(f.errs) > 0,
		Main: []ui.Node{ui.TwoThirds(ui.ErrorSummary(f.errs), ui.H1(title), theirs,
			ui.PostForm(action, ui.Hidden("key", f.post.Get("key")), ui.Hidden("was", f.post.Get("was")),
				ui.Select{ID: "kind", Label: "Kind of care", Value: f.post.Get("kind"), Items: codedChoices(hub.MoneyKinds(), "Select the kind of care"), Error: f.err("kind")},
				in("title", "What it is (optional)", "In words that name nobody. For example, morning and evening visits", 0),
				in("provider", "Provider (optional)", "As the directory names it. Then its cost stands still while its care does.", 0),
				ui.Radios{ID: "unit", Legend: "What is the rate for?", Value: f.post.Get("unit"), Items: unitChoices(), Error: f.err("unit")},
				rate, costWeek(f),
				costDate(f, "start", "First day", "For example, 14 3 2026"), costDate(f, "end", "Last day (optional)", "Leave it empty until it is known. A one-off has no last day."), hold,
				ui.Select{ID: "funding", Label: "Paid from", Value: f.post.Get("funding"), Items: codedChoices(care.Fundings, "Select who pays"), Error: f.err("funding")},
				share, paid, most,
				ui.P(limitLine(*c.Money)), ui.Submit(button)))}}
}

// theirsOf are the figures that another set last: those that wait, where any do.
func theirsOf(e hub.ElementView) hub.ElementView {
	if e.Wants != nil {
		return *e.Wants
	}
	return e
}

func costDate(f costForm, id, legend, hint string) ui.Node {
	d := ui.DateInput{ID: id, Legend: legend, Hint: hint, Error: f.err(id + "-day")}
	d.Day, d.Month, d.Year = strings.TrimSpace(f.post.Get(id+"-day")), strings.TrimSpace(f.post.Get(id+"-month")), strings.TrimSpace(f.post.Get(id+"-year"))
	return d
}

// costWeek asks how much: seven days for what is given by the day, one number for the
// rest. All are there without a script; what does not belong to the unit is not read.
func costWeek(f costForm) ui.Node {
	var days ui.Nodes
	for i, day := range care.Weekdays {
		id := "week-" + strconv.Itoa(i)
		days = append(days, ui.Input{ID: id, Label: day, Value: f.post.Get(id), Error: f.err(id), Width: 5, Mode: "decimal"})
	}
	byDay := []string{string(care.UnitHour), string(care.UnitVisit), string(care.UnitDay), string(care.UnitNight)}
	return ui.Nodes{
		ui.ShowWhen("unit", byDay, ui.Section("week", "How much on each day", ui.P("Hours, visits, days or nights. For example, 1.5. A night belongs to the day on which it begins."), days)),
		ui.ShowWhen("unit", []string{string(care.UnitWeek), string(care.UnitOnce)}, ui.Input{ID: "count", Label: "How many", Hint: "Of a weekly rate or a one-off. Empty is 1.",
			Value: f.post.Get("count"), Error: f.err("count"), Width: 5, Mode: "decimal"}),
	}
}

func unitChoices() []ui.Choice {
	var out []ui.Choice
	for _, u := range []struct {
		unit care.Unit
		say  string
	}{{care.UnitHour, "An hour"}, {care.UnitVisit, "A visit"}, {care.UnitDay, "A day"}, {care.UnitNight, "A night"}, {care.UnitWeek, "A week"}, {care.UnitOnce, "A one-off"}} {
		out = append(out, ui.Choice{Value: string(u.unit), Label: u.say})
	}
	return out
}

func codedChoices(of []care.Coded, first string) []ui.Choice {
	out := []ui.Choice{{Value: "", Label: first}}
	for _, x := range of {
		out = append(out, ui.Choice{Value: x.Code, Label: x.Say})
	}
	return out
}

// A moneyStep is something done to one cost, with a short form.
type moneyStep string

const (
	approveStep  moneyStep = "approve"
	takeBackStep moneyStep = "take-back"
	suspendStep  moneyStep = "suspend"
	resumeStep   moneyStep = "resume"
	endStep      moneyStep = "end"
)

var moneyStepWords = map[moneyStep]struct{ title, button, done string }{
	approveStep:  {"Approve a cost", "Save decision", "Your decision was saved."},
	takeBackStep: {"Take back a change", "Take it back", "The change was taken back. The figures that were approved stand."},
	suspendStep:  {"Suspend care and its cost", "Suspend", "Care and its cost are suspended."},
	resumeStep:   {"Resume care and its cost", "Resume", "Care and its cost go on."},
	endStep:      {"End care and its cost", "End", "The cost was ended."},
}

func (s *Server) askMoneyStep(step moneyStep) handler {
	return func(v *visit) (response, error) {
		c, e, err := s.elementOf(v)
		if err != nil {
			return nil, err
		}
		return show(s.moneyStepPage(v, step, c, e, costForm{post: url.Values{"was": {e.Changed().UTC().Format(time.RFC3339Nano)}}})), nil
	}
}

func (s *Server) doMoneyStep(step moneyStep) handler {
	return func(v *visit) (response, error) {
		errs, err := s.takeMoneyStep(v, step)
		if err == nil && len(errs) == 0 {
			return goTo(casePath(v.id(), "?tab=finance")).saying(moneyStepWords[step].done), nil
		}
		if err != nil {
			var ok bool
			if errs, ok = fieldErrors(err, map[string]string{"from": "from-day", "to": "to-day", "end": "end-day"}); !ok {
				return s.notNow(v, err)
			}
		}
		c, e, failed := s.elementOf(v)
		if failed != nil {
			return nil, failed
		}
		return refuse(s.moneyStepPage(v, step, c, e, costForm{post: v.r.PostForm, errs: errs})), nil
	}
}

// takeMoneyStep does it.
func (s *Server) takeMoneyStep(v *visit, step moneyStep) (errs []ui.FieldError, err error) {
	id, element := v.id(), v.path("element")
	switch step {
	case approveStep:
		was, _ := time.Parse(time.RFC3339Nano, v.form("was")) // none is none that waits: a conflict
		yes := v.form("decision") == "yes"
		if !yes && v.form("decision") != "no" {
			return []ui.FieldError{{ID: "decision", Text: "Select whether you approve it"}}, s.mayDecide(v)
		}
		return nil, s.Hub.DecideMoney(v.ctx(), v.by, id, element, yes, v.form("why"), was)
	case takeBackStep:
		was, _ := time.Parse(time.RFC3339Nano, v.form("was")) // none is none that waits: a conflict
		return nil, s.Hub.TakeBackMoney(v.ctx(), v.by, id, element, was)
	case suspendStep:
		stop := care.Stop{From: dayOrZero(v, "from", "First day without care", &errs), To: dayOrZero(v, "to", "Last day without care", &errs), Why: v.form("why")}
		if len(errs) > 0 {
			return errs, nil
		}
		return nil, s.Hub.StopMoney(v.ctx(), v.by, id, element, stop)
	case resumeStep:
		back := dayOrZero(v, "to", "First day with care again", &errs)
		if back.IsZero() && len(errs) == 0 {
			errs = append(errs, ui.FieldError{ID: "to-day", Text: "Enter the first day with care again"})
		}
		if len(errs) > 0 {
			return errs, nil
		}
		return nil, s.Hub.StopMoney(v.ctx(), v.by, id, element, care.Stop{To: nhs.DateOf(back.Time().AddDate(0, 0, -1))})
	}
	end := dayOrZero(v, "end", "Last day", &errs)
	if len(errs) > 0 {
		return errs, nil
	}
	return nil, s.Hub.EndMoney(v.ctx(), v.by, id, element, end, v.form("why"))
}

// mayDecide asks the hub nothing new: an empty form is answered to who sees the cost.
func (s *Server) mayDecide(v *visit) error {
	c, _, err := s.elementOf(v)
	if err == nil && !c.Money.Approve {
		return &care.Error{Kind: care.Forbidden, Text: "You cannot do this"}
	}
	return err
}

// moneyStepPage is the short form, above it what it is about.
func (s *Server) moneyStepPage(v *visit, step moneyStep, c hub.CaseView, e hub.ElementView, f costForm) ui.Page {
	about, words := e, moneyStepWords[step]
	why := ui.Textarea{ID: "why", Label: "Why", Value: f.post.Get("why"), Max: 500, Error: f.err("why")}
	var fields ui.Nodes
	kind := ui.Primary
	switch step {
	case approveStep:
		about = theirsOf(e)
		why.Label, why.Hint = "Why (optional)", "Needed where you refuse, and where it is above its ceiling."
		fields = ui.Nodes{ui.Hidden("was", f.post.Get("was")), ui.Radios{ID: "decision", Legend: "Do you approve this cost?", Value: f.post.Get("decision"), Items: []ui.Choice{
			{Value: "yes", Label: "Yes, approve it"}, {Value: "no", Label: "No, refuse it"}}, Error: f.err("decision")}, why}
		if e.Wants == nil {
			fields = ui.Nodes{ui.P("Nothing waits for approval here.")}
		}
	case takeBackStep:
		about = theirsOf(e)
		fields = ui.Nodes{ui.Hidden("was", f.post.Get("was")), ui.P("These figures wait for approval. The figures that were approved stand, and are paid.")}
	case suspendStep:
		why.Label = "Why (optional)"
		fields = ui.Nodes{costDate(f, "from", "First day without care", "The day that was agreed with the provider. It and the days after it cost nothing."),
			costDate(f, "to", "Last day without care (optional)", "Leave it empty until it is known."), why}
	case resumeStep:
		fields = ui.Nodes{costDate(f, "to", "First day with care again", "Care costs again from this day on. The day on which it was suspended says that it never stopped.")}
	default:
		kind = ui.Warning
		fields = ui.Nodes{costDate(f, "end", "Last day", "The last day with care. A day before the first day says that care never began."), why}
	}
	return ui.Page{Title: words.title, Width: ui.FormPage, Back: &ui.NavItem{Href: casePath(c.ID, "?tab=finance"), Text: "Discharge case"}, Banner: s.caseBanner(c, v.now), Error: len(f.errs) > 0,
		Main: []ui.Node{ui.TwoThirds(ui.ErrorSummary(f.errs), ui.H1(words.title), ui.Card(2, elementTitle(about), ui.SummaryList(elementRows(about)...)),
			ui.PostForm(moneyPath(c.ID, e.ID, string(step)), fields, ui.Button{Text: words.button, Kind: kind}))}}
}
