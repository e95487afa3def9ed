package httpsend

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"homeward/connect"
)

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func client(t *testing.T, c Config) *Client {
	t.Helper()
	x, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

const farWords = "NHS number 999 000 0018 is not ours"

func TestAnswersAreJudged(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		status int
		after  string
		want   string // nil, refused, down, later
		wait   time.Duration
	}{
		{200, "", "nil", 0}, {201, "", "nil", 0}, {204, "", "nil", 0},
		{301, "", "refused", 0}, {302, "", "refused", 0}, {304, "", "refused", 0}, {307, "", "refused", 0},
		{400, "", "refused", 0}, {401, "", "refused", 0}, {403, "", "refused", 0}, {404, "", "refused", 0}, {409, "", "refused", 0},
		{412, "", "refused", 0}, {413, "", "refused", 0}, {415, "", "refused", 0}, {422, "", "refused", 0}, {418, "", "refused", 0}, {501, "", "refused", 0},
		{408, "", "down", 0}, {425, "", "down", 0}, {429, "", "down", 0}, {500, "", "down", 0}, {502, "", "down", 0}, {503, "", "down", 0}, {504, "", "down", 0},
		{429, "7", "later", 7 * time.Second}, {503, "0", "later", 0}, {503, "Sun, 22 Nov 2026 12:01:30 GMT", "later", 90 * time.Second},
		{503, "Sun, 22 Nov 2026 11:00:00 GMT", "later", 0}, {503, "99999999", "later", 24 * time.Hour}, {503, "soon", "down", 0}, {503, "-4", "down", 0},
		{404, "7", "refused", 0},
	} {
		t.Run(fmt.Sprint(c.status, " ", c.after), func(t *testing.T) {
			u := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.Header().Set("Location", "http://elsewhere.example/")
				w.WriteHeader(c.status)
				if c.status >= 200 && c.status != 204 && c.status != 304 {
					_, _ = io.WriteString(w, farWords)
				}
			})
			a, err := client(t, Config{URL: u, Now: func() time.Time { return now }}).Do(t.Context(), "POST", "/x", nil, nil, []byte("{}"), "application/json")
			var refused *connect.Refused
			var later *connect.Later
			got := "other"
			switch {
			case err == nil:
				got = "nil"
			case errors.As(err, &refused):
				got = "refused"
				if refused.Status != c.status {
					t.Errorf("the refusal says %d", refused.Status)
				}
			case errors.As(err, &later):
				got = "later"
				if later.Wait != c.wait {
					t.Errorf("wait %s, want %s", later.Wait, c.wait)
				}
			case errors.Is(err, connect.ErrDown):
				got = "down"
			}
			if got != c.want {
				t.Errorf("%v is %s, want %s", err, got, c.want)
			}
			if a.Status != c.status {
				t.Errorf("the answer says %d", a.Status)
			}
			if err != nil && (strings.Contains(err.Error(), "999") || strings.Contains(err.Error(), "elsewhere.example")) {
				t.Errorf("the far side is quoted: %v", err)
			}
		})
	}
}

func TestNotModifiedIsAnAnswerToWhoAsks(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(304) })
	a, err := client(t, Config{URL: u}).Do(t.Context(), "GET", "", nil, http.Header{"If-None-Match": {`W/"1"`}}, nil, "")
	if err != nil || a.Status != 304 {
		t.Errorf("%d, %v", a.Status, err)
	}
}

func TestTargetsAreUnderTheBase(t *testing.T) {
	c := client(t, Config{URL: "https://council.example/base/v3?tenant=a"})
	for path, want := range map[string]string{
		"":                  "https://council.example/base/v3?tenant=a",
		"/$process-message": "https://council.example/base/v3/$process-message?tenant=a",
		"Encounter":         "https://council.example/base/v3/Encounter?tenant=a",
		"https://evil/":     "https://council.example/base/v3/https:/evil/?tenant=a",
		"../../up":          "https://council.example/up?tenant=a",
	} {
		if got := c.URL(path); got != want {
			t.Errorf("%q gives %s, want %s", path, got, want)
		}
	}
	if got := c.target("/E", url.Values{"identifier": {"s|v &"}}).String(); got != "https://council.example/base/v3/E?identifier=s%7Cv+%26&tenant=a" {
		t.Error(got)
	}
}

func TestLongAnswersAreCut(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 5000)) })
	for limit, cut := range map[int64]bool{4999: true, 5000: false} {
		a, err := client(t, Config{URL: u, MaxAnswer: limit}).Do(t.Context(), "GET", "", nil, nil, nil, "")
		if err != nil || a.Cut != cut || int64(len(a.Body)) != min(limit, 5000) {
			t.Errorf("limit %d: %d octets, cut %t, %v", limit, len(a.Body), a.Cut, err)
		}
	}
}

func TestWhatDoesNotAnswerIsDown(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	halfway := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		<-hang
	})
	silent := serve(t, func(w http.ResponseWriter, r *http.Request) { <-hang })
	drops := serve(t, func(w http.ResponseWriter, r *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		c.Close()
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + l.Addr().String()
	l.Close()
	for name, u := range map[string]string{"halfway": halfway, "silent": silent, "drops": drops, "gone": gone, "no name": "https://no-such-host.invalid"} {
		_, err := client(t, Config{URL: u, Timeout: 200 * time.Millisecond}).Do(t.Context(), "POST", "/secret-path", nil, nil, []byte("x"), "text/plain")
		if !errors.Is(err, connect.ErrDown) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "secret-path") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s tells addresses: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client(t, Config{URL: silent}).Do(ctx, "GET", "", nil, nil, nil, ""); !errors.Is(err, context.Canceled) || errors.Is(err, connect.ErrDown) {
		t.Errorf("given up by the caller: %v", err)
	}
}

func TestGuard(t *testing.T) {
	g := guard{allow: prefixes("10.20.0.0/16"), meant: map[netip.Addr]bool{}}
	g.mean("192.168.7.7")
	g.mean("169.254.169.254")
	for addr, open := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true,
		"10.20.3.4": true, "10.21.3.4": false, "192.168.7.7": true, "192.168.7.8": false, "::ffff:192.168.7.8": false, "::ffff:192.168.7.7": true,
		"127.0.0.1": false, "::1": false, "169.254.169.254": false, "::ffff:169.254.169.254": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::5db8:d822": true,
		"2002:7f00:1::1": false, "0.0.0.0": false, "::": false, "fe80::1": false, "fd00:ec2::254": false, "fd12::1": false, "224.0.0.1": false, "255.255.255.255": false,
		"64:ff9b:1::a9fe:a9fe": false, "::7f00:1": false, "2001:0:7f00:1::": false,
		"100.64.1.1": false, "172.16.0.1": false, "198.18.0.1": false, "168.63.129.16": false,
	} {
		if got := g.open(netip.MustParseAddr(addr)); got != open {
			t.Errorf("%s open: %t", addr, got)
		}
	}
	if g.control("tcp", "not an address", nil) == nil {
		t.Error("what is no address is dialled")
	}
}

// A name may lead to this machine only where that is meant; what is dialled counts.
func TestGuardAtTheDial(t *testing.T) {
	var reached atomic.Int32
	u := serve(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	port := u[strings.LastIndex(u, ":"):]
	resolve := &net.Dialer{Control: guard{}.control}
	if _, err := resolve.DialContext(t.Context(), "tcp", "localhost"+port); !errors.Is(err, errForbidden) {
		t.Errorf("dialled this machine by name: %v", err)
	}
	if reached.Load() != 0 {
		t.Error("it was reached")
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		if _, err := client(t, Config{URL: "http://" + host + port}).Do(t.Context(), "GET", "", nil, nil, nil, ""); err != nil {
			t.Errorf("%s, which the operator wrote: %v", host, err)
		}
	}
	_, err := client(t, Config{URL: "http://169.254.169.254/latest", Plain: true, Timeout: time.Second}).Do(t.Context(), "GET", "", nil, nil, nil, "")
	var refused *connect.Refused
	if !errors.As(err, &refused) {
		t.Errorf("the metadata of clouds: %v", err)
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	empty, word := file(t, "empty", nil), file(t, "word", []byte("secret\n"))
	for want, c := range map[string]Config{
		"http, which anybody":     {URL: "http://council.example"},
		"not one like":            {URL: "council.example"},
		"neither https nor http":  {URL: "ftp://council.example"},
		"a user's name":           {URL: "https://a:b@council.example"},
		"holds no certificate":    {URL: "https://c.example", CAFile: word},
		"belong together":         {URL: "https://c.example", CertFile: word},
		"reading the certificate": {URL: "https://c.example", CertFile: word, KeyFile: word},
		"is empty":                {URL: "https://c.example", Auth: Auth{Kind: Bearer, SecretFile: empty}},
		"reading the secret":      {URL: "https://c.example", Auth: Auth{Kind: Basic, SecretFile: empty + "x"}},
		"the header's name":       {URL: "https://c.example", Auth: Auth{Kind: Header, SecretFile: word}},
		"a token endpoint":        {URL: "https://c.example", Auth: Auth{Kind: ClientJWT, SecretFile: word}},
		"not a key in PEM":        {URL: "https://c.example", Auth: Auth{Kind: ClientJWT, SecretFile: word, TokenURL: "https://t.example", ClientID: "x"}},
		"token endpoint: ":        {URL: "https://c.example", Auth: Auth{Kind: ClientJWT, SecretFile: word, TokenURL: "http://t.example", ClientID: "x"}},
		"is not known":            {URL: "https://c.example", Auth: Auth{Kind: "magic"}},
		"the proxy":               {URL: "https://c.example", Proxy: "::"},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestSimpleSignIn(t *testing.T) {
	secret := file(t, "secret", []byte("pass word\n"))
	var got http.Header
	u := serve(t, func(w http.ResponseWriter, r *http.Request) { got = r.Header.Clone() })
	for _, c := range []struct {
		auth         Auth
		header, want string
	}{
		{Auth{Kind: Basic, User: "homeward", SecretFile: secret}, "Authorization", "Basic aG9tZXdhcmQ6cGFzcyB3b3Jk"},
		{Auth{Kind: Bearer, SecretFile: secret}, "Authorization", "Bearer pass word"},
		{Auth{Kind: Header, Name: "apikey", SecretFile: secret}, "Apikey", "pass word"},
		{Auth{Kind: "none"}, "Authorization", ""},
	} {
		if _, err := client(t, Config{URL: u, Auth: c.auth}).Do(t.Context(), "GET", "", nil, nil, nil, ""); err != nil {
			t.Fatal(err)
		}
		if got.Get(c.header) != c.want {
			t.Errorf("%s: %q, want %q", c.auth.Kind, got.Get(c.header), c.want)
		}
	}
	c := client(t, Config{URL: u, Auth: Auth{Kind: Bearer, SecretFile: secret}})
	if err := os.WriteFile(secret, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), "GET", "", nil, nil, nil, ""); err != nil || got.Get("Authorization") != "Bearer new" {
		t.Errorf("a secret that was replaced: %q, %v", got.Get("Authorization"), err)
	}
}

// far is a far side with a token endpoint.
type far struct {
	key     *ecdsa.PublicKey
	tokens  atomic.Int32
	asked   atomic.Int32
	revoked atomic.Int32 // tokens up to this number are not taken
	broken  atomic.Int32 // status of the token endpoint; 0 works
	life    string
	wrong   atomic.Value
}

func (f *far) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		if s := f.broken.Load(); s != 0 {
			w.WriteHeader(int(s))
			return
		}
		if err := f.check(r); err != nil {
			f.wrong.Store(err.Error())
			w.WriteHeader(400)
			return
		}
		fmt.Fprintf(w, `{"access_token":"t%d","expires_in":%s}`, f.tokens.Add(1), f.life)
		return
	}
	f.asked.Add(1)
	var n int32
	_, _ = fmt.Sscanf(r.Header.Get("Authorization"), "Bearer t%d", &n)
	if n <= f.revoked.Load() {
		w.WriteHeader(401)
	}
}

func (f *far) check(r *http.Request) error {
	_ = r.ParseForm()
	if r.PostForm.Get("grant_type") != "client_credentials" || r.PostForm.Get("scope") != "shd" {
		return errors.New("grant or scope")
	}
	tok, err := jwt.ParseSigned(r.PostForm.Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES384})
	if err != nil {
		return err
	}
	var c jwt.Claims
	if err := tok.Claims(f.key, &c); err != nil {
		return err
	}
	if tok.Headers[0].KeyID != "k1" || c.ID == "" || c.Issuer != "homeward" || c.Subject != "homeward" {
		return errors.New("claims")
	}
	return c.Validate(jwt.Expected{AnyAudience: jwt.Audience{"http://" + r.Host + "/token"}, Time: c.IssuedAt.Time()})
}

func startFar(t *testing.T) (*far, string, Auth) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	f := &far{key: &key.PublicKey, life: `"600"`}
	u := serve(t, f.serve)
	return f, u, Auth{Kind: ClientJWT, SecretFile: file(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		TokenURL: u + "/token", ClientID: "homeward", KeyID: "k1", Scope: "shd"}
}

func TestTokensAreKeptAndRenewed(t *testing.T) {
	f, u, auth := startFar(t)
	now := time.Now()
	c := client(t, Config{URL: u, Auth: auth, Now: func() time.Time { return now }})
	ask := func() error {
		_, err := c.Do(t.Context(), "GET", "/x", nil, nil, nil, "")
		return err
	}
	steps := []struct {
		name          string
		do            func()
		tokens, asked int32
		refused       bool
	}{
		{"the first gets a token", func() {}, 1, 1, false},
		{"the second has it", func() {}, 1, 2, false},
		{"before it ends there is another", func() { now = now.Add(571 * time.Second) }, 2, 3, false},
		{"one that is taken back is replaced", func() { f.revoked.Store(2) }, 3, 5, false},
		{"but only once", func() { f.revoked.Store(99) }, 4, 7, true},
	}
	for _, s := range steps {
		s.do()
		err := ask()
		var refused *connect.Refused
		if errors.As(err, &refused) != s.refused || !s.refused && err != nil {
			t.Fatalf("%s: %v (%v)", s.name, err, f.wrong.Load())
		}
		if f.tokens.Load() != s.tokens || f.asked.Load() != s.asked {
			t.Errorf("%s: %d tokens, %d questions", s.name, f.tokens.Load(), f.asked.Load())
		}
	}
}

func TestTokenEndpointTrouble(t *testing.T) {
	f, u, auth := startFar(t)
	c := client(t, Config{URL: u, Auth: auth})
	f.broken.Store(503)
	if _, err := c.Do(t.Context(), "GET", "", nil, nil, nil, ""); !errors.Is(err, connect.ErrDown) {
		t.Errorf("503: %v", err)
	}
	f.broken.Store(401)
	var refused *connect.Refused
	if _, err := c.Do(t.Context(), "GET", "", nil, nil, nil, ""); !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("401: %v", err)
	}
	if f.asked.Load() != 0 {
		t.Error("asked without a token")
	}
	f.broken.Store(0)
	f.life = `{}`
	if _, err := c.Do(t.Context(), "GET", "", nil, nil, nil, ""); err != nil {
		t.Errorf("a token without a life: %v", err)
	}
}

func TestClientSecret(t *testing.T) {
	var form url.Values
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			_ = r.ParseForm()
			form = r.PostForm
			if user, pass, _ := r.BasicAuth(); user != "h%2Fw" || pass != "s3cret" {
				w.WriteHeader(401)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "abc", "expires_in": 60})
			return
		}
		if r.Header.Get("Authorization") != "Bearer abc" {
			w.WriteHeader(401)
		}
	})
	c := client(t, Config{URL: u, Auth: Auth{Kind: ClientSecret, ClientID: "h/w", TokenURL: u + "/token", SecretFile: file(t, "s", []byte("s3cret"))}})
	if _, err := c.Do(t.Context(), "GET", "", nil, nil, nil, ""); err != nil {
		t.Errorf("%v, form %v", err, form)
	}
}

func TestMutualTLS(t *testing.T) {
	cert, certPEM, keyPEM := selfSigned(t)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 {
			w.WriteHeader(403)
		}
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool, MaxVersion: tls.VersionTLS13}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca, certFile, keyFile := file(t, "ca", certPEM), file(t, "cert", certPEM), file(t, "key", keyPEM)
	ask := func(c Config) error {
		c.URL = s.URL
		_, err := client(t, c).Do(t.Context(), "GET", "", nil, nil, nil, "")
		return err
	}
	if err := ask(Config{CAFile: ca, CertFile: certFile, KeyFile: keyFile}); err != nil {
		t.Errorf("with certificate: %v", err)
	}
	var refused *connect.Refused
	if err := ask(Config{CAFile: ca}); !errors.As(err, &refused) || refused.Status != 403 {
		t.Errorf("without certificate: %v", err)
	}
	if err := ask(Config{}); !errors.Is(err, connect.ErrDown) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an authority that is not ours: %v", err)
	}
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	t.Cleanup(old.Close)
	if _, err := client(t, Config{URL: old.URL, CAFile: ca}).Do(t.Context(), "GET", "", nil, nil, nil, ""); !errors.Is(err, connect.ErrDown) {
		t.Errorf("TLS 1.1: %v", err)
	}
}

func selfSigned(t *testing.T) (tls.Certificate, []byte, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return pair, certPEM, keyPEM
}

func TestProxyOnlyWhereItIsConfigured(t *testing.T) {
	var asked atomic.Value
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Store(r.URL.String()) })
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	if _, err := client(t, Config{URL: "http://council.example/x", Plain: true, Proxy: proxy}).Do(t.Context(), "GET", "", nil, nil, nil, ""); err != nil || asked.Load() != "http://council.example/x" {
		t.Errorf("%v, the proxy was asked for %v", err, asked.Load())
	}
}
