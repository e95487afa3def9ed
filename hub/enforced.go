package hub

import (
	"slices"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
)

// Enforced is what the policies make of one direction of an agreement: which
// roles of one organisation see which sections of what another holds. It is
// made by asking the policies, so it cannot differ from what they do.
type Enforced struct {
	From, To  care.Org
	Elsewhere bool // To is not an organisation of this site, so that none of its staff reads here
	Roles     []policy.Role
	Rows      []EnforcedRow
}

// EnforcedRow is one section, a role at a place of Enforced.Roles.
type EnforcedRow struct {
	Section      sharing.Section
	Shared, Was  bool   // named by this version, and by the one before
	May, MayThen []bool // whether the role sees it by this version, and by the one before
}

// enforced asks the policies what an agreement opens, with nothing else agreed,
// about an adult who is in the one's hospital and supported by or referred to
// the other's council, to a reader who has given a reason.
func (h *Hub) enforced(a sharing.Agreement, before *sharing.Agreement) []Enforced {
	var old sharing.Agreement
	if before != nil {
		old = *before
	}
	var out []Enforced
	for _, f := range append(slices.Clone(a.Flows), old.Flows...) {
		pair := func(e Enforced) bool { return e.From.ODS == f.From && e.To.ODS == f.To }
		if slices.ContainsFunc(out, pair) || f.From == "" || f.To == "" {
			continue
		}
		e := h.enforcedFlow(f.From, f.To, flowing(a, f.From, f.To), flowing(old, f.From, f.To))
		e.From.Name, e.To.Name = calledIn(a, e.From), calledIn(a, e.To)
		out = append(out, e)
	}
	return out
}

// calledIn is an organisation's name: as here, or else as the agreement names it.
func calledIn(a sharing.Agreement, o care.Org) string {
	for _, p := range a.Parties {
		if p.ODS == o.ODS && o.Kind == "" && p.Name != "" {
			return p.Name
		}
	}
	return o.Name
}

// flowing is the sections that an agreement names from one to another.
func flowing(a sharing.Agreement, from, to nhs.ODS) (out []sharing.Section) {
	for _, f := range a.Flows {
		if f.From == from && f.To == to {
			out = append(out, f.Sections...)
		}
	}
	return out
}

func (h *Hub) enforcedFlow(from, to nhs.ODS, now, then []sharing.Section) Enforced {
	e := Enforced{From: h.Org(from), To: h.Org(to), Roles: readersIn(h.Org(to).Kind)}
	if e.Elsewhere = e.To.Kind == ""; e.Elsewhere {
		return e
	}
	sections := sharing.Sections()
	may, mayThen := h.opened(e, now), h.opened(e, then)
	for i, s := range sections {
		row := EnforcedRow{Section: s, Shared: slices.Contains(now, s), Was: slices.Contains(then, s)}
		for r := range e.Roles {
			row.May, row.MayThen = append(row.May, may[r][i]), append(row.MayThen, mayThen[r][i])
		}
		e.Rows = append(e.Rows, row)
	}
	return e
}

// readersIn are the roles that read about people in a kind of organisation.
func readersIn(kind care.OrgKind) []policy.Role {
	if kind == care.Council {
		return []policy.Role{policy.SocialWorker, policy.TeamManager, policy.Broker}
	}
	return []policy.Role{policy.AENurse, policy.WardNurse, policy.Coordinator}
}

// opened is, for each role and each of sharing.Sections, whether the policies
// let the role see it when these sections are open.
func (h *Hub) opened(e Enforced, open []sharing.Section) [][]bool {
	facts := policy.Case{ID: "example", Adult: true, AgeKnown: true}
	for _, o := range []care.Org{e.From, e.To} {
		if o.Kind == care.Council {
			facts.Councils, facts.ReferredTo = add(facts.Councils, o.ODS), add(facts.ReferredTo, o.ODS)
		} else {
			facts.Hospitals, facts.ReferredBy = add(facts.Hospitals, o.ODS), add(facts.ReferredBy, o.ODS)
		}
	}
	var out [][]bool
	for _, role := range e.Roles {
		a := policy.Actor{ID: "example-reader", Org: string(e.To.ODS), OrgKind: policy.OrgKind(e.To.Kind), Role: role}
		ctx := policy.Context{Purpose: policy.DirectCare, ReasonGiven: true, Relationship: policy.Relate(a, &facts, true), Audience: policy.ForBoth}
		for _, s := range open {
			ctx.Open = append(ctx.Open, policy.Section(s))
		}
		var row []bool
		for _, d := range h.Policies.DecideMany(a, &facts, ctx, sectionActions()...) {
			row = append(row, d.Allow)
		}
		out = append(out, row)
	}
	return out
}

// sectionActions are the actions that see each of sharing.Sections.
func sectionActions() []policy.Action {
	return []policy.Action{policy.SeeDemographics, policy.SeeWhereabouts, policy.SeePackages, policy.SeeProvider, policy.SeePackageDetail, policy.SeeSafeguarding,
		policy.SeeAssessments, policy.SeeRisk, policy.SeeFinance, policy.SeeNotes, policy.SeeReferral, policy.SeeTimeline}
}
