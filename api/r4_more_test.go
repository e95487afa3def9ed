package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/fhir"
	"homeward/hub"
	"homeward/nhs"
	"homeward/store"
)

const ownSystem = "https://rk5.example/referral"

// request is a ServiceRequest about a Patient of ours.
func request(i int, patient, encounter string) string {
	return fmt.Sprintf(`{"resourceType":"ServiceRequest","identifier":[{"system":%q,"value":"R%d"}],"status":"active","intent":"plan",
		"code":{"coding":[{"system":"http://snomed.info/sct","code":"715591000000108"}]},"subject":{"reference":"Patient/%s"},"encounter":{"reference":"Encounter/%s"},
		"requester":{"display":"Nurse Invented"},"performer":[{"identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"511"}}],
		"note":[{"text":"Needs help to wash and dress"}]}`, ownSystem, i, patient, encounter)
}

// refer makes a referral and gives the id of the ServiceRequest.
func (w *r4World) refer(i int) (request_, encounter, patient string) {
	w.Helper()
	encounter, patient = w.admit(i)
	a := w.wants(201, "kmh-epr", "POST", "/ServiceRequest", request(i, patient, encounter))
	id := a.header.Get("Location")
	id = id[strings.LastIndexByte(id, '/')+1:]
	return id, encounter, patient
}

func TestR4Referral(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		id, enc, pat := w.refer(1)
		a := w.wants(200, "mosaic", "GET", "/ServiceRequest/"+id, "")
		if a.body.Str("status") != "active" || a.body.Str("subject.reference") != "Patient/"+pat {
			t.Errorf("the council sees %s", a.raw)
		}
		again := w.wants(200, "kmh-epr", "POST", "/ServiceRequest", request(1, pat, enc))
		if !strings.HasSuffix(again.header.Get("Location"), id) && !strings.Contains(again.header.Get("Location"), id+"/_history/") {
			t.Errorf("the same again made another: %s", again.header.Get("Location"))
		}
		w.wants(409, "kmh-epr", "POST", "/ServiceRequest", strings.Replace(request(1, pat, enc), "wash", "cook", 1))
		w.wants(200, "kmh-epr", "POST", "/ServiceRequest", request(1, pat, enc), "If-None-Exist", "identifier="+ownSystem+"|R1")
		w.wants(412, "kmh-epr", "POST", "/ServiceRequest", request(1, pat, enc), "If-None-Exist", "status=active")

		ours := ""
		for _, x := range a.body.All("identifier") {
			if x.Str("type.coding.code") == "PLAC" {
				ours = x.Str("system") + "|" + x.Str("value")
			}
		}
		for who, v := range map[string]string{"kmh-epr": ownSystem + "|R1", "mosaic": ours} {
			if f := w.wants(200, who, "GET", "/ServiceRequest?identifier="+url.QueryEscape(v), ""); f.body.Str("total") != "1" || f.body.Str("entry.resource.id") != id {
				t.Errorf("%s by %s: %s", who, v, f.raw)
			}
		}
		if f := w.wants(200, "qmc-epr", "GET", "/ServiceRequest?identifier="+url.QueryEscape(ours), ""); f.body.Str("total") != "0" {
			t.Errorf("another hospital finds %s", f.raw)
		}
		task := w.find("mosaic", "Task", "patient", pat, "focus", "ServiceRequest/"+id)
		if task.body.Str("total") != "1" {
			t.Fatalf("no task: %s", task.raw)
		}
		n := task.body.Get("entry.resource").Clone()
		for _, step := range []struct{ status, business string }{{"received", ""}, {"accepted", ""}, {"in-progress", "assessing"}, {"completed", "closed"}} {
			n.Set("status", step.status)
			n.Set("businessStatus", nil)
			if step.status == "in-progress" {
				n.Set("owner", fhir.Obj("type", "Practitioner", "identifier", fhir.Identifier("https://511.example/staff", "w-7"), "display", "Worker Invented"))
			}
			if step.business != "" {
				n.Set("businessStatus", fhir.Concept("", fhir.Coding("", step.business, "")))
			}
			w.now.Add(int64(time.Minute / time.Microsecond))
			body, _ := fhir.Write(n, fhir.JSON, fhir.R4)
			b := w.wants(200, "mosaic", "PUT", "/Task/"+n.ID(), string(body))
			if b.body.Str("status") != step.status {
				t.Errorf("%s: %s", step.status, b.raw)
			}
		}
		if a := w.wants(200, "kmh-epr", "GET", "/ServiceRequest/"+id, ""); a.body.Str("status") != "completed" {
			t.Errorf("the hospital sees %s", a.raw)
		}
		w.wants(404, "qmc-epr", "PUT", "/Task/"+n.ID(), string(must(fhir.Write(n, fhir.JSON, fhir.R4))))
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestR4Includes(t *testing.T) {
	w := newR4(t, "sqlite")
	id, enc, pat := w.refer(1)
	types := func(a said) (out []string) {
		for _, e := range a.body.All("entry") {
			out = append(out, e.Str("search.mode")+" "+e.Str("resource.resourceType"))
		}
		slices.Sort(out)
		return out
	}
	for _, tt := range []struct {
		path string
		want string
	}{
		{"/ServiceRequest?_id=" + id + "&_include=ServiceRequest:patient", "include Patient,match ServiceRequest"},
		{"/ServiceRequest?_id=" + id + "&_include=ServiceRequest:subject:Patient&_include=ServiceRequest:encounter", "include Encounter,include Patient,match ServiceRequest"},
		{"/ServiceRequest?_id=" + id + "&_include=ServiceRequest:performer", "include Organization,match ServiceRequest"},
		{"/ServiceRequest?_id=" + id + "&_revinclude=Task:focus", "include Task,match ServiceRequest"},
		{"/Patient?_id=" + pat + "&_revinclude=Encounter:patient", "include Encounter,match Patient"},
		{"/Encounter?_id=" + enc + "&_include=Encounter:service-provider", "include Organization,match Encounter"},
	} {
		a := w.wants(200, "kmh-epr", "GET", tt.path, "")
		if got := strings.Join(types(a), ","); got != tt.want {
			t.Errorf("%s: %s, not %s", tt.path, got, tt.want)
		}
		if a.body.Str("total") != "1" {
			t.Errorf("%s: what is included is counted", tt.path)
		}
	}
}

func TestR4Directory(t *testing.T) {
	w := newR4(t, "sqlite")
	w.admit(1)
	for path, total := range map[string]string{
		"/Organization": "3", "/Organization?name=nott": "1", "/Organization?name:exact=nott": "0", "/Organization?name:contains=SHIRE": "1",
		"/Organization?identifier=https://fhir.nhs.uk/Id/ods-organization-code%7C511": "1", "/Organization?identifier=511": "1", "/HealthcareService": "1",
		"/HealthcareService?organization=511": "1", "/HealthcareService?organization=Organization/RK5": "0", "/Questionnaire?status=active&_summary=count": "",
		"/Questionnaire?name=Homeward_d2a&_summary=count": "", "/Practitioner": "0", "/Organization?_count=2": "3",
	} {
		a := w.wants(200, "kmh-epr", "GET", path, "")
		if total != "" && a.body.Str("total") != total || total == "" && a.body.Str("total") == "0" {
			t.Errorf("%s: %s", path, a.raw)
		}
	}
	if a := w.wants(200, "kmh-epr", "GET", "/Organization/511", ""); a.body.Str("name") != "Nottinghamshire" || a.header.Get("ETag") == "" {
		t.Errorf("%s", a.raw)
	}
	if a := w.wants(200, "kmh-epr", "GET", "/Questionnaire/d2a-1", ""); a.body.Get("item") == nil {
		t.Errorf("%s", a.raw)
	}
	w.wants(404, "kmh-epr", "GET", "/Organization/none", "")
	w.wants(400, "kmh-epr", "GET", "/Provenance", "")
	w.wants(405, "kmh-epr", "POST", "/Organization", `{"resourceType":"Organization"}`)
	w.wants(405, "kmh-epr", "DELETE", "/Patient/x", "")
	w.wants(404, "kmh-epr", "GET", "/Observation", "")
	w.wants(403, "kmh-epr", "GET", "/AuditEvent", "")
	if a := w.wants(204, "kmh-epr", "OPTIONS", "/Encounter", ""); !strings.Contains(a.header.Get("Allow"), "PUT") {
		t.Error(a.header)
	}
	if a := w.wants(200, "kmh-epr", "HEAD", "/Organization/511", ""); a.raw != "" || a.header.Get("ETag") == "" {
		t.Error("HEAD")
	}
}

func TestR4BadInput(t *testing.T) {
	w := newR4(t, "sqlite")
	_, pat := w.admit(1)
	deep := strings.Repeat(`{"extension":[`, 40) + strings.Repeat(`]}`, 40)
	xml := func(s string) []string {
		return []string{"Content-Type", "application/fhir+xml", "Accept", "application/fhir+json", "x", s}[:4]
	}
	for _, tt := range []struct {
		name, body string
		heads      []string
		status     int
		expression string
	}{
		{"malformed", `{"resourceType":"Encounter"`, nil, 400, ""},
		{"twice", `{"resourceType":"Encounter","status":"a","status":"b"}`, nil, 400, "status"},
		{"not UTF-8", "{\"resourceType\":\"\xff\"}", nil, 400, ""},
		{"deep", `{"resourceType":"Encounter","x":` + deep + `}`, nil, 413, ""},
		{"another type", `{"resourceType":"Patient"}`, nil, 400, ""},
		{"no type", `{"status":"planned"}`, nil, 400, ""},
		{"media type", `{}`, []string{"Content-Type", "text/plain"}, 415, ""},
		{"missing", strings.Replace(stay(1, "V1", "W", "planned"), `"class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"},`, "", 1), nil, 422, "Encounter.class"},
		{"no such day", strings.Replace(stay(1, "V1", "W", "planned"), "2026-11-23T08", "2026-02-30T08", 1), nil, 422, "Encounter.period.start"},
		{"reference", strings.Replace(stay(1, "V1", "W", "planned"), `"#p"`, `"#q"`, 1), nil, 422, "Encounter.subject"},
		{"unknown profile", strings.Replace(stay(1, "V1", "W", "planned"), `"resourceType":"Encounter"`, `"resourceType":"Encounter","meta":{"profile":["https://elsewhere.example/Encounter"]}`, 1), nil, 422, ""},
		{"code", strings.Replace(stay(1, "V1", "W", "planned"), `"planned"`, `"asleep"`, 1), nil, 422, "Encounter.status"},
		{"entity", `<!DOCTYPE x [<!ENTITY a "b">]><Encounter xmlns="http://hl7.org/fhir"/>`, xml(""), 400, ""},
		{"XML namespace", `<Encounter/>`, xml(""), 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			began := time.Now()
			a := w.as("kmh-epr", "POST", "/Encounter", tt.body, tt.heads...)
			if a.status != tt.status || a.body.Type() != "OperationOutcome" || tt.expression != "" && !strings.Contains(a.raw, `"`+tt.expression+`"`) {
				t.Errorf("%d %s", a.status, a.raw)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %s", took)
			}
			if strings.Contains(a.raw, "Example1") || strings.Contains(a.raw, nhs.Test(1).Digits()) {
				t.Errorf("the outcome tells who: %s", a.raw)
			}
		})
	}
	w.wants(404, "kmh-epr", "POST", "/Communication", `{"resourceType":"Communication","status":"completed","subject":{"reference":"Patient/nobody"},"payload":[{"contentString":"x"}]}`)
	note := w.wants(201, "kmh-epr", "POST", "/Communication", `{"resourceType":"Communication","status":"completed","subject":{"reference":"Patient/`+pat+`"},"payload":[{"contentString":"Her son has the keys"}]}`,
		"Prefer", "return=representation")
	if note.body.Str("payload.contentString") != "Her son has the keys" {
		t.Errorf("%s", note.raw)
	}
}

func TestR4Batch(t *testing.T) {
	w := newR4(t, "sqlite")
	enc, pat := w.admit(1)
	w.wants(200, "kmh-epr", "POST", "/", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/`+pat+`"}}]}`)
	a := w.wants(200, "kmh-epr", "POST", "", `{"resourceType":"Bundle","type":"batch","entry":[
		{"request":{"method":"GET","url":"Patient/`+pat+`"}},
		{"request":{"method":"GET","url":"Encounter?patient=`+pat+`"}},
		{"request":{"method":"PUT","url":"Encounter?identifier=`+url.QueryEscape(visitSystem+"|V1")+`"},"resource":`+stay(1, "V1", "Ward 31", "in-progress")+`},
		{"request":{"method":"GET","url":"Encounter/`+enc+`","ifNoneMatch":"W/\"other\""}},
		{"request":{"method":"GET","url":"Patient/nobody"}},
		{"request":{"method":"DELETE","url":"Patient/`+pat+`"}},
		{"request":{"method":"GET","url":"https://elsewhere.example/Patient/1"}},
		{"request":{"method":"GET","url":"../../oauth2/token"}}]}`)
	var got []string
	for _, e := range a.body.All("entry") {
		got = append(got, e.Str("response.status")[:3]+" "+e.Str("resource.resourceType"))
	}
	if want := "200 Patient,200 Bundle,200 Encounter,200 Encounter,404 ,422 ,422 ,422 "; strings.Join(got, ",") != want || a.body.Str("type") != "batch-response" {
		t.Errorf("%s\n%s", strings.Join(got, ","), a.raw)
	}
	for _, body := range []string{`{"resourceType":"Patient"}`, `{"resourceType":"Bundle","type":"message","entry":[{}]}`} {
		w.wants(400, "kmh-epr", "POST", "", body)
	}
	for _, body := range []string{`{"resourceType":"Bundle","type":"batch"}`, `{"resourceType":"Bundle","type":"history","entry":[{}]}`} {
		w.wants(422, "kmh-epr", "POST", "", body)
	}
	many := strings.Repeat(`{"request":{"method":"GET","url":"Patient/x"}},`, r4BundleMost)
	w.wants(413, "kmh-epr", "POST", "", `{"resourceType":"Bundle","type":"batch","entry":[`+many+`{}]}`)
}

func TestR4Transaction(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		person := fmt.Sprintf(`{"resourceType":"Patient","identifier":[{"system":%q,"value":%q}],"name":[{"family":"Example1","given":["Anna"]}],"birthDate":"1938-04-02"}`, nhsSystem, nhs.Test(1).Digits())
		visit := `{"resourceType":"Encounter","identifier":[{"system":"` + visitSystem + `","value":"V1"}],"status":"in-progress","class":{"code":"IMP"},"subject":{"reference":"urn:uuid:11111111-1111-4111-8111-111111111111"}}`
		ask := strings.NewReplacer("Patient/PAT", "urn:uuid:11111111-1111-4111-8111-111111111111", "Encounter/ENC", "urn:uuid:22222222-2222-4222-8222-222222222222").Replace(request(1, "PAT", "ENC"))
		bundle := func(ask string) string {
			return `{"resourceType":"Bundle","type":"transaction","entry":[
			{"fullUrl":"urn:uuid:11111111-1111-4111-8111-111111111111","resource":` + person + `,"request":{"method":"POST","url":"Patient"}},
			{"fullUrl":"urn:uuid:22222222-2222-4222-8222-222222222222","resource":` + visit + `,"request":{"method":"POST","url":"Encounter"}},
			{"fullUrl":"urn:uuid:33333333-3333-4333-8333-333333333333","resource":` + ask + `,"request":{"method":"POST","url":"ServiceRequest"}}]}`
		}
		bad := w.as("kmh-epr", "POST", "", bundle(strings.Replace(ask, `"511"`, `"599"`, 1)))
		if bad.status < 400 || bad.status > 499 {
			t.Fatalf("%d %s", bad.status, bad.raw)
		}
		if a := w.find("kmh-epr", "Patient", "identifier", nhsSystem+"|"+nhs.Test(1).Digits()); a.body.Str("total") != "0" {
			t.Errorf("a part of what was refused is there: %s", a.raw)
		}
		a := w.wants(200, "kmh-epr", "POST", "", bundle(ask))
		entries := a.body.All("entry")
		if a.body.Str("type") != "transaction-response" || len(entries) != 3 {
			t.Fatalf("%s", a.raw)
		}
		for i, typ := range []string{"Patient", "Encounter", "ServiceRequest"} {
			at := strings.TrimPrefix(entries[i].Str("response.location"), public+r4Base)
			if !strings.HasPrefix(at, "/"+typ+"/") || !strings.HasPrefix(entries[i].Str("response.status"), "201") {
				t.Errorf("entry %d: %s", i, a.raw)
			}
			w.wants(200, "kmh-epr", "GET", at, "")
		}
		two := strings.Replace(bundle(ask), `"entry":[`, `"entry":[{"resource":`+person+`,"request":{"method":"POST","url":"Patient"}},`, 1)
		w.wants(422, "kmh-epr", "POST", "", two)
		w.wants(422, "kmh-epr", "POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient/x"}}]}`)
	})
}

func TestR4SaysWhatItDoes(t *testing.T) {
	w := newR4(t, "sqlite")
	a := w.wants(200, "kmh-epr", "GET", "/metadata", "", "Authorization", "")
	if issues := fhir.Check(a.body, fhir.R4); len(issues) > 0 {
		t.Errorf("%+v", issues)
	}
	if a.body.Str("fhirVersion") != "4.0.1" || len(a.body.All("rest.resource")) < len(r4Types) {
		t.Errorf("%s", a.raw)
	}
	w.wants(200, "kmh-epr", "GET", "/metadata?_format=xml", "")
	_, pat := w.admit(1)
	for _, res := range a.body.All("rest.resource") {
		for _, p := range res.All("searchParam") {
			if res.Str("type") == "AuditEvent" || r4TypeOf(res.Str("type")) == nil { // of those, the files that add them have tests
				continue
			}
			v := map[string]string{"token": "x", "date": "2026-11-24", "reference": "x", "string": "x", "uri": "x"}[p.Str("type")]
			kv := []string{p.Str("name"), v}
			if res.Str("type") == "Patient" && (p.Str("name") == "family" || p.Str("name") == "birthdate" || p.Str("name") == "address-postalcode") {
				kv = []string{"family", "x", "birthdate", "1938-04-02", "address-postalcode", "x"}
			}
			if p.Str("name") == "identifier" || p.Str("documentation") != "" {
				kv = append(kv, "_id", pat)
				if res.Str("type") == "Patient" && p.Str("name") == "identifier" {
					kv = []string{"identifier", nhsSystem + "|" + nhs.Test(1).Digits()}
				} else if res.Str("type") != "Encounter" && r4TypeOf(res.Str("type")).source == fromCase && res.Str("type") != "Patient" {
					kv = append(kv, "patient", pat)
				}
			}
			if res.Str("type") == "Provenance" {
				kv = append(kv, "patient", pat)
			}
			if got := w.find("kmh-epr", res.Str("type"), kv...); got.status != 200 {
				t.Errorf("%s %v: %d %s", res.Str("type"), kv, got.status, got.raw)
			}
		}
	}
}

// Whatever is given passes the check of its release, in both formats.
func TestR4WhatIsGivenIsSound(t *testing.T) {
	w := newR4(t, "sqlite")
	_, enc, pat := w.refer(1)
	w.wants(201, "kmh-epr", "POST", "/Communication", `{"resourceType":"Communication","status":"completed","subject":{"reference":"Patient/`+pat+`"},"payload":[{"contentString":"x"}]}`)
	seen := map[string]bool{}
	for _, typ := range r4Types {
		path := "/" + typ.name
		if typ.source == fromCase {
			path += "?patient=" + pat
		}
		if typ.name == "Patient" {
			path = "/Patient?_id=" + pat
		}
		if typ.name == "Provenance" {
			path = "/Provenance?target=Encounter/" + enc
		}
		if typ.source == fromAudit {
			continue
		}
		for _, format := range []string{"json", "xml"} {
			a := w.wants(200, "kmh-epr", "GET", path, "", "Accept", "application/fhir+"+format)
			if issues := fhir.Check(a.body, fhir.R4); len(issues) > 0 {
				t.Errorf("%s as %s: %+v", typ.name, format, issues)
			}
			for _, n := range a.body.All("entry.resource") {
				seen[n.Type()] = true
				if n.Str("meta.versionId") != fhir.Hash(n) {
					t.Errorf("%s/%s has a version that is not of its content", n.Type(), n.ID())
				}
				one := w.wants(200, "kmh-epr", "GET", "/"+n.Type()+"/"+n.ID(), "")
				if one.header.Get("ETag") != `W/"`+n.Str("meta.versionId")+`"` {
					t.Errorf("%s/%s is read in another version than it is found", n.Type(), n.ID())
				}
			}
		}
	}
	for _, typ := range []string{"Patient", "Encounter", "ServiceRequest", "Task", "CarePlan", "QuestionnaireResponse", "Communication", "Provenance", "Organization", "HealthcareService", "Location", "Questionnaire"} {
		if !seen[typ] {
			t.Errorf("no %s was given", typ)
		}
	}
}

func TestR4Audit(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		_, pat := w.admit(1)
		w.wants(200, "kmh-epr", "GET", "/Patient/"+pat, "")
		w.wants(404, "qmc-epr", "GET", "/Patient/"+pat, "")
		w.wants(403, "kmh-epr", "GET", "/AuditEvent", "")
		a := w.wants(200, "reader", "GET", "/AuditEvent?patient="+pat+"&date=ge2026-11-24", "")
		if issues := fhir.Check(a.body, fhir.R4); len(issues) > 0 {
			t.Errorf("%+v", issues)
		}
		read := 0
		for _, n := range a.body.All("entry.resource") {
			if n.Str("subtype.display") == "read Patient" && n.Str("agent.who.display") == "King's Mill EPR" {
				read++
			}
			if n.Str("agent.who.display") == "Queen's PAS" && n.Str("outcome") != "8" {
				t.Errorf("what was denied is not told so")
			}
		}
		if read != 1 {
			t.Errorf("the reading is not there: %s", a.raw)
		}
		w.wants(200, "reader", "GET", "/AuditEvent/"+a.body.Str("entry.resource.id"), "")
	})
}

// An AuditEvent is what FHIR says that it is.
func TestR4AuditEvent(t *testing.T) {
	n := auditEvent(hub.AuditView{OrgName: "King's Mill", Audited: store.Audited{N: 7, AuditRecord: store.AuditRecord{At: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), Actor: "u1", Name: "Sam Invented",
		Role: "ward-nurse", Org: "RK5", Action: "look", Case: "c1", Purpose: "direct-care", Allowed: true, Outcome: "shown", Address: "192.0.2.1"}}})
	if issues := fhir.Check(n, fhir.R4); len(issues) > 0 {
		t.Errorf("%+v", issues)
	}
	if n.Str("outcome") != "0" || n.Str("entity.what.reference") != "Patient/c1" {
		t.Error("it does not say what happened")
	}
	if issues := fhir.Check(auditEvent(hub.AuditView{Audited: store.Audited{N: 8, Erased: true}}), fhir.R4); len(issues) > 0 {
		t.Errorf("%+v", issues)
	}
}

func TestR4PatientIsSent(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		_, pat := w.admit(1)
		a := w.wants(200, "kmh-epr", "GET", "/Patient/"+pat, "")
		n := a.body.Clone()
		n.Set("telecom", []*fhir.Node{fhir.Obj("system", "phone", "value", "01632 960123", "use", "home")})
		n.Set("maritalStatus", fhir.Concept("Widowed"))
		w.now.Add(int64(time.Minute / time.Microsecond))
		b := w.wants(200, "kmh-epr", "PUT", "/Patient/"+pat, string(must(fhir.Write(n, fhir.JSON, fhir.R4))), "If-Match", a.header.Get("ETag"))
		if b.body.Str("telecom.value") != "01632 960123" || b.body.Str("maritalStatus.text") != "Widowed" || b.body.ID() != pat {
			t.Errorf("%s", b.raw)
		}
		xml := string(must(fhir.Write(b.body, fhir.XML, fhir.R4)))
		c := w.wants(200, "kmh-epr", "PUT", "/Patient/"+pat, xml, "Content-Type", "application/fhir+xml", "Accept", "application/fhir+xml")
		if c.header.Get("ETag") != b.header.Get("ETag") || !strings.HasPrefix(c.raw, "<Patient") {
			t.Errorf("the same as XML is another: %s", c.raw)
		}
		w.wants(412, "kmh-epr", "PUT", "/Patient/"+pat, xml, "Content-Type", "application/fhir+xml", "If-Match", a.header.Get("ETag"))
		w.wants(404, "qmc-epr", "PUT", "/Patient/"+pat, xml, "Content-Type", "application/fhir+xml")
		w.wants(404, "kmh-epr", "PUT", "/Patient/nobody", strings.ReplaceAll(xml, pat, "nobody"), "Content-Type", "application/fhir+xml")
		w.wants(400, "kmh-epr", "PUT", "/Patient?identifier=x%7C1", xml, "Content-Type", "application/fhir+xml")
		known := w.wants(200, "kmh-epr", "POST", "/Patient", fmt.Sprintf(`{"resourceType":"Patient","identifier":[{"system":%q,"value":%q}],"name":[{"family":"Example1","given":["Barbara"]}],"birthDate":"1938-04-02","gender":"female"}`, nhsSystem, nhs.Test(1).Digits()))
		if !strings.Contains(known.raw+known.header.Get("Location"), pat) {
			t.Errorf("somebody known is somebody else: %v %s", known.header, known.raw)
		}
		there := w.wants(200, "kmh-epr", "POST", "/Patient", fmt.Sprintf(`{"resourceType":"Patient","identifier":[{"system":%q,"value":%q}],"name":[{"family":"Other"}]}`, nhsSystem, nhs.Test(1).Digits()),
			"If-None-Exist", "identifier="+nhsSystem+"|"+nhs.Test(1).Digits(), "Prefer", "return=representation")
		if there.body.Str("name.family") != "Example1" || there.body.ID() != pat {
			t.Errorf("a conditional create changed something: %s", there.raw)
		}
		w.wants(201, "kmh-epr", "POST", "/Patient", fmt.Sprintf(`{"resourceType":"Patient","identifier":[{"system":%q,"value":%q}],"name":[{"family":"Newman"}],"birthDate":"1950-01-01"}`, nhsSystem, nhs.Test(5).Digits()))
	})
}

func TestR4Paper(t *testing.T) {
	w := newR4(t, "sqlite")
	id, _, pat := w.refer(1)
	paper := func(status, answer string) string {
		return fmt.Sprintf(`{"resourceType":"QuestionnaireResponse","identifier":{"system":"https://rk5.example/paper","value":"Q1"},"questionnaire":"https://homeward.example/fhir/Questionnaire/chc-checklist",
			"status":%q,"subject":{"reference":"Patient/%s"},"basedOn":[{"reference":"ServiceRequest/%s"}],"authored":"2026-11-24T08:30:00Z",
			"item":[{"linkId":"1","text":"Breathing","answer":[{"valueString":%q}]}]}`, status, pat, id, answer)
	}
	a := w.wants(201, "kmh-epr", "POST", "/QuestionnaireResponse", paper("completed", "C"), "Prefer", "return=representation")
	if a.body.Str("item.answer.valueString") != "C" || a.body.Str("subject.reference") != "Patient/"+pat {
		t.Errorf("%s", a.raw)
	}
	if b := w.wants(200, "mosaic", "GET", "/QuestionnaireResponse?patient="+pat+"&based-on=ServiceRequest/"+id+"&questionnaire=https://homeward.example/fhir/Questionnaire/chc-checklist", ""); b.body.Str("total") != "1" {
		t.Errorf("the council sees %s", b.raw)
	}
	if b := w.wants(200, "mosaic", "GET", "/DocumentReference?patient="+pat+"&status=current", ""); b.body.Str("total") == "0" {
		t.Errorf("the council sees %s", b.raw)
	}
	w.wants(404, "qmc-epr", "POST", "/QuestionnaireResponse", paper("completed", "C"))
	w.wants(422, "kmh-epr", "POST", "/QuestionnaireResponse", strings.Replace(paper("completed", "C"), "chc-checklist", "unheard-of", 1))
}
