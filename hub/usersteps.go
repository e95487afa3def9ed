package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// feedsOf are the feeds of a hospital.
func (h *Hub) feedsOf(org nhs.ODS) (out []Feed) {
	for _, f := range h.Config.Feeds {
		if f.Profile.Org == org {
			out = append(out, f)
		}
	}
	return out
}

// UserStep is something that an administrator does with an account.
type UserStep string

// The steps.
const (
	DisableUser UserStep = "disable"
	EnableUser  UserStep = "enable"
	UnlockUser  UserStep = "unlock"
	EndSessions UserStep = "end-sessions"
	DropFactors UserStep = "drop-factors" // they have lost them
	SendLink    UserStep = "link"         // by which they set a new password; a second factor stays
)

// userSteps says of each step what keeps it from being taken, and takes it. say
// is what the audit says, after "account ID".
var userSteps = map[UserStep]struct {
	not  func(UserPage) string
	say  func(UserPage) string
	take func(*Hub, *store.Tx, care.Account) error
}{
	DisableUser: {
		not:  func(p UserPage) string { return either(p.State == UserDisabled, "This account is disabled already") },
		say:  func(UserPage) string { return "disabled, sessions ended" },
		take: func(_ *Hub, tx *store.Tx, a care.Account) error { return setDisabled(tx, a, true) }},
	EnableUser: {
		not:  func(p UserPage) string { return either(p.State != UserDisabled, "This account is not disabled") },
		say:  func(UserPage) string { return "enabled again" },
		take: func(_ *Hub, tx *store.Tx, a care.Account) error { return setDisabled(tx, a, false) }},
	UnlockUser: {
		not:  func(p UserPage) string { return either(p.State != UserLocked, "This account is not locked") },
		say:  func(UserPage) string { return "unlocked after too many tries" },
		take: func(_ *Hub, tx *store.Tx, a care.Account) error { return tx.SaveTries(a.ID, 0, time.Time{}) }},
	EndSessions: {
		not:  func(p UserPage) string { return either(len(p.Sessions) == 0, "They are not signed in anywhere") },
		say:  func(p UserPage) string { return fmt.Sprintf("%d sessions ended", len(p.Sessions)) },
		take: func(_ *Hub, tx *store.Tx, a care.Account) error { return tx.DropSessionsOf(a.ID) }},
	DropFactors: {
		not: func(p UserPage) string { return either(!p.Second() && p.Recovery == 0, "They have no second factor") },
		say: func(p UserPage) string {
			return fmt.Sprintf("second factors taken away: %d passkeys, %s, %d recovery codes; sessions ended", p.Passkeys, map[bool]string{true: "an app", false: "no app"}[p.App], p.Recovery)
		},
		take: (*Hub).dropFactors},
	SendLink: {
		not: func(p UserPage) string {
			return either(p.State == UserDisabled, "This account is disabled. Enable it first")
		},
		say:  func(UserPage) string { return "a one-time link to set a password" },
		take: func(*Hub, *store.Tx, care.Account) error { return nil }}, // TakeUserStep keeps the link
}

func either(so bool, text string) string {
	if so {
		return text
	}
	return ""
}

func setDisabled(tx *store.Tx, a care.Account, disabled bool) error {
	a.Disabled = disabled
	if err := tx.PutUser(a); err != nil {
		return err
	}
	if err := tx.DropChallenges(a.ID, linkKind); err != nil {
		return err
	}
	return tx.DropSessionsOf(a.ID)
}

// dropFactors leaves the password alone, until they set up others. The row is
// theirs, so that what happened to their sign-in stands together.
func (h *Hub) dropFactors(tx *store.Tx, a care.Account) error {
	if err := tx.DropCredentials(a.ID, ""); err != nil {
		return err
	}
	if err := tx.Audit(store.AuditRecord{At: h.now(), Actor: a.ID, Name: a.Name, Action: string(care.FactorRemoved), Allowed: true,
		Outcome: "all, by an administrator"}); err != nil {
		return err
	}
	return tx.DropSessionsOf(a.ID)
}

// WhyNot is what keeps a step from being taken; "": nothing.
func (p UserPage) WhyNot(step UserStep) string {
	w, ok := userSteps[step]
	switch {
	case !ok:
		return "There is no such step"
	case p.Own:
		return "This is your own account. Another administrator must change it"
	case p.Provider != "" && (step == UnlockUser || step == DropFactors || step == SendLink):
		return "They sign in by " + p.Provider + ". Ask there"
	}
	return w.not(p)
}

// TakeUserStep takes a step. seen is UserPage.Seen when it was asked for. The
// link is that of SendLink.
func (h *Hub) TakeUserStep(ctx context.Context, by care.Actor, id care.ActorID, step UserStep, seen, why string) (Link, error) {
	link := h.newLink()
	err := h.administering(ctx, by, policy.ManageUsers, why, func(tx *store.Tx) (string, error) {
		p, err := h.userPage(tx, by, id)
		if err != nil {
			return "", err
		}
		if p.Seen != seen {
			return "", errOvertaken()
		}
		if not := p.WhyNot(step); not != "" {
			return "", &care.Error{Kind: care.BusinessRule, Text: not}
		}
		a, err := tx.User(id)
		if err != nil {
			return "", err
		}
		if err := userSteps[step].take(h, tx, a); err != nil {
			return "", err
		}
		if step == SendLink {
			if err := tx.DropChallenges(id, linkKind); err != nil {
				return "", err
			}
			if err := tx.PutChallenge(link.challenge(id)); err != nil {
				return "", err
			}
		}
		return "account " + string(id) + ": " + userSteps[step].say(p), nil
	})
	if err != nil || step != SendLink {
		return Link{}, err
	}
	return link, nil
}

// Link is a one-time link by which somebody sets their own password. Token goes
// into the link and nowhere else: only its hash is kept.
type Link struct {
	Token string
	Until time.Time
}

const linkKind = "link"

// linkLife is how long a link waits. OWASP ASVS 5.0 6.4.1: a first secret expires
// after a short time or its first use.
const linkLife = 24 * time.Hour

func (h *Hub) newLink() Link { return Link{newID(), h.now().Add(linkLife)} }

func (l Link) challenge(account care.ActorID) care.Challenge {
	return care.Challenge{ID: hashed(linkKind, l.Token), Kind: linkKind, Account: account, Expires: l.Until, Doc: []byte("{}")}
}

func hashed(kind, secret string) string {
	sum := sha256.Sum256([]byte(kind + " " + secret))
	return hex.EncodeToString(sum[:])
}

func errLink() error {
	return &care.Error{Kind: care.NotFound, Text: "This link does not open any more. A link opens once, within 24 hours. Ask your administrator for a new one"}
}

// Invited is whose link this is, for the page that asks for a password.
func (h *Hub) Invited(ctx context.Context, token string) (UserView, error) {
	return view(ctx, h, func(tx *store.Tx) (UserView, error) {
		c, err := tx.Challenge(hashed(linkKind, token), linkKind)
		if err != nil {
			return UserView{}, orLink(err)
		}
		a, err := tx.User(c.Account)
		if err == nil && (a.Disabled || a.Provider != "") {
			return UserView{}, errLink()
		}
		return h.userView(a), err
	})
}

func orLink(err error) error {
	if store.IsNone(err) {
		return errLink()
	}
	return err
}

// Begin keeps the password that somebody chose by their link, as a hash, and
// ends the link, their lock and their sessions. A second factor stays.
func (h *Hub) Begin(ctx context.Context, token, hash, address string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		c, err := tx.TakeChallenge(hashed(linkKind, token), linkKind)
		if err != nil {
			return orLink(err)
		}
		a, err := tx.User(c.Account)
		switch {
		case err != nil:
			return err
		case a.Disabled || a.Provider != "":
			return errLink()
		}
		a.Hash, a.Failed, a.LockedUntil = hash, 0, time.Time{}
		if err := tx.PutUser(a); err != nil {
			return err
		}
		if err := tx.DropSessionsOf(a.ID); err != nil {
			return err
		}
		return tx.Audit(store.AuditRecord{At: h.now(), Actor: a.ID, Name: a.Name, Action: string(care.FactorAdded), Allowed: true,
			Outcome: "password, by a one-time link", Address: address})
	})
}
