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
	Told         time.Time `json:"told"`             // when the provider was first to be told
	By           Who       `json:"by,omitzero"`      // zero: by rule, on admission
	Reached      time.Time `json:"reached,omitzero"` // when its page or system had it
	Acked        time.Time `json:"acked,omitzero"`   // when it said that it knows
	AckedBy      string    `json:"ackedBy,omitempty"`
	Suspended    time.Time `json:"suspended,omitzero"` // from when care, and its cost, stands still
	Restart      *Restart  `json:"restart,omitzero"`
	Died         time.Time `json:"died,omitzero"` // told that the person died
	Ended        time.Time `json:"ended,omitzero"`
	EndedWhy     string    `json:"endedWhy,omitempty"` // restarted, not restarting, died, undone
}

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
	ClientEnded     ClientDid = "ended"
)

func (e ClientChanged) When() time.Time { return e.At }

// Say names the event: "Bluebell Care was told: in hospital".
func (e ClientChanged) Say() string {
	return cmp.Or(e.Client.ProviderName, "The care provider") + map[ClientDid]string{
		ClientTold: " was told: in hospital", ClientReached: " opened the message", ClientAcked: " acknowledged",
		ClientSuspended: ": care suspended", ClientAsked: " was asked to restart care", ClientAnswered: " answered",
		ClientDied: " was told: the person died", ClientEnded: ": nothing more to do",
	}[e.Did]
}

func (e ClientChanged) apply(c *Case) {
	put(&c.Clients, e.Client, func(x *Client) (*string, *CaseID) { return &x.ID, &x.Of })
}

// TellProvider tells a provider that the person is in hospital, by hand.
type TellProvider struct {
	ID, Provider, ProviderName string
	Council                    nhs.ODS
	Packages                   []string
}

// SuspendCare records from when care stands still, as agreed with the provider.
type SuspendCare struct {
	ID   string
	From time.Time
}

// AskRestart asks a provider to begin again.
type AskRestart struct {
	ID      string
	From    time.Time
	Pathway string // "0" or "1"
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
type EndClient struct{ ID, Why string }

func (TellProvider) command()  {}
func (SuspendCare) command()   {}
func (AskRestart) command()    {}
func (Acknowledge) command()   {}
func (AnswerRestart) command() {}
func (EndClient) command()     {}
