package api

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
)

const (
	socketPath    = "/subscription-socket"
	socketsMost   = 256 // at the same time
	bindWithin    = 15 * time.Second
	socketWrite   = 10 * time.Second
	socketRead    = 4 << 10
	bindWord      = "bind-with-token"
	socketMessage = "Bind with a token first: " + bindWord + " and the token of $get-ws-binding-token"
)

// bindingToken gives a token for a websocket (Subscriptions R5 Backport 1.1).
func (c *call) bindingToken() error {
	given, err := c.operands()
	if err != nil {
		return err
	}
	ids := given["id"]
	if one := c.r.PathValue("id"); one != "" {
		ids = []string{one}
	}
	var all []string
	for _, v := range ids {
		for one := range strings.SplitSeq(v, ",") {
			all = append(all, strings.TrimPrefix(one, "Subscription/"))
		}
	}
	b, err := c.faces.Hub.BindSubscriptions(c.r.Context(), c.by, all...)
	if err != nil {
		return err
	}
	address := c.url(socketPath)
	if rest, ok := strings.CutPrefix(address, "http"); ok {
		address = "ws" + rest
	}
	list := []*fhir.Node{fhir.Obj("name", "token", "valueString", b.Token), fhir.Obj("name", "expiration", "valueDateTime", b.Expires.Format(time.RFC3339))}
	for _, id := range b.Subscriptions {
		list = append(list, fhir.Obj("name", "subscription", "valueString", id))
	}
	list = append(list, fhir.Obj("name", "websocket-url", "valueUrl", address))
	return c.write(http.StatusOK, fhir.Obj("resourceType", "Parameters", "parameter", list))
}

// sockets counts the websockets that are open.
type sockets struct {
	mu   sync.Mutex
	open int
}

func (s *sockets) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= socketsMost {
		return false
	}
	s.open++
	return true
}

func (s *sockets) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// socket tells a subscriber by websocket, until either side ends it. Who it is, is
// told by the token; nothing is said before.
func (c *call) socket() error {
	if !strings.EqualFold(c.r.Header.Get("Upgrade"), "websocket") {
		c.w.Header().Set("Upgrade", "websocket")
		return no(http.StatusUpgradeRequired, "not-supported", "This address is a websocket")
	}
	if !c.faces.sockets.enter() {
		return no(http.StatusServiceUnavailable, "throttled", "Too many websockets are open")
	}
	defer c.faces.sockets.leave()
	c.begun = true
	conn, err := websocket.Accept(c.w, c.r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return nil // it was answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(socketRead)
	ctx, stop := context.WithCancel(c.r.Context())
	defer stop()
	t := &talk{c: c, conn: conn, address: c.faces.Systems.Address(c.r), heard: make(chan string)}
	var wg sync.WaitGroup
	wg.Go(func() { defer stop(); t.listen(ctx) })
	t.run(ctx)
	stop()
	conn.CloseNow()
	wg.Wait()
	return nil
}

// talk is one websocket.
type talk struct {
	c       *call
	conn    *websocket.Conn
	address string
	heard   chan string // what the subscriber says
	bound   []*bound
}

// bound is one subscription on a websocket.
type bound struct {
	by   care.Actor
	id   string
	told int64 // number of the newest event that was sent
	beat time.Duration
	last time.Time
}

func (t *talk) listen(ctx context.Context) {
	for {
		_, b, err := t.conn.Read(ctx)
		if err != nil {
			return
		}
		select {
		case t.heard <- string(b):
		case <-ctx.Done():
			return
		}
	}
}

func (t *talk) run(ctx context.Context) {
	first := time.NewTimer(bindWithin)
	defer first.Stop()
	tick := time.NewTicker(time.Second) // for heartbeats
	defer tick.Stop()
	for {
		moved := t.c.faces.Hub.SubscriptionsMoved()
		if !t.tell(ctx) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case text := <-t.heard:
			if !t.bind(ctx, text) {
				t.conn.Close(websocket.StatusPolicyViolation, socketMessage)
				return
			}
		case <-first.C:
			if len(t.bound) == 0 {
				t.conn.Close(websocket.StatusPolicyViolation, socketMessage)
				return
			}
		case <-moved:
		case <-tick.C:
		}
	}
}

// bind takes a token, and shakes hands for each subscription. Events before the
// handshake are not sent: $events has them.
func (t *talk) bind(ctx context.Context, text string) bool {
	token, ok := strings.CutPrefix(strings.TrimSpace(text), bindWord)
	if !ok {
		return false
	}
	by, ids, err := t.c.faces.Hub.Bound(ctx, strings.TrimLeft(token, ": "), t.address)
	if err != nil {
		return false
	}
	by.Request = t.c.id
	for _, id := range ids {
		s, err := t.c.faces.Hub.Subscription(ctx, by, id)
		if err != nil {
			continue // it was deleted meanwhile
		}
		b := &bound{by: by, id: id, told: s.Events, beat: s.Beat}
		if !t.send(ctx, b, hub.Notification{Subscription: s, Kind: hub.Handshake}) {
			return false
		}
		t.bound = append(t.bound, b)
	}
	return true
}

// tell sends what is new; false when the connection is to end.
func (t *talk) tell(ctx context.Context) bool {
	for i := 0; i < len(t.bound); i++ {
		b := t.bound[i]
		s, err := t.c.faces.Hub.Subscription(ctx, b.by, b.id)
		switch {
		case care.KindOf(err) == care.NotFound, err == nil && (s.Status == hub.SubscriptionOff || !s.Ends.IsZero() && !s.Ends.After(t.c.faces.Clock())):
			t.bound = append(t.bound[:i], t.bound[i+1:]...)
			if i--; len(t.bound) == 0 {
				t.conn.Close(websocket.StatusNormalClosure, "The subscription ended")
				return false
			}
			continue
		case err != nil:
			return ctx.Err() == nil // the database is away: later
		}
		for b.told < s.Events {
			_, events, err := t.c.faces.Hub.SubscriptionEvents(ctx, b.by, b.id, b.told, min(s.Events, b.told+int64(max(1, s.Most))))
			if err != nil {
				return ctx.Err() == nil
			}
			if len(events) == 0 {
				b.told = s.Events
				break
			}
			if !t.send(ctx, b, hub.Notification{Subscription: s, Kind: hub.EventNotification, Events: events}) {
				return false
			}
			b.told = events[len(events)-1].Number
		}
		if b.beat > 0 && t.c.faces.Clock().Sub(b.last) >= b.beat && !t.send(ctx, b, hub.Notification{Subscription: s, Kind: hub.Heartbeat}) {
			return false
		}
	}
	return true
}

func (t *talk) send(ctx context.Context, b *bound, n hub.Notification) bool {
	now := t.c.faces.Clock()
	raw, err := fhir.Write(notificationBundle(t.c.faces.PublicURL+r4Base, n, now), n.Subscription.Format, fhir.R4)
	if err != nil {
		t.c.faces.Log.Error("a notification could not be written", "subscription", b.id, "err", err)
		return false
	}
	write, stop := context.WithTimeout(ctx, socketWrite)
	defer stop()
	if t.conn.Write(write, websocket.MessageText, raw) != nil {
		return false
	}
	b.last = now
	return true
}
