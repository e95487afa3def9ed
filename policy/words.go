package policy

// The tables below put roles and actions into words, in the order in which
// pages and the matrix show them. Load checks them against the schema.

type roleWords struct {
	role  Role
	kind  OrgKind // where the role is found; "" where in several
	title string
}

var roles = []roleWords{
	{AENurse, Trust, "A&E nurse"},
	{WardNurse, Trust, "ward nurse"},
	{Coordinator, Trust, "coordinator"},
	{SocialWorker, Council, "social worker"},
	{TeamManager, Council, "team manager"},
	{Broker, Council, "broker"},
	{Analyst, "", "analyst"},
	{IGLead, "", "IG lead"},
	{Integration, System, "integration engineer"},
	{Wallboard, "", "wallboard"},
	{Admin, System, "administrator"},
	{CareProvider, Provider, "care provider"},
	{Machine, "", "machine"},
}

type actionWords struct {
	action Action
	title  string
}

var actions = []actionWords{
	{Lookup, "look a person up"},
	{SeeDemographics, "see who a person is"},
	{SeePackages, "see that packages exist"},
	{SeeProvider, "see the provider and telephone numbers"},
	{SeePackageDetail, "see package detail"},
	{SeeSafeguarding, "see the safeguarding flag"},
	{SeeWhereabouts, "see ward and bed"},
	{SeeReferral, "see the referral"},
	{SeeNotes, "read notes"},
	{SeeFinance, "see finance"},
	{SeeTimeline, "see the timeline"},
	{Refer, "refer"},
	{Withdraw, "withdraw a referral"},
	{Accept, "accept a referral"},
	{Return, "return a referral"},
	{Allocate, "allocate a referral"},
	{Progress, "progress a referral"},
	{CloseReferral, "close a referral"},
	{AddNote, "write a note"},
	{RecordCall, "record a call"},
	{ListTracker, "list the tracker"},
	{ListWard, "list a ward"},
	{ListWorklist, "list the worklist"},
	{Wall, "watch the wall"},
	{SeeOperations, "see operations"},
	{Explain, "explain a message"},
	{Replay, "replay a message"},
	{SeeRawMessage, "open a raw message"},
	{SeeImports, "see imports"},
	{RunImport, "run an import"},
	{ReleaseImport, "release an import"},
	{SeeAudit, "see the audit"},
	{Steward, "settle an identity"},
	{ManageUsers, "manage users"},
	{SeeAssessments, "see assessments"},
	{SeeRisk, "see risks"},
	{RecordObjection, "record an objection"},
	{BreakGlass, "break the glass"},
	{SeeAlerts, "see alerts"},
	{CloseAlert, "close an alert"},
	{SeeAgreements, "see agreements"},
	{ManageAgreements, "manage agreements"},
	{ReportAccess, "report who looked"},
	{ExportAudit, "export the audit"},
	{ReviewRetention, "review retention"},
	{ManageOrgs, "manage organisations"},
	{LaunchContext, "bring a person in context"},
	{SendCase, "say what happened"},
	{SharePaper, "hand in papers of a referral"},
	{Receive, "confirm receipt of a referral"},
	{Hold, "put a referral on hold"},
	{Transfer, "transfer a referral"},
	{SayReady, "say how ready a patient is"},
	{WriteAssessment, "write an assessment"},
	{ApproveAssessment, "approve an assessment"},
	{SignAssessment, "sign a trusted assessment"},
	{SeeTasks, "see tasks"},
	{SetTask, "set a task"},
	{Nudge, "nudge the other side"},
	{TellProvider, "tell a provider of its client"},
	{SeeClient, "see its own client"},
	{AnswerClient, "answer about its own client"},
	{RecordOutcome, "record an outcome"},
	{SeeOutcome, "see the outcome"},
	{DecideHuddle, "note a huddle's decision"},
	{RaiseConcern, "raise a safeguarding concern"},
	{SeeConcern, "see a safeguarding concern"},
	{Arrange, "arrange care"},
	{SeeArranging, "see how care is arranged"},
	{SeeMoney, "see the money of arranged care"},
	{SetMoney, "set the money of arranged care"},
	{ApproveMoney, "approve the money of arranged care"},
	{ListHuddle, "list the huddle"},
	{ManageTeam, "manage a team"},
	{ManageGate, "manage what a referral must hold"},
	{SeeGate, "see what a referral must hold"},
	{ManageDirectory, "manage the directory of providers"},
	{SeeDirectory, "see the directory of providers"},
	{SeeCapacity, "see what providers can take on"},
	{ReportCapacity, "report what providers can take on"},
	{ListClients, "list its own clients"},
	{ListAssessments, "list assessments"},
	{SeeFigures, "see figures"},
	{DrillFigures, "list whom a figure counts"},
	{ExportFigures, "take figures away"},
	{ManageFigures, "manage figures"},
	{MakeReturns, "make returns"},
	{SeeQuality, "see the quality of data"},
	{ExtractFigures, "extract rows under pseudonyms"},
	{ExtractNamed, "extract rows with NHS numbers"},
	{CorrectClock, "correct the clock"},
	{RecordLookResult, "record what a look-up led to"},
}

// Roles lists every role, in the order of the matrix.
func Roles() []Role {
	out := make([]Role, len(roles))
	for i, r := range roles {
		out[i] = r.role
	}
	return out
}

// Actions lists every action, in the order of the matrix.
func Actions() []Action {
	out := make([]Action, len(actions))
	for i, a := range actions {
		out[i] = a.action
	}
	return out
}

// Title puts the role into words, such as "ward nurse". A role that is not
// known is given back as it stands.
func (r Role) Title() string {
	for _, w := range roles {
		if w.role == r {
			return w.title
		}
	}
	return string(r)
}

// Title puts the action into words that follow "may", such as "see package
// detail". An action that is not known is given back as it stands.
func (a Action) Title() string {
	for _, w := range actions {
		if w.action == a {
			return w.title
		}
	}
	return string(a)
}
