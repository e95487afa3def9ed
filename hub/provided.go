package hub

import (
	"context"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// The methods in this file serve package signin, for people whom an identity
// provider vouches for.

// Provided adds the account of somebody for whom an identity provider vouches,
// or renews its name and grants, and gives it back as it is kept. What was
// decided here stays: an account that is disabled, and the role chosen last. A
// change of grants is audited. Without a grant no account is added.
func (h *Hub) Provided(ctx context.Context, a care.Account) (care.Account, error) {
	out := a
	err := h.update(ctx, func(tx *store.Tx) error {
		out = a
		was, err := tx.User(a.ID)
		switch {
		case store.IsNone(err):
			if len(a.Grants) == 0 {
				return nil
			}
		case err != nil:
			return err
		default:
			if was.Provider != a.Provider {
				return &care.Error{Kind: care.Forbidden, Text: "This account belongs to another way of signing in. Ask an administrator"}
			}
			out = was
			out.Name, out.Grants = a.Name, a.Grants
			if was.Name == a.Name && slices.Equal(was.Grants, a.Grants) {
				return nil
			}
		}
		if err := tx.PutUser(out); err != nil {
			return err
		}
		if slices.Equal(was.Grants, a.Grants) {
			return nil
		}
		return tx.Audit(store.AuditRecord{At: h.now(), Actor: "provider", Action: string(policy.ManageUsers), Allowed: true,
			Outcome: "account " + string(a.ID) + ": roles as " + a.Provider + " says, " + strconv.Itoa(len(a.Grants)) + " in all"})
	})
	out.Hash = ""
	return out, err
}

// RememberRole keeps which role an account chose, to offer it first next time.
func (h *Hub) RememberRole(ctx context.Context, id care.ActorID, g care.Grant) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, err := tx.User(id)
		if err != nil || a.Last == g {
			return err
		}
		a.Last = g
		return tx.PutUser(a)
	})
}

// Once keeps a name until a time, and reports whether it came for the first
// time, to any process of the site: for what may be used only once.
func (h *Hub) Once(ctx context.Context, name string, until time.Time) (first bool, err error) {
	err = h.update(ctx, func(tx *store.Tx) (err error) {
		first, err = tx.Once(name, until)
		return err
	})
	return first, err
}

// EndProvided ends the sessions that an identity provider has ended: those that
// it calls sid, and all that it began for an account when one is given. It says
// how many there were; each is audited.
func (h *Hub) EndProvided(ctx context.Context, provider, sid string, account care.ActorID) (n int, err error) {
	err = h.update(ctx, func(tx *store.Tx) error {
		n = 0
		all, err := tx.SessionsProvided(provider, sid, account)
		if err != nil {
			return err
		}
		ended := map[string]bool{}
		for _, s := range all {
			if ended[s.ID] {
				continue
			}
			ended[s.ID] = true
			if err := tx.DropSession(s.ID); err != nil {
				return err
			}
			if err := tx.Audit(store.AuditRecord{At: h.now(), Actor: s.Account, Role: s.Grant.Role, Org: s.Grant.Org, Action: string(care.SessionEnded),
				Allowed: true, Outcome: "by " + provider, Address: s.Address}); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}
