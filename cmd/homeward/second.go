package main

import (
	"fmt"
	"slices"
	"strings"

	"homeward/care"
	"homeward/signin"
	"homeward/web"
)

// SignInConfig is how accounts that are kept here prove who they are.
type SignInConfig struct {
	SecondFactor    string   `toml:"second_factor" doc:"A passkey or an app for codes, besides the password: offered (whoever wants one sets it up) or required (nothing opens before it is set up). People who sign in by a [[provider]] are the provider's to ask."`
	SecondFactorFor []string `toml:"second_factor_for" doc:"The roles of which it is required, such as admin and ig-lead. Empty: all. A wallboard is never asked."`
}

func (c SignInConfig) check() error {
	if c.SecondFactor != "offered" && c.SecondFactor != "required" {
		return fmt.Errorf("[signin] second_factor must be offered or required")
	}
	if len(c.SecondFactorFor) > 0 && c.SecondFactor != "required" {
		return fmt.Errorf("[signin] second_factor_for is for second_factor = \"required\"")
	}
	for _, r := range c.SecondFactorFor {
		if !slices.Contains(care.Roles(), care.Role(r)) {
			return fmt.Errorf("[signin] second_factor_for: %q is no role. The roles are %s", r, strings.Join(roleNames(), ", "))
		}
	}
	return nil
}

func roleNames() (out []string) {
	for _, r := range care.Roles() {
		out = append(out, string(r))
	}
	return out
}

// require says of which roles a second factor is required; nil: of none.
func (c SignInConfig) require() func(care.Grant) bool {
	if c.SecondFactor != "required" {
		return nil
	}
	return func(g care.Grant) bool {
		return len(c.SecondFactorFor) == 0 || slices.Contains(c.SecondFactorFor, string(g.Role))
	}
}

// party is who asks for passkeys. At an address that passkeys cannot be bound to
// it is none, and the pages take the one that the reader's browser came to, where
// that can.
func (c Config) party() signin.Party {
	p, err := signin.NewParty(c.PublicURL)
	if err != nil {
		return signin.Party{}
	}
	return p
}

// pages are the limits of the web pages.
func (l LimitsConfig) pages() web.Limits {
	return web.Limits{User: l.Requests, Address: l.AddressRequests, Door: l.SignIns, Looks: l.LookUps}
}
