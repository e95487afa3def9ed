package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"
)

// The bounds of one batch. A batch that runs longer than batchTime begins no
// further function; what is left over waits for the next.
const (
	batchWorks = 256
	batchTime  = 25 * time.Millisecond
)

// work is one call of Update or Keep, waiting or running.
type work struct {
	run   func(*Tx) error
	keep  *keeping // instead of run
	taken atomic.Int32
	done  chan error
	err   error
}

const (
	waiting int32 = iota
	running
	givenUp
)

// PanicError is what a caller of Update gets whose function panicked. Other
// callers are not touched by it.
type PanicError struct {
	Value any
	Stack []byte
}

// Error names the type and not the value, which may hold personal data.
func (e *PanicError) Error() string {
	if err, ok := e.Value.(interface{ RuntimeError() }); ok {
		return fmt.Sprintf("an update panicked: %v", err)
	}
	return fmt.Sprintf("an update panicked with a %T", e.Value)
}

// Update runs f in a transaction and returns nil only after the commit that
// holds its work. f sees all that was committed before, and nobody sees half of
// it. When f returns an error or panics, nothing of it is kept.
//
// One goroutine runs all functions of a process, one after the other, and the
// functions of a batch share one commit: f must be quick, must not call a
// network, and must not call Update. f may be run a second time, when a
// statement of some function in its batch goes wrong after that function
// ended; so f must set its results and not add to them.
//
// When ctx ends while f waits its turn, f is not run; once begun, it is run to
// its end and Update waits for the commit.
func (s *Store) Update(ctx context.Context, f func(*Tx) error) error {
	return s.do(ctx, &work{run: f, done: make(chan error, 1)})
}

func (s *Store) do(ctx context.Context, w *work) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.queue = append(s.queue, w)
	s.mu.Unlock()
	s.rouse()
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		if w.taken.CompareAndSwap(waiting, givenUp) {
			return context.Cause(ctx)
		}
		return <-w.done
	}
}

func (s *Store) rouse() {
	select {
	case s.knock <- struct{}{}:
	default:
	}
}

// write is the writer: it takes all that wait and runs them as a batch.
func (s *Store) write() {
	for {
		ws, closed := s.take()
		switch {
		case len(ws) > 0:
			s.safely(ws)
		case closed:
			return
		default:
			select {
			case <-s.knock:
			case <-s.stop:
			}
		}
	}
}

func (s *Store) take() (ws []*work, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.queue), batchWorks)
	ws = append(ws, s.queue[:n]...)
	s.queue = append(s.queue[:0], s.queue[n:]...)
	clear(s.queue[len(s.queue):cap(s.queue)])
	return ws, s.closed
}

// putBack returns works that a batch had no time for to the head of the queue.
func (s *Store) putBack(ws []*work) {
	if len(ws) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(append([]*work{}, ws...), s.queue...)
}

// safely runs a batch on a goroutine of its own, so that a function that ends
// its goroutine (as testing.T.Fatal does) ends only itself.
func (s *Store) safely(ws []*work) {
	finished := make(chan bool, 1)
	go func() {
		ok := false
		defer func() { finished <- ok }()
		s.runBatch(ws)
		ok = true
	}()
	if <-finished {
		return
	}
	s.discard()
	for _, w := range ws {
		if w.taken.CompareAndSwap(waiting, running) || w.taken.Load() == running {
			select {
			case w.done <- errors.New("an update in the same batch ended its goroutine"):
			default:
			}
		}
	}
}

func (s *Store) discard() {
	if s.writer != nil {
		s.writer.close()
		s.writer = nil
	}
	s.edge.Size = -1
}

func (s *Store) runBatch(ws []*work) {
	ctx, cancel := s.engine.patience(s.cfg.Timeout)
	defer cancel()
	mine, err := s.attempt(ctx, ws, nil)
	if errors.Is(err, errAgain) {
		mine, err = s.attempt(ctx, ws, mine)
	}
	if errors.Is(err, ErrUnavailable) || errors.Is(err, errAgain) {
		s.discard()
	}
	for _, w := range mine {
		if err != nil && w.err == nil {
			w.err = err
		}
		w.done <- w.err
	}
}

// attempt runs a batch once. again, when not nil, are the works of a first try
// that went wrong late; they are run again with careful parts. It returns the
// works that it ran, which must be answered.
func (s *Store) attempt(ctx context.Context, ws, again []*work) (mine []*work, err error) {
	mine = again
	if again == nil {
		mine = claim(ws)
	}
	if len(mine) == 0 {
		return nil, nil
	}
	b, err := s.begin(ctx)
	if err != nil {
		return mine, err
	}
	b.careful = again != nil
	left, err := b.runAll(mine)
	if again == nil && err == nil {
		s.putBack(left)
		mine = mine[:len(mine)-len(left)]
	}
	if err == nil {
		err = b.finish()
	}
	if err != nil && s.writer != nil && !errors.Is(err, ErrUnavailable) {
		if rerr := s.writer.rollback(ctx); rerr != nil {
			s.discard()
		}
		s.edge.Size = -1
	}
	return mine, err
}

// claim begins works that nobody has given up: Keeps first, the others in the
// order in which they came.
func claim(ws []*work) (mine []*work) {
	for _, w := range ws {
		if w.taken.CompareAndSwap(waiting, running) {
			mine = append(mine, w)
		}
	}
	slices.SortStableFunc(mine, func(a, b *work) int {
		switch {
		case a.keep != nil && b.keep == nil:
			return -1
		case a.keep == nil && b.keep != nil:
			return 1
		}
		return 0
	})
	return mine
}

// batch is one transaction of the writer, or the snapshot of a View.
type batch struct {
	s       *Store
	c       conn
	ctx     context.Context
	careful bool
	began   time.Time
	wrote   bool

	tally    tally
	cache    cache
	keysRead bool  // a View has compared its keys with the snapshot's
	ring     *ring // and these are the snapshot's
}

// tally is the row of counters: everything that is numbered is numbered here.
type tally struct{ commits, seq, messages, jobs, imports, audit, keys int64 }

const tallyText = `SELECT commits, seq, messages, jobs, imports, audit, keys FROM tally WHERE id = 1`

func (t *tally) scan(row []any) error {
	return scan(row, &t.commits, &t.seq, &t.messages, &t.jobs, &t.imports, &t.audit, &t.keys)
}

// begin begins a batch. A connection that broke while it was idle says so at
// once, before anything was done on it: then another is opened, and no caller
// hears of it.
func (s *Store) begin(ctx context.Context) (*batch, error) {
	idle, began := s.writer != nil, time.Now()
	b, err := s.beginOn(ctx)
	if idle && errors.Is(err, ErrUnavailable) && time.Since(began) < time.Second {
		s.discard()
		b, err = s.beginOn(ctx)
	}
	return b, err
}

func (s *Store) beginOn(ctx context.Context) (*batch, error) {
	if s.writer == nil {
		c, err := s.engine.open(ctx, roleWriter)
		if err != nil {
			return nil, unavailable("opening the database", err)
		}
		s.writer = c
	}
	s.batches.Add(1)
	b := &batch{s: s, c: s.writer, ctx: ctx, began: time.Now()}
	if err := b.c.begin(ctx, true); err != nil {
		return nil, err
	}
	if err := b.c.query(ctx, tallyText, nil, b.tally.scan); err != nil {
		return b, err
	}
	return b, s.sameKeys(ctx, b)
}

// sameKeys makes the writer's data keys those of the database: what is written
// is never sealed with a key that another process has replaced.
func (s *Store) sameKeys(ctx context.Context, b *batch) error {
	r := s.ring.Load()
	if r == nil && b.tally.keys == 0 || r != nil && r.gen == b.tally.keys {
		return nil
	}
	err := s.readRing(ctx, b.c)
	if err != nil && s.writer != nil {
		err = errors.Join(fmt.Errorf("reading the data keys: %w", err), s.writer.rollback(ctx))
	}
	return err
}

// runAll runs works one after the other, and first all Keeps together. It
// returns those that it had no time to begin.
func (b *batch) runAll(ws []*work) (left []*work, err error) {
	if err := b.runKeeps(ws); err != nil {
		return nil, err
	}
	for i, w := range ws {
		if w.keep != nil {
			continue
		}
		if !b.careful && time.Since(b.began) > batchTime {
			for _, w := range ws[i:] {
				w.taken.Store(waiting)
			}
			return ws[i:], nil
		}
		w.err, err = b.part(w.run)
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// part runs one function apart from the others. err is what went wrong for the
// function alone, fatal what went wrong for the whole batch.
func (b *batch) part(f func(*Tx) error) (err, fatal error) {
	b.s.works.Add(1)
	t := &Tx{s: b.s, c: b.c, ctx: b.ctx, b: b, write: true}
	before, began := b.tally, time.Now()
	b.c.start(b.careful)
	err = call(f, t)
	if err == nil && t.fault == nil {
		err = t.flushFeeds()
	}
	t.over = true
	if t.fault != nil {
		err = t.fault
	}
	b.s.held(time.Since(began))
	if errors.Is(t.fault, ErrUnavailable) || errors.Is(t.fault, errAgain) {
		return err, t.fault
	}
	ended := b.c.end(b.ctx, err == nil)
	if errors.Is(ended, ErrUnavailable) || errors.Is(ended, errAgain) {
		return err, ended
	}
	if err == nil {
		err = taken(ended)
	}
	if err != nil {
		b.tally = before
		b.cache.forget()
		b.s.edge.Size = -1
		return err, nil
	}
	b.wrote = b.wrote || t.wrote
	return nil, nil
}

func call(f func(*Tx) error, t *Tx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f(t)
}

func (s *Store) held(d time.Duration) {
	if int64(d) > s.longest.Load() {
		s.longest.Store(int64(d))
	}
	if s.cfg.Held != nil && d > s.cfg.HoldLimit {
		s.cfg.Held(d)
	}
}

// finish commits, and tells who waits. A batch that wrote nothing wakes nobody.
func (b *batch) finish() error {
	if !b.wrote {
		return b.c.rollback(b.ctx)
	}
	b.tally.commits++
	t := b.tally
	err := b.c.exec(b.ctx, `UPDATE tally SET commits = $1, seq = $2, messages = $3, jobs = $4, imports = $5, audit = $6, keys = $7 WHERE id = 1`,
		[]any{t.commits, t.seq, t.messages, t.jobs, t.imports, t.audit, t.keys})
	if err == nil {
		err = b.c.commit(b.ctx)
	}
	if err != nil {
		return err
	}
	b.s.commits.Add(1)
	b.s.wake(t.commits)
	select {
	case b.s.ping <- struct{}{}:
	default:
	}
	return nil
}

// poll looks for commits of other processes.
func (s *Store) poll() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var n, keys int64
	err := s.View(ctx, func(t *Tx) error { return t.one(`SELECT commits, keys FROM tally WHERE id = 1`, nil, &n, &keys) })
	if err != nil {
		return
	}
	s.wake(n)
	if r := s.ring.Load(); keys > 0 && (r == nil || r.gen < keys) {
		_ = s.openRing(ctx) // who needs the keys is told; this only notices early
	}
}
