package hub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// london is only the zone for "today" and "by night"; screens format times
// themselves. It is loaded once by New.
func (h *Hub) today(now time.Time) nhs.Date { return nhs.DateOf(now.In(h.Zone)) }

// facts are what policies may know of a case. Every attribute is always
// given: Cedar skips a policy that errs on a missing one.
func (h *Hub) facts(c care.Case, now time.Time) *policy.Case {
	f := &policy.Case{
		ID: string(c.ID), AgeKnown: !c.Person.Born.IsZero(), Restricted: c.Sensitive, Frozen: c.Doubt != nil, Died: c.Died != nil,
		Objected: c.Objection != nil,
	}
	f.Adult = f.AgeKnown && c.Person.Born.AgeOn(h.today(now)) >= 18
	if c.Stay != nil {
		f.Hospitals = add(f.Hospitals, c.Stay.Org)
	}
	for _, s := range c.Past {
		if s.Left != nil && now.Sub(s.Left.At) < h.Limits.Watching {
			f.Hospitals = add(f.Hospitals, s.Org)
		}
	}
	for _, d := range c.Holdings {
		if !d.Ended {
			f.Councils = add(f.Councils, d.Council)
		}
		f.CouncilRestricted = f.CouncilRestricted || d.Restricted
	}
	for _, r := range c.Referrals {
		f.ReferredBy = add(f.ReferredBy, r.From)
		if r.To != "" {
			f.ReferredTo = add(f.ReferredTo, r.To)
		}
		if r.Worker.ID != "" && !slices.Contains(f.Allocated, string(r.Worker.ID)) {
			f.Allocated = append(f.Allocated, string(r.Worker.ID))
		}
	}
	worked(f, c)
	for _, id := range c.IDs {
		if kind, org, _ := strings.Cut(id.System, ":"); kind == "mrn" || kind == "council" {
			f.NumberedBy = add(f.NumberedBy, nhs.ODS(org))
		}
	}
	return f
}

// worked adds which providers know of the person, or were asked about them, as
// things stand, and which councils have a concern to look into.
func worked(f *policy.Case, c care.Case) {
	for _, k := range c.Clients {
		if k.Ended.IsZero() {
			f.ClientOf = add(f.ClientOf, care.ProviderCode(k.Council, k.Provider))
		}
	}
	for _, r := range c.Requests {
		for _, v := range r.Invited {
			if r.Ended.IsZero() && v.Reply != care.ReplyDecline && v.Reply != care.ReplyReleased {
				f.ClientOf = add(f.ClientOf, care.ProviderCode(r.Council, v.Provider))
			}
		}
	}
	for _, k := range c.Concerns {
		f.ConcernTo = add(f.ConcernTo, k.To)
	}
}

// keptByCouncil reports whether a council keeps what it holds of this person
// from the reader. Then not even that it holds anything may show: a page must
// look as it does for somebody whom no council supports.
func (a *asking) keptByCouncil() bool {
	return (a.facts.Restricted || a.facts.CouncilRestricted || a.objects()) && !slices.Contains(a.facts.Councils, string(a.by.Org))
}

// objects reports whether the person's objection stands against the reader: a
// broken glass overrides it.
func (a *asking) objects() bool {
	return a.facts.Objected && !slices.Contains(a.facts.Glass, string(a.by.ID))
}

// broke reports whether the reader has broken the glass of this person.
func (a *asking) broke() bool { return slices.Contains(a.facts.Glass, string(a.by.ID)) }

// callShown reports whether a call is shown to the reader: with the provider's
// part of what a council holds. Where a council keeps that, their own side's
// calls are shown still, as they are where no council holds anything.
func (a *asking) callShown(k care.Call) bool {
	if k.Council != "" && a.from(k.Council)[policy.SeeProvider] || k.Council == "" && a.may[policy.SeeProvider] {
		return seesCall(a.by, k)
	}
	return a.may[policy.RecordCall] && k.By.Org == a.by.Org
}

func add(list []string, ods nhs.ODS) []string {
	if ods == "" || slices.Contains(list, string(ods)) {
		return list
	}
	return append(list, string(ods))
}

func principal(a care.Actor) policy.Actor {
	p := policy.Actor{ID: string(a.ID), Org: string(a.Org), OrgKind: policy.OrgKind(a.OrgKind), Role: policy.Role(a.Role)}
	if a.Team != "" {
		p.Teams = []string{a.Team}
	}
	return p
}

// asking is one use case being decided: who asks, of whom, for what, and what
// was decided, so that the audit row says all of it.
type asking struct {
	h       *Hub
	by      care.Actor
	facts   *policy.Case
	context policy.Context
	record  store.AuditRecord
	may     map[policy.Action]bool
	// declared is that the actor looked this very person up with a reason. Only
	// then is an interest declared: opening a page or writing a note is no claim.
	declared bool
	terms    *accord                            // nil until onto: nothing of others' is open
	parts    map[nhs.ODS]map[policy.Action]bool // what from said
	states   map[nhs.ODS]councilState           // what councils said; nil until asked
	made     map[string]bool                    // the resources (Type/id) of what is shown
	tasks    map[care.Audience]bool             // what taskSees said
}

// ask begins a use case. c is nil where no person is meant.
func (h *Hub) ask(by care.Actor, action policy.Action, c *care.Case, purpose policy.Purpose, reason string, now time.Time) *asking {
	a := &asking{h: h, by: by, may: map[policy.Action]bool{}}
	a.context = policy.Context{Purpose: purpose, ReasonGiven: reason != "", Relationship: policy.NoneRelation}
	a.record = store.AuditRecord{At: now, Actor: by.ID, Name: by.Name, Role: by.Role, RoleID: by.RoleID, Org: by.Org, Address: by.Address,
		Request: by.Request, Action: string(action), Purpose: string(purpose), Reason: reason, Rules: h.Policies.Version()}
	if c != nil {
		a.about(*c, now)
	}
	return a
}

// about says which person the rest of the questions are about.
func (a *asking) about(c care.Case, now time.Time) {
	a.facts = a.h.facts(c, now)
	a.record.Case = c.ID
	a.relate()
}

// decide asks the policies and remembers what they said for the audit.
func (a *asking) decide(actions ...policy.Action) {
	for i, d := range a.h.Policies.DecideMany(principal(a.by), a.facts, a.context, actions...) {
		a.may[actions[i]] = d.Allow
		if d.Allow {
			a.record.Sections = append(a.record.Sections, string(actions[i]))
		}
		for _, p := range d.Policies {
			if !slices.Contains(a.record.Policies, p) {
				a.record.Policies = append(a.record.Policies, p)
			}
		}
		if len(d.Errors) > 0 {
			a.record.Outcome = "policy-error"
			a.h.Log.Error("policy could not be decided: denied", "action", actions[i], "errors", strings.Join(d.Errors, "; "))
		}
	}
}

// allowed decides one action.
func (a *asking) allowed(action policy.Action) bool {
	a.decide(action)
	return a.may[action]
}

// with decides one action for notes of an audience.
func (a *asking) with(audience care.Audience, action policy.Action) bool {
	ctx := a.context
	ctx.Audience = policy.Audience(audience)
	d := a.h.Policies.DecideMany(principal(a.by), a.facts, ctx, action)[0]
	for _, p := range d.Policies {
		if d.Allow && !slices.Contains(a.record.Policies, p) {
			a.record.Policies = append(a.record.Policies, p)
		}
	}
	if d.Allow {
		a.record.Sections = append(a.record.Sections, string(action)+":"+string(audience))
	}
	return d.Allow
}

// audit writes the row of the whole use case.
func (a *asking) audit(tx *store.Tx, allowed bool, outcome string) error {
	a.record.Allowed = allowed
	if a.record.Outcome == "" {
		a.record.Outcome = outcome
	}
	return tx.Audit(a.record)
}

// refuse audits a denied try and gives the error for the user. The text is the
// same whatever the reason, so that nothing can be inferred from it.
func (a *asking) refuse(tx *store.Tx) error {
	a.record.Sections = nil // nothing was shown
	if err := a.audit(tx, false, "denied"); err != nil {
		return err
	}
	return a.refusal(tx)
}

// committed is an error that is told to the user although what was written on
// the way, such as the audit of the refusal, must stay.
type committed struct{ err *care.Error }

func (c committed) Error() string { return c.err.Error() }

// update runs f in one transaction; an error of type committed is unwrapped
// after the commit.
func (h *Hub) update(ctx context.Context, f func(*store.Tx) error) error {
	var told *care.Error
	err := h.Store.Update(ctx, func(tx *store.Tx) error {
		told = nil
		err := f(tx)
		var c committed
		if errors.As(err, &c) {
			told = c.err
			return nil
		}
		return err
	})
	if err != nil {
		return h.unavailable(err)
	}
	h.rememberAgreed(ctx)
	if told != nil {
		return told
	}
	return nil
}

// unavailable turns a store's failure into what a user can be told.
func (h *Hub) unavailable(err error) error {
	var e *care.Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrClosed):
		return &care.Error{Kind: care.Transient, Text: "Homeward cannot reach its records right now. Try again in a minute", Err: err}
	}
	return err
}
