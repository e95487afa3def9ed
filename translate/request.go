package translate

import (
	"time"

	"homeward/care"
	"homeward/fhir"
)

// Request is what one interaction of a FHIR face asks, in the words of package
// care: what a system says (Observations, believed), and what it asks for
// (Commands, which may be refused). The hub carries it out in one transaction.
type Request struct {
	Event string    // what the face calls it: "refer-patient", "share-case-note"
	At    time.Time // when the sender says that it happened; zero: when it was received

	// Whom it is about: the first of these that is set finds the case.
	Referral care.ReferralID  // a referral of ours
	Case     care.CaseID      // a Patient of ours
	Visit    *care.Identifier // an Encounter by the sender's own identifier
	Sent     *care.Identifier // a referral by the sender's own identifier (Referral.Key)
	About    care.About       // an unknown person, or one by NHS number or hospital number

	Observations []care.Observation
	Commands     []care.Command // ids and keys that are empty are given by the hub

	// IfNone: the interaction creates only what is not there (conditional create):
	// the same Key again gives what is there. Must: it changes only what is there.
	Key  string
	Must bool
	// IfMatch is the version that the sender saw ("" any): the hub compares it
	// with the ETag of what Kept names.
	IfMatch string
	// IfNoneMatch are versions that there must not be ("" any may be): "*" creates only.
	IfNoneMatch string

	// Kept are the resources as they came, so that what we do not know goes out again.
	Kept []Kept
}

// Kept is one resource as it came. Type and ID are those under which we give it
// back; ID "" is filled by the hub with the id of what came of it.
type Kept struct {
	Type    string
	ID      string
	Version fhir.Version
	Tree    *fhir.Node
}
