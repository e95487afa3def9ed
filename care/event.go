package care

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"homeward/nhs"
)

// Event is one thing that became true of a case. An event is never refused,
// changed or deleted; what was wrong is taken back by another event. Each type
// stands here with what it does to the case and what a timeline says of it.
type Event interface {
	// When is when it happened, which may be long before it was recorded.
	When() time.Time
	// Say is its line on the timeline. It names no person who is cared for.
	Say() string
	apply(*Case)
}

// Apply folds events into a case and leaves the argument as it was. It is
// total: every event applies to every case, so that history always folds.
func Apply(c Case, events ...Event) Case {
	c = c.clone()
	for _, e := range events {
		e.apply(&c)
		c.trim()
		c.Version++
		c.Updated = later(c.Updated, e.When())
		if !aside(e) {
			c.News = later(c.News, e.When())
		}
	}
	return c
}

// aside reports whether an event is none that lists tell of.
func aside(e Event) bool {
	switch e.(type) {
	case NoteAdded, CallRecorded, HoldingTold, Objected, ObjectionTakenBack, PaperShared, PaperWithdrawn, Told,
		TaskChanged, Nudged, ClientChanged, RequestChanged, ElementChanged, OutcomeChanged, Decided, ConcernChanged, PaperSigned, CriteriaTold, ClockCorrected, LookEnded:
		return true
	}
	return false
}

// eventTypes lists every event with the stable name history keeps it under.
// Names are never reused.
var eventTypes = map[string]func([]byte) (Event, error){
	"started": read[Started], "identified": read[Identified], "number-changed": read[NumberChanged],
	"doubted": read[Doubted], "settled": read[Settled], "person-told": read[PersonTold],
	"sensitivity-told": read[SensitivityTold], "died": read[PersonDied], "death-undone": read[DeathUndone],
	"planned": read[AdmissionPlanned], "plan-cancelled": read[PlanCancelled],
	"admitted": read[Admitted], "admission-undone": read[AdmissionUndone], "moved": read[Moved],
	"move-undone": read[MoveUndone], "stay-told": read[StayTold], "became-ready": read[BecameReady],
	"no-longer-ready": read[NoLongerReady], "expected-changed": read[ExpectedChanged],
	"leave-told": read[LeaveTold], "discharged": read[Discharged], "discharge-undone": read[DischargeUndone],
	"undone-early": read[UndoneEarly], "arrived-late": read[ArrivedLate], "left-early": read[LeftEarly],
	"absorbed": read[Absorbed], "joined-into": read[JoinedInto], "separated": read[Separated], "restored": read[Restored],
	"holding-told":  read[HoldingTold],
	"referral-sent": read[ReferralSent], "referral-received": read[ReferralReceived], "referral-routed": read[ReferralRouted],
	"referral-accepted": read[ReferralAccepted], "referral-returned": read[ReferralReturned],
	"referral-answered": read[ReferralAnswered], "referral-allocated": read[ReferralAllocated],
	"referral-progressed": read[ReferralProgressed], "referral-ended": read[ReferralEnded],
	"watch-ended": read[WatchEnded], "watch-resumed": read[WatchResumed],
	"note-added": read[NoteAdded], "call-recorded": read[CallRecorded],
	"paper-shared": read[PaperShared], "paper-withdrawn": read[PaperWithdrawn], "told": read[Told],
	"referral-held": read[ReferralHeld], "referral-resumed": read[ReferralResumed], "referral-transferred": read[ReferralTransferred],
	"criteria-told": read[CriteriaTold], "paper-signed": read[PaperSigned],
	"task-changed": read[TaskChanged], "nudged": read[Nudged], "client-changed": read[ClientChanged],
	"request-changed": read[RequestChanged], "element-changed": read[ElementChanged], "outcome-changed": read[OutcomeChanged],
	"decided": read[Decided], "concern-changed": read[ConcernChanged], "clock-corrected": read[ClockCorrected], "look-ended": read[LookEnded],
	"objected": read[Objected], "objection-taken-back": read[ObjectionTakenBack],
}

func read[E Event](b []byte) (Event, error) {
	var e E
	err := json.Unmarshal(b, &e)
	return e, err
}

// NameOf is the stable name of an event's type.
func NameOf(e Event) string {
	switch e.(type) {
	case Started:
		return "started"
	case Identified:
		return "identified"
	case NumberChanged:
		return "number-changed"
	case Doubted:
		return "doubted"
	case Settled:
		return "settled"
	case PersonTold:
		return "person-told"
	case SensitivityTold:
		return "sensitivity-told"
	case PersonDied:
		return "died"
	case DeathUndone:
		return "death-undone"
	case AdmissionPlanned:
		return "planned"
	case PlanCancelled:
		return "plan-cancelled"
	case Admitted:
		return "admitted"
	case AdmissionUndone:
		return "admission-undone"
	case Moved:
		return "moved"
	case MoveUndone:
		return "move-undone"
	case StayTold:
		return "stay-told"
	case BecameReady:
		return "became-ready"
	case NoLongerReady:
		return "no-longer-ready"
	case ExpectedChanged:
		return "expected-changed"
	case LeaveTold:
		return "leave-told"
	case Discharged:
		return "discharged"
	case DischargeUndone:
		return "discharge-undone"
	case UndoneEarly:
		return "undone-early"
	case ArrivedLate:
		return "arrived-late"
	case LeftEarly:
		return "left-early"
	case Absorbed:
		return "absorbed"
	case JoinedInto:
		return "joined-into"
	case Separated:
		return "separated"
	case Restored:
		return "restored"
	case ReferralHeld:
		return "referral-held"
	case ReferralResumed:
		return "referral-resumed"
	case ReferralTransferred:
		return "referral-transferred"
	case CriteriaTold:
		return "criteria-told"
	case PaperSigned:
		return "paper-signed"
	case TaskChanged:
		return "task-changed"
	case Nudged:
		return "nudged"
	case ClientChanged:
		return "client-changed"
	case RequestChanged:
		return "request-changed"
	case ElementChanged:
		return "element-changed"
	case OutcomeChanged:
		return "outcome-changed"
	case Decided:
		return "decided"
	case ConcernChanged:
		return "concern-changed"
	case LookEnded:
		return "look-ended"
	case ClockCorrected:
		return "clock-corrected"
	case HoldingTold:
		return "holding-told"
	}
	return referralEventName(e)
}

func referralEventName(e Event) string {
	switch e.(type) {
	case ReferralSent:
		return "referral-sent"
	case ReferralReceived:
		return "referral-received"
	case ReferralRouted:
		return "referral-routed"
	case ReferralAccepted:
		return "referral-accepted"
	case ReferralReturned:
		return "referral-returned"
	case ReferralAnswered:
		return "referral-answered"
	case ReferralAllocated:
		return "referral-allocated"
	case ReferralProgressed:
		return "referral-progressed"
	case ReferralEnded:
		return "referral-ended"
	case WatchEnded:
		return "watch-ended"
	case WatchResumed:
		return "watch-resumed"
	case NoteAdded:
		return "note-added"
	case CallRecorded:
		return "call-recorded"
	case Objected:
		return "objected"
	case ObjectionTakenBack:
		return "objection-taken-back"
	case PaperShared:
		return "paper-shared"
	case PaperWithdrawn:
		return "paper-withdrawn"
	case Told:
		return "told"
	}
	return ""
}

// Encode writes an event as history keeps it.
func Encode(e Event) (name string, body []byte, err error) {
	name = NameOf(e)
	if name == "" {
		return "", nil, fmt.Errorf("event %T is not in the list of events", e)
	}
	body, err = json.Marshal(e)
	return name, body, err
}

// Decode reads what Encode wrote.
func Decode(name string, body []byte) (Event, error) {
	f, ok := eventTypes[name]
	if !ok {
		return nil, fmt.Errorf("history holds an event %q that this version does not know", name)
	}
	e, err := f(body)
	if err != nil {
		return nil, fmt.Errorf("reading event %q of history: %w", name, err)
	}
	return e, nil
}

// Cause is why an event was recorded: the message, the person or the import.
type Cause struct {
	Kind   string `json:"kind"`             // message, person, import, system
	ID     string `json:"id,omitempty"`     // message id, import id
	Source string `json:"source,omitempty"` // feed or council, for people
	By     Who    `json:"by,omitzero"`
}

// Entry is one line of a case's history: an event, when it was recorded, and
// why. Seq is the total order of everything; N counts within the case from 1.
type Entry struct {
	Seq      int64
	Case     CaseID
	N        int
	Recorded time.Time
	Cause    Cause
	Event    Event
}

// Late reports whether the event was recorded long enough after it happened
// that a reader wants to know.
func (e Entry) Late() bool {
	if x, ok := e.Event.(ExpectedChanged); ok && x.Expected.Late {
		return true
	}
	_, late := e.Event.(ArrivedLate)
	return late
}

// Started is that a case began.
type Started struct {
	At time.Time `json:"at"`
	ID CaseID    `json:"id"`
}

func (e Started) When() time.Time { return e.At }

// Say names the event.
func (e Started) Say() string   { return "Record started" }
func (e Started) apply(c *Case) { c.ID = e.ID }

// Identified is that identifiers of the person were learned.
type Identified struct {
	At    time.Time    `json:"at"`
	NHS   nhs.Number   `json:"nhs,omitzero"`
	Trace Trace        `json:"trace,omitempty"`
	IDs   []Identifier `json:"ids,omitzero"`
}

func (e Identified) When() time.Time { return e.At }

// Say names the event.
func (e Identified) Say() string { return "Identifiers recorded" }
func (e Identified) apply(c *Case) {
	if !e.NHS.IsZero() {
		c.NHS = e.NHS
	}
	if e.Trace != "" {
		c.Trace = e.Trace
	}
	for _, id := range e.IDs {
		if !slices.Contains(c.IDs, id) {
			c.IDs = append(c.IDs, id)
		}
	}
}

// NumberChanged is that the NHS number was superseded by another, verified one.
type NumberChanged struct {
	At    time.Time  `json:"at"`
	From  nhs.Number `json:"from"`
	To    nhs.Number `json:"to"`
	Trace Trace      `json:"trace,omitempty"`
}

func (e NumberChanged) When() time.Time { return e.At }

// Say names the event.
func (e NumberChanged) Say() string { return "NHS number changed" }
func (e NumberChanged) apply(c *Case) {
	if !e.From.IsZero() && !slices.Contains(c.Formerly, e.From) {
		c.Formerly = append(c.Formerly, e.From)
	}
	c.NHS, c.Trace = e.To, e.Trace
}

// Doubted is that who this is must be settled by a person; the case is frozen.
type Doubted struct {
	At    time.Time `json:"at"`
	Doubt Doubt     `json:"doubt"`
}

func (e Doubted) When() time.Time { return e.At }

// Say names the event.
func (e Doubted) Say() string   { return "Frozen: " + e.Doubt.Kind.Say() }
func (e Doubted) apply(c *Case) { d := e.Doubt; c.Doubt = &d }

// Settled is that a person answered the question. Number, when set, is the
// NHS number that they found to be right; Drop takes the number away.
type Settled struct {
	At     time.Time  `json:"at"`
	By     Who        `json:"by"`
	Number nhs.Number `json:"number,omitzero"`
	Drop   bool       `json:"drop,omitempty"`
	Why    string     `json:"why"`
}

func (e Settled) When() time.Time { return e.At }

// Say names the event.
func (e Settled) Say() string { return "Identity checked by a person: no longer frozen" }
func (e Settled) apply(c *Case) {
	if d := c.Doubt; d != nil && !d.Said.IsZero() && d.Said != c.NHS && d.Said != e.Number {
		c.Denied = append(c.Denied, d.Said) // said again, it is no question any more
	}
	c.Doubt = nil
	switch {
	case e.Drop:
		if !c.NHS.IsZero() {
			c.Denied = append(c.Denied, c.NHS)
		}
		c.NHS, c.Trace = nhs.Number{}, ""
	case !e.Number.IsZero() && e.Number != c.NHS:
		if !c.NHS.IsZero() {
			c.Formerly = append(c.Formerly, c.NHS)
		}
		c.NHS, c.Trace = e.Number, ""
	}
}

// PersonTold is that who the person is was told or changed.
type PersonTold struct {
	At     time.Time `json:"at"`
	Person Person    `json:"person"`
	First  bool      `json:"first,omitempty"`
}

func (e PersonTold) When() time.Time { return e.At }

// Say names the event.
func (e PersonTold) Say() string {
	if e.First {
		return "Personal details recorded"
	}
	return "Personal details changed"
}
func (e PersonTold) apply(c *Case) { c.Person = e.Person }

// SensitivityTold is that the hospital marked or unmarked the record (PV1-16).
type SensitivityTold struct {
	At        time.Time `json:"at"`
	Sensitive bool      `json:"sensitive"`
}

func (e SensitivityTold) When() time.Time { return e.At }

// Say names the event.
func (e SensitivityTold) Say() string {
	if e.Sensitive {
		return "Marked as a sensitive record"
	}
	return "No longer marked as a sensitive record"
}
func (e SensitivityTold) apply(c *Case) { c.Sensitive, c.SensitiveAt = e.Sensitive, e.At }

// PersonDied is that the person died.
type PersonDied struct {
	At    time.Time `json:"at"`
	Death Death     `json:"death"`
}

func (e PersonDied) When() time.Time { return e.At }

// Say names the event.
func (e PersonDied) Say() string   { return "The person died" }
func (e PersonDied) apply(c *Case) { d := e.Death; c.Died = &d }

// DeathUndone is that the death was said in error.
type DeathUndone struct {
	At time.Time `json:"at"`
}

func (e DeathUndone) When() time.Time { return e.At }

// Say names the event.
func (e DeathUndone) Say() string { return "The death was recorded in error" }
func (e DeathUndone) apply(c *Case) {
	c.Died = nil
	c.Undone = append(c.Undone, UndoneMark{What: "death", At: e.At})
}

// AdmissionPlanned is that an admission is planned.
type AdmissionPlanned struct {
	At   time.Time `json:"at"`
	Plan Plan      `json:"plan"`
}

func (e AdmissionPlanned) When() time.Time { return e.At }

// Say names the event.
func (e AdmissionPlanned) Say() string { return "Admission planned" }
func (e AdmissionPlanned) apply(c *Case) {
	c.Plans = slices.DeleteFunc(c.Plans, func(p Plan) bool { return p.Visit == e.Plan.Visit && p.Org == e.Plan.Org })
	c.Plans = append(c.Plans, e.Plan)
}

// PlanCancelled is that a planned admission will not be.
type PlanCancelled struct {
	At    time.Time `json:"at"`
	Visit string    `json:"visit,omitempty"`
	Org   nhs.ODS   `json:"org"`
}

func (e PlanCancelled) When() time.Time { return e.At }

// Say names the event.
func (e PlanCancelled) Say() string { return "Planned admission cancelled" }
func (e PlanCancelled) apply(c *Case) {
	c.Plans = slices.DeleteFunc(c.Plans, func(p Plan) bool { return p.Org == e.Org && (e.Visit == "" || p.Visit == e.Visit) })
}
