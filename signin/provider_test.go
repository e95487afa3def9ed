package signin

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"homeward/care"
	"homeward/nhs"
)

func identityOf(t testing.TB, doc string) identity {
	t.Helper()
	var id identity
	if err := json.Unmarshal([]byte(doc), &id.claims); err != nil {
		t.Fatal(err)
	}
	return id
}

func known(o nhs.ODS) bool { return o == "RK5" || o == "511" }

func TestGrantsOfNationalRoles(t *testing.T) {
	p := &peer{Provider: Provider{Kind: CIS2, Orgs: map[string]nhs.ODS{"RK501": "RK5", "X": "ZZ9"}, Rules: []Rule{
		{Role: care.IGLead, Code: "R8001", Activity: "B1101"}, {Role: care.WardNurse, Code: "R8001", Ward: "12"},
		{Role: care.Coordinator, Code: "S1:G1:R7", Org: "511"}, {Role: care.Integration, Activity: "B0001"}}}}
	role := func(profile, org, code, activities string) string {
		return `{"person_roleid":"` + profile + `","org_code":"` + org + `","role_code":"` + code + `","activity_codes":[` + activities + `]}`
	}
	for _, c := range []struct {
		what, doc string
		want      []care.Grant
		why       string
	}{
		{"none", `{}`, nil, "no national role"},
		{"the last part of the code", `{"nhsid_nrbac_roles":[` + role("1", "RK5", "S8000:G8000:R8001", "") + `]}`, []care.Grant{{Role: care.WardNurse, Org: "RK5", Ward: "12", Profile: "1"}}, ""},
		{"part of a code", `{"nhsid_nrbac_roles":[` + role("1", "RK5", "S8000:G8000:XR8001", "") + `]}`, nil, "no role with a rule"},
		{"the first rule", `{"nhsid_nrbac_roles":[` + role("1", "RK5", "S:G:R8001", `"B9","B1101"`) + `]}`, []care.Grant{{Role: care.IGLead, Org: "RK5", Profile: "1"}}, ""},
		{"an activity alone", `{"nhsid_nrbac_roles":[` + role("1", "RK5", "S:G:R1", `"B0001"`) + `]}`, []care.Grant{{Role: care.Integration, Org: "RK5", Profile: "1"}}, ""},
		{"a site of a trust, and the same again", `{"nhsid_nrbac_roles":[` + role("1", "RK501", "R8001", "") + "," + role("2", "RK5", "R8001", "") + `]}`, []care.Grant{{Role: care.WardNurse, Org: "RK5", Ward: "12", Profile: "1"}}, ""},
		{"elsewhere", `{"nhsid_nrbac_roles":[` + role("1", "RX1", "R8001", "") + "," + role("2", "X", "R8001", "") + `]}`, nil, "roles at other organisations"},
		{"a rule of another organisation", `{"nhsid_nrbac_roles":[` + role("1", "RK5", "S1:G1:R7", "") + `]}`, nil, "no role with a rule"},
		{"two", `{"nhsid_nrbac_roles":[` + role("1", "RK5", "R8001", "") + "," + role("2", "511", "S1:G1:R7", "") + `]}`, []care.Grant{{Role: care.WardNurse, Org: "RK5", Ward: "12", Profile: "1"}, {Role: care.Coordinator, Org: "511", Profile: "2"}}, ""},
		{"one selected", `{"selected_roleid":"2","nhsid_nrbac_roles":[` + role("1", "RK5", "R8001", "") + "," + role("2", "511", "S1:G1:R7", "") + `]}`, []care.Grant{{Role: care.Coordinator, Org: "511", Profile: "2"}}, ""},
		{"groups count for nothing", `{"groups":["R8001"],"roles":["R8001"]}`, nil, "no national role"},
	} {
		got, why := p.grants(identityOf(t, c.doc), known)
		if diff := cmp.Diff(c.want, got); diff != "" || why != c.why {
			t.Errorf("%s: why %q, want %q\n%s", c.what, why, c.why, diff)
		}
	}
}

func TestGrantsOfGroups(t *testing.T) {
	p := &peer{Provider: Provider{Kind: Entra, Rules: []Rule{{Role: care.SocialWorker, Code: "g1", Org: "511", Team: "T1"}, {Role: care.TeamManager, Code: "g2", Org: "511"},
		{Role: care.SocialWorker, Code: "App.Social", Org: "511", Team: "T1"}}}}
	for doc, want := range map[string]int{`{}`: 0, `{"groups":["g1"]}`: 1, `{"groups":["g1","g2","g3"]}`: 2, `{"roles":"App.Social"}`: 1, `{"groups":["g1"],"roles":["App.Social"]}`: 1,
		`{"groups":["G1"]}`: 0, `{"wids":["g1"]}`: 0, `{"nhsid_nrbac_roles":[{"org_code":"511","role_code":"g1"}]}`: 0} {
		if got, _ := p.grants(identityOf(t, doc), known); len(got) != want {
			t.Errorf("%s: %v", doc, got)
		}
	}
	for _, doc := range []string{`{"hasgroups":true}`, `{"_claim_names":{"groups":"src1"}}`} {
		if _, why := p.grants(identityOf(t, doc), known); !strings.Contains(why, "too many groups") {
			t.Error(doc, why)
		}
	}
}

// Whatever a provider says, nobody gets a role that no rule names, nor at an
// organisation that is not ours.
func TestGrantsAreThoseOfRules(t *testing.T) {
	word := rapid.SampledFrom([]string{"", "a", "b", "S:a", "RK5", "511", "ZZ9", "*", ":a"})
	rapid.Check(t, func(t *rapid.T) {
		p := &peer{Provider: Provider{Kind: rapid.SampledFrom([]ProviderKind{CIS2, Entra, Plain}).Draw(t, "kind")}}
		for range rapid.IntRange(0, 3).Draw(t, "rules") {
			r := Rule{Role: rapid.SampledFrom(care.Roles()).Draw(t, "role"), Code: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "code"), Org: "511"}
			if p.Kind == CIS2 {
				r.Org = rapid.SampledFrom([]nhs.ODS{"", "RK5"}).Draw(t, "org")
			}
			p.Rules = append(p.Rules, r)
		}
		var id identity
		id.Groups, id.Roles = rapid.SliceOfN(word, 0, 3).Draw(t, "groups"), rapid.SliceOfN(word, 0, 3).Draw(t, "app roles")
		for range rapid.IntRange(0, 3).Draw(t, "held") {
			id.Nrbac = append(id.Nrbac, held{Profile: word.Draw(t, "profile"), Org: word.Draw(t, "at"), Code: word.Draw(t, "held code"), Activities: rapid.SliceOfN(word, 0, 2).Draw(t, "activities")})
		}
		got, why := p.grants(id, known)
		if (len(got) == 0) != (why != "") {
			t.Fatalf("%d grants, and why not: %q", len(got), why)
		}
		for i, g := range got {
			fits := false
			for _, r := range p.Rules {
				fits = fits || r.Role == g.Role && (r.Org == g.Org || r.Org == "" && p.Kind == CIS2)
			}
			if !fits || !known(g.Org) {
				t.Fatalf("%+v comes from no rule", g)
			}
			for _, o := range got[:i] {
				if o == g {
					t.Fatal("the same grant twice")
				}
			}
		}
	})
}

func TestAssurance(t *testing.T) {
	cis2 := &peer{Provider: Provider{Kind: CIS2, LeastAAL: 2, LeastIdentity: 3}}
	for doc, want := range map[string]string{
		`{"acr":"AAL3_ANY","id_assurance_level":3}`:                                                "",
		`{"acr":"AAL2_OR_AAL3_ANY","id_assurance_level":"3"}`:                                      "",
		`{"authentication_assurance_level":"2","idassurancelevel":"3"}`:                            "",
		`{"authentication_assurance_level":1,"acr":"AAL3_ANY","id_assurance_level":3}`:             "authentication level 1",
		`{"acr":"AAL1_USERPASS","id_assurance_level":"3"}`:                                         "authentication level 1",
		`{"acr":"AAL2_OR_AAL1","id_assurance_level":"3"}`:                                          "authentication level 1",
		`{"id_assurance_level":"3"}`:                                                               "authentication level 0",
		`{"acr":"AAL9","id_assurance_level":"3"}`:                                                  "authentication level 0",
		`{"acr":"AAL3_ANY"}`:                                                                       "identity level 0",
		`{"acr":"AAL3_ANY","id_assurance_level":2}`:                                                "identity level 2",
		`{"acr":"AAL3_ANY","id_assurance_level":"three"}`:                                          "identity level 0",
		`{"acr":3,"authentication_assurance_level":null,"id_assurance_level":3,"amr":"SMARTCARD"}`: "authentication level 0",
	} {
		if got := cis2.unassured(identityOf(t, doc)); got != want {
			t.Errorf("%s: %q, want %q", doc, got, want)
		}
	}
	council := &peer{Provider: Provider{Kind: Entra, AcceptACR: []string{"c1", "c2"}, NeedAMR: []string{"mfa"}}}
	for doc, want := range map[string]string{`{"acr":"c2","amr":["pwd","mfa"]}`: "", `{"acr":"c2","amr":"mfa"}`: "", `{"acr":"c3","amr":["mfa"]}`: "acr", `{"acr":"c1","amr":["pwd"]}`: "amr without mfa", `{}`: "acr"} {
		if got := council.unassured(identityOf(t, doc)); got != want {
			t.Errorf("%s: %q, want %q", doc, got, want)
		}
	}
}

func TestNamesAreOneLine(t *testing.T) {
	for doc, want := range map[string]string{`{"name":"Nadia Coles"}`: "Nadia Coles", `{"name":"a\nb\u202ec\u0000 d"}`: "a b c d", `{"given_name":"N","family_name":"C"}`: "N C",
		`{"name":" ","display_name":"COLES, Nadia"}`: "COLES, Nadia", `{}`: "Name not given", `{"name":"` + strings.Repeat("é", 300) + `"}`: strings.Repeat("é", 100)} {
		if got := identityOf(t, doc).name(); got != want {
			t.Errorf("%s: %q", doc, got)
		}
	}
}

func TestAccountsAreOpaqueAndTheSame(t *testing.T) {
	a := AccountOf("https://idp.example", "9001")
	if a != AccountOf("https://idp.example", "9001") || len(a) != 26 || strings.Contains(string(a), "9001") {
		t.Error(a)
	}
	if a == AccountOf("https://other.example", "9001") || AccountOf("x", "yz") == AccountOf("xy", "z") {
		t.Error("two people have one account")
	}
}

func TestReadKey(t *testing.T) {
	pemOf := func(k any) []byte {
		b, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk := func(alg string, key any) []byte {
		b, err := jose.JSONWebKey{Key: key, KeyID: "own", Algorithm: alg}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		what string
		b    []byte
		alg  jose.SignatureAlgorithm
	}{{"rsa", pemOf(big), jose.RS512}, {"p-384", pemOf(p384), jose.ES384}, {"rsa, ps256", jwk("PS256", big), jose.PS256}, {"p-384 as a jwk", jwk("ES384", p384), jose.ES384},
		{"p-521", pemOf(p521), ""}, {"ed25519", pemOf(ed), ""}, {"a MAC", jwk("HS256", []byte("0123456789")), ""}, {"rsa that says es256", jwk("ES256", big), ""},
		{"only public", jwk("", big.Public()), ""}, {"nothing", nil, ""}, {"text", []byte("hello"), ""}} {
		k, err := ReadKey(c.b, "k1")
		if c.alg == "" {
			if err == nil {
				t.Errorf("%s is taken", c.what)
			}
			continue
		}
		if err != nil || k.KeyID != "k1" {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if alg, err := assertionAlg(k); alg != c.alg || err != nil {
			t.Errorf("%s signs with %s (%v)", c.what, alg, err)
		}
	}
	if k, err := ReadKey(jwk("", p384), ""); err != nil || k.KeyID != "own" {
		t.Error("the key's own name is lost", err)
	}
}

// Whoever sends tokens with names of keys that are not there must not make us ask
// the provider each time, nor keep others out after a key was changed.
func TestUnknownKeysAreAskedForSeldom(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	asked, broken := 0, false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		if broken {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{"kty": "unheard of"}, jose.JSONWebKey{Key: []byte("secret secret secret secret 1234"), KeyID: "mac"},
			jose.JSONWebKey{Key: key.Public(), KeyID: "enc", Use: "enc"}, jose.JSONWebKey{Key: key.Public(), KeyID: "k1", Use: "sig"}}})
	}))
	defer srv.Close()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	set := &keySet{url: srv.URL, client: newClient(nil), clock: func() time.Time { return now }}
	signed := func(kid string) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid))
		if err != nil {
			t.Fatal(err)
		}
		jws, err := s.Sign([]byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		out, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	try := func(kid string) error { _, err := set.VerifySignature(t.Context(), signed(kid)); return err }
	broken = true
	for range 5 {
		if err := try("k1"); err == nil || !strings.Contains(err.Error(), errKeys.Error()) {
			t.Error(err)
		}
	}
	if broken = false; asked != 1 {
		t.Errorf("a provider that is broken was asked %d times", asked)
	}
	now = now.Add(keysRest)
	for range 50 {
		if try("k9") == nil || try("enc") == nil || try("mac") == nil {
			t.Fatal("a key that is none of its signing keys is taken")
		}
	}
	if err := try("k1"); err != nil || asked != 2 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	now = now.Add(keysRest)
	if try("k9") == nil || asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}

// A key that a provider has withdrawn opens nothing for long, even when no token
// names a newer one; and a provider that does not answer keeps nobody out.
func TestWithdrawnKeysAreForgotten(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, status := []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1"}}, 200
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
	}))
	defer srv.Close()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	set := &keySet{url: srv.URL, client: newClient(nil), clock: func() time.Time { return now }}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k1"))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		what   string
		later  time.Duration
		keys   bool
		status int
		good   bool
	}{{"at first", 0, true, 200, true}, {"withdrawn just now", 59 * time.Minute, false, 200, true}, {"withdrawn", time.Minute, false, 200, false},
		{"there again", time.Hour, true, 200, true}, {"no answer", 2 * time.Hour, true, 502, true}, {"no answer again", time.Second, true, 502, true},
		{"no answer for long", 10 * time.Hour, true, 502, false}} {
		now, status = now.Add(step.later), step.status
		if keys = nil; step.keys {
			keys = []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1"}}
		}
		if _, err := set.VerifySignature(t.Context(), token); (err == nil) != step.good {
			t.Errorf("%s: %v", step.what, err)
		}
	}
}

// When a provider that was met does not answer any more, it is taken at its old
// word, and is not asked again for each reader: each would wait for it.
func TestAProviderThatIsGoneIsAskedSeldom(t *testing.T) {
	asked, down := 0, false
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		if down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": srv.URL, "authorization_endpoint": srv.URL + "/a", "token_endpoint": srv.URL + "/t", "jwks_uri": srv.URL + "/k"})
	}))
	defer srv.Close()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	p := &peer{Provider: Provider{Name: "x", Kind: Entra, Issuer: srv.URL}, client: newClient(nil), clock: func() time.Time { return now }}
	if _, err := p.meet(t.Context()); err != nil {
		t.Fatal(err)
	}
	down, now = true, now.Add(meetingHolds)
	for range 20 {
		if at, err := p.meet(t.Context()); err != nil || at == nil {
			t.Fatal(err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
	down, now = false, now.Add(meetingRests)
	if _, err := p.meet(t.Context()); err != nil || asked != 3 || p.met != now {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

// A provider that does not say when somebody proved who they are may have known
// them for hours: that is no fresh proof.
func TestAnUnknownProofIsNotFresh(t *testing.T) {
	d := newDoor(t)
	a, err := d.Accounts.Account(t.Context(), "cnurse")
	if err != nil {
		t.Fatal(err)
	}
	for at, fresh := range map[time.Time]bool{{}: false, d.now: true, d.now.Add(time.Second): true, d.now.Add(-5 * time.Minute): false} {
		e, err := d.Enter(t.Context(), a, How{Method: care.ByProvider, Provider: "council", At: at}, "")
		if err != nil || d.Fresh(e.Session) != fresh {
			t.Errorf("proven %v: fresh is %v, %v", at, d.Fresh(e.Session), err)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, strings.Repeat("x", mostAnswer+1))
	}))
	defer srv.Close()
	c := newClient(nil)
	res, err := c.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != errLong || len(b) != mostAnswer {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if res, err := c.Get(srv.URL + "/away"); err == nil {
		res.Body.Close()
		t.Error("we let ourselves be sent elsewhere")
	}
}

func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"sub":"x","acr":1,"amr":"mfa","groups":["a"],"nhsid_nrbac_roles":[{"org_code":"RK5","role_code":"R1"}]}`))
	f.Add([]byte(`{"amr":[1],"authentication_assurance_level":{}}`))
	p := &peer{Provider: Provider{Kind: CIS2, LeastAAL: 2, Rules: []Rule{{Role: care.WardNurse, Code: "R1"}}}}
	f.Fuzz(func(t *testing.T, b []byte) {
		var id identity
		if json.Unmarshal(b, &id.claims) != nil {
			return
		}
		if n := id.name(); n == "" || strings.ContainsAny(n, "\n\r\x00") || len([]rune(n)) > 100 {
			t.Errorf("name %q", n)
		}
		if s := id.assurance(); strings.ContainsAny(s, "\n\r\x00") || len(s) > 600 {
			t.Errorf("assurance %q", s)
		}
		gs, _ := p.grants(id, known)
		for _, g := range gs {
			if !known(g.Org) {
				t.Errorf("%+v", g)
			}
		}
	})
}
