package api

import (
	"net/http"
	"strings"

	"homeward/fhir"
	"homeward/translate/r4"
)

// barsMessages are the messages that are taken, by the end of their definition's
// canonical URL (BaRS 1.5 MessageDefinition).
var barsMessages = []struct {
	definition, event, title string
	least                    map[string]int
}{
	{"request-referral", r4.EventRequest, "A hospital refers somebody to social care, or tells what changed",
		map[string]int{"MessageHeader": 1, "ServiceRequest": 1, "Patient": 1, "Encounter": 1, "CarePlan": 1, "Organization": 2, "Practitioner": 1, "PractitionerRole": 1}},
	{"request-cancelled", r4.EventRequest, "A hospital takes a referral back", map[string]int{"MessageHeader": 1, "ServiceRequest": 1, "Patient": 1}},
	{"response-referral-short", r4.EventResponse, "A council says how far it is", map[string]int{"MessageHeader": 1, "ServiceRequest": 1}},
	{"response-referral", r4.EventResponse, "A council's last word", map[string]int{"MessageHeader": 1, "ServiceRequest": 1}},
}

// barsTypes are the types of a message in the order in which definitions list them.
var barsTypes = []string{"MessageHeader", "ServiceRequest", "Patient", "Encounter", "CarePlan", "Organization", "Practitioner", "PractitionerRole",
	"HealthcareService", "Task", "Location", "RelatedPerson", "QuestionnaireResponse", "Communication"}

const barsDefinitionURL = "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-"

// barsDefinitions lists what is taken. context names a service and a use case; of
// another use case there is nothing.
func barsDefinitions(c *call, _ barsTarget) error {
	var entries []*fhir.Node
	for _, v := range c.r.URL.Query()["context"] {
		if _, code, ok := strings.Cut(v, "|"); ok {
			v = code
		}
		if len(v) == 4 && v != r4.UseCase && (v[0] == 'a' || v[0] == 'A') { // a1t1 to a8t3 of usecases-categories-bars
			return c.write(http.StatusOK, c.bundle("searchset", 0))
		}
	}
	for _, m := range barsMessages {
		entries = append(entries, c.entry("match", barsDefinition(c, m.definition, m.event, m.title, m.least)))
	}
	return c.write(http.StatusOK, c.bundle("searchset", len(entries), entries...))
}

func barsDefinition(c *call, definition, event, title string, least map[string]int) *fhir.Node {
	var focus []*fhir.Node
	for _, typ := range barsTypes {
		most := "*"
		if typ == "MessageHeader" || typ == "ServiceRequest" || typ == "Patient" || typ == "CarePlan" {
			most = "1"
		}
		focus = append(focus, fhir.Obj("code", typ, "min", least[typ], "max", most))
	}
	useCase := fhir.Obj("code", fhir.Coding("http://terminology.hl7.org/CodeSystem/usage-context-type", "workflow", "Workflow Setting"),
		"valueCodeableConcept", fhir.Concept("", fhir.Coding(r4.SysUseCase, r4.UseCase, "Hospital to social care: support to leave hospital")))
	return fhir.Obj("resourceType", "MessageDefinition", "id", "bars-"+definition, "url", barsDefinitionURL+definition, "version", r4.BarsVersion,
		"name", "HomewardBars"+strings.ReplaceAll(strings.ReplaceAll(definition, "-referral", "Referral"), "-", "_"), "title", title, "status", "active", "date", c.since,
		"useContext", []*fhir.Node{useCase}, "eventCoding", fhir.Coding("https://fhir.nhs.uk/CodeSystem/message-events-bars", event, ""),
		"category", "consequence", "focus", focus, "responseRequired", "always")
}

// barsCapability says what the face does. BaRS API 1.4 /metadata.
func barsCapability(c *call) error {
	interactions := func(codes ...string) (out []*fhir.Node) {
		for _, x := range codes {
			out = append(out, fhir.Obj("code", x))
		}
		return out
	}
	var supported []*fhir.Node
	for _, m := range barsMessages {
		supported = append(supported, fhir.Obj("mode", "receiver", "definition", barsDefinitionURL+m.definition+"|"+r4.BarsVersion))
	}
	rest := fhir.Obj("mode", "server",
		"security", fhir.Obj("description", "A system shows an access token with the scope "+BaRSScope+". It sees and does what its organisation may."),
		"resource", []*fhir.Node{
			fhir.Obj("type", "ServiceRequest", "interaction", interactions("read", "search-type"),
				"searchParam", []*fhir.Node{fhir.Obj("name", "patient:identifier", "type", "token", "documentation", "By POST only"), fhir.Obj("name", "status", "type", "token")}),
			fhir.Obj("type", "MessageDefinition", "interaction", interactions("search-type"), "searchParam", []*fhir.Node{fhir.Obj("name", "context", "type", "token")})},
		"operation", []*fhir.Node{fhir.Obj("name", "process-message", "definition", "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message")})
	return c.write(http.StatusOK, fhir.Obj("resourceType", "CapabilityStatement", "id", "homeward-bars", "name", "HomewardBars", "title", c.title, "status", "active",
		"date", c.since, "kind", "instance", "software", fhir.Obj("name", "Homeward"), "implementation", fhir.Obj("description", "Homeward at this site", "url", c.faces.PublicURL+c.base),
		"fhirVersion", "4.0.1", "format", []string{"application/fhir+json", "application/fhir+xml"}, "rest", []*fhir.Node{rest},
		"messaging", []*fhir.Node{fhir.Obj("documentation", "$process-message answers at once. Interim and final responses are messages of their own.", "supportedMessage", supported)}))
}
