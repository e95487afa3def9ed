package care

import "errors"

// Kind is what sort of refusal an Error is: the FHIR IssueType codes that we
// need (FHIR R4 valueset-issue-type). The edges map it to a status, a page or
// an acknowledgement, each in one table.
type Kind string

// The kinds of error.
const (
	Invalid      Kind = "invalid"       // the content is not of the right form
	Required     Kind = "required"      // something is missing
	NotFound     Kind = "not-found"     // there is no such thing, or none that may be known
	Forbidden    Kind = "forbidden"     // this person may not do this
	Login        Kind = "login"         // nobody is signed in
	Conflict     Kind = "conflict"      // somebody changed it first
	Duplicate    Kind = "duplicate"     // it is there already
	BusinessRule Kind = "business-rule" // understood, and not allowed now
	Throttled    Kind = "throttled"     // too many tries
	Transient    Kind = "transient"     // try again later
	Exception    Kind = "exception"     // our fault
)

// Error is what people are told. Text is for the user and holds no personal
// data; Field names the form field or message field to mend; Err is the cause
// for operators.
type Error struct {
	Kind    Kind
	Field   string
	Text    string
	Allowed []string // for BusinessRule: what may be done instead
	Err     error
}

func (e *Error) Error() string {
	s := e.Text
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the first Error in err's chain; Exception when there
// is none, "" when err is nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Exception
}
