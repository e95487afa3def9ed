package ui

import (
	"io"
	"slices"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// A Choice is one radio button, checkbox or option.
type Choice struct {
	Value, Label, Hint string
	Divider            string // a word such as "or" above this choice
	Exclusive          bool   // checkboxes: "none of these" clears the others
	Disabled           bool
	More               Node // asked only when this choice is taken; not for a Select
}

// Radios asks for one of a few. The first button has the id ID, so that an
// error summary can lead to it.
type Radios struct {
	ID, Name            string // Name is ID when empty
	Legend, Hint, Error string
	Heading             bool // the legend is the page's h1
	Value               string
	Items               []Choice
	Inline, Small       bool
}

// Render writes the radio buttons.
func (r Radios) Render(w io.Writer) error {
	c := choices{kind: "radios", input: "radio", id: r.ID, name: r.Name, small: r.Small, inline: r.Inline, items: r.Items, chosen: []string{r.Value}}
	f := field{id: r.ID, label: r.Legend, hint: r.Hint, err: r.Error, heading: r.Heading}
	return render(w, f.fieldset("", c.node()))
}

// Checkboxes asks for any of a few. The first box has the id ID.
type Checkboxes struct {
	ID, Name            string // Name is ID when empty
	Legend, Hint, Error string
	Heading             bool
	Values              []string
	Items               []Choice
	Inline, Small       bool
}

// Render writes the boxes.
func (c Checkboxes) Render(w io.Writer) error {
	cs := choices{kind: "checkboxes", input: "checkbox", id: c.ID, name: c.Name, small: c.Small, inline: c.Inline, items: c.Items, chosen: c.Values}
	f := field{id: c.ID, label: c.Legend, hint: c.Hint, err: c.Error, heading: c.Heading}
	return render(w, f.fieldset("", cs.node()))
}

// Tick is one small checkbox with a label that only assistive technology reads,
// for choosing rows of a table.
func Tick(id, name, value, label string) Node {
	return h.Div(h.Class("nhsuk-checkboxes nhsuk-checkboxes--small app-tick"), h.Div(h.Class("nhsuk-checkboxes__item"),
		h.Input(h.Class("nhsuk-checkboxes__input"), h.ID(id), h.Name(name), h.Type("checkbox"), h.Value(value)),
		h.Label(h.Class("nhsuk-label nhsuk-checkboxes__label"), h.For(id), hidden(label))))
}

// choices is what radio buttons and checkboxes have in common.
type choices struct {
	kind, input, id, name string
	inline, small         bool
	items                 []Choice
	chosen                []string
}

func (c choices) node() g.Node {
	base := "nhsuk-" + c.kind
	var out g.Group
	for i, it := range c.items {
		id := c.id
		if i > 0 {
			id += "-" + strconv.Itoa(i+1)
		}
		if it.Divider != "" {
			out = append(out, h.Div(h.Class(base+"__divider"), g.Text(it.Divider)))
		}
		out = append(out, c.item(base, id, it))
		if it.More != nil {
			// Hidden before first paint by upstream's class, only where scripts run,
			// and then by app.js: upstream's own script sets aria-expanded, which
			// ARIA does not allow on a radio button.
			out = append(out, h.Div(cls(base+"__conditional", when(!c.taken(it), base+"__conditional--hidden")), h.ID("conditional-"+id), data("show-when", c.field()+"="+it.Value), it.More))
		}
	}
	return h.Div(cls(base, when(c.small, base+"--small"), when(c.inline, base+"--inline")), data("module", base), out)
}

// field is the name that is sent.
func (c choices) field() string {
	if c.name == "" {
		return c.id
	}
	return c.name
}

func (c choices) taken(it Choice) bool { return it.Value != "" && slices.Contains(c.chosen, it.Value) }

func (c choices) item(base, id string, it Choice) g.Node {
	return h.Div(h.Class(base+"__item"),
		h.Input(h.Class(base+"__input"), h.ID(id), h.Name(c.field()), h.Type(c.input), h.Value(it.Value),
			g.If(c.taken(it), h.Checked()), g.If(it.Disabled, h.Disabled()),
			g.If(it.Exclusive, data("behaviour", "exclusive")),
			g.If(it.Hint != "", h.Aria("describedby", id+"-item-hint"))),
		h.Label(h.Class("nhsuk-label "+base+"__label"), h.For(id), g.Text(it.Label)),
		g.Iff(it.Hint != "", func() g.Node {
			return h.Div(h.Class("nhsuk-hint "+base+"__hint"), h.ID(id+"-item-hint"), g.Text(it.Hint))
		}))
}

// A Select asks for one of a known list. Radios are better where there is room.
type Select struct {
	ID, Name, Label, Hint, Error, Value string
	Heading                             bool
	Items                               []Choice
}

// Render writes the select.
func (s Select) Render(w io.Writer) error {
	f := field{id: s.ID, label: s.Label, hint: s.Hint, err: s.Error, heading: s.Heading}
	return render(w, f.group(h.Select(cls("nhsuk-select", when(s.Error != "", "nhsuk-select--error")), h.ID(s.ID), named(s.Name, s.ID), f.describedBy(),
		g.Map(s.Items, func(o Choice) g.Node {
			return h.Option(h.Value(o.Value), g.If(o.Value == s.Value, h.Selected()), g.If(o.Disabled, h.Disabled()), g.Text(o.Label))
		}))))
}
