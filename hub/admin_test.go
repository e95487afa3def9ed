package hub

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/store"
)

const moved = "They have moved to another ward"

// adam and ada are administrators.
var (
	adam = as(care.Admin, system)
	ada  = care.Actor{ID: "ada", Name: "Ada Invented", Role: care.Admin, Org: system, OrgKind: care.System}
)

func (s *site) auditsOf(action string) (out []store.Audited) {
	s.Helper()
	s.view(func(tx *store.Tx) (err error) {
		out, err = tx.Audits(store.AuditFilter{Action: action})
		return err
	})
	return out
}

// lastAudit is the newest record of an action.
func (s *site) lastAudit(action string) (last store.Audited) {
	s.Helper()
	for _, a := range s.auditsOf(action) {
		if a.N >= last.N {
			last = a
		}
	}
	return last
}

// saidWhy fails the test unless a change that is told by the words was audited
// with its reason.
func (s *site) saidWhy(words string) {
	s.Helper()
	var all []string
	for _, r := range append(s.auditsOf("manageUsers"), s.auditsOf("manageOrgs")...) {
		if strings.Contains(r.Outcome, words) && r.Reason == moved && r.Actor == adam.ID && r.Allowed {
			return
		}
		all = append(all, r.Outcome)
	}
	s.Errorf("nothing audited says %q with the reason: %q", words, all)
}

func newUser() UserChange {
	return UserChange{Login: " Edna.Quill ", Name: "Edna  Quill", Grants: []care.Grant{{Role: care.WardNurse, Org: kings, Ward: "W31"}}}
}

func (s *site) added() (care.ActorID, Link) {
	s.Helper()
	id, link, err := s.AddUser(s.ctx(), adam, newUser(), moved)
	s.must(err)
	return id, link
}

func (s *site) user(id care.ActorID) UserPage {
	s.Helper()
	p, err := s.User(s.ctx(), adam, id)
	s.must(err)
	return p
}

func TestAUserIsAddedAndSetsTheirOwnPassword(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		lines, faults, err := s.CheckUser(s.ctx(), adam, newUser())
		if s.must(err); len(faults) != 0 || len(lines) != 3 || lines[2].After != "Ward nurse, King's Mill, Ward 31" {
			t.Fatalf("%v %v", lines, faults)
		}
		id, link := s.added()
		if p := s.user(id); p.State != UserInvited || p.Login != "edna.quill" || p.Name != "Edna Quill" || !p.LinkUntil.Equal(s.clock().Add(24*time.Hour)) {
			t.Errorf("%+v", p)
		}
		u, err := s.Invited(s.ctx(), link.Token)
		if s.must(err); u.Login != "edna.quill" {
			t.Errorf("%+v", u)
		}
		s.must(s.Begin(s.ctx(), link.Token, "hash", "192.0.2.9"))
		s.refused(s.Begin(s.ctx(), link.Token, "another", "192.0.2.9"), care.NotFound, "")
		_, err = s.Invited(s.ctx(), link.Token)
		s.refused(err, care.NotFound, "")
		if p := s.user(id); p.State != UserWorks || !p.LinkUntil.IsZero() {
			t.Errorf("%+v", p)
		}
		a, err := s.AccountByID(s.ctx(), id)
		if s.must(err); a.Hash != "hash" {
			t.Errorf("hash %q", a.Hash)
		}
		for _, r := range append(s.auditsOf("manageUsers"), s.auditsOf("factor-added")...) {
			if strings.Contains(r.Outcome+r.Reason, link.Token) || strings.Contains(r.Outcome, "hash") {
				t.Error("a secret is audited")
			}
		}
		if r := s.lastAudit("factor-added"); r.Actor != id || r.Address != "192.0.2.9" {
			t.Errorf("%+v", r)
		}
	})
}

func TestALinkIsOverAfterADay(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id, link := s.added()
		s.pass(24*time.Hour - time.Second)
		_, err := s.Invited(s.ctx(), link.Token)
		s.must(err)
		s.pass(2 * time.Second)
		s.refused(s.Begin(s.ctx(), link.Token, "hash", ""), care.NotFound, "")

		first, err := s.TakeUserStep(s.ctx(), adam, id, SendLink, s.user(id).Seen, moved)
		s.must(err)
		second, err := s.TakeUserStep(s.ctx(), adam, id, SendLink, s.user(id).Seen, moved)
		s.must(err)
		s.refused(s.Begin(s.ctx(), first.Token, "hash", ""), care.NotFound, "")
		_, err = s.TakeUserStep(s.ctx(), adam, id, DisableUser, s.user(id).Seen, moved)
		s.must(err)
		s.refused(s.Begin(s.ctx(), second.Token, "hash", ""), care.NotFound, "")
	})
}

func TestALinkOpensOnceToManyAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		_, link := s.added()
		there := s.another()
		var wg sync.WaitGroup
		errs := make(chan error, 8)
		for i := range 8 {
			wg.Go(func() {
				h := s.Hub
				if i%2 == 1 {
					h = there
				}
				errs <- h.Begin(s.ctx(), link.Token, "hash", "")
			})
		}
		wg.Wait()
		close(errs)
		opened := 0
		for err := range errs {
			if err == nil {
				opened++
			} else {
				s.refused(err, care.NotFound, "")
			}
		}
		if opened != 1 {
			t.Errorf("it opened %d times", opened)
		}
	})
}

func TestAResetKeepsTheSecondFactor(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id, link := s.added()
		s.must(s.Begin(s.ctx(), link.Token, "hash", ""))
		s.must(s.AddCredentials(s.ctx(), id, "", care.Credential{ID: "c1", Account: id, Kind: care.CodeApp, Lookup: []byte("l"), Made: s.clock()}))
		s.must(s.BeginSession(s.ctx(), care.Session{ID: "s1", Account: id, Ends: s.clock().Add(time.Hour), Seen: s.clock()}))
		link, err := s.TakeUserStep(s.ctx(), adam, id, SendLink, s.user(id).Seen, moved)
		s.must(err)
		if p := s.user(id); !p.App || len(p.Sessions) != 1 {
			t.Errorf("a link alone changed something: %+v", p)
		}
		s.must(s.Begin(s.ctx(), link.Token, "hash2", ""))
		if p := s.user(id); !p.App || len(p.Sessions) != 0 {
			t.Errorf("%+v", p)
		}
		_, err = s.TakeUserStep(s.ctx(), adam, id, DropFactors, s.user(id).Seen, moved)
		s.must(err)
		if p := s.user(id); p.Second() {
			t.Errorf("%+v", p)
		}
		s.saidWhy("second factors taken away: 0 passkeys, an app")
		if r := s.lastAudit("factor-removed"); r.Actor != id {
			t.Errorf("%+v", r)
		}
	})
}

func TestUserSteps(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id, link := s.added()
		s.must(s.Begin(s.ctx(), link.Token, "hash", ""))
		take := func(step UserStep) error {
			_, err := s.TakeUserStep(s.ctx(), adam, id, step, s.user(id).Seen, moved)
			return err
		}
		for _, step := range []UserStep{EnableUser, UnlockUser, EndSessions, DropFactors, "nonsense"} {
			s.refused(take(step), care.BusinessRule, "")
		}
		s.must(s.SaveTries(s.ctx(), id, 5, s.clock().Add(time.Hour)))
		if p := s.user(id); p.State != UserLocked {
			t.Errorf("%+v", p)
		}
		s.must(take(UnlockUser))
		s.must(s.BeginSession(s.ctx(), care.Session{ID: "s1", Account: id, Ends: s.clock().Add(time.Hour), Seen: s.clock()}))
		s.must(take(EndSessions))
		s.must(s.BeginSession(s.ctx(), care.Session{ID: "s2", Account: id, Ends: s.clock().Add(time.Hour), Seen: s.clock()}))
		s.must(take(DisableUser))
		if p := s.user(id); p.State != UserDisabled || len(p.Sessions) != 0 {
			t.Errorf("%+v", p)
		}
		s.saidWhy("account " + string(id) + ": disabled, sessions ended")
		s.must(take(EnableUser))
		if p := s.user(id); p.State != UserWorks || len(p.Sessions) != 0 {
			t.Errorf("%+v", p)
		}
		for _, why := range []string{"", "too short", strings.Repeat("x", 501)} {
			_, err := s.TakeUserStep(s.ctx(), adam, id, DisableUser, s.user(id).Seen, why)
			if e := care.KindOf(err); e != care.Required && e != care.Invalid {
				t.Errorf("why %q: %v", why, err)
			}
		}
	})
}

func TestAChangeOfAUserIsAuditedInWords(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		id, _ := s.added()
		c := newUser()
		c.ID, c.Seen, c.Grants = id, s.user(id).Seen, []care.Grant{{Role: care.Coordinator, Org: other}}
		s.must(s.ChangeUser(s.ctx(), adam, c, moved))
		s.saidWhy("account " + string(id) + ": roles: Ward nurse, King's Mill, Ward 31 → Discharge coordinator, Queen's")
		// A second administrator had the form open.
		c.Name = "Edna Brook"
		s.refused(s.ChangeUser(s.ctx(), ada, c, moved), care.Conflict, "")
		_, _, err := s.CheckUser(s.ctx(), ada, c)
		s.refused(err, care.Conflict, "")
		_, err = s.TakeUserStep(s.ctx(), ada, id, DisableUser, c.Seen, moved)
		s.refused(err, care.Conflict, "")
		if p := s.user(id); p.Name != "Edna Quill" || p.State == UserDisabled || p.Grants[0].Org != other {
			t.Errorf("%+v", p)
		}
	})
}

func TestWhatIsWrongWithAUserIsToldByField(t *testing.T) {
	s := newSite(t, "sqlite")
	s.added()
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutTeams(care.Team{Council: notts, ID: "t1", Name: "Team One"}) }))
	for _, x := range []struct {
		field  string
		change func(*UserChange)
	}{
		{"", func(c *UserChange) {}},
		{"login", func(c *UserChange) { c.Login = "edna.quill" }},
		{"login", func(c *UserChange) { c.Login = "ed" }},
		{"login", func(c *UserChange) { c.Login = "device-1" }},
		{"login", func(c *UserChange) { c.Login = "cis2:123" }},
		{"name", func(c *UserChange) { c.Name = " " }},
		{"grant-0-role", func(c *UserChange) { c.Grants = nil }},
		{"grant-0-role", func(c *UserChange) { c.Grants[0].Role = care.Machine }},
		{"grant-0-org", func(c *UserChange) { c.Grants[0].Org = notts }},
		{"grant-0-org", func(c *UserChange) { c.Grants[0].Org = "ZZ9" }},
		{"grant-0-org", func(c *UserChange) { c.Grants[0] = care.Grant{Role: care.Admin, Org: kings} }},
		{"grant-0-place", func(c *UserChange) { c.Grants[0].Ward = "W99" }},
		{"grant-0-place", func(c *UserChange) { c.Grants[0].Ward, c.Grants[0].Team = "", "t1" }},
		{"grant-1-role", func(c *UserChange) { c.Grants = append(c.Grants, c.Grants[0]) }},
		{"", func(c *UserChange) { c.Grants[0] = care.Grant{Role: care.SocialWorker, Org: notts, Team: "t1"} }},
	} {
		c := newUser()
		c.Login = "somebody.else"
		x.change(&c)
		_, faults, err := s.CheckUser(s.ctx(), adam, c)
		s.must(err)
		got := ""
		if len(faults) > 0 {
			got = faults[0].Field
		}
		if got != x.field {
			t.Errorf("wanted %q, got %+v of %+v", x.field, faults, c)
		}
		if x.field != "" {
			_, _, err := s.AddUser(s.ctx(), adam, c, moved)
			s.refused(err, care.Invalid, x.field)
		}
	}
}

func TestNobodyAdministersTheirOwnAccountOrAProviders(t *testing.T) {
	s := newSite(t, "sqlite")
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		if err := tx.PutUser(care.Account{ID: adam.ID, Login: "adam", Name: "Adam", Grants: []care.Grant{{Role: care.Admin, Org: system}}}); err != nil {
			return err
		}
		return tx.PutUser(care.Account{ID: "p1", Login: "cis2:p1", Name: "Pat", Provider: "cis2", Grants: []care.Grant{{Role: care.Coordinator, Org: kings}}})
	}))
	own := s.user(adam.ID)
	c := UserChange{ID: adam.ID, Name: "Adam", Seen: own.Seen, Grants: []care.Grant{{Role: care.Admin, Org: system}, {Role: care.IGLead, Org: system}}}
	s.refused(s.ChangeUser(s.ctx(), adam, c, moved), care.BusinessRule, "")
	for step := range userSteps {
		_, err := s.TakeUserStep(s.ctx(), adam, adam.ID, step, own.Seen, moved)
		s.refused(err, care.BusinessRule, "")
	}
	s.must(s.ChangeUser(s.ctx(), ada, c, moved))

	pat := s.user("p1")
	s.refused(s.ChangeUser(s.ctx(), adam, UserChange{ID: "p1", Name: "Pat", Seen: pat.Seen, Grants: c.Grants}, moved), care.BusinessRule, "")
	for _, step := range []UserStep{SendLink, UnlockUser, DropFactors} {
		_, err := s.TakeUserStep(s.ctx(), adam, "p1", step, pat.Seen, moved)
		s.refused(err, care.BusinessRule, "")
	}
	_, err := s.TakeUserStep(s.ctx(), adam, "p1", DisableUser, pat.Seen, moved)
	s.must(err)
}

func TestUsersAreFound(t *testing.T) {
	s := newSite(t, "sqlite")
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		for i := range 120 {
			org, role := kings, care.WardNurse
			if i%3 == 0 {
				org, role = notts, care.SocialWorker
			}
			n := string(rune('a'+i/26)) + string(rune('a'+i%26))
			if err := tx.PutUser(care.Account{ID: care.ActorID("u" + n), Login: "user" + n, Name: "Quill " + n, Hash: "h", Disabled: i%10 == 0, Grants: []care.Grant{{Role: role, Org: org}}}); err != nil {
				return err
			}
		}
		return nil
	}))
	s.added()
	for _, x := range []struct {
		q                   UserQuery
		total, pages, shown int
	}{
		{UserQuery{}, 121, 3, 50}, {UserQuery{Page: 3}, 121, 3, 21}, {UserQuery{Page: 99}, 121, 3, 21}, {UserQuery{Org: notts}, 40, 1, 40},
		{UserQuery{Org: kings, Role: care.WardNurse}, 81, 2, 50}, {UserQuery{Org: kings, Role: care.SocialWorker}, 0, 1, 0},
		{UserQuery{State: UserDisabled}, 12, 1, 12}, {UserQuery{State: UserInvited}, 1, 1, 1}, {UserQuery{Text: "EDNA"}, 1, 1, 1}, {UserQuery{Text: "useraa"}, 1, 1, 1},
	} {
		l, err := s.Users(s.ctx(), adam, x.q)
		s.must(err)
		if l.Total != x.total || l.Pages != x.pages || len(l.Users) != x.shown {
			t.Errorf("%+v: %d on %d pages, %d shown", x.q, l.Total, l.Pages, len(l.Users))
		}
	}
}

// Everybody but an administrator of who runs Homeward is refused, and that is audited.
func TestOnlyAdministratorsAdminister(t *testing.T) {
	s := newSite(t, "sqlite")
	id, _ := s.added()
	dev, _, err := s.AddDevice(s.ctx(), adam, DeviceChange{Name: "Ward 31 wall", Org: kings}, moved)
	s.must(err)
	of := Numbered{Org: kings}
	tries := map[string]func(by care.Actor) error{
		"Users":         func(by care.Actor) error { _, err := s.Users(s.ctx(), by, UserQuery{}); return err },
		"User":          func(by care.Actor) error { _, err := s.User(s.ctx(), by, id); return err },
		"CheckUser":     func(by care.Actor) error { _, _, err := s.CheckUser(s.ctx(), by, newUser()); return err },
		"AddUser":       func(by care.Actor) error { _, _, err := s.AddUser(s.ctx(), by, newUser(), moved); return err },
		"ChangeUser":    func(by care.Actor) error { return s.ChangeUser(s.ctx(), by, UserChange{ID: id}, moved) },
		"TakeUserStep":  func(by care.Actor) error { _, err := s.TakeUserStep(s.ctx(), by, id, DisableUser, "", ""); return err },
		"Places":        func(by care.Actor) error { _, err := s.Places(s.ctx(), by); return err },
		"Devices":       func(by care.Actor) error { _, err := s.Devices(s.ctx(), by); return err },
		"Device":        func(by care.Actor) error { _, err := s.Device(s.ctx(), by, dev); return err },
		"CheckDevice":   func(by care.Actor) error { _, _, err := s.CheckDevice(s.ctx(), by, DeviceChange{}); return err },
		"AddDevice":     func(by care.Actor) error { _, _, err := s.AddDevice(s.ctx(), by, DeviceChange{}, moved); return err },
		"PairDevice":    func(by care.Actor) error { _, err := s.PairDevice(s.ctx(), by, dev, "", moved); return err },
		"RevokeDevice":  func(by care.Actor) error { return s.RevokeDevice(s.ctx(), by, dev, "", moved) },
		"Organisations": func(by care.Actor) error { _, err := s.Organisations(s.ctx(), by); return err },
		"Teams":         func(by care.Actor) error { _, err := s.Teams(s.ctx(), by); return err },
		"NumbersOf":     func(by care.Actor) error { _, err := s.NumbersOf(s.ctx(), by, of); return err },
		"CheckNumbers": func(by care.Actor) error {
			_, _, _, err := s.CheckNumbers(s.ctx(), by, NumbersChange{Of: of})
			return err
		},
		"SetNumbers": func(by care.Actor) error { return s.SetNumbers(s.ctx(), by, NumbersChange{Of: of}, moved) },
		"SetTeamNumbers": func(by care.Actor) error {
			return s.SetNumbers(s.ctx(), by, NumbersChange{Of: Numbered{notts, "t"}}, moved)
		},
	}
	for _, role := range append(care.Roles(), care.Machine) {
		for _, org := range []nhs.ODS{kings, notts, system} {
			if role == care.Admin && org == system {
				continue
			}
			by := as(role, org)
			for name, try := range tries {
				before := len(s.deniedOf(by.ID))
				if err := try(by); care.KindOf(err) != care.Forbidden {
					t.Errorf("%s at %s, %s: %v", role, org, name, err)
				}
				if len(s.deniedOf(by.ID)) != before+1 {
					t.Errorf("%s at %s, %s: not audited", role, org, name)
				}
			}
		}
	}
}

func (s *site) deniedOf(id care.ActorID) (out []store.Audited) {
	s.view(func(tx *store.Tx) (err error) {
		out, err = tx.Audits(store.AuditFilter{Actor: id, Denied: true})
		return err
	})
	return out
}

func TestPairing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		_, faults, err := s.CheckDevice(s.ctx(), adam, DeviceChange{Name: "W", Org: system, Ward: "W99"})
		if s.must(err); len(faults) < 2 {
			t.Errorf("%+v", faults)
		}
		id, code, err := s.AddDevice(s.ctx(), adam, DeviceChange{Name: "Ward 31 wall", Org: kings, Ward: "W31"}, moved)
		s.must(err)
		if len(codeOf(code.Text)) < 8 { // 5 bits each
			t.Errorf("a code of %d characters", len(code.Text))
		}
		state := func() Device {
			d, err := s.Device(s.ctx(), adam, id)
			s.must(err)
			return d
		}
		if d := state(); d.State != DeviceWaits || d.Grant.Ward != "W31" {
			t.Errorf("%+v", d)
		}
		typed := strings.ToLower(strings.ReplaceAll(code.Text, "-", " "))
		a, err := s.Pair(s.ctx(), strings.ReplaceAll(typed, "0", "o"), "192.0.2.7", "192.0.2.7")
		s.must(err)
		if a.ID != id || a.Grants[0].Role != care.WallboardRole {
			t.Errorf("%+v", a)
		}
		_, err = s.Pair(s.ctx(), code.Text, "192.0.2.7", "192.0.2.7")
		s.refused(err, care.Invalid, "code")

		s.must(s.BeginSession(s.ctx(), care.Session{ID: "s1", Account: id, Grant: a.Grants[0], Ends: s.clock().Add(time.Hour), Seen: s.clock()}))
		if d := state(); d.State != DeviceWorks || d.LastSeen.IsZero() {
			t.Errorf("%+v", d)
		}
		late, err := s.PairDevice(s.ctx(), adam, id, state().Seen, moved)
		s.must(err)
		s.pass(10*time.Minute + time.Second)
		_, err = s.Pair(s.ctx(), late.Text, "192.0.2.7", "192.0.2.7")
		s.refused(err, care.Invalid, "code")
		next, err := s.PairDevice(s.ctx(), adam, id, state().Seen, moved)
		s.must(err)
		if state().State != DeviceWorks {
			t.Error("a new code alone put the wallboard out")
		}
		s.must(s.RevokeDevice(s.ctx(), adam, id, state().Seen, moved))
		if d := state(); d.State != DeviceRevoked || !d.LastSeen.IsZero() {
			t.Errorf("%+v", d)
		}
		_, err = s.Pair(s.ctx(), next.Text, "192.0.2.7", "192.0.2.7")
		s.refused(err, care.Invalid, "code")
		_, err = s.PairDevice(s.ctx(), adam, id, state().Seen, moved)
		s.refused(err, care.BusinessRule, "")
	})
}

func TestGuessedCodesAreSlowedDown(t *testing.T) {
	s := newSite(t, "sqlite")
	_, code, err := s.AddDevice(s.ctx(), adam, DeviceChange{Name: "Ward 31 wall", Org: kings}, moved)
	s.must(err)
	for range mostWrongCodes {
		_, err := s.Pair(s.ctx(), "00000-00000", "192.0.2.7", "192.0.2.7")
		s.refused(err, care.Invalid, "code")
	}
	_, err = s.Pair(s.ctx(), code.Text, "192.0.2.7", "192.0.2.7")
	s.refused(err, care.Throttled, "code")
	if n := len(s.auditsOf("sign-in-refused")); n != mostWrongCodes {
		t.Errorf("%d wrong codes are audited", n)
	}
	_, err = s.Pair(s.ctx(), code.Text, "192.0.2.8", "192.0.2.8")
	s.must(err)
	s.pass(codeLife)
	_, err = s.Pair(s.ctx(), "00000-00000", "192.0.2.7", "192.0.2.7")
	s.refused(err, care.Invalid, "code")
}

func TestNumbersAreSetFromADayOn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		of := Numbered{Org: notts}
		today := nhs.DateOf(morning)
		tomorrow := nhs.DateOf(morning.AddDate(0, 0, 1))
		set := func(seen int, from nhs.Date, phone string) error {
			return s.SetNumbers(s.ctx(), adam, NumbersChange{Of: of, From: from, Numbers: Numbers{phone, "01632 960101"}, Seen: seen}, moved)
		}
		s.must(set(0, tomorrow, "01632 960777"))
		if got := s.Org(notts).Phone; got != "01632 960100" {
			t.Errorf("a change of tomorrow holds today: %s", got)
		}
		s.must(set(1, today, "01632  960666"))
		if got := s.Org(notts).Phone; got != "01632 960666" {
			t.Errorf("%s", got)
		}
		if got := s.CouncilOrgs()[0].Phone; got != "01632 960666" {
			t.Errorf("%s", got)
		}
		s.refused(set(1, today, "01632 960555"), care.Conflict, "")
		s.refused(set(2, today, "01632 960666"), care.Invalid, "phone")
		s.refused(set(2, today, "ring me"), care.Invalid, "phone")
		s.refused(set(2, nhs.DateOf(morning.AddDate(0, 0, -1)), "01632 960555"), care.Invalid, "from")
		p, err := s.NumbersOf(s.ctx(), adam, of)
		if s.must(err); len(p.Planned) != 1 || len(p.History) != 2 || p.Now.Phone != "01632 960666" || p.Base.Phone != "01632 960100" || p.History[0].N != 2 {
			t.Errorf("%+v", p)
		}
		s.pass(24 * time.Hour)
		if got := s.Org(notts).Phone; got != "01632 960777" {
			t.Errorf("the day came: %s", got)
		}
		s.must(s.SetNumbers(s.ctx(), adam, NumbersChange{Of: of, Base: true, Seen: 2}, moved))
		if got := s.Org(notts); got.Phone != "01632 960100" || got.OutOfHours != "01632 960101" {
			t.Errorf("%+v", got)
		}
		s.saidWhy("numbers of 511: by day: 01632 960100 → 01632 960666; from 2026-11-24")
	})
}

func TestOtherProcessesNoticeNumbers(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		there := s.another()
		ctx, stop := context.WithCancel(s.ctx())
		var wg sync.WaitGroup
		wg.Go(func() { there.followNumbers(ctx) })
		defer wg.Wait()
		defer stop()
		s.must(s.SetNumbers(s.ctx(), adam, NumbersChange{Of: Numbered{Org: kings}, Numbers: Numbers{Phone: "01632 960888"}}, moved))
		end := time.Now().Add(10 * time.Second)
		for there.Org(kings).Phone != "01632 960888" {
			if time.Now().After(end) {
				t.Fatal("another process did not notice")
			}
			time.Sleep(10 * time.Millisecond)
		}
		after := s.another() // a process that begins later
		s.must(after.ReadNumbers(s.ctx()))
		if after.Org(kings).Phone != "01632 960888" {
			t.Error("it did not survive")
		}
	})
}

func TestATeamIsRetiredAndComesBack(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			return tx.PutTeams(care.Team{Council: notts, ID: "t1", Name: "Team One", Phone: "01632 960110"})
		}))
		of := Numbered{notts, "t1"}
		offeredNow := func() bool {
			ps, err := s.Places(s.ctx(), adam)
			s.must(err)
			for _, p := range ps {
				if p.Team == "t1" {
					return true
				}
			}
			return false
		}
		if !offeredNow() {
			t.Fatal("the team is not offered")
		}
		s.must(s.SetNumbers(s.ctx(), adam, NumbersChange{Of: of, Numbers: Numbers{"01632 960111", ""}, Retired: true}, moved))
		if offeredNow() {
			t.Error("a retired team is offered")
		}
		team, retired := s.team(care.Team{Council: notts, ID: "t1", Phone: "01632 960110"})
		if team.Phone != "01632 960111" || !retired {
			t.Errorf("%+v", team)
		}
		s.must(s.SetNumbers(s.ctx(), adam, NumbersChange{Of: of, Base: true, Seen: 1}, moved))
		if !offeredNow() {
			t.Error("the team did not come back")
		}
		s.refused(s.SetNumbers(s.ctx(), adam, NumbersChange{Of: Numbered{notts, "none"}, Base: true}, moved), care.NotFound, "")
		ts, err := s.Teams(s.ctx(), adam)
		if s.must(err); len(ts) != 1 || ts[0].Name != "Team One" || len(ts[0].History) != 2 {
			t.Errorf("%+v", ts)
		}
	})
}
