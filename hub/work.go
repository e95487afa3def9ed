package hub

import (
	"context"
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
	now := h.now()
	c, err := tx.Case(id)
	if err != nil {
		return c, err
	}
	a := h.ask(by, action, &c, policy.DischargePlanning, "", now)
	a.context.Audience = policy.Audience(audience)
	if !a.allowed(action) {
		// A locked contact action says so: the reader sees the banner anyway.
		if c.Died != nil && (action == policy.RecordCall || action == policy.Refer) && a.allowed(policy.SeeDemographics) {
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
		who, err := h.worker(tx, by, worker)
		if err != nil {
			return err
		}
		_, err = h.command(tx, by, id, policy.Allocate, "", care.Allocate{ID: ref, Worker: who, Was: was})
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
	_, err = h.do(ctx, by, v.Case, policy.RecordCall, "", care.RecordCall{Call: call})
	return err
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
		for _, g := range a.Grants {
			if g.Org != by.Org || g.Role != care.SocialWorker && g.Role != care.TeamManager || a.Disabled {
				continue
			}
			n, err := tx.Counts(store.RowQuery{Council: by.Org, Worker: a.ID, Open: true})
			if err != nil {
				return nil, err
			}
			out = append(out, WorkerView{ID: a.ID, Name: a.Name, Team: g.Team, Open: n.Open})
			break
		}
	}
	return out, nil
}

// worker is a worker of the reader's own council.
func (h *Hub) worker(tx *store.Tx, by care.Actor, id care.ActorID) (care.Who, error) {
	all, err := h.workers(tx, by)
	if err != nil {
		return care.Who{}, err
	}
	for _, w := range all {
		if w.ID == id {
			return care.Who{ID: w.ID, Name: w.Name, Org: by.Org}, nil
		}
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
