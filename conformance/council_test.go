package conformance

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A liar is a council's receiver that is wrong in one way.
type liar struct {
	name  string
	serve func(w http.ResponseWriter, r *http.Request, n int64)
}

func taken(w http.ResponseWriter, r *http.Request, n int64) {
	if r.Method == http.MethodPost {
		w.Header().Set("Location", fmt.Sprintf("http://%s%s/%d", r.Host, r.URL.Path, n))
		w.WriteHeader(http.StatusCreated)
	}
}

const outcome = `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing"}]}`

func no(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/fhir+json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// liars are enough to make every check fail.
var liars = []liar{
	{"says yes to everything", func(w http.ResponseWriter, r *http.Request, n int64) {
		_, _ = io.Copy(io.Discard, r.Body)
		taken(w, r, n)
	}},
	{"fails at everything", func(w http.ResponseWriter, r *http.Request, _ int64) {
		_, _ = io.Copy(io.Discard, r.Body)
		no(w, http.StatusInternalServerError, outcome)
	}},
	{"takes only plain referrals", func(w http.ResponseWriter, r *http.Request, n int64) {
		body, err := io.ReadAll(r.Body)
		if err == nil && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, referrals) && len(body) > 0 && body[0] == '{' {
			taken(w, r, n)
			return
		}
		no(w, http.StatusUnprocessableEntity, outcome)
	}},
	{"answers the slow by a refusal", func(w http.ResponseWriter, r *http.Request, n int64) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			no(w, http.StatusRequestTimeout, outcome)
			return
		}
		taken(w, r, n)
	}},
}

func dies() liar {
	var dead atomic.Bool
	return liar{"dies of a body that breaks off", func(w http.ResponseWriter, r *http.Request, n int64) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			dead.Store(true)
		}
		if dead.Load() {
			no(w, http.StatusInternalServerError, outcome)
			return
		}
		taken(w, r, n)
	}}
}

func sluggish() liar {
	return liar{"takes its time for one in four", func(w http.ResponseWriter, r *http.Request, n int64) {
		_, _ = io.Copy(io.Discard, r.Body)
		if n%4 == 0 {
			time.Sleep(220 * time.Millisecond)
		}
		taken(w, r, n)
	}}
}

// against runs checks against a liar.
func against(t *testing.T, l liar, checks []Check) []Result {
	t.Helper()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.serve(w, r, n.Add(1)) }))
	t.Cleanup(srv.Close)
	k, err := newKit(Config{Target: srv.URL, Token: func(context.Context) (string, error) { return strings.Repeat("t", 43), nil }, haste: 10})
	if err != nil {
		t.Fatal(err)
	}
	return run(t.Context(), k, checks)
}

// TestEveryCheckCanFail finds for each check a receiver that fails it.
func TestEveryCheckCanFail(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("some liars are slow")
	}
	all := CouncilChecks()
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.ID] {
			t.Errorf("two checks are called %s", c.ID)
		}
		seen[c.ID] = true
		if c.Requirement == "" || c.Source == "" || c.Group == "" {
			t.Errorf("%s does not say what it requires, and who says so", c.ID)
		}
	}
	failed := map[string]bool{}
	for _, l := range append(slices.Clone(liars), dies(), sluggish()) {
		var left []Check
		for _, c := range all {
			if !failed[c.ID] && (l.name != sluggish().name || c.ID == "wire.soon") {
				left = append(left, c)
			}
		}
		for _, r := range against(t, l, left) {
			if r.Verdict == Fail {
				failed[r.ID] = true
			}
		}
	}
	for _, c := range all {
		if !failed[c.ID] {
			t.Errorf("no liar fails %s: %s", c.ID, c.Requirement)
		}
	}
}

// TestARefusalMustNotRepeatWhatIsPersonal tries the one thing about refusals that
// is easiest to forget.
func TestARefusalMustNotRepeatWhatIsPersonal(t *testing.T) {
	parrot := liar{"repeats what it was sent", func(w http.ResponseWriter, r *http.Request, _ int64) {
		body, _ := io.ReadAll(r.Body)
		no(w, http.StatusBadRequest, fmt.Sprintf(`{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"structure","diagnostics":%q}]}`, body))
	}}
	i := slices.IndexFunc(wrongBodies(), func(c Check) bool { return c.ID == "bad.json" })
	got := against(t, parrot, wrongBodies()[i:i+1])[0]
	if got.Verdict != Fail || !strings.Contains(got.Why, "personal") {
		t.Errorf("found %s: %s", got.Verdict, got.Why)
	}
}

func TestReports(t *testing.T) {
	r := Report{Role: Council, Target: "https://council.example/ReferralService/v3", Build: "test", Began: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), Results: []Result{
		{ID: "a.good", Group: "One", Requirement: "It works.", Source: "S", Verdict: Pass, Evidence: []string{"<b>GET</b> /"}},
		{ID: "a.bad", Group: "One", Requirement: "It refuses.", Source: "S", Verdict: Fail, Why: "it did not"},
		{ID: "b.part", Group: "Two", Requirement: "It hurries.", Source: "S", Verdict: Warn, Why: "slowly"},
		{ID: "b.none", Group: "Two", Requirement: "It listens.", Source: "S", Verdict: NotTried, Why: "no address"}}}
	var page, junit strings.Builder
	if err := errors.Join(r.WriteHTML(&page), r.WriteJUnit(&junit)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<h2 id=\"one\">One</h2>", "Not met", "it did not", "&lt;b&gt;GET&lt;/b&gt;", "Met in part"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	var suites junitSuites
	if err := xml.Unmarshal([]byte(junit.String()), &suites); err != nil {
		t.Fatal(err)
	}
	s := suites.Suites[0]
	if s.Tests != 4 || s.Failures != 1 || s.Skipped != 1 || s.Cases[1].Failure.Message != "it did not" {
		t.Errorf("JUnit says %+v", s)
	}
}

// TestWhatStandsAtTheEndOfADay tries a receiver that takes everything and believes
// whoever spoke last, and one that cannot be asked.
func TestWhatStandsAtTheEndOfADay(t *testing.T) {
	t.Parallel()
	answer := func(asked int) liar {
		return liar{"believes whoever spoke last", func(w http.ResponseWriter, r *http.Request, n int64) {
			_, _ = io.Copy(io.Discard, r.Body)
			switch {
			case r.Method != http.MethodGet:
				taken(w, r, n)
			case asked != 200:
				no(w, asked, outcome)
			case strings.HasSuffix(r.URL.Path, stays):
				no(w, 200, `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Encounter","period":{"end":"2020-01-01"}}}]}`)
			default:
				no(w, 200, `{"resourceType":"ReferralRequest","status":"active"}`)
			}
		}}
	}
	for asked, want := range map[int]Verdict{200: Fail, 405: NotTried, 500: Fail} {
		for _, x := range against(t, answer(asked), readBacks()) {
			if x.Verdict != want {
				t.Errorf("asked and answered %d, %s is %s: %s", asked, x.ID, x.Verdict, x.Why)
			}
			if asked == 200 && !strings.Contains(x.Why, "last") && !strings.Contains(x.Why, "active") {
				t.Errorf("%s fails for another reason: %s", x.ID, x.Why)
			}
		}
	}
}
