package r4

import "homeward/care"

// Canonical is the base of what Homeward itself defines: extensions, code systems,
// identifier systems and forms. docs/interfaces/fhir-ours.md lists them.
const Canonical = "https://homeward.example/fhir"

// Systems of identifiers and codes that others define.
const (
	sysNHS             = "https://fhir.nhs.uk/Id/nhs-number"
	sysODS             = "https://fhir.nhs.uk/Id/ods-organization-code"
	sysODSSite         = "https://fhir.nhs.uk/Id/ods-site-code"
	sysTrace           = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
	sysTraceOld        = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatus"
	sysNoNumber        = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberUnavailableReason"
	sysDestination     = "https://fhir.hl7.org.uk/CodeSystem/UKCore-DischargeDestinationEngland"
	sysMethodOut       = "https://fhir.hl7.org.uk/CodeSystem/UKCore-DischargeMethodEngland"
	sysMethodIn        = "https://fhir.hl7.org.uk/CodeSystem/UKCore-AdmissionMethodEngland"
	sysAddressKey      = "https://fhir.hl7.org.uk/CodeSystem/UKCore-AddressKeyType"
	sysConfidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	sysActCode         = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	sysPatientClass    = "http://terminology.hl7.org/CodeSystem/v2-0004"
	sysParticipation   = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	sysPlace           = "http://terminology.hl7.org/CodeSystem/location-physical-type"
	sysIDType          = "http://terminology.hl7.org/CodeSystem/v2-0203"
	sysOrgType         = "http://terminology.hl7.org/CodeSystem/organization-type"
	sysAbsent          = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
	sysProvenance      = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	sysTaskCode        = "http://hl7.org/fhir/CodeSystem/task-code"
	sysSNOMED          = "http://snomed.info/sct"
	sysLanguage        = "urn:ietf:bcp:47"
	sysCancel          = "https://fhir.nottinghamshire.gov.uk/STU3/codesystem/SHD-CancellationReason"
	sysFitStatus       = "https://fhir.nottinghamshire.gov.uk/STU3/codesystem/SHD-MedicallyFitStatus"
	sysArtifact        = "https://fhir.nottscr.nhs.uk/CodeSystem/D2A-ArtifactCode-1"
	sysFlagCategory    = "https://fhir.nhs.uk/CodeSystem/flag-categories-bars"

	interweave     = "https://fhir.interweavedigital.nhs.uk/"
	sysServiceType = interweave + "CodeSystem/Interweave-SocialCareServiceType"
	sysCategory    = interweave + "CodeSystem/Interweave-SocialCareServiceCategory"
	sysRequester   = interweave + "CodeSystem/Interweave-SocialCareRequesterType"
	sysContact     = interweave + "CodeSystem/Interweave-SocialCareContactReason"
)

// Extensions and profiles that others define.
const (
	extAbsent       = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
	extStatusReason = "http://hl7.org/fhir/StructureDefinition/request-statusReason"
	extTrace        = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
	extNoNumber     = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberUnavailableReason"
	extAddressKey   = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-AddressKey"
	extMethodOut    = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-DischargeMethod"
	extMethodIn     = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-AdmissionMethod"
	extFitNotts     = "https://fhir.nottinghamshire.gov.uk/STU3/StructureDefinition/Extension-SHD-MedicallyFitDetails"
	extCategory     = interweave + "R4/StructureDefinition/Extension-Interweave-SocialCareServiceCategory"
	extRequester    = interweave + "R4/StructureDefinition/Extension-Interweave-SocialCareRequesterType"

	core          = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"
	profContact   = interweave + "R4/StructureDefinition/Interweave-SocialCareContact"
	profService   = interweave + "R4/StructureDefinition/Interweave-SocialCareService"
	profEquipment = interweave + "R4/StructureDefinition/Interweave-SocialCareEquipmentProvision"
)

// What is ours: docs/interfaces/fhir-ours.md says what each means.
const (
	sysVisit     = Canonical + "/Id/visit/"             // and the trust's ODS code
	sysMRN       = Canonical + "/Id/hospital-number/"   // and the trust's ODS code
	sysPerson    = Canonical + "/Id/council-person/"    // and the council's code
	sysPackage   = Canonical + "/Id/package/"           // and the council's code
	sysEquipment = Canonical + "/Id/equipment/"         // and the council's code
	sysProvider  = Canonical + "/Id/provider/"          // and the council's code
	sysTeam      = Canonical + "/Id/team/"              // and the council's code
	sysReference = Canonical + "/Id/council-reference/" // and the council's code
	sysReferral  = Canonical + "/Id/referral"
	sysKey       = Canonical + "/Id/key"
	sysFormerly  = Canonical + "/Id/superseded-nhs-number"
	sysStaff     = Canonical + "/Id/staff"
	sysCQC       = Canonical + "/Id/cqc-location"
	sysPaper     = Canonical + "/Id/paper"

	sysState        = Canonical + "/CodeSystem/referral-state"
	sysReturn       = Canonical + "/CodeSystem/d2a-return-reasons"
	sysPathway      = Canonical + "/CodeSystem/discharge-pathway"
	sysTag          = Canonical + "/CodeSystem/record-tag"
	sysPaperKind    = Canonical + "/CodeSystem/paper-kind"
	sysAudience     = Canonical + "/CodeSystem/note-audience"
	sysSafeguarding = Canonical + "/CodeSystem/safeguarding-answer"
	sysEquipState   = Canonical + "/CodeSystem/equipment-state"

	extReadiness = Canonical + "/StructureDefinition/discharge-readiness"
	extPlace     = Canonical + "/StructureDefinition/place-in-hospital"
	extPathway   = Canonical + "/StructureDefinition/discharge-pathway"
	extLikely    = Canonical + "/StructureDefinition/likely-council"
	extAsAt      = Canonical + "/StructureDefinition/as-at"
	extFunding   = Canonical + "/StructureDefinition/funding"
	extAudience  = Canonical + "/StructureDefinition/note-audience"
	extEquip     = Canonical + "/StructureDefinition/equipment-state"
	extHeld      = Canonical + "/StructureDefinition/data-held"
	extHours     = Canonical + "/StructureDefinition/hours"
	extBars      = Canonical + "/StructureDefinition/bars-message"
	extTeam      = Canonical + "/StructureDefinition/team"
	extRelation  = Canonical + "/StructureDefinition/relation"

	questionnaires = Canonical + "/Questionnaire/"
)

// serviceTypes are the codes of Interweave-SocialCareServiceType (Interweave R4).
var serviceTypes = map[string]string{
	"R": "Reablement", "STNC": "Short Term Nursing Care", "STRC": "Short Term Residential Care", "LTNC": "Long Term Nursing Care",
	"LTRC": "Long Term Residential Care", "HS": "Home Support", "DS": "Day Support", "M": "Meals", "TRAN": "Transport", "EQ": "Equipment",
	"DP": "Direct Payment", "SL": "Shared Lives", "CSL": "Community Supported Living", "PS": "Professional Support",
	"PS-SW": "Professional Support- Social Worker", "LEES": "Learning/Education/Employment Support", "EOL": "End of Life Care",
	"ES": "Emergency Support", "OSTS": "Other Short Term Support", "OLTS": "Other Long Term Support", "C-R": "Carer Respite",
	"C-SS": "Carer Sitting Service", "C-US": "Carer Universal Services", "C-OTH": "Other Carer Support",
	"DNH-SL": "Data Not Held- System Level", "DNH-IL": "Data Not Held-Individual Level", "OTH": "Other",
}

// categories are the category of those types that leave no choice
// (Interweave-SocialCareServiceCategory). Councils do not tell the category of
// the others, and it is not guessed: DNH-SL.
var categories = map[string][2]string{
	"R": {"STS-STMAX", "Short Term Support: ST-Max"}, "LTNC": {"LTS-NC", "Long Term Support: Nursing Care"},
	"LTRC": {"LTS-RS", "Long Term Support: Residential Care"}, "STNC": {"STS-OST", "Short Term Support: Other Short Term"},
	"STRC": {"STS-OST", "Short Term Support: Other Short Term"}, "OSTS": {"STS-OST", "Short Term Support: Other Short Term"},
	"CSL": {"LTS-C", "Long Term Support: Community"}, "C-US": {"CS-DC", "Carer Support: Direct to Carer"},
	"C-R": {"CS-SIPC", "Carer Support: Support involving the person cared-for"}, "OTH": {"OTH", "Other"},
	"DNH-IL": {"DNH-IL", "Data Not Held-Individual Level"},
}

// traces are the codes of UKCore-NHSNumberVerificationStatusEngland (UK Core 2.0),
// and the text codes of the retired system for each.
var traces = map[care.Trace][2]string{
	"01": {"Number present and verified", "number-present-and-verified"}, "02": {"Number present but not traced", "number-present-but-not-traced"},
	"03": {"Trace required", "trace-required"}, "04": {"Trace attempted - No match or multiple match found", "trace-attempted"},
	"05": {"Trace needs to be resolved - (NHS number or patient detail conflict)", "trace-needs-to-be-resolved"},
	"06": {"Trace in progress", "trace-in-progress"}, "07": {"Number not present and trace not required", "number-not-present-and-trace-not-required"},
	"08": {"Trace postponed (baby under six weeks old)", "trace-postponed"},
}

// genders are the words of a case for FHIR's administrative gender, both ways.
var genders = map[string]string{"Female": "female", "Male": "male", "Not specified": "other", "Not known": "unknown"}

// classes are HL7 v2.4 table 0004 in FHIR's v3 ActCode, where one is the other.
var classes = map[string][2]string{
	"I": {"IMP", "inpatient encounter"}, "E": {"EMER", "emergency"}, "O": {"AMB", "ambulatory"}, "P": {"PRENC", "pre-admission"},
}

// cancelReasons are the reasons 01 to 13 (SHD STU3 SHD-CancellationReason).
var cancelReasons = map[string]string{
	"01": "Patient is safe to discharge without a needs assessment", "02": "Patient is eligible for NHS Continuing Health Care",
	"03": "Proposed care package is inadequate", "04": "Patient's proposed treatment has been cancelled or postponed",
	"05": "Patient has refused a needs assessment", "06": "Patient is resident in another local authority",
	"07": "Patient's condition has deteriorated", "08": "Patient has died", "09": "Patient has transferred to intermediate care",
	"10": "Patient has self-discharged", "11": "Patient is making their own arrangements", "12": "Notice sent in error", "13": "Other",
}

// destinations are the commoner codes of UKCore-DischargeDestinationEngland.
var destinations = map[string]string{
	"29": "Temporary place of residence when usually resident elsewhere (includes hotel, residential Educational Establishment)",
	"54": "NHS run Care Home", "65": "Local Authority residential accommodation i.e. where care is provided",
	"79": "Not applicable - Patient died or stillbirth", "85": "Non-NHS (other than Local Authority) run Care Home",
	"87": "Non-NHS run hospital", "88": "Non-NHS (other than Local Authority) run Hospice", "99": "Not known",
}

// languages are words for commoner languages, as BCP 47 tags. One that is not
// here is "mis", uncoded, with its word.
var languages = map[string]string{
	"english": "en", "polish": "pl", "punjabi": "pa", "urdu": "ur", "bengali": "bn", "gujarati": "gu", "arabic": "ar", "french": "fr",
	"spanish": "es", "portuguese": "pt", "romanian": "ro", "italian": "it", "lithuanian": "lt", "latvian": "lv", "turkish": "tr",
	"somali": "so", "chinese": "zh", "cantonese": "yue", "mandarin": "cmn", "hindi": "hi", "tamil": "ta", "welsh": "cy", "german": "de",
	"ukrainian": "uk", "russian": "ru", "farsi": "fa", "kurdish": "ku", "pashto": "ps", "british sign language": "bfi", "hungarian": "hu",
}

// pathwayWords are the discharge pathways (Discharge guidance 2024, Annex B).
var pathwayWords = map[string]string{
	"0": "Pathway 0: home without new support", "1": "Pathway 1: home with support", "2": "Pathway 2: a community bed", "3": "Pathway 3: a care home",
}
