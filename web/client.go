package web

import (
	"slices"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// clientRoutes is what staff do with a person's care providers: tell them by hand, and
// record what was said by telephone.
func (s *Server) clientRoutes() []route {
	tell := deciding(policy.TellProvider)
	return []route{
		{pattern: "POST /cases/{id}/providers/tell", nav: "tracker", asks: tell, do: s.tellProvider},
		{pattern: "GET /cases/{id}/providers/{client}/{step}", nav: "tracker", asks: tell, do: s.askClientStep},
		{pattern: "POST /cases/{id}/providers/{client}/{step}", nav: "tracker", asks: tell, do: s.takeClientStep},
	}
}

// uncheckedTag says in words that nobody has checked a provider's numbers lately.
func uncheckedTag(p care.Provider) ui.Node {
	if p.Verified.IsZero() {
		return ui.Tag(ui.TagOrange, "Numbers never checked")
	}
	return ui.Tag(ui.TagOrange, "Not checked since "+ui.Day(p.Verified))
}

// knowsRow says that the provider was told where its client is.
func knowsRow(p hub.PackageView) []ui.Row {
	if p.Knows == nil {
		return nil
	}
	text := "Notified " + ui.DateTime(p.Knows.Told)
	if !p.Knows.Acked.IsZero() {
		text += ", acknowledged " + ui.DateTime(p.Knows.Acked)
	} else {
		text += ", not acknowledged yet"
	}
	return []ui.Row{{Key: "Told that the person is here", Value: ui.Text(text)}}
}

// providersTab is what the person's care providers know and said.
func (s *Server) providersTab(_ *visit, c hub.CaseView, _ noteForm) ui.Node {
	out := ui.Nodes{ui.H2("Care providers")}
	for _, k := range c.Clients {
		out = append(out, s.clientCard(c, k))
	}
	if len(c.Clients) == 0 {
		out = append(out, ui.P("No care provider was told of this person’s stay."))
	}
	return append(out, s.tellButtons(c))
}

func (s *Server) clientCard(c hub.CaseView, k hub.ClientView) ui.Node {
	told := "Notified " + ui.ClockOn(k.Told, c.At) + " by " + k.BySay
	if k.Unwritten {
		told += ". It could not be written to: ring it"
	}
	rows := []ui.Row{{Key: "Told", Value: ui.Text(told)}}
	if k.Ended.IsZero() {
		rows = append(rows, phoneRow("Phone", k.Phones.Phone), phoneRow("Out of hours", k.Phones.OutOfHours))
	}
	rows = append(rows, ui.Row{Key: "Hospital", Value: ui.Text(k.HospitalName)})
	acked := ui.Node(ui.Missing("Not yet"))
	switch {
	case !k.Acked.IsZero():
		acked = ui.Text(ui.ClockOn(k.Acked, c.At) + ", " + k.AckedBy)
	case !k.Reached.IsZero():
		acked = ui.Text("Opened " + ui.ClockOn(k.Reached, c.At) + ", not acknowledged yet")
	}
	rows = append(rows, ui.Row{Key: "Acknowledged", Value: acked})
	if !k.Suspended.IsZero() {
		rows = append(rows, ui.Row{Key: "Care suspended from", Value: ui.Text(ui.DateTime(k.Suspended.In(s.Zone)))})
	}
	if r := k.Restart; r != nil {
		rows = append(rows, ui.Row{Key: "Restart asked", Value: ui.Text(ui.ClockOn(r.Asked, c.At) + " by " + r.By.Name + ", for " + ui.DateTime(r.From.In(s.Zone)) + pathwayWords(r.Pathway))})
		answer := ui.Node(ui.Missing("Not answered yet"))
		if r.Answer != "" {
			answer = ui.Text(s.answerWords(*r) + ". " + r.Answerer)
		}
		rows = append(rows, ui.Row{Key: "Answer", Value: answer})
	}
	if k.EndedWhy != "" {
		over := upper(k.EndedWhy.Say())
		if k.Ended.IsZero() {
			over += ". The provider has not confirmed that it knows"
		}
		rows = append(rows, ui.Row{Key: "Over", Value: ui.Text(over)})
	}
	body := []ui.Node{ui.SummaryList(rows...)}
	if c.May[policy.TellProvider] && c.Frozen == nil && k.Ended.IsZero() {
		var links []ui.Node
		for _, st := range clientSteps {
			if st.fits(c, k.Client) {
				links = append(links, ui.LinkAbout(casePath(c.ID, "/providers/"+k.ID+"/"+st.key), st.link, k.ProviderName))
			}
		}
		body = append(body, ui.List(links...))
	}
	return ui.Card(3, k.ProviderName, body...)
}

// tellButtons tell by hand those who give care and were not told.
func (s *Server) tellButtons(c hub.CaseView) ui.Node {
	if !c.May[policy.TellProvider] || c.Died != nil || c.Frozen != nil || c.Stay == nil {
		return nil
	}
	var out ui.Nodes
	seen := map[string]bool{}
	for _, o := range c.Councils {
		for _, p := range o.Packages {
			if p.Provider == nil || p.Package.Status == care.PackageFinished || p.Package.Kind == care.DirectPayment {
				continue
			}
			code := string(care.ProviderCode(p.Provider.Council, p.Provider.ID))
			stands := slices.ContainsFunc(c.Clients, func(k hub.ClientView) bool { return string(k.Code()) == code && k.Over.IsZero() && k.Ended.IsZero() })
			if seen[code] || stands {
				continue
			}
			seen[code] = true
			out = append(out, ui.PostForm(casePath(c.ID, "/providers/tell"), ui.Hidden("provider", code), ui.Button{Text: "Tell " + p.Provider.Name, Kind: ui.Secondary}))
		}
	}
	return out
}

func (s *Server) tellProvider(v *visit) (response, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return nil, err
	}
	for _, o := range c.Councils {
		for _, p := range o.Packages {
			if p.Provider != nil && string(care.ProviderCode(p.Provider.Council, p.Provider.ID)) == v.form("provider") {
				if err := s.Hub.TellProvider(v.ctx(), v.by, v.id(), p.Provider.Council, p.Provider.ID); err != nil {
					return nil, err
				}
				return goTo(casePath(v.id(), "?tab=providers")).saying("The provider is told"), nil
			}
		}
	}
	return nil, &care.Error{Kind: care.NotFound, Text: "There is no such provider for this person"}
}

// A clientStep is something that staff record about a provider's notice.
type clientStep struct {
	key, link, title, button string
	fits                     func(hub.CaseView, care.Client) bool
	fields                   func(s *Server, v *visit, f clientForm, errs []ui.FieldError) ui.Nodes
	take                     func(s *Server, v *visit, f clientForm) (wrongs, error)
}

func clientLives(c hub.CaseView, k care.Client) bool { return c.Died == nil && k.Over.IsZero() }

var clientSteps = []clientStep{
	{"acknowledged", "The provider said that it knows", "The provider said that it knows", "Save",
		func(_ hub.CaseView, k care.Client) bool { return k.Acked.IsZero() || !k.Over.IsZero() },
		func(_ *Server, _ *visit, f clientForm, errs []ui.FieldError) ui.Nodes {
			return ui.Nodes{whoField(f, "Who did you speak to?", errs)}
		},
		func(s *Server, v *visit, f clientForm) (wrongs, error) {
			return nil, s.Hub.HeardAcknowledged(v.ctx(), v.by, v.id(), v.path("client"), f.who)
		}},
	{"suspend", "Record from when care is suspended", "Care is suspended", "Save",
		func(c hub.CaseView, k care.Client) bool { return clientLives(c, k) && k.Restart == nil },
		func(s *Server, v *visit, f clientForm, errs []ui.FieldError) ui.Nodes {
			return ui.Nodes{ui.P("Say what you agreed with the provider. Its cost stands still from then."), whenFields("from", "From when does care stand still?", "", s.today(v), f.from, f.fromTime, errs)}
		},
		func(s *Server, v *visit, f clientForm) (w wrongs, err error) {
			if at := s.when("from", "Date", f.from, f.fromTime, &w); len(w) == 0 {
				err = s.Hub.SuspendClient(v.ctx(), v.by, v.id(), v.path("client"), at)
			}
			return w, err
		}},
	{"restart", "Ask to restart care", "Ask to restart care", "Ask the provider",
		clientLives,
		func(s *Server, v *visit, f clientForm, errs []ui.FieldError) ui.Nodes {
			return ui.Nodes{ui.P("While a package stands, care is asked for at the same level (pathway 0). When it has lapsed, it is arranged anew (pathway 1)."),
				whenFields("from", "From when is care wanted?", "", s.today(v), f.from, f.fromTime, errs)}
		},
		func(s *Server, v *visit, f clientForm) (w wrongs, err error) {
			if at := s.when("from", "Date", f.from, f.fromTime, &w); len(w) == 0 {
				err = s.Hub.AskRestart(v.ctx(), v.by, v.id(), v.path("client"), at)
			}
			return w, err
		}},
	{"answer", "Record the answer to a restart", "What did the provider answer?", "Save answer",
		func(c hub.CaseView, k care.Client) bool { return clientLives(c, k) && k.Restart != nil },
		func(s *Server, v *visit, f clientForm, errs []ui.FieldError) ui.Nodes {
			return ui.Nodes{restartFields(f, s.today(v), errs), whoField(f, "Who did you speak to?", errs)}
		},
		func(s *Server, v *visit, f clientForm) (wrongs, error) {
			x, w := s.restartOf(v.path("client"), f)
			if len(w) > 0 {
				return w, nil
			}
			return nil, s.Hub.HeardRestart(v.ctx(), v.by, v.id(), x)
		}},
	{"end", "Nothing more to do", "Nothing more to do with this provider", "Save",
		clientLives,
		func(_ *Server, _ *visit, f clientForm, errs []ui.FieldError) ui.Nodes {
			return ui.Nodes{ui.Radios{ID: "why", Legend: "Why?", Value: f.why, Error: ui.ErrorFor(errs, "why"), Items: []ui.Choice{
				{Value: string(care.EndNotRestart), Label: "Care does not restart with this provider"}, {Value: string(care.EndNotClient), Label: "The provider does not care for this person"}}}}
		},
		func(s *Server, v *visit, f clientForm) (wrongs, error) {
			return nil, s.Hub.EndClient(v.ctx(), v.by, v.id(), v.path("client"), care.ClientEnd(f.why))
		}},
}

func (s *Server) askClientStep(v *visit) (response, error) {
	p, err := s.clientStepPage(v, clientForm{}, nil)
	return show(p), err
}

// clientStepPage asks for what a step needs. Who may not see the notice finds none.
func (s *Server) clientStepPage(v *visit, f clientForm, errs []ui.FieldError) (ui.Page, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return ui.Page{}, err
	}
	i := slices.IndexFunc(clientSteps, func(st clientStep) bool { return st.key == v.path("step") })
	j := slices.IndexFunc(c.Clients, func(k hub.ClientView) bool { return k.ID == v.path("client") })
	if i < 0 || j < 0 || !c.May[policy.TellProvider] {
		return ui.Page{}, &care.Error{Kind: care.NotFound, Text: "There is no such notice to a care provider"}
	}
	st, k := clientSteps[i], c.Clients[j]
	back := casePath(c.ID, "?tab=providers")
	form := append(st.fields(s, v, f, errs), ui.ButtonGroup(ui.Submit(st.button), ui.Link(back, "Cancel")))
	return ui.Page{Title: st.title, Width: ui.FormPage, Banner: s.caseBanner(c, v.now), Back: &ui.NavItem{Href: back, Text: "Back without saving"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1(st.title), ui.P(k.ProviderName), ui.PostForm(v.r.URL.Path, form...))}}, nil
}

func (s *Server) takeClientStep(v *visit) (response, error) {
	f := readClient(v)
	again := func(errs []ui.FieldError) (response, error) {
		p, err := s.clientStepPage(v, f, errs)
		return refuse(p), err
	}
	i := slices.IndexFunc(clientSteps, func(st clientStep) bool { return st.key == v.path("step") })
	if i < 0 {
		return nil, &care.Error{Kind: care.NotFound}
	}
	wrong, err := clientSteps[i].take(s, v, f)
	if errs, ok := fieldErrors(err, clientFields); ok {
		wrong = errs
	}
	if len(wrong) > 0 {
		return again(wrong)
	}
	if err != nil {
		return nil, err
	}
	return goTo(casePath(v.id(), "?tab=providers")).saying("Saved"), nil
}

// backAt is when to ring again: in so many hours, or tomorrow morning.
func backAt(choice string, now time.Time, zone *time.Location) time.Time {
	switch choice {
	case "1", "4":
		return now.Add(map[string]time.Duration{"1": time.Hour, "4": 4 * time.Hour}[choice]).Truncate(time.Minute)
	case "tomorrow":
		day := now.In(zone).AddDate(0, 0, 1)
		return time.Date(day.Year(), day.Month(), day.Day(), 9, 0, 0, 0, zone)
	}
	return time.Time{}
}

// backChoices are the answers to "Ring again?".
var backChoices = []ui.Choice{{Value: "", Label: "No"}, {Value: "1", Label: "In 1 hour"}, {Value: "4", Label: "In 4 hours"}, {Value: "tomorrow", Label: "Tomorrow at 9:00"}}

// knownBack is a choice of backChoices, or none.
func knownBack(choice string) string {
	if slices.ContainsFunc(backChoices, func(c ui.Choice) bool { return c.Value == choice }) {
		return choice
	}
	return ""
}
