package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/fhir/profile"
	"homeward/hub"
	"homeward/translate"
	"homeward/translate/r4"
)

// r4Body reads the resource that came, which must be of the type in the address.
func (c *call) r4Body(t *r4Type) (*fhir.Node, error) {
	n, err := c.body()
	if err != nil {
		return nil, err
	}
	switch typ := n.Type(); {
	case typ == "":
		return nil, &fhir.Error{Malformed: true, Issues: []fhir.Issue{{Code: "structure", Expression: t.name, Diagnostics: "resourceType is missing"}}}
	case typ != t.name:
		return nil, no(http.StatusBadRequest, "invalid", "The body is not a "+t.name+", which its address says that it is")
	}
	return n, r4Sound(n)
}

// r4Sound reports all that is wrong with a resource by its release and by the
// profiles that it claims: a date that does not exist, an element that is missing,
// a code that is none, a profile that is not known. 422, with the FHIRPath of each.
func r4Sound(n *fhir.Node) error {
	rules, err := profile.Standard()
	if err != nil {
		return err
	}
	issues := rules.Check(n, fhir.R4)
	issues = slices.DeleteFunc(issues, func(i fhir.Issue) bool { return i.Severity == "warning" || i.Severity == "information" })
	for i := range issues {
		if strings.HasSuffix(issues[i].Expression, "meta.profile") { // an address may hold anything: what was sent is not repeated
			issues[i].Diagnostics = "A profile that the resource claims is not known here"
		}
	}
	if len(issues) > 0 {
		return &fhir.Error{Issues: issues}
	}
	return nil
}

// r4Create takes a resource that is new. With If-None-Exist and an identifier that is
// known, what is there is the answer. FHIR R4 3.1.0.8, 3.1.0.8.2.
func (c *call) r4Create(t *r4Type) error {
	n, err := c.r4Body(t)
	if err != nil {
		return err
	}
	n.Set("id", nil) // the server gives it
	if where := c.r.Header.Get("If-None-Exist"); where != "" {
		if err := r4NamedBy(n, where); err != nil {
			return err
		}
		switch id, err := c.r4There(t, n); {
		case err != nil:
			return err
		case id != "":
			return c.r4Back(t, false, id)
		}
	}
	return c.r4Take(t, n, "", "")
}

// r4UpdateWhere updates what an identifier names, and creates it where nothing has
// that identifier. FHIR R4 3.1.0.4.3.
func (c *call) r4UpdateWhere(t *r4Type) error {
	n, err := c.r4Body(t)
	if err != nil {
		return err
	}
	if t.name == "Patient" {
		return no(http.StatusBadRequest, "suppressed", "An address must not tell who somebody is. Send the Patient by POST: its identifiers say whether the person is known")
	}
	if err := r4NamedBy(n, c.r.URL.RawQuery); err != nil {
		return err
	}
	n.Set("id", nil)
	return c.r4Take(t, n, "", "")
}

// r4Update changes the resource that has the id. FHIR R4 3.1.0.4.
func (c *call) r4Update(t *r4Type) error {
	n, err := c.r4Body(t)
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	if n.ID() != id {
		return no(http.StatusBadRequest, "invalid", "The id of the resource is not the id in the address")
	}
	of, ok := r4.CaseOf(id)
	if !ok {
		return r4None()
	}
	return c.r4Take(t, n, of, id)
}

// r4NamedBy checks that conditions name a resource by an identifier that it has, for
// nothing else is sure to name one only.
func r4NamedBy(n *fhir.Node, query string) error {
	asked, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	unsure := no(http.StatusPreconditionFailed, "multiple-matches", "Name the resource by one identifier that it has, as identifier=system|value, and by nothing else")
	if err != nil || len(asked) != 1 || len(asked["identifier"]) != 1 {
		return unsure
	}
	v := unescaped(asked.Get("identifier"))
	ids := n.All("identifier")
	i := slices.IndexFunc(ids, func(x *fhir.Node) bool { return tokenFits(x, v) })
	if i < 0 {
		return unsure
	}
	if list := n.Member("identifier"); list.Kind == fhir.Array { // it is what the resource is found by, so it comes first
		list.Items = slices.Insert(slices.Delete(slices.Clone(list.Items), i, i+1), 0, ids[i])
	}
	return nil
}

// r4There is the id of the resource that n is, where it is there and shown.
func (c *call) r4There(t *r4Type, n *fhir.Node) (string, error) {
	reqs, err := r4.Read(n, c.r4Sender())
	if err != nil || len(reqs) == 0 {
		return "", err
	}
	find := hub.Find{Types: []string{t.name}}
	switch q := reqs[0]; {
	case q.Visit != nil && t.name == "Encounter":
		find.Visit = q.Visit
	case q.Case != "":
		find.Case = q.Case
	case !q.About.NHS.IsZero():
		find.NHS = q.About.NHS
	case len(q.About.IDs) > 0:
		find.IDs = q.About.IDs
	default:
		return "", nil
	}
	p, err := c.faces.Hub.ShowSome(c.r.Context(), c.by, find, c.r4Why("search "+t.name))
	if err != nil {
		return "", err
	}
	for _, s := range p.Shown {
		for _, have := range r4.Of(s, t.name) {
			if t.name == "Patient" || sharesIdentifier(have, n) {
				return have.ID(), nil
			}
		}
	}
	return "", nil
}

func sharesIdentifier(a, b *fhir.Node) bool {
	for _, x := range a.All("identifier") {
		for _, y := range b.All("identifier") {
			if x.Str("value") == y.Str("value") && (x.Str("system") == y.Str("system") || a.Type() == "Encounter") {
				return true
			}
		}
	}
	return false
}

// r4Take carries out what a resource says. Where the address names one that is
// there, of is its case and at its id.
func (c *call) r4Take(t *r4Type, n *fhir.Node, of care.CaseID, at string) error {
	reqs, err := r4.Read(n, c.r4Sender())
	if err != nil {
		return err
	}
	for i := range reqs {
		if of != "" {
			reqs[i].Must, reqs[i].Case = true, of
		}
		if c.r.Method == http.MethodPut {
			reqs[i].Key = "" // another content under the same name is an update, and no conflict
		}
	}
	known := string(of)
	if t.name == "Patient" && of == "" { // the hub tells of a case that is new to the request, not of a new person
		if known, err = c.r4There(t, n); err != nil {
			return err
		}
	}
	created := func(taken hub.Taken) bool {
		return taken.Created && of == "" && known != r4Made(t.name, n, taken, c.by)
	}
	in := c.r4Inbound(t.name, func(q translate.Request, have care.Case) error {
		if t.name == "ServiceRequest" && q.Referral != "" {
			known = r4.ReferralResource(have.ID, q.Referral) // what is made besides is no new referral
		}
		return c.r4Same(t, at, q, have)
	})
	in.Back = func(taken hub.Taken) bool { return c.r4GivesBack(created(taken)) }
	taken, err := c.takeVersion(in, reqs...)
	if err != nil {
		return err
	}
	id := r4Made(t.name, n, taken, c.by)
	if taken.Shown != nil && id != "" {
		return c.r4Written(t, created(taken), id, r4.One(*taken.Shown, t.name, id))
	}
	return c.r4Back(t, created(taken), id)
}

// r4Inbound is what came as the hub takes it; check refuses what does not fit the
// case that it is about.
func (c *call) r4Inbound(what string, check func(translate.Request, care.Case) error) hub.Inbound {
	in := c.inbound(strings.ToLower(c.r.Method) + " " + what)
	in.Version = r4VersionOf
	in.Fit = func(q translate.Request, have care.Case) (translate.Request, error) {
		q, err := r4.Resolve(q, have)
		if err == nil {
			err = check(q, have)
		}
		return q, err
	}
	return in
}

// r4Same refuses a resource whose content names another one than its id does: an
// Encounter with the number of another stay, a Task whose focus is another referral.
func (c *call) r4Same(t *r4Type, at string, q translate.Request, have care.Case) error {
	if t.name == "ServiceRequest" && c.by.OrgKind != care.Trust {
		return &care.Error{Kind: care.Forbidden, Text: "A referral is its hospital's to change. Say by its Task how far it is"}
	}
	if at == "" || have.ID == "" {
		return nil
	}
	same := true
	switch {
	case t.name == "Encounter" && q.Visit != nil:
		same = at == r4.StayResource(have.ID, c.by.Org, q.Visit.Value) || at == r4.ID(have.ID, "plan", string(c.by.Org), q.Visit.Value, "")
	case t.name == "ServiceRequest":
		same = at == r4.ReferralResource(have.ID, q.Referral)
	case t.name == "Task":
		same = at == r4.TaskResource(have.ID, q.Referral)
	case t.name == "Patient":
		same = at == string(have.ID)
	}
	if !same {
		return &care.Error{Kind: care.Conflict, Field: t.name + ".identifier", Text: "What it says names another " + t.name + " than its id does"}
	}
	return nil
}

// r4VersionOf is the version of the resource that one which came is, as its sender is
// shown it; "" when there is none.
func r4VersionOf(s translate.Shown, k translate.Kept) string {
	for _, n := range r4.Of(s, k.Type) {
		if n.ID() == k.ID || k.ID == "" && (k.Type == "Patient" || sharesIdentifier(n, k.Tree)) {
			return n.Str("meta.versionId")
		}
	}
	return ""
}

// r4Made is the id of the resource that came of what was taken; "" when there is none.
func r4Made(typ string, n *fhir.Node, taken hub.Taken, by care.Actor) string {
	if taken.Case == "" {
		return ""
	}
	switch typ {
	case "Patient":
		return string(taken.Case)
	case "Encounter":
		if taken.Visit != "" {
			return r4.StayResource(taken.Case, by.Org, taken.Visit)
		}
	case "ServiceRequest":
		if taken.Referral != "" {
			return r4.ReferralResource(taken.Case, taken.Referral)
		}
	case "Task":
		if taken.Referral != "" {
			return r4.TaskResource(taken.Case, taken.Referral)
		}
	case "Communication":
		if taken.Note != "" {
			return r4.NoteResource(taken.Case, taken.Note)
		}
	case "QuestionnaireResponse":
		if taken.Paper != "" {
			return r4.PaperResource(taken.Case, taken.Paper)
		}
		if taken.Referral != "" {
			return r4.ID(taken.Case, "answers", string(taken.Referral))
		}
	}
	return n.ID()
}

// r4Back answers a create or an update with what is there now, as far as it is shown
// to the sender. FHIR R4 3.1.0.6.
func (c *call) r4Back(t *r4Type, created bool, id string) error {
	if id == "" {
		return c.written(created, "", nil)
	}
	if !c.r4GivesBack(created) {
		return c.r4Written(t, created, id, nil)
	}
	n, err := c.r4One(t, id)
	var told *care.Error
	var own *answerError
	if err != nil && (errors.As(err, &told) && told.Kind == care.NotFound || errors.As(err, &own)) {
		return c.r4Written(t, created, id, nil)
	}
	if err != nil {
		return err
	}
	return c.r4Written(t, created, id, n)
}

// r4GivesBack reports whether the asker wants what is there now: of an update where
// they do not say otherwise. FHIR R4 3.1.0.1.4.
func (c *call) r4GivesBack(created bool) bool {
	want := preferred(c.r)
	return want == "representation" || want == "" && !created
}

// r4Written answers a create or an update of what has an id; n is nil where it is
// not wanted, or there and not shown to the sender.
func (c *call) r4Written(t *r4Type, created bool, id string, n *fhir.Node) error {
	at := "/" + t.name + "/" + id
	if n == nil {
		return c.written(created, at, nil)
	}
	return c.written(created, at+"/_history/"+n.Str("meta.versionId"), n)
}
