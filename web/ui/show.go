package ui

import (
	"io"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// Colour is the colour of a tag. A tag's words must say everything that its
// colour says. WCAG 1.4.1.
type Colour string

// The colours of nhsuk-frontend tags.
const (
	TagPlain  Colour = ""
	TagWhite  Colour = "white"
	TagGrey   Colour = "grey"
	TagGreen  Colour = "green"
	TagAqua   Colour = "aqua-green"
	TagBlue   Colour = "blue"
	TagPurple Colour = "purple"
	TagPink   Colour = "pink"
	TagRed    Colour = "red"
	TagOrange Colour = "orange"
	TagYellow Colour = "yellow"
)

// Tag is a status in a word or two.
func Tag(c Colour, text string) Node {
	return h.Strong(cls("nhsuk-tag", when(c != TagPlain, "nhsuk-tag--"+string(c))), g.Text(text))
}

// RAG is how one person's wait stands. It is for a person, never for a system:
// systems get control charts.
type RAG int

const (
	Green RAG = iota // on track
	Amber            // at risk
	Red              // delayed
)

// Word is "On track", "At risk" or "Delayed".
func (r RAG) Word() string { return [...]string{"On track", "At risk", "Delayed"}[r] }

func (r RAG) name() string { return [...]string{"green", "amber", "red"}[r] }

// RAGTag says how long and how bad in words, a shape and a colour, so that none
// of the three is needed alone. WCAG 1.4.1.
func RAGTag(r RAG, days int) Node {
	shape := [...]string{
		`<circle cx="8" cy="8" r="6.5"/>`,
		`<path d="M8 1.5 15 14H1Z"/>`,
		`<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5Z"/>`}[r]
	return h.Span(h.Class("app-rag app-rag--"+r.name()),
		g.Raw(`<svg class="app-rag__shape" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" focusable="false">`+shape+`</svg>`),
		h.Span(h.Class("app-rag__days"), g.Text(Plural(days, "day", "days"))), g.Text(" "),
		h.Span(h.Class("app-rag__word"), g.Text(r.Word())))
}

// A Row is one line of a SummaryList.
type Row struct {
	Key    string
	Value  Node
	Source string // where the value came from, such as "From King’s Mill EPR at 10:39"
	Change string // where the value can be changed; "" for no link
	Action string // the word of that link; "Change" when empty
}

// SummaryList is keys and values. In a narrow column the keys stand above the
// values.
func SummaryList(rows ...Row) Node {
	return h.Dl(h.Class("nhsuk-summary-list"), g.Map(rows, func(r Row) g.Node {
		word := r.Action
		if word == "" {
			word = "Change"
		}
		value := r.Value
		if value == nil {
			value = Missing(NotKnown)
		}
		return h.Div(h.Class("nhsuk-summary-list__row"),
			h.Dt(h.Class("nhsuk-summary-list__key"), g.Text(r.Key)),
			h.Dd(h.Class("nhsuk-summary-list__value"), value, g.Iff(r.Source != "", func() g.Node { return Sub(r.Source) })),
			g.Iff(r.Change != "", func() g.Node {
				return h.Dd(h.Class("nhsuk-summary-list__actions"), LinkAbout(r.Change, word, within(r.Key)))
			}))
	}))
}

// within is a key as it stands within a sentence: "NHS number" stays as it is.
func within(key string) string {
	if len(key) > 1 && strings.ToUpper(key[:2]) != key[:2] {
		return strings.ToLower(key[:1]) + key[1:]
	}
	return key
}

// Card is a box with a heading of the given level.
func Card(level int, title string, body ...Node) Node {
	return h.Div(h.Class("nhsuk-card"), h.Div(h.Class("nhsuk-card__content"),
		g.Iff(title != "", func() g.Node {
			return heading(level, h.Class("nhsuk-card__heading nhsuk-heading-m"), g.Text(title))
		}), g.Group(body)))
}

// WarningCard is what must not be overlooked.
func WarningCard(level int, title string, body ...Node) Node {
	return h.Div(h.Class("nhsuk-card nhsuk-card--warning"), h.Div(h.Class("nhsuk-card__content"),
		heading(level, h.Class("nhsuk-card__heading"), g.Text(title)), g.Group(body)))
}

// EmergencyCard is what must be acted on at once, in red.
func EmergencyCard(level int, title string, body ...Node) Node {
	return h.Div(h.Class("nhsuk-card nhsuk-card--care nhsuk-card--care--emergency"),
		h.Div(h.Class("nhsuk-card__heading-container"), heading(level, h.Class("nhsuk-card__heading"), hidden("Act now: "), g.Text(title))),
		h.Div(h.Class("nhsuk-card__content"), g.Group(body)))
}

// Inset is a remark set off from the text.
func Inset(body ...Node) Node {
	return h.Div(h.Class("nhsuk-inset-text"), hidden("Information: "), g.Group(body))
}

// Note is a line or two above a page, for what somebody should know and need not
// act on now.
func Note(body ...Node) Node {
	return h.Div(h.Class("app-note"), hidden("Information: "), g.Group(body))
}

// Details is text that opens on request.
func Details(summary string, body ...Node) Node {
	return disclose("nhsuk-details", summary, false, body)
}

// OpenDetails is Details that begins open.
func OpenDetails(summary string, body ...Node) Node {
	return disclose("nhsuk-details", summary, true, body)
}

// Expander is Details in a box, for larger parts of a page.
func Expander(summary string, body ...Node) Node {
	return disclose("nhsuk-details nhsuk-expander", summary, false, body)
}

func disclose(class, summary string, open bool, body []Node) Node {
	return h.Details(h.Class(class), g.If(open, g.Attr("open")),
		h.Summary(h.Class("nhsuk-details__summary"), h.Span(h.Class("nhsuk-details__summary-text"), g.Text(summary))),
		h.Div(h.Class("nhsuk-details__text"), g.Group(body)))
}

// RawMessage is a message as it came, hidden until the reader opens it. It may
// hold personal data: show it only where the look was recorded.
func RawMessage(summary, text string) Node { return Details(summary, CodeBlock(text)) }

// CodeBlock is preformatted text that scrolls sideways.
func CodeBlock(text string) Node {
	return h.Div(h.Class("nhsuk-code"), data("module", "nhsuk-code"),
		h.Pre(h.Class("nhsuk-code__container"), h.Code(h.Class("nhsuk-code__content"), g.Text(text))))
}

// Code is a short code within a sentence or a cell.
func Code(text string) Node { return h.Code(h.Class("app-code"), g.Text(text)) }

// A Notification is a banner above the heading. A success takes the focus, once.
type Notification struct {
	Success bool
	Title   string // "Success" or "Important" when empty
	Heading string
	Body    []Node
}

// Render writes the banner.
func (n Notification) Render(w io.Writer) error {
	title, role := n.Title, "region"
	if n.Success {
		role = "alert"
	}
	if title == "" {
		title = map[bool]string{true: "Success", false: "Important"}[n.Success]
	}
	return render(w, h.Div(cls("nhsuk-notification-banner", when(n.Success, "nhsuk-notification-banner--success")), data("module", "nhsuk-notification-banner"),
		h.Role(role), h.Aria("labelledby", "nhsuk-notification-banner-title"),
		h.Div(h.Class("nhsuk-notification-banner__header"), h.H2(h.Class("nhsuk-notification-banner__title"), h.ID("nhsuk-notification-banner-title"), g.Text(title))),
		h.Div(h.Class("nhsuk-notification-banner__content"),
			g.Iff(n.Heading != "", func() g.Node { return h.P(h.Class("nhsuk-notification-banner__heading"), g.Text(n.Heading)) }), g.Group(n.Body))))
}

// Success is a green banner with one sentence.
func Success(text string) Node { return Notification{Success: true, Heading: text} }

// Panel is the green panel of a confirmation page; its title is the h1.
func Panel(title string, body ...Node) Node {
	return h.Div(h.Class("nhsuk-panel"), h.H1(h.Class("nhsuk-panel__heading"), g.Text(title)), h.Div(h.Class("nhsuk-panel__body"), g.Group(body)))
}

// InterruptionPanel makes the reader stop before going on; its title is the h1.
// Use Reverse buttons in it.
func InterruptionPanel(title string, body ...Node) Node {
	return h.Div(h.Class("nhsuk-panel nhsuk-panel--interruption"),
		h.H1(h.Class("nhsuk-panel__heading nhsuk-panel__heading--l"), g.Text(title)), h.Div(h.Class("nhsuk-panel__body"), g.Group(body)))
}

// TaskStatus is how far a task is.
type TaskStatus int

const (
	Incomplete TaskStatus = iota
	Completed
	CannotStart
	Optional
)

// A Task is one line of a task list.
type Task struct {
	Text, Href, Hint string // without Href the task cannot be opened
	Status           TaskStatus
	Tag              Node // shown in place of the status where set
}

// TaskList is the parts of a form and how far each is. The id must be unique on
// the page.
func TaskList(id string, tasks ...Task) Node {
	var items g.Group
	for i, t := range tasks {
		items = append(items, t.item(id+"-"+strconv.Itoa(i+1)))
	}
	return h.Ul(h.Class("nhsuk-task-list"), items)
}

func (t Task) item(id string) g.Node {
	described := id + "-status"
	if t.Hint != "" {
		described = id + "-hint " + described
	}
	name := h.Div(g.Text(t.Text))
	if t.Href != "" {
		name = h.A(h.Class("nhsuk-task-list__link nhsuk-link"), href(t.Href), h.Aria("describedby", described), g.Text(t.Text))
	}
	return h.Li(cls("nhsuk-task-list__item", when(t.Href != "", "nhsuk-task-list__item--with-link")),
		h.Div(h.Class("nhsuk-task-list__name-and-hint"), name,
			g.Iff(t.Hint != "", func() g.Node { return h.Div(h.Class("nhsuk-task-list__hint"), h.ID(id+"-hint"), g.Text(t.Hint)) })),
		h.Div(h.Class("nhsuk-task-list__status"), h.ID(id+"-status"), t.status()))
}

func (t Task) status() g.Node {
	const quiet = "nhsuk-tag nhsuk-tag--no-colour nhsuk-tag--no-border nhsuk-u-font-weight-normal"
	switch {
	case t.Tag != nil:
		return t.Tag
	case t.Status == Completed:
		return h.Strong(h.Class(quiet), g.Text("Completed"))
	case t.Status == CannotStart:
		return h.Strong(h.Class(quiet+" nhsuk-u-secondary-text-colour"), g.Text("Cannot start yet"))
	case t.Status == Optional:
		return h.Strong(h.Class(quiet), g.Text("Optional"))
	}
	return Tag(TagBlue, "Incomplete")
}

// Tabs are real links to the parts of a screen; the current one is marked. The
// label names the group to assistive technology.
func Tabs(label string, items ...NavItem) Node {
	return h.Nav(h.Class("app-tabs"), h.Aria("label", label), h.Ul(h.Class("app-tabs__list"), g.Map(items, func(n NavItem) g.Node {
		return h.Li(h.A(h.Class("app-tabs__a"), href(n.Href), current(n.Current), g.Text(n.Text)))
	})))
}

// Stepper says in words which stage of how many a case has reached.
func Stepper(label string, stages []string, current int) Node {
	var items g.Group
	for i, s := range stages {
		word := [...]string{"Done: ", "Now: ", "To come: "}[1+min(1, max(-1, i-current))]
		state := [...]string{"done", "now", "next"}[1+min(1, max(-1, i-current))]
		items = append(items, h.Li(h.Class("app-steps__i app-steps__i--"+state), g.If(i == current, h.Aria("current", "step")), hidden(word), g.Text(s)))
	}
	return h.Ol(h.Class("app-steps"), h.Aria("label", label), items)
}

// Empty is what a list shows when there is nothing in it: why, and what to do.
func Empty(title string, body ...Node) Node {
	return h.Div(h.Class("app-empty"), h.H2(h.Class("nhsuk-heading-s"), g.Text(title)), g.Group(body))
}

// PrintMeta is shown only on paper: when, by whom, and what to do with it.
func PrintMeta(now time.Time, by string) Node {
	return h.P(h.Class("app-printmeta"), g.Text("Printed "+DateTime(now)+" by "+by+". Contains personal information: put in confidential waste."))
}

// A StatTile is one number of an operations page.
type StatTile struct {
	Label, Value, Note string
	Bad                bool   // needs somebody: marked with a word and an edge
	Href               string // where to look further
}

// StatTiles sets tiles side by side.
func StatTiles(tiles ...StatTile) Node {
	return h.Ul(h.Class("app-tiles"), g.Map(tiles, func(t StatTile) g.Node {
		label := g.Text(t.Label)
		if t.Href != "" {
			label = Link(t.Href, t.Label)
		}
		return h.Li(cls("app-tile", when(t.Bad, "app-tile--bad")),
			h.P(h.Class("app-tile__l"), label), h.P(h.Class("app-tile__v"), g.Text(t.Value)),
			g.Iff(t.Note != "" || t.Bad, func() g.Node {
				return h.P(h.Class("app-tile__n"), g.If(t.Bad, h.Strong(g.Text("Needs attention. "))), g.Text(t.Note))
			}))
	}))
}

// Bar is a bar in the cell of a table, from 0 to most, with its value in words
// beside it; so the table is the chart and the chart is the table.
func Bar(value, most float64, text string) Node {
	width := 0.0
	if most > 0 {
		width = 200 * min(1, max(0, value/most))
	}
	n := strconv.FormatFloat(width, 'f', 1, 64)
	return h.Span(h.Class("app-barcell"),
		g.Raw(`<svg class="app-bar" width="200" height="16" viewBox="0 0 200 16" aria-hidden="true" focusable="false"><rect class="c-bar" width="`+n+`" height="16"/></svg>`),
		h.Span(g.Text(text)))
}

// Figure is a picture with a heading that states the finding, a subtitle that
// says what, where and when, and notes beneath.
func Figure(title, sub string, picture Node, notes ...Node) Node {
	return h.Figure(h.Class("app-fig"),
		h.FigCaption(h.H2(h.Class("nhsuk-heading-m nhsuk-u-margin-bottom-1"), g.Text(title)), h.P(h.Class("app-sub"), g.Text(sub))),
		picture, g.Group(notes))
}
