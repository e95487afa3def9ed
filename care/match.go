package care

import "time"

// Verdict is which case an observation is about.
type Verdict struct {
	Case   CaseID
	New    bool    // the case does not exist yet; Events begins it
	Events []Event // for Case, before those of Notice
	Other  map[CaseID][]Event
	Hold   string // why it cannot be said whom the message is about; "" when it can
}

// Match says which case an observation is about: byID is the case that knows
// the sender's number for the person, byNHS the one that has the NHS number;
// fresh is the id for a new case.
func Match(o Observation, byID, byNHS *Case, fresh CaseID) Verdict { return Verdict{} }

// Join merges retired into survivor.
func Join(survivor, retired Case, now time.Time) (forSurvivor, forRetired []Event) { return nil, nil }

// Separate reverses Join.
func Separate(survivor, retired Case, by Who, why string, now time.Time) (forSurvivor, forRetired []Event) {
	return nil, nil
}
