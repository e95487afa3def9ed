package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"homeward/care"
	"homeward/hub"
)

// SystemsConfig is what the signing-in of systems needs.
type SystemsConfig struct {
	Hub     *hub.Hub
	Clients []Client
	// URLs are the addresses by which Homeward is reached, without a slash at the
	// end. The first is for browsers too. An assertion may be addressed to the
	// token endpoint under any of them.
	URLs    []string
	Address func(*http.Request) string // of who asks, for the audit
	// CertHeader is the header in which a proxy in front tells the client's
	// certificate; "": it is read from the connection. Set it only where the proxy
	// removes what a client itself sends under that name.
	CertHeader string
	Clock      func() time.Time  // nil: time.Now
	Log        *slog.Logger      // nil: discards
	Transport  http.RoundTripper // for key sets; nil: our own
	PerSecond  float64           // requests a second from one address; 0: 10, and ten times as many at once
}

// Client is how one system proves who it is. What it may do is hub.System's.
type Client struct {
	ID        string
	Keys      string   // its public keys, a JWK set (RFC 7517 5): the path of a file, or an https address
	Algs      []string // of RS512, RS384, ES384; none: all three
	PerMinute int      // tokens a minute; 0: 120
}

// Systems lets machines sign in (OAuth 2.0 client credentials with
// private_key_jwt) and answers what they ask. Make it with NewSystems.
type Systems struct {
	SystemsConfig
	clients   map[string]*client
	addresses *limits // requests for tokens
	failures  *limits // tokens that were not good
	unproven  *limits // refusals that no signature stands behind, of all addresses together, by the system that they name
	mux       *http.ServeMux
}

type client struct {
	Client
	keys *keySet
	pace *rate.Limiter
}

// algorithms are those that a signature may use, in the order in which messages
// name them. None, and HMAC with a public key as its secret, are not among them.
var algorithms = []string{"RS512", "RS384", "ES384"}

// NewSystems checks the configuration, and reads the keys that are in files.
func NewSystems(c SystemsConfig) (*Systems, error) {
	if c.Hub == nil || c.Address == nil || len(c.URLs) == 0 {
		return nil, errors.New("systems need a hub, an address and a URL")
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Transport == nil {
		c.Transport = keyTransport()
	}
	if c.PerSecond == 0 {
		c.PerSecond = 10
	}
	for i, u := range c.URLs {
		c.URLs[i] = strings.TrimSuffix(u, "/")
	}
	s := &Systems{SystemsConfig: c, clients: map[string]*client{}, addresses: newLimits(c.PerSecond, c.Clock), failures: newLimits(c.PerSecond, c.Clock),
		unproven: newLimits(c.PerSecond/10, c.Clock), mux: http.NewServeMux()}
	for _, one := range c.Clients {
		if err := s.add(one); err != nil {
			return nil, fmt.Errorf("system %q: %w", one.ID, err)
		}
	}
	s.mux.HandleFunc("POST /oauth2/token", s.token)
	s.mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.metadata)
	s.mux.HandleFunc("GET /.well-known/smart-configuration", s.metadata)
	s.mux.HandleFunc("GET "+OpenAPIPath, serveOpenAPI)
	s.mux.Handle("POST /api/launch", s.Authenticated(LaunchScope, s.launch))
	return s, nil
}

func (s *Systems) add(c Client) error {
	if _, ok := s.Hub.System(c.ID); !ok {
		return errors.New("it is not among the hub's systems")
	}
	if len(c.Algs) == 0 {
		c.Algs = algorithms
	}
	for _, a := range c.Algs {
		if !slices.Contains(algorithms, a) {
			return fmt.Errorf("algorithm %q must be one of %s", a, strings.Join(algorithms, ", "))
		}
	}
	if c.PerMinute == 0 {
		c.PerMinute = 120
	}
	keys, err := newKeySet(c.Keys, s.Transport, s.Clock)
	if err != nil {
		return err
	}
	s.clients[c.ID] = &client{c, keys, rate.NewLimiter(rate.Limit(float64(c.PerMinute)/60), c.PerMinute)}
	return nil
}

// ServeHTTP answers the addresses that Paths lists.
func (s *Systems) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(s.URLs[0], "https:") {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	s.mux.ServeHTTP(w, r)
}

// Paths are the addresses that Systems answers.
func (s *Systems) Paths() []string {
	return []string{"/oauth2/token", "/.well-known/oauth-authorization-server", "/.well-known/smart-configuration", "/api/launch", OpenAPIPath}
}

// A refusal is an answer that is no. Text is a constant of ours: it never
// repeats what was sent.
type refusal struct {
	status int
	code   string // of RFC 6749 5.2 or RFC 6750 3.1
	text   string
	detail string // for the audit, where the client is told less
}

func (r *refusal) why() string {
	if r.detail != "" {
		return r.detail
	}
	return r.text
}

func bad(code, text string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: code, text: text}
}

// unavailable is what is said when the records cannot be asked.
func unavailable() *refusal {
	return &refusal{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", text: "Homeward cannot reach its records right now. Try again in a minute"}
}

func tooMany() *refusal {
	return &refusal{status: http.StatusTooManyRequests, code: "temporarily_unavailable", text: "Too many requests. Wait half a minute, and use a token until it ends"}
}

// refuse answers with JSON as RFC 6749 5.2 writes it, and a number that finds the
// line in our log.
func (s *Systems) refuse(w http.ResponseWriter, r *http.Request, no *refusal) {
	id := strings.ToLower(rand.Text()[:16])
	s.Log.Info("a system was refused", "message", id, "route", r.Pattern, "status", no.status, "error", no.code, "why", no.why())
	if no.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "30")
	}
	writeJSON(w, no.status, map[string]string{"error": no.code, "error_description": no.text, "message_id": id})
}

// writeJSON answers what nobody may keep. RFC 6749 5.1.
func writeJSON(w http.ResponseWriter, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}

// Authenticated answers only systems that show a good token with a scope, and
// tells do which. RFC 6750 2.1: the token stands in the Authorization header.
func (s *Systems) Authenticated(scope string, do func(http.ResponseWriter, *http.Request, care.Actor)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, no := s.admit(w, r, scope)
		if no != nil {
			s.refuse(w, r, no)
			return
		}
		do(w, r, by)
	})
}

// admit finds the system that shows a good token with a scope. Of a refusal it
// writes the challenge, and leaves the answer to the caller.
func (s *Systems) admit(w http.ResponseWriter, r *http.Request, scope string) (care.Actor, *refusal) {
	by, no := s.bearer(r, scope)
	if no == nil {
		return by, nil
	}
	if no.status == http.StatusUnauthorized && !s.failures.allow(s.Address(r)) {
		no = tooMany()
	}
	challenge := `Bearer realm="homeward"`
	if no.code != "missing_token" { // whoever shows no token is told of no error, RFC 6750 3.1
		challenge += fmt.Sprintf(`, error=%q, error_description=%q, scope=%q`, no.code, no.text, scope)
	}
	if no.status == http.StatusUnauthorized || no.status == http.StatusForbidden {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	return by, no
}

func (s *Systems) bearer(r *http.Request, scope string) (care.Actor, *refusal) {
	heads := r.Header.Values("Authorization")
	if len(heads) == 0 {
		return care.Actor{}, &refusal{status: http.StatusUnauthorized, code: "missing_token", text: "Show an access token in the Authorization header"}
	}
	wrong := &refusal{status: http.StatusUnauthorized, code: "invalid_token", text: "The access token is not known, has ended, or is bound to another certificate"}
	scheme, token, _ := strings.Cut(heads[0], " ")
	if len(heads) > 1 || !strings.EqualFold(scheme, "Bearer") || len(token) != 43 {
		return care.Actor{}, wrong
	}
	thumb, err := s.thumbprint(r)
	if err != nil {
		return care.Actor{}, wrong
	}
	by, scopes, err := s.Hub.Bearer(r.Context(), token, thumb, s.Address(r))
	switch {
	case care.KindOf(err) == care.Login:
		return care.Actor{}, wrong
	case err != nil:
		s.Log.Error("a token could not be looked up", "err", err)
		return care.Actor{}, unavailable()
	case !slices.Contains(scopes, scope):
		if err := s.Hub.TokenRefused(r.Context(), strings.TrimPrefix(string(by.ID), "system-"), by.Address, "the token lacks the scope "+scope); err != nil {
			return care.Actor{}, unavailable()
		}
		return care.Actor{}, &refusal{status: http.StatusForbidden, code: "insufficient_scope", text: "The access token lacks the scope"}
	}
	return by, nil
}

// thumbprint is the SHA-256 thumbprint of the client's certificate, as x5t#S256
// writes it; "" when none was shown. RFC 8705 3.1.
func (s *Systems) thumbprint(r *http.Request) (string, error) {
	var der []byte
	switch {
	case s.CertHeader != "":
		values := r.Header.Values(s.CertHeader)
		if len(values) == 0 || len(values) == 1 && values[0] == "" {
			return "", nil
		}
		if len(values) > 1 {
			return "", errors.New("the certificate's header stands twice")
		}
		var err error
		if der, err = headerCert(values[0]); err != nil {
			return "", err
		}
	case r.TLS == nil || len(r.TLS.PeerCertificates) == 0:
		return "", nil
	default:
		der = r.TLS.PeerCertificates[0].Raw
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// headerCert reads a certificate as proxies write it: between colons in base64
// (RFC 9440 2.1), or as PEM, escaped as in an address.
func headerCert(v string) (der []byte, err error) {
	if inner, ok := strings.CutPrefix(v, ":"); ok {
		if der, err = base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(inner, ":")); err != nil {
			return nil, err
		}
	} else {
		text, err := url.PathUnescape(v)
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return nil, errors.New("it is no PEM")
		}
		der = block.Bytes
	}
	_, err = x509.ParseCertificate(der)
	return der, err
}

// metadata says what a system needs to know to sign in. RFC 8414 2; SMART App
// Launch 2.2 names the same address smart-configuration.
func (s *Systems) metadata(w http.ResponseWriter, _ *http.Request) {
	scopes, bound := []string{}, false
	for _, sys := range s.Hub.Systems {
		for _, scope := range sys.Scopes {
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
		bound = bound || sys.Bound
	}
	slices.Sort(scopes)
	said := map[string]any{
		"issuer": s.URLs[0], "token_endpoint": s.URLs[0] + tokenPath, "grant_types_supported": []string{"client_credentials"}, "response_types_supported": []string{},
		"token_endpoint_auth_methods_supported": []string{"private_key_jwt"}, "token_endpoint_auth_signing_alg_values_supported": s.algs(),
		"scopes_supported": scopes, "capabilities": []string{"client-confidential-asymmetric"}, "tls_client_certificate_bound_access_tokens": bound}
	if len(s.URLs) > 1 { // RFC 8705 5
		said["mtls_endpoint_aliases"] = map[string]string{"token_endpoint": s.URLs[1] + tokenPath}
	}
	writeJSON(w, http.StatusOK, said)
}

// limits is how often one address may ask.
type limits struct {
	mu    sync.Mutex
	each  map[string]*rate.Limiter
	limit rate.Limit
	clock func() time.Time
}

// mostAddresses bounds the memory that strangers can take: at that many, all
// begin anew.
const mostAddresses = 10_000

func newLimits(perSecond float64, clock func() time.Time) *limits {
	return &limits{each: map[string]*rate.Limiter{}, limit: rate.Limit(perSecond), clock: clock}
}

// allow counts one of an address; all of an IPv6 /64 are one, for a single
// asker may have every one of them (RFC 6177).
func (l *limits) allow(address string) bool {
	if a, err := netip.ParseAddr(address); err == nil && a.Is6() && !a.Is4In6() {
		address = netip.PrefixFrom(a.WithZone(""), 64).Masked().String()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.each[address]
	if !ok {
		if len(l.each) >= mostAddresses {
			clear(l.each)
		}
		one = rate.NewLimiter(l.limit, max(1, int(10*l.limit)))
		l.each[address] = one
	}
	return one.AllowN(l.clock(), 1)
}

// told audits a refusal; when that cannot be done, nothing else is said. What no
// signature stands behind is audited up to a limit, for each system and for all
// that nobody knows: the log is kept for years, and nobody must be able to fill it
// from outside. The answer is the same, or it would tell which systems there are.
func (s *Systems) told(ctx context.Context, who, address string, no *refusal) *refusal {
	if _, known := s.clients[who]; !known {
		who = ""
	}
	if !s.unproven.allow(who) {
		return no
	}
	if err := s.Hub.TokenRefused(ctx, who, address, no.why()); err != nil {
		s.Log.Error("a refusal could not be audited", "err", err)
		return unavailable()
	}
	return no
}
