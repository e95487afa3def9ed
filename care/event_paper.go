package care

import (
	"slices"
	"time"

	"homeward/form"
)

// Paper is a structured document that belongs to a referral: an assessment notice,
// a checklist, a discharge notice. A later one of the same Key replaces it.
type Paper struct {
	Of        CaseID     `json:"of,omitempty"` // the case it came from in a merge; "" its own
	ID        string     `json:"id"`
	Key       string     `json:"key,omitempty"` // the sender's own identifier, "" for none
	Kind      PaperKind  `json:"kind"`
	Referral  ReferralID `json:"referral"`
	Items     []Said     `json:"items,omitzero"`
	At        time.Time  `json:"at"` // when it was written
	By        Who        `json:"by,omitzero"`
	Withdrawn time.Time  `json:"withdrawn,omitzero"`
	Why       string     `json:"why,omitempty"` // SHD-CancellationReason, 01 to 13
	WhyText   string     `json:"whyText,omitempty"`
	Ended     bool       `json:"ended,omitempty"` // withdrawn because its referral was

	// Of a paper that was written here, in a form of ours. Each revision that was
	// approved is shared anew.
	Form        string       `json:"form,omitempty"`
	FormVersion int          `json:"formVersion,omitempty"`
	Answers     form.Answers `json:"answers,omitzero"`
	Revision    int          `json:"revision,omitempty"` // from 1
	Approvals   []Approval   `json:"approvals,omitzero"`
	Signs       []Sign       `json:"signs,omitzero"` // of a trusted assessment: what providers said to this revision
	Files       []File       `json:"files,omitzero"`
}

// Approval is one step by which a paper was approved.
type Approval struct {
	Step string    `json:"step"` // worker, manager, panel
	At   time.Time `json:"at"`
	By   Who       `json:"by"`
	Text string    `json:"text,omitempty"`
}

// Sign is a provider's answer to a trusted assessment: signed, or disputed with
// what is wrong.
type Sign struct {
	At       time.Time `json:"at"`
	Provider string    `json:"provider"`
	Name     string    `json:"name"`
	Who      string    `json:"who"` // the provider's person, as typed
	Disputed bool      `json:"disputed,omitempty"`
	Text     string    `json:"text,omitempty"`
	Settled  time.Time `json:"settled,omitzero"` // the dispute is over
	Outcome  string    `json:"outcome,omitempty"`
}

// File is an attachment: kept by its sum beside the case.
type File struct {
	ID    string    `json:"id"` // hexadecimal SHA-256 of its bytes
	Name  string    `json:"name"`
	Type  string    `json:"type"` // media type, as found in the bytes
	Bytes int64     `json:"bytes"`
	At    time.Time `json:"at"`
	By    Who       `json:"by"`
}

// Said is one answer of a paper, in the words of the sender.
type Said struct {
	Link   string `json:"link"` // QuestionnaireResponse.item.linkId
	Text   string `json:"text,omitempty"`
	Answer string `json:"answer,omitempty"` // as people read it
	Code   string `json:"code,omitempty"`   // where the answer was coded
}

// PaperKind is what a paper is; the words of the Nottinghamshire profiles.
type PaperKind string

// The kinds of paper.
const (
	PaperAssessmentNotice PaperKind = "assessment-notice"
	PaperNeeds            PaperKind = "preliminary-needs"
	PaperCovid            PaperKind = "covid-19"
	PaperChecklist        PaperKind = "chc-checklist"
	PaperDischargeNotice  PaperKind = "discharge-notice"
	PaperAdditional       PaperKind = "additional-information"
	PaperPlan             PaperKind = "discharge-plan"
	PaperAssessment       PaperKind = "d2a-assessment"

	// Written here, in the form of the same name.
	PaperHospital PaperKind = "hospital-assessment"
	PaperCareAct  PaperKind = "care-act-assessment"
	PaperCarer    PaperKind = "carer-conversation"
	PaperTrusted  PaperKind = "trusted-assessment"
)

// Single reports whether a referral has at most one paper of the kind: another is
// the same one with other answers. There may be several assessments.
func (k PaperKind) Single() bool {
	return !slices.Contains([]PaperKind{PaperAssessment, PaperHospital, PaperCareAct, PaperCarer, PaperTrusted}, k)
}

// Say is the kind in words.
func (k PaperKind) Say() string { return paperWords[k] }

var paperWords = map[PaperKind]string{
	PaperAssessmentNotice: "Assessment notice", PaperNeeds: "Preliminary needs assessment", PaperCovid: "COVID-19 questions",
	PaperChecklist: "NHS continuing healthcare checklist", PaperDischargeNotice: "Discharge notice", PaperAdditional: "Additional information",
	PaperPlan: "Discharge plan", PaperAssessment: "Discharge to assess assessment",
	PaperHospital: "Hospital discharge assessment", PaperCareAct: "Care Act needs assessment", PaperCarer: "Carer's conversation",
	PaperTrusted: "Trusted assessment",
}

// PaperShared is that a paper came, or came again with other answers.
type PaperShared struct {
	At    time.Time `json:"at"`
	Paper Paper     `json:"paper"`
	Again bool      `json:"again,omitempty"`
}

func (e PaperShared) When() time.Time { return e.At }

// Say names the event.
func (e PaperShared) Say() string {
	switch {
	case e.Paper.Form != "" && e.Again:
		return e.Paper.Kind.Say() + " changed: revision " + itoa(e.Paper.Revision) + " approved"
	case e.Paper.Form != "":
		return e.Paper.Kind.Say() + " approved"
	case e.Again:
		return e.Paper.Kind.Say() + " updated"
	}
	return e.Paper.Kind.Say() + " received"
}

func (e PaperShared) apply(c *Case) {
	for i := range c.Papers {
		if c.Papers[i].ID == e.Paper.ID {
			e.Paper.Of = c.Papers[i].Of
			c.Papers[i] = e.Paper
			return
		}
	}
	c.Papers = append(c.Papers, e.Paper)
}

// PaperWithdrawn is that the sender took a paper back.
type PaperWithdrawn struct {
	At      time.Time `json:"at"`
	ID      string    `json:"id"`
	Kind    PaperKind `json:"kind"`
	Why     string    `json:"why,omitempty"`
	WhyText string    `json:"whyText,omitempty"`
}

func (e PaperWithdrawn) When() time.Time { return e.At }

// Say names the event.
func (e PaperWithdrawn) Say() string { return e.Kind.Say() + " withdrawn" }

func (e PaperWithdrawn) apply(c *Case) {
	for i := range c.Papers {
		if c.Papers[i].ID == e.ID {
			c.Papers[i].Withdrawn, c.Papers[i].Why, c.Papers[i].WhyText = e.At, e.Why, e.WhyText
		}
	}
}

// PaperSigned is that a provider signed or disputed a trusted assessment, or that
// a dispute was settled. It is about one revision.
type PaperSigned struct {
	At   time.Time `json:"at"`
	ID   string    `json:"id"`
	Kind PaperKind `json:"kind"`
	By   Who       `json:"by,omitzero"`
	Sign Sign      `json:"sign"`
}

func (e PaperSigned) When() time.Time { return e.At }

// Say names the event.
func (e PaperSigned) Say() string {
	switch {
	case !e.Sign.Settled.IsZero():
		return e.Kind.Say() + ": dispute settled with " + e.Sign.Name
	case e.Sign.Disputed:
		return e.Kind.Say() + " disputed by " + e.Sign.Name
	}
	return e.Kind.Say() + " signed by " + e.Sign.Name
}

func (e PaperSigned) apply(c *Case) {
	for i := range c.Papers {
		if p := &c.Papers[i]; p.ID == e.ID {
			p.Signs = append(slices.DeleteFunc(slices.Clone(p.Signs), func(s Sign) bool { return s.Provider == e.Sign.Provider }), e.Sign)
		}
	}
}

// endPapers is that a referral was taken back or stopped, and its papers with it
// (Nottinghamshire SHD, Cancel Referral: that withdraws its assessment notice too).
func (c *Case) endPapers(id ReferralID, at time.Time, why, text string) {
	for i := range c.Papers {
		if p := &c.Papers[i]; p.Referral == id && p.Withdrawn.IsZero() {
			p.Withdrawn, p.Why, p.WhyText, p.Ended = at, why, text, true
		}
	}
}

// resumePapers is that a referral goes on: what was withdrawn with it stands again.
func (c *Case) resumePapers(id ReferralID) {
	for i := range c.Papers {
		if p := &c.Papers[i]; p.Referral == id && p.Ended {
			p.Withdrawn, p.Why, p.WhyText, p.Ended = time.Time{}, "", "", false
		}
	}
}

// Told is that another system has, or could not be given, what happened here.
// Words are ours and hold nothing that the far side wrote but its reference.
type Told struct {
	At          time.Time  `json:"at"`
	Destination string     `json:"destination"` // configured name
	Title       string     `json:"title"`       // for people: "the council's system"
	Referral    ReferralID `json:"referral,omitempty"`
	What        string     `json:"what"` // what was told, in words: "the referral"
	Reference   string     `json:"reference,omitempty"`
	State       ToldState  `json:"state"`
}

// ToldState is how far telling came.
type ToldState string

// The states: taken by the far side's door, received by the system itself, or not.
const (
	ToldSent     ToldState = "sent"
	ToldReceived ToldState = "received"
	ToldNot      ToldState = "not"
)

func (e Told) When() time.Time { return e.At }

// Say names the event: "Received by the council's system, reference 4471902".
func (e Told) Say() string {
	s := map[ToldState]string{ToldSent: "Sent to ", ToldReceived: "Received by ", ToldNot: "Not delivered to "}[e.State] + e.Title
	if e.What != "" {
		s += ": " + e.What
	}
	if e.Reference != "" {
		s += ", reference " + e.Reference
	}
	return s
}

func (e Told) apply(*Case) {}
