package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"homeward/care"
	"homeward/nhs"
)

// Vouched is the memory of what identity providers vouch for.
type Vouched interface {
	// Provided adds or renews an account, and gives it back as it is kept: with
	// what was decided here, such as that it is disabled.
	Provided(ctx context.Context, a care.Account) (care.Account, error)
	// Once keeps a name until a time and reports whether it came the first time.
	Once(ctx context.Context, name string, until time.Time) (bool, error)
	// EndProvided ends the sessions that a provider calls sid and, when account
	// is not "", all that it began for that account.
	EndProvided(ctx context.Context, provider, sid string, account care.ActorID) (int, error)
}

// FederationConfig is what a Federation is made of.
type FederationConfig struct {
	Service   *Service // begins the sessions; its clock and random source are used
	Vouched   Vouched
	Base      string // where browsers reach us: "https://homeward.example", without a path
	Providers []Provider
	Transport http.RoundTripper // to the providers; nil: over the network
}

// Federation signs people in by their organisations' identity providers, with
// OpenID Connect: the authorization code flow with PKCE (RFC 9700 2.1.1). Several
// providers stand side by side; one that is down hurts nobody else. Make one
// with Federate. It may be used by many goroutines at once.
type Federation struct {
	FederationConfig
	byName map[string]*peer
}

// Federate checks the providers. It asks nothing of them yet: they may be down.
func Federate(c FederationConfig) (*Federation, error) {
	f := &Federation{FederationConfig: c, byName: map[string]*peer{}}
	u, err := url.Parse(c.Base)
	if err != nil || !secureURL(u, true) || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, errors.New("identity providers send people back to public_url, which must be like https://homeward.example")
	}
	f.Base = u.Scheme + "://" + u.Host
	client := newClient(c.Transport)
	issuers := map[string]bool{}
	for _, p := range c.Providers {
		if err := p.Check(func(o nhs.ODS) bool { return c.Service.Orgs(o).Kind != "" }); err != nil {
			return nil, fmt.Errorf("[[provider]] %q: %w", p.Name, err)
		}
		if f.byName[p.Name] != nil || issuers[p.Issuer] {
			return nil, fmt.Errorf("[[provider]] %q: its name or its issuer stands twice", p.Name)
		}
		issuers[p.Issuer] = true
		f.byName[p.Name] = &peer{Provider: p, client: client, clock: c.Service.Clock}
	}
	return f, nil
}

// Find gives a provider of the configuration.
func (f *Federation) Find(name string) (Provider, bool) {
	if f == nil || f.byName[name] == nil {
		return Provider{}, false
	}
	return f.byName[name].Provider, true
}

// Trouble is why somebody did not get in by a provider.
type Trouble string

// The troubles. Each is a page of its own.
const (
	Down       Trouble = "provider down"
	Stale      Trouble = "begun too long ago, elsewhere, or used already"
	Declined   Trouble = "stopped at the provider"
	Unbelieved Trouble = "answer not believed"
	Unassured  Trouble = "not assured enough"
	NoRole     Trouble = "no role here"
	Closed     Trouble = "account disabled here"
	Another    Trouble = "another person than the one signed in"
)

// ProviderError is that somebody did not get in by a provider. Why is a few words
// for the audit and for operators, never with what the provider sent.
type ProviderError struct {
	Trouble  Trouble
	Provider string
	Why      string
	Account  care.ActorID // who it was; "" when that was not proven
	Err      error
}

func (e *ProviderError) Error() string {
	return "signing in by " + e.Provider + ": " + string(e.Trouble) + ": " + e.Why
}

// Unwrap is the kind that the trouble has among all errors, and its cause.
func (e *ProviderError) Unwrap() []error {
	kind := care.Forbidden
	switch e.Trouble {
	case Down:
		kind = care.Transient
	case Stale, Declined:
		kind = care.Login
	}
	return []error{&care.Error{Kind: kind, Text: "Signing in by your organisation did not work"}, e.Err}
}

// flowTime is how long somebody may take at the provider.
const flowTime = 15 * time.Minute

// flow is what a browser keeps while its reader is at the provider. The state,
// the nonce and the verifier of PKCE are hashes of it, so whoever sees the
// address bar learns none of them, and another browser has another.
type flow struct {
	Provider string `json:"p"`
	Next     string `json:"n,omitempty"`
	Again    bool   `json:"a,omitempty"` // they are signed in and prove again who they are
	At       int64  `json:"t"`           // when it began, Unix seconds
	Secret   string `json:"s"`           // 256 random bits
}

// derived is one of the secrets of a flow, from the cookie that holds it.
func derived(cookie, of string) string {
	h := sha256.Sum256([]byte(of + "\x00" + cookie))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// Leaving is how somebody goes to a provider: where, and what their browser
// keeps until they are back.
type Leaving struct {
	URL    string
	Cookie string
	Life   time.Duration
}

// Begin sends somebody to a provider. next is a page to go on with; again is for
// somebody who is signed in and proves again who they are: the provider must then
// ask them, whatever session it has (OpenID Connect Core 1.0, 3.1.2.1).
func (f *Federation) Begin(ctx context.Context, name, next string, again bool) (Leaving, error) {
	p := f.byName[name]
	if p == nil {
		return Leaving{}, &care.Error{Kind: care.NotFound, Text: "There is no such way to sign in"}
	}
	at, err := p.meet(ctx)
	if err != nil {
		return Leaving{}, f.failed(ctx, &ProviderError{Trouble: Down, Provider: name, Why: "discovery", Err: err}, "")
	}
	secret := make([]byte, 32)
	if _, err := io.ReadFull(f.Service.Rand, secret); err != nil {
		return Leaving{}, fmt.Errorf("making a secret: %w", err)
	}
	doc, err := json.Marshal(flow{name, next, again, f.Service.Clock().Unix(), base64.RawURLEncoding.EncodeToString(secret)})
	if err != nil {
		return Leaving{}, err
	}
	l := Leaving{Cookie: base64.RawURLEncoding.EncodeToString(doc), Life: flowTime}
	more := []oauth2.AuthCodeOption{oidc.Nonce(derived(l.Cookie, "nonce")), oauth2.S256ChallengeOption(derived(l.Cookie, "verifier"))}
	if len(p.ACR) > 0 {
		more = append(more, oauth2.SetAuthURLParam("acr_values", strings.Join(p.ACR, " ")))
	}
	if again {
		more = append(more, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	c := f.client(p, at)
	l.URL = c.AuthCodeURL(derived(l.Cookie, "state"), more...)
	return l, nil
}

func (f *Federation) client(p *peer, at *meeting) oauth2.Config {
	c := oauth2.Config{ClientID: p.ClientID, ClientSecret: p.Secret, Endpoint: at.provider.Endpoint(),
		RedirectURL: f.Base + "/signin/from/" + p.Name, Scopes: append([]string{oidc.ScopeOpenID}, p.Scopes...)}
	c.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if p.Key != nil || len(at.TokenAuth) > 0 && !slices.Contains(at.TokenAuth, "client_secret_basic") {
		c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return c
}

// Arrival is somebody back from a provider, and let in.
type Arrival struct {
	Entry Entry
	Next  string
	Again bool
}

// Return lets in who comes back from a provider: query is what the provider
// wrote into the address, cookie what the browser kept, token the session that
// the browser has, if any. What is refused is audited and is a *ProviderError.
func (f *Federation) Return(ctx context.Context, name, cookie string, query url.Values, token, address string) (Arrival, error) {
	p := f.byName[name]
	if p == nil {
		return Arrival{}, &care.Error{Kind: care.NotFound, Text: "There is no such way to sign in"}
	}
	fl, err := f.recall(ctx, p, cookie, query)
	if err != nil {
		return Arrival{}, f.failed(ctx, err, address)
	}
	id, err := p.prove(ctx, f, fl, cookie, query)
	if err != nil {
		return Arrival{}, f.failed(ctx, err, address)
	}
	e, err := f.admit(ctx, p, fl, id, token, address)
	if err != nil {
		return Arrival{}, f.failed(ctx, err, address)
	}
	return Arrival{Entry: e, Next: fl.Next, Again: fl.Again}, nil
}

// failed audits a refusal. No audit, no answer but that.
func (f *Federation) failed(ctx context.Context, err error, address string) error {
	var pe *ProviderError
	if !errors.As(err, &pe) {
		return err
	}
	event := care.SignInFailed
	if pe.Account != "" {
		event = care.SignInRefused
	}
	if nerr := f.Service.note(ctx, care.SignIn{Event: event, Account: pe.Account, Address: address,
		Detail: "provider, " + pe.Provider + ", " + string(pe.Trouble) + ": " + pe.Why}); nerr != nil {
		return nerr
	}
	return err
}

// recall checks that the answer is to a question of this browser, asked lately
// and answered once (RFC 9700 2.1, 4.7.1), and comes from whom was asked (RFC 9207 2.4).
func (f *Federation) recall(ctx context.Context, p *peer, cookie string, query url.Values) (flow, error) {
	var fl flow
	stale := func(why string) error { return &ProviderError{Trouble: Stale, Provider: p.Name, Why: why} }
	doc, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || cookie == "" || json.Unmarshal(doc, &fl) != nil || len(fl.Secret) < 43 {
		return fl, stale("no question of this browser")
	}
	state := derived(cookie, "state")
	if fl.Provider != p.Name || len(query["state"]) != 1 || subtle.ConstantTimeCompare([]byte(state), []byte(query.Get("state"))) != 1 {
		return fl, stale("state of another question")
	}
	if age := f.Service.Clock().Sub(time.Unix(fl.At, 0)); age < -time.Minute || age > flowTime {
		return fl, stale("too late")
	}
	first, err := f.Vouched.Once(ctx, "signin state "+state, f.Service.Clock().Add(flowTime))
	if err != nil {
		return fl, fmt.Errorf("keeping that an answer was used: %w", err)
	}
	if !first {
		return fl, stale("answered already")
	}
	return fl, nil
}

// peer is a provider and what it says of itself.
type peer struct {
	Provider
	client *http.Client
	clock  func() time.Time

	mu     sync.Mutex
	at     *meeting
	met    time.Time
	failed error
	tried  time.Time
}

// meeting is what a provider says of itself. OpenID Connect Discovery 1.0, 3.
type meeting struct {
	provider *oidc.Provider
	keys     *keySet

	Authorize   string   `json:"authorization_endpoint"`
	Token       string   `json:"token_endpoint"`
	UserInfo    string   `json:"userinfo_endpoint"`
	Keys        string   `json:"jwks_uri"`
	EndSession  string   `json:"end_session_endpoint"`
	TokenAuth   []string `json:"token_endpoint_auth_methods_supported"`
	SaysIssuer  bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207 3
	Challenges  []string `json:"code_challenge_methods_supported"`
	FrontLogout bool     `json:"frontchannel_logout_session_supported"`
}

const (
	meetingHolds = 12 * time.Hour   // then a provider is asked about itself again
	meetingRests = 10 * time.Second // after one that did not answer
)

// meet asks a provider about itself when somebody wants it, not at the start. One
// that changed nothing for long and does not answer now is taken at its old word.
func (p *peer) meet(ctx context.Context) (*meeting, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock()
	if p.at != nil && now.Sub(p.met) < meetingHolds {
		return p.at, nil
	}
	if p.failed == nil || now.Sub(p.tried) >= meetingRests {
		at, err := p.discover(ctx)
		if p.failed, p.tried = err, now; err == nil {
			p.at, p.met = at, now
		}
	}
	if p.at != nil {
		return p.at, nil
	}
	return nil, p.failed
}

func (p *peer) discover(ctx context.Context) (*meeting, error) {
	ctx, stop := context.WithTimeout(ctx, answerTime)
	defer stop()
	known, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.Issuer)
	if err != nil {
		return nil, unmet(err)
	}
	at := &meeting{provider: known}
	if err := known.Claims(at); err != nil {
		return nil, fmt.Errorf("reading what the provider says of itself: %w", err)
	}
	issuer, err := url.Parse(p.Issuer)
	if err != nil {
		return nil, err
	}
	for what, addr := range map[string]string{"authorization": at.Authorize, "token": at.Token, "userinfo": at.UserInfo, "keys": at.Keys, "end_session": at.EndSession} {
		u, err := url.Parse(addr)
		needed := what != "userinfo" && what != "end_session" || what == "userinfo" && p.Kind == CIS2
		if err != nil || (addr != "" || needed) && !secureURL(u, loopbackURL(issuer)) {
			return nil, fmt.Errorf("the provider's %s address is not one by https", what)
		}
	}
	if len(at.Challenges) > 0 && !slices.Contains(at.Challenges, "S256") {
		return nil, errors.New("the provider does not know PKCE with S256")
	}
	at.keys = &keySet{url: at.Keys, client: p.client, clock: p.clock}
	if p.at != nil && p.at.Keys == at.Keys {
		at.keys = p.at.keys
	}
	return at, nil
}

// unmet keeps of an error what is no text of the provider's.
func unmet(err error) error {
	var other *oidc.IssuerMismatchError
	var net *url.Error
	switch {
	case errors.As(err, &other):
		return errors.New("the provider says that it is another issuer")
	case errors.As(err, &net):
		return fmt.Errorf("asking the provider about itself: %w", err)
	}
	return errors.New("the provider says nothing of itself that can be read")
}

// prove turns the answer of a provider into an identity that it vouches for.
func (p *peer) prove(ctx context.Context, f *Federation, fl flow, cookie string, query url.Values) (identity, error) {
	at, err := p.meet(ctx)
	if err != nil {
		return identity{}, &ProviderError{Trouble: Down, Provider: p.Name, Why: "discovery", Err: err}
	}
	if err := p.answered(at, query); err != nil {
		return identity{}, err
	}
	c := f.client(p, at)
	options := []oauth2.AuthCodeOption{oauth2.VerifierOption(derived(cookie, "verifier"))}
	if p.Key != nil {
		assertion, err := p.assertion(at)
		if err != nil {
			return identity{}, err
		}
		options = append(options, oauth2.SetAuthURLParam("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
			oauth2.SetAuthURLParam("client_assertion", assertion))
	}
	ctx = oidc.ClientContext(ctx, p.client)
	tokens, err := c.Exchange(ctx, query.Get("code"), options...)
	if err != nil {
		return identity{}, p.notGiven(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := p.read(ctx, at, raw, tokens.AccessToken, derived(cookie, "nonce"))
	if err != nil {
		return identity{}, err
	}
	if fl.Again && id.proven.Before(time.Unix(fl.At, 0).Add(-clockSkew)) {
		return identity{}, &ProviderError{Trouble: Unbelieved, Provider: p.Name, Why: "not asked again", Account: id.account}
	}
	if at.UserInfo != "" && (p.Kind == CIS2 || p.Kind == Plain) {
		if err := p.ask(ctx, at, tokens, &id); err != nil {
			return identity{}, err
		}
	}
	return id, nil
}

// answered checks the answer's address: who answers (RFC 9207 2.4), and that it
// is a code and no error (OpenID Connect Core 1.0, 3.1.2.6).
func (p *peer) answered(at *meeting, query url.Values) error {
	no := func(t Trouble, why string) error { return &ProviderError{Trouble: t, Provider: p.Name, Why: why} }
	if iss := query["iss"]; len(iss) > 1 || len(iss) == 1 && iss[0] != p.Issuer || len(iss) == 0 && at.SaysIssuer {
		return no(Unbelieved, "answer of another issuer")
	}
	switch e := query.Get("error"); e {
	case "":
	case "access_denied", "user_cancelled", "interaction_required", "login_required", "consent_required":
		return no(Declined, e)
	case "temporarily_unavailable", "server_error":
		return no(Down, e)
	default:
		return no(Unbelieved, "error of the provider")
	}
	if len(query["code"]) != 1 || query.Get("code") == "" {
		return no(Unbelieved, "no code")
	}
	return nil
}

// notGiven is that the token endpoint gave nothing. The body that it sent is
// kept from logs: only a code of RFC 6749 5.2 is told.
func (p *peer) notGiven(err error) error {
	var re *oauth2.RetrieveError
	if errors.As(err, &re) && re.Response != nil && re.Response.StatusCode < 500 {
		why := "no tokens"
		if slices.Contains([]string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}, re.ErrorCode) {
			why = re.ErrorCode
		}
		trouble := Unbelieved
		if why == "invalid_client" || why == "unauthorized_client" {
			trouble = Down // our registration there is not right: ringing somebody helps
		}
		return &ProviderError{Trouble: trouble, Provider: p.Name, Why: "token: " + why}
	}
	return &ProviderError{Trouble: Down, Provider: p.Name, Why: "token endpoint"}
}

// assertion is what a client with a key signs instead of sending a secret. RFC 7523 3.
func (p *peer) assertion(at *meeting) (string, error) {
	alg, err := assertionAlg(p.Key)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: p.Key.Key},
		(&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", p.Key.KeyID))
	if err != nil {
		return "", fmt.Errorf("signing as a client: %w", err)
	}
	now := p.clock()
	return jwt.Signed(signer).Claims(jwt.Claims{Issuer: p.ClientID, Subject: p.ClientID, Audience: jwt.Audience{at.Token}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute))}).Serialize()
}

// admit begins the session of somebody whose identity is proven.
func (f *Federation) admit(ctx context.Context, p *peer, fl flow, id identity, token, address string) (Entry, error) {
	no := func(t Trouble, why string) error {
		return &ProviderError{Trouble: t, Provider: p.Name, Why: why, Account: id.account}
	}
	if why := p.unassured(id); why != "" {
		return Entry{}, no(Unassured, why)
	}
	how := How{Method: care.ByProvider, At: id.proven, Provider: p.Name, SID: id.SID, Assurance: id.assurance(), Hint: id.raw}
	if fl.Again {
		a, _, err := f.Service.Pending(ctx, token)
		if err != nil {
			return Entry{}, err
		}
		if a.ID != id.account {
			return Entry{}, no(Another, "at the second proof")
		}
	}
	grants, why := p.grants(id, func(o nhs.ODS) bool { return f.Service.Orgs(o).Kind != "" })
	a, err := f.Vouched.Provided(ctx, care.Account{ID: id.account, Login: p.Name + ":" + string(id.account), Name: id.name(), Grants: grants, Provider: p.Name})
	switch {
	case err != nil:
		return Entry{}, fmt.Errorf("keeping an account: %w", err)
	case a.Disabled:
		return Entry{}, no(Closed, "by an administrator")
	case len(grants) == 0:
		return Entry{}, no(NoRole, why)
	case fl.Again:
		return f.Service.Reprove(ctx, token, how, address)
	}
	return f.Service.Enter(ctx, a, how, address)
}
