package faults

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/internal/pgtest"
)

// The database goes away and comes back: senders are told AE, readers are told
// whom to ring, and all goes on without a restart.
func TestDatabaseGone(t *testing.T) {
	away := 3 * time.Second
	if os.Getenv("HOMEWARD_LONG") == "1" {
		away = 30 * time.Second
	}
	pg := pgtest.Private(t)
	database := pg.Fresh(t)
	s, said := newSite(t, database), newLedger()
	s.start()
	all := senders(s.mllp, 4, said)
	for _, one := range all {
		one.pace = 2 * time.Millisecond
	}
	stop := drive(all)
	defer func() { stop() }()
	s.eventually("messages are accepted", func() bool { n, _ := said.counts(); return n > 100 })
	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(away)
	s.eventually("senders are answered AE", func() bool { _, n := said.counts(); return n > 10 })
	for ; time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if status, text := s.page("/lookup"); status != http.StatusServiceUnavailable || !strings.Contains(text, "01632 960 300") {
			t.Fatalf("without a database a page answers %d, with phone numbers: %v", status, strings.Contains(text, "01632 960 300"))
		}
		if s.get("/readyz") != http.StatusServiceUnavailable || s.get("/healthz") != http.StatusOK {
			t.Fatal("without a database the process must be alive and not ready")
		}
	}
	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	before, _ := said.counts()
	s.eventually("messages are accepted again", func() bool { n, _ := said.counts(); return n > before+100 })
	s.eventually("the process is ready again", func() bool { return s.get("/readyz") == http.StatusOK })
	t.Logf("%v after the database came back all went on", time.Since(back).Round(time.Millisecond))
	for range 20 {
		if status, _ := s.page("/lookup"); status != http.StatusSeeOther {
			t.Fatalf("with the database back a page answers %d; want the way to the sign-in", status)
		}
	}
	stop()
	stop = func() {}
	s.read()
	s.verify()
	s.checkOnce(said)
	s.checkEffects(database)
}

// A database that is restarted in a moment breaks every connection that is open
// to it. One request may meet that; those after it must not, one by one.
func TestDatabaseRestarted(t *testing.T) {
	pg := pgtest.Private(t)
	s := newSite(t, pg.Fresh(t))
	s.start()
	var wg sync.WaitGroup
	for range 200 { // so that every connection for reading is open
		wg.Go(func() { s.get("/metrics") })
	}
	wg.Wait()
	if err := pg.Restart(); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 20 {
		if status, _ := s.page("/lookup"); status != http.StatusSeeOther {
			failed++
		}
	}
	if failed > 1 {
		t.Errorf("%d of 20 pages were refused after the restart; want the way to the sign-in", failed)
	}
	s.accept("AFTER")
}
