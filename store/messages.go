package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
)

// In is a message as it came, with what its header says.
type In struct {
	Feed     string
	Control  string // MSH-10; "" when there is none
	Type     string // MSH-9, as told
	Raw      []byte // the bytes as they came; never changed
	Peer     string // who sent it: certificate name or address
	Received time.Time
	Readable bool   // the header could be read
	Reason   string // why it is not to be read, in words; only of one that is not Readable
}

// MessageID numbers kept messages from 1 in the order of keeping.
type MessageID int64

// Kept tells what became of an In.
type Kept struct {
	ID     MessageID // of the first copy, when Again
	Again  bool      // the same feed, control id and bytes were kept before: nothing was added
	Reused bool      // the control id was kept before with other bytes: this is a new message
}

// MessageState is how far a message has come.
type MessageState string

// The states of a message.
const (
	MessageNew        MessageState = "new"        // kept, not yet understood
	MessageDone       MessageState = "done"       // what it said is in a case
	MessageHeld       MessageState = "held"       // a person must look at it
	MessageIgnored    MessageState = "ignored"    // it says nothing that concerns us
	MessageUnreadable MessageState = "unreadable" // not even its header could be read, or it was cut
)

// Message is a kept message.
type Message struct {
	ID       MessageID
	Feed     string
	Control  string
	Type     string
	Raw      []byte
	Peer     string
	Received time.Time
	Reused   bool
	State    MessageState
	Reason   string      // why it is held or ignored, in words
	Case     care.CaseID // what it was about, "" when not known
}

// keeping is a Keep that waits for the writer.
type keeping struct {
	in  []In
	out []Kept
}

// Keep keeps messages and returns when they are safe: after the commit that
// holds them. It is the fast way in: all Keeps that wait share one commit and
// one look for repeats. A repeat (the same feed, control id and bytes) is not
// kept again. The order of keeping is the order of ids.
func (s *Store) Keep(ctx context.Context, in ...In) ([]Kept, error) {
	if len(in) == 0 {
		return nil, nil
	}
	w := &work{keep: &keeping{in: in}, done: make(chan error, 1)}
	if err := s.do(ctx, w); err != nil {
		return nil, err
	}
	return w.keep.out, nil
}

// runKeeps keeps the messages of all Keeps of a batch as one part.
func (b *batch) runKeeps(ws []*work) error {
	var all []In
	var keeps []*work
	for _, w := range ws {
		if w.keep != nil {
			keeps = append(keeps, w)
			all = append(all, w.keep.in...)
		}
	}
	if len(keeps) == 0 {
		return nil
	}
	err, fatal := b.part(func(t *Tx) error {
		out, err := t.Keep(all)
		if err != nil {
			return err
		}
		for _, w := range keeps {
			n := len(w.keep.in)
			w.keep.out, out = out[:n:n], out[n:]
		}
		return nil
	})
	for _, w := range keeps {
		w.err = err
	}
	return fatal
}

// digest tells bodies apart: half of SHA-256 is ample against chance, and a
// sender who makes collisions loses only its own message.
func digest(raw []byte) []byte {
	d := sha256.Sum256(raw)
	return d[:16]
}

type messageKey struct{ feed, control, digest string }

// Keep is Store.Keep within a Tx.
func (t *Tx) Keep(in []In) ([]Kept, error) {
	out := make([]Kept, len(in))
	digests := make([][]byte, len(in))
	looks := make([][]any, len(in))
	for i, m := range in {
		digests[i] = digest(m.Raw)
		looks[i] = []any{m.Feed, m.Control, digests[i]}
	}
	err := t.queryEach(`SELECT coalesce((SELECT id FROM messages WHERE feed = $1 AND control = $2 AND digest = $3), 0),
		EXISTS (SELECT 1 FROM messages WHERE feed = $1 AND control = $2)`, looks, func(i int, row []any) error {
		return scan(row, &out[i].ID, &out[i].Reused)
	})
	if err != nil {
		return nil, fmt.Errorf("looking for repeats of messages: %w", err)
	}
	first := map[messageKey]MessageID{}
	used := map[messageKey]bool{}
	var rows [][]any
	for i, m := range in {
		k := messageKey{m.Feed, m.Control, string(digests[i])}
		c := messageKey{m.Feed, m.Control, ""}
		if id := first[k]; id != 0 {
			out[i].ID = id
		}
		if out[i].ID != 0 {
			out[i].Again, out[i].Reused = true, false
			t.feed(m.Feed).again++
			t.feed(m.Feed).hear(m)
			continue
		}
		t.b.tally.messages++
		out[i].ID = MessageID(t.b.tally.messages)
		out[i].Reused = m.Control != "" && (out[i].Reused || used[c])
		first[k], used[c] = out[i].ID, true
		rows = append(rows, t.keepRow(m, digests[i], out[i]))
	}
	return out, t.insert(`INSERT INTO messages (id, feed, control, digest, type, raw, peer, received, reused, state, reason, case_id)`, rows, "")
}

func (t *Tx) keepRow(m In, digest []byte, k Kept) []any {
	state := MessageNew
	if !m.Readable {
		state = MessageUnreadable
	}
	f := t.feed(m.Feed)
	f.kept++
	f.count(state, 1)
	f.hear(m)
	if k.Reused {
		f.reused++
	}
	raw := t.sealRaw(messageRaw, m.Raw, int64(k.ID))
	if raw == nil {
		raw = []byte{}
	}
	return []any{int64(k.ID), m.Feed, m.Control, digest, m.Type, raw, m.Peer, m.Received, k.Reused, string(state), m.Reason, ""}
}

const messageColumns = `id, feed, control, type, raw, peer, received, reused, state, reason, case_id`

func (m *Message) scan(t *Tx, row []any) error {
	err := scan(row, &m.ID, &m.Feed, &m.Control, &m.Type, &m.Raw, &m.Peer, &m.Received, &m.Reused, &m.State, &m.Reason, &m.Case)
	if err == nil {
		m.Raw, err = t.open(messageRaw, m.Raw, int64(m.ID))
	}
	return err
}

func (t *Tx) messages(sql string, vs ...any) (ms []Message, err error) {
	err = t.query(sql, vs, func(row []any) error {
		var m Message
		err := m.scan(t, row)
		ms = append(ms, m)
		return err
	})
	return ms, err
}

// Pending is the oldest messages of a feed that are still to be understood,
// oldest first. Read them in the Update that settles them.
func (t *Tx) Pending(feed string, limit int) ([]Message, error) {
	return t.messages(`SELECT `+messageColumns+` FROM messages WHERE feed = $1 AND state = 'new' ORDER BY id LIMIT $2`, feed, limit)
}

// Held is the messages of a feed that a person must look at, oldest first.
func (t *Tx) Held(feed string, limit int) ([]Message, error) {
	return t.messages(`SELECT `+messageColumns+` FROM messages WHERE feed = $1 AND state = 'held' ORDER BY id LIMIT $2`, feed, limit)
}

// Message reads one message.
func (t *Tx) Message(id MessageID) (Message, error) {
	ms, err := t.messages(`SELECT `+messageColumns+` FROM messages WHERE id = $1`, id)
	return first(ms, err, "The message")
}

// Settle says what became of a message that was read in this Tx: its state,
// why in words, and the case it was about ("" for none). MessageNew puts it
// back to be understood again.
func (t *Tx) Settle(m Message, to MessageState, reason string, about care.CaseID) error {
	if m.State != to {
		f := t.feed(m.Feed)
		f.count(m.State, -1)
		f.count(to, 1)
	}
	return t.exec(`UPDATE messages SET state = $1, reason = $2, case_id = $3 WHERE id = $4`, to, reason, about, m.ID)
}

// MessageFilter chooses messages; empty fields choose all.
type MessageFilter struct {
	Feed    string
	State   MessageState
	Control string // needs Feed
	Before  MessageID
	Limit   int // 0 is 100
}

// Messages is a page of messages, newest first. The next page is Before the
// last id of this one.
func (t *Tx) Messages(f MessageFilter) ([]Message, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	if f.Before <= 0 {
		f.Before = 1 << 62
	}
	if f.Feed != "" && f.Control != "" {
		ms, err := t.messages(`SELECT `+messageColumns+` FROM messages WHERE feed = $1 AND control = $2 AND id < $3
			ORDER BY id DESC LIMIT $4`, f.Feed, f.Control, f.Before, f.Limit)
		return slices.DeleteFunc(ms, func(m Message) bool { return f.State != "" && m.State != f.State }), err
	}
	if f.Feed == "" && f.State == "" {
		return t.messages(`SELECT `+messageColumns+` FROM messages WHERE id < $1 ORDER BY id DESC LIMIT $2`, f.Before, f.Limit)
	}
	return t.messagesMerged(f)
}

// messagesMerged asks the index (state, feed, id) for the newest of each feed
// and state that is wanted, and merges: one index serves every page.
func (t *Tx) messagesMerged(f MessageFilter) ([]Message, error) {
	feeds, states := []string{f.Feed}, []MessageState{f.State}
	if f.Feed == "" {
		feeds = nil
		err := t.query(`SELECT feed FROM feeds ORDER BY feed`, nil, func(row []any) error {
			var s string
			err := scan(row, &s)
			feeds = append(feeds, s)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if f.State == "" {
		states = []MessageState{MessageNew, MessageDone, MessageHeld, MessageIgnored, MessageUnreadable}
	}
	var vs [][]any
	for _, feed := range feeds {
		for _, st := range states {
			vs = append(vs, []any{feed, st, f.Before, f.Limit})
		}
	}
	var ms []Message
	err := t.queryEach(`SELECT `+messageColumns+` FROM messages WHERE feed = $1 AND state = $2 AND id < $3
		ORDER BY id DESC LIMIT $4`, vs, func(_ int, row []any) error {
		var m Message
		err := m.scan(t, row)
		ms = append(ms, m)
		return err
	})
	slices.SortFunc(ms, func(a, b Message) int { return int(b.ID - a.ID) })
	return ms[:min(len(ms), f.Limit)], err
}

// MessageControls streams the control id of each kept message, in the order of
// keeping.
func (t *Tx) MessageControls(each func(control string) error) error {
	return t.query(`SELECT control FROM messages ORDER BY id`, nil, func(row []any) error {
		var s string
		if err := scan(row, &s); err != nil {
			return err
		}
		return each(s)
	})
}

// MessageControls streams the control id of each kept message.
func (s *Store) MessageControls(ctx context.Context, each func(control string) error) error {
	return s.View(ctx, func(t *Tx) error { return t.MessageControls(each) })
}

// Feed is how a feed is doing.
type Feed struct {
	Feed       string
	Heard      time.Time // when the last message came that could be read, repeats included
	Kept       int64     // messages kept, ever
	Again      int64     // repeats answered and not kept, ever
	Reused     int64     // control ids that came again with another body, ever
	New        int64     // backlog: kept and not yet understood
	Done       int64
	Held       int64
	Ignored    int64
	Unreadable int64
	LastMinute int64 // messages that came in the last 60 s, estimated from whole minutes
	LastHour   int64
}

// Feeds is how all feeds are doing, by name. A feed that never sent anything
// is not there.
func (t *Tx) Feeds() (fs []Feed, err error) {
	if err := t.flushFeeds(); err != nil {
		return nil, err
	}
	now := t.Now()
	err = t.query(`SELECT feed, heard, kept, again, reused, new, done, held, ignored, unreadable,
		minute, in_minute, before_minute, hour, in_hour, before_hour FROM feeds ORDER BY feed`, nil, func(row []any) error {
		var f Feed
		var minute, inMinute, beforeMinute, hour, inHour, beforeHour int64
		err := scan(row, &f.Feed, &f.Heard, &f.Kept, &f.Again, &f.Reused, &f.New, &f.Done, &f.Held, &f.Ignored, &f.Unreadable,
			&minute, &inMinute, &beforeMinute, &hour, &inHour, &beforeHour)
		f.LastMinute = sliding(now, time.Minute, minute, inMinute, beforeMinute)
		f.LastHour = sliding(now, time.Hour, hour, inHour, beforeHour)
		fs = append(fs, f)
		return err
	})
	return fs, err
}

// Feed is how one feed is doing; all zero when it never sent anything.
func (t *Tx) Feed(name string) (Feed, error) {
	fs, err := t.Feeds()
	for _, f := range fs {
		if f.Feed == name {
			return f, err
		}
	}
	return Feed{Feed: name}, err
}

// sliding estimates a count over the last period from the count of the period
// number at, and of the one before it.
func sliding(now time.Time, period time.Duration, at, in, before int64) int64 {
	p := now.UnixMicro() / period.Microseconds()
	part := float64(now.UnixMicro()%period.Microseconds()) / float64(period.Microseconds())
	switch p {
	case at:
		return in + int64(float64(before)*(1-part)+0.5)
	case at + 1:
		return int64(float64(in)*(1-part) + 0.5)
	}
	return 0
}

// feedDelta is what one part adds to a feed's row.
type feedDelta struct {
	heard               time.Time // the last that could be read
	last                time.Time // the last of all
	came                int64
	kept, again, reused int64
	states              map[MessageState]int64
}

func (t *Tx) feed(name string) *feedDelta {
	if t.feeds == nil {
		t.feeds = map[string]*feedDelta{}
	}
	d := t.feeds[name]
	if d == nil {
		d = &feedDelta{states: map[MessageState]int64{}}
		t.feeds[name] = d
	}
	return d
}

// hear counts a message. Garbage does not make a feed fresh: whatever sends it,
// the hospital has told nothing.
func (d *feedDelta) hear(m In) {
	d.came++
	if m.Received.After(d.last) {
		d.last = m.Received
	}
	if m.Readable && m.Received.After(d.heard) {
		d.heard = m.Received
	}
}

func (d *feedDelta) count(s MessageState, n int64) { d.states[s] += n }

// flushFeeds writes what the part adds to the feeds' rows.
func (t *Tx) flushFeeds() error {
	for _, name := range sortedKeys(t.feeds) {
		d := t.feeds[name]
		now := micros(d.last)
		minute, hour := now/time.Minute.Microseconds(), now/time.Hour.Microseconds()
		s := d.states
		err := t.exec(feedText, name, d.heard, d.kept, d.again, d.reused, s[MessageNew], s[MessageDone], s[MessageHeld],
			s[MessageIgnored], s[MessageUnreadable], minute, d.came, int64(0), hour, d.came, int64(0))
		if err != nil {
			return err
		}
	}
	t.feeds = nil
	return nil
}

var feedText = `INSERT INTO feeds (feed, heard, kept, again, reused, new, done, held, ignored, unreadable,
	minute, in_minute, before_minute, hour, in_hour, before_hour)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
	ON CONFLICT (feed) DO UPDATE SET
	heard = CASE WHEN excluded.heard > feeds.heard THEN excluded.heard ELSE feeds.heard END,
	kept = feeds.kept + excluded.kept, again = feeds.again + excluded.again, reused = feeds.reused + excluded.reused,
	new = feeds.new + excluded.new, done = feeds.done + excluded.done, held = feeds.held + excluded.held,
	ignored = feeds.ignored + excluded.ignored, unreadable = feeds.unreadable + excluded.unreadable,` +
	slide("minute") + `,` + slide("hour")

// slide moves a feed's counts of a period on when a newer period begins.
func slide(period string) string {
	return strings.ReplaceAll(`
	before_P = CASE WHEN excluded.P = feeds.P + 1 THEN feeds.in_P WHEN excluded.P > feeds.P THEN 0 ELSE feeds.before_P END,
	in_P = CASE WHEN excluded.P > feeds.P THEN excluded.in_P ELSE feeds.in_P + excluded.in_P END,
	P = CASE WHEN excluded.P > feeds.P THEN excluded.P ELSE feeds.P END`, "P", period)
}

func sortedKeys[V any](m map[string]V) []string {
	ks := make([]string, 0, len(m))
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}
