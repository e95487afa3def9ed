// Package translate turns messages into observations and cases into messages:
// one table row per HL7 event. It is pure: the time a message was received
// comes in as an argument. It does not decide what an observation changes
// (package care does), and what it cannot understand it names, so that the
// message can be held for a person.
package translate

import (
	"time"

	"homeward/care"
	"homeward/nhs"
)

// Profile says how one sender fills its messages: trusts put things in
// different places and use their own ward codes. It is configuration.
type Profile struct {
	Feed  string         // name of the feed, the key of freshness
	Title string         // for people: "King's Mill EPR"
	Org   nhs.ODS        // the trust
	Zone  *time.Location // zone of times without an offset; must be set

	// Authorities maps an assigning authority of PID-3 to the trust that
	// gave the number; an authority that is not listed and the empty one are Org's.
	Authorities map[string]nhs.ODS
	// NHSAuthorities are the assigning authorities and identifier types that
	// mark an NHS number; nil: NHS, NHSNBR, NH, NHSNMBR.
	NHSAuthorities []string
	// Where a trust puts things, as SEG-FIELD or SEG-FIELD.COMPONENT.
	Expected        string // predicted discharge date; "" is PV2-9
	Fit             string // medically fit indicator; "" is ZU1-22
	Ready           string // discharge ready since; "" is ZU1-24
	DischargeMethod string // "": not sent; a death shows in PV1-36 or PID-30 only
	Trace           string // NHS number status; "" is PID-32
	// FitYes and FitNo are the codes that mean fit and unfit; nil: Y and N.
	FitYes, FitNo []string
	// SensitiveCodes are values of PV1-16 that mark a sensitive record; nil:
	// any value but N, 0 and empty.
	SensitiveCodes []string
	// Wards names ward codes for people.
	Wards map[string]string
	// DiedMethods and SelfMethods are discharge method codes; nil: 4, 5 and 6, 7.
	DiedMethods, SelfMethods []string
	// DiedDestinations are PV1-36 codes that mean that the person died; nil: 79.
	DiedDestinations []string
}

// Source is the profile as the source of an observation.
func (p Profile) Source() care.Source {
	return care.Source{Feed: p.Feed, Name: p.Title, Org: p.Org}
}

// Result is what a message means: observations, or why it is held, or why it
// says nothing that matters here. Exactly one of the three is set.
type Result struct {
	Observations []care.Observation
	Hold         string   // names the field and the mend; no personal data
	Ignore       string   // why nothing is to be done: not an ADT event that concerns us
	Notes        []string // what was odd and survived: an ambiguous hour, a bad check digit
}
