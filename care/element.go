package care

import (
	"cmp"
	"time"

	"homeward/money"
	"homeward/nhs"
)

// Element is one priced part of the care that a council arranges: so many hours a
// week, a weekly placement, or a one-off. It is never shown to a hospital.
type Element struct {
	Of           CaseID            `json:"of,omitempty"`
	ID           string            `json:"id"`
	Referral     ReferralID        `json:"referral,omitempty"`
	Request      string            `json:"request,omitempty"` // the request that it came from
	Council      nhs.ODS           `json:"council"`
	Kind         string            `json:"kind"` // Interweave-SocialCareServiceType code
	Title        string            `json:"title,omitempty"`
	Provider     string            `json:"provider,omitempty"`
	ProviderName string            `json:"providerName,omitempty"`
	Unit         Unit              `json:"unit"`
	Rate         money.Amount      `json:"rate"`           // for one unit
	Week         [7]money.Quantity `json:"week,omitzero"`  // units from Monday to Sunday; of a weekly or one-off unit all zero
	Count        money.Quantity    `json:"count,omitzero"` // units a week of UnitWeek, or in all of UnitOnce
	Start        nhs.Date          `json:"start"`
	End          nhs.Date          `json:"end,omitzero"` // the last day; zero: until further notice
	Stops        []Stop            `json:"stops,omitzero"`
	Funding      string            `json:"funding"`                // code of the funding source
	NHS          money.Share       `json:"nhs,omitempty"`          // what the NHS pays of it
	Contribution money.Amount      `json:"contribution,omitempty"` // that the person pays a week
	Ceiling      money.Amount      `json:"ceiling,omitempty"`      // the most that was agreed a week; 0: none
	State        ElementState      `json:"state"`
	At           time.Time         `json:"at"` // when the figures were set as they are
	By           Who               `json:"by"` // who set the figures as they are
	Decided      time.Time         `json:"decided,omitzero"`
	DecidedBy    Who               `json:"decidedBy,omitzero"`
	Why          string            `json:"why,omitempty"`      // of the last decision, stop or end
	From         nhs.Date          `json:"from,omitzero"`      // from when the figures hold; zero: from Start
	Past         []Figures         `json:"past,omitzero"`      // what held before, oldest first
	Proposed     *Element          `json:"proposed,omitempty"` // figures that wait for approval, while these stand
}

// Figures are what a part of care cost up to a day: what was approved before the
// figures that stand now.
type Figures struct {
	To           nhs.Date          `json:"to"` // the last day on which they held
	Rate         money.Amount      `json:"rate"`
	Week         [7]money.Quantity `json:"week,omitzero"`
	Count        money.Quantity    `json:"count,omitzero"`
	NHS          money.Share       `json:"nhs,omitempty"`
	Contribution money.Amount      `json:"contribution,omitempty"`
}

// Unit is what a rate is for.
type Unit string

// The units.
const (
	UnitHour  Unit = "hour"
	UnitVisit Unit = "visit"
	UnitDay   Unit = "day"
	UnitNight Unit = "night"
	UnitWeek  Unit = "week"
	UnitOnce  Unit = "once"
)

// Stop is a time in which care stands still. Cost stops with it.
type Stop struct {
	From nhs.Date `json:"from"`          // the first day without care
	To   nhs.Date `json:"to,omitzero"`   // the last; zero: still
	Why  string   `json:"why,omitempty"` // "In hospital"
	By   Who      `json:"by,omitzero"`
}

// ElementState is whether the money is agreed.
type ElementState string

// The states of an element.
const (
	ElementDraft    ElementState = "draft"
	ElementWaiting  ElementState = "waiting" // above the limit of who set it: a second person decides
	ElementApproved ElementState = "approved"
	ElementRefused  ElementState = "refused"
	ElementEnded    ElementState = "ended"
)

// ElementChanged is that figures were set, approved, refused, stopped or ended:
// Element is as it is since, so that history holds every figure that ever was.
type ElementChanged struct {
	At      time.Time  `json:"at"`
	Did     ElementDid `json:"did"`
	By      Who        `json:"by,omitzero"`
	Element Element    `json:"element"`
}

// ElementDid is what happened to an element.
type ElementDid string

// What happens to elements.
const (
	ElementSet         ElementDid = "set"
	ElementDidApprove  ElementDid = "approved"
	ElementDidRefuse   ElementDid = "refused"
	ElementDidSuspend  ElementDid = "suspended"
	ElementDidResume   ElementDid = "resumed"
	ElementDidEnd      ElementDid = "ended"
	ElementDidWithdraw ElementDid = "withdrawn"
	ElementDidTakeBack ElementDid = "taken-back" // a change that waited
)

func (e ElementChanged) When() time.Time { return e.At }

// Say names the event. Figures stand beside it for who may see them.
func (e ElementChanged) Say() string {
	return cmp.Or(map[ElementDid]string{ElementSet: "Cost of care set", ElementDidApprove: "Cost of care approved", ElementDidRefuse: "Cost of care refused",
		ElementDidSuspend: "Care and its cost suspended", ElementDidResume: "Care and its cost resumed", ElementDidEnd: "Cost of care ended",
		ElementDidWithdraw: "Cost of care withdrawn", ElementDidTakeBack: "Change of a cost taken back"}[e.Did], "Cost of care changed")
}

func (e ElementChanged) apply(c *Case) {
	put(&c.Elements, e.Element, func(x *Element) (*string, *CaseID) { return &x.ID, &x.Of })
}

// SetElement sets or changes the figures. Limit is what the setter may approve
// alone, a week, in pence; above it, or above the ceiling, a second person decides.
// Was is Element.Changed as the setter saw it; zero for a new one. A change of
// approved figures holds from Element.From on, or where that is zero from the start.
type SetElement struct {
	Element Element
	Limit   money.Amount
	Was     time.Time
}

// DecideElement approves or refuses what waits. Limit is what the decider may approve
// a week, and Was is Element.Changed as they saw it: nobody approves figures unseen.
type DecideElement struct {
	ID    string
	Yes   bool
	Why   string
	Limit money.Amount
	Was   time.Time
}

// StopElement suspends care from a day (Stop.From), or with a last day (Stop.To)
// resumes it on the day after. With both days, where nothing is suspended, it is a
// suspension whose end is known.
type StopElement struct {
	ID   string
	Stop Stop
}

// EndElement ends an element on its last day; a day before its first says that the
// care never began. What was never approved is taken back.
type EndElement struct {
	ID  string
	End nhs.Date
	Why string
}

// TakeBackElement takes back changed figures before anybody decided them, by whoever set
// them; those that were approved stand. Was is Element.Changed as they saw it.
type TakeBackElement struct {
	ID  string
	Was time.Time
}

func (SetElement) command()    {}
func (DecideElement) command() {}
func (StopElement) command()   {}
func (EndElement) command()    {}

func (TakeBackElement) command() {}
