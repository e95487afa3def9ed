package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"homeward/hl7"
	"homeward/nhs"
)

// HospitalConfig is one hospital with its system.
type HospitalConfig struct {
	Name    string // for people: King's Mill Hospital
	ODS     nhs.ODS
	Site    string // PV1-3.4
	System  string // MSH-3
	Prefix  string // of hospital numbers and control ids
	Dialect Dialect
	Wards   []Ward
	ED      string      // ward code of the emergency department
	Addr    string      // of the MLLP listener, host:port
	TLS     *tls.Config // nil: none
}

// Ward is a ward and its beds.
type Ward struct {
	Code, Name string
	Bays       []string
	Beds       int // in each bay, counted from 1
}

// Place is a bed.
type Place struct{ Ward, Bay, Bed string }

var numbered = []string{"1", "2", "3", "4"}

// Hospitals are the three of the county, still without addresses.
func Hospitals() []HospitalConfig {
	return []HospitalConfig{
		{Name: "King's Mill Hospital", ODS: KingsMill, Site: "RK5BC", System: "CAREFLOW", Prefix: "K", Dialect: ITK, ED: "ED", Wards: []Ward{
			{"12", "Ward 12", numbered, 6}, {"31", "Ward 31", numbered, 6}, {"42", "Ward 42", numbered, 6}, {"EAU", "Emergency Assessment Unit", numbered, 6}, {"ED", "Emergency Department", nil, 30}}},
		{Name: "Queen's Medical Centre", ODS: Queens, Site: "RX1RA", System: "SIMPAS", Prefix: "Q", Dialect: Plain, ED: "AE", Wards: []Ward{
			{"C52", "Ward C52", numbered, 6}, {"B47", "Ward B47", numbered, 6}, {"D57", "Ward D57", numbered, 6}, {"B3", "Acute Medical Unit", numbered, 6}, {"AE", "Emergency Department", nil, 40}}},
		{Name: "Bassetlaw Hospital", ODS: Bassetlaw, Site: "RP5BA", System: "EPR", Prefix: "B", Dialect: Modern, ED: "ED", Wards: []Ward{
			{"A4", "Ward A4", []string{"A", "B", "C"}, 6}, {"A5", "Ward A5", []string{"A", "B", "C"}, 6}, {"ATC", "Assessment and Treatment Centre", []string{"A", "B"}, 6}, {"ED", "Emergency Department", nil, 20}}},
	}
}

// Hospital is a pretend hospital. Its methods send one message each, wait for
// the acknowledgement, and return the control id; they may be called by many
// goroutines, and their messages go one after the other. at is when the event
// happened, zero for now: with a time before what was said last the message is
// a late one, and says nothing but what it is about.
type Hospital struct {
	config HospitalConfig
	clock  func() time.Time
	zone   *time.Location
	run    string // of this run, part of control ids

	mu     sync.Mutex
	random *rand.Rand
	line   line
	visits map[int]*visit // by Person.N: the present one, or the last
	kept   map[Place]bool // beds for the cast
	count  int            // of messages
	begun  int            // visits
}

// ErrNoVisit is that the person is not in this hospital.
var ErrNoVisit = errors.New("nobody of this hospital number is in a bed here")

func newHospital(c HospitalConfig, w Config, n uint64) (*Hospital, error) {
	if c.Addr == "" || c.Dialect.version() == "" || len(c.Wards) == 0 {
		return nil, fmt.Errorf("hospital %s needs an address, a dialect and wards", c.ODS)
	}
	kept := map[Place]bool{}
	for _, part := range Cast(nhs.DateOf(w.Clock())) {
		kept[part.In] = part.Person.Home == c.ODS
	}
	return &Hospital{config: c, clock: w.Clock, zone: w.Zone, random: w.random(streamHospitals + n), visits: map[int]*visit{}, kept: kept,
		run:  strconv.FormatInt(w.Clock().Unix(), 36),
		line: line{addr: c.Addr, tls: c.TLS, sleep: w.Sleep, jitter: w.random(1000 + n)}}, nil
}

// Config is what the hospital was made of.
func (h *Hospital) Config() HospitalConfig { return h.config }

// MRN is the hospital's number of a person.
func (h *Hospital) MRN(p Person) string { return fmt.Sprintf("%s%07d", h.config.Prefix, 100_000+p.N) }

func (h *Hospital) prefix() string { return h.config.Prefix }

// Where is the bed of a person; false when they are not in the hospital.
func (h *Hospital) Where(p Person) (Place, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.visits[p.N]
	if v == nil || !v.left.IsZero() {
		return Place{}, false
	}
	return v.at, true
}

// Sent counts messages that were answered, and tries that had to be made again.
func (h *Hospital) Sent() (messages, again int64) { return h.line.sent.Load(), h.line.again.Load() }

// FallSilent stops the line, as when an interface engine dies: the hospital goes
// on, and its messages wait.
func (h *Hospital) FallSilent() { h.line.silent.Store(true) }

// Silent reports whether the line is stopped.
func (h *Hospital) Silent() bool { return h.line.silent.Load() }

// Resume starts the line again and sends what waited, in order.
func (h *Hospital) Resume(ctx context.Context) error {
	h.line.silent.Store(false)
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.line.flush(ctx)
}

func (h *Hospital) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.line.hangUp()
}

// Send sends raw bytes, whatever they are, and waits for the answer.
func (h *Hospital) Send(ctx context.Context, raw []byte) (control string, err error) {
	if m, err := hl7.Parse(raw); err == nil {
		control = m.Header().ControlID
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return control, h.line.send(ctx, queued{control, raw})
}

// say writes and sends a message. The lock is held.
func (h *Hospital) say(ctx context.Context, s saying) (control string, err error) {
	h.count++
	control = fmt.Sprintf("%s%s-%d", h.config.Prefix, h.run, h.count)
	if s.mrn == "" {
		s.mrn = h.MRN(s.person)
	}
	raw, err := h.write(s, control, h.clock())
	if err != nil {
		return "", fmt.Errorf("writing an %s: %w", s.event, err)
	}
	return control, h.line.send(ctx, queued{control, raw})
}

func (h *Hospital) when(at time.Time) time.Time {
	if at.IsZero() {
		return h.clock()
	}
	return at
}

var consultants = [][2]string{{"Patel", "Anil"}, {"Hargreaves", "Susan"}, {"Mensah", "Kofi"}, {"Lindqvist", "Karin"}, {"Doyle", "Fergus"}}

var reasons = []string{"Fall at home", "Community acquired pneumonia", "Fractured neck of femur", "Urinary tract infection", "Stroke",
	"Heart failure", "Exacerbation of COPD", "Confusion", "Cellulitis of the leg", "Reduced mobility"}

// Admit brings a person into a bed; with a zero Place, into a free one. Somebody
// who is in the emergency department keeps their visit.
func (h *Hospital) Admit(ctx context.Context, p Person, at time.Time, to Place) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.admit(ctx, p, h.when(at), to)
}

func (h *Hospital) admit(ctx context.Context, p Person, at time.Time, to Place) (string, error) {
	if to == (Place{}) {
		to = h.freeBed("")
	}
	if v := h.visits[p.N]; v != nil && v.left.IsZero() && v.class == "E" {
		v.class, v.from, v.at, v.last = "I", v.at, to, at
		return h.say(ctx, saying{event: "A01", at: at, person: p, visit: v})
	}
	v := h.visit(p, at, "I", to)
	return h.say(ctx, saying{event: "A01", at: at, person: p, visit: v})
}

// visit begins a visit.
func (h *Hospital) visit(p Person, at time.Time, class string, to Place) *visit {
	h.begun++
	v := &visit{id: fmt.Sprintf("%s%s%05d", h.config.Prefix, h.run, h.begun), class: class, at: to, admitted: at, last: at,
		consultant: pick(h.random, consultants), specialty: pick(h.random, []string{"300", "430", "110", "320"}), reason: pick(h.random, reasons)}
	h.visits[p.N] = v
	return v
}

// AttendED registers a person in the emergency department.
func (h *Hospital) AttendED(ctx context.Context, p Person, at time.Time) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at = h.when(at)
	v := h.visit(p, at, "E", Place{Ward: h.config.ED, Bed: strconv.Itoa(1 + h.random.IntN(20))})
	return h.say(ctx, saying{event: "A04", at: at, person: p, visit: v})
}

// freeBed finds a bed where nobody is, in another ward than not.
func (h *Hospital) freeBed(not string) Place {
	taken := map[Place]bool{}
	for _, v := range h.visits {
		if v.left.IsZero() {
			taken[v.at] = true
		}
	}
	var free []Place
	for _, w := range h.config.Wards {
		for _, bay := range w.Bays {
			for b := 1; b <= w.Beds; b++ {
				if at := (Place{w.Code, bay, strconv.Itoa(b)}); !taken[at] && !h.kept[at] && w.Code != not && w.Code != h.config.ED {
					free = append(free, at)
				}
			}
		}
	}
	if len(free) == 0 {
		return Place{Ward: h.config.Wards[0].Code} // a trolley
	}
	return pick(h.random, free)
}

// change is one event of somebody who is in the hospital. how changes the visit
// and the message. When the message is late it is given a copy of the visit, so
// that what is true now stays so, unless nothing newer was said of the same.
func (h *Hospital) change(ctx context.Context, p Person, at time.Time, event string, how func(*visit, *saying) error) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.visits[p.N]
	if v == nil {
		return "", ErrNoVisit
	}
	at = h.when(at)
	s := saying{event: event, at: at, person: p, late: at.Before(v.last), visit: v}
	if s.late {
		old := *v
		s.visit = &old
	}
	if err := how(s.visit, &s); err != nil {
		return "", err
	}
	if !s.late {
		v.last = at
	}
	if s.fit && !at.Before(v.fitSaid) {
		v.fit, v.ready, v.fitSaid = s.visit.fit, s.visit.ready, at
	}
	if s.expect && !at.Before(v.expectedSaid) {
		v.expected, v.expectedSaid = s.visit.expected, at
	}
	return h.say(ctx, s)
}

// inBed refuses events of somebody who has left.
func inBed(how func(*visit, *saying)) func(*visit, *saying) error {
	return func(v *visit, s *saying) error {
		if !v.left.IsZero() && !s.late {
			return ErrNoVisit
		}
		how(v, s)
		return nil
	}
}

// Transfer moves a person to a bed; with a zero Place, to a free one elsewhere.
func (h *Hospital) Transfer(ctx context.Context, p Person, at time.Time, to Place) (string, error) {
	return h.change(ctx, p, at, "A02", inBed(func(v *visit, _ *saying) {
		if to == (Place{}) {
			to = h.freeBed(v.at.Ward)
		}
		v.from, v.at = v.at, to
	}))
}

// CancelTransfer takes the last transfer back.
func (h *Hospital) CancelTransfer(ctx context.Context, p Person, at time.Time) (string, error) {
	return h.change(ctx, p, at, "A12", inBed(func(v *visit, _ *saying) { v.from, v.at = v.at, v.from }))
}

// Fit says that a person is medically fit, and since when (zero: since at): the
// discharge ready date (HL7 UK A.3 ZU1-22 and ZU1-24).
func (h *Hospital) Fit(ctx context.Context, p Person, at, since time.Time) (string, error) {
	return h.change(ctx, p, at, "A08", inBed(func(v *visit, s *saying) {
		if v.fit, v.ready, s.fit = "Y", since, true; since.IsZero() {
			v.ready = s.at
		}
	}))
}

// Unfit says that a person no longer is.
func (h *Hospital) Unfit(ctx context.Context, p Person, at time.Time) (string, error) {
	return h.change(ctx, p, at, "A08", inBed(func(v *visit, s *saying) { v.fit, v.ready, s.fit = "N", time.Time{}, true }))
}

// Expect predicts when a person leaves; with the zero Date it takes the
// prediction back.
func (h *Hospital) Expect(ctx context.Context, p Person, at time.Time, on nhs.Date) (string, error) {
	event := "A08"
	if h.config.Dialect == Plain {
		event = "A16"
		if on.IsZero() {
			event = "A25"
		}
	}
	return h.change(ctx, p, at, event, inBed(func(v *visit, s *saying) { v.expected, s.expect = on, true }))
}

// Leave lets a person out for some hours or days (A21).
func (h *Hospital) Leave(ctx context.Context, p Person, at time.Time) (string, error) {
	return h.change(ctx, p, at, "A21", inBed(func(v *visit, _ *saying) { v.onLeave = true }))
}

// Return has them back (A22).
func (h *Hospital) Return(ctx context.Context, p Person, at time.Time) (string, error) {
	return h.change(ctx, p, at, "A22", inBed(func(v *visit, _ *saying) { v.onLeave = false }))
}

// Discharge lets a person go. Method and destination are codes of the NHS Data
// Dictionary: "1" and "19" is on clinical advice to where they usually live.
func (h *Hospital) Discharge(ctx context.Context, p Person, at time.Time, method, destination string) (string, error) {
	return h.change(ctx, p, at, "A03", inBed(func(v *visit, s *saying) { v.left, v.method, v.to = s.at, method, destination }))
}

// CancelDischarge takes it back: the person is in the same bed.
func (h *Hospital) CancelDischarge(ctx context.Context, p Person, at time.Time) (string, error) {
	return h.change(ctx, p, at, "A13", func(v *visit, _ *saying) error {
		if v.left.IsZero() {
			return errors.New("nobody was discharged who could come back")
		}
		v.left, v.method, v.to = time.Time{}, "", ""
		return nil
	})
}

// CancelAdmit takes an admission back (A11): it was somebody else, or nobody.
func (h *Hospital) CancelAdmit(ctx context.Context, p Person, at time.Time) (string, error) {
	return h.change(ctx, p, at, "A11", inBed(func(v *visit, s *saying) {
		now := *v
		s.visit, v.left = &now, s.at // the message tells of the bed as it was
	}))
}

// Die ends the stay of a person who died in it. A person who is not in the
// hospital is told of by A31.
func (h *Hospital) Die(ctx context.Context, p Person, at time.Time) (string, error) {
	if _, in := h.Where(p); !in {
		h.mu.Lock()
		defer h.mu.Unlock()
		at = h.when(at)
		return h.say(ctx, saying{event: "A31", at: at, person: p, died: at})
	}
	return h.change(ctx, p, at, "A03", inBed(func(v *visit, s *saying) { v.left, v.method, v.to, s.died = s.at, "4", "79", s.at }))
}

// Merge gives up the hospital number of gone for that of keep (A40). A visit
// under the number given up goes on under the other.
func (h *Hospital) Merge(ctx context.Context, keep, gone Person, at time.Time) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v := h.visits[gone.N]; v != nil {
		delete(h.visits, gone.N)
		if now := h.visits[keep.N]; now == nil || !now.left.IsZero() {
			h.visits[keep.N] = v
		}
	}
	return h.say(ctx, saying{event: "A40", at: h.when(at), person: keep, gone: h.MRN(gone)})
}

// UpdatePerson sends the person as they are given, without their stay (A31).
func (h *Hospital) UpdatePerson(ctx context.Context, p Person, at time.Time) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.say(ctx, saying{event: "A31", at: h.when(at), person: p})
}

// UpdateBlank sends an A08 whose PV1 says nothing: nobody has moved.
func (h *Hospital) UpdateBlank(ctx context.Context, p Person, at time.Time) (string, error) {
	return h.change(ctx, p, at, "A08", inBed(func(_ *visit, s *saying) { s.blank = true }))
}
