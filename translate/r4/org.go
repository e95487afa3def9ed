package r4

import (
	"cmp"
	"slices"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
)

// organizations are all that the case names: trusts and councils, and where they
// may be shown the providers and teams of what the councils hold.
func (w *writing) organizations() []*fhir.Node {
	var out []*fhir.Node
	for _, o := range w.sortedOrgs() {
		out = append(out, organization(o))
	}
	for _, h := range w.s.Councils {
		if t := h.Team; t != nil && w.s.Sees.Packages {
			out = append(out, team(*t, w.org(h.Council.ODS)))
		}
		if !w.s.Sees.Provider || h.Withheld {
			continue
		}
		var ids []string
		for id := range h.Providers {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			p := h.Providers[id]
			if p.ID == "" {
				p.ID = id
			}
			p.Council = h.Council.ODS
			out = append(out, provider(p))
		}
	}
	return out
}

func (w *writing) sortedOrgs() []care.Org {
	var out []care.Org
	for code, o := range w.s.Orgs {
		if o.ODS == "" {
			o.ODS = code
		}
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b care.Org) int { return cmp.Compare(a.ODS, b.ODS) })
	return out
}

// Organization is an organisation as a resource of the directory.
func Organization(o care.Org) *fhir.Node { return alone(organization(o)) }

// ProviderOrganization is a care provider of a council's directory.
func ProviderOrganization(p care.Provider) *fhir.Node { return alone(provider(p)) }

// TeamOrganization is a council's team.
func TeamOrganization(t care.Team) *fhir.Node {
	return alone(team(t, fhir.Obj("reference", "Organization/"+string(t.Council))))
}

// alone finishes a resource of the directory, which belongs to no case.
func alone(n *fhir.Node) *fhir.Node {
	meta := n.Member("meta")
	n.Members = slices.DeleteFunc(n.Members, func(m fhir.Member) bool { return m.Name == "meta" })
	setMeta(n, meta, time.Time{})
	return n
}

func organization(o care.Org) *fhir.Node {
	n := resource("Organization", string(o.ODS), []string{core + "Organization"},
		"identifier", []*fhir.Node{fhir.Identifier(sysODS, string(o.ODS))}, "active", true)
	kinds := map[care.OrgKind][2]string{care.Trust: {"prov", "Healthcare Provider"}, care.Council: {"govt", "Government"},
		care.ProviderOrg: {"prov", "Healthcare Provider"}, care.System: {"other", "Other"}}
	if k, ok := kinds[o.Kind]; ok {
		n.Set("type", []*fhir.Node{fhir.Concept("", fhir.Coding(sysOrgType, k[0], k[1]))})
	}
	name := o.Name
	if name == "" {
		name = string(o.ODS)
	}
	n.Set("name", name)
	n.Set("telecom", phones(o.Phone, o.OutOfHours, "", ""))
	return n
}

// phones are a number and the one that answers out of hours, which says so.
func phones(day, out, hours, email string) []*fhir.Node {
	var list []*fhir.Node
	if day != "" {
		list = append(list, fhir.Obj("system", "phone", "value", day, "use", "work"))
	}
	if out != "" {
		if hours == "" {
			hours = "Out of hours"
		}
		list = append(list, fhir.Obj("extension", some(ext(extHours, "valueString", hours)), "system", "phone", "value", out, "use", "work"))
	}
	if email != "" {
		list = append(list, fhir.Obj("system", "email", "value", email, "use", "work"))
	}
	return list
}

func provider(p care.Provider) *fhir.Node {
	n := resource("Organization", providerID(p.Council, p.ID), []string{core + "Organization"})
	n.Set("extension", some(ext(extAsAt, "valueDateTime", p.Verified.String())))
	ids := []*fhir.Node{fhir.Identifier(sysProvider+string(p.Council), p.ID)}
	if p.CQC != "" {
		ids = append(ids, fhir.Identifier(sysCQC, p.CQC))
	}
	n.Set("identifier", ids)
	n.Set("active", true)
	n.Set("type", []*fhir.Node{fhir.Concept("Care provider", fhir.Coding(sysOrgType, "prov", "Healthcare Provider"))})
	n.Set("name", p.Name)
	n.Set("telecom", phones(p.Phone, p.OutOfHours, p.Hours, p.Email))
	return n
}

func team(t care.Team, of *fhir.Node) *fhir.Node {
	n := resource("Organization", string(t.Council)+"-"+short("team", t.ID), []string{core + "Organization"},
		"identifier", []*fhir.Node{fhir.Identifier(sysTeam+string(t.Council), t.ID)}, "active", true)
	n.Set("type", []*fhir.Node{fhir.Concept("", fhir.Coding(sysOrgType, "team", "Organizational team"))})
	n.Set("name", t.Name)
	n.Set("telecom", phones(t.Phone, t.OutOfHours, "", ""))
	n.Set("partOf", of)
	return n
}

// services are where each council takes referrals from hospitals.
func (w *writing) services() []*fhir.Node {
	var out []*fhir.Node
	for _, o := range w.sortedOrgs() {
		if o.Kind == care.Council {
			out = append(out, service(o))
		}
	}
	return out
}

// Service is a council's hospital discharge service, for the directory.
func Service(o care.Org) *fhir.Node { return alone(service(o)) }

func service(o care.Org) *fhir.Node {
	return resource("HealthcareService", "discharge-"+string(o.ODS), []string{core + "HealthcareService"},
		"active", true, "providedBy", fhir.Obj("reference", "Organization/"+string(o.ODS), "identifier", fhir.Identifier(sysODS, string(o.ODS)), "display", o.Name),
		"type", []*fhir.Node{fhir.Concept("Support to leave hospital")}, "name", o.Name+": support to leave hospital",
		"telecom", phones(o.Phone, o.OutOfHours, "", ""))
}

// people are the members of staff that the case names, each once.
func (w *writing) people() []care.Who {
	var out []care.Who
	add := func(p care.Who, org nhs.ODS) {
		if p.Org == "" {
			p.Org = org
		}
		if p.ID != "" && p.Org != "" && !slices.ContainsFunc(out, func(q care.Who) bool { return q.ID == p.ID && q.Org == p.Org }) {
			out = append(out, p)
		}
	}
	for _, r := range w.shownReferrals() {
		add(r.SentBy, r.From)
		add(r.Holder.Who, r.Holder.Org)
		add(r.Worker, r.To)
		for _, x := range r.Returns {
			add(x.By, r.To)
		}
	}
	if w.s.Sees.Notes {
		for _, n := range w.s.Case.Notes {
			add(n.By, n.By.Org)
		}
	}
	if w.seesPapers() {
		for _, p := range w.s.Case.Papers {
			add(p.By, p.By.Org)
		}
	}
	return out
}

func (w *writing) practitioners() []*fhir.Node {
	var out []*fhir.Node
	seen := map[care.ActorID]bool{}
	for _, p := range w.people() {
		if !seen[p.ID] {
			seen[p.ID] = true
			out = append(out, practitioner(p))
		}
	}
	return out
}

// Practitioner is a member of staff as a resource of the directory.
func Practitioner(p care.Who) *fhir.Node { return alone(practitioner(p)) }

func practitioner(p care.Who) *fhir.Node {
	return resource("Practitioner", practitionerID(p.ID), []string{core + "Practitioner"},
		"identifier", []*fhir.Node{fhir.Identifier(sysStaff, string(p.ID))}, "active", true,
		"name", []*fhir.Node{fhir.Obj("use", "official", "text", p.Name)})
}

func (w *writing) roles() []*fhir.Node {
	var out []*fhir.Node
	for _, p := range w.people() {
		out = append(out, role(p, w.org(p.Org)))
	}
	return out
}

// PractitionerRole is a member of staff at their organisation, for the directory.
func PractitionerRole(p care.Who, o care.Org) *fhir.Node {
	return alone(role(p, fhir.Obj("reference", "Organization/"+string(o.ODS), "identifier", fhir.Identifier(sysODS, string(o.ODS)), "display", o.Name)))
}

func role(p care.Who, org *fhir.Node) *fhir.Node {
	return resource("PractitionerRole", roleID(p.ID, p.Org), []string{core + "PractitionerRole"},
		"identifier", []*fhir.Node{fhir.Identifier(sysStaff, string(p.ID))}, "active", true,
		"practitioner", fhir.Ref("Practitioner", practitionerID(p.ID), p.Name), "organization", org)
}

// provenance says who told what stands here: of the person, of each stay, of what
// each council holds, and of each referral.
func (w *writing) provenance() []*fhir.Node {
	c := w.s.Case
	var out []*fhir.Node
	add := func(id string, targets []*fhir.Node, at time.Time, who *fhir.Node) {
		if len(targets) == 0 || at.IsZero() || who.Empty() {
			return
		}
		out = append(out, resource("Provenance", id, nil, "target", targets, "recorded", instant(at),
			"agent", []*fhir.Node{fhir.Obj("type", fhir.Concept("", fhir.Coding(sysProvenance, "author", "Author")), "who", who)}))
	}
	ref := func(typ, id string) *fhir.Node { return fhir.Obj("reference", typ+"/"+id) }
	if p := c.Person; w.s.Sees.Person && p.Source != "" {
		add(w.id("provenance", "person"), []*fhir.Node{ref("Patient", string(c.ID))}, p.AsAt, fhir.Obj("display", p.Source))
	}
	if w.s.Sees.Whereabouts {
		for _, s := range c.Stays() {
			add(w.id("provenance", "stay", string(s.Org), s.Visit, at(s.Admitted, s.Visit)), []*fhir.Node{ref("Encounter", w.stayID(s))},
				latest(s.Admitted, s.Known.Where, s.Known.Fit, s.Known.Doctor, s.Known.Class, s.Known.Leave, s.Known.Left, s.Known.Opened), w.org(s.Org))
		}
	}
	for _, h := range w.s.Councils {
		add(w.id("provenance", "council", string(h.Council.ODS)), w.held(h.Council.ODS), h.AsAt, w.org(h.Council.ODS))
	}
	for _, r := range w.shownReferrals() {
		targets := []*fhir.Node{ref("ServiceRequest", w.id("referral", string(r.ID))), ref("CarePlan", w.id("careplan", string(r.ID)))}
		if id := w.answersID(r); id != "" {
			targets = append(targets, ref("QuestionnaireResponse", id))
		}
		add(w.id("provenance", "referral", string(r.ID)), targets, r.Sent, w.who(r.SentBy, r.From))
	}
	return out
}

// held refers to what a council's data made: its packages, flag and equipment.
func (w *writing) held(council nhs.ODS) []*fhir.Node {
	var out []*fhir.Node
	ref := func(typ, id string) { out = append(out, fhir.Obj("reference", typ+"/"+id)) }
	for _, h := range w.s.Councils {
		if h.Council.ODS != council {
			continue
		}
		ref("Flag", w.id("safeguarding", string(council)))
		if h.Holding == nil || !w.s.Sees.Packages || h.Withheld || h.Gone {
			continue
		}
		seen := map[string]int{}
		for _, p := range h.Holding.Packages {
			seen[p.Ref]++
			ref("EpisodeOfCare", w.id("package", packageParts(council, p.Ref, seen[p.Ref])...))
		}
		seen = map[string]int{}
		for _, e := range h.Holding.Equipment {
			seen[e.Ref]++
			ref("DeviceRequest", w.id("equipment", packageParts(council, e.Ref, seen[e.Ref])...))
		}
	}
	return out
}
