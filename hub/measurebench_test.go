package hub

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"homeward/care"
	"homeward/county"
	"homeward/internal/pgtest"
	"homeward/measure"
	"homeward/nhs"
	"homeward/store"
)

// tens are the ten years of the benchmarks.
var tens = [2]nhs.Date{on("2016-04-01"), on("2026-03-31")}

// filled puts the counts of so many invented discharges, of as many hospitals, over ten
// years into a site: the counts of stays and of periods of not meeting the criteria in every
// cut, without the points that have stopped; and the points that run, as many as people
// who are in hospital at once. Going through the points themselves is BenchmarkRemeasure.
func filled(b *testing.B, s *site, discharges, hospitals int) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	w := &store.PointWork{Gen: 1, Zone: s.Zone, Tally: measure.Tally{}}
	days := tens[0].DaysTo(tens[1]) + 1
	first := 0
	if n, err := strconv.Atoi(os.Getenv("HOMEWARD_BENCH_DAYS")); err == nil { // only the last ones are filled, at the same rate
		first = days - n
	}
	write := func() {
		s.must(s.Store.View(s.ctx(), func(tx *store.Tx) error { return tx.WorkCells(w) }))
		for _, piece := range w.Pieces(5000) {
			s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error { return tx.PutWork(piece) }))
		}
		w = &store.PointWork{Gen: 1, Zone: s.Zone, Tally: measure.Tally{}}
	}
	// By block of days, so that the rows of one block are written once.
	const block = 32
	for from := first; from < days; from += block {
		n := discharges * min(block, days-from) / days
		for range n {
			p := invented(r, hospitals, tens[0].Add(from+r.IntN(min(block, days-from))))
			w.Tally.Add(p, 1, s.Zone)
			p.Source, p.Since = measure.NotMeeting.ID, p.From
			p.From = p.To.AddDate(0, 0, -int(p.Value))
			w.Tally.Add(p, 1, s.Zone)
		}
		write()
	}
	open := discharges / days * 7 // who is in a bed: a week's
	var ks []store.KnownPoint
	for i := range open {
		p := invented(r, hospitals, tens[1])
		p.To, p.Out = time.Time{}, ""
		p.Case, p.Subject = care.CaseID(fmt.Sprint("c", i)), "s"
		ks = append(ks, store.KnownPoint{Point: p, Person: "p", Known: p.From})
		if i%8 == 0 {
			p.Source, p.Since = measure.NotMeeting.ID, p.From
			ks = append(ks, store.KnownPoint{Point: p, Person: "p", Known: p.From})
		}
	}
	w.Copy(ks)
	write()
}

// invented is a stay that ended on a day.
func invented(r *rand.Rand, hospitals int, day nhs.Date) measure.Point {
	hospital := r.IntN(hospitals)
	p := measure.Point{Source: measure.Stays.ID, To: day.Time().Add(time.Duration(8+r.IntN(10)) * time.Hour)}
	p.From = p.To.AddDate(0, 0, -1-r.IntN(14))
	if r.IntN(100) < 13 { // of whom one in eight waits (NHS England, Discharge Ready Date data)
		p.Value = 1 + int64(r.ExpFloat64()*5)
	}
	p.Hospital, p.Ward = nhs.ODS(fmt.Sprintf("R%03d", hospital)), fmt.Sprint("W", r.IntN(30))
	p.Council, p.Team = nhs.ODS(fmt.Sprint("C", hospital)), fmt.Sprint("T", r.IntN(4))
	p.Pathway, p.Age = strconv.Itoa(r.IntN(4)), measure.AgeBands[2+r.IntN(4)].Code
	if r.IntN(50) == 0 {
		p.Out = "died"
	}
	return p
}

// onSite runs a benchmark on a site of each database, or of the one that HOMEWARD_BENCH
// names.
func onSite(b *testing.B, f func(b *testing.B, s *site)) {
	for _, engine := range pgtest.Engines() {
		if only := os.Getenv("HOMEWARD_BENCH"); only != "" && only != engine {
			continue
		}
		b.Run(engine, func(b *testing.B) {
			s := newSite(b, engine)
			s.set(tens[1].Time().Add(12 * time.Hour))
			f(b, s)
		})
	}
}

// BenchmarkFiguresPage is a page of eight measures over the last year: 52 weeks of each, and the
// year by hospital of each. HOMEWARD_BENCH_DISCHARGES sets how many there were in ten years.
func BenchmarkFiguresPage(b *testing.B) {
	discharges, hospitals := 100_000, 3
	if n, err := strconv.Atoi(os.Getenv("HOMEWARD_BENCH_DISCHARGES")); err == nil {
		discharges, hospitals = n, max(3, n/92_000)
	}
	onSite(b, func(b *testing.B, s *site) {
		filled(b, s, discharges, hospitals)
		var qs []FigureQuery
		for _, m := range []measure.ID{"delay", "delay-delayed", "on-the-day", "ready-coverage", "bed-days", "not-meeting", "not-meeting-7", "not-meeting-21"} {
			if _, ok := measure.Find(m); !ok {
				m = "bed-days"
			}
			qs = append(qs, FigureQuery{Measure: m, From: tens[1].Add(-363), To: tens[1], Every: measure.Weekly},
				FigureQuery{Measure: m, From: tens[1].Add(-363), To: tens[1], By: measure.ByHospital})
		}
		by := as(care.Analyst, kings)
		vs, err := s.Figures(s.ctx(), by, qs...)
		s.must(err)
		if len(vs[1].Groups) != hospitals || len(vs[0].Steps) < 52 || vs[0].Total.Over < int64(discharges/12) {
			b.Fatalf("%d groups, %d steps, %d discharges", len(vs[1].Groups), len(vs[0].Steps), vs[0].Total.Over)
		}
		for b.Loop() {
			_, err := s.Figures(s.ctx(), by, qs...)
			s.must(err)
		}
	})
}

// BenchmarkRemeasure counts a county anew from its history. HOMEWARD_BENCH_PEOPLE and
// HOMEWARD_BENCH_YEARS set how many people there are, in how many years.
func BenchmarkRemeasure(b *testing.B) {
	people := 2000
	if n, err := strconv.Atoi(os.Getenv("HOMEWARD_BENCH_PEOPLE")); err == nil {
		people = n
	}
	onSite(b, func(b *testing.B, s *site) {
		entries := s.county(people)
		for b.Loop() {
			s.must(s.Remeasure(s.ctx()))
		}
		b.ReportMetric(float64(b.N*people)/b.Elapsed().Seconds(), "people/s")
		b.ReportMetric(float64(b.N*entries)/b.Elapsed().Seconds(), "entries/s")
	})
}

// county records the histories of a county's people, one after another as they came.
func (s *site) county(people int) (entries int) {
	s.Helper()
	days := 365
	if n, err := strconv.Atoi(os.Getenv("HOMEWARD_BENCH_YEARS")); err == nil {
		days *= n
	}
	came := slices.SortedFunc(county.People(county.Config{Seed: 3, People: people, Days: days, Zone: s.Zone}),
		func(a, b county.Person) int { return a.Recorded[0].Compare(b.Recorded[0]) })
	for _, p := range came {
		s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
			var c care.Case
			for i := 0; i < len(p.Events); {
				j := i + 1
				for j < len(p.Events) && p.Recorded[j].Equal(p.Recorded[i]) {
					j++
				}
				var err error
				if c, err = tx.Record(c, care.Cause{Kind: "system"}, p.Recorded[i], p.Events[i:j]...); err != nil {
					return err
				}
				i = j
			}
			return nil
		}))
		entries += len(p.Events)
	}
	return entries
}

// BenchmarkMeasure is counting history as it grows, an entry: what a follower does.
func BenchmarkMeasure(b *testing.B) {
	onSite(b, func(b *testing.B, s *site) {
		entries := s.county(100)
		began := time.Now()
		for b.Loop() {
			s.must(s.Store.Update(s.ctx(), func(tx *store.Tx) error {
				g, err := tx.Generation()
				if err != nil {
					return err
				}
				return tx.ShowGeneration(g + 1)
			}))
			for n := 1; n > 0; {
				var err error
				n, err = s.Measure(s.ctx())
				s.must(err)
			}
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/float64(b.N*entries), "µs/entry")
	})
}
