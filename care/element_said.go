package care

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"homeward/money"
	"homeward/nhs"
)

// Figure is a figure that was changed: what it was and what it is, in words.
type Figure struct {
	Name     string // "Rate"
	From, To string // "" for none
}

// FigureChange is one step in the history of an element: who did what when, and what
// each figure was and became.
type FigureChange struct {
	At       time.Time
	Recorded time.Time
	Element  string // its id
	Title    string
	Did      ElementDid
	Proposed bool // the figures wait; those before still stand
	By       Who
	Why      string
	Figures  []Figure
}

// FigureChanges is the history of the figures of a council's elements, oldest first,
// from the case's whole history.
func FigureChanges(entries []Entry, council nhs.ODS) []FigureChange {
	was := map[string]Element{}
	var out []FigureChange
	for _, entry := range entries {
		e, ok := entry.Event.(ElementChanged)
		if !ok || e.Element.Council != council {
			continue
		}
		before, next := was[e.Element.ID], e.Element
		c := FigureChange{At: e.At, Recorded: entry.Recorded, Element: next.ID, Did: e.Did, By: e.By, Title: cmp.Or(next.Title, next.Kind)}
		if e.Did != ElementSet {
			c.Why = next.Why
		}
		if next.Proposed != nil && e.Did == ElementSet {
			c.Proposed = true
			before.Past, before.From = nil, nhs.Date{}
			c.Figures = changedFigures(before, *next.Proposed)
		} else {
			c.Figures = changedFigures(before, next)
		}
		was[next.ID] = next
		out = append(out, c)
	}
	return out
}

// FigureKind is the name of the figure that is a kind of care, by its code.
const FigureKind = "Kind"

// changedFigures are the figures of which two elements say different things.
func changedFigures(a, b Element) []Figure {
	x, y := a.said(), b.said()
	var out []Figure
	for i, f := range y {
		if x[i].To != f.To {
			out = append(out, Figure{Name: f.Name, From: x[i].To, To: f.To})
		}
	}
	return out
}

// said is every figure in words, always the same ones in the same order.
func (e Element) said() []Figure {
	sum := func(a money.Amount) string {
		if a == 0 {
			return ""
		}
		return a.String()
	}
	share := ""
	if e.NHS > 0 {
		share = e.NHS.String()
	}
	var stops []string
	for _, s := range e.Stops {
		stops = append(stops, sayDays(s.From, s.To))
	}
	rate := ""
	if e.Rate > 0 {
		rate = e.Rate.String() + " " + e.Unit.Say()
	}
	return []Figure{{Name: FigureKind, To: e.Kind}, {Name: "What it is", To: e.Title}, {Name: "Provider", To: cmp.Or(e.ProviderName, e.Provider)},
		{Name: "Rate", To: rate}, {Name: "How much", To: e.HowMuch()}, {Name: "First day", To: sayDay(e.Start)}, {Name: "Last day", To: sayDay(e.End)},
		{Name: "Figures hold from", To: sayDay(e.From)}, {Name: "Paid from", To: FundingSay(e.Funding)}, {Name: "NHS share", To: share},
		{Name: "Contribution a week", To: sum(e.Contribution)}, {Name: "Ceiling a week", To: sum(e.Ceiling)}, {Name: "Suspended", To: strings.Join(stops, ", ")}}
}

// Say is what a rate is for: "an hour".
func (u Unit) Say() string {
	return map[Unit]string{UnitHour: "an hour", UnitVisit: "a visit", UnitDay: "a day", UnitNight: "a night", UnitWeek: "a week", UnitOnce: "once"}[u]
}

// HowMuch is the quantity in words: "3.5 hours a week: every day 0.5".
func (e Element) HowMuch() string {
	switch {
	case e.Unit == UnitOnce && e.Count > 0:
		return e.Count.String()
	case e.Unit == UnitWeek && e.Count > 0:
		return e.Count.String() + " a week"
	}
	var sum money.Quantity
	var days []string
	for i, q := range e.Week {
		if q != 0 {
			sum += q
			days = append(days, Weekdays[i][:3]+" "+q.String())
		}
	}
	if sum == 0 {
		return ""
	}
	if !slices.ContainsFunc(e.Week[:], func(q money.Quantity) bool { return q != e.Week[0] }) {
		days = []string{"every day " + e.Week[0].String()}
	}
	return sum.Of(string(e.Unit)) + " a week: " + strings.Join(days, ", ")
}

// Weekdays are the days in the order of Element.Week.
var Weekdays = [7]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// sayDay is a date for people (NHS CUI date display), "" for none.
func sayDay(d nhs.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.Time().Format("02-Jan-2006")
}

func sayDays(from, to nhs.Date) string {
	if to.IsZero() {
		return "from " + sayDay(from)
	}
	return sayDay(from) + " to " + sayDay(to)
}
