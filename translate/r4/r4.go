// Package r4 says a case as FHIR R4 resources with UK Core profiles, and reads
// what other systems say and ask in them; BaRS messages stand here too. It is
// pure and writes from what a reader may see (translate.Shown) and from nothing
// else. It does not decide who may see or do what, store anything, or look
// anything up, and it knows no HTTP: headers and statuses are the faces'.
package r4

import (
	"slices"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

// ID names a resource of a case: the case's id, a dot, and a hash of what does
// not change of the resource. At most 64 signs of A-Z, a-z, 0-9, "-" and "."
// (FHIR R4 2.24.0.1 id), as long as the case's id has no more than 43.
func ID(c care.CaseID, kind string, parts ...string) string {
	return care.ResourceID(c, kind, parts...)
}

func short(kind string, parts ...string) string { return care.ResourceID("", kind, parts...)[1:] }

// CaseOf is the case that the id of a case's resource belongs to; the id of a
// Patient is the case's own. false: no case has such an id.
func CaseOf(id string) (care.CaseID, bool) {
	c, _, _ := strings.Cut(id, ".")
	if c == "" || len(id) > 64 || strings.Trim(strings.ToLower(id), "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return "", false
	}
	return care.CaseID(c), true
}

// makers say which function makes the resources of each type, in the order of Resources.
var makers = []struct {
	typ  string
	make func(*writing) []*fhir.Node
}{
	{"Patient", (*writing).patients},
	{"RelatedPerson", (*writing).kin},
	{"Encounter", (*writing).encounters},
	{"ServiceRequest", (*writing).referrals},
	{"Task", (*writing).tasks},
	{"CarePlan", (*writing).plans},
	{"QuestionnaireResponse", (*writing).responses},
	{"DocumentReference", (*writing).documents},
	{"Communication", (*writing).notes},
	{"EpisodeOfCare", (*writing).episodes},
	{"Flag", (*writing).flags},
	{"DeviceRequest", (*writing).equipment},
	{"Organization", (*writing).organizations},
	{"Location", (*writing).locations},
	{"HealthcareService", (*writing).services},
	{"Practitioner", (*writing).practitioners},
	{"PractitionerRole", (*writing).roles},
	{"Provenance", (*writing).provenance},
}

// Resources is every resource of the case that s shows, the same in the same
// order each time. Forms (Questionnaire) are not among them: One gives them.
func Resources(s translate.Shown) []*fhir.Node {
	w := &writing{s: s}
	var out []*fhir.Node
	for _, m := range makers {
		out = append(out, w.finish(m.typ, m.make(w))...)
	}
	return out
}

// Of is the resources of one type; nil for a type that is none of ours.
func Of(s translate.Shown, typ string) []*fhir.Node {
	w := &writing{s: s}
	for _, m := range makers {
		if m.typ == typ {
			return w.finish(typ, m.make(w))
		}
	}
	return nil
}

// One is one resource by its type and id; nil when s shows none such.
func One(s translate.Shown, typ, id string) *fhir.Node {
	if typ == "Questionnaire" {
		return questionnaireByID(s, id)
	}
	w := &writing{s: s}
	for _, m := range makers {
		if m.typ != typ {
			continue
		}
		for _, n := range m.make(w) {
			if n.ID() == id {
				return w.finish(typ, []*fhir.Node{n})[0]
			}
		}
	}
	return nil
}

// writing is one case being written.
type writing struct {
	s translate.Shown
}

func (w *writing) id(kind string, parts ...string) string { return ID(w.s.Case.ID, kind, parts...) }

// finish puts in what came in and we do not know, the marks of a sensitive
// record, and meta.
func (w *writing) finish(typ string, list []*fhir.Node) []*fhir.Node {
	for i, n := range list {
		key := typ + "/" + n.ID()
		directory := slices.Contains(directoryTypes, typ)
		if k, ok := w.s.Kept[key]; ok && k.Version == fhir.R4 && k.Tree != nil && w.mayMerge(typ) {
			n = merged(n, k.Tree, owned[typ])
			unclaim(n)
			list[i] = n
		}
		meta := n.Member("meta")
		if meta == nil {
			meta = fhir.Obj("profile", "")
		}
		if w.s.Case.Sensitive && !directory {
			addOnce(meta, "security", fhir.Coding(sysConfidentiality, "R", "restricted"))
		}
		at := w.s.Changed[key]
		if at.IsZero() && !directory {
			at = w.s.Case.News
		}
		n.Members = slices.DeleteFunc(n.Members, func(m fhir.Member) bool { return m.Name == "meta" })
		setMeta(n, meta, at)
	}
	return list
}

// setMeta puts meta behind the id, as FHIR orders it, with the version that is
// the hash of everything but the version and when it changed.
func setMeta(n, meta *fhir.Node, at time.Time) {
	place := 0
	for i, m := range n.Members {
		if m.Name == "resourceType" || m.Name == "id" {
			place = i + 1
		}
	}
	if meta.Empty() {
		meta = fhir.Obj()
	}
	meta.Set("versionId", nil)
	meta.Set("lastUpdated", nil)
	n.Members = slices.Insert(n.Members, place, fhir.Member{Name: "meta", Value: meta})
	first := fhir.Obj("versionId", version(n), "lastUpdated", instant(at))
	meta.Members = append(first.Members, meta.Members...)
}

// version is the hash of a resource: equal content, equal version.
func version(n *fhir.Node) string { return fhir.Hash(n) }

// directoryTypes are the types of which a resource belongs to no case.
var directoryTypes = []string{"Organization", "Location", "HealthcareService", "Practitioner", "PractitionerRole"}

// mayMerge reports whether what came in for a resource may go out to this
// reader beside what is known of it: not of a section that is not shown, and of
// a sensitive record nothing that tells where somebody is or lives.
func (w *writing) mayMerge(typ string) bool {
	sees := w.s.Sees
	if w.s.Case.Sensitive && typ != "ServiceRequest" && typ != "Task" && typ != "Flag" {
		return false
	}
	switch typ {
	case "Patient", "RelatedPerson":
		return sees.Person
	case "Encounter":
		return sees.Whereabouts
	case "ServiceRequest", "Task", "CarePlan":
		return sees.Referral
	case "EpisodeOfCare", "DeviceRequest":
		return sees.Packages
	case "Flag":
		return sees.Safeguarding
	case "QuestionnaireResponse", "DocumentReference":
		return sees.Assessments || sees.Referral
	case "Communication":
		return sees.Notes
	}
	return true
}

// resource begins a resource with its profiles.
func resource(typ, id string, profiles []string, namesAndValues ...any) *fhir.Node {
	n := fhir.Obj("resourceType", typ, "id", id, "meta", fhir.Obj("profile", profiles))
	n.Members = append(n.Members, fhir.Obj(namesAndValues...).Members...)
	return n
}

func (w *writing) patient() *fhir.Node {
	display := ""
	if p := w.s.Case.Person; w.s.Sees.Person {
		display = fullName(p)
	}
	if display == "" {
		display = "The person"
	}
	return fhir.Ref("Patient", string(w.s.Case.ID), display)
}

// org refers to an organisation by its ODS code, with the name if it is known.
func (w *writing) org(code nhs.ODS) *fhir.Node {
	if code == "" {
		return nil
	}
	name := w.s.Orgs[code].Name
	if name == "" {
		name = string(code)
	}
	return fhir.Obj("reference", "Organization/"+string(code), "type", "Organization",
		"identifier", fhir.Identifier(sysODS, string(code)), "display", name)
}

// instant is a time to the second or as precise as it is known, in UTC (FHIR R4
// 2.24.0.1 instant). "" for the zero time.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
}

func period(from, to time.Time) *fhir.Node {
	return fhir.Obj("start", instant(from), "end", instant(to))
}

// ext makes an extension; value is the name of its value[x] and what it is.
func ext(url, name string, value any) *fhir.Node {
	v := fhir.Obj(name, value)
	if v.Empty() {
		return nil
	}
	return fhir.Obj("url", url, name, value)
}

// exts makes a complex extension of those parts that say something.
func exts(url string, parts ...*fhir.Node) *fhir.Node {
	list := slices.DeleteFunc(parts, (*fhir.Node).Empty)
	if len(list) == 0 {
		return nil
	}
	return fhir.Obj("url", url, "extension", list)
}

func some(list ...*fhir.Node) []*fhir.Node { return slices.DeleteFunc(list, (*fhir.Node).Empty) }

// absent says why an element has no value (FHIR R4 extension data-absent-reason).
func absent(why string) *fhir.Node {
	return fhir.Obj("extension", []*fhir.Node{ext(extAbsent, "valueCode", why)})
}

func addOnce(n *fhir.Node, name string, v *fhir.Node) {
	for _, x := range n.All(name) {
		if x.Str("system") == v.Str("system") && x.Str("code") == v.Str("code") {
			return
		}
	}
	n.Add(name, v)
}
