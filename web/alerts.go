package web

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// alertRoutes is what information governance leads must look into, as it
// happens. ui.md 7.13.
func (s *Server) alertRoutes() []route {
	return []route{
		{pattern: "GET /alerts", nav: "alerts", asks: deciding(policy.SeeAlerts), do: s.alerts},
		{pattern: "GET /alerts/events", nav: "alerts", asks: deciding(policy.SeeAlerts), do: s.alertEvents},
		{pattern: "GET /alerts/{id}", nav: "alerts", asks: deciding(policy.SeeAlerts), do: s.showAlert},
		{pattern: "POST /alerts/{id}", nav: "alerts", asks: deciding(policy.CloseAlert), do: s.closeAlert},
	}
}

// alertStream is where alerts come from as they are raised.
const alertStream = "/alerts/events"

// bell is the item of the menu that counts the alerts.
func (s *Server) bell(v *visit) ui.NavItem {
	st, _, err := s.Hub.AlertState(v.ctx(), v.by)
	if err != nil {
		s.Log.Error("the count of alerts is missing", "request", v.requestID(), "error", err)
	}
	return bellItem(st, v.route.nav == "alerts")
}

func bellItem(st hub.AlertState, current bool) ui.NavItem {
	n := ui.NavItem{Href: "/alerts", Text: "Alerts", Current: current, ID: "app-bell", Stream: alertStream, Last: st.Seq}
	if st.Open > 0 {
		n.Text += " (" + strconv.Itoa(st.Open) + ")"
	}
	return n
}

// alertEvents follows the alerts for one reader: the count of the menu, and with
// list=1 the list of those that are open.
func (s *Server) alertEvents(v *visit) (response, error) {
	if _, ok, err := s.Hub.AlertState(v.ctx(), v.by); err != nil || !ok {
		return nil, cmp.Or(err, error(&care.Error{Kind: care.Forbidden}))
	}
	return stream(func(ctx context.Context, w http.ResponseWriter) error {
		return s.followAlerts(ctx, v, newEventStream(w))
	}), nil
}

func (s *Server) followAlerts(ctx context.Context, v *visit, out *eventStream) error {
	if v.r.Method == http.MethodHead {
		return nil
	}
	last := lastSeen(v)
	for beaten := (time.Time{}); ; {
		if time.Since(beaten) >= sessionEvery {
			beaten = time.Now()
			if in, err := s.stillIn(ctx, v); !in || err != nil {
				return err
			}
			if err := out.send(last, "beat", ""); err != nil {
				return nil // gone already
			}
		}
		st, err := s.Hub.AlertsMoved(ctx, v.by, last)
		if err != nil {
			return err
		}
		if st.Seq <= last {
			continue
		}
		last = st.Seq
		if err := s.tellAlerts(ctx, v, out, st); err != nil {
			return err
		}
	}
}

// tellAlerts sends what a page shows of the alerts.
func (s *Server) tellAlerts(ctx context.Context, v *visit, out *eventStream, st hub.AlertState) error {
	parts := []ui.Node{ui.MenuItem(bellItem(st, v.query("list") != ""))}
	if v.query("list") != "" {
		l, err := s.Hub.Alerts(ctx, v.by, hub.AlertQuery{})
		if err != nil {
			return err
		}
		parts = append(parts, ui.Counts(alertCounts(l)), alertsPart(l, s.Clock()))
	}
	for _, p := range parts {
		if err := out.node(st.Seq, "part", p); err != nil {
			return err
		}
	}
	return nil
}

func alertCounts(l hub.AlertList) string {
	words := ui.Plural(l.Open, "alert waits", "alerts wait")
	if l.Overdue > 0 {
		words += ", " + strconv.Itoa(l.Overdue) + " overdue"
	}
	return words
}

func (s *Server) alerts(v *visit) (response, error) {
	n, _ := strconv.Atoi(v.query("page"))
	closed := v.query("show") == "closed"
	l, err := s.Hub.Alerts(v.ctx(), v.by, hub.AlertQuery{Closed: closed, Page: n})
	if err != nil {
		return nil, err
	}
	tabs := ui.Tabs("Which alerts", ui.NavItem{Href: "/alerts", Text: "Open", Current: !closed}, ui.NavItem{Href: "/alerts?show=closed", Text: "Closed", Current: closed})
	main := []ui.Node{ui.WorkHead("Alerts", alertCounts(l), tabs),
		ui.P("Each alert waits until somebody has looked into it and has written down what they found: within 2 working days. Bank holidays count as working days here.")}
	if !closed && l.Query.Page == 1 {
		main = append(main, ui.Strip(ui.LiveStrip{Events: alertStream + "?list=1", Last: uint64(max(l.Seq, 0)), Stale: caseStale, At: l.At}))
	}
	main = append(main, alertsPart(l, v.now), ui.Pagination{Page: l.Query.Page, Pages: l.Pages, Href: func(p int) string {
		if closed {
			return "/alerts?show=closed&page=" + strconv.Itoa(p)
		}
		return "/alerts?page=" + strconv.Itoa(p)
	}})
	return show(ui.Page{Title: "Alerts", Width: ui.WorkPage, Main: main}), nil
}

// alertsPart is the list, oldest first while open.
func alertsPart(l hub.AlertList, now time.Time) ui.Node {
	t := ui.Table{Caption: "Alerts", Columns: []ui.Column{{Label: "When"}, {Label: "What"}, {Label: "Who"}, {Label: "Record"}, {Label: "State"}},
		Empty: ui.Empty("Nothing waits", ui.P("When somebody breaks the glass, or too many look-ups do not match, it is shown here at once."))}
	if l.Query.Closed {
		t.Empty = ui.Empty("Nothing was closed yet")
	}
	for _, a := range l.Rows {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{
			ui.Nodes{ui.LinkAbout("/alerts/"+a.ID, ui.DateTime(a.At), "look into it"), ui.Sub(ui.Ago(a.At, now))},
			ui.Nodes{ui.Text(alertWords(a.Kind)), ui.If(a.Words != "", func() ui.Node { return ui.Sub("“" + a.Words + "”") })},
			alertWho(a), alertRecord(a), alertState(a)}})
	}
	return ui.Part("app-alerts", t)
}

// alertWords is what an alert is about.
func alertWords(k hub.AlertKind) string {
	switch k {
	case hub.AlertGlass:
		return "The glass was broken"
	case hub.AlertMisses:
		return "Too many look-ups did not match"
	case hub.AlertCrowd:
		return "Very many people looked up the same person"
	case hub.AlertAudit:
		return "The audit log does not prove itself"
	}
	return string(k)
}

func alertWho(a hub.AlertView) ui.Node {
	if a.Actor == "" {
		return ui.Missing("Nobody")
	}
	return ui.Nodes{ui.LinkAbout(auditPath(hub.AuditQuery{Actor: a.Actor}), cmp.Or(a.Name, string(a.Actor)), "everything they did"),
		ui.Sub(joined(", ", a.Role.Say(), a.OrgName))}
}

func alertRecord(a hub.AlertView) ui.Node {
	switch {
	case a.Case != "":
		return ui.LinkAbout(auditPath(hub.AuditQuery{Case: a.Case}), handle(a.Case), "everything done with this record")
	case a.Kind == hub.AlertGlass:
		return ui.Missing("Nobody who is known here")
	}
	return ui.Missing("Not applicable")
}

// alertState is whether an alert waits, in words.
func alertState(a hub.AlertView) ui.Node {
	switch {
	case a.Closed != nil:
		return ui.Nodes{ui.Tag(ui.TagGrey, "Closed"), ui.Sub(findingWords(a.Closed.Finding))}
	case a.Overdue:
		return ui.Nodes{ui.Tag(ui.TagRed, "Overdue"), ui.Sub("It was due " + ui.DateTime(a.Due))}
	}
	return ui.Nodes{ui.Tag(ui.TagYellow, "Open"), ui.Sub("Due " + ui.DateTime(a.Due))}
}

// findings are what can be found, in the order of the form.
var findings = []ui.Choice{
	{Value: string(hub.FoundRight), Label: "It was appropriate"},
	{Value: string(hub.FoundWrong), Label: "It was not appropriate", Hint: "A glass that is still open is shut at once"},
	{Value: string(hub.FoundAction), Label: "It needs action", Hint: "Say what was done, and who does the rest"},
}

func findingWords(f hub.Finding) string {
	for _, c := range findings {
		if c.Value == string(f) {
			return c.Label
		}
	}
	return string(f)
}

func (s *Server) showAlert(v *visit) (response, error) {
	a, err := s.Hub.Alert(v.ctx(), v.by, v.path("id"))
	if err != nil {
		return nil, err
	}
	return show(s.alertPage(v, a, nil)), nil
}

func (s *Server) alertPage(v *visit, a hub.AlertView, errs []ui.FieldError) ui.Page {
	rows := []ui.Row{{Key: "When", Value: ui.TimeAt(a.At)}, {Key: "Who", Value: alertWho(a)}, {Key: "Record", Value: alertRecord(a)}}
	switch {
	case a.Kind == hub.AlertGlass:
		until := "It was open until " + ui.DateTime(a.Until)
		if a.Until.After(v.now) {
			until = "It is open until " + ui.ClockOn(a.Until, v.now)
		}
		rows = append(rows, ui.Row{Key: "Their reason", Value: ui.Lines(a.Words)}, ui.Row{Key: "How long", Value: ui.Text(until + ", unless somebody shut it")})
	case a.Words != "":
		rows = append(rows, ui.Row{Key: "What was found", Value: ui.Lines(a.Words)})
	}
	rows = append(rows, ui.Row{Key: "State", Value: alertState(a)})
	main := []ui.Node{ui.ErrorSummary(errs), ui.H1(alertWords(a.Kind)), ui.SummaryList(rows...), alertHelp(a)}
	switch c := a.Closed; {
	case c != nil:
		main = append(main, ui.Card(2, "Closed "+ui.DateTime(c.At), ui.Para(ui.Strong(findingWords(c.Finding))), ui.Para(ui.Lines(c.Words)), ui.Small(joined(", ", c.Name, a.ClosedOrg))))
	case a.Own:
		main = append(main, ui.Inset(ui.P("You caused this alert. Another information governance lead must look into it.")))
	default:
		main = append(main, ui.Section("close", "What did you find?", ui.PostForm("/alerts/"+a.ID,
			ui.Radios{ID: "finding", Legend: "Finding", Value: v.form("finding"), Items: findings, Error: ui.ErrorFor(errs, "finding")},
			ui.Textarea{ID: "words", Label: "What you found out, and what was done", Hint: "Do not name the person. It cannot be changed once it is saved", Value: v.form("words"), Max: 2000, Error: ui.ErrorFor(errs, "words")},
			ui.Submit("Close the alert"))))
	}
	return ui.Page{Title: "Alert", Width: ui.PersonPage, Back: &ui.NavItem{Href: "/alerts", Text: "Alerts"}, Main: []ui.Node{ui.TwoThirds(main...)}}
}

// alertHelp is how to look into an alert.
func alertHelp(a hub.AlertView) ui.Node {
	switch a.Kind {
	case hub.AlertGlass:
		return ui.P("Ask them what the emergency was. The audit of the record shows what they read; ask whoever held the record, or was with the person, whether it was so.")
	case hub.AlertMisses:
		return ui.P("Their audit shows the look-ups that did not match. Ask them what they were looking for: it may be a list with mistakes, or somebody who guesses.")
	case hub.AlertCrowd:
		return ui.P("The audit of the record shows who they were and why. There may be a reason, such as an emergency with many teams; or the person may be somebody known to them, or in the news.")
	case hub.AlertAudit:
		return ui.P("Ring whoever runs Homeward now. Ask that nothing is restarted or restored, and that the database and its backups are kept as they are.")
	}
	return nil
}

func (s *Server) closeAlert(v *visit) (response, error) {
	err := s.Hub.CloseAlert(v.ctx(), v.by, v.path("id"), hub.Finding(v.form("finding")), v.form("words"))
	if errs, ok := fieldErrors(err, nil); ok {
		a, err := s.Hub.Alert(v.ctx(), v.by, v.path("id"))
		if err != nil {
			return nil, err
		}
		return refuse(s.alertPage(v, a, errs)), nil
	}
	if err != nil {
		return nil, err
	}
	return goTo("/alerts").saying("The alert was closed."), nil
}
