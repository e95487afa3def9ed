//go:build unix

// Package pgtest starts a private PostgreSQL for tests and benchmarks: initdb
// into a directory of its own, a free port on 127.0.0.1, a password nobody
// else knows, and a fresh database for whoever asks. It uses no container, no
// server that is already running, and nothing that outlives the process: a
// watchdog ends the server and removes its files even when the test process is
// killed. It is no part of the product and knows nothing of the store's tables.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing is wrapped by the error of New when the PostgreSQL programs are
// not on this machine, or none of its users may run them.
var ErrMissing = errors.New("PostgreSQL's programs (initdb, pg_ctl, postgres) are missing: install the package postgresql, or run ./test")

// NoFsync is the setting that gives up durability for speed. Tests of what
// survives a crash must not use it.
const NoFsync = "fsync=off"

// one is the server that every Start of a test of this process shares. It ends with the
// process, by its watchdog. It is never killed alone, and does not wait for the disk: making
// and dropping a database costs a fifth of what it does with that. synced is that of benchmarks.
var (
	one    = sync.OnceValues(func() (*Server, error) { return New("", NoFsync) })
	synced = sync.OnceValues(func() (*Server, error) { return New("") })
)

// Start gives the DSN of a fresh, empty database on the one server of this test
// process, which it starts when it is the first to ask (about a second). Only that of
// benchmarks waits for the disk. The database is dropped at the end of the test. Without the
// programs the test is skipped, or fails under HOMEWARD_CI=1.
func Start(t testing.TB) (dsn string) {
	t.Helper()
	start := one
	if _, timed := t.(*testing.B); timed {
		start = synced
	}
	s, err := start()
	must(t, err)
	return s.Fresh(t)
}

// Private starts a server for this test alone, so that the test may stop, kill
// and start it; settings are as for New. It is closed at the end of the test.
// Without the programs the test is skipped, or fails under HOMEWARD_CI=1.
func Private(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := New("", settings...)
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing PostgreSQL: %v", err)
		}
	})
	return s
}

// Fresh gives the DSN of a new, empty database, dropped at the end of the test.
func (s *Server) Fresh(t testing.TB) (dsn string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	name, dsn, err := s.create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.drop(name); err != nil && !s.down() {
			t.Errorf("dropping a test's database: %v", err)
		}
	})
	return dsn
}

// must ends the test when err is not nil: by a skip when only the programs are
// missing and this is not CI.
func must(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("HOMEWARD_CI") != "1":
		t.Skipf("not run without PostgreSQL: %v", err)
	default:
		t.Fatalf("starting PostgreSQL: %v", err)
	}
}

// Database makes a new, empty database and gives its DSN; for benchmarks, which
// have no testing.TB. It lives as long as the server.
func (s *Server) Database(ctx context.Context) (dsn string, err error) {
	_, dsn, err = s.create(ctx)
	return dsn, err
}

func (s *Server) create(ctx context.Context) (name, dsn string, err error) {
	name = fmt.Sprintf("t%d", s.made.Add(1))
	if err := s.admin(ctx, "CREATE DATABASE "+name); err != nil {
		return "", "", fmt.Errorf("making database %s: %w", name, err)
	}
	return name, s.dsn(name), nil
}

func (s *Server) drop(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return s.admin(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

func (s *Server) admin(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// Engines are the databases on which a test that wants both is run: SQLite and
// PostgreSQL; under -short, which is how the race detector's step runs, SQLite alone,
// because goroutines meet in the same places on both. Tests of the store itself run
// on both always.
func Engines() []string {
	if testing.Short() {
		return []string{"sqlite"}
	}
	return []string{"sqlite", "postgres"}
}
