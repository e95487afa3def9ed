package care

import (
	"log/slog"
	"time"

	"homeward/nhs"
)

// Account is somebody who may sign in here, without an identity provider of
// their organisation. What changes with every try (Failed, LockedUntil) and the
// Hash are kept beside the account's document, never in it.
type Account struct {
	ID       ActorID `json:"id"`
	Login    string  `json:"login"` // lower case
	Name     string  `json:"name"`  // for people: "A Patel"
	Grants   []Grant `json:"grants,omitzero"`
	Disabled bool    `json:"disabled,omitempty"`

	Hash        string    `json:"-"` // argon2id, as a PHC string
	Failed      int       `json:"-"` // wrong passwords since the last right one
	LockedUntil time.Time `json:"-"` // zero: not locked
}

// LogValue is the account without its hash.
func (a Account) LogValue() slog.Value { return slog.StringValue(string(a.ID)) }

// Grant is one role that an account may act in. Two grants of an account are
// never equal.
type Grant struct {
	Role Role    `json:"role"`
	Org  nhs.ODS `json:"org"`
	Team string  `json:"team,omitempty"` // council team id
	Ward string  `json:"ward,omitempty"` // a ward nurse's usual ward code
}

// IsZero reports whether no role is chosen yet.
func (g Grant) IsZero() bool { return g == Grant{} }

// Session is a time that somebody is signed in. ID is the SHA-256 of the token
// in their cookie, so that whoever reads the store cannot act as them.
type Session struct {
	ID      string    `json:"id"`
	Account ActorID   `json:"account"`
	Grant   Grant     `json:"grant,omitzero"` // zero: they have several and have not chosen
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"` // last use, to about half a minute
	Ends    time.Time `json:"ends"` // in any case
	Address string    `json:"address,omitempty"`
}

// SignInEvent is what happened at the door.
type SignInEvent string

// What happens at the door.
const (
	SignedIn      SignInEvent = "signed-in"
	SignInFailed  SignInEvent = "sign-in-failed"  // wrong login or password
	SignInLocked  SignInEvent = "sign-in-locked"  // and one time too often
	SignInRefused SignInEvent = "sign-in-refused" // locked already, or nothing granted
	RoleChosen    SignInEvent = "role-chosen"
	SignedOut     SignInEvent = "signed-out"
	SwitchedUser  SignInEvent = "switched-user" // left so that a colleague could sign in
	TimedOut      SignInEvent = "timed-out"
)

// SignIn is one thing that happened at the door, for the audit. Account is ""
// when nobody has the login that was typed. The login itself is not kept:
// people type passwords into the wrong box.
type SignIn struct {
	Event   SignInEvent `json:"event"`
	Account ActorID     `json:"account,omitempty"`
	Grant   Grant       `json:"grant,omitzero"`
	Address string      `json:"address,omitempty"`
	At      time.Time   `json:"at"`
}

// Orgs finds an organisation of the configuration by its code.
type Orgs func(nhs.ODS) Org
