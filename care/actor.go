package care

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"

	"homeward/nhs"
)

// OrgKind is what sort of organisation somebody works for.
type OrgKind string

// The kinds of organisation.
const (
	Trust       OrgKind = "trust"
	Council     OrgKind = "council"
	ProviderOrg OrgKind = "provider"
	System      OrgKind = "system" // those who run Homeward
)

// Org is an organisation of the configuration.
type Org struct {
	ODS        nhs.ODS `json:"ods"`
	Name       string  `json:"name"`
	Kind       OrgKind `json:"kind"`
	Phone      string  `json:"phone,omitempty"`      // whom to ring when something cannot be checked
	OutOfHours string  `json:"outOfHours,omitempty"` // a council's emergency duty team
}

// ProviderCode is the code by which a provider of a council's directory acts
// here: "V" and 9 capital letters and digits. Such a provider has no ODS code in
// the directory, only a number of the council's own, and two councils may give
// the same number to different agencies; so the code is made from both, and is
// always the same for the same two. A provider in the directories of two
// councils has two codes: what one council told it the other does not see.
func ProviderCode(council nhs.ODS, providerID string) nhs.ODS {
	sum := sha256.Sum256([]byte(string(council) + "|" + providerID))
	return nhs.ODS("V" + base32.StdEncoding.EncodeToString(sum[:])[:9])
}

// Role is what somebody does; policies speak of roles.
type Role string

// The roles.
const (
	AENurse       Role = "ae-nurse"
	WardNurse     Role = "ward-nurse"
	Coordinator   Role = "coordinator"
	SocialWorker  Role = "social-worker"
	TeamManager   Role = "team-manager"
	Broker        Role = "broker"
	IGLead        Role = "ig-lead"
	Integration   Role = "integration"
	WallboardRole Role = "wallboard"
	Admin         Role = "admin"
	CareProvider  Role = "care-provider" // somebody who answers for an agency or a home
	Analyst       Role = "analyst"       // counts and compares; sees no person by it
	Machine       Role = "machine"       // a system that signs in by itself
)

// Say is the role in words.
func (r Role) Say() string { return roleWords[r] }

// Roles lists every role that a person can have: Machine is not among them.
func Roles() []Role {
	var rs []Role
	for r := range roleWords {
		if r != Machine {
			rs = append(rs, r)
		}
	}
	slices.Sort(rs)
	return rs
}

var roleWords = map[Role]string{
	AENurse: "A&E nurse", WardNurse: "Ward nurse", Coordinator: "Discharge coordinator", SocialWorker: "Social worker",
	TeamManager: "Team manager", Broker: "Broker", IGLead: "Information governance lead", Integration: "Integration engineer",
	WallboardRole: "Wallboard", Admin: "Administrator", CareProvider: "Care provider", Analyst: "Analyst", Machine: "System",
}

// Actor is somebody who is signed in, in one role at one organisation.
type Actor struct {
	ID      ActorID
	Name    string
	Role    Role
	Org     nhs.ODS
	OrgName string
	OrgKind OrgKind
	Team    string // council team id, "" for none
	Ward    string // a ward nurse's usual ward code, "" for none
	Address string // network address the request came from, for audit
	Request string // id of the request in the web server's log, for audit
	RoleID  string // the provider's name for the role (Grant.Profile), for audit
}

// Who is the actor as a name on a timeline.
func (a Actor) Who() Who { return Who{ID: a.ID, Name: a.Name, Org: a.Org} }
