package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// destinationRoutes is the systems that are told what happens, for the integration
// engineer.
func (s *Server) destinationRoutes() []route {
	see, act := deciding(policy.SeeOperations), deciding(policy.Replay)
	return []route{
		{pattern: "GET /ops/destinations", nav: "destinations", asks: see, do: s.destinations},
		{pattern: "GET /ops/destinations/{name}", nav: "destinations", asks: see, do: s.destination},
		{pattern: "POST /ops/destinations/{name}/try", nav: "destinations", asks: act, do: s.tryDestination},
		{pattern: "POST /ops/destinations/{name}/pause", nav: "destinations", asks: act, do: s.pauseDestination},
		{pattern: "POST /ops/destinations/{name}/resume", nav: "destinations", asks: act, do: s.resumeDestination},
		{pattern: "POST /ops/destinations/{name}/retry", nav: "destinations", asks: act, do: s.retryRefused},
		{pattern: "GET /ops/destinations/{name}/again", nav: "destinations", asks: see, do: s.askAgain},
		{pattern: "POST /ops/destinations/{name}/again", nav: "destinations", asks: act, do: s.previewAgain},
		{pattern: "POST /ops/destinations/{name}/again/now", nav: "destinations", step: true, asks: act, do: s.tellAgain},
		{pattern: "GET /ops/deliveries/{id}", nav: "destinations", asks: see, do: s.delivery},
		{pattern: "POST /ops/deliveries/{id}", nav: "destinations", asks: deciding(policy.SeeRawMessage), do: s.sentMessage},
		{pattern: "POST /ops/deliveries/{id}/retry", nav: "destinations", asks: act, do: s.retryDelivery},
		{pattern: "POST /ops/deliveries/{id}/drop", nav: "destinations", asks: act, do: s.dropDelivery},
	}
}

func destinationPath(name, rest string) string {
	return "/ops/destinations/" + url.PathEscape(name) + rest
}

func deliveryPath(id int64, rest string) string {
	return "/ops/deliveries/" + strconv.FormatInt(id, 10) + rest
}

// destinations lists the systems that are told, and where each stands.
func (s *Server) destinations(v *visit) (response, error) {
	list, err := s.Hub.Destinations(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Systems that are told", Columns: []ui.Column{{Label: "System"}, {Label: "Of"}, {Label: "State"}, {Label: "Last answer"},
		{Label: "Waiting", Numeric: true}, {Label: "Refused", Numeric: true}, {Label: "Not delivered", Numeric: true}, {Label: "By"}},
		Empty: ui.Empty("No system is told", ui.P("Destinations are set up in the configuration file."))}
	for _, d := range list {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.Link(destinationPath(d.Name, ""), d.Title), ui.Or(d.Org.Name, ui.NotKnown), destinationState(d), lastAnswer(d, v.now),
			ui.Text(figure(d.Waiting)), toState(d, d.Held, "refused", "refused"), toState(d, d.Lost, "undelivered", "not delivered"), ui.Or(d.Kind, "Not configured")}})
	}
	return show(ui.Page{Title: "Destinations", Width: ui.WorkPage, Back: &ui.NavItem{Href: "/ops", Text: "Operations"}, Main: []ui.Node{
		ui.WorkHead("Destinations", "Systems that are told what happens"), destinationTiles(list), t, stateWords(),
		ui.Small("Nothing here names a person. A message’s content is shown only for a reason, which is recorded with your name."),
	}}), nil
}

// toState is a count that leads to the deliveries it counts.
func toState(d hub.DestinationView, n int64, state, word string) ui.Node {
	if n == 0 {
		return ui.Text("0")
	}
	return ui.LinkAbout(destinationPath(d.Name, "?state="+state), figure(n), word+", "+d.Title)
}

func destinationTiles(list []hub.DestinationView) ui.Node {
	var sum hub.DestinationView
	bad := 0
	for _, d := range list {
		sum.Waiting, sum.Held, sum.Lost = sum.Waiting+d.Waiting, sum.Held+d.Held, sum.Lost+d.Lost
		if d.State != hub.DestinationWorking {
			bad++
		}
	}
	return ui.StatTiles(
		ui.StatTile{Label: "Not working", Value: strconv.Itoa(bad), Bad: bad > 0, Note: "Of " + ui.Plural(len(list), "destination", "destinations")},
		ui.StatTile{Label: "Refused", Value: figure(sum.Held), Bad: sum.Held > 0, Note: "A person must look, and what follows waits"},
		ui.StatTile{Label: "Not delivered", Value: figure(sum.Lost), Bad: sum.Lost > 0, Note: "Sent, and did not arrive"},
		ui.StatTile{Label: "Waiting", Value: figure(sum.Waiting), Note: "Told in the order in which it happened"})
}

// destinationState is a destination's state in a word.
func destinationState(d hub.DestinationView) ui.Node {
	switch d.State {
	case hub.DestinationWorking:
		if d.LastTry.IsZero() {
			return ui.Tag(ui.TagGrey, "Not used yet")
		}
		return ui.Tag(ui.TagGreen, "Working")
	case hub.DestinationTrouble:
		return ui.Nodes{ui.Tag(ui.TagYellow, "Trouble"), ui.Sub(d.Trouble)}
	case hub.DestinationOpen:
		return ui.Nodes{ui.Tag(ui.TagRed, "Left alone"), ui.Sub(d.Trouble)}
	case hub.DestinationPaused:
		return ui.Nodes{ui.Tag(ui.TagBlue, "Paused"), ui.Sub("By " + d.PausedBy)}
	}
	return ui.Tag(ui.TagGrey, "Not configured")
}

func stateWords() ui.Node {
	return ui.Details("What these mean", ui.Bullets(
		ui.Text("Working: the last try got through."),
		ui.Text("Trouble: the last try did not get through, and is made again."),
		ui.Text("Left alone: several tries in a row did not get through, or the other side asked for patience. One try at a time asks whether it is back."),
		ui.Text("Paused: somebody stopped it. Everything waits, in order."),
		ui.Text("Refused: the other side will not take a message. What follows about the same person waits until somebody sends it again or drops it."),
		ui.Text("Not delivered: the other side’s door took a message, and it did not arrive.")))
}

func lastAnswer(d hub.DestinationView, now time.Time) ui.Node {
	if d.LastOK.IsZero() {
		return ui.Missing("Never")
	}
	return ui.Nodes{ui.Text(ui.ClockOn(d.LastOK, now) + ", "), ui.AgoTime(d.LastOK, now)}
}

// deliveryStates are the states of a delivery by which a list is narrowed.
var deliveryStates = []ui.Choice{{Value: "", Label: "All"}, {Value: "waiting", Label: "Waiting"}, {Value: "refused", Label: "Refused"}, {Value: "undelivered", Label: "Not delivered"},
	{Value: "unconfirmed", Label: "Not confirmed"}, {Value: "sent", Label: "Sent"}, {Value: "received", Label: "Received"}, {Value: "not told", Label: "Not told"},
	{Value: "told with another", Label: "Told with another"}, {Value: "dropped", Label: "Dropped"}}

func (s *Server) destination(v *visit) (response, error) {
	p, err := s.destinationPage(v, "", nil)
	return show(p), err
}

// destinationPage is one destination. errs are of the form for doing.
func (s *Server) destinationPage(v *visit, doing string, errs []ui.FieldError) (ui.Page, error) {
	before, _ := strconv.ParseInt(v.query("before"), 10, 64)
	q := hub.DeliveryQuery{State: v.query("state"), Before: before}
	if !slices.ContainsFunc(deliveryStates, func(c ui.Choice) bool { return c.Value == q.State }) {
		q.State = ""
	}
	d, err := s.Hub.Destination(v.ctx(), v.by, v.path("name"), q)
	if err != nil {
		return ui.Page{}, err
	}
	rows := []ui.Row{{Key: "State", Value: destinationState(d.DestinationView)}, {Key: "Of", Value: ui.Or(d.Org.Name, ui.NotKnown)}, {Key: "Told by", Value: ui.Or(d.Kind, "Not configured")},
		{Key: "Told of", Value: ui.Text(kindList(d))}, {Key: "Last answer", Value: lastAnswer(d.DestinationView, v.now)}}
	if !d.Paused.IsZero() {
		rows = append(rows, ui.Row{Key: "Paused", Value: ui.Nodes{ui.TimeAt(d.Paused), ui.Sub("By " + d.PausedBy + ": " + d.PausedWhy)}})
	}
	if d.State == hub.DestinationOpen {
		rows = append(rows, ui.Row{Key: "Next try", Value: ui.TimeAt(d.NotBefore)})
	}
	counts := []ui.Row{{Key: "Waiting", Value: ui.Text(figure(d.Waiting))}, {Key: "Refused", Value: ui.Text(figure(d.Held))}, {Key: "Not delivered", Value: ui.Text(figure(d.Lost))}}
	if !d.Oldest.IsZero() {
		counts = append(counts, ui.Row{Key: "The oldest waits since", Value: ui.TimeAt(d.Oldest)})
	}
	var older, newest *ui.NavItem
	path := func(before int64) string {
		x := url.Values{}
		if q.State != "" {
			x.Set("state", q.State)
		}
		if before > 0 {
			x.Set("before", strconv.FormatInt(before, 10))
		}
		if len(x) == 0 {
			return destinationPath(d.Name, "")
		}
		return destinationPath(d.Name, "?"+x.Encode())
	}
	if d.More {
		older = &ui.NavItem{Href: path(d.Deliveries[len(d.Deliveries)-1].ID), Text: "Older"}
	}
	if q.Before > 0 {
		newest = &ui.NavItem{Href: path(0), Text: "Newest"}
	}
	return ui.Page{Title: d.Title, Width: ui.WorkPage, Back: &ui.NavItem{Href: "/ops/destinations", Text: "Destinations"}, Main: []ui.Node{
		ui.ErrorSummary(errs), ui.WorkHead(d.Title, "What was told, newest first"),
		ui.Halves(ui.SummaryList(rows...), ui.SummaryList(counts...)),
		destinationForms(d, v, doing, errs),
		ui.Filter{Action: destinationPath(d.Name, ""), Fields: []ui.Node{ui.Select{ID: "state", Label: "State", Value: q.State, Items: deliveryStates}}},
		deliveryTable(d), ui.PrevNext(newest, older)}}, nil
}

// newsWords are the kinds of news in words.
var newsWords = map[string]string{"refer": "Referral", "update": "Update", "paper": "Document", "withdraw": "Withdrawal", "discharge": "Discharge", "died": "Death",
	"note": "Note", "status": "How a referral stands"}

func kindList(d hub.DestinationPage) string {
	if len(d.Kinds) == 0 {
		return "Everything"
	}
	var out []string
	for _, k := range d.Kinds {
		out = append(out, cmp.Or(newsWords[string(k)], string(k)))
	}
	return strings.Join(out, ", ")
}

// destinationForms is what may be done with a destination.
func destinationForms(d hub.DestinationPage, v *visit, doing string, errs []ui.FieldError) ui.Node {
	if !d.Configured {
		return ui.Inset(ui.P("This destination is no longer in the configuration file. What waits for it is kept, and goes on when it is there again."))
	}
	why := func(id, label string) ui.Node {
		in := ui.Input{ID: "why-" + id, Name: "why", Label: label, Hint: "Recorded with your name. Do not enter names or numbers of people"}
		if doing == id {
			in.Value, in.Error = v.form("why"), ui.ErrorFor(errs, "why-"+id)
		}
		return in
	}
	stop := ui.Nodes{ui.PostForm(destinationPath(d.Name, "/pause"), why("pause", "Why should it wait?"), ui.Button{Text: "Pause", Kind: ui.Secondary})}
	title := "Pause"
	if goesOn := !d.Paused.IsZero() || d.State == hub.DestinationOpen; doing == "resume" || goesOn && doing != "pause" {
		title = "Go on now"
		stop = ui.Nodes{ui.PostForm(destinationPath(d.Name, "/resume"), why("resume", "Why should it go on?"), ui.Button{Text: "Go on now", Kind: ui.Secondary})}
	}
	if d.State == hub.DestinationTrouble {
		title = "Pause, or go on now"
		stop = append(stop, ui.PostForm(destinationPath(d.Name, "/resume"), why("resume", "Why should it go on now?"), ui.Button{Text: "Go on now", Kind: ui.Secondary}))
	}
	open := func(id, title string, form ui.Node) ui.Node {
		if doing != "" && strings.Contains(id, doing) {
			return ui.OpenDetails(title, form)
		}
		return ui.Details(title, form)
	}
	var refused ui.Node = ui.Nodes{}
	if d.Held > 0 || doing == "retry" {
		refused = open("retry", "Send again all that was refused", ui.Nodes{ui.P("When one cause of all of them is mended, such as a password."),
			ui.PostForm(destinationPath(d.Name, "/retry"), why("retry", "What was mended?"), ui.ButtonGroup(
				ui.Button{Text: "Make all anew and send them", Name: "how", Value: "anew"}, ui.Button{Text: "Send the same again", Kind: ui.Secondary, Name: "how", Value: "same"}))})
	}
	return ui.Nodes{
		ui.PostForm(destinationPath(d.Name, "/try"), ui.Button{Text: "Try the connection now", Kind: ui.Secondary}),
		open("pause resume", title, stop), refused,
		ui.Para(ui.Link(destinationPath(d.Name, "/again"), "Tell it something again"))}
}

func deliveryTable(d hub.DestinationPage) ui.Node {
	t := ui.Table{Caption: "What was told, newest first", Columns: []ui.Column{{Label: "Delivery"}, {Label: "What"}, {Label: "State"}, {Label: "Happened here"}, {Label: "Settled"},
		{Label: "Tries", Numeric: true}, {Label: "Their reference"}}, Empty: ui.Empty("Nothing was told yet")}
	for _, x := range d.Deliveries {
		settled := ui.Missing("Not yet")
		if !x.Ended.IsZero() {
			settled = ui.TimeAt(x.Ended)
		}
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{ui.LinkAbout(deliveryPath(x.ID, ""), strconv.FormatInt(x.ID, 10), "delivery"), deliveryWhat(x), deliveryState(x),
			ui.TimeAt(x.Enqueued), settled, ui.Text(strconv.Itoa(x.Attempts)), ui.Or(x.Reference, "None")}})
	}
	return t
}

func deliveryWhat(x hub.DeliveryView) ui.Node {
	what := ui.Nodes{ui.Text(cmp.Or(newsWords[x.Kind], x.Kind))}
	if x.What != "" {
		what = append(what, ui.Sub(upper(x.What)))
	}
	return what
}

func deliveryState(x hub.DeliveryView) ui.Node {
	colour := ui.TagGrey
	switch {
	case x.Held || x.Lost:
		colour = ui.TagRed
	case x.Waits:
		colour = ui.TagBlue
	case x.State == "Received":
		colour = ui.TagGreen
	case x.State == "Sent":
		colour = ui.TagAqua
	case x.State == "Not confirmed":
		colour = ui.TagYellow
	}
	out := ui.Nodes{ui.Tag(colour, x.State)}
	if x.Reason != "" {
		out = append(out, ui.Sub(x.Reason))
	}
	if x.Tracked {
		out = append(out, ui.Sub("A receipt is still to come"))
	}
	return out
}

func (s *Server) tryDestination(v *visit) (response, error) {
	problem, err := s.Hub.TryDestination(v.ctx(), v.by, v.path("name"))
	if err != nil {
		return nil, err
	}
	to := goTo(destinationPath(v.path("name"), ""))
	if problem != "" {
		return to.saying("The connection does not work: " + problem), nil
	}
	return to.saying("The connection works. Nothing was told."), nil
}

func (s *Server) pauseDestination(v *visit) (response, error) {
	err := s.Hub.PauseTelling(v.ctx(), v.by, v.path("name"), v.form("why"))
	return s.didDestination(v, "pause", "Paused. What happens is kept and waits, in order.", err)
}

func (s *Server) resumeDestination(v *visit) (response, error) {
	err := s.Hub.ResumeTelling(v.ctx(), v.by, v.path("name"), v.form("why"))
	return s.didDestination(v, "resume", "It goes on.", err)
}

// retryRefused sends again all that was refused.
func (s *Server) retryRefused(v *visit) (response, error) {
	n, err := s.Hub.RetryRefused(v.ctx(), v.by, v.path("name"), v.form("how") != "same", v.form("why"))
	return s.didDestination(v, "retry", ui.Plural(n, "delivery waits", "deliveries wait")+" to be sent again.", err)
}

func (s *Server) didDestination(v *visit, doing, said string, err error) (response, error) {
	if errs, ok := fieldErrors(err, map[string]string{"why": "why-" + doing}); ok {
		p, err := s.destinationPage(v, doing, errs)
		return refuse(p), err
	}
	if err != nil {
		return nil, err
	}
	return goTo(destinationPath(v.path("name"), "")).saying(said), nil
}

// rangeForm is what somebody typed to tell a range again.
type rangeForm struct{ from, to typedDate }

func (v *visit) rangeForm() rangeForm { return rangeForm{v.date("from"), v.date("to")} }

// told is the range that was typed: whole days of the hospitals' clock.
func (s *Server) toldRange(v *visit, f rangeForm) (hub.ToldRange, wrongs) {
	r := hub.ToldRange{Destination: v.path("name")}
	var errs wrongs
	for _, x := range []struct {
		id, name string
		d        typedDate
		into     *time.Time
		add      int
	}{{"from", "The first day", f.from, &r.From, 0}, {"to", "The last day", f.to, &r.To, 1}} {
		day, wrong := x.d.parse(x.name)
		if wrong == "" && day.IsZero() {
			wrong = "Enter " + strings.ToLower(x.name[:1]) + x.name[1:]
		}
		if wrong != "" {
			errs = append(errs, ui.FieldError{ID: x.id, Text: wrong})
			continue
		}
		*x.into = time.Date(day.Year, time.Month(day.Month), day.Day+x.add, 0, 0, 0, 0, s.Hub.Zone)
	}
	return r, errs
}

func (s *Server) askAgain(v *visit) (response, error) {
	p, err := s.againPage(v, rangeForm{}, nil)
	return show(p), err
}

func (s *Server) againPage(v *visit, f rangeForm, errs []ui.FieldError) (ui.Page, error) {
	d, err := s.Hub.Destination(v.ctx(), v.by, v.path("name"), hub.DeliveryQuery{})
	if err != nil {
		return ui.Page{}, err
	}
	day := func(id, legend string, t typedDate) ui.Node {
		return ui.DateInput{ID: id, Legend: legend, Hint: "For example, " + exampleDay(v.now), Day: t.Day, Month: t.Month, Year: t.Year, Error: ui.ErrorFor(errs, id)}
	}
	return ui.Page{Title: "Tell again", Width: ui.FormPage, Back: &ui.NavItem{Href: destinationPath(d.Name, ""), Text: d.Title}, Main: []ui.Node{
		ui.ErrorSummary(errs), ui.TwoThirds(ui.H1("Tell "+d.Title+" again"),
			ui.P("For when the other system has lost what it was told. You see what would be told before anything is."),
			ui.PostForm(destinationPath(d.Name, "/again"), day("from", "First day", f.from), day("to", "Last day", f.to), ui.Button{Text: "Show what would be told"}))}}, nil
}

// previewAgain says what telling a range again would do.
func (s *Server) previewAgain(v *visit) (response, error) {
	f := v.rangeForm()
	r, errs := s.toldRange(v, f)
	var again hub.ToldAgain
	var err error
	if len(errs) == 0 {
		again, err = s.Hub.ReplayTold(v.ctx(), v.by, r, true, "")
		if more, ok := fieldErrors(err, nil); ok {
			errs = more
		} else if err != nil {
			return nil, err
		}
	}
	if len(errs) > 0 {
		p, err := s.againPage(v, f, errs)
		return refuse(p), err
	}
	p, err := s.againPreview(v, f, again, nil)
	return show(p), err
}

func (s *Server) againPreview(v *visit, f rangeForm, again hub.ToldAgain, errs []ui.FieldError) (ui.Page, error) {
	d, err := s.Hub.Destination(v.ctx(), v.by, v.path("name"), hub.DeliveryQuery{})
	if err != nil {
		return ui.Page{}, err
	}
	var kinds []ui.Row
	for _, k := range slices.Sorted(maps.Keys(again.Kinds)) {
		kinds = append(kinds, ui.Row{Key: cmp.Or(newsWords[k], k), Value: ui.Text(figure(int64(again.Kinds[k])))})
	}
	main := []ui.Node{ui.ErrorSummary(errs), ui.H1("Tell " + d.Title + " again")}
	if again.News == 0 {
		main = append(main, ui.P("Nothing of those days concerns this system."), ui.Para(ui.Link(destinationPath(d.Name, "/again"), "Choose other days")))
	} else {
		fields := ui.Nodes{}
		for _, t := range []struct {
			id string
			typedDate
		}{{"from", f.from}, {"to", f.to}} {
			id := t.id
			fields = append(fields, ui.Hidden(id+"-day", t.Day), ui.Hidden(id+"-month", t.Month), ui.Hidden(id+"-year", t.Year))
		}
		main = append(main, ui.P(fmt.Sprintf("%s about %s would be told.", ui.Plural(again.News, "piece of news", "pieces of news"), ui.Plural(again.Cases, "person", "people"))),
			ui.SummaryList(kinds...),
			ui.Bullets(ui.Text("Each is made anew, from what the other system may see now."), ui.Text("The other system cannot tell that it had them before."),
				ui.Text("This is recorded with your name.")),
			ui.PostForm(destinationPath(d.Name, "/again/now"), fields,
				ui.Input{ID: "why", Label: "Why must it be told again?", Hint: "Do not enter names or numbers of people", Value: v.form("why"), Error: ui.ErrorFor(errs, "why")},
				ui.ButtonGroup(ui.Button{Text: "Tell it again"}, ui.Link(destinationPath(d.Name, ""), "Cancel"))))
	}
	return ui.Page{Title: "Tell again", Width: ui.FormPage, Back: &ui.NavItem{Href: destinationPath(d.Name, "/again"), Text: "Choose other days"}, Main: []ui.Node{ui.TwoThirds(main...)}}, nil
}

func (s *Server) tellAgain(v *visit) (response, error) {
	f := v.rangeForm()
	r, errs := s.toldRange(v, f)
	if len(errs) > 0 {
		p, err := s.againPage(v, f, errs)
		return refuse(p), err
	}
	again, err := s.Hub.ReplayTold(v.ctx(), v.by, r, false, v.form("why"))
	if wrong, ok := fieldErrors(err, nil); ok {
		if again, err = s.Hub.ReplayTold(v.ctx(), v.by, r, true, ""); err != nil {
			return nil, err
		}
		p, err := s.againPreview(v, f, again, wrong)
		return refuse(p), err
	}
	if err != nil {
		return nil, err
	}
	return goTo(destinationPath(v.path("name"), "")).saying(ui.Plural(again.News, "piece of news waits", "pieces of news wait") + " to be told again."), nil
}

func deliveryNumber(v *visit) (int64, error) {
	n, err := strconv.ParseInt(v.path("id"), 10, 64)
	if err != nil || n < 1 {
		return 0, &care.Error{Kind: care.NotFound, Text: "This delivery was not found"}
	}
	return n, nil
}

func (s *Server) delivery(v *visit) (response, error) {
	p, err := s.deliveryPage(v, "", nil)
	return show(p), err
}

// deliveryPage is one delivery and what may be done with it. errs are of the form
// for doing.
func (s *Server) deliveryPage(v *visit, doing string, errs []ui.FieldError) (ui.Page, error) {
	id, err := deliveryNumber(v)
	if err != nil {
		return ui.Page{}, err
	}
	x, err := s.Hub.Delivery(v.ctx(), v.by, id)
	if err != nil {
		return ui.Page{}, err
	}
	why := func(id, label, hint string) ui.Node {
		in := ui.Input{ID: "why-" + id, Name: "why", Label: label, Hint: hint + "Recorded with your name. Do not enter names or numbers of people"}
		if doing == id {
			in.Value, in.Error = v.form("why"), ui.ErrorFor(errs, "why-"+id)
		}
		return in
	}
	var forms ui.Nodes
	if x.Held || x.Lost || !x.Waits && (x.State == "Not confirmed" || x.State == "Dropped" || x.State == "Not told") {
		forms = append(forms, ui.H2("Send it again"),
			ui.P("When the cause is mended: the message as it was, or one that is made anew from the record, the form and the mapping as they are now."),
			ui.PostForm(deliveryPath(id, "/retry"), why("retry", "What was mended?", ""),
				ui.ButtonGroup(ui.Button{Text: "Make it anew and send it", Name: "how", Value: "anew"}, ui.Button{Text: "Send the same again", Kind: ui.Secondary, Name: "how", Value: "same"})))
	}
	if x.Held || x.Waits {
		forms = append(forms, ui.H2("Drop it"), ui.P("The other system is not told. What follows about the same person goes on."),
			ui.PostForm(deliveryPath(id, "/drop"), why("drop", "Why need it not be told?", ""), ui.Button{Text: "Drop it", Kind: ui.Warning}))
	}
	return s.onDelivery(x, errs, ui.TwoThirds(ui.PostForm(deliveryPath(id, ""), why("see", "Why do you need to see this message?", "It names a person. "),
		ui.Button{Text: "Show the message", Kind: ui.Secondary})), forms), nil
}

// onDelivery is the page of a delivery; content is the message, or how to see it.
func (s *Server) onDelivery(x hub.DeliveryView, errs []ui.FieldError, content ui.Node, rest ui.Nodes) ui.Page {
	rows := []ui.Row{{Key: "What", Value: deliveryWhat(x)}, {Key: "State", Value: deliveryState(x)}, {Key: "Happened here", Value: ui.TimeAt(x.Enqueued)},
		{Key: "Tries", Value: ui.Text(strconv.Itoa(x.Attempts))}, {Key: "Their reference", Value: ui.Or(x.Reference, "None")}}
	if x.Status != 0 {
		rows = append(rows, ui.Row{Key: "They answered", Value: ui.Text(strconv.FormatInt(x.Status, 10))})
	}
	if !x.Ended.IsZero() {
		rows = append(rows, ui.Row{Key: "Settled", Value: ui.TimeAt(x.Ended)})
	}
	main := []ui.Node{ui.ErrorSummary(errs), ui.H1("Delivery " + strconv.FormatInt(x.ID, 10)), ui.SummaryList(rows...)}
	if x.Kept {
		main = append(main, ui.H2("Message"), content)
	} else {
		main = append(main, ui.P("There is no message: it was not made yet, or it was taken away when its time was over."))
	}
	return ui.Page{Title: "Delivery", Width: ui.PersonPage, Back: &ui.NavItem{Href: destinationPath(x.Destination, ""), Text: "Destination"}, Main: append(main, rest)}
}

// sentMessage shows what was sent, for a reason that is recorded.
func (s *Server) sentMessage(v *visit) (response, error) {
	id, err := deliveryNumber(v)
	if err != nil {
		return nil, err
	}
	m, err := s.Hub.SentMessage(v.ctx(), v.by, id, v.form("why"))
	if err != nil {
		return s.didDelivery(v, "see", "", err)
	}
	var head []ui.Row
	for _, h := range m.Head {
		head = append(head, ui.Row{Key: h.Name, Value: ui.Text(h.Value)})
	}
	content := ui.Nodes{ui.P("It names a person. That you looked, and why, is recorded."), ui.Small(m.Type)}
	if len(head) > 0 {
		content = append(content, ui.SummaryList(head...))
	}
	content = append(content, ui.CodeBlock(m.Text), ui.Para(ui.Link(deliveryPath(id, ""), "Hide the message")))
	return show(s.onDelivery(m.Delivery, nil, content, nil)), nil
}

func (s *Server) retryDelivery(v *visit) (response, error) {
	id, err := deliveryNumber(v)
	if err != nil {
		return nil, err
	}
	err = s.Hub.RetryTold(v.ctx(), v.by, id, v.form("how") != "same", v.form("why"))
	return s.didDelivery(v, "retry", "It waits to be sent again.", err)
}

func (s *Server) dropDelivery(v *visit) (response, error) {
	id, err := deliveryNumber(v)
	if err != nil {
		return nil, err
	}
	return s.didDelivery(v, "drop", "Dropped. What follows goes on.", s.Hub.DropTold(v.ctx(), v.by, id, v.form("why")))
}

func (s *Server) didDelivery(v *visit, doing, said string, err error) (response, error) {
	if errs, ok := fieldErrors(err, map[string]string{"why": "why-" + doing}); ok {
		p, err := s.deliveryPage(v, doing, errs)
		return refuse(p), err
	}
	if err != nil {
		return nil, err
	}
	return goTo("/ops/deliveries/" + v.path("id")).saying(said), nil
}
