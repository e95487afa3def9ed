package store

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// UserState is whether somebody may sign in.
type UserState string

// The states of a user.
const (
	UserActive   UserState = "active"
	UserDisabled UserState = "disabled"
)

// User is a local account, or what is remembered of somebody who signs in
// elsewhere.
type User struct {
	ID          care.ActorID
	Login       string // unique, compared as it is: make it lower case
	Name        string
	Jobs        []UserJob // what they may sign in as
	Hash        string    // argon2id in PHC form; "" signs in elsewhere
	State       UserState
	BadTries    int
	LockedUntil time.Time
	Created     time.Time
}

// UserJob is one role that somebody has at one organisation.
type UserJob struct {
	Role care.Role `json:"role"`
	Org  nhs.ODS   `json:"org"`
	Team string    `json:"team,omitempty"`
	Ward string    `json:"ward,omitempty"`
}

// userDoc is what of a user no query asks for.
type userDoc struct {
	Name    string    `json:"name"`
	Jobs    []UserJob `json:"jobs"`
	Created time.Time `json:"created"`
}

var userText = upsert("users", []string{"id"}, "login", "state", "hash", "bad_tries", "locked_until", "doc")

// PutUser adds or replaces a user. A login that another user has is a
// care.Conflict.
func (t *Tx) PutUser(u User) error {
	if err := t.loginFree(u); err != nil {
		return err
	}
	doc, err := toJSON(userDoc{u.Name, u.Jobs, u.Created})
	if err != nil {
		return err
	}
	return t.exec(userText, u.ID, u.Login, u.State, u.Hash, u.BadTries, u.LockedUntil, doc)
}

func (t *Tx) loginFree(u User) error {
	has, err := t.UserByLogin(u.Login)
	switch {
	case IsNone(err), err == nil && has.ID == u.ID:
		return nil
	case err != nil:
		return err
	}
	return &care.Error{Kind: care.Conflict, Field: "login", Text: "Somebody else has this sign-in name. Choose another"}
}

// User reads a user.
func (t *Tx) User(id care.ActorID) (User, error) { return t.user(`id = $1`, id) }

// UserByLogin reads the user who signs in by this name.
func (t *Tx) UserByLogin(login string) (User, error) { return t.user(`login = $1`, login) }

// Users is all users, by sign-in name.
func (t *Tx) Users() ([]User, error) { return t.users(`1 = 1 ORDER BY login`) }

func (t *Tx) user(where string, vs ...any) (User, error) {
	us, err := t.users(where, vs...)
	if err == nil && len(us) == 0 {
		return User{}, notFound("The account")
	}
	if err != nil {
		return User{}, err
	}
	return us[0], nil
}

func (t *Tx) users(where string, vs ...any) (us []User, err error) {
	err = t.query(`SELECT id, login, state, hash, bad_tries, locked_until, doc FROM users WHERE `+where, vs, func(row []any) error {
		var u User
		var s string
		if err := scan(row, &u.ID, &u.Login, &u.State, &u.Hash, &u.BadTries, &u.LockedUntil, &s); err != nil {
			return err
		}
		d, err := fromJSON[userDoc](s)
		u.Name, u.Jobs, u.Created = d.Name, d.Jobs, d.Created
		us = append(us, u)
		return err
	})
	return us, err
}

// Session is somebody signed in, in one role.
type Session struct {
	User    care.ActorID
	Actor   care.Actor
	Created time.Time
	Seen    time.Time
	Expires time.Time // absolute, whatever is done
	Address string
	Method  string // how they signed in: local, oidc, cis2
	Extra   map[string]string
}

type sessionDoc struct {
	Actor  care.Actor        `json:"actor"`
	Method string            `json:"method"`
	Extra  map[string]string `json:"extra,omitzero"`
}

// tokenHash is what of a session's token is stored: whoever reads the table
// cannot sign in with it. The token is random, so a plain hash is enough.
func tokenHash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

var sessionText = upsert("sessions", []string{"token"}, "user_id", "created", "seen", "expires", "address", "doc")

// PutSession keeps a session under its token.
func (t *Tx) PutSession(token string, s Session) error {
	doc, err := toJSON(sessionDoc{s.Actor, s.Method, s.Extra})
	if err != nil {
		return err
	}
	return t.exec(sessionText, tokenHash(token), s.User, s.Created, s.Seen, s.Expires, s.Address, doc)
}

// Session reads the session of a token. It does not look at the clock: whether
// the session is still good is the caller's to say.
func (t *Tx) Session(token string) (s Session, err error) {
	var text string
	err = t.one(`SELECT user_id, created, seen, expires, address, doc FROM sessions WHERE token = $1`, []any{tokenHash(token)},
		&s.User, &s.Created, &s.Seen, &s.Expires, &s.Address, &text)
	if err != nil {
		return s, orNotFound(err, "The session")
	}
	d, err := fromJSON[sessionDoc](text)
	s.Actor, s.Method, s.Extra = d.Actor, d.Method, d.Extra
	return s, err
}

// SeenSession notes that a session was used.
func (t *Tx) SeenSession(token string, at time.Time) error {
	return t.exec(`UPDATE sessions SET seen = $1 WHERE token = $2`, at, tokenHash(token))
}

// DropSession ends a session.
func (t *Tx) DropSession(token string) error {
	return t.exec(`DELETE FROM sessions WHERE token = $1`, tokenHash(token))
}

// DropSessionsOf ends all sessions of a user.
func (t *Tx) DropSessionsOf(user care.ActorID) error {
	return t.exec(`DELETE FROM sessions WHERE user_id = $1`, user)
}

// DropExpired forgets sessions and handles whose time is over.
func (t *Tx) DropExpired(now time.Time) error {
	if err := t.exec(`DELETE FROM sessions WHERE expires <= $1`, now); err != nil {
		return err
	}
	return t.exec(`DELETE FROM handles WHERE expires <= $1`, now)
}

// Draft is a form that somebody has begun and not sent. Version counts its
// savings.
type Draft struct {
	User    care.ActorID
	Case    care.CaseID
	Form    string
	Version int
	Saved   time.Time
	Doc     json.RawMessage
}

var draftText = upsert("drafts", []string{"user_id", "case_id", "form"}, "version", "saved", "doc")

// SaveDraft saves a draft whose Version is the one that was read (0: new), and
// returns it with the next. It is a care.Conflict when another tab saved first.
func (t *Tx) SaveDraft(d Draft) (Draft, error) {
	has, err := t.Draft(d.User, d.Case, d.Form)
	if err != nil && !IsNone(err) {
		return d, err
	}
	if has.Version != d.Version {
		return d, conflict("This draft was saved in another window first. Open it again")
	}
	d.Version++
	d.Saved = t.Now()
	return d, t.exec(draftText, d.User, d.Case, d.Form, d.Version, d.Saved, string(d.Doc))
}

// Draft reads a draft.
func (t *Tx) Draft(user care.ActorID, id care.CaseID, form string) (Draft, error) {
	ds, err := t.drafts(`user_id = $1 AND case_id = $2 AND form = $3`, user, id, form)
	if err == nil && len(ds) == 0 {
		return Draft{}, notFound("The draft")
	}
	if err != nil {
		return Draft{}, err
	}
	return ds[0], nil
}

// Drafts is somebody's drafts, newest first.
func (t *Tx) Drafts(user care.ActorID) ([]Draft, error) {
	return t.drafts(`user_id = $1 ORDER BY saved DESC`, user)
}

func (t *Tx) drafts(where string, vs ...any) (ds []Draft, err error) {
	err = t.query(`SELECT user_id, case_id, form, version, saved, doc FROM drafts WHERE `+where, vs, func(row []any) error {
		var d Draft
		var s string
		err := scan(row, &d.User, &d.Case, &d.Form, &d.Version, &d.Saved, &s)
		d.Doc = json.RawMessage(s)
		ds = append(ds, d)
		return err
	})
	return ds, err
}

// DropDraft forgets a draft.
func (t *Tx) DropDraft(user care.ActorID, id care.CaseID, form string) error {
	return t.exec(`DELETE FROM drafts WHERE user_id = $1 AND case_id = $2 AND form = $3`, user, id, form)
}

// Handle is what a short-lived, opaque name in a URL stands for: the outcome of
// a look-up, for the user who made it.
type Handle struct {
	ID      string
	User    care.ActorID
	Expires time.Time
	Doc     json.RawMessage // the caller's
}

var handleText = upsert("handles", []string{"id"}, "user_id", "expires", "doc")

// PutHandle keeps a handle.
func (t *Tx) PutHandle(h Handle) error {
	return t.exec(handleText, h.ID, h.User, h.Expires, string(h.Doc))
}

// Handle reads a handle of a user that has not expired; care.NotFound otherwise.
func (t *Tx) Handle(id string, user care.ActorID) (h Handle, err error) {
	var s string
	err = t.one(`SELECT id, user_id, expires, doc FROM handles WHERE id = $1 AND user_id = $2 AND expires > $3`,
		[]any{id, user, t.Now()}, &h.ID, &h.User, &h.Expires, &s)
	h.Doc = json.RawMessage(s)
	return h, orNotFound(err, "The result")
}

var settingText = upsert("settings", []string{"name"}, "value")

// PutSetting keeps a value under a name.
func (t *Tx) PutSetting(name, value string) error { return t.exec(settingText, name, value) }

// Setting reads a value; "" when there is none.
func (t *Tx) Setting(name string) (value string, err error) {
	err = t.one(`SELECT value FROM settings WHERE name = $1`, []any{name}, &value)
	if err == errNone {
		err = nil
	}
	return value, err
}

// SavedView is a list that somebody named: its filters, as the caller writes them.
type SavedView struct {
	User care.ActorID
	Name string
	Doc  json.RawMessage
}

var viewText = upsert("views", []string{"user_id", "name"}, "doc")

// PutSavedView adds or replaces a saved view.
func (t *Tx) PutSavedView(v SavedView) error { return t.exec(viewText, v.User, v.Name, string(v.Doc)) }

// SavedViews is somebody's saved views, by name.
func (t *Tx) SavedViews(user care.ActorID) (vs []SavedView, err error) {
	err = t.query(`SELECT user_id, name, doc FROM views WHERE user_id = $1 ORDER BY name`, []any{user}, func(row []any) error {
		var v SavedView
		var s string
		err := scan(row, &v.User, &v.Name, &s)
		v.Doc = json.RawMessage(s)
		vs = append(vs, v)
		return err
	})
	return vs, err
}

// DropSavedView forgets a saved view.
func (t *Tx) DropSavedView(user care.ActorID, name string) error {
	return t.exec(`DELETE FROM views WHERE user_id = $1 AND name = $2`, user, name)
}
