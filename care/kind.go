package care

import "maps"

// kindWords are the kinds of care, in plain words, by their codes of
// Interweave-SocialCareServiceType.
var kindWords = map[string]string{
	"R": "Reablement", "STNC": "Short stay in a nursing home", "STRC": "Short stay in a care home", "LTNC": "Nursing home",
	"LTRC": "Care home", "HS": "Home care", "DS": "Day support", "M": "Meals", "TRAN": "Transport", "EQ": "Equipment",
	"DP": "Direct payment", "SL": "Shared Lives", "CSL": "Community supported living", "PS": "Professional support",
	"PS-SW": "Social worker support", "LEES": "Learning, education or employment support", "EOL": "End of life care",
	"ES": "Emergency support", "OSTS": "Other short-term support", "OLTS": "Other long-term support", "C-R": "Respite for a carer",
	"C-SS": "Sitting service for a carer", "C-US": "Support for a carer", "C-OTH": "Other support for a carer", "OTH": "Other support",
	"DNH-SL": "Details not held", "DNH-IL": "Details not held",
}

// Kinds are the kinds of care in words, by their codes.
func Kinds() map[string]string { return maps.Clone(kindWords) }

// KnownKind reports whether a code is of a kind of care.
func KnownKind(code string) bool { return kindWords[code] != "" }

// KindSay is a kind of care in words.
func KindSay(code string) string {
	if w, ok := kindWords[code]; ok {
		return w
	}
	return "Other support"
}

// CareKind is a kind of care that can be asked for, with the unit in which
// providers count what they have of it.
type CareKind struct{ Code, Words, Unit string }

// asked are the kinds of care that can be asked for, those asked for most first, and
// their units.
var asked = [][2]string{
	{"HS", "hours"}, {"R", "slots"}, {"STRC", "beds"}, {"STNC", "beds"}, {"LTRC", "beds"}, {"LTNC", "beds"}, {"EOL", "hours"}, {"ES", "slots"},
	{"CSL", "hours"}, {"SL", "slots"}, {"DS", "slots"}, {"M", "slots"}, {"C-R", "slots"}, {"C-SS", "hours"},
}

// CareKinds lists the kinds of care that can be asked for, those asked for most first.
func CareKinds() []CareKind {
	out := make([]CareKind, len(asked))
	for i, k := range asked {
		out[i] = CareKind{k[0], kindWords[k[0]], k[1]}
	}
	return out
}

// KindOfCare finds a kind of care that can be asked for by its code.
func KindOfCare(code string) (CareKind, bool) {
	for _, k := range asked {
		if k[0] == code {
			return CareKind{code, kindWords[code], k[1]}, true
		}
	}
	return CareKind{}, false
}
