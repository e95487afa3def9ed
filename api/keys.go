package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// How a client's keys are kept. A key that its owner takes out of the set is
// believed for at most keysFresh, or while its address does not answer keysStale.
const (
	keysFresh   = 10 * time.Minute
	keysStale   = 6 * time.Hour
	keysAgain   = 30 * time.Second // between two readings for a key that is not known
	keysTimeout = 5 * time.Second
	maxKeys     = 64 << 10 // bytes of a set
	minRSA      = 2048     // bits; 4096 is better
	maxRSA      = 8192     // bits; larger ones only cost us time
)

var errNoKey = errors.New("no key with this kid and algorithm")

// keySet is the public keys of one client, read when they are needed.
type keySet struct {
	source string
	web    *http.Client // nil: source is a file
	clock  func() time.Time

	loading sync.Mutex
	tried   time.Time // guarded by loading
	now     atomic.Pointer[keysRead]
}

// keysRead is a set as it was read at a time.
type keysRead struct {
	at   time.Time
	keys map[string]jose.JSONWebKey
}

// newKeySet checks where the keys are. A file is read at once, so that a mistake
// shows at the start; an address is asked when the first assertion comes.
func newKeySet(source string, transport http.RoundTripper, clock func() time.Time) (*keySet, error) {
	k := &keySet{source: source, clock: clock}
	u, err := url.Parse(source)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return k, k.load(context.Background())
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) || u.User != nil {
		return nil, errors.New("keys must be the path of a file, or an https:// address")
	}
	k.web = &http.Client{Timeout: keysTimeout, Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 2 || r.URL.Scheme != u.Scheme || r.URL.Host != u.Host {
			return errors.New("the address of the keys leads elsewhere")
		}
		return nil
	}}
	return k, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// keyTransport goes straight to the configured address, by no proxy of the
// environment, and reads little.
func keyTransport() http.RoundTripper {
	return &http.Transport{DialContext: (&net.Dialer{Timeout: keysTimeout}).DialContext, TLSHandshakeTimeout: keysTimeout, ResponseHeaderTimeout: keysTimeout,
		MaxResponseHeaderBytes: 16 << 10, DisableKeepAlives: true, ForceAttemptHTTP2: true}
}

// find gives the key that an assertion names. What is known is used without
// waiting; only a set that is old, or lacks the key, is read again.
func (k *keySet) find(ctx context.Context, kid, alg string) (any, error) {
	read := k.now.Load()
	if read != nil && k.clock().Sub(read.at) < keysFresh {
		if key, ok := read.keys[kid]; ok {
			return fits(key, alg)
		}
	}
	err := k.again(ctx, read)
	read = k.now.Load()
	if read == nil || k.clock().Sub(read.at) >= keysStale {
		return nil, errors.Join(errors.New("the keys cannot be read"), err)
	}
	if key, ok := read.keys[kid]; ok {
		return fits(key, alg)
	}
	return nil, errNoKey
}

// again reads the set, unless somebody has just done so or tried to.
func (k *keySet) again(ctx context.Context, seen *keysRead) error {
	k.loading.Lock()
	defer k.loading.Unlock()
	if k.now.Load() != seen || k.clock().Sub(k.tried) < keysAgain {
		return nil
	}
	k.tried = k.clock()
	return k.load(ctx)
}

func (k *keySet) load(ctx context.Context) error {
	b, err := k.read(ctx)
	if err != nil {
		return fmt.Errorf("reading the keys: %w", err)
	}
	keys, err := parseKeys(b)
	if err != nil {
		return fmt.Errorf("reading the keys: %w", err)
	}
	k.now.Store(&keysRead{k.clock(), keys})
	return nil
}

func (k *keySet) read(ctx context.Context) ([]byte, error) {
	if k.web == nil {
		f, err := os.Open(k.source)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return atMost(f, maxKeys)
	}
	// A caller who hangs up must not keep the next from the keys.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.source, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := k.web.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the address answers %d", res.StatusCode)
	}
	return atMost(res.Body, maxKeys)
}

func atMost(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("it is longer than %d bytes", most)
	}
	return b, err
}

// parseKeys reads a JWK set. What it does not understand it leaves out (RFC 7517
// 5); a private key in it is refused, for then it is no secret any more.
func parseKeys(b []byte) (map[string]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, errors.New("it is no JWK set")
	}
	out := map[string]jose.JSONWebKey{}
	for i, raw := range set.Keys {
		members, err := object(raw)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		if _, private := members["d"]; private {
			return nil, fmt.Errorf("key %d is a private key. Make a new pair: this one was published", i+1)
		}
		var key jose.JSONWebKey
		if err := json.Unmarshal(raw, &key); err != nil || usable(key) != nil {
			continue
		}
		if _, twice := out[key.KeyID]; twice {
			return nil, fmt.Errorf("key %d: its kid stands twice", i+1)
		}
		out[key.KeyID] = key
	}
	if len(out) == 0 {
		return nil, errors.New("no key in it can be used: RSA of 2048 to 8192 bits or EC P-384, with a kid, for sig")
	}
	return out, nil
}

// usable reports what keeps a key from being used.
func usable(k jose.JSONWebKey) error {
	if k.KeyID == "" || k.Use != "" && k.Use != "sig" || !k.Valid() {
		return errors.New("it has no kid, or is for something else")
	}
	switch pub := k.Key.(type) {
	case *rsa.PublicKey:
		if n := pub.N.BitLen(); n < minRSA || n > maxRSA {
			return errors.New("RSA keys must have 2048 to 8192 bits")
		}
	case *ecdsa.PublicKey:
		if pub.Curve != elliptic.P384() {
			return errors.New("EC keys must be on P-384")
		}
	default:
		return errors.New("the kind of key is not used here")
	}
	return nil
}

// fits gives the key when it is of the algorithm. RFC 7517 4.4.
func fits(k jose.JSONWebKey, alg string) (any, error) {
	_, isRSA := k.Key.(*rsa.PublicKey)
	if isRSA == (alg == "ES384") || k.Algorithm != "" && k.Algorithm != alg {
		return nil, errNoKey
	}
	return k.Key, nil
}
