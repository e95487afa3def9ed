package sharing

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"homeward/nhs"
)

// A Problem is what is wrong with an agreement, or with a step that somebody
// tried: the field it is about ("" for the whole) and what to mend, in words for
// the user. A field inside a list is named with its place, as in "flows.0.to".
type Problem struct {
	Field string
	Text  string
}

// Error is the text.
func (p Problem) Error() string { return p.Text }

// A Step is somebody doing something to a version of an agreement.
type Step struct {
	At  time.Time // in the zone of the site, so that it is of the right day
	By  string    // opaque account id
	Who string    // their name
	Org nhs.ODS   // for which organisation they act
	Why string
}

// did puts a step into the changes of a version, in a new list: what shares the
// old one does not change.
func (a Agreement) did(s Step, what string, to Status) Agreement {
	a.Changes = append(slices.Clone(a.Changes), Change{At: s.At, By: s.By, Who: s.Who, Org: s.Org, Did: what, Why: strings.TrimSpace(s.Why)})
	a.Status = to
	return a
}

// who refuses a step by nobody, and where a reason is needed one without.
func (s Step) who(reason bool) error {
	switch {
	case s.By == "":
		return Problem{"", "Nobody is named as doing this"}
	case reason && strings.TrimSpace(s.Why) == "":
		return Problem{"why", "Enter why"}
	case len(s.Why) > longText:
		return Problem{"why", "The reason must be 4,000 characters or fewer"}
	}
	return nil
}

// second refuses whoever may not answer what first asked for: the same account,
// and where first acted for a party anybody of that party. Otherwise one side alone
// could open what the other holds.
func (a Agreement) second(s Step, first Change, asked, answer string) error {
	switch {
	case first.By == s.By:
		return Problem{"", "You " + asked + " this. Somebody else must " + answer + " it"}
	case s.Org != "" && first.Org == s.Org && a.party(s.Org):
		return Problem{"", "Somebody of your own organisation " + asked + " this. An information governance lead of another one must " + answer + " it"}
	}
	return nil
}

// last is the newest step of one of the kinds; false when there is none.
func (a Agreement) last(kinds ...string) (Change, bool) {
	for i := len(a.Changes) - 1; i >= 0; i-- {
		if slices.Contains(kinds, a.Changes[i].Did) {
			return a.Changes[i], true
		}
	}
	return Change{}, false
}

// The words of Change.Did.
const (
	didDraft    = "drafted"
	didChange   = "changed"
	didImport   = "imported"
	didPropose  = "proposed"
	didSendBack = "sent back"
	didApprove  = "approved"
	didSuspend  = "suspended"
	didAsk      = "asked to resume"
	didResume   = "resumed"
	didWithdraw = "withdrawn"
	didReplace  = "replaced"
)

// NewDraft begins an agreement as version 1, from what was typed or imported.
// imported says which.
func NewDraft(id string, content Agreement, imported bool, s Step) (Agreement, error) {
	if id == "" {
		return Agreement{}, Problem{"", "The agreement has no id"}
	}
	if err := s.who(false); err != nil {
		return Agreement{}, err
	}
	content.ID, content.Version, content.Changes = id, 1, nil
	did := didDraft
	if imported {
		did = didImport
	}
	return content.did(s, did, Draft), nil
}

// NewVersion begins the next version of an agreement, with the content of this
// one, or of what was imported when that is given. It is a draft.
func (a Agreement) NewVersion(content *Agreement, s Step) (Agreement, error) {
	if err := s.who(false); err != nil {
		return a, err
	}
	if a.Status == Draft || a.Status == Proposed {
		return a, Problem{"", "A new version is being written already. Change that one, or withdraw it"}
	}
	next, did := a, didDraft
	if content != nil {
		next, did = *content, didImport
	}
	next.ID, next.Version, next.Changes = a.ID, a.Version+1, nil
	return next.did(s, did, Draft), nil
}

// Edit replaces what a draft says; who it is and how far it has come stay.
func (a Agreement) Edit(content Agreement, s Step) (Agreement, error) {
	if err := s.who(false); err != nil {
		return a, err
	}
	if a.Status != Draft {
		return a, Problem{"", "Only a draft can be changed. Begin a new version"}
	}
	content.ID, content.Version, content.Changes = a.ID, a.Version, a.Changes
	return content.did(s, didChange, Draft), nil
}

// Propose says that a draft is complete. It must pass Check, and end today or later.
func (a Agreement) Propose(s Step, today nhs.Date) (Agreement, error) {
	if err := s.who(false); err != nil {
		return a, err
	}
	if a.Status != Draft {
		return a, Problem{"", "Only a draft can be proposed"}
	}
	if err := a.fits(today); err != nil {
		return a, err
	}
	return a.did(s, didPropose, Proposed), nil
}

// fits refuses what is not complete, or is over before it begins.
func (a Agreement) fits(today nhs.Date) error {
	if problems := a.Check(); len(problems) > 0 {
		return problems[0]
	}
	if a.To.Before(today) {
		return Problem{"to", "The last day must be today or later"}
	}
	return nil
}

// SendBack makes a proposal a draft again, or turns down a request to resume,
// with a reason.
func (a Agreement) SendBack(s Step) (Agreement, error) {
	if err := s.who(true); err != nil {
		return a, err
	}
	_, asked := a.Asked()
	switch {
	case a.Status == Proposed:
		return a.did(s, didSendBack, Draft), nil
	case asked:
		return a.did(s, didSendBack, Suspended), nil
	}
	return a, Problem{"", "There is nothing to send back"}
}

// Approve makes a proposal agreed. It takes another account than the one that
// proposed it, and of another organisation where that one is a party. The versions that it replaces are Book.Replaced.
func (a Agreement) Approve(s Step, today nhs.Date) (Agreement, error) {
	if err := s.who(false); err != nil {
		return a, err
	}
	if a.Status != Proposed {
		return a, Problem{"", "Only a proposal can be approved"}
	}
	by, ok := a.last(didPropose)
	if !ok {
		return a, Problem{"", "Nobody is named as having proposed this. Send it back"}
	}
	if err := a.second(s, by, "proposed", "approve"); err != nil {
		return a, err
	}
	if err := a.fits(today); err != nil {
		return a, err
	}
	return a.did(s, didApprove, Agreed), nil
}

// Suspend stops an agreement at once. One person can, with a reason.
func (a Agreement) Suspend(s Step) (Agreement, error) {
	if err := s.who(true); err != nil {
		return a, err
	}
	if a.Status != Agreed {
		return a, Problem{"", "Only an agreement that was approved can be suspended"}
	}
	return a.did(s, didSuspend, Suspended), nil
}

// Asked is the request to resume that waits for a second person; false when none does.
func (a Agreement) Asked() (Change, bool) {
	if n := len(a.Changes); a.Status == Suspended && n > 0 && a.Changes[n-1].Did == didAsk {
		return a.Changes[n-1], true
	}
	return Change{}, false
}

// AskToResume asks, with a reason, that a suspended agreement runs again. It
// stays suspended until a second person resumes it.
func (a Agreement) AskToResume(s Step, today nhs.Date) (Agreement, error) {
	if err := s.who(true); err != nil {
		return a, err
	}
	if a.Status != Suspended {
		return a, Problem{"", "Only a suspended agreement can be resumed"}
	}
	if _, asked := a.Asked(); asked {
		return a, Problem{"", "Somebody has asked already. A second person must answer"}
	}
	if err := a.fits(today); err != nil {
		return a, err
	}
	return a.did(s, didAsk, Suspended), nil
}

// Resume makes a suspended agreement run again. It takes another account than
// the one that asked, and of another organisation where that one is a party.
func (a Agreement) Resume(s Step, today nhs.Date) (Agreement, error) {
	if err := s.who(false); err != nil {
		return a, err
	}
	asked, ok := a.Asked()
	switch {
	case a.Status != Suspended:
		return a, Problem{"", "Only a suspended agreement can be resumed"}
	case !ok:
		return a, Problem{"", "Nobody has asked to resume this. One person asks, and another resumes"}
	}
	if err := a.second(s, asked, "asked for", "resume"); err != nil {
		return a, err
	}
	if err := a.fits(today); err != nil {
		return a, err
	}
	return a.did(s, didResume, Agreed), nil
}

// Withdraw gives up a draft or a proposal, or ends an agreement early, with a
// reason. It cannot be undone: a new version can be written.
func (a Agreement) Withdraw(s Step) (Agreement, error) {
	if err := s.who(true); err != nil {
		return a, err
	}
	if a.Status == Withdrawn || a.Status == Replaced {
		return a, Problem{"", "This version is over already"}
	}
	return a.did(s, didWithdraw, Withdrawn), nil
}

// State is what this version is on a day, looked at by itself: a newer version
// may have taken its place, which Book.State knows.
func (a Agreement) State(today nhs.Date) State {
	switch a.Status {
	case Draft:
		return StateDraft
	case Proposed:
		return StateProposed
	case Agreed, Suspended:
	default:
		return StateOver
	}
	switch {
	case a.To.Before(today):
		return StateExpired
	case a.Status == Suspended:
		return StateSuspended
	case today.Before(a.From):
		return StateToCome
	}
	return StateInForce
}

// Levels are the days before the last day from which a warning stands.
func Levels() []int { return []int{60, 30, 7} }

// Warn gives the days that are left, 0 on the last day, of a version that is in
// force and ends within 60 days; false of any other.
func (a Agreement) Warn(today nhs.Date) (days int, ok bool) {
	days = today.DaysTo(a.To)
	return days, a.State(today) == StateInForce && days <= Levels()[0]
}

// Level is which of Levels a number of days has come to; 0 for none.
func Level(days int) int {
	level := 0
	for _, l := range Levels() {
		if days <= l {
			level = l
		}
	}
	return level
}

// ordered is sections each once, in the order of Sections.
func ordered(set []Section) []Section {
	out := slices.Clone(set)
	rank := Sections()
	slices.SortFunc(out, func(x, y Section) int { return cmp.Compare(slices.Index(rank, x), slices.Index(rank, y)) })
	return slices.Compact(out)
}
