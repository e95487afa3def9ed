package store

import (
	"time"

	"homeward/care"
)

// AddCredential keeps a new credential. One that is there already, of whatever
// account, is a care.Conflict.
func (t *Tx) AddCredential(c care.Credential) error {
	secret, added := append([]byte{}, t.sealRaw(credentialKey, c.Secret, c.ID)...), false
	err := t.change(`INSERT INTO credentials (id, user_id, kind, lookup, name, counter, made, used, secret) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT DO NOTHING RETURNING id`, []any{c.ID, string(c.Account), string(c.Kind), c.Lookup, c.Name, c.Counter, c.Made, c.Used, secret},
		func([]any) error { added = true; return nil })
	if err == nil && !added {
		return &care.Error{Kind: care.Conflict, Text: "This is set up already. Remove it first, or use another"}
	}
	return err
}

func (t *Tx) credentials(where string, vs ...any) (cs []care.Credential, err error) {
	err = t.query(`SELECT id, user_id, kind, lookup, name, counter, made, used, secret FROM credentials `+where, vs, func(row []any) error {
		var c care.Credential
		var account, kind string
		var secret []byte
		if err := scan(row, &c.ID, &account, &kind, &c.Lookup, &c.Name, &c.Counter, &c.Made, &c.Used, &secret); err != nil {
			return err
		}
		c.Account, c.Kind = care.ActorID(account), care.CredentialKind(kind)
		secret, err := t.open(credentialKey, secret, c.ID)
		c.Secret = append([]byte(nil), secret...)
		cs = append(cs, c)
		return err
	})
	return cs, err
}

// Credentials lists what an account has besides its password, oldest first.
func (t *Tx) Credentials(account care.ActorID) ([]care.Credential, error) {
	return t.credentials(`WHERE user_id = $1 ORDER BY made, id`, string(account))
}

// CredentialBy finds a credential of a kind; care.NotFound when there is none.
func (t *Tx) CredentialBy(kind care.CredentialKind, lookup []byte) (care.Credential, error) {
	cs, err := t.credentials(`WHERE kind = $1 AND lookup = $2`, string(kind), lookup)
	return first(cs, err, "The credential")
}

// UseCredential keeps that a credential was used and, where it counts, how far
// it has counted. It does nothing and answers false when another use has come as
// far: so no code and no signature opens twice, in any process.
func (t *Tx) UseCredential(id string, counter int64, at time.Time) (fresh bool, err error) {
	err = t.change(`UPDATE credentials SET counter = $1, used = $2 WHERE id = $3 AND (counter < $1 OR counter = 0 AND $1 = 0) RETURNING id`,
		[]any{counter, at, id}, func([]any) error { fresh = true; return nil })
	return fresh, err
}

// DropCredential forgets one credential of an account, and reports whether it
// was there: a recovery code opens once.
func (t *Tx) DropCredential(account care.ActorID, id string) (was bool, err error) {
	err = t.change(`DELETE FROM credentials WHERE id = $1 AND user_id = $2 RETURNING id`, []any{id, string(account)},
		func([]any) error { was = true; return nil })
	return was, err
}

// DropCredentials forgets all credentials of an account, or those of one kind.
func (t *Tx) DropCredentials(account care.ActorID, kind care.CredentialKind) error {
	return t.exec(`DELETE FROM credentials WHERE user_id = $1 AND (kind = $2 OR $2 = '')`, string(account), string(kind))
}

// PutChallenge keeps what waits for an answer, and forgets those whose time is up.
func (t *Tx) PutChallenge(c care.Challenge) error {
	if err := t.exec(`DELETE FROM challenges WHERE expires < $1`, t.Now()); err != nil {
		return err
	}
	doc := append([]byte{}, t.sealRaw(challengeDoc, c.Doc, c.ID)...)
	return t.exec(`INSERT INTO challenges (id, kind, user_id, expires, doc) VALUES ($1, $2, $3, $4, $5)`, c.ID, c.Kind, string(c.Account), c.Expires, doc)
}

// Challenge reads what waits for an answer; care.NotFound when it has had one,
// or its time is up.
func (t *Tx) Challenge(id, kind string) (care.Challenge, error) {
	cs := t.challenge(id)
	err := t.query(`SELECT kind, user_id, expires, doc FROM challenges WHERE id = $1`, []any{id}, cs.read)
	return cs.one(kind, err)
}

// TakeChallenge is Challenge for the one answer: nobody finds it again.
func (t *Tx) TakeChallenge(id, kind string) (care.Challenge, error) {
	cs := t.challenge(id)
	err := t.change(`DELETE FROM challenges WHERE id = $1 RETURNING kind, user_id, expires, doc`, []any{id}, cs.read)
	return cs.one(kind, err)
}

// reading one challenge.
type challenges struct {
	t     *Tx
	id    string
	found []care.Challenge
}

func (t *Tx) challenge(id string) *challenges { return &challenges{t: t, id: id} }

func (cs *challenges) read(row []any) error {
	c := care.Challenge{ID: cs.id}
	var account string
	var doc []byte
	if err := scan(row, &c.Kind, &account, &c.Expires, &doc); err != nil {
		return err
	}
	c.Account = care.ActorID(account)
	opened, err := cs.t.open(challengeDoc, doc, cs.id)
	c.Doc = append([]byte(nil), opened...)
	cs.found = append(cs.found, c)
	return err
}

func (cs *challenges) one(kind string, err error) (care.Challenge, error) {
	c, err := first(cs.found, err, "The challenge")
	if err == nil && (c.Kind != kind || !cs.t.Now().Before(c.Expires)) {
		return care.Challenge{}, notFound("The challenge")
	}
	return c, err
}

// SessionsOf lists an account's sessions that are not over, the last used first.
func (t *Tx) SessionsOf(account care.ActorID, now time.Time) (ss []care.Session, err error) {
	err = t.query(`SELECT token, doc, seen FROM sessions WHERE user_id = $1 AND expires > $2 ORDER BY seen DESC, created DESC`, []any{string(account), now}, func(row []any) error {
		var token []byte
		var doc string
		var seen time.Time
		if err := scan(row, &token, &doc, &seen); err != nil {
			return err
		}
		s, err := t.session(token, doc, seen)
		ss = append(ss, s)
		return err
	})
	return ss, err
}

// SavePassword keeps the hash of a new password.
func (t *Tx) SavePassword(account care.ActorID, hash string) error {
	return t.exec(`UPDATE users SET hash = $1 WHERE id = $2`, hash, string(account))
}
