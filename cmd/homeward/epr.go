package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/api"
	"homeward/nhs"
	"homeward/sim"
)

// makeEPR gives each of the demo's hospitals and councils a system that does the
// real thing: a key made at the start, and a token for a signed assertion. That
// of the first hospital also brings people in context. The private keys are beside
// the public ones, so that whoever tries the demo can be any of these systems.
func (d *demo) makeEPR(cfg *Config) error {
	cfg.PublicURL = "http://" + reachable(cfg.HTTP)
	for _, s := range d.systems() {
		key, err := newSystemKey(string(jose.ES384), 0)
		if err != nil {
			return err
		}
		public, err := publicKey(key, string(jose.ES384))
		if err != nil {
			return err
		}
		if err := writePrivate(d.keyOf(s.Client), key); err != nil {
			return err
		}
		s.Keys = filepath.Join(d.dir, s.Client+".jwks.json")
		if err := writeSet(s.Keys, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}}); err != nil {
			return err
		}
		cfg.Systems = append(cfg.Systems, s)
		if d.epr == nil {
			d.epr = &epr{url: cfg.PublicURL, client: s.Client, alg: string(jose.ES384), kid: public.KeyID, key: key, clock: d.clock.now, web: &http.Client{Timeout: 10 * time.Second}}
		}
	}
	return nil
}

// keyOf is the file of a system's private key.
func (d *demo) keyOf(client string) string { return filepath.Join(d.dir, client+".key.pem") }

// systems are those of the demo: one of each hospital, that of the first first,
// and one of each council.
func (d *demo) systems() (out []SystemConfig) {
	hospital := []string{api.LaunchScope, api.SHDScope, api.SCDSScope, api.LocatorScope, api.NCRScope, api.ReadScope, api.WriteScope, api.SubscribeScope, api.BaRSScope}
	council := []string{api.LocatorScope, api.NCRScope, api.ReadScope, api.WriteScope, api.SubscribeScope, api.ExportScope, api.BaRSScope}
	add := func(client, title string, org nhs.ODS, scopes []string) {
		s := systemDefaults()
		s.Client, s.Title, s.Org, s.Scopes, s.PerMinute = client, title, string(org), scopes, 6000
		out = append(out, s)
	}
	add("kings-mill-epr", "King's Mill EPR", sim.KingsMill, hospital)
	add("queens-epr", "Queen's EPR", sim.Queens, hospital)
	add("bassetlaw-epr", "Bassetlaw EPR", sim.Bassetlaw, hospital)
	add("county-mosaic", "Mosaic (Nottinghamshire)", sim.Nottinghamshire, council)
	add("city-liquidlogic", "Liquidlogic (Nottingham)", sim.NottinghamCity, council)
	return out
}

// writePrivate writes a private key for its owner only.
func writePrivate(file string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// launch brings a person in context and gives the path of the link.
func (e *epr) launch(ctx context.Context, number nhs.Number, born nhs.Date) (string, error) {
	var token struct {
		Token string `json:"access_token"`
	}
	b, err := e.token(ctx, api.LaunchScope)
	if err == nil {
		err = json.Unmarshal(b, &token)
	}
	if err != nil {
		return "", fmt.Errorf("asking for a token: %w", err)
	}
	body, err := json.Marshal(map[string]string{"nhs": number.Digits(), "dob": born.String()})
	if err != nil {
		return "", err
	}
	var link struct {
		URL string `json:"url"`
	}
	if b, err = e.post(ctx, "/api/launch", "application/json", token.Token, string(body), http.StatusCreated); err == nil {
		err = json.Unmarshal(b, &link)
	}
	if err != nil {
		return "", fmt.Errorf("asking for a link: %w", err)
	}
	u, err := url.Parse(link.URL)
	if err != nil {
		return "", err
	}
	return u.Path, nil
}

// fromEPR is the button in the hospital's record system.
func (p *panel) fromEPR(w http.ResponseWriter, r *http.Request) {
	ctx, stop := context.WithTimeout(r.Context(), 20*time.Second)
	defer stop()
	b := sim.Barbara(p.today())
	to, err := p.demo.epr.launch(ctx, b.NHS, b.Born)
	if err != nil {
		p.show(w, r, http.StatusBadGateway, "", err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
