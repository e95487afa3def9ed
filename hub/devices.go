package hub

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// A wallboard that is registered is an account in the role of a wallboard, which
// has no password: its browser is let in once, by a pairing code.

// DeviceState is how a wallboard stands.
type DeviceState string

// The states of wallboards.
const (
	DeviceWaits   DeviceState = "waits"   // for its pairing code to be typed
	DeviceWorks   DeviceState = "works"   // its browser is let in
	DeviceOut     DeviceState = "out"     // it is not let in and no code waits
	DeviceRevoked DeviceState = "revoked" // for good
)

// Device is a wallboard as administrators see it.
type Device struct {
	ID       care.ActorID
	Name     string
	Grant    care.Grant
	Words    string // of the grant
	State    DeviceState
	LastSeen time.Time // zero: not let in
	CodeEnds time.Time // zero: no code waits
	Ends     time.Time // when it must be paired again
	Seen     string    // what a change must show, so that none is lost
}

// DeviceChange is a wallboard to be registered.
type DeviceChange struct {
	Name string
	Org  nhs.ODS
	Ward string // "": the whole organisation
}

// Code is a pairing code of 50 random bits. Only its hash is kept.
type Code struct {
	Text  string // as people read it: "7KQ2M-X04TB"
	Until time.Time
}

const pairKind = "pair"

// codeLife is how long a pairing code waits, and after how long wrong ones are
// forgotten; wrongCodes is how many one network may type in that time. OWASP ASVS
// 5.0 6.6.2, 6.6.3.
const codeLife, mostWrongCodes = 10 * time.Minute, 10

// codeLetters are those of Crockford's base 32: none is mistaken for another.
const codeLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const codeLength = 10

func (h *Hub) newCode() Code {
	var b [7]byte
	rand.Read(b[:])
	text := base32.NewEncoding(codeLetters).WithPadding(base32.NoPadding).EncodeToString(b[:])[:codeLength]
	return Code{text[:5] + "-" + text[5:], h.now().Add(codeLife)}
}

func (c Code) challenge(device care.ActorID) care.Challenge {
	return care.Challenge{ID: hashed(pairKind, codeOf(c.Text)), Kind: pairKind, Account: device, Expires: c.Until, Doc: []byte("{}")}
}

// codeOf is a code as it is kept, of what somebody typed.
func codeOf(typed string) string {
	return strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
}

// Devices lists the wallboards, those that are revoked last.
func (h *Hub) Devices(ctx context.Context, by care.Actor) ([]Device, error) {
	var out []Device
	err := h.administered(ctx, by, policy.ManageUsers, "devices", func(tx *store.Tx) error {
		all, err := tx.Users()
		if err != nil {
			return err
		}
		for _, a := range all {
			if !isDevice(a.ID) {
				continue
			}
			d, err := h.device(tx, a)
			if err != nil {
				return err
			}
			out = append(out, d)
		}
		rank := func(d Device) int {
			if d.State == DeviceRevoked {
				return 1
			}
			return 0
		}
		slices.SortStableFunc(out, func(a, b Device) int {
			if r := rank(a) - rank(b); r != 0 {
				return r
			}
			return strings.Compare(a.Words+a.Name, b.Words+b.Name)
		})
		return nil
	})
	return out, err
}

// Device is one wallboard.
func (h *Hub) Device(ctx context.Context, by care.Actor, id care.ActorID) (Device, error) {
	var d Device
	err := h.administered(ctx, by, policy.ManageUsers, "device "+string(id), func(tx *store.Tx) error {
		a, err := registered(tx, id)
		if err != nil {
			return err
		}
		d, err = h.device(tx, a)
		return err
	})
	return d, err
}

func registered(tx *store.Tx, id care.ActorID) (care.Account, error) {
	if !isDevice(id) {
		return care.Account{}, &care.Error{Kind: care.NotFound, Text: "There is no such wallboard"}
	}
	return tx.User(id)
}

func (h *Hub) device(tx *store.Tx, a care.Account) (Device, error) {
	d := Device{ID: a.ID, Name: a.Name, State: DeviceOut, Seen: stampOf(a)}
	if len(a.Grants) > 0 {
		d.Grant, d.Words = a.Grants[0], h.GrantWords(a.Grants[0])
	}
	ss, err := tx.SessionsOf(a.ID, h.now())
	if err != nil {
		return d, err
	}
	if d.CodeEnds, err = tx.Awaited(a.ID, pairKind); err != nil {
		return d, err
	}
	switch {
	case a.Disabled:
		d.State = DeviceRevoked
	case len(ss) > 0:
		d.State, d.LastSeen, d.Ends = DeviceWorks, ss[0].Seen, ss[0].Ends
	case !d.CodeEnds.IsZero():
		d.State = DeviceWaits
	}
	return d, nil
}

func (c DeviceChange) grant() care.Grant {
	return care.Grant{Role: care.WallboardRole, Org: c.Org, Ward: c.Ward}
}

// CheckDevice says what registering a wallboard would do, or what is wrong with it.
func (h *Hub) CheckDevice(ctx context.Context, by care.Actor, c DeviceChange) (lines []Line, faults []Fault, err error) {
	err = h.administered(ctx, by, policy.ManageUsers, "device to be registered", func(tx *store.Tx) error {
		lines = []Line{{"Name", "None", c.name()}, {"Shows", "None", h.GrantWords(c.grant())}}
		faults, err = h.deviceFaults(tx, c)
		return err
	})
	return lines, faults, err
}

func (c DeviceChange) name() string { return strings.Join(strings.Fields(c.Name), " ") }

func (h *Hub) deviceFaults(tx *store.Tx, c DeviceChange) (out []Fault, err error) {
	if n := len([]rune(c.name())); n < 3 || n > 60 {
		out = append(out, Fault{"name", "Enter a name for the wallboard, in 3 to 60 characters"})
	}
	faults, err := h.grantFaults(tx, nil, []care.Grant{c.grant()})
	for _, f := range faults {
		field := "org"
		if strings.HasSuffix(f.Field, "place") {
			field = "ward"
		}
		out = append(out, Fault{field, f.Text})
	}
	return out, err
}

// AddDevice registers a wallboard and gives its pairing code.
func (h *Hub) AddDevice(ctx context.Context, by care.Actor, c DeviceChange, why string) (care.ActorID, Code, error) {
	id, code := care.ActorID(devicePrefix+newID()), h.newCode()
	err := h.administering(ctx, by, policy.ManageUsers, why, func(tx *store.Tx) (string, error) {
		faults, err := h.deviceFaults(tx, c)
		if err != nil {
			return "", err
		}
		if len(faults) > 0 {
			return "", faults[0].err()
		}
		a := care.Account{ID: id, Login: string(id), Name: c.name(), Grants: []care.Grant{c.grant()}}
		if err := tx.PutUser(a); err != nil {
			return "", err
		}
		return "device " + string(id) + " registered: " + a.Name + ", " + h.GrantWords(c.grant()), tx.PutChallenge(code.challenge(id))
	})
	return id, code, err
}

// PairDevice gives a new pairing code for a wallboard. It works on until the
// code is typed somewhere.
func (h *Hub) PairDevice(ctx context.Context, by care.Actor, id care.ActorID, seen, why string) (Code, error) {
	code := h.newCode()
	err := h.changingDevice(ctx, by, id, seen, why, "a new pairing code", func(tx *store.Tx, a care.Account) error {
		if err := tx.DropChallenges(id, pairKind); err != nil {
			return err
		}
		return tx.PutChallenge(code.challenge(id))
	})
	return code, err
}

// RevokeDevice ends what a wallboard may see, at once and for good.
func (h *Hub) RevokeDevice(ctx context.Context, by care.Actor, id care.ActorID, seen, why string) error {
	return h.changingDevice(ctx, by, id, seen, why, "revoked", func(tx *store.Tx, a care.Account) error {
		a.Disabled = true
		if err := tx.PutUser(a); err != nil {
			return err
		}
		if err := tx.DropChallenges(id, pairKind); err != nil {
			return err
		}
		return tx.DropSessionsOf(id)
	})
}

func (h *Hub) changingDevice(ctx context.Context, by care.Actor, id care.ActorID, seen, why, said string, f func(*store.Tx, care.Account) error) error {
	return h.administering(ctx, by, policy.ManageUsers, why, func(tx *store.Tx) (string, error) {
		a, err := registered(tx, id)
		switch {
		case err != nil:
			return "", err
		case stampOf(a) != seen:
			return "", errOvertaken()
		case a.Disabled:
			return "", &care.Error{Kind: care.BusinessRule, Text: "This wallboard is revoked. Register it anew"}
		}
		return "device " + string(id) + " (" + a.Name + "): " + said, f(tx, a)
	})
}

// Pair lets a wallboard in by the pairing code that was typed in its browser, and
// gives its account, to begin a session. What was let in before as this wallboard
// is not any more. Wrong codes are audited, and slowed down by network.
func (h *Hub) Pair(ctx context.Context, typed, address, network string) (care.Account, error) {
	code, now := codeOf(typed), h.now()
	if code == "" {
		return care.Account{}, &care.Error{Kind: care.Required, Field: "code", Text: "Enter the pairing code"}
	}
	if !h.wrongCodes.may(network, now) {
		return care.Account{}, &care.Error{Kind: care.Throttled, Field: "code", Text: "Too many wrong codes. Wait 10 minutes, and ask your administrator for a new code"}
	}
	var a care.Account
	err := h.update(ctx, func(tx *store.Tx) error {
		c, err := tx.TakeChallenge(hashed(pairKind, code), pairKind)
		if err == nil {
			a, err = registered(tx, c.Account)
		}
		if store.IsNone(err) || err == nil && a.Disabled {
			err := tx.Audit(store.AuditRecord{At: now, Action: string(care.SignInRefused), Outcome: "wrong pairing code", Address: address})
			if err != nil {
				return err
			}
			return committed{&care.Error{Kind: care.Invalid, Field: "code", Text: "This code is not right, or it is over. A code opens once, within 10 minutes. Check it, or ask your administrator for a new one"}}
		}
		if err != nil {
			return err
		}
		if err := tx.DropSessionsOf(a.ID); err != nil {
			return err
		}
		g := a.Grants[0]
		return tx.Audit(store.AuditRecord{At: now, Actor: a.ID, Name: a.Name, Role: g.Role, Org: g.Org, Action: string(care.FactorAdded), Allowed: true,
			Outcome: "paired", Address: address})
	})
	if care.KindOf(err) == care.Invalid {
		h.wrongCodes.add(network, now)
	}
	return a, err
}

// wrongCodes counts wrong pairing codes by network. It is bounded: under a flood
// it forgets, which a code of 50 bits and 10 minutes can bear.
type wrongCodes struct {
	mu   sync.Mutex
	from map[string]wrongFrom
}

type wrongFrom struct {
	n     int
	since time.Time
}

const mostNetworks = 10_000

func (w *wrongCodes) may(network string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.from[network]
	return f.n < mostWrongCodes || now.Sub(f.since) >= codeLife
}

func (w *wrongCodes) add(network string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.from[network]
	if now.Sub(f.since) >= codeLife {
		f = wrongFrom{since: now}
	}
	f.n++
	if w.from == nil || len(w.from) >= mostNetworks {
		w.from = map[string]wrongFrom{}
	}
	w.from[network] = f
}
