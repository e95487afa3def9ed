package care

import (
	"homeward/form"
	"homeward/nhs"
)

// Command is what a person asks for. Decide may refuse it.
type Command interface{ command() }

// Refer sends a referral. Key makes it idempotent: the same key on the same
// case is the same referral. To is "" when the address did not settle which
// council is responsible; Likely then lists the candidates.
type Refer struct {
	ID          ReferralID
	Key         string
	To          nhs.ODS
	Likely      []nhs.ODS
	Pathway     string
	Form        string
	FormVersion int
	Answers     form.Answers
	Another     bool     // there is an open referral already, and another is meant
	Gate        int      // the version of the receiving team's rules that it was weighed by; 0: none
	Missing     []string // what those rules want and it lacks
	Must        bool     // and without which they would send it back: then Anyway says why it is sent
	Anyway      string
}

// Reply adds the information for which a referral was returned.
type Reply struct {
	ID      ReferralID
	Answers form.Answers
}

// Withdraw takes a referral back, for a reason 01 to 13; 13 needs words.
type Withdraw struct {
	ID      ReferralID
	Why     string
	WhyText string
}

// Receive says that the council has it, under its own reference.
type Receive struct {
	ID        ReferralID
	Reference string
}

// Route settles which council a referral goes to.
type Route struct {
	ID ReferralID
	To nhs.ODS
}

// Accept takes a referral on.
type Accept struct{ ID ReferralID }

// SendBack returns a referral for more information: coded reasons and what is
// needed in words.
type SendBack struct {
	ID      ReferralID
	Reasons []string
	Needed  string
}

// Allocate gives a referral to a worker. Was is the worker that the allocating
// person saw ("" for none); when another has it by now, it is a conflict.
type Allocate struct {
	ID     ReferralID
	Worker Who
	Was    ActorID
}

// Progress moves the council's work to another stage.
type Progress struct {
	ID    ReferralID
	State RefState // assessing, planning, sourcing or ready
}

// Close ends a referral with an outcome in words.
type Close struct {
	ID      ReferralID
	Outcome string
}

// AddNote writes a case note.
type AddNote struct{ Note Note }

// RecordCall records a call to a provider.
type RecordCall struct{ Call Call }

// Settle answers an identity question. Number is the right NHS number; Drop
// says that the number is another person's.
type Settle struct {
	Number nhs.Number
	Drop   bool
	Why    string
}

// SharePaper hands in a structured document about a referral, or hands it in again
// with other answers where one of its Key or, for kinds of which a referral has
// one, of its Kind is there.
type SharePaper struct{ Paper Paper }

// WithdrawPaper takes back the paper of a kind, for a reason 01 to 13; 13 needs words.
type WithdrawPaper struct {
	Referral ReferralID
	Kind     PaperKind
	Why      string
	WhyText  string
}

// PutOnHold says that nothing can be done for now: for a reason, until a day to
// look again. Resume ends it.
type PutOnHold struct {
	ID    ReferralID
	Why   string
	Text  string
	Until nhs.Date
}

// Resume goes on with what was on hold.
type Resume struct{ ID ReferralID }

// Transfer hands a referral to the council that is responsible. Next is the id of
// the referral that it becomes there.
type Transfer struct {
	ID      ReferralID
	To      nhs.ODS
	Next    ReferralID
	WhyText string
}

// SayCriteria records which criteria to reside are met now: codes 01 to 12, or none.
type SayCriteria struct{ Codes []string }

// SignPaper is a provider's answer to a trusted assessment.
type SignPaper struct {
	ID       string
	Revision int
	Sign     Sign
}

// SettlePaper ends a provider's dispute about a trusted assessment.
type SettlePaper struct {
	ID       string
	Provider string
	Outcome  string
}

func (PutOnHold) command()     {}
func (Resume) command()        {}
func (Transfer) command()      {}
func (SayCriteria) command()   {}
func (SignPaper) command()     {}
func (SettlePaper) command()   {}
func (SharePaper) command()    {}
func (WithdrawPaper) command() {}
func (Refer) command()         {}
func (Reply) command()         {}
func (Withdraw) command()      {}
func (Receive) command()       {}
func (Route) command()         {}
func (Accept) command()        {}
func (SendBack) command()      {}
func (Allocate) command()      {}
func (Progress) command()      {}
func (Close) command()         {}
func (AddNote) command()       {}
func (RecordCall) command()    {}
func (Settle) command()        {}
