package api

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/hub"
	"homeward/nhs"
	"homeward/translate"
	"homeward/translate/r4"
)

// How many matches a page of a search has, at most and when nobody asks.
const (
	r4PageMost  = 200
	r4PageUsual = 50
)

// r4Query is one search, read and checked.
type r4Query struct {
	typ       *r4Type
	tests     []r4Test
	finds     []hub.Find // one for each person that is named; none: a search over all
	count     int
	sort      string // "", _lastUpdated or -_lastUpdated
	countOnly bool
	total     bool // wanted
	elements  []string
	include   []r4Include
	revin     []r4Include
	safe      url.Values // what was asked, without what tells who somebody is
	page      r4Page
}

// r4Include is Type:parameter[:target].
type r4Include struct {
	typ    *r4Type
	param  r4Param
	target string
}

// r4Page is where a search goes on: what was asked without anything personal, the
// cases that it had found, and how far it was. It is in the link of the next page.
type r4Page struct {
	Query  string        `json:"q,omitempty"`
	Cases  []care.CaseID `json:"c,omitempty"`
	Found  bool          `json:"f,omitempty"` // Cases are all that was found, none too
	After  string        `json:"a,omitempty"`
	Offset int           `json:"o,omitempty"`
}

func (p r4Page) token() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // it has only strings and numbers
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// r4Asked are the parameters of a search, of the address and of a POST's body.
func (c *call) r4Asked() (url.Values, bool, error) {
	asked := url.Values{}
	inAddress, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, false, no(http.StatusBadRequest, "invalid", "The address has parameters that cannot be read")
	}
	add := func(from url.Values) {
		for k, vs := range from {
			asked[k] = append(asked[k], vs...)
		}
	}
	add(inAddress)
	for name := range inAddress {
		if c.r4Personal(name) {
			return nil, false, no(http.StatusBadRequest, "suppressed", "An address must not tell who somebody is, for addresses are kept in logs. "+
				"Send the search as a POST to "+c.base+"/"+r4PathType(c.r)+"/_search, with the parameters in the body as application/x-www-form-urlencoded")
		}
	}
	if c.r.Method != http.MethodPost {
		return asked, false, nil
	}
	if kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return nil, true, no(http.StatusUnsupportedMediaType, "not-supported", "The body of a search is application/x-www-form-urlencoded")
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, 64<<10)
	c.r.Form, c.r.PostForm = nil, nil
	if err := c.r.ParseForm(); err != nil {
		return nil, true, no(http.StatusBadRequest, "invalid", "The body has parameters that cannot be read, or is longer than 64 KB")
	}
	add(c.r.PostForm)
	if asked := c.r.PostForm.Get("_format"); asked != "" {
		f, _, ok := fhir.FormatOf(asked)
		if !ok {
			return nil, true, no(http.StatusNotAcceptable, "not-supported", "Answers are application/fhir+json or application/fhir+xml")
		}
		c.format = f
	}
	return asked, true, nil
}

// r4PathType is the type in the address of a request, after the base.
func r4PathType(r *http.Request) string {
	rest := strings.TrimPrefix(r.URL.Path, r4Base+"/")
	typ, _, _ := strings.Cut(rest, "/")
	if r4TypeOf(typ) == nil {
		return "Patient"
	}
	return typ
}

// r4Personal reports whether a parameter of the type in the address tells who
// somebody is.
func (c *call) r4Personal(name string) bool {
	if r4WhoByIdentifier(name) {
		return true
	}
	name, _, _ = strings.Cut(name, ":")
	p, ok := r4TypeOf(r4PathType(c.r)).param(name)
	return ok && p.person
}

// r4WhoByIdentifier reports whether a parameter names a person by an identifier, by
// a chain or a modifier.
func r4WhoByIdentifier(name string) bool {
	return slices.Contains([]string{"patient.identifier", "subject.identifier", "subject:Patient.identifier", "patient:Patient.identifier",
		"patient:identifier", "subject:identifier"}, name)
}

// r4Query reads a search.
func (c *call) r4Query(t *r4Type, asked url.Values) (*r4Query, error) {
	q := &r4Query{typ: t, count: r4PageUsual, total: true, safe: url.Values{}}
	noPage := no(http.StatusBadRequest, "invalid", "The parameter _page is not one that was given in a link")
	if tokens := asked["_page"]; len(tokens) > 0 {
		raw, err := base64.RawURLEncoding.DecodeString(tokens[0])
		if err != nil || json.Unmarshal(raw, &q.page) != nil || q.page.Offset < 0 {
			return nil, noPage
		}
		asked, err = url.ParseQuery(q.page.Query)
		for name := range asked { // none that was given tells who somebody is
			if c.r4Personal(name) {
				return nil, noPage
			}
		}
		if err != nil {
			return nil, noPage
		}
	}
	lenient := strings.Contains(strings.Join(c.r.Header.Values("Prefer"), ","), "handling=lenient")
	names := make([]string, 0, len(asked))
	for name := range asked {
		names = append(names, name)
	}
	slices.Sort(names)
	who := map[string][]string{}
	for _, name := range names {
		for _, v := range asked[name] {
			err := q.take(name, v, who)
			if err != nil && !lenient {
				return nil, err
			}
		}
	}
	if err := c.r4Who(q, who); err != nil {
		return nil, err
	}
	return q, nil
}

// take reads one parameter.
func (q *r4Query) take(name, v string, who map[string][]string) error {
	if r4WhoByIdentifier(name) && q.typ.source == fromCase && q.typ.name != "Patient" {
		who["identifier"] = append(who["identifier"], alternatives(v)...)
		return nil
	}
	if control, ok := r4Controls[name]; ok {
		if err := control(q, v); err != nil {
			return err
		}
		if name != "_format" && name != "_page" {
			q.safe.Add(name, v)
		}
		return nil
	}
	bare, modifier, _ := strings.Cut(name, ":")
	p, ok := q.typ.param(bare)
	if !ok {
		return no(http.StatusBadRequest, "not-supported", "The search parameter "+plainParam(name)+" is not supported for "+q.typ.name+
			". /metadata lists those that are; with Prefer: handling=lenient it is left out")
	}
	t := r4Test{r4Param: p, modifier: modifier, values: alternatives(v)}
	if err := t.check(); err != nil {
		return err
	}
	if !p.person {
		q.safe.Add(name, v)
	}
	if modifier == "" || modifier == "Patient" {
		if q.finder(p, t.values, who) {
			return nil
		}
	}
	q.tests = append(q.tests, t)
	return nil
}

// finder takes a parameter that finds persons or stays out of the tests. The id of a
// resource names its case and is a test besides.
func (q *r4Query) finder(p r4Param, values []string, who map[string][]string) bool {
	if q.typ.source != fromCase {
		return false
	}
	switch {
	case p.name == "patient" || p.name == "subject":
		who["patient"] = append(who["patient"], values...)
		return true // of a Provenance too: "where the activity involved patient data"
	case q.typ.name == "Provenance" && p.name == "target":
		who["target"] = append(who["target"], values...)
		return false
	case p.name == "_id":
		who["_id"] = append(who["_id"], values...)
		return false
	case q.typ.name == "Patient" && p.person && slices.Contains([]string{"identifier", "family", "birthdate", "address-postalcode"}, p.name):
		who[p.name] = append(who[p.name], values...)
		return p.name == "identifier"
	case q.typ.name == "Encounter" && p.name == "identifier":
		who["visit"] = append(who["visit"], values...)
		return false
	case (q.typ.name == "ServiceRequest" || q.typ.name == "Task") && p.name == "identifier":
		who["referral"] = append(who["referral"], values...)
		return false
	}
	return false
}

// r4Controls are the parameters that say how to answer. FHIR R4 3.1.1.5.
var r4Controls = map[string]func(*r4Query, string) error{
	"_format": func(*r4Query, string) error { return nil },
	"_pretty": func(*r4Query, string) error { return nil },
	"_page":   func(*r4Query, string) error { return nil },
	"_count": func(q *r4Query, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return notSearchable("_count", "must be a whole number")
		}
		q.count, q.countOnly = min(n, r4PageMost), q.countOnly || n == 0
		return nil
	},
	"_sort": func(q *r4Query, v string) error {
		if v != "_lastUpdated" && v != "-_lastUpdated" {
			return notSearchable("_sort", "must be _lastUpdated or -_lastUpdated")
		}
		q.sort = v
		return nil
	},
	"_summary": func(q *r4Query, v string) error {
		if v != "count" && v != "false" {
			return notSearchable("_summary", "must be count or false; _elements chooses elements")
		}
		q.countOnly = v == "count"
		return nil
	},
	"_total": func(q *r4Query, v string) error {
		if v != "none" && v != "estimate" && v != "accurate" {
			return notSearchable("_total", "must be none, estimate or accurate")
		}
		q.total = v != "none"
		return nil
	},
	"_elements": func(q *r4Query, v string) error {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimPrefix(name, q.typ.name+"."); name == "" {
				return notSearchable("_elements", "has an empty name")
			}
			q.elements = append(q.elements, name)
		}
		return nil
	},
	"_include": func(q *r4Query, v string) error {
		i, err := readInclude("_include", v)
		if err == nil && i.typ != q.typ {
			err = notSearchable("_include", "begins with another type than the search is for")
		}
		q.include = append(q.include, i)
		return err
	},
	"_revinclude": func(q *r4Query, v string) error {
		i, err := readInclude("_revinclude", v)
		if err == nil && i.typ.source != fromCase {
			err = notSearchable("_revinclude", "names a type that cannot be included in this way")
		}
		q.revin = append(q.revin, i)
		return err
	},
}

func readInclude(name, v string) (r4Include, error) {
	parts := strings.Split(v, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return r4Include{}, notSearchable(name, "is written Type:parameter, as in Encounter:subject")
	}
	i := r4Include{typ: r4TypeOf(parts[0])}
	if i.typ == nil {
		return i, notSearchable(name, "begins with a type that is not here")
	}
	p, ok := i.typ.param(parts[1])
	if !ok || p.kind != r4Reference {
		return i, notSearchable(name, "names no parameter of "+i.typ.name+" that is a reference")
	}
	if len(parts) == 3 {
		if i.target = parts[2]; !slices.Contains(p.targets, i.target) {
			return i, notSearchable(name, "names a type to which "+p.name+" does not refer")
		}
	}
	i.param = p
	return i, nil
}

// r4Who turns what names persons into what the hub finds.
func (c *call) r4Who(q *r4Query, who map[string][]string) error {
	var cases []care.CaseID
	named := q.page.Found
	add := func(id care.CaseID, ok bool) {
		named = true
		if ok && !slices.Contains(cases, id) {
			cases = append(cases, id)
		}
	}
	for _, id := range q.page.Cases {
		add(id, true)
	}
	for _, v := range who["patient"] {
		v = strings.TrimPrefix(strings.TrimPrefix(unescaped(v), c.faces.PublicURL+c.base+"/"), "Patient/")
		add(r4.CaseOf(v))
	}
	if !named {
		for _, v := range append(who["_id"], who["target"]...) {
			add(r4.CaseOf(v[strings.LastIndexByte(v, '/')+1:]))
		}
	}
	if len(cases) > 50 {
		return no(http.StatusBadRequest, "too-costly", "A search may name up to 50 persons")
	}
	for _, id := range cases {
		q.finds = append(q.finds, hub.Find{Case: id, Types: []string{q.typ.name}})
	}
	if named {
		q.page.Found, q.page.Cases = true, cases
		return nil
	}
	switch {
	case who["identifier"] != nil:
		return c.r4WhoNumbered(q, who["identifier"])
	case q.typ.name == "Patient" && (who["family"] != nil || who["birthdate"] != nil || who["address-postalcode"] != nil):
		return c.r4WhoCalled(q, who)
	case who["visit"] != nil:
		for _, v := range who["visit"] {
			q.finds = append(q.finds, hub.Find{Visit: identifierOf(v), Types: []string{q.typ.name}})
		}
		q.page.Found = true
	case who["referral"] != nil:
		for _, v := range who["referral"] {
			id := identifierOf(v)
			q.finds = append(q.finds, hub.Find{Referral: care.ReferralID(id.Value)}, hub.Find{Sent: id})
		}
		q.page.Found = true
	}
	return nil
}

// identifierOf reads [system|]value.
func identifierOf(v string) *care.Identifier {
	system, value, piped := strings.Cut(unescaped(v), "|")
	if !piped {
		system, value = "", system
	}
	return &care.Identifier{System: system, Value: value}
}

// r4WhoNumbered finds persons by system|value. It is read as the identifier of a
// Patient who is sent, so that both are understood alike.
func (c *call) r4WhoNumbered(q *r4Query, values []string) error {
	q.page.Found = true
	for _, v := range values {
		system, value, ok := strings.Cut(unescaped(v), "|")
		if !ok || system == "" || value == "" {
			return notSearchable("identifier", "of a person is written system|value")
		}
		asked := fhir.Obj("resourceType", "Patient", "identifier", []*fhir.Node{fhir.Identifier(system, value)})
		reqs, err := r4.Read(asked, c.r4Sender())
		if err != nil {
			return notSearchable("identifier", "holds a number that cannot be one: look for a typing mistake")
		}
		about := reqs[0].About
		switch {
		case !about.NHS.IsZero():
			q.finds = append(q.finds, hub.Find{NHS: about.NHS, Types: []string{q.typ.name}})
		default:
			q.finds = append(q.finds, hub.Find{IDs: about.IDs, Types: []string{q.typ.name}})
		}
	}
	return nil
}

// r4WhoCalled finds persons by family name, date of birth and postcode; each alone
// would list strangers.
func (c *call) r4WhoCalled(q *r4Query, who map[string][]string) error {
	one := func(name string) (string, error) {
		if len(who[name]) != 1 {
			return "", no(http.StatusBadRequest, "required", "A person is searched for by identifier, or by family, birthdate and address-postalcode together, each once")
		}
		return unescaped(who[name][0]), nil
	}
	family, err := one("family")
	if err != nil {
		return err
	}
	born, err := one("birthdate")
	if err != nil {
		return err
	}
	postcode, err := one("address-postalcode")
	if err != nil {
		return err
	}
	day, err := nhs.ParseDate(strings.TrimPrefix(born, "eq"))
	if err != nil {
		return notSearchable("birthdate", "must be a whole date, as YYYY-MM-DD")
	}
	q.tests = slices.DeleteFunc(q.tests, func(t r4Test) bool { return t.name == "address-postalcode" }) // with or without its space
	q.finds = []hub.Find{{Family: family, Born: day, Postcode: postcode, Types: []string{q.typ.name}}}
	q.page.Found = true
	return nil
}

// r4Sender is the system that asks, for reading what it sends.
func (c *call) r4Sender() r4.Sender {
	return r4.Sender{Source: care.Source{Name: c.by.Name, Org: c.by.Org}, Kind: c.by.OrgKind, At: c.faces.Clock().UTC()}
}

// changedBetween is what _lastUpdated allows, for the hub's index; the tests say the
// rest.
func (q *r4Query) changedBetween() (since, until time.Time) {
	for _, t := range q.tests {
		if t.name != "_lastUpdated" || t.modifier != "" || len(t.values) != 1 {
			continue
		}
		prefix, s, _ := readDate(t.values[0])
		if slices.Contains([]string{"eq", "ge", "gt", "sa"}, prefix) && s.from.After(since) {
			since = s.from
		}
		if slices.Contains([]string{"eq", "le", "lt", "eb"}, prefix) && (until.IsZero() || s.to.Before(until)) {
			until = s.to
		}
	}
	return since, until
}

// wide is a search over all that the asker has a part in.
func (q *r4Query) wide() hub.Find {
	f := hub.Find{Types: []string{q.typ.name}, After: q.page.After, Limit: max(q.count, 1)}
	f.Since, f.Until = q.changedBetween()
	for _, t := range q.tests {
		if t.name == "status" && t.modifier == "" {
			for _, v := range t.values {
				_, code, piped := strings.Cut(v, "|")
				if !piped {
					code = v
				}
				f.Status = append(f.Status, code)
			}
		}
	}
	return f
}

// passes reports whether a resource is a match.
func (q *r4Query) passes(n *fhir.Node, base string) bool {
	return !slices.ContainsFunc(q.tests, func(t r4Test) bool { return !t.fits(n, base) })
}

// ofCase are the matches of one case.
func (q *r4Query) ofCase(s translate.Shown, base string) (out []*fhir.Node) {
	for _, n := range r4.Of(s, q.typ.name) {
		if q.passes(n, base) {
			out = append(out, n)
		}
	}
	return out
}
