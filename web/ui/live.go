package ui

import (
	"io"
	"strconv"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// A Source is a system that feeds the page.
type Source struct {
	Name       string
	Last       time.Time     // when anything was last heard from it; zero for never
	StaleAfter time.Duration // silence longer than this is out of date
}

func (s Source) stale(now time.Time) bool { return s.Last.IsZero() || now.Sub(s.Last) > s.StaleAfter }

// Freshness says how old the page's information is. What is wrong is always in
// sight; what is right is one line, opened on request. Its id is app-fresh.
func Freshness(sources []Source, now time.Time) Node {
	var ok, bad []Source
	for _, s := range sources {
		if s.stale(now) {
			bad = append(bad, s)
		} else {
			ok = append(ok, s)
		}
	}
	line := func(s Source) g.Node {
		return g.Group{g.Text(s.Name + " last heard from "), AgoTime(s.Last, now)}
	}
	return h.Div(h.Class("app-fresh"), h.ID("app-fresh"), flag("live-part"),
		h.H2(h.Class("nhsuk-u-visually-hidden"), g.Text("How up to date this is")),
		g.Iff(len(bad) > 0, func() g.Node {
			return h.Ul(h.Class("app-fresh__list"), g.Map(bad, func(s Source) g.Node {
				return h.Li(h.Class("app-fresh__item app-fresh__item--stale"), h.Strong(g.Text("Out of date: ")), line(s))
			}))
		}),
		g.Iff(len(sources) == 1 && len(ok) == 1, func() g.Node { return h.P(h.Class("app-fresh__item"), line(ok[0])) }),
		g.Iff(len(sources) > 1 && len(ok) > 0, func() g.Node {
			return h.Details(h.Class("app-more"), h.Summary(g.Text(Plural(len(ok), "system", "systems")+" up to date")),
				h.Ul(h.Class("app-fresh__list"), g.Map(ok, func(s Source) g.Node { return h.Li(h.Class("app-fresh__item"), line(s)) })))
		}))
}

// A LiveStrip connects the page to its live stream and says whether what is
// shown is current. Without JavaScript it says when the page was made. It must
// stand on the page once, and never inside a part that is replaced.
type LiveStrip struct {
	Events string        // the stream's URL with its query, such as /events?view=board
	Last   uint64        // the last event that this page already holds
	Stale  time.Duration // silence longer than this is not live: three missed beats
	At     time.Time     // when the page was made
}

// Render writes the strip.
func (l LiveStrip) Render(w io.Writer) error {
	return render(w, h.Div(h.Class("app-live"), h.ID("app-live"),
		data("sse", l.Events), data("last", strconv.FormatUint(l.Last, 10)), data("stale", strconv.Itoa(int(l.Stale.Seconds()))),
		h.P(h.Class("app-live__s"), flag("live-status"), g.Text("This page shows information from "+Clock(l.At)+". Reload it to see changes.")),
		h.Button(h.Class("nhsuk-button nhsuk-button--secondary nhsuk-button--small"), h.Type("button"), flag("live-toggle"), g.Text("Pause live updates")),
		h.P(h.Class("nhsuk-u-visually-hidden"), h.Role("status"), flag("live-say"))))
}

// Strip is the line of a work screen that holds the LiveStrip and Freshness.
func Strip(kids ...Node) Node { return h.Div(h.Class("app-strip"), g.Group(kids)) }

// A BoardCard is one person on a board. It is also what "row" and "new" events
// carry for a board.
type BoardCard struct {
	ID     string // of the case
	Column string // the key of its column
	Name   string
	Href   string // "" when the reader may not open it
	Where  string
	RAG    RAG
	Days   int
	NoRAG  bool // the wait has not begun
	Lines  []string
}

// Render writes the card.
func (c BoardCard) Render(w io.Writer) error {
	edge := "app-bcard--" + c.RAG.name()
	if c.NoRAG {
		edge = "app-bcard--none"
	}
	return render(w, h.Li(cls("app-bcard", edge), h.ID("row-"+c.ID), data("case", c.ID), data("col", c.Column), data("name", c.Name),
		g.Iff(c.Href != "", func() g.Node { return h.A(h.Class("nhsuk-link"), href(c.Href), g.Text(c.Name)) }),
		g.Iff(c.Href == "", func() g.Node { return h.Strong(g.Text(c.Name)) }),
		g.Iff(c.Where != "", func() g.Node { return h.P(h.Class("app-bcard__p"), g.Text(c.Where)) }),
		g.Iff(!c.NoRAG, func() g.Node { return RAGTag(c.RAG, c.Days) }),
		g.Map(c.Lines, func(s string) g.Node { return h.P(h.Class("app-bcard__p"), g.Text(s)) })))
}

// A BoardColumn is one stage of a board. The id of its heading is app-col-KEY,
// so that a "part" event can correct the count.
type BoardColumn struct {
	Key, Title string
	Count      int // of all people in the stage, which may be more than the cards
	Cards      []BoardCard
}

// Heading is the column's heading by itself, as a "part" event carries it.
func (c BoardColumn) Heading() Node {
	return h.H2(h.Class("app-board__h"), h.ID("app-col-"+c.Key), flag("live-part"), g.Text(c.Title+" "),
		h.Span(h.Class("app-board__n"), g.Text(strconv.Itoa(c.Count)), hidden(map[bool]string{true: " person", false: " people"}[c.Count == 1])))
}

// Board is columns of cards. Nothing is dragged: stages change in the case.
// WCAG 2.5.7.
func Board(columns ...BoardColumn) Node {
	return h.Div(h.Class("app-board"), g.Map(columns, func(c BoardColumn) g.Node {
		return h.Section(h.Class("app-board__col"), h.Aria("labelledby", "app-col-"+c.Key), c.Heading(),
			h.Ul(h.Class("app-board__list"), data("live-col", c.Key), g.Map(c.Cards, func(b BoardCard) g.Node { return b })))
	}))
}

// WallTop is the head of a wallboard with a clock.
func WallTop(title string, now time.Time) Node {
	return h.Div(h.Class("app-wall__top"), h.H1(h.Class("app-wall__h"), g.Text(title)),
		h.P(h.Class("app-wall__t"), h.Time(flag("clock"), g.Text(Clock(now)))))
}

// A WallCard is one hospital on a wallboard.
type WallCard struct {
	Name   string
	Counts [3]int // by RAG
	Note   string // such as "As at 09:54: this hospital is not sending"
}

// WallCards sets hospitals side by side. Its id is app-wall.
func WallCards(cards ...WallCard) Node {
	return h.Div(h.Class("app-wall__grid"), h.ID("app-wall"), flag("live-part"), g.Map(cards, func(c WallCard) g.Node {
		n := func(r RAG, word string) g.Node {
			return h.P(h.Class("app-wall__n app-wall__n--"+r.name()), h.Span(h.Class("app-wall__num"), g.Text(strconv.Itoa(c.Counts[r]))), g.Text(" "+word))
		}
		return h.Section(h.Class("app-wall__card"), h.H2(h.Class("app-wall__c"), g.Text(c.Name)),
			h.P(h.Class("app-wall__tot"), g.Text(Plural(c.Counts[Green]+c.Counts[Amber]+c.Counts[Red], "person", "people"))),
			n(Red, "delayed"), n(Amber, "at risk"), n(Green, "on track"),
			g.Iff(c.Note != "", func() g.Node { return h.P(h.Class("app-wall__note"), g.Text(c.Note)) }))
	}))
}

// A WallRow is one person on a wallboard: initials and place only, never a name
// or a number.
type WallRow struct {
	ID, Initials, Where, WaitingFor string
	RAG                             RAG
	Days                            int
}

// Render writes the row, as "row" and "new" events carry it for a wallboard.
func (r WallRow) Render(w io.Writer) error {
	return render(w, h.Tr(h.ID("row-"+r.ID), data("case", r.ID), data("name", r.Initials),
		h.Th(h.Scope("row"), g.Text(r.Initials)), h.Td(g.Text(r.Where)), h.Td(RAGTag(r.RAG, r.Days)), h.Td(g.Text(r.WaitingFor))))
}

// WallTable is the longest waits.
func WallTable(caption string, rows ...WallRow) Node {
	th := func(s string) g.Node { return h.Th(h.Scope("col"), g.Text(s)) }
	return h.Table(h.Class("nhsuk-table nhsuk-table--reverse app-wall__table"), h.Caption(h.Class("nhsuk-table__caption"), g.Text(caption)),
		h.THead(h.Tr(th("Person"), th("Where"), th("Since ready"), th("Waiting for"))),
		h.TBody(flag("live-rows"), g.Map(rows, func(r WallRow) g.Node { return r })))
}
