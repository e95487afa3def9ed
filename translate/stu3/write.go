package stu3

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

// writing is one case being written: what is shown of it, and the resources that
// one of its resources contains so far.
type writing struct {
	s         translate.Shown
	contained []*fhir.Node
}

// contain adds a resource to those that are contained, and refers to it.
func (w *writing) contain(id string, n *fhir.Node) *fhir.Node {
	n.Set("id", id)
	if !slices.ContainsFunc(w.contained, func(x *fhir.Node) bool { return x.ID() == id }) {
		w.contained = append(w.contained, n)
	}
	return fhir.Obj("reference", "#"+id)
}

// finished puts an id, what is contained and meta into a resource. lastUpdated is
// when what is shown of it last changed. What came in for it and we do not know goes
// out again, to the organisation that sent it.
func (w *writing) finished(n *fhir.Node, id, profile, key string, own bool) *fhir.Node {
	n.Set("contained", w.contained)
	if kept := w.s.Kept[key]; own && kept.Version == fhir.STU3 && kept.Tree.Type() == n.Type() {
		n = over(kept.Tree, n)
	}
	at := w.s.Changed[key]
	if at.IsZero() {
		at = w.s.Case.News
	}
	meta := n.Member("meta").Clone()
	if meta == nil {
		meta = &fhir.Node{Kind: fhir.Object}
	}
	if !slices.ContainsFunc(meta.All("profile"), func(p *fhir.Node) bool { return p.Text == Profiles+profile }) {
		meta.Add("profile", Profiles+profile)
	}
	if w.s.Case.Sensitive {
		meta.Set("security", fhir.List(fhir.Coding(sysRestricted, "R", "restricted")))
	}
	meta.Set("lastUpdated", instant(at))
	meta.Set("versionId", nil)
	out := fhir.Obj("resourceType", n.Type(), "id", id, "meta", meta)
	for _, m := range n.Members {
		if m.Name != "resourceType" && m.Name != "id" && m.Name != "meta" {
			out.Members = append(out.Members, m)
		}
	}
	meta.Set("versionId", fhir.Hash(out))
	return out
}

// over lays what we know of a resource over what came in for it: ours is true, and
// what we do not know stays.
func over(kept, ours *fhir.Node) *fhir.Node {
	n := kept.Clone()
	for _, m := range ours.Members {
		switch m.Name {
		case "contained":
			for _, c := range m.Value.Items {
				if fhir.Contained(n, "#"+c.ID()) == nil {
					n.Add("contained", c)
				}
			}
		case "extension", "identifier":
			for _, x := range n.All(m.Name) {
				same := func(y *fhir.Node) bool {
					return y.Str("url") == x.Str("url") && y.Str("system") == x.Str("system")
				}
				if !slices.ContainsFunc(m.Value.Items, same) {
					m.Value.Items = append(m.Value.Items, x)
				}
			}
			n.Set(m.Name, m.Value)
		default:
			n.Set(m.Name, m.Value)
		}
	}
	prune(n)
	return n
}

// prune takes out contained resources that nothing refers to any more: what was
// contained stands by itself with us (FHIR STU3 domainresource.html dom-3).
func prune(n *fhir.Node) {
	all := n.All("contained")
	n.Set("contained", nil)
	by, keep := map[string]*fhir.Node{}, map[*fhir.Node]bool{}
	for _, c := range all {
		by["#"+c.ID()] = c
	}
	for seek := []*fhir.Node{n}; len(seek) > 0; seek = seek[1:] {
		for ref := range fhir.References(seek[0]) {
			if c := by[ref.Text]; c != nil && !keep[c] {
				keep[c], seek = true, append(seek, c)
			}
		}
	}
	n.Set("contained", slices.DeleteFunc(slices.Clone(all), func(c *fhir.Node) bool { return !keep[c] }))
}

// genders are the banner's words as administrative genders.
var genders = map[string]string{"Male": "male", "Female": "female", "Not specified": "other", "Not known": "unknown"}

// traces are the displays of NHS number verification statuses.
var traces = map[care.Trace]string{"01": "Number present and verified", "02": "Number present but not traced", "03": "Trace required", "04": "Trace attempted - No match or multiple match found",
	"05": "Trace needs to be resolved - (NHS Number or patient detail conflict)", "06": "Trace in progress", "07": "Number not present and trace not required", "08": "Trace postponed (baby under six weeks old)"}

// number is the NHS number as an identifier. One whose status nobody told is
// present and not traced.
func number(n nhs.Number, t care.Trace) *fhir.Node {
	if n.IsZero() {
		return nil
	}
	t = cmp.Or(t, "02")
	return fhir.Obj("extension", fhir.List(fhir.Obj("url", extTrace, "valueCodeableConcept", fhir.Concept("", fhir.Coding(sysTrace, string(t), traces[t])))),
		"use", "official", "system", sysNHS, "value", n.Digits())
}

// patient is who the person is (CareConnect-SHD-Patient-1).
func (w *writing) patient() *fhir.Node {
	c := w.s.Case
	p := c.Person
	ids := []*fhir.Node{number(c.NHS, c.Trace)}
	for _, id := range c.IDs {
		if org, ok := strings.CutPrefix(id.System, "mrn:"); ok && org == string(w.s.By.Org) {
			ids = append(ids, fhir.Identifier(sysLocal, id.Value))
		}
	}
	official := fhir.Obj("use", "official", "text", fullName(p), "family", p.Family, "given", strings.Fields(p.Given), "prefix", strings.Fields(p.Title))
	n := fhir.Obj("resourceType", "Patient", "identifier", ids, "active", true, "name", fhir.List(official))
	if p.Preferred != "" {
		n.Add("name", fhir.Obj("use", "nickname", "given", []string{p.Preferred}))
	}
	n.Set("telecom", fhir.List(contact(p.Phone)))
	n.Set("gender", genders[p.Sex])
	n.Set("birthDate", date(p.Born))
	if d := c.Died; d != nil && d.DayOnly {
		n.Set("deceasedDateTime", d.At.In(w.zone()).Format("2006-01-02"))
	} else if d != nil {
		n.Set("deceasedDateTime", instant(d.At))
	}
	n.Set("address", fhir.List(home(p.Address)))
	for _, k := range p.Kin {
		n.Add("contact", fhir.Obj("relationship", fhir.List(fhir.Concept(k.Relation)), "name", fhir.Obj("text", k.Name), "telecom", fhir.List(contact(k.Phone))))
	}
	if p.Language != "" {
		n.Set("extension", fhir.List(fhir.Obj("url", extLanguage, "extension", fhir.List(
			fhir.Obj("url", "language", "valueCodeableConcept", fhir.Concept(p.Language)), fhir.Obj("url", "preferred", "valueBoolean", true)))))
	}
	if p.GP != "" {
		n.Set("generalPractitioner", fhir.List(w.contain("practice", organization(p.GPName, p.GP))))
	}
	return n
}

// zone is that of dates without a time.
func (w *writing) zone() *time.Location {
	if w.s.Now.IsZero() {
		return time.UTC
	}
	return w.s.Now.Location()
}

func fullName(p care.Person) string {
	return strings.Join(strings.Fields(p.Title+" "+p.Given+" "+p.Family), " ")
}

func contact(phone string) *fhir.Node {
	if phone == "" {
		return nil
	}
	return fhir.Obj("system", "phone", "value", phone)
}

func home(a care.Address) *fhir.Node {
	if a.IsZero() {
		return nil
	}
	n := fhir.Obj("use", "home", "line", a.Lines, "postalCode", a.Postcode)
	if a.UPRN != "" {
		n.Set("extension", fhir.List(fhir.Obj("url", extUPRN, "valueString", a.UPRN)))
	}
	return n
}

func organization(name, ods string) *fhir.Node {
	var id *fhir.Node
	if ods != "" {
		id = fhir.List(fhir.Identifier(sysODS, ods))
	}
	return fhir.Obj("resourceType", "Organization", "identifier", id, "name", name)
}

// org is an organisation that the case names.
func (w *writing) org(ods nhs.ODS) *fhir.Node {
	o := w.s.Orgs[ods]
	n := organization(cmp.Or(o.Name, string(ods)), string(ods))
	n.Set("telecom", fhir.List(contact(o.Phone)))
	return n
}

func practitioner(name string) *fhir.Node {
	return fhir.Obj("resourceType", "Practitioner", "name", fhir.List(fhir.Obj("text", name)))
}

// admissions are SNOMED CT codes of Encounter.type by the first digit of the
// admission method (NHS Data Dictionary).
var admissions = map[string][2]string{"1": {"8715000", "Hospital admission, elective"}, "2": {"183452005", "Emergency hospital admission"}, "": {"32485007", "Hospital admission"}}

var actClasses = map[string][2]string{"I": {"IMP", "inpatient encounter"}, "E": {"EMER", "emergency"}, "O": {"AMB", "ambulatory"}, "P": {"PRENC", "pre-admission"}}

// encounter is a stay (CareConnect-SHD-Encounter-1).
func (w *writing) encounter(st care.Stay, subject *fhir.Node) *fhir.Node {
	status := "in-progress"
	switch {
	case st.Left != nil:
		status = "finished"
	case st.OnLeave:
		status = "onleave"
	}
	n := fhir.Obj("resourceType", "Encounter", "extension", fhir.List(fitness(st)), "identifier", fhir.List(w.visit(st)), "status", status)
	if c, ok := actClasses[st.Class]; ok {
		n.Set("class", fhir.Coding(sysActCode, c[0], c[1]))
	}
	kind := admissions[""]
	if len(st.Method) > 0 {
		if k, ok := admissions[st.Method[:1]]; ok {
			kind = k
		}
	}
	n.Set("type", fhir.List(fhir.Concept("", fhir.Coding(sysSNOMED, kind[0], kind[1]))))
	n.Set("subject", subject)
	if st.Consultant != "" {
		n.Set("participant", fhir.List(fhir.Obj("individual", w.contain("clinician", practitioner(st.Consultant)))))
	}
	period := fhir.Obj("start", instant(st.Admitted), "end", date(st.EDD()))
	if st.Left != nil {
		period.Set("end", instant(st.Left.At))
	}
	n.Set("period", period)
	if st.Reason != "" {
		n.Set("reason", fhir.List(fhir.Concept(st.Reason)))
	}
	n.Set("hospitalization", hospitalization(st))
	hospital := w.contain("hospital", w.org(st.Org))
	n.Set("location", w.places(st.Where, hospital))
	n.Set("serviceProvider", hospital)
	return n
}

// visit is the identifier of a stay. Only the value of the hospital's own is kept.
func (w *writing) visit(st care.Stay) *fhir.Node {
	system := sysStay
	if k := w.s.Kept["Encounter/"+care.StayResource(w.s.Case.ID, st)]; k.Tree.Str("identifier.value") == st.Visit {
		system = k.Tree.Str("identifier.system")
	}
	return fhir.Obj("system", system, "value", cmp.Or(st.Visit, care.StayResource(w.s.Case.ID, st)))
}

// fitness is Extension-SHD-MedicallyFitDetails: 01 with the date, 02 or 03.
func fitness(st care.Stay) *fhir.Node {
	code, words, since := "03", "Unknown", ""
	if k := len(st.Ready); k > 0 {
		last := st.Ready[k-1]
		code, words = "02", "Medically Unfit"
		if last.To.IsZero() || st.Left != nil && last.To.Equal(st.Left.At) {
			code, words, since = "01", "Medically Fit", instant(last.From)
			if !last.Told.IsZero() {
				since = instant(last.Told)
			}
		}
	} else if st.Fit == "N" {
		code, words = "02", "Medically Unfit"
	}
	parts := fhir.List(fhir.Obj("url", "medicallyFitStatus", "valueCoding", fhir.Coding(sysFit, code, words)))
	if since != "" {
		parts.Items = append(parts.Items, fhir.Obj("url", "dateDeemedMedicallyFit", "valueDateTime", since))
	}
	return fhir.Obj("url", extFit, "extension", parts)
}

func hospitalization(st care.Stay) *fhir.Node {
	var ext []*fhir.Node
	add := func(url, system, code string) {
		if code != "" {
			ext = append(ext, fhir.Obj("url", url, "valueCodeableConcept", fhir.Concept("", fhir.Coding(system, code, ""))))
		}
	}
	add(extMethodIn, sysMethodIn, st.Method)
	var to *fhir.Node
	if l := st.Left; l != nil {
		method := l.Method
		switch {
		case method == "" && l.Died:
			method = "4"
		case method == "" && l.Self:
			method = "2"
		}
		add(extMethodOut, sysMethodOut, method)
		if l.Destination != "" {
			to = fhir.Concept("", fhir.Coding(sysDestination, l.Destination, ""))
		}
	}
	return fhir.Obj("extension", ext, "dischargeDisposition", to)
}

// places are the ward, first, and the bay and the bed where they are told.
func (w *writing) places(l care.Location, hospital *fhir.Node) *fhir.Node {
	if l == (care.Location{}) {
		return nil
	}
	out := fhir.List()
	add := func(id, kind, code, name string) {
		if name == "" && code == "" {
			return
		}
		place := fhir.Obj("resourceType", "Location", "status", "active")
		if code != "" {
			place.Set("identifier", fhir.List(fhir.Identifier(sysWard, code)))
		}
		place.Set("name", cmp.Or(name, code))
		place.Set("physicalType", fhir.Concept("", fhir.Coding(sysPlace, kind, "")))
		place.Set("managingOrganization", hospital)
		if l.Site != "" && kind == "wa" {
			site := organization(l.Site, "")
			if _, err := nhs.ParseODS(l.Site); err == nil {
				site = fhir.Obj("resourceType", "Organization", "identifier", fhir.List(fhir.Identifier(sysSite, l.Site)), "name", l.Site)
			}
			place.Set("managingOrganization", w.contain("site", site))
		}
		out.Items = append(out.Items, fhir.Obj("location", w.contain(id, place), "status", "active"))
	}
	add("ward", "wa", l.Ward, l.Name)
	add("bay", "ro", "", l.Bay)
	add("bed", "bd", "", l.Bed)
	return out
}
