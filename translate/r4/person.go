package r4

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
)

// patients is the one Patient. Of a sensitive record nothing says where the
// person lives or how to reach them, as the PDS does (PDS R4, restricted records).
func (w *writing) patients() []*fhir.Node {
	c := w.s.Case
	if !w.s.Sees.Person {
		n := resource("Patient", string(c.ID), []string{core + "Patient"}, "active", c.JoinedTo == "", "link", w.links())
		n.Set("_birthDate", absent("masked"))
		return []*fhir.Node{n}
	}
	p := c.Person
	n := resource("Patient", string(c.ID), []string{core + "Patient"})
	if c.Doubt != nil {
		n.Member("meta").Set("tag", []*fhir.Node{fhir.Coding(sysTag, "identity-in-doubt", "Who this is must be settled by a person first")})
	}
	if c.NHS.IsZero() {
		n.Set("extension", some(ext(extNoNumber, "valueCodeableConcept",
			fhir.Concept("", fhir.Coding(sysNoNumber, "nhs-number-not-known", "NHS number not known")))))
	}
	n.Set("identifier", w.personIDs())
	n.Set("active", c.JoinedTo == "")
	n.Set("name", names(p))
	if p.Phone != "" && !c.Sensitive {
		n.Set("telecom", []*fhir.Node{fhir.Obj("system", "phone", "value", p.Phone, "use", "home")})
	}
	n.Set("gender", genders[p.Sex])
	n.Set("birthDate", p.Born.String())
	if d := c.Died; d != nil {
		if d.DayOnly {
			n.Set("deceasedDateTime", d.At.UTC().Format(time.DateOnly))
		} else {
			n.Set("deceasedDateTime", instant(d.At))
		}
	}
	if !c.Sensitive {
		n.Set("address", some(address(p.Address)))
	}
	n.Set("communication", languageOf(p.Language))
	if p.GP != "" && !c.Sensitive {
		n.Set("generalPractitioner", []*fhir.Node{fhir.Obj("type", "Organization", "identifier", fhir.Identifier(sysODS, p.GP), "display", p.GPName)})
	}
	n.Set("link", w.links())
	return []*fhir.Node{n}
}

func (w *writing) links() []*fhir.Node {
	var out []*fhir.Node
	if to := w.s.Case.JoinedTo; to != "" {
		out = append(out, fhir.Obj("other", fhir.Obj("reference", "Patient/"+string(to)), "type", "replaced-by"))
	}
	for _, from := range w.s.Case.Absorbed {
		out = append(out, fhir.Obj("other", fhir.Obj("reference", "Patient/"+string(from)), "type", "replaces"))
	}
	return out
}

func (w *writing) personIDs() []*fhir.Node {
	c := w.s.Case
	var out []*fhir.Node
	if !c.NHS.IsZero() {
		id := fhir.Obj("use", "official", "system", sysNHS, "value", c.NHS.Digits())
		if t, ok := traces[c.Trace]; ok {
			e := ext(extTrace, "valueCodeableConcept", fhir.Concept("", fhir.Coding(sysTrace, string(c.Trace), t[0])))
			id.Members = slices.Insert(id.Members, 0, fhir.Member{Name: "extension", Value: fhir.List(e)})
		}
		out = append(out, id)
	}
	for _, x := range c.IDs {
		out = append(out, fhir.Obj("system", personSystem(x.System), "value", x.Value))
	}
	for _, old := range c.Formerly {
		out = append(out, fhir.Obj("use", "old", "system", sysFormerly, "value", old.Digits()))
	}
	return out
}

// personSystem is the URI of a case's own name for who gave a number.
func personSystem(s string) string {
	if org, ok := strings.CutPrefix(s, "mrn:"); ok {
		return sysMRN + org
	}
	if org, ok := strings.CutPrefix(s, "council:"); ok {
		return sysPerson + org
	}
	return s
}

func names(p care.Person) []*fhir.Node {
	var out []*fhir.Node
	if p.Family != "" || p.Given != "" {
		out = append(out, fhir.Obj("use", "official", "text", fullName(p), "family", p.Family, "given", strings.Fields(p.Given), "prefix", strings.Fields(p.Title)))
	}
	if p.Preferred != "" {
		out = append(out, fhir.Obj("use", "usual", "text", p.Preferred, "given", []string{p.Preferred}))
	}
	return out
}

func fullName(p care.Person) string {
	return strings.TrimSpace(strings.Join(strings.Fields(p.Title+" "+p.Given+" "+p.Family), " "))
}

func address(a care.Address) *fhir.Node {
	if a.IsZero() {
		return nil
	}
	n := fhir.Obj("use", "home", "line", a.Lines, "postalCode", a.Postcode)
	if a.UPRN != "" {
		e := exts(extAddressKey, ext("type", "valueCodeableConcept", fhir.Concept("", fhir.Coding(sysAddressKey, "UPRN", "Unique Property Reference Number"))),
			ext("value", "valueString", a.UPRN))
		n.Members = slices.Insert(n.Members, 0, fhir.Member{Name: "extension", Value: fhir.List(e)})
	}
	return n
}

// languageOf is the language spoken, by its BCP 47 tag: the word's, a tag that
// was told, or "mis" for one that is not coded here.
func languageOf(word string) []*fhir.Node {
	if word == "" {
		return nil
	}
	tag := languages[strings.ToLower(word)]
	if tag == "" && len(word) <= 3 && strings.ToLower(word) == word {
		tag = word
	}
	if tag == "" {
		tag = "mis"
	}
	return []*fhir.Node{fhir.Obj("language", fhir.Concept(word, fhir.Coding(sysLanguage, tag, "")), "preferred", true)}
}

// kin are the personal contacts. How to reach them may tell where somebody is:
// of a sensitive record there are none.
func (w *writing) kin() []*fhir.Node {
	if !w.s.Sees.Person || w.s.Case.Sensitive {
		return nil
	}
	var out []*fhir.Node
	seen := map[string]int{}
	for _, k := range w.s.Case.Person.Kin {
		seen[k.Name]++
		n := resource("RelatedPerson", w.id("kin", k.Name, strconv.Itoa(seen[k.Name])), []string{core + "RelatedPerson"},
			"active", true, "patient", w.patient())
		if k.Relation != "" {
			n.Set("relationship", []*fhir.Node{fhir.Concept(k.Relation)})
		}
		n.Set("name", []*fhir.Node{fhir.Obj("use", "official", "text", k.Name)})
		if k.Phone != "" {
			n.Set("telecom", []*fhir.Node{fhir.Obj("system", "phone", "value", k.Phone)})
		}
		out = append(out, n)
	}
	return out
}
