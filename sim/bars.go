package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"homeward/fhir"
)

// Bars is a pretend receiver of BaRS messages: a small server with a memory of its
// own, that knows the wire and nothing of Homeward. It checks headers and the parts
// of a message as BaRS 1.5 demands, acknowledges, and knows what it had before. It is
// an http.Handler, at the base of the API.
type Bars struct {
	Name   string         // of its software
	Answer map[string]int // status to refuse with, by Bundle.id, once for each
	mu     sync.Mutex
	had    map[string][32]byte // digest of the body, by X-Request-Id
	got    []BarsMessage
}

// BarsMessage is one message that was taken.
type BarsMessage struct {
	Request, Correlation, Target string // headers; Target as system|value
	Context                      string // use-context
	Event, Reason                string
	Answers                      string // response.identifier
	Tree                         *fhir.Node
}

// Got is what was taken, in order.
func (b *Bars) Got() []BarsMessage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]BarsMessage(nil), b.got...)
}

var barsUUID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// ServeHTTP answers /metadata and /$process-message.
func (b *Bars) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, name := range []string{"X-Request-Id", "X-Correlation-Id"} { // BaRS 1.5: mirrored
		w.Header().Set(name, r.Header.Get(name))
	}
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/metadata":
		b.write(w, 200, fhir.Obj("resourceType", "CapabilityStatement", "status", "active", "kind", "instance", "fhirVersion", "4.0.1"))
	case r.Method == http.MethodPost && r.URL.Path == "/$process-message":
		b.process(w, r)
	default:
		b.refuse(w, 404, "not-found", "REC_NOT_FOUND")
	}
}

func (b *Bars) refuse(w http.ResponseWriter, status int, code, detail string) {
	b.write(w, status, fhir.Outcome(fhir.Issue{Code: code, Details: fhir.Concept("", fhir.Coding("https://fhir.nhs.uk/CodeSystem/http-error-codes", detail, ""))}))
}

func (b *Bars) write(w http.ResponseWriter, status int, n *fhir.Node) {
	raw, err := fhir.Write(n, fhir.JSON, fhir.R4)
	if err != nil {
		status = 500
	}
	w.Header().Set("Content-Type", "application/fhir+json; version=1.4.0")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // whoever asked may have gone
}

func (b *Bars) process(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 10<<20))
	if err != nil {
		b.refuse(w, 400, "structure", "REC_BAD_REQUEST")
		return
	}
	m := BarsMessage{Request: r.Header.Get("X-Request-Id"), Correlation: r.Header.Get("X-Correlation-Id"), Context: r.Header.Get("use-context")}
	var to struct{ System, Value string }
	target, err := base64.StdEncoding.DecodeString(r.Header.Get("NHSD-Target-Identifier"))
	if err != nil || json.Unmarshal(target, &to) != nil || to.Value == "" || !barsUUID.MatchString(m.Request) || !barsUUID.MatchString(m.Correlation) {
		b.refuse(w, 400, "required", "REC_BAD_REQUEST")
		return
	}
	m.Target = to.System + "|" + to.Value
	if m.Tree, err = fhir.Parse(raw, fhir.JSON, fhir.R4, fhir.Limits{}); err != nil {
		b.refuse(w, 400, "structure", "REC_BAD_REQUEST")
		return
	}
	if path := wanting(m.Tree, &m); path != "" {
		b.refuse(w, 422, "required", "REC_UNPROCESSABLE_ENTITY")
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if status := b.Answer[m.Tree.Str("id")]; status != 0 {
		delete(b.Answer, m.Tree.Str("id"))
		b.refuse(w, status, "transient", "")
		return
	}
	digest := sha256.Sum256(raw)
	if was, known := b.had[m.Request]; known {
		code := "duplicate"
		if !bytes.Equal(was[:], digest[:]) {
			code = "conflict"
		}
		b.refuse(w, 409, code, "REC_CONFLICT")
		return
	}
	if b.had == nil {
		b.had = map[string][32]byte{}
	}
	b.had[m.Request] = digest
	b.got = append(b.got, m)
	b.write(w, 200, b.acknowledge(m))
}

// wanting is what of a message is missing; "" when nothing is. BaRS 1.5 focus minima.
func wanting(n *fhir.Node, m *BarsMessage) string {
	entries := n.All("entry")
	if n.Type() != "Bundle" || n.Str("type") != "message" || n.Str("id") == "" || n.Str("meta.versionId") == "" || len(entries) == 0 || entries[0].Str("resource.resourceType") != "MessageHeader" {
		return "Bundle"
	}
	h := entries[0].Get("resource")
	m.Event, m.Reason, m.Answers = h.Str("eventCoding.code"), h.Str("reason.coding.code"), h.Str("response.identifier")
	count, urls := map[string]int{}, map[string]bool{}
	for _, e := range entries {
		count[e.Str("resource.resourceType")]++
		urls[e.Str("fullUrl")] = true
		if e.Str("resource.meta.lastUpdated") == "" {
			return "meta.lastUpdated"
		}
		if sr := e.Get("resource"); sr.Type() == "ServiceRequest" && (sr.Str("intent") != "plan" || len(sr.All("category.coding")) != 2 || sr.Str("authoredOn") == "") {
			return "ServiceRequest"
		}
	}
	for typ, least := range map[string]int{"MessageHeader": 1, "ServiceRequest": 1, "Patient": 1, "Encounter": 1, "CarePlan": 1, "Organization": 2, "Practitioner": 1, "PractitionerRole": 1} {
		if count[typ] < least || typ == "MessageHeader" && count[typ] > 1 {
			return typ
		}
	}
	for ref := range fhir.References(n) {
		if !urls[ref.Text] && !strings.HasPrefix(ref.Text, "#") {
			return ref.Path
		}
	}
	if h.Str("source.endpoint") == "" || h.Str("destination.endpoint") == "" || h.Str("definition") == "" || !urls[h.Str("focus.reference")] ||
		m.Event == "servicerequest-response" && m.Answers == "" {
		return "MessageHeader"
	}
	return ""
}

func (b *Bars) acknowledge(m BarsMessage) *fhir.Node {
	header := fhir.Obj("resourceType", "MessageHeader", "eventCoding", fhir.Coding("https://fhir.nhs.uk/CodeSystem/message-events-bars", "servicerequest-response", ""),
		"source", fhir.Obj("software", b.Name, "endpoint", "https://fhir.nhs.uk/Id/dos-service-id|1111111111"), "response", fhir.Obj("identifier", m.Tree.Str("id"), "code", "ok"))
	sr := fhir.Obj("resourceType", "ServiceRequest", "id", "far-1", "status", "active", "intent", "plan",
		"identifier", []*fhir.Node{fhir.Obj("type", fhir.Concept("", fhir.Coding("http://terminology.hl7.org/CodeSystem/v2-0203", "FILL", "")), "value", "4471902")})
	return fhir.Obj("resourceType", "Bundle", "type", "message", "entry", []*fhir.Node{fhir.Obj("resource", header), fhir.Obj("resource", sr)})
}
