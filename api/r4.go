package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
	"homeward/translate"
	"homeward/translate/r4"
)

// r4Base is where the R4 face is, after the public URL.
const r4Base = "/fhir/R4"

// r4Routes is the FHIR R4 interface (docs/interfaces/fhir-r4.md). What it does is in
// r4Types; topic-based subscriptions, messages and the bulk export add their own.
func (f *Faces) r4Routes() {
	fc := f.add(face{name: "r4", base: r4Base, version: fhir.R4, title: "Homeward: FHIR R4", since: "2026-11-22"})
	fc.on("GET", "/metadata", "", func(c *call) error { return c.write(http.StatusOK, c.r4Capability()) })
	fc.subscribeRoutes()
	fc.exportRoutes()
	fc.on("POST", "", WriteScope, (*call).r4Bundle)
	fc.on("POST", "/{$}", WriteScope, (*call).r4Bundle)
	for i := range r4Types {
		t := &r4Types[i]
		at, read := "/"+t.name, ReadScope
		if t.source == fromAudit {
			read = AuditScope
		}
		fc.on("GET", at, read, func(c *call) error { return c.r4Search(t) })
		fc.on("POST", at+"/_search", read, func(c *call) error { return c.r4Search(t) })
		fc.on("GET", at+"/{id}", read, func(c *call) error { return c.r4Read(t) })
		fc.on("GET", at+"/{id}/_history/{version}", read, func(c *call) error { return c.r4Version(t) })
		fc.on("GET", at+"/{id}/_history", read, func(c *call) error { return c.r4History() })
		fc.on("GET", at+"/_history", read, func(c *call) error { return c.r4History() })
		if t.create {
			fc.on("POST", at, WriteScope, func(c *call) error { return c.r4Create(t) })
			fc.on("PUT", at, WriteScope, func(c *call) error { return c.r4UpdateWhere(t) })
		}
		if t.update {
			fc.on("PUT", at+"/{id}", WriteScope, func(c *call) error { return c.r4Update(t) })
		}
		for path, allow := range map[string]string{at: t.allowed(), at + "/{id}": t.allowedOne()} {
			fc.on("OPTIONS", path, "", func(c *call) error {
				c.w.Header().Set("Allow", allow)
				c.begun = true
				c.w.WriteHeader(http.StatusNoContent)
				return nil
			})
		}
	}
}

func (t *r4Type) allowed() string {
	if t.create {
		return "GET, HEAD, POST, PUT, OPTIONS"
	}
	return "GET, HEAD, OPTIONS"
}

func (t *r4Type) allowedOne() string {
	if t.update {
		return "GET, HEAD, PUT, OPTIONS"
	}
	return "GET, HEAD, OPTIONS"
}

// r4None is the answer about what is not there and about what may not be shown.
func r4None() error {
	return no(http.StatusNotFound, "not-found", "There is no such resource, or none that may be shown")
}

// r4Why is why a system reads, for the decision and the audit.
func (c *call) r4Why(action string) hub.ShowRequest { return hub.ShowRequest{Action: action} }

// r4Read gives one resource as it is now. FHIR R4 3.1.0.1.
func (c *call) r4Read(t *r4Type) error {
	n, err := c.r4One(t, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	if names := c.r.URL.Query().Get("_elements"); names != "" {
		n = subset(n, strings.Split(names, ","))
	}
	return c.write(http.StatusOK, n)
}

// r4Version gives one version: the present one, for no other is kept as a resource.
// FHIR R4 3.1.0.2.
func (c *call) r4Version(t *r4Type) error {
	n, err := c.r4One(t, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	if n.Str("meta.versionId") != c.r.PathValue("version") {
		return no(http.StatusNotFound, "not-found", "That version is not the present one, and no other can be read")
	}
	return c.write(http.StatusOK, n)
}

func (c *call) r4History() error {
	return no(http.StatusNotImplemented, "not-supported", "Earlier versions cannot be read. What happened is on the case's timeline, and in Provenance and AuditEvent")
}

// r4One finds one resource by its id.
func (c *call) r4One(t *r4Type, id string) (*fhir.Node, error) {
	if fhir.CheckPrimitive("id", id) != nil {
		return nil, r4None()
	}
	if t.source != fromCase {
		all, err := c.r4SharedAt(t, id)
		if err != nil {
			return nil, err
		}
		for _, n := range all {
			if n.ID() == id {
				return n, nil
			}
		}
		return nil, r4None()
	}
	asked, ok := r4.CaseOf(id)
	if !ok {
		return nil, r4None()
	}
	s, err := c.faces.Hub.Show(c.r.Context(), c.by, asked, c.r4Why("read "+t.name))
	if err != nil {
		return nil, err
	}
	if s.Case.ID != asked {
		return r4Joined(t, s, asked, id)
	}
	if n := r4.One(s, t.name, id); n != nil {
		return n, nil
	}
	return nil, r4None()
}

// r4Joined answers about a case that was joined into another: a Patient says by which
// it was replaced (FHIR R4 8.1.2), anything else is at another id.
func r4Joined(t *r4Type, s translate.Shown, old care.CaseID, id string) (*fhir.Node, error) {
	if t.name == "Patient" {
		n := fhir.Obj("resourceType", "Patient", "id", string(old), "active", false,
			"link", []*fhir.Node{fhir.Obj("other", fhir.Obj("reference", "Patient/"+string(s.Case.ID)), "type", "replaced-by")})
		n.Members = slices.Insert(n.Members, 2, fhir.Member{Name: "meta", Value: fhir.Obj("versionId", fhir.Hash(n))})
		return n, nil
	}
	if now := string(s.Case.ID) + strings.TrimPrefix(id, string(old)); r4.One(s, t.name, now) != nil {
		return nil, no(http.StatusNotFound, "not-found", "The records of this person were joined. Ask for "+t.name+"/"+now)
	}
	return nil, r4None()
}

// r4SharedAt are those of a type that belongs to no case among which one id is: of
// reports any time can be asked for, and the id says which.
func (c *call) r4SharedAt(t *r4Type, id string) ([]*fhir.Node, error) {
	if t.name != "MeasureReport" {
		return c.r4Shared(t)
	}
	a, ok := reportAsked(id)
	if !ok {
		return nil, r4None()
	}
	return c.r4Reports(a)
}

// r4Shared are all resources of a type that belongs to no case.
func (c *call) r4Shared(t *r4Type) ([]*fhir.Node, error) {
	switch t.source {
	case fromForms:
		var out []*fhir.Node
		for _, p := range c.faces.Hub.Forms.All() {
			out = append(out, r4.Questionnaire(p))
		}
		return out, nil
	case fromAudit:
		return c.r4Audits(hub.AuditQuery{})
	case fromFigures:
		if t.name == "MeasureReport" {
			return c.r4Reports(figureAsk{})
		}
		return c.r4Measures(), nil
	}
	d, err := c.faces.Hub.Directory(c.r.Context(), c.by)
	if err != nil {
		return nil, err
	}
	return r4Directory(d, t.name), nil
}

// r4Directory writes one type of a directory.
func r4Directory(d hub.Directory, typ string) (out []*fhir.Node) {
	org := func(code string) care.Org {
		for _, o := range d.Orgs {
			if string(o.ODS) == code {
				return o
			}
		}
		return care.Org{}
	}
	switch typ {
	case "Organization":
		for _, o := range d.Orgs {
			out = append(out, r4.Organization(o))
		}
		for _, t := range d.Teams {
			out = append(out, r4.TeamOrganization(t))
		}
		for _, p := range d.Providers {
			out = append(out, r4.ProviderOrganization(p))
		}
	case "HealthcareService":
		for _, o := range d.Orgs {
			if o.Kind == care.Council {
				out = append(out, r4.Service(o))
			}
		}
	case "Location":
		for _, w := range d.Wards {
			out = append(out, r4.Ward(org(string(w.Hospital)), care.Location{Ward: w.Code, Name: w.Name}))
		}
	case "Practitioner":
		for _, p := range d.Workers {
			out = append(out, r4.Practitioner(p))
		}
	case "PractitionerRole":
		for _, p := range d.Workers {
			out = append(out, r4.PractitionerRole(p, org(string(p.Org))))
		}
	}
	return out
}

// r4Audits are the newest rows of the audit that the reader may see, as AuditEvents.
func (c *call) r4Audits(q hub.AuditQuery) ([]*fhir.Node, error) {
	rows, err := c.faces.Hub.Audits(c.r.Context(), c.by, q)
	if err != nil {
		return nil, err
	}
	var out []*fhir.Node
	for _, r := range rows {
		out = append(out, auditEvent(r))
	}
	return out, nil
}

// auditEvent writes one row of the audit. FHIR R4 AuditEvent; UK Core 2.0 AuditEvent.
func auditEvent(r hub.AuditView) *fhir.Node {
	outcome := map[bool]string{true: "0", false: "8"}[r.Allowed]
	agent := fhir.Obj("type", fhir.Concept("", fhir.Coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient")),
		"who", fhir.Obj("identifier", fhir.Obj("value", string(r.Actor)), "display", r.Name), "requestor", true)
	if r.Role != "" {
		agent.Set("role", []*fhir.Node{fhir.Concept(string(r.Role))})
	}
	if r.Address != "" {
		agent.Set("network", fhir.Obj("address", r.Address, "type", "2"))
	}
	n := fhir.Obj("resourceType", "AuditEvent", "id", "a"+strconv.FormatInt(r.N, 10),
		"meta", fhir.Obj("profile", []string{ukCore + "AuditEvent"}),
		"type", fhir.Coding("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "RESTful Operation"),
		"subtype", []*fhir.Node{fhir.Obj("display", r.Action)}, "action", "R", "recorded", r.At.UTC().Format("2006-01-02T15:04:05.000000Z"),
		"outcome", outcome, "outcomeDesc", r.Outcome, "agent", []*fhir.Node{agent},
		"source", fhir.Obj("observer", fhir.Obj("identifier", fhir.Identifier("https://fhir.nhs.uk/Id/ods-organization-code", string(r.Org)), "display", r.OrgName)))
	if r.Org == "" {
		n.Set("source", fhir.Obj("observer", fhir.Obj("display", "Homeward")))
	}
	if r.Purpose != "" {
		n.Set("purposeOfEvent", []*fhir.Node{fhir.Concept(strings.TrimSpace(r.Purpose + ". " + r.Reason))})
	}
	if r.Case != "" {
		n.Set("entity", []*fhir.Node{fhir.Obj("what", fhir.Obj("reference", "Patient/"+string(r.Case)),
			"type", fhir.Coding("http://terminology.hl7.org/CodeSystem/audit-entity-type", "1", "Person"))})
	}
	n.Member("meta").Set("versionId", fhir.Hash(n))
	return n
}
