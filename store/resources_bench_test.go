package store

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/nhs"
)

// BenchmarkRecordIndexed is a ward move of somebody who was referred and is supported,
// without the index of resources and with it.
func BenchmarkRecordIndexed(b *testing.B) {
	none := func(care.Case) []care.Resource { return nil }
	for _, engine := range []string{"sqlite", "postgres"} {
		for name, list := range map[string]func(care.Case) []care.Resource{"without": none, "with": care.Resources} {
			b.Run(engine+" "+name, func(b *testing.B) {
				cfg := Config{URL: filepath.Join(b.TempDir(), "bench.db"), Row: care.RowOf, Resources: list}
				if engine == "postgres" {
					cfg.URL = pgtest.Start(b)
				}
				s, err := Open(b.Context(), cfg)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				if _, err := s.Migrate(b.Context()); err != nil {
					b.Fatal(err)
				}
				var ids []care.CaseID
				for n := range 200 {
					ids = append(ids, care.CaseID(fmt.Sprintf("case%d", n)))
					if err := s.Update(b.Context(), func(t *Tx) error { _, err := begun(t, ids[n], n); return err }); err != nil {
						b.Fatal(err)
					}
				}
				callers(b, 16, func(i int64) error {
					return s.Update(b.Context(), func(t *Tx) error {
						c, err := t.Case(ids[i%200])
						if err != nil {
							return err
						}
						to := care.Location{Ward: fmt.Sprint("W", i)}
						_, err = t.Record(c, care.Cause{Kind: "message"}, time.Unix(i, 0), care.Moved{At: time.Unix(i, 0), To: to})
						return err
					})
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per-s")
			})
		}
	}
}

func begun(t *Tx, id care.CaseID, n int) (care.Case, error) {
	at := time.Unix(1_800_000_000, 0)
	ref := care.Referral{ID: care.ReferralID(fmt.Sprint("R", n)), Key: fmt.Sprint("k", n), From: "RK5", To: "511", State: care.RefReceived, Sent: at,
		Answers: map[string][]string{"reason": {"Stairs"}}}
	hold := care.Holding{Council: "511", AsAt: at, Packages: []care.Package{{Ref: "1", Kind: "HS", Status: care.PackageActive}, {Ref: "2", Kind: "M", Status: care.PackageActive}}}
	return t.Record(care.Case{}, care.Cause{Kind: "message"}, at, care.Started{At: at, ID: id}, care.Identified{At: at, NHS: nhs.Test(n)},
		care.PersonTold{At: at, Person: care.Person{Family: "Quill", Given: "Edna", Kin: []care.Kin{{Name: "A Quill"}}}},
		care.Admitted{At: at, Stay: care.Stay{Visit: fmt.Sprint("V", n), Org: "RK5", Admitted: at, Class: "I"}},
		care.ReferralSent{At: at, Referral: ref}, care.HoldingTold{At: at, Holding: hold})
}

// BenchmarkFindResources is one page of 50 out of 1,000,000 resources of 100,000
// people, in the ways in which systems search.
func BenchmarkFindResources(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} { // made once for each: it takes a minute
		cfg := Config{URL: filepath.Join(b.TempDir(), "bench.db"), Row: care.RowOf}
		if engine == "postgres" {
			cfg.URL = pgtest.Start(b)
		}
		s, err := Open(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Migrate(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := million(b.Context(), s); err != nil {
			b.Fatal(err)
		}
		late := time.UnixMicro(999_000)
		for name, f := range map[string]ResourceFilter{
			"a type":               {Party: "RK5", Types: []string{"Encounter"}},
			"a rare state":         {Party: "RK5", Types: []string{"Task"}, Status: []string{"requested"}},
			"a rare state, few":    {Party: "599", Types: []string{"Task"}, Status: []string{"requested"}},
			"a common state, few":  {Party: "599", Types: []string{"Flag"}, Status: []string{"completed"}},
			"changed lately":       {Party: "511", Since: late},
			"changed long ago":     {Party: "511", Types: []string{"Task"}, Since: time.UnixMicro(1)},
			"changed in the half":  {Party: "511", Types: []string{"Task"}, Since: time.UnixMicro(500_000)},
			"changed in a percent": {Party: "511", Types: []string{"Task"}, Since: time.UnixMicro(990_000)},
			"with another's part":  {Party: "RK5", Other: "599", Types: []string{"Patient"}},
			"a page in the middle": {Party: "RK5", Types: []string{"Patient"}, After: [3]string{"case050000", "Patient", "x"}},
		} {
			f.Limit = 51
			b.Run(engine+"/"+name, func(b *testing.B) {
				var took []time.Duration
				for b.Loop() {
					began := time.Now()
					if err := s.View(b.Context(), func(t *Tx) error {
						rs, err := t.FindResources(f)
						if err == nil && len(rs) == 0 {
							b.Error("nothing was found")
						}
						return err
					}); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(began))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			})
		}
	}
}

// million fills the index: a hospital has a part in everybody, one council in half,
// another in one of a thousand.
func million(ctx context.Context, s *Store) error {
	types := []string{"Patient", "Encounter", "Encounter", "ServiceRequest", "Task", "CarePlan", "EpisodeOfCare", "Communication", "Flag", "RelatedPerson"}
	for n := 0; n < 100_000; n += 500 {
		err := s.Update(ctx, func(t *Tx) error {
			var rows, parties [][]any
			for i := n; i < n+500; i++ {
				id := fmt.Sprintf("case%06d", i)
				for k, typ := range types {
					status := "completed"
					if typ == "Task" && i%1000 == 0 {
						status = "requested"
					}
					rows = append(rows, []any{id, typ, fmt.Sprintf("%s.%d", id, k), "", status, int64((i*7919)%100_000*10 + k)})
				}
				parties = append(parties, []any{"RK5", id})
				if i%2 == 0 {
					parties = append(parties, []any{"511", id})
				}
				if i%1000 == 0 {
					parties = append(parties, []any{"599", id})
				}
			}
			if err := t.insert(`INSERT INTO resources (case_id, type, id, part, status, updated)`, rows, ""); err != nil {
				return err
			}
			return t.insert(`INSERT INTO parties (org, case_id)`, parties, "")
		})
		if err != nil {
			return err
		}
	}
	// A database that runs for an hour has counted its tables by itself.
	return s.Update(ctx, func(t *Tx) error { return t.exec(`ANALYZE`) })
}
