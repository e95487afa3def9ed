package r4

import (
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/form"
	"homeward/translate"
)

// responses are the answers of each referral's form, and the papers.
func (w *writing) responses() []*fhir.Node {
	var out []*fhir.Node
	for _, r := range w.shownReferrals() {
		if id := w.answersID(r); id != "" {
			out = append(out, w.answers(id, r))
		}
	}
	if w.seesPapers() {
		for _, p := range w.s.Case.Papers {
			out = append(out, w.paper(p))
		}
	}
	return out
}

// answersID is the id of the answers of a referral; "" when there are none, or none
// that the reader sees.
func (w *writing) answersID(r care.Referral) string {
	if len(r.Answers) == 0 || !w.s.Sees.Referral {
		return ""
	}
	return w.id("answers", string(r.ID))
}

// answers is the filled form of a referral, against the form as it was released.
func (w *writing) answers(id string, r care.Referral) *fhir.Node {
	n := resource("QuestionnaireResponse", id, []string{core + "QuestionnaireResponse"},
		"identifier", fhir.Identifier(sysReferral, string(r.ID)),
		"basedOn", []*fhir.Node{w.referralRef(r.ID)},
		"questionnaire", formURL(r.Form, r.FormVersion), "status", map[bool]string{true: "amended", false: "completed"}[len(r.Returns) > 0],
		"subject", w.patient(), "encounter", w.encounterOf(r), "authored", instant(r.Sent), "author", w.who(r.SentBy, r.From))
	var p *form.Pathway
	if w.s.Forms != nil {
		p, _ = w.s.Forms(r.Form, r.FormVersion)
	}
	n.Set("item", answerItems(p, r))
	return n
}

// formURL is the canonical of a released form.
func formURL(id string, version int) string {
	return questionnaires + id + "|" + strconv.Itoa(version)
}

// answerItems are the answers, grouped by page as the form asks them. Without the
// form they stand alone, as text.
func answerItems(p *form.Pathway, r care.Referral) []*fhir.Node {
	var out []*fhir.Node
	if p == nil {
		for _, id := range sortedKeys(r.Answers) {
			var vs []*fhir.Node
			for _, v := range r.Answers[id] {
				vs = append(vs, fhir.Obj("valueString", v))
			}
			out = append(out, fhir.Obj("linkId", id, "answer", vs))
		}
		return out
	}
	for _, page := range p.Pages {
		var items []*fhir.Node
		for _, f := range page.Fields {
			if len(r.Answers[f.ID]) == 0 {
				continue
			}
			var vs []*fhir.Node
			for _, v := range r.Answers[f.ID] {
				vs = append(vs, answerOf(p, f, v))
			}
			items = append(items, fhir.Obj("linkId", f.ID, "text", f.Label, "answer", vs))
		}
		for _, g := range page.Groups {
			items = append(items, groupAnswers(p, g, r.Answers)...)
		}
		if len(items) > 0 {
			out = append(out, fhir.Obj("linkId", pageLink(page.ID), "text", page.Title, "item", items))
		}
	}
	return out
}

func sortedKeys(a form.Answers) []string {
	var out []string
	for k := range a {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// answerOf is one answer as FHIR says it: what is chosen as a Coding, a day as a
// date, the rest as text. A time of a form has no zone and stays text.
func answerOf(p *form.Pathway, f form.Field, v string) *fhir.Node {
	switch f.Kind {
	case form.Choose, form.ChooseMany:
		for _, c := range p.Choices(f) {
			if c.Code == v {
				return fhir.Obj("valueCoding", choice(p, f, c))
			}
		}
		return fhir.Obj("valueCoding", fhir.Coding(listSystem(p, f), v, ""))
	case form.YesNo:
		if v == "Y" || v == "N" {
			return fhir.Obj("valueBoolean", v == "Y")
		}
	case form.Date:
		return fhir.Obj("valueDate", v)
	}
	return fhir.Obj("valueString", v)
}

func choice(p *form.Pathway, f form.Field, c form.Choice) *fhir.Node {
	display := c.Display
	if display == "" {
		display = c.Label
	}
	return fhir.Coding(listSystem(p, f), c.Code, display)
}

// listSystem is the code system of a field's choices: the published one, or ours.
func listSystem(p *form.Pathway, f form.Field) string {
	if l := p.Lists[f.List]; l.System != "" {
		return l.System
	}
	return Canonical + "/CodeSystem/" + p.ID + "-" + strings.ReplaceAll(f.List, "_", "-")
}

// Questionnaire is a released form. Its id is the form's and its version:
// "d2a-1". A field that is only asked sometimes is not required here; when it is
// asked is in enableWhen where FHIR can say it (all of them, or any), else only in
// the form.
func Questionnaire(p *form.Pathway) *fhir.Node {
	n := resource("Questionnaire", p.ID+"-"+strconv.Itoa(p.Version), nil,
		"url", questionnaires+p.ID, "version", strconv.Itoa(p.Version), "name", "Homeward_"+strings.ReplaceAll(p.ID, "-", "_"), "title", p.Title,
		"status", "active", "subjectType", []string{"Patient"}, "description", p.Description)
	var pages []*fhir.Node
	for _, page := range p.Pages {
		var items []*fhir.Node
		section := ""
		for _, f := range page.Fields {
			if f.Section != "" && f.Section != section {
				section = f.Section
				items = append(items, fhir.Obj("linkId", "section."+f.ID, "text", section, "type", "display"))
			}
			items = append(items, questionItem(p, f))
		}
		for _, g := range page.Groups {
			items = append(items, groupItem(p, g))
		}
		if len(items) > 0 {
			pages = append(pages, fhir.Obj("linkId", pageLink(page.ID), "text", page.Title, "type", "group", "item", items))
		}
	}
	n.Set("item", pages)
	return alone(n)
}

func questionItem(p *form.Pathway, f form.Field) *fhir.Node {
	kinds := map[form.Kind]string{form.Paragraph: "text", form.Date: "date", form.Choose: "choice", form.ChooseMany: "choice",
		form.YesNo: "boolean", form.Info: "display"}
	typ := kinds[f.Kind]
	if typ == "" {
		typ = "string"
	}
	label := f.Label
	if label == "" {
		label = f.ID
	}
	n := fhir.Obj("linkId", linkOf(p, f.ID), "text", label, "type", typ)
	if f.Kind == form.Info {
		return n
	}
	enable, behaviour := enabled(p, f.ShowWhen)
	n.Set("enableWhen", enable)
	if len(enable) > 1 {
		n.Set("enableBehavior", behaviour)
	}
	n.Set("required", f.Required && f.ShowWhen.IsZero())
	if f.Kind == form.ChooseMany {
		n.Set("repeats", true)
	}
	if typ == "string" || typ == "text" {
		n.Set("maxLength", f.Limit())
	}
	if typ == "choice" {
		var options []*fhir.Node
		for _, c := range p.Choices(f) {
			options = append(options, fhir.Obj("valueCoding", choice(p, f, c)))
		}
		n.Set("answerOption", options)
	}
	return n
}

// enabled is when something is asked (FHIR R4 Questionnaire.item.enableWhen); none
// where it is always asked, and where FHIR cannot say it.
func enabled(p *form.Pathway, when form.Cond) (out []*fhir.Node, behaviour string) {
	alternatives := when.Clauses()
	behaviour = "any"
	if len(alternatives) == 1 {
		behaviour = "all"
	}
	for _, all := range alternatives {
		if behaviour == "any" && len(all) != 1 {
			return nil, ""
		}
		for _, c := range all {
			g, ok := p.Field(c.Field)
			alone := len(alternatives) == 1 && len(all) == 1
			switch {
			case !ok:
				return nil, ""
			case len(c.Codes) == 0:
				out = append(out, fhir.Obj("question", linkOf(p, c.Field), "operator", "exists", "answerBoolean", !c.Not))
				continue
			case len(c.Codes) > 1 && alone && !c.Not:
				behaviour = "any"
			case len(c.Codes) > 1 && c.Not != (behaviour == "all"):
				return nil, "" // some of these and all of those
			}
			for _, code := range c.Codes {
				out = append(out, enableOne(p, g, code, c.Not))
			}
		}
	}
	return out, behaviour
}

func enableOne(p *form.Pathway, g form.Field, code string, not bool) *fhir.Node {
	n := fhir.Obj("question", linkOf(p, g.ID), "operator", map[bool]string{true: "!=", false: "="}[not])
	if g.Kind == form.YesNo {
		n.Set("answerBoolean", code == "Y")
		return n
	}
	n.Set("answerCoding", fhir.Coding(listSystem(p, g), code, ""))
	return n
}

// questionnaireByID is the form that a case's referrals name, by its id.
func questionnaireByID(s translate.Shown, id string) *fhir.Node {
	i := strings.LastIndexByte(id, '-')
	if i < 0 || s.Forms == nil {
		return nil
	}
	version, err := strconv.Atoi(id[i+1:])
	if err != nil {
		return nil
	}
	if p, ok := s.Forms(id[:i], version); ok {
		return Questionnaire(p)
	}
	return nil
}

// seesPapers reports whether the reader sees papers at all: they belong to a
// referral, and which of them are seen is settled by what the case holds.
func (w *writing) seesPapers() bool { return w.s.Sees.Assessments || w.s.Sees.Referral }

// paper is a structured document about a referral. Its questionnaire is ours by
// its kind, so that several of one referral are told apart.
func (w *writing) paper(p care.Paper) *fhir.Node {
	n := resource("QuestionnaireResponse", w.id("paper", p.ID), []string{core + "QuestionnaireResponse"})
	if why := paperWhy(p); why != nil {
		n.Set("extension", some(ext(Canonical+"/StructureDefinition/withdrawn", "valueCodeableConcept", why),
			ext(Canonical+"/StructureDefinition/withdrawn-at", "valueDateTime", instant(p.Withdrawn))))
	}
	system, value, ok := strings.Cut(p.Key, "|")
	switch {
	case ok && value != "":
		n.Set("identifier", fhir.Identifier(system, value))
	case p.Key != "":
		n.Set("identifier", fhir.Identifier(sysPaper, p.Key))
	default:
		n.Set("identifier", fhir.Identifier(sysPaper, p.ID))
	}
	n.Set("basedOn", w.paperBase(p))
	n.Set("questionnaire", questionnaires+string(p.Kind))
	status := "completed"
	if !p.Withdrawn.IsZero() {
		status = "entered-in-error"
	}
	n.Set("status", status)
	n.Set("subject", w.patient())
	n.Set("authored", instant(p.At))
	n.Set("author", w.who(p.By, p.By.Org))
	n.Set("item", saidItems(p.Items))
	return n
}

func saidItems(items []care.Said) []*fhir.Node {
	var out []*fhir.Node
	for _, it := range items {
		item := fhir.Obj("linkId", it.Link, "text", it.Text)
		switch {
		case it.Code != "":
			item.Set("answer", []*fhir.Node{fhir.Obj("valueCoding", fhir.Coding("", it.Code, it.Answer))})
		case it.Answer != "":
			item.Set("answer", []*fhir.Node{fhir.Obj("valueString", it.Answer)})
		}
		out = append(out, item)
	}
	return out
}

func paperWhy(p care.Paper) *fhir.Node {
	if p.Withdrawn.IsZero() {
		return nil
	}
	return whyEnded(care.Referral{Why: p.Why, WhyText: p.WhyText})
}

func (w *writing) paperBase(p care.Paper) []*fhir.Node {
	if p.Referral == "" {
		return nil
	}
	return []*fhir.Node{w.referralRef(p.Referral)}
}

// documents are the papers as documents, for systems that list documents.
func (w *writing) documents() []*fhir.Node {
	if !w.seesPapers() {
		return nil
	}
	var out []*fhir.Node
	for _, p := range w.s.Case.Papers {
		n := resource("DocumentReference", w.id("document", p.ID), []string{core + "DocumentReference"})
		status := "current"
		if !p.Withdrawn.IsZero() {
			status = "entered-in-error"
		}
		n.Set("identifier", []*fhir.Node{fhir.Identifier(sysPaper, p.ID)})
		n.Set("status", status)
		n.Set("docStatus", map[bool]string{true: "entered-in-error", false: "final"}[!p.Withdrawn.IsZero()])
		n.Set("type", fhir.Concept(p.Kind.Say(), fhir.Coding(sysPaperKind, string(p.Kind), p.Kind.Say())))
		n.Set("subject", w.patient())
		n.Set("date", instant(p.At))
		n.Set("author", some(w.who(p.By, p.By.Org)))
		n.Set("description", p.Kind.Say())
		n.Set("content", []*fhir.Node{fhir.Obj("attachment", fhir.Obj("contentType", "application/fhir+json",
			"url", "QuestionnaireResponse/"+w.id("paper", p.ID), "title", p.Kind.Say(), "creation", instant(p.At)))})
		if base := w.paperBase(p); base != nil {
			n.Set("context", fhir.Obj("related", base))
		}
		out = append(out, n)
	}
	return out
}

// notes are the case notes that the reader sees.
func (w *writing) notes() []*fhir.Node {
	if !w.s.Sees.Notes {
		return nil
	}
	words := map[care.Audience]string{care.AudienceBoth: "Both sides", care.AudienceCouncil: "The council", care.AudienceHospital: "The hospital"}
	var out []*fhir.Node
	for _, x := range w.s.Case.Notes {
		n := resource("Communication", w.id("note", x.ID), []string{core + "Communication"})
		n.Set("extension", some(ext(extAudience, "valueCoding", fhir.Coding(sysAudience, string(x.Audience), words[x.Audience]))))
		n.Set("identifier", []*fhir.Node{fhir.Identifier(Canonical+"/Id/note", x.ID)})
		n.Set("status", "completed")
		n.Set("category", []*fhir.Node{fhir.Concept("Case note")})
		n.Set("subject", w.patient())
		if x.Referral != "" && w.s.Sees.Referral {
			n.Set("about", []*fhir.Node{w.referralRef(x.Referral)})
		}
		n.Set("sent", instant(x.At))
		n.Set("sender", w.who(x.By, x.By.Org))
		n.Set("payload", []*fhir.Node{fhir.Obj("contentString", x.Text)})
		out = append(out, n)
	}
	return out
}

// pageLink is the link of a page's group: a page and a question of it may have the
// same id, and links are unique (FHIR R4 que-2).
func pageLink(id string) string { return "page." + id }
