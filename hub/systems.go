package hub

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// A System is one machine that may sign in by itself. Its keys are package api's.
type System struct {
	Client string   // its opaque name, of small letters, digits and hyphens
	Title  string   // for people: King's Mill EPR
	Org    nhs.ODS  // whose it is
	Scopes []string // what it may ask for
	Bound  bool     // its tokens hold only with the certificate with which they were asked for (RFC 8705 3)
}

// TokenLife is how long an access token holds. NHS England's own API platform
// says 599 seconds.
const TokenLife = 599 * time.Second

// AssertionLife is how far ahead an assertion may end, with what is tolerated.
const AssertionLife = 310 * time.Second

// What is wrong with an assertion that only the records can tell.
var (
	ErrReplayed = errors.New("the assertion was used before")
	ErrTooLong  = errors.New("the assertion ends too far in the future")
)

// tokenIssued and tokenRefused are the actions of the audit.
const (
	tokenIssued  = "token-issued"
	tokenRefused = "token-refused"
)

// checkSystems refuses a configuration of systems that cannot work.
func (h *Hub) checkSystems() error {
	h.systems = map[string]System{}
	for _, s := range h.Systems {
		if _, twice := h.systems[s.Client]; twice {
			return fmt.Errorf("system %q is configured twice", s.Client)
		}
		if s.Client == "" || strings.Trim(s.Client, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return fmt.Errorf("system %q must be named by small letters, digits and hyphens", s.Client)
		}
		if _, ok := h.orgs[s.Org]; !ok {
			return fmt.Errorf("system %q belongs to organisation %q, which is not configured", s.Client, s.Org)
		}
		h.systems[s.Client] = s
	}
	return nil
}

// System finds a configured system.
func (h *Hub) System(client string) (System, bool) {
	s, ok := h.systems[client]
	return s, ok
}

// actor is a system as whoever asks.
func (h *Hub) actor(s System, address string) care.Actor {
	o := h.Org(s.Org)
	return care.Actor{ID: care.ActorID("system-" + s.Client), Name: s.Title, Role: care.Machine, Org: s.Org, OrgName: o.Name, OrgKind: o.Kind, Address: address}
}

// TokenRequest is an assertion whose signature holds, and what is asked for by it.
type TokenRequest struct {
	Client     string
	JTI        string
	Ends       time.Time // the assertion's exp
	Scopes     []string  // none: all that the system has
	Thumbprint string    // of the certificate of the connection; "" for none
	Address    string
}

// AccessToken is what a system gets. Text is nowhere else.
type AccessToken struct {
	Text   string
	Scopes []string
	Life   time.Duration
	Bound  bool
}

// IssueToken gives a system a token for an assertion that nobody has used
// before: not in this process, nor in another on the same database. A refusal
// is audited as a token is. ErrReplayed comes before ErrTooLong; a scope that the
// system does not have is care.Forbidden.
func (h *Hub) IssueToken(ctx context.Context, q TokenRequest) (AccessToken, error) {
	s, ok := h.systems[q.Client]
	if !ok {
		return AccessToken{}, &care.Error{Kind: care.NotFound, Text: "There is no such system"}
	}
	now := h.now()
	secret := make([]byte, 32)
	rand.Read(secret)
	k := AccessToken{Text: base64.RawURLEncoding.EncodeToString(secret), Scopes: q.Scopes, Life: TokenLife, Bound: s.Bound}
	if len(k.Scopes) == 0 {
		k.Scopes = s.Scopes
	}
	kept := store.Token{Hash: digest("token", k.Text), Client: s.Client, Scopes: strings.Join(k.Scopes, " "), Issued: now, Expires: now.Add(k.Life)}
	if s.Bound {
		kept.Thumbprint = q.Thumbprint
	}
	var refused error
	err := h.update(ctx, func(tx *store.Tx) (err error) {
		if refused, err = h.refuseToken(tx, s, q, now); err != nil {
			return err
		}
		if refused != nil {
			return tx.Audit(h.tokenRecord(h.actor(s, q.Address), now, tokenRefused, refused.Error()))
		}
		if err := tx.PutToken(kept); err != nil {
			return err
		}
		return tx.Audit(h.tokenRecord(h.actor(s, q.Address), now, tokenIssued, "for "+kept.Scopes))
	})
	if err = errors.Join(err, refused); err != nil {
		return AccessToken{}, err
	}
	return k, nil
}

// refuseToken marks the assertion as used, and says why no token is given for it.
func (h *Hub) refuseToken(tx *store.Tx, s System, q TokenRequest, now time.Time) (refused, err error) {
	jti := digest("jti", q.JTI)
	used, err := tx.Asserted(s.Client, jti)
	switch {
	case err != nil:
		return nil, err
	case used:
		return ErrReplayed, nil
	case q.Ends.Sub(now) > AssertionLife:
		return ErrTooLong, nil
	}
	// Kept for longer than it holds: the clocks of two processes may differ.
	fresh, err := tx.Assertion(s.Client, jti, q.Ends.Add(AssertionLife))
	switch {
	case err != nil:
		return nil, err
	case !fresh:
		return ErrReplayed, nil
	case s.Bound && q.Thumbprint == "":
		return &care.Error{Kind: care.Login, Text: "This system must show its client certificate"}, nil
	}
	for _, want := range q.Scopes {
		if !slices.Contains(s.Scopes, want) {
			return &care.Error{Kind: care.Forbidden, Text: "A scope was asked for that this system does not have"}, nil
		}
	}
	return nil, nil
}

func (h *Hub) tokenRecord(by care.Actor, now time.Time, action, outcome string) store.AuditRecord {
	return store.AuditRecord{At: now, Actor: by.ID, Name: by.Name, Role: by.Role, Org: by.Org, Address: by.Address,
		Action: action, Purpose: string(policy.Operations), Allowed: action == tokenIssued, Outcome: outcome}
}

// TokenRefused audits that a system got no token, before any record was asked.
// client is what the assertion says of itself: one that is not configured is not
// kept, since anybody may write anything there.
func (h *Hub) TokenRefused(ctx context.Context, client, address, why string) error {
	by := care.Actor{ID: "system-unknown", Role: care.Machine, Address: address}
	if s, ok := h.systems[client]; ok {
		by = h.actor(s, address)
	}
	return h.update(ctx, func(tx *store.Tx) error { return tx.Audit(h.tokenRecord(by, h.now(), tokenRefused, why)) })
}

// Bearer finds whose a token is and what it may be used for. A token that is not
// known, has ended, or is bound to another certificate is care.Login. What is
// then done is decided and audited by the method that does it.
func (h *Hub) Bearer(ctx context.Context, token, thumbprint, address string) (by care.Actor, scopes []string, err error) {
	wrong := &care.Error{Kind: care.Login, Text: "The token is not known or has ended"}
	kept, err := h.token(ctx, digest("token", token))
	if care.KindOf(err) == care.NotFound {
		return by, nil, wrong
	}
	if err != nil {
		return by, nil, err
	}
	s, ok := h.systems[kept.Client]
	bound := kept.Thumbprint
	switch {
	case !ok || !kept.Expires.After(h.now()):
		return by, nil, wrong
	case (s.Bound || bound != "") && (bound == "" || subtle.ConstantTimeCompare([]byte(bound), []byte(thumbprint)) != 1):
		return by, nil, &care.Error{Kind: care.Login, Text: "The token is bound to another client certificate"}
	}
	for _, scope := range strings.Fields(kept.Scopes) {
		if slices.Contains(s.Scopes, scope) { // what was taken away since is gone at once
			scopes = append(scopes, scope)
		}
	}
	return h.actor(s, address), scopes, nil
}

// digest is a hash of a secret, under a name of its own for each use.
func digest(use, secret string) []byte {
	sum := sha256.Sum256([]byte("homeward " + use + "\x00" + secret))
	return sum[:]
}
