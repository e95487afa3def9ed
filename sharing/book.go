package sharing

import (
	"cmp"
	"slices"

	"homeward/nhs"
)

// A Book is all agreements, in all their versions, in any order.
type Book []Agreement

// began reports whether a version has governed its agreement on a day or before:
// it was approved, its first day came, and it was not ended before that. What it
// said before is over then, even where it runs no longer itself.
func (a Agreement) began(today nhs.Date) bool {
	_, approved := a.last(didApprove)
	approved = approved || a.Status == Agreed || a.Status == Suspended || a.Status == Replaced
	if !approved || today.Before(a.From) {
		return false
	}
	if end, ok := a.last(didWithdraw); ok && a.Status == Withdrawn {
		return !nhs.DateOf(end.At).Before(a.From)
	}
	return true
}

// governing is, of each agreement, the newest version that has begun: what it
// says, or that it stopped, is what holds.
func (b Book) governing(today nhs.Date) []Agreement {
	newest := map[string]Agreement{}
	for _, a := range b {
		if old, ok := newest[a.ID]; a.began(today) && (!ok || old.Version < a.Version) {
			newest[a.ID] = a
		}
	}
	out := make([]Agreement, 0, len(newest))
	for _, a := range newest {
		out = append(out, a)
	}
	slices.SortFunc(out, func(x, y Agreement) int { return cmp.Or(cmp.Compare(x.Title, y.Title), cmp.Compare(x.ID, y.ID)) })
	return out
}

// State is what a version is on a day: over, where a newer version has begun.
func (b Book) State(a Agreement, today nhs.Date) State {
	newer := func(x Agreement) bool { return x.ID == a.ID && x.Version > a.Version && x.began(today) }
	if s := a.State(today); s == StateDraft || s == StateProposed || !slices.ContainsFunc(b, newer) {
		return s
	}
	return StateOver
}

// Replaced are the older versions of an agreement that one which was just
// approved takes the place of, as replaced. One that begins later replaces
// nothing yet: the older one runs until then, and Open and State see to the rest.
func (b Book) Replaced(approved Agreement, s Step, today nhs.Date) []Agreement {
	if !approved.began(today) {
		return nil
	}
	var out []Agreement
	for _, a := range b {
		if a.ID == approved.ID && a.Version < approved.Version && (a.Status == Agreed || a.Status == Suspended) {
			out = append(out, a.did(s, didReplace, Replaced))
		}
	}
	return out
}

// gives is the sections that a version lets flow, in the order of Sections.
func (a Agreement) gives(from, to nhs.ODS) []Section {
	var out []Section
	for _, f := range a.Flows {
		if f.From == from && f.To == to {
			out = append(out, f.Sections...)
		}
	}
	return ordered(out)
}

// Open is the sections that flow from one organisation to another on a day by
// agreements in force, in the order of Sections.
func (b Book) Open(from, to nhs.ODS, today nhs.Date) []Section {
	var out []Section
	for _, a := range b.governing(today) {
		if a.State(today) == StateInForce {
			out = append(out, a.gives(from, to)...)
		}
	}
	return ordered(out)
}

// Under lists the agreements by which a section flows on a day.
func (b Book) Under(from, to nhs.ODS, s Section, today nhs.Date) []Agreement {
	return slices.DeleteFunc(b.governing(today), func(a Agreement) bool {
		return a.State(today) != StateInForce || !slices.Contains(a.gives(from, to), s)
	})
}

// A Pause is that what one organisation shared with another does not flow.
type Pause struct {
	With      nhs.ODS   // whose part does not come
	Sections  []Section // what does not
	Since     nhs.Date  // the first day without; zero where nothing ever was agreed
	Why       State     // expired, suspended or over; "" where nothing ever was agreed
	Agreement string    // its id; "" where there is none
	Title     string
	Contact   string
}

// Never reports whether nothing ever was agreed with the organisation, so that
// nothing stopped.
func (p Pause) Never() bool { return p.Why == "" }

// Paused is all that does not flow to an organisation on a day, and once did: by
// an agreement whose newest version ran out, was suspended or ended early, unless
// another agreement gives the same. What a newer version leaves out was agreed to
// stop, and is no pause. Each of others with which nothing ever was agreed is
// listed too, so that a list can say whose people it does not show: silence would
// read as "there is nobody".
func (b Book) Paused(org nhs.ODS, today nhs.Date, others ...nhs.ODS) []Pause {
	var out []Pause
	met := map[nhs.ODS]bool{}
	for _, a := range b.governing(today) {
		state := a.State(today)
		for _, pair := range pairs(a) {
			if pair[1] != org {
				continue
			}
			met[pair[0]] = true
			open := b.Open(pair[0], org, today)
			shut := slices.DeleteFunc(a.gives(pair[0], org), func(s Section) bool { return slices.Contains(open, s) })
			if state != StateInForce && len(shut) > 0 {
				out = append(out, Pause{With: pair[0], Sections: shut, Since: a.stopped(state), Why: state, Agreement: a.ID, Title: a.Title, Contact: a.Contact})
			}
		}
	}
	for _, o := range others {
		if !met[o] && o != org {
			met[o] = true
			out = append(out, Pause{With: o, Sections: Sections()})
		}
	}
	return out
}

// stopped is the first day on which a version that governs does not run.
func (a Agreement) stopped(state State) nhs.Date {
	if state == StateExpired {
		return nhs.DateOf(a.To.Time().AddDate(0, 0, 1))
	}
	at, ok := a.last(didSuspend, didWithdraw)
	if !ok {
		return nhs.Date{}
	}
	return nhs.DateOf(at.At)
}

// A Warning is an agreement that ends soon, with nothing agreed to follow it.
type Warning struct {
	Agreement Agreement
	Days      int // left; 0 on the last day
	Level     int // the last of Levels that it came to
}

// Warnings are the agreements in force that end within 60 days, the first to end
// first. One whose next version is agreed and begins in time is not among them.
func (b Book) Warnings(today nhs.Date) []Warning {
	var out []Warning
	for _, a := range b.governing(today) {
		days, ok := a.Warn(today)
		follows := func(n Agreement) bool {
			return n.ID == a.ID && n.Version > a.Version && n.Status == Agreed && a.To.DaysTo(n.From) <= 1 && a.To.Before(n.To)
		}
		if ok && !slices.ContainsFunc(b, follows) {
			out = append(out, Warning{a, days, Level(days)})
		}
	}
	slices.SortStableFunc(out, func(x, y Warning) int { return cmp.Compare(x.Days, y.Days) })
	return out
}
