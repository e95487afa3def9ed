package sim

import (
	"bytes"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"homeward/hl7"
	"homeward/nhs"
)

// Dialect is how a hospital's system writes its messages.
type Dialect string

// The dialects.
const (
	// ITK is HL7 v2.4 in ASCII as the NHS profiles want it, with the fit indicator
	// in ZU1 (ITK ADT DMS 1.1, HL7 UK A.3).
	ITK Dialect = "itk-2.4"
	// Plain is HL7 v2.3 in ASCII with the habits that google/simhospital showed:
	// updates with a blank PV1, discharges and their cancels without place and
	// visit, an expected time where the time of discharge belongs.
	Plain Dialect = "plain-2.3"
	// Modern is HL7 v2.5.1 in UTF-8, with repetitions, deletions, offsets in its
	// times, and LF where CR belongs.
	Modern Dialect = "modern-2.5.1"
)

// Fields is where a dialect puts what HL7 leaves to the sender, for the
// configuration of whoever reads it: SEG-FIELD.
type Fields struct {
	Expected, Fit, Ready, DischargeMethod, Trace string
	FitYes, FitNo                                []string
}

// Fields of the dialect. "" as discharge method: it is not sent.
func (d Dialect) Fields() Fields {
	if d == Plain {
		return Fields{Expected: "PV2-9", Fit: "ZFT-2", Ready: "ZFT-3", Trace: "PID-32", FitYes: []string{"MFFD"}, FitNo: []string{"NMFFD"}}
	}
	return Fields{Expected: "PV2-9", Fit: "ZU1-22", Ready: "ZU1-24", DischargeMethod: "ZDC-1", Trace: "PID-32", FitYes: []string{"Y"}, FitNo: []string{"N"}}
}

func (d Dialect) version() string {
	return map[Dialect]string{ITK: "2.4", Plain: "2.3", Modern: "2.5.1"}[d]
}

func (d Dialect) charset() string {
	if d == Modern {
		return "UNICODE UTF-8"
	}
	return "ASCII"
}

// visit is one stay or attendance as the hospital knows it.
type visit struct {
	id                 string
	class              string // PV1-2
	at, from           Place
	admitted           time.Time
	consultant         [2]string // family name, given name
	specialty, reason  string
	fit                string // Y, N or ""
	ready              time.Time
	fitSaid            time.Time
	expected           nhs.Date
	expectedSaid, last time.Time // when the date, and anything, was last said
	onLeave            bool
	left               time.Time
	method, to         string // of discharge
}

// saying is one message before it is written.
type saying struct {
	event  string // A01 ...
	at     time.Time
	person Person
	mrn    string
	visit  *visit // nil: about the person only
	blank  bool   // PV1 with nothing in it
	late   bool   // older than what was said last: says only what it is about
	fit    bool   // this message is about being fit
	expect bool   // this message is about the expected date
	gone   string // hospital number that a merge gives up
	died   time.Time
}

// structures of MSH-9.3, HL7 v2.4 table 0354; an event that is not here has its own.
var structures = map[string]string{"A04": "ADT_A01", "A08": "ADT_A01", "A13": "ADT_A01", "A28": "ADT_A05", "A31": "ADT_A05",
	"A11": "ADT_A09", "A12": "ADT_A09", "A22": "ADT_A21", "A25": "ADT_A21", "A40": "ADT_A39"}

// write makes the bytes of a message that is sent at now under a control id.
func (h *Hospital) write(s saying, control string, now time.Time) ([]byte, error) {
	d := h.config.Dialect
	structure := structures[s.event]
	if structure == "" {
		structure = "ADT_" + s.event
	}
	header := hl7.Header{Sending: h.config.System, SendingFacility: string(h.config.ODS), Receiving: "ROUTE", ReceivingFacility: "ROUTE",
		Time: h.stamp(now), Type: "ADT", Trigger: s.event, Structure: structure, ControlID: control, Processing: "P", Version: d.version(), Charset: d.charset()}
	if d == Plain {
		header.Structure = "" // from HL7 v2.3.1 on
	}
	b := hl7.NewBuilder(header)
	if d == ITK {
		b.Header().Set(21, "iTKv1.0")
	}
	h.writeEvent(b.Segment("EVN"), s)
	h.writePerson(b, s)
	if s.gone != "" {
		b.Segment("MRG").AddRep(1, s.gone, "", "", string(h.config.ODS), "MR")
	}
	switch {
	case s.blank:
		b.Segment("PV1").Set(1, "1").Set(2, "N")
	case s.visit != nil:
		h.writeVisit(b, s)
	}
	raw, err := b.Bytes()
	if d == Modern {
		raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
	}
	return raw, err
}

// stamp is a time as the hospital writes it.
func (h *Hospital) stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if h.config.Dialect == Modern {
		return hl7.FormatInstant(t.In(h.zone))
	}
	return hl7.FormatTime(t.In(h.zone), hl7.Second)
}

func day(d nhs.Date) string { return strings.ReplaceAll(d.String(), "-", "") }

// text is a text as the dialect can write it: old systems drop the accents.
func (h *Hospital) text(s string) string {
	if h.config.Dialect == Modern {
		return s
	}
	s = strings.NewReplacer("ł", "l", "Ł", "L", "ø", "o", "ß", "ss", "’", "'", "–", "-").Replace(s)
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r > unicode.MaxASCII:
			return '?'
		}
		return r
	}, norm.NFD.String(s))
}

func (h *Hospital) writeEvent(evn *hl7.SegmentBuilder, s saying) {
	evn.Set(1, s.event).Set(2, h.stamp(s.at))
	switch {
	case h.config.Dialect != Plain:
		if s.event != "A11" && s.event != "A12" && s.event != "A13" {
			evn.Set(6, h.stamp(s.at))
		}
	case s.event == "A16":
		evn.Set(3, day(s.visit.expected)) // HL7 v2.3 3.3.1.3: planned event
	}
}

// writePerson writes PID, PD1 and NK1.
func (h *Hospital) writePerson(b *hl7.Builder, s saying) {
	p, d := s.person, h.config.Dialect
	pid := b.Segment("PID").Set(1, "1").AddRep(3, s.mrn, "", "", string(h.config.ODS), "MR")
	if n := p.NHS.Digits(); n != "" {
		if d == Plain {
			pid.AddRep(3, n, "", "", "NHSNBR", "NHSNMBR")
		} else {
			pid.AddRep(3, n, "", "", "NHS", "NH").Set(32, "NSTS01")
		}
	}
	pid.AddRep(5, h.text(p.Family), h.text(p.Given), "", "", p.Title, "", "L")
	if d == Modern && p.Preferred != "" {
		pid.AddRep(5, p.Family, p.Preferred, "", "", "", "", "N")
	}
	pid.Set(7, day(p.Born)).Set(8, h.sex(p))
	h.writeContact(pid, p)
	if !s.died.IsZero() {
		pid.Set(29, h.stamp(s.died)).Set(30, "Y")
	}
	if p.GP != "" {
		b.Segment("PD1").AddRep(3, h.text(p.GPName), "", p.GP)
	}
	if family, given, ok := strings.Cut(p.Kin, "^"); ok && s.event != "A40" {
		b.Segment("NK1").Set(1, "1").AddRep(2, h.text(family), h.text(given)).AddRep(3, strings.ToUpper(p.KinIs), p.KinIs).AddRep(5, p.KinPhone, "PRN")
	}
}

// writeContact writes address, telephone and language. Who is ex-directory has
// told the hospital no number; a modern system says that there is none.
func (h *Hospital) writeContact(pid *hl7.SegmentBuilder, p Person) {
	lines := append(append([]string(nil), p.Address...), "", "", "", "")[:4]
	if h.config.Dialect == Modern {
		pid.AddRep(11, "Temporary lodging", "", "", "", "", "", "C")
	}
	pid.AddRep(11, h.text(lines[0]), h.text(lines[1]), h.text(lines[2]), h.text(lines[3]), p.Postcode, "", "H")
	switch {
	case p.Phone != "" && (p.Held == nil || !p.Held.ExDirectory):
		pid.AddRep(13, p.Phone, "PRN", "PH")
		if h.config.Dialect == Modern {
			pid.AddRep(13, p.KinPhone, "ORN", "CP")
		}
	case h.config.Dialect == Modern:
		pid.Null(13)
	}
	if p.Language != "" {
		pid.SetComp(15, 2, p.Language)
	}
}

// sex is PID-8: the national codes in the ITK profile, HL7's elsewhere.
func (h *Hospital) sex(p Person) string {
	i := map[string]int{"Male": 1, "Female": 2}[p.Sex]
	if h.config.Dialect == ITK {
		return []string{"9", "1", "2"}[i]
	}
	return []string{"U", "M", "F"}[i]
}

// writeVisit writes PV1, PV2 and the segments of the sender's own.
func (h *Hospital) writeVisit(b *hl7.Builder, s saying) {
	v, d := s.visit, h.config.Dialect
	pv1 := b.Segment("PV1").Set(1, "1")
	if d == Plain && (s.event == "A03" || s.event == "A13") {
		h.writeLost(pv1, s)
	} else {
		pv1.Set(2, v.class).SetComp(3, 1, v.at.Ward).SetComp(3, 2, v.at.Bay).SetComp(3, 3, v.at.Bed).SetComp(3, 4, h.config.Site)
		if v.from != (Place{}) && (s.event == "A02" || s.event == "A12") {
			pv1.SetComp(6, 1, v.from.Ward).SetComp(6, 2, v.from.Bay).SetComp(6, 3, v.from.Bed).SetComp(6, 4, h.config.Site)
		}
		pv1.Set(4, "21").AddRep(9, "C"+h.prefix(), h.text(v.consultant[0]), h.text(v.consultant[1]), "", "", "Dr").Set(10, v.specialty)
		pv1.AddRep(19, v.id, "", "", string(h.config.ODS)).Set(44, h.stamp(v.admitted))
		if s.event == "A03" {
			pv1.Set(36, v.to).Set(45, h.stamp(v.left))
		}
	}
	if s.person.Sensitive {
		pv1.Set(16, "Y") // HL7 UK A.3: sensitive record
	}
	pv2 := b.Segment("PV2").SetComp(3, 2, h.text(v.reason))
	if !s.late || s.expect {
		pv2.Set(9, day(v.expected))
		if s.expect && v.expected.IsZero() && s.event == "A08" {
			pv2.Null(9)
		}
	}
	h.writeOwn(b, s)
}

// writeLost is a PV1 that has forgotten where and which visit, and calls the
// person an outpatient; the time is when they were expected to leave.
func (h *Hospital) writeLost(pv1 *hl7.SegmentBuilder, s saying) {
	pv1.Set(2, "O")
	if s.event == "A13" {
		return
	}
	left := s.visit.left
	if e := s.visit.expected; !e.IsZero() && e.Time().After(left) {
		left = e.Time().Add(12 * time.Hour)
	}
	pv1.Set(36, s.visit.to).Set(45, h.stamp(left))
}

// writeOwn writes the fit indicator and the discharge method where this
// dialect has them. The older system only says what has changed.
func (h *Hospital) writeOwn(b *hl7.Builder, s saying) {
	v := s.visit
	if v.fit != "" && (s.fit || !s.late && h.config.Dialect != Plain) {
		segment, at, code := "ZU1", 22, v.fit
		if h.config.Dialect == Plain {
			segment, at, code = "ZFT", 2, map[string]string{"Y": "MFFD", "N": "NMFFD"}[v.fit]
		}
		own := b.Segment(segment).Set(1, "1").Set(at, code)
		ready := at + 2
		if h.config.Dialect == Plain {
			ready = 3
		}
		if v.ready.IsZero() {
			own.Null(ready)
		} else {
			own.Set(ready, h.stamp(v.ready))
		}
	}
	if s.event == "A03" && h.config.Dialect != Plain {
		b.Segment("ZDC").Set(1, v.method)
	}
}
