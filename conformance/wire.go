package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"homeward/fhir"
	"homeward/nhs"
)

// kit is what the checks of one run share.
type kit struct {
	Config
	client *http.Client
	people int // how many invented people were used
	used   map[nhs.Number]bool
}

// Config is what a run is told.
type Config struct {
	Target string // base address of the interface under test
	// BaRS is the base address of a council's receiver of messages by BaRS; "" it is
	// not tried. BaRSOrg is the ODS code that messages name; "" is 511.
	BaRS, BaRSOrg string
	// Lookup is the base address of a look-up by NHS number (Social Care Data
	// Service); Known is somebody whom a council supports there. Locator is that of a
	// Healthcare Locator; Boundary is an address in a postcode of two councils. FHIR is
	// that of FHIR R4, where Council gives a token of the council's own system. What is
	// left out is not tried.
	Lookup, Locator, FHIR string
	Known                 Somebody
	Boundary              Place
	Council               func(context.Context) (string, error)
	// Token gives a bearer token; nil: none is sent.
	Token  func(context.Context) (string, error)
	Client *http.Client // nil: one with a 60 s limit that follows no redirect
	Build  string
	Seed   int // other seeds are other people, so that a target can be tried again

	haste time.Duration // of our own tests: times are so many times shorter; 0 is 1
}

// bear is how long the kit bears what may take d.
func (c Config) bear(d time.Duration) time.Duration { return d / max(1, c.haste) }

// Check refuses addresses and a seed with which a run cannot begin. It asks the
// network nothing.
func (c Config) Check() error {
	for _, at := range []struct{ name, address string }{{"target", c.Target}, {"bars", c.BaRS}, {"fhir", c.FHIR}, {"lookup", c.Lookup}, {"locator", c.Locator}} {
		u, err := url.Parse(at.address)
		switch {
		case at.address == "":
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			return fmt.Errorf("%s: the address must begin with https:// (or http://) and a host", at.name)
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			return fmt.Errorf("%s: the address must have no password, no ? and no #: the kit adds what it asks for", at.name)
		}
	}
	if c.Seed < 0 || c.Seed > MostSeed {
		return fmt.Errorf("seed: it must be 0 to %d", MostSeed)
	}
	return nil
}

func newKit(c Config) (*kit, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Target == "" {
		return nil, errors.New("target: an address is needed")
	}
	c.Target = strings.TrimSuffix(c.Target, "/")
	k := &kit{Config: c, client: c.Client, used: map[nhs.Number]bool{}}
	if k.client == nil {
		k.client = &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return k, nil
}

// call is one request to the target.
type call struct {
	method, path, query string
	tree                *fhir.Node                            // of the body, or
	body                []byte                                // the body itself, or
	stream              io.Reader                             // a body that comes as it likes
	kind                string                                // Content-Type; "" is that of the format
	format              fhir.Format                           // of tree and of the answer
	head                [][2]string                           // further headers; a value "" takes one away
	anonymous           bool                                  // without a token
	who                 func(context.Context) (string, error) // whose token; nil: the run's
	silent              bool                                  // too big to show
	within              time.Duration                         // 0: the client's own
}

// answer is what came.
type answer struct {
	status int
	head   http.Header
	body   []byte
	tree   *fhir.Node // nil where it is no resource
	took   time.Duration
}

// send makes one call and keeps it as evidence. nil: there was no answer, and
// the trial has failed.
func (t *Trial) send(ctx context.Context, c call) *answer {
	a, err := t.exchange(ctx, c)
	if err != nil {
		t.Failf("there was no answer: %v", plain(err))
		return nil
	}
	return a
}

// exchange makes one call. Evidence holds no token.
func (t *Trial) exchange(ctx context.Context, c call) (*answer, error) {
	body, kind := c.body, c.kind
	if c.tree != nil {
		var err error
		if body, err = fhir.Write(c.tree, c.format, fhir.STU3); err != nil {
			return nil, fmt.Errorf("the kit could not write its request: %w", err)
		}
	}
	if kind == "" {
		kind = fhir.MediaType(c.format)
	}
	at := t.Target + c.path
	if c.query != "" {
		at += "?" + c.query
	}
	var from io.Reader = bytes.NewReader(body)
	if c.stream != nil {
		from = c.stream
	}
	if c.within > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, c.within)
		defer stop()
	}
	r, err := http.NewRequestWithContext(ctx, c.method, at, from)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", fhir.MediaType(c.format))
	if c.method != http.MethodGet {
		r.Header.Set("Content-Type", kind)
	}
	who := c.who
	if who == nil {
		who = t.Token
	}
	if who != nil && !c.anonymous {
		token, err := who(ctx)
		if err != nil {
			return nil, fmt.Errorf("a token could not be had: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range c.head {
		r.Header.Del(h[0])
		if h[1] != "" {
			r.Header.Set(h[0], h[1])
		}
	}
	sent := c.method + " " + strings.TrimPrefix(at, t.Target)
	if !c.silent && len(body) > 0 {
		sent += "\nContent-Type: " + kind + "\n\n" + strings.ToValidUTF8(string(body), "?")
	}
	t.Show(sent)
	return t.receive(r, c)
}

func (t *Trial) receive(r *http.Request, c call) (*answer, error) {
	began := time.Now()
	res, err := t.client.Do(r)
	if err != nil {
		t.Show("no answer: " + plain(err))
		return nil, err
	}
	defer res.Body.Close()
	a := &answer{status: res.StatusCode, head: res.Header}
	a.body, err = io.ReadAll(io.LimitReader(res.Body, 4<<20))
	a.took = time.Since(began)
	told := fmt.Sprintf("%s (after %d ms)", res.Status, a.took.Milliseconds())
	for _, name := range []string{"Content-Type", "Location", "ETag", "WWW-Authenticate", "Retry-After"} {
		if v := res.Header.Get(name); v != "" {
			told += "\n" + name + ": " + v
		}
	}
	t.Show(told + "\n\n" + strings.ToValidUTF8(string(a.body), "?"))
	if err != nil {
		return nil, err
	}
	if f, _, ok := fhir.FormatOf(res.Header.Get("Content-Type")); ok && len(a.body) > 0 {
		if tree, err := fhir.Parse(a.body, f, fhir.STU3, fhir.Limits{}); err == nil {
			a.tree = tree
		}
	}
	return a, nil
}

// plain is an error without the address in it, which has query values.
func plain(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

// want fails the trial unless the status is one of these.
func (t *Trial) want(a *answer, statuses ...int) bool {
	if a == nil {
		return false
	}
	for _, s := range statuses {
		if a.status == s {
			return true
		}
	}
	t.Failf("the answer is %d, and should be %s", a.status, either(statuses))
	return false
}

func either(statuses []int) string {
	var words []string
	for _, s := range statuses {
		words = append(words, fmt.Sprint(s))
	}
	return strings.Join(words, " or ")
}

// refused fails the trial unless the target refused with one of the statuses, and
// said why by an OperationOutcome that repeats none of the secrets.
func (t *Trial) refused(a *answer, secrets []string, statuses ...int) bool {
	if !t.want(a, statuses...) {
		return false
	}
	if a.tree.Type() != "OperationOutcome" || a.tree.Get("issue") == nil {
		t.Failf("the refusal is no OperationOutcome with an issue")
		return false
	}
	for _, i := range a.tree.All("issue") {
		if i.Str("severity") == "" || i.Str("code") == "" {
			t.Failf("an issue of the OperationOutcome lacks its severity or code")
		}
	}
	for _, s := range secrets {
		if s != "" && strings.Contains(string(a.body), s) {
			t.Failf("the refusal repeats something personal that was sent")
		}
	}
	return !t.failed()
}
