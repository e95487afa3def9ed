package web

import (
	"net/url"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// providerRequestRoutes are a care provider's own page of what it was asked to take on.
func (s *Server) providerRequestRoutes() []route {
	return []route{
		{pattern: "GET /provider/requests", nav: "provider-requests", asks: deciding(policy.ListClients), do: s.providerRequests},
		{pattern: "GET /provider/requests/{request}", nav: "provider-requests", asks: deciding(policy.ListClients), do: s.askAnswer},
		{pattern: "POST /provider/requests/{request}", nav: "provider-requests", asks: deciding(policy.AnswerClient), do: s.answerRequest},
	}
}

// providerRequests lists what the provider was asked: needs and an area, and never who.
func (s *Server) providerRequests(v *visit) (response, error) {
	offers, err := s.Hub.ProviderRequests(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	p := ui.Page{Title: "Requests for care", Width: ui.PersonPage, Main: []ui.Node{ui.H1("Requests for care"),
		ui.P("Each council asks whether you can take on a package of care. You see who it is once you are booked.")}}
	if len(offers) == 0 {
		p.Main = append(p.Main, ui.Empty("Nothing is asked of you", ui.P("Requests stand here until you decline, another provider is booked, or they end.")))
	}
	for _, o := range offers {
		p.Main = append(p.Main, ui.Section("request-"+o.ID, o.KindSay+" in "+o.Area, ui.SummaryList(offerRows(v, o)...),
			ui.If(!o.Booked, func() ui.Node {
				text := "Answer"
				if o.Mine.Reply != "" {
					text = "Change your answer"
				}
				return ui.Button{Text: text, About: o.KindSay + " in " + o.Area, Kind: ui.Secondary, Href: "/provider/requests/" + url.PathEscape(o.ID)}
			})))
	}
	return show(p), nil
}

func offerRows(v *visit, o hub.RequestOffer) []ui.Row {
	answer := ui.Node(ui.Tag(ui.TagYellow, "Not answered"))
	switch {
	case o.Booked:
		answer = ui.Nodes{ui.Tag(ui.TagGreen, "You are booked"), ui.Sub("From " + ui.Day(o.Start) + ". Who it is stands on your page of clients, or the council rings you")}
	case o.Mine.Reply != "":
		answer = ui.Nodes{ui.Text(hub.ReplySay(o.Mine)), ui.Sub(o.Mine.By.Name + ", " + ui.ClockOn(o.Mine.Replied, v.now))}
	}
	much := care.Request{Visits: o.Visits, Carers: o.Carers}
	size := howMuch(much)
	if o.Hours != "" {
		size = o.Hours + " a week"
		if rest := howMuch(much); rest != "" {
			size += ", " + rest
		}
	}
	rows := []ui.Row{{Key: "Asked by", Value: ui.Nodes{ui.Text(o.Council.Name), ui.Sub(ui.ClockOn(o.At, v.now) + ", " + ui.Ago(o.At, v.now))}},
		{Key: "What is needed", Value: ui.Lines(o.Needs)}, {Key: "How much", Value: ui.Or(size, "Not recorded")}, {Key: "Start by", Value: ui.Text(ui.Day(o.StartBy))}}
	if o.SelfFund {
		rows = append(rows, ui.Row{Key: "Money", Value: ui.Text("The person pays for this care and agrees the price with you")})
	}
	return append(rows, ui.Row{Key: "Your answer", Value: answer})
}

// offerOne is the request that the path names, as this provider sees it.
func (s *Server) offerOne(v *visit) (hub.RequestOffer, error) {
	offers, err := s.Hub.ProviderRequests(v.ctx(), v.by)
	if err != nil {
		return hub.RequestOffer{}, err
	}
	for _, o := range offers {
		if o.ID == v.path("request") && !o.Booked {
			return o, nil
		}
	}
	return hub.RequestOffer{}, &care.Error{Kind: care.NotFound, Text: "There is no such request, or it is not open any more"}
}

func (s *Server) askAnswer(v *visit) (response, error) {
	o, err := s.offerOne(v)
	if err != nil {
		return nil, err
	}
	return answerPage(v, o, &requestForm{post: url.Values{"who": {v.by.Name}}}), nil
}

func answerPage(v *visit, o hub.RequestOffer, f *requestForm) response {
	f.named()
	p := ui.Page{Title: "Answer a request for care", Width: ui.FormPage, Back: &ui.NavItem{Href: "/provider/requests", Text: "Back to requests for care"},
		Main: []ui.Node{ui.ErrorSummary(f.errs), ui.H1("Answer a request for care"), ui.SummaryList(offerRows(v, o)...),
			ui.PostForm("/provider/requests/"+url.PathEscape(o.ID),
				ui.Hidden("seen", later(o.At, o.Mine.Replied).UTC().Format(time.RFC3339Nano)), replyFields(f, o.SelfFund),
				ui.Input{ID: "who", Label: "Your name", Value: f.get("who"), Width: 30, Error: ui.ErrorFor(f.errs, "who")},
				ui.Submit("Send the answer"))}}
	if len(f.errs) > 0 {
		return refuse(p)
	}
	return show(p)
}

func (s *Server) answerRequest(v *visit) (response, error) {
	o, err := s.offerOne(v)
	if err != nil {
		return nil, err
	}
	f := &requestForm{post: v.r.PostForm}
	x := f.reply(v)
	x.At = f.seen()
	if x.By.Name = f.get("who"); x.By.Name == "" {
		f.errs.add("who", "Enter your name")
	}
	if len(f.errs) == 0 {
		if err := s.Hub.AnswerRequest(v.ctx(), v.by, o.ID, x); err != nil && !f.refused(err) {
			return nil, err
		}
	}
	if len(f.errs) > 0 {
		return answerPage(v, o, f), nil
	}
	return goTo("/provider/requests").saying("Your answer was sent."), nil
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
