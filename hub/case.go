package hub

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

var caseActions = []policy.Action{
	policy.SeeDemographics, policy.SeePackages, policy.SeePackageDetail, policy.SeeFinance, policy.SeeProvider, policy.SeeSafeguarding,
	policy.SeeWhereabouts, policy.SeeReferral,
	policy.SeeTimeline, policy.Refer, policy.Withdraw, policy.Accept, policy.Return, policy.Allocate, policy.Progress,
	policy.CloseReferral, policy.RecordCall, policy.Steward, policy.RecordObjection,
	policy.Hold, policy.Transfer, policy.SayReady, policy.WriteAssessment, policy.ApproveAssessment, policy.Nudge, policy.TellProvider,
	policy.Arrange, policy.SeeArranging, policy.SeeMoney, policy.SetMoney, policy.ApproveMoney, policy.RecordOutcome, policy.SeeOutcome,
	policy.DecideHuddle, policy.RaiseConcern, policy.SeeConcern,
}

// Case opens a discharge case, as far as this reader may see it. The read is
// audited with what was shown.
func (h *Hub) Case(ctx context.Context, by care.Actor, id care.CaseID) (CaseView, error) {
	now := h.now()
	var v CaseView
	err := h.update(ctx, func(tx *store.Tx) error {
		v = CaseView{}
		a, c, err := h.named(tx, by, "openCase", id, now)
		if err != nil {
			return err
		}
		a.decide(caseActions...)
		switch {
		case a.opens():
			v, err = h.caseView(tx, a, c, now)
		case a.may[policy.Steward] && (c.Doubt != nil || c.JoinedTo != "" || len(c.Absorbed) > 0):
			v = stewardView(a, c, now)
		default:
			return a.refuse(tx)
		}
		if err != nil {
			return err
		}
		return a.audit(tx, true, "shown")
	})
	return v, err
}

// named begins a use case about a case that the actor names. A name that is no
// case's is refused, audited and answered as a stranger's would be: otherwise
// the answer told who is known here.
func (h *Hub) named(tx *store.Tx, by care.Actor, action policy.Action, id care.CaseID, now time.Time) (*asking, care.Case, error) {
	c, err := tx.Case(id)
	if care.KindOf(err) == care.NotFound {
		a := h.ask(by, action, &care.Case{ID: "unknown"}, policy.DischargePlanning, "", now)
		if err := a.onto(tx, now); err != nil {
			return a, c, err
		}
		a.decide(caseActions...)
		a.record.Case = "" // what was typed there is nobody's name, and may be anything
		return a, c, a.refuse(tx)
	}
	if err != nil {
		return nil, c, err
	}
	a := h.ask(by, action, &c, policy.DischargePlanning, "", now)
	return a, c, a.onto(tx, now)
}

// opens reports whether the reader may open the case: they may know who it is,
// and there is something to follow. Each section is still decided by itself.
func (a *asking) opens() bool {
	return a.may[policy.SeeDemographics] && (a.may[policy.SeeTimeline] || a.may[policy.SeeReferral])
}

// ownStays is a case as a reader's organisation knows the stays in it: to a trust,
// what happens in another trust's wards and beds is that trust's. elsewhere is
// that the person is in another trust's hospital now.
func ownStays(by care.Actor, c care.Case) (own care.Case, elsewhere bool) {
	if by.OrgKind != care.Trust {
		return c, false
	}
	if c.Stay != nil && c.Stay.Org != by.Org {
		c.Stay, elsewhere = nil, true
	}
	c.Past = slices.DeleteFunc(slices.Clone(c.Past), func(s care.Stay) bool { return s.Org != by.Org })
	return c, elsewhere
}

// shared is a case as the reader may know the stays and referrals in it: to a
// trust its own stays, to a council those of the hospitals that share where people
// are with it, and the referrals of those that share referrals.
func (a *asking) shared(c care.Case) (own care.Case, elsewhere bool) {
	if a.by.OrgKind != care.Council {
		return ownStays(a.by, c)
	}
	if c.Stay != nil && !a.from(c.Stay.Org)[policy.SeeWhereabouts] {
		c.Stay = nil
	}
	c.Past = slices.DeleteFunc(slices.Clone(c.Past), func(s care.Stay) bool { return !a.from(s.Org)[policy.SeeWhereabouts] })
	c.Referrals = slices.DeleteFunc(slices.Clone(c.Referrals), func(r care.Referral) bool { return !a.seesReferral(r) })
	return c, false
}

// seesReferral reports whether a referral is the reader's to see: their own
// organisation sent it, or was sent it by one that shares referrals with it; or
// the glass is broken.
func (a *asking) seesReferral(r care.Referral) bool {
	if r.From == a.by.Org {
		return true
	}
	return (partIn(a.by, r) || a.broke()) && a.from(r.From)[policy.SeeReferral]
}

// stewardView is what somebody sees of a record who may only settle whose it
// is: who the person is, and nothing of their care.
func stewardView(a *asking, c care.Case, now time.Time) CaseView {
	may := map[policy.Action]bool{policy.Steward: true}
	a.record.Sections = []string{string(policy.Steward)}
	p := c.Person
	if c.Sensitive {
		p.Address = care.Address{}
	}
	return CaseView{ID: c.ID, Version: c.Version, Sensitive: c.Sensitive, NHS: c.NHS, Trace: c.Trace, Frozen: c.Doubt, JoinedTo: c.JoinedTo, Absorbed: c.Absorbed, May: may, At: now,
		Person: care.Person{Family: p.Family, Given: p.Given, Title: p.Title, Preferred: p.Preferred, Born: p.Born, Sex: p.Sex, Address: p.Address}}
}

func (h *Hub) caseView(tx *store.Tx, a *asking, c care.Case, now time.Time) (CaseView, error) {
	v := CaseView{ID: c.ID, Version: c.Version, NHS: c.NHS, Trace: c.Trace, Died: c.Died, Sensitive: c.Sensitive, Frozen: c.Doubt, JoinedTo: c.JoinedTo,
		Absorbed: c.Absorbed, May: a.may, At: now, Person: a.person(c), HospitalNo: hospitalNumber(c, a.by), Objection: h.objectionView(a, c)}
	var err error
	if v.Sources, err = h.sources(tx, now); err != nil {
		return v, err
	}
	own, elsewhere := a.shared(c)
	v.Paused = a.terms.pauses(a.by.Org, policy.Sections()...)
	if a.may[policy.SeeWhereabouts] {
		v.StayShown, v.Stay, v.Past, v.Elsewhere = true, own.Stay, own.Past, elsewhere
	}
	v.Row = h.rowView(a.by, care.RowOf(own), v.Sources, ListQuery{}, now, !a.may[policy.SeeWhereabouts])
	if a.may[policy.SeeReferral] {
		v.Referrals, v.Papers = h.referralViews(a, c), a.seenPapers(c)
	}
	v.ReferralUnknown = v.Current() == nil && a.by.OrgKind == care.Council && len(stopped(a.terms.pauses(a.by.Org, policy.ReferralPart))) > 0
	states, err := h.councilStates(tx, now)
	if err != nil {
		return v, err
	}
	if v.Councils, _, err = h.councilViews(tx, a, c, states); err != nil {
		return v, err
	}
	for _, audience := range []care.Audience{care.AudienceBoth, care.AudienceCouncil, care.AudienceHospital} {
		if a.with(audience, policy.AddNote) {
			v.Audiences = append(v.Audiences, audience)
		}
	}
	if err := h.caseHistory(tx, a, c, &v); err != nil {
		return v, err
	}
	if a.may[policy.Allocate] {
		if v.Workers, err = h.workers(tx, a.by); err != nil {
			return v, err
		}
	}
	return v, h.workOf(tx, a, c, &v, now)
}

// partIn reports whether a reader's organisation has a part in a referral. The
// policies see a whole case: that another council was asked is none of this one's.
func partIn(by care.Actor, r care.Referral) bool {
	return by.OrgKind == care.Council && r.To == by.Org || by.OrgKind == care.Trust && r.From == by.Org
}

// seesNote reports whether a note that a reader may read by its audience is of
// their own side: "the council" is the one whose worker wrote it.
// A note for both sides that the other side wrote flows where notes do.
func (a *asking) seesNote(n care.Note) bool {
	return n.By.Org == a.by.Org || n.Audience == care.AudienceBoth && a.from(n.By.Org)[policy.SeeNotes]
}

// seesCall reports whether a call is the reader's to know: councils see those
// about their own providers and those that they made.
func seesCall(by care.Actor, k care.Call) bool {
	return by.OrgKind != care.Council || k.Council == "" || k.Council == by.Org || k.By.Org == by.Org
}

// hospitalNumber is the number by which the reader's own trust knows the person.
func hospitalNumber(c care.Case, by care.Actor) string {
	for _, id := range c.IDs {
		if by.OrgKind == care.Trust && id.System == "mrn:"+string(by.Org) {
			return id.Value
		}
	}
	return ""
}

// referralViews shows the referrals that this reader's organisation has a part in.
func (h *Hub) referralViews(a *asking, c care.Case) []ReferralView {
	var out []ReferralView
	for _, r := range c.Referrals {
		if !a.seesReferral(r) {
			continue
		}
		v := ReferralView{Referral: r, From: h.Org(r.From), With: h.holderSay(r.Holder)}
		if r.To != "" {
			v.To = h.Org(r.To)
		}
		p, known := h.Forms.Get(r.Form, r.FormVersion)
		if r.From != a.by.Org { // the sender reads its own words
			v.Referral.Answers = seenAnswers(p, r.Answers, a.from(r.From), a.facts.Restricted)
		}
		if known {
			v.Lines = slices.DeleteFunc(p.Summary(v.Referral.Answers), func(l form.Line) bool {
				if _, group := p.Group(l.Field); group { // it has no items for the reader
					return p.Items(r.Answers, l.Field) > 0
				}
				_, had := r.Answers[l.Field]
				_, has := v.Referral.Answers[l.Field]
				return had && !has
			})
		}
		if a.from(r.From)[policy.Progress] && r.Open() && !r.Allocated.IsZero() {
			for _, s := range []care.RefState{care.RefAssessing, care.RefPlanning, care.RefSourcing, care.RefReady} {
				if s != r.State {
					v.Allowed = append(v.Allowed, s)
				}
			}
		}
		out = append(out, v)
	}
	return out
}

// placeFacts are the facts of a case that tell where somebody is. A form's
// fields that they fill are not shown to who may not know it.
var placeFacts = []string{"stay.hospital", "stay.ward", "stay.bed", "stay.consultant"}

// reachFacts are the facts of a case that tell where somebody lives and how to
// reach them or theirs. Of a restricted person they go with the place: PDS
// withholds the address and the numbers of whoever is flagged sensitive.
var reachFacts = []string{"person.address", "person.postcode", "person.phone", "contact.name", "contact.relationship", "contact.details", "contact2.name", "contact2.details"}

// riskPages are the pages of forms whose every answer is of risk.
var riskPages = []string{"risks"}

// assessedFields are the fields of forms that say what was assessed and found.
var assessedFields = []string{"mobility", "transfers", "personal_care", "toilet", "eating", "medicines", "cognition", "nights", "communication",
	"chc_considered", "chc_result", "capacity", "capacity_date"}

// seenAnswers takes out of a referral's answers those of sections that the reader
// does not see: where the person is (and lives, who is restricted), risks, and what
// was assessed. Where the form is not known, nobody can say which those are: then
// all go, unless all are seen.
func seenAnswers(p *form.Pathway, a form.Answers, may map[policy.Action]bool, restricted bool) form.Answers {
	place, risk, assessed := may[policy.SeeWhereabouts], may[policy.SeeRisk], may[policy.SeeAssessments]
	switch {
	case place && risk && assessed:
		return a
	case p == nil:
		return nil
	}
	out := maps.Clone(a)
	for _, page := range p.Pages {
		hidden := func(f form.Field) bool {
			switch f.Tells {
			case form.TellsPlace:
				return !place
			case form.TellsReach:
				return !place && restricted
			case form.TellsRisk:
				return !risk
			case form.TellsAssessment:
				return !assessed
			}
			return !place && (slices.Contains(placeFacts, f.Prefill) || restricted && slices.Contains(reachFacts, f.Prefill)) ||
				!risk && slices.Contains(riskPages, page.ID) || !assessed && slices.Contains(assessedFields, f.ID)
		}
		for _, f := range p.Asked(page.ID, a) {
			if hidden(f) {
				delete(out, f.ID)
			}
		}
	}
	return out
}

// caseHistory fills the timeline, the notes and the calls, each item by the
// section that it belongs to.
func (h *Hub) caseHistory(tx *store.Tx, a *asking, c care.Case, v *CaseView) error {
	entries, err := tx.History(c.ID)
	if err != nil {
		return err
	}
	see := a.audiences()
	mine := map[care.ReferralID]bool{}
	for _, r := range c.Referrals {
		mine[r.ID] = a.seesReferral(r)
	}
	spoke, held := map[string]nhs.ODS{}, map[nhs.ODS]string{}
	for _, e := range entries {
		v.Seq = e.Seq
		hospital := h.hospitalOf(e, spoke)
		if item, ok := h.timelineItem(a, c, e, hospital, see, mine); ok && a.may[policy.SeeTimeline] && a.isNews(e.Event, held) {
			v.Timeline = append(v.Timeline, item)
		}
	}
	v.Seq = a.moment(v.Seq)
	slices.Reverse(v.Timeline) // of things that happened together, the last recorded stands first
	slices.SortStableFunc(v.Timeline, func(x, y TimelineItem) int {
		return cmp.Or(y.At.Compare(x.At), y.Recorded.Compare(x.Recorded))
	})
	v.Notes, v.Calls = a.seenNotes(c, see), a.seenCalls(c)
	return nil
}

// isNews reports whether what a council told is other than what it told before,
// as far as the reader sees it: that a council wrote to its record, of money or
// of details, is nobody else's business. held remembers what was seen before.
func (a *asking) isNews(e care.Event, held map[nhs.ODS]string) bool {
	x, ok := e.(care.HoldingTold)
	if !ok || x.Holding.Council == a.by.Org {
		return true
	}
	was, now := held[x.Holding.Council], shared(x.Holding)
	held[x.Holding.Council] = now
	return was != now
}

// shared is what another organisation may see of what a council holds, as text
// to compare; "" when there is nothing.
func shared(d care.Holding) string {
	if d.Ended {
		return ""
	}
	var b strings.Builder
	for _, p := range d.Packages {
		if p.Kind != care.DirectPayment {
			fmt.Fprintln(&b, p.Ref, p.Kind, p.Status, p.Start, p.End, p.Provider)
		}
	}
	if b.Len() == 0 && d.Safeguarding.Answer != care.AnswerYes && len(d.Unread) == 0 {
		return ""
	}
	fmt.Fprintln(&b, d.Safeguarding.Answer, d.Unread)
	return b.String()
}

// hospitalOf is the trust that an entry is about or came from; "" when it is
// none's. spoke remembers for whom a source spoke before, for events that do not
// say and sources that are not configured any more.
func (h *Hub) hospitalOf(e care.Entry, spoke map[string]nhs.ODS) nhs.ODS {
	var org nhs.ODS
	switch x := e.Event.(type) {
	case care.Admitted:
		org = x.Stay.Org
	case care.AdmissionUndone:
		org = x.Org
	case care.AdmissionPlanned:
		org = x.Plan.Org
	case care.PlanCancelled:
		org = x.Org
	case care.Discharged:
		org = x.Org
	case care.DischargeUndone:
		org = x.Org
	case care.LeftEarly:
		org = x.Org
	}
	source := e.Cause.Source
	if org != "" {
		spoke[source] = org
	}
	return cmp.Or(org, h.feedOrg(source), spoke[source])
}

// feedOrg is the trust of the feeds that history calls by a title; "" when there
// is none, or when those of several trusts are called so.
func (h *Hub) feedOrg(title string) nhs.ODS {
	var org nhs.ODS
	for _, f := range h.Config.Feeds {
		if cmp.Or(f.Profile.Title, f.Profile.Feed) != title {
			continue
		}
		if org != "" && org != f.Profile.Org {
			return ""
		}
		org = f.Profile.Org
	}
	for _, s := range h.Systems {
		if s.Title != title || h.orgs[s.Org].Kind != care.Trust {
			continue
		}
		if org != "" && org != s.Org {
			return ""
		}
		org = s.Org
	}
	return org
}

// sourceFor is the system that told of something, as a reader may know it: which
// hospital's it is tells where the person is.
func (h *Hub) sourceFor(a *asking, e care.Entry, hospital nhs.ODS) string {
	trust := e.Cause.Source != "" && h.orgs[hospital].Kind == care.Trust && hospital != a.by.Org
	if trust && (a.by.OrgKind == care.Trust || !a.may[policy.SeeWhereabouts]) {
		return "A hospital"
	}
	return e.Cause.Source
}

// timelineItem shows one entry; false when it belongs to a section that this
// reader does not see.
func (h *Hub) timelineItem(a *asking, c care.Case, e care.Entry, hospital nhs.ODS, see map[care.Audience]bool, mine map[care.ReferralID]bool) (TimelineItem, bool) {
	t := TimelineItem{At: e.Event.When(), Recorded: e.Recorded, Late: e.Late(), Title: e.Event.Say(), By: h.sourceFor(a, e, hospital), Kind: timelineKind(e.Event)}
	if e.Cause.By.Name != "" {
		t.By, t.Org = e.Cause.By.Name, h.Org(e.Cause.By.Org).Name
	}
	if e.Cause.Kind == importCause && (a.keptByCouncil() || !a.told(h.councilOf(e.Cause.Source))) {
		return t, false
	}
	if source := cmp.Or(hospital, h.councilOf(e.Cause.Source)); e.Cause.Source != "" && !a.sharedBy(source, policy.SeeTimeline) {
		return t, false // that another organisation heard something, and when, is its part of what happened
	}
	switch t.Kind {
	case "stay":
		return t, a.seesStay(hospital) && (a.by.OrgKind != care.Trust || hospital == a.by.Org)
	case "council":
		x := e.Event.(care.HoldingTold)
		return t, a.from(x.Holding.Council)[policy.SeePackages] && (a.by.OrgKind != care.Council || x.Holding.Council == a.by.Org)
	case "referral":
		if x, ok := e.Event.(care.ReferralReturned); ok {
			t.Text = x.Return.Needed
		}
		return t, a.may[policy.SeeReferral] && mine[referralOf(e.Event)]
	case "paper":
		p := paperOf(c, e.Event)
		_, signed := e.Event.(care.PaperSigned) // by a provider, which it names
		return t, a.may[policy.SeeReferral] && a.seesPaper(c, p) && (!signed || a.seesSigns(p))
	case "told":
		x := e.Event.(care.Told)
		t.Failed, t.Referral, t.System = x.State == care.ToldNot, x.Referral, x.Destination
		return t, a.may[policy.SeeReferral] && mine[x.Referral]
	case "note":
		n := e.Event.(care.NoteAdded).Note
		t.Audience, t.Text = n.Audience, n.Text
		return t, see[n.Audience] && a.seesNote(n)
	case "call":
		k := e.Event.(care.CallRecorded).Call
		t.Text = k.Text
		return t, a.callShown(k)
	case "":
		return t, false
	case "identity":
		return t, a.may[policy.SeeDemographics]
	}
	return h.workItem(a, c, e, t)
}

// seesStay reports whether what happened in a hospital is the reader's to see.
func (a *asking) seesStay(hospital nhs.ODS) bool { return a.sharedBy(hospital, policy.SeeWhereabouts) }

// sharedBy reports whether the reader sees a section of what an organisation
// holds. Where nobody can say which it is, it is where every hospital of the case
// shares it.
func (a *asking) sharedBy(org nhs.ODS, section policy.Action) bool {
	if org != "" {
		return a.from(org)[section]
	}
	shut := func(org string) bool { return !a.from(nhs.ODS(org))[section] }
	return a.may[section] && !slices.ContainsFunc(a.facts.Hospitals, shut)
}

// told reports whether a council that told of a person shares who they are, or
// what it provides, with the reader.
func (a *asking) told(council nhs.ODS) bool {
	may := a.from(council)
	return may[policy.SeeDemographics] || may[policy.SeePackages]
}

// councilOf is the council of the extracts that history calls by a title.
func (h *Hub) councilOf(title string) nhs.ODS {
	for _, cf := range h.Config.Councils {
		if cf.Title == title {
			return cf.Council
		}
	}
	for _, s := range h.Systems {
		if s.Title == title && h.orgs[s.Org].Kind == care.Council {
			return s.Org
		}
	}
	return ""
}

// referralOf is the referral that an event is about.
func referralOf(e care.Event) care.ReferralID {
	switch x := e.(type) {
	case care.ReferralSent:
		return x.Referral.ID
	case care.ReferralReceived:
		return x.ID
	case care.ReferralRouted:
		return x.ID
	case care.ReferralAccepted:
		return x.ID
	case care.ReferralReturned:
		return x.ID
	case care.ReferralAnswered:
		return x.ID
	case care.ReferralAllocated:
		return x.ID
	case care.ReferralProgressed:
		return x.ID
	case care.ReferralEnded:
		return x.ID
	case care.WatchEnded:
		return x.ID
	case care.WatchResumed:
		return x.ID
	case care.ReferralHeld:
		return x.ID
	case care.ReferralResumed:
		return x.ID
	case care.ReferralTransferred:
		return x.ID
	}
	return ""
}

// timelineKind is the section that an event belongs to; "" for those that tell
// a reader nothing.
func timelineKind(e care.Event) string {
	switch e.(type) {
	case care.Identified, care.Started, care.StayTold, care.UndoneEarly:
		return ""
	case care.Admitted, care.AdmissionUndone, care.AdmissionPlanned, care.PlanCancelled, care.Moved, care.MoveUndone, care.BecameReady,
		care.NoLongerReady, care.CriteriaTold, care.ExpectedChanged, care.LeaveTold, care.Discharged, care.DischargeUndone, care.LeftEarly, care.ArrivedLate:
		return "stay"
	case care.HoldingTold:
		return "council"
	case care.PaperShared, care.PaperWithdrawn, care.PaperSigned:
		return "paper"
	case care.TaskChanged, care.Nudged:
		return "task"
	case care.ClientChanged:
		return "client"
	case care.RequestChanged:
		return "arranging"
	case care.ElementChanged:
		return "money"
	case care.OutcomeChanged:
		return "outcome"
	case care.LookEnded:
		return "look"
	case care.ClockCorrected:
		return "clock"
	case care.Decided:
		return "huddle"
	case care.ConcernChanged:
		return "concern"
	case care.Told:
		return "told"
	case care.NoteAdded:
		return "note"
	case care.CallRecorded:
		return "call"
	case care.ReferralSent, care.ReferralReceived, care.ReferralRouted, care.ReferralAccepted, care.ReferralReturned, care.ReferralAnswered,
		care.ReferralAllocated, care.ReferralProgressed, care.ReferralEnded, care.WatchEnded, care.WatchResumed,
		care.ReferralHeld, care.ReferralResumed, care.ReferralTransferred:
		return "referral"
	}
	return "identity"
}

// CaseSeq grows whenever something happens to a case, or other things flow by
// agreements: a page that was made at an older one can be out of date.
func (h *Hub) CaseSeq(ctx context.Context, by care.Actor, id care.CaseID) (int64, error) {
	var seq int64
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		c, err := tx.Case(id)
		if err != nil && care.KindOf(err) != care.NotFound {
			return err
		}
		c.ID = cmp.Or(c.ID, "unknown")
		a := h.ask(by, policy.SeeTimeline, &c, policy.DischargePlanning, "", h.now())
		if err := a.onto(tx, h.now()); err != nil {
			return err
		}
		if a.decide(policy.SeeDemographics, policy.SeeReferral, policy.SeeTimeline); err != nil || !a.opens() {
			return &care.Error{Kind: care.Forbidden, Text: "You cannot see this"}
		}
		seq, err = tx.CaseSeq(id)
		seq = a.moment(seq)
		return err
	})
	return seq, h.unavailable(err)
}

// moment is a place in history together with what was agreed then: it grows with
// each change of either, and each day, as agreements begin and end on a day.
func (a *asking) moment(seq int64) int64 {
	return seq + a.terms.seq + a.terms.today.Time().Unix()/int64((24*time.Hour).Seconds())
}

// CaseMoved is CaseSeq once it is beyond since, or after a beat. It begins to
// wait before it looks, so that nothing slips in between.
func (h *Hub) CaseMoved(ctx context.Context, by care.Actor, id care.CaseID, since int64) (int64, error) {
	wake := h.Store.Wait()
	seq, err := h.CaseSeq(ctx, by, id)
	if err != nil || seq > since {
		return seq, err
	}
	select {
	case <-ctx.Done():
		return seq, ctx.Err()
	case <-wake:
		select {
		case <-ctx.Done():
			return seq, ctx.Err()
		case <-time.After(gather):
		}
	case <-time.After(beat):
	}
	return h.CaseSeq(ctx, by, id)
}
