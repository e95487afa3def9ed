package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// ErrNoKey is that the database is encrypted and no key was given.
var ErrNoKey = errors.New("the database is encrypted, and no key was given to open it")

// ErrWrongKey is wrapped by the error of a database, or a backup, whose data
// keys none of the keys that were given opens.
var ErrWrongKey = errors.New("this key does not open it")

// MasterKey is a key that wraps data keys: 32 bytes that are never in the
// database. It masks itself in logs and texts.
type MasterKey struct {
	id   string
	key  [keySize]byte
	aead cipher.AEAD
}

const masterMark = "homeward-key-1"

// NewMasterKey makes a key from the system's random source.
func NewMasterKey() MasterKey {
	var b [keySize]byte
	rand.Read(b[:])
	return masterKey(b)
}

func masterKey(b [keySize]byte) MasterKey {
	m := hmac.New(sha256.New, b[:])
	m.Write([]byte("homeward key id"))
	k := MasterKey{id: hex.EncodeToString(m.Sum(nil)[:4]), key: b}
	block, err := aes.NewCipher(b[:])
	if err == nil {
		k.aead, err = cipher.NewGCM(block)
	}
	if err != nil {
		panic(fmt.Sprintf("store: a key of 32 bytes makes no cipher: %v", err))
	}
	return k
}

// ID is the key's short name. It follows from the key and does not tell it.
func (k MasterKey) ID() string { return k.id }

// String masks the key.
func (k MasterKey) String() string { return "key " + k.id }

// LogValue masks the key.
func (k MasterKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Line is the key as a line of a key file. It is the secret itself.
func (k MasterKey) Line() string {
	return masterMark + " " + k.id + " " + base64.StdEncoding.EncodeToString(k.key[:])
}

// ParseMasterKeys reads a key file: a key a line, as Line writes it; empty lines
// and those that begin with # are skipped. The first key wraps; all of them open.
// Errors name the line and repeat nothing of it.
func ParseMasterKeys(file []byte) (ks []MasterKey, _ error) {
	for i, line := range strings.Split(string(file), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != masterMark {
			return nil, fmt.Errorf("line %d is not a key: homeward keys new writes one", i+1)
		}
		b, err := base64.StdEncoding.DecodeString(f[2])
		if err != nil || len(b) != keySize {
			return nil, fmt.Errorf("line %d: the key is not 32 bytes in base64", i+1)
		}
		k := masterKey([keySize]byte(b))
		if k.id != f[1] {
			return nil, fmt.Errorf("line %d: the key is not the one that its name %s says: it was cut or mistyped", i+1, f[1])
		}
		ks = append(ks, k)
	}
	if len(ks) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return ks, nil
}

// The kinds and states of a data key.
const (
	keySeals   = "seal"
	keyIndexes = "index"
	keyActive  = "active" // what is written is under it
	keyOld     = "old"    // a rotation takes values away from it
	keySpent   = "spent"  // nothing is under it but in snapshots that began before
)

// dataKey is a row of data_keys, unwrapped.
type dataKey struct {
	id          uint32
	kind, state string
	kek         string
	wrapped     []byte
	since       time.Time
	key         []byte
	whole       bool // nothing that this kind of key serves is plain
}

const dataKeyText = `SELECT id, kind, state, kek, wrapped, since FROM data_keys ORDER BY id`

func scanDataKey(row []any) (k dataKey, err error) {
	var id int64
	err = scan(row, &id, &k.kind, &k.state, &k.kek, &k.wrapped, &k.since)
	k.id, k.wrapped = uint32(id), slices.Clone(k.wrapped)
	return k, err
}

func newDataKey(kind string, whole bool, now time.Time) dataKey {
	b := make([]byte, keySize+4)
	rand.Read(b)
	return dataKey{id: binary.BigEndian.Uint32(b[keySize:]), kind: kind, state: keyActive, since: now, key: b[:keySize:keySize], whole: whole}
}

// bound is what the wrapping binds: neither kind nor state can be changed
// without the master key.
func (k dataKey) bound() []byte {
	return fmt.Appendf(nil, "data_keys\x00%08x\x00%s\x00%s", k.id, k.kind, k.state)
}

// wrap wraps a data key. A master key wraps few keys, so its nonces are random.
func (k *dataKey) wrap(by MasterKey) {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce)
	plain := append(slices.Clone(k.key), 0)
	if k.whole {
		plain[keySize] = 1
	}
	k.kek, k.wrapped = by.id, by.aead.Seal(nonce, nonce, plain, k.bound())
}

func (k *dataKey) unwrap(by []MasterKey) error {
	for _, m := range by {
		if m.id != k.kek || len(k.wrapped) < nonceSize {
			continue
		}
		plain, err := m.aead.Open(nil, k.wrapped[:nonceSize], k.wrapped[nonceSize:], k.bound())
		if err != nil || len(plain) != keySize+1 {
			return fmt.Errorf("data key %08x: it is not as it was written", k.id)
		}
		k.key, k.whole = plain[:keySize:keySize], plain[keySize] == 1
		return nil
	}
	return fmt.Errorf("data key %08x needs the key %s: %w", k.id, k.kek, ErrWrongKey)
}

// unwrapped reads data keys and unwraps them; none when there are none.
func (s *Store) unwrapped(ctx context.Context, c conn) (ks []dataKey, err error) {
	err = c.query(ctx, dataKeyText, nil, func(row []any) error {
		k, err := scanDataKey(row)
		ks = append(ks, k)
		return err
	})
	if err != nil || len(ks) == 0 {
		return nil, err
	}
	return ks, s.unwrap(ks)
}

func (s *Store) unwrap(ks []dataKey) error {
	masters, err := s.masters()
	if err != nil {
		return err
	}
	for i := range ks {
		if err := ks[i].unwrap(masters); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) masters() ([]MasterKey, error) {
	if s.cfg.Keys == nil {
		return nil, ErrNoKey
	}
	ms, err := s.cfg.Keys()
	if err == nil && len(ms) == 0 {
		err = ErrNoKey
	}
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	return ms, nil
}

// newRing makes a ring of data keys; nil of none.
func newRing(gen int64, ks []dataKey) (*ring, error) {
	if len(ks) == 0 {
		return nil, nil
	}
	r := &ring{gen: gen, sealers: map[uint32]*sealer{}}
	for _, k := range ks {
		switch {
		case k.kind == keyIndexes && k.state == keyActive:
			r.indexes, r.wholeIdx = slices.Insert(r.indexes, 0, newIndexKey(k.id, k.key)), k.whole
		case k.kind == keyIndexes && k.state == keySpent:
		case k.kind == keyIndexes:
			r.indexes = append(r.indexes, newIndexKey(k.id, k.key))
		default:
			s, err := newSealer(k.id, k.key)
			if err != nil {
				return nil, err
			}
			r.sealers[k.id] = s
			if k.state == keyActive {
				r.active, r.whole = s, k.whole
			}
		}
	}
	if r.active == nil || len(r.indexes) == 0 {
		return nil, errors.New("the table data_keys has lost a key")
	}
	return r, nil
}

// adopt makes a ring the one of this process. Sealers that it has are kept, so
// that their nonces go on; so are retired ones, for snapshots that are still read.
func (s *Store) adopt(r *ring) {
	s.ringMu.Lock()
	defer s.ringMu.Unlock()
	old := s.ring.Load()
	if r != nil && old != nil {
		if old.gen > r.gen {
			return
		}
		for id, k := range old.sealers {
			r.sealers[id] = k
			if r.active.id == id {
				r.active = k
			}
		}
	}
	s.ring.Store(r)
	if r != nil {
		s.sealed.Store(true)
	}
}

// readRing reads the data keys on a connection and adopts them.
func (s *Store) readRing(ctx context.Context, c conn) error {
	var gen int64
	if err := c.query(ctx, `SELECT keys FROM tally WHERE id = 1`, nil, func(row []any) error { return scan(row, &gen) }); err != nil {
		return err
	}
	ks, err := s.unwrapped(ctx, c)
	if errors.Is(err, ErrNoKey) {
		s.sealed.Store(true)
	}
	if err != nil {
		return err
	}
	r, err := newRing(gen, ks)
	if err == nil {
		s.adopt(r)
	}
	return err
}

// hasKeysTable says whether the database is new enough to hold data keys.
func (s *Store) hasKeysTable(ctx context.Context, c conn) (has bool, err error) {
	sql := `SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'data_keys'`
	if s.engine.name() == "postgres" {
		sql = `SELECT 1 WHERE to_regclass('data_keys') IS NOT NULL`
	}
	err = c.query(ctx, sql, nil, func([]any) error { has = true; return nil })
	return has, err
}

// openRing reads the data keys, if there are any, on a connection of its own.
func (s *Store) openRing(ctx context.Context) error {
	c, err := s.engine.open(ctx, roleReader)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.begin(ctx, false); err != nil {
		return err
	}
	has, err := s.hasKeysTable(ctx, c)
	if err == nil && has {
		err = s.readRing(ctx, c)
	}
	if err == nil {
		err = c.rollback(ctx)
	}
	return err
}

// newer looks whether another process has made a data key that a value names:
// for the same key at most once a second.
func (s *Store) newer(ctx context.Context, id uint32) *sealer {
	s.look.Lock()
	defer s.look.Unlock()
	if k := s.ring.Load().sealers[id]; k != nil || s.missed == id && time.Since(s.looked) < time.Second {
		return k
	}
	s.missed, s.looked = id, time.Now()
	if s.engine == nil || s.openRing(ctx) != nil {
		return nil
	}
	return s.ring.Load().sealers[id]
}

// fresh makes sure that a View looks rows up by the keys of its own snapshot.
func (t *Tx) fresh() error {
	if t.write || t.b.keysRead {
		return nil
	}
	var gen int64
	if err := t.one(`SELECT keys FROM tally WHERE id = 1`, nil, &gen); err != nil {
		return err
	}
	t.b.keysRead = true
	if r := t.s.ring.Load(); r == nil && gen == 0 || r != nil && r.gen == gen {
		t.b.ring = r
		return nil
	}
	var ks []dataKey
	err := t.query(dataKeyText, nil, func(row []any) error {
		k, err := scanDataKey(row)
		ks = append(ks, k)
		return err
	})
	if err == nil {
		err = t.s.unwrap(ks)
	}
	if err != nil {
		return fmt.Errorf("reading the data keys: %w", err)
	}
	t.b.ring, err = newRing(gen, ks)
	return err
}

// forms is how a value that rows are found by may stand in the database.
func (t *Tx) forms(kind, value string) []string {
	if r := t.b.ring; r != nil {
		return r.forms(kind, value)
	}
	return t.s.ring.Load().forms(kind, value)
}

// makeKeys gives a database that has none its first data keys. In one that
// holds nothing yet, nothing plain is ever taken for sealed.
func (s *Store) makeKeys(ctx context.Context, c conn) error {
	if s.cfg.Keys == nil {
		return nil
	}
	ks, err := s.unwrapped(ctx, c)
	if err != nil || len(ks) > 0 {
		return err
	}
	masters, err := s.masters()
	if err != nil {
		return err
	}
	empty, err := isEmpty(ctx, c)
	if err != nil {
		return err
	}
	for _, kind := range []string{keySeals, keyIndexes} {
		k := newDataKey(kind, empty, s.cfg.Clock())
		k.wrap(masters[0])
		if err := c.exec(ctx, insertDataKey, k.row()); err != nil {
			return err
		}
	}
	return c.exec(ctx, `UPDATE tally SET keys = keys + 1 WHERE id = 1`, nil)
}

const insertDataKey = `INSERT INTO data_keys (id, kind, state, kek, wrapped, since) VALUES ($1, $2, $3, $4, $5, $6)`

func (k dataKey) row() []any {
	return args([]any{int64(k.id), k.kind, k.state, k.kek, k.wrapped, k.since})
}

func isEmpty(ctx context.Context, c conn) (bool, error) {
	empty := true
	for _, table := range append(sealedTables(), "keys", "staged") {
		if err := c.query(ctx, `SELECT 1 FROM `+table+` LIMIT 1`, nil, func([]any) error { empty = false; return nil }); err != nil {
			return false, err
		}
	}
	return empty, nil
}

func sealedTables() (names []string) {
	for _, c := range sealedColumns {
		if !slices.Contains(names, c.table) {
			names = append(names, c.table)
		}
	}
	return names
}

// checkArchivedKeys refuses a backup whose data keys the master keys do not
// open, before anything is changed.
func (s *Store) checkArchivedKeys(rows [][]any, columns []string) error {
	var ks []dataKey
	for _, row := range rows {
		var ordered []any
		for _, name := range []string{"id", "kind", "state", "kek", "wrapped", "since"} {
			i := slices.Index(columns, name)
			if i < 0 || i >= len(row) {
				return errors.New("the backup's data keys cannot be read")
			}
			ordered = append(ordered, row[i])
		}
		k, err := scanDataKey(ordered)
		if err != nil {
			return err
		}
		ks = append(ks, k)
	}
	if len(ks) == 0 {
		return nil
	}
	return s.unwrap(ks)
}
