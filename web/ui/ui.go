// Package ui holds the typed components of Homeward's screens: the NHS design
// system (nhsuk-frontend 10.6.1) and the few parts it lacks, such as the patient
// banner, the live list and the wallboard. It is the only place that writes
// class names or raw HTML, so a page cannot get them wrong.
//
// It does not fetch anything, decide who may see what, or know a case: callers
// hand it values that may already be shown. Every component is a Node: use the
// struct or the call directly as a child.
package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// Service is the name of the service, in the header and in every page title.
const Service = "Homeward"

// A Node is a piece of HTML. A nil Node shows nothing.
type Node = g.Node

// A Nodes is several pieces of HTML in order; it is itself a Node.
type Nodes = g.Group

// Text is escaped text.
func Text(s string) Node { return g.Text(s) }

// Textf is escaped text, formatted as by fmt.Sprintf.
func Textf(format string, args ...any) Node { return g.Text(fmt.Sprintf(format, args...)) }

// If gives what f makes when ok, and nothing otherwise. f is not called when ok
// is false, so it may use values that would then be nil.
func If(ok bool, f func() Node) Node {
	if !ok {
		return nil
	}
	return f()
}

// Map gives one Node for each element of xs.
func Map[T any](xs []T, f func(T) Node) Nodes { return g.Map(xs, f) }

// HTML renders n to a string, as events of the live stream carry it.
func HTML(n Node) (string, error) {
	var b bytes.Buffer
	if n == nil {
		return "", nil
	}
	if err := n.Render(&b); err != nil {
		return "", fmt.Errorf("rendering a part of a page: %w", err)
	}
	return b.String(), nil
}

// render lets every component struct be a Node.
func render(w io.Writer, n g.Node) error {
	if n == nil {
		return nil
	}
	return n.Render(w)
}

// cls is a class attribute of the non-empty names.
func cls(names ...string) g.Node {
	kept := names[:0:0]
	for _, n := range names {
		if n != "" {
			kept = append(kept, n)
		}
	}
	return h.Class(strings.Join(kept, " "))
}

// when is s if ok and "" otherwise.
func when(ok bool, s string) string {
	if ok {
		return s
	}
	return ""
}

// href is a link target. Anything but a path, a fragment, a query, a phone
// number, a mail address or https becomes "#": gomponents would let a
// javascript: link through, and the CSP is only the second line.
func href(u string) g.Node {
	for _, p := range []string{"/", "#", "?", "tel:", "mailto:", "https://"} {
		if strings.HasPrefix(u, p) && !strings.HasPrefix(u, "//") {
			return h.Href(u)
		}
	}
	return h.Href("#")
}

func data(name, value string) g.Node { return g.Attr("data-"+name, value) }

// flag is a data attribute without a value.
func flag(name string) g.Node { return g.Attr("data-" + name) }

func hidden(text string) g.Node {
	return h.Span(h.Class("nhsuk-u-visually-hidden"), g.Text(text))
}

// heading is an h1 to h6. Levels outside that are a programmer's mistake and
// become h2.
func heading(level int, attrs ...g.Node) g.Node {
	if level < 1 || level > 6 {
		level = 2
	}
	return g.El(fmt.Sprintf("h%d", level), attrs...)
}
