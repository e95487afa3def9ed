package pds

import (
	"log/slog"
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
)

// Person is what PDS holds of somebody, as far as it is used here.
type Person struct {
	Family, Given, Title string
	Born                 nhs.Date
	Sex                  string // Female, Male, Not specified, Not known
	Address              care.Address
	Phone                string
	GP                   string // ODS code
	Restricted           bool   // where they live must not become known: PDS tells no address, telephone number or GP of them
	Died                 *Death
}

// Death is that somebody died. An informal one was told by an NHS organisation, a
// formal one by the registrar.
type Death struct {
	At      time.Time
	DayOnly bool
	Formal  bool
}

// LogValue says nothing of who.
func (p Person) LogValue() slog.Value {
	return slog.GroupValue(slog.Bool("restricted", p.Restricted), slog.Bool("died", p.Died != nil))
}

// answer reads a Patient of PDS.
func answer(p *fhir.Node) (Answer, error) {
	n, err := nhs.ParseNumber(p.ID())
	if p.Type() != "Patient" || err != nil {
		return Answer{}, errStrange
	}
	a := Answer{State: Found, Number: n}
	a.Person = person(p)
	// PDS R4 meta.security: an unrestricted or restricted record has a confidentiality
	// of U or R; an invalidated one REDACTED, where it is not a 404.
	switch security(p) {
	case "REDACTED":
		return Answer{State: Invalidated}, nil
	case "R", "V":
		a.Person.Restricted = true
		a.Person.Address, a.Person.Phone, a.Person.GP = care.Address{}, "", ""
	}
	return a, nil
}

func security(p *fhir.Node) string {
	for _, c := range p.All("meta.security") {
		if c.Str("code") != "" {
			return c.Str("code")
		}
	}
	return ""
}

func person(p *fhir.Node) Person {
	out := Person{Sex: map[string]string{"female": "Female", "male": "Male", "other": "Not specified", "unknown": "Not known"}[p.Str("gender")]}
	if d, err := nhs.ParseDate(p.Str("birthDate")); err == nil {
		out.Born = d
	}
	name := usual(p.All("name"), "usual")
	var given []string
	for _, g := range name.All("given") {
		given = append(given, g.Text)
	}
	out.Family, out.Given, out.Title = name.Str("family"), strings.Join(given, " "), name.Str("prefix")
	if a := usual(p.All("address"), "home"); a != nil {
		for _, l := range a.All("line") {
			if s := strings.TrimSpace(l.Text); s != "" {
				out.Address.Lines = append(out.Address.Lines, s)
			}
		}
		out.Address.Postcode = a.Str("postalCode")
		for _, e := range a.All("extension") { // Extension-UKCore-AddressKey: UPRN
			if strings.HasSuffix(e.Str("url"), "AddressKey") && extensionOf(e, "type").Str("valueCoding.code") == "UPRN" {
				out.Address.UPRN = strings.TrimLeft(extensionOf(e, "value").Str("valueString"), "0")
			}
		}
	}
	for _, t := range p.All("telecom") {
		if t.Str("system") == "phone" && out.Phone == "" {
			out.Phone = t.Str("value")
		}
	}
	out.GP = p.Str("generalPractitioner.identifier.value")
	out.Died = death(p)
	return out
}

// usual is the one of a use, else the first; nil when there is none.
func usual(all []*fhir.Node, use string) *fhir.Node {
	for _, n := range all {
		if n.Str("use") == use {
			return n
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	return nil
}

func extensionOf(n *fhir.Node, url string) *fhir.Node {
	for _, e := range n.All("extension") {
		if e.Str("url") == url {
			return e
		}
	}
	return nil
}

// death reads deceasedDateTime and the status of its notification: 1 informal, 2
// formal, U that it was taken back (UKCore-DeathNotificationStatus).
func death(p *fhir.Node) *Death {
	status := ""
	for _, e := range p.All("extension") {
		if strings.HasSuffix(e.Str("url"), "Extension-UKCore-DeathNotificationStatus") {
			status = extensionOf(e, "deathNotificationStatus").Str("valueCodeableConcept.coding.code")
		}
	}
	when := p.Str("deceasedDateTime")
	if status == "U" || when == "" && p.Str("deceasedBoolean") != "true" && status == "" {
		return nil
	}
	d := &Death{Formal: status == "2"}
	if t, err := time.Parse(time.RFC3339, when); err == nil {
		d.At = t
		d.DayOnly = strings.Contains(when, "T00:00:00") // PDS writes a day so
	} else if day, err := nhs.ParseDate(when); err == nil {
		d.At, d.DayOnly = day.Time(), true
	}
	return d
}
