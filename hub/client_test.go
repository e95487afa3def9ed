package hub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/sharing"
	"homeward/store"
)

// postbox keeps what care providers are written.
type postbox struct {
	mu      sync.Mutex
	letters []letter
	err     error
}

type letter struct{ To, Subject, Text string }

func (p *postbox) post(_ context.Context, to, _, subject, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.letters = append(p.letters, letter{to, subject, text})
	}
	return p.err
}

// clientSite is a site that writes to providers, with its directory told.
func clientSite(t *testing.T, engine string) (*site, *postbox) {
	box := &postbox{}
	s := newSite(t, engine, func(c *Config, _ *store.Config) { c.Notices.Mail, c.PublicURL = box.post, "https://homeward.example" })
	s.toldProviders()
	return s, box
}

// toldProviders tells providers all that is due, and mails what is to be mailed.
func (s *site) toldProviders() {
	s.Helper()
	for {
		n, err := s.FollowClients(s.ctx())
		s.must(err)
		if n == 0 {
			break
		}
	}
	for {
		did, _, err := s.MailLinks(s.ctx())
		s.must(err)
		if !did {
			return
		}
	}
}

// bluebell is somebody who acts for provider V1 of Nottinghamshire.
func bluebell() care.Actor {
	code := care.ProviderCode(notts, "V1")
	return care.Actor{ID: "provider-" + care.ActorID(code), Name: "Linden Home Care", Role: care.CareProvider, Org: code, OrgKind: care.ProviderOrg}
}

// reachable gives the provider an e-mail address and a PIN.
func (s *site) reachable() {
	s.Helper()
	code, by := care.ProviderCode(notts, "V1"), as(care.Broker, notts)
	e, err := s.CareProvider(s.ctx(), by, code)
	s.must(err)
	_, err = s.CorrectProvider(s.ctx(), by, code, ProviderChange{Phone: e.Phone, OutOfHours: e.OutOfHours, Hours: e.Hours, Email: "office@linden.example", Seen: e.Seen})
	s.must(err)
	s.must(s.SetProviderPIN(s.ctx(), by, code, "a hash"))
}

func (s *site) clients(id care.CaseID) []care.Client { s.Helper(); return s.read(id).Clients }

func TestYourClientIsHere(t *testing.T) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s, box := clientSite(t, engine)
			p := nobody(1)
			s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active"), pack("K2", "DS", "active")}})
			s.reachable()
			id := s.admit(p)
			s.toldProviders()
			s.toldProviders()
			ks := s.clients(id)
			if len(ks) != 1 || len(ks[0].Packages) != 2 || ks[0].ProviderName != "Linden Home Care" {
				t.Fatalf("told: %+v", ks)
			}
			if len(box.letters) != 1 || box.letters[0].To != "office@linden.example" || strings.Contains(box.letters[0].Text, p.family) || strings.Contains(box.letters[0].Subject, p.family) {
				t.Fatalf("letters: %+v", box.letters)
			}
			s.suspendsAndRestarts(t, id, ks[0].ID, p)
		})
	}
}

// suspendsAndRestarts plays the rest of the story, after the provider was told.
func (s *site) suspendsAndRestarts(t *testing.T, id care.CaseID, client string, p somebody) {
	by := bluebell()
	cards, err := s.ProviderClients(s.ctx(), by)
	s.must(err)
	if len(cards) != 1 || cards[0].Person != nil || cards[0].Initials == "" || cards[0].BornYear != 1938 {
		t.Fatalf("cards: %+v", cards)
	}
	s.must(s.ProviderSays(s.ctx(), by, client, care.Acknowledge{ID: client, Who: "Dawn"}))
	s.must(s.ProviderSays(s.ctx(), by, client, care.SuspendCare{ID: client, From: s.clock().Add(9 * time.Hour)}))
	card, err := s.ProviderClient(s.ctx(), by, client)
	s.must(err)
	if card.Person == nil || card.Person.Family != p.family || card.Person.Phone != "" || card.State != care.ClientIsSuspended {
		t.Fatalf("card: %+v", card)
	}
	v, err := s.Case(s.ctx(), as(care.Coordinator, kings), id)
	s.must(err)
	if len(v.Clients) != 1 || !slices.ContainsFunc(v.Timeline, func(i TimelineItem) bool { return i.Title == "Linden Home Care: care suspended" }) {
		t.Fatalf("the hospital sees %+v", v.Clients)
	}
	if k := v.Councils[0].Packages[0].Knows; k == nil || k.Acked.IsZero() {
		t.Errorf("the package does not say that its provider knows")
	}
	s.must(s.AskRestart(s.ctx(), as(care.Coordinator, kings), id, client, s.clock().Add(48*time.Hour)))
	s.must(s.ProviderSays(s.ctx(), by, client, care.AnswerRestart{ID: client, Answer: care.RestartYes, Who: "Dawn"}))
	s.pass(time.Hour)
	s.hear("kmh", says{event: "A03", p: p, visit: "V" + p.mrn, more: map[string]string{"PV1-45": s.clock().In(s.Zone).Format("20060102150405")}})
	s.toldProviders()
	if k := s.clients(id)[0]; k.EndedWhy != care.EndRestarted {
		t.Errorf("after the discharge: %+v", k)
	}
	if cards, err = s.ProviderClients(s.ctx(), by); err != nil || len(cards) != 0 {
		t.Errorf("what is over is listed still: %+v %v", cards, err)
	}
}

func TestNobodyIsToldWithoutGround(t *testing.T) {
	s, _ := clientSite(t, "sqlite")
	var people []held
	for n := 1; n <= 5; n++ {
		people = append(people, held{id: "P" + string(rune('0'+n)), p: nobody(n), packages: []string{pack("K"+string(rune('0'+n)), "HS", "active")}})
	}
	people[1].restricted = "yes"
	s.imported(notts, "full", people...)
	told := func(n int) int {
		t.Helper()
		s.toldProviders()
		return len(s.clients(s.find(kings, nobody(n).mrn).ID))
	}
	sensitive := nobody(1)
	sensitive.sensitive = true
	s.admit(sensitive)
	if told(1) != 0 {
		t.Error("of somebody whose record is sensitive")
	}
	s.admit(nobody(2))
	if told(2) != 0 {
		t.Error("of somebody whom the council restricts")
	}
	objects := s.admit(nobody(3))
	s.must(s.RecordObjection(s.ctx(), as(care.WardNurse, kings), objects, care.Object{Words: "Tell nobody", RaisedBy: care.ObjectedPerson, How: care.ObjectedSpoken}))
	if told(3) != 0 {
		t.Error("of somebody who objects")
	}
	id := s.admit(nobody(4))
	if told(4) != 1 {
		t.Error("the comparison: of somebody like everybody")
	}
	if tasks := s.read(id).Tasks; len(tasks) != 1 || tasks[0].Kind != care.TaskProvider || !strings.Contains(tasks[0].Text, "01632 960 201") {
		t.Errorf("a provider without e-mail is not to be rung: %+v", tasks)
	}
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		a := everything()
		a.Version = 2
		a.Flows = slices.DeleteFunc(a.Flows, func(f sharing.Flow) bool { return f.From == kings })
		return tx.PutAgreement(a)
	}))
	s.admit(nobody(5))
	if told(5) != 0 {
		t.Error("without an agreement")
	}
}

func TestANoticeFollowsItsStay(t *testing.T) {
	s, box := clientSite(t, "sqlite")
	s.imported(notts, "full", held{id: "P1", p: nobody(1), packages: []string{pack("K1", "HS", "active")}}, held{id: "P2", p: nobody(2), packages: []string{pack("K2", "HS", "active")}})
	s.reachable()
	p := nobody(1)
	id := s.admit(p)
	s.toldProviders()
	s.hear("kmh", says{event: "A01", p: p, ward: "W12/4", visit: "V" + p.mrn, at: s.clock().Add(-30 * time.Minute)}) // again
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutSetting(clientCursor, "0") }))            // replayed
	s.toldProviders()
	if ks := s.clients(id); len(ks) != 1 {
		t.Fatalf("told %d times", len(ks))
	}
	if n := len(s.events(id, "ClientChanged")); n != 1 {
		t.Errorf("%d events of one notice", n)
	}
	letters := len(box.letters)
	s.pass(time.Minute)
	s.hear("kmh", says{event: "A11", p: p, visit: "V" + p.mrn})
	s.toldProviders()
	if k := s.clients(id)[0]; k.EndedWhy != care.EndUndone || k.Ended.IsZero() {
		t.Errorf("undone: %+v", k)
	}
	if len(box.letters) != letters {
		t.Error("a provider that never looked is written to again")
	}

	dying := s.admit(nobody(2))
	s.toldProviders()
	s.pass(time.Minute)
	s.hear("kmh", says{event: "A03", p: nobody(2), visit: "V" + nobody(2).mrn, more: map[string]string{"PV1-36": "79", "ZU1-1": "", "PV1-45": s.clock().In(s.Zone).Format("20060102150405")}})
	s.must(s.died(dying))
	s.toldProviders()
	k := s.clients(dying)[0]
	if k.State() != care.ClientIsOver || k.EndedWhy != care.EndDied {
		t.Fatalf("died: %+v", k)
	}
	s.must(s.ProviderSays(s.ctx(), bluebell(), k.ID, care.Acknowledge{ID: k.ID, Who: "Dawn"}))
	if s.clients(dying)[0].Ended.IsZero() {
		t.Error("a confirmed death has not ended the notice")
	}
}

// died records a death, as a system says it.
func (s *site) died(id care.CaseID) error {
	return s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		c, err := tx.Case(id)
		if err != nil || c.Died != nil {
			return err
		}
		_, err = tx.Record(c, care.Cause{Kind: "system"}, s.clock(), care.PersonDied{At: s.clock(), Death: care.Death{At: s.clock()}})
		return err
	})
}

func (s *site) events(id care.CaseID, name string) []string {
	return slices.DeleteFunc(s.history(id), func(n string) bool { return n != name })
}

func TestAProviderReachesOnlyItsOwn(t *testing.T) {
	s, _ := clientSite(t, "sqlite")
	s.imported(notts, "full", held{id: "P1", p: nobody(1), packages: []string{pack("K1", "HS", "active")}})
	id := s.admit(nobody(1))
	s.toldProviders()
	client := s.clients(id)[0].ID
	other := bluebell()
	other.Org = care.ProviderCode(notts, "V2")
	if cards, err := s.ProviderClients(s.ctx(), other); err != nil || len(cards) != 0 {
		t.Errorf("another provider sees %+v %v", cards, err)
	}
	_, err := s.ProviderClient(s.ctx(), other, client)
	s.refused(err, care.NotFound, "")
	s.refused(s.ProviderSays(s.ctx(), other, client, care.Acknowledge{ID: client, Who: "Eve"}), care.NotFound, "")
	_, err = s.Case(s.ctx(), bluebell(), id)
	s.refused(err, care.Forbidden, "")
	_, err = s.CareProviders(s.ctx(), bluebell(), DirectoryQuery{})
	s.refused(err, care.Forbidden, "")
	s.refused(s.SuspendClient(s.ctx(), bluebell(), id, client, s.clock()), care.Forbidden, "")
	_, err = s.ProviderClients(s.ctx(), as(care.Broker, notts))
	s.refused(err, care.Forbidden, "")
	s.refused(s.ProviderSays(s.ctx(), as(care.Broker, notts), client, care.Acknowledge{ID: client, Who: "Eve"}), care.Forbidden, "")
	v, err := s.Case(s.ctx(), as(care.SocialWorker, city), id)
	if err == nil && len(v.Clients) > 0 {
		t.Error("another council sees what a provider was told")
	}
	sensitive := nobody(1)
	sensitive.sensitive = true
	s.hear("kmh", says{event: "A08", p: sensitive, ward: "W12/4", visit: "V" + sensitive.mrn})
	if cards, err := s.ProviderClients(s.ctx(), bluebell()); err != nil || len(cards) != 0 {
		t.Errorf("somebody who is restricted by now is shown still: %+v %v", cards, err)
	}
}

func TestALinkOpensOnceAndLocks(t *testing.T) {
	s, box := clientSite(t, "sqlite")
	s.imported(notts, "full", held{id: "P1", p: nobody(1), packages: []string{pack("K1", "HS", "active")}}, held{id: "P2", p: nobody(2), packages: []string{pack("K2", "HS", "active")}})
	s.reachable()
	id := s.admit(nobody(1))
	box.err = errors.New("down")
	if n, err := s.FollowClients(s.ctx()); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	s.toldProviders()
	s.toldProviders()
	_, due, err := s.MailLinks(s.ctx())
	if err != nil || !due.After(s.clock()) || len(box.letters) != 0 {
		t.Fatalf("after a failure: due %v %v, %d letters", due, err, len(box.letters))
	}
	box.err = nil
	s.pass(2 * time.Minute)
	s.toldProviders()
	token := func() string {
		t.Helper()
		text := box.letters[len(box.letters)-1].Text
		_, rest, _ := strings.Cut(text, "/provider/link/")
		tok, _, _ := strings.Cut(rest, "\r\n")
		return tok
	}
	first := token()
	if a, pin, err := s.Link(s.ctx(), first); err != nil || pin != "a hash" || a.Grants[0].Org != care.ProviderCode(notts, "V1") {
		t.Fatalf("%+v %q %v", a, pin, err)
	}
	for n := linkTries - 1; n >= 0; n-- {
		if left, err := s.LinkTried(s.ctx(), first, false); err != nil || left != n {
			t.Fatalf("left %d, want %d: %v", left, n, err)
		}
	}
	_, _, err = s.Link(s.ctx(), first)
	s.refused(err, care.NotFound, "")
	if tasks := s.read(id).Tasks; len(tasks) != 1 || !strings.Contains(tasks[0].Text, "wrong PIN") {
		t.Errorf("nobody is asked to ring: %+v", tasks)
	}
	s.admit(nobody(2))
	s.toldProviders()
	second := token()
	if _, err := s.LinkTried(s.ctx(), second, true); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Link(s.ctx(), second)
	s.refused(err, care.NotFound, "")
	_, err = s.LinkTried(s.ctx(), second, true)
	s.refused(err, care.NotFound, "")
	s.must(s.AskRestart(s.ctx(), as(care.Broker, notts), id, s.clients(id)[0].ID, s.clock().Add(time.Hour)))
	s.toldProviders()
	third := token()
	if third == second {
		t.Fatal("no mail about a restart")
	}
	s.pass(s.Limits.LinkLife)
	_, _, err = s.Link(s.ctx(), third)
	s.refused(err, care.NotFound, "")
	_, _, err = s.Link(s.ctx(), third[:len(third)-1]+"x")
	s.refused(err, care.NotFound, "")
}

func TestTheDirectoryKeepsBoth(t *testing.T) {
	s := newSite(t, "sqlite")
	s.imported(notts, "full")
	code, broker := care.ProviderCode(notts, "V1"), as(care.Broker, notts)
	list, err := s.CareProviders(s.ctx(), broker, DirectoryQuery{})
	s.must(err)
	if len(list) != 1 || !list[0].Manages || !list[0].Unchecked { // checked in January, and it is November
		t.Fatalf("%+v", list)
	}
	change := ProviderChange{Phone: "01632 960777", OutOfHours: "0900 123456", Email: "nobody", CQC: "12", Areas: []string{"Mansfield"}, Seen: list[0].Seen}
	faults, err := s.CorrectProvider(s.ctx(), broker, code, change)
	if err != nil || len(faults) != 4 {
		t.Fatalf("%+v %v", faults, err)
	}
	change = ProviderChange{Phone: "01632 960777", OutOfHours: "01632 960202", Hours: "18:00 to 08:00", Services: []string{"HS"}, Areas: []string{"ng17 2kk"}, Basis: "spot", Seen: list[0].Seen}
	_, err = s.CorrectProvider(s.ctx(), broker, code, change)
	s.must(err)
	_, err = s.CorrectProvider(s.ctx(), broker, code, change)
	s.refused(err, care.Conflict, "")
	e, err := s.CareProvider(s.ctx(), as(care.Coordinator, kings), code)
	s.must(err)
	if e.Phone != "01632 960777" || len(e.Corrected) != 1 || e.Corrected[0].Told != "01632 960 201" || e.Areas[0] != "NG17" || e.Manages || !e.Unchecked {
		t.Fatalf("%+v", e)
	}
	s.must(s.CheckedProvider(s.ctx(), broker, code))
	s.imported(notts, "full") // the extract takes nothing away
	for q, want := range map[DirectoryQuery]int{{Text: "linden"}: 1, {Service: "HS"}: 1, {Service: "R"}: 0, {Area: "NG17 9ZZ"}: 1, {Area: "NG18"}: 0, {Old: true}: 0} {
		if got, err := s.CareProviders(s.ctx(), broker, q); err != nil || len(got) != want {
			t.Errorf("%+v: %d providers, %v", q, len(got), err)
		}
	}
	s.refused(s.CheckedProvider(s.ctx(), as(care.Broker, city), code), care.Forbidden, "")
	s.refused(s.CheckedProvider(s.ctx(), as(care.SocialWorker, notts), code), care.Forbidden, "")
	s.imported(notts, "full", held{id: "P1", p: nobody(1), packages: []string{pack("K1", "HS", "active")}})
	v, err := s.Look(s.ctx(), as(care.AENurse, kings), LookRequest{Number: nobody(1).nhs, Born: nobody(1).birth(), Reason: ReasonCare})
	s.must(err)
	if p := v.Councils[0].Packages[0]; p.Provider.Phone != "01632 960777" || p.Unchecked {
		t.Errorf("the look-up gives %+v", p.Provider)
	}
}

func TestACallIsSaidToTheWard(t *testing.T) {
	s, _ := clientSite(t, "sqlite")
	s.imported(notts, "full", held{id: "P1", p: nobody(1), packages: []string{pack("K1", "HS", "active")}})
	id := s.admit(nobody(1))
	s.refer(as(care.Coordinator, kings), id)
	s.toldProviders()
	client := s.clients(id)[0].ID
	broker := as(care.Broker, notts)
	s.must(s.SuspendClient(s.ctx(), broker, id, client, s.clock()))
	call := care.Call{ID: "k1", Council: notts, Provider: "V1", ProviderName: "Linden Home Care", Spoke: "Dawn", Phone: "01632 960201", Outcome: "restart", RestartAt: s.clock().Add(24 * time.Hour)}
	steps := CallSteps{TellWard: true, BackAt: s.clock().Add(time.Hour)}
	s.must(s.RecordCallAnd(s.ctx(), broker, id, "", call, steps))
	s.must(s.RecordCallAnd(s.ctx(), broker, id, "", call, steps))
	c := s.read(id)
	if len(c.Calls) != 1 || len(c.Notes) != 1 || !strings.Contains(c.Notes[0].Text, "Linden Home Care: ") || c.Notes[0].Audience != care.AudienceBoth {
		t.Fatalf("%+v %+v", c.Calls, c.Notes)
	}
	k := c.Clients[0]
	if k.AckedBy != "Dawn" || k.Restart == nil || k.Restart.Answer != care.RestartYes || !k.Restart.Earliest.Equal(call.RestartAt) {
		t.Errorf("the notice: %+v", k)
	}
	i := slices.IndexFunc(c.Tasks, func(t care.Task) bool { return t.Kind == care.TaskCallBack })
	if i < 0 || c.Calls[0].CallBack != c.Tasks[i].ID || c.Tasks[i].Owner.Who.ID != broker.ID {
		t.Errorf("the task to ring again: %+v", c.Tasks)
	}
	if spans := care.SuspendedSpans(c, notts, "V1", s.Zone); len(spans) > 0 && spans[0].From.Before(nhs.DateOf(s.clock())) {
		t.Errorf("%+v", spans)
	}
}
