package store

import (
	"time"

	"homeward/nhs"
)

// Assertion marks the jti of a client's assertion as used until expires. fresh
// is false when it was used before, in this or another process: the database
// itself refuses the second. RFC 7523 3.
func (t *Tx) Assertion(client string, jti []byte, expires time.Time) (fresh bool, err error) {
	err = t.change(`INSERT INTO assertions (client, jti, expires) VALUES ($1, $2, $3) ON CONFLICT (client, jti) DO NOTHING RETURNING expires`,
		[]any{client, jti, expires}, func([]any) error { fresh = true; return nil })
	return fresh, err
}

// Asserted reports whether the jti of a client's assertion was used.
func (t *Tx) Asserted(client string, jti []byte) (bool, error) {
	var expires time.Time
	err := t.one(`SELECT expires FROM assertions WHERE client = $1 AND jti = $2`, []any{client, jti}, &expires)
	if err == errNone {
		return false, nil
	}
	return err == nil, err
}

// Token is an access token as it is kept: Hash is its SHA-256, and the token
// itself is nowhere.
type Token struct {
	Hash       []byte
	Client     string
	Scopes     string // separated by spaces
	Thumbprint string // of the certificate that it is bound to (RFC 8705 3.1); "" for none
	Issued     time.Time
	Expires    time.Time
}

// PutToken keeps a token.
func (t *Tx) PutToken(k Token) error {
	return t.exec(`INSERT INTO tokens (token, client, scopes, thumbprint, issued, expires) VALUES ($1, $2, $3, $4, $5, $6)`,
		k.Hash, k.Client, k.Scopes, k.Thumbprint, k.Issued, k.Expires)
}

// Token reads a token by its hash, expired or not; care.NotFound when there is none.
func (t *Tx) Token(hash []byte) (Token, error) {
	k := Token{Hash: hash}
	err := t.one(`SELECT client, scopes, thumbprint, issued, expires FROM tokens WHERE token = $1`, []any{hash},
		&k.Client, &k.Scopes, &k.Thumbprint, &k.Issued, &k.Expires)
	return k, orNotFound(err, "The token")
}

// DropTokens ends all tokens of a client.
func (t *Tx) DropTokens(client string) error {
	return t.exec(`DELETE FROM tokens WHERE client = $1`, client)
}

// LaunchStage is how far a launch is.
type LaunchStage string

// The stages of a launch.
const (
	LaunchLink LaunchStage = "link" // waits to be opened, once
	LaunchOpen LaunchStage = "open" // was opened in a browser, which has a new name for it
)

// Launch is a person whom a hospital's system brings in context. ID is the
// SHA-256 of its name, and Sealed can be opened by that name only.
type Launch struct {
	ID      []byte
	Stage   LaunchStage
	Client  string
	Org     nhs.ODS
	Session string // the session that took it up; "" until then
	Expires time.Time
	Sealed  []byte
}

// PutLaunch keeps a launch.
func (t *Tx) PutLaunch(l Launch) error {
	return t.exec(`INSERT INTO launches (id, stage, client, org, session, expires, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		l.ID, string(l.Stage), l.Client, string(l.Org), l.Session, l.Expires, l.Sealed)
}

const launchColumns = `client, org, session, expires, sealed`

func (l *Launch) scan(row []any) error {
	return scan(row, &l.Client, &l.Org, &l.Session, &l.Expires, &l.Sealed)
}

// TakeLaunch removes a launch of a stage and gives it, so that nobody can take
// it again; care.NotFound when there is none.
func (t *Tx) TakeLaunch(id []byte, stage LaunchStage) (Launch, error) {
	var ls []Launch
	err := t.change(`DELETE FROM launches WHERE id = $1 AND stage = $2 RETURNING `+launchColumns, []any{id, string(stage)}, func(row []any) error {
		l := Launch{ID: id, Stage: stage}
		err := l.scan(row)
		ls = append(ls, l)
		return err
	})
	return first(ls, err, "The link")
}

// Launch reads a launch of a stage, expired or not; care.NotFound when there is none.
func (t *Tx) Launch(id []byte, stage LaunchStage) (Launch, error) {
	l := Launch{ID: id, Stage: stage}
	err := t.query(`SELECT `+launchColumns+` FROM launches WHERE id = $1 AND stage = $2`, []any{id, string(stage)}, l.scan)
	if err == nil && l.Sealed == nil {
		err = errNone
	}
	return l, orNotFound(err, "The link")
}

// BindLaunch keeps which session took a launch up.
func (t *Tx) BindLaunch(id []byte, session string) error {
	return t.exec(`UPDATE launches SET session = $1 WHERE id = $2`, session, id)
}

// SweepSystems removes assertions, tokens and launches that have ended.
func (t *Tx) SweepSystems(now time.Time) error {
	for _, table := range []string{"assertions", "tokens", "launches"} {
		if err := t.exec(`DELETE FROM `+table+` WHERE expires < $1`, now); err != nil {
			return err
		}
	}
	return nil
}
