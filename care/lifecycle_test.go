package care

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"homeward/form"
	"homeward/nhs"
)

const lifecycleFile = "../docs/design/lifecycle.txt"

// lookAgain is a day on which to look again at a hold.
var lookAgain = nhs.DateOf(day.AddDate(0, 0, 3))

// everyState is each state with how a referral comes to it.
var everyState = []struct {
	state RefState
	reach func(*testing.T) Case
}{
	{RefDraft, func(*testing.T) Case { return anyStay() }},
	{RefSent, func(t *testing.T) Case {
		x := refer
		x.To, x.Likely = "", []nhs.ODS{"511", "512"}
		return act(t, anyStay(), nurse, x)
	}},
	{RefReceived, func(t *testing.T) Case { return referred(t) }},
	{RefReturned, func(t *testing.T) Case { return referred(t, manager, SendBack{"r1", []string{"capacity"}, "What?"}) }},
	{RefAccepted, func(t *testing.T) Case { return referred(t, manager, Accept{"r1"}) }},
	{RefAllocated, func(t *testing.T) Case { return allocated(t) }},
	{RefAssessing, func(t *testing.T) Case { return allocated(t, manager, Progress{"r1", RefAssessing}) }},
	{RefPlanning, func(t *testing.T) Case { return allocated(t, manager, Progress{"r1", RefPlanning}) }},
	{RefSourcing, func(t *testing.T) Case { return allocated(t, manager, Progress{"r1", RefSourcing}) }},
	{RefReady, func(t *testing.T) Case { return allocated(t, manager, Progress{"r1", RefReady}) }},
	{RefOnHold, func(t *testing.T) Case { return held(t) }},
	{RefDischarged, func(t *testing.T) Case { return hear(allocated(t), a03(14, "V1")) }},
	{RefClosed, func(t *testing.T) Case { return allocated(t, manager, Close{"r1", "Home with care"}) }},
	{RefTransferred, func(t *testing.T) Case { return referred(t, manager, transfer) }},
	{RefWithdrawn, func(t *testing.T) Case { return referred(t, nurse, Withdraw{ID: "r1", Why: "12"}) }},
	{RefCancelled, func(t *testing.T) Case { return hear(allocated(t), undo(UndoneAdmission, 14, "V1")) }},
	{RefDied, func(t *testing.T) Case { return hear(allocated(t), a03(14, "V1", died)) }},
}

var (
	hold     = PutOnHold{ID: "r1", Why: "illness", Text: "Waiting for the scan.", Until: lookAgain}
	transfer = Transfer{ID: "r1", To: "512", Next: "r2", WhyText: "Lives in the city."}
)

func allocated(t *testing.T, steps ...any) Case {
	return referred(t, append([]any{manager, Allocate{"r1", worker, ""}}, steps...)...)
}

func held(t *testing.T, steps ...any) Case {
	return allocated(t, append([]any{manager, Progress{"r1", RefSourcing}, manager, hold}, steps...)...)
}

// everyAction is each thing that can be asked of a referral, done rightly.
var everyAction = []struct {
	words string
	cmd   Command
}{
	{"send", Refer{ID: "r1", Key: "k1", To: "511", Form: "d2a", FormVersion: 1, Answers: form.Answers{"needs": {"help to wash"}}}},
	{"choose the council", Route{"r1", "511"}},
	{"confirm receipt", Receive{"r1", "M-77"}},
	{"accept", Accept{"r1"}},
	{"return", SendBack{"r1", []string{"needs"}, "What can she do?"}},
	{"answer", Reply{"r1", form.Answers{"capacity": {"yes"}}}},
	{"allocate", Allocate{ID: "r1", Worker: sally}},
	{"move to planning", Progress{"r1", RefPlanning}},
	{"put on hold", hold},
	{"go on", Resume{"r1"}},
	{"transfer", transfer},
	{"close", Close{"r1", "Home with care"}},
	{"withdraw", Withdraw{ID: "r1", Why: "12"}},
}

// TestLifecycle prints what each side can do in each state, and compares it with the
// page that people read. After a change that is meant: go test ./care -run TestLifecycle -update
func TestLifecycle(t *testing.T) {
	stranger := foreign
	stranger.Org = "513"
	var b strings.Builder
	b.WriteString("What can be done to a referral in each state, and by whom. The sender is the hospital that sent it, the receiver the\n" +
		"council that it was sent to, a stranger any other council. A cell is the state that it comes to, or why it is refused:\n" +
		"forbidden (it is with another organisation), not now (with the list of what is allowed), conflict (somebody was first),\n" +
		"none (there is no such referral), \"=\" (it is so already: nothing happens). A draft is kept beside the case: it is sent or thrown away.\n" +
		"Made by go test ./care -run TestLifecycle -update: do not edit.\n")
	for _, st := range everyState {
		fmt.Fprintf(&b, "\n%s (%s)\n  %-20s %-14s %-14s %s\n", st.state, strings.ToLower(st.state.Say()), "", "sender", "receiver", "stranger")
		c := st.reach(t)
		if i := slices.IndexFunc(c.Referrals, func(r Referral) bool { return r.ID == "r1" }); (i >= 0) != (st.state != RefDraft) || i >= 0 && c.Referrals[i].State != st.state {
			t.Fatalf("%s is not reached", st.state)
		}
		for _, a := range everyAction {
			fmt.Fprintf(&b, "  %-20s %-14s %-14s %s\n", a.words, outcomeOf(t, c, nurse, a.cmd), outcomeOf(t, c, manager, a.cmd), outcomeOf(t, c, stranger, a.cmd))
		}
	}
	if *update {
		if err := os.WriteFile(lifecycleFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(lifecycleFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("%s is not what happens. See what changed, and if it is meant run this test with -update. It should be:\n%s", lifecycleFile, b.String())
	}
}

// outcomeOf is what comes of a command: the state, or why it is refused.
func outcomeOf(t *testing.T, c Case, by Actor, cmd Command) string {
	t.Helper()
	if x, ok := cmd.(Allocate); ok { // allocating again is by who saw whom it was allocated to
		for _, r := range c.Referrals {
			if r.ID == x.ID {
				x.Was = r.Worker.ID
			}
		}
		cmd = x
	}
	es, err := Decide(c, by, cmd, hour(20))
	var e *Error
	switch {
	case errors.As(err, &e) && e.Kind == BusinessRule:
		if len(e.Allowed) == 0 {
			t.Errorf("%T by %s does not say what is allowed", cmd, by.ID)
		}
		return "not now"
	case errors.As(err, &e):
		return strings.Replace(string(e.Kind), "not-found", "none", 1)
	case err != nil:
		t.Fatal(err)
	case len(es) == 0:
		return "="
	}
	is := Apply(c, es...)
	r, _ := is.referral("r1")
	return string(r.State)
}

func TestHold(t *testing.T) {
	c := held(t)
	r := c.Referrals[0]
	if r.State != RefOnHold || r.Holder.Who != worker || r.Holder.Org != "511" || r.Holder.Next != "Look at it again" || nhs.DateOf(r.Holder.Due) != lookAgain {
		t.Fatalf("%s with %+v", r.State, r.Holder)
	}
	if es, err := Decide(c, manager, hold, hour(20)); es != nil || err != nil {
		t.Errorf("the same hold again gives %s, %v", names(es), err)
	}
	on := act(t, c, manager, Resume{"r1"}).Referrals[0]
	if on.State != RefSourcing || on.Hold != nil || on.Holder.Who != worker || on.Holder.Next != "Arrange the care" {
		t.Errorf("went on as %s with %+v", on.State, on.Holder)
	}
	t.Run("another worker", func(t *testing.T) {
		c := act(t, c, manager, Allocate{"r1", sally, worker.ID})
		if r := c.Referrals[0]; r.State != RefOnHold || r.Holder.Who != sally {
			t.Fatalf("%s with %+v", r.State, r.Holder)
		}
		if r := act(t, c, manager, Resume{"r1"}).Referrals[0]; r.State != RefSourcing || r.Holder.Who != sally {
			t.Errorf("went on as %s with %+v", r.State, r.Holder)
		}
	})
	t.Run("a first worker", func(t *testing.T) {
		c := referred(t, manager, Accept{"r1"}, manager, hold, manager, Allocate{"r1", sally, ""}, manager, Resume{"r1"})
		if r := c.Referrals[0]; r.State != RefAllocated || r.Holder.Who != sally {
			t.Errorf("went on as %s with %+v", r.State, r.Holder)
		}
	})
	for _, tt := range []struct {
		name  string
		line  []Observation
		state RefState
		open  bool
		hold  bool
	}{
		{"moved", []Observation{a02(17, "V1", "W9")}, RefOnHold, true, true},
		{"discharged", []Observation{a03(17, "V1")}, RefDischarged, true, true},
		{"discharge cancelled", []Observation{a03(17, "V1"), undo(UndoneLeaving, 18, "")}, RefOnHold, true, true},
		{"discharged themselves", []Observation{a03(17, "V1", self)}, RefCancelled, false, true},
		{"self-discharge cancelled", []Observation{a03(17, "V1", self), undo(UndoneLeaving, 18, "V1")}, RefOnHold, true, true},
		{"died", []Observation{a03(17, "V1", died)}, RefDied, false, true},
		{"death cancelled", []Observation{a03(17, "V1", died), undo(UndoneLeaving, 18, "V1")}, RefOnHold, true, true},
		{"admission cancelled", []Observation{undo(UndoneAdmission, 17, "V1")}, RefCancelled, false, true},
		{"back again", []Observation{a03(17, "V1"), a01(19, "V2", "W3")}, RefDischarged, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := hear(c, tt.line...)
			r := c.Referrals[0]
			if r.State != tt.state || r.Open() != tt.open || (r.Hold != nil) != tt.hold {
				t.Fatalf("%s, open %v, hold %v", r.State, r.Open(), r.Hold)
			}
			if r.Open() && (r.Holder.Org != "511" || r.Holder.Who != worker || r.Holder.Due.IsZero()) {
				t.Errorf("held by %+v", r.Holder)
			}
			if r.State == RefOnHold {
				if on := act(t, c, manager, Resume{"r1"}).Referrals[0]; on.State != RefSourcing {
					t.Errorf("went on as %s", on.State)
				}
			}
		})
	}
}

func TestTransfer(t *testing.T) {
	c := held(t, manager, transfer)
	was, is := c.Referrals[0], c.Referrals[1]
	if was.State != RefTransferred || was.Open() || was.Next != "r2" || was.WhyText == "" || was.Watching || was.Hold != nil {
		t.Errorf("the one that went: %+v", was)
	}
	if is.State != RefReceived || is.To != "512" || is.From != "RK5" || is.Prev != "r1" || is.SentBy.ID != nurse.ID || !is.Watching ||
		is.Answers.Get("needs") == "" || is.Holder.Org != "512" || is.Worker != (Who{}) || is.Key == was.Key {
		t.Errorf("the one that came: %+v", is)
	}
	if es, err := Decide(c, manager, transfer, hour(20)); es != nil || err != nil {
		t.Errorf("the same again gives %s, %v", names(es), err)
	}
	c = act(t, c, foreign, Accept{"r2"})
	if _, err := Decide(c, manager, Accept{"r2"}, hour(20)); KindOf(err) != Forbidden {
		t.Errorf("whoever gave it away accepts it: %v", err)
	}
	back := act(t, c, foreign, Transfer{ID: "r2", To: "511", Next: "r3", WhyText: "Moved back."})
	if n := len(back.Referrals); n != 3 || back.Referrals[2].To != "511" || back.Referrals[2].State != RefReceived {
		t.Errorf("not given back: %d referrals", n)
	}
	if gone := hear(c, a03(20, "V1")); gone.Referrals[0].State != RefTransferred || gone.Referrals[1].State != RefDischarged {
		t.Errorf("after leaving: %s and %s", gone.Referrals[0].State, gone.Referrals[1].State)
	}
}

func TestCriteriaToReside(t *testing.T) {
	c := act(t, anyStay(), nurse, SayCriteria{[]string{"04", "02"}})
	last, ok := c.Stay.LastCriteria()
	if !ok || !slices.Equal(last.Codes, []string{"02", "04"}) || last.By.ID != nurse.ID {
		t.Fatalf("recorded %+v", last)
	}
	if c.Stay.Fit != "" || len(c.Stay.Ready) != 0 {
		t.Error("criteria to reside set whether the person is fit or ready")
	}
	again := SayCriteria{[]string{"02", "04"}}
	if es, err := Decide(c, nurse, again, last.At.Add(time.Minute)); es != nil || err != nil {
		t.Errorf("a second click gives %s, %v", names(es), err)
	}
	if es, err := Decide(c, nurse, again, last.At.Add(time.Hour)); len(es) != 1 || err != nil {
		t.Errorf("another look gives %s, %v", names(es), err)
	}
	if es, err := Decide(c, nurse, SayCriteria{}, last.At.Add(time.Minute)); len(es) != 1 || err != nil || es[0].Say() != "Criteria to reside: none met" {
		t.Errorf("none met gives %s, %v", names(es), err)
	}
	ready := hear(c, a08(15, "V1", fit("Y")))
	if n := len(ready.Stay.Criteria); n != 1 {
		t.Errorf("what the feed says of fitness made %d looks", n)
	}
	if n := len(CriteriaCodes()); n != 12 {
		t.Errorf("there are %d criteria", n)
	}
}

func TestLifecycleRefusals(t *testing.T) {
	queens := Actor{ID: "q1", Org: "RX1", OrgKind: Trust}
	with := func(f func(*PutOnHold)) PutOnHold { h := hold; f(&h); return h }
	for _, tt := range []struct {
		name  string
		by    Actor
		cmd   Command
		kind  Kind
		field string
	}{
		{"hold without a reason", manager, with(func(h *PutOnHold) { h.Why = " " }), Required, "why"},
		{"hold for other reasons", manager, with(func(h *PutOnHold) { h.Why, h.Text = "other", "" }), Required, "text"},
		{"hold without an end", manager, with(func(h *PutOnHold) { h.Until = nhs.Date{} }), Required, "until"},
		{"hold until yesterday", manager, with(func(h *PutOnHold) { h.Until = nhs.DateOf(day.AddDate(0, 0, -1)) }), Invalid, "until"},
		{"hold for a year", manager, with(func(h *PutOnHold) { h.Until = nhs.DateOf(day.AddDate(1, 0, 0)) }), Invalid, "until"},
		{"hold someone else's", foreign, hold, Forbidden, ""},
		{"the hospital holds", nurse, hold, Forbidden, ""},
		{"resume what is not on hold", manager, Resume{"r1"}, BusinessRule, ""},
		{"transfer to nobody", manager, Transfer{ID: "r1", WhyText: "x"}, Required, "to"},
		{"transfer to itself", manager, Transfer{ID: "r1", To: "511", WhyText: "x"}, Invalid, "to"},
		{"transfer to the hospital", manager, Transfer{ID: "r1", To: "RK5", WhyText: "x"}, Invalid, "to"},
		{"transfer without saying why", manager, Transfer{ID: "r1", To: "512"}, Required, "whyText"},
		{"the hospital transfers", nurse, transfer, Forbidden, ""},
		{"criterion 13", nurse, SayCriteria{[]string{"13"}}, Invalid, "codes"},
		{"a criterion twice", nurse, SayCriteria{[]string{"02", "02"}}, Invalid, "codes"},
		{"not recorded, and one", nurse, SayCriteria{[]string{"12", "02"}}, Invalid, "codes"},
		{"criteria by another hospital", queens, SayCriteria{}, BusinessRule, ""},
		{"criteria by a council", manager, SayCriteria{}, BusinessRule, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			es, err := Decide(allocated(t), tt.by, tt.cmd, hour(20))
			var e *Error
			if !errors.As(err, &e) || len(es) > 0 || e.Kind != tt.kind || e.Field != tt.field {
				t.Fatalf("got %s and %v", names(es), err)
			}
		})
	}
	if _, err := Decide(Case{}, nurse, SayCriteria{}, hour(9)); KindOf(err) != BusinessRule {
		t.Errorf("criteria of nobody: %v", err)
	}
}
