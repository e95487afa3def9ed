package main

import (
	"testing"
	"time"

	"homeward/care"
	"homeward/nhs"
	"homeward/sharing"
)

// TestDemoAgreementIsWhole: what the demonstration shows as in force could have
// been proposed and approved by hand.
func TestDemoAgreementIsWhole(t *testing.T) {
	today := nhs.DateOf(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	a := demoAgreement([]care.Org{{ODS: "RK5", Name: "King's Mill", Kind: care.Trust}, {ODS: "511", Name: "Nottinghamshire", Kind: care.Council},
		{ODS: "HOMEWARD", Name: "Homeward", Kind: care.System}}, today)
	if ps := a.Check(); len(ps) > 0 {
		t.Errorf("the demonstration's agreement: %v", ps)
	}
	b := sharing.Book{a}
	if len(b.Open("511", "RK5", today)) == 0 || len(b.Open("RK5", "511", today)) == 0 || len(b.Warnings(today)) > 0 {
		t.Error("the demonstration's agreement does not run")
	}
}
