package main

import (
	"errors"
	"fmt"
	"strings"

	"homeward/care"
	"homeward/nhs"
	"homeward/signin"
)

// ProviderConfig is one identity provider.
type ProviderConfig struct {
	Name          string   `toml:"name" doc:"Short name, in addresses and in the audit."`
	Title         string   `toml:"title" doc:"On its button on the sign-in page."`
	Called        string   `toml:"called" doc:"Its name in sentences: NHS CIS2."`
	Kind          string   `toml:"kind" doc:"cis2 (NHS Care Identity Service 2), entra (one tenant of Microsoft Entra ID) or oidc (any other)."`
	Issuer        string   `toml:"issuer" doc:"Its issuer, exactly as it writes it. Of Entra ID it holds the tenant's id: common and organizations are refused."`
	ClientID      string   `toml:"client_id" doc:"Our name there."`
	SecretFile    string   `toml:"secret_file" doc:"File with our secret there. Empty: key_file."`
	KeyFile       string   `toml:"key_file" doc:"File with our private key (PEM or JWK), with which we sign who we are (private_key_jwt). Empty: secret_file."`
	KeyID         string   `toml:"key_id" doc:"The key's name there (kid). Empty: that of the JWK."`
	Phone         string   `toml:"phone" doc:"Whom to ring when it does not work."`
	Scopes        []string `toml:"scopes" doc:"What is asked for besides openid. CIS2 tells roles for nationalrbacaccess."`
	ACR           []string `toml:"acr_values" doc:"How strongly people are asked to prove who they are, the best first: AAL2_OR_AAL3_ANY."`
	LeastAAL      int      `toml:"least_aal" doc:"CIS2: the authentication assurance level that is needed, 1 to 3."`
	LeastIdentity int      `toml:"least_identity" doc:"CIS2: the identity assurance level that is needed, 0 to 3."`
	AcceptACR     []string `toml:"accept_acr" doc:"Others: one of these must be its acr claim. Empty: any."`
	NeedAMR       []string `toml:"need_amr" doc:"Others: each of these must be among its amr claim, such as mfa. Empty: any."`
	// Tables come last, as TOML wants it.
	Orgs  map[string]string `toml:"organisations" doc:"Other codes that it uses for organisations, such as a hospital's site, and the ods of the [[organisation]]."`
	Roles []RoleConfig      `toml:"role" doc:"Who gets which role. The first row that fits a role of CIS2 decides; of the others every row does that fits."`
}

// RoleConfig gives a role to whoever has a code at a provider.
type RoleConfig struct {
	Role     string `toml:"role" doc:"ae-nurse, ward-nurse, coordinator, social-worker, team-manager, broker, ig-lead, integration or admin."`
	Code     string `toml:"code" doc:"CIS2: a role code or its last part, R8001. Entra: the object id of a group, or the value of an app role. Others: a group or role."`
	Activity string `toml:"activity" doc:"CIS2: an activity code that the role must have besides. Empty: any."`
	Org      string `toml:"org" doc:"The ods of the [[organisation]]. Empty (CIS2 only): the organisation of the role there."`
	Team     string `toml:"team" doc:"A council's team."`
	Ward     string `toml:"ward" doc:"A ward nurse's usual ward."`
}

func providerDefaults() ProviderConfig {
	return ProviderConfig{Scopes: []string{"profile"}, LeastAAL: 2, LeastIdentity: 3}
}

// exampleProvider is for the printed configuration.
func exampleProvider() ProviderConfig {
	p := providerDefaults()
	p.Name, p.Title, p.Called, p.Kind = "cis2", "Sign in with an NHS smartcard or security key", "NHS CIS2", "cis2"
	p.Issuer, p.ClientID, p.KeyFile, p.KeyID = "https://cis2.example/openam/oauth2/realms/root/realms/NHSIdentity/realms/Healthcare", "homeward", "cis2.jwk", "homeward-1"
	p.Scopes, p.ACR, p.AcceptACR, p.NeedAMR = []string{"profile", "nationalrbacaccess"}, []string{"AAL2_OR_AAL3_ANY"}, []string{}, []string{}
	p.Orgs = map[string]string{"RK501": "RK5"}
	p.Roles = []RoleConfig{{Role: "ward-nurse", Code: "R8001"}}
	return p
}

// checkProviders refuses what cannot work, without reading secrets or asking
// anybody.
func (c Config) checkProviders() error {
	if len(c.Providers) > 0 && c.PublicURL == "" {
		return errors.New("public_url must be set when there is a [[provider]]: it sends people back there")
	}
	for _, p := range c.Providers {
		q := p.provider()
		if (p.SecretFile == "") == (p.KeyFile == "") {
			return fmt.Errorf("[[provider]] %q: either secret_file or key_file must be set", p.Name)
		}
		q.Secret = "is in a file"
		if p.LeastAAL < 1 || p.LeastAAL > 3 || p.LeastIdentity < 0 || p.LeastIdentity > 3 {
			return fmt.Errorf("[[provider]] %q: least_aal must be 1 to 3, and least_identity 0 to 3", p.Name)
		}
		if err := q.Check(c.hasOrg); err != nil {
			return fmt.Errorf("[[provider]] %q: %w", p.Name, err)
		}
	}
	return nil
}

// hasOrg says whether there is an organisation, of any kind.
func (c Config) hasOrg(ods nhs.ODS) bool {
	for _, o := range c.Orgs {
		if o.ODS == string(ods) {
			return true
		}
	}
	return false
}

// provider is the provider without its secret or key.
func (p ProviderConfig) provider() signin.Provider {
	out := signin.Provider{Name: p.Name, Title: p.Title, Called: p.Called, Kind: signin.ProviderKind(p.Kind), Issuer: p.Issuer, ClientID: p.ClientID,
		Scopes: p.Scopes, ACR: p.ACR, Phone: p.Phone, LeastAAL: p.LeastAAL, LeastIdentity: p.LeastIdentity, AcceptACR: p.AcceptACR, NeedAMR: p.NeedAMR,
		Orgs: map[string]nhs.ODS{}}
	for code, org := range p.Orgs {
		out.Orgs[code] = nhs.ODS(org)
	}
	for _, r := range p.Roles {
		out.Rules = append(out.Rules, signin.Rule{Role: care.Role(r.Role), Code: r.Code, Activity: r.Activity, Org: nhs.ODS(r.Org), Team: r.Team, Ward: r.Ward})
	}
	return out
}

// federation is the identity providers of a site; nil when it has none. None of
// them is asked anything yet.
func (st *site) federation() (*signin.Federation, error) {
	if len(st.config.Providers) == 0 {
		return nil, nil
	}
	c := signin.FederationConfig{Service: st.signin, Vouched: st.hub, Base: st.config.PublicURL}
	for _, pc := range st.config.Providers {
		p := pc.provider()
		file := pc.SecretFile + pc.KeyFile
		b, err := readSecret(file)
		if err != nil {
			return nil, fmt.Errorf("[[provider]] %q: %w", p.Name, err)
		}
		if pc.KeyFile == "" {
			p.Secret = strings.TrimSpace(string(b))
		} else if p.Key, err = signin.ReadKey(b, pc.KeyID); err != nil {
			return nil, fmt.Errorf("[[provider]] %q: key_file: %w", p.Name, err)
		}
		c.Providers = append(c.Providers, p)
	}
	return signin.Federate(c)
}
