package api

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"homeward/nhs"
)

// BenchmarkConditionalPUT is an update of an Encounter over HTTP by 16 clients, on
// SQLite: each tells of another predicted date. It reports updates a second, and the
// 99th percentile in milliseconds.
func BenchmarkConditionalPUT(b *testing.B) {
	s := newFaceSite(b, "sqlite")
	const clients, people = 16, 500
	example := shdExample(b, "refer-patient", "json", "")
	number := 1
	for i := range people {
		n := nhs.Test(60_000 + number)
		for number++; n.IsZero(); number++ {
			n = nhs.Test(60_000 + number)
		}
		body := strings.NewReplacer("9990041016", n.Digits(), edithVisit, fmt.Sprint("visit-", i), "K4100001", fmt.Sprint("K", i), "REF-2026-0417", fmt.Sprint("R", i)).Replace(example)
		if a := s.call("POST", shd+"/ReferralRequest", body); a.status != 201 {
			b.Fatalf("%d %s", a.status, a.raw)
		}
	}
	update := shdExample(b, "location", "json", "")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var next atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	b.ResetTimer()
	began := time.Now()
	for range clients {
		wg.Go(func() {
			var mine []time.Duration
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				visit := fmt.Sprint("visit-", i%people)
				body := strings.NewReplacer(edithVisit, visit, `"2026-11-26"`, fmt.Sprintf(`"2027-01-%02d"`, 1+i%28), "2026-11-24T13:00:00Z", time.Date(2026, 11, 24, 13, 0, 0, int(i)*1000, time.UTC).Format(time.RFC3339Nano)).Replace(update)
				r, err := http.NewRequest("PUT", s.at+shd+"/Encounter?identifier="+visit, strings.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer "+s.tokens["kmh-epr"])
				r.Header.Set("Content-Type", "application/fhir+json")
				at := time.Now()
				res, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body) // empty
				res.Body.Close()
				mine = append(mine, time.Since(at))
				if res.StatusCode != 200 {
					b.Error(res.StatusCode)
				}
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "updates/s")
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
