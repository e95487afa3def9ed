package hub

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// How long a link waits to be opened, and how long the person whom it brought
// stays in context: somebody may have to sign in first.
const (
	LinkLife    = 2 * time.Minute
	ContextLife = 10 * time.Minute
)

// LaunchRequest is whom a hospital's system brings: by NHS number, or by its own
// hospital number.
type LaunchRequest struct {
	Number     nhs.Number
	HospitalNo string
	Born       nhs.Date // zero: not told
	User       string   // the reader's sign-in name here, as the system knows it; "" for none
}

// launched is what is sealed within a launch.
type launched struct {
	Number     nhs.Number `json:"nhs,omitzero"`
	HospitalNo string     `json:"mrn,omitempty"`
	Born       nhs.Date   `json:"dob,omitzero"`
	User       string     `json:"user,omitempty"`
	At         time.Time  `json:"at"`
}

// errLaunch is the one answer for a link that is unknown, used, over, or
// another organisation's: it tells nothing of a person.
func errLaunch() *care.Error {
	return &care.Error{Kind: care.NotFound, Text: "This link from a record system cannot be used. It works once, for two minutes"}
}

// PrepareLaunch makes a link for a person whom a hospital's system brings, and
// gives its name, which is nowhere kept. Whether anything is known of the person
// is neither looked at nor told.
func (h *Hub) PrepareLaunch(ctx context.Context, by care.Actor, q LaunchRequest) (link string, err error) {
	switch {
	case q.Number.IsZero() == (q.HospitalNo == ""):
		return "", &care.Error{Kind: care.Required, Field: "nhs", Text: "Give either nhs or mrn"}
	case len(q.HospitalNo) > 50 || len(q.User) > 100:
		return "", &care.Error{Kind: care.Invalid, Field: "mrn", Text: "mrn and user must be 50 and 100 characters or fewer"}
	}
	now := h.now()
	if h.today(now).Before(q.Born) {
		return "", &care.Error{Kind: care.Invalid, Field: "dob", Text: "dob must be in the past"}
	}
	client := strings.TrimPrefix(string(by.ID), "system-")
	name, row, err := seal(store.LaunchLink, launched{q.Number, q.HospitalNo, q.Born, q.User, now})
	if err != nil {
		return "", err
	}
	row.Client, row.Org, row.Expires = client, by.Org, now.Add(LinkLife)
	err = h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.LaunchContext, nil, policy.DirectCare, "", now)
		if !a.allowed(policy.LaunchContext) {
			return a.refuse(tx)
		}
		if err := tx.PutLaunch(row); err != nil {
			return err
		}
		return a.audit(tx, true, "link made")
	})
	if err != nil {
		return "", err
	}
	return name, nil
}

// OpenLaunch takes a link, once, and gives the name under which the browser that
// opened it keeps the person in context. by is zero when nobody is signed in yet;
// somebody of another organisation uses the link up and gets nothing.
func (h *Hub) OpenLaunch(ctx context.Context, by care.Actor, link string) (name string, err error) {
	now := h.now()
	err = h.update(ctx, func(tx *store.Tx) error {
		name = ""
		row, what, err := unseal(tx.TakeLaunch, store.LaunchLink, link)
		if store.IsNone(err) {
			return errLaunch()
		}
		if err != nil {
			return err
		}
		s, ok := h.systems[row.Client]
		if !ok || !row.Expires.After(now) || by.ID != "" && by.Org != row.Org {
			a := h.ask(by, policy.LaunchContext, nil, policy.DirectCare, "", now)
			if err := a.audit(tx, false, "denied"); err != nil {
				return err
			}
			return committed{errLaunch()} // and the link is gone
		}
		fresh, open, err := seal(store.LaunchOpen, what)
		if err != nil {
			return err
		}
		open.Client, open.Org, open.Expires = s.Client, row.Org, now.Add(ContextLife)
		name = fresh
		return tx.PutLaunch(open)
	})
	if err != nil {
		return "", err
	}
	return name, nil
}

// LaunchView is the person in context, for the look-up page.
type LaunchView struct {
	System     string // whose link it was, for people
	At         time.Time
	Number     nhs.Number // zero: must be typed
	Born       nhs.Date   // zero: must be typed
	HospitalNo string
	Somebody   bool   // the system says that somebody else opened it than who is signed in
	Reason     Reason // given for this person in this session already; "" when it must be asked
	Words      string
}

// Launched shows who was brought in context, to the first session of the right
// organisation that asks, and to no other. What the system did not tell is filled
// in from the hospital's own record where the reader may see that; the same
// is returned for a person who is not known, as for one who is kept from them.
func (h *Hub) Launched(ctx context.Context, by care.Actor, session care.Session, name string) (LaunchView, error) {
	var v LaunchView
	now := h.now()
	err := h.update(ctx, func(tx *store.Tx) error {
		v = LaunchView{}
		row, what, err := h.inContext(tx, by, session, name, now)
		if err != nil {
			return err
		}
		s := h.systems[row.Client]
		a := h.ask(by, policy.Lookup, nil, policy.DirectCare, "", now)
		a.record.Action = string(policy.LaunchContext)
		if !a.allowed(policy.Lookup) {
			return a.refuse(tx)
		}
		v = LaunchView{System: s.Title, At: what.At, Number: what.Number, Born: what.Born, HospitalNo: what.HospitalNo}
		if err := h.fillLaunch(tx, a, &v, now); err != nil {
			return err
		}
		if v.Somebody, err = another(tx, by, what.User); err != nil {
			return err
		}
		if v.Reason, v.Words, err = h.givenReason(tx, by, session, v, now); err != nil {
			return err
		}
		if row.Session != "" {
			return nil // the page again: it was audited
		}
		if err := tx.BindLaunch(row.ID, session.ID); err != nil {
			return err
		}
		return a.audit(tx, true, "launched from "+s.Title)
	})
	return v, err
}

// inContext reads an open launch for the session that it belongs to.
func (h *Hub) inContext(tx *store.Tx, by care.Actor, session care.Session, name string, now time.Time) (store.Launch, launched, error) {
	row, what, err := unseal(tx.Launch, store.LaunchOpen, name)
	if store.IsNone(err) {
		return row, what, errLaunch()
	}
	if err != nil {
		return row, what, err
	}
	_, ok := h.systems[row.Client]
	if !ok || !row.Expires.After(now) || by.Org != row.Org || row.Session != "" && row.Session != session.ID {
		return row, what, errLaunch()
	}
	return row, what, nil
}

// fillLaunch fills in what the system did not tell, from the record of the
// reader's own patient.
func (h *Hub) fillLaunch(tx *store.Tx, a *asking, v *LaunchView, now time.Time) error {
	if !v.Number.IsZero() && !v.Born.IsZero() {
		return nil
	}
	var c care.Case
	ids, err := tx.FindNHS(v.Number)
	if v.HospitalNo != "" {
		var id care.CaseID
		if id, err = tx.FindID(care.Identifier{System: "mrn:" + string(a.by.Org), Value: v.HospitalNo}); id != "" {
			ids = []care.CaseID{id}
		}
	}
	if err != nil {
		return err
	}
	if len(ids) == 1 {
		if c, err = h.living(tx, ids[0]); err != nil {
			return err
		}
	}
	subject := c
	if c.ID == "" { // a stand-in, so that the policies are asked as often
		subject = care.Case{ID: "unknown", Person: care.Person{Born: v.Born}}
	}
	a.about(subject, now)
	may := a.allowed(policy.SeeDemographics) && c.ID != "" && c.Doubt == nil
	if c.ID == "" {
		a.record.Case = ""
	}
	switch {
	case !may:
	case v.HospitalNo != "":
		v.Number = c.NHS
		if v.Born.IsZero() {
			v.Born = c.Person.Born
		}
	case c.NHS == v.Number:
		v.Born = c.Person.Born
	}
	return nil
}

// another reports whether a sign-in name is not that of who is signed in: on a
// shared computer the record system and Homeward may have different users.
func another(tx *store.Tx, by care.Actor, login string) (bool, error) {
	if login == "" {
		return false, nil
	}
	a, err := tx.User(by.ID)
	if store.IsNone(err) {
		return false, nil
	}
	return err == nil && !strings.EqualFold(a.Login, login), err
}

// LookLaunched looks up the person in context. What the link brought stands, and
// q fills in the rest. The reason is remembered for this person and session, and
// the person leaves the context, unless the details did not match.
func (h *Hub) LookLaunched(ctx context.Context, by care.Actor, session care.Session, name string, q LookRequest) (LookView, error) {
	v, err := h.Launched(ctx, by, session, name)
	if err != nil {
		return LookView{}, err
	}
	if v.HospitalNo != "" && v.Number.IsZero() { // not known by it: what was typed is looked up
		v.Number = q.Number
	}
	q.Family, q.Given, q.Postcode = "", "", ""
	q.Number = v.Number
	if q.Number.IsZero() {
		return LookView{}, &care.Error{Kind: care.Required, Field: "nhs", Text: "Enter an NHS number"}
	}
	if !v.Born.IsZero() {
		q.Born = v.Born
	}
	v.Born = q.Born
	q.from = v.System
	q.settle = func(tx *store.Tx, found LookOutcome) error {
		if found == LookMismatch {
			return nil
		}
		if _, err := tx.TakeLaunch(digest("launch", name), store.LaunchOpen); err != nil && !store.IsNone(err) {
			return err
		}
		return h.keepReason(tx, by, session, v, q)
	}
	return h.Look(ctx, by, q)
}

// saidWhy is a reason that was given for one person in one session.
type saidWhy struct {
	Role   care.Role
	Org    nhs.ODS
	Reason Reason
	Words  string `json:",omitempty"`
}

// reasonHandle names the reason given for a person in a session. It tells
// nothing of the person without the session, which is itself known by a hash.
func reasonHandle(session care.Session, v LaunchView) string {
	return "why-" + hex.EncodeToString(digest("reason", session.ID+"\x00"+v.Number.Digits()+"\x00"+v.Born.String()))
}

// givenReason is the reason that was given before. ui.md 7.2: once a session for
// a person.
func (h *Hub) givenReason(tx *store.Tx, by care.Actor, session care.Session, v LaunchView, now time.Time) (Reason, string, error) {
	if v.Number.IsZero() || v.Born.IsZero() || session.ID == "" {
		return "", "", nil
	}
	kept, err := tx.Handle(reasonHandle(session, v))
	if store.IsNone(err) {
		return "", "", nil
	}
	if err != nil || kept.User != by.ID || !kept.Expires.After(now) {
		return "", "", err
	}
	k, err := store.Doc[saidWhy](kept.Doc)
	if err != nil || k.Role != by.Role || k.Org != by.Org {
		return "", "", err
	}
	return k.Reason, k.Words, nil
}

func (h *Hub) keepReason(tx *store.Tx, by care.Actor, session care.Session, v LaunchView, q LookRequest) error {
	if session.ID == "" {
		return nil
	}
	id := reasonHandle(session, v)
	if _, err := tx.Handle(id); !store.IsNone(err) {
		return err // it is there, or the database failed
	}
	return tx.PutHandle(store.Handle{ID: id, User: by.ID, Expires: session.Ends, Doc: store.ToDoc(saidWhy{by.Role, by.Org, q.Reason, q.Words})})
}

// seal makes a launch with a new name. The store holds the name's hash, and the
// content under a key that is made from the name: whoever reads the database
// cannot read whom a link brings.
func seal(stage store.LaunchStage, what launched) (name string, row store.Launch, err error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	name = base64.RawURLEncoding.EncodeToString(secret)
	doc, err := json.Marshal(what)
	if err != nil {
		return "", row, fmt.Errorf("writing a launch: %w", err)
	}
	aead, err := sealer(name)
	if err != nil {
		return "", row, err
	}
	row = store.Launch{ID: digest("launch", name), Stage: stage}
	row.Sealed = aead.Seal(nil, nil, doc, []byte(stage))
	return name, row, nil
}

// unseal reads or takes the launch of a name.
func unseal(from func([]byte, store.LaunchStage) (store.Launch, error), stage store.LaunchStage, name string) (row store.Launch, what launched, err error) {
	if row, err = from(digest("launch", name), stage); err != nil {
		return row, what, err
	}
	aead, err := sealer(name)
	if err != nil {
		return row, what, err
	}
	doc, err := aead.Open(nil, nil, row.Sealed, []byte(stage))
	if err != nil {
		return row, what, fmt.Errorf("opening a launch: %w", err)
	}
	if err := json.Unmarshal(doc, &what); err != nil {
		return row, what, fmt.Errorf("reading a launch: %w", err)
	}
	return row, what, nil
}

// sealer is AES-256-GCM under a key that is used for one launch only.
func sealer(name string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(digest("launch key", name))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// because is the reason as it is audited: whose words, and whose link.
func (q LookRequest) because() string {
	if q.from == "" {
		return q.Words
	}
	return strings.TrimPrefix(q.Words+", launched from "+q.from, ", ")
}
