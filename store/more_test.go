package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/proof"
)

func TestJobsKeepTheOrderOfTheirLane(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		now := day
		s := open(func(c *Config) { c.Clock = func() time.Time { return now } })
		update(t, s, func(tx *Tx) error {
			for i := range 3 {
				if err := tx.Enqueue("a", "tell", fmt.Sprint("k", i), fmt.Sprint(i)); err != nil {
					return err
				}
			}
			return errors.Join(tx.Enqueue("a", "tell", "k1", "again"), tx.Enqueue("b", "tell", "z", ""))
		})
		claim := func() (l Lane, ok bool) {
			t.Helper()
			update(t, s, func(tx *Tx) (err error) { l, ok, err = tx.ClaimLane("me", time.Minute); return err })
			return l, ok
		}
		jobs := func(lane string) (js []Job) {
			t.Helper()
			view(t, s, func(tx *Tx) (err error) { js, err = tx.LaneJobs(lane, 10); return err })
			return js
		}
		a, _ := claim()
		b, _ := claim()
		if _, ok := claim(); ok || a.Name != "a" || b.Name != "b" {
			t.Fatalf("claimed %v, %v and one more", a, b)
		}
		if js := jobs("a"); len(js) != 3 || js[1].Payload != "1" {
			t.Fatalf("jobs %+v", js)
		}
		first := jobs("a")[0].ID
		update(t, s, func(tx *Tx) error { return tx.FailJob(a, first, "no answer", 10*time.Second) })
		if _, ok := claim(); ok {
			t.Error("a lane that waits was claimed")
		}
		now = now.Add(11 * time.Second)
		a2, ok := claim()
		if !ok || a2.Fence <= a.Fence || jobs("a")[0].Attempts != 1 {
			t.Errorf("after the wait: %v %v", a2, ok)
		}
		if err := s.Update(t.Context(), func(tx *Tx) error { return tx.FinishJob(a, first) }); !errors.Is(err, ErrFenced) {
			t.Errorf("finished under a lost lease: %v", err)
		}
		update(t, s, func(tx *Tx) error { return tx.FinishJob(a2, first) })
		update(t, s, func(tx *Tx) error { return tx.BuryJob(a2, jobs("a")[0].ID, "refused") })
		verified(t, s)
		var dead []Job
		view(t, s, func(tx *Tx) (err error) { dead, err = tx.Jobs(JobDead, 0, 10); return err })
		if len(dead) != 1 || dead[0].Reason != "refused" || len(jobs("a")) != 1 {
			t.Fatalf("dead %+v", dead)
		}
		update(t, s, func(tx *Tx) error { return errors.Join(tx.ReviveJob(dead[0].ID), tx.ReleaseLane(a2)) })
		if js := jobs("a"); len(js) != 2 || js[0].Payload != "1" {
			t.Errorf("revived out of place: %+v", js)
		}
		view(t, s, func(tx *Tx) error {
			n, err := tx.JobCounts()
			if n.Ready != 3 || n.Dead != 0 || !n.Oldest.Equal(day) {
				t.Errorf("counts %+v", n)
			}
			return err
		})
		verified(t, s)
	})
}

func TestBackoffStaysWithinItsBounds(t *testing.T) {
	for n := 1; n < 80; n++ {
		for _, r := range []float64{0, 0.5, 0.999} {
			if d := Backoff(n, time.Second, time.Hour, r); d < time.Second/2 || d > time.Hour {
				t.Errorf("Backoff(%d, %v) = %v", n, r, d)
			}
		}
	}
}

func TestAuditProvesItselfAndForgets(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		rec := func(i int) AuditRecord {
			return AuditRecord{At: day.Add(time.Duration(i) * time.Second), Actor: care.ActorID(fmt.Sprint("u", i%3)), Action: "look", Case: care.CaseID(fmt.Sprint("c", i%5)),
				Allowed: true, Policies: []string{"NIPS-1"}, Sections: []string{"packages"}, Reason: "why"}
		}
		old := tlog.Tree{}
		for i := range 40 {
			update(t, s, func(tx *Tx) error { return tx.Audit(rec(3*i), rec(3*i+1), rec(3*i+2)) })
			if i == 17 {
				view(t, s, func(tx *Tx) (err error) { old, err = tx.AuditTree(); return err })
			}
			_ = s.Update(t.Context(), func(tx *Tx) error { return errors.Join(tx.Audit(rec(9)), errors.New("undone")) })
		}
		skey, vkey, err := note.GenerateKey(rand.Reader, "homeward.example")
		if err != nil {
			t.Fatal(err)
		}
		signer, _ := note.NewSigner(skey)
		verifier, _ := note.NewVerifier(vkey)
		var b []byte
		view(t, s, func(tx *Tx) error {
			tree, err := tx.AuditTree()
			if err != nil {
				return err
			}
			b, err = proof.Sign(tree, signer)
			return err
		})
		tree, _, err := proof.Open(b, verifier)
		if err != nil || tree.N != 120 {
			t.Fatalf("checkpoint %v, %v", tree, err)
		}
		view(t, s, func(tx *Tx) error {
			for _, n := range []int64{0, 1, 63, 64, 119} {
				p, err := tx.ProveAudit(n)
				if err != nil || p.Check() != nil || p.Tree != tree {
					t.Errorf("record %d: %v, %v", n, err, p.Check())
				}
			}
			now, growth, err := tx.ProveAuditGrowth(old.N)
			if err != nil || tlog.CheckTree(growth, now.N, now.Hash, old.N, old.Hash) != nil {
				t.Errorf("growth: %v", err)
			}
			as, err := tx.Audits(AuditFilter{Case: "c2", Actor: "u1", Before: 100, Limit: 2})
			if err != nil || len(as) != 2 || as[0].N != 97 || as[1].N != 82 || as[0].Reason != "why" {
				t.Errorf("audits %+v, %v", as, err)
			}
			return tx.VerifyAudit(nil, old, tree)
		})
		update(t, s, func(tx *Tx) error { return tx.exec(`UPDATE audit SET doc = NULL, salt = NULL WHERE n = 82`) })
		view(t, s, func(tx *Tx) error {
			as, err := tx.Audits(AuditFilter{Before: 83, Limit: 1})
			if err != nil || !as[0].Erased || as[0].Reason != "" || as[0].Actor != "u1" {
				t.Errorf("erased %+v, %v", as, err)
			}
			if err := tx.VerifyAudit(nil, old, tree); err == nil || !strings.Contains(err.Error(), "record 82 has lost its content") {
				t.Errorf("a record was emptied of which no erasing tells: %v", err)
			}
			return nil
		})
		bad := tree
		bad.Hash[0]++
		if err := s.View(t.Context(), func(tx *Tx) error { return tx.VerifyAudit(nil, bad) }); err == nil {
			t.Error("another log's checkpoint was believed")
		}
	})
}

func TestTheEdgeIsTlogs(t *testing.T) {
	var e proof.Edge
	var stored []tlog.Hash
	r := tlog.HashReaderFunc(func(ix []int64) (hs []tlog.Hash, _ error) {
		for _, i := range ix {
			hs = append(hs, stored[i])
		}
		return hs, nil
	})
	for n := range int64(300) {
		leaf := tlog.RecordHash(fmt.Append(nil, n))
		want, err := tlog.StoredHashesForRecordHash(n, leaf, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Add(leaf); !slices.Equal(got, want) {
			t.Fatalf("record %d: %v, want %v", n, got, want)
		}
		for i := range want {
			at, level := proof.CompletedBy(int64(len(stored) + i))
			if at != n || level != i {
				t.Fatalf("hash %d is at %d, %d; want %d, %d", len(stored)+i, at, level, n, i)
			}
		}
		stored = append(stored, want...)
		root, err := tlog.TreeHash(n+1, r)
		if err != nil || e.Root() != root {
			t.Fatalf("root of %d: %v", n+1, err)
		}
	}
}

func TestImportsQuarantineAndMissing(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		for i := range 6 {
			start(t, s, care.CaseID(fmt.Sprint("c", i)), care.Identified{At: day, IDs: []care.Identifier{{System: "council:512", Value: fmt.Sprint("p", i)}}})
		}
		var i Import
		update(t, s, func(tx *Tx) (err error) {
			i, err = tx.BeginImport(Import{Council: "512", File: "people.csv", Sum: "ab", Kind: ImportFull, AsAt: day})
			return errors.Join(err, tx.StagedSeen(i.ID, "council:512", "p1", "p3", "p1"), tx.StagedSeen(i.ID, "council:512", "p3"),
				tx.Quarantine(Quarantined{Import: i.ID, N: 1, File: "people.csv", Line: 3, Field: "Born", Mend: "Give a real date", Raw: "x,y"}, Quarantined{Import: i.ID, N: 2}),
				tx.PutCouncilState(CouncilState{Council: "512", AsAt: day, Import: i.ID}))
		})
		i.State, i.Counts, i.Ended = ImportDone, map[string]int{"rows": 2}, day
		update(t, s, func(tx *Tx) error { return tx.SaveImport(i) })
		view(t, s, func(tx *Tx) error {
			var missing []string
			for after := ""; ; after = missing[len(missing)-1] {
				ids, err := tx.StagedMissing(i.ID, "council:512", after, 2)
				if err != nil {
					return err
				}
				if len(ids) == 0 {
					break
				}
				for _, id := range ids {
					missing = append(missing, id.Value)
				}
			}
			slices.Sort(missing)
			if n, err := tx.StagedCount(i.ID); !slices.Equal(missing, []string{"p0", "p2", "p4", "p5"}) || n != 2 || err != nil {
				t.Errorf("missing %v, seen %d, %v", missing, n, err)
			}
			qs, err := tx.QuarantinedRows(i.ID, 0, 10)
			if err != nil || len(qs) != 2 || qs[0].Mend != "Give a real date" || qs[0].Line != 3 {
				t.Errorf("quarantined %+v, %v", qs, err)
			}
			got, err := tx.ImportOf("512", "ab")
			if err != nil || got.Counts["rows"] != 2 || got.State != ImportDone || !got.AsAt.Equal(day) {
				t.Errorf("import %+v, %v", got, err)
			}
			st, err := tx.CouncilState("512")
			if err != nil || !st.AsAt.Equal(day) {
				t.Errorf("council %+v, %v", st, err)
			}
			is, err := tx.Imports("512", 0, 10)
			if err != nil || len(is) != 1 {
				t.Errorf("imports %+v, %v", is, err)
			}
			return nil
		})
	})
}

func TestPeopleAndTheirThings(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		a := care.Account{ID: "u1", Login: "amy", Name: "Amy P", Grants: []care.Grant{{Role: care.Coordinator, Org: "RK5"}}, Hash: "$h"}
		ses := care.Session{ID: "s1", Account: "u1", Created: day, Seen: day, Ends: day.Add(time.Hour)}
		update(t, s, func(tx *Tx) error {
			return errors.Join(tx.PutUser(a), tx.SaveTries("u1", 3, day), tx.PutSession(ses), tx.TouchSession("s1", day.Add(time.Minute)),
				tx.PutDraft(Draft{User: "u1", Case: "c", Form: "f", Saved: day, Doc: ToDoc("one")}),
				tx.PutDraft(Draft{User: "u1", Case: "c", Form: "f", Saved: day, Doc: ToDoc("two")}),
				tx.PutHandle(Handle{ID: "h", User: "u1", Expires: day, Doc: ToDoc(1)}),
				tx.PutSavedView(SavedView{User: "u1", Name: "mine", Doc: ToDoc(2)}),
				tx.PutProviders(care.Provider{Council: "512", ID: "p", Name: "Oak House"}), tx.PutTeams(care.Team{Council: "512", ID: "t", Name: "North"}))
		})
		err := s.Update(t.Context(), func(tx *Tx) error { return tx.PutUser(care.Account{ID: "u2", Login: "amy"}) })
		if care.KindOf(err) != care.Conflict {
			t.Errorf("a login for two: %v", err)
		}
		view(t, s, func(tx *Tx) error {
			u, err := tx.UserByLogin("amy")
			if err != nil || u.Failed != 3 || !u.LockedUntil.Equal(day) || u.Hash != "$h" || !slices.Equal(u.Grants, a.Grants) {
				t.Errorf("account %+v, %v", u.ID, err)
			}
			g, err := tx.Session("s1")
			if err != nil || !g.Seen.Equal(day.Add(time.Minute)) || g.Account != "u1" {
				t.Errorf("session %+v, %v", g, err)
			}
			d, err := tx.Draft("u1", "c", "f")
			if text, err2 := Doc[string](d.Doc); err != nil || err2 != nil || text != "two" || d.Version != 2 {
				t.Errorf("draft %+v, %v", d, err)
			}
			vs, err := tx.SavedViews("u1")
			if err != nil || len(vs) != 1 {
				t.Errorf("views %+v, %v", vs, err)
			}
			p, err := tx.Provider("512", "p")
			if err != nil || p.Name != "Oak House" {
				t.Errorf("provider %+v, %v", p, err)
			}
			ts, err := tx.Teams("512")
			if err != nil || len(ts) != 1 {
				t.Errorf("teams %+v, %v", ts, err)
			}
			return nil
		})
		update(t, s, func(tx *Tx) error { return tx.Sweep(day.Add(2 * time.Hour)) })
		view(t, s, func(tx *Tx) error {
			_, err := tx.Session("s1")
			_, err2 := tx.Handle("h")
			if !IsNone(err) || !IsNone(err2) {
				t.Errorf("swept: %v, %v", err, err2)
			}
			return nil
		})
	})
}

func filled(t *testing.T, s *Store) {
	t.Helper()
	for i := range 20 {
		start(t, s, care.CaseID(fmt.Sprint("c", i)), care.Identified{At: day, NHS: nhs.Test(10 * i)}, named("Adams"), inBed("W1", day))
	}
	if _, err := s.Keep(t.Context(), in("f", "1", "a\x00\xffb"), in("f", "2", "")); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error {
		for range 300 {
			if err := tx.Audit(AuditRecord{At: day, Actor: "a", Action: "look"}); err != nil {
				return err
			}
		}
		return errors.Join(tx.Enqueue("l", "k", "1", "p"), tx.PutSession(care.Session{ID: "s"}))
	})
	erase(t, s, "c19")
}

func TestBackupRestoresIntoEitherDatabase(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		filled(t, s)
		dir := t.TempDir()
		files := []string{"b.zip"}
		if s.Engine() == "sqlite" {
			files = append(files, "b.db")
		}
		for _, name := range files {
			file := filepath.Join(dir, name)
			if err := s.Backup(t.Context(), file); err != nil {
				t.Fatal(err)
			}
			if err := s.Backup(t.Context(), file); err == nil {
				t.Error("a backup was written over another")
			}
			for _, url := range []string{filepath.Join(dir, name+".restored.db"), pgtest.Start(t)} {
				cfg := Config{URL: url, Row: care.RowOf, Keys: s.cfg.Keys}
				if err := Restore(t.Context(), file, cfg); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if err := Restore(t.Context(), file, cfg); err == nil {
					t.Error("restored into a database that was not empty")
				}
				back := opener(t, url, s)()
				verified(t, back)
				start(t, back, "new", named("Brown"))
				view(t, back, func(tx *Tx) error {
					m, err := tx.Message(1)
					_, err2 := tx.Session("s")
					if string(m.Raw) != "a\x00\xffb" || !IsNone(err2) {
						t.Errorf("message %q, session %v", m.Raw, err2)
					}
					return err
				})
				verified(t, back)
			}
		}
	})
}

func TestMigrateRefusesWhatItDoesNotKnow(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		if ran, err := s.Migrate(t.Context()); err != nil || len(ran) != 0 {
			t.Errorf("a second time: %v, %v", ran, err)
		}
		update(t, s, func(tx *Tx) error { return tx.exec(`UPDATE migrations SET sum = 'x' WHERE n = 1`) })
		if _, err := s.Migrate(t.Context()); err == nil {
			t.Error("a changed migration was accepted")
		}
		update(t, s, func(tx *Tx) error { return tx.exec(`UPDATE migrations SET n = 9000 WHERE n = 1`) })
		if _, err := s.Migrate(t.Context()); err == nil {
			t.Error("a newer version's database was accepted")
		}
	})
}

func TestMigrationsTakeTwinsOnPostgreSQLOnly(t *testing.T) {
	files := fstest.MapFS{"migrations/0001_a.sql": {Data: []byte("1")}, "migrations/0002_b.sql": {Data: []byte("2")},
		"migrations/0002_b.postgres.sql": {Data: []byte("2p")}}
	for engine, want := range map[string]string{"sqlite": "12", "postgres": "12p"} {
		ms, err := migrations(files, engine)
		got := ""
		for _, m := range ms {
			got += m.text
		}
		if err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", engine, got, err, want)
		}
	}
	real, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	twins := 0
	for _, f := range real {
		if len(f.Name()) > 13 && f.Name()[len(f.Name())-13:] == ".postgres.sql" {
			twins++
		}
	}
	if twins > 3 {
		t.Errorf("%d twins, and 3 are allowed", twins)
	}
}

func TestHeldIsToldOfSlowFunctions(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		told := make(chan time.Duration, 1)
		s := open(func(c *Config) { c.HoldLimit = 20 * time.Millisecond; c.Held = func(d time.Duration) { told <- d } })
		update(t, s, func(*Tx) error { time.Sleep(30 * time.Millisecond); return nil })
		if d := <-told; d < 30*time.Millisecond || s.Stats().LongestHold < d {
			t.Errorf("told of %v, longest %v", d, s.Stats().LongestHold)
		}
	})
}

func TestClosedStoreSaysSo(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := s.Keep(context.Background(), in("f", "1", "a"))
		if !errors.Is(err, ErrClosed) || !errors.Is(s.Ping(context.Background()), ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestABatchOfMessagesCostsFewRoundTrips(t *testing.T) {
	s := opener(t, pgtest.Start(t))()
	var ins []In
	for i := range 64 {
		start(t, s, care.CaseID(fmt.Sprint("c", i)), care.Identified{At: day, NHS: nhs.Test(20 * i)}, inBed("W1", day))
		ins = append(ins, in("f", fmt.Sprint(i), "x"))
	}
	trips := func(f func()) int {
		t.Helper()
		before := s.writer.(*pgConn).trips
		f()
		return s.writer.(*pgConn).trips - before
	}
	n := trips(func() {
		if _, err := s.Keep(t.Context(), ins...); err != nil {
			t.Fatal(err)
		}
	})
	if n > 3 {
		t.Errorf("keeping 64 messages took %d round trips, want at most 3", n)
	}
	n = trips(func() { update(t, s, readAll) })
	if n > 5 {
		t.Errorf("reading 64 messages took %d round trips, want at most 5", n)
	}
	verified(t, s)
}

// readAll does with the pending messages what a hub does.
func readAll(tx *Tx) error {
	ms, err := tx.Pending("f", 64)
	if err != nil {
		return err
	}
	var ns []nhs.Number
	for i := range ms {
		ns = append(ns, nhs.Test(20*i))
	}
	if err := tx.Prefetch(ns, nil); err != nil {
		return err
	}
	for i, m := range ms {
		ids, err := tx.FindNHS(ns[i])
		if err != nil {
			return err
		}
		c, err := tx.Case(ids[0])
		if err != nil {
			return err
		}
		if _, err := tx.Record(c, care.Cause{Kind: "message"}, day, care.Moved{At: day, To: care.Location{Ward: "W2"}}); err != nil {
			return err
		}
		err = errors.Join(tx.Settle(m, MessageDone, "", c.ID), tx.Audit(AuditRecord{At: day, Actor: "f", Action: "message", Case: c.ID}), tx.Enqueue("l", "k", fmt.Sprint(m.ID), ""))
		if err != nil {
			return err
		}
	}
	return nil
}
