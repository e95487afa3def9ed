package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"homeward/care"
)

// Factors is the memory of what accounts have besides a password, and of what
// was begun and waits for its one answer. What is not there is an error of kind
// care.NotFound.
type Factors interface {
	// Credentials lists those of an account, oldest first.
	Credentials(ctx context.Context, account care.ActorID) ([]care.Credential, error)
	CredentialBy(ctx context.Context, kind care.CredentialKind, lookup []byte) (care.Credential, error)
	// AddCredentials keeps new ones in place of all that the account has of the
	// kind replace; of none when that is "".
	AddCredentials(ctx context.Context, account care.ActorID, replace care.CredentialKind, cs ...care.Credential) error
	// UseCredential keeps that one was used, and answers false when another use
	// has counted as far.
	UseCredential(ctx context.Context, id string, counter int64, at time.Time) (fresh bool, err error)
	// DropCredential forgets one, and answers whether it was there.
	DropCredential(ctx context.Context, account care.ActorID, id string) (was bool, err error)
	PutChallenge(ctx context.Context, c care.Challenge) error
	Challenge(ctx context.Context, id, kind string) (care.Challenge, error)
	// TakeChallenge finds one as Challenge does, for the last time.
	TakeChallenge(ctx context.Context, id, kind string) (care.Challenge, error)
	// SessionsOf lists an account's sessions, the last used first.
	SessionsOf(ctx context.Context, account care.ActorID) ([]care.Session, error)
	// SavePassword keeps the hash of a new password.
	SavePassword(ctx context.Context, account care.ActorID, hash string) error
}

// Kinds of challenges.
const (
	halfKind = "half" // the password was right, and the second factor is awaited
	signKind = "sign" // a passkey is to sign
	makeKind = "make" // a passkey is to be made
	appKind  = "app"  // an app for codes is to show its first
	keptKind = "kept" // a form waits for its sender to come back from their provider
)

// patience is how long a challenge waits for its answer.
const patience = 10 * time.Minute

// begin keeps a challenge and gives the ticket that its answer must show.
func (s *Service) challenge(ctx context.Context, kind string, account care.ActorID, doc any) (ticket string, err error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return "", err
	}
	if ticket, err = s.random(); err != nil {
		return "", err
	}
	c := care.Challenge{ID: sessionID(ticket), Kind: kind, Account: account, Expires: s.Clock().Add(patience), Doc: b}
	if err := s.Accounts.PutChallenge(ctx, c); err != nil {
		return "", fmt.Errorf("keeping a challenge: %w", err)
	}
	return ticket, nil
}

// random is 256 random bits as text.
func (s *Service) random() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(s.Rand, b[:]); err != nil {
		return "", fmt.Errorf("drawing random bits: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

func errTicket() error {
	return &care.Error{Kind: care.Login, Text: "This took too long, or was answered already. Begin again"}
}

// answered takes the challenge of a ticket, for good. Whatever is wrong with the
// ticket is care.Login.
func (s *Service) answered(ctx context.Context, ticket, kind string) (care.Challenge, error) {
	c, err := s.Accounts.TakeChallenge(ctx, sessionID(ticket), kind)
	if care.KindOf(err) == care.NotFound {
		return c, errTicket()
	}
	return c, err
}

func (s *Service) awaited(ctx context.Context, ticket, kind string) (care.Challenge, error) {
	c, err := s.Accounts.Challenge(ctx, sessionID(ticket), kind)
	if care.KindOf(err) == care.NotFound {
		return c, errTicket()
	}
	return c, err
}

// Has is what an account has besides its password. Secrets are left out.
type Has struct {
	Passkeys []care.Credential
	App      *care.Credential // nil: none
	Recovery int              // codes that are left
}

// Second reports whether there is a second factor. Recovery codes alone are none:
// they stand in for one.
func (h Has) Second() bool { return len(h.Passkeys) > 0 || h.App != nil }

// Has lists what an account has besides its password.
func (s *Service) Has(ctx context.Context, account care.ActorID) (Has, error) {
	cs, err := s.Accounts.Credentials(ctx, account)
	if err != nil {
		return Has{}, fmt.Errorf("reading the factors of an account: %w", err)
	}
	var h Has
	for _, c := range cs {
		c.Secret = nil
		switch c.Kind {
		case care.Passkey:
			h.Passkeys = append(h.Passkeys, c)
		case care.CodeApp:
			h.App = &c
		case care.Recovery:
			h.Recovery++
		}
	}
	return h, nil
}

// Half is a sign-in of which the password was right. Ticket goes into a cookie
// and nowhere else; Second takes it.
type Half struct {
	Ticket string
	Has    Has
}

// Second ends a sign-in by the second factor. A wrong one is counted, slowed and
// locked as a wrong password is: care.Login or care.Throttled, with the field
// "confirm-code". A ticket that is used or old is care.Login without a field.
func (s *Service) Second(ctx context.Context, ticket string, p Proof, address string) (Entry, error) {
	a, _, err := s.HalfOf(ctx, ticket)
	if err != nil {
		return Entry{}, err
	}
	if strings.TrimSpace(p.Code) == "" && p.Ticket == "" {
		return Entry{}, &care.Error{Kind: care.Required, Field: "confirm-code", Text: "Enter the code"}
	}
	var method care.Method
	from := s.Clock()
	_, err = s.try(ctx, trial{login: a.Login, address: address, event: care.SignInFailed,
		wrong: care.Error{Kind: care.Login, Field: "confirm-code", Text: "The code is not right. Wait for the next one and enter that"},
		right: func(ctx context.Context, a care.Account, _ string) (ok bool, err error) {
			if method, ok, err = s.second(ctx, a, p); err != nil || !ok {
				return false, err
			}
			_, err = s.answered(ctx, ticket, halfKind)
			return err == nil, err
		}})
	if err := s.atLeast(ctx, from, err); err != nil {
		return Entry{}, err
	}
	return s.Enter(ctx, a, How{Method: method}, address)
}

// halfDone is what is kept of half a sign-in: by which password it was begun, so
// that it ends when that is changed (OWASP ASVS 5.0 7.4.3).
type halfDone struct {
	Password string `json:"password"` // a hash of the password's hash
}

// HalfOf is whose half sign-in a ticket is, and what they may show.
func (s *Service) HalfOf(ctx context.Context, ticket string) (care.Account, Has, error) {
	c, err := s.awaited(ctx, ticket, halfKind)
	if err != nil {
		return care.Account{}, Has{}, err
	}
	a, err := s.Accounts.AccountByID(ctx, c.Account)
	if err != nil {
		return care.Account{}, Has{}, fmt.Errorf("finding the account of a half sign-in: %w", err)
	}
	var half halfDone
	if err := json.Unmarshal(c.Doc, &half); err != nil {
		return care.Account{}, Has{}, fmt.Errorf("reading a half sign-in: %w", err)
	}
	if half.Password != sessionID(a.Hash) {
		return care.Account{}, Has{}, errTicket()
	}
	a.Hash = ""
	has, err := s.Has(ctx, a.ID)
	return a, has, err
}

// second checks a second factor: a passkey's answer when there is one, else a
// code of the app, else a recovery code.
func (s *Service) second(ctx context.Context, a care.Account, p Proof) (care.Method, bool, error) {
	if a.ID == "" {
		return "", false, nil
	}
	if p.Ticket != "" {
		_, err := s.signed(ctx, p, a.ID)
		if errors.Is(err, errUnsigned) {
			return "", false, nil
		}
		return care.ByPasskey, err == nil, err
	}
	return s.code(ctx, a.ID, p.Code)
}

// ErrEnrol is the cause when somebody is signed in by a password alone and the
// site asks for more of their role: they may do nothing but set up a second
// factor.
var ErrEnrol = errors.New("a second factor must be set up")

// mustEnrol reports whether a session may do nothing yet but set up a second
// factor. A wallboard's account is a device's: it has nobody to hold one.
func (s *Service) mustEnrol(ses care.Session) bool {
	return s.Require != nil && ses.Method == care.ByPassword && ses.Grant.Role != care.WallboardRole && s.Require(ses.Grant)
}

// DropFactor forgets a passkey or the app of whoever acts with a token. With the
// last of them the recovery codes go too. The last one stays where the site asks
// for it: kind care.BusinessRule.
func (s *Service) DropFactor(ctx context.Context, token, id, address string) error {
	a, ses, err := s.Pending(ctx, token)
	if err != nil {
		return err
	}
	cs, err := s.Accounts.Credentials(ctx, a.ID)
	if err != nil {
		return fmt.Errorf("reading the factors of an account: %w", err)
	}
	var gone *care.Credential
	rest := 0
	for _, c := range cs {
		switch {
		case c.ID == id && c.Kind != care.Recovery:
			gone = &c
		case c.Kind != care.Recovery:
			rest++
		}
	}
	if gone == nil {
		return &care.Error{Kind: care.NotFound, Text: "This is removed already"}
	}
	if rest == 0 && s.Require != nil && s.Require(ses.Grant) {
		return &care.Error{Kind: care.BusinessRule, Text: "Your role needs a passkey or an app for codes. Add another before you remove this one"}
	}
	if err := s.note(ctx, care.SignIn{Event: care.FactorRemoved, Account: a.ID, Grant: ses.Grant, Address: address, Detail: string(gone.Kind)}); err != nil {
		return err
	}
	if _, err := s.Accounts.DropCredential(ctx, a.ID, id); err != nil {
		return fmt.Errorf("removing a factor: %w", err)
	}
	if rest == 0 {
		return s.Accounts.AddCredentials(ctx, a.ID, care.Recovery)
	}
	return nil
}

// added keeps a new factor and goes on in a new session that rests on it.
func (s *Service) added(ctx context.Context, token string, c care.Credential, replace care.CredentialKind, how care.Method, address string) (Entry, error) {
	a, ses, err := s.Pending(ctx, token)
	if err != nil {
		return Entry{}, err
	}
	if err := s.note(ctx, care.SignIn{Event: care.FactorAdded, Account: a.ID, Grant: ses.Grant, Address: address, Detail: string(c.Kind)}); err != nil {
		return Entry{}, err
	}
	if err := s.Accounts.AddCredentials(ctx, a.ID, replace, c); err != nil {
		return Entry{}, err
	}
	return s.Reprove(ctx, token, How{Method: how}, address)
}

// ours refuses to set up here what an identity provider has to.
func ours(a care.Account, ses care.Session) error {
	if ses.Provider != "" || a.Provider != "" || a.Hash == "" {
		return &care.Error{Kind: care.Forbidden, Text: "You sign in with your organisation’s account. Passkeys and codes are set up there"}
	}
	return nil
}

// newID is an opaque name for a credential.
func (s *Service) newID() (string, error) {
	r, err := s.random()
	if err != nil {
		return "", err
	}
	h := sha256.Sum256([]byte(r))
	return hex.EncodeToString(h[:12]), nil
}

// Keep keeps what whoever acts with a token sent until they come back from
// proving who they are elsewhere, for some minutes, and gives a ticket for it.
func (s *Service) Keep(ctx context.Context, token string, doc any) (ticket string, err error) {
	a, _, err := s.Pending(ctx, token)
	if err != nil {
		return "", err
	}
	return s.challenge(ctx, keptKind, a.ID, doc)
}

// Kept gives back what Keep kept, to the same account, until its time is up.
func (s *Service) Kept(ctx context.Context, token, ticket string, into any) error {
	a, _, err := s.Pending(ctx, token)
	if err != nil {
		return err
	}
	c, err := s.Accounts.Challenge(ctx, sessionID(ticket), keptKind)
	if err != nil {
		return err
	}
	if c.Account != a.ID {
		return &care.Error{Kind: care.NotFound}
	}
	return json.Unmarshal(c.Doc, into)
}
