// Package stu3 says a case as FHIR STU3 resources, and reads what hospitals say
// and ask in them, by the interfaces that Nottinghamshire published: Supported
// Hospital Discharge, Social Care Data Service and Notts Care Record. It is pure,
// and writes from what a reader may see (translate.Shown) and from nothing else.
// It does not decide who may see or do what, store or look up anything, and knows
// no HTTP but the method and the address that a call of the interface has.
package stu3

import (
	"strings"
	"time"

	"homeward/care"
	"homeward/fhir"
	"homeward/nhs"
)

// What Nottinghamshire published. All else of these interfaces that is marked
// "ours" in docs/interfaces is under Canonical.
const (
	Profiles = "https://fhir.nottinghamshire.gov.uk/STU3/StructureDefinition/"
	codes    = "https://fhir.nottinghamshire.gov.uk/STU3/codesystem/"

	// Canonical is the base of what Homeward itself defines.
	Canonical = "https://homeward.example/fhir"
)

// Systems of identifiers and codes.
const (
	sysNHS         = "https://fhir.nhs.uk/Id/nhs-number"
	sysODS         = "https://fhir.nhs.uk/Id/ods-organization-code"
	sysSite        = "https://fhir.nhs.uk/Id/ods-site-code"
	sysLocal       = "https://fhir.nhs.uk/Id/local-patient-identifier"
	sysTrace       = "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-NHSNumberVerificationStatus-1"
	sysMethodIn    = "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-AdmissionMethod-1"
	sysMethodOut   = "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-DischargeMethod-1"
	sysDestination = "https://fhir.hl7.org.uk/STU3/CodeSystem/CareConnect-DischargeDestination-1"
	sysSNOMED      = "http://snomed.info/sct"
	sysActCode     = "http://hl7.org/fhir/v3/ActCode"
	sysPlace       = "http://hl7.org/fhir/location-physical-type"
	sysRestricted  = "http://hl7.org/fhir/v3/Confidentiality"
	sysFit         = codes + "SHD-MedicallyFitStatus" // the name of the list is lost: ours
	sysReason      = codes + "SHD-CancellationReason"
	sysService     = codes + "SHD-ReferralRequestServiceRequested"

	sysReferral = Canonical + "/Id/referral" // ours
	sysStay     = Canonical + "/Id/stay"     // ours
	sysPaper    = Canonical + "/Id/paper"    // ours
	sysNote     = Canonical + "/Id/note"     // ours
	sysWard     = Canonical + "/Id/ward"     // ours: the ward's code
)

// Extensions.
const (
	extTrace     = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-NHSNumberVerificationStatus-1"
	extLanguage  = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-NHSCommunication-1"
	extMethodIn  = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-AdmissionMethod-1"
	extMethodOut = "https://fhir.hl7.org.uk/STU3/StructureDefinition/Extension-CareConnect-DischargeMethod-1"
	extFit       = Profiles + "Extension-SHD-MedicallyFitDetails"
	extCancelled = Profiles + "Extension-SHD-CancellationReason" // ours: the published place of the reason is lost
	extUPRN      = Canonical + "/StructureDefinition/uprn"       // ours
)

// ReferralType is the one value of ReferralRequest.type (SHD-ReferralRequestType).
const ReferralType, referralTypeWords = "715591000000108", "Hospital Discharge Notification to Social Care"

// Form is the id of the form in which a referral that came by SHD is kept.
const Form = "shd"

// paperProfiles are the profiles that tell the questionnaires of one referral apart.
var paperProfiles = map[care.PaperKind]string{
	care.PaperAssessmentNotice: "SHD-QuestionnaireResponse-AssessmentNotice",
	care.PaperNeeds:            "SHD-QuestionnaireResponse-PreliminaryNeedsAssessment",
	care.PaperCovid:            "SHD-QuestionnaireResponse-COVID19",
	care.PaperChecklist:        "SHD-QuestionnaireResponse-CHCChecklist",
	care.PaperDischargeNotice:  "SHD-QuestionnaireResponse-DischargeNotice",
	care.PaperAdditional:       "SHD-QuestionnaireResponse-AdditionalPatientInformation",
}

// Reasons are SHD-CancellationReason in the words that were published.
var Reasons = map[string]string{
	"01": "Patient is safe to discharge without a needs assessment", "02": "Patient is eligible for NHS Continuing Health Care",
	"03": "Proposed care package is inadequate", "04": "Patient's proposed treatment has been cancelled or postponed",
	"05": "Patient has refused a needs assessment", "06": "Patient is resident in another local authority",
	"07": "Patient's condition has deteriorated", "08": "Patient has died", "09": "Patient has transferred to intermediate care",
	"10": "Patient has self-discharged", "11": "Patient is making their own arrangements", "12": "Notice sent in error", "13": "Other",
}

// ID names a resource of a case by what is never used again: the referral's, the
// paper's or the note's own name, which are random. A stay has none.
func ID(c care.CaseID, own string) string { return string(c) + "." + own }

// Own is the case and what ID was made with; false of what is no such id.
func Own(id string) (c care.CaseID, own string, ok bool) {
	first, own, ok := strings.Cut(id, ".")
	return care.CaseID(first), own, ok && first != "" && own != ""
}

// Sender is the system that speaks, and when it was heard.
type Sender struct {
	Source   care.Source
	Said     time.Time      // Date of the request; zero: not told
	Received time.Time      // by our clock
	Zone     *time.Location // of dates that tell no time
}

// issues collects what is wrong with one body.
type issues struct{ list []fhir.Issue }

func (p *issues) wrong(code, expression, text string) {
	p.list = append(p.list, fhir.Issue{Code: code, Expression: expression, Diagnostics: text})
}

func (p *issues) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &fhir.Error{Issues: p.list}
}

// moment reads an instant, a dateTime or a date; day is that no time of day was
// told: then it is the beginning of the day. FHIR STU3 datatypes dateTime.
func moment(s string, zone *time.Location) (t time.Time, day, ok bool) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC().Truncate(time.Microsecond), false, true
	}
	if t, err := time.ParseInLocation("2006-01-02", s, zone); err == nil {
		return t.UTC(), true, true
	}
	return time.Time{}, false, false
}

// at is when the sender says that it happened: the resource's lastUpdated, else
// the request's Date, else when it was received. A time that has not come yet is
// a wrong clock: it must not keep everything after it from being believed.
func (s Sender) at(n *fhir.Node) time.Time {
	t, _, ok := moment(n.Str("meta.lastUpdated"), s.Zone)
	if !ok {
		t = s.Said
	}
	if t.IsZero() || t.After(s.Received) {
		t = s.Received
	}
	return t.UTC().Truncate(time.Microsecond)
}

// instant writes a time; "" of none. FHIR wants milliseconds or more in an instant
// where they are known, and takes them in a dateTime.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
}

func date(d nhs.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}
