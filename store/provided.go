package store

import (
	"time"

	"homeward/care"
)

// sidKey is how a provider's name for a session is kept; "" for none. Two
// providers may use the same name.
func sidKey(provider, sid string) string {
	if sid == "" {
		return ""
	}
	return provider + " " + sid
}

// SessionsProvided lists the sessions that a provider calls sid and, when account
// is given, those that it vouches for of that account.
func (t *Tx) SessionsProvided(provider, sid string, account care.ActorID) (out []care.Session, err error) {
	read := func(row []any) error {
		var token []byte
		var doc string
		var seen time.Time
		if err := scan(row, &token, &doc, &seen); err != nil {
			return err
		}
		s, err := t.session(token, doc, seen)
		if s.Provider == provider {
			out = append(out, s)
		}
		return err
	}
	if sid != "" {
		err = t.query(`SELECT token, doc, seen FROM sessions WHERE sid = $1`, []any{sidKey(provider, sid)}, read)
	}
	if err == nil && account != "" {
		err = t.query(`SELECT token, doc, seen FROM sessions WHERE user_id = $1`, []any{string(account)}, read)
	}
	return out, err
}

// Once keeps a name until a time, and reports whether it is there for the first
// time: for what may be used only once.
func (t *Tx) Once(name string, until time.Time) (first bool, err error) {
	_, err = t.Handle(name)
	if !IsNone(err) {
		return false, err
	}
	return true, t.PutHandle(Handle{ID: name, Expires: until, Doc: []byte("{}")})
}
