package httpsend

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"crypto/rand"

	"homeward/connect"
)

// AuthKind is how we sign in.
type AuthKind string

// The ways of signing in.
const (
	NoAuth       AuthKind = ""                // "none" is the same
	Basic        AuthKind = "basic"           // User and the password in SecretFile (RFC 7617)
	Bearer       AuthKind = "bearer"          // the token in SecretFile (RFC 6750)
	Header       AuthKind = "header"          // what is in SecretFile, under the header Name
	ClientSecret AuthKind = "client_secret"   // client credentials with the secret in SecretFile (RFC 6749 4.4)
	ClientJWT    AuthKind = "private_key_jwt" // client credentials with a signed assertion (RFC 7523), as PDS and Homeward itself ask for
)

// Auth is how we sign in, and with what.
type Auth struct {
	Kind       AuthKind
	User       string // of basic
	Name       string // of header: "apikey"
	SecretFile string // password, token, header's value, client's secret, or private key (PEM)

	TokenURL string // where tokens are to be had
	ClientID string
	KeyID    string // kid
	Alg      string // RS384, RS512, ES256, ES384, PS256 ...; "" is RS512 for RSA, ES384 for EC keys on P-384
	Audience string // aud; "" is TokenURL
	Scope    string
}

// signer puts the sign-in on a request. A token is got when it is first needed and
// kept until shortly before it ends.
type signer struct {
	auth Auth
	now  func() time.Time
	ask  func(ctx context.Context, method string, to *url.URL, h http.Header, body []byte) (Answer, error)

	mu    chan struct{} // held while a token is looked at or got; waiting for it can be given up
	token string
	ends  time.Time
}

func newSigner(a Auth, now func() time.Time, ask func(context.Context, string, *url.URL, http.Header, []byte) (Answer, error)) (*signer, error) {
	if a.Kind == "none" {
		a.Kind = NoAuth
	}
	s := &signer{auth: a, now: now, ask: ask, mu: make(chan struct{}, 1)}
	switch a.Kind {
	case NoAuth:
		return s, nil
	case Basic, Bearer:
	case Header:
		if a.Name == "" {
			return nil, errors.New("sign-in by header needs the header's name")
		}
	case ClientSecret, ClientJWT:
		if a.TokenURL == "" || a.ClientID == "" {
			return nil, fmt.Errorf("sign-in by %s needs a token endpoint and a client id", a.Kind)
		}
	default:
		return nil, fmt.Errorf("sign-in by %q is not known: none, basic, bearer, header, client_secret and private_key_jwt are", a.Kind)
	}
	if _, err := s.secret(); err != nil {
		return nil, err
	}
	if a.Kind == ClientJWT {
		if _, err := s.assertion(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// renews reports whether a new token may mend a 401.
func (s *signer) renews() bool { return s.auth.Kind == ClientSecret || s.auth.Kind == ClientJWT }

func (s *signer) secret() (string, error) {
	b, err := os.ReadFile(s.auth.SecretFile)
	if err != nil {
		return "", fmt.Errorf("reading the secret of the sign-in: %w", err)
	}
	secret := strings.TrimSpace(string(b))
	if secret == "" {
		return "", fmt.Errorf("reading the secret of the sign-in: %s is empty", s.auth.SecretFile)
	}
	return secret, nil
}

// sign signs a request in. fresh: not with the token that there is.
func (s *signer) sign(ctx context.Context, h http.Header, fresh bool) error {
	if s.auth.Kind == NoAuth {
		return nil
	}
	if s.renews() {
		token, err := s.current(ctx, fresh)
		if err == nil {
			h.Set("Authorization", "Bearer "+token)
		}
		return err
	}
	secret, err := s.secret()
	if err != nil {
		return err
	}
	switch s.auth.Kind {
	case Basic:
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(s.auth.User+":"+secret)))
	case Bearer:
		h.Set("Authorization", "Bearer "+secret)
	case Header:
		h.Set(s.auth.Name, secret)
	}
	return nil
}

func (s *signer) current(ctx context.Context, fresh bool) (string, error) {
	before := ""
	select {
	case s.mu <- struct{}{}:
	case <-ctx.Done():
		return "", Unreachable(ctx.Err())
	}
	defer func() { <-s.mu }()
	if fresh {
		before = s.token
	}
	if s.token != "" && s.token != before && s.now().Before(s.ends) {
		return s.token, nil
	}
	token, life, err := s.fetch(ctx)
	if err != nil {
		return "", err
	}
	early := min(30*time.Second, life/2)
	s.token, s.ends = token, s.now().Add(life-early)
	return token, nil
}

// fetch asks for a token. RFC 6749 4.4, RFC 7523 2.2
func (s *signer) fetch(ctx context.Context) (string, time.Duration, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	if s.auth.Scope != "" {
		form.Set("scope", s.auth.Scope)
	}
	if s.auth.Kind == ClientJWT {
		assertion, err := s.assertion()
		if err != nil {
			return "", 0, err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	} else {
		secret, err := s.secret()
		if err != nil {
			return "", 0, err
		}
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(s.auth.ClientID)+":"+url.QueryEscape(secret)))) // RFC 6749 2.3.1
	}
	to, err := url.Parse(s.auth.TokenURL)
	if err != nil {
		return "", 0, &connect.Refused{Text: "The token endpoint is not an address."}
	}
	a, err := s.ask(ctx, http.MethodPost, to, h, []byte(form.Encode()))
	if err != nil {
		return "", 0, fmt.Errorf("signing in: %w", err)
	}
	return s.read(a)
}

func (s *signer) read(a Answer) (string, time.Duration, error) {
	switch {
	case a.Status == http.StatusOK:
	case a.Status >= 500 || a.Status == http.StatusTooManyRequests || a.Status == http.StatusRequestTimeout:
		if wait, ok := retryAfter(a.Header.Get("Retry-After"), s.now()); ok {
			return "", 0, &connect.Later{Text: fmt.Sprintf("The token endpoint answered %d and asks to be left alone for %s.", a.Status, wait), Wait: wait}
		}
		return "", 0, fmt.Errorf("signing in: %w", &Failed{Status: a.Status})
	default:
		return "", 0, &connect.Refused{Text: fmt.Sprintf("Signing in was refused (%d): the client id, key or scope is to be mended.", a.Status), Status: http.StatusUnauthorized}
	}
	var t struct {
		Token string          `json:"access_token"`
		Life  json.RawMessage `json:"expires_in"` // a number; some, such as PDS, give a string
	}
	if err := json.Unmarshal(a.Body, &t); err != nil || t.Token == "" || strings.ContainsAny(t.Token, "\r\n") {
		return "", 0, fmt.Errorf("signing in: %w: its answer holds no token", connect.ErrDown)
	}
	seconds, err := strconv.Atoi(strings.Trim(string(t.Life), `"`))
	if err != nil || seconds <= 0 {
		seconds = 60
	}
	return t.Token, time.Duration(min(seconds, 24*3600)) * time.Second, nil
}

// assertion signs who we are. RFC 7523 3
func (s *signer) assertion() (string, error) {
	secret, err := s.secret()
	if err != nil {
		return "", err
	}
	key, alg, err := parseKey([]byte(secret))
	if err != nil {
		return "", fmt.Errorf("reading the key of the sign-in: %w", err)
	}
	if s.auth.Alg != "" {
		alg = jose.SignatureAlgorithm(s.auth.Alg)
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if s.auth.KeyID != "" {
		opts = opts.WithHeader("kid", s.auth.KeyID)
	}
	sign, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		return "", fmt.Errorf("making ready to sign in: %w", err)
	}
	audience := s.auth.Audience
	if audience == "" {
		audience = s.auth.TokenURL
	}
	now := s.now()
	out, err := jwt.Signed(sign).Claims(jwt.Claims{
		Issuer: s.auth.ClientID, Subject: s.auth.ClientID, Audience: jwt.Audience{audience}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(4 * time.Minute)), // at most five are taken
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing in: %w", err)
	}
	return out, nil
}

func parseKey(b []byte) (any, jose.SignatureAlgorithm, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, "", errors.New("it is not a key in PEM")
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, "", errors.New("it is not a private key of a kind that we know")
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k, jose.RS512, nil
	case *ecdsa.PrivateKey:
		if k.Curve.Params().BitSize == 256 {
			return k, jose.ES256, nil
		}
		return k, jose.ES384, nil
	}
	return nil, "", errors.New("it is neither an RSA nor an EC key")
}
