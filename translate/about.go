package translate

import (
	"strings"

	"homeward/care"
	"homeward/hl7"
	"homeward/nhs"
)

// about reads who the message is about (HL7 v2.4 3.4.2; HL7 UK A.3 PID).
func (r *reading) about() care.About {
	pid, ok := r.m.Segment("PID")
	if !ok {
		r.hold("PID", "the segment is missing")
		return care.About{}
	}
	a := care.About{
		Title:     optText(pid.Field(5).Comp(5)),
		Born:      r.optDate("PID-7"),
		Sex:       sex(pid.Field(8)),
		Address:   address(pid.Field(11)),
		Phone:     phone(pid.Field(13)),
		Language:  language(pid.Field(15)),
		GP:        optText(r.m.Get("PD1", 3).Comp(3)),
		GPName:    optText(r.m.Get("PD1", 3).Comp(1)),
		Kin:       r.kin(),
		Died:      r.died(pid),
		Sensitive: r.sensitive(),
	}
	a.Family, a.Given, a.Preferred = names(pid.Field(5))
	var bad bool
	a.IDs, a.NHS, bad = r.identifiers(pid.Field(3))
	if a.BadNHS = bad; bad {
		r.note("PID-3: the check digit of the NHS number is wrong; the number is not used")
	}
	a.Trace = trace(r.path(or(r.p.Trace, "PID-32")).String())
	return a
}

// identifiers reads a repeating CX: numbers with who assigned them. NHS numbers
// come with their authority, their type, or both.
func (r *reading) identifiers(f hl7.Field) (ids []care.Identifier, number nhs.Number, bad bool) {
	for i := 1; i <= f.Reps(); i++ {
		rep := f.Rep(i)
		v, authority, kind := strings.TrimSpace(rep.Comp(1).String()), rep.Comp(4).String(), rep.Comp(5).String()
		switch {
		case v == "":
		case oneOf(authority, r.p.NHSAuthorities, "NHS", "NHSNBR") || oneOf(kind, r.p.NHSAuthorities, "NH", "NHS", "NHSNMBR"):
			n, err := nhs.ParseNumber(v)
			if err != nil {
				bad = true
			} else if number.IsZero() {
				number = n
			}
		default:
			ids = append(ids, care.Identifier{System: "mrn:" + string(r.authority(authority)), Value: v})
		}
	}
	return ids, number, bad
}

func (r *reading) authority(code string) nhs.ODS {
	if ods, ok := r.p.Authorities[code]; ok {
		return ods
	}
	return r.p.Org
}

// names reads a repeating XPN; the name of type N is the preferred one (HL7
// table 0200). A deleted family name is not believed.
func names(f hl7.Field) (family, given, preferred care.Opt[string]) {
	for i := 1; i <= f.Reps(); i++ {
		rep := f.Rep(i)
		if rep.Comp(7).String() == "N" {
			preferred = optText(rep.Comp(2))
			continue
		}
		if family.Told {
			continue
		}
		family, given = optText(rep.Comp(1)), optText(rep.Comp(2))
		if family.Value == "" {
			family = care.Opt[string]{}
		}
		if middle := rep.Comp(3).String(); middle != "" && given.Value != "" {
			given.Value += " " + middle
		}
	}
	return family, given, preferred
}

// sex reads the administrative sex of HL7 and the codes of the NHS Data
// Dictionary (PERSON STATED GENDER CODE), as words for the banner.
func sex(f hl7.Field) care.Opt[string] {
	words, ok := map[string]string{
		"F": "Female", "2": "Female", "M": "Male", "1": "Male",
		"9": "Not specified", "I": "Not specified", "O": "Not specified", "A": "Not specified",
		"X": "Not known", "0": "Not known", "U": "Not known",
	}[strings.ToUpper(f.String())]
	if !ok {
		return care.Opt[string]{}
	}
	return care.Tell(words)
}

// address takes the home address (type H), else the first (HL7 v2.4 2.9.51).
func address(f hl7.Field) care.Opt[care.Address] {
	if f.IsNull() {
		return care.Tell(care.Address{})
	}
	if f.IsAbsent() {
		return care.Opt[care.Address]{}
	}
	pick := f.Rep(1)
	for i := 1; i <= f.Reps(); i++ {
		if f.Rep(i).Comp(7).String() == "H" {
			pick = f.Rep(i)
			break
		}
	}
	var a care.Address
	for c := 1; c <= 4; c++ {
		if s := strings.TrimSpace(pick.Comp(c).String()); s != "" {
			a.Lines = append(a.Lines, s)
		}
	}
	a.Postcode = strings.ToUpper(strings.TrimSpace(pick.Comp(5).String()))
	return care.Tell(a)
}

// phone takes the first number of a repeating XTN.
func phone(f hl7.Field) care.Opt[string] {
	if f.IsNull() {
		return care.Tell("")
	}
	for i := 1; i <= f.Reps(); i++ {
		if s := strings.TrimSpace(f.Rep(i).Comp(1).String()); s != "" {
			return care.Tell(s)
		}
	}
	return care.Opt[string]{}
}

func language(f hl7.Field) care.Opt[string] {
	if s := f.Comp(2).String(); s != "" {
		return care.Tell(s)
	}
	return optText(f)
}

func (r *reading) kin() care.Opt[[]care.Kin] {
	var out []care.Kin
	for s := range r.m.Segments("NK1") {
		name := strings.TrimSpace(s.Field(2).Comp(2).String() + " " + s.Field(2).Comp(1).String())
		if name == "" {
			continue
		}
		relation := s.Field(3).Comp(2).String()
		if relation == "" {
			relation = s.Field(3).String()
		}
		out = append(out, care.Kin{Name: name, Relation: relation, Phone: s.Field(5).String()})
	}
	if out == nil {
		return care.Opt[[]care.Kin]{}
	}
	return care.Tell(out)
}

// died reads PID-29 and PID-30 (HL7 v2.4 3.4.2.29, 3.4.2.30). N takes a death
// back; a date without the indicator is believed.
func (r *reading) died(pid hl7.Segment) care.Opt[care.Death] {
	when, flag := pid.Field(29), pid.Field(30).String()
	if flag == "N" {
		if when.IsNull() || when.IsAbsent() {
			return care.Tell(care.Death{})
		}
	}
	if flag != "Y" && when.String() == "" {
		return care.Opt[care.Death]{}
	}
	d := care.Death{At: r.at, Source: r.p.Feed}
	if s := when.String(); s != "" {
		t, err := hl7.ParseTimeNear(s, r.p.Zone, r.received)
		if err != nil {
			r.hold("PID-29", "the time must be of the form YYYYMMDDHHMMSS")
			return care.Opt[care.Death]{}
		}
		d.At, d.DayOnly = t.At.UTC(), t.IsDate()
	}
	return care.Tell(d)
}

// sensitive reads PV1-16 (HL7 UK A.3: sensitive record indicator).
func (r *reading) sensitive() care.Opt[bool] {
	f := r.m.Get("PV1", 16)
	v := f.String()
	switch {
	case f.IsNull():
		return care.Tell(false)
	case v == "":
		return care.Opt[bool]{}
	case r.p.SensitiveCodes != nil:
		return care.Tell(oneOf(v, r.p.SensitiveCodes))
	}
	return care.Tell(!oneOf(v, nil, "N", "0"))
}

// trace reads an NHS number status: "01", "NSTS01" or "PDS1".
func trace(s string) care.Trace {
	s = strings.TrimPrefix(strings.TrimPrefix(strings.ToUpper(s), "NSTS"), "PDS")
	if len(s) == 1 {
		s = "0" + s
	}
	if len(s) != 2 || s < "01" || s > "08" {
		return ""
	}
	return care.Trace(s)
}
