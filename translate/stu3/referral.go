package stu3

import (
	"cmp"
	"slices"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/form"
	"homeward/translate"
)

// referral is a ReferralRequest (CareConnect-SHD-ReferralRequest-1).
func (w *writing) referral(r care.Referral, subject, stay *fhir.Node) *fhir.Node {
	status := "active"
	switch r.State {
	case care.RefClosed, care.RefDischarged:
		status = "completed"
	case care.RefWithdrawn, care.RefCancelled, care.RefDied, care.RefTransferred:
		status = "cancelled"
	case care.RefOnHold:
		status = "suspended"
	}
	n := fhir.Obj("resourceType", "ReferralRequest", "identifier", fhir.List(fhir.Identifier(sysReferral, string(r.ID))), "status", status, "intent", "order",
		"type", fhir.Concept(referralTypeWords, fhir.Coding(sysSNOMED, ReferralType, referralTypeWords)))
	a := r.Answers
	n.Set("priority", a.Get("priority"))
	if code := a.Get("service"); code != "" {
		n.Set("serviceRequested", fhir.List(fhir.Concept("", fhir.Coding(sysService, code, map[string]string{"acute-d2a": "Acute-D2A", "mental-health": "Mental-Health"}[code]))))
	}
	n.Set("subject", subject)
	n.Set("context", stay)
	n.Set("authoredOn", instant(r.Sent))
	agent := fhir.Obj("display", r.SentBy.Name)
	if name := cmp.Or(a.Get("referrer"), a.Get("referrer_name"), r.SentBy.Name); name != "" {
		who := practitioner(name)
		who.Set("telecom", fhir.List(contact(cmp.Or(a.Get("referrer_contact"), a.Get("referrer_phone")))))
		agent = w.contain("referrer", who)
	}
	n.Set("requester", fhir.Obj("agent", agent, "onBehalfOf", w.contain("hospital", w.org(r.From))))
	if r.To != "" {
		n.Set("recipient", fhir.List(w.contain("council", w.org(r.To))))
	}
	if reason := cmp.Or(a.Get("reason"), a.Get("reason_for_referral")); reason != "" {
		n.Set("reasonCode", fhir.List(fhir.Concept(reason)))
	}
	n.Set("description", a.Get("description"))
	n.Set("note", w.notes(r))
	return n
}

// notes are the answers to forms of ours that SHD has no element for, as text.
func (w *writing) notes(r care.Referral) *fhir.Node {
	if r.Form == Form {
		if t := r.Answers.Get("note"); t != "" {
			return fhir.List(fhir.Obj("text", t))
		}
		return nil
	}
	var p *form.Pathway
	if w.s.Forms != nil {
		p, _ = w.s.Forms(r.Form, r.FormVersion)
	}
	if p == nil {
		return nil
	}
	lines := map[string][]string{}
	for _, l := range p.Summary(r.Answers) {
		if len(l.Answers) > 0 && l.Audience != form.HospitalOnly {
			lines[l.Page] = append(lines[l.Page], l.Question+": "+l.Text())
		}
	}
	out := fhir.List()
	for _, page := range p.Pages {
		if len(lines[page.ID]) > 0 {
			out.Items = append(out.Items, fhir.Obj("text", page.Title+"\n"+strings.Join(lines[page.ID], "\n")))
		}
	}
	return out
}

// paper is a QuestionnaireResponse of a referral.
func (w *writing) paper(p care.Paper, basedOn, subject *fhir.Node) *fhir.Node {
	n := fhir.Obj("resourceType", "QuestionnaireResponse", "identifier", fhir.Identifier(sysPaper, p.ID), "basedOn", fhir.List(basedOn),
		"status", "completed", "subject", subject, "authored", instant(p.At))
	if p.By.Name != "" {
		n.Set("author", w.contain("author", practitioner(p.By.Name)))
	}
	for _, s := range p.Items {
		answer := fhir.Obj("valueString", s.Answer)
		if s.Code != "" {
			system := ""
			if strings.HasPrefix(s.Link, "withdrawal") {
				system = sysReason
			}
			answer = fhir.Obj("valueCoding", fhir.Coding(system, s.Code, s.Answer))
		}
		item := fhir.Obj("linkId", s.Link, "text", s.Text)
		if !answer.Empty() {
			item.Set("answer", fhir.List(answer))
		}
		n.Add("item", item)
	}
	if !p.Withdrawn.IsZero() {
		n.Set("status", "entered-in-error")
		n.Set("extension", fhir.List(cancellation(p.Why, p.WhyText)))
	}
	return n
}

// cancellation is why a referral or a notice was taken back (ours).
func cancellation(code, words string) *fhir.Node {
	return fhir.Obj("url", extCancelled, "valueCodeableConcept", fhir.Concept(words, fhir.Coding(sysReason, code, Reasons[code])))
}

// note is a Communication (CareConnect-SHD-Communication-1).
func (w *writing) note(x care.Note, basedOn, subject *fhir.Node) *fhir.Node {
	n := fhir.Obj("resourceType", "Communication", "identifier", fhir.List(fhir.Identifier(sysNote, x.ID)))
	if basedOn != nil {
		n.Set("basedOn", fhir.List(basedOn))
	}
	n.Set("status", "completed")
	n.Set("subject", subject)
	n.Set("sent", instant(x.At))
	if x.By.Name != "" {
		n.Set("sender", w.contain("sender", practitioner(x.By.Name)))
	}
	n.Set("payload", fhir.List(fhir.Obj("contentString", x.Text)))
	return n
}

// subject refers to the person by our own id, and by name where it is shown.
func subject(s translate.Shown) *fhir.Node {
	display := ""
	if s.Sees.Person {
		display = fullName(s.Case.Person)
	}
	return fhir.Ref("Patient", string(s.Case.ID), display)
}

// stays are the present stay and those before.
func stays(s translate.Shown) []care.Stay {
	out := slices.Clone(s.Case.Past)
	if s.Case.Stay != nil {
		out = append(out, *s.Case.Stay)
	}
	return out
}

// Resources are all that a hospital may read back of a case by SHD: what its own
// organisation sent.
func Resources(s translate.Shown) (out []*fhir.Node) {
	c, own := s.Case, s.By.Org
	if s.Sees.Person {
		w := &writing{s: s}
		out = append(out, w.finished(w.patient(), string(c.ID), "CareConnect-SHD-Patient-1", "Patient/"+string(c.ID), true))
	}
	visits := map[string]*fhir.Node{}
	for _, st := range stays(s) {
		if st.Org != own {
			continue
		}
		w, id := &writing{s: s}, care.StayResource(c.ID, st)
		visits[st.Visit] = fhir.Ref("Encounter", id, "")
		n := w.encounter(st, subject(s))
		for _, r := range c.Referrals {
			if r.Stay == st.Visit && r.From == own && (r.State == care.RefWithdrawn || r.State == care.RefCancelled) && r.Why != "" {
				n.Add("extension", cancellation(r.Why, r.WhyText))
			}
		}
		out = append(out, w.finished(n, id, "CareConnect-SHD-Encounter-1", "Encounter/"+id, true))
	}
	for _, r := range c.Referrals {
		if r.From != own {
			continue
		}
		w, id := &writing{s: s}, ID(c.ID, string(r.ID))
		n := w.referral(r, subject(s), visits[r.Stay])
		if r.Reference != "" {
			n.Add("identifier", fhir.Identifier(Canonical+"/Id/council-reference/"+string(r.To), r.Reference))
		}
		out = append(out, w.finished(n, id, "CareConnect-SHD-ReferralRequest-1", "ReferralRequest/"+care.ResourceID(c.ID, "referral", string(r.ID)), true))
		for _, p := range c.Papers {
			if p.Referral == r.ID && paperProfiles[p.Kind] != "" {
				w := &writing{s: s}
				n := w.paper(p, fhir.Ref("ReferralRequest", id, ""), subject(s))
				out = append(out, w.finished(n, ID(c.ID, p.ID), paperProfiles[p.Kind], "QuestionnaireResponse/"+care.ResourceID(c.ID, "paper", p.ID), true))
			}
		}
	}
	for _, x := range c.Notes {
		w := &writing{s: s}
		var based *fhir.Node
		if x.Referral != "" {
			based = fhir.Ref("ReferralRequest", ID(c.ID, string(x.Referral)), "")
		}
		n := w.note(x, based, subject(s))
		out = append(out, w.finished(n, ID(c.ID, x.ID), "CareConnect-SHD-Communication-1", "Communication/"+care.ResourceID(c.ID, "note", x.ID), x.By.Org == own))
	}
	return out
}

// One is the resource of a type and id; nil when there is none.
func One(s translate.Shown, typ, id string) *fhir.Node {
	for _, n := range Resources(s) {
		if n.Type() == typ && n.ID() == id {
			return n
		}
	}
	return nil
}
