// Package mesh tells through MESH: a file for each piece of news, to a mailbox that
// is configured or looked up. What is in the file is another's to write; whether it
// was fetched is asked for later. It reads no inbox.
package mesh

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"homeward/connect"
	"homeward/connect/httpsend"
	"homeward/mesh"
	"homeward/nhs"
)

// Config is our mailbox, and the one that is written to.
type Config struct {
	HTTP          httpsend.Config // the service's address, and the certificate for it
	Mailbox       string
	PasswordFile  string
	SharedKeyFile string
	ChunkSize     int // 0: as package mesh

	To       string  // mailbox; "" looks one up for ODS and Workflow
	ODS      nhs.ODS // of the organisation
	Workflow string  // id that both sides registered

	// Make writes the file's content: a FHIR bundle, JSON, CSV. Its message's Type
	// says which.
	Make func(connect.News) (connect.Message, error)
}

// MESH is a connect.Connector and a connect.Tracker.
type MESH struct {
	config Config
	client *mesh.Client
}

// New makes it, and reads the secrets.
func New(c Config) (*MESH, error) {
	if c.To == "" && c.ODS == "" || c.Workflow == "" || c.Make == nil {
		return nil, errors.New("MESH needs a mailbox or an organisation to write to, a workflow, and what to write")
	}
	password, err := secret(c.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("reading the mailbox's password: %w", err)
	}
	key, err := secret(c.SharedKeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading MESH's shared key: %w", err)
	}
	h, err := httpsend.HTTP(c.HTTP)
	if err != nil {
		return nil, err
	}
	h.Timeout = c.HTTP.Timeout
	if h.Timeout == 0 {
		h.Timeout = time.Minute // of one chunk
	}
	client, err := mesh.New(mesh.Config{URL: c.HTTP.URL, Mailbox: c.Mailbox, Password: password, SharedKey: key, HTTP: h, ChunkSize: c.ChunkSize, Now: c.HTTP.Now})
	return &MESH{c, client}, err
}

func secret(file string) (string, error) {
	b, err := os.ReadFile(file)
	return strings.TrimSpace(string(b)), err
}

// Make writes the file. What stands in headers on the way is nothing personal.
func (m *MESH) Make(n connect.News) (connect.Message, error) { return m.config.Make(n) }

// Send sends the file, unless it is there already from a try before. The service
// does not look at that, so it is asked by our key as the local id; a try that broke
// off between chunks is carried on.
func (m *MESH) Send(ctx context.Context, msg connect.Message) (connect.Receipt, error) {
	found, err := m.client.Find(ctx, msg.Key)
	switch {
	case err == nil && found.Status == mesh.Uploading:
		if err := m.client.Resume(ctx, found.ID, m.outgoing(msg, "")); err != nil {
			return connect.Receipt{}, judge(err)
		}
		return taken(found.ID, false), nil
	case err == nil && found.Status != mesh.Undeliverable && found.Status != mesh.Failed:
		return taken(found.ID, true), nil
	case err != nil && !unasked(err):
		return connect.Receipt{}, judge(err)
	}
	to, err := m.mailbox(ctx)
	if err != nil {
		return connect.Receipt{}, err
	}
	id, err := m.client.Send(ctx, m.outgoing(msg, to))
	if err != nil {
		return connect.Receipt{}, judge(err)
	}
	return taken(id, false), nil
}

// unasked reports that there is nothing under our key, or that the service does not
// answer that question, as it was announced for it.
func unasked(err error) bool {
	var e *mesh.Error
	return errors.Is(err, mesh.ErrUnknown) || errors.As(err, &e) && (e.Status == http.StatusNotAcceptable || e.Status == http.StatusGone || e.Status == http.StatusMethodNotAllowed)
}

func taken(id string, again bool) connect.Receipt {
	reference := id
	if len(reference) > 64 {
		reference = ""
	}
	return connect.Receipt{Reference: reference, Track: id, Again: again}
}

func (m *MESH) mailbox(ctx context.Context) (string, error) {
	if m.config.To != "" {
		return m.config.To, nil
	}
	found, err := m.client.Lookup(ctx, string(m.config.ODS), m.config.Workflow)
	switch {
	case err != nil:
		return "", judge(err)
	case len(found) == 0:
		return "", &connect.Refused{Text: "MESH has no mailbox of the organisation for this workflow."}
	case len(found) > 1:
		return "", &connect.Refused{Text: "MESH has more than one mailbox of the organisation for this workflow: configure which."}
	}
	return found[0].ID, nil
}

func (m *MESH) outgoing(msg connect.Message, to string) mesh.Outgoing {
	kind, _, _ := strings.Cut(msg.Type, ";")
	suffix := map[string]string{"application/json": ".json", "application/fhir+json": ".json", "application/fhir+xml": ".xml", "text/csv": ".csv", "text/html": ".html"}[kind]
	if suffix == "" {
		suffix = ".dat"
	}
	return mesh.Outgoing{To: to, Workflow: m.config.Workflow, LocalID: msg.Key, Subject: "Homeward " + string(msg.Kind), FileName: msg.Key + suffix,
		Type: msg.Type, Body: msg.Body, Compress: true}
}

// judge says what an answer of the service means.
func judge(err error) error {
	var e *mesh.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("sending by MESH: %w", httpsend.Unreachable(err))
	}
	switch {
	case e.Wait > 0 && (e.Status == http.StatusTooManyRequests || e.Status >= 500):
		return &connect.Later{Text: fmt.Sprintf("MESH answered %d and asks to be left alone for %s.", e.Status, e.Wait), Wait: e.Wait}
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooEarly,
		e.Status >= 500 && e.Status != http.StatusNotImplemented,
		e.Status == http.StatusLocked: // all chunks are there after all: the next try finds it
		return &httpsend.Failed{Status: e.Status}
	}
	return &connect.Refused{Text: upper(e.Error()) + ".", Status: e.Status}
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// Track asks whether the recipient fetched it.
func (m *MESH) Track(ctx context.Context, track string) (connect.Receipt, bool, error) {
	if track == "" {
		return connect.Receipt{}, true, nil
	}
	t, err := m.client.Track(ctx, track)
	var e *mesh.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return connect.Receipt{Detail: "MESH does not know any more what became of it"}, true, nil
	}
	if err != nil {
		return connect.Receipt{}, false, judge(err)
	}
	r := taken(track, false)
	switch t.Status {
	case mesh.Acknowledged:
		r.Received, r.Track, r.Detail = true, "", "Fetched from the mailbox"
		return r, true, nil
	case mesh.Undeliverable:
		return r, true, &connect.Refused{Text: "Nobody fetched the message from the mailbox in time: tell the other side, and send it again."}
	case mesh.Failed:
		return r, true, &connect.Refused{Text: "MESH could not deliver the message."}
	case mesh.Uploading:
		r.Detail = "Not yet all sent"
		return r, false, nil
	}
	r.Detail = "Waiting in the mailbox"
	return r, false, nil
}

// Check proves that our mailbox is there.
func (m *MESH) Check(ctx context.Context) error {
	if err := m.client.Handshake(ctx); err != nil {
		return judge(err)
	}
	return nil
}
