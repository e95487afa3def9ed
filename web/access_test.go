package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/care"
	"homeward/nhs"
	"homeward/signin"
	"homeward/sim/idp"
	"homeward/store"
)

// federal is a site with two pretend providers: one like NHS CIS2, to which we
// prove ourselves by a key, and a council's, by a secret.
type federal struct {
	*site
	cis2, council *idp.Provider
}

func nrbac(profile, org, code string, activities ...string) map[string]any {
	return map[string]any{"person_roleid": profile, "org_code": org, "role_code": code, "role_name": "Pretend", "activity_codes": activities}
}

func strong() map[string]any {
	return map[string]any{"acr": "AAL3_ANY", "authentication_assurance_level": "3", "id_assurance_level": 3}
}

func smartcards() []idp.Person {
	who := func(sub, name string, claims map[string]any, roles ...map[string]any) idp.Person {
		return idp.Person{Sub: sub, Name: name, Claims: claims, Info: map[string]any{"nhsid_useruid": sub, "nhsid_nrbac_roles": roles}}
	}
	return []idp.Person{
		who("9001", "Nadia Coles", strong(), nrbac("555001", "RK5", "S8000:G8000:R8001", "B0360")),
		who("9002", "Tom Fairweather", strong(), nrbac("555002", "RK501", "S8000:G8000:R8001"), nrbac("555003", "RX1", "S8001:G8002:R8008", "B0370"), nrbac("555004", "ZZ9", "S8000:G8000:R8001")),
		who("9003", "Zara Quill", strong(), nrbac("555005", "RK5", "S8009:G8009:R9999")),
		who("9004", "Ivy Lane", map[string]any{"acr": "AAL1_USERPASS", "authentication_assurance_level": "1", "id_assurance_level": "3"}, nrbac("555006", "RK5", "S8000:G8000:R8001")),
	}
}

func staff() []idp.Person {
	return []idp.Person{
		{Sub: "grace", Name: "Grace Holt", Claims: map[string]any{"amr": []string{"pwd", "mfa"}, "groups": []string{"g-social"}}},
		{Sub: "owen", Name: "Owen Pryce", Claims: map[string]any{"amr": []string{"pwd"}, "roles": []string{"Homeward.Manager"}}},
		{Sub: "many", Name: "Dev Rana", Claims: map[string]any{"amr": []string{"mfa"}, "_claim_names": map[string]string{"groups": "src1"},
			"_claim_sources": map[string]any{"src1": map[string]string{"endpoint": "https://graph.example/groups"}}}},
	}
}

func newFederal(t *testing.T) *federal {
	t.Helper()
	s := newSite(t)
	f := &federal{site: s}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.must(err)
	f.cis2 = f.provider("NHS CIS2 (pretend)", smartcards(), idp.Client{ID: "homeward", Key: &jose.JSONWebKey{Key: key.Public()}}, "cis2", false)
	f.council = f.provider("Council (pretend)", staff(), idp.Client{ID: "hw council", Secret: "s:p a+c%e"}, "council", true)
	s.server.Federation, err = signin.Federate(signin.FederationConfig{Service: s.server.SignIn, Vouched: s.hub, Base: s.url, Providers: []signin.Provider{
		{Name: "cis2", Title: "Sign in with an NHS smartcard or security key", Called: "NHS CIS2", Kind: signin.CIS2, Issuer: f.cis2.Issuer, ClientID: "homeward",
			Key: &jose.JSONWebKey{Key: key, KeyID: "k1"}, Scopes: []string{"profile", "nationalrbacaccess"}, ACR: []string{"AAL2_OR_AAL3_ANY"}, LeastAAL: 2, LeastIdentity: 3,
			Phone: "01632 960777", Orgs: map[string]nhs.ODS{"RK501": kingsMill},
			Rules: []signin.Rule{{Role: care.AENurse, Code: "R8001"}, {Role: care.Coordinator, Code: "S8001:G8002:R8008", Activity: "B0370"}}},
		{Name: "council", Title: "Sign in with a council account", Called: "The council’s sign-in", Kind: signin.Entra, Issuer: f.council.Issuer, ClientID: "hw council", Secret: "s:p a+c%e",
			NeedAMR: []string{"mfa"}, Rules: []signin.Rule{{Role: care.SocialWorker, Code: "g-social", Org: county, Team: "t1"}, {Role: care.TeamManager, Code: "Homeward.Manager", Org: county, Team: "t1"}}},
	}})
	s.must(err)
	return f
}

func (f *federal) provider(title string, people []idp.Person, c idp.Client, name string, ec bool) *idp.Provider {
	f.t.Helper()
	c.Redirects, c.AfterLogout, c.BackChannel = []string{f.url + "/signin/from/" + name}, []string{f.url + "/signin/out"}, f.url+"/signin/back/"+name
	p, err := idp.Start(idp.Config{Title: title, People: people, Clients: []idp.Client{c}, Clock: f.clock, EC: ec})
	f.must(err)
	f.t.Cleanup(func() { f.must(p.Close()) })
	return p
}

// pick goes to the provider from a link of ours and picks somebody there; it
// gives the address back to us.
func (r *reader) pick(from, sub string) string {
	r.s.t.Helper()
	got := r.get(from)
	if got.status != 303 || !strings.Contains(got.to, "/authorize?") {
		r.s.t.Fatalf("not sent to the provider: %d to %q: %s", got.status, got.to, got.text())
	}
	return r.picks(got.to, sub)
}

func (r *reader) picks(at, sub string) string {
	r.s.t.Helper()
	u, err := url.Parse(at)
	r.s.must(err)
	form := u.Query()
	form.Set("person", sub)
	res, err := r.c.PostForm(u.Scheme+"://"+u.Host+"/authorize", form)
	r.s.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	r.s.must(err)
	back, ok := strings.CutPrefix(res.Header.Get("Location"), r.s.url)
	if !ok {
		r.s.t.Fatalf("the provider sent us to %q: %s", res.Header.Get("Location"), b)
	}
	return back
}

// by signs somebody in by a provider.
func (f *federal) by(provider, sub string) (*reader, shown) {
	f.t.Helper()
	r := f.stranger()
	return r, r.get(r.pick("/signin/with/"+provider, sub))
}

// last is the newest record of the audit.
func (f *federal) last() store.Audited {
	f.t.Helper()
	var out store.Audited
	f.must(f.store.View(context.Background(), func(tx *store.Tx) error {
		all, err := tx.Audits(store.AuditFilter{Limit: 1})
		if err == nil && len(all) > 0 {
			out = all[0]
		}
		return err
	}))
	return out
}

func (f *federal) sessions() int {
	f.t.Helper()
	n := 0
	f.must(f.store.View(context.Background(), func(tx *store.Tx) error {
		for _, p := range []string{"cis2", "council"} {
			for _, sub := range []string{"9001", "9002", "9003", "9004", "grace", "owen", "many", "another"} {
				issuer := map[string]string{"cis2": f.cis2.Issuer, "council": f.council.Issuer}[p]
				all, err := tx.SessionsProvided(p, "", signin.AccountOf(issuer, sub))
				if err != nil {
					return err
				}
				n += len(all)
			}
		}
		return nil
	}))
	return n
}

func TestSigningInByAProvider(t *testing.T) {
	f := newFederal(t)
	door := f.stranger().get("/signin?next=/lookup/name")
	door.says("Sign in with an NHS smartcard or security key", "Sign in with a council account", "User name")
	wellMade(t, door)
	if !strings.Contains(door.body, `href="/signin/with/cis2?next=%2Flookup%2Fname"`) {
		t.Error("the button forgets where the reader was going")
	}
	r := f.stranger()
	got := r.get(r.pick("/signin/with/cis2?next=/lookup/name", "9001"))
	if got.status != 303 || got.to != "/lookup/name" {
		t.Fatalf("%d to %q: %s", got.status, got.to, got.text())
	}
	page := r.get("/lookup")
	page.says("Nadia Coles", "A&E nurse, King’s Mill Hospital")
	a := f.last()
	if a.Action != "signed-in" || !a.Allowed || a.Name != "Nadia Coles" || a.Outcome != "provider, cis2, role profile 555001, AAL3, identity 3" || a.Org != kingsMill {
		t.Errorf("the audit: %+v", a)
	}
	if f.cis2.Asked("/token") != 1 || f.cis2.Asked("/userinfo") != 1 {
		t.Error("the provider was not asked once for each")
	}
	_, got = f.by("council", "grace")
	if got.status != 303 || got.to != "/worklist" {
		t.Errorf("%d to %q", got.status, got.to)
	}
	if a := f.last(); a.Outcome != "provider, council, amr pwd mfa" || a.Role != care.SocialWorker {
		t.Errorf("the audit: %+v", a)
	}
}

func TestTheQuestionToAProvider(t *testing.T) {
	f := newFederal(t)
	r := f.stranger()
	got := r.get("/signin/with/cis2")
	u, err := url.Parse(got.to)
	f.must(err)
	q := u.Query()
	for k, want := range map[string]string{"client_id": "homeward", "response_type": "code", "code_challenge_method": "S256", "acr_values": "AAL2_OR_AAL3_ANY",
		"redirect_uri": f.url + "/signin/from/cis2", "scope": "openid profile nationalrbacaccess"} {
		if q.Get(k) != want {
			t.Errorf("%s is %q, want %q", k, q.Get(k), want)
		}
	}
	for _, k := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(k)) != 43 {
			t.Errorf("%s is %q", k, q.Get(k))
		}
	}
	if q.Get("state") == q.Get("nonce") || strings.Contains(got.header.Get("Set-Cookie"), q.Get("state")) {
		t.Error("what is secret can be told from what is not")
	}
	cookie := got.header.Get("Set-Cookie")
	for _, want := range []string{"homeward-asked=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=900"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie has no %s: %s", want, cookie)
		}
	}
	f.server.Secure = true
	if c := f.stranger().get("/signin/with/cis2").header.Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-homeward-asked=") || !strings.Contains(c, "Secure") {
		t.Errorf("the cookie: %s", c)
	}
	if got := r.get("/signin/with/nobody"); got.status != 404 {
		t.Error(got.status)
	}
	// A link of another site's must not sign anybody in by a session at the provider.
	req, err := http.NewRequest("GET", f.url+"/signin/with/cis2?next=/lookup", nil)
	f.must(err)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := f.stranger().send(req); got.to != "/signin?next=%2Flookup" {
		t.Errorf("another site begins a sign-in: %d to %q", got.status, got.to)
	}
}

func TestSeveralRolesOfAProvider(t *testing.T) {
	f := newFederal(t)
	r, got := f.by("cis2", "9002")
	if got.status != 303 || got.to != "/role" {
		t.Fatalf("%d to %q: %s", got.status, got.to, got.text())
	}
	page := r.get("/role")
	page.says("A&E nurse", "King’s Mill Hospital", "Discharge coordinator", "Queen’s Hospital")
	if n := strings.Count(page.body, `type="radio"`); n != 2 {
		t.Errorf("%d roles are offered: one is at a hospital that is not here", n)
	}
	if got := r.submit(page, "/role", "role", "1"); got.status != 303 || got.to != "/tracker" {
		t.Fatalf("%d to %q", got.status, got.to)
	}
	if a := f.last(); a.Action != "role-chosen" || a.Outcome != "provider, cis2, role profile 555003, AAL3, identity 3" {
		t.Errorf("the audit: %+v", a)
	}
	r, _ = f.by("cis2", "9002")
	if body := r.get("/role").body; strings.Count(body, " checked") != 1 || !strings.Contains(body[strings.Index(body, `value="1"`):], " checked") {
		t.Error("the role that was chosen last is not offered first")
	}
}

// Each refusal is a clear page, begins no session, and is audited.
func TestHostileProviders(t *testing.T) {
	f := newFederal(t)
	for _, c := range []struct {
		trick  idp.Trick
		status int
		says   string
		why    string
	}{
		{idp.WrongIssuer, 502, "could not be believed", "id token: issuer"},
		{idp.WrongMeeting, 503, "NHS CIS2 sign-in is not working", "discovery"},
		{idp.MixUp, 502, "could not be believed", "answer of another issuer"},
		{idp.SilentIssuer, 502, "could not be believed", "answer of another issuer"},
		{idp.WrongNonce, 502, "could not be believed", "id token: nonce"},
		{idp.NoNonce, 502, "could not be believed", "id token: nonce"},
		{idp.WrongAudience, 502, "could not be believed", "id token: audience"},
		{idp.TwoAudiences, 502, "could not be believed", "id token: authorized party"},
		{idp.WrongParty, 502, "could not be believed", "id token: authorized party"},
		{idp.AlgNone, 502, "could not be believed", "id token: algorithm"},
		{idp.AlgHMAC, 502, "could not be believed", "id token: algorithm"},
		{idp.Forged, 502, "could not be believed", "id token: signature"},
		{idp.Expired, 502, "could not be believed", "id token: expired"},
		{idp.Old, 502, "could not be believed", "id token: issued at another time"},
		{idp.Future, 502, "could not be believed", "id token: issued at another time"},
		{idp.OtherAccess, 502, "could not be believed", "id token: access token of another"},
		{idp.NoToken, 502, "could not be believed", "id token: unreadable"},
		{idp.NoPKCE, 503, "NHS CIS2 sign-in is not working", "discovery"},
		{idp.OtherSub, 502, "could not be believed", "userinfo: of another person"},
		{idp.NoAssurance, 403, "Sign in with something stronger", "authentication level 0"},
		{idp.Oversize, 503, "NHS CIS2 sign-in is not working", "token endpoint"},
		{idp.OversizeKeys, 503, "NHS CIS2 sign-in is not working", "keys"},
		{idp.Broken, 503, "NHS CIS2 sign-in is not working", "token endpoint"},
		{idp.Elsewhere, 503, "NHS CIS2 sign-in is not working", "token endpoint"},
		{idp.Refuses, 401, "You stopped at NHS CIS2", "access_denied"},
		{idp.Hanging, 503, "NHS CIS2 sign-in is not working", "token endpoint"},
	} {
		t.Run(strings.ReplaceAll(string(c.trick), " ", "-"), func(t *testing.T) {
			if c.trick == idp.Hanging && testing.Short() {
				t.Skip("takes as long as we wait")
			}
			f.later(13 * time.Hour) // what was learnt of the provider is asked again
			defer f.cis2.Set(idp.Honest)
			r := f.stranger()
			got := shown{}
			switch c.trick {
			case idp.WrongMeeting, idp.NoPKCE:
				// An honest provider was met before: what it now says of itself is not taken.
				f.freshly()
				f.cis2.Set(c.trick)
				got = r.get("/signin/with/cis2")
			case idp.MixUp, idp.SilentIssuer, idp.Refuses:
				at := r.get("/signin/with/cis2").to
				f.cis2.Set(c.trick)
				got = r.get(r.picks(at, "9001"))
			default:
				if c.trick == idp.OversizeKeys {
					f.freshly()
				}
				back := r.pick("/signin/with/cis2", "9001")
				f.cis2.Set(c.trick)
				got = r.get(back)
			}
			got.t = t
			if got.status != c.status {
				t.Errorf("status %d, want %d", got.status, c.status)
			}
			got.says(c.says)
			if c.status == 503 {
				got.says("01632 960777", "01632 960100", "01632 960101")
			}
			wellMade(t, got)
			for _, set := range got.header.Values("Set-Cookie") {
				if strings.HasPrefix(set, "homeward=") {
					t.Error("a session was begun")
				}
			}
			if n := f.sessions(); n != 0 {
				t.Errorf("%d sessions", n)
			}
			if page := r.get("/lookup"); page.status != 303 {
				t.Error("somebody is signed in")
			}
			a := f.last()
			if a.Allowed || !strings.HasPrefix(a.Outcome, "provider, cis2, ") || !strings.HasSuffix(a.Outcome, ": "+c.why) {
				t.Errorf("the audit: %s, allowed %v, %q; want why %q", a.Action, a.Allowed, a.Outcome, c.why)
			}
		})
	}
	if strings.Contains(f.log.String(), "Nadia") {
		t.Error("the log names somebody")
	}
}

// freshly forgets what the providers said of themselves.
func (f *federal) freshly() {
	f.t.Helper()
	var err error
	f.server.Federation, err = signin.Federate(f.server.Federation.FederationConfig)
	f.must(err)
}

func TestAnswersThatAreNotOfThisQuestion(t *testing.T) {
	f := newFederal(t)
	r := f.stranger()
	back := r.pick("/signin/with/cis2", "9001")
	u, err := url.Parse(back)
	f.must(err)
	with := func(k, v string) string {
		q := u.Query()
		q.Set(k, v)
		return u.Path + "?" + q.Encode()
	}
	refused := func(what string, got shown, want string) {
		t.Helper()
		if got.status != 401 && got.status != 502 {
			t.Errorf("%s: %d to %q", what, got.status, got.to)
		}
		if a := f.last(); a.Allowed || !strings.HasSuffix(a.Outcome, want) {
			t.Errorf("%s: the audit says %q, want %q", what, a.Outcome, want)
		}
		if n := f.sessions(); n != 0 {
			t.Errorf("%s: %d sessions", what, n)
		}
	}
	refused("the browser of another", f.stranger().get(back), "no question of this browser")
	other := f.stranger()
	other.get("/signin/with/cis2")
	refused("login forced on another", other.get(back), "state of another question")
	other.get("/signin/with/council")
	refused("the answer of another provider", other.get("/signin/from/cis2?"+u.RawQuery), "state of another question")

	attacker := f.stranger()
	stolen, err := url.Parse(attacker.pick("/signin/with/cis2", "9002"))
	f.must(err)
	victim := f.stranger()
	mine, err := url.Parse(victim.pick("/signin/with/cis2", "9001"))
	f.must(err)
	q := mine.Query()
	q.Set("code", stolen.Query().Get("code")) // a stolen code with one's own state: PKCE refuses
	refused("a stolen code", victim.get(mine.Path+"?"+q.Encode()), "token: invalid_grant")

	refused("no state", r.get(with("state", "")), "state of another question")
	back = r.pick("/signin/with/cis2", "9001")
	f.later(16 * time.Minute)
	refused("too late", r.get(back), "too late")

	r = f.stranger()
	back = r.pick("/signin/with/cis2", "9001")
	cookies := r.c.Jar.Cookies(mustURL(f, f.url))
	if got := r.get(back); got.status != 303 {
		t.Fatal(got.status, got.text())
	}
	again := f.stranger()
	again.c.Jar.SetCookies(mustURL(f, f.url), cookies)
	got := again.get(back)
	if got.status != 401 || f.last().Allowed {
		t.Errorf("the same answer twice: %d", got.status)
	}
	got.says("Sign in again")
}

func mustURL(f *federal, s string) *url.URL {
	u, err := url.Parse(s)
	f.must(err)
	return u
}

func TestWhoHasNoRoleOrIsNotAssured(t *testing.T) {
	f := newFederal(t)
	for _, c := range []struct {
		provider, sub, says, why string
	}{
		{"cis2", "9003", "You’re signed in but have no access yet", "no role here: no role with a rule"},
		{"cis2", "9004", "Sign in with something stronger", "not assured enough: authentication level 1"},
		{"council", "owen", "Sign in with something stronger", "not assured enough: amr without mfa"},
		{"council", "many", "You’re signed in but have no access yet", "no role here: too many groups for a token: use app roles"},
	} {
		r, got := f.by(c.provider, c.sub)
		if got.status != 403 {
			t.Error(c.sub, got.status)
		}
		got.says(c.says)
		wellMade(t, got)
		if a := f.last(); a.Allowed || a.Action != "sign-in-refused" || a.Actor == "" || !strings.HasSuffix(a.Outcome, c.why) {
			t.Errorf("%s: the audit: %+v", c.sub, a)
		}
		if r.get("/lookup").status != 303 || f.sessions() != 0 {
			t.Error(c.sub, "is in")
		}
	}
}

func TestARoleTakenAwayIsGone(t *testing.T) {
	f := newFederal(t)
	r, _ := f.by("cis2", "9001")
	if r.get("/lookup").status != 200 {
		t.Fatal("not in")
	}
	f.cis2.People[0].Info = map[string]any{"nhsid_nrbac_roles": []map[string]any{nrbac("555001", "RX1", "R8001")}}
	other, got := f.by("cis2", "9001")
	if got.status != 303 {
		t.Fatal(got.status)
	}
	if r.get("/lookup").status != 303 {
		t.Error("the session in the role that is gone lives on")
	}
	other.get("/lookup").says("Queen’s Hospital")
	f.cis2.People[0].Info = nil
	if _, got = f.by("cis2", "9001"); got.status != 403 {
		t.Error(got.status)
	}
	if other.get("/lookup").status != 303 {
		t.Error("without any role the session lives on")
	}
}

func TestDisabledHereWinsOverTheProvider(t *testing.T) {
	f := newFederal(t)
	r, _ := f.by("council", "grace")
	id := signin.AccountOf(f.council.Issuer, "grace")
	f.must(f.store.Update(context.Background(), func(tx *store.Tx) error {
		a, err := tx.User(id)
		if err != nil {
			return err
		}
		a.Disabled = true
		return tx.PutUser(a)
	}))
	if r.get("/worklist").status != 303 {
		t.Error("the session lives on")
	}
	_, got := f.by("council", "grace")
	if got.status != 403 || f.last().Allowed {
		t.Error(got.status)
	}
	got.says("Your access is closed")
}

func TestNobodySignsInToAProvidersAccountWithAPassword(t *testing.T) {
	f := newFederal(t)
	f.by("council", "grace")
	a, err := f.hub.AccountByID(context.Background(), signin.AccountOf(f.council.Issuer, "grace"))
	f.must(err)
	for _, p := range []string{"x", password} {
		if got := f.stranger().post("/signin", "login", a.Login, "password", p); got.status != 401 {
			t.Error(got.status)
		}
	}
}

func TestKeysThatChange(t *testing.T) {
	f := newFederal(t)
	in := func() {
		t.Helper()
		f.later(11 * time.Second)
		if _, got := f.by("cis2", "9001"); got.status != 303 {
			t.Error(got.status, got.text())
		}
	}
	in()
	in()
	if n := f.cis2.Asked("/jwks"); n != 1 {
		t.Errorf("the keys were asked for %d times", n)
	}
	f.must(f.cis2.Rotate(false))
	in()
	f.must(f.cis2.Rotate(true))
	in()
	if n := f.cis2.Asked("/jwks"); n != 3 {
		t.Errorf("the keys were asked for %d times", n)
	}
}

func TestAProviderThatIsDownHurtsNobodyElse(t *testing.T) {
	f := newFederal(t)
	f.must(f.cis2.Close())
	got := f.stranger().get("/signin/with/cis2")
	if got.status != 503 {
		t.Error(got.status)
	}
	got.says("NHS CIS2 sign-in is not working", "01632 960777")
	if _, got := f.by("council", "grace"); got.status != 303 {
		t.Error("the other provider", got.status)
	}
	f.as("ae-nurse")
}

func TestLoggingOutOfTheProviderToo(t *testing.T) {
	f := newFederal(t)
	r, _ := f.by("cis2", "9001")
	got := r.post("/logout")
	got.says("You’re logged out", "Log out of NHS CIS2 too")
	wellMade(t, got)
	got = r.get("/signin/bye")
	u := mustURL(f, got.to)
	if got.status != 303 || u.Path != "/logout" || u.Query().Get("post_logout_redirect_uri") != f.url+"/signin/out" || strings.Count(u.Query().Get("id_token_hint"), ".") != 2 {
		t.Fatalf("%d to %q", got.status, got.to)
	}
	res, err := r.c.Get(got.to)
	f.must(err)
	f.must(res.Body.Close())
	if res.Header.Get("Location") != f.url+"/signin/out" {
		t.Errorf("the provider leads to %q", res.Header.Get("Location"))
	}
	r.get("/signin/out").says("You’re logged out")
	if got := r.get("/signin/bye"); got.to != "/signin/out" {
		t.Error("the second time leads to", got.to)
	}
	if strings.Contains(f.as("ae-nurse").post("/logout").text(), "NHS CIS2") {
		t.Error("a local account is offered a provider's logout")
	}
}

func TestBackChannelLogout(t *testing.T) {
	f := newFederal(t)
	first, _ := f.by("cis2", "9001")
	second, _ := f.by("cis2", "9001")
	other, _ := f.by("council", "grace")
	in := func() (out [3]bool) {
		for i, r := range []*reader{first, second, other} {
			out[i] = r.get("/help").status == 200 && strings.Contains(r.get("/help").body, "Switch user")
		}
		return out
	}
	if in() != [3]bool{true, true, true} {
		t.Fatal(in())
	}
	send := func(token string) int {
		t.Helper()
		res, err := http.PostForm(f.url+"/signin/back/cis2", url.Values{"logout_token": {token}})
		f.must(err)
		f.must(res.Body.Close())
		if res.Header.Get("Cache-Control") != "no-store" {
			t.Error("the answer may be kept")
		}
		return res.StatusCode
	}
	sid := f.cis2.SIDs("homeward", "9001")[0]
	make := func(change func(map[string]any), trick idp.Trick) string {
		token, err := f.cis2.LogoutToken("homeward", "9001", sid, change, trick)
		f.must(err)
		return token
	}
	without := func(k string) func(map[string]any) { return func(m map[string]any) { delete(m, k) } }
	set := func(k string, v any) func(map[string]any) { return func(m map[string]any) { m[k] = v } }
	now := f.clock()
	for what, bad := range map[string]string{
		"nothing": "", "not a token": "x.y.z", "alg none": make(nil, idp.AlgNone), "hmac": make(nil, idp.AlgHMAC), "forged": make(nil, idp.Forged),
		"issuer": make(nil, idp.WrongIssuer), "audience": make(nil, idp.WrongAudience), "expired": make(nil, idp.Expired), "old": make(nil, idp.Old),
		"nonce": make(set("nonce", "x"), ""), "null nonce": make(set("nonce", nil), ""), "no events": make(without("events"), ""), "other event": make(set("events", map[string]any{"x": 1}), ""),
		"no jti": make(without("jti"), ""), "no exp": make(without("exp"), ""), "for ever": make(set("exp", now.Add(48*time.Hour).Unix()), ""),
		"nobody": make(func(m map[string]any) { delete(m, "sub"); delete(m, "sid") }, ""),
	} {
		if got := send(bad); got != 400 {
			t.Errorf("%s: %d", what, got)
		}
	}
	if in() != [3]bool{true, true, true} {
		t.Fatal("a token that was not believed ended a session", in())
	}
	good := make(nil, "")
	if got := send(good); got != 200 {
		t.Fatal(got)
	}
	if got := in(); got[0] == got[1] || !got[2] {
		t.Errorf("one of the first two is out: %v", got)
	}
	if a := f.last(); a.Action != "session-ended" || a.Outcome != "by cis2" {
		t.Errorf("the audit: %+v", a)
	}
	if got := send(good); got != 400 {
		t.Error("the same token twice:", got)
	}
	f.must(f.cis2.EndSession(t.Context(), "homeward", "9001", ""))
	if in() != [3]bool{false, false, true} {
		t.Error("all of the person:", in())
	}
	if n := f.cis2.Asked("/jwks"); n > 2 {
		t.Errorf("the keys were asked for %d times: whoever sends tokens can make us ask", n)
	}
}

func TestFrontChannelLogout(t *testing.T) {
	f := newFederal(t)
	r, _ := f.by("cis2", "9001")
	at := func(iss, sid string) string {
		return "/signin/front/cis2?" + url.Values{"iss": {iss}, "sid": {sid}}.Encode()
	}
	sid := f.cis2.SIDs("homeward", "9001")[0]
	for _, bad := range []string{at("https://elsewhere.example", sid), at(f.cis2.Issuer, ""), "/signin/front/cis2?sid=" + sid, "/signin/front/cis2"} {
		if got := f.stranger().get(bad); got.status != 400 {
			t.Error(bad, got.status)
		}
	}
	f.stranger().get("/signin/front/council?" + url.Values{"iss": {f.council.Issuer}, "sid": {sid}}.Encode())
	if r.get("/lookup").status != 200 {
		t.Fatal("ended by whoever may not")
	}
	got := f.stranger().get(at(f.cis2.Issuer, sid)) // from a frame no cookie comes
	if got.status != 200 || got.header.Get("Content-Security-Policy") != "default-src 'none'; frame-ancestors "+f.cis2.Issuer {
		t.Errorf("%d, %q", got.status, got.header.Get("Content-Security-Policy"))
	}
	if r.get("/lookup").status != 303 {
		t.Error("the session lives on")
	}
	if !strings.Contains(f.stranger().get("/signin").header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Error("another page may be framed")
	}
}

// lead is the address of the provider to which a page leads on by itself.
func (r *reader) lead(p shown) string {
	p.t.Helper()
	to, ok := strings.CutPrefix(p.header.Get("Refresh"), "0; url=")
	if !ok {
		p.t.Fatalf("%d leads nowhere: %s", p.status, p.text())
	}
	return r.get(to).to
}

func TestProvingAgainAtTheProvider(t *testing.T) {
	f := newFederal(t)
	r, _ := f.by("cis2", "9001")
	token := func() string {
		for _, c := range r.c.Jar.Cookies(mustURL(f, f.url)) {
			if c.Name == "homeward" {
				return c.Value
			}
		}
		return ""
	}
	before := token()
	f.later(9 * time.Minute)
	page := r.get("/me/confirm?to=/me/sessions")
	page.says("you confirm there and come back here", "Confirm with your organisation")
	lead := r.post("/me/confirm/elsewhere", "confirm-to", "/me/sessions")
	wellMade(t, lead)
	at := r.lead(lead)
	if q := mustURL(f, at).Query(); lead.status != 200 || q.Get("max_age") != "0" || q.Get("prompt") != "login" {
		t.Errorf("the provider need not ask: %q", at)
	}
	got := r.get(r.picks(at, "9001"))
	if got.status != 303 || got.to != "/me/sessions" || f.last().Action != "stepped-up" {
		t.Error(got.status, got.to, f.last().Action)
	}
	if token() == before {
		t.Error("the session has the same token")
	}
	r.get("/lookup").says("Nadia Coles")
	again := func() shown { return r.post("/me/confirm/elsewhere", "confirm-to", "https://evil.example/") }
	if got := r.get(r.picks(r.lead(again()), "9001")); got.to != "/lookup" {
		t.Errorf("led to %q", got.to)
	}
	got = r.get(r.picks(r.lead(again()), "9002"))
	got.says("Somebody else confirmed")
	r.get("/lookup").says("Nadia Coles")
	back := r.picks(r.lead(again()), "9001")
	f.cis2.Set(idp.OldProof)
	got = r.get(back)
	if got.status != 502 || !strings.HasSuffix(f.last().Outcome, "not asked again") {
		t.Errorf("%d: %s", got.status, f.last().Outcome)
	}
	f.cis2.Set(idp.Honest)
	kept := r.post("/me/confirm/elsewhere", "confirm-to", "/signin", "login", "kept")
	if got = r.get(r.picks(r.lead(kept), "9001")); !strings.HasPrefix(got.to, "/me/confirm/") {
		t.Fatalf("what was posted is lost: %q", got.to)
	}
	if page := r.get(got.to); !strings.Contains(page.body, `value="kept"`) {
		t.Error("what was posted is lost:", page.text())
	}
	local := f.as("ae-nurse")
	if got := local.post("/me/confirm/elsewhere", "confirm-to", "/lookup"); got.status != 404 {
		t.Error("a local account is sent to a provider:", got.status)
	}
}

func TestProvidersThatCannotBe(t *testing.T) {
	f := newFederal(t)
	good := f.server.Federation.Providers[1]
	for what, change := range map[string]func(*signin.Provider){
		"any tenant": func(p *signin.Provider) { p.Issuer = "https://login.microsoftonline.com/common/v2.0" },
		"any work":   func(p *signin.Provider) { p.Issuer = "https://login.microsoftonline.com/organizations/v2.0" },
		"any, plain": func(p *signin.Provider) {
			p.Issuer, p.Kind = "https://login.microsoftonline.com/Common/v2.0", signin.Plain
		},
		"no tls":       func(p *signin.Provider) { p.Issuer = "http://idp.example" },
		"query":        func(p *signin.Provider) { p.Issuer = "https://idp.example/?x=1" },
		"no secret":    func(p *signin.Provider) { p.Secret = "" },
		"name":         func(p *signin.Provider) { p.Name = "A/b" },
		"kind":         func(p *signin.Provider) { p.Kind = "saml" },
		"no rules":     func(p *signin.Provider) { p.Rules = nil },
		"no such role": func(p *signin.Provider) { p.Rules = []signin.Rule{{Role: "king", Code: "x", Org: county}} },
		"no such org":  func(p *signin.Provider) { p.Rules = []signin.Rule{{Role: care.Admin, Code: "x", Org: "ZZ9"}} },
		"anybody":      func(p *signin.Provider) { p.Rules = []signin.Rule{{Role: care.Admin, Org: county}} },
		"unknown orgs": func(p *signin.Provider) { p.Orgs = map[string]nhs.ODS{"A": "ZZ9"} },
		"activity": func(p *signin.Provider) {
			p.Rules = []signin.Rule{{Role: care.Admin, Code: "x", Activity: "B1", Org: county}}
		},
		"no title":       func(p *signin.Provider) { p.Title = "" },
		"user in issuer": func(p *signin.Provider) { p.Issuer = "https://u:p@idp.example" },
	} {
		p := good
		change(&p)
		if err := p.Check(func(o nhs.ODS) bool { return o == county }); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
	if err := good.Check(func(o nhs.ODS) bool { return o == county }); err != nil {
		t.Error(err)
	}
	for _, base := range []string{"", "homeward.example", "http://homeward.example", "https://homeward.example/x"} {
		if _, err := signin.Federate(signin.FederationConfig{Service: f.server.SignIn, Vouched: f.hub, Base: base}); err == nil {
			t.Errorf("base %q is taken", base)
		}
	}
	c := f.server.Federation.FederationConfig
	c.Providers = append(slices.Clone(c.Providers), c.Providers[0])
	if _, err := signin.Federate(c); err == nil {
		t.Error("the same provider twice")
	}
}
