package care

import (
	"time"

	"homeward/nhs"
)

// Observation is what a system says happened. Systems are believed, never
// refused: Notice turns an observation into events.
type Observation struct {
	At     time.Time // when it happened: EVN-6, else EVN-2, else MSH-7
	Said   time.Time // when the sender recorded it: EVN-2, else MSH-7
	Source Source
	Event  string // what the sender called it: "A02"
	About  About
	Visit  string // the stay it is about; "" when not told

	// Exactly one of these is set.
	Seen    *Seen
	Left    *Left
	Undone  *Undone
	Joined  *Joined
	Planned *Planned
	Holds   *Holding
}

// Source is who says so.
type Source struct {
	Feed string  // configured name: the key of freshness
	Name string  // for people: "King's Mill EPR"
	Org  nhs.ODS // the trust or council behind it
}

// Opt is a field that may be unchanged (the zero value), set, or deleted (Told
// with the zero Value). HL7 v2.4 2.10: an empty field says nothing, `""` deletes.
type Opt[T any] struct {
	Told  bool
	Value T
}

// Tell makes a field that is set.
func Tell[T any](v T) Opt[T] { return Opt[T]{true, v} }

// Or is the value if told, else was.
func (o Opt[T]) Or(was T) T {
	if o.Told {
		return o.Value
	}
	return was
}

// About is who an observation is about.
type About struct {
	NHS       nhs.Number
	Trace     Trace
	BadNHS    bool         // a number was there and its check digit is wrong
	IDs       []Identifier // the first is the one the sender knows the person by
	Family    Opt[string]
	Given     Opt[string]
	Title     Opt[string]
	Preferred Opt[string]
	Born      Opt[nhs.Date]
	Sex       Opt[string]
	Address   Opt[Address]
	Phone     Opt[string]
	GP        Opt[string]
	GPName    Opt[string]
	Language  Opt[string]
	Kin       Opt[[]Kin]
	Died      Opt[Death]
	Sensitive Opt[bool]
}

// Seen is that a person is, was or will be somewhere, and how they are.
// Opens says that the event itself begins a stay (A01, A04 ...); others only
// tell about one.
type Seen struct {
	Opens      bool
	Person     bool // demographics only (A28, A31): says nothing about a stay
	Class      Opt[string]
	Where      Opt[Location]
	Admitted   Opt[time.Time]
	Consultant Opt[string]
	Specialty  Opt[string]
	Reason     Opt[string]
	Method     Opt[string]
	Fit        Opt[string]    // Y, N
	ReadyAt    Opt[time.Time] // discharge-ready since
	ReadyDay   bool           // ReadyAt is the beginning of a day: no time was told
	Expected   Opt[nhs.Date]
	OnLeave    Opt[bool]
}

// Left is that a stay ended.
type Left struct{ Leaving Leaving }

// Undone is that something said before is taken back.
type Undone struct {
	What  UndoneWhat
	Where Opt[Location] // A12: where the person is instead, when told
}

// UndoneWhat is what is taken back.
type UndoneWhat string

// What can be taken back.
const (
	UndoneAdmission UndoneWhat = "admission" // A11
	UndoneMove      UndoneWhat = "move"      // A12
	UndoneLeaving   UndoneWhat = "leaving"   // A13
	UndonePlan      UndoneWhat = "plan"      // A38, A27
	UndoneExpected  UndoneWhat = "expected"  // A25
	UndoneLeave     UndoneWhat = "leave"     // A52: leave of absence
	UndoneReturn    UndoneWhat = "return"    // A53
)

// Joined is that the identifiers in Retired are the same person as About.
type Joined struct{ Retired []Identifier }

// Planned is that an admission is planned.
type Planned struct{ For Opt[time.Time] }
