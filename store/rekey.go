package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
)

// Rotation says what RotateKeys changes.
type Rotation struct {
	// Values gives sealed values a new data key, and seals what is plain. The old
	// data key is erased at the end.
	Values bool
	// Indexes gives blind indexes a new key, and makes plain ones blind. It does
	// not run while an extract is read.
	Indexes bool
	// Progress, when set, is told after each batch: of which column, how many
	// values were done and how many rows were looked at.
	Progress func(column string, done, looked int64)
}

// ErrImporting is that indexes cannot be changed while an extract is being read.
var ErrImporting = errors.New("an extract is being read, and people are told apart by these indexes. Run it again when the import has ended")

// RotateKeys wraps all data keys with the first master key, and changes the data
// keys as r says, in short batches while the store serves: every process seals
// with the new key from its next batch on, and opens with both until the end.
// When it is stopped, the next call goes on with what is left; what it began
// with stays in use meanwhile.
func (s *Store) RotateKeys(ctx context.Context, r Rotation) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("changing keys: %w", err)
		}
	}()
	if s.ring.Load() == nil {
		return errors.New("the database is not encrypted: set a key, and run homeward migrate")
	}
	if err := s.Update(ctx, func(t *Tx) error { return t.beginRotation(r) }); err != nil {
		return err
	}
	if err := s.openRing(ctx); err != nil {
		return err
	}
	if r.Values {
		if err := s.resealAll(ctx, r.Progress); err != nil {
			return err
		}
	}
	if r.Indexes {
		if err := s.reindex(ctx, r.Progress); err != nil {
			return err
		}
	}
	if err := s.Update(ctx, func(t *Tx) error { return t.endRotation(r) }); err != nil {
		return err
	}
	return s.openRing(ctx)
}

// resealAll goes through each column until it finds nothing to do: only then may
// the old key be erased. What is written meanwhile is under the new one.
func (s *Store) resealAll(ctx context.Context, progress func(string, int64, int64)) error {
	for _, c := range sealedColumns {
		for done := int64(1); done > 0; {
			var err error
			if done, err = s.reseal(ctx, c, progress); err != nil {
				return fmt.Errorf("%s: %w", c, err)
			}
		}
	}
	return nil
}

// dataKeys reads all data keys, unwrapped.
func (t *Tx) dataKeys() (ks []dataKey, err error) {
	err = t.query(dataKeyText, nil, func(row []any) error {
		k, err := scanDataKey(row)
		ks = append(ks, k)
		return err
	})
	if err == nil {
		err = t.s.unwrap(ks)
	}
	return ks, err
}

var putDataKey = upsert("data_keys", []string{"id"}, "kind", "state", "kek", "wrapped", "since")

// putDataKeys wraps and writes data keys.
func (t *Tx) putDataKeys(ks []dataKey) error {
	masters, err := t.s.masters()
	if err != nil {
		return err
	}
	for _, k := range ks {
		k.wrap(masters[0])
		if err := t.exec(putDataKey, k.row()...); err != nil {
			return err
		}
	}
	t.b.tally.keys++
	return nil
}

// beginRotation makes the new keys, unless a rotation that was stopped has.
func (t *Tx) beginRotation(r Rotation) error {
	ks, err := t.dataKeys()
	if err != nil {
		return err
	}
	for _, kind := range []string{keySeals, keyIndexes} {
		old := slices.ContainsFunc(ks, func(k dataKey) bool { return k.kind == kind && k.state == keyOld })
		if old || kind == keySeals && !r.Values || kind == keyIndexes && !r.Indexes {
			continue
		}
		whole := false
		for i := range ks {
			if ks[i].kind == kind && ks[i].state == keyActive {
				ks[i].state, ks[i].since, whole = keyOld, t.Now(), ks[i].whole
			}
		}
		n := newDataKey(kind, whole, t.Now())
		if slices.ContainsFunc(ks, func(k dataKey) bool { return k.id == n.id }) {
			return errors.New("two keys have the same id by chance. Run it again")
		}
		ks = append(ks, n)
	}
	if r.Indexes {
		if err := t.noImport(); err != nil {
			return err
		}
	}
	return t.putDataKeys(ks)
}

func (t *Tx) noImport() error {
	busy := false
	err := t.query(`SELECT 1 FROM staged LIMIT 1`, nil, func([]any) error { busy = true; return nil })
	if err == nil && busy {
		err = ErrImporting
	}
	return err
}

// spentFor is how long a key that nothing is under stays: longer than any View
// that began before.
const spentFor = time.Hour

// endRotation retires the old keys, now that nothing is under them, and erases
// those that were retired before.
func (t *Tx) endRotation(r Rotation) error {
	ks, err := t.dataKeys()
	if err != nil {
		return err
	}
	var keep []dataKey
	for _, k := range ks {
		ended := k.kind == keySeals && r.Values || k.kind == keyIndexes && r.Indexes
		switch {
		case k.state == keySpent && t.Now().Sub(k.since) > spentFor:
			if err := t.exec(`DELETE FROM data_keys WHERE id = $1`, int64(k.id)); err != nil {
				return err
			}
			continue
		case ended && k.state == keyOld:
			k.state, k.since = keySpent, t.Now()
		case ended:
			k.whole = true
		}
		keep = append(keep, k)
	}
	return t.putDataKeys(keep)
}

const (
	resealLook = 500 // rows that one look takes
	resealMost = 32  // rows that one Update changes
)

// mark is where the head of a column's values is, and what the active key's is.
func (c *column) mark(k *sealer) (length int, head any) {
	if c.raw {
		return rawHead, []byte(k.raw)
	}
	return textHead, k.text
}

// reseal brings a column's values under the active key, and says how many. Which rows need it is
// looked up outside the writer.
func (s *Store) reseal(ctx context.Context, c *column, progress func(string, int64, int64)) (done int64, err error) {
	var after []any
	var looked int64
	for {
		need, last, n, err := s.unsealed(ctx, c, after)
		if err != nil || n == 0 {
			return done, err
		}
		for part := range slices.Chunk(need, resealMost) {
			if err := s.Update(ctx, func(t *Tx) error { return t.reseal(c, part) }); err != nil {
				return done, err
			}
		}
		after, done, looked = last, done+int64(len(need)), looked+n
		if progress != nil {
			progress(c.String(), done, looked)
		}
	}
}

// unsealed looks at the next rows and lists those not under the active key.
func (s *Store) unsealed(ctx context.Context, c *column, after []any) (need [][]any, last []any, n int64, err error) {
	keys := strings.Join(c.key, ", ")
	err = s.View(ctx, func(t *Tx) error {
		if err := t.fresh(); err != nil {
			return err
		}
		need, last, n = nil, nil, 0
		length, head := c.mark(t.s.ring.Load().active)
		w := &where{}
		if after != nil {
			w.and("("+keys+") > (?"+strings.Repeat(", ?", len(after)-1)+")", after...)
		}
		sql := "SELECT " + keys + w.bind(", CASE WHEN coalesce(length("+c.name+"), 0) = 0 OR substr("+c.name+", 1, "+fmt.Sprint(length)+") = ? THEN 0 ELSE 1 END", head) +
			" FROM " + c.table
		if after != nil {
			sql += " WHERE " + w.b.String()
		}
		return t.query(sql+" ORDER BY "+keys+w.bind(" LIMIT ?", resealLook), w.vs, func(row []any) error {
			n++
			last = slices.Clone(row[:len(c.key)])
			var needs bool
			err := scan(row[len(c.key):], &needs)
			if needs {
				need = append(need, last)
			}
			return err
		})
	})
	return need, last, n, err
}

// reseal seals the values of rows anew, as they are now.
func (t *Tx) reseal(c *column, keys [][]any) error {
	w := &where{}
	for _, k := range c.key {
		w.b.WriteString(" AND " + k + " = " + fmt.Sprintf("$%d", len(w.vs)+1))
		w.vs = append(w.vs, nil)
	}
	named := strings.TrimPrefix(w.b.String(), " AND ")
	stored := make([][]byte, len(keys))
	asked := make([][]any, len(keys))
	for i, k := range keys {
		asked[i] = slices.Clone(k)
	}
	err := t.queryEach("SELECT "+c.name+" FROM "+c.table+" WHERE "+named, asked, func(i int, row []any) error {
		return scan(row, &stored[i])
	})
	if err != nil {
		return err
	}
	set := fmt.Sprintf("UPDATE %s SET %s = $%d WHERE %s", c.table, c.name, len(c.key)+1, named)
	for i, k := range keys {
		if len(stored[i]) == 0 {
			continue // it went meanwhile
		}
		plain, err := t.open(c, stored[i], k...)
		if err != nil {
			return err
		}
		var v any = t.seal(c, string(plain), k...)
		if c.raw {
			v = t.sealRaw(c, plain, k...)
		}
		if err := t.exec(set, append(slices.Clone(k), v)...); err != nil {
			return err
		}
	}
	return nil
}

// reindex makes the indexes of all cases anew, from the cases.
func (s *Store) reindex(ctx context.Context, progress func(string, int64, int64)) error {
	after, done := care.CaseID(""), int64(0)
	for {
		var ids []care.CaseID
		err := s.View(ctx, func(t *Tx) error {
			ids = nil
			return t.query(`SELECT id FROM cases WHERE id > $1 ORDER BY id LIMIT $2`, []any{after, resealLook}, func(row []any) error {
				var id care.CaseID
				err := scan(row, &id)
				ids = append(ids, id)
				return err
			})
		})
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return s.View(ctx, (*Tx).indexed)
		}
		for part := range slices.Chunk(ids, resealMost) {
			if err := s.Update(ctx, func(t *Tx) error { return t.reindex(part) }); err != nil {
				return err
			}
			done += int64(len(part))
		}
		after = ids[len(ids)-1]
		if progress != nil {
			progress("keys.value", done, done)
		}
	}
}

func (t *Tx) reindex(ids []care.CaseID) error {
	if err := t.noImport(); err != nil {
		return err
	}
	cs, err := t.Cases(ids)
	if err != nil {
		return err
	}
	for _, c := range cs {
		for _, k := range keysOf(c) {
			forms := t.forms(k.kind, k.value)
			for _, old := range forms[1:] {
				if err := t.exec(`UPDATE keys SET value = $1 WHERE kind = $2 AND value = $3 AND case_id = $4`, forms[0], k.kind, old, c.ID); err != nil {
					return err
				}
			}
		}
		if p := personOf(c); p != "" {
			if err := t.exec(`UPDATE cases SET person = $1 WHERE id = $2`, t.forms(personKind, p)[0], c.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// indexed checks that no index is left that the active key did not make.
func (t *Tx) indexed() error {
	if err := t.fresh(); err != nil {
		return err
	}
	head := t.s.ring.Load().indexes[0].head
	var keys, people int
	err := t.one(`SELECT (SELECT count(*) FROM keys WHERE value <> '' AND substr(value, 1, 9) <> $1),
		(SELECT count(*) FROM cases WHERE person <> '' AND substr(person, 1, 9) <> $2)`, []any{head, head}, &keys, &people)
	if err == nil && keys+people > 0 {
		err = fmt.Errorf("%d keys and %d people are indexed under what their cases do not say. Run homeward verify", keys, people)
	}
	return err
}

// Scrub writes the tables of sealed values anew, so that nothing of what stood
// there before is left in the database's own files: what is overwritten stays in
// them until its place is used again. Who wants to write waits meanwhile. Archives
// of PostgreSQL's write-ahead log, and backups, are not reached.
func (s *Store) Scrub(ctx context.Context) error {
	c, err := s.engine.open(ctx, roleLong)
	if err != nil {
		return fmt.Errorf("scrubbing the database: %w", err)
	}
	defer c.close()
	texts := []string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"}
	if s.engine.name() == "postgres" {
		texts = nil
		for _, table := range append(sealedTables(), "keys", "staged") {
			texts = append(texts, "VACUUM (FULL) "+table)
		}
	}
	for _, text := range texts {
		if err := c.script(ctx, text); err != nil {
			return fmt.Errorf("scrubbing the database: %s: %w", text, err)
		}
	}
	return nil
}

// KeyInfo is a data key, without the key.
type KeyInfo struct {
	ID     string
	Kind   string    // seal or index
	State  string    // active, old or spent
	Master string    // id of the master key that wraps it
	Since  time.Time // of its state
	Whole  bool      // nothing that it serves is plain
}

// ColumnInfo says how many values of a column stand under which data key.
type ColumnInfo struct {
	Column string
	Under  map[string]int64 // by the data key's id; "" for plain values
}

// KeyStatus is the data keys and what they seal.
type KeyStatus struct {
	Keys    []KeyInfo
	Columns []ColumnInfo
}

// KeyStatus reads the data keys and counts what they seal; it reads the whole
// of each sealed table once.
func (t *Tx) KeyStatus() (st KeyStatus, err error) {
	if err := t.fresh(); err != nil {
		return st, err
	}
	ks, err := t.dataKeys()
	if err != nil {
		return st, err
	}
	for _, k := range ks {
		st.Keys = append(st.Keys, KeyInfo{fmt.Sprintf("%08x", k.id), k.kind, k.state, k.kek, k.since, k.whole})
	}
	for _, c := range sealedColumns {
		i, err := t.columnInfo(c)
		if err != nil {
			return st, err
		}
		st.Columns = append(st.Columns, i)
	}
	return st, nil
}

func (t *Tx) columnInfo(c *column) (ColumnInfo, error) {
	i := ColumnInfo{Column: c.String(), Under: map[string]int64{}}
	length, pad := textHead, strings.Repeat("A", 40)
	if c.raw {
		length, pad = rawHead, strings.Repeat("\x00", 40)
	}
	err := t.query(fmt.Sprintf(`SELECT substr(%s, 1, %d), count(*) FROM %s WHERE length(%s) > 0 GROUP BY 1`, c.name, length, c.table, c.name), nil, func(row []any) error {
		var head []byte
		var n int64
		if err := scan(row, &head, &n); err != nil {
			return err
		}
		id := ""
		if k, _, ok := c.head(append(slices.Clone(head), pad...)); ok {
			id = fmt.Sprintf("%08x", k)
		}
		i.Under[id] += n
		return nil
	})
	return i, err
}
