package hub

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"homeward/care"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/store"
)

func onEach(b *testing.B, f func(b *testing.B, s *site)) {
	for _, engine := range pgtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			s := newSite(b, engine)
			f(b, s)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per-s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// callers runs f b.N times from n goroutines.
func callers(b *testing.B, n int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range n {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				f(int(i))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}

// traffic is the n-th message of a busy feed: of ten about somebody, one admits,
// two move, six update (some with a readiness, a date, or nothing new) and one
// discharges. People overlap, as they do on wards.
func (s *site) traffic(n int) []byte {
	const ward = 40 // people whose messages are mixed
	block, at := n/(10*ward), n%(10*ward)
	who, step := block*ward+at%ward, at/ward
	p := person(who)
	m := says{p: p, visit: "V" + p.mrn, at: morning.Add(time.Duration(n) * time.Millisecond * 20), control: fmt.Sprintf("T%d", n), ward: fmt.Sprintf("W%d/%d", who%30, who%28)}
	switch step {
	case 0:
		m.event = "A01"
	case 2, 6:
		m.event, m.ward = "A02", fmt.Sprintf("W%d/%d", (who+step)%30, step)
	case 9:
		m.event, m.more = "A03", map[string]string{"PV1-36": "19"}
	default:
		m.event, m.ward = "A08", ""
		switch step {
		case 3:
			m.more = map[string]string{"PV2-9": "20261130", "ZU1-22": "N"}
		case 5:
			m.more = map[string]string{"PV2-9": "20261201"}
		case 7:
			m.more = map[string]string{"ZU1-22": "Y", "ZU1-24": "20261124"}
		}
	}
	return s.bytes(kings, m)
}

// person is one of a million and more; the number is made without searching.
func person(n int) somebody {
	p := nobody(n % 20000)
	p.nhs, p.mrn = number(n), fmt.Sprintf("M%07d", n)
	p.family += fmt.Sprint(n / 20000)
	return p
}

// number is the n-th number of a test's own range whose check digit exists.
func number(n int) nhs.Number {
	for i := 400_000_000 + n*2; ; i++ {
		sum := 0
		for k, d := range fmt.Sprintf("%09d", i) {
			sum += int(d-'0') * (10 - k)
		}
		if c := (11 - sum%11) % 11; c != 10 {
			v, err := nhs.ParseNumber(fmt.Sprintf("%09d%d", i, c))
			if err != nil {
				panic(err)
			}
			return v
		}
	}
}

// BenchmarkReceive keeps messages from 32 callers, each waiting for its answer.
func BenchmarkReceive(b *testing.B) {
	onEach(b, func(b *testing.B, s *site) {
		raw := make([][]byte, b.N)
		for i := range raw {
			raw[i] = s.traffic(i)
		}
		callers(b, 32, func(i int) { s.Receive(s.ctx(), "kmh", "bench", raw[i-1]) })
	})
}

// BenchmarkRead works messages that were kept: translate, decide, record.
func BenchmarkRead(b *testing.B) {
	onEach(b, func(b *testing.B, s *site) {
		var in []store.In
		for i := range b.N {
			in = append(in, store.In{Feed: "kmh", Control: fmt.Sprint(i), Type: "ADT", Raw: s.traffic(i), Received: morning, Readable: true})
		}
		for batch := range slices.Chunk(in, 500) {
			if _, err := s.Store.Keep(s.ctx(), batch...); err != nil {
				b.Fatal(err)
			}
		}
		b.ResetTimer()
		for done := 0; done < b.N; {
			n, err := s.Read(s.ctx(), "kmh")
			if err != nil {
				b.Fatal(err)
			}
			done += n
		}
		b.StopTimer()
		f, err := s.Health(s.ctx())
		s.must(err)
		if f[0].Held > 0 || f[0].Waiting > 0 {
			b.Errorf("%d held, %d wait", f[0].Held, f[0].Waiting)
		}
		b.ReportMetric(float64(s.seq())/float64(b.N), "events/op")
		b.ReportMetric(float64(s.Store.Stats().LongestHold.Milliseconds()), "ms-longest")
	})
}

// peopled fills a store with people whom a council supports.
func (s *site) peopled(n int) {
	const at = 200
	for from := 0; from < n; from += at {
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			for i := from; i < min(from+at, n); i++ {
				p := person(i)
				_, err := tx.Record(care.Case{}, care.Cause{Kind: "import"}, morning,
					care.Started{At: morning, ID: care.CaseID(fmt.Sprintf("case-%08d", i))},
					care.Identified{At: morning, NHS: p.nhs, Trace: "01", IDs: []care.Identifier{{System: "council:511", Value: fmt.Sprint(i)}}},
					care.PersonTold{At: morning, Person: care.Person{Family: p.family, Given: p.given, Born: p.birth(), Sex: "Female", AsAt: morning,
						Address: care.Address{Lines: []string{"4 Mill Lane", "Testington"}, Postcode: p.post}}},
					care.HoldingTold{At: morning, Holding: care.Holding{Council: notts, AsAt: morning, Team: "T1", Worker: "Sam Okafor",
						Safeguarding: care.Safeguarding{Answer: care.AnswerNo}, Packages: []care.Package{
							{Ref: fmt.Sprint("P", i), Kind: "HS", Status: care.PackageActive, Provider: "V1"},
							{Ref: fmt.Sprint("Q", i), Kind: "R", Status: care.PackageFinished, Provider: "V1"}}}})
				if err != nil {
					return err
				}
			}
			return nil
		}))
	}
	s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
		if err := tx.PutProviders(care.Provider{Council: notts, ID: "V1", Name: "Linden Home Care", Phone: "01632 960201", OutOfHours: "01632 960202"}); err != nil {
			return err
		}
		if err := tx.PutTeams(care.Team{Council: notts, ID: "T1", Name: "North", Phone: "01632 960301"}); err != nil {
			return err
		}
		if err := tx.PutCouncilState(store.CouncilState{Council: city, AsAt: morning}); err != nil {
			return err
		}
		return tx.PutCouncilState(store.CouncilState{Council: notts, AsAt: morning})
	}))
}

// BenchmarkLook looks people up among 100,000, by one caller and by 32; with
// HOMEWARD_BENCH_FULL=1 also among a million.
func BenchmarkLook(b *testing.B) {
	sizes := []int{100_000}
	if os.Getenv("HOMEWARD_BENCH_FULL") == "1" {
		sizes = append(sizes, 1_000_000)
	}
	for _, size := range sizes {
		for _, engine := range pgtest.Engines() {
			b.Run(fmt.Sprintf("%s/people=%d", engine, size), func(b *testing.B) {
				s := newSite(b, engine)
				s.peopled(size)
				for _, n := range []int{1, 32} {
					b.Run(fmt.Sprintf("callers=%d", n), func(b *testing.B) { s.lookBench(b, size, n) })
				}
			})
		}
	}
}

func (s *site) lookBench(b *testing.B, size, n int) {
	took := make([]time.Duration, b.N)
	nurse := as(care.AENurse, kings)
	callers(b, n, func(i int) {
		p := person(i * 7919 % size)
		began := time.Now()
		v, err := s.Look(s.ctx(), nurse, LookRequest{Number: p.nhs, Born: p.birth(), Reason: ReasonCare})
		took[i-1] = time.Since(began)
		if err != nil || v.Outcome != LookFound {
			b.Errorf("%s %v", v.Outcome, err)
		}
	})
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms-p95")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per-s")
	b.ReportMetric(0, "ns/op")
}
