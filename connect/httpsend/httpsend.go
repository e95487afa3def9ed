// Package httpsend is the HTTP client that every connector and collector shares:
// it signs in, guards against being sent where nobody meant it to go, bounds what
// it reads, and says of every answer whether it was taken, refused, or is to be
// tried again. It does not try again itself, follows no redirect, reads no proxy
// from the environment, and never repeats what the far side wrote in an error.
package httpsend

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"homeward/connect"
)

// Config is one far side. Files are read again when they are used, so that a
// secret or a certificate can be replaced while Homeward runs.
type Config struct {
	URL     string        // base; https, or http where Plain or on this machine. A query in it is sent with every request
	Timeout time.Duration // for one request with its sign-in; 0 is 30 s
	Plain   bool          // http is meant: the network is protected otherwise

	CAFile            string // PEM; "" the system's authorities
	CertFile, KeyFile string // PEM, for mutual TLS; both or neither

	Auth Auth

	// Allow are networks that a name may resolve to although they are private or of
	// this machine. An address that stands in URL as such, and localhost, are meant,
	// and need no entry. Link-local and cloud metadata addresses are never dialled.
	Allow []netip.Prefix
	Proxy string // http://host:port; "" none

	MaxAnswer int64            // octets kept of an answer; 0 is 1 MB
	Now       func() time.Time // nil is time.Now
}

// Client asks one far side. It may be used from many goroutines.
type Client struct {
	config Config
	base   *url.URL
	http   *http.Client
	signer *signer
}

// Answer is what came back. It is filled beside an error too, where there was an
// answer at all.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Cut    bool // Body is only the beginning
}

// Failed is an answer after which the same may be tried again: 408, 425, 429 or
// 5xx without a time to wait. It is connect.ErrDown.
type Failed struct{ Status int }

func (e *Failed) Error() string {
	return fmt.Sprintf("the other system answered %d (%s)", e.Status, http.StatusText(e.Status))
}

// Unwrap makes it one of the errors that are connect.ErrDown.
func (e *Failed) Unwrap() error { return connect.ErrDown }

// New makes a client. It reads the files once, so that what is wrong with them is
// said at the start; it asks the network nothing.
func New(c Config) (*Client, error) {
	c.defaults()
	base, err := parseURL(c.URL, c.Plain)
	if err != nil {
		return nil, err
	}
	h, err := HTTP(c)
	if err != nil {
		return nil, err
	}
	client := &Client{config: c, base: base, http: h}
	client.signer, err = newSigner(c.Auth, c.Now, client.raw)
	return client, err
}

// HTTP makes the guarded client by itself, with the certificates and the guard of
// c and no sign-in, for protocols that have their own.
func HTTP(c Config) (*http.Client, error) {
	c.defaults()
	base, err := parseURL(c.URL, c.Plain)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := c.tls()
	if err != nil {
		return nil, err
	}
	g := guard{allow: c.Allow, meant: map[netip.Addr]bool{}}
	g.mean(base.Hostname())
	if c.Auth.TokenURL != "" {
		tokenURL, err := parseURL(c.Auth.TokenURL, c.Plain)
		if err != nil {
			return nil, fmt.Errorf("token endpoint: %w", err)
		}
		g.mean(tokenURL.Hostname())
	}
	t := &http.Transport{
		TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true, TLSHandshakeTimeout: c.Timeout,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	if c.Proxy != "" {
		p, err := url.Parse(c.Proxy)
		if err != nil || p.Host == "" {
			return nil, errors.New("the proxy is not an address like http://proxy.example:3128")
		}
		g.mean(p.Hostname())
		t.Proxy = http.ProxyURL(p)
	}
	t.DialContext = (&net.Dialer{Timeout: c.Timeout, KeepAlive: 30 * time.Second, Control: g.control}).DialContext
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

func (c *Config) defaults() {
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxAnswer <= 0 {
		c.MaxAnswer = 1 << 20
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

func parseURL(s string, plain bool) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Fragment != "":
		return nil, errors.New("the address is not one like https://council.example/base")
	case u.User != nil:
		return nil, errors.New("the address holds a user's name: it belongs to the sign-in")
	case u.Scheme == "http" && !plain && !onThisMachine(u.Hostname()):
		return nil, errors.New("the address is http, which anybody on the way can read: use https, or say that the network is protected (plain)")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the address begins with neither https nor http")
	}
	return u, nil
}

func onThisMachine(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

func (c Config) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the authorities: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the authorities: %s holds no certificate", c.CAFile)
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, errors.New("a certificate and its key belong together: one is missing")
	}
	if c.CertFile == "" {
		return t, nil
	}
	if _, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile); err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate: %w", err)
		}
		return &pair, nil
	}
	return t, nil
}

// Close drops the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// URL is the address that a path under the base has.
func (c *Client) URL(path string) string { return c.target(path, nil).String() }

func (c *Client) target(path string, query url.Values) *url.URL {
	u := *c.base
	if path != "" {
		u = *c.base.JoinPath(path)
	}
	if len(query) > 0 {
		q := u.Query()
		for k, v := range query {
			q[k] = v
		}
		u.RawQuery = q.Encode()
	}
	return &u
}

// Do asks once. path is put under the base (escaped where it needs it) and may be
// "". A body that is nil is none; typ is its media type. The error is nil for a
// 2xx (and for a 304 to a question that asked for it), *connect.Refused for what trying again
// will not mend, *connect.Later where the far side said how long to wait, else
// one that is connect.ErrDown. A 401 to a token makes a new token, once.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values, header http.Header, body []byte, typ string) (Answer, error) {
	ask := func(fresh bool) (Answer, error) {
		h := header.Clone()
		if h == nil {
			h = http.Header{}
		}
		if typ != "" {
			h.Set("Content-Type", typ)
		}
		if err := c.signer.sign(ctx, h, fresh); err != nil {
			return Answer{}, err
		}
		a, err := c.raw(ctx, method, c.target(path, query), h, body)
		if err != nil {
			return a, err
		}
		return a, c.judge(a, h)
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	a, err := ask(false)
	if a.Status == http.StatusUnauthorized && c.signer.renews() {
		a, err = ask(true)
	}
	if err != nil && outer.Err() != nil {
		return a, fmt.Errorf("asking the other system: %w", outer.Err())
	}
	return a, err
}

// raw asks without signing in, and judges nothing.
func (c *Client) raw(ctx context.Context, method string, to *url.URL, header http.Header, body []byte) (Answer, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, to.String(), reader)
	if err != nil {
		return Answer{}, &connect.Refused{Text: "The request cannot be written: its method or address is not one."}
	}
	r.Header = header
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", "Homeward")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return Answer{}, Unreachable(err)
	}
	defer answer.Body.Close()
	a := Answer{Status: answer.StatusCode, Header: answer.Header}
	a.Body, err = io.ReadAll(io.LimitReader(answer.Body, c.config.MaxAnswer+1))
	if err != nil {
		return Answer{}, fmt.Errorf("reading the answer: %w", Unreachable(err))
	}
	if int64(len(a.Body)) > c.config.MaxAnswer {
		a.Body, a.Cut = a.Body[:c.config.MaxAnswer], true
	}
	return a, nil
}

// Unreachable says in our words why nothing came back of a request by HTTP's
// client. What the other side wrote, such as the names in its certificate, is left
// out.
func Unreachable(err error) error {
	var wrong *tls.CertificateVerificationError
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errForbidden):
		return &connect.Refused{Text: "The name of the other system leads to an address that is not open to connectors: list its network if it is meant."}
	case errors.As(err, &wrong):
		return fmt.Errorf("%w: its certificate is not one that we trust for this address", connect.ErrDown)
	case errors.As(err, &dns):
		return fmt.Errorf("%w: its name is not known to the network", connect.ErrDown)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%w in time", connect.ErrDown)
	}
	return fmt.Errorf("%w: the connection was not made, or it broke", connect.ErrDown)
}

// judge says what a status means. RFC 9110 15
func (c *Client) judge(a Answer, asked http.Header) error {
	switch s := a.Status; {
	case s >= 200 && s < 300:
		return nil
	case s == http.StatusNotModified && (asked.Get("If-None-Match") != "" || asked.Get("If-Modified-Since") != ""):
		return nil
	case s >= 300 && s < 400:
		return &connect.Refused{Text: fmt.Sprintf("The other system sent us elsewhere (%d), where we do not go: its address is to be mended.", s), Status: s}
	case s == http.StatusNotImplemented || s == http.StatusHTTPVersionNotSupported || s > 599:
		return refused(s)
	case s >= 500 || s == http.StatusRequestTimeout || s == http.StatusTooEarly || s == http.StatusTooManyRequests:
		if wait, ok := retryAfter(a.Header.Get("Retry-After"), c.config.Now()); ok {
			return &connect.Later{Text: fmt.Sprintf("The other system answered %d and asks to be left alone for %s.", s, wait), Wait: wait}
		}
		return &Failed{Status: s}
	default:
		return refused(s)
	}
}

func refused(status int) error {
	what := map[int]string{
		400: "it cannot read the request", 401: "our sign-in is not accepted", 403: "we are not allowed to", 404: "there is nothing at that address",
		405: "it does not take that there", 406: "it does not answer in our format", 409: "it holds something that conflicts", 410: "what was there is gone",
		412: "what it holds has changed meanwhile", 413: "the message is too large", 415: "it does not take this format", 422: "it understands the message and does not take it",
		501: "it does not do that",
	}[status]
	if what == "" {
		what = strings.ToLower(http.StatusText(status))
	}
	return &connect.Refused{Text: fmt.Sprintf("The other system refused it (%d): %s.", status, what), Status: status}
}

// longestWait bounds what a far side may ask for.
const longestWait = 24 * time.Hour

// retryAfter reads seconds or a date. RFC 9110 10.2.3
func retryAfter(s string, now time.Time) (time.Duration, bool) {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n >= 0 {
		if n > int(longestWait/time.Second) {
			return longestWait, true
		}
		return time.Duration(n) * time.Second, true
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now).Round(time.Second), 0), longestWait), true
	}
	return 0, false
}

// Reach asks whether the far side answers at all, by a HEAD of the base without a
// sign-in. Whatever it answers below 500 will do.
func (c *Client) Reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	a, err := c.raw(ctx, http.MethodHead, c.target("", nil), http.Header{}, nil)
	if err == nil && a.Status >= 500 {
		err = &Failed{Status: a.Status}
	}
	return err
}
