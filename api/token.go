package api

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"homeward/care"
	"homeward/hub"
)

const (
	tokenPath     = "/oauth2/token"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 2.2
	maxTokenForm  = 16 << 10                                                 // bytes
)

// token gives an access token for a signed assertion. RFC 6749 4.4; every
// refusal but of too many requests is 400 with JSON, as at NHS England.
func (s *Systems) token(w http.ResponseWriter, r *http.Request) {
	k, no := s.issue(w, r)
	if no != nil {
		s.refuse(w, r, no)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"access_token": k.Text, "token_type": "Bearer", "expires_in": int(k.Life.Seconds()), "scope": strings.Join(k.Scopes, " ")})
}

func (s *Systems) issue(w http.ResponseWriter, r *http.Request) (hub.AccessToken, *refusal) {
	var none hub.AccessToken
	address := s.Address(r)
	if !s.addresses.allow(address) {
		return none, tooMany() // and no audit, which strangers could fill
	}
	form, no := readForm(w, r)
	if no != nil {
		return none, s.told(r.Context(), "", address, no)
	}
	a, no := checkAssertion(form["client_assertion"], s.Clock(), s.audiences(), s.algs())
	if no == nil {
		no = s.verify(r, a, form["client_id"])
	}
	if no != nil {
		return none, s.told(r.Context(), a.iss, address, no)
	}
	if !s.clients[a.iss].pace.AllowN(s.Clock(), 1) {
		return none, tooMany()
	}
	thumb, err := s.thumbprint(r)
	if err != nil {
		return none, s.told(r.Context(), a.iss, address, bad("invalid_client", "The client certificate cannot be read"))
	}
	k, err := s.Hub.IssueToken(r.Context(), hub.TokenRequest{Client: a.iss, JTI: a.jti, Ends: a.ends, Scopes: strings.Fields(form["scope"]), Thumbprint: thumb, Address: address})
	return k, s.mapped(err)
}

// mapped is the answer for what the hub refused, and audited.
func (s *Systems) mapped(err error) *refusal {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, hub.ErrReplayed):
		return bad("invalid_request", usedJTI)
	case errors.Is(err, hub.ErrTooLong):
		return bad("invalid_request", longExp)
	case care.KindOf(err) == care.Forbidden:
		return bad("invalid_scope", "A scope was asked for that this client does not have")
	case care.KindOf(err) == care.Login:
		return bad("invalid_client", "This client must show its certificate: ask for the token over mutual TLS")
	}
	s.Log.Error("a token could not be issued", "err", err)
	return unavailable()
}

// verify finds the client's key and checks the signature with it. The client is
// told one thing whatever is wrong; the audit says which.
func (s *Systems) verify(r *http.Request, a assertion, clientID string) *refusal {
	wrong := func(detail string) *refusal {
		no := bad("invalid_client", notVerified)
		no.detail = detail
		return no
	}
	c, ok := s.clients[a.iss]
	switch {
	case !ok:
		return wrong("no such system")
	case clientID != "" && clientID != a.iss:
		return wrong("client_id is of another system")
	case !slices.Contains(c.Algs, a.alg):
		return wrong("the algorithm is not one of the system's")
	}
	key, err := c.keys.find(r.Context(), a.kid, a.alg)
	switch {
	case errors.Is(err, errNoKey):
		return wrong(errNoKey.Error())
	case err != nil:
		s.Log.Error("a system's keys cannot be read", "system", c.ID, "err", err)
		return wrong("the keys of the system cannot be read")
	}
	if err := a.verify(key); err != nil {
		return wrong("the signature does not hold")
	}
	return nil
}

// algs are the algorithms that some client may use, in the order of messages.
func (s *Systems) algs() (out []string) {
	for _, a := range algorithms {
		for _, c := range s.clients {
			if slices.Contains(c.Algs, a) && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

// audiences are the addresses of the token endpoint.
func (s *Systems) audiences() []string {
	out := make([]string, len(s.URLs))
	for i, u := range s.URLs {
		out[i] = u + tokenPath
	}
	return out
}

// readForm reads the request. Each parameter may stand once (RFC 6749 3.2), only
// in the body, and the client proves who it is in one way only (2.3).
func readForm(w http.ResponseWriter, r *http.Request) (map[string]string, *refusal) {
	wrong := func(text string) (map[string]string, *refusal) { return nil, bad("invalid_request", text) }
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return wrong("Content-Type must be application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return wrong("Parameters must stand in the body, not in the address")
	}
	if len(r.Header.Values("Authorization")) > 0 {
		return wrong("Clients authenticate by client_assertion only")
	}
	body, err := atMost(http.MaxBytesReader(w, r.Body, maxTokenForm), maxTokenForm)
	if err != nil {
		return wrong("The request is too long or was cut off")
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return wrong("The body cannot be read as a form")
	}
	form := map[string]string{}
	for name, vs := range values {
		if len(vs) > 1 {
			return wrong("A parameter stands twice")
		}
		form[name] = vs[0]
	}
	switch {
	case form["client_secret"] != "":
		return wrong("Clients authenticate by client_assertion only")
	case form["grant_type"] == "":
		return wrong("Missing grant_type - must be 'client_credentials'")
	case form["grant_type"] != "client_credentials":
		return nil, bad("unsupported_grant_type", "Invalid grant_type - must be 'client_credentials'")
	case form["client_assertion_type"] != assertionType:
		return wrong("Missing or invalid client_assertion_type - must be '" + assertionType + "'")
	case form["client_assertion"] == "":
		return wrong("Missing client_assertion")
	case len(slices.Compact(slices.Sorted(slices.Values(strings.Fields(form["scope"]))))) != len(strings.Fields(form["scope"])):
		return nil, bad("invalid_scope", "A scope stands twice")
	}
	return form, nil
}
