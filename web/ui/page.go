package ui

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// BootScript is the only inline script; its hash stands in the Content Security
// Policy. It marks the body before first paint, so that nothing jumps when the
// module arrives.
const BootScript = `document.body.className += ' js-enabled' + ('noModule' in HTMLScriptElement.prototype ? ' nhsuk-frontend-supported' : '');`

// Assets gives the content-hashed URL of each embedded file by its name below
// static, such as "app.css". The zero value gives unhashed URLs, for tests.
type Assets map[string]string

// URL is where the file name is served.
func (a Assets) URL(name string) string {
	if u, ok := a[name]; ok {
		return u
	}
	return "/static/" + name
}

// A User is who is signed in, as the header shows it.
type User struct{ Name, Role, Org string }

// A NavItem is one link of a menu.
type NavItem struct {
	Href, Text string
	Current    bool // the page that is shown
	// ID and Stream are of an item that changes by itself: the id of its element,
	// for "part" events, and where those come from after Last.
	ID, Stream string
	Last       int64
}

// MenuItem is one item of the menu by itself, as a "part" event carries it.
func MenuItem(n NavItem) Node {
	return h.Li(cls("nhsuk-header__navigation-item", when(n.Current, "nhsuk-header__navigation-item--current")),
		g.Iff(n.ID != "", func() g.Node {
			return g.Group{h.ID(n.ID), flag("live-part"), data("bell", n.Stream), data("last", strconv.FormatInt(n.Last, 10))}
		}),
		h.A(h.Class("nhsuk-header__navigation-link"), href(n.Href), current(n.Current),
			// upstream's fallback where CSS is off: the current page is bold
			g.Iff(n.Current, func() g.Node {
				return h.Strong(h.Class("nhsuk-header__navigation-item-current-fallback"), g.Text(n.Text))
			}),
			g.Iff(!n.Current, func() g.Node { return g.Text(n.Text) })))
}

// A Session says when a signed-in page warns and gives up. The server enforces
// the limit; the page only warns. NIST SP 800-63B AAL2, WCAG 2.2.1.
type Session struct {
	Idle time.Duration // without a key, click or scroll
	Warn time.Duration // how long before the end the dialog opens
}

// Width is the layout of a page.
type Width int

const (
	ReadingPage Width = iota // text with a comfortable line length
	FormPage                 // a question page: one narrow column
	PersonPage               // one person: two thirds and one third, under a banner
	WorkPage                 // a list or a board: the whole window
)

// A Page is one whole screen.
type Page struct {
	Title   string // what the page is, never who it is about: titles stay in histories
	Assets  Assets
	Nav     []NavItem
	User    *User  // nil: nobody is signed in
	Home    string // where the service name leads; "/" when empty
	Width   Width
	Phase   string   // shown above everything, such as "Demonstration: all people are invented"
	Back    *NavItem // a back link above the heading
	Banner  Node     // the PatientBanner, only on pages about one person (NHS CUI PAB-0015)
	Error   bool     // the form below was refused: prefixes the title
	Dark    bool     // a wallboard: no header, no footer
	Session Session  // zero: no time-out dialog
	Main    []Node
}

// Render writes the document.
func (p Page) Render(w io.Writer) error { return render(w, p.document()) }

// FullTitle is what the title element holds.
func (p Page) FullTitle() string {
	return when(p.Error, "Error: ") + p.Title + " – " + Service
}

func (p Page) document() g.Node {
	return h.Doctype(h.HTML(h.Lang("en-GB"), h.Class("nhsuk-template"), p.head(),
		h.Body(cls("nhsuk-template__body", when(p.Dark, "app-dark")),
			h.Script(g.Raw(BootScript)),
			g.Iff(!p.Dark, func() g.Node {
				return g.Group{
					skipLink(),
					p.header(),
				}
			}),
			g.Iff(p.Phase != "", func() g.Node {
				return h.Section(h.Class("app-phase"), h.Aria("label", "About this site"), h.P(h.Class("nhsuk-width-container-fluid app-phase__t"), g.Text(p.Phase)))
			}),
			p.Banner,
			h.Div(h.Class("nhsuk-width-container-fluid"), p.main()),
			g.Iff(!p.Dark, footer),
			g.Iff(p.User != nil && p.Session.Idle > 0, func() g.Node { return timeout(p.Session) }),
		)))
}

func skipLink() g.Node {
	return h.A(h.Class("nhsuk-skip-link"), h.Href("#maincontent"), data("module", "nhsuk-skip-link"), g.Text("Skip to main content"))
}

func (p Page) head() g.Node {
	return h.Head(
		h.Meta(h.Charset("utf-8")),
		h.TitleEl(g.Text(p.FullTitle())),
		h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1, viewport-fit=cover")),
		h.Meta(h.Name("format-detection"), h.Content("telephone=no")), // an NHS number is not a phone number
		h.Meta(h.Name("theme-color"), h.Content("#003087")),
		h.Meta(h.Name("color-scheme"), h.Content("light")),
		h.Link(h.Rel("stylesheet"), h.Href(p.Assets.URL("vendor/nhsuk/nhsuk.css"))),
		h.Link(h.Rel("stylesheet"), h.Href(p.Assets.URL("app.css"))),
		h.Link(h.Rel("icon"), h.Href(p.Assets.URL("favicon.svg")), h.Type("image/svg+xml")),
		h.Link(h.Rel("modulepreload"), h.Href(p.Assets.URL("vendor/nhsuk/nhsuk.js"))),
		h.Script(h.Type("module"), h.Src(p.Assets.URL("app.js"))),
	)
}

func (p Page) main() g.Node {
	width := [...]string{ReadingPage: "app-main--reading", FormPage: "app-main--form", PersonPage: "app-main--person", WorkPage: "app-main--work"}[p.Width]
	return g.Group{
		g.Iff(p.Back != nil, func() g.Node {
			return h.Nav(h.Aria("label", "Back"), BackLink(p.Back.Href, p.Back.Text))
		}),
		h.Main(cls("nhsuk-main-wrapper", "app-main", width), h.ID("maincontent"), g.Group(p.Main)),
	}
}

func (p Page) header() g.Node {
	home := p.Home
	if home == "" {
		home = "/"
	}
	return h.Header(h.Class("nhsuk-header app-header"), data("module", "nhsuk-header"), h.Role("banner"),
		h.Div(h.Class("nhsuk-header__container nhsuk-width-container-fluid"),
			h.Div(h.Class("nhsuk-header__service"),
				h.A(h.Class("nhsuk-header__service-name"), href(home), g.Text(Service))),
			g.Iff(p.User != nil, func() g.Node { return account(*p.User) }),
		),
		g.Iff(len(p.Nav) > 0, func() g.Node { return navigation(p.Nav) }),
	)
}

func navigation(items []NavItem) g.Node {
	return h.Nav(h.Class("nhsuk-header__navigation"), h.Aria("label", "Menu"),
		h.Div(h.Class("nhsuk-header__navigation-container nhsuk-width-container-fluid"),
			h.Ul(h.Class("nhsuk-header__navigation-list"),
				g.Map(items, func(n NavItem) g.Node { return MenuItem(n) }),
				h.Li(h.Class("nhsuk-header__menu"), g.Attr("hidden"),
					h.Button(h.Class("nhsuk-header__menu-toggle nhsuk-header__navigation-link"), h.Type("button"), h.ID("toggle-menu"), h.Aria("expanded", "false"),
						hidden("Browse "), g.Text("More"))),
			)))
}

func current(ok bool) g.Node { return g.If(ok, h.Aria("current", "page")) }

func account(u User) g.Node {
	item := func(kids ...g.Node) g.Node {
		return h.Li(h.Class("nhsuk-header__account-item"), g.Group(kids))
	}
	post := func(action, text string) g.Node {
		return item(h.Form(h.Class("nhsuk-header__account-form"), h.Method("post"), h.Action(action),
			h.Button(h.Class("nhsuk-header__account-button"), h.Type("submit"), g.Text(text))))
	}
	role := u.Role
	if u.Org != "" {
		role += ", " + u.Org
	}
	return h.Nav(h.Class("nhsuk-header__account"), h.Aria("label", "Account"),
		h.Ul(h.Class("nhsuk-header__account-list"),
			item(h.A(h.Class("nhsuk-header__account-link"), h.Href("/me"), icon("user", "M12 1a11 11 0 1 1 0 22 11 11 0 0 1 0-22Zm0 2a9 9 0 0 0-5 16.5V18a4 4 0 0 1 4-4h2a4 4 0 0 1 4 4v1.5A9 9 0 0 0 12 3Zm0 3a3.5 3.5 0 1 1-3.5 3.5A3.4 3.4 0 0 1 12 6Z"), g.Text(u.Name))),
			g.Iff(role != "", func() g.Node { return item(g.Text(role)) }),
			post("/switch", "Switch user"), post("/logout", "Log out")))
}

// footer has the same links in the same place on every page. WCAG 3.2.6.
func footer() g.Node {
	link := func(to, text string) g.Node {
		return h.Li(h.Class("nhsuk-footer__list-item"), h.A(h.Class("nhsuk-footer__list-item-link"), h.Href(to), g.Text(text)))
	}
	return h.Footer(h.Class("nhsuk-footer"), h.Role("contentinfo"),
		h.Div(h.Class("nhsuk-width-container-fluid"), h.Div(h.Class("nhsuk-footer__meta"),
			h.H2(h.Class("nhsuk-u-visually-hidden"), g.Text("Support links")),
			h.Ul(h.Class("nhsuk-footer__list"),
				link("/help", "Help and phone numbers"),
				link("/accessibility", "Accessibility statement"),
				link("/privacy", "How we use and record what you look at")),
			h.P(h.Class("nhsuk-body-s"), g.Text("All access to records is logged.")))))
}

func timeout(s Session) g.Node {
	secs := func(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
	return g.El("dialog", h.ID("app-timeout"), h.Class("app-dialog"), h.Aria("labelledby", "app-timeout-h"),
		data("idle-seconds", secs(s.Idle)), data("warn-seconds", secs(s.Warn)),
		h.H2(h.Class("nhsuk-heading-m"), h.ID("app-timeout-h"), h.TabIndex("-1"), g.Text("You’re about to be logged out")),
		h.P(g.Text("To keep people’s records safe on shared computers, we’ll log you out in "), h.Span(flag("left"), g.Text(Plural(int(s.Warn.Minutes()), "minute", "minutes"))), g.Text(".")),
		h.P(g.Text("Anything you have typed in a form that saves drafts is saved.")),
		ButtonGroup(
			h.Button(h.Class("nhsuk-button"), h.Type("button"), flag("stay"), g.Text("Stay logged in")),
			// app.js sends this form without its button when the time is up
			h.Form(h.Method("post"), h.Action("/logout"), Hidden("idle", "1"),
				h.Button(h.Class("nhsuk-button nhsuk-button--secondary"), h.Type("submit"), h.Name("asked"), h.Value("1"), g.Text("Log out now")))))
}

// Write sends the page. It renders into memory first, so that an error never
// leaves half a page: then the answer is a plain 500 and the error is returned
// for the operator. Pages are never cached, and are compressed where the reader
// accepts it; they reflect no secret, so that compressing them tells nothing.
func Write(w http.ResponseWriter, r *http.Request, status int, p Page) error {
	var b bytes.Buffer
	if err := p.Render(&b); err != nil {
		http.Error(w, "Sorry, there is a problem with the service", http.StatusInternalServerError)
		return fmt.Errorf("rendering the page %q: %w", p.Title, err)
	}
	hd := w.Header()
	hd.Set("Content-Type", "text/html; charset=utf-8")
	hd.Set("Cache-Control", "no-store")
	hd.Add("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.WriteHeader(status)
		_, err := w.Write(b.Bytes())
		return sent(err)
	}
	hd.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return sent(err)
	}
	if _, err := z.Write(b.Bytes()); err != nil {
		return sent(err)
	}
	return sent(z.Close())
}

func sent(err error) error {
	if err != nil {
		return fmt.Errorf("sending the page: %w", err)
	}
	return nil
}
