package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/translate"
	"homeward/translate/r4"
)

// r4BundleMost is how many entries a batch or a transaction may have.
const r4BundleMost = 100

// r4Bundle takes a batch or a transaction at the base. FHIR R4 3.1.0.11.
func (c *call) r4Bundle() error {
	n, err := c.body()
	if err != nil {
		return err
	}
	entries := n.All("entry")
	switch {
	case n.Type() != "Bundle":
		return no(http.StatusBadRequest, "invalid", "At the base a Bundle is taken; a resource goes to the address of its type")
	case len(entries) > r4BundleMost:
		return no(http.StatusRequestEntityTooLarge, "too-costly", fmt.Sprintf("A Bundle may have up to %d entries", r4BundleMost))
	case len(entries) == 0:
		return unfit("required", "Bundle.entry", "is missing")
	}
	switch n.Str("type") {
	case "batch":
		return c.r4Batch(entries)
	case "transaction":
		return c.r4Transaction(n, entries)
	case "message":
		return no(http.StatusBadRequest, "not-supported", "Messages go to $process-message")
	}
	return unfit("value", "Bundle.type", "must be batch or transaction")
}

// r4Batch carries out each entry by itself, as if it had come alone, in the order in
// which the entries stand.
func (c *call) r4Batch(entries []*fhir.Node) error {
	var out []*fhir.Node
	for i, e := range entries {
		answer, err := c.r4Entry(e, i)
		if err != nil {
			status, issues := outcome(err)
			answer = fhir.Obj("response", fhir.Obj("status", fmt.Sprintf("%d %s", status, http.StatusText(status)), "outcome", fhir.Outcome(issues...)))
		}
		out = append(out, answer)
	}
	c.kept = true // each entry was kept
	return c.write(http.StatusOK, fhir.Obj("resourceType", "Bundle", "type", "batch-response", "entry", out))
}

// r4Entry asks this face what an entry asks.
func (c *call) r4Entry(e *fhir.Node, i int) (*fhir.Node, error) {
	path := fmt.Sprintf("Bundle.entry[%d].request", i)
	method, to := e.Str("request.method"), e.Str("request.url")
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT"}, method) {
		return nil, unfit("value", path+".method", "must be GET, HEAD, POST or PUT")
	}
	at, err := url.Parse(strings.TrimPrefix(strings.TrimPrefix(to, c.faces.PublicURL+c.base), "/"))
	if err != nil || to == "" || at.IsAbs() || at.Host != "" || strings.Contains(at.Path, "..") || at.Path == "" {
		return nil, unfit("value", path+".url", "must be an address below the base, such as Patient/1")
	}
	var body []byte
	if res := e.Member("resource"); !res.Empty() {
		if body, err = fhir.Write(res, fhir.JSON, fhir.R4); err != nil {
			return nil, err
		}
	}
	at.Path = c.base + "/" + at.Path
	r, err := http.NewRequestWithContext(c.r.Context(), method, at.String(), bytes.NewReader(body))
	if err != nil {
		return nil, unfit("value", path+".url", "must be an address below the base, such as Patient/1")
	}
	r.RemoteAddr, r.TLS, r.Host = c.r.RemoteAddr, c.r.TLS, c.r.Host
	for name, vs := range c.r.Header {
		if !slices.Contains([]string{"Content-Type", "Content-Length", "Accept", "X-Request-Id", "If-Match", "If-None-Match", "If-None-Exist"}, name) {
			r.Header[name] = vs
		}
	}
	r.Header.Set("Accept", "application/fhir+json")
	if body != nil {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for name, element := range map[string]string{"If-Match": "ifMatch", "If-None-Match": "ifNoneMatch", "If-None-Exist": "ifNoneExist"} {
		if v := e.Str("request." + element); v != "" {
			r.Header.Set(name, v)
		}
	}
	w := &recorded{header: http.Header{}}
	c.faces.mux.ServeHTTP(w, r)
	return w.entry()
}

// recorded is an answer that is kept for the Bundle that holds it.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorded) Header() http.Header { return w.header }

func (w *recorded) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorded) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *recorded) entry() (*fhir.Node, error) {
	response := fhir.Obj("status", fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), "location", w.header.Get("Location"), "etag", w.header.Get("ETag"))
	if t, err := http.ParseTime(w.header.Get("Last-Modified")); err == nil {
		response.Set("lastModified", t.UTC().Format("2006-01-02T15:04:05Z"))
	}
	var resource *fhir.Node
	if w.body.Len() > 0 {
		n, err := fhir.Parse(w.body.Bytes(), fhir.JSON, fhir.R4, fhir.Limits{})
		if err != nil {
			return nil, err
		}
		if n.Type() == "OperationOutcome" {
			response.Set("outcome", n)
		} else {
			resource = n
		}
	}
	return fhir.Obj("resource", resource, "response", response), nil
}

// r4Transaction carries out all entries in one transaction of the hub: all of them,
// or none. They are about one person and hold one referral, note or paper at most,
// since what came of each could not be told apart. FHIR R4 3.1.0.11.2.
func (c *call) r4Transaction(n *fhir.Node, entries []*fhir.Node) error {
	var wrong []fhir.Issue
	for i, e := range entries {
		var told *fhir.Error
		if err := r4Sound(e.Member("resource")); errors.As(err, &told) {
			wrong = append(wrong, within(fmt.Sprintf("Bundle.entry[%d].resource", i), told.Issues)...)
		} else if err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		return &fhir.Error{Issues: wrong}
	}
	count := map[string]int{}
	for i, e := range entries {
		typ := e.Str("resource.resourceType")
		if count[typ]++; count[typ] > 1 && slices.Contains([]string{"Patient", "Encounter", "ServiceRequest", "Task", "Communication"}, typ) {
			return no(http.StatusUnprocessableEntity, "not-supported", fmt.Sprintf("A transaction is about one person and may hold one %s: entry %d is another. Send a batch", typ, i))
		}
	}
	reqs, err := r4.Read(n, c.r4Sender())
	if err != nil {
		return err
	}
	taken, err := c.takeVersion(c.r4Inbound("transaction", func(translate.Request, care.Case) error { return nil }), reqs...)
	if err != nil {
		return err
	}
	var out []*fhir.Node
	for _, e := range entries {
		res := e.Member("resource")
		status, location := http.StatusOK, ""
		if id := r4Made(res.Type(), res, taken, c.by); id != "" && r4TypeOf(res.Type()) != nil {
			location = c.url("/" + res.Type() + "/" + id)
		}
		if taken.Created && e.Str("request.method") == "POST" {
			status = http.StatusCreated
		}
		out = append(out, fhir.Obj("response", fhir.Obj("status", fmt.Sprintf("%d %s", status, http.StatusText(status)), "location", location)))
	}
	return c.write(http.StatusOK, fhir.Obj("resourceType", "Bundle", "type", "transaction-response", "entry", out))
}

// within are issues of a resource where it stands in another.
func within(path string, issues []fhir.Issue) []fhir.Issue {
	out := slices.Clone(issues)
	for i := range out {
		_, below, _ := strings.Cut(out[i].Expression, ".")
		out[i].Expression = strings.TrimSuffix(path+"."+below, ".")
	}
	return out
}
