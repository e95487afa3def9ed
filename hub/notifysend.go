package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	netmail "net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/nhs"
	"homeward/store"
)

// Notices is how notifications leave Homeward besides its pages. What is sent
// names nobody: a count, kinds and a link.
type Notices struct {
	// Mail sends a letter to one address; nil: none is sent. key is the same when the
	// same is sent again. A *connect.Refused is for good.
	Mail func(ctx context.Context, to, key, subject, text string) error
	// Hooks are told of an organisation's notifications by a signed POST.
	Hooks map[nhs.ODS]func(ctx context.Context, key string, body []byte) error
}

// The records of what is sent.
const (
	recordPreference = "preference" // of a user; ID is the account
	recordHook       = "hook"       // of an organisation; ID is hookID
	hookID           = "notifications"
)

const (
	noticeGather  = 30 * time.Second // what happens together is one mail
	noticeLease   = 2 * time.Minute  // outlasts the longest try
	noticeTimeout = time.Minute      // of one try
	confirmFor    = 24 * time.Hour   // a link to confirm an address
	confirmApart  = 5 * time.Minute  // between two of them
)

// sending is what is remembered of a place that notifications are sent to.
type sending struct {
	Sent     time.Time `json:"sent,omitzero"` // the newest notification that went there
	Leased   time.Time `json:"leased,omitzero"`
	Failures int       `json:"failures,omitempty"`
	Problem  string    `json:"problem,omitempty"` // why it was refused; "" when it was not
}

// failed is when to try again.
func (s *sending) failed(now time.Time) time.Time {
	s.Failures, s.Leased = s.Failures+1, time.Time{}
	wait := lastAgain
	if s.Failures < 10 {
		wait = min(lastAgain, firstAgain<<(s.Failures-1))
	}
	return now.Add(wait + rand.N(wait/4))
}

// A preference is how one user wants to be notified.
type preference struct {
	sending
	Address   string       `json:"address,omitempty"`
	Confirmed bool         `json:"confirmed,omitempty"`
	Token     string       `json:"token,omitempty"` // until it is sent
	Hash      string       `json:"hash,omitempty"`  // of the token, until it is used
	Asked     time.Time    `json:"asked,omitzero"`
	Digest    []NoticeKind `json:"digest,omitzero"` // kinds that wait for the digest
	Hour      int          `json:"hour"`            // of the digest, local
	From      int          `json:"from"`            // quiet hours, local: from
	To        int          `json:"to"`              // and to; the same: none
}

// newPreference is what holds while a user has said nothing.
func newPreference() preference {
	return preference{Hour: 8, From: 20, To: 7, Digest: []NoticeKind{NoticeChange}}
}

// quietUntil is when quiet hours that hold at t end; t itself outside them. from
// and to are hours of the local day; they may go over midnight. Days on which the
// clocks change are as long as they are.
func quietUntil(t time.Time, zone *time.Location, from, to int) time.Time {
	if from == to {
		return t
	}
	l := t.In(zone)
	at := func(days, hour int) time.Time {
		return time.Date(l.Year(), l.Month(), l.Day()+days, hour, 0, 0, 0, zone)
	}
	for _, days := range []int{-1, 0} {
		begin, end := at(days, from), at(days, to)
		if to < from {
			end = at(days+1, to)
		}
		if !t.Before(begin) && t.Before(end) {
			return end.UTC()
		}
	}
	return t
}

// nextHour is the next time at or after t at which a local day reaches an hour.
func nextHour(t time.Time, zone *time.Location, hour int) time.Time {
	l := t.In(zone)
	for days := 0; ; days++ {
		if at := time.Date(l.Year(), l.Month(), l.Day()+days, hour, 0, 0, 0, zone); !at.Before(t) {
			return at.UTC()
		}
	}
}

// due is when a notification that came at t is to be mailed: what is severe at
// once, a digest at its hour, and all else when quiet hours are over.
func (p preference) due(n notice, t time.Time, zone *time.Location) time.Time {
	switch {
	case n.Severe:
		return t
	case slices.Contains(p.Digest, n.Kind):
		return quietUntil(nextHour(t, zone, p.Hour), zone, p.From, p.To)
	}
	return quietUntil(t.Add(noticeGather), zone, p.From, p.To)
}

func (h *Hub) preferenceOf(tx *store.Tx, user care.ActorID) (store.Record, preference, error) {
	p := newPreference()
	r, err := tx.Kept(recordPreference, "", string(user))
	if care.KindOf(err) == care.NotFound {
		return store.Record{Kind: recordPreference, ID: string(user), Owner: string(user)}, p, nil
	}
	if err == nil {
		err = json.Unmarshal(r.Doc, &p)
	}
	return r, p, err
}

func (h *Hub) putPreference(tx *store.Tx, r store.Record, p preference) (err error) {
	r.At = h.now()
	if r.Doc, err = json.Marshal(p); err != nil {
		return err
	}
	_, err = tx.PutRecord(r)
	return err
}

// mailLater says when the mail of a user is due, for a notification just kept.
func (h *Hub) mailLater(tx *store.Tx, n toNotify) error {
	if h.Notices.Mail == nil {
		return nil
	}
	r, p, err := h.preferenceOf(tx, n.user)
	if err != nil || !p.Confirmed || p.Leased.After(h.now()) { // whoever sends now looks again afterwards
		return err
	}
	due := p.due(n.notice, n.Last, h.Zone)
	if !r.Due.IsZero() && !due.Before(r.Due) {
		return nil
	}
	r.Due = due
	return h.putPreference(tx, r, p)
}

// hookLater says when an organisation's webhook is due.
func (h *Hub) hookLater(tx *store.Tx, n toNotify) error {
	if h.Notices.Hooks[n.org] == nil {
		return nil
	}
	r, s, err := hookOf(tx, n.org)
	if err != nil || s.Leased.After(h.now()) || !r.Due.IsZero() {
		return err
	}
	r.Due = n.Last.Add(noticeGather)
	if n.Severe {
		r.Due = n.Last
	}
	return putHook(tx, r, s)
}

func hookOf(tx *store.Tx, org nhs.ODS) (store.Record, sending, error) {
	var s sending
	r, err := tx.Kept(recordHook, string(org), hookID)
	if care.KindOf(err) == care.NotFound {
		return store.Record{Kind: recordHook, Org: string(org), ID: hookID}, s, nil
	}
	if err == nil {
		err = json.Unmarshal(r.Doc, &s)
	}
	return r, s, err
}

func putHook(tx *store.Tx, r store.Record, s sending) (err error) {
	if r.Doc, err = json.Marshal(s); err != nil {
		return err
	}
	_, err = tx.PutRecord(r)
	return err
}

// sendLoop sends mails and calls webhooks as they fall due, until ctx ends.
func (h *Hub) sendLoop(ctx context.Context) {
	if h.Notices.Mail == nil && len(h.Notices.Hooks) == 0 {
		return
	}
	for ctx.Err() == nil {
		moved := h.Store.Wait()
		did, err := h.SendNotices(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			h.Log.Error("sending notifications", "err", err)
			h.pause(ctx, nil, 5*time.Second)
		case !did:
			h.pause(ctx, moved, 5*time.Second)
		}
	}
}

// SendNotices sends the mail or calls the webhook that has been due longest; did is
// false when none is due. What could not be sent is tried again later, ever more
// seldom, and stays on the user's page whatever becomes of it.
func (h *Hub) SendNotices(ctx context.Context) (did bool, err error) {
	s, err := h.claimNotices(ctx)
	if err != nil || s == nil {
		return false, err
	}
	trying, stop := context.WithTimeout(ctx, noticeTimeout)
	sent := s.send(trying)
	stop()
	if sent != nil && ctx.Err() != nil {
		return true, nil // we end, and not they: the lease runs out
	}
	if sent != nil {
		h.Log.Warn("a notification was not sent", "kind", s.kind, "organisation", s.org, "err", sent)
	}
	return true, h.update(ctx, func(tx *store.Tx) error { return s.settle(tx, sent) })
}

// claimedNotice is something to send, taken under a lease.
type claimedNotice struct {
	kind   string
	org    nhs.ODS
	send   func(context.Context) error
	settle func(*store.Tx, error) error
}

// claimNotices takes what is due longest; nil when nothing is.
func (h *Hub) claimNotices(ctx context.Context) (*claimedNotice, error) {
	var out *claimedNotice
	err := h.update(ctx, func(tx *store.Tx) error {
		out = nil
		now := h.now()
		for _, kind := range []string{recordPreference, recordHook} {
			rs, err := tx.KeptAll(store.RecordQuery{Kind: kind, DueBefore: now.Add(time.Microsecond), Limit: 1})
			if err != nil {
				return err
			}
			if len(rs) == 0 {
				continue
			}
			if kind == recordHook {
				out, err = h.claimHook(tx, rs[0], now)
			} else {
				out, err = h.claimMail(tx, rs[0], now)
			}
			if err != nil || out != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// waiting are unread notifications of a query after a time, and when the newest came.
func waiting(tx *store.Tx, q store.RecordQuery, after time.Time) (list []notice, newest time.Time, err error) {
	q.Kind, q.States, q.Newest, q.Limit = recordNotice, []string{noticeUnread}, true, 500
	rs, err := tx.KeptAll(q)
	newest = after
	for _, r := range rs {
		var n notice
		if err := json.Unmarshal(r.Doc, &n); err != nil {
			return nil, newest, fmt.Errorf("reading a notification: %w", err)
		}
		if r.At.After(after) { // what was folded into one that was sent is not sent again
			list = append(list, n)
			if r.At.After(newest) {
				newest = r.At
			}
		}
	}
	return list, newest, err
}

// claimMail takes a user's mail, or finds that there is nothing to say any more.
func (h *Hub) claimMail(tx *store.Tx, r store.Record, now time.Time) (*claimedNotice, error) {
	var p preference
	if err := json.Unmarshal(r.Doc, &p); err != nil {
		return nil, fmt.Errorf("reading a user's preferences: %w", err)
	}
	user := care.ActorID(r.ID)
	list, newest, err := waiting(tx, store.RecordQuery{Owner: r.ID}, p.Sent)
	if err != nil {
		return nil, err
	}
	confirms := p.Token != ""
	if h.Notices.Mail == nil || !confirms && (!p.Confirmed || len(list) == 0) {
		r.Due = time.Time{}
		return nil, h.putPreference(tx, r, p)
	}
	p.Leased, r.Due = now.Add(noticeLease), now.Add(noticeLease)
	if err := h.putPreference(tx, r, p); err != nil {
		return nil, err
	}
	key := noticeKey(r.ID, p.Sent)
	subject, text := h.noticeMail(list)
	if confirms {
		key, subject, text = noticeKey(r.ID, p.Asked), "Confirm your address for Homeward", h.confirmMail(p.Token)
	}
	address := p.Address
	return &claimedNotice{kind: "mail", send: func(ctx context.Context) error { return h.Notices.Mail(ctx, address, key, subject, text) },
		settle: func(tx *store.Tx, sent error) error { return h.settleMail(tx, user, confirms, newest, sent) }}, nil
}

// settleMail keeps what came of a mail. What came meanwhile falls due by itself.
func (h *Hub) settleMail(tx *store.Tx, user care.ActorID, confirms bool, newest time.Time, sent error) error {
	r, p, err := h.preferenceOf(tx, user)
	if err != nil || r.Version == 0 {
		return err
	}
	var refused *connect.Refused
	switch {
	case sent != nil && !errors.As(sent, &refused):
		r.Due = p.failed(h.now())
		return h.putPreference(tx, r, p)
	case sent != nil:
		p.Problem = refused.Text
	default:
		p.Problem = ""
	}
	p.Failures, p.Leased, r.Due = 0, time.Time{}, time.Time{}
	if confirms {
		p.Token = ""
	} else {
		p.Sent = newest
	}
	if p.Confirmed && sent == nil {
		list, _, err := waiting(tx, store.RecordQuery{Owner: string(user)}, p.Sent)
		if err != nil {
			return err
		}
		for _, n := range list {
			if due := p.due(n, h.now(), h.Zone); r.Due.IsZero() || due.Before(r.Due) {
				r.Due = due
			}
		}
	}
	return h.putPreference(tx, r, p)
}

// claimHook takes an organisation's webhook.
func (h *Hub) claimHook(tx *store.Tx, r store.Record, now time.Time) (*claimedNotice, error) {
	var s sending
	if err := json.Unmarshal(r.Doc, &s); err != nil {
		return nil, fmt.Errorf("reading a webhook's state: %w", err)
	}
	org := nhs.ODS(r.Org)
	list, newest, err := waiting(tx, store.RecordQuery{Org: r.Org}, s.Sent)
	if err != nil {
		return nil, err
	}
	call := h.Notices.Hooks[org]
	if call == nil || len(list) == 0 {
		r.Due = time.Time{}
		return nil, putHook(tx, r, s)
	}
	s.Leased, r.Due = now.Add(noticeLease), now.Add(noticeLease)
	if err := putHook(tx, r, s); err != nil {
		return nil, err
	}
	key := noticeKey(r.Org, s.Sent)
	body, err := json.Marshal(hookBody(list, now, h.noticeLink("/notifications")))
	if err != nil {
		return nil, err
	}
	return &claimedNotice{kind: "webhook", org: org, send: func(ctx context.Context) error { return call(ctx, key, body) },
		settle: func(tx *store.Tx, sent error) error { return h.settleHook(tx, org, newest, sent) }}, nil
}

func (h *Hub) settleHook(tx *store.Tx, org nhs.ODS, newest time.Time, sent error) error {
	r, s, err := hookOf(tx, org)
	if err != nil {
		return err
	}
	if sent != nil { // whoever runs it mends it: it is tried for as long as it is configured
		s.Problem = "The webhook did not take it"
		r.Due = s.failed(h.now())
		return putHook(tx, r, s)
	}
	s, r.Due = sending{Sent: newest}, time.Time{}
	list, _, err := waiting(tx, store.RecordQuery{Org: r.Org}, newest)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		r.Due = h.now().Add(noticeGather)
	}
	return putHook(tx, r, s)
}

// hookNews is the body of a webhook: counts, and nothing of anybody. Standard
// Webhooks 1.0, payload structure.
type hookNews struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Count  int                `json:"count"`
		Urgent int                `json:"urgent"`
		Kinds  map[NoticeKind]int `json:"kinds"`
		Link   string             `json:"link,omitempty"`
	} `json:"data"`
}

func hookBody(list []notice, now time.Time, link string) hookNews {
	n := hookNews{Type: "homeward.notifications", Timestamp: now}
	n.Data.Count, n.Data.Kinds, n.Data.Link = len(list), map[NoticeKind]int{}, link
	for _, x := range list {
		n.Data.Kinds[x.Kind]++
		if x.Severe {
			n.Data.Urgent++
		}
	}
	return n
}

// noticeKey names what is sent, as a UUID: the same try by try, and another once
// it got through.
func noticeKey(whose string, after time.Time) string {
	sum := sha256.Sum256([]byte(whose + "\x00" + strconv.FormatInt(after.UnixMicro(), 10)))
	x := hex.EncodeToString(sum[:16])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// noticeLink is the address of one of our pages; "" when ours is not configured.
func (h *Hub) noticeLink(path string) string {
	if h.PublicURL == "" {
		return ""
	}
	return strings.TrimSuffix(h.PublicURL, "/") + path
}

// noticeMail is what a mail says: how many, of which kinds, and where to read them.
func (h *Hub) noticeMail(list []notice) (subject, text string) {
	count, urgent := map[NoticeKind]int{}, 0
	for _, n := range list {
		count[n.Kind]++
		if n.Severe {
			urgent++
		}
	}
	subject = "Homeward: " + plural(len(list), "notification", "notifications")
	if urgent > 0 {
		subject = "Homeward: urgent: " + plural(len(list), "notification", "notifications")
	}
	var b strings.Builder
	b.WriteString("These wait for you in Homeward:\r\n\r\n")
	for _, k := range noticeKinds {
		if count[k.Kind] > 0 {
			fmt.Fprintf(&b, "- %s: %d\r\n", k.Say, count[k.Kind])
		}
	}
	b.WriteString("\r\nRead them here. You will be asked to sign in.\r\n\r\n" + h.noticeLink("/notifications") +
		"\r\n\r\nThis mail names nobody, on purpose. You can change what you are told of by e-mail:\r\n" + h.noticeLink("/notifications/settings") + "\r\n")
	return subject, b.String()
}

func (h *Hub) confirmMail(token string) string {
	return "Somebody who is signed in to Homeward as you asked for notifications to this address.\r\n\r\nTo confirm it, open this link within 24 hours. You will be asked to sign in.\r\n\r\n" +
		h.noticeLink("/notifications/confirm/"+token) + "\r\n\r\nIf it was not you, do nothing: nothing is sent to an address that was not confirmed.\r\n"
}

// Preferences is how a user wants to be notified, for the settings page.
type Preferences struct {
	Address   string // "" none
	Confirmed bool
	Sent      bool // the link to confirm it is out
	Problem   string
	Digest    []NoticeKind
	Hour      int
	From, To  int
	CanMail   bool // e-mail is configured here
}

// Preferences reads how the user wants to be notified.
func (h *Hub) Preferences(ctx context.Context, by care.Actor) (Preferences, error) {
	return view(ctx, h, func(tx *store.Tx) (Preferences, error) {
		_, p, err := h.preferenceOf(tx, by.ID)
		return Preferences{Address: p.Address, Confirmed: p.Confirmed, Sent: p.Hash != "" && p.Token == "", Problem: p.Problem, Digest: p.Digest, Hour: p.Hour, From: p.From, To: p.To,
			CanMail: h.Notices.Mail != nil}, err
	})
}

// SetPreferences keeps how the user wants to be notified. An address that is new is
// sent a link first, and used once that was opened.
func (h *Hub) SetPreferences(ctx context.Context, by care.Actor, s Preferences) error {
	s.Address = strings.TrimSpace(s.Address)
	if err := s.check(); err != nil {
		return err
	}
	token := newID()
	return h.update(ctx, func(tx *store.Tx) error {
		r, p, err := h.preferenceOf(tx, by.ID)
		if err != nil {
			return err
		}
		now := h.now()
		again := s.Address == p.Address && !p.Confirmed && p.Token == ""
		switch {
		case s.Address == "":
			p.Confirmed, p.Token, p.Hash = false, "", ""
		case s.Address != p.Address || again:
			if wait := p.Asked.Add(confirmApart).Sub(now); !p.Asked.IsZero() && wait > 0 {
				if again && p.Hash != "" {
					break // its link is out: nothing is sent again so soon
				}
				return &care.Error{Kind: care.Throttled, Field: "address", Text: "A link was sent a moment ago. Wait 5 minutes before you enter another address"}
			}
			p.Confirmed, p.Token, p.Hash, p.Asked, p.Problem = false, token, hashOf(token), now, ""
			p.Failures, p.Leased, r.Due = 0, time.Time{}, now
		}
		p.Address, p.Digest, p.Hour, p.From, p.To = s.Address, s.Digest, s.Hour, s.From, s.To
		return h.putPreference(tx, r, p)
	})
}

func (s Preferences) check() error {
	if s.Address != "" {
		if a, err := netmail.ParseAddress(s.Address); err != nil || a.Address != s.Address || !strings.Contains(s.Address, ".") || len(s.Address) > 254 {
			return &care.Error{Kind: care.Invalid, Field: "address", Text: "Enter an e-mail address, like name@example.nhs.uk"}
		}
	}
	for field, hour := range map[string]int{"hour": s.Hour, "from": s.From, "to": s.To} {
		if hour < 0 || hour > 23 {
			return &care.Error{Kind: care.Invalid, Field: field, Text: "Choose an hour"}
		}
	}
	for _, k := range s.Digest {
		if _, ok := kindSay(k); !ok || k == NoticeSevere {
			return &care.Error{Kind: care.Invalid, Field: "digest", Text: "Choose kinds of notification"}
		}
	}
	return nil
}

func kindSay(k NoticeKind) (string, bool) {
	for _, x := range noticeKinds {
		if x.Kind == k {
			return x.Say, true
		}
	}
	return "", false
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte("address" + token))
	return hex.EncodeToString(sum[:])
}

// ConfirmAddress confirms the user's address by the token that was sent there. It
// works once, within a day, and only for whoever asked.
func (h *Hub) ConfirmAddress(ctx context.Context, by care.Actor, token string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		r, p, err := h.preferenceOf(tx, by.ID)
		if err != nil {
			return err
		}
		if p.Hash == "" || p.Hash != hashOf(token) || h.now().Sub(p.Asked) > confirmFor {
			return &care.Error{Kind: care.NotFound, Text: "This link does not work any more. Enter your address again to get another"}
		}
		p.Confirmed, p.Hash, p.Token, p.Sent = true, "", "", h.now()
		return h.putPreference(tx, r, p)
	})
}
