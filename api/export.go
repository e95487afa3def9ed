package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
)

// How long a page of a download may take to be written, and when to ask again for an
// export that is not ready, in seconds.
const (
	exportWrite = time.Minute
	exportAgain = 5
)

// exportRoutes are the bulk export of what a council holds (docs/interfaces/bulk-export.md,
// Bulk Data 2.0).
func (fc *face) exportRoutes() {
	for _, at := range []string{"/$export", "/Patient/$export"} {
		fc.on("GET", at, ExportScope, (*call).export)
		fc.on("POST", at, ExportScope, (*call).export)
	}
	fc.on("GET", "/export-status/{id}", ExportScope, (*call).exportStatus)
	fc.on("DELETE", "/export-status/{id}", ExportScope, (*call).exportDrop)
	// A download is asked for as ndjson, which is no format of an answer.
	fc.routes = append(fc.routes, route{"GET", "/export-file/{id}/{file}", ExportScope, (*call).exportFile})
	fc.faces.mux.HandleFunc("GET "+fc.base+"/export-file/{id}/{file}", func(w http.ResponseWriter, r *http.Request) {
		if accepts := r.Header.Get("Accept"); strings.Contains(accepts, "ndjson") {
			r.Header.Del("Accept")
		}
		fc.serve(w, r, ExportScope, (*call).exportFile)
	})
}

// ndjson are the names of the one format there is.
var ndjson = []string{"application/fhir+ndjson", "application/ndjson", "ndjson"}

// export begins an export.
func (c *call) export() error {
	lenient := false
	async := false
	for _, v := range c.r.Header.Values("Prefer") {
		async = async || strings.Contains(v, "respond-async")
		lenient = lenient || strings.Contains(v, "handling=lenient")
	}
	if !async {
		return no(http.StatusBadRequest, "required", "An export is asked for with the header Prefer: respond-async")
	}
	asked, err := c.operands()
	if err != nil {
		return err
	}
	q := hub.ExportRequest{Request: c.faces.PublicURL + c.r.URL.RequestURI()}
	for name, values := range asked {
		for _, v := range values {
			if err := exportParameter(&q, name, v, lenient); err != nil {
				return err
			}
		}
	}
	e, err := c.faces.Hub.BeginExport(c.r.Context(), c.by, q)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Location", c.url("/export-status/"+e.ID))
	c.begun = true
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

func exportParameter(q *hub.ExportRequest, name, v string, lenient bool) (err error) {
	wrong := func(text string) error { return no(http.StatusBadRequest, "invalid", "The parameter "+name+" "+text) }
	switch name {
	case "_outputFormat":
		if !slices.Contains(ndjson, strings.ReplaceAll(v, " ", "+")) {
			return wrong("must be application/fhir+ndjson")
		}
	case "_since":
		if q.Since, err = time.Parse(time.RFC3339Nano, strings.ReplaceAll(v, " ", "+")); err != nil {
			return wrong("must be an instant, such as 2026-11-24T09:00:00Z")
		}
	case "_type":
		for t := range strings.SplitSeq(v, ",") {
			switch {
			case slices.Contains(q.Types, t):
			case slices.Contains(hub.ExportTypes(), t):
				q.Types = append(q.Types, t)
			case !lenient:
				return wrong("must be of " + strings.Join(hub.ExportTypes(), ", "))
			}
		}
	case "_format":
	default:
		if !lenient {
			return no(http.StatusBadRequest, "not-supported", "The parameter "+plainParam(name)+" is not known. Those that are: _outputFormat, _since, _type")
		}
	}
	return nil
}

// exportStatus answers 202 as long as an export is not ready, and then lists its files.
func (c *call) exportStatus() error {
	e, err := c.faces.Hub.Export(c.r.Context(), c.by, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	h := c.w.Header()
	if e.Indexing > 0 {
		h.Set("X-Progress", fmt.Sprintf("%d records are still to be indexed", e.Indexing))
		h.Set("Retry-After", strconv.Itoa(exportAgain))
		c.begun = true
		c.w.WriteHeader(http.StatusAccepted)
		return nil
	}
	type file struct {
		Type string `json:"type"`
		URL  string `json:"url"`
	}
	manifest := struct {
		TransactionTime     string `json:"transactionTime"`
		Request             string `json:"request"`
		RequiresAccessToken bool   `json:"requiresAccessToken"`
		Output              []file `json:"output"`
		Error               []file `json:"error"`
	}{e.At.Format(time.RFC3339Nano), e.Request, true, []file{}, []file{}}
	for _, t := range e.Types {
		manifest.Output = append(manifest.Output, file{t, c.url("/export-file/" + e.ID + "/" + t + ".ndjson")})
	}
	b, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	h.Set("Content-Type", "application/json")
	h.Set("Expires", e.Expires.Format(http.TimeFormat))
	c.begun = true
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(b) // the asker may have gone
	return nil
}

func (c *call) exportDrop() error {
	if err := c.faces.Hub.DropExport(c.r.Context(), c.by, c.r.PathValue("id")); err != nil {
		return err
	}
	c.begun = true
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

// exportFile streams one file, straight from the records: one resource a line. When
// it cannot be finished the connection is broken off, so that nobody takes a part for
// the whole.
func (c *call) exportFile() error {
	typ, ok := strings.CutSuffix(c.r.PathValue("file"), ".ndjson")
	if !ok {
		return &care.Error{Kind: care.NotFound, Text: "There is no such file in this export"}
	}
	out := http.NewResponseController(c.w)
	begin := func() {
		if !c.begun {
			c.begun = true
			c.w.Header().Set("Content-Type", ndjson[0])
			c.w.WriteHeader(http.StatusOK)
		}
	}
	var lines []byte
	err := c.faces.Hub.ExportPages(c.r.Context(), c.by, c.r.PathValue("id"), typ, func(all []*fhir.Node) error {
		begin()
		lines = lines[:0]
		for _, n := range all {
			b, err := fhir.Write(n, fhir.JSON, c.version)
			if err != nil {
				return fmt.Errorf("writing a %s: %w", typ, err)
			}
			lines = append(append(lines, b...), '\n')
		}
		_ = out.SetWriteDeadline(time.Now().Add(exportWrite)) // a slow reader has a minute for each page; not every writer can
		if _, err := c.w.Write(lines); err != nil {
			return err
		}
		return out.Flush()
	})
	if err != nil && c.begun {
		c.faces.Log.Warn("an export was broken off", "request", c.id, "system", c.client(), "err", err)
		panic(http.ErrAbortHandler)
	}
	if err == nil {
		begin()
	}
	return err
}

// exportCapability is the operation, as the CapabilityStatement says it.
func exportCapability() *fhir.Node {
	return fhir.Obj("name", "export", "definition", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export",
		"documentation", "For a council's own system, of what the council holds and what was sent to it.")
}
