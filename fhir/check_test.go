package fhir_test

import (
	"strings"
	"testing"

	"homeward/fhir"
)

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"good":                 {`{"resourceType":"Encounter","status":"finished","class":{"code":"IMP"},"period":{"start":"2026-02-28"},"mine":{"a":1}}`, ""},
		"no such day":          {`{"resourceType":"Patient","birthDate":"2026-02-30"}`, "Patient.birthDate must be a date that exists"},
		"deep":                 {`{"resourceType":"Patient","name":[{"period":{"start":"x"}}]}`, "Patient.name[0].period.start must be a date"},
		"missing":              {`{"resourceType":"Encounter","status":"finished"}`, "Encounter.class is missing"},
		"absent with a reason": {`{"resourceType":"Encounter","_status":{"extension":[{"url":"x","valueCode":"unknown"}]},"class":{}}`, ""},
		"no array":             {`{"resourceType":"Patient","name":{"family":"A"}}`, "Patient.name repeats"},
		"array":                {`{"resourceType":"Patient","birthDate":["1938"]}`, "Patient.birthDate does not repeat"},
		"value":                {`{"resourceType":"Patient","name":["A"]}`, "Patient.name[0] must have elements"},
		"elements":             {`{"resourceType":"Patient","birthDate":{"a":1}}`, "Patient.birthDate must be one value"},
		"quoted":               {`{"resourceType":"Patient","active":"true"}`, "Patient.active must be written as true or false"},
		"not quoted":           {`{"resourceType":"Patient","gender":1}`, "Patient.gender must be written as a string"},
		"contained":            {`{"resourceType":"Patient","contained":[{"resourceType":"Patient","birthDate":"x"}]}`, "Patient.contained[0].birthDate must"},
		"Bundle":               {`{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Task","intent":"order"}}]}`, "Bundle.entry[0].resource.status is missing"},
		"no type":              {`{"id":"a"}`, "resourceType is missing"},
		"unknown type":         {`{"resourceType":"Newcomer","date":"x"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			issues := fhir.Check(mustParse(t, c.text, fhir.JSON, fhir.R4), fhir.R4)
			got := (&fhir.Error{Issues: issues}).Error()
			if c.want == "" && got != "" || !strings.Contains(got, c.want) || len(issues) > 1 {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
