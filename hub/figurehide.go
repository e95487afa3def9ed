package hub

import (
	"maps"
	"slices"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
)

// othersPart reports whether what figures are asked of is a part of another organisation
// than the reader's: then small numbers are not shown.
func othersPart(by care.Actor, where map[measure.Dim]string) bool {
	others := false
	for _, d := range []measure.Dim{measure.ByHospital, measure.ByCouncil, measure.ByHolder, measure.ByProvider} {
		v, ok := where[d]
		if ok && nhs.ODS(v) == by.Org {
			return false
		}
		others = others || ok && v != ""
	}
	return others
}

// hideFew hides, on the screen of a reader, figures of few people that are another
// organisation's part.
func (v *FigureView) hideFew(by care.Actor) {
	var parts []*measure.Figure
	for i := range v.Groups {
		where := map[measure.Dim]string{v.By: v.Groups[i].Key}
		maps.Copy(where, v.Where)
		if !othersPart(by, where) {
			continue
		}
		parts = append(parts, &v.Groups[i].Figure)
		hideSteps(v.Groups[i].Steps)
	}
	measure.Suppress(parts)
	if !othersPart(by, v.Where) {
		return
	}
	hideSteps(v.Steps)
	hideSlices(v.Slices)
	if measure.Suppress([]*measure.Figure{&v.Total}) > 0 {
		v.Then, v.Slices = measure.Figure{}, nil
	}
}

func hideSteps(steps []FigureStep) {
	parts := make([]*measure.Figure, len(steps))
	for i := range steps {
		parts[i] = &steps[i].Figure
	}
	measure.Suppress(parts)
}

// hideSlices hides the parts of a distribution that are few, and where that leaves one
// alone the next smallest too.
func hideSlices(slices []FigureSlice) {
	hidden, least := 0, -1
	for i, s := range slices {
		switch {
		case s.N > 0 && s.N < measure.Few:
			slices[i].Few = true
			hidden++
		case s.N > 0 && (least < 0 || s.N < slices[least].N):
			least = i
		}
	}
	if hidden == 1 && least >= 0 {
		slices[least].Few = true
	}
	for i := range slices {
		if slices[i].Few {
			slices[i].N = 0
		}
	}
}

// Suppressed is the view as it may leave the service: a copy in which no figure is of
// fewer than measure.Few people, none can be worked out from the others and the totals, by group,
// by step and by part of a distribution. Its counts by value are gone: what is exported
// is Value and Over.
func (v FigureView) Suppressed() FigureView {
	out := v
	out.Steps, out.Slices, out.Groups = slices.Clone(v.Steps), slices.Clone(v.Slices), slices.Clone(v.Groups)
	for i := range out.Groups {
		out.Groups[i].Steps = slices.Clone(v.Groups[i].Steps)
	}
	measure.SuppressTable(out.addUp())
	hideSlices(out.Slices)
	if out.Total.Few {
		out.Slices = nil
	}
	// What it was then, beside what it is now, tells of those who came late.
	if of := out.Then.Of(); out.Late < measure.Few || of < measure.Few || out.Total.Few || differ(of, v.Total.Of()) < measure.Few {
		out.Then = measure.Figure{}
	}
	if out.Late < measure.Few {
		out.Late = 0
	}
	out.Then.Hist = nil
	for _, f := range out.figures() {
		f.Strip()
	}
	return out
}

func differ(a, b int64) int64 { return max(a-b, b-a) }

// figures are all of the view.
func (v *FigureView) figures() []*measure.Figure {
	out := []*measure.Figure{&v.Total}
	for i := range v.Steps {
		out = append(out, &v.Steps[i].Figure)
	}
	for i := range v.Groups {
		out = append(out, &v.Groups[i].Figure)
		for j := range v.Groups[i].Steps {
			out = append(out, &v.Groups[i].Steps[j].Figure)
		}
	}
	return out
}

// addUp are the figures that add up: all parts of a whole, with the whole.
func (v *FigureView) addUp() (lines [][]*measure.Figure) {
	if len(v.Groups) > 0 {
		whole := []*measure.Figure{&v.Total}
		for i := range v.Groups {
			whole = append(whole, &v.Groups[i].Figure)
		}
		lines = append(lines, whole)
	}
	if len(v.Steps) > 0 {
		whole := []*measure.Figure{&v.Total}
		for i := range v.Steps {
			whole = append(whole, &v.Steps[i].Figure)
		}
		lines = append(lines, whole)
	}
	for i := range v.Steps {
		line := []*measure.Figure{&v.Steps[i].Figure}
		for g := range v.Groups {
			if i < len(v.Groups[g].Steps) {
				line = append(line, &v.Groups[g].Steps[i].Figure)
			}
		}
		lines = append(lines, line)
	}
	for g := range v.Groups {
		line := []*measure.Figure{&v.Groups[g].Figure}
		for i := range v.Groups[g].Steps {
			line = append(line, &v.Groups[g].Steps[i].Figure)
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		lines = append(lines, []*measure.Figure{&v.Total})
	}
	return lines
}
