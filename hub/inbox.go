package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// NotificationView is a notification as its user may see it now.
type NotificationView struct {
	ID     string
	Words  string // names nobody
	Kind   string // in words
	Severe bool
	Unread bool
	N      int // changes of this kind that it stands for
	At     time.Time
	Last   time.Time
	Case   care.CaseID // "" where the user may not open it any more
	Tab    string
	// Concern is the concern that it is about, which has a page of its own; then Case may
	// be "" because the person is in no record.
	Concern string
	Person  care.Person // zero where the user may not know
}

// NotificationList is a user's notifications at one organisation, newest first.
type NotificationList struct {
	Rows   []NotificationView
	Unread int
	More   bool
	At     time.Time
}

// notificationsShown is how many notifications the page shows.
const notificationsShown = 100

// Notifications lists a user's notifications. Each is decided again: what the user
// may not know any more is told of without what it was.
func (h *Hub) Notifications(ctx context.Context, by care.Actor) (NotificationList, error) {
	l := NotificationList{At: h.now()}
	a, ok := h.notified(by, l.At)
	if !ok {
		return l, h.update(ctx, a.refuse)
	}
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		l.Rows, l.More = nil, false
		rs, err := tx.KeptAll(store.RecordQuery{Kind: recordNotice, Org: string(by.Org), Owner: string(by.ID), Newest: true, Limit: notificationsShown + 1})
		if err != nil {
			return err
		}
		if l.More = len(rs) > notificationsShown; l.More {
			rs = rs[:notificationsShown]
		}
		for _, r := range rs {
			v, _, err := h.notificationView(tx, by, r, l.At)
			if err != nil {
				return err
			}
			l.Rows = append(l.Rows, v)
		}
		l.Unread, err = unread(tx, by)
		return err
	})
	if err != nil {
		return l, h.unavailable(err)
	}
	return l, h.update(ctx, func(tx *store.Tx) error { return a.audit(tx, true, "listed notifications") })
}

// looseNotice tells of a safeguarding concern that is in no case.
const looseNotice = "loose-concern"

// notified begins a use case about a user's own notifications; false for roles that
// have none.
func (h *Hub) notified(by care.Actor, now time.Time) (*asking, bool) {
	action := policy.ListTracker
	if by.Role == care.WardNurse {
		action = policy.ListWard
	}
	a := h.ask(by, action, nil, policy.DischargePlanning, "", now)
	return a, a.allowed(action) && worksCases(by.Role)
}

func (h *Hub) notificationView(tx *store.Tx, by care.Actor, r store.Record, now time.Time) (NotificationView, bool, error) {
	var n notice
	if err := json.Unmarshal(r.Doc, &n); err != nil {
		return NotificationView{}, false, fmt.Errorf("reading a notification: %w", err)
	}
	v := NotificationView{ID: r.ID, Severe: n.Severe, Unread: r.State == noticeUnread, N: n.N, At: r.At, Last: n.Last}
	if n.What == looseNotice {
		v.Words = "A safeguarding concern was raised about somebody who is not known here. It stands under Concerns"
		v.Concern = n.Ref
		v.Kind, _ = kindSay(n.Kind)
		return v, true, nil
	}
	v.Words = "Something changed that you cannot see any more"
	c, err := tx.Case(r.Case)
	if care.KindOf(err) == care.NotFound {
		return v, false, nil
	}
	if err != nil {
		return v, false, err
	}
	a := h.ask(by, policy.SeeTimeline, &c, policy.DischargePlanning, "", now)
	rule, sees, err := a.notices(tx, c, n.What, n.Ref, now)
	if err != nil || !sees {
		return v, false, err
	}
	v.Words, v.Tab, v.Case = rule.words, rule.tab, c.ID
	if v.Kind, _ = kindSay(n.Kind); n.What == concernCame {
		v.Concern = n.Ref
	}
	if a.opens() {
		v.Person = a.person(c)
	}
	return v, true, nil
}

func unread(tx *store.Tx, by care.Actor) (int, error) {
	return tx.CountKept(store.RecordQuery{Kind: recordNotice, Org: string(by.Org), Owner: string(by.ID), States: []string{noticeUnread}})
}

// OpenNotification marks a notification as read and gives it, so that the reader
// can be led to what it is about. Another's is the same as none.
func (h *Hub) OpenNotification(ctx context.Context, by care.Actor, id string) (NotificationView, error) {
	var v NotificationView
	err := h.update(ctx, func(tx *store.Tx) error {
		r, err := tx.Kept(recordNotice, string(by.Org), id)
		if err == nil && r.Owner != string(by.ID) || care.KindOf(err) == care.NotFound {
			return &care.Error{Kind: care.NotFound, Text: "There is no such notification"}
		}
		if err != nil {
			return err
		}
		if v, _, err = h.notificationView(tx, by, r, h.now()); err != nil || r.State == noticeRead {
			return err
		}
		r.State = noticeRead
		_, err = tx.PutRecord(r)
		return err
	})
	return v, err
}

// ReadNotifications marks all of a user's notifications that came until a time as
// read: what came after the page was made stays unread.
func (h *Hub) ReadNotifications(ctx context.Context, by care.Actor, until time.Time) error {
	return h.update(ctx, func(tx *store.Tx) error {
		rs, err := tx.KeptAll(store.RecordQuery{Kind: recordNotice, Org: string(by.Org), Owner: string(by.ID), States: []string{noticeUnread}, AtBefore: until.Add(time.Second), Limit: notificationsShown * 5})
		if err != nil {
			return err
		}
		for _, r := range rs {
			r.State = noticeRead
			if _, err := tx.PutRecord(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// HasNotifications reports whether a role is notified at all.
func HasNotifications(r care.Role) bool { return worksCases(r) }

// UnreadNotifications counts a user's unread notifications.
func (h *Hub) UnreadNotifications(ctx context.Context, by care.Actor) (int, error) {
	if !worksCases(by.Role) {
		return 0, nil
	}
	return view(ctx, h, func(tx *store.Tx) (int, error) { return unread(tx, by) })
}

// bellPause is how long a page's count rests between two looks.
const bellPause = time.Second

// NotificationsMoved is UnreadNotifications once it is another than was, or after a
// beat. It begins to wait before it looks, so that nothing slips in between.
func (h *Hub) NotificationsMoved(ctx context.Context, by care.Actor, was int) (int, error) {
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for {
		wake := h.Store.Wait()
		n, err := h.UnreadNotifications(ctx, by)
		if err != nil || n != was {
			return n, err
		}
		select {
		case <-ctx.Done():
			return n, ctx.Err()
		case <-timer.C:
			return n, nil
		case <-wake:
		}
		h.pause(ctx, nil, bellPause) // many commits are one look
	}
}
