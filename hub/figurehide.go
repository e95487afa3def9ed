package hub

import (
	"maps"
	"slices"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
)

// othersPart reports whether what figures are asked of is a part of another organisation
// than the reader's: then small numbers are not shown. A ward, a team or a feed without its
// organisation may be anybody's.
func othersPart(by care.Actor, where map[measure.Dim]string) bool {
	if isOwn(by, where) {
		return false
	}
	return slices.ContainsFunc(orgParts, func(d measure.Dim) bool { return where[d] != "" })
}

// isOwn reports whether what figures are asked of is the reader's own part.
func isOwn(by care.Actor, where map[measure.Dim]string) bool {
	for _, d := range orgDims {
		if v, ok := where[d]; ok && by.Org != "" && nhs.ODS(v) == by.Org {
			return true
		}
	}
	return false
}

// orgDims are the dimensions whose values are organisations.
var orgDims = []measure.Dim{measure.ByHospital, measure.ByCouncil, measure.ByHolder, measure.ByProvider}

// orgParts are those, and what is a part of one.
var orgParts = append(slices.Clone(orgDims), measure.ByWard, measure.ByTeam, measure.ByFeed)

// hideFew hides, on the screen of a reader, figures of few people that are another
// organisation's part, and what they could be worked out from. The reader's own stay.
func (v *FigureView) hideFew(by care.Actor) {
	own, all := map[*measure.Figure]bool{}, othersPart(by, v.Where)
	mark := func(f *measure.Figure, others bool) {
		if !others {
			return
		}
		if n := f.Of(); n > 0 && n < measure.Few {
			f.Few = true
		}
		f.HideOpen()
	}
	if v.Together != nil && all && v.Together.Few { // it would say the part that is hidden
		v.Together = nil
	}
	mark(&v.Total, all)
	hideSlices(&v.Total, v.Slices, all)
	if all && v.Total.Few {
		v.Then, v.Slices = measure.Figure{}, nil
	}
	for i := range v.Steps {
		mark(&v.Steps[i].Figure, all)
	}
	stay := make([]bool, len(v.Groups))
	for i := range v.Groups {
		g := &v.Groups[i]
		where := map[measure.Dim]string{v.By: g.Key}
		maps.Copy(where, v.Where)
		others, mine := othersPart(by, where), isOwn(by, where)
		stay[i] = !others
		mark(&g.Figure, others)
		own[&g.Figure] = mine
		for k := range g.Steps {
			mark(&g.Steps[k].Figure, others)
			own[&g.Steps[k].Figure] = mine
		}
	}
	if isOwn(by, v.Where) {
		return // all of it is the reader's
	}
	v.hideTable(stay)
	for i := range v.Groups {
		hideSlices(&v.Groups[i].Figure, v.Groups[i].Parts, !stay[i])
	}
	measure.SuppressAlone(v.addUp(), own)
	v.tidy()
}

// tidy takes away what stands beside figures that are hidden.
func (v *FigureView) tidy() {
	if v.Total.Few {
		v.Then, v.Slices = measure.Figure{}, nil
	}
	for i := range v.Groups {
		if v.Groups[i].Few {
			v.Groups[i].Parts = nil
		}
	}
}

// hideSlices hides the parts of a distribution that are of few people, and where that
// leaves one alone the next smallest too. f is what they are parts of.
func hideSlices(f *measure.Figure, parts []FigureSlice, hide bool) {
	if !hide {
		return
	}
	hidden, least := 0, -1
	for i, s := range parts {
		switch n := f.Part(s.N); {
		case s.Few:
			hidden++
		case n > 0 && n < measure.Few:
			parts[i].Few = true
			hidden++
		case n > 0 && (least < 0 || s.N < parts[least].N):
			least = i
		}
	}
	if hidden == 1 && least >= 0 {
		parts[least].Few = true
	}
	for i := range parts {
		if parts[i].Few {
			parts[i].N = 0
		}
	}
	if hidden > 0 && f.Hist != nil { // the counts by value would say them
		f.HideValues()
	}
}

// hideTable hides the parts of the groups of a distribution that are of few people, and
// those from which they would follow together with all of a group, or all groups of a
// part. The parts of some groups stay.
func (v *FigureView) hideTable(stay []bool) {
	own, cells := map[*measure.Figure]bool{}, make([][]measure.Figure, len(v.Groups))
	whole := make([]measure.Figure, len(v.Slices)) // of each part, over the groups
	columns := make([][]*measure.Figure, len(whole))
	for k := range whole {
		whole[k], columns[k] = measure.Figure{Known: true}, []*measure.Figure{&whole[k]}
	}
	var lines [][]*measure.Figure
	for i := range v.Groups {
		g := &v.Groups[i]
		if len(g.Parts) != len(whole) {
			return // no distribution
		}
		cells[i] = make([]measure.Figure, len(whole))
		all := &measure.Figure{Known: true}
		line := []*measure.Figure{all}
		for k, part := range g.Parts {
			c := &cells[i][k]
			*c = measure.Figure{Known: true, Over: g.Part(part.N)}
			own[c] = stay[i]
			c.Few = !stay[i] && c.Over > 0 && c.Over < measure.Few
			all.Over, whole[k].Over = all.Over+c.Over, whole[k].Over+c.Over
			line, columns[k] = append(line, c), append(columns[k], c)
		}
		lines = append(lines, line)
	}
	measure.SuppressAlone(append(lines, columns...), own)
	for i := range cells {
		for k := range cells[i] {
			v.Groups[i].Parts[k].hide(cells[i][k].Few)
		}
	}
	for k := range whole {
		if v.Slices[k].hide(whole[k].Few); whole[k].Few && v.Total.Hist != nil { // the counts by value would say it
			v.Total.HideValues()
		}
	}
}

// hide takes the number of a part away.
func (s *FigureSlice) hide(few bool) {
	if s.Few = s.Few || few; s.Few {
		s.N = 0
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
		out.Groups[i].Steps, out.Groups[i].Parts = slices.Clone(v.Groups[i].Steps), slices.Clone(v.Groups[i].Parts)
	}
	out.hideTable(make([]bool, len(out.Groups)))
	for i := range out.Groups {
		hideSlices(&out.Groups[i].Figure, out.Groups[i].Parts, true)
	}
	hideSlices(&out.Total, out.Slices, true)
	if out.Together != nil && out.Together.Few {
		out.Together = nil
	}
	for _, f := range out.figures() {
		f.Thin()
	}
	measure.SuppressTable(out.addUp())
	out.tidy()
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
