package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/store"
	"homeward/translate"
)

// ear is a far side with its connector: it writes down what it hears and answers
// as the test says.
type ear struct {
	mu     sync.Mutex
	heard  []connect.Message
	shown  []translate.Shown
	answer func(connect.Message) (connect.Receipt, error) // nil: received, under a reference
	track  func(string) (connect.Receipt, bool, error)
	wrong  error // of Make
	deaf   connect.Kind
	state  bool
	during func() // while it sends
}

func (e *ear) Make(n connect.News) (connect.Message, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.wrong != nil || n.Kind == e.deaf {
		return connect.Message{}, e.wrong
	}
	e.shown = append(e.shown, n.Shown)
	body, err := json.Marshal(map[string]any{"kind": n.Kind, "referral": n.Referral, "family": n.Shown.Case.Person.Family, "stay": n.Shown.Case.Stay})
	return connect.Message{Key: n.Key, Correlation: n.Correlation, Kind: n.Kind, Type: "application/json", Body: body, At: n.At}, err
}

func (e *ear) Send(_ context.Context, m connect.Message) (connect.Receipt, error) {
	e.mu.Lock()
	e.heard = append(e.heard, m)
	answer, during := e.answer, e.during
	e.mu.Unlock()
	if during != nil {
		during()
	}
	if answer == nil {
		return connect.Receipt{Received: true, Reference: "4471902"}, nil
	}
	return answer(m)
}

func (e *ear) Check(context.Context) error { return nil }

func (e *ear) StateIsEnough(k connect.Kind) bool { return e.state && k == connect.Update }

func (e *ear) Track(_ context.Context, track string) (connect.Receipt, bool, error) {
	return e.track(track)
}

// says changes how it answers.
func (e *ear) says(f func(connect.Message) (connect.Receipt, error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = f
}

func (e *ear) kinds() (out []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.heard {
		out = append(out, string(m.Kind))
	}
	return out
}

func refusing(connect.Message) (connect.Receipt, error) {
	return connect.Receipt{}, &connect.Refused{Text: "The other system answered 422", Status: 422}
}

func down(connect.Message) (connect.Receipt, error) { return connect.Receipt{}, connect.ErrDown }

// told has a council's system and a hospital's that are told everything.
type toldSite struct {
	*site
	council, epr *ear
}

func onBothTold(t *testing.T, f func(t *testing.T, s *toldSite)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s := &toldSite{council: &ear{}, epr: &ear{}}
			s.site = newSite(t, engine, func(c *Config, _ *store.Config) { c.Tellings = s.tellings() })
			s.accounts()
			s.must(s.beginTelling(s.ctx()))
			f(t, s)
		})
	}
}

func (s *toldSite) tellings() []Telling {
	d := func(name, title string, org nhs.ODS, e *ear) Telling {
		return Telling{Destination: connect.Destination{Name: name, Title: title, Org: org}, Connector: e, Kind: "test"}
	}
	return []Telling{d("mosaic", "Mosaic", notts, s.council), d("epr", "the EPR", kings, s.epr)}
}

// tell routes what happened and sends what is due.
func (s *toldSite) tell() {
	s.Helper()
	for {
		n, err := s.FollowNews(s.ctx())
		s.must(err)
		if n == 0 {
			break
		}
	}
	for _, name := range []string{"mosaic", "epr"} {
		_, err := s.SettleNow(s.ctx(), name)
		s.must(err)
	}
}

func (s *toldSite) page(name string) DestinationPage {
	s.Helper()
	p, err := s.Destination(s.ctx(), as(care.Integration, system), name, DeliveryQuery{})
	s.must(err)
	return p
}

// lines are what the timeline of a case says of telling.
func (s *toldSite) lines(id care.CaseID) (out []string) {
	s.Helper()
	s.view(func(tx *store.Tx) error {
		es, err := tx.History(id)
		for _, e := range es {
			if x, ok := e.Event.(care.Told); ok {
				out = append(out, x.Say())
			}
		}
		return err
	})
	return out
}

func (s *toldSite) move(p somebody, ward string) {
	s.Helper()
	s.pass(time.Minute)
	s.hear("kmh", says{event: "A02", p: p, ward: ward, visit: "V" + p.mrn})
}

func TestBothSidesAreTold(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		p := nobody(1)
		id := s.admit(p)
		s.tell()
		if len(s.council.heard) != 0 || len(s.epr.heard) != 0 {
			t.Fatalf("somebody who was not referred was told of: %v %v", s.council.kinds(), s.epr.kinds())
		}
		ref := s.refer(as(care.Coordinator, kings), id).Referral.ID
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer"}) {
			t.Fatalf("the council heard %v", got)
		}
		r := s.read(id).Referrals[0]
		if r.Reference != "4471902" || !slices.Contains(s.lines(id), "Received by Mosaic: the referral, reference 4471902") {
			t.Errorf("the case says %v, reference %q", s.lines(id), r.Reference)
		}
		if sh := s.council.shown[0]; sh.By.Org != notts || sh.By.Role != care.Machine || sh.Case.Person.Family != p.family || len(sh.Case.Referrals) != 1 {
			t.Errorf("shown %+v", sh.By)
		}
		s.epr.heard = nil
		s.pass(time.Minute)
		s.must(s.Accept(s.ctx(), as(care.SocialWorker, notts), id, ref))
		s.move(p, "W31/2")
		s.pass(time.Minute)
		s.must(s.AddNote(s.ctx(), as(care.Coordinator, kings), id, "", care.AudienceBoth, "Two steps at the door"))
		s.must(s.AddNote(s.ctx(), as(care.Coordinator, kings), id, "", care.AudienceHospital, "Only for us"))
		s.hear("kmh", says{event: "A03", p: p, visit: "V" + p.mrn})
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer", "update", "note", "discharge"}) {
			t.Errorf("the council heard %v", got)
		}
		if got := s.epr.kinds(); len(got) < 2 || slices.ContainsFunc(got, func(k string) bool { return k != "status" }) {
			t.Errorf("the hospital heard %v", got)
		}
		keys := map[string]bool{}
		for _, m := range append(slices.Clone(s.council.heard), s.epr.heard...) {
			if keys[m.Key] {
				t.Errorf("one key twice: %s", m.Key)
			}
			keys[m.Key] = true
		}
		if p := s.page("mosaic"); p.State != DestinationWorking || p.Waiting != 0 || len(p.Deliveries) != 4 || p.LastOK.IsZero() {
			t.Errorf("%+v", p)
		}
	})
}

// TestNothingIsLostBetweenSendAndSettle kills the process, so to speak, at each of
// its moments: another takes over, and the far side hears the same bytes under the
// same key.
func TestNothingIsLostBetweenSendAndSettle(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		id := s.admit(nobody(1))
		s.refer(as(care.Coordinator, kings), id)
		_, err := s.FollowNews(s.ctx())
		s.must(err)
		d := s.Tellings[0]

		// Claimed, and nothing more.
		turn, _, err := s.claim(s.ctx(), d, "first")
		if err != nil || turn == nil {
			t.Fatalf("%v %v", turn, err)
		}
		s.pass(d.lease() + time.Second)

		// Kept and sent, and not settled.
		turn, _, err = s.claim(s.ctx(), d, "second")
		if err != nil || turn == nil || !turn.make {
			t.Fatalf("%+v %v", turn, err)
		}
		s.must(s.keepMessage(s.ctx(), d, turn))
		_, err = d.Connector.Send(s.ctx(), turn.message)
		s.must(err)

		// While the lease holds, nobody else takes it.
		other := s.another(func(c *Config, _ *store.Config) { c.Tellings = s.tellings() })
		if n, err := other.SettleNow(s.ctx(), "mosaic"); err != nil || n != 0 || len(s.council.heard) != 1 {
			t.Fatalf("taken from whoever has it: %d %v", n, err)
		}
		s.move(nobody(1), "W31/2") // what is sent again does not change with the case
		s.pass(d.lease() + time.Second)
		_, err = other.SettleNow(s.ctx(), "mosaic")
		s.must(err)
		if len(s.council.heard) != 2 || s.council.heard[0].Key != s.council.heard[1].Key || string(s.council.heard[0].Body) != string(s.council.heard[1].Body) {
			t.Fatalf("%+v", s.council.heard)
		}
		// The first, which comes to itself, settles nothing.
		err = s.settle(s.ctx(), d, turn, connect.Receipt{Received: true, Reference: "late"}, nil)
		if !errors.Is(err, store.ErrFenced) {
			t.Errorf("settled by who lost it: %v", err)
		}
		if got := s.lines(id); len(got) != 1 || strings.Contains(got[0], "late") {
			t.Errorf("the case says %v", got)
		}
	})
}

func TestFollowingSkipsAndRepeatsNothing(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		other := s.another(func(c *Config, _ *store.Config) { c.Tellings = s.tellings() })
		p := nobody(1)
		id := s.admit(p)
		s.refer(as(care.Coordinator, kings), id)
		var wg sync.WaitGroup
		for i := range 12 {
			for _, h := range []*Hub{s.Hub, other} {
				wg.Go(func() {
					if _, err := h.FollowNews(context.Background()); err != nil {
						t.Error(err)
					}
				})
			}
			s.move(p, fmt.Sprintf("W31/%d", i))
		}
		wg.Wait()
		s.tell()
		want := []string{"refer"}
		for range 12 {
			want = append(want, "update")
		}
		if got := s.council.kinds(); !slices.Equal(got, want) {
			t.Errorf("the council heard %v", got)
		}
	})
}

func TestOfUpdatesThatWaitTheLastIsTold(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		s.council.state = true
		p := nobody(1)
		id := s.admit(p)
		s.refer(as(care.Coordinator, kings), id)
		s.tell()
		for i := range 5 {
			s.move(p, fmt.Sprintf("W31/%d", i))
		}
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer", "update"}) {
			t.Errorf("the council heard %v", got)
		}
		n := 0
		for _, d := range s.page("mosaic").Deliveries {
			if d.State == "Told with another" {
				n++
			}
		}
		if n != 4 {
			t.Errorf("%d were told with another, want 4", n)
		}
	})
}

func TestARefusalWaitsForAPerson(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		inga := as(care.Integration, system)
		s.council.says(refusing)
		p, q := nobody(1), nobody(2)
		id, id2 := s.admit(p), s.admit(q)
		s.refer(as(care.Coordinator, kings), id)
		s.tell()
		s.council.says(nil)
		s.move(p, "W31/1")
		s.refer(as(care.Coordinator, kings), id2)
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer", "refer"}) {
			t.Fatalf("one case stops another, or its own goes on: %v", got)
		}
		page := s.page("mosaic")
		var held DeliveryView
		for _, d := range page.Deliveries {
			if d.Held {
				held = d
			}
		}
		if page.Held != 1 || page.Waiting != 1 || held.Status != 422 || held.Reason == "" {
			t.Fatalf("%+v", page)
		}
		if !slices.Contains(s.lines(id), "Not delivered to Mosaic: the referral") {
			t.Errorf("the case says %v", s.lines(id))
		}
		_, err := s.SentMessage(s.ctx(), inga, held.ID, "")
		s.refused(err, care.Required, "why")
		rows := s.audits(func() {
			v, err := s.SentMessage(s.ctx(), inga, held.ID, "It was refused")
			s.must(err)
			if !strings.Contains(v.Text, p.family) {
				t.Error("the message is not shown")
			}
		})
		if len(rows) != 1 || rows[0].Reason != "It was refused" || rows[0].Case != id {
			t.Errorf("%+v", rows)
		}
		_, err = s.SentMessage(s.ctx(), as(care.Coordinator, kings), held.ID, "Curious")
		s.refused(err, care.Forbidden, "")
		s.refused(s.RetryTold(s.ctx(), inga, held.ID, true, ""), care.Required, "why")
		s.refused(s.RetryTold(s.ctx(), as(care.Coordinator, kings), held.ID, true, "x"), care.Forbidden, "")
		s.must(s.RetryTold(s.ctx(), inga, held.ID, true, "The mapping is mended"))
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer", "refer", "refer", "update"}) {
			t.Fatalf("after mending: %v", got)
		}
		if a, b := s.council.heard[0], s.council.heard[2]; a.Key == b.Key || string(a.Body) == string(b.Body) {
			t.Error("it was not made again")
		}
		s.refused(s.RetryTold(s.ctx(), inga, held.ID, false, "Again"), care.Conflict, "")
	})
}

func TestWhatIsDroppedLetsTheLaneGoOn(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		inga := as(care.Integration, system)
		s.council.says(refusing)
		p := nobody(1)
		id := s.admit(p)
		s.refer(as(care.Coordinator, kings), id)
		s.tell()
		s.council.says(nil)
		s.move(p, "W31/1")
		s.tell()
		held := s.page("mosaic").Deliveries[1]
		s.must(s.DropTold(s.ctx(), inga, held.ID, "They have it by telephone"))
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer", "update"}) || s.page("mosaic").Held != 0 {
			t.Fatalf("%v", got)
		}
		s.refused(s.DropTold(s.ctx(), inga, held.ID, "Again"), care.Conflict, "")
		s.must(s.RetryTold(s.ctx(), inga, held.ID, false, "They want it after all"))
		s.tell()
		if got := s.council.kinds(); !slices.Equal(got, []string{"refer", "update", "refer"}) {
			t.Fatalf("%v", got)
		}
		s.verify()
	})
}

// verify checks the store against itself.
func (s *toldSite) verify() {
	s.Helper()
	if err := s.Store.Verify(s.ctx(), func(text string) { s.Error(text) }); err != nil {
		s.Error(err)
	}
}

func TestASystemThatIsDownIsLeftAlone(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		inga := as(care.Integration, system)
		s.council.says(down)
		var ids []care.CaseID
		for i := range 8 {
			id := s.admit(nobody(i + 1))
			s.refer(as(care.Coordinator, kings), id)
			ids = append(ids, id)
		}
		s.tell()
		if n := len(s.council.heard); n != tellOpen {
			t.Fatalf("%d tries, want %d", n, tellOpen)
		}
		page := s.page("mosaic")
		if page.State != DestinationOpen || page.Waiting != 8 || page.Trouble == "" || !page.NotBefore.After(s.clock()) {
			t.Fatalf("%+v", page.DestinationView)
		}
		s.pass(20 * time.Minute)
		s.tell()
		if n := len(s.council.heard); n != tellOpen+1 {
			t.Fatalf("%d tries, want one probe more", n)
		}
		s.pass(2 * time.Hour)
		s.tell()
		told := 0
		for _, id := range ids {
			told += len(s.lines(id))
		}
		if told == 0 {
			t.Error("no case says that it could not be told")
		}
		s.council.says(nil)
		s.must(s.ResumeTelling(s.ctx(), inga, "mosaic", "They are back"))
		s.pass(20 * time.Minute)
		s.tell()
		if page = s.page("mosaic"); page.Waiting != 0 || page.State != DestinationWorking || page.Trouble != "" {
			t.Errorf("%+v", page.DestinationView)
		}
	})
}

func TestAFarSideMayAskForPatience(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		s.council.says(func(connect.Message) (connect.Receipt, error) {
			return connect.Receipt{}, &connect.Later{Text: "The other system answered 429", Wait: 40 * time.Minute}
		})
		s.refer(as(care.Coordinator, kings), s.admit(nobody(1)))
		s.refer(as(care.Coordinator, kings), s.admit(nobody(2)))
		s.tell()
		s.pass(39 * time.Minute)
		s.tell()
		if n := len(s.council.heard); n != 1 {
			t.Fatalf("%d tries before it may", n)
		}
		s.council.says(nil)
		s.pass(2 * time.Minute)
		s.tell()
		if n := len(s.council.heard); n != 3 {
			t.Errorf("%d tries, want 3", n)
		}
	})
}

func TestAPausedSystemWaits(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		inga := as(care.Integration, system)
		s.refused(s.PauseTelling(s.ctx(), inga, "mosaic", ""), care.Required, "why")
		s.must(s.PauseTelling(s.ctx(), inga, "mosaic", "They upgrade"))
		s.refer(as(care.Coordinator, kings), s.admit(nobody(1)))
		s.tell()
		if page := s.page("mosaic"); len(s.council.heard) != 0 || page.State != DestinationPaused || page.PausedBy != inga.Name || page.PausedWhy != "They upgrade" {
			t.Fatalf("%+v", page.DestinationView)
		}
		s.must(s.ResumeTelling(s.ctx(), inga, "mosaic", "Done"))
		s.tell()
		if len(s.council.heard) != 1 {
			t.Error("it is not told after the pause")
		}
	})
}

func TestWithoutAnAgreementNothingIsTold(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		p := nobody(1)
		id := s.admit(p)
		s.refer(as(care.Coordinator, kings), id)
		s.suspend("everything")
		rows := s.audits(s.tell)
		if len(s.council.heard) != 0 {
			t.Fatal("it was told")
		}
		if !slices.Contains(s.lines(id), "Not delivered to Mosaic: the referral") {
			t.Errorf("the case says %v", s.lines(id))
		}
		if !slices.ContainsFunc(rows, func(r store.Audited) bool { return r.Action == "tell" && !r.Allowed && r.Org == notts }) {
			t.Error("that it was denied is not in the audit")
		}
	})
}

func TestAReceiptIsWaitedFor(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		d := s.Tellings[0]
		s.council.says(func(m connect.Message) (connect.Receipt, error) {
			return connect.Receipt{Track: "T-" + m.Key[:4]}, nil
		})
		round := func() {
			s.Helper()
			_, _, err := s.trackSome(s.ctx(), d, s.council)
			s.must(err)
		}
		ids := []care.CaseID{s.admit(nobody(1)), s.admit(nobody(2)), s.admit(nobody(3))}
		for _, id := range ids {
			s.refer(as(care.Coordinator, kings), id)
			s.tell()
			s.pass(time.Second)
		}
		if got := s.lines(ids[0]); !slices.Equal(got, []string{"Sent to Mosaic: the referral"}) {
			t.Fatalf("the case says %v", got)
		}
		s.council.track = func(string) (connect.Receipt, bool, error) { return connect.Receipt{}, false, nil }
		s.pass(2 * time.Minute)
		round()
		n := 0
		s.council.track = func(string) (connect.Receipt, bool, error) {
			switch n++; n {
			case 1:
				return connect.Receipt{Received: true, Reference: "R1"}, true, nil
			case 2:
				return connect.Receipt{}, true, &connect.Refused{Text: "It could not be delivered (code 14)", Status: 14}
			}
			return connect.Receipt{}, false, connect.ErrDown
		}
		s.pass(31 * time.Minute)
		round()
		var said []string
		for _, id := range ids {
			said = append(said, s.lines(id)[1:]...)
		}
		slices.Sort(said)
		if !slices.Equal(said, []string{"Not delivered to Mosaic: the referral", "Received by Mosaic: the referral, reference R1"}) {
			t.Errorf("the cases say %v", said)
		}
		s.pass(6 * 24 * time.Hour)
		round()
		p := s.page("mosaic")
		if p.Lost != 1 || !slices.ContainsFunc(p.Deliveries, func(d DeliveryView) bool { return d.State == "Not confirmed" }) {
			t.Errorf("%+v", p.Deliveries)
		}
		s.verify()
	})
}

func TestARangeIsToldAgain(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		inga := as(care.Integration, system)
		s.council.state = true
		p := nobody(1)
		from := s.clock().Add(-time.Hour)
		id := s.admit(p)
		s.refer(as(care.Coordinator, kings), id)
		s.tell()
		s.move(p, "W31/1")
		s.tell()
		s.move(p, "W31/2")
		s.tell()
		s.pass(time.Minute)
		r := ToldRange{Destination: "mosaic", From: from, To: s.clock()}
		before := len(s.council.heard)
		again, err := s.ReplayTold(s.ctx(), inga, r, true, "")
		s.must(err)
		if again.News != 2 || again.Cases != 1 || again.Kinds["refer"] != 1 || again.Kinds["update"] != 1 {
			t.Fatalf("%+v", again)
		}
		s.tell()
		if len(s.council.heard) != before {
			t.Fatal("a preview told something")
		}
		_, err = s.ReplayTold(s.ctx(), inga, r, false, "")
		s.refused(err, care.Required, "why")
		_, err = s.ReplayTold(s.ctx(), inga, r, false, "They lost a day")
		s.must(err)
		s.tell()
		if len(s.council.heard) != before+2 || s.council.heard[before].Key == s.council.heard[0].Key {
			t.Errorf("%v", s.council.kinds())
		}
		r.Case = "nobody"
		if again, err = s.ReplayTold(s.ctx(), inga, r, true, ""); err != nil || again.News != 0 {
			t.Errorf("of another case: %+v %v", again, err)
		}
		r.To = r.From
		_, err = s.ReplayTold(s.ctx(), inga, r, true, "")
		s.refused(err, care.Invalid, "to")
	})
}

func TestWhatCannotBeSaidIsForAPerson(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		s.council.wrong = &connect.Refused{Text: "The form has no answer to the pathway"}
		s.epr.deaf = connect.Status
		s.refer(as(care.Coordinator, kings), s.admit(nobody(1)))
		s.tell()
		if p := s.page("mosaic"); p.Held != 1 || !strings.Contains(p.Deliveries[0].Reason, "The form has no answer") {
			t.Errorf("%+v", p)
		}
		if p := s.page("epr"); p.Held != 0 || p.Waiting != 0 || len(p.Deliveries) == 0 || p.Deliveries[0].State != "Not told" {
			t.Errorf("%+v", p.Deliveries)
		}
	})
}

// TestTheLoopTells runs two processes for real.
func TestTheLoopTells(t *testing.T) {
	onBothTold(t, func(t *testing.T, s *toldSite) {
		heard := make(chan string, 100)
		for _, e := range []*ear{s.council, s.epr} {
			e.says(func(m connect.Message) (connect.Receipt, error) {
				heard <- string(m.Kind)
				return connect.Receipt{Received: true}, nil
			})
		}
		other := s.another(func(c *Config, _ *store.Config) { c.Tellings = s.tellings() })
		ctx, stop := context.WithCancel(s.ctx())
		var wg sync.WaitGroup
		for _, h := range []*Hub{s.Hub, other} {
			wg.Go(func() { h.tellLoop(ctx) })
		}
		s.refer(as(care.Coordinator, kings), s.admit(nobody(1)))
		want := map[string]bool{"refer": true, "status": true}
		for len(want) > 0 {
			select {
			case k := <-heard:
				delete(want, k)
			case <-time.After(20 * time.Second):
				t.Fatalf("still waiting for %v", want)
			}
		}
		stop()
		wg.Wait()
		if n := slices.Index(s.council.kinds(), "refer"); n != 0 || len(s.council.heard) != 1 {
			t.Errorf("the council heard %v", s.council.kinds())
		}
	})
}
