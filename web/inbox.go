package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/hub"
	"homeward/policy"
	"homeward/web/ui"
)

// inboxRoutes is what a user is notified of, and how they want to be.
func (s *Server) inboxRoutes() []route {
	lists := deciding(policy.ListTracker, policy.ListWard)
	return []route{
		{pattern: "GET /notifications", nav: "inbox", asks: lists, do: s.inbox},
		{pattern: "POST /notifications", nav: "inbox", own: true, do: s.readInbox},
		{pattern: "GET " + inboxStream, nav: "inbox", own: true, do: s.inboxEvents},
		{pattern: "GET /notifications/settings", nav: "inbox", own: true, do: s.inboxSettings},
		{pattern: "POST /notifications/settings", nav: "inbox", own: true, do: s.setInbox},
		{pattern: "GET /notifications/confirm/{token}", nav: "inbox", own: true, do: s.askAddress},
		{pattern: "POST /notifications/confirm/{token}", nav: "inbox", own: true, do: s.confirmAddress},
		{pattern: "GET /notifications/open/{notification}", nav: "inbox", own: true, do: s.openNotification},
	}
}

// inboxStream is where the count of notifications comes from as it changes.
const inboxStream = "/notifications/events"

// inboxBell is the item of the menu that counts what is unread.
func (s *Server) inboxBell(v *visit) ui.NavItem {
	n, err := s.Hub.UnreadNotifications(v.ctx(), v.by)
	if err != nil {
		s.Log.Error("the count of notifications is missing", "request", v.requestID(), "error", err)
	}
	return inboxItem(n, v.route.nav == "inbox")
}

func inboxItem(unread int, current bool) ui.NavItem {
	n := ui.NavItem{Href: "/notifications", Text: "Notifications", Current: current, ID: "app-bell", Stream: inboxStream, Last: int64(unread)}
	if unread > 0 {
		n.Text += " (" + strconv.Itoa(unread) + ")"
	}
	return n
}

// inboxEvents follows the count for one reader. What the page holds is its last
// event: a count, which may fall as well as rise.
func (s *Server) inboxEvents(v *visit) (response, error) {
	if !hub.HasNotifications(v.by.Role) {
		return nil, &care.Error{Kind: care.Forbidden}
	}
	return stream(func(ctx context.Context, w http.ResponseWriter) error {
		out := newEventStream(w)
		if v.r.Method == http.MethodHead {
			return nil
		}
		told := int(lastSeen(v))
		for beaten := (time.Time{}); ; {
			if time.Since(beaten) >= sessionEvery {
				beaten = time.Now()
				if in, err := s.stillIn(ctx, v); !in || err != nil {
					return err
				}
				if err := out.send(int64(told), "beat", ""); err != nil {
					return nil // gone already
				}
			}
			n, err := s.Hub.NotificationsMoved(ctx, v.by, told)
			if err != nil {
				return err
			}
			if n == told {
				continue
			}
			told = n
			if err := out.node(int64(n), "part", ui.MenuItem(inboxItem(n, false))); err != nil {
				return err
			}
		}
	}), nil
}

func (s *Server) inbox(v *visit) (response, error) {
	l, err := s.Hub.Notifications(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	t := ui.Table{Caption: "Notifications", Columns: []ui.Column{{Label: "What"}, {Label: "Person"}, {Label: "When"}}, Empty: ui.Empty("Nothing yet", ui.P("What happens on the cases that you and your team work on is told here."))}
	for _, n := range l.Rows {
		t.Rows = append(t.Rows, ui.TableRow{Cells: []ui.Node{inboxWhat(n), inboxPerson(n), ui.Nodes{ui.TimeAt(n.Last), ui.Sub(ui.Ago(n.Last, v.now))}}})
	}
	var all ui.Node
	if l.Unread > 0 {
		all = ui.PostForm("/notifications", ui.Hidden("until", strconv.FormatInt(l.At.Unix(), 10)), ui.Button{Text: "Mark all as read", Kind: ui.Secondary})
	}
	more := ui.If(l.More, func() ui.Node { return ui.P("Only the newest 100 are shown. Notifications are kept for 90 days.") })
	return show(ui.Page{Title: "Notifications", Width: ui.WorkPage, Main: []ui.Node{
		ui.WorkHead("Notifications", strconv.Itoa(l.Unread)+" unread", ui.Link("/notifications/settings", "Change what you are told and how")), all, t, more}}), nil
}

func inboxWhat(n hub.NotificationView) ui.Node {
	var out ui.Nodes
	if n.Unread {
		out = append(out, ui.Tag(ui.TagBlue, "Unread"), ui.Text(" "))
	}
	if n.Severe {
		out = append(out, ui.Tag(ui.TagRed, "Urgent"), ui.Text(" "))
	}
	if n.Case == "" && n.Concern == "" {
		return append(out, ui.Text(n.Words))
	}
	out = append(out, ui.Link("/notifications/open/"+n.ID, n.Words))
	if n.N > 1 {
		out = append(out, ui.Sub(ui.Plural(n.N, "change", "changes")+" since "+ui.DateTime(n.At)))
	}
	return out
}

func inboxPerson(n hub.NotificationView) ui.Node {
	if n.Person.Family == "" && n.Person.Given == "" {
		return ui.Missing("Not shown")
	}
	return ui.Text(ui.Name(n.Person.Family, n.Person.Given, n.Person.Title))
}

// openNotification leads to what a notification is about, and marks it as read.
func (s *Server) openNotification(v *visit) (response, error) {
	n, err := s.Hub.OpenNotification(v.ctx(), v.by, v.path("notification"))
	if err != nil {
		return nil, err
	}
	if n.Concern != "" {
		return goTo(concernPath(hub.ConcernView{Case: n.Case, Concern: care.Concern{ID: n.Concern}})), nil
	}
	if n.Case == "" {
		return goTo("/notifications"), nil
	}
	return goTo(casePath(n.Case, "?tab="+n.Tab)), nil
}

func (s *Server) readInbox(v *visit) (response, error) {
	sec, err := strconv.ParseInt(v.form("until"), 10, 64)
	until := time.Unix(sec, 0)
	if err != nil || until.After(v.now) {
		until = v.now
	}
	if err := s.Hub.ReadNotifications(v.ctx(), v.by, until); err != nil {
		return nil, err
	}
	return goTo("/notifications").saying("All are marked as read."), nil
}

func (s *Server) inboxSettings(v *visit) (response, error) {
	p, err := s.Hub.Preferences(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	return show(inboxSettingsPage(p, nil)), nil
}

// hours are the hours of a day to choose from.
func hours() []ui.Choice {
	var out []ui.Choice
	for i := range 24 {
		out = append(out, ui.Choice{Value: strconv.Itoa(i), Label: strconv.Itoa(i) + ":00"})
	}
	return out
}

func inboxSettingsPage(p hub.Preferences, errs []ui.FieldError) ui.Page {
	var kinds []ui.Choice
	var digest []string
	for _, k := range hub.NoticeKinds() {
		if k.Kind != hub.NoticeSevere {
			kinds = append(kinds, ui.Choice{Value: string(k.Kind), Label: k.Say})
		}
	}
	for _, k := range p.Digest {
		digest = append(digest, string(k))
	}
	var state ui.Node
	switch {
	case !p.CanMail:
		state = ui.Inset(ui.P("E-mail is not set up here. You are told on the page Notifications; what you choose below holds once e-mail is set up."))
	case p.Problem != "":
		state = ui.WarningCard(2, "The last e-mail was not delivered", ui.P(p.Problem))
	case p.Address != "" && !p.Confirmed:
		state = ui.Inset(ui.P("Your address is not confirmed yet. Open the link that was sent to it: it works for 24 hours. Save this page again after 5 minutes to be sent another."))
	}
	return ui.Page{Title: "How you are notified", Width: ui.FormPage, Back: &ui.NavItem{Href: "/notifications", Text: "Notifications"}, Main: []ui.Node{ui.TwoThirds(
		ui.ErrorSummary(errs), ui.H1("How you are notified"),
		ui.P("The page Notifications tells you of everything. E-mail is besides: it names nobody, and says only how many notifications wait and of which kinds."), state,
		ui.PostForm("/notifications/settings",
			ui.Input{ID: "address", Label: "E-mail address (optional)", Hint: "We send a link to it first. Leave it empty for no e-mail.", Type: "email", Value: p.Address, Error: ui.ErrorFor(errs, "address")},
			ui.Checkboxes{ID: "digest", Legend: "What can wait for one e-mail a day?", Hint: "All else is sent at once. What is urgent is always sent at once.", Small: true, Values: digest, Items: kinds, Error: ui.ErrorFor(errs, "digest")},
			ui.Select{ID: "hour", Label: "When is that e-mail sent?", Value: strconv.Itoa(p.Hour), Items: hours(), Error: ui.ErrorFor(errs, "hour")},
			ui.Select{ID: "from", Label: "Quiet hours begin", Hint: "In quiet hours only what is urgent is sent.", Value: strconv.Itoa(p.From), Items: hours(), Error: ui.ErrorFor(errs, "from")},
			ui.Select{ID: "to", Label: "Quiet hours end", Hint: "The same hour twice means no quiet hours.", Value: strconv.Itoa(p.To), Items: hours(), Error: ui.ErrorFor(errs, "to")},
			ui.Submit("Save")))}}
}

func (s *Server) setInbox(v *visit) (response, error) {
	p, err := s.Hub.Preferences(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	hour := func(id string) int {
		n, err := strconv.Atoi(v.form(id))
		if err != nil {
			return -1
		}
		return n
	}
	was := p.Address
	p.Address, p.Hour, p.From, p.To, p.Digest = v.form("address"), hour("hour"), hour("from"), hour("to"), nil
	for _, k := range v.r.PostForm["digest"] {
		if kind := hub.NoticeKind(k); !slices.Contains(p.Digest, kind) {
			p.Digest = append(p.Digest, kind)
		}
	}
	err = s.Hub.SetPreferences(v.ctx(), v.by, p)
	if errs, ok := fieldErrors(err, nil); ok {
		return refuse(inboxSettingsPage(p, errs)), nil
	}
	if err != nil {
		return nil, err
	}
	said := "Your choices were saved."
	if p.Address != "" && p.Address != was {
		said = "Your choices were saved. Open the link that is being sent to your address to confirm it."
	}
	return goTo("/notifications/settings").saying(said), nil
}

// askAddress asks before it confirms: mail filters open links by themselves.
func (s *Server) askAddress(v *visit) (response, error) {
	return show(ui.Page{Title: "Confirm your address", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(ui.H1("Confirm your address"),
		ui.P("Notifications that name nobody will be sent to the address that this link was sent to."),
		ui.PostForm(v.r.URL.Path, ui.Submit("Confirm")))}}), nil
}

func (s *Server) confirmAddress(v *visit) (response, error) {
	if err := s.Hub.ConfirmAddress(v.ctx(), v.by, v.path("token")); err != nil {
		return nil, err
	}
	return goTo("/notifications/settings").saying("Your address is confirmed."), nil
}
