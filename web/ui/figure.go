package ui

import (
	"io"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// A FigureTile is one figure on the page of all: what it found, in a sentence. It is
// also what "part" events carry.
type FigureTile struct {
	ID      string // of the element
	Title   string
	Href    string
	Value   string // "2.3 days"
	Note    string // of the value: "so far this week"
	Finding string // the sentence
	Picture Node   // a small line; nil: none
	Verdict []Node // marks with their words
}

// Render writes the tile.
func (t FigureTile) Render(w io.Writer) error {
	return render(w, h.Li(h.ID(t.ID), flag("live-part"), h.Class("app-tile app-figtile"),
		h.H3(h.Class("app-figtile__t"), Link(t.Href, t.Title)),
		h.P(h.Class("app-figtile__v"), h.Span(h.Span(h.Class("app-tile__v"), g.Text(t.Value)), g.If(t.Note != "", g.Text(" "+t.Note))), g.If(t.Picture != nil, t.Picture)),
		h.P(h.Class("app-tile__n"), g.Text(t.Finding)),
		g.If(len(t.Verdict) > 0, Verdicts(t.Verdict...))))
}

// FigureTiles sets tiles side by side.
func FigureTiles(tiles ...FigureTile) Node {
	return h.Ul(h.Class("app-tiles app-figtiles"), g.Map(tiles, func(t FigureTile) g.Node { return t }))
}

// Verdict is a mark with the words that say the same.
func Verdict(mark Node, words string) Node { return g.Group{mark, g.Text(" " + words)} }

// Verdicts is what a chart says, in marks and words, in a line.
func Verdicts(items ...Node) Node {
	return h.Ul(h.Class("app-key"), g.Map(items, func(n Node) g.Node { return h.Li(n) }))
}

// NumberedNotes are what the numbers on a chart mean.
func NumberedNotes(notes ...Node) Node {
	if len(notes) == 0 {
		return nil
	}
	return h.Ol(h.Class("nhsuk-list nhsuk-list--number app-notes"), g.Map(notes, func(n Node) g.Node { return h.Li(n) }))
}

// A WallFigure is one number on a wall.
type WallFigure struct{ Name, Value, When, Note string }

// WallFigures sets numbers side by side. Its id is app-wall.
func WallFigures(figures ...WallFigure) Node {
	return h.Div(h.Class("app-wall__grid app-wall__figs"), h.ID("app-wall"), flag("live-part"), g.Map(figures, func(f WallFigure) g.Node {
		return h.Section(h.Class("app-wall__card"), h.H2(h.Class("app-wall__c"), g.Text(f.Name)),
			h.P(h.Class("app-wall__tot"), h.Span(h.Class("app-wall__fig"), g.Text(f.Value)), g.Text(" "+f.When)),
			g.If(f.Note != "", h.P(h.Class("app-wall__tot"), g.Text(f.Note))))
	}))
}

// OnePage is a page that is also one sheet of paper (A4, upright).
func OnePage(kids ...Node) Node { return h.Div(h.Class("app-onepage"), g.Group(kids)) }

// DayPicker is one day in one field. It is for filters: a form that asks for a date of
// somebody's life has three fields. It is typed, as a browser's own calendar writes days
// in the order of the computer's language: 07/11 would be 11 July on many.
type DayPicker struct{ ID, Label, Hint, Value, Error string }

// Render writes the input.
func (d DayPicker) Render(w io.Writer) error {
	f := field{id: d.ID, label: d.Label, hint: d.Hint, err: d.Error}
	return render(w, f.group(h.Input(cls("nhsuk-input nhsuk-input--width-10", when(d.Error != "", "nhsuk-input--error")), h.ID(d.ID), h.Name(d.ID), h.Type("text"), h.AutoComplete("off"), h.MaxLength("20"), h.Value(d.Value), f.describedBy())))
}
