package hub

import (
	"cmp"
	"context"
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
	Behind bool      // history is still being counted: soon it will have more
	Total  measure.Figure
	Steps  []FigureStep  // where Every was asked, without gaps
	Groups []FigureGroup // where By was asked: the largest first; "" not known, last
	Whole  nhs.Date      // the last day whose figure is complete; it matures until then
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
}

// Figures gives some measures, all as at one moment.
func (h *Hub) Figures(ctx context.Context, by care.Actor, qs ...FigureQuery) ([]FigureView, error) {
	var out []FigureView
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
	return view(ctx, h, func(tx *store.Tx) ([]FigureView, error) {
		out = nil
		for _, q := range qs {
			v, err := h.figure(tx, q)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	})
}

// figure works out one measure.
func (h *Hub) figure(tx *store.Tx, q FigureQuery) (FigureView, error) {
	m, ok := measure.Find(q.Measure)
	switch {
	case !ok:
		return FigureView{}, &care.Error{Kind: care.NotFound, Field: "measure", Text: "There is no such measure"}
	case q.By != "" && !m.Splits(q.By):
		return FigureView{}, &care.Error{Kind: care.Invalid, Field: "by", Text: "This measure cannot be split by that. Choose another"}
	case q.To.Before(q.From) || q.From.IsZero():
		return FigureView{}, &care.Error{Kind: care.Invalid, Field: "from", Text: "The first day must not be after the last day"}
	}
	if q.Every != "" {
		q.From, q.To = q.Every.Start(q.From), q.Every.Next(q.Every.Start(q.To)).Add(-1)
	}
	c := &counting{h: h, q: q, m: m, today: h.today(h.now()), groups: map[string]*counted{}}
	if !q.KnownAt.IsZero() {
		c.today = h.today(q.KnownAt)
	}
	if err := c.count(tx); err != nil {
		return FigureView{}, err
	}
	v := c.view()
	behind, err := h.measuredTo(tx, &v)
	v.Behind = behind
	return v, err
}

// measuredTo says up to when history was counted, and whether there is more.
func (h *Hub) measuredTo(tx *store.Tx, v *FigureView) (bool, error) {
	v.AsAt = h.now()
	at, err := tx.Setting(measureCursor)
	if err != nil {
		return false, err
	}
	seq, err := tx.Seq()
	return at != strconv.FormatInt(seq, 10) && seq > 0, err
}

// counting works out one measure.
type counting struct {
	h      *Hub
	q      FigureQuery
	m      measure.Measure
	today  nhs.Date
	groups map[string]*counted // by the value of By; "" the only one where it is not split
}

// counted are the counts of one group.
type counted struct {
	total measure.Hist
	steps map[nhs.Date]*measure.Hist
	open  int64
}

func (c *counting) group(key string) *counted {
	g := c.groups[key]
	if g == nil {
		g = &counted{steps: map[nhs.Date]*measure.Hist{}}
		c.groups[key] = g
	}
	return g
}

func (g *counted) step(start nhs.Date) *measure.Hist {
	if g.steps[start] == nil {
		g.steps[start] = &measure.Hist{}
	}
	return g.steps[start]
}

// count counts: from what is kept where the cut is, and what runs from the points; all
// from the points where another cut, or a past knowledge, is asked.
func (c *counting) count(tx *store.Tx) error {
	dims := slices.Collect(maps.Keys(c.q.Where))
	if c.q.By != "" && !slices.Contains(dims, c.q.By) {
		dims = append(dims, c.q.By)
	}
	cut, kept := c.m.Source.Cut(dims)
	q := store.PointQuery{Source: c.m.Source.ID, Where: c.q.Where, From: c.q.From, To: c.q.To, KnownAt: c.q.KnownAt}
	if kept && c.q.KnownAt.IsZero() {
		if err := c.cells(tx, cut); err != nil {
			return err
		}
		q.Open = true
	}
	return tx.EachPoint(q, func(k store.KnownPoint) error {
		c.point(k.Point)
		return nil
	})
}

func (c *counting) cells(tx *store.Tx, cut []measure.Dim) error {
	pieces := measure.Cover(c.q.From, c.q.To)
	if c.q.Every != "" {
		pieces = []measure.Piece{{Every: c.q.Every, From: c.q.From, To: c.q.To}}
	}
	at := slices.Index(cut, c.q.By)
	for _, p := range pieces {
		err := tx.EachCell(store.CellQuery{Source: c.m.Source.ID, Cut: cut, Where: c.q.Where, Piece: p}, func(values [2]string, start nhs.Date, body []byte) error {
			key := ""
			if at >= 0 {
				key = values[at]
			}
			g := c.group(key)
			if c.q.Every != "" {
				if err := g.step(start).MergeBytes(body); err != nil {
					return err
				}
			}
			return g.total.MergeBytes(body)
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
	if p.Open() && p.Out == "" {
		g.open++
	}
	p.Days(c.m.Source.Span, c.h.Zone, c.today.Add(-1), func(day nhs.Date, value int64) {
		if day.Before(c.q.From) || c.q.To.Before(day) {
			return
		}
		g.total.Add(p, value, 1)
		if c.q.Every != "" {
			g.step(c.q.Every.Start(day)).Add(p, value, 1)
		}
	})
}

func (c *counting) view() FigureView {
	v := FigureView{FigureQuery: c.q, Def: c.m, Whole: c.today.Add(-1 - c.m.Matures)}
	all := &counted{steps: map[nhs.Date]*measure.Hist{}}
	for key, g := range c.groups {
		all.total.Merge(&g.total)
		all.open += g.open
		for start, hist := range g.steps {
			all.step(start).Merge(hist)
		}
		if c.q.By != "" {
			v.Groups = append(v.Groups, FigureGroup{Key: key, Name: c.h.dimName(c.q.By, key), Figure: c.m.Figure(&g.total, g.open), Steps: c.steps(g)})
		}
	}
	v.Total, v.Steps = c.m.Figure(&all.total, all.open), c.steps(all)
	slices.SortFunc(v.Groups, func(a, b FigureGroup) int {
		return cmp.Or(-cmp.Compare(min(len(a.Key), 1), min(len(b.Key), 1)), -cmp.Compare(a.Value, b.Value), strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	return v
}

// steps are the figures of each step, without gaps, up to today.
func (c *counting) steps(g *counted) []FigureStep {
	if c.q.Every == "" {
		return nil
	}
	var out []FigureStep
	for d := c.q.From; !c.q.To.Before(d) && !c.today.Before(d); d = c.q.Every.Next(d) {
		hist := g.steps[d]
		if hist == nil {
			hist = &measure.Hist{}
		}
		out = append(out, FigureStep{Start: d, Figure: c.m.Figure(hist, 0)})
	}
	return out
}

// dimName is the value of a dimension in words.
func (h *Hub) dimName(d measure.Dim, v string) string {
	switch {
	case v == "":
		return "Not known"
	case d == measure.ByHospital || d == measure.ByCouncil || d == measure.ByHolder || d == measure.ByProvider:
		return h.Org(nhs.ODS(v)).Name
	case d == measure.ByPathway:
		return "Pathway " + v
	}
	return v
}
