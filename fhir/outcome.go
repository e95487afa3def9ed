package fhir

import "strings"

// Issue is one thing that is wrong, as OperationOutcome.issue says it. Diagnostics
// and Expression hold no personal data: they name elements, never their values.
type Issue struct {
	Severity    string // fatal, error, warning, information; "" is error
	Code        string // FHIR IssueType: structure, required, value, invariant, not-found, duplicate, conflict ...
	Diagnostics string
	Expression  string // FHIRPath of the element: Encounter.identifier[0].system
	Details     *Node  // a CodeableConcept, such as a code of http-error-codes; nil for none
}

// Error is why a resource cannot be read or taken. The edges map it to a status.
type Error struct {
	Malformed bool // syntax, not sense: 400 and not 422
	TooLarge  bool // more than the limit: 413
	Issues    []Issue
}

func (e *Error) Error() string {
	var words []string
	for _, i := range e.Issues {
		words = append(words, strings.TrimSpace(i.Expression+" "+i.Diagnostics))
	}
	return strings.Join(words, "; ")
}

// Outcome makes an OperationOutcome, the same in STU3 and R4 but for details.
func Outcome(issues ...Issue) *Node {
	var list []*Node
	for _, i := range issues {
		if i.Severity == "" {
			i.Severity = "error"
		}
		var where []string
		if i.Expression != "" {
			where = []string{i.Expression}
		}
		list = append(list, Obj("severity", i.Severity, "code", i.Code, "details", i.Details, "diagnostics", i.Diagnostics, "expression", where))
	}
	return Obj("resourceType", "OperationOutcome", "issue", list)
}
