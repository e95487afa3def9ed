package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/api"
	"homeward/nhs"
	"homeward/sim"
)

// makeEPR gives the demo's first hospital a record system that does the real
// thing: a key made at the start, a token for a signed assertion, a one-time link.
func (d *demo) makeEPR(cfg *Config) error {
	key, err := newSystemKey(string(jose.ES384), 0)
	if err != nil {
		return err
	}
	public, err := publicKey(key, string(jose.ES384))
	if err != nil {
		return err
	}
	s := systemDefaults()
	s.Client, s.Title, s.Org, s.Scopes, s.Keys = "kings-mill-epr", "King's Mill EPR", string(sim.KingsMill), []string{api.LaunchScope}, filepath.Join(d.dir, "kings-mill-epr.jwks.json")
	cfg.PublicURL = "http://" + reachable(cfg.HTTP)
	cfg.Systems = append(cfg.Systems, s)
	d.epr = &epr{url: cfg.PublicURL, client: s.Client, alg: string(jose.ES384), kid: public.KeyID, key: key, clock: d.clock.now, web: &http.Client{Timeout: 10 * time.Second}}
	return writeSet(s.Keys, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
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
