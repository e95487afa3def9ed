package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/store"
)

// supports has the council support n people.
func (w *r4World) supports(n int) {
	w.Helper()
	now := w.clock()
	w.must(w.store.Update(context.Background(), func(tx *store.Tx) error {
		for i := range n {
			_, err := tx.Record(care.Case{}, care.Cause{Kind: "import"}, now,
				care.Started{At: now, ID: care.CaseID(fmt.Sprintf("case-%08d", i))},
				care.Identified{At: now, NHS: nhs.Test(500 + i), Trace: "01", IDs: []care.Identifier{{System: "council:511", Value: fmt.Sprint(i)}}},
				care.PersonTold{At: now, Person: care.Person{Family: "Quill", Given: "Edna", Born: nhs.Date{Year: 1938, Month: 4, Day: 2}, Sex: "Female", AsAt: now}},
				care.HoldingTold{At: now, Holding: care.Holding{Council: "511", AsAt: now, Safeguarding: care.Safeguarding{Answer: care.AnswerNo},
					Packages: []care.Package{{Ref: fmt.Sprint("P", i), Kind: "HS", Status: care.PackageActive}}}})
			if err != nil {
				return err
			}
		}
		return tx.PutCouncilState(store.CouncilState{Council: "511", AsAt: now})
	}))
}

type manifest struct {
	TransactionTime     string
	Request             string
	RequiresAccessToken bool
	Output              []struct{ Type, URL string }
	Error               []any
}

// exported asks for an export, and waits for its manifest.
func (w *r4World) exported(query string) (m manifest, status string) {
	w.Helper()
	a := w.wants(202, "mosaic", "GET", "/$export"+query, "", "Prefer", "respond-async", "Accept", "application/fhir+json")
	status = strings.TrimPrefix(a.header.Get("Content-Location"), public+r4Base)
	b := w.wants(200, "mosaic", "GET", status, "", "Accept", "application/json")
	w.must(json.Unmarshal([]byte(b.raw), &m))
	if ends, err := http.ParseTime(b.header.Get("Expires")); err != nil || !ends.After(w.clock()) {
		w.Errorf("Expires is %q", b.header.Get("Expires"))
	}
	return m, status
}

func TestExport(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		w.supports(120) // more than two pages
		m, status := w.exported("?_type=Patient,EpisodeOfCare,Task&_outputFormat=application%2Ffhir%2Bndjson")
		if !m.RequiresAccessToken || m.TransactionTime != w.clock().Format(time.RFC3339Nano) || !strings.HasPrefix(m.Request, public+r4Base+"/$export?") || len(m.Output) != 2 || m.Error == nil {
			t.Fatalf("%+v", m)
		}
		for _, f := range m.Output {
			at := strings.TrimPrefix(f.URL, public+r4Base)
			a := w.wants(200, "mosaic", "GET", at, "", "Accept", "application/fhir+ndjson")
			lines := strings.Split(strings.TrimSuffix(a.raw, "\n"), "\n")
			if len(lines) != 120 || a.header.Get("Content-Type") != "application/fhir+ndjson" {
				t.Errorf("%s: %d lines of %s", f.Type, len(lines), a.header.Get("Content-Type"))
			}
			seen := map[string]bool{}
			for _, line := range lines {
				n, err := fhir.Parse([]byte(line), fhir.JSON, fhir.R4, fhir.Limits{})
				if err != nil || n.Type() != f.Type || seen[n.ID()] {
					t.Fatalf("%s: %v: %s", f.Type, err, line)
				}
				seen[n.ID()] = true
			}
			w.wants(404, "mosaic", "GET", strings.Replace(at, ".ndjson", ".txt", 1), "")
			w.wants(403, "reader", "GET", at, "")
			w.wants(404, "kmh-epr", "GET", at, "")
		}
		w.wants(404, "kmh-epr", "GET", status, "")
		w.wants(404, "kmh-epr", "DELETE", status, "")
		w.wants(202, "mosaic", "DELETE", status, "")
		w.wants(404, "mosaic", "GET", status, "")
		w.wants(404, "mosaic", "GET", strings.TrimPrefix(m.Output[0].URL, public+r4Base), "")
	})
}

func TestExportRefuses(t *testing.T) {
	w := newR4(t, "sqlite")
	for _, tt := range []struct {
		client, query, prefer string
		status                int
	}{
		{"mosaic", "", "", 400},
		{"mosaic", "?_type=Encounter", "respond-async", 400},
		{"mosaic", "?_type=Patient,Weather", "respond-async", 400},
		{"mosaic", "?_since=yesterday", "respond-async", 400},
		{"mosaic", "?_outputFormat=text/csv", "respond-async", 400},
		{"mosaic", "?_typeFilter=Patient%3Factive%3Dtrue", "respond-async", 400},
		{"mosaic", "?_typeFilter=Patient%3Factive%3Dtrue", "respond-async, handling=lenient", 202},
		{"mosaic", "?_since=2026-11-24T09:00:00Z", "respond-async", 202},
		{"kmh-epr", "", "respond-async", 403},
		{"reader", "", "respond-async", 403},
	} {
		a := w.as(tt.client, "GET", "/$export"+tt.query, "", "Prefer", tt.prefer)
		if a.status != tt.status || tt.status >= 400 && a.body.Type() != "OperationOutcome" {
			t.Errorf("%s %s: %d %s", tt.client, tt.query, a.status, a.raw)
		}
	}
	w.wants(202, "mosaic", "POST", "/Patient/$export", `{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Patient"},{"name":"_since","valueInstant":"2026-11-24T09:00:00Z"}]}`,
		"Prefer", "respond-async")
	w.wants(400, "mosaic", "POST", "/$export", `{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Encounter"}]}`, "Prefer", "respond-async")
}

// TestExportSinceTheLast: an export since the time of the one before has what changed,
// and nothing else.
func TestExportSinceTheLast(t *testing.T) {
	w := newR4(t, "sqlite")
	w.supports(3)
	m, _ := w.exported("?_type=Patient")
	w.now.Add((5 * time.Minute).Microseconds())
	next, _ := w.exported("?_type=Patient&_since=" + m.TransactionTime)
	a := w.wants(200, "mosaic", "GET", strings.TrimPrefix(next.Output[0].URL, public+r4Base), "")
	if strings.Count(a.raw, "\n") != 3 { // all changed at that very time
		t.Errorf("%d lines", strings.Count(a.raw, "\n"))
	}
	later, _ := w.exported("?_type=Patient&_since=" + next.TransactionTime)
	if a := w.wants(200, "mosaic", "GET", strings.TrimPrefix(later.Output[0].URL, public+r4Base), ""); a.raw != "" {
		t.Errorf("what did not change: %s", a.raw)
	}
}
