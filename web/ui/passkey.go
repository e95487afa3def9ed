package ui

import (
	"fmt"
	"io"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
	"rsc.io/qr"
)

// A PasskeyButton asks the browser for a passkey, or to make one, and sends the
// form it stands in with the answer in two hidden fields. Without scripts, or where the browser knows no passkeys, it is
// not there: something else must always do.
type PasskeyButton struct {
	Text   string
	From   string // where the challenge is posted for
	Fields string // the fields are this with "-ticket" and "-answer"
	Make   bool   // make a passkey instead of using one
	Failed string // what is said when nothing came of it
	Second bool   // not the one thing that the page is for
}

// Render writes the button, hidden until app.js shows it.
func (b PasskeyButton) Render(w io.Writer) error {
	failed := b.Failed
	if failed == "" {
		failed = "No passkey was used. Try again, or use another way."
	}
	return render(w, h.Div(h.Class("nhsuk-form-group"),
		Hidden(b.Fields+"-ticket", ""), Hidden(b.Fields+"-answer", ""),
		h.Button(cls("nhsuk-button", when(b.Second, "nhsuk-button--secondary")), h.Type("button"), data("passkey", b.From), data("passkey-fields", b.Fields), data("passkey-failed", failed),
			g.If(b.Make, flag("passkey-make")), g.Attr("hidden"), g.Text(b.Text)),
		h.P(h.Role("status"), flag("passkey-status"), h.Class("nhsuk-body-s"))))
}

// WithoutPasskeys is shown only where the browser knows no passkeys.
func WithoutPasskeys(body ...Node) Node { return h.Div(flag("passkey-without"), g.Group(body)) }

// QR is a picture that a phone's camera reads as text. label says what it is to
// those who do not see it.
func QR(text, label string) (Node, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("drawing a QR code: %w", err)
	}
	const quiet = 4 // light squares around it, ISO/IEC 18004 6.3.8
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for code.Black(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	size := code.Size + 2*quiet
	return g.El("svg", h.Role("img"), h.Aria("label", label), g.Attr("width", "264"), g.Attr("height", "264"), g.Attr("shape-rendering", "crispEdges"),
		g.Attr("viewBox", fmt.Sprintf("0 0 %d %d", size, size)),
		g.El("rect", g.Attr("width", fmt.Sprint(size)), g.Attr("height", fmt.Sprint(size)), g.Attr("fill", "#fff")),
		g.El("path", g.Attr("d", path.String()), g.Attr("fill", "#000"))), nil
}
