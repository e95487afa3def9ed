package hub

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/policy"
	"homeward/translate"
)

// BenchmarkShow is 16 readers of one Patient each, decided and audited.
func BenchmarkShow(b *testing.B) {
	for _, engine := range pgtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			s := newSite(b, engine, eprs)
			var ids []care.CaseID
			for n := range 200 {
				ids = append(ids, s.admit(nobody(n)))
			}
			by := s.machineOf(kings)
			callers(b, 16, func(i int) {
				if _, err := s.Show(s.ctx(), by, ids[i%len(ids)], ShowRequest{Action: "read Patient", Purpose: policy.DirectCare}); err != nil {
					b.Error(err)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkTake is 16 systems that each say where a patient is by now.
func BenchmarkTake(b *testing.B) {
	for _, engine := range pgtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			s := newSite(b, engine, eprs)
			for n := range 200 {
				s.admit(nobody(n))
			}
			by := s.machineOf(kings)
			callers(b, 16, func(i int) {
				visit := "V" + nobody(i%200).mrn
				r := translate.Request{Visit: &care.Identifier{Value: visit}, Observations: []care.Observation{
					{At: morning.Add(time.Duration(i) * time.Millisecond), Visit: visit, Seen: &care.Seen{Where: care.Tell(care.Location{Ward: fmt.Sprint("W", i)})}}}}
				if _, err := s.Take(s.ctx(), by, inbound(fmt.Sprint(i), fmt.Sprint(`{"resourceType":"Encounter"}`, i)), r); err != nil {
					b.Error(err)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkShowSome is one page of 50 resources of 50 people, decided and audited.
func BenchmarkShowSome(b *testing.B) {
	s := newSite(b, "sqlite", eprs)
	for n := range 500 {
		s.admit(nobody(n))
	}
	by := s.machineOf(kings)
	var mu sync.Mutex
	var took []time.Duration
	callers(b, 1, func(int) {
		began := time.Now()
		p, err := s.ShowSome(s.ctx(), by, Find{Types: []string{"Encounter"}, Limit: 50}, ShowRequest{Action: "search Encounter"})
		if err != nil || len(p.IDs) != 50 {
			b.Error(len(p.IDs), err)
		}
		mu.Lock()
		took = append(took, time.Since(began))
		mu.Unlock()
	})
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}
