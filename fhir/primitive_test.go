package fhir_test

import (
	"strings"
	"testing"

	"homeward/fhir"
)

func TestCheckPrimitive(t *testing.T) {
	for typ, c := range map[string]struct{ good, bad []string }{
		"boolean":     {[]string{"true", "false"}, []string{"TRUE", "1", ""}},
		"integer":     {[]string{"0", "-1", "2147483647", "-2147483648"}, []string{"2147483648", "+1", "01", "-0", "1.0", "x"}},
		"unsignedInt": {[]string{"0", "5"}, []string{"-1", "00"}},
		"positiveInt": {[]string{"1"}, []string{"0", "-1"}},
		"decimal":     {[]string{"1", "-1.50", "0.1", "1e3", "1.0E-5"}, []string{"1.", ".5", "01", "+1", "1,5", "NaN"}},
		"date": {[]string{"1938", "1938-04", "1938-04-02", "2024-02-29", "2000-02-29"},
			[]string{"2026-02-30", "2025-02-29", "1900-02-29", "2026-13", "2026-00-01", "2026-1-1", "0000", "26", "2026-04-31", "2026-04-02T10:00:00Z", "2026-04-"}},
		"dateTime": {[]string{"2026", "2026-04-02", "2026-04-02T10:00:00Z", "2026-04-02T10:00:00.123+01:00", "2026-06-30T23:59:60Z", "2026-04-02T10:00:00-14:00"},
			[]string{"2026-04-02T10:00:00", "2026-04-02T10:00Z", "2026-04-02T24:00:00Z", "2026-04-02 10:00:00Z", "2026-02-30T10:00:00Z", "2026-04T10:00:00Z", "2026-04-02T10:00:00+15:00", "2026-04-02T10:00:00.Z"}},
		"instant":      {[]string{"2026-04-02T10:00:00Z"}, []string{"2026-04-02", "2026"}},
		"time":         {[]string{"10:00:00", "23:59:59.5"}, []string{"10:00", "24:00:00", "10:00:00Z", "10:60:00"}},
		"id":           {[]string{"a", "A-1.b", strings.Repeat("x", 64)}, []string{"a_b", "a/b", strings.Repeat("x", 65), "é"}},
		"code":         {[]string{"a", "a b"}, []string{" a", "a ", "a  b", "a\nb"}},
		"oid":          {[]string{"urn:oid:2.16.840", "urn:oid:0.1"}, []string{"2.16.840", "urn:oid:3.1", "urn:oid:7", "urn:oid:1..2", "urn:oid:1.02"}},
		"uuid":         {[]string{"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, []string{"c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-ec9a-4326-a141-556f43239520", "urn:uuid:c757873d"}},
		"uri":          {[]string{"http://a/b", "urn:x:y", "a#b"}, []string{"a b", "a\tb"}},
		"url":          {[]string{"https://a/b"}, []string{"a b"}},
		"canonical":    {[]string{"http://a/b|1.0"}, []string{"a b"}},
		"base64Binary": {[]string{"aGVsbG8=", "aGVs\nbG8="}, []string{"aGVsbG8", "a", "####"}},
		"string":       {[]string{"a", " a\n\tb "}, []string{" ", "\n", "a\x00", "\x07"}},
		"markdown":     {[]string{"# a"}, []string{"\x1b"}},
	} {
		for _, s := range c.good {
			if err := fhir.CheckPrimitive(typ, s); err != nil {
				t.Errorf("%s %q: %v", typ, s, err)
			}
		}
		for _, s := range append(c.bad, "") {
			err := fhir.CheckPrimitive(typ, s)
			if err == nil {
				t.Errorf("%s %q is taken", typ, s)
			} else if len(s) > 9 && strings.Contains(err.Error(), s) {
				t.Errorf("%s: the error repeats the text: %v", typ, err)
			}
		}
	}
	if fhir.CheckPrimitive("HumanName", "x") != nil {
		t.Error("what is no primitive is not checked")
	}
}

func TestParseRef(t *testing.T) {
	const uuid = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
	for s, want := range map[string]fhir.Target{
		"Patient/1":                                   {Type: "Patient", ID: "1"},
		"Patient/1/_history/2":                        {Type: "Patient", ID: "1", Version: "2"},
		"https://far.example/fhir/Patient/1":          {Base: "https://far.example/fhir", Type: "Patient", ID: "1"},
		"https://far.example/R4/Patient/1/_history/7": {Base: "https://far.example/R4", Type: "Patient", ID: "1", Version: "7"},
		"https://far.example/a.pdf":                   {Base: "https://far.example/a.pdf"},
		"#a":                                          {Contained: "a"},
		"#":                                           {Own: true},
		uuid:                                          {URN: uuid},
		"urn:oid:1.2":                                 {URN: "urn:oid:1.2"},
	} {
		if got, err := fhir.ParseRef(s); err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Patient", "patient/1", "/Patient/1", "a/Patient/1", "Patient/1?x=1", "Patient/a b", "#a b", "urn:uuid:1", "https://far.example", "Patient/1/_history/", "Patient/" + strings.Repeat("1", 65)} {
		if got, err := fhir.ParseRef(s); err == nil {
			t.Errorf("%s: %+v", s, got)
		}
	}
}

func TestReferences(t *testing.T) {
	n := mustParse(t, `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Task","contained":[{"resourceType":"Basic","id":"b","subject":{"reference":"Patient/0"}}],
		"for":{"reference":"Patient/1"},"input":[{"valueReference":{"reference":"#b"}}]}}]}`, fhir.JSON, fhir.R4)
	var got []string
	for r := range fhir.References(n) {
		got = append(got, r.Path+"="+r.Text)
		r.At.Set("reference", "X/"+r.Text)
	}
	want := "Bundle.entry.resource.contained.subject=Patient/0 Bundle.entry.resource.for=Patient/1 Bundle.entry.resource.input.valueReference=#b"
	if strings.Join(got, " ") != want {
		t.Error(got)
	}
	task := n.Get("entry.resource")
	if task.Str("for.reference") != "X/Patient/1" {
		t.Error("a reference cannot be changed")
	}
	for range fhir.References(n) {
		break
	}
	if fhir.Contained(task, "#b").Type() != "Basic" || fhir.Contained(task, "#c") != nil || fhir.Contained(task, "b") != nil || fhir.Contained(task, "#") != task {
		t.Error("contained resources are not found by their ids")
	}
}

func TestHash(t *testing.T) {
	of := func(text string) string { return fhir.Hash(mustParse(t, text, fhir.JSON, fhir.R4)) }
	a := of(`{"resourceType":"Patient","id":"a","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00Z"},"active":true}`)
	if fhir.CheckPrimitive("id", a) != nil || len(a) != 26 {
		t.Errorf("%q is no id", a)
	}
	for _, same := range []string{
		`{"resourceType":"Patient","id":"a","active":true}`,
		`{"active":true,"id":"a","resourceType":"Patient","meta":{"versionId":"2"}}`,
	} {
		if of(same) != a {
			t.Errorf("another hash of %s", same)
		}
	}
	for _, other := range []string{
		`{"resourceType":"Patient","id":"a","active":false}`,
		`{"resourceType":"Patient","id":"a","active":"true"}`,
		`{"resourceType":"Patient","id":"a","active":[true]}`,
		`{"resourceType":"Patient","id":"a","active":true,"meta":{"profile":["x"]}}`,
		`{"resourceType":"Patient","id":"a","active":true,"x":{"meta":{"versionId":"1"}}}`,
		`{"resourceType":"Patient","id":"a","active":true,"versionId":"1"}`,
	} {
		if of(other) == a {
			t.Errorf("the same hash of %s", other)
		}
	}
}

func TestModel(t *testing.T) {
	if e, ok := fhir.ElementOf(fhir.R4, "Patient.contact", "telecom"); !ok || e.Type != "ContactPoint" || !e.Many || e.Primitive() {
		t.Errorf("%+v", e)
	}
	if e, ok := fhir.ElementOf(fhir.STU3, "ReferralRequest", "status"); !ok || !e.Required || !e.Primitive() {
		t.Errorf("%+v", e)
	}
	if !fhir.IsResource(fhir.R4, "ServiceRequest") || fhir.IsResource(fhir.STU3, "ServiceRequest") || fhir.IsResource(fhir.R4, "HumanName") {
		t.Error("the releases have other resources")
	}
	if a, b := len(fhir.ResourceTypes(fhir.STU3)), len(fhir.ResourceTypes(fhir.R4)); a != 117 || b != 146 {
		t.Errorf("%d resources of STU3, %d of R4", a, b)
	}
	for _, v := range []fhir.Version{fhir.STU3, fhir.R4} {
		for _, typ := range append(fhir.ResourceTypes(v), "HumanName", "Extension", "Timing.repeat") {
			for _, e := range fhir.Elements(v, typ) {
				if !e.Primitive() && e.Type != "Resource" && len(fhir.Elements(v, e.Type)) == 0 {
					t.Errorf("%d %s.%s has the unknown type %s", v, typ, e.Name, e.Type)
				}
			}
		}
	}
}
