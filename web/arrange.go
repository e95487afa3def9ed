package web

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/hub"
	"homeward/money"
	"homeward/nhs"
	"homeward/policy"
	"homeward/web/ui"
)

// arrangeRoutes are asking providers for care: the tab of a case with its forms, and
// the broker's list. product.md P11.
func (s *Server) arrangeRoutes() []route {
	see, do := deciding(policy.SeeArranging), deciding(policy.Arrange)
	out := []route{
		{pattern: "GET /arranging", nav: "arranging", asks: deciding(policy.ListWorklist), do: s.arrangingList},
		{pattern: "GET /cases/{id}/arrange/new", nav: "arranging", asks: see, do: s.askRequest},
		{pattern: "POST /cases/{id}/arrange/new", nav: "arranging", asks: do, do: s.makeRequest},
	}
	for _, st := range arrangeSteps {
		path := " /cases/{id}/arrange/{request}/" + st.name
		out = append(out, route{pattern: "GET" + path, nav: "arranging", asks: see, do: s.askArrange(st)},
			route{pattern: "POST" + path, nav: "arranging", asks: do, do: s.doArrange(st)})
	}
	return out
}

func arrangePath(id care.CaseID, request, what string) string {
	return casePath(id, "/arrange/"+url.PathEscape(request)+"/"+what)
}

const arrangeTab = "?tab=arranging"

// arrangingTab is the requests for care of a case, for the council that made them.
func (s *Server) arrangingTab(v *visit, c hub.CaseView, _ noteForm) ui.Node {
	if c.Arrange == nil {
		return ui.P("How care is arranged is not shared outside the council.")
	}
	out := ui.Nodes{ui.H2("Arranging care")}
	if d := c.Arrange.Draft; d != nil {
		out = append(out, ui.ButtonGroup(ui.Button{Text: "Ask for care", Href: casePath(c.ID, "/arrange/new")}, ui.Link("/capacity?area="+url.QueryEscape(d.Area), "See what providers can take on")))
	}
	if len(c.Arrange.Requests) == 0 {
		why := ui.P("Nobody was asked for care yet. Providers see needs and an area, and not who it is, until one is booked.")
		if c.Arrange.Draft == nil {
			why = ui.P("Nobody was asked for care. Care can be asked for once the council has accepted the referral.")
		}
		return append(out, ui.Empty("No requests for care", why))
	}
	for _, r := range c.Arrange.Requests {
		out = append(out, s.requestPart(c, r))
	}
	return out
}

// requestPart is one request: what is asked, who answered what, and what can be done.
func (s *Server) requestPart(c hub.CaseView, r hub.RequestView) ui.Node {
	body := ui.Nodes{}
	if r.Risk != nil && r.Open() {
		body = append(body, ui.WarningCard(3, "Offers at risk", ui.P(r.Risk.Why+". Since "+ui.ClockOn(r.Risk.At, c.At)+"."),
			ui.P("Ring the provider, then record its answer again or move the start.")))
	}
	body = append(body, ui.SummaryList(requestRows(r, c)...), replyTable(c, r))
	if !r.Open() {
		return ui.Expander(r.KindSay+" in "+r.Area+", ended "+ui.Date(r.Ended)+": "+r.EndedWhy, body)
	}
	if c.Arrange.Arrange {
		body = append(body, requestActions(c, r))
	}
	return ui.Section("request-"+r.ID, r.KindSay+" in "+r.Area, body)
}

func requestRows(r hub.RequestView, c hub.CaseView) []ui.Row {
	rows := []ui.Row{
		{Key: "Status", Value: requestTag(r.Request)},
		{Key: "Asked", Value: ui.Nodes{ui.TimeAt(r.At), ui.Sub(r.By.Name)}},
		{Key: "Needs, as providers see them", Value: ui.Lines(r.Needs)},
		{Key: "How much", Value: ui.Or(howMuch(r.Request), "Not recorded")},
		{Key: "Start by", Value: ui.Text(ui.Day(r.StartBy))},
	}
	switch {
	case r.SelfFund:
		rows = append(rows, ui.Row{Key: "Money", Value: ui.Text("The person pays. They agreed that providers are asked, choose for themselves and agree the price")})
	case r.Ceiling > 0:
		rows = append(rows, ui.Row{Key: "At most", Value: ui.Text(r.Ceiling.String() + " a week")})
	}
	if k := r.Choice; k != nil {
		chosen, _ := r.Asked(k.Chosen)
		rows = append(rows, ui.Row{Key: "Choice", Value: ui.Nodes{ui.Text("Offered " + strconv.Itoa(k.Offered) + ", chose " + cmp.Or(chosen.Name, "none of them")), ui.Sub(k.Text),
			ui.Sub(k.By.Name + ", " + ui.ClockOn(k.At, c.At))}})
	}
	if r.Booked != "" && r.Open() {
		rows = append(rows, bookedToldRow(r, c))
	}
	if !r.Wasted.IsZero() {
		rows = append(rows, ui.Row{Key: "Sourcing wasted", Value: ui.Nodes{ui.Text("No longer ready to leave after offers were made"), ui.Sub(ui.ClockOn(r.Wasted, c.At))}})
	}
	return rows
}

// bookedToldRow says whether who is booked was told whose care it is, and whom to ring
// where it was not.
func bookedToldRow(r hub.RequestView, c hub.CaseView) ui.Row {
	for _, k := range c.Clients {
		if k.Council == r.Council && k.Provider == r.Booked && (k.Over.IsZero() || k.Over.After(r.At)) {
			return ui.Row{Key: "Told who it is", Value: ui.Text(ui.ClockOn(k.Told, c.At))}
		}
	}
	x, _ := r.Asked(r.Booked)
	p := r.Phones[r.Booked]
	out := ui.Nodes{ui.Text("Not by Homeward. Ring " + x.Name + " and say whose care it is"), ui.Break(), ui.If(p.Phone != "", func() ui.Node { return ui.PhoneLink(p.Phone) })}
	return ui.Row{Key: "Told who it is", Value: out}
}

// howMuch is the size of the care in words: "14 hours a week, 2 visits a day, 1 carer".
func howMuch(r care.Request) string {
	var out []string
	if r.Hours > 0 {
		out = append(out, r.Hours.Of("hour")+" a week")
	}
	if r.Visits > 0 {
		out = append(out, ui.Plural(r.Visits, "visit", "visits")+" a day")
	}
	if r.Carers > 0 {
		out = append(out, ui.Plural(r.Carers, "carer", "carers"))
	}
	return strings.Join(out, ", ")
}

func requestTag(r care.Request) ui.Node {
	switch {
	case !r.Open():
		return ui.Tag(ui.TagGrey, "Ended")
	case r.Risk != nil:
		return ui.Tag(ui.TagRed, "At risk")
	case r.Booked != "":
		v, _ := r.Asked(r.Booked)
		return ui.Nodes{ui.Tag(ui.TagGreen, "Booked"), ui.Sub(v.Name + " from " + ui.Day(r.Start))}
	case r.Offers() > 0:
		return ui.Nodes{ui.Tag(ui.TagBlue, ui.Plural(r.Offers(), "offer", "offers")), ui.Sub(ui.Plural(r.Waiting(), "provider has", "providers have") + " not answered")}
	}
	return ui.Nodes{ui.Tag(ui.TagYellow, "Waiting"), ui.Sub(ui.Plural(r.Waiting(), "provider has", "providers have") + " not answered")}
}

func replyTable(c hub.CaseView, r hub.RequestView) ui.Node {
	t := ui.Table{Caption: "Who was asked and what they said", ShowTitle: true, Columns: []ui.Column{{Label: "Provider"}, {Label: "Asked"}, {Label: "Answer"}, {Label: "Earliest start"}, {Label: "Rate a week", Numeric: true}},
		Empty: ui.P("Nobody was asked yet.")}
	for _, v := range r.Invited {
		p := r.Phones[v.Provider]
		name := ui.Nodes{ui.Text(v.Name)}
		if p.Phone != "" {
			name = append(name, ui.Break(), ui.PhoneLink(p.Phone))
		}
		asked := ui.Nodes{ui.Text(ui.ClockOn(v.At, c.At))}
		if v.Reply == "" && r.Open() {
			asked = append(asked, ui.Sub(ui.Ago(v.At, c.At)))
		}
		said := ui.Nodes{replyTag(r.Request, v)}
		if words := cmp.Or(reasonText(v), v.Text); words != "" {
			said = append(said, ui.Sub(words))
		}
		if !v.Replied.IsZero() {
			said = append(said, ui.Sub(v.By.Name+", "+ui.ClockOn(v.Replied, c.At)))
		}
		earliest, rate := ui.Node(ui.Missing("Not known")), ui.Node(ui.Missing("Not known"))
		if !v.Earliest.IsZero() {
			earliest = ui.Text(ui.Day(v.Earliest))
		}
		if v.Rate > 0 {
			rate = ui.Text(v.Rate.String())
			if r.Ceiling > 0 && v.Rate > r.Ceiling {
				rate = ui.Nodes{ui.Text(v.Rate.String()), ui.Sub("Above what was agreed")}
			}
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{name, asked, said, earliest, rate}})
	}
	return t
}

func reasonText(v care.Invite) string {
	if v.Reason == "" {
		return ""
	}
	words := care.ReplyReasonSay(v.Reply, v.Reason)
	if v.Text != "" {
		words += ": " + v.Text
	}
	return words
}

func replyTag(r care.Request, v care.Invite) ui.Node {
	switch {
	case r.Booked == v.Provider:
		return ui.Tag(ui.TagGreen, "Booked")
	case v.Reply == care.ReplyAccept:
		return ui.Tag(ui.TagBlue, "Accept")
	case v.Reply == care.ReplyMore:
		return ui.Tag(ui.TagYellow, "Needs more information")
	case v.Reply == care.ReplyDecline:
		return ui.Tag(ui.TagGrey, "Decline")
	case v.Reply == care.ReplyReleased:
		return ui.Tag(ui.TagGrey, "Released")
	}
	return ui.Tag(ui.TagWhite, "Not answered")
}

func requestActions(c hub.CaseView, r hub.RequestView) ui.Node {
	var links ui.Nodes
	first := true
	for _, st := range arrangeSteps {
		if !st.offered(r.Request) {
			continue
		}
		href := arrangePath(c.ID, r.ID, st.name)
		if first {
			links = append(links, ui.Button{Text: st.title, About: r.KindSay, Kind: ui.Secondary, Href: href})
		} else {
			links = append(links, ui.LinkAbout(href, st.title, r.KindSay))
		}
		first = false
	}
	return ui.ButtonGroup(links...)
}

// ---- a new request

// A requestForm is a request as somebody typed it.
type requestForm struct {
	post url.Values
	errs wrongs
	said string // what the next page says instead of the step's own words; no personal data
}

func (f requestForm) get(name string) string { return strings.TrimSpace(f.post.Get(name)) }

// askRequest shows the form. The kind of care and the area may be in the address: they
// say who fits, and nothing of the person.
func (s *Server) askRequest(v *visit) (response, error) {
	c, err := s.arrangeable(v)
	if err != nil {
		return nil, err
	}
	d := c.Arrange.Draft
	post := url.Values{"key": {hub.NewKey()}, "kind": {cmp.Or(v.query("kind"), "HS")}, "area": {cmp.Or(v.query("area"), d.Area)}, "needs": {d.Needs}, "carers": {"1"}}
	return s.requestPage(v, c, requestForm{post: post})
}

// arrangeable is the case of a visit in which the reader may ask for care now.
func (s *Server) arrangeable(v *visit) (hub.CaseView, error) {
	c, err := s.Hub.Case(v.ctx(), v.by, v.id())
	switch {
	case err != nil:
		return c, err
	case c.Arrange == nil || !c.Arrange.Arrange:
		return c, &care.Error{Kind: care.Forbidden, Text: "Your role cannot arrange care for this person"}
	case c.Arrange.Draft == nil:
		return c, &care.Error{Kind: care.BusinessRule, Text: "Care can be asked for once the council has accepted the referral, and until it ends", Allowed: []string{"Open the case"}}
	}
	return c, nil
}

func (s *Server) requestPage(v *visit, c hub.CaseView, f requestForm) (response, error) {
	found, err := s.Hub.Candidates(v.ctx(), v.by, f.get("kind"), f.get("area"))
	if err != nil {
		return nil, err
	}
	kinds := make([]ui.Choice, 0, len(care.CareKinds()))
	for _, k := range care.CareKinds() {
		kinds = append(kinds, ui.Choice{Value: k.Code, Label: k.Words})
	}
	err1 := func(id string) string { return ui.ErrorFor(f.errs, id) }
	date := dateInput("startBy", "Care must start by", "For example, 16 3 2026", err1("startBy-day"), readDate(f.post, "startBy"))
	body := ui.PostForm(casePath(c.ID, "/arrange/new"), ui.Hidden("key", f.get("key")),
		ui.Select{ID: "kind", Label: "Kind of care", Value: f.get("kind"), Items: kinds, Error: err1("kind")},
		ui.Input{ID: "area", Label: "Area", Hint: "The first part of the postcode and no more. For example, NG17", Value: f.get("area"), Width: 5, Error: err1("area")},
		ui.Textarea{ID: "needs", Label: "What the person needs", Hint: "Providers see this before they may know who it is. Name nobody: no names, numbers, date of birth or address.", Value: f.get("needs"), Max: 2000, Rows: 8, Error: err1("needs")},
		ui.Input{ID: "hours", Label: "Hours a week (optional)", Value: f.get("hours"), Width: 5, Mode: "decimal", Error: err1("hours")},
		ui.Input{ID: "visits", Label: "Visits a day (optional)", Value: f.get("visits"), Width: 2, Mode: "numeric", Error: err1("visits")},
		ui.Radios{ID: "carers", Legend: "Carers at each visit", Value: f.get("carers"), Inline: true, Items: []ui.Choice{{Value: "1", Label: "1"}, {Value: "2", Label: "2"}}, Error: err1("carers")},
		date,
		ui.Radios{ID: "money", Legend: "Who pays?", Value: f.get("money"), Error: err1("money"), Items: []ui.Choice{
			{Value: "council", Label: "The council, or the council and the NHS", More: ui.Input{ID: "ceiling", Label: "The most that it may cost a week (optional)", Prefix: "£", Value: f.get("ceiling"), Width: 10, Mode: "decimal", Error: err1("ceiling")}},
			{Value: "self", Label: "The person pays for it all", Hint: "They are told of providers, choose for themselves and agree the price",
				More: ui.Checkboxes{ID: "consent", Legend: "Has the person agreed?", Values: f.post["consent"], Small: true, Error: err1("consent"), Items: []ui.Choice{{Value: "yes", Label: "The person agreed that providers are asked"}}}}}},
		ui.Button{Text: "Show providers of this kind and area", Kind: ui.Secondary, Name: "show", Value: "yes"},
		candidateBoxes(found, f.post["provider"], c, err1("provider")),
		ui.If(c.Arrange.Draft.MoveOn, func() ui.Node {
			return ui.Checkboxes{ID: "moveOn", Legend: "Stage of the referral", Small: true, Values: f.post["moveOn"], Items: []ui.Choice{{Value: "yes", Label: "Move it to “Arranging care”"}}}
		}),
		ui.Submit("Ask these providers"))
	p := ui.Page{Title: "Ask for care", Width: ui.FormPage, Banner: s.caseBanner(c, v.now), Back: &ui.NavItem{Href: casePath(c.ID, arrangeTab), Text: "Back to the case"},
		Main: []ui.Node{ui.ErrorSummary(f.errs), ui.H1("Ask for care"), body}}
	if len(f.errs) > 0 {
		return refuse(p), nil
	}
	return show(p), nil
}

// candidateBoxes offers the providers that fit, each with what it can take on and how
// old that is; those that do not fit stand after them.
func candidateBoxes(found []hub.Candidate, chosen []string, c hub.CaseView, wrong string) ui.Node {
	var items, others []ui.Choice
	for _, x := range found {
		it := ui.Choice{Value: x.Provider.ID, Label: x.Provider.Name, Hint: capacityHint(x, c)}
		if x.Fits || slices.Contains(chosen, x.Provider.ID) {
			items = append(items, it)
		} else {
			others = append(others, it)
		}
	}
	if len(found) == 0 {
		return ui.Inset(ui.P("There are no providers in the directory of your council."))
	}
	boxes := ui.Nodes{ui.Checkboxes{ID: "provider", Legend: "Which providers do you ask?", Hint: "Those that can take something on stand first. You can ask more later.", Values: chosen, Items: items, Small: true, Error: wrong}}
	if len(others) > 0 {
		boxes = append(boxes, ui.Details("Providers that do not list this kind of care or area",
			ui.Checkboxes{ID: "provider-other", Name: "provider", Legend: "Other providers", Values: chosen, Items: others, Small: true}))
	}
	return boxes
}

func capacityHint(x hub.Candidate, c hub.CaseView) string {
	r := x.Capacity
	switch {
	case r == nil:
		return "What it can take on was not reported"
	case r.Expired:
		return "Reported " + ui.Ago(r.At, c.At) + ": " + freeWords(*r) + ". Too old to count"
	}
	return freeWords(*r) + ", reported " + ui.Ago(r.At, c.At)
}

func freeWords(r hub.CapacityRow) string {
	return placesWords(r.Free, r.Unit) + " free"
}

// placesWords is a number of what a kind of care is counted in: "1 bed".
func placesWords(n int, unit string) string {
	unit = cmp.Or(unit, "places")
	if n == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	return strconv.Itoa(n) + " " + unit
}

// arrangeFields are the names that the rules have for the fields of these forms.
var arrangeFields = map[string]string{"startBy": "startBy-day", "start": "start-day", "earliest": "earliest-day", "providers": "provider"}

func (s *Server) makeRequest(v *visit) (response, error) {
	c, err := s.arrangeable(v)
	if err != nil {
		return nil, err
	}
	f := requestForm{post: v.r.PostForm}
	if f.get("show") != "" { // other providers fit another kind of care, and nobody is asked yet
		return s.requestPage(v, c, f)
	}
	r := care.Request{ID: f.get("key"), Referral: c.Arrange.Draft.Referral, Kind: f.get("kind"), Area: f.get("area"), Needs: strings.ReplaceAll(f.get("needs"), "\r\n", "\n")}
	var wrong string
	if r.StartBy, wrong = v.date("startBy").parse("The day by which care must start"); wrong != "" {
		f.errs.add("startBy-day", wrong)
	}
	f.quantity("hours", "Hours a week", &r.Hours)
	r.Visits, r.Carers = f.count("visits", "Visits a day"), f.count("carers", "Carers")
	switch f.get("money") {
	case "self":
		r.SelfFund, r.Consent = true, f.get("consent") == "yes"
	case "council":
		f.amount("ceiling", &r.Ceiling)
	default:
		f.errs.add("money", "Select who pays")
	}
	if len(f.post["provider"]) == 0 {
		f.errs.add("provider", "Select at least one provider")
	}
	if len(f.errs) == 0 {
		err = s.Hub.RequestCare(v.ctx(), v.by, c.ID, r, f.post["provider"], f.get("moveOn") == "yes")
		if err == nil {
			return goTo(casePath(c.ID, arrangeTab)).saying("The providers were asked."), nil
		}
		if !f.refused(err) {
			return nil, err
		}
	}
	return s.requestPage(v, c, f)
}

// refused notes what the rules said; false when it is nothing that a form can mend.
func (f *requestForm) refused(err error) bool {
	errs, ok := fieldErrors(err, arrangeFields)
	var e *care.Error
	if !ok && errors.As(err, &e) && (e.Kind == care.BusinessRule || e.Kind == care.Duplicate || e.Kind == care.Conflict) {
		text := e.Text
		if len(e.Allowed) > 0 {
			text = strings.TrimSuffix(text, ".") + ". You can: " + strings.ToLower(strings.Join(e.Allowed, "; "))
		}
		id := e.Field
		if other, there := arrangeFields[id]; there {
			id = other
		}
		errs, ok = []ui.FieldError{{ID: id, Text: text}}, true
	}
	f.errs = append(f.errs, errs...)
	return ok
}

func (f *requestForm) count(id, name string) int {
	text := f.get(id)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		f.errs.add(id, name+" must be a whole number")
	}
	return n
}

func (f *requestForm) quantity(id, name string, into *money.Quantity) {
	if text := f.get(id); text != "" {
		n, err := money.ParseQuantity(text)
		if err != nil {
			f.errs.add(id, name+" must be a number, such as 10.5")
		}
		*into = n
	}
}

func (f *requestForm) amount(id string, into *money.Amount) {
	if text := f.get(id); text != "" {
		n, err := money.Parse(text)
		if err != nil {
			f.errs.add(id, "Enter an amount in pounds and pence, such as 350.00")
		}
		*into = n
	}
}

// day reads a date of the form; "" typed is the zero date.
func (f *requestForm) day(v *visit, id, name string) nhs.Date {
	d, wrong := v.date(id).parse(name)
	f.errs.add(id+"-day", wrong)
	return d
}
