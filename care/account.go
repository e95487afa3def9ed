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
	// Provider names the identity provider that vouches for them and says their
	// grants at each sign-in; "": the account is kept here.
	Provider string `json:"provider,omitempty"`
	Last     Grant  `json:"last,omitzero"` // chosen last, offered first

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
	// Profile is the provider's name for the role: of NHS CIS2, person_roleid.
	Profile string `json:"profile,omitempty"`
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

	Method   Method    `json:"method,omitempty"`   // how they proved who they are
	Proven   time.Time `json:"proven,omitzero"`    // when they last did (step-up)
	Provider string    `json:"provider,omitempty"` // the identity provider's name in the configuration; "": an account kept here
	SID      string    `json:"sid,omitempty"`      // the provider's name for the session (OpenID Connect Front-Channel Logout 1.0, 3)
	// Assurance is how sure the provider was, in its own words: "AAL2, identity 3".
	Assurance string `json:"assurance,omitempty"`
	// Hint is the provider's ID token, which it wants back to end its own session
	// (OpenID Connect RP-Initiated Logout 1.0, 2). It opens nothing.
	Hint string `json:"hint,omitempty"`
}

// Method is how somebody proved who they are.
type Method string

// Methods of proof.
const (
	ByPassword Method = "password"
	ByCode     Method = "password+code"     // a one-time code of an app besides (RFC 6238)
	ByRecovery Method = "password+recovery" // a recovery code instead of it
	ByPasskey  Method = "passkey"           // with the user verified by it (W3C WebAuthn 2, 6.2.3)
	ByProvider Method = "provider"          // their organisation's identity provider
	ByLink     Method = "link+PIN"          // a link that was mailed to a care provider, and its PIN
	ByPairing  Method = "pairing"           // a wallboard, by a code that an administrator gave
)

// Strong reports whether a method has two factors. Of a provider it is the
// provider's configuration that says what it asks for.
func (m Method) Strong() bool { return m != "" && m != ByPassword }

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
	SteppedUp     SignInEvent = "stepped-up"     // proved again who they are, before something grave
	StepUpFailed  SignInEvent = "step-up-failed" // and could not
	FactorAdded   SignInEvent = "factor-added"   // a passkey, an app for codes, new recovery codes, a new password
	FactorRemoved SignInEvent = "factor-removed"
	SessionEnded  SignInEvent = "session-ended" // from another session, or by an administrator
)

// Denied reports whether the door stayed shut.
func (e SignInEvent) Denied() bool {
	return e == SignInFailed || e == SignInLocked || e == SignInRefused || e == StepUpFailed
}

// SignIn is one thing that happened at the door, for the audit. Account is ""
// when nobody has the login that was typed. The login itself is not kept:
// people type passwords into the wrong box.
type SignIn struct {
	Event   SignInEvent `json:"event"`
	Account ActorID     `json:"account,omitempty"`
	Grant   Grant       `json:"grant,omitzero"`
	Address string      `json:"address,omitempty"`
	Detail  string      `json:"detail,omitempty"` // the method, or the kind of factor; never what was typed
	At      time.Time   `json:"at"`
}

// Orgs finds an organisation of the configuration by its code.
type Orgs func(nhs.ODS) Org
