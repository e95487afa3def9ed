package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"homeward/api"
)

// SubscriptionsConfig is what the rest-hooks of subscriptions may be.
type SubscriptionsConfig struct {
	Allow  []string `toml:"allow" doc:"Private networks that rest-hooks may be in, like 10.20.0.0/16. Empty: public https addresses only."`
	CAFile string   `toml:"ca_file" doc:"PEM file with authorities that sign the certificates of rest-hooks. Empty: those of this machine."`
}

// hooks makes the caller of rest-hooks.
func (c Config) hooks(clock func() time.Time) (*api.Hooks, error) {
	allow, err := prefixes(c.Subscriptions.Allow)
	if err != nil {
		return nil, fmt.Errorf("[subscriptions] %w", err)
	}
	var roots *tls.Config
	if file := c.Subscriptions.CAFile; file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("[subscriptions] reading ca_file: %w", err)
		}
		roots = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		if !roots.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("[subscriptions] ca_file %s holds no certificate", file)
		}
	}
	return api.NewHooks(c.PublicURL, allow, clock, roots), nil
}
