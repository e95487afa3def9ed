package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/measure"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// What is counted that is in no case's history: the look-ups of the audit, and once a day
// what people have on their hands. It is counted behind what happens, so that no
// look-up and no notification waits for it.
const (
	looksCursor = "looks-counted-to" // the setting that holds the number of the next record of the audit
	loadsCursor = "loads-counted-on" // and the last day on which loads were counted
	looksAtOnce = 200                // look-ups counted in one transaction
	looksApart  = 5000               // records without a look-up that are read again
	looksEvery  = 30 * time.Second
	loadsBack   = 31 // days of notifications that are counted late, where nobody served
)

// looksLoop counts look-ups and loads, until ctx ends.
func (h *Hub) looksLoop(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := h.CountLooks(ctx)
		if err == nil {
			err = h.CountLoads(ctx)
		}
		if err != nil && ctx.Err() == nil {
			h.Log.Error("counting look-ups and loads", "err", err)
		}
		if n < looksAtOnce || err != nil {
			pause(ctx, looksEvery)
		}
	}
}

// outsideWork is points that no history gives, and the cursor before and after them.
type outsideWork struct {
	before, after string
	work          *store.PointWork
	n             int
}

// keep writes points and the cursor, unless another process was faster, or something was
// erased meanwhile: then it is worked out again.
func (o outsideWork) keep(ctx context.Context, h *Hub, cursor string) error {
	if o.after == o.before {
		return nil
	}
	err := h.update(ctx, func(tx *store.Tx) error {
		now, err := tx.Setting(cursor)
		if err != nil || now != o.before {
			return err
		}
		if err := tx.PutWork(o.work); err != nil {
			return err
		}
		return tx.PutSetting(cursor, o.after)
	})
	if errors.Is(err, store.ErrStale) {
		return nil
	}
	return err
}

// put adds points to what will be written.
func (o *outsideWork) put(tx *store.Tx, h *Hub, points []measure.Point) (err error) {
	if o.work, err = tx.NewWork(0, h.Zone); err != nil {
		return err
	}
	o.n = len(points)
	o.work.Snapshots(nil, []store.Snapshot{{Known: h.now(), Points: points}})
	return tx.WorkCells(o.work)
}

// CountLooks counts the look-ups that were made since it was last called, by any
// process, and says how many of the audit's it went through.
func (h *Hub) CountLooks(ctx context.Context) (int, error) {
	seen := 0
	o, err := view(ctx, h, func(tx *store.Tx) (o outsideWork, err error) {
		if o.before, err = tx.Setting(looksCursor); err != nil {
			return o, err
		}
		from := int64(0)
		if o.before != "" {
			if from, err = strconv.ParseInt(o.before, 10, 64); err != nil {
				return o, fmt.Errorf("reading how far look-ups were counted: %w", err)
			}
		}
		rows, next, err := tx.AuditsFrom(from, store.AuditFilter{Action: string(policy.Lookup)}, looksAtOnce)
		if err != nil || len(rows) == 0 && next-from < looksApart {
			o.after = o.before // what is no look-up is read again, rather than written down each time
			return o, err
		}
		seen, o.after = len(rows), strconv.FormatInt(next, 10)
		return o, o.put(tx, h, h.lookPoints(rows))
	})
	if err != nil {
		return 0, err
	}
	return seen, o.keep(ctx, h, looksCursor)
}

// lookPoints are the points of the look-ups of a hospital that found care.
func (h *Hub) lookPoints(rows []store.Audited) (out []measure.Point) {
	for _, r := range rows {
		if r.Allowed && r.Case != "" && r.Outcome == string(LookFound) && h.orgs[r.Org].Kind == care.Trust {
			out = append(out, measure.Point{Source: measure.LookUps.ID, Case: r.Case, Subject: "look-" + strconv.FormatInt(r.N, 10), Group: measure.Group{Hospital: r.Org}, From: r.At, To: r.At, Value: 1})
		}
	}
	return out
}

// CountLoads counts once a day how many open referrals each worker has, and how many
// notifications each person got on the days that are over. Nobody is named in it, and
// no case.
func (h *Hub) CountLoads(ctx context.Context) error {
	o, err := view(ctx, h, func(tx *store.Tx) (o outsideWork, err error) {
		now := h.now()
		today := h.today(now)
		if o.before, err = tx.Setting(loadsCursor); err != nil {
			return o, err
		}
		if o.after = today.String(); o.after == o.before {
			return o, nil
		}
		from := today.Add(-1)
		if o.before != "" {
			if from, err = nhs.ParseDate(o.before); err != nil {
				return o, fmt.Errorf("reading on which day loads were counted: %w", err)
			}
		}
		if least := today.Add(-loadsBack); from.Before(least) {
			from = least
		}
		points, err := h.workloads(tx, now)
		for d := from; err == nil && d.Before(today); d = d.Add(1) {
			var more []measure.Point
			more, err = h.noticed(tx, d)
			points = append(points, more...)
		}
		if err != nil {
			return o, err
		}
		return o, o.put(tx, h, points)
	})
	if err != nil {
		return err
	}
	return o.keep(ctx, h, loadsCursor)
}

// workloads are how many open referrals each worker has now.
func (h *Hub) workloads(tx *store.Tx, now time.Time) ([]measure.Point, error) {
	accounts, err := tx.Users()
	if err != nil {
		return nil, err
	}
	var out []measure.Point
	err = tx.CountByWorker(func(council nhs.ODS, worker care.ActorID, n int64) error {
		p := measure.Point{Source: measure.Workloads.ID, Group: measure.Group{Council: council}, From: now, To: now, Value: n}
		if i := slices.IndexFunc(accounts, func(a care.Account) bool { return a.ID == worker }); i >= 0 {
			if g := grantOf(accounts[i], council); g >= 0 {
				p.Team = accounts[i].Grants[g].Team
			}
		}
		out = append(out, p)
		return nil
	})
	return unnamed(out, h.today(now)), err
}

// noticed are how many notifications each person got on a day.
func (h *Hub) noticed(tx *store.Tx, day nhs.Date) ([]measure.Point, error) {
	midnight := func(d nhs.Date) time.Time {
		return time.Date(d.Year, time.Month(d.Month), d.Day, 0, 0, 0, 0, h.Zone)
	}
	from, to := midnight(day), midnight(day.Add(1))
	var out []measure.Point
	err := tx.CountByOwner(recordNotice, from, to, func(org nhs.ODS, _ string, n int64) error {
		p := measure.Point{Source: measure.Notices.ID, From: from, To: to.Add(-time.Microsecond), Value: n}
		switch h.orgs[org].Kind {
		case care.Trust:
			p.Hospital = org
		case care.Council:
			p.Council = org
		default:
			return nil
		}
		out = append(out, p)
		return nil
	})
	return unnamed(out, day), err
}

// unnamed numbers the points of a day by their size, so that their names tell of nobody.
func unnamed(points []measure.Point, day nhs.Date) []measure.Point {
	slices.SortFunc(points, func(a, b measure.Point) int {
		return cmp.Or(cmp.Compare(a.Hospital, b.Hospital), cmp.Compare(a.Council, b.Council), cmp.Compare(a.Team, b.Team), cmp.Compare(a.Value, b.Value))
	})
	for i := range points {
		points[i].Subject = day.String() + "/" + strconv.Itoa(i+1)
	}
	return points
}
