package r4

import (
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

// absence is why a council's part of a record is not there, as a code of
// Interweave ("data not held") and in words. Nothing that is missing may read as
// "no care" (Interweave R4 DNH-SL, DNH-IL).
type absence struct{ code, why, words string }

var (
	notShared  = absence{"DNH-IL", "masked", "Not shared with you: this does not mean that there is none"}
	tooOld     = absence{"DNH-SL", "unknown", "What the council told last is too old to be shown: this does not mean that there is none"}
	unread     = absence{"DNH-SL", "unknown", "What the council told last could not be read: this does not mean that there is none"}
	noRecord   = absence{"DNH-IL", "unknown", "The council told of nothing for this person: care that is paid for privately is not known here"}
	noCouncils = absence{"DNH-SL", "unknown", "No council's data is held here: this does not mean that there is none"}
)

// missing says whether, and why, a part of what a council holds is absent.
func missing(h translate.ShownCouncil, part care.Part, sees bool) (absence, bool) {
	switch {
	case h.Withheld || !sees:
		return notShared, true
	case h.Gone:
		return tooOld, true
	case h.Holding == nil || h.Holding.Ended:
		if h.Stale {
			return tooOld, true
		}
		return noRecord, true
	case h.Holding.Missed(part):
		return unread, true
	}
	return absence{}, false
}

// episodes are the packages that each council told, and for each council of which
// there are none to show the coded reason.
func (w *writing) episodes() []*fhir.Node {
	var out []*fhir.Node
	for _, h := range w.s.Councils {
		why, none := missing(h, care.PartPackages, w.s.Sees.Packages)
		told := h.Holding != nil && w.s.Sees.Packages && !h.Withheld && !h.Gone
		if told {
			seen := map[string]int{}
			for _, p := range h.Holding.Packages {
				seen[p.Ref]++
				out = append(out, w.episode(h, p, seen[p.Ref]))
			}
			if len(h.Holding.Packages) == 0 && !none {
				why, none = noRecord, true
			}
		}
		if none {
			out = append(out, w.noEpisode(h.Council.ODS, why, h.AsAt))
		}
	}
	if len(w.s.Councils) == 0 {
		why := noCouncils
		if !w.s.Sees.Packages {
			why = notShared
		}
		out = append(out, w.noEpisode("", why, time.Time{}))
	}
	return out
}

func packageParts(council nhs.ODS, ref string, nth int) []string {
	if nth > 1 {
		return []string{string(council), ref, strconv.Itoa(nth)}
	}
	return []string{string(council), ref}
}

func (w *writing) episode(h translate.ShownCouncil, p care.Package, nth int) *fhir.Node {
	n := resource("EpisodeOfCare", w.id("package", packageParts(h.Council.ODS, p.Ref, nth)...), []string{core + "EpisodeOfCare", profService})
	if h.Stale {
		n.Member("meta").Set("tag", []*fhir.Node{fhir.Coding(sysTag, "out-of-date", "The council has not told anything newer for longer than agreed")})
	}
	cat, ok := categories[p.Kind]
	if !ok {
		cat = [2]string{"DNH-SL", serviceTypes["DNH-SL"]}
	}
	n.Set("extension", some(ext(extCategory, "valueCodeableConcept", fhir.Concept("", fhir.Coding(sysCategory, cat[0], cat[1]))),
		ext(extAsAt, "valueDateTime", instant(h.AsAt)), ext(extFunding, "valueString", p.Funding)))
	if p.Ref != "" {
		n.Set("identifier", []*fhir.Node{fhir.Identifier(sysPackage+string(h.Council.ODS), p.Ref)})
	}
	n.Set("status", string(p.Status))
	text := p.Title
	if text == "" {
		text = serviceTypes[p.Kind]
	}
	n.Set("type", []*fhir.Node{fhir.Concept(text, fhir.Coding(sysServiceType, p.Kind, serviceTypes[p.Kind]))})
	n.Set("patient", w.patient())
	n.Set("managingOrganization", w.providerRef(h, p.Provider))
	n.Set("period", fhir.Obj("start", p.Start.String(), "end", p.End.String()))
	if h.Holding.Worker != "" {
		n.Set("careManager", fhir.Obj("type", "Practitioner", "display", h.Holding.Worker))
	}
	return n
}

// noEpisode says why a council's packages are not shown. Its status is active: the
// statement holds, and whoever asks for what is active must find it (as of Flags).
func (w *writing) noEpisode(council nhs.ODS, why absence, asAt time.Time) *fhir.Node {
	n := resource("EpisodeOfCare", w.id("no-packages", string(council)), []string{core + "EpisodeOfCare", profService})
	cat := [2]string{why.code, serviceTypes[why.code]}
	n.Set("extension", some(ext(extCategory, "valueCodeableConcept", fhir.Concept("", fhir.Coding(sysCategory, cat[0], cat[1]))),
		ext(extHeld, "valueCodeableConcept", fhir.Concept(why.words, fhir.Coding(sysAbsent, why.why, ""))), ext(extAsAt, "valueDateTime", instant(asAt))))
	n.Set("status", "active")
	n.Set("type", []*fhir.Node{fhir.Concept(why.words, fhir.Coding(sysServiceType, why.code, serviceTypes[why.code]))})
	n.Set("patient", w.patient())
	if council != "" {
		n.Set("managingOrganization", w.org(council))
	} else {
		n.Set("managingOrganization", fhir.Obj("display", "Not known"))
	}
	return n
}

func providerID(council nhs.ODS, id string) string {
	return string(council) + "-" + short("provider", id)
}

// providerRef refers to who provides a service; to the council where the provider
// is not shown or not known (Interweave R4 wants one or the other).
func (w *writing) providerRef(h translate.ShownCouncil, id string) *fhir.Node {
	if id == "" || !w.s.Sees.Provider {
		return w.org(h.Council.ODS)
	}
	p, known := h.Providers[id]
	n := fhir.Obj("type", "Organization", "identifier", fhir.Identifier(sysProvider+string(h.Council.ODS), id), "display", p.Name)
	if known {
		n.Members = slices.Insert(n.Members, 0, fhir.Member{Name: "reference", Value: &fhir.Node{Kind: fhir.String, Text: "Organization/" + providerID(h.Council.ODS, id)}})
	}
	return n
}

// flags say for each council whether a safeguarding enquiry is open. Open is an
// active Flag, none is an inactive one with its own code, and not known and not
// shared are active Flags that say so: a search that finds no active Flag means
// that a council said "none", and never that nobody knows.
func (w *writing) flags() []*fhir.Node {
	var out []*fhir.Node
	for _, h := range w.s.Councils {
		why, none := missing(h, care.PartSafeguarding, w.s.Sees.Safeguarding)
		answer, asAt := care.AnswerUnknown, h.AsAt
		if !none {
			answer, asAt = h.Holding.Safeguarding.Answer, h.Holding.Safeguarding.AsAt
			if asAt.IsZero() {
				asAt = h.AsAt
			}
		}
		switch {
		case none && why == notShared, answer == care.AnswerNotShared:
			answer, why = care.AnswerNotShared, notShared
		case !none && answer == care.AnswerUnknown:
			why = absence{"DNH-IL", "unknown", "The council did not tell: this does not mean that there is none"}
		case none && why == noRecord:
			why.words = "The council told of nothing for this person"
		}
		out = append(out, w.flag(h.Council.ODS, answer, why, asAt))
	}
	if len(w.s.Councils) == 0 {
		why, answer := noCouncils, care.AnswerUnknown
		if !w.s.Sees.Safeguarding {
			why, answer = notShared, care.AnswerNotShared
		}
		out = append(out, w.flag("", answer, why, time.Time{}))
	}
	return out
}

func (w *writing) flag(council nhs.ODS, answer care.Answer, why absence, asAt time.Time) *fhir.Node {
	n := resource("Flag", w.id("safeguarding", string(council)), []string{core + "Flag"})
	status := "active"
	var code *fhir.Node
	switch answer {
	case care.AnswerYes:
		code = fhir.Concept("A safeguarding enquiry is open", fhir.Coding(sysSNOMED, "766561000000109", "Adult safeguarding concern"),
			fhir.Coding(sysSafeguarding, "yes", "Open"))
	case care.AnswerNo:
		status = "inactive"
		code = fhir.Concept("No safeguarding enquiry is open", fhir.Coding(sysSNOMED, "861931000000100", "No safeguarding issues identified"),
			fhir.Coding(sysSafeguarding, "no", "None open"))
	case care.AnswerNotShared:
		code = fhir.Concept(why.words, fhir.Coding(sysSafeguarding, "not-shared", "Not shared"), fhir.Coding(sysAbsent, "masked", "Masked"))
	default:
		code = fhir.Concept(why.words, fhir.Coding(sysSafeguarding, "unknown", "Not known"), fhir.Coding(sysAbsent, "unknown", "Unknown"))
	}
	n.Set("extension", some(ext(extAsAt, "valueDateTime", instant(asAt))))
	n.Set("status", status)
	n.Set("category", []*fhir.Node{fhir.Concept("", fhir.Coding(sysFlagCategory, "SG", "Safeguarding Concern"))})
	n.Set("code", code)
	n.Set("subject", w.patient())
	n.Set("author", w.org(council))
	return n
}

// equipment is what the councils told of equipment, as Interweave R4 has it: the
// intent is order, which it demands of all.
func (w *writing) equipment() []*fhir.Node {
	if !w.s.Sees.Packages {
		return nil
	}
	var out []*fhir.Node
	for _, h := range w.s.Councils {
		if h.Holding == nil || h.Withheld || h.Gone {
			continue
		}
		seen := map[string]int{}
		for _, e := range h.Holding.Equipment {
			seen[e.Ref]++
			n := resource("DeviceRequest", w.id("equipment", packageParts(h.Council.ODS, e.Ref, seen[e.Ref])...), []string{profEquipment})
			n.Set("extension", some(ext(extEquip, "valueCoding", fhir.Coding(sysEquipState, e.Status, "")), ext(extAsAt, "valueDateTime", instant(h.AsAt))))
			if e.Ref != "" {
				n.Set("identifier", []*fhir.Node{fhir.Identifier(sysEquipment+string(h.Council.ODS), e.Ref)})
			}
			status := "completed"
			if e.Status == "ordered" {
				status = "active"
			}
			n.Set("status", status)
			n.Set("intent", "order")
			n.Set("codeCodeableConcept", fhir.Concept(e.Title, fhir.Coding(sysAbsent, "as-text", "As Text"))) // Interweave R4 wants a code; councils tell words
			n.Set("subject", w.patient())
			if !e.Delivered.IsZero() {
				n.Set("occurrencePeriod", fhir.Obj("start", e.Delivered.String()))
				n.Set("authoredOn", e.Delivered.String())
			} else {
				n.Set("_authoredOn", absent("unknown"))
			}
			n.Set("performer", w.org(h.Council.ODS))
			out = append(out, n)
		}
	}
	return out
}
