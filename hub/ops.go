package hub

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"homeward/care"
	"homeward/hl7"
	"homeward/policy"
	"homeward/store"
	"homeward/translate"
)

// MessageQuery chooses messages of the operations page.
type MessageQuery struct {
	Feed, State, Control string
	Before               int64 // 0: the newest
}

// operating decides a use case of the operations pages and audits it.
func (h *Hub) operating(ctx context.Context, by care.Actor, action policy.Action, what, why string, f func(*store.Tx) error) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a := h.ask(by, action, nil, policy.Operations, why, h.now())
		if !a.allowed(action) {
			return a.refuse(tx)
		}
		if err := f(tx); err != nil {
			return err
		}
		return a.audit(tx, true, what)
	})
}

// Feeds says how each feed is doing.
func (h *Hub) Feeds(ctx context.Context, by care.Actor) ([]FeedView, error) {
	var out []FeedView
	err := h.operating(ctx, by, policy.SeeOperations, "feeds", "", func(tx *store.Tx) (err error) {
		out, err = h.feedViews(tx)
		return err
	})
	return out, err
}

// Health is Feeds for the metrics: figures without anything about a person.
func (h *Hub) Health(ctx context.Context) ([]FeedView, error) { return view(ctx, h, h.feedViews) }

func (h *Hub) feedViews(tx *store.Tx) ([]FeedView, error) {
	sources, err := h.sources(tx, h.now())
	if err != nil {
		return nil, err
	}
	var out []FeedView
	for _, s := range sources {
		f, err := tx.Feed(s.Feed)
		if err != nil {
			return nil, err
		}
		out = append(out, FeedView{Source: s, Direction: "in", PerMinute: int(f.LastMinute), PerHour: int(f.LastHour), Kept: f.Kept, Waiting: f.New,
			Held: f.Held, Unreadable: f.Unreadable, Again: f.Again, Reused: f.Reused})
	}
	faces, err := h.faceFeeds(tx)
	return append(out, faces...), err
}

// faceFeeds are what systems have sent by the interfaces. They send when there is
// something to say, so that silence is no fault.
func (h *Hub) faceFeeds(tx *store.Tx) ([]FeedView, error) {
	all, err := tx.Feeds()
	var out []FeedView
	for _, f := range all {
		face, client, ok := strings.Cut(f.Feed, ":")
		if s, known := h.systems[client]; ok && known {
			out = append(out, FeedView{Source: SourceView{Feed: f.Feed, Title: s.Title + " (" + face + ")", Org: s.Org, Last: f.Heard}, Direction: "in",
				PerMinute: int(f.LastMinute), PerHour: int(f.LastHour), Kept: f.Kept, Waiting: f.New, Held: f.Held, Unreadable: f.Unreadable,
				Again: f.Again, Reused: f.Reused})
		}
	}
	return out, err
}

// Messages lists kept messages, newest first, without their content.
func (h *Hub) Messages(ctx context.Context, by care.Actor, q MessageQuery) ([]MessageView, error) {
	var out []MessageView
	err := h.operating(ctx, by, policy.SeeOperations, "messages", "", func(tx *store.Tx) error {
		ms, err := tx.Messages(store.MessageFilter{Feed: q.Feed, State: store.MessageState(q.State), Control: q.Control, Before: store.MessageID(q.Before)})
		out = nil
		for _, m := range ms {
			out = append(out, messageView(m))
		}
		return err
	})
	return out, err
}

func messageView(m store.Message) MessageView {
	return MessageView{ID: int64(m.ID), Feed: m.Feed, Received: m.Received, Control: m.Control, Type: m.Type, State: string(m.State),
		Reason: m.Reason, Case: m.Case, Bytes: len(m.Raw)}
}

// Raw shows a message's content, for a reason that is recorded.
func (h *Hub) Raw(ctx context.Context, by care.Actor, id int64, why string) (RawView, error) {
	if strings.TrimSpace(why) == "" {
		return RawView{}, &care.Error{Kind: care.Required, Field: "why", Text: "Enter why you need to see this message"}
	}
	var out RawView
	err := h.update(ctx, func(tx *store.Tx) error {
		m, err := tx.Message(store.MessageID(id))
		if err != nil {
			return err
		}
		a := h.ask(by, policy.SeeRawMessage, nil, policy.Operations, why, h.now())
		if m.Case != "" {
			c, err := h.living(tx, m.Case)
			if err != nil {
				return err
			}
			a.about(c, h.now())
		}
		if !a.allowed(policy.SeeRawMessage) {
			return a.refuse(tx)
		}
		out = RawView{Message: messageView(m), Text: rawText(m.Raw)}
		if out.Explain, err = h.explain(tx, m); err != nil {
			return err
		}
		return a.audit(tx, true, fmt.Sprintf("message %d", id))
	})
	return out, err
}

// rawText shows a message one segment a line, as its sender encoded it.
func rawText(raw []byte) string {
	m, err := hl7.Parse(raw)
	if err != nil {
		return strings.ToValidUTF8(strings.ReplaceAll(string(raw), "\r", "\n"), "\uFFFD")
	}
	var b strings.Builder
	for s := range m.All() {
		b.WriteString(strings.ToValidUTF8(string(s.Raw()), "\uFFFD"))
		b.WriteByte('\n')
	}
	return b.String()
}

// ExplainMessage says what a kept message would do now.
func (h *Hub) ExplainMessage(ctx context.Context, by care.Actor, id int64) (Explanation, error) {
	var out Explanation
	err := h.operating(ctx, by, policy.Explain, fmt.Sprintf("message %d", id), "", func(tx *store.Tx) error {
		m, err := tx.Message(store.MessageID(id))
		if err != nil {
			return err
		}
		out, err = h.explain(tx, m)
		return err
	})
	return out, err
}

// Explain says what bytes would do if they came on a feed now: for the
// operator's command. Nothing is kept or changed.
func (h *Hub) Explain(ctx context.Context, feed string, raw []byte) (Explanation, error) {
	if _, ok := h.feeds[feed]; !ok {
		return Explanation{}, &care.Error{Kind: care.NotFound, Field: "feed", Text: "There is no such feed in the configuration"}
	}
	return view(ctx, h, func(tx *store.Tx) (Explanation, error) {
		return h.explain(tx, store.Message{Feed: feed, Raw: raw, Received: h.now()})
	})
}

func (h *Hub) explain(tx *store.Tx, m store.Message) (Explanation, error) {
	f, ok := h.feeds[m.Feed]
	if face, _, of := strings.Cut(m.Feed, ":"); of && !ok {
		return Explanation{Event: m.Type, Ignore: "It came by the interface " + face + ": its sender was answered at once, and it is not read again"}, nil
	}
	if !ok {
		return Explanation{Hold: "The feed of this message is no longer configured"}, nil
	}
	r := h.translate(f.Profile, m)
	x := Explanation{Hold: r.result.Hold, Ignore: r.result.Ignore, Notes: r.result.Notes}
	for _, o := range r.result.Observations {
		x.Event = o.Event + " (" + translate.Events()[o.Event] + ")"
		if err := h.explainOne(tx, o, &x); err != nil {
			return x, err
		}
	}
	return x, nil
}

// explainOne runs Match and Notice and records nothing.
func (h *Hub) explainOne(tx *store.Tx, o care.Observation, x *Explanation) error {
	byID, err := h.firstByID(tx, o.About.IDs)
	if err != nil {
		return err
	}
	if o.Joined != nil {
		retired, err := h.firstByID(tx, o.Joined.Retired)
		if err != nil {
			return err
		}
		x.Known = "two hospital numbers of one person"
		switch {
		case byID != nil && retired != nil && byID.ID != retired.ID:
			x.Events = append(x.Events, "Two records would be joined into one; it can be reversed")
		case byID == nil && retired == nil:
			x.Events = append(x.Events, "A new record would begin, with both numbers")
		default:
			x.Events = append(x.Events, "The record that is known would have both numbers")
		}
		return nil
	}
	byNHS, err := h.byNumber(tx, o, byID)
	if err != nil {
		return err
	}
	v := care.Match(o, byID, byNHS, "new")
	x.Hold = v.Hold
	var c care.Case
	switch {
	case v.Hold != "":
		return nil
	case v.New:
		x.Known = "a new person"
	case byID != nil && byID.ID == v.Case:
		x.Known, c = "a person known here by this hospital number", *byID
	case byNHS != nil:
		x.Known, c = "a person known here by the NHS number", *byNHS
	}
	if len(v.Other) > 0 {
		x.Known += "; a person must look, because another record is touched"
	}
	for _, e := range append(v.Events[:len(v.Events):len(v.Events)], care.Notice(care.Apply(c, v.Events...), o)...) {
		if !followsAt(e) {
			x.Events = append(x.Events, e.Say())
		}
	}
	return nil
}

// followsAt reports whether an event is what follows from a message at those who work
// on the case: no message says it, and whoever runs the interface may not know it.
func followsAt(e care.Event) bool {
	return slices.Contains([]string{"task", "client", "arranging", "money", "outcome", "huddle", "concern"}, timelineKind(e))
}

// ReplayResult is what became of messages that were read again.
type ReplayResult struct{ Tried, Done, StillHeld int }

// Replay puts held messages back to be read again, in their order; none: all
// held ones of all feeds. It returns when they have been read.
func (h *Hub) Replay(ctx context.Context, by care.Actor, ids []int64) (ReplayResult, error) {
	var queued []store.MessageID
	feeds := map[string]bool{}
	err := h.operating(ctx, by, policy.Replay, "replay", "", func(tx *store.Tx) error {
		queued = nil
		ms, err := h.toReplay(tx, ids)
		if err != nil {
			return err
		}
		for _, m := range ms {
			if err := tx.Settle(m, store.MessageNew, "", m.Case); err != nil {
				return err
			}
			queued, feeds[m.Feed] = append(queued, m.ID), true
		}
		return nil
	})
	if err != nil {
		return ReplayResult{}, err
	}
	for f := range feeds {
		for {
			n, err := h.Read(ctx, f)
			if err != nil {
				return ReplayResult{}, err
			}
			if n == 0 {
				break
			}
		}
	}
	return h.replayed(ctx, queued)
}

func (h *Hub) toReplay(tx *store.Tx, ids []int64) ([]store.Message, error) {
	var out []store.Message
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		m, err := tx.Message(store.MessageID(id))
		if err != nil {
			return nil, err
		}
		if m.State != store.MessageHeld {
			return nil, &care.Error{Kind: care.BusinessRule, Text: fmt.Sprintf("Message %d is not held", id)}
		}
		out = append(out, m)
	}
	if len(ids) > 0 {
		return out, nil
	}
	for _, f := range h.feedNames() {
		ms, err := tx.Held(f, 500)
		if err != nil {
			return nil, err
		}
		out = append(out, ms...)
	}
	return out, nil
}

// feedNames lists the names of the configured feeds.
func (h *Hub) feedNames() []string {
	var out []string
	for _, f := range h.Config.Feeds {
		out = append(out, f.Profile.Feed)
	}
	return out
}

func (h *Hub) replayed(ctx context.Context, ids []store.MessageID) (ReplayResult, error) {
	res := ReplayResult{Tried: len(ids)}
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			m, err := tx.Message(id)
			if err != nil {
				return err
			}
			switch m.State {
			case store.MessageDone, store.MessageIgnored:
				res.Done++
			default:
				res.StillHeld++
			}
		}
		return nil
	})
	return res, h.unavailable(err)
}
