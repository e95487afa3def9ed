package web

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"homeward/care"
)

// codeOf is what an app shows for a key at a time (RFC 6238).
func codeOf(t *testing.T, key string, at time.Time) string {
	t.Helper()
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(key, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha1.New, b)
	_ = binary.Write(m, binary.BigEndian, at.Unix()/30)
	h := m.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(h[h[19]&15:])&0x7fffffff%1_000_000)
}

// codes are the texts of the code elements of a page.
func (p shown) codes() (out []string) {
	for _, n := range p.all("code") {
		out = append(out, words(n))
	}
	return out
}

// withApp sets up an app for somebody and gives its key, the recovery codes, and
// them in the session that rests on it.
func (s *site) withApp(t *testing.T, login string) (key string, recovery []string, r *reader) {
	s.t.Helper()
	r = s.as(login)
	p := r.get("/me/app")
	if p.status != 200 || len(p.codes()) != 1 || len(p.all("svg")) == 0 {
		s.t.Fatalf("%d %s", p.status, p.text())
	}
	wellMade(t, p)
	key = p.codes()[0]
	ticket := p.fields("/me/app").Get("ticket")
	wrong := r.post("/me/app", "ticket", ticket, "name", "My phone", "code", "12345")
	if wrong.status != 422 || wrong.codes()[0] != key {
		s.t.Fatal(wrong.status)
	}
	wellMade(t, wrong)
	done := r.post("/me/app", "ticket", ticket, "name", "My phone", "code", codeOf(t, key, s.clock()))
	if done.status != 303 || done.to != "/me/recovery" {
		s.t.Fatalf("%d to %q: %s", done.status, done.to, done.text())
	}
	wellMade(t, r.get(done.to))
	codes := r.post("/me/recovery")
	wellMade(t, codes)
	if recovery = codes.codes(); len(recovery) != 8 {
		s.t.Fatal(codes.text())
	}
	me := r.get("/me")
	me.says("Your sign-in", "My phone", "You have 8 codes left", "password and a code of your app")
	wellMade(t, me)
	if strings.Contains(me.body, key) || strings.Contains(me.body, recovery[0]) {
		s.t.Error("a secret is shown again")
	}
	return key, recovery, r
}

func TestSigningInWithAnApp(t *testing.T) {
	s := newSite(t)
	key, recovery, _ := s.withApp(t, "ae-nurse")
	r := s.stranger()
	half := r.post("/signin", "login", "ae-nurse", "password", password, "next", "/lookup/name")
	if half.status != 303 || half.to != "/signin/second?next=%2Flookup%2Fname" {
		t.Fatalf("%d to %q", half.status, half.to)
	}
	if p := r.get("/lookup"); p.status != 303 || !strings.HasPrefix(p.to, "/signin") {
		t.Fatalf("half a sign-in opens: %d", p.status)
	}
	page := r.get(half.to)
	page.says("Your password is right", "Code from your app")
	wellMade(t, page)
	used := r.post("/signin/second", confirmCode, codeOf(t, key, s.clock()))
	if used.status != 401 {
		t.Errorf("the code of the set-up opens again: %d", used.status)
	}
	used.says("The code is not right")
	wellMade(t, used)
	s.later(time.Minute)
	in := r.post("/signin/second", confirmCode, codeOf(t, key, s.clock()), "next", "/lookup/name")
	if in.status != 303 || in.to != "/lookup/name" {
		t.Fatalf("%d to %q", in.status, in.to)
	}
	if p := r.get("/lookup/name"); p.status != 200 {
		t.Error(p.status)
	}

	other := s.stranger()
	other.post("/signin", "login", "ae-nurse", "password", password)
	if in := other.post("/signin/second", confirmCode, codeOf(t, key, s.clock())); in.status != 401 {
		t.Errorf("a code opens twice: %d", in.status)
	}
	if in := other.post("/signin/second", confirmCode, recovery[2]); in.status != 303 || in.to != "/lookup" {
		t.Errorf("a recovery code: %d to %q", in.status, in.to)
	}
	third := s.stranger()
	third.post("/signin", "login", "ae-nurse", "password", password)
	if in := third.post("/signin/second", confirmCode, recovery[2]); in.status != 401 {
		t.Errorf("a recovery code opens twice: %d", in.status)
	}
	s.later(10 * time.Minute)
	late := third.post("/signin/second", confirmCode, codeOf(t, key, s.clock()))
	if late.status != 303 || late.to != "/signin?why=slow" {
		t.Fatalf("%d to %q", late.status, late.to)
	}
	third.get(late.to).says("That took too long")
}

func TestSecondFactorsLockWithThePassword(t *testing.T) {
	s := newSite(t)
	s.withApp(t, "ae-nurse")
	r := s.stranger()
	r.post("/signin", "login", "ae-nurse", "password", password)
	for range 4 {
		r.post("/signin/second", confirmCode, "12345")
	}
	last := r.post("/signin/second", confirmCode, "12345")
	if last.status != 429 || last.header.Get("Retry-After") == "" {
		t.Error(last.status)
	}
	if p := s.stranger().post("/signin", "login", "ae-nurse", "password", password); p.status != 429 {
		t.Error(p.status)
	}
}

func TestSwitchingToSomebodyWithAnApp(t *testing.T) {
	s := newSite(t)
	key, _, _ := s.withApp(t, "coordinator")
	s.later(time.Minute)
	r := s.as("ae-nurse")
	req, err := http.NewRequest("POST", s.url+"/switch", nil)
	s.must(err)
	req.Header.Set("Referer", s.url+"/lookup")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	out := r.send(req)
	half := r.post("/signin", "login", "coordinator", "password", password, "next", r.get(out.to).fields("/signin").Get("next"))
	in := r.post("/signin/second", confirmCode, codeOf(t, key, s.clock()), "next", r.get(half.to).fields("/signin/second").Get("next"))
	if in.status != 303 || in.to != "/lookup" {
		t.Errorf("%d to %q", in.status, in.to)
	}
	r.get("/lookup").says("Discharge coordinator")
}

func TestStepUpWithAnApp(t *testing.T) {
	s := newSite(t)
	got := s.grave()
	key, _, r := s.withApp(t, "integration")
	s.later(6 * time.Minute)
	p := r.post("/grave", "words", "kept")
	p.says("Code from your app")
	wellMade(t, p)
	if only := r.post("/grave", "words", "kept", confirmPassword, password); only.status != 401 || len(*got) != 0 {
		t.Errorf("the password alone: %d", only.status)
	}
	if done := r.post("/grave", "words", "kept", confirmPassword, password, confirmCode, codeOf(t, key, s.clock())); done.status != 303 || len(*got) != 1 || (*got)[0].Has(confirmCode) {
		t.Errorf("%d, %v", done.status, *got)
	}
}

func TestRemovingAFactor(t *testing.T) {
	s := newSite(t)
	_, _, r := s.withApp(t, "ae-nurse")
	var link string
	for _, a := range r.get("/me").all("a") {
		if strings.HasSuffix(attr(a, "href"), "/remove") {
			link = attr(a, "href")
		}
	}
	if p := s.as("coordinator").get(link); p.status != 404 {
		t.Errorf("another's: %d", p.status)
	}
	page := r.get(link)
	page.says("Remove “My phone”")
	wellMade(t, page)
	if done := r.post(link); done.status != 303 || s.atDoor(care.FactorRemoved) != 1 {
		t.Error(done.status)
	}
	if in := s.stranger().post("/signin", "login", "ae-nurse", "password", password); in.to != "/lookup" {
		t.Errorf("after it is gone: %q", in.to)
	}
	s.later(6 * time.Minute)
	if p := r.post(link); p.status != 401 {
		t.Errorf("without a proof: %d", p.status)
	}
}

func TestSecondFactorThatIsRequired(t *testing.T) {
	s := newSite(t)
	s.server.SignIn.Require = func(g care.Grant) bool { return g.Role == care.AENurse }
	r := s.as("ae-nurse")
	for _, path := range []string{"/lookup", "/", "/me/sessions"} {
		if p := r.get(path); p.status != 303 || p.to != "/me" {
			t.Errorf("%s: %d to %q", path, p.status, p.to)
		}
	}
	r.get("/me").says("Your role needs a second way to prove that it is you")
	p := r.get("/me/app")
	done := r.post("/me/app", "ticket", p.fields("/me/app").Get("ticket"), "code", codeOf(t, p.codes()[0], s.clock()))
	if done.status != 303 {
		t.Fatal(done.status)
	}
	if p := r.get("/lookup"); p.status != 200 {
		t.Errorf("with an app: %d to %q", p.status, p.to)
	}
	if p := s.as("coordinator").get("/lookup"); p.status != 200 {
		t.Errorf("a role of which it is not asked: %d", p.status)
	}
}

func TestSessionsOfOnesOwn(t *testing.T) {
	s := newSite(t)
	r, lost := s.as("ae-nurse"), s.as("ae-nurse")
	other := s.as("coordinator")
	page := r.get("/me/sessions")
	page.says("Where you are signed in", "Computer at 127.0.0.1", "This one", "A&E nurse, King’s Mill Hospital", "With password")
	wellMade(t, page)
	handle := page.fields("/me/sessions/end").Get("handle")
	if strings.Contains(page.body, r.cookie()) || handle == "" {
		t.Fatal(page.text())
	}
	other.post("/me/sessions/end", "handle", handle)
	if p := lost.get("/lookup"); p.status != 200 {
		t.Fatal("another ended it")
	}
	done := r.post("/me/sessions/end", "handle", handle)
	r.get(done.to).says("1 session is over.")
	if p := lost.get("/lookup"); p.status != 303 {
		t.Errorf("still signed in: %d", p.status)
	}
	s.as("ae-nurse")
	s.as("ae-nurse")
	r.get(r.post("/me/sessions/end", "handle", "others").to).says("2 sessions are over.")
	if p := r.get("/lookup"); p.status != 200 {
		t.Error("one's own is over too")
	}
	if p := r.post("/me/sessions/end"); p.status != 422 {
		t.Error(p.status)
	}
	s.later(6 * time.Minute)
	if p := r.post("/me/sessions/end", "handle", "others"); p.status != 401 { // OWASP ASVS 5.0 7.5.2
		t.Errorf("sessions end without a new proof: %d", p.status)
	}
}

func TestChangingThePassword(t *testing.T) {
	s := newSite(t)
	r, elsewhere := s.as("ae-nurse"), s.as("ae-nurse")
	wellMade(t, r.get("/me/password"))
	for _, bad := range [][3]string{{"short", "short", password}, {"four small otters sing", "for small otters sing", password}, {"four small otters sing", "four small otters sing", "not the present one"}, {"four small otters sing", "four small otters sing", ""}} {
		p := r.post("/me/password", "password", bad[0], "again", bad[1], "current", bad[2])
		if p.status != 422 {
			t.Errorf("%d", p.status)
		}
		wellMade(t, p)
	}
	next := "four small otters sing"
	if p := r.post("/me/password", "password", next, "again", next, "current", password); p.status != 303 {
		t.Fatal(p.status)
	}
	if p := r.get("/lookup"); p.status != 200 {
		t.Error("put out here too")
	}
	if p := elsewhere.get("/lookup"); p.status != 303 {
		t.Error("still signed in elsewhere")
	}
	if p := s.stranger().post("/signin", "login", "ae-nurse", "password", password); p.status != 401 {
		t.Errorf("the old password: %d", p.status)
	}
	if p := s.stranger().post("/signin", "login", "ae-nurse", "password", next); p.status != 303 {
		t.Errorf("the new password: %d", p.status)
	}
}

// TestPasskeysOverHTTP is what can be said without a passkey: what is asked of
// the browser, and that false answers are refused alike.
func TestPasskeysOverHTTP(t *testing.T) {
	s := newSite(t)
	r := s.stranger()
	if p := r.post("/signin/passkey/ask"); p.status != 404 { // 127.0.0.1 is no name
		t.Errorf("at an address without a name: %d", p.status)
	}
	s.url = strings.Replace(s.url, "127.0.0.1", "localhost", 1)
	p := r.post("/signin/passkey/ask")
	if p.status != 200 || p.header.Get("Content-Type") != "application/json" || !strings.Contains(p.body, `"userVerification":"required"`) || !strings.Contains(p.body, `"rpId":"localhost"`) || strings.Contains(p.body, "allowCredentials") {
		t.Fatalf("%d %s", p.status, p.body)
	}
	var said []string
	for _, answer := range []string{"", "{}", `{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"authenticatorData":"AAAA","clientDataJSON":"AAAA","signature":"AAAA"}}`} {
		got := r.post("/signin/passkey", confirmTicket, "AAAA", confirmAnswer, answer)
		if got.status != 401 {
			t.Errorf("%d", got.status)
		}
		said = append(said, got.text())
	}
	if said[0] != said[1] || said[1] != said[2] || s.atDoor(care.SignInFailed) != 3 {
		t.Error("refusals differ, or are not in the audit")
	}
	n := s.as("ae-nurse")
	p = n.post("/me/passkeys/make")
	if p.status != 200 || !strings.Contains(p.body, `"residentKey":"required"`) || strings.Contains(p.body, "u-ae-nurse") {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := n.post("/me/passkeys/new", "name", "Blue", "made-ticket", "x", "made-answer", "{}"); p.status != 422 {
		t.Errorf("a passkey that is none: %d", p.status)
	}
	s.later(6 * time.Minute)
	if p := n.post("/me/passkeys/make"); p.status != 403 {
		t.Errorf("without a proof: %d", p.status)
	}
}
