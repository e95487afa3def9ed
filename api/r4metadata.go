package api

import (
	"slices"

	"homeward/fhir"
)

// r4Capability says what the face does, made from the table that does it.
// FHIR R4 CapabilityStatement.
func (c *call) r4Capability() *fhir.Node {
	var resources []*fhir.Node
	for i := range r4Types {
		resources = append(resources, r4Types[i].capability())
	}
	resources = append(resources, subscribeCapability())
	code := func(codes ...string) (out []*fhir.Node) {
		for _, x := range codes {
			out = append(out, fhir.Obj("code", x))
		}
		return out
	}
	rest := fhir.Obj("mode", "server",
		"security", fhir.Obj("service", []*fhir.Node{fhir.Concept("OAuth 2.0 client credentials with a signed JWT",
			fhir.Coding("http://terminology.hl7.org/CodeSystem/restful-security-service", "OAuth", "OAuth"))},
			"description", "A system shows an access token with the scope "+ReadScope+" or "+WriteScope+". It sees and does what its organisation may."),
		"resource", resources, "interaction", code("transaction", "batch"), "operation", []*fhir.Node{exportCapability()})
	n := fhir.Obj("resourceType", "CapabilityStatement", "id", "homeward-r4", "name", "HomewardR4", "title", c.title, "status", "active", "date", c.since,
		"kind", "instance", "software", fhir.Obj("name", "Homeward"),
		"implementation", fhir.Obj("description", "Homeward at this site", "url", c.faces.PublicURL+c.base),
		"fhirVersion", "4.0.1", "format", []string{"application/fhir+json", "application/fhir+xml"}, "rest", []*fhir.Node{rest})
	return n
}

func (t *r4Type) capability() *fhir.Node {
	codes := []string{"read", "vread", "search-type"}
	if t.create {
		codes = append(codes, "create")
	}
	if t.create || t.update {
		codes = append(codes, "update")
	}
	var interactions []*fhir.Node
	for _, x := range codes {
		interactions = append(interactions, fhir.Obj("code", x))
	}
	n := fhir.Obj("type", t.name, "profile", t.profile, "documentation", t.says, "interaction", interactions, "versioning", "versioned",
		"readHistory", false, "updateCreate", false, "conditionalCreate", t.create, "conditionalRead", "not-match", "conditionalUpdate", t.create)
	var includes, params []string
	for _, p := range t.params {
		if p.kind == r4Reference {
			includes = append(includes, t.name+":"+p.name)
		}
	}
	for _, o := range r4Types {
		for _, p := range o.params {
			if o.source == fromCase && t.source == fromCase && p.kind == r4Reference && slices.Contains(p.targets, t.name) {
				params = append(params, o.name+":"+p.name)
			}
		}
	}
	n.Set("searchInclude", includes)
	n.Set("searchRevInclude", params)
	var list []*fhir.Node
	for _, of := range [][]r4Param{everyR4, t.params} {
		for _, p := range of {
			list = append(list, fhir.Obj("name", p.name, "type", string(p.kind), "documentation", p.documentation()))
		}
	}
	n.Set("searchParam", list)
	return n
}

func (p r4Param) documentation() string {
	if p.person {
		return "By POST to _search only, since it tells who somebody is."
	}
	return ""
}
