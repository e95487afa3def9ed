package chart

import (
	"math"
	"strconv"
)

// A Band is one bar of a distribution.
type Band struct {
	Words string
	N     int64
}

// A BandMark says something of one band, such as that the median is in it.
type BandMark struct {
	Band  int
	Words string
}

// Waits is the distribution of waits: a bar for each band, from 0, with its number above
// and its name beneath.
type Waits struct {
	About
	Bands []Band
	Marks []BandMark
}

// SVG draws the distribution.
func (d Waits) SVG(z Size) SVG {
	c := newCanvas(z)
	most := int64(1)
	for _, b := range d.Bands {
		most = max(most, b.N)
	}
	top := 20 + lineGap*float64(len(d.Marks))
	bottom := top + [...]float64{Wide: 190, Narrow: 160}[z]
	slot := (c.w - 8) / math.Max(1, float64(len(d.Bands)))
	lines := 1
	height := func(n int64) float64 { return (bottom - top - 18) * float64(n) / float64(most) }
	for i, b := range d.Bands {
		x := 4 + slot*float64(i)
		h := height(b.N)
		c.rect("c-bar", x+slot*0.1, bottom-h, slot*0.8, h)
		c.text("c-lab c-lab--b", x+slot/2, bottom-h-5, atMiddle, strconv.FormatInt(b.N, 10))
		words := wrap(b.Words, slot-4)
		lines = max(lines, len(words))
		for l, w := range words {
			c.text("c-tick", x+slot/2, bottom+lineGap*float64(l+1), atMiddle, fit(w, slot, false))
		}
	}
	c.rule("c-axis", 4, bottom, c.w-4, bottom)
	for i, m := range d.Marks {
		if m.Band < 0 || m.Band >= len(d.Bands) {
			continue
		}
		x, y := 4+slot*(float64(m.Band)+0.5), 14+lineGap*float64(i)
		c.rule("c-note", x, y+3, x, bottom-height(d.Bands[m.Band].N)-20)
		anchor, dx, room := atStart, 5.0, c.w-x-8
		if TextWidth(m.Words, false) > room && x-8 > room {
			anchor, dx, room = atEnd, -5, x-8
		}
		c.text("c-lab", x+dx, y, anchor, fit(m.Words, room, false))
	}
	return c.done(d.About, bottom+lineGap*float64(lines)+10)
}

// A StackRow is one bar of shares.
type StackRow struct {
	Name string
	N    []int64 // of each part
}

// Stack is shares that make up a whole, a bar for each row: at most four parts, and one
// of what is not known. A chart with more would need colours that cannot be told apart.
type Stack struct {
	About
	Parts []string // with Unknown, the last is of what is not known
	Rows  []StackRow
	// Unknown is that the last part is of what is not known: it is grey, with an edge.
	Unknown bool
}

// MostParts is how many parts a stack has at most, besides what is not known.
const MostParts = 4

// SVG draws the bars, with the names of the parts above.
func (k Stack) SVG(z Size) SVG {
	c := newCanvas(z)
	y := k.key(c) + 10
	for _, r := range k.Rows {
		total := int64(0)
		for _, n := range r.N {
			total += n
		}
		c.text("c-lab c-lab--b", 6, y+12, atStart, fit(r.Name, c.w-12, true))
		y += 18
		x := 6.0
		for i, n := range r.N {
			if n <= 0 || total == 0 {
				continue
			}
			w := (c.w - 12) * float64(n) / float64(total)
			c.rect("c-part "+k.class(i), x, y, w, 30)
			words := strconv.Itoa(int(math.Round(100*float64(n)/float64(total)))) + "%"
			if TextWidth(words, true) < w-8 {
				c.text("c-share "+k.class(i), x+w/2, y+20, atMiddle, words)
			}
			x += w
		}
		if total == 0 {
			c.text("c-tick", 6, y+20, atStart, "Nothing counted")
		}
		y += 44
	}
	return c.done(k.About, y)
}

func (k Stack) class(i int) string {
	if k.Unknown && i == len(k.Parts)-1 || i >= MostParts {
		return "c-s0"
	}
	return "c-s" + strconv.Itoa(i+1)
}

// key writes what each part is, and gives how far down it goes.
func (k Stack) key(c *canvas) float64 {
	x, y := 6.0, 8.0
	for i, p := range k.Parts {
		p = fit(p, c.w-34, false)
		w := 20 + TextWidth(p, false)
		if x > 6 && x+w > c.w-6 {
			x, y = 6, y+22
		}
		c.rect("c-part "+k.class(i), x, y, 14, 14)
		c.text("c-lab", x+20, y+12, atStart, p)
		x += w + 18
	}
	return y + 18
}
