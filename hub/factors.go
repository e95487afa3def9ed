package hub

import (
	"context"
	"strconv"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// The first methods in this file serve package signin, as those of accounts.go.

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

// The methods below are an administrator's.

// AccountFactors is how somebody can prove who they are, and where they are
// signed in, for an administrator.
type AccountFactors struct {
	Passkeys, Recovery int
	App                bool
	Sessions           []care.Session
}

// Factors says how somebody can prove who they are, and where they are signed in.
func (h *Hub) Factors(ctx context.Context, by care.Actor, account care.ActorID) (AccountFactors, error) {
	var out AccountFactors
	err := h.operating(ctx, by, policy.ManageUsers, "sign-in of account "+string(account), "", func(tx *store.Tx) (err error) {
		out = AccountFactors{}
		cs, err := tx.Credentials(account)
		if err != nil {
			return err
		}
		for _, c := range cs {
			switch c.Kind {
			case care.Passkey:
				out.Passkeys++
			case care.CodeApp:
				out.App = true
			case care.Recovery:
				out.Recovery++
			}
		}
		out.Sessions, err = tx.SessionsOf(account, h.now())
		return err
	})
	return out, err
}

// EndAllSessions ends all sessions of somebody, such as when a device is lost
// (OWASP ASVS 5.0 7.4.5), and says how many there were.
func (h *Hub) EndAllSessions(ctx context.Context, by care.Actor, account care.ActorID, why string) (n int, err error) {
	err = h.operating(ctx, by, policy.ManageUsers, "ended the sessions of account "+string(account), why, func(tx *store.Tx) error {
		ss, err := tx.SessionsOf(account, h.now())
		if err != nil {
			return err
		}
		n = len(ss)
		return tx.DropSessionsOf(account)
	})
	return n, err
}

// DropFactors takes all second factors from somebody who has lost them, and ends
// their sessions: their password alone opens again, until they set up others.
func (h *Hub) DropFactors(ctx context.Context, by care.Actor, account care.ActorID, why string) error {
	n := 0
	return h.operating(ctx, by, policy.ManageUsers, "took the second factors of account "+string(account), why, func(tx *store.Tx) error {
		cs, err := tx.Credentials(account)
		if err != nil {
			return err
		}
		if n = len(cs); n == 0 {
			return &care.Error{Kind: care.BusinessRule, Text: "This account has no second factor"}
		}
		if err := tx.DropCredentials(account, ""); err != nil {
			return err
		}
		if err := tx.Audit(store.AuditRecord{At: h.now(), Actor: account, Action: string(care.FactorRemoved), Allowed: true,
			Outcome: strconv.Itoa(n) + " by " + string(by.ID)}); err != nil {
			return err
		}
		return tx.DropSessionsOf(account)
	})
}

// Unlock opens an account that was locked by wrong tries.
func (h *Hub) Unlock(ctx context.Context, by care.Actor, account care.ActorID, why string) error {
	return h.operating(ctx, by, policy.ManageUsers, "opened account "+string(account), why, func(tx *store.Tx) error {
		return tx.SaveTries(account, 0, time.Time{})
	})
}
