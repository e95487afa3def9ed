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
	"homeward/nhs"
)

// A register answers look-ups and locates councils as it must, but for its fault.
type register struct{ fault string }

func edith() Somebody {
	born, err := nhs.ParseDate("1941-03-14")
	if err != nil {
		panic(err) // it is a date
	}
	return Somebody{Number: nhs.Test(7), Born: born}
}

const held = `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"p"}},` +
	`{"resource":{"resourceType":"EpisodeOfCare","meta":{"lastUpdated":"2026-11-22T09:00:00Z"},"status":"active","contained":[{"resourceType":"Organization","id":"o","telecom":[{"system":"phone","value":"01632 960201"},{"system":"phone","value":"01632 960202","use":"temp"}]}]}},` +
	`{"resource":{"resourceType":"Flag","status":"inactive","code":{"text":"No safeguarding enquiry is open"}}}]}`

const heldNot = `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"EpisodeOfCare","status":"entered-in-error","type":[{"coding":[{"code":"DNH-IL"}]}]}},` +
	`{"resource":{"resourceType":"Flag","status":"inactive","code":{"coding":[{"code":"DNH-SL"}]}}}]}`

func (g register) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") == "" && g.fault != "open" {
		no(w, 401, outcome)
		return
	}
	switch {
	case g.fault == "fails":
		no(w, 500, outcome)
	case g.fault == "slow":
		time.Sleep(220 * time.Millisecond)
		no(w, 200, held)
	case g.fault == "empty":
		no(w, 200, `{"resourceType":"Bundle","type":"collection"}`)
	case strings.HasSuffix(r.URL.Path, "/HealthcareService"):
		g.locates(w, r)
	case r.Method == http.MethodGet && g.fault != "credulous":
		no(w, 400, outcome)
	default:
		g.looks(w, r)
	}
}

func (g register) looks(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		no(w, 400, outcome)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "xml") && g.fault != "no xml" {
		w.Header().Set("Content-Type", "application/fhir+xml")
		_, _ = io.WriteString(w, `<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/></Bundle>`)
		return
	}
	tree, err := fhir.Parse(body, fhir.JSON, fhir.STU3, fhir.Limits{})
	given := map[string]string{}
	for _, p := range tree.All("parameter") {
		given[p.Str("name")] = p.Str("valueIdentifier.value") + p.Str("valueDate") + p.Str("valueString")
	}
	number, wrong := nhs.ParseNumber(given["identifier"])
	switch {
	case g.fault != "credulous" && (err != nil || wrong != nil || given["reason"] == ""):
		no(w, 422, outcome)
	case number == edith().Number && (given["birthDate"] == "1941-03-14" || g.fault == "no birthday"):
		answer := held
		switch g.fault {
		case "no flag":
			answer = strings.ReplaceAll(answer, "Flag", "Basic")
		case "undated":
			answer = strings.Replace(answer, "lastUpdated", "versionId", 1)
		case "no phones":
			answer = strings.ReplaceAll(answer, "telecom", "contact")
		}
		no(w, 200, answer)
	default:
		no(w, 200, heldNot)
	}
}

func (g register) locates(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var entries []string
	say := func() { entries = append(entries, `{"resource":`+outcome+`}`) }
	council := func(ods string) {
		entries = append(entries, `{"resource":{"resourceType":"HealthcareService"}}`, `{"resource":{"resourceType":"Endpoint","address":"https://council.example/ReferralService/v3"}}`,
			fmt.Sprintf(`{"resource":{"resourceType":"Organization","identifier":[{"system":%q,"value":%q}]}}`, odsSystem, ods))
	}
	known := q.Get("postcode") == "NG5 7XX"
	switch {
	case q.Get("postcode") == "" && g.fault != "credulous":
		no(w, 400, outcome)
		return
	case known && q.Get("address") == "1 Boundary Road" && g.fault != "by postcode":
		council("511")
	case known && g.fault != "guesses":
		council("511")
		council("512")
		if g.fault != "silent" {
			say()
		}
	case known, g.fault == "guesses":
		council("511")
	case g.fault != "silent":
		say()
	}
	no(w, 200, `{"resourceType":"Bundle","type":"searchset","entry":[`+strings.Join(entries, ",")+`]}`)
}

// triedBy runs checks against a handler.
func triedBy(t *testing.T, h http.Handler, c Config, checks []Check) map[string]Result {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	c.Target, c.Token = srv.URL, func(context.Context) (string, error) { return strings.Repeat("t", 43), nil }
	k, err := newKit(c)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Result{}
	for _, x := range run(t.Context(), k, checks) {
		out[x.ID] = x
	}
	return out
}

func TestLookupAndLocator(t *testing.T) {
	t.Parallel()
	checks := append(LookupChecks(), LocatorChecks()...)
	c := Config{Known: edith(), Boundary: Place{Address: "1 Boundary Road", Postcode: "NG5 7XX", ODS: "511"}, haste: 10}
	for id, x := range triedBy(t, register{}, c, checks) {
		if x.Verdict != Pass {
			t.Errorf("a good register: %s is %s: %s\n%s", id, x.Verdict, x.Why, strings.Join(x.Evidence, "\n"))
		}
	}
	failed := map[string]bool{}
	for fault, ids := range map[string]string{
		"open":        "lookup.no-token locator.no-token",
		"credulous":   "lookup.number lookup.no-reason lookup.address locator.parameters",
		"empty":       "lookup.known lookup.safeguarding lookup.as-at lookup.nobody",
		"no birthday": "lookup.other-birthday",
		"no flag":     "lookup.safeguarding",
		"undated":     "lookup.as-at",
		"no phones":   "lookup.known",
		"no xml":      "lookup.xml",
		"slow":        "lookup.known lookup.soon",
		"by postcode": "locator.property",
		"guesses":     "locator.two locator.nowhere",
		"silent":      "locator.two locator.nowhere",
		"fails":       "lookup.out-of-hours locator.endpoint",
	} {
		got := triedBy(t, register{fault}, c, checks)
		for id := range strings.FieldsSeq(ids) {
			failed[id] = true
			if got[id].Verdict != Fail {
				t.Errorf("%s: %s is %q: %s", fault, id, got[id].Verdict, got[id].Why)
			}
		}
	}
	for _, x := range checks {
		if !failed[x.ID] {
			t.Errorf("no register fails %s", x.ID)
		}
	}
	if x := triedBy(t, register{"no phones"}, c, checks)["lookup.out-of-hours"]; x.Verdict != Warn {
		t.Errorf("no number out of hours is %s", x.Verdict)
	}
	for id, x := range triedBy(t, register{}, Config{}, checks) {
		needs := strings.Contains("lookup.known lookup.out-of-hours lookup.safeguarding lookup.as-at lookup.other-birthday locator.property locator.two locator.endpoint", id)
		if needs != (x.Verdict == NotTried) {
			t.Errorf("without a person and a place %s is %s", id, x.Verdict)
		}
	}
}

// A board is a server of FHIR R4 with one referral after the other, that does what it
// must with Tasks but for its fault.
type board struct {
	fault string
	mu    sync.Mutex
	n     int
	state map[string][2]string // status and reason of a task
}

func (b *board) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	tree, bad := fhir.Parse(body, fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil || bad != nil && len(body) > 0 || b.fault == "takes nothing" {
		no(w, 400, outcome)
		return
	}
	_, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case strings.HasSuffix(r.URL.Path, "/Encounter"):
		no(w, 201, `{"resourceType":"Encounter","id":"e","subject":{"reference":"Patient/p"}}`)
	case r.Method == http.MethodPost:
		b.n++
		id = fmt.Sprint(b.n)
		b.state[id] = [2]string{"requested", ""}
		w.Header().Set("Location", "http://"+r.Host+"/ServiceRequest/"+id)
		no(w, 201, `{}`)
	case strings.HasSuffix(r.URL.Path, "/Task"):
		_, id, _ = strings.Cut(r.URL.Query().Get("focus"), "/")
		no(w, 200, fmt.Sprintf(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Task","id":%q}}]}`, id))
	case strings.HasPrefix(r.URL.Path, "/ServiceRequest"):
		if b.fault != "deaf" {
			b.state[id] = [2]string{"requested", ""}
		}
		no(w, 200, `{}`)
	case r.Method == http.MethodGet:
		no(w, 200, fmt.Sprintf(`{"resourceType":"Task","id":%q,"status":%q,"statusReason":{"text":%q}}`, id, b.state[id][0], b.state[id][1]))
	default:
		b.put(w, r, id, tree)
	}
}

func (b *board) put(w http.ResponseWriter, r *http.Request, id string, tree *fhir.Node) {
	status, why := tree.Str("status"), tree.Str("statusReason.text")
	switch {
	case b.fault != "anybody" && !strings.HasSuffix(r.Header.Get("Authorization"), "council"):
		no(w, 403, outcome)
	case b.fault != "anybody" && status == "rejected" && why == "":
		no(w, 422, outcome)
	default:
		if b.fault == "mute" {
			status, why = "in-progress", ""
		}
		b.state[id] = [2]string{status, why}
		no(w, 200, `{}`)
	}
}

func TestReturned(t *testing.T) {
	t.Parallel()
	c := Config{Council: func(context.Context) (string, error) { return "council", nil }}
	at := func(fault string, c Config) map[string]Result {
		return triedBy(t, &board{fault: fault, state: map[string][2]string{}}, c, ReturnedChecks())
	}
	for id, x := range at("", c) {
		if x.Verdict != Pass {
			t.Errorf("a good board: %s is %s: %s\n%s", id, x.Verdict, x.Why, strings.Join(x.Evidence, "\n"))
		}
	}
	failed := map[string]bool{}
	for fault, ids := range map[string]string{"mute": "seen accepted", "deaf": "completed", "anybody": "no-reason whose"} {
		got := at(fault, c)
		for id := range strings.FieldsSeq(ids) {
			failed["returned."+id] = true
			if x := got["returned."+id]; x.Verdict != Fail {
				t.Errorf("%s: %s is %q", fault, id, x.Verdict)
			}
		}
	}
	for _, x := range ReturnedChecks() {
		if !failed[x.ID] {
			t.Errorf("no board fails %s", x.ID)
		}
	}
	for _, got := range []map[string]Result{at("", Config{}), at("takes nothing", c)} {
		for id, x := range got {
			if x.Verdict != NotTried {
				t.Errorf("%s is %s", id, x.Verdict)
			}
		}
	}
}
