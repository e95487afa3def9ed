package care

import "time"

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
)

// Single reports whether a referral has at most one paper of the kind: another is
// the same one with other answers. There may be several assessments.
func (k PaperKind) Single() bool { return k != PaperAssessment }

// Say is the kind in words.
func (k PaperKind) Say() string { return paperWords[k] }

var paperWords = map[PaperKind]string{
	PaperAssessmentNotice: "Assessment notice", PaperNeeds: "Preliminary needs assessment", PaperCovid: "COVID-19 questions",
	PaperChecklist: "NHS continuing healthcare checklist", PaperDischargeNotice: "Discharge notice", PaperAdditional: "Additional information",
	PaperPlan: "Discharge plan", PaperAssessment: "Discharge to assess assessment",
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
	if e.Again {
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
