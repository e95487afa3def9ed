package stu3

import (
	"cmp"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

// Systems of the Social Care Data Service.
const (
	sysServiceType = "https://fhir.interweavedigital.nhs.uk/CodeSystem/Interweave-SocialCareServiceType"
	sysNotHeld     = Canonical + "/CodeSystem/data-not-held" // ours: DNH-SL and DNH-IL, which Interweave has for services only, for everything
	extAsAt        = Canonical + "/StructureDefinition/as-at"
	sysRelation    = Canonical + "/CodeSystem/relationship"
)

// The two ways in which data are not held (Interweave-SocialCareServiceType): at
// system level nobody could say, at individual level there is nothing of this person.
const notAtAll, notOfThem = "DNH-SL", "DNH-IL"

var notHeldWords = map[string]string{notAtAll: "Data not held: system level", notOfThem: "Data not held: individual level"}

// serviceTypes are Interweave-SocialCareServiceType.
var serviceTypes = map[string]string{
	"R": "Reablement", "STNC": "Short Term Nursing Care", "STRC": "Short Term Residential Care", "LTNC": "Long Term Nursing Care", "LTRC": "Long Term Residential Care",
	"HS": "Home Support", "DS": "Day Support", "M": "Meals", "TRAN": "Transport", "EQ": "Equipment", "DP": "Direct Payment", "SL": "Shared Lives", "CSL": "Community Supported Living",
	"PS": "Professional Support", "PS-SW": "Professional Support: Social Worker", "LEES": "Learning, Education and Employment Support", "EOL": "End of Life", "ES": "Emergency Support",
	"OSTS": "Other Short Term Support", "OLTS": "Other Long Term Support", "C-R": "Carer: Respite", "C-SS": "Carer: Sitting Service", "C-US": "Carer: Universal Services", "C-OTH": "Carer: Other", "OTH": "Other",
}

// Asked is who was asked about, as the asker said it.
type Asked struct {
	Number nhs.Number
	Born   nhs.Date
}

// Record is a person's social care record (Social Care Data Service), as a reader
// may see it: what there is, and for every kind of thing of which there is nothing
// an entry that says so, and why. So no answer is empty, and none that says nothing
// reads as "none".
func Record(s translate.Shown) []*fhir.Node {
	w := &recording{s: s, patient: subject(s)}
	pw := &writing{s: s}
	p := pw.patient()
	p.Set("contained", pw.contained)
	out := []*fhir.Node{w.made(p, string(s.Case.ID), "CareConnect-CDS-Patient-1")}
	for _, add := range []func() []*fhir.Node{w.services, w.referrals, w.flags, w.equipment, w.people, w.reasons} {
		out = append(out, add()...)
	}
	return out
}

// NoRecord is the same of a person of whom nothing is known, nothing is held, or
// nothing may be shown: the same for all three. unheard are the councils that cannot
// be asked now: of them it is not said that they hold nothing.
func NoRecord(q Asked, unheard []translate.ShownCouncil) []*fhir.Node {
	w := &recording{s: translate.Shown{Councils: unheard}, patient: fhir.Obj("identifier", fhir.Identifier(sysNHS, q.Number.Digits()))}
	why := notOfThem
	if len(unheard) > 0 {
		why = notAtAll
	}
	out := []*fhir.Node{w.absent("EpisodeOfCare", why, nil), w.absent("ReferralRequest", why, nil), w.absent("Task", why, nil), w.absent("Flag", why, nil),
		w.absent("Device", why, nil), w.absent("RelatedPerson", why, nil), w.absent("Condition", notAtAll, nil)}
	for _, c := range unheard {
		out = append(out, w.absent("EpisodeOfCare", notAtAll, &c))
	}
	return out
}

type recording struct {
	s       translate.Shown
	patient *fhir.Node
}

// made puts an id and the profile first.
func (w *recording) made(n *fhir.Node, id, profile string) *fhir.Node {
	meta := fhir.Obj("profile", []string{Profiles + profile})
	if w.s.Case.Sensitive {
		meta.Set("security", fhir.List(fhir.Coding(sysRestricted, "R", "restricted")))
	}
	out := fhir.Obj("resourceType", n.Type(), "id", id, "meta", meta)
	for _, m := range n.Members {
		if m.Name != "resourceType" && m.Name != "id" && m.Name != "meta" {
			out.Members = append(out.Members, m)
		}
	}
	return out
}

func (w *recording) id(kind string, parts ...string) string {
	return care.ResourceID(cmp.Or(w.s.Case.ID, "none"), kind, parts...)
}

// absent is a resource that says that there is nothing of its type, and why: of one
// council, or of all.
func (w *recording) absent(typ, why string, c *translate.ShownCouncil) *fhir.Node {
	words := fhir.Concept(notHeldWords[why], fhir.Coding(sysNotHeld, why, notHeldWords[why]))
	n := fhir.Obj("resourceType", typ)
	from, profile := "", "CareConnect-CDS-"+typ+"-1"
	if c != nil {
		from = string(c.Council.ODS)
	}
	switch typ {
	case "EpisodeOfCare":
		if c != nil {
			n.Set("contained", fhir.List(council(c.Council)))
			n.Set("managingOrganization", fhir.Obj("reference", "#council"))
		}
		n.Set("status", "entered-in-error") // no episode: readers that know nothing of the codes show none
		n.Set("type", fhir.List(fhir.Concept(notHeldWords[why], fhir.Coding(sysServiceType, why, notHeldWords[why]))))
		n.Set("patient", w.patient)
	case "ReferralRequest":
		n = fhir.Obj("resourceType", typ, "status", "cancelled", "intent", "plan", "type", words, "subject", w.patient)
	case "Task":
		n = fhir.Obj("resourceType", typ, "status", "draft", "intent", "plan", "code", words, "for", w.patient)
	case "Flag":
		n = fhir.Obj("resourceType", typ, "status", "inactive", "code", words, "subject", w.patient, "period", fhir.Obj("end", instant(w.s.Now)))
	case "Device":
		n, profile = fhir.Obj("resourceType", typ, "status", "inactive", "type", words, "patient", w.patient), "CDS-Device"
	case "RelatedPerson":
		n = fhir.Obj("resourceType", typ, "active", false, "patient", w.patient, "relationship", fhir.Concept(notHeldWords[why], fhir.Coding(sysNotHeld, why, notHeldWords[why])),
			"name", fhir.List(fhir.Obj("use", "official", "text", notHeldWords[why])))
	case "Condition":
		n, profile = fhir.Obj("resourceType", typ, "verificationStatus", "unknown", "code", words, "subject", w.patient), ""
	}
	out := w.made(n, w.id("absent", typ, why, from), profile)
	if profile == "" {
		out.Set("meta", nil)
	}
	return out
}

func council(o care.Org) *fhir.Node {
	n := organization(cmp.Or(o.Name, string(o.ODS)), string(o.ODS))
	n.Set("id", "council")
	t := fhir.List(contact(o.Phone))
	if o.OutOfHours != "" {
		t.Items = append(t.Items, fhir.Obj("system", "phone", "value", o.OutOfHours, "use", "temp"))
	}
	n.Set("telecom", t)
	return n
}

// unsaid is why a council's part says nothing; "" when it does.
func unsaid(c translate.ShownCouncil, part care.Part) string {
	switch {
	case c.Gone || c.Withheld || c.Holding == nil && c.Stale:
		return notAtAll
	case c.Holding == nil:
		return notOfThem
	case c.Holding.Missed(part):
		return notAtAll
	}
	return ""
}

// services are the packages: that they exist, what kind, who provides them and how
// to ring them.
func (w *recording) services() (out []*fhir.Node) {
	for _, c := range w.s.Councils {
		why := unsaid(c, care.PartPackages)
		if c.Holding != nil && !c.Withheld && !c.Gone && w.s.Sees.Packages {
			for _, p := range c.Holding.Packages {
				out = append(out, w.service(c, p))
			}
			if len(c.Holding.Packages) == 0 {
				why = cmp.Or(why, notOfThem)
			}
		}
		if why != "" {
			out = append(out, w.absent("EpisodeOfCare", why, &c))
		}
	}
	if len(w.s.Councils) == 0 {
		out = append(out, w.absent("EpisodeOfCare", notOfThem, nil))
	}
	return out
}

func (w *recording) service(c translate.ShownCouncil, p care.Package) *fhir.Node {
	n := fhir.Obj("resourceType", "EpisodeOfCare")
	holder := council(c.Council)
	contained := []*fhir.Node{holder}
	provider := "#council"
	if x, ok := c.Providers[p.Provider]; ok && w.s.Sees.Provider {
		o := organization(x.Name, "")
		o.Set("id", "provider")
		tel := []*fhir.Node{contact(x.Phone)}
		if x.OutOfHours != "" {
			tel = append(tel, fhir.Obj("system", "phone", "value", x.OutOfHours, "use", "temp"))
		}
		if x.Email != "" {
			tel = append(tel, fhir.Obj("system", "email", "value", x.Email))
		}
		if x.CQC != "" {
			o.Set("identifier", fhir.List(fhir.Identifier("https://api.cqc.org.uk/public/v1/locations", x.CQC)))
		}
		o.Set("telecom", tel)
		o.Set("partOf", fhir.Obj("reference", "#council", "display", c.Council.Name))
		contained, provider = append(contained, o), "#provider"
	}
	n.Set("contained", contained)
	n.Set("extension", fhir.List(fhir.Obj("url", extAsAt, "valueDateTime", instant(c.AsAt))))
	n.Set("status", string(p.Status))
	words := serviceTypes[p.Kind]
	n.Set("type", fhir.List(fhir.Concept(cmp.Or(p.Title, words, "Other"), fhir.Coding(sysServiceType, p.Kind, words))))
	n.Set("patient", w.patient)
	n.Set("managingOrganization", fhir.Obj("reference", provider))
	n.Set("period", fhir.Obj("start", date(p.Start), "end", date(p.End)))
	if c.Holding.Worker != "" {
		n.Set("careManager", fhir.Obj("display", c.Holding.Worker))
	}
	return w.made(n, w.id("package", string(c.Council.ODS), p.Ref), "CareConnect-CDS-EpisodeOfCare-1")
}

// referrals are those that councils received, and the work on each as a task.
func (w *recording) referrals() (out []*fhir.Node) {
	var tasks []*fhir.Node
	for _, r := range w.s.Case.Referrals {
		status := "active"
		switch r.State {
		case care.RefClosed:
			status = "completed"
		case care.RefWithdrawn, care.RefCancelled, care.RefDied, care.RefTransferred:
			status = "cancelled"
		case care.RefOnHold:
			status = "suspended"
		}
		id := ID(w.s.Case.ID, string(r.ID))
		n := fhir.Obj("resourceType", "ReferralRequest", "status", status, "intent", "order", "type", fhir.Concept(referralTypeWords, fhir.Coding(sysSNOMED, ReferralType, referralTypeWords)),
			"subject", w.patient, "authoredOn", instant(r.Sent))
		if o := w.s.Orgs[r.To]; o.Name != "" {
			n.Set("recipient", fhir.List(fhir.Obj("display", o.Name)))
		}
		out = append(out, w.made(n, id, "CareConnect-CDS-ReferralRequest-1"))
		tasks = append(tasks, w.task(r, id))
	}
	why := notOfThem
	if !w.s.Sees.Referral {
		why = notAtAll
	}
	if len(out) == 0 {
		out = append(out, w.absent("ReferralRequest", why, nil))
	}
	if len(tasks) == 0 {
		tasks = append(tasks, w.absent("Task", why, nil))
	}
	return append(out, tasks...)
}

// task is how far a council's work on a referral has come.
func (w *recording) task(r care.Referral, id string) *fhir.Node {
	status := "requested"
	switch r.State {
	case care.RefAssessing, care.RefPlanning, care.RefSourcing, care.RefReady:
		status = "in-progress"
	case care.RefOnHold:
		status = "on-hold"
	case care.RefTransferred:
		status = "cancelled"
	case care.RefSent, care.RefReceived, care.RefReturned, care.RefAccepted, care.RefAllocated:
	default:
		status = "completed"
	}
	n := fhir.Obj("resourceType", "Task", "basedOn", fhir.List(fhir.Obj("reference", "ReferralRequest/"+id)), "status", status, "intent", "order",
		"code", fhir.Concept("Care & Support Assessment"), "description", r.State.Say(), "for", w.patient, "authoredOn", instant(r.Sent))
	if r.Worker.Name != "" {
		n.Set("owner", fhir.Obj("display", r.Worker.Name))
	}
	return w.made(n, w.id("task", string(r.ID)), "CareConnect-CDS-Task-1")
}

// flags are whether a safeguarding enquiry is open, by each council: yes is an
// active flag, no an inactive one in these words, and not known or not shared is
// never "no".
func (w *recording) flags() (out []*fhir.Node) {
	for _, c := range w.s.Councils {
		if c.Holding == nil || !w.s.Sees.Safeguarding || c.Gone || c.Holding.Missed(care.PartSafeguarding) {
			continue
		}
		status, text := "active", "A safeguarding enquiry is open"
		switch c.Holding.Safeguarding.Answer {
		case care.AnswerYes:
		case care.AnswerNo:
			status, text = "inactive", "No safeguarding enquiry is open"
		default:
			continue
		}
		as := c.Holding.Safeguarding.AsAt
		n := fhir.Obj("resourceType", "Flag", "contained", fhir.List(council(c.Council)), "status", status, "code", fhir.Concept(text), "subject", w.patient,
			"period", fhir.Obj("start", instant(cmp.Or(as, c.AsAt))), "author", fhir.Obj("reference", "#council"))
		out = append(out, w.made(n, w.id("flag", string(c.Council.ODS)), "CareConnect-CDS-Flag-1"))
	}
	if len(out) == 0 {
		out = append(out, w.absent("Flag", notAtAll, nil))
	}
	return out
}

func (w *recording) equipment() (out []*fhir.Node) {
	unknown := len(w.s.Councils) == 0
	for _, c := range w.s.Councils {
		if c.Holding == nil || c.Withheld || c.Gone {
			unknown = true
			continue
		}
		for _, e := range c.Holding.Equipment {
			if e.Status == "collected" {
				continue
			}
			n := fhir.Obj("resourceType", "Device", "status", map[bool]string{true: "active", false: "inactive"}[e.Status == "delivered"],
				"type", fhir.Concept(e.Title), "patient", w.patient, "note", fhir.List(fhir.Obj("text", strings.ToUpper(e.Status[:min(1, len(e.Status))])+e.Status[min(1, len(e.Status)):])))
			out = append(out, w.made(n, w.id("equipment", string(c.Council.ODS), e.Ref), "CDS-Device"))
		}
	}
	if len(out) == 0 { // equipment is shown to the council that holds it only
		why := notAtAll
		if !unknown && w.s.By.OrgKind == care.Council {
			why = notOfThem
		}
		out = append(out, w.absent("Device", why, nil))
	}
	return out
}

func (w *recording) people() (out []*fhir.Node) {
	for _, k := range w.s.Case.Person.Kin {
		n := fhir.Obj("resourceType", "RelatedPerson", "active", true, "patient", w.patient,
			"relationship", fhir.Concept(k.Relation, fhir.Coding(sysRelation, relation(k.Relation), cmp.Or(k.Relation, "Contact"))),
			"name", fhir.List(fhir.Obj("use", "official", "text", k.Name)), "telecom", fhir.List(contact(k.Phone)))
		out = append(out, w.made(n, w.id("kin", k.Name, k.Relation), "CareConnect-CDS-RelatedPerson-1"))
	}
	if len(out) == 0 {
		out = append(out, w.absent("RelatedPerson", notOfThem, nil))
	}
	return out
}

// relation is a relationship as a code.
func relation(words string) string {
	code := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r
		case r == ' ':
			return '-'
		}
		return -1
	}, strings.ToLower(words))
	return cmp.Or(strings.Trim(code, "-"), "contact")
}

// reasons are the support reasons, which no council tells us.
func (w *recording) reasons() []*fhir.Node {
	return []*fhir.Node{w.absent("Condition", notAtAll, nil)}
}
