package hub

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"homeward/store"
)

// Notification is what one subscriber is told at once.
type Notification struct {
	Subscription Subscription
	Kind         NotificationKind
	Events       []SubscriptionEvent // in the order of their numbers
}

// NotificationKind is why a subscriber is told (Subscriptions R5 Backport 1.1,
// subscription-notification-type).
type NotificationKind string

// The kinds of notification.
const (
	Handshake         NotificationKind = "handshake"
	Heartbeat         NotificationKind = "heartbeat"
	EventNotification NotificationKind = "event-notification"
	QueryStatus       NotificationKind = "query-status"
	QueryEvent        NotificationKind = "query-event"
)

// Notify sends a notification to a rest-hook, once. Its error is in our own words
// and holds nothing of what the far side wrote.
type Notify func(context.Context, Notification) error

// How rest-hooks are tried again.
const (
	firstAgain   = 2 * time.Second
	lastAgain    = 15 * time.Minute
	failuresTill = 5   // failures in a row, after which the state is error
	failuresMost = 100 // after which it is given up: more than a day
	notifiers    = 8   // rest-hooks at the same time
	leaseSlack   = 30 * time.Second
)

// deliverSubscriptions sends what rest-hooks are to be told, until ctx ends.
func (h *Hub) deliverSubscriptions(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	room := make(chan struct{}, notifiers)
	for ctx.Err() == nil {
		moved := h.Store.Wait()
		next, err := view(ctx, h, func(tx *store.Tx) (time.Time, error) { return tx.NextSubscription() })
		wait := time.Minute
		switch {
		case err != nil:
			wait = 5 * time.Second
		case !next.IsZero():
			wait = min(wait, next.Sub(h.now()))
		}
		if wait > 0 {
			h.pause(ctx, moved, wait)
			continue
		}
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return
		}
		var s store.Subscription
		var ok bool
		err = h.update(ctx, func(tx *store.Tx) (err error) {
			s, ok, err = tx.ClaimSubscription(mostTimeout + leaseSlack)
			return err
		})
		if err != nil || !ok {
			<-room
			if err != nil && ctx.Err() == nil {
				h.Log.Error("looking for subscribers to tell", "err", err)
				h.pause(ctx, nil, 5*time.Second)
			}
			continue
		}
		wg.Go(func() {
			defer func() { <-room }()
			if err := h.tellSubscriber(ctx, s); err != nil && ctx.Err() == nil {
				h.Log.Error("telling a subscriber", "subscription", s.ID, "err", err)
			}
		})
	}
}

func (h *Hub) pause(ctx context.Context, moved <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-moved:
	case <-t.C:
	}
}

// tellSubscriber does what is due for one subscription, and settles it.
func (h *Hub) tellSubscriber(ctx context.Context, k store.Subscription) error {
	s, err := subscriptionOf(k)
	if err != nil {
		return err
	}
	now := h.now()
	system, ok := h.systems[s.Client]
	switch {
	case !ok || system.Org != s.Org || !system.subscribes():
		return h.settleSubscription(ctx, off(s, "The system may not subscribe any more"), now)
	case !s.Ends.IsZero() && !s.Ends.After(now):
		return h.settleSubscription(ctx, off(s, "The subscription came to its end"), now)
	case s.Channel != RestHook || s.Status == SubscriptionOff:
		return h.settleSubscription(ctx, s, now)
	}
	n := Notification{Subscription: s, Kind: Heartbeat}
	switch {
	case s.Status == SubscriptionRequested:
		n.Kind = Handshake
	case s.Events > s.Delivered:
		n.Kind = EventNotification
		if n.Events, err = h.eventsOf(ctx, h.actor(system, ""), s, s.Delivered, s.Events, s.Most); err != nil {
			return h.failedSubscriber(ctx, s, errors.New("What is to be told could not be read"), err)
		}
	case s.Status == SubscriptionError: // nothing waits: see whether it is back
		n.Kind = Handshake
	case s.Beat == 0:
		return h.settleSubscription(ctx, s, now)
	}
	told, stop := context.WithTimeout(ctx, s.Timeout)
	defer stop()
	if err := h.Notify(told, n); err != nil {
		return h.failedSubscriber(ctx, s, err, nil)
	}
	s.Status, s.Failures, s.Error, s.Sent = SubscriptionActive, 0, "", h.now()
	if len(n.Events) > 0 {
		s.Delivered = n.Events[len(n.Events)-1].Number
	} else if n.Kind == EventNotification {
		s.Delivered = s.Events // they are not kept any more
	}
	return h.settleSubscription(ctx, s, h.now())
}

func off(s Subscription, why string) Subscription {
	s.Status, s.Error = SubscriptionOff, why
	return s
}

// failedSubscriber lets a subscriber be, for ever longer; from the fifth failure on
// it is in error, and after more than a day it is given up.
func (h *Hub) failedSubscriber(ctx context.Context, s Subscription, why, cause error) error {
	if ctx.Err() != nil {
		return nil // we end, and not they: the lease runs out
	}
	s.Failures++
	s.Error = why.Error()
	switch {
	case s.Failures >= failuresMost:
		s.Status = SubscriptionOff
	case s.Failures >= failuresTill:
		s.Status = SubscriptionError
	}
	wait := lastAgain
	if s.Failures < 10 {
		wait = min(lastAgain, firstAgain<<(s.Failures-1))
	}
	wait += rand.N(wait / 4) // so that all do not come at once
	k := s.kept(h.now().Add(wait))
	k.Leased = s.leased
	if s.Status == SubscriptionOff {
		k.Due = time.Time{}
	}
	return errors.Join(cause, h.update(ctx, func(tx *store.Tx) error { return tx.SettleSubscription(k) }))
}

func (h *Hub) settleSubscription(ctx context.Context, s Subscription, now time.Time) error {
	k := s.kept(dueOf(s, now))
	k.Leased = s.leased
	return h.update(ctx, func(tx *store.Tx) error { return tx.SettleSubscription(k) })
}

// subscribing are the scopes of systems that may be told: who has none of them any
// more is not.
var subscribing = []string{"fhir.subscribe", "ncr"}

func (s System) subscribes() bool {
	return slices.ContainsFunc(s.Scopes, func(x string) bool { return slices.Contains(subscribing, x) })
}
