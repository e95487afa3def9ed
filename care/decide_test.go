package care

import (
	"errors"
	"strings"
	"testing"

	"homeward/form"
	"homeward/nhs"
)

var (
	nurse   = Actor{ID: "n1", Name: "N. Sharp", Role: WardNurse, Org: "RK5", OrgKind: Trust}
	manager = Actor{ID: "m1", Name: "M. Stone", Role: TeamManager, Org: "511", OrgKind: Council, Team: "hospital"}
	foreign = Actor{ID: "f1", Name: "F. Ward", Role: TeamManager, Org: "512", OrgKind: Council}
	worker  = Who{ID: "w1", Name: "W. Hart", Org: "511"}
	sally   = Who{ID: "w2", Name: "S. Reed", Org: "511"}
	refer   = Refer{ID: "r1", Key: "k1", To: "511", Form: "d2a", FormVersion: 1, Pathway: "1", Answers: form.Answers{"needs": {"help to wash"}}}
)

// act does what people ask, in order; the time is an hour later each time.
func act(t *testing.T, c Case, steps ...any) Case {
	t.Helper()
	for i := 0; i < len(steps); i += 2 {
		es, err := Decide(c, steps[i].(Actor), steps[i+1].(Command), hour(float64(9+i/2)))
		if err != nil {
			t.Fatalf("step %d: %v", i/2+1, err)
		}
		c = Apply(c, es...)
	}
	return c
}

func referred(t *testing.T, steps ...any) Case {
	t.Helper()
	return act(t, anyStay(), append([]any{nurse, refer}, steps...)...)
}

func TestReferralLifecycle(t *testing.T) {
	c := anyStay()
	for _, step := range []struct {
		by    Actor
		cmd   Command
		state RefState
		with  nhs.ODS
		next  string
	}{
		{nurse, refer, RefReceived, "511", "Accept or return"},
		{manager, SendBack{"r1", []string{"capacity"}, "Was capacity assessed?"}, RefReturned, "RK5", "Send the missing information"},
		{nurse, Reply{"r1", form.Answers{"capacity": {"yes"}}}, RefReceived, "511", "Accept or return"},
		{manager, Accept{"r1"}, RefAccepted, "511", "Allocate a worker"},
		{manager, Allocate{"r1", worker, ""}, RefAllocated, "511", "Begin the assessment"},
		{manager, Progress{"r1", RefAssessing}, RefAssessing, "511", "Finish the assessment"},
		{manager, Progress{"r1", RefSourcing}, RefSourcing, "511", "Arrange the care"},
		{manager, Progress{"r1", RefPlanning}, RefPlanning, "511", "Finish the plan"},
		{manager, Progress{"r1", RefReady}, RefReady, "511", "Wait for the discharge"},
		{manager, Close{"r1", "Home with care"}, RefClosed, "511", ""},
	} {
		c = act(t, c, step.by, step.cmd)
		r := c.Referrals[0]
		if r.State != step.state || r.Open() && (r.Holder.Org != step.with || r.Holder.Next != step.next) {
			t.Fatalf("after %T: %s with %s to %q, want %s with %s to %q", step.cmd, r.State, r.Holder.Org, r.Holder.Next, step.state, step.with, step.next)
		}
	}
	r := c.Referrals[0]
	if r.Answers.Get("needs") == "" || r.Answers.Get("capacity") != "yes" || r.Returns[0].Answered.IsZero() {
		t.Error("the reply did not add to the answers")
	}
	if r.Open() {
		t.Error("still open")
	}
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("å", noteLimit+1)
	another := refer
	another.ID, another.Key = "r2", "k2"
	call := Call{ProviderName: "Bluebell Care", Outcome: "restart"}
	with := func(f func(*Call)) RecordCall { k := call; f(&k); return RecordCall{k} }
	dead := func(t *testing.T) Case { return hear(referred(t), a03(12, "V1", died)) }
	frozen := func(t *testing.T) Case {
		return Apply(referred(t), Doubted{At: day, Doubt: Doubt{Kind: DoubtShared}})
	}
	accepted := func(t *testing.T) Case { return referred(t, manager, Accept{"r1"}) }
	fresh := func(t *testing.T) Case { return referred(t) }
	away := func(t *testing.T) Case { return Case{} }
	for _, tt := range []struct {
		name  string
		c     func(*testing.T) Case
		by    Actor
		cmd   Command
		kind  Kind
		field string
	}{
		{"refer from nowhere", away, nurse, refer, BusinessRule, ""},
		{"refer from another hospital", func(t *testing.T) Case { return anyStay() }, Actor{Org: "RX1", OrgKind: Trust}, refer, BusinessRule, ""},
		{"a council refers", func(t *testing.T) Case { return anyStay() }, manager, refer, Forbidden, ""},
		{"refer twice", fresh, nurse, another, Duplicate, ""},
		{"refer without a form", func(t *testing.T) Case { return anyStay() }, nurse, Refer{ID: "r", Key: "k"}, Required, "form"},
		{"refer on pathway 7", func(t *testing.T) Case { return anyStay() }, nurse, Refer{ID: "r", Key: "k", Form: "d2a", Pathway: "7"}, Invalid, "pathway"},
		{"refer the dead", dead, nurse, another, BusinessRule, ""},
		{"ring for the dead", dead, manager, RecordCall{call}, BusinessRule, ""},
		{"refer the frozen", frozen, nurse, another, BusinessRule, ""},
		{"accept the frozen", frozen, manager, Accept{"r1"}, BusinessRule, ""},
		{"accept what is not there", fresh, manager, Accept{"r9"}, NotFound, ""},
		{"accept someone else's", fresh, foreign, Accept{"r1"}, Forbidden, ""},
		{"the hospital accepts its own", fresh, nurse, Accept{"r1"}, Forbidden, ""},
		{"accept what was taken", accepted, manager, Accept{"r1"}, Conflict, ""},
		{"progress before acceptance", fresh, manager, Progress{"r1", RefAssessing}, BusinessRule, ""},
		{"progress before allocation", accepted, manager, Progress{"r1", RefAssessing}, BusinessRule, ""},
		{"progress to an end", accepted, manager, Progress{"r1", RefClosed}, Invalid, "state"},
		{"return without reasons", fresh, manager, SendBack{"r1", []string{" "}, "x"}, Required, "reasons"},
		{"return without words", fresh, manager, SendBack{"r1", []string{"capacity"}, " "}, Required, "needed"},
		{"return twice", func(t *testing.T) Case { return referred(t, manager, SendBack{"r1", []string{"a"}, "b"}) }, manager, SendBack{"r1", []string{"a"}, "b"}, Conflict, ""},
		{"reply when not asked", fresh, nurse, Reply{"r1", form.Answers{"a": {"b"}}}, BusinessRule, ""},
		{"reply with nothing", func(t *testing.T) Case { return referred(t, manager, SendBack{"r1", []string{"a"}, "b"}) }, nurse, Reply{ID: "r1"}, Required, "answers"},
		{"allocate to nobody", accepted, manager, Allocate{ID: "r1"}, Required, "worker"},
		{"allocate to a stranger", accepted, manager, Allocate{ID: "r1", Worker: Who{ID: "x", Org: "512"}}, Invalid, "worker"},
		{"allocate after another did", func(t *testing.T) Case {
			return referred(t, manager, Accept{"r1"}, manager, Allocate{"r1", worker, ""})
		}, manager, Allocate{"r1", sally, ""}, Conflict, ""},
		{"close without an outcome", accepted, manager, Close{ID: "r1"}, Required, "outcome"},
		{"withdraw someone else's", fresh, manager, Withdraw{ID: "r1", Why: "12"}, Forbidden, ""},
		{"withdraw without a reason", fresh, nurse, Withdraw{ID: "r1"}, Invalid, "why"},
		{"withdraw for reason 14", fresh, nurse, Withdraw{ID: "r1", Why: "14"}, Invalid, "why"},
		{"withdraw for other reasons", fresh, nurse, Withdraw{ID: "r1", Why: "13"}, Required, "whyText"},
		{"withdraw twice", func(t *testing.T) Case { return referred(t, nurse, Withdraw{ID: "r1", Why: "12"}) }, nurse, Withdraw{ID: "r1", Why: "12"}, BusinessRule, ""},
		{"empty note", fresh, nurse, AddNote{Note{Audience: AudienceBoth, Text: " \n"}}, Required, "text"},
		{"long note", fresh, nurse, AddNote{Note{Audience: AudienceBoth, Text: long}}, Invalid, "text"},
		{"note for nobody", fresh, nurse, AddNote{Note{Text: "x"}}, Required, "audience"},
		{"note on another's referral", fresh, nurse, AddNote{Note{Audience: AudienceBoth, Text: "x", Referral: "r9"}}, NotFound, "referral"},
		{"call without an outcome", fresh, manager, with(func(k *Call) { k.Outcome = "chat" }), Required, "outcome"},
		{"call to nobody", fresh, manager, with(func(k *Call) { k.ProviderName = "" }), Required, "provider"},
		{"call with a long note", fresh, manager, with(func(k *Call) { k.Text = long[:1002] }), Invalid, "text"},
		{"call to a premium number", fresh, manager, with(func(k *Call) { k.Phone = "0909 8790000" }), Invalid, "phone"},
		{"call to a short number", fresh, manager, with(func(k *Call) { k.Phone = "960001" }), Invalid, "phone"},
		{"call tomorrow", fresh, manager, with(func(k *Call) { k.At = hour(40) }), Invalid, "at"},
		{"settle nothing", fresh, nurse, Settle{Why: "x"}, BusinessRule, ""},
		{"settle without saying why", frozen, nurse, Settle{}, Required, "why"},
		{"settle both ways", frozen, nurse, Settle{Number: numberA, Drop: true, Why: "x"}, Invalid, "number"},
		{"anything to a joined case", func(t *testing.T) Case { return Case{JoinedTo: "c2"} }, nurse, AddNote{Note{Audience: AudienceBoth, Text: "x"}}, BusinessRule, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.c(t)
			es, err := Decide(c, tt.by, tt.cmd, hour(20))
			var e *Error
			if !errors.As(err, &e) || len(es) > 0 {
				t.Fatalf("got %s and error %v", names(es), err)
			}
			if e.Kind != tt.kind || e.Field != tt.field {
				t.Errorf("refused as %s on %q, want %s on %q: %s", e.Kind, e.Field, tt.kind, tt.field, e.Text)
			}
			if e.Kind == BusinessRule && len(e.Allowed) == 0 {
				t.Error("does not say what may be done instead")
			}
		})
	}
}

func TestAskedAgainIsNothing(t *testing.T) {
	note, call := Note{ID: "n", Audience: AudienceBoth, Text: "x"}, Call{ID: "k", ProviderName: "Bluebell Care", Outcome: "told", Phone: "+44 1632 960001"}
	c := referred(t, manager, Allocate{"r1", worker, ""}, nurse, AddNote{note}, manager, RecordCall{call}, manager, Progress{"r1", RefReady},
		manager, Receive{"r1", "M-77"})
	if got := c.Referrals[0].Reference; got != "M-77" {
		t.Errorf("reference is %q", got)
	}
	if c.Referrals[0].Accepted.IsZero() || c.Referrals[0].State != RefReady {
		t.Error("allocating did not accept, or a late receipt took the stage back")
	}
	for _, x := range []struct {
		by  Actor
		cmd Command
	}{{nurse, refer}, {manager, Allocate{"r1", worker, ""}}, {nurse, AddNote{note}}, {manager, RecordCall{call}},
		{manager, Progress{"r1", RefReady}}, {manager, Receive{"r1", "M-77"}}, {manager, Receive{ID: "r1"}}, {nurse, Route{"r1", "511"}}} {
		if es, err := Decide(c, x.by, x.cmd, hour(20)); len(es) > 0 || err != nil && KindOf(err) != BusinessRule {
			t.Errorf("%T again gives %s and %v", x.cmd, names(es), err)
		}
	}
}

func TestUnresolvedCouncil(t *testing.T) {
	x := refer
	x.To, x.Likely = "", []nhs.ODS{"511", "512"}
	c := act(t, anyStay(), nurse, x)
	r := c.Referrals[0]
	if r.State != RefSent || r.Holder.Team != Unresolved || r.Holder.Org != "RK5" || len(r.Likely) != 2 {
		t.Fatalf("held by %+v in state %s", r.Holder, r.State)
	}
	if _, err := Decide(c, manager, Accept{"r1"}, hour(10)); KindOf(err) != Forbidden {
		t.Errorf("accepting what nobody settled gives %v", err)
	}
	c = act(t, c, nurse, Route{"r1", "512"})
	if r := c.Referrals[0]; r.State != RefReceived || r.Holder.Org != "512" || r.Likely != nil {
		t.Errorf("after routing: held by %+v in state %s", r.Holder, r.State)
	}
	// A council that has a referral keeps it: nobody moves it to another one.
	for _, by := range []Actor{nurse, foreign, manager} {
		if es, err := Decide(c, by, Route{"r1", "511"}, hour(12)); err == nil || len(es) > 0 {
			t.Errorf("%s moved a referral that another council has", by.ID)
		}
	}
	if es, err := Decide(c, nurse, Route{"r1", "512"}, hour(12)); err != nil || len(es) > 0 {
		t.Errorf("settling the same again gives %s, %v", names(es), err)
	}
	c.Referrals[0].State = RefSent // as a referral of old may stand
	if _, err := Decide(c, nurse, Route{"r1", "511"}, hour(12)); KindOf(err) != BusinessRule {
		t.Errorf("moving one that is settled gives %v", err)
	}
}

func TestSettle(t *testing.T) {
	c := Apply(*known("c1", numberA, "Marsh", born40), Doubted{At: day, Doubt: Doubt{Kind: DoubtChanged, Said: numberB}})
	took := act(t, c, nurse, Settle{Number: numberB, Why: "asked PDS"})
	if took.NHS != numberB || took.Doubt != nil || len(took.Denied) != 0 {
		t.Error("the number found to be right was not taken")
	}
	kept := act(t, c, nurse, Settle{Why: "asked the person"})
	if kept.NHS != numberA || kept.Doubt != nil || len(kept.Denied) != 1 {
		t.Error("the number that was not theirs is not remembered")
	}
	dropped := act(t, c, nurse, Settle{Drop: true, Why: "somebody else's"})
	if !dropped.NHS.IsZero() || dropped.Doubt != nil {
		t.Error("the number was not taken away")
	}
}

func TestUKPhone(t *testing.T) {
	for s, want := range map[string]bool{"01632 960001": true, "(01632) 960-001": true, "+44 (0)1632 960001": true, "020 7946 0000": true,
		"07700 900001": true, "0300 123 4567": true, "016977 2345": true, "0909 8790000": false, "070 1234 5678": false, "999": false,
		"1632960001": false, "+1 202 555 0100": false, "01632 96000x": false, "": false} {
		if ukPhone(s) != want {
			t.Errorf("ukPhone(%q) is %v", s, !want)
		}
	}
}
