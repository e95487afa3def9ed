package care

import (
	"log/slog"
	"time"
)

// Credential is one more way in which the holder of an account can prove who
// they are, besides their password. Its secret is never logged or shown.
type Credential struct {
	ID      string // opaque
	Account ActorID
	Kind    CredentialKind
	Name    string // in its holder's words: "Blue key"
	// Lookup finds it among all of its kind: the credential id of a passkey, the
	// hash of a recovery code, the account of an app for codes.
	Lookup  []byte
	Counter int64 // of a passkey, its signatures; of an app, the last 30 seconds of which a code was used
	Made    time.Time
	Used    time.Time // zero: never
	Secret  []byte    // the key of an app; the record of a passkey, as JSON; nothing of a recovery code
}

// LogValue is the credential without its secret.
func (c Credential) LogValue() slog.Value { return slog.StringValue(string(c.Kind) + " " + c.ID) }

// CredentialKind is what a credential is.
type CredentialKind string

// Kinds of credentials.
const (
	Passkey  CredentialKind = "passkey"  // W3C WebAuthn 2
	CodeApp  CredentialKind = "app"      // one-time codes by the clock, RFC 6238
	Recovery CredentialKind = "recovery" // a code on paper that opens once
)

// Challenge is something that was begun and waits for its one answer: half of a
// sign-in, what a passkey has to sign, an app that is being set up. ID is the
// hash of what the other side was given.
type Challenge struct {
	ID      string
	Kind    string
	Account ActorID // "": not known yet
	Expires time.Time
	Doc     []byte
}
