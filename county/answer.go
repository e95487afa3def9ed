package county

import (
	"time"

	"homeward/nhs"
)

// Answer is the facts of one record as they were invented and as far as they are known
// at the end of the county. It is for computing figures by hand: days are local days,
// nothing is taken from the events, and nothing that a measure counts is counted here.
type Answer struct {
	Born     nhs.Date // zero: not known
	Died     time.Time
	Stays    []*Stay // in the order of admission
	JoinedTo string  // the record into which this one was joined; its stays are the other's
}

// Stay is one stay in a hospital.
type Stay struct {
	Visit       string
	Trust       nhs.ODS
	Wards       []string // the last is where the person is, or was at the end
	Class       string   // I in a bed, E only in A&E, O an appointment
	Method      string   // of admission, as told
	Specialty   string
	In, Out     time.Time // Out zero: still there
	InDay       nhs.Date
	OutDay      nhs.Date
	End         End
	Destination string // code, as told
	Apart       []Period
	Predicted   []Prediction // by the time at which each was said
	Referral    *Referral
}

// End is how a stay ended.
type End string

// The ends. Moved is that the person was next seen in another stay, and nobody told of
// the end of this one.
const (
	StillThere  End = ""
	Home        End = "home"
	Dead        End = "died"
	Transferred End = "transferred"
	Moved       End = "moved"
)

// Period is a time in which somebody in a bed did not meet the criteria to reside. To
// is zero while it lasts; Until is the day of it.
type Period struct {
	From, To   time.Time
	Day, Until nhs.Date
	Early      bool // told as from before the admission; From is the admission
	Wrong      bool // told as from after the leaving; From is as told
}

// Prediction is a predicted day of leaving; the zero Day takes the one before back.
type Prediction struct {
	Said time.Time
	Day  nhs.Date
}

// Referral is how one referral went. Times that are zero did not come.
type Referral struct {
	ID                                                              string
	Council                                                         nhs.ODS
	Team, Worker, Pathway                                           string
	Sent, Accepted, Allocated, Assessing, Planning, Sourcing, Ready time.Time
	Left                                                            time.Time // the person left hospital, and the hospital's part was over
	Ended                                                           time.Time
	How                                                             string // of the end: closed, died, withdrawn
	Returns                                                         []Return
	Requests                                                        []*Request
	Day91                                                           string // where the person was: home, care-home, ...; "" not asked yet
	Day91Told                                                       time.Time
}

// Return is one sending back for information. Answered is zero while it is not.
type Return struct {
	At, Answered time.Time
	Reason       string
}

// Request is one asking of providers for care.
type Request struct {
	ID, Kind         string
	At               time.Time
	Asked            []Asked
	Booked           string
	BookedAt         time.Time
	Wasted           time.Time // readiness was lost while there were offers
	Ended            time.Time
	WastedDay        nhs.Date
	EndedDay         nhs.Date
	OffersWhenWasted int
	FirstOffer       time.Time
	Offers           int // so far
}

// Asked is one provider that was asked, and its answer; Reply "" is none yet.
type Asked struct {
	Provider    string
	At, Replied time.Time
	Reply       string
}
