package care

import (
	"cmp"
	"slices"
	"time"

	"homeward/nhs"
)

// What is asked of tasks and nudges.
const (
	taskAhead   = 2 * 366 * 24 * time.Hour // the furthest that a task may be due
	nudgesWait  = 3                        // nudges without action, after which the managers are told
	escalateDue = 4 * time.Hour            // a manager's time to look at what was escalated
)

// NudgeApart is the least time between two nudges of one side about one referral.
const NudgeApart = 30 * time.Minute

// TaskOutcomeLimit is the longest outcome or reason of a task, in characters.
const TaskOutcomeLimit = shortLimit

// knownTask reports whether a kind of task is one of ours.
func knownTask(k TaskKind) bool {
	return slices.Contains([]TaskKind{TaskByHand, TaskCallBack, TaskDecided, TaskHome91, TaskHome6m, TaskProvider, TaskEscalated, TaskAtRisk, TaskConcern, TaskAfterLife, TaskCost}, k)
}

// Shares reports whether two organisations work on this case together: one sent a
// referral to the other.
func (c Case) Shares(a, b nhs.ODS) bool {
	return a == b || slices.ContainsFunc(c.Referrals, func(r Referral) bool { return r.From == a && r.To == b || r.From == b && r.To == a })
}

// audience refuses an audience that is none, or not one of the actor's own side.
func (d deciding) audience(a Audience, what string) error {
	switch {
	case !slices.Contains([]Audience{AudienceBoth, AudienceCouncil, AudienceHospital}, a):
		return missing("audience", "Choose who can read "+what)
	case a == AudienceCouncil && d.by.OrgKind == Trust, a == AudienceHospital && d.by.OrgKind == Council:
		return invalid("audience", "Choose both sides or your own side")
	}
	return nil
}

// knows refuses somebody as an owner or as mentioned who could not read what is
// meant for an audience: the other side reads only what is for both, and only an
// organisation that works on this person with the actor's is a side.
func (d deciding) knows(field string, o Owner, a Audience) error {
	switch {
	case o.Org == "":
		return missing(field, "Choose who it is for")
	case o.Org == d.by.Org:
		return nil
	case a != AudienceBoth:
		return invalid(field, "Choose somebody of your own side, or let both sides read it")
	case !d.c.Shares(d.by.Org, o.Org):
		return invalid(field, "Choose somebody who works on this case")
	}
	return nil
}

func (c SetTask) decide(d deciding) ([]Event, error) {
	t := c.Task
	if t.ID == "" {
		return nil, missing("key", "The task has no key. Open the form again")
	}
	if slices.ContainsFunc(d.c.Tasks, func(x Task) bool { return x.ID == t.ID }) {
		return nil, nil
	}
	t.Kind = cmp.Or(t.Kind, TaskByHand)
	if !knownTask(t.Kind) {
		return nil, invalid("kind", "Choose a kind of task")
	}
	if err := firstError(d.audience(t.Audience, "the task"), words("text", t.Text, "what must be done", true, shortLimit), d.knows("owner", t.Owner, t.Audience), d.dueAt(t.Due)); err != nil {
		return nil, err
	}
	if t.Referral != "" && !slices.ContainsFunc(d.c.Referrals, func(r Referral) bool { return r.ID == t.Referral }) {
		return nil, &Error{Kind: NotFound, Field: "referral", Text: "There is no such referral"}
	}
	t.Of, t.At, t.By, t.Ended, t.EndedBy, t.Dropped, t.Outcome = "", d.now, d.by.Who(), time.Time{}, Who{}, false, ""
	return []Event{TaskChanged{At: d.now, Did: TaskSet, By: t.By, Task: t}}, nil
}

func (d deciding) dueAt(due time.Time) error {
	switch {
	case due.IsZero():
		return missing("due", "Enter when it is due")
	case due.Before(d.now):
		return invalid("due", "Enter a time that is not past")
	case due.After(d.now.Add(taskAhead)):
		return invalid("due", "Enter a day within the next two years")
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// task is one that the actor's side may work on. One that they may not know is
// the same as none.
func (d deciding) task(id string) (Task, error) {
	i := slices.IndexFunc(d.c.Tasks, func(t Task) bool { return t.ID == id })
	if i < 0 || !d.c.Tasks[i].For(d.by.Org) {
		return Task{}, &Error{Kind: NotFound, Text: "There is no such task"}
	}
	return d.c.Tasks[i], nil
}

// For reports whether an organisation can know of a task by its audience: who set
// it or must do it, and everybody with a part where it is for both sides. Whether
// they may see it at all is the policy's.
func (t Task) For(org nhs.ODS) bool {
	return t.Audience == AudienceBoth || t.By.Org == org || t.Owner.Org == org
}

func (c GiveTask) decide(d deciding) ([]Event, error) {
	t, err := d.task(c.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case !t.Open():
		return nil, notNow("This task has ended.", "Set another task")
	case t.Owner == c.Owner && t.Due.Equal(c.Due):
		return nil, nil
	case t.Owner != c.Was:
		return nil, &Error{Kind: Conflict, Text: "Somebody has given this task to another since you opened it"}
	case !c.Saw.IsZero() && !t.Due.Equal(c.Saw):
		return nil, &Error{Kind: Conflict, Text: "Somebody has changed when this task is due since you opened it"}
	}
	if err := d.knows("owner", c.Owner, t.Audience); err != nil {
		return nil, err
	}
	if !c.Due.Equal(t.Due) {
		if err := d.dueAt(c.Due); err != nil {
			return nil, err
		}
	}
	t.Owner, t.Due = c.Owner, c.Due
	return []Event{TaskChanged{At: d.now, Did: TaskGiven, By: d.by.Who(), Task: t}}, nil
}

func (c EndTask) decide(d deciding) ([]Event, error) {
	t, err := d.task(c.ID)
	if err != nil {
		return nil, err
	}
	if !t.Open() {
		if t.EndedBy.ID == d.by.ID && t.Dropped == !c.Done {
			return nil, nil
		}
		return nil, &Error{Kind: Conflict, Text: cmp.Or(t.EndedBy.Name, "Homeward") + " has ended this task already"}
	}
	what := "what came of it"
	if !c.Done {
		what = "why it is not needed"
	}
	if err := words("outcome", c.Outcome, what, !c.Done, shortLimit); err != nil {
		return nil, err
	}
	return []Event{t.end(d.now, d.by.Who(), c.Done, c.Outcome)}, nil
}

// end is that a task ended.
func (t Task) end(at time.Time, by Who, done bool, outcome string) Event {
	t.Ended, t.EndedBy, t.Dropped, t.Outcome = at, by, !done, outcome
	did := TaskDone
	if !done {
		did = TaskDropped
	}
	return TaskChanged{At: at, Did: did, By: by, Task: t}
}

// nudgesOf are the nudges about a referral since its holder has it: those before
// were acted on.
func (c Case) nudgesOf(r Referral) (out []Nudge) {
	for _, n := range c.Nudges {
		if n.Referral == r.ID && !n.At.Before(r.Holder.Since) {
			out = append(out, n)
		}
	}
	return out
}

// Nudgeable says whether somebody of an organisation may nudge the holder of a
// referral now, and how many nudges there were since the holder has it. It gives an
// *Error that says why not, and in how many minutes where that is all.
func (c Case) Nudgeable(id ReferralID, org nhs.ODS, now time.Time) (before int, err error) {
	i := slices.IndexFunc(c.Referrals, func(r Referral) bool { return r.ID == id })
	if i < 0 || c.Referrals[i].From != org && c.Referrals[i].To != org {
		return 0, &Error{Kind: NotFound, Text: "There is no such referral"}
	}
	r := c.Referrals[i]
	switch {
	case !r.Open():
		return 0, notNow("This referral has ended: nobody has to act on it.", "Add a note")
	case r.Holder.Org == org:
		return 0, notNow("Your own organisation has this referral. You cannot nudge yourselves.", "Set a task")
	}
	since := c.nudgesOf(r)
	if n := len(since); n > 0 {
		before = since[n-1].Number // and not how many there are: late news can set Since between two of them
	}
	for _, n := range slices.Backward(since) {
		if wait := n.At.Add(NudgeApart).Sub(now); n.By.Org == org && wait > 0 {
			return before, &Error{Kind: Throttled, Text: "They were asked less than 30 minutes ago. You can ask again in " + minutes(wait)}
		}
	}
	return before, nil
}

func minutes(d time.Duration) string {
	n := int((d + time.Minute - 1) / time.Minute)
	if n == 1 {
		return "1 minute"
	}
	return itoa(n) + " minutes"
}

func (c GiveNudge) decide(d deciding) ([]Event, error) {
	n := c.Nudge
	if n.ID == "" {
		return nil, missing("key", "The nudge has no key. Open the case again")
	}
	if slices.ContainsFunc(d.c.Nudges, func(x Nudge) bool { return x.ID == n.ID }) {
		return nil, nil
	}
	if d.c.Died != nil {
		return nil, notNow("This person has died. Nobody is asked to act.", "Add a note")
	}
	if err := words("text", n.Text, "the words", false, shortLimit); err != nil {
		return nil, err
	}
	before, err := d.c.Nudgeable(n.Referral, d.by.Org, d.now)
	if err != nil {
		return nil, err
	}
	r := d.c.Referrals[slices.IndexFunc(d.c.Referrals, func(r Referral) bool { return r.ID == n.Referral })]
	h := r.Holder
	n.Of, n.At, n.By, n.To, n.Number = "", d.now, d.by.Who(), Owner{Org: h.Org, Team: h.Team, Who: h.Who}, before+1
	n.Escalated = n.Number%nudgesWait == 0
	out := []Event{Nudged{At: d.now, Nudge: n}}
	open := slices.ContainsFunc(d.c.Tasks, func(t Task) bool { return t.Open() && t.Kind == TaskEscalated && t.Referral == r.ID })
	if n.Escalated && !open {
		out = append(out, d.escalation(r, n))
	}
	return out, nil
}

// escalation is the task for the managers of whoever has the referral. It is their
// own side's: the other sees that it was escalated by the nudge.
func (d deciding) escalation(r Referral, n Nudge) Event {
	side := AudienceCouncil
	if r.Holder.Org == r.From {
		side = AudienceHospital
	}
	return TaskChanged{At: d.now, Did: TaskSet, Task: Task{ID: followed("escalated", string(r.ID), n.ID), Referral: r.ID, Kind: TaskEscalated, Audience: side,
		Text: "The other side asked " + itoa(n.Number) + " times and nothing was done. Next: " + r.Holder.Next, Owner: Owner{Org: r.Holder.Org},
		Due: d.now.Add(escalateDue), At: d.now, About: n.ID}}
}

// endEscalated ends what was escalated once the referral moved on: to another
// holder, another state, or its end.
func endEscalated(was, is Case, e Event, now time.Time) (out []Event) {
	for _, t := range is.Tasks {
		if t.Kind != TaskEscalated || !t.Open() {
			continue
		}
		i := slices.IndexFunc(is.Referrals, func(r Referral) bool { return r.ID == t.Referral })
		if i >= 0 && is.Referrals[i].Open() && !is.Referrals[i].Holder.Since.After(t.At) {
			continue
		}
		out = append(out, t.end(now, Who{}, true, "The referral moved on"))
	}
	return out
}

// afterLife sets the council's task when somebody dies with a referral open: what
// was arranged must stop, and nobody is rung by mistake. Should the death be taken
// back, the task is dropped.
func afterLife(was, is Case, e Event, now time.Time) (out []Event) {
	switch e.(type) {
	case PersonDied:
		for _, r := range was.Referrals {
			id := followed("after-life", string(r.ID), itoa(len(was.Tasks)))
			if was.Died != nil || !r.Open() || r.To == "" || slices.ContainsFunc(is.Tasks, func(t Task) bool { return t.Open() && t.Kind == TaskAfterLife && t.Referral == r.ID }) {
				continue
			}
			out = append(out, TaskChanged{At: now, Did: TaskSet, Task: Task{ID: id, Referral: r.ID, Kind: TaskAfterLife, Audience: AudienceCouncil,
				Text: "The person has died: stop what was arranged, and make sure that nobody is rung by mistake", Owner: Owner{Org: r.To, Who: r.Worker}, Due: now.Add(24 * time.Hour), At: now}})
		}
	case DeathUndone:
		for _, t := range is.Tasks {
			if t.Kind == TaskAfterLife && t.Open() {
				out = append(out, t.end(now, Who{}, false, "The report of the death was taken back"))
			}
		}
	}
	return out
}

// The lists of tasks that an owner's name leads to; see Task.List.
const (
	ListManagers = "managers" // of the organisation
	ListOrg      = "org"      // of whoever is on duty there
	listTeam     = "team:"
)

// TeamList is the name of a team's list of tasks.
func TeamList(team string) string { return listTeam + team }

// List is the list at Owner.Org that a task is on: a person's, a team's, that of
// the managers, or that of whoever is on duty.
func (t Task) List() string {
	switch o := t.Owner; {
	case o.Who.ID != "":
		return string(o.Who.ID)
	case o.Team != "":
		return TeamList(o.Team)
	case t.Kind == TaskEscalated:
		return ListManagers
	}
	return ListOrg
}

// The states of a task as a list knows them.
const (
	TaskOpen  = "open"
	TaskEnded = "ended"
)

// taskThreads are the rows of tasks: one on the list of whoever must do it (kind
// "task"), and one for who set it (kind "task-set").
func taskThreads(c Case) (out []Thread) {
	for _, t := range c.Tasks {
		state, at := TaskOpen, t.At
		if !t.Open() {
			state, at = TaskEnded, t.Ended
		}
		out = append(out, Thread{Kind: TaskThread, ID: t.ID, Org: t.Owner.Org, Owner: t.List(), State: state, At: at, Due: t.Due})
		if t.By.ID != "" {
			out = append(out, Thread{Kind: TaskSetThread, ID: t.ID, Org: t.By.Org, Owner: string(t.By.ID), State: state, At: at, Due: t.Due})
		}
	}
	return out
}

// NoteKind is a kind of note that has a structure: its code and how it is called.
type NoteKind struct{ Code, Say string }

// NoteKinds lists the kinds of note, the plain one first.
func NoteKinds() []NoteKind { return slices.Clone(noteKinds) }

var noteKinds = []NoteKind{
	{"", "Note"}, {"visit", "Visit"}, {"family", "Call with family"}, {"capacity", "Mental capacity"}, {"risk", "Risk"}, {"update", "Progress update"},
}

// NoteKindSay is a kind of note in words.
func NoteKindSay(code string) string {
	i := slices.IndexFunc(noteKinds, func(k NoteKind) bool { return k.Code == code })
	if i < 0 {
		return noteKinds[0].Say
	}
	return noteKinds[i].Say
}

// mentionLimit is how many people and teams one note may mention.
const mentionLimit = 20

// noteParts checks a note's kind and whom it mentions: only those who can read it.
func (d deciding) noteParts(n Note) error {
	if !slices.ContainsFunc(noteKinds, func(k NoteKind) bool { return k.Code == n.Kind }) {
		return invalid("kind", "Choose a kind of note")
	}
	if len(n.Mentions) > mentionLimit {
		return invalid("mentions", "Mention "+itoa(mentionLimit)+" or fewer")
	}
	for _, o := range n.Mentions {
		if err := d.knows("mentions", o, n.Audience); err != nil {
			return err
		}
	}
	return nil
}
