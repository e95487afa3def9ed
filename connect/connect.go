// Package connect tells other systems what happened here. A Connector writes one
// message for one destination and sends it once; when, in which order and how
// often again is the hub's, which keeps what was written and what was answered.
// A folder holds each kind of connector. Nothing here reads a store, decides
// who may know what, or waits between tries.
package connect

import (
	"context"
	"errors"
	"slices"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/translate"
)

// Kind is what is told.
type Kind string

// The kinds of news.
const (
	Refer     Kind = "refer"     // a referral was sent
	Update    Kind = "update"    // where the person is, how they are, the predicted date
	Paper     Kind = "paper"     // a notice or a checklist came
	Withdraw  Kind = "withdraw"  // a referral or a notice was taken back
	Discharge Kind = "discharge" // the person left, or did not after all
	Died      Kind = "died"
	Note      Kind = "note"   // a note for both sides
	Status    Kind = "status" // what the council does: received, accepted, returned, allocated, ..., closed
)

// News is one thing to tell one destination. Shown holds no more than the
// destination may know.
type News struct {
	Key         string // stable and unique: the far side may see it more than once. A UUID
	Correlation string // the same for all that is told about one referral. A UUID
	Kind        Kind
	What        string // in words: "Referral", "Moved to another ward"
	At          time.Time
	From, To    nhs.ODS // whose news it is; whom it is for ("" a destination that is no organisation's)
	Referral    care.ReferralID
	Paper       string // id of the paper
	NoteID      string
	Shown       translate.Shown
	PublicURL   string // of Homeward's pages, for links
}

// About is the referral that the news are of, as far as it is shown; false: of none.
func (n News) About() (care.Referral, bool) {
	i := slices.IndexFunc(n.Shown.Case.Referrals, func(r care.Referral) bool { return r.ID == n.Referral })
	if i < 0 || n.Referral == "" {
		return care.Referral{}, false
	}
	return n.Shown.Case.Referrals[i], true
}

// Message is what will be sent, byte for byte. It is kept before it is sent, and
// every try sends the same.
type Message struct {
	Key, Correlation string
	Kind             Kind
	Type             string            // media type of Body
	Head             map[string]string // what the connector needs besides: method, path, subject, recipient
	Body             []byte
	At               time.Time // when it was made
}

// Receipt is what the far side said.
type Receipt struct {
	Reference string // its own name for it; up to 64 printable characters, else ""
	Received  bool   // the system itself has it, and not only its door
	Again     bool   // it had it before: as good as new
	Track     string // where to ask later whether it arrived; "" when there is nothing to ask
	Detail    string // status in words, without anything personal
}

// Connector tells one destination.
type Connector interface {
	// Make writes the message. It is pure: the same news gives the same bytes. An
	// error is final: these news cannot be said in this format. A zero Message with
	// no error: this destination is not told of this kind.
	Make(News) (Message, error)
	// Send sends it once. An error that is not Refused is tried again.
	Send(context.Context, Message) (Receipt, error)
	// Check asks whether the far side answers, without telling it anything.
	Check(context.Context) error
}

// Tracker is a Connector whose receipts can be asked for later (MESH, BaRS).
type Tracker interface {
	// Track asks what became of a message. done: nothing more will come.
	Track(ctx context.Context, track string) (r Receipt, done bool, err error)
}

// Refused is an error that trying again will not mend: a person must look. Text
// is ours and holds nothing of the message or of what the far side wrote.
type Refused struct {
	Text   string
	Status int // HTTP status or the like; 0 for none
}

func (e *Refused) Error() string { return e.Text }

// Later is an error after which the far side asks to be left alone for a while.
type Later struct {
	Text string
	Wait time.Duration
}

func (e *Later) Error() string { return e.Text }

// ErrDown is that the far side cannot be reached or does not answer.
var ErrDown = errors.New("the other system does not answer")
