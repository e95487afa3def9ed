// Package pds asks the Personal Demographics Service of the NHS who somebody is:
// by NHS number, or by who they are, as a system that signs in by itself
// (application-restricted access, which is given one match or none). It keeps and
// decides nothing, changes nothing at PDS, and neither logs nor repeats in an
// error a number, a name, or an address that it asked.
package pds

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"homeward/connect"
	"homeward/connect/httpsend"
	"homeward/fhir"
	"homeward/nhs"
)

// Config is how PDS is reached.
type Config struct {
	HTTP      httpsend.Config  // URL is the base, .../personal-demographics/FHIR/R4
	Org       nhs.ODS          // NHSD-End-User-Organisation-ODS; "" not told
	PerSecond float64          // requests, of this process; 0 is 5, which is what PDS gives
	Patience  time.Duration    // how long a request may wait for its turn; 0 is 10 s
	Now       func() time.Time // nil: time.Now
}

// Client asks PDS. It may be used from many goroutines, which share one limit.
type Client struct {
	config Config
	http   *httpsend.Client

	mu   sync.Mutex
	next time.Time // when the next request may go
}

// ErrBusy is that too many ask PDS at once.
var ErrBusy = errors.New("too many people are being checked with PDS just now")

// New makes a client. It reads the files of its sign-in once and asks nothing.
func New(c Config) (*Client, error) {
	if c.PerSecond <= 0 {
		c.PerSecond = 5
	}
	if c.Patience <= 0 {
		c.Patience = 10 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	h, err := httpsend.New(c.HTTP)
	if err != nil {
		return nil, fmt.Errorf("PDS: %w", err)
	}
	return &Client{config: c, http: h}, nil
}

// turn waits until a request may go.
func (c *Client) turn(ctx context.Context) error {
	c.mu.Lock()
	now := c.config.Now()
	if c.next.Before(now) {
		c.next = now
	}
	wait := c.next.Sub(now)
	if wait > c.config.Patience {
		c.mu.Unlock()
		return ErrBusy
	}
	c.next = c.next.Add(time.Duration(float64(time.Second) / c.config.PerSecond))
	c.mu.Unlock()
	if wait <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// later keeps all from asking for a while, as PDS asked.
func (c *Client) later(wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := c.config.Now().Add(wait); c.next.Before(until) {
		c.next = until
	}
}

// State is what PDS knows.
type State string

// The states.
const (
	Found       State = "found"
	NotFound    State = "not-found"   // no such number, or nobody like that
	Invalidated State = "invalidated" // the number was given up and must not be used
	Several     State = "several"     // more than one person is like that
)

// Answer is what PDS said.
type Answer struct {
	State  State
	Number nhs.Number // of Found: the one that is used now, which may be another than was asked for
	Person Person
}

// Get asks for the person of a number.
func (c *Client) Get(ctx context.Context, n nhs.Number) (Answer, error) {
	if n.IsZero() {
		return Answer{State: NotFound}, nil
	}
	body, err := c.ask(ctx, "/Patient/"+n.Digits(), nil)
	if state, ok := known(err); ok {
		return Answer{State: state}, nil
	}
	if err != nil {
		return Answer{}, err
	}
	tree, err := fhir.Parse(body, fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil {
		return Answer{}, errStrange
	}
	return answer(tree)
}

// Like is whom to look for. Family and Born are needed; PDS finds nobody whose
// other details do not fit too.
type Like struct {
	Family, Given string
	Born          nhs.Date
	Sex           string // Female or Male; "" not told
	Postcode      string
}

// Find looks for the one person who is like that. PDS R4 Search for a patient, with
// application-restricted access: one match, or TOO_MANY_MATCHES.
func (c *Client) Find(ctx context.Context, l Like) (Answer, error) {
	if l.Family == "" || l.Born.IsZero() {
		return Answer{}, errors.New("a family name and a date of birth are needed to look for somebody at PDS")
	}
	q := url.Values{"family": {l.Family}, "birthdate": {"eq" + l.Born.String()}, "_max-results": {"1"}}
	if given := strings.Fields(l.Given); len(given) > 0 {
		q.Set("given", given[0])
	}
	if g := map[string]string{"Female": "female", "Male": "male"}[l.Sex]; g != "" {
		q.Set("gender", g)
	}
	if l.Postcode != "" {
		q.Set("address-postalcode", l.Postcode)
	}
	body, err := c.ask(ctx, "/Patient", q)
	if state, ok := known(err); ok {
		return Answer{State: state}, nil
	}
	if err != nil {
		return Answer{}, err
	}
	tree, err := fhir.Parse(body, fhir.JSON, fhir.R4, fhir.Limits{})
	if err != nil || tree.Type() != "Bundle" {
		return Answer{}, errStrange
	}
	found := tree.All("entry.resource")
	if len(found) == 1 && found[0].Type() == "OperationOutcome" {
		return Answer{State: stateOf(codes(found[0]))}, nil
	}
	switch len(found) {
	case 0:
		return Answer{State: NotFound}, nil
	case 1:
		return answer(found[0])
	}
	return Answer{State: Several}, nil
}

var errStrange = fmt.Errorf("PDS gave an answer that is not one: %w", connect.ErrDown)

// saidNo is an answer of PDS that is an OperationOutcome.
type saidNo struct {
	status int
	codes  []string
}

func (e *saidNo) Error() string {
	return fmt.Sprintf("PDS refused the question (%d %s)", e.status, strings.Join(e.codes, " "))
}

// ask asks once, when it is its turn.
func (c *Client) ask(ctx context.Context, path string, q url.Values) ([]byte, error) {
	if err := c.turn(ctx); err != nil {
		return nil, err
	}
	h := http.Header{"Accept": {"application/fhir+json"}, "X-Request-Id": {uuid()}, "X-Correlation-Id": {uuid()}}
	if c.config.Org != "" {
		h.Set("NHSD-End-User-Organisation-ODS", string(c.config.Org))
	}
	a, err := c.http.Do(ctx, http.MethodGet, path, q, h, nil, "")
	var later *connect.Later
	var refused *connect.Refused
	switch {
	case errors.As(err, &later):
		c.later(min(later.Wait, time.Minute))
		return nil, err
	case errors.As(err, &refused) && a.Status >= 400:
		tree, perr := fhir.Parse(a.Body, fhir.JSON, fhir.R4, fhir.Limits{})
		if perr != nil {
			return nil, err
		}
		return nil, &saidNo{a.Status, codes(tree)}
	case err != nil:
		return nil, err
	case a.Cut || a.Status != http.StatusOK:
		return nil, errStrange
	}
	return a.Body, nil
}

// codes are PDS's own codes of what is wrong: Spine-ErrorOrWarningCode. What is
// no plain word is left out: it is not ours to repeat.
func codes(outcome *fhir.Node) (out []string) {
	for _, c := range outcome.All("issue.details.coding.code") {
		if strings.Trim(c.Text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "" && len(c.Text) < 60 {
			out = append(out, c.Text)
		}
	}
	return out
}

// known is the state that a refusal means.
func known(err error) (State, bool) {
	var no *saidNo
	if !errors.As(err, &no) {
		return "", false
	}
	s := stateOf(no.codes)
	return s, s != ""
}

func stateOf(codes []string) State {
	for code, s := range map[string]State{"RESOURCE_NOT_FOUND": NotFound, "INVALIDATED_RESOURCE": Invalidated, "TOO_MANY_MATCHES": Several, "INVALID_RESOURCE_ID": NotFound} {
		if slices.Contains(codes, code) {
			return s
		}
	}
	return ""
}

// OfOne reports whether an error is about the one who was asked for, so that others
// may be asked about.
func OfOne(err error) bool {
	var no *saidNo
	return errors.Is(err, errStrange) || errors.As(err, &no) && no.status != http.StatusUnauthorized && no.status != http.StatusForbidden
}

// Say puts an error of this package into a sentence for whoever asked.
func Say(err error) string {
	var no *saidNo
	var refused *connect.Refused
	var later *connect.Later
	switch {
	case errors.Is(err, ErrBusy), errors.As(err, &later):
		return "Too many people are being checked with PDS just now. Try again in a minute"
	case errors.As(err, &no), errors.As(err, &refused):
		return "PDS did not let Homeward ask. Tell those who run Homeward"
	}
	return "PDS does not answer just now. Try again later"
}

func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // RFC 9562 5.4
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
