package hub

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
	"homeward/translate"
)

// Subscription is what a system asked to be told of, in no release's words
// (Subscriptions R5 Backport 1.1; FHIR STU3 Subscription).
type Subscription struct {
	ID       string
	Client   string
	Org      nhs.ODS
	Status   SubscriptionStatus
	Topic    string               // Name of a SubscriptionTopic
	Filters  []SubscriptionFilter // all must hold
	Channel  SubscriptionChannel
	Endpoint string   // of a rest-hook
	Headers  []string // "Name: value", sent with every rest-hook
	Payload  SubscriptionPayload
	Format   fhir.Format   // of what is sent
	Release  fhir.Version  // in whose words it is sent; 0 is R4
	Beat     time.Duration // how long nothing may be heard before a heartbeat; 0: none
	Timeout  time.Duration // of one rest-hook; 0 is 10 s
	Most     int           // events in one notification; 0 is 20
	Ends     time.Time     // zero: it does not end
	Came     []byte        // the resource as it came, so that it is given back so; JSON

	Events, Delivered int64 // numbers of the newest event, and of the newest that got through
	Failures          int   // tries in a row that did not
	Error             string
	Created, Sent     time.Time

	leased time.Time // until when it was claimed
}

// SubscriptionStatus is how far a subscription is (FHIR R4 subscription-status).
type SubscriptionStatus string

// The states of a subscription.
const (
	SubscriptionRequested SubscriptionStatus = "requested" // a handshake will be tried
	SubscriptionActive    SubscriptionStatus = "active"
	SubscriptionError     SubscriptionStatus = "error" // it does not get through; it is tried again, ever more seldom
	SubscriptionOff       SubscriptionStatus = "off"   // it ended, or was given up
)

// SubscriptionChannel is how a system is told.
type SubscriptionChannel string

// The channels.
const (
	RestHook  SubscriptionChannel = "rest-hook"
	WebSocket SubscriptionChannel = "websocket"
)

// SubscriptionPayload is how much a notification tells.
type SubscriptionPayload string

// The contents of a notification.
const (
	PayloadEmpty SubscriptionPayload = "empty"
	PayloadID    SubscriptionPayload = "id-only"
	PayloadFull  SubscriptionPayload = "full-resource"
)

// SubscriptionFilter narrows a topic: "patient" to a case, "organization" to an ODS code.
type SubscriptionFilter struct{ Name, Value string }

// SubscriptionTopic is something that a system can be told of.
type SubscriptionTopic struct {
	Name, Title, Says string
	Type              string // of the resource that an event is about
	Filters           []string
}

// SubscriptionTopics lists all topics.
func SubscriptionTopics() []SubscriptionTopic { return slices.Clone(subscriptionTopics) }

var subscriptionTopics = []SubscriptionTopic{
	{"referral-status", "The state of a referral", "A referral was made, or the council's work on it came to another state (Task.status or Task.businessStatus).", "Task", everyFilter},
	{"tasks", "The work on referrals", "Anything that is shown of the work on a referral changed.", "Task", everyFilter},
	{"encounter-changes", "Stays in hospital", "A stay began, was planned or ended, or anything that is shown of it changed: place, readiness, expected discharge.", "Encounter", everyFilter},
	{"discharge-notices", "Discharge notices", "A discharge notice was issued, changed or withdrawn.", "QuestionnaireResponse", everyFilter},
}

var everyFilter = []string{"patient", "organization"}

// The bounds of subscriptions.
const (
	mostSubscriptions = 50 // of one system
	mostHeaders       = 10
	bindingLife       = time.Minute     // of a token for a websocket
	leastBeat         = 5 * time.Second // of heartbeats
	mostTimeout       = time.Minute
	mostEvents        = 100                 // in one notification
	eventsKept        = 14 * 24 * time.Hour // after they were delivered, for $events
)

// check refuses a subscription that cannot work. Fields are those of R4's resource.
func (s *Subscription) check(now time.Time) error {
	topic, err := subscriptionTopic(s.Topic)
	switch {
	case err != nil:
		return err
	case s.Channel != RestHook && s.Channel != WebSocket:
		return wrongSubscription("channel.type", "The channel must be rest-hook or websocket")
	case s.Channel == RestHook && s.Endpoint == "":
		return &care.Error{Kind: care.Required, Field: "Subscription.channel.endpoint", Text: "A rest-hook needs the address to call"}
	case s.Channel == WebSocket && s.Endpoint != "":
		return wrongSubscription("channel.endpoint", "A websocket has no address to call")
	case s.Payload != PayloadEmpty && s.Payload != PayloadID && s.Payload != PayloadFull:
		return wrongSubscription("channel.payload", "The content must be empty, id-only or full-resource")
	case !s.Ends.IsZero() && !s.Ends.After(now):
		return wrongSubscription("end", "The end must be in the future")
	case len(s.Headers) > mostHeaders:
		return wrongSubscription("channel.header", fmt.Sprintf("At most %d headers can be sent", mostHeaders))
	case s.Beat != 0 && s.Beat < leastBeat:
		return wrongSubscription("channel.extension", "The heartbeat must not be more often than every 5 seconds")
	case s.Timeout < 0 || s.Timeout > mostTimeout:
		return wrongSubscription("channel.extension", "The timeout must be from 1 to 60 seconds")
	case s.Most < 0 || s.Most > mostEvents:
		return wrongSubscription("channel.extension", fmt.Sprintf("A notification has at most %d events", mostEvents))
	}
	for _, f := range s.Filters {
		if !slices.Contains(topic.Filters, f.Name) || f.Value == "" {
			return wrongSubscription("criteria", "This topic can be filtered by "+strings.Join(topic.Filters, " and "))
		}
	}
	s.Release = cmp.Or(s.Release, fhir.R4)
	s.Timeout = cmp.Or(s.Timeout, 10*time.Second)
	s.Most = cmp.Or(s.Most, 20)
	return nil
}

func wrongSubscription(field, text string) error {
	return &care.Error{Kind: care.Invalid, Field: "Subscription." + field, Text: text}
}

func subscriptionTopic(name string) (SubscriptionTopic, error) {
	for _, t := range subscriptionTopics {
		if t.Name == name {
			return t, nil
		}
	}
	return SubscriptionTopic{}, wrongSubscription("criteria", "There is no such topic. The CapabilityStatement lists them")
}

// patient is the case that a subscription is narrowed to; "" for any.
func (s Subscription) patient() care.CaseID {
	for _, f := range s.Filters {
		if f.Name == "patient" {
			return care.CaseID(f.Value)
		}
	}
	return ""
}

func clientOf(by care.Actor) string { return strings.TrimPrefix(string(by.ID), "system-") }

// gate refuses who is no system of an organisation, and audits that.
func (h *Hub) gate(ctx context.Context, by care.Actor) error {
	a := h.ask(by, policy.SendCase, nil, policy.Operations, "", h.now())
	if a.allowed(policy.SendCase) {
		return nil
	}
	return h.update(ctx, a.refuse)
}

// Subscribe keeps what a system asks to be told of, from now on. A rest-hook is
// requested until its handshake got through; a websocket is active at once.
func (h *Hub) Subscribe(ctx context.Context, by care.Actor, s Subscription) (Subscription, error) {
	if err := h.gate(ctx, by); err != nil {
		return s, err
	}
	now := h.now()
	if err := s.check(now); err != nil {
		return s, err
	}
	s.ID, s.Client, s.Org, s.Created, s.Status = newID(), clientOf(by), by.Org, now, SubscriptionRequested
	if s.Channel == WebSocket {
		s.Status = SubscriptionActive
	}
	if id := s.patient(); id != "" { // nobody may wait for somebody who is not shown to them
		if _, err := h.Show(ctx, by, id, ShowRequest{Action: "subscribe"}); err != nil {
			if care.KindOf(err) == care.NotFound {
				err = &care.Error{Kind: care.Invalid, Field: "Subscription.criteria", Text: "The patient of the filter is not known, or may not be shown"}
			}
			return s, err
		}
	}
	err := h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, policy.SendCase, nil, policy.Operations, "", now)
		if !a.allowed(policy.SendCase) {
			return a.refuse(tx)
		}
		have, err := tx.SubscriptionsOf(s.Client)
		if err != nil {
			return err
		}
		if len(have) >= mostSubscriptions {
			return &care.Error{Kind: care.BusinessRule, Text: "This system has as many subscriptions as it may have. Delete one first"}
		}
		if err := firstError(tx.BeginSubscriptionCursor(), tx.AddSubscription(s.kept(dueOf(s, now)))); err != nil {
			return err
		}
		return a.audit(tx, true, "subscribed to "+s.Topic)
	})
	return s, err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// dueOf is when a subscription must be looked at next, when nothing more is to be sent.
func dueOf(s Subscription, now time.Time) time.Time {
	var due time.Time
	switch {
	case s.Status == SubscriptionOff:
		return due
	case s.Channel == RestHook && s.Status == SubscriptionRequested:
		return now
	case s.Channel == RestHook && s.Beat > 0:
		due = now.Add(s.Beat)
	}
	if !s.Ends.IsZero() && (due.IsZero() || s.Ends.Before(due)) {
		due = s.Ends
	}
	return due
}

// kept is a subscription as the store keeps it.
func (s Subscription) kept(due time.Time) store.Subscription {
	return store.Subscription{ID: s.ID, Client: s.Client, Org: s.Org, Status: string(s.Status), Topic: s.Topic, Channel: string(s.Channel), Case: s.patient(),
		Events: s.Events, Delivered: s.Delivered, Failures: int64(s.Failures), Created: s.Created, Ends: s.Ends, Sent: s.Sent, Due: due, Doc: store.ToDoc(s)}
}

func subscriptionOf(k store.Subscription) (Subscription, error) {
	s, err := store.Doc[Subscription](k.Doc)
	s.ID, s.Status, s.Events, s.Delivered, s.Failures, s.Sent = k.ID, SubscriptionStatus(k.Status), k.Events, k.Delivered, int(k.Failures), k.Sent
	s.leased = k.Leased
	return s, err
}

// own reads a subscription of the asker's. That of another is not there.
func ownSubscription(tx *store.Tx, by care.Actor, id string) (Subscription, error) {
	k, err := tx.Subscription(id)
	if err == nil && k.Client != clientOf(by) {
		err = &care.Error{Kind: care.NotFound, Text: "The subscription was not found"}
	}
	if err != nil {
		return Subscription{}, err
	}
	return subscriptionOf(k)
}

// Subscription reads a subscription of the asker's own.
func (h *Hub) Subscription(ctx context.Context, by care.Actor, id string) (Subscription, error) {
	if err := h.gate(ctx, by); err != nil {
		return Subscription{}, err
	}
	return view(ctx, h, func(tx *store.Tx) (Subscription, error) { return ownSubscription(tx, by, id) })
}

// Subscriptions lists the asker's own, in the order in which they were made.
func (h *Hub) Subscriptions(ctx context.Context, by care.Actor) ([]Subscription, error) {
	if err := h.gate(ctx, by); err != nil {
		return nil, err
	}
	return view(ctx, h, func(tx *store.Tx) (out []Subscription, err error) {
		ks, err := tx.SubscriptionsOf(clientOf(by))
		for _, k := range ks {
			s, err := subscriptionOf(k)
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		}
		return out, err
	})
}

// Unsubscribe ends a subscription of the asker's own, and forgets it.
func (h *Hub) Unsubscribe(ctx context.Context, by care.Actor, id string) error {
	if err := h.gate(ctx, by); err != nil {
		return err
	}
	return h.update(ctx, func(tx *store.Tx) error {
		s, err := ownSubscription(tx, by, id)
		if err != nil {
			return err
		}
		if err := tx.DropSubscription(s.ID); err != nil {
			return err
		}
		return h.ask(by, policy.SendCase, nil, policy.Operations, "", h.now()).audit(tx, true, "unsubscribed from "+s.Topic)
	})
}

// Resubscribe changes a subscription of the asker's own. With the status requested
// or active, one that failed is tried again at once, from the first event that did not
// get through; with off nothing is sent. Topic and channel do not change.
func (h *Hub) Resubscribe(ctx context.Context, by care.Actor, to Subscription) (Subscription, error) {
	if err := h.gate(ctx, by); err != nil {
		return Subscription{}, err
	}
	now, out := h.now(), Subscription{}
	err := h.update(ctx, func(tx *store.Tx) error {
		s, err := ownSubscription(tx, by, to.ID)
		if err != nil {
			return err
		}
		next := to
		if err := next.check(now); err != nil {
			return err
		}
		if next.Topic != s.Topic || next.Channel != s.Channel || next.patient() != s.patient() {
			return &care.Error{Kind: care.BusinessRule, Field: "Subscription.criteria", Text: "Topic, patient and channel do not change. Make another subscription"}
		}
		next.Client, next.Org, next.Created, next.Sent = s.Client, s.Org, s.Created, s.Sent
		next.Events, next.Delivered, next.Failures, next.Error = s.Events, s.Delivered, 0, ""
		switch {
		case to.Status == SubscriptionOff:
		case s.Channel == WebSocket:
			next.Status = SubscriptionActive
		default:
			next.Status = SubscriptionRequested
		}
		out = next
		if err := firstError(tx.BeginSubscriptionCursor(), tx.ChangeSubscription(next.kept(dueOf(next, now)))); err != nil {
			return err
		}
		return h.ask(by, policy.SendCase, nil, policy.Operations, "", now).audit(tx, true, "changed a subscription to "+s.Topic)
	})
	return out, err
}

// SubscriptionEvent is one event of a subscription. Type is "" where nothing may be
// told of it any more, or nothing was asked for: it keeps its number.
type SubscriptionEvent struct {
	Number   int64
	At       time.Time
	Type, ID string
	Shown    translate.Shown // of the case, with Type
}

// SubscriptionEvents gives events of a subscription of the asker's own with numbers
// after and up to (0: all there are), at most mostEvents: as they may be shown now.
// Those that were delivered long ago are not kept.
func (h *Hub) SubscriptionEvents(ctx context.Context, by care.Actor, id string, after, upTo int64) (Subscription, []SubscriptionEvent, error) {
	s, err := h.Subscription(ctx, by, id)
	if err != nil {
		return s, nil, err
	}
	if upTo <= 0 || upTo > s.Events {
		upTo = s.Events
	}
	events, err := h.eventsOf(ctx, by, s, after, upTo, mostEvents)
	return s, events, err
}

// eventsOf decides what may be told of events now, and audits it.
func (h *Hub) eventsOf(ctx context.Context, by care.Actor, s Subscription, after, upTo int64, most int) ([]SubscriptionEvent, error) {
	now := h.now()
	var out []SubscriptionEvent
	var asked []reads
	_, err := view(ctx, h, func(tx *store.Tx) (struct{}, error) {
		out, asked = nil, nil
		kept, err := tx.SubscriptionEvents(s.ID, after, upTo, most)
		if err != nil {
			return struct{}{}, err
		}
		cases := map[care.CaseID]*reads{}
		for _, e := range kept {
			one := SubscriptionEvent{Number: e.N, At: e.At}
			if s.Payload != PayloadEmpty && e.Case != "" {
				r, known := cases[e.Case]
				if !known {
					if r, err = h.readNow(tx, by, e.Case, now); err != nil {
						return struct{}{}, err
					}
					cases[e.Case] = r
					asked = append(asked, *r)
				}
				if r.found && shows(r.shown, e.Type, e.ID) {
					one.Type, one.ID, one.Shown = e.Type, e.ID, r.shown
				}
			}
			out = append(out, one)
		}
		return struct{}{}, nil
	})
	if err == nil && len(asked) > 0 {
		err = h.settleReads(ctx, asked...)
	}
	return out, err
}

func (h *Hub) readNow(tx *store.Tx, by care.Actor, id care.CaseID, now time.Time) (*reads, error) {
	c, err := tx.Case(id)
	if care.KindOf(err) == care.NotFound {
		c, err = care.Case{}, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := h.read(tx, by, c, ShowRequest{Action: "notify"}, now, nil)
	return &r, err
}

// SubscriptionBinding is a token with which a websocket is bound.
type SubscriptionBinding struct {
	Token         string
	Expires       time.Time
	Subscriptions []string
}

// BindSubscriptions gives a token that binds one websocket to subscriptions of the
// asker's own, within a minute; with no ids to all that are of websockets
// (Subscriptions R5 Backport 1.1 $get-ws-binding-token).
func (h *Hub) BindSubscriptions(ctx context.Context, by care.Actor, ids ...string) (SubscriptionBinding, error) {
	if err := h.gate(ctx, by); err != nil {
		return SubscriptionBinding{}, err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	b := SubscriptionBinding{Token: base64.RawURLEncoding.EncodeToString(secret), Expires: h.now().Add(bindingLife)}
	err := h.update(ctx, func(tx *store.Tx) error {
		b.Subscriptions = nil
		all, err := tx.SubscriptionsOf(clientOf(by))
		if err != nil {
			return err
		}
		for _, k := range all {
			if k.Channel == string(WebSocket) && k.Status != string(SubscriptionOff) && (len(ids) == 0 || slices.Contains(ids, k.ID)) {
				b.Subscriptions = append(b.Subscriptions, k.ID)
			}
		}
		if len(b.Subscriptions) == 0 || len(ids) > len(b.Subscriptions) {
			return &care.Error{Kind: care.NotFound, Text: "There is no such subscription by websocket"}
		}
		return tx.PutSubscriptionToken(store.SubscriptionToken{Hash: digest("subscription", b.Token), Client: clientOf(by), Subscriptions: b.Subscriptions, Expires: b.Expires})
	})
	return b, err
}

// Bound takes a token, which binds once, and gives who it is and what for. One that
// is not known or ended is care.Login.
func (h *Hub) Bound(ctx context.Context, token, address string) (by care.Actor, ids []string, err error) {
	wrong := &care.Error{Kind: care.Login, Text: "The token is not known or has ended"}
	err = h.update(ctx, func(tx *store.Tx) error {
		ids = nil
		k, err := tx.TakeSubscriptionToken(digest("subscription", token))
		if care.KindOf(err) == care.NotFound {
			return committed{wrong}
		}
		if err != nil {
			return err
		}
		s, ok := h.systems[k.Client]
		if !ok || !s.subscribes() || !k.Expires.After(h.now()) {
			return committed{wrong}
		}
		by, ids = h.actor(s, address), k.Subscriptions
		return nil
	})
	return by, ids, err
}

// SubscriptionsMoved is closed when something was recorded: whoever holds a websocket
// takes it before it asks for events.
func (h *Hub) SubscriptionsMoved() <-chan struct{} { return h.Store.Wait() }
