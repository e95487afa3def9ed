package api

import (
	"testing"

	"homeward/fhir"
)

// In a message a reference that leads nowhere leaves its words, and nothing empty.
func TestWhatLeadsNowhereLeavesNothingEmpty(t *testing.T) {
	n, err := fhir.Parse([]byte(`{"resourceType":"ServiceRequest","id":"x","basedOn":[{"reference":"CarePlan/1"},{"reference":"CarePlan/2","display":"Plan"}],
		"reasonReference":[{"reference":"Condition/1"}],"encounter":{"reference":"Encounter/1"},"subject":{"reference":"Patient/1","display":"who"},
		"performer":[{"reference":"#c"}],"contained":[{"resourceType":"Organization","id":"c","partOf":{"reference":"Organization/9"}}]}`), fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := fhir.Write(unreferenced(n), fhir.JSON, fhir.R4)
	want := `{"resourceType":"ServiceRequest","id":"x","basedOn":[{"display":"Plan"}],"subject":{"display":"who"},"performer":[{"reference":"#c"}],"contained":[{"resourceType":"Organization","id":"c"}]}`
	if err != nil || string(b) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, b, want)
	}
}
