package care

import (
	"cmp"
	"time"

	"homeward/nhs"
)

// Owner is who must do something: a person, or else a team, or else whoever is on
// duty at an organisation. Org is never "".
type Owner struct {
	Org  nhs.ODS `json:"org"`
	Team string  `json:"team,omitempty"`
	Who  Who     `json:"who,omitzero"`
}

// Task is one thing that somebody must do about a person by a time.
type Task struct {
	Of       CaseID     `json:"of,omitempty"`
	ID       string     `json:"id"`
	Referral ReferralID `json:"referral,omitempty"`
	Kind     TaskKind   `json:"kind"`
	Audience Audience   `json:"audience"` // who may know of it, as of a note
	Text     string     `json:"text"`
	Owner    Owner      `json:"owner"`
	Due      time.Time  `json:"due"`
	At       time.Time  `json:"at"`
	By       Who        `json:"by,omitzero"` // zero: Homeward itself, by a rule
	Ended    time.Time  `json:"ended,omitzero"`
	EndedBy  Who        `json:"endedBy,omitzero"`
	Dropped  bool       `json:"dropped,omitempty"` // ended without being done
	Outcome  string     `json:"outcome,omitempty"`
	About    string     `json:"about,omitempty"` // the id of what it is about: a call, a decision, a request; "" for none
}

// Open reports whether the task still has to be done.
func (t Task) Open() bool { return t.Ended.IsZero() }

// TaskKind says where a task came from. The outcome tasks are made by rule when
// somebody leaves hospital (product: still at home at 91 days and 6 months).
type TaskKind string

// The kinds of task.
const (
	TaskByHand    TaskKind = "task"
	TaskCallBack  TaskKind = "call-back"  // ring a provider again
	TaskDecided   TaskKind = "decided"    // of a huddle
	TaskHome91    TaskKind = "home-91"    // is the person still at home after 91 days?
	TaskHome6m    TaskKind = "home-6m"    // and after 6 months
	TaskProvider  TaskKind = "provider"   // a provider cannot be told by itself: somebody must ring
	TaskEscalated TaskKind = "escalated"  // three nudges went without action
	TaskAtRisk    TaskKind = "at-risk"    // readiness moved while care was being arranged
	TaskConcern   TaskKind = "concern"    // a safeguarding concern must be looked at
	TaskAfterLife TaskKind = "after-life" // the person died: stop what was arranged, ring nobody by mistake
	TaskCost      TaskKind = "cost"       // care that cannot go on still costs: somebody must end its cost
)

// Nudge asks the other side to act. Its number counts those since the holder has it.
type Nudge struct {
	Of        CaseID     `json:"of,omitempty"`
	ID        string     `json:"id"`
	Referral  ReferralID `json:"referral"`
	At        time.Time  `json:"at"`
	By        Who        `json:"by"`
	To        Owner      `json:"to"` // the holder then
	Text      string     `json:"text,omitempty"`
	Number    int        `json:"number"`
	Escalated bool       `json:"escalated,omitempty"` // it was the third without action
}

// TaskChanged is that a task was set, given to another, moved, done or dropped:
// Task is as it is since. Did says which, for the timeline.
type TaskChanged struct {
	At   time.Time `json:"at"`
	Did  TaskDid   `json:"did"`
	By   Who       `json:"by,omitzero"`
	Task Task      `json:"task"`
}

// TaskDid is what was done to a task.
type TaskDid string

// What is done to tasks.
const (
	TaskSet     TaskDid = "set"
	TaskGiven   TaskDid = "given"   // another owner or due time
	TaskDone    TaskDid = "done"    // with an outcome
	TaskDropped TaskDid = "dropped" // not needed any more
)

func (e TaskChanged) When() time.Time { return e.At }

// Say names the event. The task's words are shown beside it to who may read them.
func (e TaskChanged) Say() string {
	return cmp.Or(map[TaskDid]string{TaskSet: "Task set", TaskDone: "Task done", TaskDropped: "Task dropped"}[e.Did], "Task changed")
}

func (e TaskChanged) apply(c *Case) {
	put(&c.Tasks, e.Task, func(t *Task) (*string, *CaseID) { return &t.ID, &t.Of })
}

// Nudged is that one side asked the other to act.
type Nudged struct {
	At    time.Time `json:"at"`
	Nudge Nudge     `json:"nudge"`
}

func (e Nudged) When() time.Time { return e.At }

// Say names the event: "Nudge 2: asked to act".
func (e Nudged) Say() string {
	s := "Nudge " + itoa(e.Nudge.Number) + ": asked to act"
	if e.Nudge.Escalated {
		s += ", and escalated to the managers"
	}
	return s
}

func (e Nudged) apply(c *Case) { c.Nudges = append(c.Nudges, e.Nudge) }

// put replaces the part of the same id, keeping whose it is, or adds it.
func put[T any](list *[]T, x T, names func(*T) (id *string, of *CaseID)) {
	id, of := names(&x)
	for i := range *list {
		if had, whose := names(&(*list)[i]); *had == *id {
			*of = *whose
			(*list)[i] = x
			return
		}
	}
	*list = append(*list, x)
}

// SetTask sets a task. A second one of the same ID is the same task.
type SetTask struct{ Task Task }

// GiveTask gives a task to another owner, or moves when it is due.
type GiveTask struct {
	ID    string
	Owner Owner
	Due   time.Time
	Was   Owner     // as the giving person saw it: when it is another by now, it is a conflict
	Saw   time.Time // when it was due as they saw it, likewise; zero: not asked
}

// EndTask says that a task is done, with what came of it, or is not needed.
type EndTask struct {
	ID      string
	Done    bool
	Outcome string
}

// GiveNudge asks the holder of a referral to act.
type GiveNudge struct{ Nudge Nudge }

func (SetTask) command()   {}
func (GiveTask) command()  {}
func (EndTask) command()   {}
func (GiveNudge) command() {}
