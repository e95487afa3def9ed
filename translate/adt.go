package translate

import (
	"strings"
	"time"

	"homeward/care"
	"homeward/hl7"
	"homeward/nhs"
)

// row is what one ADT event means. Cancels take their time from EVN-2: their
// EVN-6 is when the cancelled event happened (HL7 v2.4 3.4.1.6).
type row struct {
	title   string
	cancels bool
	make    func(*reading) care.Observation
}

// adt has one row for each event of HL7 UK A.3 and the ITK ADT profile that
// concerns where a person is and how they are (HL7 v2.4 3.3).
var adt = map[string]row{
	"A01": {"Admit", false, (*reading).opens},
	"A02": {"Transfer", false, (*reading).seen},
	"A03": {"Discharge", false, (*reading).left},
	"A04": {"Register", false, (*reading).registered},
	"A05": {"Pre-admit", false, (*reading).planned},
	"A06": {"Change an outpatient to an inpatient", false, (*reading).opens},
	"A07": {"Change an inpatient to an outpatient", false, (*reading).left},
	"A08": {"Update", false, (*reading).seen},
	"A09": {"Departing", false, (*reading).notPlaced},
	"A10": {"Arriving", false, (*reading).seen},
	"A11": {"Cancel admit", true, undone(care.UndoneAdmission)},
	"A12": {"Cancel transfer", true, (*reading).moveUndone},
	"A13": {"Cancel discharge", true, undone(care.UndoneLeaving)},
	"A14": {"Pending admit", false, (*reading).planned},
	"A15": {"Pending transfer", false, (*reading).notPlaced},
	"A16": {"Pending discharge", false, (*reading).seen},
	"A21": {"Leave of absence begins", false, onLeave(true)},
	"A22": {"Leave of absence ends", false, onLeave(false)},
	"A24": {"Link", false, (*reading).linked},
	"A25": {"Cancel pending discharge", true, undone(care.UndoneExpected)},
	"A27": {"Cancel pending admit", true, undone(care.UndonePlan)},
	"A28": {"Add person", false, (*reading).person},
	"A31": {"Update person", false, (*reading).person},
	"A34": {"Merge", false, (*reading).joined},
	"A38": {"Cancel pre-admit", true, undone(care.UndonePlan)},
	"A40": {"Merge", false, (*reading).joined},
	"A42": {"Merge visits", false, (*reading).joined},
	"A46": {"Change identifier", false, (*reading).joined},
	"A47": {"Change identifier list", false, (*reading).joined},
	"A52": {"Cancel leave of absence", true, undone(care.UndoneLeave)},
	"A53": {"Cancel return from leave", true, undone(care.UndoneReturn)},
}

// Events lists the ADT events that are understood, with their titles.
func Events() map[string]string {
	out := make(map[string]string, len(adt))
	for e, r := range adt {
		out[e] = r.title
	}
	return out
}

// ADT says what a message means to a receiver who got it at received. A message
// that is not an ADT message concerns nobody here and is ignored; one that
// cannot be understood is held, with the field and the mend.
func ADT(m hl7.Message, p Profile, received time.Time) Result {
	h := m.Header()
	if h.Type != "ADT" {
		return Result{Ignore: "message type " + clean(h.Type) + " is not read here: only ADT is"}
	}
	ev, ok := adt[h.Trigger]
	if !ok {
		return Result{Hold: "MSH-9: event " + clean(h.Trigger) + " is not known. Ask the sender what it means, or leave it held"}
	}
	if err := m.CheckCharset(); err != nil {
		return Result{Hold: "MSH-18: " + err.Error() + ". Ask the sender to declare the character set that it uses"}
	}
	r := &reading{m: m, p: p, received: received, event: h.Trigger}
	if !r.times(h.Time, ev.cancels) {
		return r.result()
	}
	o := ev.make(r)
	o.At, o.Said, o.Source, o.Event = r.at, r.said, p.Source(), h.Trigger
	o.About = r.about()
	if o.Visit == "" {
		o.Visit = m.Get("PV1", 19).String()
	}
	if len(o.About.IDs) == 0 && o.About.NHS.IsZero() {
		r.hold("PID-3", "no hospital number and no NHS number is there. Ask the sender to fill it")
	}
	r.res.Observations = []care.Observation{o}
	return r.result()
}

// clean keeps a code short and printable, so that a strange value in a header
// field cannot carry a name into a reason.
func clean(s string) string {
	if len(s) > 3 || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > 'Z' }) || s == "" {
		return "(not a code)"
	}
	return s
}

// reading is the work on one message: what was found, and what was wrong.
type reading struct {
	m        hl7.Message
	p        Profile
	received time.Time
	event    string
	at, said time.Time
	res      Result
}

func (r *reading) result() Result {
	if r.res.Hold != "" {
		return Result{Hold: r.res.Hold, Notes: r.res.Notes}
	}
	return r.res
}

// hold keeps the first reason.
func (r *reading) hold(field, mend string) {
	if r.res.Hold == "" {
		r.res.Hold = field + ": " + mend
	}
}

func (r *reading) note(s string) { r.res.Notes = append(r.res.Notes, s) }

// times finds when the event happened: EVN-6, else EVN-2, else MSH-7
// (HL7 v2.4 3.4.1). It reports whether the message can go on.
func (r *reading) times(header string, cancels bool) bool {
	said, ok := r.instant("EVN-2", r.m.Get("EVN", 2).String())
	if !ok {
		return false
	}
	if said.IsZero() {
		if said, ok = r.instant("MSH-7", header); !ok {
			return false
		}
	}
	happened, ok := r.instant("EVN-6", r.m.Get("EVN", 6).String())
	if !ok {
		return false
	}
	if said.IsZero() {
		said = r.received
		r.note("EVN-2 and MSH-7 are empty: the time it was received is used")
	}
	r.said, r.at = said, said
	if !happened.IsZero() && !cancels {
		r.at = happened
	}
	if r.at.After(r.received.Add(time.Hour)) {
		r.note("EVN-2 or EVN-6 is more than an hour ahead of our clock: the time it was received is used")
		r.at = r.received
	}
	return true
}

// instant reads a time; zero when it is empty. A time that cannot be read holds
// the message, for its order would be a guess.
func (r *reading) instant(field, s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	t, err := hl7.ParseTimeNear(s, r.p.Zone, r.received)
	if err != nil {
		r.hold(field, "the time must be of the form YYYYMMDDHHMMSS")
		return time.Time{}, false
	}
	if t.Ambiguous {
		r.note(field + " is in the hour that comes twice in October: the one nearest to when it was received is taken")
	}
	return t.At.UTC(), true
}

// optInstant reads a field that may be absent or deleted.
func (r *reading) optInstant(path string) care.Opt[time.Time] {
	f := r.path(path)
	if f.IsNull() {
		return care.Tell(time.Time{})
	}
	t, ok := r.instant(path, f.String())
	if !ok || t.IsZero() {
		return care.Opt[time.Time]{}
	}
	return care.Tell(t)
}

// optDate reads a calendar day as the sender's clock shows it.
func (r *reading) optDate(path string) care.Opt[nhs.Date] {
	f := r.path(path)
	if f.IsNull() {
		return care.Tell(nhs.Date{})
	}
	s := f.String()
	if s == "" {
		return care.Opt[nhs.Date]{}
	}
	t, err := hl7.ParseTime(s, r.p.Zone)
	if err != nil {
		r.hold(path, "the date must be of the form YYYYMMDD")
		return care.Opt[nhs.Date]{}
	}
	if t.Precision < hl7.Day {
		r.note(path + " gives no day and is not used")
		return care.Opt[nhs.Date]{}
	}
	return care.Tell(nhs.DateOf(t.At))
}

// optText reads words or a code that may be absent or deleted.
func optText(c interface {
	IsNull() bool
	String() string
}) care.Opt[string] {
	if c.IsNull() {
		return care.Tell("")
	}
	if s := strings.TrimSpace(c.String()); s != "" {
		return care.Tell(s)
	}
	return care.Opt[string]{}
}

// path finds SEG-FIELD or SEG-FIELD.COMPONENT.
func (r *reading) path(path string) hl7.Comp {
	seg, field, comp := splitPath(path)
	return r.m.Get(seg, field).Comp(comp)
}

func splitPath(path string) (seg string, field, comp int) {
	seg, rest, _ := strings.Cut(path, "-")
	f, c, has := strings.Cut(rest, ".")
	comp = 1
	if has {
		comp = atoi(c)
	}
	return seg, atoi(f), comp
}

func atoi(s string) int {
	n := 0
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0
		}
		n = n*10 + int(r-'0')
	}
	return n
}

// CheckPath reports whether a configured place is of the form SEG-FIELD or
// SEG-FIELD.COMPONENT.
func CheckPath(path string) bool {
	seg, field, comp := splitPath(path)
	return len(seg) == 3 && field > 0 && comp > 0
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// whole makes the Seen that any event may carry. A blank PV1 says nothing:
// class N or none, without place or visit, is not a class.
func (r *reading) whole() *care.Seen {
	pv1, _ := r.m.Segment("PV1")
	s := &care.Seen{
		Class:      optText(pv1.Field(2)),
		Where:      r.where(pv1.Field(3)),
		Consultant: doctor(pv1.Field(9)),
		Specialty:  optText(pv1.Field(10)),
		Method:     optText(pv1.Field(4)),
		Reason:     r.reason(),
		Admitted:   r.optInstant("PV1-44"),
		Expected:   r.optDate(or(r.p.Expected, "PV2-9")),
		Fit:        r.fit(),
		ReadyAt:    r.optInstant(or(r.p.Ready, "ZU1-24")),
	}
	if !s.Consultant.Told {
		s.Consultant = doctor(pv1.Field(7))
	}
	if !s.Where.Told && pv1.Field(19).IsAbsent() || s.Class.Value == "N" {
		s.Class = care.Opt[string]{}
	}
	return s
}

// where reads a PL: point of care, room, bed, facility (HL7 v2.4 2.9.34).
func (r *reading) where(f hl7.Field) care.Opt[care.Location] {
	if f.IsAbsent() {
		return care.Opt[care.Location]{}
	}
	if f.IsNull() {
		return care.Tell(care.Location{})
	}
	l := care.Location{Ward: f.Comp(1).String(), Bay: f.Comp(2).String(), Bed: f.Comp(3).String(), Site: f.Comp(4).String()}
	if l.Ward == "" {
		return care.Opt[care.Location]{} // a bed without a ward is no place
	}
	l.Name = r.p.Wards[l.Ward]
	return care.Tell(l)
}

func (r *reading) reason() care.Opt[string] {
	f := r.m.Get("PV2", 3)
	if f.IsNull() {
		return care.Tell("")
	}
	if t := f.Comp(2).String(); t != "" {
		return care.Tell(t)
	}
	return optText(f)
}

// fit reads the medically fit indicator (HL7 UK A.3 ZU1-22).
func (r *reading) fit() care.Opt[string] {
	f := r.path(or(r.p.Fit, "ZU1-22"))
	v := f.String()
	switch {
	case f.IsNull():
		return care.Tell("")
	case v == "":
		return care.Opt[string]{}
	case oneOf(v, r.p.FitYes, "Y"):
		return care.Tell("Y")
	case oneOf(v, r.p.FitNo, "N"):
		return care.Tell("N")
	}
	r.hold(or(r.p.Fit, "ZU1-22"), "the code is neither of those that mean fit nor of those that mean unfit. Add it to the feed's configuration")
	return care.Opt[string]{}
}

func oneOf(v string, list []string, otherwise ...string) bool {
	if list == nil {
		list = otherwise
	}
	for _, s := range list {
		if strings.EqualFold(s, v) {
			return true
		}
	}
	return false
}

// doctor reads an XCN as a name for people: "Dr P Consultant".
func doctor(f hl7.Field) care.Opt[string] {
	if f.IsNull() {
		return care.Tell("")
	}
	var parts []string
	for _, c := range []int{6, 3, 2} { // prefix, given, family: HL7 v2.4 2.9.52
		if s := f.Comp(c).String(); s != "" {
			parts = append(parts, s)
		}
	}
	if len(parts) == 0 {
		return care.Opt[string]{}
	}
	return care.Tell(strings.Join(parts, " "))
}
