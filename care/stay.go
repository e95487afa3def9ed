package care

import "slices"

// Stays are all stays of a case, those that are over first, then the present one. They
// are the caller's to sort.
func (c Case) Stays() []Stay {
	out := slices.Clone(c.Past)
	if c.Stay != nil {
		out = append(out, *c.Stay)
	}
	return out
}

// Inpatient reports whether a stay is one in a bed (HL7 v2 PV1-2: I, or not told): an
// attendance at an emergency department is not.
func (s Stay) Inpatient() bool { return s.Class == "I" || s.Class == "" }

// Death reports whether a stay ended with the person's death, as it was said or by its
// codes. UK Core DischargeMethodEngland 4 and 5, DischargeDestinationEngland 79.
func (l Leaving) Death() bool {
	return l.Died || l.Method == "4" || l.Method == "5" || l.Destination == "79"
}

// ToHospital reports whether the person went on to another hospital: the stay goes on
// there.
func (l Leaving) ToHospital() bool { return l.Moved || slices.Contains(hospitalCodes, l.Destination) }

// EmergencyAdmission reports whether an ADMISSION METHOD CODE is that of an emergency.
func EmergencyAdmission(method string) bool {
	return slices.Contains(emergencyMethods, method) || method == "2B"
}

// TransferAdmission reports whether an ADMISSION METHOD CODE is that of a transfer from
// another hospital, which goes on with the same spell.
func TransferAdmission(method string) bool { return slices.Contains(transferMethods, method) }
