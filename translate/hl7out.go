package translate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"homeward/care"
	"homeward/form"
	"homeward/hl7"
	"homeward/nhs"
)

// HL7Out is how one receiver wants HL7 v2.4 messages. It writes what Shown holds
// and nothing else; it sends nothing.
type HL7Out struct {
	Sending, SendingFacility     string // MSH-3, MSH-4
	Receiving, ReceivingFacility string // MSH-5, MSH-6
	Processing                   string // MSH-11: P, T or D; "" is P
	Charset                      string // MSH-18; "" is UTF-8 where it is not ASCII
	Zone                         *time.Location
	Status                       StatusAs          // how the standing of a referral is told
	Places                       map[string]string // where a fact stands besides, by its name: "expected": "PV2-9"
	Codes                        map[string]string // OBX-3 of a fact, by its name; its own name otherwise
	MaxText                      int               // characters of one OBX-5; 0 is 4000. What is longer goes on in the next
}

// Forms finds a form by its id and version, as Shown has it.
type Forms = func(id string, version int) (*form.Pathway, bool)

// NoForms is Forms where none is known.
func NoForms(string, int) (*form.Pathway, bool) { return nil, false }

// StatusAs is a way to tell how a referral stands.
type StatusAs string

// The ways: observations, a document, or fields of an update.
const (
	StatusORU StatusAs = "oru" // ORU^R01, HL7 v2.4 7.3.1
	StatusMDM StatusAs = "mdm" // MDM^T02, HL7 v2.4 9.5.2
	StatusADT StatusAs = "adt" // ADT^A08, HL7 v2.4 3.3.8
)

// Facts are the names that Places and Codes know, in the order of messages.
var hl7Facts = []string{"state", "holder", "next", "council", "worker", "reference", "sent", "received", "accepted", "expected", "fit", "ready"}

// HL7Facts lists the names that Places and Codes may have.
func HL7Facts() []string { return slices.Clone(hl7Facts) }

// HL7News is what one message tells.
type HL7News struct {
	Control  string // MSH-10, at most 20 characters: HL7 v2.4 2.16.9.10
	Trigger  string // of REF: I12 new, I13 changed, I14 cancelled; of ADT: A01, A03, A08, A11, A13
	At       time.Time
	What     string // in words
	Referral care.ReferralID
	Note     string // id of the note that is told
	Paper    string // id of the paper that is told
}

// writingHL7 is one message being written.
type writingHL7 struct {
	o HL7Out
	b *hl7.Builder
	s Shown
	n HL7News
	r *care.Referral
	// segments are the last of each name, for facts that stand in places of theirs.
	segments map[string]*hl7.SegmentBuilder
}

// seg adds a segment.
func (w *writingHL7) seg(name string) *hl7.SegmentBuilder {
	s := w.b.Segment(name)
	w.segments[name] = s
	return s
}

func (o HL7Out) begin(s Shown, n HL7News, kind, trigger, structure string) *writingHL7 {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	w := &writingHL7{o: o, s: s, n: n, segments: map[string]*hl7.SegmentBuilder{}}
	w.b = hl7.NewBuilder(hl7.Header{Sending: cmp.Or(o.Sending, "HOMEWARD"), SendingFacility: o.SendingFacility, Receiving: o.Receiving,
		ReceivingFacility: o.ReceivingFacility, Time: w.instant(s.Now), Type: kind, Trigger: trigger, Structure: structure, ControlID: n.Control,
		Processing: cmp.Or(o.Processing, "P"), Version: "2.4", Charset: o.Charset})
	for i := range s.Case.Referrals {
		if s.Case.Referrals[i].ID == n.Referral {
			w.r = &s.Case.Referrals[i]
		}
	}
	return w
}

// instant is a time as the receiver's clock shows it, with its offset.
func (w *writingHL7) instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return hl7.FormatInstant(t.In(w.o.Zone))
}

// REF writes a referral to a council's or a community system, or a change of one:
// HL7 v2.4 11.3.1, REF^I12 to I14.
func (o HL7Out) REF(s Shown, n HL7News) ([]byte, error) {
	w := o.begin(s, n, "REF", n.Trigger, "REF_I12")
	if w.r == nil {
		return nil, fmt.Errorf("writing REF^%s: the referral is not among what may be told", n.Trigger)
	}
	w.rf1()
	w.prd("RP", "Referring provider", w.r.From)
	w.prd("RT", "Referred to provider", w.r.To)
	w.pid()
	w.nk1()
	w.answers()
	w.stay()
	w.notes()
	w.places()
	return w.b.Bytes()
}

// referralStatus is HL7 table 0283.
var referralStatus = map[care.RefState]string{care.RefSent: "P", care.RefReceived: "P", care.RefReturned: "P", care.RefWithdrawn: "E", care.RefCancelled: "E",
	care.RefClosed: "E", care.RefDied: "E", care.RefTransferred: "E"}

// rf1 says which referral it is (HL7 v2.4 11.6.1).
func (w *writingHL7) rf1() {
	r := w.r
	s := w.seg("RF1").SetComp(1, 1, cmp.Or(referralStatus[r.State], "A")).SetComp(1, 2, r.State.Say()).SetComp(1, 3, "HL70283").
		SetComp(2, 1, "R").SetComp(2, 2, "Routine").SetComp(2, 3, "HL70280").
		SetComp(5, 1, "I").SetComp(5, 2, "Inpatient").SetComp(5, 3, "HL70284").
		SetComp(6, 1, string(r.ID)).SetComp(6, 2, "HOMEWARD").Set(7, w.instant(r.Sent))
	if !r.Ended.IsZero() {
		s.Set(8, w.instant(r.Ended))
	}
	s.Set(9, w.instant(w.n.At))
	if r.Pathway != "" {
		s.SetComp(10, 1, "P"+r.Pathway).SetComp(10, 2, "Discharge pathway "+r.Pathway).SetComp(10, 3, "HOMEWARD")
	}
	if r.Why != "" {
		s.AddRep(10, r.Why, r.WhyText, "SHD-CancellationReason")
	}
	if r.Reference != "" {
		s.SetComp(11, 1, r.Reference)
	}
}

// prd names one of the two organisations (HL7 v2.4 11.6.3).
func (w *writingHL7) prd(role, say string, ods nhs.ODS) {
	if ods == "" {
		return
	}
	o := w.org(ods)
	s := w.seg("PRD").SetComp(1, 1, role).SetComp(1, 2, say).SetComp(1, 3, "HL70286").SetComp(2, 1, o.Name)
	if o.Phone != "" {
		s.SetComp(5, 1, o.Phone)
	}
	s.SetComp(7, 1, string(ods)).SetComp(7, 2, "ODS")
}

func (w *writingHL7) org(ods nhs.ODS) care.Org {
	if o, ok := w.s.Orgs[ods]; ok {
		return o
	}
	return care.Org{ODS: ods, Name: string(ods)}
}

// sexCodes are HL7 v2.4 table 0001.
var sexCodes = map[string]string{"Female": "F", "Male": "M", "Not specified": "O", "Not known": "U"}

// pid says who it is about (HL7 v2.4 3.4.2; HL7 UK A.3 PID).
func (w *writingHL7) pid() {
	c := w.s.Case
	p := c.Person
	s := w.seg("PID").Set(1, "1")
	for _, id := range c.IDs {
		if org, ok := strings.CutPrefix(id.System, "mrn:"); ok {
			s.AddRep(3, id.Value, "", "", org, "MR")
		} else if org, ok := strings.CutPrefix(id.System, "council:"); ok {
			s.AddRep(3, id.Value, "", "", org, "PI")
		}
	}
	if !c.NHS.IsZero() {
		s.AddRep(3, c.NHS.Digits(), "", "", "NHS", "NH")
	}
	s.AddRep(5, p.Family, p.Given, "", "", p.Title, "", "L")
	if p.Preferred != "" {
		s.AddRep(5, "", p.Preferred, "", "", "", "", "N")
	}
	if !p.Born.IsZero() {
		s.Set(7, p.Born.Time().Format("20060102"))
	}
	s.Set(8, sexCodes[p.Sex])
	if a := p.Address; !a.IsZero() {
		line := append(slices.Clone(a.Lines), "", "", "", "")
		if n := len(a.Lines); n > 4 { // four components take an address of more lines
			line[3] = strings.Join(a.Lines[3:n], ", ")
		}
		s.AddRep(11, line[0], line[1], line[2], line[3], a.Postcode, "", "H")
	}
	s.Set(13, p.Phone)
	if p.Language != "" {
		s.SetComp(15, 2, p.Language)
	}
	if d := c.Died; d != nil {
		at := w.instant(d.At)
		if d.DayOnly {
			at = d.At.In(w.o.Zone).Format("20060102")
		}
		s.Set(29, at).Set(30, "Y")
	}
	s.Set(32, string(c.Trace))
	if p.GP != "" || p.GPName != "" {
		w.seg("PD1").SetComp(3, 1, p.GPName).SetComp(3, 3, p.GP)
	}
}

// nk1 lists the personal contacts (HL7 v2.4 3.4.5).
func (w *writingHL7) nk1() {
	for i, k := range w.s.Case.Person.Kin {
		w.seg("NK1").Set(1, fmt.Sprint(i+1)).SetComp(2, 1, k.Name).SetComp(3, 2, k.Relation).Set(5, k.Phone)
	}
}

// stay says where the person is, as far as that is shown (HL7 v2.4 3.4.3, 3.4.4).
func (w *writingHL7) stay() {
	st := w.currentStay()
	if st == nil {
		return
	}
	s := w.seg("PV1").Set(1, "1").Set(2, cmp.Or(st.Class, "U"))
	if l := st.Where; l != (care.Location{}) {
		s.SetComp(3, 1, l.Ward).SetComp(3, 2, l.Bay).SetComp(3, 3, l.Bed).SetComp(3, 4, l.Site).SetComp(3, 9, l.Name)
	}
	if st.Consultant != "" {
		s.SetComp(7, 2, st.Consultant)
	}
	s.Set(10, st.Specialty).SetRaw(19, rawOr(st.Visit)).Set(44, w.instant(st.Admitted))
	if st.Left != nil {
		s.Set(36, st.Left.Method).SetComp(37, 1, st.Left.Destination).Set(45, w.instant(st.Left.At))
	}
	v := w.seg("PV2")
	if st.Reason != "" {
		v.SetComp(3, 2, st.Reason)
	}
	if d := st.EDD(); !d.IsZero() {
		v.Set(9, d.Time().Format("20060102"))
	}
}

// rawOr is a visit number as it was told, where it still can stand in a field.
func rawOr(visit string) string {
	if strings.ContainsAny(visit, "|\r\n\x0b\x1c") || !utf8.ValidString(visit) {
		return ""
	}
	return visit
}

// currentStay is the stay that the news are of: the present one, else that of the
// referral, else the last.
func (w *writingHL7) currentStay() *care.Stay {
	c := &w.s.Case
	if !w.s.Sees.Whereabouts {
		return nil
	}
	if c.Stay != nil {
		return c.Stay
	}
	for i := len(c.Past) - 1; i >= 0; i-- {
		if w.r == nil || w.r.Stay == "" || c.Past[i].Visit == w.r.Stay {
			return &c.Past[i]
		}
	}
	return nil
}

// answers writes the form of a new or changed referral, question by question, as
// observations (HL7 v2.4 11.3.1: clinical information; 7.4.2).
func (w *writingHL7) answers() {
	if w.n.Paper != "" {
		w.paper()
		return
	}
	if w.n.Note != "" || w.n.Trigger == "I14" {
		return
	}
	p, ok := w.s.Forms(w.r.Form, w.r.FormVersion)
	if !ok || len(w.r.Answers) == 0 {
		return
	}
	w.obr(w.r.Form, p.Title, w.r.Sent)
	n := 0
	for _, l := range p.Summary(w.r.Answers) {
		if len(l.Answers) > 0 {
			n++
			w.obx(n, l.Field, l.Question, strings.Join(l.Answers, "; "))
		}
	}
}

func (w *writingHL7) paper() {
	i := slices.IndexFunc(w.s.Case.Papers, func(p care.Paper) bool { return p.ID == w.n.Paper })
	if i < 0 {
		return
	}
	p := w.s.Case.Papers[i]
	w.obr(string(p.Kind), p.Kind.Say(), p.At)
	if !p.Withdrawn.IsZero() {
		w.obx(1, "withdrawn", "Withdrawn", cmp.Or(p.WhyText, p.Why, "Yes"))
		return
	}
	for n, item := range p.Items {
		w.obx(n+1, item.Link, item.Text, item.Answer)
	}
}

// obr heads observations (HL7 v2.4 7.4.1).
func (w *writingHL7) obr(code, say string, at time.Time) {
	id := string(w.n.Referral)
	w.seg("OBR").Set(1, "1").SetComp(2, 1, id).SetComp(2, 2, "HOMEWARD").SetComp(3, 1, id).SetComp(3, 2, "HOMEWARD").
		SetComp(4, 1, code).SetComp(4, 2, say).SetComp(4, 3, "HOMEWARD").Set(7, w.instant(at)).Set(22, w.instant(w.n.At)).Set(25, "F")
}

// obx is one observation in words (HL7 v2.4 7.4.2). What is longer than one field
// takes goes on in the next, told apart by OBX-4.
func (w *writingHL7) obx(n int, code, say, value string) {
	limit := w.o.MaxText
	if limit <= 0 {
		limit = 4000
	}
	parts := split(value, limit)
	for i, part := range parts {
		kind, sub := "ST", ""
		if utf8.RuneCountInString(part) > 199 || strings.ContainsAny(part, "\r\n") { // HL7 v2.4 2.9.43: ST has 199 characters
			kind = "FT"
		}
		if len(parts) > 1 {
			sub = fmt.Sprint(i + 1)
		}
		w.seg("OBX").Set(1, fmt.Sprint(n)).Set(2, kind).SetComp(3, 1, code).SetComp(3, 2, say).SetComp(3, 3, "HOMEWARD").Set(4, sub).Set(5, part).Set(11, "F")
	}
}

// split cuts a text into parts of at most n characters; nothing is lost.
func split(s string, n int) (parts []string) {
	r := []rune(s)
	for len(r) > n {
		parts, r = append(parts, string(r[:n])), r[n:]
	}
	return append(parts, string(r))
}

// notes writes what is told in words (HL7 v2.4 2.16.10).
func (w *writingHL7) notes() {
	for i, n := range w.s.Case.Notes {
		if n.ID == w.n.Note && w.n.Note != "" {
			w.seg("NTE").Set(1, "1").Set(2, "O").Set(3, w.s.Case.Notes[i].Text)
			return
		}
	}
	if w.n.What != "" {
		w.seg("NTE").Set(1, "1").Set(2, "O").Set(3, "Homeward tells "+w.n.What)
	}
}

// StatusOf writes how a referral stands, for the hospital's own system.
func (o HL7Out) StatusOf(s Shown, n HL7News) ([]byte, error) {
	switch o.Status {
	case StatusMDM:
		return o.mdm(s, n)
	case StatusADT:
		n.Trigger = "A08"
		return o.ADT(s, n)
	}
	w := o.begin(s, n, "ORU", "R01", "ORU_R01")
	if w.r == nil {
		return nil, fmt.Errorf("writing ORU^R01: the referral is not among what may be told")
	}
	w.pid()
	w.stay()
	w.obr("REFERRAL", "Referral for discharge", n.At)
	for i, f := range w.facts() {
		w.obx(i+1, cmp.Or(o.Codes[f.name], strings.ToUpper(f.name)), f.say, f.value)
	}
	if n.Note != "" {
		w.notes()
	}
	return w.b.Bytes()
}

// fact is one thing that is told of how a referral stands.
type fact struct{ name, say, value string }

// facts are what there is to tell, in the order of hl7Facts.
func (w *writingHL7) facts() (out []fact) {
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(w.o.Zone).Format("02-Jan-2006 15:04")
	}
	of := map[string]fact{}
	if r := w.r; r != nil {
		of["state"] = fact{say: "Referral", value: r.State.Say()}
		of["holder"] = fact{say: "With", value: strings.Join(nonEmpty(w.org(r.Holder.Org).Name, r.Holder.Team, r.Holder.Who.Name), ", ")}
		of["next"] = fact{say: "Next", value: r.Holder.Next}
		of["council"] = fact{say: "Council", value: w.org(r.To).Name}
		of["worker"] = fact{say: "Worker", value: r.Worker.Name}
		of["reference"] = fact{say: "Council's reference", value: r.Reference}
		of["sent"], of["received"], of["accepted"] = fact{say: "Sent", value: day(r.Sent)}, fact{say: "Received", value: day(r.Received)}, fact{say: "Accepted", value: day(r.Accepted)}
	}
	if st := w.currentStay(); st != nil {
		if d := st.EDD(); !d.IsZero() {
			of["expected"] = fact{say: "Predicted discharge date", value: d.Time().Format("02-Jan-2006")}
		}
		of["fit"], of["ready"] = fact{say: "Medically fit", value: st.Fit}, fact{say: "Discharge ready since", value: day(st.ReadySince())}
	}
	for _, name := range hl7Facts {
		if f := of[name]; f.value != "" {
			f.name = name
			out = append(out, f)
		}
	}
	return out
}

func nonEmpty(vs ...string) []string {
	return slices.DeleteFunc(vs, func(s string) bool { return s == "" })
}

// mdm writes it as a document (HL7 v2.4 9.5.2, 9.6.1). Each has a number of its
// own below the referral's, which is its parent.
func (o HL7Out) mdm(s Shown, n HL7News) ([]byte, error) {
	w := o.begin(s, n, "MDM", "T02", "MDM_T02")
	if w.r == nil {
		return nil, fmt.Errorf("writing MDM^T02: the referral is not among what may be told")
	}
	w.seg("EVN").Set(1, "T02").Set(2, w.instant(n.At))
	w.pid()
	if w.currentStay() == nil {
		w.seg("PV1").Set(1, "1").Set(2, "U")
	} else {
		w.stay()
	}
	w.seg("TXA").Set(1, "1").SetComp(2, 1, "REFERRAL").SetComp(2, 2, "Referral for discharge").Set(3, "TX").Set(4, w.instant(n.At)).
		SetComp(12, 1, string(n.Referral)+"."+n.Control).SetComp(12, 2, "HOMEWARD").SetComp(13, 1, string(n.Referral)).SetComp(13, 2, "HOMEWARD").
		Set(17, "AU").Set(19, "AV")
	for i, f := range w.facts() {
		w.obx(i+1, cmp.Or(o.Codes[f.name], strings.ToUpper(f.name)), f.say, f.say+": "+f.value)
	}
	return w.b.Bytes()
}

// ADT writes where somebody is as a patient system would (HL7 v2.4 3.3), for
// receivers that read only that.
func (o HL7Out) ADT(s Shown, n HL7News) ([]byte, error) {
	structure := map[string]string{"A03": "ADT_A03", "A08": "ADT_A01", "A01": "ADT_A01", "A11": "ADT_A09", "A13": "ADT_A01"}[n.Trigger]
	w := o.begin(s, n, "ADT", n.Trigger, structure)
	w.seg("EVN").Set(1, n.Trigger).Set(2, w.instant(s.Now)).Set(6, w.instant(n.At))
	w.pid()
	w.nk1()
	if w.currentStay() == nil {
		w.seg("PV1").Set(1, "1").Set(2, "N")
	} else {
		w.stay()
	}
	w.places()
	return w.b.Bytes()
}

// places writes facts where this receiver wants them besides: in a segment that is
// there, or in one at the end.
func (w *writingHL7) places() {
	for _, f := range w.facts() {
		name, field, comp := splitPath(w.o.Places[f.name])
		if name == "" || field < 1 {
			continue
		}
		s := w.segments[name]
		if s == nil {
			s = w.seg(name)
		}
		v := f.value
		if d, err := time.Parse("02-Jan-2006", v); err == nil && f.name == "expected" {
			v = d.Format("20060102")
		}
		s.SetComp(field, max(comp, 1), v)
	}
}
