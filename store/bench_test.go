package store

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/nhs"
)

func bench(b *testing.B, f func(b *testing.B, s *Store)) {
	for _, engine := range []string{"sqlite", "sqlite sealed", "postgres", "postgres sealed"} {
		b.Run(engine, func(b *testing.B) {
			cfg := Config{URL: filepath.Join(b.TempDir(), "bench.db"), Row: care.RowOf}
			if strings.HasPrefix(engine, "postgres") {
				cfg.URL = pgtest.Start(b)
			}
			if strings.HasSuffix(engine, "sealed") {
				sealing(&cfg)
			}
			s, err := Open(b.Context(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if _, err := s.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			f(b, s)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per-s")
		})
	}
}

// callers runs f b.N times from n goroutines.
func callers(b *testing.B, n int, f func(i int64) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range n {
		wg.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				if err := f(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}

// BenchmarkKeep keeps 1 KB messages from 32 callers, each waiting for its own.
func BenchmarkKeep(b *testing.B) {
	body := bytes.Repeat([]byte("PID|1||"), 143)
	for _, n := range []int{1, 8, 32} {
		b.Run(fmt.Sprint("callers=", n), func(b *testing.B) {
			bench(b, func(b *testing.B, s *Store) {
				callers(b, n, func(i int64) error {
					raw := append(fmt.Appendf(nil, "MSH|^~\\&|%d", i), body...)
					_, err := s.Keep(b.Context(), In{Feed: "f", Control: fmt.Sprint(i), Type: "ADT^A01", Raw: raw, Received: day, Readable: true})
					return err
				})
			})
		})
	}
}

// BenchmarkRead is a hub reading a feed: 64 messages an Update, each a new event
// of one of 2,000 cases, found by number.
func BenchmarkRead(b *testing.B) {
	bench(b, func(b *testing.B, s *Store) {
		cases := make([]care.CaseID, 2000)
		update(b, s, func(tx *Tx) error {
			for i := range cases {
				cases[i] = care.CaseID(fmt.Sprint("c", i))
				_, err := tx.Record(care.Case{}, care.Cause{Kind: "system"}, day, care.Started{At: day, ID: cases[i]},
					care.Identified{At: day, NHS: nhs.Test(i * 20)}, named("Adams"), inBed("W1", day))
				if err != nil {
					return err
				}
			}
			return nil
		})
		b.ResetTimer()
		for i := 0; i < b.N; i += 64 {
			update(b, s, func(tx *Tx) error {
				var ns []nhs.Number
				for j := range 64 {
					ns = append(ns, nhs.Test((i*7+j)%len(cases)*20))
				}
				if err := tx.Prefetch(ns, nil); err != nil {
					return err
				}
				for j, n := range ns {
					ids, err := tx.FindNHS(n)
					if err != nil {
						return err
					}
					c, err := tx.Case(ids[0])
					if err != nil {
						return err
					}
					if _, err := tx.Record(c, care.Cause{Kind: "message"}, day, care.MoveUndone{At: day, To: care.Location{Ward: fmt.Sprint("W", j)}}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		b.StopTimer()
	})
}

// BenchmarkRecord records one event of one case an Update, from 8 callers.
func BenchmarkRecord(b *testing.B) {
	bench(b, func(b *testing.B, s *Store) {
		for i := range 100 {
			start(b, s, care.CaseID(fmt.Sprint("c", i)), named("Adams"), inBed("W1", day))
		}
		callers(b, 8, func(i int64) error {
			return s.Update(b.Context(), func(tx *Tx) error {
				c, err := tx.Case(care.CaseID(fmt.Sprint("c", i%100)))
				if err != nil {
					return err
				}
				_, err = tx.Record(c, care.Cause{Kind: "message"}, day, care.MoveUndone{At: day, To: care.Location{Ward: "W2"}})
				return err
			})
		})
	})
}

// BenchmarkAudit appends audit records, one an Update, from 32 callers.
func BenchmarkAudit(b *testing.B) {
	bench(b, func(b *testing.B, s *Store) {
		callers(b, 32, func(i int64) error {
			return s.Update(b.Context(), func(tx *Tx) error {
				return tx.Audit(AuditRecord{At: day, Actor: "u", Action: "look", Case: "c", Allowed: true, Policies: []string{"NIPS-1"}})
			})
		})
	})
}
