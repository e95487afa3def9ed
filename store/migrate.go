package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one numbered file. A twin NNNN_x.postgres.sql replaces it on
// PostgreSQL; there may be three of those in all.
type migration struct {
	n         int64
	name, sum string
	text      string
}

// migrations reads the files for an engine, in order.
func migrations(files fs.FS, engine string) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var ms []migration
	for _, name := range names {
		twin := strings.TrimSuffix(name, ".sql") + ".postgres.sql"
		isTwin := strings.HasSuffix(name, ".postgres.sql")
		if isTwin || engine == "postgres" && slices.Contains(names, twin) {
			if !isTwin || engine != "postgres" {
				continue
			}
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		base := strings.TrimPrefix(name, "migrations/")
		num, _, _ := strings.Cut(base, "_")
		n, err := strconv.ParseInt(num, 10, 64)
		if err != nil || len(ms) > 0 && ms[len(ms)-1].n >= n {
			return nil, fmt.Errorf("migration %s does not have a number of its own", base)
		}
		sum := sha256.Sum256(b)
		ms = append(ms, migration{n, base, hex.EncodeToString(sum[:]), forEngine(string(b), engine)})
	}
	return ms, nil
}

// forEngine writes what cannot be said alike: only INTEGER PRIMARY KEY is the
// row's own place in SQLite, and PostgreSQL's INTEGER is too short; and only
// SQLite looks into a text as JSON without being told that it is.
// https://www.sqlite.org/rowidtable.html
func forEngine(text, engine string) string {
	if engine == "sqlite" {
		return strings.NewReplacer("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY", "::json", "").Replace(text)
	}
	return text
}

const migrationsTable = `CREATE TABLE IF NOT EXISTS migrations (n BIGINT PRIMARY KEY, name TEXT NOT NULL, sum TEXT NOT NULL, at BIGINT NOT NULL)`

// Migrate brings the tables up to what this version needs, in one transaction,
// and says which files it ran. It refuses a database that a newer version made,
// and one whose migrations were not the ones that this version knows. Several
// processes may call it at once. A database without data keys gets its first
// ones, when there is a key to wrap them with.
func (s *Store) Migrate(ctx context.Context) (ran []string, err error) {
	return s.migrate(ctx, s.makeKeys)
}

// migrate does then in the same transaction.
func (s *Store) migrate(ctx context.Context, then func(context.Context, conn) error) (ran []string, err error) {
	ms, err := migrations(migrationFiles, s.engine.name())
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	c, err := s.engine.open(ctx, roleLong)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.begin(ctx, true); err != nil {
		return nil, fmt.Errorf("migrating the database: %w", err)
	}
	ran, err = migrate(ctx, c, ms, micros(s.cfg.Clock()))
	if err == nil {
		err = then(ctx, c)
	}
	if err != nil {
		c.rollback(ctx)
		return nil, fmt.Errorf("migrating the database: %w", err)
	}
	if err := c.commit(ctx); err != nil {
		return nil, fmt.Errorf("migrating the database: %w", err)
	}
	return ran, s.openRing(ctx)
}

func migrate(ctx context.Context, c conn, ms []migration, now int64) (ran []string, err error) {
	if err := c.script(ctx, migrationsTable); err != nil {
		return nil, err
	}
	done := map[int64]string{}
	err = c.query(ctx, `SELECT n, sum FROM migrations`, nil, func(row []any) error {
		var n int64
		var sum string
		err := scan(row, &n, &sum)
		done[n] = sum
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, m := range ms {
		if sum, ok := done[m.n]; ok {
			if sum != m.sum {
				return nil, fmt.Errorf("%s was another text when it was run on this database", m.name)
			}
			delete(done, m.n)
			continue
		}
		if err := c.script(ctx, m.text); err != nil {
			return nil, fmt.Errorf("running %s: %w", m.name, err)
		}
		if err := c.exec(ctx, `INSERT INTO migrations (n, name, sum, at) VALUES ($1, $2, $3, $4)`, []any{m.n, m.name, m.sum, now}); err != nil {
			return nil, err
		}
		ran = append(ran, m.name)
	}
	for n := range done {
		return nil, fmt.Errorf("migration %04d was made by a newer version of Homeward", n)
	}
	return ran, nil
}
