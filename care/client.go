package care

import (
	"cmp"
	"time"

	"homeward/nhs"
)

// Client is what one care provider was told about one stay of a person whom it
// cares for ("your client is here"), and what it answered. There is one for each
// stay and provider.
type Client struct {
	Of           CaseID    `json:"of,omitempty"`
	ID           string    `json:"id"`
	Council      nhs.ODS   `json:"council"` // in whose directory the provider is
	Provider     string    `json:"provider"`
	ProviderName string    `json:"providerName"`
	Packages     []string  `json:"packages,omitzero"` // the council's references
	Stay         string    `json:"stay,omitempty"`    // visit
	Hospital     nhs.ODS   `json:"hospital"`
	Class        string    `json:"class,omitempty"`  // of the stay, PV1-2: I in a bed, E in A&E
	Since        time.Time `json:"since,omitzero"`   // when the person came there
	Told         time.Time `json:"told"`             // when the provider was first to be told
	By           Who       `json:"by,omitzero"`      // zero: by rule, on admission
	Reached      time.Time `json:"reached,omitzero"` // when its page or system had it
	Acked        time.Time `json:"acked,omitzero"`   // when it said that it knows
	AckedBy      string    `json:"ackedBy,omitempty"`
	Suspended    time.Time `json:"suspended,omitzero"` // from when care, and its cost, stands still
	Restart      *Restart  `json:"restart,omitzero"`
	Died         time.Time `json:"died,omitzero"` // told that the person died
	// Over is when the reason for the notice went away, and EndedWhy says how. The
	// provider, who knows of the stay, must still be told that: until it confirms,
	// the notice has not ended.
	Over     time.Time `json:"over,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
	EndedWhy ClientEnd `json:"endedWhy,omitempty"`
}

// ClientEnd is why there is nothing more to do between Homeward and a provider.
type ClientEnd string

// The ends. The first five come by rule and are taken back when what they followed
// from is; the others a person says.
const (
	EndRestarted  ClientEnd = "restarted"
	EndHome       ClientEnd = "home"  // left hospital, and care was never suspended
	EndMoved      ClientEnd = "moved" // to another stay, of which the provider is told anew
	EndDied       ClientEnd = "died"
	EndUndone     ClientEnd = "undone" // the person never was in hospital
	EndNotRestart ClientEnd = "not-restarting"
	EndNotClient  ClientEnd = "not-client" // the provider does not care for this person
)

// ClientState is how far what a provider was told has come.
type ClientState string

// The states, in the order in which they matter to a provider.
const (
	ClientIsTold      ClientState = "told"
	ClientIsKnown     ClientState = "known" // acknowledged
	ClientIsSuspended ClientState = "suspended"
	ClientIsAsked     ClientState = "asked" // to restart, and has not answered
	ClientHasAnswered ClientState = "answered"
	ClientIsOver      ClientState = "over" // to be confirmed
	ClientHasEnded    ClientState = "ended"
)

// State is how far it has come.
func (k Client) State() ClientState {
	switch {
	case !k.Ended.IsZero():
		return ClientHasEnded
	case !k.Over.IsZero():
		return ClientIsOver
	case k.Restart != nil && k.Restart.Answer == "":
		return ClientIsAsked
	case k.Restart != nil:
		return ClientHasAnswered
	case !k.Suspended.IsZero():
		return ClientIsSuspended
	case !k.Acked.IsZero():
		return ClientIsKnown
	}
	return ClientIsTold
}

// Code is by what code the provider acts here.
func (k Client) Code() nhs.ODS { return ProviderCode(k.Council, k.Provider) }

// Restart is a request that care begins again, and its answer.
type Restart struct {
	Asked    time.Time     `json:"asked"`
	By       Who           `json:"by"`
	From     time.Time     `json:"from"`              // when care is wanted
	Pathway  string        `json:"pathway"`           // "0": paused, at the same level; "1": the package has lapsed
	Answer   RestartAnswer `json:"answer,omitempty"`  // "": not answered
	Earliest time.Time     `json:"earliest,omitzero"` // earliest start, as answered
	Text     string        `json:"text,omitempty"`
	Answered time.Time     `json:"answered,omitzero"`
	Answerer string        `json:"answerer,omitempty"` // the provider's person, as typed
}

// RestartAnswer is what a provider answers.
type RestartAnswer string

// The answers.
const (
	RestartYes    RestartAnswer = "yes"
	RestartNotice RestartAnswer = "notice" // needs notice: see Earliest
	RestartNo     RestartAnswer = "no"
)

// ClientChanged is that a provider was told something, or said something.
type ClientChanged struct {
	At     time.Time `json:"at"`
	Did    ClientDid `json:"did"`
	By     Who       `json:"by,omitzero"`
	Client Client    `json:"client"`
}

// ClientDid is what happened between Homeward and a provider.
type ClientDid string

// What happens.
const (
	ClientTold      ClientDid = "told"      // that the person is in hospital
	ClientReached   ClientDid = "reached"   // the message was opened
	ClientAcked     ClientDid = "acked"     // the provider said that it knows
	ClientSuspended ClientDid = "suspended" // a time was agreed from which care stands still
	ClientAsked     ClientDid = "asked"     // to restart
	ClientAnswered  ClientDid = "answered"
	ClientDied      ClientDid = "died" // told that the person died
	ClientOver      ClientDid = "over" // to be told that the person left, or never was there
	ClientEnded     ClientDid = "ended"
)

func (e ClientChanged) When() time.Time { return e.At }

// Say names the event: "Bluebell Care was told: in hospital".
func (e ClientChanged) Say() string {
	return cmp.Or(e.Client.ProviderName, "The care provider") + map[ClientDid]string{
		ClientTold: " was told: in hospital", ClientReached: " opened the message", ClientAcked: " acknowledged",
		ClientSuspended: ": care suspended", ClientAsked: " was asked to restart care", ClientAnswered: " answered",
		ClientDied: " was told: the person died", ClientOver: " was told: not in hospital any more", ClientEnded: ": nothing more to do",
	}[e.Did]
}

func (e ClientChanged) apply(c *Case) {
	put(&c.Clients, e.Client, func(x *Client) (*string, *CaseID) { return &x.ID, &x.Of })
}

// TellProvider tells a provider that the person is in hospital, by hand.
type TellProvider struct {
	Provider, ProviderName string
	Council                nhs.ODS
	Packages               []string
}

// SuspendCare records from when care stands still, as agreed with the provider.
type SuspendCare struct {
	ID   string
	From time.Time
}

// AskRestart asks a provider to begin again. The pathway follows from the packages.
type AskRestart struct {
	ID   string
	From time.Time
}

// Acknowledge is the provider's word that it knows; Who is its person, as typed.
type Acknowledge struct {
	ID  string
	Who string
}

// AnswerRestart is the provider's answer.
type AnswerRestart struct {
	ID       string
	Answer   RestartAnswer
	Earliest time.Time
	Text     string
	Who      string
}

// EndClient ends what stands between Homeward and a provider.
type EndClient struct {
	ID  string
	Why ClientEnd
}

// OpenClient is that a provider's page or system showed the notice.
type OpenClient struct{ ID string }

// CallBack sets the task to ring a provider again: of a call that was not answered.
type CallBack struct {
	Task Task
}

func (TellProvider) command()  {}
func (SuspendCare) command()   {}
func (AskRestart) command()    {}
func (Acknowledge) command()   {}
func (AnswerRestart) command() {}
func (EndClient) command()     {}
func (OpenClient) command()    {}
func (CallBack) command()      {}
