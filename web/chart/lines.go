package chart

import (
	"math"
	"strconv"
	"strings"
)

// A Series is one line; it has a value for each name of its chart.
type Series struct {
	Name   string
	Values []float64
	Known  []bool // false: a gap
}

// Lines is a few numbers over time, such as a census: a line for each, from 0 in whole
// numbers, each with its name at its end.
type Lines struct {
	About
	Names  []string // of the points, beneath
	Series []Series // at most four
	Words  func(float64) string
}

// SVG draws the lines.
func (k Lines) SVG(z Size) SVG {
	c := newCanvas(z)
	values := []float64{0}
	for _, s := range k.Series {
		for i, v := range s.Values {
			if s.Known[i] {
				values = append(values, v)
			}
		}
	}
	top, bottom := 16.0, [...]float64{Wide: 256, Narrow: 220}[z]
	sc := newScale(values, 0, math.Inf(1), 1, top, bottom)
	var labels []label
	for i, s := range k.Series {
		for j := len(s.Values) - 1; j >= 0; j-- {
			if s.Known[j] {
				labels = append(labels, label{y: sc.y(s.Values[j]), class: "c-lab c-lab--b", text: s.Name + " " + k.Words(s.Values[j]), bold: true})
				break
			}
		}
		if i == MostParts-1 {
			break
		}
	}
	left, right := sc.widest(k.Words)+14, c.w-math.Max(labelRoom(labels), 16)
	a := axis{left: left + 4, right: right - 4, n: len(k.Names)}
	c.grid(sc, left, right, k.Words)
	for n, s := range k.Series[:min(len(k.Series), MostParts)] {
		for _, run := range runs(a, sc, s) {
			c.el("polyline", "class", "c-series c-l"+strconv.Itoa(n+1), "points", run)
		}
	}
	c.names(a, bottom+24, func(i int) string { return k.Names[i] })
	c.ends(labels, right, top, bottom)
	return c.done(k.About, bottom+36)
}

// runs are the parts of a line between its gaps.
func runs(a axis, sc scale, s Series) []string {
	var out, run []string
	flush := func() {
		if len(run) == 1 {
			run = append(run, run[0]) // a point by itself is a dot
		}
		if len(run) > 0 {
			out = append(out, strings.Join(run, " "))
		}
		run = nil
	}
	for i, v := range s.Values {
		if !s.Known[i] {
			flush()
			continue
		}
		run = append(run, num(a.x(i))+","+num(sc.y(v)))
	}
	flush()
	return out
}

// Spark is a small line without words, to stand beside a number that is said in words.
func Spark(s Series) SVG {
	const w, h = 120.0, 32.0
	lo, hi, last := math.Inf(1), math.Inf(-1), -1
	for i, v := range s.Values {
		if s.Known[i] {
			lo, hi, last = math.Min(lo, v), math.Max(hi, v), i
		}
	}
	if last < 0 {
		return ""
	}
	if hi-lo < 1e-9 {
		lo, hi = lo-1, hi+1
	}
	a, sc := axis{left: 4, right: w - 6, n: len(s.Values)}, scale{lo: lo, hi: hi, top: 5, bottom: h - 5}
	c := newCanvas(Wide)
	c.open("svg", "class", "app-spark", "viewBox", "0 0 "+num(w)+" "+num(h), "width", num(w), "height", num(h), "aria-hidden", "true", "focusable", "false")
	for _, run := range runs(a, sc, s) {
		c.el("polyline", "class", "c-line", "points", run)
	}
	c.el("circle", "class", "c-last", "cx", num(a.x(last)), "cy", num(sc.y(s.Values[last])), "r", "3.5")
	c.WriteString("</svg>")
	return SVG(c.String())
}
