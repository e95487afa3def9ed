package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/pgtest"
)

// TestMain runs the writer that a test kills, when asked to.
func TestMain(m *testing.M) {
	if url := os.Getenv("STORE_TEST_VICTIM"); url != "" {
		victim(url)
		return
	}
	os.Exit(m.Run())
}

// victim writes from many goroutines and says what was acknowledged.
func victim(url string) {
	s, err := Open(context.Background(), Config{URL: url, Row: care.RowOf})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	run := os.Getenv("STORE_TEST_RUN")
	var mu sync.Mutex
	for g := range 16 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", run, g, i)
				_, err := s.Keep(context.Background(), in("f", id, id))
				if err == nil && i%3 == 0 {
					err = s.Update(context.Background(), func(tx *Tx) error {
						_, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, day, care.Started{At: day, ID: care.CaseID(id)})
						return errors.Join(err, tx.Audit(AuditRecord{At: day, Actor: "a", Action: "x"}), tx.Enqueue(fmt.Sprint("l", g), "k", id, ""))
					})
				}
				mu.Lock()
				if err != nil {
					fmt.Println("error", err)
				} else {
					fmt.Println("kept", id)
				}
				mu.Unlock()
			}
		}()
	}
	select {}
}

// TestKilledProcessLosesNothingAcknowledged kills a writing process again and
// again. HL7 acknowledgements depend on it.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := filepath.Join(t.TempDir(), "test.db")
			if engine == "postgres" {
				url = pgtest.Start(t)
			}
			s := opener(t, url)()
			kept := map[string]bool{}
			for run := range 3 {
				killVictim(t, url, run, 300+200*run, kept)
			}
			has := map[string]bool{}
			if err := s.MessageControls(t.Context(), func(c string) error { has[c] = true; return nil }); err != nil {
				t.Fatal(err)
			}
			for id := range kept {
				if !has[id] {
					t.Errorf("%s was acknowledged and is not there", id)
				}
			}
			verified(t, s)
			if _, err := s.Keep(t.Context(), in("f", "after", "x")); err != nil {
				t.Error(err)
			}
		})
	}
}

func killVictim(t *testing.T, url string, run, lines int, kept map[string]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_VICTIM="+url, fmt.Sprint("STORE_TEST_RUN=", run))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer watchdog.Stop()
	sc := bufio.NewScanner(out)
	for n := 0; sc.Scan(); n++ {
		if n == lines {
			cmd.Process.Kill()
		}
		word, rest, _ := strings.Cut(sc.Text(), " ")
		if word == "kept" {
			kept[rest] = true
		} else if n < lines {
			t.Errorf("the victim says %s", sc.Text())
		}
	}
	cmd.Wait()
	if len(kept) < lines {
		t.Errorf("%d acknowledged before the kill, want %d", len(kept), lines)
	}
}

func TestDatabaseGoneAndBack(t *testing.T) {
	srv := pgtest.Private(t)
	s := opener(t, srv.Fresh(t))(func(c *Config) { c.Timeout = 3 * time.Second })
	update(t, s, put("a", "1"))
	view(t, s, func(tx *Tx) error { _, err := tx.Setting("a"); return err })
	if err := srv.Kill(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := s.Update(t.Context(), put("a", "2")); !errors.Is(err, ErrUnavailable) {
			t.Errorf("update %d while gone: %v", i, err)
		}
		if _, err := s.Keep(t.Context(), in("f", "1", "a")); !errors.Is(err, ErrUnavailable) {
			t.Errorf("keep %d while gone: %v", i, err)
		}
		if err := s.Ping(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("ping %d while gone: %v", i, err)
		}
	}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	update(t, s, put("a", "3"))
	if got := setting(t, s, "a"); got != "3" {
		t.Errorf("after it came back: %s", got)
	}
	if k, err := s.Keep(t.Context(), in("f", "1", "a")); err != nil || k[0].Again {
		t.Errorf("kept %v, %v", k, err)
	}
	verified(t, s)
}

// TestConnectionsCutInABatch ends all of the server's connections again and
// again while work goes on; what is acknowledged is there.
func TestConnectionsCutInABatch(t *testing.T) {
	url := pgtest.Start(t)
	s := opener(t, url)()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var mu sync.Mutex
	var kept []string
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprint(g, "-", i)
				_, err := s.Keep(t.Context(), in("f", id, id))
				if err != nil && !errors.Is(err, ErrUnavailable) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					kept = append(kept, id)
					mu.Unlock()
				}
			}
		})
	}
	for ctx.Err() == nil {
		pause(ctx, 150*time.Millisecond)
		_ = s.View(t.Context(), func(tx *Tx) error {
			return tx.query(`SELECT pg_terminate_backend(pid)::int FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
				nil, func([]any) error { return nil })
		})
	}
	wg.Wait()
	has := map[string]bool{}
	if err := s.MessageControls(t.Context(), func(c string) error { has[c] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, id := range kept {
		if !has[id] {
			t.Errorf("%s was acknowledged and is not there", id)
		}
	}
	if len(kept) == 0 {
		t.Error("nothing was kept")
	}
	verified(t, s)
}

func TestFullDiskIsSaidAndSurvived(t *testing.T) {
	s := opener(t, filepath.Join(t.TempDir(), "test.db"))()
	pages := int64(0)
	limit := func(sql string) {
		t.Helper()
		update(t, s, func(tx *Tx) error {
			return tx.query(sql, nil, func(row []any) error { return scan(row, &pages) })
		})
	}
	limit(`PRAGMA page_count`)
	limit(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+50))
	full, kept := 0, 0
	for i := range 300 {
		_, err := s.Keep(t.Context(), in("f", fmt.Sprint(i), strings.Repeat("x", 1000)))
		switch {
		case err == nil:
			kept++
		case errors.Is(err, ErrUnavailable):
			full++
			// The writer's connection is opened anew after a failure.
			limit(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+50))
		default:
			t.Fatal(err)
		}
		pages = max(pages, 1)
		if full == 5 {
			break
		}
	}
	if full == 0 || kept == 0 {
		t.Fatalf("%d kept, %d refused", kept, full)
	}
	verified(t, s)
	limit(`PRAGMA max_page_count = 1000000`)
	if _, err := s.Keep(t.Context(), in("f", "after", strings.Repeat("x", 100000))); err != nil {
		t.Errorf("after there was room again: %v", err)
	}
	verified(t, s)
}

// TestFullFileSystem does the same on a real small file system, where this
// machine lets us mount one.
func TestFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir).CombinedOutput(); err != nil {
		if os.Getenv("HOMEWARD_CI") == "1" {
			t.Fatalf("no small file system can be mounted here: %s", out)
		}
		t.Skipf("no small file system can be mounted here: %s", out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	s := opener(t, filepath.Join(dir, "test.db"))()
	acked, refused := 0, 0
	for i := range 4000 {
		_, err := s.Keep(t.Context(), in("f", fmt.Sprint(i), strings.Repeat("y", 1000)))
		if err == nil {
			acked++
		} else if refused++; !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
		if refused == 20 {
			break
		}
	}
	if refused == 0 || acked == 0 {
		t.Fatalf("%d kept, %d refused", acked, refused)
	}
	if out, err := exec.Command("mount", "-o", "remount,size=64m", dir).CombinedOutput(); err != nil {
		t.Fatalf("making room: %s", out)
	}
	n := 0
	if err := s.MessageControls(t.Context(), func(string) error { n++; return nil }); err != nil || n < acked {
		t.Errorf("%d are there of %d acknowledged: %v", n, acked, err)
	}
	if _, err := s.Keep(t.Context(), in("f", "after", "x")); err != nil {
		t.Errorf("after there was room again: %v", err)
	}
	verified(t, s)
}
