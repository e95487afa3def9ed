package r4

import (
	"slices"
	"strings"

	"homeward/fhir"
)

// owned are the members of each type that we write ourselves, so that what came
// in for one never stands in the place of what is known now: a member that is
// gone, or hidden from this reader, does not come back with what was kept.
var owned = map[string][]string{
	"Patient": {"active", "name", "telecom", "gender", "birthDate", "_birthDate", "deceasedBoolean", "deceasedDateTime", "address",
		"generalPractitioner", "link", "contact", "managingOrganization", "communication"},
	"RelatedPerson": {"active", "patient", "relationship", "name", "telecom", "address"},
	"Encounter": {"status", "statusHistory", "class", "serviceType", "subject", "participant", "period", "reasonCode", "hospitalization",
		"location", "serviceProvider"},
	"ServiceRequest": {"status", "intent", "code", "subject", "encounter", "occurrenceDateTime", "occurrencePeriod", "authoredOn", "requester",
		"performer", "reasonCode"},
	"Task": {"status", "statusReason", "businessStatus", "intent", "code", "description", "focus", "for", "encounter", "executionPeriod",
		"authoredOn", "lastModified", "requester", "owner", "note", "restriction", "output"},
	"CarePlan":              {"status", "intent", "category", "title", "description", "subject", "encounter", "period", "created", "author", "supportingInfo", "activity"},
	"QuestionnaireResponse": {"basedOn", "questionnaire", "status", "subject", "encounter", "authored", "author"},
	"DocumentReference":     {"status", "docStatus", "type", "subject", "date", "author", "description", "content", "context"},
	"Communication":         {"status", "category", "subject", "about", "sent", "sender", "payload", "recipient"},
	"EpisodeOfCare":         {"status", "_status", "type", "patient", "managingOrganization", "period", "careManager"},
	"Flag":                  {"status", "category", "code", "subject", "author"},
	"DeviceRequest": {"status", "intent", "codeCodeableConcept", "subject", "occurrencePeriod", "authoredOn", "_authoredOn",
		"performer"},
}

// merged is ours with what came in and we do not know: members that we never
// write, extensions and identifiers of others, and what is unknown inside what
// both have. Ours wins. A narrative is not kept: it would tell old news.
func merged(ours, kept *fhir.Node, own []string) *fhir.Node {
	out := ours.Clone()
	for _, m := range kept.Members {
		switch m.Name {
		case "resourceType", "id", "text", "contained":
			continue
		case "meta":
			mergeMeta(out, m.Value)
			continue
		}
		if mine := out.Member(m.Name); mine != nil {
			mergeInto(mine, m.Value, m.Name)
		} else if !slices.Contains(own, m.Name) && !slices.Contains(own, strings.TrimPrefix(m.Name, "_")) {
			out.Set(m.Name, m.Value.Clone())
		}
	}
	for _, x := range kept.All("contained") {
		if id := x.ID(); id != "" && refersTo(out, "#"+id) {
			out.Add("contained", x.Clone())
		}
	}
	return out
}

// noContact are the elements that an Interweave contact has not.
var noContact = []string{"basedOn", "instantiatesUri", "instantiatesCanonical", "requisition", "replaces", "reasonReference", "supportingInfo", "note",
	"relevantHistory", "locationCode", "locationReference", "insurance", "specimen", "bodySite", "category", "asNeededBoolean", "asNeededCodeableConcept",
	"quantityQuantity", "quantityRatio", "quantityRange", "orderDetail"}

// unclaim takes out of a referral the profiles that it does not hold to with what
// came in beside what is ours: of a contact that has more, and of BaRS, whose
// messages alone are as BaRS wants them.
func unclaim(n *fhir.Node) {
	list := n.Member("meta").Member("profile")
	if n.Type() != "ServiceRequest" || list == nil {
		return
	}
	more := slices.ContainsFunc(n.Members, func(m fhir.Member) bool { return slices.Contains(noContact, strings.TrimPrefix(m.Name, "_")) })
	list.Items = slices.DeleteFunc(slices.Clone(list.Items), func(p *fhir.Node) bool {
		return more && p.Text == profContact || strings.HasPrefix(p.Text, barsProfile)
	})
}

func mergeMeta(out, kept *fhir.Node) {
	meta := out.Member("meta")
	if meta == nil {
		return
	}
	for _, p := range kept.All("profile") {
		if !slices.ContainsFunc(meta.All("profile"), func(x *fhir.Node) bool { return x.Text == p.Text }) {
			meta.Add("profile", p.Text)
		}
	}
	for _, name := range []string{"tag", "security"} {
		for _, x := range kept.All(name) {
			addOnce(meta, name, x.Clone())
		}
	}
}

// keyed are the members whose items have a name of their own, which says
// whether two are the same thing.
var keyed = map[string]bool{"extension": true, "modifierExtension": true, "identifier": true, "coding": true, "item": true}

// mergeInto puts into mine what kept has and mine does not.
func mergeInto(mine, kept *fhir.Node, name string) {
	switch {
	case mine.Kind == fhir.Object && kept.Kind == fhir.Object:
		for _, m := range kept.Members {
			if x := mine.Member(m.Name); x != nil {
				mergeInto(x, m.Value, m.Name)
			} else if keyed[m.Name] || strings.HasPrefix(m.Name, "_") {
				mine.Set(m.Name, m.Value.Clone()) // extensions of what both have
			}
		}
	case mine.Kind == fhir.Array && kept.Kind == fhir.Array && keyed[name]:
		for _, k := range kept.Items {
			if i := slices.IndexFunc(mine.Items, func(x *fhir.Node) bool { return same(name, x, k) }); i >= 0 {
				mergeInto(mine.Items[i], k, "")
			} else if !ours(k) {
				mine.Items = append(mine.Items, k.Clone())
			}
		}
	case mine.Kind == fhir.Array && kept.Kind == fhir.Array && name == "name":
		for _, k := range kept.Items { // a name of a kind that we do not know: maiden, nickname
			if u := k.Str("use"); u != "" && u != "official" && u != "usual" {
				mine.Items = append(mine.Items, k.Clone())
			}
		}
	}
}

// same reports whether two items of a keyed array are one thing. One system has
// one NHS number (UK Core 2.0 Patient), whatever its value was.
func same(name string, a, b *fhir.Node) bool {
	switch name {
	case "identifier":
		return tidySystem(a.Str("system")) == tidySystem(b.Str("system")) && (a.Str("value") == b.Str("value") || isNHS(a.Str("system")))
	case "coding":
		return a.Str("system") == b.Str("system") && a.Str("code") == b.Str("code")
	case "item":
		return a.Str("linkId") == b.Str("linkId")
	}
	return a.Str("url") == b.Str("url")
}

// ours reports whether an item is of a kind that only we write: one that came
// back to us from our own output is not kept beside what is so now.
func ours(n *fhir.Node) bool {
	for _, at := range []string{"url", "system"} {
		if s := n.Str(at); strings.HasPrefix(s, Canonical) {
			return true
		}
	}
	switch n.Str("url") {
	case extNoNumber, extMethodOut, extFitNotts, extStatusReason:
		return true
	}
	return isNHS(n.Str("system"))
}

func refersTo(n *fhir.Node, ref string) bool {
	if n.Kind == fhir.String && n.Text == ref {
		return true
	}
	if slices.ContainsFunc(n.Items, func(x *fhir.Node) bool { return refersTo(x, ref) }) {
		return true
	}
	return slices.ContainsFunc(n.Members, func(m fhir.Member) bool { return refersTo(m.Value, ref) })
}
