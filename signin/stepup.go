package signin

import (
	"context"
	"errors"
	"fmt"

	"homeward/care"
)

// Proof is what somebody who is signed in shows to prove again who they are.
type Proof struct {
	Password string
	Code     string // of the app, or a recovery code
	// Of a passkey: the ticket of what it was asked, the browser's answer as
	// JSON, and who asked.
	Ticket  string
	Passkey []byte
	Party   Party
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
	how := How{Method: ses.Method}
	from := s.Clock()
	if p.Ticket != "" {
		how.Method, err = care.ByPasskey, s.confirmPasskey(ctx, a, p, address)
	} else {
		how.Method, err = s.confirmPassword(ctx, a, ses, p, address)
	}
	if err := s.atLeast(ctx, from, err); err != nil {
		return Entry{}, err
	}
	return s.Reprove(ctx, token, how, address)
}

func (s *Service) confirmPasskey(ctx context.Context, a care.Account, p Proof, address string) error {
	_, err := s.signed(ctx, p, a.ID)
	if errors.Is(err, errUnsigned) {
		return s.refuse(ctx, care.StepUpFailed, a.ID, address,
			&care.Error{Kind: care.Login, Field: "confirm-password", Text: "The passkey was not accepted. Try again, or use your password"})
	}
	return err
}

// confirmPassword asks for as much as the sign-in did: with a second factor, a code too.
func (s *Service) confirmPassword(ctx context.Context, a care.Account, ses care.Session, p Proof, address string) (care.Method, error) {
	has, err := s.Has(ctx, a.ID)
	if err != nil {
		return "", err
	}
	if p.Password == "" {
		return "", &care.Error{Kind: care.Required, Field: "confirm-password", Text: "Enter your password"}
	}
	t := trial{login: a.Login, address: address, event: care.StepUpFailed,
		wrong: care.Error{Kind: care.Login, Field: "confirm-password", Text: "The password is not right. Try again"}}
	method := ses.Method
	t.right = func(ctx context.Context, _ care.Account, hash string) (bool, error) {
		return s.verify(ctx, hash, p.Password)
	}
	if has.Second() {
		if p.Code == "" {
			return "", &care.Error{Kind: care.Required, Field: "confirm-code", Text: "Enter the code"}
		}
		t.wrong.Text = "The password or the code is not right. Check both and try again"
		t.right = func(ctx context.Context, _ care.Account, hash string) (bool, error) {
			right, err := s.verify(ctx, hash, p.Password)
			if err != nil || !right {
				return false, err
			}
			method, right, err = s.code(ctx, a.ID, p.Code)
			return right, err
		}
	}
	got, err := s.try(ctx, t)
	if err == nil && got.ID != a.ID {
		err = fmt.Errorf("the login of account %s is that of account %s", a.ID, got.ID)
	}
	return method, err
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
