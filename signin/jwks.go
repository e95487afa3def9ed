package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of what a provider may send.
const (
	mostAnswer = 256 << 10        // bytes of any answer
	mostKeys   = 64               // of one provider
	keysHold   = time.Hour        // then keys are asked for again, so that one that was withdrawn is of no use
	keysRest   = 10 * time.Second // no key is asked for again sooner, however many tokens name an unknown one
	answerTime = 5 * time.Second  // for one answer
)

// algorithms are those in which a provider may sign: asymmetric ones only, so
// neither "none" nor a MAC with the public key as its secret. RFC 8725 3.1, 3.2.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512}

// keySet is a provider's public keys, asked for when a token names one that is
// not known, for providers change them (OpenID Connect Core 1.0, 10.1.1).
type keySet struct {
	url    string
	client *http.Client
	clock  func() time.Time

	mu    sync.Mutex
	keys  []jose.JSONWebKey
	asked time.Time
	had   time.Time // when asking succeeded last
	err   error     // of asking last
}

// errKeys is that a provider's keys could not be had.
var errKeys = errors.New("the provider's keys could not be had")

// errSignature is that no key of the provider signed a token.
var errSignature = errors.New("the signature is not of a key of the provider")

// VerifySignature is for package oidc.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, errSignature
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	age := k.clock().Sub(k.had)
	b, ok := k.check(jws)
	if ok && age < keysHold {
		return b, nil
	}
	rest := k.clock().Sub(k.asked)
	if k.asked.IsZero() || rest < 0 || rest >= keysRest || k.err == nil && len(k.keys) == 0 {
		k.err = nil
		if err := k.ask(ctx); err != nil {
			k.err = fmt.Errorf("%w: %w", errKeys, err)
		}
	}
	switch {
	case k.err != nil && ok && age < meetingHolds: // it does not answer now: taken at its old word
		return b, nil
	case k.err != nil:
		return nil, k.err
	}
	if b, ok := k.check(jws); ok {
		return b, nil
	}
	return nil, errSignature
}

// check tries the keys that a token may be signed with: the one that it names,
// or all when it names none.
func (k *keySet) check(jws *jose.JSONWebSignature) ([]byte, bool) {
	kid := jws.Signatures[0].Header.KeyID
	for _, key := range k.keys {
		if kid != "" && key.KeyID != kid || key.Use != "" && key.Use != "sig" {
			continue
		}
		if b, err := jws.Verify(&key); err == nil {
			return b, true
		}
	}
	return nil, false
}

func (k *keySet) ask(ctx context.Context) error {
	k.asked = k.clock()
	ctx, stop := context.WithTimeout(ctx, answerTime)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return err
	}
	res, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %d", res.StatusCode)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil {
		return err
	}
	k.keys, k.had = nil, k.asked
	for _, raw := range set.Keys[:min(len(set.Keys), mostKeys)] {
		var key jose.JSONWebKey // a key of a kind that we do not know is passed over
		if json.Unmarshal(raw, &key) == nil && key.Valid() && key.IsPublic() {
			k.keys = append(k.keys, key)
		}
	}
	return nil
}

// bounded is a transport whose answers are of bounded length.
type bounded struct{ http.RoundTripper }

var errLong = errors.New("the answer is too long")

// RoundTrip is for http.Client.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = &boundedBody{res.Body, mostAnswer}
	}
	return res, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// newClient is how providers are asked: within time and length, and without
// being sent elsewhere.
func newClient(base http.RoundTripper) *http.Client {
	if base == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = 2, answerTime, 64<<10
		base = t
	}
	return &http.Client{Transport: bounded{base}, Timeout: answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("the provider sent us elsewhere") }}
}
