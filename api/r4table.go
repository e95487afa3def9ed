package api

// A r4Param is one search parameter of a resource: how it is compared, and with
// what. FHIR R4 3.1.1.4.
type r4Param struct {
	name  string
	kind  r4Kind
	paths []string // of the elements, from the resource; values of any of them count
	// targets are the types that a reference may point to, for a bare id and for
	// _include.
	targets []string
	person  bool // tells who somebody is: taken in the body of a POST only
}

// r4Kind is a type of search parameter, as a CapabilityStatement names it.
type r4Kind string

const (
	r4Token     r4Kind = "token"
	r4Reference r4Kind = "reference"
	r4Date      r4Kind = "date"
	r4String    r4Kind = "string"
	r4URI       r4Kind = "uri"
)

// r4Source is where resources of a type come from.
type r4Source uint8

const (
	fromCase      r4Source = iota // they belong to somebody's case
	fromDirectory                 // organisations, wards, teams, providers, staff
	fromForms                     // released forms
	fromAudit                     // who looked at what
	fromFigures                   // measures, and figures of them: nobody's
)

// A r4Type is one type of resource of the face. The table of them is what the face
// does and what its CapabilityStatement says that it does.
type r4Type struct {
	name    string
	source  r4Source
	profile string
	create  bool // POST, and what is sent by an identifier of the sender's
	update  bool // PUT
	narrow  bool // no index has it: a search names the patient
	says    string
	params  []r4Param
}

func token(name string, paths ...string) r4Param {
	return r4Param{name: name, kind: r4Token, paths: paths}
}
func date(name string, paths ...string) r4Param {
	return r4Param{name: name, kind: r4Date, paths: paths}
}
func words(name string, paths ...string) r4Param {
	return r4Param{name: name, kind: r4String, paths: paths}
}
func uri(name string, paths ...string) r4Param { return r4Param{name: name, kind: r4URI, paths: paths} }

func refers(name, path string, targets ...string) r4Param {
	return r4Param{name: name, kind: r4Reference, paths: []string{path}, targets: targets}
}

// personal marks what tells who somebody is.
func personal(p r4Param) r4Param { p.person = true; return p }

// aboutPatient are the parameters by which a resource of somebody's is found.
func aboutPatient(path string, more ...r4Param) []r4Param {
	who := []r4Param{refers("patient", path, "Patient")}
	if path != "patient" && path != "target" {
		who = append(who, refers("subject", path, "Patient"))
	}
	return append(who, more...)
}

const ukCore = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"

// r4Types are all types of the face, in the order of the CapabilityStatement.
var r4Types = []r4Type{
	{name: "Patient", profile: ukCore + "Patient", create: true, update: true,
		says: "A person is found by identifier, or by family, birthdate and address-postalcode together.",
		params: []r4Param{personal(token("identifier", "identifier")), personal(words("family", "name.family")), personal(words("given", "name.given")),
			personal(words("name", "name")), personal(date("birthdate", "birthDate")), personal(words("address-postalcode", "address.postalCode")),
			personal(token("phone", "telecom")), token("active", "active"), token("gender", "gender"), date("death-date", "deceasedDateTime"),
			refers("general-practitioner", "generalPractitioner", "Organization", "Practitioner"), refers("organization", "managingOrganization", "Organization")}},
	{name: "RelatedPerson", profile: ukCore + "RelatedPerson",
		params: aboutPatient("patient", token("active", "active"), token("relationship", "relationship"))},
	{name: "Encounter", profile: ukCore + "Encounter", create: true, update: true,
		says: "A stay in hospital or one that is planned. The hospital's own number of the stay finds it again.",
		params: aboutPatient("subject", token("identifier", "identifier"), token("status", "status"), token("class", "class"), date("date", "period"),
			refers("location", "location.location", "Location"), refers("service-provider", "serviceProvider", "Organization"))},
	{name: "ServiceRequest", profile: ukCore + "ServiceRequest", create: true, update: true,
		says: "A referral of somebody in hospital to a council.",
		params: aboutPatient("subject", token("identifier", "identifier"), token("status", "status"), token("intent", "intent"), token("code", "code"),
			date("authored", "authoredOn"), date("occurrence", "occurrenceDateTime", "occurrencePeriod"), refers("encounter", "encounter", "Encounter"),
			refers("requester", "requester", "Practitioner", "PractitionerRole", "Organization"),
			refers("performer", "performer", "Organization", "Practitioner", "PractitionerRole"))},
	{name: "Task", profile: ukCore + "Task", create: true, update: true,
		says: "How far the work on a referral has come; the council says it by an update.",
		params: aboutPatient("for", token("identifier", "identifier"), token("status", "status"), token("business-status", "businessStatus"),
			token("intent", "intent"), token("code", "code"), date("authored-on", "authoredOn"), date("modified", "lastModified"), date("period", "executionPeriod"),
			refers("focus", "focus", "ServiceRequest"), refers("encounter", "encounter", "Encounter"), refers("based-on", "basedOn", "ServiceRequest"),
			refers("requester", "requester", "Organization", "Practitioner", "PractitionerRole"), refers("owner", "owner", "Organization", "Practitioner", "PractitionerRole"))},
	{name: "CarePlan", profile: ukCore + "CarePlan",
		params: aboutPatient("subject", token("status", "status"), token("intent", "intent"), token("category", "category"), date("date", "period"),
			refers("encounter", "encounter", "Encounter"))},
	{name: "QuestionnaireResponse", profile: ukCore + "QuestionnaireResponse", create: true,
		says: "The answers of a referral, and the papers that were added to it.",
		params: aboutPatient("subject", token("status", "status"), date("authored", "authored"), uri("questionnaire", "questionnaire"),
			refers("based-on", "basedOn", "ServiceRequest"), refers("encounter", "encounter", "Encounter"),
			refers("author", "author", "Practitioner", "PractitionerRole", "Organization"))},
	{name: "DocumentReference", profile: ukCore + "DocumentReference",
		params: aboutPatient("subject", token("status", "status"), token("type", "type"), date("date", "date"), refers("encounter", "context.encounter", "Encounter"),
			refers("author", "author", "Practitioner", "PractitionerRole", "Organization"))},
	{name: "Communication", profile: ukCore + "Communication", create: true,
		says: "A note on somebody's case, for the other side to read.",
		params: aboutPatient("subject", token("status", "status"), token("category", "category"), date("sent", "sent"),
			refers("sender", "sender", "Practitioner", "PractitionerRole", "Organization"), refers("recipient", "recipient", "Organization", "Practitioner"))},
	{name: "EpisodeOfCare", profile: ukCore + "EpisodeOfCare",
		says: "A package of care that a council arranged, as far as it is shared.",
		params: aboutPatient("patient", token("status", "status"), token("type", "type"), date("date", "period"),
			refers("organization", "managingOrganization", "Organization"), refers("care-manager", "careManager", "Practitioner", "PractitionerRole"))},
	{name: "Flag", profile: ukCore + "Flag",
		params: aboutPatient("subject", date("date", "period"), refers("author", "author", "Organization", "Practitioner"))},
	{name: "DeviceRequest", params: aboutPatient("subject", token("status", "status"), token("intent", "intent"), token("code", "codeCodeableConcept"),
		date("authored-on", "authoredOn"), refers("performer", "performer", "Organization"))},
	{name: "Provenance", narrow: true, says: "Who told what stands in other resources. A search names the target.",
		params: aboutPatient("target", refers("target", "target", "Patient", "Encounter", "ServiceRequest", "CarePlan", "EpisodeOfCare", "Flag", "DeviceRequest", "Task", "QuestionnaireResponse"),
			date("recorded", "recorded"), refers("agent", "agent.who", "Organization", "Practitioner", "PractitionerRole"))},
	{name: "Organization", source: fromDirectory, profile: ukCore + "Organization", says: "Trusts, councils, a council's teams, and care providers as far as they are shared.",
		params: []r4Param{token("identifier", "identifier"), words("name", "name"), token("type", "type"), token("active", "active"), refers("partof", "partOf", "Organization")}},
	{name: "Location", source: fromDirectory, profile: ukCore + "Location", says: "The wards of the asker's own hospital.",
		params: []r4Param{token("identifier", "identifier"), words("name", "name"), token("status", "status"),
			refers("organization", "managingOrganization", "Organization"), refers("partof", "partOf", "Location")}},
	{name: "HealthcareService", source: fromDirectory, profile: ukCore + "HealthcareService", says: "Where each council takes referrals.",
		params: []r4Param{words("name", "name"), token("active", "active"), refers("organization", "providedBy", "Organization")}},
	{name: "Practitioner", source: fromDirectory, profile: ukCore + "Practitioner", says: "Those who may be given work in the asker's own council.",
		params: []r4Param{token("identifier", "identifier"), words("name", "name"), token("active", "active")}},
	{name: "PractitionerRole", source: fromDirectory, profile: ukCore + "PractitionerRole",
		params: []r4Param{token("identifier", "identifier"), token("active", "active"), refers("practitioner", "practitioner", "Practitioner"),
			refers("organization", "organization", "Organization")}},
	{name: "Questionnaire", source: fromForms, says: "The released forms, every version.",
		params: []r4Param{uri("url", "url"), token("version", "version"), words("name", "name"), words("title", "title"), token("status", "status")}},
	{name: "Measure", source: fromFigures, says: "What is measured, and how.",
		params: []r4Param{uri("url", "url"), words("name", "name"), words("title", "title"), token("status", "status")}},
	{name: "MeasureReport", source: fromFigures, says: "Figures of a measure over a period, in all and by hospital; those of fewer than 5 people are masked. Without a period: of the last month that is over.",
		params: []r4Param{uri("measure", "measure"), date("period", "period"), token("status", "status")}},
	{name: "AuditEvent", source: fromAudit, profile: ukCore + "AuditEvent", says: "Who looked at what, for those to whom the policies show it.",
		params: []r4Param{refers("patient", "entity.what", "Patient"), date("date", "recorded"), token("outcome", "outcome"), token("action", "action"),
			refers("agent", "agent.who", "Practitioner", "Organization")}},
}

// everyR4 are the parameters that every type has.
var everyR4 = []r4Param{token("_id", "id"), date("_lastUpdated", "meta.lastUpdated")}

func (t *r4Type) param(name string) (r4Param, bool) {
	for _, list := range [][]r4Param{everyR4, t.params} {
		for _, p := range list {
			if p.name == name {
				return p, true
			}
		}
	}
	return r4Param{}, false
}

func r4TypeOf(name string) *r4Type {
	for i := range r4Types {
		if r4Types[i].name == name {
			return &r4Types[i]
		}
	}
	return nil
}
