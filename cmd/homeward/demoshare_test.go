package main

import (
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/sharing"
	"homeward/sim"
)

// What the demonstration shows to information governance leads takes nothing
// from anybody else: all that the one agreement gives still flows, and nothing
// is paused.
func TestDemoAgreementsTakeNothingAway(t *testing.T) {
	today := nhs.DateOf(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	var orgs []care.Org
	for _, h := range sim.Hospitals() {
		orgs = append(orgs, care.Org{ODS: h.ODS, Name: h.Name, Kind: care.Trust})
	}
	orgs = append(orgs, care.Org{ODS: sim.Nottinghamshire, Name: "Nottinghamshire", Kind: care.Council}, care.Org{ODS: sim.NottinghamCity, Name: "Nottingham", Kind: care.Council})
	all := demoAgreement(orgs, today)
	one, book := sharing.Book{all}, sharing.Book(demoAgreements(all, today))
	for _, a := range orgs {
		for _, b := range orgs {
			if want, got := one.Open(a.ODS, b.ODS, today), book.Open(a.ODS, b.ODS, today); len(got) != len(want) {
				t.Errorf("from %s to %s flows %v, want %v", a.ODS, b.ODS, got, want)
			}
		}
		if ps := book.Paused(a.ODS, today); len(ps) > 0 {
			t.Errorf("%s: paused %v", a.ODS, ps)
		}
	}
	states := map[sharing.State]int{}
	for _, a := range book {
		states[book.State(a, today)]++
		if problems := a.Check(); (len(problems) > 0) != (a.Status == sharing.Draft) {
			t.Errorf("%s: %v", a.ID, problems)
		}
	}
	if states[sharing.StateInForce] != 2 || states[sharing.StateDraft] != 1 || states[sharing.StateSuspended] != 1 {
		t.Errorf("%v", states)
	}
	if ws := book.Warnings(today); len(ws) != 1 || ws[0].Days != 25 || ws[0].Level != 30 {
		t.Errorf("warnings: %v", ws)
	}
}
