package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// outcomeRoutes is recording what became of somebody after a referral.
func (s *Server) outcomeRoutes() []route {
	return []route{
		{pattern: "GET /cases/{id}/outcomes", nav: "tracker", asks: deciding(policy.SeeOutcome), do: func(v *visit) (response, error) { return goTo(casePath(v.id(), "?tab=outcomes")), nil }},
		{pattern: "POST /cases/{id}/referrals/{ref}/outcome", nav: "tracker", asks: deciding(policy.RecordOutcome), do: s.recordOutcome},
	}
}

// An outcomeForm is one part of an outcome as somebody typed it. errs are of the part
// what of the referral ref.
type outcomeForm struct {
	what string
	ref  string
	post map[string]string
}

// outcomeTitles are the parts of an outcome, as headings.
var outcomeTitles = map[string]string{
	care.OutcomeDestination: "Where the person went", care.OutcomeGoals: "What the person wanted to be able to do", care.OutcomeSaid: "What the person said",
	care.OutcomeDay91: "Still at home after 91 days", care.OutcomeMonth6: "Still at home after 6 months",
}

// outcomesTab is what became of somebody, by referral, newest first.
func (s *Server) outcomesTab(v *visit, c hub.CaseView, n noteForm) ui.Node {
	if !c.May[policy.SeeOutcome] {
		return ui.P("Outcomes are not shown to your role.")
	}
	if len(c.Outcomes) == 0 {
		return ui.Empty("No outcome yet", ui.P("What became of somebody is recorded by referral, once there is one."))
	}
	var out ui.Nodes
	for i, o := range c.Outcomes {
		body := ui.Nodes{ui.SummaryList(s.outcomeRows(o)...), ui.Map(o.MayRecord, func(what string) ui.Node { return s.outcomePart(v, c, o, what, n) })}
		if i == 0 {
			out = append(out, ui.H2("Outcome of referral "+string(o.Referral)), body)
		} else {
			out = append(out, ui.Expander("Outcome of earlier referral "+string(o.Referral), body))
		}
	}
	return out
}

// hospitalDestinations are words for the commoner codes of where a hospital's system says
// that somebody went (UKCore-DischargeDestinationEngland).
var hospitalDestinations = map[string]string{
	"19": "usual place of residence", "29": "temporary place of residence", "51": "another NHS ward", "54": "NHS care home", "65": "council care home", "79": "died",
	"85": "care home", "87": "private hospital", "88": "hospice", "98": "not applicable", "99": "not known",
}

// destinationWords is such a code in words, and the code.
func destinationWords(code string) string {
	if words := hospitalDestinations[code]; words != "" {
		return words + " (code " + code + ")"
	}
	return "code " + code
}

func (s *Server) outcomeRows(o hub.OutcomeView) []ui.Row {
	x := o.Outcome
	rows := []ui.Row{
		{Key: "Went to", Value: ui.Or(care.SayCoded(care.Destinations, x.Destination), "Not recorded"), Source: sourceWord(o.Code != "", "The hospital’s system told: "+destinationWords(o.Code))},
		{Key: "Left hospital", Value: leftValue(o)},
		{Key: "Emergency readmission within 30 days", Value: readmitted(o), Source: "Days 0 to 29, from the hospitals that you can see. Not standardised."},
		{Key: "At home after 91 days", Value: homeValue(x.Day91, o.Day91)},
		{Key: "At home after 6 months", Value: homeValue(x.Month6, o.Month6)},
	}
	if !o.Full {
		return rows
	}
	var goals ui.Nodes
	for _, g := range x.Goals {
		goals = append(goals, ui.Text(g.Text+": "+goalWord(g.Met)), ui.Break())
	}
	rows = append(rows, ui.Row{Key: "Goals", Value: ui.Nodes{goals, ui.If(len(goals) == 0, func() ui.Node { return ui.Missing("None recorded") })}})
	said := ui.Row{Key: "What the person said", Value: ui.Missing("Not recorded")}
	if x.Said != "" {
		said = ui.Row{Key: "What the person said", Value: ui.Lines("“" + x.Said + "”"), Source: "To " + x.SaidTo.Name + ", " + ui.Date(x.SaidAt)}
	}
	return append(rows, said)
}

func sourceWord(ok bool, text string) string {
	if ok {
		return text
	}
	return ""
}

// leftValue is when somebody left, as the feed told it and as people recorded it.
func leftValue(o hub.OutcomeView) ui.Node {
	var out ui.Nodes
	if !o.Left.IsZero() {
		out = append(out, ui.Text(ui.Day(o.Left)), ui.Sub("told by the hospital’s system"))
	}
	if d := o.Outcome.Left; !d.IsZero() {
		out = append(out, ui.Text(ui.Day(d)), ui.Sub("recorded by hand"))
	}
	if len(out) == 0 {
		return ui.Missing("Not known")
	}
	return out
}

func readmitted(o hub.OutcomeView) ui.Node {
	r := o.Readmitted
	switch r.Answer {
	case care.ReadmitYes:
		note := "More than 27 days: not within the older 28-day measure"
		if r.Within28 {
			note = "Also within the older 28-day measure (days 0 to 27)"
		}
		return ui.Nodes{ui.Tag(ui.TagRed, "Yes"), ui.Text(" on day " + strconv.Itoa(r.Days) + ", " + o.Hospital), ui.Sub(note)}
	case care.ReadmitUnknown:
		return ui.Nodes{ui.Tag(ui.TagYellow, "Not known"), ui.Text(" admitted on day " + strconv.Itoa(r.Days) + ", " + o.Hospital), ui.Sub("The hospital did not tell how (admission method)")}
	case care.ReadmitNone:
		return ui.Text("No")
	case care.ReadmitYet:
		return ui.Nodes{ui.Text("Not so far"), ui.Sub("The 30 days are not over")}
	}
	return ui.Missing("Not known")
}

// homeValue is an answer, and whether it counts as at home.
func homeValue(a *care.AtHome, on nhs.Date) ui.Node {
	if a == nil {
		if on.IsZero() {
			return ui.Missing("Not known when the person left")
		}
		return ui.Nodes{ui.Missing("Not answered"), ui.Sub("asked on " + ui.Day(on))}
	}
	word, how := "Does not count as at home", "answered by "+a.By.Name
	if a.Counts() {
		word = "Counts as at home"
	}
	if a.Rule {
		how = "known without asking"
	}
	return ui.Nodes{ui.Text(care.SayCoded(care.HomeAnswers, a.Answer)), ui.Sub(word + ". On " + ui.Day(a.On) + ", " + how)}
}

func goalWord(met string) string {
	return map[string]string{"met": "met", "partly": "partly met", "not": "not met", "": "not yet known"}[met]
}

func coded(list []care.Coded) (out []ui.Choice) {
	for _, c := range list {
		out = append(out, ui.Choice{Value: c.Code, Label: c.Say})
	}
	return out
}

// outcomePart is the form of one part, folded away until it is wanted or wrong.
func (s *Server) outcomePart(v *visit, c hub.CaseView, o hub.OutcomeView, what string, n noteForm) ui.Node {
	x, post, errs := o.Outcome, map[string]string(nil), []ui.FieldError(nil)
	if n.outcome.what == what && n.outcome.ref == string(o.Referral) {
		post, errs = n.outcome.post, n.errs
	}
	id := func(name string) string { return what + "-" + name }
	value := func(name, had string) string {
		if post != nil {
			return post[name]
		}
		return had
	}
	date := func(name, legend string, had nhs.Date) ui.Node {
		d := typedDate{value(name+"-day", ""), value(name+"-month", ""), value(name+"-year", "")}
		if post == nil && !had.IsZero() {
			d = typedDate{strconv.Itoa(had.Day), strconv.Itoa(int(had.Month)), strconv.Itoa(had.Year)}
		}
		return ui.DateInput{ID: name, Legend: legend, Day: d.Day, Month: d.Month, Year: d.Year, Error: ui.ErrorFor(errs, name+"-day")}
	}
	var body ui.Nodes
	switch what {
	case care.OutcomeDestination:
		body = ui.Nodes{ui.Radios{ID: id("place"), Name: "place", Legend: "Where did the person go?", Value: value("place", x.Destination), Items: coded(care.Destinations), Small: true, Error: ui.ErrorFor(errs, id("place"))},
			date("left", "When did they leave? (if the hospital’s system did not tell)", x.Left)}
	case care.OutcomeSaid:
		body = ui.Nodes{ui.Textarea{ID: id("words"), Name: "words", Label: "What did the person say?", Hint: "In their own words", Value: value("words", x.Said), Max: 4000, Error: ui.ErrorFor(errs, id("words"))},
			date("said", "When did they say it?", nhs.Date{}),
			ui.Input{ID: id("to"), Name: "to", Label: "To whom?", Value: value("to", v.by.Name), Width: 20, Error: ui.ErrorFor(errs, id("to"))}}
	case care.OutcomeGoals:
		for i := range min(len(x.Goals)+2, 20) {
			var g care.Goal
			if i < len(x.Goals) {
				g = x.Goals[i]
			}
			k := strconv.Itoa(i)
			body = append(body, ui.Hidden("goal-id-"+k, value("goal-id-"+k, g.ID)),
				ui.Input{ID: id("goal-" + k), Name: "goal-" + k, Label: "Goal " + strconv.Itoa(i+1), Value: value("goal-"+k, g.Text), Error: ui.ErrorFor(errs, id("goal-"+k))},
				ui.Select{ID: id("met-" + k), Name: "met-" + k, Label: "Was goal " + strconv.Itoa(i+1) + " met?", Value: value("met-"+k, g.Met),
					Items: []ui.Choice{{Value: "", Label: "Not yet known"}, {Value: "met", Label: "Met"}, {Value: "partly", Label: "Partly met"}, {Value: "not", Label: "Not met"}}})
		}
	default:
		had := x.Day91
		if what == care.OutcomeMonth6 {
			had = x.Month6
		}
		answer := ""
		if had != nil {
			answer = had.Answer
		}
		body = ui.Nodes{ui.Radios{ID: id("answer"), Name: "answer", Legend: "Where is the person?", Hint: "Somebody who cannot be reached counts as not at home.", Value: value("answer", answer), Items: coded(care.HomeAnswers), Small: true, Error: ui.ErrorFor(errs, id("answer"))}}
	}
	form := ui.PostForm(casePath(c.ID, "/referrals/"+string(o.Referral)+"/outcome"), ui.Hidden("what", what), ui.Hidden("was", o.Was), body, ui.Button{Text: "Save", About: outcomeTitles[what], Kind: ui.Secondary})
	if len(errs) > 0 {
		return ui.OpenDetails("Record: "+strings.ToLower(outcomeTitles[what]), form)
	}
	return ui.Details("Record: "+strings.ToLower(outcomeTitles[what]), form)
}

// readOutcome reads one part of an outcome as it was typed.
func (s *Server) readOutcome(v *visit, what string) (o care.Outcome, w wrongs) {
	o.Referral = care.ReferralID(v.path("ref"))
	switch what {
	case care.OutcomeDestination:
		o.Destination = v.form("place")
		day, wrong := v.date("left").parse("The day they left")
		w.add("left-day", wrong)
		o.Left = day
	case care.OutcomeSaid:
		o.Said, o.SaidTo.Name = strings.ReplaceAll(v.form("words"), "\r\n", "\n"), v.form("to")
		day, wrong := v.date("said").parse("The day they said it")
		if w.add("said-day", wrong); wrong == "" && !day.IsZero() {
			if o.SaidAt = s.at(day, 0); day == s.today(v) {
				o.SaidAt = v.now
			}
		}
	case care.OutcomeGoals:
		for i := range 20 {
			k := strconv.Itoa(i)
			if text := v.form("goal-" + k); text != "" {
				o.Goals = append(o.Goals, care.Goal{ID: v.form("goal-id-" + k), Text: text, Met: v.form("met-" + k)})
			}
		}
	case care.OutcomeDay91:
		o.Day91 = &care.AtHome{Answer: v.form("answer")}
	case care.OutcomeMonth6:
		o.Month6 = &care.AtHome{Answer: v.form("answer")}
	}
	return o, w
}

func (s *Server) recordOutcome(v *visit) (response, error) {
	what, status := v.form("what"), http.StatusUnprocessableEntity
	o, errs := s.readOutcome(v, what)
	if len(errs) == 0 {
		err := s.Hub.RecordOutcome(v.ctx(), v.by, v.id(), care.RecordOutcome{What: what, Outcome: o}, v.form("was"))
		if err == nil {
			return goTo(casePath(v.id(), "?tab=outcomes")).saying("The outcome was recorded."), nil
		}
		ids := map[string]string{"destination": what + "-place", "left": "left-day", "said": what + "-words", "saidAt": "said-day", "saidTo": what + "-to", "goals": what + "-goal-0", "answer": what + "-answer"}
		more, ok := fieldErrors(err, ids)
		if care.KindOf(err) == care.Conflict { // theirs stands above the form, and the next try is meant
			more, ok, status = wrongs{{ID: firstOfOutcome(what), Text: errorText(err) + ", then save yours"}}, true, http.StatusConflict
		}
		if !ok {
			return s.notNow(v, err)
		}
		errs = more
	}
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	post := map[string]string{}
	for name := range v.r.PostForm {
		post[name] = v.form(name)
	}
	p := s.casePage(v, c, "outcomes", noteForm{errs: errs, outcome: outcomeForm{what: what, ref: v.path("ref"), post: post}})
	p.Error = true
	return page{p, status}, nil
}

// firstOfOutcome is the first control of the form of a part.
func firstOfOutcome(what string) string {
	first := map[string]string{care.OutcomeDestination: "place", care.OutcomeSaid: "words", care.OutcomeGoals: "goal-0"}[what]
	return what + "-" + cmp.Or(first, "answer")
}
