package hub

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// A Line is one thing that a change changes, in words.
type Line struct{ What, Before, After string }

// sayLines is lines for the audit.
func sayLines(ls []Line) string {
	var out []string
	for _, l := range ls {
		if l.Before == "" {
			out = append(out, strings.ToLower(l.What)+" "+l.After)
			continue
		}
		out = append(out, strings.ToLower(l.What)+": "+l.Before+" → "+l.After)
	}
	return strings.Join(out, "; ")
}

// A Fault is what is wrong with one field of a form.
type Fault struct{ Field, Text string }

func (f Fault) err() error { return &care.Error{Kind: care.Invalid, Field: f.Field, Text: f.Text} }

// How long a reason for an administrator's change is, in characters.
const fewestOfWhy, mostOfWhy = 10, 500

func because(why string) error {
	switch n := len([]rune(strings.TrimSpace(why))); {
	case n == 0:
		return &care.Error{Kind: care.Required, Field: "why", Text: "Enter why you make this change"}
	case n < fewestOfWhy:
		return &care.Error{Kind: care.Invalid, Field: "why", Text: fmt.Sprintf("Why must be %d characters or more", fewestOfWhy)}
	case n > mostOfWhy:
		return &care.Error{Kind: care.Invalid, Field: "why", Text: fmt.Sprintf("Why must be %d characters or fewer", mostOfWhy)}
	}
	return nil
}

func errOvertaken() error {
	return &care.Error{Kind: care.Conflict, Text: "Somebody else changed this while you had it open. Look at what they did, and make your change again"}
}

// administers decides whether somebody administers at all: in the role, at the
// organisation that runs Homeward.
func (a *asking) administers(action policy.Action) bool {
	return a.allowed(action) && a.by.OrgKind == care.System
}

// administered decides and audits that an administrator looks, and then reads:
// a list of many accounts must not hold up those who write.
func (h *Hub) administered(ctx context.Context, by care.Actor, action policy.Action, what string, f func(*store.Tx) error) error {
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, action, nil, policy.Operations, "", h.now())
		if !a.administers(action) {
			return a.refuse(tx)
		}
		return a.audit(tx, true, what)
	})
	if err != nil {
		return err
	}
	return h.unavailable(h.Store.View(ctx, f))
}

// administering decides an administrator's change, makes it, and audits why and
// what f says was before and after.
func (h *Hub) administering(ctx context.Context, by care.Actor, action policy.Action, why string, f func(*store.Tx) (said string, err error)) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, action, nil, policy.Operations, strings.TrimSpace(why), h.now())
		if !a.administers(action) {
			return a.refuse(tx)
		}
		if err := because(why); err != nil {
			return err
		}
		said, err := f(tx)
		if err != nil {
			return err
		}
		return a.audit(tx, true, said)
	})
}

// UserState is how an account stands.
type UserState string

// The states of accounts.
const (
	UserWorks    UserState = "works"
	UserLocked   UserState = "locked"  // after too many tries
	UserInvited  UserState = "invited" // has no password yet
	UserDisabled UserState = "disabled"
)

// UserQuery chooses accounts; empty fields choose all. Pages count from 1.
type UserQuery struct {
	Text  string // in a name or login
	Org   nhs.ODS
	Role  care.Role
	State UserState
	Page  int
}

// UserView is an account as administrators see it: without anything that opens it.
type UserView struct {
	ID          care.ActorID
	Login, Name string
	Provider    string // who vouches for them; "": kept here
	State       UserState
	LockedUntil time.Time
	Grants      []care.Grant
	Words       []string // the grants
}

// UserList is a page of accounts.
type UserList struct {
	Query UserQuery
	Users []UserView
	Total int
	Pages int
}

// UserPage is all that administrators see of one account.
type UserPage struct {
	UserView
	LastSignIn         time.Time // zero: never
	LinkUntil          time.Time // a one-time link waits to be opened; zero: none
	Passkeys, Recovery int
	App                bool
	Sessions           []care.Session
	Own                bool   // the reader's own account: others administer it
	Seen               string // what a change must show, so that none is lost
}

// Second reports whether there is a second factor.
func (p UserPage) Second() bool { return p.Passkeys > 0 || p.App }

const usersOfPage = 50

// isDevice reports whether an account is a wallboard's that was registered, and
// nobody's.
func isDevice(id care.ActorID) bool { return strings.HasPrefix(string(id), devicePrefix) }

const devicePrefix = "device-"

// Users lists accounts by login, wallboards that were registered left out.
func (h *Hub) Users(ctx context.Context, by care.Actor, q UserQuery) (UserList, error) {
	l := UserList{Query: q}
	err := h.administered(ctx, by, policy.ManageUsers, "users", func(tx *store.Tx) error {
		all, err := tx.Users()
		if err != nil {
			return err
		}
		var found []UserView
		for _, a := range all {
			if u := h.userView(a); !isDevice(a.ID) && !isDoor(a.ID) && u.fits(q) {
				found = append(found, u)
			}
		}
		l.Total = len(found)
		l.Pages = max(1, (l.Total+usersOfPage-1)/usersOfPage)
		l.Query.Page = min(max(q.Page, 1), l.Pages)
		from := (l.Query.Page - 1) * usersOfPage
		l.Users = found[from:min(from+usersOfPage, len(found))]
		return nil
	})
	return l, err
}

func (u UserView) fits(q UserQuery) bool {
	text := strings.ToLower(strings.TrimSpace(q.Text))
	holds := q.Org == "" && q.Role == "" || slices.ContainsFunc(u.Grants, func(g care.Grant) bool {
		return (q.Org == "" || g.Org == q.Org) && (q.Role == "" || g.Role == q.Role)
	})
	return holds && (q.State == "" || u.State == q.State) &&
		(strings.Contains(strings.ToLower(u.Name), text) || u.Provider == "" && strings.Contains(u.Login, text))
}

func (h *Hub) userView(a care.Account) UserView {
	u := UserView{ID: a.ID, Login: a.Login, Name: a.Name, Provider: a.Provider, State: UserWorks, Grants: a.Grants, Words: h.grantWords(a.Grants)}
	switch {
	case a.Disabled:
		u.State = UserDisabled
	case h.now().Before(a.LockedUntil):
		u.State, u.LockedUntil = UserLocked, a.LockedUntil
	case a.Hash == "" && a.Provider == "":
		u.State = UserInvited
	}
	return u
}

func (h *Hub) grantWords(gs []care.Grant) []string {
	var out []string
	for _, g := range gs {
		out = append(out, h.GrantWords(g))
	}
	return out
}

// GrantWords is a grant for people: "Ward nurse, King's Mill, Ward 31".
func (h *Hub) GrantWords(g care.Grant) string {
	words := g.Role.Say() + ", " + h.Org(g.Org).Name
	if g.Ward != "" {
		words += ", " + h.wardName(g.Org, g.Ward)
	}
	if g.Team != "" {
		words += ", team " + g.Team
	}
	return words
}

// User is one account.
func (h *Hub) User(ctx context.Context, by care.Actor, id care.ActorID) (UserPage, error) {
	var p UserPage
	err := h.administered(ctx, by, policy.ManageUsers, "account "+string(id), func(tx *store.Tx) (err error) {
		p, err = h.userPage(tx, by, id)
		return err
	})
	return p, err
}

// staffAccount reads an account that is somebody's.
func staffAccount(tx *store.Tx, id care.ActorID) (care.Account, error) {
	if isDevice(id) {
		return care.Account{}, &care.Error{Kind: care.NotFound, Text: "This is a wallboard. It is on the page of devices"}
	}
	if isDoor(id) {
		return care.Account{}, &care.Error{Kind: care.NotFound, Text: "The account was not found"}
	}
	return tx.User(id)
}

func (h *Hub) userPage(tx *store.Tx, by care.Actor, id care.ActorID) (UserPage, error) {
	a, err := staffAccount(tx, id)
	if err != nil {
		return UserPage{}, err
	}
	p := UserPage{UserView: h.userView(a), Own: id == by.ID, Seen: stampOf(a)}
	cs, err := tx.Credentials(id)
	if err != nil {
		return p, err
	}
	for _, c := range cs {
		switch c.Kind {
		case care.Passkey:
			p.Passkeys++
		case care.CodeApp:
			p.App = true
		case care.Recovery:
			p.Recovery++
		}
	}
	if p.Sessions, err = tx.SessionsOf(id, h.now()); err != nil {
		return p, err
	}
	if p.LastSignIn, err = tx.LastAudited(id, string(care.SignedIn)); err != nil {
		return p, err
	}
	p.LinkUntil, err = tx.Awaited(id, linkKind)
	return p, err
}

// stampOf names what an account grants, so that a change made of another state
// than the present one is noticed.
func stampOf(a care.Account) string {
	b, _ := json.Marshal([]any{a.Login, a.Name, a.Grants, a.Disabled}) // of texts only
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// UserChange is an account as an administrator wants it to be.
type UserChange struct {
	ID          care.ActorID // "": a new one
	Login, Name string       // the login of an account stays as it is
	Grants      []care.Grant
	Seen        string // UserPage.Seen when the form was made
}

// CheckUser says what a change would do, before it is made, or what is wrong with it.
func (h *Hub) CheckUser(ctx context.Context, by care.Actor, c UserChange) (lines []Line, faults []Fault, err error) {
	err = h.administered(ctx, by, policy.ManageUsers, "account "+cmp.Or(string(c.ID), "to be added"), func(tx *store.Tx) error {
		was, err := h.changing(tx, by, c)
		if err != nil {
			return err
		}
		if faults, err = h.userFaults(tx, was, c); err != nil {
			return err
		}
		lines = h.userLines(was, c.onto(was))
		return nil
	})
	return lines, faults, err
}

// changing is the account as it is; the zero account when it is to be added.
func (h *Hub) changing(tx *store.Tx, by care.Actor, c UserChange) (care.Account, error) {
	if c.ID == "" {
		return care.Account{}, nil
	}
	a, err := staffAccount(tx, c.ID)
	switch {
	case err != nil:
		return a, err
	case a.ID == by.ID:
		return a, errOwn()
	case a.Provider != "":
		return a, &care.Error{Kind: care.BusinessRule, Text: "Their name and roles come from " + a.Provider + " at each sign-in. Change them there"}
	case stampOf(a) != c.Seen:
		return a, errOvertaken()
	}
	return a, nil
}

func errOwn() error {
	return &care.Error{Kind: care.BusinessRule, Text: "This is your own account. Another administrator must change it"}
}

func (c UserChange) onto(a care.Account) care.Account {
	if a.ID == "" {
		a.Login = loginOf(c.Login)
	}
	a.Name, a.Grants = strings.Join(strings.Fields(c.Name), " "), c.Grants
	return a
}

func loginOf(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }

func (h *Hub) userLines(was, is care.Account) (out []Line) {
	add := func(what, before, after string) {
		if before != after {
			out = append(out, Line{what, cmp.Or(before, "None"), cmp.Or(after, "None")})
		}
	}
	add("User name", was.Login, is.Login)
	add("Name", was.Name, is.Name)
	add("Roles", strings.Join(h.grantWords(was.Grants), "; "), strings.Join(h.grantWords(is.Grants), "; "))
	return out
}

// userFaults is what is wrong with a change, field by field.
func (h *Hub) userFaults(tx *store.Tx, was care.Account, c UserChange) (out []Fault, err error) {
	is := c.onto(was)
	if was.ID == "" {
		if text := loginFault(is.Login); text != "" {
			out = append(out, Fault{"login", text})
		} else if _, err := tx.UserByLogin(is.Login); err == nil {
			out = append(out, Fault{"login", "Somebody else has this user name. Choose another"})
		} else if !store.IsNone(err) {
			return nil, err
		}
	}
	if n := len([]rune(is.Name)); n < 2 || n > 80 {
		out = append(out, Fault{"name", "Enter their name, in 2 to 80 characters"})
	}
	faults, err := h.grantFaults(tx, was.Grants, is.Grants)
	out = append(out, faults...)
	if err == nil && len(out) == 0 && len(h.userLines(was, is)) == 0 {
		out = append(out, Fault{"name", "Nothing is changed. Change the name or a role"})
	}
	return out, err
}

// loginFault says what is wrong with a new login; "": nothing.
func loginFault(login string) string {
	if n := len([]rune(login)); n < 3 || n > 60 {
		return "Enter a user name of 3 to 60 characters"
	}
	bad := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_@'", r)
	}
	if strings.ContainsFunc(login, bad) || strings.HasPrefix(login, devicePrefix) || strings.HasPrefix(login, providerDoor) {
		return "A user name has letters, digits and . - _ @ only"
	}
	return ""
}

// Place is a part of an organisation that a grant can name.
type Place struct {
	Org        nhs.ODS
	Ward, Team string
	Name       string
}

// Key is how a form names a place.
func (p Place) Key() string {
	if p.Ward != "" {
		return string(p.Org) + "/ward/" + p.Ward
	}
	return string(p.Org) + "/team/" + p.Team
}

// Places lists the wards and teams that there are, to choose from.
func (h *Hub) Places(ctx context.Context, by care.Actor) ([]Place, error) {
	var out []Place
	err := h.administered(ctx, by, policy.ManageUsers, "wards and teams", func(tx *store.Tx) (err error) {
		out, err = h.places(tx)
		return err
	})
	return out, err
}

// places are the wards that the configuration of hospitals' feeds names, and the
// teams of the councils' directories that are not retired. Wards that only have
// people in them are left out: an administrator sees nothing of any person.
func (h *Hub) places(tx *store.Tx) (out []Place, err error) {
	for _, o := range h.Orgs {
		wards := map[string]bool{}
		for _, f := range h.feedsOf(o.ODS) {
			for code := range f.Profile.Wards {
				wards[code] = true
			}
		}
		for _, code := range slices.Sorted(maps.Keys(wards)) {
			out = append(out, Place{Org: o.ODS, Ward: code, Name: h.wardName(o.ODS, code)})
		}
		teams, err := tx.Teams(o.ODS)
		if err != nil {
			return nil, err
		}
		for _, t := range teams {
			if _, retired := h.team(t); !retired {
				out = append(out, Place{Org: o.ODS, Team: t.ID, Name: t.Name})
			}
		}
	}
	return out, nil
}

// ProviderOrgs lists the providers of all councils' directories, by name, for whom an
// account can answer. An administrator sees no more of them here.
func (h *Hub) ProviderOrgs(ctx context.Context, by care.Actor) ([]care.Org, error) {
	var out []care.Org
	err := h.administered(ctx, by, policy.ManageUsers, "providers", func(tx *store.Tx) error {
		out = nil
		for _, council := range h.CouncilOrgs() {
			ps, err := tx.Providers(council.ODS)
			if err != nil {
				return err
			}
			for _, p := range ps {
				out = append(out, care.Org{ODS: care.ProviderCode(p.Council, p.ID), Name: p.Name + " (" + council.Name + ")", Kind: care.ProviderOrg})
			}
		}
		return h.learnProviders(tx)
	})
	slices.SortFunc(out, func(a, b care.Org) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// mostGrants bounds what one account may have.
const mostGrants = 10

// grantFaults is what is wrong with grants. One that the account has already is
// left alone.
func (h *Hub) grantFaults(tx *store.Tx, had, gs []care.Grant) (out []Fault, err error) {
	places, err := h.places(tx)
	if err == nil {
		err = h.learnProviders(tx)
	}
	if err != nil {
		return nil, err
	}
	if len(gs) == 0 || len(gs) > mostGrants {
		out = append(out, Fault{"grant-0-role", fmt.Sprintf("Select from 1 to %d roles. To take all access away, disable the account", mostGrants)})
	}
	for i, g := range gs {
		field := fmt.Sprintf("grant-%d-", i)
		kind := h.Org(g.Org).Kind
		if _, known := h.codes.known(g.Org); isProviderCode(g.Org) && !known {
			kind = ""
		}
		switch {
		case slices.Contains(gs[:i], g):
			out = append(out, Fault{field + "role", "This role is there twice. Take one away"})
		case slices.Contains(had, g):
		case !slices.Contains(care.Roles(), g.Role):
			out = append(out, Fault{field + "role", "Select a role"})
		case kind == "":
			out = append(out, Fault{field + "org", "Select an organisation"})
		case !slices.Contains(RoleKinds(g.Role), kind):
			out = append(out, Fault{field + "org", g.Role.Say() + " is a role of " + kindsSay(RoleKinds(g.Role)) + ". Select one"})
		case g.Ward+g.Team != "" && !slices.ContainsFunc(places, func(p Place) bool { return p.Org == g.Org && p.Ward == g.Ward && p.Team == g.Team }):
			out = append(out, Fault{field + "place", "Select a ward or team of " + h.Org(g.Org).Name + ", or none"})
		}
	}
	return out, nil
}

// RoleKinds are the kinds of organisation that have a role, as rule "role-fits"
// of the policies; administrators are those of who runs Homeward.
func RoleKinds(r care.Role) []care.OrgKind {
	switch r {
	case care.AENurse, care.WardNurse, care.Coordinator:
		return []care.OrgKind{care.Trust}
	case care.SocialWorker, care.TeamManager, care.Broker:
		return []care.OrgKind{care.Council}
	case care.CareProvider:
		return []care.OrgKind{care.ProviderOrg}
	case care.WallboardRole, care.Analyst:
		return []care.OrgKind{care.Trust, care.Council}
	case care.IGLead, care.Integration:
		return []care.OrgKind{care.Trust, care.Council, care.System}
	case care.Admin:
		return []care.OrgKind{care.System}
	}
	return nil
}

func kindsSay(ks []care.OrgKind) string {
	words := map[care.OrgKind]string{care.Trust: "a hospital", care.Council: "a council", care.ProviderOrg: "a care provider", care.System: "the organisation that runs Homeward"}
	var out []string
	for _, k := range ks {
		out = append(out, words[k])
	}
	return strings.Join(out, " or ")
}

// AddUser adds an account that has no password: whose it is sets one by the link.
// No administrator ever knows it (OWASP ASVS 5.0 6.4.6).
func (h *Hub) AddUser(ctx context.Context, by care.Actor, c UserChange, why string) (care.ActorID, Link, error) {
	id, link := care.ActorID("u"+newID()), h.newLink()
	err := h.administering(ctx, by, policy.ManageUsers, why, func(tx *store.Tx) (string, error) {
		faults, err := h.userFaults(tx, care.Account{}, c)
		if err != nil {
			return "", err
		}
		if len(faults) > 0 {
			return "", faults[0].err()
		}
		a := c.onto(care.Account{})
		lines := h.userLines(care.Account{}, a)
		a.ID = id
		if err := tx.PutUser(a); err != nil {
			return "", err
		}
		return "account " + string(id) + " added: " + sayLines(lines), tx.PutChallenge(link.challenge(id))
	})
	return id, link, err
}

// ChangeUser changes the name and the grants of an account. A session in a role
// that was taken away ends at its next use.
func (h *Hub) ChangeUser(ctx context.Context, by care.Actor, c UserChange, why string) error {
	return h.administering(ctx, by, policy.ManageUsers, why, func(tx *store.Tx) (string, error) {
		if c.ID == "" {
			return "", &care.Error{Kind: care.NotFound, Text: "The account was not found"}
		}
		was, err := h.changing(tx, by, c)
		if err != nil {
			return "", err
		}
		faults, err := h.userFaults(tx, was, c)
		if err != nil {
			return "", err
		}
		if len(faults) > 0 {
			return "", faults[0].err()
		}
		is := c.onto(was)
		return "account " + string(c.ID) + ": " + sayLines(h.userLines(was, is)), tx.PutUser(is)
	})
}
