package sim

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"homeward/nhs"

	_ "modernc.org/sqlite" // its own database, as any other system has
)

// CouncilSystemConfig is a council's case management system.
type CouncilSystemConfig struct {
	Database string // file
	Seed     uint64 // whom it begins with, where the database is new
	ODS      nhs.ODS
	Name     string
	Token    string           // bearer token that its API asks for; "" none
	Clock    func() time.Time // nil: time.Now
	PerPage  int              // most things of a page; 0 is 100
	Homeward Homeward         // where it answers; zero: it answers nobody
}

// CouncilSystem is a pretend council's own case management system, with a database
// of its own: it gives what it holds by an API, in three suppliers' manners, takes
// referrals by FHIR, and answers them. It knows Homeward by the wire alone.
type CouncilSystem struct {
	config CouncilSystemConfig
	db     *sql.DB
	mu     sync.Mutex // one change at a time
	wake   chan struct{}
}

const councilTables = `
CREATE TABLE IF NOT EXISTS people (id TEXT PRIMARY KEY, doc TEXT NOT NULL, changed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS referrals (
	id TEXT PRIMARY KEY, received INTEGER NOT NULL, changed INTEGER NOT NULL, manner TEXT NOT NULL, sender TEXT NOT NULL,
	nhs TEXT NOT NULL, family TEXT NOT NULL, given TEXT NOT NULL, born TEXT NOT NULL, what TEXT NOT NULL, status TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS heard (key TEXT PRIMARY KEY, referral TEXT NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, sum TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
	n INTEGER PRIMARY KEY AUTOINCREMENT, referral TEXT NOT NULL, status TEXT NOT NULL, at INTEGER NOT NULL, sent INTEGER NOT NULL, tries INTEGER NOT NULL, said TEXT NOT NULL);
`

// OpenCouncilSystem opens the database, and fills a new one with invented people.
func OpenCouncilSystem(ctx context.Context, c CouncilSystemConfig) (*CouncilSystem, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.ODS == "" {
		c.ODS, c.Name = Nottinghamshire, "Nottinghamshire County Council"
	}
	if c.PerPage <= 0 {
		c.PerPage = 100
	}
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", "file:"+c.Database+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening the council's database: %w", err)
	}
	s := &CouncilSystem{config: c, db: db, wake: make(chan struct{}, 1)}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// Close closes the database.
func (s *CouncilSystem) Close() error { return s.db.Close() }

func (s *CouncilSystem) now() time.Time { return s.config.Clock().UTC() }

func (s *CouncilSystem) begin(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, councilTables); err != nil {
		return fmt.Errorf("making the council's tables: %w", err)
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM people`).Scan(&n); err != nil || n > 0 {
			return err
		}
		for _, p := range population(s.config.Seed, nhs.DateOf(s.now())) {
			if p.Held == nil || p.Lives != s.config.ODS {
				continue
			}
			if err := s.put(ctx, tx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// change does f in one transaction.
func (s *CouncilSystem) change(ctx context.Context, f func(*sql.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("changing the council's database: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("changing the council's database: %w", err)
	}
	return nil
}

func (s *CouncilSystem) put(ctx context.Context, tx *sql.Tx, p Person) error {
	doc, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("writing a person of the council's: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO people (id, doc, changed) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc, changed = excluded.changed`,
		p.Held.ID, string(doc), s.now().UnixMicro())
	if err != nil {
		return fmt.Errorf("keeping a person of the council's: %w", err)
	}
	return nil
}

// Change changes what is held of somebody, as a worker of the council would; false
// when nothing is held of them.
func (s *CouncilSystem) Change(ctx context.Context, n nhs.Number, how func(*Person)) (found bool, err error) {
	err = s.change(ctx, func(tx *sql.Tx) error {
		all, err := s.people(ctx, tx, time.Time{})
		if err != nil {
			return err
		}
		for _, p := range all {
			if p.NHS == n {
				found = true
				how(&p)
				return s.put(ctx, tx, p)
			}
		}
		return nil
	})
	return found, err
}

// querier is the database, or a transaction in it.
type querier interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// people are those of whom something changed since a time, in the order of ids.
func (s *CouncilSystem) people(ctx context.Context, db querier, since time.Time) (out []Person, err error) {
	after := int64(-1)
	if !since.IsZero() {
		after = since.UnixMicro()
	}
	rows, err := db.QueryContext(ctx, `SELECT doc FROM people WHERE changed >= $1 ORDER BY id`, after)
	if err != nil {
		return nil, fmt.Errorf("reading the council's people: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var doc string
		var p Person
		if err := rows.Scan(&doc); err != nil {
			return nil, fmt.Errorf("reading the council's people: %w", err)
		}
		if err := json.NewDecoder(strings.NewReader(doc)).Decode(&p); err != nil {
			return nil, fmt.Errorf("reading the council's people: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}
