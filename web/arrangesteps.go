package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/web/ui"
)

// An arrangeStep is a small form about one request for care.
type arrangeStep struct {
	name, title, button string
	warn                bool
	done                string // said on the case afterwards; no personal data
	offered             func(care.Request) bool
	ask                 func(*Server, *visit, hub.CaseView, hub.RequestView, *requestForm) (ui.Node, error)
	do                  func(*Server, *visit, hub.CaseView, hub.RequestView, *requestForm) error
}

// arrangeSteps are the forms, in the order in which a request offers them.
var arrangeSteps = []arrangeStep{
	{name: "reply", title: "Record an answer", button: "Save the answer", done: "The answer was recorded.", offered: func(r care.Request) bool { return r.Sourcing() && len(r.Invited) > 0 },
		ask: (*Server).askReply, do: (*Server).doReply},
	{name: "book", title: "Book an offer", button: "Book", done: "The offer was booked. The others were released.", offered: func(r care.Request) bool { return r.Open() && r.Offers() > 0 },
		ask: (*Server).askBook, do: (*Server).doBook},
	{name: "more", title: "Ask more providers", button: "Ask these providers", done: "The providers were asked.", offered: care.Request.Sourcing,
		ask: (*Server).askMore, do: (*Server).doMore},
	{name: "choice", title: "Record what the person chose", button: "Save the choice", done: "The choice was recorded.", offered: care.Request.Open,
		ask: (*Server).askChoice, do: (*Server).doChoice},
	{name: "reopen", title: "The booking fell through", button: "Ask again", warn: true, done: "The booking was taken back. The others are asked again.", offered: func(r care.Request) bool { return r.Open() && r.Booked != "" },
		ask: askWhy("Why did the booking fall through?"), do: (*Server).doReopen},
	{name: "end", title: "End the request", button: "End the request", warn: true, done: "The request ended. Offers were released.", offered: care.Request.Open,
		ask: askWhy("Why does the request end?"), do: (*Server).doEnd},
}

// arrangeOne is the case and the request of a visit.
func (s *Server) arrangeOne(v *visit, st arrangeStep) (hub.CaseView, hub.RequestView, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	if err != nil {
		return c, hub.RequestView{}, err
	}
	if c.Arrange == nil || !c.Arrange.Arrange {
		return c, hub.RequestView{}, &care.Error{Kind: care.Forbidden, Text: "Your role cannot arrange care for this person"}
	}
	for _, r := range c.Arrange.Requests {
		if r.ID != v.path("request") {
			continue
		}
		if !st.offered(r.Request) {
			return c, r, &care.Error{Kind: care.BusinessRule, Text: "This cannot be done to the request now", Allowed: []string{"Open the case"}}
		}
		return c, r, nil
	}
	return c, hub.RequestView{}, &care.Error{Kind: care.NotFound, Text: "There is no such request"}
}

func (s *Server) askArrange(st arrangeStep) handler {
	return func(v *visit) (response, error) {
		c, r, err := s.arrangeOne(v, st)
		if err != nil {
			return nil, err
		}
		return s.arrangePage(v, st, c, r, &requestForm{post: url.Values{"provider": v.r.URL.Query()["provider"]}})
	}
}

func (s *Server) doArrange(st arrangeStep) handler {
	return func(v *visit) (response, error) {
		c, r, err := s.arrangeOne(v, st)
		if err != nil {
			return nil, err
		}
		f := &requestForm{post: v.r.PostForm}
		if err := st.do(s, v, c, r, f); err != nil && !f.refused(err) {
			return nil, err
		}
		if len(f.errs) > 0 {
			return s.arrangePage(v, st, c, r, f)
		}
		return goTo(casePath(c.ID, arrangeTab)).saying(cmp.Or(f.said, st.done)), nil
	}
}

func (s *Server) arrangePage(v *visit, st arrangeStep, c hub.CaseView, r hub.RequestView, f *requestForm) (response, error) {
	asked, err := st.ask(s, v, c, r, f)
	if err != nil {
		return nil, err
	}
	kind := ui.Primary
	if st.warn {
		kind = ui.Warning
	}
	p := ui.Page{Title: st.title, Width: ui.FormPage, Banner: s.caseBanner(c, v.now), Back: &ui.NavItem{Href: casePath(c.ID, arrangeTab), Text: "Back to the case"},
		Main: []ui.Node{ui.ErrorSummary(f.errs), ui.H1(st.title), ui.P(r.KindSay + " in " + r.Area + ", asked " + ui.ClockOn(r.At, c.At)),
			ui.PostForm(arrangePath(c.ID, r.ID, st.name), ui.Hidden("seen", r.Touched().UTC().Format(time.RFC3339Nano)), asked, ui.Button{Text: st.button, Kind: kind})}}
	if len(f.errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// invitedItems are the providers of a request as choices.
func invitedItems(r hub.RequestView, of func(care.Invite) bool) []ui.Choice {
	var out []ui.Choice
	for _, x := range r.Invited {
		if of(x) {
			hint := hub.ReplySay(x)
			if p := r.Phones[x.Provider]; p.Phone != "" && x.Reply == "" {
				hint = "Not answered. " + p.Phone
			}
			out = append(out, ui.Choice{Value: x.Provider, Label: x.Name, Hint: hint})
		}
	}
	return out
}

// reasonItems are coded reasons as choices, with none first.
func reasonItems(rs []care.ReplyReason) []ui.Choice {
	out := []ui.Choice{{Value: "", Label: "Select a reason"}}
	for _, r := range rs {
		out = append(out, ui.Choice{Value: r.Code, Label: r.Words})
	}
	return out
}

// replyFields asks what a provider says: on its own page, and as a broker heard it.
func replyFields(f *requestForm, selfFund bool) ui.Node {
	err := func(id string) string { return ui.ErrorFor(f.errs, id) }
	accept := ui.Nodes{dateInput("earliest", "Earliest start", "For example, 16 3 2026", err("earliest-day"), readDate(f.post, "earliest"))}
	if !selfFund {
		accept = append(accept, ui.Input{ID: "rate", Label: "Rate for a week", Prefix: "£", Value: f.get("rate"), Width: 10, Mode: "decimal", Error: err("rate")})
	}
	return ui.Nodes{
		ui.Radios{ID: "reply", Legend: "Answer", Value: f.get("reply"), Error: err("reply"), Items: []ui.Choice{
			{Value: string(care.ReplyAccept), Label: "Accept", More: accept},
			{Value: string(care.ReplyMore), Label: "Need more information", More: ui.Select{ID: "more-reason", Label: "What is needed?", Value: f.get("more-reason"), Items: reasonItems(care.MoreReasons()), Error: err("more-reason")}},
			{Value: string(care.ReplyDecline), Label: "Decline", More: ui.Select{ID: "decline-reason", Label: "Why?", Value: f.get("decline-reason"), Items: reasonItems(care.DeclineReasons()), Error: err("decline-reason")}},
		}},
		ui.Textarea{ID: "text", Label: "Note (optional)", Value: f.get("text"), Max: 500, Rows: 3, Error: err("text")},
	}
}

// reply reads what replyFields asked.
func (f *requestForm) reply(v *visit) care.Invite {
	x := care.Invite{Reply: care.RequestReply(f.get("reply")), Text: strings.ReplaceAll(f.get("text"), "\r\n", "\n")}
	switch x.Reply {
	case care.ReplyAccept:
		x.Earliest = f.day(v, "earliest", "Earliest start")
		f.amount("rate", &x.Rate)
	case care.ReplyMore, care.ReplyDecline:
		x.Reason = f.get(f.get("reply") + "-reason")
	}
	return x
}

// seen is the newest thing that the page of a form showed of its request.
func (f *requestForm) seen() time.Time {
	t, _ := time.Parse(time.RFC3339Nano, f.get("seen")) // zero: no page of ours
	return t
}

// named gives the reason's error to the select that is shown.
func (f *requestForm) named() {
	for i, e := range f.errs {
		if e.ID == "reason" {
			f.errs[i].ID = cmp.Or(f.get("reply"), "more") + "-reason"
		}
	}
}

func (s *Server) askReply(_ *visit, _ hub.CaseView, r hub.RequestView, f *requestForm) (ui.Node, error) {
	f.named()
	return ui.Nodes{
		ui.Radios{ID: "provider", Legend: "Whose answer?", Value: f.get("provider"), Items: invitedItems(r, func(x care.Invite) bool { return x.Reply != care.ReplyReleased }), Error: ui.ErrorFor(f.errs, "provider")},
		replyFields(f, r.SelfFund)}, nil
}

func (s *Server) doReply(v *visit, c hub.CaseView, r hub.RequestView, f *requestForm) error {
	x := f.reply(v)
	x.At = f.seen()
	if x.Provider = f.get("provider"); x.Provider == "" {
		f.errs.add("provider", "Select whose answer it is")
	}
	if len(f.errs) > 0 {
		return nil
	}
	return s.Hub.HeardReply(v.ctx(), v.by, c.ID, r.ID, x)
}

// askBook is the check page of a booking: who it will be, and who is released.
func (s *Server) askBook(_ *visit, c hub.CaseView, r hub.RequestView, f *requestForm) (ui.Node, error) {
	offers := invitedItems(r, func(x care.Invite) bool { return x.Reply == care.ReplyAccept })
	value := f.get("provider")
	start := readDate(f.post, "start")
	if value == "" && len(offers) == 1 {
		value = offers[0].Value
	}
	if v, ok := r.Asked(value); ok && start == "" && len(f.errs) == 0 {
		day := v.Earliest
		if day.Before(r.Earliest) {
			day = r.Earliest
		}
		start = day.String()
	}
	var rest []string
	for _, x := range r.Invited {
		if x.Reply != care.ReplyDecline && x.Reply != care.ReplyReleased && (len(offers) > 1 || x.Reply != care.ReplyAccept) {
			rest = append(rest, x.Name)
		}
	}
	released := "One provider is booked. All others that were asked are released: " + strings.Join(rest, ", ") + "."
	if len(rest) == 0 {
		released = "One provider is booked. No other has an answer to give."
	}
	out := ui.Nodes{ui.P(released)}
	if len(r.Paused) > 0 {
		out = append(out, ui.Inset(ui.P("The person already has care that stands still: "+strings.Join(r.Paused, ", ")+". Where the needs are the same, ask for a restart instead.")))
	}
	if r.Choice == nil {
		out = append(out, ui.Inset(ui.P("What the person was offered and chose is not recorded yet. You can record it after booking.")))
	}
	out = append(out,
		ui.Radios{ID: "provider", Legend: "Which offer?", Value: value, Items: offers, Error: ui.ErrorFor(f.errs, "provider")},
		dateInput("start", "Care starts on", "Not before the offer’s earliest day, nor before the person is to leave hospital: "+ui.Day(r.Earliest)+" or later", ui.ErrorFor(f.errs, "start-day"), start))
	if r.MoveOn {
		out = append(out, ui.Checkboxes{ID: "moveOn", Legend: "Stage of the referral", Small: true, Values: f.post["moveOn"], Items: []ui.Choice{{Value: "yes", Label: "Move it to “Ready to leave”"}}})
	}
	return out, nil
}

func (s *Server) doBook(v *visit, c hub.CaseView, r hub.RequestView, f *requestForm) error {
	start := f.day(v, "start", "The day on which care starts")
	provider := f.get("provider")
	if provider == "" {
		f.errs.add("provider", "Select the offer to book")
	}
	if len(f.errs) > 0 {
		return nil
	}
	told, err := s.Hub.BookCare(v.ctx(), v.by, c.ID, r.ID, provider, start, f.get("moveOn") == "yes", f.seen())
	if err == nil && !told {
		x, _ := r.Asked(provider)
		f.said = "The offer was booked. The others were released. Homeward did not tell " + x.Name + " who the person is: ring it" + onNumber(r.Phones[provider].Phone) + "."
	}
	return err
}

// onNumber is " on 01632 960001"; "" without a number.
func onNumber(phone string) string {
	if phone == "" {
		return ""
	}
	return " on " + phone
}

func (s *Server) askMore(v *visit, c hub.CaseView, r hub.RequestView, f *requestForm) (ui.Node, error) {
	found, err := s.Hub.Candidates(v.ctx(), v.by, r.Kind, r.Area)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(x hub.Candidate) bool { _, asked := r.Asked(x.Provider.ID); return asked })
	if len(found) == 0 {
		return ui.P("All providers of your council’s directory were asked already."), nil
	}
	return candidateBoxes(found, f.post["provider"], c, ui.ErrorFor(f.errs, "provider")), nil
}

func (s *Server) doMore(v *visit, c hub.CaseView, r hub.RequestView, f *requestForm) error {
	return s.Hub.AskMore(v.ctx(), v.by, c.ID, r.ID, f.post["provider"])
}

// askChoice keeps what the person was offered: for a care home the Care Act gives a
// right to choose (Care Act 2014 s.30).
func (s *Server) askChoice(_ *visit, _ hub.CaseView, r hub.RequestView, f *requestForm) (ui.Node, error) {
	items := append(invitedItems(r, func(care.Invite) bool { return true }), ui.Choice{Value: "", Label: "None of them", Divider: "or"})
	err := func(id string) string { return ui.ErrorFor(f.errs, id) }
	return ui.Nodes{
		ui.P("Say what the person, or whoever speaks for them, was offered and chose. Where care is in a care home, Shared Lives or extra care housing, the Care Act 2014 gives them the choice."),
		ui.Input{ID: "offered", Label: "How many were they offered?", Value: f.get("offered"), Width: 2, Mode: "numeric", Error: err("offered")},
		ui.Radios{ID: "chosen", Legend: "Which did they choose?", Value: f.get("chosen"), Items: items, Error: err("chosen")},
		ui.Textarea{ID: "text", Label: "What they said", Value: f.get("text"), Max: 2000, Error: err("text")}}, nil
}

func (s *Server) doChoice(v *visit, c hub.CaseView, r hub.RequestView, f *requestForm) error {
	k := care.Choice{At: f.seen(), Offered: f.count("offered", "How many they were offered"), Chosen: f.get("chosen"), Text: strings.ReplaceAll(f.get("text"), "\r\n", "\n")}
	if len(f.errs) > 0 {
		return nil
	}
	return s.Hub.RecordChoice(v.ctx(), v.by, c.ID, r.ID, k)
}

// askWhy asks for a reason in words.
func askWhy(label string) func(*Server, *visit, hub.CaseView, hub.RequestView, *requestForm) (ui.Node, error) {
	return func(_ *Server, _ *visit, _ hub.CaseView, _ hub.RequestView, f *requestForm) (ui.Node, error) {
		return ui.Textarea{ID: "why", Label: label, Value: f.get("why"), Max: 500, Rows: 3, Error: ui.ErrorFor(f.errs, "why")}, nil
	}
}

func (s *Server) doReopen(v *visit, c hub.CaseView, r hub.RequestView, f *requestForm) error {
	return s.Hub.ReopenRequest(v.ctx(), v.by, c.ID, r.ID, f.get("why"))
}

func (s *Server) doEnd(v *visit, c hub.CaseView, r hub.RequestView, f *requestForm) error {
	return s.Hub.EndRequest(v.ctx(), v.by, c.ID, r.ID, f.get("why"))
}

// ---- the broker's list

// arrangingList is a council's open requests, those at risk first.
func (s *Server) arrangingList(v *visit) (response, error) {
	l, err := s.Hub.Arranging(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Open requests for care", Columns: []ui.Column{{Label: "Person"}, {Label: "Care"}, {Label: "Status"}, {Label: "Answers"}, {Label: "Waiting for an answer"}, {Label: "Start by"}},
		Empty: ui.Empty("No open requests", ui.P("Care is asked for on the tab “Arranging care” of a case."))}
	risk := 0
	for _, r := range l.Rows {
		q := r.Request
		status := ui.Nodes{requestTag(q)}
		if q.Risk != nil {
			risk++
			status = append(status, ui.Sub(q.Risk.Why))
		}
		waited := ui.Node(ui.Text("Nobody"))
		if r.Waited > 0 {
			waited = ui.Nodes{ui.Text(ui.Plural(q.Waiting(), "provider", "providers")), ui.Sub("The longest for " + ui.Duration(r.Waited))}
		}
		name := cmp.Or(ui.Name(r.Person.Family, r.Person.Given, r.Person.Title), "Not shown")
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.LinkAbout(casePath(r.Case, arrangeTab), name, "arranging care"), ui.Nodes{ui.Text(r.KindSay), ui.Sub(q.Area)}, status,
			ui.Text(answersLine(q)), waited, ui.Text(ui.Day(q.StartBy))}})
	}
	p := ui.Page{Title: "Requests for care", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Requests for care", ui.Plural(len(l.Rows), "open request", "open requests")+", "+ui.Plural(risk, "at risk", "at risk")),
		ui.P("Sourcing wasted, because the person was no longer ready to leave after offers were made: " + ui.Plural(l.InMonth, "request", "requests") + " this month, " + ui.Plural(l.Wasted, "request", "requests") + " in all."),
		t}}
	if l.More {
		p.Main = append(p.Main, ui.P("There are more. The list shows the first 200."))
	}
	return show(p), nil
}

func answersLine(r care.Request) string {
	more, declined := 0, 0
	for _, v := range r.Invited {
		switch v.Reply {
		case care.ReplyMore:
			more++
		case care.ReplyDecline:
			declined++
		}
	}
	var out []string
	for _, x := range []struct {
		n    int
		word string
	}{{r.Offers(), "accept"}, {more, "need more information"}, {declined, "decline"}} {
		if x.n > 0 {
			out = append(out, ui.Plural(x.n, x.word, x.word))
		}
	}
	return cmp.Or(strings.Join(out, ", "), "None of "+ui.Plural(len(r.Invited), "provider", "providers"))
}
