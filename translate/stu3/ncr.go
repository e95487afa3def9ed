package stu3

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
	"homeward/translate"
)

// Codes of the Notts Care Record.
const (
	sysArtifact = "https://fhir.nottscr.nhs.uk/CodeSystem/D2A-ArtifactCode-1"
	codePlan    = "d2a-dischargePlan"
	codeFull    = "d2a-assessmentFull"
	codeParent  = "d2a-parentTask"
	codeChild   = "d2a-childTask"
	codeTrigger = "718524000" // SNOMED CT: Referral to discharge planning team
	codePlanned = "plannedDischargeDate"
)

// The three tasks of one referral are told apart by the end of the id.
const (
	triggerTask = "-trigger"
	parentTask  = "-parent"
	childTask   = "-child"
)

// Rejected begins the outcome of a referral that a council rejected.
const Rejected = "Rejected: "

// TaskReferral is the case and the referral of a Task's id, and which of its tasks.
func TaskReferral(id string) (c care.CaseID, r care.ReferralID, which string, ok bool) {
	c, own, ok := Own(id)
	for _, tail := range []string{triggerTask, parentTask, childTask} {
		if name, cut := strings.CutSuffix(own, tail); cut {
			return c, care.ReferralID(name), tail[1:], ok
		}
	}
	return "", "", "", false
}

// Tasks are the trigger task (the hospital's), the parent task (which the council
// is asked by) and, once the council took the referral on, the child task (its
// work), of each referral that is shown. Status rules: Notts Care Record, D2A.
func Tasks(s translate.Shown) (out []*fhir.Node) {
	for _, r := range s.Case.Referrals {
		w := &writing{s: s}
		out = append(out, w.task(r, triggerTask, w.trigger(r)))
		w = &writing{s: s}
		out = append(out, w.task(r, parentTask, w.parent(r)))
		if !r.Accepted.IsZero() || !r.Allocated.IsZero() || r.State == care.RefClosed {
			w = &writing{s: s}
			out = append(out, w.task(r, childTask, w.child(r)))
		}
	}
	return out
}

// task puts together what all three have.
func (w *writing) task(r care.Referral, tail string, n *fhir.Node) *fhir.Node {
	c := w.s.Case
	n.Set("for", subject(w.s))
	for _, st := range stays(w.s) {
		if st.Visit == r.Stay && st.Org == r.From {
			n.Set("context", fhir.Ref("Encounter", care.StayResource(c.ID, st), ""))
		}
	}
	n.Set("requester", fhir.Obj("agent", w.contain("hospital", w.org(r.From))))
	if r.To != "" {
		n.Set("owner", w.contain("council", w.org(r.To)))
		if r.Worker.Name != "" && tail == childTask {
			owner := n.Member("owner")
			owner.Set("display", r.Worker.Name+", "+cmp.Or(w.s.Orgs[r.To].Name, string(r.To)))
		}
	}
	id := ID(c.ID, string(r.ID)+tail)
	key := "Task/" + care.ResourceID(c.ID, "task", string(r.ID))
	own := r.From == w.s.By.Org && tail == triggerTask && w.s.Kept[key].Tree.Str("code.coding.code") == codeTrigger
	out := w.finished(n, id, "", key, own)
	out.Member("meta").Set("profile", []string{"https://fhir.hl7.org.uk/STU3/StructureDefinition/CareConnect-Task-1"})
	return out
}

func ended(r care.Referral) bool {
	return r.State == care.RefWithdrawn || r.State == care.RefCancelled || r.State == care.RefDied || r.State == care.RefTransferred
}

// trigger is requested until the flag is taken away or the person has left.
func (w *writing) trigger(r care.Referral) *fhir.Node {
	status := "requested"
	switch {
	case ended(r):
		status = "cancelled"
	case r.State == care.RefDischarged || r.State == care.RefClosed:
		status = "completed"
	}
	n := fhir.Obj("resourceType", "Task", "identifier", fhir.List(fhir.Identifier(sysReferral, string(r.ID))), "status", status, "intent", "order",
		"code", fhir.Concept("", fhir.Coding(sysSNOMED, codeTrigger, "Referral to discharge planning team")), "authoredOn", instant(r.Sent))
	why(n, r)
	return n
}

// why says in words why a task was cancelled.
func why(n *fhir.Node, r care.Referral) {
	if ended(r) && r.Why != "" {
		n.Set("statusReason", fhir.Concept(cmp.Or(r.WhyText, Reasons[r.Why]), fhir.Coding(sysReason, r.Why, Reasons[r.Why])))
	} else if strings.HasPrefix(r.Outcome, Rejected) {
		n.Set("statusReason", fhir.Concept(strings.TrimPrefix(r.Outcome, Rejected)))
	}
}

// parent is requested or cancelled by the hub; all else it has from the child.
func (w *writing) parent(r care.Referral) *fhir.Node {
	status := childStatus(r)
	switch {
	case ended(r) || status == "rejected":
		status = "cancelled"
	case status == "":
		status = "requested"
	}
	n := fhir.Obj("resourceType", "Task", "identifier", fhir.List(fhir.Identifier(sysReferral, string(r.ID))), "status", status, "intent", "plan",
		"code", fhir.Concept("D2A Parent Task", fhir.Coding(sysArtifact, codeParent, "D2A Parent Task")), "description", cmp.Or(r.Answers.Get("description"), r.Answers.Get("reason"), referralTypeWords),
		"executionPeriod", fhir.Obj("start", instant(r.Sent)), "authoredOn", instant(r.Sent), "businessStatus", fhir.Concept(r.State.Say()))
	for _, p := range w.s.Case.Papers {
		if p.Referral == r.ID && p.Kind == care.PaperPlan {
			n.Set("basedOn", fhir.List(fhir.Ref("CarePlan", ID(w.s.Case.ID, p.ID), "")))
		}
	}
	why(n, r)
	return n
}

// childStatus is in-progress from when the council took it on, then completed or
// rejected; "" before.
func childStatus(r care.Referral) string {
	switch {
	case strings.HasPrefix(r.Outcome, Rejected):
		return "rejected"
	case r.State == care.RefClosed:
		return "completed"
	case ended(r):
		return "cancelled"
	case !r.Accepted.IsZero() || !r.Allocated.IsZero():
		return "in-progress"
	}
	return ""
}

func (w *writing) child(r care.Referral) *fhir.Node {
	n := fhir.Obj("resourceType", "Task", "partOf", fhir.List(fhir.Ref("Task", ID(w.s.Case.ID, string(r.ID)+parentTask), "")), "status", childStatus(r), "intent", "order",
		"businessStatus", fhir.Concept(r.State.Say(), fhir.Coding(Canonical+"/CodeSystem/referral-state", string(r.State), r.State.Say())),
		"code", fhir.Concept("D2A Child Task", fhir.Coding(sysArtifact, codeChild, "D2A Child Task")), "authoredOn", instant(cmp.Or(r.Accepted, r.Allocated, r.Received)),
		"lastModified", instant(cmp.Or(r.Ended, r.Holder.Since, r.Allocated, r.Accepted, r.Received)))
	for _, x := range w.s.Case.Notes {
		if x.Referral == r.ID && x.By.Org == r.To {
			n.Add("note", fhir.Obj("time", instant(x.At), "text", x.Text))
		}
	}
	if r.Reference != "" {
		n.Set("identifier", fhir.List(fhir.Identifier(Canonical+"/Id/council-reference/"+string(r.To), r.Reference)))
	}
	why(n, r)
	return n
}

// Plans are the discharge plans and the assessments, as they came.
func Plans(s translate.Shown) (out []*fhir.Node) {
	for _, p := range s.Case.Papers {
		typ := map[care.PaperKind]string{care.PaperPlan: "CarePlan", care.PaperAssessment: "DocumentReference"}[p.Kind]
		if typ == "" {
			continue
		}
		key := typ + "/" + care.ResourceID(s.Case.ID, "paper", p.ID)
		kept := s.Kept[key].Tree
		switch {
		case kept.Type() == typ:
		case typ == "DocumentReference":
			continue // the document itself is not shown to this reader
		default:
			kept = fhir.Obj("resourceType", typ, "status", said(p, "status"), "intent", said(p, "intent"), "category", fhir.List(fhir.Concept("", fhir.Coding(sysArtifact, codePlan, ""))),
				"description", said(p, "description"))
		}
		n := kept.Clone()
		n.Set("subject", subject(s))
		if !p.Withdrawn.IsZero() {
			n.Set("status", "entered-in-error")
		}
		w := &writing{s: s}
		n = w.finished(n, ID(s.Case.ID, p.ID), "", key, false)
		n.Member("meta").Set("profile", []string{"https://fhir.hl7.org.uk/STU3/StructureDefinition/CareConnect-" + typ + "-1"})
		out = append(out, n)
	}
	return out
}

// said is the answer to a question of a paper.
func said(p care.Paper, link string) string {
	for _, s := range p.Items {
		if s.Link == link {
			return s.Answer
		}
	}
	return ""
}

// ReadTrigger reads a trigger task: that a patient was flagged for a supported
// discharge, or no longer is, or has left. It is a referral, early and without
// papers; was is the referral that the address names, "" of a new one.
func ReadTrigger(body *fhir.Node, was care.ReferralID, from Sender) (translate.Request, error) {
	d := open(body, "Task", from)
	n := d.focus
	if n == nil {
		return translate.Request{}, d.err()
	}
	status := d.one(n, "status", "requested", "cancelled", "completed")
	d.one(n, "intent", "order")
	if n.Str("code.coding.code") != codeTrigger {
		d.wrong("code-invalid", "Task.code", "A hospital's task must be "+codeTrigger+" of "+sysSNOMED+", Referral to discharge planning team")
	}
	if _, _, ok := moment(n.Str("authoredOn"), from.Zone); !ok {
		d.wrong("required", "Task.authoredOn", "The element must be there, with a date")
	}
	r := translate.Request{Event: "trigger-task", At: from.at(n)}
	if was != "" {
		return d.endTrigger(n, status, was, r)
	}
	if status != "requested" {
		d.wrong("business-rule", "Task.status", "A new task must be requested")
	}
	patient, stay := d.needs(n, "for", "Patient", "Task.for"), d.needs(n, "context", "Encounter", "Task.context")
	if patient == nil || stay == nil {
		return r, d.err()
	}
	r.About = d.about(patient)
	said := d.stay(stay, true)
	r.Visit = &said.visit
	for _, o := range said.observations {
		o.About = r.About
		if o.Seen != nil && !o.Seen.Class.Told {
			o.Seen.Class = care.Tell("I")
		}
		r.Observations = append(r.Observations, o)
	}
	refer := care.Refer{Key: sentKey(n), Form: Form, FormVersion: 1, Answers: d.answers(n), Another: true}
	refer.Answers["service"] = []string{"acute-d2a"}
	if owner := d.find(n, n.Get("owner"), "Task.owner"); owner != nil {
		if ods, err := nhs.ParseODS(identifier(owner, "ods-organization-code")); err == nil {
			refer.To = ods
		}
	}
	r.Key = refer.Key
	r.Commands = []care.Command{refer}
	for _, x := range []*fhir.Node{patient, stay} {
		r.Kept = append(r.Kept, translate.Kept{Type: x.Type(), Version: fhir.STU3, Tree: x})
	}
	r.Kept = append(r.Kept, translate.Kept{Type: "Task", Version: fhir.STU3, Tree: n})
	return r, d.err()
}

// endTrigger is an update of a trigger task. Flagged again after it was cancelled
// is a new task.
func (d *document) endTrigger(n *fhir.Node, status string, was care.ReferralID, r translate.Request) (translate.Request, error) {
	var where translate.Request
	aim := &document{from: d.from, focus: d.focus, whole: d.whole, by: d.by, in: d.in}
	aim.staying(n, n.Get("context"), "Task.context", &where)
	if status == "completed" && where.Visit != nil {
		left := care.Leaving{At: r.At}
		if t, _, ok := moment(n.Str("executionPeriod.end"), d.from.Zone); ok && !t.After(r.At) {
			left.At = t
		}
		r.Visit = where.Visit
		r.Observations = []care.Observation{{At: r.At, Said: r.At, Source: d.from.Source, Visit: where.Visit.Value, Event: "Task completed", Left: &care.Left{Leaving: left}}}
	}
	r.Referral, r.Must = was, true
	if status == "cancelled" {
		x := care.Withdraw{ID: was, Why: "13", WhyText: cmp.Or(n.Str("statusReason.text"), "The hospital no longer expects a supported discharge")}
		if back := d.reason(n); back != nil {
			x.Why, x.WhyText = back.code, back.words
		}
		r.Commands = []care.Command{x}
	}
	r.Kept = []translate.Kept{{Type: "Task", Version: fhir.STU3, Tree: n}}
	return r, d.err()
}

// planStates are the pairs of status and intent that a discharge plan may have,
// from the sign-off of the hospital's system.
var planStates = [][2]string{{"unknown", "proposal"}, {"draft", "proposal"}, {"active", "plan"}, {"active", "order"}, {"completed", "proposal"}, {"completed", "plan"}, {"completed", "order"}}

// ReadPlan reads a discharge plan.
func ReadPlan(body *fhir.Node, from Sender) (translate.Request, error) {
	d := open(body, "CarePlan", from)
	n := d.focus
	if n == nil {
		return translate.Request{}, d.err()
	}
	status, intent := d.one(n, "status"), d.one(n, "intent")
	if status != "" && intent != "" && !slices.Contains(planStates, [2]string{status, intent}) {
		d.wrong("business-rule", "CarePlan.status", "Status and intent must be unknown or draft with proposal, active with plan or order, or completed")
	}
	if n.Str("category.coding.code") != codePlan {
		d.wrong("code-invalid", "CarePlan.category", "The category must be "+codePlan+" of "+sysArtifact)
	}
	if n.Str("description") != "" && status != "active" && status != "completed" {
		d.wrong("business-rule", "CarePlan.description", "The hub's recommendation is there only after the hub's review")
	}
	items := []care.Said{{Link: "status", Text: "Status", Answer: status, Code: status}, {Link: "intent", Text: "Intent", Answer: intent, Code: intent}}
	say := func(link, text, answer string) {
		if answer != "" {
			items = append(items, care.Said{Link: link, Text: text, Answer: answer})
		}
	}
	say("description", "What the hub recommends", n.Str("description"))
	say("start", "Since", n.Str("period.start"))
	say("end", "Until", n.Str("period.end"))
	for i, x := range n.All("activity.detail") {
		say("activity."+strconv.Itoa(i+1), "What is planned", cmp.Or(x.Str("description"), conceptWords(x.Get("code"))))
	}
	for i, x := range n.All("note") {
		say("note."+strconv.Itoa(i+1), "Note", x.Str("text"))
	}
	return d.document(n, care.PaperPlan, items)
}

// ReadAssessment reads a D2A assessment: a DocumentReference whose PDF stands in it,
// is contained, or is an entry of the Bundle.
func ReadAssessment(body *fhir.Node, from Sender) (translate.Request, error) {
	d := open(body, "DocumentReference", from)
	n := d.focus
	if n == nil {
		return translate.Request{}, d.err()
	}
	d.one(n, "status", "current")
	d.one(n, "docStatus", "final")
	d.one(n, "indexed")
	if n.Str("type.coding.code") != codeFull {
		d.wrong("code-invalid", "DocumentReference.type", "The type must be "+codeFull+" of "+sysArtifact)
	}
	a := n.Get("content.attachment")
	data := a.Str("data")
	if data == "" {
		binary := d.find(n, fhir.Obj("reference", a.Str("url")), "DocumentReference.content.attachment.url")
		if data = binary.Str("content"); binary.Type() != "Binary" || data == "" {
			d.wrong("required", "DocumentReference.content.attachment", "Send the document too: as data, or as a Binary that url points to, contained or in the Bundle")
		} else {
			n = n.Clone()
			n.Get("content.attachment").Set("data", data)
		}
	}
	if kind := a.Str("contentType"); kind != "application/pdf" {
		d.wrong("code-invalid", "DocumentReference.content.attachment.contentType", "The document must be application/pdf")
	} else if data != "" && !strings.HasPrefix(data, "JVBERi") { // "%PDF-" in base64
		d.wrong("value", "DocumentReference.content.attachment", "The document is no PDF")
	}
	items := []care.Said{{Link: "document", Text: "Document", Answer: cmp.Or(a.Str("title"), n.Str("description"), "Discharge 2 Assess (D2A) Assessment")},
		{Link: "created", Text: "Written", Answer: cmp.Or(a.Str("creation"), n.Str("created"), n.Str("indexed"))}}
	return d.document(n, care.PaperAssessment, items)
}

// document hands a plan or an assessment in, about the referral of the stay.
func (d *document) document(n *fhir.Node, kind care.PaperKind, items []care.Said) (translate.Request, error) {
	r := translate.Request{Event: string(kind), At: d.from.at(n), Must: true}
	ref := n.Get("context")
	if kind == care.PaperAssessment {
		ref = n.Get("context.encounter")
	}
	d.staying(n, ref, n.Type()+".context", &r)
	p := care.Paper{Kind: kind, At: r.At, Items: items}
	if id := n.Get("identifier"); id.Str("value") != "" {
		p.Key = Key(id.Str("system"), id.Str("value"))
	} else if id := n.Get("masterIdentifier"); id.Str("value") != "" {
		p.Key = Key(id.Str("system"), id.Str("value"))
	}
	r.Commands = []care.Command{care.SharePaper{Paper: p}}
	r.Kept = []translate.Kept{{Type: n.Type(), Version: fhir.STU3, Tree: n}}
	return r, d.err()
}

// staying says which stay, by the Encounter that came with it, by its identifier,
// or by our id of it; else which person, by our id.
func (d *document) staying(n, ref *fhir.Node, expression string, r *translate.Request) {
	if stay := d.find(n, ref, expression); stay.Type() == "Encounter" {
		id := d.visit(stay)
		r.Visit = &id
		return
	}
	if id := ref.Member("identifier"); id.Str("value") != "" {
		r.Visit = &care.Identifier{System: id.Str("system"), Value: id.Str("value")}
		return
	}
	for _, text := range []string{ref.Str("reference"), n.Str("subject.reference")} {
		if at, err := fhir.ParseRef(text); err == nil && (at.Type == "Encounter" || at.Type == "Patient") && at.ID != "" {
			r.Case = care.CaseOf(at.ID)
			return
		}
	}
	d.wrong("required", expression, "Say which stay this is about: by a reference to the Encounter, or by its identifier")
}

// ReadChild reads what a council says of its work: the child task, by whose status
// it takes the referral on, has done what it did, or rejects it. is is how the
// referral stands.
func ReadChild(body *fhir.Node, is care.Referral, from Sender) (translate.Request, error) {
	d := open(body, "Task", from)
	n := d.focus
	if n == nil {
		return translate.Request{}, d.err()
	}
	status := d.one(n, "status", "in-progress", "completed", "rejected")
	if n.Str("code.coding.code") != codeChild {
		d.wrong("code-invalid", "Task.code", "A council's task must be "+codeChild+" of "+sysArtifact)
	}
	d.one(n, "authoredOn")
	if at, err := fhir.ParseRef(n.Str("partOf.reference")); err != nil || !strings.HasSuffix(at.ID, string(is.ID)+parentTask) {
		d.wrong("value", "Task.partOf", "The task must be part of the parent task of this referral")
	}
	r := translate.Request{Event: "child-task", At: from.at(n), Referral: is.ID, Must: true, Kept: []translate.Kept{{Type: "Task", Version: fhir.STU3, Tree: n}}}
	words := cmp.Or(n.Str("statusReason.text"), conceptWords(n.Get("statusReason")))
	done := is.State == care.RefClosed || ended(is)
	switch {
	case done && status != childStatus(is):
		d.wrong("business-rule", "Task.status", "The task has ended, and its status does not change any more")
	case done:
	case status == "rejected" && words == "":
		d.wrong("required", "Task.statusReason", "Say why the referral is rejected: the hospital is told")
	case status == "rejected":
		if is.State == care.RefReceived || is.State == care.RefSent { // it is looked at before it is rejected
			r.Commands = append(r.Commands, care.Accept{ID: is.ID})
		}
		r.Commands = append(r.Commands, care.Close{ID: is.ID, Outcome: Rejected + words})
	case status == "completed":
		r.Commands = append(d.taken(n, is), care.Close{ID: is.ID, Outcome: cmp.Or(words, n.Str("description"), "Completed")})
	default:
		r.Commands = d.taken(n, is)
	}
	for _, x := range n.All("output") {
		if v := cmp.Or(x.Str("valueDateTime"), x.Str("valueDate")); v != "" && (x.Str("type.coding.code") == codePlanned || strings.EqualFold(x.Str("type.text"), codePlanned)) {
			if t, _, ok := moment(v, from.Zone); ok {
				r.Commands = append(r.Commands, note(is, "Planned discharge date: "+t.In(from.Zone).Format("2 January 2006")))
			}
		}
	}
	for _, x := range n.All("note") {
		if t := x.Str("text"); t != "" {
			r.Commands = append(r.Commands, note(is, t))
		}
	}
	return r, d.err()
}

// note is a note of the council's for both sides. Said again it is the same: its id
// is made from what it says.
func note(r care.Referral, text string) care.Command {
	id := care.ResourceID(care.CaseID(""), "ncr-note", string(r.ID), text)
	return care.AddNote{Note: care.Note{ID: strings.TrimPrefix(id, "."), Audience: care.AudienceBoth, Text: text, Referral: r.ID}}
}

// taken is that the council took the referral on, and who has it and how far it is,
// where the task says so.
func (d *document) taken(n *fhir.Node, is care.Referral) (out []care.Command) {
	if ref := identifier(n, "/council-reference/"+strings.ToLower(string(is.To))); ref != "" && ref != is.Reference {
		out = append(out, care.Receive{ID: is.ID, Reference: ref})
	}
	if is.Accepted.IsZero() {
		out = append(out, care.Accept{ID: is.ID})
	}
	worker := d.find(n, n.Get("owner"), "Task.owner")
	if worker.Type() == "Practitioner" {
		if id := worker.Str("identifier.value"); id != "" && care.ActorID(id) != is.Worker.ID {
			out = append(out, care.Allocate{ID: is.ID, Worker: care.Who{ID: care.ActorID(id), Name: person(worker)}, Was: is.Worker.ID})
		}
	}
	state := care.RefState(n.Str("businessStatus.coding.code"))
	if slices.Contains([]care.RefState{care.RefAssessing, care.RefPlanning, care.RefSourcing, care.RefReady}, state) && state != is.State {
		out = append(out, care.Progress{ID: is.ID, State: state})
	}
	return out
}

// People are the Patient and the stays that a reader may see, whose tasks they are.
func People(s translate.Shown) (out []*fhir.Node) {
	c := s.Case
	if s.Sees.Person {
		w := &writing{s: s}
		n := w.finished(w.patient(), string(c.ID), "", "Patient/"+string(c.ID), false)
		n.Member("meta").Set("profile", []string{"https://fhir.hl7.org.uk/STU3/StructureDefinition/CareConnect-Patient-1"})
		out = append(out, n)
	}
	for _, st := range stays(s) {
		w, id := &writing{s: s}, care.StayResource(c.ID, st)
		n := w.finished(w.encounter(st, subject(s)), id, "", "Encounter/"+id, false)
		n.Member("meta").Set("profile", []string{"https://fhir.hl7.org.uk/STU3/StructureDefinition/CareConnect-Encounter-1"})
		out = append(out, n)
	}
	return out
}
