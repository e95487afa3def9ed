package chart

import (
	"html"
	"math"
	"strconv"
)

// A Link is how many went from one place to another.
type Link struct {
	From, To string
	N        int64
}

// Flow is how many went from where to where: a Sankey of two sides. Each place stands
// once on either side, so that who goes back crosses nobody twice.
type Flow struct {
	About
	Order []string // the places, from the first to the last; others come after
	Links []Link   // with N over 0
}

// side is one side of a flow.
type side struct {
	names []string
	total map[string]int64
	y, h  map[string]float64
	next  map[string]float64 // where the next link joins
}

func newSide(order []string) *side {
	return &side{names: order, total: map[string]int64{}, y: map[string]float64{}, h: map[string]float64{}, next: map[string]float64{}}
}

func (s *side) add(name string, n int64) {
	known := false
	for _, x := range s.names {
		known = known || x == name
	}
	if !known {
		s.names = append(append([]string(nil), s.names...), name)
	}
	s.total[name] += n
}

// place sets the places of a side one under the other, and gives how far down it goes.
func (s *side) place(unit, room float64) float64 {
	y := 8.0
	for _, name := range s.names {
		n := s.total[name]
		if n == 0 {
			continue
		}
		h := math.Max(2, float64(n)*unit)
		slot := math.Max(h, lineGap*float64(len(wrap(flowWords(name, n), room)))+2)
		s.y[name], s.h[name], s.next[name] = y+(slot-h)/2, h, y+(slot-h)/2
		y += slot + 10
	}
	return y
}

func flowWords(name string, n int64) string { return name + ": " + strconv.FormatInt(n, 10) }

// SVG draws the flow.
func (f Flow) SVG(z Size) SVG {
	c := newCanvas(z)
	from, to, total := newSide(f.Order), newSide(f.Order), int64(0)
	for _, l := range f.Links {
		from.add(l.From, l.N)
		to.add(l.To, l.N)
		total += l.N
	}
	unit := 220 / math.Max(1, float64(total))
	room := [...]float64{Wide: 180, Narrow: 108}[z]
	height := math.Max(from.place(unit, room), to.place(unit, room))
	x1, x2 := room+16, c.w-room-16
	for _, a := range from.names {
		for _, l := range f.Links {
			if l.From == a {
				f.link(c, from, to, l, unit, x1+6, x2-6)
			}
		}
	}
	for _, s := range []struct {
		*side
		bar, text float64
		anchor    string
	}{{from, x1, x1 - 6, atEnd}, {to, x2 - 6, x2 + 6, atStart}} {
		for _, name := range s.names {
			if n := s.total[name]; n > 0 {
				c.rect("c-stage", s.bar, s.y[name], 6, s.h[name])
				lines := wrap(flowWords(name, n), room)
				for i, w := range lines {
					c.text("c-lab", s.text, s.y[name]+s.h[name]/2+4.5+lineGap*(float64(i)-float64(len(lines)-1)/2), s.anchor, fit(w, room+8, false))
				}
			}
		}
	}
	return c.done(f.About, height+2)
}

// link draws one link, from its share of one place to that of another.
func (f Flow) link(c *canvas, from, to *side, l Link, unit, x1, x2 float64) {
	h := float64(l.N) * unit
	a, b := from.next[l.From], to.next[l.To]
	from.next[l.From], to.next[l.To] = a+h, b+h
	mid := num((x1 + x2) / 2)
	curve := func(xa, ya, xb, yb float64) string {
		return num(xa) + " " + num(ya) + "C" + mid + " " + num(ya) + " " + mid + " " + num(yb) + " " + num(xb) + " " + num(yb)
	}
	c.WriteString("<g><title>")
	c.WriteString(html.EscapeString(l.From + " to " + l.To + ": " + strconv.FormatInt(l.N, 10)))
	c.WriteString("</title>")
	c.el("path", "class", "c-flow", "d", "M"+curve(x1, a, x2, b)+"L"+curve(x2, b+h, x1, a+h)+"Z")
	c.WriteString("</g>")
}
