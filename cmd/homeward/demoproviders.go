package main

import (
	"homeward/care"
	"homeward/sim"
)

// demoProvider answers for the first provider of the pretend council's directory.
func demoProvider() demoAccount {
	p := sim.Providers()[0]
	return demoAccount{"dawn", "Dawn Field", "Office of " + p.Name + ", a care provider",
		[]care.Grant{{Role: care.CareProvider, Org: care.ProviderCode(sim.Nottinghamshire, p.ID)}}}
}
