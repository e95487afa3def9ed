package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"homeward/fhir"
	"homeward/hub"
)

// Hooks calls the rest-hooks of subscribers. The address comes from a system, and not
// from the operator: so it is https, to a public address, with no redirect and no
// proxy, unless the operator allowed a network. Make it with NewHooks.
type Hooks struct {
	base   string
	allow  []netip.Prefix
	clock  func() time.Time
	secure *http.Client
	plain  *http.Client // http, to this machine only, and only where that is allowed
}

// NewHooks makes the caller of rest-hooks. publicURL is by which Homeward is reached;
// allow are networks that are not public and may be called all the same; roots may be
// nil for the system's authorities.
func NewHooks(publicURL string, allow []netip.Prefix, clock func() time.Time, roots *tls.Config) *Hooks {
	k := &Hooks{base: strings.TrimSuffix(publicURL, "/") + r4Base, allow: allow, clock: clock}
	if k.clock == nil {
		k.clock = time.Now
	}
	k.secure = k.client(k.mayCall, roots)
	k.plain = k.client(func(a netip.Addr) bool { return a.IsLoopback() && k.mayCall(a) }, nil)
	return k
}

// client looks at the address that is dialled, after the name was resolved, so that
// a name cannot change between the check and the call.
func (k *Hooks) client(may func(netip.Addr) bool, roots *tls.Config) *http.Client {
	control := func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !may(to.Addr().Unmap()) {
			return errNotCalled
		}
		return nil
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: 10 * time.Second, Control: control}).DialContext, TLSClientConfig: roots,
			ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10},
	}
}

var errNotCalled = errors.New("The address is not one that Homeward may call")

// notPublic are addresses that are called only where the operator allows it (RFC 6890).
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("168.63.129.16/32"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("::/96"), netip.MustParsePrefix("2001::/32"),
}

// metadata are where clouds keep what is secret about this machine, besides the
// link-local addresses: they are never called, whatever is allowed.
var metadata = []netip.Prefix{
	netip.MustParsePrefix("100.100.100.200/32"), netip.MustParsePrefix("168.63.129.16/32"), netip.MustParsePrefix("fd00:ec2::254/128"),
}

// mayCall reports whether an address is public or allowed. Link-local addresses, where
// clouds keep their metadata, are never called.
func (k *Hooks) mayCall(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	for _, p := range metadata {
		if p.Contains(a) {
			return false
		}
	}
	for _, p := range k.allow {
		if p.Contains(a) {
			return true
		}
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback()
}

// Check reports why an address cannot be a rest-hook, as far as it tells by itself.
func (k *Hooks) Check(endpoint string) error {
	if k == nil {
		return errors.New("Rest-hooks are not called here. Use a websocket")
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(endpoint) > 1024 {
		return errors.New("The endpoint must be an https address without a user or a fragment")
	}
	host := u.Hostname()
	a, literal := netip.ParseAddr(host)
	here := strings.EqualFold(host, "localhost") || literal == nil && a.IsLoopback()
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && here):
		return errors.New("The endpoint must be an https address")
	case literal == nil && !k.mayCall(a), here && literal != nil && !k.mayCall(netip.MustParseAddr("127.0.0.1")):
		return errNotCalled
	}
	return nil
}

// Notify sends one notification, once. Whatever is not 2xx has not got through.
func (k *Hooks) Notify(ctx context.Context, n hub.Notification) error {
	s := n.Subscription
	if err := k.Check(s.Endpoint); err != nil {
		return err
	}
	var body []byte
	if s.Release == fhir.R4 {
		var err error
		if body, err = fhir.Write(notificationBundle(k.base, n, k.clock()), s.Format, fhir.R4); err != nil {
			return errors.New("What is to be told cannot be written in the format that was asked for")
		}
	} else if n.Kind == hub.Handshake || n.Kind == hub.Heartbeat {
		return nil // FHIR STU3 Subscription 2.40 has neither: the call itself is the news
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint, bytes.NewReader(body))
	if err != nil {
		return errNotCalled
	}
	for _, h := range s.Headers {
		name, value, _ := strings.Cut(h, ":")
		r.Header.Set(name, strings.TrimSpace(value))
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", fhir.MediaType(s.Format))
	}
	r.Header.Set("User-Agent", "Homeward")
	client := k.secure
	if r.URL.Scheme == "http" {
		client = k.plain
	}
	res, err := client.Do(r)
	if err != nil {
		return hookTrouble(ctx, err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection is used again
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("The other system answered %d (%s)", res.StatusCode, cmp.Or(http.StatusText(res.StatusCode), "no known status"))
	}
	return nil
}

// hookTrouble says what went wrong in our own words.
func hookTrouble(ctx context.Context, err error) error {
	var cert *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errNotCalled):
		return errNotCalled
	case ctx.Err() != nil:
		return errors.New("The other system did not answer in time")
	case errors.As(err, &cert):
		return errors.New("The certificate of the other system is not one that is trusted")
	}
	return errors.New("The other system cannot be reached")
}
