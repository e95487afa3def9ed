package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// systemCmd is for those who connect a system: it makes keys, and asks for a
// token as the system would.
type systemCmd struct {
	Key   systemKeyCmd   `cmd:"" help:"Make a pair of keys for a system: the private one for it, the public one for its JWK set."`
	Token systemTokenCmd `cmd:"" help:"Ask for an access token as the system would, to try its keys."`
}

type systemKeyCmd struct {
	Private string `help:"Write the private key here (PEM); it must not be there yet." required:"" placeholder:"FILE"`
	JWKS    string `help:"Write the public key into this JWK set; keys that are in it stay, so that a system can change over." name:"jwks" required:"" placeholder:"FILE"`
	Alg     string `help:"RS512, RS384 or ES384." enum:"RS512,RS384,ES384" default:"RS512"`
}

// Run makes the pair.
func (c *systemKeyCmd) Run() error {
	key, err := newSystemKey(c.Alg, 4096)
	if err != nil {
		return err
	}
	var set jose.JSONWebKeySet
	b, err := os.ReadFile(c.JWKS)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(b, &set); err != nil {
			return fmt.Errorf("%s is no JWK set: %w", c.JWKS, err)
		}
	}
	public, err := publicKey(key, c.Alg)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.Private, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the private key: %w", err)
	}
	if err := errors.Join(pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), f.Close()); err != nil {
		return fmt.Errorf("writing the private key: %w", err)
	}
	set.Keys = append(set.Keys, public)
	if err := writeSet(c.JWKS, set); err != nil {
		return err
	}
	say(os.Stdout, "kid %s", public.KeyID)
	return nil
}

// newSystemKey makes a private key for an algorithm; bits is for RSA.
func newSystemKey(alg string, bits int) (crypto.Signer, error) {
	if alg == string(jose.ES384) {
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, bits)
}

// publicKey is the public half, named by its thumbprint (RFC 7517 4.5).
func publicKey(key crypto.Signer, alg string) (jose.JSONWebKey, error) {
	k := jose.JSONWebKey{Key: key.Public(), Algorithm: alg, Use: "sig"}
	sum, err := k.Thumbprint(crypto.SHA256)
	k.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	return k, err
}

func writeSet(file string, set jose.JSONWebKeySet) error {
	b, err := json.MarshalIndent(set, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

type systemTokenCmd struct {
	URL     string   `help:"Address of Homeward, as public_url says it." name:"url" required:"" placeholder:"https://HOST"`
	Client  string   `help:"The system's client." required:""`
	Key     string   `help:"Its private key, PEM." required:"" type:"existingfile" placeholder:"FILE"`
	Alg     string   `help:"How to sign: RS512, RS384 or ES384. Empty: by the kind of key." enum:",RS512,RS384,ES384" default:""`
	KID     string   `help:"The key's name in the JWK set. Empty: the one that homeward system key gives it." name:"kid"`
	Scope   []string `help:"What to ask for. Empty: all that it has."`
	Cert    string   `help:"Client certificate, PEM, where tokens are bound to one." type:"existingfile" placeholder:"FILE"`
	CertKey string   `help:"Its private key, PEM." type:"existingfile" placeholder:"FILE"`
}

// Run asks and prints the answer.
func (c *systemTokenCmd) Run(ctx context.Context) error {
	b, err := os.ReadFile(c.Key)
	if err != nil {
		return err
	}
	e, err := farSide(b, c.Alg, c.KID)
	if err != nil {
		return err
	}
	e.url, e.client, e.clock, e.web = strings.TrimSuffix(c.URL, "/"), c.Client, time.Now, &http.Client{Timeout: 20 * time.Second}
	if c.Cert != "" {
		cert, err := tls.LoadX509KeyPair(c.Cert, c.CertKey)
		if err != nil {
			return fmt.Errorf("reading the client certificate: %w", err)
		}
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		e.web.Transport = t
	}
	answer, err := e.token(ctx, c.Scope...)
	if err != nil {
		return err
	}
	_, err = fmt.Println(string(answer))
	return err
}

// farSide reads the private key of a system, in PEM. alg and kid may be empty:
// then they are those that homeward system key gives such a key.
func farSide(b []byte, alg, kid string) (*epr, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("the key is no PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	e := &epr{key: key, alg: alg, kid: kid}
	if e.alg == "" {
		e.alg = string(jose.RS512)
		if _, ec := key.(*ecdsa.PrivateKey); ec {
			e.alg = string(jose.ES384)
		}
	}
	if e.kid == "" {
		public, err := publicKey(key, e.alg)
		if err != nil {
			return nil, err
		}
		e.kid = public.KeyID
	}
	return e, nil
}

// epr is the far side: a record system that signs in and brings a person in
// context. The demo has one, and the command token is one for a moment.
type epr struct {
	url, client, alg, kid string
	key                   crypto.Signer
	clock                 func() time.Time
	web                   *http.Client
}

// assertion is the signed proof of who it is, for one token. RFC 7523 3.
func (e *epr) assertion() (string, error) {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(e.alg), Key: e.key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", e.kid))
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{"iss": e.client, "sub": e.client, "aud": e.url + "/oauth2/token", "jti": rand.Text(), "exp": e.clock().Add(4 * time.Minute).Unix()})
	if err != nil {
		return "", err
	}
	signed, err := s.Sign(claims)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// token asks for an access token and gives the answer as it came.
func (e *epr) token(ctx context.Context, scopes ...string) ([]byte, error) {
	jwt, err := e.assertion()
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {jwt}}
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(slices.Compact(slices.Sorted(slices.Values(scopes))), " "))
	}
	return e.post(ctx, "/oauth2/token", "application/x-www-form-urlencoded", "", form.Encode(), http.StatusOK)
}

func (e *epr) post(ctx context.Context, path, kind, token, body string, want int) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", kind)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := e.web.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != want {
		return nil, fmt.Errorf("%s answered %d: %s", path, res.StatusCode, strings.TrimSpace(string(b)))
	}
	return b, nil
}
