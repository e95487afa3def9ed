package store

import (
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"homeward/care"
	"homeward/proof"
)

// BenchmarkAuditAppend appends audit records as they are in use, 64 an Update,
// from 8 callers: the batches of screens that are read at once.
func BenchmarkAuditAppend(b *testing.B) {
	bench(b, func(b *testing.B, s *Store) {
		const batch = 64
		r := AuditRecord{At: day, Actor: "uabcdefghij", Name: "P Coordinator", Role: care.Coordinator, Org: "RK5", Action: "openCase",
			Case: "abcdefghijklmnopqrstuvwxyz", Purpose: "discharge-planning", Relationship: "stay", Allowed: true, Policies: []string{"hospital-whereabouts", "agreement"},
			Rules: "0123456789ab", Sections: []string{"seeDemographics", "seeWhereabouts", "seeReferral"}, Outcome: "opened", Address: "192.0.2.1", Request: "abcdefghijkl"}
		rs := make([]AuditRecord, batch)
		for i := range rs {
			rs[i] = r
		}
		callers(b, 8, func(int64) error { return s.Update(b.Context(), func(tx *Tx) error { return tx.Audit(rs...) }) })
		b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "records/s")
	})
}

// BenchmarkAuditProof proves that records are in a log of HOMEWARD_BENCH_AUDIT
// records (10,000 when it is not set), that the log only grew, and appends with
// a cold edge. The log is made of hashes alone, as fast as the database takes them.
func BenchmarkAuditProof(b *testing.B) {
	size := int64(10_000)
	if n, err := strconv.ParseInt(os.Getenv("HOMEWARD_BENCH_AUDIT"), 10, 64); err == nil {
		size = n
	}
	path := b.TempDir() + "/bench.db"
	s, err := Open(b.Context(), Config{URL: path, Row: care.RowOf, HoldLimit: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	fillAudit(b, s, size)
	b.Logf("%d records made in %v", size, time.Since(began).Round(time.Second))
	b.Run("inclusion", func(b *testing.B) {
		for i := int64(0); b.Loop(); i++ {
			n := (i*7_368_787 + 12_345) % size // all over the log
			view(b, s, func(tx *Tx) error {
				p, err := tx.ProveAudit(n)
				if err != nil {
					return err
				}
				return p.Check()
			})
		}
	})
	b.Run("growth", func(b *testing.B) {
		for i := int64(0); b.Loop(); i++ {
			old := (i*7_368_787+12_345)%size + 1
			view(b, s, func(tx *Tx) error {
				was, err := tx.AuditTreeAt(old)
				if err != nil {
					return err
				}
				now, p, err := tx.ProveAuditGrowth(old)
				if err != nil {
					return err
				}
				return proof.CheckGrowth(p, now, was)
			})
		}
	})
	b.Run("root", func(b *testing.B) {
		for b.Loop() {
			view(b, s, func(tx *Tx) error { _, err := tx.AuditTree(); return err })
		}
	})
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			update(b, s, func(tx *Tx) error {
				tx.s.edge.Size = -1
				return tx.Audit(AuditRecord{At: day, Actor: "a", Action: "look"})
			})
		}
	})
}

// fillAudit makes a log of records that were all erased: their hashes are there,
// and what they said is not.
func fillAudit(b *testing.B, s *Store, size int64) {
	var e proof.Edge
	for e.Size < size {
		rows := make([][]any, 0, 10_000)
		for range min(int64(cap(rows)), size-e.Size) {
			n := e.Size
			leaf := tlog.RecordHash(strconv.AppendInt(nil, n, 10))
			var hashes []byte
			for _, h := range e.Add(leaf) {
				hashes = append(hashes, h[:]...)
			}
			rows = append(rows, []any{n, day, "u" + strconv.FormatInt(n%5000, 10), "RK5", "", "openCase", true, nil, nil, hashes})
		}
		update(b, s, func(tx *Tx) error {
			tx.b.tally.audit = e.Size
			tx.s.edge = e
			return tx.insert(`INSERT INTO audit (n, at, actor, org, case_id, action, allowed, salt, doc, hashes)`, rows, "")
		})
	}
}
