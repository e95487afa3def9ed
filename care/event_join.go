package care

import (
	"slices"
	"strconv"
	"time"

	"homeward/nhs"
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
	m := Merge{Cases: append([]CaseID{o.ID}, o.Absorbed...), InBed: o.Stay != nil}
	c.Absorbed = append(c.Absorbed, m.Cases...)
	for _, id := range o.IDs {
		if !slices.Contains(c.IDs, id) {
			c.IDs, m.IDs = append(c.IDs, id), append(m.IDs, id)
		}
	}
	if c.NHS.IsZero() && !o.NHS.IsZero() {
		c.NHS, c.Trace, m.NHS = o.NHS, o.Trace, o.NHS
	}
	if c.Person.empty() && !o.Person.empty() {
		p := o.Person
		c.Person, m.Person = o.Person, &p
	}
	if c.Died == nil && o.Died != nil {
		d := *o.Died
		c.Died, m.Died = o.Died, &d
	}
	if o.Sensitive && !c.Sensitive {
		at := c.SensitiveAt
		c.Sensitive, m.Sensitive = true, &at
	}
	if c.Objection == nil && o.Objection != nil {
		c.Objection, m.Objection = o.Objection, o.Objection
	}
	if c.Doubt != nil && c.Doubt.Other == o.ID { // the question is answered
		m.Doubt, c.Doubt = c.Doubt, nil
	}
	c.Merges = append(c.Merges, m)
	take(c, o)
}

// owner is whose a part is: its mark, or else the case that holds it.
func owner(mark, holds CaseID) CaseID {
	if mark != "" {
		return mark
	}
	return holds
}

// take adds the parts that another case holds, marked with whose they are.
func take(c *Case, o Case) {
	for _, r := range o.Referrals {
		r.Of = owner(r.Of, o.ID)
		c.Referrals = append(c.Referrals, r)
	}
	for _, s := range o.Past {
		s.Of = owner(s.Of, o.ID)
		c.Past = append(c.Past, s)
	}
	if o.Stay != nil {
		s := *o.Stay
		s.Of = owner(s.Of, o.ID)
		c.rival(s)
	}
	for _, h := range o.Holdings {
		h.Of = owner(h.Of, o.ID)
		c.Holdings = append(c.Holdings, h)
	}
	for _, n := range o.Notes {
		n.Of = owner(n.Of, o.ID)
		c.Notes = append(c.Notes, n)
	}
	for _, k := range o.Calls {
		k.Of = owner(k.Of, o.ID)
		c.Calls = append(c.Calls, k)
	}
	for _, p := range o.Papers {
		p.Of = owner(p.Of, o.ID)
		c.Papers = append(c.Papers, p)
	}
	takeWork(c, o)
}

// rival brings in the present stay of another record of the same person. Nobody
// is in two beds: the stay with the newest evidence is the present one, and the
// other is put away as it is, not ended, so that it can come back.
func (c *Case) rival(s Stay) {
	switch {
	case c.Stay == nil:
		c.Stay = &s
	case s.newest().After(c.Stay.newest()):
		c.Past = append(c.Past, *c.Stay)
		c.Stay = &s
	default:
		c.Past = append(c.Past, s)
	}
}

// putAway is the index of the stay that was put away by a join last; -1 when
// there is none.
func (c *Case) putAway() int {
	for i := len(c.Past) - 1; i >= 0; i-- {
		if c.Past[i].Left == nil {
			return i
		}
	}
	return -1
}

// bringBack makes a past stay the present one.
func (c *Case) bringBack(i int) {
	s := c.Past[i].clone()
	if s.Left != nil {
		s.resume()
	}
	c.Past = slices.Delete(c.Past, i, i+1)
	c.Stay = &s
}

// JoinedInto is that this case was merged into another.
type JoinedInto struct {
	At   time.Time `json:"at"`
	Into CaseID    `json:"into"`
}

func (e JoinedInto) When() time.Time { return e.At }

// Say names the event.
func (e JoinedInto) Say() string { return "Joined into another record of the same person" }
func (e JoinedInto) apply(c *Case) {
	c.JoinedTo = e.Into // what is in it stays as it was, should the merge be reversed
}

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
	i := slices.IndexFunc(c.Merges, func(m Merge) bool { return m.Cases[0] == e.Other })
	if i < 0 {
		return
	}
	m := c.Merges[i]
	c.Merges = slices.Delete(c.Merges, i, i+1)
	theirs := func(of CaseID) bool { return slices.Contains(m.Cases, of) }
	c.Absorbed = slices.DeleteFunc(c.Absorbed, theirs)
	c.IDs = slices.DeleteFunc(c.IDs, func(id Identifier) bool { return slices.Contains(e.IDs, id) })
	if !m.NHS.IsZero() && c.NHS == m.NHS {
		c.NHS, c.Trace = nhs.Number{}, ""
	}
	if m.Person != nil && c.Person.equal(*m.Person) {
		c.Person = Person{}
	}
	if m.Died != nil && c.Died != nil && c.Died.At.Equal(m.Died.At) && c.Died.Source == m.Died.Source {
		c.Died = nil
	}
	if m.Sensitive != nil && c.SensitiveAt.Equal(*m.Sensitive) {
		c.Sensitive = false // nobody has said otherwise since
	}
	if m.Objection.same(c.Objection) {
		c.Objection = nil // it goes back with the record that brought it
	}
	if m.Doubt != nil && c.Doubt == nil {
		c.Doubt = m.Doubt
	}
	c.Referrals = slices.DeleteFunc(c.Referrals, func(r Referral) bool { return theirs(r.Of) })
	c.Past = slices.DeleteFunc(c.Past, func(s Stay) bool { return theirs(s.Of) })
	if c.Stay != nil && theirs(c.Stay.Of) {
		c.Stay = nil
	}
	if i := c.putAway(); c.Stay == nil && m.InBed && i >= 0 {
		c.bringBack(i) // it had given way to theirs
	}
	c.Holdings = slices.DeleteFunc(c.Holdings, func(h Holding) bool { return theirs(h.Of) })
	c.Notes = slices.DeleteFunc(c.Notes, func(n Note) bool { return theirs(n.Of) })
	c.Calls = slices.DeleteFunc(c.Calls, func(k Call) bool { return theirs(k.Of) })
	c.Papers = slices.DeleteFunc(c.Papers, func(p Paper) bool { return theirs(p.Of) })
	dropWork(c, theirs)
}

// Restored is that this case stands alone again, with its own parts as they
// are after what happened to them in the meantime.
type Restored struct {
	At    time.Time `json:"at"`
	From  CaseID    `json:"from"`
	Parts Case      `json:"parts"` // only Stay, Past, Referrals, Holdings, Notes, Calls, Papers and what is worked on count
}

func (e Restored) When() time.Time { return e.At }

// Say names the event.
func (e Restored) Say() string { return "Stands alone again as a record of its own" }
func (e Restored) apply(c *Case) {
	c.JoinedTo = ""
	p := e.Parts.clone()
	c.Stay, c.Past, c.Referrals, c.Holdings, c.Notes, c.Calls, c.Papers = nil, nil, nil, nil, nil, nil, nil
	dropWork(c, func(CaseID) bool { return true })
	p.ID = ""
	take(c, p)
}

// DirectPayment is the kind of package that is money and not a service
// (Interweave-SocialCareServiceType DP). It is finance, and so not counted where
// everybody reads.
const DirectPayment = "DP"

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
		if p.Status == PackageActive && p.Kind != DirectPayment {
			n++
		}
	}
	switch {
	case e.Holding.Ended:
		return "The council no longer holds anything"
	case e.Holding.Missed(PartPerson):
		return "What the council told of this person could not be read"
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
