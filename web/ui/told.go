package ui

import (
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// A Told is a source with the time as at which it told what the page shows.
type Told struct {
	Source string // such as "Mosaic (Nottinghamshire)"
	At     time.Time
	Stale  bool // silent for longer than agreed
}

// AsAt says how old what is shown is, one line for each source. What is out of
// date is called so and never looks like what is current.
func AsAt(now time.Time, told ...Told) Node {
	return h.Ul(h.Class("app-fresh__list app-asat"), g.Map(told, func(t Told) g.Node {
		if t.Stale {
			return h.Li(h.Class("app-fresh__item app-fresh__item--stale"), h.Strong(g.Text("Out of date: ")),
				g.Text(t.Source+". What we knew at "), on(t.At, now))
		}
		return h.Li(h.Class("app-fresh__item"), g.Text(t.Source+" as at "), on(t.At, now))
	}))
}

// on is a time element with the date only when it is not today's.
func on(t, now time.Time) g.Node { return stamp(t, ClockOn(t, now)) }
