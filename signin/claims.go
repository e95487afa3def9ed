package signin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"homeward/care"
	"homeward/nhs"
)

// clockSkew is how far a provider's clock may be from ours.
const clockSkew = time.Minute

// oldest is how long ago an ID token may have been issued: it is fetched at once.
const oldest = 10 * time.Minute

// claims are what a provider says of somebody. What CIS2 adds to OpenID Connect
// begins with nhsid_.
type claims struct {
	Subject    string   `json:"sub"`
	Authorized string   `json:"azp"`
	AuthTime   int64    `json:"auth_time"`
	ACR        loose    `json:"acr"`
	AMR        looseAll `json:"amr"`
	SID        string   `json:"sid"`

	Name    string `json:"name"`
	Given   string `json:"given_name"`
	Family  string `json:"family_name"`
	Display string `json:"display_name"`

	AAL       loose  `json:"authentication_assurance_level"`
	Identity  loose  `json:"id_assurance_level"`
	Identity2 loose  `json:"idassurancelevel"`
	Nrbac     []held `json:"nhsid_nrbac_roles"`
	Selected  string `json:"selected_roleid"` // when the provider itself asked which role

	Groups     looseAll        `json:"groups"`
	Roles      looseAll        `json:"roles"` // app roles of Entra ID
	HasGroups  bool            `json:"hasgroups"`
	ClaimNames json.RawMessage `json:"_claim_names"` // groups are there when they are too many for a token
}

// held is one role that somebody holds by the NHS's national role based access.
type held struct {
	Profile    string   `json:"person_roleid"`
	Org        string   `json:"org_code"`
	Code       string   `json:"role_code"` // "S8000:G8000:R8001"
	Activities []string `json:"activity_codes"`
}

// loose is text that some providers write as a number.
type loose string

// UnmarshalJSON reads text or a number.
func (l *loose) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		return json.Unmarshal(b, (*string)(l))
	}
	if !bytes.Equal(b, []byte("null")) {
		*l = loose(b)
	}
	return nil
}

// looseAll is a list that some providers write as one text.
type looseAll []string

// UnmarshalJSON reads a list of texts, or one.
func (l *looseAll) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = looseAll{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// identity is somebody for whom a provider vouches.
type identity struct {
	claims
	account care.ActorID
	proven  time.Time // when they showed the provider who they are
	raw     string    // the ID token
}

// AccountOf is the account of whom an issuer calls sub: opaque, and the same each
// time. Nothing else names somebody for good: neither mail nor user name
// (OpenID Connect Core 1.0, 5.7).
func AccountOf(issuer, sub string) care.ActorID {
	h := sha256.Sum256([]byte(issuer + "\x00" + sub))
	return care.ActorID(strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(h[:]))[:26])
}

// read checks an ID token. OpenID Connect Core 1.0, 3.1.3.7.
func (p *peer) read(ctx context.Context, at *meeting, raw, access, nonce string) (identity, error) {
	id := identity{raw: raw}
	no := func(why string) error {
		return &ProviderError{Trouble: Unbelieved, Provider: p.Name, Why: "id token: " + why}
	}
	t, err := p.verifier(at).Verify(ctx, raw)
	if err != nil {
		if errors.Is(err, errKeys) || strings.Contains(err.Error(), errKeys.Error()) {
			return id, &ProviderError{Trouble: Down, Provider: p.Name, Why: "keys"}
		}
		return id, no(p.suspect(raw, err))
	}
	if err := t.Claims(&id.claims); err != nil {
		return id, no("unreadable")
	}
	now := p.clock()
	switch {
	case nonce == "" || subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(nonce)) != 1:
		return id, no("nonce")
	case id.Authorized != "" && id.Authorized != p.ClientID || len(t.Audience) > 1 && id.Authorized == "":
		return id, no("authorized party")
	case t.IssuedAt.IsZero() || t.IssuedAt.After(now.Add(clockSkew)) || t.IssuedAt.Before(now.Add(-oldest)):
		return id, no("issued at another time")
	case t.Subject == "" || len(t.Subject) > 255 || len(id.SID) > 255:
		return id, no("subject or sid")
	case t.AccessTokenHash != "" && t.VerifyAccessToken(access) != nil:
		return id, no("access token of another")
	case id.AuthTime > now.Add(clockSkew).Unix():
		return id, no("proven in the future")
	}
	id.account = AccountOf(p.Issuer, t.Subject)
	if id.AuthTime > 0 { // else it is not known when they proved it: zero is long ago
		id.proven = time.Unix(id.AuthTime, 0)
	}
	return id, nil
}

func (p *peer) verifier(at *meeting) *oidc.IDTokenVerifier {
	var algs []string
	for _, a := range algorithms {
		algs = append(algs, string(a))
	}
	return oidc.NewVerifier(p.Issuer, at.keys, &oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: algs, Now: p.clock})
}

// suspect says for the audit what is likely wrong with a token that was not
// believed. It reads what nobody signed, and decides nothing.
func (p *peer) suspect(raw string, err error) string {
	var late *oidc.TokenExpiredError
	if errors.As(err, &late) {
		return "expired"
	}
	part := func(n int, into any) bool {
		parts := strings.Split(raw, ".")
		if len(parts) != 3 {
			return false
		}
		b, err := base64.RawURLEncoding.DecodeString(parts[n])
		return err == nil && json.Unmarshal(b, into) == nil
	}
	var head struct{ Alg string }
	var body struct {
		Iss string
		Aud looseAll
	}
	switch {
	case !part(0, &head) || !part(1, &body):
		return "unreadable"
	case !slices.ContainsFunc(algorithms, func(a jose.SignatureAlgorithm) bool { return string(a) == head.Alg }):
		return "algorithm"
	case body.Iss != p.Issuer:
		return "issuer"
	case !slices.Contains(body.Aud, p.ClientID):
		return "audience"
	}
	return "signature"
}

// ask adds what the userinfo endpoint says; of CIS2 the roles stand there alone.
// It must be about the same person (OpenID Connect Core 1.0, 5.3.2).
func (p *peer) ask(ctx context.Context, at *meeting, tokens *oauth2.Token, id *identity) error {
	info, err := at.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return &ProviderError{Trouble: Down, Provider: p.Name, Why: "userinfo", Account: id.account}
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return &ProviderError{Trouble: Unbelieved, Provider: p.Name, Why: "userinfo: unreadable", Account: id.account}
	}
	if more.Subject != id.Subject {
		return &ProviderError{Trouble: Unbelieved, Provider: p.Name, Why: "userinfo: of another person", Account: id.account}
	}
	first := func(has *string, other string) {
		if *has == "" {
			*has = other
		}
	}
	first(&id.Name, more.Name)
	first(&id.Display, more.Display)
	first(&id.Given, more.Given)
	first(&id.Family, more.Family)
	first(&id.Selected, more.Selected)
	first((*string)(&id.Identity2), string(more.Identity2))
	if len(id.Nrbac) == 0 {
		id.Nrbac = more.Nrbac
	}
	if len(id.Groups) == 0 {
		id.Groups = more.Groups
	}
	if len(id.Roles) == 0 {
		id.Roles = more.Roles
	}
	return nil
}

// aal is the authentication assurance level (NIST SP 800-63B 4) that the
// provider says, or 0. CIS2 says it as a claim of its own and in the acr:
// "AAL2_OR_AAL3_ANY" is as good as the worse of the two.
func (id identity) aal() int {
	if n, err := strconv.Atoi(string(id.AAL)); err == nil && n >= 1 && n <= 3 {
		return n
	}
	least := 0
	for _, part := range strings.Split(string(id.ACR), "_") {
		if n, err := strconv.Atoi(strings.TrimPrefix(part, "AAL")); err == nil && strings.HasPrefix(part, "AAL") && n >= 1 && n <= 3 && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

func (id identity) identityLevel() int {
	for _, l := range []loose{id.Identity, id.Identity2} {
		if n, err := strconv.Atoi(string(l)); err == nil {
			return n
		}
	}
	return 0
}

// unassured says what the assurance of a sign-in lacks; "" when nothing.
func (p *peer) unassured(id identity) string {
	if p.Kind == CIS2 {
		switch {
		case id.aal() < p.LeastAAL:
			return "authentication level " + strconv.Itoa(id.aal())
		case id.identityLevel() < p.LeastIdentity:
			return "identity level " + strconv.Itoa(id.identityLevel())
		}
		return ""
	}
	if len(p.AcceptACR) > 0 && !slices.Contains(p.AcceptACR, string(id.ACR)) {
		return "acr"
	}
	for _, m := range p.NeedAMR {
		if !slices.Contains(id.AMR, m) {
			return "amr without " + m
		}
	}
	return ""
}

// assurance is how sure the provider was, for the audit.
func (id identity) assurance() string {
	var said []string
	if n := id.aal(); n > 0 {
		said = append(said, "AAL"+strconv.Itoa(n))
	} else if id.ACR != "" {
		said = append(said, "acr "+clip(string(id.ACR), 40))
	}
	if n := id.identityLevel(); n > 0 {
		said = append(said, "identity "+strconv.Itoa(n))
	}
	if len(id.AMR) > 0 {
		said = append(said, "amr "+clip(strings.Join(id.AMR, " "), 60))
	}
	return strings.Join(said, ", ")
}

// name is somebody's name for people.
func (id identity) name() string {
	for _, n := range []string{id.Name, id.Display, strings.TrimSpace(id.Given + " " + id.Family)} {
		if n = clip(n, 100); n != "" {
			return n
		}
	}
	return "Name not given"
}

// clip is text of a provider's as one line of at most n characters.
func clip(s string, n int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }), " ")
	if r := []rune(s); len(r) > n {
		s = string(r[:n])
	}
	return s
}

// grants are the roles that the rules of a site give somebody, and why there are
// none. Only organisations of the configuration count.
func (p *peer) grants(id identity, known func(nhs.ODS) bool) (out []care.Grant, why string) {
	add := func(r Rule, org nhs.ODS, profile string) {
		g := care.Grant{Role: r.Role, Org: org, Team: r.Team, Ward: r.Ward, Profile: profile}
		same := func(o care.Grant) bool { o.Profile = g.Profile; return o == g } // two profiles that mean the same here are one
		if !slices.ContainsFunc(out, same) {
			out = append(out, g)
		}
	}
	if p.Kind == CIS2 {
		return p.nrbac(id, known, add, &out)
	}
	for _, r := range p.Rules {
		if slices.Contains(id.Groups, r.Code) || slices.Contains(id.Roles, r.Code) {
			add(r, r.Org, "")
		}
	}
	switch {
	case len(out) > 0:
		return out, ""
	case id.HasGroups || bytes.Contains(id.ClaimNames, []byte(`"groups"`)):
		return nil, "too many groups for a token: use app roles"
	}
	return nil, "none of the groups or app roles"
}

// nrbac reads the roles of CIS2: a role counts where the organisation is ours and
// a rule names its code. When CIS2 had somebody select a role, only that counts.
func (p *peer) nrbac(id identity, known func(nhs.ODS) bool, add func(Rule, nhs.ODS, string), out *[]care.Grant) ([]care.Grant, string) {
	why := "no national role"
	for _, h := range id.Nrbac {
		if id.Selected != "" && h.Profile != id.Selected {
			continue
		}
		org := nhs.ODS(h.Org)
		if other, ok := p.Orgs[h.Org]; ok {
			org = other
		}
		if !known(org) {
			why = "roles at other organisations"
			continue
		}
		why = "no role with a rule"
		for _, r := range p.Rules {
			codeFits := r.Code == "" || h.Code == r.Code || strings.HasSuffix(h.Code, ":"+r.Code)
			activityFits := r.Activity == "" || slices.Contains(h.Activities, r.Activity)
			if codeFits && activityFits && (r.Org == "" || r.Org == org) {
				add(r, org, clip(h.Profile, 40))
				break
			}
		}
	}
	if len(*out) > 0 {
		why = ""
	}
	return *out, why
}

// proof is how somebody proved who they are, for the audit: the method and, of
// a provider, its name, the role profile that it vouches for, and how sure it was.
func proof(ses care.Session) string {
	said := []string{string(ses.Method)}
	if ses.Provider != "" {
		said = append(said, ses.Provider)
	}
	if ses.Grant.Profile != "" {
		said = append(said, "role profile "+ses.Grant.Profile)
	}
	if ses.Assurance != "" {
		said = append(said, ses.Assurance)
	}
	return strings.Join(said, ", ")
}
