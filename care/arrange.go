package care

import (
	"cmp"
	"time"

	"homeward/money"
	"homeward/nhs"
)

// Request asks care providers whether they can take on a package. Until one is
// booked they see needs and an area, and not who it is.
type Request struct {
	Of       CaseID         `json:"of,omitempty"`
	ID       string         `json:"id"`
	Referral ReferralID     `json:"referral"`
	Council  nhs.ODS        `json:"council"`
	At       time.Time      `json:"at"`
	By       Who            `json:"by"`
	Kind     string         `json:"kind"`             // Interweave-SocialCareServiceType code
	Area     string         `json:"area"`             // postcode district: "NG17"
	Needs    string         `json:"needs"`            // in words that name nobody
	Hours    money.Quantity `json:"hours,omitempty"`  // a week
	Visits   int            `json:"visits,omitempty"` // a day
	Carers   int            `json:"carers,omitempty"` // at a visit: 1 or 2
	StartBy  nhs.Date       `json:"startBy,omitzero"`
	Ceiling  money.Amount   `json:"ceiling,omitempty"` // the most it may cost a week; 0: none
	SelfFund bool           `json:"selfFund,omitempty"`
	Consent  bool           `json:"consent,omitempty"` // the person agreed that providers are asked; who pays themselves must
	Invited  []Invite       `json:"invited,omitzero"`
	Booked   string         `json:"booked,omitempty"` // the provider, "" while none is
	BookedAt time.Time      `json:"bookedAt,omitzero"`
	BookedBy Who            `json:"bookedBy,omitzero"`
	Start    nhs.Date       `json:"start,omitzero"` // when the booked care begins
	On       Basis          `json:"on,omitzero"`    // of the booking
	Choice   *Choice        `json:"choice,omitzero"`
	Risk     *Risk          `json:"risk,omitzero"`   // readiness or the predicted date moved since an offer
	Wasted   time.Time      `json:"wasted,omitzero"` // offers were obtained, and the person lost readiness
	Ended    time.Time      `json:"ended,omitzero"`
	EndedWhy string         `json:"endedWhy,omitempty"`
}

// Invite is one provider that was asked, and its answer.
type Invite struct {
	Provider string       `json:"provider"`
	Name     string       `json:"name"`
	At       time.Time    `json:"at"`
	Reply    RequestReply `json:"reply,omitempty"`
	Reason   string       `json:"reason,omitempty"` // code of a decline, or of what more is needed
	Text     string       `json:"text,omitempty"`
	Earliest nhs.Date     `json:"earliest,omitzero"`
	Rate     money.Amount `json:"rate,omitempty"` // a week, as offered
	Replied  time.Time    `json:"replied,omitzero"`
	On       Basis        `json:"on,omitzero"` // of an acceptance
	By       Who          `json:"by,omitzero"` // who recorded it; of the provider's own page the Name is what was typed
}

// Basis is what was known of the person's leaving when something was promised. It is
// kept and not looked up by its time, as clocks of hospitals differ from ours.
type Basis struct {
	EDD   nhs.Date `json:"edd,omitzero"`
	Ready bool     `json:"ready,omitempty"`
}

// RequestReply is what a provider says to a request.
type RequestReply string

// The replies, and what becomes of one that was not taken.
const (
	ReplyAccept   RequestReply = "accept"
	ReplyMore     RequestReply = "more" // needs more information
	ReplyDecline  RequestReply = "decline"
	ReplyReleased RequestReply = "released" // another was booked, or the request ended
)

// Choice is what the person, or who speaks for them, was offered and chose.
type Choice struct {
	At      time.Time `json:"at"`
	By      Who       `json:"by"`
	Offered int       `json:"offered"` // how many
	Chosen  string    `json:"chosen,omitempty"`
	Text    string    `json:"text"`
}

// Risk is why an offer may come to nothing.
type Risk struct {
	At  time.Time `json:"at"`
	Why string    `json:"why"` // "Predicted discharge moved to 16-Mar-2026"
}

// RequestChanged is that a request for care was made, answered, booked or ended:
// Request is as it is since.
type RequestChanged struct {
	At      time.Time  `json:"at"`
	Did     RequestDid `json:"did"`
	By      Who        `json:"by,omitzero"`
	Who     string     `json:"who,omitempty"` // the provider that it is about, for the timeline
	Request Request    `json:"request"`
}

// RequestDid is what happened to a request.
type RequestDid string

// What happens to requests.
const (
	RequestMade     RequestDid = "made"
	RequestInvited  RequestDid = "invited"
	RequestReplied  RequestDid = "replied"
	RequestBooked   RequestDid = "booked"
	RequestChosen   RequestDid = "chosen"
	RequestAtRisk   RequestDid = "at-risk"
	RequestSafe     RequestDid = "safe" // the risk is over
	RequestWasted   RequestDid = "wasted"
	RequestReopened RequestDid = "reopened" // what was booked fell through
	RequestEnded    RequestDid = "ended"
)

func (e RequestChanged) When() time.Time { return e.At }

// Say names the event.
func (e RequestChanged) Say() string {
	switch e.Did {
	case RequestReplied, RequestBooked, RequestInvited:
		return map[RequestDid]string{RequestReplied: "Answer of ", RequestBooked: "Booked: ", RequestInvited: "Asked: "}[e.Did] + e.Who
	}
	return cmp.Or(map[RequestDid]string{RequestMade: "Care requested", RequestChosen: "Choice recorded", RequestAtRisk: "Offers at risk", RequestSafe: "Offers no longer at risk",
		RequestWasted: "Sourcing wasted: no longer ready to leave", RequestReopened: "Booking fell through: asking again", RequestEnded: "Request for care ended"}[e.Did], "Request for care changed")
}

func (e RequestChanged) apply(c *Case) {
	put(&c.Requests, e.Request, func(r *Request) (*string, *CaseID) { return &r.ID, &r.Of })
}

// MakeRequest asks for care; those in Invited are asked at once. Progress moves the
// referral to arranging care, where its state allows that.
type MakeRequest struct {
	Request  Request
	Progress bool
}

// InviteMore asks more providers.
type InviteMore struct {
	ID      string
	Invited []Invite
}

// ReplyRequest is a provider's reply, by its own page or as a broker heard it.
type ReplyRequest struct {
	ID     string
	Invite Invite // Provider, Reply, Reason, Text, Earliest, Rate; At: Request.Touched as the form showed it, zero where none did
}

// Book takes one offer and releases the others; the booked one again moves its
// start. Progress moves the referral to ready to leave, where its state allows that.
type Book struct {
	ID       string
	Provider string
	Start    nhs.Date
	Progress bool
	Seen     time.Time // Request.Touched as the form showed it; zero where none did
}

// RecordChoice keeps what was offered and chosen.
type RecordChoice struct {
	ID     string
	Choice Choice
}

// Reopen says that what was booked fell through.
type Reopen struct{ ID, Why string }

// EndRequest ends it, with why.
type EndRequest struct{ ID, Why string }

func (MakeRequest) command()  {}
func (InviteMore) command()   {}
func (ReplyRequest) command() {}
func (Book) command()         {}
func (RecordChoice) command() {}
func (Reopen) command()       {}
func (EndRequest) command()   {}
