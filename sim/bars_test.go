package sim

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"homeward/fhir"
)

// barsExample is a message that is as BaRS demands.
func barsExample() *fhir.Node {
	meta := func() *fhir.Node { return fhir.Obj("lastUpdated", "2026-11-24T10:00:00Z") }
	var entries []*fhir.Node
	add := func(url string, n *fhir.Node) {
		n.Set("meta", meta())
		entries = append(entries, fhir.Obj("fullUrl", url, "resource", n))
	}
	add("urn:h", fhir.Obj("resourceType", "MessageHeader", "eventCoding", fhir.Coding("", "servicerequest-request", ""), "reason", fhir.Concept("", fhir.Coding("", "new", "")),
		"source", fhir.Obj("endpoint", "urn:a"), "destination", []*fhir.Node{fhir.Obj("endpoint", "urn:b")}, "definition", "urn:d", "focus", []*fhir.Node{fhir.Obj("reference", "urn:s")}))
	add("urn:s", fhir.Obj("resourceType", "ServiceRequest", "intent", "plan", "authoredOn", "2026-11-24", "category", []*fhir.Node{fhir.Concept("", fhir.Coding("", "a", ""), fhir.Coding("", "b", ""))}))
	for i, typ := range []string{"Patient", "Encounter", "CarePlan", "Organization", "Organization", "Practitioner", "PractitionerRole"} {
		add("urn:x"+string(rune('0'+i)), fhir.Obj("resourceType", typ))
	}
	return fhir.Obj("resourceType", "Bundle", "id", "b1", "meta", fhir.Obj("versionId", "1.0.0"), "type", "message", "entry", entries)
}

// TestBarsReceiver holds that the pretend receiver sees what is wrong: a test that
// sends to it can fail.
func TestBarsReceiver(t *testing.T) {
	far := &Bars{Answer: map[string]int{"later": 425}}
	srv := httptest.NewServer(far)
	defer srv.Close()
	id := "11111111-2222-4333-8444-000000000001"
	send := func(n *fhir.Node, heads ...string) int {
		raw, err := fhir.Write(n, fhir.JSON, fhir.R4)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest("POST", srv.URL+"/$process-message", strings.NewReader(string(raw)))
		r.Header.Set("X-Request-Id", id)
		r.Header.Set("X-Correlation-Id", id)
		r.Header.Set("NHSD-Target-Identifier", base64.StdEncoding.EncodeToString([]byte(`{"system":"s","value":"v"}`)))
		for i := 0; i < len(heads); i += 2 {
			r.Header.Set(heads[i], heads[i+1])
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	drop := func(i int) *fhir.Node {
		n := barsExample()
		e := n.Member("entry")
		e.Items = append(e.Items[:i:i], e.Items[i+1:]...)
		return n
	}
	for i := range 9 {
		if got := send(drop(i)); got != 422 {
			t.Errorf("without entry %d it answers %d", i, got)
		}
	}
	for _, h := range []string{"X-Request-Id", "X-Correlation-Id", "NHSD-Target-Identifier"} {
		if got := send(barsExample(), h, "none"); got != 400 {
			t.Errorf("with a wrong %s it answers %d", h, got)
		}
	}
	later := barsExample()
	later.Set("id", "later")
	other := barsExample()
	other.Set("id", "b2")
	lost := barsExample()
	lost.All("entry.resource")[2].Set("managingOrganization", fhir.Obj("reference", "urn:nowhere"))
	for i, x := range []struct {
		n    *fhir.Node
		want int
	}{{lost, 422}, {later, 425}, {barsExample(), 200}, {barsExample(), 409}, {other, 409}} {
		if got := send(x.n); got != x.want {
			t.Errorf("%d: it answers %d, want %d", i, got, x.want)
		}
	}
	if got := far.Got(); len(got) != 1 || got[0].Event != "servicerequest-request" || got[0].Target != "s|v" {
		t.Errorf("it took %+v", got)
	}
}
