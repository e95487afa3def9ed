package signin

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// keeper holds accounts and sessions in maps, as a store does in tables.
type keeper struct {
	mu       sync.Mutex
	accounts map[care.ActorID]care.Account
	sessions map[string]care.Session
	noted    []care.SignIn
	deaf     error // what Noted answers

	credentials []care.Credential
	challenges  map[string]care.Challenge
	clock       func() time.Time
}

var errNone = &care.Error{Kind: care.NotFound, Text: "there is none"}

func (k *keeper) Account(_ context.Context, login string) (care.Account, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range k.accounts {
		if a.Login == login {
			return a, nil
		}
	}
	return care.Account{}, errNone
}

func (k *keeper) AccountByID(_ context.Context, id care.ActorID) (care.Account, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if a, ok := k.accounts[id]; ok {
		return a, nil
	}
	return care.Account{}, errNone
}

func (k *keeper) SaveTries(_ context.Context, id care.ActorID, failed int, until time.Time) error {
	k.change(id, func(a *care.Account) { a.Failed, a.LockedUntil = failed, until })
	return nil
}

func (k *keeper) change(id care.ActorID, f func(*care.Account)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.accounts[id]
	f(&a)
	k.accounts[id] = a
}

func (k *keeper) BeginSession(_ context.Context, s care.Session) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sessions[s.ID] = s
	return nil
}

func (k *keeper) Session(_ context.Context, id string) (care.Session, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s, ok := k.sessions[id]; ok {
		return s, nil
	}
	return care.Session{}, errNone
}

func (k *keeper) TouchSession(_ context.Context, id string, seen time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.sessions[id]
	s.Seen = seen
	k.sessions[id] = s
	return nil
}

func (k *keeper) EndSession(_ context.Context, id string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.sessions, id)
	return nil
}

func (k *keeper) Noted(_ context.Context, what care.SignIn) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.noted = append(k.noted, what)
	return k.deaf
}

func (k *keeper) last() care.SignInEvent {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.noted[len(k.noted)-1].Event
}

// door is a service with two accounts and a clock that the test sets.
type door struct {
	*Service
	*keeper
	now    time.Time
	waited []time.Duration
}

const good = "kettle otter meadow"

func newDoor(t *testing.T) *door {
	t.Helper()
	seed := rand.NewChaCha8([32]byte{1})
	hash, err := HashPassword("cnurse", good, seed)
	if err != nil {
		t.Fatal(err)
	}
	ward := care.Grant{Role: care.WardNurse, Org: "RK5", Ward: "12"}
	social := care.Grant{Role: care.SocialWorker, Org: "511", Team: "T1"}
	wall := care.Grant{Role: care.WallboardRole, Org: "RK5", Ward: "12"}
	d := &door{now: time.Date(2026, 3, 2, 10, 27, 0, 0, time.UTC), keeper: &keeper{sessions: map[string]care.Session{}, challenges: map[string]care.Challenge{}, accounts: map[care.ActorID]care.Account{
		"n1": {ID: "n1", Login: "cnurse", Name: "C Nurse", Hash: hash, Grants: []care.Grant{ward}},
		"n2": {ID: "n2", Login: "both", Name: "B Both", Hash: hash, Grants: []care.Grant{ward, social, wall}},
		"n3": {ID: "n3", Login: "nothing", Name: "N Nothing", Hash: hash},
	}}}
	orgs := func(o nhs.ODS) care.Org {
		if o == "511" {
			return care.Org{ODS: o, Name: "Council", Kind: care.Council}
		}
		return care.Org{ODS: o, Name: "Hospital", Kind: care.Trust}
	}
	d.keeper.clock = func() time.Time { return d.now }
	d.Service, err = New(Config{Accounts: d.keeper, Orgs: orgs, Rand: seed, Clock: func() time.Time { return d.now },
		Wait: func(_ context.Context, w time.Duration) error { d.waited = append(d.waited, w); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *door) enter(t *testing.T, login string) Entry {
	t.Helper()
	e, err := d.SignIn(t.Context(), login, good, "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func wantKind(t *testing.T, err error, k care.Kind) {
	t.Helper()
	if care.KindOf(err) != k {
		t.Fatalf("kind is %q, want %q: %v", care.KindOf(err), k, err)
	}
}

func TestSignInAndOut(t *testing.T) {
	d := newDoor(t)
	e := d.enter(t, " CNurse ")
	if e.Choose || e.Account.Hash != "" {
		t.Errorf("choose %v with one role, hash kept %v", e.Choose, e.Account.Hash != "")
	}
	if _, stored := d.sessions[e.Token]; stored || strings.Contains(e.Session.ID, e.Token) {
		t.Error("the token itself is stored")
	}
	a, _, err := d.Check(t.Context(), e.Token)
	want := care.Actor{ID: "n1", Name: "C Nurse", Role: care.WardNurse, Org: "RK5", OrgName: "Hospital", OrgKind: care.Trust, Ward: "12", Address: "192.0.2.7"}
	if err != nil || a != want {
		t.Fatalf("actor %+v, %v", a, err)
	}
	if d.enter(t, "cnurse").Token == e.Token {
		t.Error("the same token twice")
	}
	if err := d.SignOut(t.Context(), e.Token, care.SwitchedUser); err != nil || d.last() != care.SwitchedUser {
		t.Fatal(err, d.last())
	}
	_, _, err = d.Check(t.Context(), e.Token)
	wantKind(t, err, care.Login)
	if err := d.SignOut(t.Context(), e.Token, care.SignedOut); err != nil {
		t.Errorf("signing out twice: %v", err)
	}
	for _, bad := range []string{"", "x", strings.Repeat("A", 43), e.Token + "A"} {
		_, _, err := d.Check(t.Context(), bad)
		wantKind(t, err, care.Login)
	}
}

// TestRefusalsTellNothing compares the whole course of tries for an account,
// for a disabled one and for a login that nobody has.
func TestRefusalsTellNothing(t *testing.T) {
	course := func(login string, disabled bool) (said []string) {
		d := newDoor(t)
		d.change("n1", func(a *care.Account) { a.Disabled = disabled })
		for range 7 {
			_, err := d.SignIn(t.Context(), login, "wrong and wrong", "")
			said = append(said, err.Error())
		}
		if len(d.waited) != 7 {
			t.Errorf("%d of 7 refusals took their time", len(d.waited))
		}
		d.now = d.now.Add(15*time.Minute + time.Second)
		_, err := d.SignIn(t.Context(), login, "wrong and wrong", "")
		said = append(said, err.Error())
		if d.last() != care.SignInFailed {
			t.Errorf("after the lock: %s", d.last())
		}
		return said
	}
	known := course("cnurse", false)
	for i, want := range []string{"not right", "not right", "not right", "not right", "after 10:42", "after 10:42", "after 10:42", "not right"} {
		if !strings.Contains(known[i], want) {
			t.Errorf("try %d: %q, want %q", i+1, known[i], want)
		}
	}
	for name, other := range map[string][]string{"nobody": course("nobody", false), "disabled": course("cnurse", true)} {
		if strings.Join(other, "\n") != strings.Join(known, "\n") {
			t.Errorf("%s is told something else: %q", name, other)
		}
	}
}

func TestLocksGrow(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	l := Limits{Tries: 5, Lock: 15 * time.Minute}
	var so tries
	var locks []time.Duration
	for so.until != never {
		if so = so.oneMore(l, now); !so.until.IsZero() && so.until != never {
			locks = append(locks, so.until.Sub(now))
		}
	}
	if so.failed != mostTries || locks[0] != l.Lock || locks[1] != 2*l.Lock || locks[18] != longestLock {
		t.Errorf("after %d tries, locks %v", so.failed, locks)
	}
}

func TestRightPasswordWhileLocked(t *testing.T) {
	d := newDoor(t)
	for range 5 {
		_, err := d.SignIn(t.Context(), "cnurse", "wrong and wrong", "")
		if err == nil {
			t.Fatal("a wrong password is right")
		}
	}
	if d.last() != care.SignInLocked {
		t.Errorf("the fifth try: %s", d.last())
	}
	_, err := d.SignIn(t.Context(), "cnurse", good, "")
	wantKind(t, err, care.Throttled)
	d.now = d.now.Add(16 * time.Minute)
	d.enter(t, "cnurse")
	if a := d.accounts["n1"]; a.Failed != 0 || !a.LockedUntil.IsZero() {
		t.Errorf("the count goes on after a right password: %d", a.Failed)
	}
}

// TestTriesAtOnce would let more than the limit through if each try read the
// count before another wrote it.
func TestTriesAtOnce(t *testing.T) {
	d := newDoor(t)
	d.Service.Wait = func(context.Context, time.Duration) error { return nil }
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() { _, _ = d.SignIn(t.Context(), "cnurse", "wrong and wrong", "") })
	}
	wg.Wait()
	if got := d.accounts["n1"].Failed; got != 5 {
		t.Errorf("%d tries were checked, want 5", got)
	}
}

func TestLimitsOfSessions(t *testing.T) {
	d := newDoor(t)
	e := d.enter(t, "cnurse")
	check := func() error { _, _, err := d.Check(t.Context(), e.Token); return err }

	d.now = d.now.Add(29 * time.Second)
	if err := check(); err != nil || !d.sessions[e.Session.ID].Seen.Equal(e.Session.Seen) {
		t.Fatal("touched before half a minute", err)
	}
	for d.now.Before(e.Session.Created.Add(12*time.Hour - 9*time.Minute)) {
		d.now = d.now.Add(9 * time.Minute)
		if err := check(); err != nil {
			t.Fatalf("in use, and over after %v: %v", d.now.Sub(e.Session.Created), err)
		}
	}
	d.now = e.Session.Created.Add(12 * time.Hour)
	wantKind(t, check(), care.Login)
	if d.last() != care.TimedOut || len(d.sessions) != 0 {
		t.Errorf("%s, %d sessions", d.last(), len(d.sessions))
	}

	e = d.enter(t, "cnurse")
	d.now = d.now.Add(10*time.Minute + 29*time.Second)
	if err := check(); err != nil {
		t.Errorf("put out before the promised time: %v", err)
	}
	d.now = d.now.Add(10*time.Minute + 30*time.Second)
	wantKind(t, check(), care.Login)
}

// A page that follows a list by itself must not keep an empty chair signed in.
func TestGlancingIsNotUse(t *testing.T) {
	d := newDoor(t)
	e := d.enter(t, "cnurse")
	for range 5 {
		d.now = d.now.Add(2 * time.Minute)
		if a, _, err := d.Glance(t.Context(), e.Token); err != nil || a.ID != "n1" {
			t.Fatal(a, err)
		}
	}
	d.now = d.now.Add(30 * time.Second)
	_, _, err := d.Glance(t.Context(), e.Token)
	wantKind(t, err, care.Login)
}

func TestChoose(t *testing.T) {
	d := newDoor(t)
	first := d.enter(t, "both")
	_, _, err := d.Check(t.Context(), first.Token)
	if !first.Choose || !errors.Is(err, ErrChoose) || care.KindOf(err) != care.Login {
		t.Fatalf("choose %v, %v", first.Choose, err)
	}
	if a, _, err := d.Pending(t.Context(), first.Token); err != nil || len(a.Grants) != 3 {
		t.Fatalf("%d roles to choose from, %v", len(a.Grants), err)
	}
	_, err = d.Choose(t.Context(), first.Token, 3, "")
	wantKind(t, err, care.Invalid)
	social, err := d.Choose(t.Context(), first.Token, 1, "192.0.2.8")
	if err != nil || social.Token == first.Token || len(d.sessions) != 1 {
		t.Fatal(err, len(d.sessions))
	}
	a, _, err := d.Check(t.Context(), social.Token)
	if err != nil || a.Role != care.SocialWorker || a.OrgKind != care.Council || a.Team != "T1" {
		t.Fatalf("%+v, %v", a, err)
	}
	d.now = d.now.Add(25 * time.Minute) // a council's laptop may idle for 30
	wall, err := d.Choose(t.Context(), social.Token, 2, "")
	if err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(48 * time.Hour)
	if _, _, err := d.Check(t.Context(), wall.Token); err != nil {
		t.Errorf("a wallboard timed out: %v", err)
	}
	_, err = d.Choose(t.Context(), wall.Token, 0, "")
	wantKind(t, err, care.Login) // the long session is no way around the limit
}

func TestAccessThatChanges(t *testing.T) {
	for name, change := range map[string]func(*care.Account){
		"disabled":   func(a *care.Account) { a.Disabled = true },
		"role taken": func(a *care.Account) { a.Grants = []care.Grant{{Role: care.Admin, Org: "RK5"}} },
	} {
		d := newDoor(t)
		e := d.enter(t, "cnurse")
		d.change("n1", change)
		_, _, err := d.Check(t.Context(), e.Token)
		if wantKind(t, err, care.Login); len(d.sessions) != 0 {
			t.Errorf("%s: the session lives on", name)
		}
	}
	d := newDoor(t)
	_, err := d.SignIn(t.Context(), "nothing", good, "")
	wantKind(t, err, care.Forbidden)
}

func TestNoAuditNoSession(t *testing.T) {
	d := newDoor(t)
	d.deaf = errors.New("disk full")
	if _, err := d.SignIn(t.Context(), "cnurse", good, ""); err == nil || len(d.sessions) != 0 {
		t.Errorf("%v, %d sessions", err, len(d.sessions))
	}
}

func TestNotedHoldsNoLogin(t *testing.T) {
	d := newDoor(t)
	_, _ = d.SignIn(t.Context(), "hunter2hunter2", "x", "192.0.2.9")
	if got := d.noted[0]; got.Account != "" || got.Address != "192.0.2.9" || got.Event != care.SignInFailed {
		t.Errorf("%+v", got)
	}
}

func TestGuessesAreBounded(t *testing.T) {
	g := guesses{tries: map[[32]byte]tries{}}
	for i := range mostGuesses + 5 {
		g.set(strings.Repeat("x", i), tries{failed: 1, until: never}, time.Time{})
	}
	if len(g.tries) > mostGuesses {
		t.Errorf("%d remembered", len(g.tries))
	}
}

func TestCheckPassword(t *testing.T) {
	for password, ok := range map[string]bool{
		good: true, "elevenchars": false, "twelve chars": true, "Password1234": false, "cnursecnurse": false, "cnurse123456": false,
		"aaaaaaaaaaaaaa": false, "correct horse battery staple": false, "żółta łódź w deszczu": true, strings.Repeat("long words ", 100): false,
	} {
		if err := CheckPassword("cnurse", password); (err == nil) != ok {
			t.Errorf("%q: %v", password, err)
		} else if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("the error repeats the password")
		}
	}
}

func TestHash(t *testing.T) {
	d := newDoor(t)
	a, err := HashPassword("x", "Zażółć gęślą jaźń", nil)
	if err != nil || !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(a, err)
	}
	b, _ := HashPassword("x", "Zażółć gęślą jaźń", nil)
	if a == b {
		t.Error("the same salt twice")
	}
	for password, want := range map[string]bool{
		"Zażółć gęślą jaźń": true, "Zażółć gęślą jaźn": false, "": false, "zażółć gęślą jaźń": false,
		"Zaz\u0307o\u0301łc\u0301 ge\u0328s\u0301la\u0328 jaz\u0301n\u0301": true, // typed letter by accent
	} {
		if ok, err := d.verify(t.Context(), a, password); ok != want || err != nil {
			t.Errorf("%q: %v, %v", password, ok, err)
		}
	}
	nobody, err := readHash(nobodysHash)
	same, err2 := readHash(a)
	if err != nil || err2 != nil || nobody.memory != same.memory || nobody.passes != same.passes || nobody.lanes != same.lanes ||
		len(nobody.key) != len(same.key) || bytes.Equal(nobody.key, same.key) {
		t.Error("the hash of nobody does not cost as much as an account's", err, err2)
	}
	for _, bad := range []string{"", "x", strings.Replace(a, "argon2id", "argon2i", 1), strings.Replace(a, "19456", "99999999", 1),
		strings.Replace(a, "t=2", "t=0", 1), strings.Replace(a, "p=1", "p=1,x=2", 1), strings.Replace(a, "v=19", "v=16", 1), a[:len(a)-30]} {
		if _, err := d.verify(t.Context(), bad, good); !errors.Is(err, errHash) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWaitingForATurnEnds(t *testing.T) {
	d := newDoor(t)
	for range cap(d.checking) {
		d.checking <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := d.SignIn(ctx, "cnurse", good, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func BenchmarkVerify(b *testing.B) {
	s := &Service{checking: make(chan struct{}, 1)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.verify(b.Context(), nobodysHash, good); err != nil {
			b.Fatal(err)
		}
	}
}
