package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// lockKey is the advisory lock that the one writer of a database holds during
// a batch, whatever process it is in.
const lockKey = 0x686f6d6577617264 // "homeward"

// channel is where processes tell each other of commits.
const channel = "homeward"

// pgEngine opens connections to one PostgreSQL database. They are driven
// natively: a pipelined transaction cannot be said in database/sql.
type pgEngine struct {
	cfg     *pgx.ConnConfig
	timeout time.Duration
}

func newPostgres(cfg Config) (engine, error) {
	c, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("opening the store: reading the PostgreSQL URL: %w", err)
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "homeward"
	}
	return &pgEngine{cfg: c, timeout: cfg.Timeout}, nil
}

func (e *pgEngine) name() string { return "postgres" }
func (e *pgEngine) close() error { return nil }

func (e *pgEngine) patience(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

func (e *pgEngine) open(ctx context.Context, as role) (conn, error) {
	c, err := pgx.ConnectConfig(ctx, e.cfg)
	if err != nil {
		return nil, unavailable("connecting to PostgreSQL", err)
	}
	if _, err := c.PgConn().Exec(ctx, e.settings(as)).ReadAll(); err != nil {
		return nil, errors.Join(unavailable("connecting to PostgreSQL", err), c.Close(ctx))
	}
	return &pgConn{c: c}, nil
}

// settings of a connection. A writer that hangs in a batch must not keep the
// lock from other processes. Readers plan each query anew: what one hospital
// asks is not what another asks.
func (e *pgEngine) settings(as role) string {
	switch as {
	case roleWriter:
		ms := e.timeout.Milliseconds()
		return fmt.Sprintf("SET idle_in_transaction_session_timeout = %d; SET statement_timeout = %d", ms, ms)
	case roleReader:
		return "SET plan_cache_mode = force_custom_plan"
	}
	return "SET statement_timeout = 0"
}

// pgConn holds statements back and sends them in one round trip with the next
// query or the commit.
type pgConn struct {
	c       *pgx.Conn
	pending []pgStatement
	bytes   int

	begun, replans int // batches begun, and when to plan anew
	trips          int // round trips made

	part    bool
	mark    int  // where in pending the part begins
	saved   bool // the part's savepoint was sent
	careful bool // give it one with whatever is sent, and hold nothing back beyond its end
	wanted  bool // give it one with what is sent next
	aborted bool // the transaction takes nothing more until it is undone
}

type pgStatement struct {
	sql  string
	args []any
}

// The lock must come before the first snapshot that matters: READ COMMITTED
// takes one for each statement, so the statements after the lock see all that
// earlier holders committed.
func (p *pgConn) begin(ctx context.Context, write bool) error {
	p.pending, p.bytes, p.part, p.saved, p.aborted = p.pending[:0], 0, false, false, false
	if !write {
		p.hold("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", nil)
		return nil
	}
	p.hold("BEGIN ISOLATION LEVEL READ COMMITTED", nil)
	p.hold("SELECT pg_advisory_xact_lock($1)", []any{int64(lockKey)})
	p.replan()
	return nil
}

// replan forgets the plans of prepared statements each time that this
// connection has done twice as much as when it last did. PostgreSQL makes them
// for the size that tables have then, and keeps them: plans made on an empty
// database would read whole tables until something analyses them.
func (p *pgConn) replan() {
	if p.begun++; p.begun >= p.replans {
		p.replans = min(2*p.begun, p.begun+10000)
		p.hold("DISCARD PLANS", nil)
	}
}

func (p *pgConn) commit(ctx context.Context) error {
	p.hold("COMMIT", nil)
	return p.flush(ctx)
}

func (p *pgConn) rollback(ctx context.Context) error {
	p.part, p.saved = false, false
	if len(p.pending) > 0 && strings.HasPrefix(p.pending[0].sql, "BEGIN") {
		p.pending = p.pending[:0] // it never began
		return nil
	}
	p.pending = p.pending[:0]
	_, err := p.c.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
	p.aborted = false
	return pgError(err)
}

func insertText(head string, n, width int, tail string) string {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString(" VALUES ")
	places(&b, n, width)
	b.WriteByte(' ')
	b.WriteString(tail)
	return b.String()
}

func (p *pgConn) hold(sql string, args []any) {
	p.pending = append(p.pending, pgStatement{sql, args})
	for _, a := range args {
		switch a := a.(type) {
		case string:
			p.bytes += len(a)
		case []byte:
			p.bytes += len(a)
		}
	}
}

func (p *pgConn) start(careful bool) {
	p.part, p.careful, p.saved, p.wanted, p.mark = true, careful, false, false, len(p.pending)
}

func (p *pgConn) save(context.Context) error { p.wanted = true; return nil }

// end needs no savepoint for a part of which nothing was sent: what is held
// back of it is dropped.
func (p *pgConn) end(ctx context.Context, keep bool) error {
	if keep && p.careful && !p.aborted {
		if err := p.flush(ctx); err != nil {
			if errors.Is(err, ErrUnavailable) {
				return err
			}
			if uerr := p.undo(ctx); uerr != nil {
				return uerr
			}
			return err
		}
	}
	if !keep || p.aborted {
		return p.undo(ctx)
	}
	if p.saved {
		p.hold("RELEASE SAVEPOINT part", nil)
	}
	p.part, p.saved = false, false
	return nil
}

// undo takes the part back. In a transaction that an error has stopped nothing
// can be prepared, so that the way out of it goes by itself, unprepared.
func (p *pgConn) undo(ctx context.Context) error {
	p.part = false
	switch {
	case p.aborted && !p.saved:
		return errAgain
	case !p.saved:
		p.pending = p.pending[:p.mark]
		return nil
	case p.aborted:
		p.saved, p.aborted, p.pending = false, false, p.pending[:0]
		_, err := p.c.PgConn().Exec(ctx, "ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part").ReadAll()
		return pgError(err)
	}
	p.saved, p.pending = false, p.pending[:0]
	p.hold("ROLLBACK TO SAVEPOINT part", nil)
	p.hold("RELEASE SAVEPOINT part", nil)
	return nil
}

func (p *pgConn) exec(ctx context.Context, sql string, args []any) error {
	p.hold(sql, args)
	if len(p.pending) >= 1000 || p.bytes > 8<<20 {
		return p.flush(ctx)
	}
	return nil
}

// insert holds back inserts of 32, 8 and 1 rows, so that few texts need to be
// prepared.
func (p *pgConn) insert(ctx context.Context, head string, rows [][]any, tail string) error {
	for len(rows) > 0 {
		n := 1
		for _, m := range []int{32, 8} {
			if len(rows) >= m {
				n = m
				break
			}
		}
		w := len(rows[0])
		all := make([]any, 0, n*w)
		for _, r := range rows[:n] {
			all = append(all, r...)
		}
		if err := p.exec(ctx, insertText(head, n, w, tail), all); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (p *pgConn) flush(ctx context.Context) error { return p.send(ctx, nil, nil) }

func (p *pgConn) query(ctx context.Context, sql string, args []any, each func([]any) error) error {
	return p.send(ctx, []pgStatement{{sql, args}}, func(_ int, row []any) error { return each(row) })
}

func (p *pgConn) queryEach(ctx context.Context, sql string, args [][]any, each func(int, []any) error) error {
	qs := make([]pgStatement, len(args))
	for i, a := range args {
		qs[i] = pgStatement{sql, a}
	}
	return p.send(ctx, qs, each)
}

// send sends all that is held back, and then the queries, in one round trip.
// When a part has already said something, or is careful, its savepoint goes
// before it.
func (p *pgConn) send(ctx context.Context, queries []pgStatement, each func(int, []any) error) error {
	if p.aborted {
		return errAgain
	}
	mark := len(p.pending)
	if p.part && !p.saved {
		mark = p.mark
		if p.careful || p.wanted || len(p.pending) > p.mark {
			p.pending = append(p.pending, pgStatement{})
			copy(p.pending[p.mark+1:], p.pending[p.mark:])
			p.pending[p.mark] = pgStatement{sql: "SAVEPOINT part"}
			p.saved = true
		}
	} else if p.part {
		mark = 0
	}
	held := p.pending
	p.pending, p.bytes, p.mark = p.pending[:0], 0, 0
	if len(held)+len(queries) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	for _, s := range held {
		b.Queue(s.sql, s.args...)
	}
	for _, s := range queries {
		b.Queue(s.sql, s.args...)
	}
	p.trips++
	br := p.c.SendBatch(ctx, b)
	bad, err := receive(br, len(held), len(queries), each)
	cerr := br.Close()
	var stop *stopped
	if errors.As(err, &stop) {
		return stop.err
	}
	if err == nil {
		err = cerr
	}
	if err == nil {
		return nil
	}
	p.aborted = true
	if err = pgError(err); !errors.Is(err, ErrUnavailable) && bad < mark {
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	return err
}

// stopped is an error of the caller's own function, not of the database.
type stopped struct{ err error }

func (s *stopped) Error() string { return s.err.Error() }

// receive reads the answers, and tells the index of the statement that failed.
func receive(br pgx.BatchResults, held, queries int, each func(int, []any) error) (int, error) {
	for i := range held {
		if _, err := br.Exec(); err != nil {
			return i, err
		}
	}
	for i := range queries {
		if err := receiveRows(br, i, each); err != nil {
			return held + i, err
		}
	}
	return held + queries, nil
}

func receiveRows(br pgx.BatchResults, i int, each func(int, []any) error) error {
	rows, err := br.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		vals, err := rows.Values()
		if err != nil {
			return err
		}
		if err := each(i, vals); err != nil {
			return &stopped{err}
		}
	}
	return rows.Err()
}

func (p *pgConn) script(ctx context.Context, text string) error {
	if err := p.flush(ctx); err != nil {
		return err
	}
	_, err := p.c.PgConn().Exec(ctx, text).ReadAll()
	if err != nil {
		p.aborted = true
	}
	return pgError(err)
}

func (p *pgConn) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return p.c.Close(ctx)
}

// pgError tells the database's own trouble from ours. PostgreSQL appendix A:
// classes 08 connection, 53 resources, 57 operator, 58 system, XX internal;
// 25006 a standby, 40 a deadlock, 55P03 a lock not had.
func pgError(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch class := e.Code[:2]; {
	case class == "08", class == "53", class == "57", class == "58", class == "XX", class == "40",
		e.Code == "25006", e.Code == "25P03", e.Code == "55P03":
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case e.Code == "23505":
		return fmt.Errorf("%w: %w", errTaken, err)
	}
	return err
}

// watch listens for other processes' commits on a connection of its own, and
// tells them of ours at most 20 times a second, outside the writer: a NOTIFY in
// every commit would halve the writers' pace. Once a second it looks itself,
// should a notice have been lost.
func (e *pgEngine) watch(s *Store, stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); e.tell(ctx, s) }()
	go func() { <-stop; cancel() }()
	for ctx.Err() == nil {
		e.listen(ctx, s)
		pause(ctx, time.Second)
	}
	<-done
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// listen returns when the connection is lost.
func (e *pgEngine) listen(ctx context.Context, s *Store) {
	c, err := pgx.ConnectConfig(ctx, e.cfg)
	if err != nil {
		s.poll()
		return
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "LISTEN "+channel); err != nil {
		return
	}
	for ctx.Err() == nil {
		short, cancel := context.WithTimeout(ctx, time.Second)
		_, err := c.WaitForNotification(short)
		cancel()
		if err != nil && !(pgconn.Timeout(err) && !c.IsClosed()) {
			return
		}
		s.poll()
	}
}

// tell sends one notice for all commits since the last.
func (e *pgEngine) tell(ctx context.Context, s *Store) {
	var c *pgx.Conn
	defer func() {
		if c != nil {
			c.Close(context.WithoutCancel(ctx))
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.ping:
		}
		if c == nil || c.IsClosed() {
			c, _ = pgx.ConnectConfig(ctx, e.cfg)
		}
		if c != nil { // A notice that is lost costs other processes a second.
			_, _ = c.Exec(ctx, "NOTIFY "+channel)
		}
		pause(ctx, 50*time.Millisecond)
	}
}
