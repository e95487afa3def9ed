package store

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A backup is a zip archive that either database can be restored from: for each
// table tables/NAME.jsonl, one row a line as a JSON array in the order of the
// columns that the manifest names (numbers, texts, null, and bytes as {"b":
// base64}), and at the end manifest.json. Sealed values stay sealed, with their
// wrapped data keys beside them: to restore takes the master key. Sessions and handles are left out:
// whoever was signed in then is not signed in by a restore.
const (
	backupFormat = 1
	manifestName = "manifest.json"
)

var notBackedUp = []string{"sessions", "handles", "assertions", "tokens", "launches", "challenges", "subscription_tokens", "exports"}

// manifest says what is in a backup.
type manifest struct {
	Format     int                 `json:"format"`
	Made       time.Time           `json:"made"`
	Engine     string              `json:"engine"`
	Commits    int64               `json:"commits"`
	Migrations []manifestMigration `json:"migrations"`
	Tables     []manifestTable     `json:"tables"`
	AuditSize  int64               `json:"auditSize"`
	AuditRoot  tlog.Hash           `json:"auditRoot"`
}

type manifestMigration struct {
	N   int64  `json:"n"`
	Sum string `json:"sum"`
}

type manifestTable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`
	SHA256  string   `json:"sha256"`
}

// Backup writes all that the store holds, as of one commit, into a new file
// while work goes on. A path that ends in .db makes a SQLite file of a SQLite
// store, checked by integrity_check; any other the archive that either database
// restores from.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("backing up: %w", err)
		}
	}()
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("the file is there already; choose another name")
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if strings.HasSuffix(path, ".db") && s.engine.name() == "sqlite" {
		err = s.vacuumInto(ctx, part)
	} else {
		err = s.archive(ctx, part)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, path)
}

func (s *Store) vacuumInto(ctx context.Context, path string) error {
	c, err := s.engine.open(ctx, roleLong)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.exec(ctx, `VACUUM INTO $1`, []any{path}); err != nil {
		return err
	}
	copied, err := (&sqliteEngine{path: path}).open(ctx, roleReader)
	if err != nil {
		return err
	}
	defer copied.close()
	said := ""
	err = copied.query(ctx, `PRAGMA integrity_check`, nil, func(row []any) error { return scan(row, &said) })
	if err == nil && said != "ok" {
		err = fmt.Errorf("the copy is not sound: %s", said)
	}
	return err
}

func (s *Store) archive(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	z := zip.NewWriter(w)
	if err := s.View(ctx, func(t *Tx) error { return t.archive(z) }); err != nil {
		return err
	}
	for _, close := range []func() error{z.Close, w.Flush, f.Sync, f.Close} {
		if err := close(); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) archive(z *zip.Writer) error {
	m := manifest{Format: backupFormat, Made: t.Now().UTC(), Engine: t.s.engine.name()}
	var err error
	if m.Commits, err = t.Commits(); err != nil {
		return err
	}
	ms, err := migrations(migrationFiles, m.Engine)
	if err != nil {
		return err
	}
	for _, g := range ms {
		m.Migrations = append(m.Migrations, manifestMigration{g.n, g.sum})
	}
	for _, name := range tableNames(ms) {
		mt, err := t.archiveTable(z, name)
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		m.Tables = append(m.Tables, mt)
	}
	tree, err := t.AuditTree()
	if err != nil {
		return err
	}
	m.AuditSize, m.AuditRoot = tree.N, tree.Hash
	w, err := z.Create(manifestName)
	if err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(m)
}

var createTable = regexp.MustCompile(`CREATE TABLE (\w+)`)

// tableNames lists the tables that migrations make, those left out of a backup
// excepted.
func tableNames(ms []migration) (names []string) {
	for _, m := range ms {
		for _, x := range createTable.FindAllStringSubmatch(m.text, -1) {
			if !slices.Contains(notBackedUp, x[1]) {
				names = append(names, x[1])
			}
		}
	}
	return names
}

func (t *Tx) columns(table string) (cs []string, err error) {
	sql := `SELECT name FROM pragma_table_info($1) ORDER BY cid`
	if t.s.engine.name() == "postgres" {
		sql = `SELECT column_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`
	}
	err = t.query(sql, []any{table}, func(row []any) error {
		var c string
		err := scan(row, &c)
		cs = append(cs, c)
		return err
	})
	return cs, err
}

func (t *Tx) archiveTable(z *zip.Writer, name string) (m manifestTable, err error) {
	m.Name = name
	if m.Columns, err = t.columns(name); err != nil {
		return m, err
	}
	file, err := z.Create("tables/" + name + ".jsonl")
	if err != nil {
		return m, err
	}
	sum := sha256.New()
	w := io.MultiWriter(file, sum)
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	list := strings.Join(m.Columns, ", ")
	err = t.query("SELECT "+list+" FROM "+name, nil, func(row []any) error {
		m.Rows++
		line.Reset()
		for i, v := range row {
			if b, ok := v.([]byte); ok {
				row[i] = archivedBytes{b}
			}
		}
		if err := e.Encode(row); err != nil {
			return err
		}
		_, err := w.Write(line.Bytes())
		return err
	})
	m.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return m, err
}

type archivedBytes struct {
	B []byte `json:"b"`
}

// Restore fills an empty database, which cfg names, from a backup: an archive
// or a SQLite file. It checks each table's sum and the audit log's root, and
// keeps nothing when they are not as the backup says.
func Restore(ctx context.Context, path string, cfg Config) error {
	s, err := Open(ctx, cfg)
	if err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	err = s.restore(ctx, path)
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("restoring: %w", err)
	}
	return nil
}

func (s *Store) restore(ctx context.Context, path string) error {
	lite, err := isSQLite(path)
	if err != nil {
		return err
	}
	if lite {
		return s.restoreSQLite(ctx, path)
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		return fmt.Errorf("the file is neither an archive nor a SQLite database: %w", err)
	}
	defer z.Close()
	m, err := readManifest(&z.Reader)
	if err != nil {
		return err
	}
	if err := s.canOpen(&z.Reader, m); err != nil {
		return err
	}
	if err := s.refill(ctx, &z.Reader, m); err != nil {
		return err
	}
	s.ring.Store(nil) // the data keys are others now
	if _, err := s.migrate(ctx, func(context.Context, conn) error { return nil }); err != nil {
		return err
	}
	return s.View(ctx, func(t *Tx) error { return t.VerifyAudit(nil, tlog.Tree{N: m.AuditSize, Hash: m.AuditRoot}) })
}

func isSQLite(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 16)
	n, _ := io.ReadFull(f, head)
	return string(head[:n]) == "SQLite format 3\x00", nil
}

// restoreSQLite goes by way of an archive beside the file.
func (s *Store) restoreSQLite(ctx context.Context, path string) error {
	dir, err := os.MkdirTemp("", "homeward-restore-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	from, err := Open(ctx, Config{URL: path, Row: s.cfg.Row, Clock: s.cfg.Clock, Keys: s.cfg.Keys})
	if err != nil {
		return err
	}
	zipped := dir + "/backup.zip"
	err = from.Backup(ctx, zipped)
	if cerr := from.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return s.restore(ctx, zipped)
}

func readManifest(z *zip.Reader) (m manifest, err error) {
	f, err := z.Open(manifestName)
	if err != nil {
		return m, fmt.Errorf("the archive has no manifest: it was not finished, or is no backup: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(f).Decode(&m); err != nil {
		return m, fmt.Errorf("reading the manifest: %w", err)
	}
	if m.Format != backupFormat {
		return m, fmt.Errorf("the backup is of format %d, and this version reads %d", m.Format, backupFormat)
	}
	return m, nil
}

const keysTable = "data_keys"

// canOpen refuses a backup whose data keys this site's key does not open.
func (s *Store) canOpen(z *zip.Reader, m manifest) error {
	i := slices.IndexFunc(m.Tables, func(t manifestTable) bool { return t.Name == keysTable })
	if i < 0 {
		return nil
	}
	f, err := z.Open("tables/" + keysTable + ".jsonl")
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.UseNumber()
	var rows [][]any
	for d.More() {
		var row []any
		if err := d.Decode(&row); err != nil {
			return fmt.Errorf("table %s: %w", keysTable, err)
		}
		for i, v := range row {
			if row[i], err = restored(v); err != nil {
				return fmt.Errorf("table %s: %w", keysTable, err)
			}
		}
		rows = append(rows, row)
	}
	if err := s.checkArchivedKeys(rows, m.Tables[i].Columns); err != nil {
		return fmt.Errorf("the backup is encrypted: %w", err)
	}
	return nil
}

// refill makes the tables as they were when the backup was made, and fills
// them, in one transaction.
func (s *Store) refill(ctx context.Context, z *zip.Reader, m manifest) error {
	c, err := s.engine.open(ctx, roleLong)
	if err != nil {
		return err
	}
	defer c.close()
	ms, err := migrations(migrationFiles, s.engine.name())
	if err != nil {
		return err
	}
	if len(m.Migrations) > len(ms) {
		return errors.New("the backup was made by a newer version of Homeward")
	}
	if err := c.begin(ctx, true); err != nil {
		return err
	}
	if err := s.refillWithin(ctx, c, z, m, ms[:len(m.Migrations)]); err != nil {
		c.rollback(ctx)
		return err
	}
	if err := c.commit(ctx); err != nil {
		return err
	}
	s.wake(-1)
	return nil
}

func (s *Store) refillWithin(ctx context.Context, c conn, z *zip.Reader, m manifest, ms []migration) error {
	if _, err := migrate(ctx, c, ms, micros(s.cfg.Clock())); err != nil {
		return err
	}
	for _, name := range tableNames(ms) {
		n := int64(0)
		if err := c.query(ctx, "SELECT count(*) FROM "+name, nil, func(row []any) error { return scan(row, &n) }); err != nil {
			return err
		}
		if n > 0 && name != "tally" && name != keysTable {
			return fmt.Errorf("the database is not empty: table %s has %d rows", name, n)
		}
	}
	if err := c.exec(ctx, "DELETE FROM tally", nil); err != nil {
		return err
	}
	if slices.Contains(tableNames(ms), keysTable) { // those of an empty database seal nothing
		if err := c.exec(ctx, "DELETE FROM "+keysTable, nil); err != nil {
			return err
		}
	}
	for _, mt := range m.Tables {
		if !slices.Contains(tableNames(ms), mt.Name) {
			return fmt.Errorf("the backup holds a table %q that this version does not know", mt.Name)
		}
		if err := refillTable(ctx, c, z, mt); err != nil {
			return fmt.Errorf("table %s: %w", mt.Name, err)
		}
	}
	return nil
}

var columnName = regexp.MustCompile(`^[a-z_]+$`)

func refillTable(ctx context.Context, c conn, z *zip.Reader, m manifestTable) error {
	for _, name := range m.Columns {
		if !columnName.MatchString(name) {
			return fmt.Errorf("it has a column with a name that no column has")
		}
	}
	f, err := z.Open("tables/" + m.Name + ".jsonl")
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	d := json.NewDecoder(io.TeeReader(f, sum))
	d.UseNumber()
	head := fmt.Sprintf("INSERT INTO %s (%s)", m.Name, strings.Join(m.Columns, ", "))
	n, err := refillRows(ctx, c, d, head, len(m.Columns))
	if err != nil {
		return err
	}
	return sameSum(f, sum, n, m)
}

func refillRows(ctx context.Context, c conn, d *json.Decoder, head string, width int) (n int64, err error) {
	var rows [][]any
	for d.More() {
		var row []any
		if err := d.Decode(&row); err != nil {
			return n, fmt.Errorf("row %d cannot be read: %w", n+1, err)
		}
		if len(row) != width {
			return n, fmt.Errorf("row %d has %d columns, want %d", n+1, len(row), width)
		}
		for i, v := range row {
			if row[i], err = restored(v); err != nil {
				return n, fmt.Errorf("row %d: %w", n+1, err)
			}
		}
		n++
		if rows = append(rows, row); len(rows) == 128 {
			if err := c.insert(ctx, head, rows, ""); err != nil {
				return n, err
			}
			rows = nil
		}
	}
	return n, c.insert(ctx, head, rows, "")
}

// restored is a value of a row as it was stored.
func restored(v any) (any, error) {
	switch v := v.(type) {
	case nil, string:
		return v, nil
	case json.Number:
		return v.Int64()
	case map[string]any:
		s, ok := v["b"].(string)
		if !ok && v["b"] != nil {
			break
		}
		return base64.StdEncoding.DecodeString(s)
	}
	return nil, fmt.Errorf("a %T is no value of a row", v)
}

func sameSum(rest io.Reader, sum hash.Hash, n int64, m manifestTable) error {
	if _, err := io.Copy(sum, rest); err != nil {
		return err
	}
	if n != m.Rows {
		return fmt.Errorf("it has %d rows, and the manifest says %d", n, m.Rows)
	}
	if hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
		return errors.New("its content is not what the manifest's sum says")
	}
	return nil
}
