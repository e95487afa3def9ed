package care

import (
	"slices"
	"strconv"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Absorbed is that another case is the same person: what was in it is now here
// too, marked as its own, so that the merge can be reversed.
type Absorbed struct {
	At    time.Time `json:"at"`
	Other Case      `json:"other"` // the other case as it was
}

func (e Absorbed) When() time.Time { return e.At }

// Say names the event.
func (e Absorbed) Say() string { return "Joined with another record of the same person" }
func (e Absorbed) apply(c *Case) {
	o := e.Other.clone()
	c.Absorbed = append(c.Absorbed, o.ID)
	for _, id := range o.IDs {
		if !slices.Contains(c.IDs, id) {
			c.IDs = append(c.IDs, id)
		}
	}
	if c.NHS.IsZero() {
		c.NHS, c.Trace = o.NHS, o.Trace
	}
	if c.Person.Family == "" {
		c.Person = o.Person
	}
	if c.Died == nil {
		c.Died = o.Died
	}
	take(c, o)
}

// take adds what another case holds, marked with that case's id.
func take(c *Case, o Case) {
	of := o.ID
	for _, r := range o.Referrals {
		r.Of = of
		c.Referrals = append(c.Referrals, r)
	}
	for _, s := range o.Past {
		s.Of = of
		c.Past = append(c.Past, s)
	}
	if o.Stay != nil {
		s := *o.Stay
		s.Of = of
		if c.Stay == nil {
			c.Stay = &s
		} else {
			c.Past = append(c.Past, s)
		}
	}
	for _, h := range o.Holdings {
		h.Of = of
		c.Holdings = append(c.Holdings, h)
	}
	for _, n := range o.Notes {
		n.Of = of
		c.Notes = append(c.Notes, n)
	}
	for _, k := range o.Calls {
		k.Of = of
		c.Calls = append(c.Calls, k)
	}
}

// JoinedInto is that this case was merged into another.
type JoinedInto struct {
	At   time.Time `json:"at"`
	Into CaseID    `json:"into"`
}

func (e JoinedInto) When() time.Time { return e.At }

// Say names the event.
func (e JoinedInto) Say() string   { return "Joined into another record of the same person" }
func (e JoinedInto) apply(c *Case) { c.JoinedTo = e.Into; c.Doubt = nil }

// Separated is that a merge was reversed: what was Other's leaves this case.
type Separated struct {
	At    time.Time    `json:"at"`
	By    Who          `json:"by,omitzero"`
	Other CaseID       `json:"other"`
	IDs   []Identifier `json:"ids,omitzero"` // Other's own identifiers
	Why   string       `json:"why,omitempty"`
}

func (e Separated) When() time.Time { return e.At }

// Say names the event.
func (e Separated) Say() string { return "Separated again from another record" }
func (e Separated) apply(c *Case) {
	c.Absorbed = slices.DeleteFunc(c.Absorbed, func(id CaseID) bool { return id == e.Other })
	c.IDs = slices.DeleteFunc(c.IDs, func(id Identifier) bool { return slices.Contains(e.IDs, id) })
	c.Referrals = slices.DeleteFunc(c.Referrals, func(r Referral) bool { return r.Of == e.Other })
	c.Past = slices.DeleteFunc(c.Past, func(s Stay) bool { return s.Of == e.Other })
	if c.Stay != nil && c.Stay.Of == e.Other {
		c.Stay = nil
	}
	c.Holdings = slices.DeleteFunc(c.Holdings, func(h Holding) bool { return h.Of == e.Other })
	c.Notes = slices.DeleteFunc(c.Notes, func(n Note) bool { return n.Of == e.Other })
	c.Calls = slices.DeleteFunc(c.Calls, func(k Call) bool { return k.Of == e.Other })
}

// Restored is that this case stands alone again, with its own parts as they
// are after what happened to them in the meantime.
type Restored struct {
	At    time.Time `json:"at"`
	From  CaseID    `json:"from"`
	Parts Case      `json:"parts"` // only Stay, Past, Referrals, Holdings, Notes and Calls count
}

func (e Restored) When() time.Time { return e.At }

// Say names the event.
func (e Restored) Say() string { return "Stands alone again as a record of its own" }
func (e Restored) apply(c *Case) {
	c.JoinedTo = ""
	p := e.Parts.clone()
	c.Stay, c.Past, c.Referrals, c.Holdings, c.Notes, c.Calls = nil, nil, nil, nil, nil, nil
	p.ID = ""
	take(c, p)
}

// HoldingTold is that a council told what it holds.
type HoldingTold struct {
	At      time.Time `json:"at"`
	Holding Holding   `json:"holding"`
}

func (e HoldingTold) When() time.Time { return e.At }

// Say names the event.
func (e HoldingTold) Say() string {
	n := 0
	for _, p := range e.Holding.Packages {
		if p.Status == PackageActive {
			n++
		}
	}
	switch {
	case e.Holding.Ended:
		return "The council no longer holds anything"
	case n == 0:
		return "The council holds no package in place"
	case n == 1:
		return "The council holds 1 package in place"
	}
	return "The council holds " + itoa(n) + " packages in place"
}
func (e HoldingTold) apply(c *Case) {
	for i, h := range c.Holdings {
		if h.Council == e.Holding.Council {
			e.Holding.Of = h.Of
			c.Holdings[i] = e.Holding
			return
		}
	}
	c.Holdings = append(c.Holdings, e.Holding)
}
