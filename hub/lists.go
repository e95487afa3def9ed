package hub

import (
	"cmp"
	"context"
	"slices"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// List gives one of the lists, as the reader may see it: a trust's own people,
// or those referred to the reader's council.
func (h *Hub) List(ctx context.Context, by care.Actor, q ListQuery) (ListView, error) {
	now := h.now()
	var v ListView
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, q.action(by), nil, policy.DischargePlanning, "", now)
		if !a.allowed(q.action(by)) {
			return a.refuse(tx)
		}
		var err error
		if v, err = h.list(tx, by, q, now); err != nil {
			return err
		}
		return a.audit(tx, true, q.Say())
	})
	return v, err
}

func (q ListQuery) action(by care.Actor) policy.Action {
	switch {
	case by.Role == care.WallboardRole:
		return policy.Wall
	case q.Scope == ScopeWard:
		return policy.ListWard
	case q.Scope == ScopeWorklist:
		return policy.ListWorklist
	}
	return policy.ListTracker
}

// Say names the list for the audit.
func (q ListQuery) Say() string { return "listed " + string(q.Scope) }

// scoped narrows what is asked to what the reader's organisation has a part in.
func (q ListQuery) scoped(by care.Actor) store.RowQuery {
	r := store.RowQuery{Hospital: q.Hospital, Council: q.Council, Sort: listSorts[q.Sort], Page: max(q.Page, 1), PerPage: 100}
	if r.Ward = q.Ward; q.Ward == NoWard {
		r.Ward, r.NoWard = "", true
	}
	switch by.OrgKind {
	case care.Trust:
		r.Trust = by.Org
	case care.Council:
		r.Council = by.Org
	default:
		r.Trust = "none"
	}
	if q.Everything {
		r.PerPage = 500
	}
	switch q.Scope {
	case ScopeWard:
		if by.OrgKind == care.Trust {
			r.Hospital = by.Org // one whom this trust referred and another treats is in no ward of ours
		}
		r.InBed, r.Sort = true, cmp.Or(r.Sort, store.SortPlace)
	case ScopeWorklist:
		r.Open, r.Sort = true, cmp.Or(r.Sort, store.SortSent)
	case ScopeUnsettled:
		r.Unresolved, r.Sort = true, cmp.Or(r.Sort, store.SortSent)
	default:
		r.ReadyOrOpen, r.Sort = true, cmp.Or(r.Sort, store.SortReady)
	}
	if q.Worker == "none" {
		r.Unassigned = true
	} else {
		r.Worker = q.Worker
	}
	if q.State != "" {
		r.States = []care.RefState{q.State}
	} else if q.Stage != "" {
		r.States = stageStates[q.Stage]
	}
	r.Pathway = q.Pathway
	return r
}

// listSorts are the orders a list can be asked for in.
var listSorts = map[string]store.RowSort{"wait": store.SortReady, "name": store.SortName, "updated": store.SortUpdated, "bed": store.SortPlace, "received": store.SortSent, "expected": store.SortEDD}

// bound is the start of the local day since which somebody has been ready for
// n whole days at most.
func (h *Hub) bound(n int, now time.Time) time.Time {
	d := h.today(now).Time().AddDate(0, 0, 1-n)
	return time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, h.Zone)
}

// waitBounds turn a kind of wait into the times between which ready-since lies.
func (h *Hub) waitBounds(r *store.RowQuery, w *Wait, now time.Time) {
	if w == nil {
		return
	}
	day := func(n int) time.Time { return h.bound(n, now) }
	r.InBed = true // who has left waits no longer
	switch *w {
	case Delayed:
		r.ReadyBefore = day(h.Limits.Delayed)
	case AtRisk:
		r.ReadyBefore, r.ReadyFrom = day(h.Limits.AtRisk), day(h.Limits.Delayed)
	case OnTrack:
		r.ReadyFrom = day(h.Limits.AtRisk)
	}
}

// listParts are the sections without which a hospital's people are not on a
// council's lists.
var listParts = []policy.Section{policy.Demographics, policy.ReferralPart}

// narrowed is what is asked of the store for a list: only people of those
// hospitals that share who they are and their referrals with the reader's council.
// Where a hospital does not share where people are, asking for it finds nobody.
func (g *accord) narrowed(by care.Actor, q ListQuery) store.RowQuery {
	rq := q.scoped(by)
	if by.OrgKind != care.Council {
		return rq
	}
	rq.Senders = []nhs.ODS{}
	if q.Hospital != "" && !g.shares(q.Hospital, by.Org, policy.Whereabouts) {
		return rq
	}
	for pair := range g.open {
		if pair[1] == by.Org && g.shares(pair[0], by.Org, listParts...) {
			rq.Senders = append(rq.Senders, pair[0])
		}
	}
	slices.Sort(rq.Senders)
	return rq
}

func (h *Hub) list(tx *store.Tx, by care.Actor, q ListQuery, now time.Time) (ListView, error) {
	g, err := h.terms(tx, now)
	if err != nil {
		return ListView{}, err
	}
	rq := g.narrowed(by, q)
	h.waitBounds(&rq, q.Wait, now)
	rq.MovedSince = q.movedSince(now)
	rq.Bands = []time.Time{h.bound(h.Limits.Delayed, now), h.bound(h.Limits.AtRisk, now)}
	v := ListView{Query: q, At: now, AtRisk: h.Limits.AtRisk, Delayed: h.Limits.Delayed}
	if by.OrgKind == care.Council {
		v.Paused = g.pauses(by.Org, listParts...)
	}
	rows, counts, err := tx.Rows(rq)
	if err != nil {
		return v, err
	}
	shown := counts.Total
	if !rq.MovedSince.IsZero() { // who moved away is shown and not counted
		rq.MovedSince = time.Time{}
		if counts, err = tx.Counts(rq); err != nil {
			return v, err
		}
	}
	if v.Seq, err = tx.Seq(); err != nil {
		return v, err
	}
	if v.Sources, err = h.sources(tx, now); err != nil {
		return v, err
	}
	for _, r := range rows {
		if row, ok := h.listRow(g, by, r, v.Sources, q, now); ok {
			v.Rows = append(v.Rows, row)
		}
	}
	v.tally(counts)
	v.Pages = max(1, (shown+rq.PerPage-1)/rq.PerPage)
	if v.Wards, err = h.wards(tx, by, q.Ward); err != nil {
		return v, err
	}
	for _, o := range h.Orgs {
		if o.Kind == care.Trust && (by.OrgKind != care.Trust || o.ODS == by.Org) {
			v.Hospitals = append(v.Hospitals, o)
		}
	}
	return v, nil
}

// movedShown is how long a ward still lists somebody who moved away.
const movedShown = 2 * time.Hour

// movedSince is since when a ward's list shows who moved away; zero on others.
func (q ListQuery) movedSince(now time.Time) time.Time {
	if q.Scope != ScopeWard || q.Ward == "" || q.Ward == NoWard {
		return time.Time{}
	}
	return now.Add(-movedShown)
}

// tally takes the counts, which cover all pages.
func (v *ListView) tally(n store.Counts) {
	v.Total, v.Ready, v.Unreferred = n.Total, n.Ready, n.Unreferred
	v.Counts = [3]int{OnTrack: n.Bands[2], AtRisk: n.Bands[1], Delayed: n.Bands[0]}
	v.NoWait, v.Left = n.InBed-n.Ready, n.Total-n.InBed
}

// days counts whole calendar days since discharge-ready, as the local calendar
// has them (Discharge Ready Date guidance).
func (h *Hub) days(since, now time.Time) int {
	return max(0, nhs.DateOf(since.In(h.Zone)).DaysTo(h.today(now)))
}

func (h *Hub) wait(days int) Wait {
	switch {
	case days >= h.Limits.Delayed:
		return Delayed
	case days >= h.Limits.AtRisk:
		return AtRisk
	}
	return OnTrack
}

// listRow shows one row to a reader; false when this reader may not know of it.
func (h *Hub) listRow(g *accord, by care.Actor, r care.Row, sources []SourceView, q ListQuery, now time.Time) (ListRow, bool) {
	masked := by.OrgKind == care.Trust && r.Hospital != by.Org // another trust treats who was referred from here
	if by.OrgKind == care.Council {
		if !g.shares(r.From, by.Org, listParts...) {
			return ListRow{}, false
		}
		masked = r.Hospital != "" && !g.shares(r.Hospital, by.Org, policy.Whereabouts)
		if masked && (q.Hospital != "" || q.Ward != "") {
			return ListRow{}, false // that they are in what was asked for would tell where they are
		}
	}
	if !masked && !r.Sensitive {
		return h.rowView(by, r, sources, q, now, false), true // the list's own policy covers it
	}
	may := h.mayKnow(g, by, r)
	if r.Sensitive && !may[policy.SeeDemographics] {
		return ListRow{}, false
	}
	l := h.rowView(by, r, sources, q, now, masked || !may[policy.SeeWhereabouts])
	l.Shut = !may[policy.SeeDemographics] || !may[policy.SeeTimeline] && !may[policy.SeeReferral]
	l.NoRefer = !may[policy.Refer]
	return l, true
}

// MayLookUp reports whether a reader may look anybody up: whether a form to do so
// is of use to them. Nothing is told by it, so nothing is audited; Look decides
// again, and audits, each time.
func (h *Hub) MayLookUp(by care.Actor) bool {
	ctx := policy.Context{Purpose: policy.DirectCare, Relationship: policy.NoneRelation}
	return h.Policies.DecideMany(principal(by), nil, ctx, policy.Lookup)[0].Allow
}

// rowView is a row in words. masked takes out where the person is.
func (h *Hub) rowView(by care.Actor, r care.Row, sources []SourceView, q ListQuery, now time.Time, masked bool) ListRow {
	stale := slices.IndexFunc(sources, func(s SourceView) bool { return s.Feed == r.Source && s.Stale && r.InBed })
	moved := !q.movedSince(now).IsZero() && r.Where.Ward != q.Ward
	if masked {
		r.Hospital, r.Source, r.Class, r.Where, r.Was, r.Consultant = "", "", "", care.Location{}, care.Location{}, ""
		r.MovedAt, r.Admitted, r.Left = time.Time{}, time.Time{}, time.Time{}
		r.Criteria = nil
	}
	l := ListRow{Row: r, HospitalName: h.Org(r.Hospital).Name, WardName: cmp.Or(r.Where.Name, r.Where.Ward)}
	l.Masked = masked
	if r.Council != "" {
		l.CouncilName = h.Org(r.Council).Name
	}
	if !r.Ready.IsZero() {
		l.HasWait, l.Days = true, h.days(r.Ready, now)
		l.Wait = h.wait(l.Days)
	}
	l.Stage, l.StageSay = stageOf(r.State)
	l.Waiting, l.With = h.waiting(r), h.with(r)
	l.MovedAway = moved
	l.Overdue = overdue(r, now)
	if stale >= 0 {
		l.Stale, l.AsAt = true, sources[stale].Last
	}
	if by.Role == care.WallboardRole {
		l.Row.NHS, l.Row.Person = nhs.Number{}, initials(r.Person)
	}
	return l
}

// initials are all that a wallboard shows of a person.
func initials(p care.Person) care.Person {
	first := func(s string) string {
		for _, r := range s {
			return string(r)
		}
		return ""
	}
	return care.Person{Given: first(p.Given), Family: first(p.Family)}
}

// mayKnow decides about one person on a list by what the row tells: who they are
// and where, and what the row may lead to. The case page decides again on the
// whole case.
func (h *Hub) mayKnow(g *accord, by care.Actor, r care.Row) map[policy.Action]bool {
	f := &policy.Case{ID: string(r.Case), AgeKnown: true, Adult: true, Restricted: r.Sensitive, Frozen: r.Frozen, Died: r.Died}
	f.Hospitals = add(nil, r.Hospital)
	f.ReferredBy, f.ReferredTo = add(nil, r.From), add(nil, r.Council)
	p := principal(by)
	ctx := policy.Context{Purpose: policy.DischargePlanning, Relationship: policy.Relate(p, f, false), Open: policy.Own(p, f)}
	for _, org := range []nhs.ODS{r.Hospital, r.From, r.Council} {
		if org != "" && org != by.Org {
			ctx.Open = append(ctx.Open, g.flows(org, by.Org)...)
		}
	}
	ctx.Open = inOrder(ctx.Open)
	may := map[policy.Action]bool{}
	for i, d := range h.Policies.DecideMany(p, f, ctx, rowActions...) {
		may[rowActions[i]] = d.Allow
	}
	return may
}

var rowActions = []policy.Action{policy.SeeDemographics, policy.SeeWhereabouts, policy.SeeTimeline, policy.SeeReferral, policy.Refer}

// stageStates are the columns of the board.
var stageStates = map[string][]care.RefState{
	"referred":   {care.RefSent, care.RefReceived, care.RefReturned, care.RefAccepted},
	"allocated":  {care.RefAllocated},
	"assessment": {care.RefAssessing, care.RefPlanning},
	"arranging":  {care.RefSourcing},
	"ready":      {care.RefReady},
	"on-hold":    {care.RefOnHold},
}

// Stages lists the columns of the board, in order, with their titles.
func Stages() [][2]string {
	return [][2]string{{"none", "Not referred"}, {"referred", "Referred"}, {"allocated", "Allocated"}, {"assessment", "Assessment"}, {"arranging", "Arranging care"}, {"ready", "Ready to leave"}, {"on-hold", "On hold"}, {"left", "Gone home"}}
}

// StageOf is the column of the board that a state stands in.
func StageOf(s care.RefState) string {
	column, _ := stageOf(s)
	return column
}

func stageOf(s care.RefState) (column, words string) {
	if s == "" {
		return "none", "Not referred"
	}
	for _, st := range Stages() {
		if slices.Contains(stageStates[st[0]], s) {
			return st[0], s.Say()
		}
	}
	return "left", s.Say()
}

// waiting says what is waited for, in words, from who holds the referral.
func (h *Hub) waiting(r care.Row) string {
	switch {
	case r.Died:
		return "Nothing: the person died"
	case r.Referral == "" && !r.Ready.IsZero():
		return "Referral, or leaving without one"
	case r.Referral == "":
		return "Not ready yet"
	case !r.Open:
		return "Nothing"
	}
	return cmp.Or(r.Holder.Next, r.State.Say())
}

// with says who has it: "Nottinghamshire County Council, A Patel".
func (h *Hub) with(r care.Row) string {
	if r.Referral == "" || !r.Open {
		return ""
	}
	return h.holderSay(r.Holder)
}

// holderSay is who has it where teams are not called by their names.
func (h *Hub) holderSay(d care.Holder) string { return h.ownerSay(d, "") }

// Wards lists the wards of the reader's hospitals that have people in them.
func (h *Hub) Wards(ctx context.Context, by care.Actor) ([]Ward, error) {
	var out []Ward
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = h.wards(tx, by, "")
		return err
	})
	return out, h.unavailable(err)
}

// wards are the wards with people in them, and the one that was asked for.
func (h *Hub) wards(tx *store.Tx, by care.Actor, asked string) ([]Ward, error) {
	if by.OrgKind != care.Trust {
		return nil, nil
	}
	counts, err := tx.Wards(by.Org)
	if err != nil {
		return nil, err
	}
	if n := counts[""]; n > 0 {
		counts[NoWard] = n
	}
	delete(counts, "")
	if _, ok := counts[asked]; asked != "" && !ok {
		counts[asked] = 0
	}
	var out []Ward
	for code, n := range counts {
		out = append(out, Ward{Hospital: by.Org, Code: code, Name: h.wardName(by.Org, code), People: n})
	}
	slices.SortFunc(out, func(a, b Ward) int {
		switch NoWard { // stands last
		case a.Code:
			return 1
		case b.Code:
			return -1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return out, nil
}

// wardName is what the hospital's feeds call a ward, by their configuration;
// the code where they do not say.
func (h *Hub) wardName(hospital nhs.ODS, code string) string {
	if code == NoWard {
		return "No ward told"
	}
	for _, f := range h.Config.Feeds {
		if name := f.Profile.Wards[code]; f.Profile.Org == hospital && name != "" {
			return name
		}
	}
	return code
}

// Sources says how fresh each source is that this reader's lists draw on.
func (h *Hub) Sources(ctx context.Context, by care.Actor) ([]SourceView, error) {
	var out []SourceView
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = h.sources(tx, h.now())
		return err
	})
	return out, h.unavailable(err)
}

func (h *Hub) sources(tx *store.Tx, now time.Time) ([]SourceView, error) {
	feeds, err := tx.Feeds()
	if err != nil {
		return nil, err
	}
	heard := map[string]time.Time{}
	for _, f := range feeds {
		heard[f.Feed] = f.Heard
	}
	var out []SourceView
	for _, f := range h.Config.Feeds {
		out = append(out, source(f.Profile.Feed, f.Profile.Title, f.Profile.Org, heard[f.Profile.Feed], f.Quiet.limit(now.In(h.Zone)), now))
	}
	told, err := toldBy(tx)
	if err != nil {
		return nil, err
	}
	for _, c := range h.Councils {
		out = append(out, source(c.Name, c.Title, c.Council, told[c.Council].AsAt, c.Quiet.limit(now.In(h.Zone)), now))
	}
	return out, nil
}

func source(feed, title string, org nhs.ODS, last time.Time, limit time.Duration, now time.Time) SourceView {
	return SourceView{Feed: feed, Title: cmp.Or(title, feed), Org: org, Last: last, Limit: limit, Stale: last.IsZero() || now.Sub(last) > limit}
}
