package r4

import (
	"slices"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

// encounter reads a stay as the hospital says it is now. FHIR R4 Encounter.status.
func (r *reading) encounter(e entry) translate.Request {
	q := translate.Request{Event: "update-encounter", At: r.by.At}
	r.whom(e, "subject", &q)
	if id := r.ownID(e); id != "" && q.Case == "" && emptyAbout(q.About) {
		q.Case, _ = CaseOf(id)
	}
	visit := r.visit(e, &q)
	status := r.need(e, "status")
	if e.n.Get("class") == nil {
		r.required(e.path + ".class")
	}
	add := func(o care.Observation) {
		q.Observations = append(q.Observations, r.observe("Encounter", q.About, visit, o))
	}
	switch status {
	case "planned":
		p := care.Planned{}
		if t, _, ok := r.when(e, "period.start"); ok {
			p.For = care.Tell(t)
		}
		add(care.Observation{Planned: &p})
	case "arrived", "triaged", "in-progress", "onleave":
		s := r.seen(e)
		s.Opens, s.OnLeave = true, care.Tell(status == "onleave")
		add(care.Observation{Seen: &s})
	case "finished":
		s := r.seen(e)
		// Of an inpatient or an attendance any word of a place tells that there was a stay;
		// of other classes only the beginning does.
		s.Opens = s.Admitted.Told && s.Class.Value != "I" && s.Class.Value != "E"
		add(care.Observation{Seen: &s})
		add(care.Observation{Left: &care.Left{Leaving: r.leaving(e)}})
	case "cancelled", "entered-in-error":
		add(care.Observation{Undone: &care.Undone{What: care.UndoneAdmission}})
	case "unknown", "":
		s := r.seen(e)
		add(care.Observation{Seen: &s})
	default:
		r.wrong("code-invalid", e.path+".status", "must be a code of encounter-status")
	}
	return q
}

func emptyAbout(a care.About) bool { return a.NHS.IsZero() && len(a.IDs) == 0 && !a.Family.Told }

// visit is the sender's own number of the stay, which must be there: it is what
// finds the stay again.
func (r *reading) visit(e entry, q *translate.Request) string {
	for _, x := range e.n.All("identifier") {
		if v := strings.TrimSpace(x.Str("value")); v != "" {
			system := x.Str("system")
			if system == "" || strings.HasPrefix(system, sysVisit) {
				system = sysVisit + string(r.by.Source.Org)
			}
			q.Visit = &care.Identifier{System: system, Value: v}
			return v
		}
	}
	r.required(e.path + ".identifier")
	return ""
}

func (r *reading) seen(e entry) care.Seen {
	n := e.n
	s := care.Seen{Class: classOf(n.Get("class")), Where: r.where(e)}
	if t, _, ok := r.when(e, "period.start"); ok {
		s.Admitted = care.Tell(t)
	}
	for _, p := range n.All("participant") {
		name := p.Str("individual.display")
		if x := r.target(n, p.Get("individual")); x != nil {
			name = r.staffName(x)
		}
		kind := p.Str("type.coding.code")
		if name != "" && (kind == "ATND" || kind == "CON" || kind == "PPRF" || !s.Consultant.Told) {
			s.Consultant = care.Tell(name)
		}
	}
	told(&s.Specialty, wordOf(n.Get("serviceType")))
	told(&s.Reason, wordOf(n.Get("reasonCode")))
	for _, x := range append(n.All("hospitalization.extension"), n.All("extension")...) {
		if x.Str("url") == extMethodIn {
			told(&s.Method, x.Str("valueCodeableConcept.coding.code"))
		}
	}
	r.readReadiness(e, &s)
	return s
}

func (r *reading) staffName(x *fhir.Node) string {
	if x.Type() == "PractitionerRole" {
		if p := r.target(x, x.Get("practitioner")); p != nil {
			return nameOf(p.Get("name"))
		}
		return x.Str("practitioner.display")
	}
	return nameOf(x.Get("name"))
}

func classOf(c *fhir.Node) care.Opt[string] {
	code := c.Str("code")
	for ours, theirs := range classes {
		if theirs[0] == code {
			return care.Tell(ours)
		}
	}
	switch {
	case c.Str("system") == sysPatientClass && code != "":
		return care.Tell(code)
	case slices.Contains([]string{"ACUTE", "NONAC", "SS", "OBSENC"}, code):
		return care.Tell("I")
	}
	return care.Opt[string]{}
}

// where is the place that is marked active, else the last one.
func (r *reading) where(e entry) care.Opt[care.Location] {
	var at *fhir.Node
	for _, l := range e.n.All("location") {
		if at == nil || l.Str("status") == "active" || at.Str("status") != "active" && l.Str("status") != "planned" && l.Str("status") != "reserved" {
			at = l
		}
	}
	if at == nil {
		return care.Opt[care.Location]{}
	}
	if x := extension(at, extPlace); x != nil {
		l := care.Location{Ward: part(x, "ward").Str("valueString"), Name: part(x, "name").Str("valueString"), Bay: part(x, "bay").Str("valueString"),
			Bed: part(x, "bed").Str("valueString"), Site: part(x, "site").Str("valueString")}
		if l != (care.Location{}) {
			return care.Tell(l)
		}
	}
	ref := at.Get("location")
	l := r.placeOf(e.n, r.target(e.n, ref), 0)
	if l.Ward == "" && l.Name == "" {
		l.Name = ref.Str("display")
		l.Ward = ref.Str("identifier.value")
	}
	if l.Ward == "" && l.Name == "" {
		return care.Opt[care.Location]{}
	}
	return care.Tell(l)
}

// placeOf reads a Location and those it is part of: a bed, its bay, its ward and
// the site.
func (r *reading) placeOf(of, n *fhir.Node, depth int) care.Location {
	if n == nil || depth > 4 {
		return care.Location{}
	}
	up := r.placeOf(of, r.target(n, n.Get("partOf")), depth+1)
	code := ""
	for _, x := range n.All("identifier") {
		if strings.HasSuffix(tidySystem(x.Str("system")), "ods-site-code") {
			up.Site = x.Str("value")
		} else if code == "" {
			code = x.Str("value")
		}
	}
	name := n.Str("name")
	word := code
	if word == "" {
		word = name
	}
	switch n.Str("physicalType.coding.code") {
	case "bd":
		up.Bed = word
	case "ro", "area", "lvl":
		up.Bay = word
	case "si", "bu":
		if up.Site == "" {
			up.Site = word
		}
	default:
		up.Ward, up.Name = code, name
	}
	return up
}

// readReadiness reads when somebody may leave: by our extension, else by
// Nottinghamshire's with its invariant MedFit-1.
func (r *reading) readReadiness(e entry, s *care.Seen) {
	if x := extension(e.n, extReadiness); x != nil {
		told(&s.Fit, part(x, "fit").Str("valueCode"))
		if t, day, ok := parseTime(part(x, "readySince").Str("valueDateTime")); ok {
			s.ReadyAt, s.ReadyDay = care.Tell(t), day
		} else if e.n.Str("status") == "finished" && s.Fit.Value == "Y" {
			if t, _, ok := parseTime(lastPart(x, "ready").Str("valuePeriod.start")); ok {
				s.ReadyAt = care.Tell(t) // ready until they left
			}
		}
		if d, err := nhs.ParseDate(part(x, "predicted").Str("valueDate")); err == nil {
			s.Expected = care.Tell(d)
		} else if last := lastPart(x, "prediction"); last != nil && part(last, "takenBack") != nil {
			s.Expected = care.Tell(nhs.Date{})
		}
		return
	}
	for _, x := range e.n.All("extension") {
		if !strings.HasSuffix(x.Str("url"), "MedicallyFitDetails") {
			continue
		}
		date := part(x, "dateDeemedMedicallyFit").Str("valueDateTime")
		switch code := part(x, "medicallyFitStatus").Str("valueCoding.code"); {
		case code == "01" && date == "":
			r.wrong("invariant", e.path+".extension", "MedFit-1: the date is missing, with status Medically Fit")
		case code != "01" && date != "":
			r.wrong("invariant", e.path+".extension", "MedFit-1: a date must not be there unless the status is Medically Fit")
		case code == "01":
			s.Fit = care.Tell("Y")
			if t, day, ok := parseTime(date); ok {
				s.ReadyAt, s.ReadyDay = care.Tell(t), day
			} else {
				r.wrong("value", e.path+".extension", "dateDeemedMedicallyFit must be a date that exists")
			}
		case code == "02":
			s.Fit = care.Tell("N")
		}
	}
}

func lastPart(x *fhir.Node, url string) (last *fhir.Node) {
	for _, p := range x.All("extension") {
		if p.Str("url") == url {
			last = p
		}
	}
	return last
}

// leaving is how a stay ended. UK Core 2.0 discharge method and destination.
func (r *reading) leaving(e entry) care.Leaving {
	l := care.Leaving{Destination: e.n.Str("hospitalization.dischargeDisposition.coding.code")}
	for _, x := range append(e.n.All("extension"), e.n.All("hospitalization.extension")...) {
		if x.Str("url") == extMethodOut {
			l.Method = x.Str("valueCodeableConcept.coding.code")
		}
	}
	t, _, ok := r.when(e, "period.end")
	if !ok {
		r.required(e.path + ".period.end")
	}
	l.At = t
	why := part(extension(e.n, extReadiness), "left").Str("valueCode")
	l.Self = l.Method == "6" || l.Method == "7" || why == "self"
	l.Died = l.Method == "4" || l.Method == "5" || l.Destination == "79" || why == "died"
	l.Moved = why == "moved"
	return l
}

// heldTypes are what a council sends of what it holds.
var heldTypes = []string{"EpisodeOfCare", "Flag", "Device", "DeviceRequest", "RelatedPerson"}

// holdings reads what a council pushes: for each Patient of the Bundle, all that
// it holds of them. It replaces what the council told before.
func (r *reading) holdings(bundle *fhir.Node) []translate.Request {
	asAt := r.by.At
	if t, _, ok := parseTime(bundle.Str("timestamp")); ok && t.Before(asAt) {
		asAt = t
	}
	var out []translate.Request
	for _, e := range r.entries {
		if e.n.Type() != "Patient" {
			continue
		}
		q := translate.Request{Event: "holding", At: asAt, About: r.about(e)}
		if len(q.About.IDs) == 0 && q.About.NHS.IsZero() {
			r.required(e.path + ".identifier")
		}
		h := care.Holding{Council: r.by.Source.Org, AsAt: asAt}
		for _, x := range e.n.All("meta.security") {
			h.Restricted = h.Restricted || x.Str("code") == "R" || x.Str("code") == "V"
		}
		q.Kept = append(q.Kept, translate.Kept{Type: "Patient", Version: fhir.R4, Tree: e.n})
		r.holding(e, &h, &q)
		h.Ended = e.n.Str("active") == "false" && len(h.Packages) == 0 && len(h.Equipment) == 0
		o := r.observe("holding", q.About, "", care.Observation{Holds: &h})
		o.At, o.Said = asAt, asAt
		q.Observations = []care.Observation{o}
		out = append(out, q)
	}
	if len(out) == 0 {
		r.wrong("required", "Bundle.entry", "there is no Patient: say whom it is about")
	}
	for _, e := range r.entries {
		if slices.Contains(heldTypes, e.n.Type()) && r.patientOf(e) == nil {
			r.wrong("not-found", e.path+"."+patientMember(e.n), "points to no Patient of this Bundle")
		}
	}
	return out
}

func patientMember(n *fhir.Node) string {
	if n.Get("subject") != nil {
		return "subject"
	}
	return "patient"
}

func (r *reading) patientOf(e entry) *fhir.Node {
	return r.target(e.n, first(e.n.Get("patient"), e.n.Get("subject")))
}

func (r *reading) holding(who entry, h *care.Holding, q *translate.Request) {
	var kin []care.Kin
	for _, e := range r.entries {
		if e.n == who.n || r.patientOf(e) != who.n {
			continue
		}
		switch e.n.Type() {
		case "EpisodeOfCare":
			r.readEpisode(e, h)
		case "Flag":
			readFlag(e.n, h)
		case "DeviceRequest", "Device":
			r.readEquipment(e, h)
		case "RelatedPerson":
			if k := kinOf(e.n.Get("name"), e.n.Get("relationship"), e.n.All("telecom")); k.Name != "" {
				kin = append(kin, k)
			}
		default:
			continue
		}
		q.Kept = append(q.Kept, translate.Kept{Type: e.n.Type(), Version: fhir.R4, Tree: e.n})
	}
	if kin != nil {
		q.About.Kin = care.Tell(kin)
	}
}

// packageStates are the states of an EpisodeOfCare for those of a package.
var packageStates = map[string]care.PackageStatus{
	"planned": care.PackagePlanned, "waitlist": care.PackagePlanned, "active": care.PackageActive, "onhold": care.PackageOnHold,
	"finished": care.PackageFinished, "cancelled": care.PackageFinished,
}

func (r *reading) readEpisode(e entry, h *care.Holding) {
	n := e.n
	var kind string
	for _, c := range n.All("type.coding") {
		if strings.HasSuffix(c.Str("system"), "SocialCareServiceType") || kind == "" {
			kind = c.Str("code")
		}
	}
	status := n.Str("status")
	if strings.HasPrefix(kind, "DNH-") || status == "entered-in-error" {
		return // says that nothing is held
	}
	p := care.Package{Ref: n.Str("identifier.value"), Kind: kind, Title: n.Str("type.text"), Status: packageStates[status],
		Funding: extension(n, extFunding).Str("valueString"), Provider: r.providerOf(n)}
	if serviceTypes[kind] == p.Title {
		p.Title = ""
	}
	if p.Status == "" {
		r.wrong("code-invalid", e.path+".status", "must be planned, waitlist, active, onhold, finished, cancelled or entered-in-error")
	}
	if serviceTypes[kind] == "" {
		r.wrong("code-invalid", e.path+".type", "must be a code of Interweave-SocialCareServiceType")
	}
	p.Start, p.End = r.dayOf(e, "period.start"), r.dayOf(e, "period.end")
	h.Packages = append(h.Packages, p)
	if w := n.Str("careManager.display"); w != "" {
		h.Worker = w
	}
}

func (r *reading) dayOf(e entry, path string) nhs.Date {
	t, _, ok := r.when(e, path)
	if !ok {
		return nhs.Date{}
	}
	d, err := nhs.ParseDate(e.n.Str(path)[:10])
	if err != nil {
		return nhs.DateOf(t)
	}
	return d
}

// providerOf is the council's own number of who provides a service.
func (r *reading) providerOf(n *fhir.Node) string {
	ref := n.Get("managingOrganization")
	own := sysProvider + string(r.by.Source.Org)
	if id := ref.Get("identifier"); id != nil && id.Str("system") == own {
		return id.Str("value")
	}
	if o := r.target(n, ref); o != nil {
		for _, id := range o.All("identifier") {
			if !strings.Contains(tidySystem(id.Str("system")), "ods-") {
				return id.Str("value")
			}
		}
		return ""
	}
	if id := ref.Get("identifier"); id != nil && !strings.Contains(tidySystem(id.Str("system")), "ods-") {
		return id.Str("value")
	}
	return ""
}

// readFlag reads whether a safeguarding enquiry is open. A Flag of another kind
// says nothing of it; without any, it is not known.
func readFlag(n *fhir.Node, h *care.Holding) {
	codes := append(n.All("category.coding"), n.All("code.coding")...)
	about := slices.ContainsFunc(codes, func(c *fhir.Node) bool {
		return c.Str("code") == "SG" || c.Str("system") == sysSafeguarding || slices.Contains(safeguardingCodes, c.Str("code"))
	})
	if !about || n.Str("status") == "entered-in-error" {
		return
	}
	answer := care.AnswerNo
	if n.Str("status") == "active" {
		answer = care.AnswerYes
	}
	for _, c := range codes {
		switch {
		case c.Str("system") == sysSafeguarding:
			answer = map[string]care.Answer{"yes": care.AnswerYes, "no": care.AnswerNo, "not-shared": care.AnswerNotShared}[c.Str("code")]
		case c.Str("code") == "861931000000100":
			answer = care.AnswerNo
		}
	}
	if h.Safeguarding.Answer == care.AnswerYes && answer != care.AnswerYes {
		return // another one is open
	}
	h.Safeguarding = care.Safeguarding{Answer: answer, AsAt: h.AsAt}
	if t, _, ok := parseTime(extension(n, extAsAt).Str("valueDateTime")); ok {
		h.Safeguarding.AsAt = t
	}
}

// safeguardingCodes are SNOMED CT codes of a safeguarding concern (BaRS 1.5
// safeguarding-codes-bars).
var safeguardingCodes = []string{"766561000000109", "417430008", "248054003", "761571000000106", "838481000000106", "416936003", "417361000",
	"771983008", "771984002", "707087005", "417427001", "861931000000100"}

func (r *reading) readEquipment(e entry, h *care.Holding) {
	n := e.n
	q := care.Equipment{Ref: n.Str("identifier.value"), Title: wordOf(first(n.Get("codeCodeableConcept"), n.Get("type"))), Status: "delivered"}
	if n.Str("status") == "entered-in-error" || n.Str("status") == "revoked" {
		return
	}
	if n.Str("status") == "active" && n.Type() == "DeviceRequest" {
		q.Status = "ordered"
	}
	if s := extension(n, extEquip).Str("valueCoding.code"); s != "" {
		q.Status = s
	}
	if q.Title == "" {
		r.required(e.path + ".code")
	}
	q.Delivered = r.dayOf(e, "occurrencePeriod.start")
	h.Equipment = append(h.Equipment, q)
}
