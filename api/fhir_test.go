package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/care"
	"homeward/fhir"
)

// echo is a face that answers with what came, and does what its path says.
func echo(f *Faces) {
	fc := f.add(face{name: "echo", base: "/echo", version: fhir.STU3, details: true})
	fc.on("POST", "/Patient", "system/read", func(c *call) error {
		n, err := c.body()
		if err != nil {
			return err
		}
		return c.written(true, "/Patient/1", n)
	})
	fc.on("GET", "/Patient/{id}", "system/read", func(c *call) error {
		return c.write(http.StatusOK, fhir.Obj("resourceType", "Patient", "id", c.r.PathValue("id"),
			"meta", fhir.Obj("versionId", "v1", "lastUpdated", "2026-11-24T09:00:00Z")))
	})
	fc.on("GET", "/Never", "never", func(*call) error { return nil })
	fc.on("GET", "/Panic", "system/read", func(*call) error { panic("of Barbara") })
	for kind := range answers {
		fc.on("GET", "/"+string(kind), "system/read", func(*call) error {
			return fmt.Errorf("asking: %w", &care.Error{Kind: kind, Text: "No.", Field: "Patient.name", Err: fmt.Errorf("secret cause")})
		})
	}
}

type facesWorld struct {
	*world
	at, token string
}

// newFaces serves the faces, and lets kmh-epr in.
func newFaces(t testing.TB, engine string, more ...func(*Faces)) *facesWorld {
	w := newWorld(t, engine)
	file := filepath.Join(t.TempDir(), "epr.json")
	w.must(os.WriteFile(file, jwks(t, jose.JSONWebKey{Key: keys().epr.Public(), KeyID: "k1", Use: "sig"}), 0o600))
	s, err := NewSystems(SystemsConfig{Hub: w.hub, URLs: []string{public}, Clock: w.clock, PerSecond: 1000, Address: func(*http.Request) string { return "192.0.2.7" },
		Clients: []Client{{ID: "kmh-epr", Keys: file, PerMinute: 10_000}}})
	w.must(err)
	f, err := NewFaces(FacesConfig{Hub: w.hub, Systems: s, Clock: w.clock, PublicURL: public})
	w.must(err)
	for _, add := range more {
		add(f)
	}
	mux := http.NewServeMux()
	for _, p := range f.Paths() {
		mux.Handle(p, f)
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return &facesWorld{world: w, at: srv.URL, token: w.granted(w.ask(w.good("kmh-epr")))}
}

type said struct {
	status int
	header http.Header
	raw    string
	body   *fhir.Node
}

// code and text are of the first issue.
func (s said) code() string { return s.body.Str("issue.code") }
func (s said) text() string { return s.body.Str("issue.diagnostics") }

// call asks a face; heads are names and values.
func (w *facesWorld) call(method, path, body string, heads ...string) said {
	w.Helper()
	r, err := http.NewRequest(method, w.at+path, strings.NewReader(body))
	w.must(err)
	r.Header.Set("Authorization", "Bearer "+w.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i < len(heads); i += 2 {
		if r.Header.Set(heads[i], heads[i+1]); heads[i+1] == "" {
			r.Header.Del(heads[i])
		}
	}
	res, err := http.DefaultClient.Do(r)
	w.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.must(err)
	a := said{status: res.StatusCode, header: res.Header, raw: string(b)}
	if f, ok := bodyFormat(&http.Request{Header: res.Header}); ok && len(b) > 0 {
		a.body, err = fhir.Parse(b, f, fhir.STU3, fhir.Limits{})
		w.must(err)
	}
	return a
}

func TestAFaceRefusesWithAnOperationOutcome(t *testing.T) {
	w := newFaces(t, "sqlite", echo)
	long := strings.Repeat(" ", maxBody) + "{}"
	for _, tt := range []struct {
		name, method, path, body string
		heads                    []string
		status                   int
		code                     string
	}{
		{"no token", "GET", "/echo/Patient/1", "", []string{"Authorization", ""}, 401, "login"},
		{"wrong token", "GET", "/echo/Patient/1", "", []string{"Authorization", "Bearer no"}, 401, "login"},
		{"wrong scope", "GET", "/echo/Never", "", nil, 403, "forbidden"},
		{"nothing there", "GET", "/echo/Nothing", "", nil, 404, "not-found"},
		{"nothing there at all", "GET", "/echo", "", nil, 404, "not-found"},
		{"another method", "DELETE", "/echo/Patient/1", "", nil, 405, "not-supported"},
		{"an answer that is not ours", "GET", "/echo/Patient/1", "", []string{"Accept", "image/png"}, 406, "not-supported"},
		{"a format that is not ours", "GET", "/echo/Patient/1?_format=turtle", "", nil, 406, "not-supported"},
		{"too large", "POST", "/echo/Patient", long, nil, 413, "too-long"},
		{"another media type", "POST", "/echo/Patient", "{}", []string{"Content-Type", "text/plain"}, 415, "not-supported"},
		{"another character set", "POST", "/echo/Patient", "{}", []string{"Content-Type", "application/fhir+json; charset=latin1"}, 415, "not-supported"},
		{"compressed", "POST", "/echo/Patient", "{}", []string{"Content-Encoding", "gzip"}, 415, "not-supported"},
		{"malformed", "POST", "/echo/Patient", `{"resourceType":`, nil, 400, "structure"},
		{"no body", "POST", "/echo/Patient", "", []string{"Content-Type", "application/fhir+json"}, 400, "structure"},
		{"a panic", "GET", "/echo/Panic", "", nil, 500, "exception"},
		{"invalid", "GET", "/echo/invalid", "", nil, 422, "value"},
		{"required", "GET", "/echo/required", "", nil, 422, "required"},
		{"not found", "GET", "/echo/not-found", "", nil, 404, "not-found"},
		{"forbidden", "GET", "/echo/forbidden", "", nil, 403, "forbidden"},
		{"conflict", "GET", "/echo/conflict", "", nil, 409, "conflict"},
		{"duplicate", "GET", "/echo/duplicate", "", nil, 409, "duplicate"},
		{"business rule", "GET", "/echo/business-rule", "", nil, 422, "business-rule"},
		{"throttled", "GET", "/echo/throttled", "", nil, 429, "throttled"},
		{"transient", "GET", "/echo/transient", "", nil, 503, "transient"},
		{"exception", "GET", "/echo/exception", "", nil, 500, "exception"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, format := range []string{"json", "xml"} {
				heads := tt.heads
				if tt.status != 406 {
					heads = append([]string{"Accept", "application/fhir+" + format}, heads...)
				}
				a := w.call(tt.method, tt.path, tt.body, heads...)
				if a.status != tt.status || a.body.Type() != "OperationOutcome" || a.code() != tt.code || a.text() == "" {
					t.Errorf("%s: %d %s", format, a.status, a.raw)
				}
				if strings.Contains(a.raw, "secret") || strings.Contains(a.raw, "Barbara") {
					t.Errorf("an answer tells what is not for users: %s", a.raw)
				}
				if a.header.Get("Cache-Control") != "no-store" || a.body.Str("issue.details.coding.system") != httpErrorCodes {
					t.Errorf("%v %s", a.header, a.raw)
				}
				if a.status == 401 && a.header.Get("WWW-Authenticate") == "" || a.status == 405 && a.header.Get("Allow") != "GET" || a.status == 429 && a.header.Get("Retry-After") == "" {
					t.Errorf("headers of %d: %v", a.status, a.header)
				}
			}
		})
	}
}

// TestAFaceSpeaksBothFormats asks in every way that a format can be asked for.
func TestAFaceSpeaksBothFormats(t *testing.T) {
	w := newFaces(t, "sqlite", echo)
	const patient, asXML = `{"resourceType":"Patient","id":"1","active":true}`, `<Patient xmlns="http://hl7.org/fhir"><id value="1"/><active value="true"/></Patient>`
	for _, tt := range []struct{ kind, accept, query, want string }{
		{"application/fhir+json", "", "", "json"}, {"application/fhir+xml", "", "", "xml"}, {"application/fhir+json", "*/*", "", "json"}, {"text/xml; charset=UTF-8", "*/*", "", "xml"},
		{"application/fhir+json", "application/fhir+xml", "", "xml"}, {"application/json", "text/html, application/fhir+xml;q=0.5, application/fhir+json;q=0.9", "", "json"},
		{"application/fhir+xml", "application/fhir+xml", "?_format=json", "json"}, {"application/fhir+json", "", "?_format=application/fhir+xml", "xml"},
		{"application/fhir+json; version=1.4.0", "application/fhir+json; version=1.4.0", "", "json"},
	} {
		body := patient
		if strings.Contains(tt.kind, "xml") {
			body = asXML
		}
		a := w.call("POST", "/echo/Patient"+tt.query, body, "Content-Type", tt.kind, "Accept", tt.accept, "Prefer", "return=representation")
		if a.status != 201 || a.body.ID() != "1" || !strings.HasPrefix(a.header.Get("Content-Type"), "application/fhir+"+tt.want) || a.header.Get("Location") != public+"/echo/Patient/1" {
			t.Errorf("%+v: %d %v %s", tt, a.status, a.header, a.raw)
		}
	}
	for prefer, want := range map[string]string{"return=minimal": "", "return=OperationOutcome": "OperationOutcome", "respond-async, return=representation": "Patient"} {
		if a := w.call("POST", "/echo/Patient", patient, "Prefer", prefer); a.status != 201 || a.body.Type() != want {
			t.Errorf("%s: %d %s", prefer, a.status, a.raw)
		}
	}
}

func TestAFaceGivesVersionsAndMirrorsIds(t *testing.T) {
	w := newFaces(t, "sqlite", echo)
	a := w.call("GET", "/echo/Patient/7", "", "X-Request-Id", "3f4b2a10-1111-4222-8333-444455556666", "X-Correlation-Id", "c-1")
	if a.status != 200 || a.header.Get("ETag") != `W/"v1"` || a.header.Get("Last-Modified") != "Tue, 24 Nov 2026 09:00:00 GMT" ||
		a.header.Get("X-Request-Id") != "3f4b2a10-1111-4222-8333-444455556666" || a.header.Get("X-Correlation-Id") != "c-1" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := w.call("GET", "/echo/Patient/7", "", "If-None-Match", `"x", W/"v1"`); a.status != 304 || a.raw != "" {
		t.Errorf("%d %s", a.status, a.raw)
	}
	if a := w.call("GET", "/echo/Patient/7", "", "If-None-Match", `W/"v2"`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

// TestALargeBodyIsRefusedAtOnce sends 50 MB that say how many they are, and an
// endless stream that does not.
func TestALargeBodyIsRefusedAtOnce(t *testing.T) {
	w := newFaces(t, "sqlite", echo)
	for name, body := range map[string]io.Reader{"announced": bytes.NewReader(make([]byte, 50<<20)), "a stream": io.LimitReader(zeros{}, 1<<40)} {
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		r, err := http.NewRequestWithContext(ctx, "POST", w.at+"/echo/Patient", body)
		w.must(err)
		r.Header.Set("Authorization", "Bearer "+w.token)
		r.Header.Set("Content-Type", "application/fhir+json")
		r.Header.Set("Expect", "100-continue")
		began := time.Now()
		res, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: 5 * time.Second}}).Do(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		res.Body.Close()
		if took := time.Since(began); res.StatusCode != 413 || name == "announced" && took > time.Second {
			t.Errorf("%s: %d after %v", name, res.StatusCode, took)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// TestEveryKindOfErrorHasAnAnswer holds the table against package care.
func TestEveryKindOfErrorHasAnAnswer(t *testing.T) {
	for _, k := range []care.Kind{care.Invalid, care.Required, care.NotFound, care.Forbidden, care.Login, care.Conflict, care.Duplicate, care.BusinessRule,
		care.Throttled, care.Transient, care.Exception} {
		if a := answers[k]; a.status < 400 || a.code == "" {
			t.Errorf("%s has no answer", k)
		}
	}
	for err, want := range map[error]int{&fhir.Error{Malformed: true, Issues: []fhir.Issue{{Code: "structure"}}}: 400, &fhir.Error{TooLarge: true, Issues: []fhir.Issue{{Code: "too-long"}}}: 413,
		unfit("required", "Encounter.status", "must be there"): 422, no(425, "processing", "still at it"): 425, io.EOF: 500, tooMany(): 429} {
		if status, issues := outcome(err); status != want || len(issues) == 0 {
			t.Errorf("%v: %d %v", err, status, issues)
		}
	}
	status, issues := outcome(&care.Error{Kind: care.BusinessRule, Text: "Not now.", Field: "key", Allowed: []string{"Add a note"}})
	if status != 409 || issues[0].Diagnostics != "Not now. What may be done: add a note" || issues[0].Expression != "" {
		t.Errorf("%+v", issues)
	}
}
