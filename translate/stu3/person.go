package stu3

import (
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
)

// about reads a Patient (CareConnect-SHD-Patient-1).
func (d *document) about(p *fhir.Node) care.About {
	a := care.About{}
	d.identifiers(p, &a)
	a.Family, a.Given, a.Title, a.Preferred = names(p)
	if s := p.Str("birthDate"); s != "" {
		born, err := nhs.ParseDate(s)
		if err != nil {
			d.wrong("value", "Patient.birthDate", "The date of birth must be a whole date that exists")
		}
		a.Born = care.Tell(born)
	}
	if w, ok := sexes[p.Str("gender")]; ok {
		a.Sex = care.Tell(w)
	}
	a.Address, a.Phone = address(p), phone(p, "telecom")
	if gp := d.find(p, p.Get("generalPractitioner"), "Patient.generalPractitioner"); gp != nil {
		a.GPName = told(gp.Str("name"))
		if ods, err := nhs.ParseODS(identifier(gp, "ods-organization-code")); err == nil {
			a.GP = care.Tell(string(ods))
		}
	}
	if e := extension(p, "NHSCommunication-1"); e != nil {
		a.Language = told(conceptWords(extension(e, "language").Member("valueCodeableConcept")))
	}
	a.Kin = kin(p)
	a.Died = d.died(p)
	for _, s := range p.All("meta.security") {
		if code := s.Str("code"); code == "R" || code == "V" {
			a.Sensitive = care.Tell(true)
		}
	}
	return a
}

func told(s string) care.Opt[string] {
	if s = strings.TrimSpace(s); s == "" {
		return care.Opt[string]{}
	}
	return care.Tell(s)
}

// identifiers reads the NHS number, which must be there, and the hospital's own.
func (d *document) identifiers(p *fhir.Node, a *care.About) {
	seen := false
	for _, id := range p.All("identifier") {
		system, value := id.Str("system"), strings.TrimSpace(id.Str("value"))
		switch {
		case value == "":
		case strings.EqualFold(system, sysNHS):
			seen = true
			n, err := nhs.ParseNumber(value)
			if err != nil {
				d.wrong("value", "Patient.identifier.value", "The NHS number must have 10 digits, and its check digit must be right")
				continue
			}
			a.NHS = n
			if code := extension(id, "NHSNumberVerificationStatus-1").Str("valueCodeableConcept.coding.code"); len(code) == 2 && code >= "01" && code <= "08" {
				a.Trace = care.Trace(code)
			}
		case strings.HasSuffix(strings.ToLower(system), "local-patient-identifier"), id.Str("type.coding.code") == "MR":
			a.IDs = append(a.IDs, care.Identifier{System: "mrn:" + string(d.from.Source.Org), Value: value})
		}
	}
	if !seen {
		d.wrong("required", "Patient.identifier", "One identifier must be the NHS number, of system "+sysNHS)
	}
}

// identifier is the value of the first identifier whose system ends so.
func identifier(n *fhir.Node, tail string) string {
	for _, id := range n.All("identifier") {
		if strings.HasSuffix(strings.ToLower(id.Str("system")), tail) {
			return id.Str("value")
		}
	}
	return ""
}

// names are the official name, else the usual one, else the first, and what a
// person likes to be called: a nickname, or the usual one beside an official one.
func names(p *fhir.Node) (family, given, title, preferred care.Opt[string]) {
	by := map[string]*fhir.Node{}
	all := p.All("name")
	for _, n := range all {
		if by[n.Str("use")] == nil {
			by[n.Str("use")] = n
		}
	}
	legal := by["official"]
	if legal == nil {
		legal = by["usual"]
	} else if u := by["usual"]; u != nil {
		preferred = told(u.Str("given"))
	}
	if legal == nil && len(all) > 0 {
		legal = all[0]
	}
	if n := by["nickname"]; n != nil {
		preferred = told(n.Str("given"))
	}
	family, given, title = told(legal.Str("family")), told(joined(legal.All("given"))), told(joined(legal.All("prefix")))
	if !family.Told { // some send the text only: the last word of it
		words := strings.Fields(legal.Str("text"))
		if k := len(words); k > 1 {
			family, given = told(words[k-1]), told(strings.Join(words[:k-1], " "))
		}
	}
	return family, given, title, preferred
}

func joined(list []*fhir.Node) string {
	var out []string
	for _, n := range list {
		if n.Text != "" {
			out = append(out, n.Text)
		}
	}
	return strings.Join(out, " ")
}

// sexes are administrative genders in the banner's words.
var sexes = map[string]string{"male": "Male", "female": "Female", "other": "Not specified", "unknown": "Not known"}

// address takes the home address, else the first that is no old one.
func address(p *fhir.Node) care.Opt[care.Address] {
	var pick *fhir.Node
	for _, a := range p.All("address") {
		if use := a.Str("use"); use == "home" && pick.Str("use") != "home" || pick == nil && use != "old" {
			pick = a
		}
	}
	if pick == nil {
		return care.Opt[care.Address]{}
	}
	var a care.Address
	for _, path := range []string{"line", "city", "district"} {
		for _, l := range pick.All(path) {
			if l.Text != "" {
				a.Lines = append(a.Lines, l.Text)
			}
		}
	}
	a.Postcode = strings.ToUpper(strings.TrimSpace(pick.Str("postalCode")))
	if e := extension(pick, "/uprn"); e != nil {
		a.UPRN = e.Str("valueString")
	} else if e := extension(pick, "AddressKey"); e != nil && strings.EqualFold(conceptWords(extension(e, "type").Member("valueCodeableConcept")), "UPRN") {
		a.UPRN = extension(e, "value").Str("valueString")
	}
	if a.IsZero() {
		return care.Opt[care.Address]{}
	}
	return care.Tell(a)
}

// phone takes the first number that is not old.
func phone(n *fhir.Node, path string) care.Opt[string] {
	for _, t := range n.All(path) {
		if t.Str("system") == "phone" && t.Str("use") != "old" && t.Str("value") != "" {
			return care.Tell(t.Str("value"))
		}
	}
	return care.Opt[string]{}
}

// kin are the personal contacts, which replace the ones before.
func kin(p *fhir.Node) care.Opt[[]care.Kin] {
	var list []care.Kin
	for _, c := range p.All("contact") {
		name := c.Str("name.text")
		if name == "" {
			name = strings.TrimSpace(joined(c.All("name.given")) + " " + c.Str("name.family"))
		}
		if name != "" {
			list = append(list, care.Kin{Name: name, Relation: conceptWords(c.Get("relationship")), Phone: phone(c, "telecom").Value})
		}
	}
	if list == nil {
		return care.Opt[[]care.Kin]{}
	}
	return care.Tell(list)
}

// died reads deceased[x]; false takes a death back.
func (d *document) died(p *fhir.Node) care.Opt[care.Death] {
	if s := p.Str("deceasedDateTime"); s != "" {
		t, day, ok := moment(s, d.from.Zone)
		if !ok || t.After(d.from.Received) {
			d.wrong("value", "Patient.deceasedDateTime", "The time of death must be a whole date, or a time, that is not in the future")
		}
		return care.Tell(care.Death{At: t, DayOnly: day, Source: d.from.Source.Feed})
	}
	switch b := p.Member("deceasedBoolean"); {
	case b == nil:
		return care.Opt[care.Death]{}
	case b.Text == "true":
		return care.Tell(care.Death{At: d.at(p), Source: d.from.Source.Feed})
	}
	return care.Tell(care.Death{})
}
