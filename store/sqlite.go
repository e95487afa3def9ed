package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
)

// sqliteEngine opens connections to one file. They are driven below
// database/sql: one goroutine owns each, so the pool's locks would buy nothing.
type sqliteEngine struct {
	path string
}

func newSQLite(cfg Config) (engine, error) {
	path := strings.TrimPrefix(cfg.URL, "sqlite://")
	if i := strings.Index(path, "://"); i >= 0 {
		return nil, fmt.Errorf("opening the store: a URL that begins with %s is neither PostgreSQL's nor a path", path[:i+3])
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, "homeward.db")
	}
	return &sqliteEngine{path: path}, nil
}

func (e *sqliteEngine) name() string { return "sqlite" }
func (e *sqliteEngine) close() error { return nil }

// patience is without end: SQLite works in this process, and a context with an
// end would cost a goroutine for each statement.
func (e *sqliteEngine) patience(time.Duration) (context.Context, context.CancelFunc) {
	return context.Background(), func() {}
}

// open opens the file. synchronous(FULL): what is acknowledged survives a power
// cut. https://www.sqlite.org/pragma.html#pragma_synchronous
func (e *sqliteEngine) open(_ context.Context, as role) (conn, error) {
	p := []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "temp_store(MEMORY)", "cache_size(-32000)"}
	if as != roleReader {
		p = append(p, "wal_autocheckpoint(4000)", "journal_size_limit(67108864)")
	} else {
		p = append(p, "query_only(1)")
	}
	if err := e.create(); err != nil {
		return nil, unavailable("making the SQLite file", err)
	}
	dsn := "file:" + (&url.URL{Path: e.path}).EscapedPath() + "?_pragma=" + strings.Join(p, "&_pragma=")
	c, err := (&sqlite.Driver{}).Open(dsn)
	if err != nil {
		return nil, unavailable("opening the SQLite file", err)
	}
	return &sqliteConn{c: c, statements: map[string]driver.Stmt{}}, nil
}

// create makes the file, if there is none, for its owner alone: it holds all
// that is known of people. SQLite gives the files beside it the same mode. A
// file that is there is not opened: to close it would end the locks that this
// process has on it. https://www.sqlite.org/howtocorrupt.html (2.2)
func (e *sqliteEngine) create() error {
	f, err := os.OpenFile(e.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// watch looks once a second whether another process, such as a command of the
// operator, has written.
func (e *sqliteEngine) watch(s *Store, stop <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-s.ping: // no process listens
		case <-tick.C:
			s.poll()
		}
	}
}

// sqliteConn runs each statement at once, prepared and kept.
type sqliteConn struct {
	c          driver.Conn
	statements map[string]driver.Stmt
	bound      []driver.NamedValue
	part       bool // in a part
	saved      bool // the part has its savepoint
}

func (c *sqliteConn) begin(ctx context.Context, write bool) error {
	if write {
		return c.run(ctx, "BEGIN IMMEDIATE", nil)
	}
	return c.run(ctx, "BEGIN", nil)
}

func (c *sqliteConn) commit(ctx context.Context) error { return c.run(ctx, "COMMIT", nil) }

func (c *sqliteConn) rollback(ctx context.Context) error {
	c.part, c.saved = false, false
	return c.run(ctx, "ROLLBACK", nil)
}

func (c *sqliteConn) start(bool) { c.part, c.saved = true, false }

func (c *sqliteConn) end(ctx context.Context, keep bool) error {
	c.part = false
	if !c.saved {
		return nil
	}
	c.saved = false
	if !keep {
		if err := c.run(ctx, "ROLLBACK TO part", nil); err != nil {
			return err
		}
	}
	return c.run(ctx, "RELEASE part", nil)
}

func (c *sqliteConn) flush(context.Context) error { return nil }

func (c *sqliteConn) save(ctx context.Context) error {
	if !c.part || c.saved {
		return nil
	}
	c.saved = true
	return c.run(ctx, "SAVEPOINT part", nil)
}

func (c *sqliteConn) exec(ctx context.Context, sql string, args []any) error {
	if err := c.save(ctx); err != nil {
		return err
	}
	return c.run(ctx, sql, args)
}

func (c *sqliteConn) insert(ctx context.Context, head string, rows [][]any, tail string) error {
	if len(rows) == 0 {
		return nil
	}
	sql := insertText(head, 1, len(rows[0]), tail)
	for _, r := range rows {
		if err := c.exec(ctx, sql, r); err != nil {
			return err
		}
	}
	return nil
}

func (c *sqliteConn) run(ctx context.Context, sql string, args []any) error {
	st, err := c.prepared(sql)
	if err != nil {
		return err
	}
	_, err = st.(driver.StmtExecContext).ExecContext(ctx, c.bind(args))
	return sqliteError(err)
}

func (c *sqliteConn) query(ctx context.Context, sql string, args []any, each func([]any) error) error {
	st, err := c.prepared(sql)
	if err != nil {
		return err
	}
	rows, err := st.(driver.StmtQueryContext).QueryContext(ctx, c.bind(args))
	if err != nil {
		return sqliteError(err)
	}
	defer rows.Close()
	vals := make([]driver.Value, len(rows.Columns()))
	row := make([]any, len(vals))
	for {
		if err := rows.Next(vals); err == io.EOF {
			return nil
		} else if err != nil {
			return sqliteError(err)
		}
		for i, v := range vals {
			row[i] = v
		}
		if err := each(row); err != nil {
			return err
		}
	}
}

func (c *sqliteConn) queryEach(ctx context.Context, sql string, args [][]any, each func(int, []any) error) error {
	for i, a := range args {
		if err := c.query(ctx, sql, a, func(row []any) error { return each(i, row) }); err != nil {
			return err
		}
	}
	return nil
}

func (c *sqliteConn) script(ctx context.Context, text string) error {
	_, err := c.c.(driver.ExecerContext).ExecContext(ctx, text, nil)
	return sqliteError(err)
}

func (c *sqliteConn) close() error {
	var errs []error
	for _, st := range c.statements {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

// prepared keeps statements by their text; texts that hold a list of changing
// length would fill the memory, so beyond a bound all are forgotten.
func (c *sqliteConn) prepared(sql string) (driver.Stmt, error) {
	if st, ok := c.statements[sql]; ok {
		return st, nil
	}
	if len(c.statements) > 500 {
		for _, st := range c.statements {
			st.Close()
		}
		clear(c.statements)
	}
	st, err := c.c.Prepare(inOrder(sql))
	if err != nil {
		return nil, sqliteError(err)
	}
	c.statements[sql] = st
	return st, nil
}

func (c *sqliteConn) bind(args []any) []driver.NamedValue {
	c.bound = c.bound[:0]
	for i, a := range args {
		c.bound = append(c.bound, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.bound
}

// inOrder writes ? for $1, $2, ... where they stand once each and in order: the
// driver looks named parameters up by text, each among all.
func inOrder(sql string) string {
	var b strings.Builder
	rest, n := sql, 0
	for {
		i := strings.IndexByte(rest, '$')
		if i < 0 {
			b.WriteString(rest)
			return b.String()
		}
		j := i + 1
		for j < len(rest) && rest[j] >= '0' && rest[j] <= '9' {
			j++
		}
		if k, err := strconv.Atoi(rest[i+1 : j]); err != nil || k != n+1 {
			return sql
		}
		n++
		b.WriteString(rest[:i])
		b.WriteByte('?')
		rest = rest[j:]
	}
}

// sqliteUnavailable lists the primary result codes that are the database's own
// trouble. https://www.sqlite.org/rescode.html
var sqliteUnavailable = map[int]bool{
	5: true, 6: true, 7: true, 8: true, 9: true, 10: true, 11: true, 13: true, 14: true, 15: true, 26: true,
}

func sqliteError(err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch code := e.Code(); {
	case sqliteUnavailable[code&0xff]:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case code == 1555 || code == 2067: // constraint: primary key, unique
		return fmt.Errorf("%w: %w", errTaken, err)
	}
	return err
}
