package hub

import (
	"context"
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
	c, err := tx.Case(id)
	if err != nil {
		return c, err
	}
	a := h.ask(by, action, &c, policy.DischargePlanning, "", h.now())
	a.context.Audience = policy.Audience(audience)
	return h.carry(tx, a, c, action, cmd)
}

// carry decides a command that is asked for, and carries it out.
func (h *Hub) carry(tx *store.Tx, a *asking, c care.Case, action policy.Action, cmd care.Command) (care.Case, error) {
	by, now := a.by, a.record.At
	if !a.allowed(action) {
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
	_, err := h.do(ctx, by, id, policy.Refer, "", care.Route{ID: ref, To: to})
	return err
}

// Accept takes a referral on for the reader's council.
func (h *Hub) Accept(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID) error {
	_, err := h.do(ctx, by, id, policy.Accept, "", care.Accept{ID: ref})
	return err
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
		c, cerr := tx.Case(id)
		if cerr != nil {
			return cerr
		}
		a := h.ask(by, policy.Allocate, &c, policy.DischargePlanning, "", h.now())
		if err != nil && a.allowed(policy.Allocate) {
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

// AddNote writes a case note for an audience.
func (h *Hub) AddNote(ctx context.Context, by care.Actor, id care.CaseID, audience care.Audience, text string) error {
	n := care.Note{ID: newID(), At: h.now(), By: by.Who(), Audience: audience, Text: strings.TrimSpace(text)}
	_, err := h.do(ctx, by, id, policy.AddNote, audience, care.AddNote{Note: n})
	return err
}

// RecordCall records a call to a provider: on a case, or on the person of a
// look-up that the reader made a moment ago.
func (h *Hub) RecordCall(ctx context.Context, by care.Actor, id care.CaseID, handle string, call care.Call) error {
	call.ID, call.At, call.By = newID(), h.now(), by.Who()
	if id != "" {
		_, err := h.do(ctx, by, id, policy.RecordCall, "", care.RecordCall{Call: call})
		return err
	}
	v, err := h.Looked(ctx, by, handle)
	if err != nil {
		return err
	}
	if v.Case == "" {
		return &care.Error{Kind: care.NotFound, Text: "There is nobody to record a call for"}
	}
	return h.update(ctx, func(tx *store.Tx) error {
		c, err := h.living(tx, v.Case)
		if err != nil {
			return err
		}
		a := h.ask(by, policy.RecordCall, nil, LookRequest{Reason: v.Reason}.purpose(), "", h.now())
		a.declared = true
		a.about(c, a.record.At)
		_, err = h.carry(tx, a, c, policy.RecordCall, care.RecordCall{Call: call})
		return err
	})
}

// Workers lists the workers of the reader's council with their open referrals.
func (h *Hub) Workers(ctx context.Context, by care.Actor) ([]WorkerView, error) {
	var out []WorkerView
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = h.workers(tx, by)
		return err
	})
	return out, h.unavailable(err)
}

func (h *Hub) workers(tx *store.Tx, by care.Actor) ([]WorkerView, error) {
	accounts, err := tx.Users()
	if err != nil {
		return nil, err
	}
	var out []WorkerView
	for _, a := range accounts {
		i := grantOf(a, by.Org)
		if i < 0 {
			continue
		}
		n, err := tx.Counts(store.RowQuery{Council: by.Org, Worker: a.ID, Open: true})
		if err != nil {
			return nil, err
		}
		out = append(out, WorkerView{ID: a.ID, Name: a.Name, Team: a.Grants[i].Team, Open: n.Open})
	}
	return out, nil
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

// sweepLoop removes what has expired: handles and sessions.
func (h *Hub) sweepLoop(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := h.Store.Update(ctx, func(tx *store.Tx) error { return tx.Sweep(h.now()) })
		if err != nil && ctx.Err() == nil {
			h.Log.Error("removing what has expired", "err", err)
		}
	}
}
