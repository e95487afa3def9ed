package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// Two trusts that name their referrals alike mean two referrals, and neither learns
// of the other's.
func TestR4NamesOfReferralsAreTheirSenders(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		theirs, _, pat := w.refer(1)
		a := w.wants(201, "qmc-epr", "PUT", "/Encounter?identifier=https://rx1.example/visit%7CQ1",
			strings.ReplaceAll(stay(1, "Q1", "Ward 5", "in-progress"), "rk5.example", "rx1.example"), "Prefer", "return=representation")
		if a.body.Str("subject.reference") != "Patient/"+pat {
			t.Fatalf("it is another person: %s", a.raw)
		}
		enc := a.body.ID()
		byID := strings.Replace(request(1, pat, enc), "{", `{"id":"`+theirs+`",`, 1)
		w.wants(404, "qmc-epr", "PUT", "/ServiceRequest/"+theirs, byID)
		ours := w.wants(200, "kmh-epr", "GET", "/ServiceRequest/"+theirs, "").body
		number := ""
		for _, x := range ours.All("identifier") {
			if x.Str("type.coding.code") == "PLAC" {
				number = `{"system":"` + x.Str("system") + `","value":"` + x.Str("value") + `"},`
			}
		}
		w.wants(404, "qmc-epr", "POST", "/ServiceRequest", strings.Replace(request(1, pat, enc), `"identifier":[`, `"identifier":[`+number, 1))
		made := w.wants(201, "qmc-epr", "POST", "/ServiceRequest", request(1, pat, enc)).header.Get("Location")
		if strings.HasSuffix(made, theirs) {
			t.Error("Queen's referral is King's Mill's")
		}
		if still := w.wants(200, "kmh-epr", "GET", "/ServiceRequest/"+theirs, "").body; still.Str("meta.versionId") != ours.Str("meta.versionId") {
			t.Error("what Queen's sent changed King's Mill's referral")
		}
		task := w.wants(200, "mosaic", "GET", "/Task?focus=ServiceRequest/"+theirs+"&patient=Patient/"+pat, "").body.Str("entry.resource.id")
		w.wants(404, "qmc-epr", "PUT", "/Task/"+task, `{"resourceType":"Task","id":"`+task+`","status":"accepted","intent":"order","focus":{"reference":"ServiceRequest/`+theirs+`"}}`)
	})
}

// RFC 9110 13.1.1, 13.1.2: * is any version that there is, and several may be named.
// What is put is never answered as not changed.
func TestConditionsOfAPut(t *testing.T) {
	w := newR4(t, "sqlite")
	put := func(visit string) string { return "/Encounter?identifier=" + url.QueryEscape(visitSystem+"|"+visit) }
	w.wants(412, "kmh-epr", "PUT", put("V1"), stay(1, "V1", "Ward 12", "in-progress"), "If-Match", "*")
	tag := w.wants(201, "kmh-epr", "PUT", put("V1"), stay(1, "V1", "Ward 12", "in-progress"), "If-None-Match", "*", "Prefer", "return=representation").header.Get("ETag")
	for i, heads := range [][]string{{"If-Match", "*"}, {"If-Match", `W/"other", *`}, {"If-None-Match", tag + "x"}} {
		a := w.wants(200, "kmh-epr", "PUT", put("V1"), stay(1, "V1", fmt.Sprint("Ward ", i), "in-progress"), heads...)
		tag = a.header.Get("ETag")
	}
	w.wants(200, "kmh-epr", "PUT", put("V1"), stay(1, "V1", "Ward 9", "in-progress"), "If-Match", `W/"other", `+tag)
	tag = w.wants(200, "kmh-epr", "GET", "/Encounter?identifier="+url.QueryEscape(visitSystem+"|V1"), "").body.Str("entry.resource.meta.versionId")
	for _, no := range []string{"*", `W/"` + tag + `"`} {
		if a := w.wants(412, "kmh-epr", "PUT", put("V1"), stay(1, "V1", "Ward 30", "in-progress"), "If-None-Match", no); a.code() != "conflict" {
			t.Errorf("%s: %s", no, a.raw)
		}
	}
	if a := w.wants(200, "kmh-epr", "GET", "/Encounter?identifier="+url.QueryEscape(visitSystem+"|V1"), ""); strings.Contains(a.raw, "Ward 30") {
		t.Error("what was refused was done")
	}
}
