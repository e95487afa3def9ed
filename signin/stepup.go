package signin

import (
	"context"
	"fmt"

	"homeward/care"
)

// Proof is what somebody who is signed in shows to prove again who they are.
type Proof struct {
	Password string
}

// Fresh reports whether whoever acts in a session has proven who they are
// lately enough for what is grave (OWASP ASVS 5.0 7.5.3). To sign in is such a
// proof.
func (s *Service) Fresh(ses care.Session) bool {
	age := s.Clock().Sub(ses.Proven)
	return !ses.Proven.IsZero() && age >= 0 && age < s.Limits.Proven
}

// Confirm is the step-up: it checks a proof of whoever acts with a token and
// goes on in a new session with a new token, as after signing in (OWASP ASVS
// 5.0 7.2.4). A wrong proof is counted, slowed and locked with the wrong
// passwords of the door: kinds care.Login and care.Throttled, with the field
// "confirm-password". A session that is over is care.Login without a field.
func (s *Service) Confirm(ctx context.Context, token string, p Proof, address string) (Entry, error) {
	a, ses, err := s.Pending(ctx, token)
	if err != nil {
		return Entry{}, err
	}
	if p.Password == "" {
		return Entry{}, &care.Error{Kind: care.Required, Field: "confirm-password", Text: "Enter your password"}
	}
	from := s.Clock()
	got, err := s.try(ctx, trial{login: a.Login, address: address, event: care.StepUpFailed,
		wrong: care.Error{Kind: care.Login, Field: "confirm-password", Text: "The password is not right. Try again"},
		right: func(ctx context.Context, _ care.Account, hash string) (bool, error) {
			return s.verify(ctx, hash, p.Password)
		}})
	if err == nil && got.ID != a.ID {
		err = fmt.Errorf("the login of account %s is that of account %s", a.ID, got.ID)
	}
	if err := s.atLeast(ctx, from, err); err != nil {
		return Entry{}, err
	}
	return s.Reprove(ctx, token, How{Method: ses.Method}, address)
}

// Reprove keeps that whoever acts with a token has proven who they are, by
// Confirm or by their identity provider, and goes on in a new session with a new
// token.
func (s *Service) Reprove(ctx context.Context, token string, how How, address string) (Entry, error) {
	a, ses, err := s.Pending(ctx, token)
	if err != nil {
		return Entry{}, err
	}
	old, now := ses.ID, s.Clock()
	ses.Address, ses.Proven, ses.Method = address, how.At, how.Method
	if how.At.IsZero() || how.At.After(now) {
		ses.Proven = now
	}
	if how.SID != "" {
		ses.SID = how.SID
	}
	return s.renew(ctx, a, ses, old, care.SteppedUp)
}
