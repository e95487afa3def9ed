package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"
)

// checkKind refuses what a kind of destination cannot do and would pass over in
// silence.
func (c DestinationConfig) checkKind(all Config) error {
	maps := []string{"webhook", "files", "sftp", "mesh"}
	switch c.Kind {
	case "fhir", "shd":
		if c.Format != "" && c.Format != "json" && c.Format != "xml" {
			return errors.New("format must be json or xml")
		}
	case "mail", "notify":
		if all.PublicURL == "" {
			return errors.New("public_url must be set: a mail without a link tells nothing")
		}
	}
	switch {
	case c.Kind == "fhir" && c.Profile != "" && c.Profile != "single":
		return errors.New("profile must be single, or be left out")
	case slices.Contains([]string{"notify", "mesh", "bars"}, c.Kind) && len(c.To) > 1:
		return errors.New("to must be one: make a [[destination]] for each of the others")
	case c.Mapping != "" && !slices.Contains(maps, c.Kind):
		return fmt.Errorf("mapping: what goes by %s has its own form", c.Kind)
	case c.Personal && !slices.Contains(maps, c.Kind):
		return fmt.Errorf("personal: it is for webhook, files, sftp and mesh, and changes nothing of what goes by %s", c.Kind)
	}
	return c.checkAddress()
}

func (c DestinationConfig) checkAddress() error {
	if c.Address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(c.Address)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || bad != nil || n == 0 {
		return errors.New("address must be host:port, like council.example:2575")
	}
	return nil
}

// checkMade makes what otherwise only the start of the site would: whom it tells, from
// whom it collects and PDS, with their files of keys, secrets, plans and mappings. It
// asks nobody anything.
func (c Config) checkMade() error {
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return err
	}
	_, told := c.tellings(making{zone: zone, now: time.Now})
	_, collected := c.ways(time.Now)
	_, asked := c.PDS.client(time.Now)
	return errors.Join(told, collected, asked)
}
