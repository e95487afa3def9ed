package care

import (
	"time"

	"homeward/nhs"
)

// Row is one person on the tracker, the ward list or a worklist: derived from
// the case and never changed by itself. The store keeps it beside the case.
type Row struct {
	Case       CaseID     `json:"case"`
	Person     Person     `json:"person"` // only what identifies: name, title, born, sex
	NHS        nhs.Number `json:"nhs,omitzero"`
	Died       bool       `json:"died,omitempty"`
	Sensitive  bool       `json:"sensitive,omitempty"`
	Frozen     bool       `json:"frozen,omitempty"`
	Hospital   nhs.ODS    `json:"hospital,omitempty"` // of the present stay, or the last one while a referral is open
	Source     string     `json:"source,omitempty"`   // feed that tells about the stay
	InBed      bool       `json:"inBed"`              // there is a present stay
	Class      string     `json:"class,omitempty"`
	Where      Location   `json:"where,omitzero"`
	Was        Location   `json:"was,omitzero"` // the ward before, when moved
	MovedAt    time.Time  `json:"movedAt,omitzero"`
	Admitted   time.Time  `json:"admitted,omitzero"`
	Left       time.Time  `json:"left,omitzero"`
	Ready      time.Time  `json:"ready,omitzero"` // discharge-ready since
	EDD        nhs.Date   `json:"edd,omitzero"`
	EDDChanges int        `json:"eddChanges,omitempty"`
	EDDBefore  nhs.Date   `json:"eddBefore,omitzero"`
	Consultant string     `json:"consultant,omitempty"`
	// Criteria is what was recorded of the criteria to reside last; nil: nothing was.
	Criteria *Criteria `json:"criteria,omitzero"`

	Referral ReferralID `json:"referral,omitempty"` // the newest, open first
	From     nhs.ODS    `json:"from,omitempty"`
	Council  nhs.ODS    `json:"council,omitempty"` // "" with a referral: not settled
	State    RefState   `json:"state,omitempty"`
	Open     bool       `json:"open"` // the referral is open
	Pathway  string     `json:"pathway,omitempty"`
	Holder   Holder     `json:"holder,omitzero"`
	Worker   Who        `json:"worker,omitzero"`
	SentAt   time.Time  `json:"sentAt,omitzero"`
	Updated  time.Time  `json:"updated"` // when the newest event happened of which lists tell
}

// Listed reports whether a person belongs on any list: in hospital, or with
// an open referral.
func (r Row) Listed() bool { return r.InBed || r.Open }

// RowOf is the row of a case. A case that was joined into another has none
// that is listed.
func RowOf(c Case) Row {
	if c.JoinedTo != "" {
		return Row{Case: c.ID}
	}
	p := c.Person
	row := Row{
		Case: c.ID, NHS: c.NHS, Died: c.Died != nil, Sensitive: c.Sensitive, Frozen: c.Doubt != nil, InBed: c.Stay != nil,
		Person:  Person{Family: p.Family, Given: p.Given, Title: p.Title, Preferred: p.Preferred, Born: p.Born, Sex: p.Sex},
		Updated: c.News,
	}
	if r := c.newestReferral(); r != nil {
		row.Referral, row.From, row.Council, row.State, row.Open = r.ID, r.From, r.To, r.State, r.Open()
		row.Pathway, row.Holder, row.Worker, row.SentAt = r.Pathway, r.Holder, r.Worker, r.Sent
	}
	switch {
	case c.Stay != nil:
		row.stay(*c.Stay)
	case row.Open && len(c.Past) > 0:
		row.stay(c.Past[len(c.Past)-1])
	}
	return row
}

// newestReferral is the newest one, open ones first; nil when there is none.
func (c Case) newestReferral() *Referral {
	var best *Referral
	for i := range c.Referrals {
		r := &c.Referrals[i]
		if best == nil || r.Open() && !best.Open() || r.Open() == best.Open() && !r.Sent.Before(best.Sent) {
			best = r
		}
	}
	return best
}

func (r *Row) stay(s Stay) {
	r.Hospital, r.Source, r.Class, r.Where, r.Consultant = s.Org, s.Source, s.Class, s.Where, s.Consultant
	r.Admitted, r.Ready, r.EDD, r.EDDChanges = s.Admitted, s.ReadySince(), s.EDD(), s.Changes()
	if last, ok := s.LastCriteria(); ok {
		r.Criteria = &last
	}
	if n := len(s.Moves); n > 0 {
		r.Was, r.MovedAt = s.Moves[n-1].From, s.Moves[n-1].At
	}
	if s.Left != nil {
		r.Left = s.Left.At
	}
	for i := len(s.Expected) - 1; i >= 0; i-- {
		if s.Expected[i].Date != r.EDD {
			r.EDDBefore = s.Expected[i].Date
			break
		}
	}
}
