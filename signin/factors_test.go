package signin

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/care"
)

func (k *keeper) Credentials(_ context.Context, account care.ActorID) (out []care.Credential, _ error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.credentials {
		if c.Account == account {
			out = append(out, c)
		}
	}
	return out, nil
}

func (k *keeper) CredentialBy(_ context.Context, kind care.CredentialKind, lookup []byte) (care.Credential, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.credentials {
		if c.Kind == kind && bytes.Equal(c.Lookup, lookup) {
			return c, nil
		}
	}
	return care.Credential{}, errNone
}

func (k *keeper) AddCredentials(_ context.Context, account care.ActorID, replace care.CredentialKind, cs ...care.Credential) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.credentials = slices.DeleteFunc(k.credentials, func(c care.Credential) bool { return c.Account == account && c.Kind == replace })
	k.credentials = append(k.credentials, cs...)
	return nil
}

func (k *keeper) UseCredential(_ context.Context, id string, counter int64, at time.Time) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.credentials {
		if c := &k.credentials[i]; c.ID == id && (c.Counter < counter || c.Counter == 0 && counter == 0) {
			c.Counter, c.Used = counter, at
			return true, nil
		}
	}
	return false, nil
}

func (k *keeper) DropCredential(_ context.Context, account care.ActorID, id string) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.credentials)
	k.credentials = slices.DeleteFunc(k.credentials, func(c care.Credential) bool { return c.Account == account && c.ID == id })
	return len(k.credentials) < n, nil
}

func (k *keeper) PutChallenge(_ context.Context, c care.Challenge) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.challenges[c.ID] = c
	return nil
}

func (k *keeper) Challenge(_ context.Context, id, kind string) (care.Challenge, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c, ok := k.challenges[id]; ok && c.Kind == kind && k.clock().Before(c.Expires) {
		return c, nil
	}
	return care.Challenge{}, errNone
}

func (k *keeper) TakeChallenge(ctx context.Context, id, kind string) (care.Challenge, error) {
	c, err := k.Challenge(ctx, id, kind)
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.challenges, id)
	return c, err
}

func (k *keeper) SessionsOf(_ context.Context, account care.ActorID) (out []care.Session, _ error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.sessions {
		if s.Account == account {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b care.Session) int { return b.Seen.Compare(a.Seen) })
	return out, nil
}

func (k *keeper) SavePassword(_ context.Context, account care.ActorID, hash string) error {
	k.change(account, func(a *care.Account) { a.Hash = hash })
	return nil
}

// app sets up an app for codes and gives its key and a token that rests on it.
func (d *door) app(t *testing.T, login string) (key []byte, token string) {
	t.Helper()
	e := d.enter(t, login)
	set, err := d.BeginApp(t.Context(), e.Token)
	if err != nil {
		t.Fatal(err)
	}
	key, err = b32.DecodeString(strings.ReplaceAll(set.Key, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	next, err := d.FinishApp(t.Context(), e.Token, set.Ticket, codeAt(key, d.now.Unix()/codeStep), "My phone", "")
	if err != nil {
		t.Fatal(err)
	}
	if next.Session.Method != care.ByCode || next.Token == e.Token || d.noted[len(d.noted)-2].Event != care.FactorAdded {
		t.Fatalf("%+v, %s", next.Session, d.noted[len(d.noted)-2].Event)
	}
	return key, next.Token
}

func (d *door) half(t *testing.T, login string) *Half {
	t.Helper()
	e, err := d.SignIn(t.Context(), login, good, "")
	if err != nil || e.Half == nil || e.Token != "" || e.Session.ID != "" {
		t.Fatalf("half %v, token %q, %v", e.Half, e.Token, err)
	}
	return e.Half
}

// The vectors of RFC 6238 appendix B for SHA-1, of which an app shows six digits.
func TestCodes(t *testing.T) {
	for at, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130"} {
		if got := codeAt([]byte("12345678901234567890"), at/30); got != want[2:] {
			t.Errorf("at %d: %s, want %s", at, got, want[2:])
		}
	}
	key, now := []byte("12345678901234567890"), time.Unix(1234567890, 0)
	for off, want := range map[int64]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		step := now.Unix()/30 + off
		if got, ok := stepOf(key, codeAt(key, step), now); ok != want || ok && got != step {
			t.Errorf("%d half minutes away: %v", off, ok)
		}
	}
}

func TestEachCodeOpensOnce(t *testing.T) {
	d := newDoor(t)
	key, _ := d.app(t, "cnurse")
	code := func() string { return codeAt(key, d.now.Unix()/codeStep) }
	_, err := d.Second(t.Context(), d.half(t, "cnurse").Ticket, Proof{Code: code()}, "") // that of the set-up
	wantKind(t, err, care.Login)
	d.now = d.now.Add(31 * time.Second)
	half := d.half(t, "cnurse")
	e, err := d.Second(t.Context(), half.Ticket, Proof{Code: code()[:3] + " " + code()[3:]}, "")
	if err != nil || e.Session.Method != care.ByCode || !e.Session.Proven.Equal(d.now) {
		t.Fatalf("%+v, %v", e.Session, err)
	}
	_, err = d.Second(t.Context(), half.Ticket, Proof{Code: code()}, "")
	wantKind(t, err, care.Login)
	_, err = d.Second(t.Context(), d.half(t, "cnurse").Ticket, Proof{Code: code()}, "")
	wantKind(t, err, care.Login)
	d.now = d.now.Add(-20 * time.Second) // an older code, within the minute that is taken
	_, err = d.Second(t.Context(), d.half(t, "cnurse").Ticket, Proof{Code: code()}, "")
	wantKind(t, err, care.Login)
	if d.last() != care.SignInFailed {
		t.Error(d.last())
	}
}

func TestHalfASignInIsNone(t *testing.T) {
	d := newDoor(t)
	key, _ := d.app(t, "cnurse")
	half := d.half(t, "cnurse")
	_, _, err := d.Check(t.Context(), half.Ticket)
	wantKind(t, err, care.Login)
	_, err = d.BeginApp(t.Context(), half.Ticket)
	wantKind(t, err, care.Login)
	d.now = d.now.Add(10 * time.Minute)
	_, err = d.Second(t.Context(), half.Ticket, Proof{Code: codeAt(key, d.now.Unix()/codeStep)}, "")
	wantKind(t, err, care.Login)
}

// Whoever began with a password that is changed since does not get in.
func TestHalfASignInEndsWithItsPassword(t *testing.T) {
	d := newDoor(t)
	key, _ := d.app(t, "cnurse")
	half := d.half(t, "cnurse")
	a, err := d.Accounts.Account(t.Context(), "cnurse")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Accounts.SavePassword(t.Context(), a.ID, "another hash"); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(time.Minute)
	_, err = d.Second(t.Context(), half.Ticket, Proof{Code: codeAt(key, d.now.Unix()/codeStep)}, "")
	wantKind(t, err, care.Login)
}

// Whoever has the password must not get more tries at the code by beginning
// again.
func TestWrongCodesLock(t *testing.T) {
	d := newDoor(t)
	key, _ := d.app(t, "cnurse")
	d.now = d.now.Add(time.Minute)
	for range 4 {
		_, err := d.Second(t.Context(), d.half(t, "cnurse").Ticket, Proof{Code: "abcdef"}, "")
		wantKind(t, err, care.Login)
	}
	half := d.half(t, "cnurse")
	_, err := d.Second(t.Context(), half.Ticket, Proof{Code: "000000000"}, "")
	wantKind(t, err, care.Throttled)
	_, err = d.Second(t.Context(), half.Ticket, Proof{Code: codeAt(key, d.now.Unix()/codeStep)}, "")
	wantKind(t, err, care.Throttled)
	_, err = d.SignIn(t.Context(), "cnurse", good, "")
	wantKind(t, err, care.Throttled)
	if len(d.waited) < 7 {
		t.Errorf("%d refusals took their time", len(d.waited))
	}
	d.now = d.now.Add(8 * time.Minute)
	d.now = d.now.Add(8 * time.Minute)
	if _, err = d.Second(t.Context(), d.half(t, "cnurse").Ticket, Proof{Code: codeAt(key, d.now.Unix()/codeStep)}, ""); err != nil || d.accounts["n1"].Failed != 0 {
		t.Errorf("%v, %d tries are still counted", err, d.accounts["n1"].Failed)
	}
}

func TestRecoveryCodesOpenOnce(t *testing.T) {
	d := newDoor(t)
	_, token := d.app(t, "cnurse")
	codes, err := d.NewRecovery(t.Context(), token, "")
	if err != nil || len(codes) != recoveryCodes {
		t.Fatal(codes, err)
	}
	for _, c := range d.credentials {
		if c.Kind == care.Recovery && (len(c.Secret) > 0 || bytes.Contains(c.Lookup, []byte(bare(codes[0])))) {
			t.Error("a recovery code is kept as it is")
		}
	}
	e, err := d.Second(t.Context(), d.half(t, "cnurse").Ticket, Proof{Code: strings.ToLower(strings.ReplaceAll(codes[3], "-", " "))}, "")
	if err != nil || e.Session.Method != care.ByRecovery {
		t.Fatalf("%+v, %v", e.Session, err)
	}
	_, err = d.Second(t.Context(), d.half(t, "cnurse").Ticket, Proof{Code: codes[3]}, "")
	wantKind(t, err, care.Login)
	d.app(t, "both")
	_, err = d.Second(t.Context(), d.half(t, "both").Ticket, Proof{Code: codes[4]}, "")
	wantKind(t, err, care.Login) // another's
	again, err := d.NewRecovery(t.Context(), token, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Second(t.Context(), d.half(t, "cnurse").Ticket, Proof{Code: codes[4]}, "")
	wantKind(t, err, care.Login) // replaced
	if _, err = d.Second(t.Context(), d.half(t, "cnurse").Ticket, Proof{Code: again[0]}, ""); err != nil {
		t.Error(err)
	}
	if h, err := d.Has(t.Context(), "n1"); err != nil || h.Recovery != recoveryCodes-1 || h.App == nil || h.App.Secret != nil {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestSetupIsItsHoldersOwn(t *testing.T) {
	d := newDoor(t)
	mine, other := d.enter(t, "cnurse"), d.enter(t, "both")
	set, err := d.BeginApp(t.Context(), mine.Token)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.AppBegun(t.Context(), other.Token, set.Ticket)
	wantKind(t, err, care.Login)
	_, err = d.FinishApp(t.Context(), mine.Token, set.Ticket, "000000", "", "")
	wantKind(t, err, care.Invalid)
	again, err := d.AppBegun(t.Context(), mine.Token, set.Ticket)
	if err != nil || again.Key != set.Key || !strings.HasPrefix(set.URI, "otpauth://totp/Homeward:cnurse?issuer=Homeward&secret=") {
		t.Errorf("%v, %s", err, set.URI[:30])
	}
	d.change("n1", func(a *care.Account) { a.Provider = "cis2" })
	_, err = d.BeginApp(t.Context(), mine.Token)
	wantKind(t, err, care.Forbidden)
}

func TestStepUp(t *testing.T) {
	d := newDoor(t)
	e := d.enter(t, "cnurse")
	if !d.Fresh(e.Session) {
		t.Error("to sign in is no proof")
	}
	d.now = d.now.Add(5 * time.Minute)
	if d.Fresh(e.Session) || d.Fresh(care.Session{}) || d.Fresh(care.Session{Proven: d.now.Add(time.Second)}) {
		t.Error("an old proof is fresh")
	}
	_, err := d.Confirm(t.Context(), e.Token, Proof{}, "")
	wantKind(t, err, care.Required)
	_, err = d.Confirm(t.Context(), e.Token, Proof{Password: "wrong and wrong"}, "")
	if wantKind(t, err, care.Login); d.last() != care.StepUpFailed || len(d.waited) != 1 || d.accounts["n1"].Failed != 1 {
		t.Errorf("%s, waited %d, failed %d", d.last(), len(d.waited), d.accounts["n1"].Failed)
	}
	next, err := d.Confirm(t.Context(), e.Token, Proof{Password: good}, "192.0.2.9")
	if err != nil || !d.Fresh(next.Session) || next.Token == e.Token || d.last() != care.SteppedUp || d.accounts["n1"].Failed != 0 {
		t.Fatalf("%+v, %v", next.Session, err)
	}
	if next.Session.Created != e.Session.Created || next.Session.Ends != e.Session.Ends || next.Session.Grant != e.Session.Grant || next.Session.Address != "192.0.2.9" {
		t.Errorf("%+v", next.Session)
	}
	_, _, err = d.Check(t.Context(), e.Token)
	wantKind(t, err, care.Login)
	_, err = d.Confirm(t.Context(), e.Token, Proof{Password: good}, "")
	wantKind(t, err, care.Login)
}

func TestStepUpIsAsStrongAsTheSignIn(t *testing.T) {
	d := newDoor(t)
	key, token := d.app(t, "cnurse")
	d.now = d.now.Add(6 * time.Minute)
	_, err := d.Confirm(t.Context(), token, Proof{Password: good}, "")
	wantKind(t, err, care.Required)
	code := codeAt(key, d.now.Unix()/codeStep)
	_, err = d.Confirm(t.Context(), token, Proof{Password: "wrong and wrong", Code: code}, "")
	wantKind(t, err, care.Login)
	e, err := d.Confirm(t.Context(), token, Proof{Password: good, Code: code}, "")
	if err != nil || e.Session.Method != care.ByCode {
		t.Fatalf("%+v, %v", e.Session, err)
	}
	_, err = d.Confirm(t.Context(), e.Token, Proof{Password: good, Code: code}, "")
	wantKind(t, err, care.Login) // the code is used
}

func TestSecondFactorRequired(t *testing.T) {
	d := newDoor(t)
	d.Require = func(g care.Grant) bool { return g.Role != care.SocialWorker }
	e := d.enter(t, "cnurse")
	a, _, err := d.Check(t.Context(), e.Token)
	if !errors.Is(err, ErrEnrol) || a.ID != "n1" {
		t.Fatalf("%+v, %v", a, err)
	}
	key, token := d.app(t, "cnurse")
	if _, _, err := d.Check(t.Context(), token); err != nil {
		t.Errorf("with an app: %v", err)
	}
	h, err := d.Has(t.Context(), "n1")
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, d.DropFactor(t.Context(), token, h.App.ID, ""), care.BusinessRule)
	d.now = d.now.Add(time.Minute)
	e, err = d.Second(t.Context(), d.half(t, "cnurse").Ticket, Proof{Code: codeAt(key, d.now.Unix()/codeStep)}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Check(t.Context(), e.Token); err != nil {
		t.Errorf("signed in with an app: %v", err)
	}
	several := d.enter(t, "both")
	for n, want := range []bool{true, false, false} { // a wallboard is a device
		next, err := d.Choose(t.Context(), several.Token, n, "")
		if err != nil {
			t.Fatal(err)
		}
		several = next
		if _, _, err := d.Check(t.Context(), next.Token); errors.Is(err, ErrEnrol) != want {
			t.Errorf("as %s: %v", next.Session.Grant.Role, err)
		}
	}
}

func TestDropFactor(t *testing.T) {
	d := newDoor(t)
	_, token := d.app(t, "cnurse")
	if _, err := d.NewRecovery(t.Context(), token, ""); err != nil {
		t.Fatal(err)
	}
	other := d.enter(t, "both")
	h, err := d.Has(t.Context(), "n1")
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, d.DropFactor(t.Context(), other.Token, h.App.ID, ""), care.NotFound)
	if err := d.DropFactor(t.Context(), token, h.App.ID, ""); err != nil || d.last() != care.FactorRemoved {
		t.Fatal(err)
	}
	if h, err = d.Has(t.Context(), "n1"); err != nil || h.Second() || h.Recovery != 0 {
		t.Errorf("left: %+v, %v", h, err)
	}
	d.enter(t, "cnurse") // by the password alone again
}

func TestSessions(t *testing.T) {
	d := newDoor(t)
	first, second := d.enter(t, "cnurse"), d.enter(t, "cnurse")
	d.enter(t, "both")
	d.now = d.now.Add(time.Minute)
	if _, _, err := d.Check(t.Context(), second.Token); err != nil {
		t.Fatal(err)
	}
	all, err := d.Sessions(t.Context(), second.Token)
	if err != nil || len(all) != 2 || !all[0].This || all[1].This || strings.Contains(all[1].ID, all[1].Handle) {
		t.Fatalf("%+v, %v", all, err)
	}
	if n, err := d.EndSessions(t.Context(), second.Token, "nowhere", ""); n != 0 || err != nil {
		t.Error(n, err)
	}
	if n, err := d.EndSessions(t.Context(), second.Token, all[1].Handle, ""); n != 1 || err != nil || d.last() != care.SessionEnded {
		t.Error(n, err)
	}
	_, _, err = d.Check(t.Context(), first.Token)
	wantKind(t, err, care.Login)
	third := d.enter(t, "cnurse")
	if n, err := d.EndSessions(t.Context(), third.Token, "", ""); n != 1 || err != nil {
		t.Error(n, err)
	}
	if _, _, err := d.Check(t.Context(), third.Token); err != nil {
		t.Error("one's own session is over too")
	}
	if len(d.sessions) != 2 {
		t.Errorf("%d sessions", len(d.sessions))
	}
	d.now = d.now.Add(10*time.Minute + 29*time.Second)
	if _, err := d.Sessions(t.Context(), third.Token); err != nil {
		t.Fatal(err)
	}
}

func TestKept(t *testing.T) {
	d := newDoor(t)
	e, other := d.enter(t, "cnurse"), d.enter(t, "both")
	ticket, err := d.Keep(t.Context(), e.Token, map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	wantKind(t, d.Kept(t.Context(), other.Token, ticket, &got), care.NotFound)
	if err := d.Kept(t.Context(), e.Token, ticket, &got); err != nil || got["a"] != "b" {
		t.Error(got, err)
	}
	d.now = d.now.Add(10 * time.Minute)
	wantKind(t, d.Kept(t.Context(), e.Token, ticket, &got), care.NotFound)
}
