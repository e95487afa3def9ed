package care

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHuddleDecidesForBothSides(t *testing.T) {
	next := DecideNext{Decision{ID: "d1", Referral: "r1", Huddle: "h1", Text: "Therapy visit", Owner: Owner{Org: "RK5"}, Due: hour(16)}}
	c := act(t, accepted(t), manager, next)
	d, task := c.Decisions[0], c.Tasks[len(c.Tasks)-1]
	if !d.Today || d.By.ID != manager.ID || task.Kind != TaskDecided || task.About != "d1" || task.ID != d.Task || task.Audience != AudienceBoth || !task.Due.Equal(hour(16)) {
		t.Fatalf("decided %+v with the task %+v", d, task)
	}
	if again := act(t, c, manager, next); again.Version != c.Version {
		t.Error("the same decision was made twice")
	}
	no := RecordDisagreement{"d1", "The ward has no therapist today"}
	not := act(t, c, nurse, no)
	if got := not.Decisions[0].Disagreed; len(got) != 1 || got[0].By.ID != nurse.ID || not.Decisions[0].Text != d.Text {
		t.Errorf("disagreed: %+v", got)
	}
	if again := act(t, not, nurse, no); again.Version != not.Version {
		t.Error("the same disagreement was recorded twice")
	}
	with := func(f func(*Decision)) DecideNext { x := next.Decision; x.ID = "d2"; f(&x); return DecideNext{x} }
	for _, tt := range []struct {
		name  string
		by    Actor
		cmd   Command
		kind  Kind
		field string
	}{
		{"no key", manager, with(func(d *Decision) { d.ID = "" }), Required, "key"},
		{"no huddle", manager, with(func(d *Decision) { d.Huddle = "" }), Required, "huddle"},
		{"no words", manager, with(func(d *Decision) { d.Text = " " }), Required, "text"},
		{"nobody does it", manager, with(func(d *Decision) { d.Owner = Owner{} }), Required, "owner"},
		{"a stranger does it", manager, with(func(d *Decision) { d.Owner.Org = "512" }), Invalid, "owner"},
		{"by no time", manager, with(func(d *Decision) { d.Due = time.Time{} }), Required, "due"},
		{"by yesterday", manager, with(func(d *Decision) { d.Due = hour(1) }), Invalid, "due"},
		{"about a stranger's referral", foreign, next.with("d3"), NotFound, "referral"},
		{"a stranger disagrees", foreign, no, NotFound, ""},
		{"disagree with nothing", nurse, RecordDisagreement{"d9", "No"}, NotFound, ""},
		{"disagree without words", nurse, RecordDisagreement{"d1", ""}, Required, "text"},
	} {
		if _, err := Decide(c, tt.by, tt.cmd, hour(12)); KindOf(err) != tt.kind || tt.field != "" && err.(*Error).Field != tt.field {
			t.Errorf("%s: %v, want %s %s", tt.name, err, tt.kind, tt.field)
		}
	}
}

func (x DecideNext) with(id string) DecideNext { x.Decision.ID = id; return x }

func raised(change ...func(*Concern)) RaiseConcern {
	n := Concern{ID: "c1", Reference: ConcernReference("c1"), To: "511", Kinds: []string{"neglect"}, Words: "Left without food", Knows: "not-asked", Contact: "Ward 12, 01632 960300"}
	for _, f := range change {
		f(&n)
	}
	return RaiseConcern{n}
}

func TestConcernsFromRaisedToClosed(t *testing.T) {
	frozen := Apply(referred(t), Doubted{At: day, Doubt: Doubt{Kind: DoubtShared}})
	for name, c := range map[string]Case{"referred": referred(t), "frozen": frozen, "dead": hear(referred(t), a03(8.5, "V1", died))} {
		c = act(t, c, nurse, raised())
		if n := c.Concerns[0]; n.State != ConcernRaised || n.By.ID != nurse.ID {
			t.Fatalf("%s: %+v", name, n)
		}
		if again := act(t, c, nurse, raised()); again.Version != c.Version {
			t.Errorf("%s: raised twice", name)
		}
		open := act(t, c, manager, MoveConcern{"c1", ConcernReceived, ""}, manager, MoveConcern{"c1", ConcernEnquiry, ""})
		if open.Enquiry("511").IsZero() || !open.Enquiry("512").IsZero() {
			t.Errorf("%s: no enquiry is open", name)
		}
		closed := act(t, open, manager, MoveConcern{"c1", ConcernClosed, "A plan was agreed"})
		if n := closed.Concerns[0]; n.State.Open() || n.Outcome == "" || !closed.Enquiry("511").IsZero() {
			t.Errorf("%s: %+v", name, n)
		}
		for _, tt := range []struct {
			by   Actor
			cmd  Command
			kind Kind
		}{
			{nurse, MoveConcern{"c1", ConcernReceived, ""}, NotFound}, {foreign, MoveConcern{"c1", ConcernReceived, ""}, NotFound},
			{manager, MoveConcern{"c1", ConcernReceived, ""}, Conflict},
		} {
			if _, err := Decide(closed, tt.by, tt.cmd, hour(20)); KindOf(err) != tt.kind {
				t.Errorf("%s: %s moves it: %v", name, tt.by.ID, err)
			}
		}
		if _, err := Decide(open, manager, MoveConcern{"c1", ConcernClosed, " "}, hour(20)); KindOf(err) != Required {
			t.Errorf("%s: closed without words: %v", name, err)
		}
	}
	for name, tt := range map[string]struct {
		f     func(*Concern)
		field string
	}{
		"kinds": {func(n *Concern) { n.Kinds = nil }, "kinds"}, "a kind of ours": {func(n *Concern) { n.Kinds = []string{"gossip"} }, "kinds"},
		"words": {func(n *Concern) { n.Words = " " }, "words"}, "knows": {func(n *Concern) { n.Knows = "" }, "knows"},
		"contact": {func(n *Concern) { n.Contact = "" }, "contact"}, "council": {func(n *Concern) { n.To = "" }, "to"}, "key": {func(n *Concern) { n.ID = "" }, "key"},
	} {
		if _, err := Decide(referred(t), nurse, raised(tt.f), hour(9)); err == nil || err.(*Error).Field != tt.field {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// TestEnquiriesNeverHideAYes is every answer of an extract with every state here.
func TestEnquiriesNeverHideAYes(t *testing.T) {
	for _, said := range []Answer{AnswerUnknown, AnswerYes, AnswerNo, AnswerNotShared} {
		for _, state := range []ConcernState{"", ConcernRaised, ConcernReceived, ConcernEnquiry, ConcernClosed} {
			for _, newer := range []bool{false, true} {
				asAt := hour(1)
				if newer {
					asAt = hour(30)
				}
				c := Case{Holdings: []Holding{{Council: "511", AsAt: asAt, Safeguarding: Safeguarding{said, asAt}}, {Council: "512", Safeguarding: Safeguarding{Answer: AnswerNo}}}}
				if state != "" {
					c.Concerns = []Concern{{ID: "c1", To: "511", State: state, Moved: hour(20)}}
				}
				want := said
				if state == ConcernEnquiry {
					want = AnswerYes
				}
				held := c.Held()
				if got := held[0].Safeguarding.Answer; got != want || said == AnswerYes && got != AnswerYes || held[1].Safeguarding.Answer != AnswerNo {
					t.Errorf("the extract says %q (newer %v), here it is %q: %q", said, newer, state, got)
				}
				if c.Holdings[0].Safeguarding.Answer != said {
					t.Fatal("the case itself was changed")
				}
			}
		}
	}
	none := Case{Concerns: []Concern{{To: "511", State: ConcernEnquiry, Moved: hour(2)}}, Holdings: []Holding{{Council: "511", Ended: true}}}
	if held := none.Held(); len(held) != 2 || held[1].Safeguarding.Answer != AnswerYes || !held[1].AsAt.Equal(hour(2)) {
		t.Errorf("a council that holds nothing else: %+v", held)
	}
}

func TestConcernReference(t *testing.T) {
	seen := map[string]bool{}
	for i := range 500 {
		ref := ConcernReference("id" + itoa(i))
		if !regexp.MustCompile(`^C-[2-9A-HJ-KM-NP-Z]{4}-[2-9A-HJ-KM-NP-Z]{4}$`).MatchString(ref) || strings.ContainsAny(ref, "01ILOU") || seen[ref] {
			t.Fatalf("%q", ref)
		}
		seen[ref] = true
	}
	if again := ConcernReference("id7"); !seen[again] {
		t.Error("not the same again")
	}
	threads := concernThreads(Case{Concerns: []Concern{{ID: "c1", To: "511", By: Who{ID: "n1", Org: "RK5"}, State: ConcernRaised}}})
	if len(threads) != 2 || !slices.ContainsFunc(threads, func(x Thread) bool { return x.Org == "RK5" && x.Owner == "n1" }) {
		t.Errorf("%+v", threads)
	}
}
