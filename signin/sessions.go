package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"homeward/care"
)

// Open is a session that is not over. Handle is a name for it that may stand in
// a form.
type Open struct {
	care.Session
	Handle string
	This   bool // the one that asks
}

// Sessions lists where whoever acts with a token is signed in, the last used
// first (OWASP ASVS 5.0 7.5.2).
func (s *Service) Sessions(ctx context.Context, token string) ([]Open, error) {
	a, this, err := s.Pending(ctx, token)
	if err != nil {
		return nil, err
	}
	all, err := s.SessionsOf(ctx, a.ID)
	for i := range all {
		all[i].This = all[i].ID == this.ID
	}
	return all, err
}

// SessionsOf lists where an account is signed in. Whether the asker may know is
// the caller's to decide.
func (s *Service) SessionsOf(ctx context.Context, account care.ActorID) ([]Open, error) {
	all, err := s.Accounts.SessionsOf(ctx, account)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	var out []Open
	now := s.Clock()
	for _, ses := range all {
		idle := s.Idle(ses.Grant)
		if !now.Before(ses.Ends) || idle > 0 && now.Sub(ses.Seen) >= idle+s.Limits.Touch {
			continue
		}
		out = append(out, Open{Session: ses, Handle: sessionHandle(ses.ID)})
	}
	return out, nil
}

func sessionHandle(id string) string {
	h := sha256.Sum256([]byte("handle " + id))
	return hex.EncodeToString(h[:8])
}

// EndSessions ends sessions of whoever acts with a token: the one with a handle,
// or all but their own when handle is "". It says how many there were (OWASP
// ASVS 5.0 7.4.3, 7.5.2).
func (s *Service) EndSessions(ctx context.Context, token, handle, address string) (n int, err error) {
	all, err := s.Sessions(ctx, token)
	if err != nil {
		return 0, err
	}
	for _, o := range all {
		if handle == "" && o.This || handle != "" && handle != o.Handle {
			continue
		}
		if err := s.note(ctx, care.SignIn{Event: care.SessionEnded, Account: o.Account, Grant: o.Grant, Address: address}); err != nil {
			return n, err
		}
		if err := s.Accounts.EndSession(ctx, o.ID); err != nil {
			return n, fmt.Errorf("ending a session: %w", err)
		}
		n++
	}
	return n, nil
}

// ChangePassword sets a new password for whoever acts with a token and knows the
// current one, which is tried as at the door (OWASP ASVS 5.0 6.2.3). CheckPassword
// must find the new one good. It ends their sessions elsewhere, and goes on in a
// new one (OWASP ASVS 5.0 6.2.2, 7.4.3). That they proved who they are before is
// the caller's to see to.
func (s *Service) ChangePassword(ctx context.Context, token, current, password, address string) (Entry, error) {
	a, err := s.holder(ctx, token)
	if err != nil {
		return Entry{}, err
	}
	_, ses, err := s.Pending(ctx, token)
	if err != nil {
		return Entry{}, err
	}
	if err := CheckPassword(a.Login, password); err != nil {
		return Entry{}, err
	}
	if _, err := s.try(ctx, trial{login: a.Login, address: address, event: care.StepUpFailed,
		right: func(ctx context.Context, _ care.Account, hash string) (bool, error) {
			return s.verify(ctx, hash, current)
		},
		wrong: care.Error{Kind: care.Invalid, Field: "current", Text: "This is not your password. Enter the one that you have now"}}); err != nil {
		return Entry{}, err
	}
	hash, err := HashPassword(a.Login, password, s.Rand)
	if err != nil {
		return Entry{}, err
	}
	if err := s.note(ctx, care.SignIn{Event: care.FactorAdded, Account: a.ID, Grant: ses.Grant, Address: address, Detail: "password"}); err != nil {
		return Entry{}, err
	}
	if err := s.Accounts.SavePassword(ctx, a.ID, hash); err != nil {
		return Entry{}, fmt.Errorf("keeping a new password: %w", err)
	}
	if _, err := s.EndSessions(ctx, token, "", address); err != nil {
		return Entry{}, err
	}
	return s.Reprove(ctx, token, How{Method: ses.Method}, address)
}
