package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/store"
	"homeward/translate"
)

// subscribers are systems that may subscribe and export.
func subscribers(c *Config, sc *store.Config) {
	eprs(c, sc)
	for i := range c.Systems {
		c.Systems[i].Scopes = []string{"fhir.subscribe", "fhir.export"}
	}
}

func onBothSubscribed(t *testing.T, f func(t *testing.T, s *site)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, newSite(t, engine, subscribers)) })
	}
}

func (s *site) subscribe(org nhs.ODS, topic string, change ...func(*Subscription)) Subscription {
	s.Helper()
	q := Subscription{Topic: topic, Channel: RestHook, Endpoint: "https://hook.example", Payload: PayloadID}
	for _, f := range change {
		f(&q)
	}
	out, err := s.Subscribe(s.ctx(), s.machineOf(org), q)
	s.must(err)
	return out
}

// followed looks through all of history.
func (s *site) followed() {
	s.Helper()
	for more := true; more; {
		var err error
		more, err = s.followOnce(s.ctx())
		s.must(err)
	}
}

// told are the events of a subscription as words: number and type.
func (s *site) told(org nhs.ODS, sub Subscription) string {
	s.Helper()
	_, es, err := s.SubscriptionEvents(s.ctx(), s.machineOf(org), sub.ID, 0, 0)
	s.must(err)
	var out []string
	for _, e := range es {
		out = append(out, fmt.Sprint(e.Number, " ", e.Type))
	}
	return strings.Join(out, ", ")
}

// referred admits somebody and refers them to a council.
func (s *site) referred(n int, to nhs.ODS) (somebody, care.CaseID) {
	s.Helper()
	p := nobody(n)
	id := s.admit(p)
	_, err := s.Take(s.ctx(), s.machineOf(kings), inbound("r"+p.mrn, "r"+p.mrn), translate.Request{Visit: &care.Identifier{Value: "V" + p.mrn}, Key: "urn:x|" + p.mrn,
		Commands: []care.Command{care.Refer{Key: "urn:x|" + p.mrn, To: to, Another: true, Answers: map[string][]string{"reason": {"Stairs"}}}}})
	s.must(err)
	return p, id
}

func TestWhatSubscribersAreTold(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		s.referred(1, notts) // before: nobody is told of it
		status, tasks, stays, notices := s.subscribe(notts, "referral-status"), s.subscribe(notts, "tasks"), s.subscribe(notts, "encounter-changes"), s.subscribe(notts, "discharge-notices")
		elsewhere := s.subscribe(city, "tasks")
		own := s.subscribe(kings, "referral-status")
		s.followed()
		s.pass(time.Minute)
		p, id := s.referred(2, notts)
		only := s.subscribe(notts, "encounter-changes", func(q *Subscription) { q.Filters = []SubscriptionFilter{{"patient", string(id)}} })
		byOrg := s.subscribe(notts, "encounter-changes", func(q *Subscription) { q.Filters = []SubscriptionFilter{{"organization", string(other)}} })
		s.pass(time.Minute)
		s.followed()
		s.followed() // nothing twice
		want := func(org nhs.ODS, sub Subscription, words string) {
			t.Helper()
			if got := s.told(org, sub); got != words {
				t.Errorf("%s of %s is told %q, want %q", sub.Topic, org, got, words)
			}
		}
		want(notts, status, "1 Task")
		want(notts, tasks, "1 Task")
		want(notts, stays, "1 Encounter")
		want(notts, only, "")
		want(kings, own, "1 Task")
		s.hear("kmh", says{event: "A02", p: p, ward: "W31/2"})
		s.pass(time.Minute)
		s.followed()
		want(notts, stays, "1 Encounter, 2 Encounter")
		want(notts, only, "1 Encounter")
		want(notts, byOrg, "")
		want(notts, status, "1 Task")
		ref := s.read(id).Referrals[0].ID
		_, err := s.Take(s.ctx(), s.machineOf(notts), inbound("a", "a"), translate.Request{Case: id, Referral: ref, Commands: []care.Command{care.Accept{ID: ref}}})
		s.must(err)
		_, err = s.Take(s.ctx(), s.machineOf(kings), inbound("n", "n"), translate.Request{Case: id, Referral: ref,
			Commands: []care.Command{care.SharePaper{Paper: care.Paper{Kind: care.PaperDischargeNotice, Items: []care.Said{{Link: "1", Answer: "Yes"}}}}}})
		s.must(err)
		s.followed()
		want(notts, notices, "1 QuestionnaireResponse")
		want(kings, own, "1 Task, 2 Task")
		if got := s.told(notts, status); !strings.HasPrefix(got, "1 Task, 2 Task") {
			t.Error(got)
		}
		want(city, elsewhere, "")
	})
}

// TestSubscribersCannotTellWhatIsHidden: what a subscriber may not see makes no
// event, not even an empty one.
func TestSubscribersCannotTellWhatIsHidden(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		var subs []Subscription
		for _, topic := range subscriptionTopics {
			subs = append(subs, s.subscribe(city, topic.Name))
		}
		p, id := s.referred(3, notts)
		s.hear("kmh", says{event: "A02", p: p, ward: "W31/2"})
		ref := s.read(id).Referrals[0].ID
		_, err := s.Take(s.ctx(), s.machineOf(notts), inbound("a", "a"), translate.Request{Case: id, Referral: ref, Commands: []care.Command{care.Accept{ID: ref}}})
		s.must(err)
		s.followed()
		for _, sub := range subs {
			got, err := s.Subscription(s.ctx(), s.machineOf(city), sub.ID)
			s.must(err)
			if got.Events != 0 {
				t.Errorf("%s: %d events", sub.Topic, got.Events)
			}
		}
		_, err = s.Subscribe(s.ctx(), s.machineOf(city), Subscription{Topic: "tasks", Channel: WebSocket, Payload: PayloadID, Filters: []SubscriptionFilter{{"patient", string(id)}}})
		known := err
		_, err = s.Subscribe(s.ctx(), s.machineOf(city), Subscription{Topic: "tasks", Channel: WebSocket, Payload: PayloadID, Filters: []SubscriptionFilter{{"patient", "nobody"}}})
		if known == nil || err == nil || known.Error() != err.Error() {
			t.Errorf("somebody hidden: %v; nobody: %v", known, err)
		}
	})
}

// TestAnEventThatIsHiddenLaterKeepsItsNumber.
func TestAnEventThatIsHiddenLaterKeepsItsNumber(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		sub := s.subscribe(notts, "tasks")
		s.referred(4, notts)
		s.followed()
		s.suspend("everything")
		if got := s.told(notts, sub); got != "1 " {
			t.Errorf("it is told %q", got)
		}
	})
}

// TestTwoProcessesFollow: nothing is told twice or left out, and numbers have no gaps.
func TestTwoProcessesFollow(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		sub := s.subscribe(notts, "referral-status")
		there := s.another(subscribers)
		for n := range 12 {
			s.referred(20+n, notts)
		}
		var wg sync.WaitGroup
		for _, h := range []*Hub{s.Hub, there, s.Hub, there} {
			wg.Go(func() {
				for range 6 {
					if _, err := h.followOnce(s.ctx()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		s.followed()
		_, es, err := s.SubscriptionEvents(s.ctx(), s.machineOf(notts), sub.ID, 0, 0)
		s.must(err)
		seen := map[string]bool{}
		for i, e := range es {
			if e.Number != int64(i+1) || seen[e.ID] {
				t.Errorf("event %d: number %d, twice %v", i+1, e.Number, seen[e.ID])
			}
			seen[e.ID] = true
		}
		if len(es) != 12 {
			t.Errorf("%d events", len(es))
		}
	})
}

// hooks is a far side: it fails as often as it is told to, and keeps what it took.
type hooks struct {
	mu    sync.Mutex
	fails int
	took  []Notification
}

func (k *hooks) notify(_ context.Context, n Notification) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fails > 0 {
		k.fails--
		return errors.New("The other system does not answer")
	}
	k.took = append(k.took, n)
	return nil
}

// due does what is due for subscribers now, in one thread.
func (s *site) due() (n int) {
	s.Helper()
	for {
		var k store.Subscription
		var ok bool
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) (err error) { k, ok, err = tx.ClaimSubscription(time.Minute); return err }))
		if !ok {
			return n
		}
		n++
		s.must(s.tellSubscriber(s.ctx(), k))
	}
}

func TestRestHooksAreTriedAgain(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		far := &hooks{fails: 2}
		s.Notify = far.notify
		sub := s.subscribe(notts, "tasks", func(q *Subscription) { q.Most = 2; q.Beat = time.Minute })
		state := func(want SubscriptionStatus) Subscription {
			t.Helper()
			got, err := s.Subscription(s.ctx(), s.machineOf(notts), sub.ID)
			s.must(err)
			if got.Status != want {
				t.Fatalf("it is %s (%s), want %s", got.Status, got.Error, want)
			}
			return got
		}
		s.due()
		if got := state(SubscriptionRequested); got.Failures != 1 || got.Error != "The other system does not answer" {
			t.Errorf("%+v", got)
		}
		if s.due() != 0 {
			t.Error("it was tried again at once")
		}
		for range 2 {
			s.pass(time.Minute)
			s.due()
		}
		state(SubscriptionActive)
		for n := range 3 {
			s.referred(40+n, notts)
		}
		s.followed()
		far.fails = failuresTill
		for range failuresTill {
			s.due()
			s.pass(20 * time.Minute)
		}
		state(SubscriptionError)
		s.due()
		if got := state(SubscriptionActive); got.Delivered != 3 || got.Failures != 0 {
			t.Errorf("%+v", got)
		}
		s.pass(2 * time.Minute)
		s.due()
		var kinds []NotificationKind
		var numbers []int64
		for _, n := range far.took {
			kinds = append(kinds, n.Kind)
			for _, e := range n.Events {
				numbers = append(numbers, e.Number)
			}
		}
		if !slices.Equal(kinds, []NotificationKind{Handshake, EventNotification, EventNotification, Heartbeat}) || !slices.Equal(numbers, []int64{1, 2, 3}) {
			t.Errorf("%v, %v", kinds, numbers)
		}
	})
}

func TestSubscriptionsEndAndResume(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		far := &hooks{}
		s.Notify = far.notify
		by := s.machineOf(notts)
		ends := s.subscribe(notts, "tasks", func(q *Subscription) { q.Ends = s.clock().Add(time.Hour) })
		stays := s.subscribe(notts, "tasks")
		s.due()
		s.pass(2 * time.Hour)
		s.referred(50, notts)
		s.followed()
		s.due()
		got, err := s.Subscription(s.ctx(), by, ends.ID)
		s.must(err)
		if got.Status != SubscriptionOff || got.Events != 0 {
			t.Errorf("after its end: %+v", got)
		}
		far.fails = failuresMost
		s.referred(51, notts)
		s.followed()
		for range failuresMost {
			s.due()
			s.pass(20 * time.Minute)
		}
		if got, err = s.Subscription(s.ctx(), by, stays.ID); err != nil || got.Status != SubscriptionOff {
			t.Fatalf("after a day of failures: %+v, %v", got, err)
		}
		if _, err := s.Resubscribe(s.ctx(), by, got); err != nil { // off stays off
			t.Fatal(err)
		}
		got.Status = SubscriptionRequested
		_, err = s.Resubscribe(s.ctx(), by, got)
		s.must(err)
		s.due()
		if got, err = s.Subscription(s.ctx(), by, stays.ID); err != nil || got.Status != SubscriptionActive || got.Delivered != 2 {
			t.Errorf("after it was resumed: %+v, %v", got, err)
		}
		s.refused(s.Unsubscribe(s.ctx(), s.machineOf(city), stays.ID), care.NotFound, "")
		s.must(s.Unsubscribe(s.ctx(), by, stays.ID))
		if _, err := s.Subscription(s.ctx(), by, stays.ID); care.KindOf(err) != care.NotFound {
			t.Errorf("it is still there: %v", err)
		}
	})
}

// TestTheLoopsTell runs the loops as Run does.
func TestTheLoopsTell(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		came := make(chan Notification, 16)
		s.Notify = func(_ context.Context, n Notification) error { came <- n; return nil }
		ctx, stop := context.WithCancel(s.ctx())
		var wg sync.WaitGroup
		wg.Go(func() { s.followSubscriptions(ctx) })
		wg.Go(func() { s.deliverSubscriptions(ctx) })
		defer func() { stop(); wg.Wait() }()
		s.subscribe(notts, "tasks")
		if n := <-came; n.Kind != Handshake {
			t.Errorf("first came %s", n.Kind)
		}
		s.referred(60, notts)
		if n := <-came; n.Kind != EventNotification || len(n.Events) != 1 || n.Events[0].Type != "Task" {
			t.Errorf("then came %+v", n)
		}
	})
}

// TestNobodyFollows: while nobody does, nothing is written, and who comes later is
// told only of what happens then.
func TestNobodyFollows(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		sub := s.subscribe(notts, "tasks")
		s.followed()
		s.must(s.Unsubscribe(s.ctx(), s.machineOf(notts), sub.ID))
		s.referred(70, notts)
		before := s.Store.Stats().Commits
		s.followed()
		if now := s.Store.Stats().Commits; now != before {
			t.Errorf("%d commits for nobody", now-before)
		}
		sub = s.subscribe(notts, "tasks")
		s.followed()
		s.referred(71, notts)
		s.followed()
		if got := s.told(notts, sub); got != "1 Task" {
			t.Errorf("it is told %q", got)
		}
	})
}

func TestBindingsBindOnce(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		by := s.machineOf(notts)
		ws := s.subscribe(notts, "tasks", func(q *Subscription) { q.Channel, q.Endpoint = WebSocket, "" })
		hook := s.subscribe(notts, "tasks")
		_, err := s.BindSubscriptions(s.ctx(), by, hook.ID)
		s.refused(err, care.NotFound, "")
		b, err := s.BindSubscriptions(s.ctx(), by)
		s.must(err)
		who, ids, err := s.Bound(s.ctx(), b.Token, "192.0.2.9")
		s.must(err)
		if who.ID != by.ID || !slices.Equal(ids, []string{ws.ID}) {
			t.Errorf("%v, %v", who.ID, ids)
		}
		_, _, err = s.Bound(s.ctx(), b.Token, "192.0.2.9")
		s.refused(err, care.Login, "")
		b, err = s.BindSubscriptions(s.ctx(), by, ws.ID)
		s.must(err)
		s.pass(2 * time.Minute)
		_, _, err = s.Bound(s.ctx(), b.Token, "192.0.2.9")
		s.refused(err, care.Login, "")
	})
}

func TestSubscriptionsThatCannotWork(t *testing.T) {
	s := newSite(t, "sqlite", subscribers)
	for field, change := range map[string]func(*Subscription){
		"criteria":          func(q *Subscription) { q.Topic = "weather" },
		"channel.type":      func(q *Subscription) { q.Channel = "email" },
		"channel.endpoint":  func(q *Subscription) { q.Endpoint = "" },
		"channel.payload":   func(q *Subscription) { q.Payload = "some" },
		"end":               func(q *Subscription) { q.Ends = s.clock() },
		"channel.header":    func(q *Subscription) { q.Headers = make([]string, 11) },
		"channel.extension": func(q *Subscription) { q.Beat = time.Second },
	} {
		q := Subscription{Topic: "tasks", Channel: RestHook, Endpoint: "https://hook.example", Payload: PayloadID}
		change(&q)
		_, err := s.Subscribe(s.ctx(), s.machineOf(notts), q)
		var e *care.Error
		if !errors.As(err, &e) || e.Field != "Subscription."+field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for range mostSubscriptions {
		s.subscribe(notts, "tasks")
	}
	_, err := s.Subscribe(s.ctx(), s.machineOf(notts), Subscription{Topic: "tasks", Channel: WebSocket, Payload: PayloadID})
	s.refused(err, care.BusinessRule, "")
}
