package hub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/policy"
	"homeward/store"
)

// Numbered names what has phone numbers: an organisation, or a team of a council.
type Numbered struct {
	Org  nhs.ODS
	Team string // "": the organisation itself
}

// Numbers are whom to ring by day and out of hours.
type Numbers struct{ Phone, OutOfHours string }

// NumbersChange is what an administrator wants to be the numbers from a day on.
type NumbersChange struct {
	Of   Numbered
	From nhs.Date
	Numbers
	Base    bool // again what the configuration or the directory says
	Retired bool // of a team: it is offered no more
	Seen    int  // how many changes there were when the form was made
}

// NumbersSet is one change, as it is kept.
type NumbersSet = store.Override

// NumbersPage is what is known of the numbers of an organisation or team.
type NumbersPage struct {
	Of      Numbered
	Org     care.Org
	Name    string
	Base    Numbers // of the configuration or directory
	Now     Numbers
	Retired bool
	Planned []NumbersSet // of days to come, the next first
	History []NumbersSet // the newest first
	Today   nhs.Date
}

// numbersBook remembers what administrators set, so that no page waits for it
// and the numbers are there when the database is not.
type numbersBook struct{ last atomic.Pointer[numbersKept] }

type numbersKept struct {
	seq int64
	of  map[Numbered][]store.Override // by the day from which they hold
}

// ReadNumbers reads again what administrators set, when it has changed.
func (h *Hub) ReadNumbers(ctx context.Context) error {
	return h.unavailable(h.Store.View(ctx, func(tx *store.Tx) error {
		seq, err := tx.OverridesSeq()
		if last := h.numbers.last.Load(); err != nil || last != nil && last.seq == seq {
			return err
		}
		all, err := tx.Overrides()
		if err != nil {
			return err
		}
		h.numbers.last.Store(keptOf(seq, all))
		return nil
	}))
}

func keptOf(seq int64, all []store.Override) *numbersKept {
	k := &numbersKept{seq: seq, of: map[Numbered][]store.Override{}}
	for _, o := range all {
		of := Numbered{o.Org, o.Team}
		k.of[of] = append(k.of[of], o)
	}
	for _, os := range k.of {
		slices.SortStableFunc(os, byDay)
	}
	return k
}

// byDay orders changes by the day from which they hold; of one day the later
// change counts.
func byDay(a, b store.Override) int {
	return cmp.Or(a.From.Time().Compare(b.From.Time()), cmp.Compare(a.N, b.N))
}

// followNumbers notices what other processes set. It works until ctx ends.
func (h *Hub) followNumbers(ctx context.Context) {
	for ctx.Err() == nil {
		wake := h.Store.Wait()
		if err := h.ReadNumbers(ctx); err != nil && ctx.Err() == nil {
			h.Log.Warn("reading the numbers that administrators set", "err", err)
		}
		pause(ctx, 200*time.Millisecond) // however much is written
		select {
		case <-ctx.Done():
		case <-wake:
		case <-time.After(time.Minute):
		}
	}
}

// inForce is the last of some changes that holds on a day.
func inForce(os []store.Override, today nhs.Date) (now store.Override) {
	for _, o := range os {
		if !today.Before(o.From) {
			now = o
		}
	}
	return now
}

// override is what an administrator set that holds today.
func (h *Hub) override(of Numbered) (store.Override, bool) {
	last := h.numbers.last.Load()
	if last == nil || len(last.of[of]) == 0 {
		return store.Override{}, false
	}
	o := inForce(last.of[of], h.today(h.now()))
	return o, o.N > 0
}

// numbered is an organisation with the numbers of today.
func (h *Hub) numbered(o care.Org) care.Org {
	if x, ok := h.override(Numbered{Org: o.ODS}); ok && !x.Base {
		o.Phone, o.OutOfHours = x.Phone, x.OutOfHours
	}
	return o
}

// team is a team with the numbers of today; retired is that it is offered no more.
func (h *Hub) team(t care.Team) (_ care.Team, retired bool) {
	x, ok := h.override(Numbered{t.Council, t.ID})
	if ok && !x.Base {
		t.Phone, t.OutOfHours = x.Phone, x.OutOfHours
	}
	return t, x.Retired
}

// Organisations lists the configured organisations, with the numbers of today.
func (h *Hub) Organisations(ctx context.Context, by care.Actor) ([]NumbersPage, error) {
	var out []NumbersPage
	err := h.administered(ctx, by, policy.ManageOrgs, "organisations", func(tx *store.Tx) error {
		all, err := tx.Overrides()
		if err != nil {
			return err
		}
		kept := keptOf(0, all)
		for _, o := range h.Orgs {
			out = append(out, h.numbersPage(kept, Numbered{Org: o.ODS}, o, o.Name, Numbers{o.Phone, o.OutOfHours}))
		}
		return nil
	})
	return out, err
}

// Teams lists the teams of the councils' directories, with the numbers of today.
func (h *Hub) Teams(ctx context.Context, by care.Actor) ([]NumbersPage, error) {
	var out []NumbersPage
	err := h.administered(ctx, by, policy.ManageUsers, "teams", func(tx *store.Tx) error {
		all, err := tx.Overrides()
		if err != nil {
			return err
		}
		kept := keptOf(0, all)
		for _, o := range h.Orgs {
			teams, err := tx.Teams(o.ODS)
			if err != nil {
				return err
			}
			for _, t := range teams {
				out = append(out, h.numbersPage(kept, Numbered{o.ODS, t.ID}, o, t.Name, Numbers{t.Phone, t.OutOfHours}))
			}
		}
		return nil
	})
	return out, err
}

// NumbersOf is all that is known of the numbers of one organisation or team.
func (h *Hub) NumbersOf(ctx context.Context, by care.Actor, of Numbered) (NumbersPage, error) {
	var out NumbersPage
	err := h.administered(ctx, by, of.action(), "numbers of "+of.say(), func(tx *store.Tx) (err error) {
		out, err = h.numbersOf(tx, of)
		return err
	})
	return out, err
}

func (of Numbered) action() policy.Action {
	if of.Team != "" {
		return policy.ManageUsers
	}
	return policy.ManageOrgs
}

func (of Numbered) say() string {
	if of.Team != "" {
		return "team " + of.Team + " of " + string(of.Org)
	}
	return string(of.Org)
}

func (h *Hub) numbersOf(tx *store.Tx, of Numbered) (NumbersPage, error) {
	o, ok := h.orgs[of.Org]
	if !ok {
		return NumbersPage{}, &care.Error{Kind: care.NotFound, Text: "There is no such organisation in the configuration"}
	}
	name, base := o.Name, Numbers{o.Phone, o.OutOfHours}
	if of.Team != "" {
		t, err := tx.Team(of.Org, of.Team)
		if err != nil {
			return NumbersPage{}, err
		}
		name, base = t.Name, Numbers{t.Phone, t.OutOfHours}
	}
	all, err := tx.Overrides()
	return h.numbersPage(keptOf(0, all), of, o, name, base), err
}

func (h *Hub) numbersPage(kept *numbersKept, of Numbered, o care.Org, name string, base Numbers) NumbersPage {
	p := NumbersPage{Of: of, Org: o, Name: name, Base: base, Now: base, Today: h.today(h.now())}
	os := kept.of[of]
	if x := inForce(os, p.Today); x.N > 0 {
		p.Retired = x.Retired
		if !x.Base {
			p.Now = Numbers{x.Phone, x.OutOfHours}
		}
	}
	for _, x := range os {
		if p.Today.Before(x.From) {
			p.Planned = append(p.Planned, x)
		}
	}
	p.History = slices.Clone(os)
	slices.SortFunc(p.History, func(a, b store.Override) int { return b.N - a.N })
	return p
}

// CheckNumbers says what a change would do, before it is made, or what is wrong
// with it.
func (h *Hub) CheckNumbers(ctx context.Context, by care.Actor, c NumbersChange) (NumbersPage, []Line, []Fault, error) {
	var out NumbersPage
	err := h.administered(ctx, by, c.Of.action(), "numbers of "+c.Of.say(), func(tx *store.Tx) (err error) {
		out, err = h.numbersOf(tx, c.Of)
		return err
	})
	if err != nil {
		return out, nil, nil, err
	}
	c = c.tidy(out)
	return out, out.lines(c), out.faults(c), nil
}

// SetNumbers makes a change.
func (h *Hub) SetNumbers(ctx context.Context, by care.Actor, c NumbersChange, why string) error {
	err := h.administering(ctx, by, c.Of.action(), why, func(tx *store.Tx) (string, error) {
		p, err := h.numbersOf(tx, c.Of)
		if err != nil {
			return "", err
		}
		if len(p.History) != c.Seen {
			return "", errOvertaken()
		}
		c = c.tidy(p)
		if faults := p.faults(c); len(faults) > 0 {
			return "", faults[0].err()
		}
		return "numbers of " + c.Of.say() + ": " + sayLines(p.lines(c)), tx.AddOverride(store.Override{Org: c.Of.Org, Team: c.Of.Team, N: c.Seen + 1, From: c.From, Base: c.Base,
			Phone: c.Phone, OutOfHours: c.OutOfHours, Retired: c.Retired, At: h.now(), By: by.ID, Who: by.Name, Why: strings.TrimSpace(why)})
	})
	if err != nil {
		return err
	}
	return h.ReadNumbers(ctx)
}

func (c NumbersChange) tidy(p NumbersPage) NumbersChange {
	c.Phone, c.OutOfHours = strings.Join(strings.Fields(c.Phone), " "), strings.Join(strings.Fields(c.OutOfHours), " ")
	if c.Base {
		c.Numbers = p.Base
	}
	if c.From.IsZero() {
		c.From = p.Today
	}
	return c
}

// lines is what a change would change, compared with what holds on its first day.
func (p NumbersPage) lines(c NumbersChange) []Line {
	was, retired := p.Base, false
	os := slices.Clone(p.History)
	slices.SortFunc(os, byDay)
	if x := inForce(os, c.From); x.N > 0 {
		if retired = x.Retired; !x.Base {
			was = Numbers{x.Phone, x.OutOfHours}
		}
	}
	var out []Line
	add := func(what, before, after string) {
		if before != after {
			out = append(out, Line{what, cmp.Or(before, "None"), cmp.Or(after, "None")})
		}
	}
	add("By day", was.Phone, c.Phone)
	add("Out of hours", was.OutOfHours, c.OutOfHours)
	add("Offered", offered(retired), offered(c.Retired))
	if len(out) > 0 {
		out = append(out, Line{"From", "", c.From.String()})
	}
	return out
}

func offered(retired bool) string {
	if retired {
		return "No, retired"
	}
	return "Yes"
}

func (p NumbersPage) faults(c NumbersChange) (out []Fault) {
	if c.Phone == "" && !c.Base && !c.Retired {
		out = append(out, Fault{"phone", "Enter the number by day"})
	}
	for _, n := range []struct{ field, name, v string }{{"phone", "The number by day", c.Phone}, {"outOfHours", "The number out of hours", c.OutOfHours}} {
		if n.v != "" && !c.Base && !dialled(n.v) {
			out = append(out, Fault{n.field, n.name + " must have 3 to 20 digits, and only digits, spaces, brackets, + and - besides"})
		}
	}
	switch {
	case c.From.Before(p.Today):
		out = append(out, Fault{"from", "The day must be today or later"})
	case p.Today.DaysTo(c.From) > 366:
		out = append(out, Fault{"from", "The day must be within a year from now"})
	}
	if len(out) == 0 && len(p.lines(c)) == 0 {
		out = append(out, Fault{"phone", fmt.Sprintf("These are the numbers already on %s. Change one of them", c.From)})
	}
	return out
}

// dialled reports whether somebody can dial this.
func dialled(number string) bool {
	digits := 0
	for _, r := range number {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !strings.ContainsRune(" ()+-", r):
			return false
		}
	}
	return digits >= 3 && digits <= 20
}
