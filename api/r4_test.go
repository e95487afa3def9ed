package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/form"
	"homeward/hub"
	"homeward/internal/pgtest"
	"homeward/nhs"
	"homeward/pathways"
	"homeward/sharing"
	"homeward/store"
)

// r4World is a hub with the R4 face, a hospital, a council, and another hospital.
type r4World struct {
	*world
	at     string
	token  map[string]string
	client *http.Client
	faces  *Faces
}

var r4Keys = sync.OnceValues(func() ([]store.MasterKey, error) { return []store.MasterKey{store.NewMasterKey()}, nil })

func onBothR4(t *testing.T, f func(t *testing.T, w *r4World)) {
	for _, engine := range pgtest.Engines() {
		t.Run(engine, func(t *testing.T) { f(t, newR4(t, engine)) })
	}
}

// r4Agreement is an agreement by which all share everything.
func r4Agreement() sharing.Agreement {
	day := func(y int) nhs.Date { return nhs.DateOf(time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)) }
	a := sharing.Agreement{ID: "everything", Version: 1, Title: "Everything", Purpose: "Tests", Basis: "Tests", DPIA: "T-1", Owner: "Tests", Contact: "01632 960000",
		From: day(2020), To: day(2040), Status: sharing.Agreed,
		Changes: []sharing.Change{{At: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), By: "operator", Who: "Tests", Did: "imported"}}}
	for _, trust := range []nhs.ODS{"RK5", "RX1"} {
		a.Flows = append(a.Flows, sharing.Flow{From: trust, To: "511", Sections: sharing.Sections()}, sharing.Flow{From: "511", To: trust, Sections: sharing.Sections()})
	}
	for _, o := range []nhs.ODS{"RK5", "RX1", "511"} {
		a.Parties = append(a.Parties, sharing.Party{ODS: o, Name: string(o)})
		a.Signatories = append(a.Signatories, sharing.Signatory{Name: "Ola Invented", Role: "Caldicott Guardian", ODS: o, On: day(2020)})
	}
	return a
}

func newR4(t testing.TB, engine string, change ...func(*store.Config)) *r4World {
	t.Helper()
	w := &r4World{world: &world{TB: t, log: &bytes.Buffer{}}, token: map[string]string{}, client: &http.Client{}}
	w.now.Store(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC).UnixMicro())
	at := filepath.Join(t.TempDir(), "homeward.db")
	if engine == "postgres" {
		at = pgtest.Start(t)
	}
	w.hub = w.openR4(at, change...)
	w.faces, w.token = w.serveFaces("kmh-epr", "qmc-epr", "mosaic", "reader")
	w.at = w.here.URL + r4Base
	return w
}

func (w *r4World) openR4(at string, change ...func(*store.Config)) *hub.Hub {
	ctx := context.Background()
	sc := store.Config{URL: at, Clock: w.clock, Row: care.RowOf, Keys: r4Keys}
	for _, f := range change {
		f(&sc)
	}
	db, err := store.Open(ctx, sc)
	w.must(err)
	w.Cleanup(func() { db.Close() })
	_, err = db.Migrate(ctx)
	w.must(err)
	w.store = db
	set, err := releasedSet()
	w.must(err)
	forms, err := form.Load(pathways.Files)
	w.must(err)
	both := []string{ReadScope, WriteScope, SubscribeScope, ExportScope}
	h, err := hub.New(hub.Config{Store: db, Policies: set, Forms: forms, Clock: w.clock,
		Orgs: []care.Org{{ODS: "RK5", Name: "King's Mill", Kind: care.Trust, Phone: "01632 960300"}, {ODS: "RX1", Name: "Queen's", Kind: care.Trust},
			{ODS: "511", Name: "Nottinghamshire", Kind: care.Council, Phone: "01632 960100"}},
		Councils: []hub.CouncilFeed{{Name: "mosaic", Title: "Mosaic", Council: "511", Quiet: hub.Quiet{Day: 2 * time.Hour, Night: 26 * time.Hour}}},
		Systems: []hub.System{{Client: "kmh-epr", Title: "King's Mill EPR", Org: "RK5", Scopes: both}, {Client: "qmc-epr", Title: "Queen's PAS", Org: "RX1", Scopes: both},
			{Client: "mosaic", Title: "Mosaic", Org: "511", Scopes: both}, {Client: "reader", Title: "A reader", Org: "RK5", Scopes: []string{ReadScope, AuditScope}}}})
	w.must(err)
	w.must(db.Update(ctx, func(tx *store.Tx) error { return tx.PutAgreement(r4Agreement()) }))
	return h
}

// as asks the face as one of the systems. heads are names and values.
func (w *r4World) as(client, method, path, body string, heads ...string) said {
	w.Helper()
	r, err := http.NewRequest(method, w.at+path, strings.NewReader(body))
	w.must(err)
	r.Header.Set("Authorization", "Bearer "+w.token[client])
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i < len(heads); i += 2 {
		r.Header.Set(heads[i], heads[i+1])
	}
	res, err := w.client.Do(r)
	w.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.must(err)
	a := said{status: res.StatusCode, header: res.Header, raw: string(b)}
	if f, ok := bodyFormat(&http.Request{Header: res.Header}); ok && len(b) > 0 {
		a.body, err = fhir.Parse(b, f, fhir.R4, fhir.Limits{})
		w.must(err)
	}
	return a
}

// wants is as, with the status that there must be.
func (w *r4World) wants(status int, client, method, path, body string, heads ...string) said {
	w.Helper()
	a := w.as(client, method, path, body, heads...)
	if a.status != status {
		w.Fatalf("%s %s %s: %d, not %d\n%s\n%s", client, method, path, a.status, status, a.raw, w.log)
	}
	return a
}

// find is a search by POST.
func (w *r4World) find(client, typ string, kv ...string) said {
	w.Helper()
	q := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		q.Add(kv[i], kv[i+1])
	}
	return w.as(client, "POST", "/"+typ+"/_search", q.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

const (
	nhsSystem   = "https://fhir.nhs.uk/Id/nhs-number"
	visitSystem = "https://rk5.example/visit"
)

// stay is an Encounter with the person in it, as an EPR sends both.
func stay(i int, visit, ward, status string) string {
	return fmt.Sprintf(`{"resourceType":"Encounter","contained":[{"resourceType":"Patient","id":"p","identifier":[{"system":%q,"value":%q},{"system":"https://rk5.example/mrn","value":"M%d"}],
		"name":[{"use":"official","family":"Example%d","given":["Barbara"]}],"gender":"female","birthDate":"1938-04-02","address":[{"line":["1 Test Lane"],"postalCode":"ZZ99 3AA"}]}],
		"identifier":[{"system":%q,"value":%q}],"status":%q,"class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"},"subject":{"reference":"#p"},
		"period":{"start":"2026-11-23T08:00:00Z"},"location":[{"location":{"display":%q},"status":"active"}],"priority":{"text":"of the sender's own"}}`,
		nhsSystem, nhs.Test(i).Digits(), i, i, visitSystem, visit, status, ward)
}

// admit puts somebody in hospital and gives the ids of the Encounter and the Patient.
func (w *r4World) admit(i int) (encounter, patient string) {
	w.Helper()
	visit := fmt.Sprintf("V%d", i)
	a := w.wants(201, "kmh-epr", "PUT", "/Encounter?identifier="+url.QueryEscape(visitSystem+"|"+visit), stay(i, visit, "Ward 12", "in-progress"), "Prefer", "return=representation")
	encounter = a.body.ID()
	patient = strings.TrimPrefix(a.body.Str("subject.reference"), "Patient/")
	if encounter == "" || patient == "" {
		w.Fatalf("no ids: %s", a.raw)
	}
	return encounter, patient
}

func TestR4Stay(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		enc, pat := w.admit(1)
		a := w.wants(200, "kmh-epr", "GET", "/Encounter/"+enc, "")
		if a.body.Str("priority.text") != "of the sender's own" || a.body.Str("status") != "in-progress" {
			t.Errorf("what was not known is gone: %s", a.raw)
		}
		tag := a.header.Get("ETag")
		if tag == "" || a.header.Get("Last-Modified") == "" {
			t.Errorf("no version: %v", a.header)
		}
		w.wants(304, "kmh-epr", "GET", "/Encounter/"+enc, "", "If-None-Match", tag)
		version := strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
		w.wants(200, "kmh-epr", "GET", "/Encounter/"+enc+"/_history/"+version, "")
		w.wants(404, "kmh-epr", "GET", "/Encounter/"+enc+"/_history/another", "")
		w.wants(501, "kmh-epr", "GET", "/Encounter/"+enc+"/_history", "")
		if p := w.wants(200, "kmh-epr", "GET", "/Patient/"+pat, "", "Accept", "application/fhir+xml"); !strings.HasPrefix(p.raw, `<Patient xmlns="http://hl7.org/fhir">`) || p.body.Str("name.family") != "Example1" {
			t.Errorf("as XML: %s", p.raw)
		}

		moved := w.wants(200, "kmh-epr", "PUT", "/Encounter?identifier="+url.QueryEscape(visitSystem+"|V1"), stay(1, "V1", "Ward 31", "in-progress"))
		if moved.header.Get("ETag") == tag || !strings.Contains(moved.raw, "Ward 31") || moved.body.ID() != enc {
			t.Errorf("the move is not there: %s", moved.raw)
		}
		byID := strings.Replace(stay(1, "V1", "Ward 7", "in-progress"), `"resourceType":"Encounter"`, `"resourceType":"Encounter","id":"`+enc+`"`, 1)
		w.wants(412, "kmh-epr", "PUT", "/Encounter/"+enc, byID, "If-Match", tag)
		w.wants(200, "kmh-epr", "PUT", "/Encounter/"+enc, byID, "If-Match", moved.header.Get("ETag"))
		w.wants(400, "kmh-epr", "PUT", "/Encounter/other", byID)
		w.wants(409, "kmh-epr", "PUT", "/Encounter/"+enc, strings.Replace(byID, `"value":"V1"`, `"value":"V9"`, 1))
		w.wants(403, "mosaic", "PUT", "/Encounter?identifier="+url.QueryEscape(visitSystem+"|V7"), stay(7, "V7", "Ward 1", "in-progress"))
		two := strings.Replace(stay(1, "V1", "Ward 31", "in-progress"), `"identifier":[{"system":"`+visitSystem, `"identifier":[{"system":"https://rk5.example/other","value":"X"},{"system":"`+visitSystem, 1)
		w.wants(200, "kmh-epr", "PUT", "/Encounter?identifier="+url.QueryEscape(visitSystem+"|V1"), two)
		min := w.wants(200, "kmh-epr", "PUT", "/Encounter?identifier="+url.QueryEscape(visitSystem+"|V1"), stay(1, "V1", "Ward 8", "in-progress"), "Prefer", "return=minimal")
		if min.raw != "" {
			t.Errorf("minimal: %s", min.raw)
		}
		if o := w.wants(200, "kmh-epr", "PUT", "/Encounter?identifier="+url.QueryEscape(visitSystem+"|V1"), stay(1, "V1", "Ward 9", "in-progress"), "Prefer", "return=OperationOutcome"); o.body.Type() != "OperationOutcome" {
			t.Errorf("outcome: %s", o.raw)
		}
	})
}

func TestR4OthersSeeNothing(t *testing.T) {
	w := newR4(t, "sqlite")
	enc, pat := w.admit(1)
	for _, path := range []string{"/Encounter/" + enc, "/Patient/" + pat, "/Patient/nobody", "/Encounter/nobody.1", "/Encounter/" + strings.Repeat("a", 65)} {
		for _, who := range []string{"qmc-epr", "mosaic"} {
			a := w.wants(404, who, "GET", path, "")
			if a.code() != "not-found" || strings.Contains(a.raw, "Example") {
				t.Errorf("%s %s: %s", who, path, a.raw)
			}
		}
	}
	if a := w.find("qmc-epr", "Patient", "identifier", nhsSystem+"|"+nhs.Test(1).Digits()); a.status != 200 || a.body.Str("total") != "0" {
		t.Errorf("%d %s", a.status, a.raw)
	}
	w.wants(403, "reader", "POST", "/Communication", `{"resourceType":"Communication"}`)
}

func TestR4SearchByPerson(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		enc, pat := w.admit(1)
		w.admit(2)
		number := nhsSystem + "|" + nhs.Test(1).Digits()
		for _, tt := range []struct {
			typ   string
			kv    []string
			total string
			first string
		}{
			{"Patient", []string{"identifier", number}, "1", pat},
			{"Patient", []string{"identifier", "https://rk5.example/mrn|M1"}, "1", pat},
			{"Patient", []string{"identifier", number + "," + nhsSystem + "|" + nhs.Test(2).Digits()}, "2", pat},
			{"Patient", []string{"family", "Example1", "birthdate", "1938-04-02", "address-postalcode", "ZZ993AA"}, "1", pat},
			{"Patient", []string{"family", "Example1", "birthdate", "1938-04-03", "address-postalcode", "ZZ993AA"}, "0", ""},
			{"Patient", []string{"identifier", number, "gender", "male"}, "0", ""},
			{"Patient", []string{"identifier", number, "gender:not", "male"}, "1", pat},
			{"Patient", []string{"_id", pat}, "1", pat},
			{"Encounter", []string{"patient", pat}, "1", enc},
			{"Encounter", []string{"patient", "Patient/" + pat}, "1", enc},
			{"Encounter", []string{"subject", public + r4Base + "/Patient/" + pat}, "1", enc},
			{"Encounter", []string{"patient.identifier", number}, "1", enc},
			{"Encounter", []string{"subject:identifier", number}, "1", enc},
			{"Encounter", []string{"patient", pat, "status", "finished,in-progress"}, "1", enc},
			{"Encounter", []string{"patient", pat, "status", "finished"}, "0", ""},
			{"Encounter", []string{"patient", pat, "date", "ge2026-11-23"}, "1", enc},
			{"Encounter", []string{"patient", pat, "date", "lt2026-11-23"}, "0", ""},
			{"Encounter", []string{"patient", pat, "date:missing", "true"}, "0", ""},
			{"Encounter", []string{"patient", pat, "service-provider", "RK5"}, "1", enc},
			{"Encounter", []string{"patient", pat, "service-provider", "Organization/RX1"}, "0", ""},
			{"Encounter", []string{"patient", pat, "class", "http://terminology.hl7.org/CodeSystem/v3-ActCode|IMP"}, "1", enc},
			{"Encounter", []string{"patient", pat, "class", "http://other|IMP"}, "0", ""},
			{"Encounter", []string{"_id", enc}, "1", enc},
			{"Encounter", []string{"identifier", visitSystem + "|V1"}, "1", enc},
			{"Encounter", []string{"patient", "nobody"}, "0", ""},
			{"Encounter", []string{"patient", pat, "_lastUpdated", "ge2026-11-24"}, "1", enc},
			{"Encounter", []string{"patient", pat, "_lastUpdated", "lt2026-11-24"}, "0", ""},
		} {
			a := w.find("kmh-epr", tt.typ, tt.kv...)
			if a.status != 200 || a.body.Str("total") != tt.total || a.body.Str("entry.resource.id") != tt.first {
				t.Errorf("%s %v: %d %s", tt.typ, tt.kv, a.status, a.raw)
			}
		}
		byGet := w.wants(200, "kmh-epr", "GET", "/Encounter?patient="+pat+"&_format=xml", "")
		if byGet.body.Str("total") != "1" || !strings.Contains(byGet.header.Get("Content-Type"), "xml") {
			t.Errorf("by GET: %s", byGet.raw)
		}
	})
}

func TestR4SearchRefuses(t *testing.T) {
	w := newR4(t, "sqlite")
	_, pat := w.admit(1)
	number := nhs.Test(1).Digits()
	for _, path := range []string{"/Patient?identifier=" + nhsSystem + "%7C" + number, "/Patient?family=Example1", "/Patient?birthdate=1938-04-02", "/Encounter?patient.identifier=x%7C" + number,
		"/Encounter?subject:identifier=x%7C" + number, "/Patient?name:contains=x", "/Patient?phone=1"} {
		a := w.wants(400, "kmh-epr", "GET", path, "")
		if !strings.Contains(a.text(), "/_search") || strings.Contains(a.raw, number) || strings.Contains(a.raw, "Example1") {
			t.Errorf("%s: %s", path, a.raw)
		}
	}
	for _, kv := range [][]string{
		{"colour", "red"}, {"patient", pat, "status:above", "x"}, {"date", "2026-02-30"}, {"date", "ap2026"}, {"_sort", "status"}, {"_summary", "text"}, {"_count", "-1"},
		{"_include", "Encounter"}, {"_include", "Task:focus"}, {"_include", "Encounter:status"}, {"_include:iterate", "Encounter:subject"}, {"_revinclude", "Nothing:x"},
		{"_page", "rubbish"}, {"patient.name", "x"}, {"status", ""}, {"_has:Task:focus:status", "x"}, {"patient.identifier", "no system"}, {"patient.identifier", nhsSystem + "|9990000000"},
	} {
		if a := w.find("kmh-epr", "Encounter", kv...); a.status != 400 || a.body.Type() != "OperationOutcome" {
			t.Errorf("%v: %d %s", kv, a.status, a.raw)
		}
	}
	for _, kv := range [][]string{{"family", "Example1"}, {"family", "Example1", "birthdate", "1938-04-02"}, {"phone", "1"}, {"family", "A", "birthdate", "1938", "address-postalcode", "X"}} {
		if a := w.find("kmh-epr", "Patient", kv...); a.status != 400 {
			t.Errorf("%v: %d %s", kv, a.status, a.raw)
		}
	}
	a := w.as("kmh-epr", "POST", "/Encounter/_search", "colour=red&patient="+pat, "Content-Type", "application/x-www-form-urlencoded", "Prefer", "handling=lenient")
	if a.status != 200 || a.body.Str("total") != "1" || strings.Contains(a.raw, "colour") {
		t.Errorf("lenient: %d %s", a.status, a.raw)
	}
	w.wants(415, "kmh-epr", "POST", "/Encounter/_search", "{}")
	if strings.Contains(w.log.String(), number) || strings.Contains(w.log.String(), "Example1") {
		t.Error("the log tells who somebody is")
	}
}

func TestR4Pages(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		var who []string
		for i := 1; i <= 5; i++ {
			w.admit(i)
			who = append(who, nhsSystem+"|"+nhs.Test(i).Digits())
		}
		a := w.find("kmh-epr", "Patient", "identifier", strings.Join(who, ","), "_count", "2", "_elements", "gender")
		var seen []string
		for pages := 1; ; pages++ {
			if a.status != 200 || a.body.Str("total") != "5" {
				t.Fatalf("%d %s", a.status, a.raw)
			}
			for _, n := range a.body.All("entry.resource") {
				seen = append(seen, n.ID())
				if n.Get("name") != nil || n.Str("gender") == "" || n.Str("meta.tag.code") != "SUBSETTED" {
					t.Errorf("_elements: %+v", n)
				}
			}
			next := ""
			for _, l := range a.body.All("link") {
				if l.Str("relation") == "next" {
					next = l.Str("url")
				}
				for i := 1; i <= 5; i++ {
					if strings.Contains(l.Str("url"), nhs.Test(i).Digits()) {
						t.Errorf("a link tells who somebody is")
					}
				}
			}
			if next == "" {
				break
			}
			if pages > 5 {
				t.Fatal("the pages do not end")
			}
			a = w.wants(200, "kmh-epr", "GET", strings.TrimPrefix(next, public+r4Base), "")
		}
		if len(seen) != 5 || len(map[string]bool{seen[0]: true, seen[1]: true, seen[2]: true, seen[3]: true, seen[4]: true}) != 5 {
			t.Errorf("seen: %v", seen)
		}
		if a := w.find("kmh-epr", "Patient", "identifier", strings.Join(who, ","), "_summary", "count"); a.body.Str("total") != "5" || a.body.Get("entry") != nil {
			t.Errorf("_summary=count: %s", a.raw)
		}
	})
}

func TestR4Wide(t *testing.T) {
	onBothR4(t, func(t *testing.T, w *r4World) {
		for i := 1; i <= 7; i++ {
			w.admit(i)
			w.now.Add(int64(time.Minute / time.Microsecond))
		}
		seen := map[string]bool{}
		path := "/Encounter?_count=3&status=in-progress&_lastUpdated=ge2026-11-24"
		for pages := 0; path != "" && pages < 10; pages++ {
			a := w.wants(200, "kmh-epr", "GET", path, "")
			if len(a.body.All("entry")) > 3 {
				t.Errorf("a page of %d", len(a.body.All("entry")))
			}
			for _, n := range a.body.All("entry.resource") {
				seen[n.ID()] = true
			}
			path = ""
			for _, l := range a.body.All("link") {
				if l.Str("relation") == "next" {
					path = strings.TrimPrefix(l.Str("url"), public+r4Base)
				}
			}
		}
		if len(seen) != 7 {
			t.Errorf("%d of 7 stays are found", len(seen))
		}
		if a := w.wants(200, "kmh-epr", "GET", "/Encounter?_lastUpdated=ge2026-11-24T09:04:30Z", ""); len(a.body.All("entry")) != 2 {
			t.Errorf("_lastUpdated: %d", len(a.body.All("entry")))
		}
		var times []string
		for path := "/Encounter?_sort=-_lastUpdated&_count=4"; path != ""; {
			a := w.wants(200, "kmh-epr", "GET", path, "")
			path = ""
			for _, n := range a.body.All("entry.resource") {
				times = append(times, n.Str("meta.lastUpdated"))
			}
			for _, l := range a.body.All("link") {
				if l.Str("relation") == "next" {
					path = strings.TrimPrefix(l.Str("url"), public+r4Base)
				}
			}
		}
		if len(times) != 7 || !slices.IsSortedFunc(times, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("sorted: %v", times)
		}
		if a := w.wants(200, "kmh-epr", "GET", "/Encounter?_summary=count", ""); a.body.Str("total") != "7" {
			t.Errorf("counted: %s", a.raw)
		}
		if a := w.wants(200, "qmc-epr", "GET", "/Encounter", ""); len(a.body.All("entry")) != 0 {
			t.Errorf("another hospital sees %s", a.raw)
		}
	})
}
