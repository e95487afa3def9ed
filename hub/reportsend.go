package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"homeward/care"
	"homeward/connect"
	"homeward/nhs"
	"homeward/store"
)

// reportState is what is remembered of a report's deliveries.
type reportState struct {
	sending
	Now  *reportNow  `json:"now,omitempty"`  // the one that is on its way, or is tried again
	Runs []ReportRun `json:"runs,omitempty"` // newest first
}

// reportNow is a delivery that is on its way. What is sent is kept before it is sent
// first, so that each try sends the same.
type reportNow struct {
	Due  time.Time `json:"due"`
	Name string    `json:"name,omitempty"`
	Body []byte    `json:"body,omitempty"`
}

func runOf(tx *store.Tx, org, id string) (store.Record, reportState, error) {
	var s reportState
	r, err := tx.Kept(recordRun, org, id)
	if care.KindOf(err) == care.NotFound {
		return store.Record{Kind: recordRun, Org: org, ID: id}, s, nil
	}
	if err == nil {
		err = json.Unmarshal(r.Doc, &s)
	}
	return r, s, err
}

func putRun(tx *store.Tx, r store.Record, s reportState) (store.Record, error) {
	var err error
	if r.Doc, err = json.Marshal(s); err != nil {
		return r, err
	}
	return tx.PutRecord(r)
}

// reschedule says when a report that was just saved is due. One that is on its way by
// what it was before is not sent any more.
func (h *Hub) reschedule(tx *store.Tx, rec store.Record, r Report) error {
	run, s, err := runOf(tx, rec.Org, rec.ID)
	if err != nil {
		return err
	}
	run.Owner, run.At = rec.Owner, h.now()
	s.Now, s.sending = nil, sending{}
	run.Due = r.Schedule.next(h.now(), h.Zone)
	_, err = putRun(tx, run, s)
	return err
}

// reportLoop delivers reports as they fall due, until ctx ends.
func (h *Hub) reportLoop(ctx context.Context) {
	h.untilDone(ctx, "reports", h.DeliverReports)
}

// claimedReport is a report that is due, taken under a lease.
type claimedReport struct {
	run   store.Record
	state reportState
	keptReport
}

// DeliverReports delivers the report that has been due longest; did is false when none
// is, and next is when one will be. Of the times that were missed while nobody served,
// the latest is delivered, once. What could not be delivered is tried again, ever more
// seldom, until the next is due; all of it stands on the report's page.
func (h *Hub) DeliverReports(ctx context.Context) (did bool, next time.Time, err error) {
	due, err := view(ctx, h, func(tx *store.Tx) ([]store.Record, error) {
		return tx.KeptAll(store.RecordQuery{Kind: recordRun, DueBefore: h.now().AddDate(1, 0, 0), Limit: 1})
	})
	if err != nil || len(due) == 0 {
		return false, time.Time{}, err
	}
	if due[0].Due.After(h.now()) {
		return false, due[0].Due, nil
	}
	c, err := h.claimReport(ctx, due[0])
	if err != nil || c == nil {
		return true, time.Time{}, err
	}
	trying, stop := context.WithTimeout(ctx, noticeTimeout)
	sent := h.deliver(trying, c)
	stop()
	if sent != nil && ctx.Err() != nil {
		return true, time.Time{}, nil // we end, and not they: the lease runs out
	}
	if care.KindOf(sent) == care.Conflict {
		return true, time.Time{}, nil // somebody changed it, or another process has it
	}
	if sent != nil {
		h.Log.Warn("a report was not delivered", "report", c.run.ID, "organisation", c.run.Org, "err", sent)
	}
	return true, time.Time{}, h.settleReport(ctx, c, sent)
}

// claimReport takes a report that is due; nil when another process has it, or nothing
// is to be sent any more.
func (h *Hub) claimReport(ctx context.Context, was store.Record) (*claimedReport, error) {
	var out *claimedReport
	err := h.update(ctx, func(tx *store.Tx) error {
		out = nil
		now := h.now()
		run, s, err := runOf(tx, was.Org, was.ID)
		if err != nil || run.Version != was.Version || run.Due.After(now) {
			return err
		}
		c := claimedReport{run: run, state: s}
		rec, err := tx.Kept(recordReport, run.Org, run.ID)
		if care.KindOf(err) == care.NotFound {
			return tx.DropKept(recordRun, run.Org, run.ID)
		}
		if err == nil {
			err = json.Unmarshal(rec.Doc, &c.keptReport)
		}
		if err != nil {
			return fmt.Errorf("reading a report: %w", err)
		}
		latest := c.Schedule.latest(now, h.Zone)
		if latest.IsZero() {
			c.run.Due = time.Time{}
			_, err := putRun(tx, c.run, c.state)
			return err
		}
		if c.state.Now == nil || latest.After(c.state.Now.Due) {
			if c.state.Now != nil {
				c.state.done(ReportRun{Due: c.state.Now.Due, At: now, To: c.To, Problem: c.state.Problem + ". The next was due by then", Tries: c.state.Failures})
			}
			c.state.Now, c.state.sending = &reportNow{Due: latest}, sending{}
		}
		c.run.Due, c.state.Leased = now.Add(noticeLease), now.Add(noticeLease)
		if c.run, err = putRun(tx, c.run, c.state); err == nil {
			out = &c
		}
		return err
	})
	return out, err
}

// done remembers a delivery, and that none is on its way.
func (s *reportState) done(r ReportRun) {
	s.Runs = slices.Insert(s.Runs, 0, r)
	s.Runs = s.Runs[:min(len(s.Runs), reportRuns)]
	s.Now = nil
}

// forGood is why a report is not delivered, for good.
func forGood(text string) error { return &connect.Refused{Text: text} }

// deliver writes a report, keeps what it wrote, and sends it.
func (h *Hub) deliver(ctx context.Context, c *claimedReport) error {
	by, address, err := h.reportOwner(ctx, c)
	if err != nil {
		return err
	}
	key := noticeKey(c.run.ID, c.state.Now.Due)
	if c.To == ToMail {
		if address == "" || !h.MailsReports() {
			return forGood("Your e-mail address is not confirmed. Confirm it on the page of your notifications")
		}
		return h.Notices.Mail(ctx, address, key, "A report that you scheduled is ready",
			"A report that you scheduled is ready. Sign in to read it:\n\n"+h.noticeLink("/reports/"+c.run.ID)+"\n\nThis message holds no figures. You can change or stop it on the same page.\n")
	}
	i := slices.IndexFunc(h.Reporting, func(p ReportPlace) bool { return p.Name == c.To && p.Org == by.Org })
	if i < 0 {
		return forGood("The place that it is delivered to is not configured any more. Choose another")
	}
	if len(c.state.Now.Body) == 0 {
		if err := h.writeRun(ctx, by, c); err != nil {
			return err
		}
	}
	return h.Reporting[i].Send(ctx, key, c.state.Now.Name, c.Format.Type(), c.state.Now.Body)
}

// writeRun writes what is sent, and keeps it.
func (h *Hub) writeRun(ctx context.Context, by care.Actor, c *claimedReport) error {
	body, err := h.writeReport(ctx, by, c.Report, c.Format, c.state.Now.Due)
	switch kind := care.KindOf(err); {
	case kind == care.Forbidden:
		return forGood("Who made it may not take figures away any more")
	case kind == care.Invalid || kind == care.NotFound:
		return forGood("One of its measures is not there any more. Change the report")
	case err != nil:
		return err
	case len(body) > reportWeight:
		return forGood("It is too large to be delivered. Take some measures out, or ask for months instead of days")
	}
	c.state.Now.Body, c.state.Now.Name = body, h.FileName(c.run.ID, c.Format, c.state.Now.Due)
	return h.update(ctx, func(tx *store.Tx) error {
		r, err := putRun(tx, c.run, c.state)
		c.run = r
		return err
	})
}

// reportOwner is who a report is delivered for, as they are now: in the role in which
// they made it, if they still have it.
func (h *Hub) reportOwner(ctx context.Context, c *claimedReport) (by care.Actor, address string, err error) {
	err = h.Store.View(ctx, func(tx *store.Tx) error {
		u, err := tx.User(care.ActorID(c.run.Owner))
		if err != nil && care.KindOf(err) != care.NotFound {
			return err
		}
		i := slices.IndexFunc(u.Grants, func(g care.Grant) bool { return g.Role == c.Role && string(g.Org) == c.run.Org })
		if err != nil || u.Disabled || i < 0 {
			return forGood("Who made it does not work here in that role any more. A colleague can save a copy of their own")
		}
		by = care.Actor{ID: u.ID, Name: u.Name, Role: c.Role, Org: nhs.ODS(c.run.Org), OrgKind: h.Org(nhs.ODS(c.run.Org)).Kind, Team: u.Grants[i].Team}
		_, p, err := h.preferenceOf(tx, u.ID)
		if p.Confirmed {
			address = p.Address
		}
		return err
	})
	return by, address, err
}

// settleReport keeps what came of a delivery.
func (h *Hub) settleReport(ctx context.Context, c *claimedReport, sent error) error {
	return h.update(ctx, func(tx *store.Tx) error {
		now := h.now()
		run, s, err := runOf(tx, c.run.Org, c.run.ID)
		if err != nil || run.Version != c.run.Version || s.Now == nil {
			return err // it was changed or deleted meanwhile
		}
		var refused *connect.Refused
		switch {
		case sent == nil || errors.As(sent, &refused):
			r := ReportRun{Due: s.Now.Due, At: now, To: c.To, Tries: s.Failures + 1}
			if sent != nil {
				r.Problem = refused.Text
			}
			s.done(r)
			s.sending, run.Due = sending{}, c.Schedule.next(now, h.Zone)
		default:
			run.Due = s.failed(now)
			s.Problem = "It could not be delivered. It is tried again"
			if next := c.Schedule.next(s.Now.Due, h.Zone); next.Before(run.Due) {
				run.Due = next
			}
		}
		_, err = putRun(tx, run, s)
		return err
	})
}
