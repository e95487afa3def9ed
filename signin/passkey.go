package signin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"homeward/care"
)

// Passkeys: W3C Web Authentication, level 2. The user is always verified by the
// passkey itself (a finger, a face, a PIN), so that it is two factors in one
// (OWASP ASVS 5.0 6.3.3), and it is found without a user name.

// Party is who asks for passkeys, WebAuthn's relying party: the name that
// passkeys are bound to, and the only origin that may answer.
type Party struct{ ID, Origin string }

// NewParty is the party of the address at which people open the service:
// https://homeward.example, or http://localhost:8080 on one's own machine.
func NewParty(address string) (Party, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return Party{}, fmt.Errorf("the address of the service must be like https://homeward.example")
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case net.ParseIP(host) != nil:
		return Party{}, fmt.Errorf("passkeys need a name, not a network address like %s", host)
	case u.Scheme == "http" && host != "localhost":
		return Party{}, fmt.Errorf("passkeys need https")
	}
	if err := protocol.ValidateRPID(host); err != nil {
		return Party{}, fmt.Errorf("the name of the service: %w", err)
	}
	return Party{ID: host, Origin: u.Scheme + "://" + strings.ToLower(u.Host)}, nil
}

// IsZero reports whether there is none: then nothing is offered.
func (p Party) IsZero() bool { return p == Party{} }

func (p Party) webauthn() (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{RPID: p.ID, RPDisplayName: "Homeward", RPOrigins: []string{p.Origin}})
}

// passkeyUser is an account as the library sees it.
type passkeyUser struct {
	account care.Account
	keys    []webauthn.Credential
}

// WebAuthnID is the user handle: it says nothing to whoever finds the passkey
// (W3C WebAuthn 2, 14.6.1).
func (u passkeyUser) WebAuthnID() []byte {
	h := sha256.Sum256([]byte("homeward account " + u.account.ID))
	return h[:]
}

func (u passkeyUser) WebAuthnName() string                       { return u.account.Login }
func (u passkeyUser) WebAuthnDisplayName() string                { return u.account.Name }
func (u passkeyUser) WebAuthnCredentials() []webauthn.Credential { return u.keys }

// keptPasskey is the record of a passkey: what the library needs, and the party
// that it was made for.
type keptPasskey struct {
	Party string              `json:"party"`
	Key   webauthn.Credential `json:"key"`
}

// userOf is an account with its passkeys of a party.
func (s *Service) userOf(ctx context.Context, a care.Account, p Party) (passkeyUser, error) {
	u := passkeyUser{account: a}
	cs, err := s.Accounts.Credentials(ctx, a.ID)
	if err != nil {
		return u, fmt.Errorf("reading the passkeys of an account: %w", err)
	}
	for _, c := range cs {
		if c.Kind != care.Passkey {
			continue
		}
		k, err := readPasskey(c)
		if err != nil {
			return u, err
		}
		if k.Party == p.ID {
			u.keys = append(u.keys, k.Key)
		}
	}
	return u, nil
}

func readPasskey(c care.Credential) (k keptPasskey, err error) {
	if err := json.Unmarshal(c.Secret, &k); err != nil {
		return k, fmt.Errorf("reading the passkey %s: %w", c.ID, err)
	}
	k.Key.Authenticator.SignCount = uint32(c.Counter)
	return k, nil
}

// mostPasskeys is how many an account may have.
const mostPasskeys = 10

// Offer is what a browser is asked for: a ticket to send back with the answer,
// and the options of the call, as JSON for PublicKeyCredential.parse...FromJSON.
type Offer struct {
	Ticket    string          `json:"ticket"`
	PublicKey json.RawMessage `json:"publicKey"`
}

// MakePasskey begins to make a passkey of whoever acts with a token.
func (s *Service) MakePasskey(ctx context.Context, token string, p Party) (Offer, error) {
	a, err := s.holder(ctx, token)
	if err != nil {
		return Offer{}, err
	}
	u, err := s.userOf(ctx, a, p)
	if err != nil {
		return Offer{}, err
	}
	if len(u.keys) >= mostPasskeys {
		return Offer{}, &care.Error{Kind: care.BusinessRule, Text: fmt.Sprintf("You have %d passkeys. Remove one first", len(u.keys))}
	}
	w, err := p.webauthn()
	if err != nil {
		return Offer{}, err
	}
	made, begun, err := w.BeginRegistration(u,
		webauthn.WithExclusions(webauthn.Credentials(u.keys).CredentialDescriptors()),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired}))
	if err != nil {
		return Offer{}, fmt.Errorf("beginning to make a passkey: %w", err)
	}
	return s.offer(ctx, makeKind, a.ID, begun, made.Response)
}

func (s *Service) offer(ctx context.Context, kind string, account care.ActorID, begun *webauthn.SessionData, options any) (Offer, error) {
	b, err := json.Marshal(options)
	if err != nil {
		return Offer{}, err
	}
	ticket, err := s.challenge(ctx, kind, account, begun)
	return Offer{Ticket: ticket, PublicKey: b}, err
}

// AddPasskey keeps the passkey that a browser made for an offer, and goes on in
// a new session that rests on it. An answer that does not fit is care.Invalid
// with the field "name".
func (s *Service) AddPasskey(ctx context.Context, token string, p Party, ticket string, answer []byte, name, address string) (Entry, error) {
	a, err := s.holder(ctx, token)
	if err != nil {
		return Entry{}, err
	}
	unfit := func(err error) (Entry, error) {
		return Entry{}, &care.Error{Kind: care.Invalid, Field: "name", Text: "The passkey was not made. Try again, or use another device", Err: err}
	}
	c, err := s.answered(ctx, ticket, makeKind)
	if err != nil || c.Account != a.ID {
		return unfit(err)
	}
	var begun webauthn.SessionData
	if err := json.Unmarshal(c.Doc, &begun); err != nil {
		return Entry{}, fmt.Errorf("reading a challenge: %w", err)
	}
	w, err := p.webauthn()
	if err != nil {
		return Entry{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return unfit(err)
	}
	key, err := w.CreateCredential(passkeyUser{account: a}, begun, parsed)
	if err != nil {
		return unfit(err)
	}
	doc, err := json.Marshal(keptPasskey{Party: p.ID, Key: *key})
	if err != nil {
		return Entry{}, err
	}
	id, err := s.newID()
	if err != nil {
		return Entry{}, err
	}
	now := s.Clock()
	return s.added(ctx, token, care.Credential{ID: id, Account: a.ID, Kind: care.Passkey, Name: called(name, "Passkey"), Lookup: key.ID,
		Counter: int64(key.Authenticator.SignCount), Made: now, Used: now, Secret: doc}, "", care.ByPasskey, address)
}

// AskPasskey begins to ask for a passkey: of an account, or of whoever has one
// when account is "".
func (s *Service) AskPasskey(ctx context.Context, p Party, account care.ActorID) (Offer, error) {
	w, err := p.webauthn()
	if err != nil {
		return Offer{}, err
	}
	verified := webauthn.WithUserVerification(protocol.VerificationRequired)
	if account == "" {
		asked, begun, err := w.BeginDiscoverableLogin(verified)
		if err != nil {
			return Offer{}, fmt.Errorf("beginning to ask for a passkey: %w", err)
		}
		return s.offer(ctx, signKind, "", begun, asked.Response)
	}
	u, err := s.userOf(ctx, care.Account{ID: account}, p)
	if err != nil {
		return Offer{}, err
	}
	if len(u.keys) == 0 {
		return Offer{}, &care.Error{Kind: care.NotFound, Text: "There is no passkey for this address"}
	}
	asked, begun, err := w.BeginLogin(u, verified)
	if err != nil {
		return Offer{}, fmt.Errorf("beginning to ask for a passkey: %w", err)
	}
	return s.offer(ctx, signKind, account, begun, asked.Response)
}

// errUnsigned is that an answer is not a passkey's signature for its challenge.
var errUnsigned = errors.New("the passkey's answer was not accepted")

// signed finds the passkey that signed a challenge: once, lately, for this
// party, with the user verified, and with a counter that has moved on where the
// passkey counts (W3C WebAuthn 2, 7.2). account is whose it must be; "": whose
// it is. Whatever is wrong is errUnsigned.
func (s *Service) signed(ctx context.Context, p Proof, account care.ActorID) (care.Credential, error) {
	wrong := func(err error) (care.Credential, error) {
		return care.Credential{}, fmt.Errorf("%w: %w", errUnsigned, err)
	}
	if p.Party.IsZero() {
		return wrong(errors.New("passkeys are not offered at this address"))
	}
	ch, err := s.answered(ctx, p.Ticket, signKind)
	if care.KindOf(err) == care.Login || err == nil && ch.Account != account {
		return wrong(errors.New("there is no such challenge"))
	}
	if err != nil {
		return care.Credential{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(p.Passkey)
	if err != nil {
		return wrong(err)
	}
	c, err := s.Accounts.CredentialBy(ctx, care.Passkey, parsed.RawID)
	if care.KindOf(err) == care.NotFound || err == nil && account != "" && c.Account != account {
		return wrong(errors.New("there is no such passkey"))
	}
	if err != nil {
		return c, err
	}
	kept, err := readPasskey(c)
	if err != nil {
		return c, err
	}
	if kept.Party != p.Party.ID {
		return wrong(errors.New("the passkey is of another address"))
	}
	if err := s.checkSignature(p.Party, ch, kept, c.Account, parsed); err != nil {
		return wrong(err)
	}
	fresh, err := s.Accounts.UseCredential(ctx, c.ID, int64(parsed.Response.AuthenticatorData.Counter), s.Clock())
	if err == nil && !fresh {
		return wrong(errors.New("its counter went back: there may be a copy of it"))
	}
	return c, err
}

func (s *Service) checkSignature(p Party, ch care.Challenge, kept keptPasskey, account care.ActorID, parsed *protocol.ParsedCredentialAssertionData) error {
	var begun webauthn.SessionData
	if err := json.Unmarshal(ch.Doc, &begun); err != nil {
		return fmt.Errorf("reading a challenge: %w", err)
	}
	w, err := p.webauthn()
	if err != nil {
		return err
	}
	u := passkeyUser{care.Account{ID: account}, []webauthn.Credential{kept.Key}}
	var key *webauthn.Credential
	if ch.Account != "" {
		// The library wants all that were offered; this one is enough, for it was
		// found to be the account's.
		begun.AllowedCredentialIDs, begun.UserID = [][]byte{kept.Key.ID}, u.WebAuthnID()
		key, err = w.ValidateLogin(u, begun, parsed)
	} else {
		_, key, err = w.ValidatePasskeyLogin(func(id, handle []byte) (webauthn.User, error) {
			if !bytes.Equal(id, kept.Key.ID) || !bytes.Equal(handle, u.WebAuthnID()) {
				return nil, errUnsigned
			}
			return u, nil
		}, begun, parsed)
	}
	if err == nil && key.Authenticator.CloneWarning {
		return errors.New("its counter went back: there may be a copy of it")
	}
	return err
}

// SignInPasskey begins a session by a passkey alone. A wrong one is care.Login,
// in the same words and after the same time whatever is wrong. It is not counted:
// a signature cannot be guessed, and a lock would shut out its owner.
func (s *Service) SignInPasskey(ctx context.Context, p Proof, address string) (Entry, error) {
	from := s.Clock()
	c, err := s.signed(ctx, p, "")
	var a care.Account
	if err == nil {
		if a, err = s.Accounts.AccountByID(ctx, c.Account); err == nil && a.Disabled || care.KindOf(err) == care.NotFound {
			err = errUnsigned
		}
	}
	if errors.Is(err, errUnsigned) {
		err = s.refuse(ctx, care.SignInFailed, c.Account, address,
			&care.Error{Kind: care.Login, Text: "The passkey was not accepted. Try again, or sign in with your password"})
	}
	if err := s.atLeast(ctx, from, err); err != nil {
		return Entry{}, err
	}
	return s.Enter(ctx, a, How{Method: care.ByPasskey}, address)
}
