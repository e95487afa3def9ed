package api

import (
	"net/http"
	"slices"
	"strings"

	"homeward/fhir"
	"homeward/fhir/profile"
)

// checked reads the body and holds it against the release and the profile of its
// type. Of what is wrong everything is told at once.
func (c *call) checked(typ string) (*fhir.Node, error) {
	n, err := c.body()
	if err != nil {
		return nil, err
	}
	if n.Type() != typ && n.Type() != "Bundle" {
		return nil, unfit("invariant", "", "The resource must be a "+typ+", or a Bundle with one")
	}
	rules, err := profile.Standard()
	if err != nil {
		return nil, err
	}
	if err := knownProfile(n); err != nil {
		return nil, err
	}
	var profiles []string
	if p := faceProfiles[c.name+" "+n.Type()]; p != "" {
		profiles = append(profiles, p)
	} else {
		for _, p := range n.All("meta.profile") {
			if strings.HasPrefix(p.Text, nottinghamshire) {
				profiles = append(profiles, p.Text)
			}
		}
	}
	var wrong []fhir.Issue
	for _, i := range rules.Check(n, c.version, profiles...) {
		if i.Severity != "warning" && i.Severity != "information" {
			wrong = append(wrong, i)
		}
	}
	if len(wrong) > 0 {
		return nil, &fhir.Error{Issues: wrong}
	}
	return n, nil
}

const nottinghamshire = "https://fhir.nottinghamshire.gov.uk/STU3/StructureDefinition/"

// knownProfile refuses what claims profiles, and none that can be known here: it
// means something that we do not. One beside others is no harm.
func knownProfile(n *fhir.Node) error {
	claimed := n.All("meta.profile")
	known := func(p *fhir.Node) bool {
		return strings.HasPrefix(p.Text, nottinghamshire) || strings.HasPrefix(p.Text, "https://fhir.hl7.org.uk/STU3/StructureDefinition/CareConnect-") ||
			strings.Contains(p.Text, "fhir.interweavedigital.nhs.uk/") || strings.HasPrefix(p.Text, "http://hl7.org/fhir/")
	}
	if len(claimed) == 0 || slices.ContainsFunc(claimed, known) {
		return nil
	}
	return unfit("not-supported", n.Type()+".meta.profile", "None of the profiles that the resource claims is known here")
}

// faceProfiles are the profiles that a face asks for, by its name and the type.
// Those of questionnaires are told by the sender.
var faceProfiles = map[string]string{
	"shd ReferralRequest": nottinghamshire + "CareConnect-SHD-ReferralRequest-1",
	"shd Encounter":       nottinghamshire + "CareConnect-SHD-Encounter-1",
	"shd Communication":   nottinghamshire + "CareConnect-SHD-Communication-1",
}

// capabilities is the CapabilityStatement of an STU3 face, made from its routes.
// FHIR STU3 capabilitystatement.html. It asks for no token.
func (fc *face) capabilities(c *call) error {
	verbs := map[string][]string{}
	var types []string
	var operations []*fhir.Node
	for _, r := range fc.routes {
		typ, rest, _ := strings.Cut(strings.TrimPrefix(r.path, "/"), "/")
		code := map[string]string{http.MethodGet: "search-type", http.MethodPost: "create", http.MethodPut: "update"}[r.method]
		switch {
		case typ == "metadata" || typ == "":
			continue
		case strings.HasPrefix(rest, "$"):
			operations = append(operations, fhir.Obj("name", rest[1:], "definition", fhir.Obj("display", r.path)))
			code = ""
		case rest == "_search":
			code = "search-type"
		case rest == "{id}" && r.method == http.MethodGet:
			code = "read"
		case rest != "" && rest != "{id}":
			code = ""
		}
		if !slices.Contains(types, typ) {
			types = append(types, typ)
		}
		if code != "" && !slices.Contains(verbs[typ], code) {
			verbs[typ] = append(verbs[typ], code)
		}
	}
	var resources []*fhir.Node
	for _, typ := range types {
		var interactions []*fhir.Node
		for _, code := range verbs[typ] {
			interactions = append(interactions, fhir.Obj("code", code))
		}
		n := fhir.Obj("type", typ)
		if p := faceProfiles[fc.name+" "+typ]; p != "" {
			n.Set("profile", fhir.Obj("reference", p))
		}
		n.Set("interaction", interactions)
		if len(interactions) > 0 {
			resources = append(resources, n)
		}
	}
	return c.write(http.StatusOK, fhir.Obj("resourceType", "CapabilityStatement", "status", "active", "date", fc.since, "kind", "instance",
		"implementation", fhir.Obj("description", fc.title, "url", c.url("")), "fhirVersion", "3.0.2", "acceptUnknown", "extensions",
		"format", []string{"application/fhir+json", "application/fhir+xml"},
		"rest", fhir.List(fhir.Obj("mode", "server", "security", fhir.Obj("description", "OAuth 2.0 client credentials with a signed assertion (private_key_jwt)"),
			"resource", resources, "operation", operations))))
}
