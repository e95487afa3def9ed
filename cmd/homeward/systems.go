package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"homeward/api"
	"homeward/care"
	"homeward/hub"
	"homeward/nhs"
)

// MachinesConfig is how systems show a client certificate.
type MachinesConfig struct {
	HTTP       string `toml:"http" doc:"A second address only for systems, host:port, where they are asked for a client certificate; browsers never are. Needs tls_cert. Empty: none."`
	MutualURL  string `toml:"mutual_url" doc:"Address by which systems reach that, https://host:port."`
	CertHeader string `toml:"client_cert_header" doc:"Header in which the proxy in front tells the client's certificate, and which it removes from what clients send. Only with behind_proxy. Empty: none."`
}

// SystemConfig is one machine that signs in by itself.
type SystemConfig struct {
	Client    string   `toml:"client" doc:"Its name, of small letters, digits and hyphens: iss and sub of its assertions."`
	Title     string   `toml:"title" doc:"Name for people: King's Mill EPR."`
	Org       string   `toml:"org" doc:"ODS code of the organisation whose it is."`
	Scopes    []string `toml:"scopes" doc:"What it may ask for. launch: bring a person in context. shd, scds, locator, ncr: the Nottinghamshire interfaces. fhir.read, fhir.write, fhir.subscribe, fhir.export, fhir.audit, bars: those of FHIR R4."`
	Keys      string   `toml:"keys" doc:"Its public keys, a JWK set: a file, or the https address where its owner publishes them."`
	Algs      []string `toml:"algorithms" doc:"How it may sign: RS512, RS384, ES384. Empty: any of them."`
	PerMinute int      `toml:"per_minute" doc:"Tokens a minute that it may get."`
	Bound     bool     `toml:"certificate_bound" doc:"Its tokens hold only with the client certificate with which they were asked for (RFC 8705)."`
}

func systemDefaults() SystemConfig { return SystemConfig{PerMinute: 120, Algs: []string{}} }

// checkSystems refuses what cannot work, naming the key and the mend.
func (c Config) checkSystems() error {
	m := c.Machines
	for key, v := range map[string]string{"public_url": c.PublicURL, "[machines] mutual_url": m.MutualURL} {
		if len(c.Systems) > 0 && v != "" && !isBase(v) {
			return fmt.Errorf("%s must be like https://homeward.example, and https but on this machine", key)
		}
	}
	switch {
	case len(c.Systems) > 0 && c.PublicURL == "":
		return errors.New("public_url must be set where there is a [[system]]: systems sign it into their assertions")
	case m.CertHeader != "" && !c.Behind:
		return errors.New("[machines] client_cert_header needs behind_proxy: without a proxy anybody could write that header")
	case (m.HTTP == "") != (m.MutualURL == ""):
		return errors.New("[machines] http and mutual_url must both be set, or neither")
	case m.HTTP != "" && (c.TLSCert == "" || m.CertHeader != ""):
		return errors.New("[machines] http needs tls_cert and tls_key, and no client_cert_header")
	}
	if m.HTTP != "" {
		if _, _, err := net.SplitHostPort(m.HTTP); err != nil {
			return errors.New("[machines] http must be host:port, like 0.0.0.0:8443")
		}
	}
	seen := map[string]bool{}
	for _, s := range c.Systems {
		if err := s.check(c); err != nil {
			return fmt.Errorf("[[system]] %q: %w", s.Client, err)
		}
		if seen[s.Client] {
			return fmt.Errorf("[[system]] %q: client stands twice", s.Client)
		}
		seen[s.Client] = true
	}
	return nil
}

// isBase reports whether this is the address of a host, without a path.
func isBase(v string) bool {
	u, err := url.Parse(v)
	return err == nil && u.Host != "" && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.User == nil &&
		(u.Scheme == "https" || u.Scheme == "http" && loopback(net.JoinHostPort(u.Hostname(), "0")))
}

func (s SystemConfig) check(c Config) error {
	switch {
	case s.Client == "" || strings.Trim(s.Client, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return errors.New("client must be of small letters, digits and hyphens")
	case s.Title == "" || s.Keys == "":
		return errors.New("title and keys must be set")
	case len(s.Scopes) == 0:
		return errors.New("scopes must name at least one")
	case s.PerMinute <= 0:
		return errors.New("per_minute must be more than 0")
	case s.Bound && c.Machines.HTTP == "" && c.Machines.CertHeader == "":
		return errors.New("certificate_bound needs [machines] http, or client_cert_header behind a proxy")
	}
	if !slices.ContainsFunc(c.Orgs, func(o OrgConfig) bool { return o.ODS == s.Org }) {
		return fmt.Errorf("org %q must be the ods of an [[organisation]]", s.Org)
	}
	for _, scope := range s.Scopes {
		switch {
		case !slices.Contains(api.Scopes(), scope):
			return fmt.Errorf("scope %q must be one of %s", scope, strings.Join(api.Scopes(), ", "))
		case scope == api.LaunchScope && !c.isOrg(s.Org, care.Trust):
			return fmt.Errorf("scope launch is for a trust's own system, and org %q is none", s.Org)
		}
	}
	return nil
}

// systemList is the systems as the hub knows them.
func (c Config) systemList() (out []hub.System) {
	for _, s := range c.Systems {
		out = append(out, hub.System{Client: s.Client, Title: s.Title, Org: nhs.ODS(s.Org), Scopes: s.Scopes, Bound: s.Bound})
	}
	return out
}

// wireSystems makes what systems ask; nil where none is configured.
func (st *site) wireSystems(address func(*http.Request) string) (err error) {
	c := st.config
	if len(c.Systems) == 0 {
		return nil
	}
	sc := api.SystemsConfig{Hub: st.hub, URLs: []string{c.PublicURL}, CertHeader: c.Machines.CertHeader, Clock: st.hub.Clock, Log: st.log, Address: address}
	if c.Machines.MutualURL != "" {
		sc.URLs = append(sc.URLs, c.Machines.MutualURL)
	}
	if address == nil {
		sc.Address = remoteHost
	}
	for _, s := range c.Systems {
		sc.Clients = append(sc.Clients, api.Client{ID: s.Client, Keys: s.Keys, Algs: s.Algs, PerMinute: s.PerMinute})
	}
	if st.systems, err = api.NewSystems(sc); err != nil {
		return err
	}
	st.faces, err = api.NewFaces(api.FacesConfig{Hub: st.hub, Systems: st.systems, Log: st.log, Clock: st.hub.Clock, PublicURL: c.PublicURL, Hooks: st.hooks})
	return err
}

// machines is all that systems ask.
func (st *site) machines() http.Handler {
	mux := http.NewServeMux()
	for _, p := range st.systems.Paths() {
		mux.Handle(p, st.systems)
	}
	for _, p := range st.faces.Paths() {
		mux.Handle(p, st.faces)
	}
	return mux
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// runSystems serves the address that is for systems only, until ctx ends. There
// a certificate is asked for; its owner needs no authority's word, since the
// assertion proves who it is and the token is bound to the certificate (RFC 8705 3).
func (st *site) runSystems(ctx context.Context) error {
	if st.systems == nil || st.config.Machines.HTTP == "" {
		return nil
	}
	at, err := net.Listen("tcp", st.config.Machines.HTTP)
	if err != nil {
		return fmt.Errorf("opening the address of the systems: %w", err)
	}
	srv := &http.Server{Handler: guarded(st.machines(), true), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: bodyTime, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		TLSConfig:   &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12},
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }, ErrorLog: slog.NewLogLogger(st.log.Handler(), slog.LevelWarn)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		end, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		if srv.Shutdown(end) != nil {
			_ = srv.Close()
		}
	}()
	err = srv.ServeTLS(at, st.config.TLSCert, st.config.TLSKey)
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving systems: %w", err)
	}
	<-ended
	return nil
}
