package ui

import (
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// H1 is the one heading of a page. Kids follow the text inside it.
func H1(text string, kids ...Node) Node {
	return h.H1(h.Class("nhsuk-heading-l app-h1"), g.Text(text), g.Group(kids))
}

// WorkHead is the first line of a work screen: the h1, a summary such as
// "40 people: 13 delayed" (id app-counts, replaced by "part" events), and what
// stands at the right, such as Tabs.
func WorkHead(title, counts string, right ...Node) Node {
	return h.Div(h.Class("app-head"),
		h.Div(h.Class("app-head__l"), h.H1(h.Class("nhsuk-heading-m app-h1"), g.Text(title)),
			g.Iff(counts != "", func() g.Node { return Counts(counts) })),
		g.If(len(right) > 0, h.Div(h.Class("app-head__r"), g.Group(right))))
}

// Counts is the summary line of a live list. Its id is app-counts.
func Counts(text string) Node {
	return h.P(h.ID("app-counts"), h.Class("app-counts"), flag("live-part"), g.Text(text))
}

// H2 is a section heading.
func H2(text string) Node { return h.H2(h.Class("nhsuk-heading-m"), g.Text(text)) }

// H3 is a sub-section heading.
func H3(text string) Node { return h.H3(h.Class("nhsuk-heading-s"), g.Text(text)) }

// P is a paragraph of text.
func P(text string) Node { return h.P(g.Text(text)) }

// Para is a paragraph of nodes.
func Para(kids ...Node) Node { return h.P(g.Group(kids)) }

// Lede is a larger opening paragraph.
func Lede(text string) Node { return h.P(h.Class("nhsuk-lede-text"), g.Text(text)) }

// Small is a paragraph in small type.
func Small(text string) Node { return h.P(h.Class("nhsuk-body-s"), g.Text(text)) }

// Big is the one answer of a card, such as "No open enquiry".
func Big(text string) Node { return h.P(h.Class("app-big"), g.Text(text)) }

// Sub is a second, quieter line within a cell or a value.
func Sub(text string) Node { return h.Span(h.Class("app-sub"), g.Text(text)) }

// Strong is bold text.
func Strong(text string) Node { return h.Strong(g.Text(text)) }

// NoWrap is text that is never broken over two lines.
func NoWrap(text string) Node { return h.Span(h.Class("nhsuk-u-nowrap"), g.Text(text)) }

// Missing is the word for what is not there: "Not known", "Not recorded",
// "Not allocated" or "Not applicable". NHS CUI PAB-0019: never "?" or "-".
func Missing(word string) Node { return h.Span(h.Class("app-missing"), g.Text(word)) }

// Or is text, or Missing(word) when text is empty.
func Or(text, word string) Node {
	if strings.TrimSpace(text) == "" {
		return Missing(word)
	}
	return g.Text(text)
}

// Break is a line break within a cell or a value.
func Break() Node { return h.Br() }

// Lines shows each line of s on its own line, escaped.
func Lines(s string) Node {
	var out g.Group
	for i, l := range strings.Split(s, "\n") {
		if i > 0 {
			out = append(out, h.Br())
		}
		out = append(out, g.Text(l))
	}
	return out
}

// List is a list without bullets.
func List(items ...Node) Node { return list("nhsuk-list", items) }

// Bullets is a bulleted list.
func Bullets(items ...Node) Node { return list("nhsuk-list nhsuk-list--bullet", items) }

func list(class string, items []Node) Node {
	return h.Ul(h.Class(class), g.Map(items, func(n Node) Node { return h.Li(n) }))
}

// Link is a link to a path of ours. A target that is no path, fragment, query,
// tel:, mailto: or https: becomes "#".
func Link(to, text string) Node {
	return h.A(h.Class("nhsuk-link"), href(to), g.Text(text))
}

// LinkAbout is a link whose text alone is not enough: about is read out after
// it, as in "Change" and "date of birth".
func LinkAbout(to, text, about string) Node {
	return h.A(h.Class("nhsuk-link"), href(to), g.Text(text), hidden(" "+about))
}

// ActionLink is the one thing to do next, with an arrow.
func ActionLink(to, text string) Node {
	return h.A(h.Class("nhsuk-action-link"), href(to), icon("arrow-right-circle", "M12 2a10 10 0 1 1 0 20 10 10 0 0 1 0-20Zm.3 5.8a1 1 0 0 0-1.5 1.4l2 1.8H8a1 1 0 1 0 0 2h4.8l-2 1.8a1 1 0 0 0 1.5 1.4l3.8-3.5a1 1 0 0 0 0-1.4Z"), h.Span(h.Class("nhsuk-action-link__text"), g.Text(text)))
}

// BackLink leads to where the reader came from.
func BackLink(to, text string) Node {
	return h.A(h.Class("nhsuk-back-link"), href(to), g.Text(text))
}

// PhoneLink is a phone number in large bold type that rings when touched.
func PhoneLink(number string) Node {
	return h.Span(h.Class("app-tel"), Tel(number))
}

// Tel is a phone number within a sentence that rings when touched.
func Tel(number string) Node {
	keep := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, number)
	return h.A(h.Class("nhsuk-link nhsuk-u-nowrap"), href("tel:"+keep), g.Text(number))
}

// TwoThirds is a column for reading and for forms.
func TwoThirds(kids ...Node) Node {
	return h.Div(h.Class("nhsuk-grid-row"), h.Div(h.Class("nhsuk-grid-column-two-thirds"), g.Group(kids)))
}

// Columns is two thirds and one third side by side; one under the other on a
// narrow screen.
func Columns(main, side Node) Node {
	return h.Div(h.Class("nhsuk-grid-row"),
		h.Div(h.Class("nhsuk-grid-column-two-thirds"), main),
		h.Div(h.Class("nhsuk-grid-column-one-third"), side))
}

// Halves is two equal columns; one under the other on a narrow screen.
func Halves(left, right Node) Node {
	return h.Div(h.Class("nhsuk-grid-row"),
		h.Div(h.Class("nhsuk-grid-column-one-half"), left),
		h.Div(h.Class("nhsuk-grid-column-one-half"), right))
}

// Section groups kids under an h2 that names the group to assistive technology.
func Section(id, title string, kids ...Node) Node {
	return h.Section(h.ID(id), h.Class("app-section"), h.Aria("labelledby", id+"-h"),
		h.H2(h.Class("nhsuk-heading-m"), h.ID(id+"-h"), g.Text(title)), g.Group(kids))
}

// Part wraps kids in an element that a "part" event may replace by its id.
func Part(id string, kids ...Node) Node {
	return h.Div(h.ID(id), flag("live-part"), g.Group(kids))
}

// icon is one path of the nhsuk-frontend icon set, hidden from assistive technology.
func icon(name, path string) g.Node {
	return g.Raw(`<svg class="nhsuk-icon nhsuk-icon--` + name + `" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16" height="16" focusable="false" aria-hidden="true"><path d="` + path + `"/></svg>`)
}
