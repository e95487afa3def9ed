package hub

import (
	"context"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// AuditQuery chooses audit rows, newest first.
type AuditQuery struct {
	Case   care.CaseID
	Actor  care.ActorID
	Org    nhs.ODS // of who acted
	Action string
	Denied bool // only what was denied
	From   time.Time
	To     time.Time // exclusive
	Before int64     // 0: the newest
}

// filter is a query as far as the reader may see.
func (q AuditQuery) filter(by care.Actor) store.AuditFilter {
	return store.AuditFilter{Case: q.Case, Actor: q.Actor, Org: q.Org, Action: q.Action, Denied: q.Denied, From: q.From, To: q.To,
		Before: q.Before, For: auditFor(by)}
}

// AuditView is one audit row for a reader. When its content was erased, Erased
// is set and little is left.
type AuditView struct {
	store.Audited
	OrgName string
}

// Audits lists who looked at what and did what. A lead of one organisation sees
// what its own staff did, and what anybody did with persons that carry a number
// of its: whoever holds a record must be able to ask who looked at it. Looking
// is audited too.
func (h *Hub) Audits(ctx context.Context, by care.Actor, q AuditQuery) ([]AuditView, error) {
	var out []AuditView
	err := h.operating(ctx, by, policy.SeeAudit, "audit viewed", "", func(tx *store.Tx) error {
		out = nil
		rows, err := tx.Audits(q.filter(by))
		for _, r := range rows {
			out = append(out, AuditView{Audited: r, OrgName: h.Org(r.Org).Name})
		}
		return err
	})
	return out, err
}

// RulesView is what is enforced, generated from the policies.
type RulesView struct {
	Version  string
	Since    time.Time // when this site first ran it
	Rules    []policy.Rule
	Matrix   [][]policy.Cell
	Sections []policy.Action // those of the matrix that see a section, in the order of sharing.Sections
	Before   *RulesBefore    // nil: this site ran no other
}

// Rules shows what the policies say of an adult who is in hospital, referred,
// and known to a council, and what is different from the rules before.
func (h *Hub) Rules(ctx context.Context, by care.Actor) (RulesView, error) {
	v := RulesView{Version: h.Policies.Version(), Rules: h.Policies.Rules(), Matrix: h.exampleMatrix(), Sections: sectionActions()}
	err := h.operating(ctx, by, policy.SeeAudit, "sharing rules", "", func(tx *store.Tx) error {
		kept, err := h.noteRules(tx)
		if err != nil {
			return err
		}
		v.Since, v.Before = kept[0].Since, nil
		if len(kept) > 1 {
			v.Before = kept[0].against(kept[1])
		}
		return nil
	})
	if err != nil {
		return RulesView{}, err
	}
	return v, nil
}

// Ready reports whether the hub can serve: its store answers.
func (h *Hub) Ready(ctx context.Context) error { return h.unavailable(h.Store.Ping(ctx)) }
