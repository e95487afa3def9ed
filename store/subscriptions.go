package store

import (
	"strings"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// Subscription is what a system asked to be told of. Doc is the hub's own document:
// where to, and what with.
type Subscription struct {
	ID        string
	Client    string
	Org       nhs.ODS
	Status    string
	Topic     string
	Channel   string
	Case      care.CaseID // the only one that it is about; "" for any
	Since     int64       // place in history after which it is told
	Events    int64       // number of the newest event
	Delivered int64       // number of the newest that was delivered
	Failures  int64       // tries in a row that did not get through
	Created   time.Time
	Ends      time.Time // zero: it does not end
	Sent      time.Time // the last notification that got through
	Due       time.Time // when to look at it next; zero: never
	Leased    time.Time // until when whoever claimed it works at it
	Doc       []byte
}

// SubscriptionEvent is one event as it is kept: which resource of which case.
type SubscriptionEvent struct {
	Subscription string
	N            int64
	At           time.Time
	Case         care.CaseID // "" of one that was erased
	Type, ID     string
}

const subscriptionColumns = `id, client, org, status, topic, channel, case_id, since, events, delivered, failures, created, ends, sent, due, leased, doc`

func (t *Tx) subscriptions(sql string, vs ...any) (ss []Subscription, err error) {
	err = t.query(sql, vs, func(row []any) error {
		s, err := t.subscription(row)
		ss = append(ss, s)
		return err
	})
	return ss, err
}

func (t *Tx) subscription(row []any) (s Subscription, err error) {
	if err := scan(row, &s.ID, &s.Client, &s.Org, &s.Status, &s.Topic, &s.Channel, &s.Case, &s.Since, &s.Events, &s.Delivered, &s.Failures,
		&s.Created, &s.Ends, &s.Sent, &s.Due, &s.Leased, &s.Doc); err != nil {
		return s, err
	}
	s.Doc, err = t.open(subscriptionDoc, s.Doc, s.ID)
	return s, err
}

// AddSubscription keeps a new subscription. It is told of what is recorded from now on.
func (t *Tx) AddSubscription(s Subscription) error {
	seq, err := t.Seq()
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO subscriptions (`+subscriptionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, $9, $10, 0, $11, 0, $12)`,
		s.ID, s.Client, string(s.Org), s.Status, s.Topic, s.Channel, s.Case, seq, s.Created, s.Ends, s.Due, t.seal(subscriptionDoc, string(s.Doc), s.ID))
}

// Subscription reads one; care.NotFound when there is none.
func (t *Tx) Subscription(id string) (Subscription, error) {
	ss, err := t.subscriptions(`SELECT `+subscriptionColumns+` FROM subscriptions WHERE id = $1`, id)
	return first(ss, err, "The subscription")
}

// SubscriptionsOf lists those of a client, in the order in which they were made; of
// all with "".
func (t *Tx) SubscriptionsOf(client string) ([]Subscription, error) {
	return t.subscriptions(`SELECT `+subscriptionColumns+` FROM subscriptions WHERE client = $1 OR $1 = '' ORDER BY created, id`, client)
}

// SubscriptionsFollowing lists those to which new events belong: those that were
// asked for, and were not turned off.
func (t *Tx) SubscriptionsFollowing(now time.Time) ([]Subscription, error) {
	return t.subscriptions(`SELECT `+subscriptionColumns+` FROM subscriptions WHERE status IN ('requested', 'active', 'error') AND (ends = 0 OR ends > $1) ORDER BY id`, now)
}

// DropSubscription removes a subscription with its events.
func (t *Tx) DropSubscription(id string) error {
	return firstError(t.exec(`DELETE FROM subscription_events WHERE subscription = $1`, id), t.exec(`DELETE FROM subscriptions WHERE id = $1`, id))
}

// ChangeSubscription keeps the state and document of a subscription. Its numbers of
// events are not changed, since others count at the same time.
func (t *Tx) ChangeSubscription(s Subscription) error {
	return t.exec(`UPDATE subscriptions SET status = $2, failures = $3, ends = $4, due = $5, leased = 0, doc = $6 WHERE id = $1`,
		s.ID, s.Status, s.Failures, s.Ends, s.Due, t.seal(subscriptionDoc, string(s.Doc), s.ID))
}

// AddSubscriptionEvents numbers events of one subscription and keeps them, in their
// order. One that is gone by now gets none. One that waits after a failure waits on.
func (t *Tx) AddSubscriptionEvents(id string, events []SubscriptionEvent) error {
	last := int64(-1)
	err := t.change(`UPDATE subscriptions SET events = events + $2,
		due = CASE WHEN channel = 'rest-hook' AND failures = 0 AND status = 'active' THEN $3 ELSE due END WHERE id = $1 RETURNING events`,
		[]any{id, len(events), t.Now()}, func(row []any) error { return scan(row, &last) })
	if err != nil || last < 0 {
		return err
	}
	var rows [][]any
	for i, e := range events {
		rows = append(rows, []any{id, last - int64(len(events)) + int64(i) + 1, e.At, e.Case, e.Type, e.ID})
	}
	return t.insert(`INSERT INTO subscription_events (subscription, n, at, case_id, type, id)`, rows, "")
}

// SubscriptionEvents lists events of a subscription with numbers after and up to,
// in their order.
func (t *Tx) SubscriptionEvents(id string, after, upTo int64, limit int) (es []SubscriptionEvent, err error) {
	err = t.query(`SELECT subscription, n, at, case_id, type, id FROM subscription_events WHERE subscription = $1 AND n > $2 AND n <= $3 ORDER BY n LIMIT $4`,
		[]any{id, after, upTo, limit}, func(row []any) error {
			var e SubscriptionEvent
			err := scan(row, &e.Subscription, &e.N, &e.At, &e.Case, &e.Type, &e.ID)
			es = append(es, e)
			return err
		})
	return es, err
}

// SubscriptionCursor is the place in history up to which events were looked for;
// known is false before the first time.
func (t *Tx) SubscriptionCursor() (seq int64, known bool, err error) {
	err = t.one(`SELECT seq FROM subscription_cursor WHERE one = 1`, nil, &seq)
	if err == errNone {
		return 0, false, nil
	}
	return seq, err == nil, err
}

// BeginSubscriptionCursor puts the cursor where history ends, where there is none or
// nobody follows: then it stood still, and what happened meanwhile is nobody's news.
func (t *Tx) BeginSubscriptionCursor() error {
	seq, err := t.Seq()
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO subscription_cursor (one, seq) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET seq = excluded.seq
		WHERE NOT EXISTS (SELECT 1 FROM subscriptions WHERE status <> 'off')`, seq)
}

// MoveSubscriptionCursor moves the cursor from one place to another. moved is false
// when another process moved it first: what was found must then not be kept.
func (t *Tx) MoveSubscriptionCursor(from, to int64) (moved bool, err error) {
	err = t.change(`UPDATE subscription_cursor SET seq = $2 WHERE one = 1 AND seq = $1 RETURNING seq`, []any{from, to}, func([]any) error {
		moved = true
		return nil
	})
	return moved, err
}

// NextSubscription is when a subscription falls due that nobody works at; zero when
// none will.
func (t *Tx) NextSubscription() (at time.Time, err error) {
	err = t.one(`SELECT coalesce(min(CASE WHEN leased > due THEN leased ELSE due END), 0) FROM subscriptions WHERE due > 0`, nil, &at)
	return at, err
}

// ClaimSubscription takes the subscription that has been due longest, for the time
// of the lease. ok is false when none is due.
func (t *Tx) ClaimSubscription(lease time.Duration) (s Subscription, ok bool, err error) {
	now := t.Now()
	err = t.change(`UPDATE subscriptions SET leased = $1 WHERE id = (SELECT id FROM subscriptions WHERE due > 0 AND due <= $2 AND leased <= $2 ORDER BY due, id LIMIT 1)
		RETURNING `+subscriptionColumns, []any{now.Add(lease), now}, func(row []any) (err error) {
		s, err = t.subscription(row)
		ok = err == nil
		return err
	})
	return s, ok, err
}

// SettleSubscription keeps what came of a notification: s as it was claimed with
// its new state. Events that came meanwhile make it due at once, if it got through.
// Where the subscription was changed or claimed anew since, nothing is kept: what was
// told is told again.
func (t *Tx) SettleSubscription(s Subscription) error {
	return t.exec(`UPDATE subscriptions SET status = $2, delivered = $3, failures = $4, sent = $5, leased = 0,
		due = CASE WHEN CAST($4 AS BIGINT) = 0 AND events > CAST($3 AS BIGINT) AND CAST($2 AS TEXT) = 'active' THEN CAST($6 AS BIGINT) ELSE CAST($7 AS BIGINT) END,
		doc = $8 WHERE id = $1 AND leased = $9`,
		s.ID, s.Status, s.Delivered, s.Failures, s.Sent, t.Now(), s.Due, t.seal(subscriptionDoc, string(s.Doc), s.ID), s.Leased)
}

// SubscriptionToken binds a websocket to subscriptions. Hash is the token's SHA-256.
type SubscriptionToken struct {
	Hash          []byte
	Client        string
	Subscriptions []string
	Expires       time.Time
}

// PutSubscriptionToken keeps a token.
func (t *Tx) PutSubscriptionToken(k SubscriptionToken) error {
	return t.exec(`INSERT INTO subscription_tokens (token, client, subscriptions, expires) VALUES ($1, $2, $3, $4)`,
		k.Hash, k.Client, strings.Join(k.Subscriptions, " "), k.Expires)
}

// TakeSubscriptionToken removes a token and gives it, so that it binds once;
// care.NotFound when there is none.
func (t *Tx) TakeSubscriptionToken(hash []byte) (SubscriptionToken, error) {
	var ks []SubscriptionToken
	err := t.change(`DELETE FROM subscription_tokens WHERE token = $1 RETURNING client, subscriptions, expires`, []any{hash}, func(row []any) error {
		k, list := SubscriptionToken{Hash: hash}, ""
		err := scan(row, &k.Client, &list, &k.Expires)
		k.Subscriptions = strings.Fields(list)
		ks = append(ks, k)
		return err
	})
	return first(ks, err, "The token")
}

// SweepSubscriptions forgets tokens and exports that ended before now, and events
// older than kept.
func (t *Tx) SweepSubscriptions(now, kept time.Time) error {
	return firstError(t.exec(`DELETE FROM subscription_tokens WHERE expires < $1`, now), t.exec(`DELETE FROM exports WHERE expires < $1`, now),
		t.exec(`DELETE FROM subscription_events WHERE at < $1 AND n <= (SELECT delivered FROM subscriptions s WHERE s.id = subscription)`, kept))
}

// Export is an export that was asked for.
type Export struct {
	ID      string
	Client  string
	Org     nhs.ODS
	At      time.Time // when it was asked for: the time of its content
	Since   time.Time
	Types   []string
	Request string // the address that asked
	Expires time.Time
}

// AddExport keeps an export.
func (t *Tx) AddExport(e Export) error {
	return t.exec(`INSERT INTO exports (id, client, org, at, since, types, request, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		e.ID, e.Client, string(e.Org), e.At, e.Since, strings.Join(e.Types, " "), e.Request, e.Expires)
}

// Export reads one; care.NotFound when there is none.
func (t *Tx) Export(id string) (e Export, err error) {
	types := ""
	err = t.one(`SELECT id, client, org, at, since, types, request, expires FROM exports WHERE id = $1`, []any{id},
		&e.ID, &e.Client, &e.Org, &e.At, &e.Since, &types, &e.Request, &e.Expires)
	e.Types = strings.Fields(types)
	return e, orNotFound(err, "The export")
}

// ExportsOf counts the exports that a client has now.
func (t *Tx) ExportsOf(client string, now time.Time) (n int, err error) {
	err = t.one(`SELECT count(*) FROM exports WHERE client = $1 AND expires > $2`, []any{client, now}, &n)
	return n, err
}

// DropExport forgets an export.
func (t *Tx) DropExport(id string) error { return t.exec(`DELETE FROM exports WHERE id = $1`, id) }

// ResourceTypesOf lists the types of resource that an organisation's cases have, in
// the order of the alphabet.
func (t *Tx) ResourceTypesOf(org nhs.ODS) (types []string, err error) {
	err = t.query(`SELECT DISTINCT r.type FROM parties p JOIN resources r ON r.case_id = p.case_id WHERE p.org = $1 ORDER BY r.type`, []any{string(org)}, func(row []any) error {
		typ := ""
		err := scan(row, &typ)
		types = append(types, typ)
		return err
	})
	return types, err
}

// PartyCases lists cases in which an organisation has a part, in the order of their
// ids, after one; with changed, only those of which some resource changed since.
func (t *Tx) PartyCases(org nhs.ODS, after care.CaseID, changed time.Time, limit int) (ids []care.CaseID, err error) {
	sql := `SELECT p.case_id FROM parties p WHERE p.org = $1 AND p.case_id > $2`
	vs := []any{string(org), after, limit}
	if !changed.IsZero() {
		sql += ` AND EXISTS (SELECT 1 FROM resources r WHERE r.case_id = p.case_id AND r.updated >= $4)`
		vs = append(vs, changed)
	}
	err = t.query(sql+` ORDER BY p.case_id LIMIT $3`, vs, func(row []any) error {
		var id care.CaseID
		err := scan(row, &id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// UnindexedLeft counts the cases that the index of resources does not have yet.
func (t *Tx) UnindexedLeft() (n int, err error) {
	err = t.one(`SELECT count(*) FROM unindexed`, nil, &n)
	return n, err
}

// eraseSubscribed takes a person out of the events that name them. The numbers stay.
func (t *Tx) eraseSubscribed(id care.CaseID) error {
	return firstError(t.exec(`UPDATE subscription_events SET case_id = '', type = '', id = '' WHERE case_id = $1`, id),
		t.exec(`UPDATE subscriptions SET status = 'off', due = 0 WHERE case_id = $1`, id))
}
