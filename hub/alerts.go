package hub

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// Finding is what a lead found who looked into an alert.
type Finding = store.Finding

// The findings.
const (
	FoundRight  = store.FoundRight
	FoundWrong  = store.FoundWrong
	FoundAction = store.FoundAction
)

// AlertKind is what an alert is about.
type AlertKind = store.AlertKind

// The kinds of alert.
const (
	AlertGlass  = store.AlertGlass
	AlertMisses = store.AlertMisses
	AlertCrowd  = store.AlertCrowd
	AlertAudit  = store.AlertAudit
)

// AlertQuery chooses alerts: those that are open, oldest first, or those that
// were closed, newest first.
type AlertQuery struct {
	Closed bool
	Page   int // from 1
}

// AlertView is an alert for a lead who must look into it. It holds the handle
// of a record and never a name of a person.
type AlertView struct {
	store.Alert
	OrgName, ClosedOrg string
	Due                time.Time // two working days after it was raised
	Overdue            bool      // it is open, and that is past
	Own                bool      // the reader caused it, and cannot close it
}

// AlertList is a page of alerts.
type AlertList struct {
	Query   AlertQuery
	Rows    []AlertView
	Total   int
	Pages   int
	Open    int // all that are open
	Overdue int // of those on this page
	Seq     int64
	At      time.Time
}

// alertsOfPage is how many alerts stand on a page; dueDays is how many working
// days there are to close one.
const alertsOfPage, dueDays = 50, 2

// raise alerts those whom it concerns, and the system's leads. An alert with the
// ID of one that was raised is the same alert.
func (h *Hub) raise(tx *store.Tx, a store.Alert) error {
	if a.ID == "" {
		a.ID = newID()
	}
	_, err := tx.PutAlert(a)
	return err
}

// alertID names an alert by what it is about, so that it is raised once.
func alertID(about ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(about, "\x00")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:26]
}

// raiseMisses alerts the leads of somebody who typed too many details that did
// not match: once an hour. ui.md 7.2.
func (h *Hub) raiseMisses(tx *store.Tx, by care.Actor, now time.Time) error {
	return h.raise(tx, store.Alert{ID: alertID("misses", string(by.ID), now.Truncate(time.Hour).Format(time.RFC3339)), Kind: store.AlertMisses, At: now,
		Actor: by.ID, Name: by.Name, Role: by.Role, Org: by.Org, Orgs: []nhs.ODS{by.Org}})
}

// RaiseAudit alerts every lead that the audit log does not prove itself: once a
// day for one finding.
func (h *Hub) RaiseAudit(ctx context.Context, found string) error {
	now := h.now()
	a := store.Alert{ID: alertID("audit", h.today(now).String(), found), Kind: store.AlertAudit, At: now, Words: found}
	for _, o := range h.Orgs {
		a.Orgs = append(a.Orgs, o.ODS)
	}
	return h.unavailable(h.Store.Update(ctx, func(tx *store.Tx) error { return h.raise(tx, a) }))
}

// alertsFor is which alerts a reader sees: those of their organisation, and the
// system's leads all.
func alertsFor(by care.Actor) store.AlertFilter {
	if by.OrgKind == care.System {
		return store.AlertFilter{}
	}
	return store.AlertFilter{Org: by.Org}
}

// Alerts lists what the reader must look into.
func (h *Hub) Alerts(ctx context.Context, by care.Actor, q AlertQuery) (AlertList, error) {
	var v AlertList
	err := h.operating(ctx, by, policy.SeeAlerts, "alerts", "", func(tx *store.Tx) (err error) {
		v, err = h.alerts(tx, by, q)
		return err
	})
	return v, err
}

func (h *Hub) alerts(tx *store.Tx, by care.Actor, q AlertQuery) (AlertList, error) {
	v := AlertList{Query: q, At: h.now()}
	f := alertsFor(by)
	open, err := tx.CountAlerts(f)
	if err != nil {
		return v, err
	}
	f.Closed = q.Closed
	total, err := tx.CountAlerts(f)
	if err != nil {
		return v, err
	}
	v.Open, v.Total, v.Pages = int(open), int(total), max(1, (int(total)+alertsOfPage-1)/alertsOfPage)
	v.Query.Page = min(max(1, q.Page), v.Pages)
	f.Skip, f.Limit = (v.Query.Page-1)*alertsOfPage, alertsOfPage
	as, err := tx.Alerts(f)
	if err != nil {
		return v, err
	}
	for _, a := range as {
		x := h.alertView(by, a, v.At)
		if x.Overdue {
			v.Overdue++
		}
		v.Rows = append(v.Rows, x)
	}
	v.Seq, err = tx.AlertsSeq()
	return v, err
}

func (h *Hub) alertView(by care.Actor, a store.Alert, now time.Time) AlertView {
	v := AlertView{Alert: a, Due: workingDays(a.At.In(h.Zone), dueDays), Own: a.Actor == by.ID}
	if a.Org != "" {
		v.OrgName = h.Org(a.Org).Name
	}
	if a.Closed != nil {
		v.ClosedOrg = h.Org(a.Closed.Org).Name
	}
	v.Overdue = a.Closed == nil && now.After(v.Due)
	return v
}

// workingDays is the same time of day n working days later. Saturdays and
// Sundays do not count; bank holidays do, because they are not known here.
func workingDays(t time.Time, n int) time.Time {
	for n > 0 {
		t = t.AddDate(0, 0, 1)
		if d := t.Weekday(); d != time.Saturday && d != time.Sunday {
			n--
		}
	}
	return t
}

// Alert reads one alert that the reader sees.
func (h *Hub) Alert(ctx context.Context, by care.Actor, id string) (AlertView, error) {
	var v AlertView
	err := h.operating(ctx, by, policy.SeeAlerts, "alert "+handleOnly(id), "", func(tx *store.Tx) error {
		a, err := alertOf(tx, by, id)
		v = h.alertView(by, a, h.now())
		return err
	})
	return v, err
}

// handleOnly is what may stand in an audit row of what somebody typed in an
// address: the beginning of a handle, or nothing.
func handleOnly(id string) string {
	if len(id) < 6 || strings.IndexFunc(id, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') }) >= 0 {
		return ""
	}
	return id[:6]
}

// alertOf is an alert that the reader sees; of any other it is not said that it is there.
func alertOf(tx *store.Tx, by care.Actor, id string) (store.Alert, error) {
	a, err := tx.Alert(id)
	if err != nil {
		return a, err
	}
	if f := alertsFor(by); f.Org != "" && !slices.Contains(a.Orgs, f.Org) {
		return store.Alert{}, &care.Error{Kind: care.NotFound, Text: "The alert was not found"}
	}
	return a, nil
}

// CloseAlert keeps what a lead found who looked into an alert. Nobody closes
// what they caused. A glass that was not broken rightly is shut with it.
func (h *Hub) CloseAlert(ctx context.Context, by care.Actor, id string, finding store.Finding, words string) error {
	words = strings.TrimSpace(words)
	switch {
	case finding != store.FoundRight && finding != store.FoundWrong && finding != store.FoundAction:
		return &care.Error{Kind: care.Required, Field: "finding", Text: "Select what you found"}
	case words == "":
		return &care.Error{Kind: care.Required, Field: "words", Text: "Enter what you found out, and what was done"}
	case utf8.RuneCountInString(words) > 2000:
		return &care.Error{Kind: care.Invalid, Field: "words", Text: "What you found out must be 2000 characters or fewer"}
	}
	return h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		a := h.ask(by, policy.CloseAlert, nil, policy.Governance, words, now)
		if !a.allowed(policy.CloseAlert) {
			return a.refuse(tx)
		}
		x, err := alertOf(tx, by, id)
		if err != nil {
			return err
		}
		if x.Actor == by.ID {
			if err := a.audit(tx, false, "refused: their own"); err != nil {
				return err
			}
			return committed{&care.Error{Kind: care.BusinessRule, Text: "You caused this alert. Another information governance lead must look into it"}}
		}
		if err := tx.CloseAlert(id, store.AlertClosed{At: now, By: by.ID, Name: by.Name, Org: by.Org, Finding: finding, Words: words}); err != nil {
			return err
		}
		if x.Kind == store.AlertGlass && finding == store.FoundWrong {
			if err := tx.ShutGlass(id, now); err != nil {
				return err
			}
		}
		a.record.Case = x.Case
		return a.audit(tx, true, "closed: "+string(finding))
	})
}

// AlertState is how many alerts wait for a reader, as at Seq.
type AlertState struct {
	Open int
	Seq  int64
}

// AlertState counts the alerts that wait for the reader; ok is false for whoever
// sees none. A figure for a menu, which tells of nobody, is not audited.
func (h *Hub) AlertState(ctx context.Context, by care.Actor) (st AlertState, ok bool, err error) {
	if !h.mayServe(by, policy.SeeAlerts) {
		return st, false, nil
	}
	err = h.Store.View(ctx, func(tx *store.Tx) error {
		n, err := tx.CountAlerts(alertsFor(by))
		if err != nil {
			return err
		}
		st.Open = int(n)
		st.Seq, err = tx.AlertsSeq()
		return err
	})
	return st, true, h.unavailable(err)
}

// AlertsMoved is AlertState once an alert was raised or closed after since, or
// after a beat.
func (h *Hub) AlertsMoved(ctx context.Context, by care.Actor, since int64) (AlertState, error) {
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for {
		wake := h.Store.Wait()
		st, ok, err := h.AlertState(ctx, by)
		switch {
		case err != nil:
			return st, err
		case !ok:
			return st, &care.Error{Kind: care.Forbidden, Text: "You cannot see this"}
		case st.Seq > since:
			return st, nil
		}
		select {
		case <-ctx.Done():
			return st, ctx.Err()
		case <-timer.C:
			return st, nil
		case <-wake:
		}
		select { // many commits are one look
		case <-ctx.Done():
			return st, ctx.Err()
		case <-time.After(gather):
		}
	}
}
