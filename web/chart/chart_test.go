package chart

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

// t or rapid's t.
type tester interface {
	Helper()
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

// box is where a text stands.
type box struct {
	x1, y1, x2, y2 float64
	text           string
}

var number = regexp.MustCompile(`-?\d+(?:\.\d+)?`)

// checkDrawing parses a drawing and checks that nothing stands outside, that no two texts
// overlap, and that it is named and keeps to the content policy.
func checkDrawing(t tester, s SVG) []string {
	t.Helper()
	var w, h float64
	var boxes []box
	var texts []string
	var now *box
	inTitle := 0
	ids := map[string]bool{}
	labelled := ""
	dec := xml.NewDecoder(strings.NewReader(string(s)))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			a := map[string]string{}
			for _, at := range x.Attr {
				a[at.Name.Local] = at.Value
				if at.Name.Local == "style" || strings.HasPrefix(at.Name.Local, "on") || strings.Contains(at.Value, "NaN") || strings.Contains(at.Value, "Inf") {
					t.Errorf("%s has %s=%q", x.Name.Local, at.Name.Local, at.Value)
				}
			}
			ids[a["id"]] = true
			switch x.Name.Local {
			case "svg":
				fmt.Sscanf(a["viewBox"], "0 0 %f %f", &w, &h)
				labelled = a["aria-labelledby"]
			case "title", "desc":
				inTitle++
			case "text":
				px, _ := strconv.ParseFloat(a["x"], 64)
				py, _ := strconv.ParseFloat(a["y"], 64)
				now = &box{x1: px, y1: py - 10, y2: py + 3, text: a["text-anchor"] + "|" + a["class"]}
			default:
				inside(t, x.Name.Local, a, w, h)
			}
		case xml.CharData:
			if now != nil {
				anchor, class, _ := strings.Cut(now.text, "|")
				width := TextWidth(string(x), strings.Contains(class, "--b") || class == "c-share" || strings.HasPrefix(class, "c-share "))
				switch anchor {
				case atMiddle:
					now.x1 -= width / 2
				case atEnd:
					now.x1 -= width
				}
				now.x2, now.text = now.x1+width, string(x)
			}
		case xml.EndElement:
			switch x.Name.Local {
			case "title", "desc":
				inTitle--
			case "text":
				if now.x1 < -0.1 || now.y1 < 0 || now.x2 > w+0.1 || now.y2 > h {
					t.Errorf("%q stands outside: %+v of %v by %v", now.text, *now, w, h)
				}
				for _, b := range boxes {
					if now.x1 < b.x2-0.05 && b.x1 < now.x2-0.05 && now.y1 < b.y2-0.05 && b.y1 < now.y2-0.05 {
						t.Errorf("%q overlaps %q: %+v %+v", now.text, b.text, *now, b)
					}
				}
				boxes, texts, now = append(boxes, *now), append(texts, now.text), nil
			}
		}
	}
	for id := range strings.FieldsSeq(labelled) {
		if !ids[id] {
			t.Errorf("it is named by %s, which is not there", id)
		}
	}
	return texts
}

// inside checks the coordinates of an element other than text.
func inside(t tester, name string, a map[string]string, w, h float64) {
	t.Helper()
	in := func(what string, v, most float64) {
		if v < -0.1 || v > most+0.1 {
			t.Errorf("%s of %s is %v, of %v", what, name, v, most)
		}
	}
	for what, most := range map[string]float64{"x": w, "x1": w, "x2": w, "cx": w, "y": h, "y1": h, "y2": h, "cy": h} {
		if s, ok := a[what]; ok {
			v, _ := strconv.ParseFloat(s, 64)
			in(what, v, most)
			if side := map[string]string{"x": "width", "y": "height"}[what]; side != "" && a[side] != "" {
				d, _ := strconv.ParseFloat(a[side], 64)
				if d < 0 {
					t.Errorf("%s of %s is %v", side, name, d)
				}
				in(what+" and "+side, v+d, most)
			}
		}
	}
	if name == "polyline" || a["class"] == "c-flow" {
		at := strings.Map(func(r rune) rune {
			if strings.ContainsRune("MCLZ,", r) {
				return ' '
			}
			return r
		}, a["points"]+a["d"])
		for i, s := range number.FindAllString(at, -1) {
			v, _ := strconv.ParseFloat(s, 64)
			in("a point", v, []float64{w, h}[i%2])
		}
	}
}

func say(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// control is a chart of some values with a change in the middle.
func control(y []float64, target *float64) Control {
	k := Control{About: About{"c", "Average days", "It fell."}, Target: target, Words: say, Floor: 0, Ceiling: math.Inf(1)}
	for i, v := range y {
		k.Points = append(k.Points, Point{Name: fmt.Sprintf("%d May", i+1), Words: "Week <" + say(v) + ">", Value: v, Known: i != 5, Mark: Mark(i % 4), Part: i == len(y)-1})
	}
	if half := len(y) / 2; half > 1 {
		k.Levels = []Level{{From: 0, To: half - 1, Mean: y[0], Lower: y[0] - 1, Upper: y[0] + 1, Limits: true}, {From: half, To: len(y) - 1, Mean: y[half], Lower: y[half] - 2, Upper: y[half] + 2, Limits: true}}
		k.Notes = []int{half, half + 1, len(y) - 1}
	}
	return k
}

// golden compares with the file of that name.
func golden(t *testing.T, name string, s SVG) {
	t.Helper()
	path := filepath.Join("testdata", name+".svg")
	got := strings.ReplaceAll(string(s), "><", ">\n<") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is other than its golden file: look at it, and run with -update if it is better", name)
	}
}

func TestGolden(t *testing.T) {
	target := 2.5
	y := []float64{3.6, 3.9, 3.8, 4.2, 3.5, 3.8, 3.6, 3.6, 4, 6.4, 3.7, 4.3, 3.9, 4, 2.6, 2.1, 2.2, 1.9, 2.2, 2.3, 2.2, 1.9, 2.7, 2.3, 1.9, 2.5, 2.3, 2.7}
	for name, draw := range map[string]func(Size) SVG{
		"control": control(y, &target).SVG,
		"waits": Waits{About: About{"w", "Waits", "Most left on the day."}, Bands: []Band{{"On the day", 120}, {"1 day", 30}, {"2 to 3 days", 18}, {"4 to 6 days", 12}, {"7 to 13 days", 0}, {"14 to 20 days", 2}, {"21 days or more", 1}},
			Marks: []BandMark{{0, "Half had left after 0 days (median)"}, {3, "9 in 10 had left after 5 days"}}}.SVG,
		"stack": Stack{About: About{"s", "Pathways", "Half went home."}, Parts: []string{"Pathway 0", "Pathway 1", "Pathway 2", "Pathway 3", "Not known"}, Unknown: true,
			Rows: []StackRow{{"King’s Mill Hospital", []int64{50, 45, 4, 1, 7}}, {"Nobody’s Hospital", make([]int64, 5)}}}.SVG,
		"flow": Flow{About: About{"f", "Flow", "Most were accepted."}, Order: []string{"To be accepted", "Returned", "To be allocated"}, Links: []Link{{"To be accepted", "To be allocated", 90}, {"To be accepted", "Returned", 12},
			{"Returned", "To be accepted", 9}, {"Returned", "Withdrawn", 3}, {"To be allocated", "Assessment under way", 80}}}.SVG,
		"lines": Lines{About: About{"l", "Census", "It rose."}, Names: []string{"1 May", "2 May", "3 May", "4 May"}, Words: say, Series: []Series{
			{"All", []float64{40, 44, 0, 51}, []bool{true, true, false, true}}, {"14 days or more", []float64{20, 21, 22, 20}, []bool{true, true, true, true}}, {"21 days or more", []float64{19, 20, 21, 20}, []bool{true, true, true, true}}}}.SVG,
	} {
		for _, z := range []Size{Wide, Narrow} {
			s := draw(z)
			checkDrawing(t, s)
			golden(t, name+z.suffix(), s)
		}
	}
	golden(t, "spark", Spark(Series{Values: []float64{3, 4, 0, 2}, Known: []bool{true, true, false, true}}))
	golden(t, "icons", Icon(Usual)+Icon(Better)+Icon(Worse)+Icon(Odd))
	if Spark(Series{Values: []float64{0}, Known: []bool{false}}) != "" {
		t.Error("a spark of nothing")
	}
}

// The ends of lines whose values are all but the same are named apart, each of them.
func TestLabelsOfEqualLinesStandApart(t *testing.T) {
	target := 4.0
	k := control([]float64{4, 4, 4, 4, 4, 4, 4, 4}, &target)
	k.Levels[1].Lower, k.Levels[1].Upper = 3.99, 4.01
	texts := strings.Join(checkDrawing(t, k.SVG(Wide)), "\n")
	for _, want := range []string{"Average 4", "Target 4", "Upper limit", "Lower limit"} {
		if !strings.Contains(texts, want) {
			t.Errorf("no %q in\n%s", want, texts)
		}
	}
}

var names = []string{"To be accepted", "Returned to the hospital", "Allocated", "Assessment", "Arranging care and support", "Ready", "Withdrawn", "A"}

func TestControlIsLegible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]float64{0.001, 1, 100, 1e6}).Draw(t, "unit")
		y := rapid.SliceOfN(rapid.Float64Range(0, 10), 0, 110).Draw(t, "y")
		for i := range y {
			y[i] *= unit
		}
		var target *float64
		if rapid.Bool().Draw(t, "has target") {
			v := unit * rapid.Float64Range(0, 12).Draw(t, "target")
			target = &v
		}
		k := control(y, target)
		if rapid.Bool().Draw(t, "a share") {
			k.Ceiling = unit * 10
			if target != nil {
				*target = min(*target, k.Ceiling)
			}
		}
		for _, z := range []Size{Wide, Narrow} {
			checkDrawing(t, k.SVG(z))
		}
	})
}

func TestBarsAreLegible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SliceOfN(rapid.Int64Range(0, 9999), 1, 8).Draw(t, "n")
		var w Waits
		for i, v := range n {
			w.Bands = append(w.Bands, Band{fmt.Sprintf("%d to %d days", 7*i, 7*i+6), v})
		}
		for _, q := range []string{"Half had left after 3 days (median)", "9 in 10 had left after 21 days"} {
			w.Marks = append(w.Marks, BandMark{rapid.IntRange(-1, len(n)).Draw(t, "band"), q})
		}
		s := Stack{Parts: names[:rapid.IntRange(1, 5).Draw(t, "parts")]}
		s.Unknown = len(s.Parts) == 5
		for range rapid.IntRange(0, 4).Draw(t, "rows") {
			s.Rows = append(s.Rows, StackRow{"A hospital with a name that is rather long, and the name of its town", rapid.SliceOfN(rapid.Int64Range(0, 500), len(s.Parts), len(s.Parts)).Draw(t, "shares")})
		}
		for _, z := range []Size{Wide, Narrow} {
			checkDrawing(t, w.SVG(z))
			checkDrawing(t, s.SVG(z))
		}
	})
}

func TestFlowAndLinesAreLegible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Flow{Order: names[:3]}
		for range rapid.IntRange(0, 20).Draw(t, "links") {
			f.Links = append(f.Links, Link{rapid.SampledFrom(names).Draw(t, "from"), rapid.SampledFrom(names).Draw(t, "to"), rapid.Int64Range(1, 4000).Draw(t, "n")})
		}
		n := rapid.IntRange(0, 90).Draw(t, "n")
		k := Lines{Words: say}
		for i := range n {
			k.Names = append(k.Names, fmt.Sprintf("%d Sep", i))
		}
		for i := range rapid.IntRange(0, 4).Draw(t, "series") {
			k.Series = append(k.Series, Series{Name: names[i], Values: rapid.SliceOfN(rapid.Float64Range(0, 300), n, n).Draw(t, "y"), Known: rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "known")})
		}
		for _, z := range []Size{Wide, Narrow} {
			checkDrawing(t, f.SVG(z))
			checkDrawing(t, k.SVG(z))
		}
	})
}
