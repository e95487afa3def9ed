// Package mesh speaks the NHS's Message Exchange for Social Care and Health, as the
// client of one mailbox: it sends files in chunks, lists, fetches and acknowledges
// what came, follows what became of what was sent, and looks mailboxes up. It knows
// nothing of what is in the files, tries nothing again, and keeps nothing.
package mesh

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Config is one mailbox. The service asks for mutual TLS besides: HTTP brings it.
type Config struct {
	URL       string       // https://mesh-sync.spineservices.nhs.uk
	Mailbox   string       // X26ABC1
	Password  string       // of the mailbox
	SharedKey string       // of the environment
	HTTP      *http.Client // with the certificates; it follows no redirects
	ChunkSize int          // octets of a file in one chunk, before it is compressed; 0 is 10 MB, 20 MB is the most that is taken
	MaxSize   int64        // octets of a file that is fetched; 0 is 100 MB
	Now       func() time.Time
	Version   string // of our program, as the handshake tells it
}

// Client is one mailbox's. It may be used from many goroutines.
type Client struct{ config Config }

// New makes a client; it asks the network nothing.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("MESH needs an address like https://mesh-sync.spineservices.nhs.uk")
	case !plain(c.Mailbox) || strings.ContainsAny(c.Mailbox, "/:?# "):
		return nil, errors.New("MESH needs the id of our mailbox, such as X26ABC1")
	case c.Password == "" || c.SharedKey == "":
		return nil, errors.New("MESH needs the mailbox's password and the environment's shared key")
	case c.HTTP == nil:
		return nil, errors.New("MESH needs an HTTP client")
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	if c.ChunkSize <= 0 {
		c.ChunkSize = 10 << 20
	}
	if c.MaxSize <= 0 {
		c.MaxSize = 100 << 20
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Version == "" {
		c.Version = "homeward"
	}
	return &Client{c}, nil
}

// plain reports whether a text may stand in a header.
func plain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// Authorization is the header by which a mailbox proves itself, good for one
// request: an HMAC over mailbox, nonce, count, password and time. MESH 2
// authorization
func Authorization(mailbox, password, sharedKey, nonce string, count int, at time.Time) string {
	stamp := at.UTC().Format("200601021504")
	h := hmac.New(sha256.New, []byte(sharedKey))
	fmt.Fprintf(h, "%s:%s:%d:%s:%s", mailbox, nonce, count, password, stamp)
	return fmt.Sprintf("NHSMESH %s:%s:%d:%s:%s", mailbox, nonce, count, stamp, hex.EncodeToString(h.Sum(nil)))
}

// nonce is a UUID that is used once. RFC 9562 5.4
func nonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Error is that the service answered, and not as it was asked.
type Error struct {
	Status    int    // HTTP
	Code      string // of the service: "12"; "" none
	MessageID string
	Wait      time.Duration // how long it asks to be left alone; 0: it does not say
}

// The codes of the service that mean something to a sender.
const (
	CodeNoRecipient   = "12" // the mailbox that was written to is not there
	CodeUncollected   = "14" // nobody fetched the message in time
	CodeWorkflow      = "17" // the mailbox does not take this workflow
	CodeTooManyBoxes  = "EPL-150"
	CodeNoBox         = "EPL-151"
	CodeBadControl    = "06"
	CodeNoFile        = "02"
	CodeNoSuchMessage = "20"
)

// Error says it in our words: what the service wrote is not repeated.
func (e *Error) Error() string {
	what := map[string]string{
		CodeNoRecipient: "the mailbox that is written to is not registered", CodeUncollected: "nobody fetched the message in time",
		CodeWorkflow: "the mailbox is not registered for this workflow", CodeTooManyBoxes: "more than one mailbox would fit", CodeNoBox: "no mailbox fits",
		CodeBadControl: "our headers are not taken", CodeNoFile: "the file is missing", CodeNoSuchMessage: "there is no such message",
	}[e.Code]
	switch {
	case what != "":
	case e.Status == http.StatusForbidden:
		what = "our sign-in is not accepted, or the message is not ours"
	default:
		what = strings.ToLower(http.StatusText(e.Status))
	}
	return fmt.Sprintf("MESH answered %d: %s", e.Status, what)
}

const media = "application/vnd.mesh.v2+json"

// call is one request.
type call struct {
	method, path string
	query        url.Values
	header       map[string]string
	body         []byte
	accept       string // "" version 2
	most         int64  // octets of the answer; 0: 1 MB
}

// answer is what came back, whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask asks once. Any status but 2xx is an *Error.
func (c *Client) ask(ctx context.Context, q call) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, q.method, c.config.URL+q.path, bytes.NewReader(q.body))
	if err != nil {
		return answer{}, errors.New("asking MESH: the address is none")
	}
	r.URL.RawQuery = q.query.Encode()
	for k, v := range q.header {
		if v != "" {
			r.Header.Set(k, v)
		}
	}
	if q.accept == "" {
		q.accept = media
	}
	r.Header.Set("Accept", q.accept)
	r.Header.Set("Accept-Encoding", "gzip") // by ourselves, for chunks come as they were sent
	r.Header.Set("User-Agent", c.config.Version)
	r.Header.Set("Authorization", Authorization(c.config.Mailbox, c.config.Password, c.config.SharedKey, nonce(), 0, c.config.Now()))
	w, err := c.config.HTTP.Do(r)
	if err != nil {
		return answer{}, fmt.Errorf("asking MESH: %w", bare(err))
	}
	defer w.Body.Close()
	if q.most == 0 {
		q.most = 1 << 20
	}
	a := answer{status: w.StatusCode, header: w.Header}
	a.body, err = io.ReadAll(io.LimitReader(w.Body, q.most+1))
	switch {
	case err != nil:
		return answer{}, fmt.Errorf("reading what MESH answered: %w", bare(err))
	case int64(len(a.body)) > q.most:
		return answer{}, errTooLarge
	case a.status < 200 || a.status > 299:
		return a, failed(a, c.config.Now())
	}
	return a, nil
}

// errTooLarge is that an answer, or a file, is larger than we take.
const errTooLarge = unreadable("what MESH holds is larger than we take")

// ErrUnreadable is that one message cannot be had whole however often it is asked
// for; others may be.
var ErrUnreadable = errors.New("what MESH holds cannot be read")

// unreadable is an error that is ErrUnreadable, in words of its own.
type unreadable string

func (e unreadable) Error() string { return string(e) }

// Is makes it ErrUnreadable.
func (e unreadable) Is(other error) bool { return other == ErrUnreadable }

// bare is an error without the address, which names mailboxes and messages.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// failed reads an error in either version's form.
func failed(a answer, now time.Time) *Error {
	e := &Error{Status: a.status}
	if s, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && s > 0 {
		e.Wait = time.Duration(min(s, 24*3600)) * time.Second
	} else if t, err := http.ParseTime(a.header.Get("Retry-After")); err == nil {
		e.Wait = min(max(t.Sub(now), 0), 24*time.Hour).Round(time.Second)
	}
	var said struct {
		V1     string          `json:"errorCode"`
		ID1    string          `json:"messageID"`
		ID2    string          `json:"message_id"`
		Detail json.RawMessage `json:"detail"`
	}
	body := a.body
	if a.header.Get("Content-Encoding") == "gzip" {
		body, _ = unzip(body, 1<<20) // what cannot be read says nothing
	}
	if json.Unmarshal(body, &said) != nil {
		return e
	}
	e.Code, e.MessageID = said.V1, said.ID1+said.ID2
	var list []struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(said.Detail, &list) == nil && len(list) > 0 {
		e.Code = list[0].Code
	}
	if len(e.Code) > 40 || !plain(e.Code) {
		e.Code = ""
	}
	return e
}

// box is a path in our mailbox.
func (c *Client) box(rest string) string { return "/messageexchange/" + c.config.Mailbox + rest }

// Handshake proves that the mailbox is there and ours, and tells the service who
// we are. It is to be done once a day at least. MESH 2 handshake
func (c *Client) Handshake(ctx context.Context) error {
	_, err := c.ask(ctx, call{method: http.MethodPost, path: c.box(""), header: map[string]string{
		"Mex-ClientVersion": c.config.Version, "Mex-OSName": "linux", "Mex-OSVersion": "0"}})
	return err
}

// Mailbox is one that was looked up.
type Mailbox struct {
	ID   string `json:"mailbox_id"`
	Name string `json:"mailbox_name"`
}

// Lookup finds the mailboxes of an organisation for a workflow. MESH 2
// endpointlookup
func (c *Client) Lookup(ctx context.Context, ods, workflow string) ([]Mailbox, error) {
	a, err := c.ask(ctx, call{method: http.MethodGet, path: "/messageexchange/endpointlookup/" + url.PathEscape(ods) + "/" + url.PathEscape(workflow)})
	if err != nil {
		return nil, err
	}
	var found struct {
		Results []struct {
			Mailbox
			Address string `json:"address"` // version 1
		} `json:"results"`
	}
	if err := a.json(&found); err != nil {
		return nil, err
	}
	var out []Mailbox
	for _, r := range found.Results {
		if r.ID == "" {
			r.ID = r.Address
		}
		out = append(out, r.Mailbox)
	}
	return out, nil
}

func (a answer) json(into any) error {
	body := a.body
	if a.header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = unzip(body, 1<<20); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errors.New("what MESH answered is not what it should be")
	}
	return nil
}
