package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
)

// maxAssertion is the longest assertion that is read, in bytes: with a signature
// of RSA 8192 one has some 2,000.
const maxAssertion = 8 << 10

// An assertion is a client's JWT, read but not believed. RFC 7523 3.
type assertion struct {
	raw      string
	alg, kid string
	iss, jti string
	ends     time.Time
	payload  []byte
}

// parts are the members of an assertion as they came.
type parts struct {
	head, claims map[string]json.RawMessage
	payload      []byte
}

// The messages of NHS England's token endpoint; its checks run in the order of
// checkAssertion. NHS England application-restricted APIs, signed JWT
// authentication.
const (
	badJWT      = "Malformed JWT in client_assertion"
	noAlg       = "Missing 'alg' header in client_assertion JWT"
	badAlg      = "Invalid 'alg' header in client_assertion JWT - unsupported JWT algorithm - must be "
	expired     = "Invalid 'exp' claim in client_assertion JWT - JWT has expired"
	noKid       = "Missing 'kid' header in client_assertion JWT"
	badTyp      = "Invalid 'typ' header in client_assertion JWT - must be 'JWT'"
	noExp       = "Missing 'exp' claim in client_assertion JWT"
	badExp      = "Invalid 'exp' claim in client_assertion JWT - must be an integer"
	longExp     = "Invalid 'exp' claim in client_assertion JWT - more than 5 minutes in future"
	badIss      = "Missing or non-matching 'iss'/'sub' claims in client_assertion JWT"
	noJTI       = "Missing 'jti' claim in client_assertion JWT"
	badJTI      = "Invalid 'jti' claim in client_assertion JWT - must be a unique string value such as a GUID"
	usedJTI     = "Non-unique 'jti' claim in client_assertion JWT"
	badAud      = "Missing or invalid 'aud' claim in client_assertion JWT - must be the URL of the token endpoint"
	early       = "Invalid 'nbf' claim in client_assertion JWT - not valid yet"
	notVerified = "client_assertion JWT cannot be verified - check 'iss', 'kid' and the registered public key"
)

// checkAssertion reads an assertion and finds what is wrong with it before its
// signature is looked at. algs are the algorithms that any client may use: which
// of them this one may use is not told to whoever cannot sign.
func checkAssertion(raw string, now time.Time, audiences, algs []string) (assertion, *refusal) {
	a := assertion{raw: raw}
	p, err := split(raw)
	if err != nil {
		return a, bad("invalid_request", badJWT)
	}
	a.payload = p.payload
	a.iss, _ = str(p.claims["iss"])
	wrong := func(text string) (assertion, *refusal) { return a, bad("invalid_request", text) }
	var ok bool
	if missing(p.head["alg"]) {
		return wrong(noAlg)
	}
	if a.alg, ok = str(p.head["alg"]); !ok || !slices.Contains(algs, a.alg) {
		return wrong(badAlg + either(algs))
	}
	exp, isInt := integer(p.claims["exp"])
	if isInt && exp <= now.Unix() {
		return wrong(expired)
	}
	if a.kid, _ = str(p.head["kid"]); a.kid == "" {
		return wrong(noKid)
	}
	if typ, _ := str(p.head["typ"]); typ != "JWT" {
		return wrong(badTyp)
	}
	switch {
	case missing(p.claims["exp"]):
		return wrong(noExp)
	case !isInt:
		return wrong(badExp)
	}
	a.ends = time.Unix(min(exp, farFuture), 0)
	if sub, ok := str(p.claims["sub"]); !ok || a.iss == "" || sub != a.iss {
		return wrong(badIss)
	}
	if missing(p.claims["jti"]) {
		return wrong(noJTI)
	}
	if a.jti, ok = str(p.claims["jti"]); !ok || a.jti == "" || len(a.jti) > 255 {
		return wrong(badJTI)
	}
	if !addressed(p.claims["aud"], audiences) {
		return wrong(badAud)
	}
	if nbf, ok := integer(p.claims["nbf"]); !missing(p.claims["nbf"]) && (!ok || nbf > now.Unix()+60) {
		return wrong(early)
	}
	return a, nil
}

// farFuture keeps times within what the store can hold: the year 9999.
const farFuture = 253402300799

// either lists names as the message does: 'RS512', 'RS384' or 'ES384'.
func either(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "'" + n + "'"
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}

// split reads the three parts of a JWS in its compact form (RFC 7515 7.1). A JWE
// has five. What a header says of keys (jwk, jku, x5c, x5u) is not looked at; one
// that demands to be understood (crit) is refused.
func split(raw string) (p parts, err error) {
	three := strings.Split(raw, ".")
	if len(raw) > maxAssertion || len(three) != 3 || strings.ContainsAny(raw, "\r\n") {
		return p, errors.New("it is no JWS in compact form")
	}
	decode := func(s string) []byte {
		b, wrong := base64.RawURLEncoding.Strict().DecodeString(s)
		err = errors.Join(err, wrong)
		return b
	}
	head := decode(three[0])
	p.payload = decode(three[1])
	decode(three[2])
	if err != nil {
		return p, err
	}
	if p.head, err = object(head); err != nil {
		return p, err
	}
	if _, there := p.head["crit"]; there {
		return p, errors.New("it has a critical header")
	}
	p.claims, err = object(p.payload)
	return p, err
}

// object reads a JSON object in which no name stands twice: two readers could
// take different ones. RFC 8259 4.
func object(b []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		if _, twice := out[name]; twice {
			return nil, errors.New("a name stands twice")
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		out[name] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	return out, nil
}

func missing(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" }

func str(v json.RawMessage) (s string, ok bool) {
	if len(v) == 0 || v[0] != '"' || json.Unmarshal(v, &s) != nil {
		return "", false
	}
	return s, true
}

// integer reads a whole number; one that is out of range is the nearest.
func integer(v json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// addressed reports whether aud, a text or a list, has one of ours. RFC 7523 3.
func addressed(v json.RawMessage, audiences []string) bool {
	var many []string
	if one, ok := str(v); ok {
		many = []string{one}
	} else if len(v) == 0 || v[0] != '[' || json.Unmarshal(v, &many) != nil {
		return false
	}
	return slices.ContainsFunc(many, func(aud string) bool { return slices.Contains(audiences, aud) })
}

// verify checks the signature with a key that was registered, and that what it
// covers is what was read.
func (a assertion) verify(key any) error {
	jws, err := jose.ParseSignedCompact(a.raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a.alg)})
	if err != nil {
		return fmt.Errorf("reading the signature: %w", err)
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return fmt.Errorf("checking the signature: %w", err)
	}
	if !bytes.Equal(payload, a.payload) {
		return errors.New("the signature covers something else")
	}
	return nil
}
