package translate

import (
	"strings"
	"time"

	"homeward/care"
	"homeward/hl7"
	"homeward/nhs"
)

// whole makes the Seen that any event may carry.
func (r *reading) whole() *care.Seen { return r.wholeAs(optText(r.get("PV1", 2))) }

// wholeAs is whole with another patient class. A blank PV1 says nothing: class
// N or none, without place or visit, is not a class. And who comes to a clinic
// while they are an inpatient must not be moved there.
func (r *reading) wholeAs(class care.Opt[string]) *care.Seen {
	pv1 := r.seg("PV1")
	class.Value = strings.ToUpper(class.Value)
	s := &care.Seen{
		Class:      class,
		Where:      r.where(pv1.Field(3)),
		Consultant: r.consultant(pv1),
		Specialty:  optText(pv1.Field(10)),
		Method:     optText(pv1.Field(4)),
		Reason:     r.reason(),
		Admitted:   r.optPast("PV1-44"),
		Expected:   r.expected(),
		Fit:        r.fit(),
	}
	s.ReadyAt, s.ReadyDay = r.ready()
	visit := text(pv1.Field(19)) != ""
	if !s.Where.Told && !visit || class.Value == "N" {
		s.Class = care.Opt[string]{}
	}
	if bedless(class.Value) {
		s.Where = care.Opt[care.Location]{}
		if !visit {
			s = &care.Seen{Expected: s.Expected, Fit: s.Fit, ReadyAt: s.ReadyAt, ReadyDay: s.ReadyDay}
			s.Person = !s.Expected.Told && !s.Fit.Told && !s.ReadyAt.Told
		}
	}
	return s
}

// bedless reports a class whose place is not a bed: outpatient, recurring
// (dialysis), not yet admitted. HL7 v2.4 table 0004.
func bedless(class string) bool { return class == "O" || class == "R" || class == "P" }

// where reads a PL: point of care, room, bed, facility, and the description
// that some senders fill instead (HL7 v2.4 2.9.34). A place is told as a whole:
// another bed without a room leaves no room.
func (r *reading) where(f hl7.Field) care.Opt[care.Location] {
	if f.IsAbsent() {
		return care.Opt[care.Location]{}
	}
	if f.IsNull() {
		return care.Tell(care.Location{})
	}
	l := care.Location{Ward: text(f.Comp(1)), Bay: text(f.Comp(2)), Bed: text(f.Comp(3)), Site: text(f.Comp(4))}
	l.Name = or(r.p.Wards[l.Ward], text(f.Comp(9)))
	if l.Ward == "" && l.Name == "" {
		return care.Opt[care.Location]{} // a bed without a ward is no place
	}
	return care.Tell(l)
}

// consultant is PV1-9, else PV1-7, the attending doctor.
func (r *reading) consultant(pv1 hl7.Segment) care.Opt[string] {
	c := doctor(pv1.Field(9))
	if other := doctor(pv1.Field(7)); c.Value == "" && (other.Value != "" || !c.Told) {
		return other
	}
	return c
}

// doctor reads an XCN as a name for people: "Dr P Consultant".
func doctor(f hl7.Field) care.Opt[string] {
	if f.IsNull() {
		return care.Tell("")
	}
	var parts []string
	for _, c := range []int{6, 3, 2} { // prefix, given, family: HL7 v2.4 2.9.52
		if s := text(f.Comp(c)); s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return care.Opt[string]{}
	}
	return care.Tell(strings.Join(parts, " "))
}

func (r *reading) reason() care.Opt[string] {
	f := r.get("PV2", 3)
	if t := text(f.Comp(2)); t != "" {
		return care.Tell(t)
	}
	return optText(f)
}

// expected is the predicted discharge date. A pending discharge may carry it
// as the planned time of the event itself (HL7 v2.4 3.4.1.3).
func (r *reading) expected() care.Opt[nhs.Date] {
	d := r.optDate(or(r.p.Expected, "PV2-9"))
	if !d.Told && r.event == "A16" {
		return r.optDate("EVN-3")
	}
	return d
}

// fit reads the medically fit indicator (HL7 UK A.3 ZU1-22). A code that is not
// known holds the message: to guess would send somebody home, or keep them.
func (r *reading) fit() care.Opt[string] {
	path := or(r.p.Fit, "ZU1-22")
	f := r.path(path)
	v := text(f)
	switch {
	case f.IsNull():
		return care.Tell("")
	case v == "":
	case oneOf(v, r.p.FitYes, "Y"):
		return care.Tell("Y")
	case oneOf(v, r.p.FitNo, "N"):
		return care.Tell("N")
	default:
		r.hold(path, "the code is neither of those that mean fit nor of those that mean unfit. Add it to the feed's configuration")
	}
	return care.Opt[string]{}
}

// ready is since when the person is ready to leave (HL7 UK A.3 ZU1-24), and
// whether only the day is told.
func (r *reading) ready() (since care.Opt[time.Time], day bool) {
	path := or(r.p.Ready, "ZU1-24")
	since = r.optPast(path)
	t, err := hl7.ParseTime(text(r.path(path)), r.p.Zone)
	return since, err == nil && !since.Value.IsZero() && t.IsDate()
}

// leaving is how a stay ended. PV1-45 has been seen to carry the expected time,
// so a time after the discharge was recorded is not believed.
func (r *reading) leaving() care.Leaving {
	l := care.Leaving{At: r.at, Destination: text(r.get("PV1", 36))}
	t, _ := r.stamp("PV1-45", text(r.get("PV1", 45)))
	switch {
	case t.At.IsZero() || t.IsDate() && r.sameDay(t.At, r.at): // the event's time is as good or finer
	case t.At.After(r.said) || t.At.After(r.received):
		r.note("PV1-45 is later than the discharge was recorded: the time of the event is used")
	default:
		l.At = t.At.UTC()
	}
	if r.p.DischargeMethod != "" {
		l.Method = text(r.path(r.p.DischargeMethod))
	}
	l.Died = oneOf(l.Method, r.p.DiedMethods, "4", "5") || oneOf(l.Destination, r.p.DiedDestinations, "79") || dead(r.get("PID", 30))
	l.Self = !l.Died && oneOf(l.Method, r.p.SelfMethods, "6", "7")
	return l
}

// plannedFor is the time of a planned admission, from PV2-8 or the planned time
// of the event (HL7 v2.4 3.4.1.3).
func (r *reading) plannedFor() care.Opt[time.Time] {
	if t := r.optInstant("PV2-8"); t.Told {
		return t
	}
	return r.optInstant("EVN-3")
}
