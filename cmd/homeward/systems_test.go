package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRefusedSystems(t *testing.T) {
	base := "[machines]\n"
	system := "[[system]]\nclient = \"epr\"\ntitle = \"EPR\"\norg = \"RK5\"\nscopes = [\"launch\"]\nkeys = \"k.json\"\n"
	for text, want := range map[string]string{
		system: "public_url must be set",
		base + "client_cert_header = \"X-Client-Cert\"\n":               "client_cert_header needs behind_proxy",
		base + "http = \"127.0.0.1:1\"\n":                               "http and mutual_url must both be set",
		base + "http = \"127.0.0.1:1\"\nmutual_url = \"https://h:1\"\n": "needs tls_cert",
		system + "nonsense = 1\n":                                       "not known",
	} {
		if _, err := read(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is answered with %v, want %q", text, err, want)
		}
	}
	good := SystemConfig{Client: "epr", Title: "EPR", Org: "RK5", Scopes: []string{"launch"}, Keys: "k.json", PerMinute: 1}
	for want, change := range map[string]func(*Config, *SystemConfig){
		"":                             func(*Config, *SystemConfig) {},
		"small letters":                func(_ *Config, s *SystemConfig) { s.Client = "E PR" },
		"title and keys":               func(_ *Config, s *SystemConfig) { s.Keys = "" },
		"at least one":                 func(_ *Config, s *SystemConfig) { s.Scopes = nil },
		"must be one of launch":        func(_ *Config, s *SystemConfig) { s.Scopes = []string{"a b"} },
		"trust's own system":           func(_ *Config, s *SystemConfig) { s.Org = "511" },
		"must be the ods":              func(_ *Config, s *SystemConfig) { s.Org, s.Scopes = "RX9", []string{"read"} },
		"per_minute":                   func(_ *Config, s *SystemConfig) { s.PerMinute = 0 },
		"certificate_bound needs":      func(_ *Config, s *SystemConfig) { s.Bound = true },
		"public_url must be like":      func(c *Config, _ *SystemConfig) { c.PublicURL = "http://elsewhere.test" },
		"public_url must be like http": func(c *Config, _ *SystemConfig) { c.PublicURL = "https://h/path" },
	} {
		c := Config{PublicURL: "https://homeward.test", Orgs: []OrgConfig{{ODS: "RK5", Kind: "trust"}, {ODS: "511", Kind: "council"}}}
		s := good
		change(&c, &s)
		c.Systems = []SystemConfig{s}
		if err := c.checkSystems(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("answered with %v, want %q", err, want)
		}
	}
	twice := Config{PublicURL: "https://homeward.test", Orgs: []OrgConfig{{ODS: "RK5", Kind: "trust"}}, Systems: []SystemConfig{good, good}}
	if err := twice.checkSystems(); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Error(err)
	}
}

// pair makes a certificate for this machine that signed itself, in files.
func pair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	k, err := newSystemKey("ES384", 0)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	der2, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for file, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: der2}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestSystemsAtTheirOwnAddress runs a site with TLS: a system makes its keys by
// the command, shows its certificate at the address for systems, and gets a token
// that holds there and not at the pages' address, where no browser is asked for
// a certificate.
func TestSystemsAtTheirOwnAddress(t *testing.T) {
	dir := t.TempDir()
	private, set := filepath.Join(dir, "epr.pem"), filepath.Join(dir, "epr.json")
	for _, alg := range []string{"ES384", "ES384"} { // the second: a change of keys
		if err := (&systemKeyCmd{Private: private, JWKS: set, Alg: alg}).Run(); err != nil {
			t.Fatal(err)
		}
		if err := (&systemKeyCmd{Private: private, JWKS: set, Alg: alg}).Run(); err == nil {
			t.Fatal("a private key was overwritten")
		}
		private = filepath.Join(dir, "epr2.pem")
	}
	cert, key := pair(t, dir, "site")
	mineCert, mineKey := pair(t, dir, "epr-tls")
	pages, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := defaults()
	cfg.Encryption.AtRest = atRestOff
	cfg.Database, cfg.TLSCert, cfg.TLSKey, cfg.PublicURL = filepath.Join(dir, "db"), cert, key, "https://"+pages.Addr().String()
	cfg.Machines = MachinesConfig{HTTP: own.Addr().String(), MutualURL: "https://" + own.Addr().String()}
	cfg.Orgs = []OrgConfig{{ODS: "RK5", Name: "King's Mill", Kind: "trust"}}
	s := systemDefaults()
	s.Client, s.Title, s.Org, s.Scopes, s.Keys, s.Bound = "epr", "EPR", "RK5", []string{"launch"}, set, true
	cfg.Systems = []SystemConfig{s}
	if err := cfg.checkSystems(); err != nil {
		t.Fatal(err)
	}
	if err := own.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	st, err := newSite(ctx, cfg, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.close()
	ended := make(chan error)
	go func() { ended <- st.run(ctx, pages) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	client := func(certs ...string) *http.Client {
		roots := x509.NewCertPool()
		b, err := os.ReadFile(cert)
		if err != nil {
			t.Fatal(err)
		}
		roots.AppendCertsFromPEM(b)
		tc := &tls.Config{RootCAs: roots}
		if len(certs) == 2 {
			mine, err := tls.LoadX509KeyPair(certs[0], certs[1])
			if err != nil {
				t.Fatal(err)
			}
			tc.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &mine, nil }
		}
		return &http.Client{Transport: &http.Transport{TLSClientConfig: tc}, Timeout: 10 * time.Second}
	}
	b, err := os.ReadFile(filepath.Join(dir, "epr2.pem"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := farSide(b, "", "")
	if err != nil {
		t.Fatal(err)
	}
	e.client, e.clock = "epr", time.Now
	ask := func(at string, c *http.Client) (string, error) {
		e.url, e.web = at, c
		b, err := e.token(ctx)
		var k struct {
			Token string `json:"access_token"`
		}
		if err == nil {
			err = json.Unmarshal(b, &k)
		}
		return k.Token, err
	}
	var token string
	for range 100 { // until it listens
		if token, err = ask(cfg.Machines.MutualURL, client(mineCert, mineKey)); err == nil || !strings.Contains(err.Error(), "refused") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	use := func(at string, c *http.Client) error {
		e.url, e.web = at, c
		_, err := e.post(ctx, "/api/launch", "application/json", token, `{"mrn":"M1"}`, http.StatusCreated)
		return err
	}
	if err := use(cfg.Machines.MutualURL, client(mineCert, mineKey)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{"without the certificate": use(cfg.Machines.MutualURL, client()), "with another": use(cfg.Machines.MutualURL, client(cert, key)),
		"at the pages' address": use(cfg.PublicURL, client(mineCert, mineKey))} {
		if err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ask(cfg.PublicURL, client(mineCert, mineKey)); err == nil || !strings.Contains(err.Error(), "must show its certificate") {
		t.Errorf("a token at the pages' address: %v", err)
	}
}
