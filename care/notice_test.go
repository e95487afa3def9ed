package care

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"homeward/nhs"
)

// The builders below write a day in a hospital as a time-line: hours of
// Tuesday 3 March 2026, visits V1, V2, wards by code.

var day = time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)

func hour(h float64) time.Time { return day.Add(time.Duration(h * float64(time.Hour))) }

var (
	kings = Source{Feed: "kings", Name: "King's Mill EPR", Org: "RK5"}
	queen = Source{Feed: "queen", Name: "Queen's EPR", Org: "RX1"}
	notts = Source{Feed: "notts", Name: "Mosaic", Org: "511"}
)

type opt func(*Observation)

func obs(event string, h float64, visit string, opts ...opt) Observation {
	o := Observation{At: hour(h), Said: hour(h), Source: kings, Event: event, Visit: visit}
	for _, f := range opts {
		f(&o)
	}
	return o
}

func seen(event string, h float64, visit, class, ward string, opts ...opt) Observation {
	s := &Seen{Opens: event == "A01" || event == "A04"}
	if class != "" {
		s.Class = Tell(class)
	}
	if ward != "" {
		s.Where = Tell(Location{Ward: ward})
	}
	return obs(event, h, visit, append([]opt{func(o *Observation) { o.Seen = s }}, opts...)...)
}

func a01(h float64, visit, ward string, opts ...opt) Observation {
	return seen("A01", h, visit, "I", ward, opts...)
}
func a02(h float64, visit, ward string, opts ...opt) Observation {
	return seen("A02", h, visit, "I", ward, opts...)
}
func a08(h float64, visit string, opts ...opt) Observation {
	return seen("A08", h, visit, "", "", opts...)
}
func a03(h float64, visit string, opts ...opt) Observation {
	return obs("A03", h, visit, append([]opt{func(o *Observation) { o.Left = &Left{Leaving{At: o.At, Method: "1"}} }}, opts...)...)
}
func undo(what UndoneWhat, h float64, visit string, opts ...opt) Observation {
	return obs("undo", h, visit, append([]opt{func(o *Observation) { o.Undone = &Undone{What: what} }}, opts...)...)
}

func died(o *Observation)      { o.Left.Leaving.Method, o.Left.Leaving.Died = "4", true }
func self(o *Observation)      { o.Left.Leaving.Method, o.Left.Leaving.Self = "6", true }
func fromQueen(o *Observation) { o.Source = queen }
func to(ward string) opt {
	return func(o *Observation) { o.Undone.Where = Tell(Location{Ward: ward}) }
}
func edd(d int) opt {
	return func(o *Observation) {
		o.Seen.Expected = Opt[nhs.Date]{Told: true}
		if d > 0 {
			o.Seen.Expected.Value = nhs.Date{Year: 2026, Month: 3, Day: d}
		}
	}
}
func fit(v string) opt        { return func(o *Observation) { o.Seen.Fit = Tell(v) } }
func readyAt(h float64) opt   { return func(o *Observation) { o.Seen.ReadyAt = Tell(hour(h)) } }
func notReady(o *Observation) { o.Seen.ReadyAt = Tell(time.Time{}) }
func about(f func(*About)) opt {
	return func(o *Observation) { f(&o.About) }
}

func hear(c Case, os ...Observation) Case {
	for _, o := range os {
		c = Apply(c, Notice(c, o)...)
	}
	return c
}

// brief is where a case stands, in short: the present stay or how the last one
// ended, then the predicted date with its changes, and readiness.
func brief(c Case) string {
	var b strings.Builder
	st := c.Stay
	switch {
	case st != nil:
		fmt.Fprintf(&b, "%s %s in %s", st.Visit, st.Class, st.Where.Ward)
	case len(c.Past) > 0:
		st = &c.Past[len(c.Past)-1]
		fmt.Fprintf(&b, "%s left %s", st.Visit, clock(st.Left.At))
	default:
		b.WriteString("nowhere")
	}
	if st != nil {
		if e := st.EDD(); !e.IsZero() {
			fmt.Fprintf(&b, ", EDD %d (%d)", e.Day, st.Changes())
		}
		if r := st.ReadySince(); !r.IsZero() {
			fmt.Fprintf(&b, ", ready %s", clock(r))
		}
	}
	if c.Died != nil {
		b.WriteString(", died")
	}
	return b.String()
}

func clock(t time.Time) string { return t.Format("15:04") }

func TestNoticeTimeLines(t *testing.T) {
	for _, tt := range []struct {
		name string
		line []Observation
		want string
		last string // what the last message was worth, in event names
	}{
		{"admission", []Observation{a01(8, "V1", "W1")}, "V1 I in W1", "admitted"},
		{"the same admission again", []Observation{a01(8, "V1", "W1"), a01(8, "V1", "W1")}, "V1 I in W1", ""},
		{"a repeated admission corrects", []Observation{a01(8, "V1", "W1"), a01(9, "V1", "W2")}, "V1 I in W2", "moved"},
		{"blank PV1 does not wipe the ward", []Observation{a01(8, "V1", "W1"), a08(9, "V1")}, "V1 I in W1", ""},
		{"class N says nothing", []Observation{a01(8, "V1", "W1"), seen("A08", 9, "", "N", "")}, "V1 I in W1", ""},
		{"move", []Observation{a01(8, "V1", "W1"), a02(9, "V1", "W2")}, "V1 I in W2", "moved"},
		{"a late move changes nothing", []Observation{a01(8, "V1", "W1"), a02(11, "V1", "W3"), a02(9, "V1", "W2")}, "V1 I in W3", "arrived-late"},
		{"a late copy that agrees is nothing", []Observation{a01(8, "V1", "W1"), a02(11, "V1", "W3"), a01(8, "V1", "W1")}, "V1 I in W3", ""},
		{"lost admission heals", []Observation{a02(9, "V1", "W2")}, "V1 I in W2", "admitted"},
		{"the lost admission comes late", []Observation{a02(9, "V1", "W2"), a01(8, "V1", "W1")}, "V1 I in W2", "told late"},
		{"outpatients are not in a bed", []Observation{seen("A04", 8, "V1", "O", "CLINIC")}, "nowhere", ""},
		{"a non-opening outpatient message", []Observation{seen("A08", 8, "V1", "O", "CLINIC")}, "nowhere", ""},
		{"A&E", []Observation{seen("A04", 8, "V1", "E", "ED")}, "V1 E in ED", "admitted"},
		{"A&E then admitted in the same visit", []Observation{seen("A04", 8, "V1", "E", "ED"), a01(10, "V1", "W1")}, "V1 I in W1", "told moved"},
		{"A&E then admitted in another visit", []Observation{seen("A04", 8, "V1", "E", "ED"), a01(10, "V2", "W1")}, "V2 I in W1", "admitted"},
		{"A&E visit arrives after the admission", []Observation{a01(10, "V2", "W1"), seen("A04", 8, "V1", "E", "ED")}, "V2 I in W1", "arrived-late"},
		{"discharge", []Observation{a01(8, "V1", "W1"), a03(17, "V1")}, "V1 left 17:00", "discharged"},
		{"discharge again", []Observation{a01(8, "V1", "W1"), a03(17, "V1"), a03(17, "V1")}, "V1 left 17:00", ""},
		{"discharge without the visit number", []Observation{a01(8, "V1", "W1"), a03(17, "")}, "V1 left 17:00", "discharged"},
		{"discharge with the expected time", []Observation{a01(8, "V1", "W1"), a03(17, "V1", func(o *Observation) { o.Left.Leaving.At = hour(40) })}, "V1 left 17:00", "discharged"},
		{"discharge from nowhere", []Observation{a03(17, "")}, "nowhere", "arrived-late"},
		{"discharge before its admission", []Observation{a03(17, "V1"), a01(8, "V1", "W1")}, "V1 left 17:00", "admitted discharged"},
		{"late admission does not reopen", []Observation{a01(8, "V1", "W1"), a03(17, "V1"), a01(8, "V1", "W1")}, "V1 left 17:00", ""},
		{"A08 after the discharge does not reopen", []Observation{a01(8, "V1", "W1"), a03(17, "V1"), seen("A08", 18, "V1", "I", "W1")}, "V1 left 17:00", ""},
		{"A08 after the discharge without visit", []Observation{a01(8, "V1", "W1"), a03(17, "V1"), seen("A08", 18, "", "I", "W1")}, "V1 left 17:00", ""},
		{"the visit number is used again", []Observation{a01(8, "V1", "W1"), a03(12, "V1"), a01(14, "V1", "W2")}, "V1 I in W2", "admitted"},
		{"cancelled discharge reopens", []Observation{a01(8, "V1", "W1"), a03(12, "V1"), undo(UndoneLeaving, 13, "")}, "V1 I in W1", "discharge-undone"},
		{"cancelled twice", []Observation{a01(8, "V1", "W1"), a03(12, "V1"), undo(UndoneLeaving, 13, ""), undo(UndoneLeaving, 13, "")}, "V1 I in W1", ""},
		{"discharge arrives after it was cancelled", []Observation{a01(8, "V1", "W1"), undo(UndoneLeaving, 13, "V1"), a03(12, "V1")}, "V1 I in W1", "arrived-late"},
		{"cancelled, then left again", []Observation{a01(8, "V1", "W1"), a03(12, "V1"), undo(UndoneLeaving, 13, ""), a03(17, "V1")}, "V1 left 17:00", "discharged"},
		{"cancelled admission", []Observation{a01(8, "V1", "W1"), undo(UndoneAdmission, 9, "V1")}, "nowhere", "admission-undone"},
		{"admission arrives after it was cancelled", []Observation{undo(UndoneAdmission, 9, "V1"), a01(8, "V1", "W1")}, "nowhere", "arrived-late"},
		{"cancelled admission from A&E brings A&E back", []Observation{seen("A04", 8, "V1", "E", "ED"), a01(10, "V2", "W1"), undo(UndoneAdmission, 11, "V2")}, "V1 E in ED", "admission-undone"},
		{"cancelled move", []Observation{a01(8, "V1", "W1"), a02(9, "V1", "W2"), undo(UndoneMove, 10, "V1", to("W1"))}, "V1 I in W1", "move-undone"},
		{"cancelled move without a place", []Observation{a01(8, "V1", "W1"), a02(9, "V1", "W2"), undo(UndoneMove, 10, "V1")}, "V1 I in W1", "move-undone"},
		{"cancelled move said twice", []Observation{a01(8, "V1", "W1"), a02(8.5, "V1", "W0"), a02(9, "V1", "W2"), undo(UndoneMove, 10, "V1"), undo(UndoneMove, 10, "V1")}, "V1 I in W0", ""},
		{"cancelled move to another place", []Observation{a01(8, "V1", "W1"), a02(9, "V1", "W2"), undo(UndoneMove, 10, "V1", to("W5"))}, "V1 I in W5", "moved"},
		{"move arrives after it was cancelled", []Observation{a01(8, "V1", "W1"), undo(UndoneMove, 10, "V1", to("W1")), a02(9, "V1", "W2")}, "V1 I in W1", "arrived-late"},
		{"in another hospital", []Observation{a01(8, "V1", "W1"), a01(10, "Q1", "QW", fromQueen)}, "Q1 I in QW", "admitted"},
		{"the old hospital's discharge fills in", []Observation{a01(8, "V1", "W1"), a01(10, "Q1", "QW", fromQueen), a03(9.5, "V1")}, "Q1 I in QW", "discharged"},
		{"back from another hospital", []Observation{a01(8, "V1", "W1"), seen("A04", 10, "Q1", "E", "QED", fromQueen), a03(12, "Q1", fromQueen), seen("A08", 13, "V1", "I", "W1")}, "V1 I in W1", "discharge-undone"},
		{"leave and return", []Observation{a01(8, "V1", "W1"), a08(9, "V1", func(o *Observation) { o.Seen.OnLeave = Tell(true) }), a08(10, "V1", func(o *Observation) { o.Seen.OnLeave = Tell(false) })}, "V1 I in W1", "leave-told"},
		{"cancelled leave", []Observation{a01(8, "V1", "W1"), a08(9, "V1", func(o *Observation) { o.Seen.OnLeave = Tell(true) }), undo(UndoneLeave, 10, "V1")}, "V1 I in W1", "leave-told"},
		{"leave arrives after it was cancelled", []Observation{a01(8, "V1", "W1"), undo(UndoneLeave, 10, "V1"), a08(9, "V1", func(o *Observation) { o.Seen.OnLeave = Tell(true) })}, "V1 I in W1", "arrived-late"},

		{"predicted date", []Observation{a01(8, "V1", "W1", edd(5))}, "V1 I in W1, EDD 5 (0)", "admitted expected-changed"},
		{"the same date again", []Observation{a01(8, "V1", "W1", edd(5)), a08(9, "V1", edd(5))}, "V1 I in W1, EDD 5 (0)", ""},
		{"a late date joins the series", []Observation{a01(8, "V1", "W1", edd(5)), a08(11, "V1", edd(7)), a08(9, "V1", edd(6))}, "V1 I in W1, EDD 7 (2)", "expected-changed"},
		{"date taken back", []Observation{a01(8, "V1", "W1", edd(5)), undo(UndoneExpected, 9, "V1")}, "V1 I in W1", "expected-changed"},
		{"date arrives after it was taken back", []Observation{a01(8, "V1", "W1"), undo(UndoneExpected, 10, "V1"), a08(9, "V1", edd(5))}, "V1 I in W1", "arrived-late"},

		{"fit", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y"))}, "V1 I in W1, ready 09:00", "became-ready"},
		{"fit since", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y"), readyAt(8.5))}, "V1 I in W1, ready 08:30", "became-ready"},
		{"fit again", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y")), a08(10, "V1", fit("Y"))}, "V1 I in W1, ready 09:00", ""},
		{"fit again with another date", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y")), a08(10, "V1", fit("Y"), readyAt(8.5))}, "V1 I in W1, ready 08:30", "became-ready"},
		{"only the date", []Observation{a01(8, "V1", "W1"), a08(9, "V1", readyAt(9))}, "V1 I in W1, ready 09:00", "became-ready"},
		{"the date deleted", []Observation{a01(8, "V1", "W1"), a08(9, "V1", readyAt(9)), a08(10, "V1", notReady)}, "V1 I in W1", "no-longer-ready"},
		{"not fit, first", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("N"))}, "V1 I in W1", "told"},
		{"no longer fit", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y")), a08(10, "V1", fit("N"))}, "V1 I in W1", "no-longer-ready"},
		{"late fit", []Observation{a01(8, "V1", "W1"), a08(10, "V1", fit("N")), a08(9, "V1", fit("Y"))}, "V1 I in W1", "arrived-late"},
		{"the first date goes on being sent", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y"), readyAt(9)), a08(10, "V1", fit("N")),
			a08(12, "V1", fit("Y"), readyAt(9)), a08(13, "V1", fit("Y"), readyAt(9))}, "V1 I in W1, ready 12:00", ""},
		{"ready before the admission", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y"), readyAt(2))}, "V1 I in W1, ready 08:00", "became-ready"},
		{"the same again, before the admission", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y"), readyAt(2)), a08(10, "V1", fit("Y"), readyAt(2))}, "V1 I in W1, ready 08:00", ""},
		{"the admission comes after the ready date", []Observation{seen("A08", 9, "V1", "I", "W1", fit("Y"), readyAt(2)), a01(8, "V1", "W1")}, "V1 I in W1, ready 08:00", "told"},
		{"the admission was earlier after all", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y"), readyAt(2)), a08(10, "V1", func(o *Observation) { o.Seen.Admitted = Tell(hour(1)) })}, "V1 I in W1, ready 02:00", "told"},
		{"ready goes on after a cancelled discharge", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y")), a03(12, "V1"), undo(UndoneLeaving, 13, "V1")}, "V1 I in W1, ready 09:00", "discharge-undone"},

		{"died in hospital", []Observation{a01(8, "V1", "W1"), a03(12, "V1", died)}, "V1 left 12:00, died", "discharged died"},
		{"death taken back", []Observation{a01(8, "V1", "W1"), a03(12, "V1", died), undo(UndoneLeaving, 13, "V1")}, "V1 I in W1", "discharge-undone death-undone"},
		{"death before its admission", []Observation{a03(12, "V1", died), a01(8, "V1", "W1")}, "V1 left 12:00, died", "admitted discharged"},
		{"death taken back before its admission", []Observation{a03(12, "V1", died), undo(UndoneLeaving, 13, "V1"), a01(8, "V1", "W1")}, "V1 I in W1", "admitted"},
		{"died, told with the person", []Observation{a01(8, "V1", "W1"), a08(9, "V1", about(func(a *About) { a.Died = Tell(Death{At: hour(9), Source: "kings"}) }))}, "V1 I in W1, died", "died"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := len(tt.line) - 1
			c := hear(Case{}, tt.line[:n]...)
			events := Notice(c, tt.line[n])
			c = Apply(c, events...)
			if got := brief(c); got != tt.want {
				t.Errorf("stands at %q, want %q", got, tt.want)
			}
			if got := names(events); got != tt.last {
				t.Errorf("last message was worth %q, want %q", got, tt.last)
			}
		})
	}
}

func names(events []Event) string {
	var ns []string
	for _, e := range events {
		ns = append(ns, strings.TrimPrefix(NameOf(e), "stay-"))
	}
	return strings.ReplaceAll(strings.Join(ns, " "), "told arrived-late", "told late")
}

// A sender gone wild must not make one record grow without end.
func TestRecordsAreBounded(t *testing.T) {
	c := Case{}
	for i := range 3 * kept {
		o := obs("A02", float64(i), "V1", func(o *Observation) {
			o.Seen = &Seen{Opens: i == 0, Class: Tell("I"), Where: Tell(Location{Ward: []string{"A", "B"}[i%2]}), Expected: Tell(nhs.DateOf(time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC)))}
		})
		c = hear(c, o)
	}
	if len(c.Stay.Moves) != kept || len(c.Stay.Expected) != kept {
		t.Errorf("%d moves and %d dates are kept, want %d", len(c.Stay.Moves), len(c.Stay.Expected), kept)
	}
	if c.Stay.Where.Ward != "B" {
		t.Error("the newest place was lost")
	}
}

func TestReadyBeforeAdmissionIsFlagged(t *testing.T) {
	day := func(o *Observation) { o.Seen.ReadyDay = true }
	for _, tt := range []struct {
		name string
		o    Observation
		want bool
	}{
		{"a time before", a08(40, "V1", fit("Y"), readyAt(30)), true},
		{"a time after", a08(40, "V1", fit("Y"), readyAt(39)), false},
		{"the day before", a08(40, "V1", fit("Y"), readyAt(0), day), true},
		{"the day of admission", a08(40, "V1", fit("Y"), readyAt(24), day), false},
		{"no date", a08(40, "V1", fit("Y")), false},
	} {
		c := hear(Case{}, a01(32, "V1", "W1"))
		es := Notice(c, tt.o)
		c = Apply(c, es...)
		if e, ok := es[0].(BecameReady); !ok || e.Clamped != tt.want || e.Again {
			t.Errorf("%s: %+v", tt.name, es)
		}
		if since := c.Stay.ReadySince(); since.Before(c.Stay.Admitted) {
			t.Errorf("%s: ready %s, before the admission", tt.name, since)
		}
		again := Notice(c, a08(41, "V1", fit("Y"), readyAt(38)))
		if e, ok := again[0].(BecameReady); !ok && tt.name != "a time after" || ok && !e.Again {
			t.Errorf("%s, corrected: %+v", tt.name, again)
		}
	}
}
