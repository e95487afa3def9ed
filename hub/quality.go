package hub

import (
	"cmp"
	"context"
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

// Amount is how many things there are to put right: in records that are the reader's
// organisation's too, and in others'.
type Amount struct{ Own, Others int64 }

// Say is the amount in words. What is others' alone and fewer than measure.Few is not
// told exactly.
func (a Amount) Say() string {
	few := "fewer than " + strconv.Itoa(measure.Few)
	switch {
	case a.Others == 0 || a.Others >= measure.Few:
		return strconv.FormatInt(a.Own+a.Others, 10)
	case a.Own == 0:
		return few
	}
	return strconv.FormatInt(a.Own+1, 10) + " to " + strconv.FormatInt(a.Own+measure.Few-1, 10)
}

// Hidden reports whether a part of it is not told exactly.
func (a Amount) Hidden() bool { return a.Others > 0 && a.Others < measure.Few }

// Sum is all of it, where that may be told; otherwise what it is at least.
func (a Amount) Sum() int64 {
	if a.Hidden() {
		return a.Own
	}
	return a.Own + a.Others
}

// SayAll is a whole in words, by its parts: where one of them is not told exactly the
// whole is not either, as the one would follow from it.
func SayAll(parts ...Amount) (words string, least int64) {
	hidden := int64(0)
	for _, p := range parts {
		least += p.Sum()
		if p.Hidden() {
			hidden++
		}
	}
	words = strconv.FormatInt(least, 10)
	switch {
	case hidden == 1 && least == 0:
		words = Amount{Others: 1}.Say()
	case hidden > 0:
		words = "at least " + strconv.FormatInt(least+hidden, 10)
	}
	return words, least
}

// Kinded are the parts of a place by kind.
func (p QualityPlace) Kinded() (out []Amount) {
	for _, k := range measure.FindingKinds {
		if a := p.Kinds[k]; a != nil {
			out = append(out, *a)
		}
	}
	return out
}

// OfKind are the parts of all by finding, of one kind or of all ("").
func (v QualityView) OfKind(kind measure.FindingKind) (out []Amount) {
	for _, f := range v.Findings {
		if kind == "" || f.Kind == kind {
			out = append(out, f.Amount)
		}
	}
	return out
}

func (a *Amount) add(own bool) {
	if own {
		a.Own++
	} else {
		a.Others++
	}
}

// QualityLine is how much there is to put right of one finding.
type QualityLine struct {
	measure.Finding
	Amount
	Mender string // who can mend it, where that is the same everywhere
}

// QualityPlace is how much there is to put right in one ward, one council's referrals or
// one feed, by kind.
type QualityPlace struct {
	Org    care.Org
	Code   string // of the ward; the name of the feed
	Name   string
	Total  Amount
	Kinds  map[measure.FindingKind]*Amount
	Mender string
}

// QualityWeek is how much there was to put right at the end of a week, and what was put
// right in it. Few: it is not told, being of fewer than measure.Few.
type QualityWeek struct {
	Start             nhs.Date
	Open, Mended, New int64
	Few               bool
}

// QualityView is what is missing, late, contradictory or improbable in all records.
type QualityView struct {
	At       time.Time
	Findings []QualityLine // those that there are, the most frequent first within each kind
	Feeds    []QualityPlace
	Wards    []QualityPlace
	Councils []QualityPlace
	Weeks    []QualityWeek
	Whose    string // the organisation whose weeks they are; "" all
	MayList  bool   // the reader may ask whose records they are
	MayTake  bool   // and take the counts away

	now int64 // what there is in the records whose weeks they are
}

// qualityWeeks is how many weeks the course of it shows.
const qualityWeeks = 13

// Quality counts what is to be put right in records, by finding, feed, ward and council.
func (h *Hub) Quality(ctx context.Context, by care.Actor) (QualityView, error) {
	var list, take bool
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.SeeQuality, nil, policy.Governance, "", h.now())
		if !a.allowed(policy.SeeQuality) {
			return a.refuse(tx)
		}
		list, take = h.mayListQuality(by), h.mayQuality(by, policy.ExportFigures)
		return a.audit(tx, true, "shown")
	})
	if err != nil {
		return QualityView{}, err
	}
	return view(ctx, h, func(tx *store.Tx) (QualityView, error) {
		v := QualityView{At: h.now(), MayList: list, MayTake: take}
		if err := h.countQuality(tx, by, &v); err != nil {
			return v, err
		}
		return v, h.qualityCourse(tx, by, &v)
	})
}

// mayListQuality reports whether a reader may ask whose records are to be put right:
// who may ask whom figures count, and a ward's staff for their own hospital.
func (h *Hub) mayListQuality(by care.Actor) bool {
	return h.mayQuality(by, policy.DrillFigures, policy.ListWard)
}

// mayQuality reports whether a reader may do one of some things, about nobody in
// particular. Each is decided again, and audited, when it is done.
func (h *Hub) mayQuality(by care.Actor, actions ...policy.Action) bool {
	ctx := policy.Context{Purpose: policy.Governance, Relationship: policy.NoneRelation}
	return slices.ContainsFunc(h.Policies.DecideMany(principal(by), nil, ctx, actions...), func(d policy.Decision) bool { return d.Allow })
}

// own reports whether what a point is about is of the reader's organisation.
func own(by care.Actor, p measure.Point) bool { return p.Hospital == by.Org || p.Council == by.Org }

// countQuality counts the findings that are due now.
func (h *Hub) countQuality(tx *store.Tx, by care.Actor, v *QualityView) error {
	lines, feeds, wards, councils := map[string]*Amount{}, map[[2]string]*QualityPlace{}, map[[2]string]*QualityPlace{}, map[[2]string]*QualityPlace{}
	place := func(in map[[2]string]*QualityPlace, org nhs.ODS, code string, f measure.Finding, own bool) {
		at := in[[2]string{string(org), code}]
		if at == nil {
			at = &QualityPlace{Org: h.Org(org), Code: code, Kinds: map[measure.FindingKind]*Amount{}}
			in[[2]string{string(org), code}] = at
		}
		if at.Kinds[f.Kind] == nil {
			at.Kinds[f.Kind] = &Amount{}
		}
		at.Total.add(own)
		at.Kinds[f.Kind].add(own)
	}
	err := tx.EachPoint(store.PointQuery{Source: measure.Quality.ID, Open: true}, func(k store.KnownPoint) error {
		f, known := measure.FindFinding(k.Reason)
		if !known || k.From.After(v.At) {
			return nil // not due yet
		}
		mine := own(by, k.Point)
		if by.OrgKind == care.Trust && k.Hospital == by.Org || by.OrgKind == care.Council && k.Council == by.Org || by.OrgKind != care.Trust && by.OrgKind != care.Council {
			v.now++
		}
		if lines[k.Reason] == nil {
			lines[k.Reason] = &Amount{}
		}
		lines[k.Reason].add(mine)
		if f.OfReferral() {
			place(councils, k.Council, "", f, mine)
			return nil
		}
		place(wards, k.Hospital, k.Ward, f, mine)
		place(feeds, k.Hospital, k.Feed, f, mine)
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range measure.Findings {
		if n := lines[f.Code]; n != nil {
			v.Findings = append(v.Findings, QualityLine{Finding: f, Amount: *n, Mender: menders[f.Who]})
		}
	}
	slices.SortStableFunc(v.Findings, func(a, b QualityLine) int {
		return cmp.Or(cmp.Compare(slices.Index(measure.FindingKinds, a.Kind), slices.Index(measure.FindingKinds, b.Kind)), cmp.Compare(b.Sum(), a.Sum()))
	})
	v.Wards = places(wards, func(p *QualityPlace) {
		p.Name = cmp.Or(h.wardName(p.Org.ODS, p.Code), "No ward told")
		p.Mender = "Staff of " + p.Name + ", " + p.Org.Name
	})
	v.Feeds = places(feeds, func(p *QualityPlace) {
		p.Name, p.Mender = h.feedTitle(p.Code), menders[measure.FeedMends]
	})
	v.Councils = places(councils, func(p *QualityPlace) {
		p.Name, p.Mender = p.Org.Name, "Team managers of "+p.Org.Name
		if p.Org.ODS == "" {
			p.Name, p.Mender = "Not settled", menders[measure.CoordinatorMends]
		}
	})
	return nil
}

// menders says who can mend a finding.
var menders = map[measure.Mender]string{
	measure.WardMends:        "Staff of the ward, in the hospital’s own system",
	measure.CoordinatorMends: "The hospital’s discharge coordinators",
	measure.CouncilMends:     "The team manager of the council’s team",
	measure.FeedMends:        "The integration engineer, with the hospital’s system team",
	measure.StewardMends:     "Who settles who is who",
}

func places(in map[[2]string]*QualityPlace, name func(*QualityPlace)) []QualityPlace {
	var out []QualityPlace
	for _, p := range in {
		name(p)
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b QualityPlace) int {
		return cmp.Or(-cmp.Compare(a.Total.Sum(), b.Total.Sum()), strings.Compare(a.Org.Name, b.Org.Name), strings.Compare(a.Name, b.Name), strings.Compare(a.Code, b.Code))
	})
	return out
}

// feedTitle is a feed as people call it.
func (h *Hub) feedTitle(name string) string {
	for _, f := range h.Config.Feeds {
		if f.Profile.Feed == name {
			return f.Profile.Title
		}
	}
	return cmp.Or(name, "Not known")
}

// qualityCourse is how it went in the last weeks: of the reader's organisation, or of all
// for those who run Homeward.
func (h *Hub) qualityCourse(tx *store.Tx, by care.Actor, v *QualityView) error {
	today := h.today(v.At)
	last := measure.Weekly.Start(today)
	first := last.Add(-7 * qualityWeeks)
	q := FigureQuery{Measure: "quality-open", From: first, To: today, Every: measure.Daily}
	switch by.OrgKind {
	case care.Trust:
		q.Where = map[measure.Dim]string{measure.ByHospital: string(by.Org)}
	case care.Council:
		q.Where = map[measure.Dim]string{measure.ByCouncil: string(by.Org)}
	}
	if q.Where != nil {
		v.Whose = h.Org(by.Org).Name
	}
	days, err := h.figure(tx, q, map[string]*counting{})
	if err != nil {
		return err
	}
	q.Measure, q.Every = "quality-mended", measure.Weekly
	ended, err := h.figure(tx, q, map[string]*counting{})
	if err != nil {
		return err
	}
	open := map[nhs.Date]int64{}
	for _, s := range days.Steps {
		open[s.Start] = int64(s.Value)
	}
	mended := map[nhs.Date]int64{}
	for _, s := range ended.Steps {
		mended[s.Start] = int64(s.Value)
	}
	for w := first.Add(7); !last.Before(w); w = w.Add(7) {
		x := QualityWeek{Start: w, Open: open[w.Add(6)], Mended: mended[w]}
		if w == last { // it is not over
			x.Open = v.now
		}
		x.New = x.Open - open[w.Add(-1)] + x.Mended
		if q.Where == nil && (x.Open > 0 && x.Open < measure.Few || x.Mended > 0 && x.Mended < measure.Few) {
			x = QualityWeek{Start: w, Few: true}
		}
		v.Weeks = append(v.Weeks, x)
	}
	return nil
}

// QualityCount is one count of what is to be put right, as it may leave the service.
type QualityCount struct {
	By    string // finding, ward, feed or council
	Org   string // of the ward, feed or council
	Name  string
	Kind  measure.FindingKind
	Count int64
	Few   bool // it is of few, and has no number
}

// QualityFile is the counts of Quality as they may be taken away: none is told that is of
// fewer than measure.Few, and no other by which such a one could be worked out.
func (h *Hub) QualityFile(ctx context.Context, by care.Actor) ([]QualityCount, time.Time, error) {
	now := h.now()
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.ExportFigures, nil, policy.Governance, "", now)
		a.decide(policy.SeeQuality, policy.ExportFigures)
		if !a.may[policy.SeeQuality] || !a.may[policy.ExportFigures] {
			return a.refuse(tx)
		}
		return a.audit(tx, true, "taken away: quality of data")
	})
	if err != nil {
		return nil, now, err
	}
	v, err := view(ctx, h, func(tx *store.Tx) (QualityView, error) {
		v := QualityView{At: now}
		return v, h.countQuality(tx, care.Actor{}, &v)
	})
	return v.counts(), now, err
}

// counts are all counts, few hidden, by what they are of and by kind.
func (v QualityView) counts() (out []QualityCount) {
	var parts []*measure.Figure
	whole := func(from int) { // what stands from there on adds up to what others may know
		measure.Suppress(parts[from:])
	}
	add := func(c QualityCount, n int64) {
		c.Count = n
		out, parts = append(out, c), append(parts, &measure.Figure{Over: n})
	}
	for _, kind := range measure.FindingKinds {
		from := len(parts)
		for _, f := range v.Findings {
			if f.Kind == kind {
				add(QualityCount{By: "finding", Name: f.Words, Kind: kind}, f.Own+f.Others)
			}
		}
		whole(from)
		for _, x := range []struct {
			by string
			of []QualityPlace
		}{{"ward", v.Wards}, {"feed", v.Feeds}, {"council", v.Councils}} {
			from := len(parts)
			for _, p := range x.of {
				if n := p.Kinds[kind]; n != nil {
					add(QualityCount{By: x.by, Org: p.Org.Name, Name: p.Name, Kind: kind}, n.Own+n.Others)
				}
			}
			whole(from)
		}
	}
	for i, p := range parts {
		if p.Few {
			out[i].Count, out[i].Few = 0, true
		}
	}
	return out
}
