package api

import (
	"errors"
	"net/http"
	"strings"
	"unicode"

	"homeward/care"
	"homeward/fhir"
)

// Scopes of the FHIR faces (docs/design/interfaces.md).
const (
	SHDScope       = "shd"
	SCDSScope      = "scds"
	LocatorScope   = "locator"
	NCRScope       = "ncr"
	ReadScope      = "fhir.read"
	WriteScope     = "fhir.write"
	SubscribeScope = "fhir.subscribe"
	ExportScope    = "fhir.export"
	AuditScope     = "fhir.audit"
	BaRSScope      = "bars"
)

// Scopes lists every scope that a system may be given.
func Scopes() []string {
	return []string{LaunchScope, SHDScope, SCDSScope, LocatorScope, NCRScope, ReadScope, WriteScope, SubscribeScope, ExportScope, AuditScope, BaRSScope}
}

// answerError is an error whose status a face knows better than the table.
type answerError struct {
	status int
	issues []fhir.Issue
	err    error // the cause, for the log; nil for none
}

func (e *answerError) Error() string {
	s := (&fhir.Error{Issues: e.issues}).Error()
	if e.err != nil {
		s += ": " + e.err.Error()
	}
	return s
}

func (e *answerError) Unwrap() error { return e.err }

// no is a refusal with a status and an issue code of the face's own.
func no(status int, code, text string) error {
	return &answerError{status: status, issues: []fhir.Issue{{Code: code, Diagnostics: text}}}
}

// unfit is that one element cannot be taken as it is: 422 (FHIR R4 3.1.0.8.1).
func unfit(code, expression, text string) error {
	return &fhir.Error{Issues: []fhir.Issue{{Code: code, Expression: expression, Diagnostics: text}}}
}

// answers is the one table of what an error's kind means over HTTP. FHIR R4
// 3.1.0.4.4, 3.1.0.8.1; the Nottinghamshire guides name the same statuses.
var answers = map[care.Kind]struct {
	status int
	code   string // FHIR IssueType, in STU3 and R4
}{
	care.Invalid:      {http.StatusUnprocessableEntity, "value"},
	care.Required:     {http.StatusUnprocessableEntity, "required"},
	care.NotFound:     {http.StatusNotFound, "not-found"},
	care.Forbidden:    {http.StatusForbidden, "forbidden"},
	care.Login:        {http.StatusUnauthorized, "login"},
	care.Conflict:     {http.StatusConflict, "conflict"},
	care.Duplicate:    {http.StatusConflict, "duplicate"},
	care.BusinessRule: {http.StatusUnprocessableEntity, "business-rule"},
	care.Throttled:    {http.StatusTooManyRequests, "throttled"},
	care.Transient:    {http.StatusServiceUnavailable, "transient"},
	care.Exception:    {http.StatusInternalServerError, "exception"},
}

// httpErrors are the codes of https://fhir.nhs.uk/CodeSystem/http-error-codes. The
// guides use REC_TOO_EARLY, which is not in the published list. BaRS 1.5 Error codes.
var httpErrors = map[int]string{
	400: "REC_BAD_REQUEST", 401: "REC_UNAUTHORIZED", 403: "REC_FORBIDDEN", 404: "REC_NOT_FOUND", 405: "REC_METHOD_NOT_ALLOWED", 406: "REC_NOT_ACCEPTABLE",
	408: "REC_TIMEOUT", 409: "REC_CONFLICT", 412: "REC_CONFLICT", 413: "REC_BAD_REQUEST", 415: "REC_UNSUPPORTED_MEDIA_TYPE", 422: "REC_UNPROCESSABLE_ENTITY",
	425: "REC_TOO_EARLY", 429: "REC_TOO_MANY_REQUESTS", 500: "REC_SERVER_ERROR", 501: "REC_NOT_IMPLEMENTED", 503: "REC_UNAVAILABLE",
}

const httpErrorCodes = "https://fhir.nhs.uk/CodeSystem/http-error-codes"

// outcome is the status and the issues of any error. What is not made for users
// is not told to them.
func outcome(err error) (int, []fhir.Issue) {
	var own *answerError
	var resource *fhir.Error
	var refused *refusal
	var domain *care.Error
	switch {
	case errors.As(err, &own):
		return own.status, own.issues
	case errors.As(err, &refused):
		return refused.status, []fhir.Issue{{Code: refusalCode(refused), Diagnostics: refused.text}}
	case errors.As(err, &resource) && len(resource.Issues) > 0:
		switch {
		case resource.TooLarge:
			return http.StatusRequestEntityTooLarge, resource.Issues
		case resource.Malformed:
			return http.StatusBadRequest, resource.Issues
		}
		return http.StatusUnprocessableEntity, resource.Issues
	case errors.As(err, &domain) && domain.Kind != care.Exception:
		a := answers[domain.Kind]
		if domain.Kind == care.BusinessRule && len(domain.Allowed) > 0 {
			a.status = http.StatusConflict // it is at another stage, and what may be done instead is said
		}
		text := strings.TrimSuffix(domain.Text, ".")
		if len(domain.Allowed) > 0 {
			text += ". What may be done: " + strings.ToLower(strings.Join(domain.Allowed, ", "))
		}
		return a.status, []fhir.Issue{{Code: a.code, Diagnostics: text, Expression: element(domain.Field)}}
	}
	return http.StatusInternalServerError, []fhir.Issue{{Code: "exception", Diagnostics: "Homeward made a mistake. Its operators can find it by the request's id"}}
}

// element is a field where it is written as a FHIRPath of a resource; the names
// of fields of our own forms are not told.
func element(field string) string {
	if field != "" && unicode.IsUpper(rune(field[0])) {
		return field
	}
	return ""
}

func refusalCode(no *refusal) string {
	switch no.status {
	case http.StatusUnauthorized:
		return "login"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusTooManyRequests:
		return "throttled"
	}
	return "transient"
}

func (r *refusal) Error() string { return r.text }

// fail answers with an OperationOutcome. Every refusal of the faces goes through
// here. A resource that was too long is not read to its end.
func (c *call) fail(err error) {
	status, issues := outcome(err)
	level := c.faces.Log.Info
	if status >= 500 {
		level = c.faces.Log.Error
	}
	level("a request was refused", "request", c.id, "route", c.r.Pattern, "system", c.client(), "status", status, "why", forLog(err, status, issues))
	h := c.w.Header()
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "30")
	}
	if c.details {
		for i := range issues {
			if issues[i].Details == nil && httpErrors[status] != "" {
				issues[i].Details = fhir.Concept("", fhir.Coding(httpErrorCodes, httpErrors[status], ""))
			}
		}
	}
	c.keep(forLog(err, status, issues))
	out, format := fhir.Outcome(issues...), c.format
	b, werr := fhir.Write(out, format, c.version)
	if werr != nil { // something in the issues is no XML
		format = fhir.JSON
		b, _ = fhir.Write(out, format, c.version) // JSON takes everything
	}
	h.Set("Content-Type", fhir.MediaType(format))
	h.Del("ETag")
	if status != http.StatusConflict { // which may say where what is there already is
		h.Del("Location")
	}
	h.Del("Last-Modified")
	c.begun = true
	c.w.WriteHeader(status)
	_, _ = c.w.Write(b) // the asker may have gone
}

// forLog is why, for operators: of our own mistakes the cause, of others' the
// issue codes only, since diagnostics of a library might repeat what was sent.
func forLog(err error, status int, issues []fhir.Issue) string {
	if status >= 500 {
		return err.Error()
	}
	var codes []string
	for _, i := range issues {
		codes = append(codes, strings.TrimSpace(i.Code+" "+i.Expression))
	}
	return strings.Join(codes, ", ")
}
