package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"homeward/sim"
)

type simCmd struct {
	MLLP    []string `help:"Addresses of the listeners, one for each of up to three hospitals." name:"mllp" required:""`
	Council string   `help:"Folder for the pretend council's extracts. Empty: none."`
	Seed    uint64   `help:"The same seed gives the same people." default:"1"`
	Speed   float64  `help:"1 is about an event a second." default:"1"`
	Zone    string   `help:"Time zone of the hospitals." default:"Europe/London"`
}

// Run pretends until it is told to stop.
func (c *simCmd) Run(ctx context.Context) error {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return err
	}
	hs := sim.Hospitals()
	if len(c.MLLP) > len(hs) {
		return fmt.Errorf("there are %d pretend hospitals, and %d addresses were given", len(hs), len(c.MLLP))
	}
	hs = hs[:len(c.MLLP)]
	for i := range hs {
		hs[i].Addr = c.MLLP[i]
	}
	county, err := sim.New(sim.Config{Seed: c.Seed, Speed: c.Speed, Clock: time.Now, Sleep: sleep, Zone: zone, Hospitals: hs,
		Council: sim.CouncilConfig{Dir: c.Council},
		Trouble: func(who string, err error) { say(os.Stderr, "%s: %v", who, err) }})
	if err != nil {
		return err
	}
	return errors.Join(county.Play(ctx), county.Close())
}
