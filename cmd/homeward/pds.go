package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"homeward/connect/httpsend"
	"homeward/nhs"
	"homeward/pds"
)

// PDSConfig is the Personal Demographics Service, which says who somebody is.
type PDSConfig struct {
	URL       string   `toml:"url" doc:"Base address of PDS, like https://api.service.nhs.uk/personal-demographics/FHIR/R4. Empty: PDS is not asked."`
	TokenURL  string   `toml:"token_url" doc:"Where its tokens are to be had, like https://api.service.nhs.uk/oauth2/token."`
	ClientID  string   `toml:"client_id" doc:"Our application's key there."`
	KeyFile   string   `toml:"key_file" doc:"File with our private key (PEM, RSA), with which we sign in by RS512."`
	KeyID     string   `toml:"key_id" doc:"The key's name there (kid)."`
	Org       string   `toml:"org" doc:"ODS code of the organisation for which we ask. Empty: none is named."`
	PerSecond float64  `toml:"per_second" doc:"Questions in a second, at most. PDS gives 5."`
	Recheck   Duration `toml:"recheck" doc:"People with an open referral are checked again by themselves when the last answer is older. 0: only when somebody asks."`
	CAFile    string   `toml:"ca_file" doc:"File with the authorities of its certificate, PEM. Empty: those of this machine."`
	Allow     []string `toml:"allow" doc:"Private networks that its name may lead to, like 10.20.0.0/16."`
}

func pdsDefaults() PDSConfig { return PDSConfig{PerSecond: 5, Allow: []string{}} }

// check refuses what cannot work, without reading the key or asking PDS.
func (c PDSConfig) check() error {
	if c.URL == "" {
		return nil
	}
	switch {
	case c.TokenURL == "" || c.ClientID == "" || c.KeyFile == "" || c.KeyID == "":
		return errors.New("[pds] needs token_url, client_id, key_file and key_id")
	case c.PerSecond <= 0:
		return errors.New("[pds] per_second must be more than 0")
	case c.Recheck.Duration < 0 || c.Recheck.Duration > 0 && c.Recheck.Duration < time.Hour:
		return errors.New("[pds] recheck must be at least 1h, or 0")
	}
	for key, v := range map[string]string{"url": c.URL, "token_url": c.TokenURL} {
		if u, err := url.Parse(v); err != nil || u.Host == "" || !strings.HasPrefix(u.Scheme, "http") {
			return fmt.Errorf("[pds] %s must be an address like https://api.service.nhs.uk/...", key)
		}
	}
	if c.Org != "" {
		if _, err := nhs.ParseODS(c.Org); err != nil {
			return fmt.Errorf("[pds] org: %w", err)
		}
	}
	_, err := prefixes(c.Allow)
	return err
}

func prefixes(list []string) (out []netip.Prefix, err error) {
	for _, a := range list {
		p, err := netip.ParsePrefix(a)
		if err != nil {
			return nil, fmt.Errorf("allow: %q must be a network, like 10.20.0.0/16", a)
		}
		out = append(out, p)
	}
	return out, nil
}

// client is nil where PDS is not asked.
func (c PDSConfig) client(now func() time.Time) (*pds.Client, error) {
	if c.URL == "" {
		return nil, nil
	}
	allow, err := prefixes(c.Allow)
	if err != nil {
		return nil, err
	}
	return pds.New(pds.Config{Org: nhs.ODS(c.Org), PerSecond: c.PerSecond, Now: now,
		HTTP: httpsend.Config{URL: c.URL, Timeout: 15 * time.Second, CAFile: c.CAFile, Allow: allow, Now: now,
			Auth: httpsend.Auth{Kind: httpsend.ClientJWT, TokenURL: c.TokenURL, ClientID: c.ClientID, KeyID: c.KeyID, Alg: "RS512", SecretFile: c.KeyFile}}})
}
