// Package signin turns a login and a password into a session, and a session
// into a care.Actor. It locks out guessing, ends sessions that are idle or
// old, and tells the audit what happened at the door. Another way of proving
// who somebody is, such as their organisation's identity provider, begins a
// session by Enter and shares all the rest. The package keeps nothing itself,
// knows nothing of cookies or pages, and does not decide what an actor may do.
package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/care"
)

// Accounts is the memory of accounts and sessions. What is not there is an
// error of kind care.NotFound.
type Accounts interface {
	Factors
	// Account finds an account by its login, which is in lower case.
	Account(ctx context.Context, login string) (care.Account, error)
	AccountByID(ctx context.Context, id care.ActorID) (care.Account, error)
	// SaveTries keeps how often in a row the password was wrong and until when
	// the account is locked; zero and zero after a right one.
	SaveTries(ctx context.Context, id care.ActorID, failed int, lockedUntil time.Time) error
	BeginSession(ctx context.Context, s care.Session) error
	Session(ctx context.Context, id string) (care.Session, error)
	TouchSession(ctx context.Context, id string, seen time.Time) error
	// EndSession forgets a session; one that is not there is no error.
	EndSession(ctx context.Context, id string) error
	// Noted writes what happened to the audit.
	Noted(ctx context.Context, what care.SignIn) error
}

// Config is what a Service is made of.
type Config struct {
	Accounts Accounts
	Orgs     care.Orgs
	Limits   Limits
	Links    Links // what is mailed to care providers; nil: no link opens
	// Require says of which roles a second factor is asked of accounts kept here;
	// nil: of none.
	Require func(care.Grant) bool
	Clock   func() time.Time                           // nil: time.Now
	Rand    io.Reader                                  // nil: crypto/rand
	Zone    *time.Location                             // of times in texts; nil: UTC
	Wait    func(context.Context, time.Duration) error // nil: by a timer
}

// Limits are the numbers that a site may change. Zero values take the default.
type Limits struct {
	Tries     int           // wrong passwords in a row before a lock; 5
	Lock      time.Duration // the first lock; each further one is twice as long, up to a day; 15 min
	Idle      time.Duration // without use; 0: 10 min in a trust, 30 min elsewhere
	Absolute  time.Duration // of a session in any case; 12 h (NIST SP 800-63B 4.2.3)
	Wallboard time.Duration // of a wallboard's session, which is never idle; 90 days
	Touch     time.Duration // how exactly the last use is kept; 30 s
	AtOnce    int           // passwords checked at once, each with 19 MiB; 2
	Floor     time.Duration // time that every refusal takes, so that it tells nothing; 400 ms
	Proven    time.Duration // how long a proof of who somebody is holds for what is grave; 5 min
}

// mostTries is how many wrong passwords in a row an account takes before only
// an administrator can open it again. NIST SP 800-63B 5.2.2: at most 100.
const mostTries = 100

// never is when a lock ends that only an administrator opens.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Service signs people in and out. Make one with New. It may be used by many
// goroutines at once.
type Service struct {
	Config
	checking chan struct{}   // a place for each password being checked
	doors    [256]sync.Mutex // tries of one login come one after another
	guesses  guesses
}

// New makes a service.
func New(c Config) (*Service, error) {
	if c.Accounts == nil || c.Orgs == nil {
		return nil, errors.New("sign-in needs accounts and organisations")
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	l := &c.Limits
	def(&l.Tries, 5)
	def(&l.Lock, 15*time.Minute)
	def(&l.Absolute, 12*time.Hour)
	def(&l.Wallboard, 90*24*time.Hour)
	def(&l.Touch, 30*time.Second)
	def(&l.AtOnce, 2)
	def(&l.Floor, 400*time.Millisecond)
	def(&l.Proven, 5*time.Minute)
	return &Service{Config: c, checking: make(chan struct{}, l.AtOnce), guesses: guesses{tries: map[[32]byte]tries{}}}, nil
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Entry is a session that has just begun. Token goes into a cookie and nowhere
// else; it cannot be had again.
type Entry struct {
	Token   string
	Account care.Account
	Session care.Session
	Choose  bool  // there are several roles: Choose one before anything else
	Half    *Half // the password was right and no session is begun: a second factor is awaited
}

// ErrChoose is the cause when somebody is signed in and has not chosen a role.
var ErrChoose = errors.New("no role is chosen")

// SignIn checks a password and begins a session, or half of one when the account
// has a second factor: then only Half is set. Whatever is wrong, a refusal
// reads the same, takes the same time and locks the same (OWASP ASVS 5.0
// 6.3.8): kind care.Login, or care.Throttled after too many tries. Only somebody
// who knows the password may learn that nothing is granted: care.Forbidden.
func (s *Service) SignIn(ctx context.Context, login, password, address string) (Entry, error) {
	login = strings.ToLower(strings.TrimSpace(login))
	if login == "" {
		return Entry{}, &care.Error{Kind: care.Required, Field: "login", Text: "Enter your user name"}
	}
	if password == "" {
		return Entry{}, &care.Error{Kind: care.Required, Field: "password", Text: "Enter your password"}
	}
	from := s.Clock()
	a, err := s.try(ctx, trial{login: login, address: address, event: care.SignInFailed, part: true,
		wrong: care.Error{Kind: care.Login, Text: "The user name or password is not right. Check both and try again"},
		right: func(ctx context.Context, _ care.Account, hash string) (bool, error) {
			return s.verify(ctx, hash, password)
		}})
	if err := s.atLeast(ctx, from, err); err != nil {
		return Entry{}, err
	}
	has, err := s.Has(ctx, a.ID)
	if err != nil {
		return Entry{}, err
	}
	if has.Second() {
		ticket, err := s.challenge(ctx, halfKind, a.ID, halfDone{sessionID(a.Hash)})
		return Entry{Half: &Half{Ticket: ticket, Has: has}}, err
	}
	if a.Failed > 0 {
		if err := s.Accounts.SaveTries(ctx, a.ID, 0, time.Time{}); err != nil {
			return Entry{}, fmt.Errorf("ending the count of tries: %w", err)
		}
	}
	return s.Enter(ctx, a, How{Method: care.ByPassword}, address)
}

// atLeast gives err back, and a refusal no sooner than Floor after from.
func (s *Service) atLeast(ctx context.Context, from time.Time, err error) error {
	if k := care.KindOf(err); k == care.Login || k == care.Throttled {
		if late := s.Limits.Floor - s.Clock().Sub(from); late > 0 {
			if werr := s.Wait(ctx, late); werr != nil {
				return werr
			}
		}
	}
	return err
}

// A trial is one try to prove who somebody is.
type trial struct {
	login, address string
	// right checks what they showed. The account is zero when nobody has the
	// login, and the hash is then one that takes as long and is never right.
	right func(ctx context.Context, a care.Account, hash string) (bool, error)
	event care.SignInEvent // of a wrong try
	wrong care.Error       // what a wrong try is told; its field is kept for a lock too
	part  bool             // a right try proves only a part: it does not end the count
}

// try is one try of a login, behind all others of the same login, so that tries
// at the same moment are counted. Several processes count to the limit each.
func (s *Service) try(ctx context.Context, t trial) (care.Account, error) {
	door := fnv.New32a()
	_, _ = door.Write([]byte(t.login))
	mu := &s.doors[door.Sum32()%uint32(len(s.doors))]
	mu.Lock()
	defer mu.Unlock()

	now := s.Clock()
	a, err := s.Accounts.Account(ctx, t.login)
	known := err == nil
	if err != nil && care.KindOf(err) != care.NotFound {
		return care.Account{}, fmt.Errorf("finding the account: %w", err)
	}
	so := tries{a.Failed, a.LockedUntil}
	if !known {
		so = s.guesses.of(t.login)
	}
	if now.Before(so.until) {
		return care.Account{}, s.refuse(ctx, care.SignInRefused, a.ID, t.address, s.tooMany(now, so.until, t.wrong.Field))
	}
	hash := a.Hash
	if !known || a.Disabled || hash == "" {
		hash = nobodysHash
	}
	right, err := t.right(ctx, a, hash)
	if err != nil {
		return care.Account{}, fmt.Errorf("checking a proof: %w", err)
	}
	if right && known && !a.Disabled {
		if a.Failed > 0 && !t.part {
			err = s.Accounts.SaveTries(ctx, a.ID, 0, time.Time{})
		}
		return a, err
	}
	return care.Account{}, s.wrong(ctx, t, a.ID, so, now)
}

// wrong counts a wrong try, of an account or of a login that nobody has.
func (s *Service) wrong(ctx context.Context, t trial, id care.ActorID, so tries, now time.Time) error {
	so = so.oneMore(s.Limits, now)
	if id == "" {
		s.guesses.set(t.login, so, now)
	} else if err := s.Accounts.SaveTries(ctx, id, so.failed, so.until); err != nil {
		return fmt.Errorf("counting a try: %w", err)
	}
	if now.Before(so.until) {
		return s.refuse(ctx, care.SignInLocked, id, t.address, s.tooMany(now, so.until, t.wrong.Field))
	}
	return s.refuse(ctx, t.event, id, t.address, &t.wrong)
}

func (s *Service) refuse(ctx context.Context, what care.SignInEvent, id care.ActorID, address string, why error) error {
	if err := s.note(ctx, care.SignIn{Event: what, Account: id, Address: address}); err != nil {
		return err
	}
	return why
}

func (s *Service) note(ctx context.Context, what care.SignIn) error {
	what.At = s.Clock()
	if err := s.Accounts.Noted(ctx, what); err != nil {
		return fmt.Errorf("recording a sign-in: %w", err)
	}
	return nil
}

// tooMany says until when, as a clock on the wall shows it.
func (s *Service) tooMany(now, until time.Time, field string) error {
	text := "Too many tries. Ask your administrator to open the account"
	if until.Before(never) {
		// A minute that has begun is told as the next one, so that the time is never too early.
		at, day := until.Add(time.Minute-time.Nanosecond).In(s.Zone), now.In(s.Zone)
		text = "Too many tries. Try again after " + at.Format("15:04")
		if at.YearDay() != day.YearDay() {
			text += " on " + at.Format("2 January")
		}
	}
	return &care.Error{Kind: care.Throttled, Field: field, Text: text}
}

// How is how somebody proved who they are.
type How struct {
	Method   care.Method
	At       time.Time // when; zero: now, or of a provider, which did not tell, long ago
	Provider string    // the identity provider's name in the configuration; "": an account kept here
	SID      string    // the provider's name for the session

	Assurance, Hint string // as care.Session has them
}

// Enter begins a session for somebody whose identity is proven. Every sign-in
// has a new token of 256 random bits (OWASP ASVS 5.0 7.2.3, 7.2.4).
func (s *Service) Enter(ctx context.Context, a care.Account, how How, address string) (Entry, error) {
	if len(a.Grants) == 0 {
		return Entry{}, s.refuse(ctx, care.SignInRefused, a.ID, address,
			&care.Error{Kind: care.Forbidden, Text: "You have no access yet. Ask your manager to have a role given to you"})
	}
	var only care.Grant
	if len(a.Grants) == 1 {
		only = a.Grants[0]
	}
	now := s.Clock()
	if how.At.IsZero() && how.Provider == "" || how.At.After(now) {
		how.At = now
	}
	ses := care.Session{Grant: only, Created: now, Address: address, Method: how.Method, Proven: how.At, Provider: how.Provider, SID: how.SID,
		Assurance: how.Assurance, Hint: how.Hint}
	return s.begin(ctx, a, ses, care.SignedIn)
}

// begin begins a session like ses, with a token of its own. It records first: no
// audit, no session.
func (s *Service) begin(ctx context.Context, a care.Account, ses care.Session, what care.SignInEvent) (Entry, error) {
	token, err := s.random()
	if err != nil {
		return Entry{}, err
	}
	if err := s.note(ctx, care.SignIn{Event: what, Account: a.ID, Grant: ses.Grant, Address: ses.Address, Detail: proof(ses)}); err != nil {
		return Entry{}, err
	}
	a.Hash = ""
	e := Entry{Token: token, Account: a, Choose: ses.Grant.IsZero()}
	ses.ID, ses.Account, ses.Seen, ses.Ends = sessionID(e.Token), a.ID, s.Clock(), ses.Created.Add(s.longest(ses.Grant))
	if ses.Method == care.ByLink {
		ses.Ends = ses.Created.Add(linkSession)
	}
	e.Session = ses
	if err := s.Accounts.BeginSession(ctx, e.Session); err != nil {
		return Entry{}, fmt.Errorf("beginning a session: %w", err)
	}
	return e, nil
}

func sessionID(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}

func (s *Service) longest(g care.Grant) time.Duration {
	if g.Role == care.WallboardRole {
		return s.Limits.Wallboard
	}
	return s.Limits.Absolute
}

// Idle is how long a session in this role may go without use; 0 for ever. Ward
// computers are shared, so theirs is the shortest (OWASP ASVS 5.0 7.3.1).
func (s *Service) Idle(g care.Grant) time.Duration {
	switch {
	case g.Role == care.WallboardRole:
		return 0
	case s.Limits.Idle > 0:
		return s.Limits.Idle
	case !g.IsZero() && s.Orgs(g.Org).Kind != care.Trust:
		return 30 * time.Minute
	}
	return 10 * time.Minute
}

// Check says who acts with a token. A session that is over, an account that is
// disabled or a role that was taken away is kind care.Login (OWASP ASVS 5.0
// 7.3.2, 7.4.2); when a role is still to be chosen its cause is ErrChoose, and
// when a second factor is still to be set up ErrEnrol, with who it is. Using a
// session keeps it from being idle.
func (s *Service) Check(ctx context.Context, token string) (care.Actor, care.Session, error) {
	return s.check(ctx, token, true)
}

// Glance is Check for what a page does by itself, such as following a list: it
// does not keep the session from being idle (OWASP ASVS 5.0 7.3.1).
func (s *Service) Glance(ctx context.Context, token string) (care.Actor, care.Session, error) {
	return s.check(ctx, token, false)
}

func (s *Service) check(ctx context.Context, token string, use bool) (care.Actor, care.Session, error) {
	a, ses, err := s.pending(ctx, token, use)
	if err != nil {
		return care.Actor{}, care.Session{}, err
	}
	if ses.Grant.IsZero() {
		return care.Actor{}, ses, &care.Error{Kind: care.Login, Field: "role", Text: "Choose a role", Err: ErrChoose}
	}
	if s.mustEnrol(ses) {
		return Actor(a, ses, s.Orgs), ses, &care.Error{Kind: care.Login, Text: "Set up a second factor to go on", Err: ErrEnrol}
	}
	return Actor(a, ses, s.Orgs), ses, nil
}

// Actor is who acts in a session.
func Actor(a care.Account, ses care.Session, orgs care.Orgs) care.Actor {
	org := orgs(ses.Grant.Org)
	return care.Actor{ID: a.ID, Name: a.Name, Role: ses.Grant.Role, Org: ses.Grant.Org, OrgName: org.Name, OrgKind: org.Kind,
		Team: ses.Grant.Team, Ward: ses.Grant.Ward, Address: ses.Address}
}

// Pending is the account and session of a token, whether or not a role is
// chosen: for the page that asks.
func (s *Service) Pending(ctx context.Context, token string) (care.Account, care.Session, error) {
	return s.pending(ctx, token, true)
}

func (s *Service) pending(ctx context.Context, token string, use bool) (care.Account, care.Session, error) {
	none := &care.Error{Kind: care.Login, Text: "Sign in to go on"}
	if len(token) != base64.RawURLEncoding.EncodedLen(32) {
		return care.Account{}, care.Session{}, none
	}
	ses, err := s.Accounts.Session(ctx, sessionID(token))
	if care.KindOf(err) == care.NotFound {
		return care.Account{}, care.Session{}, none
	}
	if err != nil {
		return care.Account{}, care.Session{}, fmt.Errorf("finding a session: %w", err)
	}
	now := s.Clock()
	// The last use is only known to within Touch: nobody is put out too early.
	idle := s.Idle(ses.Grant)
	if !now.Before(ses.Ends) || idle > 0 && now.Sub(ses.Seen) >= idle+s.Limits.Touch {
		return care.Account{}, care.Session{}, s.end(ctx, ses, care.TimedOut, "You were signed out to keep records safe. Sign in to go on")
	}
	a, err := s.Accounts.AccountByID(ctx, ses.Account)
	if err != nil && care.KindOf(err) != care.NotFound {
		return care.Account{}, care.Session{}, fmt.Errorf("finding the account of a session: %w", err)
	}
	if err != nil || a.Disabled || !ses.Grant.IsZero() && !slices.Contains(a.Grants, ses.Grant) {
		return care.Account{}, care.Session{}, s.end(ctx, ses, care.SignedOut, "Your access has changed. Sign in to go on")
	}
	a.Hash = ""
	if use && now.Sub(ses.Seen) >= s.Limits.Touch {
		ses.Seen = now
		if err := s.Accounts.TouchSession(ctx, ses.ID, now); err != nil {
			return care.Account{}, care.Session{}, fmt.Errorf("keeping a session: %w", err)
		}
	}
	return a, ses, nil
}

// end ends a session and answers with why.
func (s *Service) end(ctx context.Context, ses care.Session, what care.SignInEvent, text string) error {
	if what == care.TimedOut {
		if err := s.over(ctx, ses); err != nil {
			return err
		}
	}
	if err := s.Accounts.EndSession(ctx, ses.ID); err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	if err := s.note(ctx, care.SignIn{Event: what, Account: ses.Account, Grant: ses.Grant, Address: ses.Address}); err != nil {
		return err
	}
	return &care.Error{Kind: care.Login, Text: text}
}

// Choose takes the account's n-th grant, counted from 0, and goes on in a new
// session with a new token; the old one is over. The time that the session may
// last counts from the sign-in.
func (s *Service) Choose(ctx context.Context, token string, n int, address string) (Entry, error) {
	a, ses, err := s.Pending(ctx, token)
	if err != nil {
		return Entry{}, err
	}
	if n < 0 || n >= len(a.Grants) {
		return Entry{}, &care.Error{Kind: care.Invalid, Field: "role", Text: "Choose a role from the list"}
	}
	if !s.Clock().Before(ses.Created.Add(s.longest(a.Grants[n]))) {
		return Entry{}, s.end(ctx, ses, care.TimedOut, "You were signed out to keep records safe. Sign in to go on")
	}
	old := ses.ID
	ses.Grant, ses.Address = a.Grants[n], address
	return s.renew(ctx, a, ses, old, care.RoleChosen)
}

// renew goes on in a new session like ses, and ends the old one.
func (s *Service) renew(ctx context.Context, a care.Account, ses care.Session, old string, what care.SignInEvent) (Entry, error) {
	e, err := s.begin(ctx, a, ses, what)
	if err != nil {
		return Entry{}, err
	}
	if err := s.Accounts.EndSession(ctx, old); err != nil {
		return Entry{}, fmt.Errorf("ending the session before: %w", err)
	}
	return e, nil
}

// SignOut ends the session of a token (OWASP ASVS 5.0 7.4.1); how is
// care.SignedOut or care.SwitchedUser. A session that is over is no error.
func (s *Service) SignOut(ctx context.Context, token string, how care.SignInEvent) error {
	ses, err := s.Accounts.Session(ctx, sessionID(token))
	if care.KindOf(err) == care.NotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding a session: %w", err)
	}
	if err := s.end(ctx, ses, how, ""); care.KindOf(err) != care.Login {
		return err
	}
	return nil
}
