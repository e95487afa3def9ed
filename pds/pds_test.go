package pds_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"homeward/connect"
	"homeward/connect/httpsend"
	"homeward/nhs"
	"homeward/pds"
	simpds "homeward/sim/pds"
)

var day = nhs.Date{Year: 1940, Month: 1, Day: 3}

func people() []simpds.Record {
	return []simpds.Record{
		{Number: nhs.Test(1), Family: "Marsh", Given: "Ada Jane", Title: "Mrs", Born: day, Sex: "female", Lines: []string{"1 Larkspur Row", "Sutton"}, Postcode: "NG17 1CK", Phone: "01632 960001", GP: "Y99001"},
		{Number: nhs.Test(2), Family: "Hidden", Given: "Ann", Born: day, Sex: "female", Lines: []string{"nowhere"}, Postcode: "NG17 1CM", Phone: "01632 960002", Restricted: true},
		{Number: nhs.Test(3), Replaced: nhs.Test(1)},
		{Number: nhs.Test(4), Family: "Gone", Born: day, Invalidated: true},
		{Number: nhs.Test(5), Family: "Late", Given: "Bo", Born: day, Sex: "male", Died: "2026-01-05T00:00:00+00:00", DeathStatus: "2"},
		{Number: nhs.Test(6), Family: "Late", Given: "Cy", Born: day, Sex: "male", Died: "2026-02-05T13:30:00+00:00", DeathStatus: "1"},
		{Number: nhs.Test(7), Family: "Back", Given: "Di", Born: day, Died: "2026-02-05T13:30:00+00:00", DeathStatus: "U"},
		{Number: nhs.Test(8), Family: "Twin", Given: "Ed", Born: day}, {Number: nhs.Test(9), Family: "Twin", Given: "Ed", Born: day},
	}
}

type world struct {
	service *simpds.Service
	server  *httptest.Server
	client  *pds.Client
	config  pds.Config
	key     *rsa.PrivateKey
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{}
	var err error
	if w.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	w.service = simpds.New(simpds.Config{People: people(), App: "app-1", Keys: &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: w.key.Public(), KeyID: "k-1"}}}})
	w.server = httptest.NewServer(w.service)
	t.Cleanup(w.server.Close)
	w.service.SetURL(w.server.URL)
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(w.key)}), 0o600); err != nil {
		t.Fatal(err)
	}
	w.config = pds.Config{PerSecond: 10_000, HTTP: httpsend.Config{URL: w.server.URL + "/personal-demographics/FHIR/R4", Timeout: 3 * time.Second,
		Auth: httpsend.Auth{Kind: httpsend.ClientJWT, TokenURL: w.server.URL + "/oauth2/token", ClientID: "app-1", KeyID: "k-1", Alg: "RS512", SecretFile: file}}}
	if w.client, err = pds.New(w.config); err != nil {
		t.Fatal(err)
	}
	return w
}

func get(t *testing.T, w *world, n int) pds.Answer {
	t.Helper()
	a, err := w.client.Get(t.Context(), nhs.Test(n))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestGet(t *testing.T) {
	w := start(t)
	a := get(t, w, 1)
	p := a.Person
	if a.State != pds.Found || a.Number != nhs.Test(1) || p.Family != "Marsh" || p.Given != "Ada Jane" || p.Title != "Mrs" || p.Born != day || p.Sex != "Female" ||
		len(p.Address.Lines) != 2 || p.Address.Postcode != "NG17 1CK" || p.Phone != "01632 960001" || p.GP != "Y99001" || p.Restricted || p.Died != nil {
		t.Errorf("%+v", a)
	}
	if a = get(t, w, 2); !a.Person.Restricted || a.Person.Address.Postcode != "" || a.Person.Phone != "" || a.Person.GP != "" {
		t.Errorf("restricted: %+v", a)
	}
	if a = get(t, w, 3); a.Number != nhs.Test(1) {
		t.Errorf("superseded: %v", a.Number)
	}
	if a = get(t, w, 4); a.State != pds.Invalidated {
		t.Errorf("invalidated: %+v", a)
	}
	if a = get(t, w, 50); a.State != pds.NotFound {
		t.Errorf("nobody: %+v", a)
	}
	if d := get(t, w, 5).Person.Died; d == nil || !d.Formal || !d.DayOnly || d.At.Format(time.DateOnly) != "2026-01-05" {
		t.Errorf("formal death: %+v", d)
	}
	if d := get(t, w, 6).Person.Died; d == nil || d.Formal || d.DayOnly {
		t.Errorf("informal death: %+v", d)
	}
	if d := get(t, w, 7).Person.Died; d != nil {
		t.Errorf("a death that was taken back: %+v", d)
	}
	if n := w.service.Asked("token"); n != 1 {
		t.Errorf("%d tokens for %d questions", n, w.service.Asked("read"))
	}
	w.service.Set(simpds.TokensGone)
	if get(t, w, 1); w.service.Asked("token") != 2 {
		t.Error("a token that ended is not replaced")
	}
}

func TestFind(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		name string
		like pds.Like
		want pds.State
		n    int
	}{
		{"all fits", pds.Like{Family: "Marsh", Given: "Ada", Born: day, Sex: "Female", Postcode: "NG17 1CK"}, pds.Found, 1},
		{"name and day", pds.Like{Family: "marsh", Born: day}, pds.Found, 1},
		{"another postcode", pds.Like{Family: "Marsh", Born: day, Postcode: "NG1 1CK"}, pds.NotFound, 0},
		{"restricted, with postcode", pds.Like{Family: "Hidden", Born: day, Postcode: "NG17 1CM"}, pds.NotFound, 0},
		{"restricted, without", pds.Like{Family: "Hidden", Born: day}, pds.Found, 2},
		{"two alike", pds.Like{Family: "Twin", Born: day}, pds.Several, 0},
		{"nobody", pds.Like{Family: "Nobody", Born: day}, pds.NotFound, 0},
	} {
		a, err := w.client.Find(t.Context(), c.like)
		if err != nil || a.State != c.want || c.n > 0 && a.Number != nhs.Test(c.n) {
			t.Errorf("%s: %v %v", c.name, a.State, err)
		}
	}
	if _, err := w.client.Find(t.Context(), pds.Like{Family: "Marsh"}); err == nil {
		t.Error("without a date of birth")
	}
}

// What PDS answers otherwise is an error in words, without the number or a name.
func TestFaults(t *testing.T) {
	w := start(t)
	for _, f := range []simpds.Fault{simpds.Busy, simpds.Away, simpds.Broken, simpds.Strange, simpds.Half, simpds.Denied} {
		w.service.Set(f)
		for _, err := range []error{err2(w.client.Get(t.Context(), nhs.Test(1))), err2(w.client.Find(t.Context(), pds.Like{Family: "Marsh", Born: day}))} {
			if err == nil {
				t.Errorf("%s: believed", f)
				continue
			}
			if s := err.Error() + pds.Say(err); strings.Contains(s, nhs.Test(1).Digits()) || strings.Contains(s, "Marsh") || strings.Contains(s, "Patient") {
				t.Errorf("%s: %s", f, s)
			}
			if denied := strings.Contains(pds.Say(err), "did not let"); denied != (f == simpds.Denied) {
				t.Errorf("%s: %s", f, pds.Say(err))
			}
			if f != simpds.Denied && !errors.Is(err, connect.ErrDown) {
				t.Errorf("%s is not for trying again: %v", f, err)
			}
		}
	}
	w.server.Close()
	if _, err := w.client.Get(t.Context(), nhs.Test(1)); !errors.Is(err, connect.ErrDown) {
		t.Errorf("gone: %v", err)
	}
}

func err2(_ pds.Answer, err error) error { return err }

// The limit is shared by all who ask, and who would wait too long is told so.
func TestRateIsShared(t *testing.T) {
	w := start(t)
	w.config.PerSecond, w.config.Patience = 50, 5*time.Second
	c, err := pds.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var wg sync.WaitGroup
	for range 21 {
		wg.Go(func() {
			if _, err := c.Get(t.Context(), nhs.Test(1)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); took < 390*time.Millisecond {
		t.Errorf("21 questions at 50 a second took %s", took)
	}
	w.config.PerSecond, w.config.Patience = 0.1, time.Second
	if c, err = pds.New(w.config); err != nil {
		t.Fatal(err)
	}
	if _, err = c.Get(t.Context(), nhs.Test(1)); err != nil {
		t.Fatal(err)
	}
	if _, err = c.Get(t.Context(), nhs.Test(1)); !errors.Is(err, pds.ErrBusy) || !strings.Contains(pds.Say(err), "Try again in a minute") {
		t.Errorf("who waits too long: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.client.Get(ctx, nhs.Test(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

// The pretend PDS refuses what the real one's sign-in refuses, in its words.
func TestPretendSignIn(t *testing.T) {
	w := start(t)
	good := func() map[string]any {
		return map[string]any{"iss": "app-1", "sub": "app-1", "aud": w.server.URL + "/oauth2/token", "jti": rand.Text(), "exp": time.Now().Add(4 * time.Minute).Unix()}
	}
	ask := func(claims map[string]any, alg jose.SignatureAlgorithm, typ, kid string) string {
		opts := &jose.SignerOptions{}
		if typ != "" {
			opts = opts.WithType(jose.ContentType(typ))
		}
		if kid != "" {
			opts = opts.WithHeader("kid", kid)
		}
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: w.key}, opts)
		if err != nil {
			t.Fatal(err)
		}
		a, err := jwt.Signed(s).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.PostForm(w.server.URL+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {a}})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b := make([]byte, 4096)
		n, _ := res.Body.Read(b)
		return string(b[:n])
	}
	with := func(k string, v any) map[string]any {
		c := good()
		if c[k] = v; v == nil {
			delete(c, k)
		}
		return c
	}
	same := good()
	for _, c := range []struct{ got, want string }{
		{ask(same, jose.RS512, "JWT", "k-1"), "access_token"}, {ask(same, jose.RS512, "JWT", "k-1"), "Non-unique"},
		{ask(good(), jose.RS256, "JWT", "k-1"), "must be 'RS512'"}, {ask(good(), jose.RS512, "JWT", ""), "Missing 'kid'"}, {ask(good(), jose.RS512, "", "k-1"), "Invalid 'typ'"},
		{ask(good(), jose.RS512, "JWT", "k-2"), "no matching public key"}, {ask(with("exp", nil), jose.RS512, "JWT", "k-1"), "Missing 'exp'"},
		{ask(with("exp", "soon"), jose.RS512, "JWT", "k-1"), "must be an integer"}, {ask(with("exp", time.Now().Unix()-1), jose.RS512, "JWT", "k-1"), "has expired"},
		{ask(with("exp", time.Now().Unix()+400), jose.RS512, "JWT", "k-1"), "more than 5 minutes"}, {ask(with("iss", "x"), jose.RS512, "JWT", "k-1"), "non-matching"},
		{ask(with("jti", nil), jose.RS512, "JWT", "k-1"), "Missing 'jti'"}, {ask(with("jti", 5), jose.RS512, "JWT", "k-1"), "must be a unique string"},
		{ask(with("aud", "x"), jose.RS512, "JWT", "k-1"), "'aud'"},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("want %q: %s", c.want, c.got)
		}
	}
}
