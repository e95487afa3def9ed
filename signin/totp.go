package signin

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // the only hash that every app knows; HMAC-SHA-1 is not broken (NIST SP 800-131A 2, 10)
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"homeward/care"
)

// One-time codes by the clock: six digits of HMAC-SHA-1 over the count of half
// minutes (RFC 6238 4, RFC 4226 5.3). The half minute before and the one after
// are taken too, for clocks that differ (RFC 6238 5.2); each opens once
// (OWASP ASVS 5.0 6.5.1).
const (
	codeDigits = 6
	codeStep   = 30 // seconds
	codeKey    = 20 // bytes, RFC 4226 4 R6
)

var b32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// codeAt is the code of a key in a half minute.
func codeAt(key []byte, step int64) string {
	m := hmac.New(sha1.New, key)
	_ = binary.Write(m, binary.BigEndian, step)
	h := m.Sum(nil)
	n := binary.BigEndian.Uint32(h[h[len(h)-1]&15:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", codeDigits, n%1_000_000)
}

// stepOf is the half minute of which a code is one, near now. ok is false when
// it is none of them; each is compared in constant time.
func stepOf(key []byte, typed string, now time.Time) (step int64, ok bool) {
	at := now.Unix() / codeStep
	for _, s := range []int64{at - 1, at, at + 1} {
		if subtle.ConstantTimeCompare([]byte(codeAt(key, s)), []byte(typed)) == 1 {
			step, ok = s, true
		}
	}
	return step, ok
}

// code checks a code of an account's app, or one of its recovery codes.
func (s *Service) code(ctx context.Context, account care.ActorID, typed string) (care.Method, bool, error) {
	typed = bare(typed)
	if len(typed) != codeDigits {
		ok, err := s.recovered(ctx, account, typed)
		return care.ByRecovery, ok, err
	}
	c, err := s.Accounts.CredentialBy(ctx, care.CodeApp, []byte(account))
	if care.KindOf(err) == care.NotFound {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("reading an app's key: %w", err)
	}
	now := s.Clock()
	step, ok := stepOf(c.Secret, typed, now)
	if !ok {
		return "", false, nil
	}
	fresh, err := s.Accounts.UseCredential(ctx, c.ID, step, now)
	return care.ByCode, fresh, err
}

// bare is a code without the spaces and hyphens that people put in.
func bare(typed string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' {
			return -1
		}
		return r
	}, typed))
}

// Setup is an app that is being set up. Key and URI are secret: they are shown
// on one page, and never again once the app is in use.
type Setup struct {
	Ticket string
	Key    string // base32, in groups of four
	URI    string // for the camera: otpauth://totp/...
}

// pendingApp is what is kept of it.
type pendingApp struct {
	Key []byte `json:"key"`
}

// BeginApp draws a key for an app of whoever acts with a token.
func (s *Service) BeginApp(ctx context.Context, token string) (Setup, error) {
	a, err := s.holder(ctx, token)
	if err != nil {
		return Setup{}, err
	}
	key := make([]byte, codeKey)
	if _, err := io.ReadFull(s.Rand, key); err != nil {
		return Setup{}, fmt.Errorf("making a key: %w", err)
	}
	ticket, err := s.challenge(ctx, appKind, a.ID, pendingApp{key})
	return setup(a, ticket, key), err
}

// holder is the account kept here of whoever acts with a token.
func (s *Service) holder(ctx context.Context, token string) (care.Account, error) {
	a, ses, err := s.Pending(ctx, token)
	if err != nil {
		return a, err
	}
	full, err := s.Accounts.AccountByID(ctx, a.ID)
	if err != nil {
		return a, fmt.Errorf("finding an account: %w", err)
	}
	return full, ours(full, ses)
}

// setup is what the page shows. The label and issuer are as the Key URI format
// of authenticator apps has them.
func setup(a care.Account, ticket string, key []byte) Setup {
	text := b32.EncodeToString(key)
	var groups []string
	for i := 0; i < len(text); i += 4 {
		groups = append(groups, text[i:min(i+4, len(text))])
	}
	uri := url.URL{Scheme: "otpauth", Host: "totp", Path: "/Homeward:" + a.Login,
		RawQuery: url.Values{"secret": {text}, "issuer": {"Homeward"}}.Encode()}
	return Setup{Ticket: ticket, Key: strings.Join(groups, " "), URI: uri.String()}
}

// AppBegun is the set-up of a ticket again, after a wrong first code.
func (s *Service) AppBegun(ctx context.Context, token, ticket string) (Setup, error) {
	a, key, err := s.appBegun(ctx, token, ticket)
	return setup(a, ticket, key), err
}

func (s *Service) appBegun(ctx context.Context, token, ticket string) (care.Account, []byte, error) {
	a, err := s.holder(ctx, token)
	if err != nil {
		return a, nil, err
	}
	c, err := s.awaited(ctx, ticket, appKind)
	if err == nil && c.Account != a.ID {
		err = errTicket()
	}
	if err != nil {
		return a, nil, err
	}
	var p pendingApp
	return a, p.Key, json.Unmarshal(c.Doc, &p)
}

// FinishApp puts an app into use once it shows a right code, in place of the one
// before, and goes on in a new session that rests on it.
func (s *Service) FinishApp(ctx context.Context, token, ticket, code, name, address string) (Entry, error) {
	a, key, err := s.appBegun(ctx, token, ticket)
	if err != nil {
		return Entry{}, err
	}
	now := s.Clock()
	step, ok := stepOf(key, bare(code), now)
	if !ok {
		return Entry{}, &care.Error{Kind: care.Invalid, Field: "code", Text: "The code is not right. Wait for the next one and enter that. If it is still not right, check the clock of your phone"}
	}
	if _, err := s.answered(ctx, ticket, appKind); err != nil {
		return Entry{}, err
	}
	id, err := s.newID()
	if err != nil {
		return Entry{}, err
	}
	app := care.Credential{ID: id, Account: a.ID, Kind: care.CodeApp, Name: called(name, "App for codes"), Lookup: []byte(a.ID), Counter: step, Made: now, Used: now, Secret: key}
	return s.added(ctx, token, app, care.CodeApp, care.ByCode, address)
}

// called is a name that somebody gave, cut to what a page can show.
func called(name, otherwise string) string {
	name = strings.Join(strings.Fields(name), " ")
	if r := []rune(name); len(r) > 40 {
		name = string(r[:40])
	}
	if name == "" {
		return otherwise
	}
	return name
}

// Recovery codes have 120 random bits, so that a plain hash of them is enough
// (OWASP ASVS 5.0 6.5.2: 112 bits or more).
const (
	recoveryCodes = 8
	recoveryBytes = 15
)

// NewRecovery makes recovery codes in place of those before. They cannot be had
// again.
func (s *Service) NewRecovery(ctx context.Context, token, address string) ([]string, error) {
	a, err := s.holder(ctx, token)
	if err != nil {
		return nil, err
	}
	var codes []string
	var cs []care.Credential
	for range recoveryCodes {
		b := make([]byte, recoveryBytes)
		if _, err := io.ReadFull(s.Rand, b); err != nil {
			return nil, fmt.Errorf("making a recovery code: %w", err)
		}
		id, err := s.newID()
		if err != nil {
			return nil, err
		}
		text := b32.EncodeToString(b)
		hash := sha256.Sum256([]byte(text))
		cs = append(cs, care.Credential{ID: id, Account: a.ID, Kind: care.Recovery, Lookup: hash[:], Made: s.Clock()})
		var groups []string
		for i := 0; i < len(text); i += 4 {
			groups = append(groups, text[i:i+4])
		}
		codes = append(codes, strings.Join(groups, "-"))
	}
	if err := s.note(ctx, care.SignIn{Event: care.FactorAdded, Account: a.ID, Address: address, Detail: string(care.Recovery)}); err != nil {
		return nil, err
	}
	return codes, s.Accounts.AddCredentials(ctx, a.ID, care.Recovery, cs...)
}

// recovered takes a recovery code, which opens once.
func (s *Service) recovered(ctx context.Context, account care.ActorID, typed string) (bool, error) {
	hash := sha256.Sum256([]byte(typed))
	c, err := s.Accounts.CredentialBy(ctx, care.Recovery, hash[:])
	if care.KindOf(err) == care.NotFound || err == nil && c.Account != account {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("finding a recovery code: %w", err)
	}
	return s.Accounts.DropCredential(ctx, account, c.ID)
}
