package web

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"homeward/hub"
	"homeward/measure"
	"homeward/nhs"
	"homeward/web/chart"
	"homeward/web/ui"
)

// An amount is how the values of a measure are said: one way for all of a page.
type amount struct {
	per       float64 // of the measure's unit make one of what is shown
	one, many string  // what is shown; "" for a share, which has its sign
	share     bool
	digits    int
}

// amountOf is how a measure's values are said, of which the greatest is given: minutes
// become hours and days where that is plainer.
func amountOf(m measure.Measure, most float64) amount {
	switch m.Unit {
	case measure.Share:
		return amount{per: 0.01, share: true}
	case measure.Days:
		return amount{per: 1, one: "day", many: "days", digits: 1}
	case measure.Hours:
		return amount{per: 1, one: "hour", many: "hours", digits: 1}
	case measure.People:
		return amount{per: 1, one: "person", many: "people"}
	case measure.BedDays:
		return amount{per: 1, one: "bed day", many: "bed days"}
	case measure.Minutes:
		switch {
		case most >= 3*24*60:
			return amount{per: 24 * 60, one: "day", many: "days", digits: 1}
		case most >= 3*60:
			return amount{per: 60, one: "hour", many: "hours", digits: 1}
		}
		return amount{per: 1, one: "minute", many: "minutes"}
	}
	return amount{per: 1}
}

// amountFor is amountOf for all values of some figures.
func amountFor(m measure.Measure, views ...hub.FigureView) amount {
	most := 0.0
	for _, v := range views {
		for _, f := range allFigures(v) {
			if f.Known {
				most = max(most, f.Value)
			}
		}
	}
	return amountOf(m, most)
}

// allFigures are all figures of a view.
func allFigures(v hub.FigureView) []measure.Figure {
	out := []measure.Figure{v.Total}
	for _, s := range v.Steps {
		out = append(out, s.Figure)
	}
	for _, g := range v.Groups {
		out = append(out, g.Figure)
	}
	return out
}

// shown is a value in what is shown.
func (a amount) shown(v float64) float64 { return v / a.per }

// bare is a value of what is shown, without its unit: "1,204", "2.3", "62%". A mean of
// whole things keeps one digit; from a hundred on there is none.
func (a amount) bare(v float64) string {
	digits := a.digits
	if v >= 100 || v <= -100 { // more would not be read
		digits = 0
	}
	if !a.share && digits == 0 && v != math.Trunc(v) && v < 100 {
		digits = 1
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if digits > 0 {
		s = strings.TrimSuffix(s, "."+strings.Repeat("0", digits))
	}
	if whole, rest, _ := strings.Cut(s, "."); len(whole) > 3 {
		s = whole[:len(whole)-3] + "," + whole[len(whole)-3:]
		if rest != "" {
			s += "." + rest
		}
		if i := strings.IndexByte(s, ','); i > 3 {
			s = s[:i-3] + "," + s[i-3:]
		}
	}
	if a.share {
		s += "%"
	}
	return s
}

// say is a value of the measure with its unit.
func (a amount) say(v float64) string {
	s := a.bare(a.shown(v))
	switch {
	case a.many == "":
		return s
	case s == "1":
		return s + " " + a.one
	}
	return s + " " + a.many
}

// fewer is what stands in the place of a figure of few people.
const fewer = "fewer than 5"

// sayFigure is a figure in words.
func (a amount) sayFigure(f measure.Figure) string {
	switch {
	case f.Few:
		return fewer
	case !f.Known:
		return "nothing counted"
	}
	return a.say(f.Value)
}

// finest is the least step of a scale whose values can be told apart.
func (a amount) finest() float64 {
	if a.digits > 0 {
		return 0.1
	}
	return 1
}

// stepName is a step on an axis, and stepWhen in a sentence.
func stepName(e measure.Every, d nhs.Date) string {
	if e == measure.Monthly {
		return d.Time().Format("Jan 06")
	}
	return d.Time().Format("2 Jan")
}

func stepWhen(e measure.Every, d nhs.Date) string {
	switch e {
	case measure.Monthly:
		return "in " + d.Time().Format("January 2006")
	case measure.Weekly:
		return "in the week of " + d.Time().Format("2 January")
	}
	return "on " + d.Time().Format("2 January")
}

// A drawn is a measure's series as a control chart, and what it says.
type drawn struct {
	amount
	def    measure.Measure
	view   hub.FigureView
	steps  []hub.FigureStep // from the first in which anything was counted
	chart  measure.Chart
	target *float64 // in what is shown
	notes  []figureNote
	last   int // the last step that is over and has a value; -1: none
}

// A figureNote stands on a chart at a step.
type figureNote struct {
	at     int
	text   string
	rebase bool
}

// draw works out the control chart of a view by steps.
func draw(v hub.FigureView) drawn {
	d := drawn{amount: amountFor(v.Def, v), def: v.Def, view: v, steps: v.Steps, last: -1}
	first := slices.IndexFunc(d.steps, func(s hub.FigureStep) bool { return anything(v.Def, s.Figure) })
	d.steps = d.steps[max(first, 0):]
	if first < 0 {
		d.steps = nil
	}
	d.target, d.notes = d.targetOf(v), d.notesOf(v)
	beats := make([]measure.Beat, len(d.steps))
	for i, s := range d.steps {
		beats[i] = measure.Beat{Value: d.shown(s.Value), Known: s.Known && !s.Few, Part: v.Whole.Before(v.Every.Next(s.Start).Add(-1))}
		if beats[i].Known && !beats[i].Part {
			d.last = i
		}
	}
	for _, n := range d.notes {
		if n.rebase {
			beats[n.at].Rebase = true
		}
	}
	d.chart = measure.Control(beats, v.Def.Better, d.target)
	return d
}

// anything reports whether something was counted for a figure. One that may leave the
// service has no counts by value any more, and of nights each that passed is counted.
func anything(m measure.Measure, f measure.Figure) bool {
	return f.Few || f.Hist != nil && !f.Hist.Empty() || f.Value != 0 || f.Over > 0 && !m.Nightly
}

// ceiling is what values of this measure never pass.
func (d drawn) ceiling() float64 {
	if d.share {
		return 100
	}
	return math.Inf(1)
}

// marks are the marks of measures as charts draw them.
var marks = map[measure.Mark]chart.Mark{measure.NoMark: chart.Usual, measure.MarkBetter: chart.Better, measure.MarkWorse: chart.Worse, measure.MarkHigher: chart.Odd, measure.MarkLower: chart.Odd}

// picture is the control chart for an element of that id.
func (d drawn) picture(id string) chart.Control {
	k := chart.Control{About: chart.About{ID: id, Title: d.def.Title + ", " + everyWords[d.view.Every], Desc: d.describe()}, Target: d.target,
		Words: d.bare, Floor: 0, Ceiling: d.ceiling(), Finest: d.finest()}
	for i, p := range d.chart.Points {
		words := upper(stepWhen(d.view.Every, d.steps[i].Start)) + ": " + d.sayFigure(d.steps[i].Figure)
		switch {
		case p.Part:
			words += ", so far"
		case p.Why != "":
			words += ", " + p.Why
		}
		k.Points = append(k.Points, chart.Point{Name: stepName(d.view.Every, d.steps[i].Start), Words: words, Value: p.Value, Known: p.Known, Part: p.Part, Mark: marks[p.Mark]})
	}
	for _, l := range d.chart.Levels {
		if l.Known > 0 {
			k.Levels = append(k.Levels, chart.Level{From: l.From, To: l.To, Mean: l.Mean, Lower: l.Lower, Upper: l.Upper, Limits: l.Limits})
		}
	}
	for _, n := range d.notes {
		k.Notes = append(k.Notes, n.at)
	}
	return k
}

// both is a chart for wide screens and for narrow ones.
func both(svg func(chart.Size) chart.SVG) ui.Node {
	return ui.Nodes{svg(chart.Wide), svg(chart.Narrow)}
}

// everyWords are steps in words.
var everyWords = map[measure.Every]string{measure.Daily: "by day", measure.Weekly: "by week", measure.Monthly: "by month"}

// stepsWords are the steps of a series in words.
var stepsWords = map[measure.Every]string{measure.Daily: "days", measure.Weekly: "weeks", measure.Monthly: "months"}

// tooFew says that there are no limits yet.
func tooFew(e measure.Every) string { return "Too few " + stepsWords[e] + " to show limits yet" }

// variation is what the chart says of the last step, in words.
func (d drawn) variation() string {
	if d.chart.Variation == measure.TooFew {
		return tooFew(d.view.Every)
	}
	return d.chart.Variation.Say()
}

// verdicts are variation and assurance, with marks.
func (d drawn) verdicts() []ui.Node {
	if d.last < 0 {
		return nil
	}
	mark := marks[measure.Mark(d.chart.Variation)]
	var out []ui.Node
	if d.chart.Variation == measure.TooFew {
		out = append(out, ui.Text(d.variation()))
	} else {
		out = append(out, ui.Verdict(chart.Icon(mark), d.variation()))
	}
	if words := d.chart.Assurance.Say(); words != "" {
		out = append(out, ui.Text(words+" ("+d.say(*d.target*d.per)+")"))
	}
	return out
}

// level is the level that a step is in.
func (d drawn) level(i int) (n int, l measure.Level) {
	for n, l := range d.chart.Levels {
		if l.From <= i && i <= l.To {
			return n, l
		}
	}
	return 0, measure.Level{}
}

// whole is the figure of the last step that is over, whether it has a value or not.
func (d drawn) whole() string {
	for i, p := range slices.Backward(d.chart.Points) {
		if !p.Part {
			return d.sayFigure(d.steps[i].Figure)
		}
	}
	return "not known yet"
}

// finding is what the series found, in one sentence without the measure's name.
func (d drawn) finding() string {
	if d.last < 0 {
		if d.view.Total.Few {
			return upper(fewer) + " people are counted in this time."
		}
		return "Nothing was counted in this time."
	}
	step := d.steps[d.last]
	now := d.sayFigure(step.Figure) + " " + stepWhen(d.view.Every, step.Start)
	n, l := d.level(d.last)
	about := d.say(l.Mean * d.per)
	if n > 0 && l.Known >= measure.FewBeats/2 {
		before := d.chart.Levels[n-1]
		if before.Known > 0 {
			way := "fell"
			if l.Mean > before.Mean {
				way = "rose"
			}
			if d.bare(l.Mean) != d.bare(before.Mean) {
				return upper(way) + " from about " + d.say(before.Mean*d.per) + " to about " + about + d.since(l.From) + "."
			}
		}
	}
	switch d.chart.Variation {
	case measure.TooFew:
		return upper(now) + ". " + tooFew(d.view.Every) + "."
	case measure.Usual:
		return "About " + about + ", with usual variation. " + upper(now) + "."
	}
	return upper(now) + ": " + strings.ToLower(d.chart.Variation.Say()[:1]) + d.chart.Variation.Say()[1:] + ", which is about " + about + "."
}

// since is from when a level holds, and why, where a note says so.
func (d drawn) since(at int) string {
	for _, n := range d.notes {
		if n.rebase && n.at == at {
			return " after “" + n.text + "” (" + strings.TrimPrefix(stepWhen(d.view.Every, d.steps[at].Start), "in the ") + ")"
		}
	}
	return ""
}

// describe is what somebody who does not see the chart is told of it.
func (d drawn) describe() string {
	if len(d.steps) == 0 {
		return "Nothing was counted in this time."
	}
	var odd []string
	gaps := 0
	for i, p := range d.chart.Points {
		if p.Mark != measure.NoMark {
			odd = append(odd, stepWhen(d.view.Every, d.steps[i].Start))
		}
		if !p.Known {
			gaps++
		}
	}
	out := d.finding()
	if len(odd) > 0 {
		out += " " + strconv.Itoa(len(odd)) + " of " + strconv.Itoa(len(d.steps)) + " " + stepsWords[d.view.Every] + " are unusual, the last " + odd[len(odd)-1] + "."
	}
	if gaps > 0 {
		out += " " + strconv.Itoa(gaps) + " have no value."
	}
	if d.def.Better != measure.Neither {
		out += " " + betterWords[d.def.Better] + "."
	}
	return out + " All values are in the table below."
}

// betterWords say which way is better.
var betterWords = map[measure.Better]string{measure.Lower: "Lower is better", measure.Higher: "Higher is better", measure.Neither: "Neither way is better"}

// headline is the finding with the measure's name, as the heading of its page.
func (d drawn) headline() string {
	return d.def.Title + ": " + strings.ToLower(d.finding()[:1]) + strings.TrimSuffix(d.finding()[1:], ".")
}
