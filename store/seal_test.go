package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/nhs"
)

// onEither runs a test on both databases; open's stores have the key unless a
// function changes it.
func onEither(t *testing.T, f func(t *testing.T, url string, open func(...func(*Config)) *Store)) {
	t.Helper()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			url := filepath.Join(t.TempDir(), "test.db")
			if engine == "postgres" {
				url = pgtest.Start(t)
			}
			open := opener(t, url)
			f(t, url, func(fs ...func(*Config)) *Store { return open(append([]func(*Config){sealing}, fs...)...) })
		})
	}
}

func unsealed(c *Config) { c.Keys = nil }

func keyed(ks ...MasterKey) func(*Config) {
	return func(c *Config) { c.Keys = func() ([]MasterKey, error) { return ks, nil } }
}

// secrets is what must not be found in what is stored by told.
var secrets = []string{"Adams", "ADAMS", "Brenda", "NG21", "Rose Cottage", "confused at night", "PID|1||", "1941-03-14", "MRN0077", "P4711",
	"draft words", "view words", "handle words", "job words", "row,of,an,extract",
	"audit words", "alert words", "review words", "session words", "Nina Brandt"}

// told stores a person's things of every kind.
func told(t *testing.T, s *Store) {
	t.Helper()
	for i := range 3 {
		person := care.Person{Family: "Adams", Given: "Brenda", Born: nhs.Date{Year: 1941, Month: 3, Day: 14},
			Address: care.Address{Lines: []string{"Rose Cottage"}, Postcode: "NG21 0AA"}}
		id := care.CaseID(fmt.Sprint("c", i))
		start(t, s, id, care.Identified{At: day, NHS: nhs.Test(10 * i), IDs: []care.Identifier{{System: "mrn:RK5", Value: fmt.Sprint("MRN0077", i)}}},
			care.PersonTold{At: day, Person: person, First: true}, inBed("W1", day),
			care.NoteAdded{At: day, Note: care.Note{ID: "n", At: day, Text: "confused at night"}})
	}
	if _, err := s.Keep(t.Context(), in("f", "1", "PID|1||Adams"), in("f", "2", "PID|1||other")); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error {
		i, err := tx.BeginImport(Import{Council: "511", File: "people.csv", Kind: ImportFull})
		_, alert := tx.PutAlert(Alert{ID: "a", Kind: AlertGlass, At: day, Words: "alert words"})
		return errors.Join(err, tx.StagedSeen(i.ID, "council:511", "P4711"), tx.Quarantine(Quarantined{Import: i.ID, N: 1, Raw: "row,of,an,extract"}),
			tx.PutDraft(Draft{User: "u", Case: "c1", Form: "f", Saved: day, Doc: []byte(`"draft words"`)}),
			tx.PutSavedView(SavedView{User: "u", Name: "mine", Doc: []byte(`"view words"`)}),
			tx.PutHandle(Handle{ID: "h", User: "u", Expires: day, Doc: []byte(`"handle words"`)}),
			tx.Audit(AuditRecord{At: day, Actor: "u", Action: "look", Case: "c1", Reason: "audit words"}),
			tx.PutUser(care.Account{ID: "u", Login: "u", Name: "Nina Brandt", Hash: "x"}),
			tx.PutSession(care.Session{ID: "s", Account: "u", Hint: "session words", Ends: day}),
			tx.PutReview(Review{Item: "c1", Reason: "review words"}),
			alert, tx.Enqueue("lane", "kind", "key", "job words"))
	})
}

// stored is all that the database holds, as bytes.
func stored(t *testing.T, s *Store) []byte {
	t.Helper()
	ms, err := migrations(migrationFiles, s.Engine())
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	view(t, s, func(tx *Tx) error {
		for _, table := range append(tableNames(ms), notBackedUp...) {
			err := tx.query("SELECT * FROM "+table, nil, func(row []any) error {
				for _, v := range row {
					if b, ok := v.([]byte); ok {
						all.Write(b)
					} else {
						fmt.Fprint(&all, v)
					}
					all.WriteByte('\n')
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all.Bytes()
}

func found(all []byte) (hits []string) {
	words := slices.Clone(secrets)
	for i := range 3 {
		words = append(words, nhs.Test(10*i).Digits())
	}
	for _, w := range words {
		if bytes.Contains(all, []byte(w)) || bytes.Contains(all, []byte(hex.EncodeToString([]byte(w)))) {
			hits = append(hits, w)
		}
	}
	return hits
}

func TestNothingReadableIsStored(t *testing.T) {
	onEither(t, func(t *testing.T, url string, open func(...func(*Config)) *Store) {
		s := open()
		told(t, s)
		if hits := found(stored(t, s)); len(hits) > 0 {
			t.Errorf("in the tables: %q", hits)
		}
		verified(t, s)
		if s.Engine() != "sqlite" {
			return
		}
		copied := filepath.Join(t.TempDir(), "copy.zip")
		if err := s.Backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		for _, f := range []string{url, url + "-wal", copied} {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if hits := found(b); len(hits) > 0 {
				t.Errorf("in %s: %q", filepath.Base(f), hits)
			}
		}
	})
}

// What is not sealed is found: else the test above could not fail.
func TestWithoutAKeyItIsReadable(t *testing.T) {
	onEither(t, func(t *testing.T, _ string, open func(...func(*Config)) *Store) {
		s := open(unsealed)
		told(t, s)
		if hits := found(stored(t, s)); len(hits) != len(secrets)+3 {
			t.Errorf("only %q", hits)
		}
	})
}

// all reads everything that told stored, and says whether it is there.
func all(t *testing.T, s *Store) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		c, err := tx.Case("c1")
		d, err2 := tx.Draft("u", "c1", "f")
		h, err3 := tx.Handle("h")
		m, err4 := tx.Message(1)
		js, err5 := tx.Jobs(JobReady, 0, 10)
		qs, err6 := tx.QuarantinedRows(1, 0, 10)
		vs, err7 := tx.SavedViews("u")
		u, err8 := tx.User("u")
		a, err9 := tx.Alert("a")
		as, err10 := tx.Audits(AuditFilter{Case: "c1"})
		if err := errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10); err != nil {
			return err
		}
		if u.Name != "Nina Brandt" || a.Words != "alert words" || as[0].Reason != "audit words" {
			t.Error("something came back as it was not")
		}
		if c.Person.Family != "Adams" || string(d.Doc) != `"draft words"` || string(h.Doc) != `"handle words"` || string(m.Raw) != "PID|1||Adams" ||
			js[0].Payload != "job words" || qs[0].Raw != "row,of,an,extract" || string(vs[0].Doc) != `"view words"` {
			t.Error("something came back as it was not")
		}
		for i := range 3 {
			want := []care.CaseID{care.CaseID(fmt.Sprint("c", i))}
			ids, err := tx.FindNHS(nhs.Test(10 * i))
			id, err2 := tx.FindID(care.Identifier{System: "mrn:RK5", Value: fmt.Sprint("MRN0077", i)})
			if !slices.Equal(ids, want) || id != want[0] || err != nil || err2 != nil {
				t.Errorf("found %v, %v; want %v: %v %v", ids, id, want, err, err2)
			}
		}
		who, err := tx.FindPerson("adams", nhs.Date{Year: 1941, Month: 3, Day: 14}, "NG21 0AA")
		rows, _, err2 := tx.Rows(RowQuery{Sort: SortName, PerPage: 2, Page: 2})
		if len(who) != 3 || len(rows) != 1 || rows[0].Case != "c2" && rows[0].Person.Family == "Adams" {
			t.Errorf("by name %v; second page %v", who, len(rows))
		}
		return errors.Join(err, err2)
	})
}

func TestPlainDatabaseIsSealedByRotation(t *testing.T) {
	onEither(t, func(t *testing.T, url string, open func(...func(*Config)) *Store) {
		plain := open(unsealed)
		told(t, plain)
		s := open()
		all(t, s) // plain is read until all is sealed
		verified(t, s)
		if err := plain.Update(t.Context(), put("a", "b")); !errors.Is(err, ErrNoKey) {
			t.Errorf("a process without the key wrote: %v", err)
		}
		start(t, s, "later", named("Brown"))
		both := Rotation{Values: true, Indexes: true}
		if err := s.RotateKeys(t.Context(), both); !errors.Is(err, ErrImporting) {
			t.Errorf("indexes were changed under an import: %v", err)
		}
		update(t, s, func(tx *Tx) error { return tx.StagedClear(1) })
		if err := s.RotateKeys(t.Context(), both); err != nil {
			t.Fatal(err)
		}
		all(t, s)
		verified(t, s)
		if hits := found(stored(t, s)); len(hits) > 0 {
			t.Errorf("still there: %q", hits)
		}
		if err := s.Scrub(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, f := range []string{url, url + "-wal"} {
			if b, err := os.ReadFile(f); s.Engine() == "sqlite" && (err != nil || len(found(b)) > 0) {
				t.Errorf("in %s: %q, %v", filepath.Base(f), found(b), err)
			}
		}
		all(t, s)
		update(t, s, func(tx *Tx) error { return tx.exec(`UPDATE jobs SET payload = 'plain'`) })
		err := s.View(t.Context(), func(tx *Tx) error { _, err := tx.Jobs(JobReady, 0, 10); return err })
		if !errors.Is(err, ErrSeal) || !strings.Contains(err.Error(), "jobs.payload of 1") {
			t.Errorf("a plain value was taken: %v", err)
		}
	})
}

func TestRotationWhileOthersWork(t *testing.T) {
	onEither(t, func(t *testing.T, _ string, open func(...func(*Config)) *Store) {
		s, other := open(), open()
		told(t, s)
		update(t, s, func(tx *Tx) error { return tx.StagedClear(1) })
		var before, after KeyStatus
		status := func(st *KeyStatus) {
			view(t, s, func(tx *Tx) (err error) { *st, err = tx.KeyStatus(); return err })
		}
		status(&before)
		stop := make(chan bool)
		var wg sync.WaitGroup
		var worked atomic.Int64
		for i, db := range []*Store{s, other} {
			wg.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					id := care.CaseID(fmt.Sprint("w", i, "-", n))
					number := nhs.Test(1000 + 10*(2*n+i))
					start(t, db, id, care.Identified{At: day, NHS: number}, named("Adamson"))
					if _, err := db.Keep(context.Background(), in("f", string(id), "PID|1||")); err != nil {
						t.Error(err)
					}
					view(t, []*Store{other, s}[i], func(tx *Tx) error {
						ids, err := tx.FindNHS(number)
						if !slices.Equal(ids, []care.CaseID{id}) {
							t.Errorf("%s: found %v", id, ids)
						}
						_, err2 := tx.Case(id)
						return errors.Join(err, err2)
					})
					worked.Add(1)
				}
			})
		}
		for range 3 {
			if err := s.RotateKeys(t.Context(), Rotation{Values: true, Indexes: true}); err != nil {
				t.Error(err)
			}
		}
		close(stop)
		wg.Wait()
		status(&after)
		after.Keys = slices.DeleteFunc(after.Keys, func(k KeyInfo) bool { return k.State == keySpent })
		if worked.Load() == 0 || len(after.Keys) != 2 || slices.ContainsFunc(after.Keys, func(k KeyInfo) bool {
			return k.State != keyActive || !k.Whole || slices.ContainsFunc(before.Keys, func(o KeyInfo) bool { return o.ID == k.ID })
		}) {
			t.Errorf("%d worked; keys %+v", worked.Load(), after.Keys)
		}
		for _, c := range after.Columns {
			for id := range c.Under {
				if !slices.ContainsFunc(after.Keys, func(k KeyInfo) bool { return k.ID == id }) {
					t.Errorf("%s: values under %q", c.Column, id)
				}
			}
		}
		all(t, other)
		verified(t, other)
		verified(t, open())
	})
}

func TestRotationGoesOnWhereItStopped(t *testing.T) {
	onEither(t, func(t *testing.T, _ string, open func(...func(*Config)) *Store) {
		s := open()
		told(t, s)
		update(t, s, func(tx *Tx) error { return tx.StagedClear(1) })
		ctx, cancel := context.WithCancel(t.Context())
		both := Rotation{Values: true, Indexes: true}
		both.Progress = func(column string, _, _ int64) {
			if column == historyBody.String() {
				cancel()
			}
		}
		if err := s.RotateKeys(ctx, both); !errors.Is(err, context.Canceled) {
			t.Fatalf("not stopped: %v", err)
		}
		var st KeyStatus
		view(t, s, func(tx *Tx) (err error) { st, err = tx.KeyStatus(); return err })
		if len(st.Keys) != 4 {
			t.Errorf("%d keys in the middle, want 4", len(st.Keys))
		}
		later := open()
		all(t, later)
		start(t, later, "new", named("Brown"))
		verified(t, later)
		both.Progress = nil
		if err := later.RotateKeys(t.Context(), both); err != nil {
			t.Fatal(err)
		}
		view(t, s, func(tx *Tx) (err error) { st, err = tx.KeyStatus(); return err })
		spent := 0
		for _, k := range st.Keys {
			if k.State == keySpent {
				spent++
			}
		}
		if len(st.Keys) != 4 || spent != 2 {
			t.Errorf("%d keys at the end, %d spent", len(st.Keys), spent)
		}
		all(t, s)
		verified(t, s)
	})
}

func TestMasterKeyChanges(t *testing.T) {
	onEither(t, func(t *testing.T, url string, open func(...func(*Config)) *Store) {
		s := open()
		told(t, s)
		next := NewMasterKey()
		two := open(keyed(next, sealedWith))
		all(t, two)
		if err := two.RotateKeys(t.Context(), Rotation{}); err != nil {
			t.Fatal(err)
		}
		one := open(keyed(next))
		all(t, one)
		start(t, one, "new", named("Brown"))
		_, err := Open(t.Context(), Config{URL: url, Row: care.RowOf, Keys: s.cfg.Keys})
		if !errors.Is(err, ErrWrongKey) || !strings.Contains(err.Error(), next.ID()) {
			t.Errorf("the old key opens it still: %v", err)
		}
		if err := s.Update(t.Context(), put("a", "b")); !errors.Is(err, ErrWrongKey) {
			t.Errorf("a process with the old key wrote: %v", err)
		}
		verified(t, one)
	})
}

func TestOpenAndRestoreRefuseWrongKeys(t *testing.T) {
	onEither(t, func(t *testing.T, url string, open func(...func(*Config)) *Store) {
		s := open()
		told(t, s)
		file := filepath.Join(t.TempDir(), "b.zip")
		if err := s.Backup(t.Context(), file); err != nil {
			t.Fatal(err)
		}
		for want, change := range map[error]func(*Config){ErrWrongKey: keyed(NewMasterKey()), ErrNoKey: unsealed} {
			cfg := Config{URL: url, Row: care.RowOf}
			change(&cfg)
			if _, err := Open(t.Context(), cfg); !errors.Is(err, want) {
				t.Errorf("opened: %v", err)
			}
			if cfg.URL = filepath.Join(t.TempDir(), "back.db"); s.Engine() == "postgres" {
				cfg.URL = pgtest.Start(t)
			}
			if err := Restore(t.Context(), file, cfg); !errors.Is(err, want) {
				t.Errorf("restored: %v", err)
			}
			// Nothing was changed: not even tables were made.
			ran, err := opener(t, cfg.URL)().Migrate(t.Context())
			if err != nil || len(ran) != 0 {
				t.Errorf("after opener's own Migrate ran %v, %v", ran, err)
			}
			sealing(&cfg)
			if err := Restore(t.Context(), file, cfg); err != nil {
				t.Errorf("with the right key: %v", err)
			}
			back := opener(t, cfg.URL, s)()
			update(t, back, func(tx *Tx) error {
				return tx.PutHandle(Handle{ID: "h", User: "u", Expires: day, Doc: []byte(`"handle words"`)})
			})
			all(t, back)
			verified(t, back)
		}
		verified(t, s)
	})
}

func TestTamperingIsSaid(t *testing.T) {
	onEither(t, func(t *testing.T, _ string, open func(...func(*Config)) *Store) {
		s := open()
		for _, c := range []struct {
			sql, says string
			read      func(*Tx) error
		}{
			{`UPDATE cases SET doc = (SELECT doc FROM cases WHERE id = 'c2') WHERE id = 'c1'`, "cases.doc of c1",
				func(tx *Tx) error { _, err := tx.Case("c1"); return err }},
			{`UPDATE history SET body = (SELECT body FROM history h WHERE h.seq = 4) WHERE seq = 5`, "history.body of 5",
				func(tx *Tx) error { _, err := tx.History("c0"); return err }},
			{`UPDATE history SET body = cause WHERE seq = 2`, "history.body of 2", func(tx *Tx) error { _, err := tx.History("c0"); return err }},
			{`UPDATE messages SET raw = (SELECT raw FROM messages m WHERE m.id = 2) WHERE id = 1`, "messages.raw of 1",
				func(tx *Tx) error { _, err := tx.Message(1); return err }},
			{`UPDATE tracker SET doc = (SELECT doc FROM cases WHERE id = 'c1') WHERE case_id = 'c1'`, "tracker.doc of c1",
				func(tx *Tx) error { _, err := tx.Row("c1"); return err }},
			{`UPDATE tracker SET name = (SELECT name FROM tracker t WHERE t.case_id = 'c2') WHERE case_id = 'c1'`, "tracker.name of c1",
				func(tx *Tx) error { _, _, err := tx.Rows(RowQuery{Sort: SortName}); return err }},
			{`UPDATE jobs SET payload = substr(payload, 1, 30) || 'AAAA' || substr(payload, 35)`, "jobs.payload of 1",
				func(tx *Tx) error { _, err := tx.Jobs(JobReady, 0, 10); return err }},
			{`UPDATE drafts SET user_id = 'v'`, "drafts.doc of v/c1/f", func(tx *Tx) error { _, err := tx.Draft("v", "c1", "f"); return err }},
			{`UPDATE handles SET doc = substr(doc, 1, 20)`, "handles.doc of h", func(tx *Tx) error { _, err := tx.Handle("h"); return err }},
			{`UPDATE views SET doc = '{}'`, "views.doc of u", func(tx *Tx) error { _, err := tx.SavedViews("u"); return err }},
			{`UPDATE alerts SET doc = (SELECT doc FROM audit)`, "alerts.doc of a", func(tx *Tx) error { _, err := tx.Alert("a"); return err }},
			{`UPDATE audit SET doc = (SELECT doc FROM alerts)`, "audit.doc of 0", func(tx *Tx) error { _, err := tx.Audits(AuditFilter{}); return err }},
			{`UPDATE users SET doc = '{}'`, "users.doc of u", func(tx *Tx) error { _, err := tx.User("u"); return err }},
			{`UPDATE sessions SET doc = '{}'`, "sessions.doc of a session", func(tx *Tx) error { _, err := tx.Session("s"); return err }},
			{`UPDATE quarantine SET raw = 'hw1.00000000.AAAA'`, "data key 00000000", func(tx *Tx) error { _, err := tx.QuarantinedRows(1, 0, 9); return err }},
		} {
			update(t, s, func(tx *Tx) error {
				return errors.Join(wipe(tx), tx.exec(`DELETE FROM drafts`), tx.exec(`DELETE FROM handles`), tx.exec(`DELETE FROM quarantine`), tx.exec(`DELETE FROM views`), tx.exec(`DELETE FROM imports`), tx.exec(`DELETE FROM alerts`), tx.exec(`DELETE FROM users`))
			})
			told(t, s)
			verified(t, s)
			update(t, s, func(tx *Tx) error { return tx.exec(c.sql) })
			err := s.View(t.Context(), c.read)
			if !errors.Is(err, ErrSeal) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.sql, err)
			}
			said := ""
			if err := s.Verify(t.Context(), func(p string) { said += p + "\n" }); err == nil || !strings.Contains(said, c.says) {
				t.Errorf("%s: verify says %q, %v", c.sql, said, err)
			}
		}
	})
}

// bare is a Tx that can seal and open, without a database.
func bare(r *ring) *Tx {
	s := &Store{}
	s.ring.Store(r)
	return &Tx{s: s, b: &batch{}, ctx: context.Background()}
}

func ringOf(t *rapid.T, whole bool) *ring {
	seal, index := newDataKey(keySeals, whole, day), newDataKey(keyIndexes, whole, day)
	r, err := newRing(1, []dataKey{seal, index})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealedValuesOpenOnlyAtTheirPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tx := bare(ringOf(t, true))
		c := rapid.SampledFrom(sealedColumns).Draw(t, "column")
		key := make([]any, len(c.key))
		for i := range key {
			key[i] = rapid.OneOf(rapid.Int64().AsAny(), rapid.String().AsAny()).Draw(t, "key")
		}
		plain := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "plain")
		var sealed []byte
		if c.raw {
			sealed = tx.sealRaw(c, plain, key...)
		} else {
			plain = []byte(text(string(plain)))
			sealed = []byte(tx.seal(c, string(plain), key...))
		}
		if len(plain) > 8 && bytes.Contains(sealed, plain) {
			t.Fatalf("%q is in %q", plain, sealed)
		}
		back, err := tx.open(c, bytes.Clone(sealed), key...)
		if err != nil || !bytes.Equal(back, plain) {
			t.Fatalf("%q came back as %q, %v", plain, back, err)
		}
		refused := func(what string, tx *Tx, c *column, value []byte, key []any) {
			if got, err := tx.open(c, value, key...); err == nil {
				t.Fatalf("%s: opened as %q", what, got)
			}
		}
		bad := bytes.Clone(sealed)
		bad[rapid.IntRange(0, len(bad)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		refused("a bit", tx, c, bad, key)
		refused("an end", tx, c, sealed[:rapid.IntRange(1, len(sealed)-1).Draw(t, "end")], key)
		elsewhere := slices.Clone(key)
		elsewhere[len(key)-1] = fmt.Sprint(key[len(key)-1], "x")
		refused("another row", tx, c, sealed, elsewhere)
		for _, other := range sealedColumns {
			if other != c && other.raw == c.raw {
				refused("another column", tx, other, sealed, key)
			}
		}
		refused("another key", bare(ringOf(t, true)), c, sealed, key)
		refused("a plain value", tx, c, plain, key)
		if got, err := bare(ringOf(t, false)).open(c, plain, key...); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("a plain value, before all are sealed: %q, %v", got, err)
		}
	})
}

func TestNoncesDoNotComeTwice(t *testing.T) {
	k, err := newSealer(1, make([]byte, keySize))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[nonceSize]byte]bool{}
	k.nonce(make([]byte, nonceSize))
	k.count = ^uint32(0) - 500 // so that the count runs through
	first := k.prefix
	var n [nonceSize]byte
	for range 1000 {
		if k.nonce(n[:]); seen[n] {
			t.Fatalf("%x came twice", n)
		}
		seen[n] = true
	}
	if k.prefix == first {
		t.Error("the count ran through under one prefix")
	}
}

func TestBlindIndexesAreKeyedAndOfTheirKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := ringOf(t, true), ringOf(t, true)
		kind, value := rapid.StringN(1, 9, 9).Draw(t, "kind"), rapid.StringN(1, 20, 40).Draw(t, "value")
		f := a.forms(kind, value)
		if len(f) != 1 || f[0] != a.forms(kind, value)[0] {
			t.Fatalf("it differs from time to time: %v", f)
		}
		if f[0] == a.forms(kind+"x", value)[0] || f[0] == a.forms(kind, value+"x")[0] || f[0][9:] == b.forms(kind, value)[0][9:] {
			t.Fatal("two things have one index")
		}
	})
}

func TestMasterKeysReadBackAndMaskThemselves(t *testing.T) {
	a, b := NewMasterKey(), NewMasterKey()
	file := "# a comment\n\n" + a.Line() + "\n" + b.Line() + "\n"
	ks, err := ParseMasterKeys([]byte(file))
	if err != nil || len(ks) != 2 || ks[0].key != a.key || ks[1].id != b.id {
		t.Fatalf("read %v, %v", ks, err)
	}
	secret := strings.Fields(a.Line())[2]
	for _, s := range []string{fmt.Sprint(a), fmt.Sprintf("%v %+v %s", a, a, &a), a.LogValue().String()} {
		if strings.Contains(s, secret) || strings.Contains(s, fmt.Sprint(a.key)) {
			t.Errorf("it tells itself: %s", s)
		}
	}
	for _, bad := range []string{"", "# only words", "rubbish", secret, masterMark + " " + a.id + " " + secret[:20],
		masterMark + " " + b.id + " " + secret} {
		_, err := ParseMasterKeys([]byte(bad))
		if err == nil || strings.Contains(err.Error(), secret[:10]) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestEveryColumnIsAccountedFor compares the table of docs/design/keys.md with
// the tables that there are, and with what is sealed.
func TestEveryColumnIsAccountedFor(t *testing.T) {
	page, err := os.ReadFile("../docs/design/keys.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "## Every column")
	said := map[string]string{}
	for line := range strings.Lines(text) {
		f := strings.Split(line, "|")
		if len(f) != 6 || strings.Contains(f[1], "---") || strings.TrimSpace(f[1]) == "table" {
			continue
		}
		for _, c := range strings.Fields(f[2]) {
			name := strings.TrimSpace(f[1]) + "." + c
			if said[name] != "" {
				t.Errorf("%s stands twice", name)
			}
			said[name] = strings.TrimSpace(f[3])
		}
	}
	for _, c := range []string{"launches.sealed", "data_keys.wrapped"} { // by other keys
		if said[c] == "sealed" {
			said[c] = "clear"
		}
	}
	want := map[string]string{"keys.value": "blind", "cases.person": "blind", "staged.person": "blind"}
	for _, c := range sealedColumns {
		want[c.String()] = "sealed"
	}
	s := opener(t, filepath.Join(t.TempDir(), "test.db"))()
	view(t, s, func(tx *Tx) error {
		return tx.query(`SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name <> 'migrations'`, nil, func(row []any) error {
			name := fmt.Sprint(row[0], ".", row[1])
			switch how := said[name]; {
			case how == "":
				t.Errorf("docs/design/keys.md does not say of %s whether it is sealed, and why", name)
			case want[name] != "" && how != want[name] || want[name] == "" && how != "clear" && how != "hash":
				t.Errorf("docs/design/keys.md says that %s is %s", name, how)
			}
			delete(said, name)
			return nil
		})
	})
	for name := range said {
		t.Errorf("docs/design/keys.md tells of %s, and there is none", name)
	}
}
