package stu3

import (
	"slices"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/form"
	"homeward/nhs"
	"homeward/translate"
)

// ReadReferral reads a ReferralRequest (CareConnect-SHD-ReferralRequest-1) with its
// Patient and Encounter, contained or in a Bundle. The key of the referral is the
// sender's identifier; without one, key.
func ReadReferral(body *fhir.Node, key string, from Sender) (translate.Request, error) {
	d := open(body, "ReferralRequest", from)
	n := d.focus
	if n == nil {
		return translate.Request{}, d.err()
	}
	d.one(n, "status", "active")
	d.one(n, "intent", "order", "proposal", "plan", "original-order")
	if code := d.one(n, "type.coding.code"); code != "" && (code != ReferralType || n.Str("type.coding.system") != sysSNOMED) {
		d.wrong("code-invalid", "ReferralRequest.type.coding", "The type must be "+ReferralType+" of "+sysSNOMED)
	}
	patient := d.needs(n, "subject", "Patient", "ReferralRequest.subject")
	stay := d.needs(n, "context", "Encounter", "ReferralRequest.context")
	if patient == nil || stay == nil {
		return translate.Request{}, d.err()
	}
	r := translate.Request{Event: "refer-patient", At: from.at(n), About: d.about(patient)}
	said := d.stay(stay, true)
	r.Visit = &said.visit
	for _, o := range said.observations {
		o.About = r.About
		if o.Seen != nil && !o.Seen.Class.Told {
			o.Seen.Class = care.Tell("I") // whoever is referred from a stay is in a bed
		}
		r.Observations = append(r.Observations, o)
	}
	if k := sentKey(n); k != "" {
		key = k
	}
	refer := care.Refer{Key: key, Form: Form, FormVersion: 1, Answers: d.answers(n), Another: true}
	refer.To = d.recipient(n)
	r.Commands = []care.Command{refer}
	for _, x := range []*fhir.Node{n, patient, stay} {
		r.Kept = append(r.Kept, translate.Kept{Type: x.Type(), Version: fhir.STU3, Tree: x})
	}
	return r, d.err()
}

// Key is what makes a referral the same referral: its sender's identifier of it.
func Key(system, value string) string { return system + "|" + value }

func sentKey(n *fhir.Node) string {
	for _, id := range n.All("identifier") {
		if v := id.Str("value"); v != "" {
			return Key(id.Str("system"), v)
		}
	}
	return ""
}

// recipient is the council that the sender names; "" when the address decides.
func (d *document) recipient(n *fhir.Node) nhs.ODS {
	for _, ref := range n.All("recipient") {
		x := d.find(n, ref, "ReferralRequest.recipient")
		code := identifier(x, "ods-organization-code")
		if strings.HasSuffix(strings.ToLower(ref.Str("identifier.system")), "ods-organization-code") { // FHIR STU3 references.html#logical
			code = ref.Str("identifier.value")
		}
		if code == "" {
			continue
		}
		ods, err := nhs.ParseODS(code)
		if err != nil {
			d.wrong("value", "ReferralRequest.recipient", "The council's ODS code is no ODS code")
		}
		return ods
	}
	return ""
}

// answers are what the referral says, as answers to the form of that name.
func (d *document) answers(n *fhir.Node) form.Answers {
	a := form.Answers{}
	put := func(field, value string) {
		if value = strings.TrimSpace(value); value != "" {
			a[field] = []string{value}
		}
	}
	var other []string
	for _, c := range n.All("serviceRequested") {
		code := strings.ToLower(c.Str("coding.code"))
		if code == "acute-d2a" || code == "mental-health" {
			put("service", code)
		} else if words := conceptWords(c); words != "" {
			other = append(other, words)
		}
	}
	if p := n.Str("priority"); slices.Contains([]string{"routine", "urgent", "asap", "stat"}, p) {
		put("priority", p)
	}
	var reasons, notes []string
	for _, c := range n.All("reasonCode") {
		reasons = append(reasons, conceptWords(c))
	}
	for _, x := range n.All("note") {
		notes = append(notes, x.Str("text"))
	}
	put("reason", strings.Join(reasons, "\n"))
	put("description", strings.Join(append(other, n.Str("description")), "\n"))
	put("note", strings.Join(notes, "\n\n"))
	if agent := d.find(n, n.Get("requester.agent"), "ReferralRequest.requester.agent"); agent != nil {
		put("referrer", first(person(agent), agent.Str("name")))
		put("referrer_contact", agent.Str("telecom.value"))
	} else {
		put("referrer", n.Str("requester.agent.display"))
	}
	for _, ref := range n.All("recipient") {
		if x := d.find(n, ref, "ReferralRequest.recipient"); x != nil && x.Str("name") != "" && len(x.Get("name").Members) == 0 {
			put("team", x.Str("name"))
		}
	}
	return a
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
