package store

import (
	"fmt"
	"slices"
	"time"

	"homeward/care"
)

// Delivery is one piece of news for one destination, and what became of it. It
// belongs to a job with the same number.
type Delivery struct {
	Job         JobID
	Destination string
	Case        care.CaseID
	Referral    care.ReferralID
	Kind        string
	What        string // in words
	Key         string // under which it is sent
	State       DeliveryState
	Message     []byte    // as it is sent; nil until it is made, and when it was taken away
	Made        time.Time // when Message was made
	Ended       time.Time
	Status      int64  // HTTP status or the like of a refusal
	Reference   string // the far side's own name for it
	Detail      string // in our own words
	Warned      bool   // the case says that it could not be delivered
	Track       string // what to ask about; "" when there is nothing to ask
	TrackAt     time.Time
	TrackUntil  time.Time

	// Of its job.
	Enqueued time.Time
	Attempts int
	Reason   string // of the last failure, in words
}

// DeliveryState is what became of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryWaiting  DeliveryState = "waiting"
	DeliverySent     DeliveryState = "sent"              // the far side's door has it
	DeliveryReceived DeliveryState = "received"          // the system itself has it
	DeliveryHeld     DeliveryState = "refused"           // a person must look, and its lane waits
	DeliveryLost     DeliveryState = "undelivered"       // it was sent, and did not arrive
	DeliveryUnsure   DeliveryState = "unconfirmed"       // it was sent, and no receipt came in time
	DeliveryWith     DeliveryState = "told with another" // newer news of the same told it
	DeliveryNot      DeliveryState = "not told"          // the destination may not know it, or does not want to
	DeliveryDropped  DeliveryState = "dropped"           // by a person
)

// Tellings is what is to be told of one entry: what EnqueueTold needs.
type Tellings struct {
	Delivery
	Payload string // what the job tells, for whoever makes the message
}

// laneOf is the lane of a case at a destination: order is kept in it.
func laneOf(destination string, id care.CaseID) string { return destination + "/" + string(id) }

// EnqueueTold adds deliveries, in their order. One whose key was ever enqueued
// before adds nothing.
func (t *Tx) EnqueueTold(ds ...Tellings) error {
	for _, d := range ds {
		lane := laneOf(d.Destination, d.Case)
		if err := t.Enqueue(lane, d.Kind, d.Key, d.Payload); err != nil {
			return err
		}
		err := firstError(t.exec(`UPDATE lanes SET destination = $1 WHERE name = $2`, d.Destination, lane),
			t.exec(`INSERT INTO deliveries (job, destination, case_id, referral, kind, what, key, state, message, made, ended, status, reference, detail, warned, track, track_at, track_until)
				SELECT id, $1, $2, $3, $4, $5, $6, 'waiting', NULL, 0, 0, 0, '', '', 0, '', 0, 0 FROM jobs WHERE key = $6 AND lane = $7 ON CONFLICT (job) DO NOTHING`,
				d.Destination, d.Case, d.Referral, d.Kind, d.What, d.Key, lane))
		if err != nil {
			return err
		}
	}
	return nil
}

// MoveTold puts what waits to be told of a case behind another case, in their order:
// the two are one person's now. Whoever is telling some of it loses the lane, and it
// is told again under the same key.
func (t *Tx) MoveTold(destination string, from, to care.CaseID) error {
	was, lane, waits := laneOf(destination, from), laneOf(destination, to), 0
	err := t.change(`UPDATE jobs SET lane = $1 WHERE lane = $2 AND state IN ('ready', 'held') RETURNING state`, []any{lane, was}, func(row []any) error {
		var state JobState
		err := scan(row, &state)
		if state == JobReady {
			waits++
		}
		return err
	})
	if err != nil {
		return err
	}
	return firstError(
		t.exec(`UPDATE lanes SET pending = 0, held = 0, fence = fence + 1, lease_until = 0, owner = '' WHERE name = $1`, was),
		t.exec(`INSERT INTO lanes (name, ready_at, lease_until, owner, fence, pending, destination) SELECT $1, $2, 0, '', 0, 0, $3 WHERE EXISTS (SELECT 1 FROM jobs WHERE lane = $1) ON CONFLICT (name) DO NOTHING`,
			lane, t.Now(), destination),
		t.exec(`UPDATE lanes SET pending = pending + $1, `+countHeld+` WHERE name = $2`, waits, lane))
}

// Destination is where telling one destination stands.
type Destination struct {
	Name      string
	HeardFrom int64 // place in history after which it is told
	Paused    time.Time
	PausedBy  string
	PausedWhy string
	Failures  int       // tries in a row that did not get through, on any case
	NotBefore time.Time // it is left alone until then
	LastOK    time.Time
	LastTry   time.Time
	Trouble   string // of the last try that did not get through; "" after one that did
}

const destinationColumns = `name, heard_from, paused, paused_by, paused_why, failures, not_before, last_ok, last_try, trouble`

// Destinations lists all that were ever told.
func (t *Tx) Destinations() (ds []Destination, err error) {
	err = t.query(`SELECT `+destinationColumns+` FROM destinations ORDER BY name`, nil, func(row []any) error {
		var d Destination
		err := scan(row, &d.Name, &d.HeardFrom, &d.Paused, &d.PausedBy, &d.PausedWhy, &d.Failures, &d.NotBefore, &d.LastOK, &d.LastTry, &d.Trouble)
		ds = append(ds, d)
		return err
	})
	return ds, err
}

// AddDestination begins to remember a destination, which is told of what happens
// from now on. One that is known stays as it is.
func (t *Tx) AddDestination(name string) error {
	seq, err := t.Seq()
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO destinations (`+destinationColumns+`) VALUES ($1, $2, 0, '', '', 0, 0, 0, 0, '') ON CONFLICT (name) DO NOTHING`, name, seq)
}

// PauseDestination lets what is for a destination wait until ResumeDestination.
func (t *Tx) PauseDestination(name, by, why string) error {
	return t.exec(`UPDATE destinations SET paused = $1, paused_by = $2, paused_why = $3 WHERE name = $4 AND paused = 0`, t.Now(), by, why, name)
}

// ResumeDestination tells again, and forgets failures: the next try is at once, of
// each case that waits.
func (t *Tx) ResumeDestination(name string) error {
	return firstError(t.exec(`UPDATE destinations SET paused = 0, paused_by = '', paused_why = '', failures = 0, not_before = 0 WHERE name = $1`, name),
		t.exec(`UPDATE lanes SET ready_at = $1 WHERE destination = $2 AND pending > 0 AND ready_at > $1`, t.Now(), name))
}

// DestinationAnswered notes that a destination answered a try.
func (t *Tx) DestinationAnswered(name string) error {
	now := t.Now()
	return t.exec(`UPDATE destinations SET failures = 0, not_before = 0, last_ok = $1, last_try = $1, trouble = '' WHERE name = $2`, now, name)
}

// Failure is a try that did not get through.
type Failure struct {
	Text  string
	Open  int           // tries in a row after which a destination is left alone
	Wait  time.Duration // for how long then
	Asked bool          // the far side asked for it: it is left alone at once
	Stale bool          // the case has failed often already: it may be that case's own trouble, and opens nothing
}

// DestinationFailed notes a try that did not get through. From f.Open failures in a
// row on, or when the far side asked for it, the whole destination is left alone
// for the wait.
func (t *Tx) DestinationFailed(name string, f Failure) error {
	adds, from := 1, int64(f.Open)
	if f.Stale {
		adds = 0
	}
	if f.Asked {
		from = 0
	}
	var failures int64
	if err := t.change(`UPDATE destinations SET failures = failures + CASE WHEN failures = 0 OR failures >= $1 THEN 1 ELSE $2 END, last_try = $3, trouble = $4
		WHERE name = $5 RETURNING failures`, []any{f.Open, adds, t.Now(), f.Text, name}, func(row []any) error { return scan(row, &failures) }); err != nil || failures < from {
		return err
	}
	return t.exec(`UPDATE destinations SET not_before = $1 WHERE name = $2`, t.Now().Add(f.Wait), name)
}

// DestinationUnasked takes back that a destination is being asked whether it is
// there: what was claimed for it is not sent after all, and other news may ask.
func (t *Tx) DestinationUnasked(name string, open int) error {
	return t.exec(`UPDATE destinations SET not_before = $1 WHERE name = $2 AND failures >= $3`, t.Now(), name, open)
}

// LateDeliveries are numbers of what has waited for a destination since before a
// time and of which that is not said yet, oldest first, but for some kinds.
func (t *Tx) LateDeliveries(destination string, before time.Time, limit int, but ...string) (ids []JobID, err error) {
	err = t.query(`SELECT d.job, d.kind FROM deliveries d JOIN jobs j ON j.id = d.job
		WHERE d.destination = $1 AND d.state = 'waiting' AND d.warned = 0 AND j.made < $2 ORDER BY d.job`, []any{destination, before}, func(row []any) error {
		var id JobID
		var kind string
		err := scan(row, &id, &kind)
		if len(ids) < limit && !slices.Contains(but, kind) {
			ids = append(ids, id)
		}
		return err
	})
	return ids, err
}

// ClaimTold takes the lane of a destination that has been due longest, for the
// time of the lease. ok is false when none is due, or the destination is paused or
// to be left alone. While open or more tries in a row have failed, one lane is
// claimed in each lease: it asks whether the far side is back.
func (t *Tx) ClaimTold(destination, owner string, lease time.Duration, open int) (l Lane, ok bool, err error) {
	now := t.Now()
	err = t.change(`UPDATE lanes SET owner = $1, lease_until = $2, fence = fence + 1
		WHERE name = (SELECT name FROM lanes WHERE destination = $4 AND held = 0 AND pending > 0 AND ready_at <= $3 AND lease_until <= $3 ORDER BY ready_at, name LIMIT 1)
		AND EXISTS (SELECT 1 FROM destinations WHERE name = $4 AND paused = 0 AND not_before <= $3)
		RETURNING name, fence`, []any{owner, now.Add(lease), now, destination}, func(row []any) error {
		ok = true
		return scan(row, &l.Name, &l.Fence)
	})
	if err == nil && ok {
		err = t.exec(`UPDATE destinations SET not_before = $1 WHERE name = $2 AND failures >= $3`, now.Add(lease), destination, open)
	}
	return l, ok, err
}

// NextTold is when a lane of a destination falls due; zero when nothing waits or
// it is paused.
func (t *Tx) NextTold(destination string) (at time.Time, err error) {
	var notBefore time.Time
	paused := true
	err = t.query(`SELECT paused, not_before FROM destinations WHERE name = $1`, []any{destination}, func(row []any) error {
		return scan(row, &paused, &notBefore)
	})
	if err != nil || paused {
		return at, err
	}
	err = t.one(`SELECT coalesce(min(CASE WHEN lease_until > ready_at THEN lease_until ELSE ready_at END), 0) FROM lanes
		WHERE destination = $1 AND held = 0 AND pending > 0`, []any{destination}, &at)
	if !at.IsZero() && at.Before(notBefore) {
		at = notBefore
	}
	return at, err
}

// PostponeLane gives a lane back until after the wait, and counts nothing.
func (t *Tx) PostponeLane(l Lane, wait time.Duration) error {
	return t.fenced(l, `ready_at = $3, lease_until = 0, owner = ''`, t.Now().Add(wait))
}

const deliveryColumns = `d.job, d.destination, d.case_id, d.referral, d.kind, d.what, d.key, d.state, d.message, d.made, d.ended, d.status, d.reference, d.detail,
	d.warned, d.track, d.track_at, d.track_until, j.made, j.attempts, j.reason`

func (t *Tx) deliveries(where string, vs ...any) (ds []Delivery, err error) {
	err = t.query(`SELECT `+deliveryColumns+` FROM deliveries d JOIN jobs j ON j.id = d.job `+where, vs, func(row []any) error {
		var d Delivery
		err := scan(row, &d.Job, &d.Destination, &d.Case, &d.Referral, &d.Kind, &d.What, &d.Key, &d.State, &d.Message, &d.Made, &d.Ended, &d.Status, &d.Reference,
			&d.Detail, &d.Warned, &d.Track, &d.TrackAt, &d.TrackUntil, &d.Enqueued, &d.Attempts, &d.Reason)
		if err == nil && len(d.Message) > 0 {
			d.Message, err = t.open(deliveryBytes, d.Message, int64(d.Job))
		}
		ds = append(ds, d)
		return err
	})
	return ds, err
}

// Delivery reads one; care.NotFound when there is none.
func (t *Tx) Delivery(id JobID) (Delivery, error) {
	ds, err := t.deliveries(`WHERE d.job = $1`, id)
	return first(ds, err, "The delivery")
}

// Deliveries is a page of a destination's, newest first, before a number (0: the
// newest), in a state ("": any).
func (t *Tx) Deliveries(destination string, state DeliveryState, before JobID, limit int) ([]Delivery, error) {
	if before <= 0 {
		before = 1 << 62
	}
	if state == "" {
		return t.deliveries(`WHERE d.destination = $1 AND d.job < $2 ORDER BY d.job DESC LIMIT $3`, destination, before, limit)
	}
	return t.deliveries(`WHERE d.destination = $1 AND d.state = $4 AND d.job < $2 ORDER BY d.job DESC LIMIT $3`, destination, before, limit, state)
}

// DeliveriesOf is what was or will be told of a case, oldest first.
func (t *Tx) DeliveriesOf(id care.CaseID) ([]Delivery, error) {
	return t.deliveries(`WHERE d.case_id = $1 ORDER BY d.job`, id)
}

// PutDelivery keeps what may change of a delivery; the case does where joined
// records are separated.
func (t *Tx) PutDelivery(d Delivery) error {
	return t.exec(`UPDATE deliveries SET key = $1, state = $2, message = $3, made = $4, ended = $5, status = $6, reference = $7, detail = $8,
		warned = $9, track = $10, track_at = $11, track_until = $12, case_id = $13 WHERE job = $14`,
		d.Key, d.State, t.sealRaw(deliveryBytes, d.Message, int64(d.Job)), d.Made, d.Ended, d.Status, d.Reference, d.Detail,
		d.Warned, d.Track, d.TrackAt, d.TrackUntil, d.Case, d.Job)
}

// KeepDelivery keeps what is about to be sent, if the lane is still this claim's.
func (t *Tx) KeepDelivery(l Lane, d Delivery) error {
	if err := t.fenced(l, `owner = owner`); err != nil {
		return err
	}
	return t.PutDelivery(d)
}

// ToTrack takes deliveries of a destination whose receipt is to be asked for, and
// asks for none of them again before the lease is over.
func (t *Tx) ToTrack(destination string, limit int, lease time.Duration) ([]Delivery, error) {
	ds, err := t.deliveries(`WHERE d.destination = $1 AND d.track <> '' AND d.track_at <= $2 ORDER BY d.track_at LIMIT $3`, destination, t.Now(), limit)
	for _, d := range ds {
		err = firstError(err, t.exec(`UPDATE deliveries SET track_at = $1 WHERE job = $2`, t.Now().Add(lease), d.Job))
	}
	return ds, err
}

// TrackDue is when the next receipt of a destination is to be asked for; zero:
// none.
func (t *Tx) TrackDue(destination string) (at time.Time, err error) {
	err = t.one(`SELECT coalesce(min(track_at), 0) FROM deliveries WHERE destination = $1 AND track <> ''`, []any{destination}, &at)
	return at, err
}

// DeliveryCounts is how many deliveries of a destination wait and need a person,
// and since when the oldest has waited.
type DeliveryCounts struct {
	Waiting, Held, Lost int64
	Oldest              time.Time
}

// DeliveryCounts counts what is not settled.
func (t *Tx) DeliveryCounts(destination string) (n DeliveryCounts, err error) {
	err = t.query(`SELECT d.state, count(*), min(j.made) FROM deliveries d JOIN jobs j ON j.id = d.job
		WHERE d.destination = $1 AND d.state IN ('waiting', 'refused', 'undelivered') GROUP BY d.state`, []any{destination}, func(row []any) error {
		var state DeliveryState
		var count int64
		var oldest time.Time
		err := scan(row, &state, &count, &oldest)
		switch state {
		case DeliveryWaiting:
			n.Waiting, n.Oldest = count, oldest
		case DeliveryHeld:
			n.Held = count
		case DeliveryLost:
			n.Lost = count
		}
		return err
	})
	return n, err
}

// HistoryBetween gives the places in history of what was recorded in a time: after
// from and up to to, both 0 when nothing was. Places grow with time.
func (t *Tx) HistoryBetween(begin, end time.Time) (from, to int64, err error) {
	last, err := t.Seq()
	if err != nil {
		return 0, 0, err
	}
	from, err = t.placeOf(begin, last)
	if err == nil {
		to, err = t.placeOf(end, last)
	}
	return from, to, err
}

// placeOf is the place of the last entry that was recorded before a time.
func (t *Tx) placeOf(at time.Time, last int64) (int64, error) {
	low, high := int64(0), last // the answer lies in [low, high]
	for low < high {
		mid := low + (high-low+1)/2
		recorded := at // where places are left, by erasing, nothing is known
		err := t.query(`SELECT recorded FROM history WHERE seq >= $1 ORDER BY seq LIMIT 1`, []any{mid}, func(row []any) error { return scan(row, &recorded) })
		if err != nil {
			return 0, err
		}
		if recorded.Before(at) {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low, nil
}

// HistoryOfBetween is what happened to a case, or to any ("") after a place and up
// to another, in order.
func (t *Tx) HistoryOfBetween(id care.CaseID, after, to int64, limit int) ([]care.Entry, error) {
	if id == "" {
		return t.entries(`WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3`, after, to, limit)
	}
	return t.entries(`WHERE case_id = $4 AND seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3`, after, to, limit, id)
}

// eraseDeliveries takes away what was sent about a person, and what waits to be.
func (t *Tx) eraseDeliveries(id care.CaseID) error {
	ds, err := t.DeliveriesOf(id)
	for _, d := range ds {
		d.Message, d.Reference, d.Track, d.What = nil, "", "", ""
		if d.State == DeliveryWaiting || d.State == DeliveryHeld {
			err = firstError(err, t.DropJob(d.Job, "The person's record was erased"))
			d.State, d.Detail, d.Ended = DeliveryDropped, "The person's record was erased", t.Now()
		}
		err = firstError(err, t.PutDelivery(d))
	}
	return err
}

// pruneDeliveries takes away what was sent, of those that ended before a time.
func (t *Tx) pruneDeliveries(before time.Time) (more bool, err error) {
	const atOnce = 500
	n := 0
	err = t.change(fmt.Sprintf(`UPDATE deliveries SET message = NULL WHERE job IN (SELECT job FROM deliveries
		WHERE state NOT IN ('waiting', 'refused', 'undelivered') AND message IS NOT NULL AND ended > 0 AND ended < $1 LIMIT %d) RETURNING job`, atOnce),
		[]any{before}, func([]any) error { n++; return nil })
	return n == atOnce, err
}
