package api

import (
	"net/http"
	"net/url"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
	"homeward/nhs"
	"homeward/policy"
	"homeward/translate/stu3"
)

// scdsRoutes is the Social Care Data Service: one person's social care record, by
// NHS number, for hospital and community staff (docs/interfaces/social-care-data-service.md).
// The number never stands in an address.
func (f *Faces) scdsRoutes() {
	fc := f.add(face{name: "scds", base: "/SocialCareDataService/v1", version: fhir.STU3, title: "Social Care Data Service", since: "2026-11-22"})
	fc.on(http.MethodGet, "/metadata", "", fc.capabilities)
	fc.on(http.MethodPost, "/Patient/$social-care-record", SCDSScope, scdsRecord)
	fc.on(http.MethodPost, "/Patient/_search", SCDSScope, scdsSearch)
	fc.on(http.MethodGet, "/Patient", SCDSScope, func(*call) error {
		return no(http.StatusBadRequest, "not-supported", "A person is not asked for in an address: POST to Patient/_search, with the parameters in the body")
	})
}

// looking is who is asked for, and on whose behalf.
type looking struct {
	number nhs.Number
	born   nhs.Date
	why    hub.ShowRequest
}

// scdsRecord answers the operation, whose parameters are a Parameters resource.
func scdsRecord(c *call) error {
	if _, err := c.query(); err != nil {
		return err
	}
	c.kept = true // a look-up says nothing that is to be kept: the audit has who asked
	body, err := c.body()
	if err != nil {
		return err
	}
	if body.Type() != "Parameters" {
		return unfit("invariant", "", "The resource must be Parameters")
	}
	given := map[string]string{}
	for _, p := range body.All("parameter") {
		value := ""
		for _, m := range p.Members {
			switch {
			case m.Name == "valueIdentifier":
				value = m.Value.Str("system") + "|" + m.Value.Str("value")
			case strings.HasPrefix(m.Name, "value"):
				value = m.Value.Text
			}
		}
		given[p.Str("name")] = value
	}
	return c.look(given, "collection", func(name string) string { return "Parameters.parameter.where(name = '" + name + "')" })
}

// scdsSearch answers the same as a search.
func scdsSearch(c *call) error {
	if kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); strings.TrimSpace(kind) != "application/x-www-form-urlencoded" {
		return no(http.StatusUnsupportedMediaType, "not-supported", "Content-Type must be application/x-www-form-urlencoded")
	}
	b, err := atMost(http.MaxBytesReader(c.w, c.r.Body, maxTokenForm), maxTokenForm)
	if err != nil {
		return no(http.StatusRequestEntityTooLarge, "too-long", "The parameters are too long, or were cut off")
	}
	values, err := url.ParseQuery(string(b))
	if err != nil {
		return no(http.StatusBadRequest, "invalid", "The body cannot be read as parameters")
	}
	given := map[string]string{}
	for name, vs := range values {
		if len(vs) > 1 {
			return no(http.StatusBadRequest, "invalid", "A parameter stands twice")
		}
		given[strings.ToLower(name)] = vs[0]
	}
	given["birthDate"] = given["birthdate"]
	return c.look(given, "searchset", func(name string) string { return "" })
}

// purposes are why somebody looks.
var purposes = map[string]policy.Purpose{"": policy.DirectCare, "direct-care": policy.DirectCare, "discharge-planning": policy.DischargePlanning, "other": policy.OtherPurpose}

// asked reads the parameters. where says where one stands, as FHIRPath.
func (c *call) asked(given map[string]string, where func(string) string) (looking, error) {
	var wrong []fhir.Issue
	say := func(code, name, text string) {
		wrong = append(wrong, fhir.Issue{Code: code, Expression: where(name), Diagnostics: name + ": " + text})
	}
	var q looking
	system, digits, piped := strings.Cut(given["identifier"], "|")
	if !piped {
		system, digits = "", given["identifier"]
	}
	var err error
	if q.number, err = nhs.ParseNumber(digits); err != nil || system != "" && !strings.EqualFold(system, "https://fhir.nhs.uk/Id/nhs-number") {
		say("value", "identifier", "must be an NHS number of 10 digits whose check digit is right, of system https://fhir.nhs.uk/Id/nhs-number")
	}
	if q.born, err = nhs.ParseDate(given["birthDate"]); err != nil {
		say("value", "birthDate", "must be a date like 1941-03-14")
	}
	purpose, known := purposes[given["purpose"]]
	if !known {
		say("code-invalid", "purpose", "must be direct-care, discharge-planning or other")
	}
	user, reason := strings.TrimSpace(given["user"]), strings.TrimSpace(given["reason"])
	if user == "" {
		user = strings.TrimSpace(c.r.Header.Get("X-User"))
	}
	if user == "" || len(user) > 100 {
		say("required", "user", "must name the member of staff who looks, as your system knows them, in up to 100 characters")
	}
	if reason == "" || len(reason) > 500 {
		say("required", "reason", "must say why they look, in up to 500 characters")
	}
	if len(wrong) > 0 {
		return q, &fhir.Error{Issues: wrong}
	}
	q.why = hub.ShowRequest{Purpose: purpose, Reason: reason, Behalf: user, Action: string(policy.Lookup), Born: q.born}
	return q, nil
}

// look answers with the record. That nobody is known, that nothing is held and that
// nothing may be shown are one answer; that a council cannot be asked is told in each.
func (c *call) look(given map[string]string, kind string, where func(string) string) error {
	q, err := c.asked(given, where)
	if err != nil {
		return err
	}
	unheard, err := c.faces.Hub.Unheard(c.r.Context(), c.by)
	if err != nil {
		return err
	}
	s, err := c.faces.Hub.ShowByNumber(c.r.Context(), c.by, q.number, q.why)
	var list []*fhir.Node
	switch {
	case err == nil:
		list = stu3.Record(s)
	case care.KindOf(err) == care.NotFound:
		list = stu3.NoRecord(stu3.Asked{Number: q.number, Born: q.born}, unheard)
	default:
		return err
	}
	matches := 0
	var entries []*fhir.Node
	for _, n := range list {
		mode := ""
		if kind == "searchset" {
			mode = "include"
			if n.Type() == "Patient" {
				mode, matches = "match", 1
			}
		}
		entries = append(entries, c.entry(mode, n))
	}
	return c.write(http.StatusOK, c.bundle(kind, matches, entries...))
}
