package api

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"homeward/nhs"
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

// What each organisation sent of the same resource goes out to it again: what another
// sends takes nothing of it away.
func TestR4WhatIsKeptIsEachSenders(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		ours := strings.Replace(stay(1, "V1", "Ward 12", "in-progress"), `"resourceType":"Patient",`, `"resourceType":"Patient","extension":[{"url":"https://rk5.example/own","valueString":"kept for us"}],`, 1)
		a := w.wants(201, "kmh-epr", "PUT", "/Encounter?identifier="+url.QueryEscape(visitSystem+"|V1"), ours, "Prefer", "return=representation")
		enc, pat := a.body.ID(), a.body.Str("subject.reference")
		if got := w.wants(200, "kmh-epr", "GET", "/"+pat, "").raw; !strings.Contains(got, "kept for us") {
			t.Fatalf("it is not kept at all: %s", got)
		}
		made := w.wants(201, "kmh-epr", "POST", "/ServiceRequest", strings.Replace(request(1, strings.TrimPrefix(pat, "Patient/"), enc), "{", `{"extension":[{"url":"https://rk5.example/own","valueString":"of the referral"}],`, 1))
		w.wants(201, "qmc-epr", "PUT", "/Encounter?identifier=https://rx1.example/visit%7CQ1", strings.ReplaceAll(stay(1, "Q1", "Ward 5", "in-progress"), "rk5.example", "rx1.example"))
		if got := w.wants(200, "kmh-epr", "GET", "/"+pat, "").raw; !strings.Contains(got, "kept for us") {
			t.Error("what King's Mill sent is gone when Queen's sends the same person")
		}
		if got := w.wants(200, "qmc-epr", "GET", "/"+pat, "").raw; strings.Contains(got, "kept for us") {
			t.Error("Queen's sees what King's Mill keeps of the person")
		}
		at := made.header.Get("Location")
		at = at[strings.LastIndex(at, "/ServiceRequest/"):]
		id := strings.TrimPrefix(at, "/ServiceRequest/")
		w.wants(403, "mosaic", "PUT", at, strings.Replace(request(1, strings.TrimPrefix(pat, "Patient/"), enc), "{", `{"id":"`+id+`",`, 1))
		if got := w.wants(200, "kmh-epr", "GET", at, "").raw; !strings.Contains(got, "of the referral") {
			t.Error("what the hospital sent of its referral is gone")
		}
	})
}

// What a hospital says anew that somebody needs reaches the council's people, once.
func TestR4AReferralSaysOtherNeeds(t *testing.T) {
	w := newR4(t, "sqlite")
	id, enc, pat := w.refer(1)
	other := strings.Replace(request(1, pat, enc), "wash and dress", "eat", 1)
	for range 2 {
		a := w.wants(200, "kmh-epr", "PUT", "/ServiceRequest?identifier="+url.QueryEscape(ownSystem+"|R1"), other)
		if a.body.ID() != id {
			t.Errorf("it became another: %s", a.raw)
		}
		w.wants(200, "kmh-epr", "PUT", "/ServiceRequest/"+id, a.raw) // what is read may be sent back as it is
	}
	notes := w.wants(200, "mosaic", "GET", "/Communication?patient=Patient/"+pat, "")
	if notes.body.Str("total") != "1" || !strings.Contains(notes.raw, "Needs help to eat") {
		t.Errorf("the council is not told once: %s", notes.raw)
	}
}

// What was sent is not said again, and no link of ours takes what tells who somebody is.
func TestR4SaysNothingOfWhatWasSent(t *testing.T) {
	w := newR4(t, "sqlite")
	enc, pat := w.admit(1)
	of := w.wants(200, "kmh-epr", "GET", "/Provenance?patient=Patient/"+pat, "")
	if of.body.Str("entry.resource.target.reference") != "Encounter/"+enc {
		t.Errorf("of a patient there is no Provenance: %s", of.raw)
	}
	page := base64.RawURLEncoding.EncodeToString([]byte(`{"q":"identifier=` + url.QueryEscape(nhsSystem+"|"+nhs.Test(1).Digits()) + `"}`))
	w.wants(400, "kmh-epr", "GET", "/Patient?_page="+page, "")
	claims := strings.Replace(stay(1, "V1", "Ward 1", "in-progress"), `"resourceType":"Encounter",`, `"resourceType":"Encounter","meta":{"profile":["https://rk5.example/Hilda-Invented"]},`, 1)
	a := w.wants(422, "kmh-epr", "POST", "/Encounter", claims)
	if a.body.Str("issue.expression") != "Encounter.meta.profile" || strings.Contains(a.raw, "Hilda") {
		t.Errorf("an unknown profile: %s", a.raw)
	}
	a = w.wants(400, "kmh-epr", "GET", "/Subscription/none/$events?content=everything", "")
	if !strings.Contains(a.text(), "content") {
		t.Errorf("content: %s", a.raw)
	}
}
