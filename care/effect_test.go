package care

import (
	"reflect"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the test must know London on any machine

	"homeward/nhs"
)

// TestHospitalEndsReferrals is what the hospital's messages do to a referral
// that the council has accepted and allocated.
func TestHospitalEndsReferrals(t *testing.T) {
	allocated := func(t *testing.T) Case {
		return referred(t, manager, Accept{"r1"}, manager, Allocate{"r1", worker, ""}, manager, Progress{"r1", RefSourcing})
	}
	for _, tt := range []struct {
		name  string
		line  []Observation
		state RefState
		why   string
		open  bool
		watch bool
	}{
		{"discharged", []Observation{a03(17, "V1")}, RefDischarged, "", true, false},
		{"discharge cancelled", []Observation{a03(17, "V1"), undo(UndoneLeaving, 18, "")}, RefSourcing, "", true, true},
		{"discharged themselves", []Observation{a03(17, "V1", self)}, RefCancelled, "10", false, false},
		{"self-discharge cancelled", []Observation{a03(17, "V1", self), undo(UndoneLeaving, 18, "V1")}, RefSourcing, "", true, true},
		{"died", []Observation{a03(17, "V1", died)}, RefDied, "08", false, false},
		{"death cancelled", []Observation{a03(17, "V1", died), undo(UndoneLeaving, 18, "V1")}, RefSourcing, "", true, true},
		{"died after going home", []Observation{a03(17, "V1"), obs("A31", 20, "", func(o *Observation) {
			o.Seen, o.About.Died = &Seen{Person: true}, Tell(Death{At: hour(19), Source: "kings"})
		})}, RefDied, "08", false, false},
		{"admission cancelled", []Observation{undo(UndoneAdmission, 17, "V1")}, RefCancelled, "12", false, false},
		{"no longer ready", []Observation{a08(15, "V1", fit("Y")), a08(16, "V1", fit("N"))}, RefSourcing, "", true, true},
		{"moved", []Observation{a02(15, "V1", "W9")}, RefSourcing, "", true, true},
		{"discharged by another hospital", []Observation{a03(17, "Q1", fromQueen)}, RefSourcing, "", true, true},
		{"the A&E visit before ends late", []Observation{a01(15, "V2", "W3"), a03(14.9, "V1")}, RefSourcing, "", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := hear(allocated(t), tt.line...)
			r := c.Referrals[0]
			if r.State != tt.state || r.Why != tt.why || r.Open() != tt.open || r.Watching != tt.watch {
				t.Errorf("state %s, why %q, open %v, watching %v", r.State, r.Why, r.Open(), r.Watching)
			}
			if r.Open() && (r.Holder.Org != "511" || r.Holder.Who != worker || r.Holder.Next == "") {
				t.Errorf("held by %+v", r.Holder)
			}
		})
	}
}

func TestDeathEndsEveryReferral(t *testing.T) {
	c := referred(t)
	c = hear(c, a03(10, "V1"), a01(11, "Q1", "QW", fromQueen))
	second := refer
	second.ID, second.Key = "r2", "k2"
	c = act(t, c, Actor{ID: "q", Name: "Q", Org: "RX1", OrgKind: Trust}, second)
	c = hear(c, a03(12, "Q1", fromQueen, died))
	for _, r := range c.Referrals {
		if r.State != RefDied || r.Open() {
			t.Errorf("referral %s is %s", r.ID, r.State)
		}
	}
	c = hear(c, undo(UndoneLeaving, 13, "Q1", fromQueen))
	if a, b := c.Referrals[0], c.Referrals[1]; a.State != RefDischarged || a.Watching || b.State != RefReceived || !b.Watching {
		t.Errorf("after the death was undone: %s watching %v, %s watching %v", a.State, a.Watching, b.State, b.Watching)
	}
}

func TestDischargeWhileReturned(t *testing.T) {
	c := referred(t, manager, SendBack{"r1", []string{"capacity"}, "Was it assessed?"})
	c = hear(c, a03(17, "V1"))
	if h := c.Referrals[0].Holder; h.Org != "511" {
		t.Errorf("gone home, and the ward still holds it: %+v", h)
	}
	c = hear(c, undo(UndoneLeaving, 18, "V1"))
	if h := c.Referrals[0].Holder; h.Org != "RK5" || h.Next != "Send the missing information" {
		t.Errorf("still in hospital, held by %+v", h)
	}
}

// TestReadyAgain is story 6: fit on Monday, unwell on Wednesday, fit on Friday,
// home on Sunday. Nationally 2 days late; in our own total 4.
func TestReadyAgain(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	mon := 24.0 * 6 // Monday 9 March
	c := hear(Case{}, a01(8, "V1", "W1"), a08(mon+10, "V1", fit("Y"), readyAt(mon+9)), a08(mon+48+10, "V1", fit("N")),
		a08(mon+96+10, "V1", fit("Y"), readyAt(mon+96+9)), a03(mon+144+15, "V1"))
	s := c.Past[0]
	if got := s.DelayDays(london); got != 2 {
		t.Errorf("national delay is %d days, want 2", got)
	}
	if got := s.NotMeetingDays(london); got != 4 {
		t.Errorf("total not meeting the criteria is %d days, want 4", got)
	}
}

func TestDelay(t *testing.T) {
	for _, tt := range []struct {
		name            string
		line            []Observation
		national, total int
	}{
		{"still in", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y"))}, 0, 0},
		{"never said", []Observation{a01(8, "V1", "W1"), a03(80, "V1")}, 0, 0},
		{"home the same day", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y")), a03(23, "V1")}, 0, 0},
		{"over midnight", []Observation{a01(8, "V1", "W1"), a08(23, "V1", fit("Y")), a03(25, "V1")}, 1, 1},
		{"ready before admission", []Observation{a01(30, "V1", "W1"), a08(31, "V1", readyAt(2)), a03(80, "V1")}, 2, 2},
		{"left while meeting the criteria", []Observation{a01(8, "V1", "W1"), a08(9, "V1", fit("Y")), a08(33, "V1", fit("N")), a03(80, "V1")}, 0, 1},
		{"told after leaving", []Observation{a01(8, "V1", "W1"), a03(80, "V1"), a08(90, "V1", fit("Y"), readyAt(32))}, 2, 2},
		{"left after the date that was sent", []Observation{a01(8, "V1", "W1"), a08(9, "V1", readyAt(60)), a03(50, "V1")}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := hear(Case{}, tt.line...)
			s := c.Stay
			if s == nil {
				s = &c.Past[0]
			}
			if n, m := s.DelayDays(time.UTC), s.NotMeetingDays(time.UTC); n != tt.national || m != tt.total {
				t.Errorf("%d days nationally and %d in all, want %d and %d", n, m, tt.national, tt.total)
			}
		})
	}
}

func TestPersonMerges(t *testing.T) {
	tell := func(src Source, h float64, f func(*About)) Observation {
		o := obs("A31", h, "", func(o *Observation) { o.Seen, o.Source = &Seen{Person: true}, src })
		f(&o.About)
		return o
	}
	base := tell(kings, 8, func(a *About) {
		a.Family, a.Given, a.Born, a.Phone = Tell("Marsh"), Tell("Ann"), Tell(born40), Tell("01632 960001")
		a.Address = Tell(Address{Lines: []string{"1 Mill Lane"}, Postcode: "NG1 1AA"})
	})
	for _, tt := range []struct {
		name string
		o    Observation
		want string // family, phone, postcode
		last string
	}{
		{"the same again", tell(kings, 9, func(a *About) { a.Family = Tell("Marsh") }), "Marsh|01632 960001|NG1 1AA", ""},
		{"newer wins", tell(kings, 9, func(a *About) { a.Phone = Tell("01632 960002") }), "Marsh|01632 960002|NG1 1AA", "person-told"},
		{"newer of the council wins", tell(notts, 9, func(a *About) { a.Phone = Tell("01632 960002") }), "Marsh|01632 960002|NG1 1AA", "person-told"},
		{"older does not", tell(kings, 7, func(a *About) { a.Phone = Tell("01632 960002") }), "Marsh|01632 960001|NG1 1AA", "arrived-late"},
		{"older of another differs, and is not late", tell(notts, 7, func(a *About) { a.Phone = Tell("01632 960002") }), "Marsh|01632 960001|NG1 1AA", ""},
		{"older fills in", tell(notts, 7, func(a *About) { a.Language = Tell("pl") }), "Marsh|01632 960001|NG1 1AA", "person-told"},
		{"deletes its own", tell(kings, 9, func(a *About) { a.Phone, a.Address = Tell(""), Tell(Address{}) }), "Marsh||", "person-told"},
		{"does not delete another's", tell(notts, 9, func(a *About) { a.Phone = Tell("") }), "Marsh|01632 960001|NG1 1AA", ""},
		{"never deletes a name", tell(kings, 9, func(a *About) { a.Family, a.Born = Tell(""), Tell(nhs.Date{}) }), "Marsh|01632 960001|NG1 1AA", ""},
		{"says nothing", tell(kings, 9, func(*About) {}), "Marsh|01632 960001|NG1 1AA", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := hear(Case{}, base)
			es := Notice(c, tt.o)
			p := Apply(c, es...).Person
			if got := strings.Join([]string{p.Family, p.Phone, p.Address.Postcode}, "|"); got != tt.want || p.Born != born40 {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := names(es); got != tt.last {
				t.Errorf("worth %q, want %q", got, tt.last)
			}
		})
	}
	if es := Notice(Case{}, base); !es[0].(PersonTold).First {
		t.Error("not told as the first details")
	}
}

func TestSensitive(t *testing.T) {
	mark := func(h float64, v bool) Observation {
		return a08(h, "V1", about(func(a *About) { a.Sensitive = Tell(v) }))
	}
	c := hear(anyStay(), mark(9, true), a08(10, "V1"))
	if !c.Sensitive {
		t.Error("an empty field unmarked the record")
	}
	if c = hear(c, mark(8.5, false)); !c.Sensitive {
		t.Error("an older message unmarked the record")
	}
	if c = hear(c, mark(11, false)); c.Sensitive {
		t.Error("still marked")
	}
}

func TestHolds(t *testing.T) {
	pack := Package{Ref: "p1", Kind: "HS", Status: PackageActive}
	tell := func(h float64, x Holding) Observation {
		return Observation{At: hour(h), Said: hour(h), Source: notts, Holds: &x}
	}
	c := hear(Case{}, tell(8, Holding{Packages: []Package{pack}, Safeguarding: Safeguarding{AnswerNo, hour(8)}}))
	if es := Notice(c, tell(9, Holding{Packages: []Package{pack}, Safeguarding: Safeguarding{AnswerNo, hour(9)}})); len(es) > 0 {
		t.Errorf("only newer: %s", names(es))
	}
	if es := Notice(c, tell(9, Holding{Packages: []Package{pack}, Safeguarding: Safeguarding{AnswerYes, hour(9)}})); names(es) != "holding-told" {
		t.Errorf("an enquiry was opened: %s", names(es))
	}
	if es := Notice(c, tell(9, Holding{Packages: []Package{pack}, Restricted: true})); names(es) != "holding-told" {
		t.Errorf("restricted: %s", names(es))
	}
	if es := Notice(c, tell(7, Holding{})); names(es) != "arrived-late" {
		t.Errorf("older: %s", names(es))
	}
	c = hear(c, tell(10, Holding{Packages: []Package{pack}, Ended: true}))
	if h := c.Holdings[0]; len(c.Holdings) != 1 || len(h.Packages) != 0 || !h.Ended || h.Council != "511" {
		t.Errorf("after the end: %+v", h)
	}
}

func TestPlans(t *testing.T) {
	plan := func(h, at float64, visit string) Observation {
		return obs("A05", h, visit, func(o *Observation) { o.Planned = &Planned{For: Tell(hour(at))} })
	}
	c := hear(Case{}, plan(8, 50, "V5"))
	if es := Notice(c, plan(9, 50, "V5")); len(es) > 0 {
		t.Errorf("planned again: %s", names(es))
	}
	c = hear(c, plan(9, 60, "V5"), plan(8.5, 55, "V5"))
	if len(c.Plans) != 1 || !c.Plans[0].At.Equal(hour(60)) {
		t.Errorf("plans: %+v", c.Plans)
	}
	if after := hear(c, undo(UndonePlan, 10, "V5")); len(after.Plans) != 0 {
		t.Error("the plan was cancelled and is still there")
	}
	if after := hear(c, a01(60, "V5", "W1")); len(after.Plans) != 0 {
		t.Error("the plan came true and is still there")
	}
	if after := hear(Case{}, undo(UndonePlan, 10, "V5"), plan(9, 50, "V5")); len(after.Plans) != 0 {
		t.Error("a plan cancelled before it arrived came true")
	}
}

func TestRowOf(t *testing.T) {
	c := hear(Apply(Case{}, Started{At: day, ID: "c1"}), a01(8, "V1", "W1", edd(5), about(func(a *About) {
		a.Family, a.Phone = Tell("Marsh"), Tell("01632 960001")
	})), a02(9, "V1", "W2", edd(6)), a08(10, "V1", edd(7), fit("Y")))
	r := RowOf(c)
	if !r.InBed || !r.Listed() || r.Where.Ward != "W2" || r.Was.Ward != "W1" || !r.MovedAt.Equal(hour(9)) || r.Hospital != "RK5" {
		t.Errorf("place: %+v", r)
	}
	if r.EDD.Day != 7 || r.EDDBefore.Day != 6 || r.EDDChanges != 2 || !r.Ready.Equal(hour(10)) || !r.Updated.Equal(hour(10)) {
		t.Errorf("dates: %+v", r)
	}
	if r.Person.Family != "Marsh" || r.Person.Phone != "" {
		t.Error("a row holds more of the person than identifies them, or less")
	}
	c = act(t, c, nurse, refer)
	if r := RowOf(c); r.Referral != "r1" || r.Council != "511" || !r.Open || r.State != RefReceived || r.Holder.Org != "511" {
		t.Errorf("referral: %+v", r)
	}
	home := RowOf(hear(c, a03(17, "V1")))
	if home.InBed || !home.Listed() || home.Hospital != "RK5" || !home.Left.Equal(hour(17)) {
		t.Errorf("gone home with an open referral: %+v", home)
	}
	if RowOf(hear(Case{}, a01(8, "V1", "W1"), a03(9, "V1"))).Listed() {
		t.Error("gone home without a referral, and listed")
	}
	c.JoinedTo = "c2"
	if RowOf(c).Listed() {
		t.Error("joined into another, and listed")
	}
}

// TestAsidesAreNoNews keeps what only some readers may know from moving a row
// that others see.
func TestAsidesAreNoNews(t *testing.T) {
	c := Apply(Case{}, Started{At: hour(0), ID: "c"}, Admitted{At: hour(1), Stay: Stay{Visit: "v", Org: "RK5", Admitted: hour(1)}})
	was := RowOf(c)
	for _, e := range []Event{NoteAdded{At: hour(5), Note: Note{ID: "n", At: hour(5)}}, HoldingTold{At: hour(6), Holding: Holding{Council: "511"}},
		CallRecorded{At: hour(7)}, Objected{Objection: Objection{At: hour(8)}}} {
		c = Apply(c, e)
		if got := RowOf(c); !reflect.DeepEqual(was, got) {
			t.Errorf("%T: %+v and %+v", e, was, got)
		}
	}
	if !c.Updated.Equal(hour(8)) {
		t.Error(c.Updated)
	}
	if r := RowOf(Apply(c, Moved{At: hour(9), To: Location{Ward: "W"}})); !r.Updated.Equal(hour(9)) {
		t.Error("a move is news")
	}
}
