// Package idp is a pretend identity provider: OpenID Connect over HTTP, for
// tests and for the demonstration, with invented people who need no password. It
// stands in for NHS CIS2 or for a council's Entra ID, and can be told to misbehave
// in one of many ways. It is no provider for real people: it proves nobody's
// identity. It knows nothing of Homeward, only the protocol.
package idp

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Config is what a Provider is made of.
type Config struct {
	Addr    string // to listen at; "": a free port of this machine
	Title   string // on its pages: "NHS CIS2 (pretend)"
	People  []Person
	Clients []Client
	Clock   func() time.Time // nil: time.Now
	EC      bool             // sign with P-256 instead of RSA
}

// Person is somebody invented who can be picked on the provider's page.
type Person struct {
	Sub    string
	Name   string
	Does   string         // beside the name on the page
	Claims map[string]any // in the ID token besides what each has
	Info   map[string]any // at the userinfo endpoint besides sub and name
}

// Client is a service that may ask.
type Client struct {
	ID          string
	Secret      string           // "": it signs with Key
	Key         *jose.JSONWebKey // public
	Redirects   []string         // exactly
	AfterLogout []string
	BackChannel string // where logout tokens are posted; "": none
}

// Trick is a way to misbehave.
type Trick string

// The tricks. Honest is none.
const (
	Honest        Trick = ""
	WrongIssuer   Trick = "wrong issuer"           // in the ID token
	WrongMeeting  Trick = "wrong issuer of itself" // in the discovery document
	MixUp         Trick = "answer of another"      // iss in the answer's address, RFC 9207
	SilentIssuer  Trick = "no issuer in the answer"
	WrongNonce    Trick = "wrong nonce"
	NoNonce       Trick = "no nonce"
	WrongAudience Trick = "wrong audience"
	TwoAudiences  Trick = "two audiences"
	WrongParty    Trick = "wrong azp"
	AlgNone       Trick = "alg none"
	AlgHMAC       Trick = "HS256 with the public key"
	Forged        Trick = "a key that is not its own"
	Expired       Trick = "expired"
	Old           Trick = "issued long ago"
	Future        Trick = "issued in the future"
	OtherAccess   Trick = "at_hash of another access token"
	NoToken       Trick = "no ID token"
	NoPKCE        Trick = "no PKCE"
	OtherSub      Trick = "another person in userinfo"
	NoAssurance   Trick = "no acr"
	Oversize      Trick = "answers too long" // of the token endpoint
	OversizeKeys  Trick = "keys too long"
	Hanging       Trick = "no answer"
	Broken        Trick = "status 500"
	Elsewhere     Trick = "redirects" // of the token endpoint
	Refuses       Trick = "access denied"
	OldProof      Trick = "proven long ago" // auth_time
)

// Provider is a pretend identity provider that listens. Start one with Start.
type Provider struct {
	Config
	Issuer string

	server *http.Server
	served chan error
	gone   chan struct{}
	close  sync.Once

	mu     sync.Mutex
	trick  Trick
	keys   []jose.JSONWebKey // private; the last one signs
	grants map[string]*grant // by code
	access map[string]*grant // by access token
	tokens map[string]bool   // jti of clients' assertions
	counts map[string]int
}

// grant is what somebody allowed a client.
type grant struct {
	client, redirect, nonce, challenge, sid, acr string
	person                                       Person
	used                                         bool
	access                                       string
	at                                           time.Time
	n                                            int // in the order in which they were given
}

// Start begins to listen, on this machine only.
func Start(c Config) (*Provider, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, fmt.Errorf("listening as a pretend provider: %w", err)
	}
	p := &Provider{Config: c, Issuer: "http://" + l.Addr().String(), served: make(chan error, 1), gone: make(chan struct{}),
		grants: map[string]*grant{}, access: map[string]*grant{}, tokens: map[string]bool{}, counts: map[string]int{}}
	if err := p.Rotate(true); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	p.server = &http.Server{Handler: p.handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() { p.served <- p.server.Serve(l) }()
	return p, nil
}

// Close stops listening. Twice is no error.
func (p *Provider) Close() (err error) {
	p.close.Do(func() {
		close(p.gone)
		err = p.server.Close()
		<-p.served
	})
	return err
}

// Register adds a client, or replaces the one with its ID.
func (p *Provider) Register(c Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Clients = slices.DeleteFunc(p.Clients, func(o Client) bool { return o.ID == c.ID })
	p.Clients = append(p.Clients, c)
}

// Set makes it misbehave from now on.
func (p *Provider) Set(t Trick) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trick = t
}

// Asked says how often an address was asked: "/jwks".
func (p *Provider) Asked(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[path]
}

// Rotate makes a new key, which signs from now on; with forget the ones before
// are not told any more.
func (p *Provider) Rotate(forget bool) error {
	var key crypto.Signer
	alg := jose.RS256
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if p.EC {
		alg = jose.ES256
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return fmt.Errorf("making a pretend provider's key: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if forget {
		p.keys = nil
	}
	p.keys = append(p.keys, jose.JSONWebKey{Key: key, KeyID: rand.Text()[:8], Algorithm: string(alg), Use: "sig"})
	return nil
}

func (p *Provider) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.tellItself)
	mux.HandleFunc("GET /authorize", p.askWho)
	mux.HandleFunc("POST /authorize", p.picked)
	mux.HandleFunc("POST /token", p.give)
	mux.HandleFunc("GET /userinfo", p.tellOf)
	mux.HandleFunc("GET /jwks", p.tellKeys)
	mux.HandleFunc("GET /logout", p.leave)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.counts[r.URL.Path]++
		trick := p.trick
		p.mu.Unlock()
		switch {
		case trick == Hanging:
			select {
			case <-r.Context().Done():
			case <-p.gone:
			}
		case trick == Broken:
			http.Error(w, "broken", http.StatusInternalServerError)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func (p *Provider) is(t Trick) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trick == t
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked has gone: nobody to tell
}

// tellItself is the discovery document. OpenID Connect Discovery 1.0, 4.
func (p *Provider) tellItself(w http.ResponseWriter, _ *http.Request) {
	m := map[string]any{"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token",
		"userinfo_endpoint": p.Issuer + "/userinfo", "jwks_uri": p.Issuer + "/jwks", "end_session_endpoint": p.Issuer + "/logout",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256", "ES256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true, "backchannel_logout_supported": true, "backchannel_logout_session_supported": true,
		"frontchannel_logout_supported": true, "frontchannel_logout_session_supported": true}
	if p.is(WrongMeeting) {
		m["issuer"] = "https://elsewhere.example"
	}
	if p.is(NoPKCE) {
		m["code_challenge_methods_supported"] = []string{"plain"}
	}
	answer(w, http.StatusOK, m)
}

func (p *Provider) tellKeys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	var set jose.JSONWebKeySet
	for _, k := range p.keys {
		set.Keys = append(set.Keys, k.Public())
	}
	p.mu.Unlock()
	if p.is(OversizeKeys) {
		answer(w, http.StatusOK, map[string]any{"padding": strings.Repeat("x", 2<<20), "keys": set.Keys})
		return
	}
	answer(w, http.StatusOK, set)
}

func (p *Provider) client(id string) (Client, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.Clients {
		if c.ID == id {
			return c, true
		}
	}
	return Client{}, false
}

// give answers the token endpoint. RFC 6749 4.1.3, RFC 7636 4.6.
func (p *Provider) give(w http.ResponseWriter, r *http.Request) {
	no := func(code string) { answer(w, http.StatusBadRequest, map[string]string{"error": code}) }
	if p.is(Oversize) {
		answer(w, http.StatusOK, map[string]string{"access_token": strings.Repeat("x", 2<<20), "token_type": "Bearer"})
		return
	}
	if p.is(Elsewhere) {
		http.Redirect(w, r, "/userinfo", http.StatusTemporaryRedirect)
		return
	}
	c, ok := p.proveClient(r)
	if !ok {
		no("invalid_client")
		return
	}
	p.mu.Lock()
	g := p.grants[r.PostFormValue("code")]
	fits := r.PostFormValue("grant_type") == "authorization_code" && g != nil && !g.used && g.client == c.ID && g.redirect == r.PostFormValue("redirect_uri") &&
		g.challenge == challenge(r.PostFormValue("code_verifier"))
	if g != nil {
		if g.used { // a code that comes twice was stolen: RFC 6749 4.1.2
			delete(p.access, g.access)
		}
		g.used = true
	}
	p.mu.Unlock()
	if !fits {
		no("invalid_grant")
		return
	}
	access := rand.Text()
	id, err := p.idToken(c, g, access)
	if err != nil {
		no("server_error")
		return
	}
	p.mu.Lock()
	g.access = access
	p.access[access] = g
	p.mu.Unlock()
	out := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": id}
	if p.is(NoToken) {
		delete(out, "id_token")
	}
	answer(w, http.StatusOK, out)
}

func challenge(verifier string) string {
	h := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// proveClient finds out which client asks, by its secret or by what it signed.
func (p *Provider) proveClient(r *http.Request) (Client, bool) {
	id, secret, basic := r.BasicAuth()
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	c, ok := p.client(id)
	if !ok {
		return c, false
	}
	if c.Key == nil {
		return c, c.Secret != "" && c.Secret == secret
	}
	t, err := jwt.ParseSigned(r.PostFormValue("client_assertion"), []jose.SignatureAlgorithm{jose.RS256, jose.RS512, jose.PS256, jose.ES256, jose.ES384})
	if err != nil {
		return c, false
	}
	var claims jwt.Claims
	if t.Claims(c.Key.Key, &claims) != nil || claims.ID == "" || claims.Expiry == nil ||
		claims.ValidateWithLeeway(jwt.Expected{Issuer: c.ID, Subject: c.ID, AnyAudience: jwt.Audience{p.Issuer + "/token"}, Time: p.Clock()}, time.Minute) != nil {
		return c, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	again := p.tokens[claims.ID]
	p.tokens[claims.ID] = true
	return c, !again && r.PostFormValue("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
}

// idToken says who somebody is, or misbehaves.
func (p *Provider) idToken(c Client, g *grant, access string) (string, error) {
	now := p.Clock()
	sum := sha256.Sum256([]byte(access))
	m := map[string]any{"iss": p.Issuer, "sub": g.person.Sub, "aud": c.ID, "azp": c.ID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": g.at.Unix(), "nonce": g.nonce, "sid": g.sid, "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]), "name": g.person.Name}
	maps.Copy(m, g.person.Claims)
	p.mu.Lock()
	trick := p.trick
	p.mu.Unlock()
	p.bend(m, trick)
	return p.sign(m, "JWT", trick)
}

// bend makes claims wrong.
func (p *Provider) bend(m map[string]any, t Trick) {
	now := p.Clock()
	switch t {
	case WrongIssuer:
		m["iss"] = "https://elsewhere.example"
	case WrongNonce:
		m["nonce"] = "another"
	case NoNonce:
		delete(m, "nonce")
	case WrongAudience:
		m["aud"] = "another"
	case TwoAudiences:
		m["aud"] = []any{m["aud"], "another"}
		delete(m, "azp")
	case WrongParty:
		m["azp"] = "another"
	case Expired:
		m["exp"] = now.Add(-time.Minute).Unix()
	case Old:
		m["iat"] = now.Add(-time.Hour).Unix()
	case Future:
		m["iat"] = now.Add(time.Hour).Unix()
	case OtherAccess:
		m["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA"
	case OldProof:
		m["auth_time"] = now.Add(-8 * time.Hour).Unix()
	case NoAssurance:
		for _, k := range []string{"acr", "amr", "authentication_assurance_level"} {
			delete(m, k)
		}
	}
}

// sign signs claims with the newest key, or misbehaves.
func (p *Provider) sign(m map[string]any, typ string, t Trick) (string, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	key := p.keys[len(p.keys)-1]
	p.mu.Unlock()
	with := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key.Key}
	switch t {
	case AlgNone:
		enc := base64.RawURLEncoding
		return enc.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + enc.EncodeToString(body) + ".", nil
	case AlgHMAC:
		pub, err := key.Public().MarshalJSON()
		if err != nil {
			return "", err
		}
		with = jose.SigningKey{Algorithm: jose.HS256, Key: pub}
	case Forged:
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return "", err
		}
		with = jose.SigningKey{Algorithm: jose.ES256, Key: other}
	}
	signer, err := jose.NewSigner(with, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", key.KeyID))
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(body)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// tellOf answers the userinfo endpoint. OpenID Connect Core 1.0, 5.3.
func (p *Provider) tellOf(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	g := p.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	p.mu.Unlock()
	if g == nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	m := map[string]any{"sub": g.person.Sub, "name": g.person.Name}
	maps.Copy(m, g.person.Info)
	if p.is(OtherSub) {
		m["sub"] = "another"
	}
	answer(w, http.StatusOK, m)
}

// LogoutToken is a token that ends a session, or all of somebody's when sid is "".
// change may make it wrong. OpenID Connect Back-Channel Logout 1.0, 2.4.
func (p *Provider) LogoutToken(client, sub, sid string, change func(map[string]any), t Trick) (string, error) {
	now := p.Clock()
	m := map[string]any{"iss": p.Issuer, "aud": client, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
	if sub != "" {
		m["sub"] = sub
	}
	if sid != "" {
		m["sid"] = sid
	}
	p.bend(m, t)
	if change != nil {
		change(m)
	}
	return p.sign(m, "logout+jwt", t)
}

// SIDs are the names of the sessions that somebody has at a client.
func (p *Provider) SIDs(client, sub string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range slices.SortedFunc(maps.Values(p.grants), func(a, b *grant) int { return a.n - b.n }) {
		if g.client == client && g.person.Sub == sub && g.used {
			out = append(out, g.sid)
		}
	}
	return out
}

// EndSession tells a client by the back channel that a session is over.
func (p *Provider) EndSession(ctx context.Context, client, sub, sid string) error {
	c, ok := p.client(client)
	if !ok || c.BackChannel == "" {
		return nil
	}
	token, err := p.LogoutToken(client, sub, sid, nil, Honest)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackChannel, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the client answered %d to a logout token", res.StatusCode)
	}
	return nil
}
