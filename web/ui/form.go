package ui

import (
	"io"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// A Form is an HTML form. It posts unless Get is set; a form that may hold
// personal data must never be Get, because the values would stand in the URL.
type Form struct {
	Action   string
	Get      bool   // a filter without personal data
	Upload   bool   // the form has a FileInput
	Autosave string // POST drafts of the form to this URL; AutosaveStatus shows when
	Body     []Node
}

// Render writes the form.
func (f Form) Render(w io.Writer) error {
	method := "post"
	if f.Get {
		method = "get"
	}
	return render(w, h.Form(h.Method(method), h.Action(f.Action), g.Attr("novalidate"),
		g.If(f.Upload, h.EncType("multipart/form-data")),
		g.If(f.Autosave != "", data("autosave", f.Autosave)),
		g.Group(f.Body)))
}

// PostForm is a form that posts to action.
func PostForm(action string, body ...Node) Node { return Form{Action: action, Body: body} }

// AutosaveStatus is where "Draft saved at 10:42" appears.
func AutosaveStatus() Node {
	return h.P(h.Class("app-saved nhsuk-body-s"), h.Role("status"), flag("autosave-status"))
}

// ShowWhen shows body only while the field of that name has one of the values.
// Without JavaScript it is always shown, so the server must not trust it.
func ShowWhen(field string, values []string, body ...Node) Node {
	return h.Div(data("show-when", field+"="+strings.Join(values, "|")), g.Group(body))
}

// Hidden is a hidden value of a form.
func Hidden(name, value string) Node {
	return h.Input(h.Type("hidden"), h.Name(name), h.Value(value))
}

// A FieldError says what is wrong with the field of that id.
type FieldError struct{ ID, Text string }

// ErrorSummary stands above the heading of a refused form and takes the focus.
// Without errors it is nothing.
func ErrorSummary(errs []FieldError) Node {
	if len(errs) == 0 {
		return nil
	}
	return h.Div(h.Class("nhsuk-error-summary"), data("module", "nhsuk-error-summary"), h.Div(h.Role("alert"),
		h.H2(h.Class("nhsuk-error-summary__heading"), g.Text("There is a problem")),
		h.Div(h.Class("nhsuk-error-summary__body"), h.Ul(h.Class("nhsuk-list nhsuk-error-summary__list"),
			g.Map(errs, func(e FieldError) g.Node {
				if e.ID == "" {
					return h.Li(g.Text(e.Text))
				}
				return h.Li(h.A(h.Href("#"+e.ID), g.Text(e.Text)))
			})))))
}

// ErrorFor is the text of the first error of a field, or "".
func ErrorFor(errs []FieldError, id string) string {
	for _, e := range errs {
		if e.ID == id {
			return e.Text
		}
	}
	return ""
}

// A field is what every control shares.
type field struct {
	id, label, hint, err string
	heading              bool // the label is the page's h1
	module               string
	class                string
}

// describedBy is the ids of the hint and the error, after any extra ids.
func (f field) describedBy(extra ...string) g.Node {
	ids := extra
	if f.hint != "" {
		ids = append(ids, f.id+"-hint")
	}
	if f.err != "" {
		ids = append(ids, f.id+"-error")
	}
	if len(ids) == 0 {
		return nil
	}
	return h.Aria("describedby", strings.Join(ids, " "))
}

// group wraps a control with its label, hint and error.
func (f field) group(control ...g.Node) g.Node {
	return h.Div(cls("nhsuk-form-group", when(f.err != "", "nhsuk-form-group--error"), f.class),
		g.If(f.module != "", data("module", f.module)),
		f.labelled(), f.hintAndError(), g.Group(control))
}

func (f field) labelled() g.Node {
	if f.heading {
		return h.H1(h.Class("nhsuk-label-wrapper"), h.Label(h.Class("nhsuk-label nhsuk-label--l"), h.For(f.id), g.Text(f.label)))
	}
	return h.Label(h.Class("nhsuk-label nhsuk-label--s"), h.For(f.id), g.Text(f.label))
}

func (f field) hintAndError() g.Node {
	return g.Group{
		g.Iff(f.hint != "", func() g.Node { return h.Div(h.Class("nhsuk-hint"), h.ID(f.id+"-hint"), g.Text(f.hint)) }),
		g.Iff(f.err != "", func() g.Node {
			return h.Span(h.Class("nhsuk-error-message"), h.ID(f.id+"-error"), hidden("Error: "), g.Text(f.err))
		}),
	}
}

// fieldset wraps several controls with a legend, hint and error.
func (f field) fieldset(role string, control ...g.Node) g.Node {
	legend := h.Legend(h.Class("nhsuk-fieldset__legend nhsuk-fieldset__legend--s"), g.Text(f.label))
	if f.heading {
		legend = h.Legend(h.Class("nhsuk-fieldset__legend nhsuk-fieldset__legend--l"), h.H1(h.Class("nhsuk-fieldset__heading"), g.Text(f.label)))
	}
	return h.Div(cls("nhsuk-form-group", when(f.err != "", "nhsuk-form-group--error")),
		h.FieldSet(h.Class("nhsuk-fieldset"), g.If(role != "", h.Role(role)), f.describedBy(),
			legend, f.hintAndError(), g.Group(control)))
}

// named is name, or id where no name was given.
func named(name, id string) g.Node {
	if name == "" {
		name = id
	}
	return h.Name(name)
}

// An Input is one line of text.
type Input struct {
	ID, Name           string // Name is ID when empty
	Label, Hint, Value string
	Error              string
	Heading            bool // the label is the page's h1
	Width              int  // in characters: 2, 3, 4, 5, 10, 20 or 30; 0 for the whole column
	Prefix, Suffix     string
	Type               string // "text" when empty; "email", "tel"
	Mode               string // inputmode: "numeric", "decimal"
	Autocomplete       string // "off" when empty: shared computers must not remember people
	Code               bool   // monospaced, for numbers that are compared digit by digit
}

// Render writes the input.
func (in Input) Render(w io.Writer) error {
	f := field{id: in.ID, label: in.Label, hint: in.Hint, err: in.Error, heading: in.Heading}
	kind, ac := in.Type, in.Autocomplete
	if kind == "" {
		kind = "text"
	}
	if ac == "" {
		ac = "off"
	}
	box := h.Input(cls("nhsuk-input", when(in.Code, "nhsuk-input--code"), when(in.Error != "", "nhsuk-input--error"), when(in.Width > 0, "nhsuk-input--width-"+strconv.Itoa(in.Width))),
		h.ID(in.ID), named(in.Name, in.ID), h.Type(kind), h.Value(in.Value), h.AutoComplete(ac), g.Attr("spellcheck", "false"),
		g.If(in.Mode != "", g.Attr("inputmode", in.Mode)), f.describedBy())
	if in.Prefix != "" || in.Suffix != "" {
		affix := func(which, text string) g.Node {
			if text == "" {
				return nil
			}
			return h.Div(h.Class("nhsuk-input-wrapper__"+which), h.Aria("hidden", "true"), g.Text(text))
		}
		box = h.Div(h.Class("nhsuk-input-wrapper"), affix("prefix", in.Prefix), box, affix("suffix", in.Suffix))
	}
	return render(w, f.group(box))
}

// A PasswordInput is a password with a button that shows it.
type PasswordInput struct {
	ID, Name, Label, Hint, Error string
	New                          bool // a new password is being chosen
}

// Render writes the input.
func (p PasswordInput) Render(w io.Writer) error {
	f := field{id: p.ID, label: p.Label, hint: p.Hint, err: p.Error, class: "nhsuk-password-input", module: "nhsuk-password-input"}
	ac := "current-password"
	if p.New {
		ac = "new-password"
	}
	return render(w, f.group(h.Div(h.Class("nhsuk-input-wrapper"),
		h.Input(cls("nhsuk-input", when(p.Error != "", "nhsuk-input--error"), "nhsuk-password-input__input", "nhsuk-js-password-input-input"),
			h.ID(p.ID), named(p.Name, p.ID), h.Type("password"), g.Attr("spellcheck", "false"), f.describedBy(), h.AutoComplete(ac), g.Attr("autocapitalize", "none")),
		h.Button(h.Class("nhsuk-button nhsuk-button--secondary nhsuk-button--small nhsuk-password-input__toggle nhsuk-js-password-input-toggle"),
			data("module", "nhsuk-button"), h.Type("button"), h.Aria("label", "Show password"), h.Aria("controls", p.ID), g.Attr("hidden"), g.Text("Show")))))
}

// A DateInput is a day, a month and a year: the fields ID-day, ID-month, ID-year.
type DateInput struct {
	ID, Legend, Hint, Error string
	Heading                 bool
	Day, Month, Year        string
	BadDay, BadMonth        bool // mark only these parts as wrong; with neither of
	BadYear                 bool // the three set an error marks all of them
}

// Render writes the input.
func (d DateInput) Render(w io.Writer) error {
	f := field{id: d.ID, label: d.Legend, hint: d.Hint, err: d.Error, heading: d.Heading}
	all := d.Error != "" && !d.BadDay && !d.BadMonth && !d.BadYear
	part := func(suffix, label, width, v string, bad bool) g.Node {
		id := d.ID + "-" + suffix
		bad = bad || all
		return h.Div(h.Class("nhsuk-date-input__item"), h.Div(cls("nhsuk-form-group", when(bad, "nhsuk-form-group--error")),
			h.Label(h.Class("nhsuk-label nhsuk-date-input__label"), h.For(id), g.Text(label)),
			h.Input(cls("nhsuk-input", "nhsuk-date-input__input", "nhsuk-input--width-"+width, when(bad, "nhsuk-input--error")),
				h.ID(id), h.Name(id), h.Type("text"), g.Attr("inputmode", "numeric"), h.Value(v), h.AutoComplete("off"))))
	}
	return render(w, f.fieldset("group", h.Div(h.Class("nhsuk-date-input"), h.ID(d.ID),
		part("day", "Day", "2", d.Day, d.BadDay), part("month", "Month", "2", d.Month, d.BadMonth), part("year", "Year", "4", d.Year, d.BadYear))))
}

// A Textarea is several lines of text. With Max it counts characters as they
// are typed; the server must check the limit too.
type Textarea struct {
	ID, Name, Label, Hint, Value, Error string
	Heading                             bool
	Rows                                int // 5 when 0
	Max                                 int // characters; 0 for no limit
}

// Render writes the textarea.
func (t Textarea) Render(w io.Writer) error {
	f := field{id: t.ID, label: t.Label, hint: t.Hint, err: t.Error, heading: t.Heading}
	rows := t.Rows
	if rows == 0 {
		rows = 5
	}
	var info []string
	if t.Max > 0 {
		info = []string{t.ID + "-info"}
	}
	area := h.Textarea(cls("nhsuk-textarea", when(t.Error != "", "nhsuk-textarea--error"), when(t.Max > 0, "nhsuk-js-character-count")),
		h.ID(t.ID), named(t.Name, t.ID), h.Rows(strconv.Itoa(rows)), f.describedBy(info...), g.Text(t.Value))
	if t.Max == 0 {
		return render(w, f.group(area))
	}
	n := strconv.Itoa(t.Max)
	return render(w, h.Div(cls("nhsuk-form-group", when(t.Error != "", "nhsuk-form-group--error"), "nhsuk-character-count"),
		data("module", "nhsuk-character-count"), data("maxlength", n),
		f.labelled(), f.hintAndError(), area,
		h.Div(h.Class("nhsuk-hint nhsuk-character-count__message"), h.ID(t.ID+"-info"), g.Text("You can enter up to "+n+" characters"))))
}

// A FileInput takes one file. The form must have Upload set. It is the browser's
// own control: upstream's drop zone gives its button a name that differs from
// its text (WCAG 2.5.3).
type FileInput struct {
	ID, Name, Label, Hint, Error string
	Accept                       string // such as ".csv"
}

// Render writes the input.
func (fi FileInput) Render(w io.Writer) error {
	f := field{id: fi.ID, label: fi.Label, hint: fi.Hint, err: fi.Error, class: "nhsuk-file-upload"}
	return render(w, f.group(h.Input(h.Class("nhsuk-file-upload__input"), h.ID(fi.ID), named(fi.Name, fi.ID), h.Type("file"),
		g.If(fi.Accept != "", h.Accept(fi.Accept)), f.describedBy())))
}

// ButtonKind is how a button looks.
type ButtonKind int

const (
	Primary   ButtonKind = iota // the one thing that this page is for
	Secondary                   // anything else
	Warning                     // cannot be undone
	Reverse                     // on a dark panel
	LinkStyle                   // looks like a link and posts like a button
)

// A Button submits its form, or leads to Href when that is set. A submit button
// is guarded against a double click.
type Button struct {
	Text        string
	About       string // read out after the text where the text alone is not enough
	Kind        ButtonKind
	Small       bool
	Name, Value string // sent when this button submits the form
	Action      string // another action than the form's
	Href        string // a link that looks like a button
}

// Render writes the button.
func (b Button) Render(w io.Writer) error {
	look := [...]string{Primary: "", Secondary: "nhsuk-button--secondary", Warning: "nhsuk-button--warning", Reverse: "nhsuk-button--reverse", LinkStyle: ""}[b.Kind]
	label := g.Group{g.Text(b.Text), g.Iff(b.About != "", func() g.Node { return hidden(" " + b.About) })}
	class := cls("nhsuk-button", look, when(b.Small, "nhsuk-button--small"))
	if b.Kind == LinkStyle {
		class = cls("app-linkbutton")
	}
	if b.Href != "" {
		return render(w, h.A(class, data("module", "nhsuk-button"), href(b.Href), h.Role("button"), g.Attr("draggable", "false"), label))
	}
	return render(w, h.Button(class, g.If(b.Kind != LinkStyle, data("module", "nhsuk-button")), data("prevent-double-click", "true"), h.Type("submit"),
		g.If(b.Name != "", g.Group{h.Name(b.Name), h.Value(b.Value)}), g.If(b.Action != "", h.FormAction(b.Action)), label))
}

// Submit is a primary button.
func Submit(text string) Node { return Button{Text: text} }

// DefaultSubmit is the button that the Enter key presses in a form whose first
// button to be seen does something else. It is not shown and not reached by Tab.
func DefaultSubmit() Node {
	return h.Button(h.Type("submit"), h.Class("nhsuk-u-visually-hidden"), h.TabIndex("-1"), h.Aria("hidden", "true"), g.Text("Save and continue"))
}

// ButtonGroup sets buttons and links side by side.
func ButtonGroup(kids ...Node) Node { return h.Div(h.Class("nhsuk-button-group"), g.Group(kids)) }
