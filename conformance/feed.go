package conformance

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/hl7"
	"homeward/mllp"
	"homeward/nhs"
)

// adt is one message of a hospital's feed.
type adt struct {
	msg     hl7.Message
	err     error // why it cannot be read
	head    hl7.Header
	sum     [sha256.Size]byte
	at      time.Time
	answer  hl7.AckCode // "": none, on purpose
	message string      // as evidence: what could be somebody's is masked
}

// feed is a receiver of HL7 v2 that remembers what it hears. It answers one
// message with AE and one not at all, on purpose.
type feed struct {
	mu   sync.Mutex
	all  []adt
	good int // messages that could be taken, disturbed ones included
}

// handle answers one message. HL7 v2.4 2.13
func (f *feed) handle(_ context.Context, _ mllp.ConnInfo, raw []byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	m, err := hl7.Parse(raw)
	a := adt{msg: m, err: err, sum: sha256.Sum256(raw), at: now, message: masked(raw)}
	if err != nil {
		a.answer = hl7.AR
		f.all = append(f.all, a)
		return hl7.AckUnreadable(raw, fmt.Sprintf("KIT%d", len(f.all)), now, "not readable")
	}
	a.head = m.Header()
	f.good++
	switch f.good { // the first is always taken, so that a sender sees that the line works
	case 2:
		a.answer = hl7.AE
	case 4:
	default:
		a.answer = hl7.AA
	}
	f.all = append(f.all, a)
	if a.answer == "" {
		return nil
	}
	return hl7.Ack(m, a.answer, fmt.Sprintf("KIT%d", len(f.all)), now, "")
}

func (f *feed) messages() []adt {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.all)
}

// listen serves the feed until stop is called.
func (f *feed) listen(ln net.Listener) (stop func()) {
	srv := mllp.NewServer(mllp.Config{}, f.handle)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ctx, ln) // ends by stop
	}()
	return func() {
		cancel()
		now, stop := context.WithCancel(context.Background())
		stop() // whoever still sends is cut off
		_ = srv.Shutdown(now)
		<-done
	}
}

// masked is a message with the header as it is, and of the rest the delimiters: a
// copy of a true feed may have been pointed at the kit.
func masked(raw []byte) string {
	lines := strings.FieldsFunc(strings.ToValidUTF8(string(raw), "?"), func(r rune) bool { return r == '\r' || r == '\n' })
	for i, l := range lines {
		if strings.HasPrefix(l, "MSH") || strings.HasPrefix(l, "EVN") || len(l) < 3 {
			continue
		}
		lines[i] = l[:3] + strings.Map(func(r rune) rune {
			switch {
			case r >= '0' && r <= '9':
				return '9'
			case r > 127 || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
				return 'x'
			}
			return r
		}, l[3:])
	}
	return strings.Join(lines, "\n")
}

// A telling is one event as a hospital's feed tells it. HL7 v2.4 3.3
type telling struct {
	event, says string
	inpatient   bool // it must name the visit and, but A03, the place
}

var tellings = []telling{
	{"A01", "an admission", true}, {"A02", "a transfer", true}, {"A03", "a discharge", true}, {"A08", "a change", false}, {"A11", "a cancelled admission", true},
	{"A12", "a cancelled transfer", true}, {"A13", "a cancelled discharge", true}, {"A31", "a change of who somebody is", false}, {"A40", "a merge of two numbers", false},
}

// feedComplete reports whether all events were heard, and what was disturbed came
// again.
func feedComplete(all []adt) bool {
	for _, x := range tellings {
		if !slices.ContainsFunc(all, func(a adt) bool { return a.head.Trigger == x.event && a.answer == hl7.AA }) {
			return false
		}
	}
	for i, a := range all {
		spoilt := a.err == nil && a.answer != hl7.AA
		if spoilt && !slices.ContainsFunc(all[i+1:], func(b adt) bool { return b.sum == a.sum }) {
			return false
		}
	}
	return true
}

// feedChecks grade what was heard.
func feedChecks(all []adt) (out []Check) {
	add := func(id, requirement, source string, try func(*Trial)) {
		out = append(out, Check{"feed." + id, "The HL7 feed", requirement, source, func(_ context.Context, t *Trial) {
			if len(all) == 0 {
				t.NotTriedf("nothing was sent")
				return
			}
			try(t)
		}})
	}
	for _, x := range tellings {
		add(strings.ToLower(x.event), "It tells of "+x.says+" by "+x.event+".", "HL7 v2.4 3.3; HL7 UK A.3", func(t *Trial) { t.told(all, x) })
	}
	each := func(id, requirement, source string, wrong func(adt) string) {
		add(id, requirement, source, func(t *Trial) { t.each(all, wrong) })
	}
	add("readable", "Every message can be read: MSH first, its delimiters, one message a frame.", "HL7 v2.4 2.10; MLLP 1.0", func(t *Trial) {
		for _, a := range all {
			if a.err != nil {
				t.Show(a.message)
				t.Failf("%v", a.err)
			}
		}
	})
	each("header", "The header says sender, time, type, control id, processing and version.", "HL7 v2.4 2.16.9", headless)
	add("control", "No control id stands on two different messages.", "HL7 v2.4 2.16.9.10", func(t *Trial) { t.controls(all) })
	each("number", "PID-3 identifies the person, with who gave each number; an NHS number has its check digit.", "HL7 v2.4 3.4.2.3; HL7 UK A.3", numberless)
	each("name", "PID-5 has a family name, and PID-7 a date that exists.", "HL7 v2.4 3.4.2", nameless)
	add("visit", "Movements name the visit in PV1-19.", "HL7 v2.4 3.4.3.19", func(t *Trial) {
		for _, a := range all {
			if a.err == nil && moves(a) && a.msg.Get("PV1", 19).String() == "" {
				t.Show(a.message)
				t.Warnf("%s: PV1-19 is empty, so that a late message about an earlier stay may be taken for this one", a.head.Trigger)
				return
			}
		}
	})
	each("place", "Admissions and transfers name the ward in PV1-3.", "HL7 v2.4 3.4.3.3", func(a adt) string {
		if (a.head.Trigger == "A01" || a.head.Trigger == "A02") && a.msg.Get("PV1", 3).String() == "" {
			return "PV1-3.1 is empty"
		}
		return ""
	})
	each("time", "EVN says when the event happened, and it is not to come.", "HL7 v2.4 3.4.1", timeless)
	add("ready", "It says whether somebody is ready to leave (ZU1-22, ZU1-24 or another place that is agreed).", "ITK ADT DMS 1.1; Discharge ready date", func(t *Trial) {
		t.some(all, "ZU1 says nothing: agree where it is told", func(a adt) bool { return a.msg.Get("ZU1", 22).String() != "" || a.msg.Get("ZU1", 24).String() != "" })
	})
	add("expected", "It says the predicted date of discharge, in PV2-9.", "HL7 v2.4 3.4.4.9", func(t *Trial) {
		t.some(all, "PV2-9 says nothing: agree where it is told", func(a adt) bool { return a.msg.Get("PV2", 9).String() != "" })
	})
	add("again-ae", "After AE it sends the same again, before anything else.", "HL7 v2.4 2.13", func(t *Trial) { t.repeated(all, hl7.AE, "AE") })
	add("again-lost", "When no answer came it sends the same again, before anything else.", "HL7 v2.4 2.13", func(t *Trial) { t.repeated(all, "", "a lost answer") })
	return out
}

// told fails the trial when no message of the event could be taken.
func (t *Trial) told(all []adt, x telling) {
	for _, a := range all {
		if a.head.Trigger == x.event {
			t.Show(a.message)
			if _, ok := a.msg.Segment("PV1"); x.inpatient && !ok {
				t.Failf("it comes without PV1")
			}
			if _, ok := a.msg.Segment("MRG"); x.event == "A40" && !ok {
				t.Failf("it comes without MRG, so nobody knows which number went")
			}
			return
		}
	}
	t.NotTriedf("it was not sent while the kit listened")
}

// each fails the trial for the first message with which something is wrong.
func (t *Trial) each(all []adt, wrong func(adt) string) {
	n := 0
	for _, a := range all {
		if a.err != nil || a.head.Type != "ADT" {
			continue
		}
		n++
		if why := wrong(a); why != "" {
			t.Show(a.message)
			t.Failf("%s: %s", a.head.Trigger, why)
			return
		}
	}
	if n == 0 {
		t.NotTriedf("no ADT that can be read was sent")
	}
}

func (t *Trial) some(all []adt, otherwise string, has func(adt) bool) {
	for _, a := range all {
		if a.err == nil && has(a) {
			t.Show(a.message)
			return
		}
	}
	t.Warnf("%s", otherwise)
}

func headless(a adt) string {
	for name, v := range map[string]string{"MSH-4": a.head.SendingFacility, "MSH-7": a.head.Time, "MSH-9.2": a.head.Trigger, "MSH-10": a.head.ControlID, "MSH-11": a.head.Processing} {
		if v == "" {
			return name + " is empty"
		}
	}
	if !strings.HasPrefix(a.head.Version, "2.") {
		return "MSH-12 is no version of HL7 v2"
	}
	return ""
}

func (t *Trial) controls(all []adt) {
	had := map[string]adt{}
	for _, a := range all {
		if a.err != nil || a.head.ControlID == "" {
			continue
		}
		if b, ok := had[a.head.ControlID]; ok && b.sum != a.sum {
			t.Show(b.message)
			t.Show(a.message)
			t.Failf("two different messages have the control id %s", a.head.ControlID)
			return
		}
		had[a.head.ControlID] = a
	}
}

// numberless says what is wrong with PID-3. Identifiers of the NHS number are known
// by their authority or type, as hospitals write them.
func numberless(a adt) string {
	f := a.msg.Get("PID", 3)
	if f.IsAbsent() {
		return "PID-3 is empty"
	}
	for i := 1; i <= f.Reps(); i++ {
		r := f.Rep(i)
		value, authority, kind := r.String(), r.Comp(4).String(), r.Comp(5).String()
		if value == "" {
			continue
		}
		if authority == "" && kind == "" {
			return "a number in PID-3 does not say who gave it (component 4 or 5)"
		}
		if authority == "NHS" || authority == "NHSNBR" || kind == "NH" || kind == "NHSNMBR" {
			if _, err := nhs.ParseNumber(value); err != nil {
				return "the check digit of the NHS number is wrong"
			}
		}
	}
	return ""
}

func nameless(a adt) string {
	if a.msg.Get("PID", 5).String() == "" {
		return "PID-5.1 is empty"
	}
	born := a.msg.Get("PID", 7)
	if born.IsAbsent() || born.IsNull() {
		return ""
	}
	if _, err := hl7.ParseTime(born.String(), time.UTC); err != nil {
		return "PID-7 is no date"
	}
	return ""
}

// moves reports whether an event is of an inpatient's stay.
func moves(a adt) bool {
	return slices.ContainsFunc(tellings, func(x telling) bool { return x.inpatient && x.event == a.head.Trigger })
}

func timeless(a adt) string {
	s := a.msg.Get("EVN", 6).String()
	if s == "" {
		s = a.msg.Get("EVN", 2).String()
	}
	at, err := hl7.ParseTime(s, time.UTC)
	if err != nil {
		return "neither EVN-6 nor EVN-2 is a time"
	}
	if at.At.After(a.at.Add(14 * time.Hour)) { // whatever zone its clock is in
		return "the event is of a time that has not come"
	}
	return ""
}

// repeated fails the trial when what was disturbed was not the next to come again.
func (t *Trial) repeated(all []adt, answer hl7.AckCode, what string) {
	for i, a := range all {
		if a.err != nil || a.answer != answer {
			continue
		}
		t.Show(a.message)
		switch {
		case i+1 == len(all):
			t.Failf("after %s nothing came any more", what)
		case all[i+1].sum == a.sum:
		case slices.ContainsFunc(all[i+1:], func(b adt) bool { return b.sum == a.sum }):
			t.Failf("after %s others were sent before it came again: the order is lost", what)
		default:
			t.Failf("after %s the same did not come again", what)
		}
		return
	}
	t.NotTriedf("too few messages were sent")
}
