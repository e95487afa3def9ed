package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// assessmentKind is the kind of the records of assessments being written. One is
// its organisation's alone until it is approved; then it is a paper of the case.
const assessmentKind = "assessment"

// The states of an assessment.
const (
	AssessDraft    = "draft"
	AssessWaiting  = "waiting"  // for the next approval
	AssessReturned = "returned" // with comments, to who wrote it
	AssessApproved = "approved" // shared into the case
	AssessDropped  = "dropped"
)

// openStates are those of an assessment that somebody still has to do something to.
var openStates = []string{AssessDraft, AssessWaiting, AssessReturned}

// assessment is what the store keeps of one. Its record's Owner is the writer.
type assessment struct {
	Form      string            `json:"form"`
	Version   int               `json:"formVersion"`
	Referral  care.ReferralID   `json:"referral"`
	Paper     string            `json:"paper,omitempty"` // that it is a new revision of; "": it becomes a new one
	Revision  int               `json:"revision"`
	Writer    care.Who          `json:"writer"`
	Started   time.Time         `json:"started"`
	Answers   form.Answers      `json:"answers"`
	Before    form.Answers      `json:"before,omitzero"` // of the revision that it began from
	Sent      int               `json:"sent,omitempty"`  // how often it was sent for approval
	Approvals []care.Approval   `json:"approvals,omitzero"`
	Comments  []AssessComment   `json:"comments,omitzero"`
	Files     []care.File       `json:"files,omitzero"`
	Savings   []saving          `json:"savings,omitzero"`
	Trimmed   int64             `json:"trimmed,omitempty"` // the version to which savings are forgotten
	Open      []AssessOpened    `json:"open,omitzero"`
	Editors   []care.ActorID    `json:"editors,omitzero"` // who typed any of it
	Handed    []AssessTakenOver `json:"handed,omitzero"`
	Aside     []AssessAside     `json:"aside,omitzero"`
}

// AssessComment is what an approver, or anybody of the team, wrote beside it.
type AssessComment struct {
	At    time.Time `json:"at"`
	By    care.Who  `json:"by"`
	Field string    `json:"field,omitempty"` // "": about all of it
	Text  string    `json:"text"`
	Sent  int       `json:"sent"` // to which sending for approval it belongs
}

// AssessOpened is that somebody has it open to write.
type AssessOpened struct {
	Who care.Who  `json:"who"`
	At  time.Time `json:"at"`
}

// AssessTakenOver is that another worker went on with it.
type AssessTakenOver struct {
	At   time.Time `json:"at"`
	From care.Who  `json:"from"`
	To   care.Who  `json:"to"`
}

// AssessmentView is an assessment being written, or waiting for approval, as one of
// its own organisation sees it.
type AssessmentView struct {
	Case      CaseView
	ID        string
	State     string
	Form      *form.Pathway
	Referral  *ReferralView
	Paper     string
	Revision  int
	Answers   form.Answers // what is known, under what was typed
	Before    form.Answers
	Known     map[string]Known
	Conflicts []Conflict
	Facts     form.Facts
	Writer    care.Who
	Saved     time.Time
	SavedBy   care.Who
	Seat      Seat
	Others    []AssessOpened // who else has it open
	Aside     []AssessAside  // what the reader typed where another had changed the same
	Sent      int
	Approvals []care.Approval
	Next      form.Step // that it waits for; "" when for none
	Comments  []AssessComment
	Files     []FileView
	Handed    []AssessTakenOver
	MayWrite  bool
	MayDecide bool   // approve it, or return it
	WhyNot    string // why the reader may not, in words; "" where their role says so
}

// Editable reports whether answers can be changed now.
func (v AssessmentView) Editable() bool { return v.State == AssessDraft || v.State == AssessReturned }

// AssessmentItem is one line of a list of assessments.
type AssessmentItem struct {
	ID       string
	Case     care.CaseID
	Title    string
	State    string
	Revision int
	Writer   care.Who
	Next     form.Step
	Person   care.Person // of lists across cases
	At       time.Time   // when it last changed; of lists across cases
}

// opened is an assessment as read within a transaction.
type openedAssessment struct {
	rec  store.Record
	doc  assessment
	form *form.Pathway
}

func (o *openedAssessment) editable() bool {
	return o.rec.State == AssessDraft || o.rec.State == AssessReturned
}

func (o *openedAssessment) put(tx *store.Tx, now time.Time) (err error) {
	if o.rec.Doc, err = json.Marshal(o.doc); err != nil {
		return err
	}
	o.rec.At = now
	o.rec, err = tx.PutRecord(o.rec)
	return err
}

// next is the approval that it waits for; "" when it has all.
func (o *openedAssessment) next() form.Step {
	if o.rec.State != AssessWaiting {
		return ""
	}
	return nextStep(o.form, o.doc)
}

func nextStep(p *form.Pathway, d assessment) form.Step {
	steps := stepsOf(p, d.Answers)
	if len(d.Approvals) >= len(steps) {
		return ""
	}
	return steps[len(d.Approvals)]
}

// stepsOf are the approvals that answers need. The worker's signature is always the
// first: whoever sends it stands for it.
func stepsOf(p *form.Pathway, a form.Answers) []form.Step {
	steps := p.Approvals(a)
	if len(steps) == 0 || steps[0] != form.ByWorker {
		steps = append([]form.Step{form.ByWorker}, steps...)
	}
	return steps
}

// assessForms are the newest versions of the forms in which an organisation writes
// assessments.
func (h *Hub) assessForms(kind care.OrgKind) []*form.Pathway {
	var out []*form.Pathway
	for _, p := range h.Forms.All() {
		latest, _ := h.Forms.Latest(p.ID)
		if p == latest && writesIn(p, kind) {
			out = append(out, p)
		}
	}
	return out
}

// writesIn reports whether a form is an assessment, and an organisation's kind to write.
func writesIn(p *form.Pathway, kind care.OrgKind) bool {
	assessed := []care.PaperKind{care.PaperHospital, care.PaperCareAct, care.PaperCarer, care.PaperTrusted}
	return slices.Contains(assessed, care.PaperKind(p.ID)) && (p.Owner == "" || p.Owner == string(kind))
}

// assessing begins a use case about an assessment of the reader's own organisation.
// One that is not of this case is not found, as one that is not there.
func (h *Hub) assessing(tx *store.Tx, by care.Actor, action policy.Action, id care.CaseID, name string) (*asking, care.Case, *openedAssessment, error) {
	a, c, err := h.named(tx, by, action, id, h.now())
	if err != nil {
		return a, c, nil, err
	}
	a.decide(caseActions...)
	if !a.may[policy.WriteAssessment] && !a.may[policy.ApproveAssessment] || action == policy.WriteAssessment && !a.may[action] || action == policy.ApproveAssessment && !a.may[action] {
		return a, c, nil, a.refuse(tx)
	}
	rec, err := tx.Kept(assessmentKind, string(by.Org), name)
	if err == nil && rec.Case != c.ID && !slices.Contains(c.Absorbed, rec.Case) {
		err = &care.Error{Kind: care.NotFound, Text: "There is no such assessment"}
	}
	if err != nil {
		return a, c, nil, err
	}
	o, err := h.readAssessment(rec)
	return a, c, o, err
}

func (h *Hub) readAssessment(rec store.Record) (*openedAssessment, error) {
	o := &openedAssessment{rec: rec}
	if err := json.Unmarshal(rec.Doc, &o.doc); err != nil {
		return nil, err
	}
	var ok bool
	if o.form, ok = h.Forms.Get(o.doc.Form, o.doc.Version); !ok {
		return nil, &care.Error{Kind: care.Exception, Text: "The form of this assessment is not installed"}
	}
	return o, nil
}

// StartAssessment begins an assessment of a referral, and gives its name. Where one
// in that form is being written already, it is a Duplicate with the name of that
// one, unless another is meant.
func (h *Hub) StartAssessment(ctx context.Context, by care.Actor, id care.CaseID, ref care.ReferralID, formID string, another bool) (string, error) {
	var name string
	err := h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.WriteAssessment, id, h.now())
		if err != nil {
			return err
		}
		p, ok := h.Forms.Latest(formID)
		i := slices.IndexFunc(c.Referrals, func(r care.Referral) bool { return r.ID == ref })
		a.decide(caseActions...)
		switch {
		case !a.may[policy.WriteAssessment]:
			return a.refuse(tx)
		case !ok || !writesIn(p, by.OrgKind):
			return &care.Error{Kind: care.Invalid, Field: "form", Text: "Choose the assessment to write"}
		case i < 0 || !a.seesReferral(c.Referrals[i]):
			return &care.Error{Kind: care.NotFound, Field: "referral", Text: "There is no such referral"}
		case !c.Referrals[i].Open():
			return &care.Error{Kind: care.BusinessRule, Text: "This referral has ended, so no assessment can be started"}
		}
		if err := mayWork(c); err != nil {
			return err
		}
		if name, err = h.inProgress(tx, by.Org, c, ref, formID); err != nil {
			return err
		}
		if name != "" && !another {
			if err := a.audit(tx, true, "there already"); err != nil {
				return err
			}
			return committed{&care.Error{Kind: care.Duplicate, Text: "This assessment is being written already"}}
		}
		o := &openedAssessment{form: p, doc: assessment{Form: p.ID, Version: p.Version, Referral: ref, Revision: 1, Answers: form.Answers{}}}
		if name, err = h.begin(tx, a, c, o); err != nil {
			return err
		}
		return h.assessingBegins(tx, by, id, c.Referrals[i])
	})
	return name, err
}

// assessingBegins moves on a referral that waited for its assessment to begin: what is
// next must not be what is being done.
func (h *Hub) assessingBegins(tx *store.Tx, by care.Actor, id care.CaseID, r care.Referral) error {
	if r.State != care.RefAllocated || r.To != by.Org {
		return nil
	}
	a, c, err := h.named(tx, by, policy.Progress, id, h.now())
	if err != nil || !a.allowed(policy.Progress) {
		return err
	}
	_, err = h.carry(tx, a, c, policy.Progress, care.Progress{ID: r.ID, State: care.RefAssessing})
	return err
}

// mayWork refuses what no assessment may do to a record as it stands.
func mayWork(c care.Case) error {
	if c.JoinedTo != "" {
		return &care.Error{Kind: care.BusinessRule, Text: "This record was joined with another record of the same person. Open the other record"}
	}
	return nil
}

func (h *Hub) begin(tx *store.Tx, a *asking, c care.Case, o *openedAssessment) (string, error) {
	now := a.record.At
	o.doc.Writer, o.doc.Started = a.by.Who(), now
	o.rec = store.Record{Kind: assessmentKind, Org: string(a.by.Org), ID: newID(), Case: c.ID, Owner: string(a.by.ID), State: AssessDraft}
	if err := o.put(tx, now); err != nil {
		return "", err
	}
	return o.rec.ID, a.audit(tx, true, "started "+o.doc.Form)
}

// inProgress is the name of an assessment of a referral in a form that is open; ""
// when there is none.
func (h *Hub) inProgress(tx *store.Tx, org nhs.ODS, c care.Case, ref care.ReferralID, formID string) (string, error) {
	all, err := h.assessmentsOf(tx, org, c)
	if err != nil {
		return "", err
	}
	for _, o := range all {
		if o.doc.Referral == ref && o.doc.Form == formID {
			return o.rec.ID, nil
		}
	}
	return "", nil
}

// assessmentsOf are an organisation's open assessments of a person.
func (h *Hub) assessmentsOf(tx *store.Tx, org nhs.ODS, c care.Case) ([]*openedAssessment, error) {
	var out []*openedAssessment
	for _, id := range append([]care.CaseID{c.ID}, c.Absorbed...) {
		rs, err := tx.KeptAll(store.RecordQuery{Kind: assessmentKind, Org: string(org), Case: id, States: openStates})
		if err != nil {
			return nil, err
		}
		for _, rec := range rs {
			o, err := h.readAssessment(rec)
			if err != nil {
				return nil, err
			}
			out = append(out, o)
		}
	}
	return out, nil
}

// ReviseAssessment begins the next revision of an approved paper that the reader's
// organisation wrote, from its answers, and gives its name: that of the one that was
// begun already, if there is one.
func (h *Hub) ReviseAssessment(ctx context.Context, by care.Actor, id care.CaseID, paper string) (string, error) {
	var name string
	err := h.update(ctx, func(tx *store.Tx) error {
		a, c, err := h.named(tx, by, policy.WriteAssessment, id, h.now())
		if err != nil {
			return err
		}
		a.decide(caseActions...)
		if !a.may[policy.WriteAssessment] {
			return a.refuse(tx)
		}
		if err := mayWork(c); err != nil {
			return err
		}
		i := slices.IndexFunc(c.Papers, func(p care.Paper) bool {
			return p.ID == paper && p.Form != "" && p.By.Org == by.Org && p.Withdrawn.IsZero()
		})
		if i < 0 {
			return &care.Error{Kind: care.NotFound, Text: "There is no such assessment"}
		}
		was := c.Papers[i]
		all, err := h.assessmentsOf(tx, by.Org, c)
		if err != nil {
			return err
		}
		for _, o := range all {
			if o.doc.Paper == paper {
				name = o.rec.ID
				return a.audit(tx, true, "begun already")
			}
		}
		p, ok := h.Forms.Latest(was.Form)
		if !ok {
			return &care.Error{Kind: care.Exception, Text: "The form of this assessment is not installed"}
		}
		o := &openedAssessment{form: p, doc: assessment{Form: p.ID, Version: p.Version, Referral: was.Referral, Paper: was.ID, Revision: was.Revision + 1,
			Answers: merge(was.Answers, nil), Before: was.Answers, Files: slices.Clone(was.Files)}}
		name, err = h.begin(tx, a, c, o)
		return err
	})
	return name, err
}

// Assessment opens an assessment of the reader's organisation. Where they may write
// it, others see from now on that they have it open.
func (h *Hub) Assessment(ctx context.Context, by care.Actor, id care.CaseID, name string) (AssessmentView, error) {
	var v AssessmentView
	err := h.update(ctx, func(tx *store.Tx) error {
		a, c, o, err := h.assessing(tx, by, policy.ListAssessments, id, name)
		if err != nil {
			return err
		}
		now := a.record.At
		if o.editable() && a.may[policy.WriteAssessment] {
			o.doc.opened(by.Who(), now)
			if err := o.touch(tx); err != nil {
				return err
			}
		}
		if v, err = h.assessmentView(tx, a, c, o, now); err != nil {
			return err
		}
		return a.audit(tx, true, "opened an assessment")
	})
	return v, err
}

// touch keeps who has it open, and not as a saving of answers.
func (o *openedAssessment) touch(tx *store.Tx) error { return o.put(tx, o.rec.At) }

// assessmentView is an assessment for a reader of its organisation.
func (h *Hub) assessmentView(tx *store.Tx, a *asking, c care.Case, o *openedAssessment, now time.Time) (AssessmentView, error) {
	v := AssessmentView{ID: o.rec.ID, State: o.rec.State, Form: o.form, Paper: o.doc.Paper, Revision: o.doc.Revision, Before: o.doc.Before, Writer: o.doc.Writer,
		Sent: o.doc.Sent, Approvals: o.doc.Approvals, Next: o.next(), Comments: o.doc.Comments, Handed: o.doc.Handed, MayWrite: a.may[policy.WriteAssessment],
		Seat: Seat{ID: newID(), Version: o.rec.Version}}
	var err error
	if v.Case, err = h.caseView(tx, a, c, now); err != nil {
		return v, err
	}
	for i, r := range v.Case.Referrals {
		if r.Referral.ID == o.doc.Referral {
			v.Referral = &v.Case.Referrals[i]
		}
	}
	f := h.fillForm(a, c, o.form, nil, o.doc.Answers, now)
	v.Answers, v.Facts, v.Known = o.doc.Answers, f.Facts, f.Known
	if o.editable() {
		v.Answers, v.Conflicts = f.Answers, f.Conflicts
	}
	if n := len(o.doc.Savings); n > 0 {
		v.Saved, v.SavedBy = o.doc.Savings[n-1].At, o.doc.Savings[n-1].By
	}
	for _, x := range o.doc.Open {
		if x.Who.ID != a.by.ID && now.Sub(x.At) < openFor {
			v.Others = append(v.Others, x)
		}
	}
	for _, x := range o.doc.Aside {
		if x.Who == a.by.ID {
			v.Aside = append(v.Aside, x)
		}
	}
	v.MayDecide, v.WhyNot = o.mayDecide(a)
	v.Files, err = h.fileViews(tx, c, o.doc.Files)
	return v, err
}

// openFor is for how long somebody counts as having an assessment open after they
// opened it or typed in it.
const openFor = 10 * time.Minute

// mayDecide reports whether the reader may approve or return it as it is, and why
// not where their role would let them.
func (o *openedAssessment) mayDecide(a *asking) (bool, string) {
	step := o.next()
	if step == "" || !a.may[policy.ApproveAssessment] {
		return false, ""
	}
	if slices.Contains(o.doc.Editors, a.by.ID) || o.doc.Writer.ID == a.by.ID {
		return false, "You wrote some of this, so somebody else must approve it"
	}
	for _, x := range o.doc.Approvals {
		if x.By.ID == a.by.ID {
			return false, "You have approved this already. The next step must be somebody else’s"
		}
	}
	return true, ""
}

// Assessments lists the open assessments of the reader's organisation: the reader's
// own ("mine"), all that are being written ("team"), or those that wait for an
// approval ("waiting"). People whom the reader may not know are left out.
func (h *Hub) Assessments(ctx context.Context, by care.Actor, which string) ([]AssessmentItem, error) {
	q := store.RecordQuery{Kind: assessmentKind, Org: string(by.Org), States: openStates, Newest: true, Limit: 200}
	switch which {
	case "mine":
		q.Owner = string(by.ID)
	case "waiting":
		q.States = []string{AssessWaiting}
	default:
		q.States = []string{AssessDraft, AssessReturned}
	}
	now := h.now()
	err := h.update(ctx, func(tx *store.Tx) error {
		list := h.ask(by, policy.ListAssessments, nil, policy.DischargePlanning, "", now)
		if !list.allowed(policy.ListAssessments) {
			return list.refuse(tx)
		}
		return list.audit(tx, true, "listed")
	})
	if err != nil {
		return nil, err
	}
	var out []AssessmentItem
	err = h.Store.View(ctx, func(tx *store.Tx) error { // many cases: the one writer does not wait for it
		out = nil
		rs, err := tx.KeptAll(q)
		if err != nil {
			return err
		}
		for _, rec := range rs {
			item, ok, err := h.listed(tx, by, rec, now)
			if err != nil {
				return err
			}
			if ok {
				out = append(out, item)
			}
		}
		return nil
	})
	return out, h.unavailable(err)
}

func (h *Hub) listed(tx *store.Tx, by care.Actor, rec store.Record, now time.Time) (AssessmentItem, bool, error) {
	c, err := h.living(tx, rec.Case)
	if err != nil {
		if care.KindOf(err) == care.NotFound {
			err = nil // erased
		}
		return AssessmentItem{}, false, err
	}
	a := h.ask(by, policy.ListAssessments, &c, policy.DischargePlanning, "", now)
	if err := a.onto(tx, now); err != nil {
		return AssessmentItem{}, false, err
	}
	a.decide(policy.SeeDemographics, policy.WriteAssessment, policy.ApproveAssessment)
	if !a.may[policy.SeeDemographics] || !a.may[policy.WriteAssessment] && !a.may[policy.ApproveAssessment] {
		return AssessmentItem{}, false, nil
	}
	o, err := h.readAssessment(rec)
	if err != nil {
		return AssessmentItem{}, false, err
	}
	item := o.item()
	item.Case, item.At, item.Person = c.ID, rec.At, care.Person{Family: c.Person.Family, Given: c.Person.Given, Title: c.Person.Title, Born: c.Person.Born}
	return item, true, nil
}

func (o *openedAssessment) item() AssessmentItem {
	return AssessmentItem{ID: o.rec.ID, Case: o.rec.Case, Title: cmp.Or(care.PaperKind(o.form.ID).Say(), o.form.Title), State: o.rec.State, Revision: o.doc.Revision,
		Writer: o.doc.Writer, Next: o.next()}
}

// assessmentPart fills what of assessments a case's page shows to their own
// organisation: which are open, and which forms the reader can begin.
func (h *Hub) assessmentPart(tx *store.Tx, a *asking, c care.Case, v *CaseView, _ time.Time) error {
	if !a.may[policy.WriteAssessment] && !a.may[policy.ApproveAssessment] {
		return nil
	}
	all, err := h.assessmentsOf(tx, a.by.Org, c)
	if err != nil {
		return err
	}
	for _, o := range all {
		v.Assessments = append(v.Assessments, o.item())
	}
	if a.may[policy.WriteAssessment] {
		for _, p := range h.assessForms(a.by.OrgKind) {
			v.AssessForms = append(v.AssessForms, p.ID)
		}
	}
	return nil
}

// AssessmentToSave is what a page that saves by itself needs to be read: the form,
// what is known, and where they differ. It shows nothing and opens nothing.
func (h *Hub) AssessmentToSave(ctx context.Context, by care.Actor, id care.CaseID, name string) (AssessmentView, error) {
	var v AssessmentView
	err := h.update(ctx, func(tx *store.Tx) error {
		a, c, o, err := h.assessing(tx, by, policy.WriteAssessment, id, name)
		if err != nil {
			return err
		}
		f := h.fillForm(a, c, o.form, nil, o.doc.Answers, a.record.At)
		v = AssessmentView{ID: o.rec.ID, State: o.rec.State, Form: o.form, Answers: f.Answers, Known: f.Known, Conflicts: f.Conflicts, Facts: f.Facts}
		return nil
	})
	return v, err
}
