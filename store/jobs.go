package store

import (
	"time"
)

// JobID numbers jobs in the order of enqueueing.
type JobID int64

// JobState is how far a job has come.
type JobState string

// The states of a job.
const (
	JobReady JobState = "ready"
	JobDone  JobState = "done"
	JobDead  JobState = "dead" // given up: a person must look at it
	JobHeld  JobState = "held" // a person must look at it, and the jobs behind it wait
)

// Job is something to be told outside, in the order of its lane.
type Job struct {
	ID       JobID
	Lane     string // a destination, or a destination and a case
	Kind     string
	Key      string // stable: the far side may see it more than once
	Payload  string
	State    JobState
	Attempts int
	Made     time.Time
	Ended    time.Time
	Reason   string // of the last failure, in words
}

// Lane is a lane that was claimed. Its fence tells this claim from later ones.
type Lane struct {
	Name  string
	Fence int64
}

// ErrFenced is that a lane's lease was lost to another claim: what was done
// under it must not be settled.
var ErrFenced = conflict("The lease of this lane was lost")

// Enqueue adds a job to a lane, in the transaction that causes it. A key that
// was ever enqueued before adds nothing. The first of a lane is due at once, whatever
// a clock that was set wrong left there.
func (t *Tx) Enqueue(lane, kind, key, payload string) error {
	t.b.tally.jobs++
	now := t.Now()
	if err := t.exec(`INSERT INTO lanes (name, ready_at, lease_until, owner, fence, pending)
		SELECT $1, $2, 0, '', 0, 1 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE key = $3)
		ON CONFLICT (name) DO UPDATE SET pending = lanes.pending + 1,
			ready_at = CASE WHEN lanes.pending = 0 THEN excluded.ready_at ELSE lanes.ready_at END`, lane, now, key); err != nil {
		return err
	}
	return t.exec(`INSERT INTO jobs (id, lane, kind, key, payload, state, attempts, made, ended, reason)
		VALUES ($1, $2, $3, $4, $5, 'ready', 0, $6, 0, '') ON CONFLICT (key) DO NOTHING`, t.b.tally.jobs, lane, kind, key, t.seal(jobPayload, payload, t.b.tally.jobs), now)
}

// ClaimLane takes the lane that has been due longest and that nobody has, for
// the time of the lease. ok is false when none is due. Lanes of destinations are
// claimed by ClaimTold.
func (t *Tx) ClaimLane(owner string, lease time.Duration) (l Lane, ok bool, err error) {
	now := t.Now()
	err = t.change(`UPDATE lanes SET owner = $1, lease_until = $2, fence = fence + 1
		WHERE name = (SELECT name FROM lanes WHERE destination = '' AND pending > 0 AND ready_at <= $3 AND lease_until <= $3 ORDER BY ready_at, name LIMIT 1)
		RETURNING name, fence`, []any{owner, now.Add(lease), now}, func(row []any) error {
		ok = true
		return scan(row, &l.Name, &l.Fence)
	})
	return l, ok, err
}

// NextLane is when the next lane falls due; zero when nothing waits.
func (t *Tx) NextLane() (at time.Time, err error) {
	err = t.one(`SELECT coalesce(min(CASE WHEN lease_until > ready_at THEN lease_until ELSE ready_at END), 0) FROM lanes WHERE pending > 0 AND destination = ''`, nil, &at)
	return at, err
}

const jobColumns = `id, lane, kind, key, payload, state, attempts, made, ended, reason`

func (t *Tx) jobs(sql string, vs ...any) (js []Job, err error) {
	err = t.query(sql, vs, func(row []any) error {
		var j Job
		err := scan(row, &j.ID, &j.Lane, &j.Kind, &j.Key, &j.Payload, &j.State, &j.Attempts, &j.Made, &j.Ended, &j.Reason)
		if err == nil {
			j.Payload, err = t.openText(jobPayload, j.Payload, int64(j.ID))
		}
		js = append(js, j)
		return err
	})
	return js, err
}

// LaneJobs is the jobs of a lane that are to be done, in order.
func (t *Tx) LaneJobs(lane string, limit int) ([]Job, error) {
	return t.jobs(`SELECT `+jobColumns+` FROM jobs WHERE lane = $1 AND state = 'ready' ORDER BY id LIMIT $2`, lane, limit)
}

// Jobs is a page of jobs in a state, newest first, before an id (0: the newest).
func (t *Tx) Jobs(state JobState, before JobID, limit int) ([]Job, error) {
	if before <= 0 {
		before = 1 << 62
	}
	return t.jobs(`SELECT `+jobColumns+` FROM jobs WHERE state = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, state, before, limit)
}

// fenced checks that the claim still holds, and changes the lane.
func (t *Tx) fenced(l Lane, set string, vs ...any) error {
	held := false
	vs = append([]any{l.Name, l.Fence}, vs...)
	err := t.change(`UPDATE lanes SET `+set+` WHERE name = $1 AND fence = $2 RETURNING pending`, vs, func([]any) error {
		held = true
		return nil
	})
	if err == nil && !held {
		return ErrFenced
	}
	return err
}

// FinishJob marks a job done, in the transaction of its effect. ErrFenced when
// the lane was claimed by another since.
func (t *Tx) FinishJob(l Lane, id JobID) error {
	if err := t.fenced(l, `pending = pending - 1`); err != nil {
		return err
	}
	return t.exec(`UPDATE jobs SET state = 'done', attempts = attempts + 1, ended = $1, reason = '' WHERE id = $2`, t.Now(), id)
}

// FailJob counts a failure, and gives the lane back until after the wait: the
// jobs behind it wait too, so that order is kept.
func (t *Tx) FailJob(l Lane, id JobID, reason string, wait time.Duration) error {
	if err := t.fenced(l, `ready_at = $3, lease_until = 0, owner = ''`, t.Now().Add(wait)); err != nil {
		return err
	}
	return t.exec(`UPDATE jobs SET attempts = attempts + 1, reason = $1 WHERE id = $2`, reason, id)
}

// BuryJob gives a job up, so that the lane goes on without it.
func (t *Tx) BuryJob(l Lane, id JobID, reason string) error {
	if err := t.fenced(l, `pending = pending - 1`); err != nil {
		return err
	}
	return t.exec(`UPDATE jobs SET state = 'dead', attempts = attempts + 1, ended = $1, reason = $2 WHERE id = $3`, t.Now(), reason, id)
}

// ReleaseLane gives a lane back when there is nothing more to do in it.
func (t *Tx) ReleaseLane(l Lane) error {
	return t.fenced(l, `lease_until = 0, owner = '', ready_at = $3`, t.Now())
}

// HoldJob keeps a job for a person to look at. The lane waits with it.
func (t *Tx) HoldJob(l Lane, id JobID, reason string) error {
	if err := t.fenced(l, `pending = pending - 1, held = 1, lease_until = 0, owner = ''`); err != nil {
		return err
	}
	return t.exec(`UPDATE jobs SET state = 'held', attempts = attempts + 1, ended = $1, reason = $2 WHERE id = $3`, t.Now(), reason, id)
}

// DropJob gives up a job that is held, or that waits and that nobody works at: its
// lane goes on without it. Whoever is telling it now loses the lane.
func (t *Tx) DropJob(id JobID, reason string) error {
	lane, state := "", JobState("")
	if err := t.one(`SELECT lane, state FROM jobs WHERE id = $1`, []any{id}, &lane, &state); err != nil {
		return orNotFound(err, "The job")
	}
	waits := 0
	switch state {
	case JobHeld:
	case JobReady:
		waits = 1
	default:
		return conflict("This was settled already. Look at it again")
	}
	return firstError(t.exec(`UPDATE jobs SET state = 'dead', ended = $1, reason = $2 WHERE id = $3`, t.Now(), reason, id),
		t.exec(`UPDATE lanes SET pending = pending - $1, fence = fence + $1, ready_at = $2, lease_until = CASE WHEN $1 = 1 THEN 0 ELSE lease_until END, `+
			countHeld+` WHERE name = $3`, waits, t.Now(), lane))
}

// countHeld lets a lane wait while there is a job in it that is held.
const countHeld = `held = (SELECT count(*) FROM jobs WHERE jobs.lane = lanes.name AND jobs.state = 'held')`

// ReviveJob puts a job that was given up or held at its place in the lane again,
// or a delivery that was settled and is to be told once more.
func (t *Tx) ReviveJob(id JobID) error {
	lane := ""
	err := t.change(`UPDATE jobs SET state = 'ready', attempts = 0, ended = 0 WHERE id = $1
		AND (state IN ('dead', 'held') OR state = 'done' AND id IN (SELECT job FROM deliveries)) RETURNING lane`, []any{id},
		func(row []any) error { return scan(row, &lane) })
	if err != nil {
		return err
	}
	if lane == "" {
		return notFound("The job")
	}
	return t.exec(`UPDATE lanes SET pending = pending + 1, ready_at = $1, `+countHeld+` WHERE name = $2`, t.Now(), lane)
}

// JobCounts is how many jobs wait and how many were given up, and since when
// the oldest has waited.
type JobCounts struct {
	Ready, Dead int64
	Oldest      time.Time
}

// JobCounts counts jobs that are not done.
func (t *Tx) JobCounts() (n JobCounts, err error) {
	err = t.one(`SELECT (SELECT count(*) FROM jobs WHERE state = 'ready'), (SELECT count(*) FROM jobs WHERE state IN ('dead', 'held')),
		(SELECT coalesce(min(made), 0) FROM jobs WHERE state = 'ready')`, nil, &n.Ready, &n.Dead, &n.Oldest)
	return n, err
}

// Backoff is how long to wait after the given number of failures: doubling from
// base to at most top, of which a random half is taken off (r is in [0, 1)), so
// that lanes which failed together do not come back together.
func Backoff(failures int, base, top time.Duration, r float64) time.Duration {
	d := base
	for i := 1; i < failures && d < top; i++ {
		d *= 2
	}
	d = min(d, top)
	return d - time.Duration(r*float64(d)/2)
}
