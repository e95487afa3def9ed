package main

import (
	"context"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/sharing"
)

// What the hospitals of the demonstration share with each council, and each
// council with them: what somebody who plans a discharge needs, and no money.
var (
	demoFromTrusts   = []sharing.Section{sharing.Demographics, sharing.Whereabouts, sharing.Assessments, sharing.Risk, sharing.Notes, sharing.Referral, sharing.Timeline}
	demoFromCouncils = []sharing.Section{sharing.Demographics, sharing.Packages, sharing.Provider, sharing.Safeguarding, sharing.Assessments, sharing.Notes, sharing.Referral, sharing.Timeline}
)

// demoAgreement is the invented agreement under which the demonstration runs, in
// force from half a year before a day to a year after it.
func demoAgreement(orgs []care.Org, today nhs.Date) sharing.Agreement {
	day := func(n int) nhs.Date { return nhs.DateOf(today.Time().AddDate(0, 0, n)) }
	a := sharing.Agreement{ID: "going-home", Version: 1, Title: "Getting people home from hospital",
		Purpose: "Planning how people leave hospital with the care and support that they need, and direct care of people whom a council supports.",
		Basis:   "Health and Social Care Act 2012 s.251B; UK GDPR art. 6(1)(e) and 9(2)(h); Care Act 2014 s.9 and sch.3",
		DPIA:    "DPIA-DEMO-1", Owner: "Head of information governance", Contact: "01632 960 900", From: day(-182), To: day(365), Status: sharing.Agreed}
	at := a.From.Time().Add(9 * time.Hour)
	for i, did := range []string{"drafted", "proposed", "approved"} {
		c := sharing.Change{At: at.Add(time.Duration(i) * time.Hour), By: "demo-first-lead", Who: "Ada Invented", Did: did}
		if did == "approved" {
			c.By, c.Who = "demo-second-lead", "Ben Invented"
		}
		a.Changes = append(a.Changes, c)
	}
	for _, o := range orgs {
		role := "Caldicott Guardian"
		switch o.Kind {
		case care.Trust:
		case care.Council:
			role = "Director of adult social care"
		default:
			continue
		}
		a.Parties = append(a.Parties, sharing.Party{ODS: o.ODS, Name: o.Name})
		a.Signatories = append(a.Signatories, sharing.Signatory{Name: "Invented signatory", Role: role, ODS: o.ODS, On: a.From})
		for _, x := range orgs {
			if o.Kind == care.Trust && x.Kind == care.Council {
				a.Flows = append(a.Flows, sharing.Flow{From: o.ODS, To: x.ODS, Sections: demoFromTrusts}, sharing.Flow{From: x.ODS, To: o.ODS, Sections: demoFromCouncils})
			}
		}
	}
	return a
}

// agreements adds the invented agreements that are not there yet.
func (d *demo) agreements(ctx context.Context) error {
	a := demoAgreement(d.site.config.orgs(), nhs.DateOf(d.clock.now()))
	return d.site.hub.SeedAgreements(ctx, demoAgreements(a, nhs.DateOf(d.clock.now())))
}
