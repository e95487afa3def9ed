package hub

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// FigureQuery asks for one measure.
type FigureQuery struct {
	Measure  measure.ID
	Where    map[measure.Dim]string // only these
	By       measure.Dim            // split by; "" not split
	Every    measure.Every          // a figure for each step; "" only for the whole time
	From, To nhs.Date               // the first and the last day, both included
	KnownAt  time.Time              // as was known then; zero: as is known now
}

// FigureView is what a measure gives.
type FigureView struct {
	FigureQuery
	Def    measure.Measure
	AsAt   time.Time // it has all that was recorded by then
	Behind bool      // history is still being counted, or is counted again: soon it will have more
	Total  measure.Figure
	Steps  []FigureStep  // where Every was asked, without gaps
	Groups []FigureGroup // where By was asked: the largest first; "" not known, last
	Slices []FigureSlice // the parts of Total, where the measure has a distribution
	// Together is the figure with those of Def.Adds added up; nil: there are none. Few of it
	// says that a part of it is of few people.
	Together *measure.Figure
	Whole    nhs.Date // the last day whose figure is complete; it matures until then
	Restated
	FigureNotes
}

// Restated says how late news changed a figure. It is empty where an earlier knowledge
// was asked for.
type Restated struct {
	Late int64          // of what counts now, how many became known more than a day after the day on which they count
	Then measure.Figure // as it was known a day after the end of the time; not Known of what is counted at each midnight, and where the time is not over
}

// Changed reports whether the figure is another than it was a day after the end of its time.
func (r Restated) Changed(now measure.Figure) bool {
	return r.Then.Known && (r.Then.Value != now.Value || r.Then.Over != now.Over)
}

// FigureSlice is one part of a distribution.
type FigureSlice struct {
	measure.Slice
	Few bool // it must not leave the service, and has no number any more
}

// FigureStep is the figure of one step.
type FigureStep struct {
	Start nhs.Date
	measure.Figure
}

// FigureGroup is the figure of one part.
type FigureGroup struct {
	Key, Name string
	measure.Figure
	Steps []FigureStep
	Parts []FigureSlice // where the measure has a distribution
}

// Figures gives some measures, all as at one moment.
func (h *Hub) Figures(ctx context.Context, by care.Actor, qs ...FigureQuery) ([]FigureView, error) {
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.SeeFigures, nil, policy.Governance, "", h.now())
		if !a.allowed(policy.SeeFigures) {
			return a.refuse(tx)
		}
		return a.audit(tx, true, "shown")
	})
	if err != nil {
		return nil, err
	}
	return view(ctx, h, func(tx *store.Tx) ([]FigureView, error) { return h.figureViews(tx, by, qs) })
}

// OperatorFigure gives one measure to who operates the site, as it may leave the service.
func (h *Hub) OperatorFigure(ctx context.Context, q FigureQuery) (FigureView, error) {
	v, err := view(ctx, h, func(tx *store.Tx) (FigureView, error) { return h.figure(tx, q, map[string]*counting{}) })
	if err != nil {
		return FigureView{}, err
	}
	err = h.update(ctx, func(tx *store.Tx) error {
		return h.operatorDid(tx, policy.ExportFigures, "printed "+string(q.Measure))
	})
	if err != nil {
		return FigureView{}, err
	}
	return v.Suppressed(), nil
}

// figure works out one measure. What is counted for one serves the others of the same
// source, place and time.
func (h *Hub) figure(tx *store.Tx, q FigureQuery, before map[string]*counting) (FigureView, error) {
	m, ok := measure.Find(q.Measure)
	switch {
	case !ok:
		return FigureView{}, &care.Error{Kind: care.NotFound, Field: "measure", Text: "There is no such measure"}
	case q.By != "" && !m.Splits(q.By):
		return FigureView{}, &care.Error{Kind: care.Invalid, Field: "by", Text: "This measure cannot be split by that. Choose another"}
	}
	if err := q.check(); err != nil {
		return FigureView{}, err
	}
	if q.Every != "" {
		q.From, q.To = q.Every.Start(q.From), q.Every.Next(q.Every.Start(q.To)).Add(-1)
	}
	c, v, err := h.figured(tx, m, q, before)
	if err != nil {
		return FigureView{}, err
	}
	if v.Together, err = h.together(tx, m, v, before); err != nil {
		return v, err
	}
	if v.Behind, err = h.behindHistory(tx); err != nil {
		return v, err
	}
	v.AsAt = h.now()
	assumes := v.Assumes
	v.FigureNotes, err = h.figureNotes(tx, m, c.q)
	v.Assumes = assumes
	return v, err
}

// figured counts one measure, with what it assumes.
func (h *Hub) figured(tx *store.Tx, m measure.Measure, q FigureQuery, before map[string]*counting) (*counting, FigureView, error) {
	key := fmt.Sprint(m.Source.ID, q.Where, q.By, q.Every, q.From, q.To, q.KnownAt)
	c := before[key]
	if c == nil {
		c = &counting{h: h, q: q, source: m.Source, today: h.today(h.now()), groups: map[string]*counted{}}
		if !q.KnownAt.IsZero() && q.KnownAt.Before(h.now()) { // what is to come is not known
			c.today = h.today(q.KnownAt)
		}
		if err := c.count(tx); err != nil {
			return nil, FigureView{}, err
		}
		c.settle()
		before[key] = c
	}
	assumes, err := figureAssumptions(tx, m)
	if err != nil {
		return nil, FigureView{}, err
	}
	v := c.view(under(m, assumes), q)
	v.Assumes = assumes
	return c, v, nil
}

// together is the figure of a measure with those of the measures that can be added to it, of
// the same place and time; nil where there are none, or where one of them is not of places
// like that.
func (h *Hub) together(tx *store.Tx, m measure.Measure, v FigureView, before map[string]*counting) (*measure.Figure, error) {
	if len(m.Adds) == 0 {
		return nil, nil
	}
	sum := measure.Figure{Value: v.Total.Value, Known: v.Total.Known, Over: v.Total.Over, Few: v.Total.Of() > 0 && v.Total.Of() < measure.Few}
	for _, id := range m.Adds {
		o, ok := measure.Find(id)
		if !ok {
			return nil, fmt.Errorf("adding up %s: there is no measure %s", m.ID, id)
		}
		for d := range v.Where {
			if !m.Splits(d) || !o.Splits(d) {
				return nil, nil
			}
		}
		_, x, err := h.figured(tx, o, FigureQuery{Measure: id, Where: v.Where, From: v.From, To: v.To, KnownAt: v.KnownAt}, before)
		if err != nil {
			return nil, err
		}
		sum.Value, sum.Over, sum.Known = sum.Value+x.Total.Value, sum.Over+x.Total.Over, sum.Known || x.Total.Known
		sum.Few = sum.Few || x.Total.Of() > 0 && x.Total.Of() < measure.Few
	}
	return &sum, nil
}

// The bounds of what may be asked: beyond them are slips of the keyboard.
const (
	figureFirst = 1948 // year
	figureLast  = 2200
	figureSteps = 3700 // ten years of days
)

// check says what is wrong with a question, whatever it measures.
func (q FigureQuery) check() error {
	wrong := func(field, text string) error { return &care.Error{Kind: care.Invalid, Field: field, Text: text} }
	switch {
	case !dimsKnown(q.Where):
		return wrong("where", "Figures cannot be chosen by that")
	case q.To.Before(q.From) || q.From.IsZero():
		return wrong("from", "The first day must not be after the last day")
	case q.From.Year < figureFirst:
		return wrong("from", fmt.Sprintf("The first day must be in %d or later", figureFirst))
	case q.To.Year > figureLast:
		return wrong("to", fmt.Sprintf("The last day must be in %d or before", figureLast))
	case q.Every != "" && !slices.Contains(measure.Steps, q.Every):
		return wrong("every", "Select days, weeks or months")
	case q.Every == measure.Daily && q.From.DaysTo(q.To) > figureSteps:
		return wrong("from", "Choose at most 10 years by day; by week or month it may be longer")
	}
	return nil
}

func dimsKnown(where map[measure.Dim]string) bool {
	for d := range where {
		if !slices.Contains(measure.Dims, d) {
			return false
		}
	}
	return true
}

// behindAfter is for how long news may wait to be counted before figures say so: while a
// site is busy there is always some.
const behindAfter = 10 * time.Second

// behindHistory says whether there is history that has been waiting to be counted, or is not
// counted as this program counts.
func (h *Hub) behindHistory(tx *store.Tx) (bool, error) {
	g, err := tx.Generation()
	if err != nil {
		return false, err
	}
	at, err := tx.Setting(measuredTo(g))
	if err != nil {
		return false, err
	}
	seq, err := tx.Seq()
	if err != nil || at == strconv.FormatInt(seq, 10) || seq == 0 {
		if err == nil && seq > 0 {
			return h.countedOtherwise(tx)
		}
		return false, err
	}
	n, err := strconv.ParseInt(cmp.Or(at, "0"), 10, 64)
	if err != nil {
		return false, fmt.Errorf("reading how far history was measured: %w", err)
	}
	rest, err := tx.HistorySince(n, 1) // what is left may be of people who were erased
	if err != nil || len(rest) > 0 && h.now().Sub(rest[0].Recorded) > behindAfter {
		return true, err
	}
	return h.countedOtherwise(tx)
}

// counting counts what is asked of one source.
type counting struct {
	h      *Hub
	q      FigureQuery
	source *measure.Source
	today  nhs.Date
	groups map[string]*counted // by the value of By; "" the only one where it is not split
	all    *counted
	late   int64
	then   *measure.Hist // of the whole, a day after the end; nil: it cannot be said
}

// counted are the counts of one group.
type counted struct {
	sum   measure.Sum
	bySum map[nhs.Date]*measure.Sum
	total *measure.Hist
	steps map[nhs.Date]*measure.Hist
	open  int64
	been  measure.Hist // of spans that run: since how many nights
}

func (c *counting) group(key string) *counted {
	g := c.groups[key]
	if g == nil {
		g = &counted{bySum: map[nhs.Date]*measure.Sum{}}
		c.groups[key] = g
	}
	return g
}

func (g *counted) step(start nhs.Date) *measure.Sum {
	s := g.bySum[start]
	if s == nil {
		s = &measure.Sum{}
		g.bySum[start] = s
	}
	return s
}

func (g *counted) settle() {
	g.total, g.steps = g.sum.Hist(), make(map[nhs.Date]*measure.Hist, len(g.bySum))
	for start, s := range g.bySum {
		g.steps[start] = s.Hist()
	}
}

// settle adds the groups up.
func (c *counting) settle() {
	c.all = c.groups[""]
	if c.q.By != "" || c.all == nil {
		c.all = &counted{bySum: map[nhs.Date]*measure.Sum{}}
		for _, g := range c.groups {
			c.all.sum.Merge(&g.sum)
			c.all.open += g.open
			c.all.been.Merge(&g.been)
			for start, s := range g.bySum {
				c.all.step(start).Merge(s)
			}
		}
	}
	for _, g := range c.groups {
		g.settle()
	}
	c.all.settle()
}

// count counts: from what is kept where the cut is, and what runs from the points; all
// from the points where another cut, or a past knowledge, is asked.
func (c *counting) count(tx *store.Tx) error {
	dims := slices.Collect(maps.Keys(c.q.Where))
	if c.q.By != "" && !slices.Contains(dims, c.q.By) {
		dims = append(dims, c.q.By)
	}
	cut, kept := c.source.Cut(dims)
	if !kept || !c.q.KnownAt.IsZero() {
		q := store.PointQuery{Source: c.source.ID, Where: c.q.Where, From: c.q.From, To: c.q.To, KnownAt: c.q.KnownAt}
		err := tx.EachPoint(q, func(k store.KnownPoint) error {
			c.point(k.Point)
			return nil
		})
		if err != nil || !c.q.KnownAt.IsZero() {
			return err
		}
		return c.restated(tx)
	}
	if err := c.cells(tx, cut); err != nil {
		return err
	}
	if err := c.open(tx); err != nil {
		return err
	}
	return c.restated(tx)
}

// open counts what runs.
func (c *counting) open(tx *store.Tx) error {
	if c.source.Span {
		return tx.OpenSpans(c.source.ID, c.q.Where, c.q.By, c.point)
	}
	return tx.Open(c.source.ID, c.q.Where, c.q.By, func(value string, n int64) { c.group(value).open += n })
}

func (c *counting) cells(tx *store.Tx, cut []measure.Dim) error {
	pieces := measure.Cover(c.q.From, c.q.To)
	switch c.q.Every {
	case "":
	case measure.Monthly:
		pieces = []measure.Piece{{Every: measure.Monthly, From: c.q.From, To: measure.Monthly.Start(c.q.To)}}
	default: // weeks are added up from their days
		pieces = []measure.Piece{{Every: measure.Daily, From: c.q.From, To: c.q.To}}
	}
	at := slices.Index(cut, c.q.By)
	for _, p := range pieces {
		err := tx.EachCell(store.CellQuery{Source: c.source.ID, Cut: cut, Where: c.q.Where, Piece: p}, func(values [2]string, start nhs.Date, body []byte) error {
			key := ""
			if at >= 0 {
				key = values[at]
			}
			g := c.group(key)
			if c.q.Every != "" {
				if err := g.step(c.q.Every.Start(start)).AddBytes(body); err != nil {
					return err
				}
			}
			return g.sum.AddBytes(body)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// point counts one point: those that run as running, and where they are counted at each
// midnight also for the days that have ended.
func (c *counting) point(p measure.Point) {
	key := ""
	if c.q.By != "" {
		key = p.Get(c.q.By)
	}
	g := c.group(key)
	if nights, runs := p.Runs(c.source.Span, c.today, c.h.Zone); runs {
		g.open++
		if c.source.Span {
			g.been.Add(p, nights, 1)
		}
	}
	p.Days(c.source.Span, c.h.Zone, c.today.Add(-1), func(day nhs.Date, value int64) {
		if day.Before(c.q.From) || c.q.To.Before(day) {
			return
		}
		g.sum.Add(p, value, 1)
		if c.q.Every != "" {
			g.step(c.q.Every.Start(day)).Add(p, value, 1)
		}
	})
}

// restated counts what became known late. What was known a day after the end follows
// from what is known now, without what came since and with what went since.
func (c *counting) restated(tx *store.Tx) error {
	r, err := tx.Restated(c.source.ID, c.q.Where, c.q.From, c.q.To)
	c.late = r.Late
	if err != nil || c.source.Span || r.Then.After(c.h.now()) {
		return err
	}
	var then measure.Sum
	for _, g := range c.groups {
		then.Merge(&g.sum)
	}
	for _, p := range r.Came {
		then.Add(p, p.Value, -1)
	}
	for _, p := range r.Went {
		then.Add(p, p.Value, 1)
	}
	c.then = then.Hist()
	return nil
}

func (c *counting) view(m measure.Measure, q FigureQuery) FigureView {
	q.From, q.To = c.q.From, c.q.To
	v := FigureView{FigureQuery: q, Def: m, Whole: c.today.Add(-1 - m.Matures), Restated: Restated{Late: c.late}}
	if q.By != "" {
		for key, g := range c.groups {
			v.Groups = append(v.Groups, FigureGroup{Key: key, Name: c.h.dimName(q, key), Figure: c.figure(m, g.total, g, q.By, q.From, q.To), Steps: c.steps(m, g, q.By), Parts: partsOf(m, g.total)})
		}
	}
	v.Total, v.Steps = c.figure(m, c.all.total, c.all, "", q.From, q.To), c.steps(m, c.all, "")
	if c.then != nil {
		v.Then = m.Figure(c.then, 0)
	}
	v.Slices = partsOf(m, c.all.total)
	slices.SortFunc(v.Groups, func(a, b FigureGroup) int {
		return cmp.Or(-cmp.Compare(min(len(a.Key), 1), min(len(b.Key), 1)), -cmp.Compare(a.Value, b.Value), strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	return v
}

// partsOf are the parts of a distribution; none where the measure has none.
func partsOf(m measure.Measure, h *measure.Hist) (out []FigureSlice) {
	if m.Table == nil {
		return nil
	}
	for _, s := range m.Table(h) {
		out = append(out, FigureSlice{Slice: s})
	}
	return out
}

// steps are the figures of each step, without gaps, up to today.
func (c *counting) steps(m measure.Measure, g *counted, split measure.Dim) []FigureStep {
	if c.q.Every == "" {
		return nil
	}
	var out []FigureStep
	for d := c.q.From; !c.q.To.Before(d) && !c.today.Before(d); d = c.q.Every.Next(d) {
		hist := g.steps[d]
		if hist == nil {
			hist = &measure.Hist{}
		}
		out = append(out, FigureStep{Start: d, Figure: c.figure(m, hist, nil, split, d, c.q.Every.Next(d).Add(-1))})
	}
	return out
}

// figure makes a figure of counts of some days: of a measure of midnights the average of
// those that have passed. g is whose running ones count with it; nil: none. split is the
// dimension of whose one value it is; "" of all.
func (c *counting) figure(m measure.Measure, hist *measure.Hist, g *counted, split measure.Dim, from, to nhs.Date) measure.Figure {
	var open int64
	if g != nil {
		open = m.Running(g.open, &g.been)
	}
	if !to.Before(c.today) {
		to = c.today.Add(-1)
	}
	dims := slices.AppendSeq([]measure.Dim{split}, maps.Keys(c.q.Where))
	return m.Split(m.Average(m.Figure(hist, open), from.DaysTo(to)+1), dims, from.DaysTo(to)+1)
}

// dimName is the value of a dimension in words.
func (h *Hub) dimName(q FigureQuery, v string) string {
	switch d := q.By; {
	case v == "":
		return "Not known"
	case d == measure.ByHospital || d == measure.ByCouncil || d == measure.ByHolder || d == measure.ByProvider:
		return h.Org(nhs.ODS(v)).Name
	case d == measure.ByWard && q.Where[measure.ByHospital] != "":
		return h.wardName(nhs.ODS(q.Where[measure.ByHospital]), v)
	case d == measure.ByPathway:
		return "Pathway " + v
	}
	return h.codeName(q, v)
}
