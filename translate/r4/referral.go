package r4

import (
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
)

func (w *writing) shownReferrals() []care.Referral {
	if !w.s.Sees.Referral {
		return nil
	}
	return w.s.Case.Referrals
}

// ReferralOf is the referral of a case that a resource's id stands for: of its
// ServiceRequest, its Task, its CarePlan or its answers.
func ReferralOf(c care.Case, id string) (care.ReferralID, bool) {
	for _, r := range c.Referrals {
		for _, kind := range []string{"referral", "task", "careplan", "answers"} {
			if ID(c.ID, kind, string(r.ID)) == id {
				return r.ID, true
			}
		}
	}
	return "", false
}

// ReferralResource is the id of the ServiceRequest of a referral.
func ReferralResource(c care.CaseID, r care.ReferralID) string { return ID(c, "referral", string(r)) }

// TaskResource is the id of the Task of a referral.
func TaskResource(c care.CaseID, r care.ReferralID) string { return ID(c, "task", string(r)) }

// NoteResource is the id of the Communication of a note.
func NoteResource(c care.CaseID, note string) string { return ID(c, "note", note) }

// PaperResource is the id of the QuestionnaireResponse of a paper.
func PaperResource(c care.CaseID, paper string) string { return ID(c, "paper", paper) }

// StayResource is the id of the Encounter of a stay, by its visit number.
func StayResource(c care.CaseID, org nhs.ODS, visit string) string {
	return ID(c, "stay", string(org), visit, "")
}

// referrals are the ServiceRequests: each is a contact with social care as
// Interweave R4 has it, so that category, basedOn, note and supportingInfo are
// left to Task, CarePlan and QuestionnaireResponse. The intent is plan, as both
// Interweave and BaRS demand.
func (w *writing) referrals() []*fhir.Node {
	var out []*fhir.Node
	for _, r := range w.shownReferrals() {
		out = append(out, w.referral(r))
	}
	return out
}

func (w *writing) referral(r care.Referral) *fhir.Node {
	n := resource("ServiceRequest", w.id("referral", string(r.ID)), []string{core + "ServiceRequest", profContact})
	list := some(ext(extRequester, "valueCodeableConcept", fhir.Concept("", fhir.Coding(sysRequester, "SH", "Secondary Health (A&E, Hospital, OT, Ward, Hospice)"))))
	if r.Pathway != "" {
		list = append(list, ext(extPathway, "valueCoding", fhir.Coding(sysPathway, "P"+r.Pathway, pathwayWords[r.Pathway])))
	}
	for _, to := range r.Likely {
		list = append(list, ext(extLikely, "valueReference", w.org(to)))
	}
	if why := whyEnded(r); why != nil {
		list = append(list, ext(extStatusReason, "valueCodeableConcept", why))
	}
	n.Set("extension", list)
	n.Set("identifier", referralIDs(r))
	n.Set("status", requestStatus(r))
	n.Set("intent", "plan")
	n.Set("code", fhir.Concept("Hospital Discharge Notification to Social Care", fhir.Coding(sysSNOMED, "715591000000108", "Hospital Discharge Notification to Social Care")))
	n.Set("subject", w.patient())
	n.Set("encounter", w.encounterOf(r))
	n.Set("occurrenceDateTime", instant(r.Sent))
	n.Set("authoredOn", instant(r.Sent))
	n.Set("requester", w.who(r.SentBy, r.From))
	n.Set("performer", some(w.org(r.To)))
	n.Set("reasonCode", []*fhir.Node{fhir.Concept("", fhir.Coding(sysContact, "HD", "Hospital Discharge"))})
	return n
}

// referralRef refers to a referral, with its number for who has it elsewhere.
func (w *writing) referralRef(id care.ReferralID) *fhir.Node {
	return fhir.Obj("reference", "ServiceRequest/"+w.id("referral", string(id)), "identifier", fhir.Identifier(sysReferral, string(id)))
}

// whyEnded is why a referral was withdrawn, cancelled or stopped.
func whyEnded(r care.Referral) *fhir.Node {
	if r.Why == "" && r.WhyText == "" {
		return nil
	}
	var codes []*fhir.Node
	if r.Why != "" {
		codes = some(fhir.Coding(sysCancel, r.Why, cancelReasons[r.Why]))
	}
	return fhir.Concept(r.WhyText, codes...)
}

// requestStatus is the state of a referral as FHIR R4 request-status.
func requestStatus(r care.Referral) string {
	switch r.State {
	case care.RefClosed:
		return "completed"
	case care.RefOnHold:
		return "on-hold"
	case care.RefTransferred:
		return "revoked"
	case care.RefWithdrawn, care.RefCancelled, care.RefDied:
		if r.Why == "12" {
			return "entered-in-error"
		}
		return "revoked"
	}
	return "active"
}

// referralIDs are the names of a referral: ours (the placer's, for people and for
// systems), the sender's own where one came, and the council's (the filler's).
func referralIDs(r care.Referral) []*fhir.Node {
	kind := func(code string) *fhir.Node { return fhir.Concept("", fhir.Coding(sysIDType, code, "")) }
	out := []*fhir.Node{fhir.Obj("type", kind("PLAC"), "system", sysReferral, "value", string(r.ID))}
	if system, value, ok := strings.Cut(r.Key, "|"); ok && system != "" && value != "" {
		out = append(out, fhir.Identifier(system, value))
	}
	if r.Reference != "" {
		out = append(out, fhir.Obj("type", kind("FILL"), "system", sysReference+string(r.To), "value", r.Reference))
	}
	return out
}

// encounterOf refers to the stay that a referral is about, when it may be shown.
func (w *writing) encounterOf(r care.Referral) *fhir.Node {
	if s := w.stayOf(r); s != nil && w.s.Sees.Whereabouts {
		return fhir.Ref("Encounter", w.stayID(*s), "")
	}
	return nil
}

func (w *writing) stayOf(r care.Referral) *care.Stay {
	c := w.s.Case
	if s := c.Stay; s != nil && s.Org == r.From && (r.Stay == "" || s.Visit == r.Stay) {
		return s
	}
	for i := len(c.Past) - 1; i >= 0; i-- {
		if s := c.Past[i]; s.Org == r.From && (r.Stay == "" || s.Visit == r.Stay) {
			return &c.Past[i]
		}
	}
	return nil
}

// taskStates are the states of a referral as FHIR R4 Task.status. Returned is
// rejected, with the reason: it is open again once it is answered.
var taskStates = map[care.RefState]string{
	care.RefSent: "requested", care.RefReceived: "received", care.RefAccepted: "accepted", care.RefReturned: "rejected",
	care.RefAllocated: "accepted", care.RefAssessing: "in-progress", care.RefPlanning: "in-progress", care.RefSourcing: "in-progress",
	care.RefReady: "in-progress", care.RefDischarged: "in-progress", care.RefClosed: "completed", care.RefWithdrawn: "cancelled",
	care.RefCancelled: "cancelled", care.RefDied: "cancelled", care.RefOnHold: "on-hold", care.RefTransferred: "cancelled",
}

// tasks say who has each referral and what they do with it.
func (w *writing) tasks() []*fhir.Node {
	var out []*fhir.Node
	for _, r := range w.shownReferrals() {
		out = append(out, w.task(r))
	}
	return out
}

func (w *writing) task(r care.Referral) *fhir.Node {
	n := resource("Task", w.id("task", string(r.ID)), []string{core + "Task"})
	if r.Holder.Team != "" {
		n.Set("extension", some(ext(extTeam, "valueString", r.Holder.Team)))
	}
	n.Set("identifier", referralIDs(r))
	n.Set("status", taskStates[r.State])
	n.Set("statusReason", returnReason(r))
	n.Set("businessStatus", fhir.Concept(r.State.Say(), fhir.Coding(sysState, string(r.State), r.State.Say())))
	n.Set("intent", "order")
	n.Set("code", fhir.Concept("", fhir.Coding(sysTaskCode, "fulfill", "Fulfill the focal request")))
	n.Set("description", r.Holder.Next)
	n.Set("focus", w.referralRef(r.ID))
	n.Set("for", w.patient())
	n.Set("encounter", w.encounterOf(r))
	n.Set("executionPeriod", period(r.Received, r.Ended))
	n.Set("authoredOn", instant(r.Sent))
	n.Set("lastModified", instant(latest(r.Sent, r.Received, r.Accepted, r.Allocated, r.Holder.Since, r.Ended)))
	n.Set("requester", w.who(r.SentBy, r.From))
	if r.Open() {
		n.Set("owner", w.who(r.Holder.Who, r.Holder.Org))
	} else {
		n.Set("owner", w.org(r.To))
	}
	n.Set("note", w.returnNotes(r))
	if r.Open() {
		n.Set("restriction", fhir.Obj("period", period(r.Holder.Since, r.Holder.Due)))
	}
	n.Set("output", taskOutput(r))
	return n
}

func latest(ts ...time.Time) (out time.Time) {
	for _, t := range ts {
		if t.After(out) {
			out = t
		}
	}
	return out
}

// returnReason is why the referral is not being worked on.
func returnReason(r care.Referral) *fhir.Node {
	if r.State != care.RefReturned || len(r.Returns) == 0 {
		return whyEnded(r)
	}
	last := r.Returns[len(r.Returns)-1]
	return returnConcept(last)
}

func returnConcept(x care.Return) *fhir.Node {
	var codes []*fhir.Node
	for _, code := range x.Reasons {
		codes = append(codes, fhir.Coding(sysReturn, code, ""))
	}
	return fhir.Concept(x.Needed, codes...)
}

func (w *writing) returnNotes(r care.Referral) []*fhir.Node {
	var out []*fhir.Node
	for _, x := range r.Returns {
		n := fhir.Obj("authorReference", w.who(x.By, x.By.Org), "time", instant(x.At), "text", "Returned for information: "+x.Needed)
		out = append(out, n)
	}
	return out
}

func taskOutput(r care.Referral) []*fhir.Node {
	var out []*fhir.Node
	if r.Outcome != "" {
		out = append(out, fhir.Obj("type", fhir.Concept("Outcome", fhir.Coding(sysState, "outcome", "Outcome")), "valueString", r.Outcome))
	}
	if r.Reference != "" {
		out = append(out, fhir.Obj("type", fhir.Concept("Reference", fhir.Coding(sysState, "reference", "The council's reference")),
			"valueIdentifier", fhir.Identifier(sysReference+string(r.To), r.Reference)))
	}
	return out
}

// planStates are the states of a referral as FHIR R4 request-status of the plan.
var planStates = map[care.RefState]string{
	care.RefSent: "draft", care.RefReceived: "draft", care.RefReturned: "on-hold", care.RefDischarged: "completed", care.RefClosed: "completed",
	care.RefWithdrawn: "revoked", care.RefCancelled: "revoked", care.RefDied: "revoked",
	care.RefOnHold: "on-hold", care.RefTransferred: "revoked",
}

// plans are the discharge plans (NCR STU3 discharge plan), one for each referral.
func (w *writing) plans() []*fhir.Node {
	var out []*fhir.Node
	for _, r := range w.shownReferrals() {
		out = append(out, w.plan(r))
	}
	return out
}

func (w *writing) plan(r care.Referral) *fhir.Node {
	n := resource("CarePlan", w.id("careplan", string(r.ID)), []string{core + "CarePlan"})
	status := planStates[r.State]
	if status == "" {
		status = "active"
	}
	n.Set("status", status)
	n.Set("intent", "plan")
	n.Set("category", []*fhir.Node{fhir.Concept("Discharge plan", fhir.Coding(sysArtifact, "d2a-dischargePlan", "Discharge plan"))})
	n.Set("title", "Discharge plan")
	n.Set("description", pathwayWords[r.Pathway])
	n.Set("subject", w.patient())
	n.Set("encounter", w.encounterOf(r))
	n.Set("period", period(r.Sent, r.Ended))
	n.Set("created", instant(r.Sent))
	n.Set("author", w.org(r.From))
	if id := w.answersID(r); id != "" {
		n.Set("supportingInfo", []*fhir.Node{fhir.Ref("QuestionnaireResponse", id, "")})
	}
	n.Set("activity", []*fhir.Node{fhir.Obj("reference", fhir.Ref("Task", w.id("task", string(r.ID)), r.State.Say()))})
	return n
}

// who refers to a member of staff in their role, or to the organisation.
func (w *writing) who(p care.Who, org nhs.ODS) *fhir.Node {
	if p.Org != "" {
		org = p.Org
	}
	if p.ID == "" {
		n := w.org(org)
		if p.Name != "" && n != nil {
			return fhir.Obj("reference", "Organization/"+string(org), "display", p.Name)
		}
		return n
	}
	return fhir.Obj("reference", "PractitionerRole/"+roleID(p.ID, org), "type", "PractitionerRole",
		"identifier", fhir.Identifier(sysStaff, string(p.ID)), "display", p.Name)
}

func roleID(id care.ActorID, org nhs.ODS) string {
	return "r-" + short("role", string(id), string(org))
}
func practitionerID(id care.ActorID) string { return "p-" + short("staff", string(id)) }
