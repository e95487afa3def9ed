package hub

import (
	"context"
	"sync"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// AuditQuery chooses audit rows, newest first.
type AuditQuery struct {
	Case   care.CaseID
	Actor  care.ActorID
	Action string
	Before int64 // 0: the newest
}

// AuditView is one audit row for a reader. When its content was erased, Erased
// is set and little is left.
type AuditView struct {
	store.Audited
	OrgName string
}

// Audits lists who looked at what and did what. Looking is audited too.
func (h *Hub) Audits(ctx context.Context, by care.Actor, q AuditQuery) ([]AuditView, error) {
	var out []AuditView
	err := h.operating(ctx, by, policy.SeeAudit, "audit viewed", "", func(tx *store.Tx) error {
		out = nil
		rows, err := tx.Audits(store.AuditFilter{Case: q.Case, Actor: q.Actor, Action: q.Action, Before: q.Before})
		for _, r := range rows {
			out = append(out, AuditView{Audited: r, OrgName: h.Org(r.Org).Name})
		}
		return err
	})
	return out, err
}

// AuditHealth is whether the audit log proves itself.
type AuditHealth struct {
	Size    int64
	Checked time.Time // zero: not yet
	Intact  bool
	Problem string
}

// health keeps the last check of the audit log.
type health struct {
	mu sync.Mutex
	at AuditHealth
}

// AuditState says whether the records are intact, as last checked.
func (h *Hub) AuditState(ctx context.Context, by care.Actor) (AuditHealth, error) {
	err := h.operating(ctx, by, policy.SeeAudit, "audit state", "", func(*store.Tx) error { return nil })
	if err != nil {
		return AuditHealth{}, err
	}
	h.health.mu.Lock()
	defer h.health.mu.Unlock()
	return h.health.at, nil
}

// CheckAudit recomputes the whole audit log and remembers the outcome. It runs
// at start and once a day.
func (h *Hub) CheckAudit(ctx context.Context) AuditHealth {
	v := AuditHealth{Checked: h.now()}
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		tree, err := tx.AuditTree()
		if err != nil {
			return err
		}
		v.Size = tree.N
		return tx.VerifyAudit(nil)
	})
	if ctx.Err() != nil {
		return v // stopped in the middle: that says nothing about the log
	}
	v.Intact = err == nil
	if err != nil {
		v.Problem = err.Error()
		h.Log.Error("the audit log does not prove itself", "err", err)
		if err := h.RaiseAudit(ctx, v.Problem); err != nil {
			h.Log.Error("alerting that the audit log does not prove itself", "err", err)
		}
	}
	h.health.mu.Lock()
	h.health.at = v
	h.health.mu.Unlock()
	return v
}

// RulesView is what is enforced, generated from the policies.
type RulesView struct {
	Version string
	Rules   []policy.Rule
	Matrix  [][]policy.Cell
}

// Rules shows what the policies say of an adult who is in hospital, referred,
// and known to a council.
func (h *Hub) Rules(ctx context.Context, by care.Actor) (RulesView, error) {
	v := RulesView{Version: h.Policies.Version(), Rules: h.Policies.Rules()}
	err := h.operating(ctx, by, policy.SeeAudit, "sharing rules", "", func(*store.Tx) error { return nil })
	if err != nil {
		return RulesView{}, err
	}
	var trusts, councils []string
	for _, o := range h.Orgs {
		switch o.Kind {
		case care.Trust:
			trusts = add(trusts, o.ODS)
		case care.Council:
			councils = add(councils, o.ODS)
		}
	}
	v.Matrix = h.Policies.Matrix(policy.Case{ID: "example", Adult: true, AgeKnown: true, Hospitals: trusts, Councils: councils, ReferredTo: councils, ReferredBy: trusts})
	return v, nil
}

// Ready reports whether the hub can serve: its store answers.
func (h *Hub) Ready(ctx context.Context) error { return h.unavailable(h.Store.Ping(ctx)) }
