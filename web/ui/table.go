package ui

import (
	"io"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// Direction is how a column is sorted now.
type Direction int

const (
	Unsorted Direction = iota
	Ascending
	Descending
)

// A Column is one column of a Table.
type Column struct {
	Label       string
	HideLabel   bool      // read out, not shown
	SortHref    string    // the page sorted by this column; "" when it cannot be
	Sorted      Direction // how the page is sorted by it now
	Numeric     bool      // right-aligned figures
	HideOnPrint bool
}

// A TableRow is one row. The first cell heads the row.
type TableRow struct {
	ID    string // of the case, for live rows; the element's id becomes row-ID
	Name  string // how the live region announces it
	Note  string // why the row differs, such as "as at 09:54"
	Cells []Node
}

// A Table is a list of rows. It sorts by links, so it needs no script, and on a
// narrow screen each row becomes a labelled stack.
type Table struct {
	ID         string
	Caption    string
	ShowTitle  bool // show the caption; it is always there for assistive technology
	Columns    []Column
	Rows       []TableRow
	Live       bool // rows are kept current by app.js
	Spacious   bool // roomier rows, for reading rather than working
	Stay       bool // stay a table on a narrow screen: for two or three short columns
	NoHeadCell bool // the first cell of a row does not name the row
	Empty      Node // shown in place of no rows
}

// Render writes the table, or Empty when it has no rows. A live table without
// rows is there but hidden, so that the first row has somewhere to go.
func (t Table) Render(w io.Writer) error {
	none := len(t.Rows) == 0 && t.Empty != nil
	if none && !t.Live {
		return render(w, t.Empty)
	}
	return render(w, g.Group{
		g.Iff(none, func() g.Node { return h.Div(flag("live-empty"), t.Empty) }),
		t.table(none),
	})
}

func (t Table) table(hide bool) g.Node {
	sortable := false
	for _, c := range t.Columns {
		sortable = sortable || c.SortHref != ""
	}
	return h.Table(cls("nhsuk-table", when(!t.Stay, "nhsuk-table--responsive"), when(!t.Spacious, "nhsuk-table--compact"), when(sortable, "nhsuk-table--sortable"), "app-table"),
		t.role("table"), g.If(t.ID != "", h.ID(t.ID)), g.If(hide, g.Attr("hidden")),
		h.Caption(cls("nhsuk-table__caption", when(t.ShowTitle, "nhsuk-table__caption--m"), when(!t.ShowTitle, "nhsuk-u-visually-hidden")), g.Text(t.Caption),
			g.Iff(sortable, func() g.Node { return hidden(" (column headers with links are sortable)") })),
		h.THead(h.Class("nhsuk-table__head"), t.role("rowgroup"), h.Tr(h.Class("nhsuk-table__row"), t.role("row"), g.Map(t.Columns, t.head))),
		h.TBody(h.Class("nhsuk-table__body"), t.role("rowgroup"), g.If(t.Live, flag("live-rows")), g.Map(t.Rows, t.Row)))
}

// role gives ARIA roles where CSS takes the table apart and browsers forget
// that it is one.
func (t Table) role(name string) g.Node { return g.If(!t.Stay, h.Role(name)) }

func (t Table) head(c Column) g.Node {
	label := g.Text(c.Label)
	if c.HideLabel {
		label = hidden(c.Label)
	}
	class := cls("nhsuk-table__header", when(c.Numeric, "nhsuk-table__header--numeric"), when(c.HideOnPrint, "app-noprint"))
	if c.SortHref == "" {
		return h.Th(class, h.Scope("col"), t.role("columnheader"), label)
	}
	dir := [...]string{Ascending: "ascending", Descending: "descending"}[c.Sorted]
	return h.Th(class, h.Scope("col"), t.role("columnheader"), flag("sort"), g.If(dir != "", h.Aria("sort", dir)),
		h.A(h.Class("nhsuk-link"), href(c.SortHref), label))
}

// Row is one row by itself, as "row" and "new" events carry it.
func (t Table) Row(r TableRow) Node {
	var cells g.Group
	for i, n := range r.Cells {
		var c Column
		if i < len(t.Columns) {
			c = t.Columns[i]
		}
		cells = append(cells, t.cell(i == 0 && !t.NoHeadCell, c, n))
	}
	return h.Tr(cls("nhsuk-table__row", when(r.Note != "", "app-row--noted")), t.role("row"),
		g.Iff(r.ID != "", func() g.Node { return g.Group{h.ID("row-" + r.ID), data("case", r.ID), data("name", r.Name)} }),
		cells)
}

func (t Table) cell(head bool, c Column, n Node) g.Node {
	noprint := when(c.HideOnPrint, "app-noprint")
	if head {
		return h.Th(cls("nhsuk-table__header", "app-rowhead", noprint), h.Scope("row"), t.role("rowheader"), n)
	}
	class := cls("nhsuk-table__cell", when(c.Numeric, "nhsuk-table__cell--numeric"), noprint)
	if t.Stay {
		return h.Td(class, n)
	}
	label := g.Text(c.Label + " ")
	return h.Td(class, t.role("cell"), h.Span(cls("nhsuk-table__heading", when(c.HideLabel, "nhsuk-u-visually-hidden")), h.Aria("hidden", "true"), label), h.Div(h.Class("app-cell"), n))
}

// PersonCell is the first cell of a list of people: a link that holds no
// identifier, with the date of birth and NHS number beneath. Born and number are
// ready to show.
func PersonCell(to, name, born, number string) Node {
	return g.Group{
		h.A(h.Class("nhsuk-link app-person"), href(to), g.Text(name)),
		h.Span(h.Class("app-person__ids"), NoWrap("Born "+born), g.Text(" "), NoWrap("NHS No. "+number)),
	}
}

// Scroll lets a wide table scroll sideways within the page; the label names the
// region.
func Scroll(label string, kids ...Node) Node {
	return h.Div(h.Class("nhsuk-scroll"), data("module", "nhsuk-scroll"),
		h.Div(h.Class("nhsuk-scroll__content"), h.Role("region"), h.Aria("label", label), g.Group(kids)))
}

// A Filter is the bar above a list. It is a GET form: no field of it may hold
// personal data. On a narrow screen it opens on request.
type Filter struct {
	Action string
	Keep   [][2]string // name and value of what stays, such as the view
	Fields []Node      // mostly Select
	Button string      // "Apply filters" when empty
}

// Render writes the bar.
func (f Filter) Render(w io.Writer) error {
	word := f.Button
	if word == "" {
		word = "Apply filters"
	}
	return render(w, h.Details(h.Class("app-filterbox"), h.Summary(h.Class("app-filterbox__s"), g.Text("Filters and order")),
		h.Form(h.Class("app-filter"), h.Method("get"), h.Action(f.Action),
			g.Map(f.Keep, func(k [2]string) g.Node { return Hidden(k[0], k[1]) }),
			g.Group(f.Fields),
			h.Button(h.Class("nhsuk-button nhsuk-button--secondary nhsuk-button--small"), h.Type("submit"), g.Text(word)))))
}

// A Chip is an active filter and the page without it.
type Chip struct{ Text, RemoveHref string }

// Chips shows the active filters. Without any it is nothing.
func Chips(clearHref string, chips ...Chip) Node {
	if len(chips) == 0 {
		return nil
	}
	return h.Ul(h.Class("app-chips"), h.Aria("label", "Filters in use"),
		g.Map(chips, func(c Chip) g.Node {
			return h.Li(h.A(h.Class("app-chip"), href(c.RemoveHref), hidden("Remove filter: "), g.Text(c.Text), h.Span(h.Class("app-chip__x"), h.Aria("hidden", "true"), g.Text(" ×"))))
		}),
		h.Li(Link(clearHref, "Clear filters")))
}

const (
	arrowLeft  = "M10.7 6.3c.4.4.4 1 0 1.4L7.4 11H19a1 1 0 0 1 0 2H7.4l3.3 3.3c.4.4.4 1 0 1.4a1 1 0 0 1-1.4 0l-5-5A1 1 0 0 1 4 12c0-.3.1-.5.3-.7l5-5a1 1 0 0 1 1.4 0Z"
	arrowRight = "m14.7 6.3 5 5c.2.2.3.4.3.7 0 .3-.1.5-.3.7l-5 5a1 1 0 0 1-1.4-1.4l3.3-3.3H5a1 1 0 0 1 0-2h11.6l-3.3-3.3a1 1 0 1 1 1.4-1.4Z"
)

// Pagination leads through numbered pages. With one page or none it is nothing.
type Pagination struct {
	Page, Pages int // from 1
	Href        func(page int) string
}

// Render writes the links: the first, the last, the neighbours and the present
// page.
func (p Pagination) Render(w io.Writer) error {
	if p.Pages < 2 {
		return nil
	}
	step := func(side, word, rel, icn, path string, to int) g.Node {
		title := h.Span(h.Class("nhsuk-pagination__title"), g.Text(word), hidden(" page"))
		kids := g.Group{icon(icn, path), title}
		if side == "next" {
			kids = g.Group{title, icon(icn, path)}
		}
		return h.A(href(p.Href(to)), h.Class("nhsuk-pagination__"+side), h.Rel(rel), kids)
	}
	return render(w, h.Nav(h.Class("nhsuk-pagination nhsuk-pagination--numbered"), h.Role("navigation"), h.Aria("label", "Pagination"),
		g.Iff(p.Page > 1, func() g.Node { return step("previous", "Previous", "prev", "arrow-left", arrowLeft, p.Page-1) }),
		h.Ul(h.Class("nhsuk-pagination__list"), g.Group(p.items())),
		g.Iff(p.Page < p.Pages, func() g.Node { return step("next", "Next", "next", "arrow-right", arrowRight, p.Page+1) })))
}

func (p Pagination) items() []g.Node {
	var out []g.Node
	last := 0
	for n := 1; n <= p.Pages; n++ {
		if n != 1 && n != p.Pages && (n < p.Page-1 || n > p.Page+1) {
			continue
		}
		if n > last+1 {
			out = append(out, h.Li(h.Class("nhsuk-pagination__item nhsuk-pagination__item--ellipsis"), g.Text("⋯")))
		}
		here, s := n == p.Page, strconv.Itoa(n)
		out = append(out, h.Li(cls("nhsuk-pagination__item", when(here, "nhsuk-pagination__item--current")),
			h.A(h.Class("nhsuk-pagination__link"), href(p.Href(n)), h.Aria("label", "Page "+s), current(here), g.Text(s))))
		last = n
	}
	return out
}

// PrevNext leads to the page before and the page after by name; either may be nil.
func PrevNext(prev, next *NavItem) Node {
	link := func(n *NavItem, side, short, word, path string) g.Node {
		return h.Li(h.Class("nhsuk-pagination-item--"+side), h.A(h.Class("nhsuk-pagination__link nhsuk-pagination__link--"+short), href(n.Href), h.Rel(short),
			h.Span(h.Class("nhsuk-pagination__title"), g.Text(word), hidden(" page")), hidden(":"),
			h.Span(h.Class("nhsuk-pagination__page"), g.Text(n.Text)), icon("arrow-"+map[string]string{"prev": "left", "next": "right"}[short], path)))
	}
	return h.Nav(h.Class("nhsuk-pagination"), h.Role("navigation"), h.Aria("label", "Pagination"), h.Ul(h.Class("nhsuk-list nhsuk-pagination__list"),
		g.Iff(prev != nil, func() g.Node { return link(prev, "previous", "prev", "Previous", arrowLeft) }),
		g.Iff(next != nil, func() g.Node { return link(next, "next", "next", "Next", arrowRight) })))
}
