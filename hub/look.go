package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

var lookActions = []policy.Action{policy.Lookup, policy.SeeDemographics, policy.SeePackages, policy.SeeProvider, policy.SeeSafeguarding,
	policy.SeePackageDetail, policy.SeeFinance, policy.RecordCall, policy.Refer, policy.SeeTimeline, policy.RecordLookResult}

// lookSections are those of lookActions that show something; the rest only say
// what may be done next.
var lookSections = []policy.Action{policy.SeeDemographics, policy.SeePackages, policy.SeeProvider, policy.SeeSafeguarding}

// Look finds what councils hold about a person, as far as this reader may know
// it. Everything is decided and audited before anything is returned. A person
// who is not known, who is restricted, who is under 18 or of whom nothing may
// be shown gives the same result, after the same work.
func (h *Hub) Look(ctx context.Context, by care.Actor, q LookRequest) (LookView, error) {
	now := h.now()
	if err := q.check(h.today(now)); err != nil {
		return LookView{}, err
	}
	defer h.evenly(ctx, time.Now())
	var v LookView
	handle := newID()
	err := h.update(ctx, func(tx *store.Tx) error {
		// Asked within the transaction, for these run one after the other: many
		// tries at once must not all be the first.
		if until, slow := h.misses.slowed(by.ID, handle, now, h.Limits.LookMisses); slow {
			return &care.Error{Kind: care.Throttled, Field: "nhs",
				Text: "Too many look-ups did not match. Wait until " + until.In(h.Zone).Format("15:04:05") + " and check the details"}
		}
		v = LookView{Handle: handle, At: now, Reason: q.Reason}
		a := h.ask(by, policy.Lookup, nil, q.purpose(), q.Words, now)
		a.record.Reason = q.because()
		if !a.allowed(policy.Lookup) {
			return a.refuse(tx)
		}
		a.record.Sections = nil
		if err := h.look(tx, a, q, &v, now); err != nil {
			return err
		}
		if err := a.audit(tx, len(a.record.Sections) > 0, string(v.Outcome)); err != nil {
			return err
		}
		if q.settle != nil {
			if err := q.settle(tx, v.Outcome); err != nil {
				return err
			}
		}
		if v.Outcome == LookMismatch {
			if v.Slow = h.misses.add(by.ID, handle, now, h.Limits.LookMisses); v.Slow {
				if err := h.raiseMisses(tx, by, now); err != nil {
					return err
				}
			}
		}
		if err := h.crowded(tx, by, v, now); err != nil {
			return err
		}
		glass, err := h.lookedThrough(tx, a, &v, now)
		if err != nil {
			return err
		}
		doc, err := json.Marshal(looked{Role: by.Role, Org: by.Org, View: v, Asked: q, Glass: glass, Terms: a.terms.stamp()})
		if err != nil {
			return err
		}
		return tx.PutHandle(store.Handle{ID: v.Handle, User: by.ID, Expires: now.Add(h.Limits.HandleLife), Doc: doc})
	})
	if err != nil {
		return LookView{}, err
	}
	return v, nil
}

// evenly waits until a look-up that began at start has taken a whole number of
// beats: how long it took must not tell whether there was a record to read. It
// measures the machine's own time, whatever the hub's clock says.
func (h *Hub) evenly(ctx context.Context, start time.Time) {
	beat := h.Limits.LookBeat
	took := time.Since(start)
	until := (took/beat + 1) * beat
	// The system wakes us on whole milliseconds counted from now, which would show
	// the difference again: so the last of it is waited for awake.
	rest := time.NewTimer(max(0, until-took-2*time.Millisecond))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
		return
	}
	for time.Since(start) < until {
		runtime.Gosched()
	}
}

func (q LookRequest) purpose() policy.Purpose {
	switch q.Reason {
	case ReasonCare:
		return policy.DirectCare
	case ReasonDischarge:
		return policy.DischargePlanning
	}
	return policy.OtherPurpose
}

// check refuses a request that says too little, naming the field.
func (q LookRequest) check(today nhs.Date) error {
	need := func(field, text string) error { return &care.Error{Kind: care.Required, Field: field, Text: text} }
	if q.Number.IsZero() {
		switch {
		case strings.TrimSpace(q.Family) == "":
			return need("family", "Enter the family name")
		case strings.TrimSpace(q.Given) == "":
			return need("given", "Enter the first name")
		case strings.TrimSpace(q.Postcode) == "":
			return need("postcode", "Enter the postcode")
		}
	}
	switch {
	case q.Born.IsZero():
		return need("dob", "Enter a date of birth")
	case today.Before(q.Born):
		return &care.Error{Kind: care.Invalid, Field: "dob", Text: "Date of birth must be in the past"}
	case q.Reason != ReasonCare && q.Reason != ReasonDischarge && q.Reason != ReasonOther:
		return need("reason", "Select why you need to look at this record")
	case q.Reason == ReasonOther && strings.TrimSpace(q.Words) == "":
		return need("words", "Enter why you need to look at this record")
	case len(q.Words) > 500:
		return &care.Error{Kind: care.Invalid, Field: "words", Text: "The reason must be 500 characters or fewer"}
	}
	return nil
}

// look fills v. A stand-in takes the place of a person who is not found, so
// that the policies are asked as often. What would be shown is found out before
// the date of birth is compared: otherwise a wrong one would tell that a person
// is known of whom nothing is shared.
func (h *Hub) look(tx *store.Tx, a *asking, q LookRequest, v *LookView, now time.Time) error {
	v.Outcome, v.Phones = LookNothing, h.CouncilOrgs()
	by := a.by
	c, several, err := h.findPerson(tx, q)
	if err != nil {
		return err
	}
	if a.terms, err = h.terms(tx, now); err != nil {
		return err
	}
	unsure := slices.ContainsFunc(several, func(c care.Case) bool { return q.agrees(c.Person) && h.mayBeTold(a.terms, by, c, now) })
	known := c.ID != ""
	subject := c
	if !known {
		subject = care.Case{ID: "unknown", Person: care.Person{Born: q.Born}}
	}
	a.declared = true
	a.about(subject, now)
	if err := a.onto(tx, now); err != nil {
		return err
	}
	a.decide(lookActions...)
	a.record.Sections = nil
	if !known {
		a.record.Case = ""
	}
	states, err := h.councilStates(tx, now)
	if err != nil {
		return err
	}
	empty := *v
	switch {
	case unsure || known && c.Doubt != nil && a.may[policy.Lookup] && q.agrees(c.Person) && h.mayBeTold(a.terms, by, c, now):
		v.Outcome = LookCannot // whoever does not know the date of birth learns nothing of a doubt either
	case known && a.may[policy.Lookup] && (a.may[policy.SeePackages] || a.may[policy.SeeSafeguarding]):
		if err := h.fillLook(tx, a, c, states, v); err != nil {
			return err
		}
	}
	if v.Outcome == LookCannot && !unsure && !q.agrees(c.Person) {
		v.Outcome = LookNothing // as for somebody who is not known
	}
	switch {
	case len(v.Councils) > 0 && !q.agrees(c.Person):
		*v = empty
		v.Outcome = LookMismatch
	case len(v.Councils) > 0:
		a.record.Sections = v.sections(a)
	case v.Outcome == LookNothing && anyGone(states):
		v.Outcome = LookCannot
	}
	h.pausedLook(a, v)
	return nil
}

// lookParts are the sections without which a look-up at a hospital finds nothing.
var lookParts = []policy.Section{policy.Packages, policy.Safeguarding}

// pausedLook says what could not be asked, as nothing is shared: by the reader's
// organisation alone, whoever was asked about. Where some council's part stopped,
// "nothing" would be more than anybody knows.
func (h *Hub) pausedLook(a *asking, v *LookView) {
	if a.by.OrgKind != care.Trust {
		return // a council finds what it holds itself, which needs no agreement
	}
	ps := a.terms.pauses(a.by.Org, lookParts...)
	shares := func(o care.Org) bool {
		return slices.ContainsFunc(lookParts, func(s policy.Section) bool { return a.terms.shares(o.ODS, a.by.Org, s) })
	}
	if !slices.ContainsFunc(h.CouncilOrgs(), shares) {
		v.Outcome, v.Paused = LookPaused, ps
		return
	}
	if v.Paused = stopped(ps); len(v.Paused) > 0 && v.Outcome == LookNothing {
		v.Outcome = LookCannot
	}
}

// sections are what a result shows, for the audit.
func (v LookView) sections(a *asking) []string {
	var out []string
	for _, s := range lookSections {
		if a.may[s] && (v.Outcome == LookFound || s == policy.SeeSafeguarding) {
			out = append(out, string(s))
		}
	}
	return out
}

// agrees reports whether what was typed is of this person: the date of birth
// and, without a number, the first name: twins share all the rest.
func (q LookRequest) agrees(p care.Person) bool {
	return p.Born == q.Born && (!q.Number.IsZero() || sameGiven(q.Given, p))
}

func sameGiven(typed string, p care.Person) bool {
	first := func(s string) string {
		if w := strings.Fields(s); len(w) > 0 {
			return strings.ToLower(w[0])
		}
		return ""
	}
	return p.Given == "" || first(typed) == first(p.Given) || first(typed) == first(p.Preferred)
}

// mayBeTold reports whether a council holds something of an adult and does not
// keep it from the reader: of anybody else it is not even said that there is a
// doubt.
func (h *Hub) mayBeTold(g *accord, by care.Actor, c care.Case, now time.Time) bool {
	f := h.facts(c, now)
	kept := f.Restricted || f.CouncilRestricted || f.Objected
	shares := func(council string) bool { return g.shares(nhs.ODS(council), by.Org, policy.Packages) }
	return slices.ContainsFunc(f.Councils, shares) && f.Adult && (!kept || slices.Contains(f.Councils, string(by.Org)))
}

// findPerson finds who is meant. several are the people who all answer to what
// was typed, so that nobody can say which of them is meant.
func (h *Hub) findPerson(tx *store.Tx, q LookRequest) (c care.Case, several []care.Case, err error) {
	var ids []care.CaseID
	if q.Number.IsZero() {
		ids, err = tx.FindPerson(q.Family, q.Born, q.Postcode)
	} else {
		ids, err = tx.FindNHS(q.Number)
	}
	if err != nil || len(ids) == 0 {
		return care.Case{}, nil, err
	}
	cs, err := tx.Cases(ids)
	if err != nil {
		return care.Case{}, nil, err
	}
	if len(cs) > 1 { // whoever has the number goes before whoever had it; twins differ by first name
		cs = slices.DeleteFunc(slices.Clone(cs), func(c care.Case) bool {
			return !q.Number.IsZero() && c.NHS != q.Number || q.Number.IsZero() && !sameGiven(q.Given, c.Person)
		})
	}
	if len(cs) != 1 {
		return care.Case{}, cs, nil
	}
	return cs[0], nil, nil
}

// fillLook makes the view of a person who is found.
func (h *Hub) fillLook(tx *store.Tx, a *asking, c care.Case, states map[nhs.ODS]councilState, v *LookView) error {
	councils, gone, err := h.councilViews(tx, a, c, states)
	if err != nil {
		return err
	}
	shown, open := 0, false
	for i := range councils {
		councils[i].Packages = slices.DeleteFunc(councils[i].Packages, func(p PackageView) bool { return p.Package.Kind == care.DirectPayment })
		councils[i].Equipment = nil
		shown += len(councils[i].Packages)
		open = open || councils[i].Safeguarding.Answer == care.AnswerYes
	}
	switch {
	case gone && shown == 0:
		v.Outcome = LookCannot
		return nil
	case shown == 0 && !open:
		return nil // known, with nothing to share: the same page as for one who is not known
	case shown == 0:
		v.Councils = councils // an open enquiry is said even where no package is
		return nil
	}
	v.Outcome, v.Case, v.Councils, v.NHS, v.Trace, v.Died, v.Sensitive = LookFound, c.ID, councils, c.NHS, c.Trace, c.Died, c.Sensitive
	if gone { // what one council holds is shown; that another could not be asked is said
		v.Councils = append(v.Councils, h.goneCouncils(a, c, states)...)
	}
	if a.may[policy.SeeDemographics] {
		v.Person = c.Person
	}
	v.MayCall, v.MayEnd = a.may[policy.RecordCall], a.may[policy.RecordLookResult]
	v.MayRefer = a.may[policy.Refer] && c.Stay != nil && c.Stay.Org == a.by.Org
	v.MayOpen = a.may[policy.SeeTimeline]
	return nil
}

// goneCouncils are the councils whose part is too old to show.
func (h *Hub) goneCouncils(a *asking, c care.Case, states map[nhs.ODS]councilState) []CouncilView {
	var out []CouncilView
	for _, d := range c.Holdings {
		if st := states[d.Council].of(d); !d.Ended && st.gone && a.from(d.Council)[policy.SeePackages] {
			out = append(out, CouncilView{Council: h.Org(d.Council), Title: h.councils[d.Council].Title, AsAt: st.asAt, Stale: true, Gone: true})
		}
	}
	return out
}

// Looked shows the result of a look-up again, as it stood, to the one who made
// it, in the role in which they made it, and for a short time.
func (h *Hub) Looked(ctx context.Context, by care.Actor, handle string) (LookView, error) {
	var k looked
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		k, err = h.lookedAt(tx, by, handle, h.now())
		return err
	})
	if err != nil {
		return LookView{}, h.unavailable(err)
	}
	return k.View, nil
}

// looked is a result as the store keeps it.
type looked struct {
	Role  care.Role
	Org   nhs.ODS
	View  LookView
	Asked LookRequest // kept for breaking the glass, whether or not anybody was found
	Glass string      // the breaking of it; "" for none
	Terms string      // what was agreed then: under other terms a result is not shown again
}

// councilState is how fresh what a council told is.
type councilState struct {
	asAt  time.Time
	stale bool // silent for longer than agreed: shown as what we knew
	gone  bool // so old that it is not shown

	quiet, limit time.Duration // from when on it is stale, and gone
	now          time.Time
}

// at is the same of what the council told at another time.
func (s councilState) at(asAt time.Time) councilState {
	age := s.now.Sub(asAt)
	s.asAt, s.stale, s.gone = asAt, age > s.quiet, asAt.IsZero() || age > s.limit
	return s
}

// of is how fresh a person's part is: as fresh as the council's newest extract,
// unless what that said of this person could not be read.
func (s councilState) of(d care.Holding) councilState {
	switch {
	case s.asAt.IsZero():
		s.asAt = d.AsAt
	case d.Missed(care.PartPackages):
		return s.at(d.AsAt)
	}
	return s
}

func (h *Hub) councilStates(tx *store.Tx, now time.Time) (map[nhs.ODS]councilState, error) {
	told, err := toldBy(tx)
	if err != nil {
		return nil, err
	}
	out := map[nhs.ODS]councilState{}
	for _, cf := range h.Councils {
		st := told[cf.Council]
		out[cf.Council] = councilState{quiet: cf.Quiet.limit(now.In(h.Zone)), limit: h.Limits.LookStale, now: now}.at(st.AsAt)
	}
	return out, nil
}

// toldBy is how fresh what each council told is, in one query for all.
func toldBy(tx *store.Tx) (map[nhs.ODS]store.CouncilState, error) {
	all, err := tx.CouncilStates()
	out := make(map[nhs.ODS]store.CouncilState, len(all))
	for _, st := range all {
		out[st.Council] = st
	}
	return out, err
}

func anyGone(states map[nhs.ODS]councilState) bool {
	for _, s := range states {
		if s.gone {
			return true
		}
	}
	return false
}

// councilViews shows what each council holds, as far as decided. gone is that
// a council's part was too old to show.
func (h *Hub) councilViews(tx *store.Tx, a *asking, c care.Case, states map[nhs.ODS]councilState) (views []CouncilView, gone bool, err error) {
	for _, d := range c.Held() {
		if d.Ended {
			continue
		}
		own, may := a.by.OrgKind == care.Council, a.from(d.Council)
		if own && d.Council != a.by.Org && !a.broke() {
			continue // another council's part is not this council's
		}
		if a.hides(d, may) || d.Council != a.by.Org && shared(d) == "" {
			continue // that a council knows somebody is told with what it shares, and not by itself
		}
		st := states[d.Council].of(d)
		if st.gone && !own {
			gone = true
			continue
		}
		v := CouncilView{Council: h.Org(d.Council), Title: h.councils[d.Council].Title, AsAt: st.asAt, Stale: st.stale, Unread: d.Missed(care.PartPackages),
			Safeguarding: care.Safeguarding{Answer: care.AnswerNotShared}}
		if may[policy.SeeSafeguarding] {
			v.Safeguarding, v.SafeguardingUnread = d.Safeguarding, d.Missed(care.PartSafeguarding)
			if !v.SafeguardingUnread {
				v.Safeguarding.AsAt = cmp.Or(states[d.Council].asAt, d.AsAt)
			}
			if since := c.Enquiry(d.Council); since.After(v.Safeguarding.AsAt) {
				v.Safeguarding.AsAt = since // known here before the council's next extract
			}
		}
		if may[policy.SeePackages] {
			if err := h.packageViews(tx, may, d, &v); err != nil {
				return nil, false, err
			}
			a.knownBy(c, &v)
		}
		views = append(views, v)
	}
	return views, gone, nil
}

// hides reports whether nothing at all is said of what a council holds. An open
// enquiry is said even of somebody who objects (Care Act 2014 s.42). A record in
// question is named to its own hospital, which sees the doubt anyway.
func (a *asking) hides(d care.Holding, may map[policy.Action]bool) bool {
	switch {
	case a.objects() && !a.facts.Restricted && !a.facts.CouncilRestricted && !slices.Contains(a.facts.Councils, string(a.by.Org)):
		return !may[policy.SeeSafeguarding] || d.Safeguarding.Answer != care.AnswerYes
	case a.keptByCouncil():
		return true
	}
	flows := func(s policy.Section) bool { return a.terms.shares(d.Council, a.by.Org, s) }
	return !slices.ContainsFunc(lookParts, flows)
}

func (h *Hub) packageViews(tx *store.Tx, may map[policy.Action]bool, d care.Holding, v *CouncilView) error {
	v.PackagesShown, v.Worker = true, d.Worker
	if may[policy.SeePackageDetail] {
		v.Equipment = d.Equipment
	}
	asked := map[string]*ProviderEntry{} // one provider often has several packages
	for _, p := range d.Packages {
		if p.Kind == care.DirectPayment && !may[policy.SeeFinance] {
			continue
		}
		if !may[policy.SeePackageDetail] { // "Home care, 4 calls a day" is what the package consists of
			p.Title = ""
		}
		if !may[policy.SeeFinance] {
			p.Funding = ""
		}
		pv := PackageView{Package: p, Kind: care.KindSay(p.Kind)}
		if may[policy.SeeProvider] && p.Provider != "" {
			if _, known := asked[p.Provider]; !known {
				provider, err := h.provider(tx, d.Council, p.Provider)
				switch {
				case err == nil:
					asked[p.Provider] = &provider
				case care.KindOf(err) == care.NotFound:
					asked[p.Provider] = nil
				default:
					return err
				}
			}
			if e := asked[p.Provider]; e != nil {
				pv.Provider, pv.Unchecked = &e.Provider, e.Unchecked
			}
		}
		v.Packages = append(v.Packages, pv)
	}
	slices.SortStableFunc(v.Packages, func(x, y PackageView) int { return rank(x.Package.Status) - rank(y.Package.Status) })
	if d.Team != "" {
		team, err := tx.Team(d.Council, d.Team)
		if err == nil {
			team, _ = h.team(team)
			v.Team = &team
		} else if care.KindOf(err) != care.NotFound {
			return err
		}
	}
	return nil
}

func rank(s care.PackageStatus) int {
	return slices.Index([]care.PackageStatus{care.PackageActive, care.PackageOnHold, care.PackagePlanned, care.PackageFinished}, s)
}

// misses remembers wrong dates of birth, in memory only: it is there to slow a
// guesser down, and the audit keeps the facts.
type misses struct {
	mu sync.Mutex
	at map[care.ActorID][]miss
}

// miss is one wrong date of birth. look names the look-up, which may run twice.
type miss struct {
	look string
	at   time.Time
}

const missWindow, missWait = time.Hour, 30 * time.Second

// mostMisses is how many readers, and numbers that systems asked for, are
// remembered before those whose hour is over are forgotten.
const mostMisses = 20_000

// recent are the misses that count, but for those of one look-up.
func (m *misses) recent(id care.ActorID, but string, now time.Time) []miss {
	return slices.DeleteFunc(slices.Clone(m.at[id]), func(x miss) bool { return now.Sub(x.at) > missWindow || x.look == but })
}

// add counts a miss and reports whether the next try must wait.
func (m *misses) add(id care.ActorID, look string, now time.Time, limit int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count(id, look, now) >= limit
}

// try counts a try, or refuses it until a time: of many at once none is the first twice.
func (m *misses) try(id care.ActorID, look string, now time.Time, limit int) (until time.Time, slow bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until, slow = m.waits(id, look, now, limit); !slow {
		m.count(id, look, now)
	}
	return until, slow
}

func (m *misses) count(id care.ActorID, look string, now time.Time) int {
	if m.at == nil {
		m.at = map[care.ActorID][]miss{}
	}
	if len(m.at) >= mostMisses {
		maps.DeleteFunc(m.at, func(_ care.ActorID, ms []miss) bool { return now.Sub(ms[len(ms)-1].at) > missWindow })
	}
	m.at[id] = append(m.recent(id, look, now), miss{look, now})
	return len(m.at[id])
}

func (m *misses) slowed(id care.ActorID, look string, now time.Time, limit int) (until time.Time, slow bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waits(id, look, now, limit)
}

func (m *misses) waits(id care.ActorID, look string, now time.Time, limit int) (until time.Time, slow bool) {
	r := m.recent(id, look, now)
	if len(r) < limit {
		return time.Time{}, false
	}
	until = r[len(r)-1].at.Add(missWait)
	return until, now.Before(until)
}

// limit is how long silence is normal at this local time (ui.md 6.3: a feed
// that says nothing at 3:00 has not failed).
func (q Quiet) limit(local time.Time) time.Duration {
	if hr := local.Hour(); hr >= 7 && hr < 22 || q.Night == 0 {
		return cmp.Or(q.Day, 15*time.Minute)
	}
	return q.Night
}
