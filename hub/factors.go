package hub

import (
	"context"
	"time"

	"homeward/care"
	"homeward/store"
)

// The methods in this file serve package signin, as those of accounts.go.

// Credentials lists what an account has besides its password.
func (h *Hub) Credentials(ctx context.Context, account care.ActorID) ([]care.Credential, error) {
	return view(ctx, h, func(tx *store.Tx) ([]care.Credential, error) { return tx.Credentials(account) })
}

// CredentialBy finds a credential of a kind.
func (h *Hub) CredentialBy(ctx context.Context, kind care.CredentialKind, lookup []byte) (care.Credential, error) {
	return view(ctx, h, func(tx *store.Tx) (care.Credential, error) { return tx.CredentialBy(kind, lookup) })
}

// AddCredentials keeps new credentials, in place of those of the kind replace.
func (h *Hub) AddCredentials(ctx context.Context, account care.ActorID, replace care.CredentialKind, cs ...care.Credential) error {
	return h.update(ctx, func(tx *store.Tx) error {
		if replace != "" {
			if err := tx.DropCredentials(account, replace); err != nil {
				return err
			}
		}
		for _, c := range cs {
			if err := tx.AddCredential(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// UseCredential keeps that a credential was used; false when another use came as far.
func (h *Hub) UseCredential(ctx context.Context, id string, counter int64, at time.Time) (fresh bool, err error) {
	err = h.update(ctx, func(tx *store.Tx) (err error) {
		fresh, err = tx.UseCredential(id, counter, at)
		return err
	})
	return fresh, err
}

// DropCredential forgets a credential, and answers whether it was there.
func (h *Hub) DropCredential(ctx context.Context, account care.ActorID, id string) (was bool, err error) {
	err = h.update(ctx, func(tx *store.Tx) (err error) {
		was, err = tx.DropCredential(account, id)
		return err
	})
	return was, err
}

// PutChallenge keeps what waits for its one answer.
func (h *Hub) PutChallenge(ctx context.Context, c care.Challenge) error {
	return h.update(ctx, func(tx *store.Tx) error { return tx.PutChallenge(c) })
}

// Challenge finds what waits for its one answer.
func (h *Hub) Challenge(ctx context.Context, id, kind string) (care.Challenge, error) {
	return view(ctx, h, func(tx *store.Tx) (care.Challenge, error) { return tx.Challenge(id, kind) })
}

// TakeChallenge finds what waits for its one answer, for the last time.
func (h *Hub) TakeChallenge(ctx context.Context, id, kind string) (c care.Challenge, err error) {
	err = h.update(ctx, func(tx *store.Tx) (err error) {
		c, err = tx.TakeChallenge(id, kind)
		return err
	})
	return c, err
}

// SessionsOf lists an account's sessions that are not over, the last used first.
func (h *Hub) SessionsOf(ctx context.Context, account care.ActorID) ([]care.Session, error) {
	return view(ctx, h, func(tx *store.Tx) ([]care.Session, error) { return tx.SessionsOf(account, h.now()) })
}

// SavePassword keeps the hash of a new password.
func (h *Hub) SavePassword(ctx context.Context, account care.ActorID, hash string) error {
	return h.update(ctx, func(tx *store.Tx) error { return tx.SavePassword(account, hash) })
}
