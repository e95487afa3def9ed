package web

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// callRoutes is recording a call to a provider, from a look-up and from a case.
func (s *Server) callRoutes() []route {
	return []route{
		{pattern: "GET /lookup/result/{handle}/call", nav: "find", asks: deciding(policy.RecordCall), do: s.askCall(s.lookedCall)},
		{pattern: "POST /lookup/result/{handle}/call", nav: "find", asks: deciding(policy.RecordCall), do: s.keepCall(s.lookedCall)},
		{pattern: "GET /cases/{id}/call", nav: "tracker", asks: deciding(policy.RecordCall), do: s.askCall(s.caseCall)},
		{pattern: "POST /cases/{id}/call", nav: "tracker", asks: deciding(policy.RecordCall), do: s.keepCall(s.caseCall)},
	}
}

// callAbout is whom a call is about.
type callAbout struct {
	back     string // the page that the form was reached from
	banner   ui.Node
	councils []hub.CouncilView
	id       care.CaseID
	handle   string
	tells    bool // what was said can be told to the ward too
}

func (s *Server) lookedCall(v *visit) (callAbout, error) {
	l, err := s.Hub.Looked(v.ctx(), v.by, v.path("handle"))
	if err != nil {
		return callAbout{}, err
	}
	if !l.MayCall {
		if l.Died != nil {
			return callAbout{}, errDied()
		}
		return callAbout{}, &care.Error{Kind: care.NotFound, Text: "There is no provider to record a call to"}
	}
	return callAbout{back: "/lookup/result/" + v.path("handle"), banner: s.lookBanner(l, v.now),
		councils: l.Councils, handle: v.path("handle"), tells: l.MayOpen}, nil
}

// errDied is why nobody is rung about this person.
func errDied() error {
	return &care.Error{Kind: care.BusinessRule, Text: "This person has died. Contact actions are locked"}
}

func (s *Server) caseCall(v *visit) (callAbout, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return callAbout{}, err
	}
	if c.Died != nil {
		return callAbout{}, errDied()
	}
	if !c.May["recordCall"] {
		return callAbout{}, &care.Error{Kind: care.Forbidden, Text: "Your role cannot record a call about this person"}
	}
	return callAbout{back: "/cases/" + string(c.ID), banner: s.caseBanner(c, v.now), councils: c.Councils, id: c.ID,
		tells: slices.Contains(c.Audiences, care.AudienceBoth)}, nil
}

// callOutcomes are the answers to "What happened?", of the form provider-call.
var callOutcomes = []ui.Choice{
	{Value: "restart", Label: "Care will restart"},
	{Value: "notice", Label: "Needs notice"},
	{Value: "cannot", Label: "Cannot restart"},
	{Value: "told", Label: "Told where the person is"},
	{Value: "no-answer", Label: "No answer"},
	{Value: "message", Label: "Left message"},
}

// maxNote is the longest note, in characters.
const maxNote = 500

// otherProvider is the choice of a provider that the result does not name.
const otherProvider = "other"

// callForm is what somebody typed about a call.
type callForm struct {
	key                                        string // makes saving it twice the same as once
	provider, name, spoke, outcome, time, note string
	ward, back                                 string
	phones                                     map[string]string // by the value of the provider's choice
	restart                                    typedDate
}

// providers lists each provider once, in the order of the result.
func (a callAbout) providers() []care.Provider {
	var out []care.Provider
	seen := map[string]bool{}
	for _, c := range a.councils {
		for _, p := range c.Packages {
			if p.Provider == nil || seen[string(p.Provider.Council)+"/"+p.Provider.ID] {
				continue
			}
			seen[string(p.Provider.Council)+"/"+p.Provider.ID] = true
			out = append(out, *p.Provider)
		}
	}
	return out
}

// newCall is the form as it opens: the first provider, and the number that
// answers at this hour.
func (s *Server) newCall(a callAbout, now time.Time) callForm {
	f := callForm{key: hub.NewKey(), phones: map[string]string{}, provider: otherProvider}
	local := now.In(s.Zone)
	night := local.Hour() < 8 || local.Hour() >= 18 || local.Weekday() == time.Saturday || local.Weekday() == time.Sunday
	for i, p := range a.providers() {
		key := strconv.Itoa(i)
		f.phones[key] = p.Phone
		if night && p.OutOfHours != "" || p.Phone == "" {
			f.phones[key] = p.OutOfHours
		}
		if i == 0 {
			f.provider = key
		}
	}
	return f
}

func readCall(v *visit, a callAbout) callForm {
	f := callForm{key: v.form("key"), provider: v.form("provider"), name: v.form("provider-name"), spoke: v.form("spoke"), outcome: v.form("outcome"), time: v.form("restart-time"),
		note: strings.ReplaceAll(v.form("note"), "\r\n", "\n"), restart: v.date("restart"), ward: v.form("ward"), back: knownBack(v.form("back")), phones: map[string]string{otherProvider: v.form("phone-other")}}
	for i := range a.providers() {
		f.phones[strconv.Itoa(i)] = v.form("phone-" + strconv.Itoa(i))
	}
	return f
}

func (s *Server) askCall(about func(*visit) (callAbout, error)) handler {
	return func(v *visit) (response, error) {
		a, err := about(v)
		if err != nil {
			return nil, err
		}
		return show(s.callPage(v, a, s.newCall(a, v.now), nil)), nil
	}
}

func (s *Server) keepCall(about func(*visit) (callAbout, error)) handler {
	return func(v *visit) (response, error) {
		a, err := about(v)
		if err != nil {
			return nil, err
		}
		f := readCall(v, a)
		call, wrong := s.call(v, a, f)
		if len(wrong) > 0 {
			return refuse(s.callPage(v, a, f, wrong)), nil
		}
		steps := hub.CallSteps{TellWard: f.ward == "yes" && f.outcome == "restart", BackAt: backAt(f.back, v.now, s.Zone)}
		err = s.Hub.RecordCallAnd(v.ctx(), v.by, a.id, a.handle, call, steps)
		if errs, ok := fieldErrors(err, map[string]string{"text": "note", "phone": "phone-" + f.provider}); ok {
			return refuse(s.callPage(v, a, f, errs)), nil
		}
		if err != nil {
			return nil, err
		}
		return goTo(a.back).saying("Call recorded"), nil
	}
}

// call reads what was typed. All that is wrong is said at once.
func (s *Server) call(v *visit, a callAbout, f callForm) (care.Call, wrongs) {
	c := care.Call{ID: f.key, At: v.now, Spoke: f.spoke, Outcome: f.outcome, Text: f.note, Phone: f.phones[f.provider]}
	var w wrongs
	known := a.providers()
	if i, err := strconv.Atoi(f.provider); err == nil && i >= 0 && i < len(known) {
		c.Council, c.Provider, c.ProviderName = known[i].Council, known[i].ID, known[i].Name
	} else if f.provider == otherProvider {
		c.ProviderName = f.name
		w.need("provider-name", f.name, "Enter the name of the provider")
	} else {
		w.add("provider", "Select the provider that you called")
	}
	if f.spoke == "" && f.outcome != "no-answer" && f.outcome != "message" {
		w.add("spoke", "Enter who you spoke to")
	}
	if _, ok := outcomeWords(f.outcome); !ok {
		w.add("outcome", "Select what happened")
	}
	if f.outcome == "restart" {
		s.restart(v, f, &c, &w)
	}
	if n := utf8.RuneCountInString(f.note); n > maxNote {
		w.add("note", "Note must be "+strconv.Itoa(maxNote)+" characters or fewer. It has "+strconv.Itoa(n))
	}
	return c, w
}

// restart reads when care restarts: today or later.
func (s *Server) restart(v *visit, f callForm, c *care.Call, w *wrongs) {
	day, wrong := f.restart.parse("Restart date")
	switch {
	case f.restart.empty():
		wrong = "Enter the date care will restart"
	case wrong == "" && day.Before(s.today(v)):
		wrong = "The date care will restart must be today or in the future"
	}
	w.add("restart-day", wrong)
	minutes, ok := parseClock(f.time)
	switch {
	case f.time == "":
		w.add("restart-time", "Enter the time care will restart")
	case !ok:
		w.add("restart-time", "Time must be like 8:30 or 17:00")
	}
	if wrong == "" && ok {
		c.RestartAt = s.at(day, minutes)
	}
}

// outcomeWords is an outcome as the form says it.
func outcomeWords(code string) (words string, ok bool) {
	for _, o := range callOutcomes {
		if o.Value == code {
			return o.Label, true
		}
	}
	return code, false
}

func (s *Server) callPage(v *visit, a callAbout, f callForm, errs []ui.FieldError) ui.Page {
	outcome := ui.Radios{ID: "outcome", Legend: "What happened?", Value: f.outcome, Error: ui.ErrorFor(errs, "outcome")}
	for _, o := range callOutcomes {
		if o.Value == "restart" {
			o.More = ui.Nodes{
				ui.DateInput{ID: "restart", Legend: "Date care will restart", Hint: "For example, " + exampleDay(s.today(v).Time()), Day: f.restart.Day, Month: f.restart.Month, Year: f.restart.Year, Error: ui.ErrorFor(errs, "restart-day")},
				ui.Input{ID: "restart-time", Label: "Time of the first visit", Hint: "For example, 8:30", Value: f.time, Width: 5, Error: ui.ErrorFor(errs, "restart-time")},
				ui.If(a.tells, func() ui.Node {
					return ui.Checkboxes{ID: "ward", Legend: "Tell the ward", Values: []string{f.ward}, Items: []ui.Choice{{Value: "yes", Label: "Add a note for both sides with what was said"}}}
				})}
		}
		outcome.Items = append(outcome.Items, o)
	}
	return ui.Page{Title: "Record a call", Width: ui.FormPage, Banner: a.banner, Back: &ui.NavItem{Href: a.back, Text: "Back without saving"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1("Record a call to the provider"),
		ui.PostForm(v.r.URL.Path,
			ui.Hidden("key", f.key),
			a.providerField(f, errs),
			ui.Input{ID: "spoke", Label: "Who did you speak to?", Value: f.spoke, Width: 20, Error: ui.ErrorFor(errs, "spoke")},
			outcome,
			ui.Textarea{ID: "note", Label: "Note (optional)", Value: f.note, Rows: 3, Max: maxNote, Error: ui.ErrorFor(errs, "note")},
			ui.Select{ID: "back", Label: "Ring again? (optional)", Hint: "A task for you", Value: f.back, Items: backChoices},
			ui.Submit("Save call")),
	)}}
}

// exampleDay is tomorrow as three boxes take it.
func exampleDay(today time.Time) string { return today.AddDate(0, 0, 1).Format("2 1 2006") }

func (a callAbout) providerField(f callForm, errs []ui.FieldError) ui.Node {
	r := ui.Radios{ID: "provider", Legend: "Which provider did you call?", Value: f.provider, Error: ui.ErrorFor(errs, "provider")}
	phone := func(key string) ui.Node {
		return ui.Input{ID: "phone-" + key, Label: "Phone number used", Type: "tel", Value: f.phones[key], Width: 20, Error: ui.ErrorFor(errs, "phone-"+key)}
	}
	for i, p := range a.providers() {
		key := strconv.Itoa(i)
		r.Items = append(r.Items, ui.Choice{Value: key, Label: p.Name, More: phone(key)})
	}
	r.Items = append(r.Items, ui.Choice{Value: otherProvider, Label: "Another provider", More: ui.Nodes{
		ui.Input{ID: "provider-name", Label: "Name of the provider", Value: f.name, Width: 20, Error: ui.ErrorFor(errs, "provider-name")}, phone(otherProvider)}})
	return r
}
