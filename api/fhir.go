package api

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
	"homeward/translate"
)

// FacesConfig is what the FHIR faces need.
type FacesConfig struct {
	Hub       *hub.Hub
	Systems   *Systems
	Log       *slog.Logger     // nil: discards
	Clock     func() time.Time // nil: time.Now
	PublicURL string           // by which Homeward is reached: Location and fullUrl begin with it
	MaxBody   int              // bytes of a request; 0: 10 MB
	Hooks     *Hooks           // calls the rest-hooks of subscriptions; nil: there are websockets only
}

// Faces answers the FHIR interfaces (docs/design/interfaces.md). Make it with NewFaces.
type Faces struct {
	FacesConfig
	mux     *http.ServeMux
	faces   []*face
	sockets sockets
}

// maxBody is the longest request that is read, in bytes.
const maxBody = 10 << 20

// faceTable are the faces. Each adds its routes in its own file.
var faceTable = []func(*Faces){
	(*Faces).shdRoutes,
	(*Faces).scdsRoutes,
	(*Faces).locatorRoutes,
	(*Faces).ncrRoutes,
	(*Faces).r4Routes,
	(*Faces).barsRoutes,
}

// NewFaces makes the handler of all faces.
func NewFaces(c FacesConfig) (*Faces, error) {
	if c.Hub == nil || c.Systems == nil || c.PublicURL == "" {
		return nil, errors.New("the FHIR faces need a hub, systems and a URL")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	c.MaxBody = cmp.Or(c.MaxBody, maxBody)
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	f := &Faces{FacesConfig: c, mux: http.NewServeMux()}
	for _, add := range faceTable {
		add(f)
	}
	return f, nil
}

// Paths are the patterns that Faces answers.
func (f *Faces) Paths() (out []string) {
	for _, one := range f.faces {
		out = append(out, one.base, one.base+"/")
	}
	return out
}

// ServeHTTP answers the addresses that Paths lists.
func (f *Faces) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(f.PublicURL, "https:") {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	f.mux.ServeHTTP(w, r)
}

// face is one interface: a base address, a release of FHIR, and its interactions.
type face struct {
	name    string // feed of the messages it keeps: "shd"
	base    string
	version fhir.Version
	title   string  // for people
	since   string  // the day when its interactions last changed, for the CapabilityStatement
	details bool    // its OperationOutcomes carry http-error-codes (BaRS 1.5 Headers)
	routes  []route // in the order of registration, for the CapabilityStatement
	faces   *Faces
}

// route is one interaction. scope is what the token must have; "" asks for none.
type route struct {
	method, path, scope string
	do                  interaction
}

// interaction answers one request. What it returns is written as an
// OperationOutcome; it has written nothing itself then.
type interaction func(*call) error

// add makes a face, which answers everything beneath its base.
func (f *Faces) add(one face) *face {
	one.faces = f
	f.faces = append(f.faces, &one)
	f.mux.HandleFunc(one.base, one.nothing)
	f.mux.HandleFunc(one.base+"/", one.nothing)
	return &one
}

// on adds an interaction: "POST", "/ReferralRequest". A path may have {wildcards}.
func (fc *face) on(method, path, scope string, do interaction) {
	fc.routes = append(fc.routes, route{method, path, scope, do})
	fc.faces.mux.HandleFunc(method+" "+fc.base+path, func(w http.ResponseWriter, r *http.Request) { fc.serve(w, r, scope, do) })
}

// nothing answers what no interaction is for: 405 where another method is.
func (fc *face) nothing(w http.ResponseWriter, r *http.Request) {
	var others []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		asked := r.Clone(r.Context())
		asked.Method = m
		if _, pattern := fc.faces.mux.Handler(asked); strings.HasPrefix(pattern, m+" ") {
			others = append(others, m)
		}
	}
	fc.serve(w, r, "", func(c *call) error {
		if len(others) == 0 {
			return no(http.StatusNotFound, "not-found", "There is nothing at this address. The interface's documentation lists what there is")
		}
		w.Header().Set("Allow", strings.Join(others, ", "))
		return no(http.StatusMethodNotAllowed, "not-supported", "This address is asked by "+strings.Join(others, " or "))
	})
}

// call is one interaction as it runs.
type call struct {
	*face
	w      http.ResponseWriter
	r      *http.Request
	by     care.Actor  // zero where no token is asked for
	format fhir.Format // of the answer
	came   fhir.Format // of the body; set by body
	raw    []byte      // the body as it came; set by body
	id     string      // names the request in our log and in the audit
	begun  bool        // something was written
	kept   bool        // the hub has the body
}

// serve does what all interactions have in common: headers, format, sign-in,
// errors, and panics.
func (fc *face) serve(w http.ResponseWriter, r *http.Request, scope string, do interaction) {
	c := &call{face: fc, w: w, r: r, id: requestID(r)}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	for _, name := range []string{"X-Request-Id", "X-Correlation-Id"} { // BaRS 1.5 Headers: mirrored
		if v := r.Header.Get(name); v != "" && len(v) <= 128 && printable(v) {
			h.Set(name, v)
		}
	}
	defer c.rescue()
	format, acceptable := answerFormat(r)
	c.format = format
	if !acceptable {
		c.fail(no(http.StatusNotAcceptable, "not-supported", "Answers are application/fhir+json or application/fhir+xml: ask for one of them in Accept or _format"))
		return
	}
	if scope != "" {
		by, refused := fc.faces.Systems.admit(w, r, scope)
		if refused != nil {
			c.fail(refused)
			return
		}
		by.Request = c.id
		c.by = by
	}
	if err := do(c); err != nil {
		c.fail(err)
	}
}

// requestID is the sender's own id of the request where it is a UUID, else one of ours.
func requestID(r *http.Request) string {
	if v := strings.ToLower(r.Header.Get("X-Request-Id")); isUUID(v) {
		return v
	}
	return strings.ToLower(rand.Text()[:16])
}

func isUUID(v string) bool {
	if len(v) != 36 {
		return false
	}
	for i := range len(v) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (v[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(v[i])) {
			return false
		}
	}
	return true
}

func printable(v string) bool {
	return strings.IndexFunc(v, func(r rune) bool { return r < 0x20 || r > 0x7e }) < 0
}

// rescue answers a panic as our fault. What was asked is not in the log.
func (c *call) rescue() {
	p := recover()
	switch {
	case p == nil:
		return
	case p == http.ErrAbortHandler:
		panic(p)
	}
	c.faces.Log.Error("a face panicked", "request", c.id, "route", c.r.Pattern, "kind", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
	if !c.begun {
		c.fail(&care.Error{Kind: care.Exception, Text: "Homeward made a mistake"})
	}
}

// client is the name of the system that asks.
func (c *call) client() string { return strings.TrimPrefix(string(c.by.ID), "system-") }

// url is the address of something of this face.
func (c *call) url(path string) string { return c.faces.PublicURL + c.base + path }

// body reads the resource that came. What is too long is refused before it is read.
func (c *call) body() (*fhir.Node, error) {
	format, ok := bodyFormat(c.r)
	if !ok {
		return nil, no(http.StatusUnsupportedMediaType, "not-supported", "Content-Type must be application/fhir+json or application/fhir+xml, in UTF-8 and not compressed")
	}
	c.came = format
	tooLarge := &fhir.Error{TooLarge: true, Issues: []fhir.Issue{{Code: "too-long", Diagnostics: fmt.Sprintf("A request may have up to %d bytes", c.faces.MaxBody)}}}
	if c.r.ContentLength > int64(c.faces.MaxBody) {
		c.w.Header().Set("Connection", "close") // and the rest is not read
		return nil, tooLarge
	}
	var b bytes.Buffer
	if c.r.ContentLength > 0 {
		b.Grow(int(c.r.ContentLength) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(http.MaxBytesReader(c.w, c.r.Body, int64(c.faces.MaxBody))); err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return nil, tooLarge
		}
		return nil, no(http.StatusBadRequest, "structure", "The request was cut off")
	}
	c.raw = b.Bytes()
	if len(bytes.TrimSpace(c.raw)) == 0 {
		return nil, &fhir.Error{Malformed: true, Issues: []fhir.Issue{{Code: "structure", Diagnostics: "The request has no body"}}}
	}
	return fhir.Parse(c.raw, format, c.version, fhir.Limits{Bytes: c.faces.MaxBody})
}

// inbound is what came, for the hub to keep. what is the face's name for it.
func (c *call) inbound(what string) hub.Inbound {
	return hub.Inbound{Face: c.name, What: what, RequestID: c.r.Header.Get("X-Request-Id"), Correlation: c.r.Header.Get("X-Correlation-Id"),
		Media: c.r.Header.Get("Content-Type"), Raw: c.raw}
}

// take carries out what came.
func (c *call) take(what string, reqs ...translate.Request) (hub.Taken, error) {
	c.kept = true
	return c.faces.Hub.Take(c.r.Context(), c.by, c.inbound(what), reqs...)
}

// takeVersion is take of what may name the version that its sender saw, or say that
// there must be none: 412 where it is another. FHIR R4 3.1.0.5; STU3 has the same.
func (c *call) takeVersion(in hub.Inbound, reqs ...translate.Request) (hub.Taken, error) {
	if h := c.r.Header; c.r.Method == http.MethodPut && len(reqs) > 0 {
		reqs[0].IfMatch, reqs[0].IfNoneMatch = cmp.Or(h.Get("If-Match"), reqs[0].IfMatch), h.Get("If-None-Match")
	}
	c.kept = true
	taken, err := c.faces.Hub.Take(c.r.Context(), c.by, in, reqs...)
	var told *care.Error
	if errors.As(err, &told) && told.Field == "If-Match" {
		return taken, no(http.StatusPreconditionFailed, "conflict", told.Text)
	}
	return taken, err
}

// keep keeps what came and cannot be taken, where its sender is known.
func (c *call) keep(why string) {
	if c.kept || len(c.raw) == 0 || c.by.ID == "" {
		return
	}
	c.kept = true
	in := c.inbound("")
	in.Problem = why
	if err := c.faces.Hub.Refused(c.r.Context(), c.by, in); err != nil {
		c.faces.Log.Error("what was refused could not be kept", "request", c.id, "err", err)
	}
}

// write answers with a resource. Of one with meta, the version is the ETag and
// lastUpdated the date. FHIR R4 3.1.0.5, 3.1.0.4.1.
func (c *call) write(status int, n *fhir.Node) error {
	h := c.w.Header()
	if v := n.Str("meta.versionId"); v != "" {
		h.Set("ETag", `W/"`+v+`"`)
	}
	if t, err := time.Parse(time.RFC3339Nano, n.Str("meta.lastUpdated")); err == nil {
		h.Set("Last-Modified", t.UTC().Format(http.TimeFormat))
	}
	reads := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
	if tags := c.r.Header.Get("If-None-Match"); reads && status == http.StatusOK && tags != "" && h.Get("ETag") != "" && sameTag(tags, h.Get("ETag")) {
		c.begun = true
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	b, err := fhir.Write(n, c.format, c.version)
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	h.Set("Content-Type", fhir.MediaType(c.format))
	h.Set("Content-Length", fmt.Sprint(len(b)))
	c.begun = true
	c.w.WriteHeader(status)
	_, _ = c.w.Write(b) // the asker may have gone
	return nil
}

// written answers a create or an update: location is the address below the base,
// "" for none, and n what is there now. Prefer says whether it is given back;
// without it an update gives it, and a create only its address. FHIR R4 3.1.0.6.
func (c *call) written(created bool, location string, n *fhir.Node) error {
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	if location != "" {
		c.w.Header().Set("Location", c.url(location))
	}
	switch preferred(c.r) {
	case "OperationOutcome":
		return c.write(status, fhir.Outcome(fhir.Issue{Severity: "information", Code: "informational", Diagnostics: "Taken"}))
	case "minimal":
		n = nil
	}
	if n.Empty() {
		c.begun = true
		c.w.Header().Set("Content-Length", "0")
		c.w.WriteHeader(status)
		return nil
	}
	return c.write(status, n)
}

// preferred is what the asker wants back: minimal, representation or
// OperationOutcome; "" when it does not say.
func preferred(r *http.Request) string {
	for _, v := range r.Header.Values("Prefer") {
		for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' || r == ';' }) {
			if name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name == "return" && slices.Contains([]string{"minimal", "representation", "OperationOutcome"}, value) {
				return value
			}
		}
	}
	return ""
}

// sameTag reports whether a version is among those of If-Match or If-None-Match;
// they are compared weakly, as all of ours are weak (RFC 9110 8.8.3.2).
func sameTag(tags, tag string) bool {
	for t := range strings.SplitSeq(tags, ",") {
		if t = strings.TrimSpace(t); t == "*" || strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// bundle makes a Bundle of entries that were made by entry.
func (c *call) bundle(kind string, total int, entries ...*fhir.Node) *fhir.Node {
	n := fhir.Obj("resourceType", "Bundle", "type", kind)
	if kind == "searchset" {
		n.Set("total", total)
	}
	n.Set("link", fhir.List(fhir.Obj("relation", "self", "url", c.faces.PublicURL+c.r.URL.EscapedPath())))
	n.Set("entry", entries)
	return n
}

// entry is a resource as a Bundle has it; mode is match, include or outcome, ""
// in a Bundle that is no searchset.
func (c *call) entry(mode string, n *fhir.Node) *fhir.Node {
	full := ""
	if n.ID() != "" {
		full = c.url("/" + n.Type() + "/" + n.ID())
	}
	return fhir.Obj("fullUrl", full, "resource", n, "search", fhir.Obj("mode", mode))
}
