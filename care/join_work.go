package care

import "slices"

// takeWork adds what is worked on in another case, marked with whose it is.
func takeWork(c *Case, o Case) {
	c.Tasks = taken(c.Tasks, o.Tasks, o.ID, func(x *Task) *CaseID { return &x.Of })
	c.Nudges = taken(c.Nudges, o.Nudges, o.ID, func(x *Nudge) *CaseID { return &x.Of })
	c.Clients = taken(c.Clients, o.Clients, o.ID, func(x *Client) *CaseID { return &x.Of })
	c.Requests = taken(c.Requests, o.Requests, o.ID, func(x *Request) *CaseID { return &x.Of })
	c.Elements = taken(c.Elements, o.Elements, o.ID, func(x *Element) *CaseID { return &x.Of })
	c.Outcomes = taken(c.Outcomes, o.Outcomes, o.ID, func(x *Outcome) *CaseID { return &x.Of })
	c.Decisions = taken(c.Decisions, o.Decisions, o.ID, func(x *Decision) *CaseID { return &x.Of })
	c.Concerns = taken(c.Concerns, o.Concerns, o.ID, func(x *Concern) *CaseID { return &x.Of })
	c.Looks = taken(c.Looks, o.Looks, o.ID, func(x *LookResult) *CaseID { return &x.Of })
	c.Corrections = taken(c.Corrections, o.Corrections, o.ID, func(x *ClockCorrection) *CaseID { return &x.Of })
}

func taken[T any](to, from []T, id CaseID, mark func(*T) *CaseID) []T {
	for _, x := range from {
		*mark(&x) = owner(*mark(&x), id)
		to = append(to, x)
	}
	return to
}

// workFrom gives back what a merge brought of it (see partsOf).
func workFrom(p *Case, c Case, of func(CaseID) (CaseID, bool)) {
	p.Tasks = partsFrom(c.Tasks, func(x *Task) *CaseID { return &x.Of }, of)
	p.Nudges = partsFrom(c.Nudges, func(x *Nudge) *CaseID { return &x.Of }, of)
	p.Clients = partsFrom(c.Clients, func(x *Client) *CaseID { return &x.Of }, of)
	p.Requests = partsFrom(c.Requests, func(x *Request) *CaseID { return &x.Of }, of)
	p.Elements = partsFrom(c.Elements, func(x *Element) *CaseID { return &x.Of }, of)
	p.Outcomes = partsFrom(c.Outcomes, func(x *Outcome) *CaseID { return &x.Of }, of)
	p.Decisions = partsFrom(c.Decisions, func(x *Decision) *CaseID { return &x.Of }, of)
	p.Concerns = partsFrom(c.Concerns, func(x *Concern) *CaseID { return &x.Of }, of)
	p.Looks = partsFrom(c.Looks, func(x *LookResult) *CaseID { return &x.Of }, of)
	p.Corrections = partsFrom(c.Corrections, func(x *ClockCorrection) *CaseID { return &x.Of }, of)
}

// dropWork leaves out what is worked on that is somebody's.
func dropWork(c *Case, theirs func(CaseID) bool) {
	c.Tasks = slices.DeleteFunc(c.Tasks, func(x Task) bool { return theirs(x.Of) })
	c.Nudges = slices.DeleteFunc(c.Nudges, func(x Nudge) bool { return theirs(x.Of) })
	c.Clients = slices.DeleteFunc(c.Clients, func(x Client) bool { return theirs(x.Of) })
	c.Requests = slices.DeleteFunc(c.Requests, func(x Request) bool { return theirs(x.Of) })
	c.Elements = slices.DeleteFunc(c.Elements, func(x Element) bool { return theirs(x.Of) })
	c.Outcomes = slices.DeleteFunc(c.Outcomes, func(x Outcome) bool { return theirs(x.Of) })
	c.Decisions = slices.DeleteFunc(c.Decisions, func(x Decision) bool { return theirs(x.Of) })
	c.Concerns = slices.DeleteFunc(c.Concerns, func(x Concern) bool { return theirs(x.Of) })
	c.Looks = slices.DeleteFunc(c.Looks, func(x LookResult) bool { return theirs(x.Of) })
	c.Corrections = slices.DeleteFunc(c.Corrections, func(x ClockCorrection) bool { return theirs(x.Of) })
}
