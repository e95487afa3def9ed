//go:build unix

package stories

import (
	"context"
	"fmt"
	"strings"
	"time"

	"homeward/hl7"
	"homeward/mllp"
	"homeward/nhs"
)

// A person of a story, as a line of "these people:" tells of them:
// Barbara Oakley, Mrs, born 14 March 1941, NHS number 999 123 4578, 5 Teasel Close, Mansfield, NG18 1IK, GP Y99000
type person struct {
	given, family, title string
	born                 time.Time
	number               nhs.Number
	address              []string // lines, the postcode last
	gp                   string
	id                   int // counts the people of a story
}

func (p *person) name() string { return p.given + " " + p.family }

// listed is the name as screens show it. NHS CUI PAB-0016.
func (p *person) listed() string { return strings.ToUpper(p.family) + ", " + p.given }

func (p *person) sex() string {
	if p.title == "Mr" {
		return "1"
	}
	return "2"
}

const dayLayout = "2 January 2006"

func readPerson(l line) (*person, error) {
	parts := strings.Split(l.text, ", ")
	p := &person{}
	var ok bool
	if p.given, p.family, ok = strings.Cut(parts[0], " "); !ok {
		return nil, l.wrong("a person begins with a first name and a family name")
	}
	for _, part := range parts[1:] {
		key, rest, _ := strings.Cut(part, " ")
		var err error
		switch {
		case key == "born":
			p.born, err = time.Parse(dayLayout, rest)
		case strings.HasPrefix(part, "NHS number "):
			if p.number, err = nhs.ParseNumber(strings.TrimPrefix(part, "NHS number ")); err == nil && !strings.HasPrefix(p.number.Digits(), "999") {
				err = fmt.Errorf("only numbers that begin with 999 are nobody's")
			}
		case key == "GP":
			p.gp = rest
		case part == "Mr" || part == "Mrs" || part == "Miss" || part == "Ms":
			p.title = part
		default:
			p.address = append(p.address, part)
		}
		if err != nil {
			return nil, l.wrong("%q: %v", part, err)
		}
	}
	if p.born.IsZero() {
		return nil, l.wrong("a person needs \"born 14 March 1941\"")
	}
	return p, nil
}

// A hospital sends HL7 v2 as its system would, over one connection.
type hospital struct {
	name, ods, app, version string
	older                   bool // the older system has its own segment for fitness
	conn                    *mllp.Conn
	sent                    int
	last                    time.Time // the stamp of the last message
	said                    []byte    // the last message, as it was sent
	control                 string
	stays                   map[*person]*stay
}

// stay is what the hospital's system knows of a visit.
type stay struct {
	visit, place, class string
	admitted            time.Time
}

func hospitals() map[string]*hospital {
	out := map[string]*hospital{}
	for _, h := range []*hospital{
		{name: "King's Mill", ods: "RK5", app: "CAREFLOW", version: "2.4"},
		{name: "Queen's", ods: "RX1", app: "SIMPAS", version: "2.3", older: true},
		{name: "Bassetlaw", ods: "RP5", app: "EPR", version: "2.5.1"},
	} {
		h.stays = map[*person]*stay{}
		out[h.name] = h
	}
	return out
}

// say is one message before it is written: the segments after PID.
type say struct {
	event string
	about *person
	at    time.Time // when it happened and was recorded; not when it is sent
	gone  *person   // whose number a merge gives up
	more  []string
}

// segment writes a segment of numbered fields.
func segment(name string, fields map[int]string) string {
	most := 0
	for i := range fields {
		most = max(most, i)
	}
	out := make([]string, most+1)
	out[0] = name
	for i, f := range fields {
		out[i] = f
	}
	return strings.Join(out, "|")
}

const stampLayout = "20060102150405"

// number is the hospital's own number of a person.
func (h *hospital) number(p *person) string { return fmt.Sprintf("%s%05d", h.ods[:2], 10+p.id) }

// write makes the bytes of a message.
func (h *hospital) write(m say, control string, now time.Time) []byte {
	at := m.at.Format(stampLayout)
	segs := []string{
		strings.Join([]string{`MSH|^~\&`, h.app, h.ods, "ROUTE", "ROUTE", now.Format(stampLayout), "", "ADT^" + m.event, control, "P", h.version}, "|"),
		segment("EVN", map[int]string{1: m.event, 2: at, 6: at}),
		h.pid(m.about),
	}
	if m.about.gp != "" {
		segs = append(segs, segment("PD1", map[int]string{3: "Invented Surgery^^" + m.about.gp}))
	}
	if m.gone != nil {
		segs = append(segs, "MRG|"+h.number(m.gone)+"^^^"+h.ods+"^MR")
	}
	return []byte(strings.Join(append(segs, m.more...), "\r") + "\r")
}

func (h *hospital) pid(p *person) string {
	ids := h.number(p) + "^^^" + h.ods + "^MR"
	f := map[int]string{1: "1", 5: p.family + "^" + p.given + "^^^" + p.title + "^^L", 7: p.born.Format("20060102"), 8: p.sex()}
	if !p.number.IsZero() {
		ids += "~" + p.number.Digits() + "^^^NHS^NH"
		f[32] = "NSTS01"
	}
	f[3] = ids
	if n := len(p.address); n > 1 {
		f[11] = p.address[0] + "^" + strings.Join(p.address[1:n-1], " ") + "^^^" + p.address[n-1] + "^^H"
	}
	return segment("PID", f)
}

// pv1 tells of the visit; placed says where, too.
func (h *hospital) pv1(s *stay, placed bool, more map[int]string) string {
	f := map[int]string{1: "1", 2: s.class, 9: "C99^Okoro^Ngozi^^^Dr", 10: "300", 19: s.visit + "^^^" + h.ods}
	if placed {
		f[3] = s.place
	}
	for i, v := range more {
		f[i] = v
	}
	return segment("PV1", f)
}

// fit writes the fit indicator where this system has it. HL7 UK A.3, ZU1-22 and ZU1-24.
func (h *hospital) fit(fit bool, since time.Time) string {
	name, code, at := "ZU1", map[bool]string{true: "Y", false: "N"}, 22
	ready := 24
	if h.older {
		name, code, at, ready = "ZFT", map[bool]string{true: "MFFD", false: "NMFFD"}, 2, 3
	}
	f := map[int]string{1: "1", at: code[fit], ready: `""`}
	if fit {
		f[ready] = since.Format(stampLayout)
	}
	return segment(name, f)
}

// deliver sends bytes and wants to hear that they are kept.
func (h *hospital) deliver(ctx context.Context, addr, control string, bytes []byte) error {
	ctx, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	if h.conn == nil {
		conn, err := mllp.Dial(ctx, addr, mllp.Config{})
		if err != nil {
			return err
		}
		h.conn = conn
	}
	reply, err := h.conn.Send(ctx, bytes)
	if err != nil {
		return fmt.Errorf("sending to %s: %w", h.name, err)
	}
	a, err := hl7.ParseAck(reply)
	switch {
	case err != nil:
		return err
	case !a.OK() || a.ControlID != control:
		return fmt.Errorf("%s was answered %s for message %q, not AA for %q", h.name, a.Code, a.ControlID, control)
	}
	return nil
}

func (h *hospital) hangUp() {
	if h.conn != nil {
		_ = h.conn.Close()
		h.conn = nil
	}
}
