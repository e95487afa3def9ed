package r4

import (
	"strconv"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
)

// encounters are the stays, oldest first, and the planned admissions.
func (w *writing) encounters() []*fhir.Node {
	if !w.s.Sees.Whereabouts {
		return nil
	}
	c := w.s.Case
	var out []*fhir.Node
	for _, s := range c.Past {
		out = append(out, w.encounter(s, true))
	}
	if c.Stay != nil {
		out = append(out, w.encounter(*c.Stay, false))
	}
	for _, p := range c.Plans {
		n := resource("Encounter", w.id("plan", string(p.Org), p.Visit, at(p.At, p.Visit)), []string{core + "Encounter"})
		n.Set("identifier", visitID(p.Org, p.Visit))
		n.Members = append(n.Members, fhir.Obj("status", "planned", "class", fhir.Coding(sysActCode, "IMP", "inpatient encounter"), "subject", w.patient(),
			"period", period(p.At, time.Time{}), "serviceProvider", w.org(p.Org)).Members...)
		out = append(out, n)
	}
	return out
}

// at is a time as a part of an id; "" where the visit says it all.
func at(t time.Time, visit string) string {
	if visit != "" || t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// stayID is the id of a stay's Encounter.
func (w *writing) stayID(s care.Stay) string {
	return care.StayResource(w.s.Case.ID, s)
}

func visitID(org nhs.ODS, visit string) []*fhir.Node {
	if visit == "" {
		return nil
	}
	return []*fhir.Node{fhir.Identifier(sysVisit+string(org), visit)}
}

// encounter is one stay. FHIR R4 Encounter; UK Core 2.0 Encounter.
func (w *writing) encounter(s care.Stay, past bool) *fhir.Node {
	n := resource("Encounter", w.stayID(s), []string{core + "Encounter"})
	list := some(readiness(s), fitNotts(s))
	if l := s.Left; l != nil {
		list = append(list, some(ext(extMethodOut, "valueCodeableConcept", coded(sysMethodOut, l.Method, "")))...)
	}
	n.Set("extension", list)
	n.Set("identifier", visitID(s.Org, s.Visit))
	status, end := "in-progress", time.Time{}
	switch {
	case s.Left != nil:
		status, end = "finished", s.Left.At
	case past:
		status = "unknown" // put away by a join: how it ended is not known
	case s.OnLeave:
		status = "onleave"
	}
	n.Set("status", status)
	if s.Left != nil && !s.Admitted.IsZero() {
		n.Set("statusHistory", []*fhir.Node{fhir.Obj("status", "in-progress", "period", period(s.Admitted, end))})
	}
	n.Set("class", class(s.Class))
	if s.Specialty != "" {
		n.Set("serviceType", fhir.Concept(s.Specialty))
	}
	n.Set("subject", w.patient())
	if s.Consultant != "" {
		n.Set("participant", []*fhir.Node{fhir.Obj("type", []*fhir.Node{fhir.Concept("", fhir.Coding(sysParticipation, "ATND", "attender"))},
			"individual", fhir.Obj("type", "Practitioner", "display", s.Consultant))})
	}
	n.Set("period", period(s.Admitted, end))
	if s.Reason != "" {
		n.Set("reasonCode", []*fhir.Node{fhir.Concept(s.Reason)})
	}
	n.Set("hospitalization", hospitalization(s))
	n.Set("location", w.stayPlaces(s))
	n.Set("serviceProvider", w.org(s.Org))
	return n
}

func class(code string) *fhir.Node {
	if c, ok := classes[code]; ok {
		return fhir.Coding(sysActCode, c[0], c[1])
	}
	if code == "" {
		return fhir.Coding(sysActCode, "IMP", "inpatient encounter")
	}
	return fhir.Coding(sysPatientClass, code, "")
}

func coded(system, code, display string) *fhir.Node {
	if code == "" {
		return nil
	}
	return fhir.Concept("", fhir.Coding(system, code, display))
}

func hospitalization(s care.Stay) *fhir.Node {
	var n = fhir.Obj()
	if e := ext(extMethodIn, "valueCodeableConcept", coded(sysMethodIn, s.Method, "")); e != nil {
		n.Set("extension", []*fhir.Node{e})
	}
	if l := s.Left; l != nil {
		n.Set("dischargeDisposition", coded(sysDestination, l.Destination, destinations[l.Destination]))
	}
	return n
}

// readiness is all that is told of leaving: fit or not, the periods of not
// meeting the criteria to reside (Discharge ready date), and the predicted dates
// in the order in which they were said.
func readiness(s care.Stay) *fhir.Node {
	parts := some(ext("fit", "valueCode", s.Fit), ext("readySince", "valueDateTime", instant(s.ReadySince())))
	if d := s.EDD(); !d.IsZero() {
		parts = append(parts, ext("predicted", "valueDate", d.String()))
	}
	for _, p := range s.Ready {
		parts = append(parts, ext("ready", "valuePeriod", period(p.From, p.To)))
	}
	for _, e := range s.Expected {
		date := ext("date", "valueDate", e.Date.String())
		if e.Date.IsZero() {
			date = ext("takenBack", "valueBoolean", true)
		}
		parts = append(parts, exts("prediction", date, ext("said", "valueDateTime", instant(e.Said))))
	}
	if l := s.Left; l != nil && (l.Self || l.Died || l.Moved) {
		why := map[bool]string{l.Self: "self", l.Died: "died", l.Moved: "moved"}[true]
		parts = append(parts, ext("left", "valueCode", why))
	}
	return exts(extReadiness, parts...)
}

// fitNotts is the medically fit status of SHD STU3, where its invariant MedFit-1
// can be kept: a date with 01, and none with 02 or 03.
func fitNotts(s care.Stay) *fhir.Node {
	since := s.ReadySince()
	if since.IsZero() {
		since = s.Known.Fit
	}
	switch {
	case s.Fit == "Y" && !since.IsZero():
		return exts(extFitNotts, ext("medicallyFitStatus", "valueCoding", fhir.Coding(sysFitStatus, "01", "Medically Fit")),
			ext("dateDeemedMedicallyFit", "valueDateTime", instant(since)))
	case s.Fit == "N":
		return exts(extFitNotts, ext("medicallyFitStatus", "valueCoding", fhir.Coding(sysFitStatus, "02", "Medically Unfit")))
	}
	return nil
}

// stayPlaces are where the person was, oldest first, and where they are.
func (w *writing) stayPlaces(s care.Stay) []*fhir.Node {
	if w.s.Case.Sensitive && w.s.By.Org != s.Org {
		return nil
	}
	type span struct {
		at       care.Location
		from, to time.Time
	}
	var spans []span
	from := s.Admitted
	for i, m := range s.Moves {
		if i == 0 && m.From != (care.Location{}) {
			spans = append(spans, span{m.From, from, m.At})
		}
		sp := span{at: m.To, from: m.At}
		if i+1 < len(s.Moves) {
			sp.to = s.Moves[i+1].At
		}
		spans = append(spans, sp)
	}
	if len(s.Moves) == 0 && s.Where != (care.Location{}) {
		spans = append(spans, span{at: s.Where, from: from})
	}
	var out []*fhir.Node
	for i, sp := range spans {
		status := "completed"
		if i == len(spans)-1 {
			if sp.at != s.Where {
				sp.at = s.Where
			}
			if s.Left == nil {
				status = "active"
			} else {
				sp.to = s.Left.At
			}
		}
		if sp.at != (care.Location{}) {
			out = append(out, placeEntry(s.Org, sp.at, status, sp.from, sp.to))
		}
	}
	return out
}

func placeEntry(org nhs.ODS, l care.Location, status string, from, to time.Time) *fhir.Node {
	return fhir.Obj("extension", some(exts(extPlace, ext("ward", "valueString", l.Ward), ext("name", "valueString", l.Name),
		ext("bay", "valueString", l.Bay), ext("bed", "valueString", l.Bed), ext("site", "valueString", l.Site))),
		"location", fhir.Ref("Location", placeID(org, l), l.Say()), "status", status,
		"physicalType", physicalType(l), "period", period(from, to))
}

func physicalType(l care.Location) *fhir.Node {
	if l.Bed != "" {
		return fhir.Concept("", fhir.Coding(sysPlace, "bd", "Bed"))
	}
	return fhir.Concept("", fhir.Coding(sysPlace, "wa", "Ward"))
}

// placeID is the id of a Location: of a ward, or of a place in it.
func placeID(org nhs.ODS, l care.Location) string {
	return string(org) + "-" + short("place", l.Ward, l.Name, l.Bay, l.Bed, l.Site)
}

// Ward is the Location of a ward of a trust, as the directory lists it.
func Ward(org care.Org, l care.Location) *fhir.Node {
	l.Bay, l.Bed = "", ""
	return alone(place(org.ODS, l, fhir.Obj("reference", "Organization/"+string(org.ODS), "display", org.Name)))
}

func place(org nhs.ODS, l care.Location, managing *fhir.Node) *fhir.Node {
	n := resource("Location", placeID(org, l), []string{core + "Location"})
	var ids []*fhir.Node
	if l.Ward != "" {
		ids = append(ids, fhir.Identifier(Canonical+"/Id/ward/"+string(org), l.Ward))
	}
	if site, err := nhs.ParseODS(l.Site); err == nil {
		ids = append(ids, fhir.Identifier(sysODSSite, string(site)))
	}
	n.Set("identifier", ids)
	n.Set("status", "active")
	n.Set("name", l.Say())
	n.Set("mode", "instance")
	n.Set("physicalType", physicalType(l))
	n.Set("managingOrganization", managing)
	if l.Bed != "" || l.Bay != "" {
		ward := l
		ward.Bay, ward.Bed = "", ""
		n.Set("partOf", fhir.Ref("Location", placeID(org, ward), ward.Say()))
	}
	return n
}

// locations are the places that the stays name, each once, with their wards.
func (w *writing) locations() []*fhir.Node {
	if !w.s.Sees.Whereabouts {
		return nil
	}
	var out []*fhir.Node
	seen := map[string]bool{}
	add := func(org nhs.ODS, l care.Location) {
		if id := placeID(org, l); l != (care.Location{}) && !seen[id] {
			seen[id] = true
			out = append(out, place(org, l, w.org(org)))
		}
	}
	each := func(s care.Stay) {
		if w.s.Case.Sensitive && w.s.By.Org != s.Org {
			return
		}
		all := []care.Location{s.Where}
		for _, m := range s.Moves {
			all = append(all, m.From, m.To)
		}
		for _, l := range all {
			ward := l
			ward.Bay, ward.Bed = "", ""
			add(s.Org, ward)
			add(s.Org, l)
		}
	}
	for _, s := range w.s.Case.Past {
		each(s)
	}
	if w.s.Case.Stay != nil {
		each(*w.s.Case.Stay)
	}
	return out
}
