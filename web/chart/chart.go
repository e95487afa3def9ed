// Package chart draws the charts of the screens as SVG on the server: control charts,
// distributions, shares, flows and lines. A chart has a title and a description for
// assistive technology, no script and no style attribute (colours come from the
// stylesheet, so print and forced colours work), horizontal text that does not overlap,
// and says nothing by colour alone. WCAG 2.2 1.1.1, 1.4.1, 1.4.11.
//
// It does not know measures, people or policy, decide what is shown, or work out limits
// (package measure): callers give it numbers and words that may already be shown. The
// table beside a chart is the caller's to write.
package chart

import (
	"html"
	"io"
	"math"
	"strconv"
	"strings"
)

// SVG is a drawing, as it stands in a page. It is itself a node of a page.
type SVG string

// Render writes the drawing.
func (s SVG) Render(w io.Writer) error {
	_, err := io.WriteString(w, string(s))
	return err
}

// Size is for which width of screen a chart is drawn. A page holds both, and the
// stylesheet shows one: text of a drawing that is scaled down cannot be read.
type Size int

// The sizes.
const (
	Wide   Size = iota // 760 units
	Narrow             // 350 units: a phone
)

func (z Size) width() float64 { return [...]float64{Wide: 760, Narrow: 350}[z] }
func (z Size) class() string {
	return [...]string{Wide: "app-chart app-chart--wide", Narrow: "app-chart app-chart--narrow"}[z]
}

// suffix tells the ids of both sizes apart.
func (z Size) suffix() string { return [...]string{Wide: "", Narrow: "-n"}[z] }

// About is what assistive technology reads out of a chart.
type About struct {
	ID    string // of the element, unique on the page
	Title string
	Desc  string // what a reader would see in it, in a sentence or two
}

// canvas collects the pieces of a drawing.
type canvas struct {
	strings.Builder
	size Size
	w    float64
}

func newCanvas(z Size) *canvas { return &canvas{size: z, w: z.width()} }

// num is a coordinate: a tenth of a unit is enough.
func num(v float64) string {
	v = math.Round(v*10) / 10
	if v == 0 {
		v = 0 // no "-0"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// el writes an element without content: its name, and names and values of attributes.
func (c *canvas) el(name string, attrs ...string) {
	c.open(name, attrs...)
	c.WriteString("</" + name + ">")
}

func (c *canvas) open(name string, attrs ...string) {
	c.WriteString("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		c.WriteString(" " + attrs[i] + `="` + html.EscapeString(attrs[i+1]) + `"`)
	}
	c.WriteString(">")
}

// rule is a straight line.
func (c *canvas) rule(class string, x1, y1, x2, y2 float64) {
	c.el("line", "class", class, "x1", num(x1), "y1", num(y1), "x2", num(x2), "y2", num(y2))
}

func (c *canvas) rect(class string, x, y, w, h float64) {
	c.el("rect", "class", class, "x", num(x), "y", num(y), "width", num(w), "height", num(h))
}

// The places of a text, relative to its x.
const (
	atStart  = ""
	atMiddle = "middle"
	atEnd    = "end"
)

// text writes one line; y is its baseline.
func (c *canvas) text(class string, x, y float64, anchor, s string) {
	attrs := []string{"class", class, "x", num(x), "y", num(y)}
	if anchor != atStart {
		attrs = append(attrs, "text-anchor", anchor)
	}
	c.open("text", attrs...)
	c.WriteString(html.EscapeString(s) + "</text>")
}

// done is the whole drawing of a height.
func (c *canvas) done(a About, h float64) SVG {
	id := a.ID + c.size.suffix()
	var out canvas
	out.open("svg", "class", c.size.class(), "viewBox", "0 0 "+num(c.w)+" "+num(h), "role", "img", "aria-labelledby", id+"-t "+id+"-d", "focusable", "false")
	out.open("title", "id", id+"-t")
	out.WriteString(html.EscapeString(a.Title) + "</title>")
	out.open("desc", "id", id+"-d")
	out.WriteString(html.EscapeString(a.Desc) + "</desc>" + c.String() + "</svg>")
	return SVG(out.String())
}

// em is the size of all text of charts, as the stylesheet has it.
const em = 13.0

// TextWidth is how wide a text is at most, in units, in Arial or what stands in for it.
func TextWidth(s string, bold bool) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljtfI.,:;'’|!()[] -", r):
			w += 0.34
		case strings.ContainsRune("mwMW%@", r):
			w += 0.92
		case r >= 'A' && r <= 'Z' || r == '£' || r == '&':
			w += 0.74
		default:
			w += 0.57
		}
	}
	if bold {
		w *= 1.08
	}
	return w * em
}

// wrap breaks a text into lines that are no wider than that, where words allow it.
func wrap(s string, width float64) []string {
	var out []string
	line := ""
	for _, word := range strings.Fields(s) {
		if longer := strings.TrimSpace(line + " " + word); line == "" || TextWidth(longer, false) <= width {
			line = longer
			continue
		}
		out = append(out, line)
		line = word
	}
	return append(out, line)
}

// fit cuts a text to a width, where it is wider.
func fit(s string, width float64, bold bool) string {
	if TextWidth(s, bold) <= width {
		return s
	}
	rs := []rune(s)
	for len(rs) > 1 && TextWidth(string(rs)+"…", bold) > width {
		rs = rs[:len(rs)-1]
	}
	return strings.TrimRight(string(rs), " ") + "…"
}

// scale turns values into heights.
type scale struct {
	lo, hi      float64
	top, bottom float64
	ticks       []float64
}

// newScale is a scale that holds all of some values. floor and ceiling are what values
// never pass; they may be infinite. No step is finer than finest.
func newScale(values []float64, floor, ceiling, finest float64, top, bottom float64) scale {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		lo, hi = math.Min(lo, v), math.Max(hi, v)
	}
	if lo > hi {
		lo, hi = 0, 1
	}
	if lo >= 0 && lo < hi/2 && floor >= 0 {
		lo = 0
	}
	if hi-lo < 1e-9 {
		lo, hi = lo-1, hi+1
	}
	lo, hi = math.Max(lo, floor), math.Min(hi, ceiling)
	if hi-lo < 1e-9 {
		lo, hi = math.Max(hi-1, floor), math.Max(hi, lo+1)
	}
	step := niceStep(math.Max((hi-lo)/6, finest))
	s := scale{lo: math.Floor(lo/step+1e-9) * step, hi: math.Ceil(hi/step-1e-9) * step, top: top, bottom: bottom}
	for k := 0; ; k++ {
		v := s.lo + float64(k)*step
		if v > s.hi+step/1000 {
			return s
		}
		s.ticks = append(s.ticks, v)
	}
}

// niceStep is the least of 1, 2 and 5 times a power of ten that is not under v.
func niceStep(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5, 10} {
		if f*p >= v*(1-1e-9) {
			return f * p
		}
	}
	return 10 * p
}

// y is where a value stands; what is beyond the scale stands at its edge.
func (s scale) y(v float64) float64 {
	v = math.Max(s.lo, math.Min(s.hi, v))
	return s.top + (s.hi-v)/(s.hi-s.lo)*(s.bottom-s.top)
}

// grid draws the steps of a scale between two places, with their values before.
func (c *canvas) grid(s scale, left, right float64, words func(float64) string) {
	for _, v := range s.ticks {
		y := s.y(v)
		c.rule("c-grid", left, y, right, y)
		c.text("c-tick", left-8, y+4, atEnd, words(v))
	}
}

// widest is the width of the widest of some ticks.
func (s scale) widest(words func(float64) string) float64 {
	w := 0.0
	for _, v := range s.ticks {
		w = math.Max(w, TextWidth(words(v), false))
	}
	return w
}

// An axis sets points side by side.
type axis struct {
	left, right float64
	n           int
}

func (a axis) x(i int) float64 {
	if a.n < 2 {
		return (a.left + a.right) / 2
	}
	return a.left + float64(i)*(a.right-a.left)/float64(a.n-1)
}

// names writes the names of points beneath them: as many as stand apart, at equal
// distances, within the drawing.
func (c *canvas) names(a axis, y float64, name func(int) string) {
	wide := 0.0
	for i := range a.n {
		wide = math.Max(wide, TextWidth(name(i), false))
	}
	every := 1
	if a.n > 1 {
		every = max(1, int(math.Ceil((wide+14)/((a.right-a.left)/float64(a.n-1)))))
	}
	for i := 0; i < a.n; i += every {
		if half := TextWidth(name(i), false) / 2; a.x(i)+half <= c.w-2 && a.x(i)-half >= 0 {
			c.text("c-tick", a.x(i), y, atMiddle, name(i))
		}
	}
}

// A label is a text beside the end of a line.
type label struct {
	y, at       float64 // where it would stand, and where it does
	class, text string
	bold        bool
}

// lineGap is from one line of text to the next.
const lineGap = 16

// spread keeps labels apart, in their order, between two heights.
func spread(ls []label, top, bottom float64) []label {
	for i := 1; i < len(ls); i++ { // few: by insertion
		for j := i; j > 0 && ls[j].y < ls[j-1].y; j-- {
			ls[j], ls[j-1] = ls[j-1], ls[j]
		}
	}
	for i := range ls {
		ls[i].at = math.Max(ls[i].y, top)
		if i > 0 {
			ls[i].at = math.Max(ls[i].at, ls[i-1].at+lineGap)
		}
	}
	for i := len(ls) - 1; i >= 0; i-- {
		ls[i].at = math.Min(ls[i].at, bottom)
		if i+1 < len(ls) {
			ls[i].at = math.Min(ls[i].at, ls[i+1].at-lineGap)
		}
	}
	return ls
}

// ends writes labels beside the ends of lines. One that had to move is joined to its
// line.
func (c *canvas) ends(ls []label, x, top, bottom float64) {
	for _, l := range spread(ls, top, bottom) {
		if math.Abs(l.at-l.y) > 3 {
			c.el("path", "class", "c-lead", "d", "M"+num(x)+" "+num(l.y)+"L"+num(x+7)+" "+num(l.at))
		}
		c.text(l.class, x+9, l.at+4, atStart, l.text)
	}
}

// labelRoom is the room that labels need beside lines.
func labelRoom(ls []label) float64 {
	w := 0.0
	for _, l := range ls {
		w = math.Max(w, TextWidth(l.text, l.bold))
	}
	return w + 13
}
