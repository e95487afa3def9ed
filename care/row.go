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

	Referral ReferralID `json:"referral,omitempty"` // the newest, open first
	From     nhs.ODS    `json:"from,omitempty"`
	Council  nhs.ODS    `json:"council,omitempty"` // "" with a referral: not settled
	State    RefState   `json:"state,omitempty"`
	Open     bool       `json:"open"` // the referral is open
	Pathway  string     `json:"pathway,omitempty"`
	Holder   Holder     `json:"holder,omitzero"`
	Worker   Who        `json:"worker,omitzero"`
	SentAt   time.Time  `json:"sentAt,omitzero"`
	Updated  time.Time  `json:"updated"` // when the newest event happened
}

// Listed reports whether a person belongs on any list: in hospital, or with
// an open referral.
func (r Row) Listed() bool { return r.InBed || r.Open }

// RowOf is the row of a case.
func RowOf(c Case) Row { return Row{} }
