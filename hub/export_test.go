package hub

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
)

// exportedAll is every line of an export, by type.
func (s *site) exportedAll(org nhs.ODS, q ExportRequest) map[string][]*fhir.Node {
	s.Helper()
	by := s.machineOf(org)
	e, err := s.BeginExport(s.ctx(), by, q)
	s.must(err)
	got, err := s.Export(s.ctx(), by, e.ID)
	s.must(err)
	out := map[string][]*fhir.Node{}
	for _, t := range got.Types {
		s.must(s.ExportPages(s.ctx(), by, e.ID, t, func(ns []*fhir.Node) error { out[t] = append(out[t], ns...); return nil }))
	}
	return out
}

func TestExportIsTheCouncilsOwn(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		p, id := s.referred(1, notts)
		s.imported(notts, "full", held{id: "P1", p: p, packages: []string{pack("K1", "HS", "active")}})
		s.imported(city, "full", held{id: "C1", p: p, packages: []string{pack("K9", "DS", "active")}})
		s.admit(nobody(2)) // no council has a part in it
		got := s.exportedAll(notts, ExportRequest{})
		if len(got["Patient"]) != 1 || got["Patient"][0].ID() != string(id) || len(got["ServiceRequest"]) != 1 || len(got["Task"]) != 1 {
			t.Errorf("%d patients, %d referrals, %d tasks", len(got["Patient"]), len(got["ServiceRequest"]), len(got["Task"]))
		}
		if len(got["EpisodeOfCare"]) != 1 || got["EpisodeOfCare"][0].Str("type.coding.code") != "HS" {
			t.Errorf("packages: %d", len(got["EpisodeOfCare"]))
		}
		for _, typ := range []string{"EpisodeOfCare", "Flag"} {
			for _, n := range got[typ] {
				if refersTo(n, "Organization/512") {
					t.Errorf("a %s of another council is exported", typ)
				}
			}
		}
		theirs := s.exportedAll(city, ExportRequest{Types: []string{"EpisodeOfCare", "ServiceRequest"}})
		if len(theirs["EpisodeOfCare"]) != 1 || theirs["EpisodeOfCare"][0].Str("type.coding.code") != "DS" || len(theirs["ServiceRequest"]) != 0 || len(theirs["Patient"]) != 0 {
			t.Errorf("the other council has %d packages and %d referrals", len(theirs["EpisodeOfCare"]), len(theirs["ServiceRequest"]))
		}
		_, err := s.BeginExport(s.ctx(), s.machineOf(kings), ExportRequest{})
		s.refused(err, care.Forbidden, "")
		if rows := s.auditsOf("export Patient"); len(rows) != 1 || rows[0].Case != id || !rows[0].Allowed {
			t.Errorf("%d rows of the audit", len(rows))
		}
	})
}

func TestExportSince(t *testing.T) {
	onBothSubscribed(t, func(t *testing.T, s *site) {
		s.referred(1, notts)
		s.pass(time.Hour)
		since := s.clock()
		if got := s.exportedAll(notts, ExportRequest{Since: since}); len(got["Task"]) != 0 {
			t.Errorf("what did not change is exported: %d", len(got["Task"]))
		}
		_, id := s.referred(2, notts)
		got := s.exportedAll(notts, ExportRequest{Since: since})
		if len(got["Task"]) != 1 || !strings.HasPrefix(got["Task"][0].ID(), string(id)) {
			t.Errorf("since then: %d", len(got["Task"]))
		}
	})
}

func TestExportsBelongToWhoAsked(t *testing.T) {
	s := newSite(t, "sqlite", subscribers)
	by := s.machineOf(notts)
	e, err := s.BeginExport(s.ctx(), by, ExportRequest{})
	s.must(err)
	_, err = s.Export(s.ctx(), s.machineOf(city), e.ID)
	s.refused(err, care.NotFound, "")
	s.refused(s.DropExport(s.ctx(), s.machineOf(city), e.ID), care.NotFound, "")
	s.refused(s.ExportPages(s.ctx(), s.machineOf(city), e.ID, "Patient", nil), care.NotFound, "")
	s.refused(s.ExportPages(s.ctx(), by, e.ID, "Encounter", nil), care.NotFound, "")
	_, err = s.BeginExport(s.ctx(), by, ExportRequest{Types: []string{"Encounter"}})
	s.refused(err, care.Invalid, "")
	for range mostExports - 1 {
		_, err = s.BeginExport(s.ctx(), by, ExportRequest{})
		s.must(err)
	}
	_, err = s.BeginExport(s.ctx(), by, ExportRequest{})
	s.refused(err, care.Throttled, "")
	s.pass(exportLife + time.Minute)
	_, err = s.Export(s.ctx(), by, e.ID)
	s.refused(err, care.NotFound, "")
}

// heapWhile is the most heap that is in use at any page of an export of one type.
func (s *site) heapWhile(typ string) (lines int, most uint64) {
	by := s.machineOf(notts)
	e, err := s.BeginExport(s.ctx(), by, ExportRequest{})
	s.must(err)
	runtime.GC()
	s.must(s.ExportPages(s.ctx(), by, e.ID, typ, func(ns []*fhir.Node) error {
		lines += len(ns)
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
		return nil
	}))
	s.must(s.DropExport(s.ctx(), by, e.ID))
	return lines, most
}

// BenchmarkExport1000 streams 1,000 and 4,000 people, and reports the most heap that
// was in use: four times the people must not take more memory.
func BenchmarkExport1000(b *testing.B) {
	for _, n := range []int{1000, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newSite(b, "sqlite", subscribers)
			s.peopled(n)
			for b.Loop() {
				begun := time.Now()
				lines, most := s.heapWhile("Patient")
				if lines != n {
					b.Fatalf("%d lines", lines)
				}
				b.ReportMetric(float64(most)/(1<<20), "MB-heap")
				b.ReportMetric(float64(n)/time.Since(begun).Seconds(), "people/s")
			}
		})
	}
}

// TestExportTakesConstantMemory holds what the benchmark measures.
func TestExportTakesConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes a thousand people")
	}
	var heap []uint64
	for _, n := range []int{250, 1000} {
		s := newSite(t, "sqlite", subscribers)
		s.peopled(n)
		s.heapWhile("Patient") // what is kept for speed is kept by now
		lines, most := s.heapWhile("Patient")
		if lines != n {
			t.Fatalf("%d lines of %d", lines, n)
		}
		heap = append(heap, most)
	}
	if heap[1] > heap[0]+heap[0]/2+8<<20 {
		t.Errorf("with 250 people %d MB, with 1,000 %d MB", heap[0]>>20, heap[1]>>20)
	}
}
