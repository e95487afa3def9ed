package policy

import (
	"fmt"
	"slices"
	"strings"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// The entity types of the schema.
const (
	actionType       types.EntityType = "Action"
	actorType        types.EntityType = "Actor"
	personType       types.EntityType = "Person"
	serviceType      types.EntityType = "Service"
	orgType          types.EntityType = "Org"
	roleType         types.EntityType = "Role"
	orgKindType      types.EntityType = "OrgKind"
	purposeType      types.EntityType = "Purpose"
	relationshipType types.EntityType = "Relationship"
	audienceType     types.EntityType = "Audience"
	sectionType      types.EntityType = "Section"
)

// anyone names the person in every question: no rule may speak of one person by
// name, and questions that differ in nothing else have one answer.
const anyone types.String = "person"

// none stands for a purpose, relationship or audience that was not given.
const none = "none"

// A question is a request in Cedar's terms. It serves Cedar as the store of
// entities, so that nothing but this actor and this case can be weighed.
type question struct {
	set      *Set
	actor    types.Entity
	resource types.Entity
	context  types.Record
}

// Get gives Cedar the entities of this question, and the groups of actions.
func (q *question) Get(uid types.EntityUID) (types.Entity, bool) {
	switch uid {
	case q.actor.UID:
		return q.actor, true
	case q.resource.UID:
		return q.resource, true
	}
	a, ok := q.set.actions[uid]
	return a, ok
}

// Decide answers one request. Whatever is wrong with the request or with the
// evaluation of any rule denies, and stands in Errors.
func (s *Set) Decide(r Request) Decision {
	return s.DecideMany(r.Actor, r.Case, r.Context, r.Action)[0]
}

// DecideMany answers for several actions at once, in their order, for one actor
// and one case. It builds and checks the facts only once, and a question that was
// answered before is answered from memory: what is remembered of a decision is
// not to be changed by who receives it.
func (s *Set) DecideMany(a Actor, c *Case, ctx Context, actions ...Action) []Decision {
	out := make([]Decision, len(actions))
	known := s.memory.about(a, c, ctx)
	known.Lock()
	defer known.Unlock()
	for i, action := range actions {
		d, met := known.answers[action]
		if !met {
			d = s.fresh(known, a, c, ctx, action)
		}
		out[i] = d
	}
	return out
}

// fresh decides what was not decided before.
func (s *Set) fresh(known *remembered, a Actor, c *Case, ctx Context, action Action) Decision {
	if known.q == nil {
		q, err := s.ask(a, c, ctx)
		if err != nil {
			return refuse(err.Error()) // not remembered: a question that is wrong is rare
		}
		known.q = q
	}
	d := known.q.decide(a, action)
	if len(d.Errors) == 0 {
		known.answers[action] = d
	}
	return d
}

// ask puts the facts into Cedar's terms and checks them against the schema.
func (s *Set) ask(a Actor, c *Case, ctx Context) (*question, error) {
	if err := checkWords(a, c, ctx); err != nil {
		return nil, err
	}
	q := &question{set: s, actor: actorEntity(a), context: s.contextRecord(ctx)}
	if c == nil {
		q.resource = types.Entity{UID: types.NewEntityUID(serviceType, "homeward")}
	} else {
		q.resource = personEntity(c)
	}
	return q, q.valid()
}

// valid is the lock against Cedar's rule that a policy which errs is skipped: a
// forbid that reads a missing attribute would vanish, and the answer be yes.
func (q *question) valid() error {
	if err := q.set.check.Entity(q.actor); err != nil {
		return fmt.Errorf("checking the actor: %w", err)
	}
	if err := q.set.check.Entity(q.resource); err != nil {
		return fmt.Errorf("checking the case: %w", err)
	}
	return nil
}

// decide answers for one action about facts that were checked.
func (q *question) decide(a Actor, action Action) Decision {
	req := types.Request{
		Principal: q.actor.UID,
		Action:    types.NewEntityUID(actionType, types.String(action)),
		Resource:  q.resource.UID,
		Context:   q.context,
	}
	if err := q.set.check.Request(req); err != nil {
		return refuse(fmt.Sprintf("checking the request: %v", err))
	}
	allow, found := cedar.Authorize(q.set.byAction[req.Action], q, req)
	if len(found.Errors) > 0 {
		var d Decision
		for _, e := range found.Errors {
			d.Errors = append(d.Errors, fmt.Sprintf("evaluating rule %q: %s", e.PolicyID, e.Message))
		}
		return refuse(d.Errors...)
	}
	d := Decision{Allow: allow == cedar.Allow}
	for _, r := range found.Reasons {
		d.Policies = append(d.Policies, string(r.PolicyID))
	}
	slices.Sort(d.Policies)
	d.Why = q.set.why(d, a, action)
	return d
}

func refuse(errors ...string) Decision {
	return Decision{Errors: errors, Why: "The question could not be decided safely, so the answer is no."}
}

func (s *Set) why(d Decision, a Actor, action Action) string {
	switch len(d.Policies) {
	case 0:
		return "No rule lets " + a.Role.Title() + " " + action.Title() + " here."
	case 1:
		return s.says[types.PolicyID(d.Policies[0])]
	}
	var says []string
	for _, id := range d.Policies {
		says = append(says, s.says[types.PolicyID(id)])
	}
	return strings.Join(says, " ")
}

// checkWords refuses words and blanks that the schema cannot: Cedar takes any
// name for a value of an enum, and two blank organisations would be the same one.
func checkWords(a Actor, c *Case, ctx Context) error {
	switch {
	case a.ID == "":
		return fmt.Errorf("the actor has no id")
	case a.Org == "":
		return fmt.Errorf("the actor has no organisation")
	case !knownRole(a.Role):
		return fmt.Errorf("the actor's role %q is not known", string(a.Role))
	}
	switch a.OrgKind {
	case Trust, Council, Provider, System:
	default:
		return fmt.Errorf("the actor's kind of organisation %q is not known", string(a.OrgKind))
	}
	switch ctx.Purpose {
	case "", none, DirectCare, DischargePlanning, OtherPurpose, Operations, Governance:
	default:
		return fmt.Errorf("the purpose %q is not known", string(ctx.Purpose))
	}
	switch ctx.Relationship {
	case "", NoneRelation, Stay, Referral, Involvement, Declared, Emergency:
	default:
		return fmt.Errorf("the relationship %q is not known", string(ctx.Relationship))
	}
	switch ctx.Audience {
	case "", none, ForBoth, ForCouncil, ForHospital:
	default:
		return fmt.Errorf("the audience %q is not known", string(ctx.Audience))
	}
	for _, s := range ctx.Open {
		if !slices.Contains(sections, s) {
			return fmt.Errorf("the section %q is not known", string(s))
		}
	}
	if c == nil {
		return nil
	}
	return checkCase(c)
}

func checkCase(c *Case) error {
	if c.ID == "" {
		return fmt.Errorf("the case has no id")
	}
	for _, list := range [...][]string{c.Hospitals, c.Councils, c.ReferredTo, c.ReferredBy, c.NumberedBy, c.Allocated, c.Glass, c.ClientOf, c.ConcernTo} {
		if has(list, "") {
			return fmt.Errorf("the case lists an organisation or a worker without a name")
		}
	}
	return nil
}

func knownRole(r Role) bool {
	for _, w := range roles {
		if w.role == r {
			return true
		}
	}
	return false
}

func actorEntity(a Actor) types.Entity {
	teams := make([]types.Value, len(a.Teams))
	for i, t := range a.Teams {
		teams[i] = types.String(t)
	}
	return types.Entity{
		UID: types.NewEntityUID(actorType, types.String(a.ID)),
		Attributes: types.NewRecord(types.RecordMap{
			"org":     types.NewEntityUID(orgType, types.String(a.Org)),
			"orgKind": types.NewEntityUID(orgKindType, types.String(a.OrgKind)),
			"role":    types.NewEntityUID(roleType, types.String(a.Role)),
			"teams":   types.NewSet(teams...),
		}),
	}
}

func personEntity(c *Case) types.Entity {
	return types.Entity{
		UID: types.NewEntityUID(personType, anyone),
		Attributes: types.NewRecord(types.RecordMap{
			"adult":             types.Boolean(c.Adult),
			"ageKnown":          types.Boolean(c.AgeKnown),
			"restricted":        types.Boolean(c.Restricted),
			"councilRestricted": types.Boolean(c.CouncilRestricted),
			"frozen":            types.Boolean(c.Frozen),
			"died":              types.Boolean(c.Died),
			"objected":          types.Boolean(c.Objected),
			"hospitals":         named(orgType, c.Hospitals),
			"councils":          named(orgType, c.Councils),
			"referredTo":        named(orgType, c.ReferredTo),
			"referredBy":        named(orgType, c.ReferredBy),
			"numberedBy":        named(orgType, c.NumberedBy),
			"allocated":         named(actorType, c.Allocated),
			"glass":             named(actorType, c.Glass),
			"clientOf":          named(orgType, c.ClientOf),
			"concernTo":         named(orgType, c.ConcernTo),
		}),
	}
}

func named[T ~string](typ types.EntityType, ids []T) types.Set {
	vals := make([]types.Value, len(ids))
	for i, id := range ids {
		vals[i] = types.NewEntityUID(typ, types.String(id))
	}
	return types.NewSet(vals...)
}

func (s *Set) contextRecord(ctx Context) types.Record {
	word := func(typ types.EntityType, w string) types.EntityUID {
		if w == "" {
			w = none
		}
		return types.NewEntityUID(typ, types.String(w))
	}
	return types.NewRecord(types.RecordMap{
		"purpose":      word(purposeType, string(ctx.Purpose)),
		"reasonGiven":  types.Boolean(ctx.ReasonGiven),
		"onBehalf":     types.Boolean(ctx.OnBehalf),
		"relationship": word(relationshipType, string(ctx.Relationship)),
		"audience":     word(audienceType, string(ctx.Audience)),
		"open":         s.openSet(ctx.Open),
	})
}

// openSet is sections as a set of Cedar's. There are few that differ, and each is
// made once.
func (s *Set) openSet(open []Section) types.Set {
	bits := 0
	for _, sec := range open {
		bits |= 1 << slices.Index(sections, sec)
	}
	if made := s.open[bits].Load(); made != nil {
		return *made
	}
	made := named(sectionType, open)
	s.open[bits].Store(&made)
	return made
}
