package conformance

import (
	"fmt"
	"time"

	"homeward/fhir"
	"homeward/nhs"
)

// A patient is one invented person in one invented stay.
type patient struct {
	number   nhs.Number
	family   string
	born     string
	visit    string // value of the Encounter's identifier
	referral string // value of the ReferralRequest's identifier
	location string // path of the referral, as the target gave it
	id       string // its id in the target
	now      time.Time
}

// The identifier systems of what the kit makes up.
const (
	visitSystem    = "http://fhir.nottinghamshire.gov.uk/encounter/identifier" // nottinghamshire.gov.uk SHD, query values
	referralSystem = "https://homeward.example/conformance/referral"
	numberSystem   = "https://fhir.nhs.uk/Id/nhs-number"
	odsSystem      = "https://fhir.nhs.uk/Id/ods-organization-code"
	profileBase    = "https://fhir.nottinghamshire.gov.uk/STU3/StructureDefinition/"
	codeBase       = "https://fhir.nottinghamshire.gov.uk/STU3/codesystem/"
	fitExtension   = profileBase + "Extension-SHD-MedicallyFitDetails"
)

// firstNumber is beyond those of the pretend hospitals; perSeed is how many people
// there are for one seed, and perWay for one interface.
const firstNumber, perSeed, perWay = 300_000, 2000, 400

// MostSeed is the greatest seed: of the numbers for tests there are a million.
const MostSeed = 340

// ago is when somebody was referred: what is said minutes after that, out of order
// or not, is not of a time to come.
const ago = 15 * time.Minute

// person invents somebody. Numbers are of the range that is kept for tests.
func (k *kit) person() *patient {
	k.people++
	n := firstNumber + k.Seed*perSeed + k.people
	for k.used[nhs.Test(n)] { // some numbers have no check digit, and the next serves
		k.people++
		n++
	}
	k.used[nhs.Test(n)] = true
	return &patient{number: nhs.Test(n), family: fmt.Sprintf("Kittest%d", n), born: fmt.Sprintf("19%02d-%02d-%02d", 30+n%30, 1+n%12, 1+n%28),
		visit: fmt.Sprintf("conformance-%d", n), referral: fmt.Sprintf("R%d", n), now: time.Now().UTC().Truncate(time.Second).Add(-ago)}
}

// secrets are what no refusal may repeat.
func (p *patient) secrets() []string { return []string{p.number.Digits(), p.family} }

func (p *patient) at(d time.Duration) string { return p.now.Add(d).Format(time.RFC3339) }

func profiled(name string) *fhir.Node { return fhir.Obj("profile", fhir.List(profileBase+name)) }

// said is the meta of what was said a while after the referral.
func (p *patient) said(profile string, after time.Duration) *fhir.Node {
	meta := profiled(profile)
	meta.Set("lastUpdated", p.at(after))
	return meta
}

// resource is the Patient, which a referral contains.
func (p *patient) resource() *fhir.Node {
	status := fhir.Obj("url", "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-NHSNumberVerificationStatus-1", "valueCodeableConcept",
		fhir.Concept("", fhir.Coding("https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-NHSNumberVerificationStatus-1", "01", "Number present and verified")))
	return fhir.Obj("resourceType", "Patient", "id", "patient", "meta", profiled("CareConnect-SHD-Patient-1"),
		"identifier", fhir.List(fhir.Obj("extension", fhir.List(status), "use", "official", "system", numberSystem, "value", p.number.Digits())),
		"name", fhir.List(fhir.Obj("use", "official", "text", "Test "+p.family, "family", p.family, "given", fhir.List("Test"))),
		"gender", "female", "birthDate", p.born,
		"address", fhir.List(fhir.Obj("use", "home", "line", fhir.List("1 Invented Road"), "postalCode", "NG1 1AA")))
}

// encounter is the stay as it is at first; changes are laid over it.
func (p *patient) encounter(changes ...any) *fhir.Node {
	n := fhir.Obj("resourceType", "Encounter", "id", "encounter", "meta", profiled("CareConnect-SHD-Encounter-1"),
		"extension", fhir.List(fitness("03", "")),
		"identifier", fhir.List(fhir.Identifier(visitSystem, p.visit)), "status", "in-progress",
		"type", fhir.List(fhir.Concept("", fhir.Coding("http://snomed.info/sct", "183452005", "Emergency hospital admission"))),
		"subject", fhir.Obj("reference", "#patient"),
		"period", fhir.Obj("start", p.at(-48*time.Hour)),
		"location", fhir.List(fhir.Obj("location", fhir.Obj("display", "Ward 12", "identifier", fhir.Identifier("https://fhir.nhs.uk/Id/ods-site-code", "12")), "status", "active")))
	for i := 0; i < len(changes); i += 2 {
		n.Set(changes[i].(string), changes[i+1])
	}
	return n
}

// fitness is Extension-SHD-MedicallyFitDetails; since "" is no date.
func fitness(code, since string) *fhir.Node {
	words := map[string]string{"01": "Medically Fit", "02": "Medically Unfit", "03": "Unknown"}
	parts := fhir.List(fhir.Obj("url", "medicallyFitStatus", "valueCoding", fhir.Coding(codeBase+"SHD-MedicallyFitStatus", code, words[code])))
	if since != "" {
		parts.Items = append(parts.Items, fhir.Obj("url", "dateDeemedMedicallyFit", "valueDateTime", since))
	}
	return fhir.Obj("url", fitExtension, "extension", parts)
}

// refer is the ReferralRequest with what it refers to.
func (p *patient) refer() *fhir.Node {
	return fhir.Obj("resourceType", "ReferralRequest", "meta", p.said("CareConnect-SHD-ReferralRequest-1", 0),
		"contained", fhir.List(p.resource(), p.encounter("meta", p.said("CareConnect-SHD-Encounter-1", 0)),
			fhir.Obj("resourceType", "Practitioner", "id", "practitioner", "name", fhir.List(fhir.Obj("text", "Sister A Invented", "family", "Invented"))),
			fhir.Obj("resourceType", "Organization", "id", "council", "name", "Nottinghamshire County Council", "identifier", fhir.List(fhir.Identifier(odsSystem, "511")))),
		"identifier", fhir.List(fhir.Identifier(referralSystem, p.referral)), "status", "active", "intent", "order",
		"type", fhir.Concept("Hospital Discharge Notification to Social Care", fhir.Coding("http://snomed.info/sct", "715591000000108", "Hospital Discharge Notification to Social Care")),
		"serviceRequested", fhir.List(fhir.Concept("", fhir.Coding(codeBase+"SHD-ReferralRequestServiceRequested", "acute-d2a", "Acute-D2A"))),
		"subject", fhir.Obj("reference", "#patient"), "context", fhir.Obj("reference", "#encounter"), "authoredOn", p.at(0),
		"requester", fhir.Obj("agent", fhir.Obj("reference", "#practitioner")),
		"recipient", fhir.List(fhir.Obj("reference", "#council")))
}

// answerOf is one question of a paper with its answer.
func answerOf(link, text string, answer *fhir.Node) *fhir.Node {
	return fhir.Obj("linkId", link, "text", text, "answer", fhir.List(answer))
}

// paper is a QuestionnaireResponse about the referral.
func (p *patient) paper(profile string, items ...*fhir.Node) *fhir.Node {
	return fhir.Obj("resourceType", "QuestionnaireResponse", "meta", profiled("SHD-QuestionnaireResponse-"+profile),
		"basedOn", fhir.List(fhir.Obj("reference", p.based())), "status", "completed", "authored", p.at(time.Minute), "item", items)
}

func (p *patient) based() string { return "ReferralRequest/" + p.id }

// note is a Communication about the referral.
func (p *patient) note(text string) *fhir.Node {
	payload := fhir.List(fhir.Obj("contentString", text))
	if text == "" {
		payload = nil
	}
	return fhir.Obj("resourceType", "Communication", "meta", profiled("CareConnect-SHD-Communication-1"),
		"basedOn", fhir.List(fhir.Obj("reference", p.based())), "status", "completed", "sent", p.at(time.Minute), "payload", payload)
}
