package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"homeward/nhs"
	"homeward/sim"
	"homeward/sim/idp"
)

// The pretend identity providers of the demonstration: one like NHS CIS2, one
// like a council's Entra ID. Everybody in them is invented.

// demoSmartcards are who can sign in as with an NHS smartcard.
func demoSmartcards() []idp.Person {
	type role = map[string]any
	at := func(profile string, org nhs.ODS, code, name string) role {
		return role{"person_roleid": profile, "org_code": string(org), "role_code": code, "role_name": name, "activity_codes": []string{"B0360"}}
	}
	who := func(sub, name, does, aal string, roles ...role) idp.Person {
		return idp.Person{Sub: sub, Name: name, Does: does,
			Claims: map[string]any{"acr": "AAL" + aal + "_ANY", "authentication_assurance_level": aal, "id_assurance_level": "3"},
			Info:   map[string]any{"nhsid_useruid": sub, "nhsid_nrbac_roles": roles}}
	}
	const nurse, clerk = "S8000:G8000:R8001", "S8001:G8002:R8008"
	return []idp.Person{
		who("910000000001", "Nadia Coles", "Nurse, King's Mill", "3", at("920000000001", sim.KingsMill, nurse, "Nurse Access Role")),
		who("910000000002", "Tom Fairweather", "Two roles: nurse at King's Mill, coordinator at Bassetlaw", "3",
			at("920000000002", sim.KingsMill, nurse, "Nurse Access Role"), at("920000000003", sim.Bassetlaw, clerk, "Admin/Clinical Support Access Role")),
		who("910000000003", "Zara Quill", "Has a smartcard, and no role here", "3", at("920000000004", sim.KingsMill, "S8009:G8009:R9999", "Other")),
		who("910000000004", "Ivy Lane", "Nurse, King's Mill, with a password only: not assured enough", "1", at("920000000005", sim.KingsMill, nurse, "Nurse Access Role")),
	}
}

// demoStaff are who can sign in as with a council account.
func demoStaff() []idp.Person {
	who := func(sub, name, does string, claims map[string]any) idp.Person {
		claims["amr"] = []string{"pwd", "mfa"}
		return idp.Person{Sub: sub, Name: name, Does: does, Claims: claims}
	}
	return []idp.Person{
		who("grace", "Grace Holt", "Social worker", map[string]any{"groups": []string{"homeward-social-workers"}}),
		who("owen", "Owen Pryce", "Team manager", map[string]any{"roles": []string{"Homeward.TeamManager"}}),
		who("dev", "Dev Rana", "Works for the council, and has no role here", map[string]any{"groups": []string{"libraries"}}),
	}
}

// pretendProviders starts the providers and writes them into the configuration.
func (d *demo) pretendProviders(cfg *Config) error {
	cfg.PublicURL = "http://" + reachable(cfg.HTTP)
	smartcard := providerDefaults()
	smartcard.Name, smartcard.Title, smartcard.Called, smartcard.Kind = "cis2", "Sign in with an NHS smartcard or security key (pretend)", "The pretend NHS CIS2", "cis2"
	smartcard.Scopes, smartcard.ACR = []string{"profile", "nationalrbacaccess"}, []string{"AAL2_OR_AAL3_ANY"}
	smartcard.Roles = []RoleConfig{{Role: "ae-nurse", Code: "R8001"}, {Role: "coordinator", Code: "R8008"}}
	council := providerDefaults()
	council.Name, council.Title, council.Called, council.Kind = "council", "Sign in with a council account (pretend)", "The pretend council sign-in", "entra"
	council.NeedAMR = []string{"mfa"}
	council.Roles = []RoleConfig{{Role: "social-worker", Code: "homeward-social-workers", Org: string(sim.Nottinghamshire), Team: "T1"},
		{Role: "team-manager", Code: "Homeward.TeamManager", Org: string(sim.Nottinghamshire), Team: "T1"}}
	return errors.Join(
		d.pretend(cfg, smartcard, idp.Config{Addr: "127.0.0.1:8091", Title: "Sign in to NHS CIS2 (pretend)", People: demoSmartcards()}),
		d.pretend(cfg, council, idp.Config{Addr: "127.0.0.1:8092", Title: "Sign in to the council (pretend)", People: demoStaff(), EC: true}))
}

// pretend starts one provider, at its usual address when that is free: so that
// people keep their accounts when the demonstration is started again.
func (d *demo) pretend(cfg *Config, p ProviderConfig, c idp.Config) error {
	if !free(c.Addr) {
		c.Addr = ""
	}
	c.Clock = d.clock.now
	p.ClientID, p.Phone, p.SecretFile = "homeward", "01632 960 950", filepath.Join(d.dir, p.Name+".secret")
	secret := rand.Text()
	if err := os.WriteFile(p.SecretFile, []byte(secret), 0o600); err != nil {
		return fmt.Errorf("keeping a pretend provider's secret: %w", err)
	}
	c.Clients = []idp.Client{{ID: p.ClientID, Secret: secret, Redirects: []string{cfg.PublicURL + "/signin/from/" + p.Name},
		AfterLogout: []string{cfg.PublicURL + "/signin/out"}, BackChannel: cfg.PublicURL + "/signin/back/" + p.Name}}
	op, err := idp.Start(c)
	if err != nil {
		return err
	}
	d.providers = append(d.providers, op)
	p.Issuer = op.Issuer
	cfg.Providers = append(cfg.Providers, p)
	return nil
}

func (d *demo) closeProviders() (err error) {
	for _, p := range d.providers {
		err = errors.Join(err, p.Close())
	}
	return err
}

// reachable is an address of this machine for one that stands for all of them.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}
