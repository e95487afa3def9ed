package stu3

import (
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

// stayed is what an Encounter says.
type stayed struct {
	visit        care.Identifier
	about        care.About // zero where no Patient came with it
	named        bool       // a Patient came with it
	observations []care.Observation
	back         *takenBack // the referral is cancelled
}

// statuses are those of Encounter.status (FHIR STU3 encounter-status).
var statuses = []string{"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled", "entered-in-error", "unknown"}

// classes are Encounter.class in the words of HL7 v2.4 table 0004, which package
// care speaks.
var classes = map[string]string{"IMP": "I", "ACUTE": "I", "NONAC": "I", "OBSENC": "I", "EMER": "E", "AMB": "O", "PRENC": "P", "SS": "I"}

// stay reads an Encounter (CareConnect-SHD-Encounter-1): all that it says of the
// stay is one observation, and its end, or that its end is taken back, another.
// opens is that it comes with a referral, so that the stay may begin with it.
func (d *document) stay(e *fhir.Node, opens bool) stayed {
	out := stayed{visit: d.visit(e)}
	status := d.one(e, "status", statuses...)
	at := d.at(e)
	if p := d.find(e, e.Get("subject"), "Encounter.subject"); p != nil {
		out.about, out.named = d.about(p), true
	}
	seen := d.seen(e, status)
	seen.Opens = opens && status != "planned"
	out.back = d.reason(e)
	if status == "cancelled" && out.back == nil {
		d.wrong("required", "Encounter.extension", "A cancelled Encounter must say why, by a code of SHD-CancellationReason")
	}
	say := func(o care.Observation) {
		o.At, o.Said, o.Source, o.About, o.Visit, o.Event = at, at, d.from.Source, out.about, out.visit.Value, "Encounter "+status
		out.observations = append(out.observations, o)
	}
	switch status {
	case "planned":
		say(care.Observation{Planned: &care.Planned{For: seen.Admitted}})
		return out
	case "entered-in-error":
		say(care.Observation{Undone: &care.Undone{What: care.UndoneAdmission}})
		return out
	}
	if status != "finished" && status != "cancelled" && finishedBefore(e) { // ours: what was finished goes on
		say(care.Observation{Undone: &care.Undone{What: care.UndoneLeaving}})
	}
	say(care.Observation{Seen: &seen})
	if left, ok := d.leaving(e, status, at, out.back); ok {
		say(care.Observation{Left: &care.Left{Leaving: left}})
	}
	return out
}

// visit is the identifier of the Encounter, of which there is one.
func (d *document) visit(e *fhir.Node) care.Identifier {
	ids := e.All("identifier")
	if len(ids) != 1 || ids[0].Str("value") == "" {
		d.wrong("required", "Encounter.identifier", "There must be one identifier, with a value: it names the stay in all that follows")
		return care.Identifier{}
	}
	return care.Identifier{System: ids[0].Str("system"), Value: ids[0].Str("value")}
}

// subject is the NHS number of an Encounter whose Patient did not come with it.
// FHIR STU3 references.html#logical.
func (d *document) subject(e *fhir.Node) nhs.Number {
	id := e.Get("subject.identifier")
	if !strings.EqualFold(id.Str("system"), sysNHS) {
		return nhs.Number{}
	}
	n, err := nhs.ParseNumber(id.Str("value"))
	if err != nil {
		d.wrong("value", "Encounter.subject.identifier.value", "The NHS number must have 10 digits, and its check digit must be right")
	}
	return n
}

func finishedBefore(e *fhir.Node) bool {
	for _, h := range e.All("statusHistory") {
		if h.Str("status") == "finished" {
			return true
		}
	}
	return false
}

// seen is where and how the person is.
func (d *document) seen(e *fhir.Node, status string) care.Seen {
	s := care.Seen{Reason: told(conceptWords(e.Get("reason"))), Specialty: told(conceptWords(e.Get("serviceType")))}
	if c := classes[strings.ToUpper(e.Str("class.code"))]; c != "" {
		s.Class = care.Tell(c)
	}
	if m := extension(e.Get("hospitalization"), "AdmissionMethod-1"); m != nil {
		s.Method = told(m.Str("valueCodeableConcept.coding.code"))
	}
	if v := e.Str("period.start"); v != "" {
		t, _, ok := moment(v, d.from.Zone)
		if !ok {
			d.wrong("value", "Encounter.period.start", "The time of admission must be a whole date, or a time with its zone")
		}
		s.Admitted = care.Tell(t)
	}
	if v := e.Str("period.end"); v != "" && status != "finished" && status != "cancelled" {
		// ADW, assessment notice: the proposed discharge date is the end of the period.
		t, _, ok := moment(v, d.from.Zone)
		if !ok {
			d.wrong("value", "Encounter.period.end", "The predicted discharge date must be a whole date, or a time with its zone")
		}
		s.Expected = care.Tell(nhs.DateOf(t.In(d.from.Zone)))
	}
	if status == "onleave" || status == "in-progress" {
		s.OnLeave = care.Tell(status == "onleave")
	}
	if status != "finished" && status != "cancelled" {
		d.fit(e, &s)
	}
	s.Where = d.where(e)
	for _, p := range e.All("participant") {
		if doctor := d.find(e, p.Get("individual"), "Encounter.participant.individual"); doctor != nil {
			s.Consultant = told(person(doctor))
			break
		}
		if name := p.Str("individual.display"); name != "" {
			s.Consultant = care.Tell(name)
			break
		}
	}
	return s
}

// person is a name as one text.
func person(n *fhir.Node) string {
	if t := n.Str("name.text"); t != "" {
		return t
	}
	name := n.Get("name")
	return strings.TrimSpace(strings.Join(strings.Fields(joined(name.All("prefix"))+" "+joined(name.All("given"))+" "+name.Str("family")), " "))
}

// fit reads Extension-SHD-MedicallyFitDetails. MedFit-1: the date is there when
// the person is fit, and only then.
func (d *document) fit(e *fhir.Node, s *care.Seen) {
	const at = "Encounter.extension('" + extFit + "')"
	x := extension(e, "Extension-SHD-MedicallyFitDetails")
	if x == nil {
		d.wrong("required", at, "The Encounter must say whether the person is medically fit for discharge")
		return
	}
	code, when := fitCode(extension(x, "medicallyFitStatus").Member("valueCoding")), extension(x, "dateDeemedMedicallyFit").Str("valueDateTime")
	switch {
	case code == "":
		d.wrong("code-invalid", at+".extension('medicallyFitStatus')", "The status must be 01 Medically Fit, 02 Medically Unfit or 03 Unknown")
	case (when != "") != (code == "01"):
		d.wrong("invariant", at, "MedFit-1: the date must be there when the status is Medically Fit, and must not when it is Medically Unfit or Unknown")
	case code == "01":
		t, day, ok := moment(when, d.from.Zone)
		if !ok {
			d.wrong("value", at+".extension('dateDeemedMedicallyFit')", "The date must be a whole date, or a time with its zone")
		}
		s.Fit, s.ReadyAt, s.ReadyDay = care.Tell("Y"), care.Tell(t), day
	case code == "02":
		s.Fit = care.Tell("N")
	default:
		s.Fit = care.Tell("") // not known any more: as a field that is deleted
	}
}

// fitCode is 01, 02 or 03, also where only the published name is sent.
func fitCode(c *fhir.Node) string {
	switch code := c.Str("code"); {
	case code == "01" || code == "02" || code == "03":
		return code
	}
	return map[string]string{"medically fit": "01", "medically unfit": "02", "unknown": "03"}[strings.ToLower(c.Str("display"))]
}

// where reads the place: of the Locations that the person is at, the ward, and the
// bay and the bed where they are told.
func (d *document) where(e *fhir.Node) care.Opt[care.Location] {
	var l care.Location
	for _, x := range e.All("location") {
		if s := x.Str("status"); s != "" && s != "active" {
			continue
		}
		ref := x.Get("location")
		place := d.find(e, ref, "Encounter.location.location")
		name, code := first(place.Str("name"), ref.Str("display")), first(place.Str("identifier.value"), ref.Str("identifier.value"))
		switch place.Str("physicalType.coding.code") {
		case "ro":
			l.Bay = name
		case "bd":
			l.Bed = name
		default:
			if l.Ward != "" || l.Name != "" {
				continue
			}
			l.Ward, l.Name = first(code, name), name
			if site := d.find(place, place.Get("managingOrganization"), "Location.managingOrganization"); site != nil {
				l.Site = identifier(site, "ods-site-code")
				if l.Site == "" {
					l.Site = site.Str("name")
				}
			}
		}
	}
	if l.Ward == "" && l.Name == "" {
		return care.Opt[care.Location]{} // a bed without a ward is no place
	}
	return care.Tell(l)
}

// leaving is how the stay ended, if it did. A referral cancelled because the
// person died or discharged themselves ends the stay too.
func (d *document) leaving(e *fhir.Node, status string, at time.Time, back *takenBack) (l care.Leaving, ok bool) {
	l.At = at
	if v := e.Str("period.end"); v != "" && (status == "finished" || status == "cancelled") {
		t, day, good := moment(v, d.from.Zone)
		switch {
		case !good:
			d.wrong("value", "Encounter.period.end", "The time of discharge must be a whole date, or a time with its zone")
		case !day && !t.After(at):
			l.At = t
		}
	}
	h := e.Get("hospitalization")
	l.Method = extension(h, "DischargeMethod-1").Str("valueCodeableConcept.coding.code")
	l.Destination = h.Str("dischargeDisposition.coding.code")
	// CareConnect-DischargeMethod-1: 2 is himself or by a relative, which the NHS
	// Data Dictionary has since split into 6 and 7; 4 and 5 are deaths.
	l.Self = contains([]string{"2", "6", "7"}, l.Method) || back != nil && back.code == "10"
	l.Died = contains([]string{"4", "5"}, l.Method) || l.Destination == "79" || back != nil && back.code == "08"
	l.Self = l.Self && !l.Died
	return l, status == "finished" || l.Died && back != nil || l.Self && back != nil
}

// ReadEncounter reads a conditional update of an Encounter: safe for discharge,
// predicted date, location, cancelled, self-discharged, discharged, died, or any of
// them at once. query is the value of identifier in the address, "system|value".
func ReadEncounter(body *fhir.Node, query string, from Sender) (translate.Request, error) {
	d := open(body, "Encounter", from)
	if d.focus == nil {
		return translate.Request{}, d.err()
	}
	s := d.stay(d.focus, false)
	system, value, piped := strings.Cut(query, "|")
	if !piped {
		system, value = "", query
	}
	if value != s.visit.Value || piped && system != s.visit.System {
		d.wrong("conflict", "Encounter.identifier", "The identifier in the address must be that of the Encounter")
	}
	if !s.named {
		s.about.NHS = d.subject(d.focus)
	}
	r := translate.Request{Event: "update-encounter", At: from.at(d.focus), Visit: &s.visit, About: s.about, Must: !s.named,
		Observations: s.observations, Kept: []translate.Kept{{Type: "Encounter", Version: fhir.STU3, Tree: d.focus}}}
	if b := s.back; b != nil {
		r.Event = "cancel-referral"
		if b.code != "08" && b.code != "10" { // a death and a self-discharge are said of the stay, and end the referral by that
			r.Commands = append(r.Commands, care.Withdraw{Why: b.code, WhyText: b.words})
		}
	}
	return r, d.err()
}
