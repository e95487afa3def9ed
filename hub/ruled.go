package hub

import (
	"context"
	"fmt"
	"slices"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// A new version of Homeward can bring other rules. The site remembers which it
// had, so that an information governance lead sees what changed and since when.

// rulesSetting is where the rules are remembered, newest first; rulesKept is how
// many versions are.
const (
	rulesSetting = "rules"
	rulesKept    = 5
)

// keptRules is one version of the rules, as it was on this site.
type keptRules struct {
	Version string
	Since   time.Time // when this site first ran it
	Rules   []keptRule
	Allowed []string // "role action", for the example of the matrix
}

type keptRule struct{ ID, Says, Cedar string }

// RulesBefore is the version that the rules had before, and what has changed.
type RulesBefore struct {
	Version string
	Changes []RuleChange
	allowed map[string]bool
}

// Allowed reports whether the rules before let a role do something, in the
// example of the matrix.
func (b RulesBefore) Allowed(r policy.Role, a policy.Action) bool { return b.allowed[cellName(r, a)] }

// RuleChange is a rule that came, went or changed.
type RuleChange struct{ ID, What, Before, Now string }

func cellName(r policy.Role, a policy.Action) string { return string(r) + " " + string(a) }

// exampleMatrix asks the policies about an adult who is in hospital, referred,
// known to a council and the client of a provider.
func (h *Hub) exampleMatrix() [][]policy.Cell {
	var trusts, councils []string
	for _, o := range h.Orgs {
		switch o.Kind {
		case care.Trust:
			trusts = add(trusts, o.ODS)
		case care.Council:
			councils = add(councils, o.ODS)
		}
	}
	return h.Policies.Matrix(policy.Case{ID: "example", Adult: true, AgeKnown: true, Hospitals: trusts, Councils: councils, ReferredTo: councils, ReferredBy: trusts,
		ClientOf: []string{"example-provider"}})
}

// noteRules remembers the rules that run now, and gives all that are remembered.
func (h *Hub) noteRules(tx *store.Tx) ([]keptRules, error) {
	text, err := tx.Setting(rulesSetting)
	if err != nil {
		return nil, err
	}
	var kept []keptRules
	if text != "" {
		if kept, err = store.Doc[[]keptRules]([]byte(text)); err != nil {
			return nil, fmt.Errorf("reading the rules that ran before: %w", err)
		}
	}
	if len(kept) > 0 && kept[0].Version == h.Policies.Version() {
		return kept, nil
	}
	now := keptRules{Version: h.Policies.Version(), Since: h.now()}
	for _, r := range h.Policies.Rules() {
		now.Rules = append(now.Rules, keptRule{r.ID, r.Says, r.Cedar})
	}
	for _, role := range h.exampleMatrix() {
		for _, c := range role {
			if c.Allow {
				now.Allowed = append(now.Allowed, cellName(c.Role, c.Action))
			}
		}
	}
	kept = append([]keptRules{now}, kept[:min(len(kept), rulesKept-1)]...)
	return kept, tx.PutSetting(rulesSetting, string(store.ToDoc(kept)))
}

// NoteRules remembers which rules this site runs, from the first time on.
func (h *Hub) NoteRules(ctx context.Context) error {
	return h.update(ctx, func(tx *store.Tx) error { _, err := h.noteRules(tx); return err })
}

// against is what changed from one version of the rules to the next.
func (k keptRules) against(before keptRules) *RulesBefore {
	b := &RulesBefore{Version: before.Version, allowed: map[string]bool{}}
	for _, cell := range before.Allowed {
		b.allowed[cell] = true
	}
	find := func(rs []keptRule, id string) (keptRule, bool) {
		i := slices.IndexFunc(rs, func(r keptRule) bool { return r.ID == id })
		if i < 0 {
			return keptRule{}, false
		}
		return rs[i], true
	}
	for _, r := range k.Rules {
		old, ok := find(before.Rules, r.ID)
		switch {
		case !ok:
			b.Changes = append(b.Changes, RuleChange{r.ID, "New", "", r.Says})
		case old != r:
			b.Changes = append(b.Changes, RuleChange{r.ID, "Changed", old.Says, r.Says})
		}
	}
	for _, old := range before.Rules {
		if _, ok := find(k.Rules, old.ID); !ok {
			b.Changes = append(b.Changes, RuleChange{old.ID, "Taken out", old.Says, ""})
		}
	}
	return b
}
