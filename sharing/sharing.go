// Package sharing is the agreements under which organisations share: who
// shares which sections of a record with whom, why, on what legal basis, and
// from when to when. It is pure: today is an argument. It does not decide what a
// person may see (package policy does, and is told what is agreed), does not
// keep agreements (package store does) and asks nobody's approval (package hub).
package sharing

import (
	"time"

	"homeward/nhs"
)

// A Section is a part of what is held about a person that an agreement can
// name. The words are those of the sharing rules.
type Section string

// The sections.
const (
	Demographics  Section = "demographics"   // name, date of birth, address
	Whereabouts   Section = "whereabouts"    // ward, bed and stay
	Packages      Section = "packages"       // that packages exist, their kind, status and dates
	Provider      Section = "provider"       // who provides them and how to ring
	PackageDetail Section = "package-detail" // what they consist of
	Safeguarding  Section = "safeguarding"   // whether an enquiry is open, and no more
	Assessments   Section = "assessments"    // what was assessed and found
	Risk          Section = "risk"           // risks to and from the person
	Finance       Section = "finance"        // what care costs and who pays
	Notes         Section = "notes"          // notes written for both sides
	Referral      Section = "referral"       // the referral, and how far it has come
	Timeline      Section = "timeline"       // what happened
)

// Sections lists every section in the order in which a table shows them.
func Sections() []Section {
	return []Section{Demographics, Whereabouts, Packages, Provider, PackageDetail, Safeguarding, Assessments, Risk, Finance, Notes, Referral, Timeline}
}

// A Status is how far one version of an agreement has come. That one is in force,
// not begun or expired on a day is not a status: State finds it.
type Status string

// The statuses.
const (
	Draft     Status = "draft"     // being written
	Proposed  Status = "proposed"  // complete, and waiting for a second person
	Agreed    Status = "agreed"    // approved; in force between its dates
	Suspended Status = "suspended" // stopped at once by one person; two make it run again
	Replaced  Status = "replaced"  // a newer version was approved
	Withdrawn Status = "withdrawn" // a draft given up, or an agreement ended early
)

// A State is what one version of an agreement is on a day.
type State string

// The states of a day.
const (
	StateDraft     State = "draft"
	StateProposed  State = "proposed"
	StateToCome    State = "to come" // agreed, and begins later
	StateInForce   State = "in force"
	StateSuspended State = "suspended"
	StateExpired   State = "expired"
	StateOver      State = "over" // replaced or withdrawn
)

// A Party is an organisation that agrees.
type Party struct {
	ODS  nhs.ODS `json:"ods" toml:"ods"`
	Name string  `json:"name" toml:"name"`
}

// A Flow is what one party lets another see.
type Flow struct {
	From     nhs.ODS   `json:"from" toml:"from"`
	To       nhs.ODS   `json:"to" toml:"to"`
	Sections []Section `json:"sections" toml:"sections"`
}

// A Signatory signed for a party, on paper or otherwise outside Homeward.
type Signatory struct {
	Name string   `json:"name" toml:"name"`
	Role string   `json:"role" toml:"role"` // such as Caldicott Guardian
	ODS  nhs.ODS  `json:"ods" toml:"ods"`
	On   nhs.Date `json:"on,omitzero" toml:"on"`
}

// A Change is one step in the life of a version: who did what, when and why.
type Change struct {
	At  time.Time `json:"at"`            // in the zone of the site: its day is a day of agreements
	By  string    `json:"by"`            // opaque account id
	Who string    `json:"who"`           // their name then
	Org nhs.ODS   `json:"org,omitempty"` // for which organisation; "" where it is not known
	Did string    `json:"did"`           // drafted, changed, proposed, sent back, approved, suspended, asked to resume, resumed, withdrawn, imported
	Why string    `json:"why,omitempty"`
}

// An Agreement is one version of an agreement. Versions count from 1. A version
// that was proposed never changes but in its Status and Changes; to change what
// was agreed, a new version is drafted and approved, and replaces it.
type Agreement struct {
	ID          string      `json:"id"` // opaque, the same for all versions
	Version     int         `json:"version"`
	Title       string      `json:"title"`
	Parties     []Party     `json:"parties"`
	Purpose     string      `json:"purpose"`
	Basis       string      `json:"basis"` // legal basis
	Flows       []Flow      `json:"flows"`
	From        nhs.Date    `json:"from,omitzero"` // first day
	To          nhs.Date    `json:"to,omitzero"`   // last day
	Signatories []Signatory `json:"signatories,omitzero"`
	DPIA        string      `json:"dpia,omitempty"`  // reference of the data protection impact assessment
	Owner       string      `json:"owner,omitempty"` // who looks after it, by role: people come and go
	Contact     string      `json:"contact,omitempty"`
	Status      Status      `json:"status"`
	Changes     []Change    `json:"changes,omitzero"` // oldest first
}
