package r4

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

// Sender is the system that asks, and when it did.
type Sender struct {
	Source care.Source  // Org is the trust or council that the system acts for
	Kind   care.OrgKind // of that organisation
	At     time.Time    // when it was received
	// Form and FormVersion are the form that a referral without answers to one of
	// ours is made with; "" is "d2a", 1.
	Form        string
	FormVersion int
	Correlation string // X-Correlation-Id of a BaRS message; else ""
}

// Resource is the System of Request.Sent when a referral was named by the id of
// one of our resources: Resolve finds the referral.
const Resource = Canonical + "/Id/resource"

// Read says what a resource that a system sent, or a Bundle of them, asks. Where
// it names one of our resources by its id, and where what is asked depends on what
// is so already (a Task tells a state, not a step), Resolve must follow when the
// case is known. An error is a *fhir.Error, and names the elements by FHIRPath.
func Read(tree *fhir.Node, by Sender) ([]translate.Request, error) {
	if by.Form == "" {
		by.Form, by.FormVersion = "d2a", 1
	}
	r := &reading{by: by, root: tree}
	typ := tree.Type()
	var out []translate.Request
	if typ == "Bundle" {
		out = r.bundle(tree)
	} else {
		out = r.one(entry{path: typ, n: tree})
	}
	if len(r.issues) > 0 {
		return nil, &fhir.Error{Issues: r.issues}
	}
	return out, nil
}

// reading is one interaction being read.
type reading struct {
	by      Sender
	root    *fhir.Node
	entries []entry
	issues  []fhir.Issue
}

// entry is a resource, alone or in a Bundle, and how it was sent.
type entry struct {
	path    string // FHIRPath of the resource: "Bundle.entry[1].resource"
	full    string // fullUrl
	n       *fhir.Node
	method  string
	ifNone  string
	ifMatch string
}

func (r *reading) wrong(code, path, text string) {
	r.issues = append(r.issues, fhir.Issue{Code: code, Expression: path, Diagnostics: text})
}

func (r *reading) required(path string) { r.wrong("required", path, "is missing") }

// need is the text of an element that must be there.
func (r *reading) need(e entry, path string) string {
	s := e.n.Str(path)
	if s == "" {
		r.required(e.path + "." + path)
	}
	return s
}

// one reads one resource by itself.
func (r *reading) one(e entry) []translate.Request {
	var q translate.Request
	switch e.n.Type() {
	case "Patient":
		q = r.person(e)
	case "Encounter":
		q = r.encounter(e)
		if p := r.target(e.n, e.n.Get("subject")); p.Type() == "Patient" {
			q.Kept = append(q.Kept, translate.Kept{Type: "Patient", Version: fhir.R4, Tree: p})
		}
	case "ServiceRequest":
		q = r.referral(e)
	case "Task":
		q = r.task(e)
	case "Communication":
		q = r.note(e)
	case "QuestionnaireResponse":
		q = r.response(e)
	default:
		r.wrong("not-supported", e.path, "cannot be sent by itself. Send Patient, Encounter, ServiceRequest, Task, Communication, QuestionnaireResponse or a Bundle")
		return nil
	}
	q.IfMatch = strings.Trim(strings.TrimPrefix(e.ifMatch, "W/"), `"`)
	tree := e.n
	q.Kept = append([]translate.Kept{{Type: e.n.Type(), ID: r.ownID(e), Version: fhir.R4, Tree: tree}}, q.Kept...)
	return []translate.Request{q}
}

// ownID is the id of a resource when it is one of ours, else "".
func (r *reading) ownID(e entry) string {
	if id := e.n.ID(); strings.Contains(id, ".") {
		if _, ok := CaseOf(id); ok {
			return id
		}
	}
	return ""
}

// bundle reads a transaction, batch or collection. What a ServiceRequest refers to
// is read with it; what a council holds of a person is read as one whole.
func (r *reading) bundle(n *fhir.Node) []translate.Request {
	switch n.Str("type") {
	case "transaction", "batch", "collection":
	case "":
		r.required("Bundle.type")
		return nil
	default:
		r.wrong("not-supported", "Bundle.type", "must be transaction, batch or collection. Messages go to $process-message")
		return nil
	}
	if !r.unpack(n) {
		return nil
	}
	if r.by.Kind == care.Council && slices.ContainsFunc(r.entries, func(e entry) bool { return slices.Contains(heldTypes, e.n.Type()) }) {
		return r.holdings(n)
	}
	used := map[*fhir.Node]bool{}
	var out []translate.Request
	for _, typ := range []string{"ServiceRequest", "Encounter", "Task", "Communication", "QuestionnaireResponse", "Patient"} {
		for _, e := range r.entries {
			if e.n.Type() != typ || used[e.n] {
				continue
			}
			qs := r.one(e)
			for _, q := range qs {
				for _, k := range q.Kept {
					used[k.Tree] = true
				}
			}
			used[e.n] = true
			out = append(out, qs...)
			if p := r.target(e.n, first(e.n.Get("subject"), e.n.Get("for"))); p != nil {
				used[p] = true
			}
		}
	}
	if len(out) == 0 && len(r.issues) == 0 {
		r.wrong("required", "Bundle.entry", "holds nothing that can be taken")
	}
	return out
}

func (r *reading) unpack(n *fhir.Node) bool {
	for i, x := range n.All("entry") {
		path := "Bundle.entry[" + strconv.Itoa(i) + "]"
		res := x.Get("resource")
		e := entry{path: path + ".resource", full: x.Str("fullUrl"), n: res, method: x.Str("request.method"),
			ifNone: x.Str("request.ifNoneExist"), ifMatch: x.Str("request.ifMatch")}
		if e.method != "" && e.method != "POST" && e.method != "PUT" {
			r.wrong("not-supported", path+".request.method", "must be POST or PUT")
		}
		if res.Type() == "" {
			r.required(path + ".resource")
			continue
		}
		if n.Str("type") != "collection" && e.method == "" {
			r.required(path + ".request.method")
		}
		r.entries = append(r.entries, e)
	}
	if len(r.entries) == 0 && len(r.issues) == 0 {
		r.required("Bundle.entry")
	}
	return len(r.issues) == 0
}

func first(ns ...*fhir.Node) *fhir.Node {
	for _, n := range ns {
		if !n.Empty() {
			return n
		}
	}
	return nil
}

// target is the resource that a reference of n points to, contained or in the same
// Bundle; nil when it is neither.
func (r *reading) target(n, ref *fhir.Node) *fhir.Node {
	s := ref.Str("reference")
	if s == "" {
		return nil
	}
	if strings.HasPrefix(s, "#") {
		if c := fhir.Contained(n, s); c != nil {
			return c
		}
		return fhir.Contained(r.root, s)
	}
	for _, e := range r.entries {
		if e.full != "" && (e.full == s || strings.HasSuffix(e.full, "/"+s)) || e.n.Type()+"/"+e.n.ID() == s {
			return e.n
		}
	}
	return nil
}

// ourID is the id of a resource of that type that a reference names, where it is
// none of those that came along.
func (r *reading) ourID(n, ref *fhir.Node, typ string) string {
	s := ref.Str("reference")
	if s == "" || r.target(n, ref) != nil {
		return ""
	}
	t, err := fhir.ParseRef(s)
	if err != nil || t.Type != typ {
		return ""
	}
	return t.ID
}

// whom says whom a resource is about: the Patient that came along, one of ours by
// its id, or an identifier.
func (r *reading) whom(e entry, member string, q *translate.Request) {
	ref := e.n.Get(member)
	path := e.path + "." + member
	switch p := r.target(e.n, ref); {
	case p != nil:
		q.About = r.about(entry{path: path, n: p})
		if p.ID() != "" && len(q.About.IDs) == 0 && q.About.NHS.IsZero() {
			if c, ok := CaseOf(p.ID()); ok {
				q.Case = c
			}
		}
	case ref.Get("identifier") != nil:
		q.About = r.about(entry{path: path, n: fhir.Obj("identifier", []*fhir.Node{ref.Get("identifier").Clone()})})
	default:
		if id := r.ourID(e.n, ref, "Patient"); id != "" {
			if c, ok := CaseOf(id); ok {
				q.Case = c
				return
			}
		}
		if ref.Str("reference") != "" {
			r.wrong("not-found", path+".reference", "points to nothing that came along and to no Patient of ours")
		}
	}
}

// person is who somebody is, told by itself.
func (r *reading) person(e entry) translate.Request {
	q := translate.Request{Event: "update-patient", At: r.by.At, About: r.about(e)}
	if id := e.n.ID(); id != "" && q.About.NHS.IsZero() && len(q.About.IDs) == 0 {
		q.Case, _ = CaseOf(id)
	}
	if len(q.About.IDs) == 0 && q.About.NHS.IsZero() && q.Case == "" {
		r.required(e.path + ".identifier")
	}
	q.Observations = []care.Observation{r.observe("Patient", q.About, "", care.Observation{Seen: &care.Seen{Person: true}})}
	return q
}

func (r *reading) observe(event string, about care.About, visit string, o care.Observation) care.Observation {
	o.At, o.Said, o.Source, o.Event, o.About, o.Visit = r.by.At, r.by.At, r.by.Source, event, about, visit
	return o
}

// about reads a Patient.
func (r *reading) about(e entry) care.About {
	n := e.n
	var a care.About
	r.identifiers(e, &a)
	r.readNames(n, &a)
	if s := n.Str("gender"); s != "" {
		for word, code := range genders {
			if code == s {
				a.Sex = care.Tell(word)
			}
		}
	}
	if s := n.Str("birthDate"); s != "" {
		switch d, err := nhs.ParseDate(s); {
		case err == nil:
			a.Born = care.Tell(d)
		case fhir.CheckPrimitive("date", s) != nil:
			r.wrong("value", e.path+".birthDate", "must be a date that exists, as YYYY-MM-DD")
		}
	}
	switch s := n.Str("deceasedDateTime"); {
	case s != "":
		if t, day, ok := r.when(e, "deceasedDateTime"); ok {
			a.Died = care.Tell(care.Death{At: t, DayOnly: day})
		}
	case n.Str("deceasedBoolean") == "true":
		a.Died = care.Tell(care.Death{At: r.by.At, DayOnly: true})
	case n.Str("deceasedBoolean") == "false":
		a.Died = care.Tell(care.Death{})
	}
	for _, x := range n.All("meta.security") {
		if x.Str("code") == "R" && r.by.Kind == care.Trust {
			a.Sensitive = care.Tell(true)
		}
	}
	r.contact(n, &a)
	return a
}

// tidySystem is a system without the differences that senders make of one: the
// scheme, and /id/ for /Id/ (BaRS 1.5 has both).
func tidySystem(s string) string {
	s = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(s), "/"))
	return strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "http://")
}

func isNHS(system string) bool { return tidySystem(system) == "fhir.nhs.uk/id/nhs-number" }

func (r *reading) identifiers(e entry, a *care.About) {
	for i, x := range e.n.All("identifier") {
		system, value := x.Str("system"), strings.TrimSpace(x.Str("value"))
		path := e.path + ".identifier[" + strconv.Itoa(i) + "]"
		switch {
		case value == "" || x.Str("use") == "old" || tidySystem(system) == tidySystem(sysFormerly):
		case isNHS(system):
			n, err := nhs.ParseNumber(value)
			if err != nil {
				a.BadNHS = a.NHS.IsZero()
				continue
			}
			a.NHS, a.Trace, a.BadNHS = n, traceOf(x), false
		case system == "":
			r.required(path + ".system")
		default:
			a.IDs = append(a.IDs, care.Identifier{System: r.personSystem(system), Value: value})
		}
	}
}

// personSystem is the case's own name for who gave a number: ours by their URI,
// any other is the sender's own.
func (r *reading) personSystem(uri string) string {
	for _, x := range [][2]string{{sysMRN, "mrn:"}, {sysPerson, "council:"}} {
		if org, ok := strings.CutPrefix(uri, x[0]); ok {
			return x[1] + org
		}
	}
	if r.by.Kind == care.Council {
		return "council:" + string(r.by.Source.Org)
	}
	return "mrn:" + string(r.by.Source.Org)
}

// traceOf reads the verification status in each of the three ways in which it is
// sent: the present codes, the retired words, and the PDS's retired system with
// present codes.
func traceOf(id *fhir.Node) care.Trace {
	for _, x := range id.All("extension") {
		if !strings.HasSuffix(x.Str("url"), "NHSNumberVerificationStatus") && !strings.HasSuffix(x.Str("url"), "NHSNumberVerificationStatus-1") {
			continue
		}
		for _, c := range x.All("valueCodeableConcept.coding") {
			code := c.Str("code")
			for t, words := range traces {
				if code == string(t) || code == words[1] {
					return t
				}
			}
		}
	}
	return ""
}

func (r *reading) readNames(n *fhir.Node, a *care.About) {
	var legal *fhir.Node
	for _, x := range n.All("name") {
		switch use := x.Str("use"); {
		case use == "usual" && len(n.All("name")) > 1, use == "nickname":
			word := x.Str("text")
			if word == "" {
				word = joined(x.All("given"))
			}
			if word != "" && !a.Preferred.Told {
				a.Preferred = care.Tell(word)
			}
		case use == "official" || legal == nil && (use == "" || use == "usual"):
			legal = x
		}
	}
	if legal == nil {
		return
	}
	family, given := legal.Str("family"), joined(legal.All("given"))
	if family == "" && given == "" {
		words := strings.Fields(legal.Str("text"))
		if len(words) > 0 {
			family, given = words[len(words)-1], strings.Join(words[:len(words)-1], " ")
		}
	}
	told(&a.Family, family)
	told(&a.Given, given)
	told(&a.Title, joined(legal.All("prefix")))
}

func told(o *care.Opt[string], s string) {
	if s != "" {
		*o = care.Tell(s)
	}
}

func joined(ns []*fhir.Node) string {
	var words []string
	for _, n := range ns {
		words = append(words, n.Text)
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// contact reads where somebody lives, how to reach them, and their practice.
func (r *reading) contact(n *fhir.Node, a *care.About) {
	for _, x := range n.All("telecom") {
		if x.Str("system") == "phone" && x.Str("use") != "old" && !a.Phone.Told {
			told(&a.Phone, x.Str("value"))
		}
	}
	for _, x := range n.All("address") {
		if use := x.Str("use"); use == "old" || use == "temp" || a.Address.Told && use != "home" {
			continue
		}
		if ad := readAddress(x); !ad.IsZero() {
			a.Address = care.Tell(ad)
		}
	}
	if gp := n.Get("generalPractitioner"); gp != nil {
		id := gp.Str("identifier.value")
		name := gp.Str("display")
		if o := r.target(n, gp); o != nil && o.Type() == "Organization" {
			name = o.Str("name")
			for _, x := range o.All("identifier") {
				if strings.Contains(tidySystem(x.Str("system")), "ods-") {
					id = x.Str("value")
				}
			}
		}
		told(&a.GP, id)
		told(&a.GPName, name)
	}
	if l := n.Get("communication.language"); l != nil {
		told(&a.Language, wordOf(l))
	}
	var kin []care.Kin
	for _, x := range n.All("contact") {
		if k := kinOf(x.Get("name"), x.Get("relationship"), x.All("telecom")); k.Name != "" {
			kin = append(kin, k)
		}
	}
	if kin != nil {
		a.Kin = care.Tell(kin)
	}
}

func kinOf(name, relation *fhir.Node, telecom []*fhir.Node) care.Kin {
	k := care.Kin{Name: nameOf(name), Relation: wordOf(relation)}
	for _, t := range telecom {
		if t.Str("system") == "phone" && k.Phone == "" {
			k.Phone = t.Str("value")
		}
	}
	return k
}

func nameOf(n *fhir.Node) string {
	if s := n.Str("text"); s != "" {
		return s
	}
	return strings.Join(strings.Fields(joined(n.All("prefix"))+" "+joined(n.All("given"))+" "+n.Str("family")), " ")
}

// wordOf is a CodeableConcept as people read it: its text, else what its first
// code is called.
func wordOf(n *fhir.Node) string {
	for _, at := range []string{"text", "coding.display", "coding.code"} {
		if s := n.Str(at); s != "" {
			return s
		}
	}
	return ""
}

func readAddress(x *fhir.Node) care.Address {
	var a care.Address
	for _, l := range x.All("line") {
		a.Lines = append(a.Lines, l.Text)
	}
	for _, more := range []string{"city", "district"} {
		if s := x.Str(more); s != "" && !slices.Contains(a.Lines, s) {
			a.Lines = append(a.Lines, s)
		}
	}
	if len(a.Lines) == 0 && x.Str("text") != "" {
		for _, l := range strings.Split(x.Str("text"), ",") {
			if l = strings.TrimSpace(l); l != x.Str("postalCode") {
				a.Lines = append(a.Lines, l)
			}
		}
	}
	a.Postcode = strings.ToUpper(x.Str("postalCode"))
	for _, e := range x.All("extension") {
		if e.Str("url") == extAddressKey && part(e, "value").Str("valueString") != "" {
			kind := part(e, "type")
			if kind.Str("valueCodeableConcept.coding.code") == "UPRN" || kind.Str("valueCoding.code") == "UPRN" {
				a.UPRN = part(e, "value").Str("valueString")
			}
		}
	}
	return a
}

// part is one part of a complex extension.
func part(e *fhir.Node, url string) *fhir.Node {
	for _, x := range e.All("extension") {
		if x.Str("url") == url {
			return x
		}
	}
	return nil
}

func extension(n *fhir.Node, url string) *fhir.Node { return part(n, url) }

// when reads a dateTime or instant; day says that it had no time. Seven and more
// digits of a second are taken (BaRS 1.5).
func (r *reading) when(e entry, path string) (t time.Time, day, ok bool) {
	s := e.n.Str(path)
	if s == "" {
		return time.Time{}, false, false
	}
	t, day, ok = parseTime(s)
	if !ok {
		r.wrong("value", e.path+"."+path, "must be a date that exists, as YYYY-MM-DD, or with a time and its time zone")
	}
	return t, day, ok
}

func parseTime(s string) (t time.Time, day, ok bool) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC(), false, true
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t.UTC(), true, true
	}
	return time.Time{}, false, false
}
