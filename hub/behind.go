package hub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

const (
	behindAtOnce = 100  // people on a page
	behindMost   = 2000 // points that are looked at for one list; beyond them the question must be narrowed
)

// BehindView is whom a figure counts: those whom the reader may see anyway.
type BehindView struct {
	FigureQuery
	Def    measure.Measure
	Rows   []BehindRow
	Page   int  // from 1
	Pages  int  // of those who may be seen
	Others bool // there are others whom the reader may not see
	More   bool // there are more than are looked at: ask for a shorter time or a smaller part
}

// BehindRow is one thing that a figure counts, and whose it is.
type BehindRow struct {
	Case    care.CaseID
	Person  care.Person // only what identifies
	NHS     nhs.Number
	Group   measure.Group
	Words   []string  // the group in words: hospital, ward, council, ...
	From    time.Time // when its clock began
	To      time.Time // when it stopped; zero: it runs
	Value   int64     // in the unit of the source; of a span its nights in the time that was asked
	Out     string    // why it is left out, in words; "" it is counted
	Assumed string    // what was assumed, in words
	Masked  bool      // where the person was is not shown to this reader
}

// Behind lists whom a figure counts, a page of people at a time: those that it counts,
// those that run, and those that it leaves out, with why. Each person is decided about by the
// policies, as on lists; that the others are there is said without a number. The look is
// audited: which figure, and for everybody who is shown that they were.
func (h *Hub) Behind(ctx context.Context, by care.Actor, q FigureQuery, page int) (BehindView, error) {
	now := h.now()
	if !h.ask(by, policy.DrillFigures, nil, policy.DischargePlanning, "", now).allowed(policy.DrillFigures) {
		return BehindView{}, h.update(ctx, func(tx *store.Tx) error {
			a := h.ask(by, policy.DrillFigures, nil, policy.DischargePlanning, "", now)
			a.allowed(policy.DrillFigures)
			return a.refuse(tx)
		})
	}
	m, ok := measure.Find(q.Measure)
	switch {
	case !ok:
		return BehindView{}, &care.Error{Kind: care.NotFound, Field: "measure", Text: "There is no such measure"}
	}
	if err := q.check(); err != nil {
		return BehindView{}, err
	}
	b := &behind{h: h, by: by, q: q, m: m, now: now, page: max(page, 1)}
	v, err := view(ctx, h, b.list)
	if err != nil {
		return BehindView{}, err
	}
	if err := h.update(ctx, b.audit); err != nil { // nothing is shown that is not audited
		return BehindView{}, err
	}
	return v, nil
}

// behind is one list of whom a figure counts.
type behind struct {
	h     *Hub
	by    care.Actor
	q     FigureQuery
	m     measure.Measure
	now   time.Time
	page  int
	terms *accord
	sees  map[care.CaseID]*asking // nil: the reader may not see them
	cases map[care.CaseID]care.Case
	shown []*asking
}

func (b *behind) list(tx *store.Tx) (v BehindView, err error) {
	v = BehindView{FigureQuery: b.q, Def: b.m, Page: b.page}
	b.sees, b.cases, b.shown = map[care.CaseID]*asking{}, map[care.CaseID]care.Case{}, nil
	if b.terms, err = b.h.terms(tx, b.now); err != nil {
		return v, err
	}
	points, more, err := b.points(tx)
	if err != nil {
		return v, err
	}
	v.More = more
	var seen []BehindRow
	for _, p := range points {
		if err := b.see(tx, p.Case); err != nil {
			return v, err
		}
		a := b.sees[p.Case]
		if a == nil || !b.theirs(p) {
			v.Others = true
			continue
		}
		seen = append(seen, b.row(a, p))
	}
	slices.SortStableFunc(seen, func(x, y BehindRow) int {
		return cmp.Or(strings.Compare(x.Out, y.Out), -cmp.Compare(x.Value, y.Value), x.From.Compare(y.From), cmp.Compare(x.Case, y.Case))
	})
	v.Pages = max(1, (len(seen)+behindAtOnce-1)/behindAtOnce)
	from := min((b.page-1)*behindAtOnce, len(seen))
	v.Rows = seen[from:min(from+behindAtOnce, len(seen))]
	did := map[care.CaseID]bool{}
	for _, r := range v.Rows {
		if !did[r.Case] {
			did[r.Case] = true
			b.shown = append(b.shown, b.sees[r.Case])
		}
	}
	return v, nil
}

// points are those that the figure counts, leaves out or has running, as many as are
// looked at; of a span the value is its nights in the time.
func (b *behind) points(tx *store.Tx) (out []measure.Point, more bool, err error) {
	today := b.h.today(b.now)
	if !b.q.KnownAt.IsZero() && b.q.KnownAt.Before(b.now) {
		today = b.h.today(b.q.KnownAt)
	}
	span := b.m.Source.Span
	q := store.PointQuery{Source: b.m.Source.ID, Where: b.q.Where, From: b.q.From, To: b.q.To, KnownAt: b.q.KnownAt, Limit: 2*behindMost + 1}
	n := 0
	err = tx.EachPoint(q, func(k store.KnownPoint) error {
		n++
		p, days := k.Point, int64(0)
		p.Days(span, b.h.Zone, today.Add(-1), func(day nhs.Date, _ int64) {
			if !day.Before(b.q.From) && !b.q.To.Before(day) {
				days++
			}
		})
		runs := p.Open() && nhs.DateOf(p.From.In(b.h.Zone)).Before(b.q.To.Add(1))
		switch {
		case days == 0 && !runs:
			return nil
		case span:
			p.Value = days
		}
		if len(out) < behindMost {
			out = append(out, p)
		} else {
			more = true
		}
		return nil
	})
	return out, more || n > 2*behindMost, err
}

// see decides about one person.
func (b *behind) see(tx *store.Tx, id care.CaseID) error {
	if _, did := b.sees[id]; did {
		return nil
	}
	b.sees[id] = nil
	if id == "" || store.IsErasedPoint(id) {
		return nil
	}
	c, err := tx.Case(id)
	if store.IsNone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	a := b.h.ask(b.by, policy.DrillFigures, &c, policy.DischargePlanning, "", b.now)
	if err := a.onto(tx, b.now); err != nil {
		return err
	}
	a.decide(policy.SeeDemographics, policy.SeeWhereabouts, policy.SeeTimeline, policy.SeeReferral)
	if a.opens() {
		b.sees[id], b.cases[id] = a, c
	}
	return nil
}

// theirs reports whether what is counted is of the reader's own organisation, or of a
// hospital that shares its people with the reader's council: that somebody may be seen does
// not tell what another hospital had with them.
func (b *behind) theirs(p measure.Point) bool {
	if b.by.OrgKind == care.Trust {
		return p.Hospital == b.by.Org
	}
	if p.Hospital != "" && !b.terms.shares(p.Hospital, b.by.Org, listParts...) {
		return false
	}
	return p.Council == b.by.Org
}

func (b *behind) row(a *asking, p measure.Point) BehindRow {
	c := b.cases[p.Case]
	r := BehindRow{Case: p.Case, NHS: c.NHS, Group: p.Group, From: p.From, To: p.To, Value: p.Value, Out: measure.Excluded[p.Out], Assumed: measure.Assumptions[p.Assumed],
		Person: care.Person{Family: c.Person.Family, Given: c.Person.Given, Title: c.Person.Title, Born: c.Person.Born, Sex: c.Person.Sex}}
	if p.Out != "" && r.Out == "" {
		r.Out = p.Out
	}
	if b.by.OrgKind == care.Council && !a.from(p.Hospital)[policy.SeeWhereabouts] || b.by.OrgKind == care.Trust && !a.may[policy.SeeWhereabouts] {
		r.Masked, r.Group.Hospital, r.Group.Ward = true, "", ""
	}
	for _, d := range b.m.By {
		if v := r.Group.Get(d); v != "" && d != measure.ByAge {
			q := FigureQuery{By: d, Where: map[measure.Dim]string{measure.ByHospital: string(r.Group.Hospital)}}
			r.Words = append(r.Words, b.h.dimName(q, v))
		}
	}
	return r
}

// audit writes that the figure was looked behind, and whose rows were shown.
func (b *behind) audit(tx *store.Tx) error {
	said := string(b.m.ID) + " " + b.q.From.String() + " to " + b.q.To.String()
	for _, d := range measure.Dims {
		if v, ok := b.q.Where[d]; ok {
			said += fmt.Sprintf(" %s=%s", d, v)
		}
	}
	if !b.q.KnownAt.IsZero() {
		said += " as known at " + b.q.KnownAt.UTC().Format(time.RFC3339)
	}
	a := b.h.ask(b.by, policy.DrillFigures, nil, policy.DischargePlanning, "", b.now)
	a.allowed(policy.DrillFigures)
	if err := a.audit(tx, true, fmt.Sprintf("%s: page %d, %d people shown", said, b.page, len(b.shown))); err != nil {
		return err
	}
	records := make([]store.AuditRecord, 0, len(b.shown))
	for _, a := range b.shown {
		r := a.record
		r.Allowed, r.Outcome = true, cmp.Or(r.Outcome, "shown behind "+said)
		records = append(records, r)
	}
	if len(records) == 0 {
		return nil
	}
	return tx.Audit(records...)
}
