package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/nhs"
	"homeward/sim"
)

// simAll are the pretend systems.
type simAll struct {
	Hospitals simCmd        `cmd:"" default:"withargs" help:"Pretend to be hospitals and a council that leaves extracts, against listeners elsewhere."`
	Council   simCouncilCmd `cmd:"" help:"Pretend to be a council's case management system with a database of its own: an API to poll, FHIR to receive referrals, and a page."`
	PDS       simPDSCmd     `cmd:"" name:"pds" help:"Pretend to be the Personal Demographics Service, with the people of the pretend county."`
}

type simCouncilCmd struct {
	Listen    string `help:"Address, host:port." default:"127.0.0.1:8090"`
	Database  string `help:"File of its own database." required:""`
	Seed      uint64 `help:"The same seed gives the same people." default:"1"`
	ODS       string `help:"The council's ODS code." default:"511"`
	Name      string `help:"Its name." default:"Nottinghamshire County Council"`
	TokenFile string `help:"File with the bearer token that its interfaces ask for. Empty: they ask for none."`
	Homeward  string `help:"Where Homeward is reached, like https://homeward.example. Empty: referrals are not answered."`
	Client    string `help:"Its name at Homeward, the client of a [[system]]." default:"pretend-council"`
	KeyFile   string `help:"File with the private key (PEM, as system key makes it) with which it signs in to Homeward."`
	Alg       string `help:"RS512, RS384 or ES384." enum:"RS512,RS384,ES384" default:"RS512"`
}

// Run pretends until it is told to stop.
func (c *simCouncilCmd) Run(ctx context.Context) error {
	cc := sim.CouncilSystemConfig{Database: c.Database, Seed: c.Seed, ODS: nhs.ODS(c.ODS), Name: c.Name}
	if c.TokenFile != "" {
		b, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return fmt.Errorf("reading the token: %w", err)
		}
		cc.Token = strings.TrimSpace(string(b))
	}
	if c.Homeward != "" {
		b, err := os.ReadFile(c.KeyFile)
		if err != nil {
			return fmt.Errorf("reading the key for Homeward: %w", err)
		}
		side, err := farSide(b, c.Alg, "")
		if err != nil {
			return err
		}
		cc.Homeward = sim.Homeward{URL: strings.TrimSuffix(c.Homeward, "/"), Client: c.Client, Key: jose.JSONWebKey{Key: side.key, KeyID: side.kid, Algorithm: side.alg}}
	}
	s, err := sim.OpenCouncilSystem(ctx, cc)
	if err != nil {
		return err
	}
	at, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	say(os.Stdout, "pretend council at http://%s", at.Addr())
	srv := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { s.Answer(ctx, func(err error) { say(os.Stderr, "%v", err) }) })
	err = srv.Serve(at)
	wg.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, s.Close())
}
