package r4

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

// Systems, profiles and definitions of BaRS 1.5. The use case is ours: BaRS has
// none from hospital to social care (docs/interfaces/bars.md).
const (
	SysUseCase = Canonical + "/CodeSystem/bars-use-case"
	UseCase    = "h2sc" // hospital to social care: support to leave hospital

	sysEvent    = "https://fhir.nhs.uk/CodeSystem/message-events-bars"
	sysReason   = "https://fhir.nhs.uk/CodeSystem/message-reason-bars"
	sysMessage  = "https://fhir.nhs.uk/CodeSystem/message-category-servicerequest"
	sysRejected = "https://fhir.nhs.uk/CodeSystem/rejected-reasons-bars"
	SysService  = "https://fhir.nhs.uk/id/dos-service-id"

	barsDefinition = "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-"
	barsProfile    = "https://fhir.nhs.uk/StructureDefinition/BARS"
)

// Events of BaRS 1.5 message-events-bars.
const (
	EventRequest  = "servicerequest-request"
	EventResponse = "servicerequest-response"
)

// BarsVersion is the version of our use case: Bundle.meta.versionId.
const BarsVersion = "1.0.0"

// Telling is a BaRS message to be written. The same Telling gives the same bytes.
type Telling struct {
	Key      string // Bundle.id: a UUID
	At       time.Time
	Referral care.ReferralID
	From, To nhs.ODS
	// Response: the council answers the hospital; else the hospital asks. Final: nothing more comes.
	Response, Final bool
	Reason          string // new, update or delete
	// Source and Destination are the services' own numbers, as system|value; "" are
	// the organisations' ODS codes.
	Source, Destination string
	Answers             string // of a response: the Bundle.id of what it answers
	Version             string // of Homeward
	Note, Paper         string // ids of what this message is to bring besides; "" brings all notes and papers with "new"
}

// Message writes a BaRS 1.5 message: a request of the hospital or a response of the
// council. An error is that the referral is not shown.
func Message(s translate.Shown, t Telling) (*fhir.Node, error) {
	i := slices.IndexFunc(s.Case.Referrals, func(r care.Referral) bool { return r.ID == t.Referral })
	if i < 0 || !s.Sees.Referral {
		return nil, fmt.Errorf("a BaRS message is about a referral, and none is shown")
	}
	m := &messaging{w: &writing{s: s}, t: t, r: s.Case.Referrals[i], urls: map[string]string{}}
	m.fill()
	return m.bundle(), nil
}

// messaging is one message being written.
type messaging struct {
	w     *writing
	t     Telling
	r     care.Referral
	nodes []*fhir.Node      // without the header
	urls  map[string]string // "Type/id" to fullUrl
}

func (m *messaging) add(ns ...*fhir.Node) {
	for _, n := range ns {
		key := n.Type() + "/" + n.ID()
		if m.urls[key] == "" {
			m.urls[key] = "urn:uuid:" + uuid(key)
			m.nodes = append(m.nodes, n)
		}
	}
}

// uuid is a name-based UUID, so that the same resource has the same name in every
// message. RFC 9562 5.5.
func uuid(name string) string {
	sum := sha1.Sum([]byte("homeward.bars\x00" + name))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// fill puts in what the message must hold (BaRS 1.5 focus minima: ServiceRequest,
// Patient, Encounter, CarePlan, two Organizations, Practitioner, PractitionerRole)
// and what belongs to it.
func (m *messaging) fill() {
	w := m.w
	m.add(m.serviceRequest())
	patient := w.finish("Patient", w.patients())[0]
	patient.Set("link", nil) // leads to records that are not in the message
	m.add(patient)
	m.add(m.encounters()...)
	m.add(m.carePlan())
	m.add(m.orgs()...)
	m.add(m.staff()...)
	if m.t.Response {
		m.add(w.finish("Task", []*fhir.Node{w.task(m.r)})...)
		m.told()
		return
	}
	m.add(w.finish("Location", w.locations())...)
	m.add(w.finish("RelatedPerson", w.kin())...)
	m.told()
}

// told puts in the answers, and the papers and notes that this message brings.
func (m *messaging) told() {
	w := m.w
	if id := w.answersID(m.r); id != "" && !m.t.Response {
		m.add(w.finish("QuestionnaireResponse", []*fhir.Node{w.answers(id, m.r)})...)
	}
	for _, p := range w.s.Case.Papers {
		if w.seesPapers() && p.Referral == m.r.ID && (p.ID == m.t.Paper || m.t.Paper == "" && m.t.Reason == "new" && !m.t.Response) {
			m.add(w.finish("QuestionnaireResponse", []*fhir.Node{w.paper(p)})...)
		}
	}
	for _, n := range w.finish("Communication", w.notes()) {
		both := n.Str("extension.valueCoding.code") == string(care.AudienceBoth)
		if both && (n.Str("identifier.value") == m.t.Note || m.t.Note == "" && m.t.Reason == "new" && !m.t.Response) {
			m.add(n)
		}
	}
}

// serviceRequest is the referral as BaRS 1.5 has it: one category of two codings,
// based on the CarePlan, with a period.
func (m *messaging) serviceRequest() *fhir.Node {
	n := m.w.finish("ServiceRequest", []*fhir.Node{m.w.referral(m.r)})[0]
	n.Member("meta").Set("profile", []string{core + "ServiceRequest", barsProfile + "ServiceRequest-request-referral"})
	n.Set("basedOn", []*fhir.Node{fhir.Ref("CarePlan", m.w.id("careplan", string(m.r.ID)), "")})
	n.Set("category", []*fhir.Node{fhir.Concept("", fhir.Coding(sysMessage, "referral", "Transfer of Care"),
		fhir.Coding(SysUseCase, UseCase, "Hospital to social care: support to leave hospital"))})
	n.Set("occurrenceDateTime", nil)
	n.Set("occurrencePeriod", period(m.r.Sent, time.Time{}))
	n.Set("requester", fhir.Ref("PractitionerRole", roleID(m.sender(), m.r.From), m.r.SentBy.Name))
	n.Set("performer", []*fhir.Node{fhir.Ref("HealthcareService", "discharge-"+string(m.t.council(m.r)), "")})
	n.Set("encounter", fhir.Ref("Encounter", m.encounterID(), ""))
	if m.t.Reason == "delete" && n.Str("status") == "active" {
		n.Set("status", "revoked") // the referral goes on, but not with this receiver
	}
	return n
}

// council is the receiver's code, of whom the referral is for.
func (t Telling) council(r care.Referral) nhs.ODS {
	switch {
	case r.To != "":
		return r.To
	case t.Response:
		return t.From
	}
	return t.To
}

// sender is who sent the referral; a system has its organisation's name.
func (m *messaging) sender() care.ActorID {
	if m.r.SentBy.ID == "" {
		return care.ActorID("team-" + string(m.r.From))
	}
	return m.r.SentBy.ID
}

func (m *messaging) encounterID() string {
	if s := m.w.stayOf(m.r); s != nil && m.w.s.Sees.Whereabouts {
		return m.w.stayID(*s)
	}
	return m.w.id("contact", string(m.r.ID))
}

// encounters are the stay, triaged while it lasts and finished when it ended (BaRS
// 1.5), and in a response the council's own contact with its state.
func (m *messaging) encounters() []*fhir.Node {
	var n *fhir.Node
	if s := m.w.stayOf(m.r); s != nil && m.w.s.Sees.Whereabouts {
		n = m.w.finish("Encounter", []*fhir.Node{m.w.encounter(*s, s.Left != nil)})[0]
		if n.Str("status") != "finished" {
			n.Set("status", "triaged")
		}
	} else {
		n = m.meta(resource("Encounter", m.encounterID(), []string{core + "Encounter"},
			"identifier", []*fhir.Node{fhir.Identifier(sysReferral, string(m.r.ID))}, "status", "triaged",
			"class", fhir.Coding(sysActCode, "IMP", "inpatient encounter"), "subject", m.w.patient(), "period", period(m.r.Sent, time.Time{})))
	}
	if !m.t.Response {
		return []*fhir.Node{n}
	}
	return []*fhir.Node{n, m.councilEncounter()}
}

// councilStates are the states of a referral as the Encounter of who answers.
var councilStates = map[care.RefState]string{
	care.RefSent: "planned", care.RefReceived: "planned", care.RefAccepted: "arrived", care.RefReturned: "cancelled", care.RefClosed: "finished",
	care.RefWithdrawn: "cancelled", care.RefCancelled: "cancelled", care.RefDied: "cancelled",
	care.RefOnHold: "arrived", care.RefTransferred: "cancelled",
}

func (m *messaging) councilEncounter() *fhir.Node {
	status := councilStates[m.r.State]
	if status == "" {
		status = "in-progress"
	}
	ids := []*fhir.Node{fhir.Identifier(sysReference+string(m.r.To), m.r.Reference)}
	if m.r.Reference == "" {
		ids = []*fhir.Node{fhir.Identifier(sysReferral+"/council", string(m.r.ID))}
	}
	n := resource("Encounter", m.w.id("council-contact", string(m.r.ID)), []string{core + "Encounter"}, "identifier", ids, "status", status,
		"class", fhir.Coding(sysActCode, "HH", "home health"), "subject", m.w.patient(), "period", period(latest(m.r.Received, m.r.Sent), m.r.Ended))
	switch {
	case m.r.State == care.RefReturned && len(m.r.Returns) > 0:
		why := returnConcept(m.r.Returns[len(m.r.Returns)-1])
		why.Set("coding", append([]*fhir.Node{fhir.Coding(sysRejected, "OTH", "Other")}, why.All("coding")...))
		n.Set("reasonCode", []*fhir.Node{why})
	case m.r.Outcome != "":
		n.Set("reasonCode", []*fhir.Node{fhir.Concept(m.r.Outcome)})
	}
	n.Set("serviceProvider", m.w.org(m.r.To))
	return m.meta(n)
}

// meta finishes a resource that only messages have.
func (m *messaging) meta(n *fhir.Node) *fhir.Node {
	return m.w.finish(n.Type(), []*fhir.Node{n})[0]
}

// carePlan is completed for a referral that is sent (BaRS 1.5 pseudo-workflow): what
// the hospital planned is done, the rest is asked for.
func (m *messaging) carePlan() *fhir.Node {
	n := m.w.plan(m.r)
	if !m.t.Response && n.Str("status") != "revoked" {
		n.Set("status", "completed")
	}
	n.Set("encounter", fhir.Ref("Encounter", m.encounterID(), ""))
	words := pathwayWords[m.r.Pathway]
	if words == "" {
		words = "The discharge pathway is not decided yet"
	}
	n.Set("activity", []*fhir.Node{fhir.Obj("outcomeCodeableConcept", []*fhir.Node{fhir.Concept(words)})})
	return m.w.finish("CarePlan", []*fhir.Node{n})[0]
}

// orgs are the two sides and the council's service.
func (m *messaging) orgs() []*fhir.Node {
	var out []*fhir.Node
	council := m.t.council(m.r)
	for _, code := range []nhs.ODS{m.r.From, council} {
		o := m.w.s.Orgs[code]
		o.ODS = code
		out = append(out, m.meta(organization(o)))
	}
	c := m.w.s.Orgs[council]
	if c.ODS = council; c.Name == "" {
		c.Name = string(council)
	}
	return append(out, m.meta(service(c)))
}

func (m *messaging) staff() []*fhir.Node {
	p := m.r.SentBy
	p.ID, p.Org = m.sender(), m.r.From
	if p.Name == "" {
		p.Name = "Discharge team"
	}
	list := []care.Who{p}
	for _, x := range m.w.people() {
		if x.ID != p.ID {
			list = append(list, x)
		}
	}
	var out []*fhir.Node
	for _, x := range list {
		out = append(out, m.meta(practitioner(x)), m.meta(role(x, m.w.org(x.Org))))
	}
	return out
}

// bundle puts the header first and makes every reference lead to an entry.
func (m *messaging) bundle() *fhir.Node {
	header := m.header()
	entries := []*fhir.Node{fhir.Obj("fullUrl", "urn:uuid:"+header.ID(), "resource", header)}
	for _, n := range m.nodes {
		n = n.Clone()
		m.point(n)
		if n.Str("meta.lastUpdated") == "" {
			meta := n.Member("meta")
			meta.Members = slices.Insert(meta.Members, 1, fhir.Member{Name: "lastUpdated", Value: &fhir.Node{Kind: fhir.String, Text: instant(m.t.At)}})
		}
		entries = append(entries, fhir.Obj("fullUrl", m.urls[n.Type()+"/"+n.ID()], "resource", n))
	}
	return fhir.Obj("resourceType", "Bundle", "id", m.t.Key,
		"meta", fhir.Obj("versionId", BarsVersion, "lastUpdated", instant(m.t.At), "profile", []string{barsProfile + "BundleMessage"}),
		"type", "message", "timestamp", instant(m.t.At), "entry", entries)
}

// point makes references lead into the message; one that leads out of it stays as
// identifier and words, or goes.
func (m *messaging) point(n *fhir.Node) {
	for i := 0; i < len(n.Members); i++ {
		x := &n.Members[i]
		if ref := x.Value.Str("reference"); x.Value.Kind == fhir.Object && ref != "" {
			m.lead(x.Value, ref)
		}
		for j := 0; j < len(x.Value.Items); j++ {
			if ref := x.Value.Items[j].Str("reference"); x.Value.Items[j].Kind == fhir.Object && ref != "" {
				m.lead(x.Value.Items[j], ref)
			}
			if x.Value.Items[j].Kind == fhir.Object && len(x.Value.Items[j].Members) == 0 {
				x.Value.Items = slices.Delete(x.Value.Items, j, j+1)
				j--
				continue
			}
			m.point(x.Value.Items[j])
		}
		m.point(x.Value)
		if x.Value.Empty() {
			n.Members = slices.Delete(n.Members, i, i+1)
			i--
		}
	}
}

func (m *messaging) lead(x *fhir.Node, ref string) {
	if url := m.urls[ref]; url != "" {
		x.Set("reference", url)
	} else if !strings.HasPrefix(ref, "#") {
		x.Set("reference", nil)
	}
}

// header is the MessageHeader (BaRS 1.5; FHIR R4 MessageHeader).
func (m *messaging) header() *fhir.Node {
	event, profile, definition := EventRequest, "MessageHeader-servicerequest-request", "request-referral"
	switch {
	case m.t.Response && m.t.Final:
		event, profile, definition = EventResponse, "MessageHeader-servicerequest-response", "response-referral"
	case m.t.Response:
		event, profile, definition = EventResponse, "MessageHeader-servicerequest-response", "response-referral-short"
	case m.t.Reason == "delete":
		definition = "request-cancelled"
	}
	from, to := m.r.From, m.t.council(m.r)
	if m.t.Response {
		from, to = to, from
	}
	orgRef := func(code nhs.ODS) *fhir.Node {
		return fhir.Obj("reference", m.urls["Organization/"+string(code)], "display", m.w.s.Orgs[code].Name)
	}
	n := fhir.Obj("resourceType", "MessageHeader", "id", uuid("header/"+m.t.Key),
		"meta", fhir.Obj("lastUpdated", instant(m.t.At), "profile", []string{core + "MessageHeader", barsProfile + profile}),
		"eventCoding", fhir.Coding(sysEvent, event, ""),
		"destination", []*fhir.Node{fhir.Obj("endpoint", endpoint(m.t.Destination, to), "receiver", orgRef(to))},
		"sender", orgRef(from),
		"source", fhir.Obj("name", m.w.s.Orgs[from].Name, "software", "Homeward", "version", m.t.Version, "contact", first(organization(m.w.s.Orgs[from]).Get("telecom")),
			"endpoint", endpoint(m.t.Source, from)),
		"reason", fhir.Concept("", fhir.Coding(sysReason, m.t.Reason, "")))
	if m.t.Answers != "" {
		n.Set("response", fhir.Obj("identifier", m.t.Answers, "code", "ok"))
	}
	n.Set("focus", []*fhir.Node{fhir.Obj("reference", m.urls["ServiceRequest/"+m.w.id("referral", string(m.r.ID))])})
	n.Set("definition", barsDefinition+definition)
	return n
}

func endpoint(service string, org nhs.ODS) string {
	if service != "" {
		return service
	}
	return sysODS + "|" + string(org)
}

// Came is what came for a referral by BaRS before, as it was kept with its
// ServiceRequest: what an answer must name.
type Came struct {
	Bundle, Source, Destination, Correlation string
	At                                       time.Time
}

// CarryOver is a referral as it is sent anew, with what is known of the message by
// which it came, where the new one says nothing of that: answers must go on naming it.
func CarryOver(was, now *fhir.Node) *fhir.Node {
	came := extension(was, extBars)
	if came.Empty() || !extension(now, extBars).Empty() {
		return now
	}
	c := now.Clone()
	c.Add("extension", came.Clone())
	return c
}

// CameOf is what the last request about a referral was; false when it did not come
// by BaRS.
func CameOf(s translate.Shown, r care.ReferralID) (Came, bool) {
	k, ok := s.Kept["ServiceRequest/"+ReferralResource(s.Case.ID, r)]
	if !ok {
		return Came{}, false
	}
	x := extension(k.Tree, extBars)
	c := Came{Bundle: part(x, "bundle").Str("valueString"), Source: part(x, "source").Str("valueString"),
		Destination: part(x, "destination").Str("valueString"), Correlation: part(x, "correlation").Str("valueString")}
	c.At, _, _ = parseTime(part(x, "at").Str("valueInstant"))
	return c, c.Bundle != ""
}
