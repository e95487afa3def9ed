package main

import (
	"slices"
	"time"

	"homeward/nhs"
	"homeward/sharing"
	"homeward/sim"
)

// demoAgreements is what information governance leads find in the demonstration:
// the agreement that everything runs under, Bassetlaw's part of it by itself,
// which ends in 25 days so that a warning stands; a draft; and a suspended one,
// which takes nothing away, as what it names flows by the first one too.
func demoAgreements(all sharing.Agreement, today nhs.Date) []sharing.Agreement {
	with := func(yes bool) func(sharing.Flow) bool {
		return func(f sharing.Flow) bool { return (f.From == sim.Bassetlaw || f.To == sim.Bassetlaw) == yes }
	}
	main := narrowed(all, all.ID, all.Title, with(false))
	ending := narrowed(all, "going-home-bassetlaw", "Getting people home from Bassetlaw Hospital", with(true))
	ending.To = nhs.DateOf(today.Time().AddDate(0, 0, 25))
	return []sharing.Agreement{main, ending, demoDraft(all, today), demoSuspended(all, today)}
}

// narrowed is an agreement with some of its flows, and the parties that are left.
func narrowed(a sharing.Agreement, id, title string, keep func(sharing.Flow) bool) sharing.Agreement {
	a.ID, a.Title = id, title
	a.Flows = slices.DeleteFunc(slices.Clone(a.Flows), func(f sharing.Flow) bool { return !keep(f) })
	gone := func(ods nhs.ODS) bool {
		return !slices.ContainsFunc(a.Flows, func(f sharing.Flow) bool { return f.From == ods || f.To == ods })
	}
	a.Parties = slices.DeleteFunc(slices.Clone(a.Parties), func(p sharing.Party) bool { return gone(p.ODS) })
	a.Signatories = slices.DeleteFunc(slices.Clone(a.Signatories), func(s sharing.Signatory) bool { return gone(s.ODS) })
	return a
}

func between(a, b nhs.ODS) func(sharing.Flow) bool {
	return func(f sharing.Flow) bool { return f.From == a && f.To == b || f.From == b && f.To == a }
}

// demoDraft is one that somebody has begun.
func demoDraft(all sharing.Agreement, today nhs.Date) sharing.Agreement {
	a := narrowed(all, "therapy-draft", "Therapy assessments before discharge", between(sim.KingsMill, sim.Nottinghamshire))
	a.Purpose, a.DPIA, a.Signatories, a.Status = "To let social workers read what hospital therapists found, before they assess again.", "", nil, sharing.Draft
	a.From, a.To = nhs.DateOf(today.Time().AddDate(0, 0, 30)), nhs.Date{}
	a.Changes = []sharing.Change{{At: today.Time().AddDate(0, 0, -2).Add(10 * time.Hour), By: "demo-iggy", Who: "Iggy Marsh", Did: "drafted"}}
	return a
}

// demoSuspended is one that was stopped while something is looked into.
func demoSuspended(all sharing.Agreement, today nhs.Date) sharing.Agreement {
	a := narrowed(all, "evening-pilot", "Pilot: evening hand-over between Queen's and the city", between(sim.Queens, sim.NottinghamCity))
	a.Purpose, a.Status = "To hand over in the evening who goes home the next morning.", sharing.Suspended
	a.Changes = append(slices.Clone(a.Changes), sharing.Change{At: today.Time().AddDate(0, 0, -3).Add(15 * time.Hour), By: "demo-second-lead", Who: "Ben Invented", Did: "suspended",
		Why: "The impact assessment is looked at again"})
	return a
}
