package hub

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/store"
)

// onDisk is what somebody reads who has the disk or the database and no key:
// the files of SQLite with what waits beside them, and every column of every
// table of PostgreSQL.
func (s *site) onDisk() []byte {
	s.Helper()
	if !strings.HasPrefix(s.url, "postgres") {
		var all []byte
		for _, f := range []string{s.url, s.url + "-wal"} {
			b, err := os.ReadFile(f)
			s.must(err)
			all = append(all, b...)
		}
		return all
	}
	db, err := pgx.Connect(s.ctx(), s.url)
	s.must(err)
	defer db.Close(context.WithoutCancel(s.ctx()))
	rows, err := db.Query(s.ctx(), `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`)
	s.must(err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	s.must(err)
	var all bytes.Buffer
	for _, table := range tables {
		rows, err := db.Query(s.ctx(), fmt.Sprintf(`SELECT t::text FROM %s t`, pgx.Identifier{table}.Sanitize()))
		s.must(err)
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		s.must(err)
		all.WriteString(strings.Join(texts, "\n"))
	}
	return all.Bytes()
}

// tells lists the words that are there to read, as text or as hexadecimal.
func tells(all []byte, words []string) (found []string) {
	low := bytes.ToLower(all)
	for _, w := range words {
		w := strings.ToLower(w)
		if bytes.Contains(low, []byte(w)) || bytes.Contains(low, []byte(hex.EncodeToString([]byte(w)))) {
			found = append(found, w)
		}
	}
	return found
}

// livedThrough takes a person through what Homeward does, and lists what
// nobody may read from the disk: words so long that sealed bytes do not spell
// them by chance.
func (s *site) livedThrough() []string {
	s.Helper()
	p, q := nobody(1), nobody(2)
	p.given, q.given = "Ednamarietta", "Ednamarietta"
	s.imported(notts, "full", held{id: "5110010001", p: p, packages: []string{pack("P1", "HS", "active")}, concern: "yes"}, held{id: "5110010002", p: q})
	id := s.admit(p)
	s.admit(q)
	coordinator, worker := as(care.Coordinator, kings), as(care.SocialWorker, notts)
	s.refer(coordinator, id)
	s.must(s.AddNote(s.ctx(), coordinator, id, "", care.AudienceBoth, "Xanthippe the cat must be fed"))
	_, err := s.Case(s.ctx(), worker, id)
	s.must(err)
	seen := s.look4(as(care.AENurse, kings), asks(p))
	s.look4(as(care.AENurse, other), asks(nobody(9)))
	far := as(care.WardNurse, other)
	s.breakIt(far, s.look4(far, asks(p)).Handle)
	s.hear("kmh", says{event: "A02", p: p, ward: "W31/2", visit: "V" + p.mrn}, says{event: "A99", p: q})
	if seen.Outcome != LookFound {
		s.Fatalf("looked up: %v", seen.Outcome)
	}
	return []string{p.family, q.family, p.nhs.Digits(), q.nhs.Digits(), p.mrn, "ZZ993AA", "Ednamarietta", "Mill Lane", "1938-04-02", "19380402",
		"Xanthippe", "washing", emergency, "5110010001", "4 calls a day", coordinator.Name}
}

func TestNothingOfAPersonIsOnTheDisk(t *testing.T) {
	onBoth(t, func(t *testing.T, s *site) {
		words := s.livedThrough()
		if found := tells(s.onDisk(), words); len(found) > 0 {
			t.Errorf("to be read without the key: %q", found)
		}
		s.must(s.Store.Verify(s.ctx(), func(text string) { t.Error(text) }))
	})
}

// Without encryption each of the words is there: so the test above can fail.
func TestWithoutEncryptionTheyAre(t *testing.T) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			s := newSite(t, engine, func(_ *Config, c *store.Config) { c.Keys = nil })
			words := s.livedThrough()
			found := tells(s.onDisk(), words)
			missing := slices.DeleteFunc(words, func(w string) bool { return slices.Contains(found, strings.ToLower(w)) })
			if len(missing) > 0 {
				t.Errorf("not there to be found: %q", missing)
			}
		})
	}
}
