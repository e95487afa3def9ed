package care

import (
	"slices"
	"strings"
	"time"

	"homeward/nhs"
)

// ClockCorrection is that a person said who had somebody during a part of a time of
// being ready to leave, other than the clock said by itself. It changes no history of
// the referral: the clock's own stands beside it. Of two that overlap, the later wins.
type ClockCorrection struct {
	Of       CaseID      `json:"of,omitempty"`
	ID       string      `json:"id"`
	Hospital nhs.ODS     `json:"hospital"`       // of the stay
	Stay     string      `json:"stay,omitempty"` // its visit; "" when never told
	From     time.Time   `json:"from"`
	To       time.Time   `json:"to"`
	Parts    []ClockPart `json:"parts,omitzero"`   // none: who had it stays, and only the reason is chosen
	Reason   string      `json:"reason,omitempty"` // code of the national list; "" none chosen
	Why      string      `json:"why"`              // in words
	At       time.Time   `json:"at"`
	By       Who         `json:"by"`
	Undone   *Undoing    `json:"undone,omitzero"` // it was taken back
}

// ClockPart is a share of the time that a correction is about.
type ClockPart struct {
	Stage  string  `json:"stage"` // a code of ClockStages
	Holder nhs.ODS `json:"holder"`
	Share  int     `json:"share"` // of 100
}

// Undoing is who took something back, and when.
type Undoing struct {
	At time.Time `json:"at"`
	By Who       `json:"by"`
}

// The stages of a wait from being ready to leave to leaving: what is waited for.
const (
	StageNoReferral = "no-referral" // nobody was asked yet: the hospital
	StageSent       = "sent"        // to be accepted
	StageReturned   = "returned"    // for information: the hospital
	StageAccepted   = "accepted"    // to be allocated
	StageAllocated  = "allocated"   // to be begun
	StageAssessing  = "assessing"
	StagePlanning   = "planning"
	StageSourcing   = "sourcing"
	StageReady      = "ready"   // everything is there: the hospital
	StageOnHold     = "on-hold" // whoever had it
	StageAfter      = "after"   // the referral ended, and the person is there still: the hospital
)

// ClockStages lists the stages in their order.
var ClockStages = []string{StageNoReferral, StageSent, StageReturned, StageAccepted, StageAllocated, StageAssessing, StagePlanning, StageSourcing,
	StageReady, StageOnHold, StageAfter}

// ClockCorrected is that a person corrected the clock, or took a correction back.
type ClockCorrected struct {
	At         time.Time       `json:"at"`
	By         Who             `json:"by"`
	Correction ClockCorrection `json:"correction"`
}

func (e ClockCorrected) When() time.Time { return e.At }

// Say names the event.
func (e ClockCorrected) Say() string {
	if e.Correction.Undone != nil {
		return "Correction of the clock taken back"
	}
	return "Clock corrected: who had it while the person waited"
}

func (e ClockCorrected) apply(c *Case) {
	put(&c.Corrections, e.Correction, func(k *ClockCorrection) (*string, *CaseID) { return &k.ID, &k.Of })
}

// CorrectClock says who had somebody during a part of a time. Was is when a correction
// of that time was last made or taken back, as the correcting person saw it; zero: never.
type CorrectClock struct {
	Correction ClockCorrection
	Was        time.Time
}

// UndoCorrection takes a correction of the clock back.
type UndoCorrection struct{ ID string }

func (CorrectClock) command()   {}
func (UndoCorrection) command() {}

// decide checks a correction: a time within which the person was ready to leave, shares
// that make a whole, and holders that have to do with this stay.
func (x CorrectClock) decide(d deciding) ([]Event, error) {
	k := x.Correction
	k.Why = strings.TrimSpace(k.Why)
	switch {
	case k.ID == "":
		return nil, missing("key", "The correction has no key. Open the form again")
	case slices.ContainsFunc(d.c.Corrections, func(o ClockCorrection) bool { return o.ID == k.ID }):
		return nil, nil // the same form, sent twice
	case k.From.IsZero():
		return nil, missing("from", "Enter from when")
	case k.To.IsZero():
		return nil, missing("to", "Enter until when")
	case !k.From.Before(k.To):
		return nil, invalid("to", "The end must be after the start")
	case d.now.Before(k.To):
		return nil, invalid("to", "Enter an end that is not in the future")
	}
	s, ok := d.c.readyStay(k, d.now)
	if !ok {
		return nil, invalid("from", "Enter a time within which the person was ready to leave")
	}
	if d.by.OrgKind == Council && !d.c.askedDuring(d.by.Org, s, k.From, k.To) {
		return nil, invalid("from", "Your council can correct the time from when the referral was sent to it until the referral ended")
	}
	if err := firstError(d.clockParts(s, k), words("why", k.Why, "why you correct it", true, shortLimit)); err != nil {
		return nil, err
	}
	if was := d.c.Corrected(s, k.From, k.To); !was.Equal(x.Was) {
		return nil, &Error{Kind: Conflict, Text: "Somebody else has corrected this time since you opened this. Check what they said"}
	}
	k.Of, k.At, k.By, k.Undone = s.Of, d.now, d.by.Who(), nil
	return []Event{ClockCorrected{At: d.now, By: k.By, Correction: k}}, nil
}

// decide takes a correction back. The side that made it may; the other corrects anew.
func (x UndoCorrection) decide(d deciding) ([]Event, error) {
	i := slices.IndexFunc(d.c.Corrections, func(k ClockCorrection) bool { return k.ID == x.ID })
	if i < 0 || d.by.Org != d.c.Corrections[i].By.Org && !d.c.Shares(d.by.Org, d.c.Corrections[i].By.Org) {
		return nil, &Error{Kind: NotFound, Text: "There is no such correction"}
	}
	k := d.c.Corrections[i]
	if k.Undone != nil {
		return nil, nil
	}
	if k.By.Org != d.by.Org {
		return nil, &Error{Kind: Forbidden, Text: "This correction is of the other organisation. Correct the time yourself, and say why"}
	}
	k.Undone = &Undoing{At: d.now, By: d.by.Who()}
	return []Event{ClockCorrected{At: d.now, By: d.by.Who(), Correction: k}}, nil
}

// clockParts checks into what parts a time is split.
func (d deciding) clockParts(s Stay, k ClockCorrection) error {
	if len(k.Parts) == 0 && k.Reason == "" {
		return missing("holder", "Choose who had it, or a reason for the delay")
	}
	sum := 0
	for _, p := range k.Parts {
		switch {
		case !slices.Contains(ClockStages, p.Stage):
			return missing("stage", "Choose what was waited for")
		case !slices.Contains(d.c.ClockHolders(s, d.by), p.Holder):
			return missing("holder", "Choose who had it: the hospital, the council, or a provider of this person")
		case p.Share < 1 || p.Share > 100:
			return invalid("share", "Enter a share from 1 to 100")
		}
		sum += p.Share
	}
	if len(k.Parts) > 0 && sum != 100 {
		return invalid("share", "The shares must add up to 100")
	}
	if len(k.Reason) > 20 {
		return invalid("reason", "Choose a reason from the list")
	}
	return nil
}

// readyStay is the stay that a correction is about: one within a discharge-ready period
// of which all of its time is.
func (c *Case) readyStay(k ClockCorrection, now time.Time) (Stay, bool) {
	for _, s := range c.Stays() {
		if s.Org != k.Hospital || s.Visit != k.Stay {
			continue
		}
		for _, p := range s.Ready {
			end := p.To
			if end.IsZero() && s.Left != nil {
				end = s.Left.At
			} else if end.IsZero() {
				end = now
			}
			if !k.From.Before(p.From) && !k.To.After(end) {
				return s, true
			}
		}
	}
	return Stay{}, false
}

// ReferralsOf are the referrals of a stay, in the order of their coming.
func (c *Case) ReferralsOf(s Stay) []Referral {
	var out []Referral
	for _, r := range c.Referrals {
		if r.From == s.Org && (r.Stay == s.Visit && s.Visit != "" || r.Stay == "" && !r.Sent.Before(s.Admitted) && (s.Left == nil || r.Sent.Before(s.Left.At))) {
			out = append(out, r)
		}
	}
	return out
}

// askedDuring reports whether a council had a referral of a stay, sent to it and not
// ended, during the whole of a time.
func (c *Case) askedDuring(council nhs.ODS, s Stay, from, to time.Time) bool {
	return slices.ContainsFunc(c.ReferralsOf(s), func(r Referral) bool {
		return r.To == council && !from.Before(r.Sent) && (r.Ended.IsZero() || !r.Ended.Before(to))
	})
}

// ClockHolders are who may be said to have had somebody during a stay, as an actor may
// say: the hospital, and of the referrals that are theirs the council and its providers.
func (c *Case) ClockHolders(s Stay, by Actor) []nhs.ODS {
	out := []nhs.ODS{s.Org}
	put := func(o nhs.ODS) {
		if o != "" && !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	for _, r := range c.ReferralsOf(s) {
		if r.From != by.Org && r.To != by.Org {
			continue
		}
		put(r.To)
		for _, q := range c.Requests {
			if q.Referral == r.ID && q.Booked != "" {
				put(ProviderCode(q.Council, q.Booked))
			}
		}
	}
	return out
}

// CorrectionsOf are the corrections of a stay, those that were taken back too, in the
// order in which they were made.
func (c *Case) CorrectionsOf(s Stay) []ClockCorrection {
	var out []ClockCorrection
	for _, k := range c.Corrections {
		if k.Hospital == s.Org && k.Stay == s.Visit {
			out = append(out, k)
		}
	}
	return out
}

// Corrected is when a correction of a time of a stay was last made or taken back; zero
// when none was.
func (c *Case) Corrected(s Stay, from, to time.Time) (at time.Time) {
	for _, k := range c.CorrectionsOf(s) {
		if k.From.Before(to) && from.Before(k.To) {
			at = later(at, k.At)
			if k.Undone != nil {
				at = later(at, k.Undone.At)
			}
		}
	}
	return at
}
