package stu3

import (
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/translate"
)

// ReadPaper reads a QuestionnaireResponse of a referral: an assessment notice, a
// needs assessment, a checklist or a discharge notice, or that such a notice is
// withdrawn. basedOn is that of the address; "" where it has none.
func ReadPaper(body *fhir.Node, basedOn string, from Sender) (translate.Request, error) {
	d := open(body, "QuestionnaireResponse", from)
	n := d.focus
	if n == nil {
		return translate.Request{}, d.err()
	}
	d.one(n, "status", "completed", "amended", "in-progress", "stopped", "entered-in-error")
	r := translate.Request{At: from.at(n), Must: true}
	ref := n.Str("basedOn.reference")
	switch {
	case ref == "" || len(n.All("basedOn")) > 1:
		d.wrong("required", "QuestionnaireResponse.basedOn", "There must be one basedOn, a reference to the referral")
	case basedOn != "" && !sameReference(ref, basedOn):
		d.wrong("conflict", "QuestionnaireResponse.basedOn.reference", "The based-on in the address must be that of the body")
	default:
		d.referral(n.Get("basedOn"), "QuestionnaireResponse.basedOn.reference", &r)
	}
	kind := d.kind(n)
	p := care.Paper{Kind: kind, Key: Key(n.Str("identifier.system"), n.Str("identifier.value")), Referral: r.Referral, At: r.At}
	if n.Member("identifier") == nil {
		p.Key = ""
	}
	if who := d.find(n, n.Get("author"), "QuestionnaireResponse.author"); who != nil {
		p.By = care.Who{Name: first(person(who), who.Str("name")), Org: from.Source.Org}
	}
	p.Items = d.items(n, nil)
	d.consent(p.Items)
	r.Event = string(kind)
	back := d.reason(n)
	switch {
	case back != nil && kind == care.PaperAssessmentNotice:
		d.wrong("business-rule", "QuestionnaireResponse", "An assessment notice is withdrawn by cancelling the referral, which is an update of the Encounter")
	case back != nil:
		r.Event = "withdraw-" + string(kind)
		p.Items = withdrawn(p.Items, back)
		r.Commands = []care.Command{care.SharePaper{Paper: p}, care.WithdrawPaper{Referral: r.Referral, Kind: kind, Why: back.code, WhyText: back.words}}
	case n.Str("status") == "entered-in-error" || n.Str("status") == "stopped":
		d.wrong("required", "QuestionnaireResponse", "What is taken back must say why, by a code of SHD-CancellationReason")
	default:
		r.Commands = []care.Command{care.SharePaper{Paper: p}}
	}
	r.Kept = []translate.Kept{{Type: "QuestionnaireResponse", Version: fhir.STU3, Tree: n}}
	return r, d.err()
}

// withdrawn adds the reason to the answers, where it does not stand among them: so
// a withdrawn notice differs from the notice, and an older copy of the notice that
// arrives late does not count.
func withdrawn(items []care.Said, back *takenBack) []care.Said {
	for _, s := range items {
		if s.Code == back.code {
			return items
		}
	}
	items = append(items, care.Said{Link: "withdrawal.reason", Text: "Reason for withdrawal", Answer: Reasons[back.code], Code: back.code})
	if back.words != "" {
		items = append(items, care.Said{Link: "withdrawal.details", Text: "Details", Answer: back.words})
	}
	return items
}

// kind tells the questionnaires of one referral apart, by the profile or by the
// questionnaire: based-on alone does not.
func (d *document) kind(n *fhir.Node) care.PaperKind {
	names := []string{n.Str("questionnaire.reference")}
	for _, p := range n.All("meta.profile") {
		names = append(names, p.Text)
	}
	found := care.PaperKind("")
	for _, name := range names {
		name = strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name[strings.LastIndexByte(name, '/')+1:]))
		for kind, profile := range paperProfiles {
			_, tail, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(profile, "-", "")), "questionnaireresponse")
			if !strings.Contains(name, tail) {
				continue
			}
			if found != "" && found != kind {
				d.wrong("invariant", "QuestionnaireResponse.meta.profile", "The profile and the questionnaire must be of one kind")
			}
			found = kind
		}
	}
	if found == "" {
		d.wrong("not-supported", "QuestionnaireResponse.meta.profile", "The profile must be one of the SHD-QuestionnaireResponse profiles: it says which document this is")
	}
	return found
}

// referral says which referral a reference means: one by the id that we gave, or
// (ours) one that the sender names by its own identifier, beside the reference.
func (d *document) referral(ref *fhir.Node, expression string, r *translate.Request) {
	at, err := fhir.ParseRef(ref.Str("reference"))
	if err != nil || at.Type != "ReferralRequest" {
		d.wrong("value", expression, "The reference must be to a ReferralRequest: ReferralRequest/id")
		return
	}
	if c, own, ok := Own(at.ID); ok {
		r.Case, r.Referral = c, care.ReferralID(own)
		return
	}
	r.Sent = &care.Identifier{System: sysReferral, Value: at.ID}
	if id := ref.Member("identifier"); id.Str("value") != "" {
		r.Sent = &care.Identifier{System: id.Str("system"), Value: id.Str("value")}
	}
}

// sameReference compares references that may be absolute or relative, and escaped
// as in an address or not.
func sameReference(a, b string) bool {
	tail := func(s string) string {
		if i := strings.LastIndex(s, "ReferralRequest"); i >= 0 {
			s = s[i:]
		}
		return unescaped(s)
	}
	return tail(a) == tail(b)
}

func unescaped(s string) string {
	return strings.NewReplacer("%7C", "|", "%7c", "|", "%3A", ":", "%3a", ":", "%2F", "/", "%2f", "/").Replace(s)
}

// items are the answers, in order; those of groups follow one another.
func (d *document) items(n *fhir.Node, out []care.Said) []care.Said {
	for _, item := range n.All("item") {
		link := item.Str("linkId")
		if link == "" {
			d.wrong("required", "QuestionnaireResponse.item.linkId", "Every item must say which question it answers")
		}
		for _, a := range item.All("answer") {
			said := answer(a)
			said.Link, said.Text = link, item.Str("text")
			out = append(out, said)
			out = d.items(a, out)
		}
		out = d.items(item, out)
	}
	return out
}

// answer is the value of an answer as people read it, and its code.
func answer(a *fhir.Node) (s care.Said) {
	for _, m := range a.Members {
		switch {
		case m.Name == "valueCoding":
			s.Answer, s.Code = first(m.Value.Str("display"), m.Value.Str("code")), m.Value.Str("code")
		case m.Name == "valueBoolean":
			s.Answer = map[string]string{"true": "Yes", "false": "No"}[m.Value.Text]
		case m.Name == "valueQuantity":
			s.Answer = strings.TrimSpace(m.Value.Str("value") + " " + m.Value.Str("unit"))
		case m.Name == "valueReference":
			s.Answer = first(m.Value.Str("display"), m.Value.Str("reference"))
		case m.Name == "valueAttachment":
			s.Answer = first(m.Value.Str("title"), "A document")
		case strings.HasPrefix(m.Name, "value"):
			s.Answer = m.Value.Text
		}
	}
	return s
}

// consent holds the rule of third-party consent: "not applicable" is no source of
// consent for somebody who lacks capacity (SHD-ThirdPartyConsentSource).
func (d *document) consent(items []care.Said) {
	lacks, none := false, false
	for _, s := range items {
		question := strings.ToLower(s.Text + " " + s.Link)
		if !strings.Contains(question, "consent") {
			continue
		}
		lacks = lacks || s.Code == "L" || strings.EqualFold(s.Answer, "Lacks Mental Capacity")
		none = none || s.Code == "N/A" || strings.EqualFold(s.Answer, "Not Applicable")
	}
	if lacks && none {
		d.wrong("business-rule", "QuestionnaireResponse.item", "The source of third party consent must not be Not Applicable when the person lacks mental capacity to consent")
	}
}
