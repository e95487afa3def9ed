package hub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
)

// WhyQuery asks how the policies decide something for somebody, as things stand.
type WhyQuery struct {
	Login    string
	Action   policy.Action
	Case     care.CaseID // "": the question is about nobody
	Purpose  policy.Purpose
	Reason   bool // as if a reason were written down
	Declared bool // as if they had looked this person up
	Audience policy.Audience
}

// Why explains to an operator, for each role of an account, which rules decide,
// from which facts, and under which agreements: opaque ids and nothing that
// identifies a person. It is audited, as the operator's.
func (h *Hub) Why(ctx context.Context, q WhyQuery) (string, error) {
	if !slices.Contains(policy.Actions(), q.Action) {
		return "", &care.Error{Kind: care.Invalid, Field: "action", Text: fmt.Sprintf("There is no action %q. The actions are: %s", string(q.Action), actionList())}
	}
	switch person, nobody := h.Policies.About(q.Action); {
	case q.Case == "" && !nobody:
		return "", &care.Error{Kind: care.Required, Field: "case", Text: fmt.Sprintf("%s is asked of a person. Give the case too", q.Action)}
	case q.Case != "" && !person:
		return "", &care.Error{Kind: care.Invalid, Field: "case", Text: fmt.Sprintf("%s is asked of nobody. Leave the case out", q.Action)}
	}
	var b strings.Builder
	now := h.now()
	err := h.update(ctx, func(tx *store.Tx) error {
		b.Reset()
		account, err := tx.UserByLogin(q.Login)
		if err != nil {
			return err
		}
		var c *care.Case
		if q.Case != "" {
			found, err := tx.Case(q.Case)
			if err != nil {
				return err
			}
			c = &found
		}
		if len(account.Grants) == 0 {
			b.WriteString("NO: the account has no role\n")
		}
		for _, g := range account.Grants {
			by := care.Actor{ID: account.ID, Name: account.Name, Role: g.Role, Org: g.Org, OrgKind: h.Org(g.Org).Kind, Team: g.Team, Ward: g.Ward}
			if err := h.whyAs(tx, &b, by, c, q, now); err != nil {
				return err
			}
		}
		return tx.Audit(store.AuditRecord{At: now, Actor: "operator", Action: "policyWhy", Case: q.Case, Purpose: string(policy.Governance), Allowed: true,
			Outcome: fmt.Sprintf("explained %s for %s", q.Action, account.ID), Address: "terminal"})
	})
	return b.String(), err
}

func actionList() string {
	var out []string
	for _, a := range policy.Actions() {
		out = append(out, string(a))
	}
	return strings.Join(out, " ")
}

// whyAs explains for one role.
func (h *Hub) whyAs(tx *store.Tx, b *strings.Builder, by care.Actor, c *care.Case, q WhyQuery, now time.Time) error {
	a := h.ask(by, q.Action, nil, cmp.Or(q.Purpose, policy.DischargePlanning), "", now)
	a.context.ReasonGiven, a.context.Audience, a.declared = q.Reason, q.Audience, q.Declared
	if c != nil {
		a.about(*c, now)
	}
	if err := a.onto(tx, now); err != nil {
		return err
	}
	b.WriteString(h.Policies.Explain(policy.Request{Actor: principal(by), Action: q.Action, Case: a.facts, Context: a.context}))
	if a.facts != nil {
		h.whyShared(b, a)
	}
	return nil
}

// whyShared says what each organisation with a part in the case shares with the
// reader's, and by which agreement; and what does not flow any more.
func (h *Hub) whyShared(b *strings.Builder, a *asking) {
	var met []string
	for _, org := range slices.Concat(a.facts.Hospitals, a.facts.Councils, a.facts.ReferredBy, a.facts.ReferredTo) {
		if slices.Contains(met, org) {
			continue
		}
		met = append(met, org)
		if org == string(a.by.Org) {
			fmt.Fprintf(b, "%s is the reader's own: %s\n", org, words(policy.Own(principal(a.by), a.facts)))
			continue
		}
		from := nhs.ODS(org)
		fmt.Fprintf(b, "%s shares with %s: %s\n", org, a.by.Org, words(a.terms.flows(from, a.by.Org)))
		for _, g := range a.terms.by(from, a.by.Org) {
			fmt.Fprintf(b, "  by %q, agreement %s version %d, until %s\n", g.Title, g.ID, g.Version, g.To)
		}
		for _, p := range stopped(a.terms.paused[a.by.Org]) {
			if p.With == from {
				fmt.Fprintf(b, "  paused since %s: %q is %s\n", p.Since, p.Title, p.Why)
			}
		}
	}
}

// by is the agreements by which anything flows.
func (g *accord) by(from, to nhs.ODS) []sharing.Agreement {
	var out []sharing.Agreement
	for _, s := range sharing.Sections() {
		for _, a := range g.book.Under(from, to, s, g.today) {
			if !slices.ContainsFunc(out, func(x sharing.Agreement) bool { return x.ID == a.ID }) {
				out = append(out, a)
			}
		}
	}
	return out
}

func words(open []policy.Section) string {
	if len(open) == 0 {
		return "nothing"
	}
	var out []string
	for _, s := range open {
		out = append(out, string(s))
	}
	return strings.Join(out, " ")
}
