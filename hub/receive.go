package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/hl7"
	"homeward/nhs"
	"homeward/store"
	"homeward/translate"
)

// Receive keeps a message as it came and gives the acknowledgement to send. It
// returns after the commit that keeps the bytes: AA kept (again: kept once),
// AR unreadable and kept all the same, AE could not keep; nil could not keep what
// cannot be answered, and the connection is to be closed. The sender is never
// told that the meaning was not understood: that is ours to mend (HL7 v2.4
// 2.13.8, original mode).
func (h *Hub) Receive(ctx context.Context, feed, peer string, raw []byte) []byte {
	now := h.now()
	in := store.In{Feed: feed, Raw: raw, Peer: peer, Received: now}
	m, unread := hl7.Parse(raw)
	if unread == nil {
		kind, trigger := m.Event()
		in.Readable, in.Control, in.Type = true, m.Get("MSH", 10).String(), kind+"^"+trigger
	}
	kept, err := h.Store.Keep(ctx, in)
	id := ackID()
	if err != nil {
		return h.notKept(m, unread != nil, id, feed, now, err)
	}
	if unread != nil {
		return hl7.AckUnreadable(raw, id, now.In(h.Zone), unread.Error())
	}
	h.kept.Add(1)
	if !kept[0].Again {
		h.wake(feed)
	}
	return hl7.Ack(m, hl7.AA, id, now.In(h.Zone), "")
}

// ReceiveCut keeps what there is of a message that was longer than the limit:
// its beginning and its length, in bytes. It is never read, for half a message
// may say the opposite of the whole; a person looks at it. The answer is AR, and
// comes after the commit that keeps it, as in Receive.
func (h *Hub) ReceiveCut(ctx context.Context, feed, peer string, head []byte, length int64, limit int) []byte {
	now := h.now()
	in := store.In{Feed: feed, Raw: head, Peer: peer, Received: now, Reason: fmt.Sprintf(
		"The message has %d KB and is larger than %d KB: only its beginning is kept", (length+1023)/1024, limit/1024)}
	m, unread := hl7.Parse(head)
	if unread == nil {
		kind, trigger := m.Event()
		in.Control, in.Type = m.Get("MSH", 10).String(), kind+"^"+trigger
	}
	id := ackID()
	if _, err := h.Store.Keep(ctx, in); err != nil {
		return h.notKept(m, unread != nil, id, feed, now, err)
	}
	return hl7.AckUnreadable(head, id, now.In(h.Zone), fmt.Sprintf("the message is larger than %d KB", limit/1024))
}

// notKept answers a message that could not be kept: AE, so that it is sent again
// later; nil, which closes the connection to the same end, where not even that
// can be addressed. AR would tell the sender that there is nothing more to do.
func (h *Hub) notKept(m hl7.Message, unread bool, id, feed string, now time.Time, err error) []byte {
	if n, say := h.refused.line(now); say {
		h.Log.Error("messages could not be kept", "feed", feed, "messages", n, "err", err)
	}
	if unread {
		return nil
	}
	return hl7.Ack(m, hl7.AE, id, now.In(h.Zone), "could not be kept; send it again later")
}

// ackID is a fresh MSH-10, which has 20 characters: HL7 v2.4 2.16.9.10.
func ackID() string { return "H" + newID()[:19] }

// wake tells the feed's loop that something is to be read.
func (h *Hub) wake(feed string) {
	select {
	case h.woken[feed] <- struct{}{}:
	default:
	}
}

// readLoop reads one feed in order, until ctx ends. It looks again once a
// second, for what another process kept.
func (h *Hub) readLoop(ctx context.Context, feed string) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	p := pace{kept: &h.kept, at: time.Now(), seen: h.kept.Load()}
	for ctx.Err() == nil {
		began := time.Now()
		n, err := h.readSome(ctx, feed, p.most(h.Limits.ReadBatch))
		switch {
		case err != nil && ctx.Err() == nil:
			h.Log.Error("reading a feed", "feed", feed, "err", err)
		case n > 0:
			now := time.Now()
			pause(ctx, p.rest(now, now.Sub(began)))
			continue // there may be more
		}
		select {
		case <-ctx.Done():
		case <-h.woken[feed]:
		case <-tick.C:
		}
	}
}

// Read works the oldest messages of a feed that are kept and not yet read, in
// one transaction, and says how many there were. Another process may read the
// same feed: the writer takes one transaction at a time, so each message has
// its effect once. A message on which Homeward itself fails does not stop the
// feed: it is held, and those behind it are read.
func (h *Hub) Read(ctx context.Context, feed string) (int, error) {
	return h.readSome(ctx, feed, h.Limits.ReadBatch)
}

func (h *Hub) readSome(ctx context.Context, feed string, most int) (int, error) {
	f, ok := h.feeds[feed]
	if !ok {
		return 0, fmt.Errorf("feed %q is not configured", feed)
	}
	n, err := h.readBatch(ctx, f, most)
	if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrClosed) {
		return n, err
	}
	h.Log.Error("a message could not be worked; reading one by one", "feed", feed, "err", err)
	if n, err = h.readBatch(ctx, f, 1); err == nil {
		return n, nil
	}
	return h.holdFirst(ctx, f, err)
}

// holdFirst holds the oldest message, on which Homeward has failed.
func (h *Hub) holdFirst(ctx context.Context, f Feed, cause error) (int, error) {
	if errors.Is(cause, store.ErrUnavailable) || ctx.Err() != nil {
		return 0, cause
	}
	n := 0
	err := h.Store.Update(ctx, func(tx *store.Tx) error {
		n = 0
		ms, err := tx.Pending(f.Profile.Feed, 1)
		if err != nil || len(ms) == 0 {
			return err
		}
		n = 1
		return tx.Settle(ms[0], store.MessageHeld, "Homeward failed on this message. Tell those who run it; the log says more", "")
	})
	if err == nil && n == 1 {
		h.Log.Error("a message is held because Homeward failed on it", "feed", f.Profile.Feed, "err", cause)
	}
	return n, err
}

func (h *Hub) readBatch(ctx context.Context, f Feed, most int) (int, error) {
	n := 0
	err := h.Store.Update(ctx, func(tx *store.Tx) error {
		n = 0
		ms, err := tx.Pending(f.Profile.Feed, most)
		if err != nil {
			return err
		}
		began := time.Now()
		var work []reading
		for _, m := range ms {
			work = append(work, h.translate(f.Profile, m))
		}
		if err := h.prefetch(tx, work); err != nil {
			return err
		}
		for _, r := range work {
			if err := h.effect(tx, f, r); err != nil {
				return err
			}
			n++
			// A long backlog must not hold the writer: what is left is read next.
			if time.Since(began) > readHold {
				break
			}
		}
		return nil
	})
	return n, err
}

// readHold is how long one Read may hold the writer.
const readHold = 30 * time.Millisecond

// reading is one message on its way to an effect.
type reading struct {
	message store.Message
	result  translate.Result
}

func (h *Hub) translate(p translate.Profile, m store.Message) reading {
	if m.State == store.MessageUnreadable && m.Reason != "" {
		return reading{m, translate.Result{Hold: m.Reason}} // half a message
	}
	parsed, err := hl7.Parse(m.Raw)
	if err != nil {
		return reading{m, translate.Result{Hold: err.Error()}}
	}
	return reading{m, translate.ADT(parsed, p, m.Received)}
}

// prefetch asks for all the cases of a batch at once, which on PostgreSQL saves
// a round trip for each.
func (h *Hub) prefetch(tx *store.Tx, work []reading) error {
	var ids []care.Identifier
	var numbers []nhs.Number
	for _, r := range work {
		for _, o := range r.result.Observations {
			ids = append(ids, o.About.IDs...)
			if o.Joined != nil {
				ids = append(ids, o.Joined.Retired...)
			}
			if !o.About.NHS.IsZero() {
				numbers = append(numbers, o.About.NHS)
			}
		}
	}
	return tx.Prefetch(numbers, ids)
}

// effect makes one message true and settles it.
func (h *Hub) effect(tx *store.Tx, f Feed, r reading) error {
	m := r.message
	switch {
	case r.result.Hold != "":
		return tx.Settle(m, store.MessageHeld, r.result.Hold, "")
	case r.result.Ignore != "":
		return tx.Settle(m, store.MessageIgnored, r.result.Ignore, "")
	}
	var last care.CaseID
	for _, o := range r.result.Observations {
		cause := care.Cause{Kind: "message", ID: fmt.Sprint(m.ID), Source: f.Profile.Title}
		c, err := h.observe(tx, o, cause, m.Received)
		var no holdError
		if errors.As(err, &no) {
			return tx.Settle(m, store.MessageHeld, string(no), "")
		}
		if err != nil {
			return err
		}
		last = c
	}
	return tx.Settle(m, store.MessageDone, strings.Join(r.result.Notes, "; "), last)
}

// holdError is why an observation cannot be given to anybody.
type holdError string

func (e holdError) Error() string { return string(e) }

// observe finds whom an observation is about, and records what it means.
func (h *Hub) observe(tx *store.Tx, o care.Observation, cause care.Cause, now time.Time) (care.CaseID, error) {
	byID, err := h.firstByID(tx, o.About.IDs)
	if err != nil {
		return "", err
	}
	if o.Joined != nil {
		return h.observeJoin(tx, o, byID, cause, now)
	}
	byNHS, err := h.byNumber(tx, o, byID)
	if err != nil {
		return "", err
	}
	return h.record(tx, care.Match(o, byID, byNHS, care.CaseID(newID())), o, byID, byNHS, cause, now)
}

// record applies a verdict and what the observation means.
func (h *Hub) record(tx *store.Tx, v care.Verdict, o care.Observation, byID, byNHS *care.Case, cause care.Cause, now time.Time) (care.CaseID, error) {
	if v.Hold != "" {
		return "", holdError(v.Hold)
	}
	for other, events := range v.Other {
		c, err := tx.Case(other)
		if err != nil {
			return "", err
		}
		if _, err := tx.Record(c, cause, now, events...); err != nil {
			return "", err
		}
	}
	var c care.Case
	switch {
	case v.New:
	case byID != nil && byID.ID == v.Case:
		c = *byID
	case byNHS != nil && byNHS.ID == v.Case:
		c = *byNHS
	}
	if _, touched := v.Other[v.Case]; touched {
		return "", fmt.Errorf("a verdict names one case twice")
	}
	events := v.Events
	events = append(events[:len(events):len(events)], care.Notice(care.Apply(c, v.Events...), o)...)
	if cause.Kind == importCause {
		// An extract repeats all it knows every time; that some of it is older than
		// what a hospital told is no news.
		events = slices.DeleteFunc(events, func(e care.Event) bool { _, late := e.(care.ArrivedLate); return late })
	}
	if len(events) == 0 {
		return v.Case, nil
	}
	_, err := tx.Record(c, cause, now, events...)
	return v.Case, err
}

func (h *Hub) firstByID(tx *store.Tx, ids []care.Identifier) (*care.Case, error) {
	for _, id := range ids {
		found, err := tx.FindID(id)
		if err != nil {
			return nil, err
		}
		if found == "" {
			continue
		}
		c, err := h.living(tx, found)
		return &c, err
	}
	return nil, nil
}

// byNumber finds the case that has the number: where the sender's own case is
// not among several, the first serves to raise the question.
func (h *Hub) byNumber(tx *store.Tx, o care.Observation, byID *care.Case) (*care.Case, error) {
	if o.About.NHS.IsZero() {
		return nil, nil
	}
	ids, err := tx.FindNHS(o.About.NHS)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	pick := ids[0]
	for _, id := range ids {
		if byID != nil && id == byID.ID {
			pick = id
		}
	}
	c, err := h.living(tx, pick)
	return &c, err
}

// living reads a case, or the one that it was joined into.
func (h *Hub) living(tx *store.Tx, id care.CaseID) (care.Case, error) {
	for range 8 {
		c, err := tx.Case(id)
		if err != nil || c.JoinedTo == "" {
			return c, err
		}
		id = c.JoinedTo
	}
	return care.Case{}, fmt.Errorf("records are joined in a ring")
}

// observeJoin merges hospital numbers of one person: reversibly where both are
// known; otherwise the known case learns the other number. A message may give
// up several numbers (HL7 v2.4 3.3.40).
func (h *Hub) observeJoin(tx *store.Tx, o care.Observation, survivor *care.Case, cause care.Cause, now time.Time) (care.CaseID, error) {
	if survivor == nil {
		return h.observeFirst(tx, o, cause, now)
	}
	c := *survivor
	for _, id := range o.Joined.Retired {
		retired, err := h.firstByID(tx, []care.Identifier{id})
		if err != nil {
			return "", err
		}
		switch {
		case retired == nil:
			c, err = tx.Record(c, cause, now, care.Identified{At: o.At, IDs: []care.Identifier{id}})
		case retired.ID != c.ID:
			kept, gone := care.Join(c, *retired, o.At)
			if _, err = tx.Record(*retired, cause, now, gone...); err == nil {
				c, err = tx.Record(c, cause, now, kept...)
			}
		}
		if err != nil {
			return "", err
		}
	}
	return c.ID, nil
}

// observeFirst is a merge whose surviving number is new to us: a case that has a
// number that is given up learns it; else a new case begins with all of them.
func (h *Hub) observeFirst(tx *store.Tx, o care.Observation, cause care.Cause, now time.Time) (care.CaseID, error) {
	retired, err := h.firstByID(tx, o.Joined.Retired)
	if err != nil {
		return "", err
	}
	if retired != nil {
		c, err := tx.Record(*retired, cause, now, care.Identified{At: o.At, IDs: o.About.IDs})
		if err != nil {
			return "", err
		}
		return h.observeJoin(tx, o, &c, cause, now)
	}
	byNHS, err := h.byNumber(tx, o, nil)
	if err != nil {
		return "", err
	}
	o.About.IDs = append(o.About.IDs[:len(o.About.IDs):len(o.About.IDs)], o.Joined.Retired...)
	seen := o
	seen.Joined, seen.Seen = nil, &care.Seen{Person: true}
	return h.record(tx, care.Match(seen, nil, byNHS, care.CaseID(newID())), seen, nil, byNHS, cause, now)
}
