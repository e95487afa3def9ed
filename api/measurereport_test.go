package api

import (
	"strings"
	"testing"

	"homeward/fhir"
)

// Figures leave as reports of measures for systems that may read: suppressed, sound, and
// found again by their id; a measure or a time that there is not is none.
func TestMeasureReports(t *testing.T) {
	w := newR4(t, "sqlite")
	w.refer(1)
	m := w.wants(200, "kmh-epr", "GET", "/Measure/delay", "")
	if m.body.Str("scoring.coding.code") != "continuous-variable" || m.body.Str("improvementNotation.coding.code") != "decrease" {
		t.Errorf("the measure: %s", m.body.Str("title"))
	}
	found := w.wants(200, "kmh-epr", "GET", "/MeasureReport?measure=delay&period=2026-10", "")
	if n := len(found.body.All("entry")); n != 1 {
		t.Fatalf("%d reports", n)
	}
	report := found.body.All("entry.resource")[0]
	if report.Str("period.start") != "2026-10-01" || report.Str("period.end") != "2026-10-31" || !strings.HasSuffix(report.Str("measure"), "/Measure/delay") || report.Str("type") != "summary" {
		t.Errorf("the report is of %s to %s", report.Str("period.start"), report.Str("period.end"))
	}
	same := w.wants(200, "kmh-epr", "GET", "/MeasureReport/"+report.ID(), "")
	if same.body.Str("meta.versionId") != report.Str("meta.versionId") {
		t.Error("the same report has another version")
	}
	census := w.wants(200, "mosaic", "GET", "/MeasureReport?measure=not-meeting&period=ge2026-11-01&period=le2026-11-23", "")
	for _, n := range census.body.All("entry.resource") {
		if issues := fhir.Check(n, fhir.R4); len(issues) > 0 {
			t.Errorf("%+v", issues)
		}
	}
	for _, gone := range []string{"/Measure/gossip", "/MeasureReport/gossip.2026-10-01.2026-10-31", "/MeasureReport/delay.2026-10-31.2026-10-01", "/MeasureReport/delay"} {
		w.wants(404, "kmh-epr", "GET", gone, "")
	}
	if n := len(w.wants(200, "kmh-epr", "GET", "/MeasureReport?measure=gossip", "").body.All("entry")); n != 0 {
		t.Errorf("%d reports of a measure that there is not", n)
	}
	w.wants(400, "kmh-epr", "GET", "/MeasureReport?measure=delay&period=soon", "")
}
