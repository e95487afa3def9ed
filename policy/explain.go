package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
)

// Explain says in several lines how a request is decided: the answer, the rules
// that made it, those that could have permitted it, and the facts that were
// weighed. It is for operators and those who govern; it holds no personal data
// but opaque ids, and must not be shown to an actor who was refused.
func (s *Set) Explain(r Request) string {
	d := s.Decide(r)
	var b strings.Builder
	verdict := "NO"
	if d.Allow {
		verdict = "YES"
	}
	fmt.Fprintf(&b, "%s: %s of %s (%s) asks to %s\n", verdict, r.Actor.Role.Title(), r.Actor.Org, r.Actor.OrgKind, r.Action.Title())
	fmt.Fprintf(&b, "rules of version %s\n", s.version)
	for _, e := range d.Errors {
		fmt.Fprintf(&b, "  error: %s\n", e)
	}
	for _, id := range d.Policies {
		fmt.Fprintf(&b, "  decided by %s\n", s.line(id))
	}
	if !d.Allow && len(d.Errors) == 0 {
		s.explainMissing(&b, r.Action, d.Policies)
	}
	explainFacts(&b, r)
	return b.String()
}

// line is one rule in a line, "" for an id that no rule has.
func (s *Set) line(id string) string {
	for _, r := range s.rules {
		if r.ID != id {
			continue
		}
		if r.Permits {
			return id + " (permits): " + r.Says
		}
		return id + " (forbids): " + r.Says
	}
	return ""
}

// explainMissing lists the rules that permit the action to someone: where none
// of them is among those that decided, one of their conditions was not met.
func (s *Set) explainMissing(b *strings.Builder, a Action, decided []string) {
	found := false
	for _, r := range s.byAction[types.NewEntityUID(actionType, types.String(a))] {
		if r.Permits && !slices.Contains(decided, r.ID) {
			fmt.Fprintf(b, "  can be permitted by %s: %s\n", r.ID, r.Says)
			found = true
		}
	}
	if !found {
		b.WriteString("  no rule permits this to anyone\n")
	}
}

func explainFacts(b *strings.Builder, r Request) {
	yes := func(v bool) string {
		if v {
			return "yes"
		}
		return "no"
	}
	said := func(w string) string {
		if w == "" {
			return none
		}
		return w
	}
	fmt.Fprintf(b, "purpose %s, reason given %s, relationship %s, audience %s\n",
		said(string(r.Context.Purpose)), yes(r.Context.ReasonGiven), said(string(r.Context.Relationship)), said(string(r.Context.Audience)))
	var open []string
	for _, s := range r.Context.Open {
		open = append(open, string(s))
	}
	fmt.Fprintf(b, "open to %s: %s\n", r.Actor.Org, said(strings.Join(open, " ")))
	c := r.Case
	if c == nil {
		b.WriteString("about no one person\n")
		return
	}
	list := func(l []string) string {
		if len(l) == 0 {
			return none
		}
		return strings.Join(l, " ")
	}
	fmt.Fprintf(b, "case %s: adult %s, age known %s, restricted %s, restricted by a council %s, frozen %s, died %s, objected %s\n",
		c.ID, yes(c.Adult), yes(c.AgeKnown), yes(c.Restricted), yes(c.CouncilRestricted), yes(c.Frozen), yes(c.Died), yes(c.Objected))
	fmt.Fprintf(b, "hospitals %s; councils %s; referred to %s; referred by %s; numbered by %s; allocated %s; glass broken by %s; client of %s; concern raised to %s\n",
		list(c.Hospitals), list(c.Councils), list(c.ReferredTo), list(c.ReferredBy), list(c.NumberedBy), list(c.Allocated), list(c.Glass), list(c.ClientOf), list(c.ConcernTo))
}

// A Cell is one answer of the matrix.
type Cell struct {
	Role   Role
	Action Action
	Decision
}

// Matrix answers every action for every role about one case: a row for each of
// Roles, a column for each of Actions. Hospital roles act for the first trust
// of the case, council roles for its first council, care providers for the
// first of whom the person is a client, and the others for the trust; each for direct care, with a reason given and the relationship that
// the facts give, and notes are those for both sides. Where the case has no
// such organisation the role acts for one that has nothing to do with it.
func (s *Set) Matrix(base Case) [][]Cell {
	about, general := s.byResource()
	out := make([][]Cell, len(roles))
	for i, w := range roles {
		a := standIn(w, base)
		ctx := Context{Purpose: DirectCare, ReasonGiven: true, Relationship: Relate(a, &base, true), Audience: ForBoth, Open: Sections()}
		answers := map[Action]Decision{}
		for j, d := range s.DecideMany(a, &base, ctx, about...) {
			answers[about[j]] = d
		}
		for j, d := range s.DecideMany(a, nil, ctx, general...) {
			answers[general[j]] = d
		}
		for _, act := range actions {
			out[i] = append(out[i], Cell{w.role, act.action, answers[act.action]})
		}
	}
	return out
}

// byResource parts the actions into those that can be about a person and the rest.
func (s *Set) byResource() (about, general []Action) {
	for _, w := range actions {
		applies := s.schema.Actions[types.NewEntityUID(actionType, types.String(w.action))].AppliesTo
		if slices.Contains(applies.Resources, personType) {
			about = append(about, w.action)
		} else {
			general = append(general, w.action)
		}
	}
	return about, general
}

// standIn is an actor in a role, of an organisation that has to do with the case.
func standIn(w roleWords, c Case) Actor {
	a := Actor{ID: "matrix-" + string(w.role), Org: "elsewhere", OrgKind: w.kind, Role: w.role}
	if a.OrgKind == "" {
		a.OrgKind = Trust
	}
	orgs := slices.Concat(c.Hospitals, c.ReferredBy)
	switch a.OrgKind {
	case Council:
		orgs = slices.Concat(c.Councils, c.ReferredTo)
	case Provider:
		orgs = c.ClientOf
	}
	if len(orgs) > 0 && a.OrgKind != System {
		a.Org = orgs[0]
	}
	return a
}
