package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/fhir"
)

// council is a receiver of messages by BaRS that does what it must, but for the
// faults that it has.
type council struct {
	fault string
	mu    sync.Mutex
	had   map[string]bool      // request ids
	refs  map[string]time.Time // identifier of a referral to the newest message
}

func (c *council) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.fault == "silent":
		return
	case strings.HasSuffix(r.URL.Path, "/metadata"):
		no(w, 200, `{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","messaging":[{"documentation":"x"}]}`)
		return
	case strings.HasSuffix(r.URL.Path, "/MessageDefinition"):
		no(w, 200, `{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"MessageDefinition","id":"x"}}]}`)
		return
	}
	if c.fault != "no mirror" {
		for _, h := range []string{"X-Request-Id", "X-Correlation-Id"} {
			w.Header().Set(h, r.Header.Get(h))
		}
	}
	if c.fault == "slow" {
		time.Sleep(220 * time.Millisecond)
	}
	if status, code := c.judge(r); status != 200 {
		if c.fault == "codeless" {
			code = "processing"
		}
		no(w, status, fmt.Sprintf(`{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":%q}]}`, code))
	}
}

// judge takes a message and answers it through the tree that it keeps; a refusal is
// a status and an issue.
func (c *council) judge(r *http.Request) (int, string) {
	if r.Header.Get("Authorization") == "" && c.fault != "open" {
		return 401, "login"
	}
	for _, h := range []string{"X-Request-Id", "X-Correlation-Id", "NHSD-Target-Identifier"} {
		if r.Header.Get(h) == "" && c.fault != "headless" {
			return 400, "required"
		}
	}
	if len(r.Header.Get("X-Request-Id")) != 36 && c.fault != "headless" {
		return 400, "invalid"
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 400, "structure"
	}
	tree, err := fhir.Parse(body, fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil && c.fault != "credulous" {
		return 400, "structure"
	}
	if c.fault != "credulous" {
		if status, code := combination(tree); status != 200 {
			return status, code
		}
	}
	return c.keep(r, tree)
}

func combination(tree *fhir.Node) (int, string) {
	types := map[string]int{}
	var service *fhir.Node
	for _, n := range tree.All("entry.resource") {
		types[n.Type()]++
		if n.Type() == "ServiceRequest" {
			service = n
		}
	}
	head := tree.Get("entry.resource")
	switch reason := head.Str("reason.coding.code"); {
	case tree.Str("type") != "message":
		return 400, "value"
	case tree.Str("meta.versionId") != "1.0.0":
		return 422, "not-supported"
	case head.Str("eventCoding.code") != "servicerequest-request", reason == "new" && service != nil && service.Str("status") != "active":
		return 400, "invariant"
	case service == nil, types["Patient"] == 0, types["Encounter"] == 0:
		return 422, "required"
	}
	return 200, ""
}

// keep decides by what came before.
func (c *council) keep(r *http.Request, tree *fhir.Node) (int, string) {
	id, at := r.Header.Get("X-Request-Id"), tree.Str("timestamp")
	when, err := time.Parse(time.RFC3339Nano, at)
	if err != nil && c.fault != "credulous" || c.fault == "strict times" && !strings.HasSuffix(at, "Z") {
		return 422, "value"
	}
	if c.had[id] && c.fault != "forgetful" {
		return 409, "duplicate"
	}
	c.had[id] = true
	key := ""
	for _, n := range tree.All("entry.resource") {
		if n.Type() == "ServiceRequest" {
			key = n.Str("identifier.value")
		}
	}
	if when.Before(c.refs[key]) && c.fault != "forgetful" {
		return 409, "conflict"
	}
	reason := tree.Get("entry.resource").Str("reason.coding.code")
	if c.fault == "only new" && reason != "new" {
		return 422, "processing"
	}
	c.refs[key] = when
	return 200, ""
}

// acks writes the acknowledgement after a message that was taken.
type acks struct{ *council }

func (a acks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	rec := httptest.NewRecorder()
	a.council.ServeHTTP(rec, r)
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	if rec.Code != 200 || rec.Body.Len() > 0 || a.fault == "silent" {
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
		return
	}
	id := ""
	if tree, err := fhir.Parse(body, fhir.JSON, fhir.R4, fhir.Limits{}); err == nil {
		id = tree.ID()
	}
	if a.fault == "answers another" {
		id = "another"
	}
	no(w, 200, fmt.Sprintf(`{"resourceType":"Bundle","type":"message","entry":[{"resource":{"resourceType":"MessageHeader","response":{"identifier":%q,"code":"ok"}}}]}`, id))
}

func barsAgainst(t *testing.T, fault string) map[string]Result {
	t.Helper()
	srv := httptest.NewServer(acks{&council{fault: fault, had: map[string]bool{}, refs: map[string]time.Time{}}})
	t.Cleanup(srv.Close)
	r, err := RunCouncil(t.Context(), Config{BaRS: srv.URL, Token: func(context.Context) (string, error) { return strings.Repeat("t", 43), nil }})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Result{}
	for _, x := range r.Results {
		out[x.ID] = x
	}
	return out
}

func TestBars(t *testing.T) {
	t.Parallel()
	for id, x := range barsAgainst(t, "") {
		if x.Verdict != Pass {
			t.Errorf("a good council: %s is %s: %s\n%s", id, x.Verdict, x.Why, strings.Join(x.Evidence, "\n"))
		}
	}
	failed := map[string]bool{}
	for fault, ids := range map[string]string{
		"silent":          "metadata definitions new",
		"no mirror":       "mirrored",
		"open":            "no-token",
		"headless":        "no-request-id no-correlation-id no-target id-no-uuid",
		"credulous":       "version event reason no-patient no-encounter no-service-request no-message no-json",
		"codeless":        "version event reason duplicate stale",
		"forgetful":       "duplicate stale race",
		"only new":        "update cancel-update cancel-delete",
		"strict times":    "times",
		"answers another": "new update",
	} {
		got := barsAgainst(t, fault)
		for id := range strings.FieldsSeq(ids) {
			failed["bars."+id] = true
			if x := got["bars."+id]; x.Verdict != Fail {
				t.Errorf("%s: %s is %q", fault, id, x.Verdict)
			}
		}
	}
	if !testing.Short() {
		srv := httptest.NewServer(acks{&council{fault: "slow", had: map[string]bool{}, refs: map[string]time.Time{}}})
		defer srv.Close()
		k, err := newKit(Config{Target: srv.URL, Token: func(context.Context) (string, error) { return "t", nil }, haste: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range BarsChecks() {
			if c.ID == "bars.soon" {
				failed[c.ID] = run(t.Context(), k, []Check{c})[0].Verdict == Fail
			}
		}
	}
	for _, c := range BarsChecks() {
		if !failed[c.ID] && !testing.Short() {
			t.Errorf("no council fails %s", c.ID)
		}
	}
}
