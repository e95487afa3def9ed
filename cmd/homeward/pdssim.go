package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/nhs"
	"homeward/sim"
	simpds "homeward/sim/pds"
)

// simPDSCmd is a pretend PDS of its own.
type simPDSCmd struct {
	Listen string `help:"Address, host:port." default:"127.0.0.1:8091"`
	App    string `help:"The application's key: iss and sub of its assertions." default:"homeward"`
	JWKS   string `help:"JWK set with the application's public keys." name:"jwks" required:"" type:"existingfile" placeholder:"FILE"`
	Seed   uint64 `help:"The same seed gives the same people." default:"1"`
}

// Run pretends until it is told to stop. It knows the people of the pretend county.
func (c *simPDSCmd) Run(ctx context.Context) error {
	b, err := os.ReadFile(c.JWKS)
	if err != nil {
		return fmt.Errorf("reading the JWK set: %w", err)
	}
	keys := &jose.JSONWebKeySet{}
	if err := json.Unmarshal(b, keys); err != nil {
		return fmt.Errorf("%s is no JWK set: %w", c.JWKS, err)
	}
	county, err := sim.New(sim.Config{Seed: c.Seed, Clock: time.Now, Sleep: sleep, Zone: time.UTC})
	if err != nil {
		return err
	}
	at, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	s := simpds.New(simpds.Config{App: c.App, Keys: keys, URL: "http://" + at.Addr().String()})
	for _, p := range county.People() {
		s.Put(pdsRecord(p))
	}
	say(os.Stdout, "pretend PDS at http://%s/personal-demographics/FHIR/R4", at.Addr())
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(at); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func pdsRecord(p sim.Person) simpds.Record {
	r := simpds.Record{Number: p.NHS, Family: p.Family, Given: p.Given, Title: p.Title, Born: p.Born, Sex: map[string]string{"Female": "female", "Male": "male"}[p.Sex],
		Lines: p.Address, Postcode: p.Postcode, Phone: p.Phone, GP: p.GP, Restricted: p.Sensitive}
	if p.Held != nil && p.Held.Died != (nhs.Date{}) {
		r.Died, r.DeathStatus = p.Held.Died.String()+"T00:00:00+00:00", "2"
	}
	return r
}
