package care

import (
	"slices"
)

// person merges who somebody is. A newer message wins field by field, whoever
// sends it; only the source that told last deletes, and never a name or a date
// of birth; an older message fills in what nobody told.
func (n *noticing) person() {
	was, a := n.c.Person, n.o.About
	m := &merging{newer: !n.at.Before(was.AsAt), mayDelete: was.Source == n.o.Source.Feed}
	p := was
	p.Family = merge(m, was.Family, a.Family, true)
	p.Given = merge(m, was.Given, a.Given, true)
	p.Born = merge(m, was.Born, a.Born, true)
	p.Title = merge(m, was.Title, a.Title, false)
	p.Preferred = merge(m, was.Preferred, a.Preferred, false)
	p.Sex = merge(m, was.Sex, a.Sex, false)
	p.Phone = merge(m, was.Phone, a.Phone, false)
	p.GP = merge(m, was.GP, a.GP, false)
	p.GPName = merge(m, was.GPName, a.GPName, false)
	p.Language = merge(m, was.Language, a.Language, false)
	if a.Address.Told && m.takes(a.Address.Value.IsZero(), was.Address.IsZero(), was.Address.equal(a.Address.Value), false) {
		p.Address = a.Address.Value
	}
	if a.Kin.Told && m.takes(len(a.Kin.Value) == 0, len(was.Kin) == 0, slices.Equal(was.Kin, a.Kin.Value), false) {
		p.Kin = a.Kin.Value
	}
	if m.changed {
		if m.newer {
			p.Source, p.AsAt = n.o.Source.Feed, n.at
		}
		n.add(PersonTold{At: n.at, Person: p, First: was.empty()})
	}
	// Two organisations that hold different details are not late; they differ.
	if m.late && m.mayDelete {
		n.tooLate("other personal details")
	}
}

// merging is one message's personal details against what is known.
type merging struct {
	newer, mayDelete bool
	changed, late    bool
}

// takes reports whether a told field replaces the known one. empty, none and
// same say that nothing is told, that nothing is known, and that both agree.
func (m *merging) takes(empty, none, same, keep bool) bool {
	switch {
	case same, empty && none, empty && (keep || !m.mayDelete):
		return false
	case !m.newer && !none:
		m.late = true
		return false
	}
	m.changed = true
	return true
}

func merge[T comparable](m *merging, was T, told Opt[T], keep bool) T {
	var zero T
	if told.Told && m.takes(told.Value == zero, was == zero, was == told.Value, keep) {
		return told.Value
	}
	return was
}

func (a Address) equal(b Address) bool {
	return slices.Equal(a.Lines, b.Lines) && a.Postcode == b.Postcode && a.UPRN == b.UPRN
}

// sensitive is the hospital's mark of a sensitive record (PV1-16).
func (n *noticing) sensitive() {
	told := n.o.About.Sensitive
	switch {
	case !told.Told || told.Value == n.c.Sensitive:
	case n.at.Before(n.c.SensitiveAt):
		n.tooLate(SensitivityTold{Sensitive: told.Value}.Say())
	default:
		n.add(SensitivityTold{At: n.at, Sensitive: told.Value})
	}
}

// toldDeath is a death told with the personal details (PID-29, PID-30). Only
// the source that told a death takes it back.
func (n *noticing) toldDeath() {
	told := n.o.About.Died
	if !told.Told {
		return
	}
	if told.Value != (Death{}) {
		d := told.Value
		if d.Source == "" {
			d.Source = n.o.Source.Feed
		}
		if d.At.IsZero() {
			d.At = n.at
		}
		n.die(d)
		return
	}
	if d := n.c.Died; d != nil && d.Source == n.o.Source.Feed && !n.said.Before(d.At) {
		n.deathUndone()
	}
}
