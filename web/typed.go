package web

import (
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"homeward/care"
	"homeward/hub"
	"homeward/web/ui"
)

// Nothing typed is lost when a session ends. A form that is sent in a session that
// has timed out is kept on the server for the account that had it, sealed and for
// half an hour; app.js sends what stands in open forms the same way just before it
// logs somebody out. When that account has signed in again, in the same role, it
// comes to the page of the form, with what it typed in the form. Nothing is sent by
// itself, nothing of it is in the browser or in an address but an opaque name, and
// another account gets nothing. ui.md 6.

func (s *Server) typedRoutes() []route {
	return []route{
		{pattern: "POST /session/keep", public: true, body: 1 << 20, do: s.keepOpen},
		{pattern: "GET /typed", own: true, do: s.typedList},
		{pattern: "POST /typed/{typed}/drop", own: true, do: s.dropTyped},
	}
}

// secretFields are never kept.
var secretFields = append([]string{"password", "again", "current"}, confirmFields...)

// keepSent keeps what was posted in a session that is over. Whatever goes wrong
// with it, the reader is asked to sign in all the same.
func (s *Server) keepSent(v *visit) {
	if v.r.Method != http.MethodPost || v.token == "" || v.route.own {
		return
	}
	if mode := v.r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return // a script's; the page is still there
	}
	account, grant, err := s.SignIn.Was(v.ctx(), v.token)
	if err != nil {
		if care.KindOf(err) != care.NotFound {
			s.Log.Error("what was sent in a session that is over was not kept", "request", v.requestID(), "error", err)
		}
		return
	}
	if v.parse() != nil {
		return
	}
	s.keepTyped(v, account, grant, hub.Typed{To: v.r.URL.RequestURI(), From: s.formPage(v), Case: caseIn(v.r.URL.Path), Form: v.r.PostForm})
}

// formPage is the page that the form of a request stood on.
func (s *Server) formPage(v *visit) string {
	if u, err := url.Parse(v.r.Referer()); err == nil && u.Host == v.r.Host && s.leads(v, http.MethodGet, u.Path) {
		return untyped(u)
	}
	if s.leads(v, http.MethodGet, v.r.URL.Path) {
		return v.r.URL.Path
	}
	return s.nearest(v)
}

// untyped is an address below ours without the name of something kept.
func untyped(u *url.URL) string {
	q := u.Query()
	q.Del("typed")
	return (&url.URL{Path: u.Path, RawQuery: q.Encode()}).String()
}

// caseIn is the case that a path is about.
func caseIn(path string) care.CaseID {
	rest, ok := strings.CutPrefix(path, "/cases/")
	id, _, _ := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return care.CaseID(id)
}

func (s *Server) keepTyped(v *visit, account care.ActorID, grant care.Grant, t hub.Typed) {
	t.Form = maps.Clone(t.Form)
	for _, f := range secretFields {
		delete(t.Form, f)
	}
	if len(t.Form) == 0 || t.From == "" || len(url.Values(t.Form).Encode()) > maxBody {
		return
	}
	if err := s.Hub.KeepTyped(v.ctx(), account, grant, t); err != nil {
		s.Log.Error("what was typed was not kept", "request", v.requestID(), "error", err)
		return
	}
	v.kept = true
}

// keepOpen keeps what stands in a form of an open page, before app.js logs its
// reader out.
func (s *Server) keepOpen(v *visit) (response, error) {
	to, err1 := url.Parse(v.form("to"))
	from, err2 := url.Parse(v.form("from"))
	form, err3 := url.ParseQuery(v.form("form"))
	if err1 != nil || err2 != nil || err3 != nil || to.Host != "" || from.Host != "" || !s.leads(v, http.MethodPost, to.Path) {
		return nil, &care.Error{Kind: care.Invalid, Text: "This form cannot be kept"}
	}
	if !s.leads(v, http.MethodGet, from.Path) { // the form stood on the answer to one that was refused
		from = &url.URL{Path: s.nearestTo(v, to.Path)}
	}
	account, grant := v.by.ID, v.session.Grant
	if !v.signedIn() {
		var err error
		if account, grant, err = s.SignIn.Was(v.ctx(), v.token); err != nil {
			return nil, &care.Error{Kind: care.Invalid, Text: "This form cannot be kept"}
		}
	}
	s.keepTyped(v, account, grant, hub.Typed{To: to.RequestURI(), From: untyped(from), Case: caseIn(to.Path), Form: form})
	return done(""), nil
}

// typedCookie says that something is kept, and nothing else: only then is it
// looked up whether what is sent was kept before.
func (s *Server) typedCookie() string { return s.cookieName() + "-typed" }

// landed is where somebody comes to who has just signed in: to what they typed
// before, or else onward.
func (s *Server) landed(v *visit, account care.ActorID, grant care.Grant, next string) redirect {
	to := s.onward(grant.Role, next)
	kept, err := s.Hub.TypedBy(v.ctx(), care.Actor{ID: account, Role: grant.Role, Org: grant.Org})
	if err != nil {
		s.Log.Error("what was typed before is not known", "request", v.requestID(), "error", err)
	}
	switch len(kept) {
	case 0:
		return goTo(to)
	case 1:
		to = typedPage(kept[0])
	default:
		to = "/typed"
	}
	s.setCookie(v, s.typedCookie(), "1")
	return goTo(to)
}

// typedPage is the page of a form, to be shown with what was typed in it.
func typedPage(t hub.Typed) string {
	u, err := url.Parse(t.From)
	if err != nil {
		return "/typed"
	}
	q := u.Query()
	q.Set("typed", t.ID)
	u.RawQuery = q.Encode()
	return u.String()
}

// sent forgets what was kept of a form that has now been sent for good.
func (s *Server) sent(v *visit, res response) {
	if _, ok := res.(redirect); !ok || v.r.Method != http.MethodPost || !v.signedIn() {
		return
	}
	if _, err := v.r.Cookie(s.typedCookie()); err != nil {
		return
	}
	if err := s.Hub.DropTyped(v.ctx(), v.by, "", v.r.URL.RequestURI()); err != nil {
		s.Log.Error("what was kept stays for a while", "request", v.requestID(), "error", err)
	}
}

// typedList is all that somebody typed and has not sent.
func (s *Server) typedList(v *visit) (response, error) {
	kept, err := s.Hub.TypedBy(v.ctx(), v.by)
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 {
		s.setCookie(v, s.typedCookie(), "")
		return goTo(s.home(v.by.Role)), nil
	}
	main := ui.Nodes{ui.H1("What you typed is kept"), ui.P("You were logged out while these forms were open. Nothing of them was sent. Each is kept for half an hour.")}
	for _, t := range kept {
		var words ui.Nodes
		for _, w := range t.Words() {
			words = append(words, ui.Para(ui.Lines(w)))
		}
		main = append(main, ui.Section("typed-"+t.ID, "Typed by "+ui.Clock(t.At), words,
			ui.ButtonGroup(ui.Button{Text: "Open the form", About: "that was kept at " + ui.Clock(t.At), Kind: ui.Secondary, Href: typedPage(t)}),
			throwAway(t)))
	}
	return show(ui.Page{Title: "What you typed is kept", Width: ui.FormPage, Main: []ui.Node{ui.TwoThirds(main)}}), nil
}

func throwAway(t hub.Typed) ui.Node {
	return ui.PostForm("/typed/"+t.ID+"/drop", ui.Button{Text: "Throw it away", About: "what was kept at " + ui.Clock(t.At), Kind: ui.LinkStyle})
}

func (s *Server) dropTyped(v *visit) (response, error) {
	t, err := s.Hub.TypedAt(v.ctx(), v.by, v.path("typed"))
	if err != nil {
		return nil, err
	}
	if err := s.Hub.DropTyped(v.ctx(), v.by, t.ID, ""); err != nil {
		return nil, err
	}
	return goTo(t.From).saying("What you typed before was thrown away."), nil
}

// typedHere is what is to be shown again in a form of the page that was asked for;
// false: nothing.
func (s *Server) typedHere(v *visit) (hub.Typed, bool) {
	if v.r.Method != http.MethodGet || !v.signedIn() || v.query("typed") == "" {
		return hub.Typed{}, false
	}
	t, err := s.Hub.TypedAt(v.ctx(), v.by, v.query("typed"))
	return t, err == nil && t.From == untyped(v.r.URL)
}

// writeTyped sends a page with what was typed in its form.
func (s *Server) writeTyped(v *visit, p ui.Page, t hub.Typed) error {
	page, found, err := refilled(p, t, ui.Nodes{ui.Inset(ui.Strong("What you typed is kept. "),
		ui.Text("You were logged out at "+ui.Clock(t.At)+" and nothing was sent. It stands in the form again: check it, and send it when it is right."), throwAway(t))})
	if err == nil && !found {
		var words ui.Nodes
		for _, w := range t.Words() {
			words = append(words, ui.Para(ui.Lines(w)))
		}
		page, _, err = refilled(p, t, ui.Nodes{ui.Inset(ui.Strong("What you typed is kept. "),
			ui.Text("You were logged out at "+ui.Clock(t.At)+" and nothing was sent. Its form is not on this page now. These are your words:"), words, throwAway(t))})
	}
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Cache-Control", "no-store")
	_, err = v.w.Write(page)
	return err
}

// refilled is a page with news above it, and what was typed in its form; found is
// whether that form is there.
func refilled(p ui.Page, t hub.Typed, news ui.Node) (page []byte, found bool, err error) {
	p.Main = append([]ui.Node{news}, p.Main...)
	var b bytes.Buffer
	if err := p.Render(&b); err != nil {
		return nil, false, err
	}
	doc, err := html.Parse(&b)
	if err != nil {
		return nil, false, err
	}
	for n := range doc.Descendants() {
		if n.Data == "form" && strings.EqualFold(attrOf(n, "method"), "post") && leadsTo(n, t.To) {
			fill(n, t.Form)
			set(n, "data-typed", "")
			for d := n.Parent; d != nil; d = d.Parent { // it may stand in what is folded away
				if d.Data == "details" {
					set(d, "open", "")
				}
			}
			found = true
			break
		}
	}
	b.Reset()
	err = html.Render(&b, doc)
	return b.Bytes(), found, err
}

// leadsTo reports whether a form, or a button of it, posts to an address.
func leadsTo(form *html.Node, to string) bool {
	if attrOf(form, "action") == to {
		return true
	}
	for n := range form.Descendants() {
		if attrOf(n, "formaction") == to {
			return true
		}
	}
	return false
}

// fill puts values into the controls of a form. What was hidden is what it was too,
// such as the key that makes sending twice the same as once, and the version that
// its reader saw; but of several hidden ones with one name each stays as it is.
func fill(form *html.Node, values url.Values) {
	taken := map[string]int{}
	for n := range form.Descendants() {
		name := attrOf(n, "name")
		if name == "" || n.Type != html.ElementNode || slices.Contains(secretFields, name) {
			continue
		}
		given, posted := values[name]
		switch {
		case n.Data == "textarea":
			replaceText(n, nth(given, taken[name]))
			taken[name]++
		case n.Data == "select":
			for o := range n.Descendants() {
				if o.Data == "option" && posted {
					mark(o, "selected", slices.Contains(given, attrOf(o, "value")))
				}
			}
		case n.Data != "input":
		case attrOf(n, "type") == "radio" || attrOf(n, "type") == "checkbox":
			mark(n, "checked", slices.Contains(given, attrOf(n, "value")))
		case attrOf(n, "type") == "hidden":
			if len(given) == 1 {
				set(n, "value", given[0])
			}
		case attrOf(n, "type") != "password" && attrOf(n, "type") != "file":
			set(n, "value", nth(given, taken[name]))
			taken[name]++
		}
	}
}

func nth(values []string, n int) string {
	if n < len(values) {
		return values[n]
	}
	return ""
}

func replaceText(n *html.Node, text string) {
	for n.FirstChild != nil {
		n.RemoveChild(n.FirstChild)
	}
	// The first line break after the tag is not part of the text. HTML 13.1.2.5.
	if strings.HasPrefix(text, "\n") || strings.HasPrefix(text, "\r\n") {
		text = "\n" + text
	}
	n.AppendChild(&html.Node{Type: html.TextNode, Data: text})
}

// attrOf is an attribute of an element; "" when it has none.
func attrOf(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func set(n *html.Node, name, value string) {
	mark(n, name, false)
	n.Attr = append(n.Attr, html.Attribute{Key: name, Val: value})
}

// mark gives an element an attribute without a value, or takes it away.
func mark(n *html.Node, name string, on bool) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if on {
		n.Attr = append(n.Attr, html.Attribute{Key: name})
	}
}
