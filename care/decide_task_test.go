package care

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"homeward/nhs"
)

func aTask(change ...func(*Task)) SetTask {
	t := Task{ID: "t1", Audience: AudienceBoth, Text: "Ring the daughter", Owner: Owner{Org: "511", Who: worker}, Due: hour(40)}
	for _, f := range change {
		f(&t)
	}
	return SetTask{t}
}

func TestTasks(t *testing.T) {
	c := referred(t)
	for name, x := range map[string]struct {
		by    Actor
		task  SetTask
		field string
	}{
		"no words":                         {nurse, aTask(func(t *Task) { t.Text = " " }), "text"},
		"nobody":                           {nurse, aTask(func(t *Task) { t.Owner = Owner{} }), "owner"},
		"for no audience":                  {nurse, aTask(func(t *Task) { t.Audience = "" }), "audience"},
		"of another side's audience":       {nurse, aTask(func(t *Task) { t.Audience = AudienceCouncil }), "audience"},
		"council's, of the other's":        {manager, aTask(func(t *Task) { t.Audience = AudienceHospital }), "audience"},
		"to who cannot know it":            {nurse, aTask(func(t *Task) { t.Audience = AudienceHospital }), "owner"},
		"to a council without a part":      {nurse, aTask(func(t *Task) { t.Owner.Org = "512" }), "owner"},
		"due in the past":                  {nurse, aTask(func(t *Task) { t.Due = hour(1) }), "due"},
		"due never":                        {nurse, aTask(func(t *Task) { t.Due = time.Time{} }), "due"},
		"due in a hundred years":           {nurse, aTask(func(t *Task) { t.Due = hour(1e6) }), "due"},
		"about a referral that is not":     {nurse, aTask(func(t *Task) { t.Referral = "none" }), "referral"},
		"of a kind that is none":           {nurse, aTask(func(t *Task) { t.Kind = "wish" }), "kind"},
		"from a form that has lost itself": {nurse, aTask(func(t *Task) { t.ID = "" }), "key"},
	} {
		_, err := Decide(c, x.by, x.task, hour(10))
		if e, ok := err.(*Error); !ok || e.Field != x.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	c = act(t, c, nurse, aTask())
	if again, err := Decide(c, nurse, aTask(), hour(10)); err != nil || len(again) != 0 {
		t.Errorf("set twice: %d events, %v", len(again), err)
	}
	if _, err := Decide(c, foreign, EndTask{ID: "t1", Done: true}, hour(10)); err != nil {
		t.Errorf("a task for both sides: %v", err) // whether they may see it is the policy's
	}
	given := Owner{Org: "511", Team: "hospital"}
	if _, err := Decide(c, manager, GiveTask{ID: "t1", Owner: given, Due: hour(40), Was: Owner{Org: "511"}}, hour(11)); KindOf(err) != Conflict {
		t.Errorf("given by somebody who saw another owner: %v", err)
	}
	c = act(t, c, manager, GiveTask{ID: "t1", Owner: given, Due: hour(41), Was: aTask().Task.Owner})
	if got := c.Tasks[0]; got.Owner != given || got.List() != TeamList("hospital") || !got.Due.Equal(hour(41)) || got.By.ID != nurse.ID {
		t.Errorf("after it was given: %+v", got)
	}
	if _, err := Decide(c, manager, EndTask{ID: "t1"}, hour(12)); KindOf(err) != Required {
		t.Errorf("dropped without a reason: %v", err)
	}
	c = act(t, c, manager, EndTask{ID: "t1", Done: true, Outcome: "She comes at four."})
	if got := c.Tasks[0]; got.Open() || got.Dropped || got.EndedBy.ID != manager.ID {
		t.Errorf("after it was done: %+v", got)
	}
	if again, err := Decide(c, manager, EndTask{ID: "t1", Done: true}, hour(13)); err != nil || len(again) != 0 {
		t.Errorf("done twice: %d events, %v", len(again), err)
	}
	if _, err := Decide(c, nurse, EndTask{ID: "t1", Outcome: "x"}, hour(13)); KindOf(err) != Conflict {
		t.Errorf("dropped by another after it was done: %v", err)
	}
	var kinds []string
	for _, x := range ThreadsOf(c) {
		if x.ID == "t1" {
			kinds = append(kinds, string(x.Kind)+" "+string(x.Org)+" "+x.Owner+" "+x.State)
		}
	}
	if want := []string{"task 511 team:hospital ended", "task-set RK5 n1 ended"}; !slices.Equal(kinds, want) {
		t.Errorf("on the lists: %q", kinds)
	}
}

// A council's own task is nobody else's: for the hospital it is not there.
func TestTheOtherSidesTaskIsNone(t *testing.T) {
	c := act(t, referred(t), manager, aTask(func(t *Task) { t.Audience = AudienceCouncil }))
	for _, cmd := range []Command{EndTask{ID: "t1", Done: true}, GiveTask{ID: "t1", Owner: Owner{Org: "RK5"}, Due: hour(40), Was: Owner{Org: "511", Who: worker}}} {
		_, err := Decide(c, nurse, cmd, hour(12))
		none, _ := Decide(c, nurse, EndTask{ID: "t9", Done: true}, hour(12))
		if KindOf(err) != NotFound || none != nil {
			t.Errorf("%T: %v", cmd, err)
		}
	}
}

func nudge(n string) GiveNudge { return GiveNudge{Nudge{ID: n, Referral: "r1", Text: "She waits."}} }

func TestThreeNudgesWithoutActionEscalate(t *testing.T) {
	c := referred(t)
	at := hour(10)
	ask := func(by Actor, id string) error {
		es, err := Decide(c, by, nudge(id), at)
		c = Apply(c, es...)
		return err
	}
	if err := ask(manager, "x"); KindOf(err) != BusinessRule {
		t.Errorf("the holder nudges itself: %v", err)
	}
	if err := ask(foreign, "x"); KindOf(err) != NotFound {
		t.Errorf("a council without a part nudges: %v", err)
	}
	for i, id := range []string{"a", "b", "c", "d"} {
		if err := ask(nurse, id); err != nil {
			t.Fatal(err)
		}
		n := c.Nudges[len(c.Nudges)-1]
		if n.Number != i+1 || n.Escalated != (i == 2) || n.To.Org != "511" {
			t.Errorf("nudge %d: %+v", i+1, n)
		}
		at = at.Add(29*time.Minute + 30*time.Second)
		if err := ask(nurse, id+"2"); KindOf(err) != Throttled || err.(*Error).Text != "They were asked less than 30 minutes ago. You can ask again in 1 minute" {
			t.Errorf("again at once: %v", err)
		}
		if err := ask(nurse, id); err != nil || len(c.Nudges) != i+1 {
			t.Errorf("the same form again: %v, %d nudges", err, len(c.Nudges))
		}
		at = at.Add(time.Minute)
	}
	open := slices.DeleteFunc(slices.Clone(c.Tasks), func(t Task) bool { return !t.Open() })
	if len(open) != 1 || open[0].Kind != TaskEscalated || open[0].List() != ListManagers || open[0].Owner.Org != "511" || open[0].Audience != AudienceCouncil || open[0].For("RK5") {
		t.Fatalf("escalated to: %+v", open)
	}
	// The council acts: the count begins anew, and what was escalated is over.
	es, err := Decide(c, manager, Accept{"r1"}, at)
	if err != nil {
		t.Fatal(err)
	}
	c = Apply(c, es...)
	if c.Tasks[0].Open() {
		t.Error("what was escalated waits on after the council acted")
	}
	at = at.Add(time.Minute)
	if err := ask(nurse, "e"); err != nil || c.Nudges[len(c.Nudges)-1].Number != 1 {
		t.Errorf("after the council acted: %v, %+v", err, c.Nudges[len(c.Nudges)-1])
	}
}

func TestADeathSetsTheCouncilsTaskOnce(t *testing.T) {
	c := referred(t, manager, Allocate{"r1", worker, ""})
	death := PersonDied{Death: Death{At: hour(20), Source: "kmh"}}
	es := follow(c, []Event{death}, hour(20))
	c = Apply(c, es...)
	if len(c.Tasks) != 1 || c.Tasks[0].Kind != TaskAfterLife || c.Tasks[0].List() != string(worker.ID) || c.Tasks[0].Audience != AudienceCouncil {
		t.Fatalf("after a death: %+v", c.Tasks)
	}
	c = Apply(c, follow(c, []Event{death}, hour(21))...)
	if len(c.Tasks) != 1 {
		t.Error("the same death again set another task")
	}
	if _, err := Decide(c, nurse, nudge("n"), hour(22)); KindOf(err) != BusinessRule {
		t.Errorf("somebody is nudged about who died: %v", err)
	}
	c = Apply(c, follow(c, []Event{DeathUndone{At: hour(22)}}, hour(22))...)
	if c.Tasks[0].Open() {
		t.Error("the death was taken back, and its task waits on")
	}
}

func TestMentions(t *testing.T) {
	c := referred(t)
	note := func(a Audience, kind string, to ...Owner) AddNote {
		return AddNote{Note{ID: "n1", Audience: a, Text: "See @W. Hart", Kind: kind, Mentions: to}}
	}
	for name, x := range map[string]struct {
		cmd   AddNote
		field string
	}{
		"the other side, both read it":      {note(AudienceBoth, "visit", Owner{Org: "511", Who: worker}), ""},
		"our side, our note":                {note(AudienceHospital, "", Owner{Org: "RK5"}), ""},
		"the other side, of our own note":   {note(AudienceHospital, "", Owner{Org: "511", Who: worker}), "mentions"},
		"who has no part":                   {note(AudienceBoth, "", Owner{Org: "512"}), "mentions"},
		"a kind of note that there is none": {note(AudienceBoth, "poem"), "kind"},
		"far too many":                      {note(AudienceBoth, "", make([]Owner, mentionLimit+1)...), "mentions"},
	} {
		_, err := Decide(c, nurse, x.cmd, hour(10))
		if e, _ := err.(*Error); x.field == "" && err != nil || x.field != "" && (e == nil || e.Field != x.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// anyTask and anyNudge draw what is asked of tasks and of the other side.
func anyTask(t *rapid.T, c Case) Command {
	o := rapid.SampledFrom([]Owner{{Org: "511"}, {Org: "511", Team: "hospital"}, {Org: "511", Who: worker}, {Org: "RK5"}, {Org: "512"}}).Draw(t, "owner")
	if n := len(c.Tasks); n > 0 && rapid.Bool().Draw(t, "give") {
		return GiveTask{ID: c.Tasks[n-1].ID, Owner: o, Due: day.AddDate(0, 0, 30), Was: c.Tasks[n-1].Owner}
	}
	return aTask(func(x *Task) {
		x.ID, x.Owner, x.Due = "t"+itoa(c.Version), o, day.AddDate(0, 0, 20)
		x.Audience = rapid.SampledFrom([]Audience{AudienceBoth, AudienceBoth, AudienceCouncil, AudienceHospital}).Draw(t, "audience")
	})
}

func anyNudge(t *rapid.T, c Case) Command {
	return GiveNudge{Nudge{ID: "x" + itoa(c.Version), Referral: anyReferral(t, c)}}
}

// checkTasks holds of any case: nudges count up from one without a gap while one
// side has the referral, and whoever must do a task can know of it.
func checkTasks(t *rapid.T, c Case) {
	last := map[ReferralID]int{}
	for _, n := range c.Nudges {
		if n.Number != 1 && n.Number != last[n.Referral]+1 || n.To.Org == n.By.Org {
			t.Fatalf("nudge %d after %d, of %s to %s", n.Number, last[n.Referral], n.By.Org, n.To.Org)
		}
		last[n.Referral] = n.Number
	}
	for _, x := range c.Tasks {
		if x.Owner.Org == nhs.ODS("") || !x.For(x.Owner.Org) || x.Due.IsZero() {
			t.Fatalf("a task of nobody: %+v", x)
		}
	}
}
