package translate

import (
	"strings"

	"homeward/care"
	"homeward/hl7"
	"homeward/nhs"
)

// about reads who the message is about (HL7 v2.4 3.4.2; HL7 UK A.3 PID).
func (r *reading) about() care.About {
	pid := r.seg("PID")
	if len(pid.Raw()) == 0 {
		r.hold("PID", "the segment is missing. Ask the sender to send it")
		return care.About{}
	}
	id := r.identifiers(pid.Field(3))
	r.noteNumber(id)
	a := care.About{
		NHS:       id.number,
		BadNHS:    id.bad && id.number.IsZero(),
		IDs:       id.ids,
		Trace:     r.trace(),
		Born:      r.optDate("PID-7"),
		Sex:       r.sex(pid.Field(8)),
		Address:   address(pid.Field(11)),
		Phone:     phone(pid.Field(13)),
		Language:  language(pid.Field(15)),
		GP:        optText(r.get("PD1", 3).Comp(3)),
		GPName:    optText(r.get("PD1", 3).Comp(1)),
		Kin:       r.kin(),
		Died:      r.died(pid),
		Sensitive: r.sensitive(),
	}
	a.Family, a.Given, a.Title = legalName(pid.Field(5))
	a.Preferred = preferredName(pid.Field(5))
	return a
}

// identifiers are the numbers found in one repeating CX.
type identifiers struct {
	ids    []care.Identifier
	number nhs.Number // the first that is sound
	bad    bool       // there is an NHS number whose check digit is wrong
	two    bool       // there are two sound ones that differ
}

// otherTypes are identifier types that do not name a person in a hospital:
// account, visit, driving licence, passport, social security, national
// insurance. HL7 v2.4 table 0203.
var otherTypes = []string{"AN", "VN", "DL", "PPN", "SS", "NI"}

// identifiers reads a repeating CX: numbers with who assigned them. NHS numbers
// come with their authority, their type, or both.
func (r *reading) identifiers(f hl7.Field) identifiers {
	var out identifiers
	for i := 1; i <= f.Reps(); i++ {
		rep := f.Rep(i)
		v, authority, kind := text(rep.Comp(1)), text(rep.Comp(4)), text(rep.Comp(5))
		switch {
		case v == "":
		case oneOf(authority, r.p.NHSAuthorities, "NHS", "NHSNBR") || oneOf(kind, r.p.NHSAuthorities, "NH", "NHS", "NHSNMBR"):
			n, err := nhs.ParseNumber(v)
			switch {
			case err != nil:
				out.bad = true
			case out.number.IsZero():
				out.number = n
			case out.number != n:
				out.two = true
			}
		case oneOf(kind, otherTypes):
		default:
			out.ids = append(out.ids, care.Identifier{System: "mrn:" + string(r.authority(authority)), Value: v})
		}
	}
	return out
}

func (r *reading) noteNumber(id identifiers) {
	if id.bad {
		r.note("PID-3: the check digit of the NHS number is wrong; the number is not used")
	}
	if id.two {
		r.note("PID-3: there are two NHS numbers; the first is used")
	}
}

func (r *reading) authority(code string) nhs.ODS {
	if ods, ok := r.p.Authorities[code]; ok {
		return ods
	}
	return r.p.Org
}

// legalName picks the name to file a person under from a repeating XPN, and
// of equal ones the first. A deleted family name is not believed.
func legalName(f hl7.Field) (family, given, title care.Opt[string]) {
	var rep hl7.Rep
	best := 0
	for i := 1; i <= f.Reps(); i++ {
		if k := legality(f.Rep(i)); k > best {
			best, rep = k, f.Rep(i)
		}
	}
	family, given, title = optText(rep.Comp(1)), optText(rep.Comp(2)), optText(rep.Comp(5))
	if family.Value == "" {
		family = care.Opt[string]{}
	}
	if middle := text(rep.Comp(3)); middle != "" && given.Value != "" {
		given.Value += " " + middle
	}
	return family, given, title
}

// legality ranks a name by its type: legal, unnamed or other, alias or maiden
// name, and none at all for what a person likes to be called. HL7 v2.4 table
// 0200.
func legality(rep hl7.Rep) int {
	kind := strings.ToUpper(text(rep.Comp(7)))
	switch {
	case rep.Presence() != hl7.Value || kind == "N":
		return 0
	case kind == "A" || kind == "M":
		return 1
	case kind == "L":
		return 3
	}
	return 2
}

// preferredName is the name of type N, nickname (HL7 v2.4 table 0200).
func preferredName(f hl7.Field) care.Opt[string] {
	for i := 1; i <= f.Reps(); i++ {
		if rep := f.Rep(i); text(rep.Comp(7)) == "N" {
			return optText(rep.Comp(2))
		}
	}
	return care.Opt[string]{}
}

// sexes are the administrative sex of HL7 v2.4 table 0001 and the NHS Data
// Dictionary's PERSON STATED GENDER CODE, as words for the banner.
var sexes = map[string]string{
	"F": "Female", "2": "Female", "M": "Male", "1": "Male",
	"9": "Not specified", "I": "Not specified", "O": "Not specified", "A": "Not specified",
	"X": "Not known", "0": "Not known", "U": "Not known",
}

func (r *reading) sex(f hl7.Field) care.Opt[string] {
	code := optText(f)
	if code.Value == "" {
		return code
	}
	words, ok := sexes[strings.ToUpper(code.Value)]
	if !ok {
		r.note("PID-8: the code is not known and is not used")
		return care.Opt[string]{}
	}
	return care.Tell(words)
}

// address takes the home address (type H), else the first that says anything
// (HL7 v2.4 2.9.51). It is told as a whole: a postcode alone leaves no street,
// for the old street does not belong to the new postcode.
func address(f hl7.Field) care.Opt[care.Address] {
	if f.IsNull() {
		return care.Tell(care.Address{})
	}
	var out care.Opt[care.Address]
	for i := 1; i <= f.Reps(); i++ {
		a := lines(f.Rep(i))
		home := oneOf(text(f.Rep(i).Comp(7)), []string{"H", "HOME"})
		if !a.IsZero() && (home || !out.Told) {
			out = care.Tell(a)
		}
		if home && out.Told {
			break
		}
	}
	return out
}

func lines(rep hl7.Rep) care.Address {
	var a care.Address
	for c := 1; c <= 4; c++ {
		if s := text(rep.Comp(c)); s != "" {
			a.Lines = append(a.Lines, s)
		}
	}
	a.Postcode = strings.ToUpper(text(rep.Comp(5)))
	return a
}

// phone takes the first number of a repeating XTN: in its first component, or
// in those that replaced it in HL7 v2.5.1 2.A.89.
func phone(f hl7.Field) care.Opt[string] {
	if f.IsNull() {
		return care.Tell("")
	}
	for i := 1; i <= f.Reps(); i++ {
		rep := f.Rep(i)
		for _, s := range []string{text(rep.Comp(1)), text(rep.Comp(12)), strings.TrimSpace(text(rep.Comp(6)) + " " + text(rep.Comp(7)))} {
			if s != "" {
				return care.Tell(s)
			}
		}
	}
	return care.Opt[string]{}
}

func language(f hl7.Field) care.Opt[string] {
	if s := text(f.Comp(2)); s != "" {
		return care.Tell(s)
	}
	return optText(f)
}

// kin reads all NK1 segments, which replace the ones before; NK1-2 of `""`
// tells that there is nobody.
func (r *reading) kin() care.Opt[[]care.Kin] {
	var out care.Opt[[]care.Kin]
	for _, s := range r.segs {
		if !named(s, "NK1") {
			continue
		}
		f := s.Field(2)
		out.Told = out.Told || f.IsNull()
		name := strings.TrimSpace(text(f.Comp(2)) + " " + text(f.Comp(1)))
		if name == "" {
			continue
		}
		relation := or(text(s.Field(3).Comp(2)), text(s.Field(3)))
		out = care.Tell(append(out.Value, care.Kin{Name: name, Relation: relation, Phone: phone(s.Field(5)).Value}))
	}
	return out
}

func dead(f hl7.Field) bool { return oneOf(text(f), []string{"Y"}) }

// died reads PID-29 and PID-30 (HL7 v2.4 3.4.2.29, 3.4.2.30). N and `""` take
// a death back; a date without the indicator is believed.
func (r *reading) died(pid hl7.Segment) care.Opt[care.Death] {
	when, flag := pid.Field(29), pid.Field(30)
	given, alive := text(when) != "", oneOf(text(flag), []string{"N"})
	switch {
	case dead(flag) || given && !alive:
		return r.death(when, dead(flag))
	case given:
		r.hold("PID-30", "it says that the person is alive, and PID-29 has a time of death. Ask the sender which is right")
	case alive || flag.IsNull() || when.IsNull():
		return care.Tell(care.Death{})
	}
	return care.Opt[care.Death]{}
}

// death is when somebody died. When that cannot be read but the indicator is
// sure, the death is not kept back for it: families must not be rung.
func (r *reading) death(when hl7.Field, sure bool) care.Opt[care.Death] {
	d := care.Death{At: r.at, Source: r.p.Feed}
	s := text(when)
	if s == "" {
		return care.Tell(d)
	}
	t, err := hl7.ParseTimeNear(s, r.p.Zone, r.received)
	switch {
	case err == nil && t.Precision >= hl7.Day && !t.At.After(r.received.Add(ahead)):
		d.At, d.DayOnly = t.At.UTC(), t.IsDate()
	case sure:
		r.note("PID-29 is not a time in the past of the form YYYYMMDDHHMMSS: the time of the event is used")
	default:
		r.hold("PID-29", "the time must be in the past and of the form YYYYMMDDHHMMSS")
	}
	return care.Tell(d)
}

// sensitive reads PV1-16 (HL7 UK A.3: sensitive record indicator).
func (r *reading) sensitive() care.Opt[bool] {
	f := r.get("PV1", 16)
	v := text(f)
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

// trace reads the NHS number status, which stands among other reliability codes
// in the repeating PID-32 as "01", "NSTS01" or "PDS1" (HL7 UK A.3 PID-32).
func (r *reading) trace() care.Trace {
	f, comp := r.field(or(r.p.Trace, "PID-32"))
	for i := 1; i <= f.Reps(); i++ {
		if t := traceCode(text(f.Rep(i).Comp(comp))); t != "" {
			return t
		}
	}
	return ""
}

func traceCode(s string) care.Trace {
	s = strings.TrimPrefix(strings.TrimPrefix(strings.ToUpper(s), "NSTS"), "PDS")
	if len(s) == 1 {
		s = "0" + s
	}
	if len(s) != 2 || s < "01" || s > "08" {
		return ""
	}
	return care.Trace(s)
}
