package api

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "time/tzdata"

	"github.com/go-jose/go-jose/v4"

	"homeward/care"
	"homeward/form"
	"homeward/hub"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/pathways"
	"homeward/policies"
	"homeward/policy"
	"homeward/store"
)

// keys are made once: RSA keys take long.
var keys = sync.OnceValue(func() (k struct {
	epr, mosaic, small *rsa.PrivateKey
	ec                 *ecdsa.PrivateKey
}) {
	k.epr, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.mosaic, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.small, _ = rsa.GenerateKey(rand.Reader, 1024)
	k.ec, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	return k
})

func jwks(t testing.TB, list ...jose.JSONWebKey) []byte {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: list})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// world is a hub and two processes that serve it over HTTP.
type world struct {
	testing.TB
	hub    *hub.Hub
	store  *store.Store
	here   *httptest.Server
	there  *httptest.Server
	now    atomic.Int64
	log    *bytes.Buffer
	keyURL *keyServer
	keyAt  string
}

func (w *world) clock() time.Time { return time.UnixMicro(w.now.Load()).UTC() }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func onBoth(t *testing.T, f func(t *testing.T, w *world)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, newWorld(t, engine)) })
	}
}

const public = "https://homeward.test"

func newWorld(t testing.TB, engine string, change ...func(*SystemsConfig)) *world {
	t.Helper()
	w := &world{TB: t, log: &bytes.Buffer{}}
	w.now.Store(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC).UnixMicro())
	at := filepath.Join(t.TempDir(), "homeward.db")
	if engine == "postgres" {
		at = pgtest.Start(t)
	}
	w.keyURL = &keyServer{}
	w.keyURL.set(jwks(t, jose.JSONWebKey{Key: keys().mosaic.Public(), KeyID: "m1"}))
	srv := httptest.NewServer(w.keyURL)
	t.Cleanup(srv.Close)
	w.keyAt = srv.URL
	file := filepath.Join(t.TempDir(), "epr.json")
	w.must(os.WriteFile(file, jwks(t, jose.JSONWebKey{Key: keys().epr.Public(), KeyID: "k1", Use: "sig"}, jose.JSONWebKey{Key: keys().ec.Public(), KeyID: "e1", Algorithm: "ES384"},
		jose.JSONWebKey{Key: keys().small.Public(), KeyID: "small"}), 0o600))
	log := slog.New(slog.NewTextHandler(&locked{w: w.log}, nil)) // one, for both write to one buffer
	serve := func() (*hub.Hub, *httptest.Server) {
		h := w.open(at)
		sc := SystemsConfig{Hub: h, URLs: []string{public}, Clock: w.clock, Log: log, PerSecond: 1000,
			Address: func(*http.Request) string { return "192.0.2.7" },
			Clients: []Client{{ID: "kmh-epr", Keys: file, PerMinute: 10_000}, {ID: "nhs-like", Keys: file, Algs: []string{"RS512"}, PerMinute: 10_000},
				{ID: "bound", Keys: file, PerMinute: 10_000}, {ID: "mosaic", Keys: srv.URL, PerMinute: 5}}}
		for _, f := range change {
			f(&sc)
		}
		s, err := NewSystems(sc)
		w.must(err)
		web := httptest.NewServer(s)
		t.Cleanup(web.Close)
		return h, web
	}
	w.hub, w.here = serve()
	_, w.there = serve()
	return w
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (w *world) open(at string) *hub.Hub {
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{URL: at, Clock: w.clock, Row: care.RowOf})
	w.must(err)
	w.Cleanup(func() { db.Close() })
	_, err = db.Migrate(ctx)
	w.must(err)
	w.store = db
	rules, err := policies.Files.ReadFile("sharing.cedar")
	w.must(err)
	schema, err := policies.Files.ReadFile("sharing.cedarschema")
	w.must(err)
	set, err := policy.Load(rules, schema)
	w.must(err)
	forms, err := form.Load(pathways.Files)
	w.must(err)
	h, err := hub.New(hub.Config{Store: db, Policies: set, Forms: forms, Clock: w.clock,
		Orgs: []care.Org{{ODS: "RK5", Name: "King's Mill", Kind: care.Trust}, {ODS: "511", Name: "Nottinghamshire", Kind: care.Council}},
		Systems: []hub.System{{Client: "kmh-epr", Title: "King's Mill EPR", Org: "RK5", Scopes: []string{"launch", "system/read"}},
			{Client: "nhs-like", Title: "Like the NHS's", Org: "RK5", Scopes: []string{"system/read"}},
			{Client: "bound", Title: "Bound EPR", Org: "RK5", Scopes: []string{"launch"}, Bound: true},
			{Client: "mosaic", Title: "Mosaic", Org: "511", Scopes: []string{"launch"}}}})
	w.must(err)
	return h
}

// keyServer gives a JWK set, or what a test wants instead.
type keyServer struct {
	mu    sync.Mutex
	body  []byte
	other http.HandlerFunc
	asked int
}

func (k *keyServer) set(b []byte) { k.mu.Lock(); k.body = b; k.mu.Unlock() }

func (k *keyServer) instead(f http.HandlerFunc) { k.mu.Lock(); k.other = f; k.mu.Unlock() }

func (k *keyServer) times() int { k.mu.Lock(); defer k.mu.Unlock(); return k.asked }

func (k *keyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	k.asked++
	body, other := k.body, k.other
	k.mu.Unlock()
	if other != nil {
		other(w, r)
		return
	}
	_, _ = w.Write(body)
}

type members map[string]any

// with changes or (nil) removes members.
func (m members) with(kv ...any) members {
	out := members{}
	for k, v := range m {
		out[k] = v
	}
	for i := 0; i < len(kv); i += 2 {
		if kv[i+1] == nil {
			delete(out, kv[i].(string))
		} else {
			out[kv[i].(string)] = kv[i+1]
		}
	}
	return out
}

var jtis atomic.Int64

func (w *world) head() members { return members{"alg": "RS512", "typ": "JWT", "kid": "k1"} }

func (w *world) claims(client string) members {
	return members{"iss": client, "sub": client, "aud": public + "/oauth2/token", "jti": fmt.Sprint("jti-", jtis.Add(1)), "exp": w.clock().Add(4 * time.Minute).Unix()}
}

func enc(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// signed signs any header and claims by hand, as an attacker would.
func signed(t testing.TB, key crypto.Signer, head, claims any) string {
	t.Helper()
	raw := func(v any) []byte {
		if b, ok := v.([]byte); ok {
			return b
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	text := enc(raw(head)) + "." + enc(raw(claims))
	alg := "RS512"
	if m, ok := head.(members); ok {
		alg, _ = m["alg"].(string)
	}
	hash := crypto.SHA512
	if strings.HasSuffix(alg, "384") {
		hash = crypto.SHA384
	}
	h := hash.New()
	h.Write([]byte(text))
	if ec, ok := key.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, ec, h.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + enc(append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...))
	}
	sig, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), hash, h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + enc(sig)
}

type answered struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answered) text() string { s, _ := a.body["error_description"].(string); return s }
func (a answered) code() string { s, _ := a.body["error"].(string); return s }
func (a answered) token() string {
	s, _ := a.body["access_token"].(string)
	return s
}

func (w *world) do(c *http.Client, r *http.Request) answered {
	w.Helper()
	res, err := c.Do(r)
	w.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.must(err)
	a := answered{status: res.StatusCode, header: res.Header, body: map[string]any{}}
	if err := json.Unmarshal(b, &a.body); err != nil {
		w.Fatalf("%d: no JSON: %s", res.StatusCode, b)
	}
	return a
}

func formOf(jwt string, kv ...string) url.Values {
	f := url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertionType}, "client_assertion": {jwt}}
	for i := 0; i < len(kv); i += 2 {
		f.Set(kv[i], kv[i+1])
	}
	return f
}

func (w *world) post(at string, body string, kv ...string) answered {
	w.Helper()
	r, err := http.NewRequest("POST", at, strings.NewReader(body))
	w.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(kv); i += 2 {
		r.Header.Set(kv[i], kv[i+1])
	}
	return w.do(http.DefaultClient, r)
}

// ask asks for a token with an assertion.
func (w *world) ask(jwt string, kv ...string) answered {
	w.Helper()
	return w.post(w.here.URL+tokenPath, formOf(jwt, kv...).Encode())
}

func (w *world) good(client string) string {
	return signed(w, keys().epr, w.head(), w.claims(client))
}

func (w *world) granted(a answered) string {
	w.Helper()
	if a.status != 200 || a.token() == "" {
		w.Fatalf("no token: %d %v\n%s", a.status, a.body, w.log)
	}
	return a.token()
}

func TestATokenIsGivenForASignedAssertion(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		a := w.ask(w.good("kmh-epr"))
		w.granted(a)
		if a.body["token_type"] != "Bearer" || a.body["expires_in"] != 599.0 || a.body["scope"] != "launch system/read" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v %v", a.body, a.header)
		}
		for name, jwt := range map[string]string{
			"RS384":         signed(t, keys().epr, w.head().with("alg", "RS384"), w.claims("kmh-epr")),
			"ES384":         signed(t, keys().ec, w.head().with("alg", "ES384", "kid", "e1"), w.claims("kmh-epr")),
			"aud as a list": signed(t, keys().epr, w.head(), w.claims("kmh-epr").with("aud", []string{"x", public + "/oauth2/token"})),
			"310 s ahead":   signed(t, keys().epr, w.head(), w.claims("kmh-epr").with("exp", w.clock().Add(310*time.Second).Unix())),
		} {
			if a := w.ask(jwt); a.status != 200 {
				t.Errorf("%s: %d %v", name, a.status, a.body)
			}
		}
		if a := w.ask(w.good("kmh-epr"), "scope", "launch", "client_id", "kmh-epr"); a.body["scope"] != "launch" {
			t.Errorf("%v", a.body)
		}
		// Neither the token nor its assertion is in the store or the log.
		token := w.granted(w.ask(w.good("kmh-epr")))
		if strings.Contains(w.log.String(), token) {
			t.Error("the token is in the log")
		}
	})
}

// TestMessages has every message of NHS England's token endpoint. Each row is
// wrong in what it names and in all that is checked after it, so that it shows
// the order too.
func TestMessages(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		now := w.clock()
		past, long := now.Add(-time.Second).Unix(), now.Add(311*time.Second).Unix()
		used := w.claims("nhs-like")
		w.granted(w.ask(signed(t, keys().epr, w.head(), used)))
		jti := used["jti"]
		head, claims := w.head(), w.claims("nhs-like")
		for _, row := range []struct {
			text         string
			head, claims members
		}{
			{"Missing 'alg' header in client_assertion JWT", head.with("alg", nil, "kid", nil, "typ", nil), claims.with("exp", past, "sub", nil, "jti", nil)},
			{"Invalid 'alg' header in client_assertion JWT - unsupported JWT algorithm - must be 'RS512', 'RS384' or 'ES384'", head.with("alg", "RS256", "kid", nil, "typ", nil), claims.with("exp", past, "sub", nil, "jti", nil)},
			{"Invalid 'exp' claim in client_assertion JWT - JWT has expired", head.with("kid", nil, "typ", nil), claims.with("exp", past, "sub", nil, "jti", nil)},
			{"Invalid 'exp' claim in client_assertion JWT - JWT has expired", head, claims.with("exp", now.Unix())},
			{"Missing 'kid' header in client_assertion JWT", head.with("kid", nil, "typ", nil), claims.with("exp", nil, "sub", nil, "jti", nil)},
			{"Invalid 'typ' header in client_assertion JWT - must be 'JWT'", head.with("typ", nil), claims.with("exp", nil, "sub", nil, "jti", nil)},
			{"Invalid 'typ' header in client_assertion JWT - must be 'JWT'", head.with("typ", "at+jwt"), claims},
			{"Missing 'exp' claim in client_assertion JWT", head, claims.with("exp", nil, "sub", nil, "jti", nil)},
			{"Invalid 'exp' claim in client_assertion JWT - must be an integer", head, claims.with("exp", "soon", "sub", nil, "jti", nil)},
			{"Invalid 'exp' claim in client_assertion JWT - must be an integer", head, claims.with("exp", float64(long)+0.5)},
			{"Missing or non-matching 'iss'/'sub' claims in client_assertion JWT", head, claims.with("exp", long, "sub", nil, "jti", nil)},
			{"Missing or non-matching 'iss'/'sub' claims in client_assertion JWT", head, claims.with("exp", long, "sub", "kmh-epr", "jti", nil)},
			{"Missing or non-matching 'iss'/'sub' claims in client_assertion JWT", head, claims.with("exp", long, "iss", nil, "jti", nil)},
			{"Missing 'jti' claim in client_assertion JWT", head, claims.with("exp", long, "jti", nil)},
			{"Invalid 'jti' claim in client_assertion JWT - must be a unique string value such as a GUID", head, claims.with("exp", long, "jti", 7)},
			{"Invalid 'jti' claim in client_assertion JWT - must be a unique string value such as a GUID", head, claims.with("jti", "")},
			{"Non-unique 'jti' claim in client_assertion JWT", head, claims.with("exp", long, "jti", jti)},
			{"Non-unique 'jti' claim in client_assertion JWT", head, claims.with("jti", jti)},
			{"Invalid 'exp' claim in client_assertion JWT - more than 5 minutes in future", head, claims.with("exp", long)},
			{"Invalid 'exp' claim in client_assertion JWT - more than 5 minutes in future", head, claims.with("exp", json.Number("99999999999999999999999"))},
		} {
			a := w.ask(signed(t, keys().epr, row.head, row.claims))
			if a.status != 400 || a.text() != row.text || a.code() != "invalid_request" || len(fmt.Sprint(a.body["message_id"])) != 16 {
				t.Errorf("%s:\n%d %v", row.text, a.status, a.body)
			}
		}
	})
}

func TestAnAssertionIsRefusedByEveryOtherProcess(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		jwt := w.good("kmh-epr")
		w.granted(w.ask(jwt))
		for _, at := range []string{w.here.URL, w.there.URL} {
			if a := w.post(at+tokenPath, formOf(jwt).Encode()); a.status != 400 || a.text() != usedJTI {
				t.Errorf("%d %v", a.status, a.body)
			}
		}
		jwt = w.good("kmh-epr")
		var given atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				at := []string{w.here.URL, w.there.URL}[i%2]
				if a := w.post(at+tokenPath, formOf(jwt).Encode()); a.status == 200 {
					given.Add(1)
				}
			})
		}
		wg.Wait()
		if given.Load() != 1 {
			t.Errorf("%d tokens for one assertion", given.Load())
		}
		// A token of one process holds in the other.
		token := w.granted(w.ask(w.good("kmh-epr")))
		if a := w.launchAt(w.there.URL, token, `{"nhs":"`+nhs.Test(5).Digits()+`"}`); a.status != 201 {
			t.Errorf("%d %v", a.status, a.body)
		}
	})
}

func (w *world) launchAt(at, token, body string) answered {
	w.Helper()
	r, err := http.NewRequest("POST", at+"/api/launch", strings.NewReader(body))
	w.must(err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return w.do(http.DefaultClient, r)
}

func TestHostileAssertions(t *testing.T) {
	w := newWorld(t, "sqlite")
	ours, err := json.Marshal(jose.JSONWebKey{Key: keys().mosaic.Public(), KeyID: "k1"})
	w.must(err)
	claims := func() members { return w.claims("kmh-epr") }
	modulus := x509.MarshalPKCS1PublicKey(&keys().epr.PublicKey)
	good := w.good("kmh-epr")
	three := strings.Split(good, ".")
	asJSON := fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, three[1], three[0], three[2])
	rows := map[string]struct{ jwt, text string }{
		"none":                     {enc([]byte(`{"alg":"none","typ":"JWT","kid":"k1"}`)) + "." + three[1] + ".", badAlg + either(algorithms)},
		"None":                     {enc([]byte(`{"alg":"None","typ":"JWT","kid":"k1"}`)) + "." + three[1] + ".", badAlg + either(algorithms)},
		"HMAC with the public key": {hmacSigned(t, modulus, w.head().with("alg", "HS512"), claims()), badAlg + either(algorithms)},
		"PS512":                    {signed(t, keys().epr, w.head().with("alg", "PS512"), claims()), badAlg + either(algorithms)},
		"alg is a list":            {signed(t, keys().epr, w.head().with("alg", []string{"RS512"}), claims()), badAlg + either(algorithms)},
		"an own key in jwk":        {signed(t, keys().mosaic, w.head().with("jwk", json.RawMessage(ours)), claims()), notVerified},
		"an own key by jku":        {signed(t, keys().mosaic, w.head().with("jku", w.keyAt), claims()), notVerified},
		"x5u":                      {signed(t, keys().mosaic, w.head().with("x5u", "http://127.0.0.1:1/"), claims()), notVerified},
		"crit":                     {signed(t, keys().epr, w.head().with("crit", []string{"exp"}), claims()), badJWT},
		"another's key":            {signed(t, keys().mosaic, w.head(), claims()), notVerified},
		"a short RSA key":          {signed(t, keys().small, w.head().with("kid", "small"), claims()), notVerified},
		"an unknown kid":           {signed(t, keys().epr, w.head().with("kid", "../../etc/passwd"), claims()), notVerified},
		"RS512 with the EC key":    {signed(t, keys().epr, w.head().with("kid", "e1"), claims()), notVerified},
		"an unknown client":        {signed(t, keys().epr, w.head(), w.claims("nobody")), notVerified},
		"another client's address": {signed(t, keys().epr, w.head(), claims().with("aud", "https://elsewhere.test/oauth2/token")), badAud},
		"no audience":              {signed(t, keys().epr, w.head(), claims().with("aud", nil)), badAud},
		"the issuer as audience":   {signed(t, keys().epr, w.head(), claims().with("aud", public)), badAud},
		"not yet valid":            {signed(t, keys().epr, w.head(), claims().with("nbf", w.clock().Add(2*time.Minute).Unix())), early},
		"changed claims":           {three[0] + "." + enc(mustJSON(t, claims())) + "." + three[2], notVerified},
		"no signature":             {three[0] + "." + three[1] + ".", notVerified},
		"JWE":                      {strings.Repeat("e30.", 4) + "e30", badJWT},
		"JSON":                     {asJSON, badJWT},
		"a line break":             {three[0] + "." + three[1] + "." + three[2][:4] + "\n" + three[2][4:], badJWT},
		"padding":                  {three[0] + "==." + three[1] + "." + three[2], badJWT},
		"huge":                     {three[0] + "." + three[1] + "." + strings.Repeat("A", maxAssertion), badJWT},
		"deep":                     {three[0] + "." + enc([]byte(`{"a":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`)) + ".", badJWT},
		"a name twice":             {signed(t, keys().epr, []byte(`{"alg":"RS512","alg":"none","typ":"JWT","kid":"k1"}`), claims()), badJWT},
		"a claim twice":            {signed(t, keys().epr, w.head(), []byte(`{"iss":"kmh-epr","sub":"kmh-epr","iss":"mosaic"}`)), badJWT},
		"claims are a list":        {signed(t, keys().epr, w.head(), []byte(`[]`)), badJWT},
		"something after":          {signed(t, keys().epr, w.head(), []byte(`{}{}`)), badJWT},
		"not UTF-8":                {signed(t, keys().epr, w.head(), []byte("{\"iss\":\"\xff\"}")), badJWT},
		"nothing":                  {"..", badJWT},
	}
	for name, row := range rows {
		if a := w.ask(row.jwt); a.status != 400 || a.text() != row.text {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
	w.granted(w.ask(good)) // none of these used it up
	if n := w.keyURL.times(); n != 0 {
		t.Errorf("%d addresses were asked that an assertion named", n)
	}
}

func mustJSON(t testing.TB, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func hmacSigned(t testing.TB, key []byte, head, claims members) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS512, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", head["kid"]).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.Sign(mustJSON(t, claims))
	if err != nil {
		t.Fatal(err)
	}
	out, err := j.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestHostileForms(t *testing.T) {
	w := newWorld(t, "sqlite")
	at := w.here.URL + tokenPath
	good := formOf(w.good("kmh-epr"))
	without := func(name string) string {
		f := formOf(w.good("kmh-epr"))
		f.Del(name)
		return f.Encode()
	}
	for name, row := range map[string]struct {
		body, code, text string
		head             []string
	}{
		"a parameter twice":  {good.Encode() + "&grant_type=client_credentials", "invalid_request", "A parameter stands twice", nil},
		"another media type": {good.Encode(), "invalid_request", "Content-Type must be application/x-www-form-urlencoded", []string{"Content-Type", "application/json"}},
		"no media type":      {good.Encode(), "invalid_request", "Content-Type must be application/x-www-form-urlencoded", []string{"Content-Type", ""}},
		"a password too":     {good.Encode(), "invalid_request", "Clients authenticate by client_assertion only", []string{"Authorization", "Basic YTpi"}},
		"a secret too":       {good.Encode() + "&client_secret=x", "invalid_request", "Clients authenticate by client_assertion only", nil},
		"no grant":           {without("grant_type"), "invalid_request", "Missing grant_type - must be 'client_credentials'", nil},
		"another grant":      {strings.Replace(good.Encode(), "client_credentials", "password", 1), "unsupported_grant_type", "Invalid grant_type - must be 'client_credentials'", nil},
		"no assertion type":  {without("client_assertion_type"), "invalid_request", "Missing or invalid client_assertion_type - must be '" + assertionType + "'", nil},
		"no assertion":       {without("client_assertion"), "invalid_request", "Missing client_assertion", nil},
		"another client_id":  {good.Encode() + "&client_id=mosaic", "invalid_client", notVerified, nil},
		"an unknown scope":   {good.Encode() + "&scope=launch+everything", "invalid_scope", "A scope was asked for that this client does not have", nil},
		"a scope twice":      {good.Encode() + "&scope=launch+launch", "invalid_scope", "A scope stands twice", nil},
		"too long":           {good.Encode() + "&x=" + strings.Repeat("x", maxTokenForm), "invalid_request", "The request is too long or was cut off", nil},
		"broken":             {"%zz", "invalid_request", "The body cannot be read as a form", nil},
	} {
		if a := w.post(at, row.body, row.head...); a.status != 400 || a.code() != row.code || a.text() != row.text {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
	if a := w.post(at+"?grant_type=client_credentials", good.Encode()); a.status != 400 {
		t.Errorf("parameters in the address: %d %v", a.status, a.body)
	}
	res, err := http.Get(at)
	w.must(err)
	res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", res.StatusCode)
	}
}

func TestRefusalsAreAudited(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		newest := func() (r store.AuditRecord) {
			w.must(w.store.View(context.Background(), func(tx *store.Tx) error {
				as, err := tx.Audits(store.AuditFilter{Limit: 1})
				if len(as) > 0 {
					r = as[0].AuditRecord
				}
				return err
			}))
			return r
		}
		w.ask(signed(t, keys().mosaic, w.head(), w.claims("kmh-epr")))
		if r := newest(); r.Actor != "system-kmh-epr" || r.Allowed || r.Outcome != "the signature does not hold" || r.Role != care.Machine || r.Address != "192.0.2.7" {
			t.Errorf("%+v", r)
		}
		w.ask(signed(t, keys().mosaic, w.head(), w.claims("Barbara Oakley")))
		if r := newest(); r.Actor != "system-unknown" || strings.Contains(fmt.Sprint(r), "Barbara") {
			t.Errorf("%+v", r)
		}
		w.ask("nonsense")
		if r := newest(); r.Actor != "system-unknown" || r.Outcome != badJWT {
			t.Errorf("%+v", r)
		}
		w.granted(w.ask(w.good("kmh-epr")))
		if r := newest(); r.Actor != "system-kmh-epr" || !r.Allowed {
			t.Errorf("%+v", r)
		}
	})
}

func TestLaunch(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		token := w.granted(w.ask(w.good("kmh-epr")))
		a := w.launchAt(w.here.URL, token, `{"nhs":"`+nhs.Test(5).Spaced()+`","dob":"1941-03-14","user":"nina"}`)
		to, _ := a.body["url"].(string)
		if a.status != 201 || a.body["expires_in"] != 120.0 || !strings.HasPrefix(to, public+"/launch/") || a.header.Get("Location") != to || len(to) != len(public+"/launch/")+43 {
			t.Fatalf("%d %v", a.status, a.body)
		}
		if _, err := w.hub.OpenLaunch(context.Background(), care.Actor{}, strings.TrimPrefix(to, public+"/launch/")); err != nil {
			t.Errorf("the link cannot be opened: %v", err)
		}
		for body, want := range map[string]string{
			`{"nhs":"9991234567"}`: "nhs must be an NHS number of 10 digits whose check digit is right", `{}`: "Give either nhs or mrn, of up to 50 characters, and dob in the past",
			`{"nhs":"` + nhs.Test(5).Digits() + `","mrn":"M1"}`: "Give either nhs or mrn, of up to 50 characters, and dob in the past",
			`{"mrn":"M1","dob":"14/03/1941"}`:                   "dob must be like 1941-03-14", `{"mrn":"M1","dob":"2941-03-14"}`: "Give either nhs or mrn, of up to 50 characters, and dob in the past",
			`{"mrn":1}`: "Every member must be a text", `{"mrn":"M1","name":"Barbara"}`: "Only nhs, mrn, dob and user are known",
			`{"mrn":"M1","mrn":"M2"}`: "The body must be one JSON object, with no name twice", `[]`: "The body must be one JSON object, with no name twice",
			`{"mrn":"` + strings.Repeat("M", maxLaunch) + `"}`: "The request is too long or was cut off",
		} {
			if a := w.launchAt(w.here.URL, token, body); a.status != 400 || a.text() != want {
				t.Errorf("%.60s: %d %v", body, a.status, a.body)
			}
		}
		if strings.Contains(w.log.String(), "9991234567") || strings.Contains(w.log.String(), "Barbara") {
			t.Error("a person is in the log")
		}
	})
}

func TestTokensAtTheDoor(t *testing.T) {
	w := newWorld(t, "sqlite")
	body := `{"mrn":"M1"}`
	a := w.launchAt(w.here.URL, "", body)
	if a.status != 401 || a.header.Get("WWW-Authenticate") != `Bearer realm="homeward"` {
		t.Errorf("no token: %d %v", a.status, a.header)
	}
	token := w.granted(w.ask(w.good("kmh-epr")))
	for name, bad := range map[string]string{"unknown": strings.Repeat("A", 43), "short": token[1:], "with more": token + " x", "two": token + "," + token} {
		a := w.launchAt(w.here.URL, bad, body)
		if a.status != 401 || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	weak := w.granted(w.ask(w.good("kmh-epr"), "scope", "system/read"))
	a = w.launchAt(w.here.URL, weak, body)
	if a.status != 403 || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="insufficient_scope"`) || !strings.Contains(a.header.Get("WWW-Authenticate"), `scope="launch"`) {
		t.Errorf("without the scope: %d %v", a.status, a.header)
	}
	w.now.Add((600 * time.Second).Microseconds())
	if a := w.launchAt(w.here.URL, token, body); a.status != 401 {
		t.Errorf("after its end: %d", a.status)
	}
	// A council's system may not bring a person, whatever its scope says.
	mosaic := w.granted(w.ask(signed(t, keys().mosaic, w.head().with("kid", "m1"), w.claims("mosaic"))))
	if a := w.launchAt(w.here.URL, mosaic, body); a.status != 403 || a.code() != "access_denied" {
		t.Errorf("a council's: %d %v", a.status, a.body)
	}
}

func TestRates(t *testing.T) {
	w := newWorld(t, "sqlite")
	var last answered
	for range 6 {
		last = w.ask(signed(t, keys().mosaic, w.head().with("kid", "m1"), w.claims("mosaic")))
	}
	if last.status != 429 || last.header.Get("Retry-After") == "" {
		t.Errorf("the sixth of five a minute: %d %v", last.status, last.body)
	}
	w.granted(w.ask(w.good("kmh-epr"))) // another client is not slowed
	// Whoever cannot sign does not use up a client's share, only their own.
	slow := newWorld(t, "sqlite", func(c *SystemsConfig) { c.PerSecond = 1 })
	for range 10 {
		slow.ask("nonsense")
	}
	if a := slow.ask(slow.good("kmh-epr")); a.status != 429 {
		t.Errorf("the address: %d", a.status)
	}
	rows := 0
	slow.must(slow.store.View(context.Background(), func(tx *store.Tx) error {
		as, err := tx.Audits(store.AuditFilter{Actor: "system-unknown", Limit: 1000})
		rows = len(as)
		return err
	}))
	if rows != 1 { // a tenth of one a second
		t.Errorf("a stranger wrote %d rows of the audit", rows)
	}
	slow.now.Add(time.Minute.Microseconds())
	slow.granted(slow.ask(slow.good("kmh-epr")))
}

// Whoever cannot sign does not learn which systems there are: not by words, and
// not by what a limit turns away.
func TestStrangersDoNotLearnWhichSystemsThereAre(t *testing.T) {
	w := newWorld(t, "sqlite")
	said := map[string]string{}
	for _, iss := range []string{"nhs-like", "mosaic", "kmh-epr", "nobody", "nobody-either"} {
		for _, alg := range []string{"none", "HS256", "RS256", "RS384", "ES384", "RS512"} {
			for range 12 {
				raw := signed(t, keys().mosaic, w.head().with("kid", "nowhere"), w.claims(iss))
				head, rest, _ := strings.Cut(raw, ".")
				b, err := base64.RawURLEncoding.DecodeString(head)
				w.must(err)
				head = base64.RawURLEncoding.EncodeToString(regexp.MustCompile(`"alg":"[A-Z0-9]+"`).ReplaceAll(b, []byte(`"alg":"`+alg+`"`)))
				a := w.ask(head + "." + rest)
				got := fmt.Sprint(a.status, a.code(), a.text())
				if was, ok := said[alg]; ok && was != got {
					t.Fatalf("%s, %s: %s, and of others %s", iss, alg, got, was)
				}
				said[alg] = got
			}
		}
		w.now.Add(time.Minute.Microseconds())
	}
}

func TestANetworkIsOneAddress(t *testing.T) {
	l := newLimits(0.1, time.Now) // one at once
	for _, c := range []struct {
		address string
		want    bool
	}{{"2001:db8:1:2::1", true}, {"2001:db8:1:2:ffff::9%eth0", false}, {"2001:db8:1:3::1", true}, {"192.0.2.1", true}, {"192.0.2.2", true}, {"192.0.2.2", false},
		{"::ffff:192.0.2.9", true}, {"::ffff:192.0.2.10", true}, {"", true}, {"", false}} {
		if got := l.allow(c.address); got != c.want {
			t.Errorf("%q: %v", c.address, got)
		}
	}
}

func TestKeysAreChangedByTheSet(t *testing.T) {
	w := newWorld(t, "sqlite")
	with := func(kid string, key *rsa.PrivateKey) answered {
		w.now.Add(time.Minute.Microseconds())
		return w.ask(signed(t, key, w.head().with("kid", kid), w.claims("mosaic")))
	}
	w.granted(with("m1", keys().mosaic))
	w.granted(with("m1", keys().mosaic))
	if n := w.keyURL.times(); n != 1 {
		t.Errorf("the set was read %d times for a key that is known", n)
	}
	w.keyURL.set(jwks(t, jose.JSONWebKey{Key: keys().epr.Public(), KeyID: "m2"}))
	w.granted(with("m2", keys().epr))
	if a := with("m1", keys().mosaic); a.status != 400 {
		t.Errorf("a key that was taken out: %d", a.status)
	}
	asked := w.keyURL.times()
	for i := range 5 { // guesses do not make us ask again and again
		w.ask(signed(t, keys().epr, w.head().with("kid", fmt.Sprint("guess", i)), w.claims("mosaic")))
	}
	if n := w.keyURL.times(); n > asked+1 {
		t.Errorf("asked %d times for 5 guesses", n-asked)
	}
	w.keyURL.instead(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) })
	w.now.Add((keysFresh + time.Minute).Microseconds())
	w.granted(with("m2", keys().epr)) // its address is down: believed for a while
	w.now.Add(keysStale.Microseconds())
	if a := with("m2", keys().epr); a.status != 400 || a.text() != notVerified {
		t.Errorf("after a day without an answer: %d %v", a.status, a.body)
	}
	w.keyURL.instead(nil)
	w.granted(with("m2", keys().epr))
}

func TestHostileKeySets(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(jwks(t, jose.JSONWebKey{Key: keys().mosaic.Public(), KeyID: "m1"}))
	}))
	defer elsewhere.Close()
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: keys().mosaic, KeyID: "m1"}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]http.HandlerFunc{
		"leads elsewhere": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"leads to a file": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		},
		"endless":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte(" "), maxKeys+1)) },
		"no JSON":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"a private key": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(private) },
		"a kid twice": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(jwks(t, jose.JSONWebKey{Key: keys().mosaic.Public(), KeyID: "m1"}, jose.JSONWebKey{Key: keys().epr.Public(), KeyID: "m1"}))
		},
		"for encryption": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(jwks(t, jose.JSONWebKey{Key: keys().mosaic.Public(), KeyID: "m1", Use: "enc"}))
		},
		"a secret": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[{"kty":"oct","kid":"m1","k":"AAAA"}]}`))
		},
	} {
		w := newWorld(t, "sqlite")
		w.keyURL.instead(f)
		if a := w.ask(signed(t, keys().mosaic, w.head().with("kid", "m1"), w.claims("mosaic"))); a.status != 400 || a.text() != notVerified {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
	for _, source := range []string{"http://keys.test/jwks", "ftp://127.0.0.1/x", "https://user:pw@keys.test/", "/no/such/file.json", ""} {
		if _, err := newKeySet(source, keyTransport(), time.Now); err == nil {
			t.Errorf("keys from %q were taken", source)
		}
	}
	if _, err := newKeySet("https://keys.test/jwks", keyTransport(), time.Now); err != nil {
		t.Error(err)
	}
}

func TestSystemsAreMadeWithCare(t *testing.T) {
	w := newWorld(t, "sqlite")
	for _, c := range []Client{{ID: "not-there", Keys: "x"}, {ID: "kmh-epr", Keys: "x", Algs: []string{"none"}}, {ID: "kmh-epr", Keys: "x", Algs: []string{"HS256"}}} {
		if _, err := NewSystems(SystemsConfig{Hub: w.hub, URLs: []string{public}, Address: func(*http.Request) string { return "" }, Clients: []Client{c}}); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if _, err := NewSystems(SystemsConfig{Hub: w.hub}); err == nil {
		t.Error("systems without an address were made")
	}
}

func TestMetadata(t *testing.T) {
	w := newWorld(t, "sqlite")
	for _, path := range []string{"/.well-known/smart-configuration", "/.well-known/oauth-authorization-server"} {
		r, err := http.NewRequest("GET", w.here.URL+path, nil)
		w.must(err)
		a := w.do(http.DefaultClient, r)
		if a.status != 200 || a.body["token_endpoint"] != public+tokenPath || a.body["issuer"] != public || a.body["tls_client_certificate_bound_access_tokens"] != true ||
			fmt.Sprint(a.body["token_endpoint_auth_signing_alg_values_supported"]) != "[RS512 RS384 ES384]" || fmt.Sprint(a.body["scopes_supported"]) != "[launch system/read]" {
			t.Errorf("%v", a.body)
		}
	}
}

// certificate makes a certificate that signed itself.
func certificate(t testing.TB, name string) tls.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, keys().ec.Public(), keys().ec)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: keys().ec}
}

func TestTokensBoundToACertificateOverTLS(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		srv := httptest.NewUnstartedServer(w.here.Config.Handler)
		srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
		srv.StartTLS()
		defer srv.Close()
		with := func(certs ...tls.Certificate) *http.Client {
			c := srv.Client().Transport.(*http.Transport).Clone()
			c.TLSClientConfig.Certificates = certs
			return &http.Client{Transport: c}
		}
		mine, other := with(certificate(t, "epr")), with(certificate(t, "other"))
		ask := func(c *http.Client, client string) answered {
			r, err := http.NewRequest("POST", srv.URL+tokenPath, strings.NewReader(formOf(w.good(client)).Encode()))
			w.must(err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return w.do(c, r)
		}
		use := func(c *http.Client, token string) int {
			r, err := http.NewRequest("POST", srv.URL+"/api/launch", strings.NewReader(`{"mrn":"M1"}`))
			w.must(err)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+token)
			return w.do(c, r).status
		}
		if a := ask(with(), "bound"); a.status != 400 || a.code() != "invalid_client" {
			t.Errorf("without a certificate: %d %v", a.status, a.body)
		}
		token := w.granted(ask(mine, "bound"))
		for c, want := range map[*http.Client]int{mine: 201, other: 401, with(): 401} {
			if got := use(c, token); got != want {
				t.Errorf("%d, want %d", got, want)
			}
		}
		if a := w.launchAt(w.here.URL, token, `{"mrn":"M1"}`); a.status != 401 {
			t.Errorf("the bound token over plain HTTP: %d", a.status)
		}
		// One that is not bound holds with any certificate.
		if got := use(other, w.granted(ask(mine, "kmh-epr"))); got != 201 {
			t.Errorf("not bound: %d", got)
		}
	})
}

func TestACertificateThatTheProxyTells(t *testing.T) {
	w := newWorld(t, "sqlite", func(c *SystemsConfig) { c.CertHeader = "X-Client-Cert" })
	der, other := certificate(t, "epr").Certificate[0], certificate(t, "other").Certificate[0]
	escaped := func(der []byte) string {
		return url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	}
	structured := func(der []byte) string { return ":" + base64.StdEncoding.EncodeToString(der) + ":" }
	ask := func(cert string) answered {
		return w.post(w.here.URL+tokenPath, formOf(w.good("bound")).Encode(), "X-Client-Cert", cert)
	}
	token := w.granted(ask(escaped(der)))
	use := func(certs ...string) int {
		r, err := http.NewRequest("POST", w.here.URL+"/api/launch", strings.NewReader(`{"mrn":"M1"}`))
		w.must(err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		for _, c := range certs {
			r.Header.Add("X-Client-Cert", c)
		}
		return w.do(http.DefaultClient, r).status
	}
	if got := use(structured(der)); got != 201 {
		t.Errorf("the same certificate, written otherwise: %d", got)
	}
	for name, certs := range map[string][]string{"another": {escaped(other)}, "none": nil, "empty": {""}, "both": {escaped(other), escaped(der)}, "both, its own first": {escaped(der), escaped(other)}, "nonsense": {"MIIB"}, "no certificate": {structured([]byte("x"))}} {
		if got := use(certs...); got != 401 {
			t.Errorf("%s: %d", name, got)
		}
	}
	if a := ask("nonsense"); a.status != 400 {
		t.Errorf("nonsense: %d", a.status)
	}
	// Where no header is configured, a header says nothing.
	plain := newWorld(t, "sqlite")
	if a := plain.post(plain.here.URL+tokenPath, formOf(plain.good("bound")).Encode(), "X-Client-Cert", escaped(der)); a.status != 400 || a.code() != "invalid_client" {
		t.Errorf("a header that nobody configured: %d %v", a.status, a.body)
	}
	sum := sha256.Sum256(der)
	if len(enc(sum[:])) != 43 {
		t.Error("a thumbprint has 43 letters")
	}
}

func FuzzAssertion(f *testing.F) {
	f.Add("e30.e30.")
	f.Add(enc([]byte(`{"alg":"RS512","typ":"JWT","kid":"k"}`)) + "." + enc([]byte(`{"iss":"a","sub":"a","aud":"x","jti":"1","exp":9999999999}`)) + ".AAAA")
	now := time.Unix(1_800_000_000, 0)
	f.Fuzz(func(t *testing.T, raw string) {
		a, no := checkAssertion(raw, now, []string{"x"}, algorithms)
		if no == nil && (a.iss == "" || a.kid == "" || a.jti == "" || !a.ends.After(now)) {
			t.Errorf("%+v passed", a)
		}
		if no == nil && a.verify(keys().epr.Public()) == nil {
			t.Error("nobody signed this")
		}
	})
}

func BenchmarkToken(b *testing.B) {
	w := newWorld(b, "sqlite", func(c *SystemsConfig) {
		c.PerSecond = 1e9
		for i := range c.Clients {
			c.Clients[i].PerMinute = 1_000_000_000
		}
	})
	for name, key := range map[string]crypto.Signer{"RS512": keys().epr, "ES384": keys().ec} {
		b.Run(name, func(b *testing.B) {
			head := w.head()
			if name == "ES384" {
				head = head.with("alg", "ES384", "kid", "e1")
			}
			forms := make([]string, b.N)
			for i := range forms {
				forms[i] = formOf(signed(b, key, head, w.claims("kmh-epr"))).Encode()
			}
			var n atomic.Int64
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r := httptest.NewRequest("POST", tokenPath, strings.NewReader(forms[n.Add(1)-1]))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					rec := httptest.NewRecorder()
					w.here.Config.Handler.ServeHTTP(rec, r)
					if rec.Code != 200 {
						b.Errorf("%d %s", rec.Code, rec.Body)
					}
				}
			})
		})
	}
}
