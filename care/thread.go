package care

import (
	"time"

	"homeward/nhs"
)

// Thread is one thing of a case that lists ask for across cases: a task, a request
// that a provider was asked, a figure that waits for approval. It holds no personal
// data. Owner is whose list it is on: an account, a team, a provider's code, or "".
type Thread struct {
	Kind  ThreadKind
	ID    string
	Org   nhs.ODS
	Owner string
	State string
	At    time.Time
	Due   time.Time // zero: none
}

// ThreadKind says what a thread is.
type ThreadKind string

// The kinds of thread.
const (
	TaskThread     ThreadKind = "task"
	TaskSetThread  ThreadKind = "task-set" // the same for whoever set it
	ClientThread   ThreadKind = "client"
	RequestThread  ThreadKind = "request"
	ElementThread  ThreadKind = "element"
	ConcernThread  ThreadKind = "concern"
	DecisionThread ThreadKind = "decision" // owned by its huddle
)

// threaders lists what makes threads; each stands with what it is about.
var threaders = []func(Case) []Thread{taskThreads, sentThreads, requestThreads, clientThreads, elementThreads, concernThreads, decisionThreads}

// ThreadsOf lists the threads of a case, each name (kind, id, org and owner) once. A
// case that was joined into another has none: they are the other's.
func ThreadsOf(c Case) []Thread {
	if c.JoinedTo != "" {
		return nil
	}
	var out []Thread
	for _, make := range threaders {
		out = append(out, make(c)...)
	}
	return out
}
