package faults

import (
	"database/sql"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"homeward/internal/pgtest"
)

func kills(t *testing.T) int {
	t.Helper()
	if testing.Short() {
		return 3
	}
	if n, err := strconv.Atoi(os.Getenv("HOMEWARD_KILLS")); err == nil {
		return n
	}
	return 12
}

// onBoth runs a test on either database.
func onBoth(t *testing.T, f func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, t.TempDir()) })
	t.Run("postgres", func(t *testing.T) { f(t, pgtest.Start(t)) })
}

// The process dies at any moment, and the senders send again what was not
// answered: each message is there once, and has its effect once.
func TestKilledAtRandomMoments(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		s, said := newSite(t, database), newLedger()
		all := senders(s.mllp, 8, said)
		stop := drive(all)
		for range kills(t) {
			s.start()
			time.Sleep(rand.N(150 * time.Millisecond))
			s.kill()
			s.verify()
		}
		stop()
		s.start()
		s.checkOnce(said)
		s.read()
		s.checkEffects(database)
		accepted, _ := said.counts()
		t.Logf("%d kills, %d messages acknowledged, all there once", kills(t), accepted)
		if accepted < kills(t) {
			t.Errorf("only %d messages were acknowledged: this tests nothing", accepted)
		}
	})
}

// checkOnce holds what senders were told against what is kept.
func (s *site) checkOnce(said *ledger) {
	s.t.Helper()
	kept, lost, twice := s.kept(), 0, 0
	for id := range said.accepted {
		if kept[id] == 0 {
			lost++
		}
	}
	for _, n := range kept {
		if n > 1 {
			twice++
		}
	}
	if lost > 0 || twice > 0 {
		s.t.Errorf("of %d acknowledged messages %d are lost, and %d are kept twice", len(said.accepted), lost, twice)
	}
}

// checkEffects looks into the database: each message is about another person,
// who must have been admitted once.
func (s *site) checkEffects(database string) {
	s.t.Helper()
	driver, dsn := "sqlite", "file:"+filepath.Join(database, "homeward.db")+"?mode=ro"
	if strings.HasPrefix(database, "postgres://") {
		driver, dsn = "pgx", database
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	count := func(q string) (n int) {
		if err := db.QueryRow(q).Scan(&n); err != nil {
			s.t.Fatalf("%s: %v", q, err)
		}
		return n
	}
	messages, done := count("SELECT count(*) FROM messages"), count("SELECT count(*) FROM messages WHERE state = 'done'")
	cases, admitted := count("SELECT count(*) FROM cases"), count("SELECT count(*) FROM history WHERE name = 'admitted'")
	if messages != done || messages != cases || messages != admitted {
		s.t.Errorf("%d messages, %d read, %d people, %d admissions; all four must be the same", messages, done, cases, admitted)
	}
}
