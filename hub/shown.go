package hub

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
	"homeward/translate"
)

// shownActions are what is decided of a case before any resource is made of it.
var shownActions = []policy.Action{policy.SeeDemographics, policy.SeeWhereabouts, policy.SeePackages, policy.SeePackageDetail, policy.SeeFinance,
	policy.SeeProvider, policy.SeeSafeguarding, policy.SeeReferral, policy.SeeTimeline, policy.SeeRisk, policy.SeeAssessments, policy.RecordCall}

// shown is a case with everything taken out of it that the reader may not see. It
// is to be asked after shownActions were decided. Nothing in it differs when only
// what is hidden differs: so it has no version, and its times are of what is shown.
func (h *Hub) shown(tx *store.Tx, a *asking, c care.Case, now time.Time) (translate.Shown, error) {
	see := a.audiences()
	s := translate.Shown{By: a.by, Now: now, Forms: h.Forms.Get, Sees: a.sees(see)}
	out := care.Case{ID: c.ID, Notes: a.seenNotes(c, see), Calls: a.seenCalls(c)}
	if s.Sees.Person {
		h.showPerson(a, c, &out)
	}
	own, _ := a.shared(c)
	if s.Sees.Whereabouts {
		out.Stay, out.Past, out.Plans = own.Stay, own.Past, a.seenPlans(c)
	}
	if s.Sees.Referral {
		for _, v := range h.referralViews(a, c) {
			r := v.Referral
			if r.From != a.by.Org && !a.from(r.From)[policy.SeeWhereabouts] {
				r.Stay = "" // a visit's number tells the hospital
			}
			out.Referrals = append(out.Referrals, r)
		}
		out.Papers = a.seenPapers(c)
	}
	var err error
	if s.Councils, err = h.shownCouncils(tx, a, c, now); err != nil {
		return s, err
	}
	for _, v := range s.Councils {
		if v.Holding != nil {
			out.Holdings = append(out.Holdings, *v.Holding)
		}
	}
	if err := h.showChanged(tx, a, c, &out, &s); err != nil {
		return s, err
	}
	s.Case, s.Orgs = out, h.orgsOf(out, s.Councils)
	return s, nil
}

// sees says which sections the reader sees at all.
func (a *asking) sees(notes map[care.Audience]bool) translate.Sees {
	m := a.may
	return translate.Sees{Person: m[policy.SeeDemographics], Whereabouts: m[policy.SeeWhereabouts], Packages: m[policy.SeePackages],
		Provider: m[policy.SeeProvider], Safeguarding: m[policy.SeeSafeguarding], Assessments: m[policy.SeeAssessments], Risk: m[policy.SeeRisk],
		Referral: m[policy.SeeReferral], Timeline: m[policy.SeeTimeline],
		Notes: notes[care.AudienceBoth] || notes[care.AudienceCouncil] || notes[care.AudienceHospital]}
}

// showPerson fills who the person is. Who told it, and in which stay somebody
// died, are left out: they tell where the person was.
func (h *Hub) showPerson(a *asking, c care.Case, out *care.Case) {
	out.NHS, out.Trace, out.Person, out.Sensitive = c.NHS, c.Trace, a.person(c), c.Sensitive
	out.Person.Source, out.Person.AsAt = "", time.Time{}
	if c.Died != nil {
		out.Died = &care.Death{At: c.Died.At, DayOnly: c.Died.DayOnly}
	}
	if c.Doubt != nil {
		out.Doubt = &care.Doubt{Kind: c.Doubt.Kind, Since: c.Doubt.Since}
	}
	for _, id := range c.IDs {
		if ownID(a.by, id) {
			out.IDs = append(out.IDs, id)
		}
	}
	if v := h.objectionView(a, c); v != nil {
		out.Objection = &v.Objection
	}
}

// ownID reports whether an identifier was given by the reader's organisation.
func ownID(by care.Actor, id care.Identifier) bool {
	return id.System == "mrn:"+string(by.Org) || id.System == "council:"+string(by.Org)
}

// person is who somebody is, as the reader may know it: of a restricted person
// how to find and reach them goes with the place.
func (a *asking) person(c care.Case) care.Person {
	p := c.Person
	if !a.reached() {
		p.Address, p.Phone, p.Kin, p.GP, p.GPName = care.Address{}, "", nil, "", ""
	}
	return p
}

// reached reports whether the reader may know where a person lives and how to
// reach them and theirs.
func (a *asking) reached() bool { return !a.facts.Restricted || a.may[policy.SeeWhereabouts] }

// audiences says the notes for whom the reader reads.
func (a *asking) audiences() map[care.Audience]bool {
	see := map[care.Audience]bool{}
	for _, audience := range []care.Audience{care.AudienceBoth, care.AudienceCouncil, care.AudienceHospital} {
		see[audience] = a.with(audience, policy.SeeNotes)
	}
	return see
}

func (a *asking) seenNotes(c care.Case, see map[care.Audience]bool) (out []care.Note) {
	for _, n := range c.Notes {
		if see[n.Audience] && a.seesNote(n) {
			out = append(out, n)
		}
	}
	return out
}

func (a *asking) seenCalls(c care.Case) (out []care.Call) {
	for _, k := range c.Calls {
		if a.callShown(k) {
			out = append(out, k)
		}
	}
	return out
}

// seenPlans are the planned admissions: a trust's own, and to a council those of
// the hospitals that share where people are.
func (a *asking) seenPlans(c care.Case) (out []care.Plan) {
	for _, p := range c.Plans {
		if a.seesStay(p.Org) && (a.by.OrgKind != care.Trust || p.Org == a.by.Org) {
			out = append(out, p)
		}
	}
	return out
}

// shownCouncils is what each council holds, as far as decided, and the councils of
// whom nothing can be said: whose part is too old, or does not flow to the reader's
// organisation. Those are the same whoever the case is about.
func (h *Hub) shownCouncils(tx *store.Tx, a *asking, c care.Case, now time.Time) ([]translate.ShownCouncil, error) {
	states, err := a.councils(tx, now)
	if err != nil {
		return nil, err
	}
	views, _, err := h.councilViews(tx, a, c, states)
	if err != nil {
		return nil, err
	}
	var out []translate.ShownCouncil
	for _, v := range views {
		out = append(out, shownCouncil(v, c))
	}
	missing := func(s translate.ShownCouncil) {
		if !slices.ContainsFunc(out, func(x translate.ShownCouncil) bool { return x.Council.ODS == s.Council.ODS }) {
			out = append(out, s)
		}
	}
	for _, v := range h.goneCouncils(a, c, states) {
		missing(translate.ShownCouncil{Council: v.Council, AsAt: v.AsAt, Stale: true, Gone: true})
	}
	if a.by.OrgKind != care.Trust {
		return out, nil
	}
	for _, cf := range h.Councils {
		if st := states[cf.Council]; st.gone && a.terms.shares(cf.Council, a.by.Org, policy.Packages) {
			missing(translate.ShownCouncil{Council: h.Org(cf.Council), AsAt: st.asAt, Stale: true, Gone: true})
		}
	}
	for _, p := range a.terms.pauses(a.by.Org, lookParts...) {
		missing(translate.ShownCouncil{Council: h.Org(p.With), Withheld: true})
	}
	return out, nil
}

// councils is how fresh what each council told is; it is asked once.
func (a *asking) councils(tx *store.Tx, now time.Time) (_ map[nhs.ODS]councilState, err error) {
	if a.states == nil {
		a.states, err = a.h.councilStates(tx, now)
	}
	return a.states, err
}

// shownCouncil is a council's view in the words of package care.
func shownCouncil(v CouncilView, c care.Case) translate.ShownCouncil {
	s := translate.ShownCouncil{Council: v.Council, AsAt: v.AsAt, Stale: v.Stale, Gone: v.Gone, Team: v.Team, Providers: map[string]care.Provider{}}
	hold := care.Holding{Council: v.Council.ODS, AsAt: v.AsAt, Safeguarding: v.Safeguarding, Equipment: v.Equipment, Worker: v.Worker}
	for _, d := range c.Holdings {
		if d.Council == v.Council.ODS {
			hold.Of = d.Of
		}
	}
	if v.Unread {
		hold.Unread = append(hold.Unread, care.PartPackages)
	}
	if v.SafeguardingUnread {
		hold.Unread = append(hold.Unread, care.PartSafeguarding)
	}
	if v.Team != nil {
		hold.Team = v.Team.ID
	}
	for _, p := range v.Packages {
		hold.Packages = append(hold.Packages, p.Package)
		if p.Provider != nil {
			s.Providers[p.Provider.ID] = *p.Provider
		}
	}
	s.Holding, s.Withheld = &hold, !v.PackagesShown
	return s
}

// orgsOf is every organisation that a case names, as it is shown.
func (h *Hub) orgsOf(c care.Case, councils []translate.ShownCouncil) map[nhs.ODS]care.Org {
	out := map[nhs.ODS]care.Org{}
	add := func(codes ...nhs.ODS) {
		for _, o := range codes {
			if _, known := out[o]; o != "" && !known {
				out[o] = h.Org(o)
			}
		}
	}
	for _, s := range c.Stays() {
		add(s.Org)
	}
	for _, p := range c.Plans {
		add(p.Org)
	}
	for _, r := range c.Referrals {
		add(r.From, r.To, r.SentBy.Org, r.Worker.Org, r.Holder.Org)
		add(r.Likely...)
	}
	for _, n := range c.Notes {
		add(n.By.Org)
	}
	for _, k := range c.Calls {
		add(k.By.Org, k.Council)
	}
	for _, p := range c.Papers {
		add(p.By.Org)
	}
	for _, v := range councils {
		add(v.Council.ODS)
	}
	return out
}

// showChanged fills when what is shown of each resource last changed, and what was
// kept of it as it came. Of a part that the reader does not see, not even when it
// changed is said.
func (h *Hub) showChanged(tx *store.Tx, a *asking, c care.Case, out *care.Case, s *translate.Shown) error {
	changes, err := tx.ChangesOf(c.ID)
	if err != nil {
		return err
	}
	a.made = make(map[string]bool, len(changes))
	for _, r := range care.Resources(*out) {
		a.made[r.Type+"/"+r.ID] = true
	}
	s.Changed = make(map[string]time.Time, len(a.made))
	for _, r := range changes {
		if !a.made[r.Key] || !a.seesMark(r.Part) {
			continue
		}
		if r.At.After(s.Changed[r.Key]) {
			s.Changed[r.Key] = r.At
		}
		if r.At.After(out.News) {
			out.News = r.At
		}
	}
	return h.showKept(tx, a, c, a.made, s)
}

// seesMark reports whether the reader sees a part of a resource that they see.
func (a *asking) seesMark(p string) bool {
	kind, org, of := strings.Cut(p, ":")
	switch {
	case p == "":
		return true
	case p == care.PartReach:
		return a.reached()
	case !of:
		return false
	}
	switch kind + ":" {
	case care.PartNumber:
		return org == string(a.by.Org)
	case care.PartProvider:
		return a.from(nhs.ODS(org))[policy.SeeProvider]
	case care.PartDetail:
		return a.from(nhs.ODS(org))[policy.SeePackageDetail]
	case care.PartFinance:
		return a.from(nhs.ODS(org))[policy.SeeFinance]
	}
	return false
}

// showKept gives resources as they came to readers of the organisation that sent
// them; to others only where nothing was taken out of the resource, for nobody
// knows what is in what we do not know.
func (h *Hub) showKept(tx *store.Tx, a *asking, c care.Case, shown map[string]bool, s *translate.Shown) error {
	kept, err := tx.KeptResources(c.ID)
	if err != nil {
		return err
	}
	whole := a.reached() && s.Sees.Whereabouts && s.Sees.Risk && s.Sees.Assessments && s.Sees.Referral
	for _, k := range kept {
		key := k.Type + "/" + k.ID
		paper := shown["QuestionnaireResponse/"+k.ID] // a plan or a document is a paper too
		if !shown[asR4(k.Type)+"/"+k.ID] && !paper || k.Org != a.by.Org && (!whole || k.Type == "Patient") {
			continue
		}
		if k.Org != a.by.Org && slices.ContainsFunc(kept, func(x store.KeptResource) bool { return x.Type == k.Type && x.ID == k.ID && x.Org == a.by.Org }) {
			continue // they are given back what they sent themselves
		}
		tree, err := fhir.Parse(k.Doc, fhir.JSON, fhir.Version(k.Version), fhir.Limits{Bytes: 64 << 20})
		if err != nil {
			return fmt.Errorf("reading a resource as it came: %w", err)
		}
		if s.Kept == nil {
			s.Kept = map[string]translate.Kept{}
		}
		s.Kept[key] = translate.Kept{Type: k.Type, ID: k.ID, Version: fhir.Version(k.Version), Tree: tree}
	}
	return nil
}

// asR4 is the R4 name of a type that STU3 calls otherwise.
func asR4(typ string) string {
	if typ == "ReferralRequest" {
		return "ServiceRequest"
	}
	return typ
}

// found reports whether there is anything of a case for a reader: they may open
// it, or they looked this very person up and something is shared.
func (a *asking) found(s translate.Shown) bool {
	if a.opens() {
		return true
	}
	return a.declared && a.may[policy.Lookup] && slices.ContainsFunc(s.Councils, func(c translate.ShownCouncil) bool {
		return c.Holding != nil && (len(c.Holding.Packages) > 0 || c.Holding.Safeguarding.Answer == care.AnswerYes)
	})
}
