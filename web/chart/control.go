package chart

import (
	"html"
	"math"
	"strconv"
	"strings"
)

// Mark is how a point of a control chart is drawn: by shape and colour.
type Mark int

// The marks.
const (
	Usual  Mark = iota // a grey circle
	Better             // a blue diamond
	Worse              // an orange triangle
	Odd                // a purple square: unusual, where neither way is better
)

// A Point is one step of a control chart.
type Point struct {
	Name  string // beneath it, short
	Words string // what it is, in full, for whoever points at it
	Value float64
	Known bool // false: a gap
	Part  bool // it is not over yet: drawn hollow
	Mark  Mark
}

// A Level is a part of a control chart with its own mean and limits.
type Level struct {
	From, To           int
	Mean, Lower, Upper float64
	Limits             bool
}

// A Control is a control chart (XmR): values, mean, limits, target, and numbered marks
// where something changed.
type Control struct {
	About
	Points         []Point
	Levels         []Level
	Target         *float64
	Notes          []int // the points at which notes stand; the chart numbers them from 1
	Words          func(float64) string
	Floor, Ceiling float64 // what values never pass, such as 0; they may be infinite
	Finest         float64 // the least step of the scale that Words can tell apart
}

// SVG draws the chart.
func (k Control) SVG(z Size) SVG {
	c := newCanvas(z)
	rows := k.noteRows(z)
	top, bottom := 16+20*float64(rows), [...]float64{Wide: 286, Narrow: 240}[z]
	s := newScale(k.values(), k.Floor, k.Ceiling, k.Finest, top, bottom)
	left := s.widest(k.Words) + 14
	labels := k.labels(s)
	right := c.w - math.Max(labelRoom(labels), 16)
	a := axis{left: left + 6, right: right - 6, n: len(k.Points)}
	c.grid(s, left, right, k.Words)
	k.notes(c, a, s)
	if k.Target != nil {
		y := s.y(*k.Target)
		c.rule("c-target", left, y, right, y)
	}
	k.levels(c, a, s)
	k.line(c, a, s)
	for i, p := range k.Points {
		if p.Known {
			c.point(p, a.x(i), s.y(p.Value))
		}
	}
	c.names(a, bottom+24, func(i int) string { return k.Points[i].Name })
	c.ends(labels, right, top, bottom)
	return c.done(k.About, bottom+36)
}

// values are all that the scale must hold.
func (k Control) values() []float64 {
	var out []float64
	for _, p := range k.Points {
		if p.Known {
			out = append(out, p.Value)
		}
	}
	for _, l := range k.Levels {
		if l.Limits {
			out = append(out, math.Max(l.Lower, k.Floor), math.Min(l.Upper, k.Ceiling))
		}
	}
	if k.Target != nil {
		out = append(out, *k.Target)
	}
	return out
}

// labels stand at the ends of the last level's lines.
func (k Control) labels(s scale) []label {
	var out []label
	if n := len(k.Levels); n > 0 && k.any(k.Levels[n-1]) {
		l := k.Levels[n-1]
		out = append(out, label{y: s.y(l.Mean), class: "c-lab c-lab--b", text: "Average " + k.Words(l.Mean), bold: true})
		if l.Limits && l.Upper < k.Ceiling {
			out = append(out, label{y: s.y(l.Upper), class: "c-lab", text: "Upper limit"})
		}
		if l.Limits && l.Lower > k.Floor {
			out = append(out, label{y: s.y(l.Lower), class: "c-lab", text: "Lower limit"})
		}
	}
	if k.Target != nil {
		out = append(out, label{y: s.y(*k.Target), class: "c-lab c-lab--target", text: "Target " + k.Words(*k.Target)})
	}
	return out
}

// any reports whether a level has a value.
func (k Control) any(l Level) bool {
	for i := l.From; i <= l.To && i < len(k.Points); i++ {
		if k.Points[i].Known {
			return true
		}
	}
	return false
}

// levels draws means and limits. A limit beyond what values can be is none.
func (k Control) levels(c *canvas, a axis, s scale) {
	for _, l := range k.Levels {
		if !k.any(l) {
			continue
		}
		x1, x2 := a.x(l.From)-4, a.x(l.To)+4
		if l.Limits && l.Upper < k.Ceiling {
			c.rule("c-limit", x1, s.y(l.Upper), x2, s.y(l.Upper))
		}
		if l.Limits && l.Lower > k.Floor {
			c.rule("c-limit", x1, s.y(l.Lower), x2, s.y(l.Lower))
		}
		c.rule("c-mean", x1, s.y(l.Mean), x2, s.y(l.Mean))
	}
}

// line joins neighbours; a gap stays a gap, and the way to what is not over is dashed.
func (k Control) line(c *canvas, a axis, s scale) {
	var run []string
	flush := func() {
		if len(run) > 1 {
			c.el("polyline", "class", "c-line", "points", strings.Join(run, " "))
		}
		run = nil
	}
	for i, p := range k.Points {
		if !p.Known {
			flush()
			continue
		}
		at := num(a.x(i)) + "," + num(s.y(p.Value))
		if p.Part {
			if i > 0 && k.Points[i-1].Known {
				c.rule("c-line c-line--part", a.x(i-1), s.y(k.Points[i-1].Value), a.x(i), s.y(p.Value))
			}
			flush()
			continue
		}
		run = append(run, at)
	}
	flush()
}

// point draws one point by its mark; pointing at it says what it is.
func (c *canvas) point(p Point, x, y float64) {
	c.WriteString("<g><title>" + html.EscapeString(p.Words) + "</title>")
	c.mark(p.Mark, p.Part, x, y)
	c.WriteString("</g>")
}

func (c *canvas) mark(m Mark, part bool, x, y float64) {
	switch {
	case m == Better:
		c.el("path", "class", "c-pt c-pt--imp", "d", "M"+num(x)+" "+num(y-6)+"l6 6-6 6-6-6Z")
	case m == Worse:
		c.el("path", "class", "c-pt c-pt--con", "d", "M"+num(x)+" "+num(y-7)+"l6.5 11.5h-13Z")
	case m == Odd:
		c.el("path", "class", "c-pt c-pt--odd", "d", "M"+num(x-5)+" "+num(y-5)+"h10v10h-10Z")
	case part:
		c.el("circle", "class", "c-pt c-pt--part", "cx", num(x), "cy", num(y), "r", "4")
	default:
		r := "4"
		if c.size == Narrow {
			r = "3"
		}
		c.el("circle", "class", "c-pt", "cx", num(x), "cy", num(y), "r", r)
	}
}

// Icon is a mark by itself, to stand before words that say the same.
func Icon(m Mark) SVG {
	c := newCanvas(Wide)
	c.open("svg", "class", "app-mark", "viewBox", "0 0 16 16", "width", "16", "height", "16", "aria-hidden", "true", "focusable", "false")
	c.mark(m, false, 8, 8)
	c.WriteString("</svg>")
	return SVG(c.String())
}

// noteRow is in which row above the chart each note stands, so that numbers do not
// touch.
func (k Control) noteRow(a axis) []int {
	out := make([]int, len(k.Notes))
	var last []float64 // the place of the last one of each row
	for n, i := range k.Notes {
		row := 0
		for row < len(last) && a.x(i)-last[row] < 20 {
			row++
		}
		if row == len(last) {
			last = append(last, 0)
		}
		last[row], out[n] = a.x(i), row
	}
	return out
}

// noteRows is how many rows notes need, on an axis of the least width that there may be.
func (k Control) noteRows(z Size) int {
	rows := 0
	for _, r := range k.noteRow(k.tight(z)) {
		rows = max(rows, r+1)
	}
	return rows
}

func (k Control) tight(z Size) axis { return axis{left: 0, right: z.width() / 2, n: len(k.Points)} }

// notes draws where notes stand, by number.
func (k Control) notes(c *canvas, a axis, s scale) {
	rows := k.noteRow(k.tight(c.size)) // as there was room made for
	for n, i := range k.Notes {
		x, y := a.x(i), 12+20*float64(rows[n])
		c.rule("c-note", x, y+9, x, s.bottom)
		c.el("circle", "class", "c-noted", "cx", num(x), "cy", num(y), "r", "9")
		c.text("c-notetext", x, y+4, atMiddle, strconv.Itoa(n+1))
	}
}
