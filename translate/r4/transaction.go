package r4

import (
	"fmt"
	"net/url"
	"slices"

	"homeward/care"
	"homeward/fhir"
	"homeward/translate"
)

// Transaction writes what is told of a referral as one FHIR R4 transaction for a
// server that knows nothing of us: each entry is made or updated by an identifier
// (conditional create and update), so that the same sent twice is there once.
// FHIR R4 3.1.0.11.2. An error is that the referral is not shown.
func Transaction(s translate.Shown, t Telling) (*fhir.Node, error) {
	m, err := collected(s, t)
	if err != nil {
		return nil, err
	}
	var entries []*fhir.Node
	for _, n := range m.nodes {
		n = m.outward(n)
		typ, by := n.Type(), condition(n)
		request := fhir.Obj("method", "PUT", "url", typ+"?"+by)
		if typ == "Patient" || typ == "Communication" || typ == "RelatedPerson" || !t.Response && typ == "Organization" || typ == "Practitioner" || typ == "PractitionerRole" {
			// What the far side may know better is made where it is not there, and never changed.
			request = fhir.Obj("method", "POST", "url", typ, "ifNoneExist", by)
		}
		entries = append(entries, fhir.Obj("fullUrl", m.urls[n.Type()+"/"+n.ID()], "resource", without(n, "id"), "request", request))
	}
	return fhir.Obj("resourceType", "Bundle", "id", t.Key, "type", "transaction", "timestamp", instant(t.At), "entry", entries), nil
}

// Single writes what is told of a referral as one resource, with the person and the
// stay contained in it, and the query by which it is made or updated. typ is
// ServiceRequest, Task, Encounter, Communication or QuestionnaireResponse; nil when
// there is none to tell.
func Single(s translate.Shown, t Telling, typ string) (n *fhir.Node, by string, err error) {
	m, err := collected(s, t)
	if err != nil {
		return nil, "", err
	}
	var focus *fhir.Node
	inside := map[string]string{}
	var contained []*fhir.Node
	for _, x := range m.nodes {
		switch key := x.Type() + "/" + x.ID(); {
		case x.Type() == typ && focus == nil:
			focus = x
		case x.Type() == "Patient" || x.Type() == "Encounter" && typ == "ServiceRequest" || x.Type() == "QuestionnaireResponse" && typ == "ServiceRequest" && x.Str("questionnaire") == formURL(m.r.Form, m.r.FormVersion):
			id := "c" + fmt.Sprint(len(contained)+1)
			inside[key] = "#" + id
			contained = append(contained, x)
		}
	}
	if focus == nil {
		return nil, "", nil
	}
	m.urls = inside
	n = m.outward(focus)
	by = condition(n)
	for _, x := range contained {
		id := inside[x.Type()+"/"+x.ID()][1:]
		c := m.outward(x)
		c.Set("id", id)
		c.Set("meta", nil)
		if typ == "ServiceRequest" && x.Type() == "QuestionnaireResponse" {
			c.Set("basedOn", nil)
			n.Add("supportingInfo", fhir.Obj("reference", "#"+id))
			disclaim(n, profContact) // it has no supportingInfo
		}
		n.Add("contained", c)
	}
	return without(n, "id"), by, nil
}

// collected collects the resources that tell of a referral: of a hospital's news all
// of them, of a council's the Task, the plan and what it brings.
func collected(s translate.Shown, t Telling) (*messaging, error) {
	i := slices.IndexFunc(s.Case.Referrals, func(r care.Referral) bool { return r.ID == t.Referral })
	if i < 0 || !s.Sees.Referral {
		return nil, fmt.Errorf("what is told is about a referral, and none is shown")
	}
	w := &writing{s: s}
	m := &messaging{w: w, t: t, r: s.Case.Referrals[i], urls: map[string]string{}}
	if t.Response {
		m.add(w.finish("Task", []*fhir.Node{w.task(m.r)})...)
		m.add(w.finish("CarePlan", []*fhir.Node{w.plan(m.r)})...)
		m.add(w.finish("Patient", w.patients())...)
		m.add(m.orgs()...)
		m.add(m.staff()...)
		m.told()
		return m, nil
	}
	m.add(w.finish("Patient", w.patients())...)
	if s := w.stayOf(m.r); s != nil && w.s.Sees.Whereabouts {
		m.add(w.finish("Encounter", []*fhir.Node{w.encounter(*s, s.Left != nil)})...)
	}
	m.add(w.finish("ServiceRequest", []*fhir.Node{w.referral(m.r)})...)
	m.add(w.finish("Task", []*fhir.Node{w.task(m.r)})...)
	m.add(w.finish("CarePlan", []*fhir.Node{w.plan(m.r)})...)
	m.add(m.orgs()...)
	m.add(m.staff()...)
	m.add(w.finish("Location", w.locations())...)
	m.add(w.finish("RelatedPerson", w.kin())...)
	m.told()
	return m, nil
}

// outward is a resource for a server that is not ours: what leads to nothing that
// goes along stays as identifier and words.
func (m *messaging) outward(n *fhir.Node) *fhir.Node {
	c := n.Clone()
	c.Set("link", nil)
	if meta := c.Member("meta"); meta != nil {
		meta.Set("versionId", nil)
		meta.Set("lastUpdated", nil)
		c.Set("meta", meta)
	}
	m.point(c)
	if c.Type() == "Patient" && c.Get("identifier") == nil {
		c.Set("identifier", []*fhir.Node{fhir.Identifier(Canonical+"/Id/person", string(m.w.s.Case.ID))})
	}
	if c.Get("identifier") == nil {
		c.Set("identifier", []*fhir.Node{fhir.Identifier(Canonical+"/Id/resource", n.ID())})
	}
	return c
}

// condition is the query that finds a resource by its first identifier.
func condition(n *fhir.Node) string {
	id := n.Get("identifier")
	return "identifier=" + url.QueryEscape(id.Str("system")+"|"+id.Str("value"))
}

func without(n *fhir.Node, name string) *fhir.Node {
	n.Members = slices.DeleteFunc(n.Members, func(m fhir.Member) bool { return m.Name == name })
	return n
}

// disclaim takes a profile out of what a resource claims to be.
func disclaim(n *fhir.Node, profile string) {
	if list := n.Member("meta").Member("profile"); list != nil {
		list.Items = slices.DeleteFunc(slices.Clone(list.Items), func(p *fhir.Node) bool { return p.Text == profile })
	}
}
