// Package care is the domain: what Homeward knows about a person between
// hospital and home, what may happen to it, and what people may ask of it.
//
// Everything here is pure. A Case is only ever made by Apply, which folds
// events; Notice turns what a system says into events and never refuses;
// Decide turns what a person asks into events and may refuse. The package
// knows no clock, database or network, and nothing of who may see what
// (package policy) or of message formats (package translate).
package care

import (
	"slices"
	"time"

	"homeward/form"
	"homeward/nhs"
)

// CaseID names a case. It is opaque and random: the only name that audit rows,
// URLs and logs use for a person.
type CaseID string

// ReferralID names a referral; opaque, shown to people as its reference.
type ReferralID string

// ActorID names a member of staff, or a machine that acts.
type ActorID string

// Case is all that Homeward knows about one person. Version counts the events
// folded into it.
type Case struct {
	ID      CaseID `json:"id"`
	Version int    `json:"version"`

	NHS      nhs.Number   `json:"nhs,omitzero"`      // zero: not known
	Trace    Trace        `json:"trace,omitempty"`   // how far the number was checked
	Formerly []nhs.Number `json:"formerly,omitzero"` // superseded numbers, still found
	IDs      []Identifier `json:"ids,omitzero"`      // hospital numbers, council person numbers
	Person   Person       `json:"person"`
	Died     *Death       `json:"died,omitzero"`

	// Objection is the person's standing objection to sharing. A join takes the
	// other record's where there was none.
	Objection *Objection `json:"objection,omitzero"`

	Sensitive bool     `json:"sensitive,omitempty"` // PV1-16 or PDS S-flag: suppress whereabouts
	Doubt     *Doubt   `json:"doubt,omitzero"`      // who this is must be settled by a person first
	JoinedTo  CaseID   `json:"joinedTo,omitempty"`  // merged away; read the other case
	Absorbed  []CaseID `json:"absorbed,omitzero"`   // cases merged into this one; reversible

	Stay *Stay `json:"stay,omitzero"` // the present hospital stay or attendance
	// Past is oldest first. One in it that has not ended (no Left) was put away
	// by a join, because the other record's stay was the newer one.
	Past  []Stay `json:"past,omitzero"`
	Plans []Plan `json:"plans,omitzero"` // admissions that are planned

	Referrals []Referral `json:"referrals,omitzero"`
	Holdings  []Holding  `json:"holdings,omitzero"` // what each council holds
	Notes     []Note     `json:"notes,omitzero"`
	Calls     []Call     `json:"calls,omitzero"`
	Papers    []Paper    `json:"papers,omitzero"` // oldest first

	// What both sides work on from a referral on; each oldest first (case.md).
	Tasks     []Task     `json:"tasks,omitzero"`
	Nudges    []Nudge    `json:"nudges,omitzero"`
	Clients   []Client   `json:"clients,omitzero"`  // what providers were told
	Requests  []Request  `json:"requests,omitzero"` // for care
	Elements  []Element  `json:"elements,omitzero"` // what it costs
	Outcomes  []Outcome  `json:"outcomes,omitzero"`
	Decisions []Decision `json:"decisions,omitzero"` // of huddles
	Concerns  []Concern  `json:"concerns,omitzero"`  // of safeguarding

	Corrections []ClockCorrection `json:"corrections,omitzero"` // of who had it, oldest first
	Looks       []LookResult      `json:"looks,omitzero"`       // what look-ups led to

	// Merges remembers what each merge brought, in the order of Absorbed.
	Merges []Merge `json:"merges,omitzero"`
	// Denied lists NHS numbers that a person found not to be this one's.
	Denied []nhs.Number `json:"denied,omitzero"`
	// Updated is when the newest event happened.
	Updated time.Time `json:"updated,omitzero"`
	// News is when the newest event happened of which lists tell. What only some
	// readers may know, such as a note for one side, must not move it: a row that
	// changes tells that there is something.
	News time.Time `json:"news,omitzero"`

	SensitiveAt time.Time `json:"sensitiveAt,omitzero"` // when Sensitive was last said

	// Early remembers discharges from stays that nothing is known of yet.
	Early []EarlyLeaving `json:"early,omitzero"`
	// Undone remembers that an admission or discharge was taken back, so that a
	// late copy of it does not come true again.
	Undone []UndoneMark `json:"undone,omitzero"`
}

// Trace is the NHS NUMBER STATUS INDICATOR CODE, 01 to 08; "" is not stated.
// UK Core NHSNumberVerificationStatusEngland.
type Trace string

// Verified reports whether the number was traced and agreed: code 01 only.
func (t Trace) Verified() bool { return t == "01" }

// Identifier is a number that an organisation gave a person. System is
// "mrn:" and the ODS code of the assigning hospital, or "council:" and the
// council's code.
type Identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

// Person is who somebody is, as last told by Source at AsAt.
type Person struct {
	Family    string    `json:"family,omitempty"`
	Given     string    `json:"given,omitempty"`
	Title     string    `json:"title,omitempty"`
	Preferred string    `json:"preferred,omitempty"`
	Born      nhs.Date  `json:"born,omitzero"`
	Sex       string    `json:"sex,omitempty"` // as a word the source's code means: Female, Male, Not specified, Not known
	Address   Address   `json:"address,omitzero"`
	Phone     string    `json:"phone,omitempty"` // never one marked ex-directory
	GP        string    `json:"gp,omitempty"`    // ODS code of the practice
	GPName    string    `json:"gpName,omitempty"`
	Language  string    `json:"language,omitempty"`
	Kin       []Kin     `json:"kin,omitzero"`
	Source    string    `json:"source,omitempty"`
	AsAt      time.Time `json:"asAt,omitzero"`
}

func (p Person) empty() bool { return p.AsAt.IsZero() && p.Family == "" && p.Born.IsZero() }

func (p Person) equal(q Person) bool {
	return p.Family == q.Family && p.Given == q.Given && p.Title == q.Title && p.Preferred == q.Preferred && p.Born == q.Born &&
		p.Sex == q.Sex && p.Address.equal(q.Address) && p.Phone == q.Phone && p.GP == q.GP && p.GPName == q.GPName &&
		p.Language == q.Language && slices.Equal(p.Kin, q.Kin) && p.Source == q.Source && p.AsAt.Equal(q.AsAt)
}

// Kin is a personal contact: next of kin, carer.
type Kin struct {
	Name     string `json:"name"`
	Relation string `json:"relation,omitempty"`
	Phone    string `json:"phone,omitempty"`
}

// Address is where a person usually lives. UPRN is the property number of
// the national gazetteer, "" when not told.
type Address struct {
	Lines    []string `json:"lines,omitzero"`
	Postcode string   `json:"postcode,omitempty"`
	UPRN     string   `json:"uprn,omitempty"`
}

// IsZero reports whether no address is known.
func (a Address) IsZero() bool { return len(a.Lines) == 0 && a.Postcode == "" && a.UPRN == "" }

// Death is that a person died, when (to the precision told), and who said so.
type Death struct {
	At      time.Time `json:"at"`
	DayOnly bool      `json:"dayOnly,omitempty"`
	Source  string    `json:"source"`
	Stay    string    `json:"stay,omitempty"` // visit in which they died, if in hospital
}

// Doubt is why a case is frozen: who this is must be settled by a person.
type Doubt struct {
	Kind   DoubtKind  `json:"kind"`
	Since  time.Time  `json:"since"`
	Other  CaseID     `json:"other,omitempty"` // the case it may be confused with
	Said   nhs.Number `json:"said,omitzero"`   // the number that was said and not believed
	Source string     `json:"source,omitempty"`
}

// DoubtKind says what the question is.
type DoubtKind string

// The questions a steward may have to answer.
const (
	DoubtShared  DoubtKind = "shared"  // one NHS number, two people
	DoubtChanged DoubtKind = "changed" // the same hospital number came with another NHS number
	DoubtSame    DoubtKind = "same"    // two cases that are probably one person
)

// Say names the doubt in words.
func (k DoubtKind) Say() string {
	switch k {
	case DoubtShared:
		return "The same NHS number was given for two different people"
	case DoubtChanged:
		return "The NHS number given for this hospital number has changed"
	case DoubtSame:
		return "Two records are probably the same person"
	}
	return string(k)
}

// Stay is one hospital stay (spell) or emergency attendance.
type Stay struct {
	Of         CaseID     `json:"of,omitempty"`    // the case it came from in a merge; "" its own
	Visit      string     `json:"visit,omitempty"` // PV1-19 with its hospital, as told; "" when never told
	Org        nhs.ODS    `json:"org"`             // the trust
	Source     string     `json:"source"`          // feed
	Class      string     `json:"class,omitempty"` // PV1-2: I, E, O ...
	Admitted   time.Time  `json:"admitted,omitzero"`
	Where      Location   `json:"where,omitzero"`
	Moves      []Move     `json:"moves,omitzero"` // oldest first; the last one led to Where
	Consultant string     `json:"consultant,omitempty"`
	Specialty  string     `json:"specialty,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	Method     string     `json:"method,omitempty"`  // admission method code
	Fit        string     `json:"fit,omitempty"`     // Y, N or "" not told: medically fit indicator
	Ready      []Period   `json:"ready,omitzero"`    // discharge-ready periods, oldest first; the last may be open
	Expected   []Expected `json:"expected,omitzero"` // predicted discharge dates by the time they were said
	Criteria   []Criteria `json:"criteria,omitzero"` // criteria to reside as staff recorded them, oldest first
	OnLeave    bool       `json:"onLeave,omitempty"`
	Left       *Leaving   `json:"left,omitzero"`
	Known      Known      `json:"known,omitzero"`
}

// Location is a place in a hospital: codes as told, Name for people.
type Location struct {
	Ward string `json:"ward,omitempty"` // code
	Name string `json:"name,omitempty"` // ward's name for people; "" shows the code
	Bay  string `json:"bay,omitempty"`
	Bed  string `json:"bed,omitempty"`
	Site string `json:"site,omitempty"` // ODS site code or name as told
}

// Say is the place in words: "Ward 12, Bay 2, Bed 4".
func (l Location) Say() string {
	s := l.Name
	if s == "" {
		s = l.Ward
	}
	if l.Bay != "" {
		s += ", " + named("Bay", l.Bay)
	}
	if l.Bed != "" {
		s += ", " + named("Bed", l.Bed)
	}
	if s == "" {
		return "Not known"
	}
	return s
}

// Move is a change of place.
type Move struct {
	At   time.Time `json:"at"`
	From Location  `json:"from,omitzero"`
	To   Location  `json:"to"`
}

// Period is a time during which somebody no longer met the criteria to reside.
// To is zero while it lasts. Discharge Ready Date guidance: it can restart, and
// it does not begin before the admission. Told is the date as it was told, when
// that is before the admission as it is known now; zero: From was told.
type Period struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"`
	Told time.Time `json:"told,omitzero"`
}

// told is the beginning of the period as the hospital told it.
func (p Period) told() time.Time {
	if p.Told.IsZero() {
		return p.From
	}
	return p.Told
}

// within is the period as it counts for a stay that began at admitted.
func (p Period) within(admitted time.Time) Period {
	told := p.told()
	p.From, p.Told = later(told, admitted), time.Time{}
	if !p.From.Equal(told) {
		p.Told = told
	}
	if !p.To.IsZero() {
		p.To = later(p.To, p.From)
	}
	return p
}

// Criteria is which criteria to reside were met at one look: codes 01 to 12 of the
// NHS Data Dictionary (CRITERIA TO RESIDE CODE), or none.
type Criteria struct {
	At    time.Time `json:"at"`
	Codes []string  `json:"codes,omitzero"`
	By    Who       `json:"by"`
}

// Expected is one predicted date of discharge and when it was said.
type Expected struct {
	Date nhs.Date  `json:"date,omitzero"` // zero: the prediction was taken back
	Said time.Time `json:"said"`
	Late bool      `json:"late,omitempty"` // arrived after a newer one
}

// Leaving is how a stay ended. Method and Destination are NHS Data Dictionary
// codes as told; lists differ by vintage, so unknown codes are kept.
type Leaving struct {
	At          time.Time `json:"at"`
	Method      string    `json:"method,omitempty"`
	Destination string    `json:"destination,omitempty"`
	Died        bool      `json:"died,omitempty"`
	Self        bool      `json:"self,omitempty"`  // discharged themselves, or a relative did: methods 6, 7
	Moved       bool      `json:"moved,omitempty"` // ended because the person was next seen in another stay
}

// Known is when each aspect of a stay was last said, so that an older message
// never overwrites a newer one.
type Known struct {
	Where  time.Time `json:"where,omitzero"`
	Fit    time.Time `json:"fit,omitzero"`
	Doctor time.Time `json:"doctor,omitzero"`
	Leave  time.Time `json:"leave,omitzero"`
	Class  time.Time `json:"class,omitzero"`
	Left   time.Time `json:"left,omitzero"`

	Admitted time.Time `json:"admitted,omitzero"` // Stay.Admitted
	Opened   time.Time `json:"opened,omitzero"`   // the earliest message that told of the stay
}

// UndoneMark is that something of a visit was taken back at At: What is an
// UndoneWhat, or "death". Where is the place after all, for a move.
type UndoneMark struct {
	What  string    `json:"what"`
	Visit string    `json:"visit,omitempty"`
	Org   nhs.ODS   `json:"org"`
	At    time.Time `json:"at"`
	Where Location  `json:"where,omitzero"`
}

// Merge is what came into a case when others were joined into it, so that it
// can leave again: the case and those absorbed into it before, the identifiers
// that were new, and what filled a gap. Doubt is the question it answered.
type Merge struct {
	Cases  []CaseID     `json:"cases"`
	IDs    []Identifier `json:"ids,omitzero"`
	NHS    nhs.Number   `json:"nhs,omitzero"`
	Person *Person      `json:"person,omitzero"`
	Died   *Death       `json:"died,omitzero"`
	Doubt  *Doubt       `json:"doubt,omitzero"`
	InBed  bool         `json:"inBed,omitempty"` // it had a present stay
	// Sensitive is that it brought the mark of a sensitive record, and when the
	// case's own was last said.
	Sensitive *time.Time `json:"sensitive,omitzero"`
	Objection *Objection `json:"objection,omitzero"`
}

// EarlyLeaving is a discharge, said at Said, from a stay not known yet.
type EarlyLeaving struct {
	Visit   string    `json:"visit"`
	Org     nhs.ODS   `json:"org"`
	Said    time.Time `json:"said"`
	Leaving Leaving   `json:"leaving"`
}

// Plan is an admission that is planned (A05, A14).
type Plan struct {
	Visit string    `json:"visit,omitempty"`
	Org   nhs.ODS   `json:"org"`
	At    time.Time `json:"at,omitzero"` // expected admission, PV2-8
	Said  time.Time `json:"said"`
}

// Holding is what one council holds about a person, as at a time. It replaces
// what that council said before.
type Holding struct {
	Of           CaseID       `json:"of,omitempty"`
	Council      nhs.ODS      `json:"council"`
	AsAt         time.Time    `json:"asAt"`
	Packages     []Package    `json:"packages,omitzero"`
	Equipment    []Equipment  `json:"equipment,omitzero"`
	Safeguarding Safeguarding `json:"safeguarding"`
	Restricted   bool         `json:"restricted,omitempty"` // the council restricts this record
	Team         string       `json:"team,omitempty"`       // team id in the council's directory
	Worker       string       `json:"worker,omitempty"`     // named worker, as told
	Ended        bool         `json:"ended,omitempty"`      // the council no longer holds anything
	Unread       []Part       `json:"unread,omitzero"`      // what the council told later and could not be read: AsAt is the time before
}

// Part is a part of what a council tells about a person.
type Part string

// The parts. What a council told of safeguarding has a time of its own.
const (
	PartPerson       Part = "person"   // all of it
	PartPackages     Part = "packages" // packages and equipment
	PartSafeguarding Part = "safeguarding"
)

// Missed reports whether something later about a part could not be read, so that
// what stands here of it may no longer be so.
func (h Holding) Missed(p Part) bool {
	return slices.Contains(h.Unread, PartPerson) || slices.Contains(h.Unread, p)
}

// Safeguarding is whether an enquiry is open, as one of four different answers.
type Safeguarding struct {
	Answer Answer    `json:"answer"`
	AsAt   time.Time `json:"asAt,omitzero"`
}

// Answer to a yes-or-no question between organisations.
type Answer string

// The four answers. The zero value is "not known".
const (
	AnswerUnknown   Answer = ""
	AnswerYes       Answer = "yes"
	AnswerNo        Answer = "no"
	AnswerNotShared Answer = "not-shared"
)

// Package is a service that a council arranged: that it exists, what kind it
// is and who provides it; never the details of the care.
type Package struct {
	Ref      string        `json:"ref"`             // the council's reference for the element
	Kind     string        `json:"kind"`            // Interweave-SocialCareServiceType code
	Title    string        `json:"title,omitempty"` // local description, shown as told
	Status   PackageStatus `json:"status"`
	Start    nhs.Date      `json:"start,omitzero"`
	End      nhs.Date      `json:"end,omitzero"`
	Provider string        `json:"provider,omitempty"` // provider id in the council's directory
	Funding  string        `json:"funding,omitempty"`
}

// PackageStatus is Interweave's EpisodeOfCare status.
type PackageStatus string

// The states of a package.
const (
	PackagePlanned  PackageStatus = "planned"
	PackageActive   PackageStatus = "active"
	PackageOnHold   PackageStatus = "onhold"
	PackageFinished PackageStatus = "finished"
)

// Equipment is a delivery of equipment.
type Equipment struct {
	Ref       string   `json:"ref"`
	Title     string   `json:"title"`
	Status    string   `json:"status"` // ordered, delivered, collected
	Delivered nhs.Date `json:"delivered,omitzero"`
}

// Provider is a care provider in a council's directory.
type Provider struct {
	Council    nhs.ODS  `json:"council"`
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Phone      string   `json:"phone,omitempty"`
	OutOfHours string   `json:"outOfHours,omitempty"`
	Hours      string   `json:"hours,omitempty"` // when the out-of-hours number answers
	Email      string   `json:"email,omitempty"`
	CQC        string   `json:"cqc,omitempty"`     // CQC location id
	Verified   nhs.Date `json:"verified,omitzero"` // when somebody last checked the numbers
}

// Team is a council's team with its numbers.
type Team struct {
	Council    nhs.ODS `json:"council"`
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	Phone      string  `json:"phone,omitempty"`
	OutOfHours string  `json:"outOfHours,omitempty"`
}

// Referral asks a council to get somebody home. It always has a holder.
type Referral struct {
	Of          CaseID       `json:"of,omitempty"`
	ID          ReferralID   `json:"id"`
	Key         string       `json:"key"` // idempotency: the same key is the same referral
	Stay        string       `json:"stay,omitempty"`
	From        nhs.ODS      `json:"from"`
	Reference   string       `json:"reference,omitempty"` // the council's own
	To          nhs.ODS      `json:"to,omitempty"`        // "" while the council is not resolved
	Likely      []nhs.ODS    `json:"likely,omitzero"`     // candidates when the address was not sure
	Pathway     string       `json:"pathway,omitempty"`   // discharge pathway 0 to 3
	Form        string       `json:"form"`
	FormVersion int          `json:"formVersion"`
	Answers     form.Answers `json:"answers,omitzero"`
	State       RefState     `json:"state"`
	Holder      Holder       `json:"holder"`
	Sent        time.Time    `json:"sent"`
	SentBy      Who          `json:"sentBy"`
	Received    time.Time    `json:"received,omitzero"`
	Accepted    time.Time    `json:"accepted,omitzero"`
	Allocated   time.Time    `json:"allocated,omitzero"`
	Worker      Who          `json:"worker,omitzero"`
	Returns     []Return     `json:"returns,omitzero"`
	Before      RefState     `json:"before,omitempty"` // the state before the discharge, should it be undone
	Watching    bool         `json:"watching"`         // the hospital's changes still matter to it
	Ended       time.Time    `json:"ended,omitzero"`
	Why         string       `json:"why,omitempty"` // reason code of withdrawal or cancelling, 01 to 13
	WhyText     string       `json:"whyText,omitempty"`
	Outcome     string       `json:"outcome,omitempty"`

	Hold    *Hold      `json:"hold,omitzero"`    // while it is on hold
	Next    ReferralID `json:"next,omitempty"`   // where it was transferred to another council
	Prev    ReferralID `json:"prev,omitempty"`   // and where it came from
	Anyway  string     `json:"anyway,omitempty"` // why it was sent although the receiving team wants more
	Gate    int        `json:"gate,omitempty"`   // the version of the receiving team's rules that it was weighed by; 0: none
	Missing []string   `json:"missing,omitzero"` // the items of those rules that it lacked
}

// Hold is that nothing can be done for now, and what is waited for.
type Hold struct {
	Since  time.Time `json:"since"`
	By     Who       `json:"by"`
	Why    string    `json:"why"` // code
	Text   string    `json:"text,omitempty"`
	Until  nhs.Date  `json:"until,omitzero"` // when to look again
	Before RefState  `json:"before"`         // the state that it goes on in
	Holder Holder    `json:"holder"`         // who had it then
}

// Open reports whether somebody still has to do something.
func (r Referral) Open() bool { return r.Ended.IsZero() }

// Holder is who must act next, and since when. Nothing is ever ownerless.
type Holder struct {
	Org   nhs.ODS   `json:"org"` // with Team Unresolved: the sender, who settles the address
	Team  string    `json:"team,omitempty"`
	Who   Who       `json:"who,omitzero"`
	Since time.Time `json:"since"`
	Next  string    `json:"next"`         // the next action in words
	Due   time.Time `json:"due,omitzero"` // when it is due; zero in history of before there were times
}

// Who is a member of staff as a name on a timeline.
type Who struct {
	ID   ActorID `json:"id,omitempty"`
	Name string  `json:"name,omitempty"`
	Org  nhs.ODS `json:"org,omitempty"`
}

// Return is one sending back for more information.
type Return struct {
	At       time.Time `json:"at"`
	By       Who       `json:"by"`
	Reasons  []string  `json:"reasons"`
	Needed   string    `json:"needed"`
	Answered time.Time `json:"answered,omitzero"`
}

// RefState is a state of a referral (product.md P5).
type RefState string

// The states of a referral. Draft is not here: a draft is not yet a referral.
const (
	RefSent       RefState = "sent"
	RefReceived   RefState = "received"
	RefAccepted   RefState = "accepted"
	RefReturned   RefState = "returned"
	RefAllocated  RefState = "allocated"
	RefAssessing  RefState = "assessing"
	RefPlanning   RefState = "planning"
	RefSourcing   RefState = "sourcing"
	RefReady      RefState = "ready"
	RefDischarged RefState = "discharged"
	RefClosed     RefState = "closed"
	RefWithdrawn  RefState = "withdrawn"
	RefCancelled  RefState = "cancelled"
	RefDied       RefState = "died"

	RefDraft       RefState = "draft" // being written; kept beside the case and never in it
	RefOnHold      RefState = "on-hold"
	RefTransferred RefState = "transferred" // to another council, as another referral
)

// Say is the state in words for a screen.
func (s RefState) Say() string { return refStateWords[s] }

var refStateWords = map[RefState]string{
	RefSent: "Sent", RefReceived: "Received", RefAccepted: "Accepted", RefReturned: "Returned for information",
	RefAllocated: "Allocated", RefAssessing: "Assessment", RefPlanning: "Planning", RefSourcing: "Arranging care",
	RefReady: "Ready to leave", RefDischarged: "Gone home", RefClosed: "Closed", RefWithdrawn: "Withdrawn",
	RefCancelled: "Cancelled", RefDied: "Stopped: the person died",
	RefDraft: "Being written", RefOnHold: "On hold", RefTransferred: "Transferred to another council",
}

// Audience of a note, chosen before it is typed.
type Audience string

// The audiences of a note.
const (
	AudienceBoth     Audience = "both"
	AudienceCouncil  Audience = "council"
	AudienceHospital Audience = "hospital"
)

// Note is a case note.
type Note struct {
	Of       CaseID     `json:"of,omitempty"`
	ID       string     `json:"id"`
	At       time.Time  `json:"at"`
	By       Who        `json:"by"`
	Audience Audience   `json:"audience"`
	Text     string     `json:"text"`
	Referral ReferralID `json:"referral,omitempty"`
	Kind     string     `json:"kind,omitempty"`    // code of a structured note; "" is a plain one
	Mentions []Owner    `json:"mentions,omitzero"` // people and teams who are told of it
}

// Call is a call to a provider, as somebody recorded it.
type Call struct {
	Of           CaseID    `json:"of,omitempty"`
	ID           string    `json:"id"`
	At           time.Time `json:"at"`
	By           Who       `json:"by"`
	Council      nhs.ODS   `json:"council,omitempty"`
	Provider     string    `json:"provider,omitempty"`
	ProviderName string    `json:"providerName"`
	Spoke        string    `json:"spoke,omitempty"`
	Phone        string    `json:"phone,omitempty"`
	Outcome      string    `json:"outcome"` // restart, notice, cannot, no-answer, message
	RestartAt    time.Time `json:"restartAt,omitzero"`
	Text         string    `json:"text,omitempty"`
	CallBack     string    `json:"callBack,omitempty"` // the task to ring again, "" for none
}

// clone copies everything that an event may change, so that Apply leaves its
// argument as it was.
func (c Case) clone() Case {
	c.Formerly = slices.Clone(c.Formerly)
	c.IDs = slices.Clone(c.IDs)
	c.Absorbed = slices.Clone(c.Absorbed)
	c.Past = slices.Clone(c.Past)
	c.Plans = slices.Clone(c.Plans)
	c.Referrals = slices.Clone(c.Referrals)
	for i := range c.Referrals {
		c.Referrals[i].Returns = slices.Clone(c.Referrals[i].Returns)
	}
	c.Holdings = slices.Clone(c.Holdings)
	c.Notes = slices.Clone(c.Notes)
	c.Calls = slices.Clone(c.Calls)
	c.Papers = slices.Clone(c.Papers)
	c.Tasks, c.Nudges, c.Clients = slices.Clone(c.Tasks), slices.Clone(c.Nudges), slices.Clone(c.Clients)
	c.Requests, c.Elements, c.Outcomes = slices.Clone(c.Requests), slices.Clone(c.Elements), slices.Clone(c.Outcomes)
	c.Decisions, c.Concerns, c.Corrections = slices.Clone(c.Decisions), slices.Clone(c.Concerns), slices.Clone(c.Corrections)
	c.Looks = slices.Clone(c.Looks)
	c.Undone = slices.Clone(c.Undone)
	c.Early = slices.Clone(c.Early)
	c.Merges = slices.Clone(c.Merges)
	c.Denied = slices.Clone(c.Denied)
	if c.Stay != nil {
		s := c.Stay.clone()
		c.Stay = &s
	}
	return c
}

func (s Stay) clone() Stay {
	s.Moves = slices.Clone(s.Moves)
	s.Ready = slices.Clone(s.Ready)
	s.Expected = slices.Clone(s.Expected)
	s.Criteria = slices.Clone(s.Criteria)
	if s.Left != nil {
		l := *s.Left
		s.Left = &l
	}
	return s
}

func named(kind, v string) string {
	if len(v) > 0 && v[0] >= '0' && v[0] <= '9' {
		return kind + " " + v
	}
	return v
}

// kept is how many of each thing that can come without end a case remembers as
// state. History remembers all of them. A person with more is a test record or a
// fault of a sender, and must not slow down everybody else.
const kept = 200

// trim forgets the oldest of what there is too much of.
func (c *Case) trim() {
	c.Past, c.Undone, c.Formerly = newest(c.Past), newest(c.Undone), newest(c.Formerly)
	c.Plans, c.Early = newest(c.Plans), newest(c.Early)
	if c.Stay != nil {
		c.Stay.Moves, c.Stay.Ready, c.Stay.Expected = newest(c.Stay.Moves), newest(c.Stay.Ready), newest(c.Stay.Expected)
		c.Stay.Criteria = newest(c.Stay.Criteria)
	}
}

func newest[T any](list []T) []T {
	if len(list) > kept {
		return list[len(list)-kept:]
	}
	return list
}
