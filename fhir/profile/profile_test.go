package profile

import (
	"os"
	"strings"
	"testing"

	"homeward/fhir"
)

const shd = "https://fhir.nottinghamshire.gov.uk/STU3/StructureDefinition/"

func standard(t testing.TB) *Set {
	t.Helper()
	s, err := Standard()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t testing.TB, s string, v fhir.Version) *fhir.Node {
	t.Helper()
	n, err := fhir.Parse([]byte(s), fhir.JSON, v, fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func say(issues []fhir.Issue) string {
	var b strings.Builder
	for _, i := range issues {
		b.WriteString(i.Severity + " " + i.Code + " " + i.Expression + ": " + i.Diagnostics + "\n")
	}
	return b.String()
}

// TestWrong has each kind of rule broken, and asks for the issue that says so.
func TestWrong(t *testing.T) {
	fit := func(code, date string) string {
		return `{"resourceType":"Encounter","identifier":[{"system":"s","value":"v"}],"status":"in-progress","type":[{"coding":[{"code":"x"}]}],
		"extension":[{"url":"` + shd + `Extension-SHD-MedicallyFitDetails","extension":[{"url":"medicallyFitStatus","valueCoding":{"system":"s","code":"` + code + `"}}` + date + `]}]}`
	}
	day := `,{"url":"dateDeemedMedicallyFit","valueDateTime":"2024-01-01"}`
	notice := func(consent, source string) string {
		return `{"resourceType":"QuestionnaireResponse","status":"completed","basedOn":[{"reference":"ReferralRequest/1"}],"item":[
		{"linkId":"1","answer":[{"valueCoding":{"system":"https://x/SHD-AssessmentNoticePatientConsentStatus","code":"` + consent + `"}}]},
		{"linkId":"2","answer":[{"valueCoding":{"system":"https://x/SHD-ThirdPartyConsentSource","code":"` + source + `"}}]}]}`
	}
	cases := []struct {
		name, json string
		v          fhir.Version
		profile    string
		want       string // "" none at all
	}{
		{"the published example", `{"resourceType":"Communication","status":"completed","payload":[{}]}`, fhir.STU3, shd + "CareConnect-SHD-Communication-1",
			"error required Communication.payload[0].contentString: Profile, Element 'Communication.payload.contentString': minimum required = 1, but only found 0"},
		{"base cardinality", `{"resourceType":"Communication","payload":[{"contentString":"x"}]}`, fhir.STU3, shd + "CareConnect-SHD-Communication-1", "error required Communication.status: "},
		{"good communication", `{"resourceType":"Communication","status":"completed","payload":[{"contentString":"x"}]}`, fhir.STU3, shd + "CareConnect-SHD-Communication-1", ""},
		{"unknown profile", `{"resourceType":"Communication","status":"completed"}`, fhir.STU3, shd + "CareConnect-SHD-Nothing-1", "error not-supported Communication.meta.profile: The profile " + shd + "CareConnect-SHD-Nothing-1 is not known here"},
		{"fit with a date", fit("01", day), fhir.STU3, shd + "CareConnect-SHD-Encounter-1", ""},
		{"fit without a date", fit("01", ""), fhir.STU3, shd + "CareConnect-SHD-Encounter-1", "error invariant Encounter.extension[0]: Profile, Element 'Encounter.extension': MedFit-1"},
		{"unfit without a date", fit("02", ""), fhir.STU3, shd + "CareConnect-SHD-Encounter-1", ""},
		{"unknown with a date", fit("03", day), fhir.STU3, shd + "CareConnect-SHD-Encounter-1", "MedFit-1"},
		{"no such fitness", fit("04", day), fhir.STU3, shd + "CareConnect-SHD-Encounter-1", "error code-invalid Encounter.extension[0].extension[0].valueCoding"},
		{"no fitness", `{"resourceType":"Encounter","identifier":[{"system":"s","value":"v"}],"status":"in-progress","type":[{"coding":[{"code":"x"}]}]}`, fhir.STU3, shd + "CareConnect-SHD-Encounter-1",
			"error required Encounter.extension:medicallyFitForDischarge: "},
		{"status of STU3", strings.Replace(fit("02", ""), "in-progress", "going", 1), fhir.STU3, shd + "CareConnect-SHD-Encounter-1", "error code-invalid Encounter.status: "},
		{"consent", notice("Y", "N/A"), fhir.STU3, shd + "SHD-QuestionnaireResponse-AssessmentNotice", ""},
		{"no capacity, nobody consents", notice("L", "N/A"), fhir.STU3, shd + "SHD-QuestionnaireResponse-AssessmentNotice", "SHD-consent"},
		{"no capacity, best interest", notice("L", "B"), fhir.STU3, shd + "SHD-QuestionnaireResponse-AssessmentNotice", ""},
		{"fixed type", `{"resourceType":"ReferralRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"},"type":{"coding":[{"system":"http://snomed.info/sct","code":"1"}],"text":"Hospital Discharge Notification to Social Care"}}`,
			fhir.STU3, shd + "CareConnect-SHD-ReferralRequest-1", "error value ReferralRequest.type.coding[0].code: "},
		{"wrong target", `{"resourceType":"ReferralRequest","status":"active","intent":"order","subject":{"reference":"Group/1"},"type":{"coding":[{"system":"http://snomed.info/sct","code":"715591000000108"}],"text":"Hospital Discharge Notification to Social Care"}}`,
			fhir.STU3, shd + "CareConnect-SHD-ReferralRequest-1", "error structure ReferralRequest.subject: "},
		{"slice by system", `{"resourceType":"Patient","identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000000"},{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}]}`,
			fhir.R4, "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient", "error structure Patient.identifier:nhsNumber: Profile, Element 'Patient.identifier:nhsNumber': maximum allowed = 1, but found 2"},
		{"slice without value", `{"resourceType":"Patient","identifier":[{"system":"x"},{"system":"https://fhir.nhs.uk/Id/nhs-number"}]}`,
			fhir.R4, "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient", "error required Patient.identifier[1].value: "},
		{"extension's list", `{"resourceType":"Patient","identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000000","extension":[{"url":"https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
			"valueCodeableConcept":{"coding":[{"system":"https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland","code":"99"}]}}]}]}`,
			fhir.R4, "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient", "error code-invalid Patient.identifier[0].extension[0].valueCodeableConcept: "},
		{"two of a choice", `{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2024-01-01"}`, fhir.R4, "", "error structure Patient.deceased[x]: "},
		{"no array", `{"resourceType":"Patient","name":{"family":"x"}}`, fhir.R4, "", "error structure Patient.name: "},
		{"day that is none", `{"resourceType":"Patient","birthDate":"2023-02-29"}`, fhir.R4, "", "error value Patient.birthDate: "},
		{"code of R4", `{"resourceType":"Patient","gender":"f"}`, fhir.R4, "", "error code-invalid Patient.gender: "},
		{"text for a number", `{"resourceType":"Patient","multipleBirthInteger":"2"}`, fhir.R4, "", "error value Patient.multipleBirthInteger: "},
		{"R4's invariant", `{"resourceType":"Patient","contact":[{"gender":"male"}]}`, fhir.R4, "", "error invariant Patient.contact[0]: Profile, Element 'Patient.contact': pat-1"},
		{"invariant of an element", `{"resourceType":"Organization","name":"x","telecom":[{"system":"phone","value":"01632 960001","use":"home"}]}`, fhir.R4, "", "org-3"},
		{"contained is not there", `{"resourceType":"Encounter","status":"finished","class":{"code":"IMP"},"subject":{"reference":"#p"}}`, fhir.R4, "", "ref-1"},
		{"contained is there", `{"resourceType":"Encounter","status":"finished","class":{"code":"IMP"},"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"#o"}},{"resourceType":"Organization","id":"o","name":"x"}]}`, fhir.R4, "", ""},
		{"period", `{"resourceType":"Encounter","status":"finished","class":{"code":"IMP"},"period":{"start":"2024-02-01","end":"2024-01-01"}}`, fhir.R4, "", "per-1"},
		{"in a bundle", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","gender":"f"}}]}`, fhir.R4, "", "error code-invalid Bundle.entry[0].resource.gender: "},
		{"extension of a primitive", `{"resourceType":"Patient","gender":"male","_gender":{"extension":[{"valueString":"x"}]}}`, fhir.R4, "", "error required Patient.gender.extension[0].url: "},
		{"needed by its sibling", `{"resourceType":"Encounter","_status":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]},"class":{"code":"IMP"}}`, fhir.R4, "", ""},
		{"no resource", `{"resourceType":"Patients"}`, fhir.R4, "", "error structure "},
		{"not in this release", `{"resourceType":"ReferralRequest"}`, fhir.R4, "", "error structure "},
		{"profile of another", `{"resourceType":"Patient"}`, fhir.STU3, shd + "CareConnect-SHD-Encounter-1", "error structure Patient: "},
		{"claims what we do not know", `{"resourceType":"Patient","meta":{"profile":["http://e.example/x"]}}`, fhir.R4, "", "error not-supported Patient.meta.profile: "},
		{"unknown element", `{"resourceType":"Patient","hat":"red"}`, fhir.R4, "", "warning structure Patient.hat: "},
		{"removed by Interweave", `{"resourceType":"DeviceRequest","status":"active","intent":"order","authoredOn":"2024-01-01","subject":{"reference":"Patient/1","display":"x"},"codeReference":{"reference":"Device/1"},"priority":"stat"}`, fhir.R4,
			"https://fhir.interweavedigital.nhs.uk/R4/StructureDefinition/Interweave-SocialCareEquipmentProvision", "error structure DeviceRequest.priority: Profile, Element 'DeviceRequest.priority': maximum allowed = 0, but found 1"},
	}
	s := standard(t)
	for _, c := range cases {
		var profiles []string
		if c.profile != "" {
			profiles = []string{c.profile}
		}
		got := say(s.Check(parse(t, c.json, c.v), c.v, profiles...))
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s:\n got %swant %s", c.name, got, c.want)
		}
	}
}

// TestNoValues: what a resource says is in no diagnostics.
func TestNoValues(t *testing.T) {
	s := standard(t)
	n := parse(t, `{"resourceType":"Patient","name":[{"use":"zebra","family":7}],"gender":"zebra","birthDate":"zebra","identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":true}],"contact":[{"gender":"zebra"}],"active":"zebra"}`, fhir.R4)
	got := s.Check(n, fhir.R4, "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient")
	if len(got) < 6 || strings.Contains(say(got), "zebra") {
		t.Error(say(got))
	}
}

func TestAdvise(t *testing.T) {
	s := standard(t)
	n := parse(t, `{"resourceType":"Patient","birthDate":"1940-01-01"}`, fhir.R4)
	got := say(s.Advise(n, fhir.R4, "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"))
	if !strings.Contains(got, "information informational Patient.gender") || strings.Contains(got, "Patient.birthDate") {
		t.Error(got)
	}
}

// TestMany: a resource that is all wrong is answered in bounded words.
func TestMany(t *testing.T) {
	var b strings.Builder
	for range 10000 {
		b.WriteString(`,{"gender":"x"}`)
	}
	n := parse(t, `{"resourceType":"Patient","contact":[{}`+b.String()+`]}`, fhir.R4)
	if got := standard(t).Check(n, fhir.R4); len(got) != maxIssues {
		t.Errorf("%d issues", len(got))
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, text := range []string{"release R5", "profile x Patient", "release R4\nprofile x Patient\nname 1..x", "release R4\nprofile x Patient\nname what", "! a error \"b\" c",
		"release R4\nprofile x Patient\n! a error \"b\" today()", "release R4\nprofile x Patient\nname fixed={\"a\"", "release R4\nprofile x Patient base=y", "+ s c", "name 1..1",
		"release R4\nprofile x Patient\nprofile x Patient", "list"} {
		if _, err := Load(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// TestLines: a StructureDefinition as published becomes rules that work.
func TestLines(t *testing.T) {
	sd := parse(t, `{"resourceType":"StructureDefinition","url":"http://e/p","type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","differential":{"element":[
	 {"id":"Patient","path":"Patient","constraint":[{"key":"k-1","severity":"error","human":"A name is \"needed\"","expression":"name.exists()"}]},
	 {"id":"Patient.identifier","path":"Patient.identifier","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":"closed"},"min":1},
	 {"id":"Patient.identifier:a","path":"Patient.identifier","sliceName":"a","min":1,"max":"1"},
	 {"id":"Patient.identifier:a.system","path":"Patient.identifier.system","fixedUri":"http://a"},
	 {"id":"Patient.maritalStatus","path":"Patient.maritalStatus","patternCodeableConcept":{"coding":[{"code":"M"}]}},
	 {"id":"Patient.deceased[x]","path":"Patient.deceased[x]","type":[{"code":"boolean"}]}]}}`, fhir.R4)
	lines, err := Lines(sd, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Load("release R4\n" + lines)
	if err != nil {
		t.Fatal(err)
	}
	bad := parse(t, `{"resourceType":"Patient","identifier":[{"system":"http://b"}],"maritalStatus":{"coding":[{"code":"S"}]},"deceasedDateTime":"2024"}`, fhir.R4)
	got := say(s.Check(bad, fhir.R4, "http://e/p"))
	for _, want := range []string{"k-1: A name is \"needed\"", "Patient.identifier[0]: ", "Patient.identifier:a: ", "value Patient.maritalStatus", "structure Patient.deceasedDateTime"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	good := parse(t, `{"resourceType":"Patient","name":[{"text":"x"}],"identifier":[{"system":"http://a"}],"maritalStatus":{"coding":[{"system":"s","code":"M"}]},"deceasedBoolean":true}`, fhir.R4)
	if got := s.Check(good, fhir.R4, "http://e/p"); len(got) > 0 {
		t.Error(say(got))
	}
}

// TestUKCoreNotice: the data of others carries its notice.
func TestUKCoreNotice(t *testing.T) {
	for _, f := range []string{"20-ukcore.txt", "30-interweave.txt"} {
		b, err := os.ReadFile("data/" + f)
		if err != nil || !strings.Contains(string(b), "Apache License, Version 2.0") {
			t.Errorf("%s: no notice, %v", f, err)
		}
	}
}
