package api

import (
	"net/http"
	"strings"

	"homeward/care"
	"homeward/fhir"
)

// locatorRoutes is the Healthcare Locator Service: which council is responsible for
// an address, and where it takes referrals (docs/interfaces/locator.md).
func (f *Faces) locatorRoutes() {
	fc := f.add(face{name: "locator", base: "/LocatorService/v2", version: fhir.STU3, title: "Healthcare Locator Service", since: "2026-11-22"})
	fc.on(http.MethodGet, "/metadata", "", fc.capabilities)
	fc.on(http.MethodGet, "/HealthcareService", LocatorScope, locate)
}

const (
	serviceSystem = "https://fhir.nottinghamshire.gov.uk/STU3/codesystem/SHD-ReferralRequestServiceRequested"
	odsSystem     = "https://fhir.nhs.uk/Id/ods-organization-code"
)

// serviceWords are the services that councils take referrals for. The published
// value set of type is lost: these are those of SHD (ours).
var serviceWords = map[string]string{"acute-d2a": "Acute-D2A", "mental-health": "Mental-Health"}

// locate answers responsibleLAfromAddress. One council is sure, several are
// candidates and a warning says so, none is an empty answer that says why.
func locate(c *call) error {
	q, err := c.query("_query", "address", "postcode", "type")
	if err != nil {
		return err
	}
	for _, name := range []string{"_query", "address", "postcode", "type"} {
		if q[name] == "" {
			return no(http.StatusBadRequest, "required", "The parameter "+name+" must stand in the address")
		}
	}
	if q["_query"] != "responsibleLAfromAddress" {
		return no(http.StatusBadRequest, "not-supported", "The only _query is responsibleLAfromAddress")
	}
	_, code, piped := strings.Cut(q["type"], "|")
	if !piped {
		code = q["type"]
	}
	code = strings.ToLower(code)
	found, err := c.faces.Hub.Locate(c.r.Context(), c.by, strings.ReplaceAll(q["address"], `\,`, ","), q["postcode"])
	if err != nil {
		return err
	}
	var entries, notes []*fhir.Node
	note := func(severity, code, text string) {
		n := fhir.Outcome(fhir.Issue{Severity: severity, Code: code, Diagnostics: text})
		notes = append(notes, fhir.Obj("resource", n, "search", fhir.Obj("mode", "outcome")))
	}
	for i, o := range found.Councils {
		entries = append(entries, c.council(o, code, found.Known[i])...)
		if !found.Known[i] {
			note("warning", "incomplete", "A responsible council is not on Homeward: no endpoint is known for it")
		}
	}
	switch n := len(found.Councils); {
	case n == 0:
		note("information", "not-found", "No council is known for this address and postcode: neither the property nor the postcode is in the gazetteer")
	case n > 1:
		note("warning", "incomplete", "The postcode lies in more than one council, and the address does not settle in which: the councils are candidates")
	}
	if serviceWords[code] == "" {
		note("warning", "code-invalid", "The type of service is not known here: known are acute-d2a and mental-health. The answer is of all services")
	}
	return c.write(http.StatusOK, c.bundle("searchset", len(found.Councils), append(entries, notes...)...))
}

// council is a council's service, with the organisation and the endpoint.
func (c *call) council(o care.Org, code string, known bool) []*fhir.Node {
	id := strings.ToLower(string(o.ODS))
	phones := func() *fhir.Node {
		t := fhir.List()
		for _, p := range []struct{ number, use string }{{o.Phone, "work"}, {o.OutOfHours, "temp"}} {
			if p.number != "" {
				t.Items = append(t.Items, fhir.Obj("system", "phone", "value", p.number, "use", p.use))
			}
		}
		return t
	}
	kind := fhir.Concept("All services")
	if w := serviceWords[code]; w != "" {
		kind = fhir.Concept("", fhir.Coding(serviceSystem, code, w))
	}
	service := fhir.Obj("resourceType", "HealthcareService", "id", id, "active", true, "providedBy", fhir.Ref("Organization", id, o.Name), "type", fhir.List(kind),
		"name", o.Name, "telecom", phones())
	org := fhir.Obj("resourceType", "Organization", "id", id, "identifier", fhir.List(fhir.Identifier(odsSystem, string(o.ODS))), "active", true, "name", o.Name, "telecom", phones())
	out := []*fhir.Node{c.entry("match", service), c.entry("include", org)}
	if !known {
		return out
	}
	service.Set("endpoint", fhir.List(fhir.Ref("Endpoint", id, "")))
	return append(out, c.entry("include", fhir.Obj("resourceType", "Endpoint", "id", id, "status", "active",
		"connectionType", fhir.Coding("http://hl7.org/fhir/endpoint-connection-type", "hl7-fhir-rest", "HL7 FHIR"), "name", "Supported Hospital Discharge",
		"managingOrganization", fhir.Ref("Organization", id, o.Name), "payloadType", fhir.List(fhir.Concept("CareConnect-SHD-ReferralRequest-1")),
		"payloadMimeType", []string{"application/fhir+json", "application/fhir+xml"}, "address", c.faces.PublicURL+"/ReferralService/v3")))
}
