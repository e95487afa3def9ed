package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"homeward/care"
)

// FarewellURL is where somebody whose session has ended here ends the provider's
// own session too; "" when the provider has no such place, or does not answer.
// OpenID Connect RP-Initiated Logout 1.0, 2.
func (f *Federation) FarewellURL(ctx context.Context, ses care.Session) string {
	if f == nil || ses.Provider == "" || f.byName[ses.Provider] == nil {
		return ""
	}
	p := f.byName[ses.Provider]
	at, err := p.meet(ctx)
	if err != nil || at.EndSession == "" {
		return ""
	}
	u, err := url.Parse(at.EndSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.ClientID)
	q.Set("post_logout_redirect_uri", f.Base+"/signin/out")
	if ses.Hint != "" {
		q.Set("id_token_hint", ses.Hint)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// FrontChannel ends the sessions that a provider calls sid: its page asks for it
// from within a frame, so no cookie comes along, and iss and sid are all there is.
// It answers with the origin that may frame the page. OpenID Connect Front-Channel
// Logout 1.0, 3.
func (f *Federation) FrontChannel(ctx context.Context, name string, query url.Values) (origin string, err error) {
	p, ok := f.Find(name)
	if !ok {
		return "", &care.Error{Kind: care.NotFound, Text: "There is no such way to sign in"}
	}
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return "", err
	}
	origin = u.Scheme + "://" + u.Host
	sid := query["sid"]
	if len(query["iss"]) != 1 || query.Get("iss") != p.Issuer || len(sid) != 1 || sid[0] == "" || len(sid[0]) > 255 {
		return origin, &care.Error{Kind: care.Invalid, Text: "This names no session of the provider"}
	}
	_, err = f.Vouched.EndProvided(ctx, name, sid[0], "")
	return origin, err
}

// errLogout is that a logout token was not believed.
var errLogout = errors.New("logout token")

// BackChannel ends the sessions that a logout token names: those with its sid, or
// else all that the provider began for its sub. A token that is not believed is
// care.Invalid; so is one that came before. OpenID Connect Back-Channel Logout
// 1.0, 2.6.
func (f *Federation) BackChannel(ctx context.Context, name, raw string) error {
	if _, ok := f.Find(name); !ok {
		return &care.Error{Kind: care.NotFound, Text: "There is no such way to sign in"}
	}
	p := f.byName[name]
	no := func(why string) error {
		return &care.Error{Kind: care.Invalid, Text: "The logout token was not believed: " + why, Err: errLogout}
	}
	at, err := p.meet(ctx)
	if err != nil {
		return &care.Error{Kind: care.Transient, Text: "The provider does not answer", Err: err}
	}
	if why := p.plausible(raw); why != "" {
		return no(why)
	}
	t, err := p.verifier(at).VerifyLogout(ctx, raw)
	if err != nil {
		if strings.Contains(err.Error(), errKeys.Error()) {
			return &care.Error{Kind: care.Transient, Text: "The provider's keys could not be had", Err: err}
		}
		return no(p.suspect(raw, err))
	}
	var events struct {
		Events map[string]json.RawMessage `json:"events"`
	}
	now := p.clock()
	switch err := t.Claims(&events); {
	case err != nil || events.Events["http://schemas.openid.net/event/backchannel-logout"] == nil:
		return no("events")
	case t.IssuedAt.Before(now.Add(-oldest)) || t.IssuedAt.After(now.Add(clockSkew)):
		return no("issued at another time")
	case t.Expiry.After(now.Add(time.Hour)):
		return no("lasts too long")
	case len(t.SessionID) > 255 || len(t.Subject) > 255:
		return no("subject or sid")
	}
	jti := sha256.Sum256([]byte(p.Issuer + "\x00" + t.TokenID))
	first, err := f.Vouched.Once(ctx, "logout token "+hex.EncodeToString(jti[:]), t.Expiry.Add(clockSkew))
	if err != nil {
		return fmt.Errorf("keeping that a logout token was used: %w", err)
	}
	if !first {
		return no("used already")
	}
	account := care.ActorID("")
	if t.SessionID == "" {
		account = AccountOf(p.Issuer, t.Subject)
	}
	_, err = f.Vouched.EndProvided(ctx, name, t.SessionID, account)
	return err
}

// plausible looks at a token before anybody is asked for keys, since anybody may
// send one. It says what is wrong; "" for nothing.
func (p *peer) plausible(raw string) string {
	if raw == "" || len(raw) > 16<<10 {
		return "none, or too long"
	}
	jws, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return "algorithm or form"
	}
	// An ID token must not pass for a logout token (RFC 8725 3.11); providers from
	// before that advice write JWT, or nothing.
	typ, _ := jws.Signatures[0].Header.ExtraHeaders[jose.HeaderType].(string)
	switch strings.ToLower(strings.TrimPrefix(strings.ToLower(typ), "application/")) {
	case "", "jwt", "logout+jwt":
	default:
		return "typ"
	}
	var c struct {
		Iss   string          `json:"iss"`
		Aud   looseAll        `json:"aud"`
		Nonce json.RawMessage `json:"nonce"`
	}
	switch err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &c); {
	case err != nil:
		return "form"
	case c.Iss != p.Issuer:
		return "issuer"
	case len(c.Aud) != 1 || c.Aud[0] != p.ClientID:
		return "audience"
	case c.Nonce != nil:
		return "nonce"
	}
	return ""
}
