package care

import (
	"slices"
	"time"

	"homeward/nhs"
)

// costEndDue is how long a council has to end the cost of care that is no longer
// given. The time is ours.
const costEndDue = 24 * time.Hour

// CostsOn reports whether an element still costs, or would once it is approved, after
// a day. A one-off is bought.
func (e Element) CostsOn(after nhs.Date) bool {
	return (e.State == ElementApproved || e.State == ElementWaiting) && e.Unit != UnitOnce && (e.End.IsZero() || after.Before(e.End))
}

// followCosts sets a council's task when care that it pays for cannot go on: the person
// died, or the referral came to nothing. No cost ends by itself: what is owed for the
// last days is between the council and the provider. The task is done when nothing
// costs any more, and dropped when a death is taken back.
func followCosts(was, is Case, e Event, now time.Time) []Event {
	if is.JoinedTo != "" {
		return nil
	}
	switch x := e.(type) {
	case PersonDied:
		if was.Died != nil {
			return nil
		}
		return endCosts(is, "The person has died", now, "died", func(Element) bool { return true })
	case ReferralEnded:
		say := map[RefState]string{RefWithdrawn: "The referral was withdrawn", RefCancelled: "The referral was cancelled"}[x.State]
		if say == "" || is.Died != nil {
			return nil
		}
		return endCosts(is, say, now, string(x.ID), func(e Element) bool { return e.Referral == x.ID })
	case ReferralTransferred:
		return endCosts(is, "Another council is responsible now", now, string(x.ID), func(e Element) bool { return e.Referral == x.ID })
	case DeathUndone:
		return closeCostTasks(is, now, Who{}, false, "The report of the death was taken back", func(nhs.ODS) bool { return true })
	case ElementChanged:
		today := nhs.DateOf(now)
		return closeCostTasks(is, now, x.By, true, "Nothing costs any more", func(council nhs.ODS) bool {
			return council == x.Element.Council && !slices.ContainsFunc(is.Elements, func(e Element) bool { return e.Council == council && e.CostsOn(today) })
		})
	}
	return nil
}

// endCosts is one task for each council that pays for such elements.
func endCosts(c Case, why string, now time.Time, name string, of func(Element) bool) []Event {
	today := nhs.DateOf(now)
	var out []Event
	var asked []nhs.ODS
	for _, e := range c.Elements {
		open := func(t Task) bool { return t.Kind == TaskCost && t.Open() && t.Owner.Org == e.Council }
		if !of(e) || !e.CostsOn(today) || slices.Contains(asked, e.Council) || slices.ContainsFunc(c.Tasks, open) {
			continue
		}
		asked = append(asked, e.Council)
		out = append(out, TaskChanged{At: now, Did: TaskSet, Task: Task{ID: followed("care-cost", name, string(e.Council), itoa(len(c.Tasks))), Referral: e.Referral, Kind: TaskCost, Audience: AudienceCouncil,
			Text: why + ": end the cost of care that was arranged, on the tab Finance", Owner: Owner{Org: e.Council}, At: now, Due: now.Add(costEndDue)}})
	}
	return out
}

func closeCostTasks(c Case, now time.Time, by Who, done bool, outcome string, of func(nhs.ODS) bool) []Event {
	var out []Event
	for _, t := range c.Tasks {
		if t.Kind == TaskCost && t.Open() && of(t.Owner.Org) {
			out = append(out, t.end(now, by, done, outcome))
		}
	}
	return out
}
