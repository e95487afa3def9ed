package r4

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/form"
	"homeward/nhs"
	"homeward/translate"
)

// referral reads a ServiceRequest: a new referral, with the Patient, the Encounter
// and the answers that came along, or one that is taken back.
func (r *reading) referral(e entry) translate.Request {
	q := translate.Request{Event: "refer", At: r.by.At}
	r.whom(e, "subject", &q)
	if e.n.Get("subject") == nil {
		r.required(e.path + ".subject")
	}
	r.need(e, "intent")
	status := r.need(e, "status")
	q.Key = keyOf(e.n)
	if q.Key == "" && r.ownID(e) == "" {
		r.required(e.path + ".identifier")
	}
	r.named(e, q.Key, &q)
	switch status {
	case "active":
		r.refer(e, &q)
	case "revoked", "entered-in-error":
		q.Event, q.Must, q.Key = "withdraw", true, ""
		q.Commands = []care.Command{r.withdrawal(e, status)}
	case "":
	default:
		r.wrong("not-supported", e.path+".status", "must be active, revoked or entered-in-error: the council says when a referral is done")
	}
	return q
}

// keyOf is the sender's own name of a referral: its first identifier that is none
// of ours, as "system|value".
func keyOf(n *fhir.Node) string {
	for _, x := range n.All("identifier") {
		if s, v := x.Str("system"), x.Str("value"); v != "" && !strings.HasPrefix(s, Canonical) && !strings.Contains(s, "|") {
			if s == "" {
				s = "urn:ietf:rfc:3986"
			}
			return s + "|" + v
		}
	}
	return ""
}

// named says which referral a resource is about: by our number, by the id of one
// of our resources, or by the sender's own number.
func (r *reading) named(e entry, key string, q *translate.Request) {
	for _, x := range e.n.All("identifier") {
		if x.Str("system") == sysReferral {
			q.Referral = care.ReferralID(x.Str("value"))
			return
		}
	}
	if id := r.ownID(e); id != "" {
		q.Sent = &care.Identifier{System: Resource, Value: id}
		q.Case, _ = CaseOf(id)
		return
	}
	if system, value, ok := strings.Cut(key, "|"); ok {
		q.Sent = &care.Identifier{System: system, Value: value}
	}
}

// about sets the referral that a reference points to.
func (r *reading) points(e entry, ref *fhir.Node, q *translate.Request) bool {
	id := ref.Get("identifier")
	switch {
	case id.Str("system") == sysReferral:
		q.Referral = care.ReferralID(id.Str("value"))
	case id.Str("value") != "":
		q.Sent = &care.Identifier{System: id.Str("system"), Value: id.Str("value")}
	default:
		if x := r.target(e.n, ref); x != nil && x.Type() == "ServiceRequest" {
			r.named(entry{path: e.path, n: x}, keyOf(x), q)
			return q.Referral != "" || q.Sent != nil
		}
		ours := r.ourID(e.n, ref, "ServiceRequest")
		c, ok := CaseOf(ours)
		if !ok {
			return false
		}
		q.Case, q.Sent = c, &care.Identifier{System: Resource, Value: ours}
	}
	return true
}

func (r *reading) refer(e entry, q *translate.Request) {
	n := e.n
	if x := r.target(n, n.Get("encounter")); x != nil {
		enc := r.encounter(entry{path: e.path + ".encounter", n: x})
		if emptyAbout(enc.About) {
			enc.About = q.About
		}
		for i := range enc.Observations {
			enc.Observations[i].About = q.About
		}
		q.Observations, q.Visit = enc.Observations, enc.Visit
		q.Kept = append(q.Kept, translate.Kept{Type: "Encounter", Version: fhir.R4, Tree: x})
	}
	if p := r.target(n, n.Get("subject")); p != nil {
		q.Kept = append(q.Kept, translate.Kept{Type: "Patient", Version: fhir.R4, Tree: p})
		if len(q.Observations) == 0 {
			q.Observations = []care.Observation{r.observe("Patient", q.About, "", care.Observation{Seen: &care.Seen{Person: true}})}
		}
	}
	c := care.Refer{Key: q.Key, To: r.council(n), Form: r.by.Form, FormVersion: r.by.FormVersion}
	if code := extension(n, extPathway).Str("valueCoding.code"); len(code) == 2 && code[0] == 'P' {
		c.Pathway = code[1:]
	}
	if x := r.answersFor(e); x != nil {
		c.Form, c.FormVersion, c.Answers = r.readAnswers(x)
		q.Kept = append(q.Kept, translate.Kept{Type: "QuestionnaireResponse", Version: fhir.R4, Tree: x})
	} else {
		c.Answers = r.gathered(e, *q, c)
	}
	if c.Pathway == "" {
		c.Pathway = pathwayCode(c.Answers.Get("pathway"))
	}
	q.Commands = []care.Command{c}
}

func pathwayCode(answer string) string {
	if len(answer) == 2 && answer[0] == 'P' && answer[1] >= '0' && answer[1] <= '3' {
		return answer[1:]
	}
	return ""
}

// council is the organisation that a referral is for, by its ODS code.
func (r *reading) council(n *fhir.Node) nhs.ODS {
	for _, p := range n.All("performer") {
		if code := r.odsOf(n, p); code != "" {
			return code
		}
	}
	return ""
}

func (r *reading) odsOf(n, ref *fhir.Node) nhs.ODS {
	ids := ref.All("identifier")
	if o := r.target(n, ref); o != nil {
		ids = append(ids, o.All("identifier")...)
		if o.Type() == "HealthcareService" || o.Type() == "PractitionerRole" {
			return r.odsOf(o, first(o.Get("providedBy"), o.Get("organization")))
		}
	}
	for _, id := range ids {
		if strings.Contains(tidySystem(id.Str("system")), "ods-") {
			if code, err := nhs.ParseODS(id.Str("value")); err == nil {
				return code
			}
		}
	}
	if id := r.ourID(n, ref, "Organization"); id != "" {
		if code, err := nhs.ParseODS(id); err == nil {
			return code
		}
	}
	return ""
}

// answersFor is the filled form that came with a referral: in supportingInfo, or
// one that is based on it.
func (r *reading) answersFor(e entry) *fhir.Node {
	for _, s := range e.n.All("supportingInfo") {
		if x := r.target(e.n, s); x != nil && x.Type() == "QuestionnaireResponse" {
			return x
		}
	}
	for _, x := range e.n.All("contained") {
		if x.Type() == "QuestionnaireResponse" {
			return x
		}
	}
	for _, o := range r.entries {
		if o.n.Type() == "QuestionnaireResponse" && r.target(o.n, o.n.Get("basedOn")) == e.n {
			return o.n
		}
	}
	return nil
}

// formOf is the form and version that a QuestionnaireResponse answers, where it is
// one of ours.
func formOf(n *fhir.Node) (id string, version int, ok bool) {
	rest, ok := strings.CutPrefix(n.Str("questionnaire"), questionnaires)
	if !ok {
		return "", 0, false
	}
	id, v, _ := strings.Cut(rest, "|")
	version, err := strconv.Atoi(v)
	return id, version, err == nil
}

func (r *reading) readAnswers(n *fhir.Node) (id string, version int, a form.Answers) {
	id, version, ok := formOf(n)
	if !ok {
		id, version = r.by.Form, r.by.FormVersion
	}
	a = form.Answers{}
	collectAnswers(n, a)
	return id, version, a
}

// collectAnswers reads all items, however deep they are grouped. An item whose
// items' links begin with its own and a dot is one of a repeating group: the
// first is 1.
func collectAnswers(n *fhir.Node, a form.Answers) { collectUnder(n, "", 0, a) }

func collectUnder(n *fhir.Node, group string, number int, a form.Answers) {
	count := map[string]int{}
	for _, it := range n.All("item") {
		link := it.Str("linkId")
		key := link
		if field, ok := strings.CutPrefix(link, group+"."); ok && group != "" {
			key = form.Key(group, number, field)
		}
		for _, x := range it.All("answer") {
			if v := answerText(x); v != "" && link != "" && !slices.Contains(a[key], v) {
				a[key] = append(a[key], v)
			}
			collectUnder(x, "", 0, a)
		}
		if kids := it.All("item"); len(kids) > 0 && slices.ContainsFunc(kids, func(k *fhir.Node) bool { return strings.HasPrefix(k.Str("linkId"), link+".") }) {
			count[link]++
			collectUnder(it, link, count[link], a)
			continue
		}
		collectUnder(it, "", 0, a)
	}
}

// answerText is an answer as a form keeps it: a code, Y or N, a day, or text.
func answerText(x *fhir.Node) string {
	switch {
	case x.Get("valueCoding") != nil:
		return cmp.Or(x.Str("valueCoding.code"), x.Str("valueCoding.display"))
	case x.Str("valueBoolean") == "true":
		return "Y"
	case x.Str("valueBoolean") == "false":
		return "N"
	}
	for _, name := range []string{"valueString", "valueDate", "valueDateTime", "valueInteger", "valueDecimal", "valueTime", "valueUri"} {
		if s := x.Str(name); s != "" {
			return s
		}
	}
	return ""
}

// gathered are the answers that the resources of a referral without a filled form
// amount to.
func (r *reading) gathered(e entry, q translate.Request, c care.Refer) form.Answers {
	a := form.Answers{}
	put := func(field, v string) {
		if v = strings.TrimSpace(v); v != "" {
			a[field] = []string{v}
		}
	}
	p := q.About
	put("family", p.Family.Value)
	put("given", p.Given.Value)
	put("preferred", p.Preferred.Value)
	put("born", p.Born.Value.String())
	put("nhs", p.NHS.Digits())
	put("gender", map[string]string{"Male": "1", "Female": "2", "Not specified": "9", "Not known": "X"}[p.Sex.Value])
	put("address", strings.Join(p.Address.Value.Lines, "\n"))
	put("postcode", p.Address.Value.Postcode)
	put("phone", p.Phone.Value)
	put("gp_code", p.GP.Value)
	put("gp_name", p.GPName.Value)
	for _, o := range q.Observations {
		if s := o.Seen; s != nil {
			put("ward", s.Where.Value.Say())
			put("consultant", s.Consultant.Value)
			put("admission_reason", s.Reason.Value)
			put("edd", s.Expected.Value.String())
			put("fit", map[string]string{"Y": "01", "N": "02"}[s.Fit.Value])
			if s.Admitted.Told {
				put("admitted", nhs.DateOf(s.Admitted.Value).String())
			}
			if s.ReadyAt.Told && s.Fit.Value == "Y" {
				put("fit_date", nhs.DateOf(s.ReadyAt.Value).String())
			}
			if !s.Where.Told {
				delete(a, "ward")
			}
		}
	}
	var needs []string
	for _, x := range append(e.n.All("note.text"), append(e.n.All("patientInstruction"), e.n.All("reasonCode.text")...)...) {
		needs = append(needs, x.Text)
	}
	put("care_needs", strings.Join(needs, "\n"))
	if c.Pathway != "" {
		put("pathway", "P"+c.Pathway)
	}
	put("referrer", r.staffOf(e))
	return a
}

func (r *reading) staffOf(e entry) string {
	ref := e.n.Get("requester")
	if x := r.target(e.n, ref); x != nil && strings.HasPrefix(x.Type(), "Practitioner") {
		return r.staffName(x)
	}
	return ref.Str("display")
}

// withdrawal reads why a referral is taken back: a code 01 to 13 in the extension
// request-statusReason. What was sent in error is 12.
func (r *reading) withdrawal(e entry, status string) care.Withdraw {
	why := extension(e.n, extStatusReason).Get("valueCodeableConcept")
	c := care.Withdraw{WhyText: why.Str("text")}
	for _, x := range why.All("coding") {
		if code := x.Str("code"); len(code) == 2 && cancelReasons[code] != "" {
			c.Why = code
		}
	}
	switch {
	case c.Why == "" && status == "entered-in-error":
		c.Why = "12"
	case c.Why == "" && c.WhyText != "":
		c.Why = "13"
	case c.Why == "":
		r.wrong("required", e.path+".extension", "the reason is missing: request-statusReason with a code 01 to 13 of SHD-CancellationReason, or words")
	}
	return c
}

// stages are the stages of a council's work, by the businessStatus of its Task.
var stages = []care.RefState{care.RefAssessing, care.RefPlanning, care.RefSourcing, care.RefReady}

// task reads how far a council is with a referral, and a hospital's taking it back.
// A Task is a state: Resolve leaves out what is so already.
func (r *reading) task(e entry) translate.Request {
	q := translate.Request{Event: "update-task", At: r.by.At, Must: true}
	status := r.need(e, "status")
	r.need(e, "intent")
	if !r.points(e, e.n.Get("focus"), &q) {
		if r.named(e, "", &q); q.Referral == "" && q.Sent == nil {
			r.required(e.path + ".focus")
		}
	}
	if ref := reference(e.n); ref != "" && r.by.Kind == care.Council {
		q.Commands = append(q.Commands, care.Receive{Reference: ref})
	}
	worker := r.worker(e)
	business := e.n.Str("businessStatus.coding.code")
	switch status {
	case "draft", "requested", "ready":
	case "received":
		if len(q.Commands) == 0 {
			q.Commands = append(q.Commands, care.Receive{})
		}
	case "accepted":
		q.Commands = append(q.Commands, care.Accept{})
		r.allocate(&q, worker)
	case "rejected", "failed", "on-hold":
		if business == string(care.RefOnHold) {
			break // as it was read here: a hold needs a day to look again, which a Task does not say
		}
		q.Commands = append(q.Commands, r.sendBack(e))
	case "in-progress":
		q.Commands = append(q.Commands, care.Accept{})
		r.allocate(&q, worker)
		stage := care.RefState(business)
		if !slices.Contains(stages, stage) && business != string(care.RefDischarged) && business != string(care.RefAllocated) {
			stage = care.RefAssessing
		}
		if slices.Contains(stages, stage) {
			q.Commands = append(q.Commands, care.Progress{State: stage})
		}
	case "completed":
		q.Commands = append(q.Commands, care.Close{Outcome: outcome(e.n)})
	case "cancelled", "entered-in-error":
		if r.by.Kind != care.Trust {
			r.wrong("business-rule", e.path+".status", "a council returns a referral (rejected) or closes it (completed): the hospital takes it back")
			break
		}
		q.Commands = []care.Command{r.withdrawal(entry{path: e.path, n: fhir.Obj("extension", some(ext(extStatusReason, "valueCodeableConcept", e.n.Get("statusReason"))))}, status)}
	case "":
	default:
		r.wrong("code-invalid", e.path+".status", "must be a code of task-status")
	}
	return q
}

func (r *reading) allocate(q *translate.Request, w care.Who) {
	if w.ID != "" {
		q.Commands = append(q.Commands, care.Allocate{Worker: w})
	}
}

// reference is the council's own number of a referral: an identifier that says it
// is the filler's, one of the Task's output, or else one of the Task's own.
func reference(n *fhir.Node) string {
	for _, x := range n.All("identifier") {
		if x.Str("type.coding.code") == "FILL" || strings.HasPrefix(x.Str("system"), sysReference) {
			return x.Str("value")
		}
	}
	if s := n.Str("output.valueIdentifier.value"); s != "" {
		return s
	}
	for _, x := range n.All("identifier") {
		if !strings.HasPrefix(x.Str("system"), Canonical) && x.Str("type.coding.code") == "" {
			return x.Str("value")
		}
	}
	return ""
}

// worker is the member of staff who owns a Task; none while its owner is an
// organisation.
func (r *reading) worker(e entry) care.Who {
	ref := e.n.Get("owner")
	x := r.target(e.n, ref)
	if x.Type() == "PractitionerRole" {
		if p := r.target(x, x.Get("practitioner")); p != nil {
			x = p
		}
	}
	w := care.Who{Name: ref.Str("display"), Org: r.by.Source.Org}
	if x != nil && strings.HasPrefix(x.Type(), "Practitioner") {
		w.ID = care.ActorID(x.Str("identifier.value"))
		if w.Name == "" {
			w.Name = r.staffName(x)
		}
	}
	target, _ := fhir.ParseRef(ref.Str("reference"))
	if id := ref.Str("identifier.value"); id != "" && (strings.HasPrefix(target.Type, "Practitioner") || strings.HasPrefix(ref.Str("type"), "Practitioner")) {
		w.ID = care.ActorID(id)
	}
	if w.ID == "" || w.Name == "" {
		return care.Who{}
	}
	return w
}

func (r *reading) sendBack(e entry) care.SendBack {
	why := e.n.Get("statusReason")
	c := care.SendBack{Needed: why.Str("text")}
	for _, x := range why.All("coding") {
		code := x.Str("code")
		if x.Str("system") != sysReturn {
			code = "other"
			if c.Needed == "" {
				c.Needed = x.Str("display")
			}
		}
		if code != "" && !slices.Contains(c.Reasons, code) {
			c.Reasons = append(c.Reasons, code)
		}
	}
	if c.Needed == "" {
		if notes := e.n.All("note.text"); len(notes) > 0 {
			c.Needed = notes[len(notes)-1].Text
		}
	}
	if len(c.Reasons) == 0 {
		c.Reasons = []string{"other"}
	}
	if c.Needed == "" {
		r.wrong("required", e.path+".statusReason", "is missing: say what is needed")
	}
	return c
}

func outcome(n *fhir.Node) string {
	for _, o := range n.All("output") {
		if s := o.Str("valueString"); s != "" {
			return s
		}
		if s := wordOf(o.Get("valueCodeableConcept")); s != "" {
			return s
		}
	}
	if s := wordOf(n.Get("statusReason")); s != "" {
		return s
	}
	return "Completed"
}

// note reads a Communication: a case note.
func (r *reading) note(e entry) translate.Request {
	q := translate.Request{Event: "note", At: r.by.At}
	r.whom(e, "subject", &q)
	r.need(e, "status")
	var words []string
	for _, p := range e.n.All("payload.contentString") {
		words = append(words, p.Text)
	}
	if len(words) == 0 {
		r.required(e.path + ".payload.contentString")
	}
	for _, ref := range append(e.n.All("about"), e.n.All("basedOn")...) {
		if r.points(e, ref, &q) {
			break
		}
	}
	if q.Case == "" && q.Referral == "" && q.Sent == nil && emptyAbout(q.About) {
		r.required(e.path + ".subject")
	}
	c := care.Note{Text: strings.Join(words, "\n"), Audience: care.Audience(extension(e.n, extAudience).Str("valueCoding.code")), Referral: q.Referral}
	if c.Audience == "" {
		c.Audience = care.AudienceBoth
	}
	q.Key = keyOf(e.n)
	q.Commands = []care.Command{care.AddNote{Note: c}}
	return q
}

// response reads a QuestionnaireResponse: the answers to a returned referral, or a
// paper.
func (r *reading) response(e entry) translate.Request {
	q := translate.Request{Event: "share-paper", At: r.by.At}
	if e.n.Get("subject") != nil {
		r.whom(e, "subject", &q)
	}
	status := r.need(e, "status")
	kind := care.PaperKind(strings.TrimPrefix(e.n.Str("questionnaire"), questionnaires))
	pointed := false
	for _, ref := range e.n.All("basedOn") {
		if pointed = r.points(e, ref, &q); pointed {
			break
		}
	}
	if !pointed {
		r.required(e.path + ".basedOn")
	}
	if _, _, ok := formOf(e.n); ok {
		_, _, a := r.readAnswers(e.n)
		q.Event, q.Must = "reply", true
		q.Commands = []care.Command{care.Reply{Answers: a}}
		return q
	}
	if kind.Say() == "" {
		r.wrong("not-supported", e.path+".questionnaire", "must be one of our forms or papers: see GET Questionnaire")
		return q
	}
	if status == "entered-in-error" || status == "stopped" {
		q.Event, q.Must = "withdraw-paper", true
		why := extension(e.n, Canonical+"/StructureDefinition/withdrawn").Get("valueCodeableConcept")
		c := care.WithdrawPaper{Referral: q.Referral, Kind: kind, Why: why.Str("coding.code"), WhyText: why.Str("text")}
		if c.Why == "" {
			c.Why = "12"
		}
		q.Commands = []care.Command{c}
		return q
	}
	p := care.Paper{Kind: kind, Referral: q.Referral, At: r.by.At, Items: readItems(e.n)}
	if t, _, ok := r.when(e, "authored"); ok {
		p.At = t
	}
	if id := e.n.Get("identifier"); id.Str("value") != "" {
		if id.Str("system") == sysPaper {
			p.Key = id.Str("value")
		} else {
			p.Key = id.Str("system") + "|" + id.Str("value")
		}
	}
	q.Commands = []care.Command{care.SharePaper{Paper: p}} // no Key: the same paper comes again with other answers
	return q
}

// readItems are the answers of a paper in order, in the words of the sender.
func readItems(n *fhir.Node) []care.Said {
	var out []care.Said
	for _, it := range n.All("item") {
		answers := it.All("answer")
		if len(answers) == 0 && len(it.All("item")) == 0 {
			out = append(out, care.Said{Link: it.Str("linkId"), Text: it.Str("text")})
		}
		for _, x := range answers {
			s := care.Said{Link: it.Str("linkId"), Text: it.Str("text"), Answer: answerText(x)}
			if c := x.Get("valueCoding"); c != nil {
				s.Code, s.Answer = c.Str("code"), c.Str("display")
				if s.Answer == "" {
					s.Answer = s.Code
				}
			}
			out = append(out, s)
			out = append(out, readItems(x)...)
		}
		out = append(out, readItems(it)...)
	}
	return out
}
