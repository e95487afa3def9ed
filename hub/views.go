package hub

import (
	"time"

	"homeward/care"
	"homeward/form"
	"homeward/nhs"
	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
)

// Reason is why somebody looks a person up.
type Reason string

// The reasons offered. ReasonOther needs words.
const (
	ReasonCare      Reason = "care"      // giving care to this person now
	ReasonDischarge Reason = "discharge" // planning this person's discharge
	ReasonOther     Reason = "other"
)

// Say is the reason in the words of the form.
func (r Reason) Say() string {
	switch r {
	case ReasonCare:
		return "I'm giving care to this person now"
	case ReasonDischarge:
		return "I'm planning this person's discharge"
	}
	return "Another reason"
}

// LookRequest is what somebody types to find a person: the number and date of
// birth, or without a number the name, date of birth and postcode.
type LookRequest struct {
	Number   nhs.Number
	Family   string
	Given    string
	Postcode string
	Born     nhs.Date
	Reason   Reason
	Words    string // for ReasonOther

	from   string                             // the system that brought the person in context; "" for none
	settle func(*store.Tx, LookOutcome) error // what else is done when the look-up is; nil for nothing
}

// LookOutcome is which of the six states a look-up ends in.
type LookOutcome string

// The outcomes. Nothing is one and the same for a person who is not known, who
// pays for their own care, who is restricted, under 18, or whom the user may
// not know of.
const (
	LookFound    LookOutcome = "found"
	LookNothing  LookOutcome = "nothing"
	LookMismatch LookOutcome = "mismatch"
	LookCannot   LookOutcome = "cannot"
	LookPaused   LookOutcome = "paused" // nothing flows to the reader's organisation: the same whoever is asked about
)

// LookView is the result of a look-up, as it stood At. It is kept for a short
// time under an opaque Handle, so that the page has an address without a name.
type LookView struct {
	Handle    string
	Outcome   LookOutcome
	At        time.Time
	Reason    Reason
	Case      care.CaseID // "" unless found
	Person    care.Person // only when found
	NHS       nhs.Number
	Trace     care.Trace // how far the number was checked
	Died      *care.Death
	Sensitive bool
	Councils  []CouncilView
	Paused    []sharing.Pause // whose part was not asked, as it does not flow: the same whoever is asked about
	Phones    []care.Org      // whom to ring: councils with day and out-of-hours numbers
	MayRefer  bool            // there is a stay here from which this user may refer
	MayCall   bool            // may record a call to a provider
	MayOpen   bool            // may open the discharge case
	Slow      bool            // too many wrong dates of birth: the next try waits
	Glass     *Glass          // the reader broke the glass; nil: they did not

	MayEnd bool             // may record what the look-up led to
	Ended  *care.LookResult // what it led to, as the reader recorded it; nil: not recorded
}

// CouncilView is what one council holds that this user may see.
type CouncilView struct {
	Council       care.Org
	Title         string    // the source for people
	AsAt          time.Time // of the council's last extract; with Unread, of the last that could be read of this person
	Stale         bool      // out of date, but recent enough to show: "What we knew at"
	Gone          bool      // so old that it is not shown: this council could not be checked
	Packages      []PackageView
	PackagesShown bool // false: not shared
	Equipment     []care.Equipment
	Safeguarding  care.Safeguarding
	Unread        bool // what the council told later could not be read: packages are as at AsAt, and may be others
	// SafeguardingUnread is the same of safeguarding. An enquiry that was open
	// stands, as at its own time; otherwise it cannot be checked.
	SafeguardingUnread bool
	Team               *care.Team
	Worker             string
}

// InPlace counts the packages in place now.
func (c CouncilView) InPlace() int {
	n := 0
	for _, p := range c.Packages {
		if p.Package.Status == care.PackageActive {
			n++
		}
	}
	return n
}

// PackageView is a package with its provider's numbers.
type PackageView struct {
	Package  care.Package
	Kind     string         // the kind in words
	Provider *care.Provider // nil: not shared or not told
	// Unchecked is that nobody has checked the provider's numbers lately.
	Unchecked bool
	Knows     *ProviderKnows // the provider was told of the present stay; nil: not, or not shown
}

// SourceView is how fresh a source is.
type SourceView struct {
	Feed  string
	Title string
	Org   nhs.ODS
	Last  time.Time // last heard from; zero: never
	Limit time.Duration
	Stale bool
}

// Wait is how a wait is called: by whole days since discharge-ready.
type Wait int

// The waits.
const (
	OnTrack Wait = iota
	AtRisk
	Delayed
)

// ListScope says which list is meant.
type ListScope string

// The lists.
const (
	ScopeTracker   ListScope = "tracker"   // people ready to leave or referred
	ScopeWard      ListScope = "ward"      // everybody in one ward
	ScopeWorklist  ListScope = "worklist"  // a council's referrals to allocate, and a team's
	ScopeUnsettled ListScope = "unsettled" // referrals whose council is not settled
)

// ListQuery asks for a list. Empty fields do not filter.
type ListQuery struct {
	Scope      ListScope
	Hospital   nhs.ODS
	Ward       string // code; NoWard: those of whom no ward was told
	Wait       *Wait
	State      care.RefState
	Stage      string // board column: referred, allocated, assessment, arranging, ready
	Pathway    string
	Worker     care.ActorID // "none": not allocated
	Council    nhs.ODS
	Sort       string // wait (default), name, updated, bed, received
	Page       int    // from 1
	Everything bool   // the board and the wall: one page of up to 500
}

// NoWard stands for the ward of people whose hospital has not told of one.
const NoWard = "-"

// ListRow is one person on a list, with what the reader may know.
type ListRow struct {
	Row          care.Row
	Days         int // whole days since discharge-ready
	Wait         Wait
	HasWait      bool   // there is a discharge-ready date
	Waiting      string // what is waited for, in words
	Stage        string // board column
	StageSay     string
	With         string    // who has it, in words: "Nottinghamshire County Council, A Patel"
	Stale        bool      // the hospital's feed is silent
	AsAt         time.Time // when Stale: last heard
	WardName     string
	HospitalName string
	CouncilName  string
	MovedAway    bool // on a ward list: moved to another ward in the last 2 hours
	Masked       bool // sensitive: whereabouts not shown to this reader
	Shut         bool // the policies do not let this reader open the case
	NoRefer      bool // nor refer from it
	Overdue      bool // what is next was due before now
}

// ListView is a list, its counts over all pages, and how fresh it is.
type ListView struct {
	Query             ListQuery
	Rows              []ListRow
	Total             int
	Counts            [3]int // by Wait, over all pages
	NoWait            int    // in hospital without a discharge-ready date
	Left              int    // no longer in hospital, with a referral that is open
	Pages             int
	Seq               int64 // the place in history the list stands at: live updates go on from here
	At                time.Time
	Sources           []SourceView
	Hospitals         []care.Org      // to filter by
	Wards             []Ward          // of the hospital asked for, or of the reader's
	Ready, Unreferred int             // ward list: how many are ready; ready and not referred
	Paused            []sharing.Pause // whose people are not shown, as nothing flows from them
	AtRisk, Delayed   int             // whole days from which a wait is called so
}

// Ward is a ward to choose.
type Ward struct {
	Hospital   nhs.ODS
	Code, Name string
	People     int
}

// Change is one live update of a list.
type Change struct {
	Seq  int64
	Row  ListRow
	Gone bool // no longer on the list
	New  bool // was not on the list before, as far as the reader's page can tell
}

// CaseView is a discharge case as this reader may see it.
type CaseView struct {
	ID         care.CaseID
	Version    int
	Person     care.Person
	NHS        nhs.Number
	Trace      care.Trace // how far the number was checked
	HospitalNo string     // the number of the reader's own trust
	Died       *care.Death
	Sensitive  bool
	Frozen     *care.Doubt
	JoinedTo   care.CaseID
	Stay       *care.Stay // nil: none, or not shown (StayShown false)
	Past       []care.Stay
	StayShown  bool
	Elsewhere  bool // in another trust's hospital now, of which this reader is shown nothing
	Row        ListRow
	Referrals  []ReferralView
	Councils   []CouncilView
	Timeline   []TimelineItem
	Notes      []care.Note
	Calls      []care.Call
	Papers     []care.Paper // of the referrals, oldest first
	Sources    []SourceView
	Paused     []sharing.Pause // what does not flow to the reader's organisation, whoever the case is about
	// ReferralUnknown is that none is shown, and that a hospital whose part is
	// paused may have sent one: nobody here may take it for none.
	ReferralUnknown bool
	May             map[policy.Action]bool
	Audiences       []care.Audience // for a new note
	Workers         []WorkerView    // when May[allocate]
	Seq             int64
	At              time.Time
	Absorbed        []care.CaseID
	Objection       *ObjectionView // nil: none stands

	Assessments []AssessmentItem // being written or approved by the reader's own organisation
	AssessForms []string         // that the reader can begin, by id

	Tasks TaskPart

	Outcomes  []OutcomeView  // newest referral first; none: not shown to this reader
	Decisions []DecisionView // of huddles, newest first
	Concerns  []ConcernView  // those that this reader may know of

	Clients []ClientView // what care providers were told, newest first
	Money   *MoneyPart   // nil: not shown to this reader
	Arrange *ArrangePart // nil: not shown to this reader
}

// Current is the referral that matters now: the newest open one, else the
// newest; nil when there is none.
func (v CaseView) Current() *ReferralView {
	for i := len(v.Referrals) - 1; i >= 0; i-- {
		if v.Referrals[i].Referral.Open() {
			return &v.Referrals[i]
		}
	}
	if n := len(v.Referrals); n > 0 {
		return &v.Referrals[n-1]
	}
	return nil
}

// ReferralView is a referral with names instead of codes.
type ReferralView struct {
	Referral care.Referral
	From, To care.Org
	With     string          // who has it, and since when
	Lines    []form.Line     // the answers in words, those this reader may see
	Allowed  []care.RefState // stages this reader may move it to
	Spells   []care.Spell    // who had it, and when; the last of one that is open has no end
}

// TimelineItem is one line of the timeline.
type TimelineItem struct {
	At       time.Time
	Recorded time.Time
	Late     bool
	Title    string
	By       string // who or which system
	Org      string
	Kind     string          // stay, referral, paper, told, council, note, call, identity
	Failed   bool            // of told: another system could not be given it
	Referral care.ReferralID // of told: what it is about
	System   string          // of told: the other system's configured name
	Audience care.Audience
	Text     string
}

// WorkerView is a worker to allocate to.
type WorkerView struct {
	ID   care.ActorID
	Name string
	Team string
	Open int // open referrals

	Load, Most int // what those weigh, and should at the most, in tenths of an ordinary case; 0: not said
	In         bool
	AwayWhy    string   // why they are not in
	Suggested  bool     // the best for a referral
	Why        []string // what speaks for them, in words
}

// FeedView is one connection on the operations page.
type FeedView struct {
	Source      SourceView
	Direction   string // in
	PerHour     int
	PerMinute   int
	Kept        int64
	Waiting     int64 // kept and not yet read
	Held        int64
	Unreadable  int64
	Again       int64 // repeats
	Reused      int64 // control ids that came with another body
	Connections int
}

// MessageView is one kept message, without its content.
type MessageView struct {
	ID       int64
	Feed     string
	Received time.Time
	Control  string
	Type     string
	State    string
	Reason   string
	Case     care.CaseID
	Bytes    int
}

// RawView is a message's content, shown for a reason that is recorded.
type RawView struct {
	Message MessageView
	Text    string // as text, segments one a line
	Explain Explanation
}

// Explanation says what a message would do now.
type Explanation struct {
	Event  string
	Hold   string
	Ignore string
	Notes  []string
	Known  string   // "a person known here", "a new person", "two people: a person must look"
	Events []string // in words
}
