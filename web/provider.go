package web

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// ownClientRoutes is a care provider's own page: its clients of whom it was told, and
// the door that a mailed link opens.
func (s *Server) ownClientRoutes() []route {
	return []route{
		{pattern: "GET /provider", nav: "clients", asks: deciding(policy.ListClients, policy.SeeClient), do: s.ownClients},
		{pattern: "GET /provider/clients/{client}", nav: "clients", asks: deciding(policy.ListClients, policy.SeeClient), do: s.ownClient},
		{pattern: "POST /provider/clients/{client}/acknowledge", nav: "clients", asks: deciding(policy.AnswerClient), do: s.says(s.acknowledges)},
		{pattern: "POST /provider/clients/{client}/suspend", nav: "clients", asks: deciding(policy.AnswerClient), do: s.says(s.suspends)},
		{pattern: "POST /provider/clients/{client}/restart", nav: "clients", asks: deciding(policy.AnswerClient), do: s.says(s.answersRestart)},
		{pattern: "POST /provider/clients/{client}/paper", nav: "clients", asks: deciding(policy.SignAssessment), do: s.signsPaper},
		{pattern: "GET /provider/link/{token}", public: true, do: s.linkDoor},
		{pattern: "POST /provider/link/{token}", public: true, do: s.enterByLink},
	}
}

// ofProvider keeps who acts for a care provider to its own pages, whatever a policy
// would say of others: one who came by a mailed link to those alone, and one with an
// account to their own sign-in besides.
func (v *visit) ofProvider() error {
	if v.by.Role != care.CareProvider || v.route.public {
		return nil
	}
	path := v.r.URL.Path
	own := v.route.own && (v.session.Method != care.ByLink || path == "/session/touch")
	if path == "/provider" || strings.HasPrefix(path, "/provider/") || own {
		return nil
	}
	return &care.Error{Kind: care.Forbidden, Text: "You cannot see this. Your page is the list of your clients"}
}

// linkDoor asks for the PIN. Opening the page uses nothing up: what reads mails before
// people do opens links too.
func (s *Server) linkDoor(v *visit) (response, error) { return show(s.linkDoorPage(v, nil)), nil }

func (s *Server) linkDoorPage(v *visit, errs []ui.FieldError) ui.Page {
	return ui.Page{Title: "A message is waiting", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs),
		ui.H1("A message about one of your clients is waiting"),
		ui.P("Enter the PIN that the council gave your office by telephone. If you do not have it, ring the council."),
		ui.PostForm(v.r.URL.Path,
			ui.Input{ID: "pin", Label: "PIN", Hint: "6 digits", Width: 10, Mode: "numeric", Autocomplete: "off", Error: ui.ErrorFor(errs, "pin")},
			ui.Submit("Read the message")),
		s.phones(2),
		ui.Small("What you read is recorded with your organisation’s name."))}}
}

func (s *Server) enterByLink(v *visit) (response, error) {
	if v.token != "" { // whoever was signed in at this browser is not any more
		if err := s.SignIn.SignOut(v.ctx(), v.token, care.SwitchedUser); err != nil {
			return nil, err
		}
	}
	e, err := s.SignIn.ByLink(v.ctx(), v.path("token"), v.form("pin"), s.Address(v.r))
	if errs, ok := fieldErrors(err, nil); ok {
		return refuse(s.linkDoorPage(v, errs)), nil
	}
	if care.KindOf(err) == care.NotFound {
		return page{s.linkGonePage(err), http.StatusNotFound}, nil
	}
	if err != nil {
		return nil, err
	}
	s.setCookie(v, s.cookieName(), e.Token)
	return goTo("/provider"), nil
}

// linkGonePage says that a link does not open, and whom to ring: the client is in
// hospital whether or not it does.
func (s *Server) linkGonePage(err error) ui.Page {
	text := "This link does not open any more."
	if e := (*care.Error)(nil); errors.As(err, &e) && e.Text != "" {
		text = sentence(e.Text)
	}
	return ui.Page{Title: "This link does not open", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(
		ui.H1("This link does not open"), ui.P(text),
		ui.P("A client of yours may be in hospital. If you do not want to wait, ring the council that wrote to you. Give the name of your organisation, and nothing else."),
		s.phones(2),
		ui.Para(ui.Text("If your office has an account, "), ui.Link("/signin", "sign in"), ui.Text(".")))}}
}

// clientStates says how a client stands, for the provider.
var clientStates = map[care.ClientState]struct {
	colour ui.Colour
	words  string
}{
	care.ClientIsTold: {ui.TagOrange, "New: tell us that you know"}, care.ClientIsAsked: {ui.TagOrange, "Can you restart care?"},
	care.ClientIsOver: {ui.TagOrange, "Changed: tell us that you know"}, care.ClientIsKnown: {ui.TagBlue, "You know"},
	care.ClientIsSuspended: {ui.TagBlue, "Care suspended"}, care.ClientHasAnswered: {ui.TagGreen, "You have answered"},
}

func (s *Server) ownClients(v *visit) (response, error) {
	cards, err := s.Hub.ProviderClients(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Your clients in hospital", Columns: []ui.Column{{Label: "Client"}, {Label: "Hospital"}, {Label: "Since"}, {Label: "State"}, {Label: "Open"}}}
	for _, c := range cards {
		st := clientStates[c.State]
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Text(clientName(c)), ui.Text(c.Hospital.Name), ui.TimeAt(c.Since.In(s.Zone)), ui.Tag(st.colour, st.words),
			ui.LinkAbout("/provider/clients/"+c.ID, "Open", "the message about "+clientName(c))}})
	}
	body := ui.Node(t)
	if len(cards) == 0 {
		body = ui.P("Nothing waits for you. When one of your clients goes into hospital, you find it here.")
	}
	return show(ui.Page{Title: "Your clients", Width: ui.PersonPage, Main: []ui.Node{ui.H1("Your clients"),
		ui.P("You see only clients of yours of whom a hospital or council told you, and of them only what you need."), body}}), nil
}

// clientName is what a provider may know of who it is.
func clientName(c hub.ClientCard) string {
	if p := c.Person; p != nil {
		return ui.Name(p.Family, p.Given, p.Title)
	}
	born := ""
	if c.BornYear > 0 {
		born = ", born " + time.Date(c.BornYear, 1, 1, 0, 0, 0, 0, time.UTC).Format("2006")
	}
	return c.Initials + born
}

// clientForm is what somebody typed about a provider's notice, at either side.
type clientForm struct {
	who, answer, text, why, paper string
	from, earliest                typedDate
	fromTime, earliestTime        string
}

func readClient(v *visit) clientForm {
	return clientForm{who: v.form("who"), answer: v.form("answer"), text: strings.ReplaceAll(v.form("text"), "\r\n", "\n"), why: v.form("why"), paper: v.form("paper"),
		from: v.date("from"), fromTime: v.form("from-time"), earliest: v.date("earliest"), earliestTime: v.form("earliest-time")}
}

// when reads a day and a time of day. what begins the sentences of what is wrong.
func (s *Server) when(id, what string, d typedDate, clock string, w *wrongs) time.Time {
	day, wrong := d.parse(what)
	if d.empty() {
		wrong = "Enter the date"
	}
	w.add(id+"-day", wrong)
	minutes, ok := parseClock(clock)
	switch {
	case clock == "":
		w.add(id+"-time", "Enter the time")
	case !ok:
		w.add(id+"-time", "Time must be like 8:30 or 17:00")
	}
	if wrong != "" || !ok {
		return time.Time{}
	}
	return s.at(day, minutes)
}

func whenFields(id, legend, hint string, today nhs.Date, d typedDate, clock string, errs []ui.FieldError) ui.Node {
	return ui.Nodes{
		ui.DateInput{ID: id, Legend: legend, Hint: cmp.Or(hint, "For example, "+exampleDay(today.Time())), Day: d.Day, Month: d.Month, Year: d.Year, Error: ui.ErrorFor(errs, id+"-day")},
		ui.Input{ID: id + "-time", Label: "Time", Hint: "For example, 18:00", Value: clock, Width: 5, Error: ui.ErrorFor(errs, id+"-time")}}
}

func whoField(f clientForm, label string, errs []ui.FieldError) ui.Node {
	return ui.Input{ID: "who", Label: label, Value: f.who, Width: 20, Autocomplete: "off", Error: ui.ErrorFor(errs, "who")}
}

// restartFields ask whether care restarts. They show without a script too.
func restartFields(f clientForm, today nhs.Date, errs []ui.FieldError) ui.Node {
	return ui.Radios{ID: "answer", Legend: "Can care restart?", Value: f.answer, Error: ui.ErrorFor(errs, "answer"), Items: []ui.Choice{
		{Value: string(care.RestartYes), Label: "Yes, as asked"},
		{Value: string(care.RestartNotice), Label: "Needs notice", More: whenFields("earliest", "Earliest start", "", today, f.earliest, f.earliestTime, errs)},
		{Value: string(care.RestartNo), Label: "No", More: ui.Textarea{ID: "text", Label: "Why not?", Rows: 2, Max: maxNote, Value: f.text, Error: ui.ErrorFor(errs, "text")}}}}
}

// restartOf is the command that the form asks for.
func (s *Server) restartOf(client string, f clientForm) (care.AnswerRestart, wrongs) {
	x, w := care.AnswerRestart{ID: client, Answer: care.RestartAnswer(f.answer), Who: f.who}, wrongs{}
	switch x.Answer {
	case care.RestartNotice:
		x.Earliest = s.when("earliest", "Earliest start", f.earliest, f.earliestTime, &w)
	case care.RestartNo:
		x.Text = f.text
	}
	return x, w
}

// clientFields are the fields of the domain's errors.
var clientFields = map[string]string{"from": "from-day", "earliest": "earliest-day"}

// A saying is what a provider says with a form: a command, or what is wrong.
type saying func(v *visit, client string, f clientForm) (care.Command, wrongs)

func (s *Server) acknowledges(_ *visit, client string, f clientForm) (care.Command, wrongs) {
	return care.Acknowledge{ID: client, Who: f.who}, nil
}

func (s *Server) suspends(_ *visit, client string, f clientForm) (care.Command, wrongs) {
	var w wrongs
	at := s.when("from", "Date", f.from, f.fromTime, &w)
	return care.SuspendCare{ID: client, From: at}, w
}

func (s *Server) answersRestart(_ *visit, client string, f clientForm) (care.Command, wrongs) {
	x, w := s.restartOf(client, f)
	return x, w
}

// says carries out what a provider says, or shows the page again with what is wrong.
func (s *Server) says(read saying) handler {
	return func(v *visit) (response, error) {
		client, f := v.path("client"), readClient(v)
		again := func(errs []ui.FieldError) (response, error) {
			card, err := s.Hub.ProviderClient(v.ctx(), v.by, client)
			if err != nil {
				return nil, err
			}
			return refuse(s.ownClientPage(v, card, f, errs)), nil
		}
		cmd, wrong := read(v, client, f)
		if len(wrong) > 0 {
			return again(wrong)
		}
		err := s.Hub.ProviderSays(v.ctx(), v.by, client, cmd)
		if errs, ok := fieldErrors(err, clientFields); ok {
			for i := range errs {
				if errs[i].ID == "who" { // the rule's words are for who heard it by telephone
					errs[i].Text = "Enter your name"
				}
			}
			return again(errs)
		}
		if err != nil {
			return nil, err
		}
		if _, err := s.Hub.ProviderClient(v.ctx(), v.by, client); care.KindOf(err) == care.NotFound {
			return goTo("/provider").saying("Thank you. Nothing more is needed"), nil
		}
		return goTo("/provider/clients/" + client).saying("Thank you. The hospital and the council see it"), nil
	}
}

// signsPaper signs a trusted assessment, or disputes it.
func (s *Server) signsPaper(v *visit) (response, error) {
	client, f := v.path("client"), readClient(v)
	var w wrongs
	w.need("who", f.who, "Enter your name")
	if f.answer != "sign" && f.answer != "dispute" {
		w.add("answer", "Select whether you agree")
	}
	if f.answer == "dispute" {
		w.need("text", f.text, "Enter what you do not agree with")
	}
	err := error(nil)
	if len(w) == 0 {
		err = s.Hub.SignClientPaper(v.ctx(), v.by, client, f.paper, care.Sign{Who: f.who, Disputed: f.answer == "dispute", Text: f.text})
	}
	if errs, ok := fieldErrors(err, nil); ok {
		w = errs
	}
	if len(w) > 0 {
		card, err := s.Hub.ProviderClient(v.ctx(), v.by, client)
		if err != nil {
			return nil, err
		}
		return refuse(s.ownClientPage(v, card, f, w)), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo("/provider/clients/" + client).saying("Your answer is kept"), nil
}

func (s *Server) ownClient(v *visit) (response, error) {
	card, err := s.Hub.ProviderClient(v.ctx(), v.by, v.path("client"))
	if err != nil {
		return nil, err
	}
	f := clientForm{}
	if v.session.Method != care.ByLink { // a link is an office's, an account somebody's
		f.who = v.by.Name
	}
	return show(s.ownClientPage(v, card, f, nil)), nil
}

func (s *Server) ownClientPage(v *visit, c hub.ClientCard, f clientForm, errs []ui.FieldError) ui.Page {
	where := c.Hospital.Name
	if c.Class == "E" {
		where += ", A&E"
	}
	rows := []ui.Row{{Key: "Client", Value: ui.Strong(clientName(c))}}
	if c.Person != nil {
		rows = append(rows, ui.Row{Key: "Born", Value: ui.Or(ui.Day(c.Person.Born), ui.NotKnown)})
	}
	rows = append(rows, ui.Row{Key: "Hospital", Value: ui.Text(where)}, ui.Row{Key: "There since", Value: ui.TimeAt(c.Since.In(s.Zone))}, ui.Row{Key: "You were told", Value: ui.TimeAt(c.Told.In(s.Zone))})
	if !c.Acked.IsZero() {
		rows = append(rows, ui.Row{Key: "You said that you know", Value: ui.Text(ui.DateTime(c.Acked.In(s.Zone)) + ", " + c.AckedBy)})
	}
	if !c.Suspended.IsZero() {
		rows = append(rows, ui.Row{Key: "Care suspended from", Value: ui.TimeAt(c.Suspended.In(s.Zone))})
	}
	if r := c.Restart; r != nil {
		rows = append(rows, ui.Row{Key: "Restart asked for", Value: ui.Text(ui.DateTime(r.From.In(s.Zone)) + pathwayWords(r.Pathway))})
		if r.Answer != "" {
			rows = append(rows, ui.Row{Key: "You answered", Value: ui.Text(s.answerWords(*r))})
		}
	}
	return ui.Page{Title: "A client of yours", Width: ui.FormPage, Back: &ui.NavItem{Href: "/provider", Text: "Your clients"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1(clientTitle(c)), ui.SummaryList(rows...), s.clientAsks(v, c, f, errs), s.signPart(c, f, errs))}}
}

func clientTitle(c hub.ClientCard) string {
	switch {
	case c.Why == care.EndDied:
		return "Your client has died"
	case c.State == care.ClientIsOver:
		return "Your client is not in hospital any more"
	}
	return "Your client is in hospital"
}

func pathwayWords(pathway string) string {
	if pathway == "1" {
		return ", to be arranged anew: the package had lapsed"
	}
	return ", at the same level as before"
}

// answerWords is a provider's answer in one line.
func (s *Server) answerWords(r care.Restart) string {
	out := map[care.RestartAnswer]string{care.RestartYes: "Yes", care.RestartNotice: "Needs notice", care.RestartNo: "No"}[r.Answer]
	if !r.Earliest.IsZero() {
		out += ", from " + ui.DateTime(r.Earliest.In(s.Zone))
	}
	if r.Text != "" {
		out += ": " + r.Text
	}
	return out
}

// clientAsks is what is asked of the provider now.
func (s *Server) clientAsks(v *visit, c hub.ClientCard, f clientForm, errs []ui.FieldError) ui.Node {
	path, today := "/provider/clients/"+c.ID, s.today(v)
	if c.State == care.ClientIsOver {
		words := "The hospital says that this person " + map[care.ClientEnd]string{care.EndUndone: "was recorded there by mistake.", care.EndHome: "has left. Care goes on as before."}[c.Why]
		if c.Why == care.EndDied {
			words = "We are sorry to tell you that this person died. Stop visits, and do not ring the home."
		}
		return ui.Nodes{ui.Inset(ui.P(words)), ui.PostForm(path+"/acknowledge", whoField(f, "Your name", errs), ui.Submit("We know"))}
	}
	var out ui.Nodes
	if c.Acked.IsZero() {
		return append(out, ui.P("Say that you know, and you see who it is."), ui.PostForm(path+"/acknowledge", whoField(f, "Your name", errs), ui.Submit("We know")))
	}
	if c.Restart != nil && c.Restart.Answer == "" {
		return append(out, ui.H2("Restart of care"), ui.PostForm(path+"/restart", restartFields(f, today, errs), whoField(f, "Your name", errs), ui.Submit("Send answer")))
	}
	if c.Restart == nil {
		head, button := "Suspend care", "Suspend care"
		if !c.Suspended.IsZero() {
			head, button = "Care stands still from another time", "Change the time"
		}
		out = append(out, ui.H2(head), ui.PostForm(path+"/suspend",
			whenFields("from", "From when does care stand still?", "", today, f.from, f.fromTime, errs), ui.Submit(button)))
	}
	return out
}

// signPart is the trusted assessments that the provider is to sign.
func (s *Server) signPart(c hub.ClientCard, f clientForm, errs []ui.FieldError) ui.Node {
	var out ui.Nodes
	for _, p := range c.Papers {
		var rows []ui.Row
		for _, l := range p.Lines {
			rows = append(rows, ui.Row{Key: l.Question, Value: ui.Lines(strings.Join(l.Answers, "\n"))})
		}
		out = append(out, ui.H2(p.Title), ui.SummaryList(rows...))
		if p.Signed != "" {
			out = append(out, ui.P(p.Signed))
			continue
		}
		out = append(out, ui.PostForm("/provider/clients/"+c.ID+"/paper", ui.Hidden("paper", p.ID),
			ui.Radios{ID: "answer", Legend: "Do you agree with this assessment?", Value: f.answer, Error: ui.ErrorFor(errs, "answer"), Items: []ui.Choice{
				{Value: "sign", Label: "Yes, we work from it"},
				{Value: "dispute", Label: "No", More: ui.Textarea{ID: "text", Label: "What do you not agree with?", Rows: 2, Max: maxNote, Value: f.text, Error: ui.ErrorFor(errs, "text")}}}},
			whoField(f, "Your name", errs), ui.Submit("Send answer")))
		break // one at a time: the ids of fields stand once on a page
	}
	return out
}
