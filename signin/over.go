package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"homeward/care"
)

// overKind is whose a session was that has timed out. Its place in the challenges
// is found by the token alone, of which only a hash is kept, as of a session.
const overKind = "over"

// remembered is how long it is known whose session timed out, from when that was
// noticed: what they send meanwhile is kept for them.
const remembered = 30 * time.Minute

func overID(session string) string { return sessionID("over " + session) }

// over remembers whose session has timed out. Several requests may find that at once.
func (s *Service) over(ctx context.Context, ses care.Session) error {
	if ses.Grant.IsZero() { // nothing can be typed before a role is chosen
		return nil
	}
	doc, err := json.Marshal(ses.Grant)
	if err != nil {
		return err
	}
	id := overID(ses.ID)
	put := s.Accounts.PutChallenge(ctx, care.Challenge{ID: id, Kind: overKind, Account: ses.Account, Expires: s.Clock().Add(remembered), Doc: doc})
	if put == nil {
		return nil
	}
	if _, err := s.Accounts.Challenge(ctx, id, overKind); err != nil {
		return fmt.Errorf("remembering whose session is over: %w", errors.Join(put, err))
	}
	return nil
}

// Was says whose session a token was of, and in which role, for half an hour after
// it timed out: care.NotFound for any other token. It lets nobody do or see
// anything; it says only for whom to keep what was sent with the token.
func (s *Service) Was(ctx context.Context, token string) (care.ActorID, care.Grant, error) {
	c, err := s.Accounts.Challenge(ctx, overID(sessionID(token)), overKind)
	if err != nil {
		return "", care.Grant{}, err
	}
	var g care.Grant
	if err := json.Unmarshal(c.Doc, &g); err != nil {
		return "", care.Grant{}, fmt.Errorf("reading whose session is over: %w", err)
	}
	return c.Account, g, nil
}
