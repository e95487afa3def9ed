package conformance

import (
	"time"

	"homeward/fhir"
)

// What the published pages do not say (where the reason of a cancelling and the
// method of a discharge stand) is as docs/interfaces/shd.md decides it.
const (
	methodExtension = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-DischargeMethod-1"
	methodSystem    = "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-DischargeMethod-1"
	reasonExtension = profileBase + "Extension-SHD-CancellationReason"
)

// cancelled is an update that cancels the referral of a stay.
func cancelled(code, details string) []any {
	reason := fhir.Concept(details, fhir.Coding(codeBase+"SHD-CancellationReason", code, ""))
	return []any{"extension", fhir.List(fitness("03", ""), fhir.Obj("url", reasonExtension, "valueCodeableConcept", reason))}
}

// left is an update by which the stay has ended, by a method of the NHS Data
// Dictionary: 1 on advice, 4 died, 6 discharged themselves.
func (p *patient) left(method string) []any {
	return []any{"status", "finished",
		"period", fhir.Obj("start", p.at(-48*time.Hour), "end", p.at(0)),
		"hospitalization", fhir.Obj("extension", fhir.List(fhir.Obj("url", methodExtension, "valueCodeableConcept", fhir.Concept("", fhir.Coding(methodSystem, method, "")))))}
}
