package hub

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// do is the shape of every command on a case: decide by policy, decide by the
// rules of care, record, audit.
func (h *Hub) do(ctx context.Context, by care.Actor, id care.CaseID, action policy.Action, audience care.Audience, cmd care.Command) (care.Case, error) {
	var out care.Case
	err := h.update(ctx, func(tx *store.Tx) (err error) {
		out, err = h.command(tx, by, id, action, audience, cmd)
		return err
	})
	return out, err
}

func (h *Hub) command(tx *store.Tx, by care.Actor, id care.CaseID, action policy.Action, audience care.Audience, cmd care.Command) (care.Case, error) {
	a, c, err := h.named(tx, by, action, id, h.now())
	if err != nil {
		return c, err
	}
	a.context.Audience = policy.Audience(audience)
	return h.carry(tx, a, c, action, cmd)
}

// carry decides a command that is asked for, and carries it out.
func (h *Hub) carry(tx *store.Tx, a *asking, c care.Case, action policy.Action, cmd care.Command) (care.Case, error) {
	by, now := a.by, a.record.At
	if !a.allowed(action) || !a.reaches(c, subject(cmd), action) {
		// A locked contact action says so: the reader sees the banner anyway.
		if c.Died != nil && (action == policy.RecordCall || action == policy.Refer) && a.allowed(policy.SeeDemographics) {
			a.record.Sections = nil
			if err := a.audit(tx, false, "refused: died"); err != nil {
				return c, err
			}
			return c, committed{&care.Error{Kind: care.BusinessRule, Text: "This person has died. Contact actions are locked"}}
		}
		return c, a.refuse(tx)
	}
	events, err := care.Decide(c, by, cmd, now)
	if err != nil {
		refused, ok := err.(*care.Error)
		if !ok {
			return c, err
		}
		if err := a.audit(tx, true, "refused: "+string(refused.Kind)); err != nil {
			return c, err
		}
		return c, committed{refused}
	}
	if len(events) > 0 {
		if c, err = tx.Record(c, care.Cause{Kind: "person", By: by.Who()}, now, events...); err != nil {
			return c, err
		}
	}
	return c, a.audit(tx, true, "done")
}

// reaches reports whether an action that is allowed on the case is allowed on one
// referral of it, by what its sender shares: an agreement with one hospital gives
// no hold on what another sent.
func (a *asking) reaches(c care.Case, id care.ReferralID, action policy.Action) bool {
	i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == id })
	if i < 0 || a.by.OrgKind != care.Council || !slices.Contains(partActions, action) {
		return true
	}
	return a.from(c.Referrals[i].From)[action]
}

// Withdraw takes a referral back for a reason 01 to 13.
func (h *Hub) Withdraw(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID, why, words string) error {
	_, err := h.do(ctx, by, id, policy.Withdraw, "", care.Withdraw{ID: ref, Why: why, WhyText: words})
	return err
}

// Route settles which council a referral goes to, where the address did not.
func (h *Hub) Route(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID, to nhs.ODS) error {
	if o, ok := h.orgs[to]; !ok || o.Kind != care.Council {
		return &care.Error{Kind: care.Invalid, Field: "council", Text: "Select a council"}
	}
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.Refer, id, h.now())
		if err != nil {
			return err
		}
		if a.allowed(policy.Refer) {
			if err := h.mayRefer(tx, a, to); err != nil {
				return err
			}
		}
		_, err = h.carry(tx, a, c, policy.Refer, care.Route{ID: ref, To: to})
		return err
	})
}

// Accept takes a referral on for the reader's council. Who accepted it a moment
// ago, and asks again, has what they asked for.
func (h *Hub) Accept(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.Accept, id, h.now())
		if err != nil {
			return err
		}
		again, err := acceptedBy(tx, c, ref, by)
		if err != nil {
			return err
		}
		if again && a.allowed(policy.Accept) {
			return a.audit(tx, true, "done already")
		}
		_, err = h.carry(tx, a, c, policy.Accept, care.Accept{ID: ref})
		return err
	})
}

// acceptedBy reports whether an actor was the last to accept a referral, and
// nothing has happened to it since.
func acceptedBy(tx *store.Tx, c care.Case, ref care.ReferralID, by care.Actor) (bool, error) {
	i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == ref })
	if i < 0 || c.Referrals[i].State != care.RefAccepted || c.Referrals[i].To != by.Org {
		return false, nil
	}
	entries, err := tx.History(c.ID)
	for _, e := range slices.Backward(entries) {
		if x, ok := e.Event.(care.ReferralAccepted); ok && x.ID == ref {
			return x.By.ID == by.ID, err
		}
	}
	return false, err
}

// SendBack returns a referral for more information.
func (h *Hub) SendBack(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID, reasons []string, needed string) error {
	_, err := h.do(ctx, by, id, policy.Return, "", care.SendBack{ID: ref, Reasons: reasons, Needed: needed})
	return err
}

// Allocate gives a referral to a worker of the reader's council. was is the
// worker whom the reader saw; when another has it by now, it is a conflict.
func (h *Hub) Allocate(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID, worker, was care.ActorID) error {
	return h.update(ctx, func(tx *store.Tx) error {
		// Whoever may not allocate is told so, and not which workers there are.
		who, err := h.worker(tx, by, worker)
		if err != nil && care.KindOf(err) != care.Invalid {
			return err
		}
		a, c, unknown := h.named(tx, by, policy.Allocate, id, h.now())
		if unknown != nil {
			return unknown
		}
		switch may := a.allowed(policy.Allocate); {
		case may && !mayHandOver(by, c, ref):
			return a.refuse(tx)
		case may && err != nil:
			return err
		}
		_, err = h.carry(tx, a, c, policy.Allocate, care.Allocate{ID: ref, Worker: who, Was: was})
		return err
	})
}

// Progress moves the council's work on to another stage.
func (h *Hub) Progress(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID, to care.RefState) error {
	_, err := h.do(ctx, by, id, policy.Progress, "", care.Progress{ID: ref, State: to})
	return err
}

// CloseReferral ends a referral with its outcome.
func (h *Hub) CloseReferral(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID, outcome string) error {
	_, err := h.do(ctx, by, id, policy.CloseReferral, "", care.Close{ID: ref, Outcome: outcome})
	return err
}

// AddNote writes a case note for an audience. key is of the form that it was
// written in: the same note from the same form is written once. "" is no form.
func (h *Hub) AddNote(ctx context.Context, by care.Actor, id care.CaseID, key string, audience care.Audience, text string) error {
	n := care.Note{ID: onceID(key, by, string(id), string(audience), strings.TrimSpace(text)), At: h.now(), By: by.Who(), Audience: audience, Text: strings.TrimSpace(text)}
	_, err := h.do(ctx, by, id, policy.AddNote, audience, care.AddNote{Note: n})
	return err
}

// NewKey is a key for a form whose content must not be kept twice.
func NewKey() string { return newID() }

// onceID names what a form says: sent twice it has the same name, and what
// else was typed into the same form, say after going back, has another. A key
// alone would lose the second text.
func onceID(key string, by care.Actor, said ...string) string {
	if key == "" {
		return newID()
	}
	sum := sha256.New()
	for _, s := range append([]string{key, string(by.ID)}, said...) {
		fmt.Fprintf(sum, "%d:%s", len(s), s)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum.Sum(nil)))[:26]
}

// RecordCall records a call to a provider: on a case, or on the person of a
// look-up that the reader made a moment ago. call.ID is the key of the form, as
// for AddNote.
func (h *Hub) RecordCall(ctx context.Context, by care.Actor, id care.CaseID, handle string, call care.Call) error {
	return h.RecordCallAnd(ctx, by, id, handle, call, CallSteps{})
}

// callID names a call by the key of its form and by what it says.
func callID(by care.Actor, id care.CaseID, handle string, call care.Call) string {
	return onceID(call.ID, by, string(id), handle, string(call.Council), call.Provider, call.ProviderName, call.Spoke, call.Phone, call.Outcome,
		call.RestartAt.UTC().Format(time.RFC3339), call.Text)
}

// Workers lists the workers of the reader's council with their open referrals,
// for those who may see its worklist.
func (h *Hub) Workers(ctx context.Context, by care.Actor) ([]WorkerView, error) {
	if a := h.ask(by, policy.ListWorklist, nil, policy.DischargePlanning, "", h.now()); !a.allowed(policy.ListWorklist) {
		return nil, h.update(ctx, a.refuse)
	}
	var out []WorkerView
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = h.workers(tx, by)
		return err
	})
	return out, h.unavailable(err)
}

func (h *Hub) workers(tx *store.Tx, by care.Actor) ([]WorkerView, error) {
	ms, err := h.members(tx, by.Org)
	var out []WorkerView
	for _, m := range ms {
		out = append(out, m.view())
	}
	return out, err
}

// grantOf is the grant by which somebody works on referrals for a council; -1
// when there is none.
func grantOf(a care.Account, council nhs.ODS) int {
	if a.Disabled {
		return -1
	}
	return slices.IndexFunc(a.Grants, func(g care.Grant) bool {
		return g.Org == council && (g.Role == care.SocialWorker || g.Role == care.TeamManager)
	})
}

// worker is a worker of the reader's own council.
func (h *Hub) worker(tx *store.Tx, by care.Actor, id care.ActorID) (care.Who, error) {
	a, err := tx.User(id)
	if err != nil && care.KindOf(err) != care.NotFound {
		return care.Who{}, err
	}
	if err == nil && grantOf(a, by.Org) >= 0 {
		return care.Who{ID: a.ID, Name: a.Name, Org: by.Org}, nil
	}
	return care.Who{}, &care.Error{Kind: care.Invalid, Field: "worker", Text: "Select a worker"}
}

// sweepLoop removes what has expired: handles, sessions, and what finished jobs
// told. Before that it indexes what an older version did not.
func (h *Hub) sweepLoop(ctx context.Context) {
	h.indexLoop(ctx)
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := errors.Join(h.Store.Update(ctx, func(tx *store.Tx) error { return errors.Join(tx.Sweep(h.now()), h.sweepTyped(tx)) }), h.pruneJobs(ctx))
		if err != nil && ctx.Err() == nil {
			h.Log.Error("removing what has expired", "err", err)
		}
	}
}
