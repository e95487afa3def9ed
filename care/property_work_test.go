package care

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"homeward/form"
	"homeward/nhs"
)

// anyCommand draws what somebody may ask, sensible or not; c is the case as it is.
// Whoever adds a command adds a line, so that the invariants below hold of it too.
var anyCommand = []func(*rapid.T, Case) Command{
	func(t *rapid.T, c Case) Command {
		id := ReferralID("r" + itoa(c.Version))
		return Refer{ID: id, Key: string(id), To: rapid.SampledFrom([]nhs.ODS{"511", "511", "512", ""}).Draw(t, "to"), Form: "d2a",
			Answers: form.Answers{"needs": {itoa(c.Version)}}, Another: rapid.Bool().Draw(t, "another")}
	},
	func(t *rapid.T, c Case) Command { return Route{anyReferral(t, c), anyCouncil(t)} },
	func(t *rapid.T, c Case) Command {
		return Receive{anyReferral(t, c), rapid.SampledFrom([]string{"", "M1", "M2"}).Draw(t, "reference")}
	},
	func(t *rapid.T, c Case) Command { return Accept{anyReferral(t, c)} },
	func(t *rapid.T, c Case) Command { return SendBack{anyReferral(t, c), []string{"needs"}, "What?"} },
	func(t *rapid.T, c Case) Command { return Reply{anyReferral(t, c), form.Answers{"needs": {"a lot"}}} },
	func(t *rapid.T, c Case) Command {
		a := Allocate{ID: anyReferral(t, c), Worker: rapid.SampledFrom([]Who{{ID: "w1", Name: "W. Hart"}, {ID: "w2", Name: "S. Reed"}}).Draw(t, "worker")}
		if r, ok := c.referral(a.ID); ok {
			a.Was = r.Worker.ID
		}
		return a
	},
	func(t *rapid.T, c Case) Command {
		return Progress{anyReferral(t, c), rapid.SampledFrom([]RefState{RefAssessing, RefPlanning, RefSourcing, RefReady, RefClosed}).Draw(t, "stage")}
	},
	func(t *rapid.T, c Case) Command {
		return PutOnHold{ID: anyReferral(t, c), Why: "illness", Until: nhs.DateOf(day.AddDate(0, 0, rapid.IntRange(-1, 9).Draw(t, "until")))}
	},
	func(t *rapid.T, c Case) Command { return Resume{anyReferral(t, c)} },
	func(t *rapid.T, c Case) Command {
		return Transfer{ID: anyReferral(t, c), To: anyCouncil(t), Next: ReferralID("t" + itoa(c.Version)), WhyText: "Lives there."}
	},
	func(t *rapid.T, c Case) Command { return Close{anyReferral(t, c), "Home with care"} },
	func(t *rapid.T, c Case) Command { return Withdraw{ID: anyReferral(t, c), Why: "12"} },
	func(t *rapid.T, _ Case) Command {
		return SayCriteria{rapid.SliceOfN(rapid.SampledFrom([]string{"01", "04", "12", "13"}), 0, 3).Draw(t, "criteria")}
	},
	func(t *rapid.T, c Case) Command {
		return AddNote{Note{ID: "n" + itoa(c.Version), Audience: AudienceBoth, Text: "Rang."}}
	},
	func(t *rapid.T, c Case) Command {
		return SharePaper{Paper{ID: "p" + itoa(c.Version), Kind: anyPaperKind(t), Referral: anyReferral(t, c), Items: []Said{{Link: "1", Answer: itoa(c.Version)}}}}
	},
	func(t *rapid.T, c Case) Command {
		x := asking()
		x.Request.Referral, x.Request.StartBy = anyReferral(t, c), march(28)
		x.Progress = rapid.Bool().Draw(t, "move on")
		return x
	},
	func(t *rapid.T, _ Case) Command { return anyArranging(t, []string{"V1", "V2", "V3"}) },
	anyLook, anyOutcome, anyHuddle, anyConcern, anyMoney, anyTask, anyNudge, anyCorrection,
	func(t *rapid.T, c Case) Command {
		return WithdrawPaper{Referral: anyReferral(t, c), Kind: anyPaperKind(t), Why: "04"}
	},
}

// anyOutcome draws what is recorded of an outcome, or the end of one of its tasks.
func anyOutcome(t *rapid.T, c Case) Command {
	o := Outcome{Referral: anyReferral(t, c), Destination: "home", Said: "Well", SaidAt: day, Goals: []Goal{{ID: "g1", Text: "Walk", Met: "partly"}},
		Day91: &AtHome{Answer: HomeDied}, Month6: &AtHome{Answer: HomeAtHome}}
	if n := len(c.Tasks); n > 0 && rapid.Bool().Draw(t, "by task") {
		return EndTask{ID: c.Tasks[n-1].ID, Done: rapid.Bool().Draw(t, "done"), Outcome: "The person has died"}
	}
	what := rapid.SampledFrom([]string{OutcomeDestination, OutcomeGoals, OutcomeSaid, OutcomeDay91, OutcomeMonth6}).Draw(t, "part")
	return RecordOutcome{What: what, Outcome: o, Was: c.OutcomeOf(o.Referral).At}
}

func anyHuddle(t *rapid.T, c Case) Command {
	if n := len(c.Decisions); n > 0 && rapid.Bool().Draw(t, "disagree") {
		return RecordDisagreement{c.Decisions[n-1].ID, "No"}
	}
	return DecideNext{Decision{ID: "d" + itoa(c.Version), Huddle: "h", Referral: anyReferral(t, c), Text: "Rang", Owner: Owner{Org: "511"}, Due: day.AddDate(0, 0, 9)}}
}

func anyConcern(t *rapid.T, c Case) Command {
	if n := len(c.Concerns); n > 0 && rapid.IntRange(0, 3).Draw(t, "move") > 0 {
		return MoveConcern{c.Concerns[n-1].ID, rapid.SampledFrom([]ConcernState{ConcernReceived, ConcernEnquiry, ConcernClosed}).Draw(t, "to"), "Done"}
	}
	return raised(func(n *Concern) { n.ID = "c" + itoa(c.Version) })
}

func anyReferral(t *rapid.T, c Case) ReferralID {
	n := len(c.Referrals)
	switch {
	case n == 0:
		return "none"
	case rapid.IntRange(0, 4).Draw(t, "newest") > 0:
		return c.Referrals[n-1].ID
	}
	return rapid.SampledFrom(c.Referrals).Draw(t, "referral").ID
}

func anyCouncil(t *rapid.T) nhs.ODS {
	return rapid.SampledFrom([]nhs.ODS{"511", "512"}).Draw(t, "council")
}

func anyPaperKind(t *rapid.T) PaperKind {
	return rapid.SampledFrom([]PaperKind{PaperAssessmentNotice, PaperDischargeNotice, PaperAssessment}).Draw(t, "kind")
}

// anyActor is somebody of any side; more often than not one who has a part in the
// newest referral.
func (w *working) anyActor(t *rapid.T) Actor {
	n := len(w.c.Referrals)
	if n == 0 || w.any(t, "whose", 6) == 0 {
		all := []Actor{nurse, manager, foreign, {ID: "q1", Org: "RX1", OrgKind: Trust}, {ID: "s1", OrgKind: System}}
		return all[w.any(t, "actor", len(all))]
	}
	switch r := w.c.Referrals[n-1]; {
	case w.any(t, "side", 3) == 0 || r.To == "":
		return nurse
	case r.To == foreign.Org:
		return foreign
	}
	return manager
}

// toldNow draws what the hospital of the case says now, in order.
func (w *working) toldNow(t *rapid.T) Observation {
	h := w.now.Sub(hour(0)).Hours()
	told := []Observation{a02(h, "V1", "W2"), a02(h, "V1", "W3"), a08(h, "V1", fit("Y")), a08(h, "V1", fit("N")),
		a02(h, "V1", "W4"), a08(h, "V1"), a08(h, "V1"),
		a03(h, "V1"), undo(UndoneLeaving, h, "V1"), undo(UndoneLeaving, h, "V1"), a03(h, "V1", self), a03(h, "V1", died), a01(h, "V2", "W4")}
	return told[w.any(t, "told", len(told))]
}

// A working is a case at work: what was recorded of it, and the time.
type working struct {
	c       Case
	entries []Entry
	now     time.Time
	n       int // how many choices there were
}

// any draws one of n alike: by itself rapid prefers the first.
func (w *working) any(t *rapid.T, what string, n int) int {
	w.n++
	return (rapid.IntRange(0, n-1).Draw(t, what) + 7*w.n) % n
}

func (w *working) record(es ...Event) {
	for _, e := range es {
		w.entries = append(w.entries, Entry{Case: w.c.ID, Recorded: w.now, Event: e})
	}
	w.c = Apply(w.c, es...)
}

// step is one thing that happens: what somebody asks, or what a hospital says.
func (w *working) step(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
	switch w.any(t, "who", 16) {
	case 0:
		w.record(Notice(w.c, anyObservation().Draw(t, "observation"))...)
		return
	case 1, 2:
		w.record(Notice(w.c, w.toldNow(t))...)
		return
	}
	for range 4 { // until something is not refused
		if w.ask(t) {
			return
		}
	}
}

// ask lets somebody ask for something; true when something came of it.
func (w *working) ask(t *rapid.T) bool {
	cmd := anyCommand[w.any(t, "command", len(anyCommand))](t, w.c)
	switch cmd.(type) {
	case Close, Withdraw: // most of what is ended can no more be worked on
		if w.any(t, "ends", 4) > 0 {
			return false
		}
	}
	es, err := Decide(w.c, w.anyActor(t), cmd, w.now)
	if err != nil && (len(es) > 0 || KindOf(err) == Exception) {
		t.Fatalf("%T was refused with %v and brought %s", cmd, err, names(es))
	}
	w.record(es...)
	return len(es) > 0
}

// TestWorkKeepsItsInvariants lets both sides do anything in any order while the
// hospital's system says anything: nothing open is nobody's, the clocks add up, and
// history folds to the state.
func TestWorkKeepsItsInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &working{now: hour(8)}
		w.record(Started{At: w.now, ID: "c1"})
		w.record(Notice(w.c, a01(8, "V1", "W1"))...)
		if es, err := Decide(w.c, nurse, refer, w.now); err == nil {
			w.record(es...)
		}
		for range rapid.IntRange(20, 60).Draw(t, "steps") {
			w.step(t)
			for _, r := range w.c.Referrals {
				holds(t, w.c, r)
			}
		}
		moneyHolds(t, w.c, w.now)
		checkTasks(t, w.c)
		for _, r := range w.c.Referrals {
			clockAddsUp(t, w, r)
		}
		folds(t, w)
	})
}

// holds are the invariants of one referral.
func holds(t *rapid.T, c Case, r Referral) {
	ends := r.State == RefClosed || r.State == RefWithdrawn || r.State == RefCancelled || r.State == RefDied || r.State == RefTransferred
	switch {
	case r.Open() == ends:
		t.Fatalf("a referral is %s, and its end is %v", r.State, r.Ended)
	case r.Open() && (r.Holder.Org == "" || r.Holder.Next == "" || r.Holder.Since.IsZero() || r.Holder.Due.IsZero()):
		t.Fatalf("nobody must act on a referral that is %s: %+v", r.State, r.Holder)
	case r.Open() && r.Holder.Org != r.To && r.Holder.Org != r.From:
		t.Fatal("a stranger has the referral")
	case r.State == RefOnHold && r.Hold == nil, r.Hold != nil && r.State != RefOnHold && r.Before != RefOnHold && r.Open() && r.State != RefDischarged:
		t.Fatalf("a referral is %s with hold %v", r.State, r.Hold)
	case r.State == RefTransferred:
		if n, ok := c.referral(r.Next); !ok || n.Prev != r.ID || n.To == r.To || n.From != r.From {
			t.Fatal("what was transferred went nowhere")
		}
	}
}

// clockAddsUp checks that the spells of a referral touch and sum.
func clockAddsUp(t *rapid.T, w *working, r Referral) {
	spells := Clock(w.entries, r.ID, w.now)
	if len(spells) == 0 {
		t.Fatal("a referral has no spells")
	}
	at := r.Sent
	var sum time.Duration
	for i, s := range spells {
		if !s.From.Equal(at) || s.To.Before(s.From) || s.Org == "" {
			t.Fatalf("spell %d is from %s to %s with %q, after %s", i, clock(s.From), clock(s.To), s.Org, clock(at))
		}
		at = s.To
		sum += s.To.Sub(s.From)
	}
	if r.Open() && !at.Equal(w.now) {
		t.Fatalf("an open referral's clock stopped at %s, and it is %s", clock(at), clock(w.now))
	}
	if sum != at.Sub(r.Sent) {
		t.Fatalf("spells add up to %s of %s", sum, at.Sub(r.Sent))
	}
	var held time.Duration
	for _, d := range Held(spells) {
		held += d
	}
	if held != sum {
		t.Fatalf("organisations had it for %s of %s", held, sum)
	}
	if last := spells[len(spells)-1]; r.Open() && !last.holding(r) {
		t.Fatalf("the last spell is of %s in %s", last.Org, last.State)
	}
}

// folds checks that history, as it is kept, gives the state.
func folds(t *rapid.T, w *working) {
	var back []Event
	for _, e := range w.entries {
		name, body, err := Encode(e.Event)
		if err != nil {
			t.Fatal(err)
		}
		x, err := Decode(name, body)
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, x)
	}
	if a, b := document1(t, w.c), document1(t, Apply(Case{}, back...)); a != b {
		t.Fatal(cmp.Diff(a, b))
	}
}

// TestEveryCommandIsTried finds a command that the random sequences do not try.
func TestEveryCommandIsTried(t *testing.T) {
	tried := map[reflect.Type]bool{}
	c := Case{Referrals: []Referral{{ID: "r1"}}}
	for _, draw := range anyCommand {
		tried[reflect.TypeOf(rapid.Custom(func(t *rapid.T) Command {
			rapid.Bool().Draw(t, "not every command draws")
			return draw(t, c)
		}).Example(1))] = true
	}
	for _, cmd := range everyAction {
		if !tried[reflect.TypeOf(cmd.cmd)] {
			t.Errorf("%T is never tried", cmd.cmd)
		}
	}
}

func TestClock(t *testing.T) {
	var entries []Entry
	add := func(recorded float64, es ...Event) {
		for _, e := range es {
			entries = append(entries, Entry{Recorded: hour(recorded), Event: e})
		}
	}
	c := anyStay()
	do := func(h float64, by Actor, cmd Command) {
		es, err := Decide(c, by, cmd, hour(h))
		if err != nil {
			t.Fatal(err)
		}
		add(h, es...)
		c = Apply(c, es...)
	}
	add(8, Notice(Case{}, a01(8, "V1", "W1"))...)
	do(9, nurse, refer)
	do(10, manager, SendBack{"r1", []string{"needs"}, "What?"})
	do(13, nurse, Reply{"r1", form.Answers{"needs": {"x"}}})
	do(14, manager, Allocate{"r1", worker, ""})
	es := Notice(c, a03(12, "V1")) // told at 15, as of 12: it counts from what was told last
	add(15, es...)
	c = Apply(c, es...)
	spells := Clock(entries, "r1", hour(18))
	want := []Spell{
		{hour(9), hour(9), RefSent, "511", "", Who{}}, {hour(9), hour(10), RefReceived, "511", "", Who{}},
		{hour(10), hour(13), RefReturned, "RK5", "", nurse.Who()}, {hour(13), hour(14), RefReceived, "511", "", Who{}},
		{hour(14), hour(14), RefAccepted, "511", "hospital", Who{}}, {hour(14), hour(14), RefAllocated, "511", "hospital", worker},
		{hour(14), hour(18), RefDischarged, "511", "hospital", worker},
	}
	if diff := cmp.Diff(want, spells); diff != "" {
		t.Error(diff)
	}
	if held := Held(spells); held["511"] != 6*time.Hour || held["RK5"] != 3*time.Hour {
		t.Errorf("held %v", held)
	}
	if Clock(entries, "r9", hour(18)) != nil {
		t.Error("a referral that is not there has spells")
	}
	// What comes by a join stands with who had it then.
	joined := []Entry{{Recorded: hour(16), Event: Started{At: hour(7), ID: "c2"}}, {Recorded: hour(16), Event: Absorbed{At: hour(16), Other: c}}}
	if s := Clock(joined, "r1", hour(18)); len(s) != 1 || !s[0].From.Equal(hour(9)) || !s[0].To.Equal(hour(18)) || s[0].Who != worker {
		t.Errorf("after a join: %+v", s)
	}
}
