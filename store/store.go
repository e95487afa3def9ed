// Package store is Homeward's memory: messages as they came, cases with their
// history, the tracker rows derived from them, jobs, the audit log, and people.
// It keeps all of it in one SQLite file or one PostgreSQL database, by one text
// of SQL.
//
// It decides nothing: who may see or change what is not its business, and
// neither is what a message means. It has no interface over it and takes no
// part in a network; only package hub imports it. Every change goes through
// Update, every read through Update or View.
package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"homeward/care"
	"homeward/proof"
)

// ErrUnavailable is wrapped by every error that comes from the database and not
// from what was asked of it: it is gone, full, failing or too slow. Trying
// again later may work, and needs no restart. Work that failed so was not
// acknowledged, but if the connection broke during the commit it may have been
// kept all the same; everything that a sender repeats is therefore idempotent.
var ErrUnavailable = errors.New("the database is not available")

// ErrClosed is returned by calls on a Store that was closed.
var ErrClosed = errors.New("the store is closed")

// Config says where the store is and what it needs from outside.
type Config struct {
	// URL is postgres://... (several hosts allowed) or the path of a SQLite
	// file; "" is homeward.db in the working directory.
	URL string
	// Clock tells the time; nil is time.Now.
	Clock func() time.Time
	// Row derives the tracker's row of a case (care.RowOf). It is pure.
	Row func(care.Case) care.Row
	// Resources lists what faces search of a case . It is pure; nil is
	// care.Resources.
	Resources func(care.Case) []care.Resource
	// Readers is how many Views may run at once; 0 is 8.
	Readers int
	// Timeout ends a batch of Updates that the database does not finish; 0 is
	// 15 seconds. PostgreSQL only.
	Timeout time.Duration
	// Keys reads the keys that wrap the data keys: the first wraps, all open. It is
	// called again when the database names a key that was not among them. nil:
	// nothing is sealed, and a database that is sealed is refused.
	Keys func() ([]MasterKey, error)
	// Held, when set, is told of each function that held the writer longer than
	// HoldLimit (0 is 50 ms). It is called by the writer and must be quick.
	Held      func(time.Duration)
	HoldLimit time.Duration
}

func (c Config) withDefaults() Config {
	if c.URL == "" {
		c.URL = "homeward.db"
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Resources == nil {
		c.Resources = care.Resources
	}
	if c.Readers <= 0 {
		c.Readers = 8
	}
	if c.Timeout <= 0 {
		c.Timeout = 15 * time.Second
	}
	if c.HoldLimit <= 0 {
		c.HoldLimit = 50 * time.Millisecond
	}
	return c
}

// Store is an open database. All its methods may be called by many goroutines.
type Store struct {
	cfg    Config
	engine engine

	// The queue of the writer.
	mu     sync.Mutex
	queue  []*work
	closed bool
	knock  chan struct{} // capacity 1: there is something in the queue
	stop   chan struct{}
	ended  sync.WaitGroup

	// What the writer remembers between batches; only the writer touches it.
	writer conn
	edge   proof.Edge

	// Who waits for the next commit.
	waitMu  sync.Mutex
	waiters chan struct{}
	seen    int64         // the newest commit that waiters were told of
	ping    chan struct{} // capacity 1: other processes are to be told

	// The data keys as this process knows them (ring.go).
	ring   atomic.Pointer[ring]
	ringMu sync.Mutex
	sealed atomic.Bool // the database has data keys
	look   sync.Mutex  // for what newer last looked, and when
	missed uint32
	looked time.Time

	readers chan conn // idle readers; nil stands for one not yet opened
	decoded decoded   // cases by their documents
	many    sync.Map  // organisations with a part in many cases (resources.go)

	longest, commits, batches, works atomic.Int64
}

// engine opens connections to one kind of database.
type engine interface {
	name() string
	open(ctx context.Context, as role) (conn, error)
	// patience bounds one batch of the writer.
	patience(time.Duration) (context.Context, context.CancelFunc)
	// watch tells s of other processes' commits, and them of ours, until stop.
	watch(s *Store, stop <-chan struct{})
	close() error
}

// role is what a connection is for.
type role int

const (
	roleReader role = iota // snapshots
	roleWriter             // the writer's short batches
	roleLong               // one long transaction: a migration, a restore
)

// Open opens a database, making the SQLite file if there is none. It neither
// makes nor changes tables: call Migrate.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if cfg.Row == nil {
		return nil, errors.New("opening the store: Config.Row is not set")
	}
	e, err := engineFor(cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, engine: e, knock: make(chan struct{}, 1), stop: make(chan struct{}),
		waiters: make(chan struct{}), ping: make(chan struct{}, 1), readers: make(chan conn, cfg.Readers)}
	for range cfg.Readers {
		s.readers <- nil
	}
	w, err := e.open(ctx, roleWriter)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database: %w", err), e.close())
	}
	s.writer = w
	if err := s.openRing(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the database: %w", err), w.close(), e.close())
	}
	s.ended.Go(s.write)
	s.ended.Go(func() { e.watch(s, s.stop) })
	return s, nil
}

func engineFor(cfg Config) (engine, error) {
	if strings.HasPrefix(cfg.URL, "postgres://") || strings.HasPrefix(cfg.URL, "postgresql://") {
		return newPostgres(cfg)
	}
	return newSQLite(cfg)
}

// Close lets what is queued finish, and closes the database. Calls after it
// return ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	s.ended.Wait()
	var errs []error
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	for range s.cfg.Readers {
		if c := <-s.readers; c != nil {
			errs = append(errs, c.close())
		}
	}
	s.wake(-1)
	return errors.Join(append(errs, s.engine.close())...)
}

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.engine.name() }

// Encrypted says whether what is stored of people is encrypted.
func (s *Store) Encrypted() bool { return s.sealed.Load() }

// Now is the time by the store's clock.
func (s *Store) Now() time.Time { return s.cfg.Clock() }

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	return s.View(ctx, func(t *Tx) error { _, err := t.Commits(); return err })
}

// Stats is how the writer has done since Open.
type Stats struct {
	Engine      string
	Commits     int64         // commits that wrote
	Batches     int64         // transactions begun
	Works       int64         // Updates and Keeps that were run
	LongestHold time.Duration // the longest that one function held the writer
	Queued      int           // waiting now
}

// Stats tells how the writer has done since Open.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	n := len(s.queue)
	s.mu.Unlock()
	return Stats{Engine: s.engine.name(), Commits: s.commits.Load(), Batches: s.batches.Load(), Works: s.works.Load(),
		LongestHold: time.Duration(s.longest.Load()), Queued: n}
}

// View runs f on a snapshot: what f reads is as of one commit, whatever else
// goes on. f must not write. Its queries end when ctx ends.
//
// A connection that was idle may have been cut meanwhile, as when the database
// was restarted: then f is run again on a new one, unless it has been given rows.
func (s *Store) View(ctx context.Context, f func(*Tx) error) error {
	again, err := s.view(ctx, f)
	if again {
		_, err = s.view(ctx, f)
	}
	return err
}

// view is one try of View; again is that it failed on a connection that had
// been idle, before f was given anything.
func (s *Store) view(ctx context.Context, f func(*Tx) error) (again bool, err error) {
	c, idle, err := s.reader(ctx)
	if err != nil {
		return false, err
	}
	t := &Tx{s: s, c: c, ctx: ctx, b: &batch{}}
	keep := false
	defer func() { s.giveBack(c, keep) }()
	if err := c.begin(ctx, false); err != nil {
		return idle && s.cut(ctx, err), viewError(ctx, err)
	}
	err = f(t)
	t.over = true
	end := c.rollback(context.WithoutCancel(ctx))
	keep = end == nil && t.fault == nil
	if err == nil {
		err = t.fault
	}
	return s.cut(ctx, err) && idle && !t.gave, viewError(ctx, err)
}

// cut reports whether err says that the database is not there for us; then the
// other idle connections are not to be trusted either.
func (s *Store) cut(ctx context.Context, err error) bool {
	if !errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
		return false
	}
	s.forgetIdle()
	return true
}

// viewError prefers the caller's own reason when its context ended.
func viewError(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, ErrUnavailable) {
		return context.Cause(ctx)
	}
	return err
}

// reader takes an idle connection, or opens one; idle says which.
func (s *Store) reader(ctx context.Context) (c conn, idle bool, err error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, false, ErrClosed
	}
	select {
	case c := <-s.readers:
		if c != nil {
			return c, true, nil
		}
		c, err := s.engine.open(ctx, roleReader)
		if err != nil {
			s.readers <- nil
			return nil, false, viewError(ctx, unavailable("opening the database", err))
		}
		return c, false, nil
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
}

// giveBack returns a reader for the next View; one that had an error is closed,
// so that a broken connection serves nobody twice.
func (s *Store) giveBack(c conn, keep bool) {
	if !keep {
		c.close()
		c = nil
	}
	s.readers <- c
}

// forgetIdle closes the readers that nobody uses. When the database went away
// they are all broken, and each would fail somebody's View before it was found.
func (s *Store) forgetIdle() {
	for range s.cfg.Readers {
		select {
		case c := <-s.readers:
			if c != nil {
				c.close()
			}
			s.readers <- nil
		default:
			return
		}
	}
}

// Wait gives a channel that is closed at the next commit that wrote, by any
// process. Take the channel before reading what may change.
func (s *Store) Wait() <-chan struct{} {
	s.waitMu.Lock()
	defer s.waitMu.Unlock()
	return s.waiters
}

// wake tells who waits that commit n has happened, unless they know; -1 tells
// them in any case.
func (s *Store) wake(n int64) {
	s.waitMu.Lock()
	defer s.waitMu.Unlock()
	if n >= 0 && n <= s.seen {
		return
	}
	s.seen = max(s.seen, n)
	close(s.waiters)
	s.waiters = make(chan struct{})
}

func unavailable(doing string, err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}
