package hub

import (
	"context"
	"slices"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/store"
	"homeward/translate"
	"homeward/translate/r4"
)

// followBatch is how many entries of history are looked through in one transaction.
const followBatch = 128

// followSubscriptions finds events in history as it is written, until ctx ends.
func (h *Hub) followSubscriptions(ctx context.Context) {
	var swept time.Time
	for ctx.Err() == nil {
		moved := h.Store.Wait()
		more, err := h.followOnce(ctx)
		if err != nil && ctx.Err() == nil {
			h.Log.Error("looking for what subscriptions are told of", "err", err)
		}
		if now := h.now(); now.Sub(swept) > time.Hour {
			swept = now
			if err := h.update(ctx, func(tx *store.Tx) error { return tx.SweepSubscriptions(now, now.Add(-eventsKept)) }); err != nil && ctx.Err() == nil {
				h.Log.Error("removing old events of subscriptions", "err", err)
			}
			continue
		}
		if more && err == nil {
			continue
		}
		wait := time.NewTimer(time.Minute)
		if err != nil {
			wait.Reset(5 * time.Second)
			moved = nil
		}
		select {
		case <-ctx.Done():
		case <-moved:
		case <-wait.C:
		}
		wait.Stop()
	}
}

// follows is what one look through history found: the events of each subscription,
// and from where to where it looked.
type follows struct {
	from, to int64
	more     bool
	order    []string
	events   map[string][]store.SubscriptionEvent
}

// followOnce looks through the next entries of history. What it finds is numbered
// in the transaction that moves the cursor, so that nothing is told twice and
// nothing is left out, in however many processes this runs.
func (h *Hub) followOnce(ctx context.Context) (more bool, err error) {
	f, err := view(ctx, h, h.followed)
	if err != nil || f.to == f.from {
		return false, err
	}
	err = h.update(ctx, func(tx *store.Tx) error {
		moved, err := tx.MoveSubscriptionCursor(f.from, f.to)
		if err != nil || !moved {
			return err
		}
		for _, id := range f.order {
			if err := tx.AddSubscriptionEvents(id, f.events[id]); err != nil {
				return err
			}
		}
		return nil
	})
	return f.more, err
}

func (h *Hub) followed(tx *store.Tx) (f follows, err error) {
	from, known, err := tx.SubscriptionCursor()
	if err != nil || !known {
		return f, err
	}
	f = follows{from: from, to: from, events: map[string][]store.SubscriptionEvent{}}
	now := h.now()
	subs, err := tx.SubscriptionsFollowing(now)
	if err != nil || len(subs) == 0 {
		return f, err // the cursor stands still, so that nobody pays for what nobody wants
	}
	entries, err := tx.HistorySince(from, followBatch)
	if err != nil || len(entries) == 0 {
		return f, err
	}
	f.to, f.more = entries[len(entries)-1].Seq, len(entries) == followBatch
	w := watching{h: h, tx: tx, now: now, subs: subs, found: &f, last: map[nhs.ODS]*asking{}}
	var seen []care.CaseID
	for _, e := range entries {
		if !slices.Contains(seen, e.Case) {
			seen = append(seen, e.Case)
		}
	}
	for _, id := range seen {
		if err := w.ofCase(id, from, f.to); err != nil {
			return f, err
		}
	}
	return f, nil
}

// watching compares cases before and after what was recorded, as each subscriber
// sees them.
type watching struct {
	h     *Hub
	tx    *store.Tx
	now   time.Time
	subs  []store.Subscription
	found *follows
	last  map[nhs.ODS]*asking // what is agreed does not change within one look
}

// ofCase finds the events of one case between two places in history.
func (w *watching) ofCase(id care.CaseID, from, to int64) error {
	entries, err := w.tx.History(id)
	if err != nil {
		return err
	}
	var before, after care.Case
	var at time.Time
	var newest int64
	for _, e := range entries {
		switch {
		case e.Seq <= from:
			before = care.Apply(before, e.Event)
			after, newest = before, e.Seq
		case e.Seq <= to:
			after, at, newest = care.Apply(after, e.Event), e.Recorded, e.Seq
		}
	}
	if newest <= from || after.ID == "" || after.JoinedTo != "" { // erased, or told by the one that it was joined to
		return nil
	}
	parties := care.Parties(after)
	shown := map[string]*twice{} // by client: one system may have many subscriptions
	for _, k := range w.subs {
		if k.Since >= newest || k.Case != "" && k.Case != id || !slices.Contains(parties, k.Org) {
			continue
		}
		system, ok := w.h.systems[k.Client]
		if !ok || !system.subscribes() {
			continue
		}
		pair := shown[k.Client]
		if pair == nil {
			if pair, err = w.pair(w.h.actor(system, ""), before, after); err != nil {
				return err
			}
			shown[k.Client] = pair
		}
		if err := w.compare(k, pair, id, at); err != nil {
			return err
		}
	}
	return nil
}

// twice is a case before and after, as one system sees it.
type twice struct {
	before, after translate.Shown
	was, is       bool // anything of it is shown
}

func (w *watching) pair(by care.Actor, before, after care.Case) (*twice, error) {
	p := &twice{}
	now, err := w.read(by, after)
	if err != nil || !now.found {
		return p, err
	}
	p.after, p.is = now.shown, true
	if before.ID == "" {
		return p, nil
	}
	then, err := w.read(by, before)
	if err != nil {
		return p, err
	}
	p.before, p.was = then.shown, then.found
	return p, nil
}

func (w *watching) read(by care.Actor, c care.Case) (reads, error) {
	r, err := w.h.read(w.tx, by, c, ShowRequest{Action: "notify"}, w.now, w.last[by.Org])
	if err == nil {
		w.last[by.Org] = r.asked
	}
	return r, err
}

// compare adds the events of one subscription: each resource of the topic that is
// shown now and was not, or that says something else. Where what is shown is the
// same, nothing happened for this subscriber.
func (w *watching) compare(k store.Subscription, p *twice, id care.CaseID, at time.Time) error {
	if !p.is {
		return nil
	}
	s, err := subscriptionOf(k)
	if err != nil {
		return err
	}
	topic, err := subscriptionTopic(s.Topic)
	if err != nil {
		return nil // of a version of Homeward that had it
	}
	was := map[string]string{}
	if p.was {
		for _, n := range topicResources(topic, p.before) {
			was[n.ID()] = topicMark(topic, n)
		}
	}
	for _, n := range topicResources(topic, p.after) {
		mark, known := was[n.ID()]
		if known && mark == topicMark(topic, n) || !s.takes(n) {
			continue
		}
		if w.found.events[k.ID] == nil {
			w.found.order = append(w.found.order, k.ID)
		}
		w.found.events[k.ID] = append(w.found.events[k.ID], store.SubscriptionEvent{At: at, Case: id, Type: n.Type(), ID: n.ID()})
	}
	return nil
}

// topicResources are the resources of a case that a topic is about.
func topicResources(t SubscriptionTopic, s translate.Shown) []*fhir.Node {
	all := r4.Of(s, t.Type)
	if t.Name != "discharge-notices" {
		return all
	}
	var notices []string
	for _, p := range s.Case.Papers {
		if p.Kind == care.PaperDischargeNotice {
			notices = append(notices, r4.ID(s.Case.ID, "paper", p.ID))
		}
	}
	return slices.DeleteFunc(all, func(n *fhir.Node) bool { return !slices.Contains(notices, n.ID()) })
}

// topicMark is what must differ for an event.
func topicMark(t SubscriptionTopic, n *fhir.Node) string {
	if t.Name == "referral-status" {
		return n.Str("status") + "\x00" + n.Str("businessStatus.coding.code")
	}
	return fhir.Hash(n)
}

// takes reports whether the filters let a resource through.
func (s Subscription) takes(n *fhir.Node) bool {
	for _, f := range s.Filters {
		switch f.Name {
		case "patient":
			if c, _ := r4.CaseOf(n.ID()); c != care.CaseID(f.Value) {
				return false
			}
		case "organization":
			if !refersTo(n, "Organization/"+f.Value) {
				return false
			}
		}
	}
	return true
}

func refersTo(n *fhir.Node, ref string) bool {
	for r := range fhir.References(n) {
		if r.Text == ref {
			return true
		}
	}
	return false
}

// shows reports whether a resource is among what is shown.
func shows(s translate.Shown, typ, id string) bool { return r4.One(s, typ, id) != nil }
