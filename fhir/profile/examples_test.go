package profile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"homeward/fhir"
	judge "homeward/tools/npm-validate"
)

// TestUKCoreExamples: what HL7 UK gives as examples of its profiles passes.
func TestUKCoreExamples(t *testing.T) {
	files, err := filepath.Glob("../testdata/ukcore/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	s := standard(t)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		n, err := fhir.Parse(b, fhir.XML, fhir.R4, fhir.Limits{})
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		for _, i := range s.Check(n, fhir.R4) {
			if i.Severity == "error" && i.Code != "not-supported" {
				t.Errorf("%s: %s", filepath.Base(f), say([]fhir.Issue{i}))
			}
		}
	}
}

// samples are the resources that Homeward writes, of which translate/r4 keeps one of
// each kind.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../../translate/r4/testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		n, err := fhir.Parse(b, fhir.JSON, fhir.R4, fhir.Limits{})
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		one, err := fhir.Write(n, fhir.JSON, fhir.R4)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = one
	}
	return out
}

// TestOurs: what we write passes our own check of the release and of every profile
// that it claims.
func TestOurs(t *testing.T) {
	s := standard(t)
	for name, b := range samples(t) {
		n, err := fhir.Parse(b, fhir.JSON, fhir.R4, fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Check(n, fhir.R4); len(got) > 0 {
			t.Errorf("%s:\n%s", name, say(got))
		}
	}
}

// TestNPM: what we write passes the npm package fhir 4.12.0, which also turns it
// into XML that we read as the same, and reads our XML as the same.
func TestNPM(t *testing.T) {
	all := samples(t)
	if len(all) == 0 {
		t.Fatal("there are no samples of what translate/r4 writes")
	}
	j := judge.New(t)
	for name, b := range all {
		messages, err := j.Validate(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, m := range messages {
			if m.Severity == "error" || m.Severity == "fatal" {
				t.Errorf("%s: %s: %s", name, m.Location, m.Message)
			}
		}
		throughXML(t, j, name, b)
	}
}

func throughXML(t *testing.T, j *judge.Judge, name string, b []byte) {
	n, err := fhir.Parse(b, fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := j.ToXML(b)
	if err != nil {
		t.Errorf("%s: their XML: %v", name, err)
		return
	}
	back, err := fhir.Parse([]byte(theirs), fhir.XML, fhir.R4, fhir.Limits{})
	if err != nil {
		t.Errorf("%s: reading their XML: %v", name, err)
		return
	}
	if fhir.Hash(back) != fhir.Hash(n) {
		t.Errorf("%s: their XML is not our resource", name)
	}
	ours, err := fhir.Write(n, fhir.XML, fhir.R4)
	if err != nil {
		t.Errorf("%s: writing XML: %v", name, err)
		return
	}
	read, err := j.FromXML(string(ours))
	if err != nil {
		t.Errorf("%s: their reading of our XML: %v", name, err)
		return
	}
	again, err := fhir.Parse(bytes.TrimSpace(read), fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil || fhir.Hash(again) != fhir.Hash(n) {
		t.Errorf("%s: they read our XML as something else: %v", name, err)
	}
}

// tenKB is a Bundle of about 10 KB.
func tenKB(t testing.TB) *fhir.Node {
	entry := `{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{"resourceType":"Patient","id":"a","meta":{"profile":["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"]},
	"identifier":[{"extension":[{"url":"https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus","valueCodeableConcept":{"coding":[{"system":"https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland","code":"01"}]}}],"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000000"},{"system":"https://homeward.example/fhir/Id/hospital-number/RXX","value":"A1"}],
	"active":true,"name":[{"use":"official","family":"Invented","given":["Ada","Beth"]}],"telecom":[{"system":"phone","value":"01632 960001"}],"gender":"female","birthDate":"1940-02-29","address":[{"line":["1 Test Road"],"postalCode":"ZZ99 3WZ"}],
	"contact":[{"name":{"text":"x"},"telecom":[{"system":"phone","value":"01632 960002"}]}],"generalPractitioner":[{"reference":"Organization/o1"}]}}`
	return parse(t, `{"resourceType":"Bundle","type":"searchset","entry":[`+strings.Repeat(entry+",", 8)+entry+`]}`, fhir.R4)
}

func BenchmarkCheck10KB(b *testing.B) {
	s, n := standard(b), tenKB(b)
	raw, _ := fhir.Write(n, fhir.JSON, fhir.R4)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		for _, i := range s.Check(n, fhir.R4) {
			if i.Code != "invariant" { // the same fullUrl many times
				b.Fatal(i)
			}
		}
	}
}

func BenchmarkCheckEncounterSHD(b *testing.B) {
	s := standard(b)
	n := parse(b, `{"resourceType":"Encounter","identifier":[{"system":"s","value":"v"}],"status":"in-progress","type":[{"coding":[{"code":"x"}]}],
		"extension":[{"url":"`+shd+`Extension-SHD-MedicallyFitDetails","extension":[{"url":"medicallyFitStatus","valueCoding":{"system":"s","code":"01"}},{"url":"dateDeemedMedicallyFit","valueDateTime":"2024-01-01"}]}]}`, fhir.STU3)
	b.ReportAllocs()
	for b.Loop() {
		if got := s.Check(n, fhir.STU3, shd+"CareConnect-SHD-Encounter-1"); len(got) > 0 {
			b.Fatal(say(got))
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	files, _ := data.ReadDir("data")
	var texts []string
	for _, f := range files {
		t, _ := data.ReadFile("data/" + f.Name())
		texts = append(texts, string(t))
	}
	for b.Loop() {
		if _, err := Load(texts...); err != nil {
			b.Fatal(err)
		}
	}
}
