package care

import (
	"testing"
	"time"

	"homeward/nhs"
)

func dateOf(y, m, d int) nhs.Date { return nhs.Date{Year: y, Month: time.Month(m), Day: d} }

// TestHomeDays checks days that were worked out by hand.
func TestHomeDays(t *testing.T) {
	for _, tt := range []struct{ left, day91, month6 nhs.Date }{
		{dateOf(2026, 3, 1), dateOf(2026, 5, 31), dateOf(2026, 9, 1)},
		{dateOf(2026, 8, 31), dateOf(2026, 11, 30), dateOf(2027, 2, 28)},
		{dateOf(2027, 8, 31), dateOf(2027, 11, 30), dateOf(2028, 2, 29)}, // a leap year
		{dateOf(2027, 8, 29), dateOf(2027, 11, 28), dateOf(2028, 2, 29)},
		{dateOf(2028, 2, 29), dateOf(2028, 5, 30), dateOf(2028, 8, 29)},
		{dateOf(2026, 12, 31), dateOf(2027, 4, 1), dateOf(2027, 6, 30)},
	} {
		if got := dayAfter(tt.left, 91); got != tt.day91 {
			t.Errorf("day 91 after %v is %v, want %v", tt.left, got, tt.day91)
		}
		if got := monthsAfter(tt.left, 6); got != tt.month6 {
			t.Errorf("6 months after %v is %v, want %v", tt.left, got, tt.month6)
		}
	}
}

func TestUKDay(t *testing.T) {
	at := func(m time.Month, d, h int) time.Time { return time.Date(2026, m, d, h, 30, 0, 0, time.UTC) }
	for _, tt := range []struct {
		at   time.Time
		want nhs.Date
	}{
		{at(1, 10, 23), dateOf(2026, 1, 10)}, {at(6, 10, 23), dateOf(2026, 6, 11)}, {at(6, 10, 22), dateOf(2026, 6, 10)},
		{at(3, 28, 23), dateOf(2026, 3, 28)}, {at(3, 29, 23), dateOf(2026, 3, 30)}, {at(10, 24, 23), dateOf(2026, 10, 25)}, {at(10, 25, 23), dateOf(2026, 10, 25)},
	} {
		if got := ukDay(tt.at); got != tt.want {
			t.Errorf("%v is on %v, want %v", tt.at, got, tt.want)
		}
	}
}

func TestReadmission(t *testing.T) {
	left := time.Date(2026, 3, 10, 14, 0, 0, 0, time.UTC)
	first := Stay{Visit: "V1", Org: "RK5", Class: "I", Admitted: left.AddDate(0, 0, -5), Left: &Leaving{At: left, Destination: "19"}}
	again := func(days int, method string, change ...func(*Stay)) Stay {
		s := Stay{Visit: "V2", Org: "RK5", Class: "I", Method: method, Admitted: left.AddDate(0, 0, days)}
		for _, f := range change {
			f(&s)
		}
		return s
	}
	over := dateOf(2026, 6, 1)
	for _, tt := range []struct {
		name   string
		next   *Stay
		today  nhs.Date
		want   ReadmitAnswer
		days   int
		with28 bool
	}{
		{"none", nil, over, ReadmitNone, 0, false},
		{"none yet on day 29", nil, dateOf(2026, 4, 8), ReadmitYet, 0, false},
		{"over on day 30", nil, dateOf(2026, 4, 9), ReadmitNone, 0, false},
		{"the same day", new(again(0, "21")), over, ReadmitYes, 0, true},
		{"day 27", new(again(27, "2D")), over, ReadmitYes, 27, true},
		{"day 28", new(again(28, "21")), over, ReadmitYes, 28, false},
		{"day 29", new(again(29, "28")), over, ReadmitYes, 29, false},
		{"day 30", new(again(30, "21")), over, ReadmitNone, 0, false},
		{"planned", new(again(9, "11")), over, ReadmitNone, 0, false},
		{"to give birth", new(again(9, "31")), over, ReadmitNone, 0, false},
		{"nobody told how", new(again(9, "")), over, ReadmitUnknown, 9, true},
		{"not known", new(again(9, "99")), over, ReadmitUnknown, 9, true},
		{"an attendance", new(again(9, "21", func(s *Stay) { s.Class = "E" })), over, ReadmitNone, 0, false},
		{"a transfer", new(again(1, "81", func(s *Stay) { s.Org = "RX1" })), over, ReadmitNone, 0, false},
		{"an emergency transfer", new(again(1, "2B", func(s *Stay) { s.Org = "RX1" })), over, ReadmitNone, 0, false},
		{"one later on", new(again(5, "2B", func(s *Stay) { s.Org = "RX1" })), over, ReadmitYes, 5, true},
	} {
		got := Readmission(Case{Past: []Stay{first}, Stay: tt.next}, first, tt.today)
		if got.Answer != tt.want || got.Days != tt.days || got.Within28 != tt.with28 {
			t.Errorf("%s: %+v, want %s on day %d", tt.name, got, tt.want, tt.days)
		}
	}
	died := first
	died.Left = &Leaving{At: left, Died: true}
	if got := Readmission(Case{Past: []Stay{died}}, died, over); got.Answer != "" {
		t.Errorf("after a death: %+v", got)
	}
}

// gone is somebody whom the council took on and who left hospital on the day after.
func gone(t *testing.T) Case { return hear(accepted(t), a03(20, "V1")) }

func taskOf(c Case, kind TaskKind) (out []Task) {
	for _, x := range c.Tasks {
		if x.Kind == kind {
			out = append(out, x)
		}
	}
	return out
}

func TestOutcomeTasksFollowTheDischarge(t *testing.T) {
	c := gone(t)
	left := ukDay(hour(20))
	for kind, on := range map[TaskKind]nhs.Date{TaskHome91: dayAfter(left, 91), TaskHome6m: monthsAfter(left, 6)} {
		ts := taskOf(c, kind)
		if len(ts) != 1 || !ts[0].Open() || ts[0].Owner.Org != "511" || ts[0].Audience != AudienceCouncil || nhs.DateOf(ts[0].Due) != on {
			t.Fatalf("%s: %+v, want one due on %v", kind, ts, on)
		}
	}
	if again := hear(c, a03(20, "V1")); len(again.Tasks) != len(c.Tasks) {
		t.Error("the same discharge set its tasks again")
	}
	back := hear(c, undo(UndoneLeaving, 21, "V1"))
	for _, x := range append(taskOf(back, TaskHome91), taskOf(back, TaskHome6m)...) {
		if x.Open() || !x.Dropped {
			t.Errorf("the discharge was taken back and the task stands: %+v", x)
		}
	}
	home := hear(back, a03(22, "V1"))
	if ts := taskOf(home, TaskHome91); len(ts) != 1 || !ts[0].Open() {
		t.Errorf("left again on the same day: %+v", ts)
	}
	if withdrawn := hear(act(t, accepted(t), nurse, Withdraw{ID: "r1", Why: "12"}), a03(20, "V1")); len(taskOf(withdrawn, TaskHome91)) > 0 {
		t.Error("it is asked after a referral that was withdrawn")
	}
	if dead := hear(accepted(t), a03(20, "V1", died)); len(taskOf(dead, TaskHome91)) > 0 {
		t.Error("it is asked after somebody who died in hospital")
	}
}

func TestOutcomeByRule(t *testing.T) {
	atHome := func(o *Observation) { o.Left.Leaving.Destination = "85" }
	c := hear(accepted(t), a03(20, "V1", atHome))
	o := c.OutcomeOf("r1")
	if o.Day91 == nil || !o.Day91.Rule || o.Day91.Answer != HomeCareHome || o.Month6 == nil || o.Day91.Counts() || len(taskOf(c, TaskHome91)) > 0 {
		t.Fatalf("into a care home: %+v", o)
	}
	short := act(t, c, manager, RecordOutcome{What: OutcomeDestination, Outcome: Outcome{Referral: "r1", Destination: "respite"}, Was: o.At})
	if o := short.OutcomeOf("r1"); o.Day91 != nil || len(taskOf(short, TaskHome91)) != 1 || !taskOf(short, TaskHome91)[0].Open() {
		t.Errorf("for a short stay: %+v", o)
	}

	home := gone(t)
	dead := Apply(home, follow(home, []Event{PersonDied{At: hour(40), Death: Death{At: hour(40), Source: "EPR"}}}, hour(40))...)
	o = dead.OutcomeOf("r1")
	if o.Day91 == nil || o.Day91.Answer != HomeDied || !o.Day91.Rule || o.Day91.Counts() || taskOf(dead, TaskHome91)[0].Open() || taskOf(dead, TaskHome91)[0].Dropped {
		t.Fatalf("died: %+v, %+v", o, taskOf(dead, TaskHome91))
	}
	alive := Apply(dead, follow(dead, []Event{DeathUndone{At: hour(41)}}, hour(41))...)
	if o = alive.OutcomeOf("r1"); o.Day91 != nil || !taskOf(alive, TaskHome91)[0].Open() {
		t.Errorf("the death was taken back: %+v, %+v", o, taskOf(alive, TaskHome91))
	}

	late := day.AddDate(0, 0, 95)
	in := Admitted{At: late, Stay: Stay{Visit: "V9", Org: "RK5", Class: "I", Admitted: late.AddDate(0, 0, -6)}}
	ill := Apply(home, follow(home, []Event{in}, late)...)
	if o = ill.OutcomeOf("r1"); o.Day91 == nil || o.Day91.Answer != HomeHospital || o.Month6 != nil {
		t.Errorf("in hospital over the day: %+v", o)
	}
}

// after does what somebody asks at a time.
func after(c Case, at time.Time, by Actor, cmd Command) (Case, error) {
	es, err := Decide(c, by, cmd, at)
	return Apply(c, es...), err
}

func TestAnswersAndTasksAreTheSame(t *testing.T) {
	c, on := gone(t), day.AddDate(0, 0, 92)
	task := taskOf(c, TaskHome91)[0]
	done, err := after(c, on, manager, EndTask{ID: task.ID, Done: true, Outcome: "At home"})
	if o := done.OutcomeOf("r1"); err != nil || o.Day91 == nil || o.Day91.Answer != HomeAtHome || !o.Day91.Counts() || o.Day91.By.ID != manager.ID {
		t.Errorf("the task was done: %+v, %v", o, err)
	}
	said := RecordOutcome{What: OutcomeDay91, Outcome: Outcome{Referral: "r1", Day91: &AtHome{Answer: "unreachable"}}}
	recorded, err := after(c, on, manager, said)
	if ts := taskOf(recorded, TaskHome91); err != nil || ts[0].Open() || ts[0].Dropped || ts[0].EndedBy.ID != manager.ID || recorded.OutcomeOf("r1").Day91.Counts() {
		t.Errorf("the answer was recorded: %+v, %v", ts, err)
	}
	if again, err := after(recorded, on, manager, said); err != nil || again.Version != recorded.Version {
		t.Errorf("sent twice: %v", err)
	}
	words, err := after(c, on, manager, EndTask{ID: task.ID, Done: true, Outcome: "Rang, all well"})
	if o := words.OutcomeOf("r1"); err != nil || o.Day91 != nil || len(taskOf(words, TaskHome91)) != 1 {
		t.Errorf("words that are no answer: %+v, %v", o, err)
	}
}

func TestRecordOutcomeRefuses(t *testing.T) {
	c := gone(t)
	now := hour(30)
	record := func(what string, o Outcome) RecordOutcome {
		o.Referral = "r1"
		return RecordOutcome{What: what, Outcome: o}
	}
	said := record(OutcomeSaid, Outcome{Said: "Nice to be home", SaidAt: hour(29)})
	for _, tt := range []struct {
		name  string
		c     Case
		by    Actor
		cmd   RecordOutcome
		kind  Kind
		field string
	}{
		{"of nothing", c, manager, RecordOutcome{What: OutcomeSaid, Outcome: Outcome{Referral: "r9"}}, NotFound, ""},
		{"another council's", c, foreign, said, Forbidden, ""},
		{"no part", c, manager, record("all", Outcome{}), Invalid, "what"},
		{"no destination", c, manager, record(OutcomeDestination, Outcome{Destination: "moon"}), Required, "destination"},
		{"left tomorrow", c, manager, record(OutcomeDestination, Outcome{Destination: "home", Left: dayAfter(ukDay(now), 1)}), Invalid, "left"},
		{"said nothing", c, manager, record(OutcomeSaid, Outcome{SaidAt: now}), Required, "said"},
		{"said at no time", c, manager, record(OutcomeSaid, Outcome{Said: "x"}), Required, "saidAt"},
		{"said tomorrow", c, manager, record(OutcomeSaid, Outcome{Said: "x", SaidAt: now.Add(time.Hour)}), Invalid, "saidAt"},
		{"an empty goal", c, manager, record(OutcomeGoals, Outcome{Goals: []Goal{{ID: "g"}}}), Required, "goals"},
		{"a goal met somehow", c, manager, record(OutcomeGoals, Outcome{Goals: []Goal{{ID: "g", Text: "Walk", Met: "mostly"}}}), Invalid, "goals"},
		{"day 91 too early", c, manager, record(OutcomeDay91, Outcome{Day91: &AtHome{Answer: "home"}}), BusinessRule, ""},
		{"no answer", c, manager, record(OutcomeDay91, Outcome{}), Required, "answer"},
		{"still in hospital", accepted(t), manager, record(OutcomeDay91, Outcome{Day91: &AtHome{Answer: "home"}}), BusinessRule, ""},
	} {
		if _, err := after(tt.c, now, tt.by, tt.cmd); KindOf(err) != tt.kind || tt.field != "" && err.(*Error).Field != tt.field {
			t.Errorf("%s: %v, want %s %s", tt.name, err, tt.kind, tt.field)
		}
	}
	first, err := after(c, now, manager, said)
	if err != nil || first.OutcomeOf("r1").SaidTo.Name != manager.Name {
		t.Fatalf("said: %+v, %v", first.OutcomeOf("r1"), err)
	}
	other := record(OutcomeDestination, Outcome{Destination: "home"})
	if _, err := after(first, hour(31), nurse, other); KindOf(err) != Conflict {
		t.Errorf("recorded over another's: %v", err)
	}
	other.Was = first.OutcomeOf("r1").At
	both, err := after(first, hour(31), nurse, other)
	if o := both.OutcomeOf("r1"); err != nil || o.Said == "" || o.Destination != "home" {
		t.Errorf("with what was seen: %+v, %v", o, err)
	}
}
