package store

import (
	"time"

	"homeward/care"
)

var putUser = upsert("users", []string{"id"}, "login", "state", "hash", "bad_tries", "locked_until", "doc")

// PutUser adds or changes an account, its password's hash and its tries. A login
// that another account has is a care.Conflict.
func (t *Tx) PutUser(a care.Account) error {
	has, err := t.UserByLogin(a.Login)
	switch {
	case err != nil && !IsNone(err):
		return err
	case err == nil && has.ID != a.ID:
		return &care.Error{Kind: care.Conflict, Field: "login", Text: "Somebody else has this sign-in name. Choose another"}
	}
	doc, err := toJSON(a)
	if err != nil {
		return err
	}
	state := "active"
	if a.Disabled {
		state = "disabled"
	}
	return t.exec(putUser, string(a.ID), a.Login, state, a.Hash, a.Failed, a.LockedUntil, t.seal(userDoc, doc, string(a.ID)))
}

const userColumns = `id, doc, hash, bad_tries, locked_until`

func (t *Tx) users(where string, vs ...any) (as []care.Account, err error) {
	err = t.query(`SELECT `+userColumns+` FROM users `+where, vs, func(row []any) error {
		var id, doc, hash string
		var tries int64
		var locked time.Time
		if err := scan(row, &id, &doc, &hash, &tries, &locked); err != nil {
			return err
		}
		doc, err := t.openText(userDoc, doc, id)
		if err != nil {
			return err
		}
		a, err := fromJSON[care.Account](doc)
		a.Hash, a.Failed, a.LockedUntil = hash, int(tries), locked
		as = append(as, a)
		return err
	})
	return as, err
}

func (t *Tx) user(where string, v any) (care.Account, error) {
	as, err := t.users(where, v)
	return first(as, err, "The account")
}

// User reads an account; care.NotFound when there is none.
func (t *Tx) User(id care.ActorID) (care.Account, error) { return t.user(`WHERE id = $1`, string(id)) }

// UserByLogin reads the account with a login.
func (t *Tx) UserByLogin(login string) (care.Account, error) {
	return t.user(`WHERE login = $1`, login)
}

// Users lists all accounts by login.
func (t *Tx) Users() ([]care.Account, error) { return t.users(`ORDER BY login`) }

// SaveTries keeps how many wrong passwords an account has had.
func (t *Tx) SaveTries(id care.ActorID, failed int, lockedUntil time.Time) error {
	return t.exec(`UPDATE users SET bad_tries = $1, locked_until = $2 WHERE id = $3`, failed, lockedUntil, string(id))
}

var putSession = upsert("sessions", []string{"token"}, "user_id", "created", "seen", "expires", "address", "sid", "doc")

// PutSession keeps a session.
func (t *Tx) PutSession(s care.Session) error {
	doc, err := toJSON(s)
	if err != nil {
		return err
	}
	return t.exec(putSession, []byte(s.ID), string(s.Account), s.Created, s.Seen, s.Ends, s.Address, sidKey(s.Provider, s.SID), t.seal(sessionDoc, doc, []byte(s.ID)))
}

// Session reads a session; care.NotFound when there is none.
func (t *Tx) Session(id string) (care.Session, error) {
	var doc string
	var seen time.Time
	if err := t.one(`SELECT doc, seen FROM sessions WHERE token = $1`, []any{[]byte(id)}, &doc, &seen); err != nil {
		return care.Session{}, orNotFound(err, "The session")
	}
	return t.session([]byte(id), doc, seen)
}

// session reads a stored session.
func (t *Tx) session(token []byte, doc string, seen time.Time) (care.Session, error) {
	doc, err := t.openText(sessionDoc, doc, token)
	if err != nil {
		return care.Session{}, err
	}
	s, err := fromJSON[care.Session](doc)
	s.Seen = seen
	return s, err
}

// TouchSession keeps when a session was last used.
func (t *Tx) TouchSession(id string, seen time.Time) error {
	return t.exec(`UPDATE sessions SET seen = $1 WHERE token = $2`, seen, []byte(id))
}

// DropSession ends a session.
func (t *Tx) DropSession(id string) error {
	return t.exec(`DELETE FROM sessions WHERE token = $1`, []byte(id))
}

// DropSessionsOf ends all sessions of an account.
func (t *Tx) DropSessionsOf(account care.ActorID) error {
	return t.exec(`DELETE FROM sessions WHERE user_id = $1`, account)
}

// Draft is a form that somebody has begun.
type Draft struct {
	User    care.ActorID
	Case    care.CaseID
	Form    string
	Version int64 // counts savings
	Saved   time.Time
	Doc     []byte // JSON
}

// PutDraft keeps a draft.
func (t *Tx) PutDraft(d Draft) error {
	return t.exec(`INSERT INTO drafts (user_id, case_id, form, version, saved, doc) VALUES ($1, $2, $3, 1, $4, $5)
		ON CONFLICT (user_id, case_id, form) DO UPDATE SET version = drafts.version + 1, saved = excluded.saved, doc = excluded.doc`,
		string(d.User), d.Case, d.Form, d.Saved, t.seal(draftDoc, string(d.Doc), string(d.User), d.Case, d.Form))
}

// Draft reads a draft; care.NotFound when there is none.
func (t *Tx) Draft(user care.ActorID, id care.CaseID, form string) (Draft, error) {
	d := Draft{User: user, Case: id, Form: form}
	err := t.one(`SELECT version, saved, doc FROM drafts WHERE user_id = $1 AND case_id = $2 AND form = $3`,
		[]any{string(user), id, form}, &d.Version, &d.Saved, &d.Doc)
	if err == nil {
		d.Doc, err = t.open(draftDoc, d.Doc, string(user), id, form)
	}
	return d, orNotFound(err, "The draft")
}

// DropDraft forgets a draft.
func (t *Tx) DropDraft(user care.ActorID, id care.CaseID, form string) error {
	return t.exec(`DELETE FROM drafts WHERE user_id = $1 AND case_id = $2 AND form = $3`, string(user), id, form)
}

// Handle is a short-lived opaque name for something that was shown.
type Handle struct {
	ID      string
	User    care.ActorID
	Expires time.Time
	Doc     []byte // JSON
}

// PutHandle keeps a handle.
func (t *Tx) PutHandle(h Handle) error {
	return t.exec(`INSERT INTO handles (id, user_id, expires, doc) VALUES ($1, $2, $3, $4)`, h.ID, string(h.User), h.Expires, t.seal(handleDoc, string(h.Doc), h.ID))
}

// Handle reads a handle, expired or not; care.NotFound when there is none.
func (t *Tx) Handle(id string) (Handle, error) {
	h := Handle{ID: id}
	err := t.one(`SELECT user_id, expires, doc FROM handles WHERE id = $1`, []any{id}, &h.User, &h.Expires, &h.Doc)
	if err == nil {
		h.Doc, err = t.open(handleDoc, h.Doc, id)
	}
	return h, orNotFound(err, "The result")
}

// sessionLeft is how long a session stays that has reached its end: whoever was
// typing then is told so, and it is known for whom to keep it (signin: Was).
const sessionLeft = 30 * time.Minute

// Sweep removes handles that have ended, and sessions some time after.
func (t *Tx) Sweep(now time.Time) error {
	if err := t.SweepSystems(now); err != nil {
		return err
	}
	if err := t.sweepTaken(now); err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM handles WHERE expires < $1`, now); err != nil {
		return err
	}
	return t.exec(`DELETE FROM sessions WHERE expires < $1`, now.Add(-sessionLeft))
}

// Doubted lists the cases that are frozen, by when they were.
func (t *Tx) Doubted(limit int) (ids []care.CaseID, err error) {
	err = t.query(`SELECT case_id FROM tracker WHERE frozen = 1 ORDER BY updated, case_id LIMIT $1`, []any{limit}, func(row []any) error {
		var id care.CaseID
		err := scan(row, &id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// CaseSeq is the place in history of the newest entry of a case; 0: none.
func (t *Tx) CaseSeq(id care.CaseID) (seq int64, err error) {
	err = t.one(`SELECT seq FROM history WHERE case_id = $1 ORDER BY n DESC LIMIT 1`, []any{id}, &seq)
	if err == errNone {
		err = nil
	}
	return seq, err
}

var putSetting = upsert("settings", []string{"name"}, "value")

// PutSetting keeps a small value under a name.
func (t *Tx) PutSetting(name, value string) error { return t.exec(putSetting, name, value) }

// Setting reads a small value; "" when there is none.
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
	Doc  []byte // JSON
}

var putSavedView = upsert("views", []string{"user_id", "name"}, "doc")

// PutSavedView adds or replaces a saved view.
func (t *Tx) PutSavedView(v SavedView) error {
	return t.exec(putSavedView, v.User, v.Name, t.seal(viewDoc, string(v.Doc), string(v.User), v.Name))
}

// SavedViews is somebody's saved views, by name.
func (t *Tx) SavedViews(user care.ActorID) (vs []SavedView, err error) {
	err = t.query(`SELECT user_id, name, doc FROM views WHERE user_id = $1 ORDER BY name`, []any{user}, func(row []any) error {
		var v SavedView
		err := scan(row, &v.User, &v.Name, &v.Doc)
		if err == nil {
			v.Doc, err = t.open(viewDoc, v.Doc, string(v.User), v.Name)
		}
		vs = append(vs, v)
		return err
	})
	return vs, err
}

// DropSavedView forgets a saved view.
func (t *Tx) DropSavedView(user care.ActorID, name string) error {
	return t.exec(`DELETE FROM views WHERE user_id = $1 AND name = $2`, user, name)
}
