// Package policy says who may do what, and why, by rules written in Cedar. It
// is pure: it knows the actor, the facts of a case and the circumstances only
// as it is told them, and gives the same answer to the same question for ever.
// It does not find cases, compute their facts, keep an audit, or write any
// screen; and it never says yes when anything about the question is wrong.
package policy

import "slices"

// An OrgKind is what an organisation is.
type OrgKind string

// The kinds of organisation.
const (
	Trust    OrgKind = "trust"
	Council  OrgKind = "council"
	Provider OrgKind = "provider"
	System   OrgKind = "system" // whoever runs Homeward
)

// A Role is what an actor is there to do. An actor with two roles signs in as one of them.
type Role string

// The roles.
const (
	AENurse      Role = "ae-nurse"
	WardNurse    Role = "ward-nurse"
	Coordinator  Role = "coordinator"
	SocialWorker Role = "social-worker"
	TeamManager  Role = "team-manager"
	Broker       Role = "broker"
	Analyst      Role = "analyst"
	IGLead       Role = "ig-lead"
	Integration  Role = "integration"
	Wallboard    Role = "wallboard"
	Admin        Role = "admin"
	CareProvider Role = "care-provider" // somebody who answers for an agency or a home
	Machine      Role = "machine"       // a system that signs in by itself
)

// An Action is something that an actor wants to see or do.
type Action string

// The actions. Those marked (service) are not about one person and take no
// case; those marked (either) may.
const (
	Lookup           Action = "lookup"           // find a person by NHS number (either)
	SeeDemographics  Action = "seeDemographics"  // name, date of birth, address
	SeePackages      Action = "seePackages"      // that packages exist, their kind, status and dates
	SeeProvider      Action = "seeProvider"      // the provider's name and telephone numbers
	SeePackageDetail Action = "seePackageDetail" // what the package consists of
	SeeSafeguarding  Action = "seeSafeguarding"  // whether a safeguarding concern is open; never what it says
	SeeWhereabouts   Action = "seeWhereabouts"   // ward, bed and stay
	SeeReferral      Action = "seeReferral"      // the status strip and the answers
	SeeNotes         Action = "seeNotes"         // notes for Context.Audience
	SeeFinance       Action = "seeFinance"       // what care costs and who pays
	SeeTimeline      Action = "seeTimeline"      // what happened; the caller still decides each item's section
	Refer            Action = "refer"
	Withdraw         Action = "withdraw"
	Accept           Action = "accept"
	Return           Action = "return"
	Allocate         Action = "allocate"
	Progress         Action = "progress" // assessing, planning, sourcing, ready
	CloseReferral    Action = "closeReferral"
	AddNote          Action = "addNote" // for Context.Audience
	RecordCall       Action = "recordCall"
	ListTracker      Action = "listTracker"   // of the actor's own organisation (service)
	ListWard         Action = "listWard"      // of the actor's own organisation (service)
	ListWorklist     Action = "listWorklist"  // of the actor's own organisation (service)
	Wall             Action = "wall"          // of the actor's own organisation (service)
	SeeOperations    Action = "seeOperations" // feeds, queues and health (service)
	Explain          Action = "explain"       // what a held message would do (service)
	Replay           Action = "replay"        // (service)
	SeeRawMessage    Action = "seeRawMessage" // (either)
	SeeImports       Action = "seeImports"    // (service)
	RunImport        Action = "runImport"     // (service)
	ReleaseImport    Action = "releaseImport" // (service)
	SeeAudit         Action = "seeAudit"      // who looked at what (either)
	Steward          Action = "steward"       // questions of identity: join, separate, unfreeze (either)
	ManageUsers      Action = "manageUsers"   // accounts, sessions, teams and devices (service)

	SeeAssessments   Action = "seeAssessments"   // what was assessed and found
	SeeRisk          Action = "seeRisk"          // risks to and from the person
	RecordObjection  Action = "recordObjection"  // that a person objects to sharing, or no longer does
	BreakGlass       Action = "breakGlass"       // open a record in an emergency (either)
	SeeAlerts        Action = "seeAlerts"        // what the information governance lead must look into (service)
	CloseAlert       Action = "closeAlert"       // (service)
	SeeAgreements    Action = "seeAgreements"    // sharing agreements (service)
	ManageAgreements Action = "manageAgreements" // draft, propose, approve, suspend (service)
	ReportAccess     Action = "reportAccess"     // who looked at a person, for that person (either)
	ExportAudit      Action = "exportAudit"      // (service)
	ReviewRetention  Action = "reviewRetention"  // what is due to be erased, and erasing it (service)
	ManageOrgs       Action = "manageOrgs"       // organisations and their numbers (service)
	LaunchContext    Action = "launchContext"    // a hospital's system brings a person in context (service)

	SendCase   Action = "sendCase"   // a system says what happened to its own organisation's person (either)
	SharePaper Action = "sharePaper" // hand in a paper of a referral, or take it back
	Receive    Action = "receive"    // confirm that a referral was received

	Hold              Action = "hold"              // put a referral on hold, and resume it
	Transfer          Action = "transfer"          // hand a referral to another council
	SayReady          Action = "sayReady"          // criteria to reside, fitness and readiness, by hand
	WriteAssessment   Action = "writeAssessment"   // care says whose form it is
	ApproveAssessment Action = "approveAssessment" // care says whose form it is
	SignAssessment    Action = "signAssessment"    // a provider signs a trusted assessment, or disputes it
	SeeTasks          Action = "seeTasks"          // tasks for Context.Audience
	SetTask           Action = "setTask"           // make, do, hand on or drop a task for Context.Audience
	Nudge             Action = "nudge"             // remind the side that a referral waits for
	TellProvider      Action = "tellProvider"      // that its client is here, or has died, or to ask for a restart
	SeeClient         Action = "seeClient"         // a provider, what it was told of or asked about its client
	AnswerClient      Action = "answerClient"      // a provider, what it was told or asked
	RecordOutcome     Action = "recordOutcome"
	SeeOutcome        Action = "seeOutcome"
	DecideHuddle      Action = "decideHuddle" // what the huddle agreed about a person
	RaiseConcern      Action = "raiseConcern" // a safeguarding concern, with the council whose duty it is
	SeeConcern        Action = "seeConcern"   // what a safeguarding concern says; only to the council that it was raised to

	Arrange      Action = "arrange"      // ask providers for care, choose, confirm and release
	SeeArranging Action = "seeArranging" // what was asked of providers and what they said
	SeeMoney     Action = "seeMoney"     // what arranged care will cost and who pays
	SetMoney     Action = "setMoney"
	ApproveMoney Action = "approveMoney"

	ListHuddle      Action = "listHuddle"      // of the actor's own organisation (service)
	ManageTeam      Action = "manageTeam"      // members, skills, absence and weights (service)
	ManageGate      Action = "manageGate"      // what a receiving team wants to have in a referral (service)
	SeeGate         Action = "seeGate"         // (service)
	ManageDirectory Action = "manageDirectory" // a council's directory of providers (service)
	SeeDirectory    Action = "seeDirectory"    // (service)
	SeeCapacity     Action = "seeCapacity"     // what providers can take on (service)
	ReportCapacity  Action = "reportCapacity"  // (service)
	ListClients     Action = "listClients"     // a provider, its own (service)
	ListAssessments Action = "listAssessments" // of the actor's own organisation (service)

	SeeFigures       Action = "seeFigures"       // measures: counts and averages, nobody by name (service)
	DrillFigures     Action = "drillFigures"     // list whom a figure counts; each person is decided about by themselves (service)
	ExportFigures    Action = "exportFigures"    // take figures away, or have them sent (service)
	ManageFigures    Action = "manageFigures"    // targets, notes on charts, assumptions (service)
	MakeReturns      Action = "makeReturns"      // statutory returns (service)
	SeeQuality       Action = "seeQuality"       // what is missing, late or contradictory, counted (service)
	ExtractFigures   Action = "extractFigures"   // rows about people under pseudonyms, for analysis (service)
	ExtractNamed     Action = "extractNamed"     // the same with NHS numbers (service)
	CorrectClock     Action = "correctClock"     // say who had somebody while they waited
	RecordLookResult Action = "recordLookResult" // what a look-up led to
)

// A Purpose is what the actor says that they need it for. The zero value means "not said".
type Purpose string

// The purposes.
const (
	DirectCare        Purpose = "direct-care"
	DischargePlanning Purpose = "discharge-planning"
	OtherPurpose      Purpose = "other" // a reason must be given
	Operations        Purpose = "operations"
	Governance        Purpose = "governance"
)

// A Relationship is what ties the actor to the person. The zero value means
// none. Relate finds it; a rule refuses one that the facts do not bear out.
type Relationship string

// The relationships.
const (
	Stay         Relationship = "stay"        // the person is, or lately was, in the actor's hospital
	Referral     Relationship = "referral"    // referred by the actor's trust or to the actor's council
	Involvement  Relationship = "involvement" // the actor's council supports the person
	Declared     Relationship = "declared"    // the actor says so, with a purpose, and is audited
	Emergency    Relationship = "emergency"   // the actor broke the glass
	NoneRelation Relationship = "none"
)

// An Audience is whom a note is for. The zero value means that no note is meant.
type Audience string

// The audiences.
const (
	ForBoth     Audience = "both"
	ForCouncil  Audience = "council"
	ForHospital Audience = "hospital"
)

// A Section is a part of what is held about a person that a sharing agreement
// can name. The words are those of package sharing.
type Section string

// The sections.
const (
	Demographics  Section = "demographics"
	Whereabouts   Section = "whereabouts"
	Packages      Section = "packages"
	ProviderPart  Section = "provider"
	PackageDetail Section = "package-detail"
	Safeguarding  Section = "safeguarding"
	Assessments   Section = "assessments"
	Risk          Section = "risk"
	Finance       Section = "finance"
	Notes         Section = "notes"
	ReferralPart  Section = "referral"
	Timeline      Section = "timeline"
)

// Sections lists every section, in the order of a table.
func Sections() []Section { return slices.Clone(sections) }

var sections = []Section{Demographics, Whereabouts, Packages, ProviderPart, PackageDetail, Safeguarding, Assessments, Risk, Finance, Notes, ReferralPart, Timeline}

// An Actor is whoever asks: a person at a screen, or a machine.
type Actor struct {
	ID      string // opaque, never a name
	Org     string // ODS code, or a provider's code (care.ProviderCode)
	OrgKind OrgKind
	Role    Role
	Teams   []string
}

// A Case is the facts about one person's case that the rules may weigh. All are
// mandatory: an empty list means that there are none, not that nobody looked.
type Case struct {
	ID                string // opaque, never an NHS number
	Adult             bool   // 18 or over; counts only with AgeKnown
	AgeKnown          bool
	Restricted        bool // who and where they are is kept from most: the hospital's own sensitive flag
	CouncilRestricted bool // a council that supports them restricts its own record
	Frozen            bool // it is in question whether the record is of one person
	Died              bool
	Objected          bool     // the person objects to sharing
	Hospitals         []string // ODS codes of trusts with a stay now, or one that ended within the watching period
	Councils          []string // ODS codes of councils that hold packages or are involved
	ReferredTo        []string // ODS codes of councils with a referral, in any state
	ReferredBy        []string // ODS codes of trusts that referred
	NumberedBy        []string // ODS codes of trusts and councils whose own number the record carries
	Allocated         []string // ids of the actors who are the named workers
	Glass             []string // ids of the actors who broke the glass, while it is open
	ClientOf          []string // codes of providers told of the person, or asked about them, whose notice or request stands
	ConcernTo         []string // ODS codes of councils to which a safeguarding concern about the person was raised
}

// A Context is the circumstances of one question.
type Context struct {
	Purpose      Purpose
	ReasonGiven  bool // the actor wrote a reason down
	OnBehalf     bool // a machine asks on behalf of a member of staff whom it names
	Relationship Relationship
	Audience     Audience // for notes
	// Open is the sections that are open to the actor's organisation: those that
	// it holds itself (Own), and those that others share with it by an agreement
	// in force. An empty one means that none is.
	Open []Section
}

// A Request is one question: may this actor do this, to this case, now?
type Request struct {
	Actor   Actor
	Action  Action
	Case    *Case // nil where the action is not about one person
	Context Context
}

// A Decision is the answer, and what made it. It is for the audit and for
// those who govern: Why and Policies can betray that a restricted person exists,
// so a page for an actor who was refused must not show them.
type Decision struct {
	Allow    bool
	Policies []string // ids of the rules that decided, sorted; none when no rule spoke or there was an error
	Errors   []string // what was wrong with the question or the rules; any error denies
	Why      string   // one or more sentences
}

// Relate finds the relationship of an actor to a case from the facts, the
// strongest first. Where there is none, declared says whether the actor has
// declared an interest by giving a purpose; and a broken glass comes last.
func Relate(a Actor, c *Case, declared bool) Relationship {
	switch {
	case c == nil:
	case a.OrgKind == Trust && has(c.Hospitals, a.Org):
		return Stay
	case a.OrgKind == Council && (has(c.Councils, a.Org) || has(c.Allocated, a.ID)):
		return Involvement
	case a.OrgKind == Council && has(c.ReferredTo, a.Org), a.OrgKind == Trust && has(c.ReferredBy, a.Org):
		return Referral
	}
	switch {
	case declared:
		return Declared
	case c != nil && has(c.Glass, a.ID):
		return Emergency
	}
	return NoneRelation
}

// Own is the sections that the actor's own organisation holds of a case: a
// trust's of its patients and of those whom it referred, a council's of the
// people whom it supports. They need no agreement.
func Own(a Actor, c *Case) []Section {
	switch {
	case c == nil:
	case a.OrgKind == Trust && (has(c.Hospitals, a.Org) || has(c.ReferredBy, a.Org) || has(c.NumberedBy, a.Org)):
		return []Section{Demographics, Whereabouts, Risk, Notes, ReferralPart, Timeline}
	case a.OrgKind == Council && has(c.Councils, a.Org):
		return []Section{Demographics, Packages, ProviderPart, PackageDetail, Safeguarding, Assessments, Finance, Notes, ReferralPart, Timeline}
	}
	return nil
}

func has(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
