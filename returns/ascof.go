package returns

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"homeward/care"
	"homeward/nhs"
)

// ASCOF 2D: a discharge belongs to a start of ST-Max from 7 days before it to 3 days
// after, and its outcome is looked for in 84 days.
const (
	daysBefore = 7
	daysAfter  = 3
	window     = 84
)

// linking links the starts of reablement to discharges.
type linking struct{ starts, linked, old, oldLinked, whole, home int }

// longTerm are the kinds of care that are a move to a care home.
var longTerm = []string{"LTNC", "LTRC"}

func (l *linking) add(b *Building, p Person) {
	var last nhs.Date
	for _, s := range givenBy(b, p.Case) {
		if s.kind != "R" || s.start.IsZero() || !s.begins(b) {
			continue
		}
		if s.start == last { // two parts of one reablement
			continue
		}
		last = s.start
		l.start(b, p.Case, s)
	}
}

func (l *linking) start(b *Building, p care.Case, s given) {
	l.starts++
	old := !p.Person.Born.IsZero() && p.Person.Born.AgeOn(s.start) >= 65
	if old {
		l.old++
	}
	age := ""
	if !p.Person.Born.IsZero() {
		age = strconv.Itoa(p.Person.Born.AgeOn(s.start))
	}
	number := councilNumber(p, b.Org)
	b.field("Council’s number of the person", number != "", true)
	b.field("Date of birth", age != "", true)
	left, why := discharge(b, p, s.start)
	b.field("Discharge that is linked", why == "", true)
	if why != "" {
		row := len(b.made.Rows)
		b.made.Rows = append(b.made.Rows, Row{Case: p.ID, Cells: []string{s.ref, number, s.start.String(), age, "No", why, "", "", "", "", ""}})
		b.problem(Problem{Row: row, Case: p.ID, Field: "Linked", Text: why, Mend: "Check the first day of the reablement, and the discharge in the hospital’s system", Who: "Social worker or broker"})
		return
	}
	l.linked++
	if old {
		l.oldLinked++
	}
	outcome, on := l.outcome(b, p, left)
	day := b.day(left)
	b.made.Rows = append(b.made.Rows, Row{Case: p.ID, Cells: []string{s.ref, number, s.start.String(), age, "Yes", "", day.String(), strconv.Itoa(day.DaysTo(s.start)),
		day.Add(window).String(), outcome, dateText(on)}})
}

// discharge is the one that a start is linked to: the last from 7 days before it to 3
// days after. Otherwise it says why there is none.
func discharge(b *Building, p care.Case, start nhs.Date) (time.Time, string) {
	from, to := start.Add(-daysBefore), start.Add(daysAfter)
	var found time.Time
	var nearest nhs.Date
	within := false
	for _, s := range told(p) {
		if s.Left == nil {
			within = within || b.day(s.Admitted).Before(to.Add(1))
			continue
		}
		d := b.day(s.Left.At)
		switch {
		case s.Left.Died || s.Left.Moved:
		case !d.Before(from) && !to.Before(d):
			found = s.Left.At
		case d.Before(from):
			nearest = d
		}
	}
	switch {
	case !found.IsZero():
		return found, ""
	case within:
		return found, "Still in hospital"
	case !nearest.IsZero():
		return found, "Discharged " + strconv.Itoa(nearest.DaysTo(start)) + " days before: more than " + strconv.Itoa(daysBefore)
	}
	return found, "No discharge from hospital is known"
}

// told are the stays that a council's list of people may tell of: none of who objects to
// sharing or whose whereabouts are suppressed. They look like people who were in no hospital.
func told(p care.Case) []care.Stay {
	if p.Sensitive || p.Objection != nil {
		return nil
	}
	return stays(p)
}

// outcome is what happened first within the window of a discharge.
func (l *linking) outcome(b *Building, p care.Case, left time.Time) (string, nhs.Date) {
	type happened struct {
		what string
		on   nhs.Date
	}
	day := b.day(left)
	last := day.Add(window)
	var all []happened
	add := func(what string, on nhs.Date) {
		if !on.IsZero() && !on.Before(day) && !last.Before(on) {
			all = append(all, happened{what, on})
		}
	}
	for _, s := range told(p) {
		if s.Admitted.After(left) {
			add("Admitted to hospital", b.day(s.Admitted))
		}
	}
	for _, s := range givenBy(b, p) {
		if slices.Contains(longTerm, s.kind) && !s.start.IsZero() {
			add("Moved to a care home", s.start)
		}
	}
	if p.Died != nil {
		add("Died", b.day(p.Died.At))
	}
	slices.SortStableFunc(all, func(x, y happened) int { return cmp.Compare(x.on.Time().Unix(), y.on.Time().Unix()) })
	over := last.Before(b.day(b.Now))
	if over {
		l.whole++
	}
	switch {
	case len(all) > 0:
		return all[0].what, all[0].on
	case !over:
		return "Not known yet", nhs.Date{}
	}
	l.home++
	return "None of these", nhs.Date{}
}

func (l *linking) end(b *Building) {
	b.count("Starts of ST-Max", l.starts)
	b.count("Linked to a discharge", l.linked)
	b.count("Starts of ST-Max, 65 and over", l.old)
	b.count("Linked to a discharge, 65 and over", l.oldLinked)
	b.count("Linked, with the 84 days over", l.whole)
	b.count("Of those, neither in hospital again nor in a care home nor died", l.home)
}
