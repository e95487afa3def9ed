package hub

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// withSystems configures two trusts' systems and a council's.
func withSystems(c *Config, _ *store.Config) {
	c.Systems = []System{{Client: "kmh-epr", Title: "King's Mill EPR", Org: kings, Scopes: []string{"launch", "read"}},
		{Client: "qmc-epr", Title: "Queen's PAS", Org: other, Scopes: []string{"launch"}, Bound: true},
		{Client: "mosaic", Title: "Mosaic", Org: notts, Scopes: []string{"launch"}}}
}

func systemsOnBoth(t *testing.T, f func(t *testing.T, s *site)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, newSite(t, engine, withSystems)) })
	}
}

func (s *site) asks(client, jti string, scopes ...string) TokenRequest {
	return TokenRequest{Client: client, JTI: jti, Ends: s.clock().Add(time.Minute), Scopes: scopes, Address: "192.0.2.9"}
}

func (s *site) newestAudit() store.AuditRecord {
	s.Helper()
	var r store.AuditRecord
	s.view(func(tx *store.Tx) error {
		as, err := tx.Audits(store.AuditFilter{Limit: 1})
		if len(as) > 0 {
			r = as[0].AuditRecord
		}
		return err
	})
	return r
}

func TestATokenIsIssuedAuditedAndNowhereKept(t *testing.T) {
	systemsOnBoth(t, func(t *testing.T, s *site) {
		k, err := s.IssueToken(s.ctx(), s.asks("kmh-epr", "1"))
		s.must(err)
		if len(k.Text) != 43 || k.Life != TokenLife || !slices.Equal(k.Scopes, []string{"launch", "read"}) {
			t.Errorf("%d letters, %s, %v", len(k.Text), k.Life, k.Scopes)
		}
		if r := s.newestAudit(); r.Actor != "system-kmh-epr" || r.Role != care.Machine || !r.Allowed || r.Action != tokenIssued || strings.Contains(r.Outcome, k.Text) {
			t.Errorf("audited %+v", r)
		}
		by, scopes, err := s.Bearer(s.ctx(), k.Text, "", "192.0.2.9")
		s.must(err)
		if by.ID != "system-kmh-epr" || by.Org != kings || by.OrgKind != care.Trust || by.Role != care.Machine || len(scopes) != 2 {
			t.Errorf("%+v %v", by, scopes)
		}
		_, _, err = s.Bearer(s.ctx(), k.Text[1:]+"A", "", "")
		s.refused(err, care.Login, "")
		s.pass(TokenLife)
		_, _, err = s.Bearer(s.ctx(), k.Text, "", "")
		s.refused(err, care.Login, "")
	})
}

func TestAnAssertionIsGoodForOneTokenInAllProcesses(t *testing.T) {
	systemsOnBoth(t, func(t *testing.T, s *site) {
		there := s.another(withSystems)
		var given, replayed atomic.Int64
		var wg sync.WaitGroup
		for i := range 12 {
			h := s.Hub
			if i%2 == 1 {
				h = there
			}
			wg.Go(func() {
				switch _, err := h.IssueToken(s.ctx(), s.asks("kmh-epr", "the same")); {
				case err == nil:
					given.Add(1)
				case errors.Is(err, ErrReplayed):
					replayed.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if given.Load() != 1 || replayed.Load() != 11 {
			t.Errorf("%d tokens, %d replays", given.Load(), replayed.Load())
		}
	})
}

func TestWhatATokenIsRefusedFor(t *testing.T) {
	systemsOnBoth(t, func(t *testing.T, s *site) {
		long := s.asks("kmh-epr", "long")
		long.Ends = s.clock().Add(AssertionLife + time.Second)
		if _, err := s.IssueToken(s.ctx(), long); !errors.Is(err, ErrTooLong) {
			t.Errorf("too long: %v", err)
		}
		long.Ends = s.clock().Add(AssertionLife)
		_, err := s.IssueToken(s.ctx(), long)
		s.must(err)
		long.Ends = s.clock().Add(AssertionLife + time.Hour)
		if _, err := s.IssueToken(s.ctx(), long); !errors.Is(err, ErrReplayed) {
			t.Errorf("a replay is said before the length: %v", err)
		}
		_, err = s.IssueToken(s.ctx(), s.asks("kmh-epr", "scope", "launch", "write"))
		s.refused(err, care.Forbidden, "")
		if r := s.newestAudit(); r.Allowed || r.Action != tokenRefused || r.Actor != "system-kmh-epr" {
			t.Errorf("audited %+v", r)
		}
		_, err = s.IssueToken(s.ctx(), s.asks("nobody", "x"))
		s.refused(err, care.NotFound, "")
		s.must(s.TokenRefused(s.ctx(), "Robert'); DROP", "192.0.2.1", "no such system"))
		if r := s.newestAudit(); r.Actor != "system-unknown" || strings.Contains(r.Outcome+r.Name, "Robert") {
			t.Errorf("audited %+v", r)
		}
	})
}

func TestABoundTokenNeedsItsCertificate(t *testing.T) {
	systemsOnBoth(t, func(t *testing.T, s *site) {
		_, err := s.IssueToken(s.ctx(), s.asks("qmc-epr", "none"))
		s.refused(err, care.Login, "")
		q := s.asks("qmc-epr", "bound")
		q.Thumbprint = "thumb"
		k, err := s.IssueToken(s.ctx(), q)
		s.must(err)
		_, _, err = s.Bearer(s.ctx(), k.Text, "thumb", "")
		s.must(err)
		for _, other := range []string{"", "other", "thum"} {
			_, _, err = s.Bearer(s.ctx(), k.Text, other, "")
			s.refused(err, care.Login, "")
		}
		// Bound since, and without what it had: the token of before does not hold.
		k, err = s.IssueToken(s.ctx(), s.asks("kmh-epr", "before"))
		s.must(err)
		later := s.another(func(c *Config, _ *store.Config) {
			c.Systems = []System{{Client: "kmh-epr", Org: kings, Scopes: []string{"read"}, Bound: true}}
		})
		_, _, err = later.Bearer(s.ctx(), k.Text, "", "")
		s.refused(err, care.Login, "")
		less := s.another(func(c *Config, _ *store.Config) {
			c.Systems = []System{{Client: "kmh-epr", Org: kings, Scopes: []string{"read"}}}
		})
		_, scopes, err := less.Bearer(s.ctx(), k.Text, "", "")
		s.must(err)
		if !slices.Equal(scopes, []string{"read"}) {
			t.Errorf("scopes %v", scopes)
		}
		gone := s.another()
		_, _, err = gone.Bearer(s.ctx(), k.Text, "", "")
		s.refused(err, care.Login, "")
	})
}

func TestSystemsAreConfiguredWithCare(t *testing.T) {
	s := newSite(t, "sqlite")
	for _, list := range [][]System{{{Client: "a", Org: kings}, {Client: "a", Org: kings}}, {{Client: "a", Org: "NOPE"}}, {{Client: "A b", Org: kings}}, {{Client: "", Org: kings}}} {
		c := s.config()
		c.Store, c.Systems = s.Store, list
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", list)
		}
	}
}

func machine(s *site, client string) care.Actor {
	sys, ok := s.System(client)
	if !ok {
		s.Fatalf("no system %s", client)
	}
	return s.actor(sys, "192.0.2.9")
}

func session(s *site, id string) care.Session {
	return care.Session{ID: id, Ends: s.clock().Add(8 * time.Hour)}
}

// launch brings somebody to a reader's browser.
func (s *site) launch(q LaunchRequest) string {
	s.Helper()
	link, err := s.PrepareLaunch(s.ctx(), machine(s, "kmh-epr"), q)
	s.must(err)
	name, err := s.OpenLaunch(s.ctx(), care.Actor{}, link)
	s.must(err)
	return name
}

func TestALaunchComesToOneReaderOnce(t *testing.T) {
	systemsOnBoth(t, func(t *testing.T, s *site) {
		p, nurse := nobody(1), as(care.AENurse, kings)
		q := LaunchRequest{Number: p.nhs, Born: p.birth()}
		link, err := s.PrepareLaunch(s.ctx(), machine(s, "kmh-epr"), q)
		s.must(err)
		if r := s.newestAudit(); r.Actor != "system-kmh-epr" || r.Action != string(policy.LaunchContext) || !r.Allowed || r.Case != "" {
			t.Errorf("audited %+v", r)
		}
		name, err := s.OpenLaunch(s.ctx(), care.Actor{}, link)
		s.must(err)
		_, err = s.another(withSystems).OpenLaunch(s.ctx(), nurse, link)
		s.refused(err, care.NotFound, "")
		mine := session(s, "mine")
		v, err := s.Launched(s.ctx(), nurse, mine, name)
		s.must(err)
		if v.Number != p.nhs || v.Born != p.birth() || v.System != "King's Mill EPR" || v.Reason != "" {
			t.Errorf("%+v", v)
		}
		if r := s.newestAudit(); r.Actor != nurse.ID || r.Outcome != "launched from King's Mill EPR" {
			t.Errorf("audited %+v", r)
		}
		_, err = s.Launched(s.ctx(), nurse, session(s, "another"), name)
		s.refused(err, care.NotFound, "")
		_, err = s.Launched(s.ctx(), as(care.AENurse, other), mine, name)
		s.refused(err, care.NotFound, "")
		_, err = s.Launched(s.ctx(), as(care.IGLead, kings), mine, name)
		s.refused(err, care.Forbidden, "")
		s.pass(ContextLife)
		_, err = s.Launched(s.ctx(), nurse, mine, name)
		s.refused(err, care.NotFound, "")
	})
}

func TestALinkOfAnotherTrustIsUsedUpAndTellsNothing(t *testing.T) {
	systemsOnBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		make := func() string {
			link, err := s.PrepareLaunch(s.ctx(), machine(s, "kmh-epr"), LaunchRequest{Number: p.nhs, Born: p.birth()})
			s.must(err)
			return link
		}
		link := make()
		_, wrong := s.OpenLaunch(s.ctx(), as(care.AENurse, other), link)
		s.refused(wrong, care.NotFound, "")
		_, again := s.OpenLaunch(s.ctx(), as(care.AENurse, kings), link)
		late := make()
		s.pass(LinkLife)
		_, expired := s.OpenLaunch(s.ctx(), as(care.AENurse, kings), late)
		_, unknown := s.OpenLaunch(s.ctx(), as(care.AENurse, kings), "never made")
		for _, err := range []error{again, expired, unknown} {
			if err == nil || err.Error() != wrong.Error() {
				t.Errorf("%v and %v differ", err, wrong)
			}
		}
	})
}

func TestWhoMayLaunch(t *testing.T) {
	systemsOnBoth(t, func(t *testing.T, s *site) {
		p := nobody(1)
		q := LaunchRequest{Number: p.nhs, Born: p.birth()}
		for _, by := range []care.Actor{machine(s, "mosaic"), as(care.AENurse, kings), as(care.Admin, system)} {
			_, err := s.PrepareLaunch(s.ctx(), by, q)
			s.refused(err, care.Forbidden, "")
		}
		epr := machine(s, "kmh-epr")
		_, err := s.PrepareLaunch(s.ctx(), epr, LaunchRequest{Born: p.birth()})
		s.refused(err, care.Required, "nhs")
		_, err = s.PrepareLaunch(s.ctx(), epr, LaunchRequest{Number: p.nhs, HospitalNo: "M1"})
		s.refused(err, care.Required, "nhs")
		_, err = s.PrepareLaunch(s.ctx(), epr, LaunchRequest{HospitalNo: strings.Repeat("M", 51)})
		s.refused(err, care.Invalid, "mrn")
		_, err = s.PrepareLaunch(s.ctx(), epr, LaunchRequest{Number: p.nhs, Born: nhs.Date{Year: 2999, Month: 1, Day: 1}})
		s.refused(err, care.Invalid, "dob")
		// A machine sees nothing by looking itself.
		_, err = s.Look(s.ctx(), epr, LookRequest{Number: p.nhs, Born: p.birth(), Reason: ReasonCare})
		s.refused(err, care.Forbidden, "")
	})
}

func TestAHospitalNumberIsFilledInForItsOwnPatientOnly(t *testing.T) {
	systemsOnBoth(t, func(t *testing.T, s *site) {
		p, hidden := nobody(1), nobody(2)
		hidden.sensitive = true
		s.admit(p)
		s.admit(hidden)
		nurse := as(care.AENurse, kings)
		v, err := s.Launched(s.ctx(), nurse, session(s, "a"), s.launch(LaunchRequest{HospitalNo: p.mrn}))
		s.must(err)
		if v.Number != p.nhs || v.Born != p.birth() {
			t.Error("their own patient's details are not filled in")
		}
		if r := s.newestAudit(); r.Case != s.find(kings, p.mrn).ID || !slices.Contains(r.Policies, "own-patient") {
			t.Errorf("audited %+v", r)
		}
		v, err = s.Launched(s.ctx(), nurse, session(s, "a"), s.launch(LaunchRequest{Number: p.nhs}))
		s.must(err)
		if v.Born != p.birth() {
			t.Error("their own patient's date of birth is not filled in")
		}
		nothing := LaunchView{System: "King's Mill EPR", At: s.clock()}
		for _, mrn := range []string{hidden.mrn, "M999999"} { // restricted, and not known
			v, err = s.Launched(s.ctx(), nurse, session(s, "a"), s.launch(LaunchRequest{HospitalNo: mrn}))
			s.must(err)
			want := nothing
			want.HospitalNo = mrn
			if v != want {
				t.Errorf("%s: %+v", mrn, v)
			}
		}
		// Of somebody whom the hospital does not treat, no date of birth is told.
		s.hear("qmc", says{event: "A01", p: nobody(3), ward: "C4/1", visit: "q"})
		v, err = s.Launched(s.ctx(), nurse, session(s, "a"), s.launch(LaunchRequest{Number: nobody(3).nhs}))
		s.must(err)
		if !v.Born.IsZero() {
			t.Error("another hospital's patient's date of birth was told")
		}
	})
}

func TestTheReasonIsAskedOnceASessionForAPerson(t *testing.T) {
	systemsOnBoth(t, func(t *testing.T, s *site) {
		p, nurse, mine := nobody(1), as(care.AENurse, kings), session(s, "mine")
		q := LaunchRequest{Number: p.nhs, Born: p.birth()}
		name := s.launch(q)
		_, err := s.LookLaunched(s.ctx(), nurse, mine, name, LookRequest{})
		s.refused(err, care.Required, "reason")
		// What is typed does not stand against what was brought.
		_, err = s.LookLaunched(s.ctx(), nurse, mine, name, LookRequest{Number: nobody(2).nhs, Born: nobody(2).birth(), Reason: ReasonOther, Words: "fell at home"})
		s.must(err)
		if r := s.newestAudit(); r.Action != string(policy.Lookup) || r.Reason != "fell at home, launched from King's Mill EPR" {
			t.Errorf("audited %+v", r)
		}
		_, err = s.Launched(s.ctx(), nurse, mine, name)
		s.refused(err, care.NotFound, "") // it has left the context
		again, err := s.Launched(s.ctx(), nurse, mine, s.launch(q))
		s.must(err)
		if again.Reason != ReasonOther || again.Words != "fell at home" {
			t.Errorf("%+v", again)
		}
		for id, by := range map[string]care.Actor{"other session": nurse, "mine": as(care.WardNurse, kings)} {
			v, err := s.Launched(s.ctx(), by, session(s, id), s.launch(q))
			s.must(err)
			if v.Reason != "" {
				t.Errorf("%s, %s: not asked", id, by.Role)
			}
		}
		v, err := s.Launched(s.ctx(), nurse, mine, s.launch(LaunchRequest{Number: nobody(2).nhs, Born: p.birth()}))
		s.must(err)
		if v.Reason != "" {
			t.Error("not asked for another person")
		}
	})
}

func TestTheStoreDoesNotHoldWhomALinkBrings(t *testing.T) {
	s := newSite(t, "sqlite", withSystems)
	p := nobody(1)
	link, err := s.PrepareLaunch(s.ctx(), machine(s, "kmh-epr"), LaunchRequest{Number: p.nhs, Born: p.birth(), User: "nina"})
	s.must(err)
	s.view(func(tx *store.Tx) error {
		row, err := tx.Launch(digest("launch", link), store.LaunchLink)
		s.must(err)
		for _, secret := range []string{p.nhs.Digits(), p.birth().String(), "nina", link} {
			if strings.Contains(string(row.Sealed)+string(row.ID), secret) {
				t.Error("it is there in clear")
			}
		}
		return nil
	})
}

func TestAnotherUserOfASharedComputerIsNoticed(t *testing.T) {
	s := newSite(t, "sqlite", withSystems)
	nurse := as(care.AENurse, kings)
	s.must(s.PutAccount(s.ctx(), care.Account{ID: nurse.ID, Login: "nina", Name: "P"}))
	for user, want := range map[string]bool{"nina": false, "NINA": false, "": false, "femi": true} {
		v, err := s.Launched(s.ctx(), nurse, session(s, "a"), s.launch(LaunchRequest{Number: nobody(1).nhs, Born: nobody(1).birth(), User: user}))
		s.must(err)
		if v.Somebody != want {
			t.Errorf("%q: %v", user, v.Somebody)
		}
	}
}

func BenchmarkIssueToken(b *testing.B) {
	s := newSite(b, "sqlite", withSystems)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.IssueToken(s.ctx(), s.asks("kmh-epr", time.Duration(n.Add(1)).String())); err != nil {
				b.Error(err)
			}
		}
	})
}

// TestTokenTakenAway: a token that is taken away is refused within a moment.
func TestTokenTakenAway(t *testing.T) {
	s := newSite(t, "sqlite", eprs)
	k, err := s.IssueToken(s.ctx(), TokenRequest{Client: "sys-rk5", JTI: "1", Ends: s.clock().Add(time.Minute)})
	s.must(err)
	began := time.Now()
	_, _, err = s.Bearer(s.ctx(), k.Text, "", "")
	s.must(err)
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.DropTokens("sys-rk5") }))
	for err == nil {
		if _, _, err = s.Bearer(s.ctx(), k.Text, "", ""); time.Since(began) > 10*tokenMoment {
			t.Fatal("the token still holds")
		}
	}
	s.refused(err, care.Login, "")
}
