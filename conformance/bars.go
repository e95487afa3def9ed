package conformance

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/fhir"
)

// Where BaRS says what.
const (
	barsRules   = "BaRS 1.5 transactional integrity"
	barsMessage = "BaRS 1.5 message rules"
	barsHeaders = "BaRS API 1.4 headers"
)

// UseCase is the use case of Homeward's messages by BaRS, which has none of its own
// from hospital to social care.
const UseCase = "https://homeward.example/fhir/CodeSystem/bars-use-case|h2sc"

// letter is one BaRS message about somebody.
type letter struct {
	p                          *patient
	bundle, request            string // ids
	reason, status, definition string
	service                    string // id of the ServiceRequest
	at                         string // timestamp
	version                    string // Bundle.meta.versionId
	without                    string // a type of resource that is left out
	event                      string
	written                    []byte // as it was sent first: the same again is the same bytes
}

// uuid is a random one.
func uuid() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// letter is a new referral of somebody new.
func (t *Trial) letter() *letter {
	p := t.person()
	return &letter{p: p, bundle: uuid(), request: uuid(), reason: "new", status: "active", definition: "request-referral", service: uuid(), at: p.at(0),
		version: "1.0.0", event: "servicerequest-request"}
}

// next is another message about the same referral.
func (l letter) next(reason, status string, later time.Duration) *letter {
	l.bundle, l.request, l.reason, l.status, l.at, l.written = uuid(), uuid(), reason, status, l.p.at(later), nil
	return &l
}

// tree writes the message with the least that it must hold. BaRS 1.5
func (l *letter) tree(org string) *fhir.Node {
	ids := map[string]string{}
	full := func(name string) string {
		if ids[name] == "" {
			ids[name] = "urn:uuid:" + uuid()
		}
		return ids[name]
	}
	ref := func(name string) *fhir.Node { return fhir.Obj("reference", full(name)) }
	ids["ServiceRequest"] = "urn:uuid:" + l.service
	useSystem, useCode, _ := strings.Cut(UseCase, "|")
	patient := l.p.resource()
	patient.Set("id", nil)
	patient.Set("identifier", fhir.List(fhir.Identifier(numberSystem, l.p.number.Digits())))
	body := map[string]*fhir.Node{
		"ServiceRequest": fhir.Obj("resourceType", "ServiceRequest", "id", l.service, "identifier", fhir.List(fhir.Identifier(referralSystem, l.p.referral)),
			"basedOn", fhir.List(ref("CarePlan")), "status", l.status, "intent", "plan",
			"category", fhir.List(fhir.Concept("", fhir.Coding("https://fhir.nhs.uk/CodeSystem/message-category-servicerequest", "referral", ""), fhir.Coding(useSystem, useCode, ""))),
			"code", fhir.Concept("", fhir.Coding("http://snomed.info/sct", "715591000000108", "Hospital Discharge Notification to Social Care")),
			"subject", ref("Patient"), "encounter", ref("Encounter"), "occurrencePeriod", fhir.Obj("start", l.p.at(0)), "authoredOn", l.p.at(0), "requester", ref("PractitionerRole")),
		"Patient": patient,
		"Encounter": fhir.Obj("resourceType", "Encounter", "identifier", fhir.List(fhir.Identifier(visitSystem, l.p.visit)), "status", "triaged",
			"class", fhir.Coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IMP", "inpatient encounter"), "subject", ref("Patient"), "period", fhir.Obj("start", l.p.at(-48*time.Hour))),
		"CarePlan":         fhir.Obj("resourceType", "CarePlan", "status", "completed", "intent", "plan", "subject", ref("Patient"), "encounter", ref("Encounter")),
		"Organization":     fhir.Obj("resourceType", "Organization", "identifier", fhir.List(fhir.Identifier(odsSystem, "RK5")), "name", "An invented hospital"),
		"Organization/to":  fhir.Obj("resourceType", "Organization", "identifier", fhir.List(fhir.Identifier(odsSystem, org)), "name", "The council"),
		"Practitioner":     fhir.Obj("resourceType", "Practitioner", "name", fhir.List(fhir.Obj("family", "Invented", "given", fhir.List("Anne")))),
		"PractitionerRole": fhir.Obj("resourceType", "PractitionerRole", "practitioner", ref("Practitioner"), "organization", ref("Organization")),
	}
	if l.status == "revoked" { // why; the codes are those of SHD-CancellationReason
		body["ServiceRequest"].Set("extension", fhir.List(fhir.Obj("url", "http://hl7.org/fhir/StructureDefinition/request-statusReason",
			"valueCodeableConcept", fhir.Concept("", fhir.Coding(codeBase+"SHD-CancellationReason", "07", "")))))
	}
	header := fhir.Obj("resourceType", "MessageHeader", "eventCoding", fhir.Coding("https://fhir.nhs.uk/CodeSystem/message-events-bars", l.event, ""),
		"destination", fhir.List(fhir.Obj("endpoint", odsSystem+"|"+org, "receiver", ref("Organization/to"))), "sender", ref("Organization"),
		"source", fhir.Obj("name", "Conformance kit", "endpoint", odsSystem+"|RK5"), "reason", fhir.Concept("", fhir.Coding("https://fhir.nhs.uk/CodeSystem/message-reason-bars", l.reason, "")),
		"focus", fhir.List(ref("ServiceRequest")), "definition", "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-"+l.definition)
	entries := []*fhir.Node{fhir.Obj("fullUrl", "urn:uuid:"+uuid(), "resource", header)}
	for _, name := range []string{"ServiceRequest", "Patient", "Encounter", "CarePlan", "Organization", "Organization/to", "Practitioner", "PractitionerRole"} {
		n := body[name]
		n.Set("meta", fhir.Obj("lastUpdated", l.p.at(0)))
		if n.Type() != l.without {
			entries = append(entries, fhir.Obj("fullUrl", full(name), "resource", n))
		}
	}
	return fhir.Obj("resourceType", "Bundle", "id", l.bundle, "meta", fhir.Obj("versionId", l.version, "lastUpdated", l.at), "type", "message", "timestamp", l.at, "entry", entries)
}

// heads are the headers of a message; changes replace some, "" takes one away.
func (t *Trial) heads(l *letter, changes ...string) [][2]string {
	b64 := base64.StdEncoding.EncodeToString
	out := [][2]string{
		{"NHSD-Target-Identifier", b64([]byte(`{"system":"` + odsSystem + `","value":"` + t.org() + `"}`))},
		{"NHSD-End-User-Organisation", b64([]byte(`{"resourceType":"Organization","identifier":[{"system":"` + odsSystem + `","value":"RK5"}]}`))},
		{"X-Request-Id", l.request}, {"X-Correlation-Id", correlation(l.p)}, {"Accept", "application/fhir+json; version=1.4.0"},
		{"use-context", "none|of|it|counts"},
	}
	for i := 0; i < len(changes); i += 2 {
		out = append(out, [2]string{changes[i], changes[i+1]})
	}
	return out
}

// correlation is the same for all messages about one person's referral.
func correlation(p *patient) string {
	sum := sha256.Sum256([]byte(p.referral + p.at(0)))
	return fmt.Sprintf("c0ffee00-0000-4000-8000-%x", sum[:6])
}

func (t *Trial) org() string {
	if t.BaRSOrg == "" {
		return "511"
	}
	return t.BaRSOrg
}

const processMessage = "/$process-message"

// written is the message in bytes, the same ones each time; nil where the kit failed.
func (t *Trial) written(l *letter) []byte {
	if l.written == nil {
		var err error
		if l.written, err = fhir.Write(l.tree(t.org()), fhir.JSON, fhir.R4); err != nil {
			t.Failf("the kit could not write its message: %v", err)
		}
	}
	return l.written
}

// deliver sends a message.
func (t *Trial) deliver(ctx context.Context, l *letter, changes ...string) *answer {
	body := t.written(l)
	if body == nil {
		return nil
	}
	return t.send(ctx, call{method: http.MethodPost, path: processMessage, body: body, head: t.heads(l, changes...)})
}

// arrived sends a new referral that later messages are about.
func (t *Trial) arrived(ctx context.Context) *letter {
	l := t.letter()
	if !t.want(t.deliver(ctx, l), http.StatusOK) {
		t.verdict, t.why = NotTried, "a new referral, which comes before this, was not taken"
		return nil
	}
	return l
}

// issue fails the trial unless a refusal has an issue of that code.
func (t *Trial) issue(a *answer, l *letter, code string, statuses ...int) {
	if t.refused(a, l.p.secrets(), statuses...) && code != "" && !slices.ContainsFunc(a.tree.All("issue.code"), func(n *fhir.Node) bool { return n.Text == code }) {
		t.Failf("no issue of the OperationOutcome has the code %s", code)
	}
}

// acknowledged fails the trial unless the answer is a message that answers l.
func (t *Trial) acknowledged(a *answer, l *letter) {
	if !t.want(a, http.StatusOK) {
		return
	}
	head := a.tree.Get("entry.resource")
	switch {
	case a.tree.Type() != "Bundle" || a.tree.Str("type") != "message" || head.Type() != "MessageHeader":
		t.Failf("the answer is no message whose first resource is a MessageHeader")
	case head.Str("response.identifier") != l.bundle || head.Str("response.code") != "ok":
		t.Failf("MessageHeader.response does not name the message and say ok")
	}
}

// BarsChecks are all checks of a receiver of messages by BaRS.
func BarsChecks() []Check {
	var all []Check
	for _, some := range [][]Check{barsSays(), barsTakes(), barsIntegrity(), barsRefuses()} {
		all = append(all, some...)
	}
	return all
}

func barsCheck(id, requirement, source string, try func(context.Context, *Trial)) Check {
	return Check{"bars." + id, "Messages by BaRS", requirement, source, try}
}

func barsSays() []Check {
	return []Check{
		barsCheck("metadata", "It says what it does: /metadata is a CapabilityStatement of R4 that names $process-message or messaging.", "BaRS API 1.4 /metadata", func(ctx context.Context, t *Trial) {
			a := t.send(ctx, call{method: http.MethodGet, path: "/metadata", head: t.heads(t.letter())})
			if !t.want(a, http.StatusOK) {
				return
			}
			if a.tree.Type() != "CapabilityStatement" || !strings.HasPrefix(a.tree.Str("fhirVersion"), "4.0") {
				t.Failf("the answer is no CapabilityStatement of FHIR 4.0")
			} else if !strings.Contains(string(a.body), "process-message") && a.tree.Get("messaging") == nil {
				t.Failf("nothing in it says that messages are taken")
			}
		}),
		barsCheck("definitions", "It says which messages it takes: /MessageDefinition is a searchset.", "BaRS API 1.4 /MessageDefinition", func(ctx context.Context, t *Trial) {
			a := t.send(ctx, call{method: http.MethodGet, path: "/MessageDefinition", query: "context=" + url.QueryEscape(t.org()) + "&context=h2sc", head: t.heads(t.letter())})
			if t.want(a, http.StatusOK) && (a.tree.Type() != "Bundle" || a.tree.Str("type") != "searchset" || a.tree.Get("entry") == nil) {
				t.Failf("the answer is no searchset with a MessageDefinition")
			}
		}),
	}
}

func barsTakes() []Check {
	return []Check{
		barsCheck("new", "A new referral is taken: 200, with a message whose response names it.", barsMessage, func(ctx context.Context, t *Trial) {
			l := t.letter()
			t.acknowledged(t.deliver(ctx, l), l)
		}),
		barsCheck("mirrored", "X-Request-Id and X-Correlation-Id come back as they were sent.", barsHeaders, func(ctx context.Context, t *Trial) {
			l := t.letter()
			a := t.deliver(ctx, l)
			if t.want(a, http.StatusOK) && (!strings.EqualFold(a.head.Get("X-Request-Id"), l.request) || !strings.EqualFold(a.head.Get("X-Correlation-Id"), correlation(l.p))) {
				t.Failf("the answer has other ids, or none")
			}
		}),
		barsCheck("update", "A referral that is sent again with the reason update and a new request id is taken: 200.", barsMessage, func(ctx context.Context, t *Trial) {
			if l := t.arrived(ctx); l != nil {
				n := l.next("update", "active", time.Minute)
				t.acknowledged(t.deliver(ctx, n), n)
			}
		}),
		barsCheck("cancel-update", "A referral is cancelled by the reason update and the status revoked: 200.", barsMessage, cancels("update")),
		barsCheck("cancel-delete", "A referral is cancelled by the reason delete and the status revoked: 200.", barsMessage, cancels("delete")),
		barsCheck("times", "Times with an offset and with seven digits after the second are taken.", barsMessage, func(ctx context.Context, t *Trial) {
			l := t.letter()
			l.at = l.p.now.In(time.FixedZone("", 3600)).Format("2006-01-02T15:04:05.0000000-07:00")
			t.acknowledged(t.deliver(ctx, l), l)
		}),
		barsCheck("soon", "Nine of ten answers come within 2,100 ms, and all within 5,000 ms.", "BaRS 1.5 non-functional requirements", func(ctx context.Context, t *Trial) {
			var took []time.Duration
			for range 10 {
				a := t.deliver(ctx, t.letter())
				if !t.want(a, http.StatusOK) {
					return
				}
				took = append(took, a.took)
			}
			slices.Sort(took)
			t.evidence = []string{fmt.Sprintf("10 referrals: nine within %d ms, the slowest %d ms", took[8].Milliseconds(), took[9].Milliseconds())}
			if took[8] > t.bear(2100*time.Millisecond) || took[9] > t.bear(5*time.Second) {
				t.Failf("the answers were slower")
			}
		}),
	}
}

func cancels(reason string) func(context.Context, *Trial) {
	return func(ctx context.Context, t *Trial) {
		if l := t.arrived(ctx); l != nil {
			n := l.next(reason, "revoked", time.Minute)
			n.definition = "request-cancelled"
			t.acknowledged(t.deliver(ctx, n), n)
		}
	}
}

func barsIntegrity() []Check {
	return []Check{
		barsCheck("duplicate", "The same request again is 409 with the issue duplicate.", barsRules, func(ctx context.Context, t *Trial) {
			if l := t.arrived(ctx); l != nil {
				t.issue(t.deliver(ctx, l), l, "duplicate", http.StatusConflict)
			}
		}),
		barsCheck("stale", "An update that is older than what came before is 409 with the issue conflict.", barsRules, func(ctx context.Context, t *Trial) {
			if l := t.arrived(ctx); l != nil {
				if n := l.next("update", "active", 2*time.Hour); t.want(t.deliver(ctx, n), http.StatusOK) {
					n = l.next("update", "active", time.Hour)
					t.issue(t.deliver(ctx, n), n, "conflict", http.StatusConflict)
				}
			}
		}),
		barsCheck("race", "One request that comes eight times at once is taken once; the others are 409 duplicate or 425.", barsRules, barsRace),
	}
}

func barsRace(ctx context.Context, t *Trial) {
	l := t.letter()
	body := t.written(l)
	statuses := make([]int, 8)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			one := &Trial{verdict: Pass, kit: t.kit}
			if a, err := one.exchange(ctx, call{method: http.MethodPost, path: processMessage, body: body, head: t.heads(l)}); err == nil {
				statuses[i] = a.status
			}
		})
	}
	all.Wait()
	t.Show(fmt.Sprintf("POST %s, eight times at once: %v", processMessage, statuses))
	taken := 0
	for _, s := range statuses {
		switch s {
		case http.StatusOK:
			taken++
		case http.StatusConflict, http.StatusTooEarly:
		default:
			t.Failf("one was answered %d", s)
		}
	}
	if taken != 1 {
		t.Failf("%d were answered 200", taken)
	}
}

// barsRefuses are what must not be taken, and how that is said.
func barsRefuses() []Check {
	wrong := func(id, requirement, source, code string, statuses []int, spoil func(*letter), changes ...string) Check {
		return barsCheck(id, requirement, source, func(ctx context.Context, t *Trial) {
			l := t.letter()
			if spoil != nil {
				spoil(l)
			}
			t.issue(t.deliver(ctx, l, changes...), l, code, statuses...)
		})
	}
	only := func(status int) []int { return []int{status} }
	return []Check{
		wrong("no-request-id", "A message without X-Request-Id is refused: 400.", barsHeaders, "", only(400), nil, "X-Request-Id", ""),
		wrong("no-correlation-id", "A message without X-Correlation-Id is refused: 400.", barsHeaders, "", only(400), nil, "X-Correlation-Id", ""),
		wrong("no-target", "A message without NHSD-Target-Identifier is refused: 400.", barsHeaders, "", only(400), nil, "NHSD-Target-Identifier", ""),
		wrong("id-no-uuid", "An X-Request-Id that is no UUID is refused: 400.", barsHeaders, "", only(400), nil, "X-Request-Id", "17"),
		wrong("version", "A version of the use case that is not known is refused: 422 with the issue not-supported.", barsRules, "not-supported", only(422), func(l *letter) { l.version = "99.0.0" }),
		wrong("event", "An event that is not known is refused: 400 with the issue invariant.", barsRules, "invariant", only(400), func(l *letter) { l.event = "booking-request" }),
		wrong("reason", "A new referral that is revoked already is refused: 400 with the issue invariant.", barsRules, "invariant", only(400), func(l *letter) { l.status = "revoked" }),
		wrong("no-patient", "A message without its Patient is refused.", barsMessage, "", []int{400, 422}, func(l *letter) { l.without = "Patient" }),
		wrong("no-encounter", "A new referral without an Encounter is refused.", barsMessage, "", []int{400, 422}, func(l *letter) { l.without = "Encounter" }),
		wrong("no-service-request", "A message whose focus is not in it is refused.", barsMessage, "", []int{400, 422}, func(l *letter) { l.without = "ServiceRequest" }),
		barsCheck("no-message", "A Bundle that is no message is refused.", barsMessage, func(ctx context.Context, t *Trial) {
			l := t.letter()
			n := l.tree(t.org())
			n.Set("type", "collection")
			body, err := fhir.Write(n, fhir.JSON, fhir.R4)
			if err != nil {
				t.Failf("the kit could not write its message: %v", err)
				return
			}
			t.issue(t.send(ctx, call{method: http.MethodPost, path: processMessage, body: body, head: t.heads(l)}), l, "", 400, 422)
		}),
		barsCheck("no-json", "A body that breaks off is refused: 400.", barsRules, func(ctx context.Context, t *Trial) {
			l := t.letter()
			t.issue(t.send(ctx, call{method: http.MethodPost, path: processMessage, body: []byte(`{"resourceType":"Bundle","type":"mess`), head: t.heads(l)}), l, "", 400)
		}),
		barsCheck("no-token", "Whoever does not say who they are is refused: 401 or 403.", "BaRS API 1.4", func(ctx context.Context, t *Trial) {
			if t.Token == nil {
				t.NotTriedf("the run has no token, so the target may know its callers in another way")
				return
			}
			l := t.letter()
			t.issue(t.send(ctx, call{method: http.MethodPost, path: processMessage, body: t.written(l), head: t.heads(l), anonymous: true}), l, "", 401, 403)
		}),
	}
}
