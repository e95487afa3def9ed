package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"homeward/care"
	"homeward/nhs"
)

// ProviderKind is what sort of identity provider one is: how its claims are read.
type ProviderKind string

// The kinds of identity provider.
const (
	CIS2  ProviderKind = "cis2"  // NHS Care Identity Service 2
	Entra ProviderKind = "entra" // Microsoft Entra ID, one tenant
	Plain ProviderKind = "oidc"  // any other that keeps to OpenID Connect Core 1.0
)

// Provider is one identity provider, as a site configures it.
type Provider struct {
	Name     string // short, in addresses and in the audit: "cis2"
	Title    string // on the button: "Sign in with an NHS smartcard or security key"
	Called   string // in sentences: "NHS CIS2"
	Kind     ProviderKind
	Issuer   string // exactly as the provider writes it
	ClientID string
	Secret   string           // of the client; "": Key is used
	Key      *jose.JSONWebKey // private; with it the client signs who it is (RFC 7523 2.2)
	Scopes   []string         // besides openid
	ACR      []string         // acr_values that are asked for, the best first
	Phone    string           // whom to ring when it does not work

	LeastAAL      int      // of CIS2: the authentication assurance level that is needed
	LeastIdentity int      // of CIS2: the identity assurance level that is needed
	AcceptACR     []string // of the others: one of these must be the acr claim; empty: any
	NeedAMR       []string // and all of these be among the amr claim

	Rules []Rule
	// Orgs gives the organisation of the configuration for another code that the
	// provider uses, such as a hospital's site code for its trust.
	Orgs map[string]nhs.ODS
}

// Rule gives a role here to whoever has a code at the provider. The codes are
// decided by each site, so they are data.
type Rule struct {
	Role care.Role
	// Code is, of CIS2, a role code or its last part ("S8000:G8000:R8001", "R8001");
	// of the others a group or an app role. "": any, when Activity is set.
	Code     string
	Activity string  // of CIS2: an activity code that the role must have besides
	Org      nhs.ODS // where; of CIS2 "" is the organisation of the role there
	Team     string  // a council's team, where the role is of one
	Ward     string  // a ward nurse's usual ward
}

var providerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// anyTenant are the issuers of Entra ID that stand for any tenant: whoever has
// an account anywhere in the world could sign in.
var anyTenant = []string{"common", "organizations", "consumers"}

// Check says what to mend about a provider. orgs are the organisations that
// grants may be at.
func (p Provider) Check(orgs func(nhs.ODS) bool) error {
	switch {
	case !providerName.MatchString(p.Name):
		return errors.New("name must be small letters, digits and dashes")
	case p.Title == "" || p.Called == "" || p.ClientID == "":
		return errors.New("title, called and client_id must be set")
	case !slices.Contains([]ProviderKind{CIS2, Entra, Plain}, p.Kind):
		return errors.New("kind must be cis2, entra or oidc")
	case (p.Secret == "") == (p.Key == nil):
		return errors.New("either secret_file or key_file must be set")
	}
	u, err := url.Parse(p.Issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || !secureURL(u, loopbackURL(u)) {
		return errors.New("issuer must be an https address, exactly as the provider writes it")
	}
	for part := range strings.SplitSeq(strings.ToLower(u.Path), "/") {
		if slices.Contains(anyTenant, part) && (p.Kind == Entra || strings.HasSuffix(u.Hostname(), "microsoftonline.com")) {
			return fmt.Errorf("issuer names %q, which is every tenant. Write one [[provider]] for each tenant, with its own id", part)
		}
	}
	if p.Key != nil {
		if _, err := assertionAlg(p.Key); err != nil {
			return err
		}
	}
	return p.checkRules(orgs)
}

func (p Provider) checkRules(orgs func(nhs.ODS) bool) error {
	if len(p.Rules) == 0 {
		return errors.New("at least one role must be given: without, nobody gets in")
	}
	for i, r := range p.Rules {
		switch {
		case r.Role.Say() == "":
			return fmt.Errorf("role %d: %q is no role", i+1, r.Role)
		case r.Code == "" && (p.Kind != CIS2 || r.Activity == ""):
			return fmt.Errorf("role %d (%s): code must be set", i+1, r.Role)
		case r.Activity != "" && p.Kind != CIS2:
			return fmt.Errorf("role %d (%s): only cis2 has activities", i+1, r.Role)
		case r.Org == "" && p.Kind != CIS2:
			return fmt.Errorf("role %d (%s): org must be set", i+1, r.Role)
		case r.Org != "" && !orgs(r.Org):
			return fmt.Errorf("role %d (%s): org %q must be the ods of an [[organisation]]", i+1, r.Role, r.Org)
		}
	}
	for code, org := range p.Orgs {
		if !orgs(org) {
			return fmt.Errorf("organisations: %s: %q must be the ods of an [[organisation]]", code, org)
		}
	}
	return nil
}

// secureURL reports whether an address may be asked: by https, or by http on
// this machine when the provider itself is there, as in the demonstration.
func secureURL(u *url.URL, local bool) bool {
	return u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && local && loopbackURL(u))
}

func loopbackURL(u *url.URL) bool {
	if u.Hostname() == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && a.IsLoopback()
}

// ReadKey reads a client's private key: PEM (PKCS #8) or JWK. kid is its name at
// the provider; "" leaves that of the JWK. Kinds: RSA from 2048 bits, P-256 and
// P-384.
func ReadKey(b []byte, kid string) (*jose.JSONWebKey, error) {
	var k jose.JSONWebKey
	if block, _ := pem.Decode(b); block != nil {
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("reading a private key in PEM: %w", err)
		}
		k.Key = key
	} else if err := json.Unmarshal(b, &k); err != nil {
		return nil, errors.New("the private key is neither PEM (PKCS #8) nor a JWK")
	}
	if kid != "" {
		k.KeyID = kid
	}
	if _, err := assertionAlg(&k); err != nil {
		return nil, err
	}
	return &k, nil
}

// assertionAlg is the algorithm in which a client's key signs: the one that it
// names, else the usual one of its kind.
func assertionAlg(k *jose.JSONWebKey) (jose.SignatureAlgorithm, error) {
	usual := jose.SignatureAlgorithm("")
	switch key := k.Key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() >= 2048 {
			usual = jose.RS512
		}
	case *ecdsa.PrivateKey:
		switch key.Curve {
		case elliptic.P256():
			usual = jose.ES256
		case elliptic.P384():
			usual = jose.ES384
		}
	}
	switch {
	case usual == "":
		return "", errors.New("the private key must be RSA of 2048 bits or more, P-256 or P-384")
	case k.Algorithm == "" || usual != jose.RS512 && k.Algorithm == string(usual):
		return usual, nil
	case usual == jose.RS512 && slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, k.Algorithm):
		return jose.SignatureAlgorithm(k.Algorithm), nil
	}
	return "", fmt.Errorf("the private key cannot sign with %q", k.Algorithm)
}
