package hub

import (
	"context"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// The methods in this file serve package signin, which asks for them by an
// interface of its own.

// Account finds an account by its login.
func (h *Hub) Account(ctx context.Context, login string) (care.Account, error) {
	return view(ctx, h, func(tx *store.Tx) (care.Account, error) {
		a, err := tx.UserByLogin(login)
		return a, firstErr(err, h.meetProviders(tx, a))
	})
}

// AccountByID finds an account.
func (h *Hub) AccountByID(ctx context.Context, id care.ActorID) (care.Account, error) {
	return view(ctx, h, func(tx *store.Tx) (care.Account, error) {
		a, err := tx.User(id)
		return a, firstErr(err, h.meetProviders(tx, a))
	})
}

// SaveTries keeps how many wrong passwords an account has had.
func (h *Hub) SaveTries(ctx context.Context, id care.ActorID, failed int, lockedUntil time.Time) error {
	return h.update(ctx, func(tx *store.Tx) error { return tx.SaveTries(id, failed, lockedUntil) })
}

// BeginSession keeps a new session.
func (h *Hub) BeginSession(ctx context.Context, s care.Session) error {
	return h.update(ctx, func(tx *store.Tx) error { return tx.PutSession(s) })
}

// Session finds a session by the hash of its token.
func (h *Hub) Session(ctx context.Context, id string) (care.Session, error) {
	return view(ctx, h, func(tx *store.Tx) (care.Session, error) { return tx.Session(id) })
}

// TouchSession keeps when a session was last used.
func (h *Hub) TouchSession(ctx context.Context, id string, seen time.Time) error {
	return h.update(ctx, func(tx *store.Tx) error { return tx.TouchSession(id, seen) })
}

// EndSession ends a session.
func (h *Hub) EndSession(ctx context.Context, id string) error {
	return h.update(ctx, func(tx *store.Tx) error { return tx.DropSession(id) })
}

// Noted audits what happened at the door.
func (h *Hub) Noted(ctx context.Context, s care.SignIn) error {
	return h.update(ctx, func(tx *store.Tx) error {
		name := ""
		if a, err := tx.User(s.Account); err == nil {
			name = a.Name
		} else if !store.IsNone(err) {
			return err
		}
		return tx.Audit(store.AuditRecord{At: h.now(), Actor: s.Account, Name: name, Role: s.Grant.Role, Org: s.Grant.Org, Action: string(s.Event),
			Allowed: !s.Event.Denied(), Outcome: s.Detail, Address: s.Address})
	})
}

// PutAccount adds or changes an account: for the operator's command and the
// demo. The password must be hashed already.
func (h *Hub) PutAccount(ctx context.Context, a care.Account) error {
	return h.update(ctx, func(tx *store.Tx) error {
		if err := tx.PutUser(a); err != nil {
			return err
		}
		return tx.Audit(store.AuditRecord{At: h.now(), Actor: "operator", Action: string(policy.ManageUsers), Allowed: true, Outcome: "account " + string(a.ID)})
	})
}

func view[T any](ctx context.Context, h *Hub, f func(*store.Tx) (T, error)) (T, error) {
	var out T
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		out, err = f(tx)
		return err
	})
	return out, h.unavailable(err)
}
