package sim

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"homeward/care"
	"homeward/extract"
	"homeward/hl7"
	"homeward/mllp"
	"homeward/nhs"
	"homeward/translate"
)

var today = time.Date(2026, 6, 10, 9, 30, 0, 0, time.UTC)

// far is the far end of all hospitals: it keeps what comes and answers it.
type far struct {
	mu     sync.Mutex
	got    [][]byte
	answer func(n int, msg []byte) []byte // nil: always AA
	addr   string
}

func listen(t *testing.T, answer func(int, []byte) []byte) *far {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &far{answer: answer, addr: ln.Addr().String()}
	srv := mllp.NewServer(mllp.Config{}, func(_ context.Context, _ mllp.ConnInfo, msg []byte) []byte {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.got = append(f.got, msg)
		if f.answer != nil {
			return f.answer(len(f.got), msg)
		}
		return accept(msg, hl7.AA)
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f
}

func accept(msg []byte, code hl7.AckCode) []byte {
	m, err := hl7.Parse(msg)
	if err != nil {
		return hl7.AckUnreadable(msg, "1", today, "unreadable")
	}
	return hl7.Ack(m, code, "1", today, "")
}

func (f *far) messages() [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

func london(t *testing.T) *time.Location {
	t.Helper()
	z, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// config is a county that does not wait.
func config(t *testing.T, f *far) Config {
	c := Config{Seed: 7, Clock: func() time.Time { return today }, Zone: london(t), Hospitals: Hospitals(),
		Sleep:   func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Trouble: func(who string, err error) { t.Errorf("%s: %v", who, err) }}
	for i := range c.Hospitals {
		c.Hospitals[i].Addr = f.addr
	}
	return c
}

func county(t *testing.T, c Config) *County {
	t.Helper()
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestEverybodyIsInvented(t *testing.T) {
	c := Config{Seed: 3, Clock: func() time.Time { return today }, Sleep: nil, Zone: time.UTC}
	people := population(c.Seed, nhs.DateOf(today))
	numbers := map[nhs.Number]bool{}
	held := 0
	phone := func(s string) bool { return s == "" || len(s) == 13 && strings.HasPrefix(s, "01632 960 ") }
	for i, p := range people {
		if p.N != i+1 || numbers[p.NHS] || !strings.HasPrefix(p.NHS.Digits(), "999") {
			t.Errorf("person %d: number %d, NHS number twice or not a test number", i, p.N)
		}
		numbers[p.NHS] = true
		if _, err := nhs.ParseNumber(p.NHS.Digits()); err != nil {
			t.Errorf("person %d: %v", p.N, err)
		}
		if !phone(p.Phone) || !phone(p.KinPhone) {
			t.Errorf("person %d: a telephone number that may be real", p.N)
		}
		if end := p.Postcode[len(p.Postcode)-2:]; p.Postcode != StraddlingPostcode && strings.Trim(end, inward) != "" {
			t.Errorf("person %d: a postcode that may be real", p.N)
		}
		if p.Held != nil {
			held++
		}
	}
	for _, v := range Providers() {
		if !phone(v.Phone) || !phone(v.OutOfHours) {
			t.Errorf("provider %s: a telephone number that may be real", v.ID)
		}
	}
	if len(people) != everybody || held < 180 || held > 220 {
		t.Errorf("%d people, of whom the council holds %d", len(people), held)
	}
}

func TestBarbara(t *testing.T) {
	p := Barbara(nhs.DateOf(today))
	v := Providers()[0]
	if p.NHS != nhs.Test(123456) || p.Born.String() != "1941-03-14" || len(p.Held.Packages) != 2 || p.Held.Safeguarding != "no" ||
		v.Name != "Bluebell Homecare" || v.Phone != "01632 960 411" || v.OutOfHours != "01632 960 999" {
		t.Error("Barbara is not as the story has her")
	}
	if PrivatePayer().Held != nil {
		t.Error("the council holds something of the private payer")
	}
}

// profiles read each hospital as its dialect says it writes.
func profiles(zone *time.Location) map[string]translate.Profile {
	ps := map[string]translate.Profile{}
	for _, h := range Hospitals() {
		f := h.Dialect.Fields()
		ps[h.System] = translate.Profile{Feed: h.Prefix, Org: h.ODS, Zone: zone, Expected: f.Expected, Fit: f.Fit, Ready: f.Ready,
			DischargeMethod: f.DischargeMethod, Trace: f.Trace, FitYes: f.FitYes, FitNo: f.FitNo}
	}
	return ps
}

// observe reads a message as Homeward does.
func observe(t *testing.T, raw []byte) (hl7.Message, care.Observation) {
	t.Helper()
	m, err := hl7.Parse(raw)
	if err != nil {
		t.Fatalf("%v\n%q", err, raw)
	}
	if err := m.CheckCharset(); err != nil {
		t.Errorf("%v\n%q", err, raw)
	}
	res := translate.ADT(m, profiles(london(t))[m.Header().Sending], today)
	if res.Hold != "" || res.Ignore != "" || len(res.Observations) == 0 {
		t.Fatalf("held %q, ignored %q\n%q", res.Hold, res.Ignore, raw)
	}
	for _, o := range res.Observations {
		if o.Seen == nil {
			return m, o // a discharge and a cancel may say what is so besides
		}
	}
	return m, res.Observations[0]
}

func must(t *testing.T) func(string, error) {
	return func(control string, err error) {
		t.Helper()
		if err != nil || control == "" {
			t.Fatalf("control id %q, %v", control, err)
		}
	}
}

// TestEveryEvent has one person live through everything in each hospital.
func TestEveryEvent(t *testing.T) {
	for i, hc := range Hospitals() {
		t.Run(hc.Name, func(t *testing.T) {
			f := listen(t, nil)
			h := county(t, config(t, f)).Hospitals[i]
			p, ctx, ok := Zofia(nhs.DateOf(today)), t.Context(), must(t)
			at := func(minutes int) time.Time { return today.Add(time.Duration(minutes-600) * time.Minute) }
			to := Place{hc.Wards[1].Code, hc.Wards[1].Bays[0], "2"}
			ok(h.AttendED(ctx, p, at(0)))
			ok(h.Admit(ctx, p, at(10), Place{hc.Wards[0].Code, hc.Wards[0].Bays[0], "4"}))
			ok(h.Transfer(ctx, p, at(20), to))
			ok(h.Expect(ctx, p, at(30), nhs.Date{Year: 2026, Month: 6, Day: 12}))
			ok(h.Fit(ctx, p, at(40), at(25)))
			ok(h.UpdateBlank(ctx, p, at(50)))
			ok(h.Unfit(ctx, p, at(60)))
			ok(h.Expect(ctx, p, at(70), nhs.Date{}))
			ok(h.Transfer(ctx, p, at(80), Place{}))
			ok(h.CancelTransfer(ctx, p, at(90)))
			ok(h.Leave(ctx, p, at(100)))
			ok(h.Return(ctx, p, at(110)))
			ok(h.UpdatePerson(ctx, p, at(120)))
			ok(h.Discharge(ctx, p, at(130), "1", "19"))
			ok(h.CancelDischarge(ctx, p, at(140)))
			ok(h.Merge(ctx, p, Barbara(nhs.DateOf(today)), at(150)))
			if now, in := h.Where(p); !in || now != to {
				t.Errorf("in %v, %v", now, in)
			}
			ok(h.Die(ctx, p, at(160)))
			check(t, hc, f.messages(), p, to)
		})
	}
}

func check(t *testing.T, hc HospitalConfig, msgs [][]byte, p Person, to Place) {
	var obs []care.Observation
	events := ""
	for _, raw := range msgs {
		m, o := observe(t, raw)
		obs = append(obs, o)
		events += m.Header().Trigger + " "
		if o.About.NHS != p.NHS {
			t.Errorf("%s is about somebody else", o.Event)
		}
		if lf := bytes.ContainsRune(raw, '\n'); lf != (hc.Dialect == Modern) {
			t.Errorf("%s has LF: %v", o.Event, lf)
		}
	}
	want := "A04 A01 A02 A08 A08 A08 A08 A08 A02 A12 A21 A22 A31 A03 A13 A40 A03 "
	if hc.Dialect == Plain {
		want = "A04 A01 A02 A16 A08 A08 A08 A25 A02 A12 A21 A22 A31 A03 A13 A40 A03 "
	}
	if events != want {
		t.Fatalf("sent %s, want %s", events, want)
	}
	if s := obs[2].Seen; s.Where.Value.Ward != to.Ward || s.Where.Value.Bed != "2" {
		t.Errorf("moved to %+v", s.Where)
	}
	if s := obs[3].Seen; s.Expected.Value.String() != "2026-06-12" {
		t.Errorf("expected %+v", s.Expected)
	}
	if s := obs[4].Seen; s.Fit.Value != "Y" || !s.ReadyAt.Value.Equal(today.Add((25-600)*time.Minute)) {
		t.Errorf("fit %+v since %+v", s.Fit, s.ReadyAt)
	}
	if s := obs[5].Seen; s.Where.Told || s.Fit.Told || s.Expected.Told {
		t.Errorf("a blank update says %+v", s)
	}
	if s := obs[6].Seen; s.Fit.Value != "N" || !s.ReadyAt.Told || !s.ReadyAt.Value.IsZero() {
		t.Errorf("unfit %+v, ready %+v", s.Fit, s.ReadyAt)
	}
	if hc.Dialect != Plain && (!obs[7].Seen.Expected.Told || !obs[7].Seen.Expected.Value.IsZero()) {
		t.Errorf("a date that is taken back says %+v", obs[7].Seen.Expected)
	}
	if l := obs[13].Left; l == nil || l.Leaving.Died || l.Leaving.Destination != "19" || (hc.Dialect == Plain) != (obs[13].Visit == "") {
		t.Errorf("left %+v, visit %q", l, obs[13].Visit)
	}
	if l := obs[16].Left; l == nil || !l.Leaving.Died {
		t.Errorf("died %+v", l)
	}
	family, preferred := "Kowalska-Ni Bhriain", ""
	if hc.Dialect == Modern {
		family, preferred = "Kowalska-Ní Bhriain", "Zosia"
	}
	if a := obs[0].About; a.Family.Value != family || a.Preferred.Value != preferred || a.Address.Value.Postcode != p.Postcode {
		t.Errorf("%+v", a)
	}
}

// TestLateMessages tells of five predictions, two of them out of order.
func TestLateMessages(t *testing.T) {
	f := listen(t, nil)
	h := county(t, config(t, f)).Hospital(KingsMill)
	p, ctx, ok := Ready(nhs.DateOf(today)), t.Context(), must(t)
	ok(h.Admit(ctx, p, today.Add(-48*time.Hour), Place{}))
	for _, hour := range []int{1, 2, 5, 3, 4} {
		ok(h.Expect(ctx, p, today.Add(time.Duration(hour-9)*time.Hour), nhs.Date{Year: 2026, Month: 6, Day: 10 + hour}))
	}
	ok(h.Fit(ctx, p, today, time.Time{}))
	msgs := f.messages()
	_, late := observe(t, msgs[4])
	if late.Seen.Expected.Value.Day != 13 || !late.Said.Equal(today.Add(-6*time.Hour)) {
		t.Errorf("the late one says %v at %v", late.Seen.Expected, late.Said)
	}
	if _, last := observe(t, msgs[6]); last.Seen.Expected.Value.Day != 15 {
		t.Errorf("after the late ones, the date is %v", last.Seen.Expected)
	}
}

func TestSameBytesAgain(t *testing.T) {
	f := listen(t, func(n int, msg []byte) []byte {
		switch n {
		case 1:
			return nil // the connection breaks after the message was read
		case 2:
			return accept(msg, hl7.AE)
		}
		return accept(msg, hl7.AA)
	})
	h := county(t, config(t, f)).Hospital(Bassetlaw)
	must(t)(h.Admit(t.Context(), Zofia(nhs.DateOf(today)), time.Time{}, Place{}))
	msgs := f.messages()
	if len(msgs) != 3 || !bytes.Equal(msgs[0], msgs[1]) || !bytes.Equal(msgs[0], msgs[2]) {
		t.Errorf("%d messages came, not three times the same", len(msgs))
	}
	if n, again := h.Sent(); n != 1 || again != 2 {
		t.Errorf("%d sent, %d again", n, again)
	}
}

func TestRejected(t *testing.T) {
	f := listen(t, nil)
	h := county(t, config(t, f)).Hospital(KingsMill)
	if _, err := h.Send(t.Context(), []byte("this is not HL7")); !errors.Is(err, ErrRejected) {
		t.Error(err)
	}
	if _, err := h.Send(t.Context(), []byte("MSH|^~\\&|\x1c\r")); !errors.Is(err, mllp.ErrUnframeable) {
		t.Error(err)
	}
	if _, err := h.Transfer(t.Context(), Barbara(nhs.DateOf(today)), time.Time{}, Place{}); !errors.Is(err, ErrNoVisit) {
		t.Error(err)
	}
	if len(f.messages()) != 1 {
		t.Errorf("%d messages", len(f.messages()))
	}
}

func TestSilence(t *testing.T) {
	f := listen(t, nil)
	h := county(t, config(t, f)).Hospital(KingsMill)
	p, ctx, ok := Ready(nhs.DateOf(today)), t.Context(), must(t)
	ok(h.Admit(ctx, p, time.Time{}, Place{}))
	h.FallSilent()
	ok(h.Transfer(ctx, p, time.Time{}, Place{}))
	ok(h.Fit(ctx, p, time.Time{}, time.Time{}))
	if n := len(f.messages()); n != 1 || !h.Silent() {
		t.Fatalf("%d messages came out of the silence", n)
	}
	if err := h.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, raw := range f.messages() {
		m, _ := observe(t, raw)
		events = append(events, m.Header().Trigger)
	}
	if !slices.Equal(events, []string{"A01", "A02", "A08"}) {
		t.Errorf("after the silence: %v", events)
	}
}

// TestSilenceWhileNobodyAnswers falls silent in the midst of trying.
func TestSilenceWhileNobodyAnswers(t *testing.T) {
	f := listen(t, nil)
	c := config(t, f)
	c.Hospitals[0].Addr = "127.0.0.1:1" // nobody listens
	var h *Hospital
	c.Sleep = func(ctx context.Context, _ time.Duration) error { h.FallSilent(); return ctx.Err() }
	h = county(t, c).Hospitals[0]
	must(t)(h.Admit(t.Context(), Ready(nhs.DateOf(today)), time.Time{}, Place{}))
	h.line.addr = f.addr
	if err := h.Resume(t.Context()); err != nil || len(f.messages()) != 1 {
		t.Errorf("%v, %d messages", err, len(f.messages()))
	}
}

// play lets a county live until it has sent as many messages, and returns them
// by hospital.
func play(t *testing.T, seed uint64, enough int) map[string][]string {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	f := listen(t, nil)
	c := config(t, f)
	c.Seed = seed
	slept := make(map[string]int)
	var mu sync.Mutex
	c.Sleep = func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		slept[fmt.Sprint(d)]++
		if len(f.messages()) > 3*enough {
			cancel()
		}
		return ctx.Err()
	}
	if err := county(t, c).Play(ctx); err != nil {
		t.Fatal(err)
	}
	by := map[string][]string{}
	for _, raw := range f.messages() {
		m, o := observe(t, raw)
		system := m.Header().Sending
		by[system] = append(by[system], string(raw))
		if o.At.After(today) {
			t.Errorf("%s happened in the future", o.Event)
		}
	}
	return by
}

func TestPlayIsTheSameForASeed(t *testing.T) {
	first, second, other := play(t, 7, 200), play(t, 7, 200), play(t, 8, 200)
	for _, h := range Hospitals() {
		a, b := first[h.System], second[h.System]
		n := min(len(a), len(b))
		if n < 60 || !slices.Equal(a[:n], b[:n]) {
			t.Errorf("%s: two runs of a seed differ in their first %d messages", h.Name, n)
		}
		if slices.Equal(a[:50], other[h.System][:50]) {
			t.Errorf("%s: two seeds give the same", h.Name)
		}
	}
}

func TestWaitsAreSpread(t *testing.T) {
	ready := map[int]int{}
	cast := map[string]string{}
	for _, msgs := range play(t, 7, 150) {
		for _, raw := range msgs {
			_, o := observe(t, []byte(raw))
			if s := o.Seen; s != nil && s.ReadyAt.Told && !s.ReadyAt.Value.IsZero() && o.Event == "A08" {
				ready[int(today.Sub(s.ReadyAt.Value).Hours()/24)]++
			}
			if s := o.Seen; s != nil && s.Where.Told {
				cast[o.About.NHS.Digits()] = s.Where.Value.Ward + "/" + s.Where.Value.Bay + "/" + s.Where.Value.Bed
			}
		}
	}
	for days := range 7 {
		if ready[days] == 0 {
			t.Errorf("nobody waits since %d days: %v", days, ready)
		}
	}
	for _, c := range Cast(nhs.DateOf(today)) {
		want := c.In.Ward + "/" + c.In.Bay + "/" + c.In.Bed
		if c.In == (Place{}) {
			want = ""
		}
		if got := cast[c.Person.NHS.Digits()]; got != want {
			t.Errorf("cast %d is in %q, want %q", c.Person.N, got, want)
		}
	}
}

func TestExtract(t *testing.T) {
	f := listen(t, nil)
	c := config(t, f)
	c.Council.Dir = filepath.Join(t.TempDir(), "in")
	c.Council.Keep = 2
	w := county(t, c)
	folder, err := w.Council.Deliver(today)
	if err != nil {
		t.Fatal(err)
	}
	entries := read(t, folder)
	if len(entries) < 180 {
		t.Errorf("%d people", len(entries))
	}
	barbara := entries[nhs.Test(123456)]
	if h := barbara.Observation.Holds; len(h.Packages) != 2 || h.Safeguarding.Answer != care.AnswerNo || h.Packages[0].Provider != "P001" || h.Team != "T1" {
		t.Errorf("%+v", h)
	}
	if e := entries[Restricted(nhs.DateOf(today)).NHS]; !e.Observation.Holds.Restricted {
		t.Error("the restricted record is not")
	}
	if _, there := entries[Child(nhs.DateOf(today)).NHS]; there {
		t.Error("a child was taken in")
	}
	if !w.Council.Change(nhs.Test(123456), func(p *Person) { p.Held.Safeguarding, p.Held.Opened = "yes", nhs.DateOf(today) }) {
		t.Fatal("Barbara is not known")
	}
	for i := range 3 {
		w.Council.drift()
		if folder, err = w.Council.Deliver(today.Add(time.Duration(i) * time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if a := read(t, folder)[nhs.Test(123456)].Observation.Holds.Safeguarding.Answer; a != care.AnswerYes {
		t.Errorf("safeguarding is %v", a)
	}
	left, err := os.ReadDir(c.Council.Dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%v: %v", left, err)
	}
}

// read reads an extract as Homeward does, which checks counts and checksums.
func read(t *testing.T, folder string) map[nhs.Number]extract.Entry {
	t.Helper()
	layout, err := extract.Builtin("homeward")
	if err != nil {
		t.Fatal(err)
	}
	r, err := extract.Open(os.DirFS(folder), layout, care.Source{Feed: "council", Org: Nottinghamshire})
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Manifest(); m.Council != Nottinghamshire || m.Kind != extract.Full || len(m.Files) != 6 {
		t.Errorf("%+v", m)
	}
	entries := map[nhs.Number]extract.Entry{}
	for e, p := range r.People() {
		if p != nil {
			t.Error(p)
			continue
		}
		if !e.Child {
			entries[e.Observation.About.NHS] = e
		}
	}
	for p := range r.Problems() {
		t.Error(p)
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	return entries
}

func TestGazetteer(t *testing.T) {
	var b bytes.Buffer
	if err := county(t, config(t, listen(t, nil))).WriteGazetteer(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || !slices.Equal(rows[0], []string{"uprn", "postcode", "council", "address"}) {
		t.Fatal(rows[0], err)
	}
	of := map[string][]string{}
	uprns := map[string]bool{}
	for _, r := range rows[1:] {
		if uprns[r[0]] {
			t.Errorf("UPRN %s is there twice", r[0])
		}
		uprns[r[0]] = true
		if !slices.Contains(of[r[1]], r[2]) {
			of[r[1]] = append(of[r[1]], r[2])
		}
	}
	for postcode, councils := range of {
		if (len(councils) == 2) != (postcode == StraddlingPostcode) {
			t.Errorf("%s is in %v", postcode, councils)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("a county without a clock")
	}
	c := config(t, &far{addr: "127.0.0.1:1"})
	c.Hospitals[1].ODS = c.Hospitals[0].ODS
	if _, err := New(c); err == nil {
		t.Error("one hospital twice")
	}
}
