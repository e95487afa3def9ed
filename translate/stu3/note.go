package stu3

import (
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/translate"
)

// ReadNote reads a Communication (CareConnect-SHD-Communication-1): a case note,
// for both sides.
func ReadNote(body *fhir.Node, from Sender) (translate.Request, error) {
	d := open(body, "Communication", from)
	n := d.focus
	if n == nil {
		return translate.Request{}, d.err()
	}
	d.one(n, "status", "completed", "in-progress", "preparation", "suspended", "aborted", "entered-in-error")
	if s := n.Str("status"); s == "entered-in-error" || s == "aborted" {
		d.wrong("business-rule", "Communication.status", "A note that was sent cannot be taken back: send another that says so")
	}
	r := translate.Request{Event: "share-case-note", At: from.at(n), Must: true}
	d.aim(n, &r)
	var texts []string
	for _, p := range n.All("payload") {
		t := p.Str("contentString")
		if t == "" {
			d.wrong("required", "Communication.payload.contentString", "The note must be a text: minimum required = 1, but only found 0")
		}
		texts = append(texts, t)
	}
	if len(texts) == 0 {
		d.wrong("required", "Communication.payload.contentString", "The note must be a text: minimum required = 1, but only found 0")
	}
	note := care.Note{Audience: care.AudienceBoth, Text: strings.Join(texts, "\n\n"), Referral: r.Referral}
	if who := d.find(n, n.Get("sender"), "Communication.sender"); who != nil {
		note.By = care.Who{Name: first(person(who), who.Str("name")), Org: from.Source.Org}
	} else if name := n.Str("sender.display"); name != "" {
		note.By = care.Who{Name: name, Org: from.Source.Org}
	}
	r.Commands = []care.Command{care.AddNote{Note: note}}
	if id := n.Get("identifier"); id.Str("value") != "" {
		r.Key = Key(id.Str("system"), id.Str("value"))
	}
	r.Kept = []translate.Kept{{Type: "Communication", Version: fhir.STU3, Tree: n}}
	return r, d.err()
}

// aim says whom a Communication is about: the referral that it is based on or has
// as its topic, else the stay, else the person. Which of them senders fill is not
// in the pages that are left.
func (d *document) aim(n *fhir.Node, r *translate.Request) {
	for _, path := range []string{"basedOn", "topic"} {
		for _, ref := range n.All(path) {
			if strings.Contains(ref.Str("reference"), "ReferralRequest") {
				d.referral(ref, "Communication."+path+".reference", r)
				return
			}
		}
	}
	if ref := n.Get("context"); ref != nil {
		if stay := d.find(n, ref, "Communication.context"); stay.Type() == "Encounter" {
			id := d.visit(stay)
			r.Visit = &id
			return
		}
		if id := ref.Member("identifier"); id.Str("value") != "" {
			r.Visit = &care.Identifier{System: id.Str("system"), Value: id.Str("value")}
			return
		}
		if _, query, ok := strings.Cut(ref.Str("reference"), "Encounter?identifier="); ok {
			system, value, _ := strings.Cut(unescaped(query), "|")
			r.Visit = &care.Identifier{System: system, Value: value}
			return
		}
		if at, err := fhir.ParseRef(ref.Str("reference")); err == nil && at.Type == "Encounter" {
			r.Case = care.CaseOf(at.ID)
			return
		}
	}
	if p := d.find(n, n.Get("subject"), "Communication.subject"); p.Type() == "Patient" {
		r.About = d.about(p)
		return
	}
	if at, err := fhir.ParseRef(n.Str("subject.reference")); err == nil && at.Type == "Patient" {
		r.Case = care.CaseOf(at.ID)
		return
	}
	d.wrong("required", "Communication.basedOn", "Say which referral the note is about: basedOn must point to the ReferralRequest")
}
