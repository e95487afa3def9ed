package translate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"homeward/care"
	"homeward/hl7"
)

// row is what one ADT event means. Cancels take their time from EVN-2: their
// EVN-6 is when the cancelled event happened (HL7 v2.4 3.4.1.6).
type row struct {
	title   string
	cancels bool
	make    func(*reading) []care.Observation
	people  people
}

// people is how many people a message of an event is about.
type people int

const (
	onePerson people = iota
	eachPID          // one observation for every PID with its MRG: structure ADT_A39, HL7 v2.4 3.3.40
	twoPIDs          // A24: two PID segments name the same person
)

// adt has one row for each event of HL7 UK A.3 and the ITK ADT profile that
// concerns where a person is and how they are (HL7 v2.4 3.3).
var adt = map[string]row{
	"A01": {"Admit", false, (*reading).opens, onePerson},
	"A02": {"Transfer", false, (*reading).seen, onePerson},
	"A03": {"Discharge", false, (*reading).left, onePerson},
	"A04": {"Register", false, (*reading).registered, onePerson},
	"A05": {"Pre-admit", false, (*reading).planned, onePerson},
	"A06": {"Change an outpatient to an inpatient", false, (*reading).becomesInpatient, onePerson},
	"A07": {"Change an inpatient to an outpatient", false, (*reading).left, onePerson},
	"A08": {"Update", false, (*reading).seen, onePerson},
	"A09": {"Departing", false, (*reading).notPlaced, onePerson},
	"A10": {"Arriving", false, (*reading).seen, onePerson},
	"A11": {"Cancel admit", true, undone(care.UndoneAdmission), onePerson},
	"A12": {"Cancel transfer", true, (*reading).moveUndone, onePerson},
	"A13": {"Cancel discharge", true, (*reading).leavingUndone, onePerson},
	"A14": {"Pending admit", false, (*reading).planned, onePerson},
	"A15": {"Pending transfer", false, (*reading).notPlaced, onePerson},
	"A16": {"Pending discharge", false, (*reading).seen, onePerson},
	"A21": {"Leave of absence begins", false, onLeave(true), onePerson},
	"A22": {"Leave of absence ends", false, onLeave(false), onePerson},
	"A24": {"Link", false, (*reading).linked, twoPIDs},
	"A25": {"Cancel pending discharge", true, undone(care.UndoneExpected), onePerson},
	"A27": {"Cancel pending admit", true, undone(care.UndonePlan), onePerson},
	"A28": {"Add person", false, (*reading).person, onePerson},
	"A31": {"Update person", false, (*reading).person, onePerson},
	"A34": {"Merge", false, (*reading).joined, eachPID},
	"A38": {"Cancel pre-admit", true, undone(care.UndonePlan), onePerson},
	"A40": {"Merge", false, (*reading).joined, eachPID},
	"A42": {"Merge visits", false, (*reading).visitsJoined, eachPID},
	"A46": {"Change identifier", false, (*reading).renumbered, eachPID},
	"A47": {"Change identifier list", false, (*reading).renumbered, eachPID},
	"A52": {"Cancel leave of absence", true, undone(care.UndoneLeave), onePerson},
	"A53": {"Cancel return from leave", true, undone(care.UndoneReturn), onePerson},
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
// cannot be understood is held, with the field and the mend. A message may give
// several observations, to be taken in their order.
func ADT(m hl7.Message, p Profile, received time.Time) Result {
	h := m.Header()
	switch {
	case h.Type == "":
		return Result{Hold: "MSH-9: the message type is not there. Ask the sender to fill it"}
	case !strings.EqualFold(h.Type, "ADT"):
		return Result{Ignore: "message type " + clean(h.Type) + " is not read here: only ADT is"}
	}
	event := strings.ToUpper(h.Trigger)
	ev, ok := adt[event]
	if !ok {
		return Result{Hold: "MSH-9: event " + clean(h.Trigger) + " is not known. Ask the sender what it means, or leave it held"}
	}
	var charset *hl7.CharsetError
	if err := m.CheckCharset(); errors.As(err, &charset) {
		return Result{Hold: fmt.Sprintf("MSH-18: the character set declared is %s, and byte %d cannot be read in it. "+
			"Ask the sender to declare the character set that it uses", charset.Declared, charset.Offset)}
	}
	r := &reading{p: p, received: received, event: event, segs: make([]hl7.Segment, 0, 12)}
	for s := range m.All() {
		r.segs = append(r.segs, s)
	}
	if r.times(h.Time, ev.cancels) {
		r.observe(ev)
	}
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
	segs     []hl7.Segment // of the message, or of one person in it
	p        Profile
	received time.Time
	event    string
	at, said time.Time
	res      Result
}

// observe reads what is said about each person in the message.
func (r *reading) observe(ev row) {
	for _, segs := range r.parts(ev.people) {
		r.segs = segs
		told := ev.make(r)
		about, visit := r.about(), text(r.get("PV1", 19))
		if len(about.IDs) == 0 && about.NHS.IsZero() {
			r.hold("PID-3", "no hospital number and no NHS number is there. Ask the sender to fill it")
		}
		for _, o := range told {
			o.At, o.Said, o.Source, o.Event, o.About, o.Visit = r.at, r.said, r.p.Source(), r.event, about, visit
			r.measure(o)
			r.res.Observations = append(r.res.Observations, o)
		}
	}
}

// parts splits a message into those about one person each. A second PID where
// one is expected would be lost without a word, so it holds the message.
func (r *reading) parts(people people) [][]hl7.Segment {
	var starts []int
	for i, s := range r.segs {
		if named(s, "PID") {
			starts = append(starts, i)
		}
	}
	if people == onePerson && len(starts) > 1 {
		r.hold("PID", "there is more than one, and this event is about one person. Ask the sender to send a message for each")
	}
	if people != eachPID || len(starts) < 2 {
		return [][]hl7.Segment{r.segs}
	}
	var out [][]hl7.Segment
	for i, from := range starts {
		to := len(r.segs)
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		out = append(out, r.segs[from:to])
	}
	return out
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

func named(s hl7.Segment, name string) bool {
	raw := s.Raw()
	return len(raw) >= 3 && string(raw[:3]) == name
}

// seg is the first segment of that name; the zero Segment when there is none.
func (r *reading) seg(name string) hl7.Segment {
	for _, s := range r.segs {
		if named(s, name) {
			return s
		}
	}
	return hl7.Segment{}
}

func (r *reading) get(seg string, n int) hl7.Field { return r.seg(seg).Field(n) }

// field finds a place that the profile may move. Of a segment that is there
// more than once (some senders repeat Z segments) the one that fills the field
// counts; if two fill it differently, nobody can say which is meant.
func (r *reading) field(path string) (f hl7.Field, comp int) {
	seg, n, comp := splitPath(path)
	for _, s := range r.segs {
		if !named(s, seg) {
			continue
		}
		g := s.Field(n)
		switch {
		case g.IsAbsent():
		case f.IsAbsent():
			f = g
		case !bytes.Equal(f.Raw(), g.Raw()):
			r.hold(path, "segment "+seg+" is there more than once, and what it says differs. Ask the sender to send one")
		}
	}
	return f, comp
}

// path is the component at SEG-FIELD or SEG-FIELD.COMPONENT.
func (r *reading) path(path string) hl7.Comp {
	f, comp := r.field(path)
	return f.Comp(comp)
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

// atoi reads up to three digits; 0 for anything else.
func atoi(s string) int {
	n := 0
	for _, r := range s {
		if r < '0' || r > '9' || len(s) > 3 {
			return 0
		}
		n = n*10 + int(r-'0')
	}
	return n
}

// CheckPath reports whether a configured place is of the form SEG-FIELD or
// SEG-FIELD.COMPONENT, such as PV2-9 or ZU1-22.1.
func CheckPath(path string) bool {
	seg, field, comp := splitPath(path)
	capital := func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' }
	return len(seg) == 3 && strings.IndexFunc(seg, func(r rune) bool { return !capital(r) }) < 0 && field > 0 && comp > 0
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
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

// text is a value without the spaces around it.
func text(c interface{ String() string }) string { return strings.TrimSpace(c.String()) }

// optText reads words or a code that may be absent or deleted.
func optText(c interface {
	IsNull() bool
	String() string
}) care.Opt[string] {
	if c.IsNull() {
		return care.Tell("")
	}
	if s := text(c); s != "" {
		return care.Tell(s)
	}
	return care.Opt[string]{}
}
