package ui

import (
	"io"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// Paper is a page that stands by itself, without a header, links or scripts: for a program
// that prints it. Styles are whole style sheets of our own.
type Paper struct {
	Title  string
	Styles []string
	Body   Node
}

// Render writes the page.
func (p Paper) Render(w io.Writer) error {
	return render(w, h.Doctype(h.HTML(h.Lang("en-GB"), h.Class("nhsuk-template"),
		h.Head(h.Meta(h.Charset("utf-8")), h.TitleEl(g.Text(p.Title)), g.Map(p.Styles, func(css string) g.Node { return h.StyleEl(g.Raw(css)) })),
		h.Body(h.Class("nhsuk-template__body"), h.Main(h.Class("nhsuk-main-wrapper"), p.Body)))))
}
